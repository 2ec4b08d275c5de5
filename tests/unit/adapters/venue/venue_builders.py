"""Short ways to write instruments, market data, orders and a venue in the venue's tests.

Prices are written as decimals or integers, times as small integers.
"""

from __future__ import annotations

from decimal import Decimal

from orchestrion.adapters.venue.fees import FeeSchedule
from orchestrion.adapters.venue.simulated_venue import SimulatedVenue
from orchestrion.adapters.venue.slippage import SlippageModel
from orchestrion.domain.models.command import ApprovedCommand, CancelOrder, SubmitOrder
from orchestrion.domain.models.instrument import (
    Equity,
    Future,
    Index,
    InstrumentCatalog,
    OptionContract,
    OptionKind,
)
from orchestrion.domain.models.market import (
    Bar,
    MarketData,
    MarketSlice,
    OptionChain,
    OptionQuote,
    QuoteTick,
    TradeTick,
)
from orchestrion.domain.models.money import to_e9
from orchestrion.domain.models.order import Leg, OrderSide, OrderType, TimeInForce
from orchestrion.domain.models.report import OrderFilledReport, VenueReport

Number = Decimal | int | str

BUY, SELL = OrderSide.BUY, OrderSide.SELL
EXPIRY = 9_000

SHARE = Equity(instrument_id="ABC")
OTHER = Equity(instrument_id="XYZ")
INDEX = Index(instrument_id="SPX")
FUTURE = Future(
    instrument_id="ES",
    underlying_id="SPX",
    expiry_ts=EXPIRY,
    multiplier=Decimal(50),
    initial_margin=Decimal(100),
    maintenance_margin=Decimal(90),
    price_increment=Decimal("0.25"),
)
PUT = OptionContract(
    instrument_id="P90",
    underlying_id="SPX",
    expiry_ts=EXPIRY,
    strike=Decimal(90),
    option_kind=OptionKind.PUT,
)
CALL = OptionContract(
    instrument_id="C110",
    underlying_id="SPX",
    expiry_ts=EXPIRY,
    strike=Decimal(110),
    option_kind=OptionKind.CALL,
)
CATALOG = InstrumentCatalog([SHARE, OTHER, INDEX, FUTURE, PUT, CALL])
CASH = Decimal(100_000)


def new_venue(
    *, fees: FeeSchedule | None = None, slippage: SlippageModel | None = None
) -> SimulatedVenue:
    return SimulatedVenue(
        CATALOG,
        fees=fees or FeeSchedule(),
        slippage=slippage or SlippageModel(),
        starting_cash=CASH,
    )


def e9(value: Number) -> int:
    return to_e9(value)


def bar(
    instrument_id: str,
    ts_open: int,
    ts_event: int,
    prices: tuple[Number, Number, Number, Number],
) -> Bar:
    return Bar(instrument_id, ts_open, ts_event, *(e9(price) for price in prices))


def close_only(instrument_id: str, ts_event: int, close: Number) -> Bar:
    return bar(instrument_id, ts_event, ts_event, (close, close, close, close))


def quote(instrument_id: str, ts_event: int, bid: Number, ask: Number) -> QuoteTick:
    return QuoteTick(instrument_id, ts_event, e9(bid), e9(ask))


def trade(instrument_id: str, ts_event: int, price: Number) -> TradeTick:
    return TradeTick(instrument_id, ts_event, e9(price))


def line(option: OptionContract, bid: Number, ask: Number) -> OptionQuote:
    return OptionQuote(
        option.instrument_id,
        option.expiry_ts,
        e9(option.strike),
        option.option_kind,
        e9(bid),
        e9(ask),
        0.5,
        0.2,
    )


def chain(ts_event: int, *lines: OptionQuote, underlying: Number = 100) -> OptionChain:
    return OptionChain("SPX", ts_event, e9(underlying), lines)


def slice_of(*items: MarketData) -> MarketSlice:
    return MarketSlice.of(items)


def order(
    *legs: tuple[str, OrderSide, Number],
    limit: Number | None = None,
    stop: Number | None = None,
    time_in_force: TimeInForce = TimeInForce.DAY,
    expire_ts: int | None = None,
) -> SubmitOrder:
    """A MARKET order, or what the given price makes of it."""
    kind = OrderType.MARKET if limit is None else OrderType.LIMIT
    return SubmitOrder(
        strategy_id="alpha",
        legs=tuple(Leg(one, side, Decimal(quantity)) for one, side, quantity in legs),
        order_type=kind if stop is None else OrderType.STOP_MARKET,
        time_in_force=time_in_force,
        limit_price=None if limit is None else Decimal(limit),
        stop_price=None if stop is None else Decimal(stop),
        expire_ts=expire_ts,
    )


def approved(
    command: SubmitOrder | CancelOrder, client_order_id: str = "o-1", *, ts_decided: int = 1_000
) -> ApprovedCommand:
    return ApprovedCommand(
        strategy_id=command.strategy_id,
        command=command,
        client_order_id=client_order_id,
        reservation=Decimal(0),
        is_reducing=False,
        ts_decided=ts_decided,
    )


def cancel(
    target: str, client_order_id: str = "c-1", *, ts_decided: int = 1_000
) -> ApprovedCommand:
    command = CancelOrder(strategy_id="alpha", client_order_id=target)
    return approved(command, client_order_id, ts_decided=ts_decided)


def fills(reports: tuple[VenueReport, ...]) -> list[tuple[Decimal, int]]:
    """(price, time) of every fill."""
    return [(one.last_px, one.ts_event) for one in reports if isinstance(one, OrderFilledReport)]


def kinds(reports: tuple[VenueReport, ...]) -> list[str]:
    """What each report is and about whom, e.g. ``OrderFilledReport o-1``."""
    return [
        f"{type(one).__name__} {getattr(one, 'client_order_id', None) or one.instrument_id}"  # type: ignore[union-attr]
        for one in reports
    ]
