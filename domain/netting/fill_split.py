"""The fill of one outside order, divided among the strategies that it was netted for.

Webster's method (Sainte-Laguë), cumulatively. Think of the order as a row of steps, each a lot: the
k-th step of an owner with weight w stands at priority w / (2k - 1), all steps are lined up by
priority, ties by rank, and whatever is filled is the beginning of that row. So with every partial
fill each owner's part stays or grows and never turns negative, and when all is filled everybody has
exactly what he ordered. Largest remainder is fairer for one split alone, but as the total grows a
part can shrink: an owner would be told to give back what was filled for him.

Fees stand in such a row too, by cents. They are shared by what was ordered and not by what one fill
happened to bring, because a venue's minimum fee often falls on the first fill. So an owner can bear
a fee before his first lot arrives; ``FillSplit.fee_shares`` holds those.

Size: a split is computed from the total, not step by step; its cost is owners², whatever the size.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import msgspec

from orchestrion.domain.capital.rounded_share import exact_sum
from orchestrion.domain.models.money import (
    CENT,
    EXACT,
    ZERO,
    add,
    is_multiple,
    multiply,
    negate,
    subtract,
)
from orchestrion.domain.models.order import OrderSide, OwnerShare
from orchestrion.domain.models.report import OrderFilledReport

__all__ = ["FeeShare", "FillSplit", "OwnerShare", "SharedOrder", "split_cumulative", "split_fill"]


class SharedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An outside order of several owners, and how far it has come.

    Attributes:
        client_order_id: under which the venue knows it.
        owners: in rank order.
        quantity_step: in what quantities are given out; the instrument's lot.
        filled, fees: so far, over all owners.
    """

    client_order_id: str
    instrument_id: str
    side: OrderSide
    owners: tuple[OwnerShare, ...]
    quantity_step: Decimal
    filled: Decimal = ZERO
    fees: Decimal = ZERO

    def __post_init__(self) -> None:
        """
        Raises:
            ValueError: no owners, or one whose quantity cannot be given out in whole steps.
        """
        if not self.owners:
            raise ValueError(f"shared order {self.client_order_id!r} has no owners")
        for owner in self.owners:
            if owner.quantity <= 0 or not is_multiple(owner.quantity, self.quantity_step):
                raise ValueError(
                    f"{owner.strategy_id}: {owner.quantity} is no positive multiple of the step "
                    f"{self.quantity_step}"
                )

    @property
    def quantity(self) -> Decimal:
        return exact_sum(owner.quantity for owner in self.owners)

    def filled_by_owner(self) -> tuple[Decimal, ...]:
        """What each owner has got so far, in rank order."""
        return split_cumulative(self.filled, self._shares(), step=self.quantity_step)

    def fees_by_owner(self) -> tuple[Decimal, ...]:
        """What each owner has been charged so far, in rank order."""
        return split_cumulative(self.fees, self._shares(), step=CENT)

    def _shares(self) -> tuple[Decimal, ...]:
        return tuple(owner.quantity for owner in self.owners)


class FeeShare(msgspec.Struct, frozen=True):
    """A fee of an owner who got nothing by this fill; book it with ``cash_flow.charge_fee``."""

    strategy_id: str
    amount: Decimal


class FillSplit(msgspec.Struct, frozen=True):
    """What one fill of a shared order means.

    Attributes:
        order: the order after the fill.
        fills: one per owner who got something, in rank order, as fills of the owners' own orders.
        fee_shares: fees of owners who got nothing this time.
    """

    order: SharedOrder
    fills: tuple[OrderFilledReport, ...]
    fee_shares: tuple[FeeShare, ...]


def split_cumulative(
    total: Decimal, shares_in_rank_order: Sequence[Decimal], *, step: Decimal
) -> tuple[Decimal, ...]:
    """Each owner's part of everything so far; the difference of two calls is one fill's part.

    Args:
        total: filled so far. What is no whole step goes to the owner of the next step. A negative
            total (a rebate) is split like a positive one. Above the sum of the shares (an overfill)
            the row simply goes on.
        shares_in_rank_order: what each owner ordered, > 0, in multiples of the step where the total
            is a quantity.
        step: the smallest unit, > 0.

    Returns:
        Parts that sum to ``total``; none shrinks when the total grows, none is above its share
        while the total is not above the shares' sum.

    Raises:
        ValueError: no shares, or one that is not positive.

    Source: Webster's divisor method, Balinski & Young, Fair Representation (house monotone).
    """
    if not all(share.is_finite() and share > 0 for share in shares_in_rank_order):
        raise ValueError(f"shares must be finite and above 0, got {list(shares_in_rank_order)}")
    if not shares_in_rank_order:
        raise ValueError("a fill without owners cannot be split")
    size = total.copy_abs()
    weights = _whole_numbers(shares_in_rank_order)
    whole = int(EXACT.divide_int(size, step))
    steps = _first_steps(whole, weights)
    parts = [multiply(Decimal(count), step) for count in steps]
    rest = subtract(size, multiply(Decimal(whole), step))
    if rest:
        following = _next_owner(steps, weights)
        parts[following] = add(parts[following], rest)
    return tuple(parts) if total >= 0 else tuple(negate(part) for part in parts)


def split_fill(order: SharedOrder, fill: OrderFilledReport) -> FillSplit:
    """Divides one fill, quantity and commission, among the owners.

    The owners' trade ids are the venue's with the owner's place: unique, and the same on a resend.
    An overfill is divided too; telling of it is the business of whoever watches the order.

    Raises:
        ValueError: the fill is of another order, instrument or side.
    """
    _check_fill(order, fill)
    after = msgspec.structs.replace(
        order, filled=add(order.filled, fill.last_qty), fees=add(order.fees, fill.commission)
    )
    quantities = _differences(order.filled_by_owner(), after.filled_by_owner())
    fees = _differences(order.fees_by_owner(), after.fees_by_owner())
    fills: list[OrderFilledReport] = []
    fee_shares: list[FeeShare] = []
    for place, owner in enumerate(order.owners):
        if quantities[place]:
            fills.append(_owner_fill(fill, place, owner, quantities[place], fees[place]))
        elif fees[place]:
            fee_shares.append(FeeShare(owner.strategy_id, fees[place]))
    return FillSplit(after, tuple(fills), tuple(fee_shares))


def _check_fill(order: SharedOrder, fill: OrderFilledReport) -> None:
    told = (fill.client_order_id, fill.instrument_id, fill.side)
    if told != (order.client_order_id, order.instrument_id, order.side):
        raise ValueError(
            f"trade {fill.trade_id!r} is a {fill.side} of {fill.instrument_id} for order "
            f"{fill.client_order_id!r}; the shared order {order.client_order_id!r} is a "
            f"{order.side} of {order.instrument_id}"
        )


def _owner_fill(
    fill: OrderFilledReport, place: int, owner: OwnerShare, quantity: Decimal, fee: Decimal
) -> OrderFilledReport:
    return msgspec.structs.replace(
        fill,
        client_order_id=owner.client_order_id,
        trade_id=f"{fill.trade_id}/{place}",
        leg_index=0,
        last_qty=quantity,
        commission=fee,
    )


def _differences(before: Sequence[Decimal], after: Sequence[Decimal]) -> list[Decimal]:
    return [subtract(late, early) for early, late in zip(before, after, strict=True)]


def _whole_numbers(shares: Sequence[Decimal]) -> list[int]:
    """The shares over a common denominator: only their ratio counts."""
    exponent = min(0, *(int(share.as_tuple().exponent) for share in shares))
    return [int(EXACT.scaleb(share, -exponent)) for share in shares]


def _first_steps(count: int, weights: Sequence[int]) -> list[int]:
    """How many of the first ``count`` steps of the row belong to each owner.

    Starts from every step whose priority is above total / (2 x count), which is a beginning of the
    row too, of nearly the right length, and goes forward or back the few steps that are missing.
    """
    if not count:
        return [0] * len(weights)
    total = sum(weights)
    steps = [((2 * weight * count - 1) // total + 1) // 2 for weight in weights]
    for _ in range(count - sum(steps)):
        steps[_next_owner(steps, weights)] += 1
    for _ in range(sum(steps) - count):
        steps[_last_owner(steps, weights)] -= 1
    return steps


def _next_owner(steps: Sequence[int], weights: Sequence[int]) -> int:
    """Whose step comes next: the greatest priority, ties to the better rank."""
    return min(range(len(steps)), key=lambda i: (-Fraction(weights[i], 2 * steps[i] + 1), i))


def _last_owner(steps: Sequence[int], weights: Sequence[int]) -> int:
    """Whose step came last: the least priority, ties to the worse rank."""
    owners = [i for i in range(len(steps)) if steps[i]]
    return max(owners, key=lambda i: (-Fraction(weights[i], 2 * steps[i] - 1), i))
