"""Tables to records, whatever holds them: delimited text, JSON objects, spreadsheets. A record is a row with its number.

Rows are counted as a spreadsheet counts them: the header is one, a cell of many lines does not make it more. A damaged row
costs only itself.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from troubleshoot.fleetinput.jsontails import Pairs

LARGEST_CELL = 64_000_000  # characters: Python's own limit is 131,072
_MOST_LINES = 20_000  # of one row; a lost quote would otherwise swallow the rest of the file
_LAST_LINES = 2_000  # of a row in which the file ends
_MOST_COLUMNS = 2_000
_DELIMITERS = ",;\t|"
_START = re.compile(r"[{\[]")
_VALUES = re.compile(r'"(?:value|results|rows|data)"\s{0,20}:\s{0,20}\[')
_PAGE_HEAD = 6_000
_MOST_TRIES = 2_000


class Record(NamedTuple):
    """One row: its number, its cells by the name of their column, and why it is damaged (None: it is not)."""

    number: int
    cells: Mapping[str, Any]
    damage: str | None = None


class Header(NamedTuple):
    """Where the header row of a delimited text ends (lines from 0), its number, the delimiter and the names."""

    line: int
    number: int
    delimiter: str
    names: tuple[str, ...]


# ------------------------------------------------------------------------------------------------------- delimited text


def header(lines: Sequence[str]) -> Header | None:
    """The header row among the first lines: behind ``#TYPE`` and ``sep=`` lines, at least two different short names."""
    declared = ""
    number = 1
    for at, line in enumerate(lines[:10]):
        if line.startswith("#TYPE"):
            number += 1
            continue
        if line.startswith("sep=") and len(line) == 5:
            declared, number = line[4], number + 1
            continue
        if not line.strip():
            number += 1
            continue
        return _names(lines, at, number, declared)
    return None


def _names(lines: Sequence[str], at: int, number: int, declared: str) -> Header | None:
    line = lines[at]
    while line.count('"') % 2 and at + 1 < len(lines) and line.count("\n") < 20:  # names of several lines
        at += 1
        line += "\n" + lines[at]
    if len(line) > 40_000:
        return None
    for delimiter in declared or sorted(_DELIMITERS, key=lambda one: -_outside(line, one)):
        if not _outside(line, delimiter):
            break
        try:
            cells = next(csv.reader(io.StringIO(line, newline=""), delimiter=delimiter), [])
        except csv.Error:
            continue
        names = [cell.strip().strip("\ufeff") for cell in cells]
        while names and not names[-1]:
            names.pop()
        if (
            2 <= len(names) <= _MOST_COLUMNS
            and all(len(one) <= 120 for one in names)
            and sum(map(bool, names)) * 2 > len(names)
        ):
            if len({one.casefold() for one in names if one}) < 2 or any(" : " in one for one in names):
                return None
            return Header(at, number, delimiter, unique(names))
    return None


def _outside(line: str, delimiter: str) -> int:
    """How often the delimiter stands outside quotes."""
    return sum(part.count(delimiter) for part in line.split('"')[::2])


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """The names of columns, where one stands twice with its number behind it; a column without a name has its place."""
    met: dict[str, int] = {}
    out = []
    for place, given in enumerate(names, 1):
        name = given or f"column {place}"
        met[name] = met.get(name, 0) + 1
        out.append(name if met[name] == 1 else f"{name} ({met[name]})")
    return tuple(out)


def delimited(lines: Iterator[str], head: Header) -> Iterator[Record]:
    """The rows below the header. ``lines``: those of the text from its first on, with or without their line ends.

    A row that does not fit (a lost quote, an end in the middle) is read again line by line, and costs only itself.
    """
    csv.field_size_limit(LARGEST_CELL)
    number = head.number
    for at, _ in enumerate(lines):
        if at == head.line:
            break
    tape = _Tape(lines)
    width = len(head.names)
    while True:
        reader = csv.reader(tape, delimiter=head.delimiter, strict=True)
        while True:
            tape.taken.clear()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                break
            taken = len(tape.taken)
            if taken > 1 and len(cells) != width:
                break
            number += 1
            if not cells or (taken == 1 and not tape.taken[0].strip()):
                continue
            yield _row(number, cells, head)
        number += 1
        tape.back(tape.taken)
        line = tape.line()
        if line is None:
            return
        if not line.strip():
            continue
        again = _over_lines(line, tape, head) if line.count('"') % 2 else _cells(line, head.delimiter)
        if again is None and (ended := _ended(line, tape, head)):
            yield Record(number, ended, "the file ends inside this row")
        elif again is None:
            yield Record(number, {head.names[0]: line[:500]}, "a quote is lost: the row has no end")
        else:
            yield _row(number, again, head)


class _Tape:
    """The lines of a text, which can be put back. ``taken``: those that were read since it was cleared."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._held: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._held.popleft() if self._held else next(self._lines)
        if line[-1:] != "\n":
            line += "\n"
        self.taken.append(line)
        if len(self.taken) > _MOST_LINES:
            raise csv.Error("the row has no end")
        return line

    def line(self) -> str | None:
        """The next line without its end, None where there is none."""
        line = self._held.popleft() if self._held else next(self._lines, None)
        return None if line is None else line.removesuffix("\n")

    def back(self, lines: Sequence[str]) -> None:
        """These lines stand before what follows again."""
        self._held.extendleft(reversed(lines))


def _cells(text: str, delimiter: str) -> list[str] | None:
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), None)
    except csv.Error:
        return None


def _over_lines(line: str, tape: _Tape, head: Header) -> list[str] | None:
    """The cells of a row that goes on over line ends inside quotes; where it has no end, the further lines are put back.

    A row whose odd quote is only a sign inside a cell is read as it stands.
    """
    alone = _cells(line, head.delimiter)
    if alone is not None and len(alone) == len(head.names) and not _opens(line, head.delimiter):
        return alone
    parts = [line]
    size = len(line)
    while len(parts) < _MOST_LINES and size < LARGEST_CELL:
        following = tape.line()
        if following is None:
            break
        parts.append(following)
        size += len(following)
        if following.count('"') % 2:
            cells = _cells("\n".join(parts), head.delimiter)
            if cells is not None and len(cells) == len(head.names):
                return cells
            break
    tape.back(parts[1:])
    return None


def _ended(line: str, tape: _Tape, head: Header) -> dict[str, str] | None:
    """The cells of the last row of a file that ends inside it; None where a quote was lost and rows follow."""
    parts = [line]
    rows = filled = 0  # of the lines that hold anything, those that could be a row
    while len(parts) < _LAST_LINES:
        following = tape.line()
        if following is None:
            if rows * 2 > filled:
                break
            cells = _cells("\n".join(parts), head.delimiter)
            return dict(zip(head.names, cells, strict=False)) if cells else None
        parts.append(following)
        if '"' in following:
            break
        alone = _cells(following, head.delimiter)
        filled += bool(following.strip())
        rows += alone is not None and len(alone) == len(head.names)
    tape.back(parts[1:])
    return None


def _opens(line: str, delimiter: str) -> bool:
    """Does the last quoted cell of the line have no end?"""
    cells = line.rsplit(delimiter + '"', 1)
    return (len(cells) > 1 and '"' not in cells[1]) or (line.startswith('"') and line.count('"') == 1)


def _row(number: int, cells: list[str], head: Header) -> Record:
    width = len(head.names)
    extra = [one for one in cells[width:] if one.strip()]
    made = dict(zip(head.names, cells, strict=False))
    if len(cells) < min(width, 2) or (len(cells) == 1 and width > 1):
        return Record(number, made, f"it has {len(cells)} of {width} cells")
    if extra:
        return Record(number, made, f"it has {len(cells)} cells under {width} names")
    return Record(number, made)


# ---------------------------------------------------------------------------------------------------------------- JSON


def objects(text: str) -> Iterator[Record]:
    """Each object of a text of JSON: of arrays, of pages (``value``), of lines, one behind the other. Numbers count objects.

    What is damaged is one record with its damage.
    """
    decoder = json.JSONDecoder(object_pairs_hook=Pairs)
    at, number, tries, broken = 0, 0, 0, False
    around: dict[str, Any] = {}  # what the page says beside its objects (the name of the machine)
    while (following := _START.search(text, at)) is not None:
        at = following.start()
        if text[at] == "[":
            at += 1
            continue
        place = _VALUES.search(text, at, at + _PAGE_HEAD)
        if place is not None and text.find("{", at + 1, place.start()) < 0:
            around = _around(text[at : place.start()])
            at = place.end()
            continue
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            tries += 1
            if not broken:
                number += 1
                yield Record(number, {}, "the JSON object is damaged or has no end")
            broken = True
            if tries >= _MOST_TRIES:
                return
            at += 1
            continue
        broken = False
        for cells in _flat(value):
            number += 1
            yield Record(number, {**around, **cells})
        at = end


def _around(head: str) -> dict[str, Any]:
    """The names and values before the objects of a page, without those of the protocol."""
    try:
        found = json.loads(head.rstrip().rstrip(",") + "}")
    except (ValueError, RecursionError):
        return {}
    return {name: one for name, one in found.items() if not name.startswith("@") and isinstance(one, str)}


def _flat(value: Any) -> Iterator[dict[str, Any]]:
    """The row, or rows, of an object: an answer of Log Analytics (``tables``: columns and rows) has many."""
    given = dict(value)
    tables = given.get("tables")
    if isinstance(tables, list) and tables and isinstance(tables[0], Pairs):
        for one in tables:
            table = dict(one) if isinstance(one, Pairs) else {}
            names = [
                str(dict(column).get("name", "")) for column in table.get("columns", ()) if isinstance(column, Pairs)
            ]
            for row in table.get("rows", ()):
                if isinstance(row, list):
                    yield dict(zip(unique(names), row, strict=False))
        return
    yield flat(value)


def flat(value: Pairs, outer: str = "", depth: int = 0) -> dict[str, Any]:
    """An object's values by dotted names; lists stay, a name that stands twice keeps its number."""
    out: dict[str, Any] = {}
    for name, inner in value[:_MOST_COLUMNS]:
        key = f"{outer}.{name}" if outer else str(name)
        if isinstance(inner, Pairs) and depth < 4:
            out.update({k: v for k, v in flat(inner, key, depth + 1).items() if k not in out})
        else:
            count = 2
            spelt = key
            while spelt in out and count < 100:
                spelt, count = f"{key} ({count})", count + 1
            out[spelt] = inner
    return out


# --------------------------------------------------------------------------------------------------------- spreadsheets


def spreadsheet(stream: Any) -> Iterator[tuple[str, int, list[str]]]:
    """(sheet, number of the row, its cells as texts) of every sheet of an XLSX file, read row by row.

    Raises ValueError for what is no workbook, or unpacks to more than a workbook of this kind can hold.
    """
    import warnings
    import zipfile

    import openpyxl

    try:
        with zipfile.ZipFile(stream) as archive:
            sizes = [one.file_size for one in archive.infolist()]
            if sum(sizes) > _MOST_UNPACKED or len(sizes) > 2_000:
                raise ValueError(
                    f"it unpacks to {sum(sizes) / 1_048_576:,.0f} MB, over the limit of {_MOST_UNPACKED // 1_048_576} MB"
                )
        stream.seek(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
            for sheet in book.worksheets[:50]:
                sheet.reset_dimensions()
                for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
                    yield sheet.title, number, [cell_text(one) for one in row[:_MOST_COLUMNS]]
    except ValueError:
        raise
    except Exception as error:  # openpyxl raises whatever the damage makes it stumble over
        raise ValueError(f"it is no workbook that can be read: {type(error).__name__}") from error


_MOST_UNPACKED = 256 * 1_048_576


def cell_text(value: Any) -> str:
    """A cell's value as text: a time in the form of ISO without a zone, truth as TRUE and FALSE, a whole number without a point."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if hasattr(value, "isoformat"):
        return str(value.isoformat(" ") if hasattr(value, "hour") and hasattr(value, "year") else value.isoformat())
    return str(value).replace("_x000D_", "").replace("\r\n", "\n").replace("\r", "\n")
