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
