"""``DecisionWriter``: verdicts as the journal and the decision hash hold them.

A decision names no run, seq or client order id, so that backtest, paper, a restarted run and a
replay can agree on it. A cancel has to name an order all the same: it does so by the round and the
index of the decision that approved it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

import msgspec

from orchestrion.actors.messages import DecisionRecord
from orchestrion.actors.tally import Tally
from orchestrion.domain.models.command import (
    ApprovedCommand,
    CancelOrder,
    RefusalCode,
    SubmitOrder,
    Verdict,
)
from orchestrion.domain.models.order import Order
from orchestrion.domain.orchestration.proposal import HeldProposal
from orchestrion.runtime.actor import ActorContext
from orchestrion.runtime.journal import RecordKind

GONE = "an order that has ended"
"""Named by a cancel that came too late."""


class DecisionWriter:
    """Writes decisions for the capital manager, and counts them."""

    STATE: ClassVar[Mapping[str, Any]] = {"_places": dict[str, str]}

    def __init__(
        self, context: ActorContext, tallies: Mapping[str, Tally], order_id_prefix: str
    ) -> None:
        """
        Args:
            order_id_prefix: with which every order id of the run begins.
        """
        self._context = context
        self._tallies = tallies
        self._order_id_prefix = order_id_prefix
        self._places: dict[str, str] = {}

    def write(
        self, round_number: int, index: int, verdict: Verdict, asked_for: tuple[Decimal, ...] = ()
    ) -> None:
        """Records a verdict.

        Args:
            asked_for: quantity of each leg before a conflict rule cut the command; usually empty.
        """
        tally = self._tallies[verdict.strategy_id]
        if isinstance(verdict, ApprovedCommand):
            command = verdict.command
            size: tuple[Decimal, ...] = ()
            if isinstance(command, SubmitOrder):
                size = tuple([leg.quantity for leg in command.legs])
                self._places[verdict.client_order_id] = f"{round_number}-{index}"
            tally.approve(command)
            decision = DecisionRecord(
                round=round_number,
                index=index,
                strategy_id=verdict.strategy_id,
                command=self._without_ids(command),
                verdict="APPROVED",
                size=size,
                detail=_cut_words(asked_for) if asked_for else "",
            )
        else:
            tally.refuse(verdict.code.value)
            decision = DecisionRecord(
                round=round_number,
                index=index,
                strategy_id=verdict.strategy_id,
                command=self._without_ids(verdict.command),
                verdict="REFUSED",
                size=(),
                reason=verdict.code,
                detail=verdict.detail,
            )
        self._context.record(RecordKind.DECISION, decision)

    def write_held(self, round_number: int, index: int, held: HeldProposal) -> None:
        """Records a command that waits for others' orders to be withdrawn; its verdict follows."""
        command = held.command
        decision = DecisionRecord(
            round=round_number,
            index=index,
            strategy_id=held.strategy_id,
            command=command,
            verdict="HELD",
            size=tuple(leg.quantity for leg in command.legs),
            reason=RefusalCode.CONFLICT,
            detail=f"waits for {len(held.waits_for)} resting order(s) to be withdrawn",
        )
        self._context.record(RecordKind.DECISION, decision)

    def forget(self, order: Order) -> None:
        """An order has ended: nobody can cancel it any more."""
        self._places.pop(order.client_order_id, None)

    def _without_ids(
        self, command: SubmitOrder | CancelOrder | None
    ) -> SubmitOrder | CancelOrder | None:
        if type(command) is not CancelOrder:
            return command
        named = command.client_order_id
        place = self._places.get(named)
        if place is None and not named.startswith(self._order_id_prefix):
            return command  # the strategy's own invention, the same in every run
        return msgspec.structs.replace(command, client_order_id=place or GONE)


def _cut_words(asked_for: tuple[Decimal, ...]) -> str:
    return f"cut by a conflict rule, asked for {', '.join(f'{one:f}' for one in asked_for)}"
