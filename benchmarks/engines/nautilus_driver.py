"""NautilusTrader: python -m benchmarks.engines.nautilus_driver STRATEGIES BARS VARIANT.

One simulated venue, a cash account that nets per strategy, market orders, no commission. Orders
fill at the close of the bar that was just processed. Its bars are built before the clock starts.

Without ``--with-analyzer`` the part of its analyzer that joins a table per closed position is taken
out, in its favour: with it, cost grows with the square of the orders.
"""

# mypy: allow-subclassing-any, allow-any-unimported, allow-untyped-calls

from __future__ import annotations

import argparse
from decimal import Decimal
from typing import Any

import nautilus_trader
from nautilus_trader.analysis.analyzer import PortfolioAnalyzer
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TraderId, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

from benchmarks.meter import Meter, Task, add_task, report
from benchmarks.workload import (
    CAPITAL,
    LongOrFlat,
    PriceBar,
    instrument_of,
    is_trading,
    series_of,
)

_VENUE = Venue("SIM")


class _Config(StrategyConfig, frozen=True):  # type: ignore[call-arg]
    index: int


class _Noop(Strategy):
    def __init__(self, config: Any, instrument: Any, bar_type: Any) -> None:
        super().__init__(config)
        self.instrument_id = instrument.id
        self.bar_type = bar_type
        self.orders_sent = self.orders_filled = 0

    def on_start(self) -> None:
        self.subscribe_bars(self.bar_type)

    def on_bar(self, bar: Any) -> None:
        pass


class _Sma(_Noop):
    def __init__(self, config: Any, instrument: Any, bar_type: Any) -> None:
        super().__init__(config, instrument, bar_type)
        self.rule = LongOrFlat(config.index)
        self.one = Quantity.from_int(1)

    def on_bar(self, bar: Any) -> None:
        trade = self.rule.trade(bar.close.as_double())
        if trade:
            side = OrderSide.BUY if trade > 0 else OrderSide.SELL
            self.orders_sent += 1
            self.submit_order(self.order_factory.market(self.instrument_id, side, self.one))

    def on_order_filled(self, event: Any) -> None:  # noqa: ARG002
        self.orders_filled += 1


def main() -> None:
    parser = argparse.ArgumentParser(description="Plays the workload with NautilusTrader.")
    add_task(parser)
    parser.add_argument("--with-analyzer", action="store_true", help="leave its analyzer whole")
    given = parser.parse_args()
    if not given.with_analyzer:
        PortfolioAnalyzer.record_trade = _nothing
        PortfolioAnalyzer._append_pnl_record = _nothing  # noqa: SLF001
    asked = Task(given.strategies, given.bars, given.variant)
    series = series_of(asked.variant, asked.bars)
    engine = _engine()
    listed = [
        _list(engine, number, bars, is_last=number + 1 == len(series))
        for number, bars in enumerate(series)
    ]
    kind = _Sma if is_trading(asked.variant) else _Noop
    for number in range(asked.strategies):
        instrument, bar_type = listed[instrument_of(number, asked.variant)]
        config = _Config(strategy_id=f"S{number:03d}", order_id_tag=f"{number:03d}", index=number)
        engine.add_strategy(kind(config, instrument, bar_type))
    with Meter() as meter:
        engine.run()
    strategies = engine.trader.strategies()
    report(
        "NautilusTrader" + (" with its analyzer" if given.with_analyzer else ""),
        nautilus_trader.__version__,
        asked,
        meter,
        orders=sum(one.orders_sent for one in strategies),
        fills=sum(one.orders_filled for one in strategies),
        equity=f"{_equity(engine, series):f}",
    )


def _nothing(*_: object, **__: object) -> None:
    pass


def _engine() -> Any:
    config = BacktestEngineConfig(
        trader_id=TraderId("BT-001"),
        logging=LoggingConfig(bypass_logging=True),
        run_analysis=False,
    )
    engine = BacktestEngine(config=config)
    engine.add_venue(
        venue=_VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.CASH,
        base_currency=USD,
        starting_balances=[Money(CAPITAL, USD)],
    )
    return engine


def _list(engine: Any, number: int, bars: list[PriceBar], *, is_last: bool) -> tuple[Any, Any]:
    """Adds an instrument with its bars; those of all are sorted by time with the last one's."""
    name = f"SYM{number}"
    instrument = Equity(
        instrument_id=InstrumentId(Symbol(name), _VENUE),
        raw_symbol=Symbol(name),
        currency=USD,
        price_precision=2,
        price_increment=Price.from_str("0.01"),
        lot_size=Quantity.from_int(1),
        ts_event=0,
        ts_init=0,
    )
    engine.add_instrument(instrument)
    bar_type = BarType.from_str(f"{instrument.id}-1-MINUTE-LAST-EXTERNAL")
    known: dict[int, Any] = {}

    def price(cents: int) -> Any:
        return known.setdefault(cents, Price(cents / 100, 2))

    engine.add_data(
        [
            Bar(
                bar_type,
                price(bar.open_cents),
                price(bar.high_cents),
                price(bar.low_cents),
                price(bar.close_cents),
                Quantity(bar.volume, 0),
                bar.ts_event,
                bar.ts_event,
            )
            for bar in bars
        ],
        sort=is_last,
    )
    return instrument, bar_type


def _equity(engine: Any, series: list[list[PriceBar]]) -> Decimal:
    """Cash and what is held, at the last closes."""
    total: Decimal = engine.cache.account_for_venue(_VENUE).balance_total(USD).as_decimal()
    for position in engine.cache.positions_open():
        number = int(position.instrument_id.symbol.value.removeprefix("SYM"))
        close = Decimal(series[number][-1].close_cents) / 100
        total += position.signed_decimal_qty() * close
    return total


if __name__ == "__main__":
    main()
