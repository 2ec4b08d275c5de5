"""Synergies are claimed with evidence, and not without."""

from __future__ import annotations

import pytest

from orchestrion.domain.compatibility.evidence import Evidence
from orchestrion.domain.compatibility.lineup import DEFAULT_SETTINGS
from orchestrion.domain.compatibility.report import Synergy, SynergyKind
from orchestrion.domain.compatibility.synergy import synergies
from tests.unit.domain.compatibility.lineup_builders import candidate, lineup, noise, past

DAYS = 200
BASE = noise(1, DAYS)


def found(one: tuple[float, ...], other: tuple[float, ...]) -> dict[SynergyKind, Synergy]:
    made = lineup(candidate("A"), candidate("B"), histories={"A": past(one), "B": past(other)})
    return {each.kind: each for each in synergies(Evidence(made, DEFAULT_SETTINGS))}


def hedge(size: float = 1.0, disturbance: float = 0.2) -> tuple[float, ...]:
    return tuple(-size * a + disturbance * b for a, b in zip(BASE, noise(2, DAYS), strict=True))


def test_hedge_has_every_kind_of_evidence() -> None:
    kinds = found(BASE, hedge())
    assert set(kinds) == set(SynergyKind)
    downside = kinds[SynergyKind.DOWNSIDE_HEDGE]
    assert downside.strategy_ids == ("A", "B")
    assert downside.samples == DAYS
    assert "over 200 daily returns (201 common days), both lost in" in downside.message
    cushion = kinds[SynergyKind.CUSHION]
    assert (cushion.strategy_ids, cushion.samples) == (("B", "A"), DAYS // 10)
    assert cushion.value > 0
    assert kinds[SynergyKind.DRAWDOWN_OFFSET].value < 0.4
    assert "diversification ratio" in kinds[SynergyKind.DIVERSIFICATION].message


def test_copies_have_none() -> None:
    assert found(BASE, BASE) == {}


def test_unrelated_strategies_diversify_and_do_not_hedge() -> None:
    kinds = found(BASE, noise(2, DAYS))
    assert SynergyKind.DIVERSIFICATION in kinds
    assert SynergyKind.DOWNSIDE_HEDGE not in kinds
    assert SynergyKind.CUSHION not in kinds


@pytest.mark.parametrize("days", [59, 0])
def test_too_little_history_claims_nothing(days: int) -> None:
    assert found(BASE[:days], hedge()[:days]) == {}


def test_cushion_needs_ten_worst_periods() -> None:
    assert SynergyKind.CUSHION not in found(BASE[:99], hedge()[:99])
    assert SynergyKind.CUSHION in found(BASE[:100], hedge()[:100])
