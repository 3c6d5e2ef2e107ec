"""Rows of the listings of scheduled tasks, whatever form they were printed in: which cell stands on which line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from unicodedata import east_asian_width

JOIN_FOLDER = "\\Microsoft\\Windows\\Workplace Join\\"
JOIN_TASK = JOIN_FOLDER + "Automatic-Device-Join"

_FOLDER = re.compile(r"^[ >\t]{0,4}[^\s:：\\\"][^:：\\\"]{0,30}[:：]\s?(\\[^\r\n:*?\"<>|]{0,300})$")
_VALUE = re.compile(r"^[ >\t]{0,8}([^\s:：][^:：]{0,60}(?:: [^:：]{1,40})?)[:：](?:\s(.*))?$")
_TASK_PATH = re.compile(r"^\\[^\\/:*?\"<>|]{1,200}(?:\\[^\\/:*?\"<>|]{1,250}){0,20}$")
_URI = re.compile(r"<URI>\s*(\\[^<]{1,400}?)\s*</URI>|<!--\s*(\\[^>]{1,400}?)\s*-->")
_TASK = re.compile(r"<Task(?:\s[^>]{0,400})?>")
_ENABLED = re.compile(r"<Enabled>\s*(true|false)\s*</Enabled>", re.IGNORECASE)
_LONGEST = 60  # cells of one task


class Row(NamedTuple):
    """The cells of one task, each with the line (from 0) it stands on."""

    lines: list[int]
    cells: list[str]


class PathTrack:
    """The folder a table is of, and every folder named so far. Mutable: :meth:`enter` moves it."""

    def __init__(self) -> None:
        self.folder = "\\"
        self.folders: set[str] = set()
        self.first_line = 0

    def enter(self, line: str, number: int) -> bool:
        """Is this the heading of a folder (``Folder: \\Microsoft\\Windows\\Workplace Join``)? Then it is entered."""
        if "\\" not in line or line[:1] in ('"', "="):
            return False
        found = _FOLDER.match(line[:400].rstrip())
        if not found or "  " in line.strip():
            return False
        if not self.folders:
            self.first_line = number
        self.folder = found[1].rstrip("\\") + "\\"
        self.folders.add(self.folder)
        return True

    def full(self, name: str) -> str:
        """The path of a task that a table names without its folder, or with a path that its column cuts off."""
        if name.startswith("\\"):
            return JOIN_TASK if len(name) > len(JOIN_FOLDER) and JOIN_TASK.startswith(name) else name
        return self.folder + name


def cut(line: str, widths: list[int]) -> list[str]:
    """The cells of a line below a ruler of these widths, blanks around them removed.

    Letters of East Asian scripts take two columns on the console: the cut that falls on blanks is the right one.
    """
    if line.isascii() or _falls_on_blanks(line, widths, None):
        return _cut(line, widths, None)
    places = _places(line)
    return _cut(line, widths, places if _falls_on_blanks(line, widths, places) else None)


def _places(line: str) -> list[int]:
    """The display column at which each letter starts, and the one after the last."""
    out, at = [], 0
    for letter in line:
        out.append(at)
        at += 2 if east_asian_width(letter) in "WF" else 1
    out.append(at)
    return out


def _edges(line: str, widths: list[int], places: list[int] | None) -> Iterator[tuple[int, int]]:
    from bisect import bisect_left

    at = 0
    for width in widths:
        start, end = at, at + width
        yield (start, end) if places is None else (bisect_left(places, start), bisect_left(places, end))
        at = end + 1


def _cut(line: str, widths: list[int], places: list[int] | None) -> list[str]:
    return [line[start:end].strip() for start, end in _edges(line, widths, places)]


def _falls_on_blanks(line: str, widths: list[int], places: list[int] | None) -> bool:
    return all(line[end : end + 1] in ("", " ") for _, end in _edges(line, widths, places))


def csv_row(number: int, line: str) -> Row:
    """The cells of a CSV line, split where a quote closes a cell and another opens the next."""
    cells = line.strip().strip(">").strip().removeprefix('"').removesuffix('"').split('","')[:_LONGEST]
    return Row([number] * len(cells), cells)


def list_row(lines: list[str], number: int, taken: set[int]) -> Row | None:
    """The lines of one task of ``/fo list`` from the line of its path on; None where none stands at ``number``."""
    head = _VALUE.match(lines[number][:700].rstrip())
    if head is None or head[2] is None or not _TASK_PATH.match(head[2].strip()):
        return None
    row = Row([number], [head[2].strip()])
    for at in range(number + 1, min(number + _LONGEST, len(lines))):
        if at in taken or not lines[at].strip():
            break
        told = _VALUE.match(lines[at][:700].rstrip())
        if told is None:
            continue  # a comment over several lines
        value = (told[2] or "").strip()
        if _TASK_PATH.match(value) and value.startswith("\\"):
            break
        row.lines.append(at)
        row.cells.append(value)
    return row if len(row.cells) >= 3 else None


def xml_rows(text: str) -> Iterator[tuple[str, bool, int, int, int]]:
    """(path, enabled, line of what says so, first line, last line) of each task definition in a text, lines from 0."""
    line, counted, behind = 0, 0, 0
    starts = [found.start() for found in _TASK.finditer(text)]
    for i, start in enumerate(starts):
        limit = starts[i + 1] if i + 1 < len(starts) else len(text)
        end = text.find("</Task>", start, limit)
        end = limit if end < 0 else end
        line += text.count("\n", counted, start)
        counted = start
        # The path stands inside, or in a comment before it.
        named = _URI.search(text, start, end)
        comment = text.rfind("<!--", behind, start) if named is None else -1
        if comment >= 0:
            named = _URI.search(text, comment, start)
        behind = end
        if named is None:
            continue
        settings = text.find("<Settings", start, end)
        enabled = None if settings < 0 else _ENABLED.search(text, settings, end)
        told = line + text.count("\n", start, enabled.start() if enabled else max(start, named.start()))
        on = enabled is None or enabled[1].casefold() == "true"
        yield (named[1] or named[2]).strip(), on, told, line, line + text.count("\n", start, end)
