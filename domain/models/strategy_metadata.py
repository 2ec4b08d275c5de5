"""What a strategy says about itself, before it has run."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, field_validator

from orchestrion.domain.models.portfolio import RESERVED_BOOK_IDS


class Horizon(StrEnum):
    """How long a strategy usually holds a position, by trading days: below one, below five, below
    twenty-one, longer."""

    INTRADAY = "intraday"
    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"


class StrategyMetadata(BaseModel):
    """Identity, order and needs of one strategy. Only ``id`` is required.

    Attributes:
        id: unique on the account; names the book, the orders and the log lines.
        name: class of strategy in words, e.g. the library name; the id when empty.
        priority: higher goes first within a stage and wins conflicts.
        depends_on: ids of strategies whose signals it reads; it runs in a later stage.
        instruments: instrument ids that it subscribes to; empty means every slice.
        exclusive_instruments: ids that no other strategy on the account may trade.
        underlyings, asset_classes: what its risk hangs on, for the compatibility analysis.
        leverage: gross notional it may hold, as a multiple of its budget.
        minimum_capital: account currency below which it cannot work.
        horizon: how long it usually holds; believed until its own history shows it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    id: str = Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_.\-]+$")
    name: str = ""
    description: str = ""
    version: str = "1"
    priority: int = 0
    depends_on: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    exclusive_instruments: tuple[str, ...] = ()
    underlyings: tuple[str, ...] = ()
    asset_classes: tuple[str, ...] = ()
    leverage: float = Field(default=1.0, gt=0)
    minimum_capital: float = Field(default=0.0, ge=0)
    horizon: Horizon | None = None

    @field_validator("id")
    @classmethod
    def _not_a_reserved_book(cls, value: str) -> str:
        if value in RESERVED_BOOK_IDS:
            raise ValueError(f"{value!r} is the name of a book of the account, choose another id")
        return value
