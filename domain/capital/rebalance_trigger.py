"""When to rebalance: by the calendar, by drift from the targets, or after a drawdown.

    calendar        the first session of a new day, week, month or quarter
    absolute_band   a weight is more than this fraction of the whole away from its target
    relative_band   a weight is more than this fraction of its target away from it
    drawdown        the whole has lost this fraction of its peak

Being exactly on a band triggers nothing. Weights are compared without dividing, so the edge is
exact. A trigger stays up until ``rebalanced`` answers it, so none is lost when a rebalance could
not start at once. What holidays skip is not lost either: the next session is the first of the new
period all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum

import msgspec

from orchestrion.domain.capital.drawdown_stop import (
    ACCOUNT_SCOPE,
    Baseline,
    DrawdownRule,
    StopState,
    arm,
    observe,
    reset,
)
from orchestrion.domain.capital.kill_switch import StopAction
from orchestrion.domain.capital.session_day import Period, period_of
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.money import ZERO, divide, is_amount, multiply, subtract

_SHOWN_STEP = Decimal("0.0001")


class TriggerKind(StrEnum):
    CALENDAR = "CALENDAR"
    ABSOLUTE_DRIFT = "ABSOLUTE_DRIFT"
    RELATIVE_DRIFT = "RELATIVE_DRIFT"
    DRAWDOWN = "DRAWDOWN"


class TriggerRules(msgspec.Struct, frozen=True, kw_only=True):
    """Which triggers are set; None is none.

    Attributes:
        absolute_band, relative_band: fractions of at least 0.
        drawdown_fraction: above 0 to 1.
        day_offset_ns: when the day begins, see ``session_day``.
    """

    calendar: Period | None = None
    absolute_band: Decimal | None = None
    relative_band: Decimal | None = None
    drawdown_fraction: Decimal | None = None
    day_offset_ns: int = 0

    def __post_init__(self) -> None:
        """
        Raises:
            ConfigurationError: a band below 0, or a drawdown out of range.
        """
        for name in ("absolute_band", "relative_band"):
            band = getattr(self, name)
            if band is not None and (not is_amount(band) or band < 0):
                raise ConfigurationError(f"{name} must be a Decimal of at least 0, got {band}")
        _drawdown_rule(self)


class Trigger(msgspec.Struct, frozen=True):
    """Why it is time. ``detail``: who is how far off, for people."""

    kind: TriggerKind
    detail: str


class TriggerState(msgspec.Struct, frozen=True, kw_only=True):
    """What the triggers remember.

    Attributes:
        since_ts: the last rebalance, or the start.
        drawdown: follows the peak of the whole; None without that trigger.
    """

    rules: TriggerRules
    since_ts: int
    drawdown: StopState | None = None


class TriggerObservation(msgspec.Struct, frozen=True, kw_only=True):
    """The books at a session's close.

    Attributes:
        target_fractions: strategy id -> weight that it should have.
        equities: strategy id -> equity, for at least the same strategies.
        total: equity of all books that take part, RESERVE included.
        capital_moved: what came in from outside (negative: went out) since the last observation.
    """

    ts: int
    target_fractions: Mapping[str, Decimal]
    equities: Mapping[str, Decimal]
    total: Decimal
    capital_moved: Decimal = ZERO


def start_triggers(rules: TriggerRules, total: Decimal, ts: int) -> TriggerState:
    """The state at the beginning of a run."""
    rule = _drawdown_rule(rules)
    return TriggerState(
        rules=rules, since_ts=ts, drawdown=None if rule is None else arm(rule, total, ts)
    )


def observe_triggers(
    state: TriggerState, seen: TriggerObservation
) -> tuple[TriggerState, tuple[Trigger, ...]]:
    """The next state, and every trigger that is up: calendar, drifts by strategy, drawdown."""
    if state.drawdown is not None:
        drawdown, _ = observe(state.drawdown, seen.total, seen.ts, seen.capital_moved)
        state = msgspec.structs.replace(state, drawdown=drawdown)
    return state, (*_calendar(state, seen), *_drifts(state.rules, seen), *_drawdown(state))


def rebalanced(state: TriggerState, total: Decimal, ts: int) -> TriggerState:
    """All triggers answered: the calendar and the peak start anew."""
    drawdown = None if state.drawdown is None else reset(state.drawdown, total, ts)
    return TriggerState(rules=state.rules, since_ts=ts, drawdown=drawdown)


def _calendar(state: TriggerState, seen: TriggerObservation) -> Iterator[Trigger]:
    period, offset_ns = state.rules.calendar, state.rules.day_offset_ns
    if period is None:
        return
    if period_of(period, seen.ts, offset_ns) > period_of(period, state.since_ts, offset_ns):
        yield Trigger(TriggerKind.CALENDAR, f"first session of a new period, {period}")


def _drifts(rules: TriggerRules, seen: TriggerObservation) -> Iterator[Trigger]:
    if seen.total <= 0:
        return  # There are no weights of nothing.
    for strategy_id, fraction in seen.target_fractions.items():
        target = multiply(fraction, seen.total)
        off = subtract(seen.equities[strategy_id], target).copy_abs()
        for kind, band, base in (
            (TriggerKind.ABSOLUTE_DRIFT, rules.absolute_band, seen.total),
            (TriggerKind.RELATIVE_DRIFT, rules.relative_band, target),
        ):
            if band is not None and off > multiply(band, base):
                weight = _shown(seen.equities[strategy_id], seen.total)
                yield Trigger(kind, f"{strategy_id} has {weight}, should have {fraction:f}")


def _drawdown(state: TriggerState) -> Iterator[Trigger]:
    if state.drawdown is not None and state.drawdown.breach is not None:
        yield Trigger(TriggerKind.DRAWDOWN, str(state.drawdown.breach))


def _drawdown_rule(rules: TriggerRules) -> DrawdownRule | None:
    if rules.drawdown_fraction is None:
        return None
    # The action is never carried out: here a breach only means that it is time to rebalance.
    return DrawdownRule(
        scope_id=ACCOUNT_SCOPE,
        baseline=Baseline.PEAK,
        action=StopAction.BLOCK_ENTRIES,
        limit_fraction=rules.drawdown_fraction,
        day_offset_ns=rules.day_offset_ns,
    )


def _shown(part: Decimal, whole: Decimal) -> str:
    return f"{divide(part, whole, step=_SHOWN_STEP, rounding=ROUND_HALF_EVEN):f}"
