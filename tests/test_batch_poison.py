"""A source of which one in a hundred is poisoned: the run ends, and exactly those are in problems."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests import poisoned

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
CAPTURES = [
    (SAMPLES / sample / "dsregcmd.txt").read_bytes()
    for sample in ("broken/scp-missing", "broken/tpm-key-lost", "healthy/hybrid-managed")
]
COUNT = 700


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a pipe that nobody writes hangs its reader")
def test_one_in_a_hundred_is_poisoned(tmp_path: Path) -> None:
    listed, expected = poisoned.source(tmp_path, CAPTURES, COUNT)
    run = tmp_path / "run"
    done = subprocess.run(
        [sys.executable, "-m", "troubleshoot", "batch", str(listed), "-o", str(run), "--timeout", "30"],
        capture_output=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 1, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    devices = pd.read_parquet(run / "devices.parquet")
    problems = pd.read_parquet(run / "problems.parquet")
    assert len(devices) == COUNT
    assert len(expected) == len(poisoned.poisons(CAPTURES[0])) == COUNT // 100
    assert sorted({Path(one).name for one in problems.source}) == expected
    bad = devices[devices.state != "read"]
    assert sorted(Path(one).name for one in bad.source) == expected
    states = {Path(row.source).name: row.state for row in bad.itertuples()}
    # a log whose header is sound is a log, all of whose blocks are damaged
    assert {name for name, state in states.items() if state == "partial"} == {"WKS-0003-noise.evtx"}
    assert {name for name, state in states.items() if state == "lost"} == {f"WKS-0006-{poisoned.HANGS}"}
