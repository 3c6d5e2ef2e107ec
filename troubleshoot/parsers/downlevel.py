"""What Windows 7 and 8.1 tell: the window of ``autoworkplace.exe /i``, and the list of installed updates.

These have no dsregcmd. The window is sent as typed or copied text under its title, "Workplace Join for Windows"; a list of
updates comes from ``wmic qfe``, ``Get-HotFix`` or ``systeminfo``. Microsoft Learn, "Troubleshoot legacy Microsoft Entra
hybrid joined devices".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from troubleshoot.model import Fact, LogLine, Problem, Sheet, Source

_TITLE = re.compile(r"workplace join for windows\b|autoworkplace(?:\.exe)?\b", re.IGNORECASE)
_MOST = 12  # lines of one window
_LONGEST = 2000
_UPDATE = re.compile(r"(?:^|\s|:)(KB\d{6,7})\b", re.IGNORECASE)
_LISTED = re.compile(r"^\s*\[\d{1,3}\]:\s*KB\d{6,7}\s*$", re.IGNORECASE)
_KEEPS_KEYS = "KB4284842"


def looks_like(sheet: Sheet) -> bool:
    """Is there a title of the window, or a list of updates?"""
    text = sheet.text
    return "HotFixID" in text or "]: KB" in text or _TITLE.search(text) is not None


def read(sheet: Sheet) -> Iterator[LogLine | Fact | Problem]:
    """Lines of component ``autoworkplace``, what they say as ``autoworkplace.dialog``, and ``hotfix.kb4284842``."""
    yield from _updates(sheet)
    yield from _window(sheet)


# Words of the five windows Microsoft shows, and the value of the fact they stand for.
_SAID = (
    ("authenticat", "sign-in-error"),
    ("verif", "not-domain-user"),
    ("maximum number", "quota-reached"),
    ("not respond", "service-not-responding"),
    ("n't respond", "service-not-responding"),
    ("is joined to", "joined"),
)


def _window(sheet: Sheet) -> Iterator[LogLine | Fact]:
    left = 0
    for number, line in enumerate(sheet.lines):
        if _TITLE.search(line[:_LONGEST]):
            left = _MOST
            told = line[:_LONGEST].partition(":")[2] if ":" in line else ""
            # A title alone says nothing; what stands behind "autoworkplace:" on the same line does.
            if number in sheet.taken or not any(letter.isalpha() for letter in told) or "\\" in told:
                sheet.taken.add(number)
                continue
        if left <= 0 or number in sheet.taken or not any(letter.isalnum() for letter in line):
            continue
        left -= 1
        sheet.taken.add(number)
        source = Source(sheet.name, number + 1)
        yield LogLine("autoworkplace", None, line.strip()[:_LONGEST], source)
        said = next((word for words, word in _SAID if words in line[:_LONGEST].casefold()), None)
        if said is not None:
            yield Fact("autoworkplace.dialog", said, source)


def _updates(sheet: Sheet) -> Iterator[Fact]:
    """Whether the update that keeps the keys of Windows 7 is in the list. No list, no fact."""
    head = None
    listed = installed = None
    for number, line in enumerate(sheet.lines):
        if "HotFixID" in line:
            head = number
        found = _UPDATE.search(line[:_LONGEST]) if head is not None else None
        if found is None and not _LISTED.match(line[:80]):
            continue
        sheet.taken.add(number)
        listed = number if listed is None else listed
        if _KEEPS_KEYS in line[:_LONGEST].upper():
            installed = number
    if head is not None:
        sheet.taken.add(head)
    if installed is not None:
        yield Fact("hotfix.kb4284842", "installed", Source(sheet.name, installed + 1))
    elif listed is not None:
        yield Fact("hotfix.kb4284842", "missing", Source(sheet.name, (listed if head is None else head) + 1))
