"""Opens the journals of a run: a first start, or one that goes on where the last one stopped."""

from __future__ import annotations

import json
import time
from typing import Any

import structlog

from orchestrion.adapters.data.source import DataSource
from orchestrion.adapters.journal.journal_directory import JournalDirectory
from orchestrion.adapters.process.blocked_note import read_note, remove_note
from orchestrion.adapters.recovery import Resumed, resume
from orchestrion.adapters.settings import RunSettings
from orchestrion.runtime.errors import JournalError
from orchestrion.runtime.journal import JournalHeader

_log = structlog.get_logger("orchestrion.process")


def open_run(
    settings: RunSettings, source: DataSource, store: JournalDirectory, environment: str
) -> Resumed:
    """Begins a run, or goes on with the one in the store.

    Raises:
        JournalError: the journals are of another account or environment, damaged, of a newer
            format, or of a run that has ended.
        ConfigurationError: the strategies do not fit together, or cannot be given capital.
    """
    begun_s = time.perf_counter()
    for segment in store.segments()[-1:]:  # those before it were held against theirs in their time
        require_same_account(segment.name, segment.reader.header, settings, environment)
    # Paper time is the data's: the clock of this machine has no place in it.
    ts = time.time_ns() if environment == "live" else 0
    records_max = settings.journal.segment_records_max
    stalled = read_note(store.path)
    resumed = resume(
        store,
        settings,
        source,
        environment,
        ts=ts,
        records_max=records_max,
        stalled=stalled,
    )
    if stalled is not None:
        _log.warning("StrategyTakenOut", strategy=stalled.actor, seq=stalled.seq)
        remove_note(store.path)  # the header of the new journal has it now
    if not resumed.is_first_start:
        _log.info(
            "RunResumed",
            epoch=resumed.epoch,
            seq=resumed.system.machine.seq,
            inputs_replayed=resumed.replayed,
            orders_to_ask=len(resumed.orders_to_ask),
            took_s=round(time.perf_counter() - begun_s, 3),
        )
    return resumed


def require_same_account(
    name: str, header: JournalHeader, settings: RunSettings, environment: str
) -> None:
    """Refuses a journal that was written for another account, or by another kind of run.

    Raises:
        JournalError: names what differs.
    """
    if header.environment != environment:
        raise JournalError(
            f"{name}: the journal is of a {header.environment} run, this is a {environment} run: "
            "give each a journal.directory of its own"
        )
    account = account_of(header)
    if account != settings.account.id:
        raise JournalError(
            f"{name}: the journal is of account {account!r}, the configuration is for account "
            f"{settings.account.id!r}: give each account a journal.directory of its own"
        )


def account_of(header: JournalHeader) -> str:
    """The account that a journal's configuration names."""
    configuration: dict[str, Any] = json.loads(header.configuration)
    account: dict[str, Any] = configuration.get("account", {})
    return str(account.get("id", "default"))
