"""When to rebalance: edges of the bands, periods, and that no trigger is lost."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from orchestrion.domain.capital.rebalance_trigger import (
    Trigger,
    TriggerKind,
    TriggerObservation,
    TriggerRules,
    TriggerState,
    observe_triggers,
    rebalanced,
    start_triggers,
)
from orchestrion.domain.capital.session_day import Period
from orchestrion.domain.errors import ConfigurationError

HALVES = {"a": Decimal("0.5"), "b": Decimal("0.3")}


def _ts(day: str) -> int:
    return int(datetime.fromisoformat(f"{day}T21:00:00+00:00").astimezone(UTC).timestamp()) * 10**9


START = _ts("2024-01-31")


def _seen(
    a: str = "500",
    b: str = "300",
    *,
    total: str = "1000",
    day: str = "2024-01-31",
    moved: str = "0",
) -> TriggerObservation:
    return TriggerObservation(
        ts=_ts(day),
        target_fractions=HALVES,
        equities={"a": Decimal(a), "b": Decimal(b)},
        total=Decimal(total),
        capital_moved=Decimal(moved),
    )


def _up(rules: TriggerRules, seen: TriggerObservation) -> tuple[Trigger, ...]:
    return observe_triggers(start_triggers(rules, Decimal(1000), START), seen)[1]


def _kinds(rules: TriggerRules, seen: TriggerObservation) -> list[TriggerKind]:
    return [one.kind for one in _up(rules, seen)]


@pytest.mark.parametrize(
    ("period", "day", "is_due"),
    [
        (Period.DAILY, "2024-01-31", False),
        (Period.DAILY, "2024-02-01", True),
        (Period.WEEKLY, "2024-02-04", False),
        (Period.WEEKLY, "2024-02-05", True),
        (Period.MONTHLY, "2024-02-01", True),
        (Period.QUARTERLY, "2024-03-31", False),
        (Period.QUARTERLY, "2024-04-02", True),
        (Period.DAILY, "2024-01-30", False),
    ],
)
def test_calendar_is_due_with_the_first_session_of_a_new_period(
    period: Period, day: str, is_due: bool
) -> None:
    kinds = _kinds(TriggerRules(calendar=period), _seen(day=day))
    assert kinds == ([TriggerKind.CALENDAR] if is_due else [])


@pytest.mark.parametrize(
    ("a", "kinds"),
    [
        pytest.param("550", [], id="on-the-upper-edge"),
        pytest.param("550.01", [TriggerKind.ABSOLUTE_DRIFT], id="above"),
        pytest.param("450", [], id="on-the-lower-edge"),
        pytest.param("449.99", [TriggerKind.ABSOLUTE_DRIFT], id="below"),
    ],
)
def test_absolute_band_triggers_strictly_outside(a: str, kinds: list[TriggerKind]) -> None:
    assert _kinds(TriggerRules(absolute_band=Decimal("0.05")), _seen(a=a)) == kinds


@pytest.mark.parametrize(
    ("b", "kinds"),
    [
        pytest.param("330", [], id="on-the-upper-edge"),
        pytest.param("330.000000001", [TriggerKind.RELATIVE_DRIFT], id="above"),
        pytest.param("270", [], id="on-the-lower-edge"),
        pytest.param("269.999999999", [TriggerKind.RELATIVE_DRIFT], id="below"),
    ],
)
def test_relative_band_is_a_part_of_the_target(b: str, kinds: list[TriggerKind]) -> None:
    assert _kinds(TriggerRules(relative_band=Decimal("0.1")), _seen(b=b)) == kinds


def test_drift_names_who_and_how_far() -> None:
    (trigger,) = _up(TriggerRules(absolute_band=Decimal("0.05")), _seen(a="333"))
    assert trigger.detail == "a has 0.3330, should have 0.5"


def test_band_of_zero_triggers_on_any_difference() -> None:
    rules = TriggerRules(absolute_band=Decimal(0), relative_band=Decimal(0))
    assert _kinds(rules, _seen()) == []
    assert _kinds(rules, _seen(a="500.01")) == [
        TriggerKind.ABSOLUTE_DRIFT,
        TriggerKind.RELATIVE_DRIFT,
    ]


def test_nothing_has_no_weights() -> None:
    rules = TriggerRules(absolute_band=Decimal(0))
    assert _kinds(rules, _seen(a="-1", total="0")) == []


def _watch(*sightings: TriggerObservation) -> list[list[TriggerKind]]:
    state = start_triggers(TriggerRules(drawdown_fraction=Decimal("0.1")), Decimal(1000), START)
    found: list[list[TriggerKind]] = []
    for seen in sightings:
        state, triggers = observe_triggers(state, seen)
        found.append([one.kind for one in triggers])
    return found


def test_drawdown_is_measured_from_the_peak_and_stays_up() -> None:
    assert _watch(_seen(total="1200"), _seen(total="1081"), _seen(total="1080")) == [
        [],
        [],
        [TriggerKind.DRAWDOWN],
    ]
    assert _watch(_seen(total="900"), _seen(total="1000")) == [[TriggerKind.DRAWDOWN]] * 2


def test_withdrawal_is_no_drawdown() -> None:
    assert _watch(_seen(total="500", moved="-500")) == [[]]


def test_answer_starts_calendar_and_peak_anew() -> None:
    rules = TriggerRules(calendar=Period.MONTHLY, drawdown_fraction=Decimal("0.1"))
    state = start_triggers(rules, Decimal(1000), START)
    state, up = observe_triggers(state, _seen(total="800", day="2024-02-01"))
    assert [one.kind for one in up] == [TriggerKind.CALENDAR, TriggerKind.DRAWDOWN]

    state = rebalanced(state, Decimal(800), _ts("2024-02-01"))
    assert state.since_ts == _ts("2024-02-01")
    state, up = observe_triggers(state, _seen(total="730", day="2024-02-29"))
    assert up == ()


def test_no_triggers_are_never_up() -> None:
    state: TriggerState = start_triggers(TriggerRules(), Decimal(1000), START)
    assert observe_triggers(state, _seen(a="0", day="2030-01-01")) == (state, ())
    assert rebalanced(state, Decimal(1), START) == state


@pytest.mark.parametrize(
    "rules",
    [
        {"absolute_band": Decimal("-0.01")},
        {"relative_band": Decimal("NaN")},
        {"drawdown_fraction": Decimal(0)},
        {"drawdown_fraction": Decimal("1.01")},
    ],
)
def test_band_out_of_range_is_refused(rules: dict[str, Decimal]) -> None:
    with pytest.raises(ConfigurationError):
        TriggerRules(**rules)  # type: ignore[arg-type]
