"""What can be done about a finding, as values that can be applied.

``applied`` gives the lineup that a recommendation leads to, so that its effect can be judged before
anybody follows it. Percentages are percent of the account's capital, as in the configuration.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from types import MappingProxyType
from typing import TypeAlias

import msgspec

from orchestrion.domain.compatibility.lineup import Candidate, Lineup, sum_of
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.money import CENT, divide, multiply

HUNDRED = Decimal(100)


class SetAllocations(msgspec.Struct, frozen=True, tag=True):
    """New percentages for all strategies, in rank order; what they leave of 100 is reserve."""

    percentages: tuple[tuple[str, Decimal], ...]

    def __post_init__(self) -> None:
        """
        Raises:
            ConfigurationError: a percentage that no configuration accepts, or more than 100 in all.
        """
        for strategy_id, percentage in self.percentages:
            if not (percentage.is_finite() and 0 < percentage <= HUNDRED):
                raise ConfigurationError(
                    f"the percentage of {strategy_id} must be above 0 to 100, got {percentage}"
                )
        if self.total > HUNDRED:
            raise ConfigurationError(f"percentages must sum to at most 100, got {self.total}")

    @property
    def total(self) -> Decimal:
        return sum_of(percentage for _, percentage in self.percentages)


class SetConflictPolicy(msgspec.Struct, frozen=True, tag=True):
    """A policy for a conflict type, both in the words of the settings' section ``conflicts``."""

    conflict_type: str
    policy: str


class DropStrategy(msgspec.Struct, frozen=True, tag=True):
    """Run without this strategy."""

    strategy_id: str


class EnableStrategy(msgspec.Struct, frozen=True, tag=True):
    """Configure and enable a strategy that another one depends on."""

    strategy_id: str


class RemoveDependency(msgspec.Struct, frozen=True, tag=True):
    """Take an id out of a strategy's ``depends_on``."""

    strategy_id: str
    dependency: str


class RaiseCapital(msgspec.Struct, frozen=True, tag=True):
    """The least capital of the account, in its currency, with which the finding goes away."""

    capital: Decimal


class DrawFromReserve(msgspec.Struct, frozen=True, tag=True):
    """A newcomer asks for this much, in the account's currency."""

    strategy_id: str
    capital: Decimal


Action: TypeAlias = (
    SetAllocations
    | SetConflictPolicy
    | DropStrategy
    | EnableStrategy
    | RemoveDependency
    | RaiseCapital
    | DrawFromReserve
)


class Recommendation(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do, by itself; two recommendations need not go together.

    Attributes:
        rule: id of the rule whose findings it answers.
        action: what to do.
        reason: why, and what it changes, in words.
    """

    rule: str
    action: Action
    reason: str


def applied(lineup: Lineup, action: Action) -> Lineup:
    """The lineup after an action.

    Raises:
        ConfigurationError: it names a strategy that is not there, or needs what the lineup does not
            know (``EnableStrategy`` the metadata, ``SetAllocations`` the account's capital).
    """
    match action:
        case SetAllocations():
            return _with_percentages(lineup, action)
        case SetConflictPolicy():
            policies = {**lineup.conflict_policies, action.conflict_type: action.policy}
            return msgspec.structs.replace(lineup, conflict_policies=MappingProxyType(policies))
        case DropStrategy():
            return _without(lineup, action.strategy_id)
        case RemoveDependency():
            return _without_dependency(lineup, action)
        case RaiseCapital():
            return _with_capital(lineup, action.capital)
        case DrawFromReserve():
            found = _find(lineup, action.strategy_id)
            drawn = msgspec.structs.replace(found, capital=action.capital)
            return _replaced(lineup, {action.strategy_id: drawn}, capital=lineup.total_capital)
        case EnableStrategy():
            raise ConfigurationError(
                f"{action.strategy_id} has to be added as a candidate, with its metadata"
            )


def _with_percentages(lineup: Lineup, action: SetAllocations) -> Lineup:
    percentages = dict(action.percentages)
    if tuple(percentages) != lineup.strategy_ids:
        raise ConfigurationError(
            f"percentages are for {', '.join(percentages)}, the lineup is "
            f"{', '.join(lineup.strategy_ids)}"
        )
    if not lineup.capital:
        raise ConfigurationError("without capital no percentage can be applied")
    return _replaced(
        lineup,
        {
            one.strategy_id: msgspec.structs.replace(
                one, capital=_part(lineup.capital, percentages[one.strategy_id], HUNDRED)
            )
            for one in lineup.candidates
        },
        capital=lineup.capital,
    )


def _without(lineup: Lineup, strategy_id: str) -> Lineup:
    _find(lineup, strategy_id)
    return msgspec.structs.replace(
        lineup,
        candidates=tuple(one for one in lineup.candidates if one.strategy_id != strategy_id),
        histories=MappingProxyType(
            {key: value for key, value in lineup.histories.items() if key != strategy_id}
        ),
    )


def _without_dependency(lineup: Lineup, action: RemoveDependency) -> Lineup:
    found = _find(lineup, action.strategy_id)
    depends_on = tuple(one for one in found.metadata.depends_on if one != action.dependency)
    metadata = found.metadata.model_copy(update={"depends_on": depends_on})
    changed = msgspec.structs.replace(found, metadata=metadata)
    return _replaced(lineup, {action.strategy_id: changed}, capital=lineup.total_capital)


def _with_capital(lineup: Lineup, capital: Decimal) -> Lineup:
    """Everybody keeps the share of the capital."""
    before = lineup.capital
    grown = {
        one.strategy_id: msgspec.structs.replace(one, capital=_part(one.capital, capital, before))
        for one in lineup.candidates
        if one.capital is not None and before
    }
    return _replaced(lineup, grown, capital=capital)


def _replaced(lineup: Lineup, changed: dict[str, Candidate], *, capital: Decimal | None) -> Lineup:
    candidates = tuple(changed.get(one.strategy_id, one) for one in lineup.candidates)
    return msgspec.structs.replace(lineup, candidates=candidates, total_capital=capital)


def _find(lineup: Lineup, strategy_id: str) -> Candidate:
    for one in lineup.candidates:
        if one.strategy_id == strategy_id:
            return one
    raise ConfigurationError(f"there is no strategy {strategy_id!r} in the lineup")


def _part(amount: Decimal, numerator: Decimal, denominator: Decimal) -> Decimal:
    """``amount`` x numerator / denominator, down to the cent so that no sum is passed."""
    return divide(multiply(amount, numerator), denominator, step=CENT, rounding=ROUND_DOWN)
