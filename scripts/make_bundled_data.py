"""Makes the files of adapters/data/bundled/: real daily series, and quotes modelled from them.

Run by hand, and only when the set itself has to change:

    pip install -e '.[bundle]' && python scripts/make_bundled_data.py

The real series are read as files out of the installed packages ``arch`` and ``skfolio``: nothing is
downloaded, and no code of those packages runs. A second run with the same package versions writes
the same bytes. SOURCES.md is written too, from bundled_data_sources.md and the model's constants,
so that it cannot drift from them.

Read next: bundled_data_model.py, the models; adapters/data/bundled_data.py, the reader.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import ROUND_HALF_EVEN, Decimal
from importlib.metadata import distribution
from itertools import pairwise
from pathlib import Path
from string import Template
from typing import NamedTuple
from zoneinfo import ZoneInfo

import bundled_data_model as model
import msgspec

from orchestrion.domain.models.instrument import Equity, Future, Index, Instrument

SCRIPTS = Path(__file__).resolve().parent
TARGET = SCRIPTS.parent / "adapters" / "data" / "bundled"
FORMAT_VERSION = 1

FIRST_DAY, LAST_DAY = date(2014, 1, 3), date(2018, 12, 31)
NEW_YORK = ZoneInfo("America/New_York")
OPEN_TIME, CLOSE_TIME = time(9, 30), time(16, 0)

PACKAGES = ("arch", "skfolio")
SP500_FILE = ("arch", "arch/data/sp500/sp500.csv.gz")
VIX_FILE = ("arch", "arch/data/vix/vix.csv.gz")
WTI_FILE = ("arch", "arch/data/wti/wti.csv.gz")
STOCKS_FILE = ("skfolio", "skfolio/datasets/data/sp500_dataset.csv.gz")

STOCK_TICK = Decimal("0.001")


class Prices(NamedTuple):
    """One row of a bars file; open, high and low are empty for a series of closes."""

    day: date
    instrument_id: str
    close: Decimal
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    volume: int | None = None


class Market(NamedTuple):
    """The real series over their common days."""

    days: tuple[date, ...]
    spx: dict[date, Prices]
    vix: dict[date, Prices]
    wti: dict[date, Prices]
    stocks: dict[date, tuple[Prices, ...]]


class FutureSeries(NamedTuple):
    """One product: what it follows, its terms, how many contracts are listed at a time."""

    prefix: str
    underlying_id: str
    carry: float
    tick: Decimal
    multiplier: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    contracts_listed: int


# Margins are constants of the size that exchanges asked for in these years.
SPX_FUTURE = FutureSeries(
    prefix="SPXF",
    underlying_id="SPX",
    carry=model.SPX_CARRY,
    tick=Decimal("0.25"),
    multiplier=Decimal(50),
    initial_margin=Decimal(6600),
    maintenance_margin=Decimal(6000),
    contracts_listed=2,
)
WTI_FUTURE = FutureSeries(
    prefix="WTIF",
    underlying_id="WTI",
    carry=model.WTI_CARRY,
    tick=Decimal("0.01"),
    multiplier=Decimal(1000),
    initial_margin=Decimal(4400),
    maintenance_margin=Decimal(4000),
    contracts_listed=3,
)


class Table(NamedTuple):
    """One file of the bundle before it is packed; ``rows`` counts without the header."""

    name: str
    text: str
    rows: int


def main() -> None:
    market = read_market()
    tables = [*real_tables(market), *modelled_tables(market)]
    for table in tables:
        data = packed(table.text) if table.name.endswith(".gz") else table.text.encode()
        (TARGET / table.name).write_bytes(data)
        print(f"{table.name:24} {table.rows:>7} rows {len(data):>9,} bytes")
    (TARGET / "MANIFEST.json").write_bytes(manifest(tables, market.days).encode())
    (TARGET / "SOURCES.md").write_bytes(sources_page(market.days).encode())
    print(f"{len(market.days)} days, {market.days[0]} to {market.days[-1]}")


def nanoseconds(day: date, at: time) -> int:
    return int(datetime.combine(day, at, NEW_YORK).timestamp()) * 1_000_000_000


# --- the real series --------------------------------------------------------------------------


def source_path(source: tuple[str, str]) -> Path:
    package, name = source
    return Path(str(distribution(package).locate_file(name)))


def source_rows(source: tuple[str, str]) -> list[dict[str, str]]:
    with gzip.open(source_path(source), "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_market() -> Market:
    spx = {row.day: row for row in map(spx_prices, source_rows(SP500_FILE))}
    vix = closes("VIX", VIX_FILE, "vix")
    wti = closes("WTI", WTI_FILE, "DCOILWTICO")
    stocks = {date.fromisoformat(row.pop("Date")): row for row in source_rows(STOCKS_FILE)}
    common = spx.keys() & vix.keys() & wti.keys() & stocks.keys()
    days = tuple(sorted(day for day in common if FIRST_DAY <= day <= LAST_DAY))
    stock_rows = {day: tuple(stock_prices(day, stocks[day])) for day in days}
    return Market(days, spx, vix, wti, stock_rows)


def spx_prices(row: dict[str, str]) -> Prices:
    day, volume = american_day(row["Date"]), int(row["Volume"])
    open_, high, low, close = (cents(row[name]) for name in ("Open", "High", "Low", "Close"))
    return Prices(day, "SPX", close, open_, high, low, volume)


def closes(instrument_id: str, source: tuple[str, str], column: str) -> dict[date, Prices]:
    """A series of closes; the days that its source marks as having none are left out."""
    rows = [(american_day(row["Date"]), row[column]) for row in source_rows(source)]
    return {
        day: Prices(day, instrument_id, cents(text)) for day, text in rows if text not in ("", ".")
    }


def stock_prices(day: date, row: dict[str, str]) -> Iterator[Prices]:
    """Adjusted closes with the source's own three decimals, sorted by ticker."""
    for ticker in sorted(row):
        price = Decimal(row[ticker])
        if price != price.quantize(STOCK_TICK):
            raise ValueError(f"{ticker} on {day}: {price} has more than three decimals")
        yield Prices(day, ticker, price.quantize(STOCK_TICK))


def american_day(text: str) -> date:
    month, day, year = text.split("/")
    return date(int(year), int(month), int(day))


def cents(text: str) -> Decimal:
    return Decimal(text).quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN)


def real_tables(market: Market) -> Iterator[Table]:
    days = market.days
    tickers = [one.instrument_id for one in market.stocks[days[0]]]
    indices = [Index(instrument_id=name) for name in ("SPX", "VIX", "WTI")]
    equities = [Equity(instrument_id=name, price_increment=STOCK_TICK) for name in tickers]
    yield sessions_table(days)
    yield bars_table(
        "indices.csv.gz",
        [series[day] for day in days for series in (market.spx, market.vix, market.wti)],
    )
    yield instruments_table("indices.json", indices)
    yield bars_table("stocks.csv.gz", [one for day in days for one in market.stocks[day]])
    yield instruments_table("stocks.json", equities)


# --- the option chains ------------------------------------------------------------------------


class Listing:
    """The strikes of one expiry: a range that only grows, so that a held option keeps its quote."""

    def __init__(self, expiry: date, grid: model.Grid) -> None:
        self.expiry, self.grid = expiry, grid
        self.first = self.last = 0

    def extend(self, spot: float, vix: float, years: float) -> None:
        low, high = model.listed_strikes(self.grid, spot, vix, years)
        self.first = min(self.first, low) if self.first else low
        self.last = max(self.last, high)

    def strikes(self) -> range:
        return range(self.first, self.last + 1, self.grid.step)


def option_tables(market: Market) -> tuple[Table, Table]:
    monthly, fridays = model.option_expiries(market.days)
    grids = dict.fromkeys(fridays, model.WEEKLY) | dict.fromkeys(monthly, model.MONTHLY)
    listings: dict[date, Listing] = {}
    rows: list[str] = []
    for day in market.days:
        near = [expiry for expiry in fridays if expiry > day][: model.FRIDAYS_LISTED]
        far = [expiry for expiry in monthly if expiry > day][: model.MONTHLY_EXPIRIES_LISTED]
        for expiry in sorted({*near, *far}):
            listing = listings.setdefault(expiry, Listing(expiry, grids[expiry]))
            rows.append(quotes_row(day, listing, market))
    expiry_rows = [expiry_row(listings[expiry]) for expiry in sorted(listings)]
    expiry_header = "expiry,expiry_ts,style,strike_first,strike_last,strike_step"
    quotes_header = (
        "day,expiry,strike_first,discount,call_bid,call_spread,put_bid,put_spread,call_delta,"
        "implied_volatility"
    )
    return (
        csv_table("option_expiries.csv.gz", expiry_header, expiry_rows),
        csv_table("option_quotes.csv.gz", quotes_header, rows),
    )


def expiry_row(listing: Listing) -> str:
    expiry, grid = listing.expiry, listing.grid
    expiry_ts = nanoseconds(expiry, CLOSE_TIME)
    return f"{expiry},{expiry_ts},{grid.style},{listing.first},{listing.last},{grid.step}"


def quotes_row(day: date, listing: Listing, market: Market) -> str:
    """One expiry of one day: per column one list over the strikes."""
    years = model.years_until(listing.expiry, day)
    spot, vix = float(market.spx[day].close), float(market.vix[day].close) / 100
    listing.extend(spot, vix, years)
    values = [model.black_scholes(spot, strike, vix, years) for strike in listing.strikes()]
    calls = [model.quote(one.call) for one in values]
    puts = [model.quote(one.put) for one in values]
    columns = [
        steps([bid for bid, _ in calls]),
        [spread for _, spread in calls],
        steps([bid for bid, _ in puts]),
        [spread for _, spread in puts],
        steps([round(one.call_delta * model.TEN_THOUSAND) for one in values]),
        steps([round(one.volatility * model.TEN_THOUSAND) for one in values]),
    ]
    discount = round(model.dividend_discount(years) * model.TEN_THOUSAND)
    cells = (" ".join(map(str, column)) for column in columns)
    return f"{day},{listing.expiry},{listing.first},{discount}," + ",".join(cells)


def steps(values: Sequence[int]) -> list[int]:
    """The first value, then each one's step from the one before: a third smaller when packed."""
    return [values[0], *(after - before for before, after in pairwise(values))]


# --- the futures ------------------------------------------------------------------------------


def modelled_tables(market: Market) -> Iterator[Table]:
    prices: list[Prices] = []
    contracts: list[Future] = []
    for series, underlying, rule in (
        (SPX_FUTURE, market.spx, model.spx_future_expiry),
        (WTI_FUTURE, market.wti, model.wti_future_expiry),
    ):
        expiries = model.future_expiries(market.days, rule)
        rows = list(future_prices(series, [underlying[day] for day in market.days], expiries))
        quoted = {row.instrument_id for row in rows}
        prices += rows
        contracts += [one for one in futures(series, expiries) if one.instrument_id in quoted]
    yield bars_table("futures.csv.gz", prices)
    yield instruments_table("futures.json", contracts)
    yield from option_tables(market)


def future_prices(
    series: FutureSeries, underlying: Sequence[Prices], expiries: dict[str, date]
) -> Iterator[Prices]:
    """The nearest contracts of every day, until and with the day of their expiry."""
    for prices in underlying:
        open_months = [month for month, expiry in expiries.items() if expiry >= prices.day]
        for month in open_months[: series.contracts_listed]:
            years = model.years_until(expiries[month], prices.day)
            yield carried(prices, f"{series.prefix}-{month}", series, years)


def carried(prices: Prices, instrument_id: str, series: FutureSeries, years: float) -> Prices:
    def price(value: Decimal) -> Decimal:
        ticks = model.carried_ticks(float(value), series.carry, years, float(series.tick))
        return ticks * series.tick

    close = price(prices.close)
    if prices.open is None or prices.high is None or prices.low is None:
        return Prices(prices.day, instrument_id, close)
    open_, high, low = price(prices.open), price(prices.high), price(prices.low)
    return Prices(prices.day, instrument_id, close, open_, high, low)


def futures(series: FutureSeries, expiries: dict[str, date]) -> Iterator[Future]:
    for month, expiry in expiries.items():
        yield Future(
            instrument_id=f"{series.prefix}-{month}",
            underlying_id=series.underlying_id,
            expiry_ts=nanoseconds(expiry, CLOSE_TIME),
            multiplier=series.multiplier,
            initial_margin=series.initial_margin,
            maintenance_margin=series.maintenance_margin,
            price_increment=series.tick,
        )


# --- the files --------------------------------------------------------------------------------


def csv_table(name: str, header: str, rows: Sequence[str]) -> Table:
    return Table(name, "\n".join([header, *rows]) + "\n", len(rows))


def sessions_table(days: Sequence[date]) -> Table:
    rows = [f"{day},{nanoseconds(day, OPEN_TIME)},{nanoseconds(day, CLOSE_TIME)}" for day in days]
    return csv_table("sessions.csv.gz", "day,ts_open,ts_event", rows)


def bars_table(name: str, prices: Iterable[Prices]) -> Table:
    ordered = sorted(prices, key=lambda one: (one.day, one.instrument_id))
    header = "day,instrument_id,open,high,low,close,volume"
    return csv_table(name, header, [bars_row(one) for one in ordered])


def bars_row(one: Prices) -> str:
    cells = (one.day, one.instrument_id, one.open, one.high, one.low, one.close, one.volume)
    return ",".join("" if cell is None else str(cell) for cell in cells)


def instruments_table(name: str, instruments: Iterable[Instrument]) -> Table:
    ordered = sorted(instruments, key=lambda one: one.instrument_id)
    text = msgspec.json.format(msgspec.json.encode(ordered), indent=1).decode()
    return Table(name, text + "\n", len(ordered))


def packed(text: str) -> bytes:
    """gzip without a time or a name in its header, so that a second run gives the same bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as file:
        file.write(text.encode())
    return buffer.getvalue()


def manifest(tables: Sequence[Table], days: Sequence[date]) -> str:
    content = {
        "format_version": FORMAT_VERSION,
        "days": len(days),
        "first_day": str(days[0]),
        "last_day": str(days[-1]),
        "packages": {name: distribution(name).version for name in PACKAGES},
        "source_files": {
            source[1]: sha256(source_path(source).read_bytes())
            for source in (SP500_FILE, VIX_FILE, WTI_FILE, STOCKS_FILE)
        },
        "files": {
            table.name: {
                "sha256": sha256(table.text.encode()),
                "bytes": len(table.text.encode()),
                "rows": table.rows,
            }
            for table in sorted(tables)
        },
    }
    return json.dumps(content, indent=2) + "\n"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sources_page(days: Sequence[date]) -> str:
    """The template with the constants of the models, the packages' versions and licences."""
    values: dict[str, object] = {
        name: value for name, value in vars(model).items() if name.isupper()
    }
    for series in (SPX_FUTURE, WTI_FUTURE):
        values |= {f"{series.prefix}_{name}": each for name, each in series._asdict().items()}
    for grid in (model.MONTHLY, model.WEEKLY):
        values |= {f"{grid.style}_{name}": each for name, each in grid._asdict().items()}
    for package in PACKAGES:
        values[f"{package}_version"] = distribution(package).version
        values[f"{package}_licence"] = licence(package)
    values |= {"days": len(days), "first_day": days[0], "last_day": days[-1]}
    template = (SCRIPTS / "bundled_data_sources.md").read_text(encoding="utf-8")
    return Template(template).substitute(values)


def licence(package: str) -> str:
    files = [one for one in distribution(package).files or () if one.stem.startswith("LICENSE")]
    text = Path(str(files[0].locate())).read_text(encoding="utf-8")
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


if __name__ == "__main__":
    main()
