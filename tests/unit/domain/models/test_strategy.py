"""The strategy protocol: what the view shows and which commands it writes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.order import Leg, OrderSide, OrderType, TimeInForce
from orchestrion.domain.models.portfolio import Book
from orchestrion.domain.models.strategy import Signal, Strategy, StrategyView
from tests.fakes_rules import CATALOG, book_of, buy, cancel, close_bar, leg, marks_of, working_order


def view_of(book: Book | None = None, **prices: int) -> StrategyView:
    return StrategyView("alpha", CATALOG, marks_of(**prices), book or book_of(cash=100))


def test_view_shows_own_book_prices_and_time() -> None:
    view = view_of(book_of(cash=100, AAA=-3), AAA=5)
    view.move(now=7, signals=(Signal(strategy_id="beta", name="trend", value=1.0),))
    assert view.strategy_id == "alpha"
    assert view.now == 7
    assert [signal.name for signal in view.signals] == ["trend"]
    assert view.book.cash == 100
    assert view.budget == 100 - 15
    assert view.quantity("AAA") == -3
    assert view.quantity("BBB") == 0
    assert view.price("AAA") == 5
    assert view.price("BBB") is None
    assert view.instruments is CATALOG
    assert dict(view.working_orders) == {}


def test_view_moves_only_what_changed() -> None:
    view, order = view_of(), working_order(buy("AAA", 1))
    view.move(now=7)
    view.move(book=book_of(cash=9), orders={"W1": order})
    assert (view.now, dict(view.working_orders)) == (7, {"W1": order})
    assert view.book.cash == 9
    assert view.signals == ()


def test_view_writes_signed_commands() -> None:
    view = view_of()
    assert view.buy("AAA", 5, label="in") == buy("AAA", 5, label="in")
    sold = view.sell("AAA", Decimal("1.5"), order_type=OrderType.LIMIT, limit_price=Decimal(9))
    assert sold.legs == (Leg("AAA", OrderSide.SELL, Decimal("1.5")),)
    assert (sold.strategy_id, sold.limit_price) == ("alpha", Decimal(9))
    assert view.cancel("O1") == cancel("O1")


def test_close_reverses_what_is_held_and_leaves_the_rest_out() -> None:
    view = view_of(book_of(AAA=3, FUT=-2))
    command = view.close("FUT", "BBB", "AAA", label="out")
    assert command is not None
    assert command.legs == (leg("FUT", 2), leg("AAA", -3))
    assert command.reduce_only
    assert command.label == "out"
    assert view.close("BBB") is None
    assert view.close() is None


def test_structure_is_one_order() -> None:
    legs = (leg("P90", 1), leg("P95", -1))
    command = view_of().structure(
        *legs,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        limit_price=Decimal(-1),
        label="spread",
    )
    assert command.legs == legs
    assert (command.order_type, command.time_in_force) == (OrderType.LIMIT, TimeInForce.GTC)
    assert (command.label, command.reduce_only) == ("spread", False)
    assert command.limit_price == -1


def test_base_strategy_does_nothing() -> None:
    strategy, view = Strategy(), view_of()
    assert strategy.subscriptions() == ()
    assert strategy.on_start(view) is None
    assert strategy.on_event(MarketSlice.of([close_bar("AAA", 1)]), view) is None
    assert strategy.snapshot() is None
    strategy.on_stop(view)
    with pytest.raises(NotImplementedError, match="Strategy gives snapshots but cannot restore"):
        strategy.restore({})


class Window(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    days: int = Field(default=20, ge=2)


class Windowed(Strategy):
    Parameters = Window


def test_strategy_is_built_without_arguments_or_from_a_configuration() -> None:
    assert Windowed().parameters == Window(days=20)
    assert Windowed.configured({"days": 5}).parameters == Window(days=5)
    assert Windowed(Window(days=3)).parameters == Window(days=3)


@pytest.mark.parametrize("config", [{"days": 1}, {"weeks": 1}, {"days": "many"}])
def test_unfit_configuration_is_refused(config: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Windowed.configured(config)


def test_strategy_without_parameters_refuses_any() -> None:
    assert Strategy.configured({}).parameters == Strategy().parameters
    with pytest.raises(ValidationError):
        Strategy.configured({"days": 1})
