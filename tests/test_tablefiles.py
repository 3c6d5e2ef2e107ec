"""Which files are tables of many devices, and which only look like one: recognition is by content, and strict."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.archives import zipped
from troubleshoot.fleetinput import may_be_large, sizes
from troubleshoot.fleetinput.tables import tables
from troubleshoot.loader import in_memory
from troubleshoot.pipeline import open_cases

CAPTURE = "AzureAdJoined : NO\nDomainJoined : YES\nDevice Name : WKS-0427.corp.example\n"
NOTES = {
    "source": "a thread",
    "facts": {
        "Device State.AzureAdJoined": "YES",
        "Device State.DomainJoined": "YES",
        "SSO State.AzureAdPrt": "YES",
        "Device State.Device Name": "DESK-0427",
    },
    "codes": ["MSIS9368"],
    "expect": {"stage": "none", "must_not": ["MSIS9368", "0x801c03f2"]},
}


def found(text: str, name: str = "notes.json") -> int:
    """How many tables of devices a text is."""
    return len(tables(in_memory(name, text.encode())))


@pytest.mark.parametrize(
    "document",
    [
        NOTES,
        [NOTES, {**NOTES, "codes": ["MSIS9682"]}],
        {"rules": [{"host": "WKS-0427", "text": "AzureAdJoined is a label"}]},
        {"jobs": {"build-1": {"AzureAdJoined": "documented below"}}},
        [{"AzureAdJoined": "the device is joined to Entra", "host": "WKS-0427"}],
        {"errorCode": "0x801c03f2", "computers": ["WKS-0427", "WKS-0428"]},
        {"jointype": "Hybrid", "host": "WKS-0427"},
        {"schema": {"AzureAdJoined": {"type": "string"}, "DomainJoined": {"type": "string"}}},
    ],
)
def test_a_json_document_about_joins_is_no_table_of_devices(document: object) -> None:
    assert found(json.dumps(document)) == 0
    assert found(json.dumps(document, indent=1)) == 0


@pytest.mark.parametrize(
    "rows",
    [
        [{"host": "WKS-0427", "output": CAPTURE}, {"host": "WKS-0428", "output": CAPTURE}],
        [{"ComputerName": "WKS-0427", "AzureAdJoined": "NO", "DomainJoined": "YES"}],
        [{"ComputerName": "WKS-0427", "AzureAdJoined": True, "DomainJoined": True}],
        [{"device": {"name": "WKS-0427"}, "deviceState": {"azureADJoined": True}, "ssoState": {"azureAdPrt": False}}],
    ],
)
def test_rows_with_output_or_with_the_state_of_a_join_are_a_table(rows: list[object]) -> None:
    assert found(json.dumps(rows)) == 1
    assert found("\n".join(map(json.dumps, rows))) == 1


@pytest.mark.parametrize("column", ["codes", "model", "osversion", "serial", "remark"])
def test_codes_versions_and_models_are_not_taken_for_computers(column: str) -> None:
    values = ["MSIS9368", "KB5034441", "22H2", "0x801c03f2", "10.0.19045.3803a"]
    rows = [{column: value, "AzureAdJoined": "NO", "DomainJoined": "YES", "AzureAdPrt": "NO"} for value in values]
    (table,) = tables(in_memory("a.json", json.dumps(rows).encode()))
    assert table.plan.device is None


def test_notes_beside_a_capture_name_no_device(tmp_path: Path) -> None:
    (tmp_path / "input.txt").write_text(CAPTURE)
    notes = {**NOTES, "facts": {"Device State.AzureAdJoined": "NO", "Device State.DomainJoined": "YES"}}
    (tmp_path / "case.json").write_text(json.dumps(notes, indent=1))
    cases = open_cases([str(tmp_path)], None).cases
    assert [case.device.names for case in cases] == [("WKS-0427.corp.example",)]


def test_a_member_of_a_json_object_loses_its_quotes_and_comma(tmp_path: Path) -> None:
    (tmp_path / "pasted.txt").write_text(
        'it said\n"AzureAdJoined": "NO",\n"DomainJoined": "YES",\n"Device Name": "WKS-0427.corp.example",\n'
    )
    (case,) = open_cases([str(tmp_path)], None).cases
    assert case.device.names == ("WKS-0427.corp.example",)
    assert case.captures[0].named["AzureAdJoined"].text == "NO"


def test_what_looks_like_a_table_is_told_how_to_name_its_columns() -> None:
    from troubleshoot.pipeline import diagnose_bytes
    from troubleshoot.ruleset import load

    result = diagnose_bytes("a.csv", b"Asset Tag,Result\nWKS-1,none of ours\nWKS-2,nor this\n", load([]))
    (one,) = result.unread
    assert one.reason.endswith("name its columns with --map text=COLUMN,device=COLUMN (Asset Tag, Result)")
    result = diagnose_bytes("a.txt", b"a text, of words\nand more of them\n", load([]))
    assert "--map" not in result.unread[0].reason


def test_many_tables_are_counted_in_the_report() -> None:
    from troubleshoot.model import Result, TableRead
    from troubleshoot.report import render

    one = TableRead("a.csv", "csv", "a table", 2, {"reported": 2}, 2, {"text": "Output"})
    told = render(Result((), (), tables=(one,) * 14), "text")
    assert "2 more tables, in the JSON form" in (told if isinstance(told, str) else told.decode())


def flat(count: int) -> str:
    """A table of short rows."""
    return "Computer,AzureAdJoined,DomainJoined\n" + "".join(f"WKS-{one:06},NO,YES\n" for one in range(count))


def told(count: int) -> str:
    """A table with the whole output of each device in one cell."""
    output = "\n".join([CAPTURE.strip(), *(f"Label {one} : value, {one}" for one in range(80))])
    return "Computer,Output\n" + "".join(f'WKS-{one:06},"{output}"\n' for one in range(count))


def objects(count: int) -> str:
    """A list of JSON."""
    return json.dumps(
        [{"Computer": f"WKS-{one:06}", "AzureAdJoined": "NO", "DomainJoined": "YES"} for one in range(count)]
    )


@pytest.mark.parametrize(
    ("name", "text", "large"),
    [
        ("a.csv", flat(5500), True),
        ("a.csv", flat(4000), False),
        ("a.csv", told(100), False),
        ("a.csv", told(5500), True),
        ("a.json", objects(5500), True),
        ("a.json", objects(4000), False),
        ("a.log", "started, all is well\n" + "2026-03-04 09:15:02 a line of a log, with commas, of some length\n" * 6000, False),
        ("a.log", "", False),
        ("a.log", "Computer,AzureAdJoined\n", False),
    ],
    ids=["flat", "fewer", "cells", "many cells", "json", "fewer json", "log", "empty", "header"],
)  # fmt: skip
def test_a_table_of_very_many_devices_is_told_by_its_size_and_its_beginning(
    name: str, text: str, large: bool, tmp_path: Path
) -> None:
    for coding in ("utf-8", "utf-16"):
        path = tmp_path / f"{coding}-{name}"
        path.write_text(text, coding)
        assert (may_be_large(str(path)) and sizes.of_very_many(str(path))) == large
    packed = tmp_path / "a.zip"
    packed.write_bytes(zipped({"readme.md": b"x" * 20_000, name: text.encode()}))
    assert sizes.of_very_many(str(packed)) == large
    packed.write_bytes(packed.read_bytes()[:-40])  # without its directory
    assert sizes.of_very_many(str(packed)) is False


def test_columns_that_are_mapped_make_a_table_of_very_many_devices(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("one,two\n" + "".join(f"WKS-{one:06},words only\n" for one in range(5500)))
    assert sizes.of_very_many(str(path)) is False
    assert sizes.of_very_many(str(path), {"device": "one", "text": "two"}) is True
    assert sizes.of_very_many(str(path), {"device": "three", "text": "two"}) is False
