"""``klist``: tickets of an account, and ``klist cloud_debug``.

The logon ids, the number of tickets, ``#0>`` and the names of services are the same in every language. ``0x3e7`` is the
logon of SYSTEM, so of the computer account.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from troubleshoot.model import Account, Fact, Problem, Sheet, Source

_LOGON = re.compile(r"^[^\[\]|<>=]{2,60} 0:0x([0-9a-fA-F]{1,16})\s*$")
_COUNT = re.compile(r"^[^\[\]{}<>=]{2,60}[:：] ?\((\d{1,4})\)\s*$")
_TICKET = re.compile(r"^\s{0,8}#\d{1,4}>")
_SERVICE = re.compile(r"\bkrbtgt/([^\s@]{1,255})\s*@", re.IGNORECASE)
_CLOUD = re.compile(r"^\s{0,8}([A-Z][\w ()-]{5,60}): ([01])\s*$")
_CLOUD_FACTS = {
    "Cloud Kerberos enabled by policy": ("kerberos.cloud-policy", ("disabled", "enabled")),
    "Cloud Primary (Hybrid logon) TGT available": ("kerberos.cloud-tgt", ("missing", "present")),
}
_CLOUD_REALM = "kerberos.microsoftonline.com"
_SYSTEM = Account("SYSTEM", "system", "S-1-5-18")
_TICKET_LINES = 14


def looks_like(sheet: Sheet) -> bool:
    """Is there a logon id or a line of the cloud form?"""
    return "0:0x" in sheet.text or "TGT available:" in sheet.text


def read(sheet: Sheet) -> Iterator[Fact | Problem]:
    """``kerberos.tgt.system``, ``kerberos.tgt.user``, ``kerberos.cloud-tgt``, ``kerberos.cloud-policy``."""
    logon, at = None, 0
    headings: set[int] = set()  # read once a list stands below them
    lines = sheet.lines
    while at < len(lines):
        line = lines[at][:400]
        if at in sheet.taken:
            at += 1
            continue
        found = _LOGON.search(line)
        if found:
            logon = found[1].casefold()
            headings.add(at)
        elif logon is not None and (count := _COUNT.match(line)):
            end = _end_of_list(lines, at + 1)
            yield from _tickets(sheet, at, end, int(count[1]), logon == "3e7")
            sheet.taken |= headings
            sheet.taken.update(range(at, end))
            at = end
            continue
        elif (told := _CLOUD.match(line)) and (logon is not None or told[1] in _CLOUD_FACTS):
            sheet.taken |= headings | {at}
            if told[1] in _CLOUD_FACTS and logon != "3e7":  # SYSTEM's own cloud ticket is nobody's
                name, words = _CLOUD_FACTS[told[1]]
                yield Fact(name, words[int(told[2])], Source(sheet.name, at + 1), text=line.strip())
        at += 1


def _end_of_list(lines: list[str], at: int) -> int:
    """Where a list of tickets ends: each begins with ``#n>``, its other lines are indented."""
    end, here = at, at
    while here < len(lines):
        line = lines[here]
        if _TICKET.match(line[:40]):
            end = here + 1
            while end < min(here + _TICKET_LINES, len(lines)) and lines[end][:1].isspace() and lines[end].strip():
                end += 1
            here = end
        elif line.strip():
            break
        else:
            here += 1
    return end


def _tickets(sheet: Sheet, count_at: int, end: int, count: int, system: bool) -> Iterator[Fact]:
    listed, own, cloud = 0, None, None
    for number in range(count_at + 1, end):
        line = sheet.lines[number][:600]
        listed += bool(_TICKET.match(line))
        service = _SERVICE.search(line)
        if service and service[1].casefold() == _CLOUD_REALM:
            cloud = number
        elif service and own is None:
            own = number
    name = "kerberos.tgt.system" if system else "kerberos.tgt.user"
    account = _SYSTEM if system else None
    if own is not None:
        yield Fact(name, "present", Source(sheet.name, own + 1), None, account, sheet.lines[own].strip()[:300])
    elif listed == count:  # a list that was cut off does not tell what it lacks
        text = sheet.lines[count_at].strip()
        yield Fact(name, "missing", Source(sheet.name, count_at + 1), None, account, text)
    if cloud is not None and not system:
        source = Source(sheet.name, cloud + 1)
        yield Fact("kerberos.cloud-tgt", "present", source, text=sheet.lines[cloud].strip()[:300])
