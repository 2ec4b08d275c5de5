"""From ``account.margin`` to a margin model, and its faults before a run starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from orchestrion.adapters.settings.fault import Faults, KeyPath
from orchestrion.adapters.settings.import_path import NotFoundError, imported, is_import_path
from orchestrion.adapters.settings.margin_settings import OWN_FORM, MarginSettings
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.margin.registry import MarginModels
from orchestrion.domain.margin.requirement import MarginModel
from orchestrion.domain.margin.span_model import SpanModel
from orchestrion.domain.models.instrument import InstrumentCatalog

AT_MARGIN: KeyPath = ("account", "margin")


def build_margin_model(settings: MarginSettings) -> MarginModel:
    """The margin model that a configuration names.

    Raises:
        ConfigurationError: figures that do not fit together, or an import path that leads nowhere.
    """
    values: dict[str, Any] = settings.inside()
    name: str = values.pop("model")
    models = MarginModels()
    if is_import_path(name):
        models = models.with_model(name, _own_builder(name))
    return models.build(name, values)


def check_margin(settings: MarginSettings, catalog: InstrumentCatalog, faults: Faults) -> None:
    """Adds what is wrong with the model, and with it for the instruments of a run."""
    try:
        model = build_margin_model(settings)
        if isinstance(model, SpanModel):
            model.check_catalog(catalog)
    except NotFoundError as error:
        faults.add((*AT_MARGIN, "model"), error.problem, error.advice)
    except ConfigurationError as error:
        faults.add(AT_MARGIN, str(error), "correct it")


def _own_builder(path: str) -> Callable[[Mapping[str, object]], MarginModel]:
    found = imported(
        path,
        fits=callable,
        what="functions",
        form=OWN_FORM,
        advice="name a function that takes settings and returns a MarginModel",
    )
    make = cast("Callable[[Mapping[str, object]], object]", found)

    def build(settings: Mapping[str, object]) -> MarginModel:
        model = make(settings)
        if not all(callable(getattr(model, name, None)) for name in ("margin_of", "is_coupled")):
            raise ConfigurationError(f"{path} gave {model!r}, which is no MarginModel")
        return cast("MarginModel", model)

    return build
