"""House rules that are cheaper to test than to remember.

Determinism (brief, section 7): inside the core nothing asks the clock, draws, names by chance or
iterates a set. A line that must be an exception says why: ``# det-ok: <reason>``. The import
contracts in pyproject.toml cover whole modules; this file looks at calls and words.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ("domain", "runtime", "actors")
TRADING_WORDS = ("strateg", "capital", "market", "portfolio", "trading", "broker", "bought", "sold")
BANNED_CALLS = {
    "time.time": "the injected clock",
    "time.time_ns": "the injected clock",
    "time.monotonic": "the injected clock",
    "time.perf_counter": "the injected clock",
    "datetime.now": "the injected clock",
    "datetime.utcnow": "the injected clock",
    "date.today": "the injected clock",
    "uuid.uuid4": "an id from (run, seq, index)",
    "random.random": "a draw from the header's seed",
    "os.urandom": "a draw from the header's seed",
    "os.getenv": "the settings",
    "hash": "a stable key: hash() of text changes with the process",
    "id": "a stable key: id() is an address",
    "print": "an effect, or a log line in the shell",
}
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 450


def _sources(*rooms: str) -> list[Path]:
    return [path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))]


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    return ""


def _is_excused(lines: list[str], line: int) -> bool:
    return re.search(r"# det-ok: \S", lines[line - 1]) is not None


def _banned(file_name: str, text: str) -> Iterator[str]:
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            name = _name(node.func)
            for banned, instead in BANNED_CALLS.items():
                is_banned = name == banned or name.endswith(f".{banned}")
                if is_banned and not _is_excused(lines, node.lineno):
                    yield f"{file_name}:{node.lineno}: {name}() - use {instead}"
        elif isinstance(node, (ast.For, ast.comprehension)):
            iterated = node.iter
            is_set = isinstance(iterated, (ast.Set, ast.SetComp)) or (
                isinstance(iterated, ast.Call) and _name(iterated.func) in {"set", "frozenset"}
            )
            if is_set and not _is_excused(lines, iterated.lineno):
                yield f"{file_name}:{iterated.lineno}: iterates a set - order it"


@pytest.mark.parametrize("room", CORE)
def test_core_makes_no_call_that_differs_between_runs(room: str) -> None:
    faults = [fault for path in _sources(room) for fault in _banned(path.name, path.read_text())]
    assert faults == []


def test_core_rule_finds_each_kind_of_offence() -> None:
    offence = "import time\nx = time.time()\nfor y in {1, 2}:\n    hash(y)\n"
    excused = "x = hash(1)  # det-ok: an int's hash is the int\n"
    assert sorted(fault.split(":")[1] for fault in _banned("a.py", offence)) == ["2", "3", "4"]
    assert list(_banned("a.py", excused)) == []


def test_domain_awaits_nothing() -> None:
    awaiting = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    found = [
        f"{path.name}:{node.lineno}"
        for path in _sources("domain")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, awaiting)
    ]
    assert found == []


def test_runtime_has_no_word_of_trading() -> None:
    found = [
        f"{path.name}:{number}: {line.strip()}"
        for path in _sources("runtime")
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if any(word in line.lower() for word in TRADING_WORDS)
    ]
    assert found == []


def test_functions_and_files_stay_small_enough_to_hold_in_the_head() -> None:
    too_long = []
    for path in _sources(*CORE, "adapters", "orchestrion", "examples"):
        text = path.read_text()
        if text.count("\n") > FILE_LINES_MAX:
            too_long.append(f"{path.relative_to(ROOT)}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                doc = ast.get_docstring(node, clean=False)
                length -= doc.count("\n") + 1 if doc else 0
                if length > FUNCTION_LINES_MAX:
                    too_long.append(f"{path.relative_to(ROOT)}:{node.name}: {length} lines")
    assert too_long == []


def test_every_module_says_what_lives_in_it() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in _sources(*CORE, "adapters", "orchestrion", "examples")
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_no_lumber_rooms() -> None:
    names = {"utils", "util", "helpers", "helper", "common", "misc", "manager2"}
    found = [
        str(path.relative_to(ROOT))
        for path in _sources(*CORE, "adapters", "tests", "examples")
        if path.stem in names or path.parent.name in names
    ]
    assert found == []
