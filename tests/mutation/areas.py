"""What is mutated, and which tests have to notice.

They are those of a rule itself, of the rules that stand on it, and the properties over both.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Area:
    """Modules that belong together. Paths are relative to the repository."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


AREAS = {
    "books": Area(
        modules=(
            "orchestrion.domain.models.money",
            "orchestrion.domain.models.portfolio",
            "orchestrion.domain.orchestration.account_books",
            "orchestrion.domain.orchestration.account_ledger",
        ),
        tests=(
            "tests/unit/domain/models/test_money.py",
            "tests/unit/domain/models/test_portfolio.py",
            "tests/unit/domain/orchestration/test_account_books.py",
            "tests/unit/domain/orchestration/test_account_books_memory.py",
            "tests/unit/domain/orchestration/test_account_exposure.py",
            "tests/unit/domain/orchestration/test_account_ledger.py",
            "tests/unit/domain/orchestration/test_account_ledger_moves.py",
            "tests/unit/domain/orchestration/test_hand_over.py",
            "tests/unit/domain/orchestration/test_portfolio_capital_manager.py",
            "tests/unit/domain/orchestration/test_screening.py",
            "tests/unit/domain/capital/test_cash_flow.py",
            "tests/unit/domain/capital/test_corporate_action.py",
            "tests/unit/actors/test_auditor_actor.py",
            "tests/unit/actors/test_capital_manager_actor.py",
            "tests/property/test_account_exposure.py",
            "tests/property/test_books.py",
            "tests/property/test_capital_manager.py",
            "tests/property/test_cash_flow.py",
            "tests/property/test_corporate_action.py",
            "tests/property/test_hand_over.py",
            "tests/property/test_money.py",
            "tests/property/test_venue_books.py",
        ),
    ),
    "limits": Area(
        modules=(
            "orchestrion.domain.capital.limit",
            "orchestrion.domain.capital.worst_case",
            "orchestrion.domain.orchestration.account_exposure",
            "orchestrion.domain.orchestration.authorisation",
        ),
        tests=(
            "tests/unit/domain/capital/test_limit.py",
            "tests/unit/domain/capital/test_worst_case.py",
            "tests/unit/domain/orchestration/test_account_books.py",
            "tests/unit/domain/orchestration/test_account_books_memory.py",
            "tests/unit/domain/orchestration/test_account_exposure.py",
            "tests/unit/domain/orchestration/test_authorisation.py",
            "tests/unit/domain/orchestration/test_authorisation_exits.py",
            "tests/unit/domain/orchestration/test_portfolio_capital_manager.py",
            "tests/unit/domain/orchestration/test_screening.py",
            "tests/property/test_account_exposure.py",
            "tests/property/test_authorisation.py",
            "tests/property/test_capital_manager.py",
            "tests/property/test_limit.py",
        ),
    ),
    "journal": Area(
        modules=(
            "orchestrion.runtime.journal",
            "orchestrion.runtime.replay",
            "orchestrion.adapters.journal.anchor",
            "orchestrion.adapters.journal.journal_directory",
            "orchestrion.adapters.journal.memory_journal",
            "orchestrion.adapters.journal.memory_store",
            "orchestrion.adapters.journal.rotating_journal",
            "orchestrion.adapters.journal.schema",
            "orchestrion.adapters.journal.sqlite_journal",
            "orchestrion.adapters.journal.sqlite_reader",
            "orchestrion.adapters.journal.stage",
            "orchestrion.adapters.journal.writer_lock",
        ),
        tests=(
            "tests/unit/adapters/journal",
            "tests/unit/adapters/test_recovery.py",
            "tests/unit/runtime/test_journal.py",
            "tests/unit/runtime/test_replay.py",
            "tests/replay/test_chain_replay.py",
            "tests/replay/test_replay.py",
        ),
    ),
}
