"""The command line with a hand-made engine: verbs, exit codes, and what goes to which stream."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

import msgspec
import pytest

from orchestrion.adapters.cli.command import Session
from orchestrion.adapters.cli.engine import Engine
from orchestrion.adapters.cli.exit_code import ExitCode
from orchestrion.adapters.settings import library
from orchestrion.domain.errors import ConfigurationError, MarketDataError
from orchestrion.runtime.errors import ActorFailedError, JournalDamagedError
from tests.fakes_engine import DIVERGED, IDENTICAL, FakeEngine, analysis_of
from tests.unit.domain.compatibility.lineup_builders import candidate

Run: TypeAlias = Callable[..., tuple[int, str, str]]


# -- backtest -----------------------------------------------------------------------------------


def test_backtest_prints_the_report_and_nothing_else(run: Run, config: str) -> None:
    code, out, err = run("backtest", config)
    assert code == ExitCode.OK
    assert "ACCOUNT" in out
    assert "ab" * 32 in out
    assert err == ""


def test_backtest_json_is_one_document_with_exact_money(run: Run, config: str) -> None:
    code, out, err = run("backtest", config, "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document["name"] == "mine"
    assert document["total"]["final_equity"] == "1020.00"


def test_backtest_hands_settings_overrides_and_backend_on(run: Run, config: str) -> None:
    engine = FakeEngine()
    run("backtest", config, "--set", "seed=7", "--set", "account.capital=9", "--backend", "trio",
        engine=engine)  # fmt: skip
    assert engine.settings is not None
    assert engine.settings.seed == 7
    assert engine.settings.account.capital == Decimal(9)
    assert engine.backend == "trio"


def test_environment_overrides_the_file(
    run: Run, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = FakeEngine()
    monkeypatch.setenv("ORCHESTRION_SET", "seed=8")
    run("backtest", config, engine=engine)
    assert engine.settings is not None
    assert engine.settings.seed == 8


def test_default_journal_lies_in_journals_under_the_name_of_the_file(run: Run, config: str) -> None:
    run("backtest", config)
    (journal,) = Path("journals").iterdir()
    assert journal.name.startswith("mine-20")
    assert journal.suffix == ".sqlite"


def test_second_run_gets_a_journal_of_its_own(run: Run, config: str) -> None:
    for _ in range(3):
        run("backtest", config)
    assert len(list(Path("journals").iterdir())) == 3


def test_journal_goes_where_it_was_asked_for(run: Run, config: str) -> None:
    engine = FakeEngine()
    code, out, _ = run("backtest", config, "--journal", "a/b.sqlite", engine=engine)
    assert code == 0
    assert engine.journal_path == Path("a/b.sqlite")
    assert "Journal: a/b.sqlite" in out


def test_existing_journal_is_never_overwritten(run: Run, config: str) -> None:
    Path("old.sqlite").write_text("old")
    engine = FakeEngine()
    code, out, err = run("backtest", config, "--journal", "old.sqlite", engine=engine)
    assert (code, out) == (ExitCode.BAD_JOURNAL, "")
    assert "old.sqlite exists" in err
    assert engine.settings is None
    assert Path("old.sqlite").read_text() == "old"


def test_faulty_configuration_runs_nothing_and_changes_nothing(run: Run, faulty: str) -> None:
    engine = FakeEngine()
    code, out, err = run("backtest", faulty, engine=engine)
    assert (code, out) == (ExitCode.BAD_INPUT, "")
    assert "2 faults" in err
    assert "did you mean STRANGLE?" in err
    assert "Traceback" not in err
    assert engine.settings is None
    assert [one.name for one in Path().iterdir()] == [faulty]


def test_run_that_fails_before_it_writes_leaves_no_folder(run: Run, config: str) -> None:
    error = MarketDataError("bars.csv, line 7: high is below low")
    code, _, err = run("backtest", config, engine=FakeEngine(error=error))
    assert code == ExitCode.BAD_INPUT
    assert "line 7" in err
    assert not Path("journals").exists()


def test_remark_about_the_settings_goes_to_stderr(run: Run) -> None:
    Path("half.yaml").write_text(
        "strategies: {STRANGLE: {allocation_pct: 50}, IRON_CONDOR: {allocation_pct: 40}}"
    )
    code, out, err = run("backtest", "half.yaml")
    assert code == 0
    assert err == "note: 10 % of the capital stay in reserve\n"
    assert "note:" not in out


def test_strategy_beside_the_configuration_is_found(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "deep"
    folder.mkdir()
    (folder / "beside_the_file.py").write_text(
        "from orchestrion.domain.models.strategy import Strategy\nclass Mine(Strategy): pass\n"
    )
    (folder / "own.yaml").write_text("strategy: beside_the_file:Mine\n")
    engine = FakeEngine()
    assert run("backtest", "deep/own.yaml", engine=engine)[0] == 0
    assert engine.settings is not None
    assert engine.settings.strategy == "beside_the_file:Mine"


FAILURES: dict[str, tuple[BaseException, int, str]] = {
    "configuration": (ConfigurationError("incompatible: A and B"), 2, "incompatible: A and B"),
    "market data": (MarketDataError("a hole"), 2, "a hole"),
    "journal": (JournalDamagedError("record 5 is altered"), 3, "record 5 is altered"),
    "run": (ActorFailedError("auditor", 7, ValueError("0.01")), 1, "'auditor' failed at input 7"),
    "bug": (ZeroDivisionError("oops"), 1, "internal error: ZeroDivisionError: oops"),
    "ctrl-c": (KeyboardInterrupt(), 130, "interrupted"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_failure_is_one_block_on_stderr_and_a_documented_code(
    case: str, run: Run, config: str
) -> None:
    error, expected, words = FAILURES[case]
    code, out, err = run("backtest", config, engine=FakeEngine(error=error))
    assert (code, out) == (expected, "")
    assert words in err
    assert "Traceback" not in err


@pytest.mark.parametrize("case", FAILURES)
def test_failure_with_json_is_one_document_too(case: str, run: Run, config: str) -> None:
    error, expected, words = FAILURES[case]
    code, out, _ = run("backtest", config, "--json", engine=FakeEngine(error=error))
    assert code == expected
    document = json.loads(out)["error"]
    assert document["exit_code"] == expected
    assert words in document["message"]


@pytest.mark.parametrize("arguments", [("--debug", "backtest"), ("backtest", "--debug")])
def test_debug_shows_the_traceback_and_keeps_the_code(
    arguments: tuple[str, ...], run: Run, config: str
) -> None:
    engine = FakeEngine(error=MarketDataError("a hole"))
    code, out, err = run(*arguments, config, engine=engine)
    assert (code, out) == (ExitCode.BAD_INPUT, "")
    assert "Traceback" in err
    assert "a hole" in err


def test_missing_backend_is_refused_with_the_command_that_helps(
    run: Run, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code, _, err = run("backtest", config, "--backend", "trio")
    assert code == ExitCode.BAD_INPUT
    assert "orchestrion[trio]" in err


# -- replay -------------------------------------------------------------------------------------


@pytest.fixture
def journal() -> str:
    Path("run.sqlite").write_text("journal")
    return "run.sqlite"


def test_identical_replay_says_so(run: Run, journal: str) -> None:
    code, out, err = run("replay", journal)
    assert (code, err) == (0, "")
    assert out == f"identical: 9 decisions, hash {'ab' * 32}\n"


def test_replay_of_a_cut_off_journal_says_how_far_it_goes(run: Run, journal: str) -> None:
    outcome = msgspec.structs.replace(IDENTICAL, is_complete=False)
    code, out, _ = run("replay", journal, engine=FakeEngine(outcome=outcome))
    assert code == 0
    assert "cut off" in out


def test_divergence_names_seq_field_then_and_now(run: Run, journal: str) -> None:
    code, out, _ = run("replay", journal, engine=FakeEngine(outcome=DIVERGED))
    assert code == ExitCode.FAILED
    assert out.splitlines() == [
        "diverged at seq 41, ApprovedCommand.reservation",
        "  then: 100.00",
        "  now:  90.00",
    ]


def test_divergence_as_json(run: Run, journal: str) -> None:
    code, out, _ = run("replay", journal, "--json", engine=FakeEngine(outcome=DIVERGED))
    assert code == ExitCode.FAILED
    document = json.loads(out)
    assert document["identical"] is False
    assert document["divergence"]["seq"] == 41


@pytest.mark.parametrize("name", ["nowhere.sqlite", "."])
def test_journal_that_is_not_there_is_unusable(name: str, run: Run) -> None:
    code, out, err = run("replay", name)
    assert (code, out) == (ExitCode.BAD_JOURNAL, "")
    assert name in err


# -- validate -----------------------------------------------------------------------------------


def test_valid_configuration_is_ok_with_a_summary(run: Run, config: str) -> None:
    code, out, err = run("validate", config)
    assert (code, err) == (0, "")
    assert out.startswith("ok: mine.yaml\nSINGLE mode, capital 5,000.00 USD, data bundled\n")


def test_valid_configuration_as_json_has_every_default(run: Run, config: str) -> None:
    code, out, _ = run("validate", config, "--json")
    assert code == 0
    assert json.loads(out)["settings"]["seed"] == 0


SHARED = (candidate("A", underlyings=("SPX",)), candidate("B", underlyings=("SPX",)))


def test_findings_below_error_are_told_in_short(run: Run, config: str) -> None:
    engine = FakeEngine(analysis=analysis_of(*SHARED))
    code, out, err = run("validate", config, engine=engine)
    assert (code, err) == (0, "")
    assert out.index("ok: mine.yaml") < out.index("WARNING 100% of the capital is on underlying")
    assert out.index("WARNING") < out.index("INFO A and B share SPX [shared_underlyings]")


def test_findings_stand_in_the_json_too(run: Run, config: str) -> None:
    engine = FakeEngine(analysis=analysis_of(*SHARED))
    findings = json.loads(run("validate", config, "--json", engine=engine)[1])["findings"]
    assert [one["rule"] for one in findings if one["severity"] == "warning"] == [
        "concentration_underlying"
    ]
    assert json.loads(run("validate", config, "--json")[1])["findings"] == []


def test_every_fault_is_told_with_path_and_line(run: Run, faulty: str) -> None:
    code, out, err = run("validate", faulty)
    assert (code, out) == (ExitCode.BAD_INPUT, "")
    assert err.splitlines() == [
        "orchestrion: the configuration cannot be used: 2 faults",
        "faulty.yaml",
        "  strategy (line 1)",
        "      unknown strategy 'STRANGEL'; did you mean STRANGLE?",
        "  sed (line 2)",
        "      unknown key; did you mean seed?",
    ]


def test_faults_as_json(run: Run, faulty: str) -> None:
    code, out, _ = run("validate", faulty, "--json")
    assert code == ExitCode.BAD_INPUT
    faults = json.loads(out)["error"]["faults"]
    assert [one["path"] for one in faults] == ["strategy", "sed"]
    assert faults[1]["place"] == "line 2"


def test_strategies_that_do_not_fit_together_are_refused(run: Run, config: str) -> None:
    engine = FakeEngine(error=ConfigurationError("incompatible strategies: A, B"))
    code, _, err = run("validate", config, engine=engine)
    assert code == ExitCode.BAD_INPUT
    assert "incompatible strategies: A, B" in err


def test_validate_takes_overrides(run: Run, config: str) -> None:
    code, _, err = run("validate", config, "--set", "seed=-1")
    assert code == ExitCode.BAD_INPUT
    assert "seed (--set)" in err


# -- strategies and schema ----------------------------------------------------------------------


def test_strategies_lists_the_library(run: Run) -> None:
    code, out, _ = run("strategies")
    assert code == 0
    for name in library():
        assert name in out.splitlines()


def test_one_strategy_is_listed_alone(run: Run) -> None:
    code, out, _ = run("strategies", "IRON_CONDOR", "--json")
    assert code == 0
    assert [one["name"] for one in json.loads(out)] == ["IRON_CONDOR"]


def test_unknown_strategy_is_refused_with_advice(run: Run) -> None:
    code, out, err = run("strategies", "IRON_CONDR")
    assert (code, out) == (ExitCode.BAD_INPUT, "")
    assert "did you mean IRON_CONDOR?" in err


def test_schema_is_printed_as_json(run: Run) -> None:
    code, out, _ = run("schema")
    assert code == 0
    assert json.loads(out)["title"] == "orchestrion configuration"


# -- usage --------------------------------------------------------------------------------------

VERBS = ("backtest", "replay", "validate", "compat", "strategies", "schema")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb: str, run: Run) -> None:
    code, out, _ = run(verb, "--help")
    assert code == 0
    assert f"orchestrion {verb}" in out.partition("Example")[2]


def test_help_lists_verbs_and_exit_codes(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    for words in (*VERBS, "Exit codes:", "130  interrupted"):
        assert words in out


USAGE: dict[str, tuple[str, ...]] = {
    "unknown verb": ("bcktest",),
    "missing file": ("backtest",),
    "unknown option": ("validate", "--jsn", "a.yaml"),
    "unknown backend": ("backtest", "a.yaml", "--backend", "curio"),
}


@pytest.mark.parametrize("case", USAGE)
def test_bad_usage_is_exit_code_2(case: str, run: Run) -> None:
    code, out, err = run(*USAGE[case])
    assert (code, out) == (ExitCode.BAD_INPUT, "")
    assert "Usage: orchestrion" in err


def test_version_is_the_packages(run: Run) -> None:
    code, out, _ = run("--version")
    assert code == 0
    assert "0.1.0" in out


def test_starting_imports_nothing_heavy() -> None:
    """What keeps ``orchestrion --help`` quick; a time would depend on the machine."""
    heavy = "{'pydantic', 'rich', 'yaml', 'structlog', 'anyio', 'msgspec', 'sqlite3', 'numpy'}"
    program = (
        f"import sys, orchestrion.adapters.cli.main; print(sorted({heavy} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout == "[]\n"


def test_module_runs_as_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "orchestrion", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.startswith("orchestrion, version")


def test_real_engine_is_the_default() -> None:
    assert type(Session().engine) is Engine
