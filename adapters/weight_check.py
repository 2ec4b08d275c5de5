"""Recomputes the estimated weights of a journal: are they what the recorded equity gives?

Replay reads recorded weights instead of computing them, since floats may differ in the last bit on
another machine. So somebody else has to compute them again: this does, within the tolerance of
``capital.computed_weights``.
"""

from __future__ import annotations

from orchestrion.domain.capital.allocation_policy import AllocationMethods
from orchestrion.domain.capital.computed_weights import disagreement
from orchestrion.domain.desk.capital_desk import WeightsComputed, computed_weights
from orchestrion.domain.desk.desk_act import ComputeWeights


class WeightCheck:
    """Watches a replay: what the core asks to be computed, and what the journal says was computed.

    Attributes:
        found: disagreements in words, in order; empty when there is none.
        checked: answers that were computed again.
    """

    def __init__(
        self, methods: AllocationMethods | None = None, *, is_from_start: bool = True
    ) -> None:
        """
        Args:
            is_from_start: False for a replay that begins at a snapshot: what was asked for before
                it is not known.
        """
        self.found: list[str] = []
        self.checked = 0
        self._is_from_start = is_from_start
        self._methods = methods or AllocationMethods()
        self._wanted: dict[str, ComputeWeights] = {}

    def see_effect(self, effect: object) -> None:
        """Call it with every effect of the replayed core."""
        if isinstance(effect, ComputeWeights):
            self._wanted[effect.request_id] = effect

    def see_input(self, payload: object) -> None:
        """Call it with every recorded input, before it is posted."""
        if not isinstance(payload, WeightsComputed):
            return
        wanted = self._wanted.pop(payload.request_id, None)
        if wanted is None:
            if self._is_from_start:
                self.found.append(f"{payload.request_id}: weights that nobody asked for")
            return
        self.checked += 1
        difference = _difference(payload, computed_weights(wanted, self._methods))
        if difference:
            self.found.append(f"{payload.request_id}: {difference}")


def _difference(recorded: WeightsComputed, recomputed: WeightsComputed) -> str:
    if recorded.weights is None or recomputed.weights is None:
        if recorded.weights is recomputed.weights:
            return ""
        now = recomputed.failure or "weights"
        return f"recorded {recorded.failure or 'weights'!r}, recomputed {now!r}"
    return disagreement(recorded.weights, recomputed.weights)
