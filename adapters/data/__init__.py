"""Market data sources: where the slices of a backtest come from.

- ``source``: the ``DataSource`` contract that all of them keep.
- ``bundled_data``: five years of daily data that come with the package (``bundled/SOURCES.md``).
- ``bar_files``: the user's own bars, as CSV or Parquet.
- ``in_memory_data``: slices that a program or a test already has.

The other modules here are the parts of these three. Nothing in this room decides anything about
trading; what it promises is that bad data never reaches a strategy.
"""
