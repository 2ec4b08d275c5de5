"""Laws of position sizing: whole lots, never more than meant, more budget never gives less."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from orchestrion.domain.capital.position_sizing import (
    fractional_kelly,
    kelly_fraction,
    percent_of_budget,
    risk_per_trade,
    target_volatility,
)
from orchestrion.domain.models.instrument import Equity

budgets = st.decimals(-(10**6), 10**9, places=2)
parts = st.decimals(Decimal("0.0001"), 1, places=4)
prices = st.decimals(Decimal("0.01"), 10**5, places=2)
lots = st.sampled_from([Decimal(1), Decimal(7), Decimal("0.001"), Decimal(75)])
multipliers = st.sampled_from([Decimal(1), Decimal(50), Decimal("12.5")])


@st.composite
def sizings(
    draw: st.DrawFn,
) -> tuple[Callable[[Decimal], Decimal], Fraction, Decimal]:
    """(rule of the budget, amount per unit over the part of the budget it may use, lot)."""
    share = Equity(instrument_id="ABC", lot_size=draw(lots), multiplier=draw(multipliers))
    part, price, other = draw(parts), draw(prices), draw(prices)
    unit = Fraction(price) * Fraction(share.multiplier)
    kind = draw(st.sampled_from(("percent", "volatility", "risk", "kelly")))
    if kind == "percent":
        return (
            lambda budget: percent_of_budget(budget, part, price=price, instrument=share),
            unit / Fraction(part),
            share.lot_size,
        )
    if kind == "volatility":
        volatility = draw(parts)
        return (
            lambda budget: target_volatility(
                budget, part, volatility=volatility, price=price, instrument=share
            ),
            unit / min(Fraction(part) / Fraction(volatility), Fraction(1)),
            share.lot_size,
        )
    if kind == "risk":
        return (
            lambda budget: risk_per_trade(
                budget, part, entry_price=price + other, stop_price=other, instrument=share
            ),
            unit / Fraction(part),
            share.lot_size,
        )
    chance = draw(st.decimals(Decimal("0.51"), Decimal("0.99"), places=2))
    return (
        lambda budget: fractional_kelly(
            budget,
            part,
            win_probability=chance,
            payoff_ratio=Decimal(1),
            loss_per_unit=price,
            instrument=share,
        ),
        unit / (Fraction(part) * kelly_fraction(chance, Decimal(1))),
        share.lot_size,
    )


@given(sizings(), budgets)
def test_quantity_is_the_most_whole_lots_within_the_budget(
    sizing: tuple[Callable[[Decimal], Decimal], Fraction, Decimal], budget: Decimal
) -> None:
    rule, budget_per_unit, lot = sizing
    quantity = rule(budget)
    assert quantity >= 0
    assert Fraction(quantity) % Fraction(lot) == 0
    if budget <= 0:
        assert quantity == 0
    else:
        assert Fraction(quantity) * budget_per_unit <= Fraction(budget)
        assert (Fraction(quantity) + Fraction(lot)) * budget_per_unit > Fraction(budget)


@given(sizings(), budgets, budgets)
def test_more_budget_never_gives_less(
    sizing: tuple[Callable[[Decimal], Decimal], Fraction, Decimal], one: Decimal, other: Decimal
) -> None:
    rule, _, _ = sizing
    assert rule(min(one, other)) <= rule(max(one, other))
