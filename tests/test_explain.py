"""``diagnose --explain``: each clause with its value, what shows it and what was missing, for rules that fire and that do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

from troubleshoot.case import Case
from troubleshoot.cli import app
from troubleshoot.engine import judge_rule
from troubleshoot.explain import Clause, explain
from troubleshoot.parsers import parse_text
from troubleshoot.ruleset import RuleFile, Ruleset, compile_rules, load, read_folder, rules_folder
from troubleshoot.ruletest import case_of

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "samples"
SCHEMA = json.loads((ROOT / "troubleshoot" / "data" / "explain.schema.json").read_text(encoding="utf-8"))
RULES = load()
FILES, VOCABULARY = read_folder(rules_folder())
NOT_SYNCED = SAMPLES / "broken" / "device-not-synced" / "dsregcmd.txt"


def run(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, list(map(str, arguments)))
    return done.exit_code, done.stdout, done.stderr


def form(path: Path, rule: str, *options: str) -> dict[str, Any]:
    code, out, _ = run("diagnose", path, "--explain", rule, "-f", "json", *options)
    assert code == 0
    made: dict[str, Any] = json.loads(out)
    jsonschema.validate(made, SCHEMA)
    (device,) = made["devices"]
    found: dict[str, Any] = device
    return found


def test_a_rule_that_fires_shows_the_line_that_makes_it() -> None:
    found = form(NOT_SYNCED, "device-not-synced")
    assert (found["state"], found["place"], found["under"]) == ("match", "root", None)
    assert found["why"] == "It fires: its match is true and no exception is (1 cannot be told)."
    (trial,) = found["trials"]
    assert trial["attempts"] == [
        {"flow": "join", "time": "2026-03-04T08:58:00Z", "phase": "join", "codes": ["0x801c03f2"]}
    ]
    match, cloud, subcode, later = trial["parts"]
    assert (match["role"], match["value"]) == ("match", True)
    assert match["evidence"] == [
        {
            "source": {"path": str(NOT_SYNCED), "line": 48},
            "text": "Server Message : The device object by the given id (22222222-3333-4444-5555-666666666666) is not found.",
        }
    ]
    assert (cloud["role"], cloud["value"]) == ("unless", "unknown")
    assert cloud["condition"] == "cloud.device is enabled or disabled or pending"
    assert cloud["seen"] == "nothing that was collected tells it"
    assert cloud["missing"] == ["run `Get-MgDevice -Filter \"deviceId eq '<DeviceId>'\"` as an Entra administrator"]
    assert (subcode["role"], subcode["value"]) == ("unless", False)
    assert (later["role"], later["value"], later["seen"]) == ("resolved_by", False, "nothing of it was collected")


@pytest.mark.parametrize(
    ("sample", "rule", "state", "place", "under", "why"),
    [
        (
            "broken/device-not-synced",
            "not-joined",
            "match",
            "symptom",
            "device-not-synced",
            "It fires: its match is true and no exception is; it stands under device-not-synced, which explains it.",
        ),
        (
            "broken/device-not-synced",
            "scp-read-failed",
            "no-match",
            None,
            None,
            "It does not fire, for this is false: one of these: a failed attempt (join) whose code is 0x801c001d; "
            "dsregcmd field ADConfigurationTest starts with FAIL.",
        ),
        (
            "healthy/home-pc",
            "device-not-synced",
            "no-match",
            None,
            None,
            "It is left out: such a device is not meant to have that join (dsregcmd field DomainJoined is NO).",
        ),
        (
            "healthy/joined-after-failures",
            "device-not-synced",
            "resolved",
            "resolved",
            None,
            "It fits, but is not active: join-succeeded after all evidence of it, at 2026-03-04T08:58:00Z.",
        ),
        (
            "healthy/hybrid-managed",
            "hello-not-wanted",
            "benign",
            "benign",
            None,
            "It fits, but is not active: Windows Hello for Business is not wanted here, and the join does not need it.",
        ),
    ],
)
def test_why_in_one_sentence(sample: str, rule: str, state: str, place: str, under: str, why: str) -> None:
    found = form(SAMPLES / sample, rule)
    assert (found["state"], found["place"], found["under"], found["why"]) == (state, place, under, why)


def test_an_unknown_rule_is_wrong_usage_with_near_names() -> None:
    code, out, err = run("diagnose", NOT_SYNCED, "--explain", "device-not-sync")
    assert (code, out) == (2, "")
    assert err == "troubleshoot: no rule 'device-not-sync', did you mean device-not-synced?\n"
    assert run("diagnose", NOT_SYNCED, "--explain", "x")[2] == "troubleshoot: no rule 'x'\n"


def test_only_text_and_json() -> None:
    code, _, err = run("diagnose", NOT_SYNCED, "--explain", "not-joined", "-f", "markdown")
    assert (code, err) == (2, "troubleshoot: --explain prints text or json, not markdown\n")


def test_nothing_read_is_exit_code_3(tmp_path: Path) -> None:
    (tmp_path / "prose.txt").write_text("Dear team\n")
    code, out, _ = run("diagnose", tmp_path / "prose.txt", "--explain", "not-joined")
    assert code == 3
    assert out.startswith("not read: ")


def test_the_text_form_of_a_small_capture(tmp_path: Path) -> None:
    path = tmp_path / "dsregcmd.txt"
    path.write_text(
        "| Device State |\n  AzureAdJoined : YES\n  DomainJoined : YES\n  TpmProtected : NO\n\n| User State |\n"
    )
    code, out, _ = run("diagnose", path, "--explain", "not-joined")
    assert code == 0
    lines = out.splitlines()
    assert lines[:5] == [
        "DOES NOT FIRE  not-joined on device without a name",
        "The computer is in the domain but not hybrid joined",
        "It does not fire, for this is false: dsregcmd field AzureAdJoined is NO.",
        "",
        "does not fire on the whole of the evidence",
    ]
    at = lines.index("      false dsregcmd field AzureAdJoined is NO")
    assert " ".join(" ".join(lines[at + 1 : at + 3]).split()) == f"{path}:2 AzureAdJoined : YES"


def _all(one: Clause) -> list[Clause]:
    return [one, *(each for inside in one.clauses for each in _all(inside))]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.doc["id"]))
def test_explain_says_what_the_engine_says_of_every_example(file: RuleFile) -> None:
    """Over all examples of all rules: the state is the engine's, every undecided leaf names what is missing."""
    for example in file.doc["tests"]:
        case = case_of(example["given"], VOCABULARY)
        found = explain(RULES, case, file.doc["id"])
        outcomes, _ = judge_rule(RULES, case, file.doc["id"])
        wanted = min(
            (one.state for one in outcomes), key=["match", "resolved", "benign", "unknown"].index, default="no-match"
        )
        assert found.state == wanted, example["name"]
        for trial in found.trials:
            for one in (each for part in trial.parts for each in _all(part.clause)):
                if one.kind != "signal":
                    assert bool(one.missing) == (one.value is None), (example["name"], one)
                if not one.clauses and one.value is True:
                    assert one.evidence or one.seen or one.kind == "capture", (example["name"], one)


def test_hostile_text_does_not_act(tmp_path: Path) -> None:
    path = tmp_path / "dsregcmd.txt"
    path.write_bytes(NOT_SYNCED.read_bytes().replace(b"is not found", "is not found \x1b[31m\u202e[x](y)".encode()))
    _, out, _ = run("diagnose", path, "--explain", "device-not-synced")
    assert not set("\x1b\u202e") & set(out)
    assert "\\x1b[31m" in out
    _, out, _ = run("diagnose", path, "--explain", "device-not-synced", "-f", "json")
    assert not set("\x1b\u202e") & set(out)


def test_with_redact_no_name_is_left() -> None:
    _, out, _ = run("diagnose", NOT_SYNCED, "--explain", "device-not-synced", "--redact", "-f", "json")
    for name in ("LT-0042", "corp.example", "22222222-3333-4444-5555-666666666666"):
        assert name not in out
    assert "is not found" in out


def test_many_contexts_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("troubleshoot.explain._MOST_TRIALS", 0)
    case = Case.of(parse_text("dsregcmd.txt", NOT_SYNCED.read_bytes(), None))
    found = explain(RULES, case, "device-not-synced")
    assert (found.state, found.trials, found.more) == ("match", (), 1)


def test_an_alias_is_a_name_too() -> None:
    doc = dict(next(file.doc for file in FILES if file.doc["id"] == "not-joined"), aliases=["old-name"])
    ruleset = Ruleset(compile_rules([RuleFile("x.yaml", doc)], VOCABULARY))
    case = Case.of(parse_text("dsregcmd.txt", NOT_SYNCED.read_bytes(), None))
    assert explain(ruleset, case, "old-name").rule.id == "not-joined"
