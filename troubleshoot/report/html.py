"""The HTML form: one file that opens from disk, with scripts on or off. This module makes the data of its templates.

All markup stands in the templates of ``data/report_html``, which escape every text. The page allows one style and one
script, by their hashes, and nothing else: it asks for nothing, and text of a log never becomes markup, script or address.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from troubleshoot import __version__, words
from troubleshoot.model import Attempt, Capture, Field, Finding, FixStep, LogSpan, Proof, Report, Result, Source
from troubleshoot.report import pictures
from troubleshoot.report.note import owner
from troubleshoot.report.outline import place
from troubleshoot.report.safe import plain
from troubleshoot.tables import DATA
from troubleshoot.times import by_clock, iso

_AROUND = 2  # lines shown before and after a line of proof
_MOST_AT_TOP = 3
_MOST_PROOFS = 12
_MOST_STEPS = 5
_MOST_LISTED = 200
_MOST_FIELDS = 5000
_LONGEST = 4000  # characters of one value


class Moment(NamedTuple):
    """A time as it is shown: in UTC, and by the device's own clock where its offset is known."""

    iso: str
    text: str
    local: str | None


class Step(NamedTuple):
    """A step with its number among all steps of the finding."""

    number: int
    step: FixStep


class Group(NamedTuple):
    """Steps in a row of one person."""

    who: str
    steps: tuple[Step, ...]


class Line(NamedTuple):
    """A line of an excerpt. ``kind``: proof, near (stands beside it), section (the title above it), gap."""

    kind: str
    number: int | None
    text: str


class Excerpt(NamedTuple):
    """Lines of one file around the proof, or one record."""

    where: str
    lines: tuple[Line, ...]


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


class FieldRow(NamedTuple):
    """One field of a capture, or one value of a record."""

    label: str
    text: str
    absence: str | None
    section: str
    where: str


class Short:
    """Names of the files of one report: the last part of the path where no other file has it, else the whole path."""

    def __init__(self, report: Report) -> None:
        found = [one.source for one in report.coverage.captures]
        found += [source for one in report.attempts for source in one.sources]
        found += [proof.source for one in report.findings for proof in one.evidence]
        self._names = Counter(_last(path) for path in {source.path for source in found})

    def path(self, path: str) -> str:
        """The shortest name that tells the file from all others, harmless."""
        name = _last(path)
        return plain(name if self._names[name] == 1 else path, 200)

    def place(self, source: Source) -> str:
        """As :func:`~troubleshoot.report.outline.place`, with the short name."""
        return place(source._replace(path=self.path(source.path)))


def _last(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2] or path


def render(result: Result) -> str:
    """The page of a result. The same result gives the same text."""
    secrets = [one for one in result.unread if (one.kind, one.lost) == ("refused", 0)]
    others = [one for one in result.unread if one not in secrets]
    return page("page.html")(
        devices=[device(one, f"d{number}") for number, one in enumerate(result.reports, 1)],
        secrets=secrets[:_MOST_LISTED],
        more_secrets=max(len(secrets) - _MOST_LISTED, 0),
        unread=others[:_MOST_LISTED],
        more_unread=max(len(others) - _MOST_LISTED, 0),
        version=words.PAGE["version"].format(version=__version__, rules=result.rules_version or "-"),
        redacted=result.redacted,
    )


def page(template: str) -> Callable[..., str]:
    """What renders a template of ``data/report_html`` from its data, with the one style and script that the page allows."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = DATA / "report_html"
    style, script = ((folder / name).read_text(encoding="utf-8").strip() for name in ("page.css", "page.js"))
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.globals.update(words=words, page=words.PAGE, heading=words.HEADINGS)
    environment.filters.update(plain=plain, place=place, commands=commands)
    return partial(
        environment.get_template(template).render,
        style=style,
        script=script,
        style_hash=_digest(style),
        script_hash=_digest(script),
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


# ------------------------------------------------------------------------------------------------------ device


def device(report: Report, key: str) -> dict[str, Any]:
    """What the template shows of one device; ``key`` starts the ids of its parts on the page."""
    offset = report.coverage.offset
    first = report.findings[0] if report.findings else None
    short = Short(report)
    line = pictures.timeline(report.attempts, report.coverage.captures)
    files: dict[str, int] = {}
    rows = [_row(one, offset, line.aware if line else True, files, short) for one in report.attempts]
    fields = list(_fields(report, short))
    return {
        "key": key,
        "report": report,
        "name": plain(report.device.name or words.PAGE["no_name"], 120),
        "title": first.title if first else words.nothing_found(report.verdict, report.join_state),
        "owner": words.WHO[who] if first and (who := owner(first)) else None,
        "as_of": moment(report.as_of, offset),
        "offset": offset,
        "findings": [_finding(one, report, short, f"{key}f{number}") for number, one in enumerate(report.findings, 1)],
        "line": line,
        "rows": rows,
        "flows": [(flow, words.FLOWS.get(flow, flow)) for flow in dict.fromkeys(one.flow for one in rows)],
        "phases": [(one, words.PHASES.get(one, one)) for one in dict.fromkeys(row.phase for row in rows) if one],
        "files": list(files),
        "captures": [(one, moment(one.time, offset), _account(one)) for one in report.coverage.captures],
        "logs": [_log(one, offset) for one in report.coverage.logs if one.records][:_MOST_LISTED],
        "empty_logs": sum(1 for one in report.coverage.logs if not one.records),
        "collected": report.coverage.collected,
        "collecting": _collecting(report, offset),
        "problems": report.problems[:_MOST_LISTED],
        "more_problems": max(len(report.problems) - _MOST_LISTED, 0),
        "fields": fields[:_MOST_FIELDS],
        "more_fields": max(len(fields) - _MOST_FIELDS, 0),
    }


def moment(value: datetime | None, offset: str | None) -> Moment | None:
    """A time in UTC and at ``offset`` (``+01:00``), or as a local time of unknown zone."""
    stamp = iso(value)
    if value is None or stamp is None:
        return None
    text = value.replace(tzinfo=None).isoformat(" ", "seconds")
    if value.tzinfo is None:
        return Moment(stamp, f"{text} ({words.PAGE['local']})", None)
    local = by_clock(value, offset)
    return Moment(stamp, f"{text} UTC", f"{local[:19].replace('T', ' ')} UTC{offset}" if local else None)


def _account(capture: Capture) -> str:
    account = capture.account
    who = (account.name or account.kind) if account else words.PAGE["account_unknown"]
    rights = {True: words.PAGE["elevated"], False: words.PAGE["not_elevated"], None: None}[capture.elevated]
    return ", ".join(filter(None, (plain(who, 120), rights)))


def _log(span: LogSpan, offset: str | None) -> tuple[LogSpan, Moment | None, Moment | None]:
    return span, moment(span.first, offset), moment(span.last, offset)


def _collecting(report: Report, offset: str | None) -> tuple[str, Moment | None, Moment | None] | None:
    made = report.coverage.collected
    if made is None:
        return None
    version = f" {plain(made.version, 60)}" if made.version else ""
    return f"{made.title}{version}", moment(made.started, offset), moment(made.stopped, offset)


def commands(text: str) -> list[tuple[bool, str]]:
    """A sentence with commands between backticks, taken apart: (is it a command, text)."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return [(False, text)]
    return [(number % 2 == 1, part) for number, part in enumerate(parts) if part]


# ----------------------------------------------------------------------------------------------------- finding


def _finding(finding: Finding, report: Report, short: Short, key: str) -> dict[str, Any]:
    numbered = [Step(number, step) for number, step in enumerate(finding.fix, 1)]
    return {
        "key": key,
        "finding": finding,
        "chain": pictures.chain(finding, report.attempts),
        "first": numbered[0] if numbered else None,
        "groups": grouped(numbered[:_MOST_STEPS]),
        "more_groups": grouped(numbered[_MOST_STEPS:]),
        "proof": _proof(finding, short),
        "excerpts": excerpts(finding.evidence[:_MOST_PROOFS], report.coverage.captures),
        "more_proof": [
            (place(proof.source), plain(proof.text)) for proof in finding.evidence[_MOST_PROOFS:_MOST_LISTED]
        ],
        "symptoms": [(one, excerpts(one.evidence[:3], report.coverage.captures)) for one in finding.symptoms],
        "links": [url for url in finding.references if url.startswith("https://")],
        "when": iso(finding.time),
    }


def _proof(finding: Finding, short: Short) -> list[tuple[str, str]]:
    """The first lines of proof, for the top of the page."""
    return [(short.place(one.source), plain(one.text, 300)) for one in finding.evidence[:_MOST_AT_TOP]]


def grouped(steps: Sequence[Step]) -> list[Group]:
    """The steps by who acts, in the order in which the people first act; every step keeps its number."""
    people: dict[str, list[Step]] = {}
    for step in steps:
        people.setdefault(step.step.who, []).append(step)
    return [Group(words.WHO[who], tuple(own)) for who, own in people.items()]


def excerpts(proofs: Sequence[Proof], captures: Sequence[Capture]) -> list[Excerpt]:
    """The lines of proof with the lines around them, a piece for each file; a record stands for itself."""
    by_path: dict[str, list[Proof]] = {}
    out: list[Excerpt] = []
    for proof in proofs:
        by_path.setdefault(proof.source.path, []).append(proof)
    for path, found in by_path.items():
        lined = {proof.source.line: proof for proof in found if proof.source.line is not None}
        if lined:
            out.append(Excerpt(plain(path, 200), tuple(_around(lined, _lines_of(path, captures)))))
        for proof in found:
            if proof.source.line is None:
                out.append(Excerpt(place(proof.source), (Line("proof", None, plain(proof.text, _LONGEST)),)))
    return out


def _lines_of(path: str, captures: Sequence[Capture]) -> dict[int, Field]:
    return {one.line: one for capture in captures if capture.source.path == path for one in capture.fields}


def _around(proofs: dict[int, Proof], fields: dict[int, Field]) -> Iterator[Line]:
    near = {line + step for line in proofs for step in range(-_AROUND, _AROUND + 1)}
    last: int | None = None
    section: str | None = None
    for line in sorted(number for number in near if number in proofs or number in fields):
        field = fields.get(line)
        if field is not None and field.section is not None and field.section != section:
            section = field.section
            yield Line("section", None, plain(section, 120))
        elif last is not None and line - last > 2 * _AROUND:
            yield Line("gap", None, "…")
        last = line
        if line in proofs:
            yield Line("proof", line, plain(proofs[line].text, _LONGEST))
        elif field is not None:
            yield Line("near", line, plain(f"{field.label} : {field.text}", _LONGEST))


# ---------------------------------------------------------------------------------------------- attempts, fields


def _row(one: Attempt, offset: str | None, aware: bool, files: dict[str, int], short: Short) -> Row:
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


def _places(sources: Sequence[Source], short: Short) -> tuple[str, ...]:
    """The first place in each file; how many more lines or records there are."""
    firsts: dict[str, Source] = {}
    for source in sources:
        firsts.setdefault(source.path, source)
    shown = [short.place(source) for source in firsts.values()]
    rest = len(sources) - len(shown)
    return (*shown, words.PAGE["more_places"].format(count=rest)) if rest > 0 else tuple(shown)


def _fields(report: Report, short: Short) -> Iterator[FieldRow]:
    """Every field of every capture, then every value of the records that attempts were rebuilt from."""
    for capture in report.coverage.captures:
        path = capture.source.path
        for field in capture.fields:
            absence = words.ABSENCES.get(field.absence, field.absence) if field.absence else None
            where = short.place(Source(path, field.line))
            section = plain(field.section or "", 120)
            yield FieldRow(plain(field.label, 200), plain(field.text, _LONGEST), absence, section, where)
    seen: set[Source] = set()
    for event in (event for one in report.attempts for event in one.events):
        if event.source in seen:
            continue
        seen.add(event.source)
        section = plain(f"event {event.id} {event.provider.removeprefix('Microsoft-Windows-')}", 120)
        for name, value in event.data.items():
            yield FieldRow(plain(name, 200), plain(value, _LONGEST), None, section, short.place(event.source))
