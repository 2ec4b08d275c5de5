"""A stretch of days out of another source."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from orchestrion.adapters.data.source import DataSource, content_fingerprint
from orchestrion.domain.errors import ConfigurationError, MarketDataError
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.market import MarketSlice

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PeriodData:
    """The slices of a source from one UTC day to another, both included."""

    def __init__(self, source: DataSource, *, start: date | None, end: date | None) -> None:
        """
        Args:
            start, end: UTC days; None leaves that side open.

        Raises:
            ConfigurationError: the end is before the start.
        """
        if start is not None and end is not None and end < start:
            raise ConfigurationError(f"data: end {end} is before start {start}")
        self._source = source
        self._start, self._end = start, end
        self._first_ns = _midnight_ns(start) if start is not None else None
        self._past_ns = _midnight_ns(end + timedelta(days=1)) if end is not None else None

    @property
    def name(self) -> str:
        return f"{self._source.name} {self._start or ''}..{self._end or ''}"

    @property
    def notes(self) -> tuple[str, ...]:
        return self._source.notes

    def catalog(self) -> InstrumentCatalog:
        return self._source.catalog()

    def slices(self) -> Iterator[MarketSlice]:
        is_empty = True
        for market_slice in self._source.slices():
            if self._past_ns is not None and market_slice.ts_event >= self._past_ns:
                break
            if self._first_ns is None or market_slice.ts_event >= self._first_ns:
                is_empty = False
                yield market_slice
        if is_empty:
            raise MarketDataError(f"{self.name}: there is no data in this period")

    def slice_count(self) -> int | None:
        """Unknown: only reading would tell."""
        return None

    def fingerprint(self) -> str:
        period = f"{self._first_ns} {self._past_ns}".encode()
        return content_fingerprint((self._source.fingerprint().encode(), period))


def _midnight_ns(day: date) -> int:
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
