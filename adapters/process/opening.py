"""Opens the journals of a run: a first start, or one that goes on where the last one stopped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from orchestrion.actors.system import TradingSystem
from orchestrion.adapters import assembly
from orchestrion.adapters.backtest import build_run
from orchestrion.adapters.data.source import DataSource
from orchestrion.adapters.settings import RunSettings
from orchestrion.domain.models.order import Order
from orchestrion.runtime.errors import JournalError
from orchestrion.runtime.journal import Journal, JournalHeader
from orchestrion.runtime.journal_store import JournalStore


@dataclass(frozen=True)
class OpenedRun:
    """A run whose journal is open.

    Attributes:
        last_slice_ts: time of the last market data that an earlier process played; None at a first
            start.
        open_orders: that may still be at the venue.
    """

    system: TradingSystem
    journal: Journal
    header: JournalHeader
    last_slice_ts: int | None = None
    open_orders: Sequence[Order] = ()

    @property
    def is_first_start(self) -> bool:
        return self.last_slice_ts is None


def open_run(
    settings: RunSettings, source: DataSource, store: JournalStore, environment: str
) -> OpenedRun:
    """Begins a run, or goes on with the one in the store.

    Raises:
        JournalError: the journals are of another account or environment, damaged, or of a newer
            format.
        ConfigurationError: the strategies do not fit together, or cannot be given capital.
    """
    segments = store.segments()
    for segment in segments:
        require_same_account(segment.name, segment.reader.header, settings, environment)
    if segments:
        raise JournalError(f"{segments[-1].name}: a run cannot be gone on with yet")
    header = assembly.journal_header(settings, source, environment)
    journal = store.begin(header)
    return OpenedRun(build_run(settings, source, journal, header), journal, header)


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
