"""What the commands drive: functions of other adapters, imported when they are called.

The imports take longer than all of ``orchestrion --help`` may. Tests hand the commands an engine of
their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from orchestrion.adapters.compatibility_result import Analysis
    from orchestrion.adapters.process.stop_request import StopRequest
    from orchestrion.adapters.replay import ReplayOutcome
    from orchestrion.adapters.result import RunResult
    from orchestrion.adapters.settings import RunSettings
    from orchestrion.adapters.what_if import WhatIf
    from orchestrion.domain.compatibility.report import CompatibilityReport

Progress: TypeAlias = Callable[[int, int | None], None]


class Engine:
    """Runs, replays and checks. Errors are raised as the called functions raise them."""

    def run_backtest(
        self,
        settings: RunSettings,
        *,
        journal_path: Path | None,
        progress: Progress | None,
        backend: str,
    ) -> RunResult:
        from orchestrion.adapters.backtest import run_backtest

        return run_backtest(settings, journal_path=journal_path, progress=progress, backend=backend)

    def run_paper(
        self,
        settings: RunSettings,
        *,
        directory: Path,
        stop: StopRequest,
        status_every_s: float,
        backend: str,
    ) -> RunResult:
        from orchestrion.adapters.process.paper import run_paper

        return run_paper(
            settings,
            directory=directory,
            stop=stop,
            status_every_s=status_every_s,
            backend=backend,
        )

    def check_live_start(self, settings: RunSettings) -> None:
        """
        Raises:
            ConfigurationError: a live run cannot start with these settings.
        """
        from orchestrion.adapters.process.live import check_live_start

        check_live_start(settings)

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
        from orchestrion.adapters.process.live import run_live

        return run_live(
            settings,
            directory=directory,
            stop=stop,
            environ=environ,
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
        """
        Args:
            assignments: quantity, instrument id, book id, and price or None for the last one.
        """
        from orchestrion.adapters.process.live import settle_account
        from orchestrion.adapters.process.reconciling import Assignment

        return settle_account(
            settings,
            directory=directory,
            stop=stop,
            environ=environ,
            assignments=[Assignment(*one) for one in assignments],
        )

    def replay_journal(self, path: Path) -> ReplayOutcome:
        from orchestrion.adapters.replay import replay_journal

        return replay_journal(path)

    def what_if(self, path: Path, settings: RunSettings | None, *, goes_on: bool) -> WhatIf:
        from orchestrion.adapters.what_if import what_if

        return what_if(path, settings, goes_on=goes_on)

    def check_compatibility(self, settings: RunSettings) -> CompatibilityReport:
        """What the start of a run checks: findings by what the strategies declare, none an ERROR.

        Raises:
            ConfigurationError: the strategies do not fit together.
        """
        from orchestrion.adapters.assembly import build_orchestrator

        return build_orchestrator(settings).validate_compatibility()

    def analyse_compatibility(
        self,
        settings: RunSettings,
        *,
        has_history: bool,
        journal_path: Path | None,
        progress: Progress | None,
    ) -> Analysis:
        from orchestrion.adapters.compatibility import analyse

        return analyse(
            settings, has_history=has_history, journal_path=journal_path, progress=progress
        )
