"""Limits of a strategy and of the account, and the sentence that says which one a command breaks.

A limit bounds the worst case (``worst_case``): whatever of positions, working orders and this
command comes to be. It refuses only what would raise the figure that it bounds, and only strictly
above its value. Commands that reduce risk are never judged: the caller lets them pass whatever the
figures are, because prices alone can push a book over a limit and it must be able to come back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from types import MappingProxyType

import msgspec

from orchestrion.domain.capital.worst_case import FLAT, OptionNotional, Usage
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.command import RefusalCode
from orchestrion.domain.models.money import ZERO, divide, multiply, round_to_cent

_SHOWN_STEP = Decimal("0.0001")  # of ratios in a refusal


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Greatest values that are allowed; None is no limit. Amounts in the account currency.

    Attributes:
        open_structures_max: see ``structure_count``.
        gross_notional_max, net_notional_max: of the book, or of the account.
        leverage_max: gross notional as a multiple of equity.
        quantity_max: of every instrument that ``quantity_max_by_id`` does not name, either side.
        quantity_max_by_id: instrument id -> greatest quantity on either side.
        margin_use_max: initial margin as a fraction of equity.
        option_notional: what counts as an option's notional.
    """

    open_structures_max: int | None = None
    gross_notional_max: Decimal | None = None
    net_notional_max: Decimal | None = None
    leverage_max: Decimal | None = None
    quantity_max: Decimal | None = None
    quantity_max_by_id: Mapping[str, Decimal] = MappingProxyType({})
    margin_use_max: Decimal | None = None
    option_notional: OptionNotional = OptionNotional.PREMIUM

    def __post_init__(self) -> None:
        """
        Raises:
            ConfigurationError: a limit that is not finite or below 0; the message names it.
        """
        values: dict[str, Decimal | int | None] = {
            name: getattr(self, name) for name in _LIMIT_NAMES
        }
        values |= {f"quantity_max of {one}": most for one, most in self.quantity_max_by_id.items()}
        for name, value in values.items():
            if value is not None and not _is_limit(value):
                raise ConfigurationError(
                    f"{name} must be a finite Decimal (or int) of at least 0, got {value!r}"
                )


_LIMIT_NAMES = (
    "open_structures_max",
    "gross_notional_max",
    "net_notional_max",
    "leverage_max",
    "quantity_max",
    "margin_use_max",
)

NO_LIMITS = Limits()


def _is_limit(value: object) -> bool:
    return isinstance(value, (int, Decimal)) and Decimal(value).is_finite() and value >= 0


def limit_fault(
    limits: Limits, before: Usage, after: Usage, *, equity: Decimal, whose: str
) -> tuple[RefusalCode, str] | None:
    """The first limit that a command would break, in the order of ``Limits``.

    Args:
        before: worst case of what there is.
        after: worst case with the command, which does not reduce risk.
        equity: of the book or of the account, at the marks.
        whose: strategy id, or words for the account; opens the sentence.
    """
    for detail in _faults(limits, before, after, equity):
        return RefusalCode.LIMIT_EXCEEDED, f"{whose}: {detail}"
    return None


def _faults(limits: Limits, before: Usage, after: Usage, equity: Decimal) -> Iterator[str]:
    most = limits.open_structures_max
    if most is not None and after.open_structures > max(most, before.open_structures):
        yield _sentence("open_structures_max", most, before.open_structures, after.open_structures)
    yield from _amount_fault(
        "gross_notional_max", limits.gross_notional_max, before.gross_notional, after.gross_notional
    )
    yield from _amount_fault(
        "net_notional_max", limits.net_notional_max, before.net_notional, after.net_notional
    )
    yield from _ratio_fault(
        "leverage_max", limits.leverage_max, before.gross_notional, after.gross_notional, equity
    )
    yield from _quantity_faults(limits, before, after)
    yield from _ratio_fault(
        "margin_use_max", limits.margin_use_max, before.margin, after.margin, equity
    )


def _amount_fault(name: str, most: Decimal | None, now: Decimal, then: Decimal) -> Iterator[str]:
    if most is not None and then > max(most, now):
        yield _sentence(name, f"{most:f}", _money(now), _money(then))


def _ratio_fault(
    name: str, most: Decimal | None, now: Decimal, then: Decimal, equity: Decimal
) -> Iterator[str]:
    """A limit on an amount over equity, compared without dividing; no equity carries nothing."""
    if most is None or then <= max(multiply(most, max(equity, ZERO)), now):
        return
    if equity <= 0:
        yield f"{name} is {most:f}, and equity is {_money(equity)}: it carries no new position"
    else:
        yield _sentence(name, f"{most:f}", _ratio(now, equity), _ratio(then, equity))


def _quantity_faults(limits: Limits, before: Usage, after: Usage) -> Iterator[str]:
    for instrument_id, reached in after.quantities.items():
        most = limits.quantity_max_by_id.get(instrument_id, limits.quantity_max)
        now = before.quantities.get(instrument_id, FLAT).largest
        if most is not None and reached.largest > max(most, now):
            name = f"quantity_max of {instrument_id}"
            yield _sentence(name, f"{most:f}", f"{now:f}", f"{reached.largest:f}")


def _sentence(name: str, most: object, now: object, then: object) -> str:
    return f"{name} is {most}, in the worst case it is {now} now and would be {then}"


def _money(amount: Decimal) -> str:
    return f"{round_to_cent(amount):f}"


def _ratio(amount: Decimal, equity: Decimal) -> str:
    return f"{divide(amount, equity, step=_SHOWN_STEP, rounding=ROUND_HALF_EVEN):f}"
