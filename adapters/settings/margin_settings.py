"""``account.margin``: which margin model an account has, and its figures.

The defaults are the models' own; a test compares them. Percent becomes fractions in ``inside()``,
which is what ``MarginModels.build`` reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field, Tag, model_validator

from orchestrion.adapters.settings.section import (
    Amount,
    Identifier,
    Rate,
    RuleSection,
    Section,
    by_tag,
)
from orchestrion.domain.margin.registry import INSTRUMENT_RATES
from orchestrion.domain.models.money import ZERO

OWN_FORM = "package.module:function"
_PCT_100 = Decimal(100)
_High: TypeAlias = Annotated[Amount, Field(ge=0, le=10_000, decimal_places=7)]
_PerShare: TypeAlias = Annotated[Amount, Field(ge=0, decimal_places=9)]


class InstrumentRatesSettings(RuleSection):
    model: Literal["instrument_rates"] = "instrument_rates"
    """Every share by its own percentages, every future by its own margins, options as on a broad
    index; today's figures, without settings."""


class CashSettings(RuleSection):
    model: Literal["cash"]
    """Nothing on credit: long only, paid in full."""
    allows_secured_options: bool = False
    """Also covered calls and puts whose strike lies in cash."""


class StockMarginSettings(RuleSection):
    long_initial_pct: _High = Decimal(50)
    """Of the value, to open a long position."""
    long_maintenance_pct: _High = Decimal(25)
    """Of the value, to keep it."""
    short_initial_pct: _High = Decimal(50)
    """Of the value, to open a short position; its proceeds come on top (Reg T's 150)."""
    short_maintenance_pct: _High = Decimal(30)
    """Of the value, to keep it; its value comes on top (130)."""
    short_minimum: _PerShare = Decimal(5)
    """The least per short share at or above low_price, account currency."""
    low_price: _PerShare = Decimal(5)
    """Below this price short shares are kept by the two figures that follow."""
    low_price_short_pct: _High = _PCT_100
    """Of the value, to keep a short share of low price."""
    low_price_short_minimum: _PerShare = Decimal("2.50")
    """The least per short share of low price, account currency."""

    @model_validator(mode="after")
    def _maintenance_is_less(self) -> StockMarginSettings:
        for side, initial, maintenance in (
            ("long", self.long_initial_pct, self.long_maintenance_pct),
            ("short", self.short_initial_pct, self.short_maintenance_pct),
        ):
            if maintenance > initial:
                raise ValueError(
                    f"{side}_maintenance_pct {maintenance} is above {side}_initial_pct {initial}"
                )
        return self


class NakedOptionSettings(RuleSection):
    underlying_pct: Rate
    """Of the underlying's value, before what the option is out of the money is taken off."""
    floor_pct: Rate
    """The least; of the underlying's value for a call, of the strike for a put."""

    inside_names: ClassVar[Mapping[str, str]] = MappingProxyType({"underlying_pct": "fraction"})


class OptionMarginSettings(RuleSection):
    broad_index: NakedOptionSettings = NakedOptionSettings(
        underlying_pct=Decimal(15), floor_pct=Decimal(10)
    )
    other: NakedOptionSettings = NakedOptionSettings(
        underlying_pct=Decimal(20), floor_pct=Decimal(10)
    )
    by_underlying: dict[Identifier, NakedOptionSettings] = Field(default_factory=dict)
    """Naked short options by underlying id, where broad_index (for options on an index) and other
    do not apply: underlying_pct and floor_pct."""
    long_dated_after_days: int = Field(default=274, ge=0, le=100_000)
    """Bought options that live longer than this can be held on margin."""
    long_dated_pct: Rate = Decimal(75)
    """Of the value of such an option, what it binds."""


class FutureMarginSettings(RuleSection):
    calendar_credit_pct: Rate = ZERO
    """How much of the offset between expiries of one underlying is granted."""


class RegTSettings(RuleSection):
    model: Literal["reg_t"]
    """US margin account for shares: long 50/25, short 150/130; options only bought."""
    stock: StockMarginSettings = StockMarginSettings()
    option: OptionMarginSettings = OptionMarginSettings()
    future: FutureMarginSettings = FutureMarginSettings()


class StrategyBasedSettings(RuleSection):
    model: Literal["strategy_based"]
    """US margin account with options: structures as in the Cboe margin manual, least
    requirement."""
    stock: StockMarginSettings = StockMarginSettings()
    option: OptionMarginSettings = OptionMarginSettings()
    future: FutureMarginSettings = FutureMarginSettings()

    @model_validator(mode="after")
    def _naked_is_less_than_shares(self) -> StrategyBasedSettings:
        most = self.stock.long_initial_pct + self.stock.short_initial_pct
        rules = {"broad_index": self.option.broad_index, "other": self.option.other}
        for name, rule in {**rules, **self.option.by_underlying}.items():
            if max(rule.underlying_pct, rule.floor_pct) > most:
                raise ValueError(
                    f"option.{name} asks more than stock.long_initial_pct and short_initial_pct "
                    f"together, {most}: covering a call by shares would then raise the margin"
                )
        return self


class SpanScenarioSettings(RuleSection):
    inside_names: ClassVar[Mapping[str, str]] = MappingProxyType({"weight_pct": "weight"})

    price_thirds: int = Field(ge=-300, le=300)
    """Move of the underlying in thirds of price_scan_pct, signed."""
    volatility_sign: Literal[-1, 0, 1] = 0
    """1, -1 or 0: the volatility moves up or down by volatility_scan_pct, or stays."""
    weight_pct: Rate = Field(default=_PCT_100, gt=0)
    """Part of the loss that counts."""


class SpanParameterSettings(RuleSection):
    inside_names: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "volatility_scan_pct": "volatility_scan",
            "interest_rate_pct": "interest_rate",
            "volatility_min_pct": "volatility_min",
            "volatility_max_pct": "volatility_max",
        }
    )

    price_scan_pct: Rate = Field(gt=0)
    """The price scan range, of the underlying's price."""
    volatility_scan_pct: _High
    """The volatility scan range, in points: 4 moves a volatility of 20 to 24 and 16."""
    scenarios: tuple[SpanScenarioSettings, ...] | None = Field(default=None, min_length=1)
    """The grid; unless given, seven prices by two volatilities and two extreme moves of which 35 %
    count."""
    short_option_minimum_pct: Rate = ZERO
    """Least risk of every short option, of the underlying's price."""
    calendar_charge_pct: Rate = ZERO
    """For one contract long against one short in another expiry; at most twice price_scan_pct."""
    exposure_pct: Rate = ZERO
    """On top, for futures on both sides and for short options."""
    deep_exposure_pct: Rate | None = None
    """The same for short options further out of the money than deep_from_pct."""
    deep_from_pct: Rate = _PCT_100
    """From where on deep_exposure_pct applies, percent of the price out of the money."""
    expiry_day_pct: Rate = ZERO
    """On top of that, for short options on the day they expire."""
    offsets_on_expiry_day: bool = True
    """Contracts that expire today are still set against others."""
    utc_offset_minutes: int = Field(default=0, ge=-1_440, le=1_440)
    """Where the exchange's day begins: 330 for India."""
    interest_rate_pct: Amount = Field(default=ZERO, ge=-100, le=100, decimal_places=7)
    """A year, continuous, for the options' prices."""
    volatility_min_pct: _High = Field(default=Decimal(1), gt=0)
    """Implied volatilities are held at or above this."""
    volatility_max_pct: _High = Decimal(500)
    """Implied volatilities are held at or below this."""

    @model_validator(mode="after")
    def _agrees(self) -> SpanParameterSettings:
        if self.calendar_charge_pct > 2 * self.price_scan_pct:
            raise ValueError(
                f"calendar_charge_pct {self.calendar_charge_pct} is more than twice price_scan_pct "
                f"{self.price_scan_pct}"
            )
        if self.volatility_min_pct >= self.volatility_max_pct:
            raise ValueError(
                f"volatility_min_pct {self.volatility_min_pct} must be below volatility_max_pct "
                f"{self.volatility_max_pct}"
            )
        return self


class SpanSettings(RuleSection):
    model: Literal["span"]
    """A scenario grid as clearing houses use it for futures and their options."""
    parameters: dict[Identifier, SpanParameterSettings] = Field(default_factory=dict)
    """What the clearing house publishes, by underlying id; see the table of span parameters."""
    default: SpanParameterSettings | None = None
    """The same for all other underlyings; without it, those that parameters do not name are
    refused."""
    stock: StockMarginSettings | None = None
    """Rule for shares; unless given, the percentages of the instruments."""


class OwnMarginSettings(Section):
    model: str = Field(pattern=":")
    """A model of your own: package.module:function, called with settings, returns a
    MarginModel."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """What that function is called with, as written (numbers with a point as text)."""

    def inside(self) -> dict[str, Any]:
        return {"model": self.model, **self.settings}


MarginSettings: TypeAlias = Annotated[
    Annotated[InstrumentRatesSettings, Tag("#instrument_rates")]
    | Annotated[CashSettings, Tag("#cash")]
    | Annotated[RegTSettings, Tag("#reg_t")]
    | Annotated[StrategyBasedSettings, Tag("#strategy_based")]
    | Annotated[SpanSettings, Tag("#span")]
    | Annotated[OwnMarginSettings, Tag("#package.module:function")],
    by_tag("model", INSTRUMENT_RATES, with_colon=OWN_FORM),
]
