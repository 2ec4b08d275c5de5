"""Starts ``orchestrion live`` as a process of its own against a venue process, and watches it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.processes.failpoints import FAILPOINT, SYNC_LOG
from tests.processes.trading import INSTRUMENTS, QUIET
from tests.processes.venue_checker import VenueTruth
from tests.processes.venue_client import ROOT

PATIENCE_S = 60.0
MAIN = "from orchestrion.adapters.cli.main import main; main()"
"""What the console script runs."""


def configuration(port: int, **changes: Any) -> dict[str, Any]:
    """Two strategies that share an instrument, on an account of a million."""

    def entry(**config: Any) -> dict[str, Any]:
        name = "tests.processes.trading:Restless"
        return {"strategy": name, "allocation_pct": 30, "config": config}

    return {
        "account": {"id": "crash", "capital": 1_000_000},
        "strategies": {
            "first": entry(instrument_id="AAA", every=3),
            "second": entry(instrument_id="AAA", every=5, quantity_max=4),
            "third": entry(instrument_id="BBB", every=4, resting_max=1),
        },
        "data": {
            "source": "feed",
            "instruments": [{"kind": "equity", "instrument_id": one} for one in INSTRUMENTS],
        },
        "conflicts": {"default": "allow"},
        "live": {
            "client": "tests.processes.failpoints:FailingClient",
            "client_config": {"port": port, "visibility_delay_s": 0.05},
            "feed": "tests.processes.trading:EndlessFeed",
            "calls_per_s": 10_000,
            "burst_calls": 1_000,
            "call_timeout_s": 2.0,
            "back_off_first_s": 0.01,
            "back_off_max_s": 0.1,
            "grace_s": 2.0,
            "cash_tolerance": 0,
            "reply_timeout_s": 1.0,
        },
        "journal": {"sync_every_s": 0.1, "snapshot_every_inputs": 500},
        **changes,
    }


class LiveProcess:
    """One run, started as often as wanted."""

    def __init__(
        self, folder: Path, port: int, *, backend: str = "asyncio", **changes: Any
    ) -> None:
        self.folder = folder
        self.journals = folder / "journals"
        self.config = folder / "crash.json"
        self.sync_log = folder / "synced.log"
        self.environ: dict[str, str] = {}
        self._backend = backend
        self._output = folder / "stderr.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.content = configuration(port, **changes)
        self.configure(self.content)

    def configure(self, content: Mapping[str, Any]) -> None:
        """What the next start reads."""
        self.content = dict(content)
        self.config.write_text(json.dumps(content))

    def start(
        self,
        *,
        failpoint: str = "",
        verb: str = "live",
        options: Sequence[str] = (),
        is_quiet: bool = False,
        **popen: Any,
    ) -> None:
        environ = {**os.environ, SYNC_LOG: str(self.sync_log), FAILPOINT: failpoint}
        environ[QUIET] = "1" if is_quiet else ""
        environ |= self.environ
        command = [sys.executable, "-c", MAIN, verb, str(self.config)]
        command += ["--i-accept-live-orders"] if verb == "live" else []
        command += ["--journal", str(self.journals), *options]
        command += ["--json", "--backend", self._backend] if verb != "reconcile" else []
        with self._output.open("wb") as errors, (self.folder / "stdout.log").open("wb") as output:
            self._process = subprocess.Popen(
                command, cwd=ROOT, stdout=output, stderr=errors, env=environ, **popen
            )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def result(self) -> dict[str, Any]:
        """What an orderly end printed."""
        content: dict[str, Any] = json.loads((self.folder / "stdout.log").read_text())
        return content

    @property
    def errors(self) -> str:
        return self._output.read_text()

    def events(self) -> list[dict[str, Any]]:
        """What it has logged so far."""
        lines = [one for one in self.errors.splitlines() if one.startswith("{")]
        return [json.loads(one) for one in lines if one.endswith("}")]

    @property
    def is_alive(self) -> bool:
        assert self._process is not None
        return self._process.poll() is None

    def has_told(self, event: str) -> bool:
        return f'"event": "{event}"' in self.errors

    @property
    def is_listening(self) -> bool:
        """Whether its signal handlers are known to be in place: it has said its first word."""
        return bool(self.errors)

    @property
    def is_running_told(self) -> bool:
        return self.has_told("RunRunning")

    def accepted_after_stop(self, venue_log: Path) -> list[str]:
        """Orders of seqs behind the round in which the signal was heard."""
        last = [one["seq"] for one in self.events() if one["event"] == "RunStopping"]
        truth = VenueTruth.read(venue_log)
        return [] if not last else [one for one in truth.accepted if _seq_of(one) > last[-1]]

    def wait_running(self) -> bool:
        """Until it says that it runs; False when it has ended before.

        Raises:
            AssertionError: neither in time.
        """
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            if self.has_told("RunRunning"):
                return True
            if not self.is_alive:
                return self.has_told("RunRunning")
            time.sleep(0.01)
        raise AssertionError(f"not running after {PATIENCE_S} s: {self.errors}")

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """Exit code; minus the signal's number when it died of one."""
        assert self._process is not None
        return self._process.wait(timeout_s)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.wait()

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()


def _seq_of(client_order_id: str) -> int:
    """The seq in the run's ids, ``...-SEQ-INDEX``."""
    return int(client_order_id.split("-")[-2])
