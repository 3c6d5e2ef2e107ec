"""What a report asks to collect: the one item that would decide a rule for which something seen speaks, and nothing else."""

from __future__ import annotations

import pytest

from troubleshoot.engine import judge
from troubleshoot.ruleset import load, read_folder, rules_folder
from troubleshoot.ruletest import case_of

_, VOCABULARY = read_folder(rules_folder())
STATE = "| Device State |\n AzureAdJoined : {aad}\n DomainJoined : YES\n"
BLOCK = (
    "| Diagnostic Data |\n User Context : SYSTEM\n Client Time : 2026-03-04 09:10:00.000 UTC\n"
    " Previous Registration : 2026-03-04 08:58:00.000 UTC\n Registration Type : {kind}\n"
    " Error Phase : {phase}\n Client ErrorCode : {code}\n"
)
NOT_FOUND = (
    " Server ErrorCode : DirectoryError\n Server Message : The device object by the given id (x) is not found.\n"
)
REFUSED = (
    "| SSO State |\n AzureAdPrt : NO\n AcquirePrtDiagnostics : PRESENT\n"
    " Previous Prt Attempt : 2026-03-04 08:58:00.000 UTC\n Attempt Status : 0xc000006d\n User Identity : ada@contoso.com\n"
    " Server Error Code : invalid_grant\n Server Error Description : AADSTS50126: x\n"
)


def failed(phase: str, code: str, kind: str = "sync", rest: str = "") -> str:
    return STATE.format(aad="NO") + BLOCK.format(phase=phase, code=code, kind=kind) + rest


@pytest.mark.parametrize(
    ("dsreg", "facts", "asked", "silent"),
    [
        # A fault and one fact that would name its cause.
        (failed("discover", "0x801c001f"), {}, {"registration-endpoint-blocked"}, {"users-may-not-register"}),
        (STATE.format(aad="YES") + REFUSED, {}, {"password-changed-away-from-network"}, {"upn-changed-on-old-windows"}),
        # The fact is there: nothing is asked.
        (failed("discover", "0x801c001f"), {"endpoint.enterpriseregistration.system": "reachable"}, set(), set()),
        # What only knows that the join failed is asked for while no finding tells why ...
        (failed("join", "0x801c0099"), {}, {"registration-service-off-in-tenant", "users-may-not-register"}, set()),
        # ... and where it would say better what a finding says.
        (
            failed("auth", "0xcaa20003", "fed"),
            {},
            {"federation-claims-missing"},
            {"registration-service-off-in-tenant", "staged-rollout-on-old-windows"},
        ),
        # The server's answer rules it out, whatever the tenant is set to.
        (
            failed("join", "0x801c03f2", rest=NOT_FOUND),
            {},
            {"forest-of-several-tenants"},
            {"registration-service-off-in-tenant", "users-may-not-register"},
        ),
        # A sound device prints AzureAdJoined too: its state alone asks for nothing.
        (STATE.format(aad="YES"), {}, set(), {"device-certificate-missing", "joined-to-another-tenant"}),
        (STATE.format(aad="NO"), {}, set(), {"windows-role-not-supported", "join-task-disabled"}),
        # A second fact missing: no single item would decide it.
        (STATE.format(aad="YES") + " TpmProtected : NO\n", {"os.build": "19045"}, set(), {"tpm-too-old-to-use"}),
    ],
)
def test_what_is_asked_for(dsreg: str, facts: dict[str, str], asked: set[str], silent: set[str]) -> None:
    report = judge(load(), case_of({"dsreg": dsreg, "facts": facts}, VOCABULARY))
    named = {rule for line in report.not_checked for rule in line.rules}
    assert asked <= named
    assert not silent & named


def test_the_line_is_the_command_of_the_vocabulary() -> None:
    report = judge(load(), case_of({"dsreg": failed("discover", "0x801c003d")}, VOCABULARY))
    (line,) = [line for line in report.not_checked if "login-endpoint-blocked" in line.rules]
    assert line.collect == VOCABULARY["facts"]["endpoint.login.system"]["collect"]


def test_a_sound_device_is_asked_for_little() -> None:
    report = judge(
        load(), case_of({"dsreg": STATE.format(aad="YES") + "| SSO State |\n AzureAdPrt : YES\n"}, VOCABULARY)
    )
    assert report.findings == ()
    assert len(report.not_checked) <= 3
