"""One scenario on real event loops: its inputs once more, its asynchronous tasks in other orders.

A scenario is what a calm run of a seed took in. It is played again by the real session and the real
host of asynchronous calls, on asyncio or trio. Asynchronous strategies start in an order that the
permutation draws, and each is sent to the back of the queue so many times before and after it
computes; trio shuffles besides. All stay below the deadline. The journal must come out as it was,
byte for byte.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from typing import Any, List, Literal, NamedTuple, TypeAlias, cast  # noqa: UP035 - the port's own

import anyio
import anyio.lowlevel
import msgspec

from orchestrion.actors.inputs import decode_input
from orchestrion.actors.messages import (
    InternalCrossed,
    RunEnded,
    RunStarted,
    SessionClosed,
    StrategyRaised,
    StrategyReplied,
    SubmissionLost,
)
from orchestrion.adapters.journal.memory_journal import MemoryJournal
from orchestrion.adapters.session import NoVenueModel, TradingSession
from orchestrion.domain.desk.capital_desk import WeightsComputed
from orchestrion.domain.models.command import StrategyCommand
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.portfolio import PortfolioState
from orchestrion.runtime.actor import Question
from orchestrion.runtime.journal import Record, RecordKind
from orchestrion.runtime.shell import AsyncHost, AwaitCall
from tests.simulation.chance import Chance
from tests.simulation.faults import Fault
from tests.simulation.simulation import Simulation, silent_log
from tests.simulation.storage import records_of
from tests.simulation.strategy_models import CallLog
from tests.simulation.venue_model import VenueError
from tests.simulation.world import World, build_world, header_of

Loop: TypeAlias = Literal["asyncio", "trio"]
LOOPS: tuple[Loop, ...] = ("asyncio", "trio")
EVENTS = 40
"""Steps of a scenario: some forty decisions and sixty answers, and cheap enough for thousands of
runs. Arbitrary."""
ASYNC_SHARE = 0.7
TURNS_MAX = 4
DEADLINE_S = 3_600.0
"""Never reached: late answers are another matter."""
CALM = tuple(
    fault
    for fault in Fault
    if fault.group not in ("F1", "F2", "F3", "F4", "F15")
    and fault not in (Fault.STRATEGY_HANGS, Fault.STRATEGY_SLOW)
)
_MADE_BY_SESSION = (
    InternalCrossed,
    RunEnded,
    SessionClosed,
    StrategyRaised,
    StrategyReplied,
    SubmissionLost,
    WeightsComputed,
)


class Scenario(NamedTuple):
    """What a run took in, and what it wrote.

    Attributes:
        losses: of every call of the port, in order: whether it raised, and what.
        answers: how many calls of asynchronous strategies were awaited.
    """

    world: World
    records: list[Record]
    losses: list[str | None]
    digest: str
    decisions: int
    answers: int


class Played(NamedTuple):
    """What came of one permutation.

    Attributes:
        meetings: how often several calls were awaited at once.
    """

    difference: str
    meetings: int


class _CalmRun(Simulation):
    """Keeps what its venue's port answered."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, only=CALM, changed=_mostly_async, is_killed=False, events=EVENTS)
        self.losses: list[str | None] = []

    def submit(self, commands: Any) -> None:
        try:
            super().submit(commands)
        except Exception as failure:
            self.losses.append(str(failure))
            raise
        self.losses.append(None)


def _mostly_async(world: World) -> World:
    chance = Chance(world.seed, "schedules")
    traits = tuple(
        msgspec.structs.replace(one, is_async=chance.happens(ASYNC_SHARE)) for one in world.traits
    )
    return msgspec.structs.replace(world, traits=traits)


def scenario_of(seed: int) -> Scenario:
    """A calm run of the seed.

    Raises:
        AssertionError: it has violations; then it is no scenario but a failing seed.
    """
    run = _CalmRun(seed)
    outcome = run.run()
    assert outcome.violations == [], outcome.violations[0]
    records = [one for one in records_of(run.disk) if one.kind is not RecordKind.SNAPSHOT]
    return Scenario(
        world=run.world,
        records=records,
        losses=run.losses,
        digest=digest_of(records),
        decisions=sum(1 for one in records if one.kind is RecordKind.DECISION),
        answers=sum(1 for one in records if one.name == StrategyReplied.__name__),
    )


def digest_of(records: Sequence[Record]) -> str:
    """Over every byte of every record."""
    whole = hashlib.sha256()
    for record in records:
        whole.update(msgspec.msgpack.encode(record))
    return whole.hexdigest()


class _Port:
    """Answers every call as the scenario's venue did."""

    def __init__(self, losses: Sequence[str | None]) -> None:
        self._losses = deque(losses)

    def execute_commands(self, commands: List[StrategyCommand]) -> None:  # noqa: UP006
        loss = self._losses.popleft()
        if loss is not None:
            raise VenueError(loss)

    def get_portfolio_state(self) -> PortfolioState:
        raise NotImplementedError("nobody asks here")


class PermutedHost:
    """The real host, given its calls in another order, and each with turns to wait.

    Attributes:
        meetings: how often several calls were awaited at once.
    """

    def __init__(self, host: AsyncHost, chance: Chance) -> None:
        self.meetings = 0
        self._host = host
        self._chance = chance

    async def gather(self, calls: Sequence[AwaitCall]) -> list[object]:
        """See ``AsyncHost.gather``."""
        self.meetings += len(calls) > 1
        order = self._chance.shuffled(range(len(calls)))
        outcomes = await self._host.gather([self._delayed(calls[place]) for place in order])
        by_place = dict(zip(order, outcomes, strict=True))
        return [by_place[place] for place in range(len(calls))]

    def _delayed(self, call: AwaitCall) -> AwaitCall:
        before, after = (self._chance.between(0, TURNS_MAX) for _ in range(2))

        async def start() -> object:
            await _wait_turns(before)
            value = await call.start()
            await _wait_turns(after)
            return value

        return msgspec.structs.replace(call, start=start)


async def _wait_turns(count: int) -> None:
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


def play(scenario: Scenario, permutation: int, loop: Loop) -> Played:
    """Plays a scenario in another order of tasks."""
    chance = Chance(scenario.world.seed, f"permutation {permutation}")
    records, meetings = anyio.run(_play, scenario, chance, backend=loop)
    return Played(_difference(scenario.records, records), meetings)


async def _play(scenario: Scenario, chance: Chance) -> tuple[list[Record], int]:
    journal, world = MemoryJournal(), scenario.world
    journal.begin(header_of(world))
    system = build_world(world, journal, CallLog())
    async with AsyncHost(deadline_s=DEADLINE_S) as host:
        permuted = PermutedHost(host, chance)
        session = TradingSession(
            system,
            _Port(scenario.losses),
            NoVenueModel(),
            journal,
            cast("AsyncHost", permuted),
            is_data_recorded=True,
        )
        with silent_log():
            for record in scenario.records:
                if record.kind is RecordKind.INPUT:
                    await _take(session, decode_input(record), record.ts)
            await session.end()
    return list(journal.records()), permuted.meetings


async def _take(session: TradingSession, payload: Any, ts: int) -> None:
    """An input by the door that it came in by; what the session makes itself is left to it."""
    if isinstance(payload, _MADE_BY_SESSION):
        return
    if isinstance(payload, RunStarted):
        await session.start(ts)
    elif isinstance(payload, MarketSlice):
        await session.publish(payload)
    elif isinstance(payload, Question):
        await session.ask(payload, payload.question_id)
    else:
        await session.report(payload, ts)


def _difference(then: Sequence[Record], now: Sequence[Record]) -> str:
    for before, after in zip(then, now, strict=False):
        if before != after:
            return f"seq {before.seq}: {before} and now {after}"
    if len(then) != len(now):
        return f"{len(then)} records and now {len(now)}"
    return ""
