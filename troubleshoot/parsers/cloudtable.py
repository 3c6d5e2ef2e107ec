"""Tables of devices, computers, sign-ins and audit rows: downloads of the Entra portal, ``Export-Csv`` and spreadsheets.

displayName,accountEnabled,operatingSystem,operatingSystemVersion,joinType (trustType),registeredOwners,...
WKS-0427,True,Windows,10.0.26100.3476,Microsoft Entra hybrid joined,,...

One logical row may stand on many lines. Rows are read one by one, so that one with a lost quote costs only itself.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from troubleshoot.model import CloudObject, Problem, Sheet
from troubleshoot.parsers import cloudrows
from troubleshoot.parsers.cloudrows import Plan, Rows
from troubleshoot.tables import squeeze

_DELIMITERS = ",;\t"
_MOST_LINES = 200  # of one logical row; a lost quote would otherwise swallow the rest of the file
_LARGEST = 16_000_000  # characters of one cell
_PAIR = re.compile(r"(?:target1modifiedproperty|additionaldetail)(\d{1,2})(?:name|key)$")
_HEADER_WORDS = (
    "deviceid",
    "device id",
    "objectguid",
    "activity",
    "sign-in error code",
    "statuserrorcode",
    "errorcode",
)


def looks_like(sheet: Sheet) -> bool:
    """Is there a header row of a known kind of export?"""
    return _header(sheet) is not None


def _header(sheet: Sheet) -> tuple[int, str, list[str], Plan] | None:
    for number, line in enumerate(sheet.lines[:30]):
        if number in sheet.taken or not 10 < len(line) < 20_000:
            continue
        folded = line.casefold()
        if not any(word in folded for word in _HEADER_WORDS):
            continue
        delimiter = max(_DELIMITERS, key=line.count)
        titles = next(csv.reader([line], delimiter=delimiter), [])
        found = cloudrows.plan(tuple(titles)) if len(titles) > 1 else None
        if found is not None:
            return number, delimiter, titles, found
    return None


def read(sheet: Sheet) -> Iterator[CloudObject | Problem]:
    """Every row of the table, and one listing. Rows that have too few cells or a lost quote are counted in one problem."""
    head = _header(sheet)
    if head is None:
        return
    start, delimiter, titles, found = head
    csv.field_size_limit(_LARGEST)
    rows = Rows(sheet.name)
    pairs = _pairs(titles) if found.kind == "audit" else []
    needed = max(found.columns[name] for name in cloudrows.names()["kinds"][found.kind]["needs"])
    broken, first_broken = 0, start + 1
    sheet.taken.update(range(start + 1))
    for line, cells in _rows(sheet, start + 1, delimiter):
        if cells is None or len(cells) <= needed:
            broken += 1
            first_broken = line if broken == 1 else first_broken
            continue
        made = rows.add(
            found,
            lambda place, cells=cells: cells[place] if place < len(cells) else "",  # type: ignore[misc]
            line,
            [tuple(cells[at] if 0 <= at < len(cells) else "" for at in one) for one in pairs],  # type: ignore[misc]
        )
        if made is not None:
            yield made
    rows.empty(found.kind, start + 1)
    yield from rows.listings()
    if broken:
        yield cloudrows.lost(sheet.name, first_broken, broken, "row")


def _rows(sheet: Sheet, start: int, delimiter: str) -> Iterator[tuple[int, list[str] | None]]:
    """(line from 1, cells) of each logical row; None for one that is damaged. Reads on to the end of the sheet."""
    lines, taken = sheet.lines, sheet.taken
    at = start
    while at < len(lines):
        end, text = at + 1, lines[at]
        if text.count('"') % 2:
            parts = [text]
            while end < len(lines) and end - at < _MOST_LINES:
                parts.append(lines[end])
                end += 1
                if parts[-1].count('"') % 2:
                    break
            text = "\n".join(parts)
            if text.count('"') % 2:
                taken.add(at)
                yield at + 1, None  # no closing quote: this line alone is given up
                at += 1
                continue
        taken.update(range(at, end))
        if text.strip():
            try:
                yield at + 1, next(csv.reader(text.split("\n"), delimiter=delimiter), None)
            except csv.Error:
                yield at + 1, None
        at = end


def _pairs(titles: list[str]) -> list[tuple[int, int, int]]:
    """The places of property names, their new and their old values (audit rows of the portal's download); -1: no such column."""
    squeezed = [squeeze(title) for title in titles]
    out = []
    for place, title in enumerate(squeezed):
        if _PAIR.match(title):
            value = title[:-4] + "newvalue" if title.endswith("name") else title[:-3] + "value"
            old = title[:-4] + "oldvalue"
            if value in squeezed:
                out.append((place, squeezed.index(value), squeezed.index(old) if old in squeezed else -1))
    return out
