"""Slippage: ticks and a fraction of the price, rounded to the tick against the order."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.adapters.venue.slippage import Slippage, SlippageModel
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.instrument import Tradable
from orchestrion.domain.models.money import from_e9
from orchestrion.domain.models.order import OrderSide
from tests.unit.adapters.venue.venue_builders import BUY, FUTURE, PUT, SELL, SHARE, e9

FRACTION = Slippage(price_fraction=Decimal("0.0005"))
TICKS = Slippage(ticks=2)
BOTH = Slippage(ticks=1, price_fraction=Decimal("0.001"))


@pytest.mark.parametrize(
    ("slippage", "instrument", "side", "price", "expected"),
    [
        pytest.param(TICKS, SHARE, BUY, "100", "100.02", id="buy-pays-ticks"),
        pytest.param(TICKS, SHARE, SELL, "100", "99.98", id="sell-gives-ticks"),
        pytest.param(TICKS, FUTURE, BUY, "100", "100.5", id="ticks-are-the-instruments"),
        pytest.param(FRACTION, SHARE, BUY, "100", "100.05", id="fraction-on-the-tick"),
        pytest.param(FRACTION, SHARE, BUY, "101", "101.06", id="buy-rounds-up"),
        pytest.param(FRACTION, SHARE, SELL, "101", "100.94", id="sell-rounds-down"),
        pytest.param(BOTH, PUT, BUY, "10", "10.10", id="both-parts-add-up"),
        pytest.param(TICKS, SHARE, BUY, "100.001", "100.03", id="price-between-ticks-rounds-up"),
        pytest.param(TICKS, PUT, SELL, "0.05", "0", id="option-sells-at-zero-at-worst"),
        pytest.param(TICKS, SHARE, SELL, "0.01", "0", id="share-sells-at-zero-at-worst"),
        pytest.param(TICKS, FUTURE, SELL, "0.25", "-0.25", id="future-goes-below-zero"),
        pytest.param(FRACTION, FUTURE, BUY, "-100", "-99.75", id="fraction-of-a-negative-price"),
        pytest.param(FRACTION, FUTURE, SELL, "-100", "-100.25", id="sell-of-a-negative-price"),
        pytest.param(Slippage(), SHARE, BUY, "100.001", "100.001", id="none-keeps-the-price"),
    ],
)
def test_slipped_price(
    slippage: Slippage, instrument: Tradable, side: OrderSide, price: str, expected: str
) -> None:
    model = SlippageModel(equity=slippage, future=slippage, option=slippage)

    assert from_e9(model.slipped_e9(instrument, side, e9(price))) == Decimal(expected)


def test_each_asset_class_has_its_own_slippage() -> None:
    model = SlippageModel(equity=Slippage(ticks=1), option=Slippage(ticks=3))

    slipped = [model.slipped_e9(one, BUY, e9(10)) for one in (SHARE, FUTURE, PUT)]

    assert slipped == [e9("10.01"), e9(10), e9("10.15")]


@pytest.mark.parametrize("ticks", [-1, 10_001])
def test_unusable_ticks_are_refused(ticks: int) -> None:
    with pytest.raises(ConfigurationError, match="ticks"):
        Slippage(ticks=ticks)


@pytest.mark.parametrize("fraction", ["-0.1", "1", "NaN", "Infinity", "0.0000000001"])
def test_unusable_fraction_is_refused(fraction: str) -> None:
    with pytest.raises(ConfigurationError, match="price_fraction"):
        Slippage(price_fraction=Decimal(fraction))
