"""An adapter of one's own: orders leave as lines of one file, reports come back in another.

``FileAdapter`` is the adapter; ``FileBroker`` stands for the program at the other end of the files.
Contract test: tests/contract/test_custom_adapter.py; guide: docs/adapters.md.

    python examples/custom_adapter.py            # shows a run
"""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import msgspec

from orchestrion import Bar, MarketSlice, Orchestrion, PortfolioState, Strategy, StrategyView
from orchestrion.adapters.venue.fees import FeeSchedule
from orchestrion.adapters.venue.simulated_venue import SimulatedVenue
from orchestrion.adapters.venue.slippage import SlippageModel
from orchestrion.domain import ApprovedCommand, StrategyCommand, SubmitOrder
from orchestrion.domain.errors import PortUnavailableError
from orchestrion.domain.models.instrument import Equity, InstrumentCatalog
from orchestrion.domain.models.money import add, multiply, subtract
from orchestrion.domain.models.portfolio import NetPosition
from orchestrion.domain.models.report import ExternalFillReport, OrderFilledReport, VenueReport

ORDERS, REPORTS, CASH = "orders.jsonl", "reports.jsonl", Decimal(50_000)
CONFIG = {
    "strategy": "__main__:Swing",
    "account": {"capital": int(CASH)},
    "data": {"source": "feed", "instruments": [{"kind": "equity", "instrument_id": "ACME"}]},
}


def values(path: Path, kind: Any) -> list[Any]:
    """Whole lines of a file; one that is still being written waits for its end."""
    text = path.read_bytes() if path.exists() else b""
    whole = text[: text.rfind(b"\n") + 1]
    return [msgspec.json.decode(line, type=kind) for line in whole.splitlines()]


def append(path: Path, *added: object) -> None:
    """Adds lines, and returns when they are on the disk. What a crash left of a line was read by
    nobody and goes."""
    with path.open("ab") as file:
        file.truncate(path.read_bytes().rfind(b"\n") + 1)
        file.write(b"".join(msgspec.json.encode(one) + b"\n" for one in added))
        file.flush()
        os.fsync(file.fileno())


class FileAdapter:
    """An ``OrchestrationPort``: hands over by writing a line, learns by reading lines."""

    def __init__(self, folder: Path, cash: Decimal) -> None:
        self._orders, self._reports = folder / ORDERS, folder / REPORTS
        self._cash, self._told = cash, 0

    def execute_commands(self, commands: list[StrategyCommand]) -> None:
        given: dict[str, ApprovedCommand] = {}
        for command in commands:
            if not isinstance(command, ApprovedCommand):
                raise TypeError(f"only ApprovedCommand may leave, not {type(command).__name__}")
            given.setdefault(command.client_order_id, command)
        try:
            # The file knows what was sent, so a repeat is recognised after a restart as well.
            sent = {one.client_order_id for one in values(self._orders, ApprovedCommand)}
            append(self._orders, *(one for name, one in given.items() if name not in sent))
        except OSError as failure:  # written or not, nobody knows: UNKNOWN, never "rejected"
            raise PortUnavailableError(f"{self._orders}: {failure}") from failure

    def take_reports(self) -> tuple[VenueReport, ...]:
        """What came since the last call; a new adapter tells everything once more, which is
        allowed: the core knows repeated reports by order and trade_id."""
        told: list[VenueReport] = values(self._reports, VenueReport)[self._told :]
        self._told += len(told)
        return tuple(told)

    def get_portfolio_state(self) -> PortfolioState:
        told: list[VenueReport] = values(self._reports, VenueReport)
        cash, held = self._cash, dict[str, Decimal]()
        fills = (OrderFilledReport, ExternalFillReport)
        for one in {fill.trade_id: fill for fill in told if isinstance(fill, fills)}.values():
            bought = multiply(one.last_qty, Decimal(one.side.sign))
            held[one.instrument_id] = add(held.get(one.instrument_id, Decimal(0)), bought)
            cash = subtract(cash, add(multiply(bought, one.last_px), one.commission))
        positions = tuple(NetPosition(name, held[name]) for name in sorted(held) if held[name])
        return PortfolioState(max((one.ts_event for one in told), default=0), cash, positions)


class FileBroker:
    """The other end, another program in real life; here the venue of the backtests answers."""

    def __init__(self, folder: Path) -> None:
        self._orders, self._reports, self._read = folder / ORDERS, folder / REPORTS, 0
        acme = InstrumentCatalog([Equity(instrument_id="ACME")])
        self._venue = SimulatedVenue(
            acme, fees=FeeSchedule(), slippage=SlippageModel(), starting_cash=CASH
        )

    def work(self, bar: Bar) -> None:
        """Reads the orders that have come, and fills them at the price of a bar."""
        for one in values(self._orders, ApprovedCommand)[self._read :]:
            self._read += 1
            self._venue.submit(one)
        fills = self._venue.on_slice(MarketSlice.of([bar]))
        append(self._reports, *self._venue.take_reports(), *fills)


class Swing(Strategy):
    """Buys ten below 99, sells them above 101."""

    def on_event(self, event: MarketSlice, view: StrategyView) -> list[SubmitOrder]:
        bar, held = event.bar("ACME"), view.quantity("ACME")
        if bar is None or view.working_orders:
            return []
        if bar.close < 99 and not held:
            return [view.buy("ACME", 10)]
        return [view.sell("ACME", held)] if bar.close > 101 and held else []


async def run(folder: Path) -> None:
    adapter, broker = FileAdapter(folder, CASH), FileBroker(folder)
    async with Orchestrion.from_config(CONFIG, port=adapter) as orchestrion:
        for second, close in enumerate((100, 98, 97, 101, 103, 102), start=1):
            ts, price_e9 = second * 1_000_000_000, close * 1_000_000_000
            bar = Bar("ACME", ts, ts, price_e9, price_e9, price_e9, price_e9)
            broker.work(bar)
            for report in adapter.take_reports():
                print(f"at {close}: {report}")
                await orchestrion.report(report)
            await orchestrion.publish(bar)
        print("cash: book", orchestrion.book("Swing").cash, end=", ")
        print("file", adapter.get_portfolio_state().cash)


if __name__ == "__main__":
    with TemporaryDirectory() as name:
        anyio.run(run, Path(name))
