"""From the name of an allocation method to the methods of a run, and faults of the name.

Names are ours, skfolio's (with the extra), or import paths ``package.module:function``.
"""

from __future__ import annotations

import importlib.util
from typing import cast

from orchestrion.adapters.allocation.skfolio_methods import (
    EXTRA,
    SKFOLIO_METHODS,
    register_skfolio,
)
from orchestrion.adapters.settings.allocation_settings import AllocationSettings
from orchestrion.adapters.settings.fault import Faults, KeyPath, did_you_mean, shown
from orchestrion.adapters.settings.import_path import NotFoundError, imported, is_import_path
from orchestrion.domain.capital.allocation_method import (
    BUILT_IN,
    INVERSE_VOLATILITY,
    RISK_PARITY,
    AllocationMethod,
)
from orchestrion.domain.capital.allocation_policy import AllocationMethods

METHOD_NAMES: tuple[str, ...] = (*BUILT_IN, *SKFOLIO_METHODS)
HISTORY_METHODS: tuple[str, ...] = (INVERSE_VOLATILITY, RISK_PARITY, *SKFOLIO_METHODS)
"""Methods that cannot answer without the books' past."""


def allocation_methods(settings: AllocationSettings) -> AllocationMethods:
    """Every method that a run can use by name, the configuration's own ones included.

    Raises:
        ConfigurationError: an import path that leads nowhere.
    """
    methods = AllocationMethods()
    register_skfolio(methods)
    for name in (settings.method, settings.fallback):
        if name is not None and is_import_path(name):
            methods.register(name, own_method(name))
    return methods


def own_method(path: str) -> AllocationMethod:
    """The user's function.

    Raises:
        ConfigurationError: there is none.
    """
    found = imported(
        path,
        fits=callable,
        what="functions",
        form="package.module:function",
        advice="name a function that takes an AllocationRequest and returns MethodWeights",
    )
    return cast("AllocationMethod", found)


def check_method(name: str, at: KeyPath, faults: Faults) -> None:
    """Adds what is wrong with the name of a method."""
    if is_import_path(name):
        try:
            own_method(name)
        except NotFoundError as error:
            faults.add(at, error.problem, error.advice)
    elif name not in METHOD_NAMES:
        advice = did_you_mean(name, METHOD_NAMES, what="the methods are")
        faults.add(at, "no such allocation method", advice, value=shown(name))
    elif name in SKFOLIO_METHODS and importlib.util.find_spec(EXTRA) is None:
        advice = f"pip install 'orchestrion[{EXTRA}]'"
        faults.add(at, f"needs the extra {EXTRA!r}", advice, value=shown(name))
