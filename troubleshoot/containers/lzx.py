"""LZX, as cabinets have it: the decompressor.

Format: "Microsoft LZX Data Compression Format" of the Cabinet SDK (LZXFMT), which [MS-PATCH] section 2 repeats for its own
variant. No library on the package index reads LZX on Linux, Windows and macOS without a C extension of its own or a program
of the system, and cabinets come from strangers: this is 200 lines without a way to reach memory.

A stream is a row of blocks (verbatim, aligned offset, uncompressed) that may span frames. A frame is 32,768 bytes of output, and
its input is the data of one CFDATA entry; bits restart at each frame, trees and the last three offsets go on.
"""

from __future__ import annotations

import struct
from itertools import accumulate

FRAME = 32_768
_VERBATIM, _ALIGNED, _UNCOMPRESSED = 1, 2, 3
_LENGTHS = 249
_MOST_BITS = 16
_SLOTS = {15: 30, 16: 32, 17: 34, 18: 36, 19: 38, 20: 42, 21: 50}
_EXTRA = tuple(0 if slot < 4 else min(17, slot // 2 - 1) for slot in range(50))
_BASE = (0, *accumulate(1 << extra for extra in _EXTRA[:-1]))
_E8_FRAMES = 32_768  # translation ends after a gigabyte


class LzxError(Exception):
    """The data is not LZX, or damaged."""


class _Tree:
    """A look-up by as many bits as the longest code has: entry = symbol * 32 + length of its code."""

    __slots__ = ("bits", "table")

    def __init__(self, lengths: list[int]) -> None:
        self.bits = bits = max(lengths)
        table: list[int] = []
        if bits:
            for length in range(1, bits + 1):
                count = 1 << (bits - length)
                for symbol, its in enumerate(lengths):
                    if its == length:
                        table += [symbol << 5 | length] * count
            # A tree of one code leaves half of the bits without meaning; any other tree uses all.
            if len(table) > 1 << bits or (len(table) < 1 << bits and sum(1 for one in lengths if one) > 1):
                raise LzxError("a Huffman tree is damaged")
            table += [0] * ((1 << bits) - len(table))
        self.table = table


class Lzx:
    """The decompressor of one folder of a cabinet. ``window``: 15 to 21, as the folder states it."""

    def __init__(self, window: int) -> None:
        if window not in _SLOTS:
            raise LzxError("the window size is none of LZX")
        self._window = 1 << window
        self._main = [0] * (256 + 8 * _SLOTS[window])
        self._length = [0] * _LENGTHS
        self._trees: tuple[_Tree, _Tree, _Tree] | None = None
        self._offsets = (1, 1, 1)
        self._kind = self._left = self._odd = 0
        self._out = bytearray()
        self._frames = 0
        self._translated: int | None = None
        self._words: tuple[int, ...] = ()
        self._raw = b""
        self._word = self._buffer = self._bits = 0

    def frame(self, data: bytes, size: int) -> bytes:
        """The ``size`` (at most 32,768) bytes of the next frame, from the data of its CFDATA entry."""
        self._raw = data
        padded = data + bytes(-len(data) % 4 + 16)  # codes may be looked up beyond the end, but not used
        swapped = bytearray(len(padded))
        swapped[0::2], swapped[1::2] = padded[1::2], padded[0::2]
        self._words = struct.unpack(f">{len(padded) // 4}I", swapped)
        self._word = self._buffer = self._bits = 0
        if not self._frames:
            self._translated = self._take(32) if self._take(1) else None
        if len(self._out) > 2 * self._window:
            del self._out[: -self._window]
        start = len(self._out)
        try:
            while len(self._out) - start < size:
                self._some(start + size - len(self._out))
        except IndexError:
            raise LzxError("the data ends too early, or a match begins before it") from None
        if self._word * 32 - self._bits > len(data) * 8 + 16:
            raise LzxError("the data ends too early")
        if self._odd and not self._left and self._place() < len(data):
            self._odd = 0  # the byte that fills up an uncompressed block stands in the data of this frame
        self._frames += 1
        found = bytes(self._out[start:])
        if self._translated and self._frames <= _E8_FRAMES and size > 10:
            return _calls_restored(found, (self._frames - 1) * FRAME, self._translated)
        return found

    # ---------------------------------------------------------------------------------------------------- bits

    def _take(self, count: int) -> int:
        """The next ``count`` (at most 32) bits."""
        if self._bits < count:
            self._buffer = (self._buffer & ((1 << self._bits) - 1)) << 32 | self._words[self._word]
            self._word += 1
            self._bits += 32
        self._bits -= count
        return self._buffer >> self._bits & ((1 << count) - 1)

    def _symbol(self, tree: _Tree) -> int:
        if not tree.bits:
            raise LzxError("an empty Huffman tree is used")
        if self._bits < _MOST_BITS:
            self._buffer = (self._buffer & ((1 << self._bits) - 1)) << 32 | self._words[self._word]
            self._word += 1
            self._bits += 32
        entry = tree.table[self._buffer >> (self._bits - tree.bits) & ((1 << tree.bits) - 1)]
        if not entry & 31:
            raise LzxError("a code that no tree has")
        self._bits -= entry & 31
        return entry >> 5

    # -------------------------------------------------------------------------------------------------- blocks

    def _some(self, wanted: int) -> None:
        """At most ``wanted`` bytes more, all from one block."""
        if not self._left:
            self._next_block()
        size = min(wanted, self._left)
        if self._kind == _UNCOMPRESSED:
            self._copied(size)
        else:
            before = len(self._out)
            self._decoded(before + size)
            if len(self._out) != before + size:
                raise LzxError("a match crosses the end of a frame or block")
        self._left -= size

    def _next_block(self) -> None:
        if self._kind == _UNCOMPRESSED and self._odd:
            self._skip_to(self._place() + 1)
        self._kind = self._take(3)
        self._left = self._take(24)
        self._odd = 0
        if not self._left:
            raise LzxError("an empty block")
        if self._kind == _UNCOMPRESSED:
            # The bits up to the next word are skipped; where none are left, a whole word is.
            place = self._place() if self._bits % 16 else self._place() + 2
            if place + 12 > len(self._raw):
                raise LzxError("the data ends too early")
            self._offsets = struct.unpack_from("<III", self._raw, place)
            self._odd = self._left & 1
            self._skip_to(place + 12)
            return
        if self._kind not in (_VERBATIM, _ALIGNED):
            raise LzxError("a block of an unknown kind")
        aligned = _Tree([self._take(3) for _ in range(8)] if self._kind == _ALIGNED else [0])
        self._read_lengths(self._main, 0, 256)
        self._read_lengths(self._main, 256, len(self._main))
        self._read_lengths(self._length, 0, _LENGTHS)
        self._trees = (_Tree(self._main), _Tree(self._length), aligned)

    def _place(self) -> int:
        """The byte that follows the word in which the next bit stands; the next word's where it begins with it."""
        return self._word * 4 - self._bits // 16 * 2

    def _skip_to(self, place: int) -> None:
        """Go on with the word at this byte; bytes of an uncompressed block may leave it odd."""
        rest = self._raw[place:]
        if place % 4:
            padded = rest + bytes(-len(rest) % 4 + 16)
            swapped = bytearray(len(padded))
            swapped[0::2], swapped[1::2] = padded[1::2], padded[0::2]
            self._raw = rest
            self._words = struct.unpack(f">{len(padded) // 4}I", swapped)
            place = 0
        self._word, self._bits, self._buffer = place // 4, 0, 0

    def _copied(self, size: int) -> None:
        place = self._place()
        if place + size > len(self._raw):
            raise LzxError("the data ends too early")
        self._out += self._raw[place : place + size]
        self._skip_to(place + size)

    def _read_lengths(self, lengths: list[int], at: int, end: int) -> None:
        """Code lengths as differences to those of the block before, themselves coded with a small tree."""
        tree = _Tree([self._take(4) for _ in range(20)])
        while at < end:
            symbol = self._symbol(tree)
            if symbol <= 16:
                lengths[at] = (lengths[at] - symbol) % 17
                at += 1
                continue
            if symbol == 17:
                run, value = self._take(4) + 4, 0
            elif symbol == 18:
                run, value = self._take(5) + 20, 0
            else:
                run = self._take(1) + 4
                value = (lengths[at] - self._symbol(tree)) % 17
            run = min(run, end - at)
            lengths[at : at + run] = [value] * run
            at += run

    def _decoded(self, end: int) -> None:
        """Literals and matches until the output has ``end`` bytes. Written for speed: everything in local names."""
        if self._trees is None:
            raise LzxError("a block without trees")
        main, length_tree, aligned_tree = self._trees
        out, words, extra_bits, base = self._out, self._words, _EXTRA, _BASE
        table, width = main.table, main.bits
        if not width:
            raise LzxError("an empty Huffman tree is used")
        mask = (1 << width) - 1
        buffer, bits, word = self._buffer, self._bits, self._word
        r0, r1, r2 = self._offsets
        aligned = self._kind == _ALIGNED
        append = out.append
        size = len(out)
        while size < end:
            if bits < _MOST_BITS:
                buffer = (buffer & 0xFFFF) << 32 | words[word]
                word += 1
                bits += 32
            entry = table[buffer >> (bits - width) & mask]
            bits -= entry & 31
            if entry < 8192:  # a literal: its symbol is below 256
                if not entry & 31:
                    raise LzxError("a code that no tree has")
                append(entry >> 5)
                size += 1
                continue
            symbol = (entry >> 5) - 256
            length = (symbol & 7) + 2
            slot = symbol >> 3
            if length == 9:
                self._buffer, self._bits, self._word = buffer, bits, word
                length += self._symbol(length_tree)
                buffer, bits, word = self._buffer, self._bits, self._word
            if slot > 2:
                extra = extra_bits[slot]
                offset = base[slot] - 2
                if extra:
                    self._buffer, self._bits, self._word = buffer, bits, word
                    if aligned and extra >= 3:
                        offset += (self._take(extra - 3) << 3) + self._symbol(aligned_tree)
                    else:
                        offset += self._take(extra)
                    buffer, bits, word = self._buffer, self._bits, self._word
                r0, r1, r2 = offset, r0, r1
            elif slot == 1:
                r0, r1 = r1, r0
            elif slot == 2:
                r0, r2 = r2, r0
            start = size - r0
            if start < 0 or r0 > self._window:
                raise LzxError("a match begins before the data")
            if r0 >= length:
                out += out[start : start + length]
            elif r0:
                out += (out[start:] * (length // r0 + 1))[:length]
            else:
                raise LzxError("a match with the offset 0")
            size += length
        self._buffer, self._bits, self._word = buffer, bits, word
        self._offsets = (r0, r1, r2)


def _calls_restored(frame: bytes, place: int, size: int) -> bytes:
    """The targets of x86 calls (E8) made relative again, which the compressor made absolute.

    ``place``: of the frame in the whole output. ``size``: of the file, as the stream states it.
    """
    data = bytearray(frame)
    at = data.find(0xE8, 0, len(data) - 10)
    while at >= 0:
        target = struct.unpack_from("<i", data, at + 1)[0]
        here = place + at
        if -here <= target < size:
            struct.pack_into("<i", data, at + 1, target - here if target >= 0 else target + size)
        at = data.find(0xE8, at + 5, len(data) - 10)
    return bytes(data)
