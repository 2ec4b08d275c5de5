"""The error of a start that found another account than the books say."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrion.domain.errors import PortError
from orchestrion.domain.orchestration.reconciliation import Mismatch


class AccountMismatchError(PortError):
    """The venue and the books differ, and nothing explains it: nothing may be sent."""

    def __init__(self, found: Iterable[Mismatch]) -> None:
        self.mismatches = tuple(found)
        lines = "".join(f"\n  {one}" for one in self.mismatches)
        super().__init__(
            f"nothing was sent; find out why, then settle it with orchestrion reconcile:{lines}"
        )
