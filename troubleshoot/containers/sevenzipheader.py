"""The directory of a 7z archive: a tree of numbered properties, read with bounds and kept small.

Format: 7zFormat.txt of the 7-Zip source. Numbers are kept in arrays and names in one piece of bytes, so that a directory of a
million entries takes a few megabytes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import NamedTuple

(_END, _HEADER, _ARCHIVE, _MORE_STREAMS, _STREAMS, _FILES, _PACK, _FOLDERS, _SUBSTREAMS, _SIZE, _CRC, _FOLDER) = range(
    12
)
_UNPACKED_SIZE, _COUNT, _EMPTY_STREAM, _EMPTY_FILE, _ANTI, _NAMES = range(12, 18)
_ATTRIBUTES, _PACKED_HEADER = 21, 23
_MOST = 4_000_000  # of anything that a directory counts
_MOST_CODERS = 32


class HeaderError(Exception):
    """The directory is damaged."""


class Coder(NamedTuple):
    """One step of compression: its method's number and properties, and how many streams go in and out."""

    method: bytes
    properties: bytes
    inputs: int
    outputs: int


class Folder(NamedTuple):
    """Data that is compressed as a whole: its coders, how they are bound, the sizes after each, and the CRC of it all."""

    coders: tuple[Coder, ...]
    bonds: tuple[tuple[int, int], ...]
    packed: tuple[int, ...]
    sizes: tuple[int, ...]
    crc: int | None

    @property
    def chained(self) -> bool:
        """Is it a simple chain, each coder with one stream in and one out?"""
        return (
            all(coder.inputs == coder.outputs == 1 for coder in self.coders)
            and len(self.packed) == 1
            and len(self.bonds) == len(self.coders) - 1
        )

    @property
    def size(self) -> int:
        """Bytes of the unpacked whole."""
        bound = {output for _, output in self.bonds}
        return next((size for number, size in enumerate(self.sizes) if number not in bound), 0)

    def order(self) -> Iterator[tuple[Coder, int]]:
        """The coders of a chain with the sizes behind them, in the order in which data goes through when it is unpacked."""
        after = {output: taker for taker, output in self.bonds}
        number: int | None = self.packed[0]
        for _ in self.coders:
            if number is None or number >= len(self.coders):
                raise HeaderError
            yield self.coders[number], self.sizes[number]
            number = after.get(number)


class Header:
    """A cursor over the bytes of a directory."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 1
        if data[:1] not in (bytes((_HEADER,)), bytes((_PACKED_HEADER,))):
            raise HeaderError
        self.packed = data[0] == _PACKED_HEADER

    def byte(self) -> int:
        """The next byte."""
        self.at += 1
        return self.data[self.at - 1]

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        found = self.data[self.at : self.at + size]
        if len(found) < size:
            raise HeaderError
        self.at += size
        return found

    def number(self) -> int:
        """The next number: the ones at the top of its first byte tell how many bytes follow."""
        first = self.byte()
        if first < 0x80:
            return first
        extra = 8 - (first ^ 0xFF).bit_length() if first != 0xFF else 8
        low = int.from_bytes(self.take(extra), "little")
        return low | (first & (0x7F >> extra)) << 8 * extra

    def count(self) -> int:
        """A number of things that follow."""
        found = self.number()
        if found > _MOST:
            raise HeaderError
        return found

    def bits(self, count: int) -> bytes:
        """Flags, eight in a byte."""
        return self.take((count + 7) // 8)

    def flags(self, count: int) -> bytes:
        """Flags that are left out where all are set."""
        return b"\xff" * ((count + 7) // 8) if self.byte() else self.bits(count)

    def crcs(self, count: int) -> list[int | None] | _Crcs:
        """The CRC-32 of each of ``count`` things, where there is one."""
        defined = self.flags(count)
        found = array("I", bytes(4 * count))
        for number in range(count):
            if bit(defined, number):
                found[number] = int.from_bytes(self.take(4), "little")
        return _Crcs(defined, found)

    def skip_to(self, wanted: int) -> None:
        """Properties that no reader needs, up to the wanted one."""
        while (kind := self.byte()) != wanted:
            if kind == _END:
                raise HeaderError
            self.take(self.number())


class _Crcs:
    def __init__(self, defined: bytes, values: array[int]) -> None:
        self._defined, self._values = defined, values

    def __getitem__(self, number: int) -> int | None:
        return self._values[number] if bit(self._defined, number) else None


def bit(flags: bytes, number: int) -> bool:
    """Flag ``number``; those beyond the end are not set."""
    return number >> 3 < len(flags) and bool(flags[number >> 3] & 0x80 >> (number & 7))


def folders_of_header(header: Header) -> tuple[list[Folder], list[tuple[int, int]]]:
    """The folder of a directory that is packed itself, and the place of its data."""
    streams = _Streams(header)
    if not streams.folders:
        raise HeaderError
    return streams.folders, streams.positions[: len(streams.folders[0].packed)]


class _Streams:
    """Where packed data stands, the folders it belongs to, and how these are divided into files."""

    def __init__(self, header: Header) -> None:
        self.positions: list[tuple[int, int]] = []
        self.folders: list[Folder] = []
        self.counts: array[int] = array("Q")
        self.sizes: array[int] = array("Q")
        self.crcs: _Crcs | list[int | None] = []
        kind = header.byte()
        if kind == _PACK:
            self._pack(header)
            kind = header.byte()
        if kind == _FOLDERS:
            self._folders(header)
            kind = header.byte()
        if kind == _SUBSTREAMS:
            self._substreams(header)
            kind = header.byte()
        else:
            self.counts = array("Q", [1] * len(self.folders))
            self.sizes = array("Q", [one.size for one in self.folders])
            self.crcs = [one.crc for one in self.folders]
        if kind != _END:
            raise HeaderError

    def _pack(self, header: Header) -> None:
        start = header.number()
        count = header.count()
        kind = header.byte()
        if kind == _SIZE:
            for _ in range(count):
                size = header.number()
                self.positions.append((start, size))
                start += size
            kind = header.byte()
        if kind == _CRC:
            header.crcs(count)
            kind = header.byte()
        if kind != _END:
            raise HeaderError

    def _folders(self, header: Header) -> None:
        header.skip_to(_FOLDER)
        count = header.count()
        if header.byte():  # the definitions stand elsewhere: nothing writes that
            raise HeaderError
        shapes = [_folder(header) for _ in range(count)]
        header.skip_to(_UNPACKED_SIZE)
        sizes = [
            tuple(header.number() for _ in range(sum(coder.outputs for coder in shape.coders))) for shape in shapes
        ]
        kind = header.byte()
        crcs: _Crcs | list[int | None] = [None] * count
        if kind == _CRC:
            crcs = header.crcs(count)
            kind = header.byte()
        if kind != _END:
            raise HeaderError
        self.folders = [shape._replace(sizes=sizes[number], crc=crcs[number]) for number, shape in enumerate(shapes)]

    def _substreams(self, header: Header) -> None:
        kind = header.byte()
        if kind == _COUNT:
            self.counts = array("Q", (header.count() for _ in self.folders))
            kind = header.byte()
        else:
            self.counts = array("Q", [1] * len(self.folders))
        if sum(self.counts) > _MOST:
            raise HeaderError
        told = kind == _SIZE
        for folder, count in zip(self.folders, self.counts, strict=True):
            rest = folder.size
            for _ in range(count - 1 if told and count else 0):
                size = header.number()
                self.sizes.append(size)
                rest -= size
            if rest < 0 or (count > 1 and not told):
                raise HeaderError
            if count:
                self.sizes.append(rest)
        if told:
            kind = header.byte()
        known = [one.crc if count == 1 else None for one, count in zip(self.folders, self.counts, strict=True)]
        unknown = sum(count for crc, count in zip(known, self.counts, strict=True) if crc is None)
        told_crcs: _Crcs | list[int | None] = [None] * unknown
        if kind == _CRC:
            told_crcs = header.crcs(unknown)
            kind = header.byte()
        if unknown == len(self.sizes):
            self.crcs = told_crcs
        else:
            merged: list[int | None] = []
            at = 0
            for crc, count in zip(known, self.counts, strict=True):
                if crc is not None:
                    merged.append(crc)
                    continue
                merged += [told_crcs[at + number] for number in range(count)]
                at += count
            self.crcs = merged
        if kind != _END:
            raise HeaderError


def _folder(header: Header) -> Folder:
    coders: list[Coder] = []
    count = header.number()
    if not 0 < count <= _MOST_CODERS:
        raise HeaderError
    for _ in range(count):
        flags = header.byte()
        method = header.take(flags & 0xF)
        inputs = outputs = 1
        if flags & 0x10:
            inputs, outputs = header.number(), header.number()
        properties = header.take(header.number()) if flags & 0x20 else b""
        if flags & 0x80 or not 0 < inputs <= _MOST_CODERS or outputs != 1:
            raise HeaderError
        coders.append(Coder(method, properties, inputs, outputs))
    inputs = sum(coder.inputs for coder in coders)
    bonds = tuple((header.number(), header.number()) for _ in range(len(coders) - 1))
    packed_count = inputs - len(bonds)
    if packed_count == 1:
        bound = {taker for taker, _ in bonds}
        packed = tuple(number for number in range(inputs) if number not in bound)[:1]
    else:
        packed = tuple(header.number() for _ in range(packed_count))
    if not packed:
        raise HeaderError
    return Folder(tuple(coders), bonds, packed, (), None)


class Contents:
    """The files of an archive, entry by entry."""

    def __init__(self, streams: _Streams, count: int) -> None:
        self.count = count
        self.empty_stream = b""
        self._empty_file = b""
        self._empties = 0
        self._names = b""
        self._attributes: array[int] = array("I")
        self._streams = streams

    def take(self, header: Header, kind: int, end: int) -> None:
        """One property of all files, which ends at ``end``."""
        if kind == _EMPTY_STREAM:
            self.empty_stream = header.bits(self.count)
        elif kind == _EMPTY_FILE:
            self._empty_file = header.take(end - header.at)
        elif kind == _NAMES:
            if header.byte():
                raise HeaderError
            self._names = header.take(end - header.at)
        elif kind == _ATTRIBUTES:
            defined = header.flags(self.count)
            if header.byte():
                raise HeaderError
            self._attributes = array("I", bytes(4 * self.count))
            for number in range(self.count):
                if bit(defined, number):
                    self._attributes[number] = int.from_bytes(header.take(4), "little")

    def names(self) -> Iterator[str]:
        """The name of each entry, as stored."""
        at = 0
        for _ in range(self.count):
            end = self._names.find(b"\x00\x00", at)
            while end >= 0 and end & 1 != at & 1:
                end = self._names.find(b"\x00\x00", end + 1)
            if end < 0:
                yield self._names[at:].decode("utf-16-le", "replace")
                at = len(self._names)
            else:
                yield self._names[at:end].decode("utf-16-le", "replace")
                at = end + 2

    def attributes(self, number: int) -> int:
        """The Windows attributes, with those of Unix in the upper half."""
        return self._attributes[number] if number < len(self._attributes) else 0

    def is_empty_file(self, number: int) -> bool:
        """Is this entry without data a file? To be asked of each such entry once, in order."""
        self._empties += 1
        return bit(self._empty_file, self._empties - 1)

    def shares(self) -> Iterator[tuple[Folder, list[tuple[int, int]], int, int | None]]:
        """(folder, place of its packed data, size, CRC) of each entry that has data, in order."""
        number = place = 0
        for folder, count in zip(self._streams.folders, self._streams.counts, strict=True):
            positions = self._streams.positions[place : place + len(folder.packed)]
            place += len(folder.packed)
            for _ in range(count):
                yield folder, positions, self._streams.sizes[number], self._streams.crcs[number]
                number += 1


def contents(header: Header) -> Contents:
    """What the directory tells. Raises :class:`HeaderError`, IndexError or struct.error for a damaged one."""
    kind = header.byte()
    if kind == _ARCHIVE:
        while header.byte() != _END:
            header.take(header.number())
        kind = header.byte()
    if kind == _MORE_STREAMS:
        _Streams(header)
        kind = header.byte()
    if kind == _STREAMS:
        streams = _Streams(header)
        kind = header.byte()
    else:
        streams = _Streams(Header(bytes((_HEADER, _END))))
    if kind == _END:
        return Contents(streams, 0)
    if kind != _FILES:
        raise HeaderError
    found = Contents(streams, header.count())
    while (kind := header.byte()) != _END:
        end = header.number() + header.at
        if end > len(header.data):
            raise HeaderError
        found.take(header, kind, end)
        header.at = end
    return found
