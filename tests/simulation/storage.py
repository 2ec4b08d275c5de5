"""A disk that loses, tears and flips what was not synced, and the journal that is written to it.

``Disk`` is bytes per file with a mark up to which they are durable. A crash keeps everything below
the mark and makes of the rest what a real disk may: nothing, a part cut anywhere, zeros, or frames
in another order. ``DiskJournal`` implements the runtime's ``Journal`` on it, ``DiskReader`` its
``JournalReader``: frames of length, checksum and payload, each chained to the one before.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

import msgspec

from orchestrion.runtime.errors import JournalDamagedError, JournalError, JournalFormatError
from orchestrion.runtime.journal import (
    GENESIS_HASH,
    JournalHeader,
    JournalTrailer,
    Record,
    RecordKind,
    Snapshot,
    chain_hash,
)
from orchestrion.runtime.journal_store import Segment
from tests.simulation.chance import Chance

_FRAME = struct.Struct(">II")
_HASH_BYTES = 32
_HEADER, _RECORD, _TRAILER = b"H", b"R", b"T"
READ_FILES_KEPT = 32
"""What was read of so many files is kept; a run has about a dozen. Arbitrary."""


class SimulatedCrash(BaseException):
    """The process ends here. Not an ``Exception``: nobody may handle it and go on."""


class StorageFaultError(JournalError):
    """What an operating system says: ENOSPC, EIO, a failed fsync."""


class CrashPoint(Enum):
    BEFORE_APPEND = "before append"
    MID_WRITE = "mid-write"
    AFTER_APPEND = "after write, before sync"
    BEFORE_SYNC = "before sync"
    AFTER_SYNC = "after sync, before submit"


class TornOutcome(Enum):
    """What becomes of bytes that were not synced: four ways to lose them, and luck."""

    KEPT = "kept"
    LOST = "lost"
    CUT = "cut"
    ZEROED = "zero-filled"
    REORDERED = "reordered"


class File:
    """Bytes, how many of them are durable, and where the frames behind the mark begin."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.durable = 0
        self.pending: list[bytes] = []

    def write(self, frame: bytes) -> None:
        self.content += frame
        self.pending.append(frame)

    def sync(self) -> None:
        self.durable = len(self.content)
        self.pending.clear()

    def crash(self, outcome: TornOutcome, chance: Chance) -> None:
        tail = bytes(self.content[self.durable :])
        del self.content[self.durable :]
        if outcome is TornOutcome.KEPT:
            self.content += tail
        elif outcome is TornOutcome.CUT and tail:
            self.content += tail[: chance.between(0, len(tail))]
        elif outcome is TornOutcome.ZEROED and tail:
            kept = chance.between(0, len(tail))
            self.content += tail[:kept] + bytes(len(tail) - kept)
        elif outcome is TornOutcome.REORDERED and len(self.pending) > 1:
            frames = list(self.pending)
            place = chance.between(0, len(frames) - 2)
            frames[place], frames[place + 1] = frames[place + 1], frames[place]
            self.content += b"".join(frames)
        # What a reader finds after the restart is all that there is, and it is on the disk.
        self.durable = len(self.content)
        self.pending.clear()


class Disk:
    """Files by name, in the order of their making."""

    def __init__(self) -> None:
        self.files: dict[str, File] = {}

    def create(self, name: str) -> File:
        if name in self.files:
            raise JournalFormatError(f"there is a file {name} already")
        file = self.files[name] = File()
        return file

    def crash(self, outcome: TornOutcome, chance: Chance) -> None:
        for file in self.files.values():
            file.crash(outcome, chance)

    def clone(self) -> Disk:
        """The same bytes on another disk, to try something out."""
        other = Disk()
        for name, file in self.files.items():
            copy = other.create(name)
            copy.content += file.content
            copy.durable = len(copy.content)
        return other

    def flip(self, name: str, chance: Chance) -> int:
        """Flips one durable bit; returns the place of its byte."""
        content = self.files[name].content
        place = chance.between(0, len(content) - 1)
        content[place] ^= 1 << chance.between(0, 7)
        return place


class DiskJournal:
    """Writes frames; see ``Journal``.

    Attributes:
        watchers: called with every record, before it is written.
        on_call: called before each call of the storage with its name; may raise.
        appended, synced: how many records were written, and how many of them are durable.
        next_frame: bytes of the record that is being written.
        has_failed: after a failed call nothing may be written any more.
    """

    def __init__(self, file: File) -> None:
        self.watchers: list[Callable[[Record], None]] = []
        self.on_call: Callable[[str], None] = _nothing
        self.appended = 0
        self.synced = 0
        self.has_failed = False
        self.next_frame = b""
        self._file = file
        self._chain = GENESIS_HASH

    def begin(self, header: JournalHeader) -> None:
        self._call("begin")
        body = msgspec.json.encode(header)
        self._chain = _header_hash(body)
        self._file.write(_frame(_HEADER + body))
        self.sync()

    def append(self, record: Record) -> None:
        self._require_sound()
        for watcher in self.watchers:
            watcher(record)
        chain = chain_hash(self._chain, record)
        self.next_frame = _frame(_RECORD + chain + msgspec.msgpack.encode(record))
        self._call("append")
        self._chain = chain
        self._file.write(self.next_frame)
        self.appended += 1
        self._call("appended")

    def sync(self) -> None:
        self._require_sound()
        self._call("sync")
        self._file.sync()
        self.synced = self.appended
        self._call("synced")

    def finish(self, trailer: JournalTrailer) -> None:
        self._require_sound()
        self._file.write(_frame(_TRAILER + msgspec.json.encode(trailer)))
        self.sync()

    def close(self) -> None:
        if not self.has_failed:
            self.sync()

    def tear(self, part: float) -> None:
        """Writes the first part of the record at hand, for a crash in the middle of a write."""
        # Not among the frames that may change places: it is no whole one.
        self._file.content += self.next_frame[: int(len(self.next_frame) * part)]

    def _call(self, name: str) -> None:
        try:
            self.on_call(name)
        except BaseException:
            self.has_failed = True
            raise

    def _require_sound(self) -> None:
        if self.has_failed:
            raise StorageFaultError("the journal has failed and is not written any more")


class DiskReader:
    """Reads frames; a torn tail is cut, damage before it is an error. See ``JournalReader``.

    Attributes:
        cut_bytes: of a torn tail that were left out.
    """

    def __init__(self, file: File) -> None:
        found = _read(bytes(file.content))
        self.cut_bytes = found.cut_bytes
        self.header = found.header
        self.trailer = found.trailer
        self._found = found

    def snapshot(self) -> Snapshot | None:
        records = self._found.records
        for place in range(len(records) - 1, -1, -1):
            if records[place].kind is RecordKind.SNAPSHOT:
                return Snapshot(place + 1, records[place])
        return None

    def records(self, *, verify: bool = True, after: int = 0) -> Iterator[Record]:
        yield from self._found.records[after:]

    def last_chain(self) -> bytes:
        """The running hash after the last record."""
        return self._found.last_chain


class _Found(NamedTuple):
    """What a file holds."""

    header: JournalHeader
    trailer: JournalTrailer | None
    records: tuple[Record, ...]
    last_chain: bytes
    cut_bytes: int


@lru_cache(maxsize=READ_FILES_KEPT)
def _read(content: bytes) -> _Found:
    """The same bytes are the same records: a run comes back many times to files that nobody has
    written since, and checks them on the disk as on its copies."""
    payloads, read = _payloads(content)
    if not payloads or payloads[0][:1] != _HEADER:
        raise JournalFormatError("there is no header")
    header_body = payloads[0][1:]
    header = msgspec.json.decode(header_body, type=JournalHeader)
    trailer: JournalTrailer | None = None
    if payloads[-1][:1] == _TRAILER:
        trailer = msgspec.json.decode(payloads.pop()[1:], type=JournalTrailer)
    cut_bytes = len(content) - read
    chain = _header_hash(header_body)
    records: list[Record] = []
    for place, payload in enumerate(payloads[1:], start=1):
        record = _record_of(payload) if payload[:1] == _RECORD else None
        after = b"" if record is None else chain_hash(chain, record)
        if record is None or after != payload[1 : 1 + _HASH_BYTES]:
            # Frames that were written in another order are intact one by one; the chain tells. What
            # is behind them is cut with them, a trailer too, and one may stand among them.
            cut_bytes = len(content) - _end_of(payloads[:place])
            trailer = None
            break
        chain = after
        records.append(record)
    return _Found(header, trailer, tuple(records), chain, cut_bytes)


def _end_of(payloads: Sequence[bytes]) -> int:
    return sum(len(one) + _FRAME.size for one in payloads)


def _payloads(content: bytes) -> tuple[list[bytes], int]:
    """Whole frames, and how many bytes they take.

    Raises:
        JournalDamagedError: one is damaged and is not the last.
    """
    found: list[bytes] = []
    place = 0
    while place + _FRAME.size <= len(content):
        length, checksum = _FRAME.unpack_from(content, place)
        payload = content[place + _FRAME.size : place + _FRAME.size + length]
        if len(payload) < length or not length or zlib.crc32(payload) != checksum:
            if _is_sound_behind(content, place):
                raise JournalDamagedError(
                    f"frame {len(found)} at byte {place} is damaged", position=len(found)
                )
            break
        found.append(payload)
        place += _FRAME.size + length
    return found, place


def _is_sound_behind(content: bytes, place: int) -> bool:
    """Whether any whole frame stands somewhere behind a damaged one: then it is no tail."""
    end_of_all = len(content)
    # The length of a frame that fits begins with so many zero bytes; finding those first is fast.
    zeros = bytes(_FRAME.size // 2 - (end_of_all.bit_length() + 7) // 8)
    start = content.find(zeros, place + 1)
    while 0 <= start < end_of_all - _FRAME.size:
        length, checksum = _FRAME.unpack_from(content, start)
        end = start + _FRAME.size + length
        fits = length > _HASH_BYTES and end <= end_of_all
        if fits and zlib.crc32(content[start + _FRAME.size : end]) == checksum:
            return True
        start = content.find(zeros, start + 1)
    return False


def _record_of(payload: bytes) -> Record:
    return msgspec.msgpack.decode(payload[1 + _HASH_BYTES :], type=Record)


def _frame(payload: bytes) -> bytes:
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def _header_hash(body: bytes) -> bytes:
    return chain_hash(GENESIS_HASH, Record(0, RecordKind.EVENT, "JournalHeader", 0, body))


def _nothing(_: str) -> None:
    """No fault is planned."""


class DiskStore:
    """A chain of journals on a disk; see ``JournalStore``.

    Attributes:
        opened: called with every new journal, before anything is written to it.
    """

    def __init__(self, disk: Disk, opened: Callable[[DiskJournal], None] | None = None) -> None:
        self._disk = disk
        self._opened = opened

    def segments(self) -> tuple[Segment, ...]:
        """All segments; a last file that never got its header is none."""
        found: list[Segment] = []
        names = list(self._disk.files)
        for name in names:
            try:
                found.append(Segment(name, DiskReader(self._disk.files[name])))
            except JournalFormatError:
                if name != names[-1]:
                    raise
                del self._disk.files[name]
        return tuple(found)

    def begin(self, header: JournalHeader) -> DiskJournal:
        journal = DiskJournal(self._disk.create(f"{len(self._disk.files) + 1:06}"))
        if self._opened is not None:
            self._opened(journal)
        journal.begin(header)
        return journal

    def close(self) -> None:
        """Nothing to let go of."""


def records_of(disk: Disk) -> list[Record]:
    """All records of all segments.

    Raises:
        JournalDamagedError: one of them is damaged.
    """
    return [record for segment in DiskStore(disk).segments() for record in segment.reader.records()]
