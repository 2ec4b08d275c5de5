"""The compatibility analysis of a configuration, with as much of the strategies' past as is known.

The rules are the domain's; this module only brings configuration and past together. The past is
read from a backtest or a journal, see ``compatibility_history``.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from orchestrion.adapters import assembly
from orchestrion.adapters.compatibility_history import (
    Past,
    Progress,
    past_of_backtest,
    past_of_journal,
)
from orchestrion.adapters.compatibility_result import Analysis
from orchestrion.adapters.settings import RunSettings

DECLARED_ONLY = "judged by what the strategies declare, without their past"
REFUSED = "no backtest was run, because the start would be refused: see the errors"


def analyse(
    settings: RunSettings,
    *,
    has_history: bool = True,
    journal_path: Path | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """Whether the strategies fit together. One alone always passes, and nothing is run for it.

    Args:
        has_history: False judges by what they declare alone.
        journal_path: judge by the past in this journal instead of a backtest; strategies that it
            does not know have no past.
        progress: told (slices so far, slices in all or None) during a backtest.

    Raises:
        ConfigurationError, MarketDataError: the configuration or its data cannot be used.
        JournalError, DivergenceError: the journal cannot be read, or not be played again.
        ActorFailedError: the backtest failed; the cause is chained.
    """
    orchestrator, report = assembly.assemble(settings)
    declared = Analysis(
        name=settings.name,
        report=report,
        allocation_method=str(settings.allocation.method),
        origin=DECLARED_ONLY,
    )
    ids = tuple(orchestrator.strategies)
    if len(ids) < 2:
        return msgspec.structs.replace(declared, origin="")
    if not has_history:
        return declared
    if journal_path is not None:
        past = past_of_journal(journal_path)
    elif report.is_compatible:
        past = past_of_backtest(settings, progress=progress)
    else:
        return msgspec.structs.replace(declared, origin=REFUSED)
    known = {one: past.histories[one] for one in ids if one in past.histories}
    orchestrator.histories = known
    return msgspec.structs.replace(
        declared,
        report=orchestrator.validate_compatibility(),
        origin=f"judged by the strategies' own books in {past.origin}",
        notes=(*past.notes, *_unknown(past, ids)),
    )


def _unknown(past: Past, ids: tuple[str, ...]) -> tuple[str, ...]:
    missing = [one for one in ids if one not in past.histories]
    return (f"nothing is known of the past of {', '.join(missing)}",) if missing else ()
