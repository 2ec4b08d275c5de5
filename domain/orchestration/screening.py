"""``screen``: the figures of the account that the conflict rules need for one round.

It asks the capital manager what it would say of each command alone, and adds up what the account
has left, for the instruments of the round only. It changes nothing. The coordinator decides with
the frozen values that it returns, so whoever keeps the books can make them for somebody else.

Size: per command one preview; per instrument one look into every book; and, where the account has
limits of quantity or margin or a greatest concentration, one pass over all books and orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from orchestrion.domain.capital.worst_case import FLAT, Usage, worst_case
from orchestrion.domain.conflict.policy import ConflictPolicies
from orchestrion.domain.conflict.round_context import (
    CommandFigures,
    InstrumentFigures,
    RoundContext,
    StrategyFigures,
)
from orchestrion.domain.margin.requirement import UnpricedError
from orchestrion.domain.models.command import RefusalCode, SubmitOrder
from orchestrion.domain.models.instrument import Equity, Tradable
from orchestrion.domain.models.money import ONE, ZERO, add, multiply, subtract
from orchestrion.domain.models.order import Order, OrderStatus
from orchestrion.domain.models.portfolio import RESERVED_BOOK_IDS
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.domain.orchestration.proposal import Checked, HeldProposal, Proposal, is_exit


def screen(
    capital_manager: PortfolioCapitalManager,
    checked: Sequence[Checked],
    *,
    now: int,
    policies: ConflictPolicies,
    held: Sequence[HeldProposal] = (),
) -> RoundContext:
    """Figures for resolving the conflicts of one round.

    Args:
        checked: commands of the round, ordered by (rank, index).
        now: time of the deciding input, nanoseconds UTC.
        held: commands that wait since earlier rounds; what they would close is spoken for.

    Returns:
        A context with one entry per command. While something that must be summed up has no price,
        every entry is refused as the capital manager would: NO_PRICE.
    """
    commands = list(_command_figures(capital_manager, checked, held, now))
    taking_part = [
        (one, one.command)
        for one, figures in zip(checked, commands, strict=True)
        if figures is not None
        and figures.refusal is None
        and isinstance(one, Proposal)
        and isinstance(one.command, SubmitOrder)
    ]
    ids = tuple(dict.fromkeys(leg.instrument_id for _, each in taking_part for leg in each.legs))
    if not ids:
        return RoundContext(commands=tuple(commands))
    try:
        return _account_context(
            capital_manager, tuple(commands), ids, (one for one, _ in taking_part), policies
        )
    except UnpricedError as missing:
        detail = f"{missing.instrument_id} has had no price yet"
        refusal = (RefusalCode.NO_PRICE, detail)
        return RoundContext(
            commands=tuple(
                one
                if one is None or one.refusal is not None or (one.is_exit and not one.requirement)
                else msgspec.structs.replace(one, refusal=refusal)
                for one in commands
            )
        )


def has_room_for_all(
    capital_manager: PortfolioCapitalManager, checked: Sequence[Checked], *, now: int
) -> bool:
    """Whether none of these orders would be refused on its own and the account has room for all of
    them together: then nothing that ``screen`` tells could make two of them meet.

    False also where that cannot be told at a glance: the account has limits of quantity or margin.
    """
    limits = capital_manager.account_limits
    if limits.quantity_max is not None or limits.quantity_max_by_id:
        return False
    if limits.margin_use_max is not None:
        return False
    needed = ZERO
    for one in checked:
        if not isinstance(one, Proposal):
            return False
        preview = capital_manager.preview(one, now=now)
        if preview.refusal is not None:
            return False
        needed = add(needed, preview.requirement)
    try:
        return needed <= capital_manager.free_capital()
    except UnpricedError:
        return False


def _command_figures(
    capital_manager: PortfolioCapitalManager,
    checked: Sequence[Checked],
    held: Sequence[HeldProposal],
    now: int,
) -> Iterable[CommandFigures | None]:
    # Two exits that each close all that is held are not both exits: the first one is.
    closing: dict[str, dict[str, Order]] = {}
    for number, each in enumerate(held):
        if each.is_exit:
            _add_pending(closing, each.command, f"held {number}")
    for place, one in enumerate(checked):
        if not isinstance(one, Proposal) or not isinstance(one.command, SubmitOrder):
            yield None
            continue
        preview = capital_manager.preview(one, now=now)
        exits = False
        # As of now: while an asynchronous strategy was waited for, what the order would have gone
        # beyond may have ended.
        if preview.refusal is None:
            working = capital_manager.working_orders(one.strategy_id)
            pending = closing.get(one.strategy_id, {})
            book = capital_manager.books[one.strategy_id]
            exits = is_exit(one.command, book, {**working, **pending})
            if exits:
                _add_pending(closing, one.command, f"round {place}")
        yield CommandFigures(preview.refusal, preview.requirement, exits)


def _add_pending(pending: dict[str, dict[str, Order]], command: SubmitOrder, key: str) -> None:
    pending.setdefault(command.strategy_id, {})[key] = Order(
        client_order_id=key,
        strategy_id=command.strategy_id,
        legs=command.legs,
        filled=(ZERO,) * len(command.legs),
        status=OrderStatus.INITIALIZED,
        order_type=command.order_type,
        time_in_force=command.time_in_force,
        limit_price=command.limit_price,
        stop_price=command.stop_price,
        is_reducing=True,
        ts_decided=0,
    )


def _account_context(
    capital_manager: PortfolioCapitalManager,
    commands: tuple[CommandFigures | None, ...],
    ids: tuple[str, ...],
    taking_part: Iterable[Proposal],
    policies: ConflictPolicies,
) -> RoundContext:
    """
    Raises:
        UnpricedError: an instrument or underlying has no price.
    """
    limits = capital_manager.account_limits
    is_concentration_watched = policies.concentration_max_fraction is not None
    has_quantity_limit = limits.quantity_max is not None or bool(limits.quantity_max_by_id)
    needs_usage = (
        is_concentration_watched or has_quantity_limit or limits.margin_use_max is not None
    )
    usage = capital_manager.account_usage() if needs_usage else Usage()
    equity = capital_manager.account_equity() if needs_usage else ZERO
    units = {
        one: _unit_notional(capital_manager, one) if is_concentration_watched else ZERO
        for one in ids
    }
    instruments = {one: _figures_of(capital_manager, one, usage, units[one]) for one in ids}
    margin_room = None
    if limits.margin_use_max is not None:
        most = multiply(limits.margin_use_max, max(equity, ZERO))
        margin_room = max(subtract(most, usage.margin), ZERO)
    return RoundContext(
        commands=commands,
        instruments=instruments,
        strategies=_strategy_figures(capital_manager, taking_part),
        other_notional=(
            _other_notional(capital_manager, usage, instruments) if is_concentration_watched else {}
        ),
        equity=equity,
        free=capital_manager.free_capital(),
        margin_room=margin_room,
    )


def _figures_of(
    capital_manager: PortfolioCapitalManager, instrument_id: str, usage: Usage, unit: Decimal
) -> InstrumentFigures:
    instrument = capital_manager.catalog.tradable(instrument_id)
    limits = capital_manager.account_limits
    reached = usage.quantities.get(instrument_id, FLAT)
    return InstrumentFigures(
        lot_size=instrument.lot_size,
        underlying_id=_underlying_id(instrument),
        unit_notional=unit,
        low=reached.low,
        high=reached.high,
        quantity_max=limits.quantity_max_by_id.get(instrument_id, limits.quantity_max),
        # What nobody traded (RESERVE) or somebody did by hand (EXTERNAL) has no owner.
        holder_ids=tuple(
            book_id
            for book_id, book in capital_manager.books.items()
            if book_id not in RESERVED_BOOK_IDS and book.quantity(instrument_id)
        ),
    )


def _strategy_figures(
    capital_manager: PortfolioCapitalManager, taking_part: Iterable[Proposal]
) -> dict[str, StrategyFigures]:
    found: dict[str, StrategyFigures] = {}
    for strategy_id in dict.fromkeys(one.strategy_id for one in taking_part):
        capital = capital_manager.book_capital(strategy_id)
        found[strategy_id] = StrategyFigures(capital.equity, capital.free)
    return found


def _other_notional(
    capital_manager: PortfolioCapitalManager,
    usage: Usage,
    instruments: Mapping[str, InstrumentFigures],
) -> dict[str, Decimal]:
    """Gross notional per underlying of the round, of what the round does not trade."""
    found = {one.underlying_id: ZERO for one in instruments.values()}
    for instrument_id, reached in usage.quantities.items():
        underlying_id = _underlying_id(capital_manager.catalog.tradable(instrument_id))
        if underlying_id in found and instrument_id not in instruments and reached.largest:
            unit = _unit_notional(capital_manager, instrument_id)
            found[underlying_id] = add(found[underlying_id], multiply(reached.largest, unit))
    return found


def _unit_notional(capital_manager: PortfolioCapitalManager, instrument_id: str) -> Decimal:
    """Notional of one unit, as the account's limits count it."""
    return worst_case(
        {instrument_id: ONE},
        (),
        catalog=capital_manager.catalog,
        marks=capital_manager.marks,
        option_notional=capital_manager.account_limits.option_notional,
    ).gross_notional


def _underlying_id(instrument: Tradable) -> str:
    return instrument.instrument_id if isinstance(instrument, Equity) else instrument.underlying_id
