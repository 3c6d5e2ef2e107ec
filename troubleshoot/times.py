"""Instants and wall-clock times: read them, compare them, print them.

A ``datetime`` with a zone is an instant in UTC. One without is a local time of unknown zone, and nothing is ever
settled by it: comparing it with anything gives None.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?\s*(Z|UTC|GMT|[+-]\d\d:?\d\d)?", re.IGNORECASE
)


def parse(text: str) -> datetime | None:
    """The first ISO-like time in ``text`` (``2023-11-14 16:12:22.000 UTC``, ``2023-11-17T22:26:20.8800600Z``).

    Fractions past microseconds are cut. With ``UTC``, ``Z`` or an offset the result is aware and in UTC, else naive.
    Returns None when there is no time or it is no real date.
    """
    found = _ISO.search(text)
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    micro = int(fraction[:6].ljust(6, "0")) if fraction else 0
    known = None if zone is None else UTC
    try:
        value = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), micro, known)
        if zone is not None and zone[0] in "+-":
            offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
            value = value - offset if zone[0] == "+" else value + offset
    except (ValueError, OverflowError):
        return None
    return value


def after(left: datetime | None, right: datetime | None) -> bool | None:
    """Is ``left`` later than ``right``? None where either is missing or their zones are not both known."""
    if left is None or right is None or left.tzinfo is None or right.tzinfo is None:
        return None
    return left > right


def iso(value: datetime | None) -> str | None:
    """RFC 3339 with ``Z`` for an instant; the same without zone for a wall-clock time; None for None."""
    if value is None:
        return None
    text = value.replace(tzinfo=None).isoformat(timespec="milliseconds" if value.microsecond else "seconds")
    return text + "Z" if value.tzinfo else text


def order(value: datetime | None) -> tuple[int, str]:
    """A sort key for newest-first lists (use with ``reverse=True``): instants first, then wall-clock times, then None.

    Within a class the order is by time. It is an order for printing, not a claim that one came after the other.
    """
    if value is None:
        return (0, "")
    return (2 if value.tzinfo else 1, value.replace(tzinfo=None).isoformat())


def issued(validity: str) -> datetime | None:
    """When a device certificate was issued, from its printed validity ``[ start -- end ]``.

    The start usually lies 30 minutes before issue: issue is the end less ten years where that is at most an hour
    after the start, else the start. None when the text holds no two times.
    """
    first = _ISO.search(validity)
    if not first:
        return None
    start, end = parse(validity), parse(validity[first.end() :])
    if start is None or end is None or start.tzinfo is None or end.tzinfo is None:
        return None
    try:
        issue = end.replace(year=end.year - 10)
    except ValueError:  # 29 February
        issue = end.replace(year=end.year - 10, day=28)
    return issue if timedelta() <= issue - start <= timedelta(hours=1) else start


_LONGEST_OFFSET = 24 * 60


def minutes(offset: str) -> int | None:
    """The minutes of an offset as ``+05:30``; None for anything else."""
    found = re.fullmatch(r"([+-])(\d\d):(\d\d)", offset)
    if found is None or int(found[3]) > 59:
        return None
    size = int(found[2]) * 60 + int(found[3])
    return (-size if found[1] == "-" else size) if size < _LONGEST_OFFSET else None


def by_clock(value: datetime | None, offset: str | None) -> str | None:
    """The instant as a clock at ``offset`` shows it, RFC 3339 with that offset; None for a local time or no offset."""
    ahead = minutes(offset) if offset else None
    if value is None or value.tzinfo is None or ahead is None:
        return None
    try:
        moved = (value + timedelta(minutes=ahead)).replace(tzinfo=None)
    except OverflowError:
        return None
    return moved.isoformat(timespec="milliseconds" if moved.microsecond else "seconds") + str(offset)


def both(value: datetime | None, offset: str | None) -> str | None:
    """The time in UTC, and in brackets what a clock at ``offset`` shows: ``2026-03-04T09:10:00Z (10:10:00 UTC+01:00)``.

    The date stands in the brackets where it is another. As :func:`iso` where no offset is known or the zone is not.
    """
    first, second = iso(value), by_clock(value, offset)
    if first is None or second is None:
        return first
    day, _, clock = second.removesuffix(str(offset)).partition("T")
    shown = clock if first.startswith(day) else f"{day} {clock}"
    return f"{first} ({shown} UTC{offset})"
