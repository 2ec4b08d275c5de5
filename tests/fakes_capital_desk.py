"""A stage for capital that moves: daily closes, strategies scripted by day, and a replay.

    async with DeskStage({"trend": Plan({0: buy(100)}), "carry": Plan()}) as stage:
        await stage.day(AAA=100)
        await stage.day(AAA=110)

Every day is one slice of closes, so an order that is decided at one close fills at the next, and
every slice but the first closes the session before it. ``stage.assert_replays()`` posts what the
journal holds to a second system and compares every record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from orchestrion.actors.inputs import decode_input
from orchestrion.actors.messages import PullKillSwitch, Rebalance, ResetStop
from orchestrion.adapters.session import CapitalReport
from orchestrion.domain.capital.cash_flow import (
    Attribution,
    CashFlowKind,
    CashFlowReport,
    ToBook,
)
from orchestrion.domain.capital.kill_switch import StopAction
from orchestrion.domain.desk.desk_settings import CapitalDeskSettings
from orchestrion.domain.models.market import Bar, MarketSlice
from orchestrion.domain.models.money import ZERO, add, to_e9
from orchestrion.domain.models.portfolio import RESERVE
from orchestrion.domain.models.report import VenueReport
from orchestrion.domain.models.strategy import Strategy, StrategyView
from orchestrion.runtime.actor import Answer, Question
from orchestrion.runtime.journal import RecordKind
from orchestrion.runtime.replay import ComparingJournal
from tests.fakes import DAY_NS, START, Action, Stage

Plan = dict[int, Action]
"""What a strategy does, by number of the day."""


class Daily(Strategy):
    """Follows a plan."""

    def __init__(self, plan: Mapping[int, Action] | None = None) -> None:
        super().__init__()
        self.plan = plan or {}

    def on_event(self, event: MarketSlice, view: StrategyView) -> Any:
        action = self.plan.get((event.ts_event - START) // DAY_NS)
        return action(view) if action is not None else None


def day_at(number: int) -> int:
    return START + number * DAY_NS


def closes(number: int, **prices: object) -> MarketSlice:
    """The closes of one day."""
    ts = day_at(number)
    return MarketSlice.of(
        Bar(one, ts, ts, *(to_e9(Decimal(str(price))),) * 4) for one, price in prices.items()
    )


def _factory(plan: Mapping[int, Action]) -> Callable[[], Strategy]:
    return lambda: Daily(plan)


class DeskStage(Stage):
    """A stage that counts days and asks operators' questions."""

    def __init__(
        self,
        plans: Mapping[str, Mapping[int, Action]],
        desk: CapitalDeskSettings | None = None,
        **options: Any,
    ) -> None:
        self._plans = {one: _factory(plan) for one, plan in plans.items()}
        self._options = {"capital_desk": desk or CapitalDeskSettings(), **options}
        self.days = 0
        self._questions = 0
        super().__init__(self._plans, is_data_recorded=True, **self._options)

    async def day(self, **prices: object) -> None:
        """One day's closes; the session before it is closed first."""
        await self.publish([closes(self.days, **prices)])
        self.days += 1

    async def hand_in(self, report: CapitalReport) -> None:
        await self.session.report(report, self.machine.now)

    async def hand_in_venue(self, report: VenueReport) -> None:
        await self.session.report(report, self.machine.now)

    async def flow(
        self,
        flow_id: str,
        kind: CashFlowKind,
        amount: object,
        attribution: Attribution = ToBook(RESERVE),  # noqa: B008 - a frozen value
        **fields: Any,
    ) -> None:
        await self.hand_in(
            CashFlowReport(
                flow_id=flow_id,
                kind=kind,
                amount=Decimal(str(amount)),
                ts_event=self.machine.now,
                attribution=attribution,
                **fields,
            )
        )

    def next_question(self) -> int:
        self._questions += 1
        return self._questions

    async def ask(self, question: Question) -> Answer:
        return await self.session.ask(question, question.question_id)

    async def rebalance(self, method: str = "", **weights: str) -> Answer:
        return await self.ask(
            Rebalance(
                question_id=self.next_question(),
                weights={one: Decimal(share) for one, share in weights.items()},
                method=method,
            )
        )

    async def pull(self, scope_id: str, action: StopAction) -> Answer:
        return await self.ask(
            PullKillSwitch(question_id=self.next_question(), scope_id=scope_id, action=action)
        )

    async def reset(self, scope_id: str) -> Answer:
        return await self.ask(ResetStop(question_id=self.next_question(), scope_id=scope_id))

    # -- what there is to see ---------------------------------------------------------------

    def total(self) -> Decimal:
        total = ZERO
        for book_id in self.books:
            total = add(total, self.equity(book_id))
        return total

    def labels(self) -> list[str]:
        """Labels of the orders that left."""
        return [one.command.label for one in self.intents]

    def assert_replays(self) -> None:
        """Posts the recorded inputs to a second system; every record has to come out the same."""
        records = list(self.journal.records())
        comparing: Any = ComparingJournal(records)
        twin = Stage(self._plans, journal=comparing, **self._options)
        for record in records:
            if record.kind is RecordKind.INPUT:
                twin.machine.post(decode_input(record), record.ts)
                twin.machine.take_effects()
        assert comparing.next_seq is None
        assert comparing.compared == len(records)
        assert twin.machine.decision_hash == self.machine.decision_hash
        assert twin.books == self.books
