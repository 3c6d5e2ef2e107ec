"""What registry values decide, and what they leave open."""

from __future__ import annotations

import pytest

from troubleshoot.case import Case
from troubleshoot.parsers import parse_text
from troubleshoot.pipeline import diagnose_bytes
from troubleshoot.ruleset import load

HEAD = "Windows Registry Editor Version 5.00\n"
CDJ = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\CDJ"
MDM_POLICY = r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows\CurrentVersion\MDM"
JOIN = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\CloudDomainJoin"
ENROL = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Enrollments"
NET = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Internet Settings"
TENANT = "11111111-2222-3333-4444-555555555555"


def facts(body: str) -> dict[str, str]:
    case = Case.of(parse_text("a.reg", (HEAD + body).encode(), None))
    return {name: found[0].value for name, found in case.facts.items()}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", {}),
        (
            f'[{CDJ}\\AAD]\n"TenantId"="{{{TENANT.upper()}}}"\n"TenantName"="Contoso.com"\n',
            {
                "scp.client-side": "present",
                "scp.client-side.tenant-id": TENANT,
                "scp.client-side.tenant-name": "contoso.com",
            },
        ),
        (
            f'[{CDJ}\\AAD]\n"TenantId"="{TENANT}"\n',
            {"scp.client-side": "incomplete", "scp.client-side.tenant-id": TENANT},
        ),
        (f"[{CDJ}\\AAD]\n", {"scp.client-side": "missing"}),
        (f"[-{CDJ}\\AAD]\n", {"scp.client-side": "missing"}),
        (f"[{CDJ}]\n", {}),
        (f'[{CDJ}]\n"FallbackToSyncJoin"=dword:00000000\n', {"fallback.sync-join": "disabled"}),
        (f'[{MDM_POLICY}]\n"AutoEnrollMDM"=dword:00000001\n', {"mdm.auto-enrolment": "user"}),
        (
            f'[{MDM_POLICY}]\n"AutoEnrollMDM"=dword:00000001\n"UseAADCredentialType"=dword:00000002\n',
            {"mdm.auto-enrolment": "device"},
        ),
        (f"[{MDM_POLICY}]\n", {"mdm.auto-enrolment": "off"}),
        (f'[{JOIN}\\JoinInfo\\A1B2]\n"TenantId"="{TENANT}"\n', {"join.key": "present", "join.key.tenant-id": TENANT}),
        (f'[{JOIN}]\n[{JOIN}\\TenantInfo\\{TENANT}]\n"DisplayName"="Contoso"\n', {"join.key": "missing"}),
        (f'[{JOIN}\\TenantInfo\\{TENANT}]\n"DisplayName"="Contoso"\n', {}),
        (f"[{JOIN}]\n", {}),
        (
            f'[{ENROL}\\{{A}}]\n"ProviderID"="MS DM Server"\n"EnrollmentState"=dword:00000001\n',
            {"mdm.enrolled": "yes"},
        ),
        (
            f'[{ENROL}\\{{A}}]\n"ProviderID"="MS DM Server"\n"EnrollmentState"=dword:00000003\n',
            {"mdm.enrolled": "no", "mdm.enrolment-leftover": "present"},
        ),
        (f'[{ENROL}\\{{A}}]\n"ProviderID"="Local"\n"EnrollmentState"=dword:00000003\n', {}),
        (f'[HKEY_USERS\\S-1-5-18\\{NET}]\n"ProxyEnable"=dword:00000000\n', {"proxy.system": "direct"}),
        (
            f'[HKEY_CURRENT_USER\\{NET}]\n"ProxyEnable"=dword:00000001\n"ProxyServer"="proxy.corp.example:8080"\n',
            {"proxy.user": "named"},
        ),
        (f'[HKEY_CURRENT_USER\\{NET}]\n"AutoConfigURL"="http://corp.example/p.pac"\n', {"proxy.user": "script"}),
        (
            '[HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet001\\Control\\ProductOptions]\n"ProductType"="LanmanNT"\n',
            {"os.kind": "domain-controller"},
        ),
    ],
)
def test_what_an_export_decides(body: str, expected: dict[str, str]) -> None:
    assert facts(body) == expected


def test_a_rule_rests_on_the_line_of_the_export() -> None:
    capture = "| Device State |\n AzureAdJoined : NO\n DomainJoined : YES\n| Diagnostic Data |\n"
    capture += " AD Configuration Test : FAIL [0x801c001d]\n User Context : SYSTEM\n"
    capture += " Client Time : 2026-03-04 09:10:00.000 UTC\n Error Phase : discover\n Client ErrorCode : 0x801c001d\n\n"
    text = capture + HEAD + f'[{CDJ}\\AAD]\n"TenantId"="{TENANT}"\n'
    (report,) = diagnose_bytes("ticket.txt", text.encode(), load()).reports
    assert report.findings
    assert any("CDJ" in proof.text for proof in report.findings[0].evidence), report.findings[0]
