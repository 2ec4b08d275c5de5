"""Rebalancing as stories: what triggers it, who gives, what has to be closed, and when it is over.

Three strategies on one account of 100,000, in shares and put spreads that really bind margin.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from orchestrion.domain.capital.book_capital import BookCapital
from orchestrion.domain.capital.capital_move import CapitalMove, apply_transfers
from orchestrion.domain.capital.cash_flow import (
    CashFlowBooked,
    CashFlowKind,
    CashFlowRefused,
    CashFlowReport,
    ToBook,
    book_cash_flow,
)
from orchestrion.domain.capital.rebalance_progress import (
    RebalanceProgress,
    RebalanceStatus,
    RebalanceStep,
    begin_rebalance,
    on_fill,
    on_session,
    without_book,
)
from orchestrion.domain.capital.rebalance_trigger import (
    Trigger,
    TriggerKind,
    TriggerObservation,
    TriggerRules,
    observe_triggers,
    rebalanced,
    start_triggers,
)
from orchestrion.domain.capital.rebalancing import (
    OutcomeCode,
    RebalancePlan,
    RebalancePolicy,
    plan_rebalance,
    target_budgets,
)
from orchestrion.domain.capital.reduction import (
    ReducibleStructure,
    ReductionPolicy,
    reducible_structure,
)
from orchestrion.domain.capital.session_day import Period
from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.instrument import (
    Equity,
    Index,
    InstrumentCatalog,
    OptionContract,
    OptionKind,
)
from orchestrion.domain.models.market import MarketSlice, TradeTick
from orchestrion.domain.models.money import ZERO, add, subtract, to_e9
from orchestrion.domain.models.portfolio import RESERVE, Book, Marks, equity, trade
from orchestrion.domain.orchestration.account_ledger import AccountLedger, total_of_books
from orchestrion.domain.orchestration.authorisation import quantities
from orchestrion.domain.orchestration.margin import margin_of


def _put(strike: int) -> OptionContract:
    return OptionContract(
        instrument_id=f"P{strike}",
        underlying_id="SPX",
        expiry_ts=9,
        strike=Decimal(strike),
        option_kind=OptionKind.PUT,
    )


CATALOG = InstrumentCatalog(
    [Equity(instrument_id="ABC"), _put(80), _put(90), Index(instrument_id="SPX")]
)
WEIGHTS = {"trend": Decimal("0.5"), "carry": Decimal("0.3"), "hedge": Decimal("0.1")}
"""And a tenth in reserve."""


class Account:
    """Books with their marks, and the ledger that they must sum to."""

    def __init__(self) -> None:
        self.marks = Marks()
        self.price(ABC="100", P80="1", P90="2", SPX="100")
        whole = Decimal(100_000)
        self.books = {one: Book(one, whole * weight) for one, weight in WEIGHTS.items()}
        self.books[RESERVE] = Book(RESERVE, whole / 10)
        self.ledger = AccountLedger(CATALOG, starting_cash=whole)

    def price(self, **prices: str) -> None:
        ticks = [TradeTick(one, 1, to_e9(price)) for one, price in prices.items()]
        self.marks.update(MarketSlice.of(ticks))

    def trade(self, owner: str, **signed: int) -> None:
        for instrument_id, quantity in signed.items():
            price = self.marks.price(instrument_id)
            assert price is not None
            self.books[owner] = trade(
                self.books[owner],
                CATALOG.tradable(instrument_id),
                signed_quantity=Decimal(quantity),
                price=price,
            )

    def fill(self, command: SubmitOrder) -> None:
        for leg in command.legs:
            self.trade(command.strategy_id, **{leg.instrument_id: int(leg.signed_quantity)})

    def move(self, transfers: tuple[CapitalMove, ...]) -> None:
        for book in apply_transfers(self.books, transfers):
            self.books[book.book_id] = book

    def equity(self, book_id: str) -> Decimal:
        return equity(self.books[book_id], CATALOG, self.marks)

    def total(self) -> Decimal:
        total = ZERO
        for book_id in self.books:
            total = add(total, self.equity(book_id))
        return total

    def capital(self) -> list[BookCapital]:
        found: list[BookCapital] = []
        for book_id, book in self.books.items():
            margin = margin_of(quantities(book), CATALOG, self.marks).initial
            value = self.equity(book_id)
            found.append(BookCapital(book_id, value, subtract(value, margin)))
        return found

    def structures(self, owner: str, **parts: dict[str, int]) -> list[ReducibleStructure]:
        found = [
            reducible_structure(
                name, {one: Decimal(held) for one, held in part.items()}, CATALOG, self.marks
            )
            for name, part in parts.items()
        ]
        return [one for one in found if one is not None]

    def targets(self, weights: dict[str, Decimal]) -> dict[str, Decimal]:
        return target_budgets(weights, self.capital())

    def plan(
        self,
        weights: dict[str, Decimal] = WEIGHTS,
        policy: RebalancePolicy | None = None,
        **structures: list[ReducibleStructure],
    ) -> RebalancePlan:
        return plan_rebalance(
            self.targets(weights), self.capital(), policy or RebalancePolicy(), structures
        )


def _begin(account: Account, plan: RebalancePlan) -> RebalanceStep:
    step = begin_rebalance(plan, RebalancePolicy(), rebalance_id="r-1")
    account.move(step.transfers)
    return step


def _amounts(moves: tuple[CapitalMove, ...]) -> dict[str, Decimal]:
    return {one.book_id: one.amount for one in moves}


# -- triggers ------------------------------------------------------------------------------------


def _ts(day: str) -> int:
    return int(datetime.fromisoformat(f"{day}T21:00:00").replace(tzinfo=UTC).timestamp()) * 10**9


def _watch(rules: TriggerRules, account: Account, day: str) -> tuple[Trigger, ...]:
    state = start_triggers(rules, Decimal(100_000), _ts("2024-01-30"))
    return observe_triggers(state, _seen(account, day))[1]


def _seen(account: Account, day: str) -> TriggerObservation:
    return TriggerObservation(
        ts=_ts(day),
        target_fractions=WEIGHTS,
        equities={one: account.equity(one) for one in WEIGHTS},
        total=account.total(),
    )


def test_monthly_rebalance_comes_with_the_first_session_of_february() -> None:
    # Given a monthly calendar and the last days of January
    rules, account = TriggerRules(calendar=Period.MONTHLY), Account()
    # When January's last session closes, nothing is due
    assert _watch(rules, account, "2024-01-31") == ()
    # Then the next one is due, even though the 3rd and 4th are a weekend and the 1st and 2nd closed
    (trigger,) = _watch(rules, account, "2024-02-05")
    assert trigger.kind is TriggerKind.CALENDAR


def test_drift_beyond_the_absolute_band_is_noticed() -> None:
    # Given a band of five percent of the whole, and trend's 400 shares at 100
    rules, account = TriggerRules(absolute_band=Decimal("0.05")), Account()
    account.trade("trend", ABC=400)
    # When the share rises to 127.50, trend has 61,000 of 111,000: not five percent too much
    account.price(ABC="127.50")
    assert _watch(rules, account, "2024-01-31") == ()
    # Then at 128 it has 61,200 of 111,200, which is
    account.price(ABC="128")
    (trigger,) = _watch(rules, account, "2024-01-31")
    assert trigger == Trigger(TriggerKind.ABSOLUTE_DRIFT, "trend has 0.5504, should have 0.5")


def test_small_strategy_is_watched_by_the_relative_band() -> None:
    # Given a band of a fifth of each target: hedge's tenth may go from 8 to 12 percent
    rules, account = TriggerRules(relative_band=Decimal("0.2")), Account()
    account.trade("hedge", ABC=90)
    # When the share falls to 73, hedge has 7,570 of 97,570
    account.price(ABC="73")
    # Then the relative band shows what an absolute one of five percent would not
    assert [one.kind for one in _watch(rules, account, "2024-01-31")] == [
        TriggerKind.RELATIVE_DRIFT
    ]
    assert _watch(TriggerRules(absolute_band=Decimal("0.05")), account, "2024-01-31") == ()


def test_drawdown_asks_for_a_rebalance_until_it_is_answered() -> None:
    # Given a trigger at ten percent below the peak
    account = Account()
    account.trade("trend", ABC=500)
    state = start_triggers(
        TriggerRules(drawdown_fraction=Decimal("0.1")), account.total(), _ts("2024-01-30")
    )
    # When the share falls by a fifth
    account.price(ABC="80")
    state, triggers = observe_triggers(state, _seen(account, "2024-01-31"))
    # Then it asks, and goes on asking although the price comes back
    assert [one.kind for one in triggers] == [TriggerKind.DRAWDOWN]
    account.price(ABC="100")
    state, triggers = observe_triggers(state, _seen(account, "2024-02-01"))
    assert [one.kind for one in triggers] == [TriggerKind.DRAWDOWN]
    # And a rebalance answers it
    state = rebalanced(state, account.total(), _ts("2024-02-01"))
    assert observe_triggers(state, _seen(account, "2024-02-02"))[1] == ()


# -- carrying it out -----------------------------------------------------------------------------


def test_gains_in_cash_move_at_once() -> None:
    # Given trend has closed a position with a gain of 10,000
    account = Account()
    account.trade("trend", ABC=400)
    account.price(ABC="125")
    account.trade("trend", ABC=-400)
    # When capital is brought back to the weights
    step = _begin(account, account.plan())
    # Then it is over at once and nobody had to trade
    assert step.progress.is_complete
    assert step.commands == ()
    assert _amounts(step.transfers) == {
        "trend": -5000,
        "carry": 3000,
        "hedge": 1000,
        RESERVE: 1000,
    }
    assert {one: account.equity(one) for one in WEIGHTS} == account.targets(WEIGHTS)
    assert total_of_books(account.books.values(), CATALOG).cash == 110_000


def test_bound_capital_arrives_with_the_fills() -> None:
    # Given trend's 500 shares bind all it has
    account = Account()
    account.trade("trend", ABC=500)
    # When trend is to go down to 30 %, and carry up to 50 %
    weights = {"trend": Decimal("0.3"), "carry": Decimal("0.5"), "hedge": Decimal("0.1")}
    shares = account.structures("trend", shares={"ABC": 500})
    step = _begin(account, account.plan(weights, trend=shares))
    # Then nothing moves yet, and trend is told to sell 200 shares
    assert step.transfers == ()
    assert [leg.signed_quantity for leg in step.commands[0].legs] == [-200]
    assert account.equity("carry") == 30_000
    # When half of the sale fills
    account.trade("trend", ABC=-100)
    step = on_fill(step.progress, account.capital())
    account.move(step.transfers)
    # Then half of the capital arrives
    assert account.equity("carry") == 40_000
    assert not step.progress.is_complete
    # And with the rest it is over
    account.trade("trend", ABC=-100)
    step = on_fill(step.progress, account.capital())
    account.move(step.transfers)
    assert step.progress.is_complete
    assert account.equity("carry") == 50_000
    assert account.equity("trend") == 30_000


def test_spreads_are_closed_whole() -> None:
    # Given carry has sold ten put spreads: each binds its width of 1,000 and the long put's 100;
    # with 180 shares beside them 1,000 are free
    account = Account()
    account.price(SPX="91")
    account.trade("carry", P80=10, P90=-10, ABC=180)
    assert account.capital()[1].free == 1000
    # When carry is to give 5,000
    weights = {**WEIGHTS, "carry": Decimal("0.25")}
    spreads = account.structures("carry", spread={"P80": 10, "P90": -10})
    step = _begin(account, account.plan(weights, carry=spreads))
    # Then each closed spread closes both legs, and no short put is left naked
    (command,) = step.commands
    closed = {leg.instrument_id: leg.signed_quantity for leg in command.legs}
    assert closed == {"P80": -4, "P90": 4}
    account.fill(command)
    book = account.books["carry"]
    assert {one: book.quantity(one) for one in ("P80", "P90")} == {"P80": 6, "P90": -6}
    step = on_fill(step.progress, account.capital())
    assert step.progress.is_complete


def test_largest_structure_goes_first_when_the_policy_says_so() -> None:
    # Given trend holds two blocks of shares, and the policy is largest first
    account = Account()
    account.trade("trend", ABC=500)
    blocks = account.structures("trend", small={"ABC": 100}, large={"ABC": 400})
    policy = RebalancePolicy(reduction=ReductionPolicy.LARGEST_FIRST)
    # When trend is to give 10,000
    plan = account.plan({**WEIGHTS, "trend": Decimal("0.4")}, policy, trend=blocks)
    # Then only the large one is touched
    assert plan.outcomes[0].detail == "10000.00 of 10000.00 is bound: closes 100 x large"


def test_rebalance_says_why_it_orders_nothing() -> None:
    # Given trend's capital is bound by shares, but nobody can say in which structures
    account = Account()
    account.trade("trend", ABC=500)
    # When it is to give
    plan = account.plan({**WEIGHTS, "trend": Decimal("0.4")})
    # Then the plan names the reason instead of doing nothing in silence
    assert plan.commands == ()
    assert plan.outcomes[0].code is OutcomeCode.NOTHING_TO_REDUCE
    assert plan.outcomes[0].detail == "10000.00 of 10000.00 is bound"


def test_survivor_gets_nothing_without_an_explicit_rebalance() -> None:
    # Given hedge is removed and its capital goes to the reserve
    account = Account()
    account.books[RESERVE] = Book(RESERVE, Decimal(20_000))
    del account.books["hedge"]
    # When the survivors' targets are what they have
    weights = {"trend": Decimal("0.5"), "carry": Decimal("0.3")}
    # Then nothing moves
    assert account.plan(weights).moves == ()
    # And only weights that say so raise them
    raised = {"trend": Decimal("0.6"), "carry": Decimal("0.3")}
    assert _amounts(account.plan(raised).transfers) == {"trend": 10_000, RESERVE: -10_000}


def test_unfilled_rebalance_is_repeated_at_the_session_and_ends_in_time() -> None:
    # Given trend's sale did not fill by the close, and two sessions are allowed
    account = Account()
    account.trade("trend", ABC=500)
    shares = {"trend": account.structures("trend", shares={"ABC": 500})}
    policy = RebalancePolicy(sessions_max=2)
    plan = account.plan({**WEIGHTS, "trend": Decimal("0.4")}, policy, **shares)
    progress = begin_rebalance(plan, policy, rebalance_id="r-1").progress
    # When the session closes, the sale is ordered again
    step = on_session(progress, account.capital(), shares)
    assert [leg.quantity for leg in step.commands[0].legs] == [100]
    # Then the second close gives up and says what is missing
    step = on_session(step.progress, account.capital(), shares)
    assert step.progress.status is RebalanceStatus.EXPIRED
    assert step.progress.reason == (
        "after 2 sessions still to move: trend -10000.00, RESERVE +10000.00"
    )
    assert account.equity("trend") == 50_000


def test_quarantined_strategy_leaves_the_rebalance() -> None:
    # Given trend owes 20,000 to carry and nothing is free
    account = Account()
    account.trade("trend", ABC=500)
    weights = {"trend": Decimal("0.3"), "carry": Decimal("0.5"), "hedge": Decimal("0.1")}
    progress = _begin(account, account.plan(weights)).progress
    # When carry is quarantined
    progress = without_book(progress, "carry")
    # Then its part goes to the reserve as trend's fills come in
    account.trade("trend", ABC=-200)
    step = on_fill(progress, account.capital())
    account.move(step.transfers)
    assert step.progress.is_complete
    assert account.equity("carry") == account.equity(RESERVE) == 30_000


def test_replay_of_the_same_inputs_moves_the_same_capital() -> None:
    # Given what a rebalance has seen: a fill, a price, a fill
    def run() -> list[RebalanceProgress]:
        account = Account()
        account.trade("trend", ABC=500)
        weights = {"trend": Decimal("0.3"), "carry": Decimal("0.5"), "hedge": Decimal("0.1")}
        step = _begin(account, account.plan(weights))
        seen = [step.progress]
        for quantity, price in ((-70, "99.37"), (-50, "101.11"), (-200, "98.03")):
            account.trade("trend", ABC=quantity)
            account.price(ABC=price)
            step = on_fill(step.progress, account.capital())
            account.move(step.transfers)
            seen.append(step.progress)
        return seen

    # When it is played again, then every step is the same
    assert run() == run()
    assert run()[-1].is_complete


# -- money from outside ----------------------------------------------------------------------------


def _flow(kind: CashFlowKind, amount: int, book_id: str) -> CashFlowReport:
    return CashFlowReport(
        flow_id="f-1", kind=kind, amount=Decimal(amount), ts_event=1, attribution=ToBook(book_id)
    )


def test_deposit_waits_in_reserve_until_it_is_given_out() -> None:
    # Given a deposit of 10,000
    account = Account()
    answer = book_cash_flow(
        _flow(CashFlowKind.DEPOSIT, 10_000, RESERVE), account.books, account.capital()
    )
    assert isinstance(answer, CashFlowBooked)
    for book in answer.books:
        account.books[book.book_id] = book
    # Then no strategy has more than before
    assert {one: account.equity(one) for one in WEIGHTS} == {
        "trend": 50_000,
        "carry": 30_000,
        "hedge": 10_000,
    }
    # When somebody asks for a rebalance, then they have
    step = _begin(account, account.plan())
    assert _amounts(step.transfers) == {
        "trend": 5000,
        "carry": 3000,
        "hedge": 1000,
        RESERVE: -9000,
    }


def test_withdrawal_of_bound_capital_is_refused() -> None:
    # Given trend has 5,000 free beside its shares
    account = Account()
    account.trade("trend", ABC=450)
    # When 6,000 are asked for
    answer = book_cash_flow(
        _flow(CashFlowKind.WITHDRAWAL, 6000, "trend"), account.books, account.capital()
    )
    # Then the answer says what is free
    assert isinstance(answer, CashFlowRefused)
    assert answer.detail == "f-1: 6000 is asked of trend, 5000.00 is free"
