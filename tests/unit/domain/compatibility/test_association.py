"""Correlations against recorded figures of another library; drawdown, HHI and ratio by hand."""

from __future__ import annotations

import math

import pytest

from orchestrion.domain.compatibility.association import (
    average_ranks,
    combined,
    diversification_ratio,
    downside,
    fall,
    herfindahl,
    pearson,
    risk_shares,
    spearman,
    standard,
    togetherness,
)

A = (0.012, -0.008, 0.003, 0.003, -0.021, 0.017, -0.004, 0.009, -0.013, 0.006, 0.0, -0.002)
B = (-0.004, 0.011, 0.003, -0.006, 0.018, -0.009, -0.001, -0.004, 0.007, 0.002, 0.005, -0.004)
C = (0.031, -0.012, 0.008, 0.001, -0.044, 0.025, -0.019, 0.014, -0.022, 0.001, 0.001, -0.007)
SERIES = {"A": A, "B": B, "C": C}

# Recorded with SciPy 1.17.1 (NumPy 2.4.6): stats.pearsonr(x, y).statistic,
# stats.spearmanr(x, y).statistic, stats.pearsonr(minimum(x, 0), minimum(y, 0)).statistic.
RECORDED = {
    ("A", "B"): (-0.8499104682277856, -0.7760249717309561, -0.44484150081277285),
    ("A", "C"): (0.9594172422028547, 0.959449055958273, 0.9607479924002992),
    ("B", "C"): (-0.7686882222307758, -0.6808510638297873, -0.4283603560875806),
}


@pytest.mark.parametrize("names", RECORDED)
def test_correlations_agree_with_scipy(names: tuple[str, str]) -> None:
    one, other = (SERIES[name] for name in names)
    found = (pearson(one, other), spearman(one, other), downside(one, other))
    assert found == pytest.approx(RECORDED[names], abs=1e-14)


def test_ties_share_their_mean_rank() -> None:
    # stats.rankdata(B) of SciPy 1.17.1; three equal values share rank 4.
    assert average_ranks(B) == (4.0, 11.0, 8.0, 2.0, 12.0, 1.0, 6.0, 4.0, 10.0, 7.0, 9.0, 4.0)


def test_ranks_of_nothing_are_nothing() -> None:
    assert average_ranks(()) == ()


@pytest.mark.parametrize("still", [(), (0.1,), (0.01, 0.01, 0.01), (0.1, 0.1 + 1e-15, 0.1)])
def test_series_that_does_not_move_has_no_correlation(still: tuple[float, ...]) -> None:
    assert standard(still) is None
    assert pearson(still, A[: len(still)]) is None
    assert pearson(A[: len(still)], still) is None


def test_series_that_never_loses_has_no_downside_correlation() -> None:
    gains = tuple(abs(one) for one in A)
    assert downside(gains, B) is None


def test_perfect_hedge_of_normal_returns_has_the_downside_correlation_stated() -> None:
    # A symmetric normal sample by quantiles; the sample's tail is cut, hence the tolerance.
    normal = [math.sqrt(2) * _inverse_erf(2 * (i + 0.5) / 2_000 - 1) for i in range(2_000)]
    found = downside(normal, [-one for one in normal])
    assert found == pytest.approx(-1 / (math.pi - 1), abs=1e-3)


def _inverse_erf(x: float) -> float:
    low, high = -6.0, 6.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if math.erf(middle) < x else (low, middle)
    return low


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ((), 0.0),
        ((1.0,), 0.0),
        ((1.0, 2.0, 3.0), 0.0),
        ((1.0, 3.0, 2.0, 4.0, 2.5), 1.5),
        ((5.0, 1.0, 9.0, 6.0), 4.0),
    ],
)
def test_fall_is_the_largest_below_an_earlier_high(
    levels: tuple[float, ...], expected: float
) -> None:
    assert fall(levels) == expected


def test_curves_that_fall_at_once_keep_all_of_their_falls() -> None:
    one, other = (10.0, 8.0, 11.0), (20.0, 17.0, 20.0)
    whole = tuple(a + b for a, b in zip(one, other, strict=True))
    assert togetherness([fall(one), fall(other)], fall(whole)) == 1.0


def test_curves_that_fall_in_turn_keep_part_of_their_falls() -> None:
    one, other = (10.0, 8.0, 10.0, 10.0), (10.0, 11.0, 11.0, 9.0)
    # Together 20, 19, 21, 19: a fall of 2 where the two alone fell by 2 each.
    assert togetherness([fall(one), fall(other)], fall((20.0, 19.0, 21.0, 19.0))) == 0.5


def test_curves_that_never_fall_have_no_common_fall() -> None:
    assert togetherness([0.0, 0.0], 0.0) is None


@pytest.mark.parametrize(
    ("shares", "expected"),
    [((1.0,), 1.0), ((1.0, 1.0), 0.5), ((60.0, 30.0, 10.0), 0.46), ((0.5, 0.5, 0.0), 0.5)],
)
def test_herfindahl_is_the_sum_of_squared_shares(
    shares: tuple[float, ...], expected: float
) -> None:
    assert herfindahl(shares) == pytest.approx(expected, abs=1e-15)


# By hand: the series have vectors of length 0.02 and 0.04 and no correlation; halves of them add up
# to (0.015, 0.005, -0.005, -0.015), of length √0.0005. So (0.01 + 0.02) / √0.0005 = 3 / √5.
SMALL = (0.01, -0.01, 0.01, -0.01)
LARGE = (0.02, 0.02, -0.02, -0.02)


def test_diversification_ratio_of_two_uncorrelated_series() -> None:
    assert diversification_ratio((0.5, 0.5), (SMALL, LARGE)) == pytest.approx(3 / math.sqrt(5))
    assert diversification_ratio((2 / 3, 1 / 3), (SMALL, LARGE)) == pytest.approx(math.sqrt(2))


def test_diversification_ratio_of_copies_is_one() -> None:
    assert diversification_ratio((0.3, 0.7), (A, A)) == pytest.approx(1.0)


@pytest.mark.parametrize("other", [tuple(-one for one in SMALL), (0.01,) * 4])
def test_diversification_ratio_needs_movement(other: tuple[float, ...]) -> None:
    assert diversification_ratio((0.5, 0.5), (SMALL, other)) is None


def test_risk_shares_by_hand() -> None:
    # Uncorrelated variances 1 and 4 at equal weights: a fifth and four fifths.
    assert risk_shares((0.5, 0.5), (SMALL, LARGE)) == pytest.approx((0.2, 0.8))


def test_hedge_has_a_negative_risk_share() -> None:
    hedge = tuple(-one / 2 for one in A)
    shares = risk_shares((0.5, 0.5), (A, hedge))
    assert shares == pytest.approx((2.0, -1.0))


def test_risk_shares_need_movement_of_the_whole() -> None:
    assert risk_shares((0.5, 0.5), (SMALL, tuple(-one for one in SMALL))) is None


def test_combined_adds_place_by_place() -> None:
    assert combined((1.0, 10.0), ((1.0, 2.0), (0.5, 0.25))) == (6.0, 4.5)
