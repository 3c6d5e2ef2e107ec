"""Lines of ConfigMgr client logs, in both CMTrace forms and as copied from its window, and of the Azure VM log-in extension.

<![LOG[MDM enrollment failed ...]LOG]!><time="08:42:51.123+600" date="04-02-2019" component="CoManagementHandler" ...>
MDM enrollment failed ...  $$<CoManagementHandler><04-02-2019 08:42:51.123+600><thread=9476 (0x2504)>
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from troubleshoot import times
from troubleshoot.model import LogLine, Problem, Sheet, Source
from troubleshoot.parsers import eventtimes

_WRAPPED = re.compile(r"<!\[LOG\[(.*?)\]LOG\]!>\s*<([^<>\n]{0,400})>", re.DOTALL)
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
_SIMPLE = re.compile(
    r"^(.*?)\s*\$\$<([^<>]{1,60})><(\d\d?-\d\d?-\d{4} \d\d?:\d\d:\d\d(?:\.\d+)?)([+-]\d{1,6})?>(?:<thread=(\d+)[^>]*>)?"
)
_COLUMNS = re.compile(
    r"^(.{3,2000}?)[ \t]{2,}([A-Za-z][\w.]{2,60})[ \t]{2,}"
    r"(\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\s+\d{1,2}:\d\d:\d\d(?:\s*[AP]M)?)[ \t]+(\d{1,6})\s*\(0x[0-9A-Fa-f]+\)"
)
_EXTENSION = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)\s+\[(\w+)\]:\s*(.*)$")
_NAMED = re.compile(
    r"^\W*(CoManagementHandler|CcmAad|ADALOperationProvider|ClientIDManagerStartup)\.log\W+(.{5,2000})$", re.IGNORECASE
)
# What only CoManagementHandler writes, for lines that were pasted without their columns.
_COMANAGEMENT = (
    "co-existence mode",
    "unexpected vendor",
    "queuing enrollment timer",
    "mdm enrollment failed with error",
    "device is already enrolled with mdm",
    "co-management is disabled but expected",
    "workload settings is different",
    "enrolling device with registerdevicewithmanagement",
)
_THREAD = re.compile(r"\d \(0x")
_SIGNS = (
    *("<![LOG[", "$$<", "Z\t[", "Z [", ".log", "o-existence", "nrollment t", "nrollment f", "unexpected vendor"),
    *("o-management", "already enrolled", "nrolling device", "orkload settings"),
)
_MOST = 500_000
_LARGEST_BIAS = 14 * 60  # minutes


def looks_like(sheet: Sheet) -> bool:
    """Is there a sign of one of the forms?"""
    text = sheet.text
    return any(sign in text for sign in _SIGNS) or (" (0x" in text and _THREAD.search(text) is not None)


def read(sheet: Sheet) -> Iterator[LogLine | Problem]:
    """Every line of the known forms. Times with a bias are UTC, others naive with their text kept."""
    if "<![LOG[" in sheet.text:
        yield from _wrapped(sheet)
    for number, line in enumerate(sheet.lines[:_MOST]):
        if number in sheet.taken or len(line) < 8:
            continue
        found = _line(sheet.name, number, line[:4000])
        if found is not None:
            sheet.taken.add(number)
            yield found


def _wrapped(sheet: Sheet) -> Iterator[LogLine | Problem]:
    text = sheet.text
    line, counted = 1, 0
    for found in _WRAPPED.finditer(text):
        line += text.count("\n", counted, found.start())
        counted = found.start()
        sheet.taken.update(range(line - 1, line + found[0].count("\n")))
        told = dict(_ATTRIBUTE.findall(found[2]))
        time_text = f"{told.get('date', '')} {told.get('time', '')}".strip()
        moment = _with_bias(told.get("date", ""), told.get("time", ""))
        yield LogLine(
            told.get("component", ""),
            moment,
            found[1].strip(),
            Source(sheet.name, line),
            told.get("thread"),
            time_text or None,
        )
    last = text.rfind("<![LOG[")
    if last >= counted and text.find("]LOG]!>", last) < 0:
        yield Problem(Source(sheet.name, text.count("\n", 0, last) + 1), "damaged", "the last log line is cut off", 1)


def _with_bias(date: str, time: str) -> datetime | None:
    """CMTrace's ``04-02-2019`` and ``08:42:51.123+600``; the bias is in minutes from this local time to UTC.

    The Intune agent writes ``3-4-2026`` and ``12:03:04.1234567`` without bias. A bias that no place on Earth has is none.
    """
    found = re.match(r"(\d{1,2})-(\d{1,2})-(\d{4})$", date.strip())
    clock = re.match(r"(\d{1,2}):(\d\d):(\d\d)(?:\.(\d{1,9}))?([+-]\d{1,6})?", time.strip())
    if not found or not clock:
        return None
    try:
        micro = int((clock[4] or "0")[:6].ljust(6, "0"))
        local = datetime(
            int(found[3]), int(found[1]), int(found[2]), int(clock[1]), int(clock[2]), int(clock[3]), micro
        )
        bias = int(clock[5]) if clock[5] else None
        if bias is None or abs(bias) > _LARGEST_BIAS:
            return local
        return (local + timedelta(minutes=bias)).replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _line(name: str, number: int, line: str) -> LogLine | None:
    source = Source(name, number + 1)
    extension = _EXTENSION.match(line)
    if extension:
        return LogLine(
            "AADLoginForWindows", times.parse(extension[1]), extension[3].strip(), source, None, extension[1]
        )
    if "$$<" in line:
        found = _SIMPLE.match(line)
        if found:
            date, _, clock = found[3].partition(" ")
            return LogLine(
                found[2], _with_bias(date, clock + (found[4] or "")), found[1].strip(), source, found[5], found[3]
            )
    text = line.lstrip(" \t>*-•`").rstrip()
    if "(0x" in line:
        columns = _COLUMNS.match(text)
        if columns:
            return LogLine(columns[2], eventtimes.local(columns[3]), columns[1].strip(), source, columns[4], columns[3])
    named = _NAMED.match(text)
    if named:
        return LogLine(named[1], None, named[2].strip(), source)
    folded = text.casefold()
    if any(words in folded for words in _COMANAGEMENT):
        return LogLine("CoManagementHandler", None, text.strip("`"), source)
    return None
