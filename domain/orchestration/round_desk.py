"""``RoundDesk``: what becomes of commands without actors: conflicts, capital, waiting.

The synchronous orchestrator's counterpart of the coordinator's collaborators: the same pure
functions in the same order, so it gives the same commands. What the account withdraws on its own
behalf (entries of a paused strategy, orders of one that leaves or that another's command waits for)
is given back as approved ``CancelOrder`` commands, for the caller to carry out like all others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from orchestrion.domain.conflict import NO_CLAIMS, CrossGroup, instrument_claims, release_held
from orchestrion.domain.margin.leverage_claim import LeverageClaim
from orchestrion.domain.models.command import ApprovedCommand, CancelOrder, StrategyCommand
from orchestrion.domain.models.money import ZERO
from orchestrion.domain.models.order import Order, OrderStatus, OrderTrigger
from orchestrion.domain.models.portfolio import RESERVED_BOOK_IDS
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.crossing_event import crossing_events
from orchestrion.domain.orchestration.events import DomainEvent, OrderDeniedEvent
from orchestrion.domain.orchestration.order_progress import crossed_by, moved_by
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.domain.orchestration.proposal import Checked, HeldProposal, Proposal
from orchestrion.domain.orchestration.removal import ENTRIES_WITHDRAWN, WITHDRAWN_FOR_ANOTHER
from orchestrion.domain.orchestration.screening import screen
from orchestrion.domain.orchestration.strategy_coordinator import StrategyCoordinator


class RoundDesk:
    """See the module's text.

    Attributes:
        round_number: of the last round; 0 is the start's.
    """

    def __init__(
        self,
        capital_manager: PortfolioCapitalManager,
        coordinator: StrategyCoordinator,
        tell: Callable[[DomainEvent], None],
    ) -> None:
        self.round_number = 0
        self._capital = capital_manager
        self._coordinator = coordinator
        self._tell = tell
        self._index = 0
        self._priorities: dict[str, int] = {}
        self._claims = NO_CLAIMS
        self._is_single = False
        self._held: tuple[HeldProposal, ...] = ()
        self._not_withdrawn: list[str] = []

    def take_line_up(
        self, metadata: Sequence[StrategyMetadata], leverage_claims: Iterable[LeverageClaim]
    ) -> None:
        """Whose commands they are from now on, in rank order."""
        self._priorities = {one.id: one.priority for one in metadata}
        self._claims = instrument_claims(metadata, leverage_claims)
        self._is_single = len(metadata) == 1

    def next_round(self) -> None:
        self.round_number += 1
        self._index = 0

    # -- commands of a round ----------------------------------------------------------------------

    def decide(self, checked: tuple[Checked, ...], now: int) -> list[StrategyCommand]:
        """Conflicts and capital for the commands of a round; what may leave, in order.

        Args:
            now: time of the deciding event, nanoseconds UTC; here and below.
        """
        if not checked:
            return []
        if self._is_single and not self._held:
            return list(self._approve(checked, now).values())
        orders = self.working_orders()
        is_needed = self._coordinator.needs_screening(
            checked, orders, claims=self._claims, held=self._held
        )
        return self._resolve(checked, orders, now, is_screened=is_needed)

    def _resolve(
        self,
        checked: tuple[Checked, ...],
        orders: Mapping[str, Order],
        now: int,
        *,
        is_screened: bool,
    ) -> list[StrategyCommand]:
        context = None
        if is_screened:
            context = screen(
                self._capital,
                checked,
                now=now,
                policies=self._coordinator.policies,
                held=self._held,
            )
        resolution = self._coordinator.resolve(
            checked,
            orders,
            self._priorities,
            claims=self._claims,
            context=context,
            held=self._held,
        )
        for event in resolution.events:
            self._tell(event)
        self._held = (*self._held, *resolution.held)
        withdrawn = self.withdraw(resolution.cancels, now, WITHDRAWN_FOR_ANOTHER)
        approved = self._approve(resolution.checked, now)
        return [*withdrawn, *self._net(approved, resolution.crosses, now)]

    def _approve(self, checked: Sequence[Checked], now: int) -> dict[int, ApprovedCommand]:
        """What passes, by its place."""
        approved: dict[int, ApprovedCommand] = {}
        for place, one in enumerate(checked):
            index, self._index = self._index, self._index + 1
            if isinstance(one, HeldProposal):
                continue
            verdict = (
                self._capital.authorise(
                    one, client_order_id=f"R{self.round_number}-{index}", now=now
                )
                if isinstance(one, Proposal)
                else one.refusal
            )
            if not isinstance(verdict, ApprovedCommand):
                self._tell(
                    OrderDeniedEvent(
                        strategy_id=verdict.strategy_id, code=verdict.code, detail=verdict.detail
                    )
                )
                continue
            approved[place] = verdict
            if isinstance(verdict.command, CancelOrder):
                self._is_being_cancelled(verdict.command.client_order_id, verdict.strategy_id)
        return approved

    def _net(
        self, approved: Mapping[int, ApprovedCommand], crosses: tuple[CrossGroup, ...], now: int
    ) -> list[StrategyCommand]:
        """What leaves when some of it is crossed inside; the internal fills are booked at once."""
        groups = [
            (
                one.instrument_id,
                [approved[at].client_order_id for at in one.places if at in approved],
            )
            for one in crosses
        ]
        netted = None
        if groups:
            netted = self._capital.net(
                tuple(approved.values()), groups, cross_id=f"R{self.round_number}-X", now=now
            )
        if netted is None:
            return list(approved.values())
        for event in crossing_events(netted):
            self._tell(event)
        for part in netted.fills:
            order = self._order(part.strategy_id, part.fill.client_order_id)
            self._capital.apply_fill(part.strategy_id, part.fill)
            self._capital.track(crossed_by(order, part.fill))
        for denied in netted.denied:
            order = self._order(denied.strategy_id, denied.client_order_id)
            status = OrderStatus.CANCELED if any(order.filled) else OrderStatus.DENIED
            self._capital.track(msgspec.structs.replace(order, status=status))
        return list(netted.leaving)

    def _order(self, strategy_id: str, client_order_id: str) -> Order:
        order = self._capital.working_orders(strategy_id)[client_order_id]
        if order.status is OrderStatus.INITIALIZED:
            return moved_by(order, OrderTrigger.SUBMIT)
        return order

    def approve_for(
        self, strategy_id: str, exits: Sequence[Proposal], now: int
    ) -> list[StrategyCommand]:
        """Exits that are given on a strategy's behalf."""
        with self._capital.custody_of(strategy_id):
            return list(self._approve(exits, now).values())

    # -- orders of the account --------------------------------------------------------------------

    def working_orders(self) -> dict[str, Order]:
        """Of all strategies, by client_order_id."""
        return {
            client_order_id: order
            for book_id in self._capital.books
            if book_id not in RESERVED_BOOK_IDS
            for client_order_id, order in self._capital.working_orders(book_id).items()
        }

    def withdraw(
        self, client_order_ids: Iterable[str], now: int, label: str
    ) -> list[StrategyCommand]:
        """Cancels on the account's behalf, of orders that work and are not being cancelled."""
        orders = self.working_orders()
        cancels: list[StrategyCommand] = []
        for client_order_id in client_order_ids:
            order = orders.get(client_order_id)
            if order is None or order.status is OrderStatus.PENDING_CANCEL:
                continue
            cancels.append(
                ApprovedCommand(
                    strategy_id=order.strategy_id,
                    command=CancelOrder(
                        strategy_id=order.strategy_id,
                        client_order_id=client_order_id,
                        label=label,
                    ),
                    client_order_id=f"{client_order_id}-X{self.round_number}",
                    reservation=ZERO,
                    is_reducing=True,
                    ts_decided=now,
                )
            )
            self._is_being_cancelled(client_order_id, order.strategy_id)
        return cancels

    def withdraw_entries(self, strategy_id: str, now: int) -> list[StrategyCommand]:
        """The same for all entries of a strategy."""
        working = self._capital.working_orders(strategy_id)
        entries = [key for key, order in working.items() if not order.is_reducing]
        return self.withdraw(entries, now, ENTRIES_WITHDRAWN)

    def _is_being_cancelled(self, client_order_id: str, strategy_id: str) -> None:
        order = self._capital.working_orders(strategy_id).get(client_order_id)
        if order is not None:
            pending = msgspec.structs.replace(order, status=OrderStatus.PENDING_CANCEL)
            self._capital.track(pending)

    # -- commands that wait -----------------------------------------------------------------------

    def held_of(self, strategy_id: str) -> int:
        """How many commands of a strategy wait."""
        return sum(1 for one in self._held if one.strategy_id == strategy_id)

    def not_withdrawn(self, client_order_id: str) -> None:
        """The venue refused to withdraw an order."""
        self._not_withdrawn.append(client_order_id)

    def release(
        self, now: int, *, gone: tuple[str, ...] = (), is_session_closed: bool = False
    ) -> list[StrategyCommand]:
        """Takes up commands whose orders have ended; see ``release_held``."""
        refused_cancels, self._not_withdrawn = tuple(self._not_withdrawn), []
        if not self._held:
            return []
        orders = self.working_orders()
        outcome = release_held(
            self._held,
            ended=[key for one in self._held for key in one.waits_for if key not in orders],
            not_withdrawn=refused_cancels,
            gone=gone,
            is_session_closed=is_session_closed,
        )
        self._held = outcome.waiting
        commands: list[StrategyCommand] = []
        if outcome.refused:
            self.next_round()
            self._approve(outcome.refused, now)
        if outcome.released:
            self.next_round()
            commands += self._resolve(outcome.released, orders, now, is_screened=True)
        return commands
