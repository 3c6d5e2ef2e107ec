"""Event logs exported as tables: Event Viewer's CSV and tab text, ``Export-Csv`` and ``ConvertTo-Csv`` of PowerShell.

Level,Date and Time,Source,Event ID,Task Category
Error,3/4/2026 9:12:44 AM,User Device Registration,304,None,"Automatic registration failed at join phase. ..."

Also the tables Event and WindowsEvent of Log Analytics, which hold the records of many computers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC
from html import unescape
from typing import NamedTuple

import orjson

from troubleshoot.model import CollectorNote, Event, LogSpan, Problem, Sheet, Source, Wanted
from troubleshoot.parsers import eventmessage, eventtimes
from troubleshoot.parsers.eventrecord import activity, data_of, is_wanted, level_word
from troubleshoot.parsers.providers import provider_of

_COLUMNS = {
    "time": {
        "timecreated",
        "date and time",
        "datum und uhrzeit",
        "date et heure",
        "data e ora",
        "fecha y hora",
        "date",
        "timegenerated",
        "systemtime",
        "eventtime",
    },
    "id": {
        "id",
        "event id",
        "eventid",
        "ereignis-id",
        "id de l’événement",
        "id de l'événement",
        "id evento",
        "id. del evento",
    },
    "level": {"leveldisplayname", "level", "ebene", "niveau", "livello", "nivel", "entrytype", "eventlevelname"},
    "provider": {"providername", "source", "quelle", "origine", "origen", "provider", "sourcename", "eventsourcename"},
    "computer": {"machinename", "computer", "computername", "pscomputername", "hostname", "host"},
    "text": {"message", "description", "renderedmessage", "beschreibung", "rendereddescription"},
    "channel": {"logname", "log name", "log", "channel", "containerlog", "eventlog"},
    "record": {"recordid", "record id", "index", "eventrecordid", "recordnumber"},
    "data": {"eventdata", "parameterxml", "raweventdata"},
    "activity": {"correlation", "activityid"},
}
_ZONED = re.compile(r"\s*[\[(]utc[\])]$")  # of a column's name, as Log Analytics exports it
_DELIMITERS = ",\t;"


def looks_like(sheet: Sheet) -> bool:
    """Is there a header row that names a time, an id and a provider?"""
    return _header(sheet) is not None


class _Head(NamedTuple):
    """The header row: its line from 0, the delimiter, the place of each column, whether its times are in UTC, and whether the
    table is one of Log Analytics, which gathers records of many computers."""

    line: int
    delimiter: str
    columns: dict[str, int]
    utc: bool
    gathered: bool


def _header(sheet: Sheet) -> _Head | None:
    for number, line in enumerate(sheet.lines[:30]):
        if number in sheet.taken or len(line) > 2000:
            continue
        for delimiter in _DELIMITERS:
            if line.count(delimiter) < 3:
                continue
            given = [cell.strip().strip('"\ufeff').casefold() for cell in line.split(delimiter)]
            cells = [_ZONED.sub("", cell) for cell in given]
            found = {name: cells.index(cell) for name, words in _COLUMNS.items() for cell in cells if cell in words}
            if {"time", "id", "provider"} <= found.keys():
                if "text" not in found and len(cells) == 5:
                    found["text"] = 5  # Event Viewer's own export: five names over six columns
                gathered = cells[found["time"]] == "timegenerated" and "computer" in found
                return _Head(number, delimiter, found, cells[found["time"]] != given[found["time"]], gathered)
    return None


def read(sheet: Sheet, wanted: Wanted | None) -> Iterator[Event | LogSpan | Problem | CollectorNote]:
    """The events of the table. Times without zone are naive, with their text kept; a cut-off last row is counted."""
    head = _header(sheet)
    if head is None:
        return
    start, delimiter, columns = head.line, head.delimiter, head.columns
    csv.field_size_limit(10_000_000)
    rows: list[tuple[int, list[str]]] = []
    reader = csv.reader(io.StringIO("\n".join(sheet.lines[start + 1 :])), delimiter=delimiter)
    at = start + 2
    needed = max(columns[name] for name in ("time", "id", "provider"))
    broken = 0
    try:
        for row in reader:
            line, at = at, start + 2 + reader.line_num
            if len(row) > needed and row[columns["id"]].strip().isdecimal():
                rows.append((line, row))
                sheet.taken.update(range(line - 1, at - 1))
            elif any(cell.strip() for cell in row):
                broken += 1
                sheet.taken.update(range(line - 1, at - 1))
    except csv.Error:
        broken += 1
    sheet.taken.update(range(start + 1))
    if head.gathered:
        yield CollectorNote("computers", "table of Log Analytics", Source(sheet.name, start + 1))
    first = eventtimes.day_first(row[columns["time"]] for _, row in rows)
    for line, row in rows:
        event = _event(sheet.name, line, row, head, first)
        if is_wanted(event.provider, event.id, wanted):
            yield event
    if broken:
        what = f"{broken} row{'s' if broken > 1 else ''} of the table cannot be read"
        yield Problem(Source(sheet.name, at), "damaged", what, broken)


def _event(name: str, line: int, row: list[str], head: _Head, first: bool | None) -> Event:
    def cell(column: str) -> str:
        place = head.columns.get(column)
        return row[place].strip() if place is not None and place < len(row) else ""

    number = int(cell("id")[:6])
    provider, text, time_text = provider_of(cell("provider")), cell("text"), cell("time")
    record = int(cell("record")) if cell("record").isdecimal() else None
    channel = cell("channel") or None
    moment = eventtimes.local(time_text, first)
    if moment is not None and moment.tzinfo is None and head.utc:
        moment = moment.replace(tzinfo=UTC)
    return Event(
        provider=provider,
        id=number,
        channel=channel,
        time=moment,
        level=level_word(cell("level")),
        record=record,
        computer=cell("computer") or None,
        data=eventmessage.fields(provider, number, text) or _data(cell("data")),
        text=text or None,
        source=Source(name, line, record, channel),
        activity=activity(cell("activity").removeprefix("{").removesuffix("}")) if cell("activity") else None,
        time_text=eventtimes.as_printed(time_text, moment),
    )


_NAMED = re.compile(r'<Data Name="([^"<>]{1,80})"[^<>]{0,80}>([^<]{0,4000})</Data>')
_MOST_DATA = 100_000  # characters


def _data(cell: str) -> dict[str, str]:
    """The named values of a cell with the record's EventData, as XML or as a JSON object; nothing for what has no names."""
    if cell.startswith("{") and len(cell) < _MOST_DATA:
        try:
            value = orjson.loads(cell)
        except orjson.JSONDecodeError:
            return {}
        return data_of(value.get("EventData", value))
    return {found[1]: unescape(found[2]).strip() for found in _NAMED.finditer(cell[:_MOST_DATA])} if "<" in cell else {}
