"""The log of DSRegTool (Microsoft's Device Registration Troubleshooter) and of scripts that write like it.

    [2026-03-04 08:16:10.214] [ERROR] Test failed: Automatic-Device-Join task scheduler is not ready

Times are UTC; lines of a longer message follow without a stamp. Runs are appended to one file. What a line says is an
exact-text table (``data/dsregtool_verdicts.yaml``) that knows version 3 ("Azure AD") and version 4 ("Microsoft Entra").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

import orjson

from troubleshoot import times
from troubleshoot.model import Account, Fact, LogLine, Problem, Sheet, Source
from troubleshoot.tables import DATA

COMPONENT = "DSRegTool"

_LINE = re.compile(r"^\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3})\] \[(INFO|WARN|ERROR|FATAL|DEBUG)\] ?(.*)$")
_USER = re.compile(r"^User Account: (\S[^,]{0,200}), UPN: ?(\S{0,200})\s*$")
_KEYWORDS = re.compile(r"\bazureAD(id|name):\s*([\w.-]{1,255})", re.IGNORECASE)
_MORE = 12  # lines of one message
_LONGEST = 2000


class Verdict(NamedTuple):
    """One line the tool may write: the check it ends, how it begins, and the fact it is (None: told elsewhere)."""

    check: str
    pattern: re.Pattern[str]
    fact: str | None
    value: str | None


@lru_cache(maxsize=1)
def verdicts() -> dict[str, tuple[Verdict, ...]]:
    """The table, by the first letters of a line; a beginning with the computer's name stands under the empty key."""
    found: dict[str, list[Verdict]] = {}
    for row in orjson.loads((DATA / "dsregtool_verdicts.json").read_bytes()):
        for text in (row["text"], *row.get("also", ())):
            before, host, after = text.partition("{host}")
            pattern = re.escape(before) + (r"\S{1,64} ?" + re.escape(after.lstrip()) if host else "")
            key = before[:_KEY] if len(before) >= _KEY else ""
            verdict = Verdict(row["check"], re.compile(pattern + r"(?![\w-])"), row["fact"], row.get("value"))
            found.setdefault(key, []).append(verdict)
    return {key: tuple(group) for key, group in found.items()}


_KEY = 10


def verdict_of(message: str) -> Verdict | None:
    """The row of the table that a message is, or None."""
    table = verdicts()
    for one in (*table.get(message[:_KEY], ()), *table.get("", ())):
        if one.pattern.match(message[:300]):
            return one
    return None


def looks_like(sheet: Sheet) -> bool:
    """Is there a stamped line?"""
    return "] [INFO] " in sheet.text or "] [ERROR] " in sheet.text or "] [WARN] " in sheet.text


def read(sheet: Sheet) -> Iterator[Fact | LogLine | Problem]:
    """The lines as they stand, and the facts among them, the newest first."""
    facts: list[Fact] = []
    account: Account | None = None
    lines = sheet.lines
    for number, line in enumerate(lines):
        if number in sheet.taken or not line.startswith("["):
            if line.startswith("=====") and line.strip("= ") == "" and _near_stamp(lines, number):
                sheet.taken.add(number)
            continue
        stamped = _LINE.match(line[:_LONGEST])
        if stamped is None:
            continue
        message = " ".join([stamped[3].strip(), *_continued(sheet, number)])[:_LONGEST]
        moment = times.parse(stamped[1] + "Z")
        source = Source(sheet.name, number + 1)
        sheet.taken.add(number)
        if message:
            yield LogLine(COMPONENT, moment, message, source, None, stamped[1])
        if user := _USER.match(message):
            account = _account(user[1], user[2])
        facts += _facts(sheet, number, message, moment, account)
    yield from reversed(facts)


def _near_stamp(lines: list[str], number: int) -> bool:
    return any(_LINE.match(line[:80]) for line in lines[number + 1 : number + 3])


def _continued(sheet: Sheet, number: int) -> list[str]:
    """The unstamped lines of a message: they are indented."""
    out: list[str] = []
    for at in range(number + 1, min(number + _MORE, len(sheet.lines))):
        line = sheet.lines[at]
        if at in sheet.taken or not line.startswith("    ") or not line.strip():
            break
        sheet.taken.add(at)
        out.append(line.strip())
    return out


def _account(name: str, upn: str) -> Account:
    kind = "entra" if name.casefold().startswith("azuread\\") else "domain" if upn else "unknown"
    if name.casefold() == "nt authority\\system":
        kind = "system"
    return Account(name, kind, None, upn or None)


_PERSONAL = frozenset({"prt.user", "account.administrator", "leftover.wam-storage"})


def _facts(sheet: Sheet, number: int, message: str, moment: datetime | None, account: Account | None) -> Iterator[Fact]:
    source = Source(sheet.name, number + 1)
    found = verdict_of(message)
    if found is not None and found.fact is not None:
        owner = account if found.fact in _PERSONAL else None
        yield Fact(found.fact, str(found.value), source, moment, owner, message[:300])
    if message.startswith("azureAD"):
        for what, value in _KEYWORDS.findall(message):
            name = f"scp.forest.tenant-{what.casefold()}"
            yield Fact(name, value, source, moment, None, message[:300])
    elif message.startswith("AD computer object has "):
        count = message[len("AD computer object has ") :].partition(" ")[0]
        if count.isdecimal():
            word = "present" if int(count) else "missing"
            yield Fact("certificate.userCertificate.count", count, source, moment, None, message[:300])
            yield Fact("certificate.userCertificate", word, source, moment, None, message[:300])
