"""Which conflicts there are, which policies answer them, and which policy suits which conflict.

The defaults are what a trader would expect who has read nothing: nobody trades with himself, a
mistake is not sent twice, and where two want what only one can have, the better one gets it.

    OPPOSING_SIDES       priority: trading with oneself costs twice and is a wash trade. ``net``
                         saves even the costs, but needs a price that all agree on; so it is chosen,
                         not given.
    DUPLICATE_ORDER      priority: the first one stands, the second is refused. A repeated order is
                         far more often a repeated message than a doubled wish.
    EXCLUSIVE_INSTRUMENT priority: the owner is firm, all others may only get out.
    CONCENTRATION        priority, once a greatest fraction is configured: the better one gets the
                         room that is left. Nothing is cut that nobody asked to be cut.
    CAPITAL, MARGIN,     priority: first come, first served, in order of (priority, rank). The
    POSITION_LIMIT       capital manager would do the same in order of rank alone; here it is told
                         who lost against whom.
    LEVERAGE_MISMATCH    priority: whoever holds the instrument keeps its setting, else the better
                         one sets it. To let both go on would change the risk of a position under
                         its owner's feet.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

import msgspec

from orchestrion.domain.errors import ConfigurationError


class ConflictType(StrEnum):
    """In the order in which they are looked at."""

    EXCLUSIVE_INSTRUMENT = "EXCLUSIVE_INSTRUMENT"
    """An instrument that belongs to another strategy."""
    LEVERAGE_MISMATCH = "LEVERAGE_MISMATCH"
    """Two strategies want another leverage or margin mode for one instrument."""
    DUPLICATE_ORDER = "DUPLICATE_ORDER"
    """The same order again: by the same strategy, or, where configured, by another one."""
    OPPOSING_SIDES = "OPPOSING_SIDES"
    """One would trade with the other, in this round or with what rests at the venue."""
    POSITION_LIMIT = "POSITION_LIMIT"
    """Together above the account's greatest quantity of an instrument."""
    CONCENTRATION = "CONCENTRATION"
    """Together too much of the account's equity in one instrument or underlying, by notional."""
    MARGIN = "MARGIN"
    """Together above the part of its equity that the account may bind."""
    CAPITAL = "CAPITAL"
    """Together more than the account has free."""


class ConflictPolicy(StrEnum):
    PRIORITY = "priority"
    """The better one goes on (priority, then rank), the other is refused; the default."""
    NET = "net"
    """Both go on, to be crossed inside; what cannot be crossed is decided by priority."""
    REJECT_ALL = "reject_all"
    """All entries of the conflict are refused."""
    CANCEL_RESTING = "cancel_resting"
    """The other's resting entry is withdrawn, whatever its priority, and the new order waits until
    that is reported; what does not rest, or cannot be withdrawn, is decided by priority. Two
    strategies that both insist push each other out again and again."""
    SCALE_PRO_RATA = "scale_pro_rata"
    """All entries of the conflict are cut in proportion, to what fits; what becomes zero is
    refused."""
    ALLOW = "allow"
    """Everything goes on; the conflict is still told."""


_P = ConflictPolicy
_EITHER_OR = (_P.PRIORITY, _P.REJECT_ALL, _P.ALLOW)
_ROOM = (_P.PRIORITY, _P.REJECT_ALL, _P.SCALE_PRO_RATA, _P.ALLOW)

POLICIES_OF_TYPE: Mapping[ConflictType, tuple[ConflictPolicy, ...]] = MappingProxyType(
    {
        ConflictType.EXCLUSIVE_INSTRUMENT: _EITHER_OR,
        ConflictType.LEVERAGE_MISMATCH: _EITHER_OR,
        ConflictType.DUPLICATE_ORDER: _EITHER_OR,
        # Cutting quantities leaves the two sides opposed.
        ConflictType.OPPOSING_SIDES: (
            _P.PRIORITY,
            _P.NET,
            _P.REJECT_ALL,
            _P.CANCEL_RESTING,
            _P.ALLOW,
        ),
        ConflictType.POSITION_LIMIT: _ROOM,
        ConflictType.CONCENTRATION: _ROOM,
        ConflictType.MARGIN: _ROOM,
        ConflictType.CAPITAL: _ROOM,
    }
)
"""The policies that make sense for a type; ``ConflictPolicies`` refuses all others."""

ROOM_TYPES = (
    ConflictType.POSITION_LIMIT,
    ConflictType.CONCENTRATION,
    ConflictType.MARGIN,
    ConflictType.CAPITAL,
)
"""Types that are about what the account has left, in the order in which they are looked at."""


class ConflictPolicies(msgspec.Struct, frozen=True):
    """Which policy answers which conflict type, and what the types need to know.

    Attributes:
        concentration_max_fraction: greatest notional of one instrument, or of all instruments of
            one underlying, as a fraction of account equity, above 0; None looks for no
            concentration.
        exclusive_instruments: ids of instruments that only one strategy at a time may be in,
            whoever is there first. (A strategy's own claim is in its metadata.)
        duplicates_across_strategies: whether the same legs from two strategies in one round are a
            duplicate too. Off: two strategies may well come to the same view.
    """

    opposing_sides: ConflictPolicy = ConflictPolicy.PRIORITY
    duplicate_order: ConflictPolicy = ConflictPolicy.PRIORITY
    exclusive_instrument: ConflictPolicy = ConflictPolicy.PRIORITY
    concentration: ConflictPolicy = ConflictPolicy.PRIORITY
    capital: ConflictPolicy = ConflictPolicy.PRIORITY
    margin: ConflictPolicy = ConflictPolicy.PRIORITY
    position_limit: ConflictPolicy = ConflictPolicy.PRIORITY
    leverage_mismatch: ConflictPolicy = ConflictPolicy.PRIORITY
    concentration_max_fraction: Decimal | None = None
    exclusive_instruments: tuple[str, ...] = ()
    duplicates_across_strategies: bool = False

    def __post_init__(self) -> None:
        """
        Raises:
            ConfigurationError: a policy that makes no sense for its type, or a fraction that is not
                finite and above 0; the message names it.
        """
        for kind, sensible in POLICIES_OF_TYPE.items():
            if self.of(kind) not in sensible:
                raise ConfigurationError(
                    f"{kind} cannot be answered by {self.of(kind)!s}, only by {', '.join(sensible)}"
                )
        most = self.concentration_max_fraction
        if most is not None and not _is_fraction(most):
            raise ConfigurationError(
                f"concentration_max_fraction must be a finite Decimal above 0, got {most!r}"
            )

    def of(self, kind: ConflictType) -> ConflictPolicy:
        """The policy for a type."""
        policy: ConflictPolicy = getattr(self, kind.value.lower())
        return policy

    @classmethod
    def choose(
        cls,
        named: Mapping[ConflictType, ConflictPolicy],
        *,
        default: ConflictPolicy = ConflictPolicy.PRIORITY,
        concentration_max_fraction: Decimal | None = None,
        exclusive_instruments: tuple[str, ...] = (),
        duplicates_across_strategies: bool = False,
    ) -> ConflictPolicies:
        """Policies from named types and a default for the rest.

        Args:
            default: for the types that are not named; a type for which it makes no sense (``net``
                for anything but opposing sides) keeps ``priority``.

        Raises:
            ConfigurationError: a named policy that makes no sense for its type, or a bad fraction.
        """
        chosen = {
            kind.value.lower(): named.get(kind) or (default if default in sensible else _P.PRIORITY)
            for kind, sensible in POLICIES_OF_TYPE.items()
        }
        return cls(
            **chosen,
            concentration_max_fraction=concentration_max_fraction,
            exclusive_instruments=exclusive_instruments,
            duplicates_across_strategies=duplicates_across_strategies,
        )


def _is_fraction(value: object) -> bool:
    return isinstance(value, Decimal) and value.is_finite() and value > 0
