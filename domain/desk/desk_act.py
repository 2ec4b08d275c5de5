"""What one step of the desk comes to: acts, in the order in which they have to be carried out.

The desk changes books and its own state; it reaches nobody. Events are acts too. Whoever drives the
desk tells the auditor about books, sends commands through ``authorise`` and the rest where it
belongs.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TypeAlias

import msgspec

from orchestrion.domain.capital.allocation_policy import AllocationPolicy
from orchestrion.domain.capital.cash_flow import CashFlowReport
from orchestrion.domain.capital.corporate_action import CorporateActionReport
from orchestrion.domain.capital.kill_switch import StopAction
from orchestrion.domain.capital.return_history import EquityPoint
from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.order import Order
from orchestrion.domain.models.portfolio import Book
from orchestrion.domain.orchestration.events import DomainEvent

BookChanges: TypeAlias = tuple[tuple[Book, Book], ...]
"""(before, after) of every book that changed."""


class CashMoved(msgspec.Struct, frozen=True):
    """Books have other cash. ``flow`` is what did it; None for transfers, which sum to zero."""

    changes: BookChanges
    flow: CashFlowReport | None = None


class HoldingsRestated(msgspec.Struct, frozen=True):
    """A corporate action was applied: other books, and perhaps another catalogue."""

    report: CorporateActionReport
    changes: BookChanges


class CloseOut(msgspec.Struct, frozen=True):
    """Exits that the desk orders for strategies; to be judged like any other command."""

    commands: tuple[SubmitOrder, ...]


class EntriesBarred(msgspec.Struct, frozen=True):
    """A margin call began or is over: while it lasts only exits of the strategy pass."""

    strategy_id: str
    is_barred: bool


class FlattenBook(msgspec.Struct, frozen=True):
    """Everything that a strategy holds is to be closed, own quantity only."""

    strategy_id: str


class WithdrawOrders(msgspec.Struct, frozen=True):
    """Working orders to be cancelled at the venue; passes under any trading state."""

    orders: tuple[Order, ...]
    label: str


class SwitchPulled(msgspec.Struct, frozen=True):
    """A kill switch is pulled, or has become stricter: whoever owns the states takes the steps."""

    scope_id: str
    action: StopAction


class SwitchReleased(msgspec.Struct, frozen=True):
    """A kill switch was reset: states go back to what they were before it."""

    scope_id: str


class ComputeWeights(msgspec.Struct, frozen=True, kw_only=True):
    """Weights that rest on statistics are wanted; the answer is ``WeightsComputed``, an input.

    Attributes:
        strategy_ids: in rank order.
        target_fractions: strategy id -> configured share of the capital.
        equity_curves: strategy id -> its book's equity, close by close.
    """

    request_id: str
    policy: AllocationPolicy
    strategy_ids: tuple[str, ...]
    target_fractions: Mapping[str, Decimal]
    equity_curves: Mapping[str, tuple[EquityPoint, ...]]


Act: TypeAlias = (
    DomainEvent
    | CashMoved
    | HoldingsRestated
    | CloseOut
    | EntriesBarred
    | FlattenBook
    | WithdrawOrders
    | SwitchPulled
    | SwitchReleased
    | ComputeWeights
)
Acts: TypeAlias = tuple[Act, ...]
