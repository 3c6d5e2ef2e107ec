"""Which rows of an export are this device's, and the facts they become."""

from __future__ import annotations

import json
from typing import Any

import pytest
from evidence import capture, event
from test_cloudrows import DEVICE, OBJECT, OTHER, audit, device, graph

from troubleshoot.case import Case
from troubleshoot.model import Capture, Event, Source
from troubleshoot.parsers import parse_text

JOINED = {"AzureAdJoined": "YES", "DomainJoined": "YES", "DeviceId": DEVICE, "DeviceName": "WKS-0427.corp.example"}
FRESH = {"AzureAdJoined": "NO", "DomainJoined": "YES", "DeviceName": "WKS-0427.corp.example"}
THIRD = "99999999-8888-7777-6666-555555555555"
SOUND = device(registrationDateTime="2025-11-03T10:02:11Z", alternativeSecurityIds=[{"type": 2}])


def case(local: dict[str, str] | Capture | Event | None, *texts: str, name: str = "export.json") -> Case:
    """The case of a capture (or record) and the texts of exports."""
    evidence: list[Any] = [] if local is None else [capture(local, time="09:10") if isinstance(local, dict) else local]
    for text in texts:
        evidence += parse_text(name, text.encode(), None)
    return Case.of(evidence)


def facts(found: Case, prefix: str = "cloud.") -> dict[str, list[str]]:
    return {
        name: [one.value for one in group] for name, group in sorted(found.facts.items()) if name.startswith(prefix)
    }


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "pending"),
        ({"accountEnabled": False}, "disabled"),
        ({"registrationDateTime": "2025-11-03T10:02:11Z"}, "enabled"),
        ({"alternativeSecurityIds": [{"type": 2}]}, "enabled"),  # it has a key, so it was registered
        ({"trustType": "AzureAd"}, "enabled"),  # only what sync creates can wait for a device
        ({"accountEnabled": None, "registrationDateTime": "2025-11-03T10:02:11Z"}, None),
    ],
)
def test_state_of_the_object(changed: dict[str, Any], expected: str | None) -> None:
    found = facts(case(JOINED, graph(device(**changed))))
    assert found.get("cloud.device") == (None if expected is None else [expected])


def test_a_property_that_was_not_exported_is_unknown() -> None:
    short = {"deviceId": DEVICE, "displayName": "WKS-0427", "trustType": "ServerAd", "accountEnabled": True}
    assert facts(case(JOINED, graph(short)))["cloud.device"] == ["enabled"]
    assert "cloud.device" not in facts(case(JOINED, graph({**short, "accountEnabled": None})))


def test_the_object_is_found_by_id_whatever_its_name() -> None:
    found = case(JOINED, graph(device(deviceId=OTHER, accountEnabled=False), {**SOUND, "displayName": "OLD-NAME"}))
    assert facts(found) == {
        "cloud.device": ["enabled"],
        "cloud.device.same-name": ["1"],
        "cloud.device.same-name.types": ["same-type"],
        "cloud.device.trust-type": ["hybrid"],
    }
    assert found.facts["cloud.device"][0].source == Source("export.json", 13)


def test_the_object_id_is_not_the_device_id() -> None:
    assert "cloud.device" not in facts(case({**JOINED, "DeviceId": OBJECT, "DeviceName": "X"}, graph(SOUND)))


def test_a_device_that_is_not_joined_is_found_by_name() -> None:
    found = case(
        FRESH,
        graph(device(), device(deviceId=OTHER, trustType="Workplace", registrationDateTime="2025-01-01T00:00:00Z")),
    )
    assert facts(found) == {
        "cloud.device": ["pending"],
        "cloud.device.same-name": ["1"],
        "cloud.device.same-name.types": ["registered-too"],
        "cloud.device.trust-type": ["hybrid"],
    }


def test_two_hybrid_objects_of_one_name_decide_nothing() -> None:
    found = facts(case(FRESH, graph(device(), device(deviceId=OTHER))))
    assert found == {"cloud.device.same-name": ["2"], "cloud.device.same-name.types": ["same-type"]}


def test_the_id_in_the_service_s_answer_tells_which_of_them_it_is() -> None:
    message = f"The device object by the given id ({OTHER}) is not found."
    failed = {
        **FRESH,
        "PreviousRegistration": "2025-03-04 08:58:00.000 UTC",
        "ErrorPhase": "join",
        "ClientErrorCode": "0x801c03f2",
    }
    failed["ServerMessage"] = message
    found = facts(case(failed, graph(device(), device(deviceId=OTHER, accountEnabled=False))))
    assert found["cloud.device"] == ["disabled"]


def test_the_computer_object_tells_the_id() -> None:
    computer = f'Name,ObjectGUID,DistinguishedName\nWKS-0427,{OTHER},"CN=WKS-0427,DC=corp"\n'
    found = facts(case(FRESH, graph(device(), device(deviceId=OTHER, accountEnabled=False)), computer))
    assert found["cloud.device"] == ["disabled"]


# ------------------------------------------------------------------------------------------------------- missing


def many(count: int, **changed: Any) -> list[dict[str, Any]]:
    return [
        device(deviceId=f"{n:08}-0000-4000-8000-000000000000", displayName=f"PC-{n}", **changed) for n in range(count)
    ]


NOT_FOUND = {
    "error": {"code": "Request_ResourceNotFound", "message": f"Resource '{DEVICE}' does not exist or one of its ..."}
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (graph(), ["missing"]),  # the empty answer to a filter
        (json.dumps(NOT_FOUND), ["missing"]),
        (json.dumps(NOT_FOUND).replace(DEVICE, OTHER), None),
        (graph(device(deviceId=OTHER)), ["missing"]),  # the name is listed, with another id
        (graph(device(deviceId=OTHER, trustType="Workplace")), None),
        (graph(*many(1)), None),
        (graph(*many(9)), None),
        (graph(*many(12)), ["missing"]),
        (graph(*many(12, trustType="Workplace")), None),  # filtered by join type, perhaps
        (graph(*many(100)), None),  # cut at the end of a page, perhaps
        (graph(*many(12), **{"@odata.nextLink": "https://graph.microsoft.com/v1.0/devices?$skiptoken=x"}), None),
    ],
)
def test_missing_only_where_the_export_shows_it(text: str, expected: list[str] | None) -> None:
    assert facts(case(JOINED, text)).get("cloud.device") == expected


def test_a_case_without_any_id_misses_nothing() -> None:
    assert facts(case({"AzureAdJoined": "NO", "DomainJoined": "YES"}, graph(*many(12)))) == {}


def test_an_export_of_one_device_is_of_that_device() -> None:
    found = case(None, graph(device()))
    assert facts(found)["cloud.device"] == ["pending"]
    assert (found.device.name, found.device.device_id) == ("WKS-0427", DEVICE)
    assert facts(case(None, graph(device(), device(deviceId=OTHER)))) == {}


@pytest.mark.parametrize(
    ("name", "expected"), [("exportDevice_2025-3-3.csv", ["pending"]), ("exportDevice_2025-3-1.csv", None)]
)
def test_an_export_older_than_the_attempt_says_nothing_of_now(name: str, expected: list[str] | None) -> None:
    failed = event(304, "2025-03-04T08:58:00Z", record=1, ExitCode="0x801c03f2", computer="WKS-0427")
    assert facts(case(failed, graph(device()), name=name)).get("cloud.device") == expected


def test_the_time_of_a_fact_is_the_newest_in_the_export() -> None:
    found = case(JOINED, graph(SOUND, *many(2, approximateLastSignInDateTime="2026-02-27T06:11:00Z")))
    assert [one.time and one.time.isoformat() for one in found.facts["cloud.device"]] == ["2026-02-27T06:11:00+00:00"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2026-02-27T06:11:00Z", "2026-02-27T06:11:00Z"), ("27.02.2026 06:11:00", "27.02.2026 06:11:00"), (None, None)],
)
def test_last_sign_in(text: str | None, expected: str | None) -> None:
    found = facts(case(JOINED, graph({**SOUND, "approximateLastSignInDateTime": text})))
    assert found.get("cloud.device.last-sign-in") == (None if expected is None else [expected])


# ------------------------------------------------------------------------------------------------------ audit log


def log(*rows: dict[str, Any]) -> str:
    return json.dumps(list(rows))


def plain(activity: str, hour: int, **changed: Any) -> dict[str, Any]:
    target = {"id": OBJECT, "displayName": "WKS-0427", "type": "Device", "modifiedProperties": []}
    return {
        **audit(activity),
        "activityDateTime": f"2026-03-03T{hour:02}:00:00Z",
        "targetResources": [target],
        **changed,
    }


def switched(to: str, hour: int) -> dict[str, Any]:
    change = {"displayName": "AccountEnabled", "oldValue": "[]", "newValue": f"[{to}]"}
    target = {"id": OBJECT, "displayName": "WKS-0427", "type": "Device", "modifiedProperties": [change]}
    return plain("Update device", hour, targetResources=[target])


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([plain("Delete device", 8)], {"cloud.audit.deleted": ["yes"]}),
        ([plain("Delete device", 8), plain("Add device", 9)], {}),
        ([plain("Add device", 7), plain("Delete device", 8)], {"cloud.audit.deleted": ["yes"]}),
        ([plain("Delete device", 8, result="failure")], {}),
        ([switched("false", 8)], {"cloud.audit.disabled": ["yes"]}),
        ([switched("false", 8), switched("true", 9)], {}),
        ([switched("true", 8), switched("false", 9)], {"cloud.audit.disabled": ["yes"]}),
        ([plain("Disable device", 8)], {"cloud.audit.disabled": ["yes"]}),
        ([plain("Delete device", 8, additionalDetails=[{"key": "DeviceId", "value": OTHER}])], {}),
        ([plain("Delete device", 8, additionalDetails=[])], {"cloud.audit.deleted": ["yes"]}),  # by name
        ([plain("Delete device", 8, additionalDetails=[{"key": "DeviceTrustType", "value": "Workplace"}])], {}),
        ([plain("Update device", 8)], {}),
    ],
)
def test_audit_log(rows: list[dict[str, Any]], expected: dict[str, list[str]]) -> None:
    assert facts(case(JOINED, log(*rows)), "cloud.audit") == expected


# ------------------------------------------------------------------------------------------------------ directory


def report(total: str, certificates: str, valid: str, filtered: str) -> str:
    head = "ObjectDN;ObjectGUID;TotalEntriesCount;CertsCount;ValidCertsCount;HybridJoinCertsCount;CloudFiltered"
    return (
        f'{head}\n"CN=WKS-0427,OU=Clients,DC=corp";{DEVICE};{total};{certificates};{certificates};{valid};{filtered}\n'
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (report("1", "1", "1", "FALSE"), ("in-scope", ["present"], ["yes"], ["1"])),
        (report("2", "2", "0", "TRUE"), ("filtered", ["present"], ["no"], ["2"])),
        (report("16", "16", "1", "FALSE"), ("large-object", ["present"], ["yes"], ["16"])),
        (report("1", "0", "0", "TRUE"), ("filtered", None, ["no"], ["1"])),
    ],
)
@pytest.mark.parametrize("local", [JOINED, FRESH])
def test_report_of_connect(text: str, expected: tuple[Any, ...], local: dict[str, str]) -> None:
    found = case(local, text)
    told = facts(found, "certificate.")
    assert (
        facts(found, "sync.")["sync.state"][0],
        told.get("certificate.userCertificate"),
        told.get("certificate.userCertificate.valid"),
        told.get("certificate.userCertificate.count"),
    ) == expected


COMPUTERS = "Name,ObjectGUID,DistinguishedName,userCertificate\n"
TYPE = "Microsoft.ActiveDirectory.Management.ADPropertyValueCollection"


@pytest.mark.parametrize(
    ("mine", "other", "expected"),
    [
        (TYPE, "", ["present"]),
        ("", TYPE, ["missing"]),
        ("", "", None),  # the column was not asked for
        (TYPE, TYPE, None),  # an empty collection is printed like that, too
    ],
)
def test_certificates_in_an_export_of_computers(mine: str, other: str, expected: list[str] | None) -> None:
    text = (
        COMPUTERS + f'WKS-0427,{DEVICE},"CN=WKS-0427,DC=corp",{mine}\nWKS-0428,{OTHER},"CN=WKS-0428,DC=corp",{other}\n'
    )
    assert facts(case(JOINED, text), "certificate.").get("certificate.userCertificate") == expected


def test_the_proof_is_the_row_in_one_line() -> None:
    found = case(JOINED, graph(device()))
    assert found.facts["cloud.device"][0].text == (
        f"device WKS-0427: deviceId={DEVICE}; id={OBJECT}; trustType=ServerAd; accountEnabled=true; registrationDateTime=empty; "
        "alternativeSecurityIds=0"
    )
    assert found.coverage.kinds == ("dsregcmd", "cloud")
