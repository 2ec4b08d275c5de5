"""``PortfolioCapitalManager``: allocations, all books, and the last word on every command.

It is the single writer of the books. Its methods are synchronous folds over pure functions
(``authorisation``, ``margin``, ``models.portfolio``); the capital manager actor and the synchronous
orchestrator call the same ones. Account-wide figures are added up when they are asked for the first
time after a change and kept until the next, so their cost is one pass over the books per change.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Dict  # noqa: UP035 - the specification's own spelling

from orchestrion.domain.errors import ConfigurationError, InvariantBrokenError
from orchestrion.domain.models.command import (
    ApprovedCommand,
    CancelOrder,
    RefusalCode,
    RefusedCommand,
    SubmitOrder,
    Verdict,
    initialized_order,
)
from orchestrion.domain.models.instrument import Future, InstrumentCatalog
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.money import (
    CENT,
    ZERO,
    add,
    is_amount,
    is_multiple,
    largest_remainder,
    multiply,
    round_to_cent,
    subtract,
)
from orchestrion.domain.models.order import Order
from orchestrion.domain.models.portfolio import (
    EXTERNAL,
    RESERVE,
    Book,
    Marks,
    equity,
    expire,
    settle_future,
    trade,
)
from orchestrion.domain.models.report import (
    ExternalFillReport,
    FutureSettledReport,
    InstrumentExpiredReport,
    OrderFilledReport,
)
from orchestrion.domain.orchestration import authorisation
from orchestrion.domain.orchestration.authorisation import Standing, quantities
from orchestrion.domain.orchestration.lifecycle import PauseMode, StrategyStatus, TradingState
from orchestrion.domain.orchestration.margin import NO_MARGIN, Margin, UnpricedError, margin_of
from orchestrion.domain.orchestration.proposal import Proposal, is_exit

if TYPE_CHECKING:
    from orchestrion.domain.orchestration.unified_strategy_orchestrator import (
        UnifiedStrategyOrchestrator,
    )

HUNDRED = Decimal(100)


class AllocationMethod(StrEnum):
    CUSTOM = "custom"
    """As the percentages say; what they leave over is reserve."""
    EQUAL_WEIGHT = "equal_weight"
    """Everything but the reserve in equal parts."""


class PortfolioCapitalManager:
    """Capital manager for one strategy and for many.

    Attributes:
        total_capital: what is given out, account currency.
        orchestrator: whom it serves; set when the orchestrator is built.
        marks: last prices; everybody may read, only ``mark`` writes.
    """

    def __init__(
        self,
        total_capital: Decimal = Decimal(0),
        *,
        method: AllocationMethod = AllocationMethod.CUSTOM,
        reserve_fraction: Decimal = ZERO,
    ) -> None:
        """
        Args:
            reserve_fraction: held back before ``equal_weight`` divides, 0 to below 1. ``custom``
                says its reserve by percentages below 100.

        Raises:
            ConfigurationError: total_capital is no Decimal in whole cents >= 0, or reserve_fraction
                no Decimal in its range.
        """
        if not _is_at_least_zero(total_capital) or not is_multiple(total_capital, CENT):
            raise ConfigurationError(
                f"total_capital must be a finite Decimal >= 0 in whole cents, got {total_capital!r}"
            )
        if not _is_at_least_zero(reserve_fraction) or reserve_fraction >= 1:
            raise ConfigurationError(
                f"reserve_fraction must be a Decimal from 0 to below 1, got {reserve_fraction!r}"
            )
        self.total_capital = total_capital
        self.method = method
        self.reserve_fraction = reserve_fraction
        self.orchestrator: UnifiedStrategyOrchestrator | None = None
        self.marks = Marks()
        self.catalog = InstrumentCatalog(())
        self.trading_state = TradingState.ACTIVE
        self._books: dict[str, Book] = {}
        self._standing: dict[str, tuple[StrategyStatus, PauseMode | None]] = {}
        self._reserved: dict[str, dict[str, Decimal]] = {}
        self._reserved_total: dict[str, Decimal] = {}
        self._working: dict[str, dict[str, Order]] = {}
        self._free_capital: Decimal | None = None

    # -- allocation -------------------------------------------------------------------------

    def bind(self, orchestrator: UnifiedStrategyOrchestrator) -> None:
        """
        Raises:
            ValueError: it serves another orchestrator already.
        """
        if self.orchestrator is not None and self.orchestrator is not orchestrator:
            raise ValueError("this capital manager already belongs to another orchestrator")
        self.orchestrator = orchestrator

    def calculate_allocations(self) -> Dict[str, Decimal]:  # noqa: UP006
        """Capital per strategy id, to the cent, in rank order.

        Raises:
            ConfigurationError: percentages that sum to more than 100, or no orchestrator.
        """
        if self.orchestrator is None:
            raise ConfigurationError("the capital manager has no orchestrator to ask")
        if self.orchestrator.is_single_strategy_mode:
            (strategy_id,) = self.orchestrator.strategies
            return {strategy_id: self.total_capital}
        return self._calculate_multi_allocations()

    def _calculate_multi_allocations(self) -> Dict[str, Decimal]:  # noqa: UP006
        assert self.orchestrator is not None  # noqa: S101 - checked by the only caller
        ids = self.orchestrator.ids_in_rank_order()
        if not ids:
            return {}
        if self.method is AllocationMethod.EQUAL_WEIGHT:
            share = subtract(Decimal(1), self.reserve_fraction)
            weights = [share] * len(ids)
            # ``share`` apiece, and what they leave of ``len(ids)`` for the reserve.
            rest = multiply(self.reserve_fraction, Decimal(len(ids)))
        else:
            # str() gives the shortest decimal that is this float: 33.3 is 33.3, not 33.2999...
            weights = [
                Decimal(str(self.orchestrator.strategies[one].allocation.target_pct)) for one in ids
            ]
            rest = subtract(HUNDRED, _sum(weights))
            if rest < 0:
                raise ConfigurationError(
                    f"allocation_pct sums to {_sum(weights)}, at most 100 can be given"
                )
        amounts = largest_remainder(self.total_capital, (*weights, rest))
        return dict(zip(ids, amounts, strict=False))

    def open_books(self, allocations: Mapping[str, Decimal], catalog: InstrumentCatalog) -> None:
        """Opens a book per strategy, RESERVE with what is left, and an empty EXTERNAL.

        Raises:
            ConfigurationError: the books are open already.
            InvariantBrokenError: more was allocated than there is.
        """
        if self._books:
            raise ConfigurationError("the books are open already: the run has started")
        reserve = subtract(self.total_capital, _sum(allocations.values()))
        if reserve < 0:
            raise InvariantBrokenError(f"allocations exceed the capital: {reserve}")
        self.catalog = catalog
        self._books = {one: Book(one, amount) for one, amount in allocations.items()}
        self._books[RESERVE] = Book(RESERVE, reserve)
        self._books[EXTERNAL] = Book(EXTERNAL, ZERO)
        for strategy_id in allocations:
            self._standing[strategy_id] = (StrategyStatus.RUNNING, None)
            self._reserved[strategy_id] = {}
            self._reserved_total[strategy_id] = ZERO
            self._working[strategy_id] = {}

    # -- reading ----------------------------------------------------------------------------

    @property
    def books(self) -> Mapping[str, Book]:
        """All books: strategies in rank order, RESERVE, EXTERNAL."""
        return self._books

    def equity(self, book_id: str) -> Decimal:
        """Equity of one book at the marks: for a strategy, its budget."""
        return equity(self._books[book_id], self.catalog, self.marks)

    def margin(self, book_id: str) -> Margin:
        """Margin that the positions of one book bind."""
        book = self._books[book_id]
        if not book.positions:
            return NO_MARGIN
        return margin_of(quantities(book), self.catalog, self.marks)

    def reserved(self, strategy_id: str) -> Decimal:
        """Capital set aside for working orders."""
        return self._reserved_total[strategy_id]

    def working_orders(self, strategy_id: str) -> Mapping[str, Order]:
        """Open orders of one strategy by client_order_id, in order of submission."""
        return MappingProxyType(self._working[strategy_id])

    # -- deciding ---------------------------------------------------------------------------

    def authorise(self, proposal: Proposal, *, client_order_id: str, now: int) -> Verdict:
        """Approves a command and reserves its capital, or refuses it and changes nothing.

        An approved order works from then on: the next command of the same round is judged with it.
        ``track`` then takes what becomes of it.

        Raises:
            InvariantBrokenError: an order with this client_order_id works already.
        """
        command = proposal.command
        if isinstance(command, CancelOrder):
            return self._authorise_cancel(command, client_order_id=client_order_id, now=now)
        refusal, reservation, reducing = self._judge(command, now)
        if refusal is not None:
            code, detail = refusal
            return RefusedCommand(
                strategy_id=command.strategy_id, command=command, code=code, detail=detail
            )
        if client_order_id in self._working[command.strategy_id]:
            raise InvariantBrokenError(f"client_order_id {client_order_id!r} was given out twice")
        approved = ApprovedCommand(
            strategy_id=command.strategy_id,
            command=command,
            client_order_id=client_order_id,
            reservation=reservation,
            is_reducing=reducing,
            ts_decided=now,
        )
        self._reserve(command.strategy_id, client_order_id, reservation)
        self._working[command.strategy_id][client_order_id] = initialized_order(approved, command)
        return approved

    def _judge(
        self, order: SubmitOrder, now: int
    ) -> tuple[authorisation.Refusal | None, Decimal, bool]:
        """(refusal, reservation, whether it reduces risk)."""
        strategy_id = order.strategy_id
        book = self._books[strategy_id]
        catalog, marks = self.catalog, self.marks
        refusal = authorisation.form_fault(order, catalog, marks, now)
        if refusal is not None:
            return refusal, ZERO, False
        exits = is_exit(order, book, self._working[strategy_id])
        refusal = authorisation.quantity_fault(order, book, is_exit=exits)
        if refusal is not None:
            return refusal, ZERO, False
        reducing = exits and authorisation.reduces_risk(
            order, book, self._option_exits(strategy_id), catalog, marks
        )
        refusal = authorisation.standing_fault(self._standing_of(strategy_id), is_reducing=reducing)
        if refusal is not None or reducing:
            return refusal, ZERO, reducing
        try:
            working = self._working[strategy_id]
            needed = authorisation.requirement(order, book, working, catalog, marks)
            refusal = self._capital_fault(strategy_id, needed)
        except UnpricedError as missing:
            detail = f"{missing.instrument_id} has had no price yet"
            return (RefusalCode.NO_PRICE, detail), ZERO, False
        return refusal, needed, False

    def _capital_fault(self, strategy_id: str, needed: Decimal) -> authorisation.Refusal | None:
        bound = add(self._worst_margin(strategy_id), self._reserved_total[strategy_id])
        refusal = authorisation.budget_fault(needed, equity=self.equity(strategy_id), bound=bound)
        if refusal is not None:
            return refusal
        free = self.free_capital()
        if needed > free:
            detail = f"the account as a whole has {round_to_cent(free):f} free"
            needs = f"needs {round_to_cent(needed):f}"
            return RefusalCode.ACCOUNT_MARGIN_EXCEEDED, f"{needs}, {detail}"
        return None

    def _option_exits(self, strategy_id: str) -> list[authorisation.Change]:
        return authorisation.option_exits(self._working[strategy_id].values(), self.catalog)

    def _worst_margin(self, strategy_id: str) -> Decimal:
        """Like ``margin``, but whichever of the working exits fill."""
        exits = self._option_exits(strategy_id)
        if not exits:
            return self.margin(strategy_id).initial
        return authorisation.worst_margin(self._books[strategy_id], exits, self.catalog, self.marks)

    def free_capital(self) -> Decimal:
        """What the account as a whole has left: all equity less all margin and reservations.

        Margins are added up book by book, so that no netting between strategies is lent out.
        """
        if self._free_capital is None:
            free = ZERO
            for book_id in self._books:
                free = add(free, self.equity(book_id))
                worst = (
                    self._worst_margin(book_id)
                    if book_id in self._working
                    else self.margin(book_id).initial
                )
                free = subtract(free, worst)
            for amount in self._reserved_total.values():
                free = subtract(free, amount)
            self._free_capital = free
        return self._free_capital

    def _authorise_cancel(self, command: CancelOrder, *, client_order_id: str, now: int) -> Verdict:
        standing = self._standing_of(command.strategy_id)
        refusal = authorisation.standing_fault(standing, is_reducing=True)
        if refusal is not None:
            code, detail = refusal
            return RefusedCommand(
                strategy_id=command.strategy_id, command=command, code=code, detail=detail
            )
        if command.client_order_id not in self._working[command.strategy_id]:
            return RefusedCommand(
                strategy_id=command.strategy_id,
                command=command,
                code=RefusalCode.UNKNOWN_ORDER,
                detail=f"{command.client_order_id!r} is no working order of this strategy",
            )
        return ApprovedCommand(
            strategy_id=command.strategy_id,
            command=command,
            client_order_id=client_order_id,
            reservation=ZERO,
            is_reducing=True,
            ts_decided=now,
        )

    def _standing_of(self, strategy_id: str) -> Standing:
        status, mode = self._standing[strategy_id]
        return Standing(status, mode, self.trading_state)

    def set_standing(
        self, strategy_id: str, status: StrategyStatus, mode: PauseMode | None
    ) -> None:
        """What the strategy may do from the next command on."""
        self._standing[strategy_id] = (status, mode)

    @contextmanager
    def custody_of(self, strategy_id: str) -> Generator[None]:
        """For commands that a quarantined strategy's custodian gives: the quarantine, which keeps
        the strategy's own commands back, does not hold for them."""
        standing = self._standing[strategy_id]
        self._standing[strategy_id] = (StrategyStatus.RUNNING, PauseMode.REDUCE_ONLY)
        try:
            yield
        finally:
            self._standing[strategy_id] = standing

    # -- folding ----------------------------------------------------------------------------

    def mark(self, market_slice: MarketSlice) -> None:
        """Takes new prices."""
        self.marks.update(market_slice)
        self._free_capital = None

    def track(self, order: Order) -> None:
        """Takes an order's new state; when it has ended, its reservation is released, once."""
        strategy_id = order.strategy_id
        self._free_capital = None
        if order.is_open:
            self._working[strategy_id][order.client_order_id] = order
            return
        self._working[strategy_id].pop(order.client_order_id, None)
        amount = self._reserved[strategy_id].pop(order.client_order_id, None)
        if amount is not None:
            self._reserved_total[strategy_id] = subtract(self._reserved_total[strategy_id], amount)

    def apply_fill(self, book_id: str, fill: OrderFilledReport | ExternalFillReport) -> Book:
        """Books an execution and returns the changed book."""
        signed = fill.last_qty if fill.side.sign > 0 else fill.last_qty.copy_negate()
        changed = trade(
            self._books[book_id],
            self.catalog.tradable(fill.instrument_id),
            signed_quantity=signed,
            price=fill.last_px,
            fee=fill.commission,
        )
        self.marks.start_at(fill.instrument_id, fill.last_px)
        return self._replace(changed)

    def settle(self, report: FutureSettledReport) -> tuple[Book, ...]:
        """Books a daily settlement and returns the changed books."""
        instrument = self.catalog.tradable(report.instrument_id)
        if not isinstance(instrument, Future):
            raise InvariantBrokenError(f"{report.instrument_id} is no future, it cannot be settled")
        return self._replace_changed(
            settle_future(book, instrument, report.settlement_price)
            for book in self._books.values()
        )

    def expire(self, report: InstrumentExpiredReport) -> tuple[Book, ...]:
        """Closes an ended instrument in every book and returns the changed books."""
        instrument = self.catalog.tradable(report.instrument_id)
        return self._replace_changed(
            expire(book, instrument, report.settlement_price) for book in self._books.values()
        )

    def _reserve(self, strategy_id: str, client_order_id: str, amount: Decimal) -> None:
        if not amount:
            return
        self._reserved[strategy_id][client_order_id] = amount
        self._reserved_total[strategy_id] = add(self._reserved_total[strategy_id], amount)
        if self._free_capital is not None:
            self._free_capital = subtract(self._free_capital, amount)

    def _replace(self, book: Book) -> Book:
        self._books[book.book_id] = book
        self._free_capital = None
        return book

    def _replace_changed(self, books: Iterable[Book]) -> tuple[Book, ...]:
        changed = tuple(book for book in books if book is not self._books[book.book_id])
        return tuple(self._replace(book) for book in changed)


def _is_at_least_zero(value: object) -> bool:
    return isinstance(value, Decimal) and is_amount(value) and value >= 0


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = add(total, amount)
    return total
