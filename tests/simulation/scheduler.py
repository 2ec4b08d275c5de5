"""F16: answers of asynchronous strategies, stepped in an order that the seed permutes.

It stands where ``AsyncHost`` stands in a live process. A step is one turn of a coroutine; an answer
that needs more steps than the deadline is late. Outcomes go back in the order of the calls, which
is the promise that makes the permutation harmless.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar, cast

from orchestrion.runtime.shell import AwaitCall
from tests.simulation.chance import Chance
from tests.simulation.faults import Fault, FaultPlan
from tests.simulation.strategy_models import DEADLINE_STEPS

_T = TypeVar("_T")


class SimulatedHost:
    """Steps coroutines by hand; no event loop, no time."""

    def __init__(self, chance: Chance, plan: FaultPlan) -> None:
        self._chance = chance
        self._plan = plan

    async def gather(self, calls: Sequence[AwaitCall]) -> list[object]:
        """See ``AsyncHost.gather``."""
        running = {
            place: cast("Coroutine[Any, Any, object]", call.start())
            for place, call in enumerate(calls)
        }
        outcomes: dict[int, object] = {}
        for _ in range(DEADLINE_STEPS):
            order = self._chance.shuffled(list(running))
            if len(order) > 1:
                self._plan.count(Fault.TASKS_PERMUTED)
            for place in order:
                outcome = _step(calls[place], running[place])
                if outcome is not None:
                    outcomes[place] = outcome
                    del running[place]
        for coroutine in running.values():
            coroutine.close()
        return [
            outcomes[place] if place in outcomes else call.late()
            for place, call in enumerate(calls)
        ]


def _step(call: AwaitCall, coroutine: Coroutine[Any, Any, object]) -> object | None:
    try:
        coroutine.send(None)
    except StopIteration as done:
        return call.reply(done.value)
    except KeyboardInterrupt:
        raise
    except BaseException as failure:
        return call.failed(failure)
    return None


class FreeTurn:
    """Stands for a session's lock: one driver, so the turn is always free."""

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_: object) -> None:
        return None


def drive(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Runs a coroutine that never has to wait.

    Raises:
        AssertionError: it waited for something: then it is not synchronous any more.
    """
    try:
        coroutine.send(None)
    except StopIteration as done:
        return cast("_T", done.value)
    coroutine.close()
    raise AssertionError("a step of the session waited")
