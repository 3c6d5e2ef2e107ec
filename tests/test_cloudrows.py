"""Exports of Entra, AD and Entra Connect as rows: every form and encoding, hostile cells, damage counted exactly."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troubleshoot.model import CloudObject, Event, LogLine, Problem
from troubleshoot.parsers import parse_text

DEVICE = "11111111-2222-3333-4444-555555555555"
OTHER = "22222222-3333-4444-5555-666666666666"
OBJECT = "33333333-4444-5555-6666-777777777777"
PORTAL = (
    "displayName,accountEnabled,operatingSystem,operatingSystemVersion,joinType (trustType),registeredOwners,userNames,"
    "mdmDisplayName,isCompliant,registrationTime,approximateLastSignInDateTime,deviceId,isManaged,objectId,profileType,"
    "systemLabels,model"
)
ROW = f"WKS-0427,True,Windows,10.0.26100.3476,Microsoft Entra hybrid joined,,,,,,2026-03-01T03:11:00Z,{DEVICE},True,{OBJECT},,,"


def read(data: str | bytes, name: str = "x.csv") -> tuple[list[CloudObject], list[Any]]:
    """(cloud objects, everything else) of a text."""
    raw = data.encode() if isinstance(data, str) else data
    found = list(parse_text(name, raw, None))
    return [one for one in found if isinstance(one, CloudObject)], [
        one for one in found if not isinstance(one, CloudObject)
    ]


def rows(data: str | bytes) -> list[tuple[str, str | None, str | None]]:
    return [(one.kind, one.device_id, one.name) for one in read(data)[0] if one.kind != "listing"]


def graph(*devices: dict[str, Any], **page: Any) -> str:
    context = "https://graph.microsoft.com/v1.0/$metadata#devices"
    return json.dumps({"@odata.context": context, **page, "value": list(devices)}, indent=1)


def device(**changed: Any) -> dict[str, Any]:
    return {
        "id": OBJECT,
        "deviceId": DEVICE,
        "displayName": "WKS-0427",
        "trustType": "ServerAd",
        "accountEnabled": True,
        "registrationDateTime": None,
        "alternativeSecurityIds": [],
        **changed,
    }


PENDING = {
    "id": OBJECT,
    "trustType": "ServerAd",
    "accountEnabled": "true",
    "registrationDateTime": "",
    "alternativeSecurityIds": "0",
}
PASCAL = {key[0].upper() + key[1:]: value for key, value in device().items()}


def test_portal_download() -> None:
    found, rest = read(f"{PORTAL}\n{ROW}\n")
    assert [(one.kind, one.device_id, one.name, dict(one.values), one.source.line) for one in found] == [
        (
            "device",
            DEVICE,
            "WKS-0427",
            {
                "id": OBJECT,
                "accountEnabled": "True",
                "trustType": "Microsoft Entra hybrid joined",
                "registrationDateTime": "",
                "approximateLastSignInDateTime": "2026-03-01T03:11:00Z",
            },
            2,
        ),
        ("listing", None, None, {"of": "device", "rows": "1", "hybrid": "1"}, 2),
    ]
    assert rest == []


@pytest.mark.parametrize(
    "text",
    [
        graph(device()),
        json.dumps([device()]),
        json.dumps(device(), indent=2),
        json.dumps(device()),
        json.dumps([json.loads(graph(device()))]),
        json.dumps([PASCAL], indent=4),
        json.dumps({"value": [PASCAL], "Count": 1}, indent=4),
    ],
    ids=["page", "bare array", "one object", "one line", "array of pages", "PowerShell", "PowerShell with Count"],
)
def test_json_of_devices(text: str) -> None:
    found, rest = read(text)
    assert [(one.kind, one.device_id, one.name, dict(one.values)) for one in found if one.kind == "device"] == [
        ("device", DEVICE, "WKS-0427", PENDING)
    ]
    assert [dict(one.values) for one in found if one.kind == "listing"] == [
        {"of": "device", "rows": "1", "hybrid": "1"}
    ]
    assert [one for one in rest if isinstance(one, Problem)] == []


def test_export_csv_prints_the_names_of_types() -> None:
    table = (
        '#TYPE Microsoft.Graph.PowerShell.Models.MicrosoftGraphDevice\n"AccountEnabled","AlternativeSecurityIds","DeviceId","DisplayName",'
        '"RegistrationDateTime","TrustType"\n'
        f'"False","Microsoft.Graph.PowerShell.Models.IMicrosoftGraphAlternativeSecurityId[]","{DEVICE}",'
        '"WKS-0427","1/12/2026 7:31:10 AM","ServerAd"\n'
    )
    found, rest = read(table)
    assert dict(found[0].values) == {
        "accountEnabled": "False",
        "registrationDateTime": "1/12/2026 7:31:10 AM",
        "trustType": "ServerAd",
    }
    assert found[1].values["dayFirst"] == "false"
    assert rest == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings_and_delimiters(encoding: str, delimiter: str, end: str) -> None:
    text = f"{PORTAL}\n{ROW}\n".replace(",", delimiter).replace("\n", end)
    assert rows(text.encode(encoding)) == [("device", DEVICE, "WKS-0427")]


def test_lists_of_powershell() -> None:
    text = (
        "PS C:\\> Get-ADComputer WKS-0427 -Properties userCertificate\n\n"
        "DistinguishedName : CN=WKS-0427,OU=Clients,DC=corp,\n                    DC=example\n"
        f"Enabled           : True\nName              : WKS-0427\nObjectGUID        : {DEVICE}\nuserCertificate   : {{}}\n\n"
        f"AccountEnabled : False\nDeviceId       : {OTHER}\nDisplayName    : WKS-0428\nTrustType      : AzureAd\n"
    )
    found, rest = read(text)
    assert [
        (one.kind, one.device_id, one.name, dict(one.values), one.source.line) for one in found if one.kind != "listing"
    ] == [
        (
            "computer",
            DEVICE,
            "WKS-0427",
            {
                "distinguishedName": "CN=WKS-0427,OU=Clients,DC=corp, DC=example",
                "enabled": "True",
                "userCertificate": "0",
            },
            3,
        ),
        ("device", OTHER, "WKS-0428", {"accountEnabled": "False", "trustType": "AzureAd"}, 10),
    ]
    assert [one for one in rest if isinstance(one, Problem)] == []


@pytest.mark.parametrize(
    ("printed", "value"),
    [
        ("{}", "0"),
        ("{48 130 3 12 ...}", "some"),
        ("{48 130 3 12, 48 130 2 236}", "some"),
        ("{System.Byte[], System.Byte[]}", "2"),
        ("{System.Byte[], System.Byte[], ...}", "some"),
        ("Microsoft.ActiveDirectory.Management.ADPropertyValueCollection", "(type name)"),
        ("", ""),
    ],
)
def test_user_certificate_in_a_list(printed: str, value: str) -> None:
    text = f"DistinguishedName : CN=WKS-0427,DC=corp\nObjectGUID : {DEVICE}\nuserCertificate : {printed}\n"
    assert read(text)[0][0].values["userCertificate"] == value


def test_report_of_connect() -> None:
    text = (
        '"ObjectDN";"ObjectGUID";"TotalEntriesCount";"CertsCount";"ValidCertsCount";"HybridJoinCertsCount";"CloudFiltered"\n'
        f'"CN=WKS-0427,OU=Clients,DC=corp,DC=example";"{DEVICE}";"2";"2";"1";"0";"TRUE"\n'
    )
    found, rest = read(text)
    assert (found[0].kind, found[0].device_id, found[0].name) == ("certificate-report", DEVICE, "WKS-0427")
    assert found[0].values["hybridJoinCertsCount"] == "0"
    assert found[0].values["cloudFiltered"] == "TRUE"
    assert rest == []


SIGN_IN = {
    "id": "44444444-5555-6666-7777-888888888888",
    "createdDateTime": "2026-03-04T08:58:00Z",
    "userPrincipalName": "ada@contoso.com",
    "appDisplayName": "Windows Sign In",
    "correlationId": "55555555-6666-7777-8888-999999999999",
    "status": {"errorCode": 50155, "failureReason": "Device authentication failed.", "additionalDetails": None},
    "deviceDetail": {"deviceId": DEVICE, "displayName": "WKS-0427", "operatingSystem": "Windows10", "trustType": ""},
}


@pytest.mark.parametrize(
    "text", [json.dumps([SIGN_IN]), json.dumps({"value": [SIGN_IN]}, indent=1), json.dumps(SIGN_IN)]
)
def test_json_of_sign_ins(text: str) -> None:
    found, rest = read(text)
    assert (found[0].kind, found[0].device_id, found[0].time.isoformat()) == (  # type: ignore[union-attr]
        *("sign-in", DEVICE, "2026-03-04T08:58:00+00:00"),
    )
    assert dict(found[0].values) == {
        "errorCode": "50155",
        "failureReason": "Device authentication failed.",
        "userPrincipalName": "ada@contoso.com",
        "correlationId": "55555555-6666-7777-8888-999999999999",
        "requestId": "44444444-5555-6666-7777-888888888888",
        "appDisplayName": "Windows Sign In",
        "deviceName": "WKS-0427",
        "operatingSystem": "Windows10",
    }
    assert rest == []


def test_portal_download_of_sign_ins() -> None:
    head = (
        "Date (UTC),Request ID,User agent,Correlation ID,User ID,User,Username,User type,Application,Application ID ,Status,"
        "Sign-in error code,Failure reason,Client app,Device ID,Browser,Operating System,Compliant,Managed,Join Type"
    )
    line = (
        f"2026-03-04T08:58:00Z,r-1,agent,c-1,u-1,Ada,ada@contoso.com,member,Windows Sign In,a-1,Failure,50155,Device auth failed.,,"
        f"{DEVICE},"
        ",Windows,,,Hybrid Azure AD joined"
    )
    found, rest = read(f"{head}\n{line}\n{line.replace('50155', 'None').replace('Failure', 'Success')}\n")
    assert [(one.kind, one.device_id, one.values.get("errorCode")) for one in found] == [
        ("sign-in", DEVICE, "50155"),
        ("sign-in", DEVICE, "0"),
        ("listing", None, None),
    ]
    assert rest == []


def audit(activity: str = "Delete device", category: str = "Device", **changed: Any) -> dict[str, Any]:
    return {
        "activityDateTime": "2026-03-03T15:20:41Z",
        "activityDisplayName": activity,
        "category": category,
        "result": "success",
        "correlationId": "66666666-7777-8888-9999-000000000000",
        "initiatedBy": {"app": None, "user": {"userPrincipalName": "admin@contoso.com"}},
        "targetResources": [
            {
                "id": OBJECT,
                "displayName": "WKS-0427",
                "type": "Device",
                "modifiedProperties": [{"displayName": "AccountEnabled", "oldValue": "[true]", "newValue": "[false]"}],
            }
        ],
        "additionalDetails": [{"key": "DeviceId", "value": DEVICE}, {"key": "DeviceTrustType", "value": "ServerAd"}],
        **changed,
    }


def test_json_of_the_audit_log() -> None:
    found, rest = read(json.dumps([audit(), audit("Add user", "UserManagement")]))
    assert [(one.kind, one.device_id, one.name) for one in found] == [
        ("audit", DEVICE, "WKS-0427"),
        ("listing", None, None),
    ]
    assert dict(found[0].values) == {
        "activityDisplayName": "Delete device",
        "category": "Device",
        "result": "success",
        "correlationId": "66666666-7777-8888-9999-000000000000",
        "initiatedBy": "admin@contoso.com",
        "target1Id": OBJECT,
        "trustType": "ServerAd",
        "accountEnabled": "false",
    }
    assert found[1].values["rows"] == "2"
    assert rest == []


def test_portal_download_of_the_audit_log() -> None:
    text = (
        '"Date (UTC)","CorrelationId","Service","Category","Activity","Result","ResultReason","ActorUserPrincipalName","Target1Type",'
        '"Target1DisplayName","Target1ObjectId","Target1ModifiedProperty1Name","Target1ModifiedProperty1OldValue",'
        '"Target1ModifiedProperty1NewValue","Target1ModifiedProperty2Name","Target1ModifiedProperty2OldValue",'
        '"Target1ModifiedProperty2NewValue"\n'
        '"2026-03-03T15:20:41Z","c-1","Core Directory","Device","Update device","success","","admin@contoso.com","Device","WKS-0427",'
        f'"{OBJECT}","AccountEnabled","[true]","[false]","TargetId.DeviceId","","""{DEVICE}"""\n'
    )
    found, rest = read(text)
    assert (found[0].kind, found[0].device_id, found[0].name) == ("audit", DEVICE, "WKS-0427")
    assert found[0].values["accountEnabled"] == "false"
    assert rest == []


@pytest.mark.parametrize(
    "text",
    [
        f"PolicyId,DeviceId,DeviceName,JoinType,DetectionStatus\nx,{DEVICE},WKS-0427,Hybrid,With issues\n",
        f"Timestamp,DeviceId,DeviceName,JoinType,AadDeviceId\n2026-03-04T06:00:00Z,{OTHER},wks-0427,Domain Join,{DEVICE}\n",
        f"Device ID,Device name,JoinType,Azure AD Device ID\n{OTHER},WKS-0427,hybrid,{DEVICE}\n",
        json.dumps([{"id": 1, "name": "x", "Id": 3}]),
        "| Device State |\n AzureAdJoined : YES\n DeviceId : " + DEVICE + "\n",
    ],
    ids=["remediation", "hunting", "Intune", "other JSON", "dsregcmd"],
)
def test_ids_of_other_tools_are_no_entra_devices(text: str) -> None:
    assert read(text)[0] == []


# ------------------------------------------------------------------------------------------------ hostile, damaged


def test_hostile_cells() -> None:
    cells = [
        '=cmd|"/c calc"!A1',
        "a\nb\r\nc",
        'say ""hi""',
        "x" * 1_000_000,
        "<script>alert(1)</script>",
        "\u202e",
        "\x00",
    ]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(PORTAL.split(","))
    for cell in cells:
        writer.writerow([cell, "True", *ROW.split(",")[2:]])
    found, rest = read(buffer.getvalue())
    assert [one.device_id for one in found if one.kind == "device"] == [DEVICE] * len(cells)
    assert all(len(one.name or "") <= 400 for one in found)
    assert rest == []


def test_a_lost_quote_costs_one_row() -> None:
    broken = ROW.replace("WKS-0427", '"WKS-0427')
    found, rest = read("\n".join([PORTAL, ROW, broken, *[ROW] * 3]))
    assert len([one for one in found if one.kind == "device"]) == 4
    assert [(one.kind, one.message, one.lost, one.source.line) for one in rest] == [
        ("damaged", "1 row cannot be read", 1, 3)
    ]


def test_short_rows_are_counted() -> None:
    found, rest = read(f"{PORTAL}\n{ROW}\nWKS-1,True\nWKS-2\n")
    assert [one.device_id for one in found] == [DEVICE, None]
    assert [(one.message, one.lost, one.source.line) for one in rest if isinstance(one, Problem)] == [
        ("2 rows cannot be read", 2, 3)
    ]


@pytest.mark.parametrize("cut", [1, 30, 150])
def test_json_that_is_cut_off(cut: int) -> None:
    text = json.dumps([device(), device(deviceId=OTHER)], indent=1).rstrip("]\n ")[:-cut]
    found, rest = read(text)
    assert [one.device_id for one in found if one.kind == "device"] == [DEVICE]
    problems = [one for one in rest if isinstance(one, Problem)]
    assert [(one.kind, one.message, one.lost) for one in problems] == [("damaged", "1 JSON object cannot be read", 1)]


def test_one_damaged_object_costs_itself() -> None:
    first, middle, last = (json.dumps(device(deviceId=one)) for one in (DEVICE, OTHER, OBJECT))
    found, rest = read(f"[{first},{middle.replace(': true', ': tru', 1)},{last}]")
    assert [one.device_id for one in found if one.kind == "device"] == [DEVICE, OBJECT]
    assert [one.lost for one in rest if isinstance(one, Problem)] == [1]


def test_deep_nesting_is_no_crash() -> None:
    found, rest = read('{"trustType":' + '{"a":' * 5000 + "1" + "}" * 5001)
    assert found == []
    assert all(isinstance(one, Problem | LogLine) for one in rest)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=400), st.sampled_from(["csv", "json", "list"]))
def test_arbitrary_text_never_raises(text: str, form: str) -> None:
    start = {"csv": PORTAL + "\n", "json": '[{"trustType": ', "list": "DistinguishedName : CN=x\n"}[form]
    for one in parse_text("x", (start + text).encode("utf-8", "replace"), None):
        assert not (isinstance(one, Problem) and "reading stopped" in one.message), one
        assert isinstance(one, CloudObject | Problem | LogLine | Event) or one


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), min_size=1, max_size=6))
def test_a_table_gives_back_what_was_written(names: list[str]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["displayName", "deviceId", "trustType", "accountEnabled"])
    for name in names:
        writer.writerow([name, DEVICE, "ServerAd", "True"])
    found = [one for one in read(buffer.getvalue())[0] if one.kind == "device"]
    assert len(found) == len(names)
