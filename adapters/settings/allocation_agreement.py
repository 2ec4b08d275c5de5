"""What the keys about the division of the capital must agree on. See ``agreement``.

Everything here looks at plain data; a value that is wrong in itself counts as not written.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from orchestrion.adapters.settings.allocation_choice import HISTORY_METHODS, check_method
from orchestrion.adapters.settings.allocation_settings import ALL_PCT
from orchestrion.adapters.settings.fault import Faults, KeyPath, shown
from orchestrion.adapters.settings.import_path import is_import_path
from orchestrion.adapters.settings.plain_data import as_map
from orchestrion.adapters.settings.strategy_settings import counted
from orchestrion.domain.capital.allocation_method import CUSTOM, EQUAL_WEIGHT
from orchestrion.domain.models.money import ZERO

Entries = Mapping[str, Mapping[str, Any]]

_ALL_TO_ONE = "lower account.capital instead"


def check_allocation(content: Mapping[str, Any], enabled: Entries, faults: Faults) -> None:
    """Adds disagreements of ``allocation`` and the entries of ``strategies``.

    Args:
        enabled: the enabled entries; empty in single mode.
    """
    section = _Section(content)
    for key, name in (("method", section.method), ("fallback", section.fallback)):
        if isinstance(name, str) and name:
            check_method(name, ("allocation", key), faults)
    if section.fallback is not None and section.fallback == section.method:
        advice = "name another method, or drop it"
        faults.add(("allocation", "fallback"), "cannot stand in for itself", advice)
    if not enabled:
        _check_whole(section, "a single strategy", faults)
    elif len(enabled) == 1:
        _check_lone(*next(iter(enabled.items())), section, faults)
    else:
        _check_history(section, faults)
        _check_shares(section, enabled, faults)


class _Section:
    """The ``allocation`` section as far as it can be read."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        written = as_map(content.get("allocation")) or {}
        self.method: object = written.get("method", CUSTOM)
        self.fallback: object = written.get("fallback")
        reserve = _weight(written, "reserve_pct", ZERO)
        self.reserve = reserve if reserve < ALL_PCT else ZERO
        self.minimum = _weight(written, "min_pct", ZERO)
        self.maximum = _weight(written, "max_pct", ALL_PCT)
        self.is_promoted = content.get("promote_lone_strategy") is True

    @property
    def uses_percentages(self) -> bool:
        return CUSTOM in (self.method, self.fallback)

    @property
    def to_give(self) -> Decimal:
        return ALL_PCT - self.reserve


def _weight(content: Mapping[str, Any], key: str, default: Decimal) -> Decimal:
    """A percentage as written; the default where none can be read."""
    value = content.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return default
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except ArithmeticError:
        return default
    return number if number.is_finite() and 0 <= number <= ALL_PCT else default


def percent_of(entry: Mapping[str, Any]) -> Decimal:
    """``allocation_pct`` as written, zero where none can be read."""
    value = entry.get("allocation_pct")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 100:
        return ZERO
    return Decimal(repr(value))


def _check_whole(section: _Section, who: str, faults: Faults) -> None:
    """One strategy gets all the capital, whatever reserve and maximum say: that is refused."""
    for key, is_said in (
        ("reserve_pct", bool(section.reserve)),
        ("max_pct", section.maximum < ALL_PCT),
    ):
        if is_said:
            faults.add(("allocation", key), f"{who} is given all the capital", _ALL_TO_ONE)


def _check_lone(key: str, entry: Mapping[str, Any], section: _Section, faults: Faults) -> None:
    """The only enabled strategy gets all the capital; that must not come as a surprise."""
    if section.is_promoted:
        return
    path: KeyPath = ("strategies", key, "allocation_pct")
    advice = "write 100, or set promote_lone_strategy: true"
    _check_whole(section, "a lone strategy", faults)
    if _weight(entry, "max_pct", ALL_PCT) < ALL_PCT:
        problem = "a lone strategy is given all the capital"
        faults.add(("strategies", key, "max_pct"), problem, _ALL_TO_ONE)
    if entry.get("allocation_pct") is None:
        if section.uses_percentages:
            faults.add(path, "missing", f"the only enabled strategy gets all the capital: {advice}")
    elif percent_of(entry) not in (0, 100):
        problem = "the only enabled strategy would get all the capital"
        faults.add(path, problem, advice, value=shown(entry["allocation_pct"]))


def _check_history(section: _Section, faults: Faults) -> None:
    """At the start there is no past to estimate from; somebody must say what happens then."""
    if section.method not in HISTORY_METHODS:
        return
    path: KeyPath = ("allocation", "fallback")
    advice = f"set allocation.fallback to {EQUAL_WEIGHT} or {CUSTOM}"
    if section.fallback is None:
        why = f"{section.method} needs a past, and a run starts without one"
        faults.add(path, "missing", f"{why}: {advice}")
    elif section.fallback in HISTORY_METHODS:
        faults.add(path, "needs a past as well", advice, value=shown(section.fallback))


def _check_shares(section: _Section, enabled: Entries, faults: Faults) -> None:
    bounds = {key: _bound(key, entry, section, faults) for key, entry in enabled.items()}
    if section.uses_percentages:
        _check_percentages(section, enabled, bounds, faults)
    if any(low > high for low, high in bounds.values()):
        return
    least = sum((low for low, _ in bounds.values()), ZERO)
    most = sum((high for _, high in bounds.values()), ZERO)
    if least > section.to_give:
        value = " + ".join(f"{low}" for low, _ in bounds.values()) + f" = {least}"
        problem = f"min_pct sums to more than the {section.to_give} that can be given"
        faults.add(("strategies",), problem, "lower one, or allocation.reserve_pct", value=value)
    is_scaled = section.method != CUSTOM and not is_import_path(str(section.method))
    if is_scaled and most < section.to_give:
        value = " + ".join(f"{high}" for _, high in bounds.values()) + f" = {most}"
        problem = f"max_pct sums to less than the {section.to_give} that has to be given"
        faults.add(("strategies",), problem, "raise one, or allocation.reserve_pct", value=value)


def _bound(
    key: str, entry: Mapping[str, Any], section: _Section, faults: Faults
) -> tuple[Decimal, Decimal]:
    low = _weight(entry, "min_pct", section.minimum)
    high = _weight(entry, "max_pct", section.maximum)
    if low > high:
        own: KeyPath = ("strategies", key, "min_pct" if "min_pct" in entry else "max_pct")
        is_own = "min_pct" in entry or "max_pct" in entry
        path = own if is_own else ("allocation", "min_pct")
        if not faults.has(path):
            problem = f"the least, {low}, is more than the most, {high}"
            faults.add(path, problem, "lower min_pct, or raise max_pct")
    return low, high


def _check_percentages(
    section: _Section,
    enabled: Entries,
    bounds: Mapping[str, tuple[Decimal, Decimal]],
    faults: Faults,
) -> None:
    for key, entry in enabled.items():
        path: KeyPath = ("strategies", key, "allocation_pct")
        if entry.get("allocation_pct") is None:
            advice = f"give it a percentage, or set allocation.method: {EQUAL_WEIGHT}"
            faults.add(path, "missing", advice)
            continue
        percent, (low, high) = percent_of(entry), bounds[key]
        if percent and low <= high and not low <= percent <= high:
            problem = f"outside its bounds, {low} to {high}"
            faults.add(path, problem, "custom is never clipped: change one of them")
    percentages = counted({key: percent_of(one) for key, one in enabled.items()})
    total = sum(percentages.values(), ZERO)
    if total > section.to_give:
        most = f"{ALL_PCT}" if not section.reserve else f"{section.to_give} beside the reserve"
        faults.add(
            ("strategies",),
            f"allocation_pct sums to more than {most}",
            "lower one, or set enabled: false on one",
            value=" + ".join(f"{percent_of(one)}" for one in enabled.values()) + f" = {total}",
        )
