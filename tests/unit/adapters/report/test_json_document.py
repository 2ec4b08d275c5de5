"""The report as data: the same figures as the terminal's, exact money, one JSON document."""

from __future__ import annotations

import json
from typing import Any

from orchestrion.adapters.report.json_document import iso_time, to_json
from orchestrion.adapters.settings import StatisticsSettings
from orchestrion.domain.statistics import performance
from tests.fakes_run_result import DAY_NS, START, run_result


def document(**changes: Any) -> dict[str, Any]:
    text = json.dumps(to_json(run_result(**changes), StatisticsSettings()), allow_nan=False)
    decoded: dict[str, Any] = json.loads(text)
    return decoded


def test_money_is_exact_text() -> None:
    fallen = document()["books"][0]
    assert fallen["allocation"] == "600.00"
    assert fallen["turnover"] == "123456.789"
    assert document()["total"]["final_equity"] == "1020.00"


def test_figures_are_those_of_the_equity_curve() -> None:
    found = document()["books"][0]
    expected = performance(
        [START + i * DAY_NS for i in range(4)],
        [600.0, 660.0, 540.0, 600.0],
        periods_per_year=252,
    )
    assert expected.max_drawdown is not None
    assert found["sharpe"] == expected.sharpe
    assert found["volatility"] == expected.volatility
    assert found["max_drawdown"] == {
        "depth": expected.max_drawdown.depth,
        "length_days": 2.0,
        "peak": "2014-01-04T21:00:00Z",
        "trough": "2014-01-05T21:00:00Z",
        "end": "2014-01-06T21:00:00Z",
        "recovered": False,
    }


def test_undefined_figures_are_null() -> None:
    reserve = next(one for one in document()["books"] if one["id"] == "RESERVE")
    assert reserve["total_return"] is None
    assert reserve["max_drawdown"] is None


def test_every_book_and_every_count_is_there() -> None:
    found = document()
    assert [one["id"] for one in found["books"]] == ["FALLEN", "RISEN", "RESERVE", "EXTERNAL"]
    assert found["books"][0]["refusals"] == {"CONFLICT": 2}
    assert found["conflicts"] == {"OPPOSING_SIDES": 3}
    assert found["ledger_checks"] == 16
    assert found["notes"] == ["SPX options: modelled quotes"]
    assert found["statistics"] == {"risk_free_rate_pct": 0.0, "periods_per_year": 252.0}


def test_settings_of_the_statistics_are_used() -> None:
    settings = StatisticsSettings(periods_per_year=365.0, risk_free_rate_pct=2.0)
    daily = to_json(run_result(), StatisticsSettings())["total"]
    other = to_json(run_result(), settings)["total"]
    assert other["volatility"] > daily["volatility"]
    assert other["sharpe"] != daily["sharpe"]


def test_time_is_iso_8601_in_utc() -> None:
    assert iso_time(0) == "1970-01-01T00:00:00Z"
    assert iso_time(START) == "2014-01-03T21:00:00Z"
