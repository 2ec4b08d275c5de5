"""Option structures against a search through every matching, up to eight legs.

The search is written from the rule's text, contract by contract and in fractions, and shares no
code with the rule: every short contract stands alone, or is covered by a long contract of its kind
that lives as long, or by shares; the least sum counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.domain.margin.leg_matching import least_cost
from orchestrion.domain.margin.strategy_based import StrategyBasedModel
from orchestrion.domain.models.instrument import InstrumentCatalog, OptionContract, OptionKind
from orchestrion.domain.models.portfolio import Marks
from tests.fakes_margin import DAYS, NOW, call, index, marks_of, put, stock

SIZE = 10
LATER = 60
OPTIONS = {
    option.instrument_id: option
    for underlying in ("IDX", "AAA")
    for build in (call, put)
    for strike in (90, 95, 100, 110)
    for days in (DAYS, LATER)
    for option in [build(underlying, strike, days=days, multiplier=SIZE)]
}
CATALOG = InstrumentCatalog([index(), stock(), *OPTIONS.values()])
MODEL = StrategyBasedModel()
LEGS_MAX = 8

Price = Callable[[str], Fraction]
Cost = tuple[Fraction, Fraction]
"""(adverse, benign)"""


@st.composite
def marks(draw: st.DrawFn) -> Marks:
    prices = {name: Decimal(draw(st.integers(0, 80))) / 4 for name in OPTIONS}
    level = Decimal(draw(st.integers(60, 140)))
    return marks_of({"IDX": level, "AAA": level, **prices})


@st.composite
def legs(draw: st.DrawFn) -> dict[str, Decimal]:
    """Options on one underlying, as many as the search can take, and shares beside them."""
    underlying = draw(st.sampled_from(["IDX", "AAA"]))
    names = [name for name in OPTIONS if name.startswith(underlying)]
    chosen = draw(st.lists(st.sampled_from(names), max_size=LEGS_MAX, unique=True))
    held = {name: Decimal(draw(st.sampled_from([-2, -1, 1, 2]))) for name in chosen}
    if underlying == "AAA" and (lots := draw(st.integers(-2, 2))):
        held["AAA"] = Decimal(lots * SIZE)
    return held


class Search:
    """Everything that one book can be matched into, by the published or by the budget's costs."""

    def __init__(self, held: Mapping[str, Decimal], at: Marks, *, is_budget: bool) -> None:
        def price(name: str) -> Fraction:
            found = at.price(name)
            assert found is not None
            return Fraction(found)

        self.held = held
        self.price = price
        self.is_budget = is_budget
        self.level = price("IDX")

    def least(self, share_fractions: tuple[Fraction, Fraction]) -> Fraction:
        """The dearer case, each side matched for each case by itself."""
        call_costs, put_costs = self.sides(share_fractions)
        rising = min(cost[0] for cost in call_costs) + min(cost[1] for cost in put_costs)
        falling = min(cost[0] for cost in put_costs) + min(cost[1] for cost in call_costs)
        return max(rising, falling, Fraction(0)) * SIZE

    def least_of_one_matching(self, share_fractions: tuple[Fraction, Fraction]) -> Fraction:
        """The dearer case of one matching that has to serve both."""
        call_costs, put_costs = self.sides(share_fractions)
        return SIZE * min(
            max(one[0] + other[1], other[0] + one[1], Fraction(0))
            for one in call_costs
            for other in put_costs
        )

    def sides(self, share_fractions: tuple[Fraction, Fraction]) -> tuple[set[Cost], set[Cost]]:
        return (
            self._side(OptionKind.CALL, share_fractions),
            self._side(OptionKind.PUT, share_fractions),
        )

    def _side(self, kind: OptionKind, share_fractions: tuple[Fraction, Fraction]) -> set[Cost]:
        """Costs of every matching of one side, per unit; those worse in both cases left out."""
        shorts = list(self._contracts(kind, is_long=False))
        longs: list[OptionContract | None] = list(self._contracts(kind, is_long=True))
        shares = int(self.held.get("AAA", Decimal(0))) // SIZE
        own, other = share_fractions if shares > 0 else share_fractions[::-1]
        covering = shares if kind is OptionKind.CALL else -shares
        longs += [None] * max(covering, 0)
        share, opposite = self.level * own, self.level * other
        if shares < 0:
            share = max(share, Fraction(5))
        else:
            opposite = max(opposite, Fraction(5))

        def alone(cover: OptionContract | None) -> Fraction:
            return share if cover is None else self.price(cover.instrument_id)

        @cache
        def costs(number: int, used: int) -> frozenset[Cost]:
            if number == len(shorts):
                rest = sum(
                    (alone(cover) for i, cover in enumerate(longs) if not used >> i & 1),
                    Fraction(0),
                )
                return frozenset([(rest, rest)])
            short = shorts[number]
            found = set(_plus(costs(number + 1, used), (self.naked(short), Fraction(0))))
            for i, cover in enumerate(longs):
                if used >> i & 1 or (cover is not None and cover.expiry_ts < short.expiry_ts):
                    continue
                if cover is None:
                    pair = self._on_shares(short, share, opposite)
                else:
                    pair = self._spread(short, cover)
                found |= set(_plus(costs(number + 1, used | 1 << i), pair))
            return frozenset(_undominated(found))

        return set(costs(0, 0))

    def naked(self, option: OptionContract) -> Fraction:
        strike, level = Fraction(option.strike), self.level
        part = Fraction(15 if option.underlying_id == "IDX" else 20, 100)
        if option.option_kind is OptionKind.CALL:
            return max(part * level - max(strike - level, Fraction(0)), level / 10)
        return max(part * level - max(level - strike, Fraction(0)), strike / 10)

    def _spread(self, short: OptionContract, long: OptionContract) -> Cost:
        distance = Fraction(long.strike - short.strike)
        if short.option_kind is OptionKind.PUT:
            distance = -distance
        debit = self.price(long.instrument_id) - self.price(short.instrument_id)
        adverse = debit + max(distance, Fraction(0))
        if not self.is_budget:
            return adverse, debit
        return (
            max(adverse, self.naked(short) - self.naked(long), Fraction(0)),
            max(debit, Fraction(0)),
        )

    def _on_shares(self, short: OptionContract, share: Fraction, opposite: Fraction) -> Cost:
        if self.is_budget:
            return max(share, self.naked(short) - opposite), share
        difference = self.level - Fraction(short.strike)
        if short.option_kind is OptionKind.PUT:
            difference = -difference
        intrinsic = max(difference, Fraction(0))
        time_value = max(self.price(short.instrument_id) - intrinsic, Fraction(0))
        cost = max(share - time_value, Fraction(0))
        return cost, cost

    def _contracts(self, kind: OptionKind, *, is_long: bool) -> Iterator[OptionContract]:
        for name, quantity in self.held.items():
            option = OPTIONS.get(name)
            if option is not None and option.option_kind is kind and (quantity > 0) is is_long:
                yield from [option] * int(abs(quantity))


def _plus(costs: frozenset[Cost], pair: Cost) -> Iterator[Cost]:
    return ((adverse + pair[0], benign + pair[1]) for adverse, benign in costs)


def _undominated(costs: set[Cost]) -> Iterator[Cost]:
    least: Fraction | None = None
    for adverse, benign in sorted(costs):
        if least is None or benign < least:
            least = benign
            yield adverse, benign


INITIAL = (Fraction(1, 2), Fraction(1, 2))
MAINTENANCE = (Fraction(1, 4), Fraction(3, 10))


@given(held=legs(), at=marks())
@settings(max_examples=200)
def test_matching_is_the_cheapest_of_all(held: dict[str, Decimal], at: Marks) -> None:
    bound = MODEL.margin_of(held, CATALOG, at, now=NOW)
    assert Fraction(bound.initial) == Search(held, at, is_budget=True).least(INITIAL)
    published = MODEL.published_margin_of(held, CATALOG, at, now=NOW)
    search = Search(held, at, is_budget=False)
    assert Fraction(published.initial) == search.least(INITIAL)
    assert Fraction(published.maintenance) == search.least(MAINTENANCE)


@given(held=legs(), at=marks())
def test_no_single_matching_binds_less(held: dict[str, Decimal], at: Marks) -> None:
    """Each case has a matching of its own; one for both can only bind as much or more."""
    search = Search(held, at, is_budget=False)
    bound = MODEL.margin_of(held, CATALOG, at, now=NOW)
    assert Fraction(bound.maintenance) <= search.least_of_one_matching(MAINTENANCE)


@st.composite
def transport(
    draw: st.DrawFn,
) -> tuple[list[int], list[int], list[int], list[int], list[list[int]]]:
    shorts = draw(st.lists(st.integers(1, 3), max_size=4))
    covers = draw(st.lists(st.integers(1, 3), max_size=4))
    costs = st.integers(-20, 40)
    return (
        shorts,
        covers,
        [draw(costs) for _ in shorts],
        [draw(costs) for _ in covers],
        [[draw(st.integers(-40, 60)) for _ in covers] for _ in shorts],
    )


FORBIDDEN = 50
"""Pair costs above this stand for pairs that cannot be formed."""


@given(problem=transport())
@settings(max_examples=300)
def test_any_transport_problem_is_solved_as_by_search(
    problem: tuple[list[int], list[int], list[int], list[int], list[list[int]]],
) -> None:
    shorts, covers, short_costs, cover_costs, pair_costs = problem

    @cache
    def least(short: int, left: int, free: tuple[int, ...]) -> int:
        if short == len(shorts):
            return sum(units * cost for units, cost in zip(free, cover_costs, strict=True))
        if not left:
            following = shorts[short + 1] if short + 1 < len(shorts) else 0
            return least(short + 1, following, free)
        best = short_costs[short] + least(short, left - 1, free)
        for cover, units in enumerate(free):
            if units and pair_costs[short][cover] <= FORBIDDEN:
                rest = (*free[:cover], units - 1, *free[cover + 1 :])
                best = min(best, pair_costs[short][cover] + least(short, left - 1, rest))
        return best

    found = least_cost(
        shorts=[Decimal(one) for one in shorts],
        covers=[Decimal(one) for one in covers],
        short_costs=[Decimal(one) for one in short_costs],
        cover_costs=[Decimal(one) for one in cover_costs],
        pair_costs=[
            [None if cost > FORBIDDEN else Decimal(cost) for cost in row] for row in pair_costs
        ],
    )
    assert found == least(0, shorts[0] if shorts else 0, tuple(covers))
