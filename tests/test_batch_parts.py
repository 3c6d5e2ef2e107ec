"""Inputs that hold many devices are done in parts: the same lines whoever does which, a fault costs one device of them."""

from __future__ import annotations

import csv
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_batch import Here, Stopped, files, lines

from troubleshoot import batch
from troubleshoot.batch import Options, parts
from troubleshoot.batch.jobs import Job
from troubleshoot.batch.pool import WorkerLost
from troubleshoot.batch.schedule import Lanes

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
BROKEN = (SAMPLES / "broken" / "scp-missing" / "dsregcmd.txt").read_bytes()
OTHER = (SAMPLES / "broken" / "tpm-key-lost" / "dsregcmd.txt").read_bytes()


class Parted(Here):
    """Counts the jobs of each kind; kills the worker over the piece that ``breaks`` says."""

    def __init__(self, breaks: Callable[[Job], bool] = lambda job: False) -> None:
        super().__init__()
        self.breaks = breaks
        self.jobs: list[Job] = []

    def submit(self, fn: Any, /, *args: Any, **_: Any) -> Any:
        self.jobs += args[1]
        at = next((number for number, job in enumerate(args[1]) if self.breaks(job)), None)
        if at is not None:
            from concurrent.futures import Future

            future: Future[Any] = Future()
            future.set_exception(WorkerLost(at))
            return future
        return super().submit(fn, *args)


def lanes(executor: Here) -> Lanes:
    return Lanes(executor, lambda: 1, 1, (WorkerLost,))


def named(data: bytes, name: str) -> bytes:
    """A capture with another computer's name."""
    text = data.decode()
    old = next(line.split(":", 1)[1].strip() for line in text.splitlines() if line.strip().startswith("Device Name"))
    return text.replace(old, f"{name}.corp.example").encode()


def table(count: int, twice: bool = False) -> bytes:
    """A table of devices, one row each; with ``twice`` a second, older row for every tenth at the end. Row 7 holds an error."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["DeviceName", "CollectedUtc", "Output"])
    for number in range(count):
        text = BROKEN if number % 3 else OTHER
        cell = "The RPC server is unavailable." if number == 7 else named(text, f"WKS-{number:05}").decode()
        writer.writerow([f"WKS-{number:05}", "2026-11-23T08:00:00Z", cell])
    for number in range(0, count if twice else 0, 10):
        writer.writerow([f"WKS-{number:05}", "2026-11-20T08:00:00Z", named(OTHER, f"WKS-{number:05}").decode()])
    return out.getvalue().encode()


def run(source: Path, folder: Path, executor: Here | None = None, **options: Any) -> list[dict[str, Any]]:
    batch.run([str(source)], folder, Options(**options), lanes=lanes(executor or Parted()))
    return lines(folder)


def devices(found: list[dict[str, Any]]) -> list[str | None]:
    return [row["report"]["device"]["name"] if row["report"] else row["unread"][0]["row"]["device"] for row in found]


def test_a_table_is_done_in_parts(tmp_path: Path) -> None:
    source = tmp_path / "export.csv"
    source.write_bytes(table(150, twice=True))
    executor = Parted()
    found = run(source, tmp_path / "run", executor)
    assert [type(job.piece).__name__ for job in executor.jobs] == ["NoneType", "Rows", "Rows", "Rows"]
    names = [name.partition(".")[0] for name in devices(found) if name]
    # in the order in which the last row of each stands
    assert names == [f"WKS-{n:05}" for n in range(150) if n % 10] + [f"WKS-{n:05}" for n in range(0, 150, 10)]
    assert {row["verdict"] for row in found if row["report"]} == {"failed"}
    (nothing,) = [row for row in found if row["verdict"] == "unread"]
    assert nothing["unread"][0]["row"]["device"] == "WKS-00007"
    assert nothing["unread"][0]["reason"].startswith("WKS-00007: error row")
    assert {row["source"] for row in found} == {str(source)}
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_bytes())
    assert [(one["devices"], one["exit"]) for one in manifest["inputs"]] == [(150, 1)]


def test_how_large_a_part_is_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "export.csv"
    source.write_bytes(table(40, twice=True))
    whole = run(source, tmp_path / "whole")
    monkeypatch.setattr(parts, "_DEVICES", 3)
    assert run(source, tmp_path / "small") == whole
    # in shares the order is another, the lines are the same
    monkeypatch.setattr(parts, "_TABLE", 30_000)
    executor = Parted()
    shared = run(source, tmp_path / "shared", executor)
    assert sum(isinstance(job.piece, parts.Share) for job in executor.jobs) > 2
    assert sorted(map(str, shared)) == sorted(map(str, whole))


def test_a_table_in_an_archive(tmp_path: Path) -> None:
    source = tmp_path / "export.zip"
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("DeviceRunStates/export.csv", table(80))
    found = run(source, tmp_path / "run")
    assert len(found) == 80
    assert found[3]["report"]["findings"][0]["evidence"][0]["source"]["path"].startswith(
        f"{source}/DeviceRunStates/export.csv/row "
    )


def bundle(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("dsregcmd.txt", named(BROKEN, name))
        packed.writestr("notes/readme.txt", b"collected by contoso")
    return out.getvalue()


def outer(path: Path, members: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as packed:
            for name, data in members.items():
                packed.writestr(name, data)
    else:
        with tarfile.open(path, "w:gz") as tar:
            for name, data in members.items():
                told = tarfile.TarInfo(name)
                told.size = len(data)
                tar.addfile(told, io.BytesIO(data))
    return path


@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_an_archive_of_archives(ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_UNITS", 4)
    members = {f"nightly/WKS-{number:02}.zip": bundle(f"WKS-{number:02}") for number in range(12)}
    members["nightly/WKS-05.zip"] = members["nightly/WKS-05.zip"][:200]
    source = outer(tmp_path / f"all.{ending}", members)
    executor = Parted()
    found = run(source, tmp_path / "run", executor)
    assert [type(job.piece).__name__ for job in executor.jobs] == ["NoneType", "Units", "Units", "Units"]
    assert [row["source"] for row in found] == [f"{source}/{name}" for name in members]
    assert [row["verdict"] for row in found] == ["failed"] * 5 + ["unread"] + ["failed"] * 6
    assert (
        found[0]["report"]["findings"][0]["evidence"][0]["source"]["path"]
        == f"{source}/nightly/WKS-00.zip/dsregcmd.txt"
    )
    # every bundle alone says the same
    alone = tmp_path / "WKS-03.zip"
    alone.write_bytes(bundle("WKS-03"))
    (one,) = run(alone, tmp_path / "alone")
    assert str(one["report"]).replace(str(alone), f"{source}/nightly/WKS-03.zip") == str(found[3]["report"])


def test_folders_and_captures_in_an_archive(tmp_path: Path) -> None:
    folders = {
        f"WKS-{number:02}/{name}": data
        for number in range(10)
        for name, data in (
            ("dsregcmd.txt", named(BROKEN, f"WKS-{number:02}")),
            ("ipconfig.txt", b"Windows IP Configuration\r\n"),
        )
    }
    found = run(outer(tmp_path / "folders.zip", folders), tmp_path / "one")
    assert [Path(row["source"]).name for row in found] == [f"WKS-{number:02}" for number in range(10)]
    captures = {f"WKS-{number:02}.txt": named(OTHER, f"WKS-{number:02}") for number in range(70)}
    found = run(outer(tmp_path / "captures.zip", captures), tmp_path / "two")
    assert [Path(row["source"]).name for row in found] == list(captures)


def test_what_may_be_one_device_is_read_as_a_whole(tmp_path: Path) -> None:
    few = {f"part-{number}.zip": bundle("WKS-01") for number in range(8)}
    one = {f"({number}) Command/output.log": b"Windows IP Configuration\r\n" for number in range(30)}
    one["(31) Command dsregcmd/output.log"] = BROKEN
    history = {f"dsregcmd-{number:02}.txt": BROKEN for number in range(20)}
    for number, members in enumerate((few, one, history)):
        source = outer(tmp_path / f"{number}.zip", members)
        executor = Parted()
        found = run(source, tmp_path / f"run-{number}", executor)
        assert [job.piece for job in executor.jobs] == [None]
        assert [row["source"] for row in found] == [str(source)]


@pytest.fixture
def both(tmp_path: Path) -> Path:
    """A table and an archive of archives in one folder."""
    folder = tmp_path / "both"
    folder.mkdir()
    (folder / "export.csv").write_bytes(table(150))
    outer(folder / "all.zip", {f"WKS-{number:02}.zip": bundle(f"WKS-{number:02}") for number in range(12)})
    return folder


def test_a_lost_worker_costs_one_device_of_an_input(both: Path, tmp_path: Path) -> None:
    def breaks(job: Job) -> bool:
        if isinstance(job.piece, parts.Rows):
            return any(record.cells["DeviceName"] == "WKS-00100" for device in job.piece.devices for record in device)
        return isinstance(job.piece, parts.Units) and any(unit.name == "WKS-04.zip" for unit in job.piece.units)

    found = run(both, tmp_path / "run", Parted(breaks))
    lost = [row for row in found if row["unread"] and row["unread"][0]["kind"] == "lost"]
    assert [row["source"] for row in lost] == [f"{both}/all.zip/WKS-04.zip", f"{both}/export.csv/row 102"]
    assert len(found) == 162
    run(both, tmp_path / "run", resume=True)
    run(both, tmp_path / "undisturbed")
    assert files(tmp_path / "run") == files(tmp_path / "undisturbed")


@pytest.mark.parametrize("after", range(1, 6))
def test_a_run_that_was_stopped_between_parts(after: int, both: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    stopped = Lanes(Stopped(after), lambda: 1, 1, (WorkerLost,))
    assert batch.run([str(both)], folder, lanes=stopped) == batch.STOPPED
    executor = Parted()
    run(both, folder, executor, resume=True)
    run(both, tmp_path / "undisturbed")
    assert files(folder) == files(tmp_path / "undisturbed")
    pieces = [job.id for job in executor.jobs if job.piece is not None]
    assert len(pieces) == len(set(pieces))
    assert after < 5 or len(pieces) < 4  # what was finished is not done again


def test_a_finished_run_goes_on(both: Path, tmp_path: Path) -> None:
    run(both, tmp_path / "run")
    executor = Parted()
    run(both, tmp_path / "run", executor, resume=True)
    assert [job.piece for job in executor.jobs] == [None, None]  # looked at, and not read
    (both / "WKS-new.txt").write_bytes(BROKEN)
    run(both, tmp_path / "run", resume=True)
    run(both, tmp_path / "undisturbed")
    assert files(tmp_path / "run") == files(tmp_path / "undisturbed")
