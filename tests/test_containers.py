"""Archives of every format, whole and damaged: the same evidence as the files themselves, one line for what is refused."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import py7zr
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troubleshoot.containers import DEPTH, Scratch, unpacked
from troubleshoot.containers.scratch import remove_left_behind
from troubleshoot.loader import in_memory
from troubleshoot.model import Artifact, Unread
from troubleshoot.pipeline import diagnose, exit_code
from troubleshoot.ruleset import load

SAMPLE = Path(__file__).resolve().parent.parent / "samples" / "broken" / "scp-missing"
FILES = {f"bundle/{one.name}": one.read_bytes() for one in sorted(SAMPLE.iterdir()) if one.suffix in (".txt", ".evtx")}


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def seven(files: dict[str, bytes], password: str | None = None) -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w", password=password) as archive:
        for name, data in files.items():
            archive.writestr(data, name)
    return out.getvalue()


def zstandard(data: bytes) -> bytes:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    made: bytes = zstd.compress(data)
    return made


FORMATS: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "zip": zipped,
    "stored zip": lambda files: zipped(files, zipfile.ZIP_STORED),
    "lzma zip": lambda files: zipped(files, zipfile.ZIP_LZMA),
    "zip with backslashes": lambda files: zipped({name.replace("/", "\\"): data for name, data in files.items()}),
    "7z": seven,
    "tar": tarred,
    "tar.gz": lambda files: gzip.compress(tarred(files), mtime=0),
    "tar.bz2": lambda files: bz2.compress(tarred(files)),
    "tar.xz": lambda files: lzma.compress(tarred(files)),
    "tar.zst": lambda files: zstandard(tarred(files)),
    "zip in zip in 7z": lambda files: seven({"mid.bin": zipped({"inner.dat": zipped(files)})}),
}


def opened(name: str, data: bytes) -> tuple[dict[str, bytes], list[Unread]]:
    found: dict[str, bytes] = {}
    missing: list[Unread] = []
    with Scratch() as scratch:
        for one in unpacked(in_memory(name, data), scratch):
            if isinstance(one, Unread):
                missing.append(one)
            else:
                with one.open() as stream:
                    found[one.name] = stream.read()
    return found, missing


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_its_files_under_their_names(kind: str) -> None:
    found, missing = opened("case.bin", FORMATS[kind](FILES))
    assert missing == []
    assert sorted(found.values()) == sorted(FILES.values())
    assert all(name.startswith("case.bin/") and name.endswith((".txt", ".evtx")) for name in found)
    assert all("bundle/" in name and "\\" not in name for name in found)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_diagnosis_is_that_of_the_folder(kind: str, tmp_path: Path) -> None:
    (tmp_path / "renamed.dat").write_bytes(FORMATS[kind](FILES))
    rules = load()
    whole = diagnose([str(one) for one in sorted(SAMPLE.iterdir()) if one.suffix in (".txt", ".evtx")], rules)
    packed = diagnose([str(tmp_path / "renamed.dat")], rules)
    assert [one.rule for one in packed.reports[0].findings] == [one.rule for one in whole.reports[0].findings]
    assert packed.reports[0].device == whole.reports[0].device
    assert exit_code(packed) == 1


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../../etc/passwd", "its name leads out of the archive (..)"),
        ("/etc/passwd", "its name is absolute"),
        ("C:\\Windows\\x.txt", "its name begins with a drive letter"),
        ("logs/CON.txt", "its name is that of a device"),
    ],
)
def test_a_name_that_leads_out_is_refused_and_the_rest_read(name: str, reason: str) -> None:
    found, missing = opened("a.zip", zipped({name: b"evil", "good.txt": b"fine"}))
    assert found == {"a.zip/good.txt": b"fine"}
    assert [(one.kind, one.reason) for one in missing] == [("refused", reason)]


def test_links_are_refused() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        link = tarfile.TarInfo("link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        info = tarfile.TarInfo("good.txt")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"fine"))
    found, missing = opened("a.tar", out.getvalue())
    assert found == {"a.tar/good.txt": b"fine"}
    assert [(one.path, one.kind) for one in missing] == [("a.tar/link.txt", "refused")]


def test_an_encrypted_archive_says_so() -> None:
    found, missing = opened("a.7z", seven({"x.txt": b"secret"}, password="p"))
    assert found == {}
    assert [(one.kind, one.reason) for one in missing] == [("refused", "encrypted: send it without password")]


def test_nesting_ends_at_the_stated_depth() -> None:
    data = b"text"
    for _ in range(200):
        data = zipped({"a": data}, zipfile.ZIP_STORED)
    found, missing = opened("deep.zip", data)
    assert found == {}
    assert [(one.kind, one.reason) for one in missing] == [("limit", f"limit depth: an archive inside {DEPTH} others")]


def test_a_cut_archive_gives_what_is_whole() -> None:
    files = {"a.txt": os.urandom(3000), "b.txt": os.urandom(3000)}
    found, missing = opened("a.zip", zipped(files)[:4500])
    assert found["a.zip/a.txt"] == files["a.txt"]
    assert missing
    assert all(one.kind in ("damaged", "unreadable") for one in missing)


def test_traces_and_pictures_are_counted_not_unpacked() -> None:
    found, missing = opened("a.zip", zipped({"net.etl": b"x" * 99, "p.png": b"y", "d.txt": b"fine"}))
    assert found == {"a.zip/d.txt": b"fine"}
    assert [(one.kind, one.reason[:2]) for one in missing] == [("unsupported", "2 ")]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for the peak memory")
def test_a_bomb_ends_at_a_limit_in_little_memory(tmp_path: Path) -> None:
    layer = zipped({"0.txt": b"\0" * 50_000_000})
    for _ in range(4):
        layer = zipped({f"{number}.zip": layer for number in range(16)})
    (tmp_path / "bomb.zip").write_bytes(layer)
    assert len(layer) < 500_000
    code = f"""
import re
from troubleshoot.loader import artifacts
from troubleshoot.model import Unread
last = [one for one in artifacts([{str(tmp_path / "bomb.zip")!r}]) if isinstance(one, Unread)]
assert any(one.kind == "limit" for one in last), last
peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])  # of this program alone, unlike getrusage
assert peak < 300_000, peak
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_nothing_stays_in_the_temporary_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found, _ = opened("a.7z", seven({"big.txt": b"line\n" * 3_000_000}))
    assert len(found["a.7z/big.txt"]) == 15_000_000
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="asks for living processes the POSIX way")
def test_what_a_killed_run_left_behind_is_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for name in (f"troubleshoot-scratch-{dead.pid}-abc", f"troubleshoot-scratch-{os.getpid()}-abc", "other-1-abc"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1").write_bytes(b"x")
    remove_left_behind()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["other-1-abc", f"troubleshoot-scratch-{os.getpid()}-abc"]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.sampled_from(["zip", "7z", "tar", "tar.gz", "tar.xz", "stored zip"]),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_a_mutated_archive_never_raises_and_never_is_silent(kind: str, changes: list[tuple[int, int]]) -> None:
    data = bytearray(FORMATS[kind]({"a/one.txt": b"one " * 50, "two.txt": b"two"}))
    for place, value in changes:
        data[place % len(data)] = value
    found, missing = opened("a.bin", bytes(data))
    assert found or missing


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.sampled_from([b"PK\x03\x04", b"MSCF", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\x00"]),
    st.binary(max_size=300),
)
def test_noise_behind_a_magic_number_never_raises(magic: bytes, noise: bytes) -> None:
    found, missing = opened("a.bin", magic + noise)
    assert found or missing


def test_an_artifact_that_is_no_archive_is_given_as_it_is() -> None:
    with Scratch() as scratch:
        (one,) = unpacked(in_memory("a.txt", b"text"), scratch)
    assert isinstance(one, Artifact)
