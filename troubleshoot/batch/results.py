"""From cases to the outcome of a job: judged, redacted where that is asked for, as lines of ``reports.jsonl`` and rows."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import orjson

from troubleshoot.batch import journal
from troubleshoot.batch.jobs import Brief, Job, Outcome, Page, Run, Setup
from troubleshoot.batch.parts import Piece
from troubleshoot.batch.rows import Line, lines, rows_of
from troubleshoot.fleetinput.tables import Table
from troubleshoot.model import Result, Unread
from troubleshoot.pipeline import Opened, exit_code, judged, of_table, wanted_events
from troubleshoot.report import jsonform
from troubleshoot.traits import traits

if TYPE_CHECKING:
    from troubleshoot.case import Case
    from troubleshoot.pseudonyms import Redactor

PAGES = "reports"
"""The folder of the pages, below the run folder."""
_FIELDS = ("AzureAdPrt", "KeyContainerId")
_LONGEST = 300  # characters of a fact's value
EXITS = (1, 4, 3, 0)
"""Exit codes; of several the first counts."""


def first_exit(codes: Iterable[int]) -> int:
    """The exit code of several devices or inputs."""
    found = set(codes)
    return next((code for code in EXITS if code in found), 0)


class _Found:
    """What a job has given so far: lines, pages and exit codes of its inputs."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.lines: list[Line] = []
        self.pages: list[Page] = []
        self.codes: list[int] = []

    def add(self, redactor: Redactor | None, source: str, opened: Opened) -> None:
        """Judge one input; ``source``: its name."""
        try:
            result = judged(opened, self.run.ruleset)
        except MemoryError:
            raise
        except Exception as error:  # a fault of this tool costs the one input
            result = Result(
                (), (Unread(source, f"{type(error).__name__}: {error}", "damaged"),), self.run.ruleset.digest
            )
        self.codes.append(exit_code(result))
        facts = [_facts(case, redactor) for case in opened.cases]
        if redactor is not None:
            from troubleshoot import redact

            result, source = redact.result(redactor, result), redactor.path(source)
        found = list(lines(source, jsonform.form(result), facts))
        if self.run.setup.html:
            self.pages += [
                _page(line, result, number) for line, number in zip(found, range(len(result.reports)), strict=False)
            ]
        self.lines += found

    def outcome(self, fingerprint: str | None) -> Outcome:
        """Of the whole job."""
        made = finished(self.run.job, self.run.setup, self.lines, fingerprint, first_exit(self.codes))
        return made._replace(pages=tuple(self.pages))


def _facts(case: Case, redactor: Redactor | None) -> dict[str, str]:
    """What the device may have in common with others: the newest value of each fact, two fields of its newest capture, its traits."""
    found = {name: str(told[0].value) for name, told in case.facts.items() if told}
    newest = case.captures[0].named if case.captures else {}
    found |= {name: newest[name].text for name in _FIELDS if name in newest and newest[name].value}
    found |= traits(case)
    short = {name: value for name, value in found.items() if len(value) <= _LONGEST}
    return short if redactor is None else {name: redactor.text(value) for name, value in short.items()}


def _page(line: Line, result: Result, number: int) -> Page:
    """A device's report as a page, which its line names."""
    from troubleshoot.report import html

    name = blake2b(orjson.dumps(line), digest_size=12).hexdigest()
    line["page"] = f"{PAGES}/{name}.html"
    alone = result._replace(
        reports=result.reports[number : number + 1], unread=() if number else result.unread, tables=()
    )
    return name, zlib.compress(html.render(alone).encode("utf-8", "surrogatepass"))


def of_opened(run: Run, opened: Opened, fingerprint: str | None) -> Outcome:
    """Of an item that was read as a whole."""
    found = _Found(run)
    found.add(_redactor(run.setup, opened.cases, opened.unread), run.job.item.name, opened)
    return found.outcome(fingerprint)


def of_units(run: Run, opened: Iterable[tuple[str, Opened]], unread: Sequence[Unread]) -> Outcome:
    """Of inputs inside an archive; ``unread``: what is wrong with the archive itself stands with the first."""
    found = _Found(run)
    for source, each in opened:
        whole = each._replace(unread=(*unread, *each.unread))
        unread = ()
        found.add(_redactor(run.setup, whole.cases, whole.unread), source, whole)
    return found.outcome(run.job.fingerprint)


def of_tables(run: Run, tables: Sequence[Table], unread: Sequence[Unread], fingerprint: str | None) -> Outcome:
    """Of tables of devices: a line for each device, also one whose rows hold no evidence. ``unread``: as of of_units."""
    wanted = wanted_events(run.ruleset)
    devices = [one for table in tables for one in of_table(table, wanted)]
    lost = [one for _, _, nothing in devices for one in nothing]
    redactor = _redactor(run.setup, [case for _, case, _ in devices if case is not None], lost)
    found = _Found(run)
    name = run.job.item.name
    for _, case, nothing in devices:
        found.add(redactor, name, Opened((case,) if case is not None else (), (*unread, *nothing)))
        unread = ()
    if not devices:
        found.add(redactor, name, Opened((), tuple(unread) or (Unread(name, "the table holds no row", "unreadable"),)))
    return found.outcome(fingerprint)


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
