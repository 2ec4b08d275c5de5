"""The benchmark scripts run, and their work is the one that their page describes. Nothing is timed
here."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BARS = 600
FIRST_BARS = [
    [1_704_067_260_000_000_000, 10000, 10010, 10000, 10004, 1326],
    [1_704_067_320_000_000_000, 10004, 10010, 10001, 10008, 1472],
    [1_704_067_380_000_000_000, 10008, 10008, 10002, 10003, 1444],
]
"""Drawn apart from the code, by the page's own words: close in ns, open, high, low, close in cents,
volume."""


def run_module(module: str, *arguments: object) -> str:
    """What a script of benchmarks/ prints, run the way its page says."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr + run.stdout
    return run.stdout


def reckoned(code: str) -> Any:
    """A value that the workload's own arithmetic gives, in a process that sees benchmarks/."""
    script = f"import json\nfrom benchmarks.workload import *\nprint(json.dumps({code}))"
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return json.loads(run.stdout)


def drive(driver: str, *arguments: object) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(run_module(f"engines.{driver}", *arguments).splitlines()[-1])
    return line


# --- the workload -------------------------------------------------------------------------------


def test_first_bars_are_those_that_the_page_describes() -> None:
    assert reckoned("price_bars(3)") == FIRST_BARS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategies", "bars", "orders"),
    [(10, 50_000, 16_786), (1, 200_000, 9_889)],
)
def test_orders_are_as_many_as_in_the_engines_that_were_compared(
    strategies: int, bars: int, orders: int
) -> None:
    outcome = f"reference_run('sma', {strategies}, series_of('sma', {bars}), fills_at_close=False)"
    assert reckoned(outcome)[0] == orders


def test_a_cross_needs_a_side_before_it() -> None:
    # Averages of 2 and 4 closes. Five closes fill both; the sums x 4 and x 2 give the sides.
    closes = [1.0, 1.0, 1.0, 1.0, 2.0, 1.0, 0.0, 0.0, 3.0, 3.0]
    # 2 + 1 above; 2 + 1 above; 1 + 0 below; 0 + 0 below; 0 + 3 above; 3 + 3 above
    expected = [0, 0, 0, 0, 0, 0, -1, 0, 1, 0]
    assert reckoned(f"[c.update(x) for c in [Cross(2, 4)] for x in {closes}]") == expected


# --- our run of it ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "options"),
    [("sma", ()), ("sma", ("--data", "parquet")), ("multi-sma", ()), ("noop", ())],
)
def test_our_orders_fills_and_equity_are_those_of_plain_arithmetic(
    variant: str, options: Sequence[str]
) -> None:
    bars = BARS * 10 if variant.startswith("multi") else BARS
    series = f"series_of({variant!r}, {bars})"
    run = f"reference_run({variant!r}, 3, {series}, fills_at_close=False)"
    orders, fills, profits = reckoned(run)
    line = drive("orchestrion_driver", 3, bars, variant, *options)
    assert (line["orders"], line["fills"], line["refused"]) == (orders, fills, 0)
    assert round(float(line["equity"]) * 100) == 10_000_000 * 100 + sum(profits)
    assert (orders > 0) == variant.endswith("sma")


def test_the_bare_loop_counts_the_same_orders() -> None:
    ours = drive("orchestrion_driver", 2, BARS, "sma")
    assert drive("bare_loop_driver", 2, BARS, "sma")["orders"] == ours["orders"] > 0


# --- the scripts --------------------------------------------------------------------------------


def page_with(tmp_path: Path, name: str) -> Path:
    page = tmp_path / "page.md"
    page.write_text(
        f"before\n<!-- table: {name} -->\nNot measured yet.\n<!-- end of table -->\nafter\n"
    )
    return page


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "arguments", "shown"),
    [
        (
            "compare",
            (
                "--bars=300",
                "--strategies=1,2",
                "--repeats=1",
                "--engines=orchestrion,bare-loop",
            ),
            "agree with the reference",
        ),
        ("micro", ("--count=40", "--repeats=1"), "a message told and handled"),
        (
            "growth",
            (
                "--kinds=sma",
                "--events=100,200",
                "--strategies=2",
                "--fixed-events=100",
                "--fixed-strategies=2",
                "--indexed=3",
                "--repeats=1",
            ),
            "3 instruments x 3 strategies",
        ),
        ("live_path", ("--loops=asyncio,trio", "--events=5"), "| trio | 10 orders | file |"),
        ("imports", ("--repeats=1",), "orchestrion --help"),
        (
            "recovery",
            ("--records=11000", "--starts=1", "--workloads=SmaCross"),
            "10,000, 7,",
        ),
        ("where", ("--bars=300", "--strategies=2"), "| together |"),
    ],
    ids=["compare", "micro", "growth", "live_path", "imports", "recovery", "where"],
)
def test_a_script_runs_and_puts_its_table_into_a_page(
    module: str, arguments: Sequence[str], shown: str, tmp_path: Path
) -> None:
    page = page_with(tmp_path, module)
    assert shown in run_module(module, *arguments, f"--page={page}")
    written = page.read_text()
    assert shown in written
    assert "Not measured yet" not in written
    assert written.startswith("before\n")
    assert written.endswith("after\n")


def test_the_table_of_recovery_has_a_place() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text()
    assert page.count("<!-- table: recovery -->") == 1


def test_every_table_of_the_performance_page_has_a_place() -> None:
    page = (ROOT / "docs" / "performance.md").read_text()
    for name in ("compare", "micro", "growth", "live_path", "imports", "where"):
        assert page.count(f"<!-- table: {name} -->") == 1
    assert page.count("<!-- end of table -->") == 6


@pytest.mark.slow
def test_a_profile_is_printed_sorted() -> None:
    assert "Ordered by: internal time" in run_module(
        "micro", "--only=order", "--count=40", "--profile"
    )
