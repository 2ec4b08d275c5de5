"""The bundled set: complete, verified, with the ids, times and prices that SOURCES.md promises."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import files
from itertools import islice
from pathlib import Path

import pytest

from orchestrion.adapters.data.bundled_data import BundledData
from orchestrion.domain.errors import ConfigurationError, MarketDataError
from orchestrion.domain.models.instrument import Equity, Future, Index, OptionContract
from orchestrion.domain.models.market import Bar, MarketSlice

FOLDER = Path(str(files("orchestrion.adapters.data.bundled")))
BYTES_MAX = 3_000_000
TICKERS = [
    *("AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO"),
    *("LLY", "MRK", "MSFT", "PEP", "PFE", "PG", "RRC", "UNH", "WMT", "XOM"),
]
FIRST_FUTURES = ["SPXF-201403", "SPXF-201406", "WTIF-201402", "WTIF-201403", "WTIF-201404"]


def manifest() -> dict[str, object]:
    content = json.loads((FOLDER / "MANIFEST.json").read_text())
    assert isinstance(content, dict)
    return content


def slice_of(day: str, series: Collection[str]) -> MarketSlice:
    return next(
        one
        for one in BundledData(series).slices()
        if datetime.fromtimestamp(one.ts_event / 1e9, tz=UTC).date().isoformat() == day
    )


def bar_of(day: str, instrument_id: str, series: Collection[str]) -> Bar:
    bar = slice_of(day, series).bar(instrument_id)
    assert bar is not None
    return bar


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "bundle"))


def rewrite(copy: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    """Changes a packed file's content and gives the manifest the new hash."""
    content = change(gzip.decompress((copy / name).read_bytes()))
    (copy / name).write_bytes(gzip.compress(content))
    entries = json.loads((copy / "MANIFEST.json").read_text())
    entries["files"][name]["sha256"] = hashlib.sha256(content).hexdigest()
    (copy / "MANIFEST.json").write_text(json.dumps(entries))


class TestFiles:
    def test_committed_files_are_those_of_the_manifest(self) -> None:
        listed = manifest()["files"]
        assert isinstance(listed, dict)
        others = {"MANIFEST.json", "SOURCES.md", "__init__.py", "__pycache__"}
        assert {path.name for path in FOLDER.iterdir()} - others == set(listed)
        for name, entry in listed.items():
            packed = (FOLDER / name).read_bytes()
            content = gzip.decompress(packed) if name.endswith(".gz") else packed
            assert hashlib.sha256(content).hexdigest() == entry["sha256"], name
            assert len(content) == entry["bytes"], name
            lines = content.decode().splitlines()
            rows = len(lines) - 1 if name.endswith(".gz") else len(json.loads(content))
            assert rows == entry["rows"], name
            assert b"\r" not in content

    def test_packed_files_carry_no_time_and_no_name(self) -> None:
        for path in FOLDER.glob("*.gz"):
            header = path.read_bytes()[:10]
            assert header[3] == 0, "a name in the gzip header"
            assert header[4:8] == bytes(4), "a time in the gzip header"

    def test_whole_set_is_small(self) -> None:
        assert sum(path.stat().st_size for path in FOLDER.glob("*.*")) < BYTES_MAX

    def test_manifest_states_the_days(self) -> None:
        content = manifest()
        assert (content["days"], content["first_day"], content["last_day"]) == (
            1253,
            "2014-01-03",
            "2018-12-28",
        )

    def test_sources_page_names_licences_and_models(self) -> None:
        text = (FOLDER / "SOURCES.md").read_text()
        for word in ("NCSA", "BSD-3-Clause", "modelled", "1253", "Kevin Sheppard", "skfolio dev"):
            assert word in text


class TestDamage:
    @pytest.mark.parametrize(
        ("name", "damage", "fault"),
        [
            ("stocks.csv.gz", lambda data: data[:-200], "cannot be unpacked"),
            ("stocks.csv.gz", lambda data: data[:500] + b"x" + data[501:], "unpacked|sha256"),
            ("stocks.csv.gz", lambda data: b"day", "cannot be unpacked"),
            ("stocks.csv.gz", lambda data: gzip.compress(b"day\n"), "sha256"),
            ("stocks.json", lambda data: data + b" ", "sha256"),
            ("stocks.json", None, "is missing"),
            ("sessions.csv.gz", None, "is missing"),
            ("MANIFEST.json", None, "is missing"),
            ("MANIFEST.json", lambda data: data[:-20], "cannot be read"),
            (
                "MANIFEST.json",
                lambda data: data.replace(b'_version": 1', b'_version": 9'),
                "format version 9, this program reads 1",
            ),
            (
                "MANIFEST.json",
                lambda data: data.replace(b'"stocks.json"', b'"socks.json"'),
                "does not name stocks.json",
            ),
        ],
    )
    def test_damaged_file_is_refused_by_name(
        self, copy: Path, name: str, damage: Callable[[bytes], bytes] | None, fault: str
    ) -> None:
        if damage is None:
            (copy / name).unlink()
        else:
            (copy / name).write_bytes(damage((copy / name).read_bytes()))
        with pytest.raises(MarketDataError, match=fault) as caught:
            BundledData(["stocks"], folder=copy)
        assert name in str(caught.value)

    def test_damage_in_a_series_that_is_not_used_does_not_matter(self, copy: Path) -> None:
        (copy / "option_quotes.csv.gz").unlink()
        assert BundledData(["stocks", "futures"], folder=copy).slice_count() == 1253
        with pytest.raises(MarketDataError, match=r"option_quotes\.csv\.gz"):
            BundledData(["options"], folder=copy)

    def test_a_day_that_another_file_lacks_is_refused(self, copy: Path) -> None:
        rewrite(
            copy,
            "stocks.csv.gz",
            lambda data: b"".join(
                line for line in data.splitlines(True) if not line.startswith(b"2014-01-06")
            ),
        )
        slices = BundledData(["stocks"], folder=copy).slices()
        next(slices)
        with pytest.raises(MarketDataError, match="2014-01-07 where the sessions have 2014-01-06"):
            next(slices)

    def test_days_missing_at_the_end_are_refused(self, copy: Path) -> None:
        rewrite(
            copy, "stocks.csv.gz", lambda data: b"".join(data.splitlines(True)[: 1 + 20 * 1252])
        )
        with pytest.raises(MarketDataError, match="no day where the sessions have 2018-12-28"):
            list(BundledData(["stocks"], folder=copy).slices())


class TestFingerprint:
    @pytest.mark.slow
    def test_packing_does_not_change_it(self, copy: Path) -> None:
        for path in copy.glob("*.gz"):
            content = gzip.decompress(path.read_bytes())
            path.write_bytes(gzip.compress(content, compresslevel=1, mtime=77))
        assert BundledData(folder=copy).fingerprint() == BundledData().fingerprint()

    @pytest.mark.slow
    def test_content_changes_it(self, copy: Path) -> None:
        rewrite(copy, "stocks.csv.gz", lambda data: data.replace(b",16.984,", b",16.985,", 1))
        changed, original = BundledData(folder=copy), BundledData()
        assert changed.fingerprint() != original.fingerprint()
        unused = ["options", "futures"]
        assert BundledData(unused, folder=copy).fingerprint() == BundledData(unused).fingerprint()

    def test_covers_the_chosen_series(self) -> None:
        chosen = (["index"], ["stocks"], ["futures"], ["options"], ["stocks", "futures"], None)
        assert len({BundledData(series).fingerprint() for series in chosen}) == len(chosen)

    def test_order_of_the_choice_does_not_change_it(self) -> None:
        one, other = BundledData(["stocks", "futures"]), BundledData({"futures", "stocks"})
        assert one.fingerprint() == other.fingerprint()


class TestSeries:
    @pytest.mark.parametrize(
        ("chosen", "used"),
        [
            (None, ("index", "stocks", "futures", "options")),
            (["stocks"], ("stocks",)),
            (["futures"], ("index", "futures")),
            (["options", "stocks"], ("index", "stocks", "options")),
        ],
    )
    def test_futures_and_options_bring_the_index_they_settle_at(
        self, chosen: list[str] | None, used: tuple[str, ...]
    ) -> None:
        assert BundledData(chosen).series == used

    @pytest.mark.parametrize("chosen", [[], ["bonds"], ["stocks", "Options"], "stocks"])
    def test_unknown_choice_is_refused_with_the_known_names(self, chosen: Collection[str]) -> None:
        with pytest.raises(ConfigurationError, match="index, stocks, futures, options"):
            BundledData(chosen)

    def test_notes_say_that_quotes_are_modelled(self) -> None:
        assert BundledData(["index"]).notes == ()
        assert "adjusted closes" in BundledData(["stocks"]).notes[0]
        for series in ("futures", "options"):
            assert "modelled quotes" in BundledData([series]).notes[0]

    def test_catalogue_holds_every_instrument(self) -> None:
        by_kind: dict[type, list[str]] = {Index: [], Equity: [], Future: [], OptionContract: []}
        for instrument in BundledData().catalog():
            by_kind[type(instrument)].append(instrument.instrument_id)
        assert by_kind[Index] == ["SPX", "VIX", "WTI"]
        assert by_kind[Equity] == TICKERS
        assert by_kind[Future][0] == "SPXF-201403"
        assert by_kind[Future][-1] == "WTIF-201904"
        assert "SPX-20140117-P1800" in by_kind[OptionContract]
        assert len(by_kind[OptionContract]) == 26_638

    def test_terms_are_those_of_the_sources_page(self) -> None:
        catalog = BundledData().catalog()
        spx, wti = catalog["SPXF-201403"], catalog["WTIF-201402"]
        assert isinstance(spx, Future)
        assert isinstance(wti, Future)
        terms = [
            (one.underlying_id, one.multiplier, one.price_increment, one.initial_margin)
            for one in (spx, wti)
        ]
        assert terms == [
            ("SPX", Decimal(50), Decimal("0.25"), Decimal(6600)),
            ("WTI", Decimal(1000), Decimal("0.01"), Decimal(4400)),
        ]
        margins = [one.maintenance_margin for one in (spx, wti)]
        assert margins == [Decimal(6000), Decimal(4000)]
        option = catalog["SPX-20140117-P1800"]
        assert isinstance(option, OptionContract)
        assert option.multiplier == Decimal(100)
        assert option.price_increment == Decimal("0.05")

    def test_items_of_a_day_come_in_instrument_order_with_the_chain_after_its_index(self) -> None:
        one = next(iter(BundledData().slices()))
        assert [item.instrument_id for item in one.items] == sorted(
            [*TICKERS, *FIRST_FUTURES, "SPX", "SPX", "VIX", "WTI"]
        )
        chain = one.chain("SPX")
        assert chain is not None
        assert chain.modelled
        assert chain.underlying_price == Decimal("1831.37")


class TestRealPrices:
    @pytest.mark.parametrize(
        ("day", "instrument_id", "prices"),
        [
            ("2014-01-03", "SPX", "1833.21 1838.24 1829.13 1831.37"),
            ("2014-01-03", "VIX", "13.76 13.76 13.76 13.76"),
            ("2014-01-03", "WTI", "93.66 93.66 93.66 93.66"),
            ("2014-01-03", "AAPL", "16.984 16.984 16.984 16.984"),
            ("2018-12-28", "SPX", "2498.77 2520.27 2472.89 2485.74"),
        ],
    )
    def test_prices_are_the_sources(self, day: str, instrument_id: str, prices: str) -> None:
        bar = bar_of(day, instrument_id, ["index", "stocks"])
        assert [bar.open, bar.high, bar.low, bar.close] == [Decimal(one) for one in prices.split()]

    def test_volume_is_kept_whole(self) -> None:
        assert bar_of("2014-01-03", "SPX", ["index"]).volume == 2_774_270_000

    def test_every_stock_has_a_close_on_every_day(self) -> None:
        for one in BundledData(["stocks"]).slices():
            assert [item.instrument_id for item in one.items] == TICKERS
            assert all(isinstance(item, Bar) and item.is_close_only for item in one.items)


class TestTimes:
    @pytest.mark.parametrize(
        ("day", "opens", "closes"),
        [
            ("2014-01-03", "2014-01-03T14:30:00+00:00", "2014-01-03T21:00:00+00:00"),
            ("2014-03-07", "2014-03-07T14:30:00+00:00", "2014-03-07T21:00:00+00:00"),
            ("2014-03-10", "2014-03-10T13:30:00+00:00", "2014-03-10T20:00:00+00:00"),
            ("2014-07-01", "2014-07-01T13:30:00+00:00", "2014-07-01T20:00:00+00:00"),
            ("2018-11-05", "2018-11-05T14:30:00+00:00", "2018-11-05T21:00:00+00:00"),
        ],
    )
    def test_new_york_hours_follow_daylight_saving(self, day: str, opens: str, closes: str) -> None:
        bar = bar_of(day, "SPX", ["index"])
        times = [
            datetime.fromtimestamp(ts // 10**9, tz=UTC).isoformat()
            for ts in (bar.ts_open, bar.ts_event)
        ]
        assert times == [opens, closes]

    def test_a_series_of_closes_opens_when_it_closes(self) -> None:
        one = next(iter(BundledData(["futures", "stocks"]).slices()))
        for instrument_id in ("AAPL", "VIX", "WTI", "WTIF-201402"):
            bar = one.bar(instrument_id)
            assert bar is not None
            assert bar.ts_open == bar.ts_event == one.ts_event
        spx = one.bar("SPXF-201403")
        assert spx is not None
        assert spx.ts_open < spx.ts_event

    def test_the_first_slices_are_those_of_the_first_days(self) -> None:
        first = list(islice(BundledData(["index"]).slices(), 2))
        assert [one.ts_event for one in first] == [1388782800 * 10**9, 1389042000 * 10**9]
