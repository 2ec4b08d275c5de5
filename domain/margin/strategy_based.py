"""The US margin account with options: strategy-based margin as in the Cboe margin manual.

Shares by Regulation T, futures by their rates, and the options on each underlying, with its shares,
matched into the structures of the manual so that they bind least (``option_structure_cost``).
Initial margin is what the budget rule may rest on; maintenance margin is the published figure.
``published_margin_of`` gives the published initial figure too.

Where it differs from the publications, besides the budget costs:

- Calls and puts are set against each other as whole sides, and each side is matched for either case
  by itself. For single strangles and condors that is the published figure; a book of many odd legs
  can bind a few percent less than one matching, pair by pair, would.
- Of a short strangle the greater naked figure counts. Published, it is that of the side whose
  figure with premium is greater; that is never more.
- An iron condor with unequal widths binds the wider one. FINRA's definition wants equal widths;
  some brokers margin others as two spreads.
- Butterflies and boxes are sums of spreads. A long butterfly, of which the manual asks no more than
  the net debit, binds the width of its credit spread too.
- Long options beside shares (protective puts, collars) get no relief.
- Every cover must live as long as what it covers, and be of the same size.

Live, ``larger_of`` sets all that against the broker's own figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.margin.future_rule import FutureRule
from orchestrion.domain.margin.option_rule import NakedRule, OptionRule
from orchestrion.domain.margin.option_structure_cost import (
    BUDGET,
    PUBLISHED,
    OptionHolding,
    OptionSide,
    StockHolding,
    StructureCosts,
    least_requirement,
)
from orchestrion.domain.margin.requirement import Margin, held, price_of, total_of
from orchestrion.domain.margin.stock_rule import StockRule
from orchestrion.domain.models.instrument import (
    Future,
    InstrumentCatalog,
    OptionContract,
    OptionKind,
    Tradable,
)
from orchestrion.domain.models.money import ZERO, add, multiply
from orchestrion.domain.models.portfolio import Marks


class StrategyBasedModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shares, futures and option structures of a US margin account."""

    stock: StockRule = StockRule()
    option: OptionRule = OptionRule()
    future: FutureRule = FutureRule()

    def __post_init__(self) -> None:
        """
        Raises:
            ConfigurationError: a naked call that binds more than a long and a short share
                together: covering it by shares could then not be subadditive.
        """
        shares = add(self.stock.long_initial_fraction, self.stock.short_initial_fraction)
        rules = (self.option.broad_index, self.option.other, *self.option.by_underlying.values())
        for rule in rules:
            if max(rule.fraction, rule.floor_fraction) > shares:
                raise ConfigurationError(
                    f"a naked option's {rule.fraction} (at least {rule.floor_fraction}) is more "
                    f"than the long and short initial fractions of a share together, {shares}"
                )

    def margin_of(
        self,
        quantities: Mapping[str, Decimal],
        catalog: InstrumentCatalog,
        marks: Marks,
        *,
        now: int,
    ) -> Margin:
        """See ``MarginModel.margin_of``."""
        return self._margin(quantities, catalog, marks, now, BUDGET)

    def published_margin_of(
        self,
        quantities: Mapping[str, Decimal],
        catalog: InstrumentCatalog,
        marks: Marks,
        *,
        now: int,
    ) -> Margin:
        """The same with the published initial figure, which is not subadditive."""
        return self._margin(quantities, catalog, marks, now, PUBLISHED)

    def is_coupled(self, instrument: Tradable) -> bool:
        """Options and the shares that may cover them; futures with a calendar credit."""
        if isinstance(instrument, Future):
            return bool(self.future.calendar_credit_fraction)
        return True

    def _margin(
        self,
        quantities: Mapping[str, Decimal],
        catalog: InstrumentCatalog,
        marks: Marks,
        now: int,
        initial_costs: StructureCosts,
    ) -> Margin:
        groups: dict[str, _Group] = {}
        futures: list[tuple[Future, Decimal]] = []
        for instrument_id, quantity in held(quantities):
            instrument = catalog.tradable(instrument_id)
            if isinstance(instrument, Future):
                futures.append((instrument, quantity))
            elif isinstance(instrument, OptionContract):
                group = groups.setdefault(instrument.underlying_id, _Group())
                group.options.append((instrument, quantity))
            else:
                group = groups.setdefault(instrument_id, _Group())
                group.shares = multiply(quantity, instrument.multiplier)
        margins = [self.future.margin_of(futures)]
        for underlying_id, group in groups.items():
            if group.shares or group.has_short_option:
                group.underlying = price_of(marks, underlying_id)
            if group.options:
                naked = self.option.naked_rule(underlying_id, catalog)
                self._price_options(group, naked, marks, now)
                margins.append(self._group_margin(group, initial_costs))
            else:
                margins.append(self.stock.margin_of(group.shares, group.underlying))
        return total_of(margins)

    def _price_options(self, group: _Group, naked: NakedRule, marks: Marks, now: int) -> None:
        for option, quantity in group.options:
            value = price_of(marks, option.instrument_id)
            holding = OptionHolding(
                option,
                multiply(quantity.copy_abs(), option.multiplier),
                value,
                naked.requirement(option, group.underlying),
                multiply(value, self.option.long_fraction(option, now)),
            )
            group.holdings[option.option_kind, quantity > 0].append(holding)

    def _group_margin(self, group: _Group, initial_costs: StructureCosts) -> Margin:
        initial = maintenance = None
        if group.shares:
            long = self.stock.long_share(group.underlying)
            short = self.stock.short_share(group.underlying)
            own, other = (long, short) if group.shares > 0 else (short, long)
            initial = group.stock(own.initial, other.initial)
            maintenance = group.stock(own.maintenance, other.maintenance)
        return Margin(
            least_requirement(*group.sides(initial), initial_costs),
            least_requirement(*group.sides(maintenance), PUBLISHED),
        )


class _Group:
    """What is held on one underlying: its shares and the options on it."""

    __slots__ = ("holdings", "options", "shares", "underlying")

    def __init__(self) -> None:
        self.shares = ZERO
        self.options: list[tuple[OptionContract, Decimal]] = []
        self.underlying = ZERO  # read only where something rests on it
        self.holdings: dict[tuple[OptionKind, bool], list[OptionHolding]] = {
            (kind, is_long): [] for kind in OptionKind for is_long in (True, False)
        }

    @property
    def has_short_option(self) -> bool:
        return any(quantity < 0 for _, quantity in self.options)

    def stock(self, alone: Decimal, opposite: Decimal) -> StockHolding:
        """The shares, with what one binds and what one on the other side would bind."""
        return StockHolding(self.shares.copy_abs(), self.underlying, alone, opposite)

    def sides(self, stock: StockHolding | None) -> tuple[OptionSide, OptionSide]:
        """(calls, puts): long shares stand beside the calls, short ones beside the puts."""
        is_long = self.shares > 0
        return (
            self._side(OptionKind.CALL, stock if is_long else None),
            self._side(OptionKind.PUT, None if is_long else stock),
        )

    def _side(self, kind: OptionKind, stock: StockHolding | None) -> OptionSide:
        shorts, longs = self.holdings[kind, False], self.holdings[kind, True]
        return OptionSide(tuple(shorts), tuple(longs), stock)
