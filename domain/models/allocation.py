"""How much of the capital a strategy is given."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class AllocationConfig(BaseModel):
    """A strategy's share of the capital, as written in the configuration.

    Attributes:
        target_pct: percent of the total capital, above 0 to 100. The only place where percent
            exists inside; the rules work with ``target_fraction``'s decimal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    target_pct: float = Field(gt=0, le=100)
