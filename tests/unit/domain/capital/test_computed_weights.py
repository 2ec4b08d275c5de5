"""Weights as a value: sums, amounts to the cent, records that are checked."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from orchestrion.domain.capital.computed_weights import (
    ComputedWeights,
    amounts_of,
    disagreement,
)
from orchestrion.domain.errors import ConfigurationError


def weights(*fractions: str, reserve: str = "0") -> ComputedWeights:
    return ComputedWeights(
        strategy_ids=tuple("abcdef"[: len(fractions)]),
        fractions=tuple(Decimal(one) for one in fractions),
        reserve_fraction=Decimal(reserve),
        method="test",
    )


def test_amounts_give_out_every_cent_once() -> None:
    amounts = amounts_of(weights("0.3", "0.3", "0.3", reserve="0.1"), Decimal("100.01"))
    # 30.003 each and 10.001: the cent left over goes to the first of the greatest remainders.
    assert amounts == {"a": Decimal("30.01"), "b": Decimal("30.00"), "c": Decimal("30.00")}


def test_amounts_are_in_rank_order() -> None:
    both = ComputedWeights(
        strategy_ids=("z", "a"),
        fractions=(Decimal("0.5"), Decimal("0.5")),
        reserve_fraction=Decimal(0),
        method="test",
    )
    assert list(amounts_of(both, Decimal("0.01")).items()) == [
        ("z", Decimal("0.01")),
        ("a", Decimal("0.00")),
    ]


def test_part_of_a_cent_stays_in_the_reserve() -> None:
    assert amounts_of(weights("1"), Decimal("10.019")) == {"a": Decimal("10.01")}


def test_no_capital_gives_everybody_nothing() -> None:
    assert amounts_of(weights("0.5", "0.5"), Decimal(0)) == {"a": Decimal(0), "b": Decimal(0)}


@pytest.mark.parametrize("capital", ["-0.01", "NaN", "Infinity"])
def test_unusable_capital_is_refused(capital: str) -> None:
    with pytest.raises(ConfigurationError, match="total_capital"):
        amounts_of(weights("1"), Decimal(capital))


@pytest.mark.parametrize(
    ("fractions", "reserve", "message"),
    [
        (("0.5", "0.4"), "0", "must sum to 1, they sum to 0.9"),
        (("0.5", "0.6"), "0", "must sum to 1, they sum to 1.1"),
        (("1.5", "-0.5"), "0", "weight of b must be >= 0"),
        (("1.5",), "-0.5", "weight of the reserve must be >= 0"),
        (("NaN",), "0", "weight of a must be >= 0"),
        ((), "1", "one fraction per strategy"),
    ],
)
def test_weights_that_do_not_fit_together_are_refused(
    fractions: tuple[str, ...], reserve: str, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        weights(*fractions, reserve=reserve)


def test_weights_survive_the_record() -> None:
    before = weights("0.25", "0.5", reserve="0.25")
    record = msgspec.json.encode(before)
    assert msgspec.json.decode(record, type=ComputedWeights) == before


def test_record_that_was_tampered_with_is_refused() -> None:
    record = msgspec.json.encode(weights("0.25", "0.75")).replace(b"0.75", b"0.76")
    with pytest.raises(msgspec.ValidationError, match="sum to 1"):
        msgspec.json.decode(record, type=ComputedWeights)


def test_recomputation_within_two_steps_agrees() -> None:
    other = weights("0.500002", "0.499998")
    assert disagreement(weights("0.5", "0.5"), other) == ""
    assert "weight of a was recorded as 0.5, recomputed as 0.500003" in disagreement(
        weights("0.5", "0.5"), weights("0.500003", "0.499997")
    )


def test_recomputation_by_another_way_disagrees() -> None:
    recorded = weights("0.5", "0.5")
    other = msgspec.structs.replace(recorded, sample_count=61)
    assert disagreement(recorded, other) == "sample_count was recorded as 0, recomputed as 61"
