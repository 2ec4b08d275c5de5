"""CAPITAL, MARGIN, POSITION_LIMIT, CONCENTRATION: together more than the account has left.

A unit needs 10 of capital unless a test says otherwise.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from orchestrion.domain.conflict import (
    CommandFigures,
    ConflictPolicies,
    ConflictPolicy,
    ConflictType,
    Resolution,
    RoundContext,
    StrategyFigures,
    resolve_conflicts,
)
from orchestrion.domain.models.command import RefusalCode
from tests.fakes_conflict import details, figures, outcome, resolve, round_of, told

PRIORITY, REJECT_ALL, SCALE, ALLOW = (
    ConflictPolicy.PRIORITY,
    ConflictPolicy.REJECT_ALL,
    ConflictPolicy.SCALE_PRO_RATA,
    ConflictPolicy.ALLOW,
)


def policies_of(kind: ConflictType, policy: ConflictPolicy, **options: Any) -> ConflictPolicies:
    return ConflictPolicies.choose({kind: policy}, **options)


def fates(resolution: Resolution) -> str:
    """Outcomes; ``alone`` is what the account has no room for whatever the others do."""
    return re.sub("ACCOUNT_MARGIN_EXCEEDED|LIMIT_EXCEEDED", "alone", outcome(resolution))


# -- capital and margin, which differ in the bound alone ------------------------------------------

CAPITAL_ROUNDS = [
    # words, free, priority, reject_all, scale_pro_rata
    ("a+X*4 b+X*6", 100, "ok ok", "ok ok", "ok ok"),
    ("a+X*6 b+X*6", 100, "ok CONFLICT", "CONFLICT CONFLICT", "5 5"),
    ("a+X*6 b+X*6 c+Y*4", 100, "ok CONFLICT ok", "CONFLICT CONFLICT CONFLICT", "4 4 2"),
    ("a+X*3 b+X*3 c+X*3", 60, "ok ok CONFLICT", "CONFLICT CONFLICT CONFLICT", "2 2 2"),
    ("a+X*5 b+X*3", 50, "ok CONFLICT", "CONFLICT CONFLICT", "3 2"),
    # Rounding wipes nobody out as long as one unit fits.
    ("a+X*1 b+X*9", 50, "ok alone", "ok alone", "ok 4"),
    ("a+X*3 b+X*3 c+X*3", 20, "alone alone alone", "alone alone alone", "1 1 CONFLICT"),
    # Exits need nothing and are never cut.
    ("a+X*6 b-Y*9! c+X*6", 100, "ok ok CONFLICT", "CONFLICT ok CONFLICT", "5 ok 5"),
    # Alone too large: it takes no part, unless it can be cut.
    ("a+X*20 b+X*6", 100, "alone ok", "alone ok", "7 3"),
    ("a+X*20", 100, "alone", "alone", "alone"),
    # One strategy's own orders are no conflict, however many; what fits goes on.
    ("a+X*6 a+X*5", 100, "ok alone", "ok alone", "ok alone"),
    ("a+X*20 a+X*5", 100, "alone ok", "alone ok", "alone ok"),
]


@pytest.mark.parametrize(("words", "free", "priority", "reject_all", "scaled"), CAPITAL_ROUNDS)
@pytest.mark.parametrize(
    ("kind", "bound"), [(ConflictType.CAPITAL, "free"), (ConflictType.MARGIN, "margin_room")]
)
def test_capital_that_does_not_do_for_all(
    kind: ConflictType,
    bound: str,
    words: str,
    free: int,
    priority: str,
    reject_all: str,
    scaled: str,
) -> None:
    room: dict[str, Any] = {bound: free}
    assert fates(resolve(words, **room)) == priority
    assert fates(resolve(words, policies_of(kind, REJECT_ALL), **room)) == reject_all
    assert fates(resolve(words, policies_of(kind, SCALE), **room)) == scaled
    allowed = resolve(words, policies_of(kind, ALLOW), **room)
    assert fates(allowed) == priority.replace("CONFLICT", "ok")
    assert bool(allowed.events) is ("CONFLICT" in priority)


def test_capital_goes_by_priority_before_rank() -> None:
    resolution = resolve("a+X*6 b+X*6", free=100, priorities={"b": 1})
    assert outcome(resolution) == "CONFLICT ok"


@pytest.mark.parametrize(
    ("kind", "room", "words"),
    [
        ("CAPITAL", {"free": 100}, "100.00 of the account is free, 120.00 would be needed with a"),
        (
            "MARGIN",
            {"margin_room": 100},
            "the account may bind 100.00 more and would 120.00 with a",
        ),
    ],
)
def test_loser_is_told_the_figures_and_who_has_the_room(
    kind: str, room: dict[str, Any], words: str
) -> None:
    resolution = resolve("a+X*6 b+X*6", **room)
    assert details(resolution) == [f"priority: {words}"]
    assert told(resolution) == [f"{kind} [a b]: refused: b"]
    resolution = resolve("a+X*6 b+X*6 c+X*9", policies_of(ConflictType(kind), SCALE), **room)
    assert outcome(resolution) == "3 3 4"
    assert told(resolution) == [f"{kind} [a b c]: scaled: a, b, c"]


def test_refusal_of_what_scaling_leaves_nothing_of_says_so() -> None:
    resolution = resolve("a+X*3 b+X*3 c+X*3", policies_of(ConflictType.CAPITAL, SCALE), free=20)
    assert details(resolution) == [
        "scale_pro_rata: no whole unit fits, 20.00 of the account is free, 90.00 would be needed"
    ]
    assert told(resolution) == ["CAPITAL [a b c]: scaled: a, b; refused: c"]


def test_scaled_command_says_what_was_asked_for() -> None:
    resolution = resolve("a+X*4-Y*6 b+Z*10", policies_of(ConflictType.CAPITAL, SCALE), free=100)
    assert outcome(resolution) == "2+3 5"
    assert [getattr(one, "scaled_from", ()) for one in resolution.checked] == [(4, 6), (10,)]


@pytest.mark.parametrize(
    ("words", "free", "scaled"),
    [
        # A structure is cut in whole units of all its legs.
        ("a+X*2-Y*2 b+X*4", 40, "1+1 2"),
        ("a+X*3-Y*3 b+X*6", 60, "1+1 4"),
        ("a+X*4-Y*2 b+X*6", 60, "2+1 3"),
        ("a+X-Y b+X*4", 40, "ok 2"),
        ("a+X*3-Y*2 b+X*5", 40, "CONFLICT 4"),
    ],
)
def test_structure_is_cut_in_whole_units_of_all_its_legs(
    words: str, free: int, scaled: str
) -> None:
    assert outcome(resolve(words, policies_of(ConflictType.CAPITAL, SCALE), free=free)) == scaled


@pytest.mark.parametrize(
    ("words", "lot", "scaled"),
    [
        ("a+X*100 b+X*100", 10, "50 50"),
        ("a+X*100 b+X*100", 25, "50 50"),
        ("a+X*100 b+X*100", 50, "50 50"),
        ("a+X*100 b+X*100", 100, "ok CONFLICT"),
        ("a+X*50 b+X*150", 50, "ok 50"),
        # What is no multiple of its lot stays whole.
        ("a+X*70 b+X*70", 50, "ok CONFLICT"),
    ],
)
def test_cut_quantities_are_multiples_of_the_lot(words: str, lot: int, scaled: str) -> None:
    policies = policies_of(ConflictType.CAPITAL, SCALE)
    instruments = {"X": figures(lot=lot)}
    assert outcome(resolve(words, policies, free=1000, instruments=instruments)) == scaled


# -- quantity limits ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "before", "priority", "reject_all", "scaled"),
    [
        ("a+X*4 b+X*6", (0, 0), "ok ok", "ok ok", "ok ok"),
        ("a+X*6 b+X*6", (0, 0), "ok CONFLICT", "CONFLICT CONFLICT", "5 5"),
        ("a-X*6 b-X*6", (0, 0), "ok CONFLICT", "CONFLICT CONFLICT", "5 5"),
        # Sides do not help each other: either may fill alone.
        ("a-X*6@9 b+X*6@8 c+X*6@8", (0, 0), "ok ok CONFLICT", "ok CONFLICT CONFLICT", "ok 5 5"),
        # What is held and works counts.
        ("a+X*3 b+X*3", (0, 5), "ok CONFLICT", "CONFLICT CONFLICT", "ok 2"),
        ("a-X*3 b-X*3", (-5, 0), "ok CONFLICT", "CONFLICT CONFLICT", "ok 2"),
        ("a+X*9 b+X*9", (-9, -9), "ok ok", "ok ok", "ok ok"),
        # Above the limit already, it may not grow.
        ("a+X b+X", (0, 12), "alone alone", "alone alone", "CONFLICT CONFLICT"),
        ("a-X*6 b-X*7", (0, 12), "ok CONFLICT", "CONFLICT CONFLICT", "ok 6"),
        ("a+Y*6 b+Y*6", (0, 0), "ok ok", "ok ok", "ok ok"),
    ],
)
def test_quantity_limit_of_the_account(
    words: str, before: tuple[int, int], priority: str, reject_all: str, scaled: str
) -> None:
    low, high = before
    instruments = {"X": figures(low=low, high=high, quantity_max=10)}
    kind = ConflictType.POSITION_LIMIT
    assert fates(resolve(words, instruments=instruments)) == priority
    refused = resolve(words, policies_of(kind, REJECT_ALL), instruments=instruments)
    assert fates(refused) == reject_all
    assert fates(resolve(words, policies_of(kind, SCALE), instruments=instruments)) == scaled
    allowed = resolve(words, policies_of(kind, ALLOW), instruments=instruments)
    assert fates(allowed) == priority.replace("CONFLICT", "ok")


def test_quantity_limit_names_the_instrument_and_the_figures() -> None:
    instruments = {"X": figures(high=1, quantity_max=10)}
    resolution = resolve("a+X*6 b+X*6", instruments=instruments)
    assert details(resolution) == [
        "priority: the account may come to 10 of X and would to 13 with a"
    ]
    assert told(resolution) == ["POSITION_LIMIT X [a b]: refused: b"]


def test_exit_of_another_takes_room_and_is_not_touched() -> None:
    """a holds 5 long, b is 5 short: the account is flat, and a's exit alone makes it short."""
    instruments = {"X": figures(quantity_max=10)}
    for policy, becomes in (
        (PRIORITY, "ok CONFLICT"),
        (REJECT_ALL, "ok CONFLICT"),
        (SCALE, "ok 5"),
    ):
        policies = policies_of(ConflictType.POSITION_LIMIT, policy)
        assert outcome(resolve("a-X*5! c-X*6", policies, instruments=instruments)) == becomes


def test_reject_all_refuses_the_entries_and_not_the_exit_that_took_the_room() -> None:
    instruments = {"X": figures(quantity_max=10)}
    policies = policies_of(ConflictType.POSITION_LIMIT, REJECT_ALL)
    resolution = resolve("a-X*5! c-X*4 d-X*4", policies, instruments=instruments)
    assert outcome(resolution) == "ok CONFLICT CONFLICT"


# -- concentration --------------------------------------------------------------------------------

FIFTH = Decimal("0.2")
"""Of an equity of 1,000: notional of 200 in one underlying."""


def concentration(
    words: str, policy: ConflictPolicy, instruments: Any, **context: Any
) -> tuple[str, list[str]]:
    policies = policies_of(ConflictType.CONCENTRATION, policy, concentration_max_fraction=FIFTH)
    found = resolve(words, policies, instruments=instruments, equity=1000, **context)
    return outcome(found), told(found)


@pytest.mark.parametrize(
    ("words", "held", "priority", "reject_all", "scaled"),
    [
        ("a+X*10 b+X*10", 0, "ok ok", "ok ok", "ok ok"),
        ("a+X*15 b+X*15", 0, "ok CONFLICT", "CONFLICT CONFLICT", "10 10"),
        ("a+X*15 b+Y*15", 0, "ok ok", "ok ok", "ok ok"),
        # Alone too: nobody else looks after it.
        ("a+X*30", 0, "CONFLICT", "CONFLICT", "20"),
        ("a+X*10", 15, "CONFLICT", "CONFLICT", "5"),
        ("a+X*30 b+X*10", 0, "CONFLICT ok", "CONFLICT ok", "15 5"),
        # Against the grain nothing is concentrated.
        ("a-X*10", 15, "ok", "ok", "ok"),
        ("a-X*10!", 30, "ok", "ok", "ok"),
        # Prices have pushed it over: it may not grow.
        ("a+X", 30, "CONFLICT", "CONFLICT", "CONFLICT"),
    ],
)
def test_concentration_in_one_instrument(
    words: str, held: int, priority: str, reject_all: str, scaled: str
) -> None:
    instruments = {
        "X": figures(unit_notional=10, low=held, high=held),
        "Y": figures(unit_notional=10),
    }
    assert concentration(words, PRIORITY, instruments)[0] == priority
    assert concentration(words, REJECT_ALL, instruments)[0] == reject_all
    assert concentration(words, SCALE, instruments)[0] == scaled
    becomes, events = concentration(words, ALLOW, instruments)
    assert becomes == " ".join("ok" for _ in words.split())
    assert bool(events) is ("CONFLICT" in priority)


def test_concentration_counts_all_instruments_of_an_underlying_gross() -> None:
    instruments = {
        "X": figures(unit_notional=10, underlying="IDX"),
        "Y": figures(unit_notional=20, underlying="IDX"),
        "Z": figures(unit_notional=10, underlying="OTHER"),
    }
    options: dict[str, Any] = {"other_notional": {"IDX": Decimal(40)}}
    becomes, events = concentration("a+X*8 b-Y*4 c+Z*20 d-Y*5", PRIORITY, instruments, **options)
    assert becomes == "ok ok ok CONFLICT"
    assert events == ["CONCENTRATION IDX [a b d]: refused: d"]


def test_concentration_is_cut_to_one_fraction_where_the_other_side_was_larger() -> None:
    """Short 10: the first 20 bought only bring it to as much on the other side."""
    instruments = {"X": figures(unit_notional=10, low=-10, high=-10)}
    assert concentration("a+X*20 b+X*20", SCALE, instruments)[0] == "15 15"


def test_concentration_names_who_is_in_it_already() -> None:
    instruments = {"X": figures(unit_notional=10, low=15, high=15, holders=["h"])}
    _, events = concentration("a+X*10", PRIORITY, instruments)
    assert events == ["CONCENTRATION X [h a]: refused: a"]


def test_concentration_is_looked_for_only_where_a_fraction_is_configured() -> None:
    instruments = {"X": figures(unit_notional=10)}
    resolution = resolve("a+X*30 b+X*30", equity=1, instruments=instruments)
    assert outcome(resolution) == "ok ok"


def test_account_without_equity_lets_nothing_be_concentrated() -> None:
    policies = ConflictPolicies(concentration_max_fraction=FIFTH)
    instruments = {"X": figures(unit_notional=10)}
    assert outcome(resolve("a+X", policies, equity=-5, instruments=instruments)) == "CONFLICT"


# -- several at once ------------------------------------------------------------------------------


def test_who_takes_no_part_beats_nobody() -> None:
    refused = {0: RefusalCode.BUDGET_EXCEEDED}
    resolution = resolve("a+X*6 b-X*6", refused=refused, free=100)
    assert outcome(resolution) == "BUDGET_EXCEEDED ok"
    assert resolution.events == ()


def test_who_is_alone_too_large_for_the_account_beats_nobody() -> None:
    resolution = resolve("a+X*11 b-X*6", free=100)
    assert outcome(resolution) == "ACCOUNT_MARGIN_EXCEEDED ok"
    assert details(resolution) == ["needs 110.00, the account as a whole has 100.00 free"]
    assert resolution.events == ()
    instruments = {"X": figures(quantity_max=10)}
    resolution = resolve("a+X*11 b-X*6", instruments=instruments)
    assert outcome(resolution) == "LIMIT_EXCEEDED ok"
    assert details(resolution) == ["the account may come to 10 of X and would to 11"]


def test_what_others_use_is_not_in_the_words_of_who_does_not_fit_alone() -> None:
    resolution = resolve("b+X*6 a+X*11", free=100)
    assert details(resolution) == ["needs 110.00, the account as a whole has 100.00 free"]


def test_what_is_cut_makes_no_room_for_what_was_refused() -> None:
    """b is cut for X; what it then leaves of the margin is not for its own second order."""
    policies = ConflictPolicies(concentration=SCALE, concentration_max_fraction=FIFTH)
    instruments = {"X": figures(unit_notional=10), "Y": figures(unit_notional=1)}
    words = "b+X*9 b+Y*2"
    resolution = resolve(words, policies, margin_room=100, equity=200, instruments=instruments)
    assert outcome(resolution) == "4 LIMIT_EXCEEDED"


def test_budget_that_the_strategys_own_commands_use_up_counts_first() -> None:
    strategies = {"a": StrategyFigures(Decimal(150), Decimal(100))}
    resolution = resolve("a+X*6 a+Y*5 b-Y*5", free=1000, strategies=strategies)
    assert outcome(resolution) == "ok BUDGET_EXCEEDED ok"
    assert details(resolution) == ["needs 50.00, 40.00 of 150.00 is free"]


def test_bounds_of_several_types_are_all_kept() -> None:
    """The limit of X leaves 4 and 4; capital then cuts all three, and X has room to give back."""
    policies = ConflictPolicies(position_limit=SCALE, capital=SCALE)
    instruments = {"X": figures(quantity_max=8), "Y": figures()}
    resolution = resolve("a+X*8 b+X*8 c+Y*8", policies, free=120, instruments=instruments)
    assert outcome(resolution) == "3 3 6"
    assert told(resolution) == [
        "POSITION_LIMIT X [a b]: scaled: a, b",
        "CAPITAL [a b c]: scaled: a, b, c",
    ]


def test_loser_of_reject_all_gives_back_what_it_had_beaten() -> None:
    """c beats d for the last capital, then falls with e over X: d is asked again and goes on."""
    policies = ConflictPolicies(opposing_sides=REJECT_ALL)
    resolution = resolve("c+X*6 d+Y*6 e-X*1", policies, free=100)
    assert outcome(resolution) == "CONFLICT ok CONFLICT"
    assert told(resolution) == ["OPPOSING_SIDES X [c e]: refused: c, e"]


def test_what_is_cut_to_nothing_gives_back_what_it_had_beaten() -> None:
    """b is cut to nothing, so c, which it had beaten, goes on."""
    policies = ConflictPolicies(position_limit=SCALE)
    instruments = {"X": figures(quantity_max=1), "Y": figures()}
    words = "a+X*1 b+X*1+Y*1 c-Y*1"
    resolution = resolve(words, policies, instruments=instruments)
    assert outcome(resolution) == "ok CONFLICT ok"
    assert told(resolution) == ["POSITION_LIMIT X [a b]: refused: b"]


def test_exit_that_binds_capital_does_not_meet_what_was_refused() -> None:
    """a and b are refused together; what they wanted takes no room from the exit."""
    checked = round_of("a+X*6 b+Y*6 c-Z*1!")
    commands = (
        CommandFigures(requirement=Decimal(60)),
        CommandFigures(requirement=Decimal(60)),
        CommandFigures(requirement=Decimal(50), is_exit=True),
    )
    context = RoundContext(commands=commands, free=Decimal(110))
    policies = ConflictPolicies(capital=REJECT_ALL)
    resolution = resolve_conflicts(checked, {}, policies, context=context)
    assert outcome(resolution) == "CONFLICT CONFLICT ok"
    assert details(resolution) == [
        "reject_all: 110.00 of the account is free, 170.00 would be needed with b",
        "reject_all: 110.00 of the account is free, 170.00 would be needed with a, c",
    ]


def test_what_does_not_fit_alone_gives_back_what_it_had_beaten() -> None:
    """a would have to be cut for itself alone: no conflict, so it takes no part in any."""
    policies = ConflictPolicies(capital=SCALE)
    resolution = resolve("a+X*20 b-X*1", policies, free=100)
    assert outcome(resolution) == "ACCOUNT_MARGIN_EXCEEDED ok"
    assert resolution.events == ()


def test_nothing_is_told_of_who_drops_out_in_the_end() -> None:
    """b is cut to nothing over Y, so it opposes nobody over X."""
    policies = ConflictPolicies(opposing_sides=ALLOW, position_limit=SCALE)
    instruments = {"X": figures(), "Y": figures(quantity_max=1)}
    resolution = resolve("a+X c+Y b-X+Y", policies, instruments=instruments)
    assert outcome(resolution) == "ok ok CONFLICT"
    assert told(resolution) == ["POSITION_LIMIT Y [c b]: refused: b"]


def test_exit_that_binds_capital_takes_its_room_first() -> None:
    """Selling the wing of a structure is an exit, and needs capital."""
    checked = round_of("a+X*6 b-Y*1!")
    commands = (
        CommandFigures(requirement=Decimal(60)),
        CommandFigures(requirement=Decimal(50), is_exit=True),
    )
    for free, becomes in (
        (100, "CONFLICT ok"),
        (110, "ok ok"),
        (45, "ACCOUNT_MARGIN_EXCEEDED ACCOUNT_MARGIN_EXCEEDED"),
    ):
        context = RoundContext(commands=commands, free=Decimal(free))
        resolution = resolve_conflicts(checked, {}, ConflictPolicies(), context=context)
        assert outcome(resolution) == becomes


def test_context_of_another_round_is_refused() -> None:
    context = RoundContext(commands=())
    with pytest.raises(ValueError, match="of 0 commands, the round has 1"):
        resolve_conflicts(round_of("a+X"), {}, ConflictPolicies(), context=context)
