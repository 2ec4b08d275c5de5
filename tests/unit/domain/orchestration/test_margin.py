"""Margin by hand-computed examples; the laws are in tests/property/test_margin.py.

The options of the examples are on IDX = 100 with multiplier 10 unless a row says otherwise.
"""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest

from orchestrion.domain.models.instrument import (
    Equity,
    Index,
    InstrumentCatalog,
    OptionContract,
    OptionKind,
)
from orchestrion.domain.models.portfolio import Marks
from orchestrion.domain.orchestration.margin import NO_MARGIN, Margin, UnpricedError, margin_of
from tests.fakes_rules import CATALOG, OPTIONS, hostile_context, marks_of


def marks_with(index: str = "100", **others: str) -> Marks:
    """IDX as given, every option at 2 unless said, AAA at 40, FUT at 100."""
    prices = {one.instrument_id: "2" for one in OPTIONS} | {"AAA": "40", "FUT": "100"}
    return marks_of(**(prices | others | {"IDX": index}))


def margin(index: str = "100", /, **held: int) -> Decimal:
    quantities = {one: Decimal(quantity) for one, quantity in held.items()}
    found = margin_of(quantities, CATALOG, marks_with(index))
    assert found.initial == found.maintenance
    return found.initial


def test_nothing_binds_nothing() -> None:
    assert margin_of({}, CATALOG, Marks()) == NO_MARGIN == Margin(Decimal(0), Decimal(0))


def test_long_shares_bind_their_value_and_short_ones_half() -> None:
    assert margin(AAA=10) == 400
    assert margin(AAA=-10) == 200


def test_shares_bind_by_their_own_fractions_and_multiplier() -> None:
    share = Equity(
        instrument_id="S",
        multiplier=Decimal(2),
        long_margin_fraction=Decimal("0.25"),
        short_margin_fraction=Decimal("1.5"),
    )
    catalog, marks = InstrumentCatalog([share]), marks_of(S=10)
    assert margin_of({"S": Decimal(3)}, catalog, marks).initial == 15
    assert margin_of({"S": Decimal(-3)}, catalog, marks).initial == 90


@pytest.mark.parametrize("quantity", [3, -3])
def test_future_binds_initial_and_maintenance_per_contract(quantity: int) -> None:
    found = margin_of({"FUT": Decimal(quantity)}, CATALOG, marks_with())
    assert found == Margin(Decimal(3000), Decimal(2700))


def test_kinds_add_up() -> None:
    assert margin_of(
        {"AAA": Decimal(1), "FUT": Decimal(-1), "C100": Decimal(1)}, CATALOG, marks_with()
    ) == Margin(Decimal(40 + 1000 + 20), Decimal(40 + 900 + 20))


@pytest.mark.parametrize(
    ("index", "held", "expected"),
    [
        # Long options: their value, whatever else is there.
        ("100", {"C100": 3}, 60),
        ("100", {"P90": 1, "C110F": 1}, 40),
        # Naked, at the money: 15 % of 100, times 10.
        ("100", {"C100": -1}, 150),
        ("100", {"P100": -2}, 300),
        # In the money nothing is taken off.
        ("120", {"C100": -1}, 180),
        ("80", {"P100": -1}, 120),
        # Out of the money by 5: 15 - 5 = 10, the floor (10 % of 100; of the strike for a put).
        ("100", {"C105": -1}, 100),
        ("100", {"P95": -1}, 100),
        ("100", {"C110": -1}, 100),
        ("100", {"P90": -1}, 90),
        ("104", {"P100": -1}, 116),
        # Credit spreads: the width, plus the value of the long leg.
        ("100", {"P100": -1, "P95": 1}, 50 + 20),
        ("100", {"C100": -2, "C105": 2}, 100 + 40),
        # Wider than the naked requirement (150 against 200) is not taken.
        ("100", {"C90": -1, "C110": 1}, 150 + 20),
        # Debit spreads: the short leg binds nothing.
        ("100", {"C100": 1, "C105": -1}, 20),
        ("100", {"P100": 1, "P95": -1}, 20),
        # A condor can lose on one side only; the wider side counts.
        ("100", {"P95": -1, "P90": 1, "C105": -1, "C110": 1}, 50 + 40),
        ("100", {"P100": -1, "P90": 1, "C105": -1, "C110": 1}, 100 + 40),
        # A strangle: the greater naked side.
        ("100", {"P95": -1, "C105": -1}, 100),
        ("100", {"P100": -1, "C110": -1}, 150),
        ("104", {"P95": -1, "C105": -1}, 146),
        # A calendar: a long leg that lives on covers, one that expires first does not.
        ("100", {"C100": -1, "C100F": 1}, 20),
        ("100", {"C100F": -1, "C100": 1}, 150 + 20),
        ("100", {"P100F": -1, "P95": 1}, 150 + 20),
        ("100", {"P100": -1, "P95F": 1}, 50 + 20),
        # A put does not cover a call.
        ("100", {"C100": -1, "P100": 1}, 150 + 20),
        # What covers is used up: one covered, two naked.
        ("100", {"P100": -3, "P95": 1}, 50 + 2 * 150 + 20),
        ("100", {"P100": -1, "P95": 3}, 50 + 60),
        # Two spreads bind together what they bind apart. The nearest strikes first would give P105
        # to P100, for nothing, and leave P110 naked.
        ("100", {"P110": -1, "P105": 1, "P100": -1, "P95": 1}, 50 + 50 + 40),
        ("100", {"C90": -1, "C95": 1, "C100": -1, "C105": 1}, 50 + 50 + 40),
        # The short leg that saves most gets the cover: P100 saves 50, P105 only 15.
        ("110", {"P105": -1, "P100": -1, "P95": 1}, 50 + 115 + 20),
        ("110", {"C100": -1, "C105": -1, "C110": 1}, 165 + 50 + 20),
        # A chain of three that a new short leg pushes along.
        ("100", {"P95": -1, "P100": 1, "P100F": -1, "P95F": 1, "P90F": 1}, 0 + 50 + 60),
        # Below zero nothing is lent.
        ("0", {"C100": -1}, 0),
    ],
)
def test_options(index: str, held: dict[str, int], expected: int) -> None:
    assert margin(index, **held) == expected


def test_other_multiplier_does_not_cover() -> None:
    def option(name: str, strike: int, multiplier: int) -> OptionContract:
        return OptionContract(
            instrument_id=name,
            underlying_id="U",
            expiry_ts=1,
            strike=Decimal(strike),
            option_kind=OptionKind.PUT,
            multiplier=Decimal(multiplier),
        )

    catalog = InstrumentCatalog(
        [Index(instrument_id="U"), option("S", 100, 10), option("L", 95, 5), option("M", 95, 10)]
    )
    marks = marks_of(U=100, S=2, L=2, M=2)
    one = margin_of({"S": Decimal(-1), "L": Decimal(1)}, catalog, marks)
    two = margin_of({"S": Decimal(-1), "M": Decimal(1)}, catalog, marks)
    assert one.initial == 150 + 10
    assert two.initial == 50 + 20


def test_underlyings_do_not_cover_each_other() -> None:
    def option(name: str, underlying: str) -> OptionContract:
        return OptionContract(
            instrument_id=name,
            underlying_id=underlying,
            expiry_ts=1,
            strike=Decimal(100),
            option_kind=OptionKind.CALL if name == "C" else OptionKind.PUT,
            multiplier=Decimal(10),
        )

    catalog = InstrumentCatalog([option("C", "U"), option("P", "V")])
    marks = marks_of(U=100, V=100, C=2, P=2)
    # On one underlying the greater side would count; on two, both do.
    assert margin_of({"C": Decimal(-1), "P": Decimal(-1)}, catalog, marks).initial == 300


def test_negative_prices_bind_by_their_size_and_lend_nothing() -> None:
    marks = marks_with("-40", AAA="-40")
    assert margin_of({"AAA": Decimal(10)}, CATALOG, marks).initial == 400
    assert margin_of({"C100": Decimal(-1)}, CATALOG, marks).initial == 0
    assert margin_of({"P100": Decimal(-1)}, CATALOG, marks).initial == 100


@pytest.mark.parametrize(
    ("held", "missing"),
    [({"AAA": 1}, "AAA"), ({"C100": 1}, "C100"), ({"C100": -1}, "IDX")],
)
def test_missing_price_is_named(held: dict[str, int], missing: str) -> None:
    quantities = {one: Decimal(quantity) for one, quantity in held.items()}
    with pytest.raises(UnpricedError) as caught:
        margin_of(quantities, CATALOG, Marks())
    assert caught.value.instrument_id == missing


def test_future_and_long_option_need_no_other_price() -> None:
    assert margin_of({"FUT": Decimal(1)}, CATALOG, Marks()).initial == 1000
    assert margin_of({"C100": Decimal(1)}, CATALOG, marks_of(C100=2)).initial == 20


def test_ambient_context_plays_no_part() -> None:
    held = {
        "AAA": Decimal("1234.5678"),
        "C100": Decimal("-123.456789"),
        "C105": Decimal("77.7777777"),
        "P95": Decimal(-3),
    }
    marks = marks_with("123.456789012", AAA="9876.54321")
    ours = margin_of(held, CATALOG, marks)
    with localcontext(hostile_context()):
        theirs = margin_of(held, CATALOG, marks)
    assert theirs == ours
