"""Laws of every library strategy: restoring changes nothing, limits hold, whatever the host does.

Each run is drawn: prices, volatilities, which commands are refused, which legs do not fill, and
whether unfilled orders stay. The host (see ``tests.fakes_strategy_host``) asserts of every command
that it names living instruments once each, in whole lots, and that exits only reduce.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date
from decimal import ROUND_UP, Decimal, localcontext
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.instrument import Index, Instrument
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.order import Order
from orchestrion.domain.strategies.library import StrategyLibrary
from orchestrion.domain.strategies.library_strategy import LibraryStrategy
from tests.fakes_strategy_host import (
    OptionWorld,
    StrategyHost,
    bar,
    contracts_in,
    equity,
    future,
    modelled_chain,
    slice_of,
    ts_of,
    weekdays,
)

FIRST = date(2014, 1, 6)
DAYS = 45
CONFIGS: dict[str, list[dict[str, Any]]] = {
    "OPTIONS_MONTHLY_WEEKLY_HEDGE": [
        {"num_lots": 2, "max_positions": 2, "entry_interval_days": 3},
        {"structure": "iron_condor", "hedge_side": "put", "hedge_ratio": 0.5, "stop_multiple": 0.5},
    ],
    "IRON_CONDOR": [{"max_positions": 3, "entry_interval_days": 2}],
    "BULL_CALL_SPREAD": [{"trend_days": 5, "entry_interval_days": 2}],
    "BEAR_PUT_SPREAD": [{"trend_days": 5, "strike_rule": "percent"}],
    "STRANGLE": [{"side": "short", "stop_multiple": 0.5, "entry_interval_days": 1}, {}],
    "MOMENTUM_FUTURES": [
        {"entry_days": 4, "exit_days": 2, "volatility_days": 4, "leverage": 3.0},
        {"entry_days": 4, "exit_days": 2, "volatility_days": 4, "weighting": "equal"},
    ],
    "MEAN_REVERSION_EQUITY": [
        {
            "instrument_ids": ["AAA", "BBB", "CCC"],
            "lookback_days": 5,
            "entry_z": 1.2,
            "max_positions": 2,
            "max_holding_days": 3,
            "stop_loss_pct": 2.0,
        }
    ],
}
CASES = [(name, i) for name, configs in CONFIGS.items() for i in range(len(configs))]
OPTION_NAMES = [
    name for name in CONFIGS if name not in ("MOMENTUM_FUTURES", "MEAN_REVERSION_EQUITY")
]
FUTURES = [
    future("SPXF-201401", "SPX", date(2014, 1, 24), 50),
    future("SPXF-201402", "SPX", date(2014, 2, 14), 50),
    future("SPXF-201406", "SPX", date(2014, 6, 20), 50),
    future("WTIF-201402", "WTI", date(2014, 1, 31), 100),
    future("WTIF-201403", "WTI", date(2014, 3, 20), 100),
]

few = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def dice(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - weather for tests, not secrets


class Weather:
    """A host's moods, all from one seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def refuses(self) -> Callable[[SubmitOrder], bool]:
        moods = dice(self.seed + 1)
        return lambda _: moods.random() < 0.2

    def fills(self) -> Callable[[Order, int], bool]:
        moods = dice(self.seed + 2)
        return lambda _, __: moods.random() < 0.85

    @property
    def is_patient(self) -> bool:
        return self.seed % 2 == 0


def walk(source: random.Random, first: float, step: float) -> list[float]:
    prices = [first]
    for _ in range(DAYS - 1):
        jump = source.gauss(0, step) if source.random() > 0.05 else source.gauss(0, 6 * step)
        prices.append(round(max(prices[-1] * (1 + jump), first / 3), 2))
    return prices


@lru_cache(maxsize=64)
def world(kind: str, seed: int) -> tuple[tuple[MarketSlice, ...], tuple[Instrument, ...]]:
    source = dice(seed)
    days = weekdays(FIRST, DAYS)
    if kind == "option":
        volatilities = [round(source.uniform(0.1, 0.3), 2) for _ in days]
        made = OptionWorld(FIRST, walk(source, 2000.0, 0.008), volatilities)
        return tuple(made.slices), tuple(made.instruments)
    if kind == "equity":
        names = ["AAA", "BBB", "CCC"]
        paths = [walk(source, 100.0, 0.02) for _ in names]
        shares = [
            [bar(n, day, p[i]) for n, p in zip(names, paths, strict=True)]
            for i, day in enumerate(days)
        ]
        return tuple(slice_of(*some) for some in shares), tuple(equity(n) for n in names)
    paths_by_id = {"SPX": walk(source, 2000.0, 0.01), "WTI": walk(source, 90.0, 0.02)}
    return (
        tuple(
            future_slice(day, {k: p[i] for k, p in paths_by_id.items()})
            for i, day in enumerate(days)
        ),
        (Index(instrument_id="SPX"), Index(instrument_id="WTI"), *FUTURES),
    )


def future_slice(day: date, prices: dict[str, float]) -> MarketSlice:
    items = [bar(name, day, price) for name, price in prices.items()]
    living = [one for one in FUTURES if one.expiry_ts >= ts_of(day)]
    return slice_of(
        *items, *(bar(one.instrument_id, day, prices[one.underlying_id]) for one in living)
    )


def host_of(
    name: str, config: dict[str, Any], seed: int, **options: Any
) -> tuple[StrategyHost, tuple[MarketSlice, ...]]:
    cls = StrategyLibrary.STRATEGIES[name]
    slices, instruments = world(cls.asset_class, seed)
    weather = Weather(seed)
    found = StrategyHost(
        cls.configured(config),
        instruments,
        refuse=weather.refuses(),
        fills=weather.fills(),
        is_patient=weather.is_patient,
        **options,
    )
    return found, slices


@pytest.mark.slow
@pytest.mark.parametrize(("name", "i"), CASES)
@few
@given(seed=st.integers(0, 10_000))
def test_strategy_restored_before_every_call_goes_on_exactly_as_the_original(
    name: str, i: int, seed: int
) -> None:
    config = CONFIGS[name][i]
    original, slices = host_of(name, config, seed)
    restored, _ = host_of(name, config, seed, is_restoring=True)
    for one in slices:
        assert restored.step(one) == original.step(one)
        assert restored.strategy.snapshot() == original.strategy.snapshot()
    assert restored.book == original.book


@pytest.mark.slow
@pytest.mark.parametrize(("name", "i"), CASES)
@few
@given(seed=st.integers(0, 10_000))
def test_each_instrument_is_named_at_most_once_per_event(name: str, i: int, seed: int) -> None:
    found, slices = host_of(name, CONFIGS[name][i], seed)
    for one in slices:
        before = found.working.copy()
        orders = found.step(one)
        ids = [leg.instrument_id for order in orders for leg in order.legs]
        assert len(ids) == len(set(ids))
        still = [order for key, order in found.working.items() if key in before]
        assert not {leg.instrument_id for order in still for leg in order.legs} & set(ids)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTION_NAMES)
@few
@given(seed=st.integers(0, 10_000))
def test_option_books_never_pass_max_positions_times_lots(name: str, seed: int) -> None:
    config = {"num_lots": 2, "max_positions": 2, "entry_interval_days": 1}
    found, slices = host_of(name, config, seed)
    for one in slices:
        found.step(one)
        assert isinstance(found.strategy, LibraryStrategy)
        snapshot: Any = found.strategy.snapshot()
        assert len(snapshot["desk"]["structures"]) <= 2
        for kind in ("-P", "-C"):
            sold = [-q for key, q in found.held().items() if kind in key and q < 0]
            assert sum(sold) <= 4
            assert all(quantity <= 2 for quantity in sold)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "i"), CASES)
def test_decimal_context_of_an_embedding_program_changes_no_command(name: str, i: int) -> None:
    config = CONFIGS[name][i]
    plain, slices = host_of(name, config, seed=4)
    with localcontext() as context:
        context.prec, context.rounding = 3, ROUND_UP
        coarse, _ = host_of(name, config, seed=4)
        coarse.run(slices)
    assert coarse.sent == plain.run(slices).sent
    assert plain.sent


@pytest.mark.slow
@few
@given(seed=st.integers(0, 10_000), leverage=st.sampled_from([0.7, 1.5, 4.0]))
def test_no_order_of_momentum_takes_the_gross_notional_past_leverage_times_budget(
    seed: int, leverage: float
) -> None:
    config = {**CONFIGS["MOMENTUM_FUTURES"][0], "leverage": leverage}
    cls = StrategyLibrary.STRATEGIES["MOMENTUM_FUTURES"]
    slices, instruments = world("future", seed)
    found = StrategyHost(cls.configured(config), instruments)
    for one in slices:
        orders = found.step(one)
        after = found.held()
        for order in orders:
            for leg in order.legs:
                after[leg.instrument_id] = (
                    after.get(leg.instrument_id, Decimal(0)) + leg.signed_quantity
                )
        gross = Decimal(0)
        for instrument_id, quantity in after.items():
            price = found.marks.price(instrument_id)
            assert price is not None
            gross += abs(quantity) * price * found.catalog.tradable(instrument_id).multiplier
        if orders:
            assert gross <= Decimal(str(leverage)) * max(found.view.budget, Decimal(0))


@pytest.mark.slow
@few
@given(seed=st.integers(0, 10_000))
def test_mean_reversion_never_holds_more_places_than_allowed(seed: int) -> None:
    found, slices = host_of("MEAN_REVERSION_EQUITY", CONFIGS["MEAN_REVERSION_EQUITY"][0], seed)
    for one in slices:
        found.step(one)
        assert len(found.held()) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("name", list(CONFIGS))
def test_strategy_enters_and_exits_in_a_long_enough_run(name: str) -> None:
    config = CONFIGS[name][0]
    entries = exits = 0
    for seed in range(4):
        cls = StrategyLibrary.STRATEGIES[name]
        slices, instruments = world(cls.asset_class, seed)
        found = StrategyHost(cls.configured(config), instruments).run(slices)
        entries += sum(not order.reduce_only for _, order in found.sent)
        exits += sum(order.reduce_only for _, order in found.sent)
    assert entries > 0
    assert exits > 0


def test_chain_of_the_fake_market_is_sorted_and_uncrossed() -> None:
    chain = modelled_chain(FIRST, 2000.0, 0.2)
    keys = [(one.expiry_ts, one.strike_e9, one.option_kind) for one in chain.quotes]
    assert keys == sorted(keys)
    assert all(0 <= one.bid_e9 < one.ask_e9 for one in chain.quotes)
    assert len(contracts_in([slice_of(bar("SPX", FIRST, 2000.0), chain)])) == len(keys)
