"""The newest checks before the set-up of Windows Hello, from captures and from logs."""

from __future__ import annotations

import pytest
from evidence import SYSTEM, USER, capture, event

from troubleshoot.case import Case
from troubleshoot.model import Capture, Event

HELLO = "Microsoft-Windows-HelloForBusiness"


def checks(*evidence: Capture | Event) -> dict[str, str]:
    facts = Case.of(evidence).facts
    found = {name.removeprefix("hello.check."): one for name, one in facts.items() if name.startswith("hello.check.")}
    assert all(len(one) == 1 for one in found.values())
    return {name: one[0].value for name, one in found.items()}


NGC = {
    "PolicyEnabled": "YES",
    "PostLogonEnabled": "YES",
    "DeviceEligible": "NO",
    "SessionIsNotRemote": "NO",
    "CertEnrollment": "none",
    "NgcOnPremTgt": "NO",
}


def test_a_capture_of_the_user() -> None:
    expected = {"policy": "yes", "post-logon": "yes", "hardware": "no", "local-session": "no"}
    assert checks(capture(NGC, account=USER)) == {**expected, "cloud-ticket": "no", "cloud-trust": "yes"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NO ( 1 : StateNoPolicy )", "no"),
        ("YES ( StateReady )", "yes"),
        ("UNKNOWN", None),
        ("", None),
        ("NOT TESTED", None),
    ],
)
def test_the_template_counts_where_certificates_are_wanted(text: str, expected: str | None) -> None:
    fields = {"PolicyEnabled": "YES", "CertEnrollment": "enrollment authority", "LogonCertTemplateReady": text}
    assert checks(capture(fields, account=USER)).get("certificate-template") == expected
    assert "certificate-template" not in checks(capture({**fields, "CertEnrollment": "none"}, account=USER))


@pytest.mark.parametrize(
    "one",
    [
        capture(NGC, account=SYSTEM),
        capture(NGC, account=USER, elevated=True),
        capture(NGC),
        capture({**NGC, "PolicyEnabled": "UNKNOWN"}, account=USER),
    ],
    ids=["system", "elevated", "nobody", "unknown"],
)
def test_a_capture_of_somebody_else_tells_nothing_and_the_log_does(one: Capture) -> None:
    assert checks(one) == {}
    assert checks(one, event(360, "08:00", record=1, NgcPolicyEnabled="No")) == {"policy": "no"}


def test_the_own_token_proves_the_session_of_an_elevated_prompt() -> None:
    assert checks(capture({**NGC, "AzureAdPrt": "YES"}, elevated=True))["policy"] == "yes"


def test_a_capture_goes_before_the_log() -> None:
    old = event(360, "08:00", record=1, NgcPolicyEnabled="No", UserIsRemote="Yes")
    assert checks(capture({"PolicyEnabled": "YES"}, account=USER), old) == {"policy": "yes"}
    assert checks(capture({"NgcSet": "YES"}, account=USER), old) == {}


def test_only_the_newest_run_of_the_log_counts() -> None:
    before = event(362, "07:00", record=1, NgcPolicyEnabled="Yes", ADFSRaReady="No", UserIsRemote="No")
    newest = event(360, "08:00:01", record=3, NgcPolicyEnabled="Yes", UserIsRemote="Yes", CloudTgt="Not Tested")
    beside = event(362, "08:00:00", record=2, NgcPolicyEnabled="Yes", RATemplateReady="No ( 1 : StateNoPolicy )")
    expected = {"policy": "yes", "local-session": "yes"}
    assert checks(before, newest) == expected
    assert checks(newest, before, beside) == {**expected, "certificate-template": "no"}


def test_the_name_of_the_session_says_the_opposite_of_its_value() -> None:
    assert checks(event(360, "08:00", record=1, UserIsRemote="No")) == {"local-session": "no"}


def test_nothing_once_hello_was_set_up() -> None:
    failed = event(360, "08:00", record=1, NgcPolicyEnabled="Yes", NgcHardwarePolicyMet="No")
    assert checks(failed, event(300, "09:00", record=2, KeyId="k")) == {}
    assert checks(failed, event(8055, "09:00", HELLO, record=2)) == {}
    assert checks(failed, event(300, "07:00", record=2, KeyId="k")) == {"policy": "yes", "hardware": "no"}


def test_the_log_of_hello_has_a_record_for_each_check() -> None:
    run = [
        event(8203, "08:00:00", HELLO, record=1),
        event(7202, "08:00:00", HELLO, record=2),
        event(7210, "08:00:01", HELLO, record=3),
        event(7206, "07:00:00", HELLO, record=4),
    ]
    assert checks(*run) == {"policy": "yes", "hardware": "no", "local-session": "no"}
    both = event(360, "08:00:00", record=9, NgcPolicyEnabled="Yes", NgcHardwarePolicyMet="Yes")
    assert checks(*run, both) == {"policy": "yes", "hardware": "yes", "local-session": "no"}


def test_records_of_other_providers_and_ids_tell_nothing() -> None:
    assert checks(event(360, "08:00", "Contoso", record=1, NgcPolicyEnabled="No")) == {}
    assert checks(event(306, "08:00", record=1, NgcPolicyEnabled="No")) == {}
