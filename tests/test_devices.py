"""Which evidence is which device's: never two devices in one report, never one device in two."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from bundles import TEXTS, WKS, Machine, bundle, encoded, event_log, status, utc, write, zipped
from evidence import UDR, at, capture, event
from hypothesis import given
from hypothesis import strategies as st

from troubleshoot import batch
from troubleshoot.devices import split
from troubleshoot.model import Account, Capture, CloudObject, Event, Evidence, LogLine, LogSpan, Part, Source
from troubleshoot.pipeline import diagnose, exit_code
from troubleshoot.ruleset import load

ID_1, ID_2, ID_3 = (f"{n}{n}{n}{n}{n}{n}{n}{n}-0000-0000-0000-000000000000" for n in (1, 2, 3))


def seen(name: str | None = None, identity: str | None = None, time: str | None = None, line: int = 1) -> Capture:
    """A capture of the computer."""
    fields = {"AzureAdJoined": "YES" if identity else "NO"}
    fields |= {"DeviceName": name} if name else {}
    fields |= {"DeviceId": identity} if identity else {}
    return capture(fields, time=time, line=line)


def logged(*computers: str, start: str = "08:00", first: int = 1) -> list[Event]:
    """Records of the computers, one a minute."""
    hour, minute = map(int, start.split(":"))
    return [
        event(306, f"{hour:02}:{minute + n:02}", record=first + n, computer=name) for n, name in enumerate(computers)
    ]


def channel(name: str, *events: Event) -> list[Event]:
    """The records as those of another log."""
    return [one._replace(channel=name) for one in events]


def line() -> LogLine:
    return LogLine("CcmAad", None, "text", Source("x.log", 1))


Case = tuple[dict[str, Sequence[Evidence]], list[set[str]], set[str]]

CASES: dict[str, Case] = {
    # what is one device
    "one name": ({"a.txt": [seen("PC1", ID_1)], "b.txt": [seen("PC1", ID_1)]}, [{"a.txt", "b.txt"}], set()),
    "domain and case": (
        {"a/1.txt": [seen("PC1.corp.example")], "b/2.txt": [seen("pc1")], "b/3.evtx": logged("PC1.corp.example")},
        [{"a/1.txt", "b/2.txt", "b/3.evtx"}],
        set(),
    ),
    "registered again": ({"a.txt": [seen("PC1", ID_1)], "b.txt": [seen("PC1", ID_2)]}, [{"a.txt", "b.txt"}], set()),
    "renamed, same id": ({"a/x": [seen("PC1", ID_1)], "b/x": [seen("PC2", ID_1)]}, [{"a/x", "b/x"}], set()),
    "no names": ({"a/x": [seen()], "b/x": [seen()]}, [{"a/x", "b/x"}], set()),
    "before and after without names": (
        {"before/d.txt": [seen(None, ID_1)], "after/d.txt": [seen(None, ID_2)]},
        [{"before/d.txt", "after/d.txt"}],
        set(),
    ),
    "a capture without a name": (
        {"d.txt": [seen(None, ID_1)], "s.evtx": logged("PC1")},
        [{"d.txt", "s.evtx"}],
        set(),
    ),
    "a name in the log only before": (
        {"l/System.evtx": logged("WIN-1", "WIN-1", "PC1"), "l/Old.evtx": logged("WIN-1"), "d.txt": [seen("PC1")]},
        [{"l/System.evtx", "l/Old.evtx", "d.txt"}],
        set(),
    ),
    "a log not written since the renaming": (
        {"l/Hello.evtx": logged("WIN-1", start="06:00"), "l/Aad.evtx": logged("PC1", "PC1", start="08:00")},
        [{"l/Hello.evtx", "l/Aad.evtx"}],
        set(),
    ),
    "logs of the image's name, by a clock that was ahead": (
        {
            "l/Aad.evtx": channel("AAD", *logged("WIN-1", start="11:00"), *logged("PC1", start="08:00", first=2)),
            "l/Hello.evtx": channel("Hello", *logged("WIN-1", start="11:20")),
            "l/System.evtx": channel("System", *logged("PC1", start="08:00")),
        },
        [{"l/Aad.evtx", "l/Hello.evtx", "l/System.evtx"}],
        set(),
    ),
    "logs of three names, each once": (
        {
            "l/A.evtx": channel("A", *logged("MINWINPC", start="11:00")),
            "l/B.evtx": channel("B", *logged("WIN-1", start="10:00")),
            "l/C.evtx": channel("C", *logged("PC1", start="09:00")),
        },
        [{"l/A.evtx", "l/B.evtx", "l/C.evtx"}],
        set(),
    ),
    "an upgrade's name": (
        {"l/System.evtx": logged("PC1", "MINWINPC", "PC1"), "l/Setup.evtx": logged("MINWINPC", start="08:01")},
        [{"l/System.evtx", "l/Setup.evtx"}],
        set(),
    ),
    "nothing names a device": ({"a.log": [line()], "b.log": [line()]}, [{"a.log", "b.log"}], set()),
    # what is two
    "names and ids": ({"a.txt": [seen("PC1", ID_1)], "b.txt": [seen("PC2", ID_2)]}, [{"a.txt"}, {"b.txt"}], set()),
    "names of devices that are not joined": (
        {"a.txt": [seen("PC1")], "b.txt": [seen("PC2")]},
        [{"a.txt"}, {"b.txt"}],
        set(),
    ),
    "logs of one time": (
        {"l/1.evtx": logged("PC1", "PC1"), "l/2.evtx": logged("PC2", "PC2")},
        [{"l/1.evtx"}, {"l/2.evtx"}],
        set(),
    ),
    "a capture beside the log of another": (
        {"d.txt": [seen("PC1")], "s.evtx": logged("PC2")},
        [{"d.txt"}, {"s.evtx"}],
        set(),
    ),
    "logs in folders of their own, one older": (
        {"PC1/s.evtx": logged("PC1", start="06:00"), "PC2/s.evtx": logged("PC2", start="08:00")},
        [{"PC1/s.evtx"}, {"PC2/s.evtx"}],
        set(),
    ),
    "one short name in two domains": (
        {"a/x": [seen("PC1.corp.example", ID_1)], "b/x": [seen("PC1.other.example", ID_2)]},
        [{"a/x"}, {"b/x"}],
        set(),
    ),
    "an old name that another device has now": (
        {"a/s.evtx": logged("PC1", "PC1-OLD", start="06:00"), "b/d.txt": [seen("PC1", ID_2, "09:00")]},
        [{"a/s.evtx"}, {"b/d.txt"}],
        set(),
    ),
    "devices of one image": (
        {
            "a/s.evtx": logged("REF", "PC1", start="06:00"),
            "b/s.evtx": logged("REF", "PC2", start="06:00"),
            "ref/s.evtx": logged("REF", start="05:00"),
        },
        [{"a/s.evtx"}, {"b/s.evtx"}, {"ref/s.evtx"}],
        set(),
    ),
    "ids in folders of their own": (
        {"anna/d.txt": [seen(None, ID_1)], "bert/d.txt": [seen(None, ID_2)]},
        [{"anna/d.txt"}, {"bert/d.txt"}],
        set(),
    ),
    "folders named by their collector": (
        {
            "TSS_PC1_260304-081500_Auth/d.txt": [seen()],
            "TSS_PC2_260304-081500_Auth/d.txt": [seen()],
        },
        [{"TSS_PC1_260304-081500_Auth/d.txt"}, {"TSS_PC2_260304-081500_Auth/d.txt"}],
        set(),
    ),
    # what belongs where
    "by folder": (
        {"a/d.txt": [seen("PC1")], "a/x/y.log": [line()], "b/d.txt": [seen("PC2")], "b/y.log": [line()]},
        [{"a/d.txt", "a/x/y.log"}, {"b/d.txt", "b/y.log"}],
        set(),
    ),
    "by name in the path": (
        {"PC1.txt": [seen("PC1")], "PC2.txt": [seen("PC2")], "PC2-ccm.log": [line()], "PC21.log": [line()]},
        [{"PC1.txt"}, {"PC2.txt", "PC2-ccm.log"}],
        {"PC21.log"},
    ),
    "nobody's": (
        {"a/d.txt": [seen("PC1")], "b/d.txt": [seen("PC2")], "y.log": [line()]},
        [{"a/d.txt"}, {"b/d.txt"}],
        {"y.log"},
    ),
    "everybody's": (
        {
            "PC1.txt": [seen("PC1", ID_1)],
            "PC2.txt": [seen("PC2", ID_2)],
            "devices.csv": [CloudObject("device", ID_1, "PC1", {}, Source("devices.csv", 2))],
        },
        [{"PC1.txt", "devices.csv"}, {"PC2.txt", "devices.csv"}],
        set(),
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("turned", [False, True], ids=["in order", "turned round"])
def test_split(name: str, turned: bool) -> None:
    files, devices, nobody = CASES[name]
    parts = [Part(path, tuple(found)) for path, found in files.items()]
    found = split(parts[::-1] if turned else parts)
    assert sorted(sorted(part.name for part in device) for device in found.devices) == sorted(map(sorted, devices))
    assert {part.name for part in found.unassigned} == nobody


def test_captures_of_several_devices_in_one_text() -> None:
    one, two, again = seen("PC1", ID_1, line=1), seen("PC2", ID_2, line=40), seen("PC1", ID_1, line=90)
    note = LogLine("x", None, "text", Source("t.txt", 60))
    own = event(304, line=95, computer="PC2", path="t.txt")
    found = split([Part("t.txt", (one, two, again, note, own))])
    assert [list(part.found) for device in found.devices for part in device] == [[one, again], [two, note, own]]


def test_a_forwarded_log_is_taken_apart() -> None:
    records = logged("PC1", "PC2", "PC1", "PC3", "PC2", "PC1")
    span = LogSpan("Forwarded", at("08:00"), at("08:05"), 6, 0, Source("f.evtx"))
    found = split([Part("f.evtx", (*records, span))])
    assert [[one.computer for one in part.found if isinstance(one, Event)] for (part,) in found.devices] == [
        ["PC1"] * 3,
        ["PC2"] * 2,
        ["PC3"],
    ]
    assert all(span in part.found for (part,) in found.devices)


def exported(name: str, time: str, record: int) -> Event:
    """A record that came as text."""
    return event(306, time, record=record, computer=name)._replace(source=Source("export.json", record, record))


@pytest.mark.parametrize(
    ("records", "devices"),
    [
        (
            [exported("PC1", "2026-03-09T08:00:00Z", 500), exported("PC2", "2026-03-04T09:00:00Z", 600)],
            2,
        ),  # days go back
        ([exported("PC1", "2026-03-04T08:00:00Z", 7), exported("PC2", "2026-03-04T09:00:00Z", 7)], 2),  # one number
        ([exported("PC1", "2026-03-04T08:00:00Z", 500), exported("PC2", "2026-03-09T09:00:00Z", 501)], 1),  # renamed
        (
            [exported("WIN-1", "2026-03-04T11:00:00Z", 1), exported("PC2", "2026-03-04T08:30:00Z", 2)],
            1,
        ),  # clock set back
        ([*logged("WIN-1", start="11:00"), *logged("PC2", start="08:00", first=2)], 1),  # the same, in a binary log
    ],
)
def test_a_renamed_computer_numbers_its_records_on(records: list[Event], devices: int) -> None:
    assert len(split([Part("export.json", tuple(records))]).devices) == devices


def test_the_computers_own_account_names_it() -> None:
    system = Account("CONTOSO\\PC1$", "system", None, "PC1$@corp.example")
    parts = [
        Part("a/d.txt", (capture({"AzureAdJoined": "NO"}, account=system),)),
        Part("b/d.txt", (seen("PC2"),)),
    ]
    assert len(split(parts).devices) == 2


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c/d"]),
            st.sampled_from([None, "PC1", "PC2", "pc1.corp.example"]),
            st.sampled_from([None, ID_1, ID_2, ID_3]),
        ),
        max_size=7,
    )
)
def test_nothing_is_lost_or_doubled(rows: list[tuple[str, str | None, str | None]]) -> None:
    parts = [Part(f"{folder}/{n}.txt", (seen(name, identity),)) for n, (folder, name, identity) in enumerate(rows)]
    found = split(parts)
    back = [part.name for device in found.devices for part in device] + [part.name for part in found.unassigned]
    assert sorted(back) == sorted(part.name for part in parts)
    for device in found.devices:
        ids = {one.named["DeviceId"].text for part in device for one in part.found if "DeviceId" in one.named}  # type: ignore[union-attr]
        others = {
            one.named["DeviceId"].text  # type: ignore[union-attr]
            for rest in found.devices
            if rest is not device
            for part in rest
            for one in part.found
            if "DeviceId" in one.named  # type: ignore[union-attr]
        }
        assert ids & others == set()


# --------------------------------------------------------------------------------------------------------- whole inputs

PC1 = Machine("WKS-0427", ID_1, joined=True)
PC2 = Machine("LT-0088", ID_2)


def of(path: Path) -> list[tuple[str, str]]:
    result = diagnose([str(path)], load())
    return [(str(one.device.name).partition(".")[0], one.verdict) for one in result.reports]


@pytest.mark.parametrize("shape", ["folders", "archives", "one archive", "flat"])
@pytest.mark.parametrize("collector", ["auth-v6", "msrd", "intune-new", "dsregtool", "odc"])
def test_bundles_of_two_devices(tmp_path: Path, shape: str, collector: str) -> None:
    inputs = {"first": bundle(collector, PC1), "second": bundle(collector, PC2)}
    root = tmp_path / "in"
    root.mkdir()
    for name, members in inputs.items():
        files = [(one.path, one.data) for one in members if one.kind != "nested-archive"]
        if shape == "folders":
            write(root / name, members)
        elif shape == "archives":
            (root / f"{name}.zip").write_bytes(zipped(files))
        elif shape == "flat":
            keep = next(one for one in members if one.kind == "dsregcmd-status")
            (root / f"{name}.txt").write_bytes(keep.data)
    if shape == "one archive":
        both = [
            (f"{name}/{one.path}", one.data)
            for name, members in inputs.items()
            for one in members
            if one.kind != "nested-archive"
        ]
        (root / "both.zip").write_bytes(zipped(both))
    result = diagnose([str(root)], load())
    assert [str(one.device.name).partition(".")[0] for one in result.reports] == ["WKS-0427", "LT-0088"]
    assert [one.verdict == "failed" or one.verdict == "pending" for one in result.reports] == [False, True]
    for report, other in zip(result.reports, ["second", "first"], strict=True):
        assert not any(f"/{other}" in one.source.path for one in report.coverage.captures)
        assert not any(f"/{other}" in one.source.path for one in report.coverage.logs)
    assert exit_code(result) == 1


def test_before_and_after_is_one_device_with_two_times(tmp_path: Path) -> None:
    early, late = WKS, Machine(at=utc("2026-03-04 11:30"))
    write(tmp_path / "in", [one for one in bundle("auth-v6", early) if "PreTrace" in one.path])
    (tmp_path / "in" / "authlogs" / "Dsregcmd.txt").write_bytes(encoded(status(late), "ansi"))
    (report,) = diagnose([str(tmp_path / "in")], load()).reports
    assert [str(one.time)[11:16] for one in report.coverage.captures] == ["11:30", "09:10", "09:10"]
    assert report.as_of == late.at


def test_paths_of_one_device_stay_one_diagnosis(tmp_path: Path) -> None:
    (tmp_path / "d.txt").write_bytes(encoded(status(WKS), "utf-16"))
    (tmp_path / "l.evtx").write_bytes(event_log(f"{UDR}/Admin", WKS, (306,)))
    result = diagnose([str(tmp_path / "d.txt"), str(tmp_path / "l.evtx")], load())
    assert len(result.reports) == 1
    other = tmp_path / "o.txt"
    other.write_bytes(encoded(status(PC2), "utf-16"))
    assert len(diagnose([str(tmp_path / "d.txt"), str(other)], load()).reports) == 2


def test_what_is_nobodys_is_named(tmp_path: Path) -> None:
    write(tmp_path / "one", bundle("mde", PC1))
    write(tmp_path / "two", bundle("mde", PC2))
    (tmp_path / "CoManagementHandler.log").write_text(TEXTS["cmtrace"])
    result = diagnose([str(tmp_path)], load())
    assert len(result.reports) == 2
    (one,) = (one for one in result.unread if "CoManagement" in one.path)
    assert one.reason.startswith("it names no device and stands among files of 2")


def test_batch_has_a_row_for_each_device(tmp_path: Path) -> None:
    source = tmp_path / "in"
    write(source / "ticket" / "one", bundle("mde", PC1))
    write(source / "ticket" / "two", bundle("mde", PC2))
    (source / "single.txt").write_bytes(encoded(status(Machine("LT-0099", ID_3)), "utf-16"))
    assert batch.run([str(source)], tmp_path / "run") == 1
    rows = [json.loads(line) for line in (tmp_path / "run" / "reports.jsonl").read_text().splitlines()]
    assert [(Path(row["source"]).name, row["report"]["device"]["name"].partition(".")[0]) for row in rows] == [
        ("single.txt", "LT-0099"),
        ("ticket", "WKS-0427"),
        ("ticket", "LT-0088"),
    ]
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["devices"] == 3


@pytest.mark.shared
@pytest.mark.parametrize("all_events", [False, True], ids=["records of use", "all records"])
def test_a_real_machine_is_one_device_whatever_it_was_called(shared: Path, all_events: bool) -> None:
    """Three of the four bear two or three names in their logs, and one clock was set back by hours in between."""
    machines = sorted((shared / "data" / "machines").glob("*.7z"))
    found = [len(diagnose([str(one)], load(), all_events).reports) for one in machines]
    assert found == [1] * len(machines)
