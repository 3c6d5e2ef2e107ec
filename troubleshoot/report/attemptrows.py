"""The attempts as rows of a table that a page filters and draws: the first as rows, the others as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from troubleshoot import words
from troubleshoot.model import Attempt, Report, Source
from troubleshoot.report import pictures
from troubleshoot.report.moments import Moment, moment
from troubleshoot.report.safe import plain
from troubleshoot.report.shortnames import ShortNames
from troubleshoot.times import iso

MOST_ROWS = 300  # stand in the table; the rest are lines of text, which cost the browser next to nothing
MOST = 20_000


class Row(NamedTuple):
    """One attempt of the table. ``stamp`` and ``since``: milliseconds, None where it is not drawn; ``files``: numbers."""

    stamp: int | None
    since: int | None
    flow: str
    phase: str
    outcome: str
    files: str
    moment: Moment | None
    repeats: int
    repeated: str | None
    codes: tuple[str, ...]
    details: tuple[tuple[str, str], ...]
    places: tuple[str, ...]


class Attempts(NamedTuple):
    """All attempts of a device, newest first.

    ``lines``: eleven texts between tabs: the four cells, then what the time line needs (stamp, since, repeats, flow,
    phase, outcome, files). ``flows`` and ``phases``: value and word; ``files``: names, by their numbers.
    """

    rows: tuple[Row, ...]
    lines: tuple[str, ...]
    left: int
    flows: tuple[tuple[str, str], ...]
    phases: tuple[tuple[str, str], ...]
    files: tuple[str, ...]


def attempts(report: Report, short: ShortNames, offset: str | None, aware: bool) -> Attempts:
    """The attempts of a report. ``offset``: of the device's clock; ``aware``: whether the time line draws instants."""
    files: dict[str, int] = {}
    shown = report.attempts[:MOST]
    rows = [_row(one, offset, aware, files, short) for one in shown]
    return Attempts(
        tuple(rows[:MOST_ROWS]),
        tuple(_line(one) for one in rows[MOST_ROWS:]),
        len(report.attempts) - len(shown),
        tuple((one, words.FLOWS.get(one, one)) for one in dict.fromkeys(row.flow for row in rows)),
        tuple((one, words.PHASES.get(one, one)) for one in dict.fromkeys(row.phase for row in rows) if one),
        tuple(files),
    )


def _line(row: Row) -> str:
    failed = row.phase and row.outcome == "failed"
    time = [row.moment.text, row.moment.local or ""] if row.moment else [words.PAGE["no_time"]]
    what = [words.FLOWS.get(row.flow, row.flow), words.PAGE[row.outcome]]
    what += [f"· {words.PHASES.get(row.phase, row.phase)}"] if failed else []
    cells = (
        " ".join(filter(None, (*time, row.repeated))),
        " ".join((*what, *row.codes)),
        "; ".join(f"{label}: {value}" for label, value in row.details),
        ", ".join(row.places),
    )
    drawn = (row.stamp, row.since, row.repeats, row.flow, row.phase, row.outcome, row.files)
    return "\t".join((*cells, *("" if one is None else str(one) for one in drawn)))


def _row(one: Attempt, offset: str | None, aware: bool, files: dict[str, int], short: ShortNames) -> Row:
    paths = dict.fromkeys(short.path(source.path) for source in one.sources)
    numbers = [str(files.setdefault(path, len(files))) for path in paths]
    repeated = None
    if one.repeats > 1:
        repeated = words.PAGE["times"].format(count=one.repeats, since=iso(one.since) or words.PAGE["no_time"])
    return Row(
        pictures.stamp_of(one.time, aware),
        pictures.stamp_of(one.since, aware),
        one.flow,
        one.phase or "",
        one.outcome,
        " ".join(numbers),
        moment(one.time, offset),
        one.repeats,
        repeated,
        tuple(plain(code, 80) for code in one.codes),
        tuple((label, plain(value)) for label, value in _details(one) if value),
        _places(one.sources, short),
    )


def _details(one: Attempt) -> Iterator[tuple[str, str | None]]:
    yield words.PAGE["message"], one.message
    yield "server", " ".join(filter(None, (one.server_code, one.server_subcode, one.suberror)))
    yield "operation", one.operation
    yield "HTTP", " ".join(filter(None, (one.http_status, one.http_error)))
    yield "endpoint", one.endpoint
    yield words.PAGE["user"], one.user
    yield "request id", one.request_id
    yield "correlation id", one.correlation_id


def _places(sources: Sequence[Source], short: ShortNames) -> tuple[str, ...]:
    """The first place in each file; how many more lines or records there are."""
    firsts: dict[str, Source] = {}
    for source in sources:
        firsts.setdefault(source.path, source)
    shown = [short.place(source) for source in firsts.values()]
    rest = len(sources) - len(shown)
    return (*shown, words.PAGE["more_places"].format(count=rest)) if rest > 0 else tuple(shown)
