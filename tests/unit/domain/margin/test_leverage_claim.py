"""Leverage and margin mode clashes are refused at load."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.margin.leverage_claim import (
    LeverageClaim,
    MarginMode,
    check_leverage_claims,
)


def claim(
    strategy_id: str,
    instrument_id: str,
    leverage: str | None = None,
    mode: MarginMode | None = None,
) -> LeverageClaim:
    return LeverageClaim(
        strategy_id=strategy_id,
        instrument_id=instrument_id,
        leverage=None if leverage is None else Decimal(leverage),
        margin_mode=mode,
    )


@pytest.mark.parametrize(
    "claims",
    [
        [],
        [claim("a", "X", "2"), claim("b", "X", "2.0")],
        [claim("a", "X", "2"), claim("b", "Y", "3")],
        [claim("a", "X", "2"), claim("b", "X")],
        [claim("a", "X", None, MarginMode.CROSS), claim("b", "X", "3", MarginMode.CROSS)],
        [claim("a", "X", "2"), claim("b", "X", None, MarginMode.ISOLATED)],
    ],
)
def test_claims_that_one_setting_can_serve_pass(claims: list[LeverageClaim]) -> None:
    check_leverage_claims(claims)


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        (
            [claim("a", "X", "2"), claim("b", "X"), claim("c", "X", "3")],
            ["leverage of 'X'", "strategy 'a' wants 2", "strategy 'c' wants 3"],
        ),
        (
            [
                claim("a", "X", "2", MarginMode.CROSS),
                claim("b", "X", "2", MarginMode.ISOLATED),
            ],
            ["margin mode of 'X'", "strategy 'a' wants cross", "strategy 'b' wants isolated"],
        ),
        ([claim("a", "X", "0")], ["strategy 'a'", "'X'", "above 0"]),
        ([claim("a", "X", "NaN")], ["strategy 'a'", "'X'", "NaN"]),
    ],
)
def test_clash_names_both_strategies_and_the_instrument(
    claims: list[LeverageClaim], words: list[str]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_leverage_claims(claims)
    assert [word for word in words if word not in str(caught.value)] == []
