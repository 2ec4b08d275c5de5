"""What the commands drive: functions of other adapters, imported when they are called.

The imports take longer than all of ``orchestrion --help`` may. Tests hand the commands an engine of
their own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from orchestrion.adapters.replay import ReplayOutcome
    from orchestrion.adapters.result import RunResult
    from orchestrion.adapters.settings import RunSettings

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

    def replay_journal(self, path: Path) -> ReplayOutcome:
        from orchestrion.adapters.replay import replay_journal

        return replay_journal(path)

    def check_compatibility(self, settings: RunSettings) -> None:
        """
        Raises:
            ConfigurationError: the strategies do not fit together.
        """
        from orchestrion.adapters.assembly import build_orchestrator

        build_orchestrator(settings)
