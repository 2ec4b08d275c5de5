"""``ReportGate``: judges what a live venue says, and remembers that something was turned away.

A report that cannot be booked is no fact, so it never gets into the journal as one. But something
may have happened at the venue: until the account was compared with the books nothing is entered.
Exits and cancels leave as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog

from orchestrion.runtime.errors import describe

_log = structlog.get_logger("orchestrion.venue")


class ReportGate:
    """See the module's text.

    Attributes:
        refused: how many reports were turned away.
        doubt: why the account cannot be trusted, in words; empty while it can.
    """

    def __init__(self, fault_of: Callable[[object], str] | None) -> None:
        """
        Args:
            fault_of: what of a report cannot be booked, see ``report_fault``; None lets all pass.
        """
        self.refused = 0
        self.doubt = ""
        self._fault_of = fault_of

    def fault_in(self, reports: Iterable[object]) -> str:
        """What is wrong with the first of these that cannot be booked; noted, and said once for
        each. Empty when all can."""
        for report in reports:
            fault = self._judge(report)
            if fault:
                self.refused += 1
                self.doubt = f"a report of the venue cannot be booked: {fault}"
                _log.error("ReportRefused", report=_shown(report), fault=fault)
                return fault
        return ""

    def trust(self, refused: int) -> None:
        """The account agreed with the books after so many refusals; a later one stays open."""
        if self.doubt and self.refused == refused:
            self.doubt = ""
            _log.info("AccountTrusted", refused=self.refused)

    def _judge(self, report: object) -> str:
        if self._fault_of is None:
            return ""
        try:
            return self._fault_of(report)
        except Exception as failure:  # a client's own class may raise anything when it is looked at
            return f"it cannot be read: {describe(failure)}"


def _shown(report: object) -> str:
    try:
        return repr(report)[:_SHOWN_MAX]
    except Exception as failure:
        return f"a {type(report).__name__} that cannot be shown: {describe(failure)}"


_SHOWN_MAX = 500
"""Characters of a report in a log line; arbitrary, room for every field of a real one."""
