"""Slices that a program already has, as a data source: for tests and for embedding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from orchestrion.adapters.data.source import content_fingerprint
from orchestrion.domain.errors import MarketDataError
from orchestrion.domain.models.instrument import Instrument, InstrumentCatalog
from orchestrion.domain.models.market import MarketSlice

_FORMAT = b"in-memory-data-1"


class InMemoryData:
    """A data source over slices in memory."""

    def __init__(
        self,
        name: str,
        instruments: Iterable[Instrument],
        slices: Iterable[MarketSlice],
        *,
        notes: Iterable[str] = (),
        currency: str = "USD",
    ) -> None:
        """
        Raises:
            ConfigurationError: an instrument twice, or one that is not usable.
            MarketDataError: slices out of order, or an item of an unknown instrument.
        """
        self._name = name
        self._notes = tuple(notes)
        self._catalog = InstrumentCatalog(instruments, currency=currency)
        self._slices = tuple(slices)
        _check(name, self._catalog, self._slices)

    @property
    def name(self) -> str:
        return self._name

    @property
    def notes(self) -> tuple[str, ...]:
        return self._notes

    def catalog(self) -> InstrumentCatalog:
        return self._catalog

    def slices(self) -> Iterator[MarketSlice]:
        return iter(self._slices)

    def slice_count(self) -> int | None:
        return len(self._slices)

    def fingerprint(self) -> str:
        # JSON, for MessagePack stops at 64 bits and a volume in billionths may be longer.
        encode = msgspec.json.encode
        return content_fingerprint(
            (_FORMAT, encode(list(self._catalog)), *(encode(one) for one in self._slices))
        )


def _check(name: str, catalog: InstrumentCatalog, slices: tuple[MarketSlice, ...]) -> None:
    last_ts: int | None = None
    for position, one in enumerate(slices):
        where = f"{name}, slice {position}"
        if last_ts is not None and one.ts_event <= last_ts:
            raise MarketDataError(f"{where}: ts_event {one.ts_event} is not after {last_ts}")
        last_ts = one.ts_event
        for item in one.items:
            if item.instrument_id not in catalog:
                raise MarketDataError(f"{where}: unknown instrument {item.instrument_id!r}")
