"""``CapitalManagerActor``: single writer of all books; every command gets its verdict here.

It folds what it is told into the domain's ``PortfolioCapitalManager``, records each decision, tells
owners about their books, and gives the auditor both sides of every change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orchestrion.actors.messages import (
    AccountMoved,
    AuthoriseRequest,
    BookChanged,
    BooksClosed,
    BooksMoved,
    DecisionRecord,
    ExecuteRequest,
    FillAttributed,
    FlattenRequest,
    OrdersChanged,
    SessionClosed,
    SessionMarked,
    StandingChanged,
    TradingStateChanged,
)
from orchestrion.actors.tally import Tally
from orchestrion.domain.models.command import ApprovedCommand, SubmitOrder, Verdict
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.money import ZERO, add, subtract
from orchestrion.domain.models.order import Leg, Order, OrderSide
from orchestrion.domain.models.portfolio import Book, Position
from orchestrion.domain.models.report import FutureSettledReport, InstrumentExpiredReport
from orchestrion.domain.orchestration.events import (
    BookReducingEvent,
    DomainEvent,
    InstrumentExpiredEvent,
)
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.domain.orchestration.proposal import (
    LEGS_MAX,
    Checked,
    Proposal,
    Rejection,
    check_answer,
    working_quantity,
)
from orchestrion.runtime.actor import ActorContext
from orchestrion.runtime.errors import ActorError
from orchestrion.runtime.journal import RecordKind
from orchestrion.runtime.mailbox import Mailbox


class CapitalManagerActor:
    """See the module's text.

    Attributes:
        tallies: what each book has done, for reports.
    """

    def __init__(
        self,
        *,
        context: ActorContext,
        capital_manager: PortfolioCapitalManager,
        publish: Callable[[DomainEvent], None],
        order_id_prefix: str,
    ) -> None:
        """
        Args:
            order_id_prefix: of the run and its epoch; with seq and index it makes every
                client_order_id unique for ever.
        """
        self._context = context
        self._capital = capital_manager
        self._publish = publish
        self._order_id_prefix = order_id_prefix
        self._owners: Mapping[str, Mailbox] = {}
        self._reducing: dict[str, bool] = {}
        self._index_of_seq = (0, 0)
        self.tallies = {book_id: Tally() for book_id in capital_manager.books}
        self._handlers: dict[type, Callable[..., None]] = {
            MarketSlice: capital_manager.mark,
            AuthoriseRequest: self._on_authorise,
            OrdersChanged: self._on_orders_changed,
            FillAttributed: self._on_fill,
            FutureSettledReport: self._on_settled,
            InstrumentExpiredReport: self._on_expired,
            SessionClosed: self._on_session_closed,
            StandingChanged: self._on_standing,
            TradingStateChanged: self._on_trading_state,
            FlattenRequest: self._on_flatten,
        }

    def connect(self, *, owners: Mapping[str, Mailbox], gateway: Mailbox, auditor: Mailbox) -> None:
        """Tells it whose books it keeps and who carries out and checks. Called once, by wiring."""
        self._owners = owners
        self._gateway = gateway
        self._auditor = auditor

    def receive(self, message: object) -> None:
        handler = self._handlers.get(type(message))
        if handler is None:
            raise ActorError(f"the capital manager cannot be told a {type(message).__name__}")
        handler(message)

    # -- deciding -------------------------------------------------------------------------------

    def _on_authorise(self, request: AuthoriseRequest) -> None:
        self._decide(request.round, request.checked)

    def _decide(self, round_number: int, checked: tuple[Checked, ...]) -> None:
        approved: list[ApprovedCommand] = []
        for one in checked:
            index = self._next_index()
            verdict = self._verdict(one, index)
            self._record(round_number, index, verdict)
            if isinstance(verdict, ApprovedCommand):
                approved.append(verdict)
        if approved:
            self._gateway.tell(ExecuteRequest(tuple(approved)))

    def _verdict(self, one: Checked, index: int) -> Verdict:
        if isinstance(one, Rejection):
            return one.refusal
        return self._capital.authorise(
            one,
            client_order_id=f"{self._order_id_prefix}-{self._context.seq}-{index}",
            now=self._context.now,
        )

    def _next_index(self) -> int:
        """Counts the decisions of one input, so that no two of them share an order id."""
        seq, index = self._index_of_seq
        if seq != self._context.seq:
            seq, index = self._context.seq, 0
        self._index_of_seq = (seq, index + 1)
        return index

    def _record(self, round_number: int, index: int, verdict: Verdict) -> None:
        tally = self.tallies[verdict.strategy_id]
        if isinstance(verdict, ApprovedCommand):
            command = verdict.command
            size = (
                tuple([leg.quantity for leg in command.legs])
                if isinstance(command, SubmitOrder)
                else ()
            )
            tally.approve(command)
            decision = DecisionRecord(
                round=round_number,
                index=index,
                strategy_id=verdict.strategy_id,
                command=command,
                verdict="APPROVED",
                size=size,
            )
        else:
            tally.refuse(verdict.code.value)
            decision = DecisionRecord(
                round=round_number,
                index=index,
                strategy_id=verdict.strategy_id,
                command=verdict.command,
                verdict="REFUSED",
                size=(),
                reason=verdict.code,
                detail=verdict.detail,
            )
        self._context.record(RecordKind.DECISION, decision)

    def _on_flatten(self, request: FlattenRequest) -> None:
        """Closes what a strategy holds, as its custodian; judged like any other command.

        Protective orders go on working, so what they would close is left to them.
        """
        book = self._capital.books[request.strategy_id]
        working = self._capital.working_orders(request.strategy_id)
        legs = [
            leg
            for position in book.positions.values()
            if (leg := _closing_leg(position, working)) is not None
        ]
        # All legs together keep a structure whole; a book of many becomes several orders.
        orders = [
            SubmitOrder(
                strategy_id=request.strategy_id,
                legs=tuple(legs[start : start + LEGS_MAX]),
                reduce_only=True,
                label="custodian: flatten",
            )
            for start in range(0, len(legs), LEGS_MAX)
        ]
        answer = check_answer(request.strategy_id, orders, book, working)
        exits = tuple(one for one in answer.checked if isinstance(one, Proposal) and one.is_exit)
        with self._capital.custody_of(request.strategy_id):
            self._decide(request.round, exits)

    def _on_standing(self, message: StandingChanged) -> None:
        self._capital.set_standing(message.strategy_id, message.status, message.mode)

    def _on_trading_state(self, message: TradingStateChanged) -> None:
        self._capital.trading_state = message.state

    # -- folding --------------------------------------------------------------------------------

    def _on_orders_changed(self, message: OrdersChanged) -> None:
        for order in message.orders:
            self._capital.track(order)

    def _on_fill(self, message: FillAttributed) -> None:
        before = self._capital.books[message.book_id]
        after = self._capital.apply_fill(message.book_id, message.fill)
        fill = message.fill
        self.tallies[message.book_id].fill(
            fill, before.quantity(fill.instrument_id), self._capital.catalog
        )
        self._auditor.tell(BooksMoved(fill.instrument_id, ((before, after),)))
        self._tell_owner(after)

    def _on_settled(self, report: FutureSettledReport) -> None:
        before = dict(self._capital.books)
        self._tell_moved(report.instrument_id, before, self._capital.settle(report), report)

    def _on_expired(self, report: InstrumentExpiredReport) -> None:
        before = dict(self._capital.books)
        changed = self._capital.expire(report)
        self._tell_moved(report.instrument_id, before, changed, report)
        for book in changed:
            self._publish(
                InstrumentExpiredEvent(
                    strategy_id=book.book_id,
                    instrument_id=report.instrument_id,
                    quantity=before[book.book_id].quantity(report.instrument_id),
                    settlement_price=report.settlement_price,
                )
            )

    def _tell_moved(
        self,
        instrument_id: str,
        before: Mapping[str, Book],
        changed: tuple[Book, ...],
        report: FutureSettledReport | InstrumentExpiredReport,
    ) -> None:
        self._auditor.tell(AccountMoved(report))
        self._auditor.tell(
            BooksMoved(instrument_id, tuple((before[book.book_id], book) for book in changed))
        )
        for book in changed:
            self._tell_owner(book)

    def _tell_owner(self, book: Book) -> None:
        owner = self._owners.get(book.book_id)
        if owner is not None:
            owner.tell(BookChanged(book))

    def _on_session_closed(self, message: SessionClosed) -> None:
        capital = self._capital
        equities = {book_id: capital.equity(book_id) for book_id in capital.books}
        total = ZERO
        for one in equities.values():
            total = add(total, one)
        self._auditor.tell(BooksClosed(tuple(capital.books.values()), tuple(equities.values())))
        marked = SessionMarked(ts_event=message.ts_event, equities=equities, account_equity=total)
        self._context.record(RecordKind.EVENT, marked)
        self._context.emit(marked)
        for strategy_id in self._owners:
            self._watch_margin(strategy_id)

    def _watch_margin(self, strategy_id: str) -> None:
        """Tells once when marks push a book below its maintenance margin; entries are refused by
        the budget rule meanwhile."""
        equity = self._capital.equity(strategy_id)
        margin = self._capital.margin(strategy_id).maintenance
        is_reducing = equity < margin
        if is_reducing and not self._reducing.get(strategy_id, False):
            self._publish(BookReducingEvent(strategy_id=strategy_id, equity=equity, margin=margin))
        self._reducing[strategy_id] = is_reducing


def _closing_leg(position: Position, working: Mapping[str, Order]) -> Leg | None:
    """What closes a position beyond the orders that close it already; None when nothing is left."""
    side = OrderSide.SELL if position.quantity > 0 else OrderSide.BUY
    whole = Leg(position.instrument_id, side, position.quantity.copy_abs())
    left = subtract(whole.quantity, working_quantity(whole, working))
    return Leg(position.instrument_id, side, left) if left > 0 else None
