"""Errors of the rules, and of the outside world as the rules see it.

    OrchestrionError
    ├── DomainError                  the caller's input or a broken rule
    │   ├── ConfigurationError       a setting cannot be used (also a ValueError)
    │   ├── MarketDataError          data that no strategy may see (also a ValueError)
    │   ├── UnknownInstrumentError   an instrument that no catalogue names (also a KeyError)
    │   ├── LifecycleError           a step that the life-cycle table does not allow
    │   └── InvariantBrokenError     our own money or ordering is wrong: the run stops
    └── PortError                    the outside world
        ├── PortUnavailableError     no answer: the outcome is unknown, a later try may work
        └── PortRejectedError        a definite no: final

The third family, ``ActorError`` (mailboxes, journal, replay), lives in ``orchestrion.runtime``.
A refused command is not an error: it is a value, see ``models.command.RefusedCommand``.
"""

from __future__ import annotations


class OrchestrionError(Exception):
    """Base of everything that the rules raise on purpose."""


class DomainError(OrchestrionError):
    """The caller gave something that the rules do not accept, or a rule of ours is broken."""


class ConfigurationError(DomainError, ValueError):
    """A setting cannot be used; the message names the key. Raised before anything runs."""


class MarketDataError(DomainError, ValueError):
    """Market data that no strategy may see: NaN, a crossed quote, high below low, time going back.

    Unlike ``ConfigurationError`` the fault is in the data; the message names source and position.
    """


class UnknownInstrumentError(DomainError, KeyError):
    """An instrument id that the catalogue does not hold."""

    def __init__(self, instrument_id: str) -> None:
        super().__init__(instrument_id)
        self.instrument_id = instrument_id

    def __str__(self) -> str:
        return (
            f"unknown instrument {self.instrument_id!r}: the data and configuration do not name it"
        )


class ReportRefusedError(DomainError, ValueError):
    """A venue's report that cannot be booked at all (a NaN, an unknown instrument). Nothing was
    taken; the account may have moved in a way that the books do not know, so stop entering and
    reconcile with the venue."""


class LifecycleError(DomainError):
    """A life-cycle step that the table does not allow; nothing has changed."""


class InvariantBrokenError(DomainError):
    """Money or order that must hold does not. Never caught on the money path: the run stops.

    ``evidence`` holds what is needed to see which side is wrong, e.g. the two ledgers.
    """

    def __init__(self, message: str, *, evidence: dict[str, object] | None = None) -> None:
        super().__init__(message)
        self.evidence = evidence or {}


class PortError(OrchestrionError):
    """The outside world failed."""


class PortUnavailableError(PortError):
    """No answer came. For an order this means UNKNOWN, never rejected; a later try may work."""


class PortRejectedError(PortError):
    """The outside world said a definite no; trying again gives the same answer."""
