"""Adapters with one planted fault each. The contract of the port has to find every one.

Each is a mistake that adapters in the field make; its first line says which. All stand on the sound
adapter and its broker in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from orchestrion.domain.errors import PortUnavailableError
from orchestrion.domain.models.command import (
    ApprovedCommand,
    CancelOrder,
    StrategyCommand,
    SubmitOrder,
)
from orchestrion.domain.models.money import ZERO, add
from orchestrion.domain.models.portfolio import NetPosition, PortfolioState
from orchestrion.domain.models.report import (
    ExternalFillReport,
    OrderAcceptedReport,
    OrderCanceledReport,
    OrderCancelRejectedReport,
    OrderFilledReport,
    OrderRejectedReport,
    VenueReport,
)
from tests.fakes_port import MemoryBroker, SoundPort

changed = msgspec.structs.replace


class Rewriting(SoundPort):
    """Base of those that pass on something else than the broker said."""

    def rewritten(self, report: VenueReport) -> VenueReport | None:
        return report

    def take_reports(self) -> Sequence[VenueReport]:
        told = [self.rewritten(report) for report in super().take_reports()]
        return tuple(report for report in told if report is not None)


# -- the way in -----------------------------------------------------------------------------------


class WaitsForTheVenue(SoundPort):
    """Returns only when the venue has answered; by the stopwatch of the tests."""

    seconds = 0.0

    def send(self, approved: ApprovedCommand) -> None:
        type(self).seconds += 5
        super().send(approved)


class IsAwaited(SoundPort):
    """Its methods are coroutines: whoever calls them as written sends nothing."""

    async def execute_commands(self, commands: list[StrategyCommand]) -> None:  # type: ignore[override]
        await_nothing: Any = super().execute_commands
        await_nothing(commands)


class AnswersResults(SoundPort):
    """Returns what became of the commands instead of reporting it later."""

    def execute_commands(self, commands: list[StrategyCommand]) -> Any:
        super().execute_commands(commands)
        return ["accepted" for _ in commands]


class FillsAtOnce(SoundPort):
    """Takes "sent" for "filled"."""

    def send(self, approved: ApprovedCommand) -> None:
        super().send(approved)
        if approved.client_order_id in self.broker.open:
            self.broker.fill(approved.client_order_id)


class CountsOrdersAsPositions(SoundPort):
    """Shows what is ordered as if it were held."""

    def get_portfolio_state(self) -> PortfolioState:
        state = super().get_portfolio_state()
        held = {one.instrument_id: one.quantity for one in state.positions}
        for order in self.broker.open.values():
            for leg in order.legs:
                held[leg.instrument_id] = add(
                    held.get(leg.instrument_id, ZERO), leg.signed_quantity
                )
        positions = tuple(NetPosition(one, held[one]) for one in sorted(held))
        return changed(state, positions=positions)


class KeepsTheCallersList(SoundPort):
    """Remembers the list instead of its content and sends when it is asked for reports."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker)
        self.lists: list[list[StrategyCommand]] = []

    def execute_commands(self, commands: list[StrategyCommand]) -> None:
        self.checked(commands)
        self.lists.append(commands)

    def take_reports(self) -> Sequence[VenueReport]:
        for commands in self.lists:
            super().execute_commands(commands)
        self.lists = []
        return super().take_reports()


class SendsBackwards(SoundPort):
    """Works the list off from its end."""

    def execute_commands(self, commands: list[StrategyCommand]) -> None:
        super().execute_commands(list(reversed(commands)))


class StopsAtAHundred(SoundPort):
    """The vendor takes a hundred orders per call; the rest is forgotten."""

    def execute_commands(self, commands: list[StrategyCommand]) -> None:
        super().execute_commands(commands[:100])


class SendsTheFirstLegOnly(SoundPort):
    """The vendor knows no structures; the other legs are forgotten."""

    def send(self, approved: ApprovedCommand) -> None:
        if isinstance(approved.command, SubmitOrder) and approved.command.legs:
            order = changed(approved.command, legs=approved.command.legs[:1])
            approved = changed(approved, command=order)
        super().send(approved)


class SendsBeforeItChecks(SoundPort):
    """Meets the unapproved command when others of the list have left."""

    def execute_commands(self, commands: list[StrategyCommand]) -> None:
        for command in commands:
            self.send(*self.checked([command]))


class LetsTheUnapprovedPass(SoundPort):
    """Leaves out what is not approved, without a word."""

    def checked(self, commands: Sequence[StrategyCommand]) -> list[ApprovedCommand]:
        return [one for one in commands if isinstance(one, ApprovedCommand)]


class RaisesAtGarbage(SoundPort):
    """An order that cannot be sent is an exception: the core must take the list for UNKNOWN."""

    def send(self, approved: ApprovedCommand) -> None:
        command = approved.command
        if isinstance(command, SubmitOrder):
            for leg in command.legs:
                if leg.instrument_id not in ("ABC", "XYZ"):
                    raise ValueError(f"no contract for {leg.instrument_id}")
        super().send(approved)


# -- ids ------------------------------------------------------------------------------------------


class SendsRepeatsAgain(SoundPort):
    """Gives every submission an id of its own at the venue: a resend is a second order."""

    def send(self, approved: ApprovedCommand) -> None:
        self.broker.known.pop(approved.client_order_id, None)
        super().send(approved)


class ForgetsIdsWithTheProcess(SoundPort):
    """Knows repeats, until it is restarted."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker)
        self.sent: set[str] = set()

    def send(self, approved: ApprovedCommand) -> None:
        if approved.client_order_id not in self.sent:
            self.sent.add(approved.client_order_id)
            self.broker.known.pop(approved.client_order_id, None)
        super().send(approved)


class RejectsRepeats(SoundPort):
    """Passes on the vendor's "duplicate id" as a rejection, which ends a working order."""

    def send(self, approved: ApprovedCommand) -> None:
        if approved.client_order_id in self.broker.known:
            self.broker.say(
                OrderRejectedReport(
                    client_order_id=approved.client_order_id,
                    reason="duplicate id",
                    ts_event=self.broker.now,
                )
            )
            return
        super().send(approved)


class AnswersCancelsUnderTheirOwnId(SoundPort):
    """The report of a cancel names the cancel, not the order."""

    def send(self, approved: ApprovedCommand) -> None:
        before = len(self.broker.unread)
        super().send(approved)
        if isinstance(approved.command, CancelOrder):
            self.broker.unread[before:] = [
                changed(report, client_order_id=approved.client_order_id)
                for report in self.broker.unread[before:]
                if isinstance(report, (OrderCanceledReport, OrderCancelRejectedReport))
            ]


# -- the way back ---------------------------------------------------------------------------------


class SwallowsRefusedCancels(Rewriting):
    """A cancel of nothing is no news to it: whoever waits for the answer waits for ever."""

    def rewritten(self, report: VenueReport) -> VenueReport | None:
        return None if isinstance(report, OrderCancelRejectedReport) else report


class GivesNoReasons(Rewriting):
    """Drops the vendor's words."""

    def rewritten(self, report: VenueReport) -> VenueReport | None:
        return changed(report, reason="") if isinstance(report, OrderRejectedReport) else report


class TellsEverythingEveryTime(SoundPort):
    """Gives the whole day's reports at each call."""

    def take_reports(self) -> Sequence[VenueReport]:
        super().take_reports()
        return tuple(self.broker.history)


class HandsOutItsOwnList(SoundPort):
    """What the caller holds grows and empties behind his back."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker)
        self.own: list[VenueReport] = []

    def take_reports(self) -> Sequence[VenueReport]:
        self.own[:] = super().take_reports()
        return self.own


class ReportsRunningTotals(Rewriting):
    """Reports how much has filled so far where the last fill's quantity belongs."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker)
        self.totals: dict[str, Decimal] = {}

    def rewritten(self, report: VenueReport) -> VenueReport | None:
        if not isinstance(report, OrderFilledReport):
            return report
        total = add(self.totals.get(report.client_order_id, ZERO), report.last_qty)
        self.totals[report.client_order_id] = total
        return changed(report, last_qty=total)


class EndsAtThePart(Rewriting):
    """Takes a partial fill for the end of the order."""

    def take_reports(self) -> Sequence[VenueReport]:
        told: list[VenueReport] = []
        for report in super().take_reports():
            told.append(report)
            if isinstance(report, OrderFilledReport) and report.client_order_id in self.broker.open:
                client_order_id = report.client_order_id
                ended = OrderCanceledReport(
                    client_order_id=client_order_id, ts_event=report.ts_event
                )
                told.append(ended)
        return told


class NumbersTradesItself(Rewriting):
    """Makes up trade ids: the same fill after a reconnect is another one."""

    count = 0

    def rewritten(self, report: VenueReport) -> VenueReport | None:
        if not isinstance(report, OrderFilledReport):
            return report
        self.count += 1
        return changed(report, trade_id=f"own-{self.count}")


class ComputesInFloats(Rewriting):
    """Passes the vendor's floats on."""

    def rewritten(self, report: VenueReport) -> VenueReport | None:
        if isinstance(report, OrderFilledReport):
            return changed(report, last_px=float(report.last_px))
        return report


class CountsMilliseconds(Rewriting):
    """Passes the vendor's time on as it is."""

    def rewritten(self, report: VenueReport) -> VenueReport | None:
        return changed(report, ts_event=report.ts_event // 1_000_000)


class StampsFillsWithTheOrdersTime(Rewriting):
    """Time goes back at every fill."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker)
        self.accepted: dict[str, int] = {}

    def rewritten(self, report: VenueReport) -> VenueReport | None:
        if isinstance(report, OrderAcceptedReport):
            self.accepted[report.client_order_id] = report.ts_event
        if isinstance(report, OrderFilledReport):
            return changed(report, ts_event=self.accepted[report.client_order_id])
        return report


class DropsLateFills(Rewriting):
    """Is done with an order when it was canceled: what filled before that is lost."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker)
        self.canceled: set[str] = set()

    def rewritten(self, report: VenueReport) -> VenueReport | None:
        if isinstance(report, OrderCanceledReport):
            self.canceled.add(report.client_order_id)
        is_late = isinstance(report, OrderFilledReport) and report.client_order_id in self.canceled
        return None if is_late else report


class DropsManualTrades(Rewriting):
    """Passes on only what it ordered itself: the account moves and nobody says why."""

    def rewritten(self, report: VenueReport) -> VenueReport | None:
        return None if isinstance(report, ExternalFillReport) else report


class ShowsAnOldPortfolio(SoundPort):
    """Asks for the account once and keeps the answer."""

    kept: PortfolioState | None = None

    def get_portfolio_state(self) -> PortfolioState:
        if self.kept is None:
            self.kept = super().get_portfolio_state()
        return self.kept


class ListsPositionsAsTheyCome(SoundPort):
    """Positions in no order, and flat ones twice."""

    def get_portfolio_state(self) -> PortfolioState:
        positions = (NetPosition("XYZ", ZERO), NetPosition("ABC", ZERO), NetPosition("ABC", ZERO))
        return changed(super().get_portfolio_state(), positions=positions)


class TellsInsideTheCall(SoundPort):
    """Calls its listener before execute_commands has returned."""

    def send(self, approved: ApprovedCommand) -> None:
        super().send(approved)
        for report in tuple(self.broker.unread):
            for listener in self.listeners:
                listener(report)


# -- when things go wrong -------------------------------------------------------------------------


class GuessesRejected(SoundPort):
    """No answer, so it was rejected."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker)
        self.guesses: list[VenueReport] = []

    def send(self, approved: ApprovedCommand) -> None:
        try:
            super().send(approved)
        except PortUnavailableError:
            guess = OrderRejectedReport(
                client_order_id=approved.client_order_id,
                reason="time-out",
                ts_event=approved.ts_decided,
            )
            self.guesses.append(guess)

    def take_reports(self) -> Sequence[VenueReport]:
        guesses, self.guesses = self.guesses, []
        return (*super().take_reports(), *guesses)


class RaisesTheVendorsErrors(SoundPort):
    """Lets errors through that nobody behind the port can know."""

    def send(self, approved: ApprovedCommand) -> None:
        try:
            super().send(approved)
        except PortUnavailableError as failure:
            raise ConnectionResetError("socket 7") from failure


class ShowsNothingWithoutConnection(SoundPort):
    """No answer, so nothing is held."""

    def get_portfolio_state(self) -> PortfolioState:
        try:
            return super().get_portfolio_state()
        except PortUnavailableError:
            return PortfolioState(self.broker.now, Decimal(0))


FAULTS: dict[Callable[[MemoryBroker], object], str] = {
    WaitsForTheVenue: "test_handing_over_does_not_wait",
    IsAwaited: "test_methods_are_plain_functions",
    AnswersResults: "test_handing_over_answers_nothing",
    FillsAtOnce: "test_handing_over_fills_nothing",
    CountsOrdersAsPositions: "test_handing_over_fills_nothing",
    KeepsTheCallersList: "test_list_stays_the_callers",
    SendsBackwards: "test_reports_come_in_the_order_of_the_commands",
    StopsAtAHundred: "test_many_orders_at_once_are_each_answered_once_in_order",
    SendsTheFirstLegOnly: "test_two_legs_fill_each_under_its_index",
    SendsBeforeItChecks: "test_unapproved_command_is_refused_before_any_other_leaves",
    LetsTheUnapprovedPass: "test_unapproved_command_is_refused_before_any_other_leaves",
    RaisesAtGarbage: "test_unusable_order_is_rejected_by_a_report",
    SendsRepeatsAgain: "test_repeated_id_in_a_later_list_is_the_same_order",
    ForgetsIdsWithTheProcess: "test_repeated_id_after_a_restart_is_the_same_order",
    RejectsRepeats: "test_repeated_id_in_one_list_is_the_same_order",
    AnswersCancelsUnderTheirOwnId: "test_cancel_is_answered_by_a_report",
    SwallowsRefusedCancels: "test_cancel_of_an_unknown_order_is_rejected_by_a_report",
    GivesNoReasons: "test_unusable_quantity_is_rejected_by_a_report",
    TellsEverythingEveryTime: "test_reports_are_told_once",
    HandsOutItsOwnList: "test_reports_in_hand_do_not_change_when_commands_are_handed_over",
    ReportsRunningTotals: "test_partial_fills_add_up_to_the_order",
    EndsAtThePart: "test_acceptance_comes_before_fills_and_fills_before_the_end",
    NumbersTradesItself: "test_repeated_reports_add_nothing",
    ComputesInFloats: "test_fill_says_everything_about_itself",
    CountsMilliseconds: "test_time_is_in_nanoseconds_and_never_goes_back",
    StampsFillsWithTheOrdersTime: "test_time_is_in_nanoseconds_and_never_goes_back",
    DropsLateFills: "test_late_fill_of_a_canceled_order_is_told",
    DropsManualTrades: "test_trade_by_hand_is_told_as_nobodys_order",
    ShowsAnOldPortfolio: "test_portfolio_moves_by_what_the_reports_say",
    ListsPositionsAsTheyCome: "test_portfolio_is_well_formed",
    TellsInsideTheCall: "test_listener_is_not_called_while_commands_are_handed_over",
    GuessesRejected: "test_lost_answer_is_no_rejection",
    RaisesTheVendorsErrors: "test_lost_answer_is_no_rejection",
    ShowsNothingWithoutConnection: "test_portfolio_without_connection_is_the_last_word_or_an_error",
}
"""Fault -> one test of the contract that has to find it."""
