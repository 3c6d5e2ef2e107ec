"""Whole device packages: the report of each is what its expected.json says, byte for byte; broken ones fail, healthy ones do not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.make_samples import broken, damaged, expect, healthy

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
FOLDERS = sorted(path.parent for path in SAMPLES.glob("*/*/expected.json"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_report_is_the_expected_one(folder: Path, request: pytest.FixtureRequest) -> None:
    found = expect(folder)
    if request.config.getoption("--update-golden"):
        (folder / "expected.json").write_bytes(found)
    assert found.decode() == (folder / "expected.json").read_text(encoding="utf-8")


def test_samples_are_those_the_script_makes() -> None:
    made = {
        f"{kind}/{name}"
        for kind, makers in (("broken", broken), ("healthy", healthy), ("damaged", damaged))
        for name, _, _ in makers()
    }
    assert made == {f"{path.parent.name}/{path.name}" for path in FOLDERS}


def form(folder: Path) -> dict:  # type: ignore[type-arg]
    return json.loads((folder / "expected.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("folder", sorted((SAMPLES / "broken").iterdir()), ids=lambda path: path.name)
def test_a_broken_device_has_one_cause_first_with_proof(folder: Path) -> None:
    (device,) = form(folder)["devices"]
    assert device["verdict"] in ("failed", "pending")
    roots = [one for one in device["findings"] if one["severity"] == "error"]
    assert len(roots) == (2 if folder.name == "two-faults" else 1)
    assert device["findings"][0]["evidence"]
    assert device["findings"][0]["fix"]
    assert device["unexplained_codes"] == []


@pytest.mark.parametrize("folder", sorted((SAMPLES / "healthy").iterdir()), ids=lambda path: path.name)
def test_a_healthy_device_has_no_finding(folder: Path) -> None:
    (device,) = form(folder)["devices"]
    assert device["verdict"] in ("healthy", "not-applicable")
    assert device["findings"] == []
    assert device["unexplained_codes"] == []
    assert len(device["not_checked"]) <= 3


def test_the_older_fault_of_a_later_phase_stands_beside_the_newer_one() -> None:
    (device,) = form(SAMPLES / "broken" / "two-faults")["devices"]
    assert [one["rule"] for one in device["findings"]] == ["domain-controller-unreachable", "scp-read-failed"]
