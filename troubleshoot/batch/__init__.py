"""Many devices: one diagnosis each in a pool of processes, tables of the results, a summary of causes.

``sources`` says what is read, ``work`` what a worker does, ``schedule`` who does it when, ``journal`` keeps what is finished,
``runfolder`` writes the result: the same bytes, the same files, whatever the number of workers and however often it was stopped.
"""

from __future__ import annotations

import hashlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from troubleshoot import __version__
from troubleshoot.batch import runfolder
from troubleshoot.batch.earlier import Earlier
from troubleshoot.batch.journal import Finished, Journal, taken_apart
from troubleshoot.batch.progress import Progress, say, summary
from troubleshoot.batch.schedule import Lanes
from troubleshoot.batch.schedule import run as scheduled
from troubleshoot.batch.sources import MISSING, Item, SourceError, items
from troubleshoot.batch.work import Brief, Job, Setup, finished
from troubleshoot.ruleset import RuleError, load
from troubleshoot.runschema import VERSION

STOPPED = 130
"""Exit code after Ctrl-C, as shells have it."""
_SMALL = 32  # items in one task of this machine's pool
_LOST = "its worker died, or took longer than the limit, twice"


class Options(NamedTuple):
    """How to run. ``workers``: processes, None for one a core. ``resume``: go on with what the folder holds. ``key``: of the
    pseudonyms, None to redact nothing. ``limit``: seconds for one item. ``scheduler``: address of a Dask scheduler."""

    workers: int | None = None
    rules: tuple[Path, ...] = ()
    resume: bool = False
    key: bytes | None = None
    limit: float = 1800.0
    scheduler: str | None = None


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
        "options": {"redact": redacted},
    }


def _run(sources: list[str], todo: Sequence[Item], place: _Place, options: Options, lanes: Lanes | None) -> int:
    journal, key = place.journal, place.setup.key or b""
    earlier = Earlier.of(place.folder, place.identity) if options.resume else Earlier()
    if options.resume and (journal.stale or earlier.stale):
        say("the version, the rules or the options are others than before: everything is done again")
    jobs = list(_jobs(todo, journal, earlier, key))
    with Progress(len(jobs), len(todo) - len(jobs)) as progress:
        for job, outcome in _outcomes(place.setup, jobs, options, lanes, progress.tick):
            progress.done(_kept(place, job, outcome, earlier))
    journal.flush()
    earlier.into(journal)
    shown = [source if place.setup.key is None else f"source-{at}" for at, source in enumerate(sources, 1)]
    written = runfolder.write(place.folder, _all(todo, place), place.identity, shown)
    journal.remove()
    summary(written.tally, place.folder)
    return next((code for code in (1, 4, 3) if code in written.exits), 0)


def _jobs(todo: Sequence[Item], journal: Journal, earlier: Earlier, key: bytes) -> Iterator[Job]:
    """What is to be done, or at least to be looked at: not what is finished and was not touched since."""
    for item in todo:
        if item.refused:
            continue
        known = journal.known.get(item.id(key))
        if known is not None and known.fingerprint is not None:
            if not item.stamp or item.stamp != known.stamp:
                yield Job(item, known.fingerprint)
            continue
        if item.etag and earlier.etag(item.id(key)) == item.etag:
            earlier.keep(item.id(key))
        else:
            yield Job(item, earlier.fingerprint(item.id(key)))


def _outcomes(
    setup: Setup, jobs: Sequence[Job], options: Options, lanes: Lanes | None, tick: Callable[[], None]
) -> Iterator[tuple[Job, Any]]:
    if not jobs:
        return
    if lanes is not None:
        yield from scheduled(lanes, setup, jobs, tick)
        return
    if options.scheduler is not None:
        from troubleshoot.batch import cluster

        with cluster.lanes(options.scheduler) as found:
            yield from scheduled(found, setup, jobs, tick)
        return
    from troubleshoot.batch.pool import WorkerLost, Workers

    count = max(1, min(options.workers or os.cpu_count() or 1, len(jobs)))
    pool = Workers(count, setup)
    try:
        yield from scheduled(Lanes(pool, lambda: count, _SMALL, (WorkerLost,)), setup, jobs, tick)
    finally:
        pool.shutdown()


def _kept(place: _Place, job: Job, outcome: Any, earlier: Earlier) -> Brief:
    """Write what became of a job into the journal."""
    id = job.item.id(place.setup.key or b"")
    if outcome is None:
        outcome = _not_read(place.setup, job.item, _LOST, "lost")
    if outcome.line is None:
        if not earlier.keep(id):
            place.journal.same(id, job.item.stamp)
        return Brief((), ())
    place.journal.append(outcome.line)
    return outcome.brief  # type: ignore[no-any-return]


def _not_read(setup: Setup, item: Item, reason: str, kind: str) -> Any:
    """The outcome of an item that no worker has read."""
    source = item.name
    if setup.key is not None:
        from troubleshoot.pseudonyms import Redactor

        source = Redactor(setup.key).path(source)
    form = {"devices": [], "unread": [{"path": "", "reason": reason, "kind": kind}]}
    return finished(item, setup, source, None, form, 3)


def _all(todo: Sequence[Item], place: _Place) -> Iterator[tuple[Finished, int]]:
    """Every item's line of the journal, in the order of the inputs, and the item's size."""
    key = place.setup.key or b""
    for item in todo:
        if item.refused:
            yield taken_apart(_not_read(place.setup, item, item.refused, "unreadable").line), item.size
        else:
            yield place.journal.finished(place.journal.known[item.id(key)]), item.size


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
