"""Mailboxes on their own: bounds, overflow, and the one run queue."""

from __future__ import annotations

from collections import deque

import pytest

from orchestrion.runtime.errors import MailboxFullError
from orchestrion.runtime.mailbox import Mailbox, Overflow


class Drops:
    def __init__(self) -> None:
        self.seen: list[tuple[str, object, str]] = []

    def __call__(self, actor: str, message: object, reason: str) -> None:
        self.seen.append((actor, message, reason))


def mailbox(
    capacity: int,
    overflow: Overflow = Overflow.REFUSE,
    *,
    ready: deque[Mailbox] | None = None,
    drops: Drops | None = None,
    name: str = "box",
) -> Mailbox:
    return Mailbox(
        name,
        lambda _: None,
        ready if ready is not None else deque(),
        capacity_messages=capacity,
        overflow=overflow,
        on_drop=drops,
    )


@pytest.mark.parametrize("capacity", [0, -1])
def test_capacity_below_one_is_refused(capacity: int) -> None:
    with pytest.raises(ValueError, match="capacity_messages must be at least 1"):
        mailbox(capacity)


def test_full_mailbox_refuses_and_keeps_what_it_has() -> None:
    ready: deque[Mailbox] = deque()
    box = mailbox(2, ready=ready)
    box.tell("first")
    box.tell("second")
    with pytest.raises(MailboxFullError, match="'box' is full \\(2 messages\\)") as refusal:
        box.tell("third")
    assert (refusal.value.actor, refusal.value.capacity_messages) == ("box", 2)
    assert list(box.queue) == ["first", "second"]
    assert len(ready) == 2
    assert box.dropped == 0


def test_drop_oldest_keeps_the_newest_and_reports_the_oldest() -> None:
    ready: deque[Mailbox] = deque()
    drops = Drops()
    box = mailbox(2, Overflow.DROP_OLDEST, ready=ready, drops=drops)
    for message in ("first", "second", "third", "fourth"):
        box.tell(message)
    assert list(box.queue) == ["third", "fourth"]
    assert drops.seen == [("box", "first", "mailbox full"), ("box", "second", "mailbox full")]
    assert box.dropped == 2
    assert len(ready) == 2, "one entry in the run queue for each message"


def test_drop_oldest_keeps_every_other_message_in_its_place() -> None:
    ready: deque[Mailbox] = deque()
    box = mailbox(2, Overflow.DROP_OLDEST, ready=ready)
    other = mailbox(2, ready=ready, name="other")
    box.tell("first")
    other.tell("between")
    box.tell("second")
    box.tell("third")
    assert [one.name for one in ready] == ["other", "box", "box"]


def test_drop_oldest_without_listener_counts() -> None:
    box = mailbox(1, Overflow.DROP_OLDEST)
    box.tell("first")
    box.tell("second")
    assert (box.dropped, list(box.queue), len(box)) == (1, ["second"], 1)
