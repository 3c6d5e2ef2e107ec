"""A source of which one in a hundred is poisoned: the run ends, and exactly those are in problems."""

from __future__ import annotations

import gzip
import io
import os
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import archives
import pandas as pd
import pytest
from test_containers import encrypted_zip

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
CAPTURES = [
    (SAMPLES / "broken" / name / "dsregcmd.txt").read_bytes()
    for name in ("scp-missing", "tpm-key-lost", "hybrid-managed")
    if (SAMPLES / "broken" / name / "dsregcmd.txt").exists()
]
COUNT = 700


def bomb(depth: int = 5) -> bytes:
    """An archive that holds archives that hold archives ...: 8 each, the innermost of 100 MB of zeros."""
    inner = gzip.compress(bytes(100 * 1024 * 1024), 9)
    name = "zeros.gz"
    for level in range(depth):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
            for number in range(8):
                packed.writestr(f"{number}-{name}", inner)
        inner, name = out.getvalue(), f"{level}.zip"
    return inner


def poisons() -> dict[str, bytes]:
    capture = CAPTURES[0]
    whole = archives.zipped({f"{number}.txt": capture for number in range(3)})
    noise = random.Random(4)
    return {
        "bomb.zip": bomb(),
        "zeros.gz": gzip.compress(bytes(80 * 1024 * 1024), 9),
        "noise.txt": noise.randbytes(200_000),
        "noise.evtx": b"ElfFile\0" + noise.randbytes(300_000),
        "truncated.zip": whole[:60],
        "encrypted.zip": encrypted_zip({"dsregcmd.txt": capture}, {"dsregcmd.txt"}),
    }


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a pipe that nobody writes hangs its reader")
def test_one_in_a_hundred_is_poisoned(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    bad = poisons()
    for number in range(COUNT - len(bad) - 1):
        (folder / f"WKS-{number:04}.txt").write_bytes(CAPTURES[number % len(CAPTURES)])
    for name, data in bad.items():
        (folder / f"WKS-{name}").write_bytes(data)
    os.mkfifo(folder / "WKS-hangs.txt")
    (tmp_path / "all.lst").write_text("\n".join(map(str, sorted(folder.iterdir()))), encoding="utf-8")
    run = tmp_path / "run"
    done = subprocess.run(
        [sys.executable, "-m", "troubleshoot", "batch", str(tmp_path / "all.lst"), "-o", str(run), "--timeout", "30"],
        capture_output=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 1, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    devices = pd.read_parquet(run / "devices.parquet")
    problems = pd.read_parquet(run / "problems.parquet")
    assert len(devices) == COUNT
    expected = sorted(["WKS-hangs.txt", *(f"WKS-{name}" for name in bad)])
    assert len(expected) == COUNT // 100
    assert sorted({Path(one).name for one in problems.source}) == expected
    states = {Path(row.source).name: row.state for row in devices.itertuples() if Path(row.source).name in expected}
    # a log whose header is sound is a log, all of whose blocks are damaged
    assert states == {name: "partial" if name == "WKS-noise.evtx" else states[name] for name in expected}
    assert (
        sorted(devices[devices.state.isin(["unread", "lost", "partial"])].source.map(lambda one: Path(one).name))
        == expected
    )
    assert [Path(one).name for one in devices[devices.state == "lost"].source] == ["WKS-hangs.txt"]
