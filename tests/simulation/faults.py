"""Which faults a run may see, how often, and how many it saw.

Each seed draws a ceiling per fault, between nothing and the greatest rate of the reliability
design; about a third of the faults are off in any one seed, so that a fault which hides another
does not always stand in front of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from tests.simulation.chance import Chance


class Fault(Enum):
    """(class of the design's fault list, greatest rate at its point, words). The words keep members
    with the same rate apart."""

    CRASH = ("F1", 0.004, "crash")
    STORAGE_TORN = ("F2", 0.9, "storage torn")
    STORAGE_FLIP = ("F3", 0.02, "storage flip")
    STORAGE_ERROR = ("F4", 0.0003, "storage error")
    FILL_DUPLICATE = ("F5", 0.3, "fill duplicate")
    FILL_LATE = ("F5", 0.3, "fill late")
    FILL_EARLY = ("F5", 0.3, "fill early")
    FILL_PARTIAL = ("F5", 0.3, "fill partial")
    FILL_OVER = ("F5", 0.02, "fill over")
    FILL_UNKNOWN_ORDER = ("F5", 0.5, "fill unknown order")
    FILL_WRONG_SIDE = ("F5", 0.02, "fill wrong side")
    FILL_MALFORMED = ("F5", 0.02, "fill malformed")
    REPORT_OUT_OF_ORDER = ("F5", 0.3, "report out of order")
    REPORT_DUPLICATE = ("F5", 0.2, "report duplicate")
    ORDER_REJECTED = ("F6", 0.2, "order rejected")
    CANCEL_REJECTED = ("F6", 0.2, "cancel rejected")
    VENUE_BUSY = ("F6", 0.1, "venue busy")
    TIMEOUT_ACCEPTED = ("F6", 0.1, "timeout accepted")
    TIMEOUT_NOT_ACCEPTED = ("F6", 0.1, "timeout not accepted")
    DISCONNECT = ("F7", 0.03, "disconnect")
    REPORTS_REPLAYED = ("F7", 0.5, "reports replayed")
    EXTERNAL_ORDER = ("F8", 0.02, "external order")
    STRATEGY_RAISES = ("F9", 0.05, "strategy raises")
    STRATEGY_RAISES_BASE = ("F9", 0.05, "strategy raises base")
    STRATEGY_GARBAGE = ("F9", 0.1, "strategy garbage")
    STRATEGY_FLOOD = ("F9", 0.01, "strategy flood")
    STRATEGY_SLOW = ("F9", 0.1, "strategy slow")
    STRATEGY_HANGS = ("F9", 0.02, "strategy hangs")
    STRATEGY_MUTATES = ("F9", 0.1, "strategy mutates")
    STRATEGY_AFTER_STOP = ("F9", 1.0, "strategy after stop")
    DATA_DUPLICATE = ("F10", 0.1, "data duplicate")
    DATA_GAP = ("F10", 0.05, "data gap")
    DATA_OUT_OF_ORDER = ("F10", 0.1, "data out of order")
    DATA_STALE = ("F10", 0.05, "data stale")
    DATA_NOT_A_PRICE = ("F10", 0.1, "data not a price")
    DATA_JUMP = ("F10", 0.05, "data jump")
    DATA_CROSSED = ("F10", 0.1, "data crossed")
    DATA_UNKNOWN_INSTRUMENT = ("F10", 0.05, "data unknown instrument")
    DATA_BURST = ("F10", 0.02, "data burst")
    CLOCK_JUMP = ("F11", 0.02, "clock jump")
    CLOCK_FREEZE = ("F11", 0.02, "clock freeze")
    MAILBOX_SMALL = ("F12", 1.0, "mailbox small")
    OPERATOR_ACT = ("F13", 0.8, "operator act")
    OPERATOR_NONSENSE = ("F13", 0.2, "operator nonsense")
    CONFIG_EDIT = ("F15", 0.05, "config edit")
    TASKS_PERMUTED = ("F16", 1.0, "tasks permuted")

    @property
    def group(self) -> str:
        return str(self.value[0])

    @property
    def words(self) -> str:
        return str(self.value[2])

    @property
    def rate_max(self) -> float:
        return float(self.value[1])


CLASSES = {
    "F1": "the process ends at any call of storage or venue",
    "F2": "the disk loses or tears what was not synced",
    "F3": "a bit of the journal is flipped",
    "F4": "the disk is full or fails",
    "F5": "fills and reports: twice, late, early, in parts, too much, wrong, in another order",
    "F6": "rejects, busy venue, time-outs with and without acceptance",
    "F7": "disconnects, reports said again",
    "F8": "trades by hand",
    "F9": "strategies that fail, hang, answer garbage, change what they were given",
    "F10": "market data: twice, gaps, stale, no price, crossed, jumps, bursts",
    "F11": "the clock jumps or freezes",
    "F12": "mailboxes for one message (counted once a seed)",
    "F13": "the operator, in earnest and with nonsense",
    "F15": "another configuration at a restart",
    "F16": "tasks in another order",
}
"""Of the design's list. F14, signals, needs real processes."""

ALWAYS_ON = frozenset({Fault.TASKS_PERMUTED})
OFF_SHARE = 1 / 3
RATE_STEPS = 4


class FaultPlan:
    """Ceilings of one run, and what was injected.

    Attributes:
        counts: injected faults, by fault; in the order of ``Fault``.
        is_quiet: faults are off, for the end of a run.
    """

    def __init__(self, rates: dict[Fault, float]) -> None:
        self.counts = dict.fromkeys(Fault, 0)
        self.is_quiet = False
        self._rates = rates

    @classmethod
    def draw(cls, chance: Chance, *, only: Iterable[Fault] | None = None) -> FaultPlan:
        """
        Args:
            only: faults that may happen at all; None for every one.
        """
        allowed = None if only is None else frozenset(only)
        rates: dict[Fault, float] = {}
        for fault in Fault:
            is_off = chance.happens(OFF_SHARE)
            step = chance.between(1, RATE_STEPS)
            rate = fault.rate_max * step / RATE_STEPS
            if fault in ALWAYS_ON:
                rate = fault.rate_max
            elif is_off or (allowed is not None and fault not in allowed):
                rate = 0.0
            rates[fault] = rate
        return cls(rates)

    def rate(self, fault: Fault) -> float:
        return 0.0 if self.is_quiet else self._rates[fault]

    def strikes(self, fault: Fault, chance: Chance) -> bool:
        """Whether it happens now; then it is counted."""
        if not chance.happens(self.rate(fault)):
            return False
        self.count(fault)
        return True

    def count(self, fault: Fault, times: int = 1) -> None:
        self.counts[fault] += times
