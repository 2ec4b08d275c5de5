"""The books' equity day by day, as estimates of risk need it: one point per session's close.

A point carries the capital that was moved since the one before it, which is no gain. Two closes on
one day are one point, the later one. Size: at most ``POINTS_MAX`` points per book.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar

import msgspec

from orchestrion.domain.capital.return_history import EquityPoint
from orchestrion.domain.capital.session_day import day_of
from orchestrion.domain.models.money import ZERO, add

POINTS_MAX = 2_600
"""Ten years of trading days; older points are forgotten, so that the memory of long runs is flat.
Arbitrary, ten times what an estimate uses unless it is told otherwise."""


class EquityHistory:
    """Closes of every book, and what has moved since the last one."""

    STATE: ClassVar[Mapping[str, Any]] = {
        "_points": dict[str, tuple[EquityPoint, ...]],
        "_moved": dict[str, Decimal],
    }

    def __init__(self, *, day_offset_ns: int = 0) -> None:
        self._day_offset_ns = day_offset_ns
        self._points: dict[str, deque[EquityPoint]] = {}
        self._moved: dict[str, Decimal] = {}

    def after_restore(self) -> None:
        """Gives the points their bound back."""
        for book_id, points in self._points.items():
            self._points[book_id] = deque(points, maxlen=POINTS_MAX)

    def move(self, capital_moved: Mapping[str, Decimal]) -> None:
        """Takes capital that came into books (negative: left them)."""
        for book_id, amount in capital_moved.items():
            self._moved[book_id] = add(self._moved.get(book_id, ZERO), amount)

    @property
    def moved(self) -> Mapping[str, Decimal]:
        """Capital that came into books since their last close; negative where it left."""
        return self._moved

    def close(self, equities: Mapping[str, Decimal], ts: int) -> None:
        """Takes the equity of books at a session's close."""
        day = day_of(ts, self._day_offset_ns)
        for book_id, equity in equities.items():
            points = self._points.setdefault(book_id, deque(maxlen=POINTS_MAX))
            point = EquityPoint(day, equity, self._moved.pop(book_id, ZERO))
            if points and points[-1].day >= day:
                last = points.pop()
                point = msgspec.structs.replace(
                    point, day=last.day, flow=add(last.flow, point.flow)
                )
            points.append(point)

    def curves(self, book_ids: Iterable[str]) -> dict[str, tuple[EquityPoint, ...]]:
        """Points by book, oldest first; none for a book that has had no close yet."""
        return {one: tuple(self._points.get(one, ())) for one in book_ids}
