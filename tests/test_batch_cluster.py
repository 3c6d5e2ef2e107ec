"""Batch runs on a Dask cluster whose scheduler and workers are processes: the same run folder, whatever dies."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import servers
from test_batch_stops import archive as archive
from test_batch_stops import command, files, finished
from test_batch_stops import undisturbed as undisturbed

ROUNDS = int(os.environ.get("KILL_ROUNDS", "1"))

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="kill -9 of POSIX")]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Cluster]:
    with servers.dask(tmp_path_factory.mktemp("cluster")) as found:
        yield found


def on(cluster: servers.Cluster, *more: str) -> tuple[str, ...]:
    return ("--scheduler", cluster.address, *more)


def test_the_same_files_as_on_one_machine(
    cluster: servers.Cluster, archive: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    assert finished(archive, tmp_path / "run", *on(cluster)) == undisturbed


@pytest.mark.parametrize("seed", range(ROUNDS))
@pytest.mark.parametrize("victim", ["worker", "inner", "parent"])
def test_kill_9(
    victim: str, seed: int, cluster: servers.Cluster, archive: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    chance = random.Random(f"{victim}{seed}")
    run = tmp_path / "run"
    process = subprocess.Popen(command(archive, run, *on(cluster)), stderr=subprocess.DEVNULL)
    time.sleep(chance.uniform(1.5, 4.0))
    if victim == "parent":
        process.kill()
    else:
        kill_a_worker(cluster, chance, inner=victim == "inner")
    process.wait(300)
    if victim != "parent":  # nothing is lost, and nobody has to go on by hand
        assert process.returncode == 1
        assert "journal" not in files(run)
    assert finished(archive, run, *on(cluster, "--resume")) == undisturbed


def kill_a_worker(cluster: servers.Cluster, chance: random.Random, inner: bool) -> None:
    """Kill a Dask worker, which its nanny starts again; or the process in which it does the work."""
    nanny = psutil.Process(chance.choice(cluster.workers).pid)
    below = nanny.children(recursive=True)
    mine = [one for one in below if "troubleshoot.batch.worker" in " ".join(one.cmdline())]
    dask = [one for one in below if one not in mine and "spawn_main" in " ".join(one.cmdline())]
    for one in (mine if inner else dask)[:1]:
        os.kill(one.pid, signal.SIGKILL)


def test_no_scheduler(archive: Path, tmp_path: Path) -> None:
    servers.need("distributed")
    address = f"tcp://127.0.0.1:{servers.free_port()}"
    done = subprocess.run(
        command(archive, tmp_path / "run", "--scheduler", address), capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 2
    assert done.stderr.decode() == f"troubleshoot: {address}: no Dask scheduler answers there\n"


def test_a_cluster_reads_from_a_store(tmp_path: Path, archive: Path) -> None:
    with servers.s3() as environment:
        from fsspec.core import url_to_fs

        view, _ = url_to_fs(
            "s3://logs", endpoint_url=environment["FSSPEC_S3_ENDPOINT_URL"], key="example", secret="example"
        )
        view.mkdir("logs")
        for path in sorted(archive.glob("WKS-00[0-3]?.txt")):
            view.pipe_file(f"logs/archive/{path.name}", path.read_bytes())
        with servers.dask(tmp_path / "cluster", **environment) as cluster, pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            both = []
            for name, options in (("here", ()), ("there", on(cluster))):
                run = tmp_path / name
                done = subprocess.run(
                    [sys.executable, "-m", "troubleshoot", "batch", "s3://logs/archive", "-o", str(run), *options],
                    capture_output=True,
                    timeout=300,
                    check=False,
                )
                assert done.returncode == 1, done.stderr.decode()
                both.append(files(run))
            assert both[0] == both[1]
            assert both[0]["reports.jsonl"].count(b"\n") == 40
