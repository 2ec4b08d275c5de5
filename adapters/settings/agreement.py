"""What several keys of a configuration must agree on.

These rules look at the plain data and not at the validated model, so that their faults are told
together with those of single values. They say nothing about a value that is wrong in itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from orchestrion.adapters.settings.fault import Faults, did_you_mean, near_matches, shown
from orchestrion.adapters.settings.plain_data import as_list, as_map
from orchestrion.adapters.settings.run_settings import RunSettings, single_strategy_id
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.portfolio_capital_manager import AllocationMethod
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
        _check_allocation(content, enabled, faults)
        _check_dependencies(dict(entries), enabled, faults)
    elif isinstance(content.get("strategy"), str):
        _check_id(single_strategy_id(content["strategy"]), faults, at="strategy")
        if _allocation(content).get("reserve_pct"):
            faults.add(
                ("allocation", "reserve_pct"),
                "a single strategy is given all the capital",
                "lower account.capital instead",
            )


def _check_form(content: Mapping[str, Any], faults: Faults) -> None:
    single, multi = "strategy" in content, "strategies" in content
    if single and multi:
        faults.add(("strategies",), "both 'strategy' and 'strategies' are given", _BOTH_FORMS)
    elif multi and "config" in content:
        faults.add(
            ("config",),
            "belongs to 'strategy', not to 'strategies'",
            "move it under the entry of the strategy that it is for",
        )
    elif not single and not multi:
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


def _allocation(content: Mapping[str, Any]) -> Mapping[str, Any]:
    return as_map(content.get("allocation")) or {}


def _check_allocation(
    content: Mapping[str, Any], enabled: Mapping[str, Mapping[str, Any]], faults: Faults
) -> None:
    allocation = _allocation(content)
    equal = allocation.get("method") == AllocationMethod.EQUAL_WEIGHT
    promoted = content.get("promote_lone_strategy") is True and len(enabled) == 1
    if allocation.get("reserve_pct") and not equal:
        faults.add(
            ("allocation", "reserve_pct"),
            "is for the method equal_weight",
            "with custom, what the percentages leave of 100 is the reserve",
        )
    if len(enabled) == 1 and not promoted:
        _check_lone(*next(iter(enabled.items())), allocation, faults, is_equal=equal)
        return
    if equal or promoted:
        return
    for key, entry in enabled.items():
        if "allocation_pct" not in entry:
            path = ("strategies", key, "allocation_pct")
            advice = "give it a percentage, or set allocation.method: equal_weight"
            faults.add(path, "missing", advice)
    total = sum((_percent(entry) for entry in enabled.values()), Decimal(0))
    if total > 100:
        faults.add(
            ("strategies",),
            "allocation_pct sums to more than 100",
            "lower one, or set enabled: false on one",
            value=" + ".join(f"{_percent(one)}" for one in enabled.values()) + f" = {total}",
        )


def _check_lone(
    key: str,
    entry: Mapping[str, Any],
    allocation: Mapping[str, Any],
    faults: Faults,
    *,
    is_equal: bool,
) -> None:
    """The only enabled strategy gets all the capital; that must not come as a surprise."""
    path = ("strategies", key, "allocation_pct")
    advice = "write 100, or set promote_lone_strategy: true"
    if is_equal and allocation.get("reserve_pct"):
        problem = "a lone strategy is given all the capital"
        faults.add(("allocation", "reserve_pct"), problem, "lower account.capital instead")
    if "allocation_pct" not in entry:
        if not is_equal:
            faults.add(path, "missing", f"the only enabled strategy gets all the capital: {advice}")
    elif _percent(entry) not in (0, 100):
        problem = "the only enabled strategy would get all the capital"
        faults.add(path, problem, advice, value=shown(entry["allocation_pct"]))


def _percent(entry: Mapping[str, Any]) -> Decimal:
    """A usable percentage as written, else zero: what is unusable is told elsewhere."""
    value = entry.get("allocation_pct")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 100:
        return Decimal(0)
    return Decimal(repr(value))


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
