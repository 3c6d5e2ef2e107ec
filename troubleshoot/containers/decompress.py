"""Decompressors of the standard library behind one interface, in small steps of output, so that no input can fill the memory."""

from __future__ import annotations

import bz2
import lzma
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, Protocol

from troubleshoot.containers.limits import DICTIONARY, MB, Budget
from troubleshoot.containers.member import BAD_CHECKSUM, CUT_OFF, Broken

STEP = 1 * MB
"""Most bytes that come out of a decompressor at once."""
_PIECE = 262_144


class Decoder(Protocol):
    """As :class:`lzma.LZMADecompressor`."""

    @property
    def eof(self) -> bool:
        """Is the end of the compressed data reached?"""

    @property
    def needs_input(self) -> bool:
        """Has everything been given out that the data so far holds?"""

    @property
    def unused_data(self) -> bytes:
        """What came after the end."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most ``max_length`` bytes of output."""


class Deflate:
    """Deflate. ``wbits`` as :func:`zlib.decompressobj` has it: -15 raw, 31 with a gzip header."""

    def __init__(self, wbits: int = -15) -> None:
        self._zlib = zlib.decompressobj(wbits)

    @property
    def eof(self) -> bool:
        """Is the end of the compressed data reached?"""
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        """Has everything been given out that the data so far holds?"""
        return not self._zlib.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        """What came after the end."""
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most ``max_length`` bytes of output."""
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


class Stored:
    """No compression."""

    eof = False
    needs_input = True
    unused_data = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """The data itself: the pieces read are smaller than a step."""
        return data


def zstandard() -> Decoder:
    """Zstandard: in the standard library from Python 3.14 on, before that the same code as a package."""
    if sys.version_info >= (3, 14):
        from compression.zstd import ZstdDecompressor
    else:
        from backports.zstd import ZstdDecompressor
    decoder: Any = ZstdDecompressor()
    return decoder  # type: ignore[no-any-return]


def xz() -> Decoder:
    """An .xz or old .lzma file, within the limit on memory."""
    return lzma.LZMADecompressor(lzma.FORMAT_AUTO, memlimit=DICTIONARY + 16 * MB)


def lzma_raw(filters: list[dict[str, Any]]) -> Decoder:
    """A raw chain of the lzma module's filters. Its dictionary is checked by :func:`lzma1` and by who states it."""
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)


def lzma1(properties: bytes, unpacked: int | None) -> dict[str, Any]:
    """The filter that five bytes of LZMA properties describe (LZMA SDK, lzma-specification.txt)."""
    if len(properties) < 5 or properties[0] >= 9 * 5 * 5:
        raise Broken("its LZMA properties are damaged")
    rest, lc = divmod(properties[0], 9)
    pb, lp = divmod(rest, 5)
    size = dictionary(int.from_bytes(properties[1:5], "little"), unpacked)
    return {"id": lzma.FILTER_LZMA1, "lc": lc, "lp": lp, "pb": pb, "dict_size": size}


def dictionary(size: int, unpacked: int | None) -> int:
    """The dictionary to allow for. One larger than the data is never filled, so the data's size counts then."""
    needed = size if unpacked is None else min(size, unpacked)
    if needed > DICTIONARY:
        raise Broken(f"it needs {needed // MB} MB of memory to unpack, more than {DICTIONARY // MB} MB", "limit")
    return max(4096, min(size, (1 << 32) - 1) if unpacked is None else min(size, max(unpacked, 4096)))


def pump(decoder: Decoder, pieces: Iterable[bytes], budget: Budget) -> Iterator[bytes]:
    """What ``decoder`` makes of the pieces, until its end or theirs, in steps, each paid for."""
    for piece in pieces:
        data = piece
        while True:
            try:
                out = decoder.decompress(data, STEP)
            except MemoryError:
                raise Broken("it needs more memory to unpack than there is", "limit") from None
            except Exception as error:  # each library has its own, for the same reason
                raise Broken("its compressed data is damaged") from error
            data = b""
            if out:
                budget.spend(len(out))
                yield out
            if decoder.eof:
                return
            if decoder.needs_input or not out:
                break


def pieces_of(stream: BinaryIO, start: int, size: int | None) -> Iterator[bytes]:
    """``size`` bytes of the stream from ``start`` (None: all), in pieces; fewer where it ends before."""
    at, left = start, size
    while left is None or left > 0:
        stream.seek(at)
        piece = stream.read(_PIECE if left is None else min(_PIECE, left))
        if not piece:
            return
        at += len(piece)
        left = None if left is None else left - len(piece)
        yield piece


def exactly(chunks: Iterable[bytes], size: int | None, crc: int | None) -> Iterator[bytes]:
    """The chunks up to ``size`` bytes; :class:`Broken` where there are fewer, or their CRC-32 is another."""
    left, found = size, 0
    for chunk in chunks:
        if left is not None:
            chunk = chunk[:left]
            left -= len(chunk)
        if crc is not None:
            found = zlib.crc32(chunk, found)
        yield chunk
        if left == 0:
            break
    if left:
        raise Broken(CUT_OFF)
    if crc is not None and found != crc:
        raise Broken(BAD_CHECKSUM)


class Reader:
    """A file to read forwards only, out of chunks."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._chunk = b""
        self._at = 0
        self.count = 0

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes, fewer at the end."""
        found: list[bytes] = []
        left = size
        while left:
            if self._at >= len(self._chunk):
                self._chunk, self._at = next(self._chunks, b""), 0
                if not self._chunk:
                    break
            part = self._chunk[self._at : self._at + left]
            self._at += len(part)
            left -= len(part)
            found.append(part)
        self.count += size - left
        return found[0] if len(found) == 1 else b"".join(found)


SINGLE: dict[str, Callable[[], Decoder]] = {
    "gzip": lambda: Deflate(31),
    "bzip2": bz2.BZ2Decompressor,
    "xz": xz,
    "zstd": zstandard,
}
"""Formats that hold one file each."""
_FINDS = {"gzip": b"\x1f\x8b", "bzip2": b"BZh", "xz": b"\xfd7zXZ", "zstd": b"\x28\xb5\x2f\xfd"}


def single(kind: str, stream: BinaryIO, budget: Budget) -> Iterator[bytes]:
    """The content of a gzip, bzip2, xz or zstd file: of all the streams in it, which ``cat`` and ``pigz`` string together.

    What stands before a damaged place is given, then :class:`Broken` is raised.
    """
    source = pieces_of(stream, 0, None)
    rest = next(source, b"")
    first = True
    while rest:
        if not first and not _another(kind, rest):
            return  # padding, or bytes that some tool put behind it
        decoder = SINGLE[kind]()
        yield from pump(decoder, _joined(rest, source), budget)
        if not decoder.eof:
            raise Broken("the file is cut off; what stands before the cut is read")
        first = False
        rest = decoder.unused_data or next(source, b"")


def _another(kind: str, rest: bytes) -> bool:
    return rest.startswith(_FINDS[kind])


def _joined(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
