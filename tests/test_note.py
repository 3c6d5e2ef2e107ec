"""The short forms: a note of twelve lines, one line, a mail with the user's steps; hostile names stay harmless."""

from __future__ import annotations

from pathlib import Path

import pytest

from troubleshoot.pipeline import diagnose
from troubleshoot.report import render
from troubleshoot.report.note import MOST_LINES, ONE_LINE
from troubleshoot.ruleset import load

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
FOLDERS = sorted(path.parent for path in SAMPLES.glob("*/*/expected.json"))


def form(folder: Path, name: str) -> str:
    inputs = [
        str(one)
        for one in sorted(folder.iterdir())
        if one.name not in ("README.md", "expected.json", "identities.json")
    ]
    made = render(diagnose(inputs, load()), name)
    assert isinstance(made, str)
    return made


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_form_keeps_its_size(folder: Path) -> None:
    lines = form(folder, "note").splitlines()
    assert 1 <= len(lines) <= MOST_LINES
    assert all(len(line) <= 240 and line.isprintable() for line in lines)
    (line,) = form(folder, "oneline").splitlines()
    assert len(line) < ONE_LINE


def test_the_note_says_state_cause_owner_proof_and_steps() -> None:
    lines = form(SAMPLES / "broken" / "device-not-synced", "note").splitlines()
    assert lines[0].startswith("PENDING: Microsoft Entra (formerly Azure AD) does not know the computer yet")
    assert lines[1].startswith(
        "LT-0042.corp.example, waits at join; in the domain, not hybrid joined, as of 2026-03-04"
    )
    heads = [line.partition(":")[0] for line in lines[2:]]
    assert heads[:4] == ["Cause", "Owner", "Proof", "Wait"]
    assert lines[3].startswith("Owner: AD administrator. How sure: likely; to settle it: run `Get-MgDevice")
    assert [line[:2] for line in lines[6:9]] == ["1.", "2.", "3."]
    assert heads[-2:] == ["Careful", "Documents"]


def test_one_line_names_who_must_act() -> None:
    assert form(SAMPLES / "broken" / "device-not-synced", "oneline").rstrip().endswith("Owner: AD administrator.")
    assert "Owner" not in form(SAMPLES / "healthy" / "hybrid-managed", "oneline")


def test_the_mail_holds_the_users_steps_only() -> None:
    waiting = form(SAMPLES / "broken" / "device-not-synced", "mail")
    assert "You need not do anything" in waiting
    assert "Start-ADSyncSyncCycle" not in waiting
    assert "found nothing wrong" in form(SAMPLES / "healthy" / "hybrid-managed", "mail")


@pytest.mark.parametrize("name", ["note", "oneline", "mail", "text"])
def test_hostile_names_do_not_act(name: str, tmp_path: Path) -> None:
    capture = (SAMPLES / "broken" / "scp-missing" / "dsregcmd.txt").read_text(encoding="utf-8")
    hostile = "\x1b[31m\u202eevil\x07"
    (tmp_path / "dsregcmd.txt").write_text(capture.replace("LT-0042.corp.example", hostile), encoding="utf-8")
    shown = form(tmp_path, name)
    assert not set("\x1b\u202e\x07") & set(shown)
