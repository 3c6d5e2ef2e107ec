"""Attempts of MDM enrolment, Workplace Join, co-management and the Azure VM extension."""

from __future__ import annotations

import pytest
from evidence import (
    MDM,
    UDR,
    WPJ,
    at,
    built,
    event,
    log_line,
    only,
    says,
)

# ---------------------------------------------------------------------------------------------------------- other flows


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


def test_steps_of_an_enrolment_tell_the_code_behind_its_end() -> None:
    step = event(79, "08:58:00", MDM, record=1, HRESULT="0xcaa2000c")
    end = event(76, "08:58:02", MDM, record=3, HexInt1="0x0", HRESULT="0x8018002a")
    one = only(step, end)
    says(one, codes=("0x8018002a", "0xcaa2000c"), time=at("08:58:02"))
    assert [each.record for each in one.events] == [1, 3]
    raw = event(17, "08:58:01", MDM, record=2, HexInt1="0x800706d9", HRESULT="0x80180023")
    says(only(raw, event(71, "08:58:02", MDM, record=3, HRESULT="0x80180023")), codes=("0x80180023", "0x800706d9"))
    assert built(step) == ()
    assert built(step, event(75, "08:58:02", MDM, record=4))[0].outcome == "succeeded"
    assert len(built(step, event(76, "09:58", MDM, record=3, HRESULT="0x8018002a"))[0].events) == 1


def test_mdm_failure_told_in_words_has_an_unknown_code() -> None:
    one = only(event(76, "08:58", MDM, record=1, HexInt1="0x0", HRESULT="Die Registrierung ist nicht eingerichtet."))
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


def test_answer_of_the_metadata_service_stands_before_the_failure() -> None:
    lines = [
        log_line("DsrCmdAzureHelper::GetMetadataRestResponse: HTTP Status Code: 400", "AADLoginForWindows", "08:58", 1),
        log_line(
            '{"error":"invalid_request","error_description":"Identity not found"}', "AADLoginForWindows", "08:58", 2
        ),
        log_line("GetTenantId failed 0x801c0042.", "AADLoginForWindows", "08:58", 3),
    ]
    one = only(*lines)
    says(
        one,
        flow="vm",
        codes=("0x801c0042",),
        http_status="400",
        server_code="invalid_request",
        message="Identity not found",
    )
    assert [source.line for source in one.sources] == [3, 2, 1]
    assert {"http_status", "server_code"} <= one.printed
    assert only(lines[2]).http_status is None
    assert "http_status" not in only(lines[2]).printed


def test_trace_line_of_begin_join_lends_its_code_to_the_record_beside_it() -> None:
    trace = log_line(
        "DeviceRegistrationApi::BeginJoin failed with error code: 0x80280036", "dsregcmd", path="paste.txt"
    )
    worded = event(202, path="paste.txt", line=4, ExitCode="Der Schlüsselsatz ist nicht vorhanden.")
    elsewhere = event(202, path="other.txt", line=4, ExitCode="Der Schlüsselsatz ist nicht vorhanden.")
    coded = event(202, path="paste.txt", line=4, ExitCode="0x80290407")
    one = only(trace, worded)
    says(one, flow="join", phase="join", codes=("0x80280036",))
    assert [source.path for source in one.sources] == ["paste.txt", "paste.txt"]
    says(only(trace), flow="join", phase="join", codes=("0x80280036",))
    assert len(built(trace, elsewhere)) == len(built(trace, coded)) == 2
