"""The workplace's rebuilt real cases and real machines, where they are at hand."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from troubleshoot.coverage import causes
from troubleshoot.engine import worst
from troubleshoot.pipeline import diagnose
from troubleshoot.ruleset import load

pytestmark = pytest.mark.shared


def cases() -> list[str]:
    folder = Path(__file__).resolve().parent.parent.parent / "shared" / "cases"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else ["none"]


@pytest.mark.parametrize("name", cases())
def test_case(shared: Path, name: str) -> None:
    folder = shared / "cases" / name
    expected = json.loads((folder / "case.json").read_text(encoding="utf-8"))["expect"]
    result = diagnose([str(next(folder.glob("input.*")))], load())
    (report,) = result.reports
    claimed = {claim for one in report.findings if one.severity == "error" for claim in (*one.covers, *one.codes)}
    assert claimed & set(expected["must_not"]) == set()
    if expected["needs"] != "core":
        return
    assert report.verdict in expected["verdict"]
    wanted = {cause for group in expected["covers"] for cause in group}
    if wanted:
        assert set(report.findings[0].covers) & wanted
    else:
        assert not any(worst(one) == "error" for one in report.findings)


def test_the_list_of_causes_has_the_ids_of_the_reference(shared: Path) -> None:
    codes = json.loads((shared / "reference" / "codes.json").read_text(encoding="utf-8"))
    text = (shared / "reference" / "conditions.md").read_text(encoding="utf-8")
    conditions = re.findall(r"^\| (C\d+) \|", text, re.MULTILINE)
    rows = causes()
    assert [one.id for one in rows if one.kind == "code"] == [one["id"] for one in codes]
    assert [one.code for one in rows if one.kind == "code"] == [one["code"] for one in codes]
    assert [one.id for one in rows if one.kind == "condition"] == conditions


@pytest.mark.slow
def test_real_machines_raise_no_error(shared: Path, tmp_path: Path) -> None:
    py7zr = pytest.importorskip("py7zr")
    for archive in sorted((shared / "data" / "machines").glob("*.7z")):
        folder = tmp_path / archive.stem
        with py7zr.SevenZipFile(archive) as packed:
            packed.extractall(folder)
        for report in diagnose([str(folder)], load()).reports:
            assert [one.rule for one in report.findings if worst(one) == "error"] == [], archive.name


@pytest.mark.slow
def test_every_fact_of_every_case_is_shown(shared: Path) -> None:
    exe = Path(sys.executable).with_name("troubleshoot")
    done = subprocess.run(
        [sys.executable, shared / "tools" / "score_cases.py", exe, "--facts"], capture_output=True, text=True
    )
    assert "facts 482 of 482" in done.stdout, done.stdout[-2000:]


def test_lists_of_the_fleet_tell_of_one_device(shared: Path) -> None:
    from troubleshoot.case import Case
    from troubleshoot.model import Capture, Field, Source
    from troubleshoot.parsers import parse_text

    name = Field(None, "Device Name", "DeviceName", "WKS-0427", None, 1)
    evidence = [Capture("dsregcmd", Source("x", 1), None, None, None, (name,), {}, {"DeviceName": name})]
    for file in ("17a_ad_computers.csv", "17b_get_mgdevice.csv"):
        evidence += parse_text(file, (shared / "data" / "fleet-inputs" / file).read_bytes(), None)  # type: ignore[arg-type]
    facts = {key: found[0].value for key, found in Case.of(evidence).facts.items()}
    assert facts == {
        "cloud.device": "enabled",
        "cloud.device.trust-type": "hybrid",
        "cloud.device.last-sign-in": "28.02.2026 03:11:00",
        "cloud.device.same-name": "1",
        "cloud.device.same-name.types": "registered-too",
    }
