"""The bundled option chains: their contracts, and the quotes of one day from its packed rows.

A row holds one expiry of one day; its cells are lists over the strikes, in the units that
``bundled/SOURCES.md`` describes. Quotes are built day by day, for all days together would fill
some 100 MB.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import accumulate
from typing import NamedTuple

from orchestrion.domain.models.instrument import OptionContract, OptionKind
from orchestrion.domain.models.market import OptionQuote
from orchestrion.domain.models.money import BILLION

UNDERLYING_ID = "SPX"
_PRICE_UNIT_E9 = 50_000_000
_TEN_THOUSAND = 10_000
_CALL, _PUT = OptionKind.CALL, OptionKind.PUT


class _Strike(NamedTuple):
    """What all days share, so that it is built once: ids and the strike."""

    call_id: str
    put_id: str
    strike: int
    strike_e9: int


class _Expiry(NamedTuple):
    expiry_ts: int
    first: int
    step: int
    strikes: tuple[_Strike, ...]


class BundledChains:
    """All expiries of the set by day, with every strike that was ever listed."""

    def __init__(self, expiry_rows: Iterable[str]) -> None:
        self._by_day = dict(map(_expiry, expiry_rows))

    def contracts(self) -> Iterator[OptionContract]:
        """Every option that the set quotes on some day."""
        for expiry in self._by_day.values():
            for one in expiry.strikes:
                for instrument_id, kind in ((one.call_id, _CALL), (one.put_id, _PUT)):
                    yield OptionContract(
                        instrument_id=instrument_id,
                        underlying_id=UNDERLYING_ID,
                        expiry_ts=expiry.expiry_ts,
                        strike=Decimal(one.strike),
                        option_kind=kind,
                    )

    def quotes(self, rows: Iterable[str]) -> tuple[OptionQuote, ...]:
        """The quotes of one day's rows, sorted by (expiry, strike, kind) as the rows are."""
        quotes: list[OptionQuote] = []
        for row in rows:
            self._add_quotes(row.split(","), quotes)
        return tuple(quotes)

    def _add_quotes(self, cells: list[str], quotes: list[OptionQuote]) -> None:
        expiry = self._by_day[cells[1]]
        start, discount = (int(cells[2]) - expiry.first) // expiry.step, int(cells[3])
        # Not strict: a row ends where the range that was listed on its day ended.
        columns = zip(
            expiry.strikes[start:],
            accumulate(map(int, cells[4].split())),
            map(int, cells[5].split()),
            accumulate(map(int, cells[6].split())),
            map(int, cells[7].split()),
            accumulate(map(int, cells[8].split())),
            accumulate(map(int, cells[9].split())),
            strict=False,
        )
        expiry_ts, unit, add = expiry.expiry_ts, _PRICE_UNIT_E9, quotes.append
        for strike, call_bid, call_spread, put_bid, put_spread, delta, volatility in columns:
            call_id, put_id, _, strike_e9 = strike
            implied = volatility / _TEN_THOUSAND
            add(
                OptionQuote(
                    call_id,
                    expiry_ts,
                    strike_e9,
                    _CALL,
                    call_bid * unit,
                    (call_bid + call_spread) * unit,
                    delta / _TEN_THOUSAND,
                    implied,
                )
            )
            add(
                OptionQuote(
                    put_id,
                    expiry_ts,
                    strike_e9,
                    _PUT,
                    put_bid * unit,
                    (put_bid + put_spread) * unit,
                    (delta - discount) / _TEN_THOUSAND,
                    implied,
                )
            )


def _expiry(row: str) -> tuple[str, _Expiry]:
    day, expiry_ts, _style, first, last, step = row.split(",")
    label = f"{UNDERLYING_ID}-{day.replace('-', '')}"
    strikes = tuple(
        _Strike(f"{label}-C{strike}", f"{label}-P{strike}", strike, strike * BILLION)
        for strike in range(int(first), int(last) + 1, int(step))
    )
    return day, _Expiry(int(expiry_ts), int(first), int(step), strikes)
