"""What happened to capital, in the past tense. All can be built with just the fields written here.

A refusal is an event too: whoever sent the input hears why nothing has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from orchestrion.domain.orchestration.events import DomainEvent


@dataclass(frozen=True)
class CashFlowBookedEvent(DomainEvent):
    """Money came in or went out. ``shares``: book id -> what was added to its cash."""

    flow_id: str
    kind: str
    amount: Decimal
    shares: Mapping[str, Decimal]


@dataclass(frozen=True)
class CashFlowRefusedEvent(DomainEvent):
    """A flow was not booked; nothing has changed."""

    flow_id: str
    kind: str
    amount: Decimal
    code: str
    detail: str


@dataclass(frozen=True)
class DuplicateCashFlowEvent(DomainEvent):
    """A flow that was already booked arrived again and was dropped."""

    flow_id: str


@dataclass(frozen=True)
class CorporateActionAppliedEvent(DomainEvent):
    """Holdings changed without a trade.

    Attributes:
        action: the report's name.
        detail: what it did, in words.
        cash_in_lieu: book id -> what a split paid it for its fraction.
        odd_lots: book id -> holding that is no multiple of the new lot.
    """

    instrument_id: str
    action: str
    detail: str
    cash_in_lieu: Mapping[str, Decimal]
    odd_lots: Mapping[str, Decimal]


@dataclass(frozen=True)
class CorporateActionWaitingEvent(DomainEvent):
    """An action waits until these orders have ended; their cancels are under way."""

    instrument_id: str
    action: str
    client_order_ids: tuple[str, ...]


@dataclass(frozen=True)
class CorporateActionRefusedEvent(DomainEvent):
    """An action cannot be applied to what it names; nothing has changed."""

    instrument_id: str
    action: str
    reason: str


@dataclass(frozen=True)
class RebalanceStartedEvent(DomainEvent):
    """A rebalance has a plan.

    Attributes:
        reason: who or what asked for it.
        targets: strategy id -> budget that it was planned for.
        outcomes: book id -> what the plan means for it, and why it needs commands or none.
    """

    rebalance_id: str
    reason: str
    targets: Mapping[str, Decimal]
    outcomes: Mapping[str, str]


@dataclass(frozen=True)
class RebalanceNotNeededEvent(DomainEvent):
    """A rebalance has nothing to move; ``outcomes`` says why, book by book."""

    rebalance_id: str
    reason: str
    outcomes: Mapping[str, str]


@dataclass(frozen=True)
class RebalanceRefusedEvent(DomainEvent):
    """A rebalance was asked for and cannot be planned; nothing has changed."""

    rebalance_id: str
    reason: str
    detail: str


@dataclass(frozen=True)
class RebalanceRepeatedEvent(DomainEvent):
    """At a session's close: what is still to move (book id -> amount), and what that waits for."""

    rebalance_id: str
    pending: Mapping[str, Decimal]
    outcomes: Mapping[str, str]


@dataclass(frozen=True)
class RebalanceEndedEvent(DomainEvent):
    """A rebalance ended before its targets were met; what has moved stays moved."""

    rebalance_id: str
    status: str
    detail: str


@dataclass(frozen=True)
class CapitalTransferredEvent(DomainEvent):
    """Capital moved between books; the amounts by book sum to zero."""

    rebalance_id: str
    transfers: Mapping[str, Decimal]


@dataclass(frozen=True)
class StopTrippedEvent(DomainEvent):
    """A drawdown stop reached its limit, or somebody pulled the kill switch.

    Attributes:
        scope_id: strategy id, or ``ACCOUNT``.
        action: what happens now, and stays until a reset.
    """

    scope_id: str
    action: str
    reason: str


@dataclass(frozen=True)
class StopResetEvent(DomainEvent):
    """An operator let a scope go; its stops count from this equity."""

    scope_id: str
    equity: Decimal


@dataclass(frozen=True)
class MarginCallEvent(DomainEvent):
    """Equity is strictly below the maintenance margin, the venue's if that is larger.

    Attributes:
        scope_id: strategy id, or ``ACCOUNT``.
        closes: structure -> units that are ordered closed; empty when nothing is configured.
        deficit: what is still missing by the plan; None when the plan suffices or there is none.
    """

    scope_id: str
    equity: Decimal
    margin: Decimal
    closes: Mapping[str, int]
    deficit: Decimal | None


@dataclass(frozen=True)
class VenueMarginRefusedEvent(DomainEvent):
    """The venue's margin report cannot be used; the last one counts on."""

    detail: str


DESK_WARNINGS: tuple[type[DomainEvent], ...] = (
    CashFlowRefusedEvent,
    DuplicateCashFlowEvent,
    CorporateActionWaitingEvent,
    CorporateActionRefusedEvent,
    RebalanceRefusedEvent,
    RebalanceEndedEvent,
    StopTrippedEvent,
    MarginCallEvent,
    VenueMarginRefusedEvent,
)
"""Events that a person should see without asking for them."""
