"""A small venue in a process of its own; nothing of it is ours, so it can be the truth.

    python -m tests.processes.venue_process LOG [--port 0] [--seed 0] [--fill at_once] ...

It prints one line, ``{"port": 54321, "control": 54322}``, and then talks TCP on loopback, one JSON
object per line, on one port with clients and on the other with whoever controls it.
Every fact (accepted, refused, filled, canceled, expired, amended, external) is one line in LOG, on
the disk before anybody hears of it. It starts from LOG when there is one. A client may be killed at
any instant: half a line is no request. ``venue_checker`` reads LOG; ``venue_client`` speaks to it.

    asked                                            answered
    {"id": 1, "op": "submit", "order": {...}}        {"id": 1, "ok": {"reports": [...]}}
    {"id": 2, "op": "cancel", "client_order_id": x}  {"id": 2, "error": "refused", "reason": "..."}
    {"op": "subscribe", "after": 17}                 {"no": 18, "report": {...}} and so on, for ever

Other calls: amend, query, open_orders, positions, balances. Whoever controls it may also say:

    price       {instrument_id, price}       open orders fill at it, where it reaches them
    fill        {client_order_id, quantity}  a fill, whatever the price; without quantity the rest
    expire      {client_order_id}
    external    {instrument_id, side, quantity, price}     a trade by hand; is_silent: not told
    fault       {on: submit, fates: [...]}   what becomes of the next calls of a kind
    plan        {rates: {fate: rate}}        the same by lot, from the seed; also --plan
    disconnect  {}                           all clients
    repeat      {}                           all reports once more
    doors       {open: false}                no client gets in

    fates: busy, refuse, drop_before, drop_after, silent_before, silent_after, slow
    rates besides: duplicate (a report comes twice), swap (after the next one), partial (a fill)
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import time
from collections import deque
from decimal import Decimal
from pathlib import Path
from typing import Any

FATES = ("busy", "refuse", "drop_before", "drop_after", "silent_before", "silent_after", "slow")
SLOW_S = 0.05
PRICE = Decimal(100)
"""Of an instrument that nobody has priced."""
COMMISSION = Decimal("0.25")
"""Of every fill."""
ENDS = ("canceled", "expired", "filled")


class RefusedError(Exception):
    """A definite no; ``kind`` is what the answer calls it."""

    def __init__(self, reason: str, kind: str = "refused") -> None:
        super().__init__(reason)
        self.kind = kind


class Book:
    """The log, and the state that is the fold of it."""

    def __init__(self, path: Path, *, cash: Decimal, accepts_repeats: bool) -> None:
        self.records: list[dict[str, Any]] = []
        self.orders: dict[str, dict[str, Any]] = {}
        self.by_client_id: dict[str, str] = {}
        self.cash = cash
        self.holdings: dict[str, Decimal] = {}
        self.prices: dict[str, Decimal] = {}
        self.trades = 0
        self.accepts_repeats = accepts_repeats
        kept = read_log(path)
        self._file = path.open("ab")
        torn = path.stat().st_size - sum(len(line) for line in kept)
        if torn:
            self._file.truncate(path.stat().st_size - torn)
        for line in kept:
            self._apply(json.loads(line))

    def write(self, kind: str, **fields: Any) -> dict[str, Any]:
        """One fact: on the disk, then in the state."""
        record = {"no": len(self.records) + 1, "kind": kind, "ts": time.time_ns(), **fields}
        self._file.write(json.dumps(record).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._apply(record)
        return record

    def _apply(self, record: dict[str, Any]) -> None:
        self.records.append(record)
        kind = record["kind"]
        if kind == "accepted":
            legs = record["order"]["legs"]
            self.orders[record["venue_order_id"]] = {
                **record["order"],
                "venue_order_id": record["venue_order_id"],
                "state": "accepted",
                "filled": [Decimal(0) for _ in legs],
                "fills": [],
                "accepted_s": time.monotonic(),
                "ts": record["ts"],
            }
            self.by_client_id[record["client_order_id"]] = record["venue_order_id"]
        elif kind in ("filled", "external"):
            self._book(record)
        elif kind == "amended":
            order = self.orders[record["venue_order_id"]]
            order.update(record["terms"])
            if "quantity" in record["terms"]:
                order["legs"][0]["quantity"] = record["terms"]["quantity"]
        if kind in ("canceled", "expired"):
            self.orders[record["venue_order_id"]]["state"] = kind
        if record.get("venue_order_id") in self.orders:
            self.orders[record["venue_order_id"]]["ts"] = record["ts"]

    def _book(self, record: dict[str, Any]) -> None:
        self.trades += 1
        quantity, price = Decimal(record["quantity"]), Decimal(record["price"])
        signed = quantity if record["side"] == "BUY" else -quantity
        instrument_id = record["instrument_id"]
        self.holdings[instrument_id] = self.holdings.get(instrument_id, Decimal(0)) + signed
        self.cash -= signed * price + Decimal(record["commission"])
        if record["kind"] == "external":
            return
        order = self.orders[record["venue_order_id"]]
        order["filled"][record["leg_index"]] += quantity
        order["fills"].append(report_of(record))
        wanted = [Decimal(leg["quantity"]) for leg in order["legs"]]
        is_full = all(done >= all_ for done, all_ in zip(order["filled"], wanted, strict=True))
        if order["state"] not in ("canceled", "expired"):
            order["state"] = "filled" if is_full else "partially_filled"

    # -- what may happen ------------------------------------------------------------------------

    def accept(self, order: dict[str, Any], instruments: frozenset[str]) -> dict[str, Any]:
        client_order_id = order["client_order_id"]
        if client_order_id in self.by_client_id and not self.accepts_repeats:
            raise RefusedError(f"{client_order_id} was used", "repeated")
        fault = order_fault(order, instruments)
        if fault:
            self.write("refused", client_order_id=client_order_id, reason=fault)
            raise RefusedError(fault)
        venue_order_id = f"V{len(self.orders) + 1}"
        return self.write(
            "accepted", client_order_id=client_order_id, venue_order_id=venue_order_id, order=order
        )

    def order_of(self, client_order_id: str) -> dict[str, Any]:
        venue_order_id = self.by_client_id.get(client_order_id)
        if venue_order_id is None:
            raise RefusedError(f"{client_order_id} is not known", "not_known")
        return self.orders[venue_order_id]

    def open_orders(self) -> list[dict[str, Any]]:
        found = [one for one in self.orders.values() if one["state"] not in ENDS]
        return sorted(found, key=lambda one: (one["client_order_id"], one["venue_order_id"]))

    def end(self, client_order_id: str, kind: str) -> dict[str, Any]:
        order = self.order_of(client_order_id)
        if order["state"] in ENDS:
            raise RefusedError(f"{client_order_id} is {order['state']}")
        return self.write(
            kind, client_order_id=client_order_id, venue_order_id=order["venue_order_id"]
        )

    def fill(self, order: dict[str, Any], quantity: Decimal | None = None) -> list[dict[str, Any]]:
        """Fills what is left of every leg, or a quantity of the first."""
        records: list[dict[str, Any]] = []
        for index, leg in enumerate(order["legs"]):
            left = Decimal(leg["quantity"]) - order["filled"][index]
            traded = left if quantity is None else quantity
            if traded <= 0:
                continue
            records.append(
                self.write(
                    "filled",
                    client_order_id=order["client_order_id"],
                    venue_order_id=order["venue_order_id"],
                    trade_id=f"T{self.trades + 1}",
                    leg_index=index,
                    instrument_id=leg["instrument_id"],
                    side=leg["side"],
                    quantity=str(traded),
                    price=str(self.prices.get(leg["instrument_id"], PRICE)),
                    commission=str(COMMISSION),
                )
            )
            if quantity is not None:
                break
        return records

    def is_reached(self, order: dict[str, Any]) -> bool:
        if order["order_type"] == "MARKET":
            return True
        leg = order["legs"][0]
        price = self.prices.get(leg["instrument_id"], PRICE)
        sign = 1 if leg["side"] == "BUY" else -1
        if order["order_type"] == "LIMIT":
            return sign * price <= sign * Decimal(order["limit_price"])
        return sign * price >= sign * Decimal(order["stop_price"])


def order_fault(order: dict[str, Any], instruments: frozenset[str]) -> str:
    if not order["legs"]:
        return "an order needs a leg"
    for leg in order["legs"]:
        if instruments and leg["instrument_id"] not in instruments:
            return f"unknown instrument {leg['instrument_id']}"
        quantity = Decimal(leg["quantity"])
        if not quantity.is_finite() or quantity <= 0:
            return f"quantity {quantity}"
    needed = {"LIMIT": "limit_price", "STOP_MARKET": "stop_price"}.get(order["order_type"])
    if needed and (order[needed] is None or not Decimal(order[needed]).is_finite()):
        return f"a {order['order_type']} order needs its {needed}"
    if order["time_in_force"] == "GTD" and order["expire_ts"] is None:
        return "a GTD order needs its end"
    return ""


def read_log(path: Path) -> list[bytes]:
    """The whole lines of a log; a torn one at the end is left out."""
    if not path.exists():
        return []
    return [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def report_of(record: dict[str, Any]) -> dict[str, Any] | None:
    """What a fact sounds like on the stream; a refusal is in the answer only."""
    kind, ts = record["kind"], record["ts"]
    common = {"client_order_id": record.get("client_order_id"), "ts_event": ts}
    if kind == "accepted":
        venue_order_id = record["venue_order_id"]
        return {"type": "OrderAcceptedReport", **common, "venue_order_id": venue_order_id}
    if kind in ("canceled", "expired"):
        return {"type": f"Order{kind.capitalize()}Report", **common}
    if kind not in ("filled", "external") or record.get("is_silent"):
        return None
    trade = {
        "trade_id": record["trade_id"],
        "instrument_id": record["instrument_id"],
        "side": record["side"],
        "last_qty": record["quantity"],
        "last_px": record["price"],
        "commission": record["commission"],
        "ts_event": ts,
    }
    if kind == "external":
        return {"type": "ExternalFillReport", **trade}
    own = {key: record[key] for key in ("client_order_id", "venue_order_id", "leg_index")}
    return {"type": "OrderFilledReport", **own, **trade}


def shown(order: dict[str, Any]) -> dict[str, Any]:
    return {
        "client_order_id": order["client_order_id"],
        "venue_order_id": order["venue_order_id"],
        "status": order["state"].upper(),
        "fills": order["fills"],
        "ts_event": order["ts"],
    }


class Server:
    """Talks; what it says about orders is in the book already."""

    def __init__(self, book: Book, options: argparse.Namespace) -> None:
        self.book = book
        self.options = options
        self.instruments = frozenset(one for one in options.instruments.split(",") if one)
        self.draws = random.Random(options.seed)  # noqa: S311 - mishaps, no secrets
        self.rates: dict[str, float] = json.loads(options.plan)
        self.fates: dict[str, deque[str]] = {}
        self.listeners: dict[asyncio.StreamWriter, int] = {}
        self.clients: dict[asyncio.StreamWriter, None] = {}
        self.swapped: list[dict[str, Any]] = []
        self.is_open = True
        self.serving: set[asyncio.Task[None]] = set()

    async def serve_client(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self.is_open:
            self.clients[writer] = None
            await self.listen(reader, writer)
        self.forget(writer)

    async def serve_control(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await self.listen(reader, writer)
        self.forget(writer)

    async def listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task: Any = asyncio.current_task()
        self.serving.add(task)
        task.add_done_callback(self.serving.discard)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            while line := await reader.readline():
                if not line.endswith(b"\n"):
                    break  # the client died while it wrote
                await self.answer(json.loads(line), writer)

    def forget(self, writer: asyncio.StreamWriter) -> None:
        self.clients.pop(writer, None)
        self.listeners.pop(writer, None)
        writer.close()

    def send(self, writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
        if not writer.is_closing():
            writer.write(json.dumps(message).encode() + b"\n")

    async def answer(self, request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        number = request.get("id")
        fate = self.fate(request["op"])
        if fate in ("drop_before", "silent_before", "busy"):
            self.unanswered(fate, number, writer)
            return
        try:
            if fate == "refuse":
                raise RefusedError("refused on request")
            if fate == "slow":
                await asyncio.sleep(SLOW_S)
            ok = self.do(request, writer)
        except RefusedError as refused:
            self.send(writer, {"id": number, "error": refused.kind, "reason": str(refused)})
        else:
            if fate in ("drop_after", "silent_after"):
                self.unanswered(fate, number, writer)
            else:
                self.send(writer, {"id": number, "ok": ok})
        if not writer.is_closing():
            await writer.drain()

    def unanswered(self, fate: str, number: Any, writer: asyncio.StreamWriter) -> None:
        if fate == "busy":
            self.send(writer, {"id": number, "error": "busy", "reason": "busy on request"})
        if fate.startswith("drop"):
            self.disconnect()

    def fate(self, op: str) -> str:
        if op not in ("submit", "cancel", "amend", "query"):
            return ""
        scripted = self.fates.get(op)
        if scripted:
            return scripted.popleft()
        for fate in FATES:  # always as many draws, so that one rate does not shift the others
            if self.draws.random() < self.rates.get(fate, 0.0):
                return fate
        return ""

    def do(self, request: dict[str, Any], writer: asyncio.StreamWriter) -> Any:
        """One call, or one order of the controller; what it answers, if it succeeds."""
        name = request["op"]
        if name == "subscribe":
            self.listeners[writer] = 0
            for record in self.book.records[request.get("after", 0) :]:
                self.say(record, writer)
            return {}
        handler = getattr(self, f"on_{name}", None)
        if handler is None:
            raise RefusedError(f"no such call {name!r}")
        answer = handler(request)
        return {} if answer is None else answer

    # -- calls of a client ----------------------------------------------------------------------

    def on_submit(self, request: dict[str, Any]) -> None:
        record = self.book.accept(request["order"], self.instruments)
        self.tell(record)
        order = self.book.orders[record["venue_order_id"]]
        if self.options.fill == "at_once" and self.book.is_reached(order):
            self.trade(order)

    def on_cancel(self, request: dict[str, Any]) -> None:
        self.tell(self.book.end(request["client_order_id"], "canceled"))

    def on_amend(self, request: dict[str, Any]) -> None:
        self.tell(self.amend(request["client_order_id"], request["terms"]))

    def on_query(self, request: dict[str, Any]) -> dict[str, Any]:
        order = self.book.order_of(request["client_order_id"])
        if time.monotonic() < order["accepted_s"] + self.options.visibility_delay_s:
            raise RefusedError("not known yet", "not_known")
        return shown(order)

    def on_open_orders(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        return [shown(one) for one in self.book.open_orders()]

    def on_positions(self, request: dict[str, Any]) -> list[list[str]]:
        held = sorted(self.book.holdings.items())
        return [[one, str(quantity)] for one, quantity in held if quantity]

    def on_balances(self, request: dict[str, Any]) -> list[list[str]]:
        return [["USD", str(self.book.cash)]]

    # -- orders of the controller ---------------------------------------------------------------

    def on_price(self, request: dict[str, Any]) -> None:
        book, instrument_id = self.book, request["instrument_id"]
        book.prices[instrument_id] = Decimal(request["price"])
        for order in book.open_orders():
            ids = [leg["instrument_id"] for leg in order["legs"]]
            if instrument_id in ids and book.is_reached(order):
                self.trade(order)

    def on_fill(self, request: dict[str, Any]) -> None:
        quantity = request.get("quantity")
        order = self.book.order_of(request["client_order_id"])
        for record in self.book.fill(order, None if quantity is None else Decimal(quantity)):
            self.tell(record)

    def on_expire(self, request: dict[str, Any]) -> None:
        self.tell(self.book.end(request["client_order_id"], "expired"))

    def on_external(self, request: dict[str, Any]) -> None:
        trade = {key: request[key] for key in ("instrument_id", "side", "quantity")}
        trade |= {"price": request.get("price", str(PRICE)), "commission": "0"}
        trade |= {"is_silent": bool(request.get("is_silent"))}
        self.tell(self.book.write("external", trade_id=f"T{self.book.trades + 1}", **trade))

    def on_fault(self, request: dict[str, Any]) -> None:
        self.fates.setdefault(request["on"], deque()).extend(request["fates"])

    def on_plan(self, request: dict[str, Any]) -> None:
        self.rates = request["rates"]
        late, self.swapped = self.swapped, []
        for record in late:
            self.tell(record)

    def on_disconnect(self, request: dict[str, Any]) -> None:
        self.disconnect()

    def on_repeat(self, request: dict[str, Any]) -> None:
        for record in self.book.records:
            self.tell(record)

    def on_doors(self, request: dict[str, Any]) -> None:
        self.is_open = request["open"]

    # -- inside ---------------------------------------------------------------------------------

    def amend(self, client_order_id: str, terms: dict[str, Any]) -> dict[str, Any]:
        order = self.book.order_of(client_order_id)
        if order["state"] in ENDS:
            raise RefusedError(f"{client_order_id} is {order['state']}")
        if len(order["legs"]) != 1 or Decimal(terms.get("quantity", 1)) <= order["filled"][0]:
            raise RefusedError("the terms do not fit the order")
        return self.book.write(
            "amended",
            client_order_id=client_order_id,
            venue_order_id=order["venue_order_id"],
            terms=terms,
        )

    def trade(self, order: dict[str, Any]) -> None:
        is_part = self.draws.random() < self.rates.get("partial", 0.0)
        left = Decimal(order["legs"][0]["quantity"]) - order["filled"][0]
        part = left // 2 if is_part and len(order["legs"]) == 1 else Decimal(0)
        for record in self.book.fill(order, part or None):
            self.tell(record)

    def tell(self, record: dict[str, Any]) -> None:
        """To all listeners; twice, or after the next one, as drawn."""
        if self.draws.random() < self.rates.get("swap", 0.0):
            self.swapped.append(record)
            return
        times = 2 if self.draws.random() < self.rates.get("duplicate", 0.0) else 1
        late, self.swapped = self.swapped, []
        for one in (*[record] * times, *late):
            for writer in tuple(self.listeners):
                self.say(one, writer)

    def say(self, record: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        report = report_of(record)
        if report is not None:
            self.send(writer, {"no": record["no"], "report": report})

    def disconnect(self) -> None:
        for writer in tuple(self.clients):
            self.forget(writer)


async def serve(options: argparse.Namespace) -> None:
    book = Book(
        Path(options.log), cash=Decimal(options.cash), accepts_repeats=options.accept_repeats
    )
    venue = Server(book, options)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    server = await asyncio.start_server(venue.serve_client, "127.0.0.1", options.port)
    control = await asyncio.start_server(venue.serve_control, "127.0.0.1", options.control_port)
    ports = [one.sockets[0].getsockname()[1] for one in (server, control)]
    sys.stdout.write(json.dumps({"port": ports[0], "control": ports[1]}) + "\n")
    sys.stdout.flush()
    await stopped.wait()
    venue.is_open = False
    for one in (server, control):
        one.close()
    venue.disconnect()
    for task in tuple(venue.serving):
        task.cancel()
    await asyncio.gather(*venue.serving, return_exceptions=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("log")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--control-port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cash", default="1000000")
    parser.add_argument("--fill", choices=("at_once", "on_price"), default="on_price")
    parser.add_argument("--instruments", default="", help="comma separated; none means any")
    parser.add_argument("--visibility-delay-s", type=float, default=0.0)
    parser.add_argument("--accept-repeats", action="store_true")
    parser.add_argument("--plan", default="{}", help="rates of faults, JSON")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
