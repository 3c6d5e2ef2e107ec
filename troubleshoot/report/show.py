"""``show``: what was read, without any judgement, as JSON (schema: ``data/show.schema.json``) and as text.

Records that ``data/events.yaml`` knows come with what they mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from troubleshoot import eventbook, timeline
from troubleshoot.case import Case, event_text
from troubleshoot.model import Event, Unread
from troubleshoot.report import timelined
from troubleshoot.report.jsonform import SCHEMA_VERSION, attempt, device, problems, source, text_of, unread
from troubleshoot.report.safe import plain
from troubleshoot.times import both, iso

_MOST_LINES = 40  # events in the text form; the JSON form has them all


def dump_json(cases: Sequence[Case], missing: Sequence[Unread]) -> bytes:
    """The JSON text, UTF-8."""
    return text_of(json_form(cases, missing))


def json_form(cases: Iterable[Case], missing: Iterable[Unread]) -> dict[str, Any]:
    """The JSON form as plain data."""
    return {
        "schema_version": SCHEMA_VERSION,
        "devices": [_case(case) for case in cases],
        "unread": [unread(one) for one in missing],
    }


def _case(case: Case) -> dict[str, Any]:
    return {
        "device": device(case.device),
        "as_of": iso(case.as_of),
        "join_state": case.join_state,
        "domain_type": case.domain_type,
        "captures": [
            {
                "kind": one.kind,
                "source": source(one.source),
                "time": iso(one.time),
                "account": (one.account.name or one.account.kind) if one.account else None,
                "elevated": one.elevated,
                "sections": [{"section": title, "whole": whole} for title, whole in one.sections.items()],
                "fields": [
                    {
                        "section": field.section,
                        "label": field.label,
                        "name": field.name,
                        "text": field.text,
                        "absence": field.absence,
                        "line": field.line,
                    }
                    for field in one.fields
                ],
            }
            for one in (*case.captures, *case.other_captures)
        ],
        "events": [_event(one) for one in case.events],
        "registry": [
            {"key": one.key, "name": one.name, "type": one.type, "value": one.value, "source": source(one.source)}
            for one in case.registry
        ],
        "log_lines": [
            {
                "component": one.component,
                "time": iso(one.time),
                "time_text": one.time_text,
                "thread": one.thread,
                "text": one.text,
                "source": source(one.source),
            }
            for one in case.log_lines
        ],
        "facts": [
            {"name": one.name, "value": one.value, "source": source(one.source)}
            for name in sorted(case.facts)
            for one in case.facts[name]
        ],
        "attempts": [attempt(one) for one in case.attempts],
        "timeline": [timelined.row(one, case.coverage.offset) for one in timeline.entries(case)],
        "problems": problems(case.problems),
    }


def _event(one: Event) -> dict[str, Any]:
    return {
        "provider": one.provider,
        "id": one.id,
        "channel": one.channel,
        "time": iso(one.time),
        "time_text": one.time_text,
        "level": one.level,
        "record": one.record,
        "computer": one.computer,
        "user": one.user,
        "activity": one.activity,
        "data": dict(one.data),
        "text": one.text,
        "meaning": eventbook.meaning(one),
        "source": source(one.source),
    }


def text(cases: Sequence[Case], missing: Sequence[Unread]) -> str:
    """The text form: device, captures with their fields, attempts, and the newest events."""
    lines: list[str] = []
    for case in cases:
        offset = case.coverage.offset
        name = case.device.name or "device without a name"
        lines += [f"{plain(name)}  ({case.join_state}, {case.domain_type} domain)", ""]
        for capture in (*case.captures, *case.other_captures):
            who = (capture.account.name or capture.account.kind) if capture.account else "account not told"
            lines.append(
                f"{capture.kind}  {plain(capture.source.path)}:{capture.source.line}  {both(capture.time, offset) or 'no time'}  "
                f"{plain(who)}"
            )
            section: str | None = ""
            for field in capture.fields:
                if field.section != section:
                    section = field.section
                    lines.append(f"  [{plain(section or 'no section')}]")
                note = f"   ({field.absence})" if field.absence else ""
                lines.append(f"  {field.line:>5}  {plain(field.label)} : {plain(field.text)}{note}")
            lines.append("")
        rows = timeline.entries(case)
        if rows:
            lines.append("time line, newest first (all of it: show --timeline)")
            lines += [f"  {timelined.line(row, offset)}" for row in _shown(rows)]
            lines.append("")
        if case.events:
            lines.append(
                f"{len(case.events)} events, newest first"
                + (f"; the first {_MOST_LINES}:" if len(case.events) > _MOST_LINES else "")
            )
            for event in case.events[:_MOST_LINES]:
                lines.append(
                    f"  {both(event.time, offset) or plain(event.time_text or 'no time')}  {plain(event_text(event))}"
                )
                if event.data or event.text:  # without them the line says what it means already
                    lines += [f"      means: {told}" for told in (eventbook.meaning(event),) if told]
            lines.append("")
        for line in case.log_lines[:_MOST_LINES]:
            lines.append(
                f"  {plain(line.component or 'text')}  {both(line.time, offset) or plain(line.time_text or '')}  {plain(line.text)}"
            )
        for problem in case.problems:
            lines.append(f"  problem: {plain(problem.source.path)}: {plain(problem.message)}")
    for one in missing:
        lines.append(f"not read: {plain(one.path)}: {plain(one.reason)}")
    return "\n".join(lines).rstrip() + "\n"


def _shown(rows: Sequence[timeline.Entry]) -> list[timeline.Entry]:
    """The time line of the text form: every attempt, token and capture, of the records the newest."""
    left = _MOST_LINES
    out = []
    for row in rows:
        if row.kind == "event":
            left -= 1
            if left < 0:
                continue
        out.append(row)
    return out
