"""Whether everything that a strategy depends on, however far, is in the lineup.

Size: each strategy of the closure once, so strategies + dependencies per question.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from orchestrion.domain.compatibility.lineup import Lineup


class Fault(StrEnum):
    MISSING = "missing"
    DISABLED = "disabled"
    CYCLE = "cycle"


class DependencyFault(msgspec.Struct, frozen=True):
    """The first fault, in declared order, and the path of ids that leads to it."""

    fault: Fault
    path: tuple[str, ...]


def dependency_fault(lineup: Lineup, strategy_id: str) -> DependencyFault | None:
    """What is wrong with the dependencies of a strategy, or None.

    A cycle that it only leads to counts too: a strategy behind it can never be ranked.
    """
    depends_on = {one.strategy_id: one.metadata.depends_on for one in lineup.candidates}
    finished: dict[str, None] = {}
    path = [strategy_id]
    waiting = [iter(depends_on[strategy_id])]
    while waiting:
        following = next(waiting[-1], None)
        if following is None:
            finished[path.pop()] = None
            waiting.pop()
            continue
        if following in path:
            return DependencyFault(Fault.CYCLE, (*path[path.index(following) :], following))
        if following not in depends_on:
            is_disabled = following in lineup.disabled_ids
            fault = Fault.DISABLED if is_disabled else Fault.MISSING
            return DependencyFault(fault, (*path, following))
        if following not in finished:
            path.append(following)
            waiting.append(iter(depends_on[following]))
    return None
