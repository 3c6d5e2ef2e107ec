"""An artifact that is a table of many devices: found by its content, read row by row, grouped by device."""

from __future__ import annotations

import io
import pickle
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import BinaryIO, NamedTuple

from troubleshoot import times
from troubleshoot.containers import is_workbook
from troubleshoot.decoding import decode as decoded_text
from troubleshoot.fleetinput import may_be_table, records
from troubleshoot.fleetinput.cells import Pair, label_of, text_of
from troubleshoot.fleetinput.columns import Plan, columns_of, plan
from troubleshoot.fleetinput.mapping import MapError
from troubleshoot.fleetinput.records import Record
from troubleshoot.fleetinput.rows import Item, host, item, listed, short
from troubleshoot.model import Artifact, Evidence, Part, Problem, Row, TableRead, Wanted
from troubleshoot.parsers import TEXT_LIMIT, dsreglines

HEAD = 65_536
_SAMPLE_ROWS = 200
_WHOLE = 1_048_576
"""Bytes of a text that is decoded as a whole; a longer one is read line by line, in the encoding of so much of it."""
_MOST_NAMES = 2_000
OUTCOMES = ("evidence", "words", "cut", "error", "empty", "damaged")
"""The classes of rows, see :class:`troubleshoot.model.Row`."""
_JSON_SIGNS = re.compile(
    r"azureadjoined|domainjoined|scriptoutput|scriptoutput|componentstatus/std|jointype|azureadprt|errorcode|device state|\"aad\"|dsreg",
    re.IGNORECASE,
)


class OfDevice(NamedTuple):
    """The rows of one device: its name (None where none is told), and its part of the input, whose evidence the newest rows give."""

    name: str | None
    part: Part
    rows: tuple[Row, ...]


class Table:
    """One table. ``items`` and ``devices`` read it anew; ``counts`` and ``read`` are those of the last reading to its end."""

    def __init__(self, name: str, rows: Callable[[], Iterator[Record]], how: Plan) -> None:
        self.name = name
        self.plan = how
        self._rows = rows
        self.counts: Counter[str] = Counter()
        self.read = 0
        self.found = 0

    def told(self) -> TableRead:
        """What the last reading came to, by the counts of it."""
        return TableRead(
            self.name,
            self.plan.channel.id,
            self.plan.channel.title,
            self.read,
            {one: self.counts[one] for one in OUTCOMES if self.counts[one]},
            self.found,
            columns_of(self.plan),
            self.plan.notes,
        )

    def items(self, wanted: Wanted | None = None) -> Iterator[Item]:
        """Every row, in the order of the table; where a table has one row per field, the rows of each device as one."""
        self.counts, self.read = Counter(), 0
        made = (
            self._listed() if self.plan.listed else (item(self.name, one, self.plan, wanted) for one in self.records())
        )
        for one in made:
            self.counts[one.row.outcome] += one.row.rows
            self.read += one.row.rows
            yield one

    def records(self) -> Iterator[Record]:
        """The rows without those that a channel writes beside the output and that are empty."""
        if self.plan.listed:
            yield from self._rows()
            return
        for one in self._rows():
            code = text_of(one.cells.get("code", "")) if self.plan.channel.id == "azure-run-command" else ""
            if "StdErr" in code and not text_of(one.cells.get("message")).strip():
                continue
            yield one

    def _listed(self) -> Iterator[Item]:
        """One item per device of a table with one row per field."""
        assert self.plan.listed is not None
        section, label, value = self.plan.listed
        groups: dict[str, tuple[Record, list[Pair]]] = {}
        numbers: Counter[str] = Counter()
        for one in self._rows():
            name = host(text_of(one.cells.get(self.plan.device))) if self.plan.device else None
            key = name.casefold() if name else ""
            numbers[key] += 1
            if one.damage:
                numbers[key] -= 1
                yield item(self.name, one, self.plan)
                continue
            title = dsreglines.section_title(text_of(one.cells.get(section))) if section else None
            printed = text_of(one.cells.get(label))
            _, pairs = groups.setdefault(key, (one, []))
            if (known := label_of(printed)) is not None:
                pairs.append(Pair(title, known, text_of(one.cells.get(value)), one.number))
        for key, (first, pairs) in groups.items():
            yield listed(self.name, first.number, numbers[key], pairs, first, self.plan)

    def devices(self, wanted: Wanted | None = None) -> Iterator[OfDevice]:
        """The rows by device, in the order in which a device's last row stands. The newest row of each user decides, all are kept.

        A device is known by its short name; one name in two domains is two devices. What has no name is a device by itself.
        """
        self.found = 0
        for one in self._devices(wanted):
            self.found += 1
            yield one

    def _devices(self, wanted: Wanted | None) -> Iterator[OfDevice]:
        if self.plan.listed or self.plan.device is None:
            yield from _grouped(self.items(wanted))
            return
        named: Counter[str | None] = Counter()
        domains = Domains()
        for record in self.records():
            named[host(text_of(record.cells.get(self.plan.device)))] += 1
        for name in named:
            domains.add(name)
        left: Counter[str] = Counter()
        for name, count in named.items():
            left[domains.key(name)] += count
        self.counts, self.read = Counter(), 0
        held: dict[str, list[_Held]] = defaultdict(list)
        for record in self.records():
            one = item(self.name, record, self.plan, wanted)
            self.counts[one.row.outcome] += one.row.rows
            self.read += one.row.rows
            key = domains.key(host(text_of(record.cells.get(self.plan.device))))
            if not key:
                yield _joined([one])
                continue
            left[key] -= 1
            if left[key] > 0:
                held[key].append(_Held.of(one, record))
                continue
            earlier = [each.item(self.name, self.plan, wanted) for each in held.pop(key, ())]
            yield _joined([*earlier, one])


class _Held(NamedTuple):
    """A row whose device has more rows to come: packed, so that many of them fit into memory."""

    row: Row
    packed: bytes

    @classmethod
    def of(cls, one: Item, record: Record) -> _Held:
        """Pack a row. What gave no evidence is kept as it is."""
        if one.row.outcome != "evidence":
            return cls(one.row, b"")
        return cls(one.row, zlib.compress(pickle.dumps(tuple(record), pickle.HIGHEST_PROTOCOL), 1))

    def item(self, table: str, plan: Plan, wanted: Wanted | None) -> Item:
        """The row as it was."""
        if not self.packed:
            return Item(self.row.number, self.row.device, (self.row,))
        return item(table, Record(*pickle.loads(zlib.decompress(self.packed))), plan, wanted)


class Domains:
    """The keys of devices: the short name, with its domain where that name stands in several. :meth:`add` all names first."""

    def __init__(self) -> None:
        self._met: dict[str, set[str]] = defaultdict(set)

    def add(self, name: str | None) -> None:
        """A name that the table holds."""
        if name:
            domain = name.partition(".")[2].casefold()
            if domain:
                self._met[short(name)].add(domain)

    def key(self, name: str | None) -> str:
        """By what the device of that name is known; "" for none."""
        if not name:
            return ""
        domain = name.partition(".")[2].casefold()
        return f"{short(name)}.{domain}" if domain and len(self._met.get(short(name), ())) > 1 else short(name)


def _grouped(items: Iterator[Item]) -> Iterator[OfDevice]:
    found: dict[str, list[Item]] = {}
    domains = Domains()
    kept = list(items)
    for one in kept:
        domains.add(one.device)
    for one in kept:
        key = domains.key(one.device) or f"\0{one.number}"
        found.setdefault(key, []).append(one)
    for group in found.values():
        yield _joined(group)


def _joined(items: Sequence[Item]) -> OfDevice:
    """The rows of one device: evidence of the newest row that has any, for each user; of the others the row alone."""
    ordered = sorted(items, key=lambda one: (times.order(one.row.time), one.number))
    newest: dict[str, Item] = {}
    for one in ordered:
        if one.row.outcome == "evidence":
            newest[_user(one.row)] = one
    if not newest:
        words = [one for one in ordered if one.row.outcome == "words"]
        newest = {"": words[-1]} if words else {}
    chosen = list(newest.values())
    found: list[Evidence | Problem] = []
    rows: list[Row] = []
    for one in ordered:
        decides = any(one is other for other in chosen)
        row = one.row if decides or not chosen else one.row._replace(superseded=True)
        rows.append(row)
        found += (row, *one.evidence[1:]) if decides else (row,)
        if chosen and not decides and row.outcome in ("error", "damaged"):
            found.append(Problem(row.source, "unreadable", row.reason or row.outcome, 0))
    last = chosen[-1] if chosen else ordered[-1]
    names = [one.device for one in (last, *ordered) if one.device]
    return OfDevice(
        max(names, key=lambda name: "." in name) if names else None,
        Part(last.row.source.path, tuple(found)),
        tuple(rows),
    )


def _user(row: Row) -> str:
    account = row.account
    return (
        ""
        if account is None or account.kind in ("system", "unknown")
        else (account.upn or account.name or "").casefold()
    )


# ------------------------------------------------------------------------------------------------------------- opening


def tables(artifact: Artifact, wanted: Mapping[str, str] | None = None) -> list[Table]:
    """The tables of many devices that an artifact is or holds (a workbook has sheets); none where it is something else.

    ``wanted``: the columns by ``--map``. Raises OSError where it cannot be read, and
    :class:`~troubleshoot.fleetinput.columns.MapError` where ``wanted`` does not fit; damage inside becomes rows of their class.
    """
    with artifact.open() as stream:
        head = stream.read(HEAD)
        if head.startswith(b"PK"):
            return _workbook(artifact, wanted) if is_workbook(stream) else []
    text, _ = decoded_text(head)
    start = text.lstrip("\ufeff \t\r\n")
    if start[:1] in ("{", "["):
        return _of_json(artifact, text, wanted)
    lines = text.split("\n")
    found = records.header(lines[:60])
    if found is None:
        return []
    return _of_lines(artifact, found, wanted)


def looks_like_table(artifact: Artifact) -> tuple[str, ...]:
    """The names of the columns of a file that looks like a table, whatever it holds; none of another file. Raises OSError."""
    with artifact.open() as stream:
        head = stream.read(HEAD)
    if not may_be_table(head):
        return ()
    text, _ = decoded_text(head)
    found = records.header(text.split("\n")[:60])
    if found is None or not all(0 < len(name) <= 60 for name in found.names):
        return ()
    rows = list(islice(records.delimited(iter(text.split("\n")), found), 3))
    fit = [one for one in rows if one.damage is None and len(one.cells) == len(found.names)]
    return found.names if fit and len(fit) == len(rows) else ()


def _of_lines(artifact: Artifact, head: records.Header, wanted: Mapping[str, str] | None) -> list[Table]:
    def rows() -> Iterator[Record]:
        with artifact.open() as stream:
            yield from records.delimited(_lines(stream, artifact.size), head)

    sample = list(islice(rows(), _SAMPLE_ROWS))
    how = plan(head.names, sample, wanted, artifact.name)
    return [Table(artifact.name, rows, how)] if how else []


def _lines(stream: BinaryIO, size: int) -> Iterator[str]:
    """The lines of a text: decoded whole up to the limit of texts, beyond it piece by piece in the encoding of its first part."""
    if size <= _WHOLE:
        text, _ = decoded_text(stream.read(_WHOLE + 1))
        return iter(text.split("\n"))
    first = stream.read(_WHOLE)
    _, encoding = decoded_text(first)
    stream.seek(0)
    name = {"utf-16-le": "utf-16", "utf-8": "utf-8-sig"}.get(encoding, encoding.partition("+")[0])
    return io.TextIOWrapper(stream, name, "replace", newline=None)


def _of_json(artifact: Artifact, head: str, wanted: Mapping[str, str] | None) -> list[Table]:
    if not wanted and not _JSON_SIGNS.search(head):
        return []
    if artifact.size > TEXT_LIMIT:
        return []
    with artifact.open() as stream:
        text, _ = decoded_text(stream.read(TEXT_LIMIT + 1))

    def rows() -> Iterator[Record]:
        return records.objects(text)

    sample = list(islice(rows(), _SAMPLE_ROWS))
    names = list(dict.fromkeys(chain.from_iterable(one.cells for one in sample)))[:_MOST_NAMES]
    how = plan(names, sample, wanted, artifact.name) if names else None
    return [Table(artifact.name, rows, how)] if how else []


def _workbook(artifact: Artifact, wanted: Mapping[str, str] | None) -> list[Table]:
    """A table for each sheet that holds one. Raises OSError for a workbook that cannot be read."""
    found: list[Table] = []
    errors: list[MapError] = []
    heads: dict[str, tuple[int, tuple[str, ...]]] = {}
    samples: dict[str, list[Record]] = defaultdict(list)
    try:
        for title, number, cells in _sheet_rows(artifact):
            if title not in heads:
                given = [one.strip() for one in cells]
                if sum(map(bool, given)) > 1 and not given[0].startswith("#TYPE"):
                    heads[title] = number, records.unique(given)
            elif len(samples[title]) < _SAMPLE_ROWS:
                samples[title].append(_sheet_record(heads[title][1], number, cells))
    except ValueError as error:
        raise OSError(str(error)) from error
    for title, (first, names) in heads.items():
        try:
            how = plan(names, samples[title], wanted, f"{artifact.name}, sheet {title}")
        except MapError as error:
            errors.append(error)
            continue
        if how:
            label = artifact.name if len(heads) == 1 else f"{artifact.name}/{title}"
            found.append(Table(label, _sheet(artifact, title, first, names), how))
    if errors and not found:
        raise errors[0]
    return found


def _sheet(artifact: Artifact, title: str, first: int, names: tuple[str, ...]) -> Callable[[], Iterator[Record]]:
    def rows() -> Iterator[Record]:
        for sheet, number, cells in _sheet_rows(artifact):
            if sheet == title and number > first and any(one.strip() for one in cells):
                yield _sheet_record(names, number, cells)

    return rows


def _sheet_rows(artifact: Artifact) -> Iterator[tuple[str, int, list[str]]]:
    with artifact.open() as stream:
        yield from records.spreadsheet(stream)


def _sheet_record(names: Sequence[str], number: int, cells: Sequence[str]) -> Record:
    return Record(number, dict(zip(names, (*cells, *[""] * (len(names) - len(cells))), strict=False)))


__all__ = ["OUTCOMES", "MapError", "OfDevice", "Table", "tables"]
