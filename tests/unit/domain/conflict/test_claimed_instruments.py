"""EXCLUSIVE_INSTRUMENT and LEVERAGE_MISMATCH: what belongs to whom, and who has set it up."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.conflict import (
    ConflictPolicies,
    ConflictPolicy,
    InstrumentClaims,
    instrument_claims,
)
from orchestrion.domain.margin.leverage_claim import LeverageClaim, MarginMode
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from tests.fakes_conflict import details, figures, outcome, resolve, told

PRIORITY, REJECT_ALL, ALLOW = (
    ConflictPolicy.PRIORITY,
    ConflictPolicy.REJECT_ALL,
    ConflictPolicy.ALLOW,
)
A_OWNS_X = InstrumentClaims({"X": "a"})


def claim(strategy_id: str, leverage: int | None, mode: MarginMode | None = None) -> LeverageClaim:
    return LeverageClaim(
        strategy_id=strategy_id,
        instrument_id="X",
        leverage=None if leverage is None else Decimal(leverage),
        margin_mode=mode,
    )


# -- a strategy's own claim -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "becomes"),
    [
        ("a+X", "ok"),
        ("b+X", "CONFLICT"),
        ("b+Y", "ok"),
        ("b+Y+X", "CONFLICT"),
        ("b+X a+X", "CONFLICT ok"),
        ("b-X!", "ok"),
    ],
)
def test_declared_instrument_is_its_owners_alone(words: str, becomes: str) -> None:
    for policy in (PRIORITY, REJECT_ALL):
        policies = ConflictPolicies(exclusive_instrument=policy)
        assert outcome(resolve(words, policies, claims=A_OWNS_X)) == becomes
    allowed = resolve(words, ConflictPolicies(exclusive_instrument=ALLOW), claims=A_OWNS_X)
    assert outcome(allowed) == " ".join("ok" for _ in words.split())
    assert len(allowed.events) == becomes.count("CONFLICT")


def test_owner_is_named() -> None:
    resolution = resolve("b+X", claims=A_OWNS_X)
    assert details(resolution) == ["priority: X belongs to a"]
    assert told(resolution) == ["EXCLUSIVE_INSTRUMENT X [a b]: refused: b"]


def test_owner_beats_a_higher_priority() -> None:
    resolution = resolve("b+X a-X", claims=A_OWNS_X, priorities={"b": 9})
    assert outcome(resolution) == "CONFLICT ok"


def test_claims_come_from_metadata_in_rank_order() -> None:
    metadata = [
        StrategyMetadata(id="a", exclusive_instruments=("X", "Y")),
        StrategyMetadata(id="b", exclusive_instruments=("Y", "Z")),
        StrategyMetadata(id="c"),
    ]
    assert dict(instrument_claims(metadata).owner_by_id) == {"X": "a", "Y": "a", "Z": "b"}


# -- exclusive by configuration -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "working", "holders", "becomes"),
    [
        # Whoever holds it, or else works an order in it, owns it.
        ("b+X", "", "a", "CONFLICT"),
        ("b+X", "", "b", "ok"),
        ("b+X", "", "a b", "CONFLICT"),
        ("a+X b+X", "", "a b", "ok CONFLICT"),
        ("b+X", "a+X*2", "", "CONFLICT"),
        ("b+X", "a+X*2", "b", "ok"),
        ("b+X", "b+X*2", "", "ok"),
        ("b-X!", "", "a b", "ok"),
        # Nobody's yet: the better one of the round gets it.
        ("a+X", "", "", "ok"),
        ("a+X b+X", "", "", "ok CONFLICT"),
        ("a+X a+X*2 b+X", "", "", "ok ok CONFLICT"),
        ("a+Y b+Y", "", "", "ok ok"),
    ],
)
def test_exclusive_instrument_is_for_whoever_is_there_first(
    words: str, working: str, holders: str, becomes: str
) -> None:
    policies = ConflictPolicies(exclusive_instruments=("X",))
    resolution = resolve(
        words, policies, working=working, instruments={"X": figures(holders=holders.split())}
    )
    assert outcome(resolution) == becomes


def test_of_two_holders_the_one_with_priority_owns() -> None:
    policies = ConflictPolicies(exclusive_instruments=("X",))
    options = {"X": figures(holders=["a", "b"])}
    resolution = resolve("a+X b+X", policies, priorities={"b": 1}, instruments=options)
    assert outcome(resolution) == "CONFLICT ok"


def test_nobodys_instrument_is_refused_to_all_by_reject_all() -> None:
    policies = ConflictPolicies(exclusive_instrument=REJECT_ALL, exclusive_instruments=("X",))
    resolution = resolve("a+X b+X c+X c+Y", policies)
    assert outcome(resolution) == "CONFLICT CONFLICT CONFLICT ok"
    assert told(resolution) == [
        "EXCLUSIVE_INSTRUMENT X [a b]: refused: a, b",
        "EXCLUSIVE_INSTRUMENT X [a b c]: refused: a, b, c",
    ]


# -- leverage -------------------------------------------------------------------------------------

CLAIMS = instrument_claims((), [claim("a", 2), claim("b", 3), claim("c", 2), claim("d", None)])


@pytest.mark.parametrize(
    ("words", "working", "holders", "becomes"),
    [
        ("b+X", "", "", "ok"),
        ("b+X", "", "a", "CONFLICT"),
        ("c+X", "", "a", "ok"),
        ("d+X e+X", "", "a", "ok ok"),
        ("b+X", "a+X*2", "", "CONFLICT"),
        ("b-X!", "", "a b", "ok"),
        # Whoever does not mind sets nothing.
        ("b+X", "", "d", "ok"),
        ("a+X b+X c+X", "", "", "ok CONFLICT ok"),
        ("b+X a+X c+X", "", "", "ok CONFLICT CONFLICT"),
        # Both are in it: the first of them has set it.
        ("a+X b+X", "", "b a", "CONFLICT ok"),
        ("a+Y b+Y", "", "", "ok ok"),
    ],
)
def test_leverage_is_as_who_is_there_has_set_it(
    words: str, working: str, holders: str, becomes: str
) -> None:
    resolution = resolve(
        words,
        working=working,
        claims=CLAIMS,
        instruments={"X": figures(holders=holders.split())},
    )
    assert outcome(resolution) == becomes


def test_leverage_that_clashes_is_refused_to_all_by_reject_all_and_told_by_allow() -> None:
    for policy, becomes in ((REJECT_ALL, "CONFLICT CONFLICT CONFLICT"), (ALLOW, "ok ok ok")):
        policies = ConflictPolicies(leverage_mismatch=policy)
        resolution = resolve("a+X b+X c+X", policies, claims=CLAIMS)
        assert outcome(resolution) == becomes
        assert {one.conflict_type for one in resolution.events} == {"LEVERAGE_MISMATCH"}


def test_who_was_refused_in_another_conflict_sets_no_leverage() -> None:
    """a and e fall together; b's limit lies below e's, so it meets neither of them."""
    policies = ConflictPolicies(opposing_sides=REJECT_ALL)
    resolution = resolve("a+X@11 e-X@10 b+X@9", policies, claims=CLAIMS)
    assert outcome(resolution) == "CONFLICT CONFLICT ok"


def test_other_setting_is_named() -> None:
    resolution = resolve("a+X b+X", claims=CLAIMS)
    assert details(resolution) == [
        "priority: a has another leverage or margin mode for X",
    ]
    assert told(resolution) == ["LEVERAGE_MISMATCH X [a b]: refused: b"]


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        (claim("a", 2), claim("b", 2), False),
        (claim("a", 2), claim("b", 3), True),
        (claim("a", 2), claim("b", None), False),
        (claim("a", 2), claim("a", 3), False),
        (claim("a", None, MarginMode.CROSS), claim("b", 2, MarginMode.ISOLATED), True),
        (claim("a", None, MarginMode.CROSS), claim("b", 2, MarginMode.CROSS), False),
        (claim("a", 2, MarginMode.CROSS), claim("b", 2), False),
    ],
)
def test_claims_clash_when_one_setting_cannot_serve_both(
    one: LeverageClaim, other: LeverageClaim, *, clash: bool
) -> None:
    assert ("X" in instrument_claims((), [one, other]).clashing_by_id) is clash
