"""The floor: python -m benchmarks.engines.bare_loop_driver STRATEGIES BARS VARIANT.

A plain loop that calls the strategies with each bar and counts what they would trade. No order, no
fill, no money: an engine cannot be cheaper, and what it costs more is the engine.
"""

from __future__ import annotations

from benchmarks.meter import Meter, report, task
from benchmarks.workload import LongOrFlat, instrument_of, is_trading, series_of


class _Noop:
    def trade(self, close: float) -> int:  # noqa: ARG002
        return 0


def main() -> None:
    asked = task("Plays the workload with a plain loop.")
    series = series_of(asked.variant, asked.bars)
    kind = LongOrFlat if is_trading(asked.variant) else None
    strategies = [kind(i) if kind else _Noop() for i in range(asked.strategies)]
    followers: list[list[LongOrFlat | _Noop]] = [[] for _ in series]
    for number, strategy in enumerate(strategies):
        followers[instrument_of(number, asked.variant)].append(strategy)
    closes = [[bar.close_cents / 100 for bar in bars] for bars in series]
    orders = 0
    with Meter() as meter:
        for minute in zip(*closes, strict=True):
            for instrument, close in enumerate(minute):
                for strategy in followers[instrument]:
                    if strategy.trade(close):
                        orders += 1
    report("bare loop", "", asked, meter, orders=orders, fills=0, equity="")


if __name__ == "__main__":
    main()
