"""``orchestrion paper`` and ``live`` with a hand-made engine: refusals, words, arguments."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

import pytest

from orchestrion.adapters.cli.exit_code import ExitCode
from orchestrion.adapters.process.account_mismatch import AccountMismatchError
from orchestrion.domain.errors import PortUnavailableError
from orchestrion.domain.orchestration.reconciliation import Mismatch
from orchestrion.runtime.errors import JournalError
from tests.fakes_engine import FakeEngine

Run: TypeAlias = Callable[..., tuple[int, str, str]]
ACCEPTED = "--i-accept-live-orders"
LIVE = """\
strategy: STRANGLE
account: {id: main, capital: 5_000, limits: {leverage_max: 2}}
limits: {quantity_max: 7}
live:
  client: my.venue:Client
  client_config: {url: somewhere, key: "${VENUE_KEY}"}
"""


@pytest.fixture
def live_config() -> str:
    Path("mine.yaml").write_text(LIVE)
    return "mine.yaml"


def test_paper_prints_the_result_as_a_backtest_does(run: Run, config: str) -> None:
    engine = FakeEngine()
    code, out, _ = run("paper", config, engine=engine)
    assert code == ExitCode.OK
    assert "ACCOUNT" in out
    assert engine.directory == Path("journals/mine-paper").absolute()


def test_paper_json_is_one_document(run: Run, config: str) -> None:
    code, out, _ = run("paper", config, "--json", "--backend", "trio")
    assert code == ExitCode.OK
    assert json.loads(out)["name"] == "mine"


@pytest.mark.parametrize(
    ("arguments", "directory"),
    [
        ((), "journals/mine-paper"),
        (("--set", "journal.directory=there"), "conf/there"),
        (("--journal", "here"), "here"),
        (("--set", "journal.directory=there", "--journal", "here"), "here"),
    ],
)
def test_directory_is_asked_for_or_configured_or_named_after_the_file(
    run: Run, arguments: tuple[str, ...], directory: str
) -> None:
    Path("conf").mkdir()
    Path("conf/mine.yaml").write_text("strategy: STRANGLE\n")
    engine = FakeEngine()
    assert run("paper", "conf/mine.yaml", *arguments, engine=engine)[0] == ExitCode.OK
    assert engine.directory == Path(directory).absolute()


def test_file_in_the_place_of_the_directory_is_refused(run: Run, config: str) -> None:
    code, _, err = run("paper", config, "--journal", config)
    assert code == ExitCode.BAD_JOURNAL
    assert "needs a directory" in err


def test_refused_start_leaves_no_folder(run: Run, config: str) -> None:
    engine = FakeEngine(error=JournalError("another writer has this journal open"))
    code, _, err = run("paper", config, engine=engine)
    assert code == ExitCode.BAD_JOURNAL
    assert "another writer" in err
    assert not Path("journals").exists()


def test_live_without_the_flag_says_what_it_would_do_and_does_nothing(
    run: Run, live_config: str
) -> None:
    engine = FakeEngine()
    code, out, err = run("live", live_config, engine=engine)
    assert (code, out) == (ExitCode.BAD_INPUT, "")
    assert ACCEPTED in err
    assert engine.directory is None


def test_live_says_account_client_limits_and_strategies_before_it_starts(
    run: Run, live_config: str
) -> None:
    engine = FakeEngine(error=PortUnavailableError("the venue was not reached within 30 s"))
    code, _, err = run("live", live_config, ACCEPTED, engine=engine)
    assert code == ExitCode.FAILED
    before = err.partition("not reached")[0]
    for words in (
        "LIVE ORDERS for account 'main'",
        "my.venue:Client, configured with url, key",
        "journals/mine-live",
        "account: leverage_max 2",
        "STRANGLE: quantity_max 7",
        "5,000.00 USD",
    ):
        assert words in " ".join(before.split())
    assert "somewhere" not in err


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("strategy: STRANGLE\naccount: {capital: 5}\n", "live.client is missing"),
        ("strategy: STRANGLE\nlive: {client: 'a:B'}\n", "account.capital is missing"),
    ],
)
def test_live_refuses_to_start_without_client_or_capital(run: Run, config: str, words: str) -> None:
    Path("mine.yaml").write_text(config)
    engine = FakeEngine()
    code, _, err = run("live", "mine.yaml", ACCEPTED, engine=engine)
    assert code == ExitCode.BAD_INPUT
    assert words in err
    assert engine.directory is None


def test_live_hands_everything_on(
    run: Run, live_config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENUE_KEY", "s3cret")
    engine = FakeEngine()
    code, _, err = run("live", live_config, ACCEPTED, "--status-every", "3", engine=engine)
    assert code == ExitCode.OK
    assert engine.live_asked["status_every_s"] == 3
    assert engine.live_asked["environ"] is os.environ
    assert "s3cret" not in err


def test_handlers_of_signals_are_put_back_after_a_run(run: Run, config: str) -> None:
    before = signal.getsignal(signal.SIGTERM)
    run("paper", config)
    assert signal.getsignal(signal.SIGTERM) is before


# -- reconcile ------------------------------------------------------------------------------------


def test_reconcile_hands_assignments_on_as_exact_numbers(run: Run, live_config: str) -> None:
    engine = FakeEngine()
    code, out, _ = run(
        "reconcile", live_config, "--assign", "-3", "AAPL", "STRANGLE", "--assign", "0.5", "SPY",
        "EXTERNAL", "--price", "187.20", engine=engine,
    )  # fmt: skip
    assert code == ExitCode.OK
    assert "agree" in out
    price = Decimal("187.20")
    assert engine.live_asked["assignments"] == [
        (Decimal(-3), "AAPL", "STRANGLE", price),
        (Decimal("0.5"), "SPY", "EXTERNAL", price),
    ]


def test_reconcile_without_assignment_only_compares(run: Run, live_config: str) -> None:
    engine = FakeEngine()
    assert run("reconcile", live_config, engine=engine)[0] == ExitCode.OK
    assert engine.live_asked["assignments"] == []


@pytest.mark.parametrize("arguments", [("--assign", "three", "AAPL", "B"), ("--price", "dear")])
def test_reconcile_refuses_what_is_no_number(
    run: Run, live_config: str, arguments: tuple[str, ...]
) -> None:
    arguments = arguments if "--assign" in arguments else ("--assign", "1", "A", "B", *arguments)
    code, _, err = run("reconcile", live_config, *arguments)
    assert code == ExitCode.BAD_INPUT
    assert "is no number" in err


def test_account_that_differs_is_told_line_by_line(run: Run, live_config: str) -> None:
    engine = FakeEngine(error=AccountMismatchError([Mismatch("AAPL", "10", "7")]))
    code, _, err = run("reconcile", live_config, engine=engine)
    assert code == ExitCode.FAILED
    assert "the books and the account differ" in err
    assert "AAPL: ours 10, the venue's 7" in err
