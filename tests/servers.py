"""Real servers for tests of batch runs: a Dask scheduler with workers, S3 and Azure Blob stores, each a process of its own.

Tests that use them are skipped where the libraries or Azurite are absent, and fail where ``REQUIRE_SERVERS`` says that they must
be there, as in CI.
"""

from __future__ import annotations

import base64
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
ACCOUNT = "contosologs"
KEY = base64.b64encode(b"a key of this test and of no account").decode()


def need(*modules: str, program: str | None = None) -> None:
    """Skip the test where a library or a program is absent; fail it where CI says that they must be there."""
    missing = [one for one in modules if importlib.util.find_spec(one) is None]
    if program and not shutil.which(program):
        missing.append(program)
    if missing and os.environ.get("REQUIRE_SERVERS"):
        pytest.fail(f"missing: {', '.join(missing)}")
    if missing:
        pytest.skip(f"needs {', '.join(missing)}: docs/batch.md says how to get it")


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(*command: str, port: int | None = None, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own, which is ended with all below it. With a port: until somebody listens there."""
    running = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        start_new_session=True,
    )
    try:
        if port is not None:
            _wait_for(port, running)
        yield running
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait(30)


def _wait_for(port: int, running: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert running.poll() is None, f"{running.args} has ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"{running.args}: nobody listens on {port}")


class Cluster(NamedTuple):
    """A running scheduler and the processes that keep its workers (each a nanny and one worker with one thread)."""

    address: str
    workers: list[subprocess.Popen[bytes]]


@contextmanager
def dask(folder: Path, count: int = 2, **environment: str) -> Iterator[Cluster]:
    """A Dask scheduler and ``count`` workers of one thread each."""
    need("distributed")
    port = free_port()
    module = (sys.executable, "-m", "distributed.cli.dask_scheduler")
    worker = (sys.executable, "-m", "distributed.cli.dask_worker")
    address = f"tcp://127.0.0.1:{port}"
    with ExitStack() as stack:
        where = ("--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
        stack.enter_context(process(*module, *where, port=port, **environment))
        workers = [
            stack.enter_context(
                process(
                    *(*worker, address, "--nthreads", "1", "--no-dashboard"),
                    *("--local-directory", str(folder / f"worker-{number}")),
                    **environment,
                )
            )
            for number in range(count)
        ]
        _wait_for_workers(address, count)
        yield Cluster(address, workers)


def _wait_for_workers(address: str, count: int) -> None:
    from distributed import Client

    with Client(address, timeout=60, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=120)


@contextmanager
def s3() -> Iterator[dict[str, str]]:
    """An S3 server (moto) with the bucket ``logs``; gives the environment with which fsspec finds it."""
    need("moto", "s3fs", "flask")
    port = free_port()
    found = {
        "FSSPEC_S3_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "example",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with process(sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port), port=port):
        yield found


@contextmanager
def azure(folder: Path) -> Iterator[dict[str, str]]:
    """An Azure Blob server (Azurite); gives the environment with which fsspec finds it."""
    need("adlfs", program="azurite-blob")
    port = free_port()
    command = ("azurite-blob", "--silent", "--skipApiVersionCheck", "--disableTelemetry", "--location", str(folder))
    with process(
        *(shutil.which(command[0]) or "", *command[1:], "--blobHost", "127.0.0.1", "--blobPort", str(port)),
        port=port,
        AZURITE_ACCOUNTS=f"{ACCOUNT}:{KEY}",
    ):
        yield {
            "AZURE_STORAGE_CONNECTION_STRING": (
                f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
                f"BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT};"
            )
        }
