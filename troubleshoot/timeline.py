"""The time line of a device: attempts, tokens, records of event logs and captures in one list, newest first.

It is an order for reading, not a claim: instants come first, then wall-clock times whose zone is not told, then what has no
time. Nothing is judged; what a record means stands in ``data/events.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from troubleshoot import eventbook, times
from troubleshoot.case import Case, event_text
from troubleshoot.model import Attempt, Capture, Event, Source

KINDS = ("attempt", "token", "event", "capture", "collection")
_PHASE_OF = {"enterprise-prt": "prt", "broker": "prt"}  # flows whose phase has another name
# Times that a capture prints of what came to be or will end: field, phase, words, does it belong to a user.
_TOKENS = (
    ("AzureAdPrtUpdateTime", "prt", "sign-in token (PRT) renewed", True),
    ("AzureAdPrtExpiryTime", "prt", "sign-in token (PRT) ends", True),
    ("EnterprisePrtUpdateTime", "prt", "sign-in token of AD FS renewed", True),
    ("EnterprisePrtExpiryTime", "prt", "sign-in token of AD FS ends", True),
)
_LONGEST = 300  # characters of a record that no table knows


class Entry(NamedTuple):
    """One row of the time line.

    ``kind`` is one of :data:`KINDS`. ``time`` is that of the newest of ``repeats`` like ones, ``since`` that of the oldest.
    ``phase``: where a failed attempt stopped, else the phase that the attempt or record is about; None for a capture, which
    tells of every phase. ``outcome``: failed, succeeded, started or state (of what is), None where nothing tells. ``what``
    says it in words, with text of the log in it as printed.
    """

    time: datetime | None
    kind: str
    what: str
    sources: tuple[Source, ...]
    flow: str | None = None
    phase: str | None = None
    outcome: str | None = None
    codes: tuple[str, ...] = ()
    user: str | None = None
    repeats: int = 1
    since: datetime | None = None
    like: tuple[str, int] | None = None


def entries(case: Case) -> tuple[Entry, ...]:
    """The whole time line. What an attempt rests on is not listed again; like records in a row are one entry."""
    rows = [_of_attempt(one) for one in case.attempts]
    told = {source for one in case.attempts for source in one.sources}
    shown = {(one.time, source) for one in case.attempts for source in one.sources}
    rows += [_of_event(one) for one in case.events if one.source not in told]
    rows += [_of_capture(one) for one in (*case.captures, *case.other_captures)]
    rows += [one for one in _tokens(case) if (one.time, one.sources[0]) not in shown]
    rows += _collection(case)
    rows.sort(key=_rank, reverse=True)
    return tuple(_merged(rows))


def phases(found: Iterable[Entry]) -> tuple[str, ...]:
    """The phases that the entries are about, each once, in alphabetical order."""
    return tuple(sorted({one.phase for one in found if one.phase}))


def fits(one: Entry, sources: Sequence[str], wanted: Sequence[str]) -> bool:
    """Does a place of the entry hold one of ``sources`` in its path or log, and is it about one of the phases ``wanted``?

    An empty list wants everything. Letters count in either case; ``\\`` and ``/`` are one.
    """
    if wanted and one.phase not in wanted:
        return False
    if not sources:
        return True
    places = [f"{at.path} {at.channel or ''}".replace("\\", "/").casefold() for at in one.sources]
    return any(text.replace("\\", "/").casefold() in place for text in sources for place in places)


def _rank(one: Entry) -> tuple[tuple[int, str], int, str]:
    return times.order(one.time), -KINDS.index(one.kind), one.what


def _merged(rows: Iterable[Entry]) -> Iterator[Entry]:
    """Like records in a row as one entry, that of the newest."""
    first: Entry | None = None
    for row in rows:
        if first is not None and first.like is not None and row.like == first.like and _one_clock(first, row):
            first = first._replace(
                repeats=first.repeats + 1, since=row.time, sources=_places((*first.sources, *row.sources))
            )
            continue
        if first is not None:
            yield first
        first = row
    if first is not None:
        yield first


def _one_clock(one: Entry, other: Entry) -> bool:
    return one.time is not None and other.time is not None and (one.time.tzinfo is None) == (other.time.tzinfo is None)


def _places(sources: tuple[Source, ...]) -> tuple[Source, ...]:
    """The newest record of each file."""
    first: dict[str, Source] = {}
    for one in sources:
        first.setdefault(one.path, one)
    return tuple(first.values())


def _of_attempt(one: Attempt) -> Entry:
    failed = one.outcome == "failed"
    at = f" at {one.phase}" if one.phase and failed else ""
    what = f"{one.flow} {one.outcome}{at} {' '.join(one.codes)}".rstrip()
    phase = one.phase if failed and one.phase else _PHASE_OF.get(one.flow, one.flow)
    return Entry(
        *(one.time, "attempt", what, one.sources, one.flow, phase, one.outcome, one.codes, one.user),
        *(one.repeats, one.since),
    )


def _of_event(one: Event) -> Entry:
    found = eventbook.known(one.provider, one.id)
    if found is None:
        return Entry(one.time, "event", event_text(one)[:_LONGEST], (one.source,), like=(one.provider, one.id))
    what = f"event {one.id} {one.provider.removeprefix('Microsoft-Windows-')}: {found.meaning}"
    phase = _PHASE_OF.get(found.flow, found.flow) if found.flow else None
    return Entry(*(one.time, "event", what, (one.source,), found.flow, phase, found.says), like=(one.provider, one.id))


def _of_capture(one: Capture) -> Entry:
    who = (one.account.name or one.account.kind) if one.account else None
    return Entry(one.time, "capture", f"{one.kind} captured", (one.source,), user=who)


def _tokens(case: Case) -> Iterator[Entry]:
    """When tokens were renewed and end, and from when to when the device's certificate holds; each once."""
    seen: set[tuple[str, str | None, str]] = set()
    for capture in case.captures:
        for name, phase, words, personal in _TOKENS:
            field = capture.named.get(name)
            moment = times.parse(field.value) if field is not None and field.value else None
            user = case.capture_user(capture) if personal else None
            if field is None or moment is None or (name, user, field.text) in seen:
                continue
            seen.add((name, user, field.text))
            yield Entry(
                moment,
                "token",
                words,
                (Source(capture.source.path, field.line),),
                "enterprise-prt" if name.startswith("Enterprise") else "prt",
                phase,
                "state",
                user=user,
            )
        yield from _certificate(capture, seen)


def _certificate(capture: Capture, seen: set[tuple[str, str | None, str]]) -> Iterator[Entry]:
    field = capture.named.get("DeviceCertificateValidity")
    if field is None or not field.value or ("certificate", None, field.text) in seen:
        return
    seen.add(("certificate", None, field.text))
    at = (Source(capture.source.path, field.line),)
    if (issued := times.issued(field.value)) is not None:
        yield Entry(issued, "token", "certificate of the device issued", at, None, "device", "state")
    if (end := times.parse(field.value.partition("--")[2])) is not None:
        yield Entry(end, "token", "certificate of the device ends", at, None, "device", "state")


def _collection(case: Case) -> Iterator[Entry]:
    made = case.coverage.collected
    if made is None:
        return
    for moment, words in ((made.started, "started"), (made.stopped, "stopped")):
        if moment is not None:
            yield Entry(moment, "collection", f"collection by {made.title} {words}", ())
