"""Netting inside the account: opposite sides trade with each other, only the rest goes out.

Two strategies that send a buy and a sell of one instrument would pay the spread and fees twice, and
the venue would see the account trade with itself. Instead the overlapping quantity is booked
between their books at a stated price: the mid of a fresh quote, else the last price. What one book
pays the other receives, there is no fee, so whatever the price is, no profit appears: equity over
all books stays as it was (tests/property/test_internal_cross.py).

Whom it concerns: orders of one leg that would trade at once at the cross price. Never a leg of a
structure (it could be left without the others), never a stop (it does not want to trade yet), never
fill-or-kill (half of it would be outside). Nobody trades beyond his limit.

When one side is heavier, its owners share the cross as they share the outside order that is left:
in proportion to what they ordered, by ``fill_split``. The order of arrival plays no part.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum

import msgspec

from orchestrion.domain.capital.rounded_share import exact_sum
from orchestrion.domain.models.command import ApprovedCommand, SubmitOrder
from orchestrion.domain.models.instrument import Tradable
from orchestrion.domain.models.market import QuoteTick
from orchestrion.domain.models.money import BILLIONTH, ZERO, add, divide, subtract
from orchestrion.domain.models.order import OrderSide, OrderType, TimeInForce
from orchestrion.domain.models.report import OrderFilledReport
from orchestrion.domain.netting.fill_split import OwnerShare, SharedOrder, split_cumulative

INTERNAL_VENUE_ORDER_ID = "INTERNAL"
"""What internal fills have in place of the venue's order id."""


class CrossBasis(StrEnum):
    """Where a cross price comes from."""

    MID = "MID"
    LAST = "LAST"


class CrossRefusalCode(StrEnum):
    NO_FRESH_PRICE = "NO_FRESH_PRICE"
    OUTSIDE_LIMIT = "OUTSIDE_LIMIT"
    SAME_STRATEGY = "SAME_STRATEGY"
    CROSSED_TOO_OFTEN = "CROSSED_TOO_OFTEN"


class CrossRefusal(msgspec.Struct, frozen=True):
    """Why something was not crossed. ``client_order_ids``: empty when it concerns all orders."""

    code: CrossRefusalCode
    detail: str
    client_order_ids: tuple[str, ...] = ()


class LastPrice(msgspec.Struct, frozen=True):
    """The last trade or close of an instrument."""

    price: Decimal
    ts_event: int


class CrossPrice(msgspec.Struct, frozen=True):
    """The price of a cross, per unit, and what it rests on."""

    price: Decimal
    basis: CrossBasis
    ts_event: int


class CrossPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How old a price may be, in nanoseconds; an age of exactly this still counts."""

    quote_age_max_ns: int
    last_price_age_max_ns: int


class CrossOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order that may be crossed. ``limit_price`` is None for a market order."""

    strategy_id: str
    client_order_id: str
    side: OrderSide
    quantity: Decimal
    limit_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    expire_ts: int | None = None


class ResidualOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What goes out after netting, for one owner or for several with the same terms."""

    instrument_id: str
    side: OrderSide
    quantity: Decimal
    limit_price: Decimal | None
    time_in_force: TimeInForce
    expire_ts: int | None
    owners: tuple[OwnerShare, ...]

    def shared(self, client_order_id: str, quantity_step: Decimal) -> SharedOrder:
        """The order as its fills will be divided."""
        return SharedOrder(
            client_order_id=client_order_id,
            instrument_id=self.instrument_id,
            side=self.side,
            owners=self.owners,
            quantity_step=quantity_step,
        )


class CrossResult(msgspec.Struct, frozen=True):
    """What netting came to.

    Attributes:
        price: at which the fills are; None when nothing was crossed.
        fills: one per order that traded inside, in rank order, without commission.
        residuals: what is left, in rank order of the first owner. Of one side: an order for all
            owners with the same terms. Of both sides, which only a refusal brings about: every
            order by itself, so that the caller can decide between them by another policy.
        refusals: why orders did not take part.
    """

    price: CrossPrice | None
    fills: tuple[OrderFilledReport, ...]
    residuals: tuple[ResidualOrder, ...]
    refusals: tuple[CrossRefusal, ...]

    @property
    def has_both_sides_left(self) -> bool:
        return len(dict.fromkeys(order.side for order in self.residuals)) > 1


def cross_order_of(approved: ApprovedCommand) -> CrossOrder | None:
    """The command as an order that may be crossed; None when it must go out as it is."""
    command = approved.command
    if not isinstance(command, SubmitOrder) or len(command.legs) != 1:
        return None
    if (
        command.order_type is OrderType.STOP_MARKET
        or command.stop_price is not None
        or command.time_in_force is TimeInForce.FOK
    ):
        return None
    leg = command.legs[0]
    return CrossOrder(
        strategy_id=approved.strategy_id,
        client_order_id=approved.client_order_id,
        side=leg.side,
        quantity=leg.quantity,
        limit_price=command.limit_price,
        time_in_force=command.time_in_force,
        expire_ts=command.expire_ts,
    )


def cross_price(
    quote: QuoteTick | None, last: LastPrice | None, *, now: int, policy: CrossPolicy
) -> CrossPrice | CrossRefusal:
    """The mid of a fresh quote, else a fresh last price, else a refusal.

    A crossed quote and a price from the future count as none. A mid with more than nine decimals is
    rounded down, like a mark.
    """
    if (
        quote is not None
        and _is_fresh(quote.ts_event, now, policy.quote_age_max_ns)
        and quote.bid_e9 <= quote.ask_e9
    ):
        mid = divide(add(quote.bid, quote.ask), Decimal(2), step=BILLIONTH, rounding="ROUND_FLOOR")
        return CrossPrice(mid, CrossBasis.MID, quote.ts_event)
    if last is not None and _is_fresh(last.ts_event, now, policy.last_price_age_max_ns):
        return CrossPrice(last.price, CrossBasis.LAST, last.ts_event)
    return CrossRefusal(CrossRefusalCode.NO_FRESH_PRICE, _why_stale(quote, last, now, policy))


def net_orders(
    orders: Sequence[CrossOrder],
    price: CrossPrice | CrossRefusal,
    *,
    instrument: Tradable,
    cross_id: str,
    now: int,
) -> CrossResult:
    """Crosses what overlaps and says what goes out.

    Args:
        orders: of one instrument, in rank order; ``cross_order_of`` says which may be here.
        price: what ``cross_price`` said. A refusal crosses nothing.
        cross_id: makes the trade ids; from the run, seq and index, like an order id.
        now: time of the deciding input.
    """
    if isinstance(price, CrossRefusal):
        return CrossResult(None, (), _residuals(orders, {}, instrument), (price,))
    refusals = [*_own_opponents(orders), *_beyond_limits(orders, price)]
    refused = {one for refusal in refusals for one in refusal.client_order_ids}
    taking_part = [order for order in orders if order.client_order_id not in refused]
    crossed = _crossed_quantities(taking_part, instrument.lot_size)
    fills = tuple(
        _internal_fill(order, quantity, price, instrument, f"{cross_id}-{index}", now)
        for index, order in enumerate(orders)
        if (quantity := crossed.get(order.client_order_id))
    )
    return CrossResult(
        price if fills else None, fills, _residuals(orders, crossed, instrument), tuple(refusals)
    )


def _is_fresh(ts_event: int, now: int, age_max_ns: int) -> bool:
    return 0 <= now - ts_event <= age_max_ns


def _why_stale(
    quote: QuoteTick | None, last: LastPrice | None, now: int, policy: CrossPolicy
) -> str:
    if quote is None:
        about_quote = "no quote"
    elif quote.bid_e9 > quote.ask_e9:
        about_quote = f"a crossed quote ({quote.bid:f} over {quote.ask:f})"
    else:
        age = now - quote.ts_event
        about_quote = f"a quote {age} ns old (at most {policy.quote_age_max_ns})"
    if last is None:
        return f"{about_quote}, no last price"
    age = now - last.ts_event
    return f"{about_quote}, a last price {age} ns old (at most {policy.last_price_age_max_ns})"


def _own_opponents(orders: Sequence[CrossOrder]) -> Iterable[CrossRefusal]:
    """A strategy on both sides would trade with itself: all its orders stay out."""
    for strategy_id in dict.fromkeys(order.strategy_id for order in orders):
        own = [order for order in orders if order.strategy_id == strategy_id]
        if any(order.side is not own[0].side for order in own):
            yield CrossRefusal(
                CrossRefusalCode.SAME_STRATEGY,
                f"{strategy_id} is on both sides",
                tuple(order.client_order_id for order in own),
            )


def _beyond_limits(orders: Sequence[CrossOrder], price: CrossPrice) -> Iterable[CrossRefusal]:
    for order in orders:
        limit = order.limit_price
        if limit is None:
            continue
        if price.price > limit if order.side is OrderSide.BUY else price.price < limit:
            yield CrossRefusal(
                CrossRefusalCode.OUTSIDE_LIMIT,
                f"{order.strategy_id}: {order.side} at {limit:f}, the {price.basis} is "
                f"{price.price:f}",
                (order.client_order_id,),
            )


def _crossed_quantities(orders: Sequence[CrossOrder], lot_size: Decimal) -> dict[str, Decimal]:
    """client_order_id -> quantity that trades inside."""
    sides = [[order for order in orders if order.side is side] for side in OrderSide]
    if not all(sides):
        return {}
    overlap = min(exact_sum(order.quantity for order in side) for side in sides)
    crossed: dict[str, Decimal] = {}
    for side in sides:
        shares = split_cumulative(overlap, [order.quantity for order in side], step=lot_size)
        for order, share in zip(side, shares, strict=True):
            crossed[order.client_order_id] = share
    return crossed


def _internal_fill(
    order: CrossOrder,
    quantity: Decimal,
    price: CrossPrice,
    instrument: Tradable,
    trade_id: str,
    now: int,
) -> OrderFilledReport:
    return OrderFilledReport(
        client_order_id=order.client_order_id,
        venue_order_id=INTERNAL_VENUE_ORDER_ID,
        trade_id=trade_id,
        leg_index=0,
        instrument_id=instrument.instrument_id,
        side=order.side,
        last_qty=quantity,
        last_px=price.price,
        commission=ZERO,
        ts_event=now,
    )


def _residuals(
    orders: Sequence[CrossOrder], crossed: dict[str, Decimal], instrument: Tradable
) -> tuple[ResidualOrder, ...]:
    remaining = [
        (order, left)
        for order in orders
        if (left := subtract(order.quantity, crossed.get(order.client_order_id, ZERO)))
    ]
    has_one_side = all(order.side is remaining[0][0].side for order, _ in remaining)
    groups: dict[tuple[object, ...], list[tuple[CrossOrder, Decimal]]] = {}
    for place, (order, left) in enumerate(remaining):
        terms = (order.limit_price, order.time_in_force, order.expire_ts)
        groups.setdefault(terms if has_one_side else (place,), []).append((order, left))
    return tuple(_residual(group, instrument) for group in groups.values())


def _residual(group: list[tuple[CrossOrder, Decimal]], instrument: Tradable) -> ResidualOrder:
    first = group[0][0]
    return ResidualOrder(
        instrument_id=instrument.instrument_id,
        side=first.side,
        quantity=exact_sum(left for _, left in group),
        limit_price=first.limit_price,
        time_in_force=first.time_in_force,
        expire_ts=first.expire_ts,
        owners=tuple(
            OwnerShare(order.strategy_id, order.client_order_id, left) for order, left in group
        ),
    )
