"""Whoever keeps state says of every attribute what it is: named state, a part, or wiring.

A field that is forgotten in ``STATE`` may show only after a restart, months later. So each class
with state lists here what of it is *not* state; a new attribute has to be put somewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrion.domain.netting.internal_cross import CrossPolicy
from tests.fakes import Remembering, Script, Stage, following

NOT_STATE: dict[str, str] = {
    "AccountExposure": "_catalog _is_coupled _model",
    "AccountLedger": "_catalog _terms",
    "ActionDesk": "_capital",
    "Adjudication": (
        "_capital_manager _claims _context _gateway _is_single _priorities _publish "
        "_rules _working_orders"
    ),
    "AuditorActor": "_catalog _marks",
    "CapitalDesk": "_capital _settings",
    "CapitalDeskHandlers": (
        "_auditor _capital _context _coordinator _decide _flatten _gateway _owners _publish"
    ),
    "CapitalManagerActor": (
        "_auditor _book_keeper _context _gateway _handlers _order_id_prefix _owners "
        "_publish tallies"
    ),
    "CashDesk": "_capital _standings",
    "CoordinatorActor": (
        "_capital_manager _context _custody _drain_events _gateway _handlers "
        "_membership _operator _plans _publish _round line_up"
    ),
    "DecisionWriter": "_context _order_id_prefix _tallies",
    "Departures": "_books _capital_manager _gateway _publish _standings _working_orders",
    "EquityHistory": "_day_offset_ns",
    "EventPublisher": "_machine",
    "ExecutionGatewayActor": (
        "_auditor _capital_manager _context _coordinator _handlers _owners _publish"
    ),
    "FailureWindow": "_policy",
    "InternalMarket": "_policy",
    "Machine": "_append _cells _failure _is_stopped _ready _routes _trace dead_letters effects",
    "MarginWatch": "_capital _deleverages _standings",
    "Marks": "",
    "OrderHold": "",
    "PortfolioCapitalManager": (
        "_free_capital _has_account_limits _judged account_limits allocation catalog "
        "limits margin_model methods orchestrator total_capital"
    ),
    "RebalanceDesk": "_capital _policy _rules _standings",
    "RestartKeeper": "_capital_manager _gateway _publish _quarantine _resume _seats _unrestored",
    "Roster": (
        "_actors _build _coordinator _machine _mailbox_messages_max _mailboxes "
        "_orchestrator _seats _supervision owners"
    ),
    "SeenTrades": "",
    "SharedOrders": "",
    "StandingTable": "_capital",
    "Standings": "_capital_manager _plans _publish",
    "StopDesk": "_capital _rules _standings",
    "StopKeeper": "_capital_manager _context _gateway _publish _standings",
    "StrategyHost": (
        "_answers _factory _given _gives_snapshots _is_folded _log _memento _noted "
        "_told_before strategy unrestored view"
    ),
    "Tally": "",
}
"""Class -> attributes that are wiring, configuration, or derived from state (``after_restore``)."""


def _attributes(thing: object) -> tuple[str, ...]:
    names = list(vars(thing)) if hasattr(thing, "__dict__") else []
    for kind in type(thing).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        names += [slots] if isinstance(slots, str) else list(slots)
    return tuple(dict.fromkeys(names))


def _stateful(thing: object, seen: dict[int, object]) -> Iterator[object]:
    """Everything with ``STATE`` that can be reached."""
    if id(thing) in seen or not type(thing).__module__.startswith("orchestrion."):
        return
    seen[id(thing)] = thing
    if hasattr(thing, "STATE"):
        yield thing
    for name in _attributes(thing):
        value = getattr(thing, name, None)
        values = value.values() if isinstance(value, dict) else (value,)
        for one in values:
            yield from _stateful(one, seen)


def _found() -> dict[str, tuple[str, ...]]:
    stage = Stage(
        following({"a": Script(), "b": Script()}, Remembering),
        capital_rules={"cross_policy": CrossPolicy(quote_age_max_ns=1, last_price_age_max_ns=1)},
    )
    found: dict[str, tuple[str, ...]] = {}
    for thing in _stateful(stage.system, {}):
        named = (*thing.STATE, *getattr(thing, "PARTS", ()))  # type: ignore[attr-defined]
        rest = [one for one in _attributes(thing) if one not in named]
        found[type(thing).__name__] = tuple(sorted(rest))
    return found


def test_every_attribute_of_a_class_with_state_is_accounted_for() -> None:
    assert {name: " ".join(rest) for name, rest in _found().items()} == NOT_STATE
