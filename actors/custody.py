"""What becomes of a strategy that failed too often, or that a rule of the account holds back.

A collaborator of the coordinator. In quarantine a strategy's entries are withdrawn, its capital
stays with it, and its positions are the custodian's: it holds them with their protective orders,
closes them, or hands them over.
"""

from __future__ import annotations

from orchestrion.actors.adjudication import Adjudication
from orchestrion.actors.departures import Departures
from orchestrion.actors.membership import Rounds
from orchestrion.actors.messages import CancelEntriesRequest, FlattenRequest, ReducingChanged
from orchestrion.actors.standings import Standings
from orchestrion.domain.orchestration.lifecycle import (
    Custodian,
    RemovalPolicy,
    StrategyStatus,
    StrategyStep,
)
from orchestrion.domain.orchestration.removal import WindingUp
from orchestrion.runtime.mailbox import Mailbox


class Custody:
    """See the module's text."""

    def __init__(
        self,
        *,
        rounds: Rounds,
        standings: Standings,
        departures: Departures,
        adjudication: Adjudication,
        custodian: Custodian,
        heir_id: str,
    ) -> None:
        self._rounds = rounds
        self._standings = standings
        self._departures = departures
        self._adjudication = adjudication
        self._custodian = custodian
        self._heir_id = heir_id

    def connect(self, *, capital_manager: Mailbox, gateway: Mailbox) -> None:
        """Called once, by the coordinator's wiring."""
        self._capital_manager = capital_manager
        self._gateway = gateway

    def quarantine(self, strategy_id: str, failure: str) -> None:
        """Once; a strategy can fail again at what it was told before it was out."""
        standing = self._standings.by_id.get(strategy_id)
        if standing is None or standing.is_over or standing.status is StrategyStatus.QUARANTINED:
            return
        if self._custodian is Custodian.FLATTEN:
            self._flatten(strategy_id)
        self._gateway.tell(CancelEntriesRequest(strategy_id))
        self._standings.take(
            strategy_id, StrategyStep.QUARANTINE, reason=failure, custodian=self._custodian
        )
        self._adjudication.release(self._rounds.next_number, gone=(strategy_id,))
        if self._custodian is Custodian.HAND_OVER:
            policy = RemovalPolicy.HAND_OVER
            self._departures.begin(WindingUp(strategy_id, policy, self._heir_id, is_leaving=False))
            self._departures.advance(strategy_id, self._rounds.round_number)

    def on_session_closed(self) -> None:
        """What could not be closed yet is tried again."""
        for strategy_id in tuple(self._standings.by_id):
            is_out = self._standings.is_in(strategy_id, StrategyStatus.QUARANTINED)
            if is_out and self._custodian is Custodian.FLATTEN:
                self._flatten(strategy_id)

    def on_reducing(self, message: ReducingChanged) -> None:
        """A rule of the account; who is paused, or out, is kept from entering already."""
        step = StrategyStep.REDUCE if message.is_reducing else StrategyStep.RECOVER
        possible = StrategyStatus.RUNNING if message.is_reducing else StrategyStatus.REDUCING
        if self._standings.is_in(message.strategy_id, possible):
            self._standings.take(message.strategy_id, step, reason=message.reason)
            if message.is_reducing:
                self._gateway.tell(CancelEntriesRequest(message.strategy_id))

    def _flatten(self, strategy_id: str) -> None:
        self._capital_manager.tell(FlattenRequest(self._rounds.round_number, strategy_id))
