"""Domain events: frozen, and built from just the fields that the specification writes."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest

from orchestrion.domain.orchestration import events
from orchestrion.domain.orchestration.events import (
    CapitalRebalancedEvent,
    DomainEvent,
    StrategyAddedEvent,
    StrategyConflictDetectedEvent,
)

ALL = [
    one for one in vars(events).values() if isinstance(one, type) and issubclass(one, DomainEvent)
]


def test_specified_events_need_only_the_specified_fields() -> None:
    added = StrategyAddedEvent(strategy_id="A", allocation_pct=60.0)
    rebalanced = CapitalRebalancedEvent(allocations={"A": Decimal(1)})
    conflict = StrategyConflictDetectedEvent(strategy_ids=["A", "B"], conflict_type="X")
    assert added == StrategyAddedEvent("A", 60.0)
    assert rebalanced.allocations == {"A": Decimal(1)}
    assert (conflict.strategy_ids, conflict.conflict_type) == (["A", "B"], "X")


@pytest.mark.parametrize("kind", ALL)
def test_event_is_in_the_past_tense_and_frozen(kind: type[DomainEvent]) -> None:
    assert kind.__name__.endswith("Event")
    fields = {one.name: one for one in dataclasses.fields(kind)}
    assert {"event_id", "seq", "ts_event"} <= set(fields)
    assert all(fields[name].kw_only for name in ("event_id", "seq", "ts_event"))
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_runtime_fills_identity_and_time() -> None:
    event = StrategyAddedEvent("A", 60.0)
    assert (event.event_id, event.seq, event.ts_event) == ("", 0, 0)
    stamped = dataclasses.replace(event, event_id="E1", seq=4, ts_event=9)
    assert (stamped.strategy_id, stamped.seq) == ("A", 4)
    with pytest.raises(dataclasses.FrozenInstanceError):
        stamped.seq = 5  # type: ignore[misc]
