"""``run_paper``: decides as the backtest does, stops in order, and keeps its journals apart."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchestrion.adapters import assembly
from orchestrion.adapters.backtest import run_backtest
from orchestrion.adapters.journal.journal_directory import JournalDirectory
from orchestrion.adapters.journal.sqlite_journal import SqliteJournal
from orchestrion.adapters.journal.sqlite_reader import SqliteJournalReader
from orchestrion.adapters.process.paper import run_paper
from orchestrion.adapters.process.stop_request import StopRequest
from orchestrion.adapters.replay import replay_journal
from orchestrion.adapters.result import RunResult
from orchestrion.adapters.session import TradingSession
from orchestrion.adapters.settings import load_settings
from orchestrion.domain.models.market import MarketSlice
from orchestrion.runtime.errors import JournalError
from orchestrion.runtime.journal import Record

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "three_strategies.yaml"
SHORT: dict[str, Any] = {
    "strategy": "MEAN_REVERSION_EQUITY",
    "account": {"id": "paper-1", "capital": 100_000},
    "data": {"source": "bundled", "series": ["stocks"], "end": "2014-06-30"},
}


@pytest.mark.slow
def test_paper_at_full_speed_decides_exactly_as_the_backtest_of_the_example(
    tmp_path: Path, anyio_backend: str
) -> None:
    settings = load_settings(EXAMPLE, ["data.end=2014-12-31"])
    backtest = run_backtest(settings, journal_path=None)
    paper = run_paper(
        settings, directory=tmp_path / "journals", stop=StopRequest(), backend=anyio_backend
    )

    assert paper.decision_hash == backtest.decision_hash
    assert paper.total.fills == backtest.total.fills > 0
    figures = [
        [msgspec.structs.replace(book, status="") for book in (*run.books, run.total)]
        for run in (paper, backtest)
    ]
    assert figures[0] == figures[1]
    assert (paper.environment, paper.journal) == ("paper", str(tmp_path / "journals"))


def test_journal_of_a_paper_run_has_its_data_and_its_end_and_replays(tmp_path: Path) -> None:
    settings = load_settings(SHORT)
    result = run_paper(settings, directory=tmp_path / "j", stop=StopRequest())
    (path,) = sorted((tmp_path / "j").glob("*.sqlite"))
    reader = SqliteJournalReader(path)
    assert reader.trailer is not None
    assert reader.trailer.decision_hash == result.decision_hash
    assert sum(one.name == "MarketSlice" for one in reader.records()) > 100
    assert replay_journal(path).identical


def test_run_that_is_stopped_before_it_begins_ends_in_order(
    tmp_path: Path, anyio_backend: str
) -> None:
    stop = StopRequest()
    stop.note("SIGTERM")
    result = run_paper(
        load_settings(SHORT), directory=tmp_path / "j", stop=stop, backend=anyio_backend
    )
    assert result.rounds == 0


def other_account(config: dict[str, Any]) -> dict[str, Any]:
    return {**config, "account": {**config["account"], "id": "paper-2"}}


def test_journal_of_another_account_is_refused(tmp_path: Path) -> None:
    run_paper(load_settings(SHORT), directory=tmp_path / "j", stop=StopRequest())
    before = sorted((tmp_path / "j").iterdir())
    with pytest.raises(JournalError, match=r"account 'paper-1'.*account 'paper-2'"):
        run_paper(load_settings(other_account(SHORT)), directory=tmp_path / "j", stop=StopRequest())
    assert sorted((tmp_path / "j").iterdir()) == before


def test_journal_of_another_environment_is_refused(tmp_path: Path) -> None:
    store = JournalDirectory(tmp_path / "j")
    settings = load_settings(SHORT)
    store.begin(assembly.journal_header(settings, assembly.data_source(settings), "live")).close()
    store.close()
    with pytest.raises(JournalError, match="of a live run"):
        run_paper(settings, directory=tmp_path / "j", stop=StopRequest())


def test_second_process_is_refused_while_the_first_has_the_journals(tmp_path: Path) -> None:
    store = JournalDirectory(tmp_path / "j")
    try:
        with pytest.raises(JournalError, match="another writer"):
            run_paper(load_settings(SHORT), directory=tmp_path / "j", stop=StopRequest())
    finally:
        store.close()


# -- going on -------------------------------------------------------------------------------------

BUSY: dict[str, Any] = {
    "account": {"capital": 500_000},
    "strategies": {
        "MEAN_REVERSION_EQUITY": {"allocation_pct": 50},
        "MOMENTUM_FUTURES": {"allocation_pct": 50, "config": {"leverage": 2.0}},
    },
    "data": {"source": "bundled", "series": ["stocks", "futures", "index"], "end": "2014-09-30"},
}
MISHAPS = {
    "latency_max_ms": 30_000,
    "reject_pct": 5,
    "cancel_reject_pct": 5,
    "partial_fill_pct": 30,
}


class CrashError(BaseException):
    """Nothing in the program catches it."""


def crash_at(monkeypatch: pytest.MonkeyPatch, records: int, *, loses_unsynced: bool) -> None:
    """The process dies when so many records more are to be appended."""
    left = records
    append, close = SqliteJournal.append, SqliteJournal.close

    def appending(self: SqliteJournal, record: Record) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise CrashError
        append(self, record)

    def closing(self: SqliteJournal) -> None:
        if left <= 0 and loses_unsynced:
            self._buffer.clear()
        close(self)

    monkeypatch.setattr(SqliteJournal, "append", appending)
    monkeypatch.setattr(SqliteJournal, "close", closing)


def outcome_of(result: RunResult) -> list[object]:
    """What must not depend on interruptions; curves begin anew with each process."""
    books = [
        (one.book_id, one.realized_pnl, one.fees, one.turnover, one.orders, one.fills)
        for one in (*result.books, result.total)
    ]
    return [result.decision_hash, result.decisions, books]


@pytest.mark.slow
@pytest.mark.parametrize("paper", [{}, MISHAPS], ids=["ideal", "mishaps"])
@pytest.mark.parametrize("seed", range(4))
def test_paper_run_that_crashed_at_any_record_goes_on_as_if_it_had_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, paper: dict[str, Any], seed: int
) -> None:
    settings = load_settings({**BUSY, "paper": paper, "seed": seed})
    undisturbed = run_paper(settings, directory=tmp_path / "whole", stop=StopRequest())

    draws = random.Random(seed)  # noqa: S311
    for _ in range(6):
        with monkeypatch.context() as patches:
            crash_at(patches, draws.randint(1, 120), loses_unsynced=draws.random() < 0.5)
            with pytest.raises(BaseException) as raised:  # noqa: PT011 - a group of one, or bare
                run_paper(settings, directory=tmp_path / "parts", stop=StopRequest())
        assert "CrashError" in repr(raised.value)
    result = run_paper(settings, directory=tmp_path / "parts", stop=StopRequest())

    assert outcome_of(result) == outcome_of(undisturbed)
    assert undisturbed.total.fills > 20


@pytest.mark.slow
@pytest.mark.parametrize("paper", [{}, MISHAPS], ids=["ideal", "mishaps"])
def test_paper_run_that_was_stopped_goes_on_as_if_it_had_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, paper: dict[str, Any]
) -> None:
    settings = load_settings({**BUSY, "paper": paper})
    undisturbed = run_paper(settings, directory=tmp_path / "whole", stop=StopRequest())
    publish = TradingSession.publish
    for rounds in (1, 7, 30):
        stop, left = StopRequest(), [rounds]

        async def publishing(
            self: TradingSession,
            market_slice: MarketSlice,
            stop: StopRequest = stop,
            left: list[int] = left,
        ) -> None:
            left[0] -= 1
            if not left[0]:
                stop.make("test")
            await publish(self, market_slice)

        with monkeypatch.context() as patches:
            patches.setattr(TradingSession, "publish", publishing)
            run_paper(settings, directory=tmp_path / "parts", stop=stop)
    result = run_paper(settings, directory=tmp_path / "parts", stop=StopRequest())

    assert outcome_of(result) == outcome_of(undisturbed)
    segments = sorted((tmp_path / "parts").glob("*.sqlite"))
    readers = [SqliteJournalReader(path) for path in segments]
    assert [one.header.epoch for one in readers] == [0, 1, 2, 3]
    assert all(one.trailer is not None for one in readers)


@pytest.mark.slow
def test_journal_that_has_grown_is_followed_by_the_next_one_and_the_run_goes_on(
    tmp_path: Path,
) -> None:
    grown = {**BUSY, "journal": {"segment_records_max": 150}}
    undisturbed = run_paper(load_settings(BUSY), directory=tmp_path / "whole", stop=StopRequest())
    settings = load_settings(grown)
    stop = StopRequest()
    stop.note("SIGTERM")
    run_paper(settings, directory=tmp_path / "parts", stop=stop)
    result = run_paper(settings, directory=tmp_path / "parts", stop=StopRequest())

    assert outcome_of(result) == outcome_of(undisturbed)
    assert len(list((tmp_path / "parts").glob("*.sqlite"))) > 4


def test_run_that_has_ended_is_not_begun_again(tmp_path: Path) -> None:
    settings = load_settings(SHORT)
    run_paper(settings, directory=tmp_path / "j", stop=StopRequest())
    with pytest.raises(JournalError, match="has ended"):
        run_paper(settings, directory=tmp_path / "j", stop=StopRequest())
