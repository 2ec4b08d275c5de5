"""Giving back bound capital: whole units, by policy, and what a unit is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.capital.reduction import (
    ReducibleStructure,
    Reduction,
    ReductionPolicy,
    plan_reduction,
    reducible_structure,
)
from orchestrion.domain.models.instrument import (
    Equity,
    InstrumentCatalog,
    OptionContract,
    OptionKind,
)
from orchestrion.domain.models.market import MarketSlice, TradeTick
from orchestrion.domain.models.money import to_e9
from orchestrion.domain.models.order import Leg, OrderSide, OrderType
from orchestrion.domain.models.portfolio import Marks

PROPORTIONAL, LARGEST_FIRST = ReductionPolicy.PROPORTIONAL, ReductionPolicy.LARGEST_FIRST


def _put(strike: int) -> OptionContract:
    return OptionContract(
        instrument_id=f"P{strike}",
        underlying_id="SPY",
        expiry_ts=9,
        strike=Decimal(strike),
        option_kind=OptionKind.PUT,
    )


CATALOG = InstrumentCatalog([Equity(instrument_id="SPY", lot_size=Decimal(10)), _put(90), _put(95)])


def _marks(**prices: str) -> Marks:
    marks = Marks()
    marks.update(MarketSlice.of(TradeTick(one, 1, to_e9(price)) for one, price in prices.items()))
    return marks


def _structure(name: str, units: int, margin: int, notional: int = 0) -> ReducibleStructure:
    return ReducibleStructure(
        structure_id=name,
        unit={f"{name}-long": Decimal(1), f"{name}-short": Decimal(-2)},
        units=units,
        margin=Decimal(margin),
        notional=Decimal(notional),
    )


THREE = (_structure("x", 4, 400), _structure("y", 2, 600), _structure("z", 10, 100))


def _closed(reductions: tuple[Reduction, ...]) -> dict[str, int]:
    return {one.structure_id: one.units for one in reductions}


@pytest.mark.parametrize(
    ("policy", "shortfall", "closed"),
    [
        (LARGEST_FIRST, "0.01", {"y": 1}),
        (LARGEST_FIRST, "300", {"y": 1}),
        (LARGEST_FIRST, "300.01", {"y": 2}),
        (LARGEST_FIRST, "650", {"x": 1, "y": 2}),
        (LARGEST_FIRST, "1100", {"x": 4, "y": 2, "z": 10}),
        (LARGEST_FIRST, "9999", {"x": 4, "y": 2, "z": 10}),
        (PROPORTIONAL, "550", {"x": 2, "y": 1, "z": 5}),
        (PROPORTIONAL, "1100", {"x": 4, "y": 2, "z": 10}),
        (PROPORTIONAL, "9999", {"x": 4, "y": 2, "z": 10}),
        # A tenth of each: 0.4, 0.2 and 1 unit; the odd unit goes to the largest remainder.
        (PROPORTIONAL, "110", {"x": 1, "z": 1}),
        (PROPORTIONAL, "111", {"x": 1, "y": 1, "z": 1}),
    ],
)
def test_policy_chooses_whole_units(
    policy: ReductionPolicy, shortfall: str, closed: dict[str, int]
) -> None:
    assert _closed(plan_reduction("a", THREE, Decimal(shortfall), policy=policy)) == closed


def test_largest_first_takes_equal_ones_in_the_given_order() -> None:
    pair = (_structure("x", 1, 100), _structure("w", 1, 100))
    assert _closed(plan_reduction("a", pair, Decimal(1), policy=LARGEST_FIRST)) == {"x": 1}


def test_command_closes_the_same_part_of_every_leg() -> None:
    (reduction,) = plan_reduction("a", THREE[:1], Decimal(250), policy=PROPORTIONAL)

    command = reduction.command
    assert reduction.units == 3
    assert command.legs == (
        Leg("x-long", OrderSide.SELL, Decimal(3)),
        Leg("x-short", OrderSide.BUY, Decimal(6)),
    )
    assert (command.strategy_id, command.reduce_only, command.order_type, command.label) == (
        "a",
        True,
        OrderType.MARKET,
        "rebalance: reduce",
    )


def test_costs_are_taken_off_what_comes_free() -> None:
    structure = (_structure("x", 4, 400, notional=2000),)
    (reduction,) = plan_reduction(
        "a", structure, Decimal(90), policy=LARGEST_FIRST, cost_fraction=Decimal("0.02")
    )
    # A unit binds 100 and costs 2 % of 500 to close.
    assert reduction.units == 1
    assert [reduction.frees, reduction.costs] == [90, 10]


def test_structure_that_costs_more_than_it_frees_stays() -> None:
    dear = (_structure("x", 1, 10, notional=1000), _structure("y", 1, 5))
    reductions = plan_reduction(
        "a", dear, Decimal(5), policy=LARGEST_FIRST, cost_fraction=Decimal("0.01")
    )
    assert _closed(reductions) == {"y": 1}


def test_estimates_are_rounded_to_the_careful_side() -> None:
    thirds = (_structure("x", 3, 100, notional=1),)
    (reduction,) = plan_reduction(
        "a", thirds, Decimal(1), policy=LARGEST_FIRST, cost_fraction=Decimal("0.01")
    )
    assert (reduction.frees, reduction.costs) == (Decimal("33.33"), Decimal("0.01"))


def test_nothing_held_gives_nothing() -> None:
    assert plan_reduction("a", (), Decimal(5), policy=PROPORTIONAL) == ()


def test_held_spread_is_cut_into_its_smallest_units() -> None:
    held = {"P90": Decimal(4), "P95": Decimal(-6)}
    structure = reducible_structure("s", held, CATALOG, _marks(SPY="100", P90="1", P95="2"))

    assert structure is not None
    assert structure.unit == {"P90": 2, "P95": -3}
    assert structure.units == 2
    assert structure.notional == 4 * 100 + 6 * 200
    # Long puts at their value, four covered by the width of 500, two naked at 1,000 each.
    assert structure.margin == 400 + 4 * 500 + 2 * 1000


def test_units_of_a_share_are_lots() -> None:
    structure = reducible_structure("s", {"SPY": Decimal(-30)}, CATALOG, _marks(SPY="100"))
    assert structure is not None
    assert structure.unit == {"SPY": -10}
    assert structure.units == 3


def test_odd_lot_is_one_unit() -> None:
    structure = reducible_structure("s", {"SPY": Decimal(25)}, CATALOG, _marks(SPY="100"))
    assert structure is not None
    assert structure.unit == {"SPY": 25}
    assert structure.units == 1


@pytest.mark.parametrize("prices", [{"SPY": "100"}, {"P90": "1"}], ids=["leg", "underlying"])
def test_structure_without_a_price_is_none(prices: dict[str, str]) -> None:
    assert reducible_structure("s", {"P90": Decimal(-1)}, CATALOG, _marks(**prices)) is None
