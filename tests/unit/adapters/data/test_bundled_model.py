"""The modelled quotes of the bundled set: they are what the model gives, and free of nonsense."""

from __future__ import annotations

import importlib.util
import math
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice, pairwise
from pathlib import Path
from types import ModuleType

import pytest

from orchestrion.adapters.data.bundled_data import BundledData
from orchestrion.domain.models.instrument import Future, OptionContract, OptionKind
from orchestrion.domain.models.market import Bar, MarketSlice, OptionChain, OptionQuote

TICK_E9 = 50_000_000
SAMPLE_EVERY_DAYS = 25
MODEL_FILE = Path(__file__).parents[4] / "scripts" / "bundled_data_model.py"


@pytest.fixture(scope="module")
def model() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bundled_data_model", MODEL_FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def sample() -> list[MarketSlice]:
    """Every 25th day, which holds the calm of 2017 and both panics of 2018."""
    return list(islice(BundledData(["options"]).slices(), 0, None, SAMPLE_EVERY_DAYS))


@pytest.fixture(scope="module")
def listed() -> dict[int, dict[int, frozenset[str]]]:
    """Day -> expiry -> ids that were quoted."""
    return {
        one.ts_event: {
            expiry_ts: frozenset(quote.instrument_id for quote in quotes)
            for expiry_ts, quotes in by_expiry(one).items()
        }
        for one in BundledData(["options"]).slices()
    }


@pytest.fixture(scope="module")
def source() -> BundledData:
    return BundledData(["futures"])


@pytest.fixture(scope="module")
def quoted(source: BundledData) -> dict[str, list[Bar]]:
    bars: dict[str, list[Bar]] = defaultdict(list)
    for one in source.slices():
        for item in one.items:
            if isinstance(item, Bar) and "F-" in item.instrument_id:
                bars[item.instrument_id].append(item)
    return bars


def day_of(ts: int) -> date:
    return datetime.fromtimestamp(ts // 10**9, tz=UTC).date()


def bar(one: MarketSlice, instrument_id: str) -> Bar:
    found = one.bar(instrument_id)
    assert found is not None
    return found


def chain(one: MarketSlice) -> OptionChain:
    found = one.chain("SPX")
    assert found is not None
    return found


def by_expiry(one: MarketSlice) -> dict[int, list[OptionQuote]]:
    quotes: dict[int, list[OptionQuote]] = defaultdict(list)
    for quote in chain(one).quotes:
        quotes[quote.expiry_ts].append(quote)
    return quotes


def kinds(quotes: list[OptionQuote]) -> tuple[list[OptionQuote], list[OptionQuote]]:
    calls = [quote for quote in quotes if quote.option_kind is OptionKind.CALL]
    puts = [quote for quote in quotes if quote.option_kind is OptionKind.PUT]
    assert [one.strike_e9 for one in calls] == [one.strike_e9 for one in puts]
    return calls, puts


def expiries(sample: list[MarketSlice]) -> Iterator[tuple[MarketSlice, float, list[OptionQuote]]]:
    for one in sample:
        for expiry_ts, quotes in by_expiry(one).items():
            years = (day_of(expiry_ts) - day_of(one.ts_event)).days / 365
            yield one, years, quotes


@pytest.mark.slow
class TestOptionQuotes:
    def test_quotes_are_what_the_model_gives(
        self, model: ModuleType, sample: list[MarketSlice]
    ) -> None:
        # One tick and one unit of the fourth decimal: another machine's exp and log may differ in
        # the last bit, which moves a value across a rounding boundary now and then.
        for one, years, quotes in expiries(sample):
            spot, vix = float(bar(one, "SPX").close), float(bar(one, "VIX").close) / 100
            for call, put in zip(*kinds(quotes), strict=True):
                value = model.black_scholes(spot, float(call.strike), vix, years)
                for quote, price in ((call, value.call), (put, value.put)):
                    bid, spread = model.quote(price)
                    assert abs(quote.bid_e9 - bid * TICK_E9) <= 2 * TICK_E9
                    assert abs(quote.ask_e9 - (bid + spread) * TICK_E9) <= 2 * TICK_E9
                    assert quote.implied_volatility == pytest.approx(value.volatility, abs=2e-4)
                assert call.delta == pytest.approx(value.call_delta, abs=2e-4)
                discount = model.dividend_discount(years)
                assert put.delta == pytest.approx(value.call_delta - discount, abs=2e-4)

    def test_modelled_chain_gives_the_real_vix_back(self, model: ModuleType) -> None:
        """The VIX formula over a dense 30-day strip: 2 e^(rT) sum(dK / K^2 price) / T."""
        spot, years = 2000.0, 30 / 365
        forward = spot * math.exp(model.SPX_CARRY * years)
        for vix in (0.0914, 0.15, 0.25, 0.4074):
            variance = 0.0
            for strike in range(600, 4000):
                value = model.black_scholes(spot, strike, vix, years)
                price = value.put if strike < forward else value.call
                variance += 2 * math.exp(model.RATE * years) * price / strike**2 / years
            assert math.sqrt(variance) == pytest.approx(vix, rel=0.01)

    def test_quotes_are_on_the_tick_and_not_crossed(self, sample: list[MarketSlice]) -> None:
        three = 3 * 10**9
        for one in sample:
            for quote in chain(one).quotes:
                assert 0 <= quote.bid_e9 < quote.ask_e9
                for price in (quote.bid_e9, quote.ask_e9):
                    assert price % (TICK_E9 if price < three else 2 * TICK_E9) == 0
                assert quote.delta == round(quote.delta, 4)
                assert quote.implied_volatility == round(quote.implied_volatility, 4)

    def test_no_strike_is_worth_more_than_a_better_one(self, sample: list[MarketSlice]) -> None:
        for _, _, quotes in expiries(sample):
            calls, puts = kinds(quotes)
            for nearer, farther in [*pairwise(calls), *pairwise(reversed(puts))]:
                assert farther.bid_e9 <= nearer.bid_e9
                assert farther.ask_e9 <= nearer.ask_e9
                assert abs(farther.delta) <= abs(nearer.delta)

    def test_no_butterfly_can_be_bought_for_less_than_nothing(
        self, sample: list[MarketSlice]
    ) -> None:
        for _, _, quotes in expiries(sample):
            for side in kinds(quotes):
                for low, middle, high in zip(side, side[1:], side[2:], strict=False):
                    assert low.ask_e9 + high.ask_e9 - 2 * middle.bid_e9 > 0

    def test_put_call_parity_holds_within_the_spread(
        self, model: ModuleType, sample: list[MarketSlice]
    ) -> None:
        for one, years, quotes in expiries(sample):
            spot = float(chain(one).underlying_price)
            for call, put in zip(*kinds(quotes), strict=True):
                forward = spot * model.dividend_discount(years)
                forward -= float(call.strike) * math.exp(-model.RATE * years)
                assert float(call.bid - put.ask) <= forward <= float(call.ask - put.bid)

    def test_deltas_that_strategies_pick_are_listed(self, sample: list[MarketSlice]) -> None:
        """Per expiry from five days on: the widest gap to a wanted delta, over the whole sample."""
        allowed = {0.03: 0.03, 0.05: 0.05, 0.16: 0.13, 0.3: 0.17, 0.5: 0.17, 0.97: 0.03}
        for _, years, quotes in expiries(sample):
            if years * 365 < 5:
                continue
            for side in kinds(quotes):
                for wanted, gap in allowed.items():
                    assert min(abs(abs(quote.delta) - wanted) for quote in side) <= gap


@pytest.mark.slow
class TestOptionListing:
    def test_an_option_once_quoted_is_quoted_every_day_until_it_expires(
        self, listed: dict[int, dict[int, frozenset[str]]]
    ) -> None:
        for (_, before), (today, after) in pairwise(listed.items()):
            for expiry_ts, ids in before.items():
                assert expiry_ts <= today or ids <= after[expiry_ts]

    def test_the_catalogue_is_what_is_quoted_at_some_time(
        self, listed: dict[int, dict[int, frozenset[str]]]
    ) -> None:
        quoted = {one for day in listed.values() for ids in day.values() for one in ids}
        contracts = [one for one in BundledData().catalog() if isinstance(one, OptionContract)]
        assert {one.instrument_id for one in contracts} == quoted

    def test_every_day_has_three_monthlies_and_the_next_five_weeks(
        self, listed: dict[int, dict[int, frozenset[str]]]
    ) -> None:
        for today, chains in listed.items():
            days = [(day_of(expiry_ts) - day_of(today)).days for expiry_ts in chains]
            assert all(day > 0 for day in days)
            # 37: on a Wednesday on which the Friday of that week has just expired.
            assert sum(day <= 37 for day in days) >= 5
            assert 56 <= max(days) <= 98

    def test_every_expiry_is_a_day_of_the_set_while_the_set_lasts(
        self, listed: dict[int, dict[int, frozenset[str]]]
    ) -> None:
        last = max(listed)
        seen = {expiry_ts for chains in listed.values() for expiry_ts in chains}
        assert all(expiry_ts in listed for expiry_ts in seen if expiry_ts <= last)

    @pytest.mark.parametrize(
        ("expiry", "why"),
        [
            (date(2014, 1, 17), "third Friday"),
            (date(2014, 4, 17), "before Good Friday"),
            (date(2018, 11, 21), "the Friday after Thanksgiving is not in the set"),
        ],
    )
    def test_expiries_move_before_a_holiday(
        self, listed: dict[int, dict[int, frozenset[str]]], expiry: date, why: str
    ) -> None:
        seen = {day_of(expiry_ts) for chains in listed.values() for expiry_ts in chains}
        assert expiry in seen, why
        assert expiry + timedelta(days=1) not in seen


class TestFutures:
    def contract(self, source: BundledData, instrument_id: str) -> Future:
        contract = source.catalog()[instrument_id]
        assert isinstance(contract, Future)
        return contract

    @pytest.mark.parametrize(("prefix", "count"), [("SPXF", 2), ("WTIF", 3)])
    def test_front_and_next_are_quoted_at_every_moment(
        self, source: BundledData, prefix: str, count: int
    ) -> None:
        for one in source.slices():
            ids = [
                item.instrument_id for item in one.items if item.instrument_id.startswith(prefix)
            ]
            assert len(ids) == count
            expiry_times = [self.contract(source, each).expiry_ts for each in ids]
            assert expiry_times == sorted(expiry_times)
            assert expiry_times[0] >= one.ts_event

    def test_a_contract_is_quoted_every_day_until_and_with_its_last(
        self, source: BundledData, quoted: dict[str, list[Bar]]
    ) -> None:
        days = [one.ts_event for one in source.slices()]
        for instrument_id, bars in quoted.items():
            times = [each.ts_event for each in bars]
            end = min(self.contract(source, instrument_id).expiry_ts, days[-1])
            assert times == [day for day in days if times[0] <= day <= end]

    @pytest.mark.parametrize("prefix", ["SPXF", "WTIF"])
    def test_neighbours_overlap_by_thirty_days_so_that_a_roll_is_possible(
        self, quoted: dict[str, list[Bar]], prefix: str
    ) -> None:
        ids = sorted(each for each in quoted if each.startswith(prefix))
        # The first contract is cut by the start of the set, the last ones by its end.
        for front, after in islice(pairwise(ids), 1, len(ids) - 3):
            overlap_ns = quoted[front][-1].ts_event - quoted[after][0].ts_event
            assert overlap_ns >= timedelta(days=30).total_seconds() * 1e9

    def test_prices_are_the_underlyings_carried_to_expiry(
        self, model: ModuleType, source: BundledData, quoted: dict[str, list[Bar]]
    ) -> None:
        carries = {"SPX": model.SPX_CARRY, "WTI": model.WTI_CARRY}
        for one in islice(source.slices(), 0, None, SAMPLE_EVERY_DAYS):
            for item in one.items:
                contract = source.catalog()[item.instrument_id]
                if not isinstance(contract, Future) or not isinstance(item, Bar):
                    continue
                underlying = bar(one, contract.underlying_id)
                years = (day_of(contract.expiry_ts) - day_of(one.ts_event)).days / 365
                factor = math.exp(carries[contract.underlying_id] * years)
                half_tick = float(contract.price_increment) / 2 + 1e-9
                for mine, real in (
                    (item.open, underlying.open),
                    (item.high, underlying.high),
                    (item.low, underlying.low),
                    (item.close, underlying.close),
                ):
                    assert float(mine) == pytest.approx(float(real) * factor, abs=half_tick)
                    assert mine % contract.price_increment == 0

    def test_at_expiry_a_contract_is_at_its_underlying(
        self, source: BundledData, quoted: dict[str, list[Bar]]
    ) -> None:
        closes = {
            (one.ts_event, each): bar(one, each).close
            for one in source.slices()
            for each in ("SPX", "WTI")
        }
        expired = 0
        for instrument_id, bars in quoted.items():
            contract = self.contract(source, instrument_id)
            if bars[-1].ts_event == contract.expiry_ts:
                expired += 1
                real = closes[contract.expiry_ts, contract.underlying_id]
                assert abs(bars[-1].close - real) <= contract.price_increment / 2
        assert expired == 20 + 60

    @pytest.mark.parametrize(
        ("instrument_id", "last_day"),
        [
            ("SPXF-201403", date(2014, 3, 21)),
            ("SPXF-201812", date(2018, 12, 21)),
            ("WTIF-201402", date(2014, 1, 17)),
            ("WTIF-201812", date(2018, 11, 20)),
            ("WTIF-201501", date(2014, 12, 19)),
        ],
    )
    def test_last_day_follows_the_stated_rule(
        self, source: BundledData, instrument_id: str, last_day: date
    ) -> None:
        assert day_of(self.contract(source, instrument_id).expiry_ts) == last_day

    def test_spx_future_starts_near_the_index(self, quoted: dict[str, list[Bar]]) -> None:
        assert quoted["SPXF-201403"][0].close == Decimal("1827.50")
