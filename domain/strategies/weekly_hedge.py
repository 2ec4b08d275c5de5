"""A hedge of bought options with few days to live, which is rolled before each set expires.

The hedge is one pool for all open structures. ``targets`` are the options that it should hold now,
``retired`` those of an earlier week that are still to be sold. ``plan_hedge`` compares the wanted
quantity with the own book and says which legs to trade: buying more, selling the surplus, and the
roll (sell the retired, buy the targets) are one and the same comparison, so that a refused or
half-filled order repairs itself with the next event.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec

from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.instrument import OptionKind
from orchestrion.domain.models.money import ZERO, add, round_down_to_step, subtract
from orchestrion.domain.models.option_structure import OptionLeg
from orchestrion.domain.models.order import Leg, OrderSide
from orchestrion.domain.models.portfolio import Book
from orchestrion.domain.models.strategy import StrategyView
from orchestrion.domain.strategies.open_structure import order_leg
from orchestrion.domain.strategies.option_market import OptionMarket, StrikePicker, StrikeTarget


class HedgeRules(msgspec.Struct, frozen=True):
    """What is bought: the option kinds, where, how many days from expiry, and when it is rolled."""

    option_kinds: tuple[OptionKind, ...]
    where: StrikeTarget
    days_min: int
    days_max: int
    roll_days: int


class HedgeState(msgspec.Struct, frozen=True):
    """The options of the pool; how many are held only the book knows."""

    targets: tuple[OptionLeg, ...] = ()
    retired: tuple[OptionLeg, ...] = ()

    @property
    def instrument_ids(self) -> tuple[str, ...]:
        return tuple(leg.instrument_id for leg in (*self.targets, *self.retired))


class HedgePlan(msgspec.Struct, frozen=True):
    """The next state and the legs to trade.

    ``is_ready``: the hedge is, or will be with these legs, as wanted. False while an order of it
    is under way, or when the chain offers nothing to hedge with.
    """

    state: HedgeState
    legs: tuple[Leg, ...] = ()
    is_ready: bool = True


def plan_hedge(
    state: HedgeState,
    market: OptionMarket,
    rules: HedgeRules,
    *,
    wanted: Decimal,
    is_taken: Callable[[str], bool],
) -> HedgePlan:
    """What the hedge needs for a wanted quantity of contracts per option kind."""
    if any(instrument_id in market.busy for instrument_id in state.instrument_ids):
        return HedgePlan(state, is_ready=False)
    state = _without_the_gone(state, market)
    if wanted and _needs_options(state, market, rules):
        chosen = _choose(market, rules, is_taken)
        if chosen is None:
            # A hedge that is nearly over is better than none: keep it until there is a next one.
            return HedgePlan(state, is_ready=False)
        state = HedgeState(chosen, (*state.retired, *state.targets))
    return HedgePlan(state, _legs(state, market, wanted))


def hedge_order(view: StrategyView, legs: tuple[Leg, ...]) -> SubmitOrder:
    """One order for the legs of a plan; it may only reduce when all of them sell."""
    sells_only = all(leg.side is OrderSide.SELL for leg in legs)
    buys_only = all(leg.side is OrderSide.BUY for leg in legs)
    act = "reduce" if sells_only else "add" if buys_only else "roll"
    return SubmitOrder(
        strategy_id=view.strategy_id, legs=legs, reduce_only=sells_only, label=f"hedge {act}"
    )


def _without_the_gone(state: HedgeState, market: OptionMarket) -> HedgeState:
    """Forgets what is not held: sold, expired, or never bought because the order was refused."""
    book = market.view.book
    return HedgeState(_held(state.targets, book), _held(state.retired, book))


def _held(legs: tuple[OptionLeg, ...], book: Book) -> tuple[OptionLeg, ...]:
    return tuple(leg for leg in legs if book.quantity(leg.instrument_id))


def _needs_options(state: HedgeState, market: OptionMarket, rules: HedgeRules) -> bool:
    if len(state.targets) < len(rules.option_kinds):
        return True
    return any(market.days_to(leg.expiry_ts) <= rules.roll_days for leg in state.targets)


def _choose(
    market: OptionMarket, rules: HedgeRules, is_taken: Callable[[str], bool]
) -> tuple[OptionLeg, ...] | None:
    """One option of each kind at the next weekly expiry, or None when one cannot be had."""
    expiry_ts = market.choose_expiry(rules.days_min, rules.days_max)
    if expiry_ts is None:
        return None
    picker = StrikePicker(market, expiry_ts, is_taken)
    quotes = [picker.pick(kind, OrderSide.BUY, rules.where) for kind in rules.option_kinds]
    legs = [OptionLeg.from_quote(quote, Decimal(1)) for quote in quotes if quote is not None]
    return tuple(legs) if len(legs) == len(quotes) else None


def _legs(state: HedgeState, market: OptionMarket, wanted: Decimal) -> tuple[Leg, ...]:
    goals = [(option, ZERO) for option in state.retired]
    goals += [(option, _in_lots(option, wanted, market)) for option in state.targets]
    legs: list[Leg] = []
    for option, quantity in goals:
        change = subtract(quantity, market.view.quantity(option.instrument_id))
        if change > 0 or (change < 0 and _has_bid(option, market)):
            legs.append(order_leg(option.instrument_id, change))
    return tuple(legs)


def _in_lots(option: OptionLeg, wanted: Decimal, market: OptionMarket) -> Decimal:
    """Rounded up to whole lots: half a hedge for one contract is one contract, not none."""
    lot_size = market.view.instruments.tradable(option.instrument_id).lot_size
    whole = round_down_to_step(wanted, lot_size)
    return whole if whole == wanted else add(whole, lot_size)


def _has_bid(option: OptionLeg, market: OptionMarket) -> bool:
    """An option for which nobody bids is left to expire; so is one that has ended."""
    if option.expiry_ts <= market.now:
        return False
    quote = market.quote_of(option)
    return quote is not None and quote.bid > 0
