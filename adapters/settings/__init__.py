"""Settings of a run: the single place where configuration is read.

``load_settings`` gives ``RunSettings`` or raises with every fault; ``check_settings`` lists the
faults. The order of the modules, each using only those above it:

    fault, plain_data, yaml_text, document, override   files as plain data, and what is wrong
    section, data_settings, execution_settings, run_settings   the models; every key is documented
    translation, strategy_choice, data_choice, agreement   from plain data to the models
    loading, json_schema                                all of it together
"""

from __future__ import annotations

from orchestrion.adapters.settings.data_choice import open_data
from orchestrion.adapters.settings.fault import ConfigFault, SettingsError
from orchestrion.adapters.settings.json_schema import json_schema
from orchestrion.adapters.settings.loading import check_settings, load_settings, resolved_json
from orchestrion.adapters.settings.run_settings import (
    ActiveStrategy,
    Custodian,
    RunSettings,
    StatisticsSettings,
)
from orchestrion.adapters.settings.strategy_choice import (
    build_strategy,
    find_strategy,
    library,
)

__all__ = [
    "ActiveStrategy",
    "ConfigFault",
    "Custodian",
    "RunSettings",
    "SettingsError",
    "StatisticsSettings",
    "build_strategy",
    "check_settings",
    "find_strategy",
    "json_schema",
    "library",
    "load_settings",
    "open_data",
    "resolved_json",
]
