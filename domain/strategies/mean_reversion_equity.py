"""MEAN_REVERSION_EQUITY: single shares, traded back to their average."""

from __future__ import annotations

import math
from decimal import ROUND_DOWN, Decimal
from typing import Any

import msgspec
from pydantic import BaseModel, field_validator, model_validator

from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.money import (
    ZERO,
    divide,
    from_e9,
    multiply,
    negate,
    round_down_to_step,
    subtract,
)
from orchestrion.domain.models.portfolio import market_value
from orchestrion.domain.models.strategy import StrategyOutputs, StrategyView
from orchestrion.domain.models.strategy_metadata import Horizon
from orchestrion.domain.strategies.library_strategy import LibraryStrategy
from orchestrion.domain.strategies.parameter import StrategyParameters, exact, parameter, typed
from orchestrion.domain.strategies.session import DailyCloses, day_number, price_e9
from orchestrion.domain.strategies.state import decode_state, encode_state

_QUANTITY_STEP = Decimal("0.000000001")
_HUNDREDTH = Decimal("0.01")
_DEFAULT_INSTRUMENT_IDS = (
    *("AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO"),
    *("LLY", "MRK", "MSFT", "PEP", "PFE", "PG", "RRC", "UNH", "WMT", "XOM"),
)
_BACK = "back at the average"


class MeanReversionEquityParameters(StrategyParameters):
    """Universe, z-scores of entry and exit, size, and how long to be patient."""

    instrument_ids: tuple[str, ...] = parameter(
        _DEFAULT_INSTRUMENT_IDS,
        unit="instrument ids",
        min_length=1,
        max_length=1000,
        description="shares that may be traded",
    )
    lookback_days: int = parameter(
        20, unit="daily closes", ge=3, le=1000, description="window of average and deviation"
    )
    entry_z: float = parameter(
        2.0, unit="standard deviations", gt=0, le=10, description="enter this far from the average"
    )
    exit_z: float = parameter(
        0.5, unit="standard deviations", ge=0, lt=10, description="exit this near to the average"
    )
    position_size_pct: float = parameter(
        5.0, unit="percent of the budget", gt=0, le=100, description="notional of each new position"
    )
    max_positions: int = parameter(
        10, unit="positions", ge=1, le=1000, description="positions that may be open at once"
    )
    max_holding_days: int = parameter(
        10, unit="trading days", ge=1, le=1000, description="closed when held so long"
    )
    stop_loss_pct: float = parameter(
        8.0, unit="percent of the cost", gt=0, le=100, description="closed when it lost so much"
    )
    allow_short: bool = parameter(True, unit="choice", description="sell what rose too far short")

    @field_validator("instrument_ids")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(dict.fromkeys(value)) != len(value) or "" in value:
            raise ValueError("instrument_ids must be different and not empty")
        return value

    @model_validator(mode="after")
    def _exit_is_nearer(self) -> MeanReversionEquityParameters:
        if self.exit_z >= self.entry_z:
            raise ValueError("exit_z must be below entry_z")
        return self

    @property
    def positions_max(self) -> int:
        """Open positions at most: no more than the budget can pay for."""
        return min(self.max_positions, int(100 / self.position_size_pct))


class StockState(msgspec.Struct, frozen=True):
    """One share.

    Attributes:
        held_since: number of the trading day on which the position was first seen; None is flat.
        spent: side (1 long, -1 short) that was stopped or timed out and waits for the price to
            come back to the average before it may be tried again; 0 is none.
    """

    closes: DailyCloses = DailyCloses()
    held_since: int | None = None
    spent: int = 0


class MeanReversionState(msgspec.Struct, frozen=True):
    """Shares by id, and trading days counted so far (days with a price of any of them)."""

    stocks: dict[str, StockState]
    trading_day: int = 0
    day: int = -1


class MeanReversionEquityStrategy(LibraryStrategy):
    """Trades single shares back to their average, each judged by its own z-score.

    Idea: over days, much of a share's sudden move away from its recent average is pressure of
    buying or selling that fades; many small independent bets gain from it.

    z-score: (last close - average) / standard deviation (n - 1) of the last ``lookback_days``
    closes, today's included.

    Entry: z at or below -``entry_z`` buys, at or above +``entry_z`` sells short; the furthest first
    while places are free. Exit, first match: the loss reaches ``stop_loss_pct`` of the cost; held
    for ``max_holding_days`` trading days; z back within ``exit_z`` of the average, or beyond. After
    a stop or a time-out the same side waits until z was back within ``exit_z``.

    Sizing: ``position_size_pct`` of the own budget per position, whole lots, rounded down; never
    more positions than ``max_positions`` nor than the budget pays for.

    Needs: daily closes, adjusted for splits and dividends; ``lookback_days`` of them per share
    before it trades. A share without a price in a slice is left alone.

    Weaknesses: buys falling knives, news are no noise; single shares gap through the stop; short
    sales need shares to borrow and their cost is not modelled; in a crash all positions are long
    and fall together.
    """

    Parameters = MeanReversionEquityParameters
    library_name = "MEAN_REVERSION_EQUITY"
    horizon = Horizon.WEEKS
    asset_class = "equity"
    description = "trades shares back to their average, by z-score"

    def __init__(self, parameters: BaseModel | None = None) -> None:
        super().__init__(parameters)
        self._terms = typed(self.parameters, MeanReversionEquityParameters)
        self._stocks = {one: StockState() for one in self._terms.instrument_ids}
        self._trading_day = 0
        self._day = -1

    def underlying_ids(self) -> tuple[str, ...]:
        return self._terms.instrument_ids

    def on_event(self, event: MarketSlice, view: StrategyView) -> StrategyOutputs:
        z_scores = self._observe(event, view)
        if not z_scores:
            return None
        busy = _busy_instruments(view)
        exits = self._exits(z_scores, view, busy)
        return [*exits, *self._entries(z_scores, view, busy)]

    def snapshot(self) -> dict[str, Any]:
        state = MeanReversionState(dict(self._stocks), self._trading_day, self._day)
        return encode_state(self.state_version, mean_reversion=state)

    def restore(self, state: object) -> None:
        found = decode_state(state, self.state_version, "mean_reversion", MeanReversionState)
        self._stocks = {
            one: found.stocks.get(one, StockState()) for one in self._terms.instrument_ids
        }
        self._trading_day, self._day = found.trading_day, found.day

    def _observe(self, event: MarketSlice, view: StrategyView) -> dict[str, float | None]:
        """Takes closes and holdings; z-scores (None: not known yet) of the shares in the slice."""
        z_scores: dict[str, float | None] = {}
        for instrument_id, stock in self._stocks.items():
            close_e9 = price_e9(event, instrument_id)
            if close_e9 is None:
                continue
            if not z_scores and day_number(event.ts_event) != self._day:
                self._day = day_number(event.ts_event)
                self._trading_day += 1
            keep = self._terms.lookback_days
            closes = stock.closes.observe(event.ts_event, close_e9, keep=keep)
            z = z_score(closes.closes_e9) if len(closes) == keep else None
            held_since = self._held_since(stock, view.quantity(instrument_id))
            self._stocks[instrument_id] = StockState(closes, held_since, self._spent(stock, z))
            z_scores[instrument_id] = z
        return z_scores

    def _held_since(self, stock: StockState, quantity: Decimal) -> int | None:
        if not quantity:
            return None
        return self._trading_day if stock.held_since is None else stock.held_since

    def _spent(self, stock: StockState, z: float | None) -> int:
        return 0 if z is None or -z * stock.spent <= self._terms.exit_z else stock.spent

    def _exits(
        self, z_scores: dict[str, float | None], view: StrategyView, busy: frozenset[str]
    ) -> list[SubmitOrder]:
        commands: list[SubmitOrder] = []
        for instrument_id, z in z_scores.items():
            quantity = view.quantity(instrument_id)
            if not quantity or instrument_id in busy:
                continue
            side = 1 if quantity > 0 else -1
            reason = self._exit_reason(instrument_id, side, z, view)
            command = view.close(instrument_id, label=f"exit {reason}") if reason else None
            if command is not None:
                self._spend(instrument_id, side if reason != _BACK else 0)
                commands.append(command)
        return commands

    def _exit_reason(
        self, instrument_id: str, side: int, z: float | None, view: StrategyView
    ) -> str:
        terms, held_since = self._terms, self._stocks[instrument_id].held_since
        if _is_stopped(instrument_id, self._price(instrument_id), view, terms.stop_loss_pct):
            return "stop"
        if held_since is not None and self._trading_day - held_since >= terms.max_holding_days:
            return "held long enough"
        if z is not None and -z * side <= terms.exit_z:
            return _BACK
        return ""

    def _spend(self, instrument_id: str, side: int) -> None:
        stock = self._stocks[instrument_id]
        self._stocks[instrument_id] = msgspec.structs.replace(stock, spent=side)

    def _entries(
        self, z_scores: dict[str, float | None], view: StrategyView, busy: frozenset[str]
    ) -> list[SubmitOrder]:
        candidates = [
            (-abs(z), instrument_id, z)
            for instrument_id, z in z_scores.items()
            if z is not None
            and abs(z) >= self._terms.entry_z
            and instrument_id not in busy
            and not view.quantity(instrument_id)
            and self._may_take(instrument_id, 1 if z < 0 else -1)
        ]
        taken = sum(1 for one in self._stocks if one in busy or view.quantity(one))
        places = max(0, self._terms.positions_max - taken)
        orders = (self._order(one, z, view) for _, one, z in sorted(candidates))
        return [order for order in orders if order is not None][:places]

    def _may_take(self, instrument_id: str, side: int) -> bool:
        return side != self._stocks[instrument_id].spent and (side > 0 or self._terms.allow_short)

    def _order(self, instrument_id: str, z: float, view: StrategyView) -> SubmitOrder | None:
        """An entry of the configured size, or None when not even one lot fits."""
        quantity = self._quantity(instrument_id, view)
        if not quantity:
            return None
        send = view.buy if z < 0 else view.sell
        return send(instrument_id, quantity, label=f"enter at z {z:.2f}")

    def _price(self, instrument_id: str) -> Decimal:
        return from_e9(self._stocks[instrument_id].closes.closes_e9[-1])

    def _quantity(self, instrument_id: str, view: StrategyView) -> Decimal:
        if instrument_id not in view.instruments:
            return ZERO
        instrument = view.instruments.tradable(instrument_id)
        unit_notional = multiply(self._price(instrument_id), instrument.multiplier)
        budget = max(view.budget, ZERO)
        notional = multiply(multiply(exact(self._terms.position_size_pct), _HUNDREDTH), budget)
        units = divide(notional, unit_notional, step=_QUANTITY_STEP, rounding=ROUND_DOWN)
        return round_down_to_step(units, instrument.lot_size)


def z_score(closes_e9: tuple[int, ...]) -> float | None:
    """Distance of the last close from the average in standard deviations (n - 1).

    Sums of whole numbers are exact, so only the last division and the root round, the same way on
    every machine. None when all closes are equal.
    """
    n = len(closes_e9)
    total = sum(closes_e9)
    squares = n * sum(one * one for one in closes_e9) - total * total
    if not squares:
        return None
    distance = n * closes_e9[-1] - total
    # (distance / n)^2 / (squares / (n (n - 1))), all in whole numbers until the one division.
    return math.copysign(math.sqrt(distance * distance * (n - 1) / (n * squares)), distance)


def _is_stopped(
    instrument_id: str, price: Decimal, view: StrategyView, stop_loss_pct: float
) -> bool:
    position = view.book.positions[instrument_id]
    value = market_value(position, view.instruments.tradable(instrument_id), price)
    loss = multiply(exact(stop_loss_pct), multiply(position.cost.copy_abs(), _HUNDREDTH))
    return subtract(value, position.cost) <= negate(loss)


def _busy_instruments(view: StrategyView) -> frozenset[str]:
    return frozenset(
        leg.instrument_id for order in view.working_orders.values() for leg in order.legs
    )
