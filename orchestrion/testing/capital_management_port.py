"""What every ``CapitalManagementPort`` must do: exact sums, in rank order, and nothing moves.

class TestMyManager(CapitalManagementPortContract):
    total_capital, strategy_ids = Decimal(100_000), ("trend", "carry")

    def make_port(self): ...
"""

from __future__ import annotations

from decimal import Decimal

from orchestrion.domain.models.money import CENT, ZERO, add, is_multiple
from orchestrion.domain.ports.capital_management_port import CapitalManagementPort


class CapitalManagementPortContract:
    """The duties of ``calculate_allocations``, one test each.

    Attributes:
        total_capital: what there is to give, account currency.
        strategy_ids: all strategies that share it, in rank order.
    """

    total_capital: Decimal
    strategy_ids: tuple[str, ...]

    def make_port(self) -> CapitalManagementPort:
        """A manager of ``total_capital`` for ``strategy_ids``; a new one at every call."""
        raise NotImplementedError(f"{type(self).__name__} must say how to make_port")

    def test_every_strategy_has_an_allocation_in_rank_order(self) -> None:
        assert tuple(self.make_port().calculate_allocations()) == self.strategy_ids

    def test_allocations_are_amounts_to_the_cent_and_never_negative(self) -> None:
        for strategy_id, amount in self.make_port().calculate_allocations().items():
            assert isinstance(amount, Decimal), f"{strategy_id}: not a Decimal: {amount!r}"
            assert amount.is_finite(), f"{strategy_id}: {amount}"
            assert amount >= 0, f"{strategy_id}: {amount}"
            assert is_multiple(amount, CENT), f"{strategy_id}: {amount} is not whole cents"

    def test_no_more_is_given_than_there_is(self) -> None:
        given = ZERO
        for amount in self.make_port().calculate_allocations().values():
            given = add(given, amount)

        assert given <= self.total_capital, "the rest is reserve; capital is never invented"

    def test_asking_twice_gives_the_same(self) -> None:
        port = self.make_port()
        first = dict(port.calculate_allocations())

        assert list(port.calculate_allocations().items()) == list(first.items())

    def test_two_managers_of_the_same_agree(self) -> None:
        first, second = (self.make_port().calculate_allocations() for _ in range(2))

        assert list(first.items()) == list(second.items())

    def test_answer_belongs_to_the_asker(self) -> None:
        port = self.make_port()
        answer = port.calculate_allocations()
        kept = dict(answer)
        answer.clear()

        assert dict(port.calculate_allocations()) == kept
