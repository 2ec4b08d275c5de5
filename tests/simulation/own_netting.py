"""Orders that trade for several strategies, and strategies that trade with each other, as the
checkers keep them: from the journal's text alone, in whole lots and cents.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.simulation.market import BY_ID, E9
from tests.simulation.own_order import OwnOrder, billionths

CENT_E9 = E9 // 100


@dataclass
class OwnShared:
    """An outside order and its owners, in rank order.

    Attributes:
        weights: what each owner ordered of it, billionths.
        lots, cents: given to each owner so far.
    """

    client_order_id: str
    instrument_id: str
    sign: int
    owners: list[OwnOrder]
    weights: list[int]
    lots: list[int] = field(default_factory=list[int])
    cents: list[int] = field(default_factory=list[int])
    trade_ids: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        self.lots = [0] * len(self.owners)
        self.cents = [0] * len(self.owners)

    def fits(self, fill: dict[str, Any]) -> bool:
        """Whether a fill can be of this order."""
        sign = 1 if fill["side"] == "BUY" else -1
        told = (fill["leg_index"], fill["instrument_id"], sign)
        return told == (0, self.instrument_id, self.sign)

    def divide(self, fill: dict[str, Any]) -> list[tuple[OwnOrder, int]]:
        """What each owner gets of a fill, billionths; those who get nothing are left out."""
        lot = BY_ID[self.instrument_id].lot * E9
        quantities = self._hand_out(self.lots, billionths(fill["last_qty"]) // lot)
        self._hand_out(self.cents, billionths(fill["commission"]) // CENT_E9)
        return [
            (owner, count * lot)
            for owner, count in zip(self.owners, quantities, strict=True)
            if count
        ]

    def _hand_out(self, given: list[int], count: int) -> list[int]:
        """One after the other to whose next step has the greatest share: w / (2 x steps + 1)."""
        got = [0] * len(given)
        for _ in range(count):
            best = 0
            for place in range(1, len(given)):
                ahead = self.weights[place] * (2 * given[best] + 1)
                if ahead > self.weights[best] * (2 * given[place] + 1):
                    best = place
            given[best] += 1
            got[best] += 1
        return got


def shared_of(
    body: dict[str, Any], orders: dict[str, OwnOrder]
) -> tuple[OwnShared | None, list[str]]:
    """The shared order that an intent tells of, and what is wrong with it."""
    key, faults = body["client_order_id"], list[str]()
    (leg,) = body["command"]["legs"]
    sign = 1 if leg["side"] == "BUY" else -1
    owners: list[OwnOrder] = []
    weights: list[int] = []
    for share in body["owners"]:
        order = orders.get(share["client_order_id"])
        if order is None or order.has_intent or order.strategy_id != share["strategy_id"]:
            return None, [f"I10: {key} is for {share}, which was not approved, or left already"]
        mine, quantity = order.legs[0], billionths(share["quantity"])
        if (mine.instrument_id, mine.sign) != (leg["instrument_id"], sign):
            faults.append(f"I10: {key} is for {order.client_order_id}, which wants something else")
        if not 0 < quantity <= mine.left:
            faults.append(f"I10: {key} trades {quantity} for {order}")
        owners.append(order)
        weights.append(quantity)
    if sum(weights) != billionths(leg["quantity"]):
        faults.append(f"I10: {key} is for {leg['quantity']}, its owners want {weights}")
    return OwnShared(key, leg["instrument_id"], sign, owners, weights), faults


def cross_faults(body: dict[str, Any], orders: dict[str, OwnOrder]) -> list[str]:
    """What is wrong with trades between strategies: they bring nobody in sum anything, and nobody
    trades more than he wanted or beyond his limit."""
    sums: dict[str, int] = {}
    prices: dict[str, str] = {}
    faults: list[str] = []
    for fill in body["fills"]:
        key, order = fill["instrument_id"], orders[fill["client_order_id"]]
        signed = billionths(fill["last_qty"]) * (1 if fill["side"] == "BUY" else -1)
        sums[key] = sums.get(key, 0) + signed
        if prices.setdefault(key, fill["last_px"]) != fill["last_px"]:
            faults.append(f"I3: {key} is crossed at {prices[key]} and {fill['last_px']}")
        if billionths(fill["commission"]):
            faults.append(f"I3: {fill['trade_id']} costs {fill['commission']}")
        leg = order.legs[0]
        if (leg.instrument_id, leg.sign) != (key, 1 if signed > 0 else -1) or len(order.legs) > 1:
            faults.append(f"I3: {fill['trade_id']} is not what {order.client_order_id} wants")
        if not order.is_open:
            faults.append(f"I12: {order.client_order_id} is crossed, and {order.status}")
        if abs(signed) > leg.left:
            faults.append(f"I5: {order.client_order_id} is crossed for {signed}, left {leg.left}")
        if order.limit_e9 is not None:
            beyond = (billionths(fill["last_px"]) - order.limit_e9) * leg.sign
            if beyond > 0:
                faults.append(f"I7: {order.client_order_id} is crossed beyond its limit")
    faults += [f"I3: a cross brings {total} of {key}" for key, total in sums.items() if total]
    return faults
