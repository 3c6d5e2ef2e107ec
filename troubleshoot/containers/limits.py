"""How much of an archive is unpacked: every limit, by the name under which help and reports speak of it.

A bundle is a few hundred megabytes in a few thousand members, at most three archives deep; the limits lie far above that and
far below what harms the machine. Text compresses twenty times, an event log that is mostly empty a hundred times.
"""

from __future__ import annotations

import time
from collections.abc import Callable

MB = 1_048_576
TOTAL_SIZE = 8_192 * MB
"""Bytes unpacked from everything below one given path."""
MEMBER_SIZE = 2_048 * MB
"""Bytes of one unpacked member."""
TEXT_SIZE = 32 * MB
"""Bytes of a member that is neither an event log, a registry hive nor an archive: of a file of its own the parsers take twice as
much, but nobody chose what an archive holds, and a text takes some seven times its size in memory while it is read."""
MEMBERS = 100_000
"""Members of all archives below one given path, folders and skipped ones included."""
DEPTH = 6
"""Archives inside archives, counted from the outermost. What collectors make is three deep."""
RATIO = 250
"""Bytes unpacked for each byte of the outermost archives ..."""
RATIO_FREE = 512 * MB
"""... beyond this many, which any archive may have."""
TIME = 900
"""Seconds of unpacking for one given path. A machine a hundred times slower than a laptop of 2020 stays below it."""
DICTIONARY = 128 * MB
"""Bytes of memory that one decompressor may need."""

HELP = (
    f"Limits for each PATH: total-size {TOTAL_SIZE // 1024 // MB} GB unpacked, member-size {MEMBER_SIZE // 1024 // MB} GB "
    f"(a text {TEXT_SIZE // MB} MB), members {MEMBERS:,}, depth {DEPTH} archives, ratio {RATIO} times its own size (beyond "
    f"{RATIO_FREE // MB} MB), time {TIME // 60} minutes. A limit that is hit is named; what was read before is kept."
)
"""The paragraph of ``diagnose --help``."""


class LimitReached(Exception):
    """A limit that ends the reading of a whole input; its text names the limit and its value."""


class Budget:
    """What one given path has used of the limits. One object for all archives below it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.unpacked = self.members = self.packed = 0
        self._clock = clock
        self._used = 0.0
        self._since: float | None = None

    def admit(self, size: int) -> None:
        """Another outermost archive of this many bytes is opened."""
        self.packed += size

    def start(self) -> None:
        """Unpacking goes on from here: only the time between start and stop counts, not what readers of members take."""
        self._since = self._clock()

    def stop(self) -> None:
        """The consumer has the word."""
        if self._since is not None:
            self._used += self._clock() - self._since
            self._since = None

    def member(self) -> None:
        """One more member is met."""
        self.members += 1
        if self.members > MEMBERS:
            raise LimitReached(f"limit members: it holds more than {MEMBERS:,}")
        if not self.members % 64:
            self._check_time()

    def spend(self, size: int) -> None:
        """This many bytes more came out of a decompressor."""
        self.unpacked += size
        if self.unpacked > TOTAL_SIZE:
            raise LimitReached(f"limit total-size: it unpacks to more than {TOTAL_SIZE // 1024 // MB} GB")
        if self.unpacked > RATIO_FREE + RATIO * self.packed:
            raise LimitReached(f"limit ratio: it unpacks to more than {RATIO} times its own size, as no log does")
        self._check_time()

    def _check_time(self) -> None:
        if self._since is not None and self._used + self._clock() - self._since > TIME:
            raise LimitReached(f"limit time: unpacking took more than {TIME // 60} minutes")
