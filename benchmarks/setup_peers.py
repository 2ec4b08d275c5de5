"""Puts each engine that is compared with into an environment of its own.

    python benchmarks/setup_peers.py [--only NAME] [--folder FOLDER]

Nothing of theirs is needed to run or test Orchestrion. ``benchmarks.compare`` uses those that it
finds. This file imports nothing of ours, so that it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "peers"
"""Ignored by git."""
REQUIREMENTS: Mapping[str, str] = {
    "nautilus": "nautilus_trader==1.221.0",
    "backtrader": "backtrader==1.9.78.123",
    "backtesting": "backtesting==0.6.5",
}


def interpreter(name: str, folder: Path) -> Path:
    """Where the Python of a peer's environment is, or would be."""
    scripts = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    return folder.joinpath(name, *scripts)


def install(name: str, folder: Path) -> None:
    """Makes the environment of one peer anew."""
    print(f"{REQUIREMENTS[name]} -> {folder / name}", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder / name)], check=True)
    python = interpreter(name, folder)
    subprocess.run([python, "-m", "pip", "install", "--quiet", REQUIREMENTS[name]], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Installs the engines that are compared with.")
    parser.add_argument("--only", choices=REQUIREMENTS, help="install one")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    given = parser.parse_args()
    for name in [given.only] if given.only else REQUIREMENTS:
        try:
            install(name, given.folder)
        except subprocess.CalledProcessError as failure:
            print(f"{name} could not be installed: {failure}", file=sys.stderr)


if __name__ == "__main__":
    main()
