"""Events as JSON: evtx_dump's lines and records, ``ConvertTo-Json`` of PowerShell, flat and nested shapes of other tools."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from troubleshoot.model import CollectorNote, Event, LogSpan, Problem, Sheet, Source, Wanted
from troubleshoot.parsers import eventmessage
from troubleshoot.parsers.eventrecord import activity, data_of, from_dump, is_wanted, level_word, number, text_of, utc
from troubleshoot.parsers.providers import provider_of

_START = re.compile(r"^[ \t]*(?:\[\s*)?[\[{]", re.MULTILINE)
_NEXT = re.compile(r"\s{0,200},\s{0,200}[\[{]")  # the next value of an array on the same line
_TICKS = re.compile(r"/Date\((-?\d{1,16})\)/")
_SIGNS = ('"Event"', '"System"', '"event_id"', '"EventID"', '"ProviderName"', '"Id"', '"winlog"', '"system"')


def looks_like(sheet: Sheet) -> bool:
    """Does the text hold an object with the names that event exports use?"""
    return "{" in sheet.text and any(sign in sheet.text for sign in _SIGNS)


def read(sheet: Sheet, wanted: Wanted | None) -> Iterator[Event | LogSpan | Problem | CollectorNote]:
    """Every event among the JSON values of the text; values that are no event are left to other parsers."""
    decoder = json.JSONDecoder()
    text = sheet.text
    at, line, counted = 0, 1, 0
    gathered = False
    while True:
        following = _NEXT.match(text, at) if at else None
        found = following or _START.search(text, at)
        if found is None:
            return
        start = found.end() - 1
        line += text.count("\n", counted, start)
        counted = start
        if following is None and line - 1 in sheet.taken:
            at = _next_line(text, start)
            continue
        try:
            value, end = decoder.raw_decode(text, start)
        except RecursionError:
            yield Problem(Source(sheet.name, line), "damaged", "JSON is nested too deeply", 1)
            at = _next_line(text, start)
            continue
        except ValueError:
            if '"EventID"' in text[start : start + 4000] or '"event_id"' in text[start : start + 4000]:
                yield Problem(Source(sheet.name, line), "damaged", "a JSON record is cut off or damaged", 1)
                sheet.taken.add(line - 1)
            at = _next_line(text, start)
            continue
        events = list(_events(value, sheet.name, line))
        if events and not gathered and '"TimeGenerated"' in text[start : start + 20_000]:
            gathered = True
            yield CollectorNote("computers", "table of Log Analytics", Source(sheet.name, line))
        if events:
            sheet.taken.update(range(line - 1, line + text.count("\n", start, end)))
            for event in events:
                if is_wanted(event.provider, event.id, wanted):
                    yield event
        at = max(end, start + 1)


def _next_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def _events(value: Any, name: str, line: int) -> Iterator[Event]:
    if isinstance(value, list):
        for one in value:
            yield from _events(one, name, line)
    elif isinstance(value, Mapping):
        event = from_dump(value, name, line) if "Event" in value else None
        event = event or _nested(value, name, line) or _powershell(value, name, line)
        if event is not None:
            yield event
            return
        if isinstance(value.get("tables"), list):
            for one in value["tables"]:
                yield from _events(_objects(one), name, line)
        for key in ("events", "Events", "value", "hits", "records", "_source"):
            if isinstance(value.get(key), list | Mapping):
                yield from _events(value[key], name, line)


def _objects(table: Any) -> list[dict[str, Any]]:
    """The rows of an answer of Log Analytics (``columns`` and ``rows``) as objects."""
    if not isinstance(table, Mapping) or not isinstance(table.get("rows"), list):
        return []
    columns = [str(one.get("name")) if isinstance(one, Mapping) else "" for one in table.get("columns") or ()]
    return [dict(zip(columns, row, strict=False)) for row in table["rows"] if isinstance(row, list)]


def _nested(value: Mapping[str, Any], name: str, line: int) -> Event | None:
    """``{"system": {"event_id": ...}, "event_data": {...}}``, the same names on one level, and winlogbeat's."""
    log = value.get("winlog")
    system = (
        value.get("system") if isinstance(value.get("system"), Mapping) else log if isinstance(log, Mapping) else value
    )
    assert isinstance(system, Mapping)
    identity = number(system.get("event_id"))
    provider = system.get("provider") or system.get("provider_name") or system.get("provider_guid")
    provider = provider.get("name") if isinstance(provider, Mapping) else provider
    if identity is None or not provider:
        return None
    channel = text_of(system.get("channel")) or None
    record = number(system.get("event_record_id") or system.get("record_id") or system.get("record_number"))
    computer = system.get("computer") or system.get("computer_name") or value.get("computer")
    user = system.get("security") or system.get("user")
    correlation = system.get("correlation")
    message = text_of(value.get("message") or system.get("message")).strip()
    provider = provider_of(str(provider))
    data = data_of(value.get("event_data") or system.get("event_data"))
    return Event(
        provider=provider,
        id=identity,
        channel=channel,
        time=utc(text_of(system.get("time_created") or value.get("@timestamp") or system.get("timestamp")) or None),
        level=level_word(system.get("level") if not isinstance(system.get("level"), Mapping) else None),
        record=record,
        computer=text_of(computer) or None,
        data=data or eventmessage.fields(provider, identity, message),
        text=message or None,
        source=Source(name, line, record, channel),
        user=text_of(user.get("user_id") or user.get("identifier")) or None if isinstance(user, Mapping) else None,
        activity=activity(correlation.get("activity_id")) if isinstance(correlation, Mapping) else None,
    )


def _powershell(value: Mapping[str, Any], name: str, line: int) -> Event | None:
    """``Get-WinEvent | ConvertTo-Json``: Id, ProviderName, TimeCreated, Message, sometimes Properties without names."""
    identity = number(value.get("Id", value.get("EventID", value.get("EventId"))))
    provider = value.get("ProviderName") or value.get("Source") or value.get("SourceName") or value.get("Provider")
    if identity is None or not isinstance(provider, str) or not provider:
        return None
    provider = provider_of(provider)
    channel = text_of(value.get("LogName") or value.get("Channel") or value.get("EventLog")) or None
    record = number(value.get("RecordId") or value.get("RecordNumber"))
    message = text_of(value.get("Message") or value.get("RenderedDescription")).strip()
    created = value.get("TimeCreated") or value.get("TimeGenerated")
    if isinstance(created, Mapping):
        created = created.get("value") or created.get("DateTime")
    time_text = text_of(created)
    user = value.get("UserId")
    data = data_of(value.get("EventData"))
    return Event(
        provider=provider,
        id=identity,
        channel=channel,
        time=_moment(time_text),
        level=level_word(value.get("LevelDisplayName") or value.get("EventLevelName") or value.get("Level")),
        record=record,
        computer=text_of(value.get("MachineName") or value.get("Computer")) or None,
        data=data or eventmessage.fields(provider, identity, message),
        text=message or None,
        source=Source(name, line, record, channel),
        user=text_of(user.get("Value")) or None if isinstance(user, Mapping) else text_of(user) or None,
        activity=activity(value.get("ActivityId")),
        time_text=time_text or None,
    )


def _moment(text: str) -> datetime | None:
    ticks = _TICKS.search(text)
    if ticks:
        try:
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(ticks[1]))
        except OverflowError:
            return None
    from troubleshoot.parsers.eventtimes import local

    return local(text)
