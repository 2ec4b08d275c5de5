"""What every adapter behind ``OrchestrationPort`` must do. Subclass it in three lines:

    class TestMyAdapter(OrchestrationPortContract):
        def make_port(self):
            return MyAdapter(...)

and write the hooks of ``PortDesk`` by which the market moves; ``docs/adapters.md`` says which.
"""

from __future__ import annotations

from orchestrion.testing.port_failure import FailureDuties
from orchestrion.testing.port_outcome import OutcomeDuties
from orchestrion.testing.port_submission import SubmissionDuties


class OrchestrationPortContract(SubmissionDuties, OutcomeDuties, FailureDuties):
    """All duties; the hooks and their defaults are those of ``PortDesk``."""
