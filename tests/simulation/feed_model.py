"""F10: a feed that repeats, skips, comes late, and says things that are no prices.

The true market is a walk of a cent here and there. Each message of it may be damaged on the way;
a damaged one carries the name of what is wrong with it, so that a checker knows what has to be
refused, and that everything else has to pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from orchestrion.domain.models.market import Bar, MarketData, MarketSlice, QuoteTick, TradeTick
from tests.simulation.chance import Chance
from tests.simulation.clock_model import ClockModel
from tests.simulation.faults import Fault, FaultPlan
from tests.simulation.market import E9, INDEX_ID, MINUTE_NS, STRANGE_ID, TRADED

BURST = 30
NOT_PRICES: tuple[Any, ...] = (
    float("nan"),
    float("inf"),
    -float("inf"),
    5e-324,
    0,
    -1,
    10**18 * E9,
    None,
    "100",
    True,
)
STALE_AFTER_NS = 2 * 86_400 * E9


@dataclass
class Message:
    """What a feed hands over.

    Attributes:
        bad_ids: instruments whose items must be refused.
        is_bad: all of it must be refused.
        gap: whether numbers are missing before it.
    """

    market_slice: MarketSlice
    sequence: int
    arrival_ns: int
    bad_ids: tuple[str, ...] = ()
    is_bad: bool = False
    gap: bool = False


class FeedModel:
    """See the module's text.

    Attributes:
        prices_e9: of the true market, by instrument.
    """

    def __init__(self, chance: Chance, plan: FaultPlan, clock: ClockModel) -> None:
        self.prices_e9 = {one.instrument_id: one.start_e9 for one in TRADED}
        self._chance = chance
        self._plan = plan
        self._clock = clock
        self._sequence = 0
        self._last: Message | None = None
        self._last_taken: Message | None = None
        # A first price has nothing to jump from.
        self._jumped = {one.instrument_id for one in TRADED}

    def next_messages(self) -> list[Message]:
        """One message, or a burst of them."""
        if self._plan.strikes(Fault.DATA_BURST, self._chance):
            return [self._next() for _ in range(BURST)]
        return [self._next()]

    def forget(self) -> None:
        """The receiver was started anew: it knows no earlier message, and no price."""
        self._last = self._last_taken = None
        self._jumped = {one.instrument_id for one in TRADED}

    def _next(self) -> Message:
        chance, plan, last = self._chance, self._plan, self._last
        if last is not None and plan.strikes(Fault.DATA_DUPLICATE, chance):
            return _again(last)
        taken = self._last_taken
        if taken is not None and plan.strikes(Fault.DATA_OUT_OF_ORDER, chance):
            return self._from_the_past(taken)
        if plan.strikes(Fault.DATA_STALE, chance):
            return self._stale()
        market_slice = self._true_slice()
        self._sequence += 1
        message = Message(market_slice, self._sequence, market_slice.ts_event)
        if last is not None and plan.strikes(Fault.DATA_GAP, chance):
            self._sequence += chance.between(1, 5)
            message.sequence, message.gap = self._sequence, True
        self._damage(message)
        self._last = message
        if not message.is_bad:
            self._last_taken = message
        return message

    def _true_slice(self) -> MarketSlice:
        ts = self._clock.tick()
        chance = self._chance
        count = 1 if chance.happens(0.6) else chance.between(2, len(TRADED))
        ids = sorted(one.instrument_id for one in chance.shuffled(TRADED)[:count])
        if chance.happens(0.1):
            ids.append(INDEX_ID)
        return MarketSlice.of(self._item(one, ts) for one in ids)

    def _item(self, instrument_id: str, ts: int) -> MarketData:
        if instrument_id == INDEX_ID:
            return TradeTick(instrument_id, ts, self.prices_e9["FUT"], self._sequence)
        traded = next(one for one in TRADED if one.instrument_id == instrument_id)
        tick = traded.tick_e9
        step = self._chance.between(-20, 20) * tick
        floor = traded.start_e9 // 4
        price = self.prices_e9[instrument_id] = max(self.prices_e9[instrument_id] + step, floor)
        # A second bar of one moment would be a repetition, and is refused.
        kind = "trade" if self._clock.is_frozen else self._chance.pick(("bar", "quote", "trade"))
        if kind == "bar":
            first = price - step
            return Bar(
                instrument_id,
                ts - MINUTE_NS,
                ts,
                first,
                max(first, price) + tick,
                max(min(first, price) - tick, 1),
                price,
                E9,
            )
        if kind == "quote":
            return QuoteTick(instrument_id, ts, price - tick, price + tick, E9, E9)
        # Sizes differ, so two prints of one moment are never the very same.
        return TradeTick(instrument_id, ts, price, E9 + self._sequence)

    # -- damage -----------------------------------------------------------------------------------

    def _damage(self, message: Message) -> None:
        chance, plan = self._chance, self._plan
        items: list[MarketData] = []
        bad: list[str] = []
        for item in message.market_slice.items:
            key = item.instrument_id
            damaged = item if key == INDEX_ID else self._damaged(item)
            if damaged is not item:
                bad.append(damaged.instrument_id)
            if key not in bad:
                self._jumped.discard(key)
            items.append(damaged)
        if plan.strikes(Fault.DATA_UNKNOWN_INSTRUMENT, chance):
            items.append(TradeTick(STRANGE_ID, message.market_slice.ts_event, E9, E9))
            bad.append(STRANGE_ID)
        ts = message.market_slice.ts_event
        message.market_slice = MarketSlice(
            ts, tuple(sorted(items, key=lambda one: one.instrument_id))
        )
        message.bad_ids = tuple(bad)
        message.is_bad = len(bad) == len(items)

    def _damaged(self, item: MarketData) -> MarketData:
        chance, plan = self._chance, self._plan
        if plan.strikes(Fault.DATA_NOT_A_PRICE, chance):
            return _with_price(item, chance.pick(NOT_PRICES))
        key = item.instrument_id
        # Several in a row would rightly be believed.
        if key not in self._jumped and plan.strikes(Fault.DATA_JUMP, chance):
            self._jumped.add(key)
            return _scaled(item, *chance.pick(((10, 1), (1, 10))))
        if isinstance(item, QuoteTick) and plan.strikes(Fault.DATA_CROSSED, chance):
            return msgspec.structs.replace(item, bid_e9=item.ask_e9, ask_e9=item.bid_e9)
        return item

    def _from_the_past(self, last: Message) -> Message:
        self._sequence += 1
        back = MINUTE_NS * self._chance.between(1, 10)
        items = [
            msgspec.structs.replace(item, ts_event=item.ts_event - back)
            if not isinstance(item, Bar)
            else TradeTick(item.instrument_id, item.ts_event - back, item.close_e9)
            for item in last.market_slice.items
        ]
        ts = last.market_slice.ts_event - back
        return Message(MarketSlice(ts, tuple(items)), self._sequence, last.arrival_ns, is_bad=True)

    def _stale(self) -> Message:
        self._sequence += 1
        market_slice = self._true_slice()
        arrival = market_slice.ts_event + STALE_AFTER_NS + 1
        return Message(market_slice, self._sequence, arrival, is_bad=True)


def _again(message: Message) -> Message:
    """The same message a second time."""
    return Message(message.market_slice, message.sequence, message.arrival_ns, is_bad=True)


def _with_price(item: MarketData, price: Any) -> MarketData:
    match item:
        case Bar():
            return msgspec.structs.replace(item, close_e9=price)
        case QuoteTick():
            return msgspec.structs.replace(item, ask_e9=price)
        case TradeTick():
            return msgspec.structs.replace(item, price_e9=price)
        case _:
            return item


def _scaled(item: MarketData, up: int, down: int) -> MarketData:
    match item:
        case Bar():
            return msgspec.structs.replace(
                item,
                open_e9=item.open_e9 * up // down,
                high_e9=item.high_e9 * up // down,
                low_e9=item.low_e9 * up // down,
                close_e9=item.close_e9 * up // down,
            )
        case QuoteTick():
            return msgspec.structs.replace(
                item, bid_e9=item.bid_e9 * up // down, ask_e9=item.ask_e9 * up // down
            )
        case TradeTick():
            return msgspec.structs.replace(item, price_e9=item.price_e9 * up // down)
        case _:
            return item
