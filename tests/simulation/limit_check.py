"""I2, I7, I8: what an approval may bind, recomputed; and what may never be refused.

Two sides: an upper bound (every order set aside in full), and brute force over all subsets of open
orders that could fill, which no bound may be below.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import chain

from orchestrion.domain.models.portfolio import Book
from tests.simulation.market import BY_ID, E9, to_e9
from tests.simulation.own_account import OwnAccount
from tests.simulation.own_order import (
    TENTHS,
    OwnLeg,
    OwnOrder,
    margin_of,
    money,
    notional_of,
)

BRUTE_FORCE_MAX = 10
EXITS_STAY_EXITS = True
"""Known gap: an exit whose position was closed by another fill would open one when it fills, and
nothing is reserved for it. True leaves such fills out of the brute force; set it to False to see
them (seed 5 of the first stretch showed it)."""


class OwnLimits:
    """Limits in integers: quantities in billionths, money in 1e-18, ratios in billionths."""

    def __init__(self, source: object) -> None:
        self.quantity = _scaled(source, "quantity_max", 1)
        self.gross = _scaled(source, "gross_notional_max", E9)
        self.leverage = _scaled(source, "leverage_max", 1)
        self.margin_use = _scaled(source, "margin_use_max", 1)


def _scaled(source: object, name: str, factor: int) -> int | None:
    value = getattr(source, name)
    return None if value is None else to_e9(Decimal(value)) * factor


RESERVATIONS_STAY = True
"""Known gap: what is set aside for an order is its margin at the marks of its approval, so at later
marks fills can bind more than the book has. True lets them bind as much more as the marks moved;
set it to False to see it (seed 2047)."""


def is_reducing(account: OwnAccount, strategy_id: str, legs: Iterable[OwnLeg]) -> bool:
    """Whether every leg shrinks what is held and not being closed already."""
    held = account.held.get(strategy_id, {})
    wanted: dict[str, int] = {}
    for leg in legs:
        own = held.get(leg.instrument_id, 0)
        if not own or (own > 0) == (leg.sign > 0):
            return False
        wanted[leg.instrument_id] = wanted.get(leg.instrument_id, 0) + leg.quantity
        working = working_quantity(account, strategy_id, leg)
        if wanted[leg.instrument_id] + working > abs(own):
            return False
    return True


class HeldOrders:
    """Orders that wait until others' are withdrawn: what they would close is spoken for."""

    def __init__(self) -> None:
        self._legs: dict[str, list[list[OwnLeg]]] = {}

    def note(self, strategy_id: str, legs: list[OwnLeg], verdict: str, reason: str) -> None:
        """Takes a decision. A refusal for a conflict may be about the same order given again."""
        own = self._legs.setdefault(strategy_id, [])
        if verdict == "HELD":
            own.append(legs)
        elif legs in own and reason != "CONFLICT":
            own.remove(legs)

    def beside(self, strategy_id: str, legs: list[OwnLeg]) -> list[OwnLeg]:
        """These legs, and what waits of the same strategy in their instruments and directions."""
        sides = {(leg.instrument_id, leg.sign) for leg in legs}
        waiting = [leg for order in self._legs.get(strategy_id, ()) for leg in order]
        return legs + [leg for leg in waiting if (leg.instrument_id, leg.sign) in sides]


def working_quantity(account: OwnAccount, strategy_id: str, leg: OwnLeg) -> int:
    """What open orders can still trade in the leg's instrument and direction."""
    return sum(
        other.left
        for order in account.open_orders(strategy_id)
        for other in order.legs
        if other.instrument_id == leg.instrument_id and other.sign == leg.sign
    )


def entering(account: OwnAccount, strategy_id: str, legs: Iterable[OwnLeg]) -> dict[str, int]:
    """What of an entry binds alone: its legs, but those that only close what is held."""
    held = account.held.get(strategy_id, {})
    closing: dict[str, int] = {}
    found: dict[str, int] = {}
    for leg in legs:
        key, own = leg.instrument_id, held.get(leg.instrument_id, 0)
        if own and (own > 0) != (leg.sign > 0):
            wanted = closing.get(key, 0) + leg.quantity
            if wanted + working_quantity(account, strategy_id, leg) <= abs(own):
                closing[key] = wanted
                continue
        found[key] = found.get(key, 0) + leg.sign * leg.quantity
    return found


def margin_at(held: Mapping[str, int], marks: Mapping[str, int]) -> int:
    return sum(margin_of(key, quantity, marks[key]) for key, quantity in held.items() if quantity)


def equity_of(book: Book, marks: Mapping[str, int]) -> int:
    """Equity of a book from its raw figures, in 1e-18."""
    total = to_e9(book.cash)
    total += sum(to_e9(gain) for gain in book.unsettled.values())
    total *= E9
    for key, position in book.positions.items():
        one = BY_ID[key]
        value = to_e9(position.quantity) * marks[key] * one.multiplier
        total += value - (to_e9(position.cost) * E9 if one.is_future else 0)
    return total


class LimitCheck:
    """Judges approvals and refusals with figures of its own."""

    def __init__(
        self,
        account: OwnAccount,
        books: Mapping[str, Book],
        limits: Mapping[str, OwnLimits],
        account_limits: OwnLimits,
    ) -> None:
        self._account = account
        self._books = books
        self._limits = limits
        self._account_limits = account_limits

    def faults_of_entry(self, order: OwnOrder) -> list[str]:
        """What is wrong with an entry that was approved; it is among the open orders already."""
        account, one = self._account, order.strategy_id
        held = account.held.get(one, {})
        equity = equity_of(self._books[one], account.marks)
        orders = account.open_orders(one)
        margin = margin_at(held, account.marks)
        bound = margin + sum(other.reservation for other in orders)
        found: list[str] = []
        if bound > equity * TENTHS:
            found.append(
                f"I2: {one}: {order.client_order_id} leaves {money(equity - bound // TENTHS)} "
                f"of {money(equity)} available"
            )
        worst = self._brute_force(held, orders)
        moved = 0
        if RESERVATIONS_STAY:
            moved = sum(
                max(margin_at(one.entering, account.marks) - one.reservation, 0) for one in orders
            )
        if worst is not None and worst > equity * TENTHS + moved:
            found.append(
                f"I7: {one}: with {order.client_order_id} fills can bind "
                f"{money(worst // TENTHS)}, equity is {money(equity)}"
            )
        found += self._account_faults(order)
        limits = self._limits.get(one)
        if limits is not None:
            found += self._limit_faults(limits, order, equity, bound)
        return found

    def _brute_force(self, held: Mapping[str, int], orders: list[OwnOrder]) -> int | None:
        """The most margin over all subsets of orders that fill."""
        if len(orders) > BRUTE_FORCE_MAX:
            return None
        marks = self._account.marks
        states: list[dict[str, int]] = [dict(held)]
        for order in orders:
            filled: list[dict[str, int]] = []
            for state in states:
                after = dict(state)
                for leg in order.legs:
                    key, before = leg.instrument_id, after.get(leg.instrument_id, 0)
                    after[key] = before + leg.sign * leg.left
                    if order.is_reducing and EXITS_STAY_EXITS and after[key] * leg.sign > 0:
                        after[key] = before if before * leg.sign > 0 else 0
                filled.append(after)
            states += filled
        return max(margin_at(state, marks) for state in states)

    def _account_faults(self, order: OwnOrder) -> list[str]:
        account = self._account
        equity = sum(equity_of(book, account.marks) for book in self._books.values())
        bound = sum(margin_at(held, account.marks) for held in account.held.values())
        bound += sum(one.reservation for one in account.open_orders())
        found: list[str] = []
        if bound > equity * TENTHS:
            found.append(
                f"I7: account: {order.client_order_id} was approved with {money(equity)} of equity "
                f"and {money(bound // TENTHS)} bound"
            )
        limits = self._account_limits
        after, before = self._ranges(None, None), self._ranges(None, order)
        for key, reached in after.items():
            most = limits.quantity
            if most is not None and reached > max(most, before.get(key, 0)):
                found.append(f"I7: account: {key} can reach {reached}, at most {most}")
        if limits.gross is not None:
            gross = self._gross(after)
            apart = sum(self._gross(self._ranges(one, order)) for one in self._books)
            if gross > max(limits.gross, apart):
                found.append(f"I7: account: gross notional can reach {money(gross)}")
        return found

    def _ranges(self, strategy_id: str | None, left_out: OwnOrder | None) -> dict[str, int]:
        """The largest quantity on either side that can come to be held, by instrument."""
        account = self._account
        held = account.net() if strategy_id is None else account.held.get(strategy_id, {})
        low, high = dict(held), dict(held)
        for order in account.open_orders(strategy_id):
            if order is left_out:
                continue
            for leg in order.legs:
                side = high if leg.sign > 0 else low
                side[leg.instrument_id] = side.get(leg.instrument_id, 0) + leg.sign * leg.left
        return {
            key: max(abs(low.get(key, held.get(key, 0))), abs(high.get(key, held.get(key, 0))))
            for key in dict.fromkeys(chain(low, high))
        }

    def _gross(self, ranges: Mapping[str, int]) -> int:
        return sum(notional_of(key, most, self._account.marks[key]) for key, most in ranges.items())

    def _limit_faults(
        self, limits: OwnLimits, order: OwnOrder, equity: int, bound: int
    ) -> list[str]:
        one = order.strategy_id
        after, before = self._ranges(one, None), self._ranges(one, order)
        found: list[str] = []
        for key, reached in after.items():
            most = limits.quantity
            if most is not None and reached > max(most, before.get(key, 0)):
                found.append(f"I7: {one}: {key} can reach {reached / E9}, at most {most / E9}")
        gross, gross_before = self._gross(after), self._gross(before)
        if limits.gross is not None and gross > max(limits.gross, gross_before):
            found.append(f"I7: {one}: gross notional can reach {money(gross)}")
        leverage = limits.leverage
        if leverage is not None and gross > max(leverage * max(equity, 0) // E9, gross_before):
            found.append(f"I7: {one}: leverage can reach {gross / max(equity, 1)}")
        use = limits.margin_use
        allowed = 0 if use is None else use * max(equity, 0) * TENTHS // E9
        if use is not None and bound > max(allowed, bound - order.reservation):
            found.append(f"I7: {one}: margin use can reach {bound / max(equity, 1) / TENTHS}")
        return found


BUDGET_REASONS = (
    "BUDGET_EXCEEDED",
    "ACCOUNT_MARGIN_EXCEEDED",
    "LIMIT_EXCEEDED",
    "TRADING_REDUCING",
)
"""Refusals that may never meet an order that reduces (I8)."""
