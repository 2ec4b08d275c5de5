"""What every ``DataSource`` has to keep, as tests: subclass and say how to make one."""

from __future__ import annotations

from itertools import islice, pairwise

from orchestrion.adapters.data.source import DataSource
from orchestrion.domain.models.instrument import InstrumentCatalog, OptionContract
from orchestrion.domain.models.market import Bar, MarketData, OptionChain, OptionQuote

# Items are looked at one by one in this many slices; the order of time in all of them.
SLICES_CHECKED = 40


class DataSourceContract:
    """The contract. ``make_source`` gives a source of the same content on every call."""

    def make_source(self) -> DataSource:
        raise NotImplementedError

    def test_name_is_not_empty(self) -> None:
        assert self.make_source().name.strip()

    def test_notes_are_sentences(self) -> None:
        notes = self.make_source().notes
        assert isinstance(notes, tuple)
        assert all(note.strip() for note in notes)

    def test_times_increase_strictly(self) -> None:
        times = [one.ts_event for one in self.make_source().slices()]
        assert times
        assert all(before < after for before, after in pairwise(times))

    def test_every_call_of_slices_starts_anew(self) -> None:
        source = self.make_source()
        first, second = source.slices(), source.slices()
        for one, other in islice(zip(first, second, strict=True), SLICES_CHECKED):
            assert one == other

    def test_slice_count_is_right_or_unknown(self) -> None:
        source = self.make_source()
        count = source.slice_count()
        assert count is None or count == sum(1 for _ in source.slices())

    def test_fingerprint_is_sha256_and_the_same_for_the_same_content(self) -> None:
        source = self.make_source()
        fingerprint = source.fingerprint()
        assert len(fingerprint) == 64
        assert int(fingerprint, 16) >= 0
        for _ in islice(source.slices(), SLICES_CHECKED):
            pass
        assert source.fingerprint() == fingerprint == self.make_source().fingerprint()

    def test_items_are_in_instrument_order_and_of_the_slices_time(self) -> None:
        for one in islice(self.make_source().slices(), SLICES_CHECKED):
            ids = [item.instrument_id for item in one.items]
            assert ids
            assert ids == sorted(ids)
            assert {item.ts_event for item in one.items} == {one.ts_event}

    def test_items_are_sound_and_their_instruments_known(self) -> None:
        source = self.make_source()
        catalog = source.catalog()
        for one in islice(source.slices(), SLICES_CHECKED):
            for item in one.items:
                assert item.instrument_id in catalog
                _check_item(item, catalog)


def _check_item(item: MarketData, catalog: InstrumentCatalog) -> None:
    if isinstance(item, Bar):
        assert item.ts_open <= item.ts_event
        assert item.low_e9 <= min(item.open_e9, item.close_e9)
        assert max(item.open_e9, item.close_e9) <= item.high_e9
        if item.is_close_only:
            assert item.open_e9 == item.high_e9 == item.low_e9 == item.close_e9
    elif isinstance(item, OptionChain):
        keys = [(quote.expiry_ts, quote.strike_e9, quote.option_kind) for quote in item.quotes]
        assert keys == sorted(set(keys))
        for quote in item.quotes:
            _check_quote(quote, item, catalog)


def _check_quote(quote: OptionQuote, chain: OptionChain, catalog: InstrumentCatalog) -> None:
    contract = catalog[quote.instrument_id]
    assert isinstance(contract, OptionContract)
    assert contract.underlying_id == chain.instrument_id
    assert (contract.expiry_ts, contract.strike) == (quote.expiry_ts, quote.strike)
    assert contract.option_kind is quote.option_kind
    assert chain.ts_event < quote.expiry_ts
    assert 0 <= quote.bid_e9 <= quote.ask_e9
