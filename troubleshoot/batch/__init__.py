"""Many devices: one diagnosis each in a pool of processes, tables of the results, a summary of causes.

``sources`` says what is read, ``work`` what a worker does, ``schedule`` who does it when, ``journal`` keeps what is finished,
``runfolder`` writes the result: the same bytes, the same files, whatever the number of workers and however often it was stopped.
"""

from __future__ import annotations

import hashlib
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from troubleshoot import __version__
from troubleshoot.batch import runfolder
from troubleshoot.batch.earlier import Earlier
from troubleshoot.batch.jobs import Brief, Job, Outcome, Setup
from troubleshoot.batch.journal import Journal, taken_apart
from troubleshoot.batch.progress import Progress, say, summary
from troubleshoot.batch.results import first_exit, in_parts, unread
from troubleshoot.batch.schedule import Lanes
from troubleshoot.batch.schedule import run as scheduled
from troubleshoot.batch.sources import MISSING, Item, SourceError, items
from troubleshoot.ruleset import RuleError, load
from troubleshoot.runschema import VERSION

STOPPED = 130
"""Exit code after Ctrl-C, as shells have it."""
_SMALL = 32  # items in one task of this machine's pool
_LOST = "its worker died, or took longer than the limit, twice"


class Options(NamedTuple):
    """How to run. ``workers``: processes, None for one a core. ``resume``: go on with what the folder holds. ``key``: of the
    pseudonyms, None to redact nothing. ``limit``: seconds for one item. ``scheduler``: address of a Dask scheduler. ``columns``:
    of tables, as ``--map`` says. ``html``: write each report as a page too."""

    workers: int | None = None
    rules: tuple[Path, ...] = ()
    resume: bool = False
    key: bytes | None = None
    limit: float = 1800.0
    scheduler: str | None = None
    columns: tuple[tuple[str, str], ...] = ()
    html: bool = False


def run(sources: Sequence[str], folder: Path, options: Options = Options(), lanes: Lanes | None = None) -> int:  # noqa: B008
    """Diagnose everything in ``sources`` and write the run folder; returns the exit code of the contract, or 130 when stopped.

    Progress and summary go to standard error. ``lanes``: where to run, instead of a pool of this machine or the scheduler.
    """
    try:
        todo = items(sources)
        if todo and all(one.refused == MISSING for one in todo):
            raise SourceError(f"{todo[0].name}: {MISSING}")
        folder.mkdir(parents=True, exist_ok=True)
        setup = Setup(
            tuple(str(one) for one in options.rules),
            load(options.rules).digest,
            __version__,
            options.key,
            options.limit,
            os.getcwd(),
            options.columns,
            options.html,
        )
        identity = _identity(setup)
        with Journal(folder, identity, options.resume) as journal, _interruptible():
            return _run(list(sources), todo, _Place(folder, journal, setup, identity), options, lanes)
    except SourceError as error:
        say(f"troubleshoot: {error}")
    except BlockingIOError:
        say(f"troubleshoot: {folder}: another run writes it")
    except OSError as error:
        say(f"troubleshoot: {error.filename or folder}: {error.strerror or error}")
    except RuleError as error:
        say(f"troubleshoot: {error}")
    except KeyboardInterrupt:
        say("stopped: what is finished is kept; the same command with --resume goes on")
        return STOPPED
    return 2


class _Place(NamedTuple):
    folder: Path
    journal: Journal
    setup: Setup
    identity: Mapping[str, Any]


def _identity(setup: Setup) -> dict[str, Any]:
    """What decides the results beside the bytes; another one makes everything to be done again."""
    redacted = hashlib.blake2b(setup.key, digest_size=8).hexdigest() if setup.key is not None else None
    return {
        "format": VERSION,
        "version": setup.version,
        "rules": setup.digest,
        "options": {"redact": redacted, "map": dict(setup.columns), "html": setup.html},
    }


def _run(sources: list[str], todo: Sequence[Item], place: _Place, options: Options, lanes: Lanes | None) -> int:
    journal, key = place.journal, place.setup.key or b""
    earlier = Earlier.of(place.folder, place.identity) if options.resume else Earlier()
    if options.resume and (journal.stale or earlier.stale):
        say("the version, the rules or the options are others than before: everything is done again")
    jobs = list(_jobs(todo, journal, earlier, key))
    more: deque[Job] = deque()
    with Progress(len(jobs), len(todo) - len(jobs)) as progress:
        for job, outcome in _outcomes(place.setup, jobs, options, lanes, progress.tick, more):
            brief, parts = _kept(place, job, outcome, earlier)
            more += parts
            progress.done(brief, len(parts))
    journal.flush()
    earlier.into(journal)
    shown = [source if place.setup.key is None else f"source-{at}" for at, source in enumerate(sources, 1)]
    written = runfolder.write(place.folder, _all(todo, place), place.identity, shown)
    journal.remove()
    summary(written.tally, place.folder)
    return first_exit(written.exits)


def _jobs(todo: Sequence[Item], journal: Journal, earlier: Earlier, key: bytes) -> Iterator[Job]:
    """What is to be done, or at least to be looked at: not what is finished and was not touched since."""
    for item in todo:
        if item.refused:
            continue
        id = item.id(key)
        known = journal.known.get(id)
        if known is not None and known.fingerprint is not None:
            if not journal.is_whole(id):
                yield Job(item, id)
            elif not item.stamp or item.stamp != known.stamp:
                yield Job(item, id, known.fingerprint)
            continue
        if item.etag and earlier.etag(id) == item.etag:
            earlier.keep(id)
        else:
            yield Job(item, id, earlier.fingerprint(id))


def _outcomes(
    setup: Setup,
    jobs: Sequence[Job],
    options: Options,
    lanes: Lanes | None,
    tick: Callable[[], None],
    more: deque[Job],
) -> Iterator[tuple[Job, Any]]:
    if not jobs:
        return
    if lanes is not None:
        yield from scheduled(lanes, setup, jobs, tick, more)
        return
    if options.scheduler is not None:
        from troubleshoot.batch import cluster

        with cluster.lanes(options.scheduler) as found:
            yield from scheduled(found, setup, jobs, tick, more)
        return
    from troubleshoot.batch.pool import WorkerLost, Workers

    count = options.workers or os.cpu_count() or 1
    pool = Workers(count, setup)
    try:
        yield from scheduled(Lanes(pool, lambda: count, _SMALL, (WorkerLost,)), setup, jobs, tick, more)
    finally:
        pool.shutdown()


def _kept(place: _Place, job: Job, outcome: Outcome | None, earlier: Earlier) -> tuple[Brief, Sequence[Job]]:
    """Write what became of a job into the journal; (what it gave, its parts that are still to be done)."""
    journal = place.journal
    if outcome is None:
        singles = job.singles()
        outcome = in_parts(job, singles, job.fingerprint) if singles else unread(place.setup, job, _LOST, "lost")
    if outcome.line is None:
        if not earlier.keep(job.id):
            journal.same(job.id, job.item.stamp)
        return Brief((), ()), ()
    runfolder.add_pages(place.folder, outcome.pages)
    journal.append(outcome.line)
    return outcome.brief, [one for one in outcome.parts if not journal.is_whole(one.id)]


def _all(todo: Sequence[Item], place: _Place) -> Iterator[runfolder.Input]:
    """Every input with its results, in the order in which they were given."""
    key = place.setup.key or b""
    for item in todo:
        id = item.id(key)
        if item.refused:
            found = taken_apart(unread(place.setup, Job(item, id), item.refused, "unreadable").line or b"")
            yield runfolder.Input(id, found.source, item.size, None, "", (found,))
            continue
        head = place.journal.head(id)
        leaves = (head,) if place.journal.known[id].parts is None else place.journal.leaves(id)
        fingerprint = head.fingerprint if place.journal.is_whole(id) else None
        yield runfolder.Input(id, head.source, item.size, fingerprint, head.etag, leaves)


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM ends a run as Ctrl-C does: what is finished is kept, and no worker is left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
