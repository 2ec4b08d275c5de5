"""What the orchestrator asks of a capital manager, so that another one can take its place."""

from __future__ import annotations

from decimal import Decimal
from typing import Dict, Protocol  # noqa: UP035 - the specification's own spelling


class CapitalManagementPort(Protocol):
    """Port for capital operations."""

    def calculate_allocations(self) -> Dict[str, Decimal]:  # noqa: UP006
        """Capital per strategy id in rank order, account currency, to the cent.

        Never more in sum than there is; what is left over is reserve. Pure: asking twice gives
        the same answer and changes nothing.
        """
        ...
