"""The three data sources keep the contract of all data sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrion.adapters.data.bar_files import BarFile, BarFiles
from orchestrion.adapters.data.bundled_data import SERIES, BundledData
from orchestrion.adapters.data.in_memory_data import InMemoryData
from orchestrion.adapters.data.source import DataSource
from orchestrion.domain.models.instrument import Equity
from orchestrion.domain.models.market import Bar, MarketSlice, OptionChain, QuoteTick
from tests.contract.data_source_contract import DataSourceContract

DAY_NS = 86_400_000_000_000


@pytest.mark.slow
class TestBundledData(DataSourceContract):
    def make_source(self) -> DataSource:
        return BundledData()


@pytest.mark.slow
@pytest.mark.parametrize("series", SERIES)
class TestBundledDataOfOneSeries:
    def test_gives_every_day(self, series: str) -> None:
        assert sum(1 for _ in BundledData([series]).slices()) == 1253


class TestInMemoryData(DataSourceContract):
    def make_source(self) -> DataSource:
        instruments = [Equity(instrument_id=name) for name in ("AAA", "BBB", "OTHER")]
        slices = [
            MarketSlice.of(
                [
                    Bar("BBB", day, day, 5, 5, 5, 5),
                    QuoteTick("AAA", day, 4, 6),
                    OptionChain("OTHER", day, 7, ()),
                ]
            )
            for day in range(DAY_NS, 4 * DAY_NS, DAY_NS)
        ]
        return InMemoryData("three days", instruments, slices, notes=["made up"])


class TestBarFiles(DataSourceContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self._path = tmp_path / "bars.csv"
        self._path.write_text(
            "ts_event,instrument_id,close\n"
            "2014-01-03T21:00:00Z,BBB,2.5\n"
            "2014-01-03T21:00:00Z,AAA,1.25\n"
            "2014-01-06T21:00:00Z,AAA,1.5\n"
        )

    def make_source(self) -> DataSource:
        instruments = [Equity(instrument_id=name) for name in ("AAA", "BBB")]
        return BarFiles([BarFile(path=self._path)], instruments)
