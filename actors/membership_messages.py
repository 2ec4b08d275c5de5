"""Who joins and who leaves: the operator's questions, and what the actors tell each other of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from orchestrion.domain.orchestration.lifecycle import RemovalPolicy
from orchestrion.runtime.actor import Question


class AddStrategy(Question, frozen=True, kw_only=True, tag="AddStrategy"):
    """An operator's question: a strategy joins the run, with capital from RESERVE.

    Attributes:
        strategy_name: what to build: a name of the library or an import path.
        config: its parameters, plain JSON-like data.
        amount: capital, account currency; or
        reserve_fraction: the part of RESERVE that it gets, above 0 to 1. One of the two.
    """

    strategy_id: str
    strategy_name: str
    config: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    amount: Decimal | None = None
    reserve_fraction: Decimal | None = None
    priority: int = 0
    depends_on: tuple[str, ...] = ()


class RemoveStrategy(Question, frozen=True, kw_only=True, tag="RemoveStrategy"):
    """An operator's question: a strategy leaves the run. Asked again while it is being wound up,
    it changes the policy.

    Attributes:
        heir_id: who gets its positions; with ``hand_over`` only.
    """

    strategy_id: str
    policy: RemovalPolicy = RemovalPolicy.REFUSE
    heir_id: str = ""


class OpenBookRequest(msgspec.Struct, frozen=True, gc=False):
    """To the capital manager: a newcomer's capital comes from RESERVE."""

    strategy_id: str
    amount: Decimal


class BookOpened(msgspec.Struct, frozen=True, gc=False):
    """To the coordinator: the newcomer has its book and may start."""

    strategy_id: str


class HandOverRequest(msgspec.Struct, frozen=True, gc=False):
    """To the capital manager: what a strategy holds moves to another one, at the marks."""

    strategy_id: str
    heir_id: str


class HandOverReply(msgspec.Struct, frozen=True, gc=False):
    """To the coordinator: it has moved; or ``fault`` says why it has not."""

    strategy_id: str
    fault: str = ""


class CloseBookRequest(msgspec.Struct, frozen=True, gc=False):
    """To the capital manager: a strategy leaves; what its empty book has goes to RESERVE."""

    strategy_id: str


class BookClosed(msgspec.Struct, frozen=True, gc=False):
    """To the coordinator: the strategy owns nothing any more."""

    strategy_id: str
