"""The orchestrator: modes, registration, life cycle, and a whole round without actors."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from orchestrion.domain.conflict import ConflictPolicies
from orchestrion.domain.errors import ConfigurationError, LifecycleError
from orchestrion.domain.models.allocation import AllocationConfig
from orchestrion.domain.models.command import ApprovedCommand, StrategyCommand
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.order import OrderStatus
from orchestrion.domain.models.portfolio import RESERVE
from orchestrion.domain.models.strategy import Signal, Strategy, StrategyView
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.compatibility_analyzer import CompatibilityAnalyzer
from orchestrion.domain.orchestration.events import (
    CapitalMissingEvent,
    OrderDeniedEvent,
    StrategyAddedEvent,
    StrategyConflictDetectedEvent,
    StrategyPausedEvent,
    StrategyResumedEvent,
)
from orchestrion.domain.orchestration.lifecycle import PauseMode, StrategyStatus
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.domain.orchestration.strategy_coordinator import StrategyCoordinator
from orchestrion.domain.orchestration.unified_strategy_orchestrator import (
    OrchestratorMode,
    StrategyEntry,
    UnifiedStrategyOrchestrator,
    is_subscribed,
)
from tests.fakes_rules import CATALOG, close_bar, slice_of, working_order


class Says(Strategy):
    """Answers each event with the next of the given answers, then with nothing."""

    def __init__(self, *answers: Any, subscriptions: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.answers = list(answers)
        self.wanted = subscriptions
        self.views: list[tuple[int, Decimal, tuple[str, ...], tuple[str, ...]]] = []

    def subscriptions(self) -> tuple[str, ...]:
        return self.wanted

    def on_event(self, event: MarketSlice, view: StrategyView) -> Any:
        signals = tuple(signal.name for signal in view.signals)
        self.views.append((view.now, view.budget, signals, tuple(view.working_orders)))
        answer = self.answers.pop(0) if self.answers else None
        return answer(view) if callable(answer) else answer


def buys(instrument_id: str, quantity: int) -> Any:
    return lambda view: [view.buy(instrument_id, quantity)]


def sells(instrument_id: str, quantity: int) -> Any:
    return lambda view: [view.sell(instrument_id, quantity)]


def orchestrator_of(
    strategies: Mapping[str, Strategy],
    *,
    capital: str = "10000",
    policies: ConflictPolicies | None = None,
    target_pct: float | None = None,
    **metadata: Mapping[str, Any],
) -> UnifiedStrategyOrchestrator:
    """Equal shares unless said; ``metadata`` by strategy id."""
    orchestrator = UnifiedStrategyOrchestrator(
        capital_manager=PortfolioCapitalManager(Decimal(capital)),
        coordinator=StrategyCoordinator(policies),
        compatibility_analyzer=CompatibilityAnalyzer(),
    )
    for name, strategy in strategies.items():
        orchestrator.add_strategy(
            strategy,
            StrategyMetadata(id=name, **metadata.get(name, {})),
            AllocationConfig(target_pct=target_pct or 100 // len(strategies)),
        )
    return orchestrator


def started(strategies: Mapping[str, Strategy], **options: Any) -> UnifiedStrategyOrchestrator:
    orchestrator = orchestrator_of(strategies, **options)
    orchestrator.start(CATALOG)
    orchestrator.drain_events()
    return orchestrator


def shown(commands: list[StrategyCommand]) -> list[tuple[str, str]]:
    """(strategy, client order id) of approved commands."""
    assert all(isinstance(one, ApprovedCommand) for one in commands)
    return [
        (one.strategy_id, one.client_order_id)
        for one in commands
        if isinstance(one, ApprovedCommand)
    ]


# -- modes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "mode"),
    [
        ({"strategy": "X"}, OrchestratorMode.SINGLE),
        ({"strategy": ""}, OrchestratorMode.SINGLE),
        ({"strategy": "X", "config": {}}, OrchestratorMode.SINGLE),
        ({"strategy": "X", "strategies": {}}, OrchestratorMode.SINGLE),
        ({"strategies": {}}, OrchestratorMode.MULTI),
        ({"strategies": {"A": {}}}, OrchestratorMode.MULTI),
        ({"strategy": 5, "strategies": {}}, OrchestratorMode.MULTI),
        ({"strategy": None, "strategies": {"A": {}}}, OrchestratorMode.MULTI),
    ],
)
def test_mode_follows_from_the_form_of_the_configuration(
    config: dict[str, Any], mode: OrchestratorMode
) -> None:
    orchestrator = orchestrator_of({})
    assert orchestrator._mode is None
    assert orchestrator.detect_mode(config) is mode
    assert orchestrator._mode is mode


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"strategy": 5},
        {"strategies": []},
        {"strategies": None},
        {"Strategy": "X"},
        None,
        [],
        "strategy",
        5,
    ],
)
def test_other_forms_are_refused_in_the_specified_words(config: Any) -> None:
    orchestrator = orchestrator_of({})
    orchestrator.detect_mode({"strategy": "X"})
    with pytest.raises(ValueError, match=r"^Invalid configuration format$"):
        orchestrator.detect_mode(config)
    assert orchestrator._mode is OrchestratorMode.SINGLE


def test_there_are_two_modes() -> None:
    assert [mode.name for mode in OrchestratorMode] == ["SINGLE", "MULTI"]


@pytest.mark.parametrize(("count", "expected"), [(0, False), (1, True), (2, False), (3, False)])
def test_single_mode_is_one_strategy(count: int, expected: bool) -> None:
    strategies = {f"S{number}": Says() for number in range(count)}
    assert orchestrator_of(strategies).is_single_strategy_mode is expected


def test_signatures_are_the_specified_ones() -> None:
    def names(function: Any) -> list[str]:
        return list(inspect.signature(function).parameters)

    assert names(UnifiedStrategyOrchestrator) == [
        "capital_manager",
        "coordinator",
        "compatibility_analyzer",
    ]
    assert names(UnifiedStrategyOrchestrator.detect_mode) == ["self", "config"]
    assert names(UnifiedStrategyOrchestrator.add_strategy) == [
        "self",
        "strategy",
        "metadata",
        "allocation",
    ]
    assert names(UnifiedStrategyOrchestrator.coordinate_execution) == ["self", "event"]
    for name in ("validate_compatibility", "allocate_capital"):
        assert names(getattr(UnifiedStrategyOrchestrator, name)) == ["self"]
    assert names(PortfolioCapitalManager.calculate_allocations) == ["self"]
    assert isinstance(
        inspect.getattr_static(UnifiedStrategyOrchestrator, "is_single_strategy_mode"), property
    )


# -- registration ----------------------------------------------------------------------------------


def test_strategies_are_kept_in_order_of_registration() -> None:
    one, two = Says(), Says()
    orchestrator = orchestrator_of({"b": one, "a": two}, a={"priority": 1})
    assert list(orchestrator.strategies) == ["b", "a"]
    entry = orchestrator.strategies["b"]
    assert isinstance(entry, StrategyEntry)
    assert (entry.strategy, entry.metadata.id, entry.allocation.target_pct) == (one, "b", 50.0)
    assert (entry.status, entry.pause_mode) == (StrategyStatus.READY, None)
    assert orchestrator.ids_in_rank_order() == ("a", "b")
    assert orchestrator.stages() == (("a", "b"),)
    assert orchestrator.drain_events() == (
        StrategyAddedEvent("b", 50.0),
        StrategyAddedEvent("a", 50.0),
    )
    assert orchestrator.drain_events() == ()


def test_id_is_taken_once() -> None:
    orchestrator = orchestrator_of({"a": Says()})
    orchestrator.drain_events()
    before = dict(orchestrator.strategies)
    with pytest.raises(ConfigurationError, match="there is a strategy 'a' already"):
        orchestrator.add_strategy(Says(), StrategyMetadata(id="a"), AllocationConfig(target_pct=1))
    assert orchestrator.strategies == before
    assert orchestrator.drain_events() == ()


def test_nobody_joins_a_run_whose_reserve_is_empty() -> None:
    orchestrator = started({"a": Says()})
    with pytest.raises(ConfigurationError, match=r"b asks for 100.00, the reserve holds 0.00"):
        orchestrator.add_strategy(Says(), StrategyMetadata(id="b"), AllocationConfig(target_pct=1))
    assert list(orchestrator.strategies) == ["a"]


def test_second_orchestrator_with_one_manager_is_refused() -> None:
    manager = orchestrator_of({}).capital_manager
    with pytest.raises(ValueError, match="another orchestrator"):
        UnifiedStrategyOrchestrator(manager, StrategyCoordinator(), CompatibilityAnalyzer())


# -- capital and compatibility ---------------------------------------------------------------------


def test_capital_is_split_in_rank_order() -> None:
    orchestrator = orchestrator_of(
        {"a": Says(), "b": Says(), "c": Says()},
        capital="100",
        target_pct=33.333,
        b={"priority": 1},
    )
    assert list(orchestrator.allocate_capital().items()) == [
        ("b", Decimal("33.34")),
        ("a", Decimal("33.33")),
        ("c", Decimal("33.33")),
    ]


def test_without_capital_everybody_gets_nothing_and_it_is_told() -> None:
    orchestrator = orchestrator_of({"a": Says(), "b": Says()}, capital="0")
    orchestrator.drain_events()
    allocations = orchestrator.allocate_capital()
    assert allocations == {"a": Decimal("0.00"), "b": Decimal("0.00")}
    assert {str(one) for one in allocations.values()} == {"0.00"}
    assert orchestrator.drain_events() == (CapitalMissingEvent(("a", "b")),)


def test_nobody_gets_nothing_without_a_word() -> None:
    orchestrator = orchestrator_of({}, capital="0")
    assert orchestrator.allocate_capital() == {}
    assert orchestrator.drain_events() == ()


def test_compatibility_knows_the_capital_once_there_is_some() -> None:
    needy: dict[str, Any] = {"minimum_capital": 6000}
    poor = orchestrator_of({"a": Says(), "b": Says()}, a=needy).validate_compatibility()
    assert poor.warnings == ["a needs 6000.00, gets 5000.00"]
    assert not poor.is_compatible
    unknown = orchestrator_of({"a": Says(), "b": Says()}, capital="0", a=needy)
    assert unknown.validate_compatibility().is_compatible
    alone = orchestrator_of({"a": Says()}, capital="1", a=needy)
    assert alone.validate_compatibility().is_compatible


# -- life cycle ------------------------------------------------------------------------------------


def test_start_opens_books_and_runs_everybody() -> None:
    orchestrator = orchestrator_of({"a": Says(), "b": Says()}, target_pct=30)
    orchestrator.start(CATALOG)
    books = orchestrator.capital_manager.books
    assert list(books)[:3] == ["a", "b", RESERVE]
    assert [one.cash for one in books.values()][:3] == [3000, 3000, 4000]
    assert {entry.status for entry in orchestrator.strategies.values()} == {StrategyStatus.RUNNING}


def test_empty_orchestrator_cannot_start() -> None:
    with pytest.raises(ConfigurationError, match="no strategy to start"):
        orchestrator_of({}).start(CATALOG)


def test_run_starts_once() -> None:
    orchestrator = started({"a": Says(buys("AAA", 5))})
    orchestrator.coordinate_execution(close_bar("AAA", 10, 1))
    reserved = orchestrator.capital_manager.reserved("a")
    with pytest.raises(ConfigurationError, match="started already"):
        orchestrator.start(CATALOG)
    assert orchestrator.capital_manager.reserved("a") == reserved == 50


@pytest.mark.parametrize("names", [("a",), ("a", "b")])
def test_missing_dependency_prevents_the_start(names: tuple[str, ...]) -> None:
    orchestrator = orchestrator_of({name: Says() for name in names}, a={"depends_on": ("ghost",)})
    with pytest.raises(ConfigurationError, match="a depends on ghost"):
        orchestrator.start(CATALOG)
    assert not orchestrator.capital_manager.books
    assert {entry.status for entry in orchestrator.strategies.values()} == {StrategyStatus.READY}


def test_event_before_the_start_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="call start"):
        orchestrator_of({"a": Says()}).coordinate_execution(close_bar("AAA", 1))


def test_pause_and_resume_are_told() -> None:
    orchestrator = started({"a": Says()})
    orchestrator.pause_strategy("a")
    entry = orchestrator.strategies["a"]
    assert (entry.status, entry.pause_mode) == (StrategyStatus.PAUSED, PauseMode.ENTRIES_BLOCKED)
    orchestrator.pause_strategy("a", PauseMode.FROZEN)
    orchestrator.resume_strategy("a")
    entry = orchestrator.strategies["a"]
    assert (entry.status, entry.pause_mode) == (StrategyStatus.RUNNING, None)
    assert orchestrator.drain_events() == (
        StrategyPausedEvent("a", "entries_blocked"),
        StrategyPausedEvent("a", "frozen"),
        StrategyResumedEvent("a"),
    )


def test_illegal_step_changes_nothing() -> None:
    orchestrator = started({"a": Says()})
    before = dict(orchestrator.strategies)
    with pytest.raises(LifecycleError, match="'a' is running and cannot resume"):
        orchestrator.resume_strategy("a")
    with pytest.raises(ConfigurationError, match="no strategy 'z'"):
        orchestrator.pause_strategy("z")
    assert orchestrator.strategies == before
    assert orchestrator.drain_events() == ()


def test_strategy_that_was_paused_before_the_start_stays_paused() -> None:
    strategy = Says(buys("AAA", 1), buys("AAA", 1))
    orchestrator = orchestrator_of({"a": strategy})
    orchestrator.pause_strategy("a")
    orchestrator.start(CATALOG)
    assert orchestrator.coordinate_execution(close_bar("AAA", 10, 1)) == []
    orchestrator.resume_strategy("a")
    assert len(orchestrator.coordinate_execution(close_bar("AAA", 10, 2))) == 1


def test_frozen_strategy_is_not_called() -> None:
    frozen, awake = Says(), Says()
    orchestrator = started({"a": frozen, "b": awake})
    orchestrator.pause_strategy("a", PauseMode.FROZEN)
    orchestrator.coordinate_execution(close_bar("AAA", 10, 1))
    assert (len(frozen.views), len(awake.views)) == (0, 1)


# -- a round ---------------------------------------------------------------------------------------


def test_commands_come_in_rank_order_with_ids_of_round_and_index() -> None:
    orchestrator = started(
        {"a": Says(buys("AAA", 1)), "b": Says(buys("AAA", 2)), "c": Says(buys("AAA", 3))},
        c={"priority": 5},
        a={"depends_on": ("b",)},
    )
    commands = orchestrator.coordinate_execution(close_bar("AAA", 10, 7))
    assert shown(commands) == [("c", "R1-0"), ("b", "R1-1"), ("a", "R1-2")]
    assert [one.ts_decided for one in commands if isinstance(one, ApprovedCommand)] == [7, 7, 7]
    assert orchestrator.coordinate_execution(close_bar("AAA", 10, 8)) == []


def test_signals_reach_later_stages_only() -> None:
    def speaks(name: str) -> Says:
        def answer(view: StrategyView) -> Any:
            return [Signal(strategy_id=view.strategy_id, name=name, value=1.0)]

        return Says(answer)

    first, second, third = speaks("one"), speaks("two"), Says()
    orchestrator = started(
        {"c": third, "b": second, "a": first},
        c={"depends_on": ("b",)},
        b={"depends_on": ("a",)},
    )
    orchestrator.coordinate_execution(close_bar("AAA", 10, 1))
    seen = [strategy.views[0][2] for strategy in (first, second, third)]
    assert seen == [(), ("one",), ("one", "two")]
    orchestrator.coordinate_execution(close_bar("AAA", 10, 2))
    assert third.views[1][2] == ()


def test_view_is_of_the_event() -> None:
    strategy = Says(buys("AAA", 10))
    orchestrator = started({"a": strategy})
    orchestrator.coordinate_execution(close_bar("AAA", 10, 5))
    orchestrator.coordinate_execution(slice_of({"AAA": 11}, 6))
    assert strategy.views == [
        (5, Decimal(10_000), (), ()),
        (6, Decimal(10_000), (), ("R1-0",)),
    ]


def test_subscription_decides_who_is_called() -> None:
    wanted, other, everything = Says(subscriptions=("AAA",)), Says(subscriptions=("FUT",)), Says()
    orchestrator = started({"a": wanted, "b": other, "c": everything})
    orchestrator.coordinate_execution(slice_of({"AAA": 1, "BBB": 2}, 1))
    assert [len(one.views) for one in (wanted, other, everything)] == [1, 0, 1]
    assert is_subscribed(("IDX", "BBB"), slice_of({"AAA": 1, "BBB": 2}))
    assert not is_subscribed(("IDX",), slice_of({"AAA": 1}))


def test_conflict_is_resolved_and_told() -> None:
    orchestrator = started({"a": Says(buys("AAA", 1)), "b": Says(sells("AAA", 1))})
    assert shown(orchestrator.coordinate_execution(close_bar("AAA", 10, 1))) == [("a", "R1-0")]
    conflict, denied = orchestrator.drain_events()
    assert isinstance(conflict, StrategyConflictDetectedEvent)
    assert conflict.strategy_ids == ["a", "b"]
    assert denied == OrderDeniedEvent("b", "CONFLICT", "priority: AAA against a")


def test_every_refusal_is_told() -> None:
    orchestrator = started(
        {"a": Says(lambda view: ["garbage", view.buy("ZZZ", 1), view.buy("AAA", 1)])}
    )
    commands = orchestrator.coordinate_execution(close_bar("AAA", 10, 1))
    assert shown(commands) == [("a", "R1-2")]
    assert orchestrator.drain_events() == (
        OrderDeniedEvent("a", "INVALID_COMMAND", "item 0 is a str, not a command or signal"),
        OrderDeniedEvent("a", "UNKNOWN_INSTRUMENT", "'ZZZ' is in no data of this run"),
    )


def test_single_mode_skips_coordination_but_never_limits() -> None:
    opposed = Says(lambda view: [view.buy("AAA", 1), view.sell("AAA", 1), view.buy("AAA", 10_000)])
    orchestrator = started({"a": opposed})
    commands = orchestrator.coordinate_execution(close_bar("AAA", 10, 1))
    assert shown(commands) == [("a", "R1-0"), ("a", "R1-1")]
    (denied,) = orchestrator.drain_events()
    assert isinstance(denied, OrderDeniedEvent)
    assert denied.code == "BUDGET_EXCEEDED"


def test_order_of_an_earlier_round_is_a_conflict_until_it_ends() -> None:
    orchestrator = started(
        {"a": Says(buys("AAA", 1)), "b": Says(None, sells("AAA", 1), sells("AAA", 1))}
    )
    (order,) = orchestrator.coordinate_execution(close_bar("AAA", 10, 1))
    assert isinstance(order, ApprovedCommand)
    assert orchestrator.coordinate_execution(close_bar("AAA", 10, 2)) == []
    command: Any = order.command
    ended = working_order(command, order.client_order_id, status=OrderStatus.EXPIRED)
    orchestrator.capital_manager.track(ended)
    assert shown(orchestrator.coordinate_execution(close_bar("AAA", 10, 3))) == [("b", "R3-0")]


async def _later() -> list[StrategyCommand]:
    return []


class Someday:
    """Can be awaited, but is no coroutine."""

    def __await__(self) -> Any:
        yield


@pytest.mark.parametrize("answer", [lambda _: _later(), lambda _: Someday()])
def test_asynchronous_strategy_is_refused_by_name(answer: Any) -> None:
    orchestrator = started({"a": Says(answer)})
    with pytest.raises(ConfigurationError, match="a is asynchronous: run it with"):
        orchestrator.coordinate_execution(close_bar("AAA", 10, 1))


def test_failure_of_a_strategy_is_the_callers_business() -> None:
    def fails(_: StrategyView) -> Any:
        raise RuntimeError("broken")

    orchestrator = started({"a": Says(fails)})
    with pytest.raises(RuntimeError, match="broken"):
        orchestrator.coordinate_execution(close_bar("AAA", 10, 1))
    assert orchestrator.capital_manager.reserved("a") == 0
