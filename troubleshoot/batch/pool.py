"""A pool of worker processes on this machine that outlives them: one that dies or hangs costs only what it was doing.

:class:`concurrent.futures.ProcessPoolExecutor` gives up as a whole when a process dies, and does not tell over which item. Here
each process has a pipe and a thread of its own that waits for its answers.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

from troubleshoot.batch.work import Job, Outcome, Setup

MEMORY = 400 * 1_048_576
"""Bytes of memory of a worker after which another takes its place."""
_GRACE = 15.0  # seconds that a worker has to end itself, beyond the limit for an item
_CONTEXT = multiprocessing.get_context("spawn")


class WorkerLost(Exception):
    """The process died or was ended. ``at``: the number of the job that it was at, None where nothing tells."""

    def __init__(self, at: int | None = None) -> None:
        super().__init__("the worker died")
        self.at = at


class Workers(Executor):
    """``count`` processes. Runs :func:`troubleshoot.batch.work.work` and nothing else: ``submit(work, setup, jobs)``."""

    def __init__(self, count: int, setup: Setup) -> None:
        self._setup = setup
        self._own = threading.local()
        self._all: set[_Worker] = set()
        self._lock = threading.Lock()
        self._stopped = False
        self._threads = ThreadPoolExecutor(count, "worker")

    def submit(self, fn: Any, /, *args: Any, **_: Any) -> Future[Any]:
        """The future of ``work(setup, jobs)``: its outcomes, or :class:`WorkerLost`."""
        return self._threads.submit(self._run, args[1])

    def _run(self, jobs: Sequence[Job]) -> list[Outcome | None]:
        worker: _Worker | None = getattr(self._own, "worker", None)
        if worker is None:
            worker = self._own.worker = self._started()
        try:
            done, memory = worker.ask(jobs)
        except BaseException:
            self._let_go(worker)
            raise
        if memory > MEMORY:
            self._let_go(worker)
        return done

    def _started(self) -> _Worker:
        with self._lock:
            if self._stopped:
                raise WorkerLost
            worker = _Worker(self._setup)
            self._all.add(worker)
            return worker

    def _let_go(self, worker: _Worker) -> None:
        self._own.worker = None
        worker.end()
        with self._lock:
            self._all.discard(worker)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End all processes, whatever they are doing."""
        with self._lock:
            self._stopped = True
            workers = list(self._all)
        for worker in workers:
            worker.process.kill()  # its thread meets the end of the pipe, and cleans up
        self._threads.shutdown(wait, cancel_futures=True)


class _Worker:
    """One process and the pipe to it."""

    def __init__(self, setup: Setup) -> None:
        self.limit = setup.limit
        self.at = _CONTEXT.RawValue("i", -1)
        self.pipe, theirs = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(target=_serve, args=(theirs, self.at, setup), daemon=True)
        self.process.start()
        theirs.close()

    def ask(self, jobs: Sequence[Job]) -> tuple[list[Outcome | None], int]:
        """(the outcomes, the bytes of memory that the process has). Raises WorkerLost, or what the worker raised."""
        self.at.value = -1
        try:
            self.pipe.send(jobs)
            if not self.pipe.poll(self.limit + _GRACE):
                raise EOFError
            answer = self.pipe.recv()
        except (OSError, EOFError) as error:
            self.process.kill()
            raise WorkerLost(self.at.value if self.at.value >= 0 else None) from error
        if isinstance(answer, BaseException):
            raise answer
        found: tuple[list[Outcome | None], int] = answer
        return found

    def end(self) -> None:
        """End the process at once. It writes nothing but to its pipe and its scratch folder, which the next run sweeps."""
        with contextlib.suppress(OSError):
            self.pipe.close()
        self.process.kill()
        self.process.join(5)


def _serve(pipe: Connection[Any, Any], at: Any, setup: Setup) -> None:
    """The worker process: answers until the other end of the pipe is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends its workers
    from troubleshoot.batch.work import work

    def begins(number: int) -> None:
        at.value = number

    with contextlib.suppress(EOFError, OSError):
        while True:
            jobs = pipe.recv()
            try:
                answer: Any = (work(setup, jobs, begins), _memory())
            except Exception as error:
                answer = error
            pipe.send(answer)


def _memory() -> int:
    """Bytes of memory that this process has now; 0 where the system does not tell."""
    if sys.platform != "linux":
        return 0
    try:
        with open("/proc/self/statm", "rb", buffering=0) as stream:
            return int(stream.read().split()[1]) * 4096
    except (OSError, ValueError, IndexError):
        return 0
