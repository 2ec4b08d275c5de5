"""Duties of an ``OrchestrationPort`` on the way back: outcomes, fills, portfolio, time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from orchestrion.domain.models.money import ZERO, add, subtract
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.report import (
    ExternalFillReport,
    OrderAcceptedReport,
    OrderCancelRejectedReport,
    OrderFilledReport,
    OrderRejectedReport,
    VenueReport,
)
from orchestrion.testing.port_desk import (
    ACCEPTED,
    CANCEL_REJECTED,
    CANCELED,
    EXPIRED,
    FILLED,
    REJECTED,
    PortDesk,
    money_of,
)

ENDS = (REJECTED, CANCELED, EXPIRED)


class OutcomeDuties(PortDesk):
    """One test per duty."""

    # -- how an order ends ------------------------------------------------------------------

    def test_cancel_is_answered_by_a_report(self) -> None:
        self.hand_over(self.submit("1"), self.cancel("1"))

        assert self.story("1") == [ACCEPTED, CANCELED]

    def test_cancel_of_an_ended_order_is_rejected_by_a_report(self) -> None:
        self.working("1")
        self.hand_over(self.cancel("1"))
        self.hand_over(self.cancel("1", again="-2"))

        assert self.story("1") == [ACCEPTED, CANCELED, CANCEL_REJECTED]
        self._assert_cancel_has_a_reason("1")

    def test_cancel_of_an_unknown_order_is_rejected_by_a_report(self) -> None:
        self.hand_over(self.cancel("nobody"))

        assert self.story("nobody") == [CANCEL_REJECTED]
        self._assert_cancel_has_a_reason("nobody")

    def test_cancel_of_a_filled_order_is_rejected_and_the_fill_stands(self) -> None:
        self.working("1")
        self.hook(self.fill, self.order_id("1"))
        self.collect()
        self.hand_over(self.cancel("1"))

        assert CANCELED not in self.story("1")
        assert self.story("1")[-1] == CANCEL_REJECTED
        assert self.filled("1") == self.quantity

    def test_cancel_reaches_no_other_order(self) -> None:
        self.working("1", "2")
        self.hand_over(self.cancel("1"))

        assert self.story("2") == [ACCEPTED]
        self.hand_over(self.cancel("2"))
        assert self.story("2") == [ACCEPTED, CANCELED]

    def test_rejection_of_the_venue_is_the_orders_only_report(self) -> None:
        self.hook(self.reject_next)
        self.hand_over(self.submit("1"))

        assert self.story("1") == [REJECTED]
        assert all(one.reason.strip() for one in self.only(OrderRejectedReport, "1"))
        self.hand_over(self.submit("2"))
        assert self.story("2") == [ACCEPTED], "a rejection reaches one order only"

    def test_expiry_is_told_once_and_ends_the_order(self) -> None:
        self.working("1")
        self.hook(self.expire, self.order_id("1"))
        assert self.story("1") == [ACCEPTED, EXPIRED]
        self.hand_over(self.cancel("1"))

        assert self.story("1") == [ACCEPTED, EXPIRED, CANCEL_REJECTED]

    @pytest.mark.parametrize("end", ["fill", "cancel", "reject", "expire"])
    def test_every_order_has_exactly_one_final_outcome(self, end: str) -> None:
        if end == "reject":
            self.hook(self.reject_next)
        self.hand_over(self.submit("1"))
        self.collect()
        if end == "fill":
            self.hook(self.fill, self.order_id("1"))
        if end == "cancel":
            self.hand_over(self.cancel("1"))
        if end == "expire":
            self.hook(self.expire, self.order_id("1"))
        # What comes afterwards must not end it a second time.
        self.hand_over(self.cancel("1", again="-late"), self.submit("1"))
        self.collect()

        ends = [word for word in self.story("1") if word in ENDS]
        is_filled = self.filled("1") == self.quantity
        assert len(ends) + is_filled == 1, self.story("1")

    def _assert_cancel_has_a_reason(self, name: str) -> None:
        (refused,) = self.only(OrderCancelRejectedReport, name)
        assert refused.reason.strip(), "a refused cancel says why"

    # -- fills ------------------------------------------------------------------------------

    def test_fill_says_everything_about_itself(self) -> None:
        self.working("1")
        self.hook(self.fill, self.order_id("1"))

        (accepted,) = self.only(OrderAcceptedReport, "1")
        fills = self.only(OrderFilledReport, "1")
        assert fills, "the market filled the order, and no report says so"
        for fill in fills:
            assert fill.venue_order_id == accepted.venue_order_id
            assert fill.trade_id.strip()
            assert fill.leg_index == 0
            assert fill.instrument_id == self.instrument_id
            assert fill.side is OrderSide.BUY
            _assert_amounts(fill.last_qty, fill.last_px, fill.commission)
            assert fill.last_qty > 0

    def test_acceptance_comes_before_fills_and_fills_before_the_end(self) -> None:
        self.working("1")
        self.hook(self.fill_part, self.order_id("1"), self.part_quantity)
        self.collect()
        self.hand_over(self.cancel("1"))

        story = self.story("1")
        assert story[0] == ACCEPTED
        assert story[-1] == CANCELED
        assert set(story[1:-1]) == {FILLED}

    def test_partial_fills_add_up_to_the_order(self) -> None:
        self.working("1")
        self.hook(self.fill_part, self.order_id("1"), self.part_quantity)
        assert self.filled("1") == self.part_quantity
        self.hook(self.fill, self.order_id("1"))

        assert self.filled("1") == self.quantity
        ids = [fill.trade_id for fill in self.only(OrderFilledReport, "1")]
        assert len(ids) >= 2
        assert len(dict.fromkeys(ids)) == len(ids), "two fills under one trade_id"

    def test_cancel_after_a_partial_fill_keeps_the_part(self) -> None:
        held = self.held()
        self.working("1")
        self.hook(self.fill_part, self.order_id("1"), self.part_quantity)
        self.collect()
        self.hand_over(self.cancel("1"))

        assert self.story("1")[-1] == CANCELED
        assert self.filled("1") == self.part_quantity
        assert subtract(self.held(), held) == self.part_quantity

    def test_fill_reaches_no_other_order(self) -> None:
        self.working("1", "2")
        self.hook(self.fill, self.order_id("2"))

        assert self.story("1") == [ACCEPTED]
        assert self.filled("2") == self.quantity

    def test_trade_ids_of_two_orders_differ(self) -> None:
        self.working("1", "2")
        self.hook(self.fill, self.order_id("1"))
        self.hook(self.fill, self.order_id("2"))

        first, second = (
            {fill.trade_id for fill in self.only(OrderFilledReport, name)} for name in "12"
        )
        assert first
        assert second
        assert not first & second

    # -- the portfolio ----------------------------------------------------------------------

    def test_portfolio_is_well_formed(self) -> None:
        state = self.portfolio()

        assert isinstance(state.cash, Decimal)
        assert state.cash.is_finite()
        assert type(state.ts_event) is int
        ids = [one.instrument_id for one in state.positions]
        assert ids == sorted(dict.fromkeys(ids)), "positions stand once each, by instrument id"
        for position in state.positions:
            assert isinstance(position.quantity, Decimal)
            assert position.quantity.is_finite()

    def test_asking_for_the_portfolio_changes_nothing(self) -> None:
        self.working("1")
        first, second = self.portfolio(), self.portfolio()

        assert (first.cash, first.positions) == (second.cash, second.positions)
        assert self.story("1") == [ACCEPTED]

    def test_portfolio_moves_by_what_the_reports_say(self) -> None:
        before, held = self.portfolio(), self.held()
        self.working("1")
        self.hook(self.fill, self.order_id("1"))
        fills = self.only(OrderFilledReport, "1")

        assert subtract(self.held(), held) == _signed_quantity(fills)
        if self.is_paid_in_cash:
            moved = subtract(self.portfolio().cash, before.cash)
            assert moved == _money(fills, self.multiplier)

    def test_trade_by_hand_is_told_as_nobodys_order(self) -> None:
        held = self.held()
        self.working("1")
        self.hook(self.trade_elsewhere, OrderSide.SELL, self.quantity)

        assert self.story("1") == [ACCEPTED]
        trades = [one for one in self.told if isinstance(one, ExternalFillReport)]
        assert _signed_quantity(trades) == self.quantity.copy_negate()
        assert subtract(self.held(), held) == self.quantity.copy_negate()

    # -- being asked ------------------------------------------------------------------------

    def test_reports_are_told_once(self) -> None:
        self.working("1")

        assert self.collect() == ()

    def test_reports_in_hand_do_not_change_when_commands_are_handed_over(self) -> None:
        self.hand_over(self.submit("1"))
        self._call(self.settle)
        in_hand: Any = self._call(self.take_reports)
        before = tuple(in_hand)
        self.told.extend(before)
        self.hand_over(self.submit("2"))
        self.collect()

        assert tuple(in_hand) == before
        assert [self.story("1"), self.story("2")] == [[ACCEPTED], [ACCEPTED]]

    def test_listener_is_not_called_while_commands_are_handed_over(self) -> None:
        inside: list[bool] = []
        is_handing_over = False

        def listener(_: VenueReport) -> None:
            inside.append(is_handing_over)

        def hand_over() -> None:
            nonlocal is_handing_over
            is_handing_over = True
            self.port.execute_commands([self.submit("1")])
            is_handing_over = False

        self.hook(self.listen, listener)
        self._call(hand_over)
        self.collect()

        assert inside, "the listener was never called"
        assert not any(inside), "a report came before execute_commands had returned"

    def test_listener_may_hand_over_commands(self) -> None:
        depth = deepest = 0
        following = {self.order_id("1"): self.submit("2"), self.order_id("2"): self.submit("3")}

        def listener(report: VenueReport) -> None:
            nonlocal depth, deepest
            depth += 1
            deepest = max(deepest, depth)
            order = following.pop(getattr(report, "client_order_id", ""), None)
            if order is not None:
                self.port.execute_commands([order])
            depth -= 1

        self.hook(self.listen, listener)
        self.hand_over(self.submit("1"))
        self.collect()

        assert [self.story(name) for name in "123"] == [[ACCEPTED]] * 3
        assert deepest == 1, "the listener was called inside itself"

    # -- types and time ---------------------------------------------------------------------

    def test_reports_are_of_the_known_kinds(self) -> None:
        self._play_a_little_of_everything()

        assert self.told
        kinds: tuple[type, ...] = VenueReport.__args__
        unknown = [report for report in self.told if type(report) not in kinds]
        assert unknown == []

    def test_time_is_in_nanoseconds_and_never_goes_back(self) -> None:
        started = self.now
        self._play_a_little_of_everything()

        times = [report.ts_event for report in self.told]
        assert times
        assert all(type(ts) is int for ts in times), "nanoseconds UTC are whole numbers"
        assert min(times) >= started - self.clock_skew_max_ns, "older than the order's decision"
        assert all(earlier <= later for earlier, later in pairwise(times)), times

    def _play_a_little_of_everything(self) -> None:
        self.hand_over(self.submit("1"), self.submit("2"), self.cancel("nobody"))
        self.collect()
        self.hand_over(self.cancel("2"))
        self.collect()
        if type(self).fill is not PortDesk.fill:
            self.hook(self.fill, self.order_id("1"))
        self.hand_over(self.submit("3"))
        self.collect()


_Fills = Iterable[OrderFilledReport | ExternalFillReport]


def _assert_amounts(*amounts: Decimal) -> None:
    for amount in amounts:
        assert isinstance(amount, Decimal), f"not a Decimal: {amount!r}"
        assert amount.is_finite(), f"not a number: {amount}"


def _summed(
    fills: _Fills, part: Callable[[OrderFilledReport | ExternalFillReport], Decimal]
) -> Decimal:
    total = ZERO
    for fill in fills:
        total = add(total, part(fill))
    return total


def _signed_quantity(fills: _Fills) -> Decimal:
    return _summed(
        fills, lambda one: one.last_qty if one.side is OrderSide.BUY else one.last_qty.copy_negate()
    )


def _money(fills: _Fills, multiplier: Decimal) -> Decimal:
    return _summed(fills, lambda one: money_of(one, multiplier))
