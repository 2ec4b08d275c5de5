"""Tables in Markdown, and their place in a page: between a marker and its end.

<!-- table: compare -->
...
<!-- end of table -->
"""

from __future__ import annotations

import os
import platform
import re
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

END = "<!-- end of table -->"


class PageError(Exception):
    """A page that has no place for a table."""


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The first column to the left, the others to the right."""
    lines = [_line(head), _line(["---", *["---:"] * (len(head) - 1)])]
    lines += [_line([str(cell) for cell in row]) for row in rows]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def write_table(page: Path, name: str, content: str) -> None:
    """Puts content between the markers of that name.

    Raises:
        PageError: the page has no such marker, or none that ends it.
    """
    text = page.read_text()
    marker = f"<!-- table: {name} -->"
    pattern = re.compile(f"{re.escape(marker)}\n.*?{re.escape(END)}", re.DOTALL)
    if not pattern.search(text):
        raise PageError(f"{page} has no {marker!r} that is followed by {END!r}")
    block = f"{marker}\n{content.strip()}\n{END}"
    page.write_text(pattern.sub(lambda _: block, text))


def machine() -> dict[str, str]:
    """What a measurement was made on."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(os.cpu_count()),
        "processor": _processor(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "load before": f"{load:.2f}",
    }


def machine_line(about: dict[str, str]) -> str:
    return "Measured on: " + ", ".join(f"{key} {value}" for key, value in about.items()) + "."


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", facts.read_text(), re.MULTILINE)
        if found is not None:
            return found[1].strip()
    return platform.processor() or "unknown"


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that so many percent do not exceed.

    Raises:
        ValueError: no values.
    """
    if not values:
        raise ValueError("a percentile needs values")
    ordered = sorted(values)
    place = -(-len(ordered) * percent // 100) - 1
    return ordered[max(place, 0)]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)
