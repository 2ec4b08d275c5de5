"""How long a fresh process takes to import Orchestrion and to print its help.

    python -m benchmarks.imports [--repeats 15]

Wall time of whole processes, medians; a Python that does nothing stands beside them. The first of
each is thrown away: it may have to compile.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.page import machine, machine_line, markdown_table, median, write_table
from benchmarks.setup_peers import ROOT

HELP_CODE = "from orchestrion.adapters.cli.main import main; main()"
COMMANDS: Mapping[str, tuple[Sequence[str], float | None]] = {
    "python that does nothing": (("-c", "pass"), None),
    "import orchestrion": (("-c", "import orchestrion"), 0.4),
    "from orchestrion import Orchestrion, run_backtest": (
        ("-c", "from orchestrion import Orchestrion, run_backtest"),
        None,
    ),
    "orchestrion --help": (("-c", HELP_CODE, "--help"), 0.5),
}
"""What is shown -> arguments of the interpreter, and the budget in seconds."""


def times_s(arguments: Sequence[str], repeats: int) -> list[float]:
    taken: list[float] = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True)
        taken.append(time.perf_counter() - started)
    return taken[1:]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures imports.")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--page", type=Path, help="put the table into this page")
    given = parser.parse_args()
    about = machine()
    rows: list[tuple[str, ...]] = []
    for name, (arguments, limit_s) in COMMANDS.items():
        middle = median(times_s(arguments, given.repeats))
        verdict = "" if limit_s is None else "met" if middle <= limit_s else "not met"
        shown_limit = "" if limit_s is None else f"{limit_s:g}"
        rows.append((f"`{name}`", f"{middle:.3f}", shown_limit, verdict))
    table = markdown_table(("process", "median s", "at most", ""), rows)
    content = f"{machine_line(about)}\n\n{table}"
    print(content)
    if given.page is not None:
        write_table(given.page, "imports", content)


if __name__ == "__main__":
    main()
