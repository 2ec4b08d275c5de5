"""``StrategyActor``: the only one that calls a strategy, and only for a message in its mailbox.

Supervision: after every message that was handled the actor could be asked to rebuild the strategy
without the one that broke it. So it keeps the strategy's last snapshot and the messages since; a
strategy without snapshots is rebuilt from all its messages, up to a stated number. What a strategy
answers while it is rebuilt is thrown away: it was acted on the first time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar

import msgspec

from orchestrion.actors.host_state import (
    FrozenState,
    freeze,
    messages_of,
    plain_message,
    plain_view,
    view_of,
)
from orchestrion.actors.messages import (
    BookChanged,
    CatalogChanged,
    FillDelivered,
    OrdersChanged,
    SliceDelivered,
    StartDelivered,
    StopDelivered,
    StrategyAnswered,
)
from orchestrion.actors.unresponsive import Unresponsive
from orchestrion.domain.models.order import Order
from orchestrion.domain.models.portfolio import Book
from orchestrion.domain.models.strategy import Strategy, StrategyView
from orchestrion.domain.orchestration.proposal import check_answer
from orchestrion.runtime.actor import SILENT, Silent
from orchestrion.runtime.errors import ActorError, describe
from orchestrion.runtime.mailbox import Mailbox
from orchestrion.runtime.state import (
    from_plain,
    require_fields,
    restore_state,
    state_of,
    to_plain,
)

SNAPSHOT_TURNS = 256
"""A snapshot is taken every so many turns: at most that many are folded again after a failure.
Arbitrary; taking one costs about as much as ten turns."""
REBUILD_MESSAGES_MAX = 10_000
"""A strategy without snapshots is rebuilt from at most so many messages; beyond, the first failure
quarantines it. The bound keeps the memory of long runs flat."""


_FOLDED = (BookChanged, OrdersChanged, CatalogChanged)
"""What a strategy is not called for."""


class _Memento(msgspec.Struct, frozen=True):
    """A strategy and its view at one moment. ``state`` None means: as it was built."""

    state: FrozenState | None
    book: Book
    orders: Mapping[str, Order]
    now: int


class StrategyHost:
    """A strategy with its view and its memory: what supervision of both kinds of actors needs.

    Attributes:
        unrestored: why the strategy could not be given its state; empty when it could, or had not
            to be.
    """

    STATE: ClassVar[Mapping[str, Any]] = {
        "turns": int,
        "_log_limit": int,
        "_can_rebuild": bool,
    }

    def __init__(
        self, factory: Callable[[], Strategy], view: StrategyView, *, is_folded: bool = True
    ) -> None:
        """
        Args:
            is_folded: whether the strategy can be rebuilt from what it was told; an asynchronous
                one cannot, without waiting.
        """
        self._factory = factory
        self.view = view
        view.move(orders=MappingProxyType({}))
        self._noted: list[Decimal | None] = []
        if is_folded:
            view.note_answers(self._noted)
        self._is_folded = is_folded
        self.strategy = factory()
        self.turns = 0
        self._gives_snapshots = type(self.strategy).snapshot is not Strategy.snapshot
        self._memento = self._remember(None)
        self._log: list[object] = []
        self._answers: dict[int, tuple[Decimal | None, ...]] = {}
        self._log_limit = SNAPSHOT_TURNS
        self._can_rebuild = True
        self._told_before = 0
        self._given: tuple[dict[str, object], object] | None = None
        self.unrestored = ""

    def _remember(self, state: FrozenState | None) -> _Memento:
        return _Memento(state, self.view.book, self.view.working_orders, self.view.now)

    def fold(self, message: BookChanged | OrdersChanged | CatalogChanged) -> None:
        """Takes a change of the book, of orders or of instruments into the view."""
        if isinstance(message, BookChanged):
            self.view.move(book=message.book)
            return
        if isinstance(message, CatalogChanged):
            # A rebuilt strategy keeps it: what instruments are does not depend on the strategy.
            self.view.move(catalog=message.catalog)
            return
        self.view.change_orders(message.orders)

    def handled(self, message: object) -> None:
        """Remembers a message that went well, and what the strategy was answered meanwhile."""
        log = self._log
        if self._noted:
            self._answers[len(log)] = tuple(self._noted)
            self._noted.clear()
        log.append(message)
        if len(log) + self._told_before >= self._log_limit:
            self._shorten_log(len(log) + self._told_before)

    def _shorten_log(self, count: int) -> None:
        self._log_limit = count + SNAPSHOT_TURNS  # first: taking a snapshot may fail
        if not self._can_rebuild:
            self._forget_log()
        elif self._gives_snapshots and self.take_snapshot():
            self._log_limit = SNAPSHOT_TURNS
        elif count > REBUILD_MESSAGES_MAX:
            self._can_rebuild = False
            self._forget_log()

    def _forget_log(self) -> None:
        self._log.clear()
        self._answers.clear()
        self._told_before = 0

    def take_snapshot(self) -> bool:
        """Remembers the strategy as it is now. False: it gives no snapshot at this moment."""
        state = self.strategy.snapshot()
        if state is None:
            return False
        self._memento = self._remember(freeze(state))
        self._forget_log()
        return True

    @property
    def gives_snapshots(self) -> bool:
        return self._gives_snapshots

    def rebuild(self) -> None:
        """A new strategy at the last memento, that is told again what came since. What it was
        answered then, it is answered again: prices have moved on."""
        self._noted.clear()
        if not self._can_rebuild:
            raise ActorError(
                f"it gives no snapshots and has had more than {REBUILD_MESSAGES_MAX} messages"
            )
        memento = self._memento
        self.strategy = self._factory()
        if memento.state is not None:
            self.strategy.restore(memento.state.thaw())
        view = self.view
        view.move(now=memento.now, signals=(), book=memento.book, orders=memento.orders)
        try:
            for place, message in enumerate(self._log):
                view.answer_again(self._answers.get(place, ()))
                if isinstance(message, _FOLDED):
                    self.fold(message)
                else:
                    call_strategy(self, message)
        finally:
            view.answer_again(None)
            self._noted.clear()

    def take_out(self, why: str) -> None:
        """Its code is not run any more: the next call fails, and it cannot be rebuilt, so its
        supervisor quarantines it."""
        replacement = Unresponsive(why)
        self.strategy = replacement
        self._factory = replacement.again

    # -- snapshots of the run -------------------------------------------------------------------

    @property
    def is_lost(self) -> bool:
        """Whether nobody could build the strategy again as it is now."""
        return self._is_folded and not self._can_rebuild and self._present_state() is None

    def snapshot(self) -> dict[str, object]:
        """What a replay comes to as well: an asynchronous strategy's own state is not here, because
        a replay does not call it. Of one that could not be restored, what was given."""
        if self._given is not None:
            return self._given[0]
        view = self.view
        return {
            **state_of(self),
            "told": len(self._log) + self._told_before,
            "view": plain_view(view.book, view.working_orders, view.now),
            "state": to_plain(self._present_state() if self._is_folded else None),
        }

    def memory(self) -> object:
        """What is needed besides to build the strategy again; None where it gives its state.

        A strategy that gives its state does not need what it was told before: told again from
        there on, with the same answers, it comes to the same.
        """
        if self._given is not None:
            return self._given[1]
        if self._is_folded and self._present_state() is not None:
            return None
        memento = self._memento
        return {
            "memento": to_plain(memento.state),
            "view": plain_view(memento.book, memento.orders, memento.now),
            "log": [plain_message(one) for one in self._log],
            "answers": to_plain(self._answers),
        }

    def restore(self, snapshot: object, memory: object) -> None:
        """Takes back what ``snapshot`` and ``memory`` gave. A strategy that fails at it harms only
        itself, see ``unrestored``.

        Raises:
            JournalFormatError: it is no such state.
        """
        given = require_fields(snapshot, (*self.STATE, "told", "view", "state"), "StrategyHost")
        restore_state(self, {name: given[name] for name in self.STATE})
        told: int = from_plain(given["told"], int, "a strategy")
        book, orders, ts = view_of(given["view"])
        state: FrozenState | None = from_plain(given["state"], FrozenState | None, "a strategy")
        if memory is None:
            self._memento = _Memento(state, book, orders, ts)
        else:
            remembered = self._remember_again(memory)
            # An asynchronous strategy is as it was at its last good answer.
            state = state if self._is_folded else remembered
        self._told_before = told - len(self._log)
        try:
            self._restore_strategy(state)
        except KeyboardInterrupt:
            raise
        except BaseException as failure:  # a strategy may raise anything
            self._given, self.unrestored = (given, memory), describe(failure)
        self.view.move(now=ts, signals=(), book=book, orders=orders)

    def _remember_again(self, memory: object) -> FrozenState | None:
        own = require_fields(memory, ("memento", "view", "log", "answers"), "StrategyHost")
        state: FrozenState | None = from_plain(own["memento"], FrozenState | None, "a memento")
        self._memento = _Memento(state, *view_of(own["view"]))
        self._log = messages_of(own["log"], self.view.instruments.currency)
        self._answers = from_plain(
            own["answers"], dict[int, tuple[Decimal | None, ...]], "answers of a view"
        )
        return state

    def _restore_strategy(self, state: FrozenState | None) -> None:
        if state is not None:
            self.strategy = self._factory()
            self.strategy.restore(state.thaw())
        elif self._is_folded:
            self.rebuild()

    def _present_state(self) -> FrozenState | None:
        """None: it gives none now, so it has to be rebuilt from what it was told."""
        try:
            state = self.strategy.snapshot()
            return None if state is None else freeze(state)
        except KeyboardInterrupt:
            raise
        except BaseException:  # a strategy may raise anything, and harms only itself
            return None


class StrategyActor:
    """Hosts a synchronous strategy."""

    def __init__(
        self,
        *,
        strategy_id: str,
        factory: Callable[[], Strategy],
        view: StrategyView,
        coordinator: Mailbox,
    ) -> None:
        self._strategy_id = strategy_id
        self._host = StrategyHost(factory, view)
        self._coordinator = coordinator

    @property
    def turns(self) -> int:
        return self._host.turns

    def receive(self, message: object) -> Silent | None:
        host = self._host
        if type(message) is SliceDelivered:  # the hottest of all
            host.turns += 1
            market_slice, view = message.market_slice, host.view
            view.enter(market_slice.ts_event, message.signals)
            answer: object = host.strategy.on_event(market_slice, view)
        elif isinstance(message, _FOLDED):
            host.fold(message)
            host.handled(message)
            return None
        else:
            host.turns += 1
            answer = call_strategy(host, message)
            if type(message) is StopDelivered:  # nothing may be sent any more
                answer = None
        if not answer:
            host.handled(message)
            return SILENT
        return self._answer(host, message, answer)

    def _answer(self, host: StrategyHost, message: object, answer: object) -> Silent | None:
        view = host.view
        checked = check_answer(self._strategy_id, answer, view.book, view.working_orders)
        host.handled(message)
        if not checked.checked and not checked.signals:
            return SILENT
        self._coordinator.tell(
            StrategyAnswered(self._strategy_id, checked.checked, checked.signals)
        )
        return None

    def rebuild(self) -> None:
        """See ``SupervisedActor.rebuild``."""
        self._host.rebuild()

    @property
    def host(self) -> StrategyHost:
        """For snapshots of the run."""
        return self._host

    def snapshot(self) -> dict[str, object]:
        """Its state, see ``StrategyHost.snapshot``."""
        return self._host.snapshot()

    def restore(self, snapshot: object, memory: object) -> None:
        """Takes back what ``snapshot``, and its host's ``memory``, gave."""
        self._host.restore(snapshot, memory)


def call_strategy(host: StrategyHost, message: object) -> object:
    """Calls the handler that a delivery is for and returns whatever it returns."""
    view = host.view
    enter_view(view, message)
    match message:
        case SliceDelivered():
            return host.strategy.on_event(message.market_slice, view)
        case FillDelivered():
            return host.strategy.on_fill(message.fill, view)
        case StartDelivered():
            return host.strategy.on_start(view)
        case StopDelivered():
            return host.strategy.on_stop(view)
        case _:
            raise ActorError(f"a strategy cannot be told a {type(message).__name__}")


def enter_view(view: StrategyView, message: object) -> None:
    """Moves a view to a delivery. Its time is the event's own, so that folding the message again
    gives the same call."""
    match message:
        case SliceDelivered():
            view.move(now=message.market_slice.ts_event, signals=message.signals)
        case FillDelivered():
            view.move(now=max(view.now, message.fill.ts_event), signals=())
        case StartDelivered() | StopDelivered():
            view.move(now=message.ts_event, signals=())
        case _:
            pass
