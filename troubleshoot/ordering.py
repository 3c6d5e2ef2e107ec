"""Evidence in an order that does not depend on the order it was read in, and each thing once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

from troubleshoot import times
from troubleshoot.eventfacts import by_time
from troubleshoot.model import Capture, Event, Fact, LogSpan, Part, Source

_TIMES_INSIDE = (
    *("ClientTime", "LastHostNameUpdate", "AzureAdPrtUpdateTime", "EnterprisePrtUpdateTime"),
    *("PrtPreviousAttempt", "EnterprisePrtPreviousAttempt", "PreviousRegistration"),
)
# Collectors that run dsregcmd twice name the first run like this (reference: their output folders).
_FIRST_RUN, _SECOND_RUN = ("pretrace", "before", "_start_"), ("after", "_stop_")
_T = TypeVar("_T")


def place(source: Source) -> tuple[str, int, int]:
    """A sort key for sources: by path, then line, then record."""
    return source.path, source.line or 0, source.record or 0


def newest_first(captures: list[Capture]) -> tuple[Capture, ...]:
    """Captures by the time they print; where one prints none, by its place.

    Captures of joined devices print no time. Those of one file stand in the order they were taken; a file is as old as
    the latest time inside it; files that hold no time stay where their path puts them.
    """
    if len(captures) < 2:
        return tuple(captures)
    files: dict[str, list[Capture]] = {}
    for capture in sorted(captures, key=lambda one: place(one.source)):
        files.setdefault(capture.source.path, []).append(capture)
    groups = sorted(files.values(), key=lambda group: (run_of(group[0].source.path), group[0].source.path))
    _sort_known(groups, lambda group: max(filter(None, map(latest_inside, group)), default=None))
    for group in groups:
        _sort_known(group, lambda one: one.time if one.time is not None and one.time.tzinfo else None)
    return tuple(one for group in reversed(groups) for one in reversed(group))


def _sort_known(items: list[_T], moment: Callable[[_T], datetime | None]) -> None:
    """Sort those with a known time among the places they hold; the others keep theirs."""
    known = [(i, time) for i, item in enumerate(items) if (time := moment(item)) is not None]
    order = sorted(known, key=lambda pair: (pair[1], pair[0]))
    replaced = [items[i] for i, _ in order]
    for (i, _), item in zip(known, replaced, strict=True):
        items[i] = item


def run_of(path: str) -> int:
    """-1 where the path says that it is of a collector's first run, 1 where of its second, 0 where it does not tell."""
    folded = path.casefold()
    if any(word in folded for word in _FIRST_RUN):
        return -1
    return 1 if any(word in folded for word in _SECOND_RUN) else 0


def latest_inside(capture: Capture) -> datetime | None:
    """The latest time that the capture prints: it was taken then or later."""
    found = [capture.time] if capture.time is not None else []
    for name in () if found else _TIMES_INSIDE:
        field = capture.named.get(name)
        moment = times.parse(field.text) if field is not None and field.value else None
        if moment is not None:
            found.append(moment)
    return max((moment for moment in found if moment.tzinfo is not None), default=None)


def unique(found: list[_T], key: Callable[[_T], object]) -> tuple[_T, ...]:
    """The first of those with an equal ``key``, in the order given."""
    out: dict[object, _T] = {}
    for one in found:
        out.setdefault(key(one), one)
    return tuple(out.values())


def distinct(events: list[Event]) -> tuple[Event, ...]:
    """Each record once, however many copies of the log were collected; newest first."""
    if not events:
        return ()
    found: dict[tuple[object, ...], Event] = {}
    met: dict[tuple[object, ...], int] = {}
    for event in events:
        key: tuple[object, ...]
        if event.record is not None:
            key = ((event.channel or event.provider).casefold(), (event.computer or "").casefold())
            key += (event.record, event.id, event.time)
        else:
            # Without a number, like records of one file are different ones, those of two files the same.
            said = tuple(sorted(event.data.items())) or event.text
            key = (event.provider.casefold(), event.id, event.time or event.time_text)
            key += ((event.computer or "").casefold(), said)
            here = (event.source.path, *key)
            met[here] = met.get(here, 0) + 1
            key += (met[here],)
        known = found.get(key)
        # The copy with more named values wins; of equal ones the first in the order of their sources.
        if known is None or _rank(event) < _rank(known):
            found[key] = event
    return tuple(sorted(found.values(), key=by_time, reverse=True))


def _rank(event: Event) -> tuple[int, bool, tuple[str, int, int]]:
    return -len(event.data), event.text is None, place(event.source)


def whole_spans(spans: list[LogSpan]) -> tuple[LogSpan, ...]:
    """One span per log of a file: parts that were read one by one are put together."""
    out: dict[tuple[str, str], LogSpan] = {}
    for span in spans:
        key = ((span.channel or "").casefold(), span.source.path)
        known = out.get(key)
        out[key] = span if known is None else _both(known, span)
    return tuple(out[key] for key in sorted(out))


def _both(left: LogSpan, right: LogSpan) -> LogSpan:
    firsts = [one for one in (left.first, right.first) if one is not None]
    lasts = [one for one in (left.last, right.last) if one is not None]
    return LogSpan(
        channel=left.channel,
        first=min(firsts, key=times.order, default=None),
        last=max(lasts, key=times.order, default=None),
        records=left.records + right.records,
        lost=left.lost + right.lost,
        source=min(left.source, right.source, key=place),
        skipped=left.skipped + right.skipped,
        computer=left.computer or right.computer,
    )


def by_name(facts: Iterable[Fact]) -> dict[str, tuple[Fact, ...]]:
    """Facts by name, newest first; of equal age in the order given."""
    found: dict[str, list[Fact]] = {}
    for fact in facts:
        found.setdefault(fact.name, []).append(fact)
    for group in found.values():
        if len(group) > 1:
            group.sort(key=lambda fact: times.order(fact.time), reverse=True)
    return {name: tuple(group) for name, group in found.items()}


def one_device(part: Part) -> bool:
    """Can nothing in this file be another device's: one capture at most, and records of one computer?"""
    captures, computers = 0, set()
    for one in part.found:
        if isinstance(one, Capture):
            captures += 1
        elif isinstance(one, Event) and one.computer:
            computers.add(one.computer.partition(".")[0].casefold())
    return captures + len(computers) < 2 or (captures == 0 and len(computers) < 2)
