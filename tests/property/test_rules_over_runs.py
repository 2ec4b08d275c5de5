"""Limits are never passed and pauses let nothing through, in whole runs.

Random strategies play with the simulated venue while an operator pauses and resumes them. What was
sent is judged afterwards, from the journal alone, by arithmetic of its own: integers and fractions,
nothing of the rules, of the books or of the worst cases that the capital manager works with.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any, TypeAlias

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.actors.messages import PauseStrategy, ResumeStrategy
from orchestrion.domain.capital.limit import Limits
from orchestrion.domain.errors import DomainError
from orchestrion.domain.models.order import OrderType, TimeInForce
from orchestrion.domain.models.strategy import StrategyView
from orchestrion.domain.orchestration.lifecycle import PauseMode
from orchestrion.runtime.actor import Question
from orchestrion.runtime.journal import Record, RecordKind
from tests.fakes import SHARES, Script, Stage, following, minutes

IDS = ("a", "b", "c")
BARS = 5
CAPITAL = 30_000
SHARE_PCT = 30

# --- the account, read out of the journal ---------------------------------------------------------


@dataclass
class Sent:
    """An order that left, and what of it can still fill."""

    order_id: str
    owner: str
    instrument_id: str
    quantity: Fraction
    """Signed, what is left."""
    is_exit: bool = False


@dataclass
class JournalAccount:
    """Fold of the records: prices, holdings, money, open orders, pauses."""

    marks: dict[str, Fraction] = field(default_factory=dict[str, Fraction])
    held: dict[tuple[str, str], Fraction] = field(default_factory=dict[tuple[str, str], Fraction])
    cash: dict[str, Fraction] = field(default_factory=dict[str, Fraction])
    working: dict[str, Sent] = field(default_factory=dict[str, Sent])
    paused: dict[str, str] = field(default_factory=dict[str, str])

    def take(self, record: Record) -> Sent | None:
        """Folds a record; returns the order that it sends, if any."""
        body = json.loads(record.body)
        match record.name:
            case "MarketSlice":
                for item in body["items"]:
                    self.marks[item["instrument_id"]] = Fraction(item["close_e9"], 10**9)
            case "OrderFilledReport":
                self._fill(body)
            case "OrderCanceledReport" | "OrderExpiredReport" | "OrderRejectedReport":
                self.working.pop(body["client_order_id"], None)
            case "StrategyPausedEvent":
                self.paused[body["strategy_id"]] = body["mode"]
            case "StrategyResumedEvent":
                self.paused.pop(body["strategy_id"])
            case "ApprovedCommand" if "legs" in body["command"]:
                return self._send(body)
            case _:
                pass
        return None

    def _fill(self, body: dict[str, Any]) -> None:
        sent = self.working[body["client_order_id"]]
        quantity = Fraction(body["last_qty"]) * (1 if body["side"] == "BUY" else -1)
        key = (sent.owner, body["instrument_id"])
        self.held[key] = self.held.get(key, Fraction(0)) + quantity
        paid = quantity * Fraction(body["last_px"]) + Fraction(body["commission"])
        self.cash[sent.owner] = self.cash.get(sent.owner, Fraction(0)) - paid
        sent.quantity -= quantity
        if not sent.quantity:
            del self.working[sent.order_id]

    def _send(self, body: dict[str, Any]) -> Sent:
        (leg,) = body["command"]["legs"]
        sign = 1 if leg["side"] == "BUY" else -1
        owner, instrument_id = body["strategy_id"], leg["instrument_id"]
        wanted = sign * Fraction(leg["quantity"])
        held = self.held.get((owner, instrument_id), Fraction(0))
        leaving = sum(
            one.quantity
            for one in self.working.values()
            if (one.owner, one.instrument_id) == (owner, instrument_id) and one.quantity * sign > 0
        )
        is_exit = held * sign < 0 and abs(wanted + leaving) <= abs(held)
        sent = Sent(body["client_order_id"], owner, instrument_id, wanted, is_exit)
        self.working[sent.order_id] = sent
        return sent

    def equity(self, owner: str) -> Fraction:
        """Own money and what is held, at the last prices."""
        value = sum(
            quantity * self.marks[key] for (one, key), quantity in self.held.items() if one == owner
        )
        return Fraction(CAPITAL * SHARE_PCT, 100) + self.cash.get(owner, Fraction(0)) + value

    def most(self, owner: str | None, left_out: str = "") -> dict[str, Fraction]:
        """By instrument the largest quantity that can come to be held: every subset of the orders
        is tried. None: of all owners together."""
        states: dict[str, list[Fraction]] = {}
        for (one, key), quantity in self.held.items():
            if owner in (None, one):
                states[key] = [states.get(key, [Fraction(0)])[0] + quantity]
        for sent in self.working.values():
            if owner in (None, sent.owner) and sent.order_id != left_out:
                before = states.setdefault(sent.instrument_id, [Fraction(0)])
                before += [one + sent.quantity for one in before]
        return {key: max(abs(one) for one in found) for key, found in states.items()}


def faults_of_entry(account: JournalAccount, sent: Sent, limits: Limits) -> Iterator[str]:
    """What an entry could bring about beyond its owner's limits. What was above a limit before,
    because prices moved, may stay there but not grow."""
    after, before = account.most(sent.owner), account.most(sent.owner, sent.order_id)
    key = sent.instrument_id
    if limits.quantity_max is not None:
        allowed = max(Fraction(limits.quantity_max), before.get(key, Fraction(0)))
        if after[key] > allowed:
            yield f"{sent.owner}: {key} can reach {after[key]}"
    gross, gross_before = (
        sum(quantity * account.marks[one] for one, quantity in most.items())
        for most in (after, before)
    )
    notional = limits.gross_notional_max
    if notional is not None and gross > max(Fraction(notional), gross_before):
        yield f"{sent.owner}: gross notional can reach {gross}"
    leverage = limits.leverage_max
    if leverage is not None:
        allowed = Fraction(leverage) * max(account.equity(sent.owner), Fraction(0))
        if gross > max(allowed, gross_before):
            yield f"{sent.owner}: leverage can reach {gross} on {account.equity(sent.owner)}"


def faults_of_pause(account: JournalAccount, sent: Sent) -> Iterator[str]:
    mode = account.paused.get(sent.owner)
    if mode == "frozen":
        yield f"{sent.owner} is frozen and sent {sent.order_id}"
    elif mode is not None and not sent.is_exit:
        yield f"{sent.owner} is paused and entered with {sent.order_id}"


def faults_of_account(account: JournalAccount, sent: Sent, quantity_max: Decimal) -> Iterator[str]:
    key = sent.instrument_id
    before = account.most(None, sent.order_id).get(key, Fraction(0))
    reached = account.most(None)[key]
    if reached > max(Fraction(quantity_max), before):
        yield f"account: {key} can reach {reached}"


# --- runs -----------------------------------------------------------------------------------------

Wish: TypeAlias = tuple[str, str, int]
Acts: TypeAlias = dict[int, list[tuple[str, PauseMode | None]]]
"""After which bar whom an operator pauses in which mode; None resumes."""

wishes = st.tuples(
    st.sampled_from(["buy", "buy", "sell", "limit", "exit", "close", "cancel"]),
    st.sampled_from(SHARES[:2]),
    st.sampled_from([1, 5, 20, 33, 60]),
)
plans = st.fixed_dictionaries(
    {one: st.lists(st.lists(wishes, max_size=3), min_size=BARS, max_size=BARS) for one in IDS}
)
operators = st.dictionaries(
    st.integers(0, BARS - 2),
    st.lists(
        st.tuples(st.sampled_from(IDS), st.one_of(st.none(), st.sampled_from(PauseMode))),
        max_size=2,
    ),
)


def limits_of(quantity: int | None, gross: int | None, leverage: str | None) -> Limits:
    return Limits(
        quantity_max=None if quantity is None else Decimal(quantity),
        gross_notional_max=None if gross is None else Decimal(gross),
        leverage_max=None if leverage is None else Decimal(leverage),
    )


some_limits = st.builds(
    limits_of,
    st.sampled_from([None, 0, 20, 50]),
    st.sampled_from([None, 2_000, 6_000]),
    st.sampled_from([None, "0.3", "0.75"]),
)


def act(wish: Wish, view: StrategyView) -> list[Any]:
    kind, instrument_id, quantity = wish
    match kind:
        case "buy":
            return [view.buy(instrument_id, quantity)]
        case "sell":
            return [view.sell(instrument_id, quantity)]
        case "limit":  # rests at first; the market comes up to meet the sale
            options: dict[str, Any] = {
                "order_type": OrderType.LIMIT,
                "limit_price": Decimal(103),
                "time_in_force": TimeInForce.GTC,
            }
            return [view.sell(instrument_id, quantity, **options)]
        case "exit":
            held = view.quantity(instrument_id)
            part = min(abs(held), Decimal(quantity))
            if not part:
                return []
            side = view.sell if held > 0 else view.buy
            return [side(instrument_id, part)]
        case "close":
            return [view.close(instrument_id)] if view.quantity(instrument_id) else []
        case _:
            return [view.cancel(one) for one in view.working_orders]


def say(answers: list[list[Wish]], number: int, view: StrategyView) -> object:
    return [command for wish in answers[number] for command in act(wish, view)]


def played(plan: dict[str, list[list[Wish]]], acts: Acts, **rules: Any) -> Stage:
    scripts = {
        one: Script(on_event={bar: partial(say, answers, bar) for bar in range(BARS)})
        for one, answers in plan.items()
    }
    stage = Stage(
        following(scripts),
        capital=Decimal(CAPITAL),
        allocation_pct=dict.fromkeys(IDS, SHARE_PCT),
        capital_rules=rules,
        is_data_recorded=True,
    )

    async def run() -> None:
        async with stage:
            for number, market_slice in enumerate(minutes(BARS, *SHARES[:2])):
                await stage.publish([market_slice])
                for strategy_id, mode in acts.get(number, ()):
                    await ask(stage, strategy_id, mode)
            await stage.session.end()

    anyio.run(run)
    return stage


async def ask(stage: Stage, strategy_id: str, mode: PauseMode | None) -> None:
    question: Question = (
        ResumeStrategy(question_id=1, strategy_id=strategy_id)
        if mode is None
        else PauseStrategy(question_id=1, strategy_id=strategy_id, mode=mode)
    )
    with suppress(DomainError):  # who is not paused cannot be resumed
        await stage.session.ask(question, 1)


def judged(stage: Stage) -> Iterator[tuple[JournalAccount, Sent]]:
    """The account at the moment at which each order left, the order included."""
    account = JournalAccount()
    for record in stage.journal.records():
        sent = account.take(record)
        if sent is not None:
            assert record.kind is RecordKind.INTENT
            yield account, sent


@pytest.mark.slow
@settings(max_examples=60)
@given(plan=plans, each=st.tuples(some_limits, some_limits, some_limits))
def test_no_order_leaves_that_could_pass_a_limit(
    plan: dict[str, list[list[Wish]]], each: tuple[Limits, Limits, Limits]
) -> None:
    limits = dict(zip(IDS, each, strict=True))
    most = Decimal(45)
    stage = played(plan, {}, limits=limits, account_limits=Limits(quantity_max=most))
    faults = [
        fault
        for account, sent in judged(stage)
        if not sent.is_exit
        for fault in (
            *faults_of_entry(account, sent, limits[sent.owner]),
            *faults_of_account(account, sent, most),
        )
    ]
    assert faults == []


@pytest.mark.slow
@settings(max_examples=60)
@given(plan=plans, acts=operators)
def test_nothing_leaves_through_a_pause(plan: dict[str, list[list[Wish]]], acts: Acts) -> None:
    stage = played(plan, acts)
    assert [fault for one, sent in judged(stage) for fault in faults_of_pause(one, sent)] == []


# --- the checks see something ---------------------------------------------------------------------

BUSY: dict[str, list[list[Wish]]] = {
    "a": [[("buy", "AAA", 20)], [("buy", "AAA", 20)], [("buy", "AAA", 33)], [], []],
    "b": [[("limit", "BBB", 20)], [("buy", "BBB", 33)], [], [("close", "BBB", 1)], []],
    "c": [[("sell", "AAA", 1)], [("exit", "AAA", 1)], [("buy", "AAA", 60)], [], []],
}


def test_without_limits_the_same_orders_would_be_found() -> None:
    tight = limits_of(30, 3_000, "0.3")
    entries = [
        fault
        for account, sent in judged(played(BUSY, {}))
        for fault in (
            *faults_of_entry(account, sent, tight),
            *faults_of_account(account, sent, Decimal(45)),
        )
    ]
    for words in ("a: AAA can reach 40", "a: gross", "b: leverage", "account: AAA can reach"):
        assert any(one.startswith(words) for one in entries), (words, entries)


@pytest.mark.parametrize(
    ("mode", "words"), [("entries_blocked", "a is paused and entered"), ("frozen", "a is frozen")]
)
def test_orders_that_left_would_be_found_in_a_pause(mode: str, words: str) -> None:
    account = JournalAccount()
    found: list[str] = []
    for record in played(BUSY, {}).journal.records():
        sent = account.take(record)
        account.paused = {"a": mode}
        if sent is not None:
            found += faults_of_pause(account, sent)
    assert found
    assert all(one.startswith(words) for one in found)


def test_pause_and_its_end_are_seen() -> None:
    acts: Acts = {0: [("a", PauseMode.ENTRIES_BLOCKED)], 1: [("a", None)]}
    stage = played(BUSY, acts)
    assert [sent.quantity for _, sent in judged(stage) if sent.owner == "a"] == [20, 33]
    assert "STRATEGY_PAUSED" in stage.verdicts()
