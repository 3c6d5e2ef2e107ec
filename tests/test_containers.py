"""Archives of every format: the same evidence as the files themselves; what is refused, damaged or too much has one line."""

from __future__ import annotations

import gzip
import io
import os
import random
import stat
import struct
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.archives import (
    FORMATS,
    cab,
    encrypted_zip,
    lines,
    opened,
    seven,
    seven_named,
    streamed_zip,
    tarred,
    zipped,
    zstandard,
)
from troubleshoot.containers import Unpacker, kind_of
from troubleshoot.containers import limits as limit_table
from troubleshoot.containers.limits import Budget
from troubleshoot.containers.scratch import Scratch
from troubleshoot.formats import table
from troubleshoot.loader import artifacts
from troubleshoot.model import Artifact, Unread
from troubleshoot.pipeline import diagnose, diagnose_bytes, exit_code
from troubleshoot.ruleset import load

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "samples" / "broken" / "scp-missing"
HEALTHY = (ROOT / "samples" / "healthy" / "hybrid-managed" / "dsregcmd.txt").read_bytes()
CAPTURE = (SAMPLE / "dsregcmd.txt").read_bytes()
FILES = {
    "bundle/logs/dsregcmd.txt": CAPTURE,
    "bundle/empty.txt": b"",
    "bundle/noise.bin": random.Random(4).randbytes(70_000),
    "text.txt": b"line of text\r\n" * 5_000,
}


def no_limit() -> Budget:
    budget = Budget()
    budget.admit(10**9)
    return budget


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_its_files_under_their_names(kind: str) -> None:
    found, missing = opened("case.bin", FORMATS[kind](FILES))
    assert missing == []
    inside = "case.bin/a/b/c/" if kind == "zip in cab in zip in 7z" else "case.bin/"
    assert found == {inside + name: data for name, data in FILES.items()}


@pytest.mark.parametrize("kind", FORMATS)
def test_the_diagnosis_is_that_of_the_file(kind: str, tmp_path: Path) -> None:
    (tmp_path / "renamed.txt").write_bytes(FORMATS[kind]({"authlogs/dsregcmd.txt": CAPTURE}))
    rules = load()
    plain = diagnose_bytes("dsregcmd.txt", CAPTURE, rules)
    packed = diagnose([str(tmp_path)], rules)
    assert [one.rule for one in packed.reports[0].findings] == [one.rule for one in plain.reports[0].findings]
    assert packed.reports[0].device == plain.reports[0].device
    assert packed.unread == ()
    assert exit_code(packed) == 1
    assert (
        packed.reports[0]
        .coverage.captures[0]
        .source.path.endswith("renamed.txt" + "/a/b/c" * (" in 7z" in kind) + "/authlogs/dsregcmd.txt")
    )


def test_single_compressed_files_lose_their_ending() -> None:
    assert opened("logs/dsregcmd.txt.gz", gzip.compress(CAPTURE)) == (
        {"logs/dsregcmd.txt.gz/dsregcmd.txt": CAPTURE},
        [],
    )
    assert opened("x.dat", zstandard(CAPTURE)) == ({"x.dat/x.dat.content": CAPTURE}, [])
    assert opened("a.zip.gz", gzip.compress(zipped({"b": b"c"}))) == ({"a.zip.gz/a.zip/b": b"c"}, [])


def test_a_compressed_text_that_is_cut_off_is_read_up_to_the_cut() -> None:
    data = gzip.compress(random.Random(1).randbytes(50_000).hex().encode(), mtime=0)
    found, missing = opened("a.txt.gz", data[: len(data) // 2])
    assert len(found["a.txt.gz/a.txt"]) > 20_000
    assert lines(missing) == [("a.txt.gz", "damaged", "the file is cut off; what stands before the cut is read")]


def test_standard_input_may_be_an_archive_or_a_text() -> None:
    for data in (zipped({"a/dsregcmd.txt": CAPTURE}), CAPTURE, cab({"dsregcmd.txt": CAPTURE}, "lzx")):
        done = subprocess.run(
            [sys.executable, "-m", "troubleshoot", "diagnose", "-"], input=data, capture_output=True, cwd=ROOT
        )
        assert done.returncode == 1, done.stderr
        assert b"standard input" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="named pipes of POSIX")
def test_a_pipe_given_by_name_may_be_an_archive(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    data = zipped({"dsregcmd.txt": CAPTURE})
    with subprocess.Popen([sys.executable, "-c", f"open({str(pipe)!r}, 'wb').write({data!r})"]):
        (one,) = artifacts([str(pipe)])
    assert isinstance(one, Artifact)
    assert one.name.endswith("pipe/dsregcmd.txt")


# --------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../../etc/passwd", "its name leads out of the archive (..)"),
        ("a/../../b", "its name leads out of the archive (..)"),
        ("a\\..\\b.txt", "its name leads out of the archive (..)"),
        ("/etc/passwd", "its name is absolute"),
        ("\\\\server\\share\\x", "its name is absolute"),
        ("C:\\Windows\\x.txt", "its name begins with a drive letter"),
        ("c:x.txt", "its name begins with a drive letter"),
        ("logs/CON", "its name is that of a device"),
        ("logs/nul.txt", "its name is that of a device"),
        ("Com1 .log", "its name is that of a device"),
        ("\\\\.\\PhysicalDrive0", "its name is that of a device"),
        ("//?/C:/x", "its name is that of a device"),
    ],
)
@pytest.mark.parametrize("make", [zipped, cab, seven_named, tarred], ids=["zip", "cab", "7z", "tar"])
def test_a_name_that_leads_out_is_refused_and_the_rest_is_read(make, name: str, reason: str) -> None:  # type: ignore[no-untyped-def]
    data = make({"good.txt": b"fine", name.replace("/", "\\") if make is cab else name: b"evil", "too.txt": b"fine"})
    found, missing = opened("a.x", data)
    assert found == {"a.x/good.txt": b"fine", "a.x/too.txt": b"fine"}
    assert [(one.kind, one.reason) for one in missing] == [("refused", reason)]
    assert missing[0].path.startswith("a.x/")
    assert exit_code(diagnose_bytes("a.x", make({"dsregcmd.txt": HEALTHY, name: b"evil"}), load())) == 4


@pytest.mark.parametrize(
    "name", ["concert.txt", "nullable.log", "a..b", "com10.txt", "./logs//a.txt", "aux-files/x", "...."]
)
def test_names_that_only_look_dangerous_are_read(name: str) -> None:
    found, missing = opened("a.zip", zipped({name: b"fine"}))
    assert missing == []
    assert list(found.values()) == [b"fine"]


def test_names_in_no_encoding_do_no_harm() -> None:
    raw = zipped({"xyz.txt": b"fine"}).replace(b"xyz.txt", b"\xff\x00\xfe.txt")
    found, _ = opened("a.zip", raw)
    assert list(found.values()) == [b"fine"]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", encoding="latin-1", format=tarfile.GNU_FORMAT) as archive:
        info = tarfile.TarInfo("ger\xe4t.txt")
        archive.addfile(info)
    result = diagnose_bytes("a.tar", out.getvalue(), load())
    assert result.unread[0].path.encode("utf-8") == "a.tar/ger\ufffdt.txt".encode()


def linked_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("link.txt")
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
        archive.writestr("good.txt", "fine")
    return out.getvalue()


def linked_tar(kind: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        link = tarfile.TarInfo("link.txt")
        link.type, link.linkname = kind, "/etc/passwd"
        archive.addfile(link)
        info = tarfile.TarInfo("good.txt")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"fine"))
    return out.getvalue()


def linked_7z(tmp_path: Path) -> bytes:
    import py7zr

    (tmp_path / "link.txt").symlink_to("/etc/passwd")
    (tmp_path / "good.txt").write_bytes(b"fine")
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w") as archive:
        archive.write(tmp_path / "link.txt", "link.txt")
        archive.write(tmp_path / "good.txt", "good.txt")
    return out.getvalue()


@pytest.mark.parametrize("kind", ["zip", "7z", "symbolic", "hard", "fifo", "device"])
def test_links_and_devices_are_refused(kind: str, tmp_path: Path) -> None:
    types = {"symbolic": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "fifo": tarfile.FIFOTYPE, "device": tarfile.CHRTYPE}
    data = linked_zip() if kind == "zip" else linked_7z(tmp_path) if kind == "7z" else linked_tar(types[kind])
    found, missing = opened("a.x", data)
    assert found == {"a.x/good.txt": b"fine"}
    reason = "a device or pipe" if kind in ("fifo", "device") else "a link, which is not followed"
    assert lines(missing) == [("a.x/link.txt", "refused", reason)]


def test_encrypted_members_are_named_and_the_others_read() -> None:
    reason = "encrypted: send it without password"
    found, missing = opened("a.zip", encrypted_zip({"x.txt": b"secret", "y.txt": b"open"}, {"x.txt"}))
    assert found == {"a.zip/y.txt": b"open"}
    assert lines(missing) == [("a.zip/x.txt", "refused", reason)]
    found, missing = opened("a.7z", seven({"x.txt": b"secret"}, password="p"))
    assert (found, lines(missing)) == ({}, [("a.7z/x.txt", "refused", reason)])
    many = {f"{number}.txt": b"x" for number in range(100)}
    found, missing = opened("a.zip", encrypted_zip(many, set(many)))
    assert len(missing) == 21
    assert lines(missing)[-1] == ("a.zip", "refused", f"80 more members: {reason}")
    assert exit_code(diagnose_bytes("a.zip", encrypted_zip(many, set(many)), load())) == 3


def test_two_members_of_one_name_are_both_read() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("x.txt", "one")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("x.txt", "two")
    assert sorted(opened("a.zip", out.getvalue())[0].values()) == [b"one", b"two"]
    again = cab({"x.txt": b"one", "y.txt": b"two"}).replace(b"y.txt", b"x.txt")
    assert sorted(opened("a.cab", again)[0].values()) == [b"one", b"two"]


def test_what_holds_no_evidence_is_counted_not_unpacked() -> None:
    files = {
        "net.etl": b"x" * 99,
        "a.ETL.merged": b"y",
        "p.dat": b"\x89PNG\r\n\x1a\n" + bytes(99),
        "t.exe": b"MZ\x90\x00" + bytes(99),
    }
    for make in (zipped, cab, seven, tarred):
        found, missing = opened("a.x", make({**files, "d.png": CAPTURE}))
        assert found == {"a.x/d.png": CAPTURE}
        said = "not unpacked, since they hold no evidence: 2 event traces (.etl), 1 pictures, 1 programs"
        assert lines(missing) == [("a.x", "unsupported", said)]
    assert exit_code(diagnose_bytes("a.zip", zipped({**files, "d.txt": HEALTHY}), load())) == 0


def test_a_caller_decides_what_is_worth_unpacking() -> None:
    asked: list[tuple[str, bool]] = []

    def worth(name: str, head: bytes | None) -> str | None:
        asked.append((name, head is not None))
        return "secrets" if name.endswith("token.txt") else None

    data = zipped({"token.txt": b"never read", "b.txt": b"fine"})
    with Scratch() as scratch:
        found = list(Unpacker(scratch, worth).archive("a.zip", len(data), lambda: io.BytesIO(data), "zip"))
    assert [one.name if isinstance(one, Artifact) else one.reason for one in found] == [
        "a.zip/b.txt",
        "not unpacked, since they hold no evidence: 1 secrets",
    ]
    assert asked == [("a.zip/token.txt", False), ("a.zip/b.txt", False), ("a.zip/b.txt", True)]


def test_an_office_document_is_no_bundle() -> None:
    found, missing = opened("a.docx", zipped({"[Content_Types].xml": b"<x/>", "word/document.xml": b"<x/>"}))
    assert (found, lines(missing)) == ({}, [("a.docx", "unsupported", "an Office document: send the text itself")])


# ----------------------------------------------------------------------------------------------------------- damage


def test_a_zip_that_is_cut_off_gives_what_is_whole() -> None:
    files = {f"{number}.txt": random.Random(number).randbytes(3000) for number in range(3)}
    for make in (zipped, lambda files: zipped(files, zipfile.ZIP_STORED), streamed_zip):
        found, missing = opened("a.zip", make(files)[:7000])
        assert found == {f"a.zip/{number}.txt": files[f"{number}.txt"] for number in range(2)}
        assert lines(missing)[0] == (
            "a.zip",
            "damaged",
            "its directory is missing: the archive is cut off, what is whole is read",
        )
        assert lines(missing)[1] == ("a.zip/2.txt", "damaged", "the archive is cut off inside it")
        assert len(missing) == 2


def test_a_zip_with_a_damaged_directory_or_header_loses_only_that() -> None:
    data = bytearray(zipped({"a.txt": b"one" * 99, "b.txt": b"two" * 99, "c.txt": b"three" * 99}))
    at = data.rfind(b"PK\x01\x02")
    data[at : at + 4] = b"XXXX"
    found, missing = opened("a.zip", bytes(data))
    assert len(found) == 3
    assert lines(missing) == [("a.zip", "damaged", "its directory is damaged; what is whole is read without it")]
    data = bytearray(zipped({"a.txt": b"one" * 99, "b.txt": b"two" * 99, "c.txt": b"three" * 99}))
    data[data.find(b"PK\x03\x04", 5)] = 0
    found, missing = opened("a.zip", bytes(data))
    assert set(found) == {"a.zip/a.txt", "a.zip/c.txt"}
    assert lines(missing) == [("a.zip/b.txt", "damaged", "its header is damaged")]


def test_a_wrong_checksum_in_a_zip_costs_one_member() -> None:
    data = zipped({"a.txt": b"one-one-one", "b.txt": b"two-two-two"}, zipfile.ZIP_STORED).replace(
        b"one-one", b"one-0ne", 1
    )
    found, missing = opened("a.zip", data)
    assert found == {"a.zip/b.txt": b"two-two-two"}
    assert lines(missing) == [("a.zip/a.txt", "damaged", "its checksum is wrong")]


@pytest.mark.parametrize("cut", [513, 1030, 2100])
def test_a_tar_that_is_cut_off_gives_what_is_whole(cut: int) -> None:
    files = {"a.txt": b"x" * 400, "b.txt": b"y" * 400, "c.txt": b"z" * 400}
    found, missing = opened("a.tar", tarred(files)[:cut])
    assert list(found) == [f"a.tar/{name}" for name in list(files)[: cut // 1024]]
    assert {one.kind for one in missing} == {"damaged"}


def test_a_7z_that_is_cut_off_has_lost_its_directory() -> None:
    found, missing = opened("a.7z", seven(FILES)[:-10])
    assert (found, lines(missing)) == (
        {},
        [("a.7z", "damaged", "the archive is cut off: its directory, which stands at its end, is missing")],
    )


def test_damage_in_a_solid_7z_costs_what_rests_on_it() -> None:
    files = {f"{number}.txt": random.Random(number).randbytes(20_000) for number in range(6)}
    import py7zr

    stored = bytearray(seven(files, filters=[{"id": py7zr.FILTER_COPY}]))
    stored[32 + 50_000] ^= 1
    found, missing = opened("a.7z", bytes(stored))
    assert len(found) == 5
    assert lines(missing) == [("a.7z/2.txt", "damaged", "its checksum is wrong")]
    packed = bytearray(seven(files))
    packed[32 + 50_000 : 32 + 50_040] = bytes(40)
    found, missing = opened("a.7z", bytes(packed))
    assert {"a.7z/0.txt", "a.7z/1.txt"} <= set(found)
    assert len(found) + len(missing) == 6
    assert missing
    assert {one.kind for one in missing} == {"damaged"}


@pytest.mark.parametrize("kind", FORMATS)
def test_an_archive_without_members_says_so(kind: str) -> None:
    if "tar" in kind or "zip with" in kind or " in " in kind or kind == "Zip64":
        pytest.skip("its bytes do not tell that it is one")
    _, missing = opened("a.x", FORMATS[kind]({}))
    assert len(missing) == 1


# ------------------------------------------------------------------------------------------------------------ limits


def test_the_limits_are_stated_in_help_and_formats() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "troubleshoot", "diagnose", "--help"], capture_output=True, text=True, cwd=ROOT
    )
    assert limit_table.HELP in " ".join(done.stdout.split())
    assert limit_table.HELP in " ".join(table().split())


def nested(levels: int) -> bytes:
    data = b"text"
    for _ in range(levels):
        data = zipped({"a": data}, zipfile.ZIP_STORED)
    return data


def test_nesting_ends_at_the_stated_depth() -> None:
    assert opened("a.zip", nested(6)) == ({"a.zip/a/a/a/a/a/a": b"text"}, [])
    found, missing = opened("a.zip", nested(200))
    assert found == {}
    assert lines(missing) == [
        ("a.zip/a/a/a/a/a/a", "limit", "limit depth: it lies more than 6 archives deep, and was not opened")
    ]


@pytest.mark.parametrize("make", [zipped, seven, tarred, cab], ids=["zip", "7z", "tar", "cab"])
def test_each_limit_is_named_and_what_was_read_is_kept(make, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    files = {f"{number}.txt": bytes([65 + number]) * 100_000 for number in range(10)}
    kept = "; what was read before is kept"
    monkeypatch.setattr(limit_table, "MEMBERS", 5)
    found, missing = opened("a.x", make(files))
    assert len(found) == 5
    assert lines(missing)[-1] == ("a.x", "limit", f"limit members: it holds more than 5{kept}")
    monkeypatch.undo()
    monkeypatch.setattr(limit_table, "TOTAL_SIZE", 4_500_000)
    large = {f"{number}.txt": bytes([65 + number]) * 1_000_000 for number in range(10)}
    found, missing = opened("a.x", make(large))
    assert 0 < len(found) < 10
    assert missing[-1].kind == "limit"
    assert missing[-1].reason.startswith("limit total-size: ")
    monkeypatch.undo()
    monkeypatch.setattr("troubleshoot.containers.TEXT_SIZE", 99_999)
    found, missing = opened("a.x", make({**files, "small.txt": b"fine"}))
    assert found == {"a.x/small.txt": b"fine"}
    assert {(one.kind, one.reason[:17]) for one in missing} == {("limit", "limit member-size")}
    assert len(missing) == 10


def test_the_ratio_counts_beyond_what_every_archive_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit_table, "RATIO_FREE", 1_000_000)
    files = {f"{number}.txt": b"x" * 1_000_000 for number in range(20)}
    found, missing = opened("a.zip", zipped(files))
    assert 1 < len(found) < 10
    assert missing[-1].reason.startswith("limit ratio: it unpacks to more than 250 times its own size")


def test_time_counts_only_while_unpacking(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    budget = Budget(lambda: now[0])
    data = zipped({f"{number}.txt": b"x" * 10_000 for number in range(4)})
    with Scratch() as scratch:
        names = []
        for one in Unpacker(scratch, budget=budget).archive("a.zip", len(data), lambda: io.BytesIO(data), "zip"):
            names.append(one.name if isinstance(one, Artifact) else one.reason)
            now[0] += 100_000  # the parsers take a day
        assert len(names) == 4
    ticking = iter(range(0, 10**9, 200))
    found, missing = opened("a.zip", data, Budget(lambda: float(next(ticking))))
    assert 0 < len(found) < 4
    assert missing[-1].reason == "limit time: unpacking took more than 15 minutes; what was read before is kept"


def test_a_text_that_is_too_long_is_not_unpacked_to_its_end() -> None:
    found, missing = opened("a.zip", zipped({"a.txt": b"text\n" * 14_000_000, "b.txt": b"fine"}), no_limit())
    assert found == {"a.zip/b.txt": b"fine"}
    assert lines(missing)[0][2].startswith("limit member-size: over 32 MB for a text")


# -------------------------------------------------------------------------------------------------------- properties

_SMALL = {"a/one.txt": b"one " * 50, "two.txt": b"two", "three.bin": bytes(range(256)) * 3}


_ARCHIVES = {kind: make(_SMALL) for kind, make in FORMATS.items()}


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(FORMATS)), st.data())
def test_a_mutated_archive_never_raises_and_is_never_silent(kind: str, data: st.DataObject) -> None:
    changed = bytearray(_ARCHIVES[kind])
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(changed) - 1), st.integers(0, 255)), max_size=8)
    ):
        changed[place] = value
    cut = data.draw(st.integers(1, len(changed)))
    found, missing = opened("a.bin", bytes(changed[: cut if cut % 3 == 0 else None]))
    assert found or missing


_STARTS = [
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"MSCF\x00\x00\x00\x00",
    b"7z\xbc\xaf\x27\x1c",
    b"\x1f\x8b\x08",
    b"BZh91AY&SY",
    b"\xfd7zXZ\x00",
]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([*_STARTS, b"\x28\xb5\x2f\xfd", b""]), st.binary(max_size=400))
def test_any_bytes_never_raise_and_are_never_silent(start: bytes, noise: bytes) -> None:
    found, missing = opened("a.bin", start + noise)
    assert found or missing


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_any_directory_of_a_7z_never_raises(noise: bytes, packed: bool) -> None:
    import zlib

    header = (b"\x17" if packed else b"\x01") + noise
    body = struct.pack("<QQI", 0, len(header), zlib.crc32(header))
    found, missing = opened("a.7z", b"7z\xbc\xaf\x27\x1c\x00\x04" + struct.pack("<I", zlib.crc32(body)) + body + header)
    assert found or missing


def test_what_is_no_archive_is_given_as_it_is() -> None:
    for data in (CAPTURE, b"PK", b"MSCF", b"BZh", b"ElfFile\x00", b"ustar", bytes(1024)):
        assert kind_of(data) is None
        assert opened("a.txt", data) == ({"a.txt": data}, [])


def test_a_folder_may_hold_archives_and_files(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({"b": b"c"}))
    (tmp_path / "plain.txt").write_bytes(b"text")
    found = list(artifacts([str(tmp_path)]))
    assert [one.name.removeprefix(tmp_path.as_posix()) for one in found if not isinstance(one, Unread)] == [
        "/a.zip/b",
        "/plain.txt",
    ]
