"""A pool of worker processes on this machine that outlives them: one that dies or hangs costs only what it was doing.

:class:`concurrent.futures.ProcessPoolExecutor` gives up as a whole when a process dies, and does not tell over which item. Here
each process (:mod:`troubleshoot.batch.worker`) has pipes and a thread of its own that waits for its answers.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from math import inf
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from troubleshoot.batch.frames import read, write
from troubleshoot.batch.jobs import Job, Setup

MEMORY = 400 * 1_048_576
"""Bytes of memory of a worker after which another takes its place."""
_LOOK = 0.25  # seconds between two looks at the clock
_START = "import sys; sys.path[:] = sys.argv[1:]; from troubleshoot.batch.worker import main; main()"
_PACKAGE = Path(__file__).resolve().parent.parent.parent


class WorkerLost(Exception):
    """The process died or was ended. ``at``: the number of the job that it was at, None where nothing tells."""

    def __init__(self, at: int | None = None) -> None:
        super().__init__(at)
        self.at = at

    def __str__(self) -> str:
        return "the worker died"


class Workers(Executor):
    """``count`` processes. Runs :func:`troubleshoot.batch.work.work` and nothing else: ``submit(work, setup, jobs)``."""

    def __init__(self, count: int, setup: Setup) -> None:
        self._setup = setup
        self._own = threading.local()
        self._all: set[Worker] = set()
        self._lock = threading.Lock()
        self._stopped = False
        self._threads = ThreadPoolExecutor(count, "worker")

    def submit(self, fn: Any, /, *args: Any, **_: Any) -> Future[Any]:
        """The future of ``work(setup, jobs)``: its outcomes, packed, or :class:`WorkerLost`."""
        return self._threads.submit(self._run, args[1])

    def _run(self, jobs: Sequence[Job]) -> bytes:
        worker: Worker | None = getattr(self._own, "worker", None)
        if worker is None or not worker.alive:
            worker = self._own.worker = self._started()
        try:
            done, worn = worker.ask(jobs)
        except BaseException:
            self._let_go(worker)
            raise
        if worn:
            self._let_go(worker)
        return done

    def _started(self) -> Worker:
        with self._lock:
            if self._stopped:
                raise WorkerLost
            worker = Worker(self._setup)
            self._all.add(worker)
            return worker

    def _let_go(self, worker: Worker) -> None:
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
            worker.kill()  # its thread meets the end of the pipe, and cleans up
        self._threads.shutdown(wait, cancel_futures=True)


class Worker:
    """One process and the pipes to it. It ends when this object's process does."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        paths = [one for one in sys.path if one]  # never the folder it happens to stand in, which may hold evidence
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _START, *paths, str(_PACKAGE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=setup.cwd,
        )
        self._deadline = inf
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        """End the process when it takes too long over one item."""
        while self.alive:
            if monotonic() > self._deadline:
                self.kill()
            sleep(_LOOK)

    @property
    def alive(self) -> bool:
        """Has it not ended?"""
        return self._process.poll() is None

    def ask(self, jobs: Sequence[Job]) -> tuple[bytes, bool]:
        """(the outcomes, packed, whether the process has grown so large that another should take its place).

        Raises WorkerLost, or what the worker raised.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        at: int | None = None
        try:
            self._deadline = monotonic() + self._setup.limit
            write(stdin, (self._setup, tuple(jobs)))
            while isinstance(answer := read(stdout), int):
                at = answer
                self._deadline = monotonic() + self._setup.limit
        except (OSError, EOFError) as error:
            self.kill()
            raise WorkerLost(at) from error
        finally:
            self._deadline = inf
        if isinstance(answer, BaseException):
            raise answer
        done, memory = answer
        return done, memory > MEMORY

    def kill(self) -> None:
        """End the process at once. It writes nothing but to its pipe and its scratch folder, which the next run sweeps."""
        with contextlib.suppress(OSError):
            self._process.kill()

    def end(self) -> None:
        """End the process and give back what it held here."""
        self.kill()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
