"""The command that plays many seeds: it can be ended at any time, and loses or repeats nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.page import PageError, write_page
from tests.simulation import run as runner
from tests.simulation.faults import CLASSES, Fault
from tests.simulation.seed_line import LineFile, SeedLine, line_of
from tests.simulation.seed_report import SeedReport
from tests.simulation.simulation import Outcome


def outcome(seed: int, *violations: str, faults: int = 0) -> Outcome:
    found = Outcome(seed, list(violations), is_replay_equal=not violations)
    found.counts[Fault.CRASH] = faults
    return found


def line(seed: int, *violations: str, faults: int = 0) -> SeedLine:
    return line_of(outcome(seed, *violations, faults=faults), "abc")


def file_of(path: Path) -> LineFile[SeedLine]:
    return LineFile(path, SeedLine)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Seeds that were played; 3 has a violation the first time, 5 interrupts."""
    seeds: list[int] = []

    def play(seed: int) -> Outcome:
        if seed == 5 and seed not in seeds:
            seeds.append(seed)
            raise KeyboardInterrupt
        is_first = seed not in seeds
        seeds.append(seed)
        return outcome(seed, *(["I1: planted"] if seed == 3 and is_first else []))

    monkeypatch.setattr(runner, "play", play)
    monkeypatch.setattr(runner, "commit", lambda: "abc")
    return seeds


def test_an_interrupted_run_goes_on_where_it_was(played: list[int], tmp_path: Path) -> None:
    file, said = tmp_path / "seeds.jsonl", list[object]()
    assert runner.main(["--seeds", "2:8", "--out", str(file)], said.append) == 1
    assert said[0] == "seed 3: I1: planted"
    assert "interrupted" in said
    assert [one.seed for one in file_of(file).lines] == [2, 3, 4]
    assert runner.main(["--seeds", "2:8", "--out", str(file)], said.append) == 0
    assert played == [2, 3, 4, 5, 5, 6, 7]
    assert [one.seed for one in file_of(file).lines] == [2, 3, 4, 5, 6, 7]


def test_seeds_with_violations_are_played_again_when_asked_for(
    played: list[int], tmp_path: Path
) -> None:
    file = str(tmp_path / "seeds.jsonl")
    runner.main(["--seeds", "2:5", "--out", file], lambda _: None)
    assert runner.main(["--seeds", "2:5", "--out", file, "--again"], lambda _: None) == 0
    assert played == [2, 3, 4, 3]
    report = SeedReport(file_of(Path(file)).lines)
    assert (report.failed, report.mended) == ([], [3])
    assert "| that had one, and have none since it was mended | 1: 3 |" in report.page("it")


def test_a_line_that_was_cut_off_is_dropped(tmp_path: Path) -> None:
    file = tmp_path / "seeds.jsonl"
    whole = msgspec.json.encode(line(1)) + b"\n"
    file.write_bytes(whole + whole[:40])
    kept = file_of(file)
    assert kept.lines == [line(1)]
    kept.add([line(2)])
    assert file_of(file).lines == [line(1), line(2)]


def test_two_processes_do_not_write_one_file(tmp_path: Path) -> None:
    file = tmp_path / "seeds.jsonl"

    def lines() -> Iterator[SeedLine]:
        yield line(1)
        with pytest.raises(BlockingIOError):
            file_of(file).add([line(2)])

    file_of(file).add(lines())
    assert file_of(file).lines == [line(1)]


def test_what_breaks_the_simulator_is_told_like_a_violation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_: int) -> None:
        raise ValueError("no such model")

    monkeypatch.setattr(runner, "Simulation", broken)
    assert runner.play(4).violations == ["the simulator broke: ValueError: no such model"]


def test_a_report_says_what_was_not_reached(tmp_path: Path) -> None:
    file, page = tmp_path / "seeds.jsonl", tmp_path / "page.md"
    file_of(file).add([line(0, faults=300), line(1, faults=300), line(2, "I9: twice")])
    page.write_text("<!-- seeds: begin -->old<!-- seeds: end -->")
    assert runner.main(["--report", str(file), "--page", str(page)], lambda _: None) == 1
    text = page.read_text()
    assert "| with a violation | 1: 2 |" in text
    assert "| journals whose replay is equal byte for byte | 2 of 3 |" in text
    assert f"| F1 | {CLASSES['F1']} | 600 | reached | 2 |" in text
    assert f"| F4 | {CLASSES['F4']} | 0 | not reached | 0 |" in text
    assert "old" not in text


def test_a_page_without_a_place_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- seeds: begin -->old")
    with pytest.raises(PageError, match="seeds: end"):
        write_page(page, "seeds", "new")
    assert page.read_text() == "<!-- seeds: begin -->old"


def test_every_fault_is_of_a_class() -> None:
    assert sorted(CLASSES) == sorted(dict.fromkeys(one.group for one in Fault))


@pytest.mark.parametrize(("text", "seeds"), [("3", range(3)), ("5:9", range(5, 9))])
def test_seeds_are_a_count_or_a_range(text: str, seeds: range) -> None:
    assert runner.seeds_of(text) == seeds
