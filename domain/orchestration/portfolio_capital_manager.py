"""``PortfolioCapitalManager``: allocations, and the last word on every command.

It is the single writer of the books (``AccountBooks`` holds and folds them) and judges with pure
rules: form, own quantity, standing, the strategy's budget and limits, then the account's. The
capital manager actor and the synchronous orchestrator call the same methods.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Dict  # noqa: UP035 - the specification's own spelling

from orchestrion.domain.capital.allocation_policy import AllocationMethods, AllocationPolicy
from orchestrion.domain.capital.computed_weights import ComputedWeights, amounts_of
from orchestrion.domain.capital.limit import NO_LIMITS, Limits, limit_fault
from orchestrion.domain.capital.return_history import EquityPoint
from orchestrion.domain.capital.rounded_share import exact_sum
from orchestrion.domain.capital.structure_count import structure_key, structures_at_most
from orchestrion.domain.capital.worst_case import (
    OptionNotional,
    SignedQuantities,
    Usage,
    combined,
    of_legs,
    unfilled,
    worst_case,
)
from orchestrion.domain.errors import ConfigurationError, InvariantBrokenError
from orchestrion.domain.margin.requirement import MarginModel, UnpricedError
from orchestrion.domain.models.command import (
    ApprovedCommand,
    CancelOrder,
    RefusalCode,
    RefusedCommand,
    SubmitOrder,
    Verdict,
    initialized_order,
)
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.money import (
    CENT,
    EXACT,
    ZERO,
    add,
    is_amount,
    is_multiple,
    subtract,
)
from orchestrion.domain.netting.internal_cross import (
    CrossPolicy,
    CrossPrice,
    CrossRefusal,
    CrossRefusalCode,
)
from orchestrion.domain.netting.internal_market import InternalMarket
from orchestrion.domain.netting.round_netting import NettedRound, net_round
from orchestrion.domain.orchestration import authorisation
from orchestrion.domain.orchestration.account_books import AccountBooks
from orchestrion.domain.orchestration.authorisation import Refusal, quantities
from orchestrion.domain.orchestration.judgement import Judged, Preview
from orchestrion.domain.orchestration.proposal import Proposal, is_exit

if TYPE_CHECKING:
    from orchestrion.domain.orchestration.unified_strategy_orchestrator import (
        UnifiedStrategyOrchestrator,
    )

_NO_LIMITS_BY_ID: Mapping[str, Limits] = MappingProxyType({})
_NO_CURVES: Mapping[str, tuple[EquityPoint, ...]] = MappingProxyType({})

NO_INTERNAL_MARKET = CrossRefusal(
    CrossRefusalCode.NO_FRESH_PRICE, "the account has no rule for prices of internal trades"
)

CROSSINGS_PER_MOMENT_MAX = 100
"""Rounds of internal trades at one time. Two strategies that answer each other's fills would go on
for ever: inside, no time passes and no fee is paid. Arbitrary, far above honest use."""
CROSSED_TOO_OFTEN = CrossRefusal(
    CrossRefusalCode.CROSSED_TOO_OFTEN,
    f"strategies have traded with each other {CROSSINGS_PER_MOMENT_MAX} times at this moment",
)


class PortfolioCapitalManager(AccountBooks):
    """Capital manager for one strategy and for many.

    Attributes:
        total_capital: what is given out, account currency.
        orchestrator: whom it serves; set when the orchestrator is built.
        allocation: how the capital is divided.
        methods: the allocation methods that ``allocation`` may name.
        limits: strategy id -> its limits; who is missing has none but the budget.
        account_limits: of the account as a whole.
    """

    STATE: ClassVar[Mapping[str, Any]] = {**AccountBooks.STATE, "_crossings": tuple[int, int]}
    PARTS: ClassVar[tuple[str, ...]] = (*AccountBooks.PARTS, "_internal_market")

    def __init__(
        self,
        total_capital: Decimal = Decimal(0),
        *,
        allocation: AllocationPolicy | None = None,
        methods: AllocationMethods | None = None,
        limits: Mapping[str, Limits] = _NO_LIMITS_BY_ID,
        account_limits: Limits = NO_LIMITS,
        margin_model: MarginModel | None = None,
        cross_policy: CrossPolicy | None = None,
    ) -> None:
        """
        Args:
            margin_model: what positions bind; the catalogue's own rates unless given.
            cross_policy: how old a price may be at which strategies trade with each other; without
                it nothing is ever crossed inside.

        Raises:
            ConfigurationError: total_capital is no Decimal in whole cents >= 0.
        """
        if not _is_at_least_zero(total_capital) or not is_multiple(total_capital, CENT):
            raise ConfigurationError(
                f"total_capital must be a finite Decimal >= 0 in whole cents, got {total_capital!r}"
            )
        super().__init__(margin_model)
        self.total_capital = total_capital
        self.allocation = allocation or AllocationPolicy()
        self.methods = methods or AllocationMethods()
        self.limits = limits
        self.account_limits = account_limits
        self.orchestrator: UnifiedStrategyOrchestrator | None = None
        self._has_account_limits = account_limits != NO_LIMITS
        self._crossings = (0, 0)
        if cross_policy is not None:
            self._internal_market = InternalMarket(cross_policy)

    # -- allocation -----------------------------------------------------------------------------

    def bind(self, orchestrator: UnifiedStrategyOrchestrator) -> None:
        """
        Raises:
            ValueError: it serves another orchestrator already.
        """
        if self.orchestrator is not None and self.orchestrator is not orchestrator:
            raise ValueError("this capital manager already belongs to another orchestrator")
        self.orchestrator = orchestrator

    def calculate_allocations(self) -> Dict[str, Decimal]:  # noqa: UP006
        """Capital per strategy id, to the cent, in rank order.

        Raises:
            ConfigurationError: percentages that sum to more than 100, a method that needs history
                and has no fallback, or no orchestrator.
        """
        orchestrator = self._served()
        if orchestrator.is_single_strategy_mode:
            (strategy_id,) = orchestrator.strategies
            return {strategy_id: self.total_capital}
        return self._calculate_multi_allocations()

    def _calculate_multi_allocations(self) -> Dict[str, Decimal]:  # noqa: UP006
        if not self._served().strategies:
            return {}
        return amounts_of(self.compute_weights(), self.total_capital)

    def compute_weights(
        self, equity_curves: Mapping[str, tuple[EquityPoint, ...]] = _NO_CURVES
    ) -> ComputedWeights:
        """Weights of all strategies by the configured method.

        Args:
            equity_curves: strategy id -> its book's equity, day by day; what estimates rest on.

        Raises:
            ConfigurationError: as ``AllocationMethods.compute``, or no orchestrator.
        """
        orchestrator = self._served()
        ids = orchestrator.ids_in_rank_order()
        # str() gives the shortest decimal that is this float: 33.3 is 33.3, not 33.2999...
        fractions = {
            one: EXACT.scaleb(Decimal(str(orchestrator.strategies[one].allocation.target_pct)), -2)
            for one in ids
        }
        return self.methods.compute(
            self.allocation, ids, target_fractions=fractions, equity_curves=equity_curves
        )

    def _served(self) -> UnifiedStrategyOrchestrator:
        if self.orchestrator is None:
            raise ConfigurationError("the capital manager has no orchestrator to ask")
        return self.orchestrator

    def open_books(self, allocations: Mapping[str, Decimal], catalog: InstrumentCatalog) -> None:
        """Opens a book per strategy, RESERVE with what is left, and an empty EXTERNAL.

        Raises:
            ConfigurationError: the books are open already, or there are limits of a strategy that
                is not there.
            InvariantBrokenError: more was allocated than there is.
        """
        if self.books:
            raise ConfigurationError("the books are open already: the run has started")
        unknown = [one for one in self.limits if one not in allocations]
        if unknown:
            raise ConfigurationError(f"limits: there is no strategy {', '.join(unknown)}")
        reserve = subtract(self.total_capital, exact_sum(allocations.values()))
        if reserve < 0:
            raise InvariantBrokenError(f"allocations exceed the capital: {reserve}")
        self._open(allocations, reserve, catalog)

    # -- deciding -------------------------------------------------------------------------------

    def preview(self, proposal: Proposal, *, now: int) -> Preview:
        """What ``authorise`` would say of the command alone: form, own quantity, standing, own
        budget and limits, not the account's room. Changes nothing."""
        command = proposal.command
        if command.strategy_id not in self._working:
            return Preview((RefusalCode.STRATEGY_STOPPED, "the strategy has left"))
        if isinstance(command, CancelOrder):
            return Preview(self._cancel_fault(command), ZERO, is_reducing=True)
        known = self._judged.get(command.strategy_id)
        if (
            known is not None
            and known.proposal is proposal
            and known.now == now
            and known.trading_state is self.trading_state
            and known.is_held == self.is_held
        ):  # the conflict rules asked already
            return known.preview
        preview = self._judge_alone(command, now)
        self._judged[command.strategy_id] = Judged(
            proposal, now, self.trading_state, self.is_held, preview
        )
        return preview

    def authorise(self, proposal: Proposal, *, client_order_id: str, now: int) -> Verdict:
        """Approves a command and reserves its capital, or refuses it and changes nothing.

        An approved order works from then on: the next command of the same round is judged with it.
        ``track`` then takes what becomes of it.

        Raises:
            InvariantBrokenError: an order with this client_order_id works already.
        """
        command, strategy_id = proposal.command, proposal.strategy_id
        preview = self.preview(proposal, now=now)
        refusal = preview.refusal
        if refusal is None and isinstance(command, SubmitOrder) and not preview.is_reducing:
            refusal = self._account_refusal(command, preview.requirement)
        if refusal is not None:
            return RefusedCommand(
                strategy_id=strategy_id, command=command, code=refusal[0], detail=refusal[1]
            )
        approved = ApprovedCommand(
            strategy_id=strategy_id,
            command=command,
            client_order_id=client_order_id,
            reservation=preview.requirement,
            is_reducing=preview.is_reducing,
            ts_decided=now,
        )
        if isinstance(command, SubmitOrder):
            working = self._working[strategy_id]
            if client_order_id in working:
                raise InvariantBrokenError(
                    f"client_order_id {client_order_id!r} was given out twice"
                )
            self._judged.pop(strategy_id, None)
            self._reserve(strategy_id, client_order_id, preview.requirement)
            working[client_order_id] = initialized_order(approved, command)
        return approved

    def _judge_alone(self, order: SubmitOrder, now: int) -> Preview:
        strategy_id = order.strategy_id
        book, working = self._books[strategy_id], self._working[strategy_id]
        self.now = now
        refusal = authorisation.form_fault(order, book, self.catalog, self.marks, now)
        if refusal is not None:
            return Preview(refusal)
        exits = is_exit(order, book, working)
        refusal = authorisation.quantity_fault(order, book, is_exit=exits)
        if refusal is not None:
            return Preview(refusal)
        rule = self._rule()
        reducing = exits and authorisation.reduces_risk(
            order, quantities(book), self._exits(strategy_id), rule
        )
        refusal = authorisation.standing_fault(self._standing_of(strategy_id), is_reducing=reducing)
        if refusal is not None or reducing:
            return Preview(refusal, ZERO, reducing)
        try:
            needed = authorisation.requirement(order, book, working, rule)
            worst = self._worst_margin(strategy_id)
            refusal = authorisation.budget_fault(
                needed,
                equity=self.equity(strategy_id),
                bound=add(worst, self._reserved_total[strategy_id]),
            ) or self._own_limit_fault(order, needed)
        except UnpricedError as missing:
            detail = f"{missing.instrument_id} has had no price yet"
            return Preview((RefusalCode.NO_PRICE, detail))
        return Preview(refusal, needed)

    def _own_limit_fault(self, order: SubmitOrder, needed: Decimal) -> Refusal | None:
        strategy_id = order.strategy_id
        limits = self.limits.get(strategy_id)
        if limits is None:
            return None
        notional = limits.option_notional
        return limit_fault(
            limits,
            self._usage(strategy_id, notional),
            self._usage(strategy_id, notional, order, needed),
            equity=self.equity(strategy_id),
            whose=strategy_id,
        )

    def _account_refusal(self, order: SubmitOrder, needed: Decimal) -> Refusal | None:
        try:
            refusal = authorisation.account_fault(needed, self.free_capital())
            if refusal is not None or not self._has_account_limits:
                return refusal
            return limit_fault(
                self.account_limits,
                self.account_usage(),
                self._account_usage(order, needed),
                equity=self.account_equity(),
                whose="the account",
            )
        except UnpricedError as missing:
            return RefusalCode.NO_PRICE, f"{missing.instrument_id} has had no price yet"

    def _cancel_fault(self, command: CancelOrder) -> Refusal | None:
        standing = self._standing_of(command.strategy_id)
        refusal = authorisation.standing_fault(standing, is_reducing=True)
        if refusal is not None:
            return refusal
        if command.client_order_id not in self._working[command.strategy_id]:
            # Without the id: a refusal is part of a decision, and decisions name no client id.
            return RefusalCode.UNKNOWN_ORDER, "what is to be cancelled is no own working order"
        return None

    # -- netting --------------------------------------------------------------------------------

    def net(
        self,
        approved: Sequence[ApprovedCommand],
        groups: Sequence[tuple[str, Sequence[str]]],
        *,
        cross_id: str,
        now: int,
    ) -> NettedRound | None:
        """Crosses a round's approved commands inside, as far as there is a price for it.

        Changes nothing: what trades inside is booked when its fills are reported.

        Args:
            groups: (instrument id, client_order_ids in rank order) that a conflict rule wants
                crossed.
            cross_id: makes the trade ids; from the run and seq.

        Returns:
            None when no two of them are on opposite sides any more.
        """
        count = self._crossings[1] if self._crossings[0] == now else 0
        self._crossings = (now, count + 1)
        netted = net_round(
            approved,
            groups,
            lambda instrument_id: self._cross_price(instrument_id, count, now),
            self.catalog,
            cross_id=cross_id,
            now=now,
        )
        return netted if netted.crosses else None

    def _cross_price(self, instrument_id: str, count: int, now: int) -> CrossPrice | CrossRefusal:
        if self._internal_market is None:
            return NO_INTERNAL_MARKET
        if count >= CROSSINGS_PER_MOMENT_MAX:
            return CROSSED_TOO_OFTEN
        return self._internal_market.price(instrument_id, now=now)

    # -- what limits look at --------------------------------------------------------------------

    def account_usage(self) -> Usage:
        """The worst case of all books and their working orders.

        Raises:
            UnpricedError: an instrument or underlying has no price.
        """
        return self._account_usage(None, ZERO)

    def _account_usage(self, order: SubmitOrder | None, needed: Decimal) -> Usage:
        notional = self.account_limits.option_notional
        asking = order.strategy_id if order is not None else None
        return combined(
            self._usage(book_id, notional, order, needed)
            if book_id == asking
            else self._usage(book_id, notional)
            for book_id in self._books
        )

    def _usage(
        self,
        book_id: str,
        notional: OptionNotional,
        order: SubmitOrder | None = None,
        needed: Decimal = ZERO,
    ) -> Usage:
        """The worst case of one book, with its working orders and, if given, one more."""
        working = self._working.get(book_id, {})
        trading: list[SignedQuantities] = [unfilled(one) for one in working.values()]
        entering = [
            (structure_key(one.legs, one.client_order_id), unfilled(one))
            for one in working.values()
            if not one.is_reducing
        ]
        if order is not None:
            trading.append(of_legs(order.legs))
            # No order can have this id: it tells the new structure apart from all that work.
            entering.append((structure_key(order.legs, ""), of_legs(order.legs)))
        bound = add(self._worst_margin(book_id), self._reserved_total.get(book_id, ZERO))
        return worst_case(
            quantities(self._books[book_id]),
            trading,
            catalog=self.catalog,
            marks=self.marks,
            option_notional=notional,
            open_structures=structures_at_most(self.structures(book_id), entering),
            margin=add(bound, needed),
        )


def _is_at_least_zero(value: object) -> bool:
    return isinstance(value, Decimal) and is_amount(value) and value >= 0
