"""What the actors tell each other, and the inputs that are not market data or venue reports.

Inside one input's work no message needs an envelope: its seq and time are the machine's, because a
handler runs to completion. All messages are frozen; nobody changes what he was told.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

import msgspec

from orchestrion.domain.models.command import ApprovedCommand, CancelOrder, SubmitOrder
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.order import Order
from orchestrion.domain.models.portfolio import Book
from orchestrion.domain.models.report import (
    ExternalFillReport,
    OrderFilledReport,
    SettlementReport,
)
from orchestrion.domain.models.strategy import Signal
from orchestrion.domain.orchestration.lifecycle import PauseMode, StrategyStatus, TradingState
from orchestrion.domain.orchestration.proposal import Checked
from orchestrion.runtime.actor import Question

# -- inputs -----------------------------------------------------------------------------------


class RunStarted(msgspec.Struct, frozen=True, tag="RunStarted"):
    """The first input: strategies start, in rank order."""

    ts_event: int


class SessionClosed(msgspec.Struct, frozen=True, tag="SessionClosed"):
    """A trading session ended: books and account are compared in full and equity is taken."""

    ts_event: int


class RunEnded(msgspec.Struct, frozen=True, tag="RunEnded"):
    """The last input: strategies stop, in rank order."""

    ts_event: int


class StrategyReplied(msgspec.Struct, frozen=True, kw_only=True, tag="StrategyReplied"):
    """What an asynchronous strategy returned; ``malformed`` says why items are missing."""

    strategy_id: str
    round: int
    commands: tuple[SubmitOrder | CancelOrder, ...] = ()
    signals: tuple[Signal, ...] = ()
    malformed: str = ""


class StrategyRaised(msgspec.Struct, frozen=True, kw_only=True, tag="StrategyRaised"):
    """An asynchronous strategy failed, or said nothing until its deadline."""

    strategy_id: str
    round: int
    failure: str


class SubmissionLost(msgspec.Struct, frozen=True, kw_only=True, tag="SubmissionLost"):
    """The port raised when it was handed commands: their outcome is UNKNOWN, never rejected.

    Attributes:
        client_order_ids: of the orders that were to be submitted or cancelled.
    """

    client_order_ids: tuple[str, ...]
    failure: str


class PauseStrategy(Question, frozen=True, kw_only=True, tag="PauseStrategy"):
    strategy_id: str
    mode: PauseMode


class ResumeStrategy(Question, frozen=True, kw_only=True, tag="ResumeStrategy"):
    strategy_id: str


class SetTradingState(Question, frozen=True, kw_only=True, tag="SetTradingState"):
    state: TradingState
    reason: str = ""


# -- coordinator and strategies ----------------------------------------------------------------


class SliceDelivered(msgspec.Struct, frozen=True, gc=False):
    """To a strategy: the slice of an open round, with the signals of the earlier stages."""

    round: int
    market_slice: MarketSlice
    signals: tuple[Signal, ...]


class FillDelivered(msgspec.Struct, frozen=True, gc=False):
    """To a strategy: one of its orders filled."""

    round: int
    fill: OrderFilledReport


class StartDelivered(msgspec.Struct, frozen=True, gc=False):
    round: int
    ts_event: int


class StopDelivered(msgspec.Struct, frozen=True, gc=False):
    round: int
    ts_event: int


Delivery: TypeAlias = SliceDelivered | FillDelivered | StartDelivered | StopDelivered


class NothingAnswered(msgspec.Struct, frozen=True, gc=False):
    """To the coordinator: nothing to do. One value per strategy, used over and over."""

    strategy_id: str


class StrategyAnswered(msgspec.Struct, frozen=True, gc=False):
    """To the coordinator: checked commands and signals."""

    strategy_id: str
    checked: tuple[Checked, ...]
    signals: tuple[Signal, ...]


class BookChanged(msgspec.Struct, frozen=True, gc=False):
    """To a strategy: its book after a fill, a settlement or an expiry."""

    book: Book


class OrdersChanged(msgspec.Struct, frozen=True, gc=False):
    """To the owner and to the capital manager: the new state of orders that changed together.

    One message for all of them, because a strategy may have more orders than a mailbox has room.
    """

    orders: tuple[Order, ...]


# -- coordinator, capital manager, gateway, auditor ----------------------------------------------


class AuthoriseRequest(msgspec.Struct, frozen=True, gc=False):
    """To the capital manager: the resolved commands of a round, in order."""

    round: int
    checked: tuple[Checked, ...]


class ExecuteRequest(msgspec.Struct, frozen=True, gc=False):
    """To the gateway: what was approved, in order."""

    approved: tuple[ApprovedCommand, ...]


class StandingChanged(msgspec.Struct, frozen=True, gc=False):
    """To the capital manager: what a strategy may do from now on."""

    strategy_id: str
    status: StrategyStatus
    mode: PauseMode | None


class TradingStateChanged(msgspec.Struct, frozen=True, gc=False):
    """To the capital manager: what the account may do from now on."""

    state: TradingState


class CancelEntriesRequest(msgspec.Struct, frozen=True, gc=False):
    """To the gateway: withdraw a strategy's working orders that are not reducing."""

    strategy_id: str


class FlattenRequest(msgspec.Struct, frozen=True, gc=False):
    """To the capital manager: close what a quarantined strategy holds and is not closing yet."""

    round: int
    strategy_id: str


class FillAttributed(msgspec.Struct, frozen=True, gc=False):
    """To the capital manager: a fill and the book that it belongs to."""

    book_id: str
    fill: OrderFilledReport | ExternalFillReport
    is_reducing: bool


class OwnerFilled(msgspec.Struct, frozen=True, gc=False):
    """To the coordinator: open a round for the owner of a fill."""

    strategy_id: str
    fill: OrderFilledReport


class OverfillFound(msgspec.Struct, frozen=True, gc=False):
    """To the coordinator: the venue filled more than was ordered; the strategy is stopped."""

    strategy_id: str
    detail: str


class AccountMoved(msgspec.Struct, frozen=True, gc=False):
    """To the auditor: a fact about money, for the account ledger."""

    report: OrderFilledReport | ExternalFillReport | SettlementReport


class BooksMoved(msgspec.Struct, frozen=True, gc=False):
    """To the auditor: how the books took that fact."""

    instrument_id: str
    changes: tuple[tuple[Book, Book], ...]


class BooksClosed(msgspec.Struct, frozen=True, gc=False):
    """To the auditor: all books and their equity at a session's close, to be checked in full."""

    books: tuple[Book, ...]
    equities: tuple[Decimal, ...]


# -- what leaves the core ------------------------------------------------------------------------


class DecisionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One decision as the journal and the decision hash hold it: no run, seq or client id."""

    round: int
    index: int
    strategy_id: str
    command: SubmitOrder | CancelOrder | None
    verdict: str
    size: tuple[Decimal, ...]
    reason: str = ""
    detail: str = ""


class ExecuteCommands(msgspec.Struct, frozen=True):
    """Effect: hand these to the port, once the journal is durable."""

    approved: tuple[ApprovedCommand, ...]


class SessionMarked(msgspec.Struct, frozen=True, kw_only=True):
    """Effect and journal event: equity of every book and of the account at a session's close."""

    ts_event: int
    equities: dict[str, Decimal]
    account_equity: Decimal
