"""ZIP archives: by their central directory, and by the headers in front of the members where that is damaged.

:mod:`zipfile` reads the directory. The data is decompressed here, since zipfile takes as much memory as a member asks for,
and takes 600 bytes for each entry of the directory, which a million of empty ones turn into 600 MB. The format: APPNOTE.TXT
of PKWARE, version 6.3.10.
"""

from __future__ import annotations

import bz2
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO, NamedTuple

from troubleshoot.containers.decompress import (
    Decoder,
    Deflate,
    Stored,
    exactly,
    lzma1,
    lzma_raw,
    pieces_of,
    pump,
    xz,
    zstandard,
)
from troubleshoot.containers.limits import MB, MEMBERS, Budget
from troubleshoot.containers.member import CUT_OFF, ENCRYPTED, LINK, Broken, Damage, Member, unreadable

_LOCAL, _ENTRY, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_DESCRIPTOR = b"PK\x07\x08"
_LOCAL_HEAD = struct.Struct("<4sHHHHHIIIHH")
_DIRECTORY = 16 * MB
"""The largest directory that is read: 100,000 entries with names of 100 characters."""
_ENCRYPTED, _DESCRIBED, _STRONG, _UTF8, _MASKED = 0x1, 0x8, 0x40, 0x800, 0x2000
_SEARCHED = 64 * MB
"""How far a damaged archive is searched for the next member."""


class Entry(NamedTuple):
    """One member, as the directory or its own header has it. Sizes and CRC are None where only its data tells them."""

    name: str
    flags: int
    method: int
    crc: int | None
    packed: int | None
    size: int | None
    start: int
    link: bool = False


def members(stream: BinaryIO, budget: Budget) -> Iterator[Member | Damage]:
    """The members of a ZIP archive, in the order of its directory, or of its data where the directory is damaged."""
    end = stream.seek(0, 2)
    found, reason = directory(stream, end)
    if found is None:
        if reason:
            yield Damage(reason)
        silent = not reason
        for member in _walked(stream, end, budget):
            silent = False
            yield member
        if silent:  # a directory too large to read, and no member behind it
            yield Damage("its directory is damaged, and no member is found without it", "unreadable")
        return
    if any(one.filename == "[Content_Types].xml" for one in found[:3]):
        yield Damage("an Office document: send the text itself", "unsupported")
        return
    if not found:
        yield Damage("the archive is empty", "unreadable")
    for one in found:
        if not one.orig_filename.endswith(("/", "\\")):
            yield _member(stream, _of_directory(stream, one), end, budget)


def directory(stream: BinaryIO, end: int) -> tuple[list[zipfile.ZipInfo] | None, str]:
    """(the entries, "") or (None, why the archive is read without its directory; "" for too many entries).

    The only place that lets ``zipfile`` read a directory: it makes objects of half a gigabyte from one of a million entries.
    """
    stream.seek(max(0, end - 65_557))
    tail = stream.read()
    at = tail.rfind(_END)
    if at < 0 or at + 22 > len(tail):
        return None, "its directory is missing: the archive is cut off, what is whole is read"
    size, start = struct.unpack_from("<II", tail, at + 12)
    locator = tail.rfind(b"PK\x06\x07", 0, at)
    if (size == 0xFFFFFFFF or start == 0xFFFFFFFF) and locator >= 0 and locator + 16 <= len(tail):
        stream.seek(min(end, struct.unpack_from("<Q", tail, locator + 8)[0]))
        record = stream.read(56)
        size = struct.unpack_from("<Q", record, 40)[0] if len(record) == 56 else size
    if size > _DIRECTORY:
        return None, ""
    stream.seek(max(0, end - len(tail) + at - size - 76))
    if stream.read(size + 76).count(_ENTRY) > MEMBERS:
        return None, ""
    try:
        with zipfile.ZipFile(stream) as archive:
            return archive.infolist(), ""
    except Exception:  # zipfile raises many kinds for damaged entries
        return None, "its directory is damaged; what is whole is read without it"


def _of_directory(stream: BinaryIO, info: zipfile.ZipInfo) -> Entry:
    stream.seek(max(0, info.header_offset))
    head = stream.read(30)
    start = -1
    if len(head) == 30 and head.startswith(_LOCAL):
        start = info.header_offset + 30 + sum(struct.unpack_from("<HH", head, 26))
    link = info.create_system == 3 and stat.S_ISLNK(info.external_attr >> 16)
    return Entry(
        info.orig_filename,
        info.flag_bits,
        info.compress_type,
        info.CRC,
        info.compress_size,
        info.file_size,
        start,
        link,
    )


def _member(stream: BinaryIO, entry: Entry, end: int, budget: Budget) -> Member:
    denied = None
    if entry.link:
        denied = Broken(LINK, "refused")
    elif entry.flags & (_ENCRYPTED | _STRONG | _MASKED) or entry.method == 99:
        denied = Broken(ENCRYPTED, "refused")
    elif entry.start < 0:
        denied = Broken("its header is damaged")
    elif entry.packed is not None and entry.start + entry.packed > end:
        denied = Broken(CUT_OFF)
    elif entry.method not in _METHODS:
        denied = Broken(f"packed by a method (number {entry.method}) that this tool does not know", "unreadable")
    if denied:
        return unreadable(entry.name, denied, entry.size)
    return Member(entry.name, entry.size, partial(_unpacked, stream, entry, budget))


def _unpacked(stream: BinaryIO, entry: Entry, budget: Budget) -> Iterator[bytes]:
    make, start = _decoder(stream, entry)
    left = None if entry.packed is None else entry.packed - (start - entry.start)
    decoder = make()
    yield from exactly(pump(decoder, pieces_of(stream, start, left), budget), entry.size, entry.crc)
    if entry.size is None and not decoder.eof:
        raise Broken(CUT_OFF)


_METHODS: dict[int, Callable[[], Decoder] | None] = {
    0: Stored,
    8: Deflate,
    12: bz2.BZ2Decompressor,
    14: None,  # LZMA has its properties in front of the data
    93: zstandard,
    95: xz,
}


def _decoder(stream: BinaryIO, entry: Entry) -> tuple[Callable[[], Decoder], int]:
    """(what makes the decoder, where the data for it begins)."""
    make = _METHODS[entry.method]
    if make is not None:
        return make, entry.start
    stream.seek(entry.start)
    head = stream.read(4)
    length = int.from_bytes(head[2:4], "little")
    chain = [lzma1(stream.read(length), entry.size)]
    return lambda: lzma_raw(chain), entry.start + 4 + length


# ------------------------------------------------------------------------------------------- without a directory


def _walked(stream: BinaryIO, end: int, budget: Budget) -> Iterator[Member | Damage]:
    """The members by the headers in front of them, until the directory, the end, or nothing that looks like a member."""
    at: int | None = _next(stream, 0, end)
    while at is not None:
        stream.seek(at)
        head = stream.read(_LOCAL_HEAD.size)
        if len(head) < _LOCAL_HEAD.size:
            yield Damage("the archive is cut off inside the header of a member")
            return
        _, _, flags, method, _, _, crc, packed, size, names, extras = _LOCAL_HEAD.unpack(head)
        name = stream.read(names)
        extra = stream.read(extras)
        start = at + _LOCAL_HEAD.size + names + extras
        known = not (flags & _DESCRIBED and not packed)
        if known and (packed == 0xFFFFFFFF or size == 0xFFFFFFFF):
            size, packed = _zip64(extra, size, packed)
        text = name.decode("utf-8" if flags & _UTF8 else "cp437", "replace")
        entry = Entry(text, flags, method, crc, packed, size, start)
        following: int | None = start + packed
        if not known:
            entry, following = _described(stream, entry, end, budget)
        if not text.endswith(("/", "\\")):
            yield _member(stream, entry, end, budget)
        at = _next(stream, following, end) if following is not None else None


def _zip64(extra: bytes, size: int, packed: int) -> tuple[int, int]:
    at = 0
    while at + 4 <= len(extra):
        number, length = struct.unpack_from("<HH", extra, at)
        if number == 1 and length >= 16 and at + 20 <= len(extra):
            size, packed = struct.unpack_from("<QQ", extra, at + 4)
            break
        at += 4 + length
    return size, packed


def _described(stream: BinaryIO, entry: Entry, end: int, budget: Budget) -> tuple[Entry, int | None]:
    """(the entry with its sizes, where the next header is looked for) of a member whose sizes stand behind its data.

    Compressed data tells its own end. Stored data ends where a descriptor gives its length.
    """
    start, make = entry.start, _METHODS.get(entry.method)
    if entry.method == 0:
        at = start
        while (at := _find(stream, _DESCRIPTOR, at, end)) >= 0:
            stream.seek(at)
            words = stream.read(16)
            if len(words) == 16 and struct.unpack_from("<I", words, 8)[0] == at - start:
                crc = struct.unpack_from("<I", words, 4)[0]
                return entry._replace(crc=crc, packed=at - start, size=at - start), at + 16
            at += 4
        return entry._replace(packed=end - start + 1, size=None), None
    unknown = entry._replace(crc=None, packed=None, size=None)
    if make is None:
        return unknown, start
    decoder = make()
    fed = size = crc = 0

    def counted() -> Iterator[bytes]:
        nonlocal fed
        for piece in pieces_of(stream, start, None):
            fed += len(piece)
            yield piece

    try:
        for chunk in pump(decoder, counted(), budget):
            size += len(chunk)
            crc = zlib.crc32(chunk, crc)
    except Broken:
        return unknown, start
    if not decoder.eof:
        return entry._replace(packed=end - start + 1, size=None), None
    packed = fed - len(decoder.unused_data)
    stream.seek(start + packed)
    words = stream.read(8)
    told = struct.unpack_from("<I", words, 4 if words.startswith(_DESCRIPTOR) else 0)[0] if len(words) == 8 else crc
    return entry._replace(crc=told, packed=packed, size=size), start + packed


def _next(stream: BinaryIO, at: int, end: int) -> int | None:
    """Where the next member begins at or behind ``at``; None at the directory and at the end."""
    stream.seek(at)
    magic = stream.read(4)
    if magic == _LOCAL:
        return at
    if magic in (_ENTRY, _END):
        return None
    found = _find(stream, _LOCAL, at, min(end, at + _SEARCHED))
    return found if found >= 0 else None


def _find(stream: BinaryIO, what: bytes, at: int, end: int) -> int:
    """Where ``what`` stands first at or behind ``at``, -1 if nowhere."""
    while at < end:
        stream.seek(at)
        block = stream.read(min(MB, end - at + len(what)))
        found = block.find(what)
        if found >= 0:
            return at + found
        if len(block) < MB:
            return -1
        at += len(block) - len(what)
    return -1
