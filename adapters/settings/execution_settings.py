"""The ``execution`` section: what the simulated venue takes from a trade."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from orchestrion.adapters.settings.section import Amount, Section
from orchestrion.adapters.venue.fees import Commission, FeeSchedule
from orchestrion.adapters.venue.slippage import TICKS_MAX, Slippage, SlippageModel
from orchestrion.domain.models.money import ZERO


class SlippageSettings(Section):
    ticks: int = Field(default=0, ge=0, le=TICKS_MAX)
    """Whole price increments."""
    price_pct: Amount = Field(default=ZERO, ge=0, lt=100, decimal_places=7)
    """Percent of the price; both parts add up."""

    @property
    def slippage(self) -> Slippage:
        return Slippage(ticks=self.ticks, price_fraction=self.price_pct.scaleb(-2))


class CommissionSettings(Section):
    per_unit: Amount = Field(default=ZERO, ge=0)
    """Account currency per share or contract."""
    notional_pct: Amount = Field(default=ZERO, ge=0, le=100, decimal_places=7)
    """Percent of the value that is traded."""
    minimum_per_order: Amount = Field(default=ZERO, ge=0, decimal_places=2)
    """The least that one order pays, account currency."""

    @property
    def commission(self) -> Commission:
        return Commission(
            per_unit=self.per_unit,
            notional_fraction=self.notional_pct.scaleb(-2),
            minimum_per_order=self.minimum_per_order,
        )


class SlippageByAssetClass(Section):
    """How much worse than the seen price a market or stop order fills. The defaults are arbitrary
    but not zero; options pay the quoted spread already."""

    equity: SlippageSettings = SlippageSettings(price_pct=Decimal("0.02"))
    future: SlippageSettings = SlippageSettings(ticks=1)
    option: SlippageSettings = SlippageSettings()

    @property
    def model(self) -> SlippageModel:
        return SlippageModel(
            equity=self.equity.slippage, future=self.future.slippage, option=self.option.slippage
        )


class CommissionByAssetClass(Section):
    """What a trade costs. The defaults are what retail brokers in the US charge."""

    equity: CommissionSettings = CommissionSettings(
        per_unit=Decimal("0.005"), minimum_per_order=Decimal(1)
    )
    future: CommissionSettings = CommissionSettings(per_unit=Decimal("2.25"))
    option: CommissionSettings = CommissionSettings(per_unit=Decimal("0.65"))

    @property
    def schedule(self) -> FeeSchedule:
        return FeeSchedule(
            equity=self.equity.commission,
            future=self.future.commission,
            option=self.option.commission,
        )


class ExecutionSettings(Section):
    slippage: SlippageByAssetClass = SlippageByAssetClass()
    commission: CommissionByAssetClass = CommissionByAssetClass()
