"""From names to strategies: the library, import paths, and parameters."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from orchestrion.adapters.settings import (
    build_strategy,
    check_settings,
    find_strategy,
    library,
    load_settings,
)
from orchestrion.domain.errors import ConfigurationError

MODULE = """
from decimal import Decimal
from pydantic import BaseModel, field_serializer
from orchestrion.domain.models.strategy import Strategy

class Loose(BaseModel):
    size: int = 1
    amount: Decimal = Decimal("0.10")
    names: tuple[str, ...] = ("a",)

class Mine(Strategy):
    Parameters = Loose

class Open(Strategy):
    class Parameters(BaseModel, extra="allow"):
        size: int = 1

class Picky(Strategy):
    class Parameters(BaseModel):
        size: int = 5

        @field_serializer("size")
        def _in_words(self, value):
            return f"{value} lots"

class Lossy(Strategy):
    class Parameters(BaseModel):
        size: int = 5

        @field_serializer("size")
        def _half(self, value):
            return value // 2

NUMBER = 5
"""


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module with strategies on the path; its name is new for each test."""
    name = f"own_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(MODULE)
    (tmp_path / f"broken_{name}.py").write_text("raise RuntimeError('no luck')")
    (tmp_path / f"needs_{name}.py").write_text("import a_module_that_is_nowhere")
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def test_library_names_lead_to_their_classes() -> None:
    for name, cls in library().items():
        assert find_strategy(name) is cls


def test_import_path_leads_to_the_users_class(own_module: str) -> None:
    settings = load_settings({"strategy": f"{own_module}:Mine", "config": {"size": 3}})
    (active,) = settings.active_strategies
    assert active.strategy_id == "Mine"
    assert active.config == {"size": 3, "amount": "0.10", "names": ["a"]}
    built = build_strategy(active.strategy_name, active.config)
    assert type(built) is sys.modules[own_module].Mine
    assert built.parameters == sys.modules[own_module].Loose(size=3)


UNKNOWN = {
    "IRON_CONDR": "did you mean IRON_CONDOR?",
    "iron_condor": "did you mean IRON_CONDOR?",
    "ZZZ": "a strategy of your own is named by its import path",
    "a b:C": "write it as package.module:Class",
    "nowhere_at_all:C": "does it lie beside the configuration?",
    "{own}:Mein": "did you mean Mine?",
    "{own}:NUMBER": "derive the class",
    "{own}:Loose": "derive the class",
    "{own}:Strategy": "derive the class",
    "broken_{own}:C": "raised RuntimeError: no luck",
    "needs_{own}:C": "raised ModuleNotFoundError: No module named 'a_module_that_is_nowhere'",
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown_strategy_is_a_fault_with_advice(name: str, own_module: str) -> None:
    written = name.replace("{own}", own_module)
    (fault,) = check_settings({"strategy": written})
    assert fault.path == "strategy"
    assert UNKNOWN[name] in str(fault)
    with pytest.raises(ConfigurationError):
        find_strategy(written)


def test_unknown_parameter_is_refused_although_the_users_model_would_ignore_it(
    own_module: str,
) -> None:
    (fault,) = check_settings({"strategy": f"{own_module}:Mine", "config": {"sice": 3}})
    assert (fault.path, fault.expected) == ("config.sice", "did you mean size?")


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "quoted number": ({"size": "3"}, "config.size"),
    "number for text": ({"names": [3]}, "config.names.0"),
    "text for a list": ({"names": "a"}, "config.names"),
}


@pytest.mark.parametrize("case", WRONG)
def test_parameters_are_not_converted_silently(case: str, own_module: str) -> None:
    config, path = WRONG[case]
    (fault,) = check_settings({"strategy": f"{own_module}:Mine", "config": config})
    assert fault.path == path


def test_model_that_allows_any_key_gets_any_key(own_module: str) -> None:
    content = {"strategy": f"{own_module}:Open", "config": {"anything": 3}}
    assert load_settings(content).config == {"size": 1, "anything": 3}


@pytest.mark.parametrize("name", ["Lossy", "Picky"])
def test_parameters_that_change_as_json_are_refused(name: str, own_module: str) -> None:
    (fault,) = check_settings({"strategy": f"{own_module}:{name}"})
    assert fault.path == "config"
    assert "could not be replayed" in fault.expected


def test_rule_between_parameters_is_told_without_the_whole_map() -> None:
    config = {"short_delta": 0.05, "wing_delta": 0.16}
    (fault,) = check_settings({"strategy": "IRON_CONDOR", "config": config})
    assert fault.path == "config"
    assert fault.value == ""
    assert "further out of the money" in fault.expected


def test_built_strategies_do_not_share_parameters_of_the_wrong_type() -> None:
    with pytest.raises(ValidationError):
        build_strategy("MOMENTUM_FUTURES", {"leverage": "2"})


def test_each_library_strategy_runs_with_its_defaults() -> None:
    for name in library():
        (active,) = load_settings({"strategy": name}).active_strategies
        parameters: BaseModel = build_strategy(name, active.config).parameters
        assert parameters == library()[name].Parameters()
