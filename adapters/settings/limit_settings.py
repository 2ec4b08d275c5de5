"""The sections ``limits``: what a strategy or the account may hold at most, and leverage claims.

Every limit bounds the worst case of positions, working orders and the command in question; see
``domain.capital.limit``. Commands that only reduce risk always pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import Field

from orchestrion.adapters.settings.section import Amount, Identifier, Limit, RuleSection
from orchestrion.domain.capital.limit import Limits
from orchestrion.domain.capital.worst_case import OptionNotional
from orchestrion.domain.margin.leverage_claim import LeverageClaim, MarginMode

PARAMETER_LIMITS = {"leverage": "leverage_max", "max_positions": "open_structures_max"}
"""Parameter of a strategy -> the limit of its own budget that it can be."""


class LimitSettings(RuleSection):
    inside_names: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"margin_use_max_pct": "margin_use_max"}
    )

    open_structures_max: int | None = Field(default=None, ge=0, le=1_000_000)
    """Open structures (condors, spreads, single positions)."""
    gross_notional_max: Limit | None = None
    """Value of all positions, long and short added up, account currency."""
    net_notional_max: Limit | None = None
    """Value of long positions less that of short ones, on either side, account currency."""
    leverage_max: Limit | None = None
    """Gross notional as a multiple of equity."""
    quantity_max: Limit | None = None
    """Quantity of every instrument that quantity_max_by_id does not name, on either side."""
    quantity_max_by_id: dict[Identifier, Limit] = Field(default_factory=dict)
    """Quantity by instrument id, on either side."""
    margin_use_max_pct: Limit | None = Field(default=None, decimal_places=7)
    """Initial margin as percent of equity."""
    option_notional: OptionNotional = OptionNotional.PREMIUM
    """What an option's notional is: premium (its own price) or underlying (the price of what it is
    on)."""

    @property
    def limits(self) -> Limits:
        return Limits(**self.inside())


class StrategyLimitSettings(LimitSettings):
    from_parameters: bool = False
    """The strategy's own parameters leverage and max_positions, as far as it has them, are also
    limits that the capital manager enforces: leverage_max and open_structures_max, unless these
    are given."""

    def inside(self) -> dict[str, Any]:
        values = super().inside()
        del values["from_parameters"]
        return values

    def limits_with(self, config: Mapping[str, Any]) -> Limits:
        """The limits of a strategy with these parameters."""
        values = self.inside()
        if self.from_parameters:
            for parameter, name in PARAMETER_LIMITS.items():
                found = config.get(parameter)
                if is_limit(found):
                    values.setdefault(name, _exact_limit(found))
        return Limits(**values)


def is_limit(value: object) -> bool:
    """Whether a parameter can be a limit."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _exact_limit(value: Any) -> Decimal | int:
    return value if isinstance(value, int) else Decimal(repr(value))


class LeverageClaimSettings(RuleSection):
    leverage: Amount | None = Field(default=None, gt=0, decimal_places=9)
    """Leverage that the venue is to give this instrument, notional as a multiple of the margin."""
    margin_mode: MarginMode | None = None
    """cross: all equity of the account stands for the position. isolated: only what was set aside
    for it does."""

    def claim(self, strategy_id: str, instrument_id: str) -> LeverageClaim:
        return LeverageClaim(strategy_id=strategy_id, instrument_id=instrument_id, **self.inside())
