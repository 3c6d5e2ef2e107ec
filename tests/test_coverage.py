"""Which rule stands for which documented cause: what proves it, what does not, and how many rows are proved."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from typer.testing import CliRunner

from troubleshoot import coverage
from troubleshoot.cli import app
from troubleshoot.coverage import Covered, causes, measure
from troubleshoot.ruleset import RuleFile, read_folder, rules_folder

FILES, VOCABULARY = read_folder(rules_folder())
NETWORK, BUSY = "0x80072ee7/join", "0x801c0025"


def block(code: str, phase: str = "join", more: str = "") -> str:
    return (
        "| Diagnostic Data |\n Previous Registration : 2026-03-04 08:58:00.000 UTC\n"
        f" Error Phase : {phase}\n Client ErrorCode : {code}\n{more}"
    )


def example(text: str, **keys: Any) -> dict[str, Any]:
    return {"name": text[-40:], "expect": "match", "given": {"dsreg": text}, **keys}


def rule(name: str, codes: list[str], covers: list[str], *tests: Mapping[str, Any], **keys: Any) -> RuleFile:
    doc = {
        "id": name,
        "title": f"The rule {name}",
        "maturity": "stable",
        "phase": "join",
        "severity": "error",
        "confidence": "likely",
        "covers": covers,
        "match": {"attempt": {"flow": "join", "code": codes}},
        "cause": "x",
        "fix": [],
        "references": [],
        "tests": list(tests),
        **keys,
    }
    return RuleFile(f"{name}.yaml", doc)


def states(*files: RuleFile) -> dict[str, Covered]:
    return {one.cause.id: one for one in measure(files, VOCABULARY) if one.named}


def test_one_row_with_an_example_that_holds_its_code_is_covered() -> None:
    found = states(rule("busy", ["0x801c0025"], [BUSY], example(block("0x801c0025"))))
    assert [(name, one.state, one.proved) for name, one in found.items()] == [(BUSY, "covered", ("busy",))]


def test_an_example_without_the_code_proves_nothing() -> None:
    text = block("0x80070005", more=" Server Message : busy\n")
    found = states(
        rule("busy", [], [BUSY], example(text), match={"attempt": {"flow": "join", "message": {"contains": "busy"}}})
    )
    assert found[BUSY].state == "named"


def test_an_example_that_another_rule_explains_proves_nothing() -> None:
    other = rule("first", ["0x801c0025"], [], explains=["busy"])
    found = states(rule("busy", ["0x801c0025"], [BUSY], example(block("0x801c0025"))), other)
    assert found[BUSY].state == "named"


def test_several_rows_of_one_rule_need_the_reason() -> None:
    tests = [example(block("0x801c0025")), example(block("0x80072ee7"))]
    files = rule("both", ["0x801c0025", "0x80072ee7"], [BUSY, NETWORK], *tests)
    assert [(one.state, one.shared) for one in states(files).values()] == [("shared", ("both",))] * 2
    files.doc["one_cause"] = "Both say that the service did not answer."
    found = states(files)
    assert [one.state for one in found.values()] == ["covered"] * 2
    assert found[BUSY].reasons == {"both": "Both say that the service did not answer."}


def test_another_causes_example_must_not_make_the_rule_a_root() -> None:
    wide = rule("wide", ["0x801c0025", "0x80072ee7"], [BUSY], example(block("0x801c0025")))
    network = rule("network", ["0x80072ee7"], [NETWORK], example(block("0x80072ee7")))
    found = states(wide, network)
    assert (found[BUSY].state, found[NETWORK].state) == ("crossed", "covered")
    assert [(one.rule, sorted(one.shows)) for one in found[BUSY].crossed] == [("network", [NETWORK])]
    printed = coverage.text(list(found.values()), missing=True)
    assert "shown as another cause by network:" in printed
    assert json.loads(coverage.as_json(list(found.values())))[0]["crossed"][0]["rule"] == "network"
    # An example with two faults says that it shows neither; hung under its cause, the finding is no root any more.
    mixed = rule("network", ["0x80072ee7"], [NETWORK], *network.doc["tests"], explains=["wide"])
    assert states(wide, mixed)[BUSY].state == "covered"
    both = example(block("0x801c0025") + "\n" + block("0x80072ee7"), shows=[])
    narrow = rule("narrow", ["0x801c0025"], [BUSY], example(block("0x801c0025")))
    again = rule("network", ["0x80072ee7"], [NETWORK], *network.doc["tests"], both)
    assert {one.state for one in states(narrow, again).values()} == {"covered"}


def test_a_condition_beside_another_row_needs_an_example_that_names_it() -> None:
    keys = {"one_cause": "The code is how the condition shows."}
    plain = rule("busy", ["0x801c0025"], [BUSY, "C39"], example(block("0x801c0025")), **keys)
    assert {name: one.state for name, one in states(plain).items()} == {BUSY: "covered", "C39": "named"}
    named = rule("busy", ["0x801c0025"], [BUSY, "C39"], example(block("0x801c0025"), shows=[BUSY, "C39"]), **keys)
    assert {one.state for one in states(named).values()} == {"covered"}
    alone = rule("busy", ["0x801c0025"], ["C39"], example(block("0x801c0025")))
    assert states(alone)["C39"].state == "covered"


def test_what_documents_call_no_fault_is_proved_by_a_harmless_finding() -> None:
    tests = [example(block("0x801c0025"), shows=["C51", "C39"], expect="benign")]
    leaf = {"attempt": {"flow": "join", "code": "0x801c0025"}}
    keys = {"benign": [{**leaf, "reason": "It passes."}], "one_cause": "Both are named for this test only."}
    found = states(rule("busy", ["0x801c0025"], ["C51", "C39"], *tests, **keys))
    assert {name: one.state for name, one in found.items()} == {"C51": "covered", "C39": "named"}


def test_taking_examples_away_uncovers() -> None:
    bare = [
        file._replace(doc={**file.doc, "tests": []}) if file.doc["id"] == "mdm-device-limit" else file for file in FILES
    ]
    row = "0x80180013/constant"
    assert next(one for one in measure(FILES, VOCABULARY) if one.cause.id == row).proved == ("mdm-device-limit",)
    again = next(one for one in measure(bare, VOCABULARY) if one.cause.id == row)
    assert (again.state, again.named) == ("named", ("mdm-device-limit",))


def test_the_list_has_every_documented_code_and_condition_once() -> None:
    rows = causes()
    assert len({one.id for one in rows}) == len(rows)
    by_kind = {kind: [one for one in rows if one.kind == kind] for kind in ("code", "condition")}
    assert {kind: len(found) for kind, found in by_kind.items()} == {"code": 364, "condition": 88}
    assert len({one.code for one in by_kind["code"]}) == 297
    assert all(one.log_visible in ("yes", "partly", "no") for one in rows)
    documents = {one.id: one.source for one in rows if not re.fullmatch(r"https://[^ ]+/[\w.-]+(#[\w-]+)?", one.source)}
    assert documents == {}


def test_every_documented_cause_is_covered() -> None:
    """The exact numbers, so that none is lost unseen; `troubleshoot rules coverage --missing` names what is."""
    none = {"shared": 0, "crossed": 0, "named": 0, "open": 0}
    assert coverage.counts(measure(FILES, VOCABULARY)) == {
        "code": {"covered": 364, **none},
        "condition": {"covered": 88, **none},
    }


def exit_code(*arguments: str) -> int:
    return CliRunner().invoke(app, arguments).exit_code


def test_the_command_fails_for_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert exit_code("rules", "coverage", "--missing") == 0
    row = causes()[0]._replace(id="0x801c0099/new", code="0x801c0099")
    monkeypatch.setattr(coverage, "causes", lambda: [row])
    assert exit_code("rules", "coverage", "--missing") == 1
    assert exit_code("rules", "coverage") == 0
