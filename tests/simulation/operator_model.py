"""F13: an operator who acts at any instant, also twice, also for strategies that are not there."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

from orchestrion.actors.membership_messages import AddStrategy, RemoveStrategy
from orchestrion.actors.messages import (
    PauseStrategy,
    PullKillSwitch,
    Rebalance,
    ResetStop,
    ResumeStrategy,
    SetTradingState,
)
from orchestrion.domain.capital.cash_flow import CashFlowKind, CashFlowReport, ToBook
from orchestrion.domain.capital.drawdown_stop import ACCOUNT_SCOPE
from orchestrion.domain.capital.kill_switch import StopAction
from orchestrion.domain.models.portfolio import RESERVE
from orchestrion.domain.orchestration.lifecycle import PauseMode, RemovalPolicy, TradingState
from orchestrion.runtime.actor import Question
from tests.simulation.chance import Chance
from tests.simulation.faults import Fault, FaultPlan

Act: TypeAlias = Question | CashFlowReport


class OperatorModel:
    """Draws acts; every id it ever heard of may be named."""

    def __init__(
        self, chance: Chance, plan: FaultPlan, ids: tuple[str, ...], newcomers: tuple[str, ...]
    ) -> None:
        self._chance = chance
        self._plan = plan
        self._ids = list(ids)
        self._newcomers = list(newcomers)
        self._count = 0

    def next_act(self, ts: int) -> Act | None:
        """What the operator does now, if anything."""
        if self._plan.strikes(Fault.OPERATOR_NONSENSE, self._chance):
            return self._nonsense()
        if not self._plan.strikes(Fault.OPERATOR_ACT, self._chance):
            return None
        return self._act(ts)

    def letting_go(self, ids: tuple[str, ...]) -> list[Act]:
        """Takes back whatever holds the account or somebody back."""
        return [
            ResetStop(question_id=self._next_id(), scope_id=ACCOUNT_SCOPE),
            *(ResetStop(question_id=self._next_id(), scope_id=one) for one in ids),
            SetTradingState(question_id=self._next_id(), state=TradingState.ACTIVE),
            *(ResumeStrategy(question_id=self._next_id(), strategy_id=one) for one in ids),
        ]

    def state(self, state: TradingState) -> Act:
        return SetTradingState(question_id=self._next_id(), state=state, reason="feed gap")

    def stop_all(self) -> Act:
        """Calls back whatever is on its way, for everybody at once."""
        return PullKillSwitch(
            question_id=self._next_id(),
            scope_id=ACCOUNT_SCOPE,
            action=self._chance.pick(tuple(StopAction)),
        )

    def _next_id(self) -> int:
        self._count += 1
        return self._count

    def _act(self, ts: int) -> Act:
        chance = self._chance
        one = chance.pick(self._ids)
        question_id = self._next_id()
        kind = chance.between(0, 11)
        if kind <= 2:
            mode = chance.pick(tuple(PauseMode))
            return PauseStrategy(question_id=question_id, strategy_id=one, mode=mode)
        if kind <= 4:
            return ResumeStrategy(question_id=question_id, strategy_id=one)
        if kind == 5:
            states = (TradingState.ACTIVE, TradingState.ACTIVE, *TradingState)
            return SetTradingState(question_id=question_id, state=chance.pick(states))
        if kind == 6:
            return self._rebalance(question_id)
        if kind == 7:
            scope = ACCOUNT_SCOPE if chance.happens(0.2) else one
            if chance.happens(0.5):
                return ResetStop(question_id=question_id, scope_id=scope)
            action = chance.pick(tuple(StopAction))
            return PullKillSwitch(question_id=question_id, scope_id=scope, action=action)
        if kind == 8 and self._newcomers:
            return self._add(question_id)
        if kind == 9:
            return RemoveStrategy(
                question_id=question_id,
                strategy_id=one,
                policy=(policy := chance.pick(tuple(RemovalPolicy))),
                heir_id=chance.pick(self._ids) if policy is RemovalPolicy.HAND_OVER else "",
            )
        return self._flow(question_id, one, ts)

    def _rebalance(self, question_id: int) -> Act:
        parts = [self._chance.between(0, 30) for _ in self._ids]
        weights = {
            one: Decimal(part) / max(100, sum(parts))
            for one, part in zip(self._ids, parts, strict=True)
        }
        rounded = {one: weight.quantize(Decimal("0.0001")) for one, weight in weights.items()}
        return Rebalance(question_id=question_id, weights=rounded)

    def _add(self, question_id: int) -> Act:
        name = self._newcomers.pop(0)
        self._ids.append(name)
        return AddStrategy(
            question_id=question_id,
            strategy_id=name,
            strategy_name=name,
            reserve_fraction=Decimal(self._chance.between(1, 10)) / 10,
            priority=self._chance.between(-2, 2),
        )

    def _flow(self, number: int, one: str, ts: int) -> Act:
        kind = self._chance.pick(
            (CashFlowKind.DEPOSIT, CashFlowKind.WITHDRAWAL, CashFlowKind.FEE, CashFlowKind.INTEREST)
        )
        return CashFlowReport(
            flow_id=f"flow-{number if self._chance.happens(0.9) else 1}",
            kind=kind,
            amount=Decimal(self._chance.between(1, 100_000)) / 100,
            ts_event=ts,
            attribution=ToBook(RESERVE if self._chance.happens(0.5) else one),
        )

    def _nonsense(self) -> Act:
        question_id = self._next_id()
        match self._chance.between(0, 4):
            case 0:
                return ResumeStrategy(question_id=question_id, strategy_id="nobody")
            case 1:
                mode = PauseMode.FROZEN
                return PauseStrategy(question_id=question_id, strategy_id="", mode=mode)
            case 2:
                return RemoveStrategy(
                    question_id=question_id,
                    strategy_id="nobody",
                    policy=RemovalPolicy.HAND_OVER,
                    heir_id="nobody",
                )
            case 3:
                return AddStrategy(
                    question_id=question_id, strategy_id="bad", strategy_name="no-such-thing"
                )
            case _:
                return Rebalance(question_id=question_id, weights={"nobody": Decimal(2)})
