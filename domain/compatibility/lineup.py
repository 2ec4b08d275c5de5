"""``Lineup``: the strategies that are to run together, their capital and what is known of them.

The one input of every rule. It is checked once, where it is made; ``AnalysisSettings`` says from
how much history on a figure is given and what counts as too much.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_UP, Decimal
from types import MappingProxyType

import msgspec

from orchestrion.domain.compatibility.history import Alignment, StrategyHistory, check_history
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.money import CENT, ONE, ZERO, add, divide, is_amount
from orchestrion.domain.models.strategy_metadata import StrategyMetadata

_SAMPLE_SMALLEST = 3
"""Two returns always lie on a line, so a correlation of fewer than three means nothing."""

NO_HISTORIES: Mapping[str, StrategyHistory] = MappingProxyType({})
NO_POLICIES: Mapping[str, str] = MappingProxyType({})


class Candidate(msgspec.Struct, frozen=True):
    """A strategy with the capital that it would get; None when no capital is set yet."""

    metadata: StrategyMetadata
    capital: Decimal | None

    @property
    def strategy_id(self) -> str:
        return self.metadata.id

    @property
    def instruments(self) -> tuple[str, ...]:
        """Declared instruments, those it wants for itself included, each once."""
        return tuple(
            dict.fromkeys((*self.metadata.instruments, *self.metadata.exclusive_instruments))
        )

    @property
    def minimum_capital(self) -> Decimal:
        """What it says it needs, as an exact amount."""
        return Decimal(str(self.metadata.minimum_capital))


class AnalysisSettings(msgspec.Struct, frozen=True, kw_only=True):
    """From how much on a figure is given, and what is too much. The numbers are arbitrary where
    no reason is named.

    Attributes:
        alignment: how equity curves are put side by side.
        daily_returns_min: common returns for any figure of returns; three months, as for weights.
        weekly_returns_min: the same for weekly alignment; half a year.
        returns_max: the latest ones of every strategy that are used; five years of days.
        losses_min: losing periods that each strategy must have for a downside correlation.
        instrument_days_min: days with both in one instrument for an opposing direction rate.
        margin_days_min: common days with margin.
        expiry_weeks_min: weeks with expiries that each must have.
        leverage_max: leverage of the account from which on it is worth a warning; 2 is what
            Reg T lets an account hold overnight.
        leverage_limit: leverage above which the start is refused; None refuses at none.
        margin_use_max: summed margin peaks as a fraction of the capital, above which a warning is
            given.
    """

    alignment: Alignment = Alignment.DAILY
    daily_returns_min: int = 60
    weekly_returns_min: int = 26
    returns_max: int = 1_260
    losses_min: int = 10
    instrument_days_min: int = 20
    margin_days_min: int = 20
    expiry_weeks_min: int = 4
    leverage_max: Decimal = Decimal(2)
    leverage_limit: Decimal | None = None
    margin_use_max: Decimal = Decimal("0.8")

    def __post_init__(self) -> None:
        """
        Raises:
            ConfigurationError: a setting that cannot be used; the message names it.
        """
        for name in ("daily_returns_min", "weekly_returns_min"):
            if getattr(self, name) < _SAMPLE_SMALLEST:
                raise ConfigurationError(
                    f"{name} must be at least {_SAMPLE_SMALLEST}, got {getattr(self, name)}"
                )
        if self.returns_max < max(self.daily_returns_min, self.weekly_returns_min):
            raise ConfigurationError(f"returns_max {self.returns_max} is below the returns needed")
        for name in ("losses_min", "instrument_days_min", "margin_days_min", "expiry_weeks_min"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("leverage_max", "leverage_limit", "margin_use_max"):
            value: Decimal | None = getattr(self, name)
            if value is not None and not (value.is_finite() and value > 0):
                raise ConfigurationError(f"{name} must be finite and above 0, got {value}")

    @property
    def returns_min(self) -> int:
        """Common returns that a figure needs with the alignment that is set."""
        if self.alignment is Alignment.DAILY:
            return self.daily_returns_min
        return self.weekly_returns_min


DEFAULT_SETTINGS = AnalysisSettings()


class Lineup(msgspec.Struct, frozen=True, kw_only=True):
    """Strategies in rank order with everything that rules may look at.

    Attributes:
        histories: strategy id -> its past; strategies without one are left out.
        total_capital: of the account, what no strategy gets included; the candidates' sum when
            None.
        disabled_ids: strategies that are configured and do not run.
        conflict_policies: conflict type -> policy, as configured.
    """

    candidates: tuple[Candidate, ...]
    histories: Mapping[str, StrategyHistory] = NO_HISTORIES
    total_capital: Decimal | None = None
    disabled_ids: tuple[str, ...] = ()
    conflict_policies: Mapping[str, str] = NO_POLICIES

    def __post_init__(self) -> None:
        """
        Raises:
            ConfigurationError: an id twice, a history of nobody, amounts that cannot be booked or
                that add up to more than the total, or a history that is not in order.
        """
        ids = self.strategy_ids
        for place, strategy_id in enumerate(ids):
            if strategy_id in ids[:place]:
                raise ConfigurationError(f"strategy {strategy_id!r} stands in the lineup twice")
        for strategy_id, history in self.histories.items():
            if strategy_id not in ids:
                raise ConfigurationError(
                    f"there is a history of {strategy_id!r}, which is not in the lineup"
                )
            check_history(strategy_id, history)
        self._check_capital()

    def _check_capital(self) -> None:
        for one in self.candidates:
            _check_amount(f"capital of {one.strategy_id!r}", one.capital)
        _check_amount("total_capital", self.total_capital)
        given = sum_of(one.capital or ZERO for one in self.candidates)
        if self.total_capital is not None and given > self.total_capital:
            raise ConfigurationError(
                f"the candidates' capital adds up to {given}, total_capital is {self.total_capital}"
            )

    @property
    def strategy_ids(self) -> tuple[str, ...]:
        return tuple(one.metadata.id for one in self.candidates)

    @property
    def has_capital(self) -> bool:
        """Whether it is known what everybody gets, and somebody gets anything."""
        return all(one.capital is not None for one in self.candidates) and any(
            one.capital for one in self.candidates
        )

    @property
    def capital(self) -> Decimal:
        """Capital of the account: the total if it is set, else what the candidates get."""
        if self.total_capital is not None:
            return self.total_capital
        return sum_of(one.capital or ZERO for one in self.candidates)


def sum_of(amounts: Iterable[Decimal]) -> Decimal:
    """Exact sum of amounts."""
    total = ZERO
    for amount in amounts:
        total = add(total, amount)
    return total


def cents_up(amount: Decimal) -> Decimal:
    """The smallest amount in cents that is not less."""
    return divide(amount, ONE, step=CENT, rounding=ROUND_UP)


def _check_amount(name: str, value: Decimal | None) -> None:
    if value is not None and not (is_amount(value) and value >= 0):
        raise ConfigurationError(f"{name} must be a finite amount >= 0, got {value}")
