"""A strategy's life without actors: the orchestrator alone, its commands carried out by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from orchestrion.domain.errors import ConfigurationError, LifecycleError
from orchestrion.domain.models.allocation import AllocationConfig
from orchestrion.domain.models.command import ApprovedCommand, CancelOrder, StrategyCommand
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.order import OrderStatus, OrderType, TimeInForce
from orchestrion.domain.models.portfolio import RESERVE
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.lifecycle import PauseMode, RemovalPolicy
from orchestrion.domain.orchestration.unified_strategy_orchestrator import (
    UnifiedStrategyOrchestrator,
)
from tests.fakes import (
    INSTRUMENTS,
    Action,
    Script,
    Scripted,
    at,
    buy,
    closing,
    fill_report,
    minute,
    orchestrator_of,
    sell,
)

RESTING: dict[str, Any] = {
    "order_type": OrderType.LIMIT,
    "limit_price": Decimal(1),
    "time_in_force": TimeInForce.GTC,
}


class Alone:
    """Alpha and beta with 30,000 each; fills and cancels are made by hand."""

    def __init__(self, **options: Any) -> None:
        self.scripts = {"alpha": Script(), "beta": Script()}
        self.orchestrator: UnifiedStrategyOrchestrator = orchestrator_of(
            {one: Scripted(script) for one, script in self.scripts.items()},
            allocation_pct={"alpha": 30, "beta": 30},
            **options,
        )

    def start(self) -> list[StrategyCommand]:
        return self.orchestrator.start(InstrumentCatalog(INSTRUMENTS), at(0))

    def bar(self, number: int, **actions: Action) -> list[ApprovedCommand]:
        for strategy_id, script in self.scripts.items():
            action = actions.get(strategy_id)
            script.on_event = {number: action} if action is not None else {}
        return approved(self.orchestrator.coordinate_execution(minute(number)))

    def fill(self, one: ApprovedCommand, price: Decimal) -> None:
        capital = self.orchestrator.capital_manager
        order = capital.working_orders(one.strategy_id)[one.client_order_id]
        (leg,) = order.legs
        fill = fill_report(
            client_order_id=one.client_order_id,
            side=leg.side,
            last_qty=leg.quantity,
            last_px=price,
        )
        capital.apply_fill(one.strategy_id, fill)
        done = msgspec.structs.replace(order, status=OrderStatus.FILLED, filled=(leg.quantity,))
        capital.track(done)

    def cancel(self, one: ApprovedCommand) -> None:
        assert isinstance(one.command, CancelOrder)
        capital = self.orchestrator.capital_manager
        order = capital.working_orders(one.strategy_id)[one.command.client_order_id]
        capital.track(msgspec.structs.replace(order, status=OrderStatus.CANCELED))

    def told(self) -> list[str]:
        return [type(one).__name__ for one in self.orchestrator.drain_events()]

    def calls(self, strategy_id: str = "alpha") -> list[str]:
        return [name for name, _ in self.scripts[strategy_id].calls]


def approved(commands: list[StrategyCommand]) -> list[ApprovedCommand]:
    assert all(isinstance(one, ApprovedCommand) for one in commands)
    return [one for one in commands if isinstance(one, ApprovedCommand)]


def cancels(commands: list[ApprovedCommand]) -> list[ApprovedCommand]:
    return [one for one in commands if isinstance(one.command, CancelOrder)]


def test_start_and_stop_call_every_strategy_once_and_a_start_may_command() -> None:
    alone = Alone()
    alone.orchestrator.pause_strategy("beta", PauseMode.FROZEN)
    alone.scripts["alpha"].on_start = lambda _: ["rubbish"]
    assert alone.start() == []
    assert "OrderDeniedEvent" in alone.told()
    alone.bar(1)
    alone.orchestrator.stop(at(2))
    assert alone.calls("alpha") == ["on_start", "on_event", "on_stop"]
    assert alone.calls("beta") == ["on_start", "on_stop"]
    assert [one.status for one in alone.orchestrator.strategies.values()] == ["stopped"] * 2
    with pytest.raises(LifecycleError, match="is stopped and cannot stop"):
        alone.orchestrator.stop()


def test_reduce_only_gives_the_cancels_of_working_entries_with_the_next_event() -> None:
    alone = Alone()
    alone.start()
    (entry,) = alone.bar(1, alpha=buy(1, **RESTING))
    alone.orchestrator.pause_strategy("alpha", PauseMode.REDUCE_ONLY)
    (withdrawn,) = alone.bar(2)
    assert isinstance(withdrawn.command, CancelOrder)
    assert withdrawn.command.client_order_id == entry.client_order_id
    assert alone.bar(3) == [], "once"


def test_strategy_that_is_flattened_goes_when_its_fills_are_booked() -> None:
    alone = Alone()
    alone.start()
    (bought,) = alone.bar(1, alpha=buy(10))
    alone.fill(bought, Decimal(100))
    (resting,) = alone.bar(2, alpha=buy(1, **RESTING))
    alone.orchestrator.remove_strategy("alpha", RemovalPolicy.FLATTEN)
    alone.told()
    (withdrawn,) = alone.bar(3, alpha=buy(5))
    assert isinstance(withdrawn.command, CancelOrder)
    assert withdrawn.command.client_order_id == resting.client_order_id
    assert alone.bar(4) == [], "it waits until nothing works"
    alone.cancel(withdrawn)
    (closing_order,) = approved(alone.orchestrator.proceed())
    assert alone.bar(5) == []
    alone.fill(closing_order, Decimal(110))
    assert alone.orchestrator.proceed() == []
    assert list(alone.orchestrator.strategies) == ["beta"]
    assert alone.orchestrator.capital_manager.books[RESERVE].cash == Decimal("70100.00")
    assert alone.told()[-2:] == ["StrategyStoppedEvent", "StrategyRemovedEvent"]
    assert alone.calls()[-1] == "on_stop"
    assert len(alone.bar(6, beta=buy(1))) == 1


def test_positions_are_handed_over_at_the_mark() -> None:
    alone = Alone()
    alone.start()
    (bought,) = alone.bar(1, alpha=buy(10))
    alone.fill(bought, Decimal(100))
    alone.bar(2)
    alone.orchestrator.remove_strategy("alpha", RemovalPolicy.HAND_OVER, heir_id="beta")
    alone.orchestrator.proceed()
    books = alone.orchestrator.capital_manager.books
    assert books["beta"].positions["AAA"].cost == closing(2) * 10
    assert "PositionsHandedOverEvent" in alone.told()
    assert len(alone.bar(3, beta=sell(10))) == 1


def test_refused_removal_changes_nothing() -> None:
    alone = Alone()
    alone.start()
    alone.bar(1, alpha=buy(1, **RESTING))
    before = dict(alone.orchestrator.strategies)
    alone.told()
    with pytest.raises(LifecycleError, match="alpha still has working orders R1-0"):
        alone.orchestrator.remove_strategy("alpha")
    with pytest.raises(LifecycleError, match="RESERVE is a book of the account"):
        alone.orchestrator.remove_strategy(RESERVE, RemovalPolicy.FLATTEN)
    assert alone.orchestrator.strategies == before
    assert alone.told() == []


def test_before_the_start_a_strategy_simply_goes() -> None:
    alone = Alone()
    alone.orchestrator.remove_strategy("alpha")
    assert list(alone.orchestrator.strategies) == ["beta"]
    assert alone.calls() == []


def test_newcomer_draws_on_the_reserve_and_starts_with_the_next_event() -> None:
    alone = Alone()
    alone.start()
    alone.bar(1)
    script = Script(on_event={2: buy(1)})
    alone.orchestrator.add_strategy(
        Scripted(script), StrategyMetadata(id="gamma", priority=9), AllocationConfig(target_pct=25)
    )
    books = alone.orchestrator.capital_manager.books
    assert (books["gamma"].cash, books[RESERVE].cash) == (Decimal(25_000), Decimal(15_000))
    commands = approved(alone.orchestrator.coordinate_execution(minute(2)))
    assert [one.strategy_id for one in commands] == ["gamma"]
    assert [name for name, _ in script.calls] == ["on_start", "on_event"]
    assert alone.orchestrator.ids_in_rank_order() == ("gamma", "alpha", "beta")


@pytest.mark.parametrize(
    ("metadata", "pct", "message"),
    [
        ({"id": "alpha"}, 10, "there is a strategy 'alpha' already"),
        ({"id": "gamma"}, 41, "gamma asks for 41000.00, the reserve holds 40000.00"),
        ({"id": "gamma", "depends_on": ("ghost",)}, 10, "gamma depends on ghost"),
        ({"id": "gamma", "minimum_capital": 20_000}, 10, "gamma needs 20000.00"),
    ],
)
def test_newcomer_that_does_not_fit_is_refused_and_nothing_changes(
    metadata: dict[str, Any], pct: float, message: str
) -> None:
    alone = Alone()
    alone.start()
    books = dict(alone.orchestrator.capital_manager.books)
    alone.told()
    with pytest.raises(ConfigurationError, match=message):
        alone.orchestrator.add_strategy(
            Scripted(Script()), StrategyMetadata(**metadata), AllocationConfig(target_pct=pct)
        )
    assert list(alone.orchestrator.strategies) == ["alpha", "beta"]
    assert alone.orchestrator.capital_manager.books == books
    assert alone.told() == []
