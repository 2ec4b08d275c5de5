"""What a run leaves behind: the figures that reports, the command line and tests read."""

from __future__ import annotations

from decimal import Decimal

import msgspec


class EquityPoint(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Equity of one book (or of all) at a session's close; ``ts_event`` in nanoseconds UTC.

    ``flow``: capital that came in since the point before (negative: left), which is no gain.
    """

    ts_event: int
    equity: Decimal
    flow: Decimal = Decimal(0)


class BookResult(msgspec.Struct, frozen=True, kw_only=True):
    """One book after a run; amounts in the account currency.

    Attributes:
        strategy_name: library name or import path; empty for RESERVE and EXTERNAL.
        allocation: capital given at the start.
        equity_curve: one point per session close, ascending in time; the first is the start.
        turnover: notional bought and sold, |quantity| x price x multiplier, summed.
        orders, fills: that left for the venue, and that came back (one per leg).
        entries, exits: fills that opened or increased, and that shrank or closed, a position.
        refusals: refusal code -> number of commands.
    """

    book_id: str
    strategy_name: str = ""
    allocation: Decimal
    equity_curve: tuple[EquityPoint, ...]
    realized_pnl: Decimal
    fees: Decimal
    turnover: Decimal
    orders: int
    fills: int
    entries: int
    exits: int
    refusals: dict[str, int]
    status: str = "running"


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run.

    Attributes:
        name: of the configuration, e.g. the file's stem.
        environment: backtest, paper, live or replay.
        mode: SINGLE or MULTI.
        books: strategies in rank order, then RESERVE, then EXTERNAL.
        total: the account as a whole, from the account ledger and not from the books.
        conflicts: conflict type -> number detected.
        decision_hash: sha256 over the decisions, hex.
        ledger_checks: how often books and account ledger were compared (each change, each close).
        notes: what the figures rest on, e.g. "modelled quotes"; to be printed with them.
    """

    name: str
    environment: str
    mode: str
    currency: str
    ts_start: int
    ts_end: int
    books: tuple[BookResult, ...]
    total: BookResult
    conflicts: dict[str, int]
    decision_hash: str
    journal: str | None
    inputs: int
    rounds: int
    decisions: int
    ledger_checks: int
    notes: tuple[str, ...] = ()
    elapsed_s: float = 0.0
