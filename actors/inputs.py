"""Every type of input that a journal may hold, and how one is read back."""

from __future__ import annotations

import msgspec

from orchestrion.actors.membership_messages import (
    AddStrategy,
    RemoveStrategy,
)
from orchestrion.actors.messages import (
    InternalCrossed,
    PauseStrategy,
    PullKillSwitch,
    Rebalance,
    ResetStop,
    ResumeStrategy,
    RunEnded,
    RunStarted,
    SessionClosed,
    SetTradingState,
    StrategyRaised,
    StrategyReplied,
    SubmissionLost,
)
from orchestrion.actors.restart_messages import AssignDifference, Reconciled, Restarted
from orchestrion.domain.capital.cash_flow import CashFlowReport
from orchestrion.domain.capital.corporate_action import (
    LotSizeChangedReport,
    SplitReport,
    SymbolChangedReport,
)
from orchestrion.domain.desk.capital_desk import WeightsComputed
from orchestrion.domain.desk.margin_watch import VenueMarginReport
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.report import (
    ExternalFillReport,
    FutureSettledReport,
    InstrumentExpiredReport,
    OrderAcceptedReport,
    OrderCanceledReport,
    OrderCancelRejectedReport,
    OrderExpiredReport,
    OrderFilledReport,
    OrderRejectedReport,
)
from orchestrion.runtime.errors import JournalFormatError
from orchestrion.runtime.journal import Record

GATEWAY_INPUTS: tuple[type, ...] = (
    OrderAcceptedReport,
    OrderRejectedReport,
    OrderCanceledReport,
    OrderCancelRejectedReport,
    OrderExpiredReport,
    OrderFilledReport,
    ExternalFillReport,
    SubmissionLost,
    InternalCrossed,
)
CAPITAL_INPUTS: tuple[type, ...] = (
    FutureSettledReport,
    InstrumentExpiredReport,
    CashFlowReport,
    SplitReport,
    LotSizeChangedReport,
    SymbolChangedReport,
    VenueMarginReport,
    WeightsComputed,
    Rebalance,
    PullKillSwitch,
    ResetStop,
    AssignDifference,
)
COORDINATOR_INPUTS: tuple[type, ...] = (
    MarketSlice,
    RunStarted,
    SessionClosed,
    RunEnded,
    StrategyReplied,
    StrategyRaised,
    PauseStrategy,
    ResumeStrategy,
    AddStrategy,
    RemoveStrategy,
    SetTradingState,
    Restarted,
    Reconciled,
)
_DECODERS: dict[str, msgspec.json.Decoder[object]] = {
    one.__name__: msgspec.json.Decoder(one)
    for one in (*GATEWAY_INPUTS, *CAPITAL_INPUTS, *COORDINATOR_INPUTS)
}


def decode_input(record: Record) -> object:
    """The payload of a recorded input.

    Raises:
        JournalFormatError: an unknown type, or a body that does not fit it.
    """
    decoder = _DECODERS.get(record.name)
    if decoder is None:
        raise JournalFormatError(f"seq {record.seq}: unknown kind of input {record.name!r}")
    try:
        payload: object = decoder.decode(record.body)
    except msgspec.MsgspecError as fault:
        raise JournalFormatError(f"seq {record.seq}: {record.name}: {fault}") from fault
    return payload
