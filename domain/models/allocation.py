"""How much of the capital a strategy is given."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

TARGET_PCT_MIN = 1e-9
"""A cent of a billion; less is nothing. The bound keeps the sum of all shares within the digits of
exact arithmetic."""


class AllocationConfig(BaseModel):
    """A strategy's share of the capital, as written in the configuration.

    Attributes:
        target_pct: percent of the total capital, above 0 to 100. The only place where percent
            exists inside; the capital manager turns it into a decimal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    target_pct: float = Field(ge=TARGET_PCT_MIN, le=100)
