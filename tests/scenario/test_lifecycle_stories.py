"""A strategy's life, told as stories: given, when, then."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrion.actors.membership_messages import AddStrategy, RemoveStrategy
from orchestrion.actors.messages import (
    PauseStrategy,
    ReducingChanged,
    ResumeStrategy,
    SetTradingState,
)
from orchestrion.domain.models.command import CancelOrder
from orchestrion.domain.models.order import OrderType, TimeInForce
from orchestrion.domain.models.portfolio import EXTERNAL, RESERVE
from orchestrion.domain.models.strategy import Strategy
from orchestrion.domain.orchestration.events import (
    PositionsHandedOverEvent,
    RemovalDelayedEvent,
    StrategyAddedEvent,
    StrategyPausedEvent,
    StrategyQuarantinedEvent,
    StrategyReducingEvent,
    StrategyRemovedEvent,
    StrategyResumedEvent,
    StrategyStartedEvent,
    StrategyStartingEvent,
    StrategyStoppedEvent,
    StrategyStoppingEvent,
)
from orchestrion.domain.orchestration.lifecycle import PauseMode, RemovalPolicy, TradingState
from orchestrion.runtime.actor import Answer
from orchestrion.runtime.supervision import SupervisionPolicy
from tests.fakes import (
    Action,
    AsyncScripted,
    Script,
    Scripted,
    Stage,
    at,
    buy,
    closing,
    fail,
    fill_report,
    following,
    minute,
    opening,
    sell,
)

pytestmark = pytest.mark.anyio
REFUSE, FLATTEN, HAND_OVER = RemovalPolicy
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
ONE_FAILURE = SupervisionPolicy(failures_max=1)


class Account:
    """Alpha and beta, each with 30,000 of 100,000; the rest is reserve. An operator asks."""

    def __init__(self, kind: Any = Scripted, **options: Any) -> None:
        self.scripts = {"alpha": Script(), "beta": Script()}
        self.newcomers: dict[str, Script] = {}
        self.kind = kind
        self.stage = Stage(
            following(self.scripts, kind),
            allocation_pct={"alpha": 30, "beta": 30},
            build=self._build,
            **options,
        )
        self.questions = 0

    def _build(self, name: str, config: Any) -> Strategy:
        if name == "rubbish":
            raise ValueError("no such thing")
        script = self.newcomers.setdefault(name, Script(**config))
        strategy: Strategy = self.kind(script)
        return strategy

    async def __aenter__(self) -> Account:
        await self.stage.__aenter__()
        return self

    async def __aexit__(self, *exc_info: Any) -> None:
        await self.stage.__aexit__(*exc_info)

    async def bar(self, number: int, **actions: Action) -> list[str]:
        """Plays a bar at which some strategies act; what became of their commands."""
        for strategy_id, script in (self.scripts | self.newcomers).items():
            action = actions.get(strategy_id)
            script.on_event = {number: action} if action is not None else {}
        before = len(self.stage.decisions)
        await self.stage.publish([minute(number)])
        return self.stage.verdicts()[before:]

    async def ask(self, kind: Any, **fields: Any) -> Answer:
        self.questions += 1
        question = kind(question_id=self.questions, **fields)
        return await self.stage.session.ask(question, self.questions)

    async def remove(self, strategy_id: str, policy: RemovalPolicy, heir_id: str = "") -> Answer:
        return await self.ask(
            RemoveStrategy, strategy_id=strategy_id, policy=policy, heir_id=heir_id
        )

    async def add(self, strategy_id: str, name: str = "gamma", **fields: Any) -> Answer:
        fields = {"amount": Decimal("10000.00")} | fields
        return await self.ask(AddStrategy, strategy_id=strategy_id, strategy_name=name, **fields)

    def status(self, strategy_id: str = "alpha") -> str:
        return self.stage.system.status(strategy_id)

    def told(self, strategy_id: str = "alpha") -> list[str]:
        """The life of a strategy, as events tell it."""
        lives = (
            StrategyAddedEvent,
            StrategyStartingEvent,
            StrategyStartedEvent,
            StrategyPausedEvent,
            StrategyResumedEvent,
            StrategyReducingEvent,
            StrategyQuarantinedEvent,
            StrategyStoppingEvent,
            StrategyStoppedEvent,
            StrategyRemovedEvent,
        )
        return [
            type(one).__name__.removeprefix("Strategy").removesuffix("Event")
            for one in self.stage.events
            if isinstance(one, lives) and one.strategy_id == strategy_id
        ]

    def book(self, book_id: str) -> Any:
        return self.stage.system.books[book_id]

    def held(self, book_id: str = "alpha") -> int:
        """Whole shares."""
        return int(self.book(book_id).quantity("AAA"))

    def sent_by(self, strategy_id: str) -> int:
        return len([one for one in self.stage.intents if one.strategy_id == strategy_id])

    def calls(self, handler: str, strategy_id: str = "alpha") -> int:
        script = (self.scripts | self.newcomers)[strategy_id]
        return len([name for name, _ in script.calls if name == handler])


# --- from the start to the end -----------------------------------------------------------------


@pytest.mark.parametrize("kind", [Scripted, AsyncScripted])
async def test_a_life_without_trouble_is_told_step_by_step(kind: Any) -> None:
    async with Account(kind) as account:
        assert account.status() == "ready"
        await account.bar(0)
        assert account.status() == "running"
        await account.ask(PauseStrategy, strategy_id="alpha", mode=PauseMode.FROZEN)
        assert account.status() == "paused (frozen)"
        await account.ask(ResumeStrategy, strategy_id="alpha")
        await account.stage.session.end()
        assert account.status() == "stopped"
        steps = ["Added", "Starting", "Started", "Paused", "Resumed", "Stopping", "Stopped"]
        assert account.told() == steps
        assert (account.calls("on_start"), account.calls("on_stop")) == (1, 1)


@pytest.mark.parametrize("mode", list(PauseMode))
async def test_strategy_paused_before_the_start_is_started_once_and_stopped_once(
    mode: PauseMode,
) -> None:
    async with Account(paused={"alpha": mode}) as account:
        await account.bar(0)
        assert account.status() == f"paused ({mode})"
        await account.ask(ResumeStrategy, strategy_id="alpha")
        await account.bar(1)
        await account.ask(PauseStrategy, strategy_id="alpha", mode=mode)
        await account.stage.session.end()
        assert (account.calls("on_start"), account.calls("on_stop")) == (1, 1)


async def test_pause_that_is_taken_back_before_the_start_leaves_it_ready() -> None:
    account = Account(paused={"alpha": PauseMode.FROZEN})
    account.stage.orchestrator.resume_strategy("alpha")
    assert account.stage.orchestrator.strategies["alpha"].status == "ready"


async def test_what_the_domain_collected_before_the_run_is_journaled_with_its_start() -> None:
    async with Account(capital=Decimal(0)) as account:
        await account.bar(0)
        names = [one.name for one in account.stage.records() if one.seq == 1]
        assert "StrategyAddedEvent" in names
        assert "CapitalMissingEvent" in names


async def test_rule_of_the_account_lets_only_exits_pass_until_it_lets_go() -> None:
    async with Account() as account:
        await account.bar(0, alpha=buy(10))
        await account.bar(1, alpha=buy(1, **RESTING))
        coordinator = account.stage.machine._cells["core:coordinator"].mailbox
        coordinator.tell(ReducingChanged("alpha", is_reducing=True, reason="margin"))
        assert await account.bar(2, alpha=buy(1)) == ["TRADING_REDUCING"]
        assert account.status() == "reducing"
        assert account.stage.orchestrator.capital_manager.working_orders("alpha") == {}
        assert await account.bar(3, alpha=sell(4)) == ["APPROVED"]
        coordinator.tell(ReducingChanged("alpha", is_reducing=False))
        assert await account.bar(4, alpha=buy(1)) == ["APPROVED"]
        assert account.status() == "running"


# --- removal: refuse -----------------------------------------------------------------------------


async def test_refusing_removal_says_what_is_open_and_changes_nothing() -> None:
    async with Account() as account:
        await account.bar(0, alpha=buy(10))
        await account.bar(1, alpha=buy(1, **RESTING))
        answer = await account.remove("alpha", REFUSE)
        assert answer.error.startswith("alpha still has 10 AAA, working orders ")
        assert account.status() == "running"
        assert await account.bar(2, alpha=sell(10)) == ["APPROVED"]


@pytest.mark.parametrize("kind", [Scripted, AsyncScripted])
async def test_strategy_with_nothing_open_goes_at_once_and_its_capital_is_reserve(
    kind: Any,
) -> None:
    async with Account(kind) as account:
        await account.bar(0)
        answer = await account.remove("alpha", REFUSE)
        assert (answer.value, answer.error) == ("removed", "")
        assert account.status() == "removed"
        assert account.book("alpha").cash == 0
        assert account.book(RESERVE).cash == Decimal("70000.00")
        assert account.told()[-3:] == ["Stopping", "Stopped", "Removed"]
        assert account.calls("on_stop") == 1
        calls = account.calls("on_event")
        await account.bar(1, alpha=buy(1), beta=buy(1))
        assert account.calls("on_event") == calls
        assert account.stage.orchestrator.ids_in_rank_order() == ("beta",)
        await account.stage.session.end()


@pytest.mark.parametrize(
    ("strategy_id", "policy", "heir_id", "message"),
    [
        (RESERVE, REFUSE, "", "RESERVE is a book of the account and cannot be removed"),
        (EXTERNAL, FLATTEN, "", "EXTERNAL is a book of the account and cannot be removed"),
        ("nobody", FLATTEN, "", "there is no strategy 'nobody'"),
        ("alpha", HAND_OVER, "", "there is no strategy '' to hand over to"),
        ("alpha", HAND_OVER, "alpha", "alpha cannot hand over to itself"),
        ("alpha", FLATTEN, "beta", "flatten leaves nothing to 'beta'"),
        ("beta", FLATTEN, "", "alpha depends on beta: remove it first"),
    ],
)
async def test_removal_that_cannot_be_is_refused_in_words(
    strategy_id: str, policy: RemovalPolicy, heir_id: str, message: str
) -> None:
    async with Account(metadata={"alpha": {"depends_on": ("beta",)}}) as account:
        await account.bar(0)
        answer = await account.remove(strategy_id, policy, heir_id)
        assert answer.error == message
        assert (account.status("alpha"), account.status("beta")) == ("running", "running")


# --- removal: flatten ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Scripted, AsyncScripted])
async def test_flattened_strategy_stops_until_its_fills_have_closed_everything(kind: Any) -> None:
    async with Account(kind) as account:
        # Given a position with a protective stop and a resting entry,
        await account.bar(0, alpha=buy(10))
        await account.bar(1, alpha=sell(10, **STOP))
        await account.bar(2, alpha=buy(1, **RESTING))
        # when it is removed,
        answer = await account.remove("alpha", FLATTEN)
        assert answer.value == "stopping"
        # then both orders are withdrawn and the position is being closed, and it waits.
        cancelled = [one for one in account.stage.intents if isinstance(one.command, CancelOrder)]
        assert len(cancelled) == 2
        assert account.status() == "stopping"
        assert account.held() == 10
        sent = account.sent_by("alpha")
        await account.bar(3, alpha=buy(5))
        assert account.held() == 0
        assert account.status() == "removed"
        assert account.sent_by("alpha") == sent, "it sends nothing itself any more"
        gained = (opening(3) - opening(1)) * 10
        assert account.book(RESERVE).cash == Decimal("70000.00") + gained
        await account.stage.session.end()
        assert account.stage.system.auditor.checks > 3


async def test_strategy_that_cannot_be_flattened_now_is_when_the_account_trades_again() -> None:
    async with Account() as account:
        await account.bar(0, alpha=buy(10))
        await account.bar(1)
        await account.ask(SetTradingState, state=TradingState.HALTED, reason="test")
        await account.remove("alpha", FLATTEN)
        assert await account.bar(2) == []
        assert (account.status(), account.held()) == ("stopping", 10)
        await account.ask(SetTradingState, state=TradingState.ACTIVE, reason="test")
        await account.bar(3)
        assert (account.status(), account.held()) == ("removed", 0)


async def test_late_fill_of_a_removed_strategy_is_booked_to_its_empty_book() -> None:
    async with Account() as account:
        await account.bar(0, alpha=buy(10))
        await account.bar(1)
        await account.remove("alpha", FLATTEN)
        await account.bar(2)
        assert account.status() == "removed"
        last = account.stage.fills[-1]
        late = fill_report(2, client_order_id=last.client_order_id, trade_id="late", side=last.side)
        await account.stage.session.report(late, at(2))
        assert account.held() == -1, "the venue's word about money always wins"
        assert account.sent_by("alpha") == 2
        await account.bar(3)
        await account.stage.session.end()


# --- removal: hand over --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Scripted, AsyncScripted])
async def test_positions_are_handed_over_at_the_mark_after_all_orders_were_withdrawn(
    kind: Any,
) -> None:
    async with Account(kind) as account:
        # Given ten shares bought at the opening of bar 1, and a stop that protects them,
        await account.bar(0, alpha=buy(10), beta=None)  # type: ignore[arg-type]
        await account.bar(1, alpha=sell(10, **STOP))
        await account.bar(2)
        equities = sum(account.book(one).cash for one in ("alpha", "beta", RESERVE))
        # when alpha hands over to beta,
        answer = await account.remove("alpha", HAND_OVER, "beta")
        # then the stop is withdrawn first, and the shares move at the last close.
        assert (answer.value, account.status()) == ("stopping", "removed")
        (moved,) = account.stage.events_of(PositionsHandedOverEvent)
        assert moved.quantities == {"AAA": 10}
        assert moved.prices == {"AAA": closing(2)}
        assert moved.realized_pnl == (closing(2) - opening(1)) * 10
        assert account.book("alpha").realized_pnl == moved.realized_pnl
        assert account.held("beta") == 10
        assert account.book("beta").positions["AAA"].cost == closing(2) * 10
        assert sum(account.book(one).cash for one in ("alpha", "beta", RESERVE)) == equities
        # And beta may sell what is its own now.
        assert await account.bar(3, beta=sell(10)) == ["APPROVED"]
        await account.bar(4)
        assert account.held("beta") == 0
        await account.stage.session.end()


async def test_heir_without_room_delays_the_hand_over_and_another_policy_ends_it() -> None:
    async with Account() as account:
        await account.bar(0, alpha=buy(250))
        await account.bar(1, beta=buy(250))
        await account.bar(2)
        answer = await account.remove("alpha", HAND_OVER, "beta")
        assert answer.value == "stopping"
        assert account.status() == "stopping"
        (delayed,) = account.stage.events_of(RemovalDelayedEvent)
        assert delayed.detail.startswith("beta would need ")
        assert (account.held("alpha"), account.held("beta")) == (250, 250)
        await account.remove("alpha", FLATTEN)
        await account.bar(3)
        assert (account.status(), account.held()) == ("removed", 0)
        assert account.calls("on_stop") == 1


# --- quarantine ----------------------------------------------------------------------------------


async def test_custodian_hands_over_what_a_failed_strategy_holds() -> None:
    options: dict[str, Any] = {"custodian": "hand_over", "custodian_heir": "beta"}
    async with Account(supervision=ONE_FAILURE, **options) as account:
        await account.bar(0, alpha=buy(10))
        await account.bar(1, alpha=sell(10, **STOP))
        await account.bar(2, alpha=fail(ValueError("broken")))
        assert account.status() == "quarantined"
        assert (account.held("alpha"), account.held("beta")) == (0, 10)
        assert account.book("alpha").cash > 0, "its capital stays with it"
        assert account.stage.orchestrator.capital_manager.working_orders("alpha") == {}
        answer = await account.remove("alpha", REFUSE)
        assert answer.value == "removed"
        assert account.book("alpha").cash == 0


async def test_custodian_whose_heir_is_not_there_holds_and_says_so() -> None:
    options: dict[str, Any] = {"custodian": "hand_over", "custodian_heir": "ghost"}
    async with Account(supervision=ONE_FAILURE, **options) as account:
        await account.bar(0, alpha=buy(10))
        await account.bar(1, alpha=fail(ValueError("broken")))
        assert (account.status(), account.held()) == ("quarantined", 10)
        (delayed,) = account.stage.events_of(RemovalDelayedEvent)
        assert delayed.detail == "there is no strategy 'ghost' to hand over to"


# --- joining -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Scripted, AsyncScripted])
async def test_newcomer_draws_on_the_reserve_is_started_and_trades(kind: Any) -> None:
    async with Account(kind) as account:
        await account.bar(0)
        answer = await account.add("gamma", amount=Decimal("15000.00"), priority=5)
        assert (answer.value, answer.error) == (Decimal("15000.00"), "")
        assert account.book(RESERVE).cash == Decimal("25000.00")
        assert account.status("gamma") == "running"
        assert account.told("gamma") == ["Added", "Starting", "Started"]
        assert account.stage.orchestrator.ids_in_rank_order() == ("gamma", "alpha", "beta")
        assert await account.bar(1, gamma=buy(100), alpha=buy(1)) == ["APPROVED", "APPROVED"]
        assert [one.strategy_id for one in account.stage.decisions] == ["gamma", "alpha"]
        await account.bar(2)
        assert account.held("gamma") == 100
        assert account.calls("on_fill", "gamma") == 1
        await account.remove("gamma", FLATTEN)
        await account.bar(3)
        assert account.status("gamma") == "removed"
        await account.stage.session.end()


async def test_newcomer_reads_the_signals_of_those_it_depends_on() -> None:
    async with Account() as account:
        await account.bar(0)
        await account.add("gamma", depends_on=("alpha",))
        assert account.stage.orchestrator.stages() == (("alpha", "beta"), ("gamma",))
        await account.bar(1)
        order = [hop.actor for hop in account.stage.trace if hop.seq == account.stage.machine.seq]
        assert order.index("alpha") < order.index("gamma")


async def test_newcomer_gets_a_part_of_the_reserve() -> None:
    async with Account() as account:
        await account.bar(0)
        answer = await account.add("gamma", amount=None, reserve_fraction=Decimal("0.25"))
        assert answer.value == Decimal("10000.00")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"strategy_id": "alpha"}, "there is a strategy 'alpha' already"),
        ({"amount": Decimal("40000.01")}, "asks for 40000.01, the reserve holds 40000.00"),
        ({"amount": Decimal(0)}, "asks for 0: whole cents above 0 are needed"),
        ({"reserve_fraction": Decimal("0.5")}, "either an amount or a part of the reserve"),
        ({"amount": None, "reserve_fraction": Decimal(2)}, "must be above 0 to 1, got 2"),
        ({"depends_on": ("ghost",)}, "there is no strategy 'ghost'"),
        ({"name": "rubbish"}, "gamma cannot be built: ValueError: no such thing"),
        ({"strategy_id": "co:lon"}, "cannot be built: ValidationError"),
    ],
)
async def test_newcomer_that_does_not_fit_is_refused_and_nothing_changes(
    fields: dict[str, Any], message: str
) -> None:
    async with Account() as account:
        await account.bar(0)
        before = dict(account.stage.system.books)
        answer = await account.add(**({"strategy_id": "gamma"} | fields))
        assert message in answer.error
        assert account.stage.system.books == before
        assert account.stage.orchestrator.ids_in_rank_order() == ("alpha", "beta")
        await account.bar(1, alpha=buy(1))


async def test_run_without_a_builder_refuses_newcomers_in_words() -> None:
    account = Account()
    account.stage = Stage(following(account.scripts))
    async with account:
        await account.bar(0)
        answer = await account.add("gamma")
        assert answer.error == "this run was made without a way to build further strategies"


async def test_id_of_a_removed_strategy_is_not_given_again() -> None:
    async with Account() as account:
        await account.bar(0)
        await account.remove("alpha", REFUSE)
        answer = await account.add("alpha")
        assert answer.error == "'alpha' was removed in this run: choose another id"


async def test_one_more_makes_a_lone_strategy_one_of_two() -> None:
    script = Script()
    account = Account()
    account.stage = Stage(
        following({"alpha": script}), allocation_pct={"alpha": 50}, build=account._build
    )
    async with account:
        await account.bar(0)
        # A lone strategy has all the capital, whatever its percentage says.
        answer = await account.add("gamma")
        assert "the reserve holds 0.00" in answer.error
