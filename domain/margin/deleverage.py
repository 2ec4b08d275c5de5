"""What to close first when equity is below the maintenance margin: a plan of legs, no orders.

A structure (a condor, a covered call, a single position) is closed in whole units, the smallest
part that has all its legs in proportion, so that no short leg ever loses what covers it. The rule:

1. The structure whose closing relieves most margin per unit of notional comes first, ties by id.
2. It gives as many units as it takes, and no more; the rest is looked at again with what is left.
3. Structures that relieve nothing now (one side of an iron condor, a hedge) come last, by the same
   order, and only as long as there is still a call. A step without which the outcome would be the
   same is taken back.

Notional is quantity x price x multiplier; options count at their underlying's price. Equity is
taken as it is at the marks: closing at them does not change it, fees and spreads do. So a plan is
followed by a new look at the account, not by a claim that it is healthy.

Size: (structures)^2 margins, and about ten more to find how many units the last one gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import reduce
from math import gcd

import msgspec

from orchestrion.domain.errors import DomainError
from orchestrion.domain.margin.margin_call import larger_of, margin_call
from orchestrion.domain.margin.requirement import (
    NO_MARGIN,
    Margin,
    MarginModel,
    held,
    notional_of,
    price_of,
)
from orchestrion.domain.models.instrument import InstrumentCatalog, OptionContract
from orchestrion.domain.models.money import (
    EXACT,
    ZERO,
    add,
    is_multiple,
    multiply,
    subtract,
)
from orchestrion.domain.models.order import Leg, OrderSide
from orchestrion.domain.models.portfolio import Marks


class DeleverageStep(msgspec.Struct, frozen=True, kw_only=True):
    """Closing some units of one structure.

    Attributes:
        units: how many of ``units_held``.
        legs: what to trade, in instrument order; they only shrink what is held.
        relief: by how much the maintenance margin falls when the step is done after those before
            it; zero or less for a step that only helps together with others.
    """

    structure_id: str
    units: int
    units_held: int
    legs: tuple[Leg, ...]
    relief: Decimal


class DeleveragePlan(msgspec.Struct, frozen=True, kw_only=True):
    """Steps in the order in which they are to be taken.

    Attributes:
        margin: of what is left.
        deficit: what is still missing when all steps are done, or None.
    """

    steps: tuple[DeleverageStep, ...]
    margin: Margin
    deficit: Decimal | None


def deleverage_plan(
    quantities: Mapping[str, Decimal],
    structures: Mapping[str, Mapping[str, Decimal]],
    *,
    equity: Decimal,
    model: MarginModel,
    catalog: InstrumentCatalog,
    marks: Marks,
    now: int,
    venue: Margin | None = None,
) -> DeleveragePlan:
    """The plan for one book or account; without a margin call it has no steps.

    Args:
        quantities: instrument id -> signed quantity, all that is held.
        structures: structure id -> its signed quantities, parts of what is held. What belongs to
            none is not closed.
        equity: at the marks.
        venue: the venue's margin of the same positions. What closing relieves by our model is
            taken off it too.

    Raises:
        DomainError: structures hold more of an instrument than there is, or on the other side.
        UnpricedError: something has no mark.
    """
    _check_parts(quantities, structures)
    search = _Search(
        quantities=dict(held(quantities)),
        equity=equity,
        model=model,
        catalog=catalog,
        marks=marks,
        now=now,
        venue=venue,
    )
    for structure_id in sorted(structures):
        search.offer(structure_id, dict(held(structures[structure_id])))
    search.run()
    return search.plan()


def _check_parts(
    quantities: Mapping[str, Decimal], structures: Mapping[str, Mapping[str, Decimal]]
) -> None:
    sums: dict[str, Decimal] = {}
    for structure_id, legs in structures.items():
        for instrument_id, quantity in held(legs):
            there = quantities.get(instrument_id, ZERO)
            total = add(sums.get(instrument_id, ZERO), quantity)
            sums[instrument_id] = total
            if (quantity > 0) is not (there > 0) or total.copy_abs() > there.copy_abs():
                raise DomainError(
                    f"structure {structure_id!r} has {quantity:f} of {instrument_id}, with the "
                    f"structures before it {total:f}, but {there:f} is held"
                )


class _Structure(msgspec.Struct, frozen=True):
    structure_id: str
    unit: Mapping[str, Decimal]
    units: int
    notional: Decimal


class _Search:
    """The greedy search: what is held now, and what has been closed."""

    def __init__(
        self,
        *,
        quantities: dict[str, Decimal],
        equity: Decimal,
        model: MarginModel,
        catalog: InstrumentCatalog,
        marks: Marks,
        now: int,
        venue: Margin | None,
    ) -> None:
        self._held = quantities
        self._equity = equity
        self._model = model
        self._catalog = catalog
        self._marks = marks
        self._now = now
        self._venue = venue
        self._offers: dict[str, _Structure] = {}
        self._closed: dict[str, int] = {}
        self._ours = self._modelled({})

    def offer(self, structure_id: str, quantities: dict[str, Decimal]) -> None:
        if not quantities:
            return
        unit, units = _smallest_unit(quantities, self._catalog)
        notional = ZERO
        for instrument_id, quantity in quantities.items():
            notional = add(notional, self._notional(instrument_id, quantity))
        self._offers[structure_id] = _Structure(structure_id, unit, units, notional)

    def run(self) -> None:
        while self._is_short(self._closed):
            best = self._best_left()
            if best is None:
                break
            self._closed[best.structure_id] = best.units
            if not self._is_short(self._closed):
                self._closed[best.structure_id] = self._fewest_units(best)
        self._drop_needless()

    def plan(self) -> DeleveragePlan:
        steps: list[DeleverageStep] = []
        closed: dict[str, int] = {}
        before = self._margin(closed)
        for structure_id, units in self._closed.items():
            closed[structure_id] = units
            after = self._margin(closed)
            structure = self._offers[structure_id]
            steps.append(
                DeleverageStep(
                    structure_id=structure_id,
                    units=units,
                    units_held=structure.units,
                    legs=_closing_legs(structure, units),
                    relief=_relief(before, after),
                )
            )
            before = after
        deficit = margin_call(self._equity, before)
        return DeleveragePlan(steps=tuple(steps), margin=before, deficit=deficit)

    def _best_left(self) -> _Structure | None:
        """By relief per unit of notional; the first of equals in id order."""
        now = self._margin(self._closed)
        best: tuple[Decimal, Decimal, _Structure] | None = None
        for structure_id, structure in self._offers.items():
            if structure_id in self._closed:
                continue
            closed = {**self._closed, structure_id: structure.units}
            relief = _relief(now, self._margin(closed))
            if best is None or _is_better(relief, structure.notional, best[0], best[1]):
                best = relief, structure.notional, structure
        return None if best is None else best[2]

    def _fewest_units(self, structure: _Structure) -> int:
        """Closing all of it is enough, closing none is not; the margin is convex between."""
        few, enough = 0, structure.units
        while enough - few > 1:
            middle = (few + enough) // 2
            if self._is_short({**self._closed, structure.structure_id: middle}):
                few = middle
            else:
                enough = middle
        return enough

    def _drop_needless(self) -> None:
        """Steps that relieved little or nothing when taken may not have been needed after all."""
        for structure_id in list(self._closed):
            without = {key: units for key, units in self._closed.items() if key != structure_id}
            after, left = self._margin(self._closed), self._margin(without)
            if not self._is_short(without) or left.maintenance <= after.maintenance:
                self._closed = without

    def _is_short(self, closed: Mapping[str, int]) -> bool:
        return margin_call(self._equity, self._margin(closed)) is not None

    def _margin(self, closed: Mapping[str, int]) -> Margin:
        """Of what is left, with the venue's figure lowered by what closing relieves."""
        ours = self._modelled(closed)
        if self._venue is None:
            return ours
        before = self._ours
        return larger_of(
            ours,
            Margin(
                _lowered(self._venue.initial, before.initial, ours.initial),
                _lowered(self._venue.maintenance, before.maintenance, ours.maintenance),
            ),
        )

    def _modelled(self, closed: Mapping[str, int]) -> Margin:
        left = dict(self._held)
        for structure_id, units in closed.items():
            for instrument_id, quantity in self._offers[structure_id].unit.items():
                taken = multiply(quantity, Decimal(units))
                left[instrument_id] = subtract(left[instrument_id], taken)
        if not any(left.values()):
            return NO_MARGIN
        return self._model.margin_of(left, self._catalog, self._marks, now=self._now)

    def _notional(self, instrument_id: str, quantity: Decimal) -> Decimal:
        instrument = self._catalog.tradable(instrument_id)
        if isinstance(instrument, OptionContract):
            instrument_id = instrument.underlying_id
        return notional_of(instrument, quantity, price_of(self._marks, instrument_id))


def _relief(before: Margin, after: Margin) -> Decimal:
    """By how much the maintenance margin falls; ``UNLIMITED`` less ``UNLIMITED`` is nothing."""
    if before.maintenance == after.maintenance:
        return ZERO
    return subtract(before.maintenance, after.maintenance)


def _lowered(venue: Decimal, before: Decimal, after: Decimal) -> Decimal:
    """The venue's figure when ours goes from before to after. What our model refuses tells nothing
    of the venue's, so there it stays."""
    if not before.is_finite() or not after.is_finite():
        return venue
    return max(ZERO, subtract(add(venue, after), before))


def _is_better(relief: Decimal, notional: Decimal, than: Decimal, than_notional: Decimal) -> bool:
    """Whether relief / notional is strictly larger; multiplied out, so that nothing is rounded."""
    if not relief.is_finite() or not than.is_finite():
        return relief > than
    return multiply(relief, than_notional) > multiply(than, notional)


def _closing_legs(structure: _Structure, units: int) -> tuple[Leg, ...]:
    return tuple(
        Leg(
            instrument_id,
            OrderSide.SELL if quantity > 0 else OrderSide.BUY,
            multiply(quantity.copy_abs(), Decimal(units)),
        )
        for instrument_id, quantity in structure.unit.items()
    )


def _smallest_unit(
    quantities: Mapping[str, Decimal], catalog: InstrumentCatalog
) -> tuple[Mapping[str, Decimal], int]:
    """(signed quantities of one unit, number of units); an odd lot makes it one unit."""
    lot_sizes = {key: catalog.tradable(key).lot_size for key in quantities}
    if not all(is_multiple(quantity, lot_sizes[key]) for key, quantity in quantities.items()):
        return quantities, 1
    lots = {
        key: int(EXACT.divide_int(quantity, lot_sizes[key])) for key, quantity in quantities.items()
    }
    units = reduce(gcd, (abs(count) for count in lots.values()))
    unit = {key: multiply(Decimal(count // units), lot_sizes[key]) for key, count in lots.items()}
    return unit, units
