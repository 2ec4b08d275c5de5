"""Drawdown stops and the kill switch as stories: what trips them, what does not, what follows."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.capital.drawdown_stop import (
    ACCOUNT_SCOPE,
    Baseline,
    Breach,
    DrawdownRule,
    StopState,
    arm,
    observe,
    observe_all,
    reset,
)
from orchestrion.domain.capital.kill_switch import (
    KillSwitch,
    StopAction,
    pull,
    release,
)
from orchestrion.domain.capital.session_day import DAY_NS
from orchestrion.domain.orchestration.lifecycle import PauseMode, TradingState

MONDAY = 4 * DAY_NS
TUESDAY = MONDAY + DAY_NS


def _stop(
    scope_id: str,
    baseline: Baseline,
    fraction: str,
    equity: int,
    action: StopAction = StopAction.FLATTEN,
) -> StopState:
    rule = DrawdownRule(
        scope_id=scope_id,
        baseline=baseline,
        action=action,
        limit_fraction=Decimal(fraction),
    )
    return arm(rule, Decimal(equity), MONDAY)


def _look(
    stops: dict[str, StopState], ts: int, moved: dict[str, int] | None = None, **equities: int
) -> tuple[dict[str, StopState], tuple[Breach, ...]]:
    """One look at two strategies; the account's equity is the sum of theirs, its peak is not."""
    seen = {one: Decimal(equity) for one, equity in equities.items()}
    seen[ACCOUNT_SCOPE] = sum(seen.values(), Decimal(0))
    flows = {one: Decimal(amount) for one, amount in (moved or {}).items()}
    flows[ACCOUNT_SCOPE] = sum(flows.values(), Decimal(0))
    return observe_all(stops, seen, ts, flows)


def _account(action: StopAction = StopAction.HALT) -> dict[str, StopState]:
    """The account may lose a fifth from its peak, each strategy a quarter."""
    return {
        ACCOUNT_SCOPE: _stop(ACCOUNT_SCOPE, Baseline.PEAK, "0.2", 2000, action),
        "trend": _stop("trend", Baseline.PEAK, "0.25", 1000),
        "carry": _stop("carry", Baseline.PEAK, "0.25", 1000),
    }


def test_losing_strategy_stops_and_the_others_go_on() -> None:
    # Given two strategies with 1,000 each
    # When trend falls to 750 while carry gains
    stops, breaches = _look(_account(), MONDAY, trend=750, carry=1100)
    # Then only trend is stopped; its action closes its own quantity and cancels its entries
    assert [one.scope_id for one in breaches] == ["trend"]
    assert not stops[ACCOUNT_SCOPE].is_latched
    switch = pull(
        KillSwitch(scope_id="trend"), breaches[0].action, reason=str(breaches[0]), ts=MONDAY
    )
    assert switch.effect is not None
    assert (switch.effect.pause_mode, switch.effect.flattens) == (PauseMode.REDUCE_ONLY, True)
    assert switch.reason == "trend: lost 250.00 since peak (1000.00), 250.00 is allowed"


def test_loss_of_one_strategy_does_not_trip_another() -> None:
    # Given carry's stop, armed in the same account
    # When trend loses four tenths
    stops, breaches = _look(_account(), MONDAY, trend=600, carry=1000)
    # Then carry's stop has not moved; the account's has tripped, for the account has lost a fifth
    assert not stops["carry"].is_latched
    assert [one.scope_id for one in breaches] == [ACCOUNT_SCOPE, "trend"]


def test_account_peak_is_of_the_account_and_not_the_sum_of_peaks() -> None:
    # Given trend peaks today and carry tomorrow
    stops = _account()
    stops, _ = _look(stops, MONDAY, trend=1200, carry=900)
    stops, _ = _look(stops, TUESDAY, trend=950, carry=1200)
    # When both come down a little: 1,900 is more than a fifth below 2,400, the sum of their peaks
    stops, breaches = _look(stops, TUESDAY, trend=930, carry=970)
    # Then nothing trips, since the account never had more than 2,150
    assert breaches == ()
    assert stops[ACCOUNT_SCOPE].baseline_equity == 2150


def test_rebalance_trips_nothing() -> None:
    # Given everything is at its peak
    # When half of trend's capital goes to carry
    stops, breaches = _look(
        _account(), MONDAY, moved={"trend": -500, "carry": 500}, trend=500, carry=1500
    )
    # Then nobody has lost anything, and the account has not noticed
    assert breaches == ()
    assert stops[ACCOUNT_SCOPE].baseline_equity == 2000
    # And trend's quarter is counted from what it has left
    _, breaches = _look(stops, MONDAY, trend=375, carry=1500)
    assert [one.scope_id for one in breaches] == ["trend"]


def test_deposit_does_not_hide_a_loss() -> None:
    # Given trend has lost 20 of the 25 percent that it may
    stops, _ = _look(_account(), MONDAY, trend=800, carry=1000)
    # When its capital is doubled
    stops, breaches = _look(stops, MONDAY, moved={"trend": 800}, trend=1600, carry=1000)
    assert breaches == ()
    # Then another 5 percent of the old peak, now of 2,000, trip it
    stops, breaches = _look(stops, MONDAY, trend=1501, carry=1000)
    assert breaches == ()
    _, breaches = _look(stops, MONDAY, trend=1500, carry=1000)
    assert [one.scope_id for one in breaches] == ["trend"]


def test_withdrawal_is_not_taken_for_a_loss() -> None:
    # Given an account at its peak
    # When half of everything is withdrawn
    moved = {"trend": -500, "carry": -500}
    stops, breaches = _look(_account(), MONDAY, moved=moved, trend=500, carry=500)
    # Then all stops stand as before, on half the capital
    assert breaches == ()
    assert stops[ACCOUNT_SCOPE].baseline_equity == 1000


def test_daily_loss_counts_the_gap_over_night_and_forgets_yesterday() -> None:
    # Given a stop at five percent a day
    stop = _stop("trend", Baseline.DAY_START, "0.05", 1000)
    # When Monday loses 4 percent, nothing happens
    stop, breach = observe(stop, Decimal(960), MONDAY)
    assert breach is None
    # Then Tuesday begins at 960: 4 percent more are allowed, although 1,000 are far away
    stop, breach = observe(stop, Decimal(922), TUESDAY)
    assert breach is None
    # And an opening gap below 912 is Tuesday's loss
    stop, breach = observe(stop, Decimal(912), TUESDAY + 1)
    assert breach is not None
    assert breach.baseline_equity == 960


def test_stop_stays_tripped_through_recovery_and_new_days_until_it_is_reset() -> None:
    # Given a stop that tripped on Monday
    stop = _stop("trend", Baseline.DAY_START, "0.05", 1000)
    stop, breach = observe(stop, Decimal(900), MONDAY)
    switch = KillSwitch(scope_id="trend")
    switch = pull(switch, StopAction.REDUCE_ONLY, reason=str(breach), ts=MONDAY)
    # When prices recover and a new day begins
    stop, again = observe(stop, Decimal(1200), TUESDAY)
    # Then it is still tripped and says nothing twice
    assert stop.is_latched
    assert again is None
    assert switch.is_pulled
    # And after an operator's reset it counts from there
    stop, switch = reset(stop, Decimal(1200), TUESDAY), release(switch)
    assert not switch.is_pulled
    stop, breach = observe(stop, Decimal(1141), TUESDAY)
    assert breach is None
    stop, breach = observe(stop, Decimal(1140), TUESDAY)
    assert breach is not None


@pytest.mark.parametrize(
    ("action", "state", "flattens"),
    [
        (StopAction.BLOCK_ENTRIES, TradingState.REDUCING, False),
        (StopAction.REDUCE_ONLY, TradingState.REDUCING, False),
        (StopAction.FLATTEN, TradingState.REDUCING, True),
        (StopAction.HALT, TradingState.HALTED, False),
    ],
)
def test_account_stop_has_the_effect_that_was_configured(
    action: StopAction, state: TradingState, flattens: bool
) -> None:
    # Given the account's stop with an action, when a fifth is lost
    _, breaches = _look(_account(action), MONDAY, trend=800, carry=800)
    switch = pull(KillSwitch(scope_id=ACCOUNT_SCOPE), breaches[0].action, reason="", ts=MONDAY)
    # Then that is what happens to the account
    assert switch.effect is not None
    assert (switch.effect.trading_state, switch.effect.flattens) == (state, flattens)


def test_operator_can_make_it_stricter_but_no_stop_makes_it_milder() -> None:
    # Given a stop that flattens
    switch = pull(KillSwitch(scope_id="trend"), StopAction.FLATTEN, reason="stop", ts=1)
    # When the operator halts, and another stop would only block entries
    switch = pull(switch, StopAction.HALT, reason="operator", ts=2)
    switch = pull(switch, StopAction.BLOCK_ENTRIES, reason="another stop", ts=3)
    # Then it stays halted, by the operator
    assert (switch.action, switch.reason, switch.ts) == (StopAction.HALT, "operator", 2)
