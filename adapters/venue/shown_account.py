"""The account as the venue shows it: asked for on demand, and again after every fill."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
import structlog

from orchestrion.adapters.venue.venue_client import VenueSnapshot
from orchestrion.adapters.venue.venue_link import VenueLink
from orchestrion.domain.models.money import ZERO
from orchestrion.domain.models.portfolio import PortfolioState
from orchestrion.runtime.errors import describe

_log = structlog.get_logger("orchestrion.venue")
_Answer = TypeVar("_Answer")


class ShownAccount:
    """See the module's text.

    Attributes:
        portfolio: as last shown; None before the first time.
        is_stale: it may have changed since.
    """

    def __init__(
        self,
        link: VenueLink,
        *,
        currency: str,
        now_ns: Callable[[], int],
        on_shown: Callable[[], None],
    ) -> None:
        self.portfolio: PortfolioState | None = None
        self.is_stale = False
        self._link = link
        self._currency = currency
        self._now_ns = now_ns
        self._on_shown = on_shown

    async def ask(self) -> VenueSnapshot:
        """
        Raises:
            PortError: the venue did not answer, or refused.
        """
        client = self._link.client
        open_orders = await self._asked("open_orders", client.open_orders)
        positions = await self._asked("positions", client.positions)
        balances = await self._asked("balances", client.balances)
        shown = VenueSnapshot(
            ts_event=self._now_ns(),
            open_orders=open_orders,
            positions=positions,
            balances=balances,
        )
        cash = [one.total for one in balances if one.currency == self._currency]
        self.portfolio = PortfolioState(shown.ts_event, cash[0] if cash else ZERO, positions)
        self._on_shown()
        return shown

    async def keep(self, wait_for_news: Callable[[], Awaitable[None]]) -> None:
        """Asks whenever it is stale, for ever."""
        back_off = self._link.new_back_off()
        while True:
            while not self.is_stale:
                await wait_for_news()
            self.is_stale = False
            try:
                await self.ask()
                back_off.reset()
            except Exception as failure:
                _log.warning("AccountNotShown", failure=describe(failure))
                self.is_stale = True
                await anyio.sleep(back_off.next_s())

    async def _asked(self, what: str, question: Callable[[], Awaitable[_Answer]]) -> _Answer:
        await self._link.ready()
        return await self._link.call(what, question)
