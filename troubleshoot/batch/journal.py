"""The journal of a run: one line for each finished item, appended at once, so that a stopped run loses none.

A line is five or more fields between tabs: a checksum of what follows, what is known of the item, its rows in the tables,
and then each of its lines of ``reports.jsonl``; JSON has no bare tab. A line that a crash has torn does not fit its checksum
and counts as not written. The first line says with which version, rules and options the run is made.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO, NamedTuple

import orjson

NAME = "journal"
_SYNC = 5.0  # seconds between two writes to the disk itself; a machine that loses power loses so much work


class Known(NamedTuple):
    """What is known of a finished job. ``id``: :attr:`Job.id`. ``fingerprint``: of its item's bytes, None where it is to be
    read again. ``at``, ``size``: of its line in the journal. ``parts``: the jobs that are done instead of it, None for itself."""

    id: str
    fingerprint: str | None
    stamp: str
    at: int
    size: int
    parts: tuple[str, ...] | None = None


class Finished(NamedTuple):
    """A journal line taken apart. ``reports``: its lines of ``reports.jsonl`` without line ends."""

    id: str
    source: str
    fingerprint: str | None
    etag: str
    exit: int
    rows: dict[str, list[list[Any]]]
    reports: list[bytes]


def line(told: Mapping[str, Any], rows: Mapping[str, Sequence[Any]], reports: Sequence[bytes]) -> bytes:
    """A journal line, line end included. ``told``: id, source, fingerprint, stamp, etag, exit; parts, where there are any."""
    body = b"\t".join((orjson.dumps(told), orjson.dumps(rows), *reports))
    return b"%08x\t%b\n" % (zlib.crc32(body), body)


def taken_apart(raw: bytes) -> Finished:
    """The reverse of :func:`line`."""
    _, told, rows, *reports = raw.rstrip(b"\n").split(b"\t")
    known = orjson.loads(told)
    return Finished(
        known["id"],
        known["source"],
        known["fingerprint"],
        known["etag"],
        known["exit"],
        orjson.loads(rows),
        list(reports),
    )


class Journal:
    """The open journal of a run folder; one process at a time has it.

    ``known``: what it holds of each item, the newest of several.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], resume: bool) -> None:
        """Open or begin it. Without ``resume``, or when it was made with another ``identity``, it begins anew (``stale``:
        for the latter reason). Raises OSError; BlockingIOError when another process has it."""
        self.path = folder / NAME
        self.known: dict[str, Known] = {}
        self.stream: BinaryIO = open(self.path, "a+b")  # noqa: SIM115 (closed by close)
        self._synced = monotonic()
        _lock(self.stream)
        head = line({"run": identity}, {}, ())
        self.stream.seek(0)
        first = self.stream.readline()
        self.stale = resume and bool(first) and first != head
        if not resume or first != head:
            self.stream.truncate(0)
            self.stream.write(head)
            self.stream.flush()
        else:
            end = self._read(len(head))
            self.stream.truncate(end)
        self._end = self.stream.seek(0, 2)

    def _read(self, at: int) -> int:
        """Learn what the lines say; returns where the last whole one ends."""
        end = at
        for raw in self.stream:
            at += len(raw)
            if not raw.endswith(b"\n"):
                break  # torn
            end = at
            body = raw[9:-1]
            if len(raw) < 12 or raw[:8] != b"%08x" % zlib.crc32(body):
                continue
            self._learn(orjson.loads(body.partition(b"\t")[0]), at - len(raw), len(raw))
        return end

    def _learn(self, told: Mapping[str, Any], at: int, size: int) -> Known:
        before = self.known.get(told["id"])
        if told.get("same") and before is not None:
            found = before._replace(stamp=told["stamp"])
        else:
            parts = tuple(told["parts"]) if "parts" in told else None
            found = Known(told["id"], told["fingerprint"], told["stamp"], at, size, parts)
        self.known[found.id] = found
        return found

    def append(self, raw: bytes) -> Known:
        """Write one line (:func:`line`) of an item that is finished."""
        self.stream.write(raw)
        at, self._end = self._end, self._end + len(raw)
        if monotonic() - self._synced > _SYNC:
            self.stream.flush()
            os.fsync(self.stream.fileno())
            self._synced = monotonic()
        return self._learn(orjson.loads(raw[9 : raw.index(b"\t", 9)]), at, len(raw))

    def same(self, id: str, stamp: str) -> None:
        """The item was touched, but its bytes are those that the journal knows."""
        told = orjson.dumps({"id": id, "stamp": stamp, "same": True})
        self.append(b"%08x\t%b\n" % (zlib.crc32(told + b"\t{}"), told + b"\t{}"))

    def flush(self) -> None:
        """Everything that was appended is in the hands of the system, and outlives this process."""
        self.stream.flush()

    def is_whole(self, id: str, lost_too: bool = False) -> bool:
        """Is the job finished, with all its parts? ``lost_too``: those count too that are to be read again."""
        found = self.known.get(id)
        if found is None or (found.fingerprint is None and not lost_too):
            return False
        return found.parts is None or all(self.is_whole(part, lost_too) for part in found.parts)

    def head(self, id: str) -> Finished:
        """What a job's own line holds, without its parts."""
        found = self.known[id]
        self.stream.seek(found.at)
        return taken_apart(self.stream.read(found.size))

    def leaves(self, id: str) -> Iterator[Finished]:
        """What the lines of a finished job hold, its parts in their order."""
        found = self.known[id]
        if found.parts is not None:
            for part in found.parts:
                yield from self.leaves(part)
            return
        yield self.head(id)

    def close(self) -> None:
        """Close it; what was written stays."""
        self.stream.close()

    def remove(self) -> None:
        """The run is complete: its tables hold everything."""
        self.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _lock(stream: BinaryIO) -> None:
    import sys

    if sys.platform == "win32":
        import msvcrt

        stream.seek(1 << 40)  # beyond its end, so that the lock is in nobody's way
        try:
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error
    else:
        import fcntl

        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
