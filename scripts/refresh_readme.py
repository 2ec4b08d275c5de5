"""Puts the real output of the README's first command into the README.

    python scripts/refresh_readme.py

A test compares the two; run this when the output changed on purpose.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = re.compile(r"(<!-- output: orchestrion ([^>]*) -->\n```\n).*?(```\n)", re.DOTALL)


def main() -> None:
    """Runs the command that the README names and writes what it printed."""
    readme = ROOT / "README.md"
    text = readme.read_text()
    found = OUTPUT.search(text)
    if found is None:
        sys.exit("README.md has no marked output")
    verb, example = found[2].split()
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(
            [sys.executable, "-m", "orchestrion", verb, str(ROOT / example)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
    readme.write_text(
        text[: found.start()] + found[1] + run.stdout + found[3] + text[found.end() :]
    )
    print("README.md refreshed")


if __name__ == "__main__":
    main()
