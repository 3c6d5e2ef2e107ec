"""Evidence made in memory for tests: captures, records and log lines with invented names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from troubleshoot import times
from troubleshoot.model import Account, Capture, Event, Field, LogLine, Source

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
