"""The device's own clock: what tells its offset, what does not, and how times are shown by it."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from evidence import at, event, log_line
from hypothesis import given
from hypothesis import strategies as st

from tests.test_commands import systeminfo
from troubleshoot import times
from troubleshoot.case import Case
from troubleshoot.clock import WITHOUT_SUMMER_TIME
from troubleshoot.model import Clock, CollectorNote, Event, LogLine, RegistryValue, Source
from troubleshoot.parsers import parse_text
from troubleshoot.pipeline import diagnose
from troubleshoot.report import render
from troubleshoot.ruleset import load

NOTE = CollectorNote("utc-offset", "+01:00", Source("started.txt", 1), None, "auth")
ZONE = r"HKLM\SYSTEM\CurrentControlSet\Control\TimeZoneInformation"


def bias(value: int, key: str = ZONE) -> RegistryValue:
    return RegistryValue(key, "ActiveTimeBias", "REG_DWORD", value, Source("zone.reg", 4))


def line(time: str, printed: str, number: int = 1) -> LogLine:
    return log_line("x", "CoManagementHandler", time, number)._replace(time_text=printed)


def record(printed: str | None) -> Event:
    return event(304, "09:10", record=1)._replace(time_text=printed)


@pytest.mark.parametrize(
    ("evidence", "offset", "path"),
    [
        ([NOTE], "+01:00", "started.txt"),
        ([NOTE, bias(420)], "+01:00", "started.txt"),
        ([bias(420)], "-07:00", "zone.reg"),
        ([bias(2**32 - 330)], "+05:30", "zone.reg"),
        ([bias(0)], "+00:00", "zone.reg"),
        ([bias(60, r"HKLM\SOFTWARE\Contoso")], None, None),
        ([bias(15 * 60)], None, None),
        ([line("08:42:51", "03-04-2025 09:42:51.123-060")], "+01:00", "app.log"),
        ([line("08:42:51", "03-04-2025 01:12:51.123+450")], "-07:30", "app.log"),
        (
            [
                line("08:42:51", "03-04-2025 09:42:51-060", 1),
                line("2025-07-04T08:42:51Z", "07-04-2025 10:42:51-120", 2),
            ],
            "+02:00",
            "app.log",
        ),
        (
            [LogLine("x", datetime(2025, 3, 4, 9, 42), "x", Source("a.log", 1), None, "03-04-2025 09:42:51.123")],
            None,
            None,
        ),
        ([record("2025-03-04T10:10:00.123+01:00")], "+01:00", "log.evtx"),
        ([record("2025-03-04T10:10:00-0730")], "-07:30", "log.evtx"),
        ([record("2025-03-04 09:10:00+00:00")], None, None),  # what stores of logs print of every record
        ([record("2025-03-04T09:10:00Z")], None, None),
        ([record("04.03.2025 10:10:00")], None, None),
        ([record(None)], None, None),
        ([CollectorNote("time-zone", "+05:30", Source("systeminfo.txt", 9))], "+05:30", "systeminfo.txt"),
        ([CollectorNote("time-zone", "+01:00", Source("systeminfo.txt", 9))], None, None),
        ([CollectorNote("utc-offset", "+1 or so", Source("started.txt", 1)), bias(0)], "+00:00", "zone.reg"),
    ],
)
def test_what_tells_the_offset(evidence: list[Any], offset: str | None, path: str | None) -> None:
    clock = Case.of(evidence).coverage.clock
    assert (clock.offset if clock else None, clock.source.path if clock else None) == (offset, path)


def test_zones_without_summer_time() -> None:
    """Every zone whose standard offset the table names has kept it all the year since 2017."""
    names = {one for one in zoneinfo.available_timezones() if not one.startswith(("Etc/", "Antarctica/"))}
    if not names:
        pytest.skip("needs a tz database")
    moving, standing = set(), set()
    for name in names:
        moment = datetime(2017, 1, 1, tzinfo=UTC)
        zone = zoneinfo.ZoneInfo(name)
        while moment.year < 2026:
            local = moment.astimezone(zone)
            summer = local.dst() or timedelta()
            minutes = int(((local.utcoffset() or timedelta()) - summer).total_seconds() // 60)
            (moving if summer else standing).add(
                f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
            )
            moment += timedelta(days=30)
    assert standing - moving >= WITHOUT_SUMMER_TIME


@pytest.mark.parametrize(
    ("row", "offset"),
    [
        ("Time Zone:                 (UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi", "+05:30"),
        ("Zeitzone:                                      (UTC+03:00) Moskau, St. Petersburg", "+03:00"),
        ("タイム ゾーン:          (UTC+09:00) 大阪、札幌、東京", "+09:00"),
        ("Time Zone:                 (UTC+01:00) Amsterdam, Berlin", None),
        ("Time Zone:                 (UTC) Coordinated Universal Time", None),
    ],
)
def test_the_zone_of_systeminfo(row: str, offset: str | None) -> None:
    text = (
        systeminfo("Microsoft Windows 11 Enterprise", "Member Workstation")
        + f"Input Locale:  en-us;English\n{row}\nTotal Physical Memory:     16,069 MB\n"
    )
    clock = Case.of(list(parse_text("systeminfo.txt", text.encode(), None))).coverage.clock
    assert (clock.offset if clock else None) == offset


def test_events_exported_as_text_with_an_offset() -> None:
    text = (
        "TimeCreated  : 2025-03-04T10:10:00.0000000+01:00\nProviderName : Microsoft-Windows-User Device Registration\nId           : 304\n"
        "Message      : Automatic registration failed at join phase. Exit code: Unknown HResult Error code: 0x801c001d\n"
    )
    case = Case.of(list(parse_text("events.txt", text.encode(), None)))
    assert [one.time for one in case.events] == [at("09:10")]
    assert case.coverage.offset == "+01:00"


@pytest.mark.parametrize(
    ("moment", "offset", "shown"),
    [
        (at("09:10"), "+01:00", "2025-03-04T09:10:00Z (10:10:00 UTC+01:00)"),
        (at("23:10"), "+01:00", "2025-03-04T23:10:00Z (2025-03-05 00:10:00 UTC+01:00)"),
        (at("03:10"), "-07:30", "2025-03-04T03:10:00Z (2025-03-03 19:40:00 UTC-07:30)"),
        (at("09:10"), None, "2025-03-04T09:10:00Z"),
        (at("09:10"), "+25:00", "2025-03-04T09:10:00Z"),
        (at("09:10").replace(tzinfo=None), "+01:00", "2025-03-04T09:10:00"),
        (None, "+01:00", None),
        (datetime(9999, 12, 31, 23, 30, tzinfo=UTC), "+01:00", "9999-12-31T23:30:00Z"),
    ],
)
def test_how_a_time_is_shown(moment: datetime | None, offset: str | None, shown: str | None) -> None:
    assert times.both(moment, offset) == shown


@given(st.datetimes(datetime(1601, 1, 1), datetime(9998, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_the_local_time_is_the_same_instant(moment: datetime, minutes: int) -> None:
    offset = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    shown = times.by_clock(moment.replace(tzinfo=UTC), offset)
    assert shown is not None
    assert times.minutes(offset) == minutes
    assert datetime.fromisoformat(shown) == moment.replace(tzinfo=UTC, microsecond=moment.microsecond // 1000 * 1000)


def test_reports_show_both_times(tmp_path: Path) -> None:
    from bundles import bundle, write

    result = diagnose([str(write(tmp_path / "authlogs", bundle("auth-v6")))], load())
    (report,) = result.reports
    assert isinstance(report.coverage.clock, Clock)
    offset = report.coverage.offset
    both = times.both(report.as_of, offset)
    assert both is not None
    assert "UTC+" in both
    for form in ("text", "note"):
        made = render(result, form)
        assert isinstance(made, str)
        assert f"as of {both}" in " ".join(made.split())
    text = render(result, "text")
    assert isinstance(text, str)
    assert f"the device's clock is UTC{offset}, by " in " ".join(text.split())
    page = render(result, "html")
    assert isinstance(page, str)
    assert str(times.by_clock(report.as_of, offset))[:19].replace("T", " ") in page
