"""Token attempts from the diagnosis dsregcmd prints and from AAD records."""

from __future__ import annotations

from typing import Any

import pytest
from evidence import (
    AAD,
    OTHER,
    SYSTEM,
    USER,
    at,
    built,
    capture,
    event,
    only,
    says,
)

from troubleshoot.attempts import standing
from troubleshoot.model import Event

# ----------------------------------------------------------------------------------------------------- tokens, dsregcmd


PRT = {
    "PrtPreviousAttempt": "2025-03-04 08:58:00.789 UTC",
    "PrtAttemptStatus": "0xc000006d",
    "PrtUserIdentity": "Ada@corp.example",
    "PrtCorrelationId": "AAAAAAAA-2222-3333-4444-555555555555",
    "PrtHttpError": "0x0",
    "PrtHttpStatus": "400",
    "PrtServerErrorCode": "invalid_grant",
    "PrtServerErrorDescription": "AADSTS50126: Error validating credentials.",
}


def test_prt_block() -> None:
    one = only(capture(PRT))
    says(
        one,
        flow="prt",
        phase="prt",
        time=at("2025-03-04T08:58:00.789Z"),
        codes=("0xc000006d", "AADSTS50126"),
        user="ada@corp.example",
        server_code="invalid_grant",
        http_status="400",
        http_error=None,
        correlation_id="aaaaaaaa-2222-3333-4444-555555555555",
    )
    assert one.proof["code"].line == 2


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({"PrtAttemptStatus": "0x0", "PrtPreviousAttempt": "2025-03-04 08:58:00 UTC"}, None),
        ({"PrtPreviousAttempt": "2025-03-04 08:58:00 UTC"}, None),
        ({"PrtServerErrorDescription": "AADSTS135011: disabled."}, ("AADSTS135011",)),
        ({"PrtAttemptStatus": "0xc000023c", "PrtHttpError": "0x80072ee7"}, ("0xc000023c",)),
    ],
)
def test_what_makes_a_token_block_a_failure(fields: dict[str, str], codes: tuple[str, ...] | None) -> None:
    found = built(capture(fields))
    assert [one.codes for one in found] == ([] if codes is None else [codes])


def test_ad_fs_block_is_its_own_flow_and_owner_falls_back_to_the_session() -> None:
    fields = {"EnterprisePrtAttemptStatus": "0xc000006d", "EnterprisePrtServerErrorDescription": "MSIS9682: no."}
    says(
        only(capture(fields, account=USER)),
        flow="enterprise-prt",
        codes=("0xc000006d", "MSIS9682"),
        user="ada@corp.example",
    )
    assert only(capture(fields, account=SYSTEM)).user is None


def test_update_time_is_a_success_of_the_owner() -> None:
    one = only(capture({"AzureAdPrtUpdateTime": "2025-03-04 10:00:00.000 UTC"}, account=OTHER))
    says(one, flow="prt", outcome="succeeded", time=at("10:00"), user="bob@corp.example")


# ------------------------------------------------------------------------------------------------------ tokens, records


def test_bracketed_attempt_takes_everything_between() -> None:
    one = only(
        event(1006, "08:58:00", AAD, record=1),
        event(
            1144, "08:58:01", AAD, record=2, value="0", Method="ada@corp.example", EndpointUri="x", CorrelationID="hint"
        ),
        event(1022, "08:58:02", AAD, record=3, value="https://login.example/token"),
        event(1084, "08:58:03", AAD, record=4, Result="2147954402", Target="{AAAAAAAA-2222-3333-4444-555555555555}"),
        event(1007, "08:58:04", AAD, record=5, Status="0xC000023C"),
    )
    says(
        one,
        codes=("0xc000023c", "0x80072ee2"),
        http_error="0x80072ee2",
        endpoint="https://login.example/token",
        user="ada@corp.example",
        correlation_id="aaaaaaaa-2222-3333-4444-555555555555",
    )
    assert one.proof["code"].record == 5
    assert len(one.events) == 5


def test_bracket_that_ends_well_is_a_success() -> None:
    found = built(
        event(1006, "08:58:00", AAD, record=1),
        event(1025, "08:58:01", AAD, record=2, value="400"),
        event(1007, "08:58:02", AAD, record=3, Status="0x0"),
    )
    assert [(one.flow, one.outcome) for one in found] == [("prt", "succeeded")]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (
            event(1081, "08:58", AAD, record=1, Error="invalid_grant", ErrorDescription="AADSTS50155: device"),
            {"codes": ("AADSTS50155",), "server_code": "invalid_grant"},
        ),
        (event(1081, "08:58", AAD, record=1, text="OAuth: invalid_grant AADSTS700003"), {"codes": ("AADSTS700003",)}),
        (event(1081, "08:58", AAD, record=1, text="AADSTS50155"), {"codes": ("AADSTS50155",)}),
        (event(1085, "08:58", AAD, record=1, Status="3221225581"), {"codes": ("0xc000006d",)}),
        (
            event(1086, "08:58", AAD, record=1, Status="0xc000023c"),
            {"codes": ("0xc000023c",), "operation": "user-realm"},
        ),
        (
            event(1088, "08:58", AAD, record=1, Error="FailedAuthentication", ErrorDescription="MSIS3126: denied"),
            {"codes": ("MSIS3126",), "server_code": "FailedAuthentication", "operation": "ws-trust"},
        ),
        (
            event(1025, "08:58", "AAD", record=1, value="400", EndpointUri="https://x"),
            {"codes": (), "http_status": "400"},
        ),
        (
            event(
                1250,
                "08:58",
                AAD,
                record=1,
                Result="0xc000006d",
                UserIdentity="ada@corp.example",
                HTTPStatus="400",
                HTTPTransportError="0x80072ee2",
                ErrorCode="invalid_grant",
                ErrorDescription="AADSTS50126: no",
            ),
            {
                "codes": ("0xc000006d", "AADSTS50126"),
                "user": "ada@corp.example",
                "http_status": "400",
                "http_error": "0x80072ee2",
                "server_code": "invalid_grant",
            },
        ),
    ],
)
def test_operational_errors_alone(record: Event, expected: dict[str, Any]) -> None:
    says(only(record), flow="prt", outcome="failed", **expected)


@pytest.mark.parametrize(
    "records",
    [
        [
            event(1089, "08:58", AAD, record=1, Status="0xC00484B2"),
            event(1104, "08:58", AAD, record=2, API="Plugin initialize", Result="3221521586"),
        ],
        [event(1104, "08:58", AAD, record=1, API="Plugin initialize", Result="0xC0048456")],
        [
            event(
                1097,
                "08:58",
                AAD,
                record=1,
                Error="1250492545",
                ErrorMessage="The cache has been partitioned successfully.",
            )
        ],
        [event(1215, "08:58", AAD, record=1, Result="-2147186428")],
        [event(1006, "08:58", AAD, record=1), event(1007, "08:58", AAD, record=2, Status="0xC00484B2")],
        [event(1022, "08:58", AAD, record=1, value="https://login.example")],
        [event(1025, "08:58", AAD, record=1, value="200")],
    ],
)
def test_noise_of_unregistered_and_healthy_machines(records: list[Event]) -> None:
    assert [one for one in built(*records) if one.outcome == "failed"] == []


def test_owner_is_a_name_never_a_sid() -> None:
    records = [("ada@corp.example", "ada@corp.example"), ("S-1-5-21-1-2-3-1001", None), ("NT AUTHORITY\\SYSTEM", None)]
    for user, expected in records:
        assert only(event(1081, "08:58", AAD, record=1, Error="x", user=user)).user == expected


def test_request_ids_keep_requests_of_one_second_apart() -> None:
    found = built(
        event(
            1081,
            "08:58:00",
            AAD,
            record=1,
            Error="a",
            ErrorDescription="AADSTS50155",
            CorrelationID="11111111-1111-1111-1111-111111111111",
        ),
        event(
            1081,
            "08:58:01",
            AAD,
            record=2,
            Error="b",
            ErrorDescription="AADSTS50126",
            CorrelationID="22222222-1111-1111-1111-111111111111",
        ),
        event(1025, "08:58:02", AAD, record=3, value="400", CorrelationID="{11111111-1111-1111-1111-111111111111}"),
    )
    assert {(one.codes, one.http_status) for one in found} == {(("AADSTS50155",), "400"), (("AADSTS50126",), None)}


def test_app_requests_are_a_flow_of_their_own_and_settle_no_prt() -> None:
    request = "Correlation ID (request): 33333333-1111-1111-1111-111111111111"
    told = f"Code: interaction_required Description: AADSTS50076: MFA. {request}"
    found = built(
        event(1081, "08:58", AAD, record=1, Error="invalid_grant", ErrorDescription="AADSTS50155"),
        event(
            1097,
            "08:58:30",
            AAD,
            record=2,
            Error="0xCAA90004",
            AdditionalInformation=request,
        ),
        event(
            1098,
            "08:58:31",
            AAD,
            record=3,
            Error="3399614476",
            ErrorMessage="The request requires user interaction.",
            AdditionalInformation=told,
        ),
        event(1098, "08:58:32", AAD, record=4, Error="0xCAA5001C", ErrorMessage="Another app."),
    )
    broker = {one.codes: one for one in found if one.flow == "broker"}
    assert set(broker) == {("0xcaa5001c",), ("0xcaa2000c", "0xcaa90004", "AADSTS50076")}
    says(broker["0xcaa2000c", "0xcaa90004", "AADSTS50076"], server_code="interaction_required")
    assert [one.flow for one in standing(found)] == ["broker", "prt"]


def test_a_digit_that_is_no_number_is_text() -> None:
    """'²' is a digit to Python and no number to int(); found by the property test."""
    (found,) = built(event(1025, "08:58", AAD, value="²"))
    assert (found.outcome, found.http_status) == ("failed", "²")


# ------------------------------------------------------------------------------------------------------- endpoints


@pytest.mark.parametrize(
    ("records", "expected", "record"),
    [
        ([(1022, {"value": "https://a"}), (1081, {"Error": "x"})], "https://a", 1),
        ([(1022, {"value": "https://a"}), (1022, {"value": "https://b"}), (1088, {"Error": "x"})], "https://b", 2),
        ([(1022, {"value": "https://a"}), (1081, {"Error": "x"}), (1022, {"value": "https://b"})], "https://a", 1),
        ([(1022, {"value": ""}), (1081, {"Error": "x"})], None, None),
        ([(1022, {"value": "https://a"}), (1025, {"value": "400", "EndpointUri": "https://c"})], "https://c", 2),
        ([(1025, {"value": "400", "EndpointUri": "https://c"}), (1081, {"Error": "x"})], "https://c", 1),
        ([(1081, {"Error": "x"})], None, None),
    ],
)
def test_the_endpoint_is_the_one_asked_last_before_the_refusal(
    records: list[tuple[int, dict[str, str]]], expected: str | None, record: int | None
) -> None:
    one = only(*(event(number, f"08:58:{i:02}", AAD, record=i, **data) for i, (number, data) in enumerate(records, 1)))
    assert one.endpoint == expected
    assert (one.proof["endpoint"].record if "endpoint" in one.proof else None) == record
    assert ("endpoint" in one.printed) is (expected is not None)


def test_the_endpoint_that_dsregcmd_prints() -> None:
    one = only(
        capture(
            {"PrtAttemptStatus": "0xc000006d", "PrtEndpointUri": "https://fs.corp.example/adfs/trust"}, account=USER
        )
    )
    assert one.endpoint == "https://fs.corp.example/adfs/trust"
