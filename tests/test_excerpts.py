"""The lines around the proof, and all fields in rows to search."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.evidence import event, log_line
from tests.pages import SAMPLES, given
from troubleshoot.model import Capture, CloudObject, Fact, Field, Proof, RegistryValue, Report, Source
from troubleshoot.pipeline import diagnose
from troubleshoot.report import fieldrows
from troubleshoot.report.excerpts import Line, Surroundings, telling
from troubleshoot.report.shortnames import ShortNames
from troubleshoot.ruleset import load


def capture_of(path: str, fields: list[tuple[int, str, str]]) -> Capture:
    made = tuple(Field("Device State", label, None, text, None, line) for line, label, text in fields)
    return Capture("dsregcmd", Source(path, 1), None, None, None, made, {}, {})


def report_of(captures: tuple[Capture, ...] = (), evidence: tuple[object, ...] = ()) -> Report:
    (real,) = diagnose(given(SAMPLES / "healthy" / "home-pc"), load()).reports
    coverage = real.coverage._replace(captures=captures, evidence=evidence)
    return real._replace(coverage=coverage, attempts=(), findings=())


def around(report: Report) -> Surroundings:
    return Surroundings(report, ShortNames(report))


def test_an_excerpt_leaves_out_what_lies_between_and_what_is_of_another_file() -> None:
    fields = [(line, f"Label{line}", "x") for line in range(1, 21)]
    proofs = [Proof(Source("a", line), f"proof {line}") for line in (3, 15)] + [Proof(Source("c", record=7), "record")]
    found = around(report_of((capture_of("a", fields), capture_of("b", fields)))).excerpts(proofs)
    assert [one.where for one in found] == ["a", "c, records"]
    kinds = [(line.kind, line.number) for line in found[0].lines]
    assert kinds[:6] == [("section", None), ("near", 1), ("near", 2), ("proof", 3), ("near", 4), ("near", 5)]
    assert kinds[6:] == [("gap", None), ("near", 13), ("near", 14), ("proof", 15), ("near", 16), ("near", 17)]
    assert found[1].lines == (Line("proof", 7, "record"),)


def test_a_record_stands_between_the_two_records_before_and_after_it() -> None:
    moment = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
    records = tuple(
        event(304, moment, record=number, path="d/x.evtx", ExitCode="1") for number in (1, 40, 42, 50, 51, 55, 99)
    )
    other = event(304, moment, record=49, path="y.evtx")
    proofs = [Proof(Source("d/x.evtx", record=50), "the proof")]
    (found,) = around(report_of(evidence=(*records, other))).excerpts(proofs)
    assert found.where == "x.evtx, records"
    assert [(line.kind, line.number) for line in found.lines] == [
        *(("near", 40), ("near", 42), ("gap", None), ("proof", 50), ("near", 51), ("near", 55)),
    ]
    assert found.lines[3].text == "2026-03-04T09:00:00Z the proof"
    assert found.lines[0].text == "2026-03-04T09:00:00Z event 304 User Device Registration: ExitCode=1"


def test_lines_of_a_log_and_values_of_a_key_stand_around_too() -> None:
    log = tuple(log_line(f"text {number}", "agent", line=number, path="a.log") for number in range(1, 9))
    keys = tuple(RegistryValue("HKLM\\A", f"v{line}", "REG_SZ", "x", Source("a.reg", line)) for line in (2, 3, 9))
    proofs = [Proof(Source("a.log", 4), "four"), Proof(Source("a.reg", 3), "v3 = x"), Proof(Source("a.bin"), "whole")]
    found = around(report_of(evidence=(*log, *keys))).excerpts(proofs)
    assert [[(line.kind, line.text) for line in one.lines] for one in found] == [
        [("near", "text 2"), ("near", "text 3"), ("proof", "four"), ("near", "text 5"), ("near", "text 6")],
        [("section", "HKLM\\A"), ("near", "v2 = x"), ("proof", "v3 = x")],
        [("proof", "whole")],
    ]


@pytest.mark.parametrize(
    ("text", "codes", "shown"),
    [
        ("short", ("0x801c001d",), "short"),
        ("a" * 80, ("0x801c001d",), "a" * 58 + " …"),
        ("x0x801c001d" + "a" * 80, ("0x801c001d",), "x0x801c001d" + "a" * 47 + " …"),
        ("a" * 70 + "-2145648611b", ("0x801c001d",), "a" * 20 + " … " + "a" * 13 + "-2145648611b"),
        ("a" * 70 + " 50126 " + "b" * 70, ("AADSTS50126",), "a" * 20 + " … " + "a" * 12 + " 50126 " + "b" * 21 + " …"),
        ("\x1b" * 40, (), "\\x1b" * 14 + "\\x …"),
    ],
)
def test_the_first_screen_shows_the_code_of_a_long_record(text: str, codes: tuple[str, ...], shown: str) -> None:
    assert telling(text, codes, 60) == shown


def test_a_short_name_is_taken_only_where_it_tells_the_file_from_all_others() -> None:
    short = ShortNames(report_of((capture_of("a/x.txt", []), capture_of("b/x.txt", []), capture_of("b\\y.txt", []))))
    assert [short.path(one) for one in ("a/x.txt", "b\\y.txt")] == ["a/x.txt", "y.txt"]


def test_every_kind_of_evidence_gives_rows() -> None:
    moment = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
    evidence = (
        event(304, moment, record=3, path="x.evtx", ExitCode="-1", TenantType="Managed"),
        event(334, None, record=4, path="x.evtx", text="No domain controller"),
        RegistryValue("HKLM\\A", "", "REG_SZ", "d", Source("a.reg", 2)),
        RegistryValue("HKLM\\A", "None", "REG_NONE", None, Source("a.reg", 3)),
        log_line("text", "agent", "2026-03-04T09:00:00Z", line=5, path="a.log"),
        Fact("write-filter", "on", Source("stated.txt", 2)),
        CloudObject("device", None, "WKS-0427", {"trustType": "ServerAd"}, Source("d.csv", 2)),
    )
    found = fieldrows.fields(
        report_of((capture_of("s.txt", [(7, "Label", "x\ty\n")]),), evidence), ShortNames(report_of())
    )
    assert [(one.label, one.text, one.section, one.where) for one in found.rows] == [
        ("Label", "x y ", "Device State", "s.txt:7"),
        ("ExitCode", "-1", "event 304 User Device Registration 2026-03-04T09:00:00Z", "x.evtx record 3"),
        ("TenantType", "Managed", "event 304 User Device Registration 2026-03-04T09:00:00Z", "x.evtx record 3"),
        ("text", "No domain controller", "event 334 User Device Registration", "x.evtx record 4"),
        ("(default)", "d", "HKLM\\A", "a.reg:2"),
        ("None", "", "HKLM\\A", "a.reg:3"),
        ("agent", "text", "2026-03-04T09:00:00Z", "a.log:5"),
        ("write-filter", "on", "stated fact", "stated.txt:2"),
        ("trustType", "ServerAd", "device WKS-0427", "d.csv:2"),
    ]
    assert (found.lines, found.left) == ((), 0)


@pytest.mark.parametrize(
    ("count", "rows", "lines", "left"), [(299, 299, 0, 0), (303, 300, 3, 0), (50_007, 300, 49_700, 7)]
)
def test_more_fields_than_a_table_holds_are_lines_and_what_is_left_out_is_counted(
    count: int, rows: int, lines: int, left: int
) -> None:
    report = report_of((capture_of("s.txt", [(number, f"L{number}", "a\tb") for number in range(count)]),))
    found = fieldrows.fields(report, ShortNames(report))
    assert (len(found.rows), len(found.lines), found.left) == (rows, lines, left)
    assert found.total == rows + lines
    assert all(one.count("\t") == 3 and "\n" not in one for one in found.lines)
