"""What a seed makes of an account: strategies, rules, limits; and the system built from it.

The same world builds the run, its restart and its replay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from orchestrion.actors.system import SystemSettings, TradingSystem, build_system
from orchestrion.domain.capital.drawdown_stop import ACCOUNT_SCOPE, Baseline, DrawdownRule
from orchestrion.domain.capital.kill_switch import StopAction
from orchestrion.domain.capital.limit import NO_LIMITS, Limits
from orchestrion.domain.conflict import ConflictPolicies, ConflictPolicy
from orchestrion.domain.desk.desk_settings import CapitalDeskSettings
from orchestrion.domain.models.allocation import AllocationConfig
from orchestrion.domain.models.strategy import Strategy
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.netting.internal_cross import CrossPolicy
from orchestrion.domain.orchestration.compatibility_analyzer import CompatibilityAnalyzer
from orchestrion.domain.orchestration.lifecycle import Custodian
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.domain.orchestration.strategy_coordinator import StrategyCoordinator
from orchestrion.domain.orchestration.unified_strategy_orchestrator import (
    UnifiedStrategyOrchestrator,
)
from orchestrion.runtime.journal import Journal, JournalHeader
from orchestrion.runtime.machine import Hop
from orchestrion.runtime.supervision import SupervisionPolicy
from tests.simulation.chance import Chance
from tests.simulation.faults import Fault, FaultPlan
from tests.simulation.market import MINUTE_NS, TRADED, catalog
from tests.simulation.strategy_models import CallLog, StrategyTrait, build_strategy

STRATEGIES_MIN, STRATEGIES_MAX = 2, 8
NEWCOMERS = 3
NETTING_SHARE = 0.25
"""Of the worlds in which opposite orders are crossed inside. Arbitrary."""
MEETING_APPETITE = 0.5
CROSS_POLICY = CrossPolicy(
    quote_age_max_ns=3 * MINUTE_NS,
    last_price_age_max_ns=10 * MINUTE_NS,
)
"""About half of the prices are too old."""


class World(msgspec.Struct, frozen=True, kw_only=True):
    """Everything besides inputs that a run depends on.

    Attributes:
        traits: of the strategies, in order of registration.
        newcomers: of those that may join.
        shares: percent of the capital, by strategy id.
    """

    seed: int
    capital: int
    traits: tuple[StrategyTrait, ...]
    newcomers: tuple[StrategyTrait, ...]
    shares: dict[str, int]
    priorities: dict[str, int]
    depends_on: dict[str, tuple[str, ...]]
    limits: dict[str, Limits]
    account_limits: Limits
    policies: ConflictPolicies
    desk: CapitalDeskSettings
    supervision: SupervisionPolicy
    custodian: str
    custodian_heir: str
    mailbox_messages_max: int
    cross_policy: CrossPolicy | None = None

    @property
    def configuration(self) -> str:
        """The world as text, for a journal's header."""
        return f"simulated world of seed {self.seed}"


def draw_world(seed: int, plan: FaultPlan) -> World:
    """The world of a seed."""
    chance = Chance(seed, "world")
    count = chance.between(STRATEGIES_MIN, STRATEGIES_MAX)
    is_netting = Chance(seed, "nets").happens(NETTING_SHARE)
    rates = {fault.name: plan.rate(fault) for fault in Fault if fault.group == "F9"}
    ids = [f"s{number}" for number in range(count)]
    traits = tuple(_trait(one, seed, chance, rates) for one in ids)
    if is_netting:
        traits = tuple(_meeting(one, seed) for one in traits)
    left, shares = 90, dict[str, int]()
    for place, one in enumerate(ids):
        shares[one] = chance.between(1, max(1, 2 * left // (count - place) - 1))
        left = max(0, left - shares[one])
        shares[one] = max(1, min(shares[one], 90 // count + 20))
    while sum(shares.values()) > 95:
        shares = {one: max(1, share * 9 // 10) for one, share in shares.items()}
    return World(
        seed=seed,
        capital=chance.between(2, 40) * 50_000,
        traits=traits,
        newcomers=tuple(_trait(f"n{one}", seed, chance, rates) for one in range(NEWCOMERS)),
        shares=shares,
        priorities={one: chance.between(-2, 2) for one in ids},
        depends_on={
            one: (chance.pick(ids[:place]),) if place and chance.happens(0.3) else ()
            for place, one in enumerate(ids)
        },
        limits={one: _limits(chance) for one in ids if chance.happens(0.4)},
        account_limits=_limits(chance) if chance.happens(0.3) else NO_LIMITS,
        policies=_policies(chance, is_netting=is_netting),
        desk=_desk(chance),
        supervision=SupervisionPolicy(
            failures_max=chance.between(1, 5),
            window_ns=chance.between(1, 600) * 60_000_000_000,
            window_turns=chance.between(1, 60),
        ),
        **_custody(chance, ids),
        cross_policy=CROSS_POLICY if is_netting else None,
        mailbox_messages_max=1 if plan.strikes(Fault.MAILBOX_SMALL, chance) else 1024,
    )


def _trait(strategy_id: str, seed: int, chance: Chance, rates: dict[str, float]) -> StrategyTrait:
    subscriptions: tuple[str, ...] = ()
    if chance.happens(0.3):
        some = chance.shuffled(TRADED)[: chance.between(1, len(TRADED))]
        subscriptions = tuple(sorted(one.instrument_id for one in some))
    return StrategyTrait(
        strategy_id=strategy_id,
        seed=seed,
        is_async=chance.happens(0.2),
        has_snapshot=chance.happens(0.5),
        subscriptions=subscriptions,
        appetite=chance.between(5, 60) / 100,
        size=chance.between(1, 30),
        rates=rates if chance.happens(0.4) else {},
    )


def _meeting(trait: StrategyTrait, seed: int) -> StrategyTrait:
    """The same, but it wants what the others want, and often."""
    favourite = Chance(seed, "favourite").pick(TRADED).instrument_id
    return msgspec.structs.replace(
        trait, favourite=favourite, appetite=max(trait.appetite, MEETING_APPETITE)
    )


def _limits(chance: Chance) -> Limits:
    fields: dict[str, Any] = {}
    if chance.happens(0.5):
        fields["quantity_max"] = Decimal(chance.between(10, 500))
    if chance.happens(0.4):
        fields["gross_notional_max"] = Decimal(chance.between(1, 80) * 5_000)
    if chance.happens(0.4):
        fields["leverage_max"] = Decimal(chance.between(5, 40)) / 10
    if chance.happens(0.4):
        fields["margin_use_max"] = Decimal(chance.between(2, 10)) / 10
    return Limits(**fields)


def _policies(chance: Chance, *, is_netting: bool) -> ConflictPolicies:
    some = ConflictPolicy
    either = (some.PRIORITY, some.REJECT_ALL, some.ALLOW)
    room = (*either, some.SCALE_PRO_RATA)
    opposing = chance.pick((*either, some.CANCEL_RESTING))
    duplicate = chance.pick(either)
    return ConflictPolicies(
        opposing_sides=some.NET if is_netting else opposing,
        duplicate_order=some.ALLOW if is_netting else duplicate,
        capital=chance.pick(room),
        margin=chance.pick(room),
        position_limit=chance.pick(room),
        concentration=chance.pick(room),
        concentration_max_fraction=Decimal("0.4") if chance.happens(0.2) else None,
        duplicates_across_strategies=chance.happens(0.2),
    )


def _desk(chance: Chance) -> CapitalDeskSettings:
    if chance.happens(0.6):
        return CapitalDeskSettings()
    stop = DrawdownRule(
        scope_id=ACCOUNT_SCOPE if chance.happens(0.5) else "s0",
        limit_fraction=Decimal(chance.between(1, 20)) / 100,
        baseline=chance.pick(tuple(Baseline)),
        action=chance.pick(tuple(StopAction)),
    )
    return CapitalDeskSettings(stops=(stop,), stops_at_every_slice=chance.happens(0.5))


def _custody(chance: Chance, ids: list[str]) -> dict[str, str]:
    custodian = chance.pick(tuple(Custodian))
    heir = ids[-1] if custodian is Custodian.HAND_OVER else ""
    return {"custodian": str(custodian), "custodian_heir": heir}


def order_id_prefix(seed: int, epoch: int) -> str:
    return f"S{seed}" if not epoch else f"S{seed}.{epoch}"


def header_of(world: World) -> JournalHeader:
    """The header of the world's journal."""
    return JournalHeader(
        run_id=order_id_prefix(world.seed, 0),
        environment="simulation",
        seed=world.seed,
        configuration=world.configuration,
        configuration_sha256="",
        data_name="",
        data_sha256="",
        versions={},
    )


def build_world(
    world: World,
    journal: Journal,
    log: CallLog,
    *,
    trace: Callable[[Hop], None] | None = None,
) -> TradingSystem:
    """The real actors of a world."""
    factories = {one.strategy_id: _factory(one, log) for one in world.traits}
    by_name = {one.strategy_id: one for one in world.newcomers}

    def build(name: str, _: Mapping[str, Any]) -> Strategy:
        return build_strategy(by_name[name], log)

    return build_system(
        orchestrator_of(world, factories),
        factories,
        catalog(),
        journal,
        SystemSettings(
            order_id_prefix=order_id_prefix(world.seed, 0),
            supervision=world.supervision,
            custodian=world.custodian,
            custodian_heir=world.custodian_heir,
            mailbox_messages_max=world.mailbox_messages_max,
            capital_desk=world.desk,
            build=build,
        ),
        trace=trace,
    )


def orchestrator_of(
    world: World, factories: Mapping[str, Callable[[], Strategy]]
) -> UnifiedStrategyOrchestrator:
    """The domain's side of a world, with everybody added."""
    orchestrator = UnifiedStrategyOrchestrator(
        capital_manager=PortfolioCapitalManager(
            Decimal(world.capital),
            limits=world.limits,
            account_limits=world.account_limits,
            cross_policy=world.cross_policy,
        ),
        coordinator=StrategyCoordinator(world.policies),
        compatibility_analyzer=CompatibilityAnalyzer(),
    )
    for trait in world.traits:
        one = trait.strategy_id
        orchestrator.add_strategy(
            factories[one](),
            StrategyMetadata(
                id=one, priority=world.priorities[one], depends_on=world.depends_on[one]
            ),
            AllocationConfig(target_pct=world.shares[one]),
        )
    return orchestrator


def _factory(trait: StrategyTrait, log: CallLog) -> Callable[[], Strategy]:
    return lambda: build_strategy(trait, log)
