"""I18, I19, I26, I27, I34: who is told what, in which order, once; and what he could see then.

Order is asserted on the deliveries themselves: final balances alone do not prove it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import cast

from orchestrion.actors.messages import (
    FillDelivered,
    SliceDelivered,
    StartDelivered,
    StopDelivered,
)
from orchestrion.runtime.actor import ActorQuarantined, ActorRestarted
from orchestrion.runtime.errors import MailboxFullError
from orchestrion.runtime.machine import Hop
from orchestrion.runtime.mailbox import Mailbox
from tests.simulation.market import BY_ID, INDEX_ID
from tests.simulation.own_account import OwnAccount
from tests.simulation.strategy_models import Call, StrategyTrait

_CALLS = (SliceDelivered, FillDelivered, StartDelivered, StopDelivered)
_FAILURES = (ActorRestarted, ActorQuarantined)


class Place:
    """A strategy's declared place in the order."""

    def __init__(self, registration: int, priority: int, depends_on: tuple[str, ...]) -> None:
        self.registration = registration
        self.priority = priority
        self.depends_on = depends_on


class DeliveryCheck:
    """Watches messages on their way.

    Attributes:
        faults: what was found, until somebody takes it.
        turns: deliveries by strategy.
        last_round: the highest number of a round that anybody was told of.
        failed: failures that were told, with their words and turns, until somebody takes them.
        is_muted: messages are those of a replay; only turns and failures from ``count_from`` on are
            counted.
        is_deaf: messages are those of another system.
    """

    def __init__(
        self, account: OwnAccount, traits: Mapping[str, StrategyTrait], places: dict[str, Place]
    ) -> None:
        self.faults: list[str] = []
        self.places = places
        self._account = account
        self._traits = traits
        self.turns: dict[str, int] = {}
        self.failed: list[tuple[str, str, int]] = []
        self.is_muted = self.is_deaf = False
        self.count_from = 0
        self._seq = 0
        self.last_round = 0
        self._told: dict[str, deque[object]] = {}
        self._group_told: deque[object] = deque()
        self._group_now: object = None
        self._group_served: dict[str, None] = {}
        self._round = 0
        self._receivers: list[str] = []
        self._expected: list[str] | None = None
        self._slice: object = None
        self._outstanding: dict[str, int] = {}
        self._fresh: tuple[str, int] | None = None
        self.call_rounds: dict[tuple[str, int], int] = {}

    # -- mailboxes --------------------------------------------------------------------------------

    def on_told(self, mailbox: Mailbox, message: object) -> None:
        """A message was queued."""
        if self.is_deaf:
            return
        if type(message) in _FAILURES and self._seq >= self.count_from:
            failure = cast("ActorRestarted | ActorQuarantined", message)
            one = failure.actor
            self.failed.append((one, failure.failure, self.turns.get(one, 0)))
        if self.is_muted:
            return
        if mailbox.is_group:
            self._group_told.append(message)
        else:
            self._told.setdefault(mailbox.name, deque()).append(message)
        if len(mailbox.queue) > mailbox.capacity_messages:
            self.faults.append(
                f"I26: {mailbox.name} holds {len(mailbox.queue)} of {mailbox.capacity_messages}"
            )
        if mailbox.dropped:
            self.faults.append(f"I26: {mailbox.name} has dropped {mailbox.dropped} messages")

    def on_hop(self, hop: Hop) -> None:
        """A message is about to be handled."""
        message, self._seq = hop.message, hop.seq
        if self.is_muted:
            if isinstance(message, _CALLS) and hop.seq >= self.count_from:
                self.turns[hop.actor] = self.turns.get(hop.actor, 0) + 1
            return
        told = self._told.get(hop.actor)
        if told and told[0] is message:
            told.popleft()
        elif not self._is_for_group(hop.actor, message):
            words = "messages out of their order" if told else "what it was never told, or twice"
            self.faults.append(f"I27: {hop.actor} handles {words}: {type(message).__name__}")
        if isinstance(message, SliceDelivered):
            self._on_slice(hop.actor, message)
        if isinstance(message, _CALLS):
            self._fresh = (hop.actor, message.round)
            self.last_round = max(self.last_round, message.round)
            self.turns[hop.actor] = self.turns.get(hop.actor, 0) + 1
            if self._traits[hop.actor].is_async:
                self._outstanding[hop.actor] = message.round
            if self._account.standings[hop.actor].status in ("quarantined", "stopped", "removed"):
                self.faults.append(f"I30: {hop.actor} is out and is told of round {message.round}")

    def _is_for_group(self, actor: str, message: object) -> bool:
        """Whether a message was told to a group, and this member has not had it."""
        if self._group_told and self._group_told[0] is message:
            self._group_now, self._group_served = self._group_told.popleft(), {}
        if message is not self._group_now or actor in self._group_served:
            return False
        self._group_served[actor] = None
        return True

    def forget_untold(self) -> None:
        """The process ended: what was queued is gone."""
        self._told.clear()
        self._group_told.clear()
        self._outstanding.clear()
        self._expected, self._fresh = None, None
        self._round, self._slice = 0, None

    # -- rounds -----------------------------------------------------------------------------------

    def expect(self, instrument_ids: list[str]) -> None:
        """A slice is an input: who has to be told of it, in order."""
        self._expected = [
            one
            for one in self.declared_order()
            if self._account.standings[one].hears and self._wants(one, instrument_ids)
        ]
        self._receivers = []

    def _wants(self, strategy_id: str, instrument_ids: list[str]) -> bool:
        wanted = self._traits[strategy_id].subscriptions
        return not wanted or any(one in wanted for one in instrument_ids)

    def declared_order(self) -> list[str]:
        """Stage, priority descending, registration, id: worked out from what was declared."""
        # Who joined in an input that a crash took is in nobody's books.
        standings = self._account.standings
        present = [
            one for one in self.places if one in standings and standings[one].status != "removed"
        ]
        stages = {one: self._depth(one) for one in present}
        return sorted(
            present,
            key=lambda one: (
                stages[one],
                -self.places[one].priority,
                self.places[one].registration,
                one,
            ),
        )

    def _depth(self, strategy_id: str) -> int:
        before = self.places[strategy_id].depends_on
        return 1 + max((self._depth(one) for one in before), default=-1)

    def _on_slice(self, receiver: str, message: SliceDelivered) -> None:
        if message.round < self._round:
            self.faults.append(f"I19: round {message.round} is told after {self._round}")
        if message.round != self._round:
            self._round, self._slice = message.round, message.market_slice
        elif message.market_slice is not self._slice:
            self.faults.append(f"I19: round {message.round} has two slices")
        self._receivers.append(receiver)
        for item in message.market_slice.items:
            fault = unusable(item)
            if fault:
                self.faults.append(f"I34: {receiver} was shown {fault}")

    def on_reply(self, strategy_id: str, number: int) -> None:
        """What an asynchronous strategy answered, or that it did not, is an input."""
        if self._outstanding.get(strategy_id) == number:
            del self._outstanding[strategy_id]

    @property
    def is_round_open(self) -> bool:
        """Whether an asynchronous strategy still owes an answer."""
        return bool(self._outstanding)

    def close_round(self) -> None:
        """A round is over: everybody must have been told, in order."""
        if self._expected is not None and self._receivers != self._expected:
            self.faults.append(
                f"I18: round {self._round} was told to {self._receivers}, not {self._expected}"
            )
        self._expected = None

    # -- calls ------------------------------------------------------------------------------------

    def is_first(self, call: Call) -> bool:
        """Whether a call answers the message just handled; others are made while rebuilding."""
        if self._traits[call.strategy_id].is_async:
            return True
        if self._fresh is None or self._fresh[0] != call.strategy_id:
            return False
        call_round = self._fresh[1]
        self.call_rounds[call.strategy_id, id(call)] = call_round
        self._fresh = None
        return True

    def check_view(self, call: Call, marks: Mapping[str, int]) -> None:
        """What a strategy could see must be the state of its round (I19)."""
        for key, price in call.seen.items():
            if price != marks.get(key):
                self.faults.append(
                    f"I19: {call.strategy_id} saw {key} at {price}, it was {marks.get(key)}"
                )


def unusable(item: object) -> str:
    """What of an item no strategy may be shown (I34); empty when nothing."""
    key = getattr(item, "instrument_id", "")
    if key not in BY_ID and key != INDEX_ID:
        return f"the unknown instrument {key!r}"
    bid, ask = getattr(item, "bid_e9", 0), getattr(item, "ask_e9", 1)
    prices = [
        getattr(item, name)
        for name in ("open_e9", "high_e9", "low_e9", "close_e9", "price_e9", "ask_e9")
        if hasattr(item, name)
    ]
    if any(type(one) is not int or not 0 < one < 10**27 for one in prices):
        return f"{key} at {prices}"
    if type(bid) is not int or bid < 0 or bid > ask:
        return f"{key} with a book of {bid} to {ask}"
    return ""


@contextmanager
def watched_mailboxes(check: DeliveryCheck) -> Generator[None]:
    """Every ``tell`` of the process is seen by the check."""
    tell = Mailbox.tell

    def watched(self: Mailbox, message: object) -> None:
        tell(self, message)
        check.on_told(self, message)

    Mailbox.tell = watched  # type: ignore[method-assign]
    try:
        yield
    finally:
        Mailbox.tell = tell  # type: ignore[method-assign]


def probe_mailbox() -> str:
    """I26: whether a mailbox of the real kind refuses what it has no room for."""
    mailbox = Mailbox("probe", lambda _: None, deque(), capacity_messages=2)
    try:
        for number in range(3):
            mailbox.tell(number)
    except MailboxFullError:
        return ""
    return f"I26: a mailbox for 2 messages took {len(mailbox.queue)}"
