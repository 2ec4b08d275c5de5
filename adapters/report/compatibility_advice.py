"""Recommendations in words, and as the lines of a configuration that follow them."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrion.adapters.report.terminal import money
from orchestrion.domain.compatibility.recommendation import (
    Action,
    DrawFromReserve,
    DropStrategy,
    EnableStrategy,
    RaiseCapital,
    RemoveDependency,
    SetAllocations,
    SetConflictPolicy,
)

CUSTOM = "custom"
"""The allocation method that goes by ``allocation_pct``."""


def describe_action(action: Action) -> str:
    """What to do, in the words of the configuration."""
    match action:
        case SetAllocations():
            shares = ", ".join(f"{one} {value}" for one, value in action.percentages)
            return f"set allocation_pct to {shares} ({action.total} in all)"
        case SetConflictPolicy():
            return f"set conflicts: {action.conflict_type}: {action.policy}"
        case DropStrategy():
            return f"run without {action.strategy_id}"
        case EnableStrategy():
            return f"enable {action.strategy_id}"
        case RemoveDependency():
            return f"take {action.dependency} out of depends_on of {action.strategy_id}"
        case RaiseCapital():
            return f"raise the capital to {money(action.capital)}"
        case DrawFromReserve():
            return f"add {action.strategy_id} with {money(action.capital)} of the reserve"


def headline_of_action(action: Action) -> str:
    """What to do in few words, where the lines of ``yaml_of_action`` follow."""
    if isinstance(action, SetAllocations):
        return f"divide the capital anew, {action.total} % in all"
    return describe_action(action)


def yaml_of_action(action: Action, *, method: str = CUSTOM, strategies: int = 0) -> str:
    """The YAML lines that follow an action, to be merged into a configuration; empty when no line
    can say it.

    Args:
        method: the configuration's allocation method; new percentages count with custom only.
        strategies: how many run now; without one of two the last one has to be promoted.
    """
    return "\n".join(_lines(action, method, strategies))


def _lines(action: Action, method: str, strategies: int) -> Iterator[str]:
    match action:
        case SetAllocations():
            if method != CUSTOM:
                yield "allocation:"
                yield f"  method: {CUSTOM}  # instead of {method}, with nothing else beside it"
            yield "strategies:"
            for strategy_id, percentage in action.percentages:
                yield f"  {strategy_id}:"
                yield f"    allocation_pct: {percentage}"
        case SetConflictPolicy():
            yield "conflicts:"
            yield f"  {action.conflict_type}: {action.policy}"
        case DropStrategy():
            if strategies == 2:
                yield "promote_lone_strategy: true"
            yield from _entry(action.strategy_id, "enabled: false")
        case EnableStrategy():
            yield from _entry(action.strategy_id, "enabled: true")
        case RaiseCapital():
            yield "account:"
            yield f"  capital: {action.capital}"
        case RemoveDependency() | DrawFromReserve():
            return


def _entry(strategy_id: str, line: str) -> Iterator[str]:
    yield "strategies:"
    yield f"  {strategy_id}:"
    yield f"    {line}"
