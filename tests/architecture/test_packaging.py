"""The package mapping, the links and the folders must say the same."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
ROOMS = ("actors", "adapters", "domain", "runtime")


def test_every_package_on_disk_is_declared() -> None:
    on_disk = {"orchestrion", "orchestrion.testing"}
    for room in ROOMS:
        for init in (ROOT / room).rglob("__init__.py"):
            on_disk.add(".".join(("orchestrion", *init.parent.relative_to(ROOT).parts)))
    assert set(SETUPTOOLS["packages"]) == on_disk


def test_mapping_names_each_room() -> None:
    expected = {"orchestrion": "orchestrion"} | {f"orchestrion.{name}": name for name in ROOMS}
    assert SETUPTOOLS["package-dir"] == expected


@pytest.mark.parametrize("room", ROOMS)
def test_link_points_at_the_room(room: str) -> None:
    link = ROOT / "orchestrion" / room
    if not link.is_symlink():
        pytest.skip("checkout without symbolic links")
    assert link.readlink() == Path("..") / room


def test_only_orchestrion_is_importable_outside_the_checkout(tmp_path: Path) -> None:
    names = ", ".join(repr(name) for name in ROOMS)
    code = (
        "import importlib.util as u, orchestrion.domain\n"
        f"print([n for n in ({names},) if u.find_spec(n)])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
