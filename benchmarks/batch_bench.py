"""Batch runs as whole processes: cost per device, memory, workers, a Dask cluster, bundles of logs, and what kill -9 leaves.

Captures are generated: the samples' texts under names and device ids of their own. Times are of the wall clock, from the start of
the command to its end; beside them stand the seconds of processor time of all its processes, which a busy machine changes less.
"""

from __future__ import annotations

import contextlib
import filecmp
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
NAMES = (
    *("Microsoft-Windows-AAD%4Operational", "Microsoft-Windows-User Device Registration%4Admin"),
    "Microsoft-Windows-DeviceManagement-Enterprise-Diagnostics-Provider%4Admin",
    *("Microsoft-Windows-HelloForBusiness%4Operational", "Microsoft-Windows-Time-Service%4Operational"),
    *("Microsoft-Windows-GroupPolicy%4Operational", "Microsoft-Windows-NetworkProfile%4Operational"),
    *("System", "Application", "Security"),
)
"""The logs of a bundle: what a trace of sign-in problems collects."""
_DEVICE = re.compile(rb"(?m)^( *(?:DeviceId|Device Name) *: )(\S+)")


class Took(NamedTuple):
    """One run: seconds on the wall, seconds of processor time, peak megabytes of the parent and of its largest worker."""

    wall: float
    cpu: float
    parent: int
    worker: int


def captures(folder: Path, count: int) -> Path:
    """``count`` captures, every one of another device, in sub-folders of a thousand named by a list."""
    listed = folder / f"{count}.lst"
    if listed.exists():
        return listed
    texts = [path.read_bytes() for path in sorted((ROOT / "samples").glob("*/*/dsregcmd.txt"))]
    names = []
    for number in range(count):
        below = folder / f"{count}" / f"{number // 1000:03}"
        if number % 1000 == 0:
            below.mkdir(parents=True, exist_ok=True)
        own = {
            b"DeviceId": b"%08x-1111-4222-8333-%012x" % (number, number),
            b"Device": b"WKS-%06d.corp.example" % number,
        }
        data = _DEVICE.sub(lambda one, own=own: one[1] + own[one[1].split()[0]], texts[number % len(texts)])
        path = below / f"WKS-{number:06}.txt"
        path.write_bytes(data)
        names.append(str(path))
    listed.write_text("\n".join(names), encoding="utf-8")
    return listed


def bundles(folder: Path, logs: Path, count: int) -> Path:
    """``count`` folders of ten logs, from the machines in ``logs`` in turn; the same bytes are stored once."""
    out = folder / f"bundles-{count}"
    if out.exists():
        return out
    machines = []
    for machine in sorted(logs.iterdir()):
        found = [next(machine.rglob(f"{name}.evtx"), None) for name in NAMES]
        if all(found):
            machines.append([path for path in found if path])
    if not machines:
        raise SystemExit(f"no machine below {logs} has all of: {', '.join(NAMES)}")
    for number in range(count):
        below = out / f"WKS-{number:04}"
        below.mkdir(parents=True)
        for path in machines[number % len(machines)]:
            try:
                os.link(path, below / path.name)
            except OSError:
                shutil.copyfile(path, below / path.name)
    return out


def command(source: Path, run: Path, *options: str) -> list[str]:
    """The command line of a batch run."""
    return [sys.executable, "-m", "troubleshoot", "batch", str(source), "-o", str(run), *options]


def batch(source: Path, run: Path, *options: str) -> Took:
    """One run from nothing to its end, watched."""
    shutil.rmtree(run, ignore_errors=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    process = subprocess.Popen(command(source, run, *options), stderr=subprocess.PIPE)
    peaks: dict[int, int] = {}
    watch = threading.Thread(target=_watch, args=(process, peaks), daemon=True)
    watch.start()
    _, said = process.communicate()
    wall = time.perf_counter() - start
    watch.join()
    if process.returncode not in (0, 1):
        raise SystemExit(said.decode())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    workers = [peak for pid, peak in peaks.items() if pid != process.pid]
    return Took(wall, cpu, peaks.get(process.pid, 0) // 1024, max(workers, default=0) // 1024)


def _watch(process: subprocess.Popen[bytes], peaks: dict[int, int]) -> None:
    """The peak of resident memory (VmHWM, in KB) of a process and its children, until it ends."""
    while process.poll() is None:
        for pid in (process.pid, *children(process.pid)):
            with contextlib.suppress(OSError, ValueError, IndexError):
                text = Path(f"/proc/{pid}/status").read_text()
                peaks[pid] = max(peaks.get(pid, 0), int(text.partition("VmHWM:")[2].split()[0]))
        time.sleep(0.1)


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, task.read_text().split())
    return found


@contextlib.contextmanager
def cluster(folder: Path, workers: int) -> Iterator[tuple[str, list[int]]]:
    """(the address, the process ids of the workers' nannies) of a Dask scheduler with workers on this machine."""
    sys.path.insert(0, str(ROOT / "tests"))
    import servers

    with servers.dask(folder, workers) as found:
        yield found.address, [one.pid for one in found.workers]


# -------------------------------------------------------------------------------------------------------- what is shown


def many(folder: Path, few: int, count: int) -> Iterator[str]:
    """Cost per device and memory at ``count`` devices against ``few``, two workers."""
    small = batch(captures(folder, few), folder / "run-few", "--workers", "2")
    yield f"many  {few:,} devices: {small.wall / few * 1000:.2f} ms each ({small.wall:.1f} s, {small.cpu:.1f} s of processor time)"
    large = batch(captures(folder, count), folder / "run-many", "--workers", "2")
    yield f"many  {count:,} devices: {large.wall / count * 1000:.2f} ms each ({large.wall:.1f} s, {large.cpu:.1f} s of processor time)"
    ratio, busy = large.wall / count / (small.wall / few), large.cpu / count / (small.cpu / few)
    yield f"many  cost per device: {ratio:.2f} x (processor time {busy:.2f} x); at most 1.1"
    yield f"many  peak memory: parent {large.parent} MB, largest worker {large.worker} MB; under 500 each"
    size = sum(path.stat().st_size for path in (folder / "run-many").iterdir()) / count
    yield f"many  run folder: {size / 1024:.1f} KB a device"


def one_against_two(folder: Path, count: int, rounds: int) -> Iterator[str]:
    """Two workers against one, and a plain loop over the same files."""
    listed = captures(folder, count)
    one = min((batch(listed, folder / "run-one", "--workers", "1") for _ in range(rounds)), key=lambda took: took.wall)
    two = min((batch(listed, folder / "run-two", "--workers", "2") for _ in range(rounds)), key=lambda took: took.wall)
    yield f"workers  two workers: {one.wall / two.wall:.2f} x one ({count:,} devices: {one.wall:.1f} s, {two.wall:.1f} s); at least 1.6"
    start = time.perf_counter()
    for name in listed.read_text(encoding="utf-8").splitlines():
        for line in Path(name).read_bytes().decode("utf-8", "replace").splitlines():
            label, _, value = line.partition(":")
            label.strip(), value.strip()
    bare = time.perf_counter() - start
    yield f"workers  one worker: {one.wall / bare:.1f} x a loop that reads and splits ({bare:.2f} s); at most 12"


def dask(folder: Path, count: int) -> Iterator[str]:
    """Two Dask workers against the pool of this machine with two."""
    listed = captures(folder, count)
    with cluster(folder / "cluster", 2) as (address, _):
        batch(captures(folder, 200), folder / "run-warm", "--scheduler", address)
        there = batch(listed, folder / "run-there", "--scheduler", address)
    here = batch(listed, folder / "run-here", "--workers", "2")
    same = not filecmp.cmpfiles(folder / "run-here", folder / "run-there", os.listdir(folder / "run-here"), False)[1]
    yield (
        f"dask  Dask: {here.wall / there.wall:.2f} x the speed of the local pool ({count:,} devices: {there.wall:.1f} s, "
        f"{here.wall:.1f} s), files {'the same' if same else 'DIFFERENT'}; at least 0.8"
    )


def _decode(folders: Sequence[str]) -> int:
    from evtx import PyEvtxParser

    found = 0
    for folder in folders:
        for path in sorted(Path(folder).iterdir()):
            found += sum(1 for _ in PyEvtxParser(str(path), 1).records_json())
    return found


def logs(folder: Path, source: Path | None, count: int) -> Iterator[str]:
    """Bundles of ten logs with two workers, against decoding all of them as JSON with two processes."""
    if source is None:
        yield "bundles  not measured: give a folder of real logs with --logs, one folder for each machine"
        return
    made = bundles(folder, source, count)
    names = sorted(str(path) for path in made.iterdir())
    size = sum(path.stat().st_size for path in made.rglob("*.evtx")) / 1e6
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    with ProcessPoolExecutor(2) as pool:
        records = sum(pool.map(_decode, [names[at : at + 8] for at in range(0, len(names), 8)]))
    base = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    ours = batch(made, folder / "run-logs", "--workers", "2")
    yield (
        f"bundles  {count} bundles of ten logs ({size:.0f} MB, {records:,} records): {ours.wall / base:.2f} x decoding all as JSON "
        f"({ours.wall:.1f} s, {base:.1f} s; processor time {ours.cpu / busy:.2f} x); at most 0.5"
    )


def kills(folder: Path, count: int, rounds: int) -> Iterator[str]:
    """kill -9 of the parent, of a worker and of a Dask worker in turn; then --resume; the same bytes as undisturbed."""
    listed = captures(folder, count)
    undisturbed = folder / "run-undisturbed"
    took = batch(listed, undisturbed, "--workers", "2")
    chance = random.Random(9)
    hit = same = 0
    with cluster(folder / "cluster", 2) as (address, nannies):
        for number in range(rounds):
            victim = ("parent", "worker", "dask")[number % 3]
            options = ("--scheduler", address) if victim == "dask" else ("--workers", "2")
            run = folder / "run-killed"
            shutil.rmtree(run, ignore_errors=True)
            process = subprocess.Popen(command(listed, run, *options), stderr=subprocess.DEVNULL)
            _wait_for(run / "journal", process)
            time.sleep(chance.uniform(0, took.wall * 0.5))
            if process.poll() is None:
                hit += 1
                if victim == "parent":
                    process.kill()
                else:
                    below = children(chance.choice(nannies)) if victim == "dask" else children(process.pid)
                    for pid in below[-1:]:
                        with contextlib.suppress(OSError):
                            os.kill(pid, signal.SIGKILL)
            process.wait()
            subprocess.run(command(listed, run, *options, "--resume"), stderr=subprocess.DEVNULL, check=False)
            names = sorted(os.listdir(undisturbed))
            same += sorted(os.listdir(run)) == names and filecmp.cmpfiles(undisturbed, run, names, False)[0] == names
    yield f"kills  {rounds} kills ({hit} while it worked, {count:,} devices): {same} run folders byte for byte as undisturbed"


def poisoned(folder: Path, count: int) -> Iterator[str]:
    """A source of which one input in a hundred is poisoned."""
    import pandas as pd

    from tests import poisoned as source

    sound = ("broken/scp-missing", "broken/tpm-key-lost", "healthy/hybrid-managed")
    texts = [(ROOT / "samples" / sample / "dsregcmd.txt").read_bytes() for sample in sound]
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        listed, names = source.source(Path(temporary), texts, count)
        took = batch(listed, folder / "run-poisoned", "--timeout", "20", "--workers", "2")
    devices, problems = (pd.read_parquet(folder / "run-poisoned" / f"{one}.parquet") for one in ("devices", "problems"))
    found = sorted({Path(one).name for one in problems.source})
    yield (
        f"poisoned  {len(names)} of {count:,} inputs are poisoned: {len(found)} in problems, "
        f"{'exactly those' if found == names else 'NOT those'}; {len(devices):,} lines ({took.wall:.1f} s, of which a "
        f"hanging reader waits for 20 s twice); largest worker {took.worker} MB"
    )


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None and not (path.exists() and path.stat().st_size > 1000):
        time.sleep(0.02)


def workplace(given: Path | None) -> contextlib.AbstractContextManager[str]:
    """The folder for what is generated: the given one, which is kept, or a temporary one."""
    if given is None:
        return tempfile.TemporaryDirectory()
    given.mkdir(parents=True, exist_ok=True)
    return contextlib.nullcontext(str(given))
