"""Ours and the other engines on the same work, in turn, several times, in one run.

    python -m benchmarks.compare [--bars 200000] [--strategies 1,3,10,50] [--repeats 3]

First correctness: orders, fills and final equity of every engine are held against arithmetic in
whole cents (``workload.reference_run``), and ours against backtrader's, which has the same fill
rule. Then medians of the measurements, as CPU microseconds per (bar x strategy), and ours against
its budgets. Every measurement is a process of its own, in the engine's own environment.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.page import machine, machine_line, markdown_table, median, write_table
from benchmarks.setup_peers import FOLDER, ROOT, interpreter
from benchmarks.workload import (
    VARIANTS,
    Outcome,
    callbacks_of,
    instrument_count,
    is_multi,
    is_trading,
    reference_run,
    series_of,
)

CALLBACK_BUDGET_US = 0.5
EVENT_BUDGET_US = 1.5
ORDER_BUDGET_US = 20.0
AHEAD_TIMES = 10.0
RUN_TIMEOUT_S = 3600

OURS, PARQUET, FLOOR = "orchestrion", "orchestrion-parquet", "bare-loop"
PEERS = ("nautilus", "backtrader", "backtesting")
ENGINES = (OURS, PARQUET, *PEERS, FLOOR)
_DRIVERS: Mapping[str, tuple[str, ...]] = {
    OURS: ("orchestrion_driver",),
    PARQUET: ("orchestrion_driver", "--data", "parquet"),
    "nautilus": ("nautilus_driver",),
    "backtrader": ("backtrader_driver",),
    "backtesting": ("backtesting_driver",),
    FLOOR: ("bare_loop_driver",),
}
NOT_THE_SAME_WORK = """\
- Orchestrion keeps a book per strategy, judges every order by conflict rules, margin and budget,
  checks the books against an account ledger, and writes decisions and events to a SQLite journal.
  None of the others does any of this.
- NautilusTrader fills at the close of the bar that it has just processed, the others at the next
  open. Its bars become typed prices before the clock starts. The part of its analyzer that joins a
  table per closed position is taken out, in its favour.
- backtrader and NautilusTrader share one balance between all strategies.
- backtesting.py runs one strategy over one instrument: more are a loop inside it, without books,
  attribution or isolation. Its statistics and its progress bar are taken out.
- The bare loop calls the strategies and counts their orders: no fill, no money.
- Loading data is outside of the clock, except in the row that says Parquet."""


class Cell(NamedTuple):
    variant: str
    strategies: int


class Measured(NamedTuple):
    """All measurements of one engine in one cell."""

    engine: str
    cell: Cell
    lines: list[dict[str, Any]]

    @property
    def cpu_s(self) -> float:
        return median([float(line["cpu_s"]) for line in self.lines])

    @property
    def per_callback_us(self) -> float:
        return self.cpu_s / max(int(self.lines[0]["callbacks"]), 1) * 1e6


Results = dict[tuple[str, Cell], Measured]


def main() -> None:
    given = _arguments()
    engines = _available(given.engines, given.peers)
    cells = [Cell(variant, count) for variant in given.variants for count in given.strategies]
    about = machine()
    print(machine_line(about), flush=True)
    results = _measure(engines, cells, given)
    faults = check(results, given.bars)
    for fault in faults:
        print(f"WRONG: {fault}")
    content = "\n\n".join([machine_line(about), *_sections(results, given, faults)])
    print(f"\n{content}")
    if given.json is not None:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(_document(about, given, results, faults), indent=1))
    if faults:
        sys.exit(1)
    if given.page is not None:
        write_table(given.page, "compare", content)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compares engines on the same work.")
    parser.add_argument("--bars", type=int, default=200_000, help="over all instruments")
    parser.add_argument("--strategies", type=_numbers, default=[1, 3, 10, 50], metavar="1,3,10")
    parser.add_argument("--variants", type=_names(VARIANTS), default=["noop", "sma"])
    parser.add_argument("--engines", type=_names(ENGINES), default=list(ENGINES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peers", type=Path, default=FOLDER, help="where setup_peers put them")
    parser.add_argument("--json", type=Path, help="write all measurements there")
    parser.add_argument("--page", type=Path, help="put the tables into this page")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(one) for one in text.split(",")]


def _names(known: Sequence[str]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        given = text.split(",")
        for one in given:
            if one not in known:
                raise argparse.ArgumentTypeError(f"{one!r} is none of {', '.join(known)}")
        return given

    return names


# -- measuring ------------------------------------------------------------------------------------


def _available(wanted: Sequence[str], peers: Path) -> dict[str, Path]:
    """Engine -> the Python that has it; says which are left out."""
    found: dict[str, Path] = {}
    for name in wanted:
        python = interpreter(name, peers) if name in PEERS else Path(sys.executable)
        if python.exists():
            found[name] = python
        else:
            print(f"{name} is not installed, see benchmarks/setup_peers.py", flush=True)
    return found


def _measure(
    engines: Mapping[str, Path], cells: Sequence[Cell], given: argparse.Namespace
) -> Results:
    """In turn, so that what else the machine does meets all engines alike."""
    results: Results = {}
    for number in range(given.repeats):
        for cell in cells:
            for engine, python in engines.items():
                if engine == "backtesting" and is_multi(cell.variant):
                    continue
                line = run_driver(python, engine, cell, given.bars)
                measured = results.setdefault((engine, cell), Measured(engine, cell, []))
                measured.lines.append(line)
                print(
                    f"{number + 1}/{given.repeats} {engine} {cell.variant} S={cell.strategies}: "
                    f"{line['cpu_s']:.2f} s CPU",
                    flush=True,
                )
    return results


def run_driver(python: Path, engine: str, cell: Cell, bars: int) -> dict[str, Any]:
    """One measurement in a process of its own.

    Raises:
        SystemExit: the driver failed; its last words are shown.
    """
    module, *options = _DRIVERS[engine]
    command = [str(python), "-m", f"benchmarks.engines.{module}"]
    command += [str(cell.strategies), str(bars), cell.variant, *options]
    run = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False
    )
    if run.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{run.stderr[-3000:]}")
    line: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return line


# -- correctness ----------------------------------------------------------------------------------


def check(results: Results, bars: int) -> list[str]:
    """What does not agree with the reference; counts exactly, money to the cent."""
    faults: list[str] = []
    outcomes: dict[tuple[Cell, bool], Outcome] = {}
    for (engine, cell), measured in results.items():
        at_close = engine == "nautilus"
        expected = outcomes.get((cell, at_close))
        if expected is None:
            series = series_of(cell.variant, bars)
            expected = outcomes[cell, at_close] = reference_run(
                cell.variant, cell.strategies, series, fills_at_close=at_close
            )
        for line in measured.lines:
            faults += [f"{engine} {cell}: {fault}" for fault in _differences(line, expected)]
    return sorted(set(faults))


def _differences(line: Mapping[str, Any], expected: Outcome) -> list[str]:
    found = [("orders", line["orders"], expected.orders)]
    if line["equity"]:  # the bare loop fills nothing
        found.append(("fills", line["fills"], expected.fills))
        cents = round(float(line["equity"]) * 100)
        found.append(("equity in cents", cents, expected.equity_cents))
    return [f"{name} {is_}, must be {must}" for name, is_, must in found if is_ != must]


# -- tables ---------------------------------------------------------------------------------------


def _sections(results: Results, given: argparse.Namespace, faults: Sequence[str]) -> list[str]:
    sections = [_agreement(results, given.bars, faults)]
    for variant in given.variants:
        sections.append(f"### {_title(variant)}, {given.bars:,} bars: CPU us per (bar x strategy)")
        sections.append(_cost_table(results, variant, given.strategies))
        sections.append(f"Times as much CPU as ours, {variant}:")
        sections.append(_ratio_table(results, variant, given.strategies))
    budgets = _budget_rows(results, given)
    if budgets:
        sections += ["### Budgets", markdown_table(("budget", "at most", "measured", ""), budgets)]
    sections += [
        f"Medians of {given.repeats}. What is not the same work:",
        NOT_THE_SAME_WORK,
    ]
    return sections


def _title(variant: str) -> str:
    what = "the SMA workload" if is_trading(variant) else "strategies that do nothing"
    return f"{what}, ten instruments" if is_multi(variant) else what


def _agreement(results: Results, bars: int, faults: Sequence[str]) -> str:
    if faults:
        return "Orders, fills and equity do not agree: " + "; ".join(faults)
    counts = [
        f"{measured.lines[0]['orders']:,} at S = {cell.strategies} ({cell.variant})"
        for (engine, cell), measured in results.items()
        if engine == OURS and is_trading(cell.variant)
    ]
    engines = sorted({measured.engine for measured in results.values()})
    return (
        f"Orders, fills and final equity of {', '.join(engines)} agree with the reference, counts "
        f"exactly and money to the cent. Orders over {bars:,} bars: {', '.join(counts) or 'none'}."
    )


def _rows(results: Results, variant: str) -> list[str]:
    return list(dict.fromkeys(engine for engine, cell in results if cell.variant == variant))


def _cost_table(results: Results, variant: str, strategies: Sequence[int]) -> str:
    rows = [
        [_label(results, engine, variant)]
        + [
            f"{found.per_callback_us:.2f} ({found.lines[-1]['peak_mb']:.0f} MB)"
            if (found := results.get((engine, Cell(variant, count))))
            else ""
            for count in strategies
        ]
        for engine in _rows(results, variant)
    ]
    return markdown_table(("engine (peak memory)", *(f"S = {one}" for one in strategies)), rows)


def _label(results: Results, engine: str, variant: str) -> str:
    line = next(
        one.lines[0]
        for (name, cell), one in results.items()
        if name == engine and cell.variant == variant
    )
    return f"{line['engine']} {line['version']}".strip()


def _ratio_table(results: Results, variant: str, strategies: Sequence[int]) -> str:
    rows = [
        [_label(results, engine, variant)]
        + [_ratio(results, engine, Cell(variant, count)) for count in strategies]
        for engine in _rows(results, variant)
        if engine != OURS
    ]
    return markdown_table(("engine", *(f"S = {one}" for one in strategies)), rows)


def _ratio(results: Results, engine: str, cell: Cell) -> str:
    theirs, ours = results.get((engine, cell)), results.get((OURS, cell))
    return f"{theirs.cpu_s / ours.cpu_s:.2f}" if theirs and ours else ""


def _budget_rows(results: Results, given: argparse.Namespace) -> list[tuple[str, str, str, str]]:
    """Ours over the bare loop, and ours against the others."""
    rows: list[tuple[str, str, str, str]] = []

    def add(name: str, limit: float, value: float, *, unit: str) -> None:
        is_met = value <= limit
        rows.append((name, f"{limit:g} {unit}", f"{value:.2f} {unit}", "met" if is_met else "no"))

    fit = _callback_fit(results, given.bars)
    if fit is not None:
        fixed_us, callback_us = fit
        add("fixed per event", EVENT_BUDGET_US, fixed_us, unit="us")
        add("per callback that does nothing", CALLBACK_BUDGET_US, callback_us, unit="us")
    for count in given.strategies:
        order_us = _order_us(results, "", count)
        if order_us is not None:
            add(f"per order, S = {count}", ORDER_BUDGET_US, order_us, unit="us")
    for count in given.strategies:
        cell = Cell("sma", count)
        ours = results.get((OURS, cell))
        for peer, times in (("nautilus", AHEAD_TIMES), ("backtrader", AHEAD_TIMES)):
            theirs = results.get((peer, cell))
            if ours and theirs:
                share = ours.cpu_s / theirs.cpu_s
                add(f"share of {peer}, S = {count}", 1 / times, share, unit="of its CPU")
        theirs = results.get(("backtesting", cell))
        if ours and theirs:
            share = ours.cpu_s / theirs.cpu_s
            add(f"share of backtesting, S = {count}", 1.0, share, unit="of its CPU")
    return rows


def _over_the_floor(results: Results, cell: Cell) -> float | None:
    """CPU seconds of ours above the bare loop's."""
    ours, floor = results.get((OURS, cell)), results.get((FLOOR, cell))
    return ours.cpu_s - floor.cpu_s if ours and floor else None


def _callback_fit(results: Results, bars: int) -> tuple[float, float] | None:
    """Fixed us per event and us per callback: least squares over the numbers of strategies."""
    points = [
        (float(cell.strategies), over / (bars // instrument_count(cell.variant)) * 1e6)
        for engine, cell in results
        if engine == OURS
        and cell.variant == "noop"
        and (over := _over_the_floor(results, cell)) is not None
    ]
    if len(points) < 2:
        return None
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points)
    slope /= sum((x - mean_x) ** 2 for x, _ in points)
    return mean_y - slope * mean_x, slope


def _order_us(results: Results, prefix: str, strategies: int) -> float | None:
    """What an order costs beyond callbacks and strategy: sma less noop, both above the floor."""
    trading, idle = Cell(f"{prefix}sma", strategies), Cell(f"{prefix}noop", strategies)
    with_orders, without = _over_the_floor(results, trading), _over_the_floor(results, idle)
    if with_orders is None or without is None:
        return None
    orders = results[OURS, trading].lines[0]["orders"]
    return (with_orders - without) / orders * 1e6 if orders else None


def _document(
    about: Mapping[str, str], given: argparse.Namespace, results: Results, faults: Sequence[str]
) -> dict[str, Any]:
    return {
        "machine": about,
        "bars": given.bars,
        "repeats": given.repeats,
        "faults": list(faults),
        "not_the_same_work": NOT_THE_SAME_WORK.splitlines(),
        "measurements": [line for measured in results.values() for line in measured.lines],
        "callbacks": {
            f"{cell.variant} {cell.strategies}": callbacks_of(
                cell.variant, cell.strategies, given.bars
            )
            for _, cell in results
        },
    }


if __name__ == "__main__":
    main()
