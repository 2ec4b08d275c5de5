"""Mailboxes: bounded, first in first out, with a declared answer to being full.

Total order of the machine: every ``tell`` puts one entry into one run queue, and the pump takes
entries from its front. So messages are handled in the order in which they were told, over all
actors; within one sender and receiver this is first in first out. Nothing else decides an order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import StrEnum

from orchestrion.runtime.actor import Silent
from orchestrion.runtime.errors import MailboxFullError

CAPACITY_MESSAGES = 1024
"""Default bound. Run to completion keeps mailboxes nearly empty; one that fills up is flooded by a
single handler, and a thousand messages are more than any handler of ours tells."""


class Overflow(StrEnum):
    """What a full mailbox does with one more message."""

    REFUSE = "refuse"
    """The teller gets a MailboxFullError. For everything that must not be lost."""
    DROP_OLDEST = "drop_oldest"
    """The oldest message makes room and is counted. Only for what a newer message replaces."""


class Mailbox:
    """The only way to an actor: whoever holds a mailbox may tell it things, nothing more.

    ``queue`` and ``receive`` belong to the machine's pump, which takes messages without a call in
    between because this is the hottest line of all.
    """

    __slots__ = (
        "_on_drop",
        "_ready",
        "capacity_messages",
        "dropped",
        "is_group",
        "name",
        "overflow",
        "queue",
        "receive",
    )

    def __init__(
        self,
        name: str,
        receive: Callable[[object], Silent | None],
        ready: deque[Mailbox],
        *,
        capacity_messages: int = CAPACITY_MESSAGES,
        overflow: Overflow = Overflow.REFUSE,
        on_drop: Callable[[str, object, str], None] | None = None,
    ) -> None:
        if capacity_messages < 1:
            raise ValueError(f"capacity_messages must be at least 1, got {capacity_messages}")
        self.name = name
        self.receive = receive
        self.capacity_messages = capacity_messages
        self.overflow = overflow
        self.dropped = 0
        self.queue: deque[object] = deque()
        self.is_group = False
        self._ready = ready
        self._on_drop = on_drop

    def tell(self, message: object) -> None:
        """Queues a message and returns at once; it is handled after everything told before.

        Raises:
            MailboxFullError: the mailbox is full and refuses.
        """
        queue = self.queue
        if len(queue) < self.capacity_messages:
            queue.append(message)
            self._ready.append(self)
        else:
            self._overflow(message)

    def __len__(self) -> int:
        return len(self.queue)

    def _overflow(self, message: object) -> None:
        if self.overflow is Overflow.REFUSE:
            raise MailboxFullError(self.name, self.capacity_messages)
        # The oldest one's entry leaves the run queue with it, so that every other message keeps
        # its place in the total order.
        oldest = self.queue.popleft()
        self._ready.remove(self)
        self.queue.append(message)
        self._ready.append(self)
        self.dropped += 1
        if self._on_drop is not None:
            self._on_drop(self.name, oldest, "mailbox full")
