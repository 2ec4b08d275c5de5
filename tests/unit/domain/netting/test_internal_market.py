"""What the account remembers of the market for its own crosses."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.models.instrument import OptionKind
from orchestrion.domain.models.market import (
    Bar,
    MarketData,
    MarketSlice,
    OptionChain,
    OptionQuote,
    QuoteTick,
    TradeTick,
)
from orchestrion.domain.netting.internal_cross import (
    CrossBasis,
    CrossPolicy,
    CrossPrice,
    CrossRefusal,
)
from orchestrion.domain.netting.internal_market import InternalMarket

NOW = 1_000
E9 = 10**9
POLICY = CrossPolicy(quote_age_max_ns=10, last_price_age_max_ns=10)


def bar(ts: int, close: int) -> Bar:
    return Bar("X", ts - 5, ts, close * E9, close * E9, close * E9, close * E9)


QUOTE = QuoteTick("X", NOW, 98 * E9, 100 * E9)
TRADE = TradeTick("X", NOW, 97 * E9)
LINE = OptionQuote("X", NOW + 1, 50 * E9, OptionKind.CALL, 3 * E9, 4 * E9, 0.5, 0.2)
CHAIN = OptionChain("U", NOW, 50 * E9, (LINE,))


@pytest.mark.parametrize(
    ("seen", "price", "basis"),
    [
        ([QUOTE], Decimal(99), CrossBasis.MID),
        ([TRADE], Decimal(97), CrossBasis.LAST),
        ([bar(NOW, 96)], Decimal(96), CrossBasis.LAST),
        ([CHAIN], Decimal("3.5"), CrossBasis.MID),
        ([TRADE, QUOTE], Decimal(99), CrossBasis.MID),
        ([bar(NOW - 5, 90), TRADE], Decimal(97), CrossBasis.LAST),
        ([QuoteTick("X", NOW - 11, 1 * E9, 1 * E9), TRADE], Decimal(97), CrossBasis.LAST),
    ],
)
def test_price_is_that_of_the_latest_fresh_data(
    seen: list[MarketData], price: Decimal, basis: CrossBasis
) -> None:
    market = InternalMarket(POLICY)
    for item in seen:
        market.observe(MarketSlice.of([item]))
    found = market.price("X", now=NOW)
    assert isinstance(found, CrossPrice)
    assert (found.price, found.basis) == (price, basis)


def test_bar_counts_from_when_it_was_delivered() -> None:
    market = InternalMarket(POLICY)
    market.observe(MarketSlice(NOW, (bar(NOW, 96),)))
    assert isinstance(market.price("X", now=NOW + 10), CrossPrice)
    assert isinstance(market.price("X", now=NOW + 11), CrossRefusal)


def test_nothing_is_known_of_what_was_never_seen() -> None:
    assert isinstance(InternalMarket(POLICY).price("X", now=NOW), CrossRefusal)
