"""Files that gave evidence besides captures and event records: which are listed, as what, and that every form tells them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from evidence import at, log_line

from troubleshoot import filesread, words
from troubleshoot.case import Case
from troubleshoot.model import (
    Account,
    Clock,
    CloudObject,
    Evidence,
    Fact,
    FileRead,
    LogSpan,
    RegistryValue,
    Result,
    Row,
    Source,
)
from troubleshoot.pipeline import diagnose, diagnose_bytes
from troubleshoot.report import jsonform, render, stored
from troubleshoot.report.outline import file_in_words, log_in_words, logs_in_order
from troubleshoot.ruleset import load

JOIN = r"HKLM\SYSTEM\CurrentControlSet\Control\CloudDomainJoin\TenantInfo\11111111-2222-3333-4444-555555555555"
EXPORT = (
    f'Windows Registry Editor Version 5.00\r\n\r\n[{JOIN}]\r\n"DisplayName"="Contoso"\r\n"Flags"=dword:00000001\r\n'
)
PROXY = "Current WinHTTP proxy settings:\n\n    Direct access (no proxy server).\n"
HANDLER = (
    "<![LOG[Device is not MDM enrolled yet.]LOG]!>"
    '<time="08:00:00.000+00" date="03-04-2025" component="CoManagementHandler" context="" type="1" thread="1" file="x.cpp:1">\n'
)
DEVICES = "deviceId,displayName,trustType,registeredDateTime\n11111111-2222-3333-4444-555555555555,WKS-0427,ServerAd,\n"


def value(path: str, name: str = "One", number: int = 4, kind: str = "REG_DWORD") -> RegistryValue:
    return RegistryValue(JOIN, name, kind, 1, Source(path, number))


def held(path: str, name: str = "One") -> RegistryValue:
    return RegistryValue(JOIN, name, "REG_DWORD", 1, Source(path, record=4096))


def fact(path: str, text: str | None = "a line", name: str = "proxy.winhttp") -> Fact:
    return Fact(name, "direct", Source(path, 1), None, None, text)


def row(path: str, kind: str = "device", number: int = 2) -> CloudObject:
    return CloudObject(kind, None, None, {}, Source(path, number))


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ([], []),
        ([value("a.reg"), value("a.reg", "Two", 5)], [FileRead("a.reg", "registry", 2)]),
        (
            [value("a.reg", kind="absent")],
            [FileRead("a.reg", "registry", 0)],
        ),  # asked for and not there: read, no value
        ([value("a.reg", kind="key"), value("a.reg", "Two", 5)], [FileRead("a.reg", "registry", 1)]),
        (
            [value("a.reg"), value("b.reg")],
            [FileRead("a.reg", "registry", 1), FileRead("b.reg", "registry", 1)],
        ),  # same
        ([held("SYSTEM"), held("SYSTEM", "Two")], [FileRead("SYSTEM", "hive", 2)]),
        ([held("SYSTEM"), fact("SYSTEM")], [FileRead("SYSTEM", "facts", 1), FileRead("SYSTEM", "hive", 1)]),
        ([fact("proxy.txt"), fact("proxy.txt", name="x")], [FileRead("proxy.txt", "command", 2)]),
        ([fact("x.json", None)], [FileRead("x.json", "facts", 1)]),
        (
            [log_line("1", "B"), log_line("2", "A", line=2), log_line("3", "B", line=3)],
            [FileRead("app.log", "log", 3, ("B", "A"))],
        ),
        (
            [log_line("1", "B"), fact("app.log")],
            [FileRead("app.log", "facts", 1), FileRead("app.log", "log", 1, ("B",))],
        ),
        ([log_line("0x801c03f2", "code"), log_line("seen", "text", line=2)], [FileRead("app.log", "text", 2)]),
        ([log_line("left over", "text"), fact("app.log")], [FileRead("app.log", "command", 1)]),
        ([log_line("left over", "text"), log_line("1", "B", line=2)], [FileRead("app.log", "log", 1, ("B",))]),
        ([row("x.csv"), row("x.csv", number=3), row("x.csv", "listing", 1)], [FileRead("x.csv", "cloud", 2)]),
        ([row("x.csv", "listing", 1)], [FileRead("x.csv", "cloud", 0)]),
    ],
)
def test_files_of_evidence(evidence: list[Evidence], expected: list[FileRead]) -> None:
    assert list(Case.of(evidence).coverage.files) == expected
    assert list(Case.of(evidence[::-1]).coverage.files) == expected


@pytest.mark.parametrize(
    ("one", "line"),
    [
        (FileRead("a.reg", "registry", 1), "registry export a.reg: 1 value"),
        (FileRead("b.txt", "command", 2), "command output b.txt: 2 facts"),
        (FileRead("b.log", "log", 7, tuple("ABCDEF")), "log b.log: 7 lines of A, B, C, D, E"),
        (FileRead("x.csv", "cloud", 0), "export of the tenant or directory x.csv: 0 rows"),
        (FileRead("a\x1b[31m.reg", "hive", 3), r"registry hive a\x1b[31m.reg: 3 values"),
    ],
)
def test_a_file_in_words(one: FileRead, line: str) -> None:
    assert file_in_words(one) == line


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, text in {
        "cdj.reg": EXPORT,
        "netsh.txt": PROXY,
        "CoManagementHandler.log": HANDLER,
        "exportDevice.csv": DEVICES,
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    monkeypatch.chdir(tmp_path)
    return "."


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_every_form_lists_each_file(form: str, bundle: str) -> None:
    shown = render(diagnose([bundle], load()), form)
    for line in (
        "registry export cdj.reg: 2 values",
        "command output netsh.txt: 1 fact",
        "log CoManagementHandler.log: 1 line of CoManagementHandler",
        "export of the tenant or directory exportDevice.csv: 1 row",
    ):
        assert line in re.sub(r"&#(\d+);", lambda one: chr(int(one[1])), str(shown)), line


def test_a_long_list_is_cut_and_says_so(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number:02}.reg").write_text(EXPORT.replace("Contoso", str(number)), encoding="utf-8")
    result = diagnose([str(tmp_path)], load())
    shown = str(render(result, "text"))
    assert (shown.count("registry export "), "8 more files, in the JSON form" in shown) == (12, True)
    assert len(json.loads(render(result, "json"))["devices"][0]["coverage"]["files"]) == 20


def test_files_come_back_from_the_json_form(bundle: str) -> None:
    form = json.loads(render(diagnose([bundle], load()), "json"))["devices"][0]
    assert form["coverage"]["files"] == [
        {"path": "CoManagementHandler.log", "kind": "log", "items": 1, "components": ["CoManagementHandler"]},
        {"path": "cdj.reg", "kind": "registry", "items": 2},
        {"path": "exportDevice.csv", "kind": "cloud", "items": 1},
        {"path": "netsh.txt", "kind": "command", "items": 1},
    ]
    assert jsonform.report(stored.report(form)) == form


def test_the_clock_and_rows_of_a_table_come_back_from_the_json_form() -> None:
    (report,) = diagnose_bytes("netsh.txt", PROXY.encode(), load()).reports
    line = Row(
        Source("t.csv/row 2"), 2, "csv", "a table", "cut", "WKS-0427", account=Account("ada", "user"), said={"a": "b"}
    )
    clock = Clock("+05:30", Source("zone.reg", 4))
    form = jsonform.report(report._replace(coverage=report.coverage._replace(clock=clock, rows=(line,))))
    found = stored.report(form).coverage
    assert (found.rows, found.clock, jsonform.coverage(found)) == ((line,), clock, form["coverage"])


def reach(channel: str | None, records: int = 3, first: str | None = "08:00", lost: int = 0) -> LogSpan:
    moment = at(first) if first else None
    return LogSpan(channel, moment, moment and at("09:00"), records, lost, Source("a.evtx"))


def test_logs_of_the_join_come_first_even_if_empty() -> None:
    logs = [
        reach("Application"),
        reach("Microsoft-Windows-AAD/Operational"),
        reach("Microsoft-Windows-Kerberos/Operational", 0),
        reach("Contoso/Admin", 0),
        reach("System"),
        reach("microsoft-windows-user device registration/Admin", 0),
    ]
    assert [(one.channel, one.records) for one in logs_in_order(logs)] == [
        ("microsoft-windows-user device registration/Admin", 0),
        ("Microsoft-Windows-AAD/Operational", 3),
        ("Microsoft-Windows-Kerberos/Operational", 0),
        ("Application", 3),
        ("System", 3),
        ("Contoso/Admin", 0),
    ]


@pytest.mark.parametrize(
    ("span", "line"),
    [
        (reach("A/Admin", 1), "A/Admin: 1 record, 2025-03-04T08:00:00Z to 2025-03-04T09:00:00Z"),
        (reach("A/Admin", lost=2), "A/Admin: 3 records, 2025-03-04T08:00:00Z to 2025-03-04T09:00:00Z, 2 lost"),
        (reach("A/Admin", 0, None, 4), "A/Admin: empty, 4 lost"),
        (reach(None, 2, None), "a.evtx: 2 records, no time told"),
    ],
)
def test_a_log_in_words(span: LogSpan, line: str) -> None:
    assert log_in_words(span, None) == line


def test_more_logs_than_lines_are_counted() -> None:
    (report,) = diagnose_bytes("netsh.txt", PROXY.encode(), load()).reports
    logs = tuple(reach(f"Contoso{number:03}/Admin", number % 2) for number in range(420))
    result = Result((report._replace(coverage=report.coverage._replace(logs=logs)),), ())
    assert "408 more event logs, 210 of them empty; in the JSON form" in str(render(result, "text"))
    page = str(render(result, "html"))
    assert (page.count("<td>Contoso") + page.count(">Contoso"), "10 more, in the JSON form" in page) == (200, True)


def test_each_kind_has_its_words() -> None:
    assert list(words.FILES) == ["registry", "hive", "log", "text", "command", "facts", "cloud"]
    assert list(filesread.of([], [], [], [])) == []
