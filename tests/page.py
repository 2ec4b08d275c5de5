"""Tables of long suites, and their place in a page of docs/: between two markers.

<!-- seeds: begin -->
...
<!-- seeds: end -->
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path


class PageError(Exception):
    """A page that has no place for a table."""


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """In Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def machine() -> str:
    """What a figure was reached on."""
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"
    return f"{system}, Python {platform.python_version()}"


def write_page(page: Path, name: str, text: str) -> None:
    """Puts a text between the markers of this name.

    Raises:
        PageError: the page has no such markers.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    head, begun, rest = page.read_text().partition(begin)
    _, ended, tail = rest.partition(end)
    if not begun or not ended:
        raise PageError(f"{page} has no {begin!r} that is followed by {end!r}")
    page.write_text(f"{head}{begin}\n\n{text}\n\n{end}{tail}")
