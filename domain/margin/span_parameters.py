"""What a clearing house publishes about one underlying for its scenario grid: data, no rules.

The figures change often, some daily. ``NIFTY_EXAMPLE`` shows the shape with figures that were
published; it is no statement of what applies today, so a configuration that trades must name its
own.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

import msgspec

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.margin.requirement import DAY_NS, check_fraction
from orchestrion.domain.models.money import BILLIONTH, ONE, ZERO, divide, multiply

MINUTE_NS = 60_000_000_000
_TWO = Decimal(2)


class SpanScenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One point of the grid.

    Attributes:
        price_thirds: move of the underlying in thirds of the price scan range, signed.
        volatility_sign: 1, -1 or 0: the volatility moves by its scan range, or stays.
        weight: part of the loss that counts, above 0 to 1.
    """

    price_thirds: int
    volatility_sign: int = 0
    weight: Decimal = ONE

    def __post_init__(self) -> None:
        """
        Raises:
            ConfigurationError: a sign or a weight out of range.
        """
        check_fraction("weight", self.weight)
        if not self.weight or self.volatility_sign not in (-1, 0, 1):
            raise ConfigurationError(
                "a scenario needs a weight above 0 and a volatility_sign of -1, 0 or 1, got "
                f"{self.weight} and {self.volatility_sign}"
            )


def _standard_scenarios() -> tuple[SpanScenario, ...]:
    moves = (0, 1, -1, 2, -2, 3, -3)
    grid = [SpanScenario(thirds, sign) for thirds in moves for sign in (1, -1)]
    extreme = Decimal("0.35")
    return (*grid, SpanScenario(6, 0, extreme), SpanScenario(-6, 0, extreme))


STANDARD_SCENARIOS = _standard_scenarios()
"""Seven prices by two volatilities, and a move of twice the range of which 35 % counts."""


class SpanParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of one underlying. Fractions are of its price, times the contract's multiplier.

    Attributes:
        price_scan_fraction: the price scan range, above 0.
        volatility_scan: the volatility scan range, added to the annual volatility and taken off.
        scenarios: the grid.
        short_option_minimum_fraction: least risk of every short option.
        calendar_charge_fraction: for one contract long against one short in another expiry; at most
            twice the price scan range, which is what the two bind apart.
        exposure_fraction: on top, for futures on both sides and for short options.
        deep_exposure_fraction: the same for short options further out of the money than
            ``deep_from_fraction`` of the price; None makes no difference between them.
        expiry_day_fraction: on top of that, for short options on the day they expire.
        offsets_on_expiry_day: whether contracts that expire today are still set against others.
        utc_offset_minutes: where the exchange's day begins.
        interest_rate: for the options' forward and discount, continuous.
        volatility_min, volatility_max: implied volatilities are held between them.
    """

    price_scan_fraction: Decimal
    volatility_scan: Decimal
    scenarios: tuple[SpanScenario, ...] = STANDARD_SCENARIOS
    short_option_minimum_fraction: Decimal = ZERO
    calendar_charge_fraction: Decimal = ZERO
    exposure_fraction: Decimal = ZERO
    deep_exposure_fraction: Decimal | None = None
    deep_from_fraction: Decimal = ONE
    expiry_day_fraction: Decimal = ZERO
    offsets_on_expiry_day: bool = True
    utc_offset_minutes: int = 0
    interest_rate: Decimal = ZERO
    volatility_min: Decimal = Decimal("0.01")
    volatility_max: Decimal = Decimal(5)

    def __post_init__(self) -> None:
        """
        Raises:
            ConfigurationError: a figure that cannot be used; the message names it.
        """
        for name in self.__struct_fields__:
            fraction: Decimal | None = getattr(self, name) if name.endswith("_fraction") else None
            if fraction is not None:
                check_fraction(name, fraction)
        for name in ("volatility_scan", "interest_rate", "volatility_min", "volatility_max"):
            value: Decimal = getattr(self, name)
            if not value.is_finite() or (value < 0 and name != "interest_rate"):
                raise ConfigurationError(f"{name} must be a finite Decimal >= 0, got {value}")
        if not self.scenarios:
            raise ConfigurationError("scenarios: a grid needs at least one")
        if not self.price_scan_fraction:
            raise ConfigurationError("price_scan_fraction must be above 0")
        if self.calendar_charge_fraction > multiply(_TWO, self.price_scan_fraction):
            raise ConfigurationError(
                f"calendar_charge_fraction {self.calendar_charge_fraction} is more than twice "
                f"price_scan_fraction {self.price_scan_fraction}"
            )
        if not ZERO < self.volatility_min < self.volatility_max:
            raise ConfigurationError(
                f"volatility_min {self.volatility_min} must be above 0 and below "
                f"volatility_max {self.volatility_max}"
            )

    @property
    def apart_fraction(self) -> Decimal:
        """How much of a calendar spread's two sides is kept apart, rounded up to a billionth.

        Two opposite contracts bind 2 x the scan range apart and the calendar charge together.
        """
        apart = multiply(_TWO, self.price_scan_fraction)
        return divide(self.calendar_charge_fraction, apart, step=BILLIONTH, rounding=ROUND_CEILING)

    def day_of(self, ts: int) -> int:
        """Number of the exchange's day in which a moment lies."""
        return (ts + self.utc_offset_minutes * MINUTE_NS) // DAY_NS


NIFTY_EXAMPLE = SpanParameters(
    price_scan_fraction=Decimal("0.093"),
    volatility_scan=Decimal("0.04"),
    calendar_charge_fraction=Decimal("0.0175"),
    exposure_fraction=Decimal("0.02"),
    deep_exposure_fraction=Decimal("0.03"),
    deep_from_fraction=Decimal("0.10"),
    expiry_day_fraction=Decimal("0.02"),
    offsets_on_expiry_day=False,
    utc_offset_minutes=330,
)
"""Example: index derivatives at NSE Clearing, end of 2024 and early 2025. Price scan range at its
minimum of 9.3 %, volatility scan range at its minimum of 4 points, calendar charge 1.75 % of the
far contract, extreme loss margin 2 % (3 % for options more than a tenth out of the money) and 2 %
more on short options on expiry day (circular NCL/CMPT/64639), no calendar treatment on that day
(SEBI circular 2024/132). The scan ranges follow volatility and are higher on most days; the
charge is taken of the underlying's price instead of the far contract's."""
