"""Fifty strategies on one account: by actors and without them, with everything switched on.

Every seventh depends on the one before it, priorities differ, some are limited and some paused,
a third of them is asynchronous, and all of them want the same three shares and one future.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

import pytest

from orchestrion.domain.capital.limit import Limits
from orchestrion.domain.conflict import ConflictPolicies, ConflictPolicy
from orchestrion.domain.models.strategy import Strategy
from orchestrion.domain.orchestration.events import StrategyConflictDetectedEvent
from orchestrion.domain.orchestration.lifecycle import PauseMode
from tests.fakes import SHARES, AsyncScripted, Script, Scripted, following, minutes, play
from tests.integration.test_sync_equals_actors import (
    Acts,
    Plan,
    Wish,
    by_actors,
    by_orchestrator,
    say,
    slices_of,
)

IDS = tuple(f"s{number:02}" for number in range(50))
BARS = 5
INSTRUMENTS = (*SHARES, "FUT")
WISHES = ("buy", "buy", "sell", "limit", "close", "cancel", "signal", "echo", "rubbish")


def metadata() -> dict[str, dict[str, Any]]:
    """Priorities 0 to 3; s07 depends on s06, s14 on s13 and so on, s21 also on s07."""
    fields: dict[str, dict[str, Any]] = {
        one: {"priority": number % 4} for number, one in enumerate(IDS)
    }
    for number in range(7, 50, 7):
        fields[IDS[number]]["depends_on"] = (IDS[number - 1],)
    fields["s21"]["depends_on"] = ("s20", "s07")
    return fields


def options() -> dict[str, Any]:
    limits = {
        one: Limits(quantity_max=Decimal(40), leverage_max=Decimal("0.5")) for one in IDS[::3]
    }
    return {
        "capital": Decimal(1_000_000),
        "metadata": metadata(),
        "capital_rules": {
            "limits": limits,
            "account_limits": Limits(quantity_max_by_id={"AAA": Decimal(900)}),
        },
        "policies": ConflictPolicies(
            opposing_sides=ConflictPolicy.CANCEL_RESTING,
            duplicate_order=ConflictPolicy.PRIORITY,
            position_limit=ConflictPolicy.SCALE_PRO_RATA,
            exclusive_instruments=("CCC",),
        ),
        "paused": {"s11": PauseMode.ENTRIES_BLOCKED, "s12": PauseMode.FROZEN},
    }


def plan_of(seed: int) -> Plan:
    """What each one wants at each bar; the asynchronous ones say nothing at the last."""
    chance = Random(seed)  # noqa: S311 - a plan, no secret

    def wish() -> Wish:
        quantity = chance.choice((1, 2, 10, 50, 900))
        return chance.choice(WISHES), chance.choice(INSTRUMENTS), quantity

    return {
        one: [
            [wish() for _ in range(chance.randrange(1, 4))]
            for _ in range(BARS - 1 if number % 3 == 0 else BARS)
        ]
        for number, one in enumerate(IDS)
    }


def kind_of(script: Script) -> Strategy:
    return AsyncScripted(script) if len(script.on_event) < BARS else Scripted(script)


ACTS: Acts = {
    0: [("pause", "s01", PauseMode.REDUCE_ONLY), ("flatten", "s03", PauseMode.FROZEN)],
    2: [("resume", "s11", PauseMode.FROZEN), ("refuse", "s04", PauseMode.FROZEN)],
}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_fifty_get_the_same_commands_with_and_without_actors(seed: int) -> None:
    plan, slices = plan_of(seed), slices_of([set(INSTRUMENTS)] * BARS)
    by_one = by_orchestrator(plan, slices, acts=ACTS, **options())
    assert sum(len(commands) for commands in by_one) > 100
    assert by_actors(plan, slices, kind_of, acts=ACTS, **options()) == by_one


def scripts_of(plan: Plan) -> Mapping[str, Script]:
    return {
        one: Script(on_event={bar: partial(say, answers, bar) for bar in range(len(answers))})
        for one, answers in plan.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("policy", [ConflictPolicy.PRIORITY, ConflictPolicy.NET])
def test_fifty_trade_on_both_event_loops_alike_and_their_books_hold(policy: ConflictPolicy) -> None:
    settings = options()
    settings["policies"] = ConflictPolicies(opposing_sides=policy)
    slices = minutes(BARS, *SHARES)
    played = [
        play(following(scripts_of(plan_of(7)), kind_of), slices, backend=backend, **settings)
        for backend in ("asyncio", "trio")
    ]
    one, other = played
    assert one.machine.decision_hash == other.machine.decision_hash

    verdicts = Counter(one.verdicts())
    assert verdicts["APPROVED"] > 100
    assert {"CONFLICT", "LIMIT_EXCEEDED", "INVALID_COMMAND", "STRATEGY_PAUSED"} <= set(verdicts), (
        verdicts
    )
    assert one.events_of(StrategyConflictDetectedEvent)
    assert len(one.fills) > 50
    # The auditor has compared every change of every book; here the sums once more, by hand.
    capital = one.orchestrator.capital_manager
    assert one.system.auditor.checks > len(one.fills)
    assert sum(one.equity(book_id) for book_id in one.books) == capital.account_equity()
    assert len({decision.strategy_id for decision in one.decisions}) > 40
