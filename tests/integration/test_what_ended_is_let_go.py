"""A run that is over leaves nothing behind: whoever plays a thousand of them needs the memory of
one. Actors know each other in circles, so this is the garbage collector's work, and a value that it
cannot look into (``gc=False``) would keep a whole run for ever."""

from __future__ import annotations

import gc
from collections.abc import Callable

import anyio
import pytest

from orchestrion import Orchestrion
from orchestrion.domain.models.strategy import Strategy
from orchestrion.runtime.machine import Machine
from tests.fakes import AsyncScripted, Script, Scripted, buy, following, minutes, play, sell
from tests.integration.test_refused_at_the_edge import CONFIG, bar


def machines_alive() -> int:
    gc.collect()
    return sum(1 for one in gc.get_objects() if type(one) is Machine)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("kind", [Scripted, AsyncScripted])
def test_played_run_is_let_go(kind: Callable[[Script], Strategy], backend: str) -> None:
    before = machines_alive()
    scripts = {
        "a": Script(always=buy(1)),
        "b": Script(on_event={2: sell(1)}, on_fill=lambda _, view: [view.close("AAA")]),
    }
    play(following(scripts, kind), minutes(5), backend=backend)
    assert machines_alive() == before


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_embedded_run_is_let_go(backend: str) -> None:
    async def embed() -> None:
        async with Orchestrion.from_config(CONFIG) as bot:
            for day in range(2, 9):
                await bot.publish(bar(day, str(100 - day)))

    before = machines_alive()
    anyio.run(embed, backend=backend)
    assert machines_alive() == before
