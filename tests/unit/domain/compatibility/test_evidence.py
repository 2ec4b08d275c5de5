"""The figures of pairs and of the whole: by hand where it can be done, and their samples always."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import msgspec
import pytest

from orchestrion.domain.capital.return_history import EquityPoint
from orchestrion.domain.compatibility.association import pearson
from orchestrion.domain.compatibility.evidence import Evidence
from orchestrion.domain.compatibility.history import Alignment, StrategyHistory
from orchestrion.domain.compatibility.lineup import AnalysisSettings, Lineup
from orchestrion.domain.models.strategy_metadata import Horizon
from tests.unit.domain.compatibility.lineup_builders import (
    MONDAY,
    SHORT,
    candidate,
    curve,
    lineup,
    noise,
    past,
)
from tests.unit.domain.compatibility.test_association import RECORDED, SERIES


def two(
    one: StrategyHistory, other: StrategyHistory, *, settings: AnalysisSettings = SHORT
) -> Evidence:
    made = lineup(candidate("A"), candidate("B"), histories={"A": one, "B": other})
    return Evidence(made, settings)


def test_pair_has_the_recorded_correlations() -> None:
    figures = two(past(SERIES["A"]), past(SERIES["C"])).pair("A", "B")
    assert (figures.common_days, figures.returns) == (13, 12)
    recorded_pearson, recorded_spearman, recorded_downside = RECORDED["A", "C"]
    # Returns are computed back from a curve in billionths, which also breaks the ties of two ranks.
    assert figures.pearson == pytest.approx(recorded_pearson, abs=1e-6)
    assert figures.downside == pytest.approx(recorded_downside, abs=1e-6)
    assert figures.spearman == pytest.approx(recorded_spearman, abs=0.02)
    assert figures.losing_both == 5


def test_one_return_less_than_needed_gives_no_figure_but_the_sample() -> None:
    needed = SHORT.daily_returns_min
    enough = two(past(noise(1, needed)), past(noise(2, needed))).pair("A", "B")
    short = two(past(noise(1, needed - 1)), past(noise(2, needed))).pair("A", "B")
    assert enough.pearson is not None
    assert (short.common_days, short.returns) == (needed, needed - 1)
    figures = (short.pearson, short.spearman, short.downside, short.joint_drawdown)
    assert figures == (None,) * 4
    assert short.losing_both is None


def test_too_few_losses_give_no_downside_correlation_only() -> None:
    mostly_up = (*(abs(one) for one in noise(1, 18)), -0.01, -0.02)
    figures = two(past(mostly_up), past(noise(2, 20))).pair("A", "B")
    assert figures.downside is None
    assert figures.pearson is not None


def test_returns_run_over_days_that_only_one_has() -> None:
    full = curve(noise(1, 30))
    thinned = tuple(point for place, point in enumerate(curve(noise(2, 30))) if place % 3 == 0)
    found = two(StrategyHistory(equity=full), StrategyHistory(equity=thinned)).pair("A", "B")
    every_third = full[::3]
    assert (found.common_days, found.returns) == (11, 10)
    assert found.pearson == pytest.approx(
        pearson(
            [float(b.equity / a.equity) - 1 for a, b in pairwise(every_third)],
            [float(b.equity / a.equity) - 1 for a, b in pairwise(thinned)],
        )
    )


def test_weekly_alignment_compares_where_no_day_is_common() -> None:
    mondays = StrategyHistory(equity=curve(noise(1, 12), step=7))
    fridays = StrategyHistory(equity=curve(noise(1, 12), first_day=MONDAY + 4, step=7))
    daily = two(mondays, fridays).pair("A", "B")
    weekly = msgspec.structs.replace(SHORT, alignment=Alignment.WEEKLY)
    by_week = two(mondays, fridays, settings=weekly).pair("A", "B")
    assert (daily.common_days, daily.returns, daily.pearson) == (0, 0, None)
    assert (by_week.common_days, by_week.returns) == (0, 12)
    assert by_week.pearson == pytest.approx(1.0)


def test_only_the_latest_returns_are_used() -> None:
    settings = msgspec.structs.replace(SHORT, weekly_returns_min=8, returns_max=10)
    late = noise(3, 10)
    one = past((*noise(1, 30), *late))
    other = past((*noise(2, 30), *(-each for each in late)))
    figures = two(one, other, settings=settings).pair("A", "B")
    assert figures.returns == 10
    assert figures.pearson == pytest.approx(-1.0, abs=1e-4)


def test_lost_capital_gives_no_returns_and_is_told() -> None:
    ruined = StrategyHistory(equity=(*curve(noise(1, 20)), EquityPoint(MONDAY + 40, Decimal(-5))))
    evidence = two(ruined, past(noise(2, 30)))
    assert evidence.pair("A", "B").returns == 0
    assert "A" not in evidence.measured_ids()
    assert "equity went from" in evidence.faults["A"]


def test_joint_drawdown_of_a_pair_does_not_depend_on_their_sizes() -> None:
    small, large = noise(1, 40, size=0.001), noise(2, 40, size=0.02)
    same = tuple(each * 20 for each in small)
    found = two(past(small), past(large)).pair("A", "B").joint_drawdown
    scaled = two(past(same), past(large)).pair("A", "B").joint_drawdown
    assert found is not None
    assert found == pytest.approx(scaled, abs=0.05)  # compounding leaves a little
    assert 0 < found < 1


def test_curve_that_never_falls_has_no_joint_drawdown() -> None:
    figures = two(past([0.01] * 20), past(noise(2, 20))).pair("A", "B")
    assert figures.joint_drawdown is None
    assert figures.pearson is None


def test_opposing_rate_needs_its_sample() -> None:
    def held(days: int, sides: int) -> StrategyHistory:
        return past(held=[(day, "SPX", sides) for day in range(days)])

    enough = two(held(4, 1), held(9, -1)).pair("A", "B")
    short = two(held(3, 1), held(9, -1)).pair("A", "B")
    assert (enough.common_instrument_days, enough.opposing_rate) == (4, 1.0)
    assert (short.common_instrument_days, short.opposing_rate) == (3, None)


def test_margin_coincidence_needs_its_sample() -> None:
    enough = two(past(margins=[5, 1, 1]), past(margins=[5, 1, 1])).pair("A", "B")
    short = two(past(margins=[5, 1]), past(margins=[5, 1, 1])).pair("A", "B")
    assert (enough.margin_days, enough.margin_coincidence) == (3, 1.0)
    assert (short.margin_days, short.margin_coincidence) == (2, None)


def test_cushion_is_the_same_whoever_is_asked_about_first() -> None:
    hurt, helper = noise(1, 40), noise(2, 40)
    early, late = (two(past(hurt), past(helper)) for _ in range(2))
    late.pair("A", "B")
    assert early.cushion("B", "A") == late.cushion("B", "A")
    assert early.cushion("A", "B") != early.cushion("B", "A")


def test_cushion_needs_returns() -> None:
    assert two(past(), past()).cushion("A", "B") is None


def test_weights_are_shares_of_what_is_given_out() -> None:
    made = lineup(candidate("A", "10"), candidate("B", "30"), total_capital="100")
    assert Evidence(made, SHORT).weights == {"A": 0.25, "B": 0.75}


def test_without_capital_everybody_counts_the_same() -> None:
    made = lineup(candidate("A", "10"), candidate("B", None))
    assert Evidence(made, SHORT).weights == {"A": 0.5, "B": 0.5}
    assert Evidence(made, SHORT).risk().leverage is None


def whole() -> Lineup:
    """A and B as in the ratio by hand of ``test_association``, three times over, and C unknown."""
    small = [0.0001, -0.0001, 0.0001, -0.0001] * 3
    large = [0.0002, 0.0002, -0.0002, -0.0002] * 3
    return lineup(
        candidate("A", leverage=2.0),
        candidate("B", leverage=0.5),
        candidate("C"),
        histories={"A": past(small, margins=[1, 2, 5, 1]), "B": past(large, margins=[9, 7, 4, 1])},
        total_capital="100000",
    )


def test_figures_of_the_whole_by_hand() -> None:
    risk = Evidence(whole(), SHORT).risk()
    assert (risk.strategy_ids, risk.strategies) == (("A", "B"), 3)
    assert (risk.common_days, risk.returns) == (13, 12)
    assert risk.diversification_ratio == pytest.approx(3 / 5**0.5, abs=1e-3)
    assert dict(risk.risk_shares) == pytest.approx({"A": 0.2, "B": 0.8}, abs=1e-3)
    assert risk.leverage == pytest.approx(0.35)
    assert (risk.margin_day, risk.margin_days) == (MONDAY, 4)
    assert risk.margin_use == pytest.approx(10 / 100_000)
    assert risk.max_drawdown == pytest.approx(0.0002, rel=0.01)


def test_figures_of_the_whole_need_two_histories_of_their_own() -> None:
    made = lineup(candidate("A"), candidate("B"), histories={"A": past(noise(1, 20))})
    risk = Evidence(made, SHORT).risk()
    assert risk.strategy_ids == ("A",)
    assert (risk.diversification_ratio, risk.joint_drawdown, risk.risk_shares) == (None, None, ())


def test_figures_of_the_whole_need_common_returns() -> None:
    late = StrategyHistory(equity=curve(noise(2, 20), first_day=MONDAY + 15))
    risk = two(past(noise(1, 20)), late).risk()
    assert (risk.common_days, risk.returns) == (6, 5)
    assert risk.diversification_ratio is None


def test_strategies_that_cancel_have_no_ratio_and_no_shares() -> None:
    steady = tuple(point.equity for point in curve(noise(1, 12)))
    mirrored = StrategyHistory(
        equity=tuple(
            EquityPoint(MONDAY + day, Decimal(20_000) - equity) for day, equity in enumerate(steady)
        )
    )
    risk = two(past([0.01] * 12), past([0.01] * 12)).risk()
    assert (risk.diversification_ratio, risk.risk_shares) == (None, ())
    offset = two(past(noise(1, 12)), mirrored).risk()
    assert offset.joint_drawdown == pytest.approx(0.0, abs=1e-9)
    assert offset.max_drawdown == pytest.approx(0.0, abs=1e-9)


def test_horizon_is_what_the_history_shows_and_what_is_declared_without_one() -> None:
    holdings = past([0.0] * 10, held=[(2 * place, "SPX", 1) for place in range(5)])
    few = past([0.0] * 10, held=[(0, "SPX", 1)])
    made = lineup(
        candidate("A", horizon=Horizon.MONTHS),
        candidate("B"),
        candidate("C"),
        candidate("D", horizon=Horizon.MONTHS),
        candidate("E", horizon=Horizon.WEEKS),
        histories={"A": holdings, "B": holdings, "E": few},
    )
    assert Evidence(made, SHORT).horizons == {
        "A": Horizon.DAYS,
        "B": Horizon.DAYS,
        "C": None,
        "D": Horizon.MONTHS,
        "E": Horizon.WEEKS,
    }
