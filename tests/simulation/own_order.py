"""Orders as the checkers keep them: a table of their own, from the journal's text alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from tests.simulation.market import BY_ID, E9, FIGURES_KEPT

WORKING = ("SUBMITTED", "ACCEPTED", "PARTIALLY_FILLED", "PENDING_CANCEL", "UNKNOWN")
_LEGAL_REJECTS = ("SUBMITTED", "ACCEPTED", "PENDING_CANCEL", "UNKNOWN")


@lru_cache(maxsize=FIGURES_KEPT)
def billionths(text: str) -> int:
    """A decimal's text in billionths.

    Raises:
        ValueError: it is no number with at most nine decimals.
    """
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    if "E" in digits or "e" in digits:
        mantissa, _, exponent = digits.replace("e", "E").partition("E")
        whole, _, part = mantissa.partition(".")
        places = int(exponent) - len(part) + 9
        number = int(whole + part)
        if places < 0:
            number, rest = divmod(number, int(10**-places))
            if rest:
                raise ValueError(text)
            return sign * number
        return sign * number * int(10**places)
    whole, _, part = digits.partition(".")
    if len(part) > 9 and part[9:].strip("0"):
        raise ValueError(text)
    return sign * int((whole or "0") + part[:9].ljust(9, "0"))


@dataclass
class OwnLeg:
    """Quantities in billionths; ``sign`` is 1 for a purchase."""

    instrument_id: str
    sign: int
    quantity: int
    filled: int = 0

    @property
    def left(self) -> int:
        return max(self.quantity - self.filled, 0)


@dataclass
class OwnOrder:
    """One order, from its approval on.

    Attributes:
        reservation: what has to be set aside, money in tenths of 1e-18.
        entering: instrument -> signed quantity that the reservation is for.
        limit_e9: of a limit order.
        has_traded: at the venue.
        is_denied: its rest may not leave; what trades inside is still to come.
    """

    client_order_id: str
    strategy_id: str
    legs: list[OwnLeg]
    label: str
    is_reducing: bool
    reservation: int = 0
    entering: dict[str, int] = field(default_factory=dict[str, int])
    limit_e9: int | None = None
    has_traded: bool = False
    is_denied: bool = False
    status: str = "INITIALIZED"
    has_intent: bool = False
    trade_ids: set[str] = field(default_factory=set[str])

    @property
    def is_open(self) -> bool:
        return self.status in WORKING or self.status == "INITIALIZED"

    @property
    def is_overfilled(self) -> bool:
        return any(leg.filled > leg.quantity for leg in self.legs)

    def fits(self, fill: dict[str, Any]) -> bool:
        """Whether a fill can be of this order."""
        index = int(fill["leg_index"])
        if not 0 <= index < len(self.legs):
            return False
        leg = self.legs[index]
        sign = 1 if fill["side"] == "BUY" else -1
        return leg.instrument_id == fill["instrument_id"] and leg.sign == sign

    def fill(self, index: int, quantity: int) -> None:
        self.has_traded = True
        self.legs[index].filled += quantity
        if all(leg.filled >= leg.quantity for leg in self.legs):
            self.status = "FILLED"
        elif self.status in WORKING and self.status != "PENDING_CANCEL":
            self.status = "PARTIALLY_FILLED"

    def cross(self, quantity: int) -> None:
        """Traded inside: how it stands with the venue is as before, unless nothing is left."""
        self.legs[0].filled += quantity
        if not self.legs[0].left:
            self.status = "FILLED"

    def submit(self) -> None:
        self.status, self.has_intent = "SUBMITTED", True

    def ask_cancel(self) -> None:
        if self.status in WORKING:
            self.status = "PENDING_CANCEL"

    def lose(self) -> None:
        if self.status in WORKING:
            self.status = "UNKNOWN"

    def report(self, kind: str) -> None:
        """Everything but fills; what is not legal now changes nothing."""
        is_refusable = self.status == "PARTIALLY_FILLED" and not self.has_traded
        working = "PARTIALLY_FILLED" if any(leg.filled for leg in self.legs) else "ACCEPTED"
        match kind:
            case "OrderAcceptedReport" if self.status in ("SUBMITTED", "UNKNOWN"):
                self.status = working
            case "OrderRejectedReport" if self.status in _LEGAL_REJECTS or is_refusable:
                self.status = "REJECTED"
            case "OrderCanceledReport" if self.status in WORKING:
                self.status = "CANCELED"
            case "OrderExpiredReport" if self.status in WORKING:
                self.status = "EXPIRED"
            case "OrderCancelRejectedReport" if self.status == "PENDING_CANCEL":
                self.status = working
            case _:
                pass


def legs_of(command: dict[str, Any]) -> list[OwnLeg]:
    """The legs of a submit command."""
    return [
        OwnLeg(leg["instrument_id"], 1 if leg["side"] == "BUY" else -1, billionths(leg["quantity"]))
        for leg in command["legs"]
    ]


TENTHS = 10
"""Margin fractions are tenths, so that all sums are whole numbers."""


def margin_of(instrument_id: str, quantity: int, price: int) -> int:
    """Initial margin of a signed quantity alone, in tenths of 1e-18."""
    one = BY_ID[instrument_id]
    if one.is_future:
        return abs(quantity) * one.margin_contract_e9 * TENTHS
    numerator, denominator = one.margin_long if quantity > 0 else one.margin_short
    return abs(quantity) * price * one.multiplier * numerator * TENTHS // denominator


def notional_of(instrument_id: str, quantity: int, price: int) -> int:
    """In 1e-18."""
    return abs(quantity) * abs(price) * BY_ID[instrument_id].multiplier


def money(value_e18: int) -> str:
    return f"{value_e18 / E9 / E9:.9f}"
