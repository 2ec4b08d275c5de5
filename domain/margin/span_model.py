"""A scenario grid in the manner of SPAN, as clearing houses use it for futures and their options.

    per underlying   max(scan risk with calendar charges, short option minimum, net option value)
                     + exposure margin + expiry-day margin

- Scan risk: the worst sum of all risk arrays over the grid (``risk_array``).
- Calendar charges: SPAN counts the composite delta of every expiry and charges each spread between
  them. That is not subadditive where an option is worth less than the charge, so the charge is
  taken as a fixed part of the offset between expiries that is not given:
  (1 - a) x the scan of all together + a x the sum of each expiry's own scan,
  with a = charge / (2 x scan range). For futures that is the published charge exactly; options
  are charged by what they lose in the grid instead of by their delta.
- Net option value: bought options are paid in full. In cash, what is asked is the scan risk less
  the net option value; in terms of equity, where options count, it is the greater of the two.
- Exposure and expiry-day margins are fractions of the notional of futures and short options.

Offsets between underlyings are not given. Shares are no part of the grid: they are margined by a
stock rule, or by their own fractions. Initial and maintenance are one figure. Source: the SPAN
descriptions of CME and NSE Clearing; worked figures in the tests.

Everything that a risk array computes is a float made decimal and rounded outward: see
``option_pricing`` on what that means for replay. Size: 16 values and a search per option held.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import TypeAlias

import msgspec

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.margin.requirement import Margin, held, price_of, total_of
from orchestrion.domain.margin.risk_array import (
    RiskArray,
    future_risk_array,
    option_risk_array,
    scan_risk,
)
from orchestrion.domain.margin.span_parameters import SpanParameters
from orchestrion.domain.margin.stock_rule import StockRule, stock_margin
from orchestrion.domain.models.instrument import (
    Equity,
    Future,
    InstrumentCatalog,
    OptionContract,
    OptionKind,
    Tradable,
)
from orchestrion.domain.models.money import ONE, ZERO, add, multiply, subtract
from orchestrion.domain.models.portfolio import Marks

Contract: TypeAlias = Future | OptionContract


class SpanModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Futures and options by a scenario grid.

    Attributes:
        parameters: underlying id -> what its clearing house publishes.
        default: for all other underlyings; without one they are refused.
        stock: rule for shares; without one by the fractions of the catalogue.
    """

    parameters: Mapping[str, SpanParameters] = MappingProxyType({})
    default: SpanParameters | None = None
    stock: StockRule | None = None

    def check_catalog(self, catalog: InstrumentCatalog) -> None:
        """Whether every underlying has parameters; to be asked when a run is loaded.

        Raises:
            ConfigurationError: one has none.
        """
        for instrument in catalog:
            if isinstance(instrument, (Future, OptionContract)):
                self.parameters_of(instrument.underlying_id)

    def parameters_of(self, underlying_id: str) -> SpanParameters:
        """
        Raises:
            ConfigurationError: there are none.
        """
        found = self.parameters.get(underlying_id, self.default)
        if found is None:
            raise ConfigurationError(
                f"margin model span: no parameters for {underlying_id!r}; name them under "
                "parameters, or give a default"
            )
        return found

    def margin_of(
        self,
        quantities: Mapping[str, Decimal],
        catalog: InstrumentCatalog,
        marks: Marks,
        *,
        now: int,
    ) -> Margin:
        """See ``MarginModel.margin_of``."""
        margins: list[Margin] = []
        groups: dict[str, list[tuple[Contract, Decimal]]] = {}
        for instrument_id, quantity in held(quantities):
            instrument = catalog.tradable(instrument_id)
            if isinstance(instrument, Equity):
                price = price_of(marks, instrument_id)
                margins.append(stock_margin(self.stock, instrument, quantity, price))
            else:
                groups.setdefault(instrument.underlying_id, []).append((instrument, quantity))
        for underlying_id, contracts in groups.items():
            bound = _group_requirement(contracts, self.parameters_of(underlying_id), marks, now)
            margins.append(Margin(bound, bound))
        return total_of(margins)

    def is_coupled(self, instrument: Tradable) -> bool:
        """Everything in the grid."""
        return not isinstance(instrument, Equity)


def _group_requirement(
    contracts: list[tuple[Contract, Decimal]], parameters: SpanParameters, marks: Marks, now: int
) -> Decimal:
    """Of everything on one underlying."""
    by_day: dict[int, list[tuple[Decimal, RiskArray]]] = {}
    minimum = option_value = charges = ZERO
    today = parameters.day_of(now)
    for contract, quantity in contracts:
        underlying = _underlying_price(contract, marks)
        notional = multiply(
            multiply(quantity.copy_abs(), underlying.copy_abs()), contract.multiplier
        )
        day = parameters.day_of(contract.expiry_ts)
        if isinstance(contract, Future):
            array = future_risk_array(underlying, contract.multiplier, parameters)
            charges = add(charges, multiply(notional, parameters.exposure_fraction))
        else:
            mark = price_of(marks, contract.instrument_id)
            array = option_risk_array(
                contract, mark=mark, underlying=underlying, now=now, parameters=parameters
            )
            value = multiply(multiply(quantity, mark), contract.multiplier)
            option_value = add(option_value, value)
            if quantity < 0:
                least = multiply(notional, parameters.short_option_minimum_fraction)
                minimum = add(minimum, least)
                fraction = _short_option_fraction(contract, underlying, parameters, day <= today)
                charges = add(charges, multiply(notional, fraction))
        by_day.setdefault(day, []).append((quantity, array))
    risk = max(_calendar_scan(by_day, parameters, today), minimum, option_value)
    return add(risk, charges)


def _underlying_price(contract: Contract, marks: Marks) -> Decimal:
    """A future without a priced underlying stands in for it with its own mark."""
    if isinstance(contract, Future) and marks.price_e9(contract.underlying_id) is None:
        return price_of(marks, contract.instrument_id)
    return price_of(marks, contract.underlying_id)


def _short_option_fraction(
    option: OptionContract, underlying: Decimal, parameters: SpanParameters, is_last_day: bool
) -> Decimal:
    """Exposure and expiry-day margin of a short option."""
    away = subtract(option.strike, underlying)
    if option.option_kind is OptionKind.PUT:
        away = away.copy_negate()
    exposure, deep = parameters.exposure_fraction, parameters.deep_exposure_fraction
    is_deep = away > multiply(underlying.copy_abs(), parameters.deep_from_fraction)
    if is_deep and deep is not None:
        exposure = deep
    return add(exposure, parameters.expiry_day_fraction) if is_last_day else exposure


def _calendar_scan(
    by_day: Mapping[int, list[tuple[Decimal, RiskArray]]], parameters: SpanParameters, today: int
) -> Decimal:
    """Scan risk with what is withheld of the offset between expiries."""
    apart = together = ZERO
    joined: list[tuple[Decimal, RiskArray]] = []
    days = 0
    for day in sorted(by_day):
        own = scan_risk(by_day[day])
        if day <= today and not parameters.offsets_on_expiry_day:
            together = add(together, own)
            continue
        apart = add(apart, own)
        joined += by_day[day]
        days += 1
    if days < 2:  # one expiry alone is not set against anything
        return add(together, apart)
    withheld = parameters.apart_fraction
    offset = multiply(subtract(ONE, withheld), scan_risk(joined))
    return add(together, add(offset, multiply(withheld, apart)))
