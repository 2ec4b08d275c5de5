"""A process that dies between a round and the trades inside the account that came of it: they are
booked by the next process, or by the one after, once."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from orchestrion.actors.messages import InternalCrossed
from orchestrion.actors.system import SystemSettings, TradingSystem, build_system
from orchestrion.adapters.journal.memory_store import MemoryStore
from orchestrion.adapters.recovery import Resumed, resume_run
from orchestrion.adapters.session import NoVenueModel, TradingSession
from orchestrion.domain.conflict import ConflictPolicies, ConflictPolicy
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.netting.internal_cross import CrossPolicy
from orchestrion.runtime.journal import Journal, JournalHeader
from orchestrion.runtime.shell import AsyncHost
from tests.fakes import (
    INSTRUMENTS,
    MINUTE_NS,
    START,
    Script,
    Scripted,
    SilentPort,
    buy,
    header,
    minute,
    orchestrator_of,
    sell,
)

pytestmark = pytest.mark.anyio
BOOKS = {"x": Decimal(5), "y": Decimal(-5)}


def resume(store: MemoryStore) -> Resumed:
    scripts = {"x": Script(on_event={0: buy(8)}), "y": Script(on_event={0: sell(5)})}
    factories = {name: partial(Scripted, script) for name, script in scripts.items()}

    def build(journal: Journal, _: JournalHeader) -> TradingSystem:
        return build_system(
            orchestrator_of(
                {name: make() for name, make in factories.items()},
                policies=ConflictPolicies(opposing_sides=ConflictPolicy.NET),
                capital_rules={
                    "cross_policy": CrossPolicy(
                        quote_age_max_ns=MINUTE_NS, last_price_age_max_ns=MINUTE_NS
                    )
                },
            ),
            factories,
            InstrumentCatalog(INSTRUMENTS),
            journal,
            SystemSettings(order_id_prefix="T"),
        )

    return resume_run(store, header(), build)


async def crashed() -> MemoryStore:
    """What a process left that ended before the cross was written down."""
    store = MemoryStore()
    resumed = resume(store)
    async with AsyncHost(deadline_s=1.0) as host:
        session = TradingSession(
            resumed.system,
            SilentPort(),
            NoVenueModel(),
            resumed.journal,
            host,
            is_data_recorded=True,
        )
        await session.start(START)
        await session.publish(minute(0))
    records = last_records(store)
    names = [record.name for record in records]
    del records[names.index(InternalCrossed.__name__) :]
    return store


def last_records(store: MemoryStore) -> list[Any]:
    journal: Any = store._journals[-1]
    records: list[Any] = journal._records
    return records


def held(resumed: Resumed) -> dict[str, object]:
    return {one: resumed.system.books[one].quantity("AAA") for one in BOOKS}


async def test_a_cross_that_was_not_written_down_is_booked_by_the_next_process() -> None:
    assert held(resume(await crashed())) == BOOKS


async def test_also_when_that_one_ends_at_any_record_of_its_recovery() -> None:
    store = await crashed()
    resume(store)
    for cut in range(len(last_records(store)) + 1):
        other = await crashed()
        resume(other)
        del last_records(other)[cut:]
        assert held(resume(other)) == BOOKS, f"cut at {cut}"
