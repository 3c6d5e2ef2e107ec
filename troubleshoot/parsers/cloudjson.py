"""JSON of Microsoft Graph and PowerShell: devices, sign-ins and audit rows; ``value`` arrays, pages, bare arrays, objects.

{"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#devices", "value": [{"deviceId": ..., "trustType": ...}]}

Objects are decoded one by one: of a large export never more than one is in memory whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from troubleshoot.model import CloudObject, Problem, Sheet
from troubleshoot.parsers import cloudrows
from troubleshoot.parsers.cloudrows import Rows

_SIGNS = (
    *('"trustType"', '"TrustType"', '"accountEnabled"', '"AccountEnabled"', '"DeviceTrustType"'),
    *('"errorCode"', '"ErrorCode"', '"activityDisplayName"', '"ActivityDisplayName"', '"DistinguishedName"'),
    *("Request_ResourceNotFound", "$metadata#devices", "HybridJoinCertsCount"),
)
_START = re.compile(r"[{\[]")
_OBJECT = re.compile(r"\{\s{0,200}\"")
_VALUES = re.compile(r'"value"\s{0,20}:\s{0,20}\[')
_PAGE_HEAD = 6_000  # characters before the "value" of a page
_NEXT = re.compile(r'"@odata\.nextLink"\s{0,20}:\s{0,20}"http')
_EMPTY = re.compile(r'#devices[^"]{0,400}"[^{}]{0,4000}"value"\s{0,20}:\s{0,20}\[\s{0,200}\]')
_NOT_FOUND = re.compile(r"Resource '([0-9a-fA-F-]{36})' does not exist")
_MOST_TRIES = 2_000  # starts that are tried after damage


def looks_like(sheet: Sheet) -> bool:
    """Does the text hold an object with the names that these exports use?"""
    return "{" in sheet.text and any(sign in sheet.text for sign in _SIGNS)


def read(sheet: Sheet) -> Iterator[CloudObject | Problem]:
    """Every device, computer, sign-in and audit row of the text; values that are something else are left alone."""
    walk = _Walk(sheet)
    rows = Rows(sheet.name)
    for value in walk.objects():
        yield from _taken(walk, rows, value, 0)
    text = sheet.text
    if _EMPTY.search(text):
        rows.empty("device", walk.line_of(text.find("#devices")))
    missing = _NOT_FOUND.search(text) if "Request_ResourceNotFound" in text else None
    if missing:
        rows.not_found = missing[1].lower()
        rows.empty("device", walk.line_of(missing.start()))
        sheet.taken.add(walk.line_of(missing.start()) - 1)
    rows.next_page = _unanswered_pages(text)
    if rows.counts:
        walk.take_heads()
    yield from rows.listings()
    if walk.broken and (rows.counts or walk.first_broken == 0):
        yield cloudrows.lost(sheet.name, walk.line_of(walk.first_broken), walk.broken, "JSON object")


def _unanswered_pages(text: str) -> bool:
    """Does a page name a next one that is not here? Each page but the last names one."""
    links = len(_NEXT.findall(text)) if "@odata.nextLink" in text else 0
    return links > 0 and links >= text.count('"@odata.context"')


def _taken(walk: _Walk, rows: Rows, value: Any, depth: int) -> Iterator[CloudObject]:
    if not isinstance(value, dict) or depth > 3:
        return
    titles = list(value)
    for key in ("status", "Status", "deviceDetail", "DeviceDetail"):
        inner = value.get(key)
        if isinstance(inner, dict):
            titles += [f"{key}.{name}" for name in inner]
    found = cloudrows.plan(tuple(titles))
    if found is None:
        inner = value.get("value")
        for one in inner if isinstance(inner, list) else ():
            yield from _taken(walk, rows, one, depth + 1)
        return
    walk.take()

    def cell(place: int) -> Any:
        title = titles[place]
        if title in value:
            return value[title]
        outer, _, inner_name = title.partition(".")
        return value[outer].get(inner_name)

    made = rows.add(found, cell, walk.line)
    if made is not None:
        yield made


class _Walk:
    """Goes over the JSON values of a text, into top-level arrays and pages, and decodes one object at a time."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.text = sheet.text
        self.decoder = json.JSONDecoder()
        self.broken = 0
        self.first_broken = 0
        self.line = 1
        self._counted = 0
        self._damaged = False  # inside what is cut off or damaged: nothing was recognised since
        self._span = (0, 0)
        self._heads: list[tuple[int, int]] = []

    def objects(self) -> Iterator[Any]:
        """Each object of the text that no array or page around it hides, in order."""
        text, at, tries = self.text, 0, 0
        while True:
            following = _START.search(text, at)
            if following is None:
                return
            at = following.start()
            if text[at] == "{" and _OBJECT.match(text, at):
                place = text.find('"value"', at, at + _PAGE_HEAD)
                inside = _VALUES.match(text, place) if place >= 0 else None
                if inside is not None and text.find("{", at + 1, place) < 0:
                    self._heads.append((at, inside.end()))
                    at = inside.end()
                    continue
                try:
                    value, end = self.decoder.raw_decode(text, at)
                except (ValueError, RecursionError):
                    if not self._damaged:
                        self.broken += 1
                        self.first_broken = at if self.broken == 1 else self.first_broken
                    self._damaged, tries = True, tries + 1
                    if tries >= _MOST_TRIES:
                        return
                    at += 1
                    continue
                self.line += text.count("\n", self._counted, at)
                self._counted = at
                self._span = (at, end)
                yield value
                at = end
            else:
                at += 1

    def take(self) -> None:
        """Mark the lines of the present object as read."""
        self._damaged = False
        start, end = self._span
        self.sheet.taken.update(range(self.line - 1, self.line + self.text.count("\n", start, end)))

    def take_heads(self) -> None:
        """Mark the lines in which pages begin as read."""
        first, counted = 0, 0
        for start, end in self._heads:
            first += self.text.count("\n", counted, start)
            counted = start
            self.sheet.taken.update(range(first, first + self.text.count("\n", start, end) + 1))

    def line_of(self, place: int) -> int:
        """The line, from 1, of a place in the text."""
        return self.text.count("\n", 0, max(place, 0)) + 1
