"""The fingerprint of a finding: one for a rule, device and user in every run; a redacted one leads back to nobody."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.test_cli import run
from troubleshoot.fingerprints import fingerprint
from troubleshoot.model import Device

SAMPLE = Path(__file__).resolve().parent.parent / "samples" / "broken" / "device-not-synced" / "dsregcmd.txt"
NAME = "LT-0042"


def capture(target: Path, **changes: str) -> Path:
    text = SAMPLE.read_text(encoding="utf-8")
    for old, new in changes.items():
        old = {"device": NAME, "hour": "09:10:00", "day": "2026-03-04"}[old]
        assert old in text
        text = text.replace(old, new)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return target


def found(*arguments: Path | str) -> list[dict[str, Any]]:
    done = run("diagnose", "-f", "json", *arguments)
    (device,) = json.loads(done.stdout)["devices"]
    findings = device["findings"]
    assert findings
    return [one for finding in findings for one in (finding, *finding["symptoms"])]


def prints(*arguments: Path | str) -> dict[str, str]:
    return {one["rule"]: one["fingerprint"] for one in found(*arguments)}


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (Device("WKS-0427"), Device("wks-0427.corp.example")),
        (Device("WKS-0427"), Device("WKS-0427", device_id="11111111-2222-3333-4444-555555555555")),
        (Device(device_id="AAAA1111-2222-3333-4444-555555555555"), Device(device_id="{aaaa1111-2222-3333-4444-555555555555}")),
    ],
)  # fmt: skip
def test_one_device_has_one_fingerprint(left: Device, right: Device) -> None:
    assert fingerprint("a-rule", left, None) == fingerprint("a-rule", right, None)


def test_another_device_rule_or_user_has_another() -> None:
    ones = [
        fingerprint("a-rule", Device("WKS-0427"), None),
        fingerprint("b-rule", Device("WKS-0427"), None),
        fingerprint("a-rule", Device("WKS-0519"), None),
        fingerprint("a-rule", Device(device_id="11111111-2222-3333-4444-555555555555"), None),
        fingerprint("a-rule", Device("WKS-0427"), r"CONTOSO\ada"),
        fingerprint("a-rule", Device("WKS-0427"), "grace@contoso.com"),
    ]
    assert len(set(ones)) == len(ones)
    assert fingerprint("a-rule", Device("WKS-0427"), "Ada@contoso.com") == ones[4]


def test_newer_captures_and_other_files_keep_it(tmp_path: Path) -> None:
    before = prints(SAMPLE)
    assert len(set(before.values())) == len(before)
    newer = capture(tmp_path / "ticket 4711" / "paste.log", day="2026-03-09", hour="14:22:31")
    assert prints(newer) == before
    other = prints(capture(tmp_path / "other.txt", device="LT-0043"))
    assert other.keys() == before.keys()
    assert not set(other.values()) & set(before.values())


def test_every_form_shows_it() -> None:
    first = found(SAMPLE)[0]["fingerprint"]
    for form in ("text", "markdown", "note", "card"):
        assert first in run("diagnose", SAMPLE, "-f", form).stdout, form


def test_with_a_key_it_stays_and_cannot_be_made_without(tmp_path: Path) -> None:
    key, other_key = tmp_path / "key", tmp_path / "key-2"
    plain = prints(SAMPLE)
    sealed = prints(SAMPLE, "--redact", "--key", key)
    newer = capture(tmp_path / "newer.txt", day="2026-03-09", hour="14:22:31")
    assert prints(newer, "--redact", "--key", key) == sealed
    assert prints(capture(tmp_path / "other.txt", device="LT-0043"), "--redact", "--key", key) != sealed
    assert prints(SAMPLE, "--redact", "--key", other_key).values() != sealed.values()
    assert not set(sealed.values()) & set(plain.values())
    for name in (NAME, NAME.lower(), "LT-0042.corp.example"):  # what somebody who guesses the name would try
        for rule, one in sealed.items():
            tried = {
                fingerprint(rule, Device(name), None),
                hashlib.sha256(f"{rule}\n{name}\n".encode()).hexdigest()[:16],
            }
            assert one not in tried


def test_without_a_key_it_belongs_to_one_input(tmp_path: Path) -> None:
    """host-1 of two runs are two devices, so they must not share a ticket."""
    plain = prints(SAMPLE)
    first = prints(SAMPLE, "--redact")
    assert prints(SAMPLE, "--redact") == first
    assert not set(first.values()) & set(plain.values())
    other = capture(tmp_path / "other.txt", device="LT-0043", hour="14:22:31")
    theirs = prints(other, "--redact")
    assert all(theirs[rule] != one for rule, one in first.items())
