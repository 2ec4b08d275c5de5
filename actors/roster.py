"""``Roster``: everybody who plays, with mailbox, seat and factory; at the start and later on.

A strategy that joins gets what the others were built with: an actor behind a mailbox of its own,
supervision, a view, a seat in rank order. One that leaves loses its seat, and whoever tells owners
about their books and orders does not find it any more.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, ClassVar, TypeAlias, cast

import msgspec

from orchestrion.actors.async_strategy_actor import AsyncStrategyActor
from orchestrion.actors.line_up import LineUp
from orchestrion.actors.membership_messages import AddStrategy
from orchestrion.actors.round_plan import Seat
from orchestrion.actors.strategy_actor import StrategyActor
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.money import CENT, multiply, round_down_to_step
from orchestrion.domain.models.portfolio import RESERVE, Book
from orchestrion.domain.models.strategy import Strategy, StrategyView
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.unified_strategy_orchestrator import (
    UnifiedStrategyOrchestrator,
)
from orchestrion.domain.strategies.description import metadata_of
from orchestrion.runtime.actor import Actor
from orchestrion.runtime.errors import describe
from orchestrion.runtime.machine import Machine
from orchestrion.runtime.mailbox import CAPACITY_MESSAGES, Mailbox
from orchestrion.runtime.state import require_fields, restore_state, state_of
from orchestrion.runtime.supervision import SupervisionPolicy

MAILBOX_ROOM_MIN = 16
"""Messages that one input can put into a mailbox beside one per strategy; the most that was found
is six."""

StrategyBuilder: TypeAlias = Callable[[str, Mapping[str, Any]], Strategy]
"""Builds a strategy from its name and its config; raises whatever is wrong with them."""


class Roster:
    """See the module's text.

    Attributes:
        owners: mailbox by strategy id, of everybody who has a seat; one table for all who tell.
    """

    STATE: ClassVar[Mapping[str, Any]] = {
        "_joined": dict[str, AddStrategy],
        "_capital": dict[str, Decimal],
        "_room": int,
    }

    def __init__(
        self,
        *,
        machine: Machine,
        orchestrator: UnifiedStrategyOrchestrator,
        supervision: SupervisionPolicy,
        mailbox_messages_max: int = CAPACITY_MESSAGES,
        build: StrategyBuilder | None = None,
    ) -> None:
        """
        Args:
            mailbox_messages_max: see ``SystemSettings``.
            build: for strategies that join; None refuses them.
        """
        self.owners: dict[str, Mailbox] = {}
        self._machine = machine
        self._orchestrator = orchestrator
        self._supervision = supervision
        self._mailbox_messages_max = mailbox_messages_max
        self._build = build
        self._mailboxes: list[Mailbox] = []
        self._seats: dict[str, Seat] = {}
        self._actors: dict[str, StrategyActor | AsyncStrategyActor] = {}
        self._joined: dict[str, AddStrategy] = {}
        self._capital: dict[str, Decimal] = {}
        self._room = 0

    # -- at the start -----------------------------------------------------------------------------

    def spawn(self, name: str, actor: Actor) -> Mailbox:
        """A mailbox with room for all strategies: those of a stage may have answered before the
        coordinator reads the first answer."""
        self._room = max(self._room, self._capacity)
        mailbox = self._machine.spawn(name, actor, capacity_messages=self._room)
        self._mailboxes.append(mailbox)
        return mailbox

    @property
    def _capacity(self) -> int:
        room = len(self._orchestrator.strategies) + MAILBOX_ROOM_MIN
        return max(self._mailbox_messages_max, room)

    def seat_everybody(
        self, factories: Mapping[str, Callable[[], Strategy]], coordinator: Mailbox
    ) -> LineUp:
        """Builds and seats all strategies that the orchestrator knows.

        Args:
            coordinator: whom they answer, and who hears of their failures.
        """
        self._coordinator = coordinator
        for strategy_id in self._orchestrator.ids_in_rank_order():
            strategy = self._orchestrator.strategies[strategy_id].strategy
            self._seat(strategy_id, strategy, factories[strategy_id])
        return self.line_up()

    def _seat(self, strategy_id: str, strategy: Strategy, factory: Callable[[], Strategy]) -> None:
        self._take_seat(strategy_id, strategy, self._actor(strategy_id, strategy, factory))

    def _take_seat(
        self, strategy_id: str, strategy: Strategy, actor: StrategyActor | AsyncStrategyActor
    ) -> None:
        mailbox = self.spawn(strategy_id, actor)
        self._machine.supervise(strategy_id, self._supervision, parent=self._coordinator)
        wants_fills = type(strategy).on_fill is not Strategy.on_fill
        self.owners[strategy_id] = mailbox
        self._actors[strategy_id] = actor
        self._seats[strategy_id] = Seat(
            strategy_id,
            mailbox,
            strategy.subscriptions(),
            wants_fills,
            isinstance(actor, AsyncStrategyActor),
        )

    def _actor(
        self, strategy_id: str, strategy: Strategy, factory: Callable[[], Strategy]
    ) -> StrategyActor | AsyncStrategyActor:
        capital = self._orchestrator.capital_manager
        # A newcomer is told of its book before it starts.
        book = capital.books.get(strategy_id, Book(strategy_id, Decimal(0)))
        view = StrategyView(strategy_id, capital.catalog, capital.marks, book)
        if is_async(strategy):
            return AsyncStrategyActor(
                context=self._machine,
                strategy_id=strategy_id,
                factory=factory,
                view=view,
                coordinator=self._coordinator,
            )
        return StrategyActor(
            strategy_id=strategy_id, factory=factory, view=view, coordinator=self._coordinator
        )

    def line_up(self) -> LineUp:
        """Who has a seat."""
        orchestrator = self._orchestrator
        return LineUp(
            tuple(tuple(self._seats[one] for one in stage) for stage in orchestrator.stages()),
            tuple(
                orchestrator.strategies[one].metadata for one in orchestrator.ids_in_rank_order()
            ),
            orchestrator.leverage_claims,
        )

    # -- later on -------------------------------------------------------------------------------

    def recruit(self, question: AddStrategy) -> LineUp:
        """See ``Recruiter.recruit``."""
        amount = self._asked_amount(question)
        strategy, metadata, actor = self._built(question)
        self._orchestrator.join(strategy, metadata, amount)
        self._enter(question, strategy, actor, amount)
        return self.line_up()

    def _built(
        self, question: AddStrategy
    ) -> tuple[Strategy, StrategyMetadata, StrategyActor | AsyncStrategyActor]:
        strategy_id, name = question.strategy_id, question.strategy_name
        if self._build is None:
            raise ConfigurationError("this run was made without a way to build further strategies")
        factory = _factory(self._build, name, question.config)
        try:
            strategy = factory()
            metadata = metadata_of(
                strategy,
                strategy_id,
                name,
                priority=question.priority,
                depends_on=question.depends_on,
            )
            # A second one, as at the start: what is registered is never the one that plays.
            actor = self._actor(strategy_id, strategy, factory)
        except Exception as fault:
            raise ConfigurationError(f"{strategy_id} cannot be built: {describe(fault)}") from fault
        return strategy, metadata, actor

    def _enter(
        self,
        question: AddStrategy,
        strategy: Strategy,
        actor: StrategyActor | AsyncStrategyActor,
        amount: Decimal,
    ) -> None:
        self._joined[question.strategy_id] = question
        self._capital[question.strategy_id] = amount
        self._take_seat(question.strategy_id, strategy, actor)
        self._widen()

    def _widen(self) -> None:
        for mailbox in self._mailboxes:
            mailbox.capacity_messages = max(mailbox.capacity_messages, self._room)

    def capital_of(self, strategy_id: str) -> Decimal:
        """See ``Recruiter.capital_of``."""
        return self._capital[strategy_id]

    def dismiss(self, strategy_id: str) -> LineUp:
        """See ``Recruiter.dismiss``. Its mailbox stays, nobody tells it anything any more."""
        self._drop(strategy_id)
        return self.line_up()

    def _drop(self, strategy_id: str) -> None:
        del self.owners[strategy_id], self._seats[strategy_id], self._actors[strategy_id]
        for table in (self._joined, self._capital, self._orchestrator.strategies):
            table.pop(strategy_id, None)
        self._machine.retire(strategy_id)

    def take_out(self, strategy_id: str, why: str) -> None:
        """See ``StrategyHost.take_out``; one who is not there is none to take out."""
        actor = self._actors.get(strategy_id)
        if actor is not None:
            actor.host.take_out(why)

    # -- snapshots of the run ---------------------------------------------------------------------

    def snapshot(self) -> dict[str, object]:
        """Who has joined, and every host; of a strategy in quarantine, whom nobody calls again,
        nothing."""
        hosts = {
            one: None if self._is_out(one) else actor.snapshot()
            for one, actor in self._actors.items()
        }
        return {"members": state_of(self), "hosts": hosts}

    def remembered(self) -> dict[str, object]:
        """What of strategies is no part of the state, see ``StrategyHost.memory``."""
        return {
            one: None if self._is_out(one) else actor.host.memory()
            for one, actor in self._actors.items()
        }

    def lost_ids(self) -> tuple[str, ...]:
        """Strategies that nobody could build again as they are."""
        return tuple(
            one
            for one, actor in self._actors.items()
            if not self._is_out(one) and actor.host.is_lost
        )

    def unrestored(self) -> dict[str, str]:
        """Strategies that could not be given their state, and why."""
        return {
            one: actor.host.unrestored
            for one, actor in self._actors.items()
            if actor.host.unrestored
        }

    def ids_in(self, snapshot: object) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(who had joined, everybody who was there) at a snapshot.

        Raises:
            JournalFormatError: it is no such state.
        """
        given = require_fields(snapshot, ("members", "hosts"), "Roster")
        members = cast("Mapping[str, Mapping[str, object]]", given["members"])
        return tuple(members["_joined"]), tuple(cast("Mapping[str, object]", given["hosts"]))

    def restore_seats(self, snapshot: object) -> None:
        """Dismisses who had left and seats who had joined.

        Raises:
            JournalFormatError: it is no such state.
            ConfigurationError: a strategy cannot be built any more.
        """
        given = require_fields(snapshot, ("members", "hosts"), "Roster")
        _, present = self.ids_in(snapshot)
        for strategy_id in tuple(self._seats):
            if strategy_id not in present:
                # One after the other: who depended on whom has no order among those who left.
                self._drop(strategy_id)
        restore_state(self, given["members"])
        for question in tuple(self._joined.values()):
            amount = self._capital[question.strategy_id]
            strategy, metadata, actor = self._built(question)
            self._orchestrator.rejoin(strategy, metadata, amount)
            self._enter(question, strategy, actor, amount)
        self._widen()

    def restore_hosts(self, snapshot: object, remembered: object) -> None:
        """Gives strategies back what they knew; the books come first.

        Raises:
            JournalFormatError: it is no such state.
        """
        given = require_fields(snapshot, ("members", "hosts"), "Roster")
        hosts = require_fields(given["hosts"], tuple(self._actors), "the strategies' hosts")
        memories = require_fields(remembered, tuple(self._actors), "the strategies' memories")
        for strategy_id, actor in self._actors.items():
            if hosts[strategy_id] is not None:
                actor.host.view.move(catalog=self._orchestrator.capital_manager.catalog)
                actor.restore(hosts[strategy_id], memories[strategy_id])

    def _is_out(self, strategy_id: str) -> bool:
        return self._machine.is_quarantined(strategy_id)

    def _asked_amount(self, question: AddStrategy) -> Decimal:
        amount, fraction = question.amount, question.reserve_fraction
        if (amount is None) == (fraction is None):
            raise ConfigurationError("say either an amount or a part of the reserve")
        if amount is not None:
            return amount
        assert fraction is not None  # noqa: S101 - one of the two is there
        if not (fraction.is_finite() and 0 < fraction <= 1):
            raise ConfigurationError(f"reserve_fraction must be above 0 to 1, got {fraction}")
        reserve = self._orchestrator.capital_manager.books[RESERVE].cash
        return round_down_to_step(multiply(reserve, fraction), CENT)


def _factory(
    build: StrategyBuilder, name: str, config: Mapping[str, Any]
) -> Callable[[], Strategy]:
    # As the journal will give it back, so that a replay builds from the very same values.
    text = msgspec.json.encode(config)
    return lambda: build(name, msgspec.json.decode(text))


def is_async(strategy: Strategy) -> bool:
    """Whether any handler of a strategy has to be awaited."""
    return any(
        inspect.iscoroutinefunction(getattr(strategy, name))
        for name in ("on_start", "on_event", "on_fill", "on_stop")
    )
