"""How the capital is spread over instruments, underlyings, asset classes and horizons.

A strategy's capital is divided equally among what it declares; with no capital known, every
strategy counts the same. Strategies that declare nothing are left out, and the figure says on how
many it rests.

Size: strategies x what they declare, per dimension.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum

from orchestrion.domain.compatibility.association import herfindahl
from orchestrion.domain.compatibility.evidence import Evidence
from orchestrion.domain.compatibility.report import Concentration

HERFINDAHL_MAX = 0.5
"""Above this a spread counts as concentrated: it is less than two equal parts. Arbitrary; markets
are called highly concentrated from half of that on, but a handful of strategies is no market."""


class Dimension(StrEnum):
    INSTRUMENT = "instrument"
    UNDERLYING = "underlying"
    ASSET_CLASS = "asset_class"
    HORIZON = "horizon"

    @property
    def words(self) -> str:
        return self.value.replace("_", " ")

    @property
    def plural(self) -> str:
        return f"{self.words}es" if self.words.endswith("s") else f"{self.words}s"


def values_of(evidence: Evidence, strategy_id: str, dimension: Dimension) -> tuple[str, ...]:
    """What a strategy has in a dimension, each once, in declared order; empty when unknown."""
    candidate = evidence.candidate(strategy_id)
    match dimension:
        case Dimension.INSTRUMENT:
            return candidate.instruments
        case Dimension.UNDERLYING:
            return tuple(dict.fromkeys(candidate.metadata.underlyings))
        case Dimension.ASSET_CLASS:
            return tuple(dict.fromkeys(candidate.metadata.asset_classes))
        case Dimension.HORIZON:
            horizon = evidence.horizons[strategy_id]
            return () if horizon is None else (horizon.value,)


def concentration(
    evidence: Evidence, dimension: Dimension, weights: Mapping[str, float] | None = None
) -> Concentration:
    """The spread of the lineup's capital, or of other weights of its strategies."""
    of = evidence.weights if weights is None else weights
    parts: dict[str, list[float]] = {}
    strategies = 0
    for strategy_id in evidence.ids:
        values = values_of(evidence, strategy_id, dimension)
        strategies += bool(values)
        for value in values:
            parts.setdefault(value, []).append(of[strategy_id] / len(values))
    amounts = {value: math.fsum(part) for value, part in parts.items()}
    whole = math.fsum(amounts.values())
    if not whole:
        return Concentration(
            dimension=dimension.value, herfindahl=None, shares=(), strategies=strategies
        )
    shares = sorted(
        ((value, amount / whole) for value, amount in amounts.items()),
        key=lambda one: (-one[1], one[0]),
    )
    return Concentration(
        dimension=dimension.value,
        herfindahl=herfindahl(tuple(amounts.values())),
        shares=tuple(shares),
        strategies=strategies,
    )
