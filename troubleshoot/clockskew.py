"""How far the device's clock is off: the time of a record against the server's time in the answer that it holds.

Microsoft Learn, "Troubleshoot Microsoft Entra hybrid joined devices": the registration service puts its ``time`` into each
error; "Microsoft Entra authentication and authorization error codes": the token service a ``Timestamp``. Both are in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from troubleshoot.model import Event, Fact

_PROVIDERS = frozenset({"microsoft-windows-user device registration", "microsoft-windows-aad", "aad"})
_TIME = re.compile(
    r'(?:"time" ?: ?"|\bTimestamp: ?)(\d{2,4})-(\d\d)-(\d{2,4})[ T](\d\d):(\d\d):(\d\d)(?:\.\d{1,7})?Z', re.IGNORECASE
)
_MOST = 50  # records that are looked at, the newest
_SIGNS = ("time", "Time")


def derive(events: Iterable[Event]) -> Iterator[Fact]:
    """``clock.skew`` of the newest record that holds an answer, in seconds without a sign.

    ``events``: newest first. An answer takes some seconds, so less than a minute means nothing. A date that may be read
    with the day or the month in front is read as the nearer one.
    """
    looked = 0
    for event in events:
        if event.provider.casefold() not in _PROVIDERS or event.time is None or event.time.tzinfo is None:
            continue
        looked += 1
        if looked > _MOST:
            return
        for text in (*event.data.values(), event.text or ""):
            found = _TIME.search(text[:20_000]) if any(sign in text for sign in _SIGNS) else None
            told = [abs(event.time - one) for one in _readings(found)] if found else []
            if told:
                skew = int(min(told) / timedelta(seconds=1))
                yield Fact("clock.skew", f"{skew}s", event.source, event.time)
                return


def _readings(found: re.Match[str]) -> Iterator[datetime]:
    first, second, third, hour, minute, seconds = (int(one) for one in found.groups())
    dates = ((first, second, third),) if len(found[1]) == 4 else ((third, second, first), (third, first, second))
    for year, month, day in dates:
        try:
            yield datetime(year, month, day, hour, minute, seconds, tzinfo=UTC)
        except ValueError:
            continue
