"""Batch runs: a line for every device, the same rows whatever the number of workers, tables that pandas reads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from troubleshoot import batch

SAMPLES = Path(__file__).resolve().parent.parent / "samples"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    folder.mkdir()
    for kind, name in (
        ("broken", "scp-missing"),
        ("broken", "upn-not-verified"),
        ("healthy", "home-pc"),
        ("damaged", "empty-file"),
    ):
        shutil.copytree(SAMPLES / kind / name, folder / name, ignore=shutil.ignore_patterns("*.json", "*.md"))
    (folder / "single.txt").write_bytes((SAMPLES / "broken" / "tpm-key-lost" / "dsregcmd.txt").read_bytes())
    return folder


def lines(run: Path) -> list[dict]:  # type: ignore[type-arg]
    return [json.loads(line) for line in (run / "reports.jsonl").read_text(encoding="utf-8").splitlines()]


def test_every_device_has_its_line(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert batch.run([str(archive)], run, 1, []) == 1
    found = {Path(row["source"]).name: row["verdict"] for row in lines(run)}
    assert found == {
        "empty-file": "unread",
        "home-pc": "not-applicable",
        "scp-missing": "failed",
        "single.txt": "failed",
        "upn-not-verified": "failed",
    }
    said = capsys.readouterr().err
    assert "5 devices: 3 failed" in said
    assert "The device could not read the service connection point" in said


def test_tables(archive: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    batch.run([str(archive)], run, 1, [])
    devices = pd.read_parquet(run / "devices.parquet")
    findings = pd.read_parquet(run / "findings.parquet")
    assert len(devices) == 5
    assert devices.set_index("source").root.dropna().tolist() == [
        "scp-read-failed",
        "device-key-unusable",
        "upn-domain-unknown",
    ]
    assert set(findings.role) <= {"root", "symptom", "resolved", "benign"}
    assert {"device-rejected"} <= set(findings[findings.role == "symptom"].rule)
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["devices"] == 5
    assert manifest["verdicts"] == {"failed": 3, "not-applicable": 1, "unread": 1}


@pytest.mark.slow
def test_workers_change_nothing(archive: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    batch.run([str(archive)], one, 1, [])
    batch.run([str(archive)], two, 2, [])
    for name in ("reports.jsonl", "manifest.json"):
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_a_device_that_breaks_costs_only_itself(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = batch.diagnose_one

    def breaking(path: str):  # type: ignore[no-untyped-def]
        if path.endswith("home-pc"):
            raise MemoryError("too much")
        return whole(path)

    monkeypatch.setattr(batch, "diagnose_one", breaking)
    batch.run([str(archive)], tmp_path / "run", 1, [])
    row = next(row for row in lines(tmp_path / "run") if row["source"].endswith("home-pc"))
    assert row["verdict"] == "unread"
    assert "MemoryError" in row["unread"][0]["reason"]
    assert len(lines(tmp_path / "run")) == 5
