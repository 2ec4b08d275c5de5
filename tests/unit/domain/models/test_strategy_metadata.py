"""What a strategy says about itself: only the id is required, and nothing wrong gets in."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from orchestrion.domain.models.strategy_metadata import Horizon, StrategyMetadata


def test_only_the_id_is_required() -> None:
    metadata = StrategyMetadata(id="OPTIONS_01")
    assert (metadata.id, metadata.priority, metadata.depends_on) == ("OPTIONS_01", 0, ())
    assert (metadata.leverage, metadata.minimum_capital) == (1.0, 0.0)
    assert metadata.horizon is None


@pytest.mark.parametrize("name", ["a", "A.b-c_9", "x" * 128])
def test_id_can_stand_in_orders_and_log_lines(name: str) -> None:
    assert StrategyMetadata(id=name).id == name


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"id": ""},
        {"id": "x" * 129},
        {"id": "two words"},
        {"id": "core:coordinator"},
        {"id": "tail\n"},
        {"id": "ä"},
        {"id": "RESERVE"},
        {"id": "EXTERNAL"},
        {"id": "a", "leverage": 0},
        {"id": "a", "leverage": float("nan")},
        {"id": "a", "leverage": float("inf")},
        {"id": "a", "minimum_capital": -1},
        {"id": "a", "priority": "high"},
        {"id": "a", "priorty": 1},
        {"id": "a", "horizon": "years"},
    ],
)
def test_unusable_field_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        StrategyMetadata(**fields)


def test_reserved_book_is_named_in_the_refusal() -> None:
    with pytest.raises(ValidationError, match="'RESERVE' is the name of a book of the account"):
        StrategyMetadata(id="RESERVE")


def test_metadata_is_frozen() -> None:
    metadata = StrategyMetadata(id="a")
    with pytest.raises(ValidationError):
        metadata.priority = 3
    assert metadata.priority == 0


@pytest.mark.parametrize("horizon", list(Horizon))
def test_horizon_is_declared_by_its_name(horizon: Horizon) -> None:
    assert StrategyMetadata.model_validate({"id": "a", "horizon": horizon.value}).horizon is horizon
