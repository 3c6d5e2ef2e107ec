"""One loop for all pools: hands out jobs, largest first, and takes back outcomes, whatever happens to the workers.

An executor of :mod:`concurrent.futures` runs the jobs, that of this machine (:mod:`troubleshoot.batch.pool`) or that of a
cluster. Small items travel in one task. When a task is lost, the item over which the worker died is tried again alone, with
nothing beside it; when it is lost again, that is its outcome.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import Any, NamedTuple

from troubleshoot.batch.frames import unpacked
from troubleshoot.batch.jobs import Job, Outcome, Setup
from troubleshoot.batch.work import work

WAITING = 2
"""Tasks that wait for each worker: enough to keep it busy, and all that stands in memory of a hundred thousand."""
_FULL = 8_192  # bytes of an item, on the average of a task
_TICK = 0.5  # seconds, at most, until progress is shown again and Ctrl-C is heard


class Lanes(NamedTuple):
    """Where jobs run. ``executor``: its futures give outcomes, packed (:mod:`troubleshoot.batch.frames`) or not. ``width``: how
    many at one time, which may change. ``most``: items in one task. ``lost``: what a future raises when its worker died, and
    nobody ran the task."""

    executor: Executor
    width: Callable[[], int]
    most: int
    lost: tuple[type[BaseException], ...]


def tasks(jobs: Sequence[Job], most: int, full: int) -> Iterator[tuple[Job, ...]]:
    """The jobs in tasks, largest item first; items of a task have together no more than ``full`` bytes, or are one."""
    group: list[Job] = []
    size = 0
    for job in sorted(jobs, key=lambda one: -one.item.size):
        if group and (size + job.item.size > full or len(group) >= most):
            yield tuple(group)
            group, size = [], 0
        group.append(job)
        size += job.item.size
    if group:
        yield tuple(group)


def run(
    lanes: Lanes, setup: Setup, jobs: Sequence[Job], tick: Callable[[], None], more: deque[Job] | None = None
) -> Iterator[tuple[Job, Outcome | None]]:
    """(job, its outcome, or None when its workers died) for each job, in the order in which they are done.

    ``more``: where the caller puts parts of a job that it has got; they are done next.
    """
    more = deque() if more is None else more
    most = max(1, min(lanes.most, len(jobs) // (lanes.width() * 8)))
    ready = deque(tasks(jobs, most, lanes.most * _FULL))
    alone: deque[Job] = deque()
    pending: dict[Future[Any], tuple[Job, ...]] = {}
    while ready or pending or alone or more:
        ready.extendleft((job,) for job in reversed(more))
        more.clear()
        if not ready and not pending:
            job = alone.popleft()
            yield job, _alone(lanes, setup, job, tick)
            continue
        while ready and len(pending) < lanes.width() * (1 + WAITING):
            task = ready.popleft()
            pending[lanes.executor.submit(work, setup, task)] = task
        done, _ = wait(pending, _TICK, FIRST_COMPLETED)
        for future in done:
            task = pending.pop(future)
            try:
                found = _outcomes(future)
            except lanes.lost as error:
                again, suspect = _blamed(task, getattr(error, "at", None))
                ready.extendleft(reversed(again))
                alone += suspect
                continue
            for job, outcome in zip(task, found, strict=True):
                if outcome is None:
                    alone.append(job)
                else:
                    yield job, outcome
        tick()


def _blamed(task: tuple[Job, ...], at: int | None) -> tuple[list[tuple[Job, ...]], list[Job]]:
    """(what is to be run again beside others, what is suspected and runs alone)."""
    if len(task) == 1:
        return [], list(task)
    if at is None:
        return [(job,) for job in task], []
    return [rest for rest in (task[:at], task[at + 1 :]) if rest], [task[at]]


def _outcomes(future: Future[Any]) -> list[Outcome | None]:
    found: Any = future.result()
    done: list[Outcome | None] = unpacked(found) if isinstance(found, bytes) else found
    return done


def _alone(lanes: Lanes, setup: Setup, job: Job, tick: Callable[[], None]) -> Outcome | None:
    future = lanes.executor.submit(work, setup, (job,))
    while not future.done():
        wait([future], _TICK)
        tick()
    try:
        (outcome,) = _outcomes(future)
    except lanes.lost:
        return None
    return outcome
