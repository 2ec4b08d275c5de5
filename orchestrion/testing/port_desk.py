"""What the tests of an ``OrchestrationPort`` stand on: the author's hooks, and the desk they serve.

An author writes ``make_port`` and as many of the other hooks as the environment allows. What it
does not allow is declared in ``impossible`` with the reason, and the tests that need it are skipped
with that reason. No test knows how an adapter talks to its venue.

An adapter that lives in an event loop sets ``event_loops``. Every call then happens inside the loop
(a loop of its own per test, in a second thread, while the test waits); the adapter may be an async
context manager, and each hook may be ``async def``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    ExitStack,
    contextmanager,
)
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar, TypeAlias, TypeVar, cast

import anyio
import msgspec
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from orchestrion.domain.models.command import (
    ApprovedCommand,
    CancelOrder,
    StrategyCommand,
    SubmitOrder,
)
from orchestrion.domain.models.money import ZERO, add, multiply, subtract
from orchestrion.domain.models.order import OrderSide, TimeInForce
from orchestrion.domain.models.portfolio import PortfolioState
from orchestrion.domain.models.report import (
    ExternalFillReport,
    OrderAcceptedReport,
    OrderCanceledReport,
    OrderCancelRejectedReport,
    OrderExpiredReport,
    OrderFilledReport,
    OrderRejectedReport,
    OrderReport,
    VenueReport,
)
from orchestrion.domain.ports.orchestration_port import OrchestrationPort
from orchestrion.testing.clock import VirtualClock

HOOKS = (
    "fill",
    "fill_part",
    "fill_late",
    "reject_next",
    "expire",
    "trade_elsewhere",
    "lose_connection",
    "restore_connection",
    "repeat_reports",
    "make_port_again",
    "listen",
)
"""What an author may leave out, with a reason in ``impossible``."""

ACCEPTED, REJECTED, CANCELED = "accepted", "rejected", "canceled"
CANCEL_REJECTED, EXPIRED, FILLED = "cancel rejected", "expired", "filled"
WORDS: Mapping[type, str] = {
    OrderAcceptedReport: ACCEPTED,
    OrderRejectedReport: REJECTED,
    OrderCanceledReport: CANCELED,
    OrderCancelRejectedReport: CANCEL_REJECTED,
    OrderExpiredReport: EXPIRED,
    OrderFilledReport: FILLED,
}
ORDER_REPORTS = (
    OrderAcceptedReport,
    OrderRejectedReport,
    OrderCanceledReport,
    OrderCancelRejectedReport,
    OrderExpiredReport,
    OrderFilledReport,
)

_Answer = TypeVar("_Answer")
PortSource: TypeAlias = (
    OrchestrationPort
    | AbstractContextManager[OrchestrationPort]
    | AbstractAsyncContextManager[OrchestrationPort]
)
"""An adapter, or what gives one when it is entered."""


class PortDesk:
    """Hooks for the author first; below them what the tests use.

    Attributes:
        instrument_id: can be traded on the account.
        second_instrument_id: another one, for orders with two legs; None skips those tests.
        quantity: of one order.
        part_quantity: of a partial fill; smaller, and whole lots.
        multiplier: of the instrument.
        is_paid_in_cash: whether a fill moves cash at once (a future's does not).
        order_id_prefix: of every id that the tests use; make it unique on an account with a past.
        answer_max_s: longest that handing over may take. Generous: it tells an adapter that waits
            for its venue from one that hands over, not a fast one from a slow one.
        clock_skew_max_ns: how far the venue's clock may lag behind ours.
        stopwatch: seconds, measures ``answer_max_s``.
        event_loops: for adapters that live in one: ("asyncio", "trio"), or one of them.
        impossible: hook -> why this environment cannot do it.
    """

    instrument_id: str = "ABC"
    second_instrument_id: str | None = None
    quantity: Decimal = Decimal(10)
    part_quantity: Decimal = Decimal(4)
    multiplier: Decimal = Decimal(1)
    is_paid_in_cash: bool = True
    order_id_prefix: str = "contract-"
    answer_max_s: float = 1.0
    clock_skew_max_ns: int = 0
    stopwatch: Callable[[], float] = staticmethod(time.perf_counter)
    event_loops: tuple[str, ...] = ()
    impossible: ClassVar[Mapping[str, str]] = MappingProxyType({})

    # -- hooks: the adapter ---------------------------------------------------------------------

    def make_port(self) -> PortSource:
        """An adapter on an account with enough cash; called once per test.

        A context manager (in an event loop an async one too) is entered, and left at the end.
        """
        raise NotImplementedError(f"{type(self).__name__} must say how to make_port")

    def make_port_again(self) -> PortSource:
        """A second adapter on the same account, as after a crash of the first."""
        raise NotImplementedError

    def make_order(self, client_order_id: str) -> SubmitOrder:
        """A purchase that rests at the venue until ``fill`` is called; at the market unless said.

        In a market that the author cannot hold still: a limit far away. Asked twice for one id, it
        gives the same order.
        """
        del client_order_id  # an author's order may depend on it, this one does not
        return SubmitOrder.single(
            "alpha",
            self.instrument_id,
            OrderSide.BUY,
            self.quantity,
            time_in_force=TimeInForce.GTC,
        )

    def take_reports(self) -> object:
        """The reports since the last call, in order; the port's own ``take_reports`` unless said.

        With a port that calls a listener: what the listener was told since the last call.
        """
        take: Callable[[], object] | None = getattr(self.port, "take_reports", None)
        if take is None:
            raise NotImplementedError(
                f"{type(self.port).__name__} has no take_reports: "
                f"{type(self).__name__} must say how reports come back"
            )
        return take()

    def settle(self) -> object:
        """Lets everything happen that is under way; in an event loop: until all tasks wait."""
        return anyio.wait_all_tasks_blocked() if self._portal is not None else None

    def listen(self, listener: Callable[[VenueReport], None]) -> object:
        """Has the port tell every report to a listener, beside ``take_reports``."""
        raise NotImplementedError

    # -- hooks: the market ----------------------------------------------------------------------

    def fill(self, client_order_id: str) -> object:
        """The market fills whatever is left of an order, at a time after ``now``."""
        raise NotImplementedError

    def fill_part(self, client_order_id: str, quantity: Decimal) -> object:
        """The market fills a part of an order with one leg."""
        raise NotImplementedError

    def fill_late(self, client_order_id: str) -> object:
        """A fill in full comes in for an order that was reported canceled: it was faster."""
        raise NotImplementedError

    def reject_next(self) -> object:
        """The venue will say no to the next order, whatever it is."""
        raise NotImplementedError

    def expire(self, client_order_id: str) -> object:
        """The order's time ends."""
        raise NotImplementedError

    def trade_elsewhere(self, side: OrderSide, quantity: Decimal) -> object:
        """Somebody trades ``instrument_id`` on the account by hand."""
        raise NotImplementedError

    def lose_connection(self, *, has_arrived: bool) -> object:
        """From now on no answer comes back. ``has_arrived``: what is sent still gets there."""
        raise NotImplementedError

    def restore_connection(self) -> object:
        """The connection is back; what the venue had to say comes now."""
        raise NotImplementedError

    def repeat_reports(self) -> object:
        """The venue tells everything of this test once more, as after a reconnect."""
        raise NotImplementedError

    # -- the desk -------------------------------------------------------------------------------

    port: OrchestrationPort
    told: list[VenueReport]
    clock: VirtualClock
    _portal: BlockingPortal | None = None
    _port_stack: ExitStack

    @property
    def now(self) -> int:
        """Nanoseconds UTC; moves a second with every step of a test."""
        return self.clock.now

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """One test per event loop; pytest calls this."""
        if self.event_loops and "port_event_loop" in metafunc.fixturenames:
            metafunc.parametrize("port_event_loop", self.event_loops)

    @pytest.fixture
    def port_event_loop(self) -> str | None:
        return None

    @pytest.fixture
    def port_environment(self) -> object:
        """Override it to have other fixtures (a folder, a sandbox) before ``make_port``."""
        return None

    @pytest.fixture(autouse=True)
    def _desk(self, port_environment: object, port_event_loop: str | None) -> Iterator[None]:
        del port_environment  # asked for so that it comes first
        with self.opened(port_event_loop):
            yield

    @contextmanager
    def opened(self, event_loop: str | None = None) -> Generator[None]:
        """A fresh port for one test."""
        self.told, self.clock = [], VirtualClock()
        with ExitStack() as stack:
            if event_loop is not None:
                self._portal = stack.enter_context(start_blocking_portal(event_loop))
            self._port_stack = stack.enter_context(ExitStack())
            self._enter(self._call(self.make_port))
            try:
                yield
            finally:
                self._port_stack.close()

    def _enter(self, made: PortSource) -> None:
        if isinstance(made, AbstractAsyncContextManager):
            assert self._portal is not None, "an async adapter needs event_loops"
            made = self._portal.wrap_async_context_manager(made)
        if isinstance(made, AbstractContextManager):
            self.port = self._port_stack.enter_context(made)
        else:
            self.port = made

    def _call(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Calls where the adapter lives."""
        if self._portal is None:
            return function(*args, **options)
        return self._portal.call(lambda: function(*args, **options))

    def hook(self, hook: Callable[..., object], *args: Any, **options: Any) -> Any:
        """Calls one of ``HOOKS`` a second later, or skips the test with the author's reason."""
        self.require(hook)
        self.clock.advance(1)
        return self._call(hook, *args, **options)

    def require(self, hook: Callable[..., object]) -> None:
        """Skips the test, with the author's reason, when a hook is not written."""
        name = hook.__name__
        if getattr(type(self), name) is getattr(PortDesk, name):
            missing = f"{type(self).__name__} has no {name}(): write it, or say why in `impossible`"
            pytest.skip(f"{name}: {self.impossible.get(name, missing)}")

    def restart(self) -> None:
        """Goes on with a second adapter on the same account."""
        self.require(self.make_port_again)
        self._port_stack.close()
        self._enter(self.hook(self.make_port_again))

    # -- commands -------------------------------------------------------------------------------

    def order_id(self, name: str) -> str:
        return f"{self.order_id_prefix}{name}"

    def submit(self, name: str, **changes: Any) -> ApprovedCommand:
        """The author's order under an id of the test, with changed fields."""
        order = self.make_order(self.order_id(name))
        return self._approved(msgspec.structs.replace(order, **changes), self.order_id(name))

    def cancel(self, name: str, *, again: str = "") -> ApprovedCommand:
        """A cancel of an order; ``again`` makes it another cancel than the first one."""
        command = CancelOrder(strategy_id="alpha", client_order_id=self.order_id(name))
        return self._approved(command, f"{self.order_id(name)}-cancel{again}")

    def _approved(
        self, command: SubmitOrder | CancelOrder, client_order_id: str
    ) -> ApprovedCommand:
        return ApprovedCommand(
            strategy_id="alpha",
            command=command,
            client_order_id=client_order_id,
            reservation=ZERO,
            is_reducing=isinstance(command, CancelOrder),
            ts_decided=self.now,
        )

    def hand_over(self, *commands: StrategyCommand) -> None:
        """One call of ``execute_commands``, a second later."""
        self.clock.advance(1)
        self._call(self.port.execute_commands, list(commands))

    def working(self, *names: str) -> None:
        """Hands over orders, one list each, and sees them accepted."""
        for name in names:
            self.hand_over(self.submit(name))
            assert self.story(name) == [ACCEPTED], f"{name} should be accepted and rest"

    # -- what came back -------------------------------------------------------------------------

    def collect(self) -> tuple[VenueReport, ...]:
        """Reports since the last call; also kept in ``told``."""
        self._call(self.settle)
        taken = self.taken()
        self.told.extend(taken)
        return taken

    def taken(self) -> tuple[VenueReport, ...]:
        """What ``take_reports`` gives now, as a tuple."""
        reports = self._call(self.take_reports)
        assert isinstance(reports, Sequence), f"reports come as a sequence, not {reports!r}"
        return tuple(cast("Sequence[VenueReport]", reports))

    def own_reports(self, *names: str) -> list[OrderReport]:
        """Everything told about orders of this test, or about the named ones, in order."""
        self.collect()
        ids = [self.order_id(name) for name in names]
        return [
            report
            for report in self.told
            if isinstance(report, ORDER_REPORTS)
            and (
                report.client_order_id in ids
                or (not names and report.client_order_id.startswith(self.order_id_prefix))
            )
        ]

    def story(self, name: str) -> list[str]:
        """What was told about one order, a word per report."""
        return [WORDS[type(report)] for report in self.own_reports(name)]

    def only(self, kind: type[_Answer], name: str) -> list[_Answer]:
        return [report for report in self.own_reports(name) if isinstance(report, kind)]

    def filled(self, name: str, leg_index: int = 0) -> Decimal:
        """Quantity of the distinct fills of one leg."""
        by_trade_id = {
            fill.trade_id: fill.last_qty
            for fill in self.only(OrderFilledReport, name)
            if fill.leg_index == leg_index
        }
        total = ZERO
        for quantity in by_trade_id.values():
            total = add(total, quantity)
        return total

    def portfolio(self) -> PortfolioState:
        state = self._call(self.port.get_portfolio_state)
        assert isinstance(state, PortfolioState), f"not a PortfolioState: {state!r}"
        return state

    def held(self, instrument_id: str | None = None) -> Decimal:
        """Net quantity on the account."""
        wanted = self.instrument_id if instrument_id is None else instrument_id
        found = [one.quantity for one in self.portfolio().positions if one.instrument_id == wanted]
        assert len(found) <= 1, f"{wanted} stands twice in the portfolio"
        return found[0] if found else ZERO


def without_time(report: VenueReport) -> VenueReport:
    """A report with its time taken out: a venue may stamp what it repeats anew."""
    return msgspec.structs.replace(report, ts_event=0)


def money_of(fill: OrderFilledReport | ExternalFillReport, multiplier: Decimal) -> Decimal:
    """What a fill moves the cash by, commission included, when it is paid in cash."""
    paid = multiply(multiply(fill.last_qty, fill.last_px), multiplier)
    signed = paid.copy_negate() if fill.side is OrderSide.BUY else paid
    return subtract(signed, fill.commission)
