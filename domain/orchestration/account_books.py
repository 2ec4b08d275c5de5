"""``AccountBooks``: the state of an account between two commands, and how facts change it.

Books, marks, working orders with their reservations, what each strategy may do. Everything is
changed by small folds (``mark``, ``track``, ``apply_fill``, ``settle``, ...), nothing is decided
here: ``PortfolioCapitalManager`` does that on top. Account-wide figures come from
``AccountExposure`` and are kept until something changes.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar

from orchestrion.domain.capital.book_capital import BookCapital
from orchestrion.domain.capital.structure_count import (
    HeldStructure,
    entries_that_explain,
    held_structures,
)
from orchestrion.domain.errors import ConfigurationError, InvariantBrokenError
from orchestrion.domain.margin.instrument_rates import InstrumentRatesModel
from orchestrion.domain.margin.requirement import NO_MARGIN, Margin, MarginModel, UnpricedError
from orchestrion.domain.models.instrument import Future, Instrument, InstrumentCatalog
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.money import ZERO, add, subtract
from orchestrion.domain.models.order import Order
from orchestrion.domain.models.portfolio import (
    EXTERNAL,
    RESERVE,
    Book,
    Marks,
    equity,
    expire,
    sealed,
    settle_future,
    trade,
    transfer_cash,
)
from orchestrion.domain.models.report import (
    ExternalFillReport,
    FutureSettledReport,
    InstrumentExpiredReport,
    OrderFilledReport,
)
from orchestrion.domain.netting.internal_market import InternalMarket
from orchestrion.domain.orchestration.account_exposure import AccountExposure
from orchestrion.domain.orchestration.authorisation import (
    Change,
    MarginRule,
    Standing,
    coupled_exits,
    exits_beyond,
    freed_by_exits,
    least_margin,
    quantities,
    worst_margin,
)
from orchestrion.domain.orchestration.judgement import Judged
from orchestrion.domain.orchestration.lifecycle import PauseMode, StrategyStatus, TradingState

ENTRIES_BETWEEN_PRUNINGS = 64
"""Entry orders that may be added before those that explain nothing any more are forgotten.
Arbitrary; few enough to keep memory flat, enough to keep the pruning out of every order's cost."""


class AccountBooks:
    """Books and orders of one account. See the module's text.

    Attributes:
        marks: last prices; everybody may read, only ``mark`` writes.
        catalog: what can be traded.
        trading_state: of the whole account.
        is_held: nothing may leave, whatever the trading state: a restart is not reconciled yet.
        now: time of the last thing that was folded or judged, nanoseconds UTC.
    """

    STATE: ClassVar[Mapping[str, Any]] = {
        "trading_state": TradingState,
        "is_held": bool,
        "now": int,
        "_books": dict[str, Book],
        "_standing": dict[str, tuple[StrategyStatus, PauseMode | None]],
        "_reserved": dict[str, dict[str, Decimal]],
        "_reserved_total": dict[str, Decimal],
        "_working": dict[str, dict[str, Order]],
        "_entries": dict[str, dict[str, Order]],
        "_entries_added": dict[str, int],
        "_instruments": tuple[Instrument, ...] | None,
    }
    PARTS: ClassVar[tuple[str, ...]] = ("marks", "_exposure")

    def __init__(self, margin_model: MarginModel | None = None) -> None:
        self.marks = Marks()
        self.catalog = InstrumentCatalog(())
        self.trading_state = TradingState.ACTIVE
        self.is_held = False
        self.margin_model: MarginModel = margin_model or InstrumentRatesModel()
        self.now = 0
        self._books: dict[str, Book] = {}
        self._standing: dict[str, tuple[StrategyStatus, PauseMode | None]] = {}
        self._reserved: dict[str, dict[str, Decimal]] = {}
        self._reserved_total: dict[str, Decimal] = {}
        self._working: dict[str, dict[str, Order]] = {}
        self._entries: dict[str, dict[str, Order]] = {}
        self._entries_added: dict[str, int] = {}
        self._exposure = AccountExposure((), self.catalog, self.margin_model)
        self._free_capital: Decimal | None = None
        self._internal_market: InternalMarket | None = None
        # Strategy id -> what was last said of a command, as long as nothing it rests on changed.
        self._judged: dict[str, Judged] = {}
        # What can be traded, once that has changed; until then the run's data say so.
        self._instruments: tuple[Instrument, ...] | None = None

    # -- opening and closing --------------------------------------------------------------------

    def _open(
        self, allocations: Mapping[str, Decimal], reserve: Decimal, catalog: InstrumentCatalog
    ) -> None:
        self.catalog = catalog
        self._books = {one: Book(one, amount) for one, amount in allocations.items()}
        self._books[RESERVE] = Book(RESERVE, reserve)
        self._books[EXTERNAL] = Book(EXTERNAL, ZERO)
        for strategy_id in allocations:
            self._seat(strategy_id)
        self._sum_up()

    def _seat(self, strategy_id: str) -> None:
        self._standing[strategy_id] = (StrategyStatus.RUNNING, None)
        self._reserved[strategy_id] = {}
        self._reserved_total[strategy_id] = ZERO
        self._working[strategy_id] = {}
        self._entries[strategy_id] = {}
        self._entries_added[strategy_id] = 0

    def open_book(self, strategy_id: str, amount: Decimal) -> tuple[Book, Book]:
        """A book for a strategy that joins, its capital drawn from RESERVE.

        The book of a strategy of that name that left is opened again: it is empty but for what it
        once paid in fees and gained.

        Returns:
            The strategy's book and RESERVE's.

        Raises:
            ConfigurationError: it has an open book, or RESERVE has not that much; nothing changed.
        """
        if strategy_id in self._working:
            raise ConfigurationError(f"there is a book of {strategy_id!r} already")
        free = self._books[RESERVE].cash
        if amount < 0 or amount > free:
            raise ConfigurationError(f"{strategy_id!r} was to get {amount}, RESERVE has {free}")
        book = self._books.pop(strategy_id, Book(strategy_id, ZERO))
        tail = {one: self._books.pop(one) for one in (RESERVE, EXTERNAL)}
        self._books |= {strategy_id: book, **tail}
        self._seat(strategy_id)
        opened, reserve = self.replace_books(
            (transfer_cash(book, amount), transfer_cash(tail[RESERVE], amount.copy_negate()))
        )
        return opened, reserve

    def close_book(self, strategy_id: str) -> tuple[Book, Book]:
        """Gives all that a strategy leaves to RESERVE. Its empty book stays, for late fills and for
        the record of what it gained and paid.

        Returns:
            The strategy's book and RESERVE's.

        Raises:
            ConfigurationError: something is still held, waits for settlement or works; nothing
                changed.
        """
        book = self._books[strategy_id]
        if book.positions or book.unsettled or self._working[strategy_id]:
            raise ConfigurationError(f"the book of {strategy_id!r} is not empty yet")
        for table in (self._working, self._reserved, self._reserved_total, self._entries):
            del table[strategy_id]
        closed, reserve = self.replace_books(
            (
                transfer_cash(book, book.cash.copy_negate()),
                transfer_cash(self._books[RESERVE], book.cash),
            )
        )
        return closed, reserve

    # -- reading --------------------------------------------------------------------------------

    @property
    def books(self) -> Mapping[str, Book]:
        """All books: strategies, in rank order at the start and then as they joined, RESERVE,
        EXTERNAL."""
        return self._books

    def is_on_account(self, strategy_id: str) -> bool:
        """Whether a strategy is there and has not left."""
        return strategy_id in self._working

    def equity(self, book_id: str) -> Decimal:
        """Equity of one book at the marks: for a strategy, its budget."""
        return equity(self._books[book_id], self.catalog, self.marks)

    def margin(self, book_id: str) -> Margin:
        """Margin that the positions of one book bind."""
        book = self._books[book_id]
        if not book.positions:
            return NO_MARGIN
        return self.margin_model.margin_of(quantities(book), self.catalog, self.marks, now=self.now)

    def reserved(self, strategy_id: str) -> Decimal:
        """Capital set aside for working orders."""
        return self._reserved_total[strategy_id]

    def working_orders(self, strategy_id: str) -> Mapping[str, Order]:
        """Open orders of one strategy by client_order_id, in order of submission; none for a
        strategy that has left."""
        return MappingProxyType(self._working.get(strategy_id, {}))

    def structures(self, strategy_id: str) -> tuple[HeldStructure, ...]:
        """Open structures of one strategy, newest first; see ``structure_count``."""
        held = quantities(self._books[strategy_id])
        entries = self._entries.get(strategy_id, {})
        return held_structures(tuple(entries.values()), held)

    def book_capital(self, book_id: str) -> BookCapital:
        """What a book has and what of it may leave, at the marks.

        Nothing is free while something in it has no price, or while it holds what the margin model
        does not allow.
        """
        amount = self.equity(book_id)
        rule, held, exits = self._rule(), quantities(self._books[book_id]), self._exits(book_id)
        try:
            worst = self._worst_margin(book_id)
            least = least_margin(held, exits, rule) if exits else worst
        except UnpricedError:
            return BookCapital(book_id, amount, ZERO)
        if not worst.is_finite():
            return BookCapital(book_id, amount, ZERO)
        bound = add(worst, self._reserved_total.get(book_id, ZERO))
        # Exits of what is not coupled free their margin too, although they are no worst case.
        linear = freed_by_exits(self._working.get(book_id, {}).values(), rule)
        return BookCapital(
            book_id, amount, subtract(amount, bound), add(subtract(worst, least), linear)
        )

    def account_equity(self) -> Decimal:
        """Equity of all books together, at the marks."""
        return self._exposure.equity(self.marks)

    def account_margin(self) -> Decimal:
        """The most initial margin that all books can bind, and all reservations.

        Added up without netting between books, so that no netting between strategies is lent out.

        Raises:
            UnpricedError: an instrument or underlying has no price.
        """
        total = self._exposure.uncoupled_margin(self.marks, now=self.now)
        if not total.is_finite():
            return total
        rule = self._rule()
        for book_id in self._exposure.coupled_books:
            # All that it binds, less its part of what was counted above.
            counted = {
                key: quantity
                for key, quantity in quantities(self._books[book_id]).items()
                if not self._exposure.is_coupled(key)
            }
            worst = self._worst_margin(book_id)
            total = add(total, subtract(worst, rule.initial(counted)) if counted else worst)
        for book_id, working in self._working.items():
            if working and book_id not in self._exposure.coupled_books:
                beyond = exits_beyond(quantities(self._books[book_id]), working.values())
                total = add(total, rule.initial(beyond)) if beyond else total
        for amount in self._reserved_total.values():
            total = add(total, amount)
        return total

    def free_capital(self) -> Decimal:
        """What the account as a whole has left: all equity less all margin and reservations."""
        if self._free_capital is None:
            self._free_capital = subtract(self.account_equity(), self.account_margin())
        return self._free_capital

    def _worst_margin(self, book_id: str) -> Decimal:
        """Like ``margin``, but whichever of the working exits fill, and with what they would open
        beyond what is held (something else may have closed it meanwhile)."""
        working = self._working.get(book_id)
        if not working:
            return self.margin(book_id).initial
        rule, held = self._rule(), quantities(self._books[book_id])
        worst = worst_margin(held, self._exits(book_id), rule)
        beyond = exits_beyond(held, working.values())
        return add(worst, rule.initial(beyond)) if beyond else worst

    def _exits(self, book_id: str) -> list[Change]:
        working = self._working.get(book_id)
        return coupled_exits(working.values(), self._rule()) if working else []

    def _rule(self) -> MarginRule:
        return MarginRule(self.margin_model, self.catalog, self.marks, self.now)

    # -- standing -------------------------------------------------------------------------------

    def _standing_of(self, strategy_id: str) -> Standing:
        status, mode = self._standing[strategy_id]
        return Standing(status, mode, TradingState.HALTED if self.is_held else self.trading_state)

    def set_standing(
        self, strategy_id: str, status: StrategyStatus, mode: PauseMode | None
    ) -> None:
        """What the strategy may do from the next command on."""
        self._standing[strategy_id] = (status, mode)
        self._judged.pop(strategy_id, None)

    @contextmanager
    def custody_of(self, strategy_id: str) -> Generator[None]:
        """For exits that are given on a strategy's behalf (its custodian, its removal, a
        rebalance): what keeps the strategy's own commands back does not hold for them."""
        standing = self._standing[strategy_id]
        self.set_standing(strategy_id, StrategyStatus.RUNNING, PauseMode.REDUCE_ONLY)
        try:
            yield
        finally:
            self.set_standing(strategy_id, *standing)

    # -- folding --------------------------------------------------------------------------------

    def mark(self, market_slice: MarketSlice) -> None:
        """Takes new prices."""
        self.marks.update(market_slice)
        self.now = market_slice.ts_event
        self._free_capital = None
        self._judged.clear()
        if self._internal_market is not None:
            self._internal_market.observe(market_slice)

    def track(self, order: Order) -> None:
        """Takes an order's new state; when it has ended, its reservation is released, once."""
        strategy_id = order.strategy_id
        self._free_capital = None
        self._judged.pop(strategy_id, None)
        working = self._working.get(strategy_id)
        if working is None:  # a late word about a strategy that has left
            return
        if not order.is_reducing:
            self._remember_entry(order)
        if order.is_open:
            working[order.client_order_id] = order
            return
        working.pop(order.client_order_id, None)
        amount = self._reserved[strategy_id].pop(order.client_order_id, None)
        if amount is not None:
            self._reserved_total[strategy_id] = subtract(self._reserved_total[strategy_id], amount)

    def _remember_entry(self, order: Order) -> None:
        """Entries explain which structures are open; those that do not any more are forgotten."""
        strategy_id, entries = order.strategy_id, self._entries[order.strategy_id]
        if not order.is_open and not any(order.filled):
            entries.pop(order.client_order_id, None)
            return
        if order.client_order_id not in entries:
            self._entries_added[strategy_id] += 1
        entries[order.client_order_id] = order
        if self._entries_added[strategy_id] >= ENTRIES_BETWEEN_PRUNINGS:
            self._entries_added[strategy_id] = 0
            kept = entries_that_explain(entries.values(), quantities(self._books[strategy_id]))
            self._entries[strategy_id] = {one.client_order_id: one for one in kept}

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
        return self.replace_books(
            settle_future(book, instrument, report.settlement_price)
            for book in self._books.values()
        )

    def expire(self, report: InstrumentExpiredReport) -> tuple[Book, ...]:
        """Closes an ended instrument in every book and returns the changed books."""
        instrument = self.catalog.tradable(report.instrument_id)
        return self.replace_books(
            expire(book, instrument, report.settlement_price) for book in self._books.values()
        )

    def replace_books(self, books: Iterable[Book]) -> tuple[Book, ...]:
        """Takes the next values of books that exist; returns those that are new."""
        changed = tuple(book for book in books if book is not self._books[book.book_id])
        return tuple(self._replace(book) for book in changed)

    def replace_catalog(self, catalog: InstrumentCatalog) -> None:
        """Takes what can be traded from now on; books that hold renamed instruments are replaced
        in the same step by the caller, before anything is judged."""
        self.catalog = catalog
        self._instruments = tuple(catalog)
        self._sum_up()

    def after_restore(self) -> None:
        """Derives what follows from a state that was given back."""
        if self._instruments is not None:
            self.catalog = InstrumentCatalog(self._instruments, currency=self.catalog.currency)
        self._books.update({one: sealed(book) for one, book in self._books.items()})
        self._sum_up()

    def change(self, books: Iterable[Book], catalog: InstrumentCatalog) -> tuple[Book, ...]:
        """Books and catalogue that change together, as by a new symbol."""
        changed = tuple(book for book in books if book is not self._books[book.book_id])
        self._books |= {book.book_id: book for book in changed}
        self.replace_catalog(catalog)
        return changed

    def _reserve(self, strategy_id: str, client_order_id: str, amount: Decimal) -> None:
        if not amount:
            return
        self._reserved[strategy_id][client_order_id] = amount
        self._reserved_total[strategy_id] = add(self._reserved_total[strategy_id], amount)
        if self._free_capital is not None:
            self._free_capital = subtract(self._free_capital, amount)

    def _replace(self, book: Book) -> Book:
        self._exposure.replace(self._books[book.book_id], book)
        self._books[book.book_id] = book
        self._free_capital = None
        self._judged.pop(book.book_id, None)
        return book

    def _sum_up(self) -> None:
        self._exposure = AccountExposure(self._books.values(), self.catalog, self.margin_model)
        self._free_capital = None
        self._judged.clear()
