"""What AD FS says of itself: ``Get-AdfsEndpoint`` and ``Get-AdfsRelyingPartyTrust``, as PowerShell lists them.

Microsoft Learn, "Configure Microsoft Entra hybrid join": one of the two windowstransport endpoints is enough;
"Microsoft Entra hybrid join, manual configuration": for Windows 7 and 8.1 the trust allows wiaormultiauthn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from troubleshoot.model import Fact, Problem, Sheet, Source

_PAIR = re.compile(r'^\s{0,20}"?([A-Za-z]{3,60})"?\s{0,40}:\s{0,4}(.{0,600}?),?\s*$')
_TRANSPORT = "/windowstransport"
_TRUST = "urn:federation:microsoftonline"
_CLASSES = "allowedauthenticationclassreferences"
_KNOWN = frozenset({"addresspath", "fullurl", "enabled", "identifier", "protocolprofile", "proxy", _CLASSES})
_FURTHER = " " * 8  # a value that goes on stands below itself
_MOST = 120  # lines of one object


class _Object(NamedTuple):
    """The properties of one printed object by their names in lower case: value, and line from 0."""

    values: dict[str, tuple[str, int]]


def looks_like(sheet: Sheet) -> bool:
    """Is one of the two endpoints, or the trust's list of methods, in the text?"""
    folded = sheet.text.casefold()
    return _TRANSPORT in folded or _CLASSES in folded


def read(sheet: Sheet) -> Iterator[Fact | Problem]:
    """``federation.windowstransport`` and ``federation.multiple-authentication``."""
    endpoints: list[tuple[str, int]] = []
    for one in _objects(sheet):
        path = one.values.get("addresspath") or one.values.get("fullurl")
        enabled = one.values.get("enabled")
        if path is not None and enabled is not None and _clean(path[0]).endswith(_TRANSPORT):
            endpoints.append((_clean(enabled[0]), enabled[1]))
            sheet.taken.update(number for _, number in one.values.values())
        if _CLASSES in one.values and _TRUST in one.values.get("identifier", ("", 0))[0].casefold():
            value, number = one.values[_CLASSES]
            if not value.endswith(("...}", "…}")) and value != "[":  # cut off: what follows is not known
                sheet.taken.update(number for _, number in one.values.values())
                word = "supported" if "wiaormultiauthn" in value.casefold() else "unsupported"
                yield _fact(sheet, "federation.multiple-authentication", word, number)
    words = {word for word, _ in endpoints}
    if "true" in words:
        yield _fact(
            sheet, "federation.windowstransport", "enabled", next(at for word, at in endpoints if word == "true")
        )
    elif words == {"false"} and len(endpoints) >= 2:  # the other of the two may be enabled
        yield _fact(sheet, "federation.windowstransport", "disabled", endpoints[0][1])


def _objects(sheet: Sheet) -> Iterator[_Object]:
    """Blocks of ``Name : value`` lines; an empty line, a brace, or a name that stood already begins the next."""
    values: dict[str, tuple[str, int]] = {}
    last = ""  # the known property above, whose value may go on
    for number, line in enumerate(sheet.lines):
        found = _PAIR.match(line) if number not in sheet.taken and len(line) < 800 else None
        name = found[1].casefold() if found else ""
        ends = not line.strip() or line.strip()[:1] in "{}" or name in values or len(values) >= _MOST
        if ends and values:
            yield _Object(values)
            values = {}
            last = ""
        if found and name in _KNOWN:
            values[name] = (found[2], number)
            last = name
        elif last and line.startswith(_FURTHER):
            before, at = values[last]
            values[last] = (f"{before} {line.strip()}"[:2000], at)
        else:
            last = ""
    if values:
        yield _Object(values)


def _clean(value: str) -> str:
    return value.strip().strip('"').casefold()


def _fact(sheet: Sheet, name: str, value: str, number: int) -> Fact:
    return Fact(name, value, Source(sheet.name, number + 1), text=" ".join(sheet.lines[number].split())[:300])
