"""``CapitalManagerActor``: single writer of all books; every command gets its verdict here.

It folds what it is told into the domain's ``PortfolioCapitalManager``, records each decision, tells
owners about their books, and gives the auditor both sides of every change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any, ClassVar

from orchestrion.actors.book_keeper import BookKeeper
from orchestrion.actors.capital_desk import CapitalDeskHandlers
from orchestrion.actors.decision_writer import DecisionWriter
from orchestrion.actors.messages import (
    AccountMoved,
    AuthoriseRequest,
    BookChanged,
    BooksClosed,
    BooksMoved,
    ExecuteRequest,
    FillAttributed,
    FillsAttributed,
    FlattenRequest,
    OrdersChanged,
    SessionClosed,
    SessionMarked,
    StandingChanged,
    TradingStateChanged,
)
from orchestrion.actors.restart_messages import HoldChanged
from orchestrion.actors.tally import Tally
from orchestrion.domain.capital.cash_flow import charge_fee
from orchestrion.domain.conflict.resolution import CrossGroup
from orchestrion.domain.desk.desk_settings import NO_DESK_RULES, CapitalDeskSettings
from orchestrion.domain.models.command import ApprovedCommand, Verdict
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.money import ZERO, add
from orchestrion.domain.models.portfolio import Book
from orchestrion.domain.models.report import (
    FutureSettledReport,
    InstrumentExpiredReport,
)
from orchestrion.domain.netting.round_netting import NettedRound
from orchestrion.domain.orchestration.crossing_event import crossing_events
from orchestrion.domain.orchestration.events import (
    DomainEvent,
    InstrumentExpiredEvent,
)
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.domain.orchestration.proposal import (
    Checked,
    HeldProposal,
    Proposal,
    Rejection,
)
from orchestrion.domain.orchestration.removal import closing_proposals
from orchestrion.runtime.actor import ActorContext
from orchestrion.runtime.errors import ActorError
from orchestrion.runtime.journal import RecordKind
from orchestrion.runtime.mailbox import Mailbox
from orchestrion.runtime.state import (
    from_plain,
    require_fields,
    restore_snapshot,
    restore_state,
    snapshot_of,
    state_of,
)


class CapitalManagerActor:
    """See the module's text.

    Attributes:
        tallies: what each book has done, for reports.
    """

    STATE: ClassVar[Mapping[str, Any]] = {"_epoch": int, "_index_of_seq": tuple[int, int]}
    PARTS: ClassVar[tuple[str, ...]] = ("_capital", "_desk", "_decisions")

    def __init__(
        self,
        *,
        context: ActorContext,
        capital_manager: PortfolioCapitalManager,
        publish: Callable[[DomainEvent], None],
        order_id_prefix: str,
        desk_settings: CapitalDeskSettings = NO_DESK_RULES,
    ) -> None:
        """
        Args:
            order_id_prefix: of the run; with the epoch, seq and index it makes every
                client_order_id unique for ever.
            desk_settings: what moves and stops capital during the run.
        """
        self._context = context
        self._capital = capital_manager
        self._publish = publish
        self._order_id_prefix = order_id_prefix
        self._epoch = 0
        self._owners: Mapping[str, Mailbox] = {}
        self._index_of_seq = (0, 0)
        self.tallies = {book_id: Tally() for book_id in capital_manager.books}
        self._decisions = DecisionWriter(context, self.tallies, order_id_prefix)
        self._desk = CapitalDeskHandlers(
            context=context,
            capital_manager=capital_manager,
            settings=desk_settings,
            publish=publish,
            decide=self._decide,
            flatten=self._on_flatten,
        )
        self._book_keeper = BookKeeper(
            context, capital_manager, self.tallies, publish, self._on_authorise
        )
        self._handlers: dict[type, Callable[..., None]] = {
            MarketSlice: capital_manager.mark,
            AuthoriseRequest: self._on_authorise,
            OrdersChanged: self._on_orders_changed,
            FillAttributed: self._on_fill,
            FillsAttributed: self._on_fills,
            FutureSettledReport: self._on_settled,
            InstrumentExpiredReport: self._on_expired,
            SessionClosed: self._on_session_closed,
            StandingChanged: self._on_standing,
            TradingStateChanged: self._on_trading_state,
            FlattenRequest: self._on_flatten,
            HoldChanged: self._on_hold,
            **self._book_keeper.handlers,
            **self._desk.handlers,
        }

    def connect(
        self,
        *,
        owners: Mapping[str, Mailbox],
        gateway: Mailbox,
        auditor: Mailbox,
        coordinator: Mailbox,
    ) -> None:
        """Tells it whose books it keeps, who carries out and checks, and who owns the states.
        Called once, by wiring."""
        self._owners = owners
        self._gateway = gateway
        self._auditor = auditor
        self._book_keeper.connect(owners=owners, auditor=auditor, coordinator=coordinator)
        self._desk.connect(
            owners=lambda: self._owners,
            gateway=gateway,
            auditor=auditor,
            coordinator=coordinator,
        )

    def receive(self, message: object) -> None:
        handler = self._handlers.get(type(message))
        if handler is None:
            raise ActorError(f"the capital manager cannot be told a {type(message).__name__}")
        handler(message)

    def snapshot(self) -> dict[str, object]:
        """Its state, the books' and the desk's."""
        tallies = {one: state_of(tally) for one, tally in self.tallies.items()}
        return {"own": snapshot_of(self), "tallies": tallies}

    def restore(self, snapshot: object) -> None:
        """Takes back what ``snapshot`` gave.

        Raises:
            JournalFormatError: it is no such state.
        """
        given = require_fields(snapshot, ("own", "tallies"), "CapitalManagerActor")
        restore_snapshot(self, given["own"])
        tallies: dict[str, Any] = from_plain(given["tallies"], dict[str, Any], "the tallies")
        self.tallies.clear()
        for book_id, state in tallies.items():
            self.tallies[book_id] = Tally()
            restore_state(self.tallies[book_id], state)

    # -- deciding -------------------------------------------------------------------------------

    def _on_authorise(self, request: AuthoriseRequest) -> None:
        self._desk.note_round(request)
        self._decide(request.round, request.checked, request.crosses)

    def _decide(
        self,
        round_number: int,
        checked: tuple[Checked, ...],
        crosses: tuple[CrossGroup, ...] = (),
    ) -> None:
        approved: dict[int, ApprovedCommand] = {}
        for place, one in enumerate(checked):
            index = self._next_index()
            if isinstance(one, HeldProposal):
                self._decisions.write_held(round_number, index, one)
                continue
            verdict = self._verdict(one, index)
            asked_for = one.scaled_from if isinstance(one, Proposal) else ()
            self._decisions.write(round_number, index, verdict, asked_for)
            if isinstance(verdict, ApprovedCommand):
                approved[place] = verdict
        if approved:
            self._gateway.tell(
                ExecuteRequest(tuple(approved.values()), self._netted(approved, crosses))
            )

    def _netted(
        self, approved: Mapping[int, ApprovedCommand], crosses: tuple[CrossGroup, ...]
    ) -> NettedRound | None:
        """What becomes of commands that a conflict rule wants crossed inside the account."""
        if not crosses:
            return None
        groups = [
            (
                group.instrument_id,
                [approved[one].client_order_id for one in group.places if one in approved],
            )
            for group in crosses
        ]
        netted = self._capital.net(
            tuple(approved.values()),
            groups,
            cross_id=f"{self._id_prefix}-{self._context.seq}-X",
            now=self._context.now,
        )
        for event in crossing_events(netted) if netted is not None else ():
            self._publish(event)
        return netted

    def _verdict(self, one: Proposal | Rejection, index: int) -> Verdict:
        if isinstance(one, Rejection):
            return one.refusal
        suspended = self._desk.refusal_of(one)
        if suspended is not None:
            return suspended
        return self._capital.authorise(
            one,
            client_order_id=f"{self._id_prefix}-{self._context.seq}-{index}",
            now=self._context.now,
        )

    @property
    def _id_prefix(self) -> str:
        prefix, epoch = self._order_id_prefix, self._epoch
        return f"{prefix}.{epoch}" if epoch else prefix

    def _next_index(self) -> int:
        """Counts the decisions of one input, so that no two of them share an order id."""
        seq, index = self._index_of_seq
        if seq != self._context.seq:
            seq, index = self._context.seq, 0
        self._index_of_seq = (seq, index + 1)
        return index

    def _on_flatten(self, request: FlattenRequest) -> None:
        """Closes what a strategy holds, on its behalf; judged like any other command.

        Protective orders go on working, so what they would close is left to them.
        """
        book = self._capital.books[request.strategy_id]
        working = self._capital.working_orders(request.strategy_id)
        exits = closing_proposals(request.strategy_id, book, working, request.label)
        with self._capital.custody_of(request.strategy_id):
            self._decide(request.round, exits)

    def _on_standing(self, message: StandingChanged) -> None:
        self._capital.set_standing(message.strategy_id, message.status, message.mode)
        self._desk.on_standing(message)

    def _on_trading_state(self, message: TradingStateChanged) -> None:
        self._capital.trading_state = message.state

    def _on_hold(self, message: HoldChanged) -> None:
        self._epoch = message.epoch
        self._capital.is_held = message.is_held

    # -- folding --------------------------------------------------------------------------------

    def _on_orders_changed(self, message: OrdersChanged) -> None:
        for order in message.orders:
            self._capital.track(order)
            if not order.is_open:
                self._decisions.forget(order)
        self._desk.on_change()

    def _on_fill(self, message: FillAttributed) -> None:
        before = self._capital.books[message.book_id]
        after = self._capital.apply_fill(message.book_id, message.fill)
        fill = message.fill
        self.tallies[message.book_id].fill(
            fill, before.quantity(fill.instrument_id), self._capital.catalog
        )
        self._auditor.tell(BooksMoved(fill.instrument_id, ((before, after),)))
        self._tell_owner(after)

    def _on_fills(self, message: FillsAttributed) -> None:
        """Fills that belong together: owners' parts of one fill, or both sides of a cross. The
        auditor compares when all of an instrument's are booked, not in between."""
        fees = message.fee_shares
        for instrument_id, parts in groupby(message.fills, lambda one: one.fill.instrument_id):
            before: dict[str, Book] = {}
            for part in parts:
                book = before.setdefault(part.book_id, self._capital.books[part.book_id])
                held = self._capital.books[part.book_id].quantity(instrument_id)
                self._capital.apply_fill(part.book_id, part.fill)
                self.tallies[book.book_id].fill(part.fill, held, self._capital.catalog)
            for fee in fees:  # only one shared fill, of one instrument, brings any
                book = before.setdefault(fee.strategy_id, self._capital.books[fee.strategy_id])
                charged = charge_fee(self._capital.books[fee.strategy_id], fee.amount)
                self._capital.replace_books((charged,))
            changes = tuple((book, self._capital.books[one]) for one, book in before.items())
            self._auditor.tell(BooksMoved(instrument_id, changes))
            for _, after in changes:
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
        self._desk.on_change()

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
        marked = SessionMarked(
            ts_event=message.ts_event,
            equities=equities,
            account_equity=total,
            flows={one: moved for one, moved in self._desk.desk.history.moved.items() if moved},
        )
        self._context.record(RecordKind.EVENT, marked)
        self._context.emit(marked)
        self._desk.on_session_closed(equities)
