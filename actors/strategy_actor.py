"""``StrategyActor``: the only one that calls a strategy, and only for a message in its mailbox.

Supervision: after every message that was handled the actor could be asked to rebuild the strategy
without the one that broke it. So it keeps the strategy's last snapshot and the messages since; a
strategy without snapshots is rebuilt from all its messages, up to a stated number. What a strategy
answers while it is rebuilt is thrown away: it was acted on the first time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

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
from orchestrion.domain.models.order import Order
from orchestrion.domain.models.portfolio import Book
from orchestrion.domain.models.strategy import Strategy, StrategyView
from orchestrion.domain.orchestration.proposal import check_answer
from orchestrion.runtime.actor import SILENT, Silent
from orchestrion.runtime.errors import ActorError
from orchestrion.runtime.mailbox import Mailbox

SNAPSHOT_TURNS = 256
"""A snapshot is taken every so many turns: at most that many are folded again after a failure.
Arbitrary; taking one costs about as much as ten turns."""
REBUILD_MESSAGES_MAX = 10_000
"""A strategy without snapshots is rebuilt from at most so many messages; beyond, the first failure
quarantines it. The bound keeps the memory of long runs flat."""


_FOLDED = (BookChanged, OrdersChanged, CatalogChanged)
"""What a strategy is not called for."""


class _Memento(msgspec.Struct, frozen=True):
    """A strategy and its view at one moment. ``thaw`` None means: as it was built."""

    thaw: Callable[[], object] | None
    book: Book
    orders: Mapping[str, Order]
    now: int


class StrategyHost:
    """A strategy with its view and its memory: what supervision of both kinds of actors needs."""

    def __init__(self, factory: Callable[[], Strategy], view: StrategyView) -> None:
        self._factory = factory
        self.view = view
        view.move(orders=MappingProxyType({}))
        self.strategy = factory()
        self.turns = 0
        self._gives_snapshots = type(self.strategy).snapshot is not Strategy.snapshot
        self._memento = self._remember(None)
        self._log: list[object] = []
        self._log_limit = SNAPSHOT_TURNS
        self._can_rebuild = True

    def _remember(self, thaw: Callable[[], object] | None) -> _Memento:
        return _Memento(thaw, self.view.book, self.view.working_orders, self.view.now)

    def fold(self, message: BookChanged | OrdersChanged | CatalogChanged) -> None:
        """Takes a change of the book, of orders or of instruments into the view."""
        if isinstance(message, BookChanged):
            self.view.move(book=message.book)
            return
        if isinstance(message, CatalogChanged):
            # A rebuilt strategy keeps it: what instruments are does not depend on the strategy.
            self.view.move(catalog=message.catalog)
            return
        orders = dict(self.view.working_orders)
        for order in message.orders:
            if order.is_open:
                orders[order.client_order_id] = order
            else:
                orders.pop(order.client_order_id, None)
        self.view.move(orders=MappingProxyType(orders))

    def handled(self, message: object) -> None:
        """Remembers a message that went well."""
        log = self._log
        log.append(message)
        if len(log) >= self._log_limit:
            self._shorten_log(len(log))

    def _shorten_log(self, count: int) -> None:
        self._log_limit = count + SNAPSHOT_TURNS  # first: taking a snapshot may fail
        if not self._can_rebuild:
            self._log.clear()
        elif self._gives_snapshots and self.take_snapshot():
            self._log_limit = SNAPSHOT_TURNS
        elif count > REBUILD_MESSAGES_MAX:
            self._can_rebuild = False
            self._log.clear()

    def take_snapshot(self) -> bool:
        """Remembers the strategy as it is now. False: it gives no snapshot at this moment."""
        state = self.strategy.snapshot()
        if state is None:
            return False
        self._memento = self._remember(_freeze(state))
        self._log.clear()
        return True

    @property
    def gives_snapshots(self) -> bool:
        return self._gives_snapshots

    def restore(self) -> list[object]:
        """A new strategy at the last memento. Returns the messages to be folded again."""
        if not self._can_rebuild:
            raise ActorError(
                f"it gives no snapshots and has had more than {REBUILD_MESSAGES_MAX} messages"
            )
        memento = self._memento
        self.strategy = self._factory()
        if memento.thaw is not None:
            self.strategy.restore(memento.thaw())
        self.view.move(now=memento.now, signals=(), book=memento.book, orders=memento.orders)
        return list(self._log)


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
        for message in self._host.restore():
            if isinstance(message, _FOLDED):
                self._host.fold(message)
            else:
                call_strategy(self._host, message)


def call_strategy(host: StrategyHost, message: object) -> object:
    """Calls the handler that a delivery is for and returns whatever it returns.

    The view's time is the event's own, so that folding the message again gives the same call.
    """
    view = host.view
    match message:
        case SliceDelivered():
            view.move(now=message.market_slice.ts_event, signals=message.signals)
            return host.strategy.on_event(message.market_slice, view)
        case FillDelivered():
            view.move(now=max(view.now, message.fill.ts_event), signals=())
            return host.strategy.on_fill(message.fill, view)
        case StartDelivered():
            view.move(now=message.ts_event, signals=())
            return host.strategy.on_start(view)
        case StopDelivered():
            view.move(now=message.ts_event, signals=())
            return host.strategy.on_stop(view)
        case _:
            raise ActorError(f"a strategy cannot be told a {type(message).__name__}")


def _freeze(state: object) -> Callable[[], object]:
    """A state as bytes, so that nothing can change it later; the result gives it back.

    MessagePack, because JSON would turn a NaN into null. Its integers end at 64 bits; a state with
    longer ones goes the slow way.
    """
    try:
        packed = msgspec.msgpack.encode(state)
    except OverflowError:
        text = json.dumps(state)
        return lambda: json.loads(text)
    return lambda: msgspec.msgpack.decode(packed)
