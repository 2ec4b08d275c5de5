"""Single options: naked short ones, and what long-dated ones lend."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.margin.option_rule import (
    BROAD_INDEX,
    SINGLE_STOCK,
    NakedRule,
    OptionRule,
)
from orchestrion.domain.margin.requirement import DAY_NS
from orchestrion.domain.models.instrument import InstrumentCatalog, OptionContract
from tests.fakes_margin import NOW, call, index, put, stock


@pytest.mark.parametrize(
    ("rule", "option", "underlying", "bound"),
    [
        pytest.param(BROAD_INDEX, call("I", 100), "100", "15.00", id="index call at the money"),
        pytest.param(BROAD_INDEX, call("I", 80), "100", "15.00", id="in the money, nothing off"),
        pytest.param(BROAD_INDEX, call("I", 103), "100", "12.00", id="3 out of the money"),
        pytest.param(BROAD_INDEX, call("I", 130), "100", "10.00", id="10 % of the underlying"),
        pytest.param(BROAD_INDEX, put("I", 97), "100", "12.00", id="put 3 out of the money"),
        pytest.param(BROAD_INDEX, put("I", 60), "100", "6.00", id="10 % of the strike"),
        pytest.param(SINGLE_STOCK, call("A", 100), "97.73", "17.276", id="stock call, Cboe table"),
        pytest.param(SINGLE_STOCK, put("A", 100), "97.73", "19.546", id="stock put, Cboe table"),
        pytest.param(BROAD_INDEX, call("I", 10), "-5", "0", id="call below zero"),
        pytest.param(BROAD_INDEX, put("I", 10), "-5", "1.00", id="put below zero"),
    ],
)
def test_naked_requirement_in_terms_of_equity(
    rule: NakedRule, option: OptionContract, underlying: str, bound: str
) -> None:
    assert rule.requirement(option, Decimal(underlying)) == Decimal(bound)


def test_rate_follows_the_kind_of_underlying_unless_it_is_named() -> None:
    catalog = InstrumentCatalog([index("SPX"), index("NARROW"), stock("AAPL"), stock("SPY")])
    rule = OptionRule(by_underlying={"NARROW": SINGLE_STOCK, "SPY": BROAD_INDEX})
    rates = {
        name: rule.naked_rule(name, catalog).fraction
        for name in ("SPX", "AAPL", "NARROW", "SPY", "nobody knows it")
    }
    assert {name: str(rate) for name, rate in rates.items()} == {
        "SPX": "0.15",
        "AAPL": "0.20",
        "NARROW": "0.20",
        "SPY": "0.15",
        "nobody knows it": "0.20",
    }


def test_option_lends_strictly_after_nine_months() -> None:
    option = call("A", 100, days=274)
    assert OptionRule().long_fraction(option, NOW) == 1
    assert OptionRule().long_fraction(option, NOW - 1) == Decimal("0.75")
    assert OptionRule(long_dated_after_days=0).long_fraction(option, NOW + 273 * DAY_NS) < 1


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"long_dated_after_days": -1}, "long_dated_after_days"),
        ({"long_dated_fraction": Decimal("1.5")}, "long_dated_fraction"),
    ],
)
def test_rule_that_cannot_be_used_is_refused_by_name(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        OptionRule(**fields)


def test_naked_rule_above_the_whole_underlying_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="floor_fraction"):
        NakedRule(Decimal("0.2"), Decimal("1.2"))
