"""``SeenIds``: which client order ids came by, up to a bound."""

from __future__ import annotations

from itertools import islice

SEEN_IDS_KEPT = 20_000
"""A command that comes again after so many others is not recognised any more. Arbitrary; the core
never repeats an id, and it keeps the memory of long runs flat."""

SEEN_IDS_FORGOTTEN = 1_000
"""So many are forgotten at once: finding the oldest entry of a map walks over those that left."""


class SeenIds:
    """The newest ids, at least ``SEEN_IDS_KEPT`` of them."""

    __slots__ = ("_ids",)

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}

    def __contains__(self, one: str) -> bool:
        return one in self._ids

    def is_new(self, one: str) -> bool:
        """Whether an id has not been seen yet; from now on it has."""
        ids = self._ids
        if one in ids:
            return False
        ids[one] = None
        if len(ids) >= SEEN_IDS_KEPT + SEEN_IDS_FORGOTTEN:
            for oldest in list(islice(ids, SEEN_IDS_FORGOTTEN)):
                del ids[oldest]
        return True
