"""The contracts of one future's market: which one to hold, and the legs that lead there.

A roll is nothing special here: selling what is held of the old contract and buying the wanted
quantity of the next are the legs of one comparison between wanted and held, and go out as one
order. A roll that was refused or filled by half is repaired by the next comparison.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.instrument import Future, InstrumentCatalog
from orchestrion.domain.models.money import ZERO, add, subtract
from orchestrion.domain.models.order import Leg, OrderSide
from orchestrion.domain.models.strategy import StrategyView
from orchestrion.domain.strategies.session import days_between


def contracts_of(catalog: InstrumentCatalog, underlying_id: str) -> tuple[Future, ...]:
    """The futures on an underlying, by expiry."""
    futures = (one for one in catalog if isinstance(one, Future))
    mine = [one for one in futures if one.underlying_id == underlying_id]
    return tuple(sorted(mine, key=lambda one: (one.expiry_ts, one.instrument_id)))


def held_contracts(view: StrategyView, contracts: tuple[Future, ...]) -> tuple[Future, ...]:
    """Those that the own book holds and that still trade."""
    return tuple(
        one for one in contracts if view.quantity(one.instrument_id) and one.expiry_ts > view.now
    )


def active_contract(
    view: StrategyView,
    contracts: tuple[Future, ...],
    *,
    roll_days: int,
    is_priced: Callable[[str], bool],
) -> Future | None:
    """The contract to be in: the held one until its roll is due, then the nearest later one.

    While no later contract has a price, the held one, so that an exit stays possible; None when
    nothing is held either.
    """
    alive = [one for one in contracts if days_between(view.now, one.expiry_ts) > roll_days]
    held = held_contracts(view, contracts)
    choices = (*(one for one in held if one in alive), *alive, *held)
    return next((one for one in choices if is_priced(one.instrument_id)), None)


def net_quantity(view: StrategyView, contracts: tuple[Future, ...]) -> Decimal:
    """Own contracts over all expiries, signed."""
    total = ZERO
    for one in contracts:
        total = add(total, view.quantity(one.instrument_id))
    return total


def order_to(
    view: StrategyView, active: Future, held: tuple[Future, ...], wanted: Decimal, label: str
) -> SubmitOrder | None:
    """One order from what is held to ``wanted`` contracts of the active one and no other."""
    leaving = [(one, ZERO) for one in held if one is not active]
    legs: list[Leg] = []
    is_reducing = True
    for contract, goal in [*leaving, (active, wanted)]:
        owned = view.quantity(contract.instrument_id)
        change = subtract(goal, owned)
        if change:
            side = OrderSide.BUY if change > 0 else OrderSide.SELL
            legs.append(Leg(contract.instrument_id, side, change.copy_abs()))
            is_reducing = is_reducing and _shrinks(owned, goal)
    if not legs:
        return None
    return SubmitOrder(
        strategy_id=view.strategy_id, legs=tuple(legs), reduce_only=is_reducing, label=label
    )


def _shrinks(owned: Decimal, goal: Decimal) -> bool:
    return (goal >= 0 if owned > 0 else goal <= 0) and goal.copy_abs() < owned.copy_abs()
