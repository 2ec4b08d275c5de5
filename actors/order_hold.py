"""``OrderHold``: nothing leaves between a restart and its reconciliation; cancels wait for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, ClassVar

from orchestrion.domain.errors import InvariantBrokenError
from orchestrion.domain.models.command import ApprovedCommand, SubmitOrder


class OrderHold:
    """State of the execution gateway.

    Attributes:
        is_held: whether nothing may leave.
    """

    STATE: ClassVar[Mapping[str, Any]] = {"is_held": bool, "_cancels": dict[str, str]}

    def __init__(self) -> None:
        self.is_held = False
        self._cancels: dict[str, str] = {}

    def keep(self, approved: Iterable[ApprovedCommand]) -> None:
        """Cancels that leave later.

        Raises:
            InvariantBrokenError: an order among them; nobody may have approved it.
        """
        for one in approved:
            if isinstance(one.command, SubmitOrder):
                raise InvariantBrokenError(f"{one.client_order_id} was approved while all is held")
            self.keep_cancel(one.command.client_order_id, one.command.label)

    def keep_cancel(self, client_order_id: str, label: str) -> None:
        """An order that is to be withdrawn later."""
        self._cancels[client_order_id] = label

    def release(self) -> list[tuple[str, list[str]]]:
        """(label, client_order_ids) of what has to be withdrawn now."""
        cancels = dict(self._cancels)
        self.is_held = False
        self._cancels.clear()
        return [(label, list(ids)) for label, ids in groupby(cancels, key=cancels.__getitem__)]
