"""Small JSON files: the Autopilot profile of a device, the MDM collector's metadata, the status of the Azure VM log-in extension.

{"CloudAssignedTenantDomain": "contoso.onmicrosoft.com", "CloudAssignedDomainJoinMethod": 1, ...}
[{"version": "1.0", "timestampUTC": "2026-03-04T08:58:00Z", "status": {"name": "...AADLoginForWindows", "status": "error", "code": ...}}]
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from troubleshoot import times
from troubleshoot.model import Fact, LogLine, Problem, Sheet, Source

_AUTOPILOT, _METADATA, _STATUS = '"CloudAssignedDomainJoinMethod"', '"MdmDiagVersion"', '"formattedMessage"'
_LARGEST = 2_000_000  # characters; these files have a few thousand
_METHODS = {"0": "entra", "1": "hybrid"}
_MOST = 1_000


def looks_like(sheet: Sheet) -> bool:
    """Is there a name that only these files have?"""
    text = sheet.text
    return len(text) < _LARGEST and any(sign in text for sign in (_AUTOPILOT, _METADATA, _STATUS))


def read(sheet: Sheet) -> Iterator[Fact | LogLine | Problem]:
    """The join method, the metadata as a line, each status of the log-in extension as a line of it."""
    text = sheet.text
    start = min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=len(text))
    try:
        value, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        yield Problem(
            Source(sheet.name, text.count("\n", 0, start) + 1), "damaged", "the JSON is damaged or cut off", 1
        )
        return
    line = text.count("\n", 0, start)
    sheet.taken.update(range(line, line + text.count("\n", start, end) + 1))
    for one in (value if isinstance(value, list) else [value])[:_MOST]:
        if not isinstance(one, dict):
            continue
        if "CloudAssignedDomainJoinMethod" in one:
            yield from _autopilot(sheet, one)
        elif "MdmDiagVersion" in one:
            body = "; ".join(f"{name}={str(text)[:200]}" for name, text in one.items())
            yield LogLine("MdmDiagnosticsTool", None, body[:1000], Source(sheet.name, line + 1))
        elif isinstance(one.get("status"), dict):
            yield from _status(sheet, one, line + 1)


def _autopilot(sheet: Sheet, profile: dict[str, Any]) -> Iterator[Fact]:
    """1 is hybrid join, 0 Entra join. Microsoft Learn, "Windows Autopilot for existing devices"."""
    number = str(profile["CloudAssignedDomainJoinMethod"])
    line = next((at for at, text in enumerate(sheet.lines, 1) if _AUTOPILOT in text), 1)
    if number in _METHODS:
        said = f"CloudAssignedDomainJoinMethod: {number}"
        yield Fact("autopilot.join-method", _METHODS[number], Source(sheet.name, line), None, None, said)


def _status(sheet: Sheet, entry: dict[str, Any], line: int) -> Iterator[LogLine]:
    """The status of the log-in extension; the failure of one that prints no code gets that of the status."""
    status = entry["status"]
    said = json.dumps(status)[:4000]
    if "AADLogin" not in said and "AADLogin" not in sheet.name:
        return
    message = status.get("formattedMessage")
    text = str(message.get("message") if isinstance(message, dict) else message or "")[:2000]
    code = status.get("code")
    if str(status.get("status", "")).casefold() == "error" and code and str(code) not in text:
        text = f"{text} failed with exit code {code}".strip()
    moment = times.parse(str(entry.get("timestampUTC") or "")[:60])
    yield LogLine("AADLoginForWindows", moment, " ".join(text.split()), Source(sheet.name, line))
