"""pydantic's errors as sentences, for a model with one field of each kind."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from orchestrion.adapters.settings.fault import Faults
from orchestrion.adapters.settings.translation import add_faults


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)
    needed: int
    """How many of them."""


class Sample(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    truth: bool = True
    whole: int = Field(default=4, ge=2, le=8)
    even: int = Field(default=4, multiple_of=2)
    number: float = Field(default=1.0, gt=0, lt=9)
    amount: Decimal = Field(default=Decimal(1), max_digits=5)
    text: str = Field(default="aa", min_length=2, max_length=3)
    word: Literal["red", "green"] = "red"
    fixed: Literal[1] = 1
    day: date = date(2014, 1, 3)
    moment: AwareDatetime | None = None
    many: tuple[int, ...] = Field(default=(1,), min_length=1, max_length=2)
    code: Annotated[str, Field(pattern="^x")] = "x"
    inner: Inner | None = None
    by_name: dict[str, Inner] = {}


TIME = "expected a time with its zone, such as 2024-03-15T13:30:00Z"
NOTHING = ": nothing stands under this key; indent the lines that belong to it, or drop it"

TABLE: list[tuple[str, Any, str, str]] = [
    ("truth", "true", "truth", "expected true or false: write true without quotes"),
    ("truth", "off", "truth", "expected true or false: write false without quotes"),
    ("truth", 1, "truth", "expected true or false"),
    ("whole", "6", "whole", "expected a whole number, without quotes"),
    ("whole", "6%", "whole", "expected a whole number: write 6 without the percent sign"),
    ("whole", "six", "whole", "expected a whole number"),
    ("whole", 5.0, "whole", "expected a whole number"),
    ("whole", 1, "whole", "expected at least 2"),
    ("whole", 10, "whole", "expected at most 8"),
    ("even", 5, "even", "expected a multiple of 2"),
    ("number", 0, "number", "expected a number above 0.0"),
    ("number", 9, "number", "expected a number below 9.0"),
    ("number", None, "number", "expected a number"),
    ("amount", 123456, "amount", "Decimal input should have no more than 5 digits in total"),
    ("text", 5, "text", "expected text: put it in quotes"),
    ("text", None, "text", "expected text"),
    ("text", "a", "text", "expected at least 2 characters"),
    ("text", "aaaa", "text", "expected at most 3 characters"),
    ("word", "redd", "word", "expected one of red, green; did you mean red?"),
    ("word", "zzz", "word", "expected one of red, green"),
    ("fixed", 2, "fixed", "expected 1"),
    ("day", "3.1.2014", "day", "expected a day such as 2014-01-03"),
    ("moment", "2014-01-03T00:00:00", "moment", TIME),
    ("many", "5", "many", "expected a list: write [5]"),
    ("many", 5, "many", "expected a list"),
    ("many", None, "many", f"expected a list{NOTHING}"),
    ("many", [], "many", "expected at least 1"),
    ("many", [1, 2, 3], "many", "expected at most 2"),
    ("many", [1, "2"], "many.1", "expected a whole number, without quotes"),
    ("code", "y", "code", "expected text of the form ^x"),
    ("inner", {}, "inner.needed", "expected: How many of them"),
    ("inner", {"needed": 1, "neded": 2}, "inner.neded", "did you mean needed?"),
    ("by_name", [], "by_name", "expected a map of keys and values, not a list: drop the dashes"),
    ("by_name", {"a": {"zzz": 2, "needed": 1}}, "by_name.a.zzz", "the known keys are: needed"),
]  # fmt: skip


def faults_of(content: dict[str, Any], faults: Faults) -> None:
    with pytest.raises(ValidationError) as raised:
        Sample.model_validate_json(json.dumps(content))
    add_faults(raised.value, Sample, ("base",), faults)


@pytest.mark.parametrize(("key", "value", "path", "expected"), TABLE)
def test_expectation_table(key: str, value: object, path: str, expected: str) -> None:
    faults = Faults({})
    faults_of({key: value}, faults)
    (fault,) = faults.found()
    assert (fault.path, fault.expected) == (f"base.{path}", expected)


def test_what_is_known_to_be_wrong_is_not_told_again() -> None:
    faults = Faults({})
    faults.add(("base", "number"), "not a finite number", "write a number")
    faults_of({"number": None, "whole": "x"}, faults)
    assert [one.path for one in faults.found()] == ["base.number", "base.whole"]
