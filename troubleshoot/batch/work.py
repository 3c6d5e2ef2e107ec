"""What a worker does, in whatever pool it runs: read an item, diagnose it, make its line of the journal.

A worker loads the rules once. It is never told to stop: what takes longer than the limit ends its process, as a crash would,
and who started it sees to the rest.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import orjson

from troubleshoot import __version__
from troubleshoot.batch import fingerprints, journal
from troubleshoot.batch.rows import lines, rows_of
from troubleshoot.batch.sources import Item
from troubleshoot.containers import Unpacker
from troubleshoot.containers.scratch import Scratch
from troubleshoot.loader import artifacts, expanded, in_memory
from troubleshoot.model import Result, Unread
from troubleshoot.pipeline import Opened, exit_code, gather, judged, wanted_events, worth_unpacking
from troubleshoot.pseudonyms import Redactor
from troubleshoot.report import jsonform
from troubleshoot.ruleset import RuleError, Ruleset, load

_GRACE = 60.0  # seconds
_SMALL = 1_048_576
"""Bytes of a file that is read once, for its fingerprint and for the parsers; larger ones are read twice."""


class Setup(NamedTuple):
    """What all items of a run have in common. ``digest``: of the rules, ``version``: of this tool, both as the parent has
    them. ``key``: of the pseudonyms, None where nothing is redacted. ``limit``: seconds for one item. ``cwd``: where paths of
    items begin."""

    rules: tuple[str, ...]
    digest: str
    version: str
    key: bytes | None = None
    limit: float = 1800.0
    cwd: str | None = None


class Job(NamedTuple):
    """An item, and the fingerprint under which it is finished already (None: it is not)."""

    item: Item
    fingerprint: str | None = None


class Brief(NamedTuple):
    """What progress and summary need of an item: its verdicts, and severity and title of its root findings."""

    verdicts: tuple[str, ...]
    causes: tuple[tuple[str, str], ...]


class Outcome(NamedTuple):
    """``line``: of the journal; None: the bytes are those of the fingerprint that was given."""

    line: bytes | None
    brief: Brief = Brief((), ())


_loaded: dict[Setup, Ruleset] = {}


def work(setup: Setup, jobs: Sequence[Job], at: Callable[[int], None] = lambda number: None) -> list[Outcome | None]:
    """The outcomes of some items; None for one that needs more memory than there is, beside the others.

    ``at`` is told the number of the job that begins. Raises RuleError where this machine has other rules than the parent.
    """
    ruleset = _ruleset(setup)
    done: list[Outcome | None] = []
    with _watched(setup.limit * len(jobs) + _GRACE):
        for number, job in enumerate(jobs):
            at(number)
            try:
                done.append(_outcome(setup, ruleset, job))
            except MemoryError:
                done.append(None)
    return done


def _ruleset(setup: Setup) -> Ruleset:
    found = _loaded.get(setup)
    if found is None:
        if setup.version != __version__:
            raise RuleError(f"a worker has version {__version__}, the batch {setup.version}")
        found = load([Path(folder) for folder in setup.rules])
        if found.digest != setup.digest:
            raise RuleError("a worker has other rules than the batch: give it the same folders, at the same paths")
        _loaded.clear()
        _loaded[setup] = found
        gc.collect()
        gc.freeze()  # rules and modules live as long as the process: no collection need look at them again
        gc.set_threshold(20_000, 20, 50)
    return found


@contextlib.contextmanager
def _watched(limit: float) -> Iterator[None]:
    """End this process when the block takes longer; also where it hangs in a system call or outside of Python.

    Who waits for its answers ends it sooner, item by item; this is for a process for which nobody waits any more.
    """
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(limit, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


def _outcome(setup: Setup, ruleset: Ruleset, job: Job) -> Outcome:
    item = job.item
    with Scratch() as scratch:
        fingerprint, opened = _opened(item, scratch, ruleset, job.fingerprint)
        if opened is None:
            return Outcome(None)
        source = item.name
        redactor = None
        if setup.key is not None:
            from troubleshoot.identities import learn_case

            redactor = Redactor(setup.key)
            for case in opened.cases:
                learn_case(redactor, case)
            source = redactor.path(source)
        try:
            result = judged(opened, ruleset)
        except Exception as error:  # a fault of this tool costs the one item
            result = Result((), (Unread(item.name, f"{type(error).__name__}: {error}", "damaged"),), ruleset.digest)
    code = exit_code(result)
    if redactor is not None:
        from troubleshoot import redact

        result = redact.result(redactor, result)
    return finished(item, setup, source, fingerprint, jsonform.form(result), code)


def finished(
    item: Item, setup: Setup, source: str, fingerprint: str | None, form: Mapping[str, object], code: int
) -> Outcome:
    """The outcome of an item with the JSON form of its result."""
    told = {
        "id": item.id(setup.key or b""),
        "source": source,
        "size": item.size,
        "fingerprint": fingerprint,
        "stamp": item.stamp,
        "etag": item.etag,
        "exit": code,
    }
    found = list(lines(source, form))
    rows: dict[str, list[object]] = {}
    for one in found:
        for table, more in rows_of(one).items():
            rows.setdefault(table, []).append(more)
    raw = journal.line(told, rows, [orjson.dumps(one) for one in found])
    causes = dict.fromkeys(
        (each["severity"], each["title"]) for one in found if one["report"] for each in one["report"]["findings"]
    )
    return Outcome(raw, Brief(tuple(one["verdict"] for one in found), tuple(causes)))


def _opened(item: Item, scratch: Scratch, ruleset: Ruleset, known: str | None) -> tuple[str | None, Opened | None]:
    """(the fingerprint, the cases); no cases where the fingerprint is the known one."""
    wanted = wanted_events(ruleset)
    if item.is_address:
        from troubleshoot.batch import remote

        return remote.opened(item, scratch, wanted, known)
    if item.stamp and item.size <= _SMALL and not os.path.isdir(item.path):
        try:
            with open(item.path, "rb", buffering=0) as stream:
                data = stream.read(_SMALL + 1)
        except OSError:
            data = b""
        if data and len(data) <= _SMALL:
            fingerprint = fingerprints.of_bytes(data)
            if fingerprint == known:
                return fingerprint, None
            inputs = expanded(in_memory(item.name, data), Unpacker(scratch, worth_unpacking))
            return fingerprint, gather(inputs, wanted, [item.name])
    before = fingerprints.of_path(item.path) if item.stamp else None
    if before is not None and before == known:
        return before, None
    opened = gather(artifacts([item.path], scratch, worth_unpacking), wanted, [item.path])
    return before, opened
