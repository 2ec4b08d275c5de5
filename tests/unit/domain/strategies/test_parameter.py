"""Parameters in words."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import pytest
from pydantic import BaseModel, ValidationError

from orchestrion.domain.strategies.parameter import (
    StrategyParameters,
    describe,
    exact,
    parameter,
    typed,
)


class _Model(StrategyParameters):
    count: int = parameter(3, unit="lots", ge=1, lt=10, description="how many")
    share: float = parameter(0.5, unit="fraction", gt=0, description="how much")
    flag: bool = parameter(True, unit="choice", description="whether")
    names: tuple[str, ...] = parameter(("A",), unit="ids", description="which")
    side: Literal["long", "short"] = parameter("long", unit="choice", description="where")


def test_types_and_bounds_are_told_in_words() -> None:
    assert [(one.name, one.type, one.default, one.unit) for one in describe(_Model)] == [
        ("count", "whole number, at least 1, below 10", 3, "lots"),
        ("share", "number, above 0", 0.5, "fraction"),
        ("flag", "true or false", True, "choice"),
        ("names", "list of text", ("A",), "ids"),
        ("side", "one of long, short", "long", "choice"),
    ]


def test_model_without_parameters_has_no_descriptions() -> None:
    assert describe(StrategyParameters) == ()


def test_field_of_a_users_own_model_is_described_as_far_as_it_goes() -> None:
    class Foreign(BaseModel):
        anything: object = None

    (one,) = describe(Foreign)
    assert (one.type, one.unit, one.description) == ("value", "", "")


@pytest.mark.parametrize("config", [{"count": True}, {"count": "3"}, {"count": 3.0}, {"flag": 1}])
def test_slip_of_type_is_refused(config: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        _Model.model_validate(config)


def test_whole_number_fits_where_a_number_is_asked_for() -> None:
    assert _Model.model_validate({"share": 2}).share == 2.0


def test_exact_is_the_decimal_that_was_written() -> None:
    assert exact(0.1) == Decimal("0.1")
    assert exact(2) == Decimal(2)


def test_typed_refuses_another_model() -> None:
    with pytest.raises(ValueError, match="needs parameters of type _Model, got StrategyParameters"):
        typed(StrategyParameters(), _Model)
