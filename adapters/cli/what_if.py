"""``orchestrion what-if``: a recorded run through changed code or another configuration."""

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
    set_option,
)
from orchestrion.adapters.cli.exit_code import EXIT_CODES_IN_WORDS


@click.command(name="what-if", epilog=EXIT_CODES_IN_WORDS)
@click.argument("journal")
@click.argument("file", required=False)
@json_option
@click.option(
    "--go-on",
    is_flag=True,
    help="Also play the run's market data to the end, with simulated fills.",
)
@set_option
@debug_option
@pass_session
def what_if(
    session: Session, *, journal: str, file: str | None, go_on: bool, overrides: Sequence[str]
) -> None:
    """Play the inputs of a recorded run through the code as it is now, or another configuration.

    Prints the first decision that would have been another one. It stops there: the fills that the
    journal holds from then on belong to orders that would not have been sent. With --go-on the
    market data are also played to the end with simulated fills, and the decisions are counted.

    \b
    Examples:
      orchestrion what-if journals/paper/000001.sqlite
      orchestrion what-if journals/three_strategies-20260105T101500Z.sqlite changed.yaml --go-on
    """
    import msgspec

    from orchestrion.adapters.cli.logging import configure_logging
    from orchestrion.adapters.settings import load_settings
    from orchestrion.runtime.errors import JournalError

    path = Path(journal)
    if not path.is_file():
        raise JournalError(f"{path}: {'a folder' if path.is_dir() else 'no such file'}")
    if overrides and file is None:
        raise click.UsageError("--set changes a configuration: name its FILE too")
    find_users_modules(*(() if file is None else (Path(file).parent,)))
    configure_logging("warning", is_terminal=sys.stderr.isatty())
    settings = None if file is None else load_settings(file, overrides, os.environ)
    found = session.engine.what_if(path, settings, goes_on=go_on)
    if session.as_json:
        print_json(msgspec.to_builtins(found))
        return
    difference, simulated = found.first_difference, found.simulated
    if difference is None:
        click.echo(f"every decision would have been the same: {found.decisions_equal:,}")
    else:
        click.echo(f"{found.decisions_equal:,} decisions would have been the same")
        click.echo(f"the first other one: seq {difference.seq}, {difference.field}")
        click.echo(f"  then: {difference.then}")
        click.echo(f"  now:  {difference.now}")
    if simulated is None:
        return
    click.echo(f"with simulated fills to the end: {simulated.same:,} decisions are the same")
    for one in simulated.counts:
        click.echo(
            f"  {one.strategy_id}: approved {one.approved_then:,} then, {one.approved_now:,} now; "
            f"refused {one.refused_then:,} then, {one.refused_now:,} now"
        )
    for book_id, equity in simulated.equity_now.items():
        click.echo(f"  simulated equity of {book_id} at the end: {equity:,.2f}")
