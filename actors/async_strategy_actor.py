"""``AsyncStrategyActor``: hosts a strategy whose handlers are ``async def``.

The core cannot wait. The actor turns a delivery into an effect that holds the started call; the
shell awaits it in a task of its own and posts the reply, or its absence at the deadline, as an
input. Until then the round is open. In a replay the effect is never carried out: the reply comes
from the journal. Such a strategy cannot be folded again without waiting, so it is restored from the
snapshot after its last good reply; without snapshots its first failure quarantines it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import msgspec

from orchestrion.actors.messages import (
    BookChanged,
    CatalogChanged,
    FillDelivered,
    NothingAnswered,
    OrdersChanged,
    SliceDelivered,
    StartDelivered,
    StopDelivered,
    StrategyAnswered,
    StrategyRaised,
    StrategyReplied,
)
from orchestrion.actors.restart_messages import Restarted
from orchestrion.actors.strategy_actor import StrategyHost, call_strategy, enter_view
from orchestrion.domain.models.command import (
    CancelOrder,
    RefusalCode,
    RefusedCommand,
    SubmitOrder,
)
from orchestrion.domain.models.strategy import Signal, Strategy, StrategyView
from orchestrion.domain.orchestration.proposal import (
    COMMANDS_PER_ANSWER_MAX,
    CheckedAnswer,
    Rejection,
    check_answer,
)
from orchestrion.runtime.actor import ActorContext
from orchestrion.runtime.errors import ActorError, describe
from orchestrion.runtime.mailbox import Mailbox
from orchestrion.runtime.shell import AwaitCall
from orchestrion.runtime.state import require_fields


class StrategyFailedError(ActorError):
    """An asynchronous strategy raised or was late; the text is what the journal holds."""


class AsyncStrategyActor:
    """Hosts an asynchronous strategy."""

    def __init__(
        self,
        *,
        context: ActorContext,
        strategy_id: str,
        factory: Callable[[], Strategy],
        view: StrategyView,
        coordinator: Mailbox,
    ) -> None:
        self._context = context
        self._strategy_id = strategy_id
        self._host = StrategyHost(factory, view, is_folded=False)
        self._coordinator = coordinator
        self._nothing = NothingAnswered(strategy_id)
        self._waiting_round: int | None = None
        self._can_restore = self._host.gives_snapshots

    @property
    def turns(self) -> int:
        return self._host.turns

    def receive(self, message: object) -> None:
        match message:
            case BookChanged() | OrdersChanged() | CatalogChanged():
                self._host.fold(message)
            case StrategyReplied():
                self._on_replied(message)
            case StrategyRaised():
                if message.round == self._waiting_round:
                    self._waiting_round = None
                    raise StrategyFailedError(message.failure)
            case SliceDelivered() | FillDelivered() | StartDelivered() | StopDelivered():
                self._start(message)
            case Restarted():
                self._on_restarted()
            case _:
                raise ActorError(f"a strategy cannot be told a {type(message).__name__}")

    def rebuild(self) -> None:
        """See ``SupervisedActor.rebuild``. The book and orders stay as they are: only the
        strategy's own state goes back."""
        view = self._host.view
        book, orders, now = view.book, view.working_orders, view.now
        if not self._can_restore:
            raise ActorError("an asynchronous strategy needs snapshot() to be restarted")
        self._host.rebuild()
        view.move(book=book, orders=orders, now=now)

    @property
    def host(self) -> StrategyHost:
        """For snapshots of the run."""
        return self._host

    def snapshot(self) -> dict[str, object]:
        """Its state but for the strategy's own: that is remembered, and not recomputed."""
        return {"can_restore": self._can_restore, "host": self._host.snapshot()}

    def restore(self, snapshot: object, memory: object) -> None:
        """Takes back what ``snapshot``, and its host's ``memory``, gave.

        Raises:
            JournalFormatError: it is no such state.
        """
        given = require_fields(snapshot, ("can_restore", "host"), self._strategy_id)
        self._host.restore(given["host"], memory)
        self._can_restore = given["can_restore"] is True

    def _start(
        self, message: SliceDelivered | FillDelivered | StartDelivered | StopDelivered
    ) -> None:
        host, strategy_id, round_number = self._host, self._strategy_id, message.round
        host.turns += 1
        self._waiting_round = round_number
        enter_view(host.view, message)  # now: a replay does not make the call

        async def call() -> object:
            answer = call_strategy(host, message)
            if isinstance(answer, Awaitable):
                answer = await cast("Awaitable[object]", answer)
            return None if isinstance(message, StopDelivered) else answer  # too late to send

        self._context.emit(
            AwaitCall(
                strategy_id,
                start=call,
                reply=lambda value: seal_reply(strategy_id, round_number, value),
                failed=lambda failure: StrategyRaised(
                    strategy_id=strategy_id, round=round_number, failure=describe(failure)
                ),
                late=lambda: StrategyRaised(
                    strategy_id=strategy_id, round=round_number, failure="no answer in time"
                ),
            )
        )

    def _on_restarted(self) -> None:
        """What it knew ended with the process, unless it gives snapshots. Whoever is waited for is
        late now, and judged by that."""
        if not self._can_restore and self._waiting_round is None:
            raise StrategyFailedError("it gives no snapshots: what it knew ended with the process")

    def _on_replied(self, message: StrategyReplied) -> None:
        if message.round != self._waiting_round:
            return  # it was given up at its deadline; the journal shows the late reply
        self._waiting_round = None
        self._can_restore = self._host.take_snapshot()
        view = self._host.view
        checked = check_answer(
            self._strategy_id,
            (*message.commands, *message.signals),
            view.book,
            view.working_orders,
        )
        if message.malformed:
            checked = _with_malformed(checked, self._strategy_id, message.malformed)
        if checked.checked or checked.signals:
            self._coordinator.tell(
                StrategyAnswered(self._strategy_id, checked.checked, checked.signals)
            )
        else:
            self._coordinator.tell(self._nothing)


_KEPT: msgspec.json.Decoder[SubmitOrder | CancelOrder | Signal] = msgspec.json.Decoder(
    SubmitOrder | CancelOrder | Signal
)
"""Reads an item back as the journal will."""


def seal_reply(strategy_id: str, round_number: int, value: object) -> StrategyReplied:
    """Whatever an asynchronous strategy returned, as an input that the journal can hold.

    Items that are no commands or signals, or that no journal could give back (a NaN), are left out
    and named in ``malformed``; of far too many items none is kept.
    """
    if value is None:
        return StrategyReplied(strategy_id=strategy_id, round=round_number)
    if not isinstance(value, (list, tuple)):
        fault = f"a handler returns a list, a tuple or None, not {type(value).__name__}"
        return StrategyReplied(strategy_id=strategy_id, round=round_number, malformed=fault)
    items = cast("Sequence[object]", value)
    if len(items) > COMMANDS_PER_ANSWER_MAX:
        fault = f"{len(items)} commands in one answer, at most {COMMANDS_PER_ANSWER_MAX} are taken"
        return StrategyReplied(strategy_id=strategy_id, round=round_number, malformed=fault)
    commands: list[SubmitOrder | CancelOrder] = []
    signals: list[Signal] = []
    faults: list[str] = []
    for index, item in enumerate(items):
        kept = _as_the_journal_gives_it_back(item)
        if kept is None:
            faults.append(f"item {index} is an unusable {type(item).__name__}")
        elif isinstance(kept, Signal):
            signals.append(kept)
        else:
            commands.append(kept)
    return StrategyReplied(
        strategy_id=strategy_id,
        round=round_number,
        commands=tuple(commands),
        signals=tuple(signals),
        malformed="; ".join(faults[:10]),
    )


def _as_the_journal_gives_it_back(item: object) -> SubmitOrder | CancelOrder | Signal | None:
    """An item as a replay will read it; None when it is of no kind that a reply may hold, or would
    come back as another one.

    The copy is used and not the original: values that are equal, but of another type (a plain text
    for an enum), would be refused here and taken in a replay.
    """
    kind = type(item)
    if kind not in (SubmitOrder, CancelOrder, Signal):
        return None
    try:
        kept = _KEPT.decode(msgspec.json.encode(item))
        is_equal = bool(kept == item)
    except (msgspec.MsgspecError, TypeError, ValueError, ArithmeticError):
        return None
    return kept if is_equal else None


def _with_malformed(answer: CheckedAnswer, strategy_id: str, fault: str) -> CheckedAnswer:
    place = len(answer.checked)
    refusal = RefusedCommand(
        strategy_id=strategy_id, command=None, code=RefusalCode.INVALID_COMMAND, detail=fault
    )
    return CheckedAnswer((*answer.checked, Rejection(strategy_id, place, refusal)), answer.signals)
