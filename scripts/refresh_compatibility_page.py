"""Puts the rules and the real output of the example into docs/compatibility.md.

    python scripts/refresh_compatibility_page.py

Tests compare both; run this when a rule or the output changed on purpose.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from orchestrion.domain.compatibility.analysis import DEFAULT_RULES

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "compatibility.md"
RULES = re.compile(r"(<!-- rules -->\n).*?(<!-- /rules -->)", re.DOTALL)
OUTPUT = re.compile(r"(<!-- output: orchestrion ([^>]*) -->\n```\n).*?(```\n)", re.DOTALL)
COLUMNS = "100"


def rules_table() -> str:
    """All rules as a Markdown table, in the order in which they are asked."""
    rows = [
        "| id | about | severity | weight | passes at | why |",
        "|---|---|---|---|---|---|",
        *(
            f"| `{one.id}` | {one.scope} | {one.severity.upper()} | {one.weight:g} | "
            f"{one.pass_score:g} | {one.explanation} |"
            for one in DEFAULT_RULES
        ),
    ]
    return "\n".join(rows) + "\n"


def output_of(arguments: str) -> str:
    """What a command prints at 100 columns, without blanks at the ends of lines."""
    verb, example = arguments.split()
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(
            [sys.executable, "-m", "orchestrion", verb, str(ROOT / example)],
            cwd=folder,
            env={**os.environ, "COLUMNS": COLUMNS},
            capture_output=True,
            text=True,
            check=True,
        )
    return "".join(f"{line.rstrip()}\n" for line in run.stdout.splitlines())


def page() -> str:
    """The page as it should be now."""
    text = RULES.sub(lambda found: f"{found[1]}{rules_table()}{found[2]}", PAGE.read_text())
    return OUTPUT.sub(lambda found: f"{found[1]}{output_of(found[2])}{found[3]}", text)


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"{PAGE.name} refreshed")
