"""How large a live journal gets: a trading day of minute bars, as recorded.

python -m benchmarks.journal_size
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from orchestrion.adapters.journal.sqlite_journal import Durability, SqliteJournal
from orchestrion.domain.models.market import Bar, MarketSlice
from orchestrion.runtime.journal import JournalHeader, Record, RecordKind
from orchestrion.runtime.machine import encode

MINUTES = 390
INSTRUMENTS = 10
MINUTE_NS = 60_000_000_000
START_NS = 1_704_067_200_000_000_000


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "day.sqlite"
        journal = SqliteJournal(path, durability=Durability.FULL)
        journal.begin(
            JournalHeader(
                run_id="size",
                environment="live",
                seed=0,
                configuration="{}",
                configuration_sha256="",
                data_name="",
                data_sha256="",
                versions={},
            )
        )
        for minute in range(1, MINUTES + 1):
            ts, price = START_NS + minute * MINUTE_NS, 101_230_000_000 + minute
            items = tuple(
                Bar(f"STOCK{i}", ts - MINUTE_NS, ts, price, price, price, price, 10**12)
                for i in range(INSTRUMENTS)
            )
            body = encode(MarketSlice(ts, items))
            journal.append(Record(minute, RecordKind.INPUT, "MarketSlice", ts, body))
        journal.close()
        size_mb = path.stat().st_size / 1e6
    print(f"{MINUTES} minute bars of {INSTRUMENTS} instruments: {size_mb:.1f} MB")


if __name__ == "__main__":
    main()
