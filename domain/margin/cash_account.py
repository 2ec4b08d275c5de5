"""The cash account: nothing on credit.

Shares and bought options are held when they are paid in full, so their requirement is their market
value. Short sales, sold options and futures are not possible: their requirement is ``UNLIMITED``.

With ``allows_secured_options`` the two sold options of a US cash account are possible (Cboe margin
manual, cash account column): a call whose shares are held in full, and a put whose strike lies in
cash. In terms of equity, where the option's value is already taken off, the put binds strike less
value, and the call lowers what its shares bind by its value: the premium lies in cash.

Initial and maintenance are one figure here; a call on it means that cash has gone below zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from orchestrion.domain.margin.requirement import (
    REFUSED,
    UNLIMITED,
    Margin,
    held,
    notional_of,
    price_of,
)
from orchestrion.domain.models.instrument import (
    Equity,
    Future,
    InstrumentCatalog,
    OptionContract,
    OptionKind,
    Tradable,
)
from orchestrion.domain.models.money import ZERO, add, multiply, subtract
from orchestrion.domain.models.portfolio import Marks


class CashAccountModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Long only, paid in full.

    Attributes:
        allows_secured_options: also covered calls and cash-secured puts.
    """

    allows_secured_options: bool = False

    def margin_of(
        self,
        quantities: Mapping[str, Decimal],
        catalog: InstrumentCatalog,
        marks: Marks,
        *,
        now: int,  # noqa: ARG002 - the protocol's; nothing here has a calendar
    ) -> Margin:
        """See ``MarginModel.margin_of``."""
        positions = [(catalog.tradable(key), quantity) for key, quantity in held(quantities)]
        if not all(self._may_hold(instrument, quantity) for instrument, quantity in positions):
            return REFUSED
        bound = _paid_in_full(positions, marks)
        for underlying_id, calls in _calls_by_underlying(positions).items():
            shares = _shares_of(underlying_id, positions)
            bound = add(bound, _covered_calls(calls, shares, underlying_id, marks))
        return Margin(bound, bound)

    def is_coupled(self, instrument: Tradable) -> bool:
        """Shares only where a sold call may rest on them."""
        return self.allows_secured_options and isinstance(instrument, (Equity, OptionContract))

    def _may_hold(self, instrument: Tradable, quantity: Decimal) -> bool:
        if isinstance(instrument, Future):
            return False
        return quantity > 0 or (
            self.allows_secured_options and isinstance(instrument, OptionContract)
        )


def _paid_in_full(positions: list[tuple[Tradable, Decimal]], marks: Marks) -> Decimal:
    """Of everything but sold calls, which lean on other positions."""
    total = ZERO
    for instrument, quantity in positions:
        value = notional_of(instrument, quantity, price_of(marks, instrument.instrument_id))
        if quantity > 0:
            total = add(total, value)
        elif isinstance(instrument, OptionContract) and instrument.option_kind is OptionKind.PUT:
            strike = notional_of(instrument, quantity, instrument.strike)
            total = add(total, max(subtract(strike, value), ZERO))
    return total


def _calls_by_underlying(
    positions: list[tuple[Tradable, Decimal]],
) -> dict[str, list[tuple[OptionContract, Decimal]]]:
    found: dict[str, list[tuple[OptionContract, Decimal]]] = {}
    for instrument, quantity in positions:
        if (
            quantity < 0
            and isinstance(instrument, OptionContract)
            and instrument.option_kind is OptionKind.CALL
        ):
            found.setdefault(instrument.underlying_id, []).append((instrument, quantity))
    return found


def _shares_of(underlying_id: str, positions: list[tuple[Tradable, Decimal]]) -> Decimal:
    for instrument, quantity in positions:
        if instrument.instrument_id == underlying_id and isinstance(instrument, Equity):
            return multiply(quantity, instrument.multiplier)
    return ZERO


def _covered_calls(
    calls: list[tuple[OptionContract, Decimal]],
    shares: Decimal,
    underlying_id: str,
    marks: Marks,
) -> Decimal:
    """What sold calls add to the requirement of their shares, <= 0; ``UNLIMITED`` uncovered."""
    units = value = ZERO
    for option, quantity in calls:
        covered = multiply(quantity.copy_abs(), option.multiplier)
        units = add(units, covered)
        if units > shares:
            return UNLIMITED
        share_price = price_of(marks, underlying_id)
        # A call above its share would be a stale mark; it must not turn into a loan.
        credit = min(price_of(marks, option.instrument_id), share_price)
        value = add(value, multiply(covered, credit))
    return value.copy_negate()
