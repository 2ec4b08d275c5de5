"""Drawdown stops: the named baselines, both kinds of limits, the latch, capital that moves."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.capital.drawdown_stop import (
    ACCOUNT_SCOPE,
    Baseline,
    Breach,
    DrawdownRule,
    StopState,
    arm,
    observe,
    observe_all,
    reset,
)
from orchestrion.domain.capital.kill_switch import StopAction
from orchestrion.domain.capital.session_day import DAY_NS
from orchestrion.domain.errors import ConfigurationError

START = 100 * DAY_NS


def _rule(
    baseline: Baseline = Baseline.PEAK,
    *,
    fraction: str | None = None,
    amount: str | None = None,
    scope_id: str = "a",
) -> DrawdownRule:
    return DrawdownRule(
        scope_id=scope_id,
        baseline=baseline,
        action=StopAction.FLATTEN,
        limit_fraction=None if fraction is None else Decimal(fraction),
        limit_amount=None if amount is None else Decimal(amount),
    )


def _armed(
    baseline: Baseline = Baseline.PEAK, *, fraction: str | None = None, amount: str | None = None
) -> StopState:
    return arm(_rule(baseline, fraction=fraction, amount=amount), Decimal(100), START)


def _see(state: StopState, *looks: tuple[str, str] | str) -> list[Breach | None]:
    """Looks on the same day: an equity, or (equity, capital that moved)."""
    breaches: list[Breach | None] = []
    for look in looks:
        equity, moved = (look, "0") if isinstance(look, str) else look
        state, breach = observe(state, Decimal(equity), START, Decimal(moved))
        breaches.append(breach)
    return breaches


def _trips(state: StopState, *looks: tuple[str, str] | str) -> list[bool]:
    return [breach is not None for breach in _see(state, *looks)]


@pytest.mark.parametrize(
    ("fraction", "amount", "equity", "trips"),
    [
        ("0.1", None, "90.01", False),
        ("0.1", None, "90", True),
        (None, "10", "90.01", False),
        (None, "10", "90", True),
        ("1", None, "0.01", False),
        ("1", None, "-5", True),
    ],
)
def test_loss_that_reaches_the_limit_trips(
    fraction: str | None, amount: str | None, equity: str, trips: bool
) -> None:
    assert _trips(_armed(fraction=fraction, amount=amount), equity) == [trips]


def test_breach_says_what_was_lost_from_where() -> None:
    (_, breach) = _see(_armed(fraction="0.25"), "120", "89.5")

    assert breach is not None
    assert (breach.baseline_equity, breach.equity, breach.loss, breach.allowed) == (
        Decimal(120),
        Decimal("89.5"),
        Decimal("30.5"),
        Decimal(30),
    )
    assert breach.action is StopAction.FLATTEN
    assert str(breach) == "a: lost 30.50 since peak (120.00), 30.00 is allowed"


def test_peak_follows_gains_and_start_does_not() -> None:
    looks = ("150", "134")
    assert _trips(_armed(Baseline.PEAK, fraction="0.1"), *looks) == [False, True]
    assert _trips(_armed(Baseline.START, fraction="0.1"), *looks) == [False, False]
    assert _trips(_armed(Baseline.START, fraction="0.1"), *looks, "90") == [False, False, True]


def test_day_starts_from_the_last_equity_of_the_day_before() -> None:
    state = _armed(Baseline.DAY_START, amount="10")
    state, breach = observe(state, Decimal(95), START + DAY_NS - 1)
    assert breach is None
    # The gap over night belongs to the new day: 95 to 85 is ten.
    state, breach = observe(state, Decimal("85.01"), START + DAY_NS)
    assert breach is None
    state, breach = observe(state, Decimal(85), START + DAY_NS + 1)
    assert breach is not None
    assert breach.baseline_equity == 95


def test_time_that_goes_back_starts_no_day() -> None:
    state = _armed(Baseline.DAY_START, amount="10")
    state, _ = observe(state, Decimal(95), START - 1)
    assert state.day == 100
    assert state.baseline_equity == 100


def test_latched_stop_tells_once_and_stays_until_reset() -> None:
    state = _armed(Baseline.DAY_START, amount="10")
    state, breach = observe(state, Decimal(80), START)
    assert breach is not None
    for equity, ts in ((70, START + 1), (200, START + 2), (100, START + 9 * DAY_NS)):
        state, again = observe(state, Decimal(equity), ts)
        assert again is None
        assert state.breach == breach

    state = reset(state, Decimal(100), START + 9 * DAY_NS)
    assert not state.is_latched
    assert _trips(state, "91", "90") == [False, True]


@pytest.mark.parametrize("baseline", list(Baseline))
@pytest.mark.parametrize(
    ("look", "after", "trips"),
    [
        pytest.param(("900", "800"), "900.01", False, id="deposit-trips-nothing"),
        pytest.param(("45", "-45"), "45", False, id="withdrawal-trips-nothing"),
        pytest.param(("900", "810"), "850", True, id="deposit-hides-no-fraction"),
    ],
)
def test_fraction_is_kept_when_capital_moves(
    baseline: Baseline, look: tuple[str, str], after: str, trips: bool
) -> None:
    # 10 % are gone before; 15 % are allowed. 850 of the scaled 1000 is exactly that.
    state = _armed(baseline, fraction="0.15")
    assert _trips(state, "90", look, after) == [False, False, trips]


@pytest.mark.parametrize("baseline", list(Baseline))
@pytest.mark.parametrize(
    ("look", "after", "trips"),
    [
        pytest.param(("990", "900"), "985.01", False, id="deposit-trips-nothing"),
        pytest.param(("30", "-60"), "25.01", False, id="withdrawal-trips-nothing"),
        pytest.param(("990", "900"), "985", True, id="deposit-hides-no-loss"),
        pytest.param(("30", "-60"), "25", True, id="withdrawal-hides-no-loss"),
    ],
)
def test_amount_is_kept_when_capital_moves(
    baseline: Baseline, look: tuple[str, str], after: str, trips: bool
) -> None:
    state = _armed(baseline, amount="15")
    assert _trips(state, "90", look, after) == [False, False, trips]


def test_loss_before_the_capital_moved_is_judged_first() -> None:
    # 100 fell to 80, then 100 came in: the equity of 180 shows no loss.
    (breach,) = _see(_armed(fraction="0.15"), ("180", "100"))
    assert breach is not None
    assert breach.equity == 80


def test_new_peak_before_the_capital_moved_counts() -> None:
    # 100 rose to 200, then 100 went out. 180 of 200 is 90 of 100.
    assert _trips(_armed(fraction="0.1"), ("100", "-100"), "90.01", "90") == [False, False, True]


def test_measure_begins_with_the_first_capital() -> None:
    state = arm(_rule(fraction="0.1"), Decimal(0), START)
    assert _trips(state, "0", ("50", "50"), "45.01", "45") == [False, False, False, True]


def test_loss_of_nothing_trips() -> None:
    state = arm(_rule(fraction="0.1"), Decimal(0), START)
    assert _trips(state, "-1") == [True]


def test_account_peak_is_not_the_sum_of_strategies_peaks() -> None:
    rules = [_rule(fraction="0.2", scope_id=one) for one in (ACCOUNT_SCOPE, "a", "b")]
    stops = {
        rule.scope_id: arm(rule, Decimal(200 if rule.scope_id == ACCOUNT_SCOPE else 100), START)
        for rule in rules
    }
    # Their peaks, 115 and 120, sum to 235, from which 188 would be a loss of 20 %.
    for a, b in ((115, 85), (95, 120), (92, 96)):
        equities = {"a": Decimal(a), "b": Decimal(b), ACCOUNT_SCOPE: Decimal(a + b)}
        stops, breaches = observe_all(stops, equities, START, {})
    assert [one.scope_id for one in breaches] == ["a", "b"]
    assert not stops[ACCOUNT_SCOPE].is_latched
    assert stops[ACCOUNT_SCOPE].baseline_equity == 215


def test_transfer_between_books_trips_no_stop() -> None:
    stops = {
        one: arm(_rule(fraction="0.01", scope_id=one), Decimal(100), START) for one in ("a", "b")
    }
    moved = {"a": Decimal(-60), "b": Decimal(60)}
    stops, breaches = observe_all(stops, {"a": Decimal(40), "b": Decimal(160)}, START, moved)
    assert breaches == ()
    assert [state.baseline_equity for state in stops.values()] == [40, 160]


def test_scope_without_equity_is_not_looked_at() -> None:
    stops = {"a": _armed(fraction="0.1")}
    assert observe_all(stops, {}, START, {}) == (stops, ())


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ({}, "either"),
        ({"fraction": "0.1", "amount": "5"}, "either"),
        ({"fraction": "0"}, "limit_fraction"),
        ({"fraction": "1.1"}, "limit_fraction"),
        ({"fraction": "NaN"}, "limit_fraction"),
        ({"amount": "0"}, "limit_amount"),
        ({"amount": "-1"}, "limit_amount"),
    ],
)
def test_rule_needs_one_usable_limit(limit: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        _rule(**limit)  # type: ignore[arg-type]
