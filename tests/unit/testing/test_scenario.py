"""Scenarios: what is written down is what strategies meet, through the real actors."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrion import Bar, MarketSlice, OrderSide, QuoteTick, Strategy, StrategyView
from orchestrion.actors.messages import StrategyAnswered
from orchestrion.testing import Scenario, VirtualClock
from orchestrion.testing.clock import START_NS


class Dip(Strategy):
    """Buys ten shares of AAPL after a fall, sells them when it pays."""

    last: Decimal | None = None

    def on_event(self, event: MarketSlice, view: StrategyView) -> Any:
        bar = event.bar("AAPL")
        if bar is None:
            return None
        last, self.last = self.last, bar.close
        if last and bar.close < last and not view.quantity("AAPL"):
            return [view.buy("AAPL", 10)]
        if last and bar.close > last and view.quantity("AAPL"):
            return [view.close("AAPL")]
        return None


class Short(Strategy):
    """Sells ten of AAPL short at the third bar."""

    seen = 0

    def on_event(self, event: MarketSlice, view: StrategyView) -> Any:
        self.seen += 1
        return [view.sell("AAPL", 10)] if self.seen == 2 else None


class AsyncDip(Dip):
    async def on_event(self, event: MarketSlice, view: StrategyView) -> Any:
        return super().on_event(event, view)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("strategy", [Dip, AsyncDip])
def test_one_strategy_trades_the_market_that_is_written_down(
    strategy: type[Strategy], backend: str
) -> None:
    scenario = Scenario({"dip": strategy}).bars({"AAPL": [100, 97, 98, 99]})

    played = scenario.play(backend=backend)

    sides = [order.legs[0].side for order in played.commands_of("dip")]  # type: ignore[union-attr]
    assert sides == [OrderSide.BUY, OrderSide.SELL]
    assert played.verdicts() == ["APPROVED", "APPROVED"]
    assert [fill.last_px for fill in played.fills] == [97, 98], "the opens of the next bars"
    assert played.books["dip"].quantity("AAPL") == 0
    assert played.equity("dip") == Decimal(100_010)


def test_several_strategies_meet_in_one_round_through_their_mailboxes() -> None:
    scenario = Scenario(
        {"dip": Dip, "short": Short}, capital=20_000, metadata={"short": {"priority": 1}}
    ).bars({"AAPL": [100, 97, 97]})

    played = scenario.play()

    assert played.verdicts() == ["APPROVED", "CONFLICT"]
    assert played.books["short"].quantity("AAPL") == -10
    assert played.books["dip"].quantity("AAPL") == 0
    assert played.rounds_of("dip") == played.rounds_of("short") == [2, 3, 4]
    assert played.hops_to("core:coordinator", StrategyAnswered)


def test_refusal_is_there_to_be_read() -> None:
    played = Scenario({"dip": Dip}, capital=500).bars({"AAPL": [100, 97, 98]}).play()

    (refused,) = played.decisions_of("dip")
    assert refused.reason == "BUDGET_EXCEEDED"
    assert played.intents == []
    assert played.books["dip"].cash == 500


def test_bar_opens_at_the_close_before_unless_it_is_given_whole() -> None:
    scenario = Scenario({"dip": Dip}).bars({"AAPL": [100, 97, (96, "99.5", 95, 98)]})

    bars = [one.bar("AAPL") for one in scenario.slices]
    shown = [(bar.open, bar.high, bar.low, bar.close) for bar in bars if bar]
    expected: list[tuple[int | str, ...]] = [
        (100, 100, 100, 100),
        (100, 100, 97, 97),
        (96, "99.5", 95, 98),
    ]
    assert shown == [tuple(Decimal(price) for price in row) for row in expected]


def test_bars_follow_each_other_without_gap() -> None:
    scenario = Scenario({"dip": Dip}, interval_s=300).bars({"AAPL": [1, 2]})
    scenario.clock.advance(60)
    scenario.bars({"AAPL": [3]})

    times = [(bar.ts_open, bar.ts_event) for one in scenario.slices if (bar := one.bar("AAPL"))]
    minute = 60_000_000_000
    assert [(first - START_NS, last - START_NS) for first, last in times] == [
        (0, 5 * minute),
        (5 * minute, 10 * minute),
        (11 * minute, 16 * minute),
    ]


def test_instruments_of_one_row_are_one_slice_and_none_is_no_bar() -> None:
    scenario = Scenario({"dip": Dip}).bars({"MSFT": [50, None, None], "AAPL": [100, 101, None]})

    ids = [[item.instrument_id for item in one.items] for one in scenario.slices]
    assert ids == [["AAPL", "MSFT"], ["AAPL"]]
    assert scenario.clock.now == START_NS + 3 * 60_000_000_000


def test_other_market_data_stand_behind_the_bars() -> None:
    scenario = Scenario({"dip": Dip}).bars({"AAPL": [100, 97]})
    quote = QuoteTick("AAPL", scenario.clock.now + 1, 96_000_000_000, 98_000_000_000)

    played = scenario.then(quote).play()

    assert [fill.last_px for fill in played.fills] == [98]


@pytest.mark.parametrize(
    ("prices", "message"),
    [
        ({"AAPL": [100, 101], "MSFT": [1]}, r"as many for each instrument, got \[1, 2\]"),
        ({"AAPL": [100, 99.5]}, "AAPL: a price is a Decimal, an int or a text, not 99.5"),
        ({"AAPL": [100, (1, 2, 3, 4)]}, "AAPL: open and close lie outside low to high"),
    ],
)
def test_bars_that_cannot_be_are_refused_and_nothing_is_added(
    prices: dict[str, Any], message: str
) -> None:
    scenario = Scenario({"dip": Dip}).bars({"AAPL": [90]})

    with pytest.raises(ValueError, match=message):
        scenario.bars(prices)

    assert len(scenario.slices) == 1
    assert scenario.clock.now == scenario.slices[0].ts_event
    next_bar = scenario.bars({"AAPL": [91]}).slices[-1].bar("AAPL")
    assert next_bar is not None
    assert next_bar.open == 90


def test_event_of_the_past_is_refused_and_nothing_is_added() -> None:
    scenario = Scenario({"dip": Dip}).bars({"AAPL": [90]})
    old = Bar("AAPL", 0, START_NS, 1, 1, 1, 1)

    with pytest.raises(ValueError, match="time does not go back"):
        scenario.then(old)

    assert len(scenario.slices) == 1


def test_playing_again_starts_anew() -> None:
    scenario = Scenario({"dip": Dip}).bars({"AAPL": [100, 97, 98, 99]})

    assert scenario.play().records() == scenario.play().records()


def test_clock_moves_when_told_and_never_back() -> None:
    clock = VirtualClock(now=5)

    assert clock.advance(1, nanoseconds=2) == clock() == clock.now == 1_000_000_007
    with pytest.raises(ValueError, match="time does not go back: it is 1000000007, asked for 6"):
        clock.advance_to(6)
    assert clock.now == 1_000_000_007
    assert clock.advance_to(clock.now) == clock.now
