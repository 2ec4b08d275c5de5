"""When the conflict rules need figures of the account, and when they do without."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.conflict import (
    NO_CLAIMS,
    ConflictPolicies,
    InstrumentClaims,
    instrument_claims,
    needs_screening,
)
from orchestrion.domain.margin.leverage_claim import LeverageClaim
from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.orchestration.proposal import Checked, HeldProposal, Proposal
from tests.fakes_conflict import proposal, resting, round_of
from tests.fakes_rules import cancel

CONCENTRATION = ConflictPolicies(concentration_max_fraction=Decimal("0.5"))
EXCLUSIVE = ConflictPolicies(exclusive_instruments=("X",))
CLASHING = instrument_claims(
    (),
    [
        LeverageClaim(strategy_id=one, instrument_id="X", leverage=Decimal(leverage))
        for one, leverage in (("a", 2), ("b", 3))
    ],
)


@pytest.mark.parametrize(
    ("words", "working", "policies", "claims", "expected"),
    [
        ("a+X", "", ConflictPolicies(), NO_CLAIMS, False),
        ("a+X a-Y a+X*2", "", ConflictPolicies(), NO_CLAIMS, False),
        ("a+X", "a-X b+Y", ConflictPolicies(), NO_CLAIMS, False),
        ("a+X", "b+X", ConflictPolicies(), NO_CLAIMS, True),
        ("a+X", "b+Y-X", ConflictPolicies(), NO_CLAIMS, True),
        ("a-X!", "b+X", ConflictPolicies(), NO_CLAIMS, True),
        ("a+X b+Y", "", ConflictPolicies(), NO_CLAIMS, True),
        ("a+X", "", CONCENTRATION, NO_CLAIMS, True),
        ("a-X!", "", CONCENTRATION, NO_CLAIMS, False),
        ("a+X", "", EXCLUSIVE, NO_CLAIMS, True),
        ("a+Y", "", EXCLUSIVE, NO_CLAIMS, False),
        ("a+X", "", ConflictPolicies(), CLASHING, True),
        ("a+Y", "", ConflictPolicies(), CLASHING, False),
        # Who owns an instrument by his own word needs no figures.
        ("a+X", "", ConflictPolicies(), InstrumentClaims({"X": "b"}), False),
    ],
)
def test_one_strategy_by_itself_needs_no_figures(
    words: str,
    working: str,
    policies: ConflictPolicies,
    claims: InstrumentClaims,
    *,
    expected: bool,
) -> None:
    found = needs_screening(round_of(words), resting(working), policies, claims=claims)
    assert found is expected


def test_cancels_need_no_figures() -> None:
    checked: list[Checked] = [
        Proposal(one, 0, cancel("W0", owner=one), is_exit=True) for one in ("a", "b")
    ]
    assert not needs_screening(checked, resting("b+X"), CONCENTRATION)


@pytest.mark.parametrize(("owner", "expected"), [("a", True), ("b", False)])
def test_what_waits_of_the_same_strategy_counts(owner: str, *, expected: bool) -> None:
    command = proposal(f"{owner}+Y").command
    assert isinstance(command, SubmitOrder)
    held = [HeldProposal(owner, 0, command, is_exit=False, waits_for=("W0",))]
    found = needs_screening(round_of("a+X"), {}, ConflictPolicies(), held=held)
    assert found is expected
