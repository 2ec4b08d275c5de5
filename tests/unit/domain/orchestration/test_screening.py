"""``screen``: what the conflict rules are told of the account. See tests/fakes_rules.py."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.capital.limit import NO_LIMITS, Limits
from orchestrion.domain.capital.worst_case import OptionNotional
from orchestrion.domain.conflict import (
    CommandFigures,
    ConflictPolicies,
    ConflictPolicy,
    InstrumentFigures,
    RoundContext,
    StrategyFigures,
    resolve_conflicts,
)
from orchestrion.domain.models.command import CancelOrder, RefusalCode, SubmitOrder
from orchestrion.domain.orchestration.lifecycle import PauseMode
from orchestrion.domain.orchestration.proposal import (
    Checked,
    HeldProposal,
    Proposal,
    Rejection,
    check_answer,
)
from orchestrion.domain.orchestration.screening import screen
from tests.fakes_rules import (
    Desk,
    amounts,
    approved,
    buy,
    cancel,
    leg,
    limit,
    order_for,
    refused,
    sell,
)

WATCHED = ConflictPolicies(concentration_max_fraction=Decimal("0.5"))
BETA = {"owner": "beta"}


def proposals(desk: Desk, *commands: SubmitOrder | CancelOrder) -> list[Checked]:
    """The commands as the strategies' answers would be checked, in the order given."""
    checked: list[Checked] = []
    for command in commands:
        owner = command.strategy_id
        book, working = desk.manager.books[owner], desk.manager.working_orders(owner)
        checked.extend(check_answer(owner, [command], book, working).checked)
    return checked


def figures(
    desk: Desk, *commands: SubmitOrder | CancelOrder, policies: ConflictPolicies | None = None
) -> RoundContext:
    before = desk.picture()
    found = screen(
        desk.manager,
        proposals(desk, *commands),
        now=desk.now,
        policies=policies or ConflictPolicies(),
    )
    assert desk.picture() == before, "looking changes nothing"
    return found


def test_each_command_is_judged_alone() -> None:
    desk = Desk(AAA=100)
    context = figures(
        desk, buy("AAA", 60), buy("AAA", 70), buy("AAA", 101), sell("AAA", 20, **BETA), cancel("W9")
    )
    assert context.commands[:2] == (
        CommandFigures(requirement=Decimal(6000)),
        CommandFigures(requirement=Decimal(7000)),
    )
    too_large = context.commands[2]
    assert too_large is not None
    assert too_large.refusal == (
        RefusalCode.BUDGET_EXCEEDED,
        "needs 10100.00, 10000.00 of 10000.00 is free",
    )
    assert context.commands[3] == CommandFigures(requirement=Decimal(1000))
    assert context.commands[4] is None, "a cancel meets nobody"


def test_account_and_budgets_are_what_is_left() -> None:
    desk = Desk(AAA=100)
    approved(desk.ask(buy("AAA", 40)))
    context = figures(desk, buy("AAA", 10), sell("AAA", 10, **BETA))
    assert context.free == Decimal(16_000)
    assert dict(context.strategies) == {
        "alpha": StrategyFigures(Decimal(10_000), Decimal(6_000)),
        "beta": StrategyFigures(Decimal(10_000), Decimal(10_000)),
    }


def test_only_instruments_of_commands_that_take_part_are_looked_at() -> None:
    desk = Desk(AAA=100, BBB=10)
    desk.hold("AAA", 5)
    desk.hold("AAA", -3, owner="beta")
    desk.hold("AAA", 2, owner="EXTERNAL")
    context = figures(desk, buy("AAA", 10), buy("BBB", 3))
    assert dict(context.instruments) == {
        "AAA": InstrumentFigures(underlying_id="AAA", holder_ids=("alpha", "beta"))
    }


def test_quantities_are_those_of_the_account_in_the_worst_case() -> None:
    limits = Limits(quantity_max=Decimal(50), quantity_max_by_id={"BBB": Decimal(20)})
    desk = Desk(AAA=100, BBB=10, account_limits=limits)
    desk.hold("AAA", 10)
    approved(desk.ask(buy("AAA", 5, **limit(90))))
    approved(desk.ask(sell("AAA", 7, **BETA, **limit(110))))
    context = figures(desk, buy("AAA", 1), buy("BBB", 10, **BETA))
    aaa, bbb = context.instruments["AAA"], context.instruments["BBB"]
    assert (aaa.low, aaa.high, aaa.quantity_max) == amounts(3, 15, 50)
    assert (bbb.low, bbb.high, bbb.quantity_max, bbb.lot_size) == amounts(0, 0, 20, 10)
    assert context.margin_room is None


def test_margin_room_is_what_its_limit_leaves() -> None:
    desk = Desk(AAA=100, account_limits=Limits(margin_use_max=Decimal("0.5")))
    desk.hold("AAA", 10)
    approved(desk.ask(buy("AAA", 20)))
    assert figures(desk, buy("AAA", 1)).margin_room == Decimal(7_000)
    desk.hold("AAA", 80, owner="beta")
    assert figures(desk, buy("AAA", 1)).margin_room == 0


def test_concentration_knows_all_instruments_of_an_underlying() -> None:
    desk = Desk(IDX=100, C100=3, C105=2, P95=1, FUT=100, AAA=100)
    desk.hold("C100", 1)
    desk.hold("C105", 4)
    desk.hold("P95", 1, owner="beta")
    context = figures(desk, buy("C100", 2), buy("AAA", 1, **BETA), policies=WATCHED)
    call, share = context.instruments["C100"], context.instruments["AAA"]
    assert (call.underlying_id, share.underlying_id) == ("IDX", "AAA")
    assert (call.unit_notional, share.unit_notional) == amounts(30, 100)
    assert dict(context.other_notional) == {"IDX": Decimal(90), "AAA": Decimal(0)}
    assert context.equity == Decimal(20_000)


def test_notional_of_options_is_counted_as_the_accounts_limits_do() -> None:
    limits = Limits(option_notional=OptionNotional.UNDERLYING)
    desk = Desk(IDX=100, C100=3, C105=2, account_limits=limits)
    desk.hold("C105", 4)
    context = figures(desk, buy("C100", 2), policies=WATCHED)
    assert context.instruments["C100"].unit_notional == 1000
    assert context.other_notional["IDX"] == 4000


def test_second_of_two_exits_of_all_that_is_held_is_no_exit() -> None:
    desk = Desk(AAA=100)
    desk.hold("AAA", 10)
    context = figures(desk, sell("AAA", 10), sell("AAA", 10), sell("AAA", 1))
    assert [one.is_exit for one in context.commands if one] == [True, False, False]
    context = figures(desk, sell("AAA", 6), sell("AAA", 4), sell("AAA", 1))
    assert [one.is_exit for one in context.commands if one] == [True, True, False]


def test_what_a_held_exit_would_close_is_spoken_for() -> None:
    desk = Desk(AAA=100)
    desk.hold("AAA", 10)
    held = HeldProposal("alpha", 0, sell("AAA", 6), is_exit=True, waits_for=("W0",))
    checked = proposals(desk, sell("AAA", 6))
    context = screen(desk.manager, checked, now=desk.now, policies=ConflictPolicies(), held=[held])
    assert context.commands == (CommandFigures(None, Decimal(0), is_exit=False),)


def test_order_that_has_become_an_exit_since_it_was_given_is_one() -> None:
    """A round may wait for an asynchronous strategy; what worked at its begin may have ended."""
    desk = Desk(AAA=100)
    desk.hold("AAA", 10)
    checked: list[Checked] = [Proposal("alpha", 0, sell("AAA", 5), is_exit=False)]
    context = screen(desk.manager, checked, now=desk.now, policies=ConflictPolicies())
    assert [one.is_exit for one in context.commands if one] == [True]
    (after,) = resolve_conflicts(checked, {}, ConflictPolicies(), context=context).checked
    assert isinstance(after, Proposal)
    assert after.is_exit


def test_exit_is_looked_at_again_when_it_is_released() -> None:
    desk = Desk(AAA=100)
    checked: list[Checked] = [Proposal("alpha", 0, sell("AAA", 5), is_exit=True)]
    context = screen(desk.manager, checked, now=desk.now, policies=ConflictPolicies())
    (one,) = context.commands
    assert one is not None
    assert not one.is_exit
    (after,) = resolve_conflicts(checked, {}, ConflictPolicies(), context=context).checked
    assert isinstance(after, Proposal)
    assert not after.is_exit


@pytest.mark.parametrize("policies", [ConflictPolicies(), WATCHED])
def test_instrument_without_a_price_is_refused_by_the_preview(policies: ConflictPolicies) -> None:
    desk = Desk(BBB=10)
    context = figures(desk, buy("AAA", 10), buy("BBB", 10, **BETA), policies=policies)
    first, second = context.commands
    assert first is not None
    assert second is not None
    assert first.refusal is not None
    assert first.refusal[0] is RefusalCode.NO_PRICE
    assert second.refusal is None


def test_entries_are_refused_while_something_to_be_summed_up_has_no_price() -> None:
    limits = Limits(option_notional=OptionNotional.UNDERLYING)
    desk = Desk(AAA=100, C100=3, account_limits=limits)
    desk.hold("AAA", 5)
    desk.hold("C100", 1, owner="beta")
    context = figures(desk, buy("AAA", 1), sell("AAA", 5), buy("ZZZ", 1), policies=WATCHED)
    assert [one.refusal for one in context.commands if one] == [
        (RefusalCode.NO_PRICE, "IDX has had no price yet"),
        None,
        (RefusalCode.UNKNOWN_INSTRUMENT, "'ZZZ' is in no data of this run"),
    ]


def test_round_in_which_nobody_takes_part_needs_no_account() -> None:
    desk = Desk(AAA=100)
    desk.pause(PauseMode.ENTRIES_BLOCKED)
    context = figures(desk, buy("AAA", 1))
    assert context.instruments == {}
    assert context.free is None


# -- together with the rules ----------------------------------------------------------------------


def resolved(
    desk: Desk, *commands: SubmitOrder, policies: ConflictPolicies | None = None
) -> list[Checked]:
    chosen = policies or ConflictPolicies()
    checked = proposals(desk, *commands)
    context = screen(desk.manager, checked, now=desk.now, policies=chosen)
    return list(resolve_conflicts(checked, {}, chosen, context=context).checked)


def test_refusals_have_the_words_of_the_capital_manager() -> None:
    desk = Desk(AAA=100)
    commands = [buy("AAA", 60), buy("AAA", 50)]
    first, second, _ = resolved(desk, *commands, sell("AAA", 1, **BETA))
    assert isinstance(first, Proposal)
    assert isinstance(second, Rejection)
    approved(desk.ask(commands[0]))
    assert refused(desk.ask(commands[1])) == second.refusal


def test_who_passes_a_limit_of_the_account_alone_beats_nobody() -> None:
    """alpha's budget would do, but the account's limit does not."""
    limits = Limits(quantity_max=Decimal(50))
    desk = Desk(AAA=100, account_limits=limits)
    first, second = resolved(desk, buy("AAA", 60), sell("AAA", 20, **BETA))
    assert isinstance(first, Rejection)
    assert first.refusal.code is RefusalCode.LIMIT_EXCEEDED
    assert refused(desk.ask(buy("AAA", 60))).code is RefusalCode.LIMIT_EXCEEDED
    assert isinstance(second, Proposal)
    approved(desk.ask(sell("AAA", 20, **BETA)))


def test_structure_without_room_is_cut_as_a_whole() -> None:
    policies = ConflictPolicies(position_limit=ConflictPolicy.SCALE_PRO_RATA)
    desk = Desk(IDX=100, C100=3, C105=2, account_limits=Limits(quantity_max=Decimal(6)))
    spread = order_for(leg("C100", 4), leg("C105", -4))
    first, second = resolved(desk, spread, buy("C100", 4, **BETA), policies=policies)
    assert isinstance(first, Proposal)
    assert isinstance(second, Proposal)
    assert first.command == order_for(leg("C100", 3), leg("C105", -3))
    assert second.command == buy("C100", 3, **BETA)
    assert (first.scaled_from, second.scaled_from) == (amounts(4, 4), amounts(4))
    for one in (first, second):
        assert isinstance(one.command, SubmitOrder)
        approved(desk.ask(one.command))


def test_account_without_limits_sets_no_bounds() -> None:
    desk = Desk(AAA=100)
    assert desk.manager.account_limits == NO_LIMITS
    context = figures(desk, buy("AAA", 1))
    assert context.instruments["AAA"].quantity_max is None
    assert context.margin_room is None
