"""The only source of chance in a simulated run: one seed, split into named streams.

Every model draws from a stream of its own, so a change in one of them does not shift the others.
``Draws`` are for strategies: draws that depend on what they have seen and on nothing else, so
that one that is rebuilt, or replayed, draws the same again.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import TypeVar

_T = TypeVar("_T")


class Chance:
    """A stream of draws. Text seeds are hashed by ``random`` itself, whatever PYTHONHASHSEED is."""

    def __init__(self, seed: int, name: str) -> None:
        self._random = random.Random(f"{seed}/{name}")  # noqa: S311 - reproducible on purpose

    def happens(self, rate: float) -> bool:
        """True with this probability; one draw is made in any case, so rates do not shift it."""
        return self._random.random() < rate

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return self._random.randint(low, high)

    def pick(self, items: Sequence[_T]) -> _T:
        return items[self._random.randrange(len(items))]

    def part(self) -> float:
        """At least 0, below 1."""
        return self._random.random()

    def shuffled(self, items: Sequence[_T]) -> list[_T]:
        mixed = list(items)
        self._random.shuffle(mixed)
        return mixed

    def bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)


def _draw(text: str) -> int:
    """A number below 2**64 that depends on the text alone."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


class Draws:
    """Several draws from one key."""

    def __init__(self, *key: object) -> None:
        self._key = "/".join(str(part) for part in key)
        self._count = 0

    def extend(self, part: object) -> None:
        """Makes one more thing part of the key."""
        self._key = f"{self._key}/{part}"

    def below(self, limit: int) -> int:
        self._count += 1
        return _draw(f"{self._key}/{self._count}") % limit

    def happens(self, rate: float) -> bool:
        if not rate:
            self._count += 1  # the draw is counted, but nothing can come of it
            return False
        return self.below(1_000_000) < rate * 1_000_000

    def pick(self, items: Sequence[_T]) -> _T:
        return items[self.below(len(items))]
