"""The sections ``paper``, ``live`` and ``journal``: what a long-running process needs to know.

They say how the process works and not what it decides, except for the mishaps of paper trading.
``live_choice`` makes the venue's client from the names here.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, model_validator

from orchestrion.adapters.settings.section import Amount, Rate, Section
from orchestrion.adapters.venue.delivery_policy import DeliveryPolicy
from orchestrion.adapters.venue.paper_conditions import LATENCY_MAX_NS, PaperConditions
from orchestrion.domain.models.money import ZERO

_NS_PER_MS = 1_000_000
_LATENCY_MAX_MS = LATENCY_MAX_NS // _NS_PER_MS


class PaperSettings(Section):
    """Paper trading over recorded data; all mishaps are drawn from ``seed``."""

    latency_min_ms: Amount = Field(default=ZERO, ge=0, le=_LATENCY_MAX_MS, decimal_places=6)
    """The least time that a command takes to the venue, milliseconds of market time."""
    latency_max_ms: Amount = Field(default=ZERO, ge=0, le=_LATENCY_MAX_MS, decimal_places=6)
    """The most that it takes; evenly drawn between the two."""
    reject_pct: Rate = ZERO
    """Percent of the orders that the venue rejects for no reason."""
    cancel_reject_pct: Rate = ZERO
    """Percent of the cancels that it rejects; the order stays."""
    partial_fill_pct: Rate = ZERO
    """Percent of the fills that are only a part; the rest works on."""
    speed: float | None = Field(default=None, gt=0, le=1e12)
    """Market time per real time: 1 is real time, 60 plays an hour in a minute. Without it as fast
    as it goes."""
    gap_max_s: float | None = Field(default=None, gt=0, le=1e9)
    """With a speed: no wait between two slices is longer, real seconds; nights are cut short."""
    reply_timeout_s: float = Field(default=30.0, gt=0, le=3_600)
    """How long asynchronous strategies may think in one round, real seconds."""

    @model_validator(mode="after")
    def _in_order(self) -> PaperSettings:
        if self.latency_min_ms > self.latency_max_ms:
            raise ValueError("latency_max_ms must be at least latency_min_ms")
        if self.speed is None and self.gap_max_s is not None:
            raise ValueError("gap_max_s needs a speed: without one there are no waits")
        return self

    @property
    def conditions(self) -> PaperConditions:
        return PaperConditions(
            latency_min_ns=int(self.latency_min_ms * _NS_PER_MS),
            latency_max_ns=int(self.latency_max_ms * _NS_PER_MS),
            reject_fraction=_fraction(self.reject_pct),
            cancel_reject_fraction=_fraction(self.cancel_reject_pct),
            partial_fill_fraction=_fraction(self.partial_fill_pct),
        )


class LiveSettings(Section):
    """Live trading through a client of a venue."""

    client: str | None = Field(default=None, min_length=3)
    """Import path package.module:Class of the venue's client: a class with the methods of
    orchestrion.adapters.venue.venue_client.VenueClient, which says what each of them owes."""
    client_config: dict[str, Any] = Field(default_factory=dict)
    """Arguments of that class. ${NAME} stands for an environment variable and is never written
    down anywhere: the place for secrets."""
    feed: str | None = Field(default=None, min_length=3)
    """Import path of a function that gives market data as an asynchronous iterator of bars, quotes,
    trades and chains. Without one the recorded data of `data` are played."""
    feed_config: dict[str, Any] = Field(default_factory=dict)
    """Arguments of that function, as client_config."""
    close_after_s: float = Field(default=0.05, gt=0, le=60)
    """With a feed: how long a slice waits for further items of its moment, seconds."""
    speed: float = Field(default=1.0, gt=0, le=1e12)
    """Without a feed: market time per real time."""
    gap_max_s: float | None = Field(default=None, gt=0, le=1e9)
    """Without a feed: no wait between two slices is longer, real seconds."""
    reply_timeout_s: float = Field(default=0.05, gt=0, le=3_600)
    """How long asynchronous strategies may think in one round, seconds."""
    cash_tolerance: Amount | None = Field(default=None, ge=0)
    """A start is refused when the cash at the venue and in the books differ by more, account
    currency. Without it money is not compared: an account may hold more than account.capital."""
    start_timeout_s: float = Field(default=30.0, gt=0, le=3_600)
    """A start that has not reached the venue and reconciled in this time fails."""
    call_timeout_s: float = Field(default=5.0, gt=0, le=3_600)
    """An answer of the venue that takes longer is none."""
    connect_timeout_s: float = Field(default=10.0, gt=0, le=3_600)
    """The same for making a connection."""
    submit_age_max_s: float = Field(default=5.0, gt=0, le=3_600)
    """An order that could not be sent for so long is not sent any more, it expires."""
    cancel_age_max_s: float = Field(default=60.0, gt=0, le=3_600)
    """The same for a cancel, which then counts as rejected."""
    calls_per_s: float = Field(default=10.0, gt=0, le=1e9)
    """No more calls of the venue than this, on average."""
    burst_calls: int = Field(default=10, gt=0, le=1_000_000)
    """And no more at once."""
    back_off_first_s: float = Field(default=0.25, gt=0, le=3_600)
    """The first wait before another try; it doubles each time."""
    back_off_max_s: float = Field(default=30.0, gt=0, le=3_600)
    """The longest wait."""
    stable_after_s: float = Field(default=30.0, gt=0, le=86_400)
    """A connection that held so long starts the waits anew."""
    timeouts_before_reconnect: int = Field(default=3, gt=0, le=1_000_000)
    """As many calls without an answer in a row end a connection."""
    queue_commands_max: int = Field(default=10_000, gt=0, le=10_000_000)
    """Commands that wait to be sent; one more is rejected."""
    outcomes_max: int = Field(default=10_000, gt=0, le=10_000_000)
    """Reports that wait to be read; then the venue's stream waits."""
    grace_s: float = Field(default=3.0, gt=0, le=3_600)
    """A shutdown waits so long for what is under way."""
    close_timeout_s: float = Field(default=1.0, gt=0, le=3_600)
    """And so long for the connection to close."""

    @model_validator(mode="after")
    def _in_order(self) -> LiveSettings:
        if self.back_off_max_s < self.back_off_first_s:
            raise ValueError("back_off_max_s must be at least back_off_first_s")
        return self

    @property
    def policy(self) -> DeliveryPolicy:
        return DeliveryPolicy(**{one: getattr(self, one) for one in DELIVERY_KEYS})

    @property
    def gap_limit_s(self) -> float:
        return math.inf if self.gap_max_s is None else self.gap_max_s


DELIVERY_KEYS = DeliveryPolicy.__struct_fields__
"""Keys of ``live`` that are handed on as they are."""


class JournalSettings(Section):
    """Where paper and live runs are written down."""

    directory: str | None = Field(default=None, min_length=1)
    """The directory of the run's journals; relative to the configuration file.
    journals/NAME-paper or journals/NAME-live in the current folder unless given."""
    snapshot_every_inputs: int = Field(default=10_000, ge=1, le=1_000_000_000)
    """A snapshot after so many inputs: a restart reads no more than those that came after it."""
    segment_records_max: int = Field(default=1_000_000, ge=1, le=1_000_000_000)
    """A journal file with more records is followed by the next one at the session's close. Bars
    take some 300 bytes each, chains of options up to a hundred kilobytes."""
    sync_every_s: float = Field(default=1.0, gt=0, le=3_600)
    """Inputs that lead to no order are on the disk after so many seconds at the latest."""


Environment = Literal["paper", "live"]


def _fraction(percent: Decimal) -> float:
    return float(percent.scaleb(-2))
