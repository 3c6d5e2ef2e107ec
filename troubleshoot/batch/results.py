"""From cases to the outcome of a job: judged, redacted where that is asked for, as lines of ``reports.jsonl`` and rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from troubleshoot.batch import journal
from troubleshoot.batch.jobs import Brief, Job, Outcome, Run, Setup
from troubleshoot.batch.parts import Piece
from troubleshoot.batch.rows import Line, lines, rows_of
from troubleshoot.fleetinput.tables import Table
from troubleshoot.model import Result, Unread
from troubleshoot.pipeline import Opened, exit_code, judged, of_table, wanted_events
from troubleshoot.report import jsonform

if TYPE_CHECKING:
    from troubleshoot.case import Case
    from troubleshoot.pseudonyms import Redactor

EXITS = (1, 4, 3, 0)
"""Exit codes; of several the first counts."""


def first_exit(codes: Iterable[int]) -> int:
    """The exit code of several devices or inputs."""
    found = set(codes)
    return next((code for code in EXITS if code in found), 0)


def of_opened(run: Run, opened: Opened, fingerprint: str | None) -> Outcome:
    """Of an item that was read as a whole."""
    redactor = _redactor(run.setup, opened.cases, opened.unread)
    found, code = _lines(run, redactor, run.job.item.name, opened)
    return finished(run.job, run.setup, found, fingerprint, code)


def of_units(run: Run, opened: Iterable[tuple[str, Opened]], unread: Sequence[Unread]) -> Outcome:
    """Of inputs inside an archive; ``unread``: what is wrong with the archive itself stands with the first."""
    found: list[Line] = []
    codes = []
    for source, each in opened:
        if unread:
            each, unread = each._replace(unread=(*unread, *each.unread)), ()
        more, code = _lines(run, _redactor(run.setup, each.cases, each.unread), source, each)
        found += more
        codes.append(code)
    return finished(run.job, run.setup, found, run.job.fingerprint, first_exit(codes))


def of_tables(run: Run, tables: Sequence[Table], unread: Sequence[Unread], fingerprint: str | None) -> Outcome:
    """Of tables of devices: a line for each device, also one whose rows hold no evidence. ``unread``: as of of_units."""
    wanted = wanted_events(run.ruleset)
    devices = [one for table in tables for one in of_table(table, wanted)]
    lost = [one for _, _, nothing in devices for one in nothing]
    redactor = _redactor(run.setup, [case for _, case, _ in devices if case is not None], lost)
    found: list[Line] = []
    codes = []
    for _, case, nothing in devices:
        opened = Opened((case,) if case is not None else (), nothing if found else (*unread, *nothing))
        more, code = _lines(run, redactor, run.job.item.name, opened)
        found += more
        codes.append(code)
    if not found:
        nothing = tuple(unread) or (Unread(run.job.item.name, "the table holds no row", "unreadable"),)
        found, code = _lines(run, redactor, run.job.item.name, Opened((), nothing))
        codes.append(code)
    return finished(run.job, run.setup, found, fingerprint, first_exit(codes))


def not_read(run: Run, reason: str, kind: str, fingerprint: str | None) -> Outcome:
    """Of a job that gave nothing."""
    return unread(run.setup, run.job, reason, kind, fingerprint)


def unread(setup: Setup, job: Job, reason: str, kind: str, fingerprint: str | None = None) -> Outcome:
    """The outcome of a job that no worker has read, or none could. A job without a fingerprint is tried again."""
    source = job.item.name + (f"/{job.piece.name}" if job.piece is not None and job.piece.name else "")
    if setup.key is not None:
        from troubleshoot.pseudonyms import Redactor

        redactor = Redactor(setup.key)
        source, reason = redactor.path(source), redactor.text(reason)
    form = {"devices": [], "unread": [{"path": source, "reason": reason, "kind": kind}]}
    return finished(job, setup, list(lines(source, form)), fingerprint, 3)


def apart(run: Run, pieces: Iterable[Piece], fingerprint: str | None) -> Outcome:
    """Of a job that is to be done in parts."""
    return in_parts(run.job, [run.job.part(piece, fingerprint) for piece in pieces], fingerprint)


def in_parts(job: Job, parts: Sequence[Job], fingerprint: str | None) -> Outcome:
    """As :func:`apart`, with the jobs."""
    told = {**_told(job, job.item.name, fingerprint, 0), "parts": [one.id for one in parts]}
    return Outcome(journal.line(told, {}, ()), Brief((), ()), tuple(parts))


def finished(job: Job, setup: Setup, found: Sequence[Line], fingerprint: str | None, code: int) -> Outcome:
    """The outcome of a job with its lines of ``reports.jsonl``."""
    rows: dict[str, list[Any]] = {}
    for one in found:
        for table, more in rows_of(one).items():
            rows.setdefault(table, []).append(more)
    source = found[0]["source"] if found and job.piece is None else ""
    raw = journal.line(_told(job, source, fingerprint, code), rows, [orjson.dumps(one) for one in found])
    causes = [
        cause
        for one in found
        if one["report"]
        for cause in dict.fromkeys((each["severity"], each["title"]) for each in one["report"]["findings"])
    ]
    return Outcome(raw, Brief(tuple(one["verdict"] for one in found), tuple(causes)))


def _told(job: Job, source: str, fingerprint: str | None, code: int) -> dict[str, Any]:
    item = job.item
    stamp, etag = (item.stamp, item.etag) if job.piece is None else ("", "")
    return {
        "id": job.id,
        "source": source,
        "fingerprint": fingerprint,
        "stamp": stamp,
        "etag": etag,
        "exit": code,
    }


def _lines(run: Run, redactor: Redactor | None, source: str, opened: Opened) -> tuple[list[Line], int]:
    """The lines of one input, and its exit code."""
    try:
        result = judged(opened, run.ruleset)
    except MemoryError:
        raise
    except Exception as error:  # a fault of this tool costs the one input
        result = Result((), (Unread(source, f"{type(error).__name__}: {error}", "damaged"),), run.ruleset.digest)
    code = exit_code(result)
    if redactor is not None:
        from troubleshoot import redact

        result, source = redact.result(redactor, result), redactor.path(source)
    return list(lines(source, jsonform.form(result))), code


def _redactor(setup: Setup, cases: Iterable[Case], unread: Iterable[Unread]) -> Redactor | None:
    """The pseudonyms of an input, which know every name that its cases and its rows without a case hold."""
    if setup.key is None:
        return None
    from troubleshoot.identities import learn_case, learn_row
    from troubleshoot.pseudonyms import Redactor

    redactor = Redactor(setup.key)
    for one in unread:
        if one.row is not None:
            learn_row(redactor, one.row)
    for case in cases:
        learn_case(redactor, case)
    return redactor
