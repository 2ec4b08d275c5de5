"""Option structures: several option legs that are chosen, described and judged as one thing.

Everything is exact arithmetic on the legs' strikes and premiums; there is no pricing model here.
At expiry a leg is worth its intrinsic value, so the payoff of a structure is linear between its
strikes. Its extremes therefore lie at a price of zero, at a strike, or nowhere (unlimited), and
that is all that ``maximum_profit``, ``maximum_loss`` and ``break_evens`` look at.

Legs that live on after the first expiry (calendars) have a value then that only a model or a market
can tell. What rests on it is refused by ``MixedExpiriesError`` rather than guessed. The margin of
a structure belongs to the capital rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from itertools import pairwise

import msgspec

from orchestrion.domain.errors import DomainError
from orchestrion.domain.models.instrument import OptionKind
from orchestrion.domain.models.market import OptionQuote
from orchestrion.domain.models.money import EXACT, ONE, ZERO, add, divide, multiply, subtract

BREAK_EVEN_STEP = Decimal("0.000000001")
"""Break-evens are rounded to a billionth: a ratio of three to one has no finite decimal."""


class OptionStructureError(DomainError, ValueError):
    """Legs that do not make the structure that was asked for; the message names the leg."""


class MixedExpiriesError(OptionStructureError):
    """Asked for a figure that depends on what a later leg is worth when the first one expires.

    Unlike its parent the structure is fine: pass a valuation to ``payoff_at_first_expiry``.
    """


class StructureKind(StrEnum):
    """Names as in LEAN; a structure without a prefix is the one that the name usually means."""

    BULL_CALL_SPREAD = "BULL_CALL_SPREAD"
    BEAR_CALL_SPREAD = "BEAR_CALL_SPREAD"
    BULL_PUT_SPREAD = "BULL_PUT_SPREAD"
    BEAR_PUT_SPREAD = "BEAR_PUT_SPREAD"
    IRON_CONDOR = "IRON_CONDOR"
    STRANGLE = "STRANGLE"
    SHORT_STRANGLE = "SHORT_STRANGLE"
    STRADDLE = "STRADDLE"
    SHORT_STRADDLE = "SHORT_STRADDLE"
    CALENDAR_SPREAD = "CALENDAR_SPREAD"
    SHORT_CALENDAR_SPREAD = "SHORT_CALENDAR_SPREAD"
    CUSTOM = "CUSTOM"


class OptionLeg(msgspec.Struct, frozen=True, kw_only=True):
    """One option of a structure.

    Attributes:
        expiry_ts: nanoseconds UTC.
        quantity: contracts, signed: positive is bought, negative is sold.
        premium: price per unit that was or would be traded, >= 0.
        instrument_id: empty when the leg is only thought of.
    """

    option_kind: OptionKind
    strike: Decimal
    expiry_ts: int
    quantity: Decimal
    premium: Decimal = ZERO
    instrument_id: str = ""

    @classmethod
    def from_quote(cls, quote: OptionQuote, quantity: Decimal) -> OptionLeg:
        """A leg at the price that an order would meet: bought at the ask, sold at the bid."""
        return cls(
            option_kind=quote.option_kind,
            strike=quote.strike,
            expiry_ts=quote.expiry_ts,
            quantity=quantity,
            premium=quote.ask if quantity > 0 else quote.bid,
            instrument_id=quote.instrument_id,
        )

    def intrinsic_value(self, underlying_price: Decimal) -> Decimal:
        """Value per unit at expiry, >= 0, in price units."""
        difference = subtract(underlying_price, self.strike)
        if self.option_kind is OptionKind.PUT:
            difference = difference.copy_negate()
        return max(difference, ZERO)


class OptionStructure(msgspec.Struct, frozen=True, kw_only=True):
    """Legs that belong together. All money is in the account currency, for the whole quantity."""

    kind: StructureKind = StructureKind.CUSTOM
    legs: tuple[OptionLeg, ...]
    multiplier: Decimal = Decimal(100)

    def __post_init__(self) -> None:
        if not self.legs:
            raise OptionStructureError("a structure needs at least one leg")
        _check("multiplier", self.multiplier, lambda value: value > 0)
        for i, leg in enumerate(self.legs):
            _check(f"leg {i}: quantity", leg.quantity, bool)
            _check(f"leg {i}: strike", leg.strike, lambda value: value > 0)
            _check(f"leg {i}: premium", leg.premium, lambda value: value >= 0)

    @property
    def instrument_ids(self) -> tuple[str, ...]:
        return tuple(leg.instrument_id for leg in self.legs)

    @property
    def expiry_ts(self) -> int:
        """When the first leg ends, nanoseconds UTC."""
        return min(leg.expiry_ts for leg in self.legs)

    @property
    def has_one_expiry(self) -> bool:
        return all(leg.expiry_ts == self.expiry_ts for leg in self.legs)

    @property
    def cost(self) -> Decimal:
        """Premium paid for the whole structure; negative is a credit received."""
        return self._money((leg, leg.premium) for leg in self.legs)

    def scaled(self, factor: Decimal, *, multiplier: Decimal) -> OptionStructure:
        """The same structure in another size, with the multiplier of its real contracts."""
        legs = tuple(
            msgspec.structs.replace(leg, quantity=multiply(leg.quantity, factor))
            for leg in self.legs
        )
        return OptionStructure(kind=self.kind, legs=legs, multiplier=multiplier)

    def payoff_at_expiry(self, underlying_price: Decimal) -> Decimal:
        """What the legs pay at expiry, before the premium.

        Raises:
            MixedExpiriesError: the legs do not expire together.
        """
        self._require_one_expiry("the payoff at expiry")
        return self._intrinsic(underlying_price)

    def payoff_at_first_expiry(
        self, underlying_price: Decimal, later_value: Callable[[OptionLeg, Decimal], Decimal]
    ) -> Decimal:
        """What the structure is worth when its first leg expires, before the premium.

        Args:
            later_value: (leg, underlying price) -> value per unit of a leg that lives on.
        """
        return self._money(
            (
                leg,
                leg.intrinsic_value(underlying_price)
                if leg.expiry_ts == self.expiry_ts
                else later_value(leg, underlying_price),
            )
            for leg in self.legs
        )

    def profit_at_expiry(self, underlying_price: Decimal) -> Decimal:
        """Payoff less cost. Raises ``MixedExpiriesError`` like the payoff."""
        return subtract(self.payoff_at_expiry(underlying_price), self.cost)

    def maximum_payoff(self) -> Decimal | None:
        """The most that the legs can pay at expiry, before the premium; None is unlimited."""
        self._require_one_expiry("the maximum payoff")
        return None if self._slope_above() > 0 else max(y for _, y in self._knots())

    def maximum_profit(self) -> Decimal | None:
        """The best outcome at expiry; None is unlimited. Negative when no price can gain."""
        payoff = self.maximum_payoff()
        return None if payoff is None else subtract(payoff, self.cost)

    def maximum_loss(self) -> Decimal | None:
        """The worst outcome, as a positive amount; None is unlimited, negative a sure gain.

        Later legs count at intrinsic value, which is a floor for bought ones (carry aside), so a
        bought calendar loses at most its debit.

        Raises:
            MixedExpiriesError: a later leg is sold; no floor exists without a model.
        """
        if any(leg.quantity < 0 and leg.expiry_ts > self.expiry_ts for leg in self.legs):
            self._require_one_expiry("the maximum loss")
        if self._slope_above() < 0:
            return None
        return subtract(self.cost, min(y for _, y in self._knots()))

    def break_evens(self) -> tuple[Decimal, ...]:
        """Prices of the underlying with neither gain nor loss at expiry, ascending.

        Where the profit is zero over a whole stretch, the ends of the stretch at strikes.

        Raises:
            MixedExpiriesError: the legs do not expire together.
        """
        self._require_one_expiry("a break-even")
        points = [(x, subtract(y, self.cost)) for x, y in self._knots()]
        zeros: list[Decimal] = []
        for (x, y), (next_x, next_y) in pairwise(points):
            if not y:
                zeros.append(x)
            elif (y > 0) is (next_y < 0) and next_y:
                width, rise = subtract(next_x, x), subtract(next_y, y)
                zeros.append(_crossing(x, y, width, rise))
        return (*zeros, *_zeros_above(*points[-1], self._slope_above()))

    def describe(self) -> str:
        """One line for people: kind, expiry, legs, credit or debit."""
        words = self.kind.replace("_", " ").lower()
        day = datetime.fromtimestamp(self.expiry_ts // 1_000_000_000, UTC).date().isoformat()
        legs = " ".join(
            f"{leg.quantity:+f}{leg.option_kind[0]}{leg.strike.normalize(EXACT):f}"
            for leg in self.legs
        )
        paid = self.cost.normalize(EXACT)
        return f"{words} {day} {legs} {'debit' if paid >= 0 else 'credit'} {paid.copy_abs():f}"

    def _money(self, prices: Iterable[tuple[OptionLeg, Decimal]]) -> Decimal:
        total = ZERO
        for leg, price in prices:
            total = add(total, multiply(leg.quantity, price))
        return multiply(total, self.multiplier)

    def _intrinsic(self, underlying_price: Decimal) -> Decimal:
        return self._money((leg, leg.intrinsic_value(underlying_price)) for leg in self.legs)

    def _knots(self) -> list[tuple[Decimal, Decimal]]:
        """(price, payoff) at zero and at every strike, ascending: the corners of the payoff."""
        corners = sorted({ZERO, *(leg.strike for leg in self.legs)})
        return [(price, self._intrinsic(price)) for price in corners]

    def _slope_above(self) -> Decimal:
        """Money per unit of price above the highest strike, where only calls still move."""
        calls = (leg for leg in self.legs if leg.option_kind is OptionKind.CALL)
        return self._money((leg, ONE) for leg in calls)

    def _require_one_expiry(self, figure: str) -> None:
        if not self.has_one_expiry:
            raise MixedExpiriesError(
                f"{figure} of a structure with several expiries depends on the later legs' value"
            )


def vertical(
    bought: OptionQuote,
    sold: OptionQuote,
    *,
    quantity: Decimal = ONE,
    multiplier: Decimal = Decimal(100),
) -> OptionStructure:
    """A vertical spread; its name follows from the kind and from which strike is bought.

    Raises:
        OptionStructureError: different kinds or expiries, one strike twice, quantity not positive.
    """
    _require(bought.option_kind is sold.option_kind, "a vertical needs two options of one kind")
    _require(bought.expiry_ts == sold.expiry_ts, "a vertical needs one expiry")
    _require(bought.strike_e9 != sold.strike_e9, "a vertical needs two strikes")
    _require(quantity > 0, f"a vertical's quantity must be positive, got {quantity}")
    is_bull = bought.strike_e9 < sold.strike_e9
    kind = {
        (OptionKind.CALL, True): StructureKind.BULL_CALL_SPREAD,
        (OptionKind.CALL, False): StructureKind.BEAR_CALL_SPREAD,
        (OptionKind.PUT, True): StructureKind.BULL_PUT_SPREAD,
        (OptionKind.PUT, False): StructureKind.BEAR_PUT_SPREAD,
    }[bought.option_kind, is_bull]
    return _of(kind, multiplier, (bought, quantity), (sold, quantity.copy_negate()))


def iron_condor(
    *,
    long_put: OptionQuote,
    short_put: OptionQuote,
    short_call: OptionQuote,
    long_call: OptionQuote,
    quantity: Decimal = ONE,
    multiplier: Decimal = Decimal(100),
) -> OptionStructure:
    """Sells the inner strangle and buys the outer one, all at one expiry.

    Raises:
        OptionStructureError: kinds, expiries or the order of the strikes do not fit.
    """
    quotes = (long_put, short_put, short_call, long_call)
    kinds = (OptionKind.PUT, OptionKind.PUT, OptionKind.CALL, OptionKind.CALL)
    for name, quote, kind in zip(
        ("long_put", "short_put", "short_call", "long_call"), quotes, kinds, strict=True
    ):
        _require(quote.option_kind is kind, f"{name} is a {quote.option_kind}")
        _require(quote.expiry_ts == long_put.expiry_ts, f"{name} has another expiry")
    strikes = [quote.strike_e9 for quote in quotes]
    _require(
        all(low < high for low, high in pairwise(strikes)),
        "an iron condor needs long_put < short_put < short_call < long_call",
    )
    _require(quantity > 0, f"an iron condor's quantity must be positive, got {quantity}")
    short = quantity.copy_negate()
    return _of(
        StructureKind.IRON_CONDOR,
        multiplier,
        *zip(quotes, (quantity, short, short, quantity), strict=True),
    )


def strangle(
    put: OptionQuote,
    call: OptionQuote,
    *,
    quantity: Decimal = ONE,
    multiplier: Decimal = Decimal(100),
) -> OptionStructure:
    """A put and a call at a higher strike; a negative quantity sells both.

    Raises:
        OptionStructureError: kinds or expiries do not fit, or the put's strike is not the lower.
    """
    _require_put_and_call(put, call)
    _require(put.strike_e9 < call.strike_e9, "a strangle's put strike lies below its call strike")
    kind = StructureKind.STRANGLE if quantity > 0 else StructureKind.SHORT_STRANGLE
    return _of(kind, multiplier, (put, quantity), (call, quantity))


def straddle(
    put: OptionQuote,
    call: OptionQuote,
    *,
    quantity: Decimal = ONE,
    multiplier: Decimal = Decimal(100),
) -> OptionStructure:
    """A put and a call at one strike; a negative quantity sells both.

    Raises:
        OptionStructureError: kinds, expiries or strikes do not fit.
    """
    _require_put_and_call(put, call)
    _require(put.strike_e9 == call.strike_e9, "a straddle needs one strike")
    kind = StructureKind.STRADDLE if quantity > 0 else StructureKind.SHORT_STRADDLE
    return _of(kind, multiplier, (put, quantity), (call, quantity))


def calendar(
    near: OptionQuote,
    far: OptionQuote,
    *,
    quantity: Decimal = ONE,
    multiplier: Decimal = Decimal(100),
) -> OptionStructure:
    """Buys the far option and sells the near one; a negative quantity does the opposite.

    Raises:
        OptionStructureError: kind or strike differ, or the near one does not expire first.
    """
    _require(near.option_kind is far.option_kind, "a calendar needs two options of one kind")
    _require(near.strike_e9 == far.strike_e9, "a calendar needs one strike")
    _require(near.expiry_ts < far.expiry_ts, "a calendar's near option expires first")
    kind = StructureKind.CALENDAR_SPREAD if quantity > 0 else StructureKind.SHORT_CALENDAR_SPREAD
    return _of(kind, multiplier, (near, quantity.copy_negate()), (far, quantity))


def _of(
    kind: StructureKind, multiplier: Decimal, *legs: tuple[OptionQuote, Decimal]
) -> OptionStructure:
    return OptionStructure(
        kind=kind,
        legs=tuple(OptionLeg.from_quote(quote, quantity) for quote, quantity in legs),
        multiplier=multiplier,
    )


def _require_put_and_call(put: OptionQuote, call: OptionQuote) -> None:
    _require(put.option_kind is OptionKind.PUT, "the first option must be a put")
    _require(call.option_kind is OptionKind.CALL, "the second option must be a call")
    _require(put.expiry_ts == call.expiry_ts, "the put and the call have different expiries")


def _require(is_fine: bool, fault: str) -> None:
    if not is_fine:
        raise OptionStructureError(fault)


def _check(name: str, value: Decimal, is_in_range: Callable[[Decimal], bool]) -> None:
    if not value.is_finite() or not is_in_range(value):
        raise OptionStructureError(f"{name} cannot be {value}")


def _crossing(x: Decimal, y: Decimal, width: Decimal, rise: Decimal) -> Decimal:
    """Where a line through (x, y) that rises by ``rise`` over ``width`` meets zero."""
    step = divide(
        multiply(y, width), rise.copy_negate(), step=BREAK_EVEN_STEP, rounding=ROUND_HALF_EVEN
    )
    return add(x, step)


def _zeros_above(x: Decimal, y: Decimal, slope: Decimal) -> tuple[Decimal, ...]:
    """Zeros at and above the last corner."""
    if not y:
        return (x,)
    if slope and (slope > 0) is (y < 0):
        return (_crossing(x, y, ONE, slope),)
    return ()
