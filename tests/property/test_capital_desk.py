"""Whatever moves capital, the books sum to the account; and what is refused changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.domain.capital.cash_flow import (
    BySplit,
    CashFlowKind,
    CashFlowReport,
    SplitRule,
    ToBook,
)
from orchestrion.domain.capital.corporate_action import (
    LotSizeChangedReport,
    SplitReport,
    SymbolChangedReport,
)
from orchestrion.domain.capital.drawdown_stop import ACCOUNT_SCOPE, Baseline, DrawdownRule
from orchestrion.domain.capital.kill_switch import StopAction
from orchestrion.domain.capital.rebalance_trigger import TriggerRules
from orchestrion.domain.desk.desk_event import CashFlowRefusedEvent, CorporateActionRefusedEvent
from orchestrion.domain.desk.desk_settings import CapitalDeskSettings
from orchestrion.domain.models.portfolio import EXTERNAL, RESERVE
from tests.fakes_desk_account import DeskAccount

BOOKS = ("trend", "carry", "hedge", RESERVE, EXTERNAL)
STRATEGIES = BOOKS[:3]
Step = Callable[[DeskAccount], None]

_books = st.sampled_from(BOOKS)
_cents = st.decimals(-5_000, 60_000, places=2)
_shares = st.sampled_from(["ABC", "XYZ", "ABC-2"])


def _flow(number: int, kind: CashFlowKind, amount: Decimal, attribution: object) -> Step:
    def step(account: DeskAccount) -> None:
        flow = CashFlowReport(
            flow_id=f"f-{number}",
            kind=kind,
            amount=amount,
            ts_event=0,
            attribution=attribution,  # type: ignore[arg-type]
            instrument_id="ABC",
        )
        before, events = dict(account.capital.books), len(account.events)
        account.do(account.desk.book_cash_flow(flow, now=account.now))
        if any(isinstance(one, CashFlowRefusedEvent) for one in account.events[events:]):
            assert dict(account.capital.books) == before

    return step


def _trade(book_id: str, instrument_id: str, quantity: int) -> Step:
    def step(account: DeskAccount) -> None:
        if quantity and instrument_id in account.capital.catalog:
            account.trade(book_id, instrument_id, quantity)

    return step


def _split(instrument_id: str, numerator: int, denominator: int, cents: int) -> Step:
    def step(account: DeskAccount) -> None:
        report = SplitReport(
            instrument_id=instrument_id,
            numerator=numerator,
            denominator=denominator,
            cash_price=Decimal(cents) / 100,
            ts_event=0,
        )
        before, events = dict(account.capital.books), len(account.events)
        account.do(account.desk.take_corporate_action(report, now=account.now))
        if any(isinstance(one, CorporateActionRefusedEvent) for one in account.events[events:]):
            assert dict(account.capital.books) == before

    return step


def _rename(account: DeskAccount) -> None:
    report = SymbolChangedReport(instrument_id="ABC", new_instrument_id="ABC-2", ts_event=0)
    account.do(account.desk.take_corporate_action(report, now=account.now))


def _lot(instrument_id: str, lot: int) -> Step:
    report = LotSizeChangedReport(instrument_id=instrument_id, lot_size=Decimal(lot), ts_event=0)
    return lambda account: account.do(account.desk.take_corporate_action(report, now=account.now))


def _price(instrument_id: str, price: Decimal) -> Step:
    def step(account: DeskAccount) -> None:
        if instrument_id in account.capital.catalog:
            account.price(instrument_id, price)

    return step


def _rebalance(parts: tuple[int, int, int]) -> Step:
    weights = {one: Decimal(part) / 100 for one, part in zip(STRATEGIES, parts, strict=True)}

    def step(account: DeskAccount) -> None:
        total = account.total()
        _, acts = account.desk.rebalance(weights=weights, now=account.now)
        account.do(acts)
        assert account.total() == total

    return step


_steps: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.builds(
            _flow,
            st.integers(0, 30),
            st.sampled_from(CashFlowKind),
            _cents,
            st.one_of(st.builds(ToBook, _books), st.builds(BySplit, st.sampled_from(SplitRule))),
        ),
        st.builds(_trade, _books.filter(lambda one: one != RESERVE), _shares, st.integers(-90, 90)),
        st.builds(_trade, st.sampled_from(STRATEGIES), st.just("FUT"), st.integers(-4, 4)),
        st.builds(_split, _shares, st.integers(1, 5), st.integers(1, 10), st.integers(0, 30_000)),
        st.just(_rename),
        st.builds(_lot, _shares, st.sampled_from([1, 10, 100])),
        st.builds(_price, _shares, st.decimals(1, 300, places=2)),
        st.builds(_price, st.just("FUT"), st.decimals(90, 110, places=2)),
        st.builds(_rebalance, st.tuples(*[st.integers(0, 33)] * 3)),
        st.just(lambda account: account.settle("FUT")),
        st.just(lambda account: account.fill_orders()),
        st.builds(lambda days: lambda account: account.close_session(days), st.integers(1, 40)),
    ),
    max_size=25,
)

_RULES = CapitalDeskSettings(
    triggers=TriggerRules(absolute_band=Decimal("0.1"), drawdown_fraction=Decimal("0.2")),
    stops=(
        DrawdownRule(
            scope_id=ACCOUNT_SCOPE,
            baseline=Baseline.PEAK,
            action=StopAction.REDUCE_ONLY,
            limit_fraction=Decimal("0.3"),
        ),
        DrawdownRule(
            scope_id="trend",
            baseline=Baseline.DAY_START,
            action=StopAction.FLATTEN,
            limit_amount=Decimal(2000),
        ),
    ),
    deleverages=True,
)


def _play(steps: list[Step]) -> DeskAccount:
    account = DeskAccount(_RULES)
    for instrument_id in ("ABC", "XYZ", "FUT"):
        account.price(instrument_id, 100)
    for step in steps:
        step(account)  # compares books and ledger after every act
    return account


@settings(max_examples=150)
@given(steps=_steps)
def test_books_sum_to_the_account_after_any_sequence_of_what_moves_capital(
    steps: list[Step],
) -> None:
    _play(steps)


@settings(max_examples=30)
@given(steps=_steps)
def test_same_sequence_gives_the_same_books_events_and_orders(steps: list[Step]) -> None:
    first, second = _play(steps), _play(steps)
    assert first.capital.books == second.capital.books
    assert first.events == second.events
    assert first.orders == second.orders
