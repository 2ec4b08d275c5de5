"""The contract of every source of historical market data.

A source gives instruments and slices, and says what it is: a name, notes that outputs must show
(for instance that quotes are modelled), and a fingerprint of its content, which a journal's header
carries instead of a copy of the data. ``tests/contract/data_source_contract.py`` is the same
contract as tests; an implementation subclasses it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Protocol

from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.market import MarketSlice


class DataSource(Protocol):
    """Historical market data in time order. Reading it changes nothing."""

    @property
    def name(self) -> str:
        """What tables and logs call this source, e.g. ``bundled``."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What every output that rests on this data must say; may be empty."""
        ...

    def catalog(self) -> InstrumentCatalog:
        """All instruments that the slices can name, and perhaps more."""
        ...

    def slices(self) -> Iterator[MarketSlice]:
        """The data with strictly increasing ``ts_event``; every call starts anew.

        Raises:
            MarketDataError: data that no strategy may see; the message names file and place.
        """
        ...

    def slice_count(self) -> int | None:
        """How many slices there are, or None where only reading them would tell."""
        ...

    def fingerprint(self) -> str:
        """sha256, as hex, of the content: same content, same value, wherever the files lie."""
        ...


def content_fingerprint(parts: Iterable[bytes]) -> str:
    """sha256 over the parts, each with its length, so that no two lists of parts look the same."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()
