"""What a live run is about to do, told before it does anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from orchestrion.adapters.report.summary import summarise
from orchestrion.adapters.settings.limit_settings import LimitSettings
from orchestrion.adapters.settings.run_settings import RunSettings


def render_live_plan(settings: RunSettings, directory: Path) -> RenderableType:
    """Account, client, feed, journal, limits and strategies. Values of ``client_config`` are not
    shown: a secret may have been written there after all."""
    live, account = settings.live, settings.account
    keys = ", ".join(live.client_config) or "nothing"
    feed = live.feed or f"recorded data at {live.speed:g} x real time"
    lines = [
        f"LIVE ORDERS for account {account.id!r}",
        f"  client   {live.client}, configured with {keys}",
        f"  feed     {feed}",
        f"  journal  {directory}",
        f"  limits   account: {_words(account.limits)}",
    ]
    lines += [f"           {owner}: {words}" for owner, words in _strategy_limits(settings)]
    told = (Text(line, no_wrap=True, overflow="ignore") for line in lines)
    return Group(*told, summarise(settings))


def _strategy_limits(settings: RunSettings) -> Iterator[tuple[str, str]]:
    if settings.limits is not None:
        yield settings.active_strategies[0].strategy_id, _words(settings.limits)
    entries = settings.strategies or {}
    for active in settings.active_strategies:
        entry = entries.get(active.strategy_id)
        if entry is not None and entry.limits.model_fields_set:
            yield active.strategy_id, _words(entry.limits)


def _words(limits: LimitSettings) -> str:
    given = ((key, getattr(limits, key)) for key in type(limits).model_fields)
    words = [
        f"{key} {value}"
        for key, value in given
        if value not in (None, {}, False) and key != "option_notional"
    ]
    return ", ".join(words) or "none beyond the capital"
