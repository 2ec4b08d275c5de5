"""Whatever a strategy returns: nothing is raised, and what passes can be booked and journaled."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.domain.models.command import CancelOrder, SubmitOrder
from orchestrion.domain.models.money import is_amount
from orchestrion.domain.models.order import Leg, OrderSide, OrderType, TimeInForce
from orchestrion.domain.models.strategy import Signal
from orchestrion.domain.orchestration.proposal import LEGS_MAX, Proposal, check_answer
from tests.fakes_rules import book_of, sell, working_order

BOOK = book_of(AAA=10, FUT=-2)
WORKING = {"W1": working_order(sell("AAA", 4), "W1")}

anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.decimals(),
        st.text(st.characters(codec=None)),
        st.binary(),
        st.sampled_from([*OrderSide, *OrderType, *TimeInForce, object(), ValueError, Leg]),
        st.integers(1, 9).map(lambda size: 10 ** (size * 1000)),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(), inner, max_size=2),
    ),
    max_leaves=4,
)


def mostly(good: Any) -> st.SearchStrategy[Any]:
    """A field is usually right: an answer that is wrong everywhere is refused at once."""
    return st.one_of(good, good, good, anything)


owners = mostly(st.just("alpha"))
texts = mostly(st.text(max_size=5))
amounts = mostly(st.decimals(-5, 20, places=2))
legs = st.builds(
    Leg, mostly(st.sampled_from(["AAA", "FUT", "ZZZ"])), mostly(st.sampled_from(OrderSide)), amounts
)
prices = mostly(st.one_of(st.none(), st.decimals(-5, 20, places=2)))
orders = st.builds(
    SubmitOrder,
    strategy_id=owners,
    legs=mostly(st.lists(mostly(legs), min_size=1, max_size=3).map(tuple)),
    order_type=mostly(st.sampled_from(OrderType)),
    time_in_force=mostly(st.sampled_from(TimeInForce)),
    limit_price=prices,
    stop_price=prices,
    expire_ts=mostly(st.one_of(st.none(), st.integers(0, 2**63))),
    reduce_only=mostly(st.booleans()),
    label=texts,
)
cancels = st.builds(CancelOrder, strategy_id=owners, client_order_id=texts, label=texts)
signals = st.builds(
    Signal, strategy_id=owners, name=texts, value=mostly(st.floats()), instrument_id=texts
)
answers = mostly(st.lists(st.one_of(orders, orders, cancels, signals, anything), max_size=5))


def is_sound(command: SubmitOrder) -> bool:
    """Written anew from the meaning of the fields."""
    amounts = [command.limit_price, command.stop_price, *[leg.quantity for leg in command.legs]]
    return (
        1 <= len(command.legs) <= LEGS_MAX
        and all(leg.quantity > 0 for leg in command.legs)
        and all(is_amount(amount) for amount in amounts if amount is not None)
        and (command.limit_price is not None) == (command.order_type == "LIMIT")
        and (command.stop_price is not None) == (command.order_type == "STOP_MARKET")
        and (command.expire_ts is not None) == (command.time_in_force == "GTD")
    )


@given(answers)
def test_nothing_is_raised_and_every_item_is_accounted_for(answer: Any) -> None:
    checked = check_answer("alpha", answer, BOOK, WORKING)
    count = len(answer) if type(answer) in (list, tuple) else int(answer is not None)
    assert len(checked.checked) + len(checked.signals) == count
    indexes = [one.index for one in checked.checked]
    assert indexes == sorted(indexes)


@given(answers)
def test_what_passes_is_sound_and_all_of_it_fits_into_the_journal(answer: Any) -> None:
    checked = check_answer("alpha", answer, BOOK, WORKING)
    for encode in (msgspec.json.encode, msgspec.msgpack.encode):
        encode(checked)
    for one in checked.checked:
        assert one.strategy_id == "alpha"
        if isinstance(one, Proposal):
            assert one.command.strategy_id == "alpha"
            # Strict decoding knows the types of all fields, which building a struct does not check.
            kind = type(one.command)
            assert msgspec.json.decode(msgspec.json.encode(one.command), type=kind) == one.command
            assert isinstance(one.command, CancelOrder) or is_sound(one.command)
        else:
            assert len(one.refusal.detail) < 300
    for signal in checked.signals:
        decoded = msgspec.json.decode(msgspec.json.encode(signal), type=Signal)
        assert decoded == signal


@given(st.lists(legs, min_size=1, max_size=4))
def test_exit_leaves_every_position_on_its_side(given_legs: list[Any]) -> None:
    command = SubmitOrder(strategy_id="alpha", legs=tuple(given_legs))
    (one,) = check_answer("alpha", [command], BOOK, WORKING).checked
    if not isinstance(one, Proposal) or not one.is_exit:
        return
    after = {"AAA": Decimal(10 - 4), "FUT": Decimal(-2)}
    for leg in given_legs:
        after[leg.instrument_id] += leg.signed_quantity
    assert after["AAA"] >= 0
    assert after["FUT"] <= 0
