"""The paper venue of a run that goes on: built anew from the journal's commands and market data.

A paper venue lives in the process that died. Its seed, the commands and the slices make the same
venue again, so it is played through them: every report that is in the journal has to come out of
it in the same order. What it said last and nobody wrote down comes out too, and is handed on after
the restart, as a real venue would repeat it.

    journal     slice  report  intent  report  slice ...
    venue     ► shown ► equal  ► sent  ► equal ► shown

All journals of the run are needed, the first one included.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import cast

import msgspec

from orchestrion.actors.inputs import decode_input
from orchestrion.actors.messages import SessionClosed
from orchestrion.actors.restart_messages import Reconciled, Restarted
from orchestrion.adapters.data.source import DataSource
from orchestrion.adapters.venue.paper_adapter import PaperOrchestrationAdapter
from orchestrion.domain.capital.corporate_action import (
    CorporateActionReport,
    LotSizeChangedReport,
    SplitReport,
    SymbolChangedReport,
)
from orchestrion.domain.models.command import ApprovedCommand
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.report import (
    FutureSettledReport,
    InstrumentExpiredReport,
    OrderReport,
    VenueReport,
)
from orchestrion.runtime.errors import JournalError
from orchestrion.runtime.journal import Record, RecordKind
from orchestrion.runtime.journal_store import JournalStore

_NS_PER_DAY = 86_400_000_000_000
_MARKERS = (MarketSlice.__name__, SessionClosed.__name__)
_ACTIONS = (SplitReport, LotSizeChangedReport, SymbolChangedReport)
_REPORTS = (OrderReport, FutureSettledReport, InstrumentExpiredReport)


class RebuiltPaperVenue:
    """A paper adapter that has caught up with the journal; the session's venue model from then on.

    Attributes:
        untold: what the venue said last and the journal does not hold, in order.
    """

    def __init__(
        self, paper: PaperOrchestrationAdapter, store: JournalStore, source: DataSource
    ) -> None:
        """Plays the journals through a new adapter.

        Raises:
            JournalError: it says something else than it said then, or the first journal of the run
                is not there any more.
        """
        segments = tuple(store.segments())
        if segments and segments[0].reader.header.previous:
            raise JournalError(
                f"{segments[0].name}: a paper venue is built from all journals of its run, and the "
                "first ones are missing: put them back"
            )
        self._paper = paper
        self._source = source
        self._markers = _markers(segment.reader.records() for segment in segments)
        self._untold: deque[VenueReport] = deque()
        self._shown_ts = -1
        self._closed_ts = -1
        self._is_restarting = False
        for segment in segments:
            for record in segment.reader.records():
                self._follow(record)
        self._untold.extendleft(reversed(paper.take_reports()))

    @property
    def untold(self) -> tuple[VenueReport, ...]:
        return tuple(self._untold)

    # -- the session's venue model --------------------------------------------------------------

    def on_slice(self, market_slice: MarketSlice) -> tuple[VenueReport, ...]:
        """As the adapter's; a slice that it was shown before the crash is not shown again."""
        if market_slice.ts_event <= self._shown_ts:
            return ()
        return self._paper.on_slice(market_slice)

    def on_session_close(self, ts: int) -> tuple[VenueReport, ...]:
        """As the adapter's, once."""
        if ts <= self._closed_ts:
            return ()
        return self._paper.on_session_close(ts)

    def take_reports(self) -> tuple[VenueReport, ...]:
        """What was untold, and then as the adapter's."""
        untold = (*self._untold, *self._paper.take_reports())
        self._untold.clear()
        return untold

    def on_corporate_action(self, report: CorporateActionReport) -> None:
        """As the adapter's."""
        self._paper.on_corporate_action(report)

    # -- catching up ----------------------------------------------------------------------------

    def _follow(self, record: Record) -> None:
        if record.kind is RecordKind.INTENT:
            self._paper.execute_commands([msgspec.json.decode(record.body, type=ApprovedCommand)])
            return
        if record.kind is not RecordKind.INPUT:
            return
        payload = decode_input(record)
        match payload:
            case MarketSlice():
                self._show_until(slice_ts=payload.ts_event)
            case SessionClosed():
                self._show_until(closed_ts=payload.ts_event)
            case Restarted():
                self._is_restarting = True
            case Reconciled():
                self._is_restarting = False
            case _ if isinstance(payload, _ACTIONS):
                self._paper.on_corporate_action(payload)
            case _ if isinstance(payload, _REPORTS):
                self._expect(cast("VenueReport", payload), record)
            case _:
                pass

    def _expect(self, report: VenueReport, record: Record) -> None:
        """Takes a recorded report off what the venue says; shows it what comes next if need be."""
        while True:
            # What a command brings is told before what the slice still has to say.
            self._untold.extendleft(reversed(self._paper.take_reports()))
            if self._untold:
                break
            if self._is_restarting:
                return  # an answer of the restart, see ``answers``
            self._show_next()
        if self._untold[0] == report:
            self._untold.popleft()
        elif not self._is_restarting:
            raise JournalError(
                f"seq {record.seq}: the paper venue said {report} then and says {self._untold[0]} "
                "now: its code or configuration changed, begin a new run in another directory"
            )

    def _show_until(self, *, slice_ts: int = -1, closed_ts: int = -1) -> None:
        while self._shown_ts < slice_ts or self._closed_ts < closed_ts:
            self._show_next()

    def _show_next(self) -> None:
        """The next slice or close of the journal; behind its end, of the data."""
        marker = next(self._markers, None)
        if marker is None:
            marker = self._next_of_data()
        if isinstance(marker, SessionClosed):
            self._closed_ts = marker.ts_event
            self._untold += self._paper.on_session_close(marker.ts_event)
        else:
            self._shown_ts = marker.ts_event
            self._untold += self._paper.on_slice(marker)

    def _next_of_data(self) -> MarketSlice | SessionClosed:
        shown_ts = self._shown_ts
        for market_slice in self._source.slices():
            if market_slice.ts_event <= shown_ts:
                continue
            is_next_day = market_slice.ts_event // _NS_PER_DAY != shown_ts // _NS_PER_DAY
            if shown_ts >= 0 and is_next_day and self._closed_ts < shown_ts:
                return SessionClosed(shown_ts)
            return market_slice
        if self._closed_ts < shown_ts:
            return SessionClosed(shown_ts)
        raise JournalError("the journal holds reports that the paper venue cannot have made")


def _markers(journals: Iterable[Iterator[Record]]) -> Iterator[MarketSlice | SessionClosed]:
    """What the venue was shown, in order, read ahead of the records themselves."""
    for record in chain.from_iterable(journals):
        if record.kind is RecordKind.INPUT and record.name in _MARKERS:
            marker = decode_input(record)
            if isinstance(marker, MarketSlice | SessionClosed):
                yield marker
