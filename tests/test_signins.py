"""The tenant's sign-in log beside a device's evidence: which rows are the device's, and what they add."""

from __future__ import annotations

import json
from typing import Any

import pytest
from evidence import AAD, BLOCK, USER, capture, event
from test_cloudrows import DEVICE, OTHER, SIGN_IN, device, graph

from troubleshoot.case import Case
from troubleshoot.model import Capture, Event, Source
from troubleshoot.parsers import parse_text

LOCAL = {"AzureAdJoined": "YES", "DeviceId": DEVICE, "DeviceName": "WKS-0427", "AzureAdPrt": "NO"}
FAILED_JOIN = {"AzureAdJoined": "NO", **BLOCK}
OPTIONS = {"time": "09:10", "account": USER, "elevated": False}


def row(code: int = 50126, hour: int = 8, **changed: Any) -> dict[str, Any]:
    return {
        **SIGN_IN,
        "createdDateTime": f"2025-03-04T{hour:02}:30:00Z",
        "userPrincipalName": "ada@corp.example",
        "status": {"errorCode": code, "failureReason": f"reason {code}" if code else "Other."},
        **changed,
    }


def case(*rows: dict[str, Any], local: Capture | Event | None = None, more: str = "") -> Case:
    evidence: list[Any] = [local or capture(LOCAL, **OPTIONS)]  # type: ignore[arg-type]
    evidence += parse_text("signins.json", json.dumps(list(rows), indent=1).encode(), None)
    if more:
        evidence += parse_text("more.json", more.encode(), None)
    return Case.of(evidence)


def error(found: Case) -> str | None:
    facts = found.facts.get("cloud.sign-in.error")
    return facts[0].value if facts else None


def of(identity: str, name: str = "") -> dict[str, Any]:
    return {"deviceId": identity, "displayName": name}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row()], "AADSTS50126"),
        ([row(50126, 7), row(50155, 8)], "AADSTS50155"),
        ([row(50126, 7), row(0, 8)], None),  # it went on
        ([row(0, 7), row(50126, 8)], "AADSTS50126"),
        ([row(50126, 7), row(0, 8, userPrincipalName="bob@corp.example")], "AADSTS50126"),
        ([row(50140)], None),  # an interruption
        ([row(deviceDetail=of(OTHER, "WKS-0427"))], None),
        ([row(deviceDetail=of("", "WKS-0427"))], "AADSTS50126"),
        ([row(deviceDetail=of("", "WKS-0428"))], None),
        ([row(deviceDetail=of(""))], "AADSTS50126"),  # Windows itself, for the user of the capture
        ([row(deviceDetail=of(""), appDisplayName="Outlook")], None),
        ([row(deviceDetail=of(""), userPrincipalName="bob@corp.example")], None),
        ([row(deviceDetail=None)], "AADSTS50126"),
    ],
)
def test_the_newest_failed_sign_in_of_this_device(rows: list[dict[str, Any]], expected: str | None) -> None:
    assert error(case(*rows)) == expected


def test_a_missing_token_gets_the_refusal_as_its_attempt() -> None:
    found = case(row())
    assert [(one.flow, one.outcome, one.codes, one.user, one.message, one.sources) for one in found.attempts] == [
        ("prt", "failed", ("AADSTS50126",), "ada@corp.example", "reason 50126", (Source("signins.json", 2),))
    ]
    assert found.line_text(Source("signins.json", 2)).startswith("sign-in at 2025-03-04T08:30:00Z: deviceId=")


@pytest.mark.parametrize(
    ("rows", "fields"),
    [
        ([row()], {**LOCAL, "AzureAdPrt": "YES"}),  # there is a token
        ([row(appDisplayName="Outlook")], LOCAL),  # an app was refused, not Windows
        ([row(userPrincipalName="bob@corp.example")], LOCAL),
        ([row(50126, 7), row(0, 8)], LOCAL),
    ],
)
def test_no_attempt_where_the_log_does_not_explain_a_missing_token(
    rows: list[dict[str, Any]], fields: dict[str, str]
) -> None:
    assert [one for one in case(*rows, local=capture(fields, **OPTIONS)).attempts if one.outcome == "failed"] == []  # type: ignore[arg-type]


def test_what_the_device_itself_told_comes_first() -> None:
    refused = {
        "PrtAttemptStatus": "0xc000006d",
        "PrtPreviousAttempt": "2025-03-04 08:58:00.000 UTC",
        "PrtUserIdentity": "ada@corp.example",
    }
    found = case(row(), local=capture({**LOCAL, **refused}, **OPTIONS))  # type: ignore[arg-type]
    assert [one.codes for one in found.attempts] == [("0xc000006d",)]


REQUEST = "77777777-8888-9999-0000-111111111111"
TOKEN = event(1081, "08:30", AAD, record=7, Error="invalid_grant", CorrelationID=REQUEST, user="ada@corp.example")
JOIN = capture({**FAILED_JOIN, "RequestId": REQUEST}, time="09:10")


@pytest.mark.parametrize(("local", "key"), [(TOKEN, "correlationId"), (JOIN, "id")])
def test_the_row_of_the_same_request_tells_the_code(local: Capture | Event, key: str) -> None:
    (attempt,) = Case.of([local]).attempts
    found = case(row(50155, **{key: REQUEST.upper(), "deviceDetail": of(OTHER)}), local=local)
    assert [one.codes for one in found.attempts] == [(*attempt.codes, "AADSTS50155")]
    assert Source("signins.json", 2) in found.attempts[0].sources
    assert [one.kind for one in found.cloud] == ["sign-in"]


def test_rows_of_other_requests_add_nothing() -> None:
    found = case(row(deviceDetail=of(OTHER)), local=TOKEN)
    assert found.attempts == Case.of([TOKEN]).attempts
    assert found.cloud == ()


def test_sign_ins_and_devices_of_one_case() -> None:
    found = case(row(50155), more=graph(device(accountEnabled=False)))
    assert error(found) == "AADSTS50155"
    assert found.facts["cloud.device"][0].value == "disabled"
