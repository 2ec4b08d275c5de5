"""``TradingSession``: drives one account's actors against one execution environment.

It is the shell around the core for everything that knows about trading: it shows each slice to the
simulated venue first, posts the venue's reports and then the slice, carries out what the core asks
for, awaits asynchronous strategies, and keeps the equity curves. A backtest drives it over a whole
data source; an embedding bot hands it slice by slice. Inputs are posted one after another: one that
comes while a round waits for an asynchronous strategy waits for its turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Protocol, TypeAlias

import anyio
import structlog

from orchestrion.actors.messages import (
    ExecuteCommands,
    InternalCrossed,
    RunEnded,
    RunStarted,
    SessionClosed,
    SessionMarked,
    SubmissionLost,
)
from orchestrion.actors.restart_messages import Reconciled
from orchestrion.actors.system import TradingSystem
from orchestrion.adapters.result import EquityPoint
from orchestrion.domain.capital.cash_flow import CashFlowReport
from orchestrion.domain.capital.corporate_action import (
    CorporateActionReport,
    LotSizeChangedReport,
    SplitReport,
    SymbolChangedReport,
)
from orchestrion.domain.capital.rounded_share import exact_sum
from orchestrion.domain.desk.capital_desk import computed_weights
from orchestrion.domain.desk.desk_act import ComputeWeights
from orchestrion.domain.desk.desk_event import DESK_WARNINGS
from orchestrion.domain.desk.margin_watch import VenueMarginReport
from orchestrion.domain.models.command import ApprovedCommand, CancelOrder, StrategyCommand
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.money import ZERO
from orchestrion.domain.models.report import VenueReport
from orchestrion.domain.orchestration.events import (
    BookReducingEvent,
    CapitalMissingEvent,
    DomainEvent,
    DuplicateReportEvent,
    RemovalDelayedEvent,
    StrategyAddedEvent,
    StrategyConflictDetectedEvent,
    StrategyQuarantinedEvent,
    StrategyRestartedEvent,
    StrategyStartedEvent,
    StrategyStartingEvent,
    StrategyStoppedEvent,
    StrategyStoppingEvent,
)
from orchestrion.domain.orchestration.recovery_event import (
    ReconciliationFailedEvent,
    RunRestartedEvent,
)
from orchestrion.domain.ports.orchestration_port import OrchestrationPort
from orchestrion.runtime.actor import Answer
from orchestrion.runtime.errors import ActorError, StateLostError, describe
from orchestrion.runtime.journal import Journal, JournalTrailer
from orchestrion.runtime.journal_store import Rotating
from orchestrion.runtime.shell import AsyncHost, AwaitCall

CapitalReport: TypeAlias = CashFlowReport | CorporateActionReport | VenueMarginReport
"""What happens to capital and holdings from outside, without an order."""

_NS_PER_DAY = 86_400_000_000_000
_log = structlog.get_logger("orchestrion.session")
_WARNINGS = (
    BookReducingEvent,
    CapitalMissingEvent,
    DuplicateReportEvent,
    ReconciliationFailedEvent,
    RemovalDelayedEvent,
    RunRestartedEvent,
    StrategyQuarantinedEvent,
    StrategyRestartedEvent,
    *DESK_WARNINGS,
)
"""Events that a person should see without asking for them."""
_ROUTINE = (
    StrategyAddedEvent,
    StrategyStartingEvent,
    StrategyStartedEvent,
    StrategyStoppingEvent,
    StrategyStoppedEvent,
)
"""Events of every run and every strategy: in the journal and told, but no lines of a log."""


class VenueModel(Protocol):
    """A venue that is driven by the same market data as the strategies, one step ahead of them."""

    def on_slice(self, market_slice: MarketSlice) -> tuple[VenueReport, ...]:
        """What the slice makes of open orders and holdings; asked before any strategy sees it."""
        ...

    def on_session_close(self, ts: int) -> tuple[VenueReport, ...]:
        """What ends or settles with the session."""
        ...

    def take_reports(self) -> tuple[VenueReport, ...]:
        """Acknowledgements since the last call."""
        ...

    def on_corporate_action(self, report: CorporateActionReport) -> None:
        """Follows an action that the books have taken."""
        ...


class NoVenueModel:
    """For a port whose reports come from outside, see ``TradingSession.report``."""

    def on_slice(self, market_slice: MarketSlice) -> tuple[VenueReport, ...]:  # noqa: ARG002
        return ()

    def on_session_close(self, ts: int) -> tuple[VenueReport, ...]:  # noqa: ARG002
        return ()

    def take_reports(self) -> tuple[VenueReport, ...]:
        return ()

    def on_corporate_action(self, report: CorporateActionReport) -> None:
        """The outside venue has applied it itself."""


class TradingSession:
    """One run from its first slice to its end. Not safe for concurrent calls except ``ask``.

    Attributes:
        system: the actors.
        equity_curves: one point per session close, by book id.
        account_curve: the same for the whole account.
        conflicts: conflict type -> how many were detected.
    """

    def __init__(
        self,
        system: TradingSystem,
        port: OrchestrationPort,
        venue: VenueModel,
        journal: Journal,
        host: AsyncHost,
        *,
        is_data_recorded: bool,
        snapshot_after_inputs: int | None = None,
        on_event: Callable[[DomainEvent], None] | None = None,
    ) -> None:
        """
        Args:
            port: where approved commands go.
            venue: driven by the data before the strategies see them.
            is_data_recorded: whether slices are copied into the journal; not needed where its
                header names them by hash.
            snapshot_after_inputs: at a session's close the state is written down when so many
                inputs have come since it was last; also at the end. None never, for a journal that
                nobody goes on with. It costs what ``docs/reliability.md`` says.
            on_event: told every domain event, in order, after it was journaled.
        """
        self.system = system
        self.equity_curves: dict[str, list[EquityPoint]] = {one: [] for one in system.books}
        self.account_curve: list[EquityPoint] = []
        self.conflicts: dict[str, int] = {}
        self.ts_start = 0
        self._machine = system.machine
        self._venue = venue
        self._port = port
        self._journal = journal
        self._host = host
        self._is_data_recorded = is_data_recorded
        self._snapshot_after_inputs = snapshot_after_inputs
        self._snapshot_seq = self._machine.seq
        self._is_session_closed = False
        self._on_event = on_event
        self._turn = anyio.Lock(fast_acquire=True)
        self._answers: dict[int, Answer] = {}
        self._last_slice_ts: int | None = None
        self._effects = self._machine.effects

    async def start(self, ts: int) -> None:
        """Posts the first input; equity curves begin with the capital as it was given out."""
        self.ts_start = ts
        for book in self.system.books.values():
            self.equity_curves[book.book_id].append(EquityPoint(ts, book.cash))
        self.account_curve.append(
            EquityPoint(ts, self.system.orchestrator.capital_manager.total_capital)
        )
        async with self._turn:
            await self._deliver(RunStarted(ts), ts)

    async def go_on(self) -> None:
        """Instead of ``start``, with a system that was recovered: tells what happened at the
        restart; equity curves begin with the equity of now."""
        system, ts = self.system, self._machine.now
        capital = system.orchestrator.capital_manager
        self.ts_start = ts
        for book_id in system.books:
            self.equity_curves[book_id].append(EquityPoint(ts, capital.equity(book_id)))
        self.account_curve.append(EquityPoint(ts, capital.account_equity()))
        self._last_slice_ts = system.last_slice_ts
        self._is_session_closed = system.is_session_closed
        async with self._turn:
            await self._settle()

    async def publish(self, market_slice: MarketSlice) -> None:
        """Plays one slice to its end: the venue's reports on it, then the round.

        Raises:
            ActorError: its time is before the last slice's, or the machine has failed or
                stopped; nothing was taken.
        """
        async with self._turn:
            self._machine.require_running()
            await self._publish(market_slice)

    async def publish_many(self, market_slices: Iterable[MarketSlice]) -> int:
        """Plays slices one after the other without giving up the turn between them.

        Returns:
            How many there were.

        Raises:
            ActorError: as ``publish``; the slices before the refused one were played.
        """
        count = 0
        async with self._turn:
            self._machine.require_running()  # else the venue model would move alone
            for count, market_slice in enumerate(market_slices, start=1):  # noqa: B007
                await self._publish(market_slice)
        return count

    async def _publish(self, market_slice: MarketSlice) -> None:
        ts = market_slice.ts_event
        last = self._last_slice_ts
        if last is not None and ts < last:
            raise ActorError(f"time went back: a slice of {ts} after one of {last}")
        if last is not None and ts // _NS_PER_DAY != last // _NS_PER_DAY:
            if not self._is_session_closed:
                await self._close_session(last)
            self._is_session_closed = False
        self._last_slice_ts = ts
        for report in self._venue.on_slice(market_slice):
            await self._deliver(report, ts)
        machine = self._machine
        # A report may have come in after the slice's own time: only a feed's own order is judged.
        now = machine.now
        machine.post(market_slice, max(now, ts), is_recorded=self._is_data_recorded)
        if self._effects:
            await self._settle()

    async def report(
        self, report: VenueReport | CapitalReport | SubmissionLost | Reconciled, ts: int
    ) -> None:
        """Posts a report of an outside venue, after whatever is being played.

        Args:
            ts: time of its arrival, nanoseconds UTC; not before the last input's, else that is
                taken: a venue's word is never refused for being late.
        """
        async with self._turn:
            await self._deliver(report, ts)

    async def end(self) -> None:
        """Closes the last session, stops the strategies and with them the machine."""
        async with self._turn:
            self._machine.require_running()
            ts = self._last_slice_ts if self._last_slice_ts is not None else self.ts_start
            await self._close_session(ts)
            await self._deliver(RunEnded(ts), ts)
            self._machine.stop()

    async def ask(self, question: object, question_id: int) -> Answer:
        """Posts an operator's question after whatever is being played, and returns its answer."""
        async with self._turn:
            await self._deliver(question, self._machine.now)
            return self._answers.pop(question_id)

    async def take_snapshot(self) -> bool:
        """Writes the state down, after whatever is being played, and syncs. False: a strategy gives
        none, see the log."""
        async with self._turn:
            return self._write_snapshot()

    def _write_snapshot(self) -> bool:
        try:
            body = self.system.snapshot()
        except StateLostError as reason:
            _log.warning("SnapshotNotTaken", reason=str(reason))
            return False
        self._machine.record_snapshot(body)
        self._journal.sync()
        self._snapshot_seq = self._machine.seq
        return True

    def finish_journal(self) -> None:
        """Writes the trailer, behind a snapshot where they are taken: the run ended in order, or is
        interrupted between two inputs."""
        if self._snapshot_after_inputs is not None:
            self._write_snapshot()
        self._journal.finish(self._trailer())

    def _trailer(self) -> JournalTrailer:
        machine = self._machine
        return JournalTrailer(
            last_seq=machine.seq,
            decisions=machine.decisions,
            decision_hash=machine.decision_hash,
            state_hash=self.system.state_hash(),
        )

    async def _close_session(self, ts: int) -> None:
        for report in self._venue.on_session_close(ts):
            await self._deliver(report, ts)
        await self._deliver(SessionClosed(ts), ts)
        after = self._snapshot_after_inputs
        if isinstance(self._journal, Rotating) and self._journal.is_grown:
            self._rotate(self._journal)
        elif after is not None and self._machine.seq - self._snapshot_seq >= after:
            self._snapshot_seq = self._machine.seq  # one that cannot be taken is not tried at once
            self._write_snapshot()

    def _rotate(self, journal: Rotating) -> None:
        try:
            body = self.system.snapshot()
        except StateLostError as reason:
            _log.warning("JournalNotRotated", reason=str(reason))
            return
        journal.rotate(self._trailer(), self._machine.snapshot_record(body))
        self._snapshot_seq = self._machine.seq

    async def _deliver(self, payload: object, ts: int) -> None:
        machine = self._machine
        machine.post(payload, max(ts, machine.now))
        if machine.has_effects:
            await self._settle()

    async def _settle(self) -> None:
        """Carries out effects until none is left; every input that comes of it is played too."""
        try:
            await self._settle_all()
        except BaseException:
            # A cancellation from outside, a disk that is full, a listener that fails: a round is
            # open or an effect is lost. What was decided stands in the journal; whoever goes on
            # starts from there.
            self._machine.stop()
            raise

    async def _settle_all(self) -> None:
        while True:
            calls = self._carry_out()
            for reply in await self._host.gather(calls) if calls else ():
                self._machine.post(reply, self._machine.now)
            if self._machine.has_effects:
                continue
            reports = self._venue.take_reports()
            if not reports:
                return
            for report in reports:
                await self._deliver(report, self._machine.now)

    def _carry_out(self) -> list[AwaitCall]:
        """Everything that needs no waiting is done at once; the calls to await are returned."""
        calls: list[AwaitCall] = []
        for _, effect in self._machine.take_effects():
            match effect:
                case ExecuteCommands():
                    self._execute(effect)
                case InternalCrossed():
                    self._machine.post(effect, self._machine.now)
                case AwaitCall():
                    calls.append(effect)
                case SessionMarked():
                    self._keep_equity(effect)
                case ComputeWeights():
                    self._compute(effect)
                case SplitReport() | LotSizeChangedReport() | SymbolChangedReport():
                    self._venue.on_corporate_action(effect)
                case Answer():
                    self._answers[effect.question_id] = effect
                case DomainEvent():
                    self._tell(effect)
                case _:
                    raise TypeError(f"no way to carry out a {type(effect).__name__}")
        return calls

    def _execute(self, effect: ExecuteCommands) -> None:
        commands: list[StrategyCommand] = list(effect.approved)
        self._journal.sync()
        try:
            self._port.execute_commands(commands)
        except Exception as failure:
            # Nobody knows what the venue took: the orders are UNKNOWN until it says so.
            ids = tuple(_order_of(one) for one in effect.approved)
            lost = SubmissionLost(client_order_ids=ids, failure=describe(failure))
            self._machine.post(lost, self._machine.now)

    def _compute(self, wanted: ComputeWeights) -> None:
        """Weights that rest on floats are computed outside and come in as an input, so that replay
        reads them."""
        methods = self.system.orchestrator.capital_manager.methods
        self._machine.post(computed_weights(wanted, methods), self._machine.now)

    def _keep_equity(self, marked: SessionMarked) -> None:
        for book_id, equity in marked.equities.items():
            # A strategy that joined has a curve from its first close on.
            curve = self.equity_curves.setdefault(book_id, [])
            curve.append(EquityPoint(marked.ts_event, equity, marked.flows.get(book_id, ZERO)))
        flow = exact_sum(marked.flows.values())
        self.account_curve.append(EquityPoint(marked.ts_event, marked.account_equity, flow))

    def _tell(self, event: DomainEvent) -> None:
        if isinstance(event, StrategyConflictDetectedEvent):
            kind = str(event.conflict_type)
            self.conflicts[kind] = self.conflicts.get(kind, 0) + 1
        if not isinstance(event, _ROUTINE):
            log = _log.warning if isinstance(event, _WARNINGS) else _log.info
            log(type(event).__name__, **event_fields(event))
        if self._on_event is not None:
            self._on_event(event)


def _order_of(approved: ApprovedCommand) -> str:
    """Id of the order that a command is about; a cancel has an id of its own."""
    command = approved.command
    return command.client_order_id if isinstance(command, CancelOrder) else approved.client_order_id


def event_fields(event: DomainEvent) -> dict[str, object]:
    """A domain event as key-value pairs of a log line; ``seq`` is its place in the journal."""
    fields: dict[str, object] = {}
    for name, value in vars(event).items():
        if name == "ts_event":
            fields["at"] = datetime.fromtimestamp(value // 1_000_000_000, tz=UTC).isoformat()
        else:
            fields[name] = str(value) if isinstance(value, Decimal) else value
    return fields
