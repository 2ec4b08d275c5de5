"""The catalogue's own rates behind the protocol."""

from __future__ import annotations

from orchestrion.domain.margin.instrument_rates import InstrumentRatesModel
from orchestrion.domain.orchestration.margin import margin_of
from tests.fakes_margin import Market, call, future, index, put, quantities, stock

MARKET = Market(
    index(),
    stock(),
    future(),
    call("IDX", 105),
    put("IDX", 95),
    marks={"IDX": 100, "AAA": 50, "IDX C105": 2, "IDX P95": 3},
)


def test_model_gives_what_the_rule_gives() -> None:
    held = {"AAA": -3, "FUT": 2, "IDX C105": -1, "IDX P95": 1}
    expected = margin_of(quantities(held), MARKET.catalog, MARKET.marks)
    assert MARKET.margin(InstrumentRatesModel(), {**held, "IDX X": 0}) == expected


def test_only_options_are_coupled() -> None:
    model = InstrumentRatesModel()
    assert model.is_coupled(call("IDX", 105))
    assert not model.is_coupled(stock())
    assert not model.is_coupled(future())
