"""A chain of journals, by rotation and by restarts, is replayed segment by segment."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from orchestrion.actors.system import SystemSettings, TradingSystem, build_system
from orchestrion.adapters.journal.journal_directory import JournalDirectory
from orchestrion.adapters.journal.memory_store import MemoryStore
from orchestrion.adapters.reconciliation import post_orders, settle_positions
from orchestrion.adapters.recovery import Resumed, require_linked, resume_run
from orchestrion.adapters.replay import replay_journal, replay_segments
from orchestrion.adapters.session import TradingSession
from orchestrion.adapters.venue.backtest_adapter import BacktestOrchestrationAdapter
from orchestrion.adapters.venue.fees import FeeSchedule
from orchestrion.adapters.venue.simulated_venue import SimulatedVenue
from orchestrion.adapters.venue.slippage import SlippageModel
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.market import Bar, MarketData, MarketSlice
from orchestrion.domain.models.portfolio import NetPosition, PortfolioState
from orchestrion.domain.models.report import OrderCanceledReport
from orchestrion.domain.orchestration.reconciliation import OrderWord, net_of
from orchestrion.runtime.errors import JournalDamagedError, JournalFormatError
from orchestrion.runtime.journal import Journal, JournalHeader, RecordKind
from orchestrion.runtime.journal_store import JournalStore
from orchestrion.runtime.shell import AsyncHost
from tests.fakes import (
    CAPITAL,
    DAY_NS,
    INSTRUMENTS,
    AsyncRemembering,
    Remembering,
    Script,
    Scripted,
    following,
    header,
    minute,
    orchestrator_of,
)

Kind = Callable[[Script], Any]


def scripts() -> dict[str, Script]:
    return {
        "alpha": Script(
            always=lambda view: (
                [view.close("AAA")] if view.quantity("AAA") else [view.buy("AAA", 2)]
            )
        ),
        "beta": Script(always=lambda view: [view.buy("BBB", 1)] if view.price("BBB") else None),
    }


def builder(kind: Kind) -> Callable[[Journal, JournalHeader], TradingSystem]:
    def build(journal: Journal, _: JournalHeader) -> TradingSystem:
        factories = following(scripts(), kind)
        return build_system(
            orchestrator_of({one: factory() for one, factory in factories.items()}),
            factories,
            InstrumentCatalog(INSTRUMENTS),
            journal,
            SystemSettings(order_id_prefix="T"),
        )

    return build


def days(first: int, count: int, a_day: int = 3) -> list[MarketSlice]:
    """A few minutes of each day."""
    return [
        _on_day(minute(number, "AAA", "BBB"), day)
        for day in range(first, first + count)
        for number in range(a_day)
    ]


def _on_day(market_slice: MarketSlice, day: int) -> MarketSlice:
    def moved(one: MarketData) -> Bar:
        assert isinstance(one, Bar)
        return msgspec.structs.replace(
            one, ts_open=one.ts_open + day * DAY_NS, ts_event=one.ts_event + day * DAY_NS
        )

    return MarketSlice.of(moved(one) for one in market_slice.items)


async def _live(resumed: Resumed, slices: Iterable[MarketSlice], *, is_left_in_order: bool) -> None:
    venue = SimulatedVenue(
        InstrumentCatalog(INSTRUMENTS),
        fees=FeeSchedule(),
        slippage=SlippageModel(),
        starting_cash=CAPITAL,
    )
    async with AsyncHost(deadline_s=30.0) as host:
        session = TradingSession(
            resumed.system,
            BacktestOrchestrationAdapter(venue),
            venue,
            resumed.journal,
            host,
            is_data_recorded=True,
            snapshot_after_inputs=40,
        )
        played = iter(slices)
        if resumed.is_first_start:
            first = next(played)
            await session.start(first.ts_event)
            await session.publish(first)
        else:
            await session.go_on()
            await _agree(session, resumed)
        for market_slice in played:
            await session.publish(market_slice)
        if is_left_in_order:
            session.finish_journal()
    resumed.journal.close()


async def _agree(session: TradingSession, resumed: Resumed) -> None:
    """The venue has cancelled everything and holds what the books hold."""
    ts = session.system.machine.now
    words = [
        OrderWord(
            one.client_order_id,
            (OrderCanceledReport(client_order_id=one.client_order_id, ts_event=ts),),
        )
        for one in resumed.orders_to_ask
    ]
    assert await post_orders(session, resumed.orders_to_ask, words, ts=ts) == ()
    books = session.system.books.values()
    held = tuple(NetPosition(key, quantity) for key, quantity in net_of(books).items() if quantity)
    cash = sum(book.cash for book in books)
    found = await settle_positions(session, PortfolioState(ts, cash, held))  # type: ignore[arg-type]
    assert found.mismatches == ()
    await session.report(found, ts)
    assert not session.system.is_held


def live(
    store: JournalStore,
    kind: Kind,
    slices: Iterable[MarketSlice],
    *,
    is_left_in_order: bool,
    records_max: int | None = None,
    backend: str = "asyncio",
) -> None:
    """One process of the run."""
    resumed = resume_run(store, header(), builder(kind), records_max=records_max)

    async def run() -> None:
        await _live(resumed, slices, is_left_in_order=is_left_in_order)

    anyio.run(run, backend=backend)


@pytest.mark.parametrize("kind", [Scripted, Remembering, AsyncRemembering])
@pytest.mark.parametrize("is_left_in_order", [True, False])
@pytest.mark.parametrize("records_max", [None, 30])
def test_chain_replays_identically(
    kind: Kind, is_left_in_order: bool, records_max: int | None
) -> None:
    store = MemoryStore()
    for process in range(3):
        live(
            store,
            kind,
            days(3 * process, 3),
            is_left_in_order=is_left_in_order,
            records_max=records_max,
        )
    segments = store.segments()
    assert len(segments) >= (6 if records_max else 3)
    outcome = replay_segments(segments, builder(kind))
    assert outcome.divergence is None
    assert outcome.identical
    assert outcome.segments == len(segments)
    assert outcome.is_complete is is_left_in_order
    inputs = [
        record
        for segment in segments
        for record in segment.reader.records()
        if record.kind is RecordKind.INPUT
    ]
    assert [one.seq for one in inputs] == list(range(1, len(inputs) + 1))
    if is_left_in_order:
        last = segments[-1].reader.trailer
        assert last is not None
        assert last.decision_hash == outcome.decision_hash
        assert last.state_hash


def test_altered_decision_of_any_segment_is_found_with_the_segment() -> None:
    store = MemoryStore()
    for process in range(2):
        live(store, Remembering, days(3 * process, 3), is_left_in_order=False)
    for place, segment in enumerate(store._journals):
        records = segment._records
        where = max(i for i, one in enumerate(records) if one.kind is RecordKind.DECISION)
        right = records[where]
        records[where] = msgspec.structs.replace(
            right, body=right.body.replace(b'"quantity":"', b'"quantity":"9')
        )
        segments = store.segments()
        if place == 0:  # a journal in memory keeps no hashes: the next one's header tells
            with pytest.raises(JournalDamagedError, match="are not those that"):
                require_linked(segments)
        outcome = replay_segments(segments, builder(Remembering))
        assert outcome.divergence is not None
        assert outcome.divergence.segment == segments[place].name
        assert outcome.divergence.seq == right.seq
        assert ".quantity" in outcome.divergence.field
        records[where] = right


def test_altered_state_of_a_snapshot_is_found_with_its_field() -> None:
    store = MemoryStore()
    live(store, Remembering, days(0, 6), is_left_in_order=True)
    (segment,) = store._journals
    where = next(i for i, one in enumerate(segment._records) if one.kind is RecordKind.SNAPSHOT)
    right = segment._records[where]
    wrong = right.body.replace(b'"round_number":', b'"round_number":9')
    segment._records[where] = msgspec.structs.replace(right, body=wrong)
    found = replay_segments(store.segments(), builder(Remembering)).divergence
    assert found is not None
    assert (found.name, found.field, found.seq) == (
        "Snapshot",
        "coordinator.round_number",
        right.seq,
    )


def test_later_segment_is_replayed_by_itself() -> None:
    store = MemoryStore()
    for process in range(2):
        live(store, Remembering, days(3 * process, 3), is_left_in_order=True)
    outcome = replay_segments(store.segments()[1:], builder(Remembering))
    assert outcome.identical
    assert outcome.decisions


def test_segment_without_a_snapshot_needs_those_before_it() -> None:
    store = MemoryStore()
    store.begin(header(segment=2, previous="000001", previous_chain="00"))
    with pytest.raises(JournalDamagedError, match="give the directory"):
        replay_segments(store.segments(), builder(Remembering))


def test_directory_of_journals_on_disk_is_a_chain(tmp_path: Path) -> None:
    directory = JournalDirectory(tmp_path / "run")
    for process in range(2):
        live(
            directory,
            Remembering,
            days(3 * process, 3),
            is_left_in_order=True,
            records_max=30,
        )
    segments = directory.segments()
    assert len(segments) > 3
    assert replay_segments(segments, builder(Remembering)).identical
    directory.close()
    (tmp_path / "empty").mkdir()
    with pytest.raises(JournalFormatError, match="no journal in this directory"):
        replay_journal(tmp_path / "empty")
