"""``account.margin`` as the domain's margin models."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestrion.adapters.settings import build_margin_model, check_settings, load_settings
from orchestrion.domain.margin.cash_account import CashAccountModel
from orchestrion.domain.margin.instrument_rates import InstrumentRatesModel
from orchestrion.domain.margin.option_rule import NakedRule
from orchestrion.domain.margin.reg_t import RegTModel
from orchestrion.domain.margin.requirement import MarginModel
from orchestrion.domain.margin.span_model import SpanModel
from orchestrion.domain.margin.span_parameters import NIFTY_EXAMPLE, SpanParameters, SpanScenario
from orchestrion.domain.margin.strategy_based import StrategyBasedModel

NIFTY: dict[str, Any] = {
    "price_scan_pct": 9.3,
    "volatility_scan_pct": 4,
    "calendar_charge_pct": 1.75,
    "exposure_pct": 2,
    "deep_exposure_pct": 3,
    "deep_from_pct": 10,
    "expiry_day_pct": 2,
    "offsets_on_expiry_day": False,
    "utc_offset_minutes": 330,
}
OWN = """
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.margin.instrument_rates import InstrumentRatesModel

def rates(settings):
    if "factor" not in settings:
        raise ConfigurationError("factor is missing")
    return InstrumentRatesModel()

def nothing(settings):
    return None
"""


def model_of(**margin: Any) -> MarginModel:
    settings = load_settings({"strategy": "STRANGLE", "account": {"margin": margin}})
    return build_margin_model(settings.account.margin)


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("instrument_rates", InstrumentRatesModel()),
        ("cash", CashAccountModel()),
        ("reg_t", RegTModel()),
        ("strategy_based", StrategyBasedModel()),
    ],
)
def test_defaults_are_those_of_the_model(name: str, model: MarginModel) -> None:
    assert model_of(model=name) == model


def test_account_without_a_model_has_the_instruments_rates() -> None:
    settings = load_settings({"strategy": "STRANGLE"})
    assert build_margin_model(settings.account.margin) == InstrumentRatesModel()


def test_percent_becomes_fractions() -> None:
    model = model_of(
        model="strategy_based",
        stock={"long_initial_pct": 60, "short_minimum": "2.5"},
        option={
            "broad_index": {"underlying_pct": 12.5, "floor_pct": 7},
            "by_underlying": {"NDX": {"underlying_pct": 20, "floor_pct": 10}},
            "long_dated_pct": 80,
        },
        future={"calendar_credit_pct": 40},
    )
    assert isinstance(model, StrategyBasedModel)
    assert model.stock.long_initial_fraction == Decimal("0.6")
    assert model.stock.short_minimum == Decimal("2.5")
    assert model.option.broad_index == NakedRule(Decimal("0.125"), Decimal("0.07"))
    assert model.option.by_underlying == {"NDX": NakedRule(Decimal("0.2"), Decimal("0.1"))}
    assert model.option.long_dated_fraction == Decimal("0.8")
    assert model.future.calendar_credit_fraction == Decimal("0.4")
    assert model_of(model="cash", allows_secured_options=True) == CashAccountModel(
        allows_secured_options=True
    )


def test_span_parameters_are_data() -> None:
    model = model_of(model="span", parameters={"SPX": NIFTY, "WTI": NIFTY})
    assert model == SpanModel(parameters={"SPX": NIFTY_EXAMPLE, "WTI": NIFTY_EXAMPLE})
    scenario = {"price_thirds": -6, "weight_pct": 35}
    default = {
        "price_scan_pct": 10,
        "volatility_scan_pct": 5,
        "scenarios": [scenario],
        "interest_rate_pct": -1,
        "volatility_min_pct": 2,
        "volatility_max_pct": 300,
    }
    assert model_of(model="span", default=default) == SpanModel(
        default=SpanParameters(
            price_scan_fraction=Decimal("0.1"),
            volatility_scan=Decimal("0.05"),
            scenarios=(SpanScenario(-6, 0, Decimal("0.35")),),
            interest_rate=Decimal("-0.01"),
            volatility_min=Decimal("0.02"),
            volatility_max=Decimal(3),
        )
    )


FAULTY: dict[str, tuple[Any, str, str]] = {
    "unknown model": ({"model": "regt"}, "account.margin.model", "did you mean reg_t?"),
    "no map": ("cash", "account.margin", "expected a map"),
    "setting of another model": (
        {"model": "cash", "stock": {}},
        "account.margin.stock",
        "unknown key",
    ),
    "misspelt figure": (
        {"model": "reg_t", "stock": {"long_inital_pct": 50}},
        "account.margin.stock.long_inital_pct",
        "did you mean long_initial_pct",
    ),
    "maintenance above initial": (
        {"model": "reg_t", "stock": {"long_initial_pct": 20}},
        "account.margin.stock",
        "long_maintenance_pct 25 is above long_initial_pct 20",
    ),
    "naked options above shares": (
        {
            "model": "strategy_based",
            "stock": {"long_initial_pct": 25, "short_initial_pct": 30},
            "option": {"by_underlying": {"X": {"underlying_pct": 60, "floor_pct": 10}}},
        },
        "account.margin",
        "option.X asks more",
    ),
    "charge above two ranges": (
        {"model": "span", "default": {**NIFTY, "calendar_charge_pct": 19}},
        "account.margin.default",
        "more than twice price_scan_pct",
    ),
    "volatilities the wrong way round": (
        {"model": "span", "default": {**NIFTY, "volatility_min_pct": 600}},
        "account.margin.default",
        "must be below volatility_max_pct",
    ),
    "range that is missing": (
        {"model": "span", "default": {"volatility_scan_pct": 4}},
        "account.margin.default.price_scan_pct",
        "missing",
    ),
    "underlying without parameters": (
        {"model": "span", "parameters": {"SPX": NIFTY}},
        "account.margin",
        "no parameters for 'WTI'",
    ),
    "own model that is nowhere": (
        {"model": "nowhere_at_all:model"},
        "account.margin.model",
        "does it lie beside the configuration?",
    ),
    "own model that refuses its settings": (
        {"model": "own_margin:rates"},
        "account.margin",
        "factor is missing",
    ),
    "own model that is none": (
        {"model": "own_margin:nothing"},
        "account.margin",
        "is no MarginModel",
    ),
}


@pytest.mark.parametrize("case", FAULTY)
def test_model_that_cannot_be_used_is_told_at_its_key(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_margin.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    margin, path, words = FAULTY[case]
    faults = check_settings({"strategy": "STRANGLE", "account": {"margin": margin}})
    assert [one.path for one in faults] == [path]
    assert words in str(faults[0])


def test_model_of_the_users_own_is_built_with_its_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_margin.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    model = model_of(model="own_margin:rates", settings={"factor": "1.5"})
    assert model == InstrumentRatesModel()
