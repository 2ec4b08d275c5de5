"""The ``conflicts`` section: what happens when strategies get in each other's way."""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator

from orchestrion.adapters.settings.section import (
    Amount,
    Duration,
    Identifier,
    Section,
    duration_ns,
    optional_fraction,
)
from orchestrion.domain.conflict import (
    POLICIES_OF_TYPE,
    ConflictPolicies,
    ConflictPolicy,
    ConflictType,
)
from orchestrion.domain.netting.internal_cross import CrossPolicy


class NettingSettings(Section):
    quote_age_max: Duration = "10s"
    """A quote that is older does not set the price of an internal cross (its mid); arbitrary."""
    last_price_age_max: Duration = "1m"
    """Without such a quote the last price counts, unless it is older than this; then nothing is
    crossed. Arbitrary."""

    @property
    def policy(self) -> CrossPolicy:
        return CrossPolicy(
            quote_age_max_ns=duration_ns(self.quote_age_max) or 0,
            last_price_age_max_ns=duration_ns(self.last_price_age_max) or 0,
        )


class ConflictSettings(Section):
    default: ConflictPolicy = ConflictPolicy.PRIORITY
    """For every conflict type that is not named below. priority: the better rank goes on;
    reject_all: nobody enters; allow: everybody goes on; scale_pro_rata: all are cut to what fits.
    A type for which it makes no sense keeps priority. An exit never loses to an entry."""
    OPPOSING_SIDES: ConflictPolicy | None = None
    """One strategy would trade with another. Also net: cross inside, only the rest goes out; and
    cancel_resting: the other's resting order is withdrawn first. Not scale_pro_rata."""
    DUPLICATE_ORDER: ConflictPolicy | None = None
    """The same order again: priority, reject_all or allow."""
    EXCLUSIVE_INSTRUMENT: ConflictPolicy | None = None
    """An instrument that another strategy has for itself: priority, reject_all or allow."""
    LEVERAGE_MISMATCH: ConflictPolicy | None = None
    """Two want another leverage or margin mode for one instrument: priority, reject_all or
    allow."""
    CONCENTRATION: ConflictPolicy | None = None
    """Together above concentration_max_pct: priority, reject_all, scale_pro_rata or allow."""
    CAPITAL: ConflictPolicy | None = None
    """Together more than the account has free: priority, reject_all, scale_pro_rata or allow."""
    MARGIN: ConflictPolicy | None = None
    """Together above account.limits.margin_use_max_pct: the same four."""
    POSITION_LIMIT: ConflictPolicy | None = None
    """Together above the quantities of account.limits: the same four."""
    concentration_max_pct: Amount | None = Field(default=None, gt=0, le=100_000, decimal_places=7)
    """The most that may be in one instrument, or in all instruments of one underlying: notional as
    percent of the account's equity. Unless given, no concentration is looked for."""
    exclusive_instruments: tuple[Identifier, ...] = ()
    """Ids of instruments that only one strategy at a time may be in, whoever is there first."""
    duplicates_across_strategies: bool = False
    """The same order from two strategies in one round is a duplicate, too."""
    netting: NettingSettings = NettingSettings()

    @field_validator(*ConflictType)
    @classmethod
    def _is_sensible(
        cls, value: ConflictPolicy | None, info: ValidationInfo
    ) -> ConflictPolicy | None:
        sensible = POLICIES_OF_TYPE[ConflictType(info.field_name or "")]
        if value is not None and value not in sensible:
            raise ValueError(f"this type is answered by {', '.join(sensible)}")
        return value

    @property
    def policies(self) -> ConflictPolicies:
        named = {kind: getattr(self, kind) for kind in ConflictType}
        return ConflictPolicies.choose(
            {kind: policy for kind, policy in named.items() if policy is not None},
            default=self.default,
            concentration_max_fraction=optional_fraction(self.concentration_max_pct),
            exclusive_instruments=self.exclusive_instruments,
            duplicates_across_strategies=self.duplicates_across_strategies,
        )

    @property
    def cross_policy(self) -> CrossPolicy | None:
        """At which prices strategies trade with each other; None when no policy lets them, so that
        no run pays for keeping those prices."""
        is_netting = self.policies.opposing_sides is ConflictPolicy.NET
        return self.netting.policy if is_netting else None
