"""Writes cabinets for tests: stored, MSZIP and LZX, with any mixture of LZX blocks.

    cabinet([("CLIP\\\\dsregcmd.txt", data)], "lzx", blocks=[("verbatim", 20_000), ("aligned", 12_768), ("uncompressed", 999)])

Formats: [MS-CAB], [MS-MCI], and "Microsoft LZX Data Compression Format" of the Cabinet SDK. cabextract must agree on what
it writes (tests/test_cabinets.py). The compressor looks for matches by hash and knows nothing of optimal parsing.
"""

from __future__ import annotations

import heapq
import struct
import zlib
from collections.abc import Iterable, Sequence

FRAME = 32_768
_METHODS = {"stored": 0, "mszip": 1, "lzx": 3}
_SLOTS = {15: 30, 16: 32, 17: 34, 18: 36, 19: 38, 20: 42, 21: 50}
_EXTRA = [0 if slot < 4 else min(17, slot // 2 - 1) for slot in range(50)]
_BASE = [sum(1 << extra for extra in _EXTRA[:slot]) for slot in range(50)]
_KINDS = {"verbatim": 1, "aligned": 2, "uncompressed": 3}
Block = tuple[str, int]


def cabinet(
    files: Sequence[tuple[str, bytes]],
    method: str = "mszip",
    *,
    window: int = 16,
    blocks: Iterable[Block] = (),
    calls: int | None = None,
    folders: int = 1,
    checksums: bool = True,
    spare: tuple[int, int, int] | None = None,
) -> bytes:
    """A cabinet of ``files`` (name as stored, content), dealt to ``folders`` folders in order.

    ``window``: bits, 15 to 21. ``blocks``: (kind, bytes) of the LZX blocks, repeated until the data ends. ``calls``: the file
    size of x86 call translation, None for none. ``spare``: bytes reserved in the head, in each folder, in each block.
    """
    groups = [files[number::folders] for number in range(folders)]
    packed = []
    for group in groups:
        data = b"".join(content for _, content in group)
        frames = [data[at : at + FRAME] for at in range(0, len(data), FRAME)]
        if method == "mszip":
            bodies = list(_mszip(frames))
        elif method == "lzx":
            bodies = LzxWriter(window, list(blocks) or [("verbatim", FRAME)], calls).frames(data)
        else:
            bodies = frames
        packed.append(list(zip(bodies, frames, strict=True)))
    head_spare, folder_spare, block_spare = spare or (0, 0, 0)
    directory = b""
    for number, group in enumerate(groups):
        start = 0
        for name, content in group:
            raw, flag = (name.encode("ascii"), 0) if name.isascii() else (name.encode("utf-8"), 0x80)
            directory += (
                struct.pack("<IIHHHH", len(content), start, number, 0x5C64, 0x48A0, 0x20 | flag) + raw + b"\x00"
            )
            start += len(content)
    first = 36 + (4 + head_spare if spare else 0) + (8 + folder_spare) * folders
    at = first + len(directory)
    rows, body = b"", b""
    kind = _METHODS[method] | (window << 8 if method == "lzx" else 0)
    for blocks_of in packed:
        rows += struct.pack("<IHH", at + len(body), len(blocks_of), kind) + bytes(folder_spare)
        for data, plain in blocks_of:
            sizes = struct.pack("<HH", len(data), len(plain))
            checksum = _checksum(sizes, _checksum(data)) if checksums else 0
            body += struct.pack("<I", checksum) + sizes + bytes(block_spare) + data
    reserved = struct.pack("<HBB", head_spare, folder_spare, block_spare) + bytes(head_spare) if spare else b""
    total = at + len(body)
    head = struct.pack(
        "<4sIIIIIBBHHHHH", b"MSCF", 0, total, 0, first, 0, 3, 1, folders, len(files), 4 if spare else 0, 4711, 0
    )
    return head + reserved + rows + directory + body


def _checksum(data: bytes, seed: int = 0) -> int:
    """The way [MS-CAB] 3.1 writes it: word by word, the last one to three bytes turned round."""
    for at in range(0, len(data) & ~3, 4):
        seed ^= int.from_bytes(data[at : at + 4], "little")
    return seed ^ int.from_bytes(data[len(data) & ~3 :], "big")


def _mszip(frames: list[bytes]) -> Iterable[bytes]:
    history = b""
    for frame in frames:
        packer = (
            zlib.compressobj(9, zlib.DEFLATED, -15, zdict=history)
            if history
            else zlib.compressobj(9, zlib.DEFLATED, -15)
        )
        yield b"CK" + packer.compress(frame) + packer.flush()
        history = frame


class _Bits:
    """Bits, the highest first, in 16-bit words of which the low byte comes first."""

    def __init__(self) -> None:
        self.value = self.count = 0
        self.done = bytearray()

    def put(self, value: int, count: int) -> None:
        self.value = self.value << count | value
        self.count += count
        while self.count >= 16:
            self.count -= 16
            self.done += struct.pack("<H", self.value >> self.count & 0xFFFF)
        self.value &= (1 << self.count) - 1

    def to_word(self, at_least_one: bool = False) -> None:
        if self.count or at_least_one:
            self.put(0, 16 - self.count)


class LzxWriter:
    """Compresses one folder. The blocks may be of any size; they go on from frame to frame."""

    def __init__(self, window: int, blocks: Sequence[Block], calls: int | None = None) -> None:
        self.window = 1 << window
        self.slots = _SLOTS[window]
        self.plan = blocks
        self.calls = calls
        self.main = [0] * (256 + 8 * self.slots)
        self.length = [0] * 249
        self.offsets = (1, 1, 1)

    def frames(self, data: bytes) -> list[bytes]:
        """The data of the CFDATA entry of each 32 KB of ``data``."""
        self.data = _calls_absolute(data, self.calls) if self.calls else data
        self.bits = _Bits()
        self.bits.put(1 if self.calls else 0, 1)
        if self.calls:
            self.bits.put(self.calls, 32)
        self.out: list[bytes] = []
        self.places: dict[bytes, int] = {}
        at = number = 0
        while at < len(data):
            kind, size = self.plan[number % len(self.plan)]
            number += 1
            end = min(len(data), at + size)
            self._block(kind, at, end)
            at = end
        if data and (self.bits.done or self.bits.count):
            self._frame_ends()
        return self.out

    def _frame_ends(self) -> None:
        self.bits.to_word()
        self.out.append(bytes(self.bits.done))
        self.bits = _Bits()

    def _block(self, kind: str, start: int, end: int) -> None:
        self.bits.put(_KINDS[kind], 3)
        self.bits.put(end - start, 24)
        if kind == "uncompressed":
            self.bits.to_word(at_least_one=True)
            self.bits.done += struct.pack("<III", *self.offsets)
            at = start
            while at < end:
                stop = min(end, at - at % FRAME + FRAME)
                self.bits.done += self.data[at:stop]
                at = stop
                if at == end and (end - start) & 1:
                    self.bits.done += b"\x00"
                if at % FRAME == 0:
                    self._frame_ends()
            return
        tokens = list(self._tokens(start, end))
        main, length, low = [0] * len(self.main), [0] * 249, [0] * 8
        for token in tokens:
            main[token[0]] += 1
            if token[1] is not None:
                length[token[1]] += 1
            if kind == "aligned" and token[2] >= 3:
                low[token[3] & 7] += 1
        aligned = _lengths(low, 7) if kind == "aligned" else []
        if kind == "aligned" and not any(aligned):
            aligned = [3] * 8
        for one in aligned:
            self.bits.put(one, 3)
        new_main, new_length = _lengths(main, 16), _lengths(length, 16)
        self._put_lengths(self.main, new_main, 0, 256)
        self._put_lengths(self.main, new_main, 256, len(main))
        self._put_lengths(self.length, new_length, 0, 249)
        self.main, self.length = new_main, new_length
        codes = [_codes(one) for one in (new_main, new_length, aligned)]
        at = start
        for symbol, longer, extra, offset, size in tokens:
            self.bits.put(*codes[0][symbol])
            if longer is not None:
                self.bits.put(*codes[1][longer])
            if kind == "aligned" and extra >= 3:
                self.bits.put(offset >> 3, extra - 3)
                self.bits.put(*codes[2][offset & 7])
            elif extra:
                self.bits.put(offset, extra)
            at += size
            if at % FRAME == 0:
                self._frame_ends()

    def _tokens(self, start: int, end: int) -> Iterable[tuple[int, int | None, int, int, int]]:
        """(main symbol, length symbol, number of offset bits, offset bits, bytes) of each literal and match."""
        at = start
        while at < end:
            longest = min(257, end - at, FRAME - at % FRAME)
            key = self.data[at : at + 3]
            place = self.places.get(key)
            self.places[key] = at
            best = 0
            candidates = [at - offset for offset in self.offsets] + ([place] if place is not None else [])
            for one in candidates:
                if 0 <= one < at and at - one <= self.window - 3:
                    size = 0
                    while size < longest and self.data[one + size] == self.data[at + size]:
                        size += 1
                    if size > best:
                        best, found = size, one
            if best < 2 or (best == 2 and at - found not in self.offsets):
                yield self.data[at], None, 0, 0, 1
                at += 1
                continue
            yield self._match(at - found, best)
            for passed in range(at + 1, at + best, 7):
                self.places[self.data[passed : passed + 3]] = passed
            at += best

    def _match(self, offset: int, size: int) -> tuple[int, int | None, int, int, int]:
        r0, r1, r2 = self.offsets
        extra = low = 0
        if offset == r0:
            slot = 0
        elif offset == r1:
            slot, self.offsets = 1, (r1, r0, r2)
        elif offset == r2:
            slot, self.offsets = 2, (r2, r1, r0)
        else:
            self.offsets = (offset, r0, r1)
            slot = max(number for number in range(3, self.slots) if _BASE[number] - 2 <= offset)
            extra, low = _EXTRA[slot], offset + 2 - _BASE[slot]
        head = min(size - 2, 7)
        return 256 + (slot << 3) + head, (size - 9 if head == 7 else None), extra, low, size

    def _put_lengths(self, before: list[int], now: list[int], at: int, end: int) -> None:
        """Differences to the block before, runs of zeros and of equal lengths shortened."""
        symbols: list[tuple[int, int, int, int | None]] = []  # symbol, extra bits, their number, a second symbol
        while at < end:
            run = 1
            while at + run < end and now[at + run] == now[at]:
                run += 1
            if now[at] == 0 and run >= 20:
                run = min(run, 51)
                symbols.append((18, run - 20, 5, None))
            elif now[at] == 0 and run >= 4:
                run = min(run, 19)
                symbols.append((17, run - 4, 4, None))
            elif run >= 4:
                run = min(run, 5)
                symbols.append((19, run - 4, 1, (before[at] - now[at]) % 17))
            else:
                run = 1
                symbols.append(((before[at] - now[at]) % 17, 0, 0, None))
            at += run
        counts = [0] * 20
        for symbol, _, _, second in symbols:
            counts[symbol] += 1
            if second is not None:
                counts[second] += 1
        lengths = _lengths(counts, 15)
        for one in lengths:
            self.bits.put(one, 4)
        codes = _codes(lengths)
        for symbol, bits, number, second in symbols:
            self.bits.put(*codes[symbol])
            if number:
                self.bits.put(bits, number)
            if second is not None:
                self.bits.put(*codes[second])


def _lengths(counts: list[int], most: int) -> list[int]:
    """Huffman code lengths of at most ``most`` bits. A single symbol gets a partner, since one code alone fills no tree."""
    used = [number for number, count in enumerate(counts) if count]
    if not used:
        return [0] * len(counts)
    if len(used) == 1:
        counts = list(counts)
        counts[0 if used[0] else 1] = 1
    while True:
        heap = [(count, number, (number,)) for number, count in enumerate(counts) if count]
        heapq.heapify(heap)
        lengths = [0] * len(counts)
        while len(heap) > 1:
            one, two = heapq.heappop(heap), heapq.heappop(heap)
            for symbol in one[2] + two[2]:
                lengths[symbol] += 1
            heapq.heappush(heap, (one[0] + two[0], min(one[1], two[1]), one[2] + two[2]))
        if max(lengths) <= most:
            return lengths
        counts = [count and count // 2 + 1 for count in counts]


def _codes(lengths: list[int]) -> dict[int, tuple[int, int]]:
    """Symbol -> (code, bits), codes given out in the order of length, then symbol."""
    code, found, before = 0, {}, 0
    for length, symbol in sorted((length, symbol) for symbol, length in enumerate(lengths) if length):
        code <<= length - before
        before = length
        found[symbol] = (code, length)
        code += 1
    return found


def _calls_absolute(data: bytes, size: int) -> bytes:
    """The compressor's half of x86 call translation."""
    out = bytearray(data)
    for start in range(0, len(data), FRAME):
        end = min(start + FRAME, len(data))
        at = start
        while end - start > 10 and at < end - 10:
            if out[at] != 0xE8:
                at += 1
                continue
            target = struct.unpack_from("<i", out, at + 1)[0]
            if -at <= target < size - at:
                struct.pack_into("<i", out, at + 1, target + at)
            elif size - at <= target < size:
                struct.pack_into("<i", out, at + 1, target - size)
            at += 5
    return bytes(out)
