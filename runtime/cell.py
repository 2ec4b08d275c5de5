"""What the machine keeps about each of its actors."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrion.runtime.actor import Actor, SupervisedActor
from orchestrion.runtime.lifecycle import ActorState, ActorStep, next_state
from orchestrion.runtime.mailbox import Mailbox
from orchestrion.runtime.state import require_fields, restore_state, state_of
from orchestrion.runtime.supervision import FailureWindow


class Cell:
    """An actor with all that the machine keeps about it.

    Attributes:
        is_quarantined: also when the machine has stopped since.
        is_retired: nobody tells it anything any more, so it leaves the snapshots.
    """

    __slots__ = (
        "actor",
        "failures",
        "is_quarantined",
        "is_retired",
        "mailbox",
        "parent",
        "state",
        "supervised",
    )

    def __init__(self, actor: Actor, mailbox: Mailbox) -> None:
        self.actor = actor
        self.mailbox = mailbox
        self.state = ActorState.READY
        self.is_quarantined = False
        self.is_retired = False
        self.supervised: SupervisedActor | None = None
        self.failures: FailureWindow | None = None
        self.parent: Mailbox | None = None

    def step(self, step: ActorStep) -> None:
        """Takes a step of the life-cycle table."""
        self.state = next_state(self.mailbox.name, self.state, step)
        if step is ActorStep.GIVE_UP:
            self.is_quarantined = True


def snapshot_of_cells(cells: Mapping[str, Cell]) -> dict[str, object]:
    """Recent failures and quarantine of every supervised actor that is still told things."""
    return {
        name: {"is_quarantined": cell.is_quarantined, "failures": state_of(failures)}
        for name, cell, failures in _supervised(cells)
    }


def restore_cells(cells: Mapping[str, Cell], snapshot: object) -> tuple[str, ...]:
    """Gives the windows of failures back.

    Returns:
        Who was in quarantine.

    Raises:
        JournalFormatError: it is no such state, or of other actors.
    """
    kept = [(name, failures) for name, _, failures in _supervised(cells)]
    given = require_fields(snapshot, tuple(name for name, _ in kept), "supervised actors")
    quarantined: list[str] = []
    for name, failures in kept:
        own = require_fields(given[name], ("is_quarantined", "failures"), name)
        restore_state(failures, own["failures"])
        if own["is_quarantined"] is True:
            quarantined.append(name)
    return tuple(quarantined)


def _supervised(cells: Mapping[str, Cell]) -> list[tuple[str, Cell, FailureWindow]]:
    return [
        (name, cell, cell.failures)
        for name, cell in cells.items()
        if cell.failures is not None and not cell.is_retired
    ]
