"""Writes small, valid Windows event logs (.evtx) for samples and tests.

    with EvtxWriter("udr.evtx") as log:
        log.add(Record(provider="Microsoft-Windows-User Device Registration", id=304, time=..., data=[("ExitCode", "i32", -2145648611)]))

The layout is that of Windows: a file header of 4 KiB, chunks of 64 KiB, each with its own tables of names and templates,
records of binary XML that use a template for <System> and one per shape of <EventData>. Same records, same bytes.
Format: [MS-EVEN6] 2.2, and the notes of the libevtx project. Readers that must agree on what it writes: evtx (JSON and
XML), python-evtx, and this project's own (tests/test_evtx_writer.py).
"""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

CHUNK, FIRST, HEADER = 65536, 512, 4096
NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_CODES = {
    "null": 0x00,
    "str": 0x01,
    "u8": 0x04,
    "u16": 0x06,
    "i32": 0x07,
    "u32": 0x08,
    "u64": 0x0A,
    "bool": 0x0D,
    "guid": 0x0F,
    "time": 0x11,
    "sid": 0x13,
    "hex32": 0x14,
    "hex64": 0x15,
    "xml": 0x21,
}
_FORMATS = {"u8": "<B", "u16": "<H", "i32": "<i", "u32": "<I", "u64": "<Q", "bool": "<I", "hex32": "<I", "hex64": "<Q"}
_FRAGMENT = b"\x0f\x01\x01\x00"
_OPEN, _OPEN_WITH_ATTRIBUTES, _CLOSE_START, _CLOSE_EMPTY, _END = 0x01, 0x41, 0x02, 0x03, 0x04
_TEXT, _ATTRIBUTE, _MORE_ATTRIBUTES, _TEMPLATE, _VALUE, _OPTIONAL = 0x05, 0x06, 0x46, 0x0C, 0x0D, 0x0E
_NO_DEPENDENCY = 0xFFFF


@dataclass(frozen=True)
class Record:
    """One event. ``data``: (name, kind, value), kinds as in ``_CODES``. ``time`` is aware; ``level`` 2 is Error."""

    provider: str
    id: int
    time: datetime
    channel: str
    computer: str
    data: Sequence[tuple[str, str, Any]] = ()
    level: int = 4
    guid: str | None = None
    user: str | None = None
    activity: str | None = None
    process: int = 1204
    thread: int = 4


@dataclass(frozen=True)
class _Element:
    """A template element. Attribute and content values are a literal text, or (place, kind) of a substitution."""

    name: str
    attributes: tuple[tuple[str, str | tuple[int, str]], ...] = ()
    content: tuple[_Element | tuple[int, str], ...] = ()
    depends: int = _NO_DEPENDENCY
    required: bool = False


# Places of the values of <System>, in the order Windows uses.
_LEVEL, _OPCODE, _TASK, _ID, _QUALIFIERS, _KEYWORDS, _TIME, _ACTIVITY, _PROCESS, _THREAD, _NUMBER, _VERSION, _USER = (
    range(13)
)
_RELATED, _PROVIDER, _GUID, _CHANNEL, _BODY, _COMPUTER = range(13, 19)

_SYSTEM = _Element(
    "Event",
    (("xmlns", NAMESPACE),),
    (
        _Element(
            "System",
            (),
            (
                _Element("Provider", (("Name", (_PROVIDER, "str")), ("Guid", (_GUID, "guid")))),
                _Element("EventID", (("Qualifiers", (_QUALIFIERS, "u16")),), ((_ID, "u16"),), _ID),
                _Element("Version", (), ((_VERSION, "u8"),), _VERSION),
                _Element("Level", (), ((_LEVEL, "u8"),), _LEVEL),
                _Element("Task", (), ((_TASK, "u16"),), _TASK),
                _Element("Opcode", (), ((_OPCODE, "u8"),), _OPCODE),
                _Element("Keywords", (), ((_KEYWORDS, "hex64"),), _KEYWORDS),
                _Element("TimeCreated", (("SystemTime", (_TIME, "time")),)),
                _Element("EventRecordID", (), ((_NUMBER, "u64"),), _NUMBER),
                _Element(
                    "Correlation", (("ActivityID", (_ACTIVITY, "guid")), ("RelatedActivityID", (_RELATED, "guid")))
                ),
                _Element("Execution", (("ProcessID", (_PROCESS, "u32")), ("ThreadID", (_THREAD, "u32")))),
                _Element("Channel", (), ((_CHANNEL, "str"),), _CHANNEL),
                _Element("Computer", (), ((_COMPUTER, "str"),)),
                _Element("Security", (("UserID", (_USER, "sid")),)),
            ),
        ),
        (_BODY, "xml"),
    ),
    _BODY,
)


def _event_data(data: Sequence[tuple[str, str, Any]]) -> _Element:
    cells = tuple(
        _Element("Data", (("Name", name),), ((place, kind),), required=True)
        for place, (name, kind, _) in enumerate(data)
    )
    return _Element("EventData", (), cells)


def _filetime(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 10


def _sid(text: str) -> bytes:
    parts = [int(part) for part in text.split("-")[1:]]
    return (
        bytes([parts[0], len(parts) - 2])
        + parts[1].to_bytes(6, "big")
        + b"".join(struct.pack("<I", part) for part in parts[2:])
    )


def _encoded(kind: str, value: Any) -> tuple[int, bytes]:
    """(type code, bytes) of one substitution value; None is the null type."""
    if value is None or kind == "null":
        return 0, b""
    if kind == "str":
        return _CODES[kind], str(value).encode("utf-16-le")
    if kind == "guid":
        return _CODES[kind], uuid.UUID(str(value)).bytes_le
    if kind == "time":
        return _CODES[kind], struct.pack("<Q", _filetime(value))
    if kind == "sid":
        return _CODES[kind], _sid(value)
    return _CODES[kind], struct.pack(_FORMATS[kind], value)


def _hash(data: bytes) -> int:
    """The 16-bit hash under which a chunk files a name."""
    value = 0
    for unit in struct.unpack(f"<{len(data) // 2}H", data):
        value = (value * 65599 + unit) & 0xFFFFFFFF
    return value & 0xFFFF


class _Full(Exception):
    """The record does not fit into what is left of the chunk."""


class _Chunk:
    """64 KiB of records with the tables of names and templates they share."""

    def __init__(self) -> None:
        self.bytes = bytearray(CHUNK)
        self.at = FIRST
        self.names: dict[str, int] = {}
        self.templates: dict[str, int] = {}
        self.name_table = [0] * 64
        self.template_table = [0] * 32
        self.numbers: list[int] = []
        self.last = 0

    def _pack(self, layout: str, *values: int) -> int:
        """Write numbers here and return where they stand."""
        size = struct.calcsize(layout)
        if self.at + size > CHUNK:
            raise _Full
        struct.pack_into(layout, self.bytes, self.at, *values)
        self.at += size
        return self.at - size

    def _raw(self, data: bytes) -> None:
        if self.at + len(data) > CHUNK:
            raise _Full
        self.bytes[self.at : self.at + len(data)] = data
        self.at += len(data)

    def _size_from(self, place: int) -> None:
        """Fill in a size field with the number of bytes written since."""
        struct.pack_into("<I", self.bytes, place, self.at - place - 4)

    def _name(self, name: str) -> None:
        known = self.names.get(name)
        if known is not None:
            self._pack("<I", known)
            return
        self._pack("<I", self.at + 4)
        data = name.encode("utf-16-le")
        bucket = _hash(data) % 64
        place = self._pack("<IHH", self.name_table[bucket], _hash(data), len(name))
        self._raw(data + b"\x00\x00")
        self.names[name] = self.name_table[bucket] = place

    def _content(self, value: str | tuple[int, str], required: bool = False) -> None:
        if isinstance(value, str):
            self._pack("<BBH", _TEXT, 1, len(value))
            self._raw(value.encode("utf-16-le"))
        else:
            self._pack("<BHB", _VALUE if required else _OPTIONAL, value[0], _CODES[value[1]])

    def _element(self, element: _Element) -> None:
        self._pack("<BH", _OPEN_WITH_ATTRIBUTES if element.attributes else _OPEN, element.depends)
        size = self._pack("<I", 0)
        self._name(element.name)
        if element.attributes:
            attributes = self._pack("<I", 0)
            for number, (name, value) in enumerate(element.attributes, 1):
                self._pack("<B", _ATTRIBUTE if number == len(element.attributes) else _MORE_ATTRIBUTES)
                self._name(name)
                self._content(value)
            self._size_from(attributes)
        if element.content:
            self._pack("<B", _CLOSE_START)
            for one in element.content:
                if isinstance(one, _Element):
                    self._element(one)
                else:
                    self._content(one, element.required)
            self._pack("<B", _END)
        else:
            self._pack("<B", _CLOSE_EMPTY)
        self._size_from(size)

    def _instance(self, key: str, element: _Element) -> None:
        """A use of a template; its definition stands in front of its first use in the chunk."""
        identity = uuid.uuid5(uuid.NAMESPACE_URL, key).bytes_le
        self._pack("<BB", _TEMPLATE, 1)
        self._raw(identity[:4])
        known = self.templates.get(key)
        if known is not None:
            self._pack("<I", known)
            return
        self._pack("<I", self.at + 4)
        bucket = _hash(identity) % 32
        place = self._pack("<I", self.template_table[bucket])
        self._raw(identity)
        size = self._pack("<I", 0)
        self._raw(_FRAGMENT)
        self._element(element)
        self._pack("<B", 0)
        self._size_from(size)
        self.templates[key] = self.template_table[bucket] = place

    def add(self, number: int, record: Record) -> None:
        """Write a record. Raises _Full and leaves the chunk as it was when there is no room."""
        before = (self.at, dict(self.names), dict(self.templates), list(self.name_table), list(self.template_table))
        try:
            start = self._write(number, record)
        except _Full:
            at, self.names, self.templates, self.name_table, self.template_table = before
            self.bytes[at:] = bytes(CHUNK - at)
            self.at = at
            raise
        self.numbers.append(number)
        self.last = start

    def _write(self, number: int, record: Record) -> int:
        start = self._pack("<4sIQQ", b"**\x00\x00", 0, number, _filetime(record.time))  # type: ignore[arg-type]
        self._raw(_FRAGMENT)
        self._instance("system", _SYSTEM)
        values: list[tuple[int, bytes] | None] = [
            _encoded("u8", record.level), _encoded("u8", 0), _encoded("u16", 0), _encoded("u16", record.id), _encoded("null", None),
            _encoded("hex64", 0x8000000000000000), _encoded("time", record.time), _encoded("guid", record.activity),
            _encoded("u32", record.process), _encoded("u32", record.thread), _encoded("u64", number), _encoded("u8", 0),
            _encoded("sid", record.user), _encoded("null", None), _encoded("str", record.provider), _encoded("guid", record.guid),
            _encoded("str", record.channel), None, _encoded("str", record.computer),
        ]  # fmt: skip
        self._pack("<I", len(values))
        places = [self._pack("<HBB", len(one[1]) if one else 0, one[0] if one else _CODES["xml"], 0) for one in values]
        for one in values[:_BODY]:
            self._raw(one[1] if one else b"")
        body = self.at  # written in place: offsets inside it count from the start of the chunk
        self._instance("data:" + "|".join(f"{name}:{kind}" for name, kind, _ in record.data), _event_data(record.data))
        self._array([_encoded(kind, value) for _, kind, value in record.data])
        self._pack("<B", 0)
        struct.pack_into("<H", self.bytes, places[_BODY], self.at - body)
        self._raw((values[_COMPUTER] or (0, b""))[1])
        self._pack("<B", 0)
        self._raw(bytes(-(self.at + 4 - start) % 8))
        self._pack("<I", self.at + 4 - start)
        struct.pack_into("<I", self.bytes, start + 4, self.at - start)
        return start

    def _array(self, values: list[tuple[int, bytes]]) -> None:
        self._pack("<I", len(values))
        for kind, data in values:
            self._pack("<HBB", len(data), kind, 0)
        for _, data in values:
            self._raw(data)

    def finished(self) -> bytes:
        """The chunk with its header and checksums."""
        first, last = self.numbers[0], self.numbers[-1]
        data = self.bytes
        data[:8] = b"ElfChnk\x00"
        checksum = zlib.crc32(data[FIRST : self.at])
        struct.pack_into("<QQQQIIII", data, 8, first, last, first, last, 128, self.last, self.at, checksum)
        struct.pack_into("<I", data, 120, 1)
        struct.pack_into("<64I32I", data, 128, *self.name_table, *self.template_table)
        struct.pack_into("<I", data, 124, zlib.crc32(bytes(data[:120]) + bytes(data[128:512])))
        return bytes(data)


class EvtxWriter:
    """A log file, written whole when it is closed. ``first``: the number of the first record."""

    def __init__(self, path: str | Path, first: int = 1) -> None:
        self.path = Path(path)
        self.next = first
        self._done: list[bytes] = []
        self._chunk = _Chunk()

    def add(self, record: Record) -> int:
        """Add a record and return its number. Raises ValueError for one that is larger than a chunk."""
        try:
            self._chunk.add(self.next, record)
        except _Full:
            if not self._chunk.numbers:
                raise ValueError("the record is larger than a chunk") from None
            self._done.append(self._chunk.finished())
            self._chunk = _Chunk()
            return self.add(record)
        self.next += 1
        return self.next - 1

    def close(self) -> None:
        """Write the file."""
        if self._chunk.numbers:
            self._done.append(self._chunk.finished())
            self._chunk = _Chunk()
        head = bytearray(HEADER)
        count = len(self._done)
        struct.pack_into(
            "<8sQQQIHHHH", head, 0, b"ElfFile\x00", 0, max(count - 1, 0), self.next, 128, 1, 3, HEADER, count
        )
        struct.pack_into("<I", head, 124, zlib.crc32(head[:120]))
        self.path.write_bytes(bytes(head) + b"".join(self._done))

    def __enter__(self) -> EvtxWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
