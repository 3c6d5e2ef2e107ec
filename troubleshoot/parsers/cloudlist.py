"""Objects printed as lists (``Format-List``): ``Get-ADComputer``, ``Get-MgDevice``, ``Get-EntraDevice``, one or many.

DistinguishedName : CN=WKS-0427,OU=Clients,DC=corp,DC=example
Name              : WKS-0427
ObjectGUID        : 3b0d9a77-5c1e-4e0a-8f62-91d7c2a6e450
userCertificate   : {48 130 3 12 ...}
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from troubleshoot.model import CloudObject, Problem, Sheet
from troubleshoot.parsers import cloudrows
from troubleshoot.parsers.cloudrows import Rows

_LINE = re.compile(r"^\s{0,8}([A-Za-z][\w.]{1,60})\s{0,60}:(?:\s(.*))?$")
_SIGNS = ("DistinguishedName", "TrustType", "AccountEnabled")
_MOST_LINES = 400  # of one object


def looks_like(sheet: Sheet) -> bool:
    """Is there a label that only these lists have?"""
    return any(sign in sheet.text for sign in _SIGNS)


def read(sheet: Sheet) -> Iterator[CloudObject | Problem]:
    """Every block of labelled lines that is a device or a computer object; other blocks are left alone."""
    rows = Rows(sheet.name)
    for start, end, pairs in _blocks(sheet):
        titles = tuple(pairs)
        found = cloudrows.plan(titles)
        if found is None or found.kind not in ("device", "computer"):
            continue
        made = rows.add(found, lambda place, titles=titles, pairs=pairs: pairs[titles[place]], start + 1)  # type: ignore[misc]
        sheet.taken.update(range(start, end))
        if made is not None:
            yield made
    yield from rows.listings()


def _blocks(sheet: Sheet) -> Iterator[tuple[int, int, dict[str, str]]]:
    """(first line from 0, line after the last, label -> text); a blank line or a label that repeats ends a block."""
    pairs: dict[str, str] = {}
    start = 0
    last = ""
    for number, line in enumerate([*sheet.lines, ""]):
        found = _LINE.match(line[:2000]) if number < len(sheet.lines) and number not in sheet.taken else None
        if (
            found is None
            and pairs
            and line[:1] == " "
            and line.strip()
            and number not in sheet.taken
            and ":" not in line
        ):
            pairs[last] = (pairs[last] + " " + line.strip())[:2000]  # a value that goes on below its label
            continue
        if found is None or found[1] in pairs or len(pairs) > _MOST_LINES:
            if len(pairs) > 1:
                yield start, number, {name: _plain(text) for name, text in pairs.items()}
            pairs = {}
        if found is not None:
            start = start if pairs else number
            last = found[1]
            pairs[last] = (found[2] or "").strip()


def _plain(text: str) -> str:
    """``{}`` is a collection without members, ``{48 130 ...}`` one with some, whose number the bytes do not tell."""
    if text.startswith("{"):
        members = text.strip("{} ").split(", ") if text.strip("{} ") else []
        if not members or ("..." not in text and all(member == "System.Byte[]" for member in members)):
            return str(len(members))
        return cloudrows.SOME
    return text
