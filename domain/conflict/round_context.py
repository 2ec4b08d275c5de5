"""What the conflict rules must know of the account: frozen figures of one moment.

``orchestration.screening`` fills them in from the capital manager, for the commands and instruments
of one round only; a test writes them by hand. Amounts in the account currency.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

import msgspec

from orchestrion.domain.models.command import RefusalCode
from orchestrion.domain.models.money import ONE, ZERO


class CommandFigures(msgspec.Struct, frozen=True, gc=False):
    """What is known of one command.

    Attributes:
        refusal: (code, words) when it would be refused whatever the others ask for: it then takes
            no part in any conflict.
        requirement: capital that an approval would reserve; 0 for what reduces risk.
        is_exit: as of now, all earlier exits of its strategy taken into account.
    """

    refusal: tuple[RefusalCode, str] | None = None
    requirement: Decimal = ZERO
    is_exit: bool = False


class InstrumentFigures(msgspec.Struct, frozen=True):
    """What is known of one instrument that the round trades.

    Attributes:
        underlying_id: of a future or an option; its own id otherwise.
        unit_notional: notional of one unit at the mark, >= 0.
        low, high: least and greatest signed quantity that the account can come to hold, whichever
            of its working orders fill, before the round.
        quantity_max: the account's limit on either side; None is no limit.
        holder_ids: strategies that hold it, in rank order.
    """

    lot_size: Decimal = ONE
    underlying_id: str = ""
    unit_notional: Decimal = ZERO
    low: Decimal = ZERO
    high: Decimal = ZERO
    quantity_max: Decimal | None = None
    holder_ids: tuple[str, ...] = ()


class StrategyFigures(msgspec.Struct, frozen=True):
    """A strategy's budget: the equity of its book, and what of it is free for entries."""

    equity: Decimal
    free: Decimal


_NO_INSTRUMENTS: Mapping[str, InstrumentFigures] = MappingProxyType({})
_NO_STRATEGIES: Mapping[str, StrategyFigures] = MappingProxyType({})
_NO_AMOUNTS: Mapping[str, Decimal] = MappingProxyType({})


class RoundContext(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one round. What is left out sets no bound.

    Attributes:
        commands: one per place of the round; None where there is nothing to judge (a rejection).
        instruments: instrument id -> figures, of all that the round trades.
        strategies: strategy id -> its budget, of all that ask for something.
        other_notional: underlying id -> gross notional of its instruments that the round does not
            trade.
        equity: of the account.
        free: what the account has left for entries; None sets no bound.
        margin_room: requirement that the account may still bind by its ``margin_use_max``, >= 0;
            None is no limit.
    """

    commands: tuple[CommandFigures | None, ...]
    instruments: Mapping[str, InstrumentFigures] = _NO_INSTRUMENTS
    strategies: Mapping[str, StrategyFigures] = _NO_STRATEGIES
    other_notional: Mapping[str, Decimal] = _NO_AMOUNTS
    equity: Decimal = ZERO
    free: Decimal | None = None
    margin_room: Decimal | None = None
