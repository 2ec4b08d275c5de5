"""``orchestrion compat`` over real runs: books, journals, refusals, and its page of the docs."""

from __future__ import annotations

import io
import json
import os
import re
import runpy
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing, redirect_stdout
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrion import Orchestrion, Strategy, load_settings, run_backtest
from orchestrion.adapters.compatibility import REFUSED, analyse
from orchestrion.adapters.compatibility_history import past_of_backtest, past_of_journal
from orchestrion.adapters.report.compatibility_document import to_json
from orchestrion.adapters.report.compatibility_pairs import numbers_of
from orchestrion.domain.capital.return_history import EquityPoint
from orchestrion.domain.compatibility.history import InstrumentDay, MarginPeak, StrategyHistory
from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.market import Bar, MarketSlice
from orchestrion.domain.models.money import to_e9
from orchestrion.domain.models.strategy import StrategyView
from orchestrion.runtime.errors import DivergenceError

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "three_strategies.yaml"
PAGE = ROOT / "docs" / "compatibility.md"
MONDAY = 735_239
"""2014-01-06."""


class BuysOnce(Strategy):
    """Ten shares at the first bar, sold at the third."""

    lots = 10
    count = 0

    def on_event(self, event: MarketSlice, view: StrategyView) -> list[SubmitOrder] | None:
        self.count += 1
        if self.count == 1:
            return [view.buy("ACME", self.lots)]
        if self.count == 3 and (sell := view.close("ACME")):
            return [sell]
        return None


class Idle(Strategy):
    """Holds cash."""

    def on_event(self, event: MarketSlice, view: StrategyView) -> None:
        return None


class Broken(Strategy):
    """Fails whenever it is asked."""

    def on_event(self, event: MarketSlice, view: StrategyView) -> None:
        raise ZeroDivisionError("oops")


BARS = """\
ts_event,ts_open,open,high,low,close
2014-01-06T21:00:00Z,2014-01-06T14:30:00Z,100,101,99,100
2014-01-07T21:00:00Z,2014-01-07T14:30:00Z,102,106,101,105
2014-01-08T21:00:00Z,2014-01-08T14:30:00Z,104,111,103,110
2014-01-09T21:00:00Z,2014-01-09T14:30:00Z,108,109,106,107
2014-01-10T21:00:00Z,2014-01-10T14:30:00Z,107,108,105,106
"""


def bars() -> list[Bar]:
    """The same five days, one bar after the other."""
    shown: list[Bar] = []
    for line in BARS.splitlines()[1:]:
        end, start, *prices = line.split(",")
        ts_event, ts_open = (
            int(datetime.fromisoformat(one).timestamp()) * 1_000_000_000 for one in (end, start)
        )
        opened, high, low, close = (to_e9(Decimal(price)) for price in prices)
        shown.append(Bar("ACME", ts_open, ts_event, opened, high, low, close))
    return shown


@pytest.fixture
def small(tmp_path: Path) -> dict[str, Any]:
    """Five days of one share; one strategy buys once, one does nothing."""
    bars = tmp_path / "acme.csv"
    bars.write_text(BARS)
    return {
        "account": {"capital": 10_000},
        "data": {
            "source": "files",
            "files": [{"path": str(bars), "instrument_id": "ACME"}],
            "instruments": [{"kind": "equity", "instrument_id": "ACME"}],
        },
        "execution": {"commission": {"equity": {}}, "slippage": {"equity": {}}},
        "strategies": {
            "BUYER": {"strategy": f"{__name__}:BuysOnce", "allocation_pct": 50},
            "IDLE": {"strategy": f"{__name__}:Idle", "allocation_pct": 50},
        },
    }


# Decided at Monday's close, so bought at Tuesday's open; decided on Wednesday, sold on Thursday.
BY_HAND = StrategyHistory(
    equity=tuple(
        EquityPoint(MONDAY + day, Decimal(equity))
        for day, equity in enumerate((5000, 5030, 5080, 5060, 5060))
    ),
    instrument_days=(
        InstrumentDay(MONDAY + 1, "ACME", Decimal(10), bought=Decimal(10)),
        InstrumentDay(MONDAY + 2, "ACME", Decimal(10)),
        InstrumentDay(MONDAY + 3, "ACME", Decimal(0), sold=Decimal(10)),
    ),
    # Ten shares bind their price: at Tuesday's close, at Wednesday's, and overnight.
    margin_peaks=tuple(
        MarginPeak(MONDAY + day, Decimal(amount))
        for day, amount in enumerate((0, 1050, 1100, 1100, 0))
    ),
)


def test_past_of_a_small_backtest_is_that_of_a_calculation_by_hand(small: dict[str, Any]) -> None:
    past = past_of_backtest(load_settings(small))
    assert list(past.histories) == ["BUYER", "IDLE"]
    assert past.histories["BUYER"] == BY_HAND
    idle = past.histories["IDLE"]
    assert [point.equity for point in idle.equity] == [Decimal(5000)] * 5
    assert (idle.instrument_days, idle.option_expiries) == ((), ())
    assert past.origin == "a backtest (data: bar files, 2014-01-06 to 2014-01-10)"


def test_past_in_a_journal_is_that_of_the_run(small: dict[str, Any], tmp_path: Path) -> None:
    settings, path = load_settings(small), tmp_path / "run.sqlite"
    run_backtest(settings, journal_path=path)
    past = past_of_journal(path)
    assert past.histories == past_of_backtest(settings).histories
    assert past.origin == f"the backtest run in a journal ({path}, 2014-01-06 to 2014-01-10)"


@pytest.mark.anyio
async def test_past_of_a_paper_run_is_in_its_own_journal(
    small: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "paper.sqlite"
    small["data"] = {"source": "feed", "instruments": small["data"]["instruments"]}
    async with Orchestrion.from_config(small, journal=path) as orchestrion:
        for bar in bars():
            await orchestrion.publish(bar)
    past = past_of_journal(path)
    assert past.histories["BUYER"] == BY_HAND
    assert past.origin.startswith("the paper run in a journal (")


@pytest.mark.anyio
async def test_journal_that_was_cut_off_is_read_as_far_as_it_goes(
    small: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "paper.sqlite"
    small["data"] = {"source": "feed", "instruments": small["data"]["instruments"]}
    async with Orchestrion.from_config(small, journal=path) as orchestrion:
        for bar in bars()[:4]:
            await orchestrion.publish(bar)
        cut_off = tmp_path / "cut_off.sqlite"
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(cut_off)) as copy:
            source.backup(copy)
    # It is durable up to Wednesday's order; by then two days had closed.
    assert past_of_journal(cut_off).histories["BUYER"].equity == BY_HAND.equity[:2]


def test_journal_that_would_be_decided_otherwise_today_is_refused(
    small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.sqlite"
    run_backtest(load_settings(small), journal_path=path)
    monkeypatch.setattr(BuysOnce, "lots", 11)
    with pytest.raises(DivergenceError, match="quantity"):
        past_of_journal(path)


def test_too_short_a_past_is_told_with_its_days_and_gives_no_figure(small: dict[str, Any]) -> None:
    analysis = analyse(load_settings(small))
    (pair,) = analysis.report.pairs
    assert (pair.figures.common_days, pair.figures.returns) == (5, 4)
    assert (pair.figures.pearson, pair.figures.joint_drawdown) == (None, None)
    gaps = {one.rule: one.message for one in analysis.report.gaps}
    assert "4 daily returns (5 common days), 60 daily returns" in gaps["return_correlation"]


def test_strategies_that_the_journal_does_not_know_are_named(
    small: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "run.sqlite"
    run_backtest(load_settings(small), journal_path=path)
    small["strategies"]["OTHER"] = small["strategies"].pop("IDLE")
    analysis = analyse(load_settings(small), journal_path=path)
    assert analysis.notes == ("nothing is known of the past of OTHER",)
    assert analysis.report.strategy_ids == ("BUYER", "OTHER")


def test_strategy_that_failed_on_the_way_is_named(small: dict[str, Any]) -> None:
    small["strategies"]["IDLE"]["strategy"] = f"{__name__}:Broken"
    assert analyse(load_settings(small)).notes == (
        "IDLE did not trade to the end of the backtest, it is quarantined",
    )


def test_refused_start_is_judged_without_a_backtest(small: dict[str, Any]) -> None:
    small["strategies"]["IDLE"]["minimum_capital"] = 6_000
    analysis = analyse(load_settings(small))
    assert analysis.origin == REFUSED
    assert analysis.report.findings[0].rule == "minimum_capital"
    assert not analysis.report.is_compatible


def test_one_strategy_is_not_run_at_all(small: dict[str, Any]) -> None:
    del small["strategies"]["IDLE"]
    small["promote_lone_strategy"] = True
    small["strategies"]["BUYER"]["strategy"] = f"{__name__}:Idle"
    analysis = analyse(load_settings(small), progress=lambda *_: pytest.fail("it was run"))
    assert (analysis.report.is_compatible, analysis.origin) == (True, "")


# -- the example --------------------------------------------------------------------------------


def merged(content: dict[str, Any], lines: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with some lines pasted into it."""
    return content | {
        key: merged(content[key], value) if isinstance(content.get(key), dict) else value
        for key, value in lines.items()
    }


def test_recommendations_of_the_example_do_what_they_say() -> None:
    content = yaml.safe_load(EXAMPLE.read_text())
    before = analyse(load_settings(content), has_history=False)
    document = to_json(before.report)
    answered = [(one["rule"], one["yaml"]) for one in document["recommendations"] if one["yaml"]]
    assert answered
    for rule, lines in answered:
        changed = load_settings(merged(content, yaml.safe_load(lines)))
        after = analyse(changed, has_history=False).report
        assert rule in [one.rule for one in before.report.findings]
        assert rule not in [one.rule for one in after.findings]


@pytest.mark.slow
def test_page_shows_what_the_command_prints() -> None:
    shown = re.search(
        r"<!-- output: orchestrion ([^>]*) -->\n```\n(.*?)```\n", PAGE.read_text(), re.DOTALL
    )
    assert shown is not None
    verb, example = shown[1].split()
    run = subprocess.run(
        [sys.executable, "-m", "orchestrion", verb, str(ROOT / example)],
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    lines = [line.rstrip() for line in run.stdout.splitlines()]
    assert lines == shown[2].splitlines()
    assert max(map(len, lines)) <= 100


@pytest.mark.slow
def test_journal_of_the_example_tells_the_same_as_its_backtest(tmp_path: Path) -> None:
    content = yaml.safe_load(EXAMPLE.read_text()) | {
        "data": {"source": "bundled", "end": "2014-06-30"}
    }
    settings, path = load_settings(content), tmp_path / "run.sqlite"
    result = run_backtest(settings, journal_path=path)
    by_journal, by_backtest = (analyse(settings, journal_path=one) for one in (path, None))
    assert by_journal.report == by_backtest.report
    histories = past_of_journal(path).histories
    for book in result.books[:3]:
        history = histories[book.book_id]
        closes = [point.equity for point in book.equity_curve[1:]]  # without the start
        assert [point.equity for point in history.equity] == closes
        assert all(point.flow == 0 for point in history.equity)
    assert histories["OPTIONS_MONTHLY_WEEKLY_HEDGE"].option_expiries
    assert len(numbers_of(by_journal.report)) == 3


# -- the page -------------------------------------------------------------------------------------


def test_page_lists_every_rule() -> None:
    table = runpy.run_path(str(ROOT / "scripts" / "refresh_compatibility_page.py"))["rules_table"]()
    assert f"<!-- rules -->\n{table}<!-- /rules -->" in PAGE.read_text()


def test_rule_of_the_page_runs_as_written() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(code, "page", "exec"), {})  # noqa: S102 - our own page
    assert printed.getvalue() == "['TREND and DIP both have priority 0']\n"


def test_command_says_no_with_the_report_on_stdout(small: dict[str, Any], tmp_path: Path) -> None:
    small["strategies"]["IDLE"]["minimum_capital"] = 6_000
    (tmp_path / "small.json").write_text(json.dumps(small))
    run = subprocess.run(
        [sys.executable, "-m", "orchestrion", "compat", "small.json", "--json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2, run.stderr
    document = json.loads(run.stdout)
    assert document["is_compatible"] is False
    assert document["recommendations"]
