"""Local times as Event Viewer, PowerShell and CMTrace print them in many countries."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from troubleshoot import times

_DATE = re.compile(
    r"(\d{1,4})([./-])(\d{1,2})\2(\d{2,4})[ T,]+(\d{1,2})[:.](\d\d)(?:[:.](\d\d))?(?:[.,]\d+)?\s*(AM|PM|a\.m\.|p\.m\.)?",
    re.IGNORECASE,
)


_WITH_OFFSET = re.compile(r"\d\s?[+-]\d\d:?\d\d\s*$")


def day_first(texts: Iterable[str]) -> bool | None:
    """Do these dates of one export name the day first? None when none of them tells (all days and months below 13)."""
    for text in texts:
        found = _DATE.search(text)
        if not found or len(found[1]) == 4:
            continue
        if int(found[1]) > 12:
            return True
        if int(found[3]) > 12:
            return False
        if found[2] == ".":
            return True
        if found[8]:
            return False
    return None


def as_printed(text: str | None, moment: datetime | None) -> str | None:
    """``text``, the time as printed, where ``moment``, read from it, does not say as much: a local time, or one with an offset."""
    if not text or moment is None or moment.tzinfo is None:
        return text or None
    return text if _WITH_OFFSET.search(text) else None


def local(text: str, first: bool | None = None) -> datetime | None:
    """The time in ``text``: aware when it tells its zone, else naive. ``first``: the day stands before the month.

    None when there is no time, or when day and month cannot be told apart.
    """
    iso = times.parse(text)
    if iso is not None:
        return iso
    found = _DATE.search(text)
    if not found:
        return None
    one, _, two, year, hour, minute, second, half = found.groups()
    if first is None:
        first = day_first((text,))
    if len(one) == 4 or first is None:
        return None
    day, month = (one, two) if first else (two, one)
    hours = int(hour)
    if half:
        hours = hours % 12 + (12 if half[0] in "pP" else 0)
    try:
        return datetime(
            int(year) + (2000 if len(year) == 2 else 0), int(month), int(day), hours, int(minute), int(second or 0)
        )
    except ValueError:
        return None
