"""Orchestrion inside an async trading bot: two strategies, the bot's own feed and its own venue.

The bot keeps its event loop and its connections. It hands in what its feed delivers, receives
approved orders through a port, and reports what became of them. Run it with

    python examples/embed_in_a_bot.py            # asyncio
    python examples/embed_in_a_bot.py trio       # the same on trio
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from decimal import Decimal

import anyio

from orchestrion import (
    Bar,
    MarketSlice,
    Orchestrion,
    OrderFilledReport,
    PauseMode,
    PortfolioState,
    Strategy,
    StrategyView,
    SubmitOrder,
)
from orchestrion.domain import ApprovedCommand, StrategyCommand
from orchestrion.domain.models.report import OrderAcceptedReport

MINUTE_NS = 60_000_000_000
CONFIG = {
    "account": {"capital": 50_000},
    "data": {"source": "feed", "instruments": [{"kind": "equity", "instrument_id": "ACME"}]},
    "strategies": {
        "dip_buyer": {"strategy": "__main__:DipBuyer", "allocation_pct": 60},
        "patient": {"strategy": "__main__:PatientBuyer", "allocation_pct": 40},
    },
}


class DipBuyer(Strategy):
    """Buys ten after a falling minute, sells after a rising one."""

    last: Decimal | None = None

    def on_event(self, event: MarketSlice, view: StrategyView) -> list[SubmitOrder] | None:
        bar = event.bar("ACME")
        if bar is None or view.working_orders:
            return None
        last, self.last = self.last, bar.close
        if last is None or bar.close == last:
            return None
        if bar.close < last and not view.quantity("ACME"):
            return [view.buy("ACME", 10)]
        if bar.close > last and (exit_order := view.close("ACME")):
            return [exit_order]
        return None


class PatientBuyer(Strategy):
    """Asks a slow model, without holding up the bot, and buys one share a day."""

    async def on_event(self, event: MarketSlice, view: StrategyView) -> list[SubmitOrder] | None:
        await anyio.lowlevel.checkpoint()  # stands for a call over the network
        wants = not view.quantity("ACME") and not view.working_orders
        return [view.buy("ACME", 1)] if wants and event.bar("ACME") else None


class BotVenue:
    """The bot's own connection: takes orders now, answers later; here at the last price."""

    def __init__(self) -> None:
        self.outbox: list[ApprovedCommand] = []
        self.last = Decimal(100)

    def execute_commands(self, commands: list[StrategyCommand]) -> None:
        self.outbox.extend(one for one in commands if isinstance(one, ApprovedCommand))

    def get_portfolio_state(self) -> PortfolioState:
        return PortfolioState(ts_event=0, cash=Decimal(0))

    async def report_to(self, orchestrion: Orchestrion, now: int) -> None:
        """Tells Orchestrion what became of the orders since the last call."""
        pending, self.outbox = self.outbox, []
        for number, approved in enumerate(pending):
            order_id = approved.client_order_id
            if not isinstance(approved.command, SubmitOrder):
                continue
            leg = approved.command.legs[0]
            await orchestrion.report(
                OrderAcceptedReport(
                    client_order_id=order_id, venue_order_id=f"X-{order_id}", ts_event=now
                )
            )
            await orchestrion.report(
                OrderFilledReport(
                    client_order_id=order_id,
                    venue_order_id=f"X-{order_id}",
                    trade_id=f"T-{now}-{number}",
                    leg_index=0,
                    instrument_id=leg.instrument_id,
                    side=leg.side,
                    last_qty=leg.quantity,
                    last_px=self.last,
                    commission=Decimal("0.05"),
                    ts_event=now,
                )
            )


async def feed() -> AsyncIterator[Bar]:
    """The bot's market data; a websocket in real life."""
    cents = (10000, 9990, 9985, 10010, 10040, 10020, 10015, 10060)
    for minute, close in enumerate(cents, start=1):
        await anyio.lowlevel.checkpoint()
        price_e9 = close * 10_000_000
        ts = minute * MINUTE_NS
        yield Bar("ACME", ts - MINUTE_NS, ts, price_e9, price_e9, price_e9, price_e9)


async def bot() -> None:
    venue = BotVenue()
    async with Orchestrion.from_config(CONFIG, port=venue) as orchestrion:
        async for bar in feed():
            venue.last = bar.close
            await orchestrion.publish(bar)
            await venue.report_to(orchestrion, bar.ts_event)
        await orchestrion.pause("dip_buyer", PauseMode.ENTRIES_BLOCKED)
        for strategy_id in orchestrion.strategy_ids:
            book = orchestrion.book(strategy_id)
            print(
                f"{strategy_id:10} {orchestrion.status(strategy_id):25}"
                f" holds {book.quantity('ACME'):>3} ACME, equity {orchestrion.equity(strategy_id)}"
            )
        print("decisions", orchestrion.decision_hash[:16])


if __name__ == "__main__":
    anyio.run(bot, backend=sys.argv[1] if len(sys.argv) > 1 else "asyncio")
