"""Slices in memory: refused where they would mislead, told apart by their content."""

from __future__ import annotations

import pytest

from orchestrion.adapters.data.in_memory_data import InMemoryData
from orchestrion.domain.errors import ConfigurationError, MarketDataError
from orchestrion.domain.models.instrument import Equity
from orchestrion.domain.models.market import Bar, MarketSlice

AAA = Equity(instrument_id="AAA")


def slice_at(ts: int, price_e9: int = 5, volume_e9: int = 0) -> MarketSlice:
    return MarketSlice.of([Bar("AAA", ts, ts, price_e9, price_e9, price_e9, price_e9, volume_e9)])


@pytest.mark.parametrize(
    ("slices", "fault"),
    [
        ([slice_at(2), slice_at(2)], "test, slice 1: ts_event 2 is not after 2"),
        ([slice_at(1), slice_at(3), slice_at(2)], "test, slice 2: ts_event 2 is not after 3"),
        ([MarketSlice.of([Bar("BBB", 1, 1, 5, 5, 5, 5)])], "slice 0: unknown instrument 'BBB'"),
    ],
)
def test_bad_slices_are_refused(slices: list[MarketSlice], fault: str) -> None:
    with pytest.raises(MarketDataError, match=fault):
        InMemoryData("test", [AAA], slices)


def test_instrument_twice_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'AAA' is defined twice"):
        InMemoryData("test", [AAA, AAA], [])


def test_slices_are_the_ones_given() -> None:
    slices = [slice_at(1), slice_at(2)]
    source = InMemoryData("test", [AAA], iter(slices), notes=["made up"])
    assert list(source.slices()) == list(source.slices()) == slices
    assert (source.name, source.notes, source.slice_count()) == ("test", ("made up",), 2)


def test_fingerprint_is_over_the_content_and_not_the_name() -> None:
    def fingerprint(name: str, price_e9: int, lot_size: int = 1) -> str:
        equity = Equity(instrument_id="AAA", multiplier=AAA.multiplier * lot_size)
        return InMemoryData(name, [equity], [slice_at(1, price_e9)]).fingerprint()

    assert fingerprint("one", 5) == fingerprint("two", 5)
    assert len({fingerprint("one", 5), fingerprint("one", 6), fingerprint("one", 5, 10)}) == 3


def test_fingerprint_takes_volumes_longer_than_sixty_four_bits() -> None:
    volumes = (10**25, 10**25 + 1)
    assert len({InMemoryData("x", [AAA], [slice_at(1, 5, v)]).fingerprint() for v in volumes}) == 2
