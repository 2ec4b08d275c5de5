"""Duties of an ``OrchestrationPort`` when things go wrong: lost answers, repeats, restarts.

The core's rule behind all of these: what is not known is UNKNOWN, and stays open until the venue
answers. An adapter that guesses ("no answer, so it was rejected") sells positions twice.
"""

from __future__ import annotations

from contextlib import suppress

import pytest

from orchestrion.domain.errors import PortUnavailableError
from orchestrion.domain.models.money import subtract
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.portfolio import PortfolioState
from orchestrion.domain.models.report import OrderAcceptedReport, OrderFilledReport
from orchestrion.testing.port_desk import (
    ACCEPTED,
    CANCEL_REJECTED,
    CANCELED,
    EXPIRED,
    REJECTED,
    PortDesk,
    without_time,
)


class FailureDuties(PortDesk):
    """One test per duty."""

    # -- no answer --------------------------------------------------------------------------

    @pytest.mark.parametrize("has_arrived", [True, False], ids=["arrived", "never arrived"])
    def test_lost_answer_is_no_rejection(self, has_arrived: bool) -> None:
        self.hook(self.lose_connection, has_arrived=has_arrived)
        self._hand_over_into_the_dark("1")

        assert [word for word in self.story("1") if word in (REJECTED, CANCELED, EXPIRED)] == []

    @pytest.mark.parametrize("has_arrived", [True, False], ids=["arrived", "never arrived"])
    def test_resend_after_a_lost_answer_gives_one_order(self, has_arrived: bool) -> None:
        self.hook(self.lose_connection, has_arrived=has_arrived)
        self._hand_over_into_the_dark("1")
        self.hook(self.restore_connection)
        self.hand_over(self.submit("1"))

        accepted = [without_time(one) for one in self.only(OrderAcceptedReport, "1")]
        if not has_arrived and EXPIRED in self.story("1"):
            # The adapter found out that the order is not there and gave it up: its prices are old.
            assert accepted == []
            assert self.story("1").count(EXPIRED) == 1
            return
        assert len(dict.fromkeys(accepted)) == 1, self.story("1")
        assert REJECTED not in self.story("1")
        self.hand_over(self.cancel("1"))
        assert self.story("1")[-1] == CANCELED
        self.hand_over(self.cancel("1", again="-2"))
        assert self.story("1")[-1] == CANCEL_REJECTED, "a second order lives under the id"

    def test_lost_answer_to_a_cancel_leaves_the_order_open(self) -> None:
        self.working("1")
        self.hook(self.lose_connection, has_arrived=False)
        with suppress(PortUnavailableError):
            self.hand_over(self.cancel("1"))

        assert self.story("1") == [ACCEPTED]

    def test_portfolio_without_connection_is_the_last_word_or_an_error(self) -> None:
        before = self.portfolio()
        self.hook(self.lose_connection, has_arrived=False)
        try:
            state: PortfolioState = self.portfolio()
        except PortUnavailableError:
            return
        assert (state.cash, state.positions) == (before.cash, before.positions)

    def _hand_over_into_the_dark(self, name: str) -> None:
        # Allowed: it means UNKNOWN. Another error of the vendor's has to be translated.
        with suppress(PortUnavailableError):
            self.hand_over(self.submit(name))

    # -- the same again, late, and after a restart ----------------------------------------------

    def test_repeated_reports_add_nothing(self) -> None:
        self.working("1", "2")
        self.hook(self.fill, self.order_id("1"))
        self.hand_over(self.cancel("2"))
        self.collect()
        first = dict.fromkeys(without_time(one) for one in self.own_reports())
        self.hook(self.repeat_reports)
        self.hook(self.repeat_reports)

        assert dict.fromkeys(without_time(one) for one in self.own_reports()) == first
        assert self.filled("1") == self.quantity

    def test_late_fill_of_a_canceled_order_is_told(self) -> None:
        held = self.held()
        self.working("1")
        self.hand_over(self.cancel("1"))
        assert self.story("1") == [ACCEPTED, CANCELED]
        self.hook(self.fill_late, self.order_id("1"))

        assert self.filled("1") == self.quantity, "the venue's word about money is passed on"
        assert subtract(self.held(), held) == self.quantity

    def test_order_survives_the_adapter(self) -> None:
        self.working("1")
        self.restart()
        self.hand_over(self.cancel("1"))

        assert self.story("1")[-1] == CANCELED
        assert self.story("1").count(CANCELED) == 1

    def test_repeated_id_after_a_restart_is_the_same_order(self) -> None:
        self.working("1")
        self.restart()
        self.hand_over(self.submit("1"))

        accepted = [without_time(one) for one in self.only(OrderAcceptedReport, "1")]
        assert len(dict.fromkeys(accepted)) == 1
        assert REJECTED not in self.story("1")

    def test_filled_order_is_not_executed_again_after_a_restart(self) -> None:
        self.working("1")
        self.hook(self.fill, self.order_id("1"))
        self.collect()
        held = self.held()
        self.restart()
        self.hand_over(self.submit("1"))
        self.collect()

        assert self.filled("1") == self.quantity
        assert self.held() == held

    def test_portfolio_is_the_same_after_a_restart(self) -> None:
        self.working("1")
        self.hook(self.fill, self.order_id("1"))
        self.collect()
        before = self.portfolio()
        self.restart()

        after = self.portfolio()
        assert (after.cash, after.positions) == (before.cash, before.positions)

    def test_trade_ids_do_not_start_anew_after_a_restart(self) -> None:
        self.working("1")
        self.hook(self.fill, self.order_id("1"))
        self.collect()
        self.restart()
        self.hand_over(self.submit("2"))
        self.collect()
        self.hook(self.fill, self.order_id("2"))

        (first, *_), (second, *_) = (self.only(OrderFilledReport, name) for name in "12")
        assert first.trade_id != second.trade_id
        assert first.side is second.side is OrderSide.BUY
