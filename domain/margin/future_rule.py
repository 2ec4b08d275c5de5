"""Futures: the exchange's initial and maintenance margin per contract.

Positions in several expiries of one underlying move nearly together, and clearing houses charge a
calendar spread less than its two outrights. ``calendar_credit_fraction`` is how much of that
offset is granted: with c, futures on one underlying bind

    (1 - c) x the sum of all outright margins  +  c x the net of longs against shorts

An outright position is not touched by it; a spread of equal margins M binds 2 (1 - c) M. Both terms
are subadditive, so their mix is, which a flat charge per spread would not be on its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from orchestrion.domain.margin.requirement import Margin, check_fraction, total_of
from orchestrion.domain.models.instrument import Future
from orchestrion.domain.models.money import ONE, ZERO, add, multiply, subtract


class FutureRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Attributes:
        calendar_credit_fraction: share of the offset between expiries that is granted, 0 to 1.
    """

    calendar_credit_fraction: Decimal = ZERO

    def __post_init__(self) -> None:
        """
        Raises:
            ConfigurationError: a credit outside 0 to 1.
        """
        check_fraction("calendar_credit_fraction", self.calendar_credit_fraction)

    def margin_of(self, positions: Iterable[tuple[Future, Decimal]]) -> Margin:
        """Margin of signed quantities of futures, on any underlyings."""
        by_underlying: dict[str, list[tuple[Future, Decimal]]] = {}
        for future, quantity in positions:
            by_underlying.setdefault(future.underlying_id, []).append((future, quantity))
        return total_of(
            Margin(
                self._bound([(one.initial_margin, quantity) for one, quantity in group]),
                self._bound([(one.maintenance_margin, quantity) for one, quantity in group]),
            )
            for group in by_underlying.values()
        )

    def _bound(self, group: list[tuple[Decimal, Decimal]]) -> Decimal:
        gross = net = ZERO
        for per_contract, quantity in group:
            signed = multiply(per_contract, quantity)
            gross, net = add(gross, signed.copy_abs()), add(net, signed)
        credit = self.calendar_credit_fraction
        if not credit:
            return gross
        return add(multiply(subtract(ONE, credit), gross), multiply(credit, net.copy_abs()))
