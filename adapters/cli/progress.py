"""A progress bar on stderr, and nothing at all when stderr is no terminal."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager

from orchestrion.adapters.cli.engine import Progress

_INTERVAL_S = 0.05  # arbitrary: smooth to the eye, nothing next to the work between two slices


@contextmanager
def progress_bar(title: str, *, is_shown: bool) -> Generator[Progress | None, None, None]:
    """A function to tell (done, in all or None), or None when nothing is shown."""
    if not is_shown:
        yield None
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        last_shown_s = 0.0

        def tell(done: int, total: int | None) -> None:
            nonlocal last_shown_s
            now_s = time.monotonic()
            if done == total or now_s - last_shown_s >= _INTERVAL_S:
                last_shown_s = now_s
                bar.update(task, completed=done, total=total)

        yield tell
