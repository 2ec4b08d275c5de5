"""The report for people, as text of 80 columns."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest
from rich.console import Console

from orchestrion.adapters.report.terminal import money, percent, ratio, render
from orchestrion.adapters.result import RunResult
from orchestrion.adapters.settings import StatisticsSettings
from tests.fakes_run_result import book, run_result

COLUMNS = 80


def printed(result: RunResult, *, width: int = COLUMNS) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, highlight=False)
    console.print(render(result, StatisticsSettings()), crop=False)
    return stream.getvalue()


def line_with(text: str, start: str, *, nth: int = 0) -> str:
    return [line for line in text.splitlines() if line.startswith(start)][nth]


def test_each_strategy_and_the_account_have_a_line_in_each_table() -> None:
    text = printed(run_result())
    assert line_with(text, "FALLEN").split() == [
        "FALLEN", "600.00", "600.00", "0.00", "%", "0.00", "%",
    ]  # fmt: skip
    assert line_with(text, "RISEN").split()[1:5] == ["400.00", "420.00", "5.00", "%"]
    assert line_with(text, "ACCOUNT").split()[1:5] == ["1,000.00", "1,020.00", "2.00", "%"]
    assert line_with(text, "ACCOUNT", nth=2).split() == [
        "ACCOUNT", "123,456.79", "1.50", "4", "5", "0",
    ]  # fmt: skip


def test_drawdown_shows_depth_length_and_that_it_lasts() -> None:
    cells = line_with(printed(run_result()), "FALLEN", nth=1).split()
    assert cells[-3:] == ["-18.18", "%", ">2"]


def test_undefined_figures_are_a_dash() -> None:
    flat = book("FLAT", "5.00", "5.00")
    text = printed(run_result(books=(flat,)))
    assert line_with(text, "FLAT", nth=1).split() == ["FLAT", "-", "-", "-", "-", "-"]


def test_idle_books_of_the_account_have_no_line() -> None:
    text = printed(run_result())
    assert "RESERVE" not in text
    assert "EXTERNAL" not in text


def test_reserve_that_holds_capital_has_a_line() -> None:
    result = run_result(books=(book("RESERVE", "100.00", "100.00", strategy_name=""),))
    assert line_with(printed(result), "RESERVE").split()[1] == "100.00"


def test_what_happened_is_told_by_name_and_number() -> None:
    text = printed(run_result())
    assert "Conflicts: OPPOSING_SIDES 3" in text
    assert "Refusals of FALLEN: CONFLICT 2" in text
    assert "Note: SPX options: modelled quotes" in text
    assert "16 ledger checks" in text


def test_nothing_happened_is_told_too() -> None:
    text = printed(run_result(books=(book("ONE", "1.00", "1.00"),), conflicts={}))
    assert "Conflicts: none" in text
    assert "Refusals: none" in text


def test_strategy_that_does_not_run_any_more_is_named() -> None:
    quarantined = book("BROKEN", "1.00", "1.00", status="quarantined")
    assert "Status of BROKEN: quarantined" in printed(run_result(books=(quarantined,)))
    assert "Status" not in printed(run_result())


@pytest.mark.parametrize("count", [1, 3, 50])
def test_fits_into_80_columns_with_any_number_of_strategies(count: int) -> None:
    books = tuple(
        book(f"OPTIONS_MONTHLY_WEEKLY_{i:05}", "1000000.00", "999999.99") for i in range(count)
    )
    total = book("TOTAL", "50000000.00", "49999999.50")
    text = printed(run_result(books=books, total=total))
    assert all(len(line.rstrip()) <= COLUMNS for line in text.splitlines())
    for one in books:
        assert text.count(one.book_id) == 3


def test_hash_and_journal_stay_in_one_piece_on_a_narrow_terminal() -> None:
    path = "journals/" + "long" * 30 + ".sqlite"
    text = printed(run_result(journal=path), width=40)
    assert f"Decision hash: {'ab' * 32}" in text
    assert f"Journal: {path}" in text


def test_run_without_a_journal_says_so() -> None:
    assert "Journal: not written" in printed(run_result(journal=None))


def test_names_are_text_and_not_markup() -> None:
    assert "[bold]x[/bold]" in printed(run_result(books=(book("[bold]x[/bold]", "1", "1"),)))


def test_numbers_as_people_read_them() -> None:
    assert money(Decimal("1234567.891")) == "1,234,567.89"
    assert percent(-0.12345) == "-12.35 %"
    assert percent(None) == "-"
    assert ratio(1.005) == "1.00"
    assert ratio(None) == "-"
