"""The rules: every embedded example, every clause, every static check, and the files made from them."""

from __future__ import annotations

import copy
import csv
import json
from pathlib import Path
from typing import Any

import pytest

from troubleshoot import lint, rulecommands, ruledocs
from troubleshoot.engine import candidates, try_rule
from troubleshoot.match import Evaluator
from troubleshoot.ruleschema import problems, schema
from troubleshoot.ruleset import RuleError, RuleFile, Ruleset, compile_rules, load, read_folder, rules_folder
from troubleshoot.ruletest import Bench, case_of, mutations
from troubleshoot.ruleyaml import load as load_yaml
from troubleshoot.tables import DATA, SOURCES, compiled

FILES, VOCABULARY = read_folder(rules_folder())
CORE = "entra/identity/devices/"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.doc["id"])
def test_examples_give_what_they_expect(file: RuleFile) -> None:
    assert [str(one) for one in Bench(file, VOCABULARY).failures()] == []


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.doc["id"])
def test_every_clause_is_needed_by_an_example(file: RuleFile) -> None:
    assert [str(one) for one in Bench(file, VOCABULARY).unneeded()] == []


def test_lint_finds_nothing() -> None:
    assert [str(one) for one in lint.check(FILES, VOCABULARY)] == []


def test_schema_in_the_folder_is_current() -> None:
    committed = json.loads((rules_folder() / "rule.schema.json").read_text(encoding="utf-8"))
    assert committed == json.loads(json.dumps(schema(VOCABULARY))), (
        "run: troubleshoot rules schema -o rules/rule.schema.json"
    )


@pytest.mark.parametrize("name", SOURCES)
def test_compiled_tables_are_current(name: str) -> None:
    assert (DATA / f"{name}.json").read_bytes() == compiled(name), "run: python -m troubleshoot.tables"


def core_causes() -> set[str]:
    with (DATA / "causes.csv").open(encoding="utf-8", newline="") as stream:
        return {row["id"] for row in csv.DictReader(stream) if row["kind"] == "code" and CORE in row["source"]}


# Rows of the core documents that no device log can show, or that name no cause of a failed hybrid join.
NOT_A_RULE = {
    "exit code 51": "needs the status file of the Azure VM extension",
    "hostname duplication error": "needs the status file of the Azure VM extension",
}


def test_every_cause_of_the_core_documents_has_a_rule() -> None:
    covered = {str(cause) for file in FILES for cause in file.doc.get("covers", ())}
    assert core_causes() - covered - set(NOT_A_RULE) == set()


CORE_CONDITIONS = (
    [f"C{number:02}" for number in range(1, 16)]
    + ["C20", "C21", "C22", "C23", "C24", "C28", "C29", "C33", "C34", "C39", "C50", "C51", "C52", "C53"]
    + ["C60", "C61", "C62", "C63", "C64", "C81"]
)


@pytest.mark.parametrize("condition", CORE_CONDITIONS)
def test_core_conditions_have_a_rule(condition: str) -> None:
    assert any(condition in map(str, file.doc.get("covers", ())) for file in FILES)


# ------------------------------------------------------------------------------------- what lint must catch

GOOD = copy.deepcopy(next(file for file in FILES if file.doc["id"] == "registration-service-busy").doc)


LOOK = {"do": "Look.", "who": "user", "where": "device", "as": "any"}


def changed(**changes: Any) -> RuleFile:
    doc = copy.deepcopy(GOOD)
    for key, value in changes.items():
        if value is None:
            doc.pop(key, None)
        else:
            doc[key] = value
    return RuleFile("rules/discover/registration-service-busy.yaml", doc, {})


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"titel": "x"}, "R000"),
        ({"title": "short"}, "R000"),
        ({"match": {"attempt": {"flow": "join", "cod": "0x801c0025"}}}, "R000"),
        ({"match": {"attempt": {"flow": "join", "code": "0X801C0025"}}}, "R000"),
        ({"match": {"dsreg": {"AzureAdJoind": "NO"}}}, "R000"),
        ({"match": {"dsreg": {"AzureAdJoined": "MAYBE"}}}, "R000"),
        ({"match": {"dsreg": {"KeySignTest": {"beginswith": "FAIL"}}}}, "R000"),
        ({"match": {"fact": {"proxy.winhttp": "sometimes"}}}, "R000"),
        ({"match": {"dsreg": {"AzureAdJoined": "NO"}, "sign": "hybrid-intended"}}, "R000"),
        ({"unless": [{"dsreg": {"AzureAdJoined": "NO"}, "decisiv": True}]}, "R000"),
        ({"fix": [{"do": "x", "who": "nobody"}]}, "R000"),
        ({"references": ["http://contoso.com"]}, "R000"),
        ({"id": "another-name"}, "R001"),
        ({"phase": "join"}, "R001"),
        ({"explains": ["no-such-rule"]}, "R002"),
        ({"explains": ["registration-service-busy"]}, "R003"),
        ({"match": {"not": {"dsreg": {"AzureAdJoined": "NO"}}}}, "R004"),
        ({"match": {"attempt": {"flow": "join", "code": "0x801c03f2"}}, "confidence": "certain"}, "R005"),
        ({"match": {"attempt": {"flow": "join", "message": {"re": "(a+)+b"}}}}, "R006"),
        ({"match": {"attempt": {"flow": "join", "message": {"re": "(a"}}}}, "R006"),
        ({"resolved_by": ["join-succeeded"], "tests": GOOD["tests"][:1] * 2}, "R008"),
        ({"references": ["https://contoso.com/page"]}, "R013"),
        ({"resolved_by": None}, "R014"),
        ({"covers": ["0x801c0025", "C999"]}, "R015"),
        ({"covers": None}, "R015"),
        ({"match": {"event": {"provider": "netlogon", "id": 5719}}}, "R016"),
        ({"intent": "hybrid-intended", "benign_when": None}, "R017"),
        ({"match": {"event": {"provider": "user-device-registration", "id": 9999}}}, "R020"),
        ({"match": {"attempt": {"flow": "join", "event": 9999}}}, "R020"),
        ({"fix": [{"do": "Look at it.", "who": "helpdesk", "where": "device"}] * 6}, "R000"),
        ({"fix": [{"do": "Look at it.", "who": "helpdesk"}]}, "R021"),
        ({"fix": [{"do": "Look.", "who": "helpdesk", "where": "device", "run": "winver"}]}, "R022"),
        ({"fix": [{"do": "Look.", "who": "user", "where": "device", "as": "admin", "run": "whoami /upn"}]}, "R022"),
        ({"fix": [{**LOOK, "run": "dsregcmd /status", "expect": "AzureAdPrt reads YES"}]}, "R022"),
        ({"cause": "Azure AD does not know the computer, since nothing has brought it there until now."}, "R023"),
        ({"one_cause": "nothing else is covered here"}, "R019"),
        ({"tests": [{**GOOD["tests"][0], "shows": ["C01"]}, *GOOD["tests"][1:]]}, "R019"),
        ({"tests": [*GOOD["tests"], {**GOOD["tests"][0], "expect": "unknown", "shows": GOOD["covers"]}]}, "R019"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_lint_catches(changes: dict[str, Any], wanted: str) -> None:
    others = [file for file in FILES if file.doc["id"] != "registration-service-busy"]
    found = [str(one) for one in lint.check([*others, changed(**changes)], VOCABULARY)]
    assert any(wanted in one for one in found), found


def test_lint_catches_a_command_to_collect_without_its_prompt() -> None:
    facts = {**VOCABULARY["facts"], "proxy.winhttp": {"about": "a proxy", "collect": "run `netsh winhttp show proxy`"}}
    assert any("R024" in str(one) for one in lint.check(FILES, {**VOCABULARY, "facts": facts}))


def test_lint_catches_twins_and_personal_data_and_commands() -> None:
    twin = RuleFile("rules/discover/second.yaml", {**copy.deepcopy(GOOD), "id": "second"}, {})
    twin.doc["tests"][0]["given"] = {
        "dsreg": "| Device State |\n AzureAdJoined : NO\n| SSO State |\n User Identity : jo@fabrikam-real.net"
    }
    twin.doc["fix"] = [{"do": "leave", "who": "helpdesk", "where": "device", "run": "dsregcmd /leave"}]
    found = " ".join(str(one) for one in lint.check([*FILES, twin], VOCABULARY))
    for wanted in ("R010", "R011", "R012"):
        assert wanted in found


def test_a_clause_no_example_needs_is_found() -> None:
    doc = copy.deepcopy(GOOD)
    doc["match"] = {"all": [doc["match"], {"attempt": {"flow": "join", "phase": ["discover", "join", "auth"]}}]}
    found = [one.message for one in Bench(RuleFile("x", doc, {}), VOCABULARY).unneeded()]
    assert any("match.all[1]" in one for one in found)


def test_mutations_reach_every_clause() -> None:
    doc = next(file for file in FILES if file.doc["id"] == "scp-read-failed").doc
    names = {what for _, what, _ in mutations(doc)}
    assert {"intent", "confirm", "unless[0]", "benign[0]", "applies_to.join", "match.any[0]", "match.any[1]"} <= names


def test_an_example_that_fails_is_named() -> None:
    doc = copy.deepcopy(GOOD)
    doc["tests"][0]["expect"] = "no-match"
    (failure,) = Bench(RuleFile("x.yaml", doc, {"tests": 7}), VOCABULARY).failures()
    assert str(failure).startswith("x.yaml:7: example ")
    assert "expected no-match, got match" in failure.message


# --------------------------------------------------------------------------------------------- loading rules


def test_yaml_keeps_what_dsregcmd_prints() -> None:
    doc, lines = load_yaml("a: NO\nb: 0x801c001d\nc: 2026-03-04\nd: true\ne: 12\nf: '12'\ng: null\nh: yes\n", "x")
    assert doc == {
        "a": "NO",
        "b": "0x801c001d",
        "c": "2026-03-04",
        "d": True,
        "e": 12,
        "f": "12",
        "g": None,
        "h": "yes",
    }
    assert lines["d"] == 4


@pytest.mark.parametrize(
    "text", ["a: 1\na: 2\n", "a: &x 1\nb: *x\n", "- a\n", "a: [\n", "a: !!python/object:os.system x\n"]
)
def test_yaml_refuses(text: str) -> None:
    with pytest.raises(RuleError, match=r"^x:\d+: "):
        load_yaml(text, "x")


def test_a_folder_replaces_disables_and_adds(tmp_path: Path) -> None:
    folder = tmp_path / "join"
    folder.mkdir()
    source = (rules_folder() / "join" / "directory-error.yaml").read_text(encoding="utf-8")
    (folder / "directory-error.yaml").write_text(
        source.replace("a known message", "any known message"), encoding="utf-8"
    )
    (tmp_path / "vocabulary.yaml").write_text(
        "disable: [prt-not-refreshed]\nsigns:\n  mine:\n    dsreg: {AzureAdJoined: YES}\n", encoding="utf-8"
    )
    ruleset = load([tmp_path])
    assert ruleset.replaced == ("directory-error", "prt-not-refreshed")
    assert len(ruleset) == len(FILES) - 1
    assert "any known message" in ruleset.rule(ruleset.numbers["directory-error"]).title
    assert "mine" in ruleset.signs


def test_a_folder_with_a_bad_rule_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("id: bad\ntitle: too short\n", encoding="utf-8")
    with pytest.raises(RuleError, match=r"bad\.yaml:"):
        load([tmp_path])


def test_a_folder_cannot_redefine_a_name(tmp_path: Path) -> None:
    (tmp_path / "vocabulary.yaml").write_text(
        "signs:\n  hybrid-joined:\n    dsreg: {AzureAdJoined: NO}\n", encoding="utf-8"
    )
    with pytest.raises(RuleError, match="hybrid-joined"):
        load([tmp_path])


def test_a_new_rule_passes_lint_shape_and_its_examples(tmp_path: Path) -> None:
    path = rulecommands.write_skeleton("my-rule", "join", tmp_path)
    (file,), _ = read_folder(tmp_path)
    assert path.name == "my-rule.yaml"
    assert list(problems(file, VOCABULARY)) == []
    assert Bench(file, VOCABULARY).failures() == []
    assert Bench(file, VOCABULARY).unneeded() == []
    with pytest.raises(RuleError, match="there already"):
        rulecommands.write_skeleton("my-rule", "join", tmp_path)


# ------------------------------------------------------------------------------------------------- dispatch


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.doc["id"])
def test_dispatch_equals_full_evaluation(file: RuleFile) -> None:
    """Over the examples of one rule, the rules that match are the same with the index and without it."""
    ruleset = load()
    for example in file.doc["tests"]:
        case = case_of(example["given"], VOCABULARY)
        evaluator = Evaluator(ruleset, case)
        chosen = set(candidates(ruleset, case, evaluator))
        for number in range(len(ruleset)):
            states = {one.state for one in try_rule(Evaluator(ruleset, case), ruleset.rule(number))}
            if states - {"unknown"}:
                assert number in chosen, ruleset.rule(number).id


def test_wanted_events_come_from_all_rules() -> None:
    wanted = load().wanted()
    ids = wanted["Microsoft-Windows-User Device Registration"]
    assert ids is not None
    assert {220, 306, 307, 333, 362, 369} <= ids


def test_compiled_form_survives_storage() -> None:
    data = compile_rules(FILES, VOCABULARY, "abc")
    again = Ruleset(json.loads(json.dumps(data)))
    assert [again.rule(number).id for number in range(len(again))] == [file.doc["id"] for file in FILES]
    assert again.digest == "abc"


def test_the_pages_about_the_rules_are_whole_and_escape_what_they_show(tmp_path: Path) -> None:
    ruledocs.write(tmp_path)
    assert ruledocs.check(tmp_path) == []
    page = tmp_path / "rules" / "scp-read-failed.html"
    page.write_text(page.read_text(encoding="utf-8") + "x", encoding="utf-8")
    (tmp_path / "rules" / "gone.html").write_text("", encoding="utf-8")
    assert [line.partition(": ")[2] for line in ruledocs.check(tmp_path)] == ["stale", "no rule has this page"]
    files, vocabulary = read_folder(rules_folder())
    hostile = [file._replace(doc={**file.doc, "title": "<script>alert(1)</script>"}) for file in files[:1]]
    hostile = [one._replace(doc={**one.doc, "explains": []}) for one in hostile]
    made = ruledocs.pages(hostile, vocabulary)
    assert not any("<script>alert" in text for text in made.values())
    assert ruledocs.broken_links({"a.html": '<a href="b.html">b</a>'}) == ["a.html: the link b.html leads nowhere"]
