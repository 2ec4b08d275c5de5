"""Events around a restart."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import List  # noqa: UP035 - as the other events

from orchestrion.domain.orchestration.events import DomainEvent


@dataclass(frozen=True)
class RunRestartedEvent(DomainEvent):
    """A new process goes on with the run; nothing leaves before the account is reconciled."""

    epoch: int


@dataclass(frozen=True)
class AccountReconciledEvent(DomainEvent):
    """The account is as the venue says; ``explained`` are differences that found their reason."""

    explained: List[str]  # noqa: UP006


@dataclass(frozen=True)
class ReconciliationFailedEvent(DomainEvent):
    """The account is not as the venue says, and nothing leaves until somebody settles it."""

    mismatches: List[str]  # noqa: UP006


@dataclass(frozen=True)
class DifferenceAssignedEvent(DomainEvent):
    """What the venue held otherwise was booked as a trade of this book."""

    book_id: str
    instrument_id: str
    quantity: Decimal
    price: Decimal
    reason: str
