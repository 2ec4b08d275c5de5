"""What can be traded in a simulated run, in whole numbers that need no rule of ours.

Prices are billionths, quantities whole units. The checkers and the venue know instruments only from
this table; ``catalog`` is the same as the core is told it.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from orchestrion.domain.models.instrument import (
    Equity,
    Future,
    Index,
    Instrument,
    InstrumentCatalog,
)

E9 = 1_000_000_000
DAY_NS = 86_400_000_000_000
MINUTE_NS = 60_000_000_000
START_NS = 1_704_724_200 * E9
"""2024-01-08 14:30 UTC, a Monday."""


class Traded(NamedTuple):
    """An instrument in integers.

    Attributes:
        tick_e9: smallest price step.
        margin_long, margin_short: (numerator, denominator) of the notional; of a share.
        margin_contract_e9: per contract; of a future.
    """

    instrument_id: str
    start_e9: int
    tick_e9: int
    multiplier: int = 1
    lot: int = 1
    is_future: bool = False
    margin_long: tuple[int, int] = (1, 1)
    margin_short: tuple[int, int] = (1, 2)
    margin_contract_e9: int = 0


TRADED = (
    Traded("AAA", 100 * E9, E9 // 100),
    Traded("BBB", 40 * E9, E9 // 100, margin_long=(1, 2), margin_short=(3, 10)),
    Traded("CCC", 250 * E9, E9 // 20, lot=5),
    Traded(
        "FUT",
        4_000 * E9,
        E9 // 4,
        multiplier=50,
        is_future=True,
        margin_contract_e9=12_000 * E9,
    ),
)
BY_ID = {one.instrument_id: one for one in TRADED}
INDEX_ID = "IDX"
STRANGE_ID = "ZZZ"
"""In no catalogue."""
FIGURES_KEPT = 65_536
"""Conversions that are kept: the same prices and quantities are looked at again and again."""


def _decimal(numerator: int, denominator: int) -> Decimal:
    return Decimal(numerator) / Decimal(denominator)


def _instrument(one: Traded) -> Instrument:
    tick = _decimal(one.tick_e9, E9)
    if one.is_future:
        margin = _decimal(one.margin_contract_e9, E9)
        return Future(
            instrument_id=one.instrument_id,
            underlying_id=INDEX_ID,
            expiry_ts=START_NS + 400 * DAY_NS,
            multiplier=Decimal(one.multiplier),
            initial_margin=margin,
            maintenance_margin=margin,
            price_increment=tick,
            lot_size=Decimal(one.lot),
        )
    return Equity(
        instrument_id=one.instrument_id,
        price_increment=tick,
        lot_size=Decimal(one.lot),
        long_margin_fraction=_decimal(*one.margin_long),
        short_margin_fraction=_decimal(*one.margin_short),
    )


def catalog() -> InstrumentCatalog:
    """As the core knows the table."""
    return InstrumentCatalog([*(_instrument(one) for one in TRADED), Index(instrument_id=INDEX_ID)])


def to_decimal(value_e9: int) -> Decimal:
    """Billionths as a decimal, exactly and in any context."""
    sign = "-" if value_e9 < 0 else ""
    whole, rest = divmod(abs(value_e9), E9)
    return Decimal(f"{sign}{whole}.{rest:09d}".rstrip("0").rstrip("."))


@lru_cache(maxsize=FIGURES_KEPT)
def to_e9(value: Decimal) -> int:
    """A decimal in billionths.

    Raises:
        ArithmeticError: it has more than nine decimals.
    """
    numerator, denominator = value.as_integer_ratio()
    scaled, rest = divmod(numerator * E9, denominator)
    if rest:
        raise ArithmeticError(f"{value} has more than nine decimals")
    return scaled
