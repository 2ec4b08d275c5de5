"""What strategies claim of instruments: to be alone in them, or a leverage and a margin mode.

Claims change only when a strategy joins or leaves, so whoever coordinates builds them once, in rank
order, and hands them to every round.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec

from orchestrion.domain.margin.leverage_claim import LeverageClaim
from orchestrion.domain.models.strategy_metadata import StrategyMetadata

_NO_OWNERS: Mapping[str, str] = MappingProxyType({})
_NO_CLASHES: Mapping[str, tuple[LeverageClaim, ...]] = MappingProxyType({})


class InstrumentClaims(msgspec.Struct, frozen=True):
    """What is claimed of which instrument.

    Attributes:
        owner_by_id: instrument id -> strategy that declares it exclusive.
        clashing_by_id: instrument id -> all claims of leverage or margin mode for it, in rank
            order; only instruments for which two of them differ.
    """

    owner_by_id: Mapping[str, str] = _NO_OWNERS
    clashing_by_id: Mapping[str, tuple[LeverageClaim, ...]] = _NO_CLASHES


NO_CLAIMS = InstrumentClaims()


def instrument_claims(
    strategies: Iterable[StrategyMetadata], leverage_claims: Iterable[LeverageClaim] = ()
) -> InstrumentClaims:
    """Claims of all strategies that are there.

    Args:
        strategies: in rank order; of two that declare one instrument the first one owns it (the
            compatibility analysis refuses such a start).
        leverage_claims: in rank order. At load they are refused when they clash
            (``check_leverage_claims``); a strategy that joins later can bring a clash with it.
    """
    owners: dict[str, str] = {}
    for metadata in strategies:
        for instrument_id in metadata.exclusive_instruments:
            owners.setdefault(instrument_id, metadata.id)
    by_id: dict[str, list[LeverageClaim]] = {}
    for claim in leverage_claims:
        by_id.setdefault(claim.instrument_id, []).append(claim)
    clashing = {
        instrument_id: tuple(claims)
        for instrument_id, claims in by_id.items()
        if any(do_clash(claims[i], other) for i in range(len(claims)) for other in claims[:i])
    }
    return InstrumentClaims(MappingProxyType(owners), MappingProxyType(clashing))


def do_clash(one: LeverageClaim, other: LeverageClaim) -> bool:
    """Whether one setting cannot serve both; by value, and who says nothing does not mind."""
    if one.strategy_id == other.strategy_id:
        return False
    leverages, modes = (one.leverage, other.leverage), (one.margin_mode, other.margin_mode)
    return (None not in leverages and leverages[0] != leverages[1]) or (
        None not in modes and modes[0] is not modes[1]
    )
