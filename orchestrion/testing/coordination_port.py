"""What every ``CoordinationPort`` must do: one order for all strategies, one answer per command.

class TestMyCoordinator(CoordinationPortContract):
    def make_port(self): return MyCoordinator(...)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

import pytest

from orchestrion.domain.conflict import Resolution, RoundContext
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.command import RefusalCode, RefusedCommand, SubmitOrder
from orchestrion.domain.models.order import (
    Leg,
    Order,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.proposal import Checked, Proposal, Rejection
from orchestrion.domain.ports.coordination_port import CoordinationPort

NO_ORDERS: Mapping[str, Order] = MappingProxyType({})


class CoordinationPortContract:
    """The duties of ``rank`` and ``resolve``, one test each.

    Attributes:
        instrument_id: what the strategies of the tests trade.
    """

    instrument_id: str = "ABC"

    def make_port(self) -> CoordinationPort:
        """A coordinator with the policies that are to be tested; a new one at every call."""
        raise NotImplementedError(f"{type(self).__name__} must say how to make_port")

    def make_context(self, checked: Sequence[Checked]) -> RoundContext | None:
        """Figures of an account on which every command of a test fits; none unless said."""
        del checked  # a context holds one entry per command
        return None

    # -- rank -------------------------------------------------------------------------------

    def test_every_strategy_has_one_rank_and_ranks_are_sorted(self) -> None:
        ranks = self.make_port().rank(_strategies("b", "a", "c"))

        assert sorted(one.strategy_id for one in ranks) == ["a", "b", "c"]
        assert list(ranks) == sorted(ranks)

    def test_nobody_is_ranked_when_nobody_is_there(self) -> None:
        assert self.make_port().rank([]) == ()

    def test_strategies_may_come_one_by_one(self) -> None:
        port = self.make_port()

        assert port.rank(iter(_strategies("b", "a"))) == port.rank(_strategies("b", "a"))

    @pytest.mark.parametrize(
        ("strategies", "expected"),
        [
            pytest.param([("b", 0, ()), ("a", 0, ())], "ba", id="registration"),
            pytest.param([("a", 1, ()), ("b", 2, ())], "ba", id="priority before registration"),
            pytest.param([("a", 9, ("b",)), ("b", 0, ())], "ba", id="dependency before priority"),
            pytest.param(
                [("a", 0, ("b",)), ("b", 0, ("c",)), ("c", 0, ())],
                "cba",
                id="chain of dependencies",
            ),
        ],
    )
    def test_ranks_follow_dependency_priority_registration(
        self, strategies: list[tuple[str, int, tuple[str, ...]]], expected: str
    ) -> None:
        metadata = [
            StrategyMetadata(id=one, priority=priority, depends_on=depends_on)
            for one, priority, depends_on in strategies
        ]
        ranks = self.make_port().rank(metadata)

        assert "".join(one.strategy_id for one in ranks) == expected

    @pytest.mark.parametrize(
        "depends_on", [{"a": ("b",), "b": ("a",)}, {"a": ("a",)}, {"a": ("nobody",)}], ids=str
    )
    def test_cycle_or_missing_dependency_is_a_configuration_error(
        self, depends_on: dict[str, tuple[str, ...]]
    ) -> None:
        with pytest.raises(ConfigurationError):
            self.make_port().rank(
                [StrategyMetadata(id=one, depends_on=needed) for one, needed in depends_on.items()]
            )

    # -- needs_screening --------------------------------------------------------------------

    def test_a_round_without_commands_needs_no_figures(self) -> None:
        assert self.make_port().needs_screening([], NO_ORDERS) is False

    def test_asking_for_figures_changes_nothing(self) -> None:
        port, commands = self.make_port(), self._a_quarrel()
        first = port.needs_screening(commands, NO_ORDERS)

        assert type(first) is bool
        assert port.needs_screening(commands, NO_ORDERS) is first
        assert commands == self._a_quarrel()

    # -- resolve ----------------------------------------------------------------------------

    def test_no_commands_give_no_answers(self) -> None:
        resolution = self._resolve(self.make_port(), [], NO_ORDERS, {})

        assert (tuple(resolution.checked), tuple(resolution.events)) == ((), ())

    def test_commands_without_conflict_go_on_unchanged(self) -> None:
        commands = [self._entry("a", OrderSide.BUY), self._entry("a", OrderSide.BUY, index=1)]
        resolution = self._resolve(self.make_port(), commands[:1], NO_ORDERS, {})

        assert list(resolution.checked) == commands[:1]
        assert list(resolution.events) == []

    def test_every_command_keeps_its_place(self) -> None:
        commands = self._a_quarrel()
        resolution = self._resolve(self.make_port(), commands, NO_ORDERS, {})

        assert len(resolution.checked) == len(commands)
        for before, after in zip(commands, resolution.checked, strict=True):
            assert (after.strategy_id, after.index) == (before.strategy_id, before.index)
            if isinstance(after, Rejection) and isinstance(before, Proposal):
                assert after.refusal.command == before.command
                assert after.refusal.detail.strip(), "a refusal says why"

    def test_rejection_passes_through_untouched(self) -> None:
        refusal = RefusedCommand(
            strategy_id="a", command=None, code=RefusalCode.INVALID_COMMAND, detail="no command"
        )
        rejection = Rejection("a", 0, refusal)
        commands: list[Checked] = [rejection, *self._a_quarrel()]

        assert self._resolve(self.make_port(), commands, NO_ORDERS, {}).checked[0] == rejection

    @pytest.mark.parametrize("exit_first", [True, False], ids=["exit first", "entry first"])
    def test_exit_never_loses_to_an_entry(self, exit_first: bool) -> None:
        leaving = self._entry("leaver", OrderSide.SELL, is_exit=True)
        entering = self._entry("enterer", OrderSide.BUY)
        commands = [leaving, entering] if exit_first else [entering, leaving]
        resolution = self._resolve(self.make_port(), commands, NO_ORDERS, {"enterer": 100})

        answers = {one.strategy_id: one for one in resolution.checked}
        assert not isinstance(answers["leaver"], Rejection)

    def test_exit_never_loses_to_a_working_entry(self) -> None:
        leaving = self._entry("leaver", OrderSide.SELL, is_exit=True)
        working = {"o-1": self._working("o-1", "enterer", OrderSide.BUY)}
        resolution = self._resolve(self.make_port(), [leaving], working, {"enterer": 100})

        assert not isinstance(resolution.checked[0], Rejection)

    def test_answer_depends_on_the_arguments_alone(self) -> None:
        port, commands = self.make_port(), self._a_quarrel()
        first = self._resolve(port, commands, NO_ORDERS, {"a": 1})
        self._resolve(port, commands[:1], NO_ORDERS, {})

        assert self._resolve(port, commands, NO_ORDERS, {"a": 1}) == first
        assert self._resolve(self.make_port(), commands, NO_ORDERS, {"a": 1}) == first

    def test_order_of_a_map_changes_nothing(self) -> None:
        orders = {
            one: self._working(one, "resting", side)
            for one, side in (("o-1", OrderSide.BUY), ("o-2", OrderSide.SELL))
        }
        turned = dict(reversed(orders.items()))
        priorities = {"a": 1, "b": 2}
        commands = self._a_quarrel()

        first = self._resolve(self.make_port(), commands, orders, priorities)
        turned_priorities = dict(reversed(priorities.items()))
        assert self._resolve(self.make_port(), commands, turned, turned_priorities) == first

    def test_arguments_are_left_as_they_were(self) -> None:
        commands = self._a_quarrel()
        kept: Sequence[Checked] = tuple(commands)
        orders, priorities = {"o-1": self._working("o-1", "resting", OrderSide.BUY)}, {"a": 1}
        self._resolve(self.make_port(), commands, orders, priorities)

        assert tuple(commands) == kept
        assert list(orders) == ["o-1"]
        assert priorities == {"a": 1}

    def _resolve(
        self,
        port: CoordinationPort,
        checked: Sequence[Checked],
        working_orders: Mapping[str, Order],
        priorities: Mapping[str, int],
    ) -> Resolution:
        context = self.make_context(checked)
        return port.resolve(checked, working_orders, priorities, context=context)

    # -- commands ---------------------------------------------------------------------------

    def _a_quarrel(self) -> list[Checked]:
        """Three strategies that want opposite things, one of them twice."""
        return [
            self._entry("a", OrderSide.BUY),
            self._entry("a", OrderSide.BUY, index=1),
            self._entry("b", OrderSide.SELL),
            self._entry("c", OrderSide.SELL, is_exit=True),
        ]

    def _entry(
        self, strategy_id: str, side: OrderSide, *, index: int = 0, is_exit: bool = False
    ) -> Proposal:
        command = SubmitOrder.single(strategy_id, self.instrument_id, side, 10)
        return Proposal(strategy_id, index, command, is_exit)

    def _working(self, client_order_id: str, strategy_id: str, side: OrderSide) -> Order:
        return Order(
            client_order_id=client_order_id,
            strategy_id=strategy_id,
            legs=(Leg(self.instrument_id, side, Decimal(10)),),
            filled=(Decimal(0),),
            status=OrderStatus.ACCEPTED,
            order_type=OrderType.MARKET,
            time_in_force=TimeInForce.GTC,
            limit_price=None,
            stop_price=None,
            is_reducing=False,
            ts_decided=0,
        )


def _strategies(*strategy_ids: str) -> list[StrategyMetadata]:
    return [StrategyMetadata(id=strategy_id) for strategy_id in strategy_ids]
