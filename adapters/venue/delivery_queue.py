"""What waits to be sent to a live venue: checked at the door, each command once, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from orchestrion.adapters.venue.seen_ids import SeenIds
from orchestrion.adapters.venue.venue_client import OrderRequest, VenueTraits
from orchestrion.domain.models.command import ApprovedCommand, StrategyCommand, SubmitOrder
from orchestrion.domain.models.report import (
    OrderCancelRejectedReport,
    OrderExpiredReport,
    OrderRejectedReport,
)

UnsentReport: TypeAlias = OrderRejectedReport | OrderExpiredReport | OrderCancelRejectedReport


class Submission(msgspec.Struct, frozen=True, gc=False):
    """An order that was accepted from the core at ``since_s``, event loop's time."""

    request: OrderRequest
    since_s: float

    @property
    def client_order_id(self) -> str:
        return self.request.client_order_id


class Cancellation(msgspec.Struct, frozen=True, gc=False):
    """A cancel of the order with this id."""

    client_order_id: str
    since_s: float


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """A command that will not be sent, and the report that says so in its place."""

    report: UnsentReport


Item: TypeAlias = Submission | Cancellation | Refusal


class DeliveryQueue:
    """First in, first out. The bound is on what will be sent; a refusal only carries its report."""

    def __init__(
        self, traits: VenueTraits, *, commands_max: int, now_ns: Callable[[], int]
    ) -> None:
        self._traits = traits
        self._commands_max = commands_max
        self._now_ns = now_ns
        self._items: deque[Item] = deque()
        self._seen = SeenIds()

    def __len__(self) -> int:
        return len(self._items)

    def take_in(
        self,
        commands: Sequence[StrategyCommand],
        *,
        now_s: float,
        closed_because: str,
        no_entry_because: str = "",
    ) -> None:
        """Puts new commands behind the others; one whose id was seen is left out.

        Args:
            closed_because: not empty: every command is refused with this reason.
            no_entry_because: not empty: so is every order that does not reduce.

        Raises:
            TypeError: one of them is not approved; none was taken.
        """
        approved: list[ApprovedCommand] = []
        for command in commands:
            if not isinstance(command, ApprovedCommand):
                raise TypeError(f"only ApprovedCommand may leave, not {type(command).__name__}")
            approved.append(command)
        for one in approved:
            if self._seen.is_new(one.client_order_id):
                is_entry = isinstance(one.command, SubmitOrder) and not one.is_reducing
                no = closed_because or (no_entry_because if is_entry else "")
                self._items.append(self._item(one, now_s, no))

    def note_seen(self, client_order_id: str) -> None:
        """A command with this id is not to be sent."""
        self._seen.is_new(client_order_id)

    def add_cancel(self, client_order_id: str, *, now_s: float) -> None:
        """A cancel that is to be sent again."""
        self._items.append(Cancellation(client_order_id, now_s))

    def take(self) -> Item:
        """
        Raises:
            IndexError: it is empty.
        """
        return self._items.popleft()

    def drain(self) -> list[UnsentReport]:
        """Empties it: what the core has to be told of commands that are never sent now."""
        reports = [self.unsent(one, "shutting down") for one in self._items]
        self._items.clear()
        return reports

    def unsent(self, item: Item, reason: str) -> UnsentReport:
        """The report of a command that was never sent."""
        match item:
            case Submission():
                return OrderExpiredReport(
                    client_order_id=item.client_order_id, ts_event=self._now_ns()
                )
            case Cancellation():
                return self.cancel_rejected(item.client_order_id, reason)
            case Refusal():
                return item.report

    def rejected(self, client_order_id: str, reason: str) -> OrderRejectedReport:
        return OrderRejectedReport(
            client_order_id=client_order_id, reason=reason, ts_event=self._now_ns()
        )

    def cancel_rejected(self, client_order_id: str, reason: str) -> OrderCancelRejectedReport:
        return OrderCancelRejectedReport(
            client_order_id=client_order_id, reason=reason, ts_event=self._now_ns()
        )

    def _item(self, approved: ApprovedCommand, now_s: float, closed_because: str) -> Item:
        command, no = approved.command, closed_because
        if not no and len(self._items) >= self._commands_max:
            no = f"{len(self._items)} commands wait already"
        if not isinstance(command, SubmitOrder):
            if no:
                return Refusal(self.cancel_rejected(command.client_order_id, no))
            return Cancellation(command.client_order_id, now_s)
        if not no and len(command.legs) > 1 and not self._traits.takes_several_legs:
            no = f"{self._traits.name} takes orders with one leg only"
        if no:
            return Refusal(self.rejected(approved.client_order_id, no))
        return Submission(OrderRequest.of(approved.client_order_id, command), now_s)
