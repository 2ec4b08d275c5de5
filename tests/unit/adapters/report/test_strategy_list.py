"""The list of strategies: every parameter with type, default and unit."""

from __future__ import annotations

import io
import json
from decimal import Decimal

from pydantic import BaseModel
from rich.console import Console

from orchestrion.adapters.report.strategy_list import describe_strategies, render_strategies
from orchestrion.adapters.settings import library
from orchestrion.domain.models.strategy import Strategy


class Parameters(BaseModel):
    amount: Decimal = Decimal("0.10")
    names: tuple[str, ...] = ("A", "B")
    is_on: bool = True


class Mine(Strategy):
    """Does nothing, slowly.

    More words that a list has no room for.
    """

    Parameters = Parameters


def printed(strategies: dict[str, type[Strategy]]) -> str:
    stream = io.StringIO()
    described = describe_strategies(strategies)
    Console(file=stream, width=80, highlight=False).print(render_strategies(described))
    return stream.getvalue()


def test_every_library_parameter_has_type_and_unit() -> None:
    for one in describe_strategies(library()):
        assert one["description"]
        for parameter in one["parameters"]:
            assert parameter["type"] != "value", (one["name"], parameter["name"])
            assert parameter["unit"], (one["name"], parameter["name"])


def test_description_of_the_library_is_plain_data() -> None:
    described = describe_strategies(library())
    assert json.loads(json.dumps(described)) == described
    assert [one["name"] for one in described] == list(library())


def test_users_strategy_is_described_by_its_first_line() -> None:
    described = describe_strategies({"m:Mine": Mine})
    assert described[0]["description"] == "Does nothing, slowly."


def test_defaults_are_shown_as_a_file_writes_them() -> None:
    text = printed({"m:Mine": Mine})
    assert "amount = 0.10" in text
    assert "names = A, B" in text
    assert "is_on = true" in text


def test_strategy_without_parameters_has_only_a_heading() -> None:
    assert printed({"m:Idle": Strategy}).split("\n")[0] == "m:Idle"
    assert "=" not in printed({"m:Idle": Strategy})


def test_list_fits_into_80_columns() -> None:
    assert max(map(len, printed(dict(library())).splitlines())) <= 80
