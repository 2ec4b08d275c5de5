"""backtrader: python -m benchmarks.engines.backtrader_driver STRATEGIES BARS VARIANT.

Market orders fill at the next bar's open, without commission: our rule. Its own statistics
(``stdstats``) are off. It reads and builds its lines inside ``run``; the clock starts at the first
strategy's ``start``, after that.
"""

# mypy: allow-subclassing-any, allow-any-unimported

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import backtrader

from benchmarks.meter import Meter, report, task, to_the_cent
from benchmarks.workload import (
    CAPITAL,
    FIRST_NS,
    LongOrFlat,
    PriceBar,
    instrument_of,
    is_trading,
    series_of,
)

_NS_PER_DAY = 86_400_000_000_000
_FIRST_DAY = backtrader.date2num(datetime.fromtimestamp(FIRST_NS // 1_000_000_000, tz=UTC))


class _Feed(backtrader.feed.DataBase):
    def __init__(self, rows: list[PriceBar]) -> None:
        super().__init__()
        self._rows = rows
        self._next = 0

    def start(self) -> None:
        super().start()
        self._next = 0

    def _load(self) -> bool:
        if self._next >= len(self._rows):
            return False
        row = self._rows[self._next]
        self._next += 1
        lines = self.lines
        lines.datetime[0] = _FIRST_DAY + (row.ts_event - FIRST_NS) / _NS_PER_DAY
        lines.open[0] = row.open_cents / 100
        lines.high[0] = row.high_cents / 100
        lines.low[0] = row.low_cents / 100
        lines.close[0] = row.close_cents / 100
        lines.volume[0] = float(row.volume)
        lines.openinterest[0] = 0.0
        return True


class _Noop(backtrader.Strategy):
    params = (("index", 0), ("instrument", 0), ("meter", None))

    def __init__(self) -> None:
        self.orders_sent = self.orders_filled = 0

    def start(self) -> None:
        if self.p.index == 0:
            self.p.meter.restart()

    def next(self) -> None:
        pass


class _Sma(_Noop):
    def __init__(self) -> None:
        super().__init__()
        self.rule = LongOrFlat(self.p.index)
        self.bars = self.datas[self.p.instrument]

    def next(self) -> None:
        trade = self.rule.trade(self.bars.close[0])
        if not trade:
            return
        self.orders_sent += 1
        if trade > 0:
            self.buy(data=self.bars, size=1)
        else:
            self.sell(data=self.bars, size=1)

    def notify_order(self, order: Any) -> None:
        if order.status == order.Completed:
            self.orders_filled += 1


def main() -> None:
    asked = task("Plays the workload with backtrader.")
    cerebro = backtrader.Cerebro(stdstats=False)
    cerebro.broker.setcash(CAPITAL)
    for rows in series_of(asked.variant, asked.bars):
        cerebro.adddata(_Feed(rows))
    kind = _Sma if is_trading(asked.variant) else _Noop
    meter = Meter()
    for number in range(asked.strategies):
        instrument = instrument_of(number, asked.variant)
        cerebro.addstrategy(kind, index=number, instrument=instrument, meter=meter)
    with meter:
        strategies = cerebro.run()
    report(
        "backtrader",
        backtrader.__version__,
        asked,
        meter,
        orders=sum(one.orders_sent for one in strategies),
        fills=sum(one.orders_filled for one in strategies),
        equity=to_the_cent(cerebro.broker.getvalue()),
    )


if __name__ == "__main__":
    main()
