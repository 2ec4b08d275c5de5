"""What is known of a strategy before it has run, from its class and its parameters."""

from __future__ import annotations

from orchestrion.domain.models.strategy import Strategy
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.strategies.library_strategy import LibraryStrategy


def metadata_of(
    strategy: Strategy,
    strategy_id: str,
    name: str,
    *,
    priority: int = 0,
    depends_on: tuple[str, ...] = (),
) -> StrategyMetadata:
    """Metadata of a strategy under an id; the library's strategies say more about themselves.

    Raises:
        ValueError: the id cannot be one (pydantic's ValidationError).
    """
    if isinstance(strategy, LibraryStrategy):
        base = strategy.default_metadata(strategy_id)
    else:
        base = StrategyMetadata(
            id=strategy_id,
            name=name,
            description=strategy.description,
            instruments=strategy.subscriptions(),
        )
    return base.model_copy(update={"priority": priority, "depends_on": depends_on})
