"""``orchestrion compat``: the report always, the exit code by its verdict, and its options."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from orchestrion.adapters.cli.exit_code import ExitCode
from orchestrion.domain.errors import MarketDataError
from orchestrion.runtime.errors import DivergenceError
from tests.fakes_engine import FakeEngine, analysis_of
from tests.unit.domain.compatibility.lineup_builders import candidate

Run: TypeAlias = Callable[..., tuple[int, str, str]]


def fitting() -> FakeEngine:
    return FakeEngine(analysis=analysis_of(candidate("A"), candidate("B")))


def clashing() -> FakeEngine:
    first, second = candidate("A", exclusive_instruments=("X",)), candidate("B", instruments=("X",))
    return FakeEngine(analysis=analysis_of(first, second))


def test_report_of_strategies_that_fit_is_exit_code_0(run: Run, config: str) -> None:
    code, out, err = run("compat", config, engine=fitting())
    assert (code, err) == (ExitCode.OK, "")
    assert out.startswith("2 strategies: compatible")
    assert "Judged without a past." in out


def test_error_finding_is_the_code_of_a_bad_configuration_after_the_report(
    run: Run, config: str
) -> None:
    code, out, err = run("compat", config, engine=clashing())
    assert (code, err) == (ExitCode.BAD_INPUT, "")
    assert out.startswith("2 strategies: NOT compatible: a run would be refused")
    assert "A wants X for itself, B trades it too" in out


@pytest.mark.parametrize(("engine", "expected"), [(fitting(), 0), (clashing(), 2)])
def test_json_is_one_document_with_the_verdict(
    engine: FakeEngine, expected: int, run: Run, config: str
) -> None:
    code, out, err = run("compat", config, "--json", engine=engine)
    assert (code, err) == (expected, "")
    document = json.loads(out)
    assert document["is_compatible"] is (expected == 0)
    assert document["error"] is None
    assert [one["figures"]["common_days"] for one in document["pairs"]] == [0]


def test_history_is_asked_for_unless_it_is_declined(run: Run, config: str) -> None:
    engine = fitting()
    run("compat", config, engine=engine)
    assert (engine.has_history, engine.journal_path) == (True, None)
    run("compat", config, "--no-history", engine=engine)
    assert (engine.has_history, engine.journal_path) == (False, None)


def test_journal_is_handed_on(run: Run, config: str) -> None:
    Path("run.sqlite").write_text("journal")
    engine = fitting()
    assert run("compat", config, "--journal", "run.sqlite", engine=engine)[0] == 0
    assert (engine.has_history, engine.journal_path) == (True, Path("run.sqlite"))


def test_overrides_reach_the_analysis(run: Run, config: str) -> None:
    engine = fitting()
    run("compat", config, "--set", "seed=7", engine=engine)
    assert engine.settings is not None
    assert engine.settings.seed == 7


@pytest.mark.parametrize("name", ["nowhere.sqlite", "."])
def test_journal_that_is_not_there_is_unusable(name: str, run: Run, config: str) -> None:
    engine = fitting()
    code, out, err = run("compat", config, "--journal", name, engine=engine)
    assert (code, out) == (ExitCode.BAD_JOURNAL, "")
    assert name in err
    assert engine.settings is None


def test_journal_without_history_is_bad_usage(run: Run, config: str) -> None:
    code, out, err = run("compat", config, "--no-history", "--journal", "run.sqlite")
    assert (code, out) == (ExitCode.BAD_INPUT, "")
    assert "exclude each other" in err


DIVERGED = DivergenceError(seq=4, name="DecisionRecord", field="size", then="1", now="2")
FAILURES = {
    "no data": (MarketDataError("a hole"), ExitCode.BAD_INPUT, "a hole"),
    "other decisions": (DIVERGED, ExitCode.FAILED, "seq 4"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_failure_is_told_and_no_report_is_printed(case: str, run: Run, config: str) -> None:
    error, expected, words = FAILURES[case]
    code, out, err = run("compat", config, engine=FakeEngine(error=error))
    assert (code, out) == (expected, "")
    assert words in err


def test_faulty_configuration_is_told_before_anything_is_run(run: Run, faulty: str) -> None:
    engine = fitting()
    code, out, err = run("compat", faulty, engine=engine)
    assert (code, out) == (ExitCode.BAD_INPUT, "")
    assert "did you mean STRANGLE?" in err
    assert engine.settings is None
