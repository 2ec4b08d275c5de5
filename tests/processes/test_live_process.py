"""``orchestrion live`` as a process: its start, its end, and what it refuses.

The share of the long suites that runs with every test; ``make crash`` is the long form.
"""

from __future__ import annotations

import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from orchestrion.adapters.cli.exit_code import ExitCode
from tests.processes.crash_suites import (
    Arena,
    Figures,
    arena,
    kill_at_points,
    kill_at_random,
    limit_files,
    terminate,
)
from tests.processes.run_checker import RunRecords, faults_of
from tests.processes.venue_checker import VenueTruth

pytestmark = pytest.mark.slow


def clear_words(one: Arena) -> list[str]:
    """What it said to people: neither log lines nor the plan at the start."""
    lines = one.run.errors.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("orchestrion: "))
    return [line for line in lines[start:] if not line.startswith("{")]


def test_sigterm_ends_the_run_after_its_round(tmp_path: Path) -> None:
    with arena(tmp_path / "a", seed=1, plan="{}") as one:
        one.run.start()
        assert one.run.wait_running()
        time.sleep(1.0)
        sent_s = time.monotonic()
        assert one.run.stop() == ExitCode.OK
        assert time.monotonic() - sent_s < 5.0
        assert one.run.accepted_after_stop(one.venue.log) == []
        assert one.run.result["environment"] == "live"
        assert faults_of(one.run.journals, one.venue.log, one.run.sync_log) == []
        assert len(VenueTruth.read(one.venue.log).fills) > 5


def test_sigterm_while_the_venue_cannot_be_reached_ends_the_start(tmp_path: Path) -> None:
    with arena(tmp_path / "a", seed=0) as one:
        one.venue.stop()
        one.run.start()
        while not one.run.has_told("VenueNotReached"):
            assert one.run.is_alive, one.run.errors
            time.sleep(0.02)
        assert one.run.stop() == ExitCode.OK
        assert not one.run.is_running_told
        one.venue.start()


def test_venue_that_cannot_be_reached_ends_the_start_in_time(tmp_path: Path) -> None:
    with arena(tmp_path / "a", seed=0) as one:
        one.run.content["live"]["start_timeout_s"] = 0.3
        one.run.configure(one.run.content)
        one.venue.stop()
        one.run.start()
        assert one.run.wait() == ExitCode.FAILED
        assert "the venue was not reached within 0.3 s" in clear_words(one)
        one.venue.start()


def test_second_sigterm_ends_at_once_what_waits_for_the_venue(tmp_path: Path) -> None:
    with arena(tmp_path / "a", seed=0, plan='{"silent_after": 1.0}') as one:
        one.run.start()
        assert one.run.wait_running()
        while not VenueTruth.read(one.venue.log).accepted:
            time.sleep(0.02)
        one.run.signal(signal.SIGTERM)
        while not one.run.has_told("RunStopping"):
            time.sleep(0.02)
        sent_s = time.monotonic()
        one.run.signal(signal.SIGTERM)
        assert one.run.wait() == 128 + signal.SIGTERM
        assert time.monotonic() - sent_s < 1.0
        assert faults_of(one.run.journals, one.venue.log, one.run.sync_log) == []


def test_unanswered_submission_is_unknown_when_the_grace_is_over(tmp_path: Path) -> None:
    with arena(tmp_path / "a", seed=1, plan='{"silent_after": 1.0}') as one:
        one.run.start()
        assert one.run.wait_running()
        while not VenueTruth.read(one.venue.log).accepted:
            time.sleep(0.02)
        sent_s = time.monotonic()
        assert one.run.stop() == ExitCode.OK
        assert time.monotonic() - sent_s < 5.0
        assert "SubmissionLost" in RunRecords.read(one.run.journals).input_names


def test_process_that_was_suspended_goes_on(tmp_path: Path) -> None:
    with arena(tmp_path / "a", seed=0) as one:
        one.run.start()
        assert one.run.wait_running()
        one.run.signal(signal.SIGSTOP)
        time.sleep(1.0)
        before = len(VenueTruth.read(one.venue.log).accepted)
        one.run.signal(signal.SIGCONT)
        while len(VenueTruth.read(one.venue.log).accepted) == before:
            assert one.run.is_alive, one.run.errors
            time.sleep(0.02)
        assert one.run.stop() == ExitCode.OK


def test_second_process_on_the_journals_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with arena(tmp_path / "a", seed=0) as one:
        one.run.start()
        assert one.run.wait_running()
        (tmp_path / "b").mkdir()
        second = type(one.run)(tmp_path / "b", one.venue.port)
        second.journals = one.run.journals
        second.start()
        assert second.wait() == ExitCode.BAD_JOURNAL
        assert "another writer has this journal open" in second.errors
        assert one.run.stop() == ExitCode.OK


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA user_version=99")


def test_journals_that_are_not_ours_are_refused_in_clear_words(tmp_path: Path) -> None:
    with arena(tmp_path / "a", seed=0) as one:
        one.run.start()
        assert one.run.wait_running()
        one.run.stop()
        orders = VenueTruth.read(one.venue.log).accepted
        files = sorted(path.name for path in one.run.journals.iterdir())
        ours: dict[str, Any] = one.run.content

        one.run.start(verb="paper")
        require_refused(one, "is of a live run, this is a paper run")
        one.run.configure({**ours, "account": {**ours["account"], "id": "another"}})
        one.run.start()
        require_refused(one, "of account 'crash', the configuration is for account 'another'")
        one.run.configure(ours)
        newer(next(one.run.journals.glob("*.sqlite")))
        one.run.start()
        require_refused(one, "of format 99")

        assert sorted(path.name for path in one.run.journals.iterdir()) == files
        assert VenueTruth.read(one.venue.log).accepted == orders


def require_refused(one: Arena, words: str) -> None:
    assert one.run.wait() == ExitCode.BAD_JOURNAL
    assert any(words in line for line in clear_words(one)), one.run.errors


def test_full_disk_stops_trading_at_once(tmp_path: Path) -> None:
    with arena(tmp_path / "a", seed=0) as one:
        one.run.start(preexec_fn=limit_files(300_000))
        assert one.run.wait() == ExitCode.BAD_JOURNAL
        assert "the journal cannot be written" in " ".join(clear_words(one))
        assert faults_of(one.run.journals, one.venue.log, one.run.sync_log) == []


def test_account_that_holds_something_at_the_first_start_is_refused(tmp_path: Path) -> None:
    with arena(tmp_path / "a", seed=0) as one:
        taken_by_hand(one, "AAA", 3)
        one.run.start()
        assert one.run.wait() != ExitCode.OK
        assert "AAA" in " ".join(clear_words(one))
        assert VenueTruth.read(one.venue.log).accepted == ()


# -- going on after an end of any kind ------------------------------------------------------------


def test_pr_share_of_random_kills(tmp_path: Path) -> None:
    require_clean(kill_at_random(tmp_path / "kills", 2, seed=11))


def test_kill_at_the_worst_instants(tmp_path: Path) -> None:
    points = ("append.intent", "sync.after", "submit.sent", "report.received")
    figures = kill_at_points(tmp_path / "points", 1, seed=3, points=points, is_one_run=True)
    require_clean(figures)
    assert figures.notes == {}


def test_pr_share_of_signals(tmp_path: Path) -> None:
    require_clean(terminate(tmp_path / "terms", 2, seed=5, after_max_s=1.0))


def require_clean(figures: Figures) -> None:
    assert figures.faults == []
    assert figures.reached == figures.starts > 0


# -- settling by hand -----------------------------------------------------------------------------


def test_difference_keeps_the_run_from_starting_until_somebody_settles_it(tmp_path: Path) -> None:
    with arena(tmp_path / "a", seed=0, plan="{}") as one:
        one.run.content["live"]["start_timeout_s"] = 0.5
        one.run.content["live"]["cash_tolerance"] = None
        one.run.configure(one.run.content)
        one.run.start()
        assert one.run.wait_running()
        while not VenueTruth.read(one.venue.log).accepted:
            time.sleep(0.02)
        one.run.stop()
        taken_by_hand(one, "AAA", 3)

        one.run.start(is_quiet=True)
        assert one.run.wait() == ExitCode.FAILED
        words = " ".join(clear_words(one))
        assert "the books and the account differ" in words
        assert "AAA: ours" in words
        orders = VenueTruth.read(one.venue.log).accepted

        one.run.start(verb="reconcile", options=["--assign", "3", "AAA", "EXTERNAL"])
        assert one.run.wait() == ExitCode.OK, one.run.errors
        assert VenueTruth.read(one.venue.log).accepted == orders

        one.run.start(is_quiet=True)
        assert one.run.wait_running(), one.run.errors
        assert one.run.stop() == ExitCode.OK


def taken_by_hand(one: Arena, instrument_id: str, quantity: int) -> None:
    """A trade that the run never hears of: the venue has forgotten to tell it."""
    one.venue.tell(
        "external", instrument_id=instrument_id, side="BUY", quantity=str(quantity), is_silent=True
    )
