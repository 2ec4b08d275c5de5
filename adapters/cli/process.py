"""``orchestrion paper`` and ``orchestrion live``: runs that go on until somebody stops them.

Signal handlers come first, before anything is imported or opened, so that a signal during the start
ends the process in order too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrion.adapters.cli.command import (
    LOG_LEVELS,
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
from orchestrion.adapters.cli.exit_code import EXIT_CODES_IN_WORDS

if TYPE_CHECKING:
    from orchestrion.adapters.result import RunResult
    from orchestrion.adapters.settings import RunSettings

_journal_option = click.option(
    "--journal",
    metavar="DIRECTORY",
    help="Directory of the run's journals; a run in it is gone on with. "
    "[default: journal.directory, else journals/NAME-paper or journals/NAME-live]",
)
_backend_option = click.option(
    "--backend",
    type=click.Choice(["asyncio", "trio"]),
    default="asyncio",
    show_default=True,
    help="Event loop; the decisions are the same on both.",
)
_log_level_option = click.option(
    "--log-level", type=click.Choice(LOG_LEVELS), default="info", show_default=True
)
_status_option = click.option(
    "--status-every",
    "status_every_s",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="A line that says where the run stands, on stderr.",
)


@click.command(epilog=EXIT_CODES_IN_WORDS)
@click.argument("file")
@json_option
@_journal_option
@set_option
@_backend_option
@_log_level_option
@_status_option
@debug_option
@pass_session
def paper(
    session: Session,
    *,
    file: str,
    journal: str | None,
    overrides: Sequence[str],
    backend: str,
    log_level: str,
    status_every_s: float,
) -> None:
    """Trade on paper: recorded data, simulated fills, a journal that survives.

    SIGTERM or Ctrl-C ends the run after its round, with exit code 0; the next start goes on where
    it stopped. A second signal ends it at once, with 128 + its number, and loses nothing.

    \b
    Examples:
      orchestrion paper examples/three_strategies.yaml
      orchestrion paper my.yaml --set paper.speed=60 --set paper.gap_max_s=2
    """
    from orchestrion.adapters.cli.journal_path import directory_for
    from orchestrion.adapters.cli.watching import watched
    from orchestrion.adapters.process.stop_request import stop_signals

    require_backend(backend)
    with stop_signals() as stop:
        settings = _settings(file, overrides, log_level)
        with (
            directory_for(settings, Path(file), journal, "paper") as directory,
            watched(session, settings, directory),
        ):
            result = session.engine.run_paper(
                settings,
                directory=directory,
                stop=stop,
                status_every_s=status_every_s,
                backend=backend,
            )
    _print_result(session, settings, result)


@click.command(epilog=EXIT_CODES_IN_WORDS)
@click.argument("file")
@click.option(
    "--i-accept-live-orders",
    "is_accepted",
    is_flag=True,
    help="Real orders with real money; without this flag nothing is started.",
)
@json_option
@_journal_option
@set_option
@_backend_option
@_log_level_option
@_status_option
@debug_option
@pass_session
def live(
    session: Session,
    *,
    file: str,
    is_accepted: bool,
    journal: str | None,
    overrides: Sequence[str],
    backend: str,
    log_level: str,
    status_every_s: float,
) -> None:
    """Trade at a venue, through the client that live.client names.

    Says first what it is going to do. Then it reaches the venue, asks what became of every order of
    an earlier run, compares the account with the books, and only then shows strategies market data.
    SIGTERM or Ctrl-C ends the run after its round: nothing new is sent, what is under way is
    settled or stays UNKNOWN until the next start asks. A second signal ends it at once, with 128 +
    its number.

    \b
    Example:
      orchestrion live my.yaml --i-accept-live-orders
    """
    from orchestrion.adapters.cli.journal_path import directory_for
    from orchestrion.adapters.cli.watching import watched
    from orchestrion.adapters.process.stop_request import stop_signals

    require_backend(backend)
    with stop_signals() as stop:
        settings = _settings(file, overrides, log_level)
        session.engine.check_live_start(settings)
        with directory_for(settings, Path(file), journal, "live") as directory:
            _tell_plan(settings, directory)
            if not is_accepted:
                raise click.UsageError(
                    "nothing was started: a live run needs --i-accept-live-orders"
                )
            with watched(session, settings, directory):
                result = session.engine.run_live(
                    settings,
                    directory=directory,
                    stop=stop,
                    environ=os.environ,
                    status_every_s=status_every_s,
                    backend=backend,
                )
    _print_result(session, settings, result)


@click.command(epilog=EXIT_CODES_IN_WORDS)
@click.argument("file")
@click.option(
    "--assign",
    "assigned",
    nargs=3,
    multiple=True,
    metavar="QUANTITY INSTRUMENT BOOK",
    help="Book a difference: QUANTITY is signed and is what BOOK gets, a strategy's id or "
    "EXTERNAL. Repeatable.",
)
@click.option(
    "--price",
    metavar="PRICE",
    help="Per unit, of everything that is assigned. [default: the last that the run has seen]",
)
@_journal_option
@set_option
@_log_level_option
@debug_option
@pass_session
def reconcile(
    session: Session,
    *,
    file: str,
    assigned: Sequence[tuple[str, str, str]],
    price: str | None,
    journal: str | None,
    overrides: Sequence[str],
    log_level: str,
) -> None:
    """Compare a live run's books with the account at the venue; settle what differs.

    Starts as a live run does, up to the point where trading would begin, and ends there. What is
    assigned is booked as a trade and stays in the journal. The run must not be running.

    \b
    Examples:
      orchestrion reconcile my.yaml
      orchestrion reconcile my.yaml --assign -3 AAPL MOMENTUM --price 187.20
    """
    from orchestrion.adapters.cli.journal_path import directory_for
    from orchestrion.adapters.cli.watching import watched
    from orchestrion.adapters.process.stop_request import stop_signals

    assignments = [
        (_number(quantity), instrument_id, book_id, None if price is None else _number(price))
        for quantity, instrument_id, book_id in assigned
    ]
    with stop_signals() as stop:
        settings = _settings(file, overrides, log_level)
        session.engine.check_live_start(settings)
        with (
            directory_for(settings, Path(file), journal, "live") as directory,
            watched(session, settings, directory),
        ):
            session.engine.settle_account(
                settings,
                directory=directory,
                stop=stop,
                environ=os.environ,
                assignments=assignments,
            )
    click.echo("interrupted" if stop.is_made else "the books and the account agree")


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise click.UsageError(f"{text!r} is no number") from None


def _settings(file: str, overrides: Sequence[str], log_level: str) -> RunSettings:
    from orchestrion.adapters.cli.logging import configure_logging
    from orchestrion.adapters.settings import load_settings

    find_users_modules(Path(file).parent)
    configure_logging(log_level, is_terminal=sys.stderr.isatty())
    return load_settings(file, overrides, os.environ)


def _tell_plan(settings: RunSettings, directory: Path) -> None:
    from rich.console import Console

    from orchestrion.adapters.report.live_plan import render_live_plan

    Console(stderr=True, highlight=False).print(render_live_plan(settings, directory), crop=False)


def _print_result(session: Session, settings: RunSettings, result: RunResult) -> None:
    if session.as_json:
        from orchestrion.adapters.report.json_document import to_json

        print_json(to_json(result, settings.statistics))
        return
    from orchestrion.adapters.report.terminal import render

    for remark in settings.remarks:
        click.echo(f"note: {remark}", err=True)
    print_report(render(result, settings.statistics))
