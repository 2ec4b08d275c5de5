"""The rates of the catalogue: every share by its own fractions, every future by its margins.

This is the rule of ``orchestration.margin`` behind the protocol. Its options know one rate (a
broad-based index), no shares as cover, and count no premium of a short leg; it needs no settings
and is what an account has that names no model.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from orchestrion.domain.margin.requirement import Margin
from orchestrion.domain.models.instrument import InstrumentCatalog, OptionContract, Tradable
from orchestrion.domain.models.portfolio import Marks
from orchestrion.domain.orchestration.margin import margin_of


class InstrumentRatesModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fractions and margins of the instruments themselves."""

    def margin_of(
        self,
        quantities: Mapping[str, Decimal],
        catalog: InstrumentCatalog,
        marks: Marks,
        *,
        now: int,  # noqa: ARG002 - the protocol's; nothing here has a calendar
    ) -> Margin:
        """See ``MarginModel.margin_of``."""
        return margin_of(quantities, catalog, marks)

    def is_coupled(self, instrument: Tradable) -> bool:
        """Only options."""
        return isinstance(instrument, OptionContract)
