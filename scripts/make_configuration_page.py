"""Writes docs/configuration.md from the settings' own models, so that the two cannot drift.

    python scripts/make_configuration_page.py

A test compares the page with what this script would write.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from orchestrion.adapters.settings import RunSettings
from orchestrion.adapters.settings.compatibility_settings import CompatibilityRuleSettings
from orchestrion.adapters.settings.data_settings import (
    BarFileSettings,
    BundledDataSettings,
    EquitySettings,
    FeedDataSettings,
    FileDataSettings,
    FutureSettings,
    IndexSettings,
    OptionSettings,
)
from orchestrion.adapters.settings.limit_settings import LeverageClaimSettings
from orchestrion.adapters.settings.margin_settings import (
    CashSettings,
    InstrumentRatesSettings,
    NakedOptionSettings,
    OwnMarginSettings,
    RegTSettings,
    SpanParameterSettings,
    SpanScenarioSettings,
    SpanSettings,
    StockMarginSettings,
    StrategyBasedSettings,
)
from orchestrion.adapters.settings.stop_settings import StopSettings
from orchestrion.adapters.settings.strategy_settings import StrategySettings

PAGE = Path(__file__).resolve().parents[1] / "docs" / "configuration.md"
HEAD = """\
# Configuration

YAML, TOML or JSON by the file's suffix, or a dict. Unknown keys are errors. `orchestrion validate
FILE` lists every fault with its key, `orchestrion schema` prints a JSON Schema for editors, `--set
a.b=value` and the environment variable `ORCHESTRION_SET` lay values over a file. Percent exists
only in keys that end in `_pct`. Lengths of time are `90s`, `1m`, `6.5h`, `1d`.

This page is written by `scripts/make_configuration_page.py` from the models that read the file.
"""
VARIANTS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("Each entry of `strategies`", StrategySettings),
    ("Each entry of `stops`, of the account and of a strategy", StopSettings),
    ("Each entry of a strategy's `leverage_claims`", LeverageClaimSettings),
    ("`account.margin` with `model: instrument_rates`", InstrumentRatesSettings),
    ("`account.margin` with `model: cash`", CashSettings),
    ("`account.margin` with `model: reg_t`", RegTSettings),
    ("`account.margin` with `model: strategy_based`", StrategyBasedSettings),
    ("Each entry of `account.margin.option.by_underlying`", NakedOptionSettings),
    ("`account.margin` with `model: span`", SpanSettings),
    ("Each entry of `account.margin.parameters`, and `default`", SpanParameterSettings),
    ("Each entry of its `scenarios`", SpanScenarioSettings),
    ("`stock` of `model: span`", StockMarginSettings),
    ("`account.margin` with a model of your own", OwnMarginSettings),
    ("Each entry of `compatibility.rules`", CompatibilityRuleSettings),
    ("`data` with `source: bundled`", BundledDataSettings),
    ("`data` with `source: files`", FileDataSettings),
    ("Each entry of `data.files`", BarFileSettings),
    ("`data` with `source: feed`", FeedDataSettings),
    ("`data.instruments`, `kind: equity`", EquitySettings),
    ("`data.instruments`, `kind: index`", IndexSettings),
    ("`data.instruments`, `kind: future`", FutureSettings),
    ("`data.instruments`, `kind: option`", OptionSettings),
)
_REQUIRED = object()


def page() -> str:
    """The whole page."""
    return "\n".join(
        [HEAD, _table("The run", RunSettings), *(_table(*variant) for variant in VARIANTS)]
    )


def _table(title: str, model: type[BaseModel]) -> str:
    rows = "\n".join(_rows(model, "", None))
    return f"## {title}\n\n| key | default | meaning |\n|---|---|---|\n{rows}\n"


def _rows(model: type[BaseModel], prefix: str, instance: BaseModel | None) -> Iterator[str]:
    """Rows of a model; ``instance`` holds the defaults that its parent gives it."""
    for name, field in model.model_fields.items():
        default = _default_of(field) if instance is None else getattr(instance, name)
        section = _section(field)
        if section is not None and isinstance(default, section):
            yield from _rows(section, f"{prefix}{name}.", default)
        else:
            yield f"| `{prefix}{name}` | {_shown(default)} | {_meaning(field)} |"


def _section(field: FieldInfo) -> type[BaseModel] | None:
    annotation: object = field.annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return None


def _default_of(field: FieldInfo) -> Any:
    if field.is_required():
        return _REQUIRED
    return field.get_default(call_default_factory=True, validated_data={})


def _shown(default: Any) -> str:
    if default is _REQUIRED:
        return "required"
    if default is None or default in ({}, ()):
        return ""
    if isinstance(default, BaseModel):
        chosen = getattr(default, "source", None) or getattr(default, "model", None)
        return f"`{chosen}`"
    return f"`{default}`"


def _meaning(field: FieldInfo) -> str:
    text = " ".join((field.description or "").split())
    choices = [str(one) for one in get_args(field.annotation) if isinstance(one, str)]
    if choices and not text:
        return " or ".join(f"`{one}`" for one in choices)
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"wrote {PAGE.name}")
