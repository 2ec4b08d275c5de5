"""An account without actors: books with their desk, and the ledger that they must sum to.

Acts are carried out here as the actors do it, and every step is compared with the account ledger,
which learns of each fact by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from orchestrion.domain.capital.corporate_action import SplitReport, SymbolChangedReport
from orchestrion.domain.desk.capital_desk import CapitalDesk
from orchestrion.domain.desk.desk_act import Act, CashMoved, CloseOut, HoldingsRestated
from orchestrion.domain.desk.desk_settings import NO_DESK_RULES, CapitalDeskSettings
from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.instrument import Equity, Future, Instrument, InstrumentCatalog
from orchestrion.domain.models.market import MarketSlice, TradeTick
from orchestrion.domain.models.money import ZERO, add, to_e9
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.portfolio import EXTERNAL
from orchestrion.domain.models.report import ExternalFillReport, FutureSettledReport
from orchestrion.domain.orchestration.account_ledger import AccountLedger, total_of_books
from orchestrion.domain.orchestration.events import DomainEvent
from orchestrion.domain.orchestration.lifecycle import StrategyStatus
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager

FUTURE = Future(
    instrument_id="FUT",
    underlying_id="IDX",
    expiry_ts=2**60,
    multiplier=Decimal(50),
    initial_margin=Decimal(1000),
    maintenance_margin=Decimal(900),
)
INSTRUMENTS: tuple[Instrument, ...] = (
    Equity(instrument_id="ABC"),
    Equity(instrument_id="XYZ"),
    FUTURE,
)


class DeskAccount:
    """Strategies with 50,000, 30,000 and 10,000, and 10,000 in reserve, unless said otherwise.

    Attributes:
        events, orders: everything that the desk said and ordered.
    """

    def __init__(
        self,
        settings: CapitalDeskSettings = NO_DESK_RULES,
        allocations: dict[str, int] | None = None,
        total: int = 100_000,
    ) -> None:
        chosen = allocations or {"trend": 50_000, "carry": 30_000, "hedge": 10_000}
        catalog = InstrumentCatalog(INSTRUMENTS)
        self.capital = PortfolioCapitalManager(Decimal(total))
        self.capital.open_books({one: Decimal(share) for one, share in chosen.items()}, catalog)
        self.ledger = AccountLedger(catalog, starting_cash=Decimal(total))
        self.desk = CapitalDesk(self.capital, settings)
        self.events: list[DomainEvent] = []
        self.orders: list[SubmitOrder] = []
        self.now = 1
        self._trades = 0
        for strategy_id in chosen:
            self.do(self.desk.on_standing(strategy_id, StrategyStatus.RUNNING, None, now=self.now))

    def do(self, acts: Iterable[Act]) -> None:
        """Carries acts out, and compares."""
        for act in acts:
            if isinstance(act, DomainEvent):
                self.events.append(act)
            elif isinstance(act, CloseOut):
                self.orders += act.commands
            elif isinstance(act, CashMoved) and act.flow is not None:
                self.ledger.move_cash(act.flow)
            elif isinstance(act, HoldingsRestated):
                if isinstance(act.report, SplitReport):
                    self.ledger.split(act.report)
                elif isinstance(act.report, SymbolChangedReport):
                    self.ledger.rename(act.report)
                self.ledger.replace_catalog(self.capital.catalog)
        self.compare()

    def price(self, instrument_id: str, price: object) -> None:
        ticks = [TradeTick(instrument_id, self.now, to_e9(Decimal(str(price))))]
        self.capital.mark(MarketSlice.of(ticks))
        self.compare()

    def trade(self, book_id: str, instrument_id: str, quantity: int) -> None:
        """A fill at the mark."""
        price = self.capital.marks.price(instrument_id)
        assert price is not None
        self._trades += 1
        fill = ExternalFillReport(
            trade_id=f"T{self._trades}",
            instrument_id=instrument_id,
            side=OrderSide.BUY if quantity > 0 else OrderSide.SELL,
            last_qty=Decimal(abs(quantity)),
            last_px=price,
            commission=Decimal("0.35"),
            ts_event=self.now,
        )
        self.ledger.apply_fill(fill)
        self.capital.apply_fill(book_id, fill)
        self.do(self.desk.on_change(now=self.now))

    def fill_orders(self) -> None:
        """Everything that the desk ordered fills at the marks."""
        orders, self.orders = self.orders, []
        for order in orders:
            for leg in order.legs:
                self.trade(order.strategy_id, leg.instrument_id, int(leg.signed_quantity))

    def settle(self, instrument_id: str) -> None:
        price = self.capital.marks.price(instrument_id)
        assert price is not None
        report = FutureSettledReport(
            instrument_id=instrument_id, settlement_price=price, ts_event=self.now
        )
        self.ledger.settle(report)
        self.capital.settle(report)
        self.do(self.desk.on_change(now=self.now))

    def close_session(self, days: int = 1) -> None:
        self.now += days * 86_400_000_000_000
        equities = {one: self.capital.equity(one) for one in self.capital.books}
        self.do(self.desk.on_session_closed(equities, now=self.now))

    def total(self) -> Decimal:
        total = ZERO
        for book_id in self.capital.books:
            total = add(total, self.capital.equity(book_id))
        return total

    def compare(self) -> None:
        """Books and ledger agree to the last digit; so does the account's own sum."""
        totals = total_of_books(self.capital.books.values(), self.capital.catalog)
        assert self.ledger.differences(totals) == ()
        assert self.ledger.equity(self.capital.marks) == self.total()
        assert self.capital.account_equity() == self.total()


__all__ = ["EXTERNAL", "FUTURE", "DeskAccount"]
