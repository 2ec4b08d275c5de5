"""The library's seven names, and that every one of them can be configured and described."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from orchestrion.domain.models.strategy import Strategy
from orchestrion.domain.models.strategy_metadata import Horizon, StrategyMetadata
from orchestrion.domain.strategies.bear_put_spread import BearPutSpreadStrategy
from orchestrion.domain.strategies.bull_call_spread import BullCallSpreadStrategy
from orchestrion.domain.strategies.iron_condor import IronCondorStrategy
from orchestrion.domain.strategies.library import (
    StrategyLibrary,
    describe_parameters,
    strategy_library,
)
from orchestrion.domain.strategies.library_strategy import LibraryStrategy
from orchestrion.domain.strategies.mean_reversion_equity import MeanReversionEquityStrategy
from orchestrion.domain.strategies.momentum_futures import MomentumFuturesStrategy
from orchestrion.domain.strategies.options_monthly_weekly_hedge import (
    OptionsMonthlyWeeklyHedgeStrategy,
)
from orchestrion.domain.strategies.strangle import StrangleStrategy

NAMES = list(StrategyLibrary.STRATEGIES)


def test_library_has_exactly_the_seven_names_of_the_specification() -> None:
    expected = {
        "OPTIONS_MONTHLY_WEEKLY_HEDGE": OptionsMonthlyWeeklyHedgeStrategy,
        "IRON_CONDOR": IronCondorStrategy,
        "BULL_CALL_SPREAD": BullCallSpreadStrategy,
        "BEAR_PUT_SPREAD": BearPutSpreadStrategy,
        "STRANGLE": StrangleStrategy,
        "MOMENTUM_FUTURES": MomentumFuturesStrategy,
        "MEAN_REVERSION_EQUITY": MeanReversionEquityStrategy,
    }
    assert expected == StrategyLibrary.STRATEGIES


@pytest.mark.parametrize("name", NAMES)
def test_each_call_gives_a_new_instance(name: str) -> None:
    first, second = strategy_library.get_strategy(name), StrategyLibrary.get_strategy(name)
    assert isinstance(first, Strategy)
    assert type(first) is StrategyLibrary.STRATEGIES[name]
    assert first is not second


@pytest.mark.parametrize("call", [StrategyLibrary.get_strategy, describe_parameters])
def test_unknown_name_is_refused_with_the_specified_text(call: object) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=r"^Unknown strategy: BUTTERFLY$"):
        call("BUTTERFLY")


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_described_with_type_default_and_unit(name: str) -> None:
    described = describe_parameters(name)
    model = StrategyLibrary.STRATEGIES[name].Parameters
    assert [one.name for one in described] == list(model.model_fields)
    for one in described:
        assert one.unit, one
        assert one.description, one
        assert "value" not in one.type, one
        assert model.model_validate({one.name: one.default}) == model()


@pytest.mark.parametrize("name", NAMES)
def test_every_strategy_says_how_long_it_holds(name: str) -> None:
    # Measured over two years of the bundled data: medians of 6 to 19 closes, a week to a month.
    strategy = StrategyLibrary.get_strategy(name)
    assert isinstance(strategy, LibraryStrategy)
    assert strategy.default_metadata("X").horizon is Horizon.WEEKS


@pytest.mark.parametrize("name", NAMES)
def test_percent_exists_only_in_names_that_say_so(name: str) -> None:
    for one in describe_parameters(name):
        assert one.name.endswith("_pct") is one.unit.startswith("percent")


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_frozen_and_refuse_unknown_keys_and_nan(name: str) -> None:
    cls = StrategyLibrary.STRATEGIES[name]
    with pytest.raises(ValidationError, match="num_lot_size"):
        cls.configured({"num_lot_size": 1})
    with pytest.raises(ValidationError, match="frozen"):
        cls().parameters.max_positions = 5  # type: ignore[attr-defined]
    for one in describe_parameters(name):
        if isinstance(one.default, float):
            for value in (float("nan"), float("inf"), "1.0", True):
                with pytest.raises(ValidationError, match=one.name):
                    cls.configured({one.name: value})


@pytest.mark.parametrize("name", NAMES)
def test_parameters_survive_json_in_strict_mode(name: str) -> None:
    parameters = StrategyLibrary.STRATEGIES[name].Parameters()
    text = parameters.model_dump_json()
    assert type(parameters).model_validate_json(text, strict=True) == parameters


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("OPTIONS_MONTHLY_WEEKLY_HEDGE", {"num_lots": 4, "max_positions": 3}),
        ("MOMENTUM_FUTURES", {"leverage": 2.0}),
        ("MEAN_REVERSION_EQUITY", {"position_size_pct": 3.0}),
    ],
)
def test_keys_of_the_specification_are_parameters(name: str, config: dict[str, float]) -> None:
    strategy = StrategyLibrary.STRATEGIES[name].configured(config)
    assert config.items() <= strategy.parameters.model_dump().items()


@pytest.mark.parametrize(
    ("name", "config", "fault"),
    [
        ("IRON_CONDOR", {"days_to_expiry_min": 50, "days_to_expiry_max": 40}, "is above"),
        ("IRON_CONDOR", {"exit_days_to_expiry": 30}, "must be below days_to_expiry_min"),
        ("IRON_CONDOR", {"wing_delta": 0.2}, "further out of the money"),
        ("IRON_CONDOR", {"strike_rule": "percent", "wing_distance_pct": 4.0}, "further out"),
        ("IRON_CONDOR", {"num_lots": 0}, "greater than or equal to 1"),
        ("IRON_CONDOR", {"num_lots": 1.5}, "num_lots"),
        ("BULL_CALL_SPREAD", {"short_delta": 0.5}, "further out of the money"),
        ("STRANGLE", {"option_delta": 0.5}, "below 0.5"),
        ("STRANGLE", {"strike_rule": "percent", "option_distance_pct": 0.0}, "above 0"),
        ("STRANGLE", {"side": "both"}, "long"),
        ("OPTIONS_MONTHLY_WEEKLY_HEDGE", {"hedge_delta": 0.2}, "further out"),
        ("OPTIONS_MONTHLY_WEEKLY_HEDGE", {"hedge_roll_days": 5}, "hedge_roll_days must be below"),
        ("OPTIONS_MONTHLY_WEEKLY_HEDGE", {"hedge_days_to_expiry_min": 13}, "is above"),
        ("OPTIONS_MONTHLY_WEEKLY_HEDGE", {"structure": "iron_condor", "wing_delta": 0.2}, "wing"),
        ("OPTIONS_MONTHLY_WEEKLY_HEDGE", {"structure": "long_straddle"}, "short_strangle"),
        ("MOMENTUM_FUTURES", {"leverage": 0}, "greater than 0"),
        ("MOMENTUM_FUTURES", {"exit_days": 50}, "below entry_days"),
        ("MOMENTUM_FUTURES", {"underlying_ids": ["SPX", "SPX"]}, "must be different"),
        ("MOMENTUM_FUTURES", {"underlying_ids": []}, "underlying_ids"),
        ("MEAN_REVERSION_EQUITY", {"exit_z": 2.0}, "below entry_z"),
        ("MEAN_REVERSION_EQUITY", {"instrument_ids": [""]}, "not empty"),
        ("MEAN_REVERSION_EQUITY", {"position_size_pct": 101}, "less than or equal to 100"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(
    name: str, config: dict[str, object], fault: str
) -> None:
    with pytest.raises(ValidationError, match=fault):
        StrategyLibrary.STRATEGIES[name].configured(config)


def test_wing_of_a_strangle_is_not_judged() -> None:
    config = {"wing_delta": 0.2}
    assert StrategyLibrary.STRATEGIES["OPTIONS_MONTHLY_WEEKLY_HEDGE"].configured(config)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_of_another_strategy_are_refused(name: str) -> None:
    other = "STRANGLE" if name != "STRANGLE" else "IRON_CONDOR"
    with pytest.raises(ValueError, match="needs parameters of type"):
        StrategyLibrary.STRATEGIES[name](StrategyLibrary.STRATEGIES[other].Parameters())


@pytest.mark.parametrize("name", NAMES)
def test_metadata_follow_from_class_and_parameters(name: str) -> None:
    strategy = strategy_library.get_strategy(name)
    assert isinstance(strategy, LibraryStrategy)
    metadata = strategy.default_metadata("MY_ID")
    assert isinstance(metadata, StrategyMetadata)
    assert (metadata.id, metadata.name) == ("MY_ID", name)
    assert metadata.instruments == strategy.subscriptions()
    assert metadata.underlyings
    assert metadata.asset_classes
    assert metadata.description


def test_metadata_take_leverage_and_markets_from_the_configuration() -> None:
    strategy = MomentumFuturesStrategy.configured({"leverage": 2.0, "underlying_ids": ["SPX"]})
    assert isinstance(strategy, LibraryStrategy)
    metadata = strategy.default_metadata("M")
    assert metadata.leverage == 2.0
    assert metadata.underlyings == ("SPX",)


@pytest.mark.parametrize("name", NAMES)
def test_docstring_tells_the_whole_story(name: str) -> None:
    texts = [cls.__doc__ or "" for cls in StrategyLibrary.STRATEGIES[name].__mro__[:1]]
    for heading in ("Idea:", "Entry:", "Exit", "Sizing:", "Needs:", "Weaknesses:"):
        assert any(heading in text for text in texts), heading
