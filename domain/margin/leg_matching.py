"""Which short legs are matched with which covering ones so that the sum of costs is least.

A transport problem: every short leg has a quantity and a cost per unit when it stands alone, every
cover too, and a pair has a cost per unit of its own, or cannot be formed. Matching starts with
everything alone and takes, again and again, the chain of changes that saves most (a new pair may
take its cover from an earlier one, whose short leg then looks for another). When no chain saves
anything, the sum is least: this is the successive-path method of minimum-cost flow, exact for any
quantities, whole or fractional. It runs on integers, the decimals scaled to their last digit.

Size: each chain looks at most a few times at every short leg and cover, and uses up a leg or
dissolves a pair; so many chains as legs are usual. There is no other method above some size: 20
legs take half a millisecond, 60 take 20. tests/property/test_margin_model_legs.py compares it
with a search through all matchings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import pairwise

from orchestrion.domain.models.money import EXACT, ZERO, add, multiply, subtract


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
    savings = [
        [
            None if pair is None else subtract(add(short_cost, cover_cost), pair)
            for pair, cover_cost in zip(row, cover_costs, strict=True)
        ]
        for row, short_cost in zip(pair_costs, short_costs, strict=True)
    ]
    return subtract(total, _most_saved(shorts, covers, savings))


def _most_saved(
    shorts: Sequence[Decimal],
    covers: Sequence[Decimal],
    savings: Sequence[Sequence[Decimal | None]],
) -> Decimal:
    """Against everything alone."""
    if len(shorts) == len(covers) == 1:  # a spread or a covered call: what most books hold
        saving = savings[0][0]
        return ZERO if saving is None else multiply(min(*shorts, *covers), max(saving, ZERO))
    unit_digits = _digits((*shorts, *covers))
    digits = _digits(saving for row in savings for saving in row if saving is not None)
    matching = _Matching(
        left=[_scaled(quantity, unit_digits) for quantity in shorts],
        free=[_scaled(quantity, unit_digits) for quantity in covers],
        savings=[
            {
                cover: _scaled(saving, digits)
                for cover, saving in enumerate(row)
                if saving is not None and saving > 0
            }
            for row in savings
        ],
    )
    return EXACT.scaleb(Decimal(matching.saved()), -(unit_digits + digits))


def _digits(amounts: Iterable[Decimal]) -> int:
    """Digits after the point of the finest amount."""
    return max((-int(amount.as_tuple().exponent) for amount in amounts), default=0)


def _scaled(amount: Decimal, digits: int) -> int:
    return int(EXACT.scaleb(amount, digits))


class _Matching:
    """Pairs formed so far.

    Attributes:
        left: units of each short leg that stand alone.
        free: units of each cover that stand alone.
        savings: by short leg: cover -> what a pair saves per unit; those that save nothing are
            never worth forming, also not within a chain.
    """

    __slots__ = ("_free", "_left", "_savings", "_takers")

    def __init__(self, *, left: list[int], free: list[int], savings: list[dict[int, int]]) -> None:
        self._left = left
        self._free = free
        self._savings = savings
        self._takers: list[dict[int, int]] = [{} for _ in free]
        """By cover: short leg -> units paired."""

    def saved(self) -> int:
        total = 0
        while (chain := self._best_chain()) is not None:
            saving, steps = chain
            total += saving * self._form(steps)
        return total

    def _best_chain(self) -> tuple[int, list[tuple[int, int]]] | None:
        """(saving per unit, new pairs from the first to the last) or None when nothing saves."""
        reached, origins = self._reach()
        best = 0
        end: tuple[int, int] | None = None
        for short, so_far in reached.items():
            for cover, saving in self._savings[short].items():
                if self._free[cover] and so_far + saving > best:
                    best, end = so_far + saving, (short, cover)
        if end is None:
            return None
        steps = [end]
        while (origin := origins.get(steps[-1][0])) is not None:
            steps.append(origin)
        return best, steps[::-1]

    def _reach(self) -> tuple[dict[int, int], dict[int, tuple[int, int]]]:
        """What short legs can be freed for a new pair, at which saving, and by which new pair.

        The longest paths of Bellman and Ford; no chain can save by going in a circle, because then
        the pairs formed before were not the best ones.
        """
        reached = {short: 0 for short, left in enumerate(self._left) if left}
        origins: dict[int, tuple[int, int]] = {}
        waiting = list(reached)
        for taker in waiting:  # grows while it is worked off
            for cover, gain in self._savings[taker].items():
                for giver in self._takers[cover]:
                    saving = reached[taker] + gain - self._savings[giver][cover]
                    if giver != taker and (giver not in reached or saving > reached[giver]):
                        reached[giver] = saving
                        origins[giver] = (taker, cover)
                        waiting.append(giver)
        return reached, origins

    def _form(self, steps: list[tuple[int, int]]) -> int:
        """Forms the pairs of a chain and dissolves those they take from; returns how many units."""
        first, last = steps[0][0], steps[-1][1]
        given = [(giver, cover) for (_, cover), (giver, _) in pairwise(steps)]
        amount = min(
            self._left[first],
            self._free[last],
            *(self._takers[cover][giver] for giver, cover in given),
        )
        self._left[first] -= amount
        self._free[last] -= amount
        for short, cover in steps:
            self._takers[cover][short] = self._takers[cover].get(short, 0) + amount
        for giver, cover in given:
            self._takers[cover][giver] -= amount
            if not self._takers[cover][giver]:
                del self._takers[cover][giver]
        return amount
