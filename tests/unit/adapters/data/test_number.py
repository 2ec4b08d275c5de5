"""Text to integers in billionths: exact, and strict about what a number is."""

from __future__ import annotations

import pytest

from orchestrion.adapters.data.number import number_e9


@pytest.mark.parametrize(
    ("text", "value_e9"),
    [
        ("0", 0),
        ("1", 1_000_000_000),
        ("1831.37", 1_831_370_000_000),
        ("0.000000001", 1),
        ("1.", 1_000_000_000),
        (".5", 500_000_000),
        ("007.50", 7_500_000_000),
        ("-37.63", -37_630_000_000),
        ("+2", 2_000_000_000),
        (" 2 ", 2_000_000_000),
        ("1e3", 1_000_000_000_000),
        ("2.77427E+9", 2_774_270_000_000_000_000),
        ("1.50000000000000", 1_500_000_000),
        ("999999999999999999.999999999", 10**27 - 1),
    ],
)
def test_number_is_exact(text: str, value_e9: int) -> None:
    assert number_e9(text) == value_e9


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "empty"),
        ("  ", "empty"),
        (".", "not a number"),
        ("-", "not a number"),
        ("1,5", "not a number"),
        ("1_000", "not a number"),
        ("1.2.3", "not a number"),
        ("0x10", "not a number"),
        ("²", "not a number"),
        ("١٢", "not a number"),
        ("1.٢", "not a number"),
        ("None", "not a number"),
        ("nan", "not a finite number"),
        ("-Infinity", "not a finite number"),
        ("inf", "not a finite number"),
        ("0.0000000001", "more than nine decimals"),
        ("0.1234567891", "more than nine decimals"),
        ("1e-10", "more than nine decimals"),
        ("1000000000000000000", "below 1E"),
        ("1e999", "below 1E"),
    ],
)
def test_what_is_no_number_is_refused(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        number_e9(text)
