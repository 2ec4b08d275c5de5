"""What option structures bind, in terms of equity, and the least sum for what is held together.

The underlying either rises, against short calls, or falls, against short puts. For each case both
sides are matched into structures so that their costs are least, and the dearer case counts:

    requirement = max(calls adverse + puts benign, puts adverse + calls benign, 0)

    per unit                  adverse                       benign
    short option alone        naked (``option_rule``)       0
    long option alone         its value (lends if long-dated)
    spread                    V long - V short + width      V long - V short
    short option on shares    the shares' requirement less the option's time value

V is the mark. So a debit spread binds its debit, a credit spread its width less the credit, an iron
condor one side's width less both credits, and a short strangle the greater side: the other side's
premium, which the rules add, is already off the equity. Butterflies and boxes are sums of spreads.
Short calls rest on long shares, short puts on short ones.

Those are the published figures. They are not subadditive: a call spread for a credit plus the same
long call sold elsewhere can bind less apart than the short call binds alone when both are netted.
The budget rule cannot rest on that, so it has costs of its own, which are the published ones raised
to the least that obeys the triangle inequality (covering s by l and then selling l is never cheaper
than selling s):

    spread                    max(published, naked s - naked l, 0)      max(published, 0)
    short option on shares    max(the shares' requirement,              the shares' requirement
                                  naked s - the opposite share's)

A transport problem whose costs obey it has a subadditive least sum, and so has the maximum of sums.
What this costs: a credit spread close to the money binds up to its width, of an iron condor's
credits only that of the dearer side counts, and the premium of a covered call does not count.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

import msgspec

from orchestrion.domain.margin.leg_matching import least_cost
from orchestrion.domain.models.instrument import OptionContract, OptionKind
from orchestrion.domain.models.money import ZERO, add, subtract


class OptionHolding(msgspec.Struct, frozen=True, gc=False):
    """A held option; amounts per unit of its underlying (a contract is ``multiplier`` units).

    Attributes:
        units: > 0, long or short.
        value: the mark.
        naked: what it binds when it is sold and stands alone.
        alone: what it binds when it is bought and stands alone.
    """

    option: OptionContract
    units: Decimal
    value: Decimal
    naked: Decimal
    alone: Decimal


class StockHolding(msgspec.Struct, frozen=True, gc=False):
    """Shares of the underlying on the side that covers; amounts per share.

    Attributes:
        units: > 0, long beside calls and short beside puts.
        price: the mark.
        alone: what such a share binds.
        opposite: what a share on the other side would bind.
    """

    units: Decimal
    price: Decimal
    alone: Decimal
    opposite: Decimal


class OptionSide(msgspec.Struct, frozen=True, gc=False):
    """The calls, or the puts, on one underlying, and the shares that can cover them."""

    shorts: tuple[OptionHolding, ...] = ()
    longs: tuple[OptionHolding, ...] = ()
    stock: StockHolding | None = None


class StructureCosts(NamedTuple):
    """Costs per unit of what covers a short option; the flag says whether the case is adverse."""

    spread: Callable[[OptionHolding, OptionHolding, bool], Decimal]
    covered: Callable[[OptionHolding, StockHolding, bool], Decimal]


def _published_spread(short: OptionHolding, long: OptionHolding, is_adverse: bool) -> Decimal:
    debit = subtract(long.value, short.value)
    return add(debit, width(long.option, short.option)) if is_adverse else debit


def _published_covered(short: OptionHolding, stock: StockHolding, is_adverse: bool) -> Decimal:
    # Published: nothing for the option, and the share counts at no more than the strike.
    del is_adverse
    time_value = max(subtract(short.value, short.option.intrinsic_value(stock.price)), ZERO)
    return max(subtract(stock.alone, time_value), ZERO)


def _budget_spread(short: OptionHolding, long: OptionHolding, is_adverse: bool) -> Decimal:
    published = _published_spread(short, long, is_adverse)
    if not is_adverse:
        return max(published, ZERO)
    return max(published, subtract(short.naked, long.naked), ZERO)


def _budget_covered(short: OptionHolding, stock: StockHolding, is_adverse: bool) -> Decimal:
    if not is_adverse:
        return stock.alone
    return max(stock.alone, subtract(short.naked, stock.opposite))


PUBLISHED = StructureCosts(_published_spread, _published_covered)
BUDGET = StructureCosts(_budget_spread, _budget_covered)


def least_requirement(calls: OptionSide, puts: OptionSide, costs: StructureCosts) -> Decimal:
    """What options on one underlying bind together with the shares beside them."""
    rising = add(_least_cost(calls, costs, True), _least_cost(puts, costs, False))
    falling = add(_least_cost(puts, costs, True), _least_cost(calls, costs, False))
    return max(rising, falling, ZERO)


def _least_cost(side: OptionSide, costs: StructureCosts, is_adverse: bool) -> Decimal:
    stock = side.stock
    covers = [long.units for long in side.longs]
    cover_costs = [long.alone for long in side.longs]
    if stock is not None:
        covers.append(stock.units)
        cover_costs.append(stock.alone)
    return least_cost(
        shorts=[short.units for short in side.shorts],
        covers=covers,
        short_costs=[short.naked if is_adverse else ZERO for short in side.shorts],
        cover_costs=cover_costs,
        pair_costs=[_row(short, side, costs, is_adverse) for short in side.shorts],
    )


def _row(
    short: OptionHolding, side: OptionSide, costs: StructureCosts, is_adverse: bool
) -> list[Decimal | None]:
    row: list[Decimal | None] = [
        costs.spread(short, long, is_adverse) if can_cover(long.option, short.option) else None
        for long in side.longs
    ]
    if side.stock is not None:
        row.append(costs.covered(short, side.stock, is_adverse))
    return row


def can_cover(long: OptionContract, short: OptionContract) -> bool:
    """Whether the two make a spread: one kind and size, and the long one lives as long."""
    return (
        long.option_kind is short.option_kind
        and long.expiry_ts >= short.expiry_ts
        and long.multiplier == short.multiplier
    )


def width(long: OptionContract, short: OptionContract) -> Decimal:
    """What the pair can lose per unit at expiry: the strikes' distance when it is against us."""
    if short.option_kind is OptionKind.CALL:
        return max(subtract(long.strike, short.strike), ZERO)
    return max(subtract(short.strike, long.strike), ZERO)
