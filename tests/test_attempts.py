"""Attempts: rebuilt from blocks, records and log lines, joined into one per failure, and which of them stand."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from evidence import AAD, MDM, OTHER, SYSTEM, UDR, USER, WPJ, at, capture, event, log_line
from hypothesis import given, settings
from hypothesis import strategies as st

from troubleshoot.attempts import WANTED, failures_since_success, rebuild, standing
from troubleshoot.model import Attempt, Capture, Event, LogLine, Source

BLOCK = {
    "PreviousRegistration": "2025-03-04 08:58:00.000 UTC",
    "RegistrationType": "sync",
    "ErrorPhase": "join",
    "ClientErrorCode": "0x801c03f2",
    "ServerErrorCode": "DirectoryError",
    "ServerMessage": "The device object by the given id (x) is not found.",
    "HttpsStatus": "400",
    "RequestId": "11111111-2222-3333-4444-555555555555",
}
DEBUG_331 = "preCheckResult: Join\r\nisJoined: undefined\r\nisDcAvailable: YES\r\nisSystem: YES\r\nresultCode: 0x0\r\n"
DEBUG_304 = (
    "joinMode: Join\r\nregistrationType: undefined\r\ntenantType: undefined\r\nerrorPhase: discover\r\n"
    "adalLog:\nundefined\r\nadalResponseCode: 0x0\r\n"
)
NOT_FOUND = '{"ErrorType":"DirectoryError","Message":"The public key user certificate is not found","TraceId":"abc"}'
MODERN = json.dumps(
    {
        "code": "invalid_request",
        "subcode": "error_missing_device",
        "message": "The device object is not found.",
        "operation": "DeviceRenew",
        "requestid": "11111111-2222-3333-4444-555555555555",
        "time": "04-03-2025 08:58:00Z",
    }
)


def built(*evidence: Capture | Event | LogLine) -> tuple[Attempt, ...]:
    return rebuild(
        [one for one in evidence if isinstance(one, Capture)],
        [one for one in evidence if isinstance(one, Event)],
        [one for one in evidence if isinstance(one, LogLine)],
    )


def only(*evidence: Capture | Event | LogLine) -> Attempt:
    found = built(*evidence)
    assert len(found) == 1, found
    return found[0]


def says(attempt: Attempt, **expected: Any) -> None:
    assert {name: getattr(attempt, name) for name in expected} == expected


def discovery_run(time: datetime, first: int = 1) -> list[Event]:
    """331, 212, 307, 304 of one run that found no service connection point."""
    step = timedelta(milliseconds=40)
    return [
        event(331, time, record=first, DebugOutput=DEBUG_331, user="S-1-5-18"),
        event(212, time + step, record=first + 1, ErrorCode="2", Operation="RegOpenKeyExW", Path="HKLM\\CDJ\\AAD"),
        event(307, time + 2 * step, record=first + 2, ExitCode="-2145648611", user="S-1-5-18"),
        event(
            304,
            time + 3 * step,
            record=first + 3,
            ExitCode="-2145648611",
            ServerErrorMessage="",
            TenantType="undefined",
            JoinType="undefined",
            DebugOutput=DEBUG_304,
            user="S-1-5-18",
        ),
    ]


# ------------------------------------------------------------------------------------------- join, from dsregcmd


def test_block_gives_every_property_and_its_lines() -> None:
    one = only(capture(BLOCK))
    says(
        one,
        flow="join",
        time=at("08:58"),
        phase="join",
        outcome="failed",
        codes=("0x801c03f2",),
        server_code="DirectoryError",
        registration="sync",
        http_status="400",
        request_id="11111111-2222-3333-4444-555555555555",
        suberror=None,
        repeats=1,
    )
    assert one.proof["code"] == Source("dsregcmd.txt", 4)
    assert one.proof["message"] == Source("dsregcmd.txt", 6)
    assert {"code", "suberror", "server_subcode", "operation", "http_status"} <= one.printed
    assert "tenant_type" not in one.printed


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"ClientErrorCode": "0x0"}, None),
        ({"ClientErrorCode": ""}, None),
        ({"PreviousRegistration": "2025-03-04 08:58:00.000 UTC"}, None),
        ({"ClientErrorCode": "0x801C001D"}, (("0x801c001d",), None)),
        ({"ClientErrorCode": "-2145648611", "ErrorPhase": "pre-check"}, (("0x801c001d",), "precheck")),
        ({"ErrorPhase": "discover"}, ((), "discover")),
        ({"ErrorPhase": "discover", "ClientErrorCode": "xxxx"}, ((), "discover")),
        ({"ErrorPhase": "later", "ClientErrorCode": "0x801c001d"}, (("0x801c001d",), None)),
        (
            {"ServerMessage": "AADSTS50155: refused.", "ClientErrorCode": "0xcaa20003"},
            (("0xcaa20003", "AADSTS50155"), None),
        ),
        ({"ServerMessage": "The device object by the given id (guid) is not found."}, ((), None)),
        ({"ServerMessage": "Updated.", "HttpsStatus": "200"}, None),
    ],
)
def test_what_makes_a_block_a_failure(
    fields: dict[str, str], expected: tuple[tuple[str, ...], str | None] | None
) -> None:
    found = built(capture(fields))
    assert [(one.codes, one.phase) for one in found] == ([] if expected is None else [expected])


def test_rename_of_a_joined_device_is_no_attempt_and_lends_nothing() -> None:
    renamed = {
        "AzureAdJoined": "YES",
        "HostNameUpdated": "YES",
        "LastHostNameUpdate": "2025-03-04 09:00:00.000 UTC",
        "HttpsStatus": "200",
        "RequestId": "99999999-2222-3333-4444-555555555555",
        "ServerMessage": "The attribute was successfully updated.",
    }
    assert built(capture(renamed)) == ()
    # A refused renewal on the same device is one, and takes nothing from the rename.
    refused = only(
        capture(renamed, {"ErrorPhase": "join", "ClientErrorCode": "0x801c03f2", "ServerOperation": "DeviceRenew"})
    )
    says(refused, operation="DeviceRenew", message=None, http_status=None, request_id=None)


@pytest.mark.parametrize(
    ("tests", "suberror"),
    [
        ({"DRSDiscoveryTest": "FAIL [0x801c0021/0x80072ee2]"}, "0x80072ee2"),
        ({"DRSDiscoveryTest": "FAIL [0x801c0021]"}, None),
        ({"DRSDiscoveryTest": "SKIPPED"}, None),
        ({"ADConfigurationTest": "FAIL [0x80070002]"}, "0x80070002"),
        ({"TokenAcquisitionTest": "FAIL [0xcaa90014]"}, None),  # tests another phase
        (
            {"ADConfigurationTest": "FAIL [0x80070002]", "DRSDiscoveryTest": "FAIL [0x801c0021/0x80072ee7]"},
            "0x80072ee7",
        ),
    ],
)
def test_suberror_comes_from_the_test_that_failed_with_the_code(tests: dict[str, str], suberror: str | None) -> None:
    one = only(capture(tests, {"ErrorPhase": "discover", "ClientErrorCode": "0x801c0021"}))
    assert one.suberror == suberror
    assert ("suberror" in one.proof) == (suberror is not None)


def test_server_message_as_json_fills_what_the_block_lacks() -> None:
    one = only(capture({"ErrorPhase": "join", "ClientErrorCode": "0x801c03f2", "ServerMessage": MODERN}))
    says(one, server_code="invalid_request", server_subcode="error_missing_device", operation="DeviceRenew")
    assert one.proof["server_subcode"] == one.proof["message"]


def test_two_blocks_without_headers_are_two_attempts() -> None:
    found = built(
        capture(
            [("ErrorPhase", "join")][0],
            ("ClientErrorCode", "0x801c03f2"),
            ("ErrorPhase", "auth"),
            ("ClientErrorCode", "0xcaa90014"),
        )
    )
    assert {(one.phase, one.codes) for one in found} == {("join", ("0x801c03f2",)), ("auth", ("0xcaa90014",))}


def test_account_is_told_by_the_computer_account_only() -> None:
    assert only(capture(BLOCK, {"ExecutingAccountName": "CORP\\PC1$, PC1$@corp.example"})).account == "system"
    assert only(capture(BLOCK, {"ExecutingAccountName": "CORP\\ada, ada@corp.example"})).account is None


def test_certificate_is_a_success_dated_by_its_issue() -> None:
    one = only(capture({"DeviceCertificateValidity": "[ 2025-01-01 07:30:00.000 UTC -- 2035-01-01 08:00:00.000 UTC ]"}))
    says(one, flow="join", outcome="succeeded", time=at("2025-01-01T08:00:00Z"))


# --------------------------------------------------------------------------------------------------- join debug


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"PreCheckResult": "DoNotJoin", "IsDcAvailable": "NO", "DsGetDcName": "0x8007054b"},
            ("precheck", ("0x8007054b",)),
        ),
        ({"PreCheckResult": "DoNotJoin", "IsJoined": "YES", "IsDcAvailable": "NO"}, None),
        ({"PreCheckResult": "DoNotJoin", "IsJoined": "YES"}, None),
        ({"PreCheckResult": "Join", "IsDcAvailable": "YES"}, None),
        (
            {"PreCheckResult": "Join", "IsDcAvailable": "YES", "DiscoverFailedCode": "0x801c001d"},
            ("discover", ("0x801c001d",)),
        ),
        ({"PreCheckResult": "DoNotJoin", "IsSystem": "NO"}, ("precheck", ())),
    ],
)
def test_join_debug(fields: dict[str, str], expected: tuple[str, tuple[str, ...]] | None) -> None:
    found = built(capture(fields, kind="join-debug"))
    assert [(one.phase, one.codes) for one in found] == ([] if expected is None else [expected])


def test_join_debug_reads_labels_as_printed_and_who_ran_it() -> None:
    one = only(capture({"isDcAvailable": "NO", "isSystem": "YES"}, kind="join-debug", named=False, time="08:58"))
    says(one, phase="precheck", account="system", time=at("08:58"))


# ------------------------------------------------------------------------------------------- join, from records


def test_331_212_307_304_is_one_failure_in_discovery() -> None:
    one = only(*discovery_run(at("08:58")))
    says(one, phase="discover", codes=("0x801c001d",), account="system", tenant_type=None, message=None, suberror=None)
    assert [each.id for each in one.events] == [331, 212, 307, 304]
    assert [source.record for source in one.sources] == [3, 4]  # 331 and 212 tell of no failure
    assert one.proof["code"].record == 4
    assert {"message", "tenant_type", "registration", "phase", "code"} <= one.printed


@given(st.permutations(range(12)))
@settings(max_examples=60, deadline=None)
def test_order_of_reading_does_not_matter(order: list[int]) -> None:
    records = [each for hour in range(3) for each in discovery_run(at(f"0{hour + 1}:00"), 1 + 4 * hour)]
    assert built(*[records[i] for i in order]) == built(*records)


def test_whole_second_exports_keep_a_run_together() -> None:
    """Event Viewer's CSV prints seconds, newest row first, and no record numbers."""
    moment = datetime(2025, 3, 4, 9, 58)
    rows = [(304, "0x801c001d"), (307, "0x801c001d"), (212, "2"), (331, "")]
    records = [event(number, moment, line=i + 2, ExitCode=text) for i, (number, text) in enumerate(rows)]
    one = only(*records)
    assert one.time == moment
    assert {each.id for each in one.events} == {331, 212, 307, 304}


def test_record_written_late_belongs_to_its_run() -> None:
    late = event(307, at("08:58:01"), record=9, ExitCode="0x801c001d")
    closing = event(304, at("08:58:00"), record=8, ExitCode="0x801c001d")
    assert {each.id for each in only(closing, late).events} == {304, 307}
    assert len(built(closing, event(307, at("08:59:30"), record=9, ExitCode="0x801c001e"))) == 2


@pytest.mark.parametrize(
    ("records", "phase", "codes", "suberror"),
    [
        ([event(334, "08:58", record=1)], "precheck", (), None),
        ([event(333, "08:58", record=1)], "precheck", (), None),
        ([event(307, "08:58", record=1, ExitCode="0x801c001d")], "discover", ("0x801c001d",), None),
        ([event(305, "08:58", record=1, ExitCode="-895418359")], "auth", ("0xcaa10009",), None),
        ([event(309, "08:58", record=1, ExitCode="0x801c0021")], "discover", ("0x801c0021",), None),
        ([event(204, "08:58", record=1, ExitCode="0x801c03f2", HttpStatus="400")], "join", ("0x801c03f2",), None),
        (
            [
                event(201, "08:58", record=1, ExitCode="0x80072ee7", HttpStatus="0"),
                event(304, "08:58:01", record=2, ExitCode="0x801c0021"),
            ],
            "discover",
            ("0x801c0021",),
            "0x80072ee7",
        ),
        (
            [
                event(230, "08:58", record=1, ErrorCode="12007"),
                event(304, "08:58:01", record=2, ExitCode="0x801c0021", DebugOutput="errorPhase: discover"),
            ],
            "discover",
            ("0x801c0021",),
            "0x80072ee7",
        ),
        (
            [
                event(
                    304,
                    "08:58",
                    record=1,
                    ExitCode="0xcaa90014",
                    DebugOutput="errorPhase: auth\r\nadalResponseCode: 0xcaa20003\r\n",
                )
            ],
            "auth",
            ("0xcaa90014",),
            "0xcaa20003",
        ),
        (
            [event(304, "08:58", record=1, ExitCode="Unknown HResult Error code: 0x801c001d", ServerErrorMessage="")],
            "join",
            ("0x801c001d",),
            None,
        ),
    ],
)
def test_phase_and_codes_by_record(
    records: list[Event], phase: str, codes: tuple[str, ...], suberror: str | None
) -> None:
    says(only(*records), phase=phase, codes=codes, suberror=suberror, outcome="failed")


@pytest.mark.parametrize(
    "records",
    [
        [event(335, "08:58", record=1)],  # already joined
        [
            event(
                331,
                "08:58",
                record=1,
                DebugOutput="preCheckResult: DoNotJoin\r\nisJoined: YES\r\nisDcAvailable: NO\r\n",
            )
        ],
        [event(331, "08:58", record=1, DebugOutput=DEBUG_331)],
        [event(212, "08:58", record=1, ErrorCode="2")],
        [event(100, "08:58", record=1), event(101, "08:58", record=2, ServerMessage="{}")],
        [event(360, "08:58", record=1, DeviceIsJoined="No")],
        [event(201, "08:58", "Another-Provider", record=1, ExitCode="0x80072ee7")],
    ],
)
def test_no_failure(records: list[Event]) -> None:
    assert built(*records) == ()


def test_pre_check_without_controller_fails_by_331_alone() -> None:
    debug = "preCheckResult: DoNotJoin\r\nisJoined: undefined\r\nisDcAvailable: NO\r\nisSystem: YES\r\n"
    says(only(event(331, "08:58", record=1, DebugOutput=debug)), phase="precheck", codes=(), account="system")


def test_server_answers_of_records() -> None:
    old = only(event(204, "08:58", record=1, ExitCode="0x801c03f2", HttpStatus="400", ServerResponse=NOT_FOUND))
    says(old, server_code="DirectoryError", message="The public key user certificate is not found", http_status="400")
    new = only(event(304, "08:58", record=1, ExitCode="0x801c03f2", ServerErrorMessage=MODERN, TenantType="Managed"))
    says(new, server_subcode="error_missing_device", operation="DeviceRenew", tenant_type="managed")
    plain = only(event(305, "08:58", record=1, ExitCode="0xcaa20003", ServerErrorMessage="AADSTS50034: no such user"))
    says(plain, codes=("0xcaa20003", "AADSTS50034"), message="AADSTS50034: no such user")


def test_proof_of_the_message_is_the_record_that_holds_it() -> None:
    one = only(
        event(204, "08:58", record=1, ExitCode="0x801c03f2", ServerResponse=NOT_FOUND),
        event(304, "08:58:01", record=2, ExitCode="0x801c03f2", ServerErrorMessage=""),
    )
    assert (one.proof["message"].record, one.proof["code"].record) == (1, 2)


def test_exit_code_as_a_sentence_is_unknown_not_absent() -> None:
    one = only(event(202, "08:58", record=1, ExitCode="The TPM is attempting to execute a command in FIPS mode."))
    assert one.codes == ()
    assert "code" not in one.printed
    assert "code" in only(event(334, "08:58", record=1)).printed


def test_message_in_another_language_still_tells_code_and_debug_block() -> None:
    text = (
        "Fehler bei der automatischen Registrierung. \\r\\nExitcode: Unbekannt: 0x801c001d. \\r\\nDebugausgabe:\\r\\n"
        "joinMode: Join\\r\\nerrorPhase: auth\\r\\ntenantType: Federated\\r\\nadalResponseCode: 0xcaa20003"
    )
    one = only(event(304, datetime(2025, 3, 4), text=text, line=3))
    says(one, codes=("0x801c001d",), tenant_type="federated", phase="auth", suberror="0xcaa20003")


def test_federated_failure_and_failed_fallback_are_two_and_both_stand() -> None:
    debug = "errorPhase: join\r\nregistrationType: fallback_sync\r\n"
    found = built(
        event(305, "08:58", record=1, ExitCode="0xcaa90014"),
        event(304, "08:58:02", record=2, ExitCode="0x801c03f2", JoinType="fallback_sync", DebugOutput=debug),
    )
    assert [(one.phase, one.codes[0]) for one in found] == [("join", "0x801c03f2"), ("auth", "0xcaa90014")]
    assert standing(found) == found


def test_306_succeeds_and_ends_the_run() -> None:
    found = built(
        event(331, "08:58", record=1, DebugOutput=DEBUG_331),
        event(306, "08:58:05", record=2),
        event(331, "08:58:20", record=3, DebugOutput=DEBUG_331),
        event(304, "08:58:21", record=4, ExitCode="0x801c001d", DebugOutput=DEBUG_304),
    )
    assert [(one.outcome, one.time) for one in found] == [("failed", at("08:58:21")), ("succeeded", at("08:58:05"))]


def test_correlation_keeps_interleaved_runs_apart() -> None:
    found = built(
        event(307, "08:58:00", record=1, ExitCode="0x801c001d", activity="a"),
        event(305, "08:58:01", record=2, ExitCode="0xcaa90014", activity="b"),
    )
    assert {one.codes[0] for one in found} == {"0x801c001d", "0xcaa90014"}


# ------------------------------------------------------------------------------------------- joining the sources


def test_block_and_records_of_one_failure_are_one_attempt() -> None:
    block = capture({**BLOCK, "PreviousRegistration": "2025-03-04 08:59:10.000 UTC"})
    record = event(304, "08:58", record=7, ExitCode="0x801c03f2", TenantType="Managed", DebugOutput="errorPhase: join")
    one = only(block, record)
    says(one, tenant_type="managed", http_status="400", registration="sync", repeats=1)
    assert one.sources[-1].record == 7
    assert one.proof["code"].line == 4
    assert {"tenant_type", "http_status"} <= one.printed


@pytest.mark.parametrize(
    ("record", "attempts"),
    [
        (event(304, "09:03:01", record=1, ExitCode="0x801c03f2"), 2),  # more than five minutes apart
        (event(304, "09:02:59", record=1, ExitCode="0x801c03f2"), 1),
        (event(304, "08:58", record=1, ExitCode="0x801c001d"), 2),  # another code
        (event(307, "08:58", record=1, ExitCode="0x801c03f2"), 2),  # another phase
        (event(304, datetime(2025, 3, 4, 8, 58), line=1, ExitCode="0x801c03f2"), 2),  # unknown zone
        (event(304, "10:58", record=1, ExitCode="0x801c03f2", ServerErrorMessage=MODERN), 1),  # same request id
    ],
)
def test_what_joins_block_and_record(record: Event, attempts: int) -> None:
    assert len(built(capture(BLOCK), record)) == attempts


def test_lone_304_does_not_contradict_the_phase_of_the_block() -> None:
    block = capture({**BLOCK, "ErrorPhase": "discover", "ClientErrorCode": "0x801c0021"})
    assert only(block, event(304, "08:58:10", record=1, ExitCode="0x801c0021")).phase == "discover"


def test_nearest_record_is_taken() -> None:
    records = [event(304, f"08:5{i}", record=i, ExitCode="0x801c03f2") for i in (5, 7, 9)]
    found = built(capture({**BLOCK, "PreviousRegistration": "2025-03-04 08:57:20.000 UTC", "RequestId": ""}), *records)
    joined = [one for one in found if one.http_status == "400"]
    assert [[each.record for each in one.events] for one in joined] == [[7]]


def test_two_captures_of_one_block_count_once() -> None:
    one = only(capture(BLOCK, account=USER), capture(BLOCK, account=SYSTEM, path="system.txt"))
    assert one.repeats == 1
    assert {source.path for source in one.sources} == {"dsregcmd.txt", "system.txt"}


# --------------------------------------------------------------------------------------------------------- folding


def test_hourly_failures_are_one_attempt_that_counts_them() -> None:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    records = [each for i in range(500) for each in discovery_run(start + timedelta(hours=i), 1 + 4 * i)]
    random.Random(7).shuffle(records)
    one = only(*records)
    newest = start + timedelta(hours=499, milliseconds=120)
    says(one, repeats=500, since=start + timedelta(milliseconds=120), time=newest)
    assert [each.record for each in one.events] == [1997, 1998, 1999, 2000]


def test_like_failures_do_not_fold_across_a_success() -> None:
    found = built(
        event(307, "08:00", record=1, ExitCode="0x801c001d"),
        event(307, "09:00", record=2, ExitCode="0x801c001d"),
        event(306, "10:00", record=3),
        event(307, "11:00", record=4, ExitCode="0x801c001d"),
    )
    assert [(one.outcome, one.repeats, one.since) for one in found] == [
        ("failed", 1, at("11:00")),
        ("succeeded", 1, None),
        ("failed", 2, at("08:00")),
    ]
    assert [one.time for one in failures_since_success(found)] == [at("11:00")]


def test_other_codes_owners_and_zones_stay_apart() -> None:
    found = built(
        event(307, "08:00", record=1, ExitCode="0x801c001d"),
        event(307, "09:00", record=2, ExitCode="0x801c001e"),
        event(307, datetime(2025, 3, 4, 8), line=2, ExitCode="0x801c001d"),
        event(
            1081, "08:00", AAD, record=3, Error="invalid_grant", ErrorDescription="AADSTS50126", user="ada@corp.example"
        ),
        event(
            1081, "09:00", AAD, record=4, Error="invalid_grant", ErrorDescription="AADSTS50126", user="bob@corp.example"
        ),
    )
    assert len(found) == 5
    assert all(one.repeats == 1 for one in found)


def test_undated_repeats_fold_too() -> None:
    found = built(*[event(304, line=i, path=f"{i}.txt", ExitCode="0x801c001d") for i in range(9)])
    assert [(one.repeats, one.since) for one in found] == [(9, None)]


# ----------------------------------------------------------------------------------------------------- what stands


def failed(time: str | None, phase: str | None, flow: str = "join", **more: Any) -> Attempt:
    return Attempt(flow, at(time) if time else None, phase, "failed", **more)


@pytest.mark.parametrize(
    ("attempts", "stand"),
    [
        ([failed("10:00", "precheck"), failed("09:00", "discover")], [0, 1]),
        ([failed("10:00", "discover"), failed("09:00", "precheck")], [0]),
        ([failed("10:00", "discover"), failed("09:00", "discover")], [0]),
        ([failed("10:00", "precheck"), failed("09:00", "join"), failed("08:00", "auth")], [0, 1]),
        ([failed("10:00", "join"), failed("09:00", "prt", "prt")], [0, 1]),
        ([failed("10:00", None), failed("09:00", "discover")], [0, 1]),
        ([failed("10:00", "join"), failed("09:00", None)], [0, 1]),
        ([failed("10:00", "join"), failed(None, "discover")], [0, 1]),
        (
            [failed("10:00", "prt", "prt", user="ada@corp.example"), failed("09:00", "prt", "prt", user="CORP\\bob")],
            [0, 1],
        ),
        (
            [failed("10:00", "prt", "prt", user="ada@corp.example"), failed("09:00", "prt", "prt", user="CORP\\ada")],
            [0],
        ),
        ([failed("10:00", "prt", "prt"), failed("09:00", "prt", "prt", user="ada@corp.example")], [0]),
        (
            [
                failed("10:00", "prt", "prt"),
                failed("09:00", "prt", "prt", user="ada@corp.example"),
                failed("08:00", "prt", "prt", user="bob@corp.example"),
            ],
            [0, 1, 2],
        ),
        (
            [
                failed("10:00", "join", registration="fallback_sync"),
                failed("09:00", "auth"),
                failed("08:00", "discover"),
            ],
            [0, 1],
        ),
        ([Attempt("join", at("11:00"), None, "succeeded"), failed("10:00", "discover")], [1]),
    ],
)
def test_standing(attempts: list[Attempt], stand: list[int]) -> None:
    assert standing(attempts) == tuple(attempts[i] for i in stand)


def test_naive_times_settle_nothing() -> None:
    naive = Attempt("join", datetime(2025, 3, 4, 12), "join", "failed")
    attempts = [failed("10:00", "discover"), naive]
    assert standing(attempts) == tuple(attempts)
    success = Attempt("join", at("13:00"), None, "succeeded")
    assert failures_since_success([success, *attempts]) == (naive,)


def test_failures_since_success_per_owner() -> None:
    ada, bob = "ada@corp.example", "bob@corp.example"
    attempts = [
        Attempt("prt", at("12:00"), "prt", "succeeded", user=ada),
        failed("11:00", "prt", "prt", user="CORP\\ada"),
        failed("11:00", "prt", "prt", user=bob),
        failed("11:00", "join"),
    ]
    assert failures_since_success(attempts) == (attempts[2], attempts[3])


# ---------------------------------------------------------------------------------------------- tokens, dsregcmd

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


# ------------------------------------------------------------------------------------------------ tokens, records


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
        (event(1086, "08:58", AAD, record=1, Status="0xc000023c"), {"codes": ("0xc000023c",), "operation": "user-realm"}),
        (
            event(1088, "08:58", AAD, record=1, Error="FailedAuthentication", ErrorDescription="MSIS3126: denied"),
            {"codes": ("MSIS3126",), "server_code": "FailedAuthentication", "operation": "ws-trust"},
        ),
        (event(1025, "08:58", "AAD", record=1, value="400", EndpointUri="https://x"), {"codes": (), "http_status": "400"}),
        (
            event(1250, "08:58", AAD, record=1, Result="0xc000006d", UserIdentity="ada@corp.example", HTTPStatus="400",
                  HTTPTransportError="0x80072ee2", ErrorCode="invalid_grant", ErrorDescription="AADSTS50126: no"),
            {"codes": ("0xc000006d", "AADSTS50126"), "user": "ada@corp.example", "http_status": "400",
             "http_error": "0x80072ee2", "server_code": "invalid_grant"},
        ),
    ],
)  # fmt: skip
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


# ------------------------------------------------------------------------------------------------------ other flows


def test_mdm_records_of_one_enrolment_are_one_failure() -> None:
    one = only(
        event(
            52,
            "08:58:00",
            MDM,
            record=1,
            Message1="s:DeviceNotSupported",
            Message2="Device based token is not supported",
        ),
        event(71, "08:58:01", MDM, record=2, HRESULT="0x80180001"),
        event(76, "08:58:02", MDM, record=3, HexInt1="0x0", HRESULT="(Unknown Win32 Error code: 0x8018002a)"),
    )
    says(one, flow="mdm", codes=("0x8018002a", "0x80180001"), time=at("08:58:02"))
    assert one.message is not None
    assert "Device based token" in one.message
    says(only(event(75, "08:58", MDM, record=1, HexInt1="0x1")), flow="mdm", outcome="succeeded")
    assert built(event(52, "08:58", MDM, record=1, Message1="x")) == ()


def test_mdm_failure_told_in_words_has_an_unknown_code() -> None:
    one = only(
        event(76, "08:58", MDM, record=1, HexInt1="0x0", HRESULT="Mobile Device Management (MDM) is not configured.")
    )
    assert one.codes == ()
    assert "code" not in one.printed


@pytest.mark.parametrize("provider", [WPJ, "Microsoft-Workplace Join"])
def test_201_of_workplace_join_is_a_success_and_of_device_registration_a_failure(provider: str) -> None:
    says(only(event(201, "08:58", provider, record=1)), flow="registered", outcome="succeeded")
    says(only(event(201, "08:58", UDR, record=1, ExitCode="0x80072ee7")), flow="join", outcome="failed")
    says(only(event(102, "08:58", provider, record=1, ExitCode="0x80072ee7")), flow="registered", codes=("0x80072ee7",))


@pytest.mark.parametrize(
    ("component", "text", "expected"),
    [
        (
            "CoManagementHandler",
            "MDM enrollment failed with error code 0x8018002a 'x'. Will retry",
            ("comanagement", "0x8018002a"),
        ),
        ("CoManagementHandler", "Queuing enrollment timer to fire at 0x8018002a", None),
        ("CoManagementHandler", "Failed to read the policy", None),
        ("CcmExec", "Failed with 0x8018002a", None),
        ("AADLoginForWindows", "AAD Join failed with status code -2145648574.", ("vm", "0x801c0042")),
        ("AADLoginForWindows", "The extension stopped with exit code 51", ("vm", "exit code 51")),
        ("AADLoginForWindows", "The extension stopped with exit code 0", None),
    ],
)
def test_log_lines(component: str, text: str, expected: tuple[str, str] | None) -> None:
    found = built(log_line(text, component, "08:58"))
    assert [(one.flow, one.codes[0]) for one in found] == ([] if expected is None else [expected])


def test_lines_of_one_failure_count_once() -> None:
    lines = [
        log_line("GetTenantId failed 0x801c0042.", "AADLoginForWindows", "08:58:00", 1),
        log_line("AAD Join failed with status code -2145648574.", "AADLoginForWindows", "08:58:01", 2),
        log_line("AAD Join failed with status code -2145648574.", "AADLoginForWindows", "09:58:01", 3),
    ]
    one = only(*lines)
    says(one, repeats=2, time=at("09:58:01"), since=at("08:58:00"))


# ------------------------------------------------------------------------------------------------- whole behaviour


def test_every_record_the_builders_use_is_wanted() -> None:
    assert {331, 307, 304, 305, 306, 201, 204, 220, 334, 335} <= WANTED[UDR.casefold()]
    assert {1006, 1007, 1022, 1081, 1084, 1086, 1088, 1097, 1098, 1104, 1144} <= WANTED["aad"]
    assert all(name == name.casefold() for name in WANTED)


_IDS = st.sampled_from([(UDR, i) for i in (201, 204, 212, 220, 304, 305, 306, 307, 331, 334, 335)]
                       + [(AAD, i) for i in (1006, 1007, 1025, 1081, 1084, 1097, 1098, 1104, 1144)]
                       + [(MDM, 71), (MDM, 75), (MDM, 76), (WPJ, 102), (WPJ, 201)])  # fmt: skip
_VALUES = st.dictionaries(
    st.sampled_from(["ExitCode", "DebugOutput", "Status", "Result", "Error", "ErrorDescription", "HRESULT", "value"]),
    st.one_of(
        st.sampled_from(["0x801c001d", "-2145648611", "", "undefined", DEBUG_304, MODERN, "0"]), st.text(max_size=30)
    ),
    max_size=4,
)
_RECORDS = st.lists(
    st.builds(
        lambda ids, second, zone, values, text: (ids, second, zone, values, text),
        _IDS,
        st.integers(0, 400),
        st.sampled_from(["utc", "local", "none"]),
        _VALUES,
        st.one_of(st.none(), st.text(max_size=60)),
    ),
    max_size=14,
)


def _made(rows: list[Any]) -> list[Event]:
    out = []
    for i, ((provider, number), second, zone, values, text) in enumerate(rows):
        moment: datetime | None = datetime(2025, 3, 4, 9) + timedelta(seconds=second)
        if zone == "utc" and moment is not None:
            moment = moment.replace(tzinfo=UTC)
        made = event(number, None if zone == "none" else moment, provider, record=i + 1, text=text)
        out.append(made._replace(data=values))
    return out


@given(_RECORDS, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_any_records_in_any_order_give_the_same_attempts(rows: list[Any], chance: random.Random) -> None:
    records = _made(rows)
    shuffled = records[:]
    chance.shuffle(shuffled)
    first, second = built(*records), built(*shuffled)
    assert first == second
    assert all(one.outcome == "failed" for one in standing(first))
    used = [source for one in first for source in one.sources]
    assert len(set(used)) == len(used)  # no record tells of two attempts


def test_cost_grows_with_the_records_not_with_their_square() -> None:
    """Fifty times the different failures may cost a hundred times, not two and a half thousand."""
    from time import perf_counter

    def cost(count: int) -> float:
        start = datetime(2025, 1, 1, tzinfo=UTC)
        records = [
            event(
                304, start + timedelta(hours=i), record=i + 1, ExitCode=f"0x801c{i:04x}", DebugOutput="errorPhase: join"
            )
            for i in range(count)
        ]
        best = 9.0
        for _ in range(3):
            before = perf_counter()
            standing(built(*records))
            best = min(best, perf_counter() - before)
        return best

    assert cost(5000) < 300 * cost(100)
