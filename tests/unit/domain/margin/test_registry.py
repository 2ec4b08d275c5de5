"""Models by name."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.margin.cash_account import CashAccountModel
from orchestrion.domain.margin.instrument_rates import InstrumentRatesModel
from orchestrion.domain.margin.option_rule import NakedRule
from orchestrion.domain.margin.reg_t import RegTModel
from orchestrion.domain.margin.registry import MarginModels
from orchestrion.domain.margin.requirement import MarginModel
from orchestrion.domain.margin.span_model import SpanModel
from orchestrion.domain.margin.strategy_based import StrategyBasedModel

BUILT_IN: dict[str, MarginModel] = {
    "instrument_rates": InstrumentRatesModel(),
    "cash": CashAccountModel(),
    "reg_t": RegTModel(),
    "strategy_based": StrategyBasedModel(),
    "span": SpanModel(),
}


def test_built_in_models_are_found_by_name_with_their_defaults() -> None:
    models = MarginModels()
    assert {name: models.build(name) for name in models} == BUILT_IN


def test_settings_reach_the_model() -> None:
    models = MarginModels()
    assert models.build("cash", {"allows_secured_options": True}) == CashAccountModel(
        allows_secured_options=True
    )
    built = models.build(
        "strategy_based",
        {
            "stock": {"long_initial_fraction": "0.60", "short_minimum": 4},
            "option": {
                "by_underlying": {"SPY": {"fraction": Decimal("0.15"), "floor_fraction": "0.10"}}
            },
        },
    )
    assert isinstance(built, StrategyBasedModel)
    assert built.stock.long_initial_fraction == Decimal("0.60")
    assert built.stock.short_minimum == 4
    assert built.option.by_underlying["SPY"] == NakedRule(Decimal("0.15"), Decimal("0.10"))


def test_span_takes_a_grid_of_its_own() -> None:
    scenarios = [{"price_thirds": 3}, {"price_thirds": -3, "weight": "0.5"}]
    parameters = {"price_scan_fraction": "0.10", "volatility_scan": "0.04", "scenarios": scenarios}
    built = MarginModels().build("span", {"parameters": {"NIFTY": parameters}})
    assert isinstance(built, SpanModel)
    assert [one.weight for one in built.parameters_of("NIFTY").scenarios] == [1, Decimal("0.5")]


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("spam", {}, ["'spam'", "span"]),
        ("cash", {"secured": True}, ["'cash'", "secured"]),
        ("cash", {"allows_secured_options": "perhaps"}, ["'cash'", "allows_secured_options"]),
        ("reg_t", {"stock": {"low_price": 4.5}}, ["'reg_t'", "$.stock.low_price", "4.5"]),
        (
            "span",
            {"default": {"scenarios": [{"price_thirds": 1, "weight": 0.5}]}},
            ["$.default.scenarios[0].weight"],
        ),
        ("reg_t", {"stock": {"low_price": "-1"}}, ["'reg_t'", "low_price must be"]),
        ("span", {"parameters": {"X": {"price_scan_fraction": "0.1"}}}, ["volatility_scan"]),
        (
            "strategy_based",
            {
                "stock": {
                    "long_initial_fraction": "0.05",
                    "long_maintenance_fraction": "0.01",
                    "short_initial_fraction": "0.05",
                    "short_maintenance_fraction": "0.01",
                }
            },
            ["'strategy_based'", "a naked option's 0.15"],
        ),
    ],
)
def test_settings_that_cannot_be_used_are_refused_by_key(
    name: str, settings: Mapping[str, Any], words: list[str]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        MarginModels().build(name, settings)
    assert [word for word in words if word not in str(caught.value)] == []


def own_model(settings: Mapping[str, object]) -> MarginModel:
    assert not settings
    return CashAccountModel()


def test_own_model_is_known_to_the_new_registry_only() -> None:
    models = MarginModels()
    extended = models.with_model("house", own_model)
    assert extended.build("house") == CashAccountModel()
    assert [*extended] == [*models, "house"]
    with pytest.raises(ConfigurationError, match="house"):
        models.build("house")


@pytest.mark.parametrize("name", ["", "cash"])
def test_name_that_is_empty_or_taken_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="empty or taken"):
        MarginModels().with_model(name, own_model)


def test_model_that_is_no_function_is_refused() -> None:
    nonsense: Any = "cash"
    with pytest.raises(ConfigurationError, match="not a function"):
        MarginModels().with_model("house", nonsense)


def test_registry_of_own_models_only_knows_no_others() -> None:
    assert [*MarginModels({"house": own_model})] == ["house"]
