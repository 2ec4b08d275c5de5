"""Option structures: builders, payoff, extremes and break-evens, against worked examples."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from orchestrion.domain.models.instrument import OptionKind
from orchestrion.domain.models.market import OptionQuote
from orchestrion.domain.models.option_structure import (
    MixedExpiriesError,
    OptionLeg,
    OptionStructure,
    OptionStructureError,
    StructureKind,
    calendar,
    iron_condor,
    straddle,
    strangle,
    vertical,
)
from tests.fakes_strategy_host import quote, ts_of

CALL, PUT = OptionKind.CALL, OptionKind.PUT
NEAR, FAR = date(2014, 2, 21), date(2014, 3, 21)
D = Decimal


def q(kind: OptionKind, strike: int, bid: float, ask: float, expiry: date = NEAR) -> OptionQuote:
    return quote(kind, strike, expiry, bid=bid, ask=ask)


def condor() -> OptionStructure:
    return iron_condor(
        long_put=q(PUT, 1700, 1.5, 2),
        short_put=q(PUT, 1750, 6, 6.5),
        short_call=q(CALL, 1900, 5, 5.5),
        long_call=q(CALL, 1950, 0.5, 1),
    )


BULL = vertical(q(CALL, 1800, 29, 30), q(CALL, 1850, 10, 11))
BEAR = vertical(q(PUT, 1800, 29, 30), q(PUT, 1750, 10, 11))
LONG_STRANGLE = strangle(q(PUT, 1750, 7, 8), q(CALL, 1900, 6, 7))
SHORT_STRANGLE = strangle(q(PUT, 1750, 7, 8), q(CALL, 1900, 6, 7), quantity=D(-2))
STRADDLE = straddle(q(PUT, 1800, 24, 25), q(CALL, 1800, 24, 25))


@pytest.mark.parametrize(
    ("structure", "kind", "cost", "profit", "loss", "break_evens"),
    [
        (BULL, "BULL_CALL_SPREAD", 2000, 3000, 2000, [1820]),
        (BEAR, "BEAR_PUT_SPREAD", 2000, 3000, 2000, [1780]),
        (condor(), "IRON_CONDOR", -800, 800, 4200, [1742, 1908]),
        (LONG_STRANGLE, "STRANGLE", 1500, None, 1500, [1735, 1915]),
        (SHORT_STRANGLE, "SHORT_STRANGLE", -2600, 2600, None, [1737, 1913]),
        (STRADDLE, "STRADDLE", 5000, None, 5000, [1750, 1850]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_structure_has_textbook_figures(
    structure: OptionStructure,
    kind: str,
    cost: int,
    profit: int | None,
    loss: int | None,
    break_evens: list[int],
) -> None:
    assert structure.kind == kind
    assert structure.cost == cost
    assert structure.maximum_profit() == profit
    assert structure.maximum_loss() == loss
    assert list(structure.break_evens()) == break_evens
    assert all(structure.profit_at_expiry(zero) == 0 for zero in structure.break_evens())


@pytest.mark.parametrize(
    ("price", "profit"), [(0, -4200), (1700, -4200), (1740, -200), (1800, 800), (2500, -4200)]
)
def test_condor_profit_follows_its_corners(price: int, profit: int) -> None:
    assert condor().profit_at_expiry(D(price)) == profit


@pytest.mark.parametrize(
    ("bought", "sold", "kind"),
    [
        (q(CALL, 1850, 10, 11), q(CALL, 1800, 29, 30), StructureKind.BEAR_CALL_SPREAD),
        (q(PUT, 1750, 10, 11), q(PUT, 1800, 29, 30), StructureKind.BULL_PUT_SPREAD),
    ],
)
def test_credit_spread_is_named_by_its_bought_strike(
    bought: OptionQuote, sold: OptionQuote, kind: StructureKind
) -> None:
    structure = vertical(bought, sold)
    assert structure.kind is kind
    assert structure.maximum_profit() == 1800
    assert structure.maximum_loss() == 3200


def test_naked_call_loses_without_limit_and_gains_its_premium() -> None:
    leg = OptionLeg(option_kind=CALL, strike=D(100), expiry_ts=1, quantity=D(-1), premium=D("2.5"))
    structure = OptionStructure(legs=(leg,))
    assert structure.maximum_loss() is None
    assert structure.maximum_profit() == 250
    assert structure.break_evens() == (D("102.5"),)


def test_ratio_break_even_is_rounded_to_a_billionth() -> None:
    legs = tuple(
        OptionLeg(option_kind=CALL, strike=D(strike), expiry_ts=1, quantity=D(n), premium=D(1))
        for strike, n in ((100, 1), (110, 2))
    )
    # Profit at 110 is 10 - 3 premiums above zero; below 103 it is negative.
    assert OptionStructure(legs=legs).break_evens() == (D(103),)
    three = OptionStructure(legs=(msgspec.structs.replace(legs[0], quantity=D(3), premium=D(1)),))
    assert three.break_evens() == (D(101),)
    mixed = OptionStructure(
        legs=(legs[0], msgspec.structs.replace(legs[0], quantity=D(2), premium=D("0.05")))
    )
    assert mixed.break_evens() == (D("100.366666667"),)


def test_flat_stretch_at_zero_gives_its_corners() -> None:
    free = vertical(q(CALL, 1800, 10, 10), q(CALL, 1850, 10, 10))
    assert free.break_evens() == (D(0), D(1800))
    assert free.maximum_loss() == 0
    other_side = vertical(q(CALL, 1800, 50, 50), q(CALL, 1850, 0, 0))
    assert other_side.break_evens() == (D(1850),)


class TestCalendar:
    structure = calendar(q(CALL, 1800, 20, 21, NEAR), q(CALL, 1800, 34, 35, FAR))

    def test_bought_calendar_loses_at_most_its_debit(self) -> None:
        assert self.structure.cost == 1500
        assert self.structure.maximum_loss() == 1500
        assert self.structure.expiry_ts == ts_of(NEAR)

    def test_value_at_first_expiry_uses_the_valuation_of_later_legs_only(self) -> None:
        asked: list[int] = []

        def later_value(leg: OptionLeg, price: Decimal) -> Decimal:
            asked.append(leg.expiry_ts)
            return D(17)

        assert self.structure.payoff_at_first_expiry(D(1810), later_value) == 100 * (17 - 10)
        assert asked == [ts_of(FAR)]

    def test_figures_that_need_a_model_are_refused(self) -> None:
        for figure in ("maximum_profit", "break_evens", "maximum_payoff"):
            with pytest.raises(MixedExpiriesError, match="several expiries"):
                getattr(self.structure, figure)()
        with pytest.raises(MixedExpiriesError):
            self.structure.payoff_at_expiry(D(1800))

    def test_sold_calendar_has_no_known_maximum_loss(self) -> None:
        sold = calendar(q(CALL, 1800, 20, 21, NEAR), q(CALL, 1800, 34, 35, FAR), quantity=D(-1))
        assert sold.kind is StructureKind.SHORT_CALENDAR_SPREAD
        with pytest.raises(MixedExpiriesError, match="maximum loss"):
            sold.maximum_loss()


@pytest.mark.parametrize(
    ("build", "fault"),
    [
        (lambda: vertical(q(CALL, 1800, 1, 2), q(PUT, 1850, 1, 2)), "one kind"),
        (lambda: vertical(q(CALL, 1800, 1, 2), q(CALL, 1800, 1, 2)), "two strikes"),
        (lambda: vertical(q(CALL, 1800, 1, 2), q(CALL, 1850, 1, 2, FAR)), "one expiry"),
        (lambda: vertical(q(CALL, 1, 1, 2), q(CALL, 2, 1, 2), quantity=D(0)), "positive"),
        (lambda: strangle(q(CALL, 1, 1, 2), q(CALL, 2, 1, 2)), "must be a put"),
        (lambda: strangle(q(PUT, 1, 1, 2), q(PUT, 2, 1, 2)), "must be a call"),
        (lambda: strangle(q(PUT, 3, 1, 2), q(CALL, 2, 1, 2)), "below its call"),
        (lambda: strangle(q(PUT, 1, 1, 2), q(CALL, 2, 1, 2, FAR)), "different expiries"),
        (
            lambda: strangle(q(PUT, 1, 1, 2), q(CALL, 2, 1, 2), quantity=D(0)),
            "quantity cannot be 0",
        ),
        (lambda: straddle(q(PUT, 1, 1, 2), q(CALL, 2, 1, 2)), "one strike"),
        (lambda: calendar(q(PUT, 1, 1, 2), q(CALL, 1, 1, 2, FAR)), "one kind"),
        (lambda: calendar(q(PUT, 1, 1, 2), q(PUT, 2, 1, 2, FAR)), "one strike"),
        (lambda: calendar(q(PUT, 1, 1, 2, FAR), q(PUT, 1, 1, 2, NEAR)), "expires first"),
        (lambda: OptionStructure(legs=()), "at least one leg"),
        (lambda: OptionStructure(legs=BULL.legs, multiplier=D("NaN")), "multiplier cannot be NaN"),
        (lambda: BULL.scaled(D("Infinity"), multiplier=D(100)), "cannot be"),
    ],
)
def test_legs_that_do_not_fit_are_refused_with_the_reason(
    build: Callable[[], OptionStructure], fault: str
) -> None:
    with pytest.raises(OptionStructureError, match=fault):
        build()


@pytest.mark.parametrize("field", ["strike", "premium", "quantity"])
def test_leg_with_unusable_number_is_refused_by_its_place(field: str) -> None:
    bad = msgspec.structs.replace(BULL.legs[1], **{field: D("-1") if field != "quantity" else D(0)})
    with pytest.raises(OptionStructureError, match=f"leg 1: {field}"):
        OptionStructure(legs=(BULL.legs[0], bad))


@pytest.mark.parametrize(
    ("strikes", "fault"),
    [((1750, 1700, 1900, 1950), "long_put <"), ((1700, 1900, 1900, 1950), "long_put <")],
)
def test_condor_with_crossed_strikes_is_refused(strikes: tuple[int, ...], fault: str) -> None:
    low, put, call, high = strikes
    with pytest.raises(OptionStructureError, match=fault):
        iron_condor(
            long_put=q(PUT, low, 1, 2),
            short_put=q(PUT, put, 1, 2),
            short_call=q(CALL, call, 1, 2),
            long_call=q(CALL, high, 1, 2),
        )


def test_condor_names_the_leg_that_does_not_fit() -> None:
    legs: dict[str, Any] = {
        "long_put": q(PUT, 1700, 1, 2),
        "short_put": q(PUT, 1750, 1, 2),
        "short_call": q(CALL, 1900, 1, 2),
        "long_call": q(CALL, 1950, 1, 2),
    }
    with pytest.raises(OptionStructureError, match="short_call is a PUT"):
        iron_condor(**{**legs, "short_call": q(PUT, 1900, 1, 2)})
    with pytest.raises(OptionStructureError, match="long_call has another expiry"):
        iron_condor(**{**legs, "long_call": q(CALL, 1950, 1, 2, FAR)})
    with pytest.raises(OptionStructureError, match="must be positive"):
        iron_condor(**legs, quantity=D(-1))


def test_scaled_structure_scales_all_money() -> None:
    scaled = condor().scaled(D(4), multiplier=D(50))
    assert scaled.cost == condor().cost * 2
    assert scaled.maximum_loss() == 8400
    assert scaled.break_evens() == condor().break_evens()


def test_description_names_legs_and_credit() -> None:
    assert condor().scaled(D(2), multiplier=D(100)).describe() == (
        "iron condor 2014-02-21 +2P1700 -2P1750 -2C1900 +2C1950 credit 1600"
    )
    assert BULL.describe().endswith("debit 2000")


def test_structure_survives_plain_data() -> None:
    plain = msgspec.to_builtins(condor())
    assert msgspec.convert(plain, OptionStructure) == condor()
