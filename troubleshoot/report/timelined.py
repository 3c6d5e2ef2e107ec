"""The time line as text and JSON: ``show --timeline`` (schema: ``data/timeline.schema.json``), and its rows in ``show``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from troubleshoot import redact, timeline, times
from troubleshoot.case import Case
from troubleshoot.model import Clock, Device, Problem, Source, Unread
from troubleshoot.pseudonyms import Redactor
from troubleshoot.report.jsonform import SCHEMA_VERSION, clock, device, problems, source, text_of, unread
from troubleshoot.report.outline import place
from troubleshoot.report.safe import plain
from troubleshoot.times import both, by_clock, iso

_WIDTHS = {False: 20, True: 36}  # columns of a time: in UTC, and with the device's own beside it


class View(NamedTuple):
    """The time line of one device, as it is to be shown."""

    device: Device
    as_of: datetime | None
    clock: Clock | None
    entries: tuple[timeline.Entry, ...]
    problems: tuple[Problem, ...]

    @property
    def offset(self) -> str | None:
        """The offset of the device's clock."""
        return self.clock.offset if self.clock else None


class Asked(NamedTuple):
    """The filters: parts of a path or of the name of a log, and phases; all of them where empty."""

    sources: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()


def view(case: Case, asked: Asked) -> View:
    """What of the device's time line fits (:func:`troubleshoot.timeline.fits`)."""
    found = tuple(one for one in timeline.entries(case) if timeline.fits(one, asked.sources, asked.phases))
    return View(case.device, case.as_of, case.coverage.clock, found, case.problems)


def redacted(redactor: Redactor, given: View) -> View:
    """The view with every name replaced."""
    return given._replace(
        device=redact.device(redactor, given.device),
        clock=redact.clock(redactor, given.clock),
        entries=tuple(
            one._replace(
                what=redactor.text(one.what),
                user=redactor.optional(one.user),
                sources=tuple(redact.source(redactor, each) for each in one.sources),
            )
            for one in given.entries
        ),
        problems=tuple(redact.problem(redactor, one) for one in given.problems),
    )


# ------------------------------------------------------------------------------------------------------------ JSON


def dump(views: Iterable[View], missing: Iterable[Unread], asked: Asked) -> bytes:
    """The JSON text, UTF-8."""
    return text_of(
        {
            "schema_version": SCHEMA_VERSION,
            "filter": {"sources": list(asked.sources), "phases": list(asked.phases)},
            "devices": [
                {
                    "device": device(one.device),
                    "as_of": iso(one.as_of),
                    "clock": clock(one.clock) if one.clock else None,
                    "timeline": [row(each, one.offset) for each in one.entries],
                    "problems": problems(one.problems),
                }
                for one in views
            ],
            "unread": [unread(one) for one in missing],
        }
    )


def row(one: timeline.Entry, offset: str | None) -> dict[str, Any]:
    """One entry; ``local`` is its time by the device's own clock, where the offset is known."""
    return {
        "time": iso(one.time),
        "local": by_clock(one.time, offset),
        "kind": one.kind,
        "flow": one.flow,
        "phase": one.phase,
        "outcome": one.outcome,
        "codes": list(one.codes),
        "user": one.user,
        "what": one.what + _repeats(one, None),
        "repeats": one.repeats,
        "since": iso(one.since),
        "source": source(one.sources[0]) if one.sources else None,
    }


def _repeats(one: timeline.Entry, offset: str | None) -> str:
    return f" ({one.repeats} times since {both(one.since, offset) or 'no known time'})" if one.repeats > 1 else ""


# ------------------------------------------------------------------------------------------------------------ text


def text(views: Iterable[View], missing: Iterable[Unread], asked: Asked) -> str:
    """The text form: a line for each entry, newest first, harmless."""
    lines: list[str] = []
    for one in views:
        lines += [plain(one.device.name or "device without a name"), *_head(one, asked), *_lines(one)]
        lines += [f"  problem: {place(each.source)}: {plain(each.message)}" for each in one.problems]
        lines.append("")
    lines += [f"not read: {plain(one.path)}: {plain(one.reason)}" for one in missing]
    return "\n".join(lines).rstrip() + "\n"


def _head(shown: View, asked: Asked) -> Iterator[str]:
    own = (
        f", in brackets by the clock of the device, UTC{shown.offset} by {place(shown.clock.source)}"
        if shown.clock
        else ""
    )
    yield f"  newest first; times in UTC{own}"
    for name, wanted in (("source", asked.sources), ("phase", asked.phases)):
        if wanted:
            yield f"  only {name}: {', '.join(map(plain, wanted))}"


def _lines(shown: View) -> Iterator[str]:
    """The rows, with a mark between what the capture had still ahead of it and what lay behind."""
    if not shown.entries:
        yield "  nothing"
        return
    ahead = any(times.after(one.time, shown.as_of) for one in shown.entries)
    for one in shown.entries:
        if ahead and times.after(one.time, shown.as_of) is not True:
            yield f"  ---- as of {both(shown.as_of, shown.offset)}: what stands above is later ----"
            ahead = False
        yield "  " + line(one, shown.offset)


def line(one: timeline.Entry, offset: str | None) -> str:
    """One entry in one line: time, kind, what, whose, and where it stands."""
    when = both(one.time, offset) or "no time"
    whose = f" ({plain(one.user, 120)})" if one.user else ""
    at = f"  [{_place(one.sources[0])}]" if one.sources else ""
    more = f" and {len(one.sources) - 1} more" if len(one.sources) > 1 else ""
    return f"{when:{_WIDTHS[offset is not None]}}  {one.kind:10}  {plain(one.what)}{_repeats(one, offset)}{whose}{at}{more}"


def _place(one: Source) -> str:
    """As :func:`~troubleshoot.report.outline.place`, with the path as it is, so that a pseudonym can stand for it."""
    number = f":{one.line}" if one.line is not None else f" record {one.record}" if one.record is not None else ""
    return plain(one.path) + number
