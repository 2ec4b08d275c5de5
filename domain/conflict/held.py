"""What becomes of commands that wait for others' orders to be withdrawn.

A held command is no order: it has no id, binds no capital, and its strategy cannot withdraw it. It
ends in one of three ways. When all that it waits for has ended, it is released and judged again
like a new one: books, prices and other orders have moved meanwhile. When the venue refuses to
withdraw one of them, an entry is refused; an exit is released (``has_waited``), because an exit
never loses to an entry. At the close of a session everything that still waits is refused, so that
no order meant for today leaves tomorrow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from orchestrion.domain.models.command import RefusalCode, RefusedCommand
from orchestrion.domain.orchestration.proposal import HeldProposal, Proposal, Rejection


class HeldOutcome(msgspec.Struct, frozen=True):
    """Each in the order in which the commands were held.

    Attributes:
        waiting: what is still held.
        released: to be screened, resolved and authorised again, as a round of their own.
        refused: to be recorded as decisions.
    """

    waiting: tuple[HeldProposal, ...]
    released: tuple[Proposal, ...] = ()
    refused: tuple[Rejection, ...] = ()


def release_held(
    held: Sequence[HeldProposal],
    *,
    ended: Iterable[str] = (),
    not_withdrawn: Iterable[str] = (),
    gone: Iterable[str] = (),
    is_session_closed: bool = False,
) -> HeldOutcome:
    """What becomes of held commands after something happened.

    Args:
        held: in the order in which they were held.
        ended: client_order_ids of orders that can trade no more, for whatever reason.
        not_withdrawn: client_order_ids whose cancel the venue refused and that still work.
        gone: strategy ids that have stopped, left, or are in quarantine.
        is_session_closed: the session has closed; whatever waits then is refused.
    """
    over, stuck, left = frozenset(ended), frozenset(not_withdrawn), frozenset(gone)
    waiting: list[HeldProposal] = []
    released: list[Proposal] = []
    refused: list[Rejection] = []
    for one in held:
        awaited = tuple(order_id for order_id in one.waits_for if order_id not in over)
        blocking = [order_id for order_id in awaited if order_id in stuck]
        if one.strategy_id in left:
            refused.append(_refuse(one, "its strategy has stopped while it waited"))
        elif is_session_closed:
            detail = f"the session closed while it waited for {_orders(one.waits_for)}"
            refused.append(_refuse(one, detail))
        elif blocking and not one.is_exit:
            refused.append(_refuse(one, f"the venue did not withdraw {_orders(blocking)}"))
        elif blocking or not awaited:
            released.append(
                Proposal(
                    one.strategy_id,
                    one.index,
                    one.command,
                    one.is_exit,
                    has_waited=bool(blocking),
                )
            )
        else:
            waiting.append(msgspec.structs.replace(one, waits_for=awaited))
    return HeldOutcome(tuple(waiting), tuple(released), tuple(refused))


def _orders(client_order_ids: Sequence[str]) -> str:
    """How many; never which: a refusal is part of a decision, and decisions name no client id."""
    return f"{len(client_order_ids)} resting order{'' if len(client_order_ids) == 1 else 's'}"


def _refuse(one: HeldProposal, detail: str) -> Rejection:
    refusal = RefusedCommand(
        strategy_id=one.strategy_id,
        command=one.command,
        code=RefusalCode.CONFLICT,
        detail=f"cancel_resting: {detail}",
    )
    return Rejection(one.strategy_id, one.index, refusal)
