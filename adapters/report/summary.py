"""What a configuration means, in a few lines, for somebody who is about to run it."""

from __future__ import annotations

import json
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from orchestrion.adapters.settings.data_settings import FeedDataSettings, FileDataSettings
from orchestrion.adapters.settings.loading import resolved_json
from orchestrion.adapters.settings.run_settings import RunSettings


def settings_to_json(settings: RunSettings) -> dict[str, Any]:
    """The settings with every default filled in, as plain data."""
    return {
        "error": None,
        "mode": settings.mode.value,
        "settings": json.loads(resolved_json(settings)),
        "remarks": list(settings.remarks),
    }


def summarise(settings: RunSettings) -> RenderableType:
    """Strategies with their shares, capital, data, and what a reader may not expect."""
    account = settings.account
    capital = f"{account.capital:,.2f} {account.currency}"
    about = f"{settings.mode} mode, capital {capital}, data {_data(settings)}"
    lines = [Text(line) for line in (about, *settings.remarks)]
    return Group(*lines, _strategies(settings))


def _data(settings: RunSettings) -> str:
    data = settings.data
    if isinstance(data, FeedDataSettings):
        return "from a feed"
    files = isinstance(data, FileDataSettings) and len(data.files)
    name = f"from {files} file{'' if files == 1 else 's'}" if files else "bundled"
    if data.start is None and data.end is None:
        return name
    return f"{name}, {data.start or 'first day'} to {data.end or 'last day'}"


def _strategies(settings: RunSettings) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("Strategy", overflow="fold")
    table.add_column("Share", justify="right")
    table.add_column("Priority", justify="right")
    table.add_column("Class or library name", overflow="fold")
    for one in settings.active_strategies:
        share = f"{one.target_pct:.6g} %"
        table.add_row(Text(one.strategy_id), share, str(one.priority), Text(one.strategy_name))
    return table
