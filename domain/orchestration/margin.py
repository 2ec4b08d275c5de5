"""What positions bind: initial and maintenance margin of one book.

Requirements are amounts of *equity* (cash plus market value, so premiums received and short sale
proceeds are in it already and a short option's value is already taken out):

- Equity: notional x the instrument's long or short fraction, initial and maintenance alike.
- Future: the instrument's margins per contract.
- Long option: its market value; it lends nothing.
- Short option, as for a broad-based index: 15 % of the underlying less the amount out of the money,
  at least 10 % of the underlying (call) or of the strike (put). Source: Cboe margin manual.
- Short option covered by a long one of the same kind that lives at least as long: the width of the
  strikes against us, when that is less than the naked requirement.
- Short calls and short puts on one underlying cannot both lose: the greater side counts.

Which long leg covers which short one is chosen so that the requirement is least. Only that makes
requirements subadditive (together never more than apart), on which the budget rule rests: pairing
the nearest strikes first can bind more for two spreads than for each alone. Size: the search is a
shortest-path search per short leg, for each underlying and kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

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

NAKED_FRACTION = Decimal("0.15")
NAKED_FLOOR_FRACTION = Decimal("0.10")


class Margin(msgspec.Struct, frozen=True, gc=False):
    """Equity that positions bind, account currency."""

    initial: Decimal
    maintenance: Decimal


NO_MARGIN = Margin(ZERO, ZERO)


class UnpricedError(Exception):
    """Internal: a requirement needs a price that was not seen yet; refused as NO_PRICE."""

    def __init__(self, instrument_id: str) -> None:
        super().__init__(instrument_id)
        self.instrument_id = instrument_id


def margin_of(
    quantities: Mapping[str, Decimal], catalog: InstrumentCatalog, marks: Marks
) -> Margin:
    """Margin of signed quantities held together in one book; zeros are skipped.

    Raises:
        UnpricedError: an instrument or underlying has no mark.
    """
    if len(quantities) == 1:  # most books hold one thing, and every order asks
        ((instrument_id, quantity),) = quantities.items()
        only = catalog.tradable(instrument_id)
        if not isinstance(only, OptionContract):
            return _linear_margin(only, quantity, marks) if quantity else NO_MARGIN
    initial = maintenance = ZERO
    options: dict[str, list[tuple[OptionContract, Decimal]]] = {}
    for instrument_id, quantity in quantities.items():
        if not quantity:
            continue
        instrument = catalog.tradable(instrument_id)
        if isinstance(instrument, OptionContract):
            options.setdefault(instrument.underlying_id, []).append((instrument, quantity))
        else:
            one = _linear_margin(instrument, quantity, marks)
            initial, maintenance = add(initial, one.initial), add(maintenance, one.maintenance)
    for underlying_id, legs in options.items():
        bound = _option_margin(underlying_id, legs, marks)
        initial, maintenance = add(initial, bound), add(maintenance, bound)
    return Margin(initial, maintenance)


def _linear_margin(instrument: Equity | Future, quantity: Decimal, marks: Marks) -> Margin:
    if isinstance(instrument, Future):
        contracts = quantity.copy_abs()
        return Margin(
            multiply(contracts, instrument.initial_margin),
            multiply(contracts, instrument.maintenance_margin),
        )
    is_long = quantity > 0
    fraction = instrument.long_margin_fraction if is_long else instrument.short_margin_fraction
    bound = multiply(_notional(instrument, quantity, marks), fraction)
    return Margin(bound, bound)


def _option_margin(
    underlying_id: str, legs: Iterable[tuple[OptionContract, Decimal]], marks: Marks
) -> Decimal:
    longs: list[tuple[OptionContract, Decimal]] = []
    shorts: list[tuple[OptionContract, Decimal]] = []
    long_value = ZERO
    for option, quantity in legs:
        if quantity > 0:
            longs.append((option, quantity))
            long_value = add(long_value, _notional(option, quantity, marks))
        else:
            shorts.append((option, quantity.copy_abs()))
    if not shorts:
        return long_value
    underlying = _price(marks, underlying_id)
    calls, puts = (
        _least_requirement(_of_kind(shorts, kind), _of_kind(longs, kind), underlying)
        for kind in (OptionKind.CALL, OptionKind.PUT)
    )
    return add(long_value, max(calls, puts))


def _of_kind(
    legs: list[tuple[OptionContract, Decimal]], kind: OptionKind
) -> list[tuple[OptionContract, Decimal]]:
    return [leg for leg in legs if leg[0].option_kind is kind]


def _least_requirement(
    shorts: list[tuple[OptionContract, Decimal]],
    longs: list[tuple[OptionContract, Decimal]],
    underlying: Decimal,
) -> Decimal:
    covering = _Covering(
        naked=[
            multiply(_naked_requirement(short, underlying), short.multiplier) for short, _ in shorts
        ],
        widths=[
            [
                multiply(_width(long, short), short.multiplier) if _can_cover(long, short) else None
                for long, _ in longs
            ]
            for short, _ in shorts
        ],
        free=[quantity for _, quantity in longs],
    )
    total = ZERO
    for i, (_, quantity) in enumerate(shorts):
        total = add(total, covering.place(i, quantity))
    return total


class _Covering:
    """Short legs placed one by one, each on a long leg or naked, at the least cost in all.

    A minimum-cost flow by successive shortest paths: a new short leg may take a long one over from
    an earlier short leg, which then finds the next best place. Costs are per contract.
    """

    __slots__ = ("_free", "_naked", "_used", "_widths")

    def __init__(
        self, *, naked: list[Decimal], widths: list[list[Decimal | None]], free: list[Decimal]
    ) -> None:
        self._naked = naked
        self._widths = widths
        self._free = free
        self._used = [[ZERO] * len(free) for _ in naked]

    def place(self, start: int, quantity: Decimal) -> Decimal:
        """Places a short leg and returns by how much the cost of all rises."""
        total = ZERO
        # Each step uses up the leg, a long leg or an earlier pair; all are whole lots.
        while quantity:
            cost, end, cover, origins = self._cheapest(start)
            amount = quantity if cover is None else min(quantity, self._free[cover])
            one = end
            while one != start:
                before, taken = origins[one]
                amount = min(amount, self._used[one][taken])
                one = before
            self._shift(start, end, cover, origins, amount)
            total = add(total, multiply(cost, amount))
            quantity = subtract(quantity, amount)
        return total

    def _cheapest(self, start: int) -> tuple[Decimal, int, int | None, dict[int, tuple[int, int]]]:
        """(cost, last short leg, its new cover or None, short leg -> (who takes over, what))."""
        costs = {start: ZERO}
        origins: dict[int, tuple[int, int]] = {}
        waiting = [start]
        while waiting:
            taker = waiting.pop(0)
            for cover, width in enumerate(self._widths[taker]):
                if width is None:
                    continue
                for giver, used in enumerate(self._used):
                    given = self._widths[giver][cover]
                    if not used[cover] or giver == taker or given is None:
                        continue
                    cost = subtract(add(costs[taker], width), given)
                    if giver not in costs or cost < costs[giver]:
                        costs[giver] = cost
                        origins[giver] = (taker, cover)
                        waiting.append(giver)
        ends: list[tuple[Decimal, int, int | None]] = []
        for one, cost in costs.items():
            ends.append((add(cost, self._naked[one]), one, None))
            ends.extend(
                (add(cost, width), one, cover)
                for cover, width in enumerate(self._widths[one])
                if width is not None and self._free[cover]
            )
        least = min(ends, key=lambda end: end[0])
        return (*least, origins)

    def _shift(
        self,
        start: int,
        end: int,
        cover: int | None,
        origins: dict[int, tuple[int, int]],
        amount: Decimal,
    ) -> None:
        if cover is not None:
            self._free[cover] = subtract(self._free[cover], amount)
            self._used[end][cover] = add(self._used[end][cover], amount)
        while end != start:
            taker, taken = origins[end]
            self._used[end][taken] = subtract(self._used[end][taken], amount)
            self._used[taker][taken] = add(self._used[taker][taken], amount)
            end = taker


def _can_cover(long: OptionContract, short: OptionContract) -> bool:
    return (
        long.option_kind is short.option_kind
        and long.expiry_ts >= short.expiry_ts
        and long.multiplier == short.multiplier
    )


def _width(long: OptionContract, short: OptionContract) -> Decimal:
    """What the pair can lose per unit: the strikes' distance when it is against us, else 0."""
    if short.option_kind is OptionKind.CALL:
        return max(subtract(long.strike, short.strike), ZERO)
    return max(subtract(short.strike, long.strike), ZERO)


def _naked_requirement(option: OptionContract, underlying: Decimal) -> Decimal:
    if option.option_kind is OptionKind.CALL:
        out_of_the_money = max(subtract(option.strike, underlying), ZERO)
        floor = multiply(NAKED_FLOOR_FRACTION, underlying)
    else:
        out_of_the_money = max(subtract(underlying, option.strike), ZERO)
        floor = multiply(NAKED_FLOOR_FRACTION, option.strike)
    # An underlying below zero (oil has been) must not turn a requirement into a loan.
    return max(subtract(multiply(NAKED_FRACTION, underlying), out_of_the_money), floor, ZERO)


def _notional(instrument: Tradable, quantity: Decimal, marks: Marks) -> Decimal:
    price = _price(marks, instrument.instrument_id)
    return multiply(multiply(quantity.copy_abs(), price.copy_abs()), instrument.multiplier)


def _price(marks: Marks, instrument_id: str) -> Decimal:
    price = marks.price(instrument_id)
    if price is None:
        raise UnpricedError(instrument_id)
    return price
