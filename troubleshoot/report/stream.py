"""Reports of very many devices, written one by one: the JSON form is that of ``diagnose -f json``, to the byte.

As text each device is one line where they are more than :data:`FEW`; the whole reports are in the JSON form and in the run folder of
``batch``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO

from troubleshoot import __version__, words
from troubleshoot.model import Report, Result, TableRead, Unread
from troubleshoot.pipeline import ExitCode
from troubleshoot.report import jsonform, text
from troubleshoot.report.safe import plain

FORMS = ("text", "json", "oneline")
FEW = 100
"""Up to so many devices are shown as ``diagnose -f text`` always does."""


def write(form: str, found: Iterable[Report | Unread | TableRead], rules: str, sink: BinaryIO) -> int:
    """Write what comes in one of :data:`FORMS`; returns the exit code. Raises OSError of the sink, ValueError for another form."""
    tally = ExitCode()
    pieces = {"json": _json, "text": _text, "oneline": _oneline}.get(form)
    if pieces is None:
        raise ValueError(f"form '{form}' cannot be written piece by piece")
    for piece in pieces(_counted(found, tally), rules):
        sink.write(piece)
    return tally.code


def _counted(found: Iterable[Report | Unread | TableRead], tally: ExitCode) -> Iterator[Report | Unread | TableRead]:
    for one in found:
        tally.add(one)
        yield one


def _json(found: Iterator[Report | Unread | TableRead], rules: str) -> Iterator[bytes]:
    frame = jsonform.text_of(
        {"schema_version": jsonform.SCHEMA_VERSION, "tool": {"version": __version__, "rules": rules}}
    )
    yield frame.removesuffix(b"\n}\n") + b',\n  "devices": ['
    rest: list[Unread] = []
    tables: list[TableRead] = []
    first = True
    for one in found:
        if isinstance(one, Report):
            yield (b"\n" if first else b",\n") + _inner(jsonform.report(one))
            first = False
        elif isinstance(one, Unread):
            rest.append(one)
        else:
            tables.append(one)
    yield b"]" if first else b"\n  ]"
    yield from _list(b"unread", (_inner(jsonform.unread(one)) for one in rest))
    if tables:
        yield from _list(b"tables", (_inner(jsonform.table(one)) for one in tables))
    yield b"\n}\n"


def _list(name: bytes, items: Iterator[bytes]) -> Iterator[bytes]:
    yield b',\n  "' + name + b'": ['
    first = True
    for one in items:
        yield (b"\n" if first else b",\n") + one
        first = False
    yield b"]" if first else b"\n  ]"


def _inner(data: dict[str, object]) -> bytes:
    """An object as it stands in a list of the form."""
    return b"\n".join(b"    " + line for line in jsonform.text_of(data).rstrip(b"\n").split(b"\n"))


def _text(found: Iterator[Report | Unread | TableRead], _: str) -> Iterator[bytes]:
    reports: list[Report] = []
    rest: list[Unread] = []
    tables: list[TableRead] = []
    for one in found:
        if isinstance(one, Report):
            reports.append(one)
            if len(reports) > FEW:
                break
        elif isinstance(one, Unread):
            rest.append(one)
        else:
            tables.append(one)
    else:
        yield text.render(Result(tuple(reports), tuple(rest), tables=tuple(tables))).encode("utf-8", "replace")
        return
    verdicts: Counter[str] = Counter()
    for one in chain(reports, found):
        if isinstance(one, Report):
            verdicts[one.verdict] += 1
            yield f"  - {plain(one.summary)}\n".encode("utf-8", "replace")
        elif isinstance(one, Unread):
            rest.append(one)
        else:
            tables.append(one)
    counts = ", ".join(f"{count} {words.VERDICTS[name].lower()}" for name, count in verdicts.most_common())
    told = f"{sum(verdicts.values())} devices: {counts or 'none'}. {words.HEADINGS['streamed']}"
    end = text.render(Result((), tuple(rest), tables=tuple(tables)))
    yield f"\n{told}\n\n{end}".encode("utf-8", "replace")


def _oneline(found: Iterator[Report | Unread | TableRead], _: str) -> Iterator[bytes]:
    from troubleshoot.report import note

    for one in found:
        if isinstance(one, Report):
            yield note.oneline(Result((one,), ())).encode("utf-8", "replace")
