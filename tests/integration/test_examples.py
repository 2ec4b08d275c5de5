"""Examples, README and generated pages: what a new user reads is what the program does."""

from __future__ import annotations

import importlib.util
import re
import runpy
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from orchestrion.adapters.backtest import run_backtest
from orchestrion.adapters.replay import replay_journal
from orchestrion.adapters.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
OUTPUT = re.compile(
    r"<!-- output: orchestrion (?P<arguments>[^>]*) -->\n```\n(?P<shown>.*?)```\n", re.DOTALL
)
# What differs from run to run: how long it took, and when.
VOLATILE = re.compile(r"\d+\.\d s\b|-\d{8}T\d{6}Z")


def _orchestrion(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "orchestrion", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def _stable(text: str) -> list[str]:
    return [VOLATILE.sub("…", line.rstrip()) for line in text.splitlines()]


@pytest.mark.slow
def test_readme_shows_what_the_first_command_prints(tmp_path: Path) -> None:
    found = OUTPUT.search(README)
    assert found is not None
    verb, example = found["arguments"].split()
    shown = _orchestrion(verb, str(ROOT / example), cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert _stable(shown.stdout) == _stable(found["shown"])


@pytest.mark.slow
def test_single_strategy_example_runs_and_replays(tmp_path: Path) -> None:
    path = tmp_path / "single.sqlite"
    example = str(ROOT / "examples" / "single_strategy.yaml")
    run = _orchestrion("backtest", example, "--journal", str(path), cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    replayed = _orchestrion("replay", str(path), cwd=tmp_path)
    assert replayed.returncode == 0, replayed.stderr
    assert "identical" in replayed.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shows"),
    [
        ("risk_limits.yaml", "LIMIT_EXCEEDED"),
        ("netting.yaml", "OrdersCrossedEvent"),
        ("rebalancing.yaml", "CapitalRebalancedEvent"),
    ],
)
def test_example_shows_its_rules_at_work_and_replays(name: str, shows: str, tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    run_backtest(load_settings(ROOT / "examples" / name), journal_path=path)
    with closing(sqlite3.connect(path)) as journal:
        (found,) = journal.execute(
            "SELECT count(*) FROM records WHERE name = ? OR instr(CAST(body AS TEXT), ?)",
            (shows, shows),
        ).fetchone()
    assert found > 10
    assert replay_journal(path).identical


@pytest.mark.slow
def test_readme_strategy_runs_as_written(tmp_path: Path) -> None:
    blocks = re.findall(r"```(python|yaml)\n(.*?)```", README, re.DOTALL)
    (code,) = [text for kind, text in blocks if kind == "python" and "class Dip" in text]
    (config,) = [text for kind, text in blocks if kind == "yaml" and "dip:Dip" in text]
    (tmp_path / "dip.py").write_text(code)
    (tmp_path / "dip.yaml").write_text(config)
    run = _orchestrion("backtest", "dip.yaml", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert re.search(r"Dip +.* +[1-9]\d* +[1-9]\d* +0", run.stdout), run.stdout
    assert sum(1 for line in code.splitlines() if line.strip()) <= 20


@pytest.mark.slow
def test_strategy_of_the_guide_trades_and_restores(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "strategies.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    (tmp_path / "guide.py").write_text(code)
    config = "strategy: guide:Breakout\nconfig: {lookback_days: 10}\n"
    (tmp_path / "guide.yaml").write_text(config)
    run = _orchestrion("backtest", "guide.yaml", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert re.search(r"Breakout +.* +[1-9]\d* +[1-9]\d* +\d+", run.stdout), run.stdout
    assert "quarantined" not in run.stdout + run.stderr
    restored = runpy.run_path(str(tmp_path / "guide.py"))["Breakout"]()
    restored.restore({"closes": [1.0, 2.0]})
    assert restored.snapshot() == {"closes": [1.0, 2.0]}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_embedding_example_runs_the_same_on_both_event_loops(backend: str) -> None:
    run = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "embed_in_a_bot.py"), backend],
        capture_output=True,
        text=True,
        check=True,
    )
    *books, decisions = run.stdout.splitlines()[-3:]
    assert [line.split()[0] for line in books] == ["dip_buyer", "patient"]
    assert "paused (entries_blocked)" in books[0]
    assert decisions == "decisions 02ea57ba9e7ba10e"


def test_every_example_is_tested_here() -> None:
    named = Path(__file__).read_text() + README
    missing = [
        path.name
        for path in sorted((ROOT / "examples").iterdir())
        if path.suffix in {".py", ".yaml", ".toml", ".json"} and path.name not in named
    ]
    assert missing == []


def test_configuration_page_is_what_the_models_say() -> None:
    script = ROOT / "scripts" / "make_configuration_page.py"
    page = runpy.run_path(str(script))["page"]
    assert (ROOT / "docs" / "configuration.md").read_text() == page()


def test_links_between_pages_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert len(pages) >= 4
    assert broken == []


def test_package_is_installed_for_the_examples() -> None:
    assert importlib.util.find_spec("orchestrion") is not None
