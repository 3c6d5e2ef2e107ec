"""The files of a run folder, made from the journal: in the order of the inputs, with bounded memory, each whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from troubleshoot import __version__
from troubleshoot.batch.jobs import Brief, Page
from troubleshoot.batch.journal import Finished
from troubleshoot.batch.progress import Tally
from troubleshoot.batch.results import PAGES, first_exit
from troubleshoot.batch.rows import NUMBERS
from troubleshoot.runschema import VERSION, arrow, tables

GROUP = 8_000
"""Rows in one row group of a table's file; so many stand in memory, in Arrow's form."""
_ROWS = 1_000  # rows that stand in memory as objects of Python, which take ten times as much
MANIFEST, REPORTS = "manifest.json", "reports.jsonl"
_PART = ".part"
_LIBRARIES = ("evtx", "pandas", "pyarrow")


class Input(NamedTuple):
    """An input as the manifest has it, and its results. ``fingerprint``: None where it is to be read again."""

    id: str
    source: str
    size: int
    fingerprint: str | None
    etag: str
    leaves: Iterable[Finished]


class Written(NamedTuple):
    """What a run comes to."""

    tally: Tally
    exits: frozenset[int]


def add_pages(folder: Path, pages: Sequence[Page]) -> None:
    """Write pages of reports, each whole or not at all."""
    if not pages:
        return
    below = folder / PAGES
    below.mkdir(exist_ok=True)
    for name, text in pages:
        part = below / (name + _PART)
        part.write_bytes(zlib.decompress(text))
        os.replace(part, below / f"{name}.html")


def _sweep(folder: Path, named: set[str]) -> None:
    """Remove the pages that no line names."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder / PAGES) as entries:
        for entry in entries:
            if entry.name.endswith((".html", _PART)) and f"{PAGES}/{entry.name}" not in named:
                os.unlink(entry.path)
    with contextlib.suppress(OSError):
        os.rmdir(folder / PAGES)  # only if nothing is in it


def write(folder: Path, finished: Iterable[Input], identity: Mapping[str, Any], sources: list[str]) -> Written:
    """Write every file of the folder; ``finished``: the inputs in their order."""
    tally = Tally()
    exits: set[int] = set()
    pages: set[str] = set()
    with ExitStack() as stack:
        reports = stack.enter_context(open(folder / (REPORTS + _PART), "wb"))
        inputs = stack.enter_context(tempfile.TemporaryFile(dir=folder))
        made = {name: stack.enter_context(_TableFile(folder, name)) for name in tables()}
        line = 0
        for number, given in enumerate(finished, 1):
            before, codes = line, set()
            for one in given.leaves:
                codes.add(one.exit)
                for at, report in enumerate(one.reports):
                    line += 1
                    reports.write(report + b"\n")
                    for name, rows in one.rows.items():
                        if rows[at]:
                            made[name].add(rows[at], line, number)
                tally.add(_brief(one))
                pages.update(rows[0][_PAGE] for rows in one.rows.get("devices", ()) if rows[0][_PAGE])
            inputs.write(b",\n    " if number > 1 else b"\n    ")
            inputs.write(_input(given, line - before, first_exit(codes)))
            exits |= codes
        counts = {name: table.count for name, table in made.items()}
        inputs.seek(0)
        with open(folder / (MANIFEST + _PART), "wb") as manifest:
            manifest.write(_manifest(identity, sources, tally, counts))
            shutil.copyfileobj(inputs, manifest)
            manifest.write(b"\n  ]\n}\n")
    for name in (REPORTS, *(f"{name}.parquet" for name in tables()), MANIFEST):
        os.replace(folder / (name + _PART), folder / name)
    _sweep(folder, pages)
    return Written(tally, frozenset(exits))


class _TableFile:
    """One table's Parquet file while it is written."""

    def __init__(self, folder: Path, name: str) -> None:
        import pyarrow.parquet as pq

        self.count = 0
        self._schema = arrow(name)
        self._rows: list[list[Any]] = []
        self._numbers: dict[str, list[int]] = {one: [] for one in self._schema.names if one in NUMBERS}
        self._ready: list[Any] = []
        self._count = 0
        self._file = pq.ParquetWriter(folder / f"{name}.parquet{_PART}", self._schema, compression="zstd")

    def add(self, rows: list[list[Any]], line: int, number: int) -> None:
        """More rows, at the end, of a line of ``reports.jsonl`` and of an input."""
        self._rows += rows
        self.count += len(rows)
        for name, numbers in self._numbers.items():
            numbers += [line if name == "line" else number] * len(rows)
        while len(self._rows) >= _ROWS:
            self._made(_ROWS)
            if self._count >= GROUP:
                self._flush()

    def _made(self, most: int) -> None:
        """The first rows as a table of Arrow, which pandas reads as it is."""
        import pyarrow as pa

        rows, self._rows = self._rows[:most], self._rows[most:]
        told = iter(zip(*rows, strict=True) if rows else [()] * (len(self._schema) - len(self._numbers)))
        arrays = []
        for field in self._schema:
            if field.name in self._numbers:
                numbers = self._numbers[field.name]
                arrays.append(pa.array(numbers[:most], field.type))
                del numbers[:most]
            else:
                arrays.append(pa.array(next(told), field.type))
        self._ready.append(pa.Table.from_arrays(arrays, schema=self._schema))
        self._count += len(rows)

    def _flush(self) -> None:
        """Write a row group."""
        import pyarrow as pa

        self._file.write_table(pa.concat_tables(self._ready), GROUP)
        self._ready, self._count = [], 0

    def __enter__(self) -> _TableFile:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            if self._rows or not self.count:
                self._made(_ROWS)
            if self._ready:
                self._flush()
        self._file.close()


_NAMES = {
    name: tuple(column.name for column in table.columns if column.name not in NUMBERS)
    for name, table in tables().items()
}
_VERDICT, _PAGE = (_NAMES["devices"].index(name) for name in ("verdict", "page"))
_ROLE, _SEVERITY, _TITLE = (_NAMES["findings"].index(name) for name in ("role", "severity", "title"))


def _brief(one: Finished) -> Brief:
    verdicts = tuple(rows[0][_VERDICT] for rows in one.rows.get("devices", ()))
    causes = [
        cause
        for rows in one.rows.get("findings", ())
        for cause in dict.fromkeys((row[_SEVERITY], row[_TITLE]) for row in rows if row[_ROLE] == "root")
    ]
    return Brief(verdicts, tuple(causes))


def _input(one: Input, devices: int, code: int) -> bytes:
    told = {
        "id": one.id,
        "source": one.source,
        "size": one.size,
        "fingerprint": one.fingerprint,
        "devices": devices,
        "exit": code,
    }
    if one.etag:
        told["etag"] = one.etag
    return orjson.dumps(told)


def _manifest(identity: Mapping[str, Any], sources: list[str], tally: Tally, counts: Mapping[str, int]) -> bytes:
    """JSON up to the inputs, one a line; the fingerprint of an input is null where it is to be read again."""
    head = {
        "format": VERSION,
        "version": __version__,
        "rules": identity["rules"],
        "options": identity["options"],
        "versions": {name: _version(name) for name in _LIBRARIES},
        "sources": sources,
        "devices": tally.devices,
        "verdicts": dict(sorted(tally.verdicts.items())),
        "rows": dict(counts),
    }
    begin = orjson.dumps(head, option=orjson.OPT_INDENT_2).removesuffix(b"\n}")
    return begin + b',\n  "inputs": ['


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
