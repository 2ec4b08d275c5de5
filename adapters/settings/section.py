"""What all sections of the settings are made of: the base model, exact numbers, lengths of time.

Values come through JSON in pydantic's strict mode: a quoted number is text, a quoted ``true`` too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from orchestrion.adapters.settings.plain_data import as_list, as_map
from orchestrion.domain.models.money import MAGNITUDE_MAX

_UNIT_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


class Section(BaseModel):
    """Base of all settings: frozen, unknown keys and NaN refused, no silent conversions."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        strict=True,
        use_attribute_docstrings=True,
    )

    @model_serializer(mode="wrap")
    def _without_absent(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leaves out what was not given: a key without a value is a fault when it is read back."""
        return {key: value for key, value in serialise(self).items() if value is not None}


class RuleSection(Section):
    """A section that says what a rule of the domain says, with percent instead of fractions.

    ``inside_names``: keys that do not follow the habit that ``x_pct`` is ``x_fraction`` there.
    """

    inside_names: ClassVar[Mapping[str, str]] = MappingProxyType({})

    def inside(self) -> dict[str, Any]:
        """What is given, under the domain's names and as fractions; what is absent is left out,
        so that the domain's own default holds."""
        values: dict[str, Any] = {}
        for key in type(self).model_fields:
            value = getattr(self, key)
            if value is not None:
                values[self._inside_name(key)] = _inside(value, is_percent=key.endswith("_pct"))
        return values

    def _inside_name(self, key: str) -> str:
        known = self.inside_names.get(key)
        if known is not None:
            return known
        return f"{key.removesuffix('_pct')}_fraction" if key.endswith("_pct") else key


def _inside(value: Any, *, is_percent: bool) -> Any:
    if isinstance(value, RuleSection):
        return value.inside()
    content = as_map(value)
    if content is not None:
        return {key: _inside(one, is_percent=is_percent) for key, one in content.items()}
    items = as_list(value)
    if items is not None:
        return tuple(_inside(one, is_percent=is_percent) for one in items)
    return fraction_of(value) if is_percent else value


def fraction_of(percent: Decimal) -> Decimal:
    """Percent as a fraction, exactly."""
    return percent.scaleb(-2)


def optional_fraction(percent: Decimal | None) -> Decimal | None:
    return None if percent is None else fraction_of(percent)


def _exact(value: Any) -> Any:
    """A number, or a text that is one, as the decimal that was written."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError("expected a number")
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        raise ValueError("expected a plain number") from None
    # A float keeps 15 digits of what was written; beyond that an amount would change silently.
    if isinstance(value, float) and len(number.normalize().as_tuple().digits) > 15:
        raise ValueError("more than 15 digits: write the number in quotes, it is then kept exactly")
    return number


def duration_ns(text: str) -> int | None:
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    return int(Decimal(match[1]) * _UNIT_S[match[2]] * 1_000_000_000)


def _is_duration(text: str) -> str:
    if not duration_ns(text):
        raise ValueError("expected a length of time above 0 such as 1m, 6.5h or 1d")
    return text


Amount: TypeAlias = Annotated[Decimal, BeforeValidator(_exact), Field(lt=MAGNITUDE_MAX)]
"""An exact number; in files a number, or text where more than 15 digits matter."""
Weight: TypeAlias = Annotated[Amount, Field(ge=0, le=100, decimal_places=4)]
"""Percent of the capital; weights are made in millionths."""
Rate: TypeAlias = Annotated[Amount, Field(ge=0, le=100, decimal_places=7)]
"""Percent that becomes a fraction with nine decimals."""
Limit: TypeAlias = Annotated[Amount, Field(ge=0, decimal_places=9)]
"""An amount or a multiple that is a greatest value."""
Duration: TypeAlias = Annotated[
    str,
    AfterValidator(_is_duration),
    Field(description="a number and s, m, h or d, e.g. 1m, 6.5h, 1d"),
]
Identifier: TypeAlias = Annotated[str, Field(min_length=1, max_length=128)]


def by_tag(key: str, default: str = "", *, with_colon: str = "") -> Discriminator:
    """Picks a model by one key. The # keeps the tag apart from keys in places of faults.

    Args:
        with_colon: tag of the model for import paths.
    """

    def choose(value: Any) -> str | None:
        content = as_map(value)
        found = getattr(value, key, None) if content is None else content.get(key, default)
        if not isinstance(found, str) or not found:
            return None
        return f"#{with_colon}" if with_colon and ":" in found else f"#{found}"

    return Discriminator(choose)
