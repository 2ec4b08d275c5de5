"""The guide for adapter authors: what it names is there, what it shows works."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from orchestrion import MarketSlice, Strategy, StrategyView, SubmitOrder
from orchestrion.testing.port_desk import HOOKS, PortDesk
from tests.fakes_port import MemoryBroker, SoundPort

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "adapters.md").read_text()
OUR_OWN = {"stopwatch"}
"""Attributes that only the tests of the contract set."""


class Dip(Strategy):
    """Buys ten after a fall: the strategy that the guide's scenario is about."""

    last: Decimal | None = None

    def on_event(self, event: MarketSlice, view: StrategyView) -> list[SubmitOrder]:
        bar = event.bar("AAPL")
        last, self.last = self.last, bar.close if bar else self.last
        return [view.buy("AAPL", 10)] if bar and last and bar.close < last else []


def _shown(first_words: str) -> str:
    blocks = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    (code,) = [block for block in blocks if block.startswith(first_words)]
    return str(code)


def test_guide_names_every_hook_and_every_attribute() -> None:
    attributes = [name for name in PortDesk.__annotations__ if hasattr(PortDesk, name)]
    public = [one for one in (*HOOKS, *attributes) if one not in OUR_OWN and one[0] != "_"]

    assert len(public) > 15
    assert [name for name in public if not re.search(rf"\b{name}\b", GUIDE)] == []


def test_guide_shows_the_three_lines_that_work() -> None:
    names: dict[str, Any] = {"MyAdapter": lambda *_: SoundPort(MemoryBroker())}
    exec(_shown("from orchestrion.testing import Orch"), names)  # noqa: S102 - the guide's words
    desk: PortDesk = names["TestMyAdapter"]()

    with desk.opened():
        desk.working("1", "2")
        assert len(desk.told) == 2


def test_guide_shows_a_scenario_that_works() -> None:
    names: dict[str, Any] = {"Dip": Dip}
    exec(_shown("from orchestrion.testing import Scen"), names)  # noqa: S102 - the guide's words

    names["test_dip_buys_after_a_fall"]()
