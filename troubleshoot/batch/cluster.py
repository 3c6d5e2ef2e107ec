"""The same batch on a Dask cluster: its scheduler hands out the tasks, each of its workers runs them in a process of its own.

A Dask worker that dies gives its tasks back, and the scheduler gives them to another; what makes a process die or hang costs
only that process (:mod:`troubleshoot.batch.pool`), never the Dask worker. Nothing is kept on the cluster: outcomes come back here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

from troubleshoot.batch.jobs import Job, Setup
from troubleshoot.batch.pool import Worker, WorkerLost
from troubleshoot.batch.schedule import Lanes
from troubleshoot.batch.sources import SourceError

if TYPE_CHECKING:
    from distributed import Client

_SMALL = 128  # items in one task, each of which costs the scheduler milliseconds
_WAIT = 60.0  # seconds for the first worker to join
_LOOK = 5.0  # seconds between two counts of the workers
_own = threading.local()


def ask(setup: Setup, jobs: Sequence[Job]) -> bytes:
    """Runs on a Dask worker: the outcomes of some items, packed, from this thread's own process. Raises WorkerLost."""
    before: tuple[Setup, Worker] | None = getattr(_own, "worker", None)
    if before is not None and (before[0] != setup or not before[1].alive):
        before[1].end()
        before = None
    worker = before[1] if before else Worker(setup)
    _own.worker = (setup, worker)
    try:
        done, worn = worker.ask(jobs)
    except BaseException:
        worker.end()
        _own.worker = None
        raise
    if worn:
        worker.end()
        _own.worker = None
    return done


class _Cluster(Executor):
    """``submit(work, setup, jobs)`` on the cluster."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._executor = client.get_executor(pure=False)
        self._width, self._looked = 1, 0.0

    def submit(self, fn: Any, /, *args: Any, **_: Any) -> Future[Any]:
        """The future of the outcomes. A task whose Dask worker dies runs on another."""
        found: Future[Any] = self._executor.submit(ask, *args)
        return found

    def width(self) -> int:
        """Threads of all workers that are there now; they come and go."""
        if monotonic() - self._looked > _LOOK:
            self._looked = monotonic()
            self._width = max(1, sum(self._client.nthreads().values()))
        return self._width


@contextmanager
def lanes(address: str) -> Iterator[Lanes]:
    """Where to run jobs on the cluster of the scheduler at ``address``. Raises SourceError where there is none."""
    try:
        from distributed import CancelledError, Client, KilledWorker, TimeoutError
        from distributed.client import FutureCancelledError
        from distributed.comm import CommClosedError
    except ImportError as error:
        raise SourceError(
            "--scheduler needs more libraries: pip install 'hybrid-join-troubleshoot[cluster]'"
        ) from error
    try:
        client = Client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise SourceError(f"{address}: no Dask scheduler answers there") from error
    try:
        try:
            client.wait_for_workers(1, timeout=_WAIT)
        except TimeoutError as error:
            raise SourceError(f"{address}: the scheduler has no workers") from error
        cluster = _Cluster(client)
        try:
            yield Lanes(cluster, cluster.width, _SMALL, (WorkerLost, KilledWorker))
        except (CancelledError, FutureCancelledError, CommClosedError) as error:
            raise SourceError(
                f"{address}: the scheduler is gone; what is finished is kept, the same command with --resume goes on"
            ) from error
    finally:
        client.close(timeout=5)
