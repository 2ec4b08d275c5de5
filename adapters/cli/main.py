"""The command line: ``orchestrion backtest | paper | live | replay | validate | ...``.

Only click is imported here; everything else inside the commands, so that ``--help`` is quick. What
a command prints goes to stdout, the rest (progress, logs, errors) to stderr.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from orchestrion.adapters.cli.command import (
    LOG_LEVELS,
    CommandGroup,
    Session,
    debug_option,
    find_users_modules,
    json_option,
    pass_session,
    print_json,
    print_report,
    require_backend,
    set_option,
)
from orchestrion.adapters.cli.compat import compat
from orchestrion.adapters.cli.exit_code import EXIT_CODES_IN_WORDS, ExitCode
from orchestrion.adapters.cli.process import live, paper, reconcile
from orchestrion.adapters.cli.what_if import what_if


@click.group(
    cls=CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_CODES_IN_WORDS,
)
@click.version_option(package_name="orchestrion")
@debug_option
def cli() -> None:
    """Run one or many trading strategies on one account, deterministically.

    \b
    Examples:
      orchestrion backtest examples/three_strategies.yaml
      orchestrion paper examples/three_strategies.yaml
      orchestrion replay journals/three_strategies-20260105T101500Z.sqlite
      orchestrion validate my.yaml
      orchestrion compat my.yaml
      orchestrion what-if journals/three_strategies-20260105T101500Z.sqlite changed.yaml
      orchestrion strategies MOMENTUM_FUTURES
    """


for _command in (compat, live, paper, reconcile, what_if):
    cli.add_command(_command)


@cli.command(epilog=EXIT_CODES_IN_WORDS)
@click.argument("file")
@json_option
@click.option(
    "--journal",
    metavar="PATH",
    help="Where the journal goes; it must not exist yet. [default: journals/NAME-TIME.sqlite]",
)
@set_option
@click.option(
    "--backend",
    type=click.Choice(["asyncio", "trio"]),
    default="asyncio",
    show_default=True,
    help="Event loop; the decisions are the same on both.",
)
@click.option("--log-level", type=click.Choice(LOG_LEVELS), default="warning", show_default=True)
@debug_option
@pass_session
def backtest(
    session: Session,
    *,
    file: str,
    journal: str | None,
    overrides: Sequence[str],
    backend: str,
    log_level: str,
) -> None:
    """Run the strategies of a configuration over its market data.

    FILE is YAML, TOML or JSON.

    \b
    Examples:
      orchestrion backtest examples/three_strategies.yaml
      orchestrion backtest my.yaml --set account.capital=500000 --set data.start=2016-01-04
      orchestrion backtest my.yaml --json > result.json
    """
    from orchestrion.adapters.cli.journal_path import journal_for
    from orchestrion.adapters.cli.logging import configure_logging
    from orchestrion.adapters.cli.progress import progress_bar
    from orchestrion.adapters.cli.watching import watched
    from orchestrion.adapters.settings import load_settings

    require_backend(backend)
    find_users_modules(Path(file).parent)
    is_terminal = sys.stderr.isatty()
    configure_logging(log_level, is_terminal=is_terminal)
    settings = load_settings(file, overrides, os.environ)
    with (
        journal_for(Path(file), journal) as journal_path,
        progress_bar(settings.name, is_shown=is_terminal) as progress,
        watched(session, settings, None),
    ):
        result = session.engine.run_backtest(
            settings, journal_path=journal_path, progress=progress, backend=backend
        )
    if session.as_json:
        from orchestrion.adapters.report.json_document import to_json

        print_json(to_json(result, settings.statistics))
        return
    from orchestrion.adapters.report.terminal import render

    for remark in settings.remarks:
        click.echo(f"note: {remark}", err=True)
    print_report(render(result, settings.statistics))


@cli.command(epilog=EXIT_CODES_IN_WORDS)
@click.argument("journal")
@json_option
@debug_option
@pass_session
def replay(session: Session, *, journal: str) -> None:
    """Run the decisions of a journal again and compare them.

    Prints "identical", or the first divergence: its seq, the field, what it was then and is now.
    Recorded estimates (weights from statistics) are also computed again, within a tolerance.

    \b
    Example:
      orchestrion replay journals/three_strategies-20260105T101500Z.sqlite
    """
    import msgspec

    from orchestrion.adapters.cli.logging import configure_logging
    from orchestrion.runtime.errors import JournalError

    path = Path(journal)
    if not path.is_file():
        raise JournalError(f"{path}: {'a folder' if path.is_dir() else 'no such file'}")
    find_users_modules()
    configure_logging("warning", is_terminal=sys.stderr.isatty())
    outcome = session.engine.replay_journal(path)
    if session.as_json:
        print_json(msgspec.to_builtins(outcome))
    elif outcome.divergence is None:
        click.echo(f"identical: {outcome.decisions:,} decisions, hash {outcome.decision_hash}")
        if not outcome.is_complete:
            click.echo("the journal has no end: the run was cut off; it is identical up to there")
    else:
        found = outcome.divergence
        click.echo(f"diverged at seq {found.seq}, {found.name}.{found.field}")
        click.echo(f"  then: {found.then}")
        click.echo(f"  now:  {found.now}")
    for fault in outcome.weight_faults:
        click.echo(f"weights that cannot be computed again: {fault}")
    if not outcome.identical or outcome.weight_faults:
        raise click.exceptions.Exit(ExitCode.FAILED)


@cli.command(epilog=EXIT_CODES_IN_WORDS)
@click.argument("file")
@json_option
@set_option
@debug_option
@pass_session
def validate(session: Session, *, file: str, overrides: Sequence[str]) -> None:
    """Say everything that is wrong with a configuration and its data files, at once.

    Also what is worth knowing of how its strategies fit together, by what they declare.

    \b
    Examples:
      orchestrion validate my.yaml
      orchestrion validate my.yaml --set allocation.method=equal_weight
    """
    from orchestrion.adapters.report.compatibility import render_findings
    from orchestrion.adapters.report.compatibility_document import findings_to_json
    from orchestrion.adapters.report.summary import settings_to_json, summarise
    from orchestrion.adapters.settings import SettingsError, check_settings, load_settings

    find_users_modules(Path(file).parent)
    faults = check_settings(file, overrides, os.environ)
    if faults:
        raise SettingsError(file, faults)
    settings = load_settings(file, overrides, os.environ)
    report = session.engine.check_compatibility(settings)
    if session.as_json:
        print_json({**settings_to_json(settings), "findings": findings_to_json(report)})
        return
    click.echo(f"ok: {file}")
    print_report(summarise(settings))
    if report.findings:
        print_report(render_findings(report))


@cli.command(epilog=EXIT_CODES_IN_WORDS)
@click.argument("name", required=False)
@json_option
@debug_option
@pass_session
def strategies(session: Session, *, name: str | None) -> None:
    """List the library: each strategy with its parameters, their types, defaults and units.

    NAME is a library name, or the import path package.module:Class of your own.

    \b
    Examples:
      orchestrion strategies
      orchestrion strategies IRON_CONDOR
    """
    from orchestrion.adapters.report.strategy_list import describe_strategies, render_strategies
    from orchestrion.adapters.settings import find_strategy, library

    find_users_modules()
    chosen = library() if name is None else {name: find_strategy(name)}
    described = describe_strategies(chosen)
    if session.as_json:
        print_json(described)
    else:
        print_report(render_strategies(described))


@cli.command()
@debug_option
def schema() -> None:
    """Print the JSON Schema of configurations, for editors that complete and check.

    \b
    Example:
      orchestrion schema > orchestrion.schema.json
      # first line of a YAML file: # yaml-language-server: $schema=orchestrion.schema.json
    """
    from orchestrion.adapters.settings import json_schema

    print_json(json_schema())


COLLECT_AFTER_OBJECTS = 10_000
"""Python looks for rings of dead objects after every 700 new ones. A start makes a million that all
stay: looking less often takes 0.15 s off it (``benchmarks.recovery``), and what may lie about in
the meantime is some megabytes. Only here, because here the process is ours."""


def main() -> None:
    """Entry point of the ``orchestrion`` command."""
    gc.set_threshold(COLLECT_AFTER_OBJECTS, *gc.get_threshold()[1:])
    cli(prog_name="orchestrion")
