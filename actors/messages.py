"""What the actors tell each other, and the inputs that are not market data or venue reports.

Inside one input's work no message needs an envelope: its seq and time are the machine's, because a
handler runs to completion. All messages are frozen; nobody changes what he was told.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

import msgspec

from orchestrion.domain.capital.cash_flow import CashFlowReport
from orchestrion.domain.capital.corporate_action import CorporateActionReport
from orchestrion.domain.capital.kill_switch import StopAction
from orchestrion.domain.conflict.policy import ConflictPolicies
from orchestrion.domain.conflict.resolution import CrossGroup
from orchestrion.domain.conflict.round_context import RoundContext
from orchestrion.domain.models.command import ApprovedCommand, CancelOrder, SubmitOrder
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.order import Order
from orchestrion.domain.models.portfolio import Book
from orchestrion.domain.models.report import (
    ExternalFillReport,
    OrderFilledReport,
    SettlementReport,
)
from orchestrion.domain.models.strategy import Signal
from orchestrion.domain.netting.fill_split import FeeShare
from orchestrion.domain.netting.round_netting import NettedRound
from orchestrion.domain.orchestration.lifecycle import (
    PauseMode,
    StrategyStatus,
    TradingState,
)
from orchestrion.domain.orchestration.proposal import Checked, HeldProposal
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


class InternalCrossed(msgspec.Struct, frozen=True, kw_only=True, tag="InternalCrossed"):
    """Orders of this account traded with each other. The gateway emits it, the shell posts it.

    Attributes:
        cross_id: of the first trade; a second input with it is a duplicate.
        fills: in rank order, without fees; both sides of each instrument sum to zero.
        ended: orders whose rest may not leave.
    """

    cross_id: str
    fills: tuple[OrderFilledReport, ...]
    ended: tuple[str, ...] = ()
    ts_event: int


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
    """To the capital manager: the resolved commands of a round, in order.

    Attributes:
        crosses: which of them are to be crossed inside the account, as far as they are approved.
    """

    round: int
    checked: tuple[Checked, ...]
    crosses: tuple[CrossGroup, ...] = ()


class ExecuteRequest(msgspec.Struct, frozen=True, gc=False):
    """To the gateway: what was approved, in order; ``netted``: what becomes of it when a conflict
    rule had some of it crossed inside the account."""

    approved: tuple[ApprovedCommand, ...]
    netted: NettedRound | None = None


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
    """To the capital manager: close what a strategy holds and is not closing yet, on its behalf.

    Attributes:
        label: on whose word, for the journal.
    """

    round: int
    strategy_id: str
    label: str = "custodian: flatten"


class FillAttributed(msgspec.Struct, frozen=True, gc=False):
    """To the capital manager: a fill and the book that it belongs to."""

    book_id: str
    fill: OrderFilledReport | ExternalFillReport
    is_reducing: bool


class FillsAttributed(msgspec.Struct, frozen=True, gc=False):
    """To the capital manager: fills of several books that belong together, and fees of owners who
    got nothing this time."""

    fills: tuple[FillAttributed, ...]
    fee_shares: tuple[FeeShare, ...]


class OwnersFilled(msgspec.Struct, frozen=True, gc=False):
    """To the coordinator: open one round for the owners of what filled.

    Attributes:
        fills: (strategy_id, fill) pairs; an owner's own in the order in which he is told them. An
            owner who is no strategy of the run, or does not care for fills, is passed over.
    """

    fills: tuple[tuple[str, OrderFilledReport], ...]


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


# -- capital that moves --------------------------------------------------------------------------


class Rebalance(Question, frozen=True, kw_only=True, tag="Rebalance"):
    """Move capital between the strategies' books; answered with the rebalance's id.

    Attributes:
        weights: strategy id -> fraction of the whole; what they leave over is RESERVE's. Or
        method: name of an allocation method. Neither: the weights that are set.
        reason: who asks, for people.
    """

    weights: dict[str, Decimal] = msgspec.field(default_factory=dict[str, Decimal])
    method: str = ""
    reason: str = "operator"


class PullKillSwitch(Question, frozen=True, kw_only=True, tag="PullKillSwitch"):
    """Stop a strategy, or the account (``ACCOUNT_SCOPE``), until it is reset."""

    scope_id: str
    action: StopAction
    reason: str = "operator"


class ResetStop(Question, frozen=True, kw_only=True, tag="ResetStop"):
    """Let a stopped scope go; its drawdown stops count from now."""

    scope_id: str


class StopTripped(msgspec.Struct, frozen=True, gc=False):
    """To the coordinator: the kill switch of a scope is pulled, or became stricter."""

    scope_id: str
    action: StopAction


class StopReleased(msgspec.Struct, frozen=True, gc=False):
    """To the coordinator: the kill switch of a scope was reset."""

    scope_id: str


class FlowBooked(msgspec.Struct, frozen=True, gc=False):
    """To the auditor: money that no trade moved, for the account ledger."""

    flow: CashFlowReport


class HoldingsChanged(msgspec.Struct, frozen=True, gc=False):
    """To the auditor: a corporate action, and all books and the catalogue after it."""

    report: CorporateActionReport
    books: tuple[Book, ...]
    catalog: InstrumentCatalog


class CatalogChanged(msgspec.Struct, frozen=True, gc=False):
    """To a strategy: what instruments are from now on."""

    catalog: InstrumentCatalog


# -- screening, and orders that are withdrawn on the account's behalf ----------------------------


class ScreenRequest(msgspec.Struct, frozen=True, gc=False):
    """To the capital manager: what the conflict rules must know of the account for these commands.

    Attributes:
        held: commands of earlier rounds that still wait.
        is_plain: nothing but the account's room can be contested: when there is enough for all, the
            commands are authorised without asking back.
    """

    round: int
    checked: tuple[Checked, ...]
    held: tuple[HeldProposal, ...]
    policies: ConflictPolicies
    is_plain: bool = False


class Screened(msgspec.Struct, frozen=True, gc=False):
    """To the coordinator: the figures for the commands that were asked about."""

    round: int
    checked: tuple[Checked, ...]
    context: RoundContext


class CancelOrdersRequest(msgspec.Struct, frozen=True, gc=False):
    """To the gateway: withdraw these orders on the account's behalf, without asking their owners.

    Attributes:
        label: why, for the journal.
    """

    client_order_ids: tuple[str, ...]
    label: str


class OrdersEnded(msgspec.Struct, frozen=True, gc=False):
    """To the coordinator: these orders can trade no more, for whatever reason."""

    client_order_ids: tuple[str, ...]


class CancelsRefused(msgspec.Struct, frozen=True, gc=False):
    """To the coordinator: the venue did not withdraw these orders; they still work."""

    client_order_ids: tuple[str, ...]


class ReducingChanged(msgspec.Struct, frozen=True, gc=False):
    """To the coordinator: a rule of the account lets only exits of a strategy pass, or no longer.

    Attributes:
        reason: which rule, in words.
    """

    strategy_id: str
    is_reducing: bool
    reason: str = ""


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


class SessionMarked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Effect and journal event: equity of every book and of the account at a session's close.

    Attributes:
        flows: capital that came into books since the last close (negative: left them), which is no
            gain; only books with any.
    """

    ts_event: int
    equities: dict[str, Decimal]
    account_equity: Decimal
    flows: dict[str, Decimal] = {}
