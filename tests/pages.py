"""Inputs and pages for tests of the HTML report: samples, two devices, a hostile folder, thousands of attempts."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

from tests.evidence import event
from tools.make_samples import BESIDE
from troubleshoot.model import Attempt, Result, Source
from troubleshoot.pipeline import diagnose
from troubleshoot.report import render
from troubleshoot.ruleset import load

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
FOLDERS = sorted(path.parent for path in SAMPLES.glob("*/*/expected.json"))
HOSTILE = (
    "<script>alert(1)</script>",
    "</script></style></title><script>alert(2)</script>",
    "<img src=x onerror=alert(3)>",
    "[link](javascript:alert(4))",
    "=cmd()|'/c calc'!A1",
    "\x1b[31mred\x1b]8;;http://evil.example\x07",
    "\u202egnp.exe\u2066",
    "{{7*7}}{% for x in y %}",
    "\" autofocus onfocus=alert(5) x='",
    "javascript:alert(6)",
    "&lt;script&gt; url(http://evil.example) @import 'x'; </svg><svg onload=alert(7)>",
)


def given(folder: Path) -> list[str]:
    return [str(one) for one in sorted(folder.iterdir()) if one.name not in BESIDE]


def two_devices(folder: Path) -> str:
    for number, (kind, name) in enumerate((("broken", "device-not-synced"), ("healthy", "hybrid-managed"))):
        text = (SAMPLES / kind / name / "dsregcmd.txt").read_text(encoding="utf-8")
        target = folder / f"WKS-{number}"
        target.mkdir(parents=True)
        (target / "dsregcmd.txt").write_text(text.replace("LT-0042", f"WKS-{number}"), encoding="utf-8")
    return str(folder)


def stuffed(folder: Path) -> Path:
    """The files of a failed join in which every value, and most names, try to act: text, log, registry, list, facts."""
    target = folder / "<img src=x onerror=alert(8)>"
    target.mkdir()
    (target / "dsregcmd{{7*7}}.txt").write_text(_hostile_status(), encoding="utf-8")
    (target / "it's=cmd().bin").write_bytes(b"\0<script>alert(9)</script>")
    (target / "<b>log.xml").write_text(_hostile_log(), encoding="utf-8")
    keys = "\r\n".join(
        f"[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\CDJ\\AAD\\{_shown(one)}]\r\n"
        f'"{_quoted(one)}"="{_quoted(one)}"\r\n'
        for one in HOSTILE
    )
    (target / "cdj.reg").write_bytes(f"Windows Registry Editor Version 5.00\r\n\r\n{keys}".encode("utf-16"))
    (target / "AuditLogs_x.json").write_text(json.dumps(_hostile_audit(), indent=1), encoding="utf-8")
    facts = "\n".join(f"fact{number} = {_shown(one)}" for number, one in enumerate(HOSTILE))
    (target / "stated.txt").write_text(f"troubleshoot facts\n{facts}\n", encoding="utf-8")
    return folder


def _shown(text: str) -> str:
    return re.sub("[\x00-\x1f]", " ", text)


def _quoted(text: str) -> str:
    return _shown(text).replace("\\", "\\\\").replace('"', '\\"')


def _hostile_status() -> str:
    lines = []
    text = (SAMPLES / "broken" / "device-not-synced" / "dsregcmd.txt").read_text(encoding="utf-8")
    kept = ("AzureAdJoined", "DomainJoined", "Client ErrorCode", "Server ErrorCode", "Error Phase", "Client Time")
    for number, line in enumerate(text.splitlines()):
        label, colon, value = line.partition(" : ")
        attack = HOSTILE[number % len(HOSTILE)]
        if colon and label.strip() == "Server Message":
            value += " " + "".join(one for one in HOSTILE if "\x1b" not in one)
        elif colon and label.strip() not in kept:
            value = attack
        lines.append(label + colon + value)
    return "\n".join(lines)


def _hostile_log() -> str:
    """Event records as XML; the third one fails as the status does."""
    made = ""
    for number, one in enumerate(HOSTILE):
        text, name = escape(_shown(one)), escape(_shown(one), quote=True)
        made += (
            '<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System>'
            '<Provider Name="Microsoft-Windows-User Device Registration"/><EventID>304</EventID>'
            f'<TimeCreated SystemTime="2026-03-04T08:{number:02}:00.000Z"/><EventRecordID>{number}</EventRecordID>'
            f"<Channel>Microsoft-Windows-User Device Registration/Admin</Channel><Computer>{text}</Computer></System>"
            f'<EventData><Data Name="ExitCode">-2145647630</Data><Data Name="ServerErrorCode">{text}</Data>'
            f'<Data Name="ServerMessage">{text}</Data><Data Name="{name}">{text}</Data></EventData></Event>\n'
        )
    return f"<Events>{made}</Events>"


def _hostile_audit() -> list[dict[str, Any]]:
    return [
        {
            "activityDateTime": "2026-03-03T15:20:41.118Z",
            "activityDisplayName": "Delete device",
            "category": "Device",
            "correlationId": one,
            "result": one,
            "initiatedBy": {"user": {"userPrincipalName": one}},
            "targetResources": [{"id": one, "displayName": one, "type": "Device", "modifiedProperties": []}],
            "additionalDetails": [
                {"key": "DeviceId", "value": "22222222-3333-4444-5555-666666666666"},
                {"key": one, "value": one},
            ],
        }
        for one in HOSTILE
    ]


def written(path: Path, result: Result) -> str:
    made = render(result, "html")
    assert isinstance(made, str)
    path.write_bytes(made.encode())
    return path.as_uri()


def many(count: int) -> Result:
    """A real report with thousands of attempts of two flows, each with the record that it was rebuilt from."""
    result = diagnose(given(SAMPLES / "broken" / "device-not-synced"), load())
    start = datetime(2026, 3, 4, tzinfo=UTC)
    attempts, events = [], []
    for number in range(count):
        flow, time = ("join", "prt")[number % 2], start - timedelta(minutes=number)
        source = Source("User Device Registration.evtx", record=number)
        text = f"The server said no {number}"
        data = {"ExitCode": str(-2145648611 + number % 97), "TenantType": "Managed", "ServerMessage": text}
        events.append(event(304, time, record=number, path=source.path, **data))
        codes, request = (f"0x801c{number % 97:04x}",), f"11111111-2222-3333-4444-{number:012}"
        attempts.append(Attempt(flow, time, flow, "failed", codes, message=text, request_id=request, sources=(source,)))
    (report,) = result.reports
    coverage = report.coverage._replace(evidence=tuple(events))
    return result._replace(reports=(report._replace(attempts=tuple(attempts), coverage=coverage),))
