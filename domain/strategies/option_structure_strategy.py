"""The engine under the option strategies: one structure in, watched, out.

On every slice that holds the chain of the underlying it (1) asks the book what became of its
structures, (2) closes those for which an exit rule holds, (3) opens at most one new one. A subclass
chooses the structure, and may veto an entry or add legs to it; everything else is here, once.

Exit rules, first match: days to expiry, profit target, stop. Profit is judged at the far side of
the quotes, i.e. as closing would really pay, against the cost in the book. After an entry was
sent, the next waits ``entry_interval_days``, whatever became of it, so a refusal is not answered
by an order a day; exits are repeated with every event until nothing is held.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

import msgspec
from pydantic import BaseModel, model_validator

from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.money import ZERO, multiply, negate, subtract
from orchestrion.domain.models.option_structure import OptionLeg, OptionStructure
from orchestrion.domain.models.order import Leg
from orchestrion.domain.models.strategy import StrategyOutputs, StrategyView
from orchestrion.domain.strategies.library_strategy import LibraryStrategy
from orchestrion.domain.strategies.open_structure import (
    OpenStructure,
    StructurePhase,
    closing_legs,
    cost_of,
    opening_legs,
    settled,
)
from orchestrion.domain.strategies.option_market import OptionMarket, StrikePicker, StrikeTarget
from orchestrion.domain.strategies.parameter import StrategyParameters, exact, parameter, typed
from orchestrion.domain.strategies.session import day_number
from orchestrion.domain.strategies.state import decode_state, encode_state


class OptionStructureParameters(StrategyParameters):
    """What every option strategy has."""

    underlying_id: str = parameter(
        "SPX", unit="instrument id", min_length=1, description="underlying whose chain is traded"
    )
    num_lots: int = parameter(
        1,
        unit="lots",
        ge=1,
        le=10_000,
        description="size of each leg, times the contract's lot size",
    )
    max_positions: int = parameter(
        2, unit="structures", ge=1, le=100, description="structures that may be open at once"
    )
    entry_interval_days: int = parameter(
        7, unit="days", ge=1, le=365, description="least time from one entry order to the next"
    )
    days_to_expiry_min: int = parameter(
        30, unit="days", ge=1, le=1000, description="nearest expiry that is entered"
    )
    days_to_expiry_max: int = parameter(
        60, unit="days", ge=1, le=1000, description="furthest expiry that is entered"
    )
    exit_days_to_expiry: int = parameter(
        7,
        unit="days",
        ge=0,
        le=999,
        description="closed when so many days or fewer are left; 0 holds to expiry",
    )
    profit_target_fraction: float = parameter(
        0.5,
        unit="fraction of the maximum profit",
        gt=0,
        le=100,
        description="closed at this profit; of the premium paid where profit is unlimited",
    )
    stop_multiple: float = parameter(
        2.0,
        unit="multiple of the premium",
        gt=0,
        le=100,
        description="closed when the loss reaches this multiple of the premium received or paid",
    )
    delta_tolerance: float = parameter(
        0.1, unit="delta", gt=0, le=1, description="how far a leg's delta may be from its target"
    )

    @model_validator(mode="after")
    def _days_in_order(self) -> OptionStructureParameters:
        if self.days_to_expiry_min > self.days_to_expiry_max:
            raise ValueError("days_to_expiry_min is above days_to_expiry_max")
        if self.exit_days_to_expiry >= self.days_to_expiry_min:
            raise ValueError("exit_days_to_expiry must be below days_to_expiry_min")
        return self

    def delta(self, target: float) -> StrikeTarget:
        return StrikeTarget(True, target, self.delta_tolerance)


class DeskState(msgspec.Struct, frozen=True):
    """The engine's state: structures in the order of entry, and the day of the last entry order."""

    structures: tuple[OpenStructure, ...] = ()
    attempt_day: int | None = None


class OptionStructureStrategy(LibraryStrategy):
    """Base of the option strategies; write ``choose``."""

    Parameters = OptionStructureParameters
    asset_class = "option"
    monthly_only: ClassVar[bool] = False

    def __init__(self, parameters: BaseModel | None = None) -> None:
        super().__init__(parameters)
        self._rules = typed(self.parameters, OptionStructureParameters)
        self._desk = DeskState()

    @abstractmethod
    def choose(self, picker: StrikePicker) -> OptionStructure | None:
        """One structure of one contract per leg, or None when the chain offers no good one."""

    def observe(self, market: OptionMarket) -> None:
        """Takes note of an event before anything is decided."""

    def wants_entry(self, market: OptionMarket) -> bool:  # noqa: ARG002 - for subclasses
        """Whether the market invites a new structure now."""
        return True

    def entry_legs(
        self,
        structure: OptionStructure,
        market: OptionMarket,  # noqa: ARG002 - for subclasses
    ) -> tuple[Leg, ...]:
        """The legs of the entry order; none means: not now."""
        return opening_legs(structure)

    def underlying_ids(self) -> tuple[str, ...]:
        return (self._rules.underlying_id,)

    def on_event(self, event: MarketSlice, view: StrategyView) -> StrategyOutputs:
        chain = event.chain(self._rules.underlying_id)
        return [] if chain is None else self.trade(OptionMarket(chain, view))

    def trade(self, market: OptionMarket) -> list[SubmitOrder]:
        """The commands for one chain; at most one per structure and one entry."""
        self.observe(market)
        self._settle(market)
        commands = self._exits(market)
        entry = self._entry(market) if self._may_enter(market) else None
        return commands if entry is None else [*commands, entry]

    def snapshot(self) -> dict[str, Any]:
        return encode_state(self.state_version, desk=self._desk)

    def restore(self, state: object) -> None:
        self._desk = decode_state(state, self.state_version, "desk", DeskState)

    @property
    def structures(self) -> tuple[OpenStructure, ...]:
        """The structures that it takes care of, in the order of entry."""
        return self._desk.structures

    def is_taken(self, instrument_id: str) -> bool:
        """Whether an instrument is promised to something already."""
        return any(instrument_id in one.structure.instrument_ids for one in self.structures)

    def _settle(self, market: OptionMarket) -> None:
        book = market.view.book
        found = (settled(one, book, market.busy) for one in self.structures)
        self._keep(tuple(one for one in found if one is not None))

    def _keep(self, structures: tuple[OpenStructure, ...]) -> None:
        self._desk = msgspec.structs.replace(self._desk, structures=structures)

    def _exits(self, market: OptionMarket) -> list[SubmitOrder]:
        kept: list[OpenStructure] = []
        commands: list[SubmitOrder] = []
        for one in self.structures:
            watched = self._watched(one, market)
            legs = self._exit_legs(watched, market)
            if legs is None:
                kept.append(watched)
            elif legs:
                kept.append(watched)
                commands.append(_close(market.view, legs, watched))
        self._keep(tuple(kept))
        return commands

    def _watched(self, one: OpenStructure, market: OptionMarket) -> OpenStructure:
        if one.phase is not StructurePhase.OPEN or one.is_busy(market.busy):
            return one
        reason = self._exit_reason(one.structure, market)
        return one.closing(reason) if reason else one

    def _exit_legs(self, one: OpenStructure, market: OptionMarket) -> tuple[Leg, ...] | None:
        """None: nothing to close now. Empty: nothing left that anybody would buy, let it expire."""
        if one.phase is not StructurePhase.CLOSING or one.is_busy(market.busy):
            return None
        if one.structure.expiry_ts <= market.now:
            return None  # settlement is under way
        legs = closing_legs(one.structure, market.view.book, _closable(market))
        return legs if legs or market.closing_value(one.structure) is not None else None

    def _exit_reason(self, structure: OptionStructure, market: OptionMarket) -> str:
        rules = self._rules
        exit_days = rules.exit_days_to_expiry
        if exit_days and market.days_to(structure.expiry_ts) <= exit_days:
            return "days to expiry"
        value = market.closing_value(structure)
        if value is None:
            return ""
        cost = cost_of(structure, market.view.book)
        profit = subtract(value, cost)
        if profit >= multiply(exact(rules.profit_target_fraction), _attainable(structure, cost)):
            return "profit target"
        if negate(profit) >= multiply(exact(rules.stop_multiple), cost.copy_abs()):
            return "stop"
        return ""

    def _may_enter(self, market: OptionMarket) -> bool:
        attempt_day = self._desk.attempt_day
        if len(self.structures) >= self._rules.max_positions:
            return False
        if (
            attempt_day is not None
            and day_number(market.now) - attempt_day < self._rules.entry_interval_days
        ):
            return False
        return self.wants_entry(market)

    def _entry(self, market: OptionMarket) -> SubmitOrder | None:
        rules = self._rules
        expiry_ts = market.choose_expiry(
            rules.days_to_expiry_min, rules.days_to_expiry_max, monthly=self.monthly_only
        )
        if expiry_ts is None:
            return None
        unit = self.choose(StrikePicker(market, expiry_ts, self.is_taken))
        if unit is None:
            return None
        structure = self._sized(unit, market)
        legs = self.entry_legs(structure, market)
        if not legs:
            return None
        self._desk = DeskState((*self.structures, OpenStructure(structure)), day_number(market.now))
        return market.view.structure(*legs, label=f"enter {structure.describe()}")

    def _sized(self, unit: OptionStructure, market: OptionMarket) -> OptionStructure:
        contract = market.view.instruments.tradable(unit.legs[0].instrument_id)
        lots = multiply(Decimal(self._rules.num_lots), contract.lot_size)
        return unit.scaled(lots, multiplier=contract.multiplier)


def _attainable(structure: OptionStructure, cost: Decimal) -> Decimal:
    """The maximum profit at the cost that was really paid; the premium where it is unlimited."""
    payoff = structure.maximum_payoff()
    return cost if payoff is None else subtract(payoff, cost)


def _closable(market: OptionMarket) -> Callable[[OptionLeg, Decimal], bool]:
    """Sold legs always; bought ones only while somebody bids.

    A bought leg without a bid would hold up the whole order, and selling it would bring nothing.
    """

    def is_closable(leg: OptionLeg, held: Decimal) -> bool:
        quote = market.quote_of(leg)
        return held < 0 or (quote is not None and quote.bid > ZERO)

    return is_closable


def _close(view: StrategyView, legs: tuple[Leg, ...], one: OpenStructure) -> SubmitOrder:
    return SubmitOrder(
        strategy_id=view.strategy_id,
        legs=legs,
        reduce_only=True,
        label=f"exit {one.exit_reason}: {one.structure.describe()}",
    )
