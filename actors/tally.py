"""Counts of what one book did, for reports. Nothing decides anything by them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from orchestrion.domain.models.command import CancelOrder, SubmitOrder
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.money import ZERO, add, multiply
from orchestrion.domain.models.report import ExternalFillReport, OrderFilledReport


class Tally:
    """Orders, fills, entries, exits, turnover, refusals of one book."""

    __slots__ = ("entries", "exits", "fills", "orders", "refusals", "turnover")

    STATE: ClassVar[Mapping[str, Any]] = {
        "orders": int,
        "fills": int,
        "entries": int,
        "exits": int,
        "turnover": Decimal,
        "refusals": dict[str, int],
    }

    def __init__(self) -> None:
        self.orders = 0
        self.fills = 0
        self.entries = 0
        self.exits = 0
        self.turnover = ZERO
        self.refusals: dict[str, int] = {}

    def approve(self, command: SubmitOrder | CancelOrder) -> None:
        if isinstance(command, SubmitOrder):
            self.orders += 1

    def refuse(self, code: str) -> None:
        self.refusals[code] = self.refusals.get(code, 0) + 1

    def fill(
        self,
        fill: OrderFilledReport | ExternalFillReport,
        held: Decimal,
        catalog: InstrumentCatalog,
    ) -> None:
        """Counts a fill; ``held`` is the signed quantity before it."""
        self.fills += 1
        if held and (held > 0) != (fill.side.sign > 0):
            self.exits += 1
        else:
            self.entries += 1
        multiplier = catalog.tradable(fill.instrument_id).multiplier
        notional = multiply(multiply(fill.last_qty, fill.last_px.copy_abs()), multiplier)
        self.turnover = add(self.turnover, notional)
