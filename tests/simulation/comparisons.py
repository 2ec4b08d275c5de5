"""Two runs of one seed that must decide alike: other task order (I16), another's failure (I28)."""

from __future__ import annotations

import json

import msgspec

from orchestrion.runtime.journal import RecordKind
from tests.simulation.faults import Fault
from tests.simulation.simulation import Simulation
from tests.simulation.storage import DiskReader
from tests.simulation.world import World

CALM = tuple(
    fault for fault in Fault if fault.group not in ("F1", "F2", "F3", "F4", "F9", "F13", "F15")
)
"""Faults that do not depend on what the strategy in question does."""


def decisions(run: Simulation, *, without: str = "") -> list[dict[str, object]]:
    """Decisions in their order, but those of one strategy."""
    found: list[dict[str, object]] = []
    for file in run.disk.files.values():
        for record in DiskReader(file).records():
            if record.kind is RecordKind.DECISION:
                body = json.loads(record.body)
                if body["strategy_id"] != without:
                    found.append(body)
    return found


def schedule_difference(seed: int) -> str:
    """Where the decisions of two task orders part; empty when they do not."""
    runs = [Simulation(seed, schedule=one) for one in (0, 1)]
    for run in runs:
        run.run()
    return _difference(*(decisions(run) for run in runs))


def isolation_difference(seed: int) -> str:
    """Where the others' decisions part when one strategy fails at every call, or says nothing."""
    runs: list[Simulation] = []
    for name in ("silent", "always_raises"):

        def changed(world: World, name: str = name) -> World:
            first = msgspec.structs.replace(
                world.traits[0], is_async=False, **{name: True}, rates={}
            )
            return msgspec.structs.replace(world, traits=(first, *world.traits[1:]))

        run = Simulation(seed, only=CALM, changed=changed, is_killed=False)
        run.run()
        runs.append(run)
    return _difference(*(_numberless(decisions(run, without="s0")) for run in runs))


def _numberless(found: list[dict[str, object]]) -> list[dict[str, object]]:
    """Without the numbers of round and place, also in the names of orders: a round that only the
    failing one would hear of is not opened when it is out, and its own refusals have places too."""
    kept: list[dict[str, object]] = []
    for one in found:
        command = one["command"]
        if isinstance(command, dict):
            command = {key: value for key, value in command.items() if key != "client_order_id"}
        rest = {name: value for name, value in one.items() if name not in ("round", "index")}
        kept.append({**rest, "command": command})
    return kept


def _difference(first: list[dict[str, object]], second: list[dict[str, object]]) -> str:
    for place, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return f"decision {place}: {one} and {other}"
    if len(first) != len(second):
        return f"{len(first)} decisions and {len(second)}"
    return ""
