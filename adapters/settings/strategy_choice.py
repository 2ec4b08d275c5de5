"""From a name in a configuration to a strategy: library names and import paths, and parameters.

A colon makes a name an import path, see ``import_path``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from orchestrion.adapters.settings.fault import (
    Faults,
    KeyPath,
    SettingsError,
    did_you_mean,
    near_matches,
    shown,
)
from orchestrion.adapters.settings.import_path import NotFoundError, imported, is_import_path
from orchestrion.adapters.settings.plain_data import as_map, plain
from orchestrion.adapters.settings.translation import add_faults
from orchestrion.domain.models.strategy import Strategy


def library() -> dict[str, type[Strategy]]:
    """The pre-defined strategies by name."""
    from orchestrion.domain.strategies.library import StrategyLibrary

    return dict(StrategyLibrary.STRATEGIES)


def find_strategy(name: str) -> type[Strategy]:
    """The class that a library name or an import path means.

    Raises:
        ConfigurationError: there is none; the message names the near matches.
    """
    if is_import_path(name):
        return _imported(name)
    known = library()
    if name not in known:
        advice = did_you_mean(name, known, what="the library has")
        if not near_matches(name, known):
            advice += "; a strategy of your own is named by its import path, package.module:Class"
        raise NotFoundError(f"unknown strategy {name!r}", advice)
    return known[name]


def build_strategy(name: str, config: Mapping[str, Any]) -> Strategy:
    """A new instance with parameters from plain data, as ``ActiveStrategy`` holds them.

    Raises:
        ConfigurationError: there is no such strategy.
        pydantic.ValidationError: parameters that do not fit.
    """
    cls = find_strategy(name)
    return cls(cls.Parameters.model_validate_json(json.dumps(dict(config)), strict=True))


def build_checked_strategy(name: str, config: Mapping[str, Any]) -> Strategy:
    """A new instance with parameters as somebody wrote them: unknown keys are refused, what is
    missing has its default.

    Raises:
        SettingsError: no such strategy, or parameters that cannot be used; it lists every fault.
    """
    faults = Faults({})
    written = plain(config, ("config",), faults)
    complete = complete_config(name, written, faults, at_name=("strategy",), at_config=("config",))
    if complete is None or faults.found():
        raise SettingsError(f"strategy {name}", faults.found())
    return build_strategy(name, complete)


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
    except NotFoundError as error:
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
    found = imported(
        path,
        fits=_is_strategy,
        what="strategies",
        form="package.module:Class",
        advice="derive the class from orchestrion's Strategy",
    )
    return cast("type[Strategy]", found)


def _is_strategy(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, Strategy) and found is not Strategy
