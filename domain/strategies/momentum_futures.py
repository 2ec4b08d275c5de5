"""MOMENTUM_FUTURES: trend following on front futures, with leverage, whole contracts and rolls."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal
from itertools import pairwise
from typing import Any, Literal

import msgspec
from pydantic import BaseModel, field_validator, model_validator

from orchestrion.domain.models.instrument import Future, InstrumentCatalog
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.money import (
    ONE,
    ZERO,
    add,
    divide,
    multiply,
    round_down_to_step,
    subtract,
)
from orchestrion.domain.models.strategy import StrategyOutputs, StrategyView
from orchestrion.domain.models.strategy_metadata import Horizon
from orchestrion.domain.strategies.future_roll import (
    active_contract,
    contracts_of,
    held_contracts,
    net_quantity,
    order_to,
)
from orchestrion.domain.strategies.library_strategy import LibraryStrategy
from orchestrion.domain.strategies.parameter import StrategyParameters, exact, parameter, typed
from orchestrion.domain.strategies.session import DailyCloses, price_e9
from orchestrion.domain.strategies.state import decode_state, encode_state

_WEIGHT_STEP = Decimal("0.000001")
_QUANTITY_STEP = Decimal("0.000000001")


class MomentumFuturesParameters(StrategyParameters):
    """Markets, breakout windows, leverage, roll and rebalancing band."""

    underlying_ids: tuple[str, ...] = parameter(
        ("SPX", "WTI"),
        unit="instrument ids",
        min_length=1,
        max_length=100,
        description="underlyings whose prices give the trend and whose futures are traded",
    )
    leverage: float = parameter(
        1.0,
        unit="multiple of the budget",
        gt=0,
        le=20,
        description="gross notional of all markets together, at most",
    )
    weighting: Literal["inverse_volatility", "equal"] = parameter(
        "inverse_volatility", unit="choice", description="how the notional is shared by the markets"
    )
    entry_days: int = parameter(
        50,
        unit="daily closes",
        ge=2,
        le=1000,
        description="a close beyond so many earlier ones enters",
    )
    exit_days: int = parameter(
        20,
        unit="daily closes",
        ge=1,
        le=1000,
        description="a close beyond so many earlier ones on the other side exits",
    )
    volatility_days: int = parameter(
        60, unit="daily returns", ge=2, le=1000, description="window of the volatility"
    )
    allow_short: bool = parameter(True, unit="choice", description="sell falling markets short")
    roll_days: int = parameter(
        5, unit="days", ge=1, le=60, description="rolled when so many days or fewer are left"
    )
    rebalance_band_pct: float = parameter(
        25.0,
        unit="percent of the target",
        ge=0,
        le=100,
        description="a position is resized only when it is further from its target than this",
    )

    @field_validator("underlying_ids")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(dict.fromkeys(value)) != len(value) or "" in value:
            raise ValueError("underlying_ids must be different and not empty")
        return value

    @model_validator(mode="after")
    def _exit_is_nearer(self) -> MomentumFuturesParameters:
        if self.exit_days >= self.entry_days:
            raise ValueError("exit_days must be below entry_days")
        return self


class TrendState(msgspec.Struct, frozen=True):
    """One market: its closes, and the direction of its trend (1 up, -1 down, 0 none)."""

    closes: DailyCloses = DailyCloses()
    direction: int = 0


class MomentumState(msgspec.Struct, frozen=True):
    """Trends by underlying id, in the order of the parameter."""

    trends: dict[str, TrendState]


class _Market(msgspec.Struct, frozen=True):
    """What one market asks for in one event. Quantities in contracts, signed."""

    active: Future
    held: tuple[Future, ...]
    unit_notional: Decimal
    target: Decimal
    current: Decimal


class MomentumFuturesStrategy(LibraryStrategy):
    """Follows breakouts of the underlying with its front future, long and short.

    Idea: prices that leave a long range tend to go on, over months, in markets that have little
    in common; many small losses pay for few large gains.

    Entry: the underlying's close above the highest (below the lowest) of the ``entry_days`` closes
    before it: long (short). Exit: a close below the lowest (above the highest) of the
    ``exit_days`` closes before it.

    Sizing: ``leverage`` x budget is shared by all ``underlying_ids``, in inverse proportion to
    their volatility or equally; a market without a trend, or without enough data, leaves its share
    unused. Whole lots, rounded down, so a small budget may trade nothing. A position is resized
    when it is outside ``rebalance_band_pct`` of its target, or when the gross notional of all
    would exceed ``leverage`` x budget.

    Roll: the contract is left ``roll_days`` calendar days before it expires, as one order with two
    legs: close the old, open the new.

    Needs: daily prices of every underlying, and of a contract that lives longer than ``roll_days``;
    the catalogue of futures. Warm-up: the longest window plus one day. It acts on a market only in
    slices that hold both its underlying and the contract.

    Weaknesses: loses in markets that go sideways; the signal is the spot price, so the cost of
    carry of the futures is not seen; gaps go through the exit; two markets diversify little.
    """

    Parameters = MomentumFuturesParameters
    library_name = "MOMENTUM_FUTURES"
    horizon = Horizon.WEEKS
    asset_class = "future"
    description = "trend following on front futures with leverage and rolls"

    def __init__(self, parameters: BaseModel | None = None) -> None:
        super().__init__(parameters)
        self._terms = typed(self.parameters, MomentumFuturesParameters)
        self._trends = {one: TrendState() for one in self._terms.underlying_ids}
        self._contracts: dict[str, tuple[Future, ...]] = {}
        self._catalog: InstrumentCatalog | None = None

    def underlying_ids(self) -> tuple[str, ...]:
        return self._terms.underlying_ids

    def leverage_limit(self) -> float:
        return self._terms.leverage

    def on_event(self, event: MarketSlice, view: StrategyView) -> StrategyOutputs:
        fresh = self._observe(event)
        if not fresh:
            return None
        gross_limit = multiply(exact(self._terms.leverage), max(view.budget, ZERO))
        shares = {name: multiply(gross_limit, weight) for name, weight in self._weights().items()}
        markets = {
            name: market
            for name in fresh
            if (market := self._market(name, event, view, shares.get(name, ZERO))) is not None
        }
        wanted = self._wanted(markets, gross_limit)
        commands = [
            order_to(view, one.active, one.held, wanted[name], self._label(name, wanted[name]))
            for name, one in markets.items()
        ]
        return [command for command in commands if command is not None]

    def snapshot(self) -> dict[str, Any]:
        return encode_state(self.state_version, momentum=MomentumState(dict(self._trends)))

    def restore(self, state: object) -> None:
        found = decode_state(state, self.state_version, "momentum", MomentumState).trends
        self._trends = {one: found.get(one, TrendState()) for one in self._terms.underlying_ids}

    def _observe(self, event: MarketSlice) -> list[str]:
        """Takes the closes of the slice; the underlyings that it held, in order."""
        terms, fresh = self._terms, list[str]()
        keep = max(terms.entry_days, terms.volatility_days) + 1
        for underlying_id, trend in self._trends.items():
            close_e9 = price_e9(event, underlying_id)
            if close_e9 is not None:
                closes = trend.closes.observe(event.ts_event, close_e9, keep=keep)
                self._trends[underlying_id] = TrendState(closes, self._direction(trend, closes))
                fresh.append(underlying_id)
        return fresh

    def _direction(self, before: TrendState, closes: DailyCloses) -> int:
        terms, closes_e9 = self._terms, closes.closes_e9
        if len(closes_e9) <= terms.entry_days:
            return 0
        direction = breakout(closes_e9, terms.entry_days)
        if direction > 0 or (direction < 0 and terms.allow_short):
            return direction
        is_over = before.direction == -breakout(closes_e9, terms.exit_days)
        return 0 if is_over else before.direction

    def _weights(self) -> Mapping[str, Decimal]:
        """Share of the gross notional per ready market; they sum to at most 1."""
        terms = self._terms
        volatilities = {
            name: found
            for name, trend in self._trends.items()
            if (found := volatility(trend.closes.closes_e9, terms.volatility_days))
        }
        share = len(volatilities) / len(self._trends)
        if terms.weighting == "equal":
            return {name: _floored(1 / len(self._trends)) for name in volatilities}
        total = math.fsum(1 / one for one in volatilities.values())
        return {name: _floored(share / one / total) for name, one in volatilities.items()}

    def _market(
        self, underlying_id: str, event: MarketSlice, view: StrategyView, share: Decimal
    ) -> _Market | None:
        """What a market asks for, or None when nothing can be done about it now."""
        contracts = self._contracts_of(underlying_id, view.instruments)
        if _is_busy(view, contracts):
            return None
        active = active_contract(
            view,
            contracts,
            roll_days=self._terms.roll_days,
            is_priced=lambda one: price_e9(event, one) is not None,
        )
        price = view.price(active.instrument_id) if active is not None else None
        if active is None or price is None or price <= 0:
            return None
        held = held_contracts(view, contracts)
        unit_notional = multiply(price, active.multiplier)
        target = multiply(
            lots_within(share, unit_notional, active.lot_size),
            Decimal(self._trends[underlying_id].direction),
        )
        # In the middle of a roll the new contract's quantity counts, before it the old one's.
        current = view.quantity(active.instrument_id) or net_quantity(view, held)
        return _Market(active, held, unit_notional, target, current)

    def _contracts_of(self, underlying_id: str, catalog: InstrumentCatalog) -> tuple[Future, ...]:
        if catalog is not self._catalog:
            self._catalog = catalog
            self._contracts = {one: contracts_of(catalog, one) for one in self._trends}
        return self._contracts[underlying_id]

    def _wanted(self, markets: Mapping[str, _Market], gross_limit: Decimal) -> dict[str, Decimal]:
        """Contracts per market after the band, which never lets the gross notional pass."""
        band = multiply(exact(self._terms.rebalance_band_pct), Decimal("0.01"))
        wanted = {name: within_band(one.current, one.target, band) for name, one in markets.items()}
        gross = ZERO
        for name, one in markets.items():
            gross = add(gross, multiply(wanted[name].copy_abs(), one.unit_notional))
        if gross <= gross_limit:
            return wanted
        return {name: one.target for name, one in markets.items()}

    def _label(self, underlying_id: str, wanted: Decimal) -> str:
        trend = {1: "up", -1: "down", 0: "none"}[self._trends[underlying_id].direction]
        return f"{underlying_id} trend {trend}, to {wanted:f}"


def breakout(closes_e9: tuple[int, ...], days: int) -> int:
    """1 when the last close is above all of the ``days`` before it, -1 when below all, else 0."""
    last, before = closes_e9[-1], closes_e9[-days - 1 : -1]
    if last > max(before):
        return 1
    return -1 if last < min(before) else 0


def volatility(closes_e9: tuple[int, ...], days: int) -> float | None:
    """Standard deviation (n - 1) of the last ``days`` daily returns; None with too little data.

    Exactly rounded sums in a fixed order: plain ``sum`` of floats differs between Python versions.
    """
    if len(closes_e9) <= days or min(closes_e9) <= 0:
        return None
    window = closes_e9[-days - 1 :]
    returns = [later / earlier - 1 for earlier, later in pairwise(window)]
    mean = math.fsum(returns) / days
    variance = math.fsum((one - mean) * (one - mean) for one in returns) / (days - 1)
    return math.sqrt(variance) or None


def lots_within(amount: Decimal, unit_notional: Decimal, lot_size: Decimal) -> Decimal:
    """The largest quantity in whole lots whose notional is not above ``amount``."""
    if amount <= 0:
        return ZERO
    units = divide(amount, unit_notional, step=_QUANTITY_STEP, rounding=ROUND_DOWN)
    return round_down_to_step(units, lot_size)


def within_band(current: Decimal, target: Decimal, band_fraction: Decimal) -> Decimal:
    """The current quantity if it is near enough to a target of the same side, else the target."""
    if not current or not target or (current > 0) is not (target > 0):
        return target
    distance = subtract(target, current).copy_abs()
    return current if distance <= multiply(band_fraction, target.copy_abs()) else target


def _floored(weight: float) -> Decimal:
    return divide(Decimal(weight), ONE, step=_WEIGHT_STEP, rounding=ROUND_DOWN)


def _is_busy(view: StrategyView, contracts: tuple[Future, ...]) -> bool:
    mine = frozenset(one.instrument_id for one in contracts)
    return any(
        leg.instrument_id in mine for order in view.working_orders.values() for leg in order.legs
    )
