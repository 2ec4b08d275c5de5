"""Short words for rounds and their conflicts.

A round is written in rank order, one word per command: ``a+X`` is an entry of a that buys one X,
``b-X*5!`` an exit of b that sells five; ``@9`` makes it a limit order at 9, ``a+X-Y`` has two legs.
Working orders are written the same way and are called W0, W1, ... by age; ``?`` marks one that is
being withdrawn already.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from orchestrion.domain.conflict import (
    NO_CLAIMS,
    NO_PRIORITIES,
    CommandFigures,
    ConflictPolicies,
    InstrumentClaims,
    InstrumentFigures,
    Resolution,
    RoundContext,
    resolve_conflicts,
)
from orchestrion.domain.models.command import RefusalCode, SubmitOrder
from orchestrion.domain.models.order import Order, OrderStatus
from orchestrion.domain.orchestration.events import StrategyConflictDetectedEvent
from orchestrion.domain.orchestration.proposal import Checked, HeldProposal, Proposal, Rejection
from tests.fakes_rules import Number, amount, leg, limit, order_for, working_order

_LEG = r"([+-])([A-Z]+)(?:\*([\d.]+))?"
_WORD = re.compile(
    rf"(?P<owner>\w+?)(?P<legs>(?:{_LEG})+)(?:@(?P<price>[\d.-]+))?(?P<exit>!)?(?P<leaving>\?)?$"
)
DEFAULTS = ConflictPolicies()


def proposal(word: str, index: int = 0) -> Proposal:
    found = _WORD.match(word)
    assert found is not None, word
    legs = [
        leg(name, amount(f"{sign}{quantity or 1}"))
        for sign, name, quantity in re.findall(_LEG, found["legs"])
    ]
    options: dict[str, Any] = limit(found["price"]) if found["price"] else {}
    command = order_for(*legs, owner=found["owner"], **options)
    return Proposal(found["owner"], index, command, bool(found["exit"]))


def round_of(words: str) -> list[Checked]:
    """Commands in rank order; indices count per strategy."""
    counts: dict[str, int] = {}
    checked: list[Checked] = []
    for word in words.split():
        one = proposal(word)
        index = counts.get(one.strategy_id, 0)
        counts[one.strategy_id] = index + 1
        checked.append(msgspec.structs.replace(one, index=index))
    return checked


def resting(words: str) -> dict[str, Order]:
    orders: dict[str, Order] = {}
    for number, word in enumerate(words.split()):
        one = proposal(word)
        assert isinstance(one.command, SubmitOrder)
        status = OrderStatus.PENDING_CANCEL if word.endswith("?") else OrderStatus.ACCEPTED
        name = f"W{number}"
        orders[name] = working_order(
            one.command, name, is_reducing=one.is_exit, ts_decided=number, status=status
        )
    return orders


def figures(
    *,
    lot: Number = 1,
    low: Number = 0,
    high: Number = 0,
    quantity_max: Number | None = None,
    unit_notional: Number = 0,
    underlying: str = "",
    holders: Iterable[str] = (),
) -> InstrumentFigures:
    return InstrumentFigures(
        lot_size=amount(lot),
        underlying_id=underlying,
        unit_notional=amount(unit_notional),
        low=amount(low),
        high=amount(high),
        quantity_max=None if quantity_max is None else amount(quantity_max),
        holder_ids=tuple(holders),
    )


def context_of(
    checked: Iterable[Checked],
    *,
    price: Number = 10,
    refused: Mapping[int, RefusalCode] | None = None,
    instruments: Mapping[str, InstrumentFigures] | None = None,
    **account: Any,
) -> RoundContext:
    """A context in which an entry needs ``price`` per unit of its legs, an exit nothing."""
    commands: list[CommandFigures | None] = []
    for place, one in enumerate(checked):
        if not isinstance(one, Proposal) or not isinstance(one.command, SubmitOrder):
            commands.append(None)
            continue
        quantity = sum((each.quantity for each in one.command.legs), Decimal(0))
        needed = Decimal(0) if one.is_exit else quantity * amount(price)
        code = (refused or {}).get(place)
        refusal = None if code is None else (code, "in words")
        commands.append(CommandFigures(refusal, needed, one.is_exit))
    numbers: dict[str, Any] = {
        key: amount(value) if isinstance(value, (int, str)) else value
        for key, value in account.items()
    }
    return RoundContext(commands=tuple(commands), instruments=instruments or {}, **numbers)


def resolve(
    words: str,
    policies: ConflictPolicies = DEFAULTS,
    *,
    working: str = "",
    priorities: Mapping[str, int] = NO_PRIORITIES,
    claims: InstrumentClaims = NO_CLAIMS,
    held: Iterable[HeldProposal] = (),
    **context: Any,
) -> Resolution:
    """Resolves a round in words. Any option of ``context_of`` makes a context."""
    checked = round_of(words)
    return resolve_conflicts(
        checked,
        resting(working),
        policies,
        priorities,
        claims=claims,
        context=context_of(checked, **context) if context else None,
        held=tuple(held),
    )


def outcome(resolution: Resolution) -> str:
    """What became of each command: ok, the quantities it was cut to, held:W0, or the code."""
    return " ".join(_outcome(one) for one in resolution.checked)


def _outcome(one: Checked) -> str:
    if isinstance(one, Rejection):
        return one.refusal.code
    if isinstance(one, HeldProposal):
        return f"held:{','.join(one.waits_for)}"
    if one.scaled_from and isinstance(one.command, SubmitOrder):
        return "+".join(f"{each.quantity:f}" for each in one.command.legs)
    return "ok"


def details(resolution: Resolution) -> list[str]:
    """Words of all refusals, in order."""
    return [one.refusal.detail for one in resolution.checked if isinstance(one, Rejection)]


def told(resolution: Resolution) -> list[str]:
    """All events: ``TYPE subject [who]: resolution``."""
    return [_told(event) for event in resolution.events]


def _told(event: StrategyConflictDetectedEvent) -> str:
    subject = f" {event.instrument_id}" if event.instrument_id else ""
    return f"{event.conflict_type}{subject} [{' '.join(event.strategy_ids)}]: {event.resolution}"
