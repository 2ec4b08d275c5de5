"""From a name in a configuration to a strategy: library names and import paths, and parameters.

An import path ``package.module:Class`` runs the user's own code when it is imported; whatever that
raises is reported as a fault of the configuration, with the exception's own words.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from orchestrion.adapters.settings.fault import Faults, KeyPath, did_you_mean, near_matches, shown
from orchestrion.adapters.settings.plain_data import as_map
from orchestrion.adapters.settings.translation import add_faults
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.strategy import Strategy


class _StrategyNotFoundError(ConfigurationError):
    """There is no such strategy. ``advice`` says what to do."""

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(f"{problem}; {advice}")
        self.problem = problem
        self.advice = advice


def library() -> dict[str, type[Strategy]]:
    """The pre-defined strategies by name."""
    from orchestrion.domain.strategies.library import StrategyLibrary

    return dict(StrategyLibrary.STRATEGIES)


def find_strategy(name: str) -> type[Strategy]:
    """The class that a library name or an import path means.

    Raises:
        ConfigurationError: there is none; the message names the near matches.
    """
    if ":" in name:
        return _imported(name)
    known = library()
    if name not in known:
        advice = did_you_mean(name, known, what="the library has")
        if not near_matches(name, known):
            advice += "; a strategy of your own is named by its import path, package.module:Class"
        raise _StrategyNotFoundError(f"unknown strategy {name!r}", advice)
    return known[name]


def build_strategy(name: str, config: Mapping[str, Any]) -> Strategy:
    """A new instance with parameters from plain data, as ``ActiveStrategy`` holds them.

    Raises:
        ConfigurationError: there is no such strategy.
        pydantic.ValidationError: parameters that do not fit.
    """
    cls = find_strategy(name)
    return cls(cls.Parameters.model_validate_json(json.dumps(dict(config)), strict=True))


def complete_config(
    name: str, config: object, faults: Faults, *, at_name: KeyPath, at_config: KeyPath
) -> dict[str, Any] | None:
    """A strategy's parameters with all defaults filled in, or None after adding faults.

    Defaults are written out so that a journal's header says all that decisions depend on.

    Args:
        config: what stands under ``config``.
        at_name: where the name stands.
        at_config: where the parameters stand.
    """
    try:
        cls = find_strategy(name)
    except _StrategyNotFoundError as error:
        faults.add(at_name, error.problem, error.advice)
        return None
    written = as_map(config)
    if written is None:
        return None  # the structure's own check says so
    model = cls.Parameters
    _refuse_unknown(model, written, at_config, faults)
    try:
        parameters = model.model_validate_json(json.dumps(written), strict=True)
    except ValidationError as error:
        add_faults(error, model, at_config, faults)
        return None
    return _dumped(parameters, name, at_config, faults)


def _refuse_unknown(
    model: type[BaseModel], config: Mapping[str, Any], at: KeyPath, faults: Faults
) -> None:
    """A model of the user's that ignores unknown keys would hide a misspelt one."""
    if model.model_config.get("extra") == "allow":
        return
    known = [field.alias or key for key, field in model.model_fields.items()]
    for key in config:
        if key not in known and key not in model.model_fields:
            advice = did_you_mean(key, known, what="the known keys are")
            faults.add((*at, key), "unknown key", advice)


def _dumped(parameters: BaseModel, name: str, at: KeyPath, faults: Faults) -> dict[str, Any] | None:
    """Parameters as plain data that give equal parameters again."""
    text = parameters.model_dump_json(by_alias=True)
    try:
        if type(parameters).model_validate_json(text, strict=True) == parameters:
            content: dict[str, Any] = json.loads(text)
            return content
    except ValidationError:
        pass
    faults.add(
        at,
        f"the parameters of {name} change when they are written as JSON and read back",
        "a journal could not be replayed: give the model plain fields",
        value=shown(json.loads(text)),
    )
    return None


def _imported(path: str) -> type[Strategy]:
    module_name, _, class_name = path.partition(":")
    if not all(part.isidentifier() for part in (*module_name.split("."), class_name)):
        raise _StrategyNotFoundError(
            f"{path!r} is no import path", "write it as package.module:Class"
        )
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing is not None and f"{module_name}.".startswith(f"{missing}."):
            advice = "is it installed, or does it lie beside the configuration?"
            raise _StrategyNotFoundError(f"there is no module {module_name!r}", advice) from error
        raise _StrategyNotFoundError(
            f"importing {module_name!r} raised {type(error).__name__}: {error}",
            "correct the module",
        ) from error
    found = getattr(module, class_name, None)
    if found is None:
        names = [key for key, one in vars(module).items() if _is_strategy(one)]
        advice = did_you_mean(class_name, names, what="its strategies are")
        raise _StrategyNotFoundError(f"{module_name!r} has no {class_name!r}", advice)
    if not _is_strategy(found):
        raise _StrategyNotFoundError(
            f"{path!r} is no strategy", "derive the class from orchestrion's Strategy"
        )
    cls: type[Strategy] = found
    return cls


def _is_strategy(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, Strategy) and found is not Strategy
