"""The ``data`` section: which market data a run reads, and what the instruments in it are."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import AwareDatetime, Field, Tag

from orchestrion.adapters.settings.section import (
    Amount,
    Duration,
    Identifier,
    Section,
    by_tag,
    duration_ns,
)
from orchestrion.domain.models.instrument import (
    Equity,
    Future,
    Index,
    Instrument,
    OptionContract,
    OptionKind,
)

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class EquitySettings(Section):
    kind: Literal["equity"]
    instrument_id: Identifier
    """Its id in the data files and in orders."""
    price_increment: Amount = Field(default=Decimal("0.01"), gt=0)
    """Smallest step of the price."""
    lot_size: Amount = Field(default=Decimal(1), gt=0)
    """Smallest step of the quantity."""
    long_margin_pct: float = Field(default=100.0, ge=0)
    """Percent of the value that a purchase binds."""
    short_margin_pct: float = Field(default=50.0, ge=0)
    """Percent of the value that a short sale binds."""

    def instrument(self, currency: str) -> Instrument:
        return Equity(
            instrument_id=self.instrument_id,
            currency=currency,
            price_increment=self.price_increment,
            lot_size=self.lot_size,
            long_margin_fraction=Decimal(repr(self.long_margin_pct)).scaleb(-2),
            short_margin_fraction=Decimal(repr(self.short_margin_pct)).scaleb(-2),
        )


class IndexSettings(Section):
    kind: Literal["index"]
    instrument_id: Identifier
    """Its id in the data files and in orders."""
    price_increment: Amount = Field(default=Decimal("0.01"), gt=0)
    """Smallest step of the value."""

    def instrument(self, currency: str) -> Instrument:
        return Index(
            instrument_id=self.instrument_id,
            currency=currency,
            price_increment=self.price_increment,
        )


class FutureSettings(Section):
    kind: Literal["future"]
    instrument_id: Identifier
    """Its id in the data files and in orders."""
    underlying_id: Identifier
    """Whose price it settles at."""
    expiry: AwareDatetime
    """Last moment of trading with its time zone, e.g. 2024-03-15T13:30:00Z."""
    multiplier: Amount = Field(gt=0)
    """Units of the underlying in one contract."""
    initial_margin: Amount = Field(gt=0)
    """What one contract binds when it is opened, account currency."""
    maintenance_margin: Amount = Field(gt=0)
    """What one contract binds afterwards, account currency; at most initial_margin."""
    price_increment: Amount = Field(default=Decimal("0.01"), gt=0)
    """Smallest step of the price."""
    lot_size: Amount = Field(default=Decimal(1), gt=0)
    """Smallest step of the quantity."""

    def instrument(self, currency: str) -> Instrument:
        return Future(
            instrument_id=self.instrument_id,
            underlying_id=self.underlying_id,
            expiry_ts=nanoseconds(self.expiry),
            multiplier=self.multiplier,
            initial_margin=self.initial_margin,
            maintenance_margin=self.maintenance_margin,
            currency=currency,
            price_increment=self.price_increment,
            lot_size=self.lot_size,
        )


class OptionSettings(Section):
    kind: Literal["option"]
    instrument_id: Identifier
    """Its id in the data files and in orders."""
    underlying_id: Identifier
    """Whose price it settles at."""
    expiry: AwareDatetime
    """Last moment of trading with its time zone, e.g. 2024-03-15T20:00:00Z."""
    strike: Amount = Field(gt=0)
    """Price per unit at which it may be exercised."""
    option_kind: OptionKind
    """CALL or PUT."""
    multiplier: Amount = Field(default=Decimal(100), gt=0)
    """Units of the underlying in one contract."""
    price_increment: Amount = Field(default=Decimal("0.05"), gt=0)
    """Smallest step of the price."""
    lot_size: Amount = Field(default=Decimal(1), gt=0)
    """Smallest step of the quantity."""

    def instrument(self, currency: str) -> Instrument:
        return OptionContract(
            instrument_id=self.instrument_id,
            underlying_id=self.underlying_id,
            expiry_ts=nanoseconds(self.expiry),
            strike=self.strike,
            option_kind=self.option_kind,
            multiplier=self.multiplier,
            currency=currency,
            price_increment=self.price_increment,
            lot_size=self.lot_size,
        )


InstrumentSettings: TypeAlias = Annotated[
    Annotated[EquitySettings, Tag("#equity")]
    | Annotated[IndexSettings, Tag("#index")]
    | Annotated[FutureSettings, Tag("#future")]
    | Annotated[OptionSettings, Tag("#option")],
    by_tag("kind"),
]


class Period(Section):
    start: date | None = None
    """First day of the run, e.g. 2014-01-03; the data's first day unless given."""
    end: date | None = None
    """Last day of the run, included; the data's last day unless given."""


class BundledDataSettings(Period):
    source: Literal["bundled"] = "bundled"
    series: tuple[Literal["index", "stocks", "futures", "options"], ...] | None = Field(
        default=None, min_length=1
    )
    """Which groups to read; all unless given. Only options is large."""


class BarFileSettings(Section):
    path: Path
    """A .csv, .csv.gz or .parquet file; relative to the folder of this configuration."""
    instrument_id: Identifier | None = None
    """Whose bars they are, for a file without that column."""
    bar_length: Duration | None = None
    """How long before ts_event a bar opened, for a file without ts_open: 6.5h for a day in New
    York."""
    allow_negative_prices: bool = False
    """Prices of zero and below are right (spreads, some commodities)."""

    @property
    def bar_length_ns(self) -> int | None:
        return None if self.bar_length is None else duration_ns(self.bar_length)


class FileDataSettings(Period):
    source: Literal["files"]
    files: tuple[BarFileSettings, ...] = Field(min_length=1)
    """What is read; the order does not matter."""
    instruments: tuple[InstrumentSettings, ...] = Field(min_length=1)
    """Every instrument that the files name."""
    interval: Duration | None = None
    """Length of a bar; with it, missing bars are found."""
    allow_gaps: bool = False
    """Run although bars are missing."""

    @property
    def interval_ns(self) -> int | None:
        return None if self.interval is None else duration_ns(self.interval)


class FeedDataSettings(Section):
    """Data that a program hands in while it runs (embedding); they are copied into the journal."""

    source: Literal["feed"]
    instruments: tuple[InstrumentSettings, ...] = Field(min_length=1)
    """Every instrument that the feed names."""


DataSettings: TypeAlias = Annotated[
    Annotated[BundledDataSettings, Tag("#bundled")]
    | Annotated[FileDataSettings, Tag("#files")]
    | Annotated[FeedDataSettings, Tag("#feed")],
    by_tag("source", "bundled"),
]


def nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1_000
