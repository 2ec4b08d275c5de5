"""Look-ups in a chain: quotes of legs, expiries, strikes by delta and by distance."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from orchestrion.domain.models.instrument import InstrumentCatalog, OptionKind
from orchestrion.domain.models.market import OptionQuote
from orchestrion.domain.models.money import BILLION
from orchestrion.domain.models.option_structure import OptionLeg, strangle
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.portfolio import Book, Marks, trade
from orchestrion.domain.models.strategy import StrategyView
from orchestrion.domain.strategies.option_market import OptionMarket, StrikePicker, StrikeTarget
from tests.fakes_strategy_host import (
    chain_of,
    contracts_in,
    hand_made_slice,
    modelled_chain,
    option_id,
    quote,
    ts_of,
)

CALL, PUT = OptionKind.CALL, OptionKind.PUT
BUY, SELL = OrderSide.BUY, OrderSide.SELL
TODAY = date(2014, 1, 6)
EXPIRY = date(2014, 2, 21)


def market_of(*quotes: OptionQuote, held: dict[str, int] | None = None) -> OptionMarket:
    event = hand_made_slice(TODAY, 2000, *quotes)
    catalog = InstrumentCatalog(contracts_in([event]))
    book = Book("S", Decimal(1_000_000))
    for instrument_id, quantity in (held or {}).items():
        book = trade(
            book,
            catalog.tradable(instrument_id),
            signed_quantity=Decimal(quantity),
            price=Decimal(10),
        )
    return OptionMarket(chain_of(TODAY, 2000, quotes), StrategyView("S", catalog, Marks(), book))


def puts(*lines: tuple[int, float]) -> list[OptionQuote]:
    return [quote(PUT, strike, EXPIRY, bid=5, ask=6, delta=delta) for strike, delta in lines]


LADDER = puts((1800, -0.05), (1850, -0.10), (1900, -0.18), (1950, -0.33), (2000, -0.50))


def picker(market: OptionMarket, *taken: str) -> StrikePicker:
    return StrikePicker(market, ts_of(EXPIRY), lambda one: one in taken)


def by_delta(target: float, tolerance: float = 0.1) -> StrikeTarget:
    return StrikeTarget(True, target, tolerance)


@pytest.mark.parametrize(
    ("target", "strike"), [(0.16, 1900), (0.05, 1800), (0.08, 1850), (0.5, 2000), (0.26, 1950)]
)
def test_strike_nearest_in_delta_is_picked(target: float, strike: int) -> None:
    found = picker(market_of(*LADDER)).pick(PUT, SELL, by_delta(target))
    assert found is not None
    assert found.strike == strike


@pytest.mark.parametrize(
    ("distance", "strike"), [(0.05, 1900), (0.1, 1800), (0.0, 2000), (0.0125, 1950), (0.07, 1850)]
)
def test_strike_nearest_in_distance_is_picked(distance: float, strike: int) -> None:
    where = StrikeTarget(False, distance, 0.02)
    found = picker(market_of(*LADDER)).pick(PUT, BUY, where)
    assert found is not None
    assert found.strike == strike


def test_call_distance_counts_upwards() -> None:
    calls = [quote(CALL, strike, EXPIRY, bid=5, ask=6) for strike in (1900, 2000, 2100)]
    found = picker(market_of(*calls)).pick(CALL, BUY, StrikeTarget(False, 0.05, 0.01))
    assert found is not None
    assert found.strike == 2100
    inside = picker(market_of(*calls)).pick(CALL, BUY, StrikeTarget(False, -0.05, 0.01))
    assert inside is not None
    assert inside.strike == 1900


def test_nothing_within_the_tolerance_gives_none() -> None:
    chosen = picker(market_of(*puts((1800, -0.05), (2000, -0.5))))
    assert chosen.pick(PUT, SELL, by_delta(0.2, 0.1)) is None
    assert chosen.pick(CALL, SELL, by_delta(0.05)) is None


def test_instrument_of_a_working_order_is_passed_over() -> None:
    market = market_of(*LADDER)
    market.busy = frozenset({option_id(PUT, 1900, EXPIRY)})
    found = picker(market).pick(PUT, SELL, by_delta(0.16))
    assert found is not None
    assert found.strike == 1850


def test_equal_distances_go_to_the_lower_strike() -> None:
    found = picker(market_of(*puts((1850, -0.25), (1900, -0.75)))).pick(
        PUT, BUY, by_delta(0.5, 0.3)
    )
    assert found is not None
    assert found.strike == 1850


def test_seller_needs_a_bid_and_buyer_an_offer() -> None:
    worthless = quote(PUT, 1800, EXPIRY, bid=0, ask=0.05, delta=-0.05)
    chosen = picker(market_of(worthless, *puts((1850, -0.1))))
    sold = chosen.pick(PUT, SELL, by_delta(0.05))
    bought = chosen.pick(PUT, BUY, by_delta(0.05))
    assert sold is not None
    assert bought is not None
    assert (sold.strike_e9, bought.strike_e9) == (1850 * BILLION, 1800 * BILLION)
    no_offer = quote(PUT, 1800, EXPIRY, bid=0, ask=0, delta=-0.05)
    assert picker(market_of(no_offer)).pick(PUT, BUY, by_delta(0.05)) is None


def test_beyond_asks_for_a_strike_further_out() -> None:
    short = LADDER[2]
    found = picker(market_of(*LADDER)).pick(PUT, BUY, by_delta(0.18), beyond=short)
    assert found is not None
    assert found.strike == 1850


def test_instrument_that_is_taken_held_or_unknown_is_passed_over() -> None:
    nearest, second = option_id(PUT, 1900, EXPIRY), option_id(PUT, 1850, EXPIRY)
    market = market_of(*LADDER, held={second: 1})
    found = picker(market, nearest).pick(PUT, SELL, by_delta(0.16, 0.2))
    assert found is not None
    assert found.strike == 1800
    stranger = market_of(*LADDER)
    stranger.chain = chain_of(
        TODAY, 2000, [*LADDER, quote(PUT, 1905, EXPIRY, bid=5, ask=6, delta=-0.16)]
    )
    other = picker(stranger).pick(PUT, SELL, by_delta(0.16))
    assert other is not None
    assert other.strike == 1900


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ((30, 60), date(2014, 2, 21)),  # 46 days, the middle is 45
        ((1, 14), date(2014, 1, 10)),  # 4 and 11 days are as near to 7.5: the earlier
        ((36, 38), None),
        ((0, 3), None),
    ],
)
def test_expiry_nearest_to_the_middle_of_the_window(
    window: tuple[int, int], expected: date | None
) -> None:
    market = OptionMarket(
        modelled_chain(TODAY, 2000.0, 0.15),
        StrategyView("S", InstrumentCatalog([]), Marks(), Book("S", Decimal(0))),
    )
    assert market.choose_expiry(*window) == (ts_of(expected) if expected else None)


def test_monthly_filter_passes_over_weeklies() -> None:
    market = OptionMarket(
        modelled_chain(TODAY, 2000.0, 0.15),
        StrategyView("S", InstrumentCatalog([]), Marks(), Book("S", Decimal(0))),
    )
    assert market.choose_expiry(15, 32) == ts_of(date(2014, 1, 31))
    assert market.choose_expiry(15, 32, monthly=True) is None
    assert market.choose_expiry(10, 60, monthly=True) == ts_of(date(2014, 2, 21))


def test_quotes_of_an_expiry_are_only_its_own() -> None:
    later = quote(PUT, 1900, EXPIRY + timedelta(7), bid=1, ask=2)
    market = market_of(*LADDER, later)
    assert market.quotes_at(ts_of(EXPIRY)) == tuple(LADDER)
    assert market.quotes_at(ts_of(EXPIRY + timedelta(7))) == (later,)
    assert market.quotes_at(ts_of(EXPIRY + timedelta(1))) == ()


def test_quote_of_a_leg_needs_the_same_instrument() -> None:
    market = market_of(*LADDER)
    leg = OptionLeg.from_quote(LADDER[1], Decimal(1))
    assert market.quote_of(leg) is LADDER[1]
    other = OptionLeg(
        option_kind=PUT,
        strike=leg.strike,
        expiry_ts=leg.expiry_ts,
        quantity=Decimal(1),
        instrument_id="ANOTHER-CLASS",
    )
    assert market.quote_of(other) is None
    gone = OptionLeg.from_quote(quote(PUT, 1825, EXPIRY, bid=1, ask=2), Decimal(1))
    assert market.quote_of(gone) is None
    last = OptionLeg.from_quote(quote(PUT, 2500, EXPIRY, bid=1, ask=2), Decimal(1))
    assert market.quote_of(last) is None


def test_closing_value_takes_the_far_side_of_what_is_held() -> None:
    put, call = quote(PUT, 1900, EXPIRY, bid=5, ask=6), quote(CALL, 2100, EXPIRY, bid=3, ask=4)
    structure = strangle(put, call, quantity=Decimal(-2))
    ids = structure.instrument_ids
    short = market_of(put, call, held={ids[0]: -2, ids[1]: -2})
    assert short.closing_value(structure) == -2000
    long = market_of(put, call, held={ids[0]: 1})
    assert long.closing_value(structure) == 500
    assert market_of(put, call).closing_value(structure) == 0


def test_closing_value_is_unknown_without_a_quote_of_a_held_leg() -> None:
    put, call = quote(PUT, 1900, EXPIRY, bid=5, ask=6), quote(CALL, 2100, EXPIRY, bid=3, ask=4)
    structure = strangle(put, call)
    market = market_of(put, call, held={structure.instrument_ids[1]: 1})
    market.chain = chain_of(TODAY, 2000, [put])
    assert market.closing_value(structure) is None
