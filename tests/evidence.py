"""Evidence made in memory for tests: captures, records and log lines with invented names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from troubleshoot import times
from troubleshoot.attempts import rebuild
from troubleshoot.model import Account, Attempt, Capture, Event, Field, LogLine, Source

UDR = "Microsoft-Windows-User Device Registration"
AAD = "Microsoft-Windows-AAD"
MDM = "Microsoft-Windows-DeviceManagement-Enterprise-Diagnostics-Provider"
WPJ = "Microsoft-Windows-Workplace Join"
USER = Account("CORP\\ada", "domain", None, "ada@corp.example")
OTHER = Account("CORP\\bob", "domain", None, "bob@corp.example")
SYSTEM = Account("SYSTEM", "system", "S-1-5-18")

_ABSENT = {"": "empty", "SKIPPED": "skipped", "UNKNOWN": "unknown", "xxxx": "masked"}


def at(text: str) -> datetime:
    """``08:58`` or ``08:58:07`` on an invented day, or a whole time; in UTC."""
    if len(text) <= 12:
        text = f"2025-03-04T{text if text.count(':') == 2 else text + ':00'}Z"
    found = times.parse(text)
    assert found is not None, text
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def capture(
    *fields: tuple[str, str] | Mapping[str, str],
    time: str | None = None,
    account: Account | None = None,
    elevated: bool | None = None,
    path: str = "dsregcmd.txt",
    line: int = 1,
    kind: str = "dsregcmd",
    sections: Mapping[str, bool] | None = None,
    named: bool = True,
) -> Capture:
    """A capture of fields by rule name, one line each from ``line`` on."""
    pairs = [pair for one in fields for pair in (one.items() if isinstance(one, Mapping) else [one])]
    made = tuple(
        Field(None, name, name if named else None, text, _ABSENT.get(text), line + i)
        for i, (name, text) in enumerate(pairs)
    )
    by_name: dict[str, Field] = {}
    for field in made:
        if field.name:
            by_name.setdefault(field.name, field)
    moment = at(time) if time else None
    return Capture(kind, Source(path, line), moment, account, elevated, made, dict(sections or {}), by_name)


def event(
    number: int,
    time: str | datetime | None = None,
    provider: str = UDR,
    *,
    record: int | None = None,
    text: str | None = None,
    user: str | None = None,
    activity: str | None = None,
    computer: str | None = None,
    path: str = "log.evtx",
    line: int | None = None,
    **data: str,
) -> Event:
    """A record; ``data`` are its named values. Without ``record`` it stands on ``line`` of a text."""
    moment = at(time) if isinstance(time, str) else time
    return Event(
        provider=provider,
        id=number,
        channel=f"{provider}/Admin",
        time=moment,
        level=None,
        record=record,
        computer=computer,
        data=data,
        text=text,
        source=Source(path, line, record, None),
        user=user,
        activity=activity,
    )


def log_line(text: str, component: str, time: str | None = None, line: int = 1, path: str = "app.log") -> LogLine:
    """One line of a text log."""
    return LogLine(component, at(time) if time else None, text, Source(path, line))


BLOCK = {
    "PreviousRegistration": "2025-03-04 08:58:00.000 UTC",
    "RegistrationType": "sync",
    "ErrorPhase": "join",
    "ClientErrorCode": "0x801c03f2",
    "ServerErrorCode": "DirectoryError",
    "ServerMessage": "The device object by the given id (x) is not found.",
    "HttpsStatus": "400",
    "RequestId": "11111111-2222-3333-4444-555555555555",
}
DEBUG_331 = "preCheckResult: Join\r\nisJoined: undefined\r\nisDcAvailable: YES\r\nisSystem: YES\r\nresultCode: 0x0\r\n"
DEBUG_304 = (
    "joinMode: Join\r\nregistrationType: undefined\r\ntenantType: undefined\r\nerrorPhase: discover\r\n"
    "adalLog:\nundefined\r\nadalResponseCode: 0x0\r\n"
)
NOT_FOUND = '{"ErrorType":"DirectoryError","Message":"The public key user certificate is not found","TraceId":"abc"}'
MODERN = json.dumps(
    {
        "code": "invalid_request",
        "subcode": "error_missing_device",
        "message": "The device object is not found.",
        "operation": "DeviceRenew",
        "requestid": "11111111-2222-3333-4444-555555555555",
        "time": "04-03-2025 08:58:00Z",
    }
)


def built(*evidence: Capture | Event | LogLine) -> tuple[Attempt, ...]:
    """The attempts of this evidence, newest first."""
    return rebuild(
        [one for one in evidence if isinstance(one, Capture)],
        [one for one in evidence if isinstance(one, Event)],
        [one for one in evidence if isinstance(one, LogLine)],
    )


def only(*evidence: Capture | Event | LogLine) -> Attempt:
    """The one attempt of this evidence."""
    found = built(*evidence)
    assert len(found) == 1, found
    return found[0]


def says(attempt: Attempt, **expected: Any) -> None:
    """Does the attempt have these properties?"""
    assert {name: getattr(attempt, name) for name in expected} == expected


def discovery_run(time: datetime, first: int = 1) -> list[Event]:
    """331, 212, 307, 304 of one run that found no service connection point."""
    step = timedelta(milliseconds=40)
    return [
        event(331, time, record=first, DebugOutput=DEBUG_331, user="S-1-5-18"),
        event(212, time + step, record=first + 1, ErrorCode="2", Operation="RegOpenKeyExW", Path="HKLM\\CDJ\\AAD"),
        event(307, time + 2 * step, record=first + 2, ExitCode="-2145648611", user="S-1-5-18"),
        event(
            304,
            time + 3 * step,
            record=first + 3,
            ExitCode="-2145648611",
            ServerErrorMessage="",
            TenantType="undefined",
            JoinType="undefined",
            DebugOutput=DEBUG_304,
            user="S-1-5-18",
        ),
    ]
