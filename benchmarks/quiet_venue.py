"""A venue that has nothing to say, and a feed that ends the process where a start is over.

Named by import path in the configuration of ``benchmarks.recovery``. A start waits for its venue as
long as the venue takes; this one answers at once, so that what is measured is ours.
"""

from __future__ import annotations

import json
import os
from decimal import Decimal

import anyio

from orchestrion.adapters.venue.venue_client import (
    AmendRequest,
    Balance,
    OrderNotKnownError,
    OrderRequest,
    VenueOrder,
    VenueRefusedError,
    VenueTraits,
)
from orchestrion.domain.models.market import MarketData
from orchestrion.domain.models.portfolio import NetPosition
from orchestrion.domain.models.report import VenueReport

RUNNING = "RUNNING"


class QuietVenue:
    """See the module's text; a ``VenueClient``."""

    traits = VenueTraits(name="quiet", refuses_repeated_ids=True, visibility_delay_s=0.0)

    def __init__(self, holdings: str) -> None:
        """
        Args:
            holdings: instrument -> quantity, as JSON.
        """
        self._holdings: dict[str, str] = json.loads(holdings)

    async def connect(self) -> None:
        """Is always there."""

    async def submit(self, order: OrderRequest) -> tuple[VenueReport, ...]:  # noqa: ARG002
        raise VenueRefusedError("closed")

    async def cancel(self, client_order_id: str) -> tuple[VenueReport, ...]:
        raise OrderNotKnownError(client_order_id)

    async def amend(self, request: AmendRequest) -> tuple[VenueReport, ...]:
        raise OrderNotKnownError(request.client_order_id)

    async def query(self, client_order_id: str) -> VenueOrder:
        raise OrderNotKnownError(client_order_id)

    async def open_orders(self) -> tuple[VenueOrder, ...]:
        return ()

    async def positions(self) -> tuple[NetPosition, ...]:
        return tuple(
            NetPosition(one, Decimal(quantity)) for one, quantity in self._holdings.items()
        )

    async def balances(self) -> tuple[Balance, ...]:
        return ()

    async def next_report(self) -> VenueReport:
        await anyio.sleep_forever()
        raise AssertionError("it sleeps for ever")

    async def close(self) -> None:
        """Holds nothing."""


class FirstWish:
    """Market data are asked for when, and only when, the run is reconciled and runs."""

    def __aiter__(self) -> FirstWish:
        return self

    async def __anext__(self) -> MarketData:
        # As a kill would: the run is to be found by the next start as it was by this one.
        os.write(1, f"{RUNNING}\n".encode())
        os._exit(0)
