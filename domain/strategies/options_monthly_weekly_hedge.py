"""OPTIONS_MONTHLY_WEEKLY_HEDGE: sold monthly structures, hedged with bought weekly options."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, model_validator

from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.instrument import OptionKind
from orchestrion.domain.models.money import ZERO, add, multiply
from orchestrion.domain.models.option_structure import OptionStructure, iron_condor, strangle
from orchestrion.domain.models.order import Leg, OrderSide
from orchestrion.domain.models.strategy_metadata import Horizon
from orchestrion.domain.strategies.open_structure import opening_legs
from orchestrion.domain.strategies.option_market import OptionMarket, StrikePicker
from orchestrion.domain.strategies.option_structure_strategy import (
    OptionStructureParameters,
    OptionStructureStrategy,
)
from orchestrion.domain.strategies.parameter import exact, parameter, typed
from orchestrion.domain.strategies.state import decode_state, encode_state
from orchestrion.domain.strategies.weekly_hedge import (
    HedgePlan,
    HedgeRules,
    HedgeState,
    hedge_order,
    plan_hedge,
)

_PUT, _CALL = OptionKind.PUT, OptionKind.CALL


class OptionsMonthlyWeeklyHedgeParameters(OptionStructureParameters):
    """What is sold each month, and what is bought each week."""

    days_to_expiry_min: int = parameter(
        25, unit="days", ge=1, le=1000, description="nearest monthly expiry that is sold"
    )
    structure: Literal["short_strangle", "iron_condor"] = parameter(
        "short_strangle", unit="choice", description="what is sold at the monthly expiry"
    )
    short_delta: float = parameter(
        0.16, unit="delta", gt=0, lt=0.5, description="absolute delta of the options that are sold"
    )
    wing_delta: float = parameter(
        0.05, unit="delta", gt=0, lt=0.5, description="absolute delta of an iron condor's wings"
    )
    hedge_delta: float = parameter(
        0.05, unit="delta", gt=0, lt=0.5, description="absolute delta of the weekly options"
    )
    hedge_side: Literal["both", "put"] = parameter(
        "both", unit="choice", description="hedge with puts and calls, or with puts only"
    )
    hedge_ratio: float = parameter(
        1.0, unit="multiple of the sold contracts", gt=0, le=10, description="size of the hedge"
    )
    hedge_days_to_expiry_min: int = parameter(
        5, unit="days", ge=1, le=60, description="nearest weekly expiry that is bought"
    )
    hedge_days_to_expiry_max: int = parameter(
        12, unit="days", ge=1, le=60, description="furthest weekly expiry that is bought"
    )
    hedge_roll_days: int = parameter(
        2, unit="days", ge=1, le=59, description="rolled when so many days or fewer are left"
    )

    @model_validator(mode="after")
    def _hedge_fits(self) -> OptionsMonthlyWeeklyHedgeParameters:
        if self.structure == "iron_condor" and self.wing_delta >= self.short_delta:
            raise ValueError("wing_delta must be below short_delta")
        if self.hedge_delta >= self.short_delta:
            raise ValueError("hedge_delta must be below short_delta: the hedge lies further out")
        if self.hedge_days_to_expiry_min > self.hedge_days_to_expiry_max:
            raise ValueError("hedge_days_to_expiry_min is above hedge_days_to_expiry_max")
        if self.hedge_roll_days >= self.hedge_days_to_expiry_min:
            raise ValueError("hedge_roll_days must be below hedge_days_to_expiry_min")
        return self

    def hedge_rules(self) -> HedgeRules:
        return HedgeRules(
            (_PUT, _CALL) if self.hedge_side == "both" else (_PUT,),
            self.delta(self.hedge_delta),
            self.hedge_days_to_expiry_min,
            self.hedge_days_to_expiry_max,
            self.hedge_roll_days,
        )


class OptionsMonthlyWeeklyHedgeStrategy(OptionStructureStrategy):
    """Sells a monthly strangle or iron condor and keeps weekly options against a crash.

    Idea: index options tend to cost more than the moves that follow; the seller earns the
    difference. A sudden move can cost many months of it, so a part of the premium buys weekly
    options further out of the money, which are cheap in quiet weeks and pay in a jump.

    Entry: at the monthly expiry nearest to the middle of the days-to-expiry window, a put and a
    call at ``short_delta`` (and wings at ``wing_delta``), only for a credit, and only if the hedge
    can be had: structure and hedge are one order with several legs.

    Hedge: ``hedge_ratio`` weekly options per sold contract, at ``hedge_delta``, one pool for all
    structures. It is rolled as one order when ``hedge_roll_days`` or fewer are left, and sold when
    the last structure is gone. The roll comes with the entry when both fall on one day.

    Exit: the whole structure when its days to expiry are used up, at the profit target (a fraction
    of the credit) or at the stop (a multiple of the credit). The hedge stays until the structure
    is really gone, so the account is never short without it.

    Sizing: ``num_lots`` per leg, at most ``max_positions`` structures, one entry per
    ``entry_interval_days``. It does not look at the budget: margin rules refuse what is too large.

    Needs: a chain with deltas, monthly and weekly expiries, bid and ask, once a day. It acts only
    on slices that hold the chain.

    Weaknesses: the weekly hedge loses most of its premium in most weeks and may cost more than the
    structure earns; it covers jumps within the week, not a slow grind through the short strike. The
    stop is judged once per slice and fills at the next, so a gap goes through it. Margin is that
    of the naked structure, because the hedge expires first.
    """

    Parameters = OptionsMonthlyWeeklyHedgeParameters
    library_name = "OPTIONS_MONTHLY_WEEKLY_HEDGE"
    horizon = Horizon.WEEKS
    description = "sells monthly strangles or iron condors, hedged with weekly options"
    monthly_only = True

    def __init__(self, parameters: BaseModel | None = None) -> None:
        super().__init__(parameters)
        self._terms = typed(self.parameters, OptionsMonthlyWeeklyHedgeParameters)
        self._hedge_rules = self._terms.hedge_rules()
        self._hedge = HedgeState()

    @property
    def hedge(self) -> HedgeState:
        """The weekly options that it takes care of."""
        return self._hedge

    def trade(self, market: OptionMarket) -> list[SubmitOrder]:
        attempt_day = self._desk.attempt_day
        commands = super().trade(market)
        if self._desk.attempt_day != attempt_day:
            return commands  # the entry order carries the hedge
        plan = self._plan(market, self._wanted())
        self._hedge = plan.state
        return [*commands, hedge_order(market.view, plan.legs)] if plan.legs else commands

    def choose(self, picker: StrikePicker) -> OptionStructure | None:
        where = self._terms.delta(self._terms.short_delta)
        put = picker.pick(_PUT, OrderSide.SELL, where)
        call = picker.pick(_CALL, OrderSide.SELL, where)
        if put is None or call is None or put.strike_e9 >= call.strike_e9:
            return None
        if self._terms.structure == "short_strangle":
            structure = strangle(put, call, quantity=Decimal(-1))
        else:
            wing = self._terms.delta(self._terms.wing_delta)
            low = picker.pick(_PUT, OrderSide.BUY, wing, beyond=put)
            high = picker.pick(_CALL, OrderSide.BUY, wing, beyond=call)
            if low is None or high is None:
                return None
            structure = iron_condor(long_put=low, short_put=put, short_call=call, long_call=high)
        return structure if structure.cost < 0 else None

    def entry_legs(self, structure: OptionStructure, market: OptionMarket) -> tuple[Leg, ...]:
        plan = self._plan(market, self._wanted(structure), structure)
        if not plan.is_ready:
            return ()
        self._hedge = plan.state
        return (*opening_legs(structure), *plan.legs)

    def is_taken(self, instrument_id: str) -> bool:
        return instrument_id in self._hedge.instrument_ids or super().is_taken(instrument_id)

    def snapshot(self) -> dict[str, Any]:
        return encode_state(self.state_version, desk=self._desk, hedge=self._hedge)

    def restore(self, state: object) -> None:
        hedge = decode_state(state, self.state_version, "hedge", HedgeState)
        super().restore(state)
        self._hedge = hedge

    def _wanted(self, entering: OptionStructure | None = None) -> Decimal:
        """Hedge contracts per option kind for the structures on the desk and one more."""
        structures = [one.structure for one in self.structures]
        if entering is not None:
            structures.append(entering)
        sold = ZERO
        for structure in structures:
            sold = add(sold, max(leg.quantity.copy_abs() for leg in structure.legs))
        return multiply(exact(self._terms.hedge_ratio), sold)

    def _plan(
        self, market: OptionMarket, wanted: Decimal, entering: OptionStructure | None = None
    ) -> HedgePlan:
        promised = entering.instrument_ids if entering is not None else ()
        return plan_hedge(
            self._hedge,
            market,
            self._hedge_rules,
            wanted=wanted,
            is_taken=lambda one: one in promised or self.is_taken(one),
        )
