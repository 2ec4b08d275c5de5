"""What of a feed's data may pass, and why the rest may not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.adapters.data.feed_guard import (
    DataFault,
    FeedGap,
    FeedGuard,
    FeedPolicy,
    GapPolicy,
    iter_faults,
)
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.instrument import (
    Equity,
    Index,
    InstrumentCatalog,
    OptionKind,
)
from orchestrion.domain.models.market import (
    Bar,
    MarketData,
    MarketSlice,
    OptionChain,
    OptionQuote,
    QuoteTick,
    TradeTick,
)

E9 = 1_000_000_000
CATALOG = InstrumentCatalog(
    [Equity(instrument_id="AAA"), Equity(instrument_id="OIL"), Index(instrument_id="SPX")]
)
BAR = Bar("AAA", 0, 10, 100 * E9, 102 * E9, 99 * E9, 101 * E9, E9)
QUOTE = QuoteTick("AAA", 10, 100 * E9, 101 * E9, E9, E9)
TRADE = TradeTick("AAA", 10, 100 * E9, E9)


def guard(**policy: Any) -> FeedGuard:
    return FeedGuard(CATALOG, FeedPolicy(**policy))


def slice_of(*items: MarketData, ts: int = 10) -> MarketSlice:
    return MarketSlice(ts, items)


def faults(found: Any) -> list[DataFault]:
    return [one.fault for one in found.refusals]


@pytest.mark.parametrize("item", [BAR, QUOTE, TRADE], ids=["bar", "quote", "trade"])
def test_sound_data_pass_as_they_are(item: MarketData) -> None:
    found = guard().check(slice_of(item))
    assert found.market_slice == slice_of(item)
    assert found.refusals == ()


@pytest.mark.parametrize(
    ("item", "changes", "fault"),
    [
        (TRADE, {"price_e9": float("nan")}, DataFault.NOT_A_NUMBER),
        (TRADE, {"price_e9": float("inf")}, DataFault.NOT_A_NUMBER),
        (TRADE, {"price_e9": 100.0}, DataFault.NOT_A_NUMBER),
        (TRADE, {"price_e9": True}, DataFault.NOT_A_NUMBER),
        (TRADE, {"price_e9": None}, DataFault.NOT_A_NUMBER),
        (TRADE, {"price_e9": 0}, DataFault.NOT_POSITIVE),
        (TRADE, {"price_e9": -1}, DataFault.NOT_POSITIVE),
        (TRADE, {"price_e9": 10**27}, DataFault.TOO_LARGE),
        (TRADE, {"size_e9": -1}, DataFault.NOT_POSITIVE),
        (TRADE, {"instrument_id": "ZZZ"}, DataFault.UNKNOWN_INSTRUMENT),
        (TRADE, {"instrument_id": None}, DataFault.UNKNOWN_INSTRUMENT),
        (TRADE, {"ts_event": 9}, DataFault.MALFORMED),
        (QUOTE, {"bid_e9": 102 * E9}, DataFault.CROSSED),
        (QUOTE, {"bid_e9": -1}, DataFault.NOT_POSITIVE),
        (QUOTE, {"bid_e9": 0, "ask_e9": 0}, DataFault.NOT_POSITIVE),
        (QUOTE, {"ask_size_e9": None}, DataFault.NOT_A_NUMBER),
        (BAR, {"high_e9": 100 * E9}, DataFault.INCONSISTENT),
        (BAR, {"open_e9": 98 * E9}, DataFault.INCONSISTENT),
        (BAR, {"low_e9": 103 * E9}, DataFault.INCONSISTENT),
        (BAR, {"ts_open": 11}, DataFault.INCONSISTENT),
        (BAR, {"volume_e9": -1}, DataFault.NOT_POSITIVE),
        (BAR, {"close_e9": 0}, DataFault.NOT_POSITIVE),
    ],
)
def test_data_that_poison_a_mark_are_refused_with_a_reason(
    item: MarketData, changes: dict[str, Any], fault: DataFault
) -> None:
    watch = guard()
    found = watch.check(slice_of(msgspec.structs.replace(item, **changes)))
    assert found.market_slice is None
    assert faults(found) == [fault]
    assert found.refusals[0].detail
    # What was refused has changed nothing: the sound item passes.
    assert watch.check(slice_of(item)).market_slice == slice_of(item)


def test_something_that_is_no_market_data_is_refused() -> None:
    strange: Any = "AAA at 100"
    found = guard().check(MarketSlice(10, (strange,)))
    assert (found.market_slice, faults(found)) == (None, [DataFault.MALFORMED])


def test_one_bad_item_leaves_the_rest_of_its_slice() -> None:
    bad = TradeTick("OIL", 10, 0)
    found = guard().check(slice_of(TRADE, bad))
    assert found.market_slice == slice_of(TRADE)
    assert [one.instrument_id for one in found.refusals] == ["OIL"]


@pytest.mark.parametrize(
    "quote", [QuoteTick("AAA", 10, 0, E9), QuoteTick("AAA", 10, E9, E9)], ids=["no bid", "locked"]
)
def test_a_bid_of_zero_and_a_locked_book_are_valid(quote: QuoteTick) -> None:
    assert guard().check(slice_of(quote)).market_slice == slice_of(quote)


def test_prices_below_zero_pass_for_instruments_that_may_have_them() -> None:
    oil = TradeTick("OIL", 10, -37 * E9)
    assert faults(guard().check(slice_of(oil))) == [DataFault.NOT_POSITIVE]
    assert guard(negative_prices=("OIL",)).check(slice_of(oil)).market_slice == slice_of(oil)


# -- jumps ----------------------------------------------------------------------------------------


def trade_at(ts: int, price: int) -> MarketSlice:
    return slice_of(TradeTick("AAA", ts, price * E9, E9), ts=ts)


def test_a_single_jump_is_refused_and_forgotten() -> None:
    watch = guard()
    passed = [
        watch.check(trade_at(ts, price)).market_slice is not None
        for ts, price in enumerate([100, 1000, 101, 1000, 10, 102])
    ]
    assert passed == [True, False, True, False, False, True]


def test_a_new_level_is_believed_when_enough_items_confirm_it() -> None:
    watch = guard(jump_confirmations=3)
    passed = [
        watch.check(trade_at(ts, price)).market_slice is not None
        for ts, price in enumerate([100, 10, 11, 10, 10, 100])
    ]
    assert passed == [True, False, False, True, True, False]


def test_the_edge_of_the_band_passes() -> None:
    watch = guard(jump_max_fraction=Decimal("0.1"))
    watch.check(trade_at(0, 1000))
    assert watch.check(trade_at(1, 1100)).market_slice is not None
    assert faults(watch.check(trade_at(2, 1211))) == [DataFault.JUMP]


def test_without_a_band_every_move_passes() -> None:
    watch = guard(jump_max_fraction=None)
    watch.check(trade_at(0, 1))
    assert watch.check(trade_at(1, 1_000_000)).market_slice is not None


# -- time and sequence ----------------------------------------------------------------------------


@pytest.mark.parametrize("item", [BAR, QUOTE, TRADE], ids=["bar", "quote", "trade"])
def test_the_same_item_again_is_a_duplicate(item: MarketData) -> None:
    watch = guard()
    watch.check(slice_of(item))
    assert faults(watch.check(slice_of(item))) == [DataFault.DUPLICATE]


def test_a_second_bar_of_one_interval_is_a_duplicate_whatever_it_says() -> None:
    watch = guard()
    watch.check(slice_of(BAR))
    other = msgspec.structs.replace(BAR, close_e9=100 * E9)
    assert faults(watch.check(slice_of(other))) == [DataFault.DUPLICATE]


def test_two_different_ticks_of_one_moment_pass() -> None:
    watch = guard()
    watch.check(slice_of(TRADE))
    other = msgspec.structs.replace(TRADE, size_e9=2 * E9)
    assert watch.check(slice_of(other)).market_slice == slice_of(other)


def test_time_that_goes_back_is_refused() -> None:
    watch = guard()
    watch.check(trade_at(10, 100))
    assert faults(watch.check(trade_at(9, 100))) == [DataFault.OUT_OF_ORDER]
    assert watch.check(trade_at(11, 100)).market_slice is not None


@pytest.mark.parametrize("ts", [-1, 2**63, 1.5, True, None])
def test_a_time_that_is_no_time_is_refused(ts: Any) -> None:
    assert faults(guard().check(MarketSlice(ts, (TRADE,)))) == [DataFault.MALFORMED]


def test_old_data_are_refused_at_their_arrival() -> None:
    watch = guard(stale_after_ns=5)
    assert watch.check(trade_at(10, 100), now_ns=15).market_slice is not None
    assert faults(watch.check(trade_at(11, 100), now_ns=17)) == [DataFault.STALE]


def test_a_sequence_number_that_was_seen_is_a_duplicate() -> None:
    watch = guard()
    watch.check(trade_at(10, 100), sequence=7)
    assert faults(watch.check(trade_at(11, 100), sequence=7)) == [DataFault.DUPLICATE]
    assert faults(watch.check(trade_at(11, 100), sequence=6)) == [DataFault.DUPLICATE]


@pytest.mark.parametrize(
    ("policy", "has_to_pause"), [(GapPolicy.CONTINUE, False), (GapPolicy.PAUSE, True)]
)
def test_a_gap_is_told_and_the_policy_says_whether_to_pause(
    policy: GapPolicy, has_to_pause: bool
) -> None:
    watch = guard(on_gap=policy)
    assert watch.check(trade_at(10, 100), sequence=1).gap is None
    found = watch.check(trade_at(11, 100), sequence=4)
    assert found.market_slice is not None
    assert found.gap == FeedGap(1, 4)
    assert found.has_to_pause is has_to_pause
    assert list(iter_faults(found)) == ["messages 2 to 3 are missing"]


def test_a_message_that_was_refused_leaves_no_gap() -> None:
    watch = guard()
    watch.check(trade_at(10, 100), sequence=1)
    watch.check(trade_at(9, 100), sequence=2)
    assert watch.check(trade_at(11, 100), sequence=3).gap is None


# -- chains ---------------------------------------------------------------------------------------


def line(strike: int, **changes: Any) -> OptionQuote:
    quote = OptionQuote(f"C{strike}", 99, strike * E9, OptionKind.CALL, 0, E9, 0.5, 0.2)
    return msgspec.structs.replace(quote, **changes)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"bid_e9": 2 * E9}, DataFault.CROSSED),
        ({"ask_e9": 0}, DataFault.NOT_POSITIVE),
        ({"strike_e9": 0}, DataFault.NOT_POSITIVE),
        ({"delta": float("nan")}, DataFault.NOT_A_NUMBER),
        ({"implied_volatility": float("inf")}, DataFault.NOT_A_NUMBER),
    ],
)
def test_a_chain_loses_the_lines_that_cannot_be_used(
    changes: dict[str, Any], fault: DataFault
) -> None:
    chain = OptionChain("SPX", 10, 4000 * E9, (line(1), line(2, **changes), line(3)))
    found = guard().check(slice_of(chain))
    assert found.market_slice is not None
    kept = found.market_slice.chain("SPX")
    assert kept is not None
    assert [one.instrument_id for one in kept.quotes] == ["C1", "C3"]
    assert [(one.instrument_id, one.fault) for one in found.refusals] == [("C2", fault)]


# -- laws -----------------------------------------------------------------------------------------

_prices: st.SearchStrategy[Any] = st.one_of(
    st.integers(-5, 200).map(lambda one: one * E9),
    st.sampled_from([float("nan"), float("inf"), 10**27, None, "1", 0.5]),
)


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from(["AAA", "ZZZ"]), _prices)))
def test_whatever_comes_only_sound_prices_pass_and_time_never_goes_back(
    messages: list[tuple[int, str, Any]],
) -> None:
    watch, last = guard(), -1
    for ts, instrument_id, price in messages:
        found = watch.check(MarketSlice(ts, (TradeTick(instrument_id, ts, price),)))
        assert (found.market_slice is None) == bool(found.refusals)
        if found.market_slice is None:
            continue
        assert ts >= last
        last = ts
        (item,) = found.market_slice.items
        assert item.instrument_id == "AAA"
        assert isinstance(item, TradeTick)
        assert type(item.price_e9) is int
        assert 0 < item.price_e9 < 10**27


@pytest.mark.parametrize(
    "fields",
    [
        {"jump_max_fraction": Decimal(0)},
        {"jump_max_fraction": Decimal("NaN")},
        {"jump_confirmations": 0},
        {"stale_after_ns": 0},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_by_name(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(fields))):
        FeedPolicy(**fields)
