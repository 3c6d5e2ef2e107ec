"""Cabinets: every kind of LZX block, checksums, reserved fields, sets; cabextract agrees where it is installed."""

from __future__ import annotations

import contextlib
import random
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.archives import lines, opened
from tools.cab_writer import FRAME, LzxWriter, cabinet
from troubleshoot.containers.lzx import Lzx, LzxError

_RANDOM = random.Random(7)
NOISE = _RANDOM.randbytes(45_000)
TEXT = b"".join(b"%06d  AzureAdJoined : %s\r\n" % (n * n % 9973, (b"YES", b"NO")[n % 7 == 3]) for n in range(4_000))
CALLS = b"".join(
    b"\x55\x8b\xec\xe8" + struct.pack("<i", n * 37 - 5_000) + b"\x5d\xc3" + bytes(n % 5) for n in range(9_000)
)
FILES = [
    ("a\\text.txt", TEXT),
    ("calls.bin", CALLS),
    ("noise.bin", NOISE),
    ("empty.txt", b""),
    ("runs.bin", b"\x00" * 70_001),
]
PLANS = {
    "one block a frame": [("verbatim", FRAME)],
    "blocks over frames": [("verbatim", 50_000), ("aligned", 20_001)],
    "all kinds": [
        ("verbatim", 20_000),
        ("aligned", 12_345),
        ("uncompressed", 999),
        ("uncompressed", 40_001),
        ("aligned", 7),
    ],
    "odd uncompressed before a frame ends": [
        ("uncompressed", FRAME - 1),
        ("verbatim", 1),
        ("uncompressed", FRAME),
        ("verbatim", 9),
    ],
    "one block": [("aligned", 1 << 23)],
}


def contents(data: bytes) -> list[tuple[str, bytes]]:
    found, missing = opened("x.cab", data)
    assert missing == []
    return [(name.removeprefix("x.cab/").replace("/", "\\"), content) for name, content in found.items()]


@pytest.mark.parametrize("calls", [None, 12_000_000, 40_000], ids=["plain", "calls", "few calls"])
@pytest.mark.parametrize("window", [15, 17, 21])
@pytest.mark.parametrize("plan", PLANS)
def test_lzx_of_every_kind_of_block(plan: str, window: int, calls: int | None) -> None:
    assert contents(cabinet(FILES, "lzx", window=window, blocks=PLANS[plan], calls=calls)) == FILES


@pytest.mark.parametrize("method", ["stored", "mszip", "lzx"])
@pytest.mark.parametrize("spare", [None, (5, 3, 7)])
@pytest.mark.parametrize("folders", [1, 3])
def test_reserved_bytes_folders_and_no_checksums(method: str, spare: tuple[int, int, int] | None, folders: int) -> None:
    data = cabinet(FILES, method, spare=spare, folders=folders, checksums=folders == 1)
    assert sorted(contents(data)) == sorted(FILES)


@pytest.mark.skipif(shutil.which("cabextract") is None, reason="cabextract is not installed")
@pytest.mark.parametrize("method", ["stored", "mszip", "lzx"])
def test_cabextract_reads_what_the_writer_writes(method: str, tmp_path: Path) -> None:
    for number, (plan, calls) in enumerate([(name, calls) for name in PLANS for calls in (None, 12_000_000)]):
        path = tmp_path / f"{number}.cab"
        path.write_bytes(cabinet(FILES, method, window=18, blocks=PLANS[plan], calls=calls))
        done = subprocess.run(["cabextract", "-q", "-d", tmp_path / str(number), path], capture_output=True, text=True)
        assert done.returncode == 0, (plan, calls, done.stderr)
        for name, content in FILES:
            assert (tmp_path / str(number) / name.replace("\\", "/")).read_bytes() == content


@pytest.mark.skipif(shutil.which("gcab") is None, reason="gcab is not installed")
@pytest.mark.parametrize("option", ["-z", "-n"])
def test_cabinets_of_gcab_are_read(option: str, tmp_path: Path) -> None:
    for name, content in FILES:
        (tmp_path / name.rpartition("\\")[2]).write_bytes(content)
    names = sorted(path.name for path in tmp_path.iterdir())
    subprocess.run(["gcab", "-c", option, "x.cab", *names], cwd=tmp_path, check=True, capture_output=True)
    found, missing = opened("x.cab", (tmp_path / "x.cab").read_bytes())
    assert missing == []
    assert {name: found[f"x.cab/{name}"] for name in names} == {name: (tmp_path / name).read_bytes() for name in names}


# ----------------------------------------------------------------------------------------------------------- damage

PARTS = [(f"{number}.txt", random.Random(number).randbytes(30_000)) for number in range(6)]  # 180,000 bytes, 6 blocks
BAD = "a block of the cabinet that it needs has a wrong checksum"


def broken_block(method: str, number: int, files: list[tuple[str, bytes]] = PARTS) -> bytes:
    """A cabinet in which one bit in the data of one block is another."""
    data = bytearray(cabinet(files, method, blocks=[("verbatim", FRAME)]))
    (at,) = struct.unpack_from("<I", data, 36)
    for _ in range(number):
        at += 8 + struct.unpack_from("<H", data, at + 4)[0]
    data[at + 8 + 1_000] ^= 4
    return bytes(data)


@pytest.mark.parametrize(("method", "lost"), [("stored", [2, 3]), ("mszip", [2, 3]), ("lzx", [2, 3, 4, 5])])
def test_a_wrong_checksum_costs_what_rests_on_the_block(method: str, lost: list[int]) -> None:
    found, missing = opened("x.cab", broken_block(method, 2))
    assert lines(missing) == [(f"x.cab/{number}.txt", "damaged", BAD) for number in lost]
    assert found == {f"x.cab/{name}": content for number, (name, content) in enumerate(PARTS) if number not in lost}


def test_mszip_that_copies_from_a_broken_block_is_not_trusted() -> None:
    """The second file is made of copies from the first, so it cannot be told when the first is damaged."""
    half = random.Random(3).randbytes(FRAME // 2)
    files = [
        ("1.bin", random.Random(5).randbytes(FRAME // 2) + half),
        ("2.bin", half),
        ("3.bin", b"AzureAdJoined : YES\r\n" * 700),
        ("4.bin", b"x" * 100),
    ]
    assert len(cabinet(files, "mszip")) < FRAME * 2 - 10_000  # it does copy
    found, missing = opened("x.cab", broken_block("mszip", 0, files))
    assert lines(missing) == [("x.cab/1.bin", "damaged", BAD), ("x.cab/2.bin", "damaged", BAD)]
    assert set(found) == {"x.cab/3.bin", "x.cab/4.bin"}


@pytest.mark.parametrize("method", ["stored", "mszip", "lzx"])
def test_a_cabinet_that_is_cut_off_gives_what_is_whole(method: str) -> None:
    data = cabinet(PARTS, method, blocks=[("verbatim", FRAME)])
    found, missing = opened("x.cab", data[: len(data) * 2 // 3])
    assert set(found) == {"x.cab/0.txt", "x.cab/1.txt", "x.cab/2.txt"}
    assert lines(missing) == [(f"x.cab/{n}.txt", "damaged", "the archive is cut off inside it") for n in (3, 4, 5)]
    found, missing = opened("x.cab", data[:80])
    assert found == {}
    assert "cut off inside its directory" in lines(missing)[0][2]


def test_what_this_tool_does_not_unpack_is_named() -> None:
    data = bytearray(cabinet([("a.txt", b"text")], "stored"))
    struct.pack_into("<H", data, 42, 2)  # Quantum
    found, missing = opened("x.cab", bytes(data))
    assert (found, lines(missing)) == (
        {},
        [("x.cab/a.txt", "unreadable", "packed by a method (number 2) that this tool does not know")],
    )
    data = bytearray(cabinet([("a.txt", b"text")], "stored"))
    struct.pack_into("<H", data, 44 + 8, 0xFFFD)  # continued from the cabinet before
    _, missing = opened("x.cab", bytes(data))
    assert lines(missing) == [("x.cab/a.txt", "unreadable", "it begins or ends in another cabinet of a set")]


def test_files_that_share_data_are_all_read() -> None:
    data = bytearray(cabinet([("a.txt", b"abcdef"), ("b.txt", b"ghi")], "mszip"))
    struct.pack_into("<I", data, 44 + 16 + 6 + 4, 3)  # b.txt begins inside a.txt
    found, missing = opened("x.cab", bytes(data))
    assert (found, missing) == ({"x.cab/a.txt": b"abcdef", "x.cab/b.txt": b"def"}, [])


# -------------------------------------------------------------------------------------------------------- properties


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_lzx_packs_is_unpacked_the_same(data: st.DataObject) -> None:
    piece = st.one_of(
        st.binary(max_size=300), st.builds(lambda one, times: one * times, st.binary(max_size=9), st.integers(0, 9_000))
    )
    content = b"".join(data.draw(st.lists(piece, max_size=6)))
    plan = data.draw(
        st.lists(
            st.tuples(st.sampled_from(["verbatim", "aligned", "uncompressed"]), st.integers(1, 60_000)),
            min_size=1,
            max_size=5,
        )
    )
    window = data.draw(st.integers(15, 21))
    calls = data.draw(st.one_of(st.none(), st.integers(1, 1 << 30)))
    frames = LzxWriter(window, plan, calls).frames(content)
    lzx = Lzx(window)
    out = b"".join(lzx.frame(frame, min(FRAME, len(content) - number * FRAME)) for number, frame in enumerate(frames))
    assert out == content


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=600), st.integers(1, FRAME), st.integers(15, 21))
def test_any_bytes_are_lzx_or_an_lzx_error(data: bytes, size: int, window: int) -> None:
    with contextlib.suppress(LzxError):
        assert len(Lzx(window).frame(data, size)) == size


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 255)), min_size=1, max_size=6), st.integers(1, 5_000))
def test_changed_lzx_is_lzx_or_an_lzx_error(changes: list[tuple[int, int]], size: int) -> None:
    frame = bytearray(LzxWriter(16, [("verbatim", 3_000), ("aligned", 999)]).frames(TEXT[:9_000])[0])
    for place, value in changes:
        frame[place % len(frame)] = value
    with contextlib.suppress(LzxError):
        assert len(Lzx(16).frame(bytes(frame), size)) == size


def test_a_window_of_no_size_is_an_error() -> None:
    with pytest.raises(LzxError):
        Lzx(14)
    found, _ = opened(
        "x.cab",
        cabinet([("a", b"b")], "lzx", window=15).replace(
            struct.pack("<H", 3 | 15 << 8), struct.pack("<H", 3 | 9 << 8), 1
        ),
    )
    assert found == {}
