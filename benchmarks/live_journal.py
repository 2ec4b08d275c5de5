"""Records a live run of the workload and leaves it as a kill would.

The run is that of ``benchmarks.live_path``, ten strategies behind a port, each event and each
report an input of the journal. It has no end in order: the journal stops ``tail`` records behind
its one snapshot, and the next start has to go on from there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, List, NamedTuple  # noqa: UP035 - the specification's own spelling

from benchmarks import our_run
from benchmarks.streams import StreamedBars
from orchestrion import OrchestrationPort, OrderFilledReport, PortfolioState, SubmitOrder
from orchestrion.adapters import assembly
from orchestrion.adapters.journal.journal_directory import JournalDirectory
from orchestrion.adapters.recovery import resume
from orchestrion.adapters.session import NoVenueModel, TradingSession
from orchestrion.adapters.settings import RunSettings
from orchestrion.domain.models.command import ApprovedCommand, StrategyCommand
from orchestrion.domain.models.money import ZERO, add
from orchestrion.domain.models.report import OrderAcceptedReport
from orchestrion.runtime.journal import Journal, JournalHeader, JournalTrailer, Record
from orchestrion.runtime.journal_store import Segment
from orchestrion.runtime.shell import AsyncHost

STRATEGIES = 10
HOLDINGS = "ORCHESTRION_BENCHMARK_HOLDINGS"
"""Environment variable with what the quiet venue is to hold. An argument in the configuration would
make it another configuration, and a start refuses to play old inputs with another one."""


def configuration(kind: str) -> dict[str, Any]:
    """Of the recorded run and of every start that goes on with it.

    Args:
        kind: a class of ``benchmarks.strategies``.
    """
    return {
        **our_run.configuration(kind, kind, STRATEGIES),
        "live": {
            "client": "benchmarks.quiet_venue:QuietVenue",
            "client_config": {"holdings": f"${{{HOLDINGS}}}"},
            "feed": "benchmarks.quiet_venue:FirstWish",
        },
    }


class Recorded(NamedTuple):
    """What was written.

    Attributes:
        orders: how many the run sent.
        holdings: instrument -> quantity at the end, as JSON; what the venue has to show.
    """

    records: int
    orders: int
    holdings: str


async def record(settings: RunSettings, directory: Path, *, records: int, tail: int) -> Recorded:
    """Plays bars until the journal has so many records, with a snapshot ``tail`` before the last.

    A round is written whole, so both numbers may be exceeded by the records of one round.
    """
    port, store = _Counter(), _CountedStore(directory)
    source = assembly.data_source(settings)
    opened = resume(store, settings, source, "live")
    journal = store.journal
    has_snapshot = False
    async with AsyncHost(deadline_s=1.0) as host:
        session = TradingSession(
            opened.system, port, NoVenueModel(), journal, host, is_data_recorded=True
        )
        await session.start(0)
        # More bars than any journal of so many records can hold: each is a record.
        for market_slice in StreamedBars(records).slices():
            await session.publish(market_slice)
            await port.answer(session, market_slice.ts_event)
            if not has_snapshot and journal.records >= records - tail:
                has_snapshot = await session.take_snapshot()
            if journal.records >= records:
                break
        session.system.machine.stop()
    journal.close()
    store.close()
    holdings = json.dumps(_holdings(session))
    return Recorded(journal.records, port.orders, holdings)


def _holdings(session: TradingSession) -> dict[str, str]:
    """The net of all books."""
    net: dict[str, Decimal] = {}
    for book in session.system.books.values():
        for one in book.positions:
            net[one] = add(net.get(one, ZERO), book.quantity(one))
    return {one: str(quantity) for one, quantity in net.items() if quantity}


class _Counter(OrchestrationPort):
    """Accepts and fills everything, between two events."""

    def __init__(self) -> None:
        self.orders = 0
        self._commands: list[ApprovedCommand] = []

    def execute_commands(self, commands: List[StrategyCommand]) -> None:  # noqa: UP006
        self._commands += [one for one in commands if isinstance(one, ApprovedCommand)]

    def get_portfolio_state(self) -> PortfolioState:
        raise NotImplementedError("nobody asks in this benchmark")

    async def answer(self, session: TradingSession, ts: int) -> None:
        commands, self._commands = self._commands, []
        for approved in commands:
            if isinstance(approved.command, SubmitOrder):
                self.orders += 1
                for report in _filled(approved.client_order_id, approved.command, ts):
                    await session.report(report, ts)


def _filled(
    order_id: str, order: SubmitOrder, ts: int
) -> tuple[OrderAcceptedReport, OrderFilledReport]:
    (leg,) = order.legs
    venue_id = f"V-{order_id}"
    accepted = OrderAcceptedReport(client_order_id=order_id, venue_order_id=venue_id, ts_event=ts)
    filled = OrderFilledReport(
        client_order_id=order_id,
        venue_order_id=venue_id,
        trade_id=f"T-{order_id}",
        leg_index=0,
        instrument_id=leg.instrument_id,
        side=leg.side,
        last_qty=leg.quantity,
        last_px=Decimal(100),
        commission=Decimal(0),
        ts_event=ts,
    )
    return accepted, filled


class _CountedJournal:
    """A journal that says how many records it has got."""

    def __init__(self, journal: Journal) -> None:
        self.records = 0
        self._journal = journal

    def begin(self, header: JournalHeader) -> None:
        self._journal.begin(header)

    def append(self, record: Record) -> None:
        self.records += 1
        self._journal.append(record)

    def sync(self) -> None:
        self._journal.sync()

    def finish(self, trailer: JournalTrailer) -> None:
        self._journal.finish(trailer)

    def close(self) -> None:
        self._journal.close()


class _CountedStore:
    """The directory of one new run."""

    journal: _CountedJournal

    def __init__(self, directory: Path) -> None:
        self._directory = JournalDirectory(directory)

    def segments(self) -> Sequence[Segment]:
        return self._directory.segments()

    def begin(self, header: JournalHeader) -> Journal:
        self.journal = _CountedJournal(self._directory.begin(header))
        return self.journal

    def close(self) -> None:
        self._directory.close()
