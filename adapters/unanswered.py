"""What the core has asked for and nobody has answered in the journal, and the answers to it.

A process may end between an effect and the input that comes of it. Trades inside the account and
estimated weights follow from what was asked; an asynchronous strategy's answer does not, so it is
late. What was to be sent is not here: orders without an outcome are asked about at the venue.
"""

from __future__ import annotations

from orchestrion.actors.messages import InternalCrossed, StrategyRaised, StrategyReplied
from orchestrion.domain.capital.allocation_policy import AllocationMethods
from orchestrion.domain.desk.capital_desk import WeightsComputed, computed_weights
from orchestrion.domain.desk.desk_act import ComputeWeights
from orchestrion.runtime.errors import ActorError
from orchestrion.runtime.shell import AwaitCall

ANSWERABLE = (InternalCrossed, ComputeWeights, AwaitCall)
"""Effects that the journal alone is enough to answer."""


class Unanswered:
    """In the order in which they were asked for."""

    def __init__(self) -> None:
        self.crosses: dict[str, InternalCrossed] = {}
        self.weights: dict[str, ComputeWeights] = {}
        self.calls: dict[str, AwaitCall] = {}

    def note_input(self, payload: object) -> None:
        match payload:
            case InternalCrossed():
                self.crosses.pop(payload.cross_id, None)
            case WeightsComputed():
                self.weights.pop(payload.request_id, None)
            case StrategyReplied() | StrategyRaised():
                self.calls.pop(payload.strategy_id, None)
            case _:
                pass

    def note_effect(self, effect: object) -> None:
        match effect:
            case InternalCrossed():
                self.crosses[effect.cross_id] = effect
            case ComputeWeights():
                self.weights[effect.request_id] = effect
            case AwaitCall():
                self.calls[effect.name] = effect
            case _:
                pass

    def require_none(self) -> None:
        """
        Raises:
            ActorError: something waits for its answer.
        """
        waiting = (*self.crosses, *self.weights, *self.calls)
        if waiting:
            raise ActorError(f"not answered yet: {', '.join(waiting)}")

    def next_answer(self, methods: AllocationMethods) -> object | None:
        """The input that settles the oldest effect, which is taken with it; None at the end."""
        if self.crosses:
            return self.crosses.pop(next(iter(self.crosses)))
        if self.weights:
            return computed_weights(self.weights.pop(next(iter(self.weights))), methods)
        if self.calls:
            return self.calls.pop(next(iter(self.calls))).late()
        return None
