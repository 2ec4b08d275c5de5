"""The outside checkers of a run, called at every record and at every message.

Each record is judged when it is written; the state (books, open orders, reservations) when the next
input is written, because then the one before has been worked off completely. Nothing here imports
from the actors or from the rules that it checks, except the types of messages that it watches.
"""

from __future__ import annotations

from typing import Any

import msgspec

from orchestrion.actors.system import TradingSystem
from orchestrion.domain.models.command import ApprovedCommand, SubmitOrder
from orchestrion.runtime.journal import Record, RecordKind
from orchestrion.runtime.machine import Hop
from tests.simulation.delivery_check import DeliveryCheck, Place, probe_mailbox
from tests.simulation.failure_check import FailureCheck
from tests.simulation.limit_check import (
    BUDGET_REASONS,
    HeldOrders,
    LimitCheck,
    OwnLimits,
    entering,
    is_reducing,
    margin_at,
)
from tests.simulation.market import BY_ID, E9, to_e9
from tests.simulation.own_account import OwnAccount
from tests.simulation.own_netting import shared_of
from tests.simulation.own_order import TENTHS, billionths, legs_of, money
from tests.simulation.storage import DiskJournal
from tests.simulation.strategy_models import LABEL, Call
from tests.simulation.world import World, order_id_prefix

VIOLATIONS_MAX = 20
"""Of one run; after the first the rest are mostly its consequences."""


class Checkers:
    """See the module's text.

    Attributes:
        violations: what was found, first things first.
        account: the account as the checkers read it.
        records: how many were written.
    """

    def __init__(self, world: World) -> None:
        self.violations: list[str] = []
        self.records = 0
        ids = tuple(one.strategy_id for one in world.traits)
        self.account = OwnAccount(world.capital, ids)
        traits = {one.strategy_id: one for one in (*world.traits, *world.newcomers)}
        places = {
            one: Place(number, world.priorities[one], world.depends_on[one])
            for number, one in enumerate(ids)
        }
        self.delivery = DeliveryCheck(self.account, traits, places)
        self._world = world
        self._traits = traits
        self._prefix = order_id_prefix(world.seed, 0)
        self._seq = 0
        self._index = 0
        self._intents: dict[str, bytes] = {}
        self._intent_places: dict[str, int] = {}
        self._wanted: dict[tuple[int, str], list[Call]] = {}
        self._decided: dict[tuple[int, str], int] = {}
        self._ts = 0
        self._joining: dict[str, Any] = {}
        self._written: list[Record] = []
        self._durable = 0
        self._interrupted_round = 0
        self._held_orders = HeldOrders()
        self._failures = FailureCheck(world.supervision, self.delivery)
        self._is_folding = self._is_beyond = False
        self.is_held = False

    def take_journal(self, journal: DiskJournal) -> None:
        """A journal was opened; its records are watched from now on."""
        self._journal = journal
        self._durable = len(self._written)
        self._is_beyond = bool(self._written)
        journal.watchers.append(self.on_record)

    def attach(self, system: TradingSystem) -> None:
        """A system was built; its books are compared from now on."""
        self._system = system
        limits = {one: OwnLimits(limit) for one, limit in self._world.limits.items()}
        self._limits = LimitCheck(
            self.account, system.books, limits, OwnLimits(self._world.account_limits)
        )
        if not self._written:
            self._check_opening()

    def add(self, violation: str) -> None:
        if not self._is_folding and len(self.violations) < VIOLATIONS_MAX:
            self.violations.append(f"seq {self._seq}: {violation}")

    def forget_process(self, survivors: list[Record]) -> None:
        """The process has ended: what is on the disk is all that happened (I21)."""
        durable = self._durable + self._journal.synced
        if survivors != self._written[: len(survivors)]:
            self.add("I21: what was recovered is no prefix of what was written")
        if len(survivors) < durable:
            self.add(f"I21: {durable} records were durable, {len(survivors)} are left")
        ids = tuple(one.strategy_id for one in self._world.traits)
        self.account.__init__(self._world.capital, ids)  # type: ignore[misc]
        self._prefix = order_id_prefix(self._world.seed, 0)
        self._seq, self._written = 0, []
        self._intents, self._intent_places = {}, {}
        self._held_orders = HeldOrders()
        self._wanted, self._decided = {}, {}
        last_seq = max((one.seq for one in survivors), default=0)
        self._failures.go_back(
            last_seq,
            is_complete=any(
                one.kind is RecordKind.SNAPSHOT and one.seq == last_seq for one in survivors
            ),
        )
        self._is_folding = True
        for record in survivors:
            self.on_record(record)
        self._is_folding = False
        self.delivery.forget_untold()
        self._interrupted_round = self.delivery.last_round
        self.is_held = False

    def _check_opening(self) -> None:
        fault = probe_mailbox()
        if fault:
            self.add(fault)
        cash = {book_id: to_e9(book.cash) for book_id, book in self._system.books.items()}
        if sum(cash.values()) != self._world.capital * E9:
            self.add(f"I1: the books open with {sum(cash.values()) / E9}")
        if min(cash.values()) < 0:
            self.add(f"I2: a book opens below zero: {cash}")

    # -- records ----------------------------------------------------------------------------------

    def on_record(self, record: Record) -> None:
        """A record is about to be written."""
        self._written.append(record)
        if not self._is_folding:
            self.records += 1
        if record.kind is RecordKind.SNAPSHOT:
            if not self._is_folding:
                self._failures.take_snapshot(record.seq)
            return
        if record.kind is RecordKind.INPUT:
            if not self._is_folding and self._seq:
                self.close_input()
            self._is_beyond = False
            if record.seq != self._seq + 1:
                self.add(f"I22: input {record.seq} follows {self._seq}")
            self._seq, self._ts = record.seq, record.ts
            self._take_input(record.name, msgspec.json.decode(record.body))
            return
        if record.seq != self._seq:
            self.add(f"I22: a {record.name} of {record.seq} is written in {self._seq}")
        if record.kind is RecordKind.DECISION:
            self._take_decision(msgspec.json.decode(record.body))
        elif record.kind is RecordKind.INTENT:
            self._take_intent(record.body)
        else:
            self._take_event(record.name, msgspec.json.decode(record.body))

    def _take_input(self, name: str, body: dict[str, Any]) -> None:
        self._index = 0
        if not self._is_folding:
            self._failures.begin_input(self._seq)
        if name == "Restarted":
            self._prefix = order_id_prefix(self._world.seed, body["epoch"])
        self.account.take_input(name, body)
        for fault in self.account.faults:
            self.add(fault)
        self.account.faults.clear()
        if name in ("StrategyReplied", "StrategyRaised"):
            self.delivery.on_reply(body["strategy_id"], body["round"])
        if name == "AddStrategy":
            self._joining = body
        if name == "MarketSlice" and not self._is_folding:
            self.delivery.expect([item["instrument_id"] for item in body["items"]])

    def _take_event(self, name: str, body: dict[str, Any]) -> None:
        self.account.take_event(name, body)
        one = body.get("strategy_id", "")
        if name == "StrategyRestartedEvent":
            self._judge_failure(one, body["failure"], body["failures_in_window"])
        elif name == "StrategyQuarantinedEvent":
            self._judge_failure(one, body["failure"], None)
        elif name == "StrategyAddedEvent" and one not in self.delivery.places:
            number = len(self.delivery.places)
            declared = (self._joining["priority"], tuple(self._joining["depends_on"]))
            self.delivery.places[one] = Place(number, *declared)
        elif name == "CashFlowBookedEvent":
            shares = sum(billionths(share) for share in body["shares"].values())
            sign = -1 if body["kind"] in ("FEE", "WITHDRAWAL") else 1
            if shares != sign * billionths(body["amount"]):
                self.add(f"I1: a flow of {body['amount']} was shared as {body['shares']}")
        elif name == "CapitalTransferredEvent":
            moved = sum(billionths(amount) for amount in body["transfers"].values())
            if moved:
                self.add(f"I1: a rebalance creates {moved / E9}")
        elif name == "SessionMarked":
            given = billionths(body["account_equity"]) * E9
            if given != self.account.equity():
                self.add(f"I6: equity {money(given)}, own {money(self.account.equity())}")

    def _judge_failure(self, strategy_id: str, failure: str, counted: int | None) -> None:
        if "was filled beyond" in failure:
            return  # the venue's fault, and no failure of a handler
        if self._is_folding:
            self._failures.keep(self._seq, strategy_id, failure, self._ts)
            return
        fault = self._failures.fault_of(strategy_id, failure, counted, self._ts)
        if fault:
            self.add(fault)

    def _take_decision(self, body: dict[str, Any]) -> None:
        index, one, command = body["index"], body["strategy_id"], body["command"]
        if index != self._index:
            self.add(f"I9: decision {index} comes at place {self._index}")
        self._index = index + 1
        is_own = command is None or command["label"].startswith(LABEL)
        if is_own:
            key = (body["round"], one)
            self._decided[key] = self._decided.get(key, 0) + 1
        if body["verdict"] == "REFUSED" and not body["reason"]:
            self.add(f"I32: {one} was refused without a reason")
        if command is None or command["type"] != "SubmitOrder":
            return
        verdict, reason = body["verdict"], body["reason"]
        self._held_orders.note(one, legs_of(command), verdict, reason)
        if verdict == "HELD":
            return
        self._take_order(body, command, index)

    def _take_order(self, body: dict[str, Any], command: dict[str, Any], index: int) -> None:
        """A decision about an order: who may say no to what, and who may say yes."""
        one, legs = body["strategy_id"], legs_of(command)
        known = all(leg.instrument_id in BY_ID for leg in legs)
        reduces = known and is_reducing(self.account, one, legs)
        if body["verdict"] == "REFUSED":
            beside = self._held_orders.beside(one, legs)
            reduces = reduces and is_reducing(self.account, one, beside)
            if reduces and body["reason"] in BUDGET_REASONS:
                self.add(f"I8: {one}: an exit was refused: {body['reason']} {body['detail']}")
            return
        if not known:
            self.add(f"I32: {one}: an order for {[leg.instrument_id for leg in legs]} was approved")
            return
        bound = {} if reduces else entering(self.account, one, legs)
        client_order_id = f"{self._prefix}-{self._seq}-{index}"
        order = self.account.take_approval(client_order_id, body, is_reducing=reduces)
        order.entering = bound
        order.reservation = margin_at(bound, self.account.marks)
        if any(leg.quantity <= 0 for leg in legs):
            self.add(f"I32: {one}: a quantity of {legs} was approved")
        if not reduces and not self._is_folding and not self._is_beyond:
            for fault in self._limits.faults_of_entry(order):
                self.add(fault)

    def _take_intent(self, raw: bytes) -> None:
        body = msgspec.json.decode(raw)
        command, one, key = body["command"], body["strategy_id"], body["client_order_id"]
        if key in self._intents:
            self.add(f"I9: the id {key} is given out twice")
        self._intents[key] = raw
        self._intent_places[key] = 0 if self._is_folding else self._journal.appended + 1
        if command["type"] != "SubmitOrder":
            self._take_cancel(key, command["client_order_id"], body)
            return
        if body.get("owners"):
            self._take_shared_intent(key, body)
            return
        order = self.account.orders.get(key)
        if order is None or order.has_intent or order.strategy_id != one:
            self.add(f"I10: the intent {key} is of no approval, or not the first")
            return
        self.account.take_intent(body)
        if body["is_reducing"] != order.is_reducing:
            self.add(f"I7: {key} is_reducing={body['is_reducing']}, own {order.is_reducing}")
        if billionths(body["reservation"]) * E9 * TENTHS != order.reservation:
            own = money(order.reservation // TENTHS)
            self.add(f"I7: {key} reserves {body['reservation']}, own {own}")
        self._check_allowed(one, key, is_own=command["label"].startswith(LABEL))

    def _take_cancel(self, key: str, told: str, body: dict[str, Any]) -> None:
        if told in self.account.venue_ids:
            self.add(f"I12: {key} withdraws {told}, which the venue does not know by that id")
        self.account.take_intent(body)

    def _take_shared_intent(self, key: str, body: dict[str, Any]) -> None:
        shared, faults = shared_of(body, self.account.orders)
        for fault in faults:
            self.add(fault)
        if shared is None:
            return
        self.account.share(shared)
        self.account.take_intent(body)
        for order in shared.owners:
            is_own = order.label.startswith(LABEL)
            self._check_allowed(order.strategy_id, order.client_order_id, is_own=is_own)

    def _check_allowed(self, strategy_id: str, key: str, *, is_own: bool) -> None:
        """I30. What changed within this very input may have changed after the decision."""
        account, reduces = self.account, self.account.orders[key].is_reducing
        standings = (account.standings.get(strategy_id), account.before.get(strategy_id))
        if is_own and not any(
            one is not None and one.may_send(is_reducing=reduces) for one in standings
        ):
            self.add(f"I30: {key} leaves although {strategy_id} is {standings[0]}")
        if not is_own and not reduces:
            self.add(f"I30: {key} is no exit, and is given on behalf of {strategy_id}")
        states = (account.trading_state, account.trading_state_before)
        if all(one == "HALTED" or (one == "REDUCING" and not reduces) for one in states):
            self.add(f"I30: {key} leaves although the account is {states[0]}")

    # -- messages and calls -----------------------------------------------------------------------

    def on_hop(self, hop: Hop) -> None:
        self.delivery.on_hop(hop)

    def on_submitted(self, commands: list[ApprovedCommand]) -> None:
        """I10: the port is handed commands; each must be durable, exactly as it leaves."""
        durable = self._journal.synced
        if self.is_held:
            self.add(f"I13: {commands[0].client_order_id} leaves before the account is reconciled")
        for one in commands:
            raw = self._intents.get(one.client_order_id)
            if raw is None:
                self.add(f"I10: {one.client_order_id} leaves without an intent")
                continue
            if self._intent_places[one.client_order_id] > durable:
                self.add(f"I10: {one.client_order_id} leaves before its intent is durable")
            body = msgspec.json.decode(raw)
            if isinstance(one.command, SubmitOrder):
                legs = [(leg.instrument_id, str(leg.quantity)) for leg in one.command.legs]
                then = [(leg["instrument_id"], leg["quantity"]) for leg in body["command"]["legs"]]
                if legs != then:
                    self.add(f"I10: {one.client_order_id} leaves otherwise than intended")

    def on_call(self, call: Call) -> None:
        """A strategy was called; its view is compared at once, before anything moves on."""
        if self.delivery.is_muted or not self.delivery.is_first(call):
            return
        self.delivery.check_view(call, self.account.marks)
        place = self.delivery.call_rounds.pop((call.strategy_id, id(call)), None)
        if place is not None and call.handler != "on_stop":
            self._wanted.setdefault((place, call.strategy_id), []).append(call)

    # -- state ------------------------------------------------------------------------------------

    def close_input(self) -> None:
        """Everything that must hold when an input has been worked off."""
        if not self.delivery.is_round_open:
            self.delivery.close_round()
            self._check_answers()
        for fault in self.delivery.faults:
            self.add(fault)
        self.delivery.faults.clear()
        for one in self.account.overfilled:
            standing = self.account.standings[one]
            is_out = standing.status in ("quarantined", "stopping", "stopped", "removed")
            if not is_out:
                self.add(f"I5: {one} was overfilled and goes on")
        self._check_books()
        self._check_orders()

    def _check_answers(self) -> None:
        """I32: every command, and every piece of garbage, gets a verdict."""
        for (number, one), calls in self._wanted.items():
            given = self._decided.pop((number, one), 0)
            if number <= self._interrupted_round:
                continue  # some of its calls were made by a process that has ended
            items = sum(call.items or 0 for call in calls)
            if given != items:
                self.add(f"I32: {one} gave {items} items in round {number}, {given} got a verdict")
        self._wanted.clear()
        self._decided.clear()

    def _check_books(self) -> None:
        """I3: the books sum to the ledger kept here, and hold what is held here."""
        books, account = self._system.books, self.account
        cash = fees = value = 0
        for book_id, book in books.items():
            cash += to_e9(book.cash)
            fees += to_e9(book.fees)
            value += sum(to_e9(gain) for gain in book.unsettled.values()) * E9
            held: dict[str, int] = {}
            for key, position in book.positions.items():
                quantity = held[key] = to_e9(position.quantity)
                one = BY_ID[key]
                value += quantity * account.marks[key] * one.multiplier
                value -= to_e9(position.cost) * E9 if one.is_future else 0
            if held != account.held.get(book_id, {}):
                self.add(f"I3: {book_id} holds {held}, own {account.held.get(book_id, {})}")
        if cash * E9 != account.cash:
            self.add(f"I3: cash {cash / E9}, own {money(account.cash)}")
        if fees * E9 != account.fees:
            self.add(f"I3: fees {fees / E9}, own {money(account.fees)}")
        if cash * E9 + value != account.equity():
            self.add(f"I3: equity {money(cash * E9 + value)}, own {money(account.equity())}")

    def _end_denied(self) -> None:
        """An order whose rest may not leave is over, unless it still is to be crossed inside."""
        capital = self._system.orchestrator.capital_manager
        for one in self.account.open_orders():
            working = capital.working_orders(one.strategy_id)
            if one.is_denied and one.client_order_id not in working:
                one.status = "DENIED"

    def _check_orders(self) -> None:
        """I4, I12: open orders and reservations, order by order."""
        capital = self._system.orchestrator.capital_manager
        self._end_denied()
        own = {one.client_order_id: one for one in self.account.open_orders()}
        reserved: dict[str, int] = {}
        for order in own.values():
            reserved[order.strategy_id] = reserved.get(order.strategy_id, 0) + order.reservation
        seen: dict[str, None] = {}
        for strategy_id, standing in self.account.standings.items():
            if standing.status == "removed" or strategy_id not in capital.books:
                continue
            if to_e9(capital.reserved(strategy_id)) * E9 * TENTHS != reserved.get(strategy_id, 0):
                self.add(
                    f"I4: {strategy_id} has {capital.reserved(strategy_id)} reserved, own "
                    f"{money(reserved.get(strategy_id, 0) // TENTHS)}"
                )
            for key, working in capital.working_orders(strategy_id).items():
                seen[key] = None
                mine = own.get(key)
                told = (str(working.status), [to_e9(filled) for filled in working.filled])
                if mine is None or told != (mine.status, [leg.filled for leg in mine.legs]):
                    self.add(f"I12: {key} is {told}, own {mine}")
        missing = [key for key in own if key not in seen]
        if missing:
            self.add(f"I12: {missing} can still trade and are not known any more")
