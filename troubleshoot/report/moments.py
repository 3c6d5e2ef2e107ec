"""Times as a page shows them: in UTC, and by the device's own clock where its offset is known."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from troubleshoot import words
from troubleshoot.times import by_clock, iso


class Moment(NamedTuple):
    """A time: for machines, in UTC, by the device's clock."""

    iso: str
    text: str
    local: str | None


def moment(value: datetime | None, offset: str | None) -> Moment | None:
    """A time in UTC and at ``offset`` (``+01:00``), or as a local time of unknown zone."""
    stamp = iso(value)
    if value is None or stamp is None:
        return None
    text = value.replace(tzinfo=None).isoformat(" ", "seconds")
    if value.tzinfo is None:
        return Moment(stamp, f"{text} ({words.PAGE['local']})", None)
    local = by_clock(value, offset)
    return Moment(stamp, f"{text} UTC", f"{local[:19].replace('T', ' ')} UTC{offset}" if local else None)
