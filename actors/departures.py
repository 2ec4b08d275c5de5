"""Strategies that are wound up: removed by an operator, or handed over by the custodian.

A collaborator of the coordinator. The rules are in ``domain.orchestration.removal``; here a step is
asked of the gateway and the capital manager, and the next one is decided when an order ended, when
they have answered, and at every later chance (a session's close, the account trading again).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, assert_never

import msgspec

from orchestrion.actors.membership_messages import (
    CloseBookRequest,
    HandOverReply,
    HandOverRequest,
)
from orchestrion.actors.messages import (
    CancelOrdersRequest,
    FlattenRequest,
)
from orchestrion.actors.standings import Standings
from orchestrion.domain.errors import LifecycleError
from orchestrion.domain.models.order import Order
from orchestrion.domain.models.portfolio import Book
from orchestrion.domain.orchestration.authorisation import quantities
from orchestrion.domain.orchestration.events import DomainEvent, RemovalDelayedEvent
from orchestrion.domain.orchestration.lifecycle import StrategyStep
from orchestrion.domain.orchestration.removal import (
    WindingStep,
    WindingUp,
    next_winding_step,
    open_things_of,
    orders_to_withdraw,
    require_heir,
)
from orchestrion.runtime.mailbox import Mailbox


class Departures:
    """See the module's text."""

    STATE: ClassVar[Mapping[str, Any]] = {"_windings": dict[str, WindingUp]}

    def __init__(
        self,
        *,
        standings: Standings,
        working_orders: Mapping[str, Order],
        books: Callable[[], Mapping[str, Book]],
        publish: Callable[[DomainEvent], None],
    ) -> None:
        """
        Args:
            working_orders: the gateway's, books: the capital manager's; read between their writes.
        """
        self._standings = standings
        self._working_orders = working_orders
        self._books = books
        self._publish = publish
        self._windings: dict[str, WindingUp] = {}

    def connect(self, *, capital_manager: Mailbox, gateway: Mailbox) -> None:
        """Called once, by the coordinator's wiring."""
        self._capital_manager = capital_manager
        self._gateway = gateway

    def of(self, strategy_id: str) -> WindingUp | None:
        return self._windings.get(strategy_id)

    def open_things(self, strategy_id: str, held: int = 0) -> str:
        """What of a strategy is open, in words; see ``open_things_of``."""
        book = self._books().get(strategy_id)
        if book is None:
            return ""
        return open_things_of(book, self._working(strategy_id), held)

    def begin(self, winding: WindingUp) -> None:
        """From now on; its orders are withdrawn at once, the rest waits for ``advance``."""
        self._windings[winding.strategy_id] = winding
        self._withdraw(winding)

    def forget(self, strategy_id: str) -> WindingUp:
        return self._windings.pop(strategy_id)

    def advance_all(self, round_number: int, *, is_retry: bool = False) -> None:
        """Takes the next step of everybody; see ``advance``."""
        for strategy_id in tuple(self._windings):
            self.advance(strategy_id, round_number, is_retry=is_retry)

    def advance(self, strategy_id: str, round_number: int, *, is_retry: bool = False) -> None:
        """Takes the next step, if there is one.

        Args:
            round_number: under which exits are decided.
            is_retry: whether what led nowhere is tried once more.
        """
        winding = self._windings.get(strategy_id)
        if winding is None:
            return
        book, working = self._books()[strategy_id], self._working(strategy_id)
        step = next_winding_step(winding, book, working, is_retry=is_retry)
        match step:
            case WindingStep.WITHDRAW:
                self._withdraw(winding)
            case WindingStep.FLATTEN:
                self._try(winding, book)
                self._capital_manager.tell(FlattenRequest(round_number, strategy_id, winding.label))
            case WindingStep.HAND_OVER:
                self._hand_over(winding, book)
            case WindingStep.CLOSE:
                self._close(winding)
            case WindingStep.WAIT:
                if not working:
                    self._delay(winding, f"it still has {open_things_of(book, working)}")
            case _:
                assert_never(step)

    def on_hand_over(self, reply: HandOverReply, round_number: int) -> None:
        winding = self._windings.get(reply.strategy_id)
        if winding is not None and reply.fault:
            self._delay(winding, reply.fault)
        else:
            self.advance(reply.strategy_id, round_number)

    def _hand_over(self, winding: WindingUp, book: Book) -> None:
        self._try(winding, book)
        try:
            require_heir(winding, self._standings.by_id)
        except LifecycleError as fault:
            self._delay(winding, str(fault))
            return
        self._capital_manager.tell(HandOverRequest(winding.strategy_id, winding.heir_id))

    def _close(self, winding: WindingUp) -> None:
        if not winding.is_leaving:
            del self._windings[winding.strategy_id]
            return
        self._standings.take(winding.strategy_id, StrategyStep.END)
        self._capital_manager.tell(CloseBookRequest(winding.strategy_id))

    def _withdraw(self, winding: WindingUp) -> None:
        ids = orders_to_withdraw(winding, self._working(winding.strategy_id))
        if ids:
            self._gateway.tell(CancelOrdersRequest(ids, winding.label))

    def _try(self, winding: WindingUp, book: Book) -> None:
        self._windings[winding.strategy_id] = msgspec.structs.replace(
            winding, tried=quantities(book)
        )

    def _delay(self, winding: WindingUp, detail: str) -> None:
        self._publish(
            RemovalDelayedEvent(
                strategy_id=winding.strategy_id, policy=winding.policy, detail=detail
            )
        )

    def _working(self, strategy_id: str) -> dict[str, Order]:
        return {
            client_order_id: order
            for client_order_id, order in self._working_orders.items()
            if order.strategy_id == strategy_id
        }
