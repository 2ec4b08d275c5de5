"""Reads a run's journals from outside and holds them against the venue's own log.

Standard library only: nothing of the program that wrote them can mislead it. What was sent, what
was told and what was booked are added up here again from the records.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.processes.venue_checker import VenueTruth


@dataclass
class RunRecords:
    """All segments of a run, oldest first.

    Attributes:
        intents: client order id -> strategy, of orders; each id once per intent.
        fills: (client order id, trade id) -> strategy, instrument and signed quantity, first word
            only.
        chains: (segment, position) -> running hash, as it stands in the file.
        snapshots: bodies, in order.
        input_names: how many inputs there are of each kind.
        epochs: of the headers.
    """

    intents: list[tuple[str, str]] = field(default_factory=list)
    fills: dict[tuple[str, str], tuple[str, str, Decimal]] = field(default_factory=dict)
    chains: dict[tuple[str, int], str] = field(default_factory=dict)
    snapshots: list[Any] = field(default_factory=list)
    input_names: dict[str, int] = field(default_factory=dict)
    epochs: list[int] = field(default_factory=list)

    @classmethod
    def read(cls, directory: Path) -> RunRecords:
        found = cls()
        for path in sorted(directory.glob("*.sqlite")):
            if path.stat().st_size or path.with_name(path.name + "-wal").exists():
                found._read_segment(path)
        return found

    def _read_segment(self, path: Path) -> None:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as file:
            if not file.execute("SELECT 1 FROM sqlite_master WHERE name = 'header'").fetchone():
                return  # killed before the header
            (header,) = file.execute("SELECT body FROM header").fetchone()
            self.epochs.append(json.loads(header)["epoch"])
            rows = file.execute("SELECT position, kind, name, body, chain FROM records")
            for position, kind, name, body, chain in rows:
                self.chains[path.name, position] = chain.hex()
                if kind == "intent":
                    self._note_intent(json.loads(body))
                elif kind == "input":
                    self.input_names[name] = self.input_names.get(name, 0) + 1
                if kind == "input" and name == "OrderFilledReport":
                    self._note_fill(json.loads(body))
                elif kind == "snapshot":
                    self.snapshots.append(json.loads(body))

    def _note_intent(self, approved: dict[str, Any]) -> None:
        if approved["command"]["type"] == "SubmitOrder":
            self.intents.append((approved["client_order_id"], approved["strategy_id"]))

    def _note_fill(self, fill: dict[str, Any]) -> None:
        owners = dict(self.intents)
        key = (fill["client_order_id"], fill["trade_id"])
        sign = 1 if fill["side"] == "BUY" else -1
        owner = owners.get(fill["client_order_id"], "EXTERNAL")
        quantity = sign * Decimal(fill["last_qty"])
        self.fills.setdefault(key, (owner, fill["instrument_id"], quantity))

    def positions(self) -> dict[str, Decimal]:
        """Net quantities that are not zero, by instrument id, over all books."""
        total: dict[str, Decimal] = {}
        for _, instrument_id, quantity in self.fills.values():
            total[instrument_id] = total.get(instrument_id, Decimal(0)) + quantity
        return {one: quantity for one, quantity in sorted(total.items()) if quantity}


def faults_of(directory: Path, venue_log: Path, sync_log: Path) -> list[str]:
    """What must never be, at any instant: also right after a kill."""
    run, truth = RunRecords.read(directory), VenueTruth.read(venue_log)
    ids = [one for one, _ in run.intents]
    faults = [f"client id {one} was accepted twice" for one in truth.repeated_client_ids()]
    faults += [f"two intents have the id {one}" for one, n in Counter(ids).items() if n > 1]
    known = frozenset(ids)
    faults += [
        f"{one} reached the venue without an intent" for one in truth.accepted if one not in known
    ]
    faults += lost_records(run, sync_log)
    return faults


def lost_records(run: RunRecords, sync_log: Path) -> list[str]:
    """Records that were synced and are not there, or are others."""
    lost: list[str] = []
    lines = sync_log.read_text().splitlines() if sync_log.exists() else []
    for line in lines:
        parts = line.split()
        if len(parts) != 3 or len(parts[2]) != 64:
            continue  # the process was killed while it wrote this line
        segment, position, chain = parts[0], int(parts[1]), parts[2]
        if run.chains.get((segment, position)) != chain:
            lost.append(f"{segment}: position {position} was synced and is lost")
    return lost


def differences(directory: Path, venue_log: Path) -> list[str]:
    """What must be equal once nothing is in flight."""
    run, truth = RunRecords.read(directory), VenueTruth.read(venue_log)
    told = {trade_id for _, trade_id in run.fills}
    faults = [f"{one.trade_id} was never told" for one in truth.fills if one.trade_id not in told]
    if run.positions() != truth.positions():
        faults.append(f"journal holds {run.positions()}, venue {truth.positions()}")
    owners = {owner for owner, _, _ in run.fills.values()}
    if "EXTERNAL" in owners:
        faults.append("a fill of ours was given to nobody")
    return faults
