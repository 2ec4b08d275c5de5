"""Margin calls in a run, as stories: who is told, what is closed, what the venue's word does."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrion.domain.desk.desk_event import MarginCallEvent, VenueMarginRefusedEvent
from orchestrion.domain.desk.desk_settings import CapitalDeskSettings
from orchestrion.domain.desk.margin_watch import DELEVERAGE_LABEL, VenueMarginReport
from orchestrion.domain.orchestration.events import BookReducingEvent
from tests.fakes import buy, sell
from tests.fakes_capital_desk import DeskStage

pytestmark = pytest.mark.anyio

SHORTS = {"trend": {0: sell(600)}, "carry": {0: sell(100, "BBB")}}
"""Short 600 AAA and 100 BBB at 100; a short share binds half of its value, 50,000 each to begin."""


def _stage(*, deleverages: bool, plans: Any = SHORTS) -> DeskStage:
    return DeskStage(plans, CapitalDeskSettings(deleverages=deleverages))


async def test_call_is_told_once_and_nothing_is_closed_unless_it_is_configured() -> None:
    async with _stage(deleverages=False) as stage:
        # Given trend is short 600 at 100: 30,000 of its 50,000 are bound
        await stage.day(AAA=100, BBB=100)
        await stage.day(AAA=100, BBB=100)
        # When AAA rises to 126: equity 34,400, margin 37,800
        await stage.day(AAA=126, BBB=100)
        await stage.day(AAA=126, BBB=100)
        await stage.day(AAA=126, BBB=100)
        # Then that is told once, and the position stays
        (told,) = stage.events_of(BookReducingEvent)
        assert told.strategy_id == "trend"
        assert told.equity == 34_400
        assert told.margin == 37_800
        assert stage.books["trend"].quantity("AAA") == -600


async def test_strategy_is_reducing_as_long_as_the_call_lasts() -> None:
    async with _stage(deleverages=False) as stage:
        await stage.day(AAA=100, BBB=100)
        await stage.day(AAA=100, BBB=100)
        await stage.day(AAA=126, BBB=100)
        await stage.day(AAA=126, BBB=100)
        assert stage.system.status("trend") == "reducing"
        assert stage.system.status("carry") == "running"
        # When the price comes back
        await stage.day(AAA=100, BBB=100)
        await stage.day(AAA=100, BBB=100)
        # Then it may enter again, and a replay says the same
        assert stage.system.status("trend") == "running"
        await stage.session.end()
        stage.assert_replays()


async def test_equity_that_equals_the_margin_meets_it() -> None:
    async with _stage(deleverages=True) as stage:
        await stage.day(AAA=100, BBB=100)
        await stage.day(AAA=100, BBB=100)
        # 50,000 - 600 x (p - 100) = 300 x p at p = 122.2222: just below and just above
        await stage.day(AAA="122.22", BBB=100)
        await stage.day(AAA="122.22", BBB=100)
        assert stage.events_of(BookReducingEvent) == []
        await stage.day(AAA="122.23", BBB=100)
        await stage.day(AAA="122.23", BBB=100)
        assert len(stage.events_of(BookReducingEvent)) == 1


async def test_deleverage_buys_back_no_more_than_is_needed() -> None:
    async with _stage(deleverages=True) as stage:
        await stage.day(AAA=100, BBB=100)
        await stage.day(AAA=100, BBB=100)
        await stage.day(AAA=126, BBB=100)
        # When the session closes with 3,400 missing
        await stage.day(AAA=126, BBB=100)
        # Then 54 shares are bought back, 63 of margin each; recorded under their own label
        (told,) = stage.events_of(MarginCallEvent)
        assert told.closes == {"trend:AAA": 54}
        assert told.deficit is None
        assert stage.labels()[-1] == DELEVERAGE_LABEL
        await stage.day(AAA=126, BBB=100)
        assert stage.books["trend"].quantity("AAA") == -546
        # And the call is over, the other strategy untouched
        assert len(stage.events_of(MarginCallEvent)) == 1
        assert stage.books["carry"].quantity("BBB") == -100
        await stage.session.end()
        stage.assert_replays()


async def test_venue_that_asks_for_more_is_believed() -> None:
    async with _stage(deleverages=True) as stage:
        # Given 600 and 100 short: we ask for 35,000 of 100,000
        await stage.day(AAA=100, BBB=100)
        await stage.day(AAA=100, BBB=100)
        # When the venue asks for 101,000
        await stage.hand_in(_venue(101_000))
        # Then the account is in a call, and as many shares are closed as relieve 1,000
        (told,) = stage.events_of(MarginCallEvent)
        assert told.scope_id == "ACCOUNT"
        assert told.equity == 100_000
        assert told.margin == 101_000
        assert sum(told.closes.values()) == 20
        # And what works already is not ordered again
        await stage.hand_in(_venue(101_000))
        assert len(stage.events_of(MarginCallEvent)) == 1
        await stage.session.end()
        stage.assert_replays()


async def test_venue_that_asks_for_less_loosens_nothing() -> None:
    async with _stage(deleverages=False) as stage:
        await stage.day(AAA=100, BBB=100)
        await stage.day(AAA=100, BBB=100)
        await stage.hand_in(_venue(1))
        await stage.day(AAA=126, BBB=100)
        await stage.day(AAA=126, BBB=100)
        assert len(stage.events_of(BookReducingEvent)) == 1


async def test_venue_report_that_is_no_amount_is_refused() -> None:
    async with _stage(deleverages=True) as stage:
        await stage.day(AAA=100, BBB=100)
        await stage.hand_in(_venue("NaN"))
        (refused,) = stage.events_of(VenueMarginRefusedEvent)
        assert "NaN" in refused.detail
        assert stage.events_of(MarginCallEvent) == []


async def test_holdings_on_opposite_sides_of_the_account_are_not_closed_by_its_call() -> None:
    plans = {"trend": {0: buy(100)}, "carry": {1: sell(40)}, "hedge": {0: buy(50, "BBB")}}
    async with _stage(deleverages=True, plans=plans) as stage:
        for _ in range(3):
            await stage.day(AAA=100, BBB=100)
        # When the venue asks for more than there is
        await stage.hand_in(_venue(102_000))
        # Then only what nobody holds against another is closed
        (told,) = stage.events_of(MarginCallEvent)
        assert list(told.closes) == ["hedge:BBB"]


def _venue(maintenance: object) -> VenueMarginReport:
    amount = Decimal(str(maintenance))
    return VenueMarginReport(initial=amount, maintenance=amount, ts_event=0)
