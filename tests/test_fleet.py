"""The fleet view: exact figures over generated runs and lists, totals that add up, hostile names."""

from __future__ import annotations

import ast
import csv
import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.fleets import CAUSES, cloud, computer, device, guid, write_list, write_run
from troubleshoot import fleet as package
from troubleshoot.cli import app
from troubleshoot.fleet import FleetError, clusters, difference, spreadsheets, summary, texts
from troubleshoot.fleet.assemble import Fleet, fleet_of
from troubleshoot.fleet.frames import read_run, read_runs
from troubleshoot.fleet.lists import read_list

DAY = ("2026-03-04T09:10:00Z", "2026-03-05T09:10:00Z", "2026-03-06T09:10:00Z")


def summed(*args: Any) -> dict[str, Any]:
    return summary.summarize(fleet_of(*args))


def by(rows: list[dict[str, Any]], name: str, value: str = "devices") -> dict[str, Any]:
    return {row[name]: row[value] for row in rows}


# ------------------------------------------------------------------------------------------------------ reading


def test_an_older_run_reads_the_same(tmp_path: Path) -> None:
    rows = [
        device("WKS-0001", "scp", collect=["export the log"], tokens=["failed"]),
        device("WKS-0002", tokens=["succeeded", "failed"]),
        device(None, verdict="unread"),
    ]
    new, old = read_run(write_run(tmp_path / "new", rows)), read_run(write_run(tmp_path / "old", rows, old=True))
    for name in ("device", "verdict", "root", "root_title", "who", "os_build", "tenant_name", "token", "line"):
        assert new.devices[name].fillna("").tolist() == old.devices[name].fillna("").tolist(), name
    assert new.findings[["line", "rule", "do"]].values.tolist() == old.findings[["line", "rule", "do"]].values.tolist()
    assert new.collect.values.tolist() == old.collect.values.tolist() == [[1, "export the log"]]
    assert new.devices["token"].tolist()[:2] == ["no", "yes"]


def test_facts_fill_what_devices_can_share(tmp_path: Path) -> None:
    run = read_run(
        write_run(tmp_path / "run", [device("WKS-0001", facts={"proxy.winhttp.server": "proxy.corp.example:8080"})])
    )
    assert run.devices["proxy"].tolist() == ["proxy.corp.example:8080"]
    assert "proxy" not in run.gaps
    assert {"site", "dc", "gateway", "image", "model"} <= set(run.gaps)


@pytest.mark.parametrize("damage", ["none", "devices"])
def test_what_is_no_run_folder_is_named(tmp_path: Path, damage: str) -> None:
    if damage == "devices":
        (tmp_path / "devices.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(FleetError, match=r"no run folder|cannot be read"):
        read_run(tmp_path)


def test_runs_stand_in_the_order_of_their_evidence(tmp_path: Path) -> None:
    later = write_run(tmp_path / "a", [device("WKS-0001", as_of=DAY[1])])
    earlier = write_run(tmp_path / "b", [device("WKS-0001", as_of=DAY[0])])
    assert [run.name for run in read_runs([later, earlier])] == ["b", "a"]
    assert [run.name for run in read_runs([later, earlier], by_time=False)] == ["a", "b"]


# ------------------------------------------------------------------------------------------------------ summary


def test_summary_figures(tmp_path: Path) -> None:
    rows = [device(f"WKS-{number:04}", "scp") for number in range(6)]
    rows += [device(f"WKS-{number:04}", "proxy", domain="OTHER") for number in range(6, 9)]
    rows += [device("WKS-0009", "mdm"), device("WKS-0010", "old"), device("WKS-0011"), device("WKS-0012")]
    rows += [device("WKS-0013", verdict="inconclusive", join_state="unknown"), device(None, verdict="unread")]
    rows[0]["collect"] = rows[1]["collect"] = ["export the event log"]
    found = summed([write_run(tmp_path / "run", rows)])
    assert found["base"] == {"devices": 15, "of": "reported"}
    assert by(found["verdicts"], "name") == {"failed": 10, "degraded": 1, "healthy": 2, "inconclusive": 1, "unread": 1}
    assert by(found["causes"], "rule") == {"scp": 6, "proxy": 3, "mdm": 1, "old": 1}
    assert by(found["causes"], "rule", "share")["scp"] == 0.4
    assert by(found["who"], "who") == {"ad-admin": 6, "network": 3, "entra-admin": 1, "helpdesk": 1}
    phases = found["phases"]
    assert by(phases["rows"], "phase", "reached") == {
        "precheck": 13, "discover": 13, "auth": 7, "sync": 4, "join": 4, "device": 4, "prt": 4,
    }  # fmt: skip
    assert by(phases["beyond"], "phase") == {"mdm": 1}
    assert (phases["judged"], phases["passed"], phases["not_judged"]) == (13, 3, 2)
    domains = {row["value"]: (row["devices"], row["failed"]) for row in found["groups"]["domain"]}
    assert domains == {"CORP": (11, 7), "OTHER": (3, 3), None: (1, 0)}
    assert found["collect"] == [{"collect": "export the event log", "devices": 2, "share": round(2 / 15, 6)}]
    first = found["coverage"][0]
    assert (first["target"], first["reported"], first["read"], first["undecided"], first["unreadable"]) == (
        15,
        15,
        13,
        1,
        1,
    )
    assert first["silent"] is None


def test_a_target_shows_who_never_reported(tmp_path: Path) -> None:
    run = write_run(
        tmp_path / "run", [device("WKS-0001"), device("wks-0002.corp.example", "scp"), device("LAB-0001", "tpm")]
    )
    target = write_list(tmp_path / "ad.csv", [computer(number, f"WKS-{number:04}") for number in range(1, 9)])
    found = summed([run], [target])
    assert found["base"] == {"devices": 8, "of": "target"}
    first = found["coverage"][0]
    assert (first["target"], first["reported"], first["silent"], first["outside"]) == (8, 2, 6, 1)
    assert by(found["causes"], "rule", "share") == {"scp": 0.125}  # of the target; LAB-0001 is not in it
    assert by(found["verdicts"], "name") == {"failed": 1, "healthy": 1, "never-reported": 6}


def test_rollout_stages(tmp_path: Path) -> None:
    rows = [
        device("WKS-0001", "scp"),  # not joined, no certificate, no object: not started
        device("WKS-0002", "unsynced"),  # not joined, certificate in AD: pending
        device("WKS-0003"),  # joined, no token known: registered
        device("WKS-0004", tokens=["succeeded"]),
        device("WKS-0005", tokens=["succeeded"]),  # and managed: enrolled
        device("WKS-0006", verdict="unread", source="share/ada--WKS-0006.txt"),
        device("WKS-0007", verdict="not-applicable", join_state="registered"),
        device("WKS-0011", "tpm"),  # the cloud says registered, the capture says not joined: the capture wins
    ]
    ad = [
        computer(number, f"WKS-{number:04}", certificate="" if number in (1, 8, 6, 7) else "3082")
        for number in range(1, 13)
    ]
    ad.append(computer(99, "WKS-0099", Enabled="False"))
    entra = [cloud(9, "WKS-0009", registered=""), cloud(10, "WKS-0010"), cloud(11, "WKS-0011"), cloud(5, "WKS-0005")]
    intune = [{"Device name": "WKS-0005", "Azure AD Device ID": guid(5), "Last check-in": "2026-03-03T00:00:00Z"}]
    lists = [
        write_list(tmp_path / "ad.csv", ad),
        write_list(tmp_path / "entra.csv", entra),
        write_list(tmp_path / "intune.csv", intune),
        write_list(tmp_path / "plan.csv", [{"Computer": "WKS-0001", "Wave": "2", "Site": "Berlin", "Owner": "Team A"}]),
    ]
    fleet = fleet_of([write_run(tmp_path / "run", rows)], lists)
    stages = fleet.devices.set_index("device")["stage"].to_dict()
    assert stages == {
        "WKS-0001": "not-started",
        "WKS-0002": "pending",
        "WKS-0003": "registered",
        "WKS-0004": "token",
        "WKS-0005": "enrolled",
        "WKS-0006": "not-started",
        "WKS-0007": "not-applicable",
        "WKS-0008": "not-started",
        "WKS-0009": "pending",
        "WKS-0010": "registered",
        "WKS-0011": "pending",
        "WKS-0012": "never-reported",
        "WKS-0099": "never-reported",
    }
    found = summary.summarize(fleet)
    assert found["base"]["devices"] == 12  # the disabled one is not in the target
    funnel = {row["stage"]: (row["devices"], row["silent"]) for row in found["rollout"]}
    assert funnel == {
        "never-reported": (1, 1),
        "unknown": (0, 0),
        "not-applicable": (1, 0),
        "not-started": (3, 1),
        "pending": (3, 1),
        "registered": (2, 1),
        "token": (1, 0),
        "enrolled": (1, 0),
    }
    started = next(row for row in found["rollout"] if row["stage"] == "not-started")
    assert started["causes"] == [(CAUSES["scp"][0], 1)]
    assert started["waves"] == [("2", 1)]
    assert found["hygiene"]["disabled"] == 1
    row = fleet.devices.set_index("device").loc["WKS-0001"]
    assert (row["wave"], row["site"], row["owner"], row["ou"]) == ("2", "Berlin", "Team A", "corp.example/Clients")


# ------------------------------------------------------------------------------------------------------ history


def history_of(tmp_path: Path, *states: dict[str, Any] | None) -> dict[str, Any]:
    """The one finding of WKS-0001 over runs in which it has these states; None where the run does not hold it."""
    runs = []
    for number, state in enumerate(states):
        rows = [device("WKS-0002", as_of=DAY[number])]
        if state is not None:
            rows.append(device("WKS-0001", **({"as_of": DAY[number]} | state)))
        runs.append(write_run(tmp_path / f"run-{number}", rows))
    first = next(state["cause"] for state in states if state and "cause" in state)
    found = fleet_of(runs).findings.set_index(["key", "rule"]).loc["name:WKS-0001@", first]
    names = ("state", "opened_run", "updated_run", "resolved_run", "reopened")
    return {name: None if pd.isna(found[name]) else found[name] for name in names}


SETTLED = {"verdict": "degraded", "roles": [("resolved", "prt")], "user": "ada@contoso.com"}
FAILING, WELL, UNREAD = {"cause": "scp"}, {}, {"verdict": "unread", "source": "archive/WKS-0001"}


@pytest.mark.parametrize(
    ("states", "wanted"),
    [
        ((FAILING, FAILING, FAILING), ("open", "run-0", "run-2", None, 0)),
        ((FAILING, FAILING, WELL), ("resolved", "run-0", "run-1", "run-2", 0)),
        ((FAILING, UNREAD, WELL), ("resolved", "run-0", "run-0", "run-2", 0)),
        ((FAILING, None, UNREAD), ("open", "run-0", "run-0", None, 0)),  # gaps resolve nothing
        ((FAILING, {"cut": "head"}, None), ("open", "run-0", "run-0", None, 0)),  # a cut capture neither
        ((FAILING, {"verdict": "inconclusive"}, None), ("open", "run-0", "run-0", None, 0)),
        ((FAILING, WELL, FAILING), ("open", "run-2", "run-2", None, 1)),
        ((WELL, FAILING, None), ("open", "run-1", "run-1", None, 0)),
        (({"cause": "prt", "user": "ada@contoso.com"}, {"cause": "mdm"}, None), ("open", "run-0", "run-0", None, 0)),
        (({"cause": "prt", "user": "ada@contoso.com"}, WELL, None), ("resolved", "run-0", "run-0", "run-1", 0)),
        (({"cause": "prt", "user": "ada@contoso.com"}, SETTLED, None), ("resolved", "run-0", "run-0", "run-1", 0)),
    ],
)  # fmt: skip
def test_history(tmp_path: Path, states: Any, wanted: tuple[Any, ...]) -> None:
    assert tuple(history_of(tmp_path, *states).values()) == wanted


def test_the_state_is_that_of_the_newest_run_that_could_tell(tmp_path: Path) -> None:
    first = write_run(tmp_path / "1", [device("WKS-0001", "scp"), device("WKS-0002", as_of=DAY[0])])
    second = write_run(
        tmp_path / "2", [device(None, verdict="unread", source="x/WKS-0001"), device("WKS-0003", as_of=DAY[1])]
    )
    rows = fleet_of([first, second]).devices.set_index("device")
    assert rows.loc["WKS-0001", ["verdict", "state_run", "latest", "gaps"]].tolist() == [
        "failed",
        "1",
        "not decided in the newest run",
        1,
    ]
    assert rows.loc["WKS-0002", "latest"] == "not in the newest run"


# --------------------------------------------------------------------------------------------------- difference


def test_every_device_is_in_one_class(tmp_path: Path) -> None:
    old = [
        device("A", "scp"), device("B"), device("C", "scp"), device("D", "scp", time="2026-03-01T06:00:00Z"), device("E"),
        device("F", "tpm"), device("G", "scp"), device("H"),
    ]  # fmt: skip
    new = [
        device("A"), device("B", "proxy"), device("C", "tpm"), device("D", "scp"), device("E"),
        device("G", verdict="inconclusive"), device("H", cut="tail"), device("I", "mdm"), device("J"),
    ]  # fmt: skip
    for row in new:
        row["as_of"] = DAY[1]
    runs = [write_run(tmp_path / "old", old), write_run(tmp_path / "new", new)]
    frame = difference.difference(fleet_of(runs, (), False)).set_index("device")
    assert frame["class"].to_dict() == {
        "A": "fixed", "B": "new", "C": "moved", "D": "still", "E": "well", "F": "disappeared",
        "G": "not-compared", "H": "not-compared", "I": "appeared-failing", "J": "appeared-well",
    }  # fmt: skip
    assert f"{frame.loc['D', 'since']:%Y-%m-%d %H:%M}" == "2026-03-01 06:00"
    assert frame.loc["C", ["was", "now"]].tolist() == ["scp", "tpm"]
    found = difference.as_data(fleet_of(runs, (), False))
    assert sum(one["devices"] for one in found["classes"]) == found["devices"] == 10
    text = texts.difference(found)
    assert (
        "D                           The device could not read the service connection point (since 2026-03-01 06:00)"
        in text
    )


# ----------------------------------------------------------------------------------------------------- identity


def conflicts_of(fleet: Fleet) -> list[tuple[str, str]]:
    return [(row["kind"], row["device"]) for row in fleet.conflicts.to_dict("records")]


def test_id_joins_before_name(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [device("NEW-NAME", device_id=guid(1)), device("WKS-0002", device_id=guid(77))])
    ad = write_list(tmp_path / "ad.csv", [computer(1, "WKS-0001"), computer(2, "WKS-0002")])
    fleet = fleet_of([run], [ad])
    assert fleet.devices["key"].tolist() == [f"id:{guid(1)}", f"id:{guid(2)}"]
    assert conflicts_of(fleet) == [("id differs from the computer's", "WKS-0002")]


def test_a_name_of_several_computers_joins_by_domain_or_not_at_all(tmp_path: Path) -> None:
    rows = [device("WKS-0001.a.example"), device("WKS-0001", source="archive/x")]
    ad = [computer(1, "WKS-0001", DistinguishedName="CN=WKS-0001,DC=a,DC=example")]
    ad += [computer(2, "WKS-0001", DistinguishedName="CN=WKS-0001,DC=b,DC=example")]
    fleet = fleet_of([write_run(tmp_path / "run", rows)], [write_list(tmp_path / "ad.csv", ad)])
    reported = fleet.devices[fleet.devices["reported"]]["key"].tolist()
    assert reported == [f"id:{guid(1)}", "name:WKS-0001@"]
    assert conflicts_of(fleet) == [("name of several computers", "WKS-0001")]


def test_one_id_on_several_devices_is_an_image(tmp_path: Path) -> None:
    rows = [device(f"VM-{number}", device_id=guid(5)) for number in range(3)] + [device("WKS-0001", device_id=guid(6))]
    fleet = fleet_of([write_run(tmp_path / "run", rows)])
    assert len(fleet.devices) == 4
    assert conflicts_of(fleet) == [("one id, several devices", "VM-0")]
    assert fleet.clusters[["rule", "devices", "value", "examples"]].values.tolist() == [
        ["one-device-id", 3, guid(5), "VM-0, VM-1, VM-2"]
    ]


def test_a_renamed_device_stays_one(tmp_path: Path) -> None:
    runs = [
        write_run(tmp_path / "1", [device("OLD", "scp", device_id=guid(5))]),
        write_run(tmp_path / "2", [device("NEW", "scp", device_id=guid(5), as_of=DAY[1])]),
    ]
    fleet = fleet_of(runs)
    assert fleet.devices[["key", "device", "runs"]].values.tolist() == [["name:NEW@", "NEW", 2]]
    assert fleet.conflicts.empty


def test_dual_state_duplicates_and_stale_objects(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [device("WKS-0001", device_id=guid(1))])
    ad = write_list(tmp_path / "ad.csv", [computer(number, f"WKS-000{number}") for number in (1, 2, 3)])
    old = {"ApproximateLastSignInDateTime": "2025-06-01T00:00:00Z"}
    entra = [
        cloud(1, "WKS-0001"),
        cloud(50, "WKS-0001", trust="Workplace"),
        cloud(2, "WKS-0002"),
        cloud(51, "WKS-0002", **old),
        cloud(60, "GONE-0001", **old),
    ]
    fleet = fleet_of([run], [ad, write_list(tmp_path / "entra.csv", entra)])
    assert conflicts_of(fleet) == [
        ("object of the same name with another id", "WKS-0002"),
        ("registered object of the same name", "WKS-0001"),
    ]
    assert summary.summarize(fleet)["hygiene"] == {
        "dual_state": 1, "stale": 0, "stale_days": 90, "duplicate_names": 1, "objects_without_computer": 2, "disabled": 0,
    }  # fmt: skip


# -------------------------------------------------------------------------------------------------------- lists


GRAPH = """{{"value": [
 {{"displayName": "WKS-0001", "deviceId": "{0}", "trustType": "ServerAd", "accountEnabled": true}}]}}"""
MANAGED = '{{"deviceName": "WKS-0001", "azureADDeviceId": "{0}", "lastSyncDateTime": "2026-03-01T00:00:00Z"}}'


@pytest.mark.parametrize(
    ("text", "kind", "wanted"),
    [
        ("Name;ObjectGUID;Enabled\r\nWKS-0001;{0};True\r\n", "ad", ("WKS-0001", True)),
        ("#TYPE Selected\r\nName,ObjectGUID,Enabled\r\nWKS-0001,{0},False\r\n", "ad", ("WKS-0001", False)),
        (GRAPH, "entra", ("WKS-0001", True)),
        (MANAGED, "intune", ("WKS-0001", None)),
        ("Rechner\tKennung\nWKS-0001\t{0}\n", "plan", ("WKS-0001", None)),
    ],
)  # fmt: skip
def test_lists_are_recognised(tmp_path: Path, text: str, kind: str, wanted: tuple[str, bool | None]) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(text.format(guid(1)).encode("utf-16"))
    found = read_list(path)
    row = found.rows.iloc[0]
    assert (found.kind, len(found.rows), found.left, row["id"]) == (kind, 1, 0, guid(1))
    assert (row["name"], None if pd.isna(row["enabled"]) else bool(row["enabled"])) == wanted


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (["03.01.2026 16:20:44"], ["2026-01-03"]),
        (["3/25/2026", "3/4/2026"], ["2026-03-25", "2026-03-04"]),
        (["3/4/2026"], [None]),  # day or month first: nothing tells
        (["2026-03-04T10:00:00+02:00", "rubbish"], ["2026-03-04", None]),
    ],
)
def test_dates_of_lists(tmp_path: Path, cells: list[str], wanted: list[str | None]) -> None:
    rows = [{"Name": f"WKS-{number}", "LastLogonDate": cell} for number, cell in enumerate(cells)]
    found = read_list(write_list(tmp_path / "list.csv", rows)).rows["last_seen"]
    assert [None if pd.isna(one) else f"{one:%Y-%m-%d}" for one in found] == wanted


def test_a_type_name_is_a_certificate_only_beside_empty_cells(tmp_path: Path) -> None:
    typed = "Microsoft.ActiveDirectory.Management.ADPropertyValueCollection"
    alone = write_list(tmp_path / "a.csv", [computer(1, "A", certificate=typed), computer(2, "B", certificate=typed)])
    mixed = write_list(tmp_path / "b.csv", [computer(1, "A", certificate=typed), computer(2, "B", certificate="")])
    assert read_list(alone).rows["certificate"].isna().all()
    assert read_list(mixed).rows["certificate"].tolist() == [True, False]


def test_rows_that_name_no_device_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("Name,Wave\nWKS-0001,1\n,2\n", encoding="utf-8")
    found = read_list(path)
    assert (len(found.rows), found.left) == (1, 1)


@given(data=st.binary(max_size=400))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_a_list_or_a_named_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(data)
    try:
        found = read_list(path)
    except FleetError as error:
        assert "list.csv" in str(error)  # noqa: PT017
    else:
        assert len(found.rows) + found.left >= 1


# ----------------------------------------------------------------------------------------------------- clusters


def proxied(count: int, failing: int, proxy: str, first: int, hour: int = 9) -> list[dict[str, Any]]:
    return [
        device(
            f"WKS-{first + number:05}",
            "proxy" if number < failing else None,
            facts={"proxy.winhttp.server": proxy},
            time=f"2026-03-04T{hour:02}:{10 + number % 40:02}:00Z",
        )
        for number in range(count)
    ]


def test_devices_behind_one_proxy(tmp_path: Path) -> None:
    rows = proxied(230, 212, "proxy-a:8080", 0) + proxied(900, 9, "proxy-b:8080", 1000)
    found = fleet_of([write_run(tmp_path / "run", rows)]).clusters
    assert len(found) == 1
    row = found.iloc[0]
    assert (
        row["evidence"] == "212 of 230 devices behind proxy proxy-a:8080 since 2026-03-04 09:10 UTC; elsewhere 9 of 900"
    )
    assert (row["trait"], row["devices"], row["of"], row["outside"], row["outside_of"], bool(row["burst"])) == (
        "proxy", 212, 230, 9, 900, True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ((4, 4), (200, 0)),  # too few
        ((20, 6), (200, 40)),  # 30 % against 20 %: not twice
        ((12, 5), (12, 2)),  # twice, but the intervals meet
        ((300, 150), (0, 0)),  # nobody to compare with
    ],
)
def test_no_cluster_without_proof(tmp_path: Path, inside: tuple[int, int], outside: tuple[int, int]) -> None:
    rows = proxied(*inside, "proxy-a:8080", 0) + proxied(*outside, "proxy-b:8080", 1000)
    assert fleet_of([write_run(tmp_path / "run", rows)]).clusters.empty


def test_what_the_same_devices_share_stands_in_one_row(tmp_path: Path) -> None:
    rows = proxied(60, 60, "proxy-a:8080", 0, hour=3) + proxied(300, 0, "proxy-b:8080", 1000)
    for number, row in enumerate(rows):
        row["os_build"] = "10.0.19045" if number < 60 else "10.0.22631"
        row["time"] = f"2026-02-{1 + number % 20:02}T03:00:00Z"  # no common hours
    found = fleet_of([write_run(tmp_path / "run", rows)]).clusters
    assert found["evidence"].tolist() == ["60 of 60 devices behind proxy proxy-a:8080; elsewhere 0 of 300"]
    assert found["also"].tolist() == ["Windows build 10.0.19045 (60 of 60)"]


def test_devices_without_a_proxy(tmp_path: Path) -> None:
    rows = proxied(30, 30, "direct", 0) + proxied(90, 0, "proxy-b:8080", 1000)
    found = fleet_of([write_run(tmp_path / "run", rows)]).clusters
    assert found["evidence"].tolist() == [
        "30 of 30 devices without a proxy since 2026-03-04 09:10 UTC; elsewhere 0 of 90"
    ]


def test_what_only_overlaps_a_cluster_is_none(tmp_path: Path) -> None:
    rows = proxied(60, 57, "proxy-a:8080", 0) + proxied(600, 6, "proxy-b:8080", 1000)
    for number, row in enumerate(rows):
        row["os_build"] = (
            "10.0.19045" if number < 60 or number % 8 == 0 else "10.0.22631"
        )  # all of proxy-a, some of proxy-b
        row["domain"] = "SOUTH" if number < 30 else "NORTH"  # a part of proxy-a
    found = fleet_of([write_run(tmp_path / "run", rows)]).clusters
    assert found[["trait", "value"]].values.tolist() == [["proxy", "proxy-a:8080"]]


@given(hits=st.integers(0, 500), more=st.integers(0, 500), z=st.floats(0.5, 5))
def test_score_intervals_hold_the_share(hits: int, more: int, z: float) -> None:
    if hits + more == 0:
        return
    low, high = clusters.wilson(hits, hits + more, z)
    assert -1e-9 <= low <= hits / (hits + more) + 1e-9
    assert hits / (hits + more) - 1e-9 <= high <= 1 + 1e-9


# ------------------------------------------------------------------------------------------------ spreadsheets

HOSTILE = [
    "=cmd|' /C calc'!A0", "+1+1", "-2", "@SUM(A1)", "\t=1+1", ' "=1+1', "\u200b=1", "\uff1d1+1", "\r\n=1",
    "<script>alert(1)</script>", "WKS-\u202e0427", "a\x00b", "\ud800", "x" * 50_000, "\U0001f600" * 20_000, "'=1",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_acts(text: str) -> None:
    cell = spreadsheets.harmless(text)
    assert cell.isprintable()
    assert len(cell.encode("utf-16-le")) // 2 < 32_767
    assert cell.lstrip(" \"'")[:1] not in ("=", "+", "-", "@", "\uff1d") or cell.startswith("'")


@given(text=st.text(max_size=60))
def test_no_text_becomes_a_formula(text: str) -> None:
    cell = spreadsheets.harmless(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20"))


def hostile_run(folder: Path) -> Path:
    names = [one.encode("utf-8", "replace").decode() for one in HOSTILE]
    return write_run(folder, [device(name, "scp", source=f"archive/{place}") for place, name in enumerate(names)])


def test_csv_of_hostile_names(tmp_path: Path) -> None:
    found = spreadsheets.tables(fleet_of([hostile_run(tmp_path / "run")]))
    data = spreadsheets.as_csv(found["devices"], bom=True, delimiter=";")
    assert data.startswith(b"\xef\xbb\xbfdevice;device_id;")
    csv.field_size_limit(1 << 20)
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig")), delimiter=";"))
    assert len(rows) == len(found["devices"])
    for row in rows:
        assert all(len(cell) < 32_767 and not cell.startswith(("=", "+", "-", "@")) for cell in row.values())


def test_workbook(tmp_path: Path) -> None:
    import zipfile

    runs = [hostile_run(tmp_path / "run")]
    path = tmp_path / "fleet.xlsx"
    spreadsheets.write_workbook(spreadsheets.tables(fleet_of(runs)), path)
    with zipfile.ZipFile(path) as book:
        sheets = [book.read(f"xl/worksheets/sheet{number}.xml").decode() for number in range(1, 6)]
        assert not [name for name in book.namelist() if "hyperlink" in name or "externalLink" in name]
    for sheet in sheets:
        assert 'state="frozen"' in sheet
        assert "<autoFilter" in sheet
        assert "<f>" not in sheet
        assert "<hyperlink" not in sheet
    again = tmp_path / "again.xlsx"
    spreadsheets.write_workbook(spreadsheets.tables(fleet_of(runs)), again)
    assert path.read_bytes() == again.read_bytes()


def test_parquet_reads_back(tmp_path: Path) -> None:
    found = spreadsheets.tables(fleet_of([hostile_run(tmp_path / "run")]))
    for frame in found.values():
        back = pd.read_parquet(io.BytesIO(spreadsheets.as_parquet(frame)))
        assert list(back.columns) == list(frame.columns)
        assert len(back) == len(frame)


def test_text_of_hostile_names_is_harmless(tmp_path: Path) -> None:
    run = hostile_run(tmp_path / "run")
    target = write_list(tmp_path / "ad.csv", [computer(1, "x\u202ey"), computer(1, "\x1b[2J"), computer(2, "x")])
    for text in (texts.summary(summed([run], [target])), texts.difference(difference.as_data(fleet_of([run, run])))):
        assert all(line.isprintable() for line in text.splitlines())


# -------------------------------------------------------------------------------------------------- totals add up

STATES = st.tuples(
    st.sampled_from(["A", "B", "C", "D", "E", None]),
    st.sampled_from([None, "scp", "prt", "mdm", "old"]),
    st.sampled_from([None, None, "unread", "inconclusive", "not-applicable"]),
    st.sampled_from([None, None, "head"]),
    st.sampled_from([None, guid(1), guid(2)]),
)


@given(
    runs=st.lists(st.lists(STATES, max_size=6), min_size=1, max_size=3),
    listed=st.lists(st.tuples(st.integers(1, 4), st.sampled_from("ABCDEF")), max_size=5),
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_totals_add_up(tmp_path_factory: pytest.TempPathFactory, runs: Any, listed: Any) -> None:
    base = tmp_path_factory.mktemp("fleet")
    folders = []
    for number, states in enumerate(runs):
        rows = []
        for place, (name, cause, verdict, cut, identity) in enumerate(states):
            bare = cause if verdict is None else None
            rows.append(
                device(name, bare, verdict, cut=cut, device_id=identity, as_of=DAY[number], source=f"s/{place}")
            )
        folders.append(write_run(base / f"run-{number}", rows or [device("Z", as_of=DAY[number])]))
    lists = [write_list(base / "ad.csv", [computer(number, name) for number, name in listed])] if listed else []
    fleet = fleet_of(folders, lists)
    found = summary.summarize(fleet)
    target = found["base"]["devices"]
    for row in found["coverage"]:
        assert row["reported"] == row["read"] + row["cut"] + row["undecided"] + row["unreadable"]
        assert row["target"] == row["reported"] + (row["silent"] or 0)
    assert sum(row["devices"] for row in found["verdicts"]) == target
    assert sum(row["devices"] for row in found["rollout"]) == target
    for rows in found["groups"].values():
        assert not rows or sum(row["devices"] for row in rows) == target
    phases = found["phases"]
    stops = sum(row["stopped"] for row in phases["rows"]) + sum(row["devices"] for row in phases["beyond"])
    assert stops + phases["passed"] == phases["judged"]
    assert phases["judged"] + phases["not_judged"] == target
    troubled = sum(row["devices"] for row in found["verdicts"] if row["name"] in ("failed", "pending", "degraded"))
    assert sum(row["devices"] for row in found["who"]) == troubled
    assert fleet.devices["key"].is_unique
    assert set(fleet.findings["key"]) <= set(fleet.devices["key"])


# ----------------------------------------------------------------------------------------------------- commands


def test_commands(tmp_path: Path) -> None:
    old = write_run(tmp_path / "old", [device("WKS-0001", "scp")])
    new = write_run(tmp_path / "new", [device("WKS-0001", as_of=DAY[1])])
    run = CliRunner().invoke
    done = run(app, ["fleet", "summary", str(old), "-f", "json"])
    assert done.exit_code == 0
    assert json.loads(done.output)["causes"][0]["rule"] == "scp"
    assert "1 × The device could not" in run(app, ["fleet", "summary", str(old)]).output
    done = run(app, ["fleet", "diff", str(old), str(new), "-f", "json"])
    assert by(json.loads(done.output)["classes"], "class")["fixed"] == 1
    (tmp_path / "out").mkdir()
    for form in ("csv", "parquet", "json", "xlsx"):
        assert run(app, ["fleet", "table", str(new), "-f", form, "-o", str(tmp_path / "out")]).exit_code == 0
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == sorted(
        [f"{name}.{form}" for name in spreadsheets.TABLES for form in ("csv", "json", "parquet")] + ["fleet.xlsx"]
    )


@pytest.mark.parametrize(
    "arguments",
    [["summary", "nowhere"], ["diff", "."], ["table", ".", "-f", "xlsx"], ["summary", ".", "--devices", "nowhere.csv"]],
)
def test_wrong_usage(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, ["fleet", *arguments]).exit_code == 2


def test_the_fleet_knows_neither_engine_nor_parsers() -> None:
    allowed = {"fleet", "tables", "times", "words", "report", "__version__"}
    for path in Path(package.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("troubleshoot"):
                parts = node.module.split(".")
                assert (parts + [alias.name for alias in node.names])[1] in allowed, f"{path.name}: {node.module}"
