"""The commands as a user runs them: exit codes, one-line reasons, forms, hostile and bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from troubleshoot import cli

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "samples"
DATA = ROOT / "troubleshoot" / "data"


def run(*arguments: str | Path, data: bytes = b"") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "troubleshoot", *map(str, arguments)]
    done = subprocess.run(command, input=data, capture_output=True, cwd=ROOT, timeout=120)
    return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.parametrize(
    ("folder", "code", "verdict"),
    [
        ("broken/scp-missing", 1, "failed"),
        ("broken/device-not-synced", 1, "pending"),
        ("healthy/hybrid-managed", 0, "healthy"),
        ("healthy/home-pc", 0, "not-applicable"),
        ("damaged/truncated-log", 4, "inconclusive"),
        ("damaged/half-a-capture", 1, "failed"),
    ],
)
def test_exit_codes_and_json(folder: str, code: int, verdict: str) -> None:
    # README.md and expected.json of a sample are no evidence, and cost nothing
    path = SAMPLES / folder
    inputs = [
        one for one in sorted(path.iterdir()) if one.name not in ("README.md", "expected.json", "identities.json")
    ]
    done = run("diagnose", *inputs, "-f", "json")
    assert done.returncode == code, done.stderr
    form = json.loads(done.stdout)
    jsonschema.validate(form, json.loads((DATA / "report.schema.json").read_text()))
    assert [device["verdict"] for device in form["devices"]] == [verdict]


@pytest.mark.parametrize(
    "folder", sorted(path.parent for path in SAMPLES.glob("*/*/expected.json")), ids=lambda path: path.name
)
def test_both_forms_fit_their_schema(folder: Path) -> None:
    from troubleshoot.pipeline import diagnose, open_cases
    from troubleshoot.report import jsonform, show
    from troubleshoot.ruleset import load

    form = json.loads(jsonform.dump(diagnose([str(folder)], load())))
    jsonschema.validate(form, json.loads((DATA / "report.schema.json").read_text()))
    opened = open_cases([str(folder)], None)
    jsonschema.validate(
        json.loads(show.dump_json(opened.cases, opened.unread)), json.loads((DATA / "show.schema.json").read_text())
    )


def test_a_folder_is_one_device_and_other_files_in_it_cost_nothing() -> None:
    done = run("diagnose", SAMPLES / "healthy" / "hybrid-managed", "-f", "json")
    assert done.returncode == 0
    assert len(json.loads(done.stdout)["devices"]) == 1


def test_verdict_stands_in_the_first_two_lines() -> None:
    done = run("diagnose", SAMPLES / "broken" / "scp-missing" / "dsregcmd.txt")
    first, second, *_ = done.stdout.splitlines()
    assert first == "FAILED  The device could not read the service connection point"
    assert second.startswith("LT-0042.corp.example")
    assert "\x1b" not in done.stdout


def test_standard_input() -> None:
    data = (SAMPLES / "broken" / "scp-missing" / "dsregcmd.txt").read_bytes()
    done = run("diagnose", "-", data=data)
    assert done.returncode == 1
    assert "standard input:" in done.stdout


def bad_inputs(tmp_path: Path) -> dict[str, tuple[Path, int, str]]:
    empty = tmp_path / "empty.txt"
    empty.write_bytes(b"")
    noise = tmp_path / "noise.bin"
    noise.write_bytes(bytes(range(256)) * 40)
    prose = tmp_path / "prose.txt"
    prose.write_text("Dear team, it does not work. Regards\n")
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "screen.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    large = tmp_path / "large.txt"
    with large.open("wb") as stream:
        stream.truncate(200 * 1024 * 1024)
    return {
        "empty": (empty, 3, "the file is empty"),
        "noise": (noise, 3, "no text and no event log"),
        "prose": (prose, 3, "holds no dsregcmd output"),
        "nothing": (nothing, 3, "the folder is empty"),
        "pictures": (pictures, 3, "a picture"),
        "large": (large, 3, "over the limit of 64 MB"),
        "missing": (tmp_path / "missing.txt", 2, "no such file or folder"),
    }


@pytest.mark.parametrize("name", ["empty", "noise", "prose", "nothing", "pictures", "large", "missing"])
def test_bad_input_has_one_clear_line(tmp_path: Path, name: str) -> None:
    path, code, reason = bad_inputs(tmp_path)[name]
    done = run("diagnose", path)
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert len([line for line in said.splitlines() if reason in line]) == 1, said
    assert "Traceback" not in said


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the administrator may read everything")
def test_a_folder_without_permission_costs_only_itself(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    (tmp_path / "dsregcmd.txt").write_bytes((SAMPLES / "broken" / "scp-missing" / "dsregcmd.txt").read_bytes())
    closed.chmod(0)
    try:
        done = run("diagnose", tmp_path)
    finally:
        closed.chmod(0o700)
    assert done.returncode == 1
    assert "permission denied" in done.stdout


def test_wrong_usage_is_exit_code_2(tmp_path: Path) -> None:
    assert run("diagnose").returncode == 2
    assert run("diagnose", SAMPLES / "healthy" / "home-pc", "-f", "nothing").returncode == 2
    assert run("diagnose", SAMPLES / "healthy" / "home-pc", "--rules", tmp_path / "none").returncode == 2
    assert run("rules", "show", "no-such-rule").returncode == 2


HOSTILE = "\x1b[31mred\x1b]0;title\x07 [bold]x[/bold] [link=http://contoso.com]y[/link] <script>alert(1)</script> \u202egnp.exe =cmd()"


def hostile_capture() -> bytes:
    text = (SAMPLES / "broken" / "user-certificate-missing" / "dsregcmd.txt").read_text()
    for value in ("CONTOSO\n", "LT-0042.corp.example\n", "DirectoryError\n"):
        text = text.replace(value, value.rstrip("\n") + HOSTILE + "\n")
    return text.encode()


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_log_text_never_acts(tmp_path: Path, form: str) -> None:
    path = tmp_path / "dsregcmd.txt"
    path.write_bytes(hostile_capture())
    done = run("diagnose", path, "-f", form)
    assert done.returncode == 1
    for active in ("\x1b", "\x07", "\u202e"):
        assert active not in done.stdout
    if form == "markdown":
        outside = [
            part for line in done.stdout.splitlines() for number, part in enumerate(line.split("`")) if number % 2 == 0
        ]
        assert not any("<script>" in part for part in outside)


def test_the_terminal_form_takes_no_markup(tmp_path: Path) -> None:
    from io import StringIO

    from rich.console import Console

    from troubleshoot.pipeline import diagnose
    from troubleshoot.report import text
    from troubleshoot.ruleset import load

    path = tmp_path / "dsregcmd.txt"
    path.write_bytes(hostile_capture())
    out = StringIO()
    text.print_rich(diagnose([str(path)], load()), Console(file=out, force_terminal=True, width=120))
    assert "[link=http://contoso.com]" in out.getvalue()
    assert "\x1b]8;" not in out.getvalue()
    assert "\x1b[31mred" not in out.getvalue()


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("-2145648611", "DSREG_AUTOJOIN_ADCONFIG_READ_FAILED"),
        ("2149318685", "DSREG_AUTOJOIN_ADCONFIG_READ_FAILED"),
        ("0X801C001D", "DSREG_AUTOJOIN_ADCONFIG_READ_FAILED"),
        ("801c001d", "DSREG_AUTOJOIN_ADCONFIG_READ_FAILED"),
        ("Unknown HResult Error code: 0x801c001d", "scp-read-failed"),
        ("[0x801c0021/0x80072ee2]", "ERROR_INTERNET_TIMEOUT"),
        ("AADSTS50155", "device-rejected"),
        ("0xcaa82ee2", "12002"),
        ("0x80190194", "HTTP status 404"),
        ("NTE_BAD_KEYSET", "0x80090016"),
        ("12007", "ERROR_WINHTTP_NAME_NOT_RESOLVED"),
    ],
)
def test_code_explains_any_notation(typed: str, wanted: str) -> None:
    done = run("code", typed)
    assert wanted in done.stdout, done.stdout
    assert json.loads(run("code", typed, "-f", "json").stdout)["codes"]


def test_an_unknown_code_is_decoded_and_exit_code_1() -> None:
    done = run("code", "0xdeadbeef")
    assert done.returncode == 1
    assert "facility" in done.stdout


def test_other_commands_answer() -> None:
    assert "scp-read-failed" in run("rules", "list").stdout
    assert "Covers: " in run("rules", "show", "scp-read-failed").stdout
    assert run("rules", "lint").returncode == 0
    assert run("rules", "test", "scp-read-failed").returncode == 0
    assert "dsregcmd" in run("formats").stdout
    assert "troubleshoot 0." in run("--version").stdout
    assert "AzureAdJoined" in run("show", SAMPLES / "broken" / "scp-missing" / "dsregcmd.txt").stdout


def test_the_same_bytes_give_the_same_report() -> None:
    path = SAMPLES / "broken" / "two-faults"
    assert run("diagnose", path, "-f", "json").stdout == run("diagnose", path, "-f", "json").stdout


@pytest.mark.parametrize("word", ["diagnose", "code", "formats"])
def test_the_app_with_one_command_says_what_the_whole_app_says(word: str) -> None:
    alone = cli._called(word)
    assert len(alone.registered_commands) == 1
    assert not alone.registered_groups
    for words in ([word, "--help"], [word, "--no-such-option"], [word]):
        whole, lean = (CliRunner().invoke(one, words) for one in (cli.app, alone))
        assert (lean.exit_code, lean.output) == (whole.exit_code, whole.output)


@pytest.mark.parametrize("word", [None, "--help", "rules", "fleet", "diagnos"])
def test_whatever_is_no_command_gets_the_whole_app(word: str | None) -> None:
    assert cli._called(word) is cli.app
