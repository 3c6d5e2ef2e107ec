"""The event log writer and reader: four readers agree, damage costs only itself, losses are counted."""

from __future__ import annotations

import struct
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from evtx import PyEvtxParser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tools.evtx_writer import CHUNK, HEADER, EvtxWriter, Record
from troubleshoot.loader import artifacts, in_memory
from troubleshoot.model import Event, LogSpan, Problem
from troubleshoot.parsers import evtx
from troubleshoot.parsers.eventxml import from_xml

UDR = "Microsoft-Windows-User Device Registration"
CHANNEL = f"{UDR}/Admin"
START = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)
WANTED = {UDR: None}


def record(number: int = 0, **changes: object) -> Record:
    values: dict[str, object] = {
        "provider": UDR,
        "id": 304,
        "time": START + timedelta(seconds=number, microseconds=123456),
        "channel": CHANNEL,
        "computer": "LT-0042.corp.example",
        "data": (("ExitCode", "i32", -2145648611), ("ServerErrorMessage", "str", ""), ("Number", "u32", number)),
        "level": 2,
        "guid": "23b8d46b-67dd-40a3-b636-d43e50552c6d",
        "user": "S-1-5-18",
    }
    return Record(**{**values, **changes})  # type: ignore[arg-type]


def written(path: Path, count: int = 3, **changes: object) -> Path:
    with EvtxWriter(path) as log:
        for number in range(count):
            log.add(record(number, **changes))
    return path


def read(path: Path, wanted: object = WANTED) -> tuple[list[Event], list[LogSpan], list[Problem]]:
    found = [one for artifact in artifacts([str(path)]) for one in evtx.read(artifact, wanted)]  # type: ignore[arg-type]
    return (
        [one for one in found if isinstance(one, Event)],
        [one for one in found if isinstance(one, LogSpan)],
        [one for one in found if isinstance(one, Problem)],
    )


def rust(path: Path) -> list[dict[str, object]]:
    return [orjson.loads(one["data"])["Event"] for one in PyEvtxParser(str(path)).records_json()]


def test_four_readers_agree(tmp_path: Path) -> None:
    path = tmp_path / "log.evtx"
    values = (
        ("Text", "str", "Grüße <&> 🙂 \"q\" 'a'"),
        ("Negative", "i32", -1),
        ("Hex", "hex32", 0x801C001D),
        ("Guid", "guid", "11111111-2222-3333-4444-555555555555"),
        ("Flag", "bool", 1),
        ("Empty", "str", ""),
    )
    with EvtxWriter(path) as log:
        log.add(record(0, data=values, activity="aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"))
        log.add(record(1, data=()))
    ours, _, problems = read(path)
    assert problems == []
    by_json = rust(path)
    by_xml = [from_xml(one["data"].partition("?>")[2], "x") for one in PyEvtxParser(str(path)).records()]
    from Evtx.Evtx import Evtx

    with Evtx(str(path)) as slow:
        by_python = [from_xml(one.xml(), "x") for one in slow.records()]
    assert [event.record for event in ours] == [1, 2]
    for event, json_form, xml_form, python_form in zip(ours, by_json, by_xml, by_python, strict=True):
        assert json_form["System"]["EventRecordID"] == event.record  # type: ignore[index]
        assert xml_form is not None
        assert python_form is not None
        for other in (xml_form, python_form):
            assert (other.provider, other.id, other.channel, other.computer, other.level, other.user) == (
                event.provider,
                event.id,
                event.channel,
                event.computer,
                event.level,
                event.user,
            )
            assert other.data.get("Text") == event.data.get("Text")
            assert other.data.get("Negative") == event.data.get("Negative")
        assert xml_form.time == event.time
        assert xml_form.activity == event.activity
    assert ours[0].data == {
        "Text": "Grüße <&> 🙂 \"q\" 'a'",
        "Negative": "-1",
        "Hex": "0x801c001d",
        "Guid": "11111111-2222-3333-4444-555555555555".upper(),
        "Flag": "true",
        "Empty": "",
    }
    assert ours[0].activity == "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
    assert ours[0].time == START + timedelta(microseconds=123456)


def test_many_chunks_and_span(tmp_path: Path) -> None:
    path = written(tmp_path / "log.evtx", 900)
    events, spans, problems = read(path)
    assert path.stat().st_size == HEADER + 2 * CHUNK or path.stat().st_size > HEADER + 2 * CHUNK
    assert [event.data["Number"] for event in events] == [str(number) for number in range(900)]
    assert problems == []
    assert [(span.channel, span.records, span.lost, span.skipped) for span in spans] == [(CHANNEL, 900, 0, 0)]
    assert spans[0].first == events[0].time
    assert spans[0].last == events[-1].time


def test_only_wanted_records_are_read(tmp_path: Path) -> None:
    path = tmp_path / "log.evtx"
    with EvtxWriter(path) as log:
        for number in range(10):
            log.add(record(number, id=304 if number % 2 else 100))
            log.add(record(number, provider="Contoso-Agent", channel="Application", guid=None))
    events, spans, _ = read(path, {UDR: frozenset({304})})
    assert [event.id for event in events] == [304] * 5
    assert sum(span.skipped for span in spans) == 15
    assert len(read(path, None)[0]) == 20
    assert read(path, {"Nobody": None})[0] == []


@pytest.mark.parametrize(
    ("channel", "name", "told"),
    [
        ("System", "System.evtx", "LT-0042.corp.example"),
        ("Application", "Application.evtx", "LT-0042.corp.example"),
        ("Contoso/Admin", "Contoso%4Admin.evtx", None),  # of a hundred other logs no record is decoded for this
        ("Contoso/Admin", "17.bin", "LT-0042.corp.example"),  # one was decoded to learn the channel
    ],
)
def test_a_log_without_wanted_records_tells_whose_it_is(
    tmp_path: Path, channel: str, name: str, told: str | None
) -> None:
    path = written(tmp_path / name, channel=channel)
    _, (span,), problems = read(path, {"Nobody": None})
    assert (span.channel, span.computer, span.records, problems) == (channel, told, 3, [])
    assert [one.computer for one in read(path)[1]] == [None]  # here records are kept, and they tell it


def test_empty_log_still_tells_its_channel(tmp_path: Path) -> None:
    path = tmp_path / "Microsoft-Windows-AAD%4Operational.evtx"
    EvtxWriter(path).close()
    events, spans, problems = read(path)
    assert (events, problems) == ([], [])
    assert [(span.channel, span.records, span.first) for span in spans] == [
        ("Microsoft-Windows-AAD/Operational", 0, None)
    ]


def damaged(path: Path, change: object) -> Path:
    data = bytearray(path.read_bytes())
    result = change(data)  # type: ignore[operator]
    path.write_bytes(bytes(result if result is not None else data))
    return path


def zero_header(data: bytearray) -> None:
    data[:HEADER] = bytes(HEADER)


def bad_checksum(data: bytearray) -> None:
    data[HEADER + 52 : HEADER + 56] = b"\x00\x11\x22\x33"


def bad_magic(data: bytearray) -> None:
    data[HEADER : HEADER + 8] = b"XlfChnk\x00"


def stale_header(data: bytearray) -> None:
    """As in a copy of a live log: the chunk header still says that there is one record."""
    size = struct.unpack_from("<I", data, HEADER + 512 + 4)[0]
    struct.pack_into("<QQQQ", data, HEADER + 8, 1, 1, 1, 1)
    struct.pack_into("<II", data, HEADER + 44, 512, 512 + size)
    struct.pack_into("<I", data, 120, 1)


def cut_last_record(data: bytearray) -> bytearray:
    free = struct.unpack_from("<I", data, HEADER + 48)[0]
    return data[: HEADER + free - 40]


@pytest.mark.parametrize(
    ("change", "numbers", "problems", "lost"),
    [
        (zero_header, [1, 2, 3], 1, 0),
        (bad_checksum, [1, 2, 3], 0, 0),
        (bad_magic, [], 1, 0),
        (stale_header, [1, 2, 3], 0, 0),
        (cut_last_record, [1, 2], 2, 1),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_damage_costs_only_itself(tmp_path: Path, change: object, numbers: list[int], problems: int, lost: int) -> None:
    path = damaged(written(tmp_path / "log.evtx"), change)
    events, spans, found = read(path)
    assert [event.record for event in events] == numbers
    assert len(found) == problems, found
    assert sum(span.lost for span in spans) == lost


def test_a_record_of_rubbish_is_counted_and_the_rest_kept(tmp_path: Path) -> None:
    path = written(tmp_path / "log.evtx", 5)
    data = bytearray(path.read_bytes())
    second = HEADER + 512 + struct.unpack_from("<I", data, HEADER + 512 + 4)[0]
    data[second + 24 : second + 60] = b"\xff" * 36
    path.write_bytes(bytes(data))
    events, _, problems = read(path)
    assert [event.record for event in events] == [1, 3, 4, 5]
    assert [(problem.kind, problem.source.record, problem.lost) for problem in problems] == [("damaged", 2, 1)]


def test_rubbish_behind_the_magic() -> None:
    found = list(evtx.read(in_memory("x.evtx", b"ElfFile\x00" + b"\xa5" * 70_000), WANTED))
    assert [type(one).__name__ for one in found] == ["Problem", "LogSpan"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flips=st.lists(st.tuples(st.integers(0, HEADER + CHUNK - 1), st.integers(0, 255)), max_size=12))
def test_flipped_bytes_never_raise(tmp_path: Path, flips: list[tuple[int, int]]) -> None:
    data = bytearray(written(tmp_path / "log.evtx", 4).read_bytes())
    for place, value in flips:
        data[place] = value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for one in evtx.read(in_memory("x.evtx", bytes(data)), WANTED):
            assert isinstance(one, Event | LogSpan | Problem)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(max_size=300).filter(lambda text: "\x00" not in text and text.isprintable()),
    number=st.integers(-(2**31), 2**31 - 1),
)
def test_what_is_written_is_read(tmp_path: Path, text: str, number: int) -> None:
    path = tmp_path / "log.evtx"
    with EvtxWriter(path) as log:
        log.add(record(0, data=(("Text", "str", text), ("Number", "i32", number))))
    (event,) = read(path)[0]
    assert (event.data["Text"], event.data["Number"]) == (text, str(number))


@pytest.mark.shared
def test_real_damaged_logs(shared: Path) -> None:
    events, spans, problems = read(shared / "data" / "evtx-damaged", None)
    assert len(spans) >= 6
    assert events
    assert [problem.lost for problem in problems if problem.source.record == 3] == [1]
