"""Laws of deleverage plans: they only shrink, they say what is left, and they do not give up early.

Structures are cut at random out of the holdings, so many of them are nonsense as structures.
"""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from orchestrion.domain.margin.deleverage import deleverage_plan
from orchestrion.domain.margin.margin_call import margin_call
from orchestrion.domain.margin.strategy_based import StrategyBasedModel
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.portfolio import Marks
from tests.fakes_margin import NOW, call, future, index, marks_of, put, stock

MODEL = StrategyBasedModel()
OPTIONS = [
    build(underlying, strike, multiplier=10)
    for underlying in ("IDX", "AAA")
    for build in (call, put)
    for strike in (95, 100, 105)
]
CATALOG = InstrumentCatalog([index(), stock(), future(), *OPTIONS])
NAMES = ["AAA", "FUT", *(one.instrument_id for one in OPTIONS)]
Structures = dict[str, dict[str, Decimal]]


@st.composite
def marks(draw: st.DrawFn) -> Marks:
    premiums = draw(st.binary(min_size=len(OPTIONS), max_size=len(OPTIONS)))
    prices = {
        one.instrument_id: Decimal(byte) / 20 for one, byte in zip(OPTIONS, premiums, strict=True)
    }
    level = draw(st.integers(92, 110))
    return marks_of({"IDX": level, "AAA": level, "FUT": level, **prices})


structures = st.dictionaries(
    st.sampled_from(["one", "two", "three", "four"]),
    st.dictionaries(st.sampled_from(NAMES), st.integers(1, 6).map(Decimal), min_size=1, max_size=4),
)


def signed(parts: Structures, shorts: frozenset[str]) -> Structures:
    """An instrument is held on one side only, whatever structures it is in."""
    return {
        key: {name: -size if name in shorts else size for name, size in legs.items()}
        for key, legs in parts.items()
    }


@given(
    parts=structures,
    shorts=st.frozensets(st.sampled_from(NAMES)),
    equity=st.integers(-500, 4000).map(Decimal),
    at=marks(),
)
def test_plan_only_shrinks_and_says_what_is_left(
    parts: Structures, shorts: frozenset[str], equity: Decimal, at: Marks
) -> None:
    parts = signed(parts, shorts)
    held: dict[str, Decimal] = {}
    for legs in parts.values():
        for name, quantity in legs.items():
            held[name] = held.get(name, Decimal(0)) + quantity
    plan = deleverage_plan(
        held, parts, equity=equity, model=MODEL, catalog=CATALOG, marks=at, now=NOW
    )
    left = dict(held)
    for step in plan.steps:
        part = parts[step.structure_id]
        assert 1 <= step.units <= step.units_held
        assert [leg.instrument_id for leg in step.legs] == sorted(part)
        for leg in step.legs:
            share = part[leg.instrument_id] * step.units / step.units_held
            assert leg.quantity == abs(share)
            assert leg.side is (OrderSide.SELL if share > 0 else OrderSide.BUY)
            left[leg.instrument_id] -= share
    assert plan.margin == MODEL.margin_of(left, CATALOG, at, now=NOW)
    assert plan.deficit == margin_call(equity, plan.margin)
    assert (plan.deficit is None) is (equity >= 0), "closing all leaves no requirement"
    if equity >= MODEL.margin_of(held, CATALOG, at, now=NOW).maintenance:
        assert plan.steps == ()
