"""Laws of every margin model: what the budget rule rests on, whatever the marks are.

Marks are drawn without any regard for arbitrage (a higher call may be worth more), because a law
that needs clean marks would break on the first stale quote.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.domain.margin.cash_account import CashAccountModel
from orchestrion.domain.margin.future_rule import FutureRule
from orchestrion.domain.margin.instrument_rates import InstrumentRatesModel
from orchestrion.domain.margin.reg_t import RegTModel
from orchestrion.domain.margin.requirement import Margin, MarginModel
from orchestrion.domain.margin.span_model import SpanModel
from orchestrion.domain.margin.span_parameters import NIFTY_EXAMPLE
from orchestrion.domain.margin.strategy_based import StrategyBasedModel
from orchestrion.domain.models.instrument import (
    Equity,
    Future,
    InstrumentCatalog,
    OptionContract,
    Tradable,
)
from orchestrion.domain.models.portfolio import Marks
from tests.fakes_margin import DAYS, NOW, call, future, index, marks_of, put, stock

LONG_DATED_DAYS = 400
OPTIONS = [
    build(underlying, strike, days=days, multiplier=multiplier)
    for underlying, multiplier in (("IDX", 10), ("AAA", 10))
    for build in (call, put)
    for strike in (90, 100, 105, 120)
    for days in (DAYS, LONG_DATED_DAYS)
    if (strike, days) != (90, LONG_DATED_DAYS)
]
FUTURES = [future("F1"), future("F2", days=LONG_DATED_DAYS, initial=1200)]
CATALOG = InstrumentCatalog([index(), stock(), *FUTURES, *OPTIONS])
TRADABLE: list[Tradable] = [stock(), *FUTURES, *OPTIONS]
CREDIT = FutureRule(calendar_credit_fraction=Decimal("0.8"))
MODELS: dict[str, MarginModel] = {
    "instrument_rates": InstrumentRatesModel(),
    "cash": CashAccountModel(),
    "cash, secured": CashAccountModel(allows_secured_options=True),
    "reg_t": RegTModel(future=CREDIT),
    "strategy_based": StrategyBasedModel(future=CREDIT),
    "span": SpanModel(default=NIFTY_EXAMPLE),
}
every_model = pytest.mark.parametrize("name", MODELS)


@st.composite
def marks(draw: st.DrawFn) -> Marks:
    """Any option prices up to 32; the underlyings from deep below the strikes to far above."""
    prices = zip(
        OPTIONS, draw(st.binary(min_size=len(OPTIONS), max_size=len(OPTIONS))), strict=True
    )
    underlyings = {
        name: Decimal(draw(st.integers(1, 800))) / 4 for name in ("IDX", "AAA", "F1", "F2")
    }
    return marks_of({one.instrument_id: Decimal(byte) / 8 for one, byte in prices} | underlyings)


NAMES = [one.instrument_id for one in TRADABLE]


def sized(name: str, lots: int) -> Decimal:
    """Shares in tens, so that a lot covers a contract."""
    return Decimal(lots * 10 if name == "AAA" else lots)


@st.composite
def holdings(draw: st.DrawFn, legs_max: int = 6) -> dict[str, Decimal]:
    lots = draw(
        st.dictionaries(st.sampled_from(NAMES), st.integers(-4, 4).filter(bool), max_size=legs_max)
    )
    return {name: sized(name, count) for name, count in lots.items()}


def margin_of(name: str, held: Mapping[str, Decimal], at: Marks) -> Margin:
    return MODELS[name].margin_of(held, CATALOG, at, now=NOW)


def together(*books: Mapping[str, Decimal]) -> dict[str, Decimal]:
    names = dict.fromkeys(name for book in books for name in book)
    return {name: sum((book.get(name, Decimal(0)) for book in books), Decimal(0)) for name in names}


@every_model
@given(held=holdings(), at=marks())
def test_margin_is_never_negative_and_maintenance_never_above_initial(
    name: str, held: dict[str, Decimal], at: Marks
) -> None:
    bound = margin_of(name, held, at)
    assert 0 <= bound.maintenance <= bound.initial


@every_model
@given(one=holdings(), other=holdings(), at=marks())
def test_together_binds_no_more_than_apart(
    name: str, one: dict[str, Decimal], other: dict[str, Decimal], at: Marks
) -> None:
    apart = margin_of(name, one, at).initial + margin_of(name, other, at).initial
    assert margin_of(name, together(one, other), at).initial <= apart


@every_model
@given(one=holdings(4), at=marks(), data=st.data())
def test_taking_a_leg_away_again_binds_no_more_than_apart(
    name: str, one: dict[str, Decimal], at: Marks, data: st.DataObject
) -> None:
    """What nets in full or in part is where published rules fail; so it is drawn on purpose."""
    other = {
        key: -quantity * data.draw(st.integers(0, 2)) / 2
        for key, quantity in one.items()
        if data.draw(st.booleans())
    }
    apart = margin_of(name, one, at).initial + margin_of(name, other, at).initial
    assert margin_of(name, together(one, other), at).initial <= apart


@st.composite
def near_marks(draw: st.DrawFn) -> Marks:
    """Premiums up to 12.75 around a level of 100: where credits and widths are alike."""
    prices = zip(
        OPTIONS, draw(st.binary(min_size=len(OPTIONS), max_size=len(OPTIONS))), strict=True
    )
    level = draw(st.integers(92, 118))
    underlyings = dict.fromkeys(("IDX", "AAA", "F1", "F2"), Decimal(level))
    return marks_of({one.instrument_id: Decimal(byte) / 20 for one, byte in prices} | underlyings)


@st.composite
def netting_books(draw: st.DrawFn) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Two books on one underlying, of which the second one undoes legs of the first."""
    underlying = draw(st.sampled_from(["IDX", "AAA"]))
    names = [
        one.instrument_id
        for one in TRADABLE
        if underlying in (one.instrument_id, getattr(one, "underlying_id", ""))
    ]
    lots = st.sampled_from([-2, -1, 1, 2])
    one = draw(st.dictionaries(st.sampled_from(names), lots, min_size=1, max_size=5))
    undone = draw(st.dictionaries(st.sampled_from(list(one)), st.sampled_from([1, 2]), min_size=1))
    other = {name: -one[name] // abs(one[name]) * size for name, size in undone.items()}
    other |= draw(st.dictionaries(st.sampled_from(names), lots, max_size=2))
    return (
        {name: sized(name, count) for name, count in one.items()},
        {name: sized(name, count) for name, count in other.items()},
    )


@pytest.mark.parametrize("name", ["instrument_rates", "strategy_based", "span"])
@given(books=netting_books(), at=near_marks())
@settings(max_examples=600)
def test_books_that_net_bind_no_more_than_apart(
    name: str, books: tuple[dict[str, Decimal], dict[str, Decimal]], at: Marks
) -> None:
    one, other = books
    apart = margin_of(name, one, at).initial + margin_of(name, other, at).initial
    assert margin_of(name, together(one, other), at).initial <= apart


@every_model
@given(held=holdings(), at=marks(), factor=st.sampled_from(["0.5", "2", "3", "17"]))
def test_margin_grows_in_proportion(
    name: str, held: dict[str, Decimal], at: Marks, factor: str
) -> None:
    size = Decimal(factor)
    bound = margin_of(name, held, at)
    scaled = margin_of(name, {key: held[key] * size for key in held}, at)
    assert scaled == Margin(bound.initial * size, bound.maintenance * size)


@every_model
@given(held=holdings(), at=marks(), data=st.data())
def test_order_and_zeros_change_nothing(
    name: str, held: dict[str, Decimal], at: Marks, data: st.DataObject
) -> None:
    shuffled = dict(data.draw(st.permutations(list(held.items()))))
    idle = {key: Decimal(0) for key in NAMES if key not in held}
    assert margin_of(name, {**idle, **shuffled}, at) == margin_of(name, held, at)


@every_model
@given(held=holdings(), at=marks(), hedge=st.sampled_from(OPTIONS))
def test_bought_option_never_raises_the_margin_by_more_than_its_premium(
    name: str, held: dict[str, Decimal], at: Marks, hedge: OptionContract
) -> None:
    price = at.price(hedge.instrument_id)
    assert price is not None
    before = margin_of(name, held, at)
    after = margin_of(name, together(held, {hedge.instrument_id: Decimal(1)}), at)
    assert after.initial <= before.initial + price * hedge.multiplier
    assert after.maintenance <= before.maintenance + price * hedge.multiplier


@every_model
@given(held=holdings(), at=marks(), data=st.data())
def test_closing_what_is_not_coupled_never_raises_the_margin(
    name: str, held: dict[str, Decimal], at: Marks, data: st.DataObject
) -> None:
    free = [key for key in held if not MODELS[name].is_coupled(CATALOG.tradable(key))]
    left = {
        key: quantity * (data.draw(st.integers(0, 1)) if key in free else 1)
        for key, quantity in held.items()
    }
    assert margin_of(name, left, at).initial <= margin_of(name, held, at).initial


@given(held=holdings(), at=marks())
def test_published_figures_are_never_above_those_of_the_budget(
    held: dict[str, Decimal], at: Marks
) -> None:
    model = StrategyBasedModel()
    published = model.published_margin_of(held, CATALOG, at, now=NOW)
    bound = model.margin_of(held, CATALOG, at, now=NOW)
    assert published.initial <= bound.initial
    assert 0 <= published.maintenance <= published.initial
    assert bound.maintenance == published.maintenance


def test_instruments_of_the_laws_are_of_every_kind() -> None:
    kinds = {type(one) for one in TRADABLE}
    assert kinds == {Equity, Future, OptionContract}
