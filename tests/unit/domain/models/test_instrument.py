"""Instruments and their catalogue: each unusable field is named."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from orchestrion.domain.errors import ConfigurationError, UnknownInstrumentError
from orchestrion.domain.models.instrument import (
    Equity,
    Future,
    Index,
    Instrument,
    InstrumentCatalog,
    OptionContract,
    OptionKind,
)
from tests.fakes_rules import AAA, CATALOG, FUT, IDX, OPTIONS

CALL = next(one for one in OPTIONS if one.option_kind is OptionKind.CALL and one.strike == 100)
PUT = next(one for one in OPTIONS if one.option_kind is OptionKind.PUT and one.strike == 100)


@pytest.mark.parametrize(
    ("option", "underlying", "value"),
    [
        (CALL, "101.5", "1.5"),
        (CALL, "100", "0"),
        (CALL, "99", "0"),
        (PUT, "99", "1"),
        (PUT, "101", "0"),
    ],
)
def test_intrinsic_value(option: OptionContract, underlying: str, value: str) -> None:
    assert option.intrinsic_value(Decimal(underlying)) == Decimal(value)


def test_catalogue_reads_like_a_map_in_id_order() -> None:
    catalog = InstrumentCatalog([IDX, FUT, AAA])
    assert [one.instrument_id for one in catalog] == ["AAA", "FUT", "IDX"]
    assert len(catalog) == 3
    assert "AAA" in catalog
    assert "ZZZ" not in catalog
    assert catalog["AAA"] is AAA
    assert catalog.get("AAA") is AAA
    assert catalog.get("ZZZ") is None
    assert catalog.tradable("FUT") is FUT


def test_unknown_instrument_is_named() -> None:
    with pytest.raises(UnknownInstrumentError, match="unknown instrument 'ZZZ'") as caught:
        CATALOG["ZZZ"]
    assert caught.value.instrument_id == "ZZZ"
    assert isinstance(caught.value, KeyError)


@pytest.mark.parametrize("instrument_id", ["IDX", "ZZZ"])
def test_nobody_trades_an_index_or_an_unknown(instrument_id: str) -> None:
    with pytest.raises(UnknownInstrumentError):
        CATALOG.tradable(instrument_id)


def test_id_twice_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'AAA' is defined twice"):
        InstrumentCatalog([AAA, Index(instrument_id="AAA")])


def test_empty_id_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="empty id"):
        InstrumentCatalog([Equity(instrument_id="")])


def test_foreign_currency_is_refused_with_advice() -> None:
    with pytest.raises(
        ConfigurationError, match=r"is in EUR, the account in USD.*convert the data"
    ):
        InstrumentCatalog([Equity(instrument_id="X", currency="EUR")])
    assert InstrumentCatalog([Equity(instrument_id="X", currency="EUR")], currency="EUR")


NOT_POSITIVE: tuple[Any, ...] = (
    Decimal(0),
    Decimal(-1),
    Decimal("NaN"),
    Decimal("Infinity"),
    1.0,
    None,
)
NOT_BOOKABLE: tuple[Any, ...] = (*NOT_POSITIVE, Decimal("0.0000000001"), Decimal("1e18"))


@pytest.mark.parametrize(
    ("instrument", "name"),
    [
        (AAA, "lot_size"),
        (AAA, "multiplier"),
        (FUT, "lot_size"),
        (FUT, "multiplier"),
        (FUT, "initial_margin"),
        (FUT, "maintenance_margin"),
        (CALL, "lot_size"),
        (CALL, "multiplier"),
        (CALL, "strike"),
    ],
)
def test_field_that_cannot_be_booked_is_named(instrument: Instrument, name: str) -> None:
    for value in NOT_BOOKABLE:
        with pytest.raises(ConfigurationError, match=rf"'{instrument.instrument_id}': {name} must"):
            InstrumentCatalog([msgspec.structs.replace(instrument, **{name: value})])


@pytest.mark.parametrize("instrument", [AAA, FUT, CALL, IDX])
def test_tick_must_be_positive(instrument: Instrument) -> None:
    for value in NOT_POSITIVE:
        with pytest.raises(ConfigurationError, match="price_increment must be"):
            InstrumentCatalog([msgspec.structs.replace(instrument, price_increment=value)])


@pytest.mark.parametrize("name", ["long_margin_fraction", "short_margin_fraction"])
def test_margin_fraction_may_be_zero_but_not_less(name: str) -> None:
    assert InstrumentCatalog([msgspec.structs.replace(AAA, **{name: Decimal(0)})])
    for value in (Decimal(-1), Decimal("NaN"), 0.5):
        with pytest.raises(ConfigurationError, match=f"{name} must be"):
            InstrumentCatalog([msgspec.structs.replace(AAA, **{name: value})])


def test_initial_margin_covers_the_maintenance() -> None:
    low = msgspec.structs.replace(FUT, initial_margin=Decimal(899))
    with pytest.raises(ConfigurationError, match="initial_margin is below maintenance_margin"):
        InstrumentCatalog([low])


def test_future_and_option_have_an_expiry_and_values_are_frozen() -> None:
    assert isinstance(FUT, Future)
    with pytest.raises(AttributeError):
        FUT.expiry_ts = 1  # type: ignore[misc]
