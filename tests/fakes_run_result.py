"""A small hand-made ``RunResult``: two strategies, one fallen and one risen, and idle books."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from orchestrion.adapters.result import BookResult, EquityPoint, RunResult

DAY_NS = 86_400 * 1_000_000_000
START = 1_388_782_800 * 1_000_000_000
"""2014-01-03T21:00:00Z"""


def book(book_id: str, *equity: str, **changes: object) -> BookResult:
    """A book with one point per day."""
    curve = tuple(EquityPoint(START + i * DAY_NS, Decimal(value)) for i, value in enumerate(equity))
    plain = BookResult(
        book_id=book_id,
        strategy_name=book_id,
        allocation=curve[0].equity,
        equity_curve=curve,
        realized_pnl=Decimal("10.00"),
        fees=Decimal("1.50"),
        turnover=Decimal("123456.789"),
        orders=4,
        fills=5,
        entries=3,
        exits=2,
        refusals={},
    )
    return msgspec.structs.replace(plain, **changes)


def idle(book_id: str) -> BookResult:
    """A book of the account that never held anything."""
    return book(
        book_id, "0", "0", strategy_name="", turnover=Decimal(0), orders=0, fills=0, status=""
    )


def run_result(**changes: object) -> RunResult:
    """A finished run; ``changes`` replaces fields."""
    plain = RunResult(
        name="two",
        environment="backtest",
        mode="MULTI",
        currency="USD",
        ts_start=START,
        ts_end=START + 3 * DAY_NS,
        books=(
            book("FALLEN", "600.00", "660.00", "540.00", "600.00", refusals={"CONFLICT": 2}),
            book("RISEN", "400.00", "404.00", "402.00", "420.00"),
            idle("RESERVE"),
            idle("EXTERNAL"),
        ),
        total=book("TOTAL", "1000.00", "1064.00", "942.00", "1020.00", strategy_name=""),
        conflicts={"OPPOSING_SIDES": 3},
        decision_hash="ab" * 32,
        journal="journals/two-20140103T210000Z.sqlite",
        inputs=12,
        rounds=4,
        decisions=9,
        ledger_checks=16,
        notes=("SPX options: modelled quotes",),
        elapsed_s=0.25,
    )
    return msgspec.structs.replace(plain, **changes)
