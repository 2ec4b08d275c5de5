"""The capital manager's way to the capital desk: who asks it, and what becomes of its acts.

The desk (``domain.desk``) decides and changes books; here its acts are carried out in their order:
the auditor gets both sides of every change, owners their books, commands their verdicts, the
coordinator the stops. A collaborator of ``CapitalManagerActor`` and no actor of its own, because
the books have one writer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from itertools import groupby
from typing import Any, ClassVar, assert_never

from orchestrion.actors.messages import (
    AuthoriseRequest,
    BookChanged,
    BooksMoved,
    CatalogChanged,
    ExecuteRequest,
    FlattenRequest,
    FlowBooked,
    HoldingsChanged,
    PullKillSwitch,
    Rebalance,
    ReducingChanged,
    ResetStop,
    StandingChanged,
    StopReleased,
    StopTripped,
)
from orchestrion.domain.capital.cash_flow import CashFlowReport
from orchestrion.domain.capital.corporate_action import (
    CorporateActionReport,
    LotSizeChangedReport,
    SplitReport,
    SymbolChangedReport,
)
from orchestrion.domain.desk.capital_desk import CapitalDesk, WeightsComputed
from orchestrion.domain.desk.desk_act import (
    Act,
    Acts,
    BookChanges,
    CashMoved,
    CloseOut,
    ComputeWeights,
    EntriesBarred,
    FlattenBook,
    HoldingsRestated,
    SwitchPulled,
    SwitchReleased,
    WithdrawOrders,
)
from orchestrion.domain.desk.desk_settings import CapitalDeskSettings
from orchestrion.domain.desk.margin_watch import VenueMarginReport
from orchestrion.domain.errors import DomainError
from orchestrion.domain.models.command import (
    CancelOrder,
    RefusalCode,
    RefusedCommand,
    SubmitOrder,
)
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.orchestration.events import DomainEvent
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.domain.orchestration.proposal import Checked, Proposal, check_answer
from orchestrion.domain.orchestration.withdrawal import withdrawal_of
from orchestrion.runtime.actor import ActorContext, Answer, Question
from orchestrion.runtime.mailbox import Mailbox

CASH_ONLY = ""
"""Stands for the instrument in ``BooksMoved`` when only cash moved."""


class CapitalDeskHandlers:
    """See the module's text.

    Attributes:
        desk: the desk itself, to look at.
    """

    STATE: ClassVar[Mapping[str, Any]] = {"_round": int}
    PARTS: ClassVar[tuple[str, ...]] = ("desk",)

    def __init__(
        self,
        *,
        context: ActorContext,
        capital_manager: PortfolioCapitalManager,
        settings: CapitalDeskSettings,
        publish: Callable[[DomainEvent], None],
        decide: Callable[[int, tuple[Checked, ...]], None],
        flatten: Callable[[FlattenRequest], None],
    ) -> None:
        """
        Args:
            decide: gives commands their verdicts, under a round number.
            flatten: closes what a strategy holds.
        """
        self.desk = CapitalDesk(capital_manager, settings)
        self._context = context
        self._capital = capital_manager
        self._publish = publish
        self._decide = decide
        self._flatten = flatten
        self._owners: Callable[[], Mapping[str, Mailbox]] = dict
        self._round = 0

    def connect(
        self,
        *,
        owners: Callable[[], Mapping[str, Mailbox]],
        gateway: Mailbox,
        auditor: Mailbox,
        coordinator: Mailbox,
    ) -> None:
        """Tells it who has to know. Called once, by whoever it works for."""
        self._owners = owners
        self._gateway = gateway
        self._auditor = auditor
        self._coordinator = coordinator

    @property
    def handlers(self) -> dict[type, Callable[..., None]]:
        """Handlers of inputs and questions that are the desk's alone."""
        found: dict[type, Callable[..., None]] = {
            CashFlowReport: self._on_cash_flow,
            SplitReport: self._on_corporate_action,
            LotSizeChangedReport: self._on_corporate_action,
            SymbolChangedReport: self._on_corporate_action,
            VenueMarginReport: self._on_venue_margin,
            WeightsComputed: self._on_weights,
            Rebalance: self._on_rebalance,
            PullKillSwitch: self._on_pull,
            ResetStop: self._on_reset,
        }
        if self.desk.watches_slices:
            found[MarketSlice] = self._on_slice
        return found

    # -- asked by the capital manager --------------------------------------------------------------

    def note_round(self, request: AuthoriseRequest | FlattenRequest) -> None:
        """Commands of the desk are recorded under the last round that was heard of."""
        self._round = request.round

    def refusal_of(self, proposal: Proposal) -> RefusedCommand | None:
        """What the desk has against a command: its instrument waits for a corporate action."""
        command = proposal.command
        if isinstance(command, CancelOrder):
            return None
        why = self.desk.suspends(command.legs)
        if not why:
            return None
        return RefusedCommand(
            strategy_id=command.strategy_id,
            command=command,
            code=RefusalCode.INSTRUMENT_SUSPENDED,
            detail=why,
        )

    def on_standing(self, message: StandingChanged) -> None:
        self._carry_out(
            self.desk.on_standing(
                message.strategy_id, message.status, message.mode, now=self._context.now
            )
        )

    def on_change(self) -> None:
        """After orders changed, a settlement or an expiry."""
        self._carry_out(self.desk.on_change(now=self._context.now))

    def on_session_closed(self, equities: Mapping[str, Decimal]) -> None:
        self._carry_out(self.desk.on_session_closed(equities, now=self._context.now))

    # -- inputs and questions ----------------------------------------------------------------------

    def _on_slice(self, market_slice: MarketSlice) -> None:
        self._capital.mark(market_slice)
        self._carry_out(self.desk.on_slice(now=self._context.now))

    def _on_cash_flow(self, flow: CashFlowReport) -> None:
        self._carry_out(self.desk.book_cash_flow(flow, now=self._context.now))

    def _on_corporate_action(self, report: CorporateActionReport) -> None:
        self._carry_out(self.desk.take_corporate_action(report, now=self._context.now))

    def _on_venue_margin(self, report: VenueMarginReport) -> None:
        self._carry_out(self.desk.take_venue_margin(report, now=self._context.now))

    def _on_weights(self, answer: WeightsComputed) -> None:
        self._carry_out(self.desk.take_weights(answer, now=self._context.now))

    def _on_rebalance(self, question: Rebalance) -> None:
        try:
            rebalance_id, acts = self.desk.rebalance(
                weights=question.weights,
                method=question.method,
                reason=question.reason,
                now=self._context.now,
            )
        except DomainError as fault:
            self._refuse(question, fault)
            return
        self._carry_out(acts)
        self._context.emit(Answer(question_id=question.question_id, value=rebalance_id))

    def _on_pull(self, question: PullKillSwitch) -> None:
        try:
            acts = self.desk.pull(
                question.scope_id, question.action, reason=question.reason, now=self._context.now
            )
        except DomainError as fault:
            self._refuse(question, fault)
            return
        self._carry_out(acts)
        self._context.emit(Answer(question_id=question.question_id, value=question.action))

    def _on_reset(self, question: ResetStop) -> None:
        try:
            acts = self.desk.reset(question.scope_id, now=self._context.now)
        except DomainError as fault:
            self._refuse(question, fault)
            return
        self._carry_out(acts)
        self._context.emit(Answer(question_id=question.question_id, value=question.scope_id))

    def _refuse(self, question: Question, fault: DomainError) -> None:
        self._context.emit(Answer(question_id=question.question_id, error=str(fault)))

    # -- acts --------------------------------------------------------------------------------------

    def _carry_out(self, acts: Acts) -> None:
        for act in acts:
            self._carry_out_one(act)

    def _carry_out_one(self, act: Act) -> None:
        match act:
            case DomainEvent():
                self._publish(act)
            case CashMoved():
                self._move_cash(act)
            case HoldingsRestated():
                self._restate(act)
            case CloseOut():
                self._close_out(act.commands)
            case FlattenBook():
                self._flatten(FlattenRequest(self._round, act.strategy_id))
            case WithdrawOrders():
                self._withdraw(act)
            case SwitchPulled() | SwitchReleased() | EntriesBarred():
                self._coordinator.tell(_for_coordinator(act))
            case ComputeWeights():
                self._context.emit(act)
            case _:
                assert_never(act)

    def _move_cash(self, act: CashMoved) -> None:
        if act.flow is not None:
            self._auditor.tell(FlowBooked(act.flow))
        self._auditor.tell(BooksMoved(CASH_ONLY, act.changes))
        self._tell_owners(act.changes)

    def _restate(self, act: HoldingsRestated) -> None:
        capital = self._capital
        books = tuple(capital.books.values())
        self._auditor.tell(HoldingsChanged(act.report, books, capital.catalog))
        self._context.emit(act.report)  # a venue model follows
        if not isinstance(act.report, SplitReport):
            changed = CatalogChanged(capital.catalog)
            for mailbox in self._owners().values():
                mailbox.tell(changed)
        self._tell_owners(act.changes)

    def _close_out(self, commands: tuple[SubmitOrder, ...]) -> None:
        """On the strategy's behalf, so its own standing does not hold the commands back."""
        for strategy_id, own in groupby(commands, key=lambda one: one.strategy_id):
            book = self._capital.books[strategy_id]
            working = self._capital.working_orders(strategy_id)
            answer = check_answer(strategy_id, list(own), book, working)
            with self._capital.custody_of(strategy_id):
                self._decide(self._round, answer.checked)

    def _withdraw(self, act: WithdrawOrders) -> None:
        """On our own account, so without a verdict: cancels pass whatever the trading state."""
        seq, now = self._context.seq, self._context.now
        cancels = tuple(withdrawal_of(order, act.label, seq=seq, now=now) for order in act.orders)
        self._gateway.tell(ExecuteRequest(cancels))

    def _tell_owners(self, changes: BookChanges) -> None:
        owners = self._owners()
        for _, after in changes:
            owner = owners.get(after.book_id)
            if owner is not None:
                owner.tell(BookChanged(after))


def _for_coordinator(
    act: SwitchPulled | SwitchReleased | EntriesBarred,
) -> StopTripped | StopReleased | ReducingChanged:
    """What it is told, who owns the strategies' states."""
    match act:
        case SwitchPulled():
            return StopTripped(act.scope_id, act.action)
        case SwitchReleased():
            return StopReleased(act.scope_id)
        case EntriesBarred():
            return ReducingChanged(act.strategy_id, act.is_barred, "margin call")
