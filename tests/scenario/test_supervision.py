"""A strategy fails: restarts up to the stated intensity, then quarantine, and what both leave."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.adapters.venue.fees import Commission, FeeSchedule
from orchestrion.domain.models.command import CancelOrder
from orchestrion.domain.models.market import Bar, MarketSlice
from orchestrion.domain.models.order import OrderType, TimeInForce
from orchestrion.domain.models.strategy import Strategy, StrategyView
from orchestrion.domain.orchestration.events import (
    StrategyQuarantinedEvent,
    StrategyRestartedEvent,
)
from orchestrion.runtime.journal import RecordKind
from orchestrion.runtime.supervision import SupervisionPolicy
from tests.fakes import (
    MINUTE_NS,
    START,
    Remembering,
    Script,
    Scripted,
    SilentPort,
    Stage,
    at,
    bar,
    buy,
    closing,
    fail,
    fill_report,
    following,
    minutes,
    opening,
    play,
    sell,
)

KINDS: list[Callable[[Script], Strategy]] = [Scripted, Remembering]
RESTING: dict[str, Any] = {
    "order_type": OrderType.LIMIT,
    "limit_price": Decimal(1),
    "time_in_force": TimeInForce.GTC,
}
STOP: dict[str, Any] = {
    "order_type": OrderType.STOP_MARKET,
    "stop_price": Decimal(50),
    "time_in_force": TimeInForce.GTC,
}


def failing_at(*numbers: int) -> Script:
    return Script(on_event={number: fail(ValueError("no")) for number in numbers})


def outcome(stage: Stage) -> list[str]:
    """R for each restart, Q for a quarantine, in order."""
    letters: dict[type, str] = {StrategyRestartedEvent: "R", StrategyQuarantinedEvent: "Q"}
    return [letters[type(one)] for one in stage.events if type(one) in letters]


# --- how often ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failures", "expected"),
    [
        ((1,), "R"),
        ((1, 2), "RR"),
        ((1, 2, 3), "RRQ"),
        ((1, 2, 3, 4), "RRQ"),
        ((1, 10, 20), "RRQ"),
        ((1, 10, 21), "RRR"),
        ((1, 10, 21, 22), "RRRQ"),
        ((1, 22, 43, 64), "RRRR"),
    ],
)
def test_three_failures_in_twenty_of_its_own_rounds_quarantine(
    failures: tuple[int, ...], expected: str
) -> None:
    """Bars a minute apart, so that sixty seconds never hold two failures."""
    stage = play(following({"a": failing_at(*failures)}), minutes(70))
    assert outcome(stage) == list(expected)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ((0, 30, 59), "RRQ"),
        ((0, 30, 60), "RRR"),
        ((0, 30, 60, 61), "RRRQ"),
        ((0, 30, 61, 91), "RRRR"),
    ],
)
def test_three_failures_in_sixty_seconds_of_input_time_quarantine(
    seconds: tuple[int, ...], expected: str
) -> None:
    """Thirty rounds between the failures, so that twenty rounds never hold two."""
    second = 10**9
    times = sorted({*seconds, *(one + i / 40 for one in seconds for i in range(1, 31))})
    slices = [at_second(one) for one in times if one < seconds[-1] + 0.1]
    failing = {START + one * second for one in seconds}
    stage = play({"a": lambda: FailsAt(failing)}, slices)
    assert outcome(stage) == list(expected)


def at_second(seconds: float) -> MarketSlice:
    ts = START + round(seconds * 10**9)
    price = bar(0).close_e9
    return MarketSlice.of([Bar("AAA", ts - 1, ts, price, price, price, price)])


class FailsAt(Strategy):
    def __init__(self, times: set[int]) -> None:
        super().__init__()
        self.times = times

    def on_event(self, event: MarketSlice, view: StrategyView) -> None:
        if event.ts_event in self.times:
            raise ValueError("no")


@pytest.mark.parametrize("failures_max", [1, 2, 5])
def test_intensity_is_what_the_policy_says(failures_max: int) -> None:
    policy = SupervisionPolicy(failures_max=failures_max, window_turns=100)
    stage = play(following({"a": failing_at(*range(10))}), minutes(10), supervision=policy)
    assert outcome(stage) == ["R"] * (failures_max - 1) + ["Q"]


@pytest.mark.slow
@settings(max_examples=40)
@given(
    failures=st.sets(st.integers(0, 40), max_size=15),
    failures_max=st.integers(1, 4),
    window_turns=st.integers(1, 12),
    window_minutes=st.integers(1, 12),
)
def test_quarantine_comes_where_a_naive_count_says(
    failures: set[int], failures_max: int, window_turns: int, window_minutes: int
) -> None:
    policy = SupervisionPolicy(
        failures_max=failures_max,
        window_turns=window_turns,
        window_ns=window_minutes * MINUTE_NS,
    )
    script = failing_at(*failures)
    stage = play(following({"a": script}), minutes(41), supervision=policy)
    # One turn a minute (and one for the start), so the wider of the two windows decides.
    wider, recent, last = max(window_turns, window_minutes), list[int](), 40
    for number in sorted(failures):
        recent = [one for one in recent if number - one < wider] + [number]
        if len(recent) >= failures_max:
            last = number
            break
    reached = max(number for name, number in script.calls if name == "on_event")
    assert reached == last
    assert ("Q" in outcome(stage)) == (len(recent) >= failures_max)


# --- what a restart leaves ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("poison", [1, 5, 9])
def test_restarted_strategy_goes_on_as_if_it_had_never_seen_the_poison(
    kind: Callable[[Script], Strategy], poison: int
) -> None:
    """It trades by its state: it buys at every third event that it has worked off."""

    class Counting(Remembering):
        def on_event(self, event: MarketSlice, view: StrategyView) -> Any:
            super().on_event(event, view)
            return [view.buy("AAA", 1)] if not len(self.seen) % 3 else None

    class Forgetful(Counting):
        snapshot = Strategy.snapshot

    chosen = Counting if kind is Remembering else Forgetful
    failing = Script(on_event={poison: fail(ValueError("poison"))})
    stage = play(following({"a": failing}, chosen), minutes(12))
    spared = Script()
    slices = [one for one in minutes(12) if one.ts_event != at(poison)]
    twin = play(following({"a": spared}, chosen), slices)
    assert outcome(stage) == ["R"]
    shown = [[(one.ts_decided, one.command) for one in played.intents] for played in (stage, twin)]
    assert shown[0] == shown[1]
    assert _state(failing) == _state(spared)


def _state(script: Script) -> list[int]:
    last = script.instances[-1]
    assert isinstance(last, Scripted)
    return last.seen


def test_commands_of_the_failed_call_are_lost_and_those_before_stand() -> None:
    script = Script(on_event={0: buy(1), 1: fail(ValueError("no")), 2: buy(2)})
    stage = play(following({"a": script}), minutes(4))
    assert [int(one.size[0]) for one in stage.decisions] == [1, 2]
    assert stage.system.books["a"].quantity("AAA") == 3


def test_restart_is_told_with_the_failure_and_its_count() -> None:
    stage = play(following({"a": failing_at(1, 3)}), minutes(5))
    shown = [
        (one.strategy_id, one.failure, one.failures_in_window, one.ts_event)
        for one in stage.events_of(StrategyRestartedEvent)
    ]
    assert shown == [("a", "ValueError: no", 1, at(1)), ("a", "ValueError: no", 2, at(3))]
    assert len(stage.records(RecordKind.EVENT, "StrategyRestartedEvent")) == 2


# --- quarantine -----------------------------------------------------------------------------------

ONE_FAILURE = SupervisionPolicy(failures_max=1)


def protected(number: int) -> Script:
    """Holds ten shares under a stop, has an entry resting, and fails at a bar."""

    def orders(view: StrategyView) -> object:
        return [view.buy("AAA", 1, **RESTING), view.sell("AAA", 10, **STOP)]

    return Script(on_event={0: buy(10), 2: orders, number: fail(ValueError("over"))})


def test_quarantine_cancels_entries_and_keeps_protection() -> None:
    stage = play(
        following({"a": protected(4), "b": Script()}),
        minutes(8),
        supervision=ONE_FAILURE,
        is_ended=False,
    )
    (working,) = stage.orchestrator.capital_manager.working_orders("a").values()
    assert working.order_type is OrderType.STOP_MARKET
    cancels = [one for one in stage.intents if isinstance(one.command, CancelOrder)]
    assert [one.strategy_id for one in cancels] == ["a"]
    (event,) = stage.events_of(StrategyQuarantinedEvent)
    assert (event.strategy_id, event.failure, event.custodian) == ("a", "ValueError: over", "hold")
    assert stage.system.status("a") == "quarantined"


def test_protection_of_a_quarantined_strategy_still_works() -> None:
    stop = STOP | {"stop_price": Decimal(200)}  # reached at once: it sells below 200
    script = Script(
        on_event={0: buy(10), 2: fail(ValueError("over"))},
        on_fill=lambda fill, view: [view.sell("AAA", 10, **stop)] if fill.side == "BUY" else None,
    )
    stage = play(following({"a": script}), minutes(5), supervision=ONE_FAILURE)
    assert not stage.system.books["a"].positions
    assert [one.side for one in stage.fills] == ["BUY", "SELL"]


def test_quarantined_strategy_is_not_called_and_sends_nothing() -> None:
    script = Script(on_event={2: fail(ValueError("over"))}, always=buy(1))
    stage = play(following({"a": script, "b": Script()}), minutes(8), supervision=ONE_FAILURE)
    assert script.numbers() == [0, 1, 2]
    assert [name for name, _ in script.calls if name == "on_stop"] == []
    (event,) = stage.events_of(StrategyQuarantinedEvent)
    after = [one for one in stage.records() if one.seq > event.seq]
    assert not [one for one in after if one.kind in (RecordKind.DECISION, RecordKind.INTENT)]


def test_capital_of_a_quarantined_strategy_is_frozen() -> None:
    """Nobody else can use it, and it moves with its own positions only."""
    greedy = Script(on_event={5: buy(900, "BBB")})
    stage = play(
        following({"a": protected(3), "b": greedy}),
        minutes(8, "AAA", "BBB"),
        supervision=ONE_FAILURE,
    )
    assert stage.decisions_of("b")[0].reason == "BUDGET_EXCEEDED"
    book = stage.system.books["a"]
    assert book.cash == 50_000 - 10 * opening(1)
    assert stage.session.equity_curves["a"][-1].equity == book.cash + 10 * closing(7)


def test_late_fill_of_a_quarantined_strategy_is_booked_to_it() -> None:
    port = SilentPort()
    script = Script(on_event={0: buy(10), 1: fail(ValueError("over"))})
    stage = Stage(following({"a": script}), port=port, supervision=ONE_FAILURE)

    async def run() -> None:
        async with stage:
            await stage.publish(minutes(3))
            order_id = port.taken[0].client_order_id
            await stage.session.report(
                fill_report(3, client_order_id=order_id, last_qty=Decimal(10)), at(3)
            )

    anyio.run(run)
    assert stage.system.books["a"].quantity("AAA") == 10
    assert script.numbers("on_fill") == []


def test_strategy_that_cannot_be_rebuilt_is_quarantined_at_its_first_failure() -> None:
    script = failing_at(2)
    built: list[Strategy] = []

    def factory() -> Strategy:
        if len(built) == 2:  # one for the orchestrator, one for its actor
            raise OSError("the model file is gone")
        built.append(Scripted(script))
        return built[-1]

    stage = play({"a": factory, "b": following({"b": Script()})["b"]}, minutes(5))
    assert outcome(stage) == ["Q"]
    (event,) = stage.events_of(StrategyQuarantinedEvent)
    assert event.failure == (
        "ValueError: no; it could not be rebuilt: OSError: the model file is gone"
    )


# --- in every handler -----------------------------------------------------------------------------


def boom(*_: object) -> object:
    raise ValueError("no")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("handler", "failed_at"), [("on_start", 0), ("on_fill", 1), ("on_stop", 3)]
)
def test_failure_in_any_handler_is_a_failure_like_any_other(
    kind: Callable[[Script], Strategy], handler: str, failed_at: int
) -> None:
    failing, other = Script(on_event={0: buy(1)}), Script(always=buy(1))
    setattr(failing, handler, boom)
    stage = play(following({"a": failing, "b": other}, kind), minutes(4))
    assert outcome(stage) == ["R"]
    (event,) = stage.events_of(StrategyRestartedEvent)
    assert event.ts_event == at(failed_at)
    state = [number for number in _state(failing) if number >= 0]
    assert state == [0, 1, 2, 3], "it has worked off every bar once"
    assert len(stage.decisions_of("b")) == 4


def test_fill_at_which_a_strategy_fails_is_booked_all_the_same() -> None:
    script = Script(on_event={0: buy(5), 2: sell(5)}, on_fill=boom)
    stage = play(
        following({"a": script}),
        minutes(5),
        fees=FeeSchedule(equity=Commission(per_unit=Decimal("0.10"))),
    )
    book = stage.system.books["a"]
    assert not book.positions
    assert book.fees == Decimal("1.00")
    assert outcome(stage) == ["R", "R"]


def test_failing_snapshot_is_a_failure_and_the_strategy_goes_on() -> None:
    class Broken(Remembering):
        def snapshot(self) -> object:
            raise RuntimeError("cannot be put in words")

    script = Script(always=buy(1))
    slices = minutes(300)
    stage = play(following({"a": script}, Broken), slices, capital=Decimal(10**8))
    assert "Q" not in outcome(stage)
    assert "RuntimeError: cannot be put in words" in {
        one.failure for one in stage.events_of(StrategyRestartedEvent)
    }
    last = _state(script)
    assert [one for one in last if one >= 0] == list(range(300))
