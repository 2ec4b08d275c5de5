"""What limits, claims, analysis rules and supervision must agree on. See ``agreement``.

Looks at plain data in which the strategies' parameters are complete.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from orchestrion.adapters.settings.fault import Faults, KeyPath, did_you_mean, near_matches, shown
from orchestrion.adapters.settings.limit_settings import PARAMETER_LIMITS, is_limit
from orchestrion.adapters.settings.plain_data import as_list, as_map
from orchestrion.domain.compatibility.analysis import DEFAULT_RULES
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.margin.leverage_claim import (
    LeverageClaim,
    MarginMode,
    check_leverage_claims,
)
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.orchestration.lifecycle import Custodian

NEAR_NAMES_MAX = 2_000
"""Instruments beyond which no near matches are looked for: comparing takes a second per 30,000."""


def check_rules(content: Mapping[str, Any], faults: Faults) -> None:
    """Adds every disagreement."""
    entries = _enabled(content)
    for base, entry in _with_limits(content, entries):
        _check_parameter_limits(base, entry, faults)
    _check_claims(entries, faults)
    _check_analysis(content, faults)
    _check_custodian(content, entries, faults)


def named_instruments(content: Mapping[str, Any]) -> list[tuple[KeyPath, str]]:
    """Every place outside ``data`` and ``config`` that names an instrument, in order."""
    found: list[tuple[KeyPath, str]] = []
    account = as_map(content.get("account")) or {}
    found += _keys_of(account, ("account", "limits", "quantity_max_by_id"), skip=1)
    found += _keys_of(content, ("limits", "quantity_max_by_id"))
    conflicts = as_map(content.get("conflicts")) or {}
    found += _ids_in(conflicts, ("conflicts", "exclusive_instruments"))
    for key, entry in _enabled(content).items():
        base: KeyPath = ("strategies", key)
        found += _keys_of(entry, (*base, "limits", "quantity_max_by_id"), skip=2)
        found += _keys_of(entry, (*base, "leverage_claims"), skip=2)
        found += _ids_in(entry, (*base, "exclusive_instruments"))
    return found


def check_instruments(
    named: list[tuple[KeyPath, str]], catalog: InstrumentCatalog, faults: Faults
) -> None:
    """Adds every instrument that the data do not have."""
    for path, name in named:
        if name not in catalog:
            advice = "the data have no such instrument"
            if len(catalog) <= NEAR_NAMES_MAX:
                known = [one.instrument_id for one in catalog]
                if near_matches(name, known):
                    advice = did_you_mean(name, known, what="")
            faults.add(path, "no such instrument", advice, value=shown(name))


def _enabled(content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    strategies = as_map(content.get("strategies")) or {}
    entries = {key: as_map(one) for key, one in strategies.items()}
    return {key: one for key, one in entries.items() if one and one.get("enabled", True) is True}


def _with_limits(
    content: Mapping[str, Any], entries: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    if "strategies" not in content:
        yield (), content
    for key, entry in entries.items():
        yield ("strategies", key), entry


def _check_parameter_limits(base: KeyPath, entry: Mapping[str, Any], faults: Faults) -> None:
    limits, config = as_map(entry.get("limits")) or {}, as_map(entry.get("config")) or {}
    if limits.get("from_parameters") is not True:
        return
    if not any(is_limit(config.get(one)) for one in PARAMETER_LIMITS):
        names = " nor ".join(PARAMETER_LIMITS)
        advice = "drop it, or write the limits themselves"
        faults.add(
            (*base, "limits", "from_parameters"), f"the strategy has neither {names}", advice
        )


def _check_claims(entries: Mapping[str, Mapping[str, Any]], faults: Faults) -> None:
    """One setting per instrument must serve all; each claim is held against those before it."""
    earlier: dict[str, list[LeverageClaim]] = {}
    for key, entry in entries.items():
        for instrument_id, said in (as_map(entry.get("leverage_claims")) or {}).items():
            claim = _claim(key, instrument_id, as_map(said) or {})
            if claim is None:
                continue
            before = earlier.setdefault(instrument_id, [])
            try:
                check_leverage_claims([*before, claim])
            except ConfigurationError as error:
                path = ("strategies", key, "leverage_claims", instrument_id)
                problem, _, advice = str(error).partition(". ")
                faults.add(path, problem, advice or "correct it")
            else:
                before.append(claim)


def _claim(strategy_id: str, instrument_id: str, said: Mapping[str, Any]) -> LeverageClaim | None:
    """The claim as written, or None when it cannot be read."""
    written, mode = said.get("leverage"), said.get("margin_mode")
    if isinstance(written, bool) or not isinstance(written, int | float | str | None):
        return None
    try:
        leverage = None if written is None else Decimal(str(written))
        margin_mode = None if mode is None else MarginMode(mode)
    except (ArithmeticError, ValueError):
        return None
    if leverage is not None and not (leverage.is_finite() and leverage > 0):
        return None
    return LeverageClaim(
        strategy_id=strategy_id,
        instrument_id=instrument_id,
        leverage=leverage,
        margin_mode=margin_mode,
    )


def _check_analysis(content: Mapping[str, Any], faults: Faults) -> None:
    known = [rule.id for rule in DEFAULT_RULES]
    analysis = as_map(content.get("compatibility")) or {}
    for rule_id in as_map(analysis.get("rules")) or {}:
        if rule_id not in known:
            advice = did_you_mean(rule_id, known, what="the rules are")
            faults.add(("compatibility", "rules", rule_id), "no such rule", advice)


def _check_custodian(
    content: Mapping[str, Any], entries: Mapping[str, Mapping[str, Any]], faults: Faults
) -> None:
    supervision = as_map(content.get("supervision")) or {}
    custodian, heir = supervision.get("custodian"), supervision.get("custodian_heir")
    path: KeyPath = ("supervision", "custodian_heir")
    if custodian != Custodian.HAND_OVER:
        if heir is not None:
            faults.add(path, "nobody hands over", "set custodian: hand_over, or drop it")
    elif len(entries) < 2:
        advice = "use hold or flatten"
        faults.add(("supervision", "custodian"), "there is nobody to hand over to", advice)
    elif heir is None:
        advice = "name the strategy that takes the positions"
        faults.add(path, "missing", advice)
    elif isinstance(heir, str) and heir not in entries:
        advice = did_you_mean(heir, entries, what="the enabled strategies are")
        faults.add(path, "no such strategy runs", advice, value=shown(heir))


def _ids_in(content: Mapping[str, Any], path: KeyPath) -> list[tuple[KeyPath, str]]:
    """The texts of the list under the last part of a path, each with its own path."""
    ids = as_list(content.get(str(path[-1]))) or []
    return [((*path, i), one) for i, one in enumerate(ids) if isinstance(one, str)]


def _keys_of(
    content: Mapping[str, Any], path: KeyPath, *, skip: int = 0
) -> list[tuple[KeyPath, str]]:
    """The keys of the map at a path, each with its own path.

    Args:
        skip: parts of the path that lead to ``content`` itself.
    """
    here: Mapping[str, Any] = content
    for part in path[skip:]:
        here = as_map(here.get(str(part))) or {}
    return [((*path, key), key) for key in here]
