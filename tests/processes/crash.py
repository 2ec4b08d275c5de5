"""The long form of the process suites, with figures as a table.

    python -m tests.processes.crash                     everything, with the published counts
    python -m tests.processes.crash --kills 200 --only kills
    python -m tests.processes.crash --page docs/reliability.md
    python -m tests.processes.crash --kills 80 --only kills --seed 7 --keep figures.jsonl

What one call finds is lost when it is cut off, so the counts can be reached in parts: each call
adds its figures to the kept file, and the table is that of all of them; give each its own seed.

A fault is printed with its seed, run and cycle. Real processes on a real clock are not repeatable
to the instant; a seed repeats the draws. Exit code 1 when anything was found.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from tests.processes.crash_suites import (
    Figures,
    fill_disk,
    kill_at_points,
    kill_at_random,
    planted,
    suspend,
    terminate,
    terminate_twice,
)

MARKERS = ("<!-- process suites: begin -->", "<!-- process suites: end -->")
TMPFS_SIZE = "4m"


def main() -> int:
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="orchestrion-crash-"))
    found: list[Figures] = []
    with _small_file_system() as tmpfs:
        for name, suite in _suites(options, tmpfs).items():
            if options.only and name not in options.only:
                continue
            begun_s = time.monotonic()
            figures = suite(folder / name)
            found.append(figures)
            if options.keep:
                keep(Path(options.keep), figures)
            taken_s = time.monotonic() - begun_s
            click.echo(f"{figures.name}: {figures.cycles} cycles, {taken_s:.0f} s", err=True)
            for fault in figures.faults:
                click.echo(f"  FAULT {fault}", err=True)
            if figures.faults:
                click.echo(f"  kept in {folder / name}", err=True)
            else:
                shutil.rmtree(folder / name)
    if options.keep:
        found = kept_in(Path(options.keep))
    table = render(found, " ".join(["python -m tests.processes.crash", *sys.argv[1:]]))
    click.echo(table)
    if options.page:
        write_page(Path(options.page), table)
    return 1 if any(one.faults for one in found) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Kills, signals and full disks against live runs.")
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--per-failpoint", type=int, default=20)
    parser.add_argument("--terms", type=int, default=200)
    parser.add_argument("--double-terms", type=int, default=50)
    parser.add_argument("--stops", type=int, default=50)
    parser.add_argument("--disks", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", metavar="SUITE", help="kills, points, ...")
    parser.add_argument("--keep", metavar="FILE", help="adds the figures to those of this file")
    parser.add_argument("--page", help="puts the table between the markers of this page")
    return parser.parse_args()


def _suites(
    options: argparse.Namespace, tmpfs: Path | None
) -> dict[str, Callable[[Path], Figures]]:
    seed = options.seed
    suites: dict[str, Callable[[Path], Figures]] = {
        "kills": lambda folder: kill_at_random(folder, options.kills, seed),
        "points": lambda folder: kill_at_points(folder, options.per_failpoint, seed),
        "terms": lambda folder: terminate(folder, options.terms, seed),
        "double-terms": lambda folder: terminate_twice(folder, options.double_terms, seed),
        "stops": lambda folder: suspend(folder, options.stops, seed),
        "planted": lambda folder: planted(folder, 3, seed),
        "disk-limit": lambda folder: fill_disk(folder, options.disks, seed),
    }
    if tmpfs is not None:
        suites["disk-full"] = lambda folder: fill_disk(folder, options.disks, seed, tmpfs=tmpfs)
    return suites


@contextmanager
def _small_file_system() -> Iterator[Path | None]:
    """A file system that is soon full, where we may make one."""
    place = Path(tempfile.mkdtemp(prefix="orchestrion-small-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={TMPFS_SIZE}", "tmpfs", str(place)]
    is_made = shutil.which("mount") is not None
    is_made = is_made and subprocess.run(mount, check=False, capture_output=True).returncode == 0
    try:
        yield place if is_made else None
    finally:
        if is_made:
            subprocess.run(["umount", str(place)], check=False)
        place.rmdir()


def keep(file: Path, figures: Figures) -> None:
    """Adds a suite's figures to a file of them."""
    with file.open("a") as lines:
        lines.write(json.dumps(asdict(figures)) + "\n")


def kept_in(file: Path) -> list[Figures]:
    """All that were kept, one for each suite."""
    found: dict[str, Figures] = {}
    for line in file.read_text().splitlines():
        one = Figures(**json.loads(line))
        found.setdefault(one.name, Figures(one.name)).add(one)
    return list(found.values())


def render(found: list[Figures], command: str) -> str:
    """A Markdown table, the command that made it, and the machine."""
    head = (
        "| suite | cycles | restarts that had to reach RUNNING | reached | orders at the venue | "
    )
    head += "slowest | faults | besides |\n|---|---|---|---|---|---|---|---|"
    rows = [
        f"| {one.name} | {one.cycles} | {one.starts} | {one.reached} | {one.accepted} | "
        f"{one.slowest_s:.2f} s | {len(one.faults)} | {_notes(one)} |"
        for one in found
    ]
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"
    python = f"Python {platform.python_version()}"
    return "\n".join([head, *rows, "", f"`{command}` on {machine}, {python}."])


def _notes(figures: Figures) -> str:
    return ", ".join(f"{note}: {count}" for note, count in sorted(figures.notes.items()))


def write_page(page: Path, table: str) -> None:
    """Puts the table between the page's markers."""
    begin, end = MARKERS
    text = page.read_text()
    head, _, rest = text.partition(begin)
    _, _, tail = rest.partition(end)
    page.write_text(f"{head}{begin}\n\n{table}\n\n{end}{tail}")


if __name__ == "__main__":
    sys.exit(main())
