"""The command line: ``orchestrion backtest | replay | validate | strategies | schema``.

Only click is imported here; everything else inside the commands, so that ``--help`` is quick. What
a command prints goes to stdout, the rest (progress, logs, errors) to stderr.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from orchestrion.adapters.cli.engine import Engine
from orchestrion.adapters.cli.exit_code import EXIT_CODES_IN_WORDS, ExitCode

if TYPE_CHECKING:
    from rich.console import RenderableType

LOG_LEVELS = ("debug", "info", "warning", "error")


class Session:
    """What one call of the command line remembers."""

    def __init__(self, engine: Engine | None = None) -> None:
        self.engine = Engine() if engine is None else engine
        self.debug = False
        self.as_json = False


class _Group(click.Group):
    """Turns every exception of a command into a message and a documented exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
            raise
        except (Exception, KeyboardInterrupt, click.Abort) as error:
            session: Session = ctx.ensure_object(Session)
            _fail(session, error)


def _fail(session: Session, error: BaseException) -> NoReturn:
    from orchestrion.adapters.cli.failure import failure_of

    if session.debug:
        traceback.print_exception(error)
    failure = failure_of(error)
    click.secho(f"orchestrion: {failure.headline}", err=True, bold=True)
    for line in failure.lines:
        click.echo(line, err=True)
    if session.as_json:
        _print_json(failure.as_json())
    raise click.exceptions.Exit(failure.exit_code)


def _print_json(document: object) -> None:
    click.echo(json.dumps(document, indent=2, allow_nan=False))


def _print(renderable: RenderableType) -> None:
    from rich.console import Console

    Console(highlight=False).print(renderable, crop=False)


def _require_backend(backend: str) -> None:
    if importlib.util.find_spec(backend) is None:
        raise click.UsageError(
            f"{backend} is not installed: pip install 'orchestrion[{backend}]', "
            "or leave --backend out"
        )


def _find_users_modules(*folders: Path) -> None:
    """Lets import paths of strategies find modules beside the configuration and in the current
    folder. They go last, so that they hide nothing that is installed."""
    for folder in (Path.cwd(), *folders):
        path = str(folder.absolute())
        if path not in sys.path:
            sys.path.append(path)


_F = TypeVar("_F", bound=Callable[..., Any])


def _debug_option(command: _F) -> _F:
    """``--debug``, before the verb or behind it."""

    def remember(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        session: Session = ctx.ensure_object(Session)
        session.debug = session.debug or value

    return click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        callback=remember,
        help="Show the traceback of an error.",
    )(command)


def _json_option(command: _F) -> _F:
    def remember(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        ctx.ensure_object(Session).as_json = value

    return click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=remember,
        help="Print exactly one JSON document on stdout.",
    )(command)


_set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a setting, e.g. account.capital=500000. Repeatable, the last one wins; the "
    "environment variable ORCHESTRION_SET does the same, with semicolons between settings.",
)
_pass_session = click.make_pass_decorator(Session, ensure=True)


@click.group(
    cls=_Group, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES_IN_WORDS
)
@click.version_option(package_name="orchestrion")
@_debug_option
def cli() -> None:
    """Run one or many trading strategies on one account, deterministically.

    \b
    Examples:
      orchestrion backtest examples/three_strategies.yaml
      orchestrion replay journals/three_strategies-20260105T101500Z.sqlite
      orchestrion validate my.yaml
      orchestrion strategies MOMENTUM_FUTURES
    """


@cli.command(epilog=EXIT_CODES_IN_WORDS)
@click.argument("file")
@_json_option
@click.option(
    "--journal",
    metavar="PATH",
    help="Where the journal goes; it must not exist yet. [default: journals/NAME-TIME.sqlite]",
)
@_set_option
@click.option(
    "--backend",
    type=click.Choice(["asyncio", "trio"]),
    default="asyncio",
    show_default=True,
    help="Event loop; the decisions are the same on both.",
)
@click.option("--log-level", type=click.Choice(LOG_LEVELS), default="warning", show_default=True)
@_debug_option
@_pass_session
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
    from orchestrion.adapters.settings import load_settings

    _require_backend(backend)
    _find_users_modules(Path(file).parent)
    is_terminal = sys.stderr.isatty()
    configure_logging(log_level, is_terminal=is_terminal)
    settings = load_settings(file, overrides, os.environ)
    with (
        journal_for(Path(file), journal) as journal_path,
        progress_bar(settings.name, is_shown=is_terminal) as progress,
    ):
        result = session.engine.run_backtest(
            settings, journal_path=journal_path, progress=progress, backend=backend
        )
    if session.as_json:
        from orchestrion.adapters.report.json_document import to_json

        _print_json(to_json(result, settings.statistics))
        return
    from orchestrion.adapters.report.terminal import render

    for remark in settings.remarks:
        click.echo(f"note: {remark}", err=True)
    _print(render(result, settings.statistics))


@cli.command(epilog=EXIT_CODES_IN_WORDS)
@click.argument("journal")
@_json_option
@_debug_option
@_pass_session
def replay(session: Session, *, journal: str) -> None:
    """Run the decisions of a journal again and compare them.

    Prints "identical", or the first divergence: its seq, the field, what it was then and is now.

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
    _find_users_modules()
    configure_logging("warning", is_terminal=sys.stderr.isatty())
    outcome = session.engine.replay_journal(path)
    if session.as_json:
        _print_json(msgspec.to_builtins(outcome))
    elif outcome.divergence is None:
        click.echo(f"identical: {outcome.decisions:,} decisions, hash {outcome.decision_hash}")
        if not outcome.is_complete:
            click.echo("the journal has no end: the run was cut off; it is identical up to there")
    else:
        found = outcome.divergence
        click.echo(f"diverged at seq {found.seq}, {found.name}.{found.field}")
        click.echo(f"  then: {found.then}")
        click.echo(f"  now:  {found.now}")
    if not outcome.identical:
        raise click.exceptions.Exit(ExitCode.FAILED)


@cli.command(epilog=EXIT_CODES_IN_WORDS)
@click.argument("file")
@_json_option
@_set_option
@_debug_option
@_pass_session
def validate(session: Session, *, file: str, overrides: Sequence[str]) -> None:
    """Say everything that is wrong with a configuration and its data files, at once.

    \b
    Examples:
      orchestrion validate my.yaml
      orchestrion validate my.yaml --set allocation.method=equal_weight
    """
    from orchestrion.adapters.report.summary import settings_to_json, summarise
    from orchestrion.adapters.settings import SettingsError, check_settings, load_settings

    _find_users_modules(Path(file).parent)
    faults = check_settings(file, overrides, os.environ)
    if faults:
        raise SettingsError(file, faults)
    settings = load_settings(file, overrides, os.environ)
    session.engine.check_compatibility(settings)
    if session.as_json:
        _print_json(settings_to_json(settings))
        return
    click.echo(f"ok: {file}")
    _print(summarise(settings))


@cli.command(epilog=EXIT_CODES_IN_WORDS)
@click.argument("name", required=False)
@_json_option
@_debug_option
@_pass_session
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

    _find_users_modules()
    chosen = library() if name is None else {name: find_strategy(name)}
    described = describe_strategies(chosen)
    if session.as_json:
        _print_json(described)
    else:
        _print(render_strategies(described))


@cli.command()
@_debug_option
def schema() -> None:
    """Print the JSON Schema of configurations, for editors that complete and check.

    \b
    Example:
      orchestrion schema > orchestrion.schema.json
      # first line of a YAML file: # yaml-language-server: $schema=orchestrion.schema.json
    """
    from orchestrion.adapters.settings import json_schema

    _print_json(json_schema())


def main() -> None:
    """Entry point of the ``orchestrion`` command."""
    cli(prog_name="orchestrion")
