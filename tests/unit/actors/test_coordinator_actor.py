"""The coordinator at its edges; what a round does stands in the integration tests."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from decimal import Decimal

import pytest

from orchestrion.actors.coordinator_actor import CoordinatorActor
from orchestrion.actors.line_up import LineUp
from orchestrion.actors.membership_messages import AddStrategy
from orchestrion.actors.messages import (
    FillDelivered,
    NothingAnswered,
    OverfillFound,
    OwnersFilled,
    RunEnded,
    RunStarted,
    ScreenRequest,
    SliceDelivered,
    StandingChanged,
    StartDelivered,
    StopDelivered,
    StrategyAnswered,
    StrategyRaised,
    StrategyReplied,
)
from orchestrion.actors.round_plan import Seat
from orchestrion.adapters.journal.memory_journal import MemoryJournal
from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.strategy import Signal
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.lifecycle import (
    PauseMode,
    StrategyStanding,
    StrategyStatus,
)
from orchestrion.domain.orchestration.proposal import Proposal
from orchestrion.domain.orchestration.strategy_coordinator import StrategyCoordinator
from orchestrion.runtime.errors import ActorError
from orchestrion.runtime.machine import Machine
from orchestrion.runtime.mailbox import Mailbox
from tests.fakes import at, fill_report, minute

READY = StrategyStanding()


class Nobody:
    """A recruiter that nobody asks anything."""

    def recruit(self, question: AddStrategy) -> LineUp:
        raise AssertionError(question)

    def capital_of(self, strategy_id: str) -> Decimal:
        raise AssertionError(strategy_id)

    def dismiss(self, strategy_id: str) -> LineUp:
        raise AssertionError(strategy_id)

    def unrestored(self) -> dict[str, str]:
        return {}


class Coordinated:
    """A coordinator whose neighbours are mailboxes that nobody reads."""

    def __init__(self, *stages: tuple[str, ...], paused: PauseMode | None = None) -> None:
        self.ready: deque[Mailbox] = deque()
        self.mailboxes = {
            name: Mailbox(name, _nobody, self.ready)
            for name in ("capital", "gateway", *(one for stage in stages for one in stage))
        }
        self.actor = CoordinatorActor(
            context=Machine(MemoryJournal()),
            coordinator=StrategyCoordinator(),
            working_orders={},
            books=dict,
            publish=lambda _: None,
            recruiter=Nobody(),
        )
        standing = READY if paused is None else StrategyStanding(StrategyStatus.PAUSED, paused)
        self.actor.connect(
            line_up=LineUp(
                tuple(
                    tuple(Seat(one, self.mailboxes[one], (), wants_fills=True) for one in stage)
                    for stage in stages
                ),
                tuple(StrategyMetadata(id=one) for stage in stages for one in stage),
            ),
            standings={one: standing for stage in stages for one in stage},
            capital_manager=self.mailboxes["capital"],
            gateway=self.mailboxes["gateway"],
        )

    def tell(self, *messages: object) -> None:
        for message in messages:
            self.actor.receive(message)

    def read(self, name: str) -> list[object]:
        """Takes what waits in a mailbox."""
        queue = self.mailboxes[name].queue
        messages = list(queue)
        queue.clear()
        return messages

    def told(self) -> list[tuple[str, object]]:
        """Takes what waits for strategies, in the order in which it was told."""
        found = [
            (mailbox.name, mailbox.queue.popleft())
            for mailbox in self.ready
            if mailbox.queue and mailbox.name not in ("capital", "gateway")
        ]
        self.ready.clear()
        return found

    def start(self) -> None:
        self.tell(RunStarted(at(0)))
        for name, mailbox in self.mailboxes.items():
            if any(isinstance(one, StartDelivered) for one in mailbox.queue):
                self.tell(NothingAnswered(name))
            mailbox.queue.clear()
        self.read("capital")
        self.ready.clear()


def _nobody(_: object) -> None:
    raise AssertionError("nobody reads here")


def answered(strategy_id: str, *signals: Signal) -> StrategyAnswered:
    order = SubmitOrder.single(strategy_id, "AAA", OrderSide.BUY, 1)
    return StrategyAnswered(strategy_id, (Proposal(strategy_id, 0, order, False),), signals)


def test_stage_waits_for_all_answers_of_the_one_before() -> None:
    coordinated = Coordinated(("a", "b"), ("c",))
    coordinated.start()
    coordinated.tell(minute(1))
    assert [len(coordinated.read(one)) for one in "abc"] == [1, 1, 0]
    signal = Signal(strategy_id="b", name="trend", value=1.0)
    coordinated.tell(answered("b", signal))
    assert coordinated.read("c") == []
    coordinated.tell(NothingAnswered("a"))
    assert coordinated.read("c") == [SliceDelivered(2, minute(1), (signal,))]


def test_commands_are_in_rank_order_whatever_the_order_of_the_answers() -> None:
    coordinated = Coordinated(("a", "b"), ("c",))
    coordinated.start()
    coordinated.tell(minute(1), answered("b"), answered("a"), answered("c"))
    (_, request) = coordinated.read("capital")
    assert isinstance(request, ScreenRequest)
    assert [one.strategy_id for one in request.checked] == ["a", "b", "c"]


def test_marks_are_told_also_when_no_strategy_is_concerned() -> None:
    coordinated = Coordinated(("a",), paused=PauseMode.FROZEN)
    coordinated.start()
    coordinated.tell(minute(1))
    assert coordinated.read("capital") == [minute(1)]
    assert coordinated.read("a") == []
    assert coordinated.actor.round_number == 1, "the start's"


def test_input_while_a_round_is_open_is_refused() -> None:
    coordinated = Coordinated(("a",))
    coordinated.start()
    coordinated.tell(minute(1))
    with pytest.raises(ActorError, match="round 2 is still open"):
        coordinated.tell(minute(2))


@pytest.mark.parametrize("answer", [NothingAnswered("a"), answered("a")])
def test_answer_without_a_round_is_refused(answer: object) -> None:
    coordinated = Coordinated(("a",))
    coordinated.start()
    with pytest.raises(ActorError, match="an answer came while no round is open"):
        coordinated.tell(answer)


def test_message_that_it_cannot_use_is_refused() -> None:
    with pytest.raises(ActorError, match="the coordinator cannot be told a str"):
        Coordinated(("a",)).tell("hello")


def replied(strategy_id: str) -> StrategyReplied:
    return StrategyReplied(strategy_id=strategy_id, round=1)


def raised(strategy_id: str) -> StrategyRaised:
    return StrategyRaised(strategy_id=strategy_id, round=1, failure="no")


@pytest.mark.parametrize("make", [replied, raised])
def test_reply_goes_through_the_strategys_own_mailbox(make: Callable[[str], object]) -> None:
    coordinated = Coordinated(("a",))
    coordinated.start()
    coordinated.tell(make("a"), make("nobody"))
    assert coordinated.read("a") == [make("a")]


def test_fill_opens_a_round_for_its_owner_alone() -> None:
    coordinated = Coordinated(("a", "b"))
    coordinated.start()
    coordinated.tell(OwnersFilled((("b", fill_report()),)))
    assert coordinated.read("a") == []
    assert coordinated.read("b") == [FillDelivered(2, fill_report())]
    coordinated.tell(answered("b"))
    assert len(coordinated.read("capital")) == 1


def test_fill_of_somebody_unknown_opens_no_round() -> None:
    coordinated = Coordinated(("a",))
    coordinated.start()
    coordinated.tell(OwnersFilled((("EXTERNAL", fill_report()),)), minute(1))
    assert coordinated.actor.round_number == 2


def test_end_opens_a_last_round() -> None:
    coordinated = Coordinated(("a",), ("b",))
    coordinated.start()
    coordinated.tell(RunEnded(at(5)), NothingAnswered("a"))
    assert coordinated.read("b") == [StopDelivered(2, at(5))]


def test_end_without_anybody_opens_none() -> None:
    coordinated = Coordinated(("a",))
    coordinated.start()
    coordinated.tell(OverfillFound("a", "too much"))
    coordinated.tell(RunEnded(at(5)))
    assert coordinated.actor.round_number == 1
    assert coordinated.actor.standings.words("a") == "quarantined"


@pytest.mark.parametrize("mode", list(PauseMode))
def test_strategy_that_is_paused_before_the_start_is_told_of_it_and_stays_paused(
    mode: PauseMode,
) -> None:
    coordinated = Coordinated(("a",), paused=mode)
    coordinated.tell(RunStarted(at(0)))
    standing = StandingChanged("a", StrategyStatus.PAUSED, mode)
    assert coordinated.read("capital") == [standing]
    assert coordinated.read("a") == [StartDelivered(1, at(0))]
    coordinated.tell(NothingAnswered("a"), minute(1))
    assert coordinated.actor.standings.words("a") == f"paused ({mode})"
    assert bool(coordinated.read("a")) == (mode is not PauseMode.FROZEN)


def test_owners_of_a_shared_fill_are_told_in_one_round_in_rank_order() -> None:
    coordinated = Coordinated(("a", "b"), ("c",))
    coordinated.start()
    first, second, third = (fill_report(number) for number in range(3))
    coordinated.tell(OwnersFilled((("c", first), ("a", second), ("c", third))))
    assert coordinated.told() == [("a", FillDelivered(2, second)), ("c", FillDelivered(2, first))]
    coordinated.tell(answered("c"), answered("a"))
    assert coordinated.told() == [("c", FillDelivered(2, third))], "one call at a time"
    assert coordinated.read("capital") == []
    coordinated.tell(answered("c"))
    (request,) = coordinated.read("capital")
    assert isinstance(request, ScreenRequest)
    assert [one.strategy_id for one in request.checked] == ["a", "c", "c"]
    assert coordinated.actor.round_number == 2
