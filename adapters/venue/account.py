"""The venue's own net books: what a broker would show, owners unknown to it.

Written apart from the strategies' books and from the account ledger, so that a reconciliation
compares three independent sums. Shares and options are paid when they trade; futures are paid at
the settlement, until then their net cost is remembered.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from orchestrion.domain.capital.corporate_action import SplitReport
from orchestrion.domain.models.instrument import Future, Tradable
from orchestrion.domain.models.money import EXACT, ZERO, add, multiply, subtract
from orchestrion.domain.models.portfolio import NetPosition, PortfolioState


class Holding:
    """Net quantity of one instrument, and the unpaid cost of it when it is a future."""

    __slots__ = ("instrument", "is_future", "quantity", "unpaid")

    def __init__(self, instrument: Tradable) -> None:
        self.instrument = instrument
        self.is_future = isinstance(instrument, Future)
        self.quantity = ZERO
        self.unpaid = ZERO


class VenueAccount:
    """Cash and holdings.

    A holding stays listed at a net quantity of zero until its instrument ends: netting is invisible
    from outside, two strategies may still hold opposite sides of it and need its settlements.
    """

    __slots__ = ("_cash", "_holdings")

    def __init__(self, starting_cash: Decimal) -> None:
        self._cash = starting_cash
        self._holdings: dict[str, Holding] = {}

    def has_traded(self, instrument_id: str) -> bool:
        """Whether anybody ever traded an instrument that has not ended."""
        return instrument_id in self._holdings

    def traded_futures(self) -> list[str]:
        """Futures that were ever traded and have not ended, in id order."""
        return sorted(
            instrument_id for instrument_id, holding in self._holdings.items() if holding.is_future
        )

    def trade(
        self, instrument: Tradable, *, signed_quantity: Decimal, price: Decimal, fee: Decimal
    ) -> None:
        """Books one execution; positive buys."""
        instrument_id = instrument.instrument_id
        holding = self._holdings.get(instrument_id)
        if holding is None:
            holding = self._holdings[instrument_id] = Holding(instrument)
        holding.quantity = add(holding.quantity, signed_quantity)
        money = multiply(multiply(signed_quantity, price), instrument.multiplier)
        if holding.is_future:
            holding.unpaid = add(holding.unpaid, money)
        else:
            self._cash = subtract(self._cash, money)
        self._cash = subtract(self._cash, fee)

    def settle(self, instrument_id: str, price: Decimal) -> None:
        """Pays a future's gains since the last settlement."""
        holding = self._holdings[instrument_id]
        worth = _worth(holding, price)
        self._cash = add(self._cash, subtract(worth, holding.unpaid))
        holding.unpaid = worth

    def close_out(self, instrument_id: str, price: Decimal) -> None:
        """Pays whatever is held of an ended instrument and forgets it."""
        holding = self._holdings.pop(instrument_id, None)
        if holding is not None:
            self._cash = add(self._cash, subtract(_worth(holding, price), holding.unpaid))

    def split(self, report: SplitReport) -> None:
        """Multiplies the net holding of a share; whole steps stay, the rest is paid for in cents.

        In fractions of its own, so that a reconciliation compares three ways of reckoning.
        """
        holding = self._holdings.get(report.instrument_id)
        if holding is None:
            return
        exact = Fraction(holding.quantity) * report.numerator / report.denominator
        step = Fraction(report.quantity_step)
        kept = int(exact / step) * step
        owed = (
            (exact - kept) * Fraction(report.cash_price) * Fraction(holding.instrument.multiplier)
        )
        holding.quantity = _decimal_of(kept)
        self._cash = add(self._cash, _decimal_of(Fraction(round(owed * 100), 100)))

    def rename(self, instrument_id: str, instrument: Tradable) -> None:
        """An instrument has another id."""
        holding = self._holdings.pop(instrument_id, None)
        if holding is not None:
            holding.instrument = instrument
            self._holdings[instrument.instrument_id] = holding

    def state(self, ts_event: int) -> PortfolioState:
        """Cash and every net quantity that is not zero, by instrument id."""
        positions = tuple(
            NetPosition(instrument_id, holding.quantity)
            for instrument_id, holding in sorted(self._holdings.items())
            if holding.quantity
        )
        return PortfolioState(ts_event, self._cash, positions)


def _decimal_of(value: Fraction) -> Decimal:
    """Of a fraction whose decimals end, as those of steps and cents do."""
    return EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))


def _worth(holding: Holding, price: Decimal) -> Decimal:
    return multiply(multiply(holding.quantity, price), holding.instrument.multiplier)
