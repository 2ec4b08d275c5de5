"""The public face: every name loads, and what tools read agrees with what Python loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import orchestrion
from orchestrion import domain

FACE = Path(__file__).resolve().parents[2] / "orchestrion" / "__init__.py"


@pytest.mark.parametrize("name", orchestrion.__all__)
def test_public_name_loads(name: str) -> None:
    assert getattr(orchestrion, name) is not None


@pytest.mark.parametrize("name", domain.__all__)
def test_domain_name_loads(name: str) -> None:
    assert getattr(domain, name) is not None


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Orchestra'"):
        _ = orchestrion.Orchestra


def test_names_for_type_checkers_are_the_names_that_load() -> None:
    imported = {
        (f"{node.module}", alias.name)
        for node in ast.walk(ast.parse(FACE.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("orchestrion.")
        for alias in node.names
    }
    assert {*orchestrion._MODULE_OF, "__version__"} == {*orchestrion.__all__}
    table = {(f"orchestrion.{module}", name) for name, module in orchestrion._MODULE_OF.items()}
    assert imported == table


def test_import_of_the_face_loads_no_room() -> None:
    code = (
        "import sys, orchestrion; "
        "print([m for m in sys.modules if m.startswith('orchestrion.')], 'pydantic' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[] False"
