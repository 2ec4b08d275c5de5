"""Settings of a run: the single place where configuration is read.

``load_settings`` gives ``RunSettings`` or raises with every fault; ``check_settings`` lists the
faults. The order of the modules, each using only those above it:

    fault, plain_data, yaml_text, document, override   files as plain data, and what is wrong
    section, ..._settings, run_settings                the models; every key is documented
    translation, import_path, ..._choice               from plain data and names to what they mean
    allocation_agreement, rule_agreement, agreement    what several keys must agree on
    loading, json_schema                               all of it together
"""

from __future__ import annotations

from orchestrion.adapters.settings.allocation_choice import allocation_methods
from orchestrion.adapters.settings.data_choice import open_data
from orchestrion.adapters.settings.fault import ConfigFault, SettingsError
from orchestrion.adapters.settings.json_schema import json_schema
from orchestrion.adapters.settings.live_choice import build_client, build_feed
from orchestrion.adapters.settings.loading import check_settings, load_settings, resolved_json
from orchestrion.adapters.settings.margin_choice import build_margin_model
from orchestrion.adapters.settings.run_settings import RunSettings, StatisticsSettings
from orchestrion.adapters.settings.strategy_choice import (
    build_checked_strategy,
    build_strategy,
    find_strategy,
    library,
)
from orchestrion.adapters.settings.strategy_settings import ActiveStrategy

__all__ = [
    "ActiveStrategy",
    "ConfigFault",
    "RunSettings",
    "SettingsError",
    "StatisticsSettings",
    "allocation_methods",
    "build_checked_strategy",
    "build_client",
    "build_feed",
    "build_margin_model",
    "build_strategy",
    "check_settings",
    "find_strategy",
    "json_schema",
    "library",
    "load_settings",
    "open_data",
    "resolved_json",
]
