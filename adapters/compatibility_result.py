"""What a compatibility analysis leaves behind: what reports and the command line read."""

from __future__ import annotations

import msgspec

from orchestrion.domain.compatibility.report import CompatibilityReport


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """A report with what it rests on.

    Attributes:
        name: of the configuration.
        allocation_method: by which the capital is divided; recommended percentages need custom.
        origin: where the past is from, or why there is none; empty for a single strategy.
        notes: what the figures rest on, e.g. "modelled quotes"; to be printed with them.
    """

    name: str
    report: CompatibilityReport
    allocation_method: str
    origin: str = ""
    notes: tuple[str, ...] = ()
