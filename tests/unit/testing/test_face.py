"""The package as an author meets it: names, loading, and a test run of his own."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrion import testing

FACE = Path(__file__).resolve().parents[3] / "orchestrion" / "testing" / "__init__.py"
AUTHORS_FILE = '''
from orchestrion.domain.errors import PortUnavailableError
from orchestrion.domain.models.command import ApprovedCommand, CancelOrder
from orchestrion.domain.models.portfolio import PortfolioState
from orchestrion.testing import OrchestrationPortContract
from decimal import Decimal


class Careless:
    """Takes everything and says nothing."""

    def execute_commands(self, commands):
        if not all(isinstance(one, ApprovedCommand) for one in commands):
            raise TypeError("only ApprovedCommand may leave")

    def get_portfolio_state(self):
        return PortfolioState(0, Decimal(0))

    def take_reports(self):
        return ()


class TestCareless(OrchestrationPortContract):
    def make_port(self):
        return Careless()
'''


@pytest.mark.parametrize("name", testing.__all__)
def test_public_name_loads(name: str) -> None:
    assert getattr(testing, name) is not None


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'MockPort'"):
        _ = testing.MockPort


def test_names_for_type_checkers_are_the_names_that_load() -> None:
    imported = {
        (f"{node.module}", alias.name)
        for node in ast.walk(ast.parse(FACE.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("orchestrion.")
        for alias in node.names
    }
    table = {(f"orchestrion.testing.{one}", name) for name, one in testing._MODULE_OF.items()}

    assert imported == table
    assert sorted(testing.__all__) == sorted(testing._MODULE_OF) == dir(testing)


def test_scenario_needs_no_pytest() -> None:
    code = "import sys; from orchestrion.testing import Scenario; print('pytest' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert shown.stdout.strip() == "False"


@pytest.mark.slow
def test_three_lines_run_under_plain_pytest_and_show_what_differs(tmp_path: Path) -> None:
    (tmp_path / "test_careless.py").write_text(AUTHORS_FILE)
    command = [sys.executable, "-m", "pytest", "-W", "error", "-p", "no:anyio", "-rs", "-q"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert run.returncode == 1, run.stdout + run.stderr
    assert "test_order_is_accepted_once_under_its_id" in run.stdout
    assert "assert [] == ['accepted']" in run.stdout, "values are not shown"
    assert "TestCareless has no fill(): write it, or say why in `impossible`" in run.stdout
    assert "test_portfolio_is_well_formed" not in run.stdout, "that one should pass"
