"""Instruments, marks and holdings for the tests of margin models.

    market = Market(stock("IBM"), call("IBM", 100), marks={"IBM": "97.73", "IBM C100": "1.68"})
    market.margin(RegTModel(), {"IBM": 100})

Ids of options say what they are: underlying, kind and strike, and the days to expiry unless 30.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from orchestrion.domain.margin.requirement import DAY_NS, Margin, MarginModel
from orchestrion.domain.models.instrument import (
    Equity,
    Future,
    Index,
    Instrument,
    InstrumentCatalog,
    OptionContract,
    OptionKind,
)
from orchestrion.domain.models.portfolio import Marks

Number = int | str | Decimal
NOW = 1_700_000_000_000_000_000
DAYS = 30


def index(name: str = "IDX") -> Index:
    return Index(instrument_id=name)


def stock(name: str = "AAA", *, multiplier: Number = 1) -> Equity:
    return Equity(instrument_id=name, multiplier=Decimal(multiplier))


def future(
    name: str = "FUT",
    *,
    underlying: str = "IDX",
    days: int = DAYS,
    initial: Number = 1000,
    maintenance: Number = 900,
    multiplier: Number = 10,
) -> Future:
    return Future(
        instrument_id=name,
        underlying_id=underlying,
        expiry_ts=NOW + days * DAY_NS,
        multiplier=Decimal(multiplier),
        initial_margin=Decimal(initial),
        maintenance_margin=Decimal(maintenance),
    )


def call(
    underlying: str, strike: Number, *, days: int = DAYS, multiplier: Number = 100
) -> OptionContract:
    return _option(underlying, strike, OptionKind.CALL, days, multiplier)


def put(
    underlying: str, strike: Number, *, days: int = DAYS, multiplier: Number = 100
) -> OptionContract:
    return _option(underlying, strike, OptionKind.PUT, days, multiplier)


def _option(
    underlying: str, strike: Number, kind: OptionKind, days: int, multiplier: Number
) -> OptionContract:
    name = f"{underlying} {kind[0]}{strike}"
    return OptionContract(
        instrument_id=name if days == DAYS else f"{name} {days}d",
        underlying_id=underlying,
        expiry_ts=NOW + days * DAY_NS,
        strike=Decimal(strike),
        option_kind=kind,
        multiplier=Decimal(multiplier),
    )


def quantities(held: Mapping[str, Number]) -> dict[str, Decimal]:
    return {name: Decimal(quantity) for name, quantity in held.items()}


def marks_of(prices: Mapping[str, Number]) -> Marks:
    marks = Marks()
    for name, price in prices.items():
        marks.start_at(name, Decimal(price))
    return marks


class Market:
    """A catalogue and its marks."""

    def __init__(self, *instruments: Instrument, marks: Mapping[str, Number]) -> None:
        self.catalog = InstrumentCatalog(instruments)
        self.marks = marks_of(marks)

    def margin(self, model: MarginModel, held: Mapping[str, Number], *, now: int = NOW) -> Margin:
        return model.margin_of(quantities(held), self.catalog, self.marks, now=now)


def margin(initial: Number, maintenance: Number | None = None) -> Margin:
    least = initial if maintenance is None else maintenance
    return Margin(Decimal(initial), Decimal(least))
