"""The US margin account for shares: Regulation T, with bought options paid in full.

Sold options need structures and are ``UNLIMITED`` here; ``strategy_based`` has them. Futures are
margined by the exchange's rates, as a broker does that shows one account for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from orchestrion.domain.margin.future_rule import FutureRule
from orchestrion.domain.margin.option_rule import OptionRule
from orchestrion.domain.margin.requirement import (
    REFUSED,
    Margin,
    held,
    notional_of,
    price_of,
    total_of,
)
from orchestrion.domain.margin.stock_rule import StockRule, stock_margin
from orchestrion.domain.models.instrument import (
    Equity,
    Future,
    InstrumentCatalog,
    OptionContract,
    Tradable,
)
from orchestrion.domain.models.money import multiply
from orchestrion.domain.models.portfolio import Marks


class RegTModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shares long 50/25 and short 150/130, options only bought, futures by their rates."""

    stock: StockRule = StockRule()
    option: OptionRule = OptionRule()
    future: FutureRule = FutureRule()

    def margin_of(
        self,
        quantities: Mapping[str, Decimal],
        catalog: InstrumentCatalog,
        marks: Marks,
        *,
        now: int,
    ) -> Margin:
        """See ``MarginModel.margin_of``."""
        margins: list[Margin] = []
        futures: list[tuple[Future, Decimal]] = []
        for instrument_id, quantity in held(quantities):
            instrument = catalog.tradable(instrument_id)
            if isinstance(instrument, Future):
                futures.append((instrument, quantity))
            elif isinstance(instrument, Equity):
                price = price_of(marks, instrument_id)
                margins.append(stock_margin(self.stock, instrument, quantity, price))
            else:
                margins.append(self._option(instrument, quantity, marks, now))
        return total_of((*margins, self.future.margin_of(futures)))

    def is_coupled(self, instrument: Tradable) -> bool:
        """Only futures, when spreads between their expiries are granted a credit."""
        return isinstance(instrument, Future) and bool(self.future.calendar_credit_fraction)

    def _option(self, option: OptionContract, quantity: Decimal, marks: Marks, now: int) -> Margin:
        if quantity < 0:
            return REFUSED
        value = notional_of(option, quantity, price_of(marks, option.instrument_id))
        bound = multiply(value, self.option.long_fraction(option, now))
        return Margin(bound, bound)
