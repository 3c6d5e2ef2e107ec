"""Archives that were made to do harm, each given to the command as a whole process of its own.

Said in one line, with the exit code of the contract; never more than 300 MB of memory; nothing outside the temporary folder,
and nothing left in it. What the readers of each format give is in ``test_containers.py``.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import bombs
from tests.archives import FORMATS, cab, seven_named, tarred, zipped
from troubleshoot.containers.scratch import PREFIX

ROOT = Path(__file__).resolve().parent.parent
CAPTURE = (ROOT / "samples" / "broken" / "scp-missing" / "dsregcmd.txt").read_bytes()
MOST_MEMORY = 300 * 1024  # kilobytes
# What runs the command and says at its end how much memory the process ever had. The peak that a parent is told of its child
# (ru_maxrss) begins with the memory of the parent itself.
RUNNER = """
import atexit, re, runpy, sys
def peak():
    with open("/proc/self/status") as status:
        print(re.search(r"VmHWM:\\s*\\d+", status.read())[0], file=sys.stderr)
if sys.platform == "linux":
    atexit.register(peak)
sys.argv[0] = "troubleshoot"
runpy.run_module("troubleshoot", run_name="__main__", alter_sys=True)
"""


class Run(NamedTuple):
    """One call of the command: what it printed, by lines; its exit code; kilobytes of memory, 0 where the system does not tell."""

    lines: list[str]
    code: int
    memory: int


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("work", "temporary", "input"):
        (tmp_path / name).mkdir()
    return tmp_path


def everything(place: Path) -> set[str]:
    return {path.relative_to(place).as_posix() for path in place.rglob("*")}


def environment(place: Path) -> Mapping[str, str]:
    temporary = str(place / "temporary")
    return {
        **os.environ,
        "TMPDIR": temporary,
        "TEMP": temporary,
        "TMP": temporary,
        "PYTHONPATH": str(ROOT),
        "NO_COLOR": "1",
    }


def diagnosed(place: Path, name: str, data: bytes) -> Run:
    """The command over one archive, in a folder of its own; it must leave everything there as it was."""
    path = place / "input" / name
    path.write_bytes(data)
    before = everything(place)
    command = [sys.executable, "-c", RUNNER, "diagnose", str(path)]
    done = subprocess.run(
        command, cwd=place / "work", env=environment(place), capture_output=True, encoding="utf-8", timeout=600
    )
    assert everything(place) == before, "it wrote somewhere, or left something behind"
    assert "Traceback" not in done.stderr
    told = re.search(r"VmHWM:\s*(\d+)", done.stderr)
    memory = int(told[1]) if told else 0
    assert memory or sys.platform != "linux"
    assert memory < MOST_MEMORY
    lines = [line.strip(" -").replace(f"{path}", name) for line in done.stdout.splitlines()]
    return Run(lines, done.returncode, memory)


def said(run: Run) -> list[str]:
    """The lines about what could not be read."""
    return run.lines[run.lines.index("Could not be read") + 1 :]


# ------------------------------------------------------------------------------------------------- bombs and floods

RATIO = "limit ratio: it unpacks to more than 250 times its own size, as no log does; what was read before is kept"
FLOODED = "limit members: it holds more than 100,000; what was read before is kept"
BOMBS: dict[str, tuple[Callable[[], bytes], int, str]] = {
    "a petabyte of event logs": (bombs.petabytes, 42_000, f"bomb: {RATIO}"),
    "a petabyte of texts": (lambda: bombs.petabytes(b"text", "log"), 42_000, f"bomb: {RATIO}"),
    "the same 20 MB five hundred times": (bombs.flat_bomb, 48_000, f"bomb: {RATIO}"),
    "a million empty members in a zip": (bombs.flood_zip, 90_000_000, f"bomb: {FLOODED}"),
    "a million empty members in a tar.gz": (bombs.flood_tar, 6_000_000, f"bomb: {FLOODED}"),
    "a million empty members in a 7z": (bombs.flood_seven, 5_000_000, f"bomb: {FLOODED}"),
    "two hundred archives in one another": (
        bombs.nested,
        20_000,
        "bomb/a/a/a/a/a/a: limit depth: it lies more than 6 archives deep, and was not opened",
    ),
    "two hundred times gzip": (
        bombs.nested_gzip,
        5_000,
        "limit depth: it lies more than 6 archives deep, and was not opened",
    ),
    "short lines": (
        lambda: zipped({"a.log": b"ab\n" * 10_000_000}),
        200_000,
        "bomb/a.log: a text of 10,000,000 lines is over the limit of 1,000,000: cut out the part around the failure, or send "
        "the event log as .evtx",
    ),
    "a long line": (
        lambda: zipped({"a.log": b"error 0x801c03f2 " * 1_900_000}),
        200_000,
        "",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", BOMBS)
def test_a_bomb_is_one_line_and_little_memory(what: str, place: Path) -> None:
    make, most, line = BOMBS[what]
    data = make()
    assert len(data) <= most
    run = diagnosed(place, "bomb", data)
    assert run.code == (3 if line else 0)
    if line:
        assert sum(one.endswith(line) for one in said(run)) == 1
        assert len(said(run)) <= 16


# ------------------------------------------------------------------------------------------------- names and links

NAMES: dict[str, str] = {
    "../evil.txt": "",
    "logs/../../evil.txt": "",
    "..\\..\\evil.txt": "",
    "/tmp/evil-of-a-test.txt": "",
    "\\\\server\\share\\evil.txt": "",
    "C:\\evil.txt": "",
    "C:evil.txt": "",
    "NUL": "",
    "logs/COM1.txt": "",
}


@pytest.mark.parametrize("make", [zipped, cab, seven_named, tarred], ids=["zip", "cab", "7z", "tar"])
def test_names_that_lead_out_are_named_and_the_rest_is_read(
    make: Callable[[dict[str, bytes]], bytes], place: Path
) -> None:
    escape = str(place / "work" / "evil.txt")
    files = dict.fromkeys((*NAMES, escape), b"evil\n")
    run = diagnosed(place, "bundle.bin", make({**files, "dsregcmd.txt": CAPTURE}))
    assert run.code == 1
    assert run.lines[0] == "FAILED  The device could not read the service connection point"
    print("\n".join(said(run)))
    assert len(said(run)) == len(files)
    assert not Path("/tmp/evil-of-a-test.txt").exists()


LINKS: dict[str, Callable[[str], bytes]] = {
    "zip": lambda target: bombs.linked_zip(target, CAPTURE),
    "symbolic": lambda target: bombs.linked_tar(tarfile.SYMTYPE, target, CAPTURE),
    "hard": lambda target: bombs.linked_tar(tarfile.LNKTYPE, target, CAPTURE),
}


@pytest.mark.parametrize("kind", LINKS)
def test_a_link_is_named_and_leads_nowhere(kind: str, place: Path) -> None:
    """What lies "below" the link is read from the archive: its bytes, not those of the folder that the link names."""
    run = diagnosed(place, "bundle.bin", LINKS[kind](str(place / "work")))
    assert run.code == 1
    assert said(run) == ["bundle.bin/link: a link, which is not followed"]


# ------------------------------------------------------------------------------------------- cut off, locked, damaged


@pytest.mark.parametrize("kind", ["zip", "MSZIP cab", "7z", "tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst"])
def test_a_cut_off_archive_of_each_format(kind: str, place: Path) -> None:
    whole = FORMATS[kind]({"first.txt": CAPTURE, "second.txt": b"text\r\n" * 3000})
    run = diagnosed(place, "cut.bin", whole[: len(whole) * 2 // 3])
    assert run.code in (1, 3)
    assert 1 <= len(said(run)) <= 3
    assert all("cut off" in line for line in said(run))


LOCKED: dict[str, Callable[[], bytes]] = {
    "zip": lambda: bombs.locked_zip("dsregcmd.txt", CAPTURE),
    "zip by AES": lambda: bombs.locked_zip("dsregcmd.txt", CAPTURE, strong=True),
    "7z": lambda: bombs.locked_seven("dsregcmd.txt", CAPTURE),
    "7z with its names": lambda: bombs.locked_seven("dsregcmd.txt", CAPTURE, names_too=True),
}


@pytest.mark.parametrize("kind", LOCKED)
def test_an_encrypted_archive(kind: str, place: Path) -> None:
    run = diagnosed(place, "locked.bin", LOCKED[kind]())
    assert run.code == 3
    inside = "" if kind == "7z with its names" else "/dsregcmd.txt"
    assert said(run) == [f"locked.bin{inside}: encrypted: send it without password"]


def test_a_cabinet_with_a_broken_checksum(place: Path) -> None:
    run = diagnosed(place, "broken.bin", bombs.broken_cab("dsregcmd.txt", CAPTURE))
    assert run.code == 3
    assert said(run) == ["broken.bin/dsregcmd.txt: a block of the cabinet that it needs has a wrong checksum"]


# -------------------------------------------------------------------------------------------------------- kill -9


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is of POSIX")
def test_what_a_killed_run_leaves_behind_is_gone_after_the_next(place: Path) -> None:
    """The first run is killed while an archive is still coming in; its folder is then nobody's, and the next run removes it."""
    temporary = place / "temporary"
    archive = zipped({"a.bin": os.urandom(20_000_000)})
    command = [sys.executable, "-m", "troubleshoot", "diagnose", "-"]
    with subprocess.Popen(
        command,
        cwd=place / "work",
        env=environment(place),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as running:
        assert running.stdin is not None
        running.stdin.write(archive[:12_000_000])
        running.stdin.flush()
        for _ in range(600):
            kept = [path for path in temporary.glob(f"{PREFIX}*/m*") if path.stat().st_size > 1_000_000]
            if kept:
                break
            time.sleep(0.1)
        assert len(kept) == 1
        alive = diagnosed(place, "meanwhile.zip", zipped({"dsregcmd.txt": CAPTURE}))
        assert alive.code == 1
        assert kept[0].exists(), "the folder of a run that lives is left alone"
        running.send_signal(signal.SIGKILL)
    assert running.returncode == -signal.SIGKILL
    assert kept[0].exists()
    (place / "input" / "next.zip").write_bytes(zipped({"dsregcmd.txt": CAPTURE}))
    done = subprocess.run(
        [*command[:-1], str(place / "input" / "next.zip")],
        cwd=place / "work",
        env=environment(place),
        capture_output=True,
    )
    assert done.returncode == 1
    assert list(temporary.iterdir()) == []


@pytest.mark.slow
def test_a_flood_that_looks_like_a_workbook_is_not_opened_as_one(place: Path) -> None:
    data = bombs.flood_zip().replace(b"000000", b"xl/aaa")
    run = diagnosed(place, "bomb.xlsx", data)
    assert run.code == 3
    assert sum(one.endswith(FLOODED) for one in said(run)) == 1
