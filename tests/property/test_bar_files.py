"""Laws of users' bar files: what was written is what is read, in whatever layout."""

from __future__ import annotations

import gzip
import tempfile
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.adapters.data.bar_files import BarFile, BarFiles
from orchestrion.adapters.data.number import number_e9
from orchestrion.domain.models.instrument import Equity
from orchestrion.domain.models.market import Bar
from orchestrion.domain.models.money import from_e9, to_e9

NAMES = ("AAA", "BBB", "CCC")
START = 1_388_782_800_000_000_000

prices = st.integers(min_value=1, max_value=10**15)


@st.composite
def bars(draw: st.DrawFn) -> list[Bar]:
    """Bars of three instruments at up to ten times, sorted by (time, instrument)."""
    moments = draw(st.lists(st.integers(1, 10**14), unique=True, min_size=1, max_size=10))
    found: list[Bar] = []
    before: dict[str, int] = {}
    for moment in sorted(moments):
        names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
        for name in sorted(names):
            low, *inner, high = sorted(draw(st.lists(prices, min_size=4, max_size=4)))
            open_, close = draw(st.permutations(inner))
            ts_event = START + moment
            ts_open = draw(st.integers(before.get(name, START), ts_event - 1))
            before[name] = ts_event
            volume = draw(st.integers(0, 10**20))
            found.append(Bar(name, ts_open, ts_event, open_, high, low, close, volume))
    return found


def text_of(found: list[Bar]) -> str:
    rows = [
        f"{bar.instrument_id},{bar.ts_event},{bar.ts_open},{bar.open},{bar.high},{bar.low},"
        f"{bar.close},{bar.volume}"
        for bar in found
    ]
    header = "instrument_id,ts_event,ts_open,open,high,low,close,volume"
    return "\n".join([header, *rows]) + "\n"


@settings(max_examples=40, deadline=None)
@given(found=bars())
def test_bars_come_back_exactly_from_one_file_and_from_one_file_each(found: list[Bar]) -> None:
    instruments = [Equity(instrument_id=name) for name in NAMES]
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.csv"
        whole.write_text(text_of(found))
        single: list[BarFile] = []
        for name in {bar.instrument_id: None for bar in found}:
            path = Path(folder) / f"{name}.csv.gz"
            own = [bar for bar in found if bar.instrument_id == name]
            path.write_bytes(gzip.compress(text_of(own).encode()))
            single.append(BarFile(path=path))
        for files in ([BarFile(path=whole)], single, single[::-1]):
            source = BarFiles(files, instruments)
            assert source.check() == ()
            assert [item for one in source.slices() for item in one.items] == found


@given(
    st.decimals(min_value=Decimal("-1e17"), max_value=Decimal("1e17"), places=9),
    st.sampled_from(["{:f}", "{}", "{:e}", "  {:f} "]),
)
def test_every_way_to_write_a_number_gives_the_same_value(value: Decimal, form: str) -> None:
    value_e9 = to_e9(value)
    assert number_e9(form.format(value)) == value_e9
    assert number_e9(f"{from_e9(value_e9):f}") == value_e9
