"""F11: two clocks, the market's and the machine's, and what can be wrong with them.

Market time stamps the data; it stands still at times and leaps over nights and weekends. The
machine's time stamps what arrives; it jumps forward and back by up to a day.
"""

from __future__ import annotations

from tests.simulation.chance import Chance
from tests.simulation.faults import Fault, FaultPlan
from tests.simulation.market import DAY_NS, E9, MINUTE_NS, START_NS

FREEZE_STEPS = 20


class ClockModel:
    """Nanoseconds UTC.

    Attributes:
        market_ns: of the last data.
        is_frozen: the last data carry the same time as those before.
    """

    def __init__(self, chance: Chance, plan: FaultPlan) -> None:
        self.market_ns = START_NS
        self.is_frozen = False
        self._chance = chance
        self._plan = plan
        self._offset_ns = 0
        self._frozen_steps = 0

    @property
    def machine_ns(self) -> int:
        """What the machine thinks that it is."""
        return max(self.market_ns + self._offset_ns, 0)

    def tick(self) -> int:
        """Time of the next data."""
        if self._plan.strikes(Fault.CLOCK_FREEZE, self._chance):
            self._frozen_steps = self._chance.between(2, FREEZE_STEPS)
        self.is_frozen = self._frozen_steps > 0
        if self.is_frozen:
            self._frozen_steps -= 1
            return self.market_ns
        if self._plan.strikes(Fault.CLOCK_JUMP, self._chance):
            span = self._chance.pick((E9, MINUTE_NS, 3_600 * E9, DAY_NS))
            self._offset_ns = span * self._chance.pick((1, -1))
        # About one event in forty is the first of a new day.
        is_new_day = self._chance.happens(0.025)
        self.market_ns += MINUTE_NS + (DAY_NS if is_new_day else 0)
        return self.market_ns
