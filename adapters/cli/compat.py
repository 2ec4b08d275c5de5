"""``orchestrion compat``: do the strategies of a configuration fit together?"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from orchestrion.adapters.cli.command import (
    Session,
    debug_option,
    find_users_modules,
    json_option,
    pass_session,
    print_json,
    print_report,
    set_option,
)
from orchestrion.adapters.cli.exit_code import EXIT_CODES_IN_WORDS, ExitCode


@click.command(epilog=EXIT_CODES_IN_WORDS)
@click.argument("file")
@json_option
@click.option(
    "--no-history",
    is_flag=True,
    help="Judge by what the strategies declare alone; quick, and without any correlation.",
)
@click.option(
    "--journal",
    metavar="PATH",
    help="Judge by the past in this journal of a backtest, paper or live run instead of a new "
    "backtest.",
)
@set_option
@debug_option
@pass_session
def compat(
    session: Session,
    *,
    file: str,
    no_history: bool,
    journal: str | None,
    overrides: Sequence[str],
) -> None:
    """Say how well the strategies of a configuration fit together, and what would help.

    Runs a backtest of the configuration (no journal is written) and compares the strategies by
    their own books: what they share, how they win and lose together, how much margin they need on
    the same days. Exit code 2 means that a run would be refused; the report is printed all the
    same.

    \b
    Examples:
      orchestrion compat examples/three_strategies.yaml
      orchestrion compat my.yaml --set strategies.MOMENTUM_FUTURES.allocation_pct=20
      orchestrion compat my.yaml --journal journals/my-20260105T101500Z.sqlite
    """
    from orchestrion.adapters.cli.logging import configure_logging
    from orchestrion.adapters.cli.progress import progress_bar
    from orchestrion.adapters.report.compatibility import render_analysis
    from orchestrion.adapters.report.compatibility_document import analysis_to_json
    from orchestrion.adapters.settings import load_settings
    from orchestrion.runtime.errors import JournalError

    if no_history and journal is not None:
        raise click.UsageError("--no-history and --journal exclude each other")
    path = None if journal is None else Path(journal)
    if path is not None and not path.is_file():
        raise JournalError(f"{path}: {'a folder' if path.is_dir() else 'no such file'}")
    find_users_modules(Path(file).parent)
    is_terminal = sys.stderr.isatty()
    configure_logging("warning", is_terminal=is_terminal)
    settings = load_settings(file, overrides, os.environ)
    with progress_bar(settings.name, is_shown=is_terminal) as progress:
        analysis = session.engine.analyse_compatibility(
            settings, has_history=not no_history, journal_path=path, progress=progress
        )
    if session.as_json:
        print_json(analysis_to_json(analysis))
    else:
        print_report(render_analysis(analysis))
    if not analysis.report.is_compatible:
        raise click.exceptions.Exit(ExitCode.BAD_INPUT)
