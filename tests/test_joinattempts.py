"""Join attempts from the block dsregcmd prints, from /join /debug, and from User Device Registration records."""

from __future__ import annotations

from datetime import datetime

import pytest
from evidence import (
    BLOCK,
    DEBUG_304,
    DEBUG_331,
    MODERN,
    NOT_FOUND,
    at,
    built,
    capture,
    discovery_run,
    event,
    only,
    says,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from troubleshoot.attempts import standing
from troubleshoot.model import Event, Source

# -------------------------------------------------------------------------------------------------- join, from dsregcmd


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


# ----------------------------------------------------------------------------------------------------------- join debug


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
        ({"PreCheckResult": "Join", "IsSystem": "NO"}, None),
    ],
)
def test_join_debug(fields: dict[str, str], expected: tuple[str, tuple[str, ...]] | None) -> None:
    found = built(capture(fields, kind="join-debug"))
    assert [(one.phase, one.codes) for one in found] == ([] if expected is None else [expected])


def test_join_debug_reads_labels_as_printed_and_who_ran_it() -> None:
    one = only(capture({"isDcAvailable": "NO", "isSystem": "YES"}, kind="join-debug", named=False, time="08:58"))
    says(one, phase="precheck", account="system", time=at("08:58"))


# --------------------------------------------------------------------------------------------------- join, from records


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
    one = only(event(202, "08:58", record=1, ExitCode="Der Schlüsselsatz ist nicht vorhanden."))
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


def test_exit_code_printed_as_the_message_of_one_code_is_that_code() -> None:
    assert only(event(304, "08:58", record=1, ExitCode="Keyset does not exist")).codes == ("0x80090016",)
