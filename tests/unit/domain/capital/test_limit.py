"""Limits: each one's sentence, what passes, and what cannot be a limit."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from orchestrion.domain.capital.limit import NO_LIMITS, Limits, limit_fault
from orchestrion.domain.capital.worst_case import QuantityRange, Usage
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.command import RefusalCode

D = Decimal
EQUITY = D(1_000)


def usage(quantity: int = 0, **figures: int) -> Usage:
    amounts = {
        name: value if name == "open_structures" else D(value) for name, value in figures.items()
    }
    ranges = {"ABC": QuantityRange(D(-quantity), D(0))} if quantity else {}
    return msgspec.structs.replace(Usage(quantities=ranges), **amounts)


CASES = [
    ({"open_structures_max": 3}, "open_structures", 3, "open_structures_max is 3, {} 2 now"),
    ({"gross_notional_max": D(500)}, "gross_notional", 500, "gross_notional_max is 500, {} 2.00"),
    ({"net_notional_max": D(500)}, "net_notional_low", -500, "net_notional_max is 500, {} 2.00"),
    ({"net_notional_max": D(500)}, "net_notional_high", 500, "net_notional_max is 500, {} 2.00"),
    ({"leverage_max": D("1.5")}, "gross_notional", 1_500, "leverage_max is 1.5, {} 0.0020"),
    ({"margin_use_max": D("0.5")}, "margin", 500, "margin_use_max is 0.5, {} 0.0020"),
    ({"quantity_max": D(40)}, "quantity", 40, "quantity_max of ABC is 40, {} 2 now"),
    ({"quantity_max_by_id": {"ABC": D(40)}}, "quantity", 40, "quantity_max of ABC is 40, {} 2"),
]


@pytest.mark.parametrize(("limits", "figure", "most", "sentence"), CASES)
def test_limit_refuses_strictly_above_it(
    limits: dict[str, object], figure: str, most: int, sentence: str
) -> None:
    allowed = msgspec.structs.replace(Limits(), **limits)
    before = usage(**{figure: 2})
    at = usage(**{figure: most})
    above = usage(**{figure: most + (1 if most > 0 else -1)})
    assert limit_fault(allowed, before, at, equity=EQUITY, whose="s") is None
    fault = limit_fault(allowed, before, above, equity=EQUITY, whose="s")
    assert fault is not None
    code, detail = fault
    assert code is RefusalCode.LIMIT_EXCEEDED
    assert detail.startswith("s: " + sentence.format("in the worst case it is"))


def test_sentence_names_the_limit_and_both_figures() -> None:
    limits = Limits(gross_notional_max=D(500))
    before, after = usage(gross_notional=300), usage(gross_notional=800)
    assert limit_fault(limits, before, after, equity=EQUITY, whose="CONDOR") == (
        RefusalCode.LIMIT_EXCEEDED,
        "CONDOR: gross_notional_max is 500, in the worst case it is 300.00 now and would be 800.00",
    )


@pytest.mark.parametrize(("limits", "figure", "most", "_sentence"), CASES)
def test_figure_above_its_limit_that_is_not_raised_passes(
    limits: dict[str, object], figure: str, most: int, _sentence: str
) -> None:
    allowed = msgspec.structs.replace(Limits(), **limits)
    above = usage(**{figure: 2 * most})
    assert limit_fault(allowed, above, above, equity=EQUITY, whose="s") is None


@pytest.mark.parametrize("equity", [D(0), D(-5)])
@pytest.mark.parametrize(
    ("limits", "figure"),
    [(Limits(leverage_max=D(2)), "gross_notional"), (Limits(margin_use_max=D(1)), "margin")],
)
def test_without_equity_nothing_new_is_carried(
    limits: Limits, figure: str, equity: Decimal
) -> None:
    fault = limit_fault(limits, usage(), usage(**{figure: 1}), equity=equity, whose="s")
    assert fault is not None
    assert f"and equity is {equity:.2f}: it carries no new position" in fault[1]


def test_little_equity_carries_little() -> None:
    limits, equity = Limits(leverage_max=D(2)), D("0.5")
    assert limit_fault(limits, usage(), usage(gross_notional=1), equity=equity, whose="s") is None
    fault = limit_fault(limits, usage(), usage(gross_notional=2), equity=equity, whose="s")
    assert fault is not None
    assert fault[1].endswith("in the worst case it is 0.0000 now and would be 4.0000")


def test_limit_of_zero_allows_nothing() -> None:
    limits = Limits(open_structures_max=0)
    fault = limit_fault(limits, usage(), usage(open_structures=1), equity=EQUITY, whose="s")
    assert fault is not None


def test_own_limit_of_an_instrument_goes_before_the_general_one() -> None:
    limits = Limits(quantity_max=D(10), quantity_max_by_id={"ABC": D(50)})
    assert limit_fault(limits, usage(), usage(quantity=50), equity=EQUITY, whose="s") is None


def test_first_limit_in_their_order_is_named() -> None:
    limits = Limits(gross_notional_max=D(1), leverage_max=D("0.001"))
    fault = limit_fault(limits, usage(), usage(gross_notional=5), equity=EQUITY, whose="s")
    assert fault is not None
    assert "gross_notional_max" in fault[1]


def test_no_limits_refuse_nothing() -> None:
    huge = usage(quantity=10**9, gross_notional=10**17, margin=10**17, open_structures=10**6)
    assert limit_fault(NO_LIMITS, usage(), huge, equity=D(-1), whose="s") is None


@pytest.mark.parametrize("value", [D("NaN"), D("Infinity"), D(-1), 1.5, "1"])
@pytest.mark.parametrize(
    "name",
    [
        "open_structures_max",
        "gross_notional_max",
        "net_notional_max",
        "leverage_max",
        "quantity_max",
        "margin_use_max",
    ],
)
def test_value_that_is_no_limit_is_named(name: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} must be"):
        msgspec.structs.replace(Limits(), **{name: value})


def test_quantity_that_is_no_limit_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"^quantity_max of ABC must be"):
        Limits(quantity_max_by_id={"ABC": D(-1)})
