"""The escalation package: what support asks for, the lines the report rests on and no others, and never a secret or a path of a log."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.test_cli import run
from troubleshoot.concealed import conceal

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
BESIDE = ("README.md", "expected.json", "identities.json")
MEMBERS = {
    "README.txt", "SHA256SUMS", "escalation.json", "escalation.txt", "evidence.txt", "files.txt", "report.json", "report.txt"
}  # fmt: skip


def copied(sample: str, target: Path) -> Path:
    target.mkdir(parents=True)
    for one in (SAMPLES / sample).iterdir():
        if one.name not in BESIDE:
            shutil.copyfile(one, target / one.name)
    return target


def packed(target: Path, *arguments: Path | str) -> dict[str, str]:
    output = target / "made.zip"
    done = run("pack", *arguments, "-o", output)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(output) as archive:
        assert archive.testzip() is None
        return {one.filename: archive.read(one).decode() for one in archive.infolist()}


def proofs(value: Any) -> set[tuple[str, int | None, int | None, str]]:
    """Every line of evidence of every finding in a JSON report."""
    found: set[tuple[str, int | None, int | None, str]] = set()
    if isinstance(value, dict):
        for one in value.get("evidence", ()):
            found.add((one["source"]["path"], one["source"].get("line"), one["source"].get("record"), one["text"]))
        for inner in value.values():
            found |= proofs(inner)
    elif isinstance(value, list):
        for inner in value:
            found |= proofs(inner)
    return found


def test_a_zip_and_a_folder_hold_the_same_and_are_the_same_again(tmp_path: Path) -> None:
    place = copied("broken/device-not-synced", tmp_path / "in")
    first = packed(tmp_path, place)
    raw = (tmp_path / "made.zip").read_bytes()
    assert packed(tmp_path, place) == first
    assert (tmp_path / "made.zip").read_bytes() == raw
    assert first.keys() == MEMBERS
    assert run("pack", place, "-o", tmp_path / "folder").returncode == 0
    assert {one.name: one.read_text(encoding="utf-8") for one in (tmp_path / "folder").iterdir()} == first
    for line in first["SHA256SUMS"].splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256(first[name].encode()).hexdigest() == digest


def test_it_holds_what_support_asks_for(tmp_path: Path) -> None:
    made = packed(tmp_path, copied("broken/device-not-synced", tmp_path / "in"))
    data = json.loads(made["escalation.json"])
    assert data["device"]["tenant_id"] == "11111111-2222-3333-4444-555555555555"
    assert data["device_ids"] == ["22222222-3333-4444-5555-666666666666"]
    assert (data["stage"], data["join_type"], data["verdict"]) == ("join", "managed", "pending")
    assert data["times"]["first_seen"] == "2026-03-04T08:58:00Z"
    assert data["times"]["last_good"] is None
    assert [one["code"] for one in data["codes"]] == ["0x801c03f2"]
    (attempt,) = (one for one in data["attempts"] if one["request_id"])
    assert attempt["request_id"] == "44444444-5555-6666-7777-888888888888"
    assert attempt["message"].startswith("The device object by the given id")
    assert {"proxy.system", "proxy.winhttp"} <= {one["name"] for one in data["network"]}
    assert [one["answer"] for one in data["scope"]] == [None, None, None]
    assert data["tried"]
    assert {one["result"] for one in data["tried"]} == {None}
    collect = [one["collect"] for one in data["missing"]]
    assert "run `dsregcmd /status` as the user, not as administrator" in collect
    assert any("start-auth.ps1" in one for one in collect)
    said = made["escalation.txt"]
    for line in (
        "request id: 44444444-5555-6666-7777-888888888888",
        "1. Does it fail for many users or for one?",
        "when (UTC): ____",
    ):
        assert line in said


def test_last_good_is_the_success_before_the_failure(tmp_path: Path) -> None:
    data = json.loads(packed(tmp_path, copied("broken/device-disabled", tmp_path / "in"))["escalation.json"])
    times = data["times"]
    assert times["last_good"] is None or times["last_good"] <= times["first_seen"]
    assert times["first_seen"] <= times["last_seen"]


@pytest.mark.parametrize(
    "sample",
    [
        "broken/device-not-synced",
        "broken/two-faults",
        "healthy/joined-after-failures",
        "broken/dsregtool-task-disabled",
    ],
)
def test_the_evidence_is_what_the_report_rests_on_and_no_other_line(sample: str, tmp_path: Path) -> None:
    place = copied(sample, tmp_path / "in")
    made = packed(tmp_path, place)
    devices = json.loads(run("diagnose", place, "-f", "json").stdout)["devices"]
    data = json.loads(made["escalation.json"])
    assert proofs({"evidence": data["evidence"]}) == proofs(devices)
    assert len(made["evidence.txt"].splitlines()) == len(data["evidence"])
    assert devices == json.loads(made["report.json"])["devices"]


def test_no_other_text_of_a_log_is_in_it(tmp_path: Path) -> None:
    place = copied("broken/device-not-synced", tmp_path / "in")
    with (place / "dsregcmd.txt").open("a", encoding="utf-8") as stream:
        stream.write("\r\nSome line that nobody asked for: MARKER-4711\r\n")
    assert "MARKER-4711" not in "".join(packed(tmp_path, place).values())


def test_files_stand_with_their_digests_in_archives_too(tmp_path: Path) -> None:
    place = copied("broken/device-not-synced", tmp_path / "in")
    outer = place / "more.zip"
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("logs/dsregcmd.txt", (place / "dsregcmd.txt").read_bytes())
    (place / "noise.bin").write_bytes(b"\x00\x01nothing")
    made = packed(tmp_path, place)
    files = {one["path"]: one for one in json.loads(made["escalation.json"])["files"]}
    for one in place.iterdir():
        assert files[one.as_posix()]["sha256"] == hashlib.sha256(one.read_bytes()).hexdigest()
        assert files[one.as_posix()]["size"] == one.stat().st_size
    member = files[f"{outer.as_posix()}/logs/dsregcmd.txt"]
    assert member["sha256"] == files[(place / "dsregcmd.txt").as_posix()]["sha256"]
    assert not files[(place / "noise.bin").as_posix()]["read"]
    assert made["files.txt"].count("\n") == len(files)


def test_hostile_names_become_no_path_and_do_not_act(tmp_path: Path) -> None:
    place = tmp_path / "in"
    place.mkdir()
    held = io.BytesIO()
    capture = (SAMPLES / "broken" / "scp-missing" / "dsregcmd.txt").read_text(encoding="utf-8")
    hostile = "..\\..\\\x1b[31m\u202eevil/=cmd()"
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("../../evil.txt", capture)
        archive.writestr("good\x1b/evil.txt", capture.replace("LT-0042.corp.example", hostile))
        archive.writestr("C:\\Windows\\evil2.txt", "nothing")
    (place / "a\nb\x1b[0m.zip").write_bytes(held.getvalue())
    made = packed(tmp_path, place)
    assert made.keys() == MEMBERS
    for name, said in made.items():
        assert not set("\x1b\u202e\x07\r") & set(said), name
    before = sorted(tmp_path.rglob("*"))
    assert run("pack", place, "-o", tmp_path / "folder").returncode == 0
    after = {one for one in tmp_path.rglob("*") if one not in before}
    assert {one.relative_to(tmp_path).as_posix() for one in after} == {
        "folder",
        *(f"folder/{name}" for name in MEMBERS),
    }


SECRETS: Mapping[str, str] = {
    "http://ada:Hunter2-Pass@proxy.corp.example:8080": "Hunter2-Pass",
    "password=Hunter2-Pass": "Hunter2-Pass",
    '{"client_secret": "Hunter2-Pass"}': "Hunter2-Pass",
    "Authorization: Bearer abcdef0123456789abcdef": "abcdef0123456789abcdef",
    "eyJhbGciOiJub25lIn0.eyJhdWQiOiJ4In0.c2ln": "eyJhdWQiOiJ4In0",
    "refresh_token: 0.AXoAabcdef": "0.AXoAabcdef",
    "https://x.blob.example/y?sv=1&sig=AbCdEfGhIjKlMnOpQrStUvWx%3D": "AbCdEfGhIjKlMnOpQrStUvWx",
    "tool.exe /password Hunter2-Pass": "Hunter2-Pass",
    "123456-123456-123456-123456-123456-123456-123456-123456": "123456-123456",
    "-----BEGIN RSA PRIVATE KEY----- MIIabc -----END RSA PRIVATE KEY-----": "MIIabc",
    "abc8Q~" + "d" * 34: "d" * 30,
    "1.AXwA" + "b" * 70: "b" * 60,
}


@pytest.mark.parametrize("line", SECRETS)
def test_a_secret_is_withheld(line: str) -> None:
    shown, secrets = conceal(f"before {line} after")
    assert SECRETS[line] not in shown
    assert len(secrets) == 1
    assert shown.startswith("before ")


@pytest.mark.parametrize(
    "line",
    [
        "Client ErrorCode : 0x801c03f2", "ERROR_WRONG_PASSWORD : 0xc000006a", "KeySignTest : PASSED", "Password=****",
        "The password was wrong", "Bearer authentication failed", "KeyProvider : Microsoft Platform Crypto Provider",
        "https://enterpriseregistration.windows.net:443/device", "AzureAdPrtUpdateTime : 2026-03-04 08:58:00.000 UTC",
        "Thumbprint : 0123456789ABCDEF0123456789ABCDEF01234567", "?code=0x801c03f2", "request id 44444444-5555-6666-7777-888888888888",
    ],
)  # fmt: skip
def test_what_is_no_secret_stays(line: str) -> None:
    assert conceal(line) == (line, ())


def test_no_secret_of_an_evidence_line_is_in_any_file(tmp_path: Path) -> None:
    place = copied("broken/device-not-synced", tmp_path / "in")
    text = (place / "dsregcmd.txt").read_text(encoding="utf-8")
    at = "Server Message : "
    assert at in text
    hidden = " ".join(SECRETS)
    (place / "dsregcmd.txt").write_text(text.replace(at, f"{at}{hidden} ", 1), encoding="utf-8")
    made = packed(tmp_path, place)
    for name, said in made.items():
        for secret in SECRETS.values():
            assert secret not in said, name
    json.loads(made["escalation.json"])
    json.loads(made["report.json"])
    assert "look like passwords, tokens or keys were withheld" in made["README.txt"]


def test_a_file_of_tokens_is_named_but_not_opened(tmp_path: Path) -> None:
    place = copied("broken/device-not-synced", tmp_path / "in")
    (place / "cookies.sqlite").write_bytes(b"secret")
    done = json.loads(run("diagnose", place, "-f", "json").stdout)
    refused = [one["path"] for one in done["unread"] if one["kind"] == "refused"]
    files = {one["path"]: one for one in json.loads(packed(tmp_path, place)["escalation.json"])["files"]}
    assert [path for path, one in files.items() if one["sha256"] is None] == refused


def test_several_devices_have_a_folder_each(tmp_path: Path) -> None:
    one = copied("broken/device-not-synced", tmp_path / "in" / "first")
    two = copied("healthy/hybrid-managed", tmp_path / "in" / "second")
    capture = two / "dsregcmd.txt"
    capture.write_text(capture.read_text(encoding="utf-8").replace("LT-0042", "LT-0077"), encoding="utf-8")
    for log in (*one.glob("*.evtx"), *two.glob("*.evtx")):
        log.unlink()
    made = packed(tmp_path, tmp_path / "in")
    inner = MEMBERS - {"README.txt", "SHA256SUMS", "files.txt"}
    assert made.keys() == {"README.txt", "SHA256SUMS", "files.txt"} | {
        f"device-{number}/{name}" for number in (1, 2) for name in inner
    }
    names = {json.loads(made[f"device-{number}/escalation.json"])["device"]["name"] for number in (1, 2)}
    assert names == {"LT-0042.corp.example", "LT-0077.corp.example"}


def test_wrong_targets_are_told(tmp_path: Path) -> None:
    place = copied("broken/device-not-synced", tmp_path / "in")
    inside = run("pack", place, "-o", place / "made.zip")
    assert (inside.returncode, inside.stdout) == (2, "")
    assert "inside the input" in inside.stderr
    same = run("pack", place / "dsregcmd.txt", "-o", place / "dsregcmd.txt")
    assert same.returncode == 2
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.txt").write_text("x")
    assert "must be new or empty" in run("pack", place, "-o", tmp_path / "full").stderr
    missing = run("pack", place, "-o", tmp_path / "nowhere" / "made.zip")
    assert missing.returncode == 2
    assert "Traceback" not in missing.stderr
    (tmp_path / "empty.txt").write_text("")
    nothing = run("pack", tmp_path / "empty.txt", "-o", tmp_path / "made.zip")
    assert nothing.returncode == 3
    assert not (tmp_path / "made.zip").exists()


def test_standard_input_can_be_packed(tmp_path: Path) -> None:
    given = (SAMPLES / "broken" / "scp-missing" / "dsregcmd.txt").read_bytes()
    done = run("pack", "-", "-o", tmp_path / "made.zip", data=given)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "made.zip") as archive:
        (one,) = json.loads(archive.read("escalation.json"))["files"]
    assert one == {
        "path": "standard input", "size": len(given), "sha256": hashlib.sha256(given).hexdigest(), "read": True,
    }  # fmt: skip
