"""Duties of an ``OrchestrationPort`` at the way in: accept and return, ids, order, garbage."""

from __future__ import annotations

import inspect
from decimal import Decimal
from typing import Any

import pytest

from orchestrion.domain.models.command import StrategyCommand, SubmitOrder
from orchestrion.domain.models.money import add
from orchestrion.domain.models.order import Leg, OrderSide, OrderType, TimeInForce
from orchestrion.domain.models.report import (
    OrderAcceptedReport,
    OrderFilledReport,
    OrderRejectedReport,
)
from orchestrion.testing.port_desk import (
    ACCEPTED,
    CANCEL_REJECTED,
    CANCELED,
    FILLED,
    HOOKS,
    REJECTED,
    PortDesk,
    without_time,
)

MANY_ORDERS = 1_000
"""As many as one strategy may give in one round."""

UNUSABLE_QUANTITIES = [Decimal(0), Decimal(-1), Decimal("NaN"), Decimal("Infinity")]
UNUSABLE_ORDERS = [
    pytest.param({"legs": ()}, id="no legs"),
    pytest.param({"legs": (Leg("NO-SUCH-THING", OrderSide.BUY, Decimal(1)),)}, id="unknown"),
    pytest.param({"order_type": OrderType.LIMIT, "limit_price": None}, id="limit without price"),
    pytest.param(
        {"order_type": OrderType.LIMIT, "limit_price": Decimal("NaN")}, id="limit of no number"
    ),
    pytest.param(
        {"order_type": OrderType.STOP_MARKET, "stop_price": None}, id="stop without price"
    ),
    pytest.param({"time_in_force": TimeInForce.GTD, "expire_ts": None}, id="GTD without end"),
]


class SubmissionDuties(PortDesk):
    """One test per duty."""

    def test_impossible_names_hooks_that_are_not_written(self) -> None:
        for name, reason in self.impossible.items():
            assert name in HOOKS, f"there is no hook {name!r}"
            assert reason.strip(), f"{name} needs a reason"
            is_written = getattr(type(self), name) is not getattr(PortDesk, name)
            assert not is_written, f"{name} is written and declared impossible"

    # -- accept and return ------------------------------------------------------------------

    def test_methods_are_plain_functions(self) -> None:
        assert not inspect.iscoroutinefunction(self.port.execute_commands)
        assert not inspect.iscoroutinefunction(self.port.get_portfolio_state)

    def test_handing_over_answers_nothing(self) -> None:
        answer = self._call(self.port.execute_commands, [self.submit("1")])

        assert answer is None

    def test_no_commands_do_nothing(self) -> None:
        self.hand_over()

        assert self.own_reports() == []

    def test_handing_over_does_not_wait(self) -> None:
        started = self.stopwatch()
        self.hand_over(self.submit("1"))
        elapsed = self.stopwatch() - started

        assert elapsed <= self.answer_max_s, f"execute_commands took {elapsed:.3f} s"

    def test_handing_over_fills_nothing(self) -> None:
        before = self.portfolio()
        self.hand_over(self.submit("1"))

        assert FILLED not in self.story("1")
        assert self.portfolio().positions == before.positions
        assert self.portfolio().cash == before.cash

    def test_list_stays_the_callers(self) -> None:
        commands: list[StrategyCommand] = [self.submit("1"), self.submit("2")]
        kept = list(commands)
        self._call(self.port.execute_commands, commands)
        assert commands == kept
        commands.clear()

        assert self.story("1") == [ACCEPTED]
        assert self.story("2") == [ACCEPTED]

    # -- every order is answered, under its id, in order ----------------------------------------

    def test_order_is_accepted_once_under_its_id(self) -> None:
        self.hand_over(self.submit("1"))

        (report,) = self.own_reports()
        assert isinstance(report, OrderAcceptedReport)
        assert report.client_order_id == self.order_id("1")
        assert report.venue_order_id.strip()

    def test_reports_come_in_the_order_of_the_commands(self) -> None:
        self.hand_over(self.submit("2"), self.submit("1"), self.submit("3"))

        ids = [report.client_order_id for report in self.own_reports()]
        assert ids == [self.order_id(name) for name in "213"]

    def test_many_orders_at_once_are_each_answered_once_in_order(self) -> None:
        names = [f"many-{number}" for number in range(MANY_ORDERS)]
        self.hand_over(*(self.submit(name) for name in names))

        reports = self.own_reports()
        assert [report.client_order_id for report in reports] == [
            self.order_id(name) for name in names
        ]
        venue_ids = [one.venue_order_id for one in reports if isinstance(one, OrderAcceptedReport)]
        assert len(dict.fromkeys(venue_ids)) == MANY_ORDERS, "a venue_order_id came twice"

    def test_cancel_before_its_order_does_not_reach_it(self) -> None:
        self.hand_over(self.cancel("1"), self.submit("1"))

        assert self.story("1") == [CANCEL_REJECTED, ACCEPTED]

    def test_two_legs_are_one_order(self) -> None:
        order = self._two_legs()
        self.hand_over(self.submit("1", legs=order))

        (answer,) = self.story("1")
        assert answer in (ACCEPTED, REJECTED)

    def test_two_legs_fill_each_under_its_index(self) -> None:
        legs = self._two_legs()
        self.hand_over(self.submit("1", legs=legs))
        if self.story("1") == [REJECTED]:
            pytest.skip("the adapter refuses orders with two legs, which is allowed")
        self.hook(self.fill, self.order_id("1"))

        fills = self.only(OrderFilledReport, "1")
        assert {fill.leg_index for fill in fills} == {0, 1}
        for fill in fills:
            leg = legs[fill.leg_index]
            assert (fill.instrument_id, fill.side) == (leg.instrument_id, leg.side)
        assert [self.filled("1", 0), self.filled("1", 1)] == [one.quantity for one in legs]

    def _two_legs(self) -> tuple[Leg, Leg]:
        if self.second_instrument_id is None:
            pytest.skip("second_instrument_id is not given")
        return (
            Leg(self.instrument_id, OrderSide.BUY, self.quantity),
            Leg(self.second_instrument_id, OrderSide.SELL, self.quantity),
        )

    # -- one id, one order ------------------------------------------------------------------

    def test_repeated_id_in_one_list_is_the_same_order(self) -> None:
        self.hand_over(self.submit("1"), self.submit("1"))

        self._assert_entered_once("1")

    def test_repeated_id_in_a_later_list_is_the_same_order(self) -> None:
        self.working("1")
        self.hand_over(self.submit("1"))

        self._assert_entered_once("1")

    def test_repeated_id_with_another_quantity_is_the_same_order(self) -> None:
        self.working("1")
        doubled = Leg(self.instrument_id, OrderSide.BUY, add(self.quantity, self.quantity))
        self.hand_over(self.submit("1", legs=(doubled,)))

        self._assert_entered_once("1")

    def test_repeated_id_after_the_end_is_no_new_order(self) -> None:
        self.working("1")
        self.hand_over(self.cancel("1"))
        self.collect()
        self.hand_over(self.submit("1"))

        self._assert_entered_once("1")
        self.hand_over(self.cancel("1", again="-2"))
        assert self.story("1")[-1] == CANCEL_REJECTED, "the order lives again"

    def test_repeated_id_after_the_fill_is_not_executed_again(self) -> None:
        self.working("1")
        self.hook(self.fill, self.order_id("1"))
        self.collect()
        held = self.held()
        self.hand_over(self.submit("1"))

        self._assert_entered_once("1")
        assert self.filled("1") == self.quantity
        assert self.held() == held

    def test_repeated_cancel_is_the_same_cancel(self) -> None:
        self.working("1")
        self.hand_over(self.cancel("1"), self.cancel("1"))
        self.hand_over(self.cancel("1"))

        assert self.story("1") == [ACCEPTED, CANCELED]

    def _assert_entered_once(self, name: str) -> None:
        """A repeat is answered by nothing, or by what was said before; never by a rejection."""
        assert REJECTED not in self.story(name), (
            "a repeat was reported as rejected: the order works"
        )
        accepted = [without_time(one) for one in self.only(OrderAcceptedReport, name)]
        assert len(dict.fromkeys(accepted)) == 1, "a repeat became an order of its own"

    # -- garbage ----------------------------------------------------------------------------

    @pytest.mark.parametrize("changes", UNUSABLE_ORDERS)
    def test_unusable_order_is_rejected_by_a_report(self, changes: dict[str, Any]) -> None:
        self._assert_only_the_bad_one_is_rejected(changes)

    @pytest.mark.parametrize("quantity", UNUSABLE_QUANTITIES, ids=str)
    def test_unusable_quantity_is_rejected_by_a_report(self, quantity: Decimal) -> None:
        leg = Leg(self.instrument_id, OrderSide.BUY, quantity)
        self._assert_only_the_bad_one_is_rejected({"legs": (leg,)})

    def _assert_only_the_bad_one_is_rejected(self, changes: dict[str, Any]) -> None:
        before = self.portfolio()
        self.hand_over(self.submit("before"), self.submit("bad", **changes), self.submit("after"))

        stories = [self.story(name) for name in ("before", "bad", "after")]
        assert stories == [[ACCEPTED], [REJECTED], [ACCEPTED]]
        (rejected,) = self.only(OrderRejectedReport, "bad")
        assert rejected.reason.strip(), "a rejection says why"
        assert self.portfolio().positions == before.positions

    def test_unapproved_command_is_refused_before_any_other_leaves(self) -> None:
        unapproved: SubmitOrder = self.make_order(self.order_id("2"))
        with pytest.raises(TypeError, match="ApprovedCommand"):
            self.hand_over(self.submit("1"), unapproved)

        assert self.own_reports() == []
        self.hand_over(self.submit("1"))
        assert self.story("1") == [ACCEPTED], "the refused list has used the id up"
