"""``BlockDetector`` and ``Watchdog``: whose call does not end."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from orchestrion.adapters.watchdog import LOOKS, BlockDetector, Blocked, Watchdog
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.portfolio import Book, Marks
from orchestrion.domain.models.strategy import Strategy, StrategyView


def make_view(strategy_id: str) -> StrategyView:
    return StrategyView(strategy_id, InstrumentCatalog(()), Marks(), Book(strategy_id, Decimal(0)))


class Looked(Strategy):
    """Whoever watches looks at it from inside its own calls."""

    def __init__(self, look: Callable[[], Any]) -> None:
        super().__init__()
        self.look = look

    def on_event(self, event: object, view: object) -> None:
        self._deeper()

    def _deeper(self) -> None:
        self.look()

    def snapshot(self) -> object:
        return self.look()


def looking(detector: BlockDetector, times: int, found: list[Blocked]) -> Callable[[], None]:
    def look() -> None:
        for _ in range(times):
            blocked = detector.look(sys._getframe())
            if blocked is not None:
                found.append(blocked)

    return look


def test_call_that_is_seen_until_the_limit_is_over_is_named() -> None:
    found: list[Blocked] = []
    strategy = Looked(looking(BlockDetector(1.0), LOOKS + 1, found))
    strategy.on_event(None, make_view("alpha"))
    (blocked,) = found
    assert (blocked.strategy_id, blocked.handler, blocked.seq) == ("alpha", "on_event", 0)
    assert "test_watchdog.py" in blocked.place
    assert "looking" in blocked.stack[-1] or "look" in blocked.stack[-1]
    assert str(blocked).startswith("strategy 'alpha' has blocked the process for more than 1 s")


def test_many_calls_of_one_handler_are_none_that_blocks() -> None:
    found: list[Blocked] = []
    detector = BlockDetector(1.0)
    strategy = Looked(looking(detector, LOOKS - 1, found))
    for _ in range(5):
        strategy.on_event(None, make_view("alpha"))
    assert found == []


def test_whoever_is_no_strategy_may_take_its_time() -> None:
    found: list[Blocked] = []
    looking(BlockDetector(1.0), 5 * LOOKS, found)()
    assert found == []


def test_call_without_a_view_is_named_by_its_class() -> None:
    found: list[Blocked] = []
    Looked(looking(BlockDetector(1.0), LOOKS + 1, found)).snapshot()
    (blocked,) = found
    assert blocked.strategy_id == ""
    assert "strategy of class Looked" in str(blocked)


@pytest.mark.parametrize("limit_s", [0.01, 600.0])
def test_limit_is_kept_to_about_a_tenth_or_a_second(limit_s: float) -> None:
    assert BlockDetector(limit_s).every_s == min(limit_s / LOOKS, 1.0)


def test_thread_names_the_strategy_that_blocks_its_maker() -> None:
    found: list[Blocked] = []
    is_told = threading.Event()

    def note(blocked: Blocked) -> None:
        found.append(blocked)
        is_told.set()

    with Watchdog(0.02, note):
        Looked(lambda: is_told.wait(10.0)).on_event(None, make_view("alpha"))
    (blocked,) = found
    assert blocked.strategy_id == "alpha"
    assert "is_told.wait" in "".join(blocked.stack)
