"""How far the device's own clock is from UTC, where its evidence says so. Never guessed.

A time zone is not an offset: ``(UTC+01:00)`` of ``systeminfo`` is the zone's offset in winter, printed all the year, so it tells
the offset only where the zone has no summer time. What prints a time with its offset, or the bias in force, tells it exactly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from troubleshoot import times
from troubleshoot.model import Clock, CollectorNote, Event, LogLine, RegistryValue

# Standard offsets of which no zone has had summer time since 2017 (tz database 2025b; tests/test_clock.py checks it).
WITHOUT_SUMMER_TIME = frozenset(
    (
        "+03:00",
        "+04:00",
        "+04:30",
        "+05:00",
        "+05:30",
        "+05:45",
        "+06:00",
        "+06:30",
        "+07:00",
        "+08:00",
        "+08:45",
        "+09:00",
    )
)
_ZONE_KEY = "\\CONTROL\\TIMEZONEINFORMATION"
_BIAS = re.compile(r"\d[+-]\d{1,4}$")  # 08:42:51.123-060, minutes from local time to UTC
_OFFSET = re.compile(r"\d\d:\d\d(?:[.,]\d{1,9})?\s?[+-]\d\d:?\d\d$")
_UTC = "+00:00"  # of a record: what stores of logs make of every time, whatever the device's clock
_LARGEST = 14 * 60  # minutes; no place on Earth is further from UTC


def clock_of(
    notes: Iterable[CollectorNote],
    registry: Iterable[RegistryValue],
    lines: Sequence[LogLine],
    events: Sequence[Event],
) -> Clock | None:
    """The offset that was in force when the evidence was collected, by what tells it best; None where nothing does.

    In this order: a collector's note, the registry's bias in force, the newest line of a log that prints its bias, the
    newest record that was exported with an offset, a time zone without summer time. ``events`` are newest first.
    """
    told = [Clock(one.value, one.source) for one in notes if one.kind == "utc-offset"]
    zones = [
        Clock(one.value, one.source) for one in notes if one.kind == "time-zone" and one.value in WITHOUT_SUMMER_TIME
    ]
    for found in (told, _biases(registry), _lines(lines), _records(events), zones):
        for one in found:
            if _is_possible(one.offset):
                return one
    return None


def _is_possible(offset: str) -> bool:
    minutes = times.minutes(offset)
    return minutes is not None and abs(minutes) <= _LARGEST


def _biases(registry: Iterable[RegistryValue]) -> Iterator[Clock]:
    """``ActiveTimeBias``: minutes from local time to UTC, summer time included."""
    for one in registry:
        if (
            one.name.casefold() == "activetimebias"
            and one.key.upper().endswith(_ZONE_KEY)
            and isinstance(one.value, int)
        ):
            bias = one.value - 2**32 if one.value >= 2**31 else one.value
            yield Clock(_written(-bias), one.source)


def _lines(lines: Sequence[LogLine]) -> Iterator[Clock]:
    told = [one for one in lines if one.time is not None and one.time.tzinfo and _BIAS.search(one.time_text or "")]
    if told:
        newest = max(told, key=lambda one: one.time or datetime.min.replace(tzinfo=UTC))
        found = re.search(r"[+-]\d{1,4}$", newest.time_text or "")
        assert found is not None
        yield Clock(_written(-int(found[0])), newest.source)


def _records(events: Sequence[Event]) -> Iterator[Clock]:
    for one in events:
        if one.time_text and _OFFSET.search(one.time_text) and (offset := _spelled(one.time_text)) != _UTC:
            yield Clock(offset, one.source)


def _spelled(text: str) -> str:
    found = re.search(r"([+-]\d\d):?(\d\d)$", text)
    assert found is not None
    return f"{found[1]}:{found[2]}"


def _written(minutes: int) -> str:
    """``+05:30`` of 330."""
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
