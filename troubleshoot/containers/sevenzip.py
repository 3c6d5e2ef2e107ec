"""7z archives: the members of each solid block, unpacked once, front to back.

Format: 7zFormat.txt of the 7-Zip source. The decompressors are the standard library's. py7zr was measured and left out: it keeps a
kilobyte for each entry (a million empty ones: over 700 MB), unpacks Deflate without bound, gives up the whole archive for one
bad name or checksum, and pushes members into files where the parsers want to pull them.
"""

from __future__ import annotations

import bz2
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any, BinaryIO

from troubleshoot.containers.decompress import (
    Decoder,
    Deflate,
    Stored,
    dictionary,
    exactly,
    lzma1,
    lzma_raw,
    pieces_of,
    pump,
    zstandard,
)
from troubleshoot.containers.limits import MB, Budget
from troubleshoot.containers.member import CUT_OFF, ENCRYPTED, LINK, Broken, Damage, Member, unreadable
from troubleshoot.containers.sevenzipheader import (
    Contents,
    Folder,
    Header,
    HeaderError,
    bit,
    contents,
    folders_of_header,
)

_HEAD = struct.Struct("<6sBBIQQI")
_LARGEST_HEADER = 32 * MB
_REPARSE_POINT = 0x400
_UNIX_EXTENSION, _UNIX_LINK = 0x8000, 0o120000

_AES = b"\x06\xf1\x07\x01"
_LZMA, _LZMA2 = b"\x03\x01\x01", b"\x21"
_PLAIN: dict[bytes, Callable[[], Decoder]] = {
    b"\x00": Stored,
    b"\x04\x01\x08": Deflate,
    b"\x04\x02\x02": bz2.BZ2Decompressor,
    b"\x04\xf7\x11\x01": zstandard,
}
# lzma.FILTER_...: what 7-Zip puts in front of LZMA for programs and pictures.
_FILTERS: dict[bytes, int] = {
    b"\x03\x03\x01\x03": 4,
    b"\x03\x03\x02\x05": 5,
    b"\x03\x03\x04\x01": 6,
    b"\x03\x03\x05\x01": 7,
    b"\x03\x03\x07\x01": 8,
    b"\x03\x03\x08\x05": 9,
    b"\x03": 3,
}


def members(stream: BinaryIO, budget: Budget) -> Iterator[Member | Damage]:
    """The files of a 7z archive, in its order. Its directory is its end: of one that is cut off, nothing can be read."""
    try:
        header = _header(stream, budget)
        found = contents(header) if header is not None else None
    except (HeaderError, IndexError, struct.error):
        yield Damage("the directory of the archive is damaged")
        return
    except Broken as error:
        yield Damage(error.reason, "refused" if error.reason == ENCRYPTED else error.kind)
        return
    if found is None or not found.count:
        yield Damage("the archive is empty", "unreadable")
        return
    yield from _files(stream, found, budget)


def _header(stream: BinaryIO, budget: Budget) -> Header | None:
    end = stream.seek(0, 2)
    stream.seek(0)
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise Broken("the archive is cut off inside its header")
    _, _, _, crc, offset, size, header_crc = _HEAD.unpack(head)
    if zlib.crc32(head[12:]) != crc:
        raise HeaderError
    if not size:
        return None
    if _HEAD.size + offset + size > end:
        raise Broken("the archive is cut off: its directory, which stands at its end, is missing")
    if size > _LARGEST_HEADER:
        raise Broken(f"limit members: its directory has more than {_LARGEST_HEADER // MB} MB", "limit")
    stream.seek(_HEAD.size + offset)
    data = stream.read(size)
    if zlib.crc32(data) != header_crc:
        raise HeaderError
    for _ in range(4):  # a directory may be packed, and that again
        header = Header(data)
        if not header.packed:
            return header
        (folder, *_), positions = folders_of_header(header)
        if folder.size > _LARGEST_HEADER:
            raise Broken(f"limit members: its directory has more than {_LARGEST_HEADER // MB} MB", "limit")
        data = b"".join(exactly(_unpacked(stream, folder, positions, budget), folder.size, folder.crc))
    raise HeaderError


def _files(stream: BinaryIO, found: Contents, budget: Budget) -> Iterator[Member | Damage]:
    """Every entry, with its share of the data of the folders."""
    share = found.shares()
    data: _Data | None = None
    for number, name in enumerate(found.names()):
        if bit(found.empty_stream, number):
            if found.is_empty_file(number):
                yield Member(name, 0, lambda: iter((b"",)))
            continue
        attributes = found.attributes(number)
        one = next(share, None)
        if one is None:
            yield unreadable(name, Broken("the directory of the archive does not tell where its data is"))
            continue
        folder, positions, size, crc = one
        if data is None or data.folder is not folder:
            data = _Data(folder, exactly(_unpacked(stream, folder, positions, budget), folder.size, None))
        start, data.end = data.end, data.end + size
        if attributes & _REPARSE_POINT or (attributes & _UNIX_EXTENSION and attributes >> 16 & 0o170000 == _UNIX_LINK):
            yield unreadable(name, Broken(LINK, "refused"), size)
        elif any(coder.method.startswith(_AES) for coder in folder.coders):
            yield unreadable(name, Broken(ENCRYPTED, "refused"), size)
        else:
            yield Member(name, size, partial(data.part, start, size, crc))


class _Data:
    """The data of a folder, read forwards. ``end``: where the last member that was met ends."""

    def __init__(self, folder: Folder, chunks: Iterator[bytes]) -> None:
        self.folder = folder
        self.end = 0
        self._chunks = chunks
        self._chunk = b""
        self._used = 0  # of the chunk
        self._at = 0  # of the folder
        self._over: Broken | None = None

    def part(self, start: int, size: int, crc: int | None) -> Iterator[bytes]:
        """``size`` bytes from ``start``, which is not before what was read already."""
        return exactly(self._pieces(start, start + size), size, crc)

    def _pieces(self, start: int, end: int) -> Iterator[bytes]:
        while self._at < end:
            if self._used == len(self._chunk):
                self._more()
            goal = start if self._at < start else end
            piece = self._chunk[self._used : self._used + goal - self._at]
            self._used += len(piece)
            self._at += len(piece)
            if goal == end:
                yield piece

    def _more(self) -> None:
        if self._over is None:
            try:
                self._chunk, self._used = next(self._chunks), 0
                return
            except StopIteration:
                self._over = Broken(CUT_OFF)
            except Broken as error:
                self._over = error
        raise Broken(self._over.reason, self._over.kind)


def _unpacked(stream: BinaryIO, folder: Folder, positions: list[tuple[int, int]], budget: Budget) -> Iterator[bytes]:
    """The data of a folder, through its chain of coders. ``positions``: (start, size) of its packed streams."""
    if any(coder.method.startswith(_AES) for coder in folder.coders):
        raise Broken(ENCRYPTED, "refused")
    if not folder.chained or len(positions) != 1:
        raise Broken("packed by a chain of methods (BCJ2) that this tool does not know", "unreadable")
    chunks: Iterator[bytes] = pieces_of(stream, _HEAD.size + positions[0][0], positions[0][1])
    for coder, size in folder.order():
        chunks = exactly(pump(_decoder(coder.method, coder.properties, size), chunks, budget), size, None)
    yield from chunks


def _decoder(method: bytes, properties: bytes, size: int) -> Decoder:
    make = _PLAIN.get(method)
    if make is not None:
        return make()
    if method == _LZMA:
        return lzma_raw([lzma1(properties, size)])
    if method == _LZMA2 and properties and properties[0] <= 40:
        number = properties[0]
        memory = 0xFFFFFFFF if number == 40 else (2 | number & 1) << (number // 2 + 11)
        return lzma_raw([{"id": 0x21, "dict_size": dictionary(memory, size)}])
    if method in _FILTERS:
        return _Filter(_FILTERS[method], properties, size)
    raise Broken(f"packed by a method ({method.hex()}) that this tool does not know", "unreadable")


class _Filter:
    """A filter of the lzma module by itself. The module offers them only in front of LZMA, so the data goes in as LZMA2 that is
    not compressed: pieces with a head of three bytes, and a zero at the end."""

    unused_data = b""

    def __init__(self, number: int, properties: bytes, size: int) -> None:
        chain: dict[str, Any] = {"id": number}
        if number == 3:
            chain["dist"] = (properties[0] if properties else 0) + 1
        self._decoder = lzma_raw([chain, {"id": 0x21, "dict_size": 1 << 16}])
        self._left = size
        self._first = True
        self.eof = False

    @property
    def needs_input(self) -> bool:
        """Has everything been given out that the data so far holds?"""
        return self._decoder.needs_input

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most ``max_length`` bytes of output."""
        framed = bytearray()
        for start, end in pairwise([*range(0, len(data), 65_536), len(data)]):
            framed += bytes((1 if self._first else 2,)) + struct.pack(">H", end - start - 1) + data[start:end]
            self._first = False
        self._left -= len(data)
        if data and self._left <= 0:
            framed.append(0)
        found = self._decoder.decompress(bytes(framed), max_length)
        self.eof = self._decoder.eof
        return found
