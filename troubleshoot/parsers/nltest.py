"""``nltest``: was a domain controller found, does the secure channel stand.

Values survive translation, labels do not: ``\\\\DC03`` on one line and its address on the next is what /dsgetdc prints;
``Status = 1311 0x51f ERROR_NO_LOGON_SERVERS`` ends a failure. /sc_query prints flags, the name of the controller and
the status, one line each; /dsregdns and /query print flags and status only, and tell neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from troubleshoot.model import Fact, Problem, Sheet, Source

_STATUS = re.compile(r"\b\w{3,12} = (\d{1,10}) (0x[0-9A-Fa-f]{1,8}) ?([A-Z]\w{3,60})?\s*$")
_CONTROLLER = re.compile(r"^[ >\t]{0,40}[^:：\\]{1,40}[:：] ?\\\\([^\s\\]{1,255})\s*$")
_ADDRESS = re.compile(r"^[ >\t]{0,40}[^:：\\]{1,40}[:：] ?\\\\([0-9A-Fa-f.:]{3,45})(?:%\d{1,4})?\s*$")
_FLAGS = re.compile(r"^[ >\t]{0,40}[^:：\s][^:：]{0,20}[:：] ?[0-9a-fA-F]{1,8}(?:\s{1,3}HAS_\w{1,20}){0,6}\s*$")
_OF_GETDC = frozenset({1355, 1311, 1212, 1722, 9002, 9003, 9501, 9701, 9852, 121, 1460})
"""Statuses of /dsgetdc that say that no controller was found; others (5, 87) say that the question failed."""
_OF_CONTROLLERS = ("dc", "ontr", "ドメイン", "域控", "도메인")
_BLOCK = 12  # lines of one answer


def looks_like(sheet: Sheet) -> bool:
    """Is there a status line, or the name of a controller?"""
    text = sheet.text
    return (" 0x" in text and " = " in text) or ": \\\\" in text or "：\\\\" in text


def read(sheet: Sheet) -> Iterator[Fact | Problem]:
    """``dc.located``, and ``secure-channel`` with its ``secure-channel.status``, each once: the last answer counts."""
    found: dict[str, Fact] = {}
    for number, line in enumerate(sheet.lines):
        if number in sheet.taken or len(line) > 400:
            continue
        if "\\\\" in line and _CONTROLLER.match(line) and _located(sheet, number):
            found["dc.located"] = Fact("dc.located", "yes", Source(sheet.name, number + 1), text=line.strip())
        elif " = " in line and (status := _STATUS.search(line)):
            for fact in _status(sheet, number, int(status[1])):
                found[fact.name] = fact
    yield from found.values()


def _located(sheet: Sheet, number: int) -> bool:
    """Does the address stand below the name, as /dsgetdc prints it? Then its lines are read."""
    below = sheet.lines[number + 1] if number + 1 < len(sheet.lines) else ""
    if not _ADDRESS.match(below[:400]):
        return False
    end = number + 1
    while end < min(number + _BLOCK, len(sheet.lines)) and sheet.lines[end].strip():
        end += 1
    sheet.taken.update(range(number, end))
    return True


def _status(sheet: Sheet, number: int, code: int) -> Iterator[Fact]:
    line = sheet.lines[number]
    source, text = Source(sheet.name, number + 1), line.strip()
    if "I_NetLogonControl" in line or "NetQueryDomain" in line:
        sheet.taken.add(number)  # the question itself was refused: it says nothing of the channel
        return
    above = number - 1
    if above >= 0 and _STATUS.search(sheet.lines[above][:400]):  # /sc_verify prints a second status
        above -= 1
    if above >= 1 and _FLAGS.match(sheet.lines[above - 1][:400]) and not _FLAGS.match(sheet.lines[above][:400]):
        sheet.taken.update({number, above, above - 1, *_closing(sheet, number)})
        yield Fact("secure-channel", "ok" if code == 0 else "broken", source, text=text)
        yield Fact("secure-channel.status", f"0x{code:08x}", source, text=text)
    elif above >= 0 and _FLAGS.match(sheet.lines[above][:400]):
        sheet.taken.update({number, above, *_closing(sheet, number)})  # /dsregdns, /query
    elif any(word in line.casefold() for word in _OF_CONTROLLERS) and code in _OF_GETDC:
        sheet.taken.add(number)
        yield Fact("dc.located", "no", source, text=text)


def _closing(sheet: Sheet, number: int) -> list[int]:
    """The line "The command completed successfully", in whatever language: the one line right below."""
    following = sheet.lines[number + 1] if number + 1 < len(sheet.lines) else ""
    closes = following.strip() and ":" not in following and "=" not in following and len(following) < 80
    return [number + 1] if closes else []
