"""``PaperOrchestrationAdapter``: the simulated venue of a backtest, with delays and mishaps.

It is the port of the core and the venue model of the session in one. With all conditions at zero it
hands everything straight through, so paper trading over recorded data decides exactly as a backtest
does. Delays are of market time, not of the wall clock: the same seed, commands and slices give the
same reports, in real time or as fast as it goes. After a crash the venue is rebuilt by playing the
journal's commands and slices to a new one.

    latency     a command arrives at decision plus latency and fills at no earlier price; its
                acknowledgement comes with the first slice at or after its arrival. A cancel that
                arrives inside a bar comes too late for that bar: in doubt the fill wins.
    rejects     the order never gets to the venue
    cancels     are refused, the order stays
    parts       see ``parted_order``
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable
from typing import List  # noqa: UP035 - the specification's own spelling

import msgspec

from orchestrion.adapters.venue.paper_conditions import PaperConditions
from orchestrion.adapters.venue.parted_order import PartedOrder, units_drawn, whole_units
from orchestrion.adapters.venue.seen_ids import SeenIds
from orchestrion.adapters.venue.simulated_venue import SimulatedVenue
from orchestrion.domain.capital.corporate_action import (
    CorporateActionReport,
    LotSizeChangedReport,
    SplitReport,
    SymbolChangedReport,
    apply_lot_size,
    apply_symbol_change,
)
from orchestrion.domain.models.command import (
    ApprovedCommand,
    CancelOrder,
    StrategyCommand,
    SubmitOrder,
)
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.market import Bar, MarketSlice
from orchestrion.domain.models.portfolio import PortfolioState
from orchestrion.domain.models.report import (
    OrderCanceledReport,
    OrderCancelRejectedReport,
    OrderExpiredReport,
    OrderRejectedReport,
    OrderReport,
    VenueReport,
)
from orchestrion.domain.ports.orchestration_port import OrchestrationPort

_ENDS = (OrderRejectedReport, OrderCanceledReport, OrderExpiredReport)
_IDEAL = PaperConditions()


class _OnItsWay(msgspec.Struct, frozen=True, gc=False):
    approved: ApprovedCommand
    arrives_ts: int


class PaperOrchestrationAdapter(OrchestrationPort):
    """Paper-trading implementation; see the module's text. Its caller is its only writer."""

    def __init__(
        self,
        venue: SimulatedVenue,
        catalog: InstrumentCatalog,
        *,
        conditions: PaperConditions = _IDEAL,
        seed: int = 0,
    ) -> None:
        """
        Args:
            catalog: the venue's own; it says the size of a lot.
            seed: of every draw, the one in the journal's header.
        """
        self._venue = venue
        self._catalog = catalog
        self._conditions = conditions
        # ``Random.random`` gives the same numbers on every version of Python, by promise.
        self._draw = random.Random(seed).random  # noqa: S311
        self._seen = SeenIds()
        self._on_their_way: deque[_OnItsWay] = deque()
        self._last_arrival_ts = 0
        self._parted: dict[str, PartedOrder] = {}
        self._reports: list[VenueReport] = []

    # -- the port -------------------------------------------------------------------------------

    def execute_commands(self, commands: List[StrategyCommand]) -> None:  # noqa: UP006
        """Sends approved commands on their way to the venue, in order.

        Raises:
            TypeError: one of them is not approved; none was sent.
        """
        approved: list[ApprovedCommand] = []
        for command in commands:
            if not isinstance(command, ApprovedCommand):
                raise TypeError(f"only ApprovedCommand may leave, not {type(command).__name__}")
            approved.append(command)
        for command in approved:
            if self._conditions == _IDEAL:
                self._venue.submit(command)
            else:
                self._send(command)

    def get_portfolio_state(self) -> PortfolioState:
        """The venue's cash and net quantities at the latest time it was shown."""
        return self._venue.portfolio_state(self._venue.now)

    # -- the session's venue model --------------------------------------------------------------

    def on_slice(self, market_slice: MarketSlice) -> tuple[VenueReport, ...]:
        """What arrives, fills and ends with a slice; asked before any strategy sees it.

        Raises:
            MarketDataError: as the simulated venue's.
        """
        if self._conditions == _IDEAL:
            return self._venue.on_slice(market_slice)
        ts = market_slice.ts_event
        late_cancels = self._deliver(ts, cancels_until=_first_moment(market_slice))
        filled = self._told(self._venue.on_slice(market_slice))
        for approved in late_cancels:
            self._arrive(approved)
        reports = (*self.take_reports(), *filled)
        return (*reports, *self._start_next_parts(ts))

    def on_session_close(self, ts: int) -> tuple[VenueReport, ...]:
        """What arrives before a session's close, and what ends or settles with it.

        Raises:
            MarketDataError: as the simulated venue's.
        """
        if self._conditions == _IDEAL:
            return self._venue.on_session_close(ts)
        self._deliver(ts, cancels_until=ts)
        return (*self.take_reports(), *self._told(self._venue.on_session_close(ts)))

    def on_corporate_action(self, report: CorporateActionReport) -> None:
        """Follows an action that the books have taken; the venue does, and the lots here too."""
        self._venue.on_corporate_action(report)
        match report:
            case LotSizeChangedReport():
                self._catalog = apply_lot_size(report, {}, self._catalog).catalog
            case SymbolChangedReport():
                self._catalog = apply_symbol_change(report, {}, self._catalog).catalog
            case SplitReport():
                pass

    def take_reports(self) -> tuple[VenueReport, ...]:
        """Acknowledgements since the last call, in the order of the commands' arrival."""
        if self._conditions == _IDEAL:
            return self._venue.take_reports()
        reports = tuple(self._reports)
        self._reports.clear()
        return reports

    # -- on the way -----------------------------------------------------------------------------

    def _send(self, approved: ApprovedCommand) -> None:
        if not self._seen.is_new(approved.client_order_id):
            return
        conditions = self._conditions
        span_ns = conditions.latency_max_ns - conditions.latency_min_ns
        latency_ns = conditions.latency_min_ns + int(self._draw() * (span_ns + 1))
        if not conditions.latency_max_ns:
            self._arrive(approved)
            return
        sent_ts = max(approved.ts_decided, self._venue.now)
        self._last_arrival_ts = max(self._last_arrival_ts, sent_ts + latency_ns)
        self._on_their_way.append(_OnItsWay(approved, self._last_arrival_ts))

    def _deliver(self, ts: int, *, cancels_until: int) -> list[ApprovedCommand]:
        """Lets arrive what is due; returns the cancels that come after ``cancels_until``."""
        late_cancels: list[ApprovedCommand] = []
        while self._on_their_way and self._on_their_way[0].arrives_ts <= ts:
            one = self._on_their_way.popleft()
            arrived = msgspec.structs.replace(one.approved, ts_decided=one.arrives_ts)
            is_cancel = isinstance(arrived.command, CancelOrder)
            if is_cancel and one.arrives_ts > cancels_until:
                late_cancels.append(arrived)
            else:
                self._arrive(arrived)
        return late_cancels

    def _arrive(self, approved: ApprovedCommand) -> None:
        is_unlucky = self._draw()
        ts = max(approved.ts_decided, self._venue.now)
        if isinstance(approved.command, SubmitOrder):
            if is_unlucky < self._conditions.reject_fraction:
                self._reports.append(
                    OrderRejectedReport(
                        client_order_id=approved.client_order_id,
                        reason="rejected by the paper venue, by lot",
                        ts_event=ts,
                    )
                )
                return
            self._enter(approved, approved.command)
        elif is_unlucky < self._conditions.cancel_reject_fraction:
            self._reports.append(
                OrderCancelRejectedReport(
                    client_order_id=approved.command.client_order_id,
                    reason="cancel rejected by the paper venue, by lot",
                    ts_event=ts,
                )
            )
        else:
            self._cancel(approved, approved.command)

    def _enter(self, approved: ApprovedCommand, order: SubmitOrder) -> None:
        units = whole_units(order, self._catalog)
        first = units_drawn(units, self._draw, self._conditions.partial_fill_fraction)
        if first < units:
            parted = PartedOrder(approved, order, units)
            approved = parted.next_part(first, earliest=approved.ts_decided)
            self._parted[parted.part_id] = parted
        self._hand_over(approved)

    def _cancel(self, approved: ApprovedCommand, cancel: CancelOrder) -> None:
        for part_id, parted in self._parted.items():
            if parted.client_order_id == cancel.client_order_id:
                cancel = msgspec.structs.replace(cancel, client_order_id=part_id)
                approved = msgspec.structs.replace(approved, command=cancel)
                break
        self._hand_over(approved)

    def _hand_over(self, approved: ApprovedCommand) -> None:
        self._venue.submit(approved)
        self._reports += self._told(self._venue.take_reports())

    # -- in parts -------------------------------------------------------------------------------

    def _told(self, reports: Iterable[VenueReport]) -> list[VenueReport]:
        told: list[VenueReport] = []
        for report in reports:
            part_id: str = getattr(report, "client_order_id", "")
            parted = self._parted.get(part_id)
            if parted is None or not isinstance(report, OrderReport):
                told.append(report)
                continue
            if isinstance(report, _ENDS):
                del self._parted[part_id]
            meaning = parted.told(report)
            if meaning is not None:
                told.append(meaning)
        return told

    def _start_next_parts(self, ts: int) -> tuple[VenueReport, ...]:
        """What filled a part in the last slice goes on with the next, or is over."""
        filled = [one for one in self._parted.values() if one.is_part_filled]
        for parted in filled:
            del self._parted[parted.part_id]
            if not parted.units_left:
                continue
            if parted.is_over_after_part:
                self._reports.append(
                    OrderExpiredReport(client_order_id=parted.client_order_id, ts_event=ts)
                )
                continue
            units = units_drawn(
                parted.units_left, self._draw, self._conditions.partial_fill_fraction
            )
            approved = parted.next_part(units, earliest=ts)
            self._parted[parted.part_id] = parted
            self._hand_over(approved)
        return self.take_reports()


def _first_moment(market_slice: MarketSlice) -> int:
    """When the first price of a slice was made."""
    return min(
        item.ts_open if isinstance(item, Bar) else item.ts_event for item in market_slice.items
    )
