"""Conflicts between strategies: found, resolved by a policy per type, and told.

One round goes like this (``StrategyCoordinator`` has the first, third and fourth step as methods,
``orchestration.screening`` the second):

    claims = instrument_claims(metadata_in_rank_order, leverage_claims)  # once per line-up

    context = None
    if coordinator.needs_screening(checked, working_orders, claims=claims, held=held):
        context = screen(capital_manager, checked, now=now, policies=coordinator.policies,
                         held=held)
    resolution = coordinator.resolve(
        checked, working_orders, priorities, claims=claims, context=context, held=held
    )

``resolution.checked`` keeps length and order. Each place is one of

- ``Proposal``: goes on to be authorised. With ``scaled_from`` it is smaller than what was asked
  for; the decision record should say so.
- ``Rejection``: refused. Who lost a conflict has the code CONFLICT; who would have been refused
  whatever the others want has the code of the rule that says so (BUDGET_EXCEEDED, NO_PRICE,
  ACCOUNT_MARGIN_EXCEEDED, ...).
- ``HeldProposal``: waits for other strategies' resting orders (policy ``cancel_resting``). Keep it,
  do not authorise it; hand it in as ``held`` with every round until it is released.

Besides: publish ``resolution.events``; withdraw the orders in ``resolution.cancels``
(client_order_ids of other strategies' entries; they are being withdrawn on the account's behalf,
not their owner's); and cross inside what ``resolution.crosses`` names (places in ``checked``, per
instrument), as far as the commands are approved.

When an order that somebody waits for ends, when a cancel is rejected, when a strategy stops and at
a session's close, ask ``release_held(held, ended=..., not_withdrawn=..., gone=...,
is_session_closed=...)``: what it releases is a round of its own (screened always, resolved,
authorised), what it refuses is a decision, what it leaves waiting is the new ``held``.

``needs_screening`` is the inexpensive way out of a hot path: one strategy alone, whose instruments
nobody else works an order in, needs no figures of the account. ``resolve`` must still be called
(a strategy can repeat itself, or touch what another one claims): that costs a pass over the
commands.

Rules that hold for all types and policies:

- A command that would be refused on its own takes no part: nobody loses to it.
- An exit never loses to an entry. It goes on, or it waits for a cancel and then goes on.
- Commands are decided in order of (priority descending, rank, index); each one meets only those
  that really go on. No order of a map, a set or an arrival plays a part.
- What is refused is decided by what was asked for; only then is scaled.

Read next: ``policy`` (types, policies, defaults with reasons), ``round_pass`` (how a round is
decided), ``rivalry`` (conflicts of one command with another), ``room`` and ``scaling`` (conflicts
over what the account has left), ``held``.

Sizes, for fifty strategies with some commands each: a round is one pass over its commands; a
command is compared with the commands and working orders of its own instruments and with the bounds
that it touches. A pass is repeated when a command that had beaten others drops out of a conflict
that refuses all its members, at most once per command.
"""

from __future__ import annotations

from orchestrion.domain.conflict.claim import NO_CLAIMS, InstrumentClaims, instrument_claims
from orchestrion.domain.conflict.held import HeldOutcome, release_held
from orchestrion.domain.conflict.plain_round import is_plain
from orchestrion.domain.conflict.policy import (
    POLICIES_OF_TYPE,
    ConflictPolicies,
    ConflictPolicy,
    ConflictType,
)
from orchestrion.domain.conflict.resolution import CrossGroup, Resolution
from orchestrion.domain.conflict.resolver import (
    NO_PRIORITIES,
    needs_screening,
    resolve_conflicts,
)
from orchestrion.domain.conflict.round_context import (
    CommandFigures,
    InstrumentFigures,
    RoundContext,
    StrategyFigures,
)

__all__ = [
    "NO_CLAIMS",
    "NO_PRIORITIES",
    "POLICIES_OF_TYPE",
    "CommandFigures",
    "ConflictPolicies",
    "ConflictPolicy",
    "ConflictType",
    "CrossGroup",
    "HeldOutcome",
    "InstrumentClaims",
    "InstrumentFigures",
    "Resolution",
    "RoundContext",
    "StrategyFigures",
    "instrument_claims",
    "is_plain",
    "needs_screening",
    "release_held",
    "resolve_conflicts",
]
