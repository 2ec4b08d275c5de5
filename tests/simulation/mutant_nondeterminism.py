"""Twenty planted nondeterminisms: each lets something into decisions that no journal holds.

Most change a verdict or its words; a replay in other surroundings must then differ. Those of
``NEEDS_PROCESSES`` are the same within one process and show only between two.
"""

from __future__ import annotations

import gc
import logging
import os
import random
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from orchestrion.actors.capital_manager_actor import CapitalManagerActor
from orchestrion.actors.messages import PauseStrategy
from orchestrion.adapters.session import TradingSession
from orchestrion.domain.models.command import ApprovedCommand, RefusalCode, RefusedCommand
from orchestrion.domain.orchestration.account_books import AccountBooks
from orchestrion.domain.orchestration.lifecycle import TradingState
from orchestrion.runtime.machine import Machine
from tests.simulation.patching import Mutant, original, replacing
from tests.simulation.perturbation import MARK
from tests.simulation.strategy_models import SimStrategy

_verdict = original(CapitalManagerActor, "_verdict")
_equity = original(AccountBooks, "equity")
_deliver = original(TradingSession, "_deliver")
_post = original(Machine, "post")
_draws = original(SimStrategy, "_draws")


def _refusing_when(is_refused: Callable[[Any, Any], object]) -> Mutant:
    """An approval becomes a refusal when something says so that nobody wrote down."""

    def verdict(self: Any, one: Any, index: int) -> Any:
        if hasattr(one, "refusal") or not is_refused(self, one):
            return _verdict(self, one, index)
        return RefusedCommand(
            strategy_id=one.strategy_id,
            command=one.command,
            code=RefusalCode.CONFLICT,
            detail="planted",
        )

    return replacing((CapitalManagerActor, "_verdict", verdict))


def _saying(words: Callable[[Any], str]) -> Mutant:
    """A refusal's words hold something that nobody wrote down."""

    def verdict(self: Any, one: Any, index: int) -> Any:
        found = _verdict(self, one, index)
        if isinstance(found, ApprovedCommand):
            return found
        return msgspec.structs.replace(found, detail=f"{found.detail} ({words(self)})")

    return replacing((CapitalManagerActor, "_verdict", verdict))


_LEFT_OVER: dict[tuple[int, str], None] = {}


def _was_here_before(self: Any, one: Any) -> bool:
    key = (self._context.seq, f"{one.strategy_id} {one.index}")
    was = key in _LEFT_OVER
    _LEFT_OVER[key] = None
    return was


def _sum_in_set_order(self: Any) -> str:
    sizes = {"one": 1e16, "two": 1.0, "three": -1e16, "four": 0.1, "five": 3.3}
    return repr(sum(sizes[name] for name in set(sizes)))


def _set_words(self: Any) -> str:
    return " ".join({f"strategy {name}" for name in self._capital.books})


def _thread_words(_: Any) -> str:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(threading.get_native_id()))
    thread.start()
    thread.join()
    return str(found[0])


def _file_left_behind(self: Any, one: Any) -> bool:
    folder = Path(tempfile.gettempdir()) / f"orchestrion-planted-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    mark = folder / f"{self._order_id_prefix}-{self._context.seq}-{one.strategy_id}-{one.index}"
    was_there = mark.exists()
    mark.touch()
    return was_there


def _with_ambient_context(self: Any, book_id: str) -> Decimal:
    value: Decimal = +_equity(self, book_id)
    return value


async def _with_a_timer(self: Any, payload: object, ts: int) -> None:
    """Every so often the shell changes the core's state, and tells nobody."""
    count = vars(self).get("planted_count", 0) + 1
    self.planted_count = count
    capital = self.system.orchestrator.capital_manager
    state = capital.trading_state
    if count % 3 == 0:
        capital.trading_state = TradingState.HALTED
    try:
        await _deliver(self, payload, ts)
    finally:
        if capital.trading_state is TradingState.HALTED:
            capital.trading_state = state


def _post_unrecorded(self: Machine, payload: object, ts: int, *, is_recorded: bool = True) -> int:
    kept = is_recorded and not isinstance(payload, PauseStrategy)
    return int(_post(self, payload, ts, is_recorded=kept))


class _ClassState:
    count = 0


def _draws_of_all(self: SimStrategy, handler: str, view: Any) -> Any:
    _ClassState.count += 1
    draws = _draws(self, handler, view)
    draws.extend(_ClassState.count)
    return draws


def _rarely(number: int) -> bool:
    return number % 4 == 0


NONDETERMINISMS: dict[str, Mutant] = {
    "wall_clock_decides": _refusing_when(lambda *_: _rarely(time.time_ns() // 1000)),
    "random_decides": _refusing_when(lambda *_: random.random() < 0.3),  # noqa: S311
    "uuid_in_words": _saying(lambda _: str(uuid.uuid4())),
    "object_id_decides": _refusing_when(lambda _, one: _rarely(id(one.command) >> 6)),
    "object_address_in_words": _saying(lambda _: repr(object())),
    "text_hash_decides": _refusing_when(lambda _, one: _rarely(hash(one.command.label))),
    "set_order_in_words": _saying(_set_words),
    "float_sum_in_set_order": _saying(_sum_in_set_order),
    "environment_decides": _refusing_when(lambda *_: MARK in os.environ),
    "time_zone_in_words": _saying(lambda _: time.strftime("%H", time.localtime(0))),
    "log_level_decides": _refusing_when(lambda *_: logging.getLogger().level >= logging.CRITICAL),
    "ambient_decimal_context": replacing((AccountBooks, "equity", _with_ambient_context)),
    "thread_in_words": _saying(_thread_words),
    "process_id_in_words": _saying(lambda _: str(os.getpid())),
    "garbage_collector_decides": _refusing_when(lambda *_: gc.isenabled()),
    "file_left_behind_decides": _refusing_when(_file_left_behind),
    "dictionary_left_behind_decides": _refusing_when(_was_here_before),
    "unjournaled_timer": replacing((TradingSession, "_deliver", _with_a_timer)),
    "unjournaled_operator": replacing((Machine, "post", _post_unrecorded)),
    "strategies_share_a_counter": replacing((SimStrategy, "_draws", _draws_of_all)),
}

NEEDS_PROCESSES = (
    "text_hash_decides",
    "set_order_in_words",
    "float_sum_in_set_order",
    "process_id_in_words",
)
