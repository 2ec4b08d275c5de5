"""From the ``data`` section to a data source, and its faults before a run starts.

A period is a view of a source: it leaves out the slices before ``start`` and after ``end`` (UTC
days, both included) and is part of the fingerprint, because it is part of what was read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from orchestrion.adapters.data.bar_files import BarFile, BarFiles
from orchestrion.adapters.data.bundled_data import BundledData
from orchestrion.adapters.data.in_memory_data import InMemoryData
from orchestrion.adapters.data.source import DataSource, content_fingerprint
from orchestrion.adapters.settings.data_settings import (
    BarFileSettings,
    BundledDataSettings,
    DataSettings,
    FeedDataSettings,
    FileDataSettings,
    FutureSettings,
    InstrumentSettings,
    OptionSettings,
    nanoseconds,
)
from orchestrion.adapters.settings.fault import Faults, KeyPath, did_you_mean
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.market import MarketSlice

BUNDLED_CURRENCY = "USD"
_DAY_NS = 86_400 * 1_000_000_000


class PeriodOfData:
    """A data source between two days."""

    def __init__(self, source: DataSource, start: date | None, end: date | None) -> None:
        self._source = source
        self._first_ns = None if start is None else _midnight_ns(start)
        self._past_ns = None if end is None else _midnight_ns(end + timedelta(days=1))

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def notes(self) -> tuple[str, ...]:
        return self._source.notes

    def catalog(self) -> InstrumentCatalog:
        return self._source.catalog()

    def slices(self) -> Iterator[MarketSlice]:
        for one in self._source.slices():
            if self._past_ns is not None and one.ts_event >= self._past_ns:
                return
            if self._first_ns is None or one.ts_event >= self._first_ns:
                yield one

    def slice_count(self) -> int | None:
        return None

    def fingerprint(self) -> str:
        period = f"{self._first_ns} {self._past_ns}"
        return content_fingerprint(
            (b"period-1", self._source.fingerprint().encode(), period.encode())
        )


def open_data(settings: DataSettings, *, currency: str) -> DataSource:
    """The data source that a configuration names.

    Raises:
        ConfigurationError: instruments or files that cannot be used.
        MarketDataError: the bundled files are missing or damaged.
    """
    source: DataSource
    if isinstance(settings, FeedDataSettings):
        instruments = [one.instrument(currency) for one in settings.instruments]
        return InMemoryData("feed", instruments, (), currency=currency)
    if isinstance(settings, FileDataSettings):
        source = _bar_files(settings, currency)
    else:
        source = BundledData(settings.series)
    if settings.start is None and settings.end is None:
        return source
    return PeriodOfData(source, settings.start, settings.end)


def catalog_of(settings: DataSettings, *, currency: str) -> InstrumentCatalog:
    """The instruments of the data that a configuration names; the files are not read.

    Raises:
        ConfigurationError: an instrument that cannot be used.
        MarketDataError: the bundled files are missing or damaged.
    """
    if isinstance(settings, BundledDataSettings):
        return _bundled_catalog(settings.series)
    return open_data(settings, currency=currency).catalog()


@lru_cache(maxsize=4)
def _bundled_catalog(series: tuple[str, ...] | None) -> InstrumentCatalog:
    """Kept, because reading it takes a fifth of a second and a program may load many settings."""
    return BundledData(series).catalog()


def check_data(settings: DataSettings, *, currency: str, faults: Faults, read: bool) -> None:
    """Adds what is wrong with the data of a run.

    Args:
        read: read all of the user's files, too, and add what is wrong in them.
    """
    if isinstance(settings, FeedDataSettings):
        known = [one.instrument_id for one in settings.instruments]
        for i, one in enumerate(settings.instruments):
            _check_instrument(one, i, known, currency, faults)
    elif settings.start and settings.end and settings.end < settings.start:
        problem = f"ends before it starts on {settings.start}"
        faults.add(("data", "end"), problem, "swap the two", value=str(settings.end))
    elif isinstance(settings, BundledDataSettings):
        _check_bundled(settings, currency, faults)
    else:
        _check_files(settings, currency, faults)
        if read and not faults.has(("data",)):
            for fault in _bar_files(settings, currency).check():
                faults.add(("data", "files"), str(fault), "correct the file")


def _check_bundled(settings: BundledDataSettings, currency: str, faults: Faults) -> None:
    if currency != BUNDLED_CURRENCY:
        advice = f"the bundled data are in {BUNDLED_CURRENCY}: write that, or use your own files"
        faults.add(("account", "currency"), "is not the data's", advice, value=currency)
    if settings.start is None and settings.end is None:
        return
    moments = [one.ts_event for one in BundledData(("index",)).slices()]
    first, last = _day(moments[0]), _day(moments[-1])
    advice = f"the bundled data reach from {first} to {last}"
    if settings.start is not None and settings.start > last:
        faults.add(("data", "start"), "no data are left", advice, value=str(settings.start))
    if settings.end is not None and settings.end < first:
        faults.add(("data", "end"), "no data are left", advice, value=str(settings.end))


def _check_files(settings: FileDataSettings, currency: str, faults: Faults) -> None:
    known = [one.instrument_id for one in settings.instruments]
    for i, one in enumerate(settings.instruments):
        _check_instrument(one, i, known, currency, faults)
    for i, file in enumerate(settings.files):
        _check_file(file, i, known, faults)
    if settings.interval_ns is not None and settings.interval_ns > _DAY_NS:
        advice = "leave it out: there is no rule for holes in longer bars"
        faults.add(("data", "interval"), "longer than a day", advice, value=str(settings.interval))


def _check_file(file: BarFileSettings, i: int, known: Sequence[str], faults: Faults) -> None:
    if not file.path.is_file():
        problem = "is a folder" if file.path.is_dir() else "no such file"
        advice = "is the path right? it starts at the folder of this configuration"
        faults.add(("data", "files", i, "path"), problem, advice, value=str(file.path))
    if file.instrument_id is not None:
        path = ("data", "files", i, "instrument_id")
        _check_known(file.instrument_id, path, known, faults)


def _check_instrument(
    settings: InstrumentSettings, i: int, known: Sequence[str], currency: str, faults: Faults
) -> None:
    at = ("data", "instruments", i)
    if settings.instrument_id in known[:i]:
        path, value = (*at, "instrument_id"), settings.instrument_id
        faults.add(path, "defined twice", "drop one of the two", value=value)
    try:
        InstrumentCatalog([settings.instrument(currency)], currency=currency)
    except ConfigurationError as error:
        faults.add(at, str(error), "correct it")
    if isinstance(settings, FutureSettings | OptionSettings):
        _check_known(settings.underlying_id, (*at, "underlying_id"), known, faults)


def _check_known(name: str, path: KeyPath, known: Sequence[str], faults: Faults) -> None:
    if name not in known:
        advice = did_you_mean(name, known, what="data.instruments defines")
        faults.add(path, "no such instrument", advice, value=name)


def _bar_files(settings: FileDataSettings, currency: str) -> BarFiles:
    return BarFiles(
        [
            BarFile(
                path=file.path,
                instrument_id=file.instrument_id,
                bar_length_ns=file.bar_length_ns,
                allow_negative_prices=file.allow_negative_prices,
            )
            for file in settings.files
        ],
        [one.instrument(currency) for one in settings.instruments],
        interval_ns=settings.interval_ns,
        allow_gaps=settings.allow_gaps,
        currency=currency,
    )


def _day(ts: int) -> date:
    return datetime.fromtimestamp(ts // 1_000_000_000, tz=UTC).date()


def _midnight_ns(day: date) -> int:
    return nanoseconds(datetime.combine(day, time(), tzinfo=UTC))
