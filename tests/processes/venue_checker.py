"""Reads the venue's own log as the truth. Standard library only: nothing of ours can mislead it.

truth = VenueTruth.read(path)
truth.repeated_client_ids()     # must be empty: an order entered twice
truth.fills, truth.positions(), truth.cash(start)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class TruthFill:
    """One execution, exactly as the venue wrote it down."""

    client_order_id: str
    trade_id: str
    instrument_id: str
    signed_quantity: Decimal
    price: Decimal
    commission: Decimal


@dataclass(frozen=True)
class VenueTruth:
    """What happened, in order.

    Attributes:
        accepted: client order id of every order that was taken; one that stands twice was two.
        refused: of every order that was not.
        fills: of our orders.
        external_fills: of nobody's order here.
        ended: client order id -> canceled or expired.
        ordered: client order id -> quantity of each leg.
    """

    accepted: tuple[str, ...]
    refused: tuple[str, ...]
    fills: tuple[TruthFill, ...]
    external_fills: tuple[TruthFill, ...]
    ended: dict[str, str]
    ordered: dict[str, tuple[Decimal, ...]]

    @classmethod
    def read(cls, path: Path) -> VenueTruth:
        """Reads a log, also one that is being written: a torn last line is no fact."""
        lines = [one for one in path.read_bytes().splitlines(keepends=True) if one.endswith(b"\n")]
        records: list[dict[str, Any]] = [json.loads(line) for line in lines]
        numbers = [one["no"] for one in records]
        if numbers != list(range(1, len(numbers) + 1)):
            raise AssertionError(f"{path}: the venue's log has a gap: {numbers}")
        accepted = [one for one in records if one["kind"] == "accepted"]
        return cls(
            accepted=tuple(one["client_order_id"] for one in accepted),
            refused=tuple(one["client_order_id"] for one in records if one["kind"] == "refused"),
            fills=tuple(_fill(one) for one in records if one["kind"] == "filled"),
            external_fills=tuple(_fill(one) for one in records if one["kind"] == "external"),
            ended={
                one["client_order_id"]: one["kind"]
                for one in records
                if one["kind"] in ("canceled", "expired")
            },
            ordered={
                one["client_order_id"]: tuple(
                    Decimal(leg["quantity"]) for leg in one["order"]["legs"]
                )
                for one in accepted
            },
        )

    def repeated_client_ids(self) -> list[str]:
        """Ids under which more than one order was taken; I9 says there are none."""
        return sorted({one for one in self.accepted if self.accepted.count(one) > 1})

    def repeated_trade_ids(self) -> list[str]:
        ids = [one.trade_id for one in (*self.fills, *self.external_fills)]
        return sorted({one for one in ids if ids.count(one) > 1})

    def open_client_ids(self) -> list[str]:
        """Orders that are neither filled nor ended."""
        return [
            one
            for one in dict.fromkeys(self.accepted)
            if one not in self.ended and self.filled(one) < sum(self.ordered[one])
        ]

    def filled(self, client_order_id: str) -> Decimal:
        """Quantity of all fills of an order, all legs together."""
        own = [one for one in self.fills if one.client_order_id == client_order_id]
        return sum((abs(one.signed_quantity) for one in own), Decimal(0))

    def positions(self) -> dict[str, Decimal]:
        """Net quantities that are not zero, by instrument id."""
        held: dict[str, Decimal] = {}
        for one in (*self.fills, *self.external_fills):
            held[one.instrument_id] = held.get(one.instrument_id, Decimal(0)) + one.signed_quantity
        return {one: quantity for one, quantity in sorted(held.items()) if quantity}

    def cash(self, start: Decimal) -> Decimal:
        """What is left of the starting cash; everything is paid when it trades."""
        for one in (*self.fills, *self.external_fills):
            start -= one.signed_quantity * one.price + one.commission
        return start


def _fill(record: dict[str, Any]) -> TruthFill:
    sign = 1 if record["side"] == "BUY" else -1
    return TruthFill(
        client_order_id=record.get("client_order_id", ""),
        trade_id=record["trade_id"],
        instrument_id=record["instrument_id"],
        signed_quantity=sign * Decimal(record["quantity"]),
        price=Decimal(record["price"]),
        commission=Decimal(record["commission"]),
    )
