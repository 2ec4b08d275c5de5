"""Drawdown stops: how much may be lost, from what, and what happens then.

One stop watches one equity: a strategy's book or the whole account. It is a fold: ``observe`` takes
the state and an equity and gives the next state, and a ``Breach`` at the moment when the loss
reaches the limit. Then it is latched: whatever the equity does, and whatever day it is, only
``reset`` arms it again, from the equity of that moment.

The baseline is named, because every user means another one (field notes, pain 7):

    START      equity when the stop was armed
    DAY_START  the last equity of the day before, so that a gap over night belongs to the new day
    PEAK       the highest equity since it was armed

Capital that moves is neither loss nor gain. With a limit in money the baseline moves by the same
amount; with a fraction it is scaled, so that the drawdown stays the same fraction. Otherwise a
deposit would hide half a loss and a withdrawal would trip the stop. What happened *before* the
capital moved is judged first, so call ``observe`` at each movement.

The account has a stop of its own, fed with the account's equity. Peaks of strategies lie at
different times, and their sum is an equity that never was.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum

import msgspec

from orchestrion.domain.capital.kill_switch import StopAction
from orchestrion.domain.capital.session_day import day_of
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.money import (
    ONE,
    ZERO,
    add,
    divide,
    is_amount,
    multiply,
    round_to_cent,
    subtract,
)

ACCOUNT_SCOPE = "ACCOUNT"
"""The scope id of the account's own stop; strategies' stops carry the strategy id."""

# A scaled baseline is rounded down, so that moving capital can never trip a stop; what that hides
# is far below anything that can be traded.
_BASELINE_STEP = Decimal("1e-27")


class Baseline(StrEnum):
    """What a loss is measured from; see the module's text."""

    START = "start"
    DAY_START = "day_start"
    PEAK = "peak"


class DrawdownRule(msgspec.Struct, frozen=True, kw_only=True):
    """A limit for one equity.

    Attributes:
        scope_id: strategy id, or ``ACCOUNT_SCOPE``.
        limit_fraction: of the baseline, above 0 to 1; or
        limit_amount: in the account currency, above 0. Exactly one of the two. A loss that reaches
            the limit trips.
        action: what a breach means.
        day_offset_ns: when the day begins, see ``session_day``.
    """

    scope_id: str
    baseline: Baseline
    action: StopAction
    limit_fraction: Decimal | None = None
    limit_amount: Decimal | None = None
    day_offset_ns: int = 0

    def __post_init__(self) -> None:
        """
        Raises:
            ConfigurationError: no limit, two limits, or one out of range.
        """
        where = f"drawdown stop of {self.scope_id!r}"
        if (self.limit_fraction is None) == (self.limit_amount is None):
            raise ConfigurationError(f"{where} needs either limit_fraction or limit_amount")
        if self.limit_fraction is not None and not _is_within(self.limit_fraction, ONE):
            raise ConfigurationError(
                f"{where}: limit_fraction must be above 0 and at most 1, got {self.limit_fraction}"
            )
        if self.limit_amount is not None and not _is_within(self.limit_amount, None):
            raise ConfigurationError(
                f"{where}: limit_amount must be above 0, got {self.limit_amount}"
            )


class Breach(msgspec.Struct, frozen=True, kw_only=True):
    """A loss reached its limit. ``allowed`` is the limit in money at that moment."""

    scope_id: str
    action: StopAction
    baseline: Baseline
    baseline_equity: Decimal
    equity: Decimal
    allowed: Decimal
    ts: int

    @property
    def loss(self) -> Decimal:
        return subtract(self.baseline_equity, self.equity)

    def __str__(self) -> str:
        return (
            f"{self.scope_id}: lost {round_to_cent(self.loss):f} since {self.baseline} "
            f"({round_to_cent(self.baseline_equity):f}), {round_to_cent(self.allowed):f} is allowed"
        )


class StopState(msgspec.Struct, frozen=True, kw_only=True):
    """Where a stop stands.

    Attributes:
        baseline_equity: what the loss is measured from, adjusted for capital that moved.
        last_equity: as last observed; a new day starts from it.
        day: of the last observation.
        breach: the one that latched it; None while it is armed.
    """

    rule: DrawdownRule
    baseline_equity: Decimal
    last_equity: Decimal
    day: int
    breach: Breach | None = None

    @property
    def is_latched(self) -> bool:
        return self.breach is not None


def arm(rule: DrawdownRule, equity: Decimal, ts: int) -> StopState:
    """A stop that starts to watch at this equity."""
    return StopState(
        rule=rule, baseline_equity=equity, last_equity=equity, day=day_of(ts, rule.day_offset_ns)
    )


def observe(
    state: StopState, equity: Decimal, ts: int, capital_moved: Decimal = ZERO
) -> tuple[StopState, Breach | None]:
    """The state after one more look, and the breach if it trips now.

    Args:
        equity: after the movement, if capital moved.
        capital_moved: what came in (negative: went out) just now and is part of ``equity``:
            deposits, withdrawals, transfers of a rebalance. Dividends, interest and fees are not.
    """
    earned = subtract(equity, capital_moved)
    baseline = _baseline_before(state, earned, ts)
    breach = None if state.is_latched else _breach(state.rule, baseline, earned, ts)
    after = StopState(
        rule=state.rule,
        baseline_equity=_baseline_after(state.rule, baseline, earned, equity),
        last_equity=equity,
        day=max(state.day, day_of(ts, state.rule.day_offset_ns)),
        breach=state.breach or breach,
    )
    return after, breach


def reset(state: StopState, equity: Decimal, ts: int) -> StopState:
    """The stop armed again, from the equity of this moment. An operator's act."""
    return arm(state.rule, equity, ts)


def observe_all(
    stops: Mapping[str, StopState],
    equities: Mapping[str, Decimal],
    ts: int,
    capital_moved: Mapping[str, Decimal],
) -> tuple[dict[str, StopState], tuple[Breach, ...]]:
    """One look at every stop; breaches in the order of the stops.

    Args:
        stops: scope id -> state, the account's usually first, then strategies in rank order.
        equities: scope id -> equity, the account's under ``ACCOUNT_SCOPE``; who is missing is not
            looked at.
        capital_moved: scope id -> capital that moved; missing is none. A rebalance moves nothing
            for the account.
    """
    after = dict(stops)
    breaches: list[Breach] = []
    for scope_id, state in stops.items():
        equity = equities.get(scope_id)
        if equity is not None:
            moved = capital_moved.get(scope_id, ZERO)
            after[scope_id], breach = observe(state, equity, ts, moved)
            breaches += [breach] if breach is not None else []
    return after, tuple(breaches)


def _baseline_before(state: StopState, earned: Decimal, ts: int) -> Decimal:
    """The baseline that the equity before the movement is measured from."""
    rule = state.rule
    if rule.baseline is Baseline.PEAK:
        return max(state.baseline_equity, earned)
    if rule.baseline is Baseline.DAY_START and day_of(ts, rule.day_offset_ns) > state.day:
        return state.last_equity
    return state.baseline_equity


def _baseline_after(
    rule: DrawdownRule, baseline: Decimal, earned: Decimal, equity: Decimal
) -> Decimal:
    if equity == earned:
        return baseline
    if rule.limit_amount is not None:
        return add(baseline, subtract(equity, earned))
    if earned <= 0:
        # A fraction of nothing says nothing: what comes in now is where the measure begins.
        return max(equity, ZERO)
    return divide(multiply(baseline, equity), earned, step=_BASELINE_STEP, rounding=ROUND_FLOOR)


def _breach(rule: DrawdownRule, baseline: Decimal, equity: Decimal, ts: int) -> Breach | None:
    allowed = (
        rule.limit_amount
        if rule.limit_amount is not None
        else multiply(rule.limit_fraction or ZERO, max(baseline, ZERO))
    )
    loss = subtract(baseline, equity)
    if loss <= 0 or loss < allowed:
        return None
    return Breach(
        scope_id=rule.scope_id,
        action=rule.action,
        baseline=rule.baseline,
        baseline_equity=baseline,
        equity=equity,
        allowed=allowed,
        ts=ts,
    )


def _is_within(value: Decimal, most: Decimal | None) -> bool:
    return is_amount(value) and value > 0 and (most is None or value <= most)
