"""A strategy that joins while others run: with capital from RESERVE, after the analysis.

Everything is checked before anything changes: the id, the order (a dependency that is not there, a
cycle), and what the compatibility analysis says of it beside those that run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal

from orchestrion.domain.compatibility.history import StrategyHistory
from orchestrion.domain.compatibility.lineup import Candidate
from orchestrion.domain.compatibility.report import CompatibilityReport, Severity
from orchestrion.domain.conflict import ConflictPolicies, ConflictType
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.allocation import TARGET_PCT_MIN, AllocationConfig
from orchestrion.domain.models.money import (
    CENT,
    ZERO,
    divide,
    is_amount,
    is_multiple,
    multiply,
    round_down_to_step,
)
from orchestrion.domain.models.portfolio import RESERVE
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.account_books import AccountBooks
from orchestrion.domain.orchestration.compatibility_analyzer import CompatibilityAnalyzer

_PCT_STEP = Decimal("0.000001")


def policies_in_words(policies: ConflictPolicies) -> dict[str, str]:
    """Conflict type -> policy, as the compatibility analysis reads them."""
    return {str(kind): str(policies.of(kind)) for kind in ConflictType}


def admission_of(
    newcomer: StrategyMetadata,
    amount: Decimal,
    *,
    running: Iterable[StrategyMetadata],
    account: AccountBooks,
    analyzer: CompatibilityAnalyzer,
    policies: ConflictPolicies,
    histories: Mapping[str, StrategyHistory],
) -> CompatibilityReport:
    """What the analysis says of a newcomer beside those that run.

    Args:
        amount: capital that it asks for.
        running: in rank order.
        histories: of any of them.

    Raises:
        ConfigurationError: an amount that is none, or what ``compatibility.admission`` raises.
    """
    if not is_amount(amount) or amount <= 0 or not is_multiple(amount, CENT):
        raise ConfigurationError(f"{newcomer.id} asks for {amount}: whole cents above 0 are needed")
    candidates = [Candidate(one, _in_cents(account.equity(one.id))) for one in running]
    known = {newcomer.id, *(one.strategy_id for one in candidates)}
    return analyzer.admit(
        candidates,
        Candidate(newcomer, amount),
        _in_cents(account.books[RESERVE].cash),
        histories={one: past for one, past in histories.items() if one in known},
        conflict_policies=policies_in_words(policies),
    )


def require_admission(report: CompatibilityReport, strategy_id: str) -> None:
    """
    Raises:
        ConfigurationError: it does not fit; the message has every finding of severity ERROR.
    """
    if report.is_compatible:
        return
    errors = [one.message for one in report.findings if one.severity is Severity.ERROR]
    raise ConfigurationError(f"{strategy_id} is not admitted: {'; '.join(errors)}")


def allocation_of(amount: Decimal, total: Decimal) -> AllocationConfig:
    """An amount as a share of the account's capital, to a millionth of a percent."""
    if not total:
        return AllocationConfig(target_pct=TARGET_PCT_MIN)
    percent = divide(
        multiply(amount, Decimal(100)), total, step=_PCT_STEP, rounding=ROUND_HALF_EVEN
    )
    return AllocationConfig(target_pct=min(max(float(percent), TARGET_PCT_MIN), 100.0))


def _in_cents(amount: Decimal) -> Decimal:
    """What an analysis can count on: nothing below zero."""
    return round_down_to_step(max(amount, ZERO), CENT)
