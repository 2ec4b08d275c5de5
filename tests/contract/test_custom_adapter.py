"""The example adapter keeps the port's contract, with the broker of the tests behind its files."""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from orchestrion.domain.errors import PortUnavailableError
from orchestrion.domain.models.command import ApprovedCommand
from orchestrion.testing import VirtualClock
from orchestrion.testing.port_desk import PortSource
from tests.fakes_port import MarketDesk, MemoryBroker

PATH = Path(__file__).resolve().parents[2] / "examples" / "custom_adapter.py"
EXAMPLE = runpy.run_path(str(PATH))
values: Callable[[Path, type], list[Any]] = EXAMPLE["values"]
append: Callable[..., None] = EXAMPLE["append"]
new_adapter: Callable[[Path, Decimal], Any] = EXAMPLE["FileAdapter"]


class TestFileAdapter(MarketDesk):
    impossible: ClassVar[Mapping[str, str]] = {
        "lose_connection": "a line is written or it is not; nothing is lost on the way",
        "restore_connection": "a line is written or it is not; nothing is lost on the way",
        "listen": "the adapter is asked for reports",
    }

    @pytest.fixture
    def port_environment(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make_port_to(self, broker: MemoryBroker) -> PortSource:
        port: PortSource = new_adapter(self.folder, Decimal(1_000_000))
        self.read = len(values(self.folder / "orders.jsonl", ApprovedCommand))
        return port

    def settle(self) -> None:
        """The other program's turn: it reads orders and writes reports."""
        arrived = values(self.folder / "orders.jsonl", ApprovedCommand)[self.read :]
        self.read += len(arrived)
        for approved in arrived:
            self.broker.take(approved)
        append(self.folder / "reports.jsonl", *self.broker.unread)
        self.broker.unread.clear()


def _approved(name: str) -> ApprovedCommand:
    desk = TestFileAdapter()
    desk.clock = VirtualClock()
    return desk.submit(name)


def test_folder_that_is_gone_means_unknown_and_the_order_can_be_sent_again(tmp_path: Path) -> None:
    adapter = new_adapter(tmp_path / "folder", Decimal(0))
    with pytest.raises(PortUnavailableError, match=r"orders\.jsonl"):
        adapter.execute_commands([_approved("1")])
    (tmp_path / "folder").mkdir()
    adapter.execute_commands([_approved("1")])

    assert values(tmp_path / "folder" / "orders.jsonl", ApprovedCommand) == [_approved("1")]


def test_line_that_a_crash_cut_off_is_no_order_and_does_not_spoil_the_next(tmp_path: Path) -> None:
    orders = tmp_path / "orders.jsonl"
    new_adapter(tmp_path, Decimal(0)).execute_commands([_approved("1"), _approved("2")])
    orders.write_bytes(orders.read_bytes()[:-10])
    assert values(orders, ApprovedCommand) == [_approved("1")]
    new_adapter(tmp_path, Decimal(0)).execute_commands([_approved("2"), _approved("3")])

    assert values(orders, ApprovedCommand) == [_approved(name) for name in "123"]


@pytest.mark.slow
def test_example_shows_a_run() -> None:
    run = subprocess.run([sys.executable, str(PATH)], capture_output=True, text=True, check=True)

    told = [line.split("(")[0] for line in run.stdout.splitlines() if line.startswith("at ")]
    assert told == [
        "at 97: OrderAcceptedReport",
        "at 97: OrderFilledReport",
        "at 102: OrderAcceptedReport",
        "at 102: OrderFilledReport",
    ]
    assert "cash: book 50050.00, file 50050.00" in run.stdout.splitlines()


def test_example_is_short_enough_to_read() -> None:
    assert len(PATH.read_text().splitlines()) < 150
