"""Every conflict type and every policy that suits it: what two strategies wanted and what they got.

alpha has the better rank. The rules are those of a run: figures of the account by ``screen``,
conflicts by ``StrategyCoordinator``, the last word by the capital manager.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest

from orchestrion.domain.capital.limit import Limits
from orchestrion.domain.conflict import (
    ConflictPolicies,
    ConflictPolicy,
    InstrumentClaims,
    Resolution,
    instrument_claims,
    release_held,
)
from orchestrion.domain.margin.leverage_claim import LeverageClaim
from orchestrion.domain.models.command import RefusedCommand, SubmitOrder
from orchestrion.domain.models.order import Order, OrderStatus
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.proposal import Checked, HeldProposal, Proposal, check_answer
from orchestrion.domain.orchestration.screening import screen
from orchestrion.domain.orchestration.strategy_coordinator import StrategyCoordinator
from tests.fakes_conflict import told
from tests.fakes_rules import Desk, approved, buy, leg, limit, order_for, sell

PRIORITY, NET, REJECT_ALL, CANCEL_RESTING, SCALE, ALLOW = ConflictPolicy
BETA = {"owner": "beta"}
ABOVE, BELOW = limit(110), limit(90)


class Floor:
    """An account of alpha and beta, 10,000 each, with AAA and BBB at 100 and 10."""

    def __init__(
        self,
        *,
        claims: InstrumentClaims | None = None,
        limits: Limits | None = None,
        **policies: Any,
    ) -> None:
        self.desk = Desk(AAA=100, BBB=10, account_limits=limits or Limits())
        self.claims = claims or InstrumentClaims()
        self.coordinator = StrategyCoordinator(ConflictPolicies(**policies))
        self.held: tuple[HeldProposal, ...] = ()

    # -- given --------------------------------------------------------------------------------

    def holds(self, owner: str, instrument_id: str, quantity: int) -> Floor:
        self.desk.hold(instrument_id, quantity, owner=owner)
        return self

    def rests(self, command: SubmitOrder) -> Order:
        """An order that works at the venue since an earlier round."""
        verdict = approved(self.desk.ask(command))
        order = self.desk.manager.working_orders(command.strategy_id)[verdict.client_order_id]
        self.desk.track(order, OrderStatus.ACCEPTED)
        return order

    # -- when ---------------------------------------------------------------------------------

    def round(self, *commands: SubmitOrder) -> Resolution:
        manager = self.desk.manager
        checked: list[Checked] = []
        for command in commands:
            owner = command.strategy_id
            working = manager.working_orders(owner)
            checked.extend(check_answer(owner, [command], manager.books[owner], working).checked)
        return self.resolve(checked)

    def resolve(self, checked: Iterable[Checked]) -> Resolution:
        manager, rules, all_checked = self.desk.manager, self.coordinator, tuple(checked)
        working = {
            key: order
            for owner in ("alpha", "beta")
            for key, order in manager.working_orders(owner).items()
        }
        context = None
        if rules.needs_screening(all_checked, working, claims=self.claims, held=self.held):
            context = screen(
                manager, all_checked, now=self.desk.now, policies=rules.policies, held=self.held
            )
        resolution = rules.resolve(
            all_checked, working, claims=self.claims, context=context, held=self.held
        )
        self.held = (*self.held, *resolution.held)
        return resolution

    # -- then ---------------------------------------------------------------------------------

    def fates(self, resolution: Resolution) -> list[str]:
        """Who leaves with how much, who waits, who is refused and why, in the round's order."""
        return [f"{one.strategy_id} {self._fate(one)}" for one in resolution.checked]

    def _fate(self, one: Checked) -> str:
        if isinstance(one, HeldProposal):
            return "waits"
        if not isinstance(one, Proposal):
            return one.refusal.code
        assert isinstance(one.command, SubmitOrder)
        verdict = self.desk.ask(one.command)
        if isinstance(verdict, RefusedCommand):
            return verdict.code
        return "+".join(f"{each.quantity:f}" for each in one.command.legs)


# -- opposing sides -------------------------------------------------------------------------------


def test_opposing_sides_by_priority_let_the_better_one_on() -> None:
    given = Floor()

    when = given.round(buy("AAA", 5), sell("AAA", 3, **BETA))

    assert told(when) == ["OPPOSING_SIDES AAA [alpha beta]: refused: beta"]
    assert given.fates(when) == ["alpha 5", "beta CONFLICT"]


def test_opposing_sides_that_are_netted_both_go_on_to_be_crossed_inside() -> None:
    given = Floor(opposing_sides=NET)

    when = given.round(buy("AAA", 5), sell("AAA", 3, **BETA))

    assert told(when) == ["OPPOSING_SIDES AAA [alpha beta]: crossed inside: alpha, beta"]
    assert [(one.instrument_id, one.places) for one in when.crosses] == [("AAA", (0, 1))]
    assert given.fates(when) == ["alpha 5", "beta 3"]


def test_legs_of_structures_are_never_netted_but_decided_by_priority() -> None:
    given = Floor(opposing_sides=NET)

    pair = order_for(leg("AAA", 1), leg("BBB", -10))
    when = given.round(pair, sell("AAA", 3, **BETA))

    assert when.crosses == ()
    assert given.fates(when) == ["alpha 1+10", "beta CONFLICT"]


def test_opposing_sides_that_are_all_rejected_leave_nobody() -> None:
    given = Floor(opposing_sides=REJECT_ALL)

    when = given.round(buy("AAA", 5), sell("AAA", 3, **BETA))

    assert told(when) == ["OPPOSING_SIDES AAA [alpha beta]: refused: alpha, beta"]
    assert given.fates(when) == ["alpha CONFLICT", "beta CONFLICT"]


def test_opposing_sides_that_are_allowed_are_told_and_go_on() -> None:
    given = Floor(opposing_sides=ALLOW)

    when = given.round(buy("AAA", 5), sell("AAA", 3, **BETA))

    assert told(when) == ["OPPOSING_SIDES AAA [alpha beta]: all go on"]
    assert given.fates(when) == ["alpha 5", "beta 3"]


def test_new_order_waits_until_the_resting_one_is_withdrawn_and_then_leaves() -> None:
    given = Floor(opposing_sides=CANCEL_RESTING)
    resting = given.rests(sell("AAA", 3, **BETA, **ABOVE))

    when = given.round(buy("AAA", 5))

    assert given.fates(when) == ["alpha waits"]
    assert when.cancels == (resting.client_order_id,)

    given.desk.track(resting, OrderStatus.CANCELED)
    released = release_held(given.held, ended=[resting.client_order_id])
    given.held = released.waiting
    assert given.fates(given.resolve(released.released)) == ["alpha 5"]


def test_exit_waits_for_the_resting_entry_and_goes_on_if_it_cannot_be_withdrawn() -> None:
    given = Floor(opposing_sides=CANCEL_RESTING).holds("alpha", "AAA", 5)
    resting = given.rests(buy("AAA", 3, **BETA, **BELOW))

    when = given.round(sell("AAA", 5))
    assert given.fates(when) == ["alpha waits"]

    given.desk.track(resting, OrderStatus.ACCEPTED)
    stuck = release_held(given.held, not_withdrawn=[resting.client_order_id])
    given.held = stuck.waiting
    assert given.fates(given.resolve(stuck.released)) == ["alpha 5"]


def test_entry_whose_way_is_not_cleared_is_refused() -> None:
    given = Floor(opposing_sides=CANCEL_RESTING)
    resting = given.rests(sell("AAA", 3, **BETA, **ABOVE))
    given.round(buy("AAA", 5))

    stuck = release_held(given.held, not_withdrawn=[resting.client_order_id])

    assert [one.refusal.code for one in stuck.refused] == ["CONFLICT"]
    assert (stuck.waiting, stuck.released) == ((), ())


def test_held_order_does_not_outlive_the_session() -> None:
    given = Floor(opposing_sides=CANCEL_RESTING)
    given.rests(sell("AAA", 3, **BETA, **ABOVE))
    given.round(buy("AAA", 5))

    closed = release_held(given.held, is_session_closed=True)

    assert [one.strategy_id for one in closed.refused] == ["alpha"]


@pytest.mark.parametrize("policy", [PRIORITY, REJECT_ALL])
def test_exit_never_loses_to_a_better_entry(policy: ConflictPolicy) -> None:
    given = Floor(opposing_sides=policy).holds("beta", "AAA", 5)

    when = given.round(buy("AAA", 5), sell("AAA", 5, **BETA))

    assert given.fates(when) == ["alpha CONFLICT", "beta 5"]


def test_nobody_loses_to_an_order_that_its_own_budget_refuses() -> None:
    given = Floor()

    when = given.round(buy("AAA", 101), sell("AAA", 3, **BETA))

    assert told(when) == []
    assert given.fates(when) == ["alpha BUDGET_EXCEEDED", "beta 3"]


# -- duplicate orders -----------------------------------------------------------------------------


def test_order_that_is_given_twice_leaves_once() -> None:
    given = Floor()

    when = given.round(buy("AAA", 5), buy("AAA", 5))

    assert told(when) == ["DUPLICATE_ORDER AAA [alpha]: refused: alpha"]
    assert given.fates(when) == ["alpha 5", "alpha CONFLICT"]


def test_order_that_works_already_is_not_given_again() -> None:
    given = Floor()
    given.rests(buy("AAA", 5, **BELOW))

    when = given.round(buy("AAA", 5, **BELOW))

    assert given.fates(when) == ["alpha CONFLICT"]


def test_order_of_two_strategies_is_refused_to_both_where_that_is_wanted() -> None:
    given = Floor(duplicate_order=REJECT_ALL, duplicates_across_strategies=True)

    when = given.round(buy("AAA", 5), buy("AAA", 5, **BETA))

    assert told(when) == ["DUPLICATE_ORDER AAA [alpha beta]: refused: alpha, beta"]
    assert given.fates(when) == ["alpha CONFLICT", "beta CONFLICT"]


def test_order_that_is_given_twice_on_purpose_is_told_and_leaves_twice() -> None:
    given = Floor(duplicate_order=ALLOW)

    when = given.round(buy("AAA", 5), buy("AAA", 5))

    assert told(when) == ["DUPLICATE_ORDER AAA [alpha]: all go on"]
    assert given.fates(when) == ["alpha 5", "alpha 5"]


# -- exclusive instruments ------------------------------------------------------------------------

BETA_OWNS_AAA = instrument_claims(
    [StrategyMetadata(id="alpha"), StrategyMetadata(id="beta", exclusive_instruments=("AAA",))]
)


def test_instrument_that_a_strategy_declares_its_own_is_closed_to_better_ones() -> None:
    given = Floor(claims=BETA_OWNS_AAA)

    when = given.round(buy("AAA", 5), sell("AAA", 3, **BETA))

    assert told(when) == ["EXCLUSIVE_INSTRUMENT AAA [beta alpha]: refused: alpha"]
    assert given.fates(when) == ["alpha CONFLICT", "beta 3"]


def test_exclusive_instrument_belongs_to_whoever_is_in_it() -> None:
    given = Floor(exclusive_instruments=("AAA",)).holds("beta", "AAA", 5)

    when = given.round(buy("AAA", 5), buy("BBB", 10))

    assert given.fates(when) == ["alpha CONFLICT", "alpha 10"]


def test_exclusive_instrument_that_two_want_is_refused_to_both() -> None:
    given = Floor(exclusive_instrument=REJECT_ALL, exclusive_instruments=("AAA",))

    when = given.round(buy("AAA", 5), buy("AAA", 3, **BETA))

    assert given.fates(when) == ["alpha CONFLICT", "beta CONFLICT"]


def test_exclusive_instrument_may_be_shared_and_told() -> None:
    given = Floor(exclusive_instrument=ALLOW, claims=BETA_OWNS_AAA)

    when = given.round(buy("AAA", 5))

    assert told(when) == ["EXCLUSIVE_INSTRUMENT AAA [beta alpha]: all go on"]
    assert given.fates(when) == ["alpha 5"]


# -- leverage -------------------------------------------------------------------------------------

OTHER_LEVERAGE = instrument_claims(
    (),
    [
        LeverageClaim(strategy_id=one, instrument_id="AAA", leverage=Decimal(leverage))
        for one, leverage in (("alpha", 5), ("beta", 2))
    ],
)


def test_leverage_stays_as_the_strategy_in_the_position_has_set_it() -> None:
    given = Floor(claims=OTHER_LEVERAGE).holds("beta", "AAA", 5)

    when = given.round(buy("AAA", 5))

    assert told(when) == ["LEVERAGE_MISMATCH AAA [beta alpha]: refused: alpha"]
    assert given.fates(when) == ["alpha CONFLICT"]


def test_leverage_that_two_want_differently_is_refused_to_both() -> None:
    given = Floor(leverage_mismatch=REJECT_ALL, claims=OTHER_LEVERAGE)

    when = given.round(buy("AAA", 5), buy("AAA", 3, **BETA))

    assert given.fates(when) == ["alpha CONFLICT", "beta CONFLICT"]


def test_leverage_that_does_not_matter_is_told() -> None:
    given = Floor(leverage_mismatch=ALLOW, claims=OTHER_LEVERAGE)

    when = given.round(buy("AAA", 5), buy("AAA", 3, **BETA))

    assert told(when) == ["LEVERAGE_MISMATCH AAA [alpha beta]: all go on"]
    assert given.fates(when) == ["alpha 5", "beta 3"]


# -- concentration: at most a quarter of 20,000 in one underlying, 50 shares of AAA ---------------

QUARTER = Decimal("0.25")


@pytest.mark.parametrize(
    ("policy", "alpha", "beta"),
    [
        (PRIORITY, "30", "CONFLICT"),
        (REJECT_ALL, "CONFLICT", "CONFLICT"),
        (SCALE, "25", "25"),
        (ALLOW, "30", "30"),
    ],
)
def test_entries_that_concentrate_the_account(
    policy: ConflictPolicy, alpha: str, beta: str
) -> None:
    given = Floor(concentration=policy, concentration_max_fraction=QUARTER)

    when = given.round(buy("AAA", 30), buy("AAA", 30, **BETA))

    assert [one.conflict_type for one in when.events] == ["CONCENTRATION"]
    assert given.fates(when) == [f"alpha {alpha}", f"beta {beta}"]


def test_entry_concentrates_what_another_holds() -> None:
    given = Floor(concentration_max_fraction=QUARTER).holds("beta", "AAA", 40)

    when = given.round(buy("AAA", 20))

    assert told(when) == ["CONCENTRATION AAA [beta alpha]: refused: alpha"]
    assert given.fates(when) == ["alpha CONFLICT"]


# -- capital: a position by hand binds 12,000 of the 20,000 --------------------------------------


def short_of_capital(policy: ConflictPolicy) -> Floor:
    """Both books could still pay, the account as a whole has 8,000 left for both."""
    given = Floor(capital=policy)
    # What somebody did by hand binds capital that no strategy's budget knows of.
    given.desk.hold("BBB", 1200, owner="EXTERNAL")
    return given


@pytest.mark.parametrize(
    ("policy", "alpha", "beta"),
    [
        (PRIORITY, "60", "CONFLICT"),
        (REJECT_ALL, "CONFLICT", "CONFLICT"),
        (SCALE, "40", "40"),
        (ALLOW, "60", "ACCOUNT_MARGIN_EXCEEDED"),
    ],
)
def test_entries_that_need_more_than_the_account_has(
    policy: ConflictPolicy, alpha: str, beta: str
) -> None:
    given = short_of_capital(policy)
    assert given.desk.manager.free_capital() == 8_000

    when = given.round(buy("AAA", 60), buy("AAA", 60, **BETA))

    assert [one.conflict_type for one in when.events] == ["CAPITAL"]
    assert given.fates(when) == [f"alpha {alpha}", f"beta {beta}"]


# -- margin: half of 20,000 may be bound ----------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "alpha", "beta"),
    [
        (PRIORITY, "70", "CONFLICT"),
        (REJECT_ALL, "CONFLICT", "CONFLICT"),
        (SCALE, "50", "50"),
        (ALLOW, "70", "LIMIT_EXCEEDED"),
    ],
)
def test_entries_that_bind_more_than_the_account_may(
    policy: ConflictPolicy, alpha: str, beta: str
) -> None:
    given = Floor(margin=policy, limits=Limits(margin_use_max=Decimal("0.5")))

    when = given.round(buy("AAA", 70), buy("AAA", 70, **BETA))

    assert [one.conflict_type for one in when.events] == ["MARGIN"]
    assert given.fates(when) == [f"alpha {alpha}", f"beta {beta}"]


# -- quantity limits ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "alpha", "beta"),
    [
        (PRIORITY, "60", "CONFLICT"),
        (REJECT_ALL, "CONFLICT", "CONFLICT"),
        (SCALE, "50", "50"),
        (ALLOW, "60", "LIMIT_EXCEEDED"),
    ],
)
def test_entries_that_pass_the_accounts_quantity(
    policy: ConflictPolicy, alpha: str, beta: str
) -> None:
    given = Floor(position_limit=policy, limits=Limits(quantity_max=Decimal(100)))

    when = given.round(buy("AAA", 60), buy("AAA", 60, **BETA))

    assert [one.conflict_type for one in when.events] == ["POSITION_LIMIT"]
    assert given.fates(when) == [f"alpha {alpha}", f"beta {beta}"]
