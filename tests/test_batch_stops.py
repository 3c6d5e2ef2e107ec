"""Batch runs that are killed, hang and are stopped, as whole processes: nothing is lost, and the end is the same."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
ROUNDS = int(os.environ.get("KILL_ROUNDS", "1"))

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="kill -9 and pipes of POSIX")]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    texts = [path.read_bytes() for path in sorted(SAMPLES.glob("*/*/dsregcmd.txt"))]
    for number in range(200):
        (folder / f"WKS-{number:04}.txt").write_bytes(texts[number % len(texts)])
    for path in sorted(SAMPLES.glob("broken/*")):
        shutil.copytree(path, folder / path.name)
    return folder


def command(archive: Path, run: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "troubleshoot", "batch", str(archive), "-o", str(run), "--workers", "2", *options]


def finished(archive: Path, run: Path, *options: str) -> dict[str, bytes]:
    done = subprocess.run(command(archive, run, *options), capture_output=True, timeout=300, check=False)
    assert done.returncode == 1, done.stderr.decode()
    return files(run)


def files(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(run.iterdir())}


@pytest.fixture(scope="module")
def undisturbed(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return finished(archive, tmp_path_factory.mktemp("whole") / "run")


def children(pid: int) -> list[int]:
    """The worker processes below a process: those that have started one of Python's own."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"troubleshoot.batch.worker" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except (OSError, ValueError):
            continue
    return sorted(found)


@pytest.mark.parametrize("seed", range(ROUNDS))
@pytest.mark.parametrize("victim", ["parent", "worker"])
def test_kill_9_and_resume(
    victim: str, seed: int, archive: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    chance = random.Random(f"{victim}{seed}")
    run = tmp_path / "run"
    process = subprocess.Popen(command(archive, run), stderr=subprocess.DEVNULL)
    time.sleep(chance.uniform(0.3, 2.5))
    workers = children(process.pid)
    for pid in [process.pid] if victim == "parent" else workers[:1]:
        os.kill(pid, signal.SIGKILL)
    process.wait(120)
    assert finished(archive, run, "--resume") == undisturbed
    for pid in workers if victim == "parent" else []:
        wait_for_end(pid)


def wait_for_end(pid: int) -> None:
    """A worker whose parent was killed ends by itself."""
    for _ in range(200):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except OSError:
            return
        time.sleep(0.05)
    raise AssertionError(f"worker {pid} outlives its parent")


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_stopped_by_hand(sign: signal.Signals, archive: Path, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = subprocess.Popen(command(archive, run), stderr=subprocess.PIPE, start_new_session=True)
    while not (run / "journal").exists() or (run / "journal").stat().st_size < 1000:
        time.sleep(0.02)
    workers = children(process.pid)
    os.kill(process.pid, sign)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said.decode().splitlines()[-1] == "stopped: what is finished is kept; the same command with --resume goes on"
    assert b"Traceback" not in said
    for pid in workers:
        wait_for_end(pid)
    assert finished(archive, run, "--resume") == undisturbed


def test_a_reader_that_hangs_costs_its_one_device(archive: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "WKS-hangs.txt"
    os.mkfifo(pipe)
    names = [*sorted(archive.glob("WKS-000?.txt")), pipe]
    (tmp_path / "all.lst").write_text("\n".join(map(str, names)), encoding="utf-8")
    run = tmp_path / "run"
    finished(tmp_path / "all.lst", run, "--timeout", "2")
    rows = [json.loads(line) for line in (run / "reports.jsonl").read_text(encoding="utf-8").splitlines()]
    lost = [row for row in rows if any(one["kind"] == "lost" for one in row["unread"])]
    assert [row["source"] for row in lost] == [str(pipe)]
    assert len(rows) == len(names)
