"""Garbage in a strategy's answer: each bad item becomes a refusal, the rest goes on.

``tests/property/test_proposal.py`` throws arbitrary things at the same door.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any, NoReturn

import msgspec
import pytest

from orchestrion.domain.models.command import CancelOrder, RefusalCode, SubmitOrder
from orchestrion.domain.models.order import Leg, OrderSide, OrderStatus, OrderType, TimeInForce
from orchestrion.domain.models.strategy import Signal
from orchestrion.domain.orchestration.proposal import (
    COMMANDS_PER_ANSWER_MAX,
    LEGS_MAX,
    TEXT_CHARACTERS_MAX,
    CheckedAnswer,
    Proposal,
    Rejection,
    check_answer,
    is_exit,
    working_quantity,
)
from tests.fakes_rules import (
    book_of,
    buy,
    cancel,
    hostile_context,
    leg,
    limit,
    order_for,
    sell,
    working_order,
)

EMPTY = book_of()
SIGNAL = Signal(strategy_id="alpha", name="trend", value=0.5)


def check(answer: object) -> CheckedAnswer:
    return check_answer("alpha", answer, EMPTY, {})


def refusal_of(answer: object) -> tuple[RefusalCode, str]:
    (one,) = check(answer).checked
    assert isinstance(one, Rejection)
    assert one.refusal.strategy_id == "alpha"
    return one.refusal.code, one.refusal.detail


# -- answers as a whole ----------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [None, [], ()])
def test_nothing_is_nothing(answer: object) -> None:
    assert check(answer) == CheckedAnswer((), ())


def test_good_answer_is_sorted_into_commands_and_signals() -> None:
    answer = (buy("AAA", 1), SIGNAL, cancel("O1"), sell("AAA", 2))
    assert check(answer) == CheckedAnswer(
        (
            Proposal("alpha", 0, answer[0], is_exit=False),
            Proposal("alpha", 2, answer[2], is_exit=True),
            Proposal("alpha", 3, answer[3], is_exit=False),
        ),
        (SIGNAL,),
    )
    assert check(list(answer)) == check(answer)


def test_bad_item_does_not_stop_the_others() -> None:
    answer = check([buy("AAA", 1), "sell everything", buy("AAA", 2)])
    assert [type(one) for one in answer.checked] == [Proposal, Rejection, Proposal]
    assert [one.index for one in answer.checked] == [0, 1, 2]


async def _coroutine() -> None: ...


class EvilList(list[Any]):
    def __iter__(self) -> NoReturn:
        raise RuntimeError("caught you")

    def __len__(self) -> NoReturn:
        raise RuntimeError("caught you")


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ("buy AAA", "str"),
        (b"buy", "bytes"),
        (0, "int"),
        (True, "bool"),
        (1.5, "float"),
        (float("nan"), "float"),
        ({"AAA": 1}, "dict"),
        ({1, 2}, "set"),
        ((one for one in "ab"), "generator"),
        (iter([]), "list_iterator"),
        (range(3), "range"),
        (buy("AAA", 1), "SubmitOrder"),
        (SIGNAL, "Signal"),
        (ValueError("no"), "ValueError"),
        (ValueError, "type"),
        (EvilList([1]), "EvilList"),
        (object(), "object"),
        (..., "ellipsis"),
    ],
)
def test_answer_of_another_kind_is_named(answer: object, name: str) -> None:
    code, detail = refusal_of(answer)
    assert code is RefusalCode.INVALID_COMMAND
    assert detail == f"a handler returns a list, a tuple or None, not a {name}"


def test_forgotten_await_is_named() -> None:
    coroutine = _coroutine()
    code, detail = refusal_of(coroutine)
    coroutine.close()
    assert code is RefusalCode.INVALID_COMMAND
    assert detail.endswith("not a coroutine")


def test_flood_is_refused_as_a_whole() -> None:
    flood = [buy("AAA", 1)] * 100_000
    code, detail = refusal_of(flood)
    assert code is RefusalCode.TOO_MANY_COMMANDS
    assert detail.startswith("100000 commands in one answer, at most 1000")
    assert len(check(flood[:COMMANDS_PER_ANSWER_MAX]).checked) == COMMANDS_PER_ANSWER_MAX
    refusal_of(flood[: COMMANDS_PER_ANSWER_MAX + 1])


# -- items -----------------------------------------------------------------------------------------


class Shy:
    """Every question about it fails, even pytest's: such values never are parameters."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise RuntimeError("not telling")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not telling")

    def __repr__(self) -> str:
        raise RuntimeError("not telling")

    __hash__ = None  # type: ignore[assignment]


class ShyMeta(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise RuntimeError("not telling")


class Nameless(metaclass=ShyMeta):
    pass


class MyOrder(SubmitOrder, frozen=True, kw_only=True):
    extra: int = 0


class MySignal(Signal, frozen=True, kw_only=True):
    extra: int = 0


def test_item_that_is_no_command_is_refused() -> None:
    items = (
        None,
        "AAA",
        Decimal(1),
        {"strategy_id": "alpha"},
        [buy("AAA", 1)],
        SubmitOrder,
        Shy(),
        Nameless(),
        MyOrder(strategy_id="alpha", legs=(leg("AAA", 1),)),
        MySignal(strategy_id="alpha", name="x", value=1.0),
        leg("AAA", 1),
    )
    for item in items:
        code, detail = refusal_of([item])
        assert code is RefusalCode.INVALID_COMMAND
        assert "item 0 is a " in detail


@pytest.mark.parametrize(
    "item",
    [
        buy("AAA", 1, owner="beta"),
        cancel("O1", owner="beta"),
        Signal(strategy_id="beta", name="trend", value=1.0),
    ],
)
def test_foreign_signature_is_refused(item: Any) -> None:
    (one,) = check([item]).checked
    assert isinstance(one, Rejection)
    assert one.refusal.code is RefusalCode.FOREIGN_STRATEGY_ID
    assert one.refusal.detail == "item 0 is signed by 'beta'"
    assert one.refusal.strategy_id == "alpha"
    assert one.refusal.command is (None if isinstance(item, Signal) else item)


class LyingText(str):
    """Says that it equals everything."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__


class LyingDecimal(Decimal):
    """A NaN that says that it is a finite number."""

    def is_finite(self) -> bool:
        return True

    def copy_abs(self) -> Decimal:
        return Decimal(1)

    def __le__(self, other: object) -> bool:
        return False


LONE_SURROGATE = "AAA\ud800"
TOO_LONG = "x" * (TEXT_CHARACTERS_MAX + 1)
BAD_TEXTS: tuple[Any, ...] = (None, 1, b"AAA", LyingText("alpha"), Shy(), LONE_SURROGATE, TOO_LONG)
BAD_AMOUNTS: tuple[Any, ...] = (
    None,
    1,
    10**5000,
    1.5,
    "1",
    True,
    Shy(),
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("Infinity"),
    Decimal("1e18"),
    Decimal("0.0000000001"),
    Decimal(1) / Decimal(3),
    Decimal("1E-2000000"),
    Decimal("1" * 200),
    LyingDecimal("NaN"),
)
BAD_QUANTITIES = (*BAD_AMOUNTS, Decimal(0), Decimal("-0"), Decimal(-1))


def changed(command: SubmitOrder, **fields: Any) -> SubmitOrder:
    """msgspec structs do not check types when they are built; neither does this."""
    return msgspec.structs.replace(command, **fields)


GOOD = buy("AAA", 1)


@pytest.mark.parametrize("number", range(len(BAD_TEXTS)))
@pytest.mark.parametrize(
    "build",
    [
        lambda text: changed(GOOD, strategy_id=text),
        lambda text: changed(GOOD, label=text),
        lambda text: changed(GOOD, legs=(Leg(text, OrderSide.BUY, Decimal(1)),)),
        lambda text: CancelOrder(strategy_id=text, client_order_id="O1"),
        lambda text: CancelOrder(strategy_id="alpha", client_order_id=text),
        lambda text: CancelOrder(strategy_id="alpha", client_order_id="O1", label=text),
        lambda text: Signal(strategy_id=text, name="trend", value=1.0),
        lambda text: Signal(strategy_id="alpha", name=text, value=1.0),
        lambda text: Signal(strategy_id="alpha", name="trend", value=1.0, instrument_id=text),
    ],
)
def test_text_that_the_journal_could_not_hold_is_refused(
    build: Callable[[Any], object], number: int
) -> None:
    text = BAD_TEXTS[number]
    (one,) = check([build(text)]).checked
    assert isinstance(one, Rejection)
    assert one.refusal.code is RefusalCode.INVALID_COMMAND
    assert one.refusal.command is None
    assert check([build(text)]).signals == ()


@pytest.mark.parametrize("number", range(len(BAD_QUANTITIES)))
def test_quantity_must_be_a_bookable_amount_above_zero(number: int) -> None:
    quantity = BAD_QUANTITIES[number]
    (one,) = check([changed(GOOD, legs=(Leg("AAA", OrderSide.BUY, quantity),))]).checked
    assert isinstance(one, Rejection)
    assert one.refusal.code is RefusalCode.INVALID_QUANTITY
    assert one.refusal.detail.startswith("leg 0: quantity must be a finite Decimal")
    assert one.refusal.command is None
    assert len(one.refusal.detail) < 200


@pytest.mark.parametrize("number", range(1, len(BAD_AMOUNTS)))
@pytest.mark.parametrize(
    ("order_type", "name"),
    [(OrderType.LIMIT, "limit_price"), (OrderType.STOP_MARKET, "stop_price")],
)
def test_price_must_be_a_bookable_amount(order_type: OrderType, name: str, number: int) -> None:
    price = BAD_AMOUNTS[number]
    code, detail = refusal_of([changed(GOOD, order_type=order_type, **{name: price})])
    assert code is RefusalCode.INVALID_PRICE
    assert detail.startswith(f"{name} must be a finite Decimal")


def test_side_that_is_no_side_is_shown() -> None:
    for side, words in (("BUY", "leg 0: side is 'BUY'"), (Shy(), "leg 0: side is a Shy")):
        given: Any = side
        assert refusal_of([changed(GOOD, legs=(Leg("AAA", given, Decimal(1)),))])[1] == words


def test_bad_value_is_shown_in_few_words() -> None:
    for value, words in (
        (Decimal("NaN"), "got NaN"),
        (Decimal("-1E+5"), "got -1E+5"),
        (1.5, "got 1.5"),
        ("1", "got '1'"),
        (7, "got 7"),
        (10**5000, "got a int"),
        (Shy(), "got a Shy"),
        (None, "got None"),
        ("9" * 100, "got '" + "9" * 59 + "..."),
    ):
        quantity: Any = value
        _, detail = refusal_of([changed(GOOD, legs=(Leg("AAA", OrderSide.BUY, quantity),))])
        assert detail.endswith(words)


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"legs": ()}, "INVALID_COMMAND", "1 to 16 legs in a tuple"),
        ({"legs": [leg("AAA", 1)]}, "INVALID_COMMAND", "1 to 16 legs in a tuple"),
        ({"legs": None}, "INVALID_COMMAND", "1 to 16 legs"),
        ({"legs": EvilList()}, "INVALID_COMMAND", "1 to 16 legs"),
        ({"legs": (leg("AAA", 1),) * (LEGS_MAX + 1)}, "INVALID_COMMAND", "1 to 16 legs"),
        ({"legs": (leg("AAA", 1), "AAA")}, "INVALID_COMMAND", "leg 1 is not a Leg"),
        ({"order_type": "MARKET"}, "INVALID_COMMAND", "order_type is 'MARKET'"),
        ({"order_type": "TRAILING"}, "INVALID_COMMAND", "order_type is 'TRAILING'"),
        ({"order_type": OrderSide.BUY}, "INVALID_COMMAND", "order_type is a OrderSide"),
        ({"time_in_force": "DAY"}, "INVALID_COMMAND", "time_in_force is 'DAY'"),
        ({"reduce_only": 1}, "INVALID_COMMAND", "reduce_only is 1"),
        ({"reduce_only": None}, "INVALID_COMMAND", "reduce_only is None"),
        ({"limit_price": Decimal(1)}, "INVALID_PRICE", "limit_price belongs to LIMIT"),
        ({"stop_price": Decimal(1)}, "INVALID_PRICE", "stop_price belongs to STOP_MARKET"),
        ({"order_type": OrderType.LIMIT}, "INVALID_PRICE", "limit_price belongs to LIMIT"),
        ({"order_type": OrderType.STOP_MARKET}, "INVALID_PRICE", "stop_price belongs"),
        ({"time_in_force": TimeInForce.GTD}, "INVALID_COMMAND", "expire_ts belongs to GTD"),
        ({"expire_ts": 5}, "INVALID_COMMAND", "expire_ts belongs to GTD"),
        ({"expire_ts": "tomorrow"}, "INVALID_COMMAND", "expire_ts belongs to GTD"),
    ],
)
def test_malformed_order_is_refused(fields: dict[str, Any], code: str, words: str) -> None:
    given_code, detail = refusal_of([changed(GOOD, **fields)])
    assert given_code == code
    assert words in detail


@pytest.mark.parametrize("expire_ts", ["5", 5.0, True, -1, 2**63])
def test_end_of_a_gtd_order_is_a_timestamp(expire_ts: Any) -> None:
    command = changed(GOOD, time_in_force=TimeInForce.GTD, expire_ts=expire_ts)
    code, detail = refusal_of([command])
    assert code is RefusalCode.INVALID_COMMAND
    assert "expire_ts must be nanoseconds UTC" in detail


def test_stop_order_has_one_leg() -> None:
    command = order_for(leg("AAA", 1), leg("BBB", 1), order_type=OrderType.STOP_MARKET)
    code, detail = refusal_of([changed(command, stop_price=Decimal(1))])
    assert (code, detail) == (RefusalCode.INVALID_PRICE, "a stop order has one leg")


@pytest.mark.parametrize(
    "command",
    [
        buy("AAA", "0.000000001"),
        buy("AAA", 1, **limit("-0.05")),
        changed(GOOD, order_type=OrderType.STOP_MARKET, stop_price=Decimal(5)),
        changed(GOOD, time_in_force=TimeInForce.GTD, expire_ts=2**63 - 1),
        order_for(*[leg("AAA", 1)] * LEGS_MAX),
        buy("no such thing", 1),
        buy("AAA", 1, label="ä" * TEXT_CHARACTERS_MAX),
    ],
    ids=range(7),
)
def test_order_on_the_edge_is_well_formed(command: SubmitOrder) -> None:
    (one,) = check([command]).checked
    assert isinstance(one, Proposal)
    assert one.command is command
    msgspec.msgpack.encode(one.command)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), None, "up", Decimal(1), True, 10**30]
)
def test_signal_that_would_break_its_readers_is_refused(value: Any) -> None:
    answer = check([Signal(strategy_id="alpha", name="trend", value=value)])
    assert answer.signals == ()
    (one,) = answer.checked
    assert isinstance(one, Rejection)
    assert "a signal's value must be a finite float" in one.refusal.detail


def test_signal_may_be_a_whole_number() -> None:
    signal = Signal(strategy_id="alpha", name="regime", value=-3, instrument_id="AAA")
    assert check([signal]).signals == (signal,)


def test_ambient_context_plays_no_part() -> None:
    answer = [buy("AAA", "123456.789"), buy("AAA", 1, **limit("1E+4")), GOOD]
    answer.append(changed(GOOD, legs=(Leg("AAA", OrderSide.BUY, Decimal("-1E+30")),)))
    ours = check_answer("alpha", answer, book_of(AAA=-200_000), {})
    with localcontext(hostile_context()):
        theirs = check_answer("alpha", answer, book_of(AAA=-200_000), {})
    assert theirs == ours


# -- exits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (sell("AAA", 10), True),
        (sell("AAA", 4), True),
        (sell("AAA", "10.5"), False),
        (buy("AAA", 1), False),
        (buy("FUT", 2), True),
        (buy("FUT", 3), False),
        (sell("FUT", 1), False),
        (sell("BBB", 1), False),
        (order_for(leg("AAA", -10), leg("FUT", 2)), True),
        (order_for(leg("AAA", -10), leg("FUT", -2)), False),
        (order_for(leg("AAA", -5), leg("AAA", -5)), True),
        (order_for(leg("AAA", -5), leg("AAA", -6)), False),
        (order_for(leg("AAA", -5), leg("AAA", 5)), False),
    ],
)
def test_exit_shrinks_every_leg_and_never_passes_zero(command: SubmitOrder, expected: bool) -> None:
    assert is_exit(command, book_of(AAA=10, FUT=-2), {}) is expected


@pytest.mark.parametrize(
    ("working", "left"),
    [
        (working_order(sell("AAA", 4)), 6),
        (working_order(sell("AAA", 4), filled=[3]), 9),
        (working_order(buy("AAA", 4)), 10),
        (working_order(sell("BBB", 4)), 10),
        (working_order(sell("AAA", 15)), 0),
        (working_order(order_for(leg("AAA", -1), leg("AAA", -2))), 7),
        # An overfilled leg of an order that still works must not make room for others.
        (working_order(order_for(leg("AAA", -2), leg("FUT", 1)), filled=[5, 0]), 10),
        (working_order(sell("AAA", 4), status=OrderStatus.UNKNOWN), 6),
    ],
)
def test_working_orders_count_against_an_exit(working: Any, left: int) -> None:
    orders = {"W1": working}
    assert is_exit(sell("AAA", max(left, 1)), book_of(AAA=10), orders) is (left > 0)
    assert not is_exit(sell("AAA", left + 1), book_of(AAA=10), orders)


def test_working_quantity_adds_up_own_side_of_one_instrument() -> None:
    working = {
        "W1": working_order(sell("AAA", 4), "W1"),
        "W2": working_order(order_for(leg("AAA", -1), leg("FUT", -3)), "W2"),
    }
    assert working_quantity(leg("AAA", -1), working) == 5
    assert working_quantity(leg("AAA", 1), working) == 0
    assert working_quantity(leg("FUT", -1), working) == 3
