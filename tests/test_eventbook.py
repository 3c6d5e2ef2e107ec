"""The table of event meanings: complete, true to the manifests, and used by show, code, the pages and lint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from evidence import AAD, UDR, at, event

from troubleshoot import attempts, codelookup, eventbook, ruledocs
from troubleshoot.case import Case, event_text
from troubleshoot.report import show
from troubleshoot.ruleset import load, read_folder, rules_folder
from troubleshoot.tables import DATA

FILES, VOCABULARY = read_folder(rules_folder())
UNDERSTOOD = 253


def test_the_number_of_records_understood() -> None:
    found = eventbook.every()
    assert len(found) == len({(one.provider, one.id) for one in found}) == UNDERSTOOD
    page = ruledocs.pages(FILES, VOCABULARY)["events.html"]
    assert f"<p>{UNDERSTOOD} records are understood.</p>" in page


def test_providers_are_those_of_the_vocabulary() -> None:
    table = json.loads((DATA / "events.json").read_text(encoding="utf-8"))["providers"]
    for alias, provider in table.items():
        assert provider["names"] == VOCABULARY["providers"][alias]["name"], alias
        assert {name.casefold() for name in provider["names"]} <= set(eventbook.ids())


def test_every_record_is_described() -> None:
    for one in eventbook.every():
        assert one.meaning.endswith((".", ")")), one
        assert one.source.startswith("https://"), one
        assert one.says in ("failed", "succeeded", "started", "state"), one
        assert one.level in ("Critical", "Error", "Warning", "Information", "Verbose"), one
        assert set(one.by_build) <= set(eventbook.SELECTED), one
        assert set(one.fields) == {name for names in one.by_build.values() for name in names}, one


def test_records_that_attempts_are_built_from_are_understood() -> None:
    lacking = [
        (provider, number)
        for provider, numbers in attempts.WANTED.items()
        for number in sorted(numbers)
        if eventbook.known(provider, number) is None
    ]
    assert lacking == []


BUILDS = {"1607": "1607", "1909": "1909", "26H1": "W11_26H1"}


@pytest.mark.shared
def test_levels_builds_and_names_are_those_of_the_manifests(shared: Path) -> None:
    rows = json.loads((shared / "reference" / "event_defs.json").read_text(encoding="utf-8"))
    order = list(rows["builds"])
    told: dict[tuple[str, int], Any] = {}
    for row in rows["events"]:
        told.setdefault((row["provider"], row["event_id"]), row)
    checked = 0
    for one in eventbook.every():
        row = told.get((one.name, one.id))
        if row is None:
            assert one.first is None, one
            continue
        checked += 1
        assert one.level == (row["level"] or "Information").removesuffix("al"), one
        assert (one.first, one.last) == tuple(row[name].removeprefix("W11_") for name in ("seen_first", "seen_last"))
        for build, original in BUILDS.items():
            there = order.index(row["seen_first"]) <= order.index(original) <= order.index(row["seen_last"])
            if not there:
                assert build not in one.by_build or len(set(one.by_build.values())) == 1, one
                continue
            fields = row["fields_by_build"][original] or []
            names = tuple((each if isinstance(each, str) else each["name"]).partition(":")[0] for each in fields)
            assert one.by_build[build] == names, (one, build)
    assert checked == 242


# ------------------------------------------------------------------------------------------------------ looking up


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("event 304", [("user-device-registration", 304)]),
        ("Event ID: 304", [("user-device-registration", 304)]),
        ("event 107", [("mdm", 107), ("task-scheduler", 107), ("kerberos", 107)]),
        ("AAD 1098", [("aad", 1098)]),
        ("aad event 1098", [("aad", 1098)]),
        ("AAD/Operational 1081", [("aad", 1081)]),
        ("Microsoft-Windows-AAD/Operational 1081", [("aad", 1081)]),
        ("User Device Registration 220", [("user-device-registration", 220)]),
        ("TaskScheduler event 7016", [("task-scheduler", 7016)]),
        ("AD FS 1021", [("ad-fs", 1021)]),
        ("WPJ 201", [("workplace-join", 201)]),
        ("304", []),
        ("AAD 9", []),
        ("printer 304", []),
        ("0x801c001d", []),
        ("AADSTS50155", []),
        ("error 5", []),
        ("", []),
        ("event " + "9" * 400, []),
    ],
)
def test_typed(text: str, expected: list[tuple[str, int]]) -> None:
    assert [(one.provider, one.id) for one in eventbook.typed(text)] == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["AAD", "1098"], ["AAD 1098"]),
        (["event", "304", "0x801c001d"], ["event 304", "0x801c001d"]),
        (["0x80090016", "AD", "FS", "1021"], ["0x80090016", "AD FS 1021"]),
        (["User", "Device", "Registration", "304", "keyset"], ["User Device Registration 304", "keyset"]),
        (["AAD"], ["AAD"]),
        (["AAD", "0x80090016"], ["AAD", "0x80090016"]),
        (["-2145648611", "5"], ["-2145648611", "5"]),
        (["event 304"], ["event 304"]),
        ([], []),
    ],
)
def test_joined(words: list[str], expected: list[str]) -> None:
    assert list(eventbook.joined(words)) == expected


def test_an_unknown_record_has_no_meaning() -> None:
    assert eventbook.known("Microsoft-Windows-AAD", 9) is None
    assert eventbook.known("Contoso-Agent", 304) is None
    assert eventbook.meaning(event(304, provider="Contoso-Agent")) is None


def test_names_of_providers_are_compared_without_case() -> None:
    assert eventbook.known(UDR.upper(), 304) == eventbook.known("user-device-registration", 304)


# ----------------------------------------------------------------------------------------------------------- used


def test_code_explains_an_event_and_names_its_rules() -> None:
    ruleset = load()
    (found,) = codelookup.look_up(["User", "Device", "Registration", "220"], ruleset)
    assert found.known
    assert {"ad-computer-object-unreadable", "scp-read-failed"} <= {rule.id for rule in found.rules}
    text = codelookup.as_text([found])
    assert "event 220 of Microsoft-Windows-User Device Registration  (Information, Windows 1607 to 26H1)" in text
    assert "1312 and 1317" in text
    form = json.loads(codelookup.as_json([found]))["codes"][0]
    assert form["events"][0]["id"] == 220
    assert form["events"][0]["says"] == "failed"
    assert form["readings"] == []


def test_a_code_names_no_event() -> None:
    form = json.loads(codelookup.as_json(codelookup.look_up(["0x801c001d"], load())))["codes"][0]
    assert form["events"] == []


def test_show_says_what_records_mean() -> None:
    first = event(335, "08:00", record=1)
    records = [
        first,
        event(335, "09:00", record=2),
        event(1016, "09:30", provider=AAD, record=3),
        event(9, "10:00", provider=AAD, record=4),
        event(304, "11:00", record=5, ExitCode="-2145648611"),
    ]
    form = show.json_form([Case.of(records)], [])["devices"][0]
    by_record = {one["record"]: one["meaning"] for one in form["events"]}
    assert by_record[3] == "The device is joined to Microsoft Entra."
    assert by_record[4] is None
    whats = [row["what"] for row in form["timeline"]]
    assert whats[0].startswith("join failed")
    assert whats[1] == "event 9 AAD"
    assert whats[2] == "event 1016 AAD: The device is joined to Microsoft Entra."
    assert whats[3].startswith("event 335 User Device Registration: The checks before the join found")
    assert whats[3].endswith("(2 times since 2025-03-04T08:00:00Z)")
    assert len(whats) == 4
    text = show.text([Case.of(records)], [])
    assert "means: Automatic registration stopped in the join phase." in text


def test_a_record_without_values_is_shown_by_its_meaning() -> None:
    assert event_text(event(334, at("08:00"))) == (
        "event 334 User Device Registration: The join stopped, since no domain controller could be found."
    )
    assert event_text(event(334, at("08:00"), text="Kein Domänencontroller.")).endswith("Kein Domänencontroller.")
    assert event_text(event(9, at("08:00"))) == "event 9 User Device Registration"


def test_pages_say_what_events_mean() -> None:
    made = ruledocs.pages(FILES, VOCABULARY)
    page = made["rules/join-not-run-as-system.html"]
    assert 'href="../events.html#user-device-registration-333"' in page
    assert 'href="rules/join-not-run-as-system.html"' in made["events.html"]
    assert ruledocs.broken_links(made) == []
