"""What several keys of a configuration must agree on.

These rules look at the plain data and not at the validated model, so that their faults are told
together with those of single values. They say nothing about a value that is wrong in itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from orchestrion.adapters.settings.allocation_agreement import check_allocation
from orchestrion.adapters.settings.fault import Faults, did_you_mean, near_matches, shown
from orchestrion.adapters.settings.plain_data import as_list, as_map
from orchestrion.adapters.settings.run_settings import RunSettings, single_strategy_id
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.ranking import rank_strategies

_BOTH_FORMS = "keep 'strategy' for one strategy, or 'strategies' for several"


def check_agreement(content: Mapping[str, Any], faults: Faults) -> None:
    """Adds every disagreement between keys."""
    _check_form(content, faults)
    entries = _entries(content)
    if entries:
        enabled = {key: one for key, one in entries if one.get("enabled", True) is True}
        for key, _ in entries:
            _check_id(key, faults)
        if not enabled and all(one.get("enabled") is False for _, one in entries):
            faults.add(("strategies",), "none is enabled", "set enabled: true for at least one")
        if enabled:
            check_allocation(content, enabled, faults)
        _check_dependencies(dict(entries), enabled, faults)
    elif isinstance(content.get("strategy"), str):
        _check_id(single_strategy_id(content["strategy"]), faults, at="strategy")
        check_allocation(content, {}, faults)


def _check_form(content: Mapping[str, Any], faults: Faults) -> None:
    single, multi = "strategy" in content, "strategies" in content
    for key in ("strategy", "strategies", "config", "limits"):
        if key in content and content[key] is None:
            advice = "indent the lines that belong to it, or drop it"
            faults.add((key,), "nothing stands under this key", advice)
    if single and multi:
        faults.add(("strategies",), "both 'strategy' and 'strategies' are given", _BOTH_FORMS)
    elif multi:
        for key in ("config", "limits"):
            if key in content:
                faults.add(
                    (key,),
                    "belongs to 'strategy', not to 'strategies'",
                    "move it under the entry of the strategy that it is for",
                )
    elif not single:
        known = RunSettings.model_fields
        unknown = [key for key in content if key not in known]
        if not any(near_matches(key, ("strategy", "strategies")) for key in unknown):
            faults.add(("strategy",), "missing", f"no strategy is named: {_BOTH_FORMS}")


def _entries(content: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The entries of ``strategies`` that are maps."""
    strategies = as_map(content.get("strategies")) or {}
    return [(key, one) for key, entry in strategies.items() if (one := as_map(entry)) is not None]


def _check_id(strategy_id: str, faults: Faults, *, at: str = "") -> None:
    try:
        StrategyMetadata(id=strategy_id)
    except ValidationError as error:
        details = error.errors()[0]
        told = details["type"] == "value_error"
        reason = str(details.get("ctx", {})["error"]) if told else "letters, digits, _ . and - only"
        path = (at,) if at else ("strategies", strategy_id)
        advice = "an import path goes under the entry's own 'strategy'; choose a short id"
        faults.add(path, "cannot be an id of a strategy", reason if at or told else advice)


def _check_dependencies(
    entries: Mapping[str, Mapping[str, Any]],
    enabled: Mapping[str, Mapping[str, Any]],
    faults: Faults,
) -> None:
    sound = True
    for key, entry in enabled.items():
        for i, other in enumerate(_dependencies(entry)):
            path = ("strategies", key, "depends_on", i)
            if other in enabled and other != key:
                continue
            sound = False
            if other == key:
                faults.add(
                    path, "a strategy cannot depend on itself", "drop it", value=shown(other)
                )
            elif other in entries:
                faults.add(path, "is not enabled", "enable it, or drop it", value=shown(other))
            else:
                advice = did_you_mean(other, enabled, what="the ids are")
                faults.add(path, "no such strategy", advice, value=shown(other))
    if sound:
        _check_cycle(enabled, faults)


def _dependencies(entry: Mapping[str, Any]) -> Iterator[str]:
    dependencies = as_list(entry.get("depends_on")) or []
    return (one for one in dependencies if isinstance(one, str))


def _check_cycle(enabled: Mapping[str, Mapping[str, Any]], faults: Faults) -> None:
    try:
        rank_strategies(
            StrategyMetadata.model_construct(id=key, depends_on=tuple(_dependencies(entry)))
            for key, entry in enabled.items()
        )
    except ConfigurationError as error:
        first = next(key for key, entry in enabled.items() if any(_dependencies(entry)))
        path = ("strategies", first, "depends_on")
        faults.add(path, str(error), "drop one depends_on of the circle")
