"""From the commands of a round to what the capital manager is asked: the conflict rules' part.

    commands ──► nothing to screen ───────────────────────────► resolve ──► AuthoriseRequest
             └─► ScreenRequest ──► capital manager ──► Screened ──┘   └──► orders to withdraw
                                    └─► room for all of a plain round: authorised at once

A collaborator of the coordinator. It keeps the commands that wait for others' orders to be
withdrawn; when one of those orders ends they are a round of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from orchestrion.actors.line_up import LineUp
from orchestrion.actors.messages import (
    AuthoriseRequest,
    CancelOrdersRequest,
    Screened,
    ScreenRequest,
)
from orchestrion.domain.conflict import NO_CLAIMS, RoundContext, instrument_claims, release_held
from orchestrion.domain.models.order import Order
from orchestrion.domain.orchestration.events import DomainEvent
from orchestrion.domain.orchestration.proposal import Checked, HeldProposal
from orchestrion.domain.orchestration.removal import WITHDRAWN_FOR_ANOTHER
from orchestrion.domain.orchestration.strategy_coordinator import StrategyCoordinator
from orchestrion.runtime.actor import ActorContext
from orchestrion.runtime.mailbox import Mailbox


class Adjudication:
    """See the module's text."""

    STATE: ClassVar[Mapping[str, Any]] = {
        "_held": tuple[HeldProposal, ...],
        "_decided_seq": int,
    }

    def __init__(
        self,
        *,
        context: ActorContext,
        rules: StrategyCoordinator,
        working_orders: Mapping[str, Order],
        publish: Callable[[DomainEvent], None],
    ) -> None:
        self._context = context
        self._rules = rules
        self._working_orders = working_orders
        self._publish = publish
        self._held: tuple[HeldProposal, ...] = ()
        self._priorities: dict[str, int] = {}
        self._claims = NO_CLAIMS
        self._is_single = False
        self._decided_seq = 0

    def connect(self, *, capital_manager: Mailbox, gateway: Mailbox) -> None:
        """Called once, by the coordinator's wiring."""
        self._capital_manager = capital_manager
        self._gateway = gateway

    def take_line_up(self, line_up: LineUp) -> None:
        """Whose commands they are from now on."""
        self._priorities = {one.id: one.priority for one in line_up.metadata}
        self._claims = instrument_claims(line_up.metadata, line_up.leverage_claims)
        self._is_single = line_up.is_single

    def held_of(self, strategy_id: str) -> int:
        """How many commands of a strategy wait."""
        return sum(1 for one in self._held if one.strategy_id == strategy_id)

    def decide(self, number: int, checked: tuple[Checked, ...]) -> None:
        """Takes the commands of a round that has closed."""
        if not self._held and (
            self._is_single
            or (
                self._decided_seq != self._context.seq
                and self._rules.is_plain(checked, self._working_orders, self._claims)
            )
        ):
            self._decided_seq = self._context.seq
            if self._is_single or len(checked) == 1:
                self._capital_manager.tell(AuthoriseRequest(number, checked))
            else:
                self._screen(number, checked, is_plain=True)
        elif self._decided_seq == self._context.seq or self._rules.needs_screening(
            checked, self._working_orders, claims=self._claims, held=self._held
        ):
            # What was decided before on the same input is at the gateway by the time of the answer.
            self._screen(number, checked)
        else:
            self._resolve(number, checked, None)

    def _screen(self, number: int, checked: tuple[Checked, ...], *, is_plain: bool = False) -> None:
        self._capital_manager.tell(
            ScreenRequest(number, checked, self._held, self._rules.policies, is_plain)
        )

    def on_screened(self, message: Screened) -> None:
        self._resolve(message.round, message.checked, message.context)

    def _resolve(
        self, number: int, checked: tuple[Checked, ...], context: RoundContext | None
    ) -> None:
        resolution = self._rules.resolve(
            checked,
            self._working_orders,
            self._priorities,
            claims=self._claims,
            context=context,
            held=self._held,
        )
        self._decided_seq = self._context.seq
        for event in resolution.events:
            self._publish(event)
        self._held = (*self._held, *resolution.held)
        if resolution.cancels:
            self._gateway.tell(CancelOrdersRequest(resolution.cancels, WITHDRAWN_FOR_ANOTHER))
        self._capital_manager.tell(AuthoriseRequest(number, resolution.checked, resolution.crosses))

    # -- commands that wait -----------------------------------------------------------------------

    def release(
        self,
        next_round: Callable[[], int],
        *,
        ended: tuple[str, ...] = (),
        not_withdrawn: tuple[str, ...] = (),
        gone: tuple[str, ...] = (),
        is_session_closed: bool = False,
    ) -> None:
        """What becomes of commands that wait, after something happened; see ``release_held``.

        Args:
            next_round: opens a round number for those that wait no longer.
        """
        if not self._held:
            return
        outcome = release_held(
            self._held,
            ended=ended,
            not_withdrawn=not_withdrawn,
            gone=gone,
            is_session_closed=is_session_closed,
        )
        self._held = outcome.waiting
        if outcome.refused:
            self._capital_manager.tell(AuthoriseRequest(next_round(), outcome.refused))
        if outcome.released:
            self._screen(next_round(), outcome.released)
