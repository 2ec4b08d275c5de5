"""What two books held and bound on common days: opposite sides, and margin.

Opposite means that one held long what the other held short at the close, or that one bought what
the other sold during the day. Holding long while another only sells out of its own long position is
not opposite.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import TypeAlias

from orchestrion.domain.compatibility.history import InstrumentDay, MarginPeak
from orchestrion.domain.compatibility.lineup import sum_of
from orchestrion.domain.models.money import ZERO, multiply

# Sides as bits, opposites as neighbours, so that exchanging neighbours gives the opposite sides.
_HELD_LONG, _HELD_SHORT, _BOUGHT, _SOLD = 1, 2, 4, 8
_LEFT = _HELD_LONG | _BOUGHT
_RIGHT = _HELD_SHORT | _SOLD

NEAR_PEAK = Decimal("0.9")
"""Part of its peak from which on a margin counts as near it; arbitrary."""

Sides: TypeAlias = Mapping[str, Mapping[int, int]]
"""instrument id -> day -> sides."""
Margins: TypeAlias = Mapping[int, Decimal]
"""day -> margin peak, days ascending."""


def sides_of(instrument_days: Iterable[InstrumentDay]) -> Sides:
    """Days on which nothing was held or traded are left out."""
    sides: dict[str, dict[int, int]] = {}
    for one in instrument_days:
        bits = (
            (_HELD_LONG if one.held > 0 else 0)
            | (_HELD_SHORT if one.held < 0 else 0)
            | (_BOUGHT if one.bought else 0)
            | (_SOLD if one.sold else 0)
        )
        if bits:
            sides.setdefault(one.instrument_id, {})[one.day] = bits
    return sides


def opposing_days(one: Sides, other: Sides) -> tuple[int, int]:
    """(instrument days that both have, those with opposite sides)."""
    common = opposed = 0
    for instrument_id, days in one.items():
        theirs = other.get(instrument_id)
        if theirs is None:
            continue
        for day, bits in days.items():
            if day in theirs:
                common += 1
                opposed += (_opposite(bits) & theirs[day]) != 0
    return common, opposed


def margins_of(peaks: Iterable[MarginPeak]) -> Margins:
    return MappingProxyType({peak.day: peak.amount for peak in peaks})


def margin_coincidence(one: Margins, other: Margins) -> tuple[int, float | None]:
    """(common days, how often both are near their peak at once).

    Near is at least nine tenths of the own peak on the common days. The figure counts the days on
    which both are near, as a fraction of the near days of the one that has fewer: 1 when peaks
    meet, 0 when they never do, a tenth or so by chance. None when one of them bound nothing.
    """
    days = [day for day in one if day in other]
    near, other_near = _near_peak(one, days), _near_peak(other, days)
    if not near or not other_near:
        return len(days), None
    both = sum(day in other_near for day in near)
    return len(days), both / min(len(near), len(other_near))


def margin_together(tables: Sequence[Margins]) -> tuple[int, int | None, Decimal]:
    """(days that all tables have, the day with the largest sum, that sum); the first of equals."""
    if not tables:
        return 0, None, ZERO
    first, *others = tables
    days = [day for day in first if all(day in table for table in others)]
    if not days:
        return 0, None, ZERO
    sums = [sum_of(table[day] for table in tables) for day in days]
    highest = max(sums)
    return len(days), days[sums.index(highest)], highest


def _near_peak(margins: Margins, days: Sequence[int]) -> dict[int, None]:
    peak = max((margins[day] for day in days), default=ZERO)
    limit = multiply(peak, NEAR_PEAK)
    return {day: None for day in days if margins[day] >= limit} if peak else {}


def _opposite(bits: int) -> int:
    return (bits & _LEFT) << 1 | (bits & _RIGHT) >> 1
