"""What every margin model shares: the protocol, refused positions, prices and notionals.

``Margin`` and ``UnpricedError`` are those that the budget rule knows; they are imported here and
nowhere else in the package.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Protocol

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.instrument import InstrumentCatalog, Tradable
from orchestrion.domain.models.money import ONE, ZERO, add, multiply
from orchestrion.domain.models.portfolio import Marks
from orchestrion.domain.orchestration.margin import NO_MARGIN, Margin, UnpricedError

__all__ = [
    "DAY_NS",
    "NO_MARGIN",
    "REFUSED",
    "UNLIMITED",
    "Margin",
    "MarginModel",
    "UnpricedError",
    "check_fraction",
    "held",
    "notional_of",
    "price_of",
    "total_of",
]

DAY_NS = 86_400_000_000_000

UNLIMITED = Decimal("Infinity")
"""The requirement of a position that the account may not hold. No equity is ever enough; sums and
comparisons work, ``is_finite()`` tells it apart, and it must not be rounded or multiplied."""

REFUSED = Margin(UNLIMITED, UNLIMITED)
"""Margin of holdings with a part that this kind of account may not hold."""


class MarginModel(Protocol):
    """How much equity positions bind. Implementations are frozen values without state."""

    def margin_of(
        self,
        quantities: Mapping[str, Decimal],
        catalog: InstrumentCatalog,
        marks: Marks,
        *,
        now: int,
    ) -> Margin:
        """Margin of signed quantities held together in one book.

        Args:
            quantities: instrument id -> signed quantity; the order does not matter, zeros are
                skipped.
            now: time of the evaluation, nanoseconds UTC; models without a calendar ignore it.

        Returns:
            Both >= 0, maintenance <= initial; ``REFUSED`` when the account may not hold it.

        Raises:
            UnpricedError: an instrument or underlying that the rule needs has no mark.
        """
        ...

    def is_coupled(self, instrument: Tradable) -> bool:
        """Whether what it binds can depend on what else is held.

        Closing a coupled position can raise the margin of the rest (a sold wing, a called-away
        share); closing any other only frees its own.
        """
        ...


def held(quantities: Mapping[str, Decimal]) -> list[tuple[str, Decimal]]:
    """(instrument id, signed quantity) in id order, without zeros."""
    return sorted((key, quantity) for key, quantity in quantities.items() if quantity)


def price_of(marks: Marks, instrument_id: str) -> Decimal:
    """The mark.

    Raises:
        UnpricedError: there is none yet.
    """
    price = marks.price(instrument_id)
    if price is None:
        raise UnpricedError(instrument_id)
    return price


def notional_of(instrument: Tradable, quantity: Decimal, price: Decimal) -> Decimal:
    """Quantity x price x multiplier, >= 0 (oil has been below zero)."""
    return multiply(multiply(quantity.copy_abs(), price.copy_abs()), instrument.multiplier)


def total_of(margins: Iterable[Margin]) -> Margin:
    """The sum; of nothing, no margin."""
    initial = maintenance = ZERO
    for margin in margins:
        initial, maintenance = add(initial, margin.initial), add(maintenance, margin.maintenance)
    return Margin(initial, maintenance)


def check_fraction(name: str, value: Decimal) -> None:
    """
    Raises:
        ConfigurationError: not a finite number from 0 to 1.
    """
    if not value.is_finite() or not ZERO <= value <= ONE:
        raise ConfigurationError(f"{name} must be from 0 to 1, got {value}")
