"""Attempts to provision Windows Hello for Business."""

from __future__ import annotations

from evidence import UDR, built, event, only, says

HELLO = "Microsoft-Windows-HelloForBusiness"


def test_records_of_one_run_are_one_failure_and_the_first_error_leads() -> None:
    one = only(
        event(7510, "08:58:00", HELLO, record=1, Error="0x801c03ed"),
        event(301, "08:58:01", UDR, record=9, ExitCode="0x801C03ED", ServerErrorMessage="Multi-factor missing"),
        event(7055, "08:58:02", HELLO, record=2, Error="0x80070057", ProcessingTime="2"),
    )
    says(
        one,
        flow="hello",
        phase="hello",
        outcome="failed",
        codes=("0x801c03ed", "0x80070057"),
        message="Multi-factor missing",
    )
    assert len(one.sources) == 3


def test_runs_apart_in_time_are_two_and_a_success_ends_one() -> None:
    found = built(
        event(7055, "08:00", HELLO, record=1, Error="0x80090029"),
        event(7055, "09:00", HELLO, record=2, Error="0x80090035"),
        event(300, "09:01", UDR, record=3, KeyId="k"),
        event(7055, "09:02", HELLO, record=4, Error="0x80090036"),
    )
    assert [(one.outcome, one.codes) for one in found if one.flow == "hello"] == [
        ("failed", ("0x80090036",)),
        ("succeeded", ()),
        ("failed", ("0x80090035",)),
        ("failed", ("0x80090029",)),
    ]


def test_other_records_of_the_log_are_no_attempt() -> None:
    assert built(event(5001, "08:00", HELLO, record=1, UserName="CORP\\ada"), event(360, "08:00", UDR, record=2)) == ()


def test_an_error_that_says_success_is_no_code() -> None:
    says(only(event(7055, "08:00", HELLO, record=1, Error="0x0")), codes=())
