"""What a worker does, in whatever pool it runs: read an item or a piece of one, diagnose it, make its line of the journal.

A worker loads the rules once. It is never told to stop: what takes longer than the limit ends its process, as a crash would,
and who started it sees to the rest.
"""

from __future__ import annotations

import contextlib
import errno
import faulthandler
import gc
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from troubleshoot import __version__
from troubleshoot.batch import parts, reading, results
from troubleshoot.batch.jobs import Job, Outcome, Run, Setup
from troubleshoot.batch.parts import Rows, Share, Units
from troubleshoot.containers import Unpacker
from troubleshoot.containers.scratch import Scratch
from troubleshoot.fleetinput.mapping import MapError
from troubleshoot.fleetinput.tables import Table
from troubleshoot.model import Artifact, Unread
from troubleshoot.pipeline import gather, tables_of, unneeded, wanted_events, worth_unpacking
from troubleshoot.ruleset import RuleError, Ruleset, load

_GRACE = 60.0  # seconds
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
                done.append(_outcome(Run(setup, ruleset, job)))
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


def _outcome(run: Run) -> Outcome:
    job = run.job
    with Scratch() as scratch:
        try:
            if job.piece is None:
                return _item(run, scratch)
            if isinstance(job.piece, Rows):
                return results.of_tables(run, [job.piece.table()], job.piece.unread, job.fingerprint)
            if isinstance(job.piece, Units):
                return _units(run, job.piece, scratch)
            return _share(run, job.piece, scratch)
        except MapError as error:
            return results.not_read(run, str(error), "unreadable", job.fingerprint)
        except OSError as error:
            if error.errno == errno.ENOSPC:  # of this machine, so that nothing else could be read either
                raise
            return results.not_read(run, error.strerror or type(error).__name__, "damaged", job.fingerprint)
        except MemoryError:
            raise
        except Exception as error:  # a fault of this tool costs the one item
            return results.not_read(run, f"{type(error).__name__}: {error}", "damaged", job.fingerprint)


def _item(run: Run, scratch: Scratch) -> Outcome:
    """A whole item, or in which pieces it is to be done."""
    item = run.job.item
    found = reading.opened(item, scratch, run.job.fingerprint)
    if found.same:
        return Outcome(None)
    if (one := found.single) and (kind := reading.archive(item, one)):
        units, wrong = parts.units(one, kind, Unpacker(scratch, worth_unpacking))
        if units:
            return results.apart(run, [units[0]._replace(unread=wrong), *units[1:]], found.fingerprint)
    names = [item.path] if found.whole else [one.name for one in found.parts if isinstance(one, Artifact)]
    tables, unread, rest = _tables(run, reading.contents(found, scratch), names)
    if rest is not None:
        opened = gather(rest, wanted_events(run.ruleset), names, run.setup.mapping)
        return results.of_opened(run, opened, found.fingerprint)
    shares = list(parts.shares([size for _, size in tables]))
    shares[0] = shares[0]._replace(unread=tuple(unread))
    if len(shares) > len(tables):
        return results.apart(run, shares, found.fingerprint)
    pieces = [piece for share in shares for piece in parts.rows([table for table, _ in tables], share)]
    if len(pieces) > 1:
        return results.apart(run, pieces, found.fingerprint)
    return results.of_tables(run, [piece.table() for piece in pieces], tuple(unread), found.fingerprint)


def _tables(
    run: Run, found: Iterable[Artifact | Unread], names: Sequence[str]
) -> tuple[list[tuple[Table, int]], list[Unread], Iterable[Artifact | Unread] | None]:
    """(the tables of an input and the bytes of the files that they are in, what else is to be said, None), where it holds
    nothing but tables of devices; else everything in it as third."""
    seen: list[Artifact | Unread] = []
    tables: list[tuple[Table, int]] = []
    unread: list[Unread] = []
    source = iter(found)
    for one in source:
        seen.append(one)
        if isinstance(one, Unread):
            unread.append(one)
        elif one.name not in names and (what := unneeded(one)):
            unread.append(Unread(one.name, f"not read, since it holds no evidence: {what}", "unsupported"))
        elif made := tables_of(one, run.setup.mapping, unread):
            tables += [(table, one.size) for table in made]
        else:
            return [], [], chain(seen, source)
    return (tables, unread, None) if tables else ([], [], seen)


def _share(run: Run, piece: Share, scratch: Scratch) -> Outcome:
    found = reading.opened(run.job.item, scratch)
    names = [run.job.item.path] if found.whole else [one.name for one in found.parts if isinstance(one, Artifact)]
    tables, _, _ = _tables(run, reading.contents(found, scratch), names)
    return results.apart(run, list(parts.rows([table for table, _ in tables], piece)), run.job.fingerprint)


def _units(run: Run, piece: Units, scratch: Scratch) -> Outcome:
    item = run.job.item
    one = reading.again(item)
    kind = reading.archive(item, one) if one else None
    if one is None or kind is None:
        return results.not_read(run, "it was taken away or changed while it was read", "unreadable", None)
    found = parts.unpacked(one, kind, piece, Unpacker(scratch, worth_unpacking))
    wanted = wanted_events(run.ruleset)
    opened = (
        (f"{item.name}/{name}", gather(inside, wanted, [f"{one.name}/{name}"], run.setup.mapping))
        for name, inside in found
    )
    return results.of_units(run, opened, piece.unread)
