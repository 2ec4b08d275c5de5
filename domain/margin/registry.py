"""Margin models by name, as a value: what the configuration of an account chooses from.

    MarginModels().build("strategy_based", {"option": {"long_dated_fraction": "0.80"}})

A registry never changes: ``with_model`` answers with another one that knows a further name, so
nothing that one run registers is seen by another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias, TypeVar, cast

import msgspec

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.margin.cash_account import CashAccountModel
from orchestrion.domain.margin.instrument_rates import InstrumentRatesModel
from orchestrion.domain.margin.reg_t import RegTModel
from orchestrion.domain.margin.requirement import MarginModel
from orchestrion.domain.margin.span_model import SpanModel
from orchestrion.domain.margin.strategy_based import StrategyBasedModel

Settings: TypeAlias = Mapping[str, object]
ModelBuilder: TypeAlias = Callable[[Settings], MarginModel]
"""Makes a model of its settings, or raises ConfigurationError."""

_ModelT = TypeVar("_ModelT")

INSTRUMENT_RATES = "instrument_rates"
CASH = "cash"
REG_T = "reg_t"
STRATEGY_BASED = "strategy_based"
SPAN = "span"


class MarginModels:
    """Builders by name. Iteration is in order of registration."""

    __slots__ = ("_builders",)

    def __init__(self, builders: Mapping[str, ModelBuilder] | None = None) -> None:
        """
        Args:
            builders: instead of the built-in ones.
        """
        self._builders = MappingProxyType(dict(BUILT_IN if builders is None else builders))

    def __iter__(self) -> Iterator[str]:
        return iter(self._builders)

    def with_model(self, name: str, builder: ModelBuilder) -> MarginModels:
        """A registry that also knows ``name``.

        Raises:
            ConfigurationError: an empty name, one that is taken, or something that is no function.
        """
        if not name or name in self._builders:
            raise ConfigurationError(
                f"a margin model cannot be called {name!r}: the name is empty or taken"
            )
        if not callable(builder):
            raise ConfigurationError(f"margin model {name!r} is not a function: {builder!r}")
        return MarginModels({**self._builders, name: builder})

    def build(self, name: str, settings: Settings = MappingProxyType({})) -> MarginModel:
        """The model of that name with its settings; numbers as text, whole numbers or decimals.

        Raises:
            ConfigurationError: no such model, or a setting that it cannot use; the message names
                the key.
        """
        builder = self._builders.get(name)
        if builder is None:
            raise ConfigurationError(
                f"no margin model is called {name!r}, there are {', '.join(self._builders)}"
            )
        try:
            return builder(settings)
        except ConfigurationError as error:
            raise ConfigurationError(f"margin model {name!r}: {error}") from error


def _refuse_floats(value: object, path: str) -> None:
    """0.1 as a float is not a tenth; whoever reads a file must hand over what is written there."""
    if isinstance(value, float):
        raise ConfigurationError(f"{path}: write {value!r} as text or a decimal, not as a float")
    if isinstance(value, Mapping):
        for key, item in cast("Mapping[object, object]", value).items():
            _refuse_floats(item, f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(cast("Sequence[object]", value)):
            _refuse_floats(item, f"{path}[{number}]")


def _builder_of(model: type[_ModelT]) -> Callable[[Settings], _ModelT]:
    """A builder that reads the model's own fields, and refuses any other key."""

    def build(settings: Settings) -> _ModelT:
        _refuse_floats(settings, "$")
        try:
            return msgspec.convert(dict(settings), model)
        except msgspec.ValidationError as error:
            raise ConfigurationError(str(error)) from error

    return build


BUILT_IN: Mapping[str, ModelBuilder] = MappingProxyType(
    {
        INSTRUMENT_RATES: _builder_of(InstrumentRatesModel),
        CASH: _builder_of(CashAccountModel),
        REG_T: _builder_of(RegTModel),
        STRATEGY_BASED: _builder_of(StrategyBasedModel),
        SPAN: _builder_of(SpanModel),
    }
)
