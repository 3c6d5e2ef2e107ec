"""Every field that was parsed, in rows to search: of captures, event records, registry, logs, lists and stated facts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import NamedTuple

from troubleshoot import words
from troubleshoot.case import event_text
from troubleshoot.model import CloudObject, Event, Fact, LogLine, RegistryValue, Report, Source
from troubleshoot.report.safe import plain
from troubleshoot.report.shortnames import ShortNames
from troubleshoot.times import iso

MOST_ROWS = 300  # stand in the table; the rest are lines of text, which cost the browser next to nothing
MOST = 50_000
_LONGEST = 4000  # characters of one value in the table
_LONGEST_LINE = 1000


class FieldRow(NamedTuple):
    """One field of a capture, one value of a record, key, list or log. ``section``: what it stands under."""

    label: str
    text: str
    absence: str | None
    section: str
    where: str


class Fields(NamedTuple):
    """The first rows; the others as lines (label, value, section, place between tabs); how many are left out."""

    rows: tuple[FieldRow, ...]
    lines: tuple[str, ...]
    left: int

    @property
    def total(self) -> int:
        """How many can be searched."""
        return len(self.rows) + len(self.lines)


def fields(report: Report, short: ShortNames) -> Fields:
    """All fields of one device, captures first."""
    every = chain(_of_captures(report, short), _of_evidence(report, short))
    rows = tuple(islice(every, MOST_ROWS))
    lines = tuple(
        "\t".join((one.label, one.text[:_LONGEST_LINE], one.section, one.where))
        for one in islice(every, MOST - MOST_ROWS)
    )
    return Fields(rows, lines, sum(1 for _ in every))


def _of_captures(report: Report, short: ShortNames) -> Iterator[FieldRow]:
    for capture in report.coverage.captures:
        path = capture.source.path
        for field in capture.fields:
            absence = words.ABSENCES.get(field.absence, field.absence) if field.absence else None
            where = short.place(Source(path, field.line))
            yield _row(field.label, field.text, field.section or "", where, absence)


def _of_evidence(report: Report, short: ShortNames) -> Iterator[FieldRow]:
    for one in report.coverage.evidence:
        where = short.place(one.source)
        for label, text, section in _values(one):
            yield _row(label, text, section, where)


def _row(label: str, text: str, section: str, where: str, absence: str | None = None) -> FieldRow:
    return FieldRow(plain(label, 200), plain(text, _LONGEST), absence, plain(section, 160), where)


def _values(one: Event | RegistryValue | LogLine | Fact | CloudObject) -> Iterator[tuple[str, str, str]]:
    """Label, value and what it stands under."""
    if isinstance(one, Event):
        name = one.provider.removeprefix("Microsoft-Windows-")
        section = f"event {one.id} {name} {iso(one.time) or one.time_text or ''}".rstrip()
        if not one.data:
            yield words.PAGE["record"], one.text or event_text(one), section
        for label, text in one.data.items():
            yield label, text, section
    elif isinstance(one, RegistryValue):
        yield one.name or words.PAGE["default_value"], "" if one.value is None else str(one.value), one.key
    elif isinstance(one, LogLine):
        yield one.component, one.text, iso(one.time) or one.time_text or ""
    elif isinstance(one, Fact):
        yield one.name, one.value, words.PAGE["stated"]
    else:
        for label, text in one.values.items():
            yield label, text, f"{one.kind} {one.name or one.device_id or ''}".rstrip()
