"""Strategy-based margin, against published examples.

The sources state requirements before or after the premium that came in; what counts here is what
has to be there in equity, so the premium of what was sold is taken off where they do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.margin.future_rule import FutureRule
from orchestrion.domain.margin.option_rule import BROAD_INDEX, OptionRule
from orchestrion.domain.margin.requirement import UnpricedError
from orchestrion.domain.margin.stock_rule import StockRule
from orchestrion.domain.margin.strategy_based import StrategyBasedModel
from orchestrion.domain.models.instrument import InstrumentCatalog
from tests.fakes_margin import (
    NOW,
    Market,
    Number,
    call,
    future,
    index,
    margin,
    marks_of,
    put,
    quantities,
    stock,
)

MODEL = StrategyBasedModel()


def published_initial(market: Market, held: Mapping[str, Number]) -> Decimal:
    found = MODEL.published_margin_of(quantities(held), market.catalog, market.marks, now=NOW)
    return found.initial


# Cboe, "Margin Requirement Examples for Sample Options-based Positions": prices as printed; the
# index level, which is not, follows from two of its figures (15 % of it is 217.6785).
IBM = Market(
    stock("IBM"),
    *(call("IBM", strike) for strike in (95, 100, 105)),
    *(put("IBM", strike) for strike in (95, 100)),
    marks={
        "IBM": "97.73",
        "IBM C95": "4.53",
        "IBM C100": "1.68",
        "IBM C105": "0.40",
        "IBM P95": "1.02",
        "IBM P100": "3.18",
    },
)
SPX = Market(
    index("SPX"),
    *(call("SPX", strike) for strike in (1450, 1460, 1500)),
    *(put("SPX", strike) for strike in (1450, 1460)),
    marks={
        "SPX": "1451.19",
        "SPX C1450": "27.57",
        "SPX C1460": "21.66",
        "SPX C1500": "5.96",
        "SPX P1450": "18.72",
        "SPX P1460": "22.55",
    },
)


@pytest.mark.parametrize(
    ("held", "published"),
    [
        pytest.param({"IBM C100": -100}, 172_760, id="short call"),
        pytest.param({"IBM P100": -100}, 195_460, id="short put"),
        pytest.param({"IBM": 10_000, "IBM C100": -100}, 471_850, id="covered call"),
        pytest.param({"IBM": 10_000, "IBM P95": 100}, 498_850, id="protective put"),
        pytest.param({"IBM C100": 100, "IBM P100": -100}, 212_260, id="synthetic long"),
        pytest.param({"IBM P95": 100, "IBM C105": -100}, 132_960, id="risk reversal"),
        pytest.param({"IBM": 10_000, "IBM P95": 100, "IBM C105": -100}, 494_850, id="collar"),
        pytest.param({"IBM C95": 100, "IBM C105": -100}, 41_300, id="long vertical call spread"),
    ],
)
def test_stock_options_bind_what_the_cboe_table_says(
    held: Mapping[str, int], published: int
) -> None:
    assert published_initial(IBM, held) == published


@pytest.mark.parametrize(
    ("held", "published"),
    [
        pytest.param({"SPX C1460": -100}, 2_088_685, id="short call"),
        pytest.param({"SPX P1460": -100}, 2_176_785, id="short put"),
        pytest.param({"SPX C1460": 100, "SPX P1460": -100}, 2_393_385, id="synthetic long"),
        pytest.param({"SPX P1450": 100, "SPX C1500": -100}, 1_875_885, id="risk reversal"),
        pytest.param({"SPX C1450": 100, "SPX C1500": -100}, 216_100, id="long vertical call"),
    ],
)
def test_index_options_bind_what_the_cboe_table_says(
    held: Mapping[str, int], published: int
) -> None:
    assert published_initial(SPX, held) == published
    assert SPX.margin(MODEL, held) == margin(published)


def test_covered_call_binds_without_its_premium_where_the_budget_rests_on_it() -> None:
    found = IBM.margin(MODEL, {"IBM": 10_000, "IBM C100": -100})
    # Half of the shares; maintenance a quarter, less the time value that came in.
    assert found == margin(488_650, Decimal(244325) - 16_800)


def test_share_counts_at_no_more_than_the_strike() -> None:
    """Cboe margin manual, short call and long underlying. Of the 4.53 the call is worth, 2.73 are
    what the share is worth above the strike; only the rest is a premium that helps."""
    held = {"IBM": 100, "IBM C95": -1}
    assert published_initial(IBM, held) == Decimal("48.865") * 100 - 180


def test_short_strangle_binds_the_greater_side() -> None:
    """tastytrade, margin requirements for a short strangle: call side 910, put side 820, and 120
    for the put's premium make 1,030; of that 330 came in."""
    market = Market(
        stock("XYZ"),
        call("XYZ", 47),
        put("XYZ", 43),
        marks={"XYZ": 45, "XYZ C47": "2.10", "XYZ P43": "1.20"},
    )
    strangle = {"XYZ C47": -1, "XYZ P43": -1}
    assert market.margin(MODEL, {"XYZ C47": -1}) == margin(910 - 210)
    assert market.margin(MODEL, {"XYZ P43": -1}) == margin(820 - 120)
    assert market.margin(MODEL, strangle) == margin(1030 - 330)


def test_short_straddle_binds_the_greater_side() -> None:
    """Cboe margin handbook, page 45, as quoted on a trading forum: 29.2260 per share."""
    market = Market(
        stock("XYZ"),
        call("XYZ", 90),
        put("XYZ", 90),
        marks={"XYZ": "92.63", "XYZ C90": 7, "XYZ P90": "3.70"},
    )
    straddle = {"XYZ C90": -1, "XYZ P90": -1}
    assert market.margin(MODEL, straddle) == margin(Decimal("2922.60") - 1070)


CONDOR = Market(
    stock("XYZ"),
    put("XYZ", 50),
    put("XYZ", 53),
    call("XYZ", 67),
    call("XYZ", 70),
    marks={
        "XYZ": 60,
        "XYZ P50": "0.80",
        "XYZ P53": "1.25",
        "XYZ C67": "2.00",
        "XYZ C70": "0.75",
    },
)


def test_iron_condor_binds_one_side() -> None:
    """tastytrade, short iron condor: 600 for two; the credits of 170 each came in."""
    condor = {"XYZ P50": 2, "XYZ P53": -2, "XYZ C67": -2, "XYZ C70": 2}
    found = CONDOR.margin(MODEL, condor)
    assert found.maintenance == 600 - 340
    # For the budget only the credit of the dearer side counts, 45 of its 300 each.
    assert found.initial == 600 - 90


def test_iron_condor_binds_its_wider_side() -> None:
    market = Market(
        index(),
        put("IDX", 80),
        put("IDX", 90),
        call("IDX", 110),
        call("IDX", 115),
        marks={"IDX": 100, "IDX P80": 0, "IDX P90": 1, "IDX C110": 2, "IDX C115": 1},
    )
    condor = {"IDX P80": 1, "IDX P90": -1, "IDX C110": -1, "IDX C115": 1}
    assert market.margin(MODEL, condor) == margin(900, 800)


def test_fully_paid_iron_condor_never_gets_a_call_by_moving() -> None:
    """Entered with 8 for a width of 10 and credits of 2; the call side then goes to its worst."""
    instruments = (put("IDX", 80), put("IDX", 90), call("IDX", 110), call("IDX", 120))
    moved = {"IDX": 130, "IDX P80": 0, "IDX P90": 0, "IDX C110": 22, "IDX C120": 12}
    market = Market(index(), *instruments, marks=moved)
    condor = {"IDX P80": 1, "IDX P90": -1, "IDX C110": -1, "IDX C120": 1}
    # 10 in cash, 10 to buy it back: nothing is left, and nothing more can be lost.
    assert market.margin(MODEL, condor).maintenance == 0


SPREADS = Market(
    stock("XYZ"),
    *(put("XYZ", strike) for strike in (32, 37, 42)),
    *(call("XYZ", strike) for strike in (37, 42)),
    marks={
        "XYZ": 40,
        "XYZ P42": "0.90",
        "XYZ P37": "0.15",
        "XYZ P32": "0.05",
        "XYZ C37": "4.00",
        "XYZ C42": "1.00",
    },
)


def test_short_butterfly_binds_a_credit_and_a_debit_spread() -> None:
    """OptionsHouse, short put butterfly: 3,000 for the credit spread and 60 for the debit spread.
    Of the 450 that the credit spread brought in, its own long puts cost 90 of the 540."""
    held = {"XYZ P42": -6, "XYZ P37": 12, "XYZ P32": -6}
    assert published_initial(SPREADS, held) == 3_060 - 540 + 90


def test_long_butterfly_binds_its_two_spreads() -> None:
    """The margin manual asks for the net debit of 65 only. A known difference: structures are sums
    of spreads here, and the upper spread's gain is not set against the lower one's loss."""
    held = {"XYZ P42": 1, "XYZ P37": -2, "XYZ P32": 1}
    debit_spread, credit_spread = 90 - 15, 500 + 5 - 15
    assert SPREADS.margin(MODEL, held).maintenance == debit_spread + credit_spread


def test_long_box_binds_its_debit() -> None:
    """Cboe margin manual, long box spread: the net debit is paid in full."""
    held = {"XYZ C37": 1, "XYZ C42": -1, "XYZ P42": 1, "XYZ P37": -1}
    assert SPREADS.margin(MODEL, held) == margin(300 + 75)


def test_short_box_binds_the_distance_of_its_strikes() -> None:
    """Cboe margin manual, short box spread: 500, of which 375 came in."""
    held = {"XYZ C37": -1, "XYZ C42": 1, "XYZ P42": -1, "XYZ P37": 1}
    assert SPREADS.margin(MODEL, held).maintenance == 500 - 375


def test_credit_spread_binds_its_width_less_the_credit() -> None:
    """Futu, margin requirement of verticals: value of the long leg plus the distance against us;
    what the short leg brought in is on the account."""
    held = {"XYZ P42": -1, "XYZ P37": 1}
    assert SPREADS.margin(MODEL, held).maintenance == 15 + 500 - 90


def test_credit_spread_at_the_money_binds_up_to_its_width_for_the_budget() -> None:
    market = Market(
        index(),
        call("IDX", 100),
        call("IDX", 103),
        marks={"IDX": 100, "IDX C100": 5, "IDX C103": 4},
    )
    # Naked, the strike at 100 binds 15 and the one at 103 binds 12.
    assert market.margin(MODEL, {"IDX C100": -1, "IDX C103": 1}) == margin(300, 200)


def test_wings_too_far_out_leave_the_short_leg_naked() -> None:
    market = Market(
        index(),
        call("IDX", 100),
        call("IDX", 200),
        marks={"IDX": 100, "IDX C100": 3, "IDX C200": 1},
    )
    assert market.margin(MODEL, {"IDX C100": -1, "IDX C200": 1}) == margin(1500 + 100)


def test_cover_must_live_as_long_and_be_of_the_same_size() -> None:
    near, far = call("IDX", 100), call("IDX", 100, days=90)
    small = call("IDX", 101, multiplier=10)
    prices = {"IDX": 100, "IDX C100": 2, "IDX C100 90d": 4, "IDX C101": 2}
    market = Market(index(), near, far, small, marks=prices)
    assert market.margin(MODEL, {"IDX C100": -1, "IDX C100 90d": 1}) == margin(200)
    assert market.margin(MODEL, {"IDX C100": 1, "IDX C100 90d": -1}) == margin(200 + 1500)
    assert market.margin(MODEL, {"IDX C100": -1, "IDX C101": 10}) == margin(1500 + 200)


def test_shares_cover_as_many_options_as_there_are_shares() -> None:
    held = {"IBM": 150, "IBM C100": -2}
    naked_half = Decimal("17.276") * 50
    # All 150 shares at half their value; of the 200 that were sold, 50 are naked.
    assert IBM.margin(MODEL, held).initial == Decimal("48.865") * 150 + naked_half


def test_short_shares_cover_short_puts() -> None:
    """Cboe margin manual, short put and short underlying: nothing for the put out of the money."""
    held = {"IBM": -100, "IBM P95": -1}
    assert published_initial(IBM, held) == Decimal("48.865") * 100 - 102
    assert IBM.margin(MODEL, held).initial == Decimal("48.865") * 100


def test_long_dated_option_lends_a_quarter_alone_but_not_in_a_spread() -> None:
    """Cboe margin manual, long put or long call of more than nine months: 75 %."""
    far, later = call("IDX", 100, days=300), call("IDX", 110, days=300)
    market = Market(
        index(),
        far,
        later,
        marks={"IDX": 100, f"{far.instrument_id}": 20, f"{later.instrument_id}": 15},
    )
    assert market.margin(MODEL, {far.instrument_id: 1}) == margin(1500)
    assert market.margin(MODEL, {far.instrument_id: 1, later.instrument_id: -1}) == margin(500)


def test_underlyings_add_up_and_futures_go_by_their_rates() -> None:
    market = Market(
        index(),
        stock(),
        future(),
        call("IDX", 110),
        marks={"IDX": 100, "IDX C110": 1, "AAA": 50},
    )
    held = {"AAA": 10, "FUT": -2, "IDX C110": -1}
    assert market.margin(MODEL, held) == margin(250 + 2000 + 1000, 125 + 1800 + 1000)


def test_bought_options_need_no_price_of_their_underlying() -> None:
    market = Market(index(), call("IDX", 100), marks={"IDX C100": 3})
    assert market.margin(MODEL, {"IDX C100": 2}) == margin(600)
    with pytest.raises(UnpricedError) as caught:
        market.margin(MODEL, {"IDX C100": -2})
    assert caught.value.instrument_id == "IDX"


def test_option_without_a_mark_is_unpriced() -> None:
    with pytest.raises(UnpricedError):
        Market(index(), call("IDX", 100), marks={"IDX": 100}).margin(MODEL, {"IDX C100": 2})


def test_coupling_follows_what_can_cover_what() -> None:
    assert MODEL.is_coupled(stock())
    assert MODEL.is_coupled(call("IDX", 100))
    assert not MODEL.is_coupled(future())
    credited = StrategyBasedModel(future=FutureRule(calendar_credit_fraction=Decimal("0.5")))
    assert credited.is_coupled(future())


def test_naked_rate_above_a_whole_share_is_refused() -> None:
    stocks = StockRule(
        long_initial_fraction=Decimal("0.05"),
        long_maintenance_fraction=Decimal("0.05"),
        short_initial_fraction=Decimal("0.05"),
        short_maintenance_fraction=Decimal("0.05"),
    )
    with pytest.raises(ConfigurationError, match=r"a naked option's 0\.15"):
        StrategyBasedModel(stock=stocks)
    with pytest.raises(ConfigurationError, match=r"a naked option's 0\.20"):
        StrategyBasedModel(
            option=OptionRule(broad_index=BROAD_INDEX),
            stock=StockRule(
                long_initial_fraction=Decimal("0.10"),
                long_maintenance_fraction=Decimal("0.05"),
                short_initial_fraction=Decimal("0.05"),
                short_maintenance_fraction=Decimal("0.05"),
            ),
        )


# -- why the budget has costs of its own ------------------------------------------------------


class Netting:
    """Two books that net: what they bind apart and together, published and for the budget."""

    def __init__(
        self,
        catalog: InstrumentCatalog,
        prices: Mapping[str, Number],
        one: Mapping[str, Number],
        other: Mapping[str, Number],
    ) -> None:
        marks = marks_of(prices)
        names = [*one, *(name for name in other if name not in one)]
        both = {name: Decimal(one.get(name, 0)) + Decimal(other.get(name, 0)) for name in names}
        books = (quantities(one), quantities(other), both)
        first, second, netted = (
            MODEL.published_margin_of(book, catalog, marks, now=NOW).initial for book in books
        )
        self.published_gap = netted - first - second
        first, second, netted = (
            MODEL.margin_of(book, catalog, marks, now=NOW).initial for book in books
        )
        self.budget_gap = netted - first - second


@pytest.mark.parametrize(
    ("netting", "published_gap"),
    [
        pytest.param(
            Netting(
                InstrumentCatalog([index(), call("IDX", 100), call("IDX", 103)]),
                {"IDX": 100, "IDX C100": 5, "IDX C103": 4},
                {"IDX C100": -1, "IDX C103": 1},  # binds 3 - 1
                {"IDX C103": -1},  # binds 15 - 3
            ),
            100,  # netted, the call at 100 binds 15
            id="the long call of a credit spread is sold elsewhere",
        ),
        pytest.param(
            Netting(
                InstrumentCatalog(
                    [index(), put("IDX", 90), put("IDX", 95), call("IDX", 105), call("IDX", 110)]
                ),
                {"IDX": 100, "IDX P90": 1, "IDX P95": 2, "IDX C105": 2, "IDX C110": 1},
                {"IDX C105": -1, "IDX C110": 1, "IDX P95": -1, "IDX P90": 1},  # binds 5 - 2
                {"IDX C105": -1, "IDX P90": -1},  # binds 10
            ),
            100,  # netted: 10 naked, and the call spread 5 - 1; the put's credit is gone
            id="the long put of an iron condor is sold elsewhere",
        ),
        pytest.param(
            Netting(
                InstrumentCatalog([stock(), call("AAA", 100)]),
                {"AAA": 100, "AAA C100": 90},
                {"AAA": 100, "AAA C100": -1},  # binds 50 - 90, so nothing
                {"AAA": -100},  # binds 50
            ),
            -3000,
            id="shares called away: the published cost of a covered call is never the problem",
        ),
    ],
)
def test_published_figures_can_bind_more_together_than_apart(
    netting: Netting, published_gap: int
) -> None:
    assert netting.published_gap == published_gap
    assert netting.budget_gap <= 0


def test_short_put_that_short_shares_cover_binds_what_it_would_without_them() -> None:
    """Deep in the money, 10 % of the strike is more than the share itself on both sides."""
    netting = Netting(
        InstrumentCatalog([stock(), put("AAA", 100)]),
        {"AAA": 6, "AAA P100": 94},
        {"AAA": -100, "AAA P100": -1},
        {"AAA": 100},
    )
    assert netting.budget_gap == 0


def test_several_strangles_bind_as_whole_sides() -> None:
    """Pair by pair it would be 10 + 7: the dearer side as a whole is less. A known difference."""
    market = Market(
        stock(),
        call("AAA", 100),
        call("AAA", 108),
        put("AAA", 93),
        put("AAA", 94),
        marks={"AAA": 100, "AAA C100": 0, "AAA C108": 0, "AAA P93": 0, "AAA P94": 0},
    )
    calls = {"AAA C100": -1, "AAA C108": -1}  # 20 + 12
    puts = {"AAA P93": -1, "AAA P94": -1}  # 13 + 14
    assert market.margin(MODEL, calls) == margin(3200)
    assert market.margin(MODEL, puts) == margin(2700)
    pair_by_pair = 2000 + 1300
    assert market.margin(MODEL, {**calls, **puts}) == margin(3200)
    assert pair_by_pair > 3200
