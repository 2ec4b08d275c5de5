"""The error tree: who is at fault is in the type, and built-in kinds are kept for callers."""

from __future__ import annotations

import pytest

from orchestrion.domain.errors import (
    ConfigurationError,
    DomainError,
    InvariantBrokenError,
    LifecycleError,
    MarketDataError,
    OrchestrionError,
    PortError,
    PortRejectedError,
    PortUnavailableError,
    UnknownInstrumentError,
)


@pytest.mark.parametrize(
    ("error", "bases"),
    [
        (ConfigurationError, (DomainError, ValueError)),
        (MarketDataError, (DomainError, ValueError)),
        (UnknownInstrumentError, (DomainError, KeyError)),
        (LifecycleError, (DomainError,)),
        (InvariantBrokenError, (DomainError,)),
        (PortUnavailableError, (PortError,)),
        (PortRejectedError, (PortError,)),
        (DomainError, (OrchestrionError,)),
        (PortError, (OrchestrionError,)),
    ],
)
def test_error_is_of_its_family(error: type[Exception], bases: tuple[type[Exception], ...]) -> None:
    assert all(issubclass(error, base) for base in bases)
    is_ours = issubclass(error, DomainError)
    assert is_ours != issubclass(error, PortError)


def test_unknown_instrument_reads_as_a_sentence() -> None:
    error = UnknownInstrumentError("AAA")
    assert str(error).startswith("unknown instrument 'AAA'")
    assert error.instrument_id == "AAA"


def test_broken_invariant_keeps_its_evidence() -> None:
    assert InvariantBrokenError("gone").evidence == {}
    assert InvariantBrokenError("gone", evidence={"cash": 1}).evidence == {"cash": 1}
