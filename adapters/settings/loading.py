"""From a file or a mapping to ``RunSettings``, or to the list of everything that is wrong.

    read the file ─ lay overrides over it ─ fill in strategies' parameters ─ check ─ validate

Nothing is raised on the way: faults are collected to the end, so one run shows all of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from orchestrion.adapters.settings.agreement import check_agreement
from orchestrion.adapters.settings.data_choice import catalog_of, check_data
from orchestrion.adapters.settings.data_settings import DataSettings
from orchestrion.adapters.settings.document import read_document
from orchestrion.adapters.settings.fault import ConfigFault, Faults, KeyPath, SettingsError
from orchestrion.adapters.settings.live_choice import check_live
from orchestrion.adapters.settings.margin_choice import AT_MARGIN, check_margin
from orchestrion.adapters.settings.margin_settings import MarginSettings
from orchestrion.adapters.settings.override import (
    Override,
    overridden,
    overrides_from_environment,
)
from orchestrion.adapters.settings.plain_data import as_list, as_map
from orchestrion.adapters.settings.rule_agreement import (
    check_instruments,
    check_rules,
    named_instruments,
)
from orchestrion.adapters.settings.run_settings import RunSettings
from orchestrion.adapters.settings.strategy_choice import complete_config
from orchestrion.adapters.settings.translation import add_faults
from orchestrion.domain.errors import ConfigurationError

Source = str | Path | Mapping[str, Any]
_DATA: TypeAdapter[DataSettings] = TypeAdapter(DataSettings)
_MARGIN: TypeAdapter[MarginSettings] = TypeAdapter(MarginSettings)


def load_settings(
    source: Source,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> RunSettings:
    """Reads a configuration: a YAML, TOML or JSON file by its suffix, or a mapping.

    Args:
        overrides: ``key=value``, later ones win.
        environ: environment that may hold overrides in ORCHESTRION_SET; None reads none.

    Raises:
        SettingsError: a ConfigurationError (so a ValueError) that lists every fault.
    """
    origin, settings, faults = _examine(source, overrides, environ, read_data=False)
    if settings is None or faults:
        raise SettingsError(origin, faults)
    return settings


def check_settings(
    source: Source,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> tuple[ConfigFault, ...]:
    """Everything that is wrong with a configuration, and with the data files that it names."""
    try:
        return _examine(source, overrides, environ, read_data=True)[2]
    except SettingsError as error:
        return error.faults


def resolved_json(settings: RunSettings) -> str:
    """The settings as one line of JSON that ``load_settings`` reads back as equal settings.

    Keys stand in the order of the models, strategies in the order of the file: their order breaks
    ties of priority, so it must not be sorted away.
    """
    return settings.model_dump_json()


def _examine(
    source: Source,
    overrides: Sequence[str],
    environ: Mapping[str, str] | None,
    *,
    read_data: bool,
) -> tuple[str, RunSettings | None, tuple[ConfigFault, ...]]:
    document, faults = read_document(source)
    content = _with_data_in_full(document.content)
    laid_over = [*overrides_from_environment(environ or {})]
    laid_over += [Override(text, "--set") for text in overrides]
    for override in laid_over:
        content = _with_data_in_full(overridden(content, override, faults))
    content.setdefault("name", document.name)
    _resolve_paths(content, document.folder)
    check_agreement(content, faults)
    content = _with_complete_strategies(content, faults)
    check_rules(content, faults)
    check_live(content, faults, imports=read_data)
    settings = _validated(content, faults)
    _check_data(content, faults, read=read_data)
    return document.origin, settings, faults.found()


def _with_data_in_full(content: Mapping[str, Any]) -> dict[str, Any]:
    """``data: bundled`` written out, so that ``--set data.start=...`` finds a map."""
    data = content.get("data")
    return {**content, "data": {"source": data}} if isinstance(data, str) else dict(content)


def _resolve_paths(content: dict[str, Any], folder: Path) -> None:
    data = as_map(content.get("data")) or {}
    files = as_list(data.get("files"))
    if files is not None:
        content["data"] = {**data, "files": [_resolved(file, folder) for file in files]}


def _resolved(file: Any, folder: Path) -> Any:
    described = as_map(file)
    if described is None or not isinstance(described.get("path"), str):
        return file
    return {**described, "path": str(folder / described["path"])}


def _with_complete_strategies(content: dict[str, Any], faults: Faults) -> dict[str, Any]:
    """A copy in which the parameters of every strategy are written out in full."""
    content = dict(content)
    name, strategies = content.get("strategy"), as_map(content.get("strategies"))
    if isinstance(name, str) and "strategies" not in content:
        return _completed(content, name, (), faults, at_name=("strategy",))
    if strategies is not None:
        content["strategies"] = {
            key: _completed_entry(key, entry, faults) for key, entry in strategies.items()
        }
    return content


def _completed_entry(key: str, entry: Any, faults: Faults) -> Any:
    described, base = as_map(entry), ("strategies", key)
    if described is None:
        return entry
    name = described.get("strategy")
    if name is None:
        return _completed(described, key, base, faults, at_name=base)
    return _completed(described, name, base, faults, at_name=(*base, "strategy"))


def _completed(
    entry: dict[str, Any], name: object, base: KeyPath, faults: Faults, *, at_name: KeyPath
) -> dict[str, Any]:
    if not isinstance(name, str):
        return entry
    at_config = (*base, "config")
    written = entry.get("config", {})
    complete = complete_config(name, written, faults, at_name=at_name, at_config=at_config)
    return entry if complete is None else {**entry, "config": complete}


def _validated(content: Mapping[str, Any], faults: Faults) -> RunSettings | None:
    try:
        return RunSettings.model_validate_json(json.dumps(content))
    except ValidationError as error:
        add_faults(error, RunSettings, (), faults)
        return None


def _check_data(content: Mapping[str, Any], faults: Faults, *, read: bool) -> None:
    """Checks the data even when another section is faulty, as long as its own is sound; and what
    other sections say about the instruments in it."""
    if faults.has(("data",)):
        return
    account = as_map(content.get("account")) or {}
    currency = account.get("currency")
    settings = _DATA.validate_json(json.dumps(content.get("data", {"source": "bundled"})))
    currency = currency if isinstance(currency, str) else "USD"
    check_data(settings, currency=currency, faults=faults, read=read)
    margin = None if faults.has(AT_MARGIN) else account.get("margin")
    named = named_instruments(content)
    if (margin is None and not named) or faults.has(("data",)):
        return
    try:
        catalog = catalog_of(settings, currency=currency)
    except ConfigurationError:
        return  # a fault of account.currency, or of a file that is told when it is read
    check_instruments(named, catalog, faults)
    if margin is not None:
        check_margin(_MARGIN.validate_json(json.dumps(margin)), catalog, faults)
