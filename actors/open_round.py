"""The round that is open: who is told what, who still owes an answer, what came in.

A round goes through its stages one after the other; each waits for all its answers. Answers are
kept by strategy and read in rank order, so the moment at which one comes has no influence.
"""

from __future__ import annotations

from collections.abc import Callable

from orchestrion.actors.messages import (
    Delivery,
    FillDelivered,
    SliceDelivered,
    StrategyAnswered,
)
from orchestrion.actors.round_plan import Plan, Seat
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.report import OrderFilledReport
from orchestrion.domain.models.strategy import Signal
from orchestrion.domain.orchestration.proposal import Checked


class OpenRound:
    """One delivery to every seat of the stages.

    Attributes:
        outstanding: answers that the present stage still owes.
        answers: by strategy id; who had nothing to say has none.
        then: what follows when the round closes, before its commands are decided.
    """

    __slots__ = (
        "_delivery",
        "_mailboxes",
        "_signals",
        "_stage",
        "_stages",
        "answers",
        "number",
        "outstanding",
        "then",
    )

    def __init__(
        self,
        number: int,
        plan: Plan,
        delivery: MarketSlice | Delivery,
        then: Callable[[], None] | None = None,
    ) -> None:
        """
        Args:
            plan: of at least one stage, none of them empty.
            delivery: the same message for all; or a slice, which each stage is told together with
                the signals of the earlier ones.
        """
        self.number = number
        self.outstanding = 0
        self.answers: dict[str, StrategyAnswered] = {}
        self.then = then
        self._stages = plan.stages
        self._mailboxes = plan.mailboxes
        self._stage = 0
        self._delivery = delivery
        self._signals: tuple[Signal, ...] = ()

    def tell_stage(self) -> None:
        """Tells the present stage, in rank order."""
        seats = self._stages[self._stage]
        self.outstanding = len(seats)
        message = self._delivery
        if type(message) is MarketSlice:
            message = SliceDelivered(self.number, message, self._signals)
        if self._mailboxes:
            self._mailboxes[self._stage].tell(message)
            return
        for seat in seats:
            seat.mailbox.tell(message)

    def keep(self, answer: StrategyAnswered) -> None:
        """Takes an answer; of one who answers twice, behind the first."""
        earlier = self.answers.get(answer.strategy_id)
        if earlier is not None:
            answer = StrategyAnswered(
                answer.strategy_id,
                (*earlier.checked, *answer.checked),
                (*earlier.signals, *answer.signals),
            )
        self.answers[answer.strategy_id] = answer

    def next_stage(self) -> bool:
        """Goes on to the next stage; False when there is none."""
        self._stage += 1
        if self._stage == len(self._stages):
            return False
        if self.answers:
            self._signals = tuple(
                signal for answer in self._answers_in_rank_order() for signal in answer.signals
            )
        self.tell_stage()
        return True

    def leave(self, strategy_id: str) -> None:
        """Takes a strategy out of the stages that were not told yet: it is in quarantine, and
        nobody would answer for it."""
        told = self._stage + 1
        later = (
            tuple(seat for seat in stage if seat.strategy_id != strategy_id)
            for stage in self._stages[told:]
        )
        self._stages = (*self._stages[:told], *(stage for stage in later if stage))
        self._mailboxes = ()  # those of whole stages: from now on each seat is told by itself

    @property
    def checked(self) -> tuple[Checked, ...]:
        """All commands of the round, in order of (rank, index)."""
        return tuple(one for answer in self._answers_in_rank_order() for one in answer.checked)

    def _answers_in_rank_order(self) -> list[StrategyAnswered]:
        # Of a stage that was not told yet nobody has answered.
        return [
            self.answers[seat.strategy_id]
            for seat in self._seats()
            if seat.strategy_id in self.answers
        ]

    def _seats(self) -> list[Seat]:
        return [seat for stage in self._stages for seat in stage]


class FillRound(OpenRound):
    """Every owner is told his own fills, one after the other.

    Its stages are no dependency stages: the first tells each owner his first fill, the next the
    second, so that a strategy never has two calls at once.
    """

    __slots__ = ("_fills", "_listens")

    def __init__(
        self,
        number: int,
        owners: tuple[tuple[Seat, tuple[OrderFilledReport, ...]], ...],
        listens: Callable[[str], bool],
    ) -> None:
        """
        Args:
            owners: in rank order, each with at least one fill; at least one owner.
            listens: whether a strategy is still called; one that failed at its first fill may be
                out when its second would be told, and would never answer.
        """
        most = max(len(fills) for _, fills in owners)
        super().__init__(
            number,
            Plan(
                tuple(tuple(seat for seat, fills in owners if len(fills) > i) for i in range(most))
            ),
            delivery=FillDelivered(number, owners[0][1][0]),
        )
        self._fills = {seat.strategy_id: fills for seat, fills in owners}
        self._listens = listens

    def next_stage(self) -> bool:
        while super().next_stage():
            if self.outstanding:
                return True
        return False

    def tell_stage(self) -> None:
        place = self._stage
        seats = [seat for seat in self._stages[place] if self._listens(seat.strategy_id)]
        self.outstanding = len(seats)
        for seat in seats:
            seat.mailbox.tell(FillDelivered(self.number, self._fills[seat.strategy_id][place]))

    def _seats(self) -> list[Seat]:
        return list(self._stages[0])
