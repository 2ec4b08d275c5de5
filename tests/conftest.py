"""What all tests share: both event loops, quiet logs, and property tests that repeat."""

from __future__ import annotations

from typing import NoReturn

import pytest
import structlog
from hypothesis import HealthCheck, settings
from structlog.typing import EventDict, WrappedLogger

# The same examples in every run: a property test that fails only sometimes is a bug of its own.
# No test is timed, so neither is the drawing of examples: a busy machine must not fail one.
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# What docs/reliability.md states; asked for by --hypothesis-profile=acceptance.
settings.register_profile("acceptance", settings.get_profile("repeatable"), max_examples=2_000)
settings.load_profile("repeatable")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Every test that is marked ``anyio`` runs on both event loops."""
    backend: str = request.param
    return backend


@pytest.fixture(autouse=True, scope="session")
def quiet_logs() -> None:
    """Log lines are dropped unless a test captures them with ``structlog.testing``."""
    structlog.configure(processors=[_drop])


def _drop(_logger: WrappedLogger, _name: str, _event: EventDict) -> NoReturn:
    raise structlog.DropEvent
