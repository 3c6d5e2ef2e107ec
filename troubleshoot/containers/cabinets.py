"""Cabinets: stored, MSZIP and LZX.

Format: [MS-CAB]; MSZIP: [MS-MCI]; LZX: :mod:`troubleshoot.containers.lzx`. Files stand one behind the other in folders, which are
compressed as a whole, in blocks of at most 32 KB with a checksum each. A folder is unpacked once, front to back.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO, NamedTuple

from troubleshoot.containers.limits import Budget
from troubleshoot.containers.lzx import Lzx, LzxError
from troubleshoot.containers.member import CUT_OFF, Broken, Damage, Member, unreadable

_HEAD = struct.Struct("<4sIIIIIBBHHHHH")
_FOLDER = struct.Struct("<IHH")
_FILE = struct.Struct("<IIHHHH")
_BLOCK = struct.Struct("<IHH")
_PREVIOUS, _NEXT, _RESERVED = 1, 2, 4
_NAME_IS_UTF8 = 0x80
_STORED, _MSZIP, _LZX = 0, 1, 3
_LARGEST_BLOCK = 32_768
_LONGEST_NAME = 257
_BAD_BLOCK = "a block of the cabinet that it needs has a wrong checksum"


class _Folder(NamedTuple):
    start: int
    blocks: int
    method: int
    spare: int  # bytes kept free in the header of each block


class _File(NamedTuple):
    name: str
    size: int
    start: int
    folder: int


def members(stream: BinaryIO, budget: Budget) -> Iterator[Member | Damage]:
    """The files of a cabinet, folder by folder, in the order of their data."""
    try:
        folders, files, damage = _directory(stream)
    except struct.error:
        yield Damage("the cabinet is cut off inside its header")
        return
    yield from damage
    if not files and not damage:
        yield Damage("the archive is empty", "unreadable")
    groups: dict[int, list[_File]] = {}
    for each in files:
        groups.setdefault(each.folder, []).append(each)
    for number, group in groups.items():
        if number >= len(folders):
            reason = Broken("it begins or ends in another cabinet of a set", "unreadable")
            yield from (unreadable(each.name, reason, each.size) for each in group)
            continue
        unpacked: _Unpacked | None = None
        for each in sorted(group, key=lambda one: one.start):
            if unpacked is None or (each.size and each.start < unpacked.at):
                unpacked = _Unpacked(stream, folders[number], budget)  # files that share data are unpacked again
            yield Member(each.name, each.size, partial(unpacked.part, each.start, each.size))


def _directory(stream: BinaryIO) -> tuple[list[_Folder], list[_File], list[Damage]]:
    stream.seek(0)
    head = _HEAD.unpack(stream.read(_HEAD.size))
    first, folder_count, file_count, flags = head[4], head[8], head[9], head[10]
    spare_head = spare_folder = spare_block = 0
    if flags & _RESERVED:
        spare_head, spare_folder, spare_block = struct.unpack("<HBB", stream.read(4))
        stream.seek(spare_head, 1)
    for _ in range(2 * bool(flags & _PREVIOUS) + 2 * bool(flags & _NEXT)):
        _text(stream)
    folders: list[_Folder] = []
    for _ in range(folder_count):
        start, blocks, method = _FOLDER.unpack(stream.read(_FOLDER.size))
        stream.seek(spare_folder, 1)
        folders.append(_Folder(start, blocks, method, spare_block))
    files: list[_File] = []
    damage: list[Damage] = []
    stream.seek(first)
    for number in range(file_count):
        entry = stream.read(_FILE.size)
        if len(entry) < _FILE.size:
            damage.append(Damage(f"the cabinet is cut off inside its directory; {file_count - number} files are lost"))
            break
        size, start, folder, _, _, attributes = _FILE.unpack(entry)
        raw = _text(stream)
        files.append(
            _File(raw.decode("utf-8" if attributes & _NAME_IS_UTF8 else "cp1252", "replace"), size, start, folder)
        )
    return folders, files, damage


def _text(stream: BinaryIO) -> bytes:
    """A text that ends with a NUL; the stream stands behind it."""
    raw = stream.read(_LONGEST_NAME)
    end = raw.find(b"\x00")
    if end >= 0:
        stream.seek(end + 1 - len(raw), 1)
        raw = raw[:end]
    return raw


class _Unpacked:
    """The data of a folder, read forwards. ``at``: bytes that have been given out or passed over."""

    def __init__(self, stream: BinaryIO, folder: _Folder, budget: Budget) -> None:
        self._blocks = _blocks(stream, folder, budget)
        self._block = b""
        self._bad: tuple[bool, ...] | bool = False
        self._over: Broken | None = None
        self.at = 0  # of the folder; the end of what was taken
        self._start = 0  # of the present block

    def part(self, start: int, size: int) -> Iterator[bytes]:
        """The bytes from ``start``; :class:`Broken` where one of them cannot be had or trusted."""
        end = start + size
        self.at = max(self.at, start)
        while self.at < end:
            while self._start + len(self._block) <= self.at:
                self._start += len(self._block)
                self._advance()
            first = self.at - self._start
            last = min(end - self._start, len(self._block))
            bad = self._bad if isinstance(self._bad, bool) else any(self._bad[first:last])
            self.at = self._start + last
            if bad:
                raise Broken(_BAD_BLOCK)
            yield self._block[first:last]

    def _advance(self) -> None:
        if self._over is None:
            try:
                self._block, self._bad = next(self._blocks)
                return
            except StopIteration:
                self._over = Broken(CUT_OFF)
            except Broken as error:
                self._over = error
        raise Broken(self._over.reason, self._over.kind)


def _blocks(stream: BinaryIO, folder: _Folder, budget: Budget) -> Iterator[tuple[bytes, tuple[bool, ...] | bool]]:
    """(data, which of its bytes are wrong: all, none, or one by one) of each block; Broken where the rest is lost."""
    method, window = folder.method & 0xF, folder.method >> 8 & 0x1F
    if method not in (_STORED, _MSZIP, _LZX):
        raise Broken(f"packed by a method (number {method}) that this tool does not know", "unreadable")
    try:
        lzx = Lzx(window) if method == _LZX else None
    except LzxError as error:
        raise Broken(f"its compressed data is damaged: {error}") from None
    mszip = _Mszip()
    at = folder.start
    for _ in range(folder.blocks):
        stream.seek(at)
        head = stream.read(_BLOCK.size)
        if len(head) < _BLOCK.size:
            raise Broken(CUT_OFF)
        checksum, packed, size = _BLOCK.unpack(head)
        stream.seek(folder.spare, 1)
        data = stream.read(packed)
        at += _BLOCK.size + folder.spare + packed
        if len(data) < packed:
            raise Broken(CUT_OFF)
        if not size:
            raise Broken("it goes on in another cabinet of a set", "unreadable")
        if size > _LARGEST_BLOCK:
            raise Broken("a block of the cabinet is damaged")
        budget.spend(size)
        good = not checksum or checksum == _checksum(data, head[4:])
        if lzx is not None:
            if not good:  # what follows rests on every bit of it
                raise Broken(_BAD_BLOCK)
            try:
                yield lzx.frame(data, size), False
            except LzxError as error:
                raise Broken(f"its compressed data is damaged: {error}") from None
        elif method == _MSZIP:
            yield mszip.block(data, size, good)
        elif packed != size:
            raise Broken("a block of the cabinet is damaged")
        else:
            yield data, not good


class _Mszip:
    """MSZIP: each block is deflated by itself, with the 32 KB before it as dictionary.

    What follows a bad block may copy from it. To know which bytes do, the rest is unpacked twice, with two different
    guesses for the bad ones: bytes on which both agree do not depend on them.
    """

    def __init__(self) -> None:
        self._before = b""
        self._other: bytes | None = None

    def block(self, data: bytes, size: int, good: bool) -> tuple[bytes, tuple[bool, ...] | bool]:
        """(data, which of its bytes are wrong)."""
        if not good:
            found, other = bytes(size), b"\xff" * size
        else:
            found = self._inflated(data, size, self._before)
            other = found if self._other is None else self._inflated(data, size, self._other)
        history = (self._before + found)[-_LARGEST_BLOCK:]
        second = (self._before if self._other is None else self._other) + other
        self._before = history
        self._other = None if second[-_LARGEST_BLOCK:] == history else second[-_LARGEST_BLOCK:]
        if not good:
            return found, True
        if other == found:
            return found, False
        return found, tuple(a != b for a, b in zip(found, other, strict=True))

    @staticmethod
    def _inflated(data: bytes, size: int, history: bytes) -> bytes:
        decoder = zlib.decompressobj(-15, zdict=history)
        try:
            found = decoder.decompress(data[2:], size)
        except zlib.error:
            found = b""
        if data[:2] != b"CK" or len(found) != size:
            raise Broken("its compressed data is damaged")
        return found


def _checksum(data: bytes, sizes: bytes) -> int:
    """The checksum of [MS-CAB] 3.1 over a block: exclusive or of 32-bit words, the last bytes in reverse order."""
    whole = len(data) & ~3
    words = data[:whole]
    while len(words) > 64:
        half = (len(words) // 8) * 4
        first, second = words[:half], words[half:]
        words = (int.from_bytes(first, "little") ^ int.from_bytes(second, "little")).to_bytes(len(second), "little")
    found = int.from_bytes(data[whole:], "big") ^ int.from_bytes(sizes, "little")
    for at in range(0, len(words), 4):
        found ^= int.from_bytes(words[at : at + 4], "little")
    return found
