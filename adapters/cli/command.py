"""What all commands share: the session of one call, options that stand on many, and printing.

Only click is imported here. What a command prints goes to stdout, the rest to stderr; every
exception becomes a message and a documented exit code.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from orchestrion.adapters.cli.engine import Engine

if TYPE_CHECKING:
    from rich.console import RenderableType

LOG_LEVELS = ("debug", "info", "warning", "error")
_F = TypeVar("_F", bound=Callable[..., Any])


class Session:
    """What one call of the command line remembers."""

    def __init__(self, engine: Engine | None = None) -> None:
        self.engine = Engine() if engine is None else engine
        self.debug = False
        self.as_json = False


class CommandGroup(click.Group):
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
        print_json(failure.as_json())
    raise click.exceptions.Exit(failure.exit_code)


def print_json(document: object) -> None:
    click.echo(json.dumps(document, indent=2, allow_nan=False))


def print_report(renderable: RenderableType) -> None:
    """Tables and text on stdout; nothing is cut off, whatever the width."""
    from rich.console import Console

    Console(highlight=False).print(renderable, crop=False)


def find_users_modules(*folders: Path) -> None:
    """Lets import paths of strategies find modules beside the configuration and in the current
    folder. They go last, so that they hide nothing that is installed."""
    for folder in (Path.cwd(), *folders):
        path = str(folder.absolute())
        if path not in sys.path:
            sys.path.append(path)


def require_backend(backend: str) -> None:
    """
    Raises:
        click.UsageError: the event loop is not installed.
    """
    if importlib.util.find_spec(backend) is None:
        raise click.UsageError(
            f"{backend} is not installed: pip install 'orchestrion[{backend}]', "
            "or leave --backend out"
        )


def debug_option(command: _F) -> _F:
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


def json_option(command: _F) -> _F:
    """``--json``; errors are told as JSON too."""

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


set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a setting, e.g. account.capital=500000. Repeatable, the last one wins; the "
    "environment variable ORCHESTRION_SET does the same, with semicolons between settings.",
)
pass_session = click.make_pass_decorator(Session, ensure=True)
