"""What a strategy's host remembers, as plain data and back: frozen states, messages, views."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

import msgspec

from orchestrion.actors.messages import (
    BookChanged,
    CatalogChanged,
    FillDelivered,
    OrdersChanged,
    SliceDelivered,
    StartDelivered,
    StopDelivered,
)
from orchestrion.domain.models.instrument import Instrument, InstrumentCatalog
from orchestrion.domain.models.order import Order
from orchestrion.domain.models.portfolio import Book, sealed
from orchestrion.runtime.errors import JournalFormatError
from orchestrion.runtime.state import from_plain, require_fields, to_plain

_MESSAGES: dict[str, type] = {
    one.__name__: one
    for one in (
        BookChanged,
        OrdersChanged,
        SliceDelivered,
        FillDelivered,
        StartDelivered,
        StopDelivered,
    )
}
_CATALOG = CatalogChanged.__name__


class FrozenState(msgspec.Struct, frozen=True, omit_defaults=True):
    """A strategy's state that nothing can change any more.

    Attributes:
        packed: MessagePack, because JSON would turn a NaN into null. Its integers end at 64 bits;
        text: a state with longer ones, as JSON.
    """

    packed: bytes = b""
    text: str = ""

    def thaw(self) -> object:
        """The state, a new copy each time."""
        if self.text:
            return cast("object", json.loads(self.text))
        return cast("object", msgspec.msgpack.decode(self.packed))


def freeze(state: object) -> FrozenState:
    """A state as a strategy gave it.

    Raises:
        TypeError: it is no plain data.
    """
    try:
        return FrozenState(packed=msgspec.msgpack.encode(state))
    except OverflowError:
        return FrozenState(text=json.dumps(state))


def plain_message(message: object) -> list[object]:
    """A message that a strategy was told, as [kind, body]."""
    name = type(message).__name__
    if isinstance(message, CatalogChanged):
        return [name, to_plain(tuple(message.catalog))]
    return [name, to_plain(message)]


def messages_of(log: object, currency: str) -> list[object]:
    """What ``plain_message`` was given, one after the other.

    Raises:
        JournalFormatError: something in it is no such message.
    """
    if not isinstance(log, list):
        raise JournalFormatError("the log of a strategy is no list")
    return [_message(one, currency) for one in cast("list[object]", log)]


def _message(plain: object, currency: str) -> object:
    entry = cast("list[object]", plain) if isinstance(plain, list) else []
    name = str(entry[0]) if len(entry) == 2 else ""
    if name == _CATALOG:
        instruments: tuple[Instrument, ...] = from_plain(entry[1], tuple[Instrument, ...], name)
        return CatalogChanged(InstrumentCatalog(instruments, currency=currency))
    if name not in _MESSAGES:
        raise JournalFormatError(f"the log of a strategy holds an unknown {name or 'entry'!r}")
    message: object = from_plain(entry[1], _MESSAGES[name], name)
    return BookChanged(sealed(message.book)) if isinstance(message, BookChanged) else message


def plain_view(book: Book, orders: Mapping[str, Order], now: int) -> dict[str, object]:
    """What moves in a strategy's view."""
    return {"book": to_plain(book), "orders": to_plain(dict(orders)), "now": now}


def view_of(plain: object) -> tuple[Book, Mapping[str, Order], int]:
    """What ``plain_view`` was given.

    Raises:
        JournalFormatError: it is no such view.
    """
    given = require_fields(plain, ("book", "orders", "now"), "a view")
    book: Book = from_plain(given["book"], Book, "a view")
    orders: dict[str, Order] = from_plain(given["orders"], dict[str, Order], "a view")
    now: int = from_plain(given["now"], int, "a view")
    return sealed(book), MappingProxyType(orders), now
