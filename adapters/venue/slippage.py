"""How much worse than the seen price a market or stop order fills.

Integers throughout: prices in billionths, fractions in billionths, so a product is in e18 and the
rounding to the tick is one integer division.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.instrument import Equity, Future, Tradable
from orchestrion.domain.models.money import BILLION, ZERO, to_e9
from orchestrion.domain.models.order import OrderSide

TICKS_MAX = 10_000
"""More is a typing error; arbitrary, a hundred dollars of a share that moves in cents."""


class Slippage(msgspec.Struct, frozen=True, kw_only=True):
    """The slippage of one asset class; both parts add up.

    Attributes:
        ticks: whole price increments.
        price_fraction: part of |price|, below 1, at most nine decimals.
    """

    ticks: int = 0
    price_fraction: Decimal = ZERO

    def __post_init__(self) -> None:
        if not 0 <= self.ticks <= TICKS_MAX:
            raise ConfigurationError(f"slippage: ticks must be 0 to {TICKS_MAX}, got {self.ticks}")
        fraction = self.price_fraction
        if not fraction.is_finite() or not 0 <= fraction < 1:
            raise ConfigurationError(f"slippage: price_fraction must be in [0, 1), got {fraction}")
        try:
            to_e9(fraction)
        except ValueError as error:
            raise ConfigurationError(f"slippage: price_fraction {error}") from None


class SlippageModel(msgspec.Struct, frozen=True, kw_only=True):
    """The slippage of all asset classes. The default has none."""

    equity: Slippage = Slippage()
    future: Slippage = Slippage()
    option: Slippage = Slippage()

    def slipped_e9(self, instrument: Tradable, side: OrderSide, price_e9: int) -> int:
        """The price after slippage, rounded to the tick against the order.

        Without slippage the price stays as the data have it, also between two ticks (adjusted
        closes lie there). A sale of a share or option never goes below zero; a future's price may.
        """
        slippage = self._of(instrument)
        if not slippage.ticks and not slippage.price_fraction:
            return price_e9
        tick_e9 = to_e9(instrument.price_increment)
        moved_e18 = slippage.ticks * tick_e9 * BILLION + abs(price_e9) * to_e9(
            slippage.price_fraction
        )
        slipped_e18 = price_e9 * BILLION + side.sign * moved_e18
        tick_e18 = tick_e9 * BILLION
        if side.sign > 0:
            return -(-slipped_e18 // tick_e18) * tick_e9
        floor_e9 = slipped_e18 // tick_e18 * tick_e9
        return floor_e9 if isinstance(instrument, Future) else max(0, floor_e9)

    def _of(self, instrument: Tradable) -> Slippage:
        if isinstance(instrument, Equity):
            return self.equity
        return self.future if isinstance(instrument, Future) else self.option
