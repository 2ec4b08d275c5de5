"""Tests for those who write adapters and strategies; needs pytest.

    class TestMyAdapter(OrchestrationPortContract):
        def make_port(self):
            return MyAdapter(...)

- ``OrchestrationPortContract``, ``CapitalManagementPortContract``, ``CoordinationPortContract``,
  ``JournalContract``: what has to hold behind each port, as tests to subclass.
- ``Scenario``: a written-down market for one or several strategies; ``Stage`` takes single steps.
- ``VirtualClock``, ``assert_plays_identically``, ``assert_replays_identically``.

Nothing of the library imports this package. Guide: ``docs/adapters.md``.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrion.testing.capital_management_port import (
        CapitalManagementPortContract as CapitalManagementPortContract,
    )
    from orchestrion.testing.clock import VirtualClock as VirtualClock
    from orchestrion.testing.coordination_port import (
        CoordinationPortContract as CoordinationPortContract,
    )
    from orchestrion.testing.journal import JournalContract as JournalContract
    from orchestrion.testing.orchestration_port import (
        OrchestrationPortContract as OrchestrationPortContract,
    )
    from orchestrion.testing.replaying import assert_plays_identically as assert_plays_identically
    from orchestrion.testing.replaying import (
        assert_replays_identically as assert_replays_identically,
    )
    from orchestrion.testing.scenario import Scenario as Scenario
    from orchestrion.testing.stage import Stage as Stage

_MODULE_OF = {
    "CapitalManagementPortContract": "capital_management_port",
    "CoordinationPortContract": "coordination_port",
    "JournalContract": "journal",
    "OrchestrationPortContract": "orchestration_port",
    "Scenario": "scenario",
    "Stage": "stage",
    "VirtualClock": "clock",
    "assert_plays_identically": "replaying",
    "assert_replays_identically": "replaying",
}

__all__ = [
    "CapitalManagementPortContract",
    "CoordinationPortContract",
    "JournalContract",
    "OrchestrationPortContract",
    "Scenario",
    "Stage",
    "VirtualClock",
    "assert_plays_identically",
    "assert_replays_identically",
]

_CONTRACT_MODULES = (
    *(f"port_{part}" for part in ("desk", "failure", "outcome", "submission")),
    *dict.fromkeys(_MODULE_OF.values()),
)
if "pytest" in sys.modules:
    # Failing contract tests show the values that they compared, as tests in a test file do.
    sys.modules["pytest"].register_assert_rewrite(
        *(f"{__name__}.{one}" for one in _CONTRACT_MODULES)
    )


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'orchestrion.testing' has no attribute {name!r}")
    value = getattr(import_module(f"orchestrion.testing.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
