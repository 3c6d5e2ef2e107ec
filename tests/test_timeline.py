"""The time line: attempts, tokens, events and captures in one order, its filters, and its forms."""

from __future__ import annotations

import json
import shutil
from datetime import UTC
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from evidence import AAD, BLOCK, MDM, USER, at, capture, event
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from troubleshoot import timeline
from troubleshoot.case import Case
from troubleshoot.cli import app
from troubleshoot.model import Collected, CollectorNote, Event, Source
from troubleshoot.report import timelined

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "troubleshoot" / "data"
SCHEMA = json.loads((DATA / "timeline.schema.json").read_text(encoding="utf-8"))
SHOW = json.loads((DATA / "show.schema.json").read_text(encoding="utf-8"))
JOINED = ROOT / "samples" / "healthy" / "joined-after-failures"
CERTIFICATE = "[ 2025-01-03 10:02:11.000 UTC -- 2035-01-03 10:32:11.000 UTC ]"
TOKEN = {
    "AzureAdPrt": "YES",
    "AzureAdPrtUpdateTime": "2025-03-04 08:10:00.000 UTC",
    "AzureAdPrtExpiryTime": "2025-03-18 08:10:00.000 UTC",
}


def rows(case: Case) -> list[tuple[str | None, str, str]]:
    return [(one.time and one.time.strftime("%m-%d %H:%M"), one.kind, one.what) for one in timeline.entries(case)]


def run(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["show", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def form(*arguments: str | Path) -> dict[str, Any]:
    _, out, err = run(*arguments, "--timeline", "-f", "json")
    assert out, err
    made: dict[str, Any] = json.loads(out)
    jsonschema.validate(made, SCHEMA)
    return made


def evidence(folder: Path, target: Path) -> Path:
    target.mkdir()
    for one in folder.iterdir():
        if one.name not in ("README.md", "expected.json", "identities.json"):
            shutil.copyfile(one, target / one.name)
    return target


# ------------------------------------------------------------------------------------------------------ the entries


def test_everything_in_one_order() -> None:
    case = Case.of(
        [
            capture(
                {"AzureAdJoined": "YES", "DeviceCertificateValidity": CERTIFICATE, **TOKEN},
                account=USER,
                time="09:00",
                line=3,
            ),
            event(304, "08:30", record=1, ExitCode="-2145648611"),
            event(1016, "08:45", provider=AAD, record=2),
            event(9, None, provider=AAD, record=3),
        ]
    )
    assert rows(case) == [
        ("01-03 10:32", "token", "certificate of the device ends"),
        ("03-18 08:10", "token", "sign-in token (PRT) ends"),
        ("03-04 09:00", "capture", "dsregcmd captured"),
        ("03-04 08:45", "event", "event 1016 AAD: The device is joined to Microsoft Entra."),
        ("03-04 08:30", "attempt", "join failed at join 0x801c001d"),
        ("03-04 08:10", "attempt", "prt succeeded"),
        ("01-03 10:32", "attempt", "join succeeded"),
        (None, "event", "event 9 AAD"),
    ]


def test_a_failed_attempt_says_where_it_stopped() -> None:
    (first, *_) = timeline.entries(Case.of([capture({"AzureAdJoined": "NO", "DomainJoined": "YES", **BLOCK}, line=3)]))
    assert (first.kind, first.flow, first.phase, first.outcome, first.codes[0]) == (
        "attempt",
        "join",
        "join",
        "failed",
        "0x801c03f2",
    )


def test_like_records_in_a_row_are_one_and_others_between_part_them() -> None:
    like = [event(335, f"08:0{minute}", record=minute, path=f"{minute % 2}.evtx") for minute in (1, 2, 3)]
    (one,) = timeline.entries(Case.of(like))
    assert (one.repeats, one.time, one.since) == (3, at("08:03"), at("08:01"))
    assert [source.path for source in one.sources] == ["1.evtx", "0.evtx"]
    parted = timeline.entries(Case.of([*like, event(1016, "08:02:30", provider=AAD, record=9)]))
    assert [(row.repeats, row.time) for row in parted] == [(1, at("08:03")), (1, at("08:02:30")), (2, at("08:02"))]


def test_local_times_stand_after_instants_and_are_never_merged_with_them() -> None:
    local = event(335, at("08:05").replace(tzinfo=None), record=1)
    found = timeline.entries(Case.of([local, event(335, "08:01", record=2), event(335, None, record=3)]))
    assert [row.time for row in found] == [at("08:01"), at("08:05").replace(tzinfo=None), None]


def test_a_collection_starts_and_stops() -> None:
    made = Collected(("auth",), "Auth scripts", started=at("08:00"), stopped=at("09:00"))
    found = timeline.entries(Case.of([event(335, "08:30", record=1)], collected=made))
    assert [(row.kind, row.what) for row in found if row.kind == "collection"] == [
        ("collection", "collection by Auth scripts stopped"),
        ("collection", "collection by Auth scripts started"),
    ]


def test_a_token_of_two_captures_stands_once_for_each_user() -> None:
    fields = {"AzureAdJoined": "YES", "AzureAdPrt": "YES", "AzureAdPrtExpiryTime": TOKEN["AzureAdPrtExpiryTime"]}
    both = [capture(fields, account=USER, path=name) for name in ("a.txt", "b.txt")]
    found = [row for row in timeline.entries(Case.of(both)) if row.kind == "token"]
    assert [(row.user, row.what) for row in found] == [("ada@corp.example", "sign-in token (PRT) ends")]


@given(
    st.lists(
        st.builds(
            event,
            st.sampled_from([304, 335, 9, 1016]),
            st.none() | st.datetimes() | st.datetimes(timezones=st.just(UTC)),
            st.sampled_from([AAD, MDM, "Other"]),
            record=st.integers(1, 99),
        ),
        max_size=30,
    )
)
def test_no_record_is_lost(events: list[Event]) -> None:
    case = Case.of(events)
    found = timeline.entries(case)
    told = {source for one in case.attempts for source in one.sources}
    assert sum(row.repeats for row in found if row.kind == "event") == sum(
        one.source not in told for one in case.events
    )
    known = [row.time for row in found if row.time is not None and row.time.tzinfo]
    assert known == sorted(known, reverse=True)
    for row in found:
        assert timelined.line(row, "+01:00").isprintable()


# ---------------------------------------------------------------------------------------------------------- filters


@pytest.mark.parametrize(
    ("sources", "phases", "kept"),
    [
        ([], [], True),
        (["EVTX"], [], True),
        (["logs/sub"], [], True),
        (["registration/admin"], [], True),
        (["other", "evtx"], [], True),
        (["other"], [], False),
        ([], ["discover"], True),
        ([], ["prt"], False),
        ([], ["prt", "discover"], True),
        (["evtx"], ["prt"], False),
    ],
)
def test_what_fits(sources: list[str], phases: list[str], kept: bool) -> None:
    source = Source("logs\\sub\\UDR.evtx", None, 1, "Microsoft-Windows-User Device Registration/Admin")
    one = timeline.Entry(at("08:00"), "attempt", "join failed", (source,), "join", "discover", "failed")
    assert timeline.fits(one, sources, phases) is kept


def test_the_filters_of_the_command(tmp_path: Path) -> None:
    folder = evidence(JOINED, tmp_path / "in")
    (device,) = form(folder)["devices"]
    (only,) = form(folder, "--phase", "prt")["devices"]
    assert only["timeline"] == [row for row in device["timeline"] if row["phase"] == "prt"]
    assert {row["kind"] for row in only["timeline"]} == {"attempt", "token"}
    made = form(folder, "--source", "ADMIN.EVTX", "--phase", "pre-check", "--phase", "join")
    assert made["filter"] == {"sources": ["ADMIN.EVTX"], "phases": ["precheck", "join"]}
    (records,) = made["devices"]
    assert records["timeline"]
    assert all(row["source"]["path"].endswith("Admin.evtx") and row["phase"] == "join" for row in records["timeline"])
    assert form(folder, "--source", "no such file")["devices"][0]["timeline"] == []
    code, out, err = run(folder, "--timeline", "--phase", "telepathy")
    assert (code, out) == (2, "")
    assert err.startswith(
        "troubleshoot: no phase 'telepathy': it is one of precheck, discover, auth, join, device, prt, "
    )


# ------------------------------------------------------------------------------------------------------------ forms


def test_the_text_form(tmp_path: Path) -> None:
    folder = evidence(JOINED, tmp_path / "in")
    code, out, _ = run(folder, "--timeline")
    assert code == 0
    lines = out.splitlines()
    assert lines[:2] == ["LT-0042.corp.example", "  newest first; times in UTC"]
    mark = lines.index("  ---- as of 2026-03-04T08:58:00Z: what stands above is later ----")
    assert all(" ends" in line for line in lines[2:mark])
    assert lines[mark + 1].startswith("  2026-03-04T08:58:00Z  attempt     join succeeded")
    assert run(folder, "--phase", "prt")[1].splitlines()[2] == "  only phase: prt"
    assert run(folder, "--source", "none")[1].splitlines()[2:] == ["  only source: none", "  nothing"]


def test_with_the_clock_of_the_device() -> None:
    case = Case.of(
        [
            event(1016, "08:45", provider=AAD, record=2),
            CollectorNote("utc-offset", "+01:00", Source("started.txt", 1), None, "auth"),
        ]
    )
    view = timelined.view(case, timelined.Asked())
    lines = timelined.text([view], (), timelined.Asked()).splitlines()
    assert (
        lines[1] == "  newest first; times in UTC, in brackets by the clock of the device, UTC+01:00 by started.txt:1"
    )
    assert lines[2].startswith("  2025-03-04T08:45:00Z (09:45:00 UTC+01:00)  event ")
    made = json.loads(timelined.dump([view], (), timelined.Asked()))
    jsonschema.validate(made, SCHEMA)
    assert made["devices"][0]["clock"] == {"utc_offset": "+01:00", "source": {"path": "started.txt", "line": 1}}
    assert made["devices"][0]["timeline"][0]["local"] == "2025-03-04T09:45:00+01:00"


def test_show_holds_the_same_rows(tmp_path: Path) -> None:
    folder = evidence(JOINED, tmp_path / "in")
    whole = json.loads(run(folder, "-f", "json")[1])
    jsonschema.validate(whole, SHOW)
    assert whole["devices"][0]["timeline"] == form(folder)["devices"][0]["timeline"]
    assert "time line, newest first (all of it: show --timeline)" in run(folder)[1]


def test_nothing_read(tmp_path: Path) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_bytes(b"")
    code, out, _ = run(empty, "--timeline")
    assert (code, out) == (3, f"not read: {empty}: the file is empty\n")
    assert run(tmp_path / "none", "--timeline")[0] == 2
