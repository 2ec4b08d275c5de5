"""The kill switch: what a stop does to a strategy or to the account, by name, until it is reset.

An operator pulls it, or a drawdown stop does. It is latched: it never lets go by itself, and
pulling it again can only make it stricter. The words say what happens at the venue and not just in
our books: a switch that only changes a state leaves orders working.

    action          entries   working entries   exits and stops   positions
    block_entries   refused   stay              go on             stay
    reduce_only     refused   cancelled         go on             stay
    flatten         refused   cancelled         go on             closed, own quantity only
    halt            refused   cancelled         nothing leaves    stay as they are

Orders that protect a position are never cancelled. ``halt`` is the strictest: pulled after
``flatten`` it stops the closing too.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

import msgspec

from orchestrion.domain.orchestration.lifecycle import PauseMode, TradingState


class StopAction(StrEnum):
    """What happens, from the mildest to the strictest; see the table above."""

    BLOCK_ENTRIES = "block_entries"
    REDUCE_ONLY = "reduce_only"
    FLATTEN = "flatten"
    HALT = "halt"


class StopEffect(msgspec.Struct, frozen=True, kw_only=True):
    """An action in the words of the life cycle.

    Attributes:
        pause_mode: of the strategy, when the stop is a strategy's.
        trading_state: of the account, when the stop is the account's.
        cancels_entries: working orders that are not reducing are withdrawn at the venue.
        flattens: each strategy concerned closes its own quantity.
    """

    pause_mode: PauseMode
    trading_state: TradingState
    cancels_entries: bool
    flattens: bool


STOP_EFFECTS: Mapping[StopAction, StopEffect] = MappingProxyType(
    {
        StopAction.BLOCK_ENTRIES: StopEffect(
            pause_mode=PauseMode.ENTRIES_BLOCKED,
            trading_state=TradingState.REDUCING,
            cancels_entries=False,
            flattens=False,
        ),
        StopAction.REDUCE_ONLY: StopEffect(
            pause_mode=PauseMode.REDUCE_ONLY,
            trading_state=TradingState.REDUCING,
            cancels_entries=True,
            flattens=False,
        ),
        StopAction.FLATTEN: StopEffect(
            pause_mode=PauseMode.REDUCE_ONLY,
            trading_state=TradingState.REDUCING,
            cancels_entries=True,
            flattens=True,
        ),
        StopAction.HALT: StopEffect(
            pause_mode=PauseMode.FROZEN,
            trading_state=TradingState.HALTED,
            cancels_entries=True,
            flattens=False,
        ),
    }
)

_STRICTNESS = {action: place for place, action in enumerate(StopAction)}


class KillSwitch(msgspec.Struct, frozen=True, kw_only=True):
    """The switch of one strategy or of the account. ``action`` is None while it is not pulled.

    ``reason`` and ``ts`` are those of the pull that brought the present action.
    """

    scope_id: str
    action: StopAction | None = None
    reason: str = ""
    ts: int = 0

    @property
    def is_pulled(self) -> bool:
        return self.action is not None

    @property
    def effect(self) -> StopEffect | None:
        return None if self.action is None else STOP_EFFECTS[self.action]


def pull(switch: KillSwitch, action: StopAction, *, reason: str, ts: int) -> KillSwitch:
    """The switch after a pull; one that is as strict already stays as it is."""
    if switch.action is not None and _STRICTNESS[action] <= _STRICTNESS[switch.action]:
        return switch
    return KillSwitch(scope_id=switch.scope_id, action=action, reason=reason, ts=ts)


def release(switch: KillSwitch) -> KillSwitch:
    """The switch reset by an operator. Stops that pulled it are reset by themselves."""
    return KillSwitch(scope_id=switch.scope_id)
