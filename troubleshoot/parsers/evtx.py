"""Windows event logs (``.evtx``).

Decoding everything to find a few hundred records costs four times what finding them first does. So:

1. Search the *used* bytes of each 64 KiB chunk, without their zeros, for the name of a wanted provider. A record magic
   where the free space should begin means a stale header (live copy): then the whole chunk is searched.
2. Hand only the chunks that hit to the ``evtx`` reader, as one file in memory behind a header of our own. That also
   rescues files with a zeroed header and, padded with zeros, a truncated last chunk.
3. Take JSON, look for the provider's name and the id in its text, and parse only what is wanted. Checksums are not
   checked: they would throw away hundreds of good records of real logs.
4. Compare with the record headers of those chunks; what the reader left out goes to python-evtx, and what that cannot
   decode either is counted and named.
"""

from __future__ import annotations

import io
import mmap
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from troubleshoot.model import Artifact, CollectorNote, Event, LogSpan, Problem, Source, Wanted
from troubleshoot.parsers.eventrecord import from_dump, is_wanted

HEADER, CHUNK, FIRST = 4096, 65536, 512
_MAGIC, _RECORD = b"ElfChnk\x00", b"**\x00\x00"
_U16 = struct.Struct("<H").unpack_from
_U32 = struct.Struct("<I").unpack_from
_CHUNK_HEAD = struct.Struct("<QQ20xII").unpack_from
_RECORD_HEAD = struct.Struct("<IIQQ").unpack_from
_TICKS = struct.Struct("<Q").unpack_from
_LAST_TICK = 2_650_467_744_000_000_000  # the year 10000
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_MAPPED = 32 * 1024 * 1024  # bytes; mapping a log page by page costs more than reading it, but needs no memory
_COMMON = b"Microsoft-W"
_OF_EVERY_MACHINE = ("System", "Application")  # where no record is wanted, these tell at least whose log it is
_NAMED_LOSSES = 20  # records named one by one in problems; more are given as a number


@dataclass(slots=True)
class _Chunk:
    offset: int
    end: int  # where its used bytes end, counted from the start of the file
    records: int
    first: int | None  # times as the log has them: 100 ns since 1601
    last: int | None
    hit: bool = False
    stale: bool = False


@dataclass(slots=True)
class _Log:
    chunks: list[_Chunk] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def looks_like(head: bytes) -> bool:
    """Is this the beginning of an event log, with its header or with a header of zeros?"""
    return head[:7] == b"ElfFile" or head[HEADER : HEADER + 8] == _MAGIC


def read(artifact: Artifact, wanted: Wanted | None) -> Iterator[Event | LogSpan | Problem | CollectorNote]:
    """The wanted records of a log, how far the log reaches, and what of it is lost. Times are UTC.

    A log with records of several channels, or that is called ForwardedEvents, gathers those of many computers: a note says so.

    ``wanted`` has provider names as records print them, and ids; None means every record.
    """
    with artifact.open() as stream:
        if artifact.path is not None and artifact.size > _MAPPED:
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
                yield from _read(data, artifact.name, wanted)
        else:
            yield from _read(stream.read(), artifact.name, wanted)


def _read(data: Any, name: str, wanted: Wanted | None) -> Iterator[Event | LogSpan | Problem | CollectorNote]:
    log = _survey(data, name)
    needles = None if wanted is None else _needles(wanted)
    for chunk in log.chunks:
        chunk.hit = needles is None or _holds(data, needles, chunk.offset + FIRST, chunk.end)
    hits = [chunk for chunk in log.chunks if chunk.hit]
    yield from log.problems
    channels: dict[str, int] = {}
    kept = 0
    lost = 0
    if hits:
        for one in _decode(data, hits, name, wanted, channels):
            if isinstance(one, Problem):
                lost += one.lost or 0
            else:
                kept += 1
            yield one
    if "forwardedevents" in name.casefold() or len(channels) > 1:
        yield CollectorNote("computers", "forwarded events", Source(name))
    records = sum(chunk.records for chunk in log.chunks)
    channel = max(channels, key=channels.__getitem__) if channels else channel_of(name)
    other = None
    if records and (channel is None or (not kept and channel in _OF_EVERY_MACHINE)):
        other = _any_record(data, log.chunks)
        channel = channel or (other.channel if other else None)
    known = [moment for chunk in log.chunks for moment in (chunk.first, chunk.last) if moment is not None]
    for each in channels or [channel]:
        yield LogSpan(
            channel=each,
            first=_moment(min(known, default=None)),
            last=_moment(max(known, default=None)),
            records=records,
            lost=lost + sum(problem.lost or 0 for problem in log.problems),
            source=Source(name, None, None, each),
            skipped=max(records - kept - lost, 0),
            computer=other.computer if other and not kept else None,
        )


class _Needles(NamedTuple):
    """Names of providers. ``ends``: how those go on that begin as most do, which are found in one go; ``others``: the rest."""

    ends: tuple[bytes, ...]
    others: tuple[bytes, ...]


def _needles(wanted: Wanted) -> _Needles:
    """What stands in every chunk that holds a record of a wanted provider: its name, as :func:`_holds` looks for it.

    Short forms of a name that is wanted too (``AAD``) are what text exports print; in a log stands the full name. A name
    that begins with another one is found with it.
    """
    return _needles_of(tuple(wanted))


@lru_cache(maxsize=4)
def _needles_of(wanted: tuple[str, ...]) -> _Needles:
    full = [name for name in wanted if not any(other.endswith(f"-{name}") for other in wanted)]
    names = [_letters(name) for name in full if not any(name != other and name.startswith(other) for other in full)]
    return _Needles(
        tuple(name[len(_COMMON) :] for name in names if name.startswith(_COMMON)),
        tuple(name for name in names if not name.startswith(_COMMON)),
    )


def _letters(name: str) -> bytes:
    return name.encode("utf-16-le").translate(None, b"\0")


def _holds(data: Any, needles: _Needles, start: int, end: int) -> bool:
    """Does one of the names stand between two places?

    The text of records is UTF-16. Without its zeros it is a third as long, and each search in it a third of one with
    them; what only seems to be a name without them costs the decoding of a chunk.
    """
    letters = bytes(data[start:end]).translate(None, b"\0")
    if needles.ends and any(rest.startswith(needles.ends) for rest in letters.split(_COMMON)[1:]):
        return True
    return any(needle in letters for needle in needles.others)


# ------------------------------------------------------------------------------------------------------ survey


def _survey(data: Any, name: str) -> _Log:
    """All chunks with their reach, read from headers only, and a Problem for each damaged place."""
    log = _Log()
    size = len(data)
    if size < HEADER + FIRST:
        if data[:7] == b"ElfFile" and size != HEADER:  # a header alone is an empty log
            what = "the log is cut off inside its header"
            log.problems.append(Problem(Source(name), "damaged", what))
        return log
    if data[:7] != b"ElfFile":
        log.problems.append(
            Problem(Source(name), "damaged", "the file header is damaged; the records are read without it", 0)
        )
    dirty = bool(data[120] & 1) or data[:7] != b"ElfFile"
    bad = 0
    for offset in range(HEADER, size - FIRST + 1, CHUNK):
        if data[offset : offset + 8] != _MAGIC:
            # Unused space at the end of a log is zeros.
            if data[offset : offset + FIRST].strip(b"\x00"):
                bad += 1
            continue
        log.chunks.append(_chunk(data, offset, min(size, offset + CHUNK), dirty))
    named = _U16(data, 42)[0] if data[:7] == b"ElfFile" else 0
    if named > len(log.chunks) + bad and size >= HEADER + named * CHUNK:
        bad += named - len(log.chunks) - bad
    if bad:
        what = f"{bad} block{'s' if bad > 1 else ''} of 64 KB cannot be read, their number of records is unknown"
        log.problems.append(Problem(Source(name), "damaged", what))
    tail = (size - HEADER) % CHUNK
    if tail and log.chunks and log.chunks[-1].offset + CHUNK > size:
        what = "the file is cut off inside its last block; the records before the cut are read"
        log.problems.append(Problem(Source(name), "damaged", what))
    return log


def _chunk(data: Any, offset: int, limit: int, dirty: bool) -> _Chunk:
    """The reach of one chunk. A log that Windows closed has true headers: records behind them were cleared."""
    first_number, last_number, last_record, free = _CHUNK_HEAD(data, offset + 8)
    end = offset + free
    stale = free > CHUNK or free < FIRST or end > limit or (dirty and data[end : end + 4] == _RECORD)
    count = last_number - first_number + 1
    if free == FIRST and not stale:
        return _Chunk(offset, end, 0, None, None)
    if stale or not 0 < count < CHUNK // 24:
        walked = list(_walk(data, offset, limit))
        times = [moment for _, _, moment in walked if moment is not None]
        end = limit if stale else end
        return _Chunk(offset, end, len(walked), min(times, default=None), max(times, default=None), stale=stale)
    first = _time(data, offset + FIRST) if data[offset + FIRST : offset + FIRST + 4] == _RECORD else None
    last = None
    if FIRST <= last_record < free and data[offset + last_record : offset + last_record + 4] == _RECORD:
        last = _time(data, offset + last_record)
    return _Chunk(offset, end, count, first, last)


def _time(data: Any, at: int) -> int | None:
    """The time of the record at ``at``, as the log has it; None for one that no calendar holds."""
    if at + 24 > len(data):
        return None
    ticks: int = _TICKS(data, at + 16)[0]
    return ticks if ticks < _LAST_TICK else None


def _moment(ticks: int | None) -> datetime | None:
    return None if ticks is None else _EPOCH + timedelta(microseconds=ticks // 10)


def _walk(data: Any, offset: int, limit: int) -> Iterator[tuple[int, int, int | None]]:
    """(record number, place, time) of every record header in a chunk, until one does not follow from the one before."""
    at = offset + FIRST
    while at + 24 <= limit:
        magic, size, number, _ = _RECORD_HEAD(data, at)
        if magic != 0x2A2A or not 28 <= size <= CHUNK or at + size > limit:
            if magic == 0x2A2A:
                yield number, at, _time(data, at)  # its header is there, the rest is not
            return
        yield number, at, _time(data, at)
        at += size


# ------------------------------------------------------------------------------------------------------ decoding


def _file_header(chunks: int) -> bytes:
    """A valid file header for this many chunks, as [MS-EVEN6] readers expect it."""
    head = bytearray(HEADER)
    struct.pack_into("<8sQQQIHHHH", head, 0, b"ElfFile\x00", 0, max(chunks - 1, 0), 1 << 40, 128, 1, 3, HEADER, chunks)
    struct.pack_into("<I", head, 124, zlib.crc32(head[:120]))
    return bytes(head)


def _whole(data: Any, chunk: _Chunk) -> bytes:
    """The 64 KiB of a chunk, padded where the file ends early; a stale header gets the true end of the records."""
    found = bytes(data[chunk.offset : chunk.offset + CHUNK])
    if len(found) < CHUNK:
        found += bytes(CHUNK - len(found))
    if chunk.stale:
        limit = min(len(data), chunk.offset + CHUNK)
        places = [(number, at - chunk.offset) for number, at, _ in _walk(data, chunk.offset, limit)]
        if places:
            number, last = places[-1]
            whole = last + max(_U32(found, last + 4)[0], 28)
            free = whole if whole <= CHUNK and last + chunk.offset + _U32(found, last + 4)[0] <= limit else last
            head = bytearray(found[:FIRST])
            struct.pack_into("<QQQQ", head, 8, places[0][0], number, places[0][0], number)
            struct.pack_into("<II", head, 44, last, free)
            found = bytes(head) + found[FIRST:]
    return found


def _decode(
    data: Any, hits: list[_Chunk], name: str, wanted: Wanted | None, channels: dict[str, int]
) -> Iterator[Event | Problem]:
    import orjson
    from evtx import PyEvtxParser

    blocks = [_whole(data, chunk) for chunk in hits]
    image = io.BytesIO(_file_header(len(blocks)) + b"".join(blocks))
    seen: set[int] = set()
    refused: set[str] = set()  # names met that no wanted one equals in any case of letters
    quick: dict[str, frozenset[int] | None] | None = None if wanted is None else dict(wanted)
    for record in _records(PyEvtxParser(image, 1, None, False, None, None, None, True)):
        text: str = record["data"]
        seen.add(record["event_record_id"])
        if quick is not None:
            start = text.find('"Name":"', 0, 400)
            if start < 0:
                start = text.find('"Name":"')
            provider = text[start + 8 : text.find('"', start + 8)]
            if provider in refused:
                continue
            if provider not in quick:
                if not any(provider.casefold() == known.casefold() for known in quick):
                    refused.add(provider)
                    continue
            else:
                ids = quick[provider]
                if ids is not None and _quick_id(text) not in ids:
                    continue
        try:
            event = from_dump(orjson.loads(text), name)
        except ValueError:  # damaged text: the second reader may do better
            seen.discard(record["event_record_id"])
            continue
        if event is None or not is_wanted(event.provider, event.id, wanted):
            continue
        channel = event.channel or ""
        channels[channel] = channels.get(channel, 0) + 1
        yield event
    yield from _left_out(data, hits, name, seen, wanted, channels)


def _records(parser: Any) -> Iterator[dict[str, Any]]:
    """The reader's records as JSON; what it says of skipped ones is found out by comparison, not from its warnings."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield from parser.records_json()


def _quick_id(text: str) -> int | None:
    """The event id, read from the JSON text without parsing it."""
    at = text.find('"EventID":')
    if at < 0:
        return None
    at += 10
    if text[at : at + 1] == "{":
        at = text.find('"#text":', at) + 8
    end = at
    while text[end : end + 1].isdecimal():
        end += 1
    return int(text[at:end]) if end > at else None


def _left_out(
    data: Any, hits: list[_Chunk], name: str, seen: set[int], wanted: Wanted | None, channels: dict[str, int]
) -> Iterator[Event | Problem]:
    """What the first reader did not give: decoded by the second, or counted as lost."""
    lost: list[int] = []
    for chunk in hits:
        limit = min(len(data), chunk.offset + CHUNK)
        missing = [number for number, _, _ in _walk(data, chunk.offset, limit) if number not in seen]
        if not missing:
            continue
        found, failed = _second_reader(_whole(data, chunk), set(missing), name)
        for event in found:
            if is_wanted(event.provider, event.id, wanted):
                channels[event.channel or ""] = channels.get(event.channel or "", 0) + 1
                yield event
        lost += sorted(failed)
    for number in lost[:_NAMED_LOSSES]:
        yield Problem(Source(name, None, number), "damaged", f"record {number} cannot be decoded", 1)
    if len(lost) > _NAMED_LOSSES:
        rest = len(lost) - _NAMED_LOSSES
        yield Problem(Source(name), "damaged", f"{rest} more records cannot be decoded", rest)


def _second_reader(block: bytes, numbers: set[int], name: str) -> tuple[list[Event], set[int]]:
    """Events of these record numbers by python-evtx, and the numbers it cannot decode either."""
    from Evtx.Evtx import ChunkHeader

    from troubleshoot.parsers.eventxml import from_xml

    found: list[Event] = []
    failed = set(numbers)
    try:
        for record in ChunkHeader(block, 0).records():
            number = record.record_num()
            if number not in failed:
                continue
            try:
                event = from_xml(record.xml(), name)
            except Exception:  # the reader raises whatever the damaged bytes lead it to
                continue
            if event is not None:
                found.append(event)
                failed.discard(number)
    except Exception:
        return found, failed
    return found, failed


# ------------------------------------------------------------------------------------------------------- channel


def channel_of(name: str) -> str | None:
    """The channel that Windows' own name for a log file tells (``...%4Operational.evtx``), None for other names."""
    stem = PurePosixPath(name).name
    if not stem.casefold().endswith(".evtx") or "%4" not in stem:
        return None
    return stem[:-5].replace("%4", "/")


def _any_record(data: Any, chunks: list[_Chunk]) -> Event | None:
    """The first record of the newest block that can be decoded: it tells the channel of a log and whose it is."""
    import orjson
    from evtx import PyEvtxParser

    newest = max(chunks, key=lambda chunk: chunk.last or 0)
    image = io.BytesIO(_file_header(1) + _whole(data, newest))
    for record in _records(PyEvtxParser(image, 1, None, False, None, None, None, True)):
        try:
            event = from_dump(orjson.loads(record["data"]), "")
        except ValueError:
            continue
        if event is not None:
            return event
    return None
