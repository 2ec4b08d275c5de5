"""What makes the simulated venue of paper trading less than ideal. All zero: as in a backtest."""

from __future__ import annotations

import msgspec

from orchestrion.domain.errors import ConfigurationError

LATENCY_MAX_NS = 60_000_000_000
"""A minute; more is a typing error. Arbitrary."""


class PaperConditions(msgspec.Struct, frozen=True, kw_only=True):
    """Delays and mishaps, drawn from the run's seed.

    Attributes:
        latency_min_ns, latency_max_ns: a command reaches the venue so many nanoseconds of market
            time after its decision, evenly drawn, never before an earlier command.
        reject_fraction: of orders that the venue rejects for no reason of ours.
        cancel_reject_fraction: of cancels that the venue rejects; the order stays.
        partial_fill_fraction: of fills that are only a part; the rest works on.
    """

    latency_min_ns: int = 0
    latency_max_ns: int = 0
    reject_fraction: float = 0.0
    cancel_reject_fraction: float = 0.0
    partial_fill_fraction: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.latency_min_ns <= self.latency_max_ns <= LATENCY_MAX_NS:
            raise ConfigurationError(
                "paper: latency must be 0 <= min <= max <= a minute, got "
                f"{self.latency_min_ns} to {self.latency_max_ns} ns"
            )
        for name in ("reject_fraction", "cancel_reject_fraction", "partial_fill_fraction"):
            value: float = getattr(self, name)
            if not 0 <= value <= 1:  # NaN is refused too
                raise ConfigurationError(f"paper: {name} must be 0 to 1, got {value}")
