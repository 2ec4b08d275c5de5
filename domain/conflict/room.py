"""What the account has left for a round: bounds, and what the commands of the round would use.

A bound is a greatest value for a figure that only grows as commands are added:

- POSITION_LIMIT, per instrument and side: the quantity that can come to be held on that side;
- CONCENTRATION, per underlying (a share is its own): gross notional of all its instruments, each
  on its larger side. It bounds each instrument of the underlying with it;
- MARGIN and CAPITAL, for the account: the requirement of all entries.

All are worst cases as in ``capital.worst_case``: whichever orders fill. A figure that is above its
bound already, because prices moved, may stay where it is but not grow. Exits count in quantities
and notional like everything else that may fill, but nothing here ever judges one.

Size: a command is held against the bounds of its legs and the two of the account.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_CEILING, Decimal
from math import gcd
from typing import Protocol

import msgspec

from orchestrion.domain.conflict.contender import Contender
from orchestrion.domain.conflict.policy import ROOM_TYPES, ConflictPolicies, ConflictType
from orchestrion.domain.conflict.round_context import InstrumentFigures, RoundContext
from orchestrion.domain.models.command import RefusalCode, SubmitOrder
from orchestrion.domain.models.money import (
    BILLIONTH,
    EXACT,
    ZERO,
    add,
    divide,
    is_multiple,
    multiply,
    round_to_cent,
    subtract,
)
from orchestrion.domain.models.order import Leg, OrderSide
from orchestrion.domain.orchestration.authorisation import Refusal, account_fault

_UNKNOWN = InstrumentFigures()


class Load(msgspec.Struct, frozen=True):
    """What a command adds. ``quantities``: (instrument id, side, quantity) per leg."""

    requirement: Decimal
    quantities: tuple[tuple[str, OrderSide, Decimal], ...]


class Amounts:
    """Loads added up."""

    __slots__ = ("_quantities", "requirement")

    def __init__(self) -> None:
        self.requirement = ZERO
        self._quantities: dict[tuple[str, OrderSide], Decimal] = {}

    def quantity(self, instrument_id: str, side: OrderSide) -> Decimal:
        return self._quantities.get((instrument_id, side), ZERO)

    def add(self, load: Load) -> None:
        self.requirement = add(self.requirement, load.requirement)
        for instrument_id, side, quantity in load.quantities:
            key = (instrument_id, side)
            self._quantities[key] = add(self._quantities.get(key, ZERO), quantity)

    def remove(self, load: Load) -> None:
        self.requirement = subtract(self.requirement, load.requirement)
        for instrument_id, side, quantity in load.quantities:
            key = (instrument_id, side)
            self._quantities[key] = subtract(self._quantities[key], quantity)


class Bound(Protocol):
    """A greatest value. ``subject``: instrument or underlying id; empty for the account."""

    @property
    def kind(self) -> ConflictType: ...

    @property
    def subject(self) -> str: ...

    @property
    def limit(self) -> Decimal: ...

    def figure(self, amounts: Amounts) -> Decimal:
        """What is bounded, with these amounts added to what there was before."""
        ...

    def words(self, figure: Decimal) -> str:
        """What the bound is and what it would come to."""
        ...


class _RequirementBound(msgspec.Struct, frozen=True):
    kind: ConflictType
    limit: Decimal
    subject: str = ""

    def figure(self, amounts: Amounts) -> Decimal:
        return amounts.requirement

    def words(self, figure: Decimal) -> str:
        if self.kind is ConflictType.CAPITAL:
            return f"{_money(self.limit)} of the account is free, {_money(figure)} would be needed"
        return f"the account may bind {_money(self.limit)} more and would {_money(figure)}"


class _QuantityBound(msgspec.Struct, frozen=True):
    subject: str
    side: OrderSide
    limit: Decimal
    before: Decimal
    kind: ConflictType = ConflictType.POSITION_LIMIT

    def figure(self, amounts: Amounts) -> Decimal:
        return add(self.before, amounts.quantity(self.subject, self.side))

    def words(self, figure: Decimal) -> str:
        return f"the account may come to {self.limit:f} of {self.subject} and would to {figure:f}"


class _NotionalBound(msgspec.Struct, frozen=True):
    subject: str
    limit: Decimal
    other: Decimal
    instruments: tuple[tuple[str, InstrumentFigures], ...]
    kind: ConflictType = ConflictType.CONCENTRATION

    def figure(self, amounts: Amounts) -> Decimal:
        total = self.other
        for instrument_id, one in self.instruments:
            bought = amounts.quantity(instrument_id, OrderSide.BUY)
            sold = amounts.quantity(instrument_id, OrderSide.SELL)
            # A range can lie on one side of zero: its greatest quantity is on the other end.
            largest = max(add(one.high, bought).copy_abs(), subtract(one.low, sold).copy_abs())
            total = add(total, multiply(largest, one.unit_notional))
        return total

    def words(self, figure: Decimal) -> str:
        return (
            f"notional in {self.subject} may come to {_money(self.limit)} and would to "
            f"{_money(figure)}"
        )


class Room:
    """The bounds of a round and what is used of them so far.

    Attributes:
        bounds: by type, then by subject.
    """

    def __init__(self, bounds: tuple[Bound, ...], places: Mapping[str, tuple[int, ...]]) -> None:
        """
        Args:
            places: instrument id -> where in ``bounds`` those stand that a leg in it touches; under
                "" those of the account.
        """
        self.bounds = bounds
        self._places = places
        self._amounts = {kind: Amounts() for kind in ROOM_TYPES}

    def emptied(self) -> Room:
        """The same bounds with nothing used."""
        return Room(self.bounds, self._places)

    def add(self, load: Load) -> None:
        for amounts in self._amounts.values():
            amounts.add(load)

    def remove(self, load: Load) -> None:
        for amounts in self._amounts.values():
            amounts.remove(load)

    def add_ghost(self, load: Load, kind: ConflictType) -> None:
        """What was refused with all members of a conflict counts on in that conflict alone."""
        if kind in self._amounts:
            self._amounts[kind].add(load)

    def touched_by(self, load: Load) -> list[Bound]:
        """Bounds that a command can move, by type and subject."""
        keys = ("", *(instrument_id for instrument_id, _, _ in load.quantities))
        places = {place: None for key in keys for place in self._places.get(key, ())}
        return [self.bounds[place] for place in sorted(places)]

    def figure(
        self, bound: Bound, *, plus: Load | None = None, minus: Iterable[Load] = ()
    ) -> Decimal:
        """What a bound's figure is, or would be with a command more and others less."""
        amounts = self._amounts[bound.kind]
        removed = tuple(minus)
        for load in removed:
            amounts.remove(load)
        if plus is not None:
            amounts.add(plus)
        figure = bound.figure(amounts)
        if plus is not None:
            amounts.remove(plus)
        for load in removed:
            amounts.add(load)
        return figure

    def fault(self, bound: Bound, load: Load, *, without: Iterable[Load] = ()) -> Refusal:
        """What the capital manager says of a command that does not fit, if others were not there.

        Args:
            load: breaks the bound.
        """
        if bound.kind is ConflictType.CAPITAL:
            left = subtract(bound.limit, self.figure(bound, minus=without))
            refusal = account_fault(load.requirement, left)
            if refusal is not None:
                return refusal
        then = self.figure(bound, plus=load, minus=without)
        return RefusalCode.LIMIT_EXCEEDED, bound.words(then)

    def is_broken_by(self, bound: Bound, load: Load) -> bool:
        """Whether a command more would pass the bound, and raise the figure by it."""
        then = self.figure(bound, plus=load)
        return then > bound.limit and then > self.figure(bound)


def room_of(context: RoundContext | None, policies: ConflictPolicies) -> Room:
    """The bounds that hold for a round; none without a context."""
    if context is None:
        return Room((), {})
    bounds: list[Bound] = []
    places: dict[str, list[int]] = {}
    for keys, bound in _bounds(context, policies):
        for key in keys:
            places.setdefault(key, []).append(len(bounds))
        bounds.append(bound)
    return Room(tuple(bounds), {key: tuple(found) for key, found in places.items()})


def _bounds(
    context: RoundContext, policies: ConflictPolicies
) -> Iterator[tuple[tuple[str, ...], Bound]]:
    """(instrument ids whose legs touch it, bound), by type and subject."""
    instruments = sorted(context.instruments.items())
    for instrument_id, one in instruments:
        if one.quantity_max is not None:
            limit = max(one.quantity_max, one.low.copy_abs(), one.high.copy_abs())
            yield (instrument_id,), _QuantityBound(instrument_id, OrderSide.BUY, limit, one.high)
            low = one.low.copy_negate()
            yield (instrument_id,), _QuantityBound(instrument_id, OrderSide.SELL, limit, low)
    fraction = policies.concentration_max_fraction
    if fraction is not None:
        limit = multiply(fraction, max(context.equity, ZERO))
        groups: dict[str, list[tuple[str, InstrumentFigures]]] = {}
        for instrument_id, one in instruments:
            groups.setdefault(one.underlying_id or instrument_id, []).append((instrument_id, one))
        for underlying_id, group in sorted(groups.items()):
            other = context.other_notional.get(underlying_id, ZERO)
            ids = tuple(instrument_id for instrument_id, _ in group)
            yield ids, _NotionalBound(underlying_id, limit, other, tuple(group))
    if context.margin_room is not None:
        yield ("",), _RequirementBound(ConflictType.MARGIN, context.margin_room)
    if context.free is not None:
        yield ("",), _RequirementBound(ConflictType.CAPITAL, context.free)


# -- commands in whole units ----------------------------------------------------------------------


def units_of(command: SubmitOrder, context: RoundContext | None) -> int:
    """Into how many equal parts a command can be divided so that every leg stays in whole lots:
    the greatest common divisor of its legs. 1 when a leg is no multiple of its lot."""
    count = 0
    for leg in command.legs:
        lot = _figures(leg.instrument_id, context).lot_size
        if not is_multiple(leg.quantity, lot):
            return 1
        count = gcd(count, int(EXACT.divide_int(leg.quantity, lot)))
    return count


def part_of(command: SubmitOrder, units: int, of: int, context: RoundContext) -> SubmitOrder:
    """A command of ``units`` of its ``of`` equal parts; ``units`` >= 1."""
    legs = tuple(_part_of_leg(leg, units, of, context) for leg in command.legs)
    return msgspec.structs.replace(command, legs=legs)


def load_of(contender: Contender) -> Load:
    """What a whole command adds."""
    return Load(
        contender.requirement,
        tuple((leg.instrument_id, leg.side, leg.quantity) for leg in contender.command.legs),
    )


def load_of_part(contender: Contender, units: int, of: int, context: RoundContext) -> Load:
    """What a part of a command adds. Requirements are taken to be in proportion, as margins are."""
    required = divide(
        multiply(contender.requirement, Decimal(units)),
        Decimal(of),
        step=BILLIONTH,
        rounding=ROUND_CEILING,
    )
    legs = [_part_of_leg(leg, units, of, context) for leg in contender.command.legs]
    return Load(required, tuple((leg.instrument_id, leg.side, leg.quantity) for leg in legs))


def joined(loads: Iterable[Load]) -> Load:
    """What several commands add together."""
    parts = tuple(loads)
    required = ZERO
    for one in parts:
        required = add(required, one.requirement)
    return Load(required, tuple(quantity for one in parts for quantity in one.quantities))


def _part_of_leg(leg: Leg, units: int, of: int, context: RoundContext) -> Leg:
    if units == of:
        return leg
    lot = _figures(leg.instrument_id, context).lot_size
    lots = int(EXACT.divide_int(leg.quantity, lot)) // of
    return Leg(leg.instrument_id, leg.side, multiply(Decimal(lots * units), lot))


def _figures(instrument_id: str, context: RoundContext | None) -> InstrumentFigures:
    return _UNKNOWN if context is None else context.instruments.get(instrument_id, _UNKNOWN)


def _money(amount: Decimal) -> str:
    return f"{round_to_cent(amount):f}" if amount.is_finite() else "nothing"
