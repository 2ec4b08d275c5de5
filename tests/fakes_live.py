"""A stage for live runs in one process: a venue in memory that outlives them, a scripted feed.

    stage = Stage(tmp_path)
    stage.play(tick(), until(lambda: stage.venue.taken), crash)     # one start, to its end
    stage.play(tick(), stop)                                        # the next one goes on

Client and feed are named by import path in the configuration, so a run is started as a user's is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import msgspec
from pydantic import BaseModel, ConfigDict

from orchestrion.actors.system import TradingSystem
from orchestrion.adapters import assembly
from orchestrion.adapters.journal.journal_directory import JournalDirectory
from orchestrion.adapters.process.live import run_live
from orchestrion.adapters.process.stop_request import StopRequest
from orchestrion.adapters.recovery import resume
from orchestrion.adapters.settings import load_settings
from orchestrion.domain.models.market import MarketData, MarketSlice, TradeTick
from orchestrion.domain.models.money import to_e9
from orchestrion.domain.models.order import OrderType, TimeInForce
from orchestrion.domain.models.strategy import Strategy, StrategyOutput, StrategyView
from orchestrion.runtime.journal import Record
from tests.fakes_venue_client import DEFAULT_TRAITS, FakeVenue, FakeVenueClient

Step: TypeAlias = Callable[["Stage"], Awaitable[MarketData | None]]
_WAIT_S = 0.002


class CrashError(BaseException):
    """The process is gone; nothing in the program catches it."""


class Stage:
    """One account, over as many starts as wanted.

    Attributes:
        clients: of every start, the latest last.
    """

    present: Stage | None = None

    def __init__(self, folder: Path, **strategies: dict[str, Any]) -> None:
        """
        Args:
            strategies: id -> parameters of a ``Planned`` strategy.
        """
        self.folder = folder / "journals"
        self.venue = FakeVenue(time.time_ns)
        self.clients: list[FakeVenueClient] = []
        self.steps: list[Step] = []
        self.stop = StopRequest()
        self.prepare: Callable[[FakeVenueClient], None] = lambda client: None
        self.settings = load_settings(_configuration(strategies))

    @property
    def client(self) -> FakeVenueClient:
        return self.clients[-1]

    def play(self, *steps: Step) -> None:
        """Starts the run and leads it through the steps; the last one ends it, well or not."""
        Stage.present, self.steps, self.stop = self, list(steps), StopRequest()
        try:
            run_live(self.settings, directory=self.folder, stop=self.stop, environ={})
        except BaseException as failure:
            if not isinstance(_root_of(failure), CrashError):
                raise
        finally:
            Stage.present = None
        assert not self.steps, f"{len(self.steps)} steps were not reached"

    def records(self) -> list[Record]:
        """All of the run, over all its journals."""
        store = JournalDirectory(self.folder)
        try:
            return [one for segment in store.segments() for one in segment.reader.records()]
        finally:
            store.close()

    def names(self) -> list[str]:
        return [one.name for one in self.records()]

    def recovered(self) -> TradingSystem:
        """The run as the next start would find it."""
        store = JournalDirectory(self.folder)
        try:
            found = resume(store, self.settings, assembly.data_source(self.settings), "live")
            found.journal.close()
            return found.system
        finally:
            store.close()


def client_of_stage() -> FakeVenueClient:
    """What ``live.client`` names."""
    assert Stage.present is not None
    traits = msgspec.structs.replace(DEFAULT_TRAITS, visibility_delay_s=0.05)
    client = FakeVenueClient(Stage.present.venue, traits)
    Stage.present.prepare(client)
    Stage.present.clients.append(client)
    return client


class FeedOfStage:
    """What ``live.feed`` names. A step that is given up is taken again from its start."""

    def __init__(self) -> None:
        assert Stage.present is not None
        self._stage = Stage.present

    def __aiter__(self) -> FeedOfStage:
        return self

    async def __anext__(self) -> MarketData:
        while True:
            if not self._stage.steps:
                await anyio.sleep_forever()
            found = await self._stage.steps[0](self._stage)
            del self._stage.steps[0]
            if found is not None:
                return found


def tick(price: int = 100) -> Step:
    """A trade of ABC at the time of now."""

    async def step(stage: Stage) -> MarketData:
        return TradeTick("ABC", time.time_ns(), to_e9(price), to_e9(1))

    return step


def until(is_so: Callable[[], object]) -> Step:
    """Goes on when it is so."""

    async def step(stage: Stage) -> None:
        while not is_so():  # noqa: ASYNC110 - the venue rings no bell
            await anyio.sleep(_WAIT_S)

    return step


def do(act: Callable[[], object]) -> Step:
    async def step(stage: Stage) -> None:
        act()

    return step


async def calm(stage: Stage) -> None:
    """A moment for what is under way between venue and run."""
    await anyio.sleep(0.05)


async def crash(stage: Stage) -> None:
    """The process dies here."""
    del stage.steps[0]
    raise CrashError


async def stop(stage: Stage) -> None:
    """Somebody sends SIGTERM."""
    stage.stop.make("SIGTERM")


class PlannedParameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    buys: dict[int, int] = {}
    """Number of the event -> quantity to buy at the market."""
    rests: dict[int, int] = {}
    """The same as limit orders far below."""
    cancels: tuple[int, ...] = ()
    """Events at which everything that works is withdrawn."""


class Planned(Strategy):
    """Does what its parameters say, and remembers what it saw."""

    Parameters = PlannedParameters

    def __init__(self, parameters: BaseModel | None = None) -> None:
        super().__init__(parameters)
        self.events = 0
        self.fills: list[str] = []

    def on_event(self, event: MarketSlice, view: StrategyView) -> list[StrategyOutput]:
        self.events += 1
        plan = self.parameters
        assert isinstance(plan, PlannedParameters)
        answer: list[StrategyOutput] = []
        if self.events in plan.buys:
            answer.append(view.buy("ABC", plan.buys[self.events]))
        if self.events in plan.rests:
            answer.append(
                view.buy(
                    "ABC",
                    plan.rests[self.events],
                    order_type=OrderType.LIMIT,
                    time_in_force=TimeInForce.GTC,
                    limit_price=Decimal(50),
                )
            )
        if self.events in plan.cancels:
            answer += [view.cancel(one) for one in view.working_orders]
        return answer

    def on_fill(self, fill: Any, view: StrategyView) -> None:
        self.fills.append(fill.trade_id)

    def snapshot(self) -> object:
        return {"events": self.events, "fills": list(self.fills)}

    def restore(self, state: Any) -> None:
        self.events, self.fills = state["events"], list(state["fills"])


def _configuration(strategies: dict[str, dict[str, Any]]) -> dict[str, Any]:
    share = 100 // max(1, len(strategies))
    entry = {"strategy": "tests.fakes_live:Planned", "allocation_pct": share}
    return {
        "account": {"id": "stage", "capital": 1_000_000},
        "strategies": {
            # Keys of maps are text in a configuration.
            key: {**entry, "config": json.loads(json.dumps(plan))}
            for key, plan in strategies.items()
        },
        "promote_lone_strategy": True,
        "data": {"source": "feed", "instruments": [{"kind": "equity", "instrument_id": "ABC"}]},
        "live": {
            "client": "tests.fakes_live:client_of_stage",
            "feed": "tests.fakes_live:FeedOfStage",
            "close_after_s": 0.001,
            "calls_per_s": 10_000,
            "burst_calls": 1_000,
            "call_timeout_s": 0.1,
            "back_off_first_s": 0.002,
            "back_off_max_s": 0.01,
            "grace_s": 0.3,
            "start_timeout_s": 2.0,
            "reply_timeout_s": 1.0,
            "cash_tolerance": 0,
        },
    }


def _root_of(failure: BaseException) -> BaseException:
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure
