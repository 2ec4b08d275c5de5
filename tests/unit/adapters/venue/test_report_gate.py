"""``ReportGate``: what it turns away, and when the account is trusted again."""

from __future__ import annotations

from structlog.testing import capture_logs

from orchestrion.adapters.venue.report_gate import ReportGate


def _odd_ones(report: object) -> str:
    return "odd" if report == 1 else ""


class Unreadable:
    def __eq__(self, other: object) -> bool:
        raise ValueError("not to be compared")

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        raise ValueError("not to be shown")


def test_gate_without_a_judge_lets_all_pass() -> None:
    gate = ReportGate(None)
    assert gate.fault_in((1, Unreadable())) == ""
    assert gate.doubt == ""


def test_first_fault_is_told_and_kept_as_doubt() -> None:
    gate = ReportGate(_odd_ones)
    assert gate.fault_in((2, 1, 1)) == "odd"
    assert gate.refused == 1
    assert "odd" in gate.doubt


def test_report_that_cannot_be_looked_at_is_refused_and_named_by_its_type() -> None:
    gate = ReportGate(_odd_ones)
    with capture_logs() as logs:
        assert "not to be compared" in gate.fault_in((Unreadable(),))
    (line,) = logs
    assert "Unreadable" in line["report"]


def test_refusal_after_the_account_was_shown_keeps_the_doubt() -> None:
    gate = ReportGate(_odd_ones)
    gate.fault_in((1,))
    shown_after = gate.refused
    gate.fault_in((1,))
    gate.trust(shown_after)
    assert gate.doubt
    gate.trust(gate.refused)
    assert gate.doubt == ""
