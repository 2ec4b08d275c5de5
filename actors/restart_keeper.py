"""A restart as the coordinator sees it: trading is held until the account is reconciled.

While it is held books and orders follow the venue's reports, but nobody is called for them:
strategies are told of what filled meanwhile when trading goes on, in one round, so that what they
answer can leave. Commands that had waited for others' orders are taken up then too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from orchestrion.actors.messages import OwnersFilled
from orchestrion.actors.restart_messages import HoldChanged, LoseOrders, Reconciled, Restarted
from orchestrion.actors.round_plan import Seat
from orchestrion.domain.models.report import OrderFilledReport
from orchestrion.domain.orchestration.events import DomainEvent
from orchestrion.domain.orchestration.recovery_event import (
    AccountReconciledEvent,
    ReconciliationFailedEvent,
    RunRestartedEvent,
)
from orchestrion.runtime.mailbox import Mailbox


class RestartKeeper:
    """See the module's text.

    Attributes:
        is_held: whether no command may leave.
    """

    STATE: ClassVar[Mapping[str, Any]] = {
        "is_held": bool,
        "_epoch": int,
        "_fills": tuple[tuple[str, OrderFilledReport], ...],
        "_ended": tuple[str, ...],
    }

    def __init__(
        self,
        *,
        seats: Callable[[], Iterable[Seat]],
        unrestored: Callable[[], Mapping[str, str]],
        quarantine: Callable[[str, str], None],
        resume: Callable[[tuple[str, ...], OwnersFilled], None],
        publish: Callable[[DomainEvent], None],
    ) -> None:
        """
        Args:
            seats: of everybody who is there.
            unrestored: strategies that could not be given their state, and why.
            quarantine: takes one out, for a reason.
            resume: takes up what waited: orders that ended, fills that nobody was told of.
        """
        self.is_held = False
        self._seats = seats
        self._unrestored = unrestored
        self._quarantine = quarantine
        self._resume = resume
        self._publish = publish
        self._epoch = 0
        self._fills: tuple[tuple[str, OrderFilledReport], ...] = ()
        self._ended: tuple[str, ...] = ()

    def connect(self, *, capital_manager: Mailbox, gateway: Mailbox) -> None:
        """Called once, by the coordinator's wiring."""
        self._capital_manager = capital_manager
        self._gateway = gateway

    @property
    def handlers(self) -> dict[type, Callable[..., None]]:
        """What it answers to."""
        return {Restarted: self._on_restarted, Reconciled: self._on_reconciled}

    def keep_fills(self, message: OwnersFilled) -> None:
        """Fills of which strategies are told later."""
        self._fills = (*self._fills, *message.fills)

    def keep_ended(self, client_order_ids: tuple[str, ...]) -> None:
        """Orders that ended; who waits for them waits on."""
        self._ended = (*self._ended, *client_order_ids)

    def _on_restarted(self, message: Restarted) -> None:
        self._epoch = message.epoch
        self._hold(is_held=True)
        self._gateway.tell(LoseOrders())
        self._publish(RunRestartedEvent(epoch=message.epoch))
        for strategy_id, reason in self._unrestored().items():
            self._quarantine(strategy_id, f"it could not be restored: {reason}")
        for seat in self._seats():
            if seat.is_async:
                seat.mailbox.tell(message)

    def _on_reconciled(self, message: Reconciled) -> None:
        if message.mismatches:
            self._publish(ReconciliationFailedEvent([str(one) for one in message.mismatches]))
            return
        self._publish(AccountReconciledEvent(list(message.explained)))
        if not self.is_held:
            return
        self._hold(is_held=False)
        ended, fills = self._ended, self._fills
        self._ended, self._fills = (), ()
        self._resume(ended, OwnersFilled(fills))

    def _hold(self, *, is_held: bool) -> None:
        self.is_held = is_held
        message = HoldChanged(is_held=is_held, epoch=self._epoch)
        self._capital_manager.tell(message)
        self._gateway.tell(message)
