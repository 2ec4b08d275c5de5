"""The mutation tests' own machinery; the mutants themselves are a command of their own."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutation.areas import AREAS
from tests.mutation.operators import apply, mutants_of
from tests.mutation.run import ROOT, reasons

SOURCE = '''
LIMIT = 10
NAME = "a text"

def shown(one, other: int = 3) -> str:
    """A docstring with 1 number."""
    if one > 2 and not other:
        raise ValueError(f"{one + 1} is too much")
    for each in one:
        each.count += add(each, 1)
        continue
    return min(one, other)
'''
CHANGES = [
    "LIMIT = 10 → LIMIT = 11",
    "one > 2 and (not other) → one > 2 or not other",
    "one > 2 → one >= 2",
    "one > 2 → one <= 2",
    "one > 2 → one > 3",
    "not other → other",
    "raise ValueError(f'{one + 1} is too much') → pass",
    "each.count += add(each, 1) → pass",
    "each.count += add(each, 1) → each.count -= add(each, 1)",
    "add(each, 1) → subtract(each, 1)",
    "add(each, 1) → add(each, 2)",
    "add(each, 1) → add(each, 0)",
    "continue → break",
    "return min(one, other) → return None",
    "min(one, other) → max(one, other)",
]


def test_every_small_change_is_a_mutant_and_texts_and_defaults_are_left_alone() -> None:
    assert [one.change for one in mutants_of(SOURCE)] == CHANGES


def test_each_mutant_is_another_program_and_only_in_one_place() -> None:
    original = ast.unparse(ast.parse(SOURCE)).splitlines()
    for mutant in mutants_of(SOURCE):
        tree = apply(SOURCE, mutant)
        compile(tree, "mutant", "exec")
        changed = ast.unparse(tree).splitlines()
        assert len(changed) == len(original)
        (line,) = [now for then, now in zip(original, changed, strict=True) if then != now]
        assert line


def test_the_second_change_that_reads_the_same_says_so() -> None:
    source = "def f(a, b):\n    return (a < b, a < b)\n"
    changes = [one.change for one in mutants_of(source)]
    assert changes.count("a < b → a <= b") == changes.count("a < b → a <= b (2)") == 1


def test_modules_and_tests_of_every_area_are_there() -> None:
    for area in AREAS.values():
        assert [one for one in area.tests if not (ROOT / one).exists()] == []
        for module in area.modules:
            room, *rest = module.removeprefix("orchestrion.").split(".")
            assert ROOT.joinpath(room, *rest).with_suffix(".py").is_file()


def test_every_survivor_has_a_reason_of_a_mutated_module() -> None:
    modules = {module for area in AREAS.values() for module in area.modules}
    for (where, change), reason in reasons().items():
        assert where.partition(":")[0] in modules
        assert " → " in change
        assert reason


PROBE = """
import sys
from tests.mutation.areas import Area
from tests.mutation.run import run_area

area = Area(("orchestrion.adapters.journal.stage",), ("tests/unit/adapters/journal/{tests}",))
print([str(one.verdict) for one in run_area(area)])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="forks")
@pytest.mark.parametrize(
    ("tests", "verdicts"),
    [
        ("test_memory_journal.py", ["killed", "killed"]),
        ("test_writer_lock.py", ["not reached", "not reached"]),
    ],
)
def test_mutants_are_planted_and_judged_by_the_tests_of_their_area(
    tests: str, verdicts: list[str], tmp_path: Path
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROBE.format(tests=tests)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == str(verdicts)
