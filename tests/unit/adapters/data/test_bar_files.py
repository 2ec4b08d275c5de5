"""Users' bar files: every fault is named with its place, and good files give exact bars."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestrion.adapters.data.bar_files import FAULTS_MAX, BarFile, BarFiles
from orchestrion.domain.errors import ConfigurationError, MarketDataError
from orchestrion.domain.models.instrument import Equity
from orchestrion.domain.models.market import Bar

INSTRUMENTS = [Equity(instrument_id=name) for name in ("AAA", "BBB")]
MINUTE_NS = 60_000_000_000
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS
TS = 1_388_782_800_000_000_000  # 2014-01-03T21:00:00Z, a Friday


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str, name: str = "bars.csv") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def closes(path: Path, **settings: Any) -> BarFiles:
    return BarFiles([BarFile(path=path, instrument_id="AAA")], INSTRUMENTS, **settings)


def bars(source: BarFiles) -> list[Bar]:
    return [item for one in source.slices() for item in one.items if isinstance(item, Bar)]


def faults(source: BarFiles) -> list[str]:
    """What ``check`` lists, after making sure that ``slices`` raises the first of it."""
    found = [str(fault) for fault in source.check()]
    if found:
        with pytest.raises(MarketDataError) as caught:
            list(source.slices())
        assert str(caught.value) == found[0]
    else:
        assert list(source.slices())
    return found


class TestRows:
    def test_full_rows_are_exact_bars(self, write: Callable[..., Path]) -> None:
        path = write(
            "volume,instrument_id,ts_event,ts_open,open,high,low,close\n"
            f"1000,BBB,2014-01-03T16:00:00-05:00,{TS - HOUR_NS},10.1,10.300,9.999999999,10.2\n"
        )
        source = BarFiles([BarFile(path=path)], INSTRUMENTS)
        assert bars(source) == [
            Bar(
                "BBB",
                TS - HOUR_NS,
                TS,
                10_100_000_000,
                10_300_000_000,
                9_999_999_999,
                10_200_000_000,
                1000_000_000_000,
            )
        ]

    def test_closes_are_known_when_they_are_complete(self, write: Callable[..., Path]) -> None:
        (bar,) = bars(closes(write(f"ts_event,close\n{TS},7.5\n")))
        assert bar.is_close_only
        assert (bar.ts_event, bar.open, bar.volume) == (TS, Decimal("7.5"), Decimal(0))

    @pytest.mark.parametrize(
        "time",
        [
            "2014-01-03T21:00:00Z",
            "2014-01-03 21:00:00+00:00",
            "2014-01-03T16:00:00-05:00",
            "20140103T210000Z",
            " 2014-01-03T21:00Z ",
            str(TS),
        ],
    )
    def test_times_with_a_zone_are_one_moment(self, write: Callable[..., Path], time: str) -> None:
        assert bars(closes(write(f"ts_event,close\n{time},7\n")))[0].ts_event == TS

    def test_microseconds_are_kept(self, write: Callable[..., Path]) -> None:
        path = write("ts_event,close\n1969-12-31T23:59:59.999999Z,7\n1970-01-01T00:00:00.1Z,7\n")
        assert [bar.ts_event for bar in bars(closes(path))] == [-1000, 100_000_000]

    def test_byte_order_mark_spaces_in_the_header_and_blank_lines_are_fine(
        self, write: Callable[..., Path]
    ) -> None:
        path = write(f"\ufeffts_event , close\r\n\r\n{TS},7\r\n\r\n")
        assert len(bars(closes(path))) == 1

    def test_negative_prices_pass_where_the_file_allows_them(
        self, write: Callable[..., Path]
    ) -> None:
        path = write(f"ts_event,close\n{TS},-37.63\n{TS + DAY_NS},0\n")
        file = BarFile(path=path, instrument_id="AAA", allow_negative_prices=True)
        assert [bar.close for bar in bars(BarFiles([file], INSTRUMENTS))] == [
            Decimal("-37.63"),
            Decimal(0),
        ]


class TestOpenTime:
    ROW = "ts_event,open,high,low,close\n"

    def test_without_the_column_it_is_the_length_before(self, write: Callable[..., Path]) -> None:
        path = write(f"{self.ROW}{TS},1,1,1,1\n")
        file = BarFile(path=path, instrument_id="AAA", bar_length_ns=HOUR_NS)
        source = BarFiles([file], INSTRUMENTS, interval_ns=DAY_NS)
        assert [bar.ts_open for bar in bars(source)] == [TS - HOUR_NS]

    def test_without_a_length_it_is_the_interval_before(self, write: Callable[..., Path]) -> None:
        path = write(f"{self.ROW}{TS},1,1,1,1\n")
        source = closes(path, interval_ns=MINUTE_NS)
        assert [bar.ts_open for bar in bars(source)] == [TS - MINUTE_NS]

    def test_it_never_reaches_into_the_bar_before(self, write: Callable[..., Path]) -> None:
        """The day on which clocks go forward has 23 hours."""
        path = write(f"{self.ROW}{TS},1,1,1,1\n{TS + 23 * HOUR_NS},1,1,1,1\n")
        assert [bar.ts_open for bar in bars(closes(path, interval_ns=DAY_NS))] == [TS - DAY_NS, TS]


class TestFaultsOfAFile:
    @pytest.mark.parametrize(
        ("header", "fault"),
        [
            ("", "the file is empty"),
            ("close", "missing column 'ts_event'"),
            ("ts_event", "missing column 'close'"),
            ("ts_event,Close", "unknown column 'Close'; known are instrument_id, ts_event,"),
            ("ts_event,close,close", "column 'close' stands twice"),
            ("ts_event,close,instrument_id", "column 'instrument_id', though .* says 'AAA'"),
            ("ts_event,open,close", "missing column 'high', 'low'"),
            ("ts_event,ts_open,close", "column 'ts_open' without open, high and low"),
            ("ts_event,open,high,low,close", "missing column 'ts_open'.*bar_length_ns"),
            ("ts_event,close", "the file is empty below its header"),
            ("ts_event,close\n\n", "the file is empty below its header"),
        ],
    )
    def test_header_fault_names_the_file(
        self, write: Callable[..., Path], header: str, fault: str
    ) -> None:
        path = write(header)
        source = closes(path)
        with pytest.raises(MarketDataError, match=fault) as caught:
            list(source.slices())
        assert str(caught.value).startswith(f"{path}: ")
        assert str(caught.value) in faults(source)

    def test_all_header_faults_are_listed(self, write: Callable[..., Path]) -> None:
        found = faults(closes(write("time,open,price\n")))
        assert [
            fault.partition(": ")[2].partition(";")[0].partition(":")[0] for fault in found
        ] == [
            "unknown column 'time'",
            "unknown column 'price'",
            "missing column 'ts_event'",
            "missing column 'close'",
            "missing column 'high', 'low'",
            "missing column 'ts_open'",
        ]

    def test_missing_instrument_column_is_named(self, write: Callable[..., Path]) -> None:
        path = write(f"ts_event,close\n{TS},7\n")
        (fault,) = faults(BarFiles([BarFile(path=path)], INSTRUMENTS))
        assert "missing column 'instrument_id'" in fault

    def test_unknown_instrument_of_a_file_is_named(self, write: Callable[..., Path]) -> None:
        path = write(f"ts_event,close\n{TS},7\n")
        file = BarFile(path=path, instrument_id="ZZZ")
        assert faults(BarFiles([file], INSTRUMENTS)) == [
            f"{path}: unknown instrument 'ZZZ': the configuration does not define it"
        ]

    def test_missing_file_is_named(self, tmp_path: Path) -> None:
        for name in ("none.csv", "none.csv.gz", "none.parquet"):
            source = closes(tmp_path / name)
            assert faults(source) == [f"{tmp_path / name}: there is no such file"]
            with pytest.raises(MarketDataError, match="there is no such file"):
                source.fingerprint()

    def test_other_ending_is_refused(self, write: Callable[..., Path]) -> None:
        (fault,) = faults(closes(write("", "bars.xlsx")))
        assert fault.endswith("bars.xlsx: the name must end in .csv, .csv.gz or .parquet")

    @pytest.mark.parametrize(
        ("name", "content", "fault"),
        [
            ("bars.csv", b"ts_event,close\n\xff\xfe,7\n", "not UTF-8 text"),
            ("bars.csv", b'ts_event,close\n"1"x,7\n', "cannot be read"),
            ("bars.csv.gz", b"ts_event,close\n", "cannot be read"),
            ("bars.csv.gz", gzip.compress(b"ts_event,close\n")[:-9], "cannot be read"),
            ("bars.parquet", b"ts_event,close\n", "not a Parquet file"),
            ("bars.parquet", b"", "not a Parquet file"),
        ],
    )
    def test_damaged_file_is_named(
        self, tmp_path: Path, name: str, content: bytes, fault: str
    ) -> None:
        path = tmp_path / name
        path.write_bytes(content)
        (found,) = faults(closes(path))
        assert found.startswith(f"{path}: {fault}")

    def test_folder_is_no_file(self, tmp_path: Path) -> None:
        (tmp_path / "bars.csv").mkdir()
        assert "cannot be read" in faults(closes(tmp_path / "bars.csv"))[0]


GOOD_BAR = {
    "instrument_id": "AAA",
    "ts_event": str(TS),
    "ts_open": str(TS - HOUR_NS),
    "open": "10",
    "high": "12",
    "low": "9",
    "close": "11",
    "volume": "5",
}


def table_of(rows: Sequence[dict[str, str]]) -> str:
    return "\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)]) + "\n"


class TestFaultsOfARow:
    @pytest.mark.parametrize(
        ("changes", "fault"),
        [
            ({"instrument_id": "ZZZ"}, "unknown instrument"),
            ({"instrument_id": ""}, "unknown instrument"),
            ({"close": "eleven"}, "close: 'eleven' is not a number"),
            ({"close": "1_1"}, "close: '1_1' is not a number"),
            ({"close": "NaN"}, "close: NaN is not a finite number"),
            ({"high": "inf"}, "high: inf is not a finite number"),
            ({"open": ""}, "open: the cell is empty"),
            ({"ts_event": ""}, "ts_event: the cell is empty"),
            ({"volume": ""}, "volume: the cell is empty"),
            ({"volume": "-1"}, "volume -1 is below 0"),
            ({"close": "11.0000000001"}, "close: 11.0000000001 has more than nine decimals"),
            ({"close": "1e18"}, "close: 1e18 is not a finite number below"),
            ({"high": "8", "low": "9"}, "high is below low"),
            ({"open": "12.01"}, "open is not between low and high"),
            ({"open": "8.99"}, "open is not between low and high"),
            ({"close": "12.01"}, "close is not between low and high"),
            ({"close": "8.99"}, "close is not between low and high"),
            ({"low": "0"}, "low 0 is not above 0"),
            ({"low": "-1"}, "low -1 is not above 0"),
            ({"ts_event": "2014-01-03T16:00:00"}, "ts_event '2014-01-03T16:00:00' has no zone"),
            ({"ts_event": "2014-01-03"}, "has no zone"),
            ({"ts_event": "20140103"}, "ts_event 20140103 is too small for nanoseconds"),
            ({"ts_event": "1388782800"}, "too small for nanoseconds"),
            ({"ts_event": "1388782800000"}, "too small for nanoseconds"),
            ({"ts_event": "Friday"}, "neither an ISO 8601 time nor integer nanoseconds"),
            ({"ts_event": "2014-02-30T16:00:00Z"}, "neither an ISO 8601 time"),
            ({"ts_event": "2014-01-03T21:00:00.1234567Z"}, "finer than a microsecond"),
            ({"ts_open": "2014-01-03T09:30"}, "ts_open '2014-01-03T09:30' has no zone"),
            ({"ts_open": str(TS)}, "ts_open is not before ts_event"),
            ({"ts_open": str(TS + 1)}, "ts_open is not before ts_event"),
        ],
    )
    def test_fault_names_file_line_and_instrument_and_the_row_is_left_out(
        self, write: Callable[..., Path], changes: dict[str, str], fault: str
    ) -> None:
        later = {"ts_open": str(TS + DAY_NS - HOUR_NS), "ts_event": str(TS + DAY_NS)}
        path = write(table_of([GOOD_BAR | changes, GOOD_BAR | later]))
        source = BarFiles([BarFile(path=path)], INSTRUMENTS)
        (found,) = faults(source)
        instrument_id = changes.get("instrument_id", "AAA")
        place = f"{path}, line 2, {instrument_id}: " if instrument_id else f"{path}, line 2: "
        assert found.startswith(place)
        assert fault in found

    @pytest.mark.parametrize(
        ("row", "cells"), [("AAA", 1), ("AAA,1,2", 3), ("AAA,1,2,3,4,5,6,7,8", 9)]
    )
    def test_row_of_another_width_is_a_fault(
        self, write: Callable[..., Path], row: str, cells: int
    ) -> None:
        path = write(table_of([GOOD_BAR]) + row + "\n")
        (found,) = faults(BarFiles([BarFile(path=path)], INSTRUMENTS))
        assert found == f"{path}, line 3, AAA: {cells} cells, the header has 8"

    def test_short_row_without_its_instrument_is_a_fault(self, write: Callable[..., Path]) -> None:
        path = write(f"ts_event,close,instrument_id\n{TS},7,AAA\n{TS}\n")
        (found,) = faults(BarFiles([BarFile(path=path)], INSTRUMENTS))
        assert found == f"{path}, line 3: 1 cells, the header has 3"

    @pytest.mark.parametrize(
        ("second", "fault"),
        [
            ({}, "duplicate time"),
            ({"ts_event": str(TS - 1), "ts_open": str(TS - 2)}, "time goes back"),
            ({"instrument_id": "BBB", "ts_event": str(TS - 1)}, "time goes back"),
            (
                {"ts_event": str(TS + HOUR_NS), "ts_open": str(TS - 1)},
                "ts_open is before the end of the bar before it",
            ),
        ],
    )
    def test_rows_out_of_order_are_a_fault(
        self, write: Callable[..., Path], second: dict[str, str], fault: str
    ) -> None:
        path = write(table_of([GOOD_BAR, GOOD_BAR | second]))
        (found,) = faults(BarFiles([BarFile(path=path)], INSTRUMENTS))
        assert found.startswith(f"{path}, line 3, {second.get('instrument_id', 'AAA')}: {fault}")

    def test_check_lists_faults_of_all_files_up_to_its_bound(
        self, write: Callable[..., Path]
    ) -> None:
        rows = [GOOD_BAR | {"close": "x"}] * 15
        paths = [write(table_of(rows), name) for name in ("one.csv", "two.csv")]
        source = BarFiles([BarFile(path=path) for path in paths], INSTRUMENTS)
        listed = source.check()
        assert len(listed) == FAULTS_MAX == 20
        assert {str(fault).split(",")[0] for fault in listed} == {str(path) for path in paths}
        assert len(source.check(faults_max=3)) == 3
        assert len(source.check(faults_max=100)) == 30


class TestManyFiles:
    def test_files_are_merged_by_time_into_slices(self, write: Callable[..., Path]) -> None:
        one = write(f"ts_event,close\n{TS},1\n{TS + DAY_NS},2\n", "one.csv")
        two = write(f"ts_event,close\n{TS - DAY_NS},3\n{TS},4\n", "two.csv")
        files = [BarFile(path=one, instrument_id="BBB"), BarFile(path=two, instrument_id="AAA")]
        expected = [
            (TS - DAY_NS, "AAA", 3),
            (TS, "AAA", 4),
            (TS, "BBB", 1),
            (TS + DAY_NS, "BBB", 2),
        ]
        for order in (files, files[::-1]):
            source = BarFiles(order, INSTRUMENTS)
            found = [(bar.ts_event, bar.instrument_id, int(bar.close)) for bar in bars(source)]
            assert found == expected
            assert [len(one.items) for one in source.slices()] == [1, 2, 1]

    def test_one_bar_in_two_files_is_a_duplicate(self, write: Callable[..., Path]) -> None:
        one = write(f"ts_event,close\n{TS - DAY_NS},1\n{TS},1\n", "one.csv")
        two = write(f"ts_event,instrument_id,close\n{TS},AAA,1\n{TS},BBB,1\n", "two.csv")
        files = [BarFile(path=one, instrument_id="AAA"), BarFile(path=two)]
        assert faults(BarFiles(files, INSTRUMENTS)) == [
            f"{two}, line 2, AAA: duplicate time, also in {one}, line 3, AAA"
        ]


def minutes(*offsets: float) -> str:
    rows = (f"{TS + round(offset * MINUTE_NS)},7" for offset in offsets)
    return "\n".join(["ts_event,close", *rows])


def days(*offsets: int) -> str:
    return "\n".join(["ts_event,close", *(f"{TS + offset * DAY_NS},7" for offset in offsets)])


class TestHoles:
    def test_missing_minute_within_a_session_is_a_hole(self, write: Callable[..., Path]) -> None:
        path = write(minutes(0, 1, 4, 5))
        (fault,) = faults(closes(path, interval_ns=MINUTE_NS))
        assert fault == (
            f"{path}, line 4, AAA: a hole: 180 s since the bar before, the interval is 60 s; "
            "fill it, or allow gaps"
        )

    def test_night_is_no_hole(self, write: Callable[..., Path]) -> None:
        path = write(minutes(0, 1, 60 * 20, 60 * 20 + 1))
        assert faults(closes(path, interval_ns=MINUTE_NS)) == []

    @pytest.mark.parametrize("settings", [{}, {"interval_ns": MINUTE_NS, "allow_gaps": True}])
    def test_holes_pass_without_an_interval_or_when_allowed(
        self, write: Callable[..., Path], settings: dict[str, Any]
    ) -> None:
        assert faults(closes(write(minutes(0, 1, 4)), **settings)) == []

    @pytest.mark.parametrize(
        ("first", "second", "fault"),
        [
            # TS is Friday 3 January 2014; day 3 is Monday, day 5 Wednesday.
            ((0, 3, 4, 5, 6), (0, 3, 4, 6), "a hole: no bar on 2014-01-08, a weekday on which AAA"),
            ((0, 3, 4, 5, 6), (0, 3, 4, 5, 6), None),
            ((0, 3, 4, 5, 6), (4, 5), None),
            ((0, 3, 4, 6), (0, 3, 4, 6), None),
            ((0, 1, 2, 3), (0, 3), None),
            ((0, 3), (14, 17, 18), None),
        ],
        ids=["missing", "complete", "starts-late-ends-early", "holiday", "weekend", "apart"],
    )
    def test_daily_hole_is_a_weekday_that_another_instrument_has(
        self,
        write: Callable[..., Path],
        first: tuple[int, ...],
        second: tuple[int, ...],
        fault: str | None,
    ) -> None:
        paths = [write(days(*first), "first.csv"), write(days(*second), "second.csv")]
        files = [
            BarFile(path=path, instrument_id=name)
            for path, name in zip(paths, ("AAA", "BBB"), strict=True)
        ]
        found = faults(BarFiles(files, INSTRUMENTS, interval_ns=DAY_NS))
        if fault is None:
            assert found == []
        else:
            assert len(found) == 1
            assert found[0].startswith(f"{paths[1]}, line 5, BBB: {fault}")

    @pytest.mark.parametrize(("next_day", "is_hole"), [(14, False), (17, False), (18, True)])
    def test_alone_more_than_ten_weekdays_are_a_hole(
        self, write: Callable[..., Path], next_day: int, *, is_hole: bool
    ) -> None:
        found = faults(closes(write(days(0, next_day)), interval_ns=DAY_NS))
        assert [fault.rpartition(": ")[2] for fault in found] == (
            ["no bar from 2014-01-06 to 2014-01-20; fill it, or allow gaps"] if is_hole else []
        )


class TestSettings:
    @pytest.mark.parametrize(
        ("make", "fault"),
        [
            (lambda: BarFiles([], INSTRUMENTS), "no files are given"),
            (
                lambda: closes(Path("a.csv"), interval_ns=0),
                "interval_ns 0: must be above 0 and at most a day",
            ),
            (lambda: closes(Path("a.csv"), interval_ns=7 * DAY_NS), "at most a day"),
            (
                lambda: BarFiles([BarFile(path=Path("a.csv"), bar_length_ns=0)], INSTRUMENTS),
                "a.csv: bar_length_ns must be above 0",
            ),
            (lambda: BarFiles([BarFile(path=Path("a.csv"))], INSTRUMENTS * 2), "defined twice"),
        ],
    )
    def test_unusable_settings_are_refused(self, make: Callable[[], BarFiles], fault: str) -> None:
        with pytest.raises(ConfigurationError, match=fault):
            make()

    def test_name_and_notes_are_the_callers(self, write: Callable[..., Path]) -> None:
        source = closes(write(f"ts_event,close\n{TS},7\n"), name="mine", notes=["from a friend"])
        assert (source.name, source.notes) == ("mine", ("from a friend",))
        assert source.slice_count() is None


class TestFingerprint:
    TEXT = f"ts_event,close\n{TS},7\n"

    def test_place_and_packing_do_not_change_it(
        self, write: Callable[..., Path], tmp_path: Path
    ) -> None:
        packed = tmp_path / "packed.csv.gz"
        packed.write_bytes(gzip.compress(self.TEXT.encode(), mtime=5))
        other = write(self.TEXT, "other.csv")
        assert closes(packed).fingerprint() == closes(other).fingerprint()
        assert bars(closes(packed)) == bars(closes(other))

    def test_order_of_files_does_not_change_it(self, write: Callable[..., Path]) -> None:
        files = [
            BarFile(path=write(self.TEXT, f"{name}.csv"), instrument_id=name)
            for name in ("AAA", "BBB")
        ]
        one, other = BarFiles(files, INSTRUMENTS), BarFiles(files[::-1], INSTRUMENTS[::-1])
        assert one.fingerprint() == other.fingerprint()

    def test_content_and_what_shapes_it_change_it(self, write: Callable[..., Path]) -> None:
        path = write(self.TEXT)
        changed = write(self.TEXT.replace(",7", ",8"), "changed.csv")
        two = BarFile(path=path, instrument_id="BBB")
        negative = BarFile(path=path, instrument_id="AAA", allow_negative_prices=True)
        sources = [
            closes(path),
            closes(changed),
            closes(path, interval_ns=DAY_NS),
            BarFiles([two], INSTRUMENTS),
            BarFiles([negative], INSTRUMENTS),
            BarFiles([BarFile(path=path, instrument_id="AAA")], INSTRUMENTS[:1]),
        ]
        assert len({source.fingerprint() for source in sources}) == len(sources)


class TestParquet:
    @pytest.fixture
    def save(self, tmp_path: Path) -> Callable[..., Path]:
        import pyarrow as arrow
        import pyarrow.parquet as parquet

        def save(**columns: Any) -> Path:
            path = tmp_path / "bars.parquet"
            parquet.write_table(arrow.table(columns), path)
            return path

        return save

    def test_typed_columns_are_exact(self, save: Callable[..., Path]) -> None:
        new_york = timezone(timedelta(hours=-5))
        path = save(
            instrument_id=["AAA", "BBB"],
            ts_event=[datetime(2014, 1, 3, 16, tzinfo=new_york)] * 2,
            close=[0.1, 1831.37],
            volume=[3, 2_774_270_000],
        )
        found = bars(BarFiles([BarFile(path=path)], INSTRUMENTS))
        assert [bar.ts_event for bar in found] == [TS, TS]
        assert [bar.close for bar in found] == [Decimal("0.1"), Decimal("1831.37")]
        assert [bar.volume for bar in found] == [3, 2_774_270_000]

    def test_nanoseconds_and_decimals_and_text_are_exact(self, save: Callable[..., Path]) -> None:
        path = save(ts_event=[TS + 1, TS + 2], close=[Decimal("0.10"), Decimal("7.123456789")])
        found = bars(closes(path))
        assert [(bar.ts_event, bar.close_e9) for bar in found] == [
            (TS + 1, 100_000_000),
            (TS + 2, 7_123_456_789),
        ]
        path = save(ts_event=["2014-01-03T21:00:00Z"], close=["7"])
        assert bars(closes(path))[0].ts_event == TS

    @pytest.mark.parametrize(
        ("columns", "fault"),
        [
            ({"ts_event": [datetime(2014, 1, 3, 16)], "close": [7.0]}, "has no zone"),  # noqa: DTZ001
            ({"ts_event": [datetime(2014, 1, 3).date()], "close": [7.0]}, "has no zone"),  # noqa: DTZ001
            ({"ts_event": [None], "close": [7.0]}, "ts_event: the cell is empty"),
            ({"ts_event": [TS], "close": [float("nan")]}, "close: nan is not a finite number"),
            ({"ts_event": [TS], "close": [0.1 + 0.2]}, "more than nine decimals"),
            ({"ts_event": [TS], "close": [True]}, "close: 'True' is not a number"),
            ({"ts_event": [1388782800], "close": [7]}, "too small for nanoseconds"),
        ],
    )
    def test_fault_names_file_row_and_instrument(
        self, save: Callable[..., Path], columns: dict[str, Any], fault: str
    ) -> None:
        path = save(**columns)
        (found,) = faults(closes(path))
        assert found.startswith(f"{path}, row 1, AAA: ")
        assert fault in found

    def test_empty_cell_of_a_typed_time_is_a_fault(self, save: Callable[..., Path]) -> None:
        path = save(ts_event=[datetime(2014, 1, 3, 21, tzinfo=UTC), None], close=[7.0, 7.0])
        (found,) = faults(closes(path))
        assert found == f"{path}, row 2, AAA: ts_event: the cell is empty"

    def test_no_rows_is_a_fault(self, save: Callable[..., Path]) -> None:
        import pyarrow as arrow

        path = save(ts_event=arrow.array([], arrow.int64()), close=arrow.array([], arrow.int64()))
        assert faults(closes(path)) == [f"{path}: the file is empty below its header"]

    def test_damage_in_the_middle_is_named(self, save: Callable[..., Path]) -> None:
        path = save(ts_event=[TS + day for day in range(500)], close=["7"] * 500)
        content = bytearray(path.read_bytes())
        content[4:400] = bytes(396)
        path.write_bytes(content)
        (found,) = faults(closes(path))
        assert found.startswith(f"{path}: ")

    def test_missing_pyarrow_is_answered_with_the_install_command(
        self, save: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = save(ts_event=[TS], close=[7])
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        (found,) = faults(closes(path))
        assert found.endswith("needs pyarrow: pip install 'orchestrion[parquet]'")

    def test_reading_csv_does_not_need_pyarrow(
        self, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        assert len(bars(closes(write(f"ts_event,close\n{TS},7\n")))) == 1


def test_files_are_closed_when_reading_stops_half_way(
    write: Callable[..., Path], recwarn: pytest.WarningsRecorder
) -> None:
    slices = closes(write(days(0, 3, 4, 5))).slices()
    next(slices)
    del slices
    assert [warning for warning in recwarn if issubclass(warning.category, ResourceWarning)] == []
