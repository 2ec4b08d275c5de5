"""What can be quoted and traded. All instruments of a run live in one ``InstrumentCatalog``.

Prices are in units of the account currency; a quantity is in shares or contracts; the notional is
quantity x price x multiplier. Fields are checked by ``InstrumentCatalog`` once, at start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias, assert_never

import msgspec

from orchestrion.domain.errors import ConfigurationError, UnknownInstrumentError
from orchestrion.domain.models.money import ONE, ZERO, is_amount, subtract


class OptionKind(StrEnum):
    CALL = "CALL"
    PUT = "PUT"


class Index(msgspec.Struct, frozen=True, kw_only=True, tag="Index"):
    """A calculated value such as SPX or VIX: strategies may read it, nobody can trade it."""

    instrument_id: str
    currency: str = "USD"
    price_increment: Decimal = Decimal("0.01")


class Equity(msgspec.Struct, frozen=True, kw_only=True, tag="Equity"):
    """A share or fund.

    ``long_margin_fraction``/``short_margin_fraction``: equity that one unit of notional binds,
    as a fraction; 1 and 0.5 are a cash account's purchase and a Reg T short sale (whose proceeds
    are already in the cash).
    """

    instrument_id: str
    currency: str = "USD"
    price_increment: Decimal = Decimal("0.01")
    lot_size: Decimal = ONE
    multiplier: Decimal = ONE
    long_margin_fraction: Decimal = ONE
    short_margin_fraction: Decimal = Decimal("0.5")


class Future(msgspec.Struct, frozen=True, kw_only=True, tag="Future"):
    """An expiring future, settled in cash every day.

    ``initial_margin``/``maintenance_margin``: account currency per contract.
    ``expiry_ts``: last moment of trading, nanoseconds UTC; it settles at the underlying's price.
    """

    instrument_id: str
    underlying_id: str
    expiry_ts: int
    multiplier: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    currency: str = "USD"
    price_increment: Decimal = Decimal("0.01")
    lot_size: Decimal = ONE


class OptionContract(msgspec.Struct, frozen=True, kw_only=True, tag="OptionContract"):
    """A European option, settled in cash at intrinsic value. ``expiry_ts`` in nanoseconds UTC."""

    instrument_id: str
    underlying_id: str
    expiry_ts: int
    strike: Decimal
    option_kind: OptionKind
    multiplier: Decimal = Decimal(100)
    currency: str = "USD"
    price_increment: Decimal = Decimal("0.05")
    lot_size: Decimal = ONE

    def intrinsic_value(self, underlying_price: Decimal) -> Decimal:
        """Value per unit at expiry, >= 0, in price units."""
        difference = subtract(underlying_price, self.strike)
        if self.option_kind is OptionKind.PUT:
            difference = difference.copy_negate()
        return max(difference, ZERO)


Instrument: TypeAlias = Index | Equity | Future | OptionContract
Tradable: TypeAlias = Equity | Future | OptionContract


class InstrumentCatalog:
    """Every instrument of a run, by id. Read-only once built; iteration is in id order."""

    __slots__ = ("_by_id", "currency")

    def __init__(self, instruments: Iterable[Instrument], *, currency: str = "USD") -> None:
        """
        Raises:
            ConfigurationError: an id twice, a currency other than the account's, or a field
                (lot size, multiplier, price increment, margin) that is not usable.
        """
        self.currency = currency
        self._by_id: dict[str, Instrument] = {}
        for instrument in sorted(instruments, key=lambda one: one.instrument_id):
            if instrument.instrument_id in self._by_id:
                raise ConfigurationError(
                    f"instrument {instrument.instrument_id!r} is defined twice"
                )
            _check(instrument, currency)
            self._by_id[instrument.instrument_id] = instrument

    def __contains__(self, instrument_id: str) -> bool:
        return instrument_id in self._by_id

    def __iter__(self) -> Iterator[Instrument]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, instrument_id: str) -> Instrument | None:
        return self._by_id.get(instrument_id)

    def __getitem__(self, instrument_id: str) -> Instrument:
        """
        Raises:
            UnknownInstrumentError: the catalogue does not name it.
        """
        try:
            return self._by_id[instrument_id]
        except KeyError:
            raise UnknownInstrumentError(instrument_id) from None

    def tradable(self, instrument_id: str) -> Tradable:
        """
        Raises:
            UnknownInstrumentError: unknown, or an index, which nobody can trade.
        """
        instrument = self._by_id.get(instrument_id)
        if instrument is None or isinstance(instrument, Index):
            raise UnknownInstrumentError(instrument_id)
        return instrument


def _check(instrument: Instrument, currency: str) -> None:
    where = f"instrument {instrument.instrument_id!r}"
    if not instrument.instrument_id:
        raise ConfigurationError("an instrument has an empty id")
    if instrument.currency != currency:
        raise ConfigurationError(
            f"{where} is in {instrument.currency}, the account in {currency}: "
            "one account currency is supported, convert the data or leave the instrument out"
        )
    tick = instrument.price_increment
    if not _is_finite(tick) or tick <= 0:
        raise ConfigurationError(
            f"{where}: price_increment must be a finite Decimal above 0, got {tick}"
        )
    for name in _positive_fields(instrument):
        value = getattr(instrument, name)
        if not _is_usable(value) or value <= 0:
            raise ConfigurationError(f"{where}: {name} must be {_USABLE} above 0, got {value}")
    if isinstance(instrument, Equity):
        for name in ("long_margin_fraction", "short_margin_fraction"):
            value = getattr(instrument, name)
            if not _is_usable(value) or value < 0:
                raise ConfigurationError(f"{where}: {name} must be {_USABLE} >= 0, got {value}")
    if isinstance(instrument, Future) and instrument.initial_margin < instrument.maintenance_margin:
        raise ConfigurationError(f"{where}: initial_margin is below maintenance_margin")


# More decimals than the books and the account ledger can keep would stop the run at the first fill.
_USABLE = "a finite Decimal with at most nine decimals"


def _positive_fields(instrument: Instrument) -> tuple[str, ...]:
    match instrument:
        case Index():
            return ()
        case Equity():
            return ("lot_size", "multiplier")
        case Future():
            return ("lot_size", "multiplier", "maintenance_margin", "initial_margin")
        case OptionContract():
            return ("lot_size", "multiplier", "strike")
        case _:
            assert_never(instrument)


def _is_finite(value: object) -> bool:
    return isinstance(value, Decimal) and value.is_finite()


def _is_usable(value: object) -> bool:
    return isinstance(value, Decimal) and is_amount(value)
