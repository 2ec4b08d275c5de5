"""``scale_pro_rata``: cut the entries of a conflict in proportion, to what fits.

Bound by bound, in their order: while the figure is above the bound, the entries that raise it keep
the same fraction of what they have, rounded down to whole units (a unit is the smallest part of a
command that has all its legs in whole lots). What rounding and the cuts of later bounds
left over is given back as long as it fits: one unit each to who was cut most in proportion, ties to
the better one, so that a small order is not wiped out by rounding; then to the better ones first.
So nothing exceeds a bound, and no command could be one unit larger.

Size: per bound, the entries that touch it; to give back, the bits of their units (at most 60).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction
from math import floor
from types import MappingProxyType

import msgspec

from orchestrion.domain.conflict.contender import Contender
from orchestrion.domain.conflict.policy import ConflictType
from orchestrion.domain.conflict.room import Bound, Load, Room, joined, load_of_part, units_of
from orchestrion.domain.conflict.round_context import RoundContext
from orchestrion.domain.conflict.telling import names_of
from orchestrion.domain.models.money import BILLIONTH, divide, multiply
from orchestrion.domain.orchestration.authorisation import Refusal

CHORDS_MAX = 8
"""Steps towards the greatest fraction. A straight line needs one; a bend more, each of which takes
off most of what is left. What is left in the end is given back. Arbitrary."""


class BrokenBound(msgspec.Struct, frozen=True):
    """A bound that was passed. ``members``: the entries that had to be cut for it, in order of
    deciding. ``words``: what it is, and what all together would have come to."""

    bound: Bound
    members: tuple[Contender, ...]
    words: str


_NOTHING: Mapping[int, Refusal] = MappingProxyType({})
_NO_UNITS: Mapping[int, tuple[int, int]] = MappingProxyType({})


class Scaling(msgspec.Struct, frozen=True):
    """What scaling came to.

    Attributes:
        units: place -> (units that go on, units that were asked for), of what was cut.
        broken: the bounds that were passed, in their order.
        alone: place -> refusal, of what does not fit although nobody else is in its way; nothing is
            cut then.
    """

    units: Mapping[int, tuple[int, int]]
    broken: tuple[BrokenBound, ...]
    alone: Mapping[int, Refusal] = _NOTHING


class Scaler:
    """Cuts the entries of a round. It uses the room up and leaves it as the scaled round does."""

    def __init__(
        self,
        room: Room,
        loads: Mapping[int, Load],
        going: Sequence[Contender],
        kinds: Sequence[ConflictType],
        context: RoundContext,
    ) -> None:
        """
        Args:
            room: with all that goes on in it, in full.
            loads: by place.
            going: in order of deciding; exits are never cut.
            kinds: types whose policy is to scale.
        """
        self._room = room
        self._context = context
        self._kinds = kinds
        self._going = going
        self._entries = [one for one in going if not one.is_exit]
        self._asked = {one.place: units_of(one.command, context) for one in self._entries}
        self._units = dict(self._asked)
        self._loads = dict(loads)

    def scale(self) -> Scaling:
        broken: list[BrokenBound] = []
        for bound in self._room.bounds:
            if bound.kind not in self._kinds or self._room.figure(bound) <= bound.limit:
                continue
            alone = self._alone(bound)
            if alone:
                return Scaling(_NO_UNITS, (), alone)
            words = bound.words(self._room.figure(bound))
            members: list[Contender] = []
            # Each time the members fit afterwards or are cut to nothing, so that others raise the
            # figure: at most twice per instrument, once for each side.
            while self._room.figure(bound) > bound.limit and (now := self._raising(bound)):
                members.extend(one for one in now if one not in members)
                self._shrink(bound, now)
            if members:
                members.sort(key=lambda one: one.position)
                broken.append(BrokenBound(bound, tuple(members), words))
        cut = [one for one in self._entries if self._units[one.place] < self._asked[one.place]]
        self._give_back(cut)
        return Scaling(
            {
                one.place: (self._units[one.place], self._asked[one.place])
                for one in cut
                if self._units[one.place] < self._asked[one.place]
            },
            tuple(broken),
        )

    def _alone(self, bound: Bound) -> Mapping[int, Refusal]:
        """Entries that do not fit when only their own strategy raises the figure: no conflict, but
        what the capital manager refuses. Nobody else looks after concentration, so it always counts
        as one."""
        if bound.kind is ConflictType.CONCENTRATION:
            return _NOTHING
        figure = self._room.figure(bound)
        raising = [
            one
            for one in self._going
            if self._room.figure(bound, minus=(self._loads[one.place],)) < figure
        ]
        if len(names_of(raising)) != 1:
            return _NOTHING
        entries = [one for one in raising if not one.is_exit]
        for one in entries:
            self._room.remove(self._loads[one.place])
        alone: dict[int, Refusal] = {}
        for one in entries:
            load = self._loads[one.place]
            if self._room.is_broken_by(bound, load):
                alone[one.place] = self._room.fault(bound, load)
            else:
                self._room.add(load)
        return alone

    def _raising(self, bound: Bound) -> list[Contender]:
        """Entries without which the figure would be lower."""
        figure = self._room.figure(bound)
        return [
            one
            for one in self._entries
            if self._units[one.place]
            and self._room.figure(bound, minus=(self._loads[one.place],)) < figure
        ]

    def _shrink(self, bound: Bound, members: Sequence[Contender]) -> None:
        """Cuts all to the same fraction, at which the bound holds; to nothing when none does."""
        before = {one.place: self._units[one.place] for one in members}
        fraction = self._fraction(bound, members)
        for one in members:
            self._set(one, floor(before[one.place] * fraction))

    def _fraction(self, bound: Bound, members: Sequence[Contender]) -> Fraction:
        """The fraction at which the figure, without any rounding, reaches the bound.

        Figures are straight lines, or bend upwards where one side of an instrument overtakes the
        other. A chord of such a curve lies above it: where the chord reaches the bound, the figure
        is at most there, and on a straight line exactly there.
        """
        loads = [self._loads[one.place] for one in members]
        limit, most = Fraction(bound.limit), Fraction(self._room.figure(bound))
        found, reached = Fraction(0), Fraction(self._room.figure(bound, minus=loads))
        for _ in range(CHORDS_MAX):
            if reached >= limit:
                break
            found += (1 - found) * (limit - reached) / (most - reached)
            part = [_fraction_of(load, found) for load in loads]
            reached = Fraction(self._room.figure(bound, plus=joined(part), minus=loads))
        return found

    def _set(self, contender: Contender, units: int) -> None:
        place = contender.place
        self._room.remove(self._loads[place])
        load = load_of_part(contender, units, self._asked[place], self._context)
        self._room.add(load)
        self._loads[place] = load
        self._units[place] = units

    def _give_back(self, cut: Sequence[Contender]) -> None:
        by_cut = sorted(
            cut,
            key=lambda one: (
                Fraction(self._units[one.place], self._asked[one.place]),
                one.position,
            ),
        )
        for one in by_cut:
            self._try(one, self._units[one.place] + 1)
        for one in cut:
            fits, too_much = self._units[one.place], self._asked[one.place] + 1
            while too_much - fits > 1:
                middle = (fits + too_much) // 2
                if self._try(one, middle):
                    fits = middle
                else:
                    too_much = middle

    def _try(self, contender: Contender, units: int) -> bool:
        """Takes more units if every bound still holds; whether it did."""
        place = contender.place
        if units > self._asked[place]:
            return False
        before = self._units[place]
        touched = [
            one for one in self._room.touched_by(self._loads[place]) if one.kind in self._kinds
        ]
        figures = [self._room.figure(one) for one in touched]
        self._set(contender, units)
        for bound, figure in zip(touched, figures, strict=True):
            then = self._room.figure(bound)
            if then > bound.limit and then > figure:
                self._set(contender, before)
                return False
        return True


def _fraction_of(load: Load, fraction: Fraction) -> Load:
    """As it would be if quantities had no steps, rounded up to a billionth."""

    def part(amount: Decimal) -> Decimal:
        numerator = multiply(amount, Decimal(fraction.numerator))
        denominator = Decimal(fraction.denominator)
        return divide(numerator, denominator, step=BILLIONTH, rounding=ROUND_CEILING)

    return Load(
        part(load.requirement),
        tuple((instrument_id, side, part(one)) for instrument_id, side, one in load.quantities),
    )
