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
    """(class of the design's fault list, greatest rate at its point)."""

    CRASH = ("F1", 0.02)
    STORAGE_TORN = ("F2", 0.9)
    STORAGE_FLIP = ("F3", 0.02)
    STORAGE_ERROR = ("F4", 0.0003)
    FILL_DUPLICATE = ("F5", 0.3)
    FILL_LATE = ("F5", 0.3)
    FILL_EARLY = ("F5", 0.3)
    FILL_PARTIAL = ("F5", 0.3)
    FILL_OVER = ("F5", 0.02)
    FILL_UNKNOWN_ORDER = ("F5", 0.03)
    FILL_WRONG_SIDE = ("F5", 0.02)
    FILL_MALFORMED = ("F5", 0.02)
    REPORT_OUT_OF_ORDER = ("F5", 0.3)
    REPORT_DUPLICATE = ("F5", 0.2)
    ORDER_REJECTED = ("F6", 0.2)
    CANCEL_REJECTED = ("F6", 0.2)
    VENUE_BUSY = ("F6", 0.1)
    TIMEOUT_ACCEPTED = ("F6", 0.1)
    TIMEOUT_NOT_ACCEPTED = ("F6", 0.1)
    DISCONNECT = ("F7", 0.03)
    REPORTS_REPLAYED = ("F7", 0.03)
    EXTERNAL_ORDER = ("F8", 0.02)
    STRATEGY_RAISES = ("F9", 0.05)
    STRATEGY_RAISES_BASE = ("F9", 0.05)
    STRATEGY_GARBAGE = ("F9", 0.1)
    STRATEGY_FLOOD = ("F9", 0.01)
    STRATEGY_SLOW = ("F9", 0.1)
    STRATEGY_HANGS = ("F9", 0.02)
    STRATEGY_MUTATES = ("F9", 0.1)
    STRATEGY_AFTER_STOP = ("F9", 1.0)
    DATA_DUPLICATE = ("F10", 0.1)
    DATA_GAP = ("F10", 0.05)
    DATA_OUT_OF_ORDER = ("F10", 0.1)
    DATA_STALE = ("F10", 0.05)
    DATA_NOT_A_PRICE = ("F10", 0.1)
    DATA_JUMP = ("F10", 0.05)
    DATA_CROSSED = ("F10", 0.1)
    DATA_UNKNOWN_INSTRUMENT = ("F10", 0.05)
    DATA_BURST = ("F10", 0.02)
    CLOCK_JUMP = ("F11", 0.02)
    CLOCK_FREEZE = ("F11", 0.02)
    MAILBOX_SMALL = ("F12", 1.0)
    OPERATOR_ACT = ("F13", 0.1)
    OPERATOR_NONSENSE = ("F13", 0.05)
    CONFIG_EDIT = ("F15", 0.05)
    TASKS_PERMUTED = ("F16", 1.0)

    @property
    def group(self) -> str:
        return str(self.value[0])

    @property
    def rate_max(self) -> float:
        return float(self.value[1])


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

    def by_group(self) -> dict[str, int]:
        """Injected faults by class, in the order of the list."""
        totals: dict[str, int] = {}
        for fault, count in self.counts.items():
            totals[fault.group] = totals.get(fault.group, 0) + count
        return totals
