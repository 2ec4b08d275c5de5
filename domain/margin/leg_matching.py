"""Which short legs are matched with which covering ones so that the sum of costs is least.

A transport problem: every short leg has a quantity and a cost per unit when it stands alone, every
cover too, and a pair has a cost per unit of its own, or cannot be formed. Matching starts with
everything alone and takes, again and again, the chain of changes that saves most (a new pair may
take its cover from an earlier one, whose short leg then looks for another). When no chain saves
anything, the sum is least: this is the successive-path method of minimum-cost flow, exact for any
quantities, whole or fractional.

Size: a chain costs at most shorts x shorts x covers steps, and each one uses up a leg or dissolves
a pair. Option books have few strikes, so the number of chains stays near the number of legs (200
legs take some seconds, eight a fraction of a millisecond). tests/property/test_margin_model_legs.py
compares it with a search through all matchings.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from orchestrion.domain.models.money import ZERO, add, multiply, subtract


def least_cost(
    *,
    shorts: Sequence[Decimal],
    covers: Sequence[Decimal],
    short_costs: Sequence[Decimal],
    cover_costs: Sequence[Decimal],
    pair_costs: Sequence[Sequence[Decimal | None]],
) -> Decimal:
    """The least sum of costs.

    Args:
        shorts: quantity of each short leg, > 0.
        covers: quantity of each covering leg, > 0.
        short_costs: per unit of a short leg that stands alone.
        cover_costs: per unit of a cover that stands alone.
        pair_costs: by short leg, then by cover: per unit of a pair; None when it covers nothing.
    """
    total = ZERO
    for quantity, cost in zip((*shorts, *covers), (*short_costs, *cover_costs), strict=True):
        total = add(total, multiply(quantity, cost))
    if not shorts or not covers:
        return total
    if len(shorts) == len(covers) == 1:  # a spread or a covered call: what most books hold
        pair = pair_costs[0][0]
        if pair is None:
            return total
        saving = subtract(add(short_costs[0], cover_costs[0]), pair)
        return subtract(total, multiply(min(shorts[0], covers[0]), max(saving, ZERO)))
    savings = [
        [
            None if pair is None else subtract(add(short_cost, cover_cost), pair)
            for pair, cover_cost in zip(row, cover_costs, strict=True)
        ]
        for row, short_cost in zip(pair_costs, short_costs, strict=True)
    ]
    return subtract(total, _Matching(list(shorts), list(covers), savings).saved())


class _Matching:
    """Pairs formed so far. ``savings`` are against both legs standing alone, per unit."""

    __slots__ = ("_free", "_left", "_pairs", "_savings")

    def __init__(
        self, left: list[Decimal], free: list[Decimal], savings: list[list[Decimal | None]]
    ) -> None:
        self._left = left
        self._free = free
        self._savings = savings
        self._pairs = [[ZERO] * len(free) for _ in left]

    def saved(self) -> Decimal:
        total = ZERO
        while (chain := self._best_chain()) is not None:
            saving, steps = chain
            total = add(total, multiply(saving, self._form(steps)))
        return total

    def _best_chain(self) -> tuple[Decimal, list[tuple[int, int]]] | None:
        """(saving per unit, new pairs from the first to the last) or None when nothing saves."""
        reached, origins = self._reach()
        best = ZERO
        end: tuple[int, int] | None = None
        for short, so_far in reached.items():
            for cover, saving in enumerate(self._savings[short]):
                if saving is not None and self._free[cover] and add(so_far, saving) > best:
                    best, end = add(so_far, saving), (short, cover)
        if end is None:
            return None
        steps = [end]
        while (origin := origins.get(steps[-1][0])) is not None:
            steps.append(origin)
        return best, steps[::-1]

    def _reach(self) -> tuple[dict[int, Decimal], dict[int, tuple[int, int]]]:
        """What short legs can be freed for a new pair, at which saving, and by which new pair.

        The longest paths of Bellman and Ford; no chain can save by going in a circle, because then
        the pairs formed before were not the best ones.
        """
        reached = {short: ZERO for short, left in enumerate(self._left) if left}
        origins: dict[int, tuple[int, int]] = {}
        waiting = list(reached)
        while waiting:
            taker = waiting.pop(0)
            for cover, gain in enumerate(self._savings[taker]):
                if gain is None:
                    continue
                for giver, row in enumerate(self._savings):
                    lost = row[cover]
                    if giver == taker or lost is None or not self._pairs[giver][cover]:
                        continue
                    saving = subtract(add(reached[taker], gain), lost)
                    if giver not in reached or saving > reached[giver]:
                        reached[giver] = saving
                        origins[giver] = (taker, cover)
                        waiting.append(giver)
        return reached, origins

    def _form(self, steps: list[tuple[int, int]]) -> Decimal:
        """Forms the pairs of a chain and dissolves those they take from; returns how many units."""
        first, last = steps[0][0], steps[-1][1]
        amount = min(self._left[first], self._free[last])
        for (_, cover), (giver, _) in pairwise(steps):
            amount = min(amount, self._pairs[giver][cover])
        self._left[first] = subtract(self._left[first], amount)
        self._free[last] = subtract(self._free[last], amount)
        for short, cover in steps:
            self._pairs[short][cover] = add(self._pairs[short][cover], amount)
        for (_, cover), (giver, _) in pairwise(steps):
            self._pairs[giver][cover] = subtract(self._pairs[giver][cover], amount)
        return amount
