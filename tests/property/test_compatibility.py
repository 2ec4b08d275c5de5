"""Laws of the compatibility analysis: what hedges fits better, figures have their symmetries,
recommendations can be followed, and nothing depends on an order that means nothing."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orchestrion.domain.capital.return_history import EquityPoint
from orchestrion.domain.compatibility.admission import admission
from orchestrion.domain.compatibility.analysis import analyze
from orchestrion.domain.compatibility.association import (
    diversification_ratio,
    downside,
    fall,
    herfindahl,
    pearson,
    risk_shares,
    spearman,
    togetherness,
)
from orchestrion.domain.compatibility.evidence import Evidence
from orchestrion.domain.compatibility.history import InstrumentDay, StrategyHistory
from orchestrion.domain.compatibility.lineup import Candidate, Lineup
from orchestrion.domain.compatibility.reallocation import with_minimums
from orchestrion.domain.compatibility.recommendation import (
    EnableStrategy,
    SetAllocations,
    applied,
)
from orchestrion.domain.compatibility.report import CompatibilityReport, Severity
from tests.unit.domain.compatibility.lineup_builders import (
    SHORT,
    candidate,
    curve,
    lineup,
    noise,
    past,
)

DAYS = 120
RETURNS = st.lists(st.integers(-300, 300).map(lambda n: n / 10_000), min_size=2, max_size=30)
SEEDS = st.integers(0, 10_000)
SIZES = st.sampled_from([0.2, 0.5, 1.0, 2.0])
DISTURBANCES = st.sampled_from([0.0, 0.1, 0.25])


@st.composite
def two_series(draw: st.DrawFn) -> tuple[list[float], list[float]]:
    pairs = draw(st.lists(st.tuples(st.integers(-300, 300), st.integers(-300, 300)), min_size=2))
    return [a / 10_000 for a, _ in pairs], [b / 10_000 for _, b in pairs]


def follower(base: tuple[float, ...], size: float, seed: int, disturbance: float) -> list[float]:
    """Moves as the base does (negative size: against it), with a part of its own."""
    own = noise(seed, len(base))
    return [size * (a + disturbance * b) for a, b in zip(base, own, strict=True)]


def pair_score(one: StrategyHistory, other: StrategyHistory, *declared: dict[str, Any]) -> float:
    first, second = declared or ({}, {})
    made = lineup(
        candidate("A", **first), candidate("B", **second), histories={"A": one, "B": other}
    )
    score = analyze(made).pairs[0].score
    assert score is not None
    return score


@settings(max_examples=40)
@given(SEEDS, SEEDS, SIZES, SIZES, DISTURBANCES, DISTURBANCES)
def test_pairs_that_lose_together_score_below_pairs_that_hedge(
    seed: int, own: int, size: float, hedge_size: float, apart: float, hedge_apart: float
) -> None:
    assume(seed != own)
    base = noise(seed, DAYS)
    together = past(follower(base, size, own, apart))
    hedge = past(follower(base, -hedge_size, own, hedge_apart))
    assert pair_score(past(base), together) < pair_score(past(base), hedge)


@settings(max_examples=25)
@given(SEEDS, SEEDS, SIZES)
def test_a_hedge_in_the_same_instruments_still_scores_above_losing_together_in_others(
    seed: int, own: int, size: float
) -> None:
    """The worst that declarations and positions can say against a hedge does not turn the order."""
    assume(seed != own)
    base = noise(seed, DAYS)
    hedge = past(
        follower(base, -size, own, 0.1),
        held=[(day, "SPX", -1) for day in range(30)],
        margins=[5] * 30,
        expiries=[("SPX", 7 * week) for week in range(9)],
    )
    hurt = past(
        base,
        held=[(day, "SPX", 1) for day in range(30)],
        margins=[5] * 30,
        expiries=[("SPX", 7 * week) for week in range(9)],
    )
    same = {"instruments": ("SPX",), "underlyings": ("SPX",)}
    other = {"instruments": ("WTI",), "underlyings": ("WTI",)}
    together = past(follower(base, size, own, 0.1))
    assert pair_score(past(base), together, same, other) < pair_score(hurt, hedge, same, same)


@given(two_series())
def test_correlations_are_symmetric_and_bounded(series: tuple[list[float], list[float]]) -> None:
    one, other = series
    for figure in (pearson, spearman, downside):
        found = figure(one, other)
        assert found == figure(other, one)
        assert found is None or -1 <= found <= 1


@given(two_series(), st.sampled_from([0.5, 3.0, 10.0]))
def test_correlations_do_not_depend_on_size(
    series: tuple[list[float], list[float]], factor: float
) -> None:
    one, other = series
    scaled = [factor * each for each in other]
    for figure in (pearson, spearman, downside):
        assert figure(one, scaled) == pytest.approx(figure(one, other), abs=1e-9)


@given(two_series())
def test_a_mirror_turns_the_sign_of_a_correlation(
    series: tuple[list[float], list[float]],
) -> None:
    one, other = series
    mirrored = [-each for each in other]
    for figure in (pearson, spearman):
        found = figure(one, other)
        expected = None if found is None else -found
        assert figure(one, mirrored) == pytest.approx(expected, abs=1e-9)


@given(RETURNS)
def test_a_series_goes_with_itself(returns: list[float]) -> None:
    for figure in (pearson, spearman, downside):
        assert figure(returns, returns) in (None, pytest.approx(1.0))


@given(st.lists(st.lists(st.integers(1, 1_000), min_size=5, max_size=5), min_size=1, max_size=6))
def test_falls_never_add_up_to_more_than_themselves(curves: list[list[int]]) -> None:
    whole = [sum(column) for column in zip(*curves, strict=True)]
    alone = [fall(curve_) for curve_ in curves]
    assert fall(whole) <= sum(alone)
    found = togetherness(alone, fall(whole))
    assert found is None or 0 <= found <= 1


@given(st.lists(st.integers(1, 1_000), min_size=1, max_size=30))
def test_herfindahl_lies_between_equal_parts_and_one(shares: list[int]) -> None:
    found = herfindahl([float(one) for one in shares])
    assert 1 / len(shares) - 1e-12 <= found <= 1 + 1e-12


@given(two_series(), st.integers(0, 100))
def test_diversification_ratio_is_at_least_one_and_risk_shares_sum_to_one(
    series: tuple[list[float], list[float]], percent: int
) -> None:
    weights = (percent / 100, 1 - percent / 100)
    ratio, shares = diversification_ratio(weights, series), risk_shares(weights, series)
    assert ratio is None or ratio >= 1 - 1e-9
    assert shares is None or sum(shares) == pytest.approx(1.0, abs=1e-6)


@given(
    st.lists(st.tuples(st.integers(0, 4_000), st.integers(1, 4_000)), min_size=1, max_size=8),
    st.integers(1, 10_000),
)
def test_minimums_are_met_within_the_sum_or_refused(
    wishes: list[tuple[int, int]], at_most: int
) -> None:
    steps = {str(place): have for place, (have, _) in enumerate(wishes)}
    minimums = {str(place): least for place, (_, least) in enumerate(wishes)}
    found = with_minimums(steps, minimums, at_most=at_most)
    assert (found is None) is (sum(minimums.values()) > at_most)
    if found is not None:
        assert sum(found.values()) <= at_most
        assert all(found[one] >= minimums[one] for one in found)


# -- whole lineups ------------------------------------------------------------------------------

NAMES = ("A", "B", "C", "D", "E")
PLACES = st.lists(st.sampled_from(["SPX", "WTI", "VIX"]), max_size=2, unique=True).map(tuple)
DECLARED: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "instruments": PLACES,
        "exclusive_instruments": st.sampled_from([(), (), (), ("WTI",)]),
        "underlyings": PLACES,
        "asset_classes": st.sampled_from([(), ("option",), ("future",)]),
        "depends_on": st.lists(st.sampled_from([*NAMES, "GONE"]), max_size=2, unique=True),
        "leverage": st.sampled_from([0.5, 1.0, 4.0]),
        "minimum_capital": st.sampled_from([0, 0, 100, 900]),
    }
)


@st.composite
def lineups(draw: st.DrawFn) -> Lineup:
    names = NAMES[: draw(st.integers(2, len(NAMES)))]
    capital = [draw(st.integers(0, 1_000)) for _ in names]
    histories = {
        name: past(
            noise(draw(st.integers(0, 3)), draw(st.sampled_from([0, 5, 30]))),
            held=[(day, "SPX", draw(st.sampled_from([-1, 1]))) for day in range(5)],
            margins=[draw(st.integers(0, 900)) for _ in range(4)],
        )
        for name in names
    }
    return Lineup(
        candidates=tuple(
            candidate(name, str(amount), **draw(DECLARED))
            for name, amount in zip(names, capital, strict=True)
        ),
        histories=histories,
        total_capital=Decimal(sum(capital) + draw(st.integers(0, 1_000))),
    )


@settings(max_examples=60)
@given(lineups())
def test_report_holds_together(made: Lineup) -> None:
    report = analyze(made, SHORT)
    has_error = any(one.severity is Severity.ERROR for one in report.findings)
    assert report.is_compatible is not has_error
    assert report.score is None or 0 <= report.score <= 100
    assert all(one.score is None or 0 <= one.score <= 100 for one in report.pairs)
    count = len(made.candidates)
    assert len(report.pairs) == count * (count - 1) // 2
    for pair in report.pairs:
        figures = pair.figures
        correlations = (figures.pearson, figures.spearman, figures.downside)
        if figures.returns < SHORT.daily_returns_min:
            assert (*correlations, figures.joint_drawdown, figures.losing_both) == (None,) * 5
        if figures.common_instrument_days < SHORT.instrument_days_min:
            assert figures.opposing_rate is None


@settings(max_examples=60)
@given(lineups())
def test_new_percentages_can_be_followed(made: Lineup) -> None:
    """They sum to at most 100, respect minimum capital, and their own finding gets no worse."""
    before = analyze(made, SHORT)
    for one in before.recommendations:
        if not isinstance(one.action, SetAllocations):
            continue
        assert one.action.total <= 100
        after = applied(made, one.action)
        for candidate_ in after.candidates:
            assert candidate_.capital is not None
            assert candidate_.capital >= candidate_.minimum_capital
        assert not any(each.rule == "minimum_capital" for each in analyze(after, SHORT).findings)
        assert worst(analyze(after, SHORT), one.rule) >= worst(before, one.rule) - 1e-9


def worst(report: CompatibilityReport, rule: str) -> float:
    """The lowest score among a rule's findings about everybody; 1 when it has none."""
    scores = [
        one.score
        for one in report.findings
        if one.rule == rule and one.score is not None and one.strategy_ids == report.strategy_ids
    ]
    return min(scores, default=1.0)


@settings(max_examples=60)
@given(lineups())
def test_following_advice_on_errors_leads_to_a_lineup_that_starts(made: Lineup) -> None:
    for _ in range(60):  # each step cures a finding or drops a strategy; the bound is generous
        report = analyze(made, SHORT)
        if report.is_compatible:
            return
        rules = [one.rule for one in report.findings if one.severity is Severity.ERROR]
        steps = [
            one.action
            for one in report.recommendations
            if one.rule in rules and not isinstance(one.action, EnableStrategy)
        ]
        if not steps:
            assert not made.capital  # without any capital no minimum can be met
            return
        made = applied(made, steps[0])
    pytest.fail("the advice goes round in circles")


@settings(max_examples=40)
@given(lineups(), st.randoms(use_true_random=False))
def test_orders_that_mean_nothing_change_nothing(made: Lineup, shuffler: Any) -> None:
    ids = list(made.histories)
    shuffler.shuffle(ids)
    histories: dict[str, StrategyHistory] = {}
    for strategy_id in ids:
        history = made.histories[strategy_id]
        days: list[InstrumentDay] = list(history.instrument_days)
        shuffler.shuffle(days)
        histories[strategy_id] = msgspec.structs.replace(history, instrument_days=tuple(days))
    shuffled = msgspec.structs.replace(made, histories=histories)
    assert analyze(shuffled, SHORT) == analyze(made, SHORT)


@settings(max_examples=40)
@given(SEEDS, st.lists(st.integers(-5_000, 50_000), min_size=20, max_size=20))
def test_moved_capital_changes_no_figure_of_returns(seed: int, flows: list[int]) -> None:
    plain = curve(noise(seed, 20), equity="100000")
    moved = [plain[0]]
    for (before, after), flow in zip(pairwise(plain), flows, strict=True):
        grown = float(moved[-1].equity) * float(after.equity / before.equity)
        equity = Decimal(f"{grown + flow:.9f}")
        assume(grown > 1 and equity > 1)
        moved.append(EquityPoint(after.day, equity, Decimal(flow)))
    other = past(noise(seed + 1, 20))

    def figures(points: tuple[EquityPoint, ...]) -> list[float | None]:
        histories = {"A": StrategyHistory(equity=points), "B": other}
        made = lineup(candidate("A"), candidate("B"), histories=histories)
        found = Evidence(made, SHORT).pair("A", "B")
        return [found.pearson, found.downside, found.joint_drawdown]

    assert figures(tuple(moved)) == pytest.approx(figures(plain), abs=1e-4)


@settings(max_examples=60)
@given(lineups(), DECLARED, st.integers(0, 1_000), st.integers(0, 1_000))
def test_newcomer_that_is_admitted_draws_on_the_reserve_and_passes(
    made: Lineup, declared: dict[str, Any], asked: int, reserve: int
) -> None:
    newcomer: Candidate = candidate("N", str(asked), **declared)
    report = admission(
        made.candidates, newcomer, Decimal(reserve), histories=made.histories, settings=SHORT
    )
    assert all("N" in one.strategy_ids for one in report.findings)
    if report.is_compatible:
        assert 0 < asked <= reserve
        assert asked >= newcomer.minimum_capital
    else:
        assert any(one.severity is Severity.ERROR for one in report.findings)
