"""Leverage and margin mode: one setting per instrument and account, whoever asks for it.

A venue keeps leverage and margin mode (cross or isolated) per instrument of the account. Two
strategies that want them differently would overwrite each other in silence, so a run that says so
is refused when it is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum

import msgspec

from orchestrion.domain.errors import ConfigurationError


class MarginMode(StrEnum):
    CROSS = "cross"
    """All equity of the account stands for the position."""
    ISOLATED = "isolated"
    """Only what was set aside for it does."""


class LeverageClaim(msgspec.Struct, frozen=True, kw_only=True):
    """What one strategy wants for one instrument. None means that it does not mind.

    Attributes:
        leverage: notional as a multiple of the margin, above 0.
    """

    strategy_id: str
    instrument_id: str
    leverage: Decimal | None = None
    margin_mode: MarginMode | None = None


def check_leverage_claims(claims: Iterable[LeverageClaim]) -> None:
    """Whether one setting per instrument can serve all.

    Claims are compared by value (2 and 2.0 agree), with the first one of each instrument that says
    something, in the order given.

    Raises:
        ConfigurationError: two strategies want one instrument differently (both are named), or a
            leverage that is not above 0.
    """
    leverages: dict[str, LeverageClaim] = {}
    modes: dict[str, LeverageClaim] = {}
    for claim in claims:
        if claim.leverage is not None:
            if not claim.leverage.is_finite() or claim.leverage <= 0:
                raise ConfigurationError(
                    f"strategy {claim.strategy_id!r}: leverage of {claim.instrument_id!r} must be "
                    f"above 0, got {claim.leverage}"
                )
            first = leverages.setdefault(claim.instrument_id, claim)
            if first.leverage != claim.leverage:
                raise _clash("leverage", first, claim, first.leverage, claim.leverage)
        if claim.margin_mode is not None:
            first = modes.setdefault(claim.instrument_id, claim)
            if first.margin_mode != claim.margin_mode:
                raise _clash("margin mode", first, claim, first.margin_mode, claim.margin_mode)


def _clash(
    what: str, first: LeverageClaim, second: LeverageClaim, one: object, other: object
) -> ConfigurationError:
    return ConfigurationError(
        f"{what} of {first.instrument_id!r}: strategy {first.strategy_id!r} wants {one}, strategy "
        f"{second.strategy_id!r} wants {other}. The account has one setting per instrument: make "
        "them agree, or let one strategy use another instrument"
    )
