"""backtesting.py: python -m benchmarks.engines.backtesting_driver STRATEGIES BARS VARIANT.

It runs one strategy over one instrument; more are a loop inside that one, without books of their
own. Market orders fill at the next bar's open. The clock stops before its statistics: they are
replaced by a function that only notes the time.
"""

# mypy: allow-subclassing-any, allow-any-unimported

from __future__ import annotations

import contextlib
import warnings
from typing import Any, NoReturn

import backtesting
import pandas
from backtesting import Backtest, Strategy

from benchmarks.meter import Meter, report, task, to_the_cent
from benchmarks.workload import CAPITAL, LongOrFlat, PriceBar, is_trading, price_bars


class _StatisticsBegin(Exception):  # noqa: N818 - no error, it ends the run
    pass


class _Noop(Strategy):
    """The strategies of the workload, inside the one that the engine allows."""

    strategies = 0
    meter: Meter

    def init(self) -> None:
        self.orders_sent = 0
        self.rules = [LongOrFlat(number) for number in range(self.strategies)]
        type(self).running = self
        self.meter.restart()

    def next(self) -> None:
        pass


class _Sma(_Noop):
    def init(self) -> None:
        super().init()
        for rule in self.rules:
            rule.trade(self.data.Close[0])  # the engine calls ``next`` from the second bar on

    def next(self) -> None:
        close = self.data.Close[-1]
        for rule in self.rules:
            trade = rule.trade(close)
            if trade > 0:
                self.orders_sent += 1
                self.buy(size=1)
            elif trade < 0:
                self.orders_sent += 1
                self.sell(size=1)


def main() -> None:
    warnings.filterwarnings("ignore")
    asked = task("Plays the workload with backtesting.py.", variants=("noop", "sma"))
    kind = _Sma if is_trading(asked.variant) else _Noop
    meter = kind.meter = Meter()
    kind.strategies = asked.strategies
    _without_extras(meter)
    run = Backtest(_frame(price_bars(asked.bars)), kind, cash=CAPITAL, exclusive_orders=False)
    with meter, contextlib.suppress(_StatisticsBegin):
        run.run()
    played: Any = kind.running
    broker = played._broker  # noqa: SLF001 - its results are kept nowhere else before statistics
    report(
        "backtesting.py",
        backtesting.__version__,
        asked,
        meter,
        orders=played.orders_sent,
        # Each closed trade was two fills, each open one.
        fills=2 * len(broker.closed_trades) + len(broker.trades),
        equity=to_the_cent(broker.equity),
    )


def _without_extras(meter: Meter) -> None:
    """Takes the progress bar and the statistics out, in its favour."""

    def begin_statistics(*_: object, **__: object) -> NoReturn:
        meter.stop()
        raise _StatisticsBegin

    module: Any = backtesting.backtesting
    module._tqdm = lambda bars, *_, **__: bars  # noqa: SLF001
    module.compute_stats = begin_statistics


def _frame(bars: list[PriceBar]) -> Any:
    prices = [
        (
            bar.open_cents / 100,
            bar.high_cents / 100,
            bar.low_cents / 100,
            bar.close_cents / 100,
            bar.volume,
        )
        for bar in bars
    ]
    names = ["Open", "High", "Low", "Close", "Volume"]
    times = pandas.to_datetime([bar.ts_event for bar in bars])
    return pandas.DataFrame(prices, columns=names, index=times)


if __name__ == "__main__":
    main()
