"""The ``data`` section: sources, periods, and what is wrong with users' files."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestrion.adapters.data.in_memory_data import InMemoryData
from orchestrion.adapters.settings import check_settings, load_settings, open_data
from orchestrion.adapters.settings.data_choice import PeriodOfData
from orchestrion.domain.models.instrument import Equity, Future, Index, OptionContract, OptionKind
from orchestrion.domain.models.market import Bar, MarketSlice

EQUITY = {"kind": "equity", "instrument_id": "ABC"}
FUTURE = {
    "kind": "future",
    "instrument_id": "F",
    "underlying_id": "ABC",
    "expiry": "2024-03-15T13:30:00Z",
    "multiplier": 50,
    "initial_margin": 12.5,
    "maintenance_margin": "10",
}
OPTION = {
    "kind": "option",
    "instrument_id": "O",
    "underlying_id": "ABC",
    "expiry": "2024-03-15T16:00:00-04:00",
    "strike": 100,
    "option_kind": "PUT",
}
ROWS = "ts_event,close\n2014-01-03T21:00:00Z,5\n2014-01-06T21:00:00Z,6\n"


def files(folder: Path, **changes: Any) -> dict[str, Any]:
    """A configuration over one CSV file."""
    (folder / "abc.csv").write_text(ROWS)
    data = {
        "source": "files",
        "files": [{"path": folder / "abc.csv", "instrument_id": "ABC"}],
        "instruments": [EQUITY],
    }
    return {"strategy": "STRANGLE", "data": {**data, **changes}}


def test_files_are_read_as_configured(tmp_path: Path) -> None:
    settings = load_settings(files(tmp_path, interval="1d"))
    source = open_data(settings.data, currency="USD")
    bars = [one.bar("ABC") for one in source.slices()]
    assert [bar.close for bar in bars if bar] == [5, 6]
    assert settings.data.source == "files"
    assert settings.data.interval_ns == 86_400 * 10**9


def test_file_may_name_its_instruments_itself(tmp_path: Path) -> None:
    path = tmp_path / "all.csv"
    path.write_text("instrument_id,ts_event,close\nABC,2014-01-03T21:00:00Z,5\n")
    assert check_settings(files(tmp_path, files=[{"path": path}])) == ()


def test_every_kind_of_instrument_is_built(tmp_path: Path) -> None:
    index = {"kind": "index", "instrument_id": "I"}
    settings = load_settings(files(tmp_path, instruments=[EQUITY, FUTURE, OPTION, index]))
    catalog = open_data(settings.data, currency="USD").catalog()
    half_past_one = datetime(2024, 3, 15, 13, 30, tzinfo=UTC)
    assert catalog["ABC"] == Equity(instrument_id="ABC")
    assert catalog["F"] == Future(
        instrument_id="F",
        underlying_id="ABC",
        expiry_ts=int(half_past_one.timestamp()) * 10**9,
        multiplier=Decimal(50),
        initial_margin=Decimal("12.5"),
        maintenance_margin=Decimal(10),
    )
    assert catalog["O"] == OptionContract(
        instrument_id="O",
        underlying_id="ABC",
        expiry_ts=int(half_past_one.replace(hour=20, minute=0).timestamp()) * 10**9,
        strike=Decimal(100),
        option_kind=OptionKind.PUT,
    )
    assert catalog["I"] == Index(instrument_id="I")


def test_percent_becomes_a_fraction(tmp_path: Path) -> None:
    equity = {**EQUITY, "long_margin_pct": 33.3, "short_margin_pct": 150}
    settings = load_settings(files(tmp_path, instruments=[equity]))
    instrument = open_data(settings.data, currency="USD").catalog()["ABC"]
    assert isinstance(instrument, Equity)
    assert instrument.long_margin_fraction == Decimal("0.333")
    assert instrument.short_margin_fraction == Decimal("1.5")


def test_account_of_another_currency_reads_its_own_files(tmp_path: Path) -> None:
    content = {**files(tmp_path), "account": {"currency": "EUR"}}
    assert check_settings(content) == ()
    settings = load_settings(content)
    catalog = open_data(settings.data, currency=settings.account.currency).catalog()
    assert catalog.currency == "EUR"


FAULTY: dict[str, tuple[dict[str, Any], str, str]] = {
    "no file": (
        {"files": [{"path": "nowhere.csv", "instrument_id": "ABC"}]},
        "data.files.0.path",
        "no such file",
    ),
    "folder": ({"files": [{"path": "/", "instrument_id": "ABC"}]}, "data.files.0.path", "a folder"),
    "no files": ({"files": []}, "data.files", "at least 1"),
    "unknown instrument": (
        {"instruments": [{**EQUITY, "instrument_id": "ABD"}]},
        "data.files.0.instrument_id",
        "did you mean ABD?",
    ),
    "instrument twice": (
        {"instruments": [EQUITY, EQUITY]},
        "data.instruments.1.instrument_id",
        "defined twice",
    ),
    "unknown underlying": (
        {"instruments": [EQUITY, {**FUTURE, "underlying_id": "XYZ"}]},
        "data.instruments.1.underlying_id",
        "no such instrument",
    ),
    "margins": (
        {"instruments": [EQUITY, {**FUTURE, "maintenance_margin": 20}]},
        "data.instruments.1",
        "initial_margin is below maintenance_margin",
    ),
    "kind": (
        {"instruments": [{**EQUITY, "kind": "equty"}]},
        "data.instruments.0.kind",
        "did you mean equity?",
    ),
    "no kind": ({"instruments": [{"instrument_id": "ABC"}]}, "data.instruments.0.kind", "kind"),
    "key of another kind": (
        {"instruments": [{**EQUITY, "strike": 5}]},
        "data.instruments.0.strike",
        "unknown key",
    ),
    "missing key": (
        {"instruments": [EQUITY, {key: FUTURE[key] for key in FUTURE if key != "multiplier"}]},
        "data.instruments.1.multiplier",
        "Units of the underlying",
    ),
    "expiry without zone": (
        {"instruments": [EQUITY, {**FUTURE, "expiry": "2024-03-15T13:30:00"}]},
        "data.instruments.1.expiry",
        "with its zone",
    ),
    "interval": ({"interval": "1 day"}, "data.interval", "such as 1m, 6.5h or 1d"),
    "no interval": ({"interval": "0m"}, "data.interval", "above 0"),
    "long interval": ({"interval": "2d"}, "data.interval", "longer than a day"),
    "start": ({"start": "03.01.2014"}, "data.start", "a day such as 2014-01-03"),
    "end before start": ({"start": "2015-01-02", "end": "2015-01-01"}, "data.end", "before"),
}


@pytest.mark.parametrize("case", FAULTY)
def test_faulty_data_section_is_told_at_its_path(case: str, tmp_path: Path) -> None:
    changes, path, words = FAULTY[case]
    faults = check_settings(files(tmp_path, **changes))
    assert [one.path for one in faults] == [path]
    assert words in str(faults[0])


def test_faults_inside_of_files_are_listed_by_check_only(tmp_path: Path) -> None:
    content = files(tmp_path)
    (tmp_path / "abc.csv").write_text("ts_event,close\n2014-01-03T21:00:00Z,-5\nyesterday,6\n")
    faults = check_settings(content)
    assert [one.path for one in faults] == ["data.files", "data.files"]
    assert "abc.csv" in faults[0].problem
    assert load_settings(content).data.source == "files"


def test_bundled_data_have_their_currency_and_period() -> None:
    content = {"strategy": "STRANGLE", "account": {"currency": "EUR"}}
    (fault,) = check_settings(content)
    assert (fault.path, fault.value) == ("account.currency", "EUR")
    for key, day in (("start", "2019-01-01"), ("end", "2013-12-31")):
        (fault,) = check_settings({"strategy": "STRANGLE", "data": {key: day}})
        assert fault.path == f"data.{key}"
        assert "2014-01-03 to 2018-12-28" in fault.expected


def test_bundled_series_are_chosen_by_name() -> None:
    (fault,) = check_settings({"strategy": "STRANGLE", "data": {"series": ["stoks"]}})
    assert (fault.path, "did you mean stocks?" in fault.expected) == ("data.series.0", True)


def test_bundled_period_is_opened() -> None:
    data = {"source": "bundled", "series": ["index"], "start": "2014-01-06", "end": "2014-01-07"}
    settings = load_settings({"strategy": "STRANGLE", "data": data})
    assert len(list(open_data(settings.data, currency="USD").slices())) == 2


def test_feed_has_its_instruments_and_no_data_yet() -> None:
    data = {"source": "feed", "instruments": [EQUITY]}
    settings = load_settings({"strategy": "STRANGLE", "data": data})
    source = open_data(settings.data, currency="USD")
    assert "ABC" in source.catalog()
    assert list(source.slices()) == []


def source_of_days(*days: int) -> InMemoryData:
    slices = []
    for day in days:
        ts = int(datetime(2014, 1, day, 21, tzinfo=UTC).timestamp()) * 10**9
        slices.append(MarketSlice.of([Bar("ABC", ts, ts, 5, 5, 5, 5)]))
    return InMemoryData("days", [Equity(instrument_id="ABC")], slices)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(None, None, [3, 6, 7]), (6, None, [6, 7]), (None, 6, [3, 6]), (6, 6, [6]), (8, None, [])],
)
def test_period_keeps_both_of_its_days(
    start: int | None, end: int | None, expected: list[int]
) -> None:
    period = PeriodOfData(
        source_of_days(3, 6, 7),
        None if start is None else date(2014, 1, start),
        None if end is None else date(2014, 1, end),
    )
    days = [datetime.fromtimestamp(one.ts_event // 10**9, tz=UTC).day for one in period.slices()]
    assert days == expected
    assert len(list(period.slices())) == len(expected)


def test_period_is_part_of_the_fingerprint() -> None:
    source = source_of_days(3, 6)
    fingerprints = {
        source.fingerprint(),
        PeriodOfData(source, date(2014, 1, 3), None).fingerprint(),
        PeriodOfData(source, None, date(2014, 1, 3)).fingerprint(),
        PeriodOfData(source, date(2014, 1, 6), None).fingerprint(),
    }
    assert len(fingerprints) == 4


def test_period_says_what_its_source_says() -> None:
    source = source_of_days(3)
    period = PeriodOfData(source, date(2014, 1, 3), None)
    assert (period.name, period.notes) == (source.name, source.notes)
    assert period.slice_count() is None
    assert "ABC" in period.catalog()
