"""The part of the capital manager that opens, closes and hands over books, and screens rounds.

It also books what a reconciliation finds to be somebody's.

A collaborator of ``CapitalManagerActor`` and no actor of its own, because the books have one
writer. The auditor gets both sides of every change; the coordinator, who asks, an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orchestrion.actors.membership_messages import (
    BookClosed,
    BookOpened,
    CloseBookRequest,
    HandOverReply,
    HandOverRequest,
    OpenBookRequest,
)
from orchestrion.actors.messages import (
    AccountMoved,
    AuthoriseRequest,
    BookChanged,
    BooksMoved,
    Screened,
    ScreenRequest,
)
from orchestrion.actors.restart_messages import AssignDifference
from orchestrion.actors.tally import Tally
from orchestrion.domain.models.money import ZERO
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.portfolio import RESERVE, Book
from orchestrion.domain.models.report import ExternalFillReport
from orchestrion.domain.orchestration.events import DomainEvent
from orchestrion.domain.orchestration.hand_over import hand_over_within
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.domain.orchestration.reconciliation import assignment_fault
from orchestrion.domain.orchestration.recovery_event import DifferenceAssignedEvent
from orchestrion.domain.orchestration.screening import has_room_for_all, screen
from orchestrion.runtime.actor import ActorContext, Answer
from orchestrion.runtime.mailbox import Mailbox

CASH_ALONE = ""
"""No instrument has this id: a change of books in which no quantity moves."""


class BookKeeper:
    """See the module's text."""

    def __init__(
        self,
        context: ActorContext,
        capital_manager: PortfolioCapitalManager,
        tallies: dict[str, Tally],
        publish: Callable[[DomainEvent], None],
        authorise: Callable[[AuthoriseRequest], None],
    ) -> None:
        """
        Args:
            tallies: by book id; a newcomer gets one.
            authorise: gives the commands of a round their verdicts.
        """
        self._context = context
        self._capital = capital_manager
        self._tallies = tallies
        self._publish = publish
        self._authorise = authorise

    def connect(
        self, *, owners: Mapping[str, Mailbox], auditor: Mailbox, coordinator: Mailbox
    ) -> None:
        """Tells it who has to know. Called once, by whoever it works for."""
        self._owners = owners
        self._auditor = auditor
        self._coordinator = coordinator

    @property
    def handlers(self) -> dict[type, Callable[..., None]]:
        """What it answers to."""
        return {
            OpenBookRequest: self._on_open,
            CloseBookRequest: self._on_close,
            HandOverRequest: self._on_hand_over,
            ScreenRequest: self._on_screen,
            AssignDifference: self._on_assign,
        }

    def _on_open(self, request: OpenBookRequest) -> None:
        strategy_id = request.strategy_id
        reserve = self._capital.books[RESERVE]
        opened, after = self._capital.open_book(strategy_id, request.amount)
        self._tallies.setdefault(strategy_id, Tally())
        self._moved(CASH_ALONE, ((Book(strategy_id, ZERO), opened), (reserve, after)))
        self._coordinator.tell(BookOpened(strategy_id))

    def _on_close(self, request: CloseBookRequest) -> None:
        books = self._capital.books
        before, reserve = books[request.strategy_id], books[RESERVE]
        closed, after = self._capital.close_book(request.strategy_id)
        self._moved(CASH_ALONE, ((before, closed), (reserve, after)))
        self._coordinator.tell(BookClosed(request.strategy_id))

    def _on_hand_over(self, request: HandOverRequest) -> None:
        giver_id, heir_id = request.strategy_id, request.heir_id
        handed = hand_over_within(self._capital, giver_id, heir_id)
        if isinstance(handed, str):
            self._coordinator.tell(HandOverReply(giver_id, handed))
            return
        books = self._capital.books
        changes = ((books[giver_id], handed.giver), (books[heir_id], handed.heir))
        self._capital.replace_books((handed.giver, handed.heir))
        moved = dict.fromkeys([one.instrument_id for one in handed.moved])
        # Of the cash of both together nothing moves, so telling the pair more than once is right.
        for instrument_id in moved or (CASH_ALONE,):
            self._moved(instrument_id, changes)
        self._publish(handed.event)
        self._coordinator.tell(HandOverReply(giver_id))

    def _on_screen(self, request: ScreenRequest) -> None:
        now = self._context.now
        if request.is_plain and has_room_for_all(self._capital, request.checked, now=now):
            self._authorise(AuthoriseRequest(request.round, request.checked))
            return
        figures = screen(
            self._capital,
            request.checked,
            now=now,
            policies=request.policies,
            held=request.held,
        )
        self._coordinator.tell(Screened(request.round, request.checked, figures))

    def _on_assign(self, question: AssignDifference) -> None:
        """Books what the venue holds otherwise as a trade of one book, in both ledgers."""
        fault = assignment_fault(self._capital, question)
        if fault:
            self._context.emit(Answer(question_id=question.question_id, error=fault))
            return
        fill = ExternalFillReport(
            trade_id=f"ASSIGNED-{self._context.seq}",
            instrument_id=question.instrument_id,
            side=OrderSide.BUY if question.quantity > 0 else OrderSide.SELL,
            last_qty=question.quantity.copy_abs(),
            last_px=question.price,
            commission=ZERO,
            ts_event=self._context.now,
        )
        book = self._capital.books[question.book_id]
        changed = self._capital.apply_fill(question.book_id, fill)
        held = book.quantity(question.instrument_id)
        self._tallies[question.book_id].fill(fill, held, self._capital.catalog)
        self._auditor.tell(AccountMoved(fill))
        self._moved(question.instrument_id, ((book, changed),))
        self._publish(
            DifferenceAssignedEvent(
                book_id=question.book_id,
                instrument_id=question.instrument_id,
                quantity=question.quantity,
                price=question.price,
                reason=question.reason,
            )
        )
        self._context.emit(Answer(question_id=question.question_id, value=question.book_id))

    def _moved(self, instrument_id: str, changes: tuple[tuple[Book, Book], ...]) -> None:
        self._auditor.tell(BooksMoved(instrument_id, changes))
        for _, after in changes:
            owner = self._owners.get(after.book_id)
            if owner is not None:
                owner.tell(BookChanged(after))
