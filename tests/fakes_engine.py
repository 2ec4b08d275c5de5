"""A hand-made engine for the command line: it answers as told and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from orchestrion.adapters.cli.engine import Engine, Progress
from orchestrion.adapters.compatibility_result import Analysis
from orchestrion.adapters.process.stop_request import StopRequest
from orchestrion.adapters.replay import Divergence, ReplayOutcome
from orchestrion.adapters.result import RunResult
from orchestrion.adapters.settings import RunSettings
from orchestrion.domain.compatibility.analysis import analyze
from orchestrion.domain.compatibility.lineup import Candidate, Lineup
from orchestrion.domain.compatibility.report import CompatibilityReport
from tests.fakes_run_result import run_result

IDENTICAL = ReplayOutcome(
    identical=True, decisions=9, records=30, decision_hash="ab" * 32, is_complete=True
)
DIVERGED = msgspec.structs.replace(
    IDENTICAL,
    identical=False,
    divergence=Divergence(41, "ApprovedCommand", "reservation", "100.00", "90.00"),
)


NOTHING_FOUND = Analysis(
    name="mine",
    report=CompatibilityReport(is_compatible=True, strategy_ids=("STRANGLE",)),
    allocation_method="custom",
)


def analysis_of(*candidates: Candidate) -> Analysis:
    """What the rules say of some strategies without a past."""
    report = analyze(Lineup(candidates=candidates))
    return Analysis(
        name="mine", report=report, allocation_method="custom", origin="judged without a past"
    )


class FakeEngine(Engine):
    """Remembers what it was asked for and answers as told."""

    def __init__(
        self,
        *,
        error: BaseException | None = None,
        outcome: ReplayOutcome = IDENTICAL,
        analysis: Analysis = NOTHING_FOUND,
    ) -> None:
        self.error = error
        self.outcome = outcome
        self.analysis = analysis
        self.has_history = True
        self.settings: RunSettings | None = None
        self.journal_path: Path | None = None
        self.backend = ""
        self.directory: Path | None = None
        self.live_asked: dict[str, object] = {}

    def run_backtest(
        self,
        settings: RunSettings,
        *,
        journal_path: Path | None,
        progress: Progress | None,
        backend: str,
    ) -> RunResult:
        self.settings, self.journal_path, self.backend = settings, journal_path, backend
        if self.error is not None:
            raise self.error
        assert journal_path is not None
        journal_path.write_text("journal")
        return run_result(name=settings.name, journal=str(journal_path))

    def run_paper(
        self,
        settings: RunSettings,
        *,
        directory: Path,
        stop: StopRequest,
        status_every_s: float,
        backend: str,
    ) -> RunResult:
        self.settings, self.directory, self.backend = settings, directory, backend
        if self.error is not None:
            raise self.error
        return run_result(name=settings.name, journal=str(directory))

    def run_live(
        self,
        settings: RunSettings,
        *,
        directory: Path,
        stop: StopRequest,
        environ: Mapping[str, str],
        status_every_s: float,
        backend: str,
    ) -> RunResult:
        self.live_asked = {"status_every_s": status_every_s, "environ": environ, "stop": stop}
        return self.run_paper(
            settings,
            directory=directory,
            stop=stop,
            status_every_s=status_every_s,
            backend=backend,
        )

    def settle_account(
        self,
        settings: RunSettings,
        *,
        directory: Path,
        stop: StopRequest,
        environ: Mapping[str, str],
        assignments: Sequence[tuple[Decimal, str, str, Decimal | None]],
    ) -> RunResult:
        self.live_asked = {"assignments": assignments}
        return self.run_paper(
            settings, directory=directory, stop=stop, status_every_s=0.0, backend="asyncio"
        )

    def replay_journal(self, path: Path) -> ReplayOutcome:
        if self.error is not None:
            raise self.error
        return self.outcome

    def check_compatibility(self, settings: RunSettings) -> CompatibilityReport:
        if self.error is not None:
            raise self.error
        return self.analysis.report

    def analyse_compatibility(
        self,
        settings: RunSettings,
        *,
        has_history: bool,
        journal_path: Path | None,
        progress: Progress | None,
    ) -> Analysis:
        self.settings, self.journal_path, self.has_history = settings, journal_path, has_history
        if self.error is not None:
            raise self.error
        return self.analysis
