"""``is_plain``: rounds that no conflict rule can touch; by far the most frequent ones.

They have a way of their own past the rules: most rounds are one order alone, and strategies that
look at the same prices often want the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrion.domain.conflict.claim import NO_CLAIMS, InstrumentClaims
from orchestrion.domain.conflict.policy import ConflictPolicies
from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.order import Order, OrderSide
from orchestrion.domain.orchestration.proposal import Checked, Proposal


def is_plain(
    checked: Sequence[Checked],
    working_orders: Mapping[str, Order],
    policies: ConflictPolicies,
    claims: InstrumentClaims = NO_CLAIMS,
) -> bool:
    """Whether a round is one order each of different strategies, all on one side of an instrument,
    in instruments that nobody works in or claims, with no rule that looks at holdings or at equal
    orders of others.

    ``resolve_conflicts`` would then give it back as it is, as long as no command is held and, when
    there are several orders, the account has room for all (``screening.has_room_for_all``).

    Size: the legs of the round and of the working orders.
    """
    if policies.concentration_max_fraction is not None or not checked:
        return False
    if len(checked) > 1 and policies.duplicates_across_strategies:
        return False
    sides = _sides_of(checked)
    if sides is None:
        return False
    for key in sides:
        if (
            key in claims.owner_by_id
            or key in claims.clashing_by_id
            or key in policies.exclusive_instruments
        ):
            return False
    for order in working_orders.values():
        for leg in order.legs:
            if leg.instrument_id in sides:
                return False
    return True


def _sides_of(checked: Sequence[Checked]) -> dict[str, OrderSide] | None:
    """The side that is taken in each instrument; None when there is no such one, or when there is
    anything but one order per strategy."""
    sides: dict[str, OrderSide] = {}
    last_strategy_id = ""
    for one in checked:
        if type(one) is not Proposal or type(one.command) is not SubmitOrder:
            return None
        # Rounds come in order of rank: a strategy's commands stand together.
        if one.strategy_id == last_strategy_id:
            return None
        last_strategy_id = one.strategy_id
        for leg in one.command.legs:
            side = sides.setdefault(leg.instrument_id, leg.side)
            # What one order does on both sides of an instrument is its own affair.
            if side is not leg.side and len(checked) > 1:
                return None
    return sides
