"""Position sizing: each rule's table, lots, and what is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest

from orchestrion.domain.capital.position_sizing import (
    SizingError,
    fixed_lots,
    fractional_kelly,
    kelly_fraction,
    percent_of_budget,
    risk_per_trade,
    target_volatility,
)
from orchestrion.domain.models.instrument import Equity, Future

SHARE = Equity(instrument_id="ABC", lot_size=Decimal(10))
FUTURE = Future(
    instrument_id="ES",
    underlying_id="SPX",
    expiry_ts=9,
    multiplier=Decimal(50),
    initial_margin=Decimal(1),
    maintenance_margin=Decimal(1),
)
D = Decimal


def test_fixed_lots_are_lots_times_lot_size() -> None:
    assert fixed_lots(1, SHARE) == 10
    assert fixed_lots(3, SHARE) == 30


@pytest.mark.parametrize(
    ("budget", "fraction", "price", "expected"),
    [
        ("10000", "0.5", "50", "100"),
        ("10000", "0.5", "51", "90"),  # 98.04 shares
        ("10000", "2", "50", "400"),
        ("999.99", "0.5", "50", "0"),  # one share short of a lot
        ("1000", "0.5", "50", "10"),
        ("0", "0.5", "50", "0"),
        ("-5000", "0.5", "50", "0"),
    ],
)
def test_percent_of_budget(budget: str, fraction: str, price: str, expected: str) -> None:
    quantity = percent_of_budget(D(budget), D(fraction), price=D(price), instrument=SHARE)
    assert quantity == D(expected)


def test_multiplier_counts() -> None:
    quantity = percent_of_budget(D(1_000_000), D(1), price=D(5_000), instrument=FUTURE)
    assert quantity == 4


@pytest.mark.parametrize(
    ("target", "volatility", "leverage_max", "expected"),
    [
        ("0.1", "0.2", "1", "50"),  # half of the budget
        ("0.1", "0.3", "1", "30"),  # 33.3 shares
        ("0.1", "0.05", "1", "100"),  # twice the budget, but no leverage
        ("0.1", "0.05", "3", "200"),
    ],
)
def test_target_volatility(target: str, volatility: str, leverage_max: str, expected: str) -> None:
    quantity = target_volatility(
        D(10_000),
        D(target),
        volatility=D(volatility),
        price=D(100),
        instrument=SHARE,
        leverage_max=D(leverage_max),
    )
    assert quantity == D(expected)


def test_quotient_that_is_exact_is_not_cut_by_a_lot() -> None:
    # 0.1 / 0.3 has no finite decimal, but 300,000 x 0.1 / 0.3 / 100 is 1,000 shares exactly.
    quantity = target_volatility(
        D(300_000), D("0.1"), volatility=D("0.3"), price=D(100), instrument=SHARE
    )
    assert quantity == 1_000


@pytest.mark.parametrize(
    ("entry", "stop", "instrument", "expected"),
    [
        ("100", "95", SHARE, "40"),  # 200 at risk, 5 a share
        ("100", "105", SHARE, "40"),  # a short
        ("100", "97", SHARE, "60"),  # 66.7 shares
        ("100", "70", SHARE, "0"),
        ("5000", "4996", FUTURE, "1"),  # 200 a contract
        ("5000", "4995.75", FUTURE, "0"),
    ],
)
def test_risk_per_trade(entry: str, stop: str, instrument: Future, expected: str) -> None:
    quantity = risk_per_trade(
        D(10_000), D("0.02"), entry_price=D(entry), stop_price=D(stop), instrument=instrument
    )
    assert quantity == D(expected)


@pytest.mark.parametrize(
    ("chance", "payoff", "expected"),
    [
        ("0.6", "1", Fraction(1, 5)),  # Kelly's own even-money bet: 2p - 1
        ("0.5", "2", Fraction(1, 4)),
        ("0.5", "1", Fraction(0)),
        ("0.4", "1", Fraction(0)),  # no edge: nothing, never a bet on the other side
    ],
)
def test_kelly_fraction(chance: str, payoff: str, expected: Fraction) -> None:
    assert kelly_fraction(D(chance), D(payoff)) == expected


def test_fractional_kelly_risks_its_part() -> None:
    quantity = fractional_kelly(
        D(10_000),
        D("0.5"),
        win_probability=D("0.6"),
        payoff_ratio=D(1),
        loss_per_unit=D(9),
        instrument=SHARE,
    )
    assert quantity == 110  # 1,000 at risk, 9 a share: 111.1


def test_kelly_without_edge_is_zero() -> None:
    quantity = fractional_kelly(
        D(10_000),
        D(1),
        win_probability=D("0.4"),
        payoff_ratio=D(1),
        loss_per_unit=D(9),
        instrument=SHARE,
    )
    assert quantity == 0


def _percent(**changed: object) -> Decimal:
    given = {"budget": D(1), "fraction": D(1), "price": D(1)} | changed
    return percent_of_budget(**given, instrument=SHARE)  # type: ignore[arg-type]


def _target(**changed: object) -> Decimal:
    given = {"budget": D(1), "target": D(1), "volatility": D(1), "price": D(1)} | changed
    return target_volatility(**given, instrument=SHARE)  # type: ignore[arg-type]


def _risk(**changed: object) -> Decimal:
    given = {"budget": D(1), "risk_fraction": D(1), "entry_price": D(2), "stop_price": D(1)}
    return risk_per_trade(**given | changed, instrument=SHARE)  # type: ignore[arg-type]


def _kelly(**changed: object) -> Decimal:
    given = {
        "budget": D(1),
        "kelly_part": D(1),
        "win_probability": D("0.5"),
        "payoff_ratio": D(1),
        "loss_per_unit": D(1),
    } | changed
    return fractional_kelly(**given, instrument=SHARE)  # type: ignore[arg-type]


FIGURES = [
    (_percent, "fraction"),
    (_percent, "price"),
    (_target, "target"),
    (_target, "volatility"),
    (_target, "price"),
    (_target, "leverage_max"),
    (_risk, "risk_fraction"),
    (_risk, "entry_price"),
    (_risk, "stop_price"),
    (_kelly, "kelly_part"),
    (_kelly, "win_probability"),
    (_kelly, "payoff_ratio"),
    (_kelly, "loss_per_unit"),
]


@pytest.mark.parametrize("value", [D("NaN"), D("Infinity"), D(0), D(-1), D("1e18"), 1.5, None])
@pytest.mark.parametrize(("rule", "name"), FIGURES)
def test_figure_that_makes_no_sense_is_named(
    rule: Callable[..., Decimal], name: str, value: object
) -> None:
    with pytest.raises(SizingError, match=f"^{name} must be"):
        rule(**{name: value})


@pytest.mark.parametrize("value", [D("NaN"), D("Infinity"), D("-Infinity"), 1.5, None])
@pytest.mark.parametrize("rule", [_percent, _target, _risk, _kelly])
def test_budget_that_is_no_amount_is_named(rule: Callable[..., Decimal], value: object) -> None:
    with pytest.raises(SizingError, match=r"^budget must be"):
        rule(budget=value)


@pytest.mark.parametrize(
    ("rule", "name", "value", "message"),
    [
        (_risk, "risk_fraction", D(2), "risk_fraction must be at most 1"),
        (_kelly, "kelly_part", D(2), "kelly_part must be at most 1"),
        (_kelly, "win_probability", D(1), "win_probability must be below 1"),
        (_risk, "stop_price", D(2), "stop_price 2 is the entry_price"),
    ],
)
def test_figure_out_of_its_range_is_named(
    rule: Callable[..., Decimal], name: str, value: Decimal, message: str
) -> None:
    with pytest.raises(SizingError, match=message):
        rule(**{name: value})


@pytest.mark.parametrize("lots", [0, -1, 1.0, True, D(1), float("nan")])
def test_lots_that_are_no_count_are_refused(lots: int) -> None:
    with pytest.raises(SizingError, match="lots must be a whole number above 0"):
        fixed_lots(lots, SHARE)
