"""Named points in a live process at which it can be killed, and a second record of what was synced.

Nothing of this is in the program: the client that the configuration names (``FailingClient``) puts
it around the journal's and its own calls when it is made, which is before the journal is opened.

    ORCHESTRION_TEST_FAILPOINT   name:count; SIGKILL when the point is passed for that time
    ORCHESTRION_TEST_SYNC_LOG    file; one line per sync that has returned: segment, position, chain
    ORCHESTRION_TEST_PLANT       a fault of the program that the suites have to find:
                                 no-sync   an order leaves before its intent is written
                                 twice     each order is sent again
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestrion.adapters.journal import sqlite_journal
from orchestrion.adapters.journal.journal_directory import JournalDirectory
from orchestrion.adapters.journal.sqlite_journal import SqliteJournal
from orchestrion.adapters.venue.venue_client import (
    Balance,
    OrderRequest,
    VenueOrder,
)
from orchestrion.domain.models.portfolio import NetPosition
from orchestrion.domain.models.report import VenueReport
from orchestrion.runtime.journal import JournalHeader, Record, RecordKind
from tests.processes import venue_client
from tests.processes.venue_client import ProcessVenueClient

FAILPOINT = "ORCHESTRION_TEST_FAILPOINT"
SYNC_LOG = "ORCHESTRION_TEST_SYNC_LOG"
PLANT = "ORCHESTRION_TEST_PLANT"
POINTS = (
    "segment.before_file",
    "segment.empty_file",
    "segment.empty_database",
    "segment.after_header",
    "append.before",
    "append.after",
    "append.intent",
    "append.report",
    "append.snapshot",
    "sync.before",
    "sync.written",
    "sync.after",
    "submit.before",
    "submit.sent",
    "submit.answered",
    "cancel.before",
    "cancel.answered",
    "report.received",
    "query.before",
    "query.answered",
    "snapshot.open_orders",
    "snapshot.positions",
    "snapshot.balances",
    "finish.before",
    "finish.after",
    "close.before",
)
"""In the order in which a start and a round come by them. ``finish`` and ``close`` need an orderly
end, ``query`` an earlier life with open orders."""


class _Failpoint:
    def __init__(self, setting: str) -> None:
        self._name, _, count = setting.partition(":")
        self._left = int(count or 1)

    def pass_by(self, name: str) -> None:
        if name != self._name:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


_failpoint = _Failpoint(os.environ.get(FAILPOINT, ""))


class FailingClient(ProcessVenueClient):
    """The client of the venue process, with points to die at."""

    def __init__(self, port: int, **options: Any) -> None:
        super().__init__(port, **options)
        _watch_journal()
        _watch_wire()

    async def submit(self, order: OrderRequest) -> tuple[VenueReport, ...]:
        _failpoint.pass_by("submit.before")
        answer = await super().submit(order)
        if os.environ.get(PLANT) == "twice":
            await super().submit(order)
        _failpoint.pass_by("submit.answered")
        return answer

    async def cancel(self, client_order_id: str) -> tuple[VenueReport, ...]:
        _failpoint.pass_by("cancel.before")
        answer = await super().cancel(client_order_id)
        _failpoint.pass_by("cancel.answered")
        return answer

    async def query(self, client_order_id: str) -> VenueOrder:
        _failpoint.pass_by("query.before")
        answer = await super().query(client_order_id)
        _failpoint.pass_by("query.answered")
        return answer

    async def open_orders(self) -> tuple[VenueOrder, ...]:
        answer = await super().open_orders()
        _failpoint.pass_by("snapshot.open_orders")
        return answer

    async def positions(self) -> tuple[NetPosition, ...]:
        answer = await super().positions()
        _failpoint.pass_by("snapshot.positions")
        return answer

    async def balances(self) -> tuple[Balance, ...]:
        answer = await super().balances()
        _failpoint.pass_by("snapshot.balances")
        return answer

    async def next_report(self) -> VenueReport:
        report = await super().next_report()
        _failpoint.pass_by("report.received")
        return report


def _watch_wire() -> None:
    """After a submission has left and before its answer is read."""
    send = venue_client._Connection.send

    async def sending(self: Any, message: dict[str, Any]) -> None:
        await send(self, message)
        if message.get("op") == "submit":
            _failpoint.pass_by("submit.sent")

    venue_client._Connection.send = sending  # type: ignore[method-assign]


def _watch_journal() -> None:  # noqa: C901 - one small function per call
    begin, append, sync = JournalDirectory.begin, SqliteJournal.append, SqliteJournal.sync
    commit, finish, close = SqliteJournal._commit, SqliteJournal.finish, SqliteJournal.close
    note = _sync_note(os.environ.get(SYNC_LOG))

    def beginning(self: JournalDirectory, header: JournalHeader) -> SqliteJournal:
        _failpoint.pass_by("segment.before_file")
        journal = begin(self, header)
        _failpoint.pass_by("segment.after_header")
        return journal

    def appending(self: SqliteJournal, record: Record) -> None:
        _failpoint.pass_by("append.before")
        append(self, record)
        _failpoint.pass_by("append.after")
        if record.kind is RecordKind.INTENT:
            _failpoint.pass_by("append.intent")
        if record.kind is RecordKind.SNAPSHOT:
            _failpoint.pass_by("append.snapshot")
        if record.name.endswith("Report"):
            _failpoint.pass_by("append.report")

    def syncing(self: SqliteJournal) -> None:
        _failpoint.pass_by("sync.before")
        if os.environ.get(PLANT) == "no-sync":
            return
        sync(self)
        note(self)
        _failpoint.pass_by("sync.after")

    def committing(self: SqliteJournal) -> None:
        _failpoint.pass_by("sync.written")
        commit(self)

    def finishing(self: SqliteJournal, trailer: Any) -> None:
        _failpoint.pass_by("finish.before")
        finish(self, trailer)
        _failpoint.pass_by("finish.after")

    def closing(self: SqliteJournal) -> None:
        _failpoint.pass_by("close.before")
        close(self)

    set_pragmas, write_header = sqlite_journal._set_pragmas, sqlite_journal._write_header

    def setting_pragmas(*arguments: Any) -> None:
        _failpoint.pass_by("segment.empty_file")
        set_pragmas(*arguments)

    def writing_header(*arguments: Any) -> bytes:
        _failpoint.pass_by("segment.empty_database")
        return write_header(*arguments)

    steps = {"_set_pragmas": setting_pragmas, "_write_header": writing_header}
    for name, step in steps.items():
        setattr(sqlite_journal, name, step)
    replaced: dict[str, Callable[..., Any]] = {
        "append": appending,
        "sync": syncing,
        "_commit": committing,
        "finish": finishing,
        "close": closing,
    }
    for name, function in replaced.items():
        setattr(SqliteJournal, name, function)
    JournalDirectory.begin = beginning  # type: ignore[method-assign]


def _sync_note(path: str | None) -> Callable[[SqliteJournal], None]:
    if path is None:
        return lambda journal: None
    log = Path(path).open("a", buffering=1)  # noqa: SIM115 - as long as the process lives

    def note(journal: SqliteJournal) -> None:
        if journal._position:
            log.write(f"{journal.path.name} {journal._position} {journal._chain.hex()}\n")

    return note
