"""Rows of a CSV or Parquet file, one by one, as cells and the place where they stand.

A cell is text, except a Parquet timestamp with a zone, which is already an exact number: integer
nanoseconds. Nothing is interpreted here; what a cell means is ``bar_row``'s business. pyarrow is
imported only when a Parquet file is read, for it is an extra and large.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import importlib
import io
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeAlias

from orchestrion.domain.errors import MarketDataError

Cell: TypeAlias = str | int
_Binary: TypeAlias = gzip.GzipFile | io.BufferedReader

_CHUNK_BYTES = 1 << 20
_BATCH_ROWS = 10_000  # arbitrary: small against memory, large against the cost of a batch


class Row(NamedTuple):
    """``number``: the line of a CSV file, the row of a Parquet file, from 1."""

    number: int
    cells: tuple[Cell, ...]


class Table(NamedTuple):
    """An open file: its column names and its rows, which may be longer or shorter than those."""

    columns: tuple[str, ...]
    rows: Iterator[Row]


def row_place(path: Path, number: int) -> str:
    """Where a row stands, for messages."""
    return f"{path}, {'row' if path.suffix == '.parquet' else 'line'} {number}"


@contextmanager
def open_table(path: Path) -> Generator[Table, None, None]:
    """Opens a file by its ending: .csv, .csv.gz or .parquet.

    Raises:
        MarketDataError: here or while rows are read: no such file, another ending, damaged, not
            UTF-8, or no pyarrow.
    """
    with _named_faults(path), _open(path) as binary:
        if path.suffix == ".parquet":
            yield _parquet_table(path, binary)
        else:
            with io.TextIOWrapper(binary, encoding="utf-8-sig", newline="") as text:
                yield _csv_table(text)


def content_sha256(path: Path) -> bytes:
    """sha256 of the content: of the unpacked bytes when the file is packed.

    Raises:
        MarketDataError: as ``open_table``.
    """
    digest = hashlib.sha256()
    with _named_faults(path), _open(path) as binary:
        while chunk := binary.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.digest()


@contextmanager
def _named_faults(path: Path) -> Generator[None, None, None]:
    try:
        yield
    except FileNotFoundError as error:
        raise MarketDataError(f"{path}: there is no such file") from error
    except UnicodeDecodeError as error:
        raise MarketDataError(f"{path}: not UTF-8 text ({error.reason})") from error
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        raise MarketDataError(f"{path}: cannot be read ({error})") from error


def _open(path: Path) -> _Binary:
    if path.name.endswith(".csv.gz"):
        return gzip.open(path, "rb")
    if path.suffix in (".csv", ".parquet"):
        return path.open("rb")
    raise MarketDataError(f"{path}: the name must end in .csv, .csv.gz or .parquet")


def _csv_table(text: IO[str]) -> Table:
    reader = csv.reader(text, strict=True)
    columns = tuple(name.strip() for name in next(reader, ()))
    # A blank line, usually the last, is no row.
    return Table(columns, (Row(reader.line_num, tuple(cells)) for cells in reader if cells))


def _parquet_table(path: Path, binary: _Binary) -> Table:
    # Any: pyarrow has no type information that both checkers accept.
    try:
        arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise MarketDataError(
            f"{path}: reading Parquet needs pyarrow: pip install 'orchestrion[parquet]'"
        ) from error
    try:
        file = parquet.ParquetFile(binary)
    except arrow.ArrowException as error:
        raise MarketDataError(f"{path}: not a Parquet file ({error})") from error
    return Table(tuple(file.schema_arrow.names), _parquet_rows(path, arrow, file))


def _parquet_rows(path: Path, arrow: Any, file: Any) -> Iterator[Row]:
    number = 0
    try:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            for cells in zip(*(_cells(arrow, column) for column in batch.columns), strict=True):
                number += 1
                yield Row(number, cells)
    except arrow.ArrowException as error:
        raise MarketDataError(f"{path}: damaged after row {number} ({error})") from error


def _cells(arrow: Any, column: Any) -> list[Cell]:
    if arrow.types.is_timestamp(column.type) and column.type.tz:
        exact = column.cast(arrow.timestamp("ns", column.type.tz)).cast(arrow.int64())
        return ["" if value is None else value for value in exact.to_pylist()]
    # repr of a float is the shortest text that gives the same float back: 0.1 stays 0.1.
    return [
        "" if value is None else repr(value) if isinstance(value, float) else str(value)
        for value in column.to_pylist()
    ]
