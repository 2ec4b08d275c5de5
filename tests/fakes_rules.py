"""A small market and short words for tests of the rules: no actors, no venue, no event loop.

    desk = Desk(AAA=100)                     # books of alpha and beta, 10,000 each, all marked
    verdict = desk.ask(buy("AAA", 50))       # what the capital manager says
    desk.fill(approved(verdict))             # all legs at the marks

Prices are given by instrument id. Options are named kind, strike, expiry: ``C100`` is the call of
the near expiry, ``P95F`` the put of the far one; their multiplier is 10 and their underlying IDX.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_UP, Context, Decimal
from typing import Any, TypeAlias

import msgspec

from orchestrion.domain.capital.limit import NO_LIMITS, Limits
from orchestrion.domain.margin.requirement import MarginModel
from orchestrion.domain.models.command import (
    ApprovedCommand,
    CancelOrder,
    RefusedCommand,
    SubmitOrder,
    Verdict,
    initialized_order,
)
from orchestrion.domain.models.instrument import (
    Equity,
    Future,
    Index,
    InstrumentCatalog,
    OptionContract,
    OptionKind,
    Tradable,
)
from orchestrion.domain.models.market import Bar, MarketSlice
from orchestrion.domain.models.money import add, to_e9
from orchestrion.domain.models.order import Leg, Order, OrderSide, OrderStatus, OrderType
from orchestrion.domain.models.portfolio import EXTERNAL, RESERVE, Book, Marks, Position
from orchestrion.domain.models.report import OrderFilledReport
from orchestrion.domain.orchestration.lifecycle import PauseMode, StrategyStatus
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.domain.orchestration.proposal import Proposal, is_exit

Number: TypeAlias = int | str | Decimal

NEAR_TS, FAR_TS = 1_000, 2_000
STRIKES = (90, 95, 100, 105, 110)
AAA = Equity(instrument_id="AAA")
BBB = Equity(instrument_id="BBB", lot_size=Decimal(10), price_increment=Decimal("0.05"))
FUT = Future(
    instrument_id="FUT",
    underlying_id="IDX",
    expiry_ts=FAR_TS,
    multiplier=Decimal(50),
    initial_margin=Decimal(1000),
    maintenance_margin=Decimal(900),
)
OPTIONS = tuple(
    OptionContract(
        instrument_id=f"{kind[0]}{strike}{suffix}",
        underlying_id="IDX",
        expiry_ts=expiry_ts,
        strike=Decimal(strike),
        option_kind=kind,
        multiplier=Decimal(10),
    )
    for kind in OptionKind
    for strike in STRIKES
    for suffix, expiry_ts in (("", NEAR_TS), ("F", FAR_TS))
)
IDX = Index(instrument_id="IDX")
CATALOG = InstrumentCatalog((AAA, BBB, FUT, IDX, *OPTIONS))
BUY, SELL = OrderSide.BUY, OrderSide.SELL


def amount(value: Number) -> Decimal:
    return Decimal(value)


def amounts(*values: Number) -> tuple[Decimal, ...]:
    return tuple(Decimal(value) for value in values)


def tradable(instrument_id: str) -> Tradable:
    return CATALOG.tradable(instrument_id)


def close_bar(instrument_id: str, price: Number, ts_event: int = 0) -> Bar:
    price_e9 = to_e9(amount(price))
    return Bar(instrument_id, ts_event, ts_event, price_e9, price_e9, price_e9, price_e9)


def slice_of(prices: Mapping[str, Number], ts_event: int = 0) -> MarketSlice:
    return MarketSlice.of(close_bar(one, price, ts_event) for one, price in prices.items())


def marks_of(**prices: Number) -> Marks:
    marks = Marks()
    if prices:
        marks.update(slice_of(prices))
    return marks


# -- commands -------------------------------------------------------------------------------------


def leg(instrument_id: str, quantity: Number) -> Leg:
    """A leg by its signed quantity."""
    signed = amount(quantity)
    return Leg(instrument_id, BUY if signed > 0 else SELL, signed.copy_abs())


def order_for(*legs: Leg, owner: str = "alpha", **options: Any) -> SubmitOrder:
    return SubmitOrder(strategy_id=owner, legs=legs, **options)


def buy(instrument_id: str, quantity: Number, **options: Any) -> SubmitOrder:
    return order_for(leg(instrument_id, quantity), **options)


def sell(instrument_id: str, quantity: Number, **options: Any) -> SubmitOrder:
    return order_for(leg(instrument_id, amount(quantity).copy_negate()), **options)


def limit(price: Number) -> dict[str, Any]:
    """Options of a limit order."""
    return {"order_type": OrderType.LIMIT, "limit_price": amount(price)}


def cancel(client_order_id: str, owner: str = "alpha") -> CancelOrder:
    return CancelOrder(strategy_id=owner, client_order_id=client_order_id)


def working_order(
    command: SubmitOrder,
    client_order_id: str = "W1",
    *,
    status: OrderStatus = OrderStatus.ACCEPTED,
    is_reducing: bool = False,
    filled: Iterable[Number] = (),
    ts_decided: int = 0,
) -> Order:
    """An order of a command; ``filled`` by leg, nothing when left out."""
    approved = ApprovedCommand(
        strategy_id=command.strategy_id,
        command=command,
        client_order_id=client_order_id,
        reservation=Decimal(0),
        is_reducing=is_reducing,
        ts_decided=ts_decided,
    )
    order = initialized_order(approved, command)
    done = tuple(amount(one) for one in filled) or order.filled
    return msgspec.structs.replace(order, status=status, filled=done)


def approved(verdict: Verdict) -> ApprovedCommand:
    assert isinstance(verdict, ApprovedCommand), verdict
    return verdict


def refused(verdict: Verdict) -> RefusedCommand:
    assert isinstance(verdict, RefusedCommand), verdict
    return verdict


# -- the desk -------------------------------------------------------------------------------------


class Desk:
    """A capital manager with open books, and the steps that a runtime would take with it."""

    def __init__(
        self,
        *,
        alpha: Number = 10_000,
        beta: Number = 10_000,
        catalog: InstrumentCatalog = CATALOG,
        margin_model: MarginModel | None = None,
        limits: Mapping[str, Limits] | None = None,
        account_limits: Limits = NO_LIMITS,
        **prices: Number,
    ) -> None:
        shares = {"alpha": amount(alpha), "beta": amount(beta)}
        self.manager = PortfolioCapitalManager(
            add(shares["alpha"], shares["beta"]),
            margin_model=margin_model,
            limits=limits or {},
            account_limits=account_limits,
        )
        self.manager.open_books(shares, catalog)
        self.now = 1
        self._count = 0
        if prices:
            self.mark(**prices)

    def mark(self, **prices: Number) -> None:
        self.manager.mark(slice_of(prices, self.now))

    def ask(self, command: SubmitOrder | CancelOrder) -> Verdict:
        self._count += 1
        owner = command.strategy_id
        exits = isinstance(command, CancelOrder) or is_exit(
            command, self.manager.books[owner], self.manager.working_orders(owner)
        )
        proposal = Proposal(owner, 0, command, exits)
        return self.manager.authorise(proposal, client_order_id=f"O{self._count}", now=self.now)

    def hold(self, instrument_id: str, quantity: Number, *, owner: str = "alpha") -> None:
        """Books a fill at the mark that no order asked for."""
        price = self.manager.marks.price(instrument_id)
        assert price is not None
        self._count += 1
        one = leg(instrument_id, quantity)
        self.manager.apply_fill(owner, self._report(f"H{self._count}", 0, one, one.quantity, price))

    def fill(self, one: ApprovedCommand, *, part: Number | None = None) -> None:
        """Fills an order at the marks: a part of its first leg, or all that is left."""
        order = self.manager.working_orders(one.strategy_id)[one.client_order_id]
        for i, each in enumerate(order.legs):
            quantity = order.remaining(i) if part is None else amount(part)
            price = self.manager.marks.price(each.instrument_id)
            assert price is not None
            report = self._report(one.client_order_id, i, each, quantity, price)
            self.manager.apply_fill(one.strategy_id, report)
            if part is not None:
                break
        filled = [each.quantity for each in order.legs]
        status = OrderStatus.FILLED
        if part is not None:
            filled = [add(order.filled[0], amount(part)), *order.filled[1:]]
            if filled != [each.quantity for each in order.legs]:
                status = OrderStatus.PARTIALLY_FILLED
        self.track(order, status, filled=tuple(filled))

    def track(self, order: Order, status: OrderStatus, **changes: Any) -> None:
        self.manager.track(msgspec.structs.replace(order, status=status, **changes))

    def end(self, one: ApprovedCommand, status: OrderStatus = OrderStatus.CANCELED) -> None:
        """Ends an order that works."""
        order = self.manager.working_orders(one.strategy_id)[one.client_order_id]
        self.track(order, status)

    def pause(self, mode: PauseMode, owner: str = "alpha") -> None:
        self.manager.set_standing(owner, StrategyStatus.PAUSED, mode)

    def picture(self) -> Mapping[str, object]:
        """All that a refusal must leave as it was."""
        manager = self.manager
        owners = [one for one in manager.books if one not in (RESERVE, EXTERNAL)]
        return {
            "books": dict(manager.books),
            "reserved": {one: manager.reserved(one) for one in owners},
            "working": {one: dict(manager.working_orders(one)) for one in owners},
            "marks": dict(manager.marks.items()),
            "free": manager.free_capital(),
        }

    def _report(
        self, client_order_id: str, index: int, one: Leg, quantity: Decimal, price: Decimal
    ) -> OrderFilledReport:
        return OrderFilledReport(
            client_order_id=client_order_id,
            venue_order_id="V",
            trade_id=f"T{client_order_id}-{index}-{self.now}",
            leg_index=index,
            instrument_id=one.instrument_id,
            side=one.side,
            last_qty=quantity,
            last_px=price,
            commission=Decimal(0),
            ts_event=self.now,
        )


def book_of(cash: Number = 0, **held: Number) -> Book:
    """A book that holds quantities; what they cost plays no part."""
    positions = {one: Position(one, amount(quantity), Decimal(0)) for one, quantity in held.items()}
    return Book("alpha", amount(cash), positions)


def hostile_context() -> Context:
    """An ambient decimal context of somebody else's program, as unlike ours as can be."""
    return Context(
        prec=5, rounding=ROUND_UP, Emin=-3, Emax=3, capitals=0, clamp=1, traps=list(Context().flags)
    )
