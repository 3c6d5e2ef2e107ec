"""Service connection points as texts: what DSRegTool writes and what ``Get-ADObject`` prints.

The forest's one holds the keywords ``azureADId:`` and ``azureADName:``; the client-side one is two registry values, of
which DSRegTool writes ``TenantId:`` and ``TenantName:``. A sentence says that there is none; another, that the
directory could not be asked, which tells nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from troubleshoot import times
from troubleshoot.model import Fact, Problem, Sheet, Source

_KEYWORD = re.compile(r"\bazureAD(id|name):\s{0,3}([\w.-]{1,255})", re.IGNORECASE)
_VALUE = re.compile(r"^\s*(?:\[[^\]]{5,40}\] \[\w{4,5}\] )?(TenantId|TenantName):\s{0,3}([\w.-]{0,255})\s*$")
_NONE_IN_FOREST = ("Service Connection Point is not configured in", "Service Connection Point is not configured for")
_NOT_ASKED = "Not able to read Service Connection Point"
_NO_CLIENT_SIDE = "Client-side registry setting for SCP is not configured"
_CLIENT_SIDE = "Client-side registry setting for SCP is configured as"
_NEAR = 6


def looks_like(sheet: Sheet) -> bool:
    """Is there a keyword of the forest's SCP, or one of DSRegTool's sentences?"""
    text = sheet.text
    return "azureAD" in text or "zuread" in text or "setting for SCP" in text or "Service Connection Point" in text


def read(sheet: Sheet) -> Iterator[Fact | Problem]:
    """``scp.forest`` and ``scp.client-side`` with the tenant each names."""
    forest: list[Fact] = []
    for number, line in enumerate(sheet.lines):
        if number in sheet.taken or len(line) > 2000:
            continue
        stamped = line.startswith("[2")  # a line of DSRegTool's log, which tells the time
        if "azuread" in line.casefold() and (found := _KEYWORD.findall(line)):
            if not stamped:
                sheet.taken.add(number)
                if not forest:
                    forest.append(_fact(sheet, "scp.forest", "present", number))
                forest += [_fact(sheet, f"scp.forest.tenant-{what.casefold()}", value, number) for what, value in found]
        elif stamped and _CLIENT_SIDE not in line:
            continue
        elif _CLIENT_SIDE in line:
            yield from _client_side(sheet, number)
        elif line.strip().startswith(_NONE_IN_FOREST):
            sheet.taken.add(number)
            yield _fact(sheet, "scp.forest", "missing", number)
        elif line.strip().startswith(_NO_CLIENT_SIDE):
            sheet.taken.add(number)
            yield _fact(sheet, "scp.client-side", "missing", number)
        elif line.strip().startswith(_NOT_ASKED):
            sheet.taken.add(number)
    yield from forest


def _client_side(sheet: Sheet, heading: int) -> Iterator[Fact]:
    stamped = sheet.lines[heading].startswith("[2")
    told: dict[str, tuple[int, str]] = {}
    for number in range(heading + 1, min(heading + _NEAR, len(sheet.lines))):
        if found := _VALUE.match(sheet.lines[number][:400]):
            told.setdefault(found[1], (number, found[2]))
    if not told:
        return
    if not stamped:
        sheet.taken.update({heading, *(number for number, _ in told.values())})
    whole = all(told.get(name, (0, ""))[1] for name in ("TenantId", "TenantName"))
    yield _fact(sheet, "scp.client-side", "present" if whole else "incomplete", heading)
    for name, label in (("TenantId", "tenant-id"), ("TenantName", "tenant-name")):
        number, value = told.get(name, (heading, ""))
        if value:
            yield _fact(sheet, f"scp.client-side.{label}", value, number)


def _fact(sheet: Sheet, name: str, value: str, number: int) -> Fact:
    line = sheet.lines[number][:400].strip()
    moment = times.parse(line[1:24] + "Z") if line.startswith("[2") and line[24:25] == "]" else None
    return Fact(name, value, Source(sheet.name, number + 1), moment, None, line[:300])
