r"""Writes small, valid registry hives (``regf``) for samples and tests.

    hive({r"Select": {"Current": 1}, r"ControlSet001\Control\ProductOptions": {"ProductType": "WinNT"}}, "SYSTEM")

The layout is that of Windows 10: a base block of 4 KiB, then bins of cells. A key is an ``nk`` cell with a list of sub-keys
(``lf``, ``lh``, ``li``, or ``ri`` over several of them) and a list of ``vk`` cells; four bytes of data stand in the ``vk``
cell itself, more than 16,344 in a ``db`` cell and its segments. Same keys, same bytes. Format: the notes of the libregf
project, and "Windows registry file format specification" by M. Suhanov.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

BASE, BIN = 4096, 4096
SZ, EXPAND_SZ, BINARY, DWORD, MULTI_SZ, QWORD = 1, 2, 3, 4, 7, 11
_NONE = 0xFFFFFFFF
_SEGMENT = 16_344
_WRITTEN = 133_500_000_000_000_000  # January 2024, in 100 ns since 1601
Value = str | int | bytes | list[str] | tuple[int, bytes]
Keys = Mapping[str, Mapping[str, Value]]


class _Key:
    def __init__(self, name: str) -> None:
        self.name = name
        self.below: dict[str, _Key] = {}
        self.values: Mapping[str, Value] = {}


class _Cells:
    """The bins, as one run of cells. A cell is named by its offset from the first bin."""

    def __init__(self) -> None:
        self.data = bytearray(32)  # the header of the bin

    def add(self, content: bytes) -> int:
        at = len(self.data)
        size = -(-(4 + len(content)) // 8) * 8
        self.data += struct.pack("<i", -size) + content.ljust(size - 4, b"\0")
        return at

    def put(self, at: int, content: bytes) -> None:
        self.data[at + 4 : at + 4 + len(content)] = content

    def whole(self) -> bytes:
        """One bin, whose last cell is free."""
        size = -(-(len(self.data) + 8) // BIN) * BIN
        free = size - len(self.data)
        self.data += struct.pack("<i", free) + bytes(free - 4)
        self.data[:32] = struct.pack("<4sIIQQI", b"hbin", 0, size, 0, _WRITTEN, 0)
        return bytes(self.data)


def hive(
    keys: Keys, file_name: str = "", *, index: str = "lh", dirty: bool = False, minor: int = 5, kind: int = 0
) -> bytes:
    """A hive of ``keys`` (paths below the root, each with its values).

    ``file_name``: the path that the base block names. ``index``: the kind of list of sub-keys. ``dirty``: its last write did
    not end, as in a copy of a running system. ``kind``: 0 a hive, 1, 2 and 6 its transaction logs.
    A value is text, a number, bytes, a list of texts, or (type, data).
    """
    root = _Key("ROOT")
    for path, values in keys.items():
        at = root
        for name in filter(None, path.split("\\")):
            at = at.below.setdefault(name.casefold(), _Key(name))
        at.values = values
    cells = _Cells()
    start = _write(cells, root, _NONE, index, minor, 0x2C)
    data = cells.whole()
    head = struct.pack("<4sIIQIIIIIII", b"regf", 7, 6 if dirty else 7, _WRITTEN, 1, minor, kind, 1, start, len(data), 1)
    head += file_name[-31:].encode("utf-16-le").ljust(64, b"\0")
    return summed(head.ljust(BASE, b"\0")) + data


def summed(base: bytes) -> bytes:
    """The base block with its checksum."""
    total = 0
    for (word,) in struct.iter_unpack("<I", base[:508]):
        total ^= word
    total = {0: 1, _NONE: _NONE - 1}.get(total, total)
    return base[:508] + struct.pack("<I", total) + base[512:]


def _write(cells: _Cells, key: _Key, parent: int, index: str, minor: int, flags: int) -> int:
    name, plain = _name(key.name)
    at = cells.add(bytes(76 + len(name)))
    below = [_write(cells, key.below[one], at, index, minor, 0) for one in sorted(key.below)]
    values = [_value(cells, one, value, minor) for one, value in key.values.items()]
    listed = (
        _NONE
        if not below
        else _index(cells, [(key.below[one].name, below[n]) for n, one in enumerate(sorted(key.below))], index)
    )
    node = struct.pack(
        "<2sHQIIIIIIII",
        b"nk",
        flags | (0x20 if plain else 0),
        _WRITTEN,
        0,
        parent,
        len(below),
        0,
        listed,
        _NONE,
        len(values),
        cells.add(struct.pack(f"<{len(values)}I", *values)) if values else _NONE,
    )
    node += struct.pack("<IIIIIIIHH", _NONE, _NONE, 0, 0, 0, 0, 0, len(name), 0)
    cells.put(at, node + name)
    return at


def _name(text: str) -> tuple[bytes, bool]:
    """The name as it is stored, and whether in one byte a character."""
    try:
        return text.encode("ascii"), True
    except UnicodeEncodeError:
        return text.encode("utf-16-le"), False


def _index(cells: _Cells, listed: Sequence[tuple[str, int]], kind: str) -> int:
    if kind == "ri":
        half = -(-len(listed) // 2)
        parts = [_index(cells, part, "lh") for part in (listed[:half], listed[half:]) if part]
        return cells.add(struct.pack(f"<2sH{len(parts)}I", b"ri", len(parts), *parts))
    out = struct.pack("<2sH", kind.encode(), len(listed))
    for name, at in listed:
        out += struct.pack("<I", at)
        if kind == "lh":
            out += struct.pack("<I", _hash(name))
        elif kind == "lf":
            out += name.encode("ascii", "replace")[:4].ljust(4, b"\0")
    return cells.add(out)


def _hash(name: str) -> int:
    total = 0
    for letter in name.upper():
        total = (total * 37 + ord(letter)) & _NONE
    return total


def _value(cells: _Cells, name: str, value: Value, minor: int) -> int:
    kind, data = _data(value)
    stored, plain = _name(name)
    size = len(data)
    if size <= 4:
        size |= 0x80000000
        at = int.from_bytes(data.ljust(4, b"\0"), "little")
    elif size > _SEGMENT and minor >= 4:
        segments = [cells.add(data[start : start + _SEGMENT]) for start in range(0, size, _SEGMENT)]
        at = cells.add(
            struct.pack("<2sHI", b"db", len(segments), cells.add(struct.pack(f"<{len(segments)}I", *segments)))
        )
    else:
        at = cells.add(data)
    return cells.add(struct.pack("<2sHIIIHH", b"vk", len(stored), size, at, kind, int(plain), 0) + stored)


def _data(value: Value) -> tuple[int, bytes]:
    if isinstance(value, tuple):
        return value
    if isinstance(value, str):
        return SZ, (value + "\0").encode("utf-16-le")
    if isinstance(value, int):
        return DWORD, struct.pack("<I", value)
    if isinstance(value, list):
        return MULTI_SZ, "".join(f"{one}\0" for one in [*value, ""]).encode("utf-16-le")
    return BINARY, value
