"""Domain events: what happened, in the past tense, for whoever coordinates, logs or reports.

Events are frozen and can be built with just the fields that the specification writes; ``event_id``,
``seq`` and ``ts_event`` are filled by the runtime when it drains them. The domain collects, the
runtime drains, nobody publishes from inside a rule.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Dict, List  # noqa: UP035 - the specification's own spelling


@dataclass(frozen=True)
class DomainEvent:
    """Base of all domain events."""

    event_id: str = field(default="", kw_only=True)
    seq: int = field(default=0, kw_only=True)
    ts_event: int = field(default=0, kw_only=True)


@dataclass(frozen=True)
class StrategyAddedEvent(DomainEvent):
    strategy_id: str
    allocation_pct: float


@dataclass(frozen=True)
class StrategyRemovedEvent(DomainEvent):
    strategy_id: str
    policy: str


@dataclass(frozen=True)
class StrategyPausedEvent(DomainEvent):
    strategy_id: str
    mode: str


@dataclass(frozen=True)
class StrategyResumedEvent(DomainEvent):
    strategy_id: str


@dataclass(frozen=True)
class StrategyStartingEvent(DomainEvent):
    """It is told of the start now."""

    strategy_id: str


@dataclass(frozen=True)
class StrategyStartedEvent(DomainEvent):
    strategy_id: str


@dataclass(frozen=True)
class StrategyReducingEvent(DomainEvent):
    """A rule of the account lets only its exits pass from now on; ``reason`` says which."""

    strategy_id: str
    reason: str = ""


@dataclass(frozen=True)
class StrategyRecoveredEvent(DomainEvent):
    """The rule that let only its exits pass holds no more."""

    strategy_id: str


@dataclass(frozen=True)
class StrategyStoppingEvent(DomainEvent):
    """It sends nothing any more; ``reason`` says why: the run ends, or how it is removed."""

    strategy_id: str
    reason: str = ""


@dataclass(frozen=True)
class StrategyStoppedEvent(DomainEvent):
    strategy_id: str


@dataclass(frozen=True)
class RemovalDelayedEvent(DomainEvent):
    """A strategy cannot go yet; it is tried again when an order ends and at a session's close."""

    strategy_id: str
    policy: str
    detail: str


@dataclass(frozen=True)
class PositionsHandedOverEvent(DomainEvent):
    """Positions moved from one book to another at the marks.

    Attributes:
        prices: instrument id -> mark at which it moved.
        quantities: instrument id -> signed quantity.
        realized_pnl: what the giver realised by it.
    """

    strategy_id: str
    heir_id: str
    quantities: Dict[str, Decimal] = field(default_factory=dict)  # noqa: UP006
    prices: Dict[str, Decimal] = field(default_factory=dict)  # noqa: UP006
    realized_pnl: Decimal = Decimal(0)


@dataclass(frozen=True)
class StrategyRestartedEvent(DomainEvent):
    """A handler failed; the strategy was rebuilt without the event that broke it."""

    strategy_id: str
    failure: str
    failures_in_window: int


@dataclass(frozen=True)
class StrategyQuarantinedEvent(DomainEvent):
    """It failed too often: entries cancelled, capital frozen, positions with the custodian."""

    strategy_id: str
    failure: str
    custodian: str


@dataclass(frozen=True)
class CapitalRebalancedEvent(DomainEvent):
    allocations: Dict[str, Decimal]  # noqa: UP006


@dataclass(frozen=True)
class CapitalMissingEvent(DomainEvent):
    """Capital was allocated while no total capital is set: everybody got 0.00."""

    strategy_ids: tuple[str, ...]


@dataclass(frozen=True)
class StrategyConflictDetectedEvent(DomainEvent):
    """Who wanted what against whom, by which rule it was decided, and how."""

    strategy_ids: List[str]  # noqa: UP006
    conflict_type: str
    instrument_id: str = ""
    policy: str = ""
    resolution: str = ""


@dataclass(frozen=True)
class OrderDeniedEvent(DomainEvent):
    """A command was refused by us, before any venue saw it."""

    strategy_id: str
    code: str
    detail: str


@dataclass(frozen=True)
class OrderStatusChangedEvent(DomainEvent):
    strategy_id: str
    client_order_id: str
    status: str
    reason: str = ""


@dataclass(frozen=True)
class DuplicateReportEvent(DomainEvent):
    """A fill that was already booked arrived again and was dropped."""

    client_order_id: str
    trade_id: str


@dataclass(frozen=True)
class InstrumentExpiredEvent(DomainEvent):
    strategy_id: str
    instrument_id: str
    quantity: Decimal
    settlement_price: Decimal


@dataclass(frozen=True)
class BookReducingEvent(DomainEvent):
    """Marks moved against a book: equity is below its margin, only reducing commands pass."""

    strategy_id: str
    equity: Decimal
    margin: Decimal


@dataclass(frozen=True)
class TradingStateChangedEvent(DomainEvent):
    state: str
    reason: str
