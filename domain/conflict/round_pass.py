"""One pass over a round: each command is decided in turn, against those that really go on.

Exits come first: nothing here can take them back, so all entries meet them. Entries follow in order
of (priority descending, rank, index). An entry that is refused alone is out at its turn, and
whoever comes later does not meet it. ``reject_all`` also refuses those who had been let on before:
then the pass begins again without them, because they may have beaten others, who would have lost
for nothing. In the conflict that refused them they are met on, as ghosts, so that the order of
deciding does not choose whom they take with them. What is to be scaled is scaled at the end.

Size: see the package. Each repetition leaves out at least one command more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from orchestrion.domain.conflict.contender import Contender, Meeting, Rival, may_be_crossed
from orchestrion.domain.conflict.policy import ROOM_TYPES, ConflictPolicy, ConflictType
from orchestrion.domain.conflict.rivalry import Rivalry, Surroundings, by_age
from orchestrion.domain.conflict.room import Bound, Load, Room
from orchestrion.domain.conflict.round_context import RoundContext
from orchestrion.domain.conflict.scaling import BrokenBound, Scaler
from orchestrion.domain.conflict.telling import (
    against,
    against_contender,
    conflict_event,
    names_of,
    refused_words,
    scaling_event,
)
from orchestrion.domain.models.money import ZERO, add, subtract
from orchestrion.domain.models.order import Order
from orchestrion.domain.orchestration.authorisation import Refusal, budget_fault
from orchestrion.domain.orchestration.events import StrategyConflictDetectedEvent

Told = tuple[int, StrategyConflictDetectedEvent]
"""(position of the contender that was decided, event)."""


class Situation(msgspec.Struct, frozen=True):
    """What stays the same from pass to pass.

    Attributes:
        contenders: those that would not be refused on their own, in order of deciding.
        loads: by place.
        room: with nothing used.
        two_sided: (strategy id, instrument id) where one strategy itself wants both sides.
    """

    around: Surroundings
    context: RoundContext | None
    contenders: tuple[Contender, ...]
    loads: Mapping[int, Load]
    room: Room
    two_sided: frozenset[tuple[str, str]]

    def policy(self, kind: ConflictType) -> ConflictPolicy:
        return self.around.policies.of(kind)


class Settled(msgspec.Struct):
    """What passes have found and later ones take as given.

    Attributes:
        lost: place -> why.
        ghosts: place -> conflict that refused it together with others.
        refused: place -> (code, words), of what does not fit although nobody is in its way.
    """

    lost: dict[int, str] = msgspec.field(default_factory=dict)
    ghosts: dict[int, ConflictType] = msgspec.field(default_factory=dict)
    refused: dict[int, Refusal] = msgspec.field(default_factory=dict)
    events: list[Told] = msgspec.field(default_factory=list)

    def covers(self, place: int) -> bool:
        return place in self.lost or place in self.refused


class RoundPass:
    """See the module's text. The attributes are the outcome, once ``run`` has said True.

    Attributes:
        going: place -> contender that goes on.
        lost: place -> why, of those who lost a conflict.
        refused: place -> (code, words), of those for whom budget or account have no room whatever
            the others do. They are refused here, not left to the capital manager: what took no part
            must not leave, and what is cut in the end could make room for it.
        waits: place -> resting orders to wait for, oldest first.
        crossing: (instrument id, place, place) of each pair that is to be crossed inside.
        units: place -> (units that go on, units asked for), of what was scaled.
    """

    def __init__(self, situation: Situation, settled: Settled) -> None:
        self.going: dict[int, Contender] = {}
        self.lost: dict[int, str] = {}
        self.refused: dict[int, Refusal] = {}
        self.waits: dict[int, tuple[Order, ...]] = {}
        self.crossing: list[tuple[str, int, int]] = []
        self.units: dict[int, tuple[int, int]] = {}
        self.events: list[Told] = []
        self._situation = situation
        self._settled = settled
        self._rivalry = Rivalry(situation.around)
        self._room = situation.room.emptied()
        self._budget_used: dict[str, Decimal] = {}
        self._winners: dict[int, None] = {}
        self._ghosts: list[tuple[Contender, ConflictType]] = []

    def run(self) -> bool:
        """Whether the pass is good; if not, ``settled`` has grown and another one is due."""
        undecided = [
            one for one in self._situation.contenders if not self._settled.covers(one.place)
        ]
        for one in undecided:
            if one.is_exit:
                self._take_exit(one)
        for one in self._situation.contenders:
            kind = self._settled.ghosts.get(one.place)
            if kind is not None:
                self._haunt(one, kind)
        for one in undecided:
            if not one.is_exit and not self._take_entry(one):
                return False
        return self._scale()

    def _haunt(self, contender: Contender, kind: ConflictType) -> None:
        self._ghosts.append((contender, kind))
        self._rivalry.admit_ghost(contender, kind)
        self._room.add_ghost(self._situation.loads[contender.place], kind)

    # -- one command ----------------------------------------------------------------------------

    def _take_exit(self, contender: Contender) -> None:
        """An exit goes on; only what binds capital (a wing sold out of a structure) has to fit."""
        if contender.requirement:
            if self._lacks_budget(contender):
                return
            load = self._situation.loads[contender.place]
            for bound in self._room.touched_by(load):
                if not bound.subject and self._room.is_broken_by(bound, load):
                    self.refused[contender.place] = self._room.fault(bound, load)
                    return
        for meeting in self._rivalry.meetings(contender):
            self._let_on(meeting)
        self._admit(contender)

    def _take_entry(self, contender: Contender) -> bool:
        """Decides an entry; False when others that had been let on are refused with it."""
        if self._lacks_budget(contender):
            return True
        contested = self._contested_room(contender)
        if contested is None:
            self._note_winners(self._own_going(contender))
            return True
        meetings = [*self._rivalry.meetings(contender), *contested]
        for kind in dict.fromkeys(one.kind for one in meetings):
            of_kind = [one for one in meetings if one.kind is kind]
            if self._loses(of_kind):
                return True
        for kind in dict.fromkeys(one.kind for one in meetings):
            if self._situation.policy(kind) is ConflictPolicy.REJECT_ALL:
                return self._refuse_all([one for one in meetings if one.kind is kind])
        for meeting in meetings:
            self._let_on(meeting)
        self._admit(contender)
        return True

    def _admit(self, contender: Contender) -> None:
        self.going[contender.place] = contender
        self._rivalry.admit(contender)
        self._room.add(self._situation.loads[contender.place])
        if contender.requirement:
            used = self._budget_used.get(contender.strategy_id, ZERO)
            self._budget_used[contender.strategy_id] = add(used, contender.requirement)

    def _lacks_budget(self, contender: Contender) -> bool:
        """Whether what its strategy wants besides has used up the budget: then it cannot leave,
        and takes part in nothing."""
        context, used = self._situation.context, self._budget_used.get(contender.strategy_id)
        figures = context.strategies.get(contender.strategy_id) if context is not None else None
        if figures is None or used is None:
            return False
        bound = add(subtract(figures.equity, figures.free), used)
        fault = budget_fault(contender.requirement, equity=figures.equity, bound=bound)
        if fault is None:
            return False
        self.refused[contender.place] = fault
        self._note_winners(self._own_going(contender))
        return True

    def _own_going(self, contender: Contender) -> list[Contender]:
        return [one for one in self.going.values() if one.strategy_id == contender.strategy_id]

    def _note_winners(self, winners: Sequence[Contender]) -> None:
        self._winners.update(dict.fromkeys(one.place for one in winners))

    # -- what the account has left --------------------------------------------------------------

    def _contested_room(self, contender: Contender) -> list[Meeting] | None:
        """Bounds that the command would pass because of others; None when it would pass one
        whatever they do, so that it cannot leave anyway."""
        load = self._situation.loads[contender.place]
        found: list[Meeting] = []
        for bound in self._room.touched_by(load):
            is_scaled = self._situation.policy(bound.kind) is ConflictPolicy.SCALE_PRO_RATA
            if is_scaled or not self._room.is_broken_by(bound, load):
                continue
            rivals = self._raising(bound, contender)
            others = [self._situation.loads[one.place] for one in rivals]
            alone = self._room.figure(bound, plus=load, minus=others)
            if bound.kind is not ConflictType.CONCENTRATION and alone > bound.limit:
                self.refused[contender.place] = self._room.fault(bound, load, without=others)
                return None
            words = bound.words(self._room.figure(bound, plus=load))
            found.append(
                Meeting(
                    bound.kind,
                    bound.subject,
                    contender,
                    tuple(Rival(one.strategy_id, one) for one in rivals),
                    words,
                )
            )
        return found

    def _raising(self, bound: Bound, contender: Contender) -> list[Contender]:
        """Commands of others without which the figure would be lower."""
        load = self._situation.loads[contender.place]
        then = self._room.figure(bound, plus=load)
        present = [*self.going.values()]
        present += [one for one, kind in self._ghosts if kind is bound.kind]
        raising = [
            one
            for one in present
            if one.strategy_id != contender.strategy_id
            and self._room.figure(bound, plus=load, minus=(self._situation.loads[one.place],))
            < then
        ]
        return sorted(raising, key=lambda one: one.position)

    # -- policies -------------------------------------------------------------------------------

    def _loses(self, meetings: Sequence[Meeting]) -> bool:
        """Whether conflicts of one type refuse the contender and nobody else; then it is told."""
        kind, contender = meetings[0].kind, meetings[0].contender
        policy = self._situation.policy(kind)
        blocked = [(one, self._blockers(one, policy)) for one in meetings]
        if not any(blockers is not None for _, blockers in blocked):
            return False
        meeting, winner = _who_matters([each for each in blocked if each[1] is not None])
        words = against(meeting, winner)
        self.lost[contender.place] = f"{policy}: {words}"
        for one, blockers in blocked:
            if blockers is not None:
                self._note_winners([each.contender for each in blockers if each.contender])
                told = msgspec.structs.replace(one, rivals=blockers)
                self._tell(told, policy, refused_words([contender]))
        return True

    def _blockers(self, meeting: Meeting, policy: ConflictPolicy) -> tuple[Rival, ...] | None:
        """The rivals because of whom the contender alone is refused; None when it is not."""
        rivals = meeting.rivals
        blockers: list[Rival] = []
        match policy:
            case ConflictPolicy.PRIORITY:
                return rivals
            case ConflictPolicy.REJECT_ALL:
                firm = [one for one in rivals if one.is_firm]
                # Over room, an exit only makes it less; who wants the rest is refused together.
                is_alone = len(firm) == len(rivals)
                return rivals if is_alone or (firm and meeting.kind not in ROOM_TYPES) else None
            case ConflictPolicy.NET:
                blockers = [one for one in rivals if not self._can_cross(meeting, one)]
            case ConflictPolicy.CANCEL_RESTING:
                blockers = [one for one in rivals if not one.is_withdrawable]
            case ConflictPolicy.ALLOW | ConflictPolicy.SCALE_PRO_RATA:
                return None
        return tuple(blockers) or None

    def _can_cross(self, meeting: Meeting, rival: Rival) -> bool:
        """Whether both can be crossed inside: neither rests, neither is part of a structure, and
        nobody is on both sides (he would trade with himself)."""
        other = rival.contender
        if other is None:
            return False
        return all(
            may_be_crossed(one.command)
            and (one.strategy_id, meeting.subject) not in self._situation.two_sided
            for one in (meeting.contender, other)
        )

    def _refuse_all(self, meetings: Sequence[Meeting]) -> bool:
        """Refuses the contender with all entries it meets; False when one had been let on."""
        kind, contender = meetings[0].kind, meetings[0].contender
        policy = self._situation.policy(kind)
        settled, first = self._settled, meetings[0]
        settled.lost[contender.place] = f"{policy}: {against(first, first.rivals[0])}"
        settled.ghosts[contender.place] = kind
        was_let_on = False
        for one in meetings:
            members = [rival for rival in one.rivals if not rival.is_firm]
            for rival in members:
                other = rival.contender
                if other is not None and other.place in self.going:
                    was_let_on = True
                    words = against_contender(one)
                    settled.lost.setdefault(other.place, f"{policy}: {words}")
                    settled.ghosts.setdefault(other.place, kind)
            words = refused_words([*members, contender])
            event = conflict_event(one, policy, words, self._holders(one))
            settled.events.append((contender.position, event))
        if not was_let_on:
            self._haunt(contender, kind)
        return not was_let_on

    def _let_on(self, meeting: Meeting) -> None:
        """Tells a conflict in which the contender goes on."""
        kind, contender = meeting.kind, meeting.contender
        policy = self._situation.policy(kind)
        # Should one of them drop out later, what is told here is wrong and the pass begins again.
        self._note_winners([contender])
        self._note_winners([one.contender for one in meeting.rivals if one.contender])
        if policy is ConflictPolicy.NET:
            crossed = [one for one in meeting.rivals if self._can_cross(meeting, one)]
            if crossed:
                others = [one.contender for one in crossed if one.contender is not None]
                self.crossing.extend(
                    (meeting.subject, one.place, contender.place) for one in others
                )
                words = f"crossed inside: {', '.join(names_of([*crossed, contender]))}"
                self._tell(msgspec.structs.replace(meeting, rivals=tuple(crossed)), policy, words)
            rest = tuple(one for one in meeting.rivals if one not in crossed)
            if not rest:
                return
            meeting = msgspec.structs.replace(meeting, rivals=rest)
        elif policy is ConflictPolicy.CANCEL_RESTING and not contender.proposal.has_waited:
            orders = [one.order for one in meeting.rivals if one.is_withdrawable and one.order]
            if orders:
                waits = (*self.waits.get(contender.place, ()), *orders)
                by_id = {each.client_order_id: each for each in waits}
                self.waits[contender.place] = tuple(sorted(by_id.values(), key=by_age))
                names = ", ".join(f"{one.client_order_id} of {one.strategy_id}" for one in orders)
                words = f"held: {contender.strategy_id}, until withdrawn: {names}"
                self._tell(meeting, policy, words)
                return
        self._tell(meeting, policy, "all go on")

    def _tell(self, meeting: Meeting, policy: ConflictPolicy, words: str) -> None:
        event = conflict_event(meeting, policy, words, self._holders(meeting))
        self.events.append((meeting.contender.position, event))

    def _holders(self, meeting: Meeting) -> tuple[str, ...]:
        """Who is in the instruments already that are concentrated."""
        if meeting.kind is not ConflictType.CONCENTRATION:
            return ()
        occupants = self._situation.around.occupants
        return tuple(
            one for key in meeting.contender.instrument_ids for one in occupants.get(key, ())
        )

    # -- scaling --------------------------------------------------------------------------------

    def _scale(self) -> bool:
        """Cuts what is to be cut; False when something drops out that had beaten others."""
        context = self._situation.context
        scale = ConflictPolicy.SCALE_PRO_RATA
        kinds = [one for one in ROOM_TYPES if self._situation.policy(one) is scale]
        if context is None or not kinds:
            return True
        going = sorted(self.going.values(), key=lambda one: one.position)
        scaling = Scaler(self._room, self._situation.loads, going, kinds, context).scale()
        if scaling.alone:
            self._settled.refused |= scaling.alone
            return False
        is_good = True
        for one in scaling.broken:
            nothing = [each for each in one.members if _is_nothing(each, scaling.units)]
            dropped = [each for each in nothing if each.place in self._winners]
            detail = f"{ConflictPolicy.SCALE_PRO_RATA}: no whole unit fits, {one.words}"
            if dropped:
                is_good = False
                self._settled.lost |= {each.place: detail for each in dropped}
                event = _scaling_event(one, refused_words(dropped))
                self._settled.events.append((len(going), event))
            else:
                self.lost |= {each.place: detail for each in nothing}
                event = _scaling_event(one, _scaled_words(one.members, scaling.units))
                self.events.append((len(going), event))
        self.units = {place: units for place, units in scaling.units.items() if units[0]}
        for place in self.lost:
            self.going.pop(place, None)
        return is_good


def _who_matters(
    blocked: Sequence[tuple[Meeting, tuple[Rival, ...] | None]],
) -> tuple[Meeting, Rival | None]:
    """The first firm rival, else the first one: against whom it is really lost."""
    pairs = [(one, rival) for one, blockers in blocked for rival in blockers or ()]
    for one, rival in pairs:
        if rival.is_firm:
            return one, rival
    return pairs[0] if pairs else (blocked[0][0], None)


def _is_nothing(contender: Contender, units: Mapping[int, tuple[int, int]]) -> bool:
    return contender.place in units and not units[contender.place][0]


def _scaling_event(broken: BrokenBound, words: str) -> StrategyConflictDetectedEvent:
    return scaling_event(broken.bound.kind, broken.bound.subject, broken.members, words)


def _scaled_words(members: Sequence[Contender], units: Mapping[int, tuple[int, int]]) -> str:
    refused = [one for one in members if _is_nothing(one, units)]
    scaled = [one for one in members if one.place in units and one not in refused]
    parts = [f"scaled: {', '.join(names_of(scaled))}"] if scaled else []
    parts += [refused_words(refused)] if refused else []
    # Rounding and what other bounds took off can give back to a bound all that it had cut.
    return "; ".join(parts) or "all go on"
