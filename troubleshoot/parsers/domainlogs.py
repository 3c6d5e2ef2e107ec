"""``NetSetup.LOG`` and ``netlogon.log``: the lines that tell how joining the domain and finding a controller went.

    03/04/2026 09:15:02:123 NetpDoDomainJoin: status: 0x54b
    03/04 09:15:02 [CRITICAL] [1234] CORP: NetpDcGetName: I_NetLogonGetDCName returned 0x54b

Both write local time; netlogon.log writes no year at all. So NetSetup's times are kept without a zone, netlogon's only
as printed. Of lines that repeat, the first and the last are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from troubleshoot.model import LogLine, Problem, Sheet, Source

_NETSETUP = re.compile(r"^(\d\d)/(\d\d)/(\d{4}) (\d\d):(\d\d):(\d\d):(\d{3}) (\S.*)$")
_NETLOGON = re.compile(r"^(\d\d/\d\d \d\d:\d\d:\d\d) \[([A-Z_]{2,20})\] (?:\[(\d{1,6})\] )?(\S.*)$")
_FAILED = re.compile(r"\b0x(?!0+\b)[0-9a-fA-F]{1,8}\b")
_SETUP_WORDS = (
    "NetpDoDomainJoin",
    "NetpUnJoinDomain",
    "NetpUnjoin",
    "NetpProvision",
    "NetpRequestOfflineDomainJoin",
    "status:",
)
_LOGON_KINDS = frozenset({"CRITICAL", "ERROR"})
_LOGON_STATUS = re.compile(r"\b0x[cC][0-9a-fA-F]{7}\b")
_LONGEST = 1000


def looks_like(sheet: Sheet) -> bool:
    """Are there lines of one of the two?"""
    return "Netp" in sheet.text or "] [" in sheet.text or "[CRITICAL]" in sheet.text or "[SESSION]" in sheet.text


def read(sheet: Sheet) -> Iterator[LogLine | Problem]:
    """The lines that matter, as components ``netsetup`` and ``netlogon``; all lines of both forms are taken."""
    kept: dict[tuple[str, str], list[LogLine]] = {}
    for number, line in enumerate(sheet.lines):
        if number in sheet.taken or line[2:3] != "/":
            continue
        found = _netsetup(sheet, number, line[:_LONGEST]) or _netlogon(sheet, number, line[:_LONGEST])
        if found is None:
            continue
        group = kept.setdefault((found.component, found.text), [])
        group[1:] = [found]
    lines = [one for group in kept.values() for one in dict.fromkeys(group)]
    yield from sorted(lines, key=lambda one: one.source.line or 0)


def _netsetup(sheet: Sheet, number: int, line: str) -> LogLine | None:
    found = _NETSETUP.match(line)
    if not found:
        return None
    sheet.taken.add(number)
    month, day, year, hour, minute, second, milli = (int(found[i]) for i in range(1, 8))
    text = found[8].rstrip()
    if not any(words in text for words in _SETUP_WORDS) and not _FAILED.search(text):
        return None
    try:
        moment = datetime(year, month, day, hour, minute, second, milli * 1000)
    except ValueError:
        moment = None
    return LogLine("netsetup", moment, text, Source(sheet.name, number + 1), None, line[:23])


def _netlogon(sheet: Sheet, number: int, line: str) -> LogLine | None:
    found = _NETLOGON.match(line)
    if not found:
        return None
    sheet.taken.add(number)
    text = found[4].rstrip()
    if found[2] not in _LOGON_KINDS and not (found[2] in ("SESSION", "LOGON", "MISC") and _LOGON_STATUS.search(text)):
        return None
    return LogLine("netlogon", None, f"[{found[2]}] {text}", Source(sheet.name, number + 1), found[3], found[1])
