"""The 51 checks of DSRegTool: what its own ZIP holds decides 25 of them; of 20 the report says what they rest on.

Each of the 25 is tried with the fewest files of that ZIP: the failed state gives the finding of a rule, the sound state no
error. Text files are UTF-16 as PowerShell writes them, logs are ANSI.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.dsregtool_files import (
    GUID,
    TENANT,
    client_side,
    device_info,
    encoded,
    endpoints,
    forest,
    log,
    registry,
    tasks,
    version,
    winhttp,
    wininet,
)
from troubleshoot.engine import worst
from troubleshoot.model import Finding, Report
from troubleshoot.pipeline import diagnose
from troubleshoot.ruleset import load

OTHER = "99999999-2222-3333-4444-555555555555"


def report(folder: Path, files: dict[str, str]) -> Report:
    """The report of a folder of these files, in the encodings of the tool."""
    for name, text in files.items():
        (folder / name).write_bytes(encoded(name, text))
    result = diagnose([str(folder)], load())
    (one,) = result.reports
    assert not one.problems
    return one


def every(found: Report) -> dict[str, Finding]:
    """All findings by rule, symptoms too."""
    todo = list(found.findings)
    out: dict[str, Finding] = {}
    while todo:
        one = todo.pop()
        out[one.rule] = one
        todo += one.symptoms
    return out


# ----------------------------------------------------------------------------------------------- files of the ZIP


def box(title: str, **fields: str) -> str:
    rule = "+" + "-" * 70 + "+"
    rows = "".join(f"{name.replace('_', ' '):>26} : {value}\n" for name, value in fields.items())
    return f"\n{rule}\n| {title:<68} |\n{rule}\n\n{rows}"


def status(joined: str = "NO", domain: str = "YES", more: str = "") -> dict[str, str]:
    return {
        "dsregcmd-status.txt": box("Device State", AzureAdJoined=joined, EnterpriseJoined="NO", DomainJoined=domain)
        + more
    }


def attempt(phase: str, code: str, kind: str = "sync", tests: dict[str, str] | None = None, **more: str) -> str:
    return box(
        "Diagnostic Data",
        User_Context="SYSTEM",
        Client_Time="2026-03-04 09:10:00.000 UTC",
        **(tests or {}),
        Previous_Registration="2026-03-04 08:58:00.000 UTC",
        Registration_Type=kind,
        Error_Phase=phase,
        Client_ErrorCode=code,
        **more,
    )


QUIET = box("Diagnostic Data", User_Context="SYSTEM", Client_Time="2026-03-04 09:10:00.000 UTC")
USER = {"Executing_Account_Name": "CORP\\ada, ada@corp.example"}
NOT_FOUND = {
    "Server_ErrorCode": "DirectoryError",
    "Server_Message": f"The device object by the given id ({GUID}) is not found.",
    "Https_Status": "400",
}


def user_state(registered: str) -> str:
    return box("User State", NgcSet="NO", WorkplaceJoined=registered, WamDefaultSet="YES")


def token(prt: str, enterprise: str = "NO") -> str:
    return box("SSO State", AzureAdPrt=prt, EnterprisePrt=enterprise) + box("Diagnostic Data", **USER)


STORAGE = "[HKEY_CURRENT_USER\\Software\\Microsoft\\Windows\\CurrentVersion\\AAD\\Storage"
CDJ = "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\CDJ]"


def details(**fields: str) -> str:
    sound = {
        "DeviceId": GUID,
        "DeviceCertificateValidity": "[ 2026-03-01 07:02:11.000 UTC -- 2036-03-01 07:32:11.000 UTC ]",
        "KeyProvider": "Microsoft Platform Crypto Provider",
        "TpmProtected": "YES",
        "DeviceAuthStatus": "SUCCESS",
    }
    return box("Device Details", **{**sound, **fields})


JOINED = details() + box("Diagnostic Data", **USER)
OPTION_2 = "troubleshoot Microsoft Entra join device option has been chosen"
AADJ_IN_DOMAIN = "Recommended action: The selected option runs for AADJ devices. To troubleshoot hybrid devices, re-run the script and select option '3'."
NO_ANSWER = {"DRS_Discovery_Test": "FAIL [0x801c0021/0x80072ee2]"}
PROXY = "proxy.corp.example:8080"
ELEVATED = "PowerShell is running with elevated privileges"

# check -> (failed files, rule that says so, sound files)
CHECKS: dict[str, tuple[dict[str, str], str, dict[str, str]]] = {
    "C1": (log("!PowerShell is NOT running with elevated privileges"), "dsregtool-not-elevated", log(ELEVATED)),
    "C2": (
        log("!The device has a Windows down-level OS version") | version("7601"),
        "downlevel-windows-joins-another-way",
        log("Test passed: device has current OS version (10.0.19045.0)") | version("19045"),
    ),
    "C3": (
        status(domain="NO", more=QUIET) | log("!Test failed: device is NOT joined to the local domain"),
        "not-domain-joined",
        status("YES", more=JOINED) | log("Test passed: WKS-0427 device is joined to the local domain: CORP"),
    ),
    "C4": (
        status(more=QUIET) | log("!Test failed: WKS-0427 device is NOT connected to Microsoft Entra ID"),
        "not-joined",
        status("YES", more=JOINED) | log("Test passed: WKS-0427 device is joined to Microsoft Entra tenant: Contoso"),
    ),
    "W1": (endpoints("user", "login.microsoftonline.com"), "endpoints-not-reached-by-user", endpoints("user")),
    "J1": (
        status("YES", more=JOINED) | log(AADJ_IN_DOMAIN, option=OPTION_2),
        "entra-join-tried-in-domain",
        status("YES", "NO", more=JOINED) | log("Test passed: the signed in user has local admin permissions", option=OPTION_2),
    ),
    "H1": (
        status(more=QUIET) | tasks("Disabled", "Disabled"),
        "join-task-disabled",
        status("YES", more=JOINED) | tasks("Ready", "Enabled"),
    ),
    "H2": (
        status(more=attempt("discover", "0x801c001d")) | client_side(TENANT, ""),
        "client-side-scp-missing",
        status("YES", more=JOINED) | client_side(),
    ),
    "H5": (
        status(more=QUIET) | log("!Test failed: connection to Domain Controller failed"),
        "domain-controller-unreachable",
        status("YES", more=JOINED) | log("Test passed: connection to Domain Controller succeeded"),
    ),
    "H6": (
        status(more=QUIET) | client_side("", "") | forest(False) | log(ELEVATED),
        "scp-missing-in-forest",
        status("YES", more=JOINED) | client_side("", "") | forest(True),
    ),
    "H8": (
        status(more=attempt("discover", "0x801c0021", tests=NO_ANSWER)) | winhttp() | wininet("system") | wininet("user", PROXY),
        "proxy-not-for-system",
        status("YES", more=JOINED) | winhttp(PROXY) | wininet("system", PROXY) | wininet("user", PROXY),
    ),
    "H9": (
        status(more=QUIET) | endpoints("system", "enterpriseregistration.windows.net"),
        "endpoints-not-reached-by-system",
        status("YES", more=JOINED) | endpoints("system"),
    ),
    "H19": (
        status(more=attempt("auth", "0xcaa90023", "fed")) | version("16299"),
        "fallback-needs-newer-windows",
        status("YES", more=JOINED) | version("16299"),
    ),
    "H20": (
        status(more=attempt("auth", "0xcaa90023", "fed")) | registry("CDJ.txt", CDJ, '"FallbackToSyncJoin"=dword:00000000'),
        "fallback-sync-join-disabled",
        status("YES", more=JOINED) | registry("CDJ.txt", CDJ, '"FallbackToSyncJoin"=dword:00000001'),
    ),
    "H21": (
        status(more=attempt("join", "0x801c03f2", **NOT_FOUND)) | device_info(0),
        "computer-object-without-certificate",
        status("YES", more=JOINED) | device_info(1),
    ),
    "H22": (
        status(more=attempt("join", "0x801c03f2", **NOT_FOUND)) | device_info(2, OTHER),
        "computer-object-filtered",
        status("YES", more=JOINED) | device_info(1),
    ),
    "H23": (
        log("!Test failed: signed in user is not a domain user, you should sign in with domain user to perform this test"),
        "dsregtool-run-by-local-account",
        log("AD computer object has 1 certificate(s) under userCertificate attribute"),
    ),
    "H26": (
        status("YES", more=user_state("YES") + token("YES") + details()),
        "dual-state",
        status("YES", more=user_state("NO") + token("YES") + details()),
    ),
    "H27": (
        status("YES", more=user_state("NO") + token("YES")) | registry("WPJ-info.txt", STORAGE + "\\https://login.microsoftonline.com]"),
        "leftover-of-a-registration",
        status("YES", more=user_state("NO") + token("YES")) | registry("WPJ-info.txt", STORAGE + "]", STORAGE + "\\https://login.corp.example]"),
    ),
    "K1": (
        status("YES", more=details(KeyProvider="Contoso Key Storage Provider")),
        "device-key-provider-unexpected",
        status("YES", more=details(KeyProvider="Microsoft Software Key Storage Provider")),
    ),
    "K3": (
        status("YES", more=details(DeviceCertificateValidity="[ 2016-03-01 07:02:11.000 UTC -- 2026-03-01 07:32:11.000 UTC ]")) | log(ELEVATED),
        "device-certificate-missing",
        status("YES", more=details()) | log(ELEVATED),
    ),
    "P1": (
        status("YES", more=details())
        | log(
            "!Test failed: Primary Refresh Token (PRT) is not available. Hence SSO will not work",
            option="Verify Primary Refresh Token (PRT) option has been chosen",
        ),
        "prt-missing-when-tested",
        status("YES", more=details()) | log("Test passed: Primary Refresh Token (PRT) is available on this device for the logged on user"),
    ),
    "P2": (
        status("YES", more=token("YES") + box("Ngc Prerequisite Check", CertEnrollment="enrollment authority", AdfsRefreshToken="NO")),
        "enterprise-prt-missing",
        status("YES", more=token("YES") + box("Ngc Prerequisite Check", CertEnrollment="none", AdfsRefreshToken="NO")),
    ),
    "P3": (
        status("NO", "NO", more=user_state("YES") + box("Diagnostic Data", **USER))
        | registry("WPJ-info.txt", STORAGE + "]", STORAGE + "\\https://login.corp.example]"),
        "registered-token-store-missing",
        status("NO", "NO", more=user_state("YES") + box("Diagnostic Data", **USER))
        | registry("WPJ-info.txt", STORAGE + "\\https://login.microsoftonline.com]"),
    ),
    "P4": (
        status("NO", "NO", more=user_state("NO") + box("Diagnostic Data", **USER))
        | log("!Test failed: WKS-0427 device is NOT connected to Microsoft Entra ID, hence PRT does not exist"),
        "token-needs-a-join",
        status("YES", more=JOINED) | log("Test passed: Primary Refresh Token (PRT) is available on this device for the logged on user"),
    ),
}  # fmt: skip


def test_these_are_the_25() -> None:
    assert len(CHECKS) == 25


@pytest.mark.parametrize("check", CHECKS)
def test_a_failed_check_is_a_finding_with_proof(check: str, tmp_path: Path) -> None:
    files, rule, _ = CHECKS[check]
    found = every(report(tmp_path, files))
    assert rule in found, found
    assert found[rule].evidence
    assert all(Path(proof.source.path).name in files for proof in found[rule].evidence)


@pytest.mark.parametrize("check", CHECKS)
def test_a_sound_check_gives_no_error(check: str, tmp_path: Path) -> None:
    _, rule, files = CHECKS[check]
    one = report(tmp_path, files)
    assert rule not in every(one)
    assert not [root.rule for root in one.findings if worst(root) == "error"]


# ------------------------------------------------------------------------------------------------- the partial ones

REFUSED = details(DeviceAuthStatus="FAILED. Device is either disabled or deleted") + box("Diagnostic Data", **USER)
CERTUTIL = {
    "Machine-Store.txt": 'my "Personal"\n================ Certificate 0 ================\nIssuer: CN={issuer}\n'
    f" NotBefore: 3/1/2026 7:02 AM\n NotAfter: 3/1/2036 7:32 AM\nSubject: CN={GUID}\n  Provider = Microsoft Platform Crypto Provider\n{{end}}\n"
    "CertUtil: -store command completed successfully.\n"
}


def store(issuer: str, end: str) -> dict[str, str]:
    return {name: text.format(issuer=issuer, end=end) for name, text in CERTUTIL.items()}


# check -> (files, rule, words of what would settle it)
PARTIAL: dict[str, tuple[dict[str, str], str, str]] = {
    "C6": (status("YES", more=REFUSED), "device-rejected", "audit log"),
    "C7": (status("YES", more=REFUSED), "device-rejected", "audit log"),
    "H3": (status(more=attempt("discover", "0x801c003a")), "tenant-not-found", "openid-configuration"),
    "H7": (status(more=attempt("discover", "0x801c003a")), "tenant-not-found", "openid-configuration"),
    "H10": (status(more=attempt("discover", "0x801c003d")), "realm-lookup-failed", "Test-DeviceRegConnectivity"),
    "H11": (status(more=attempt("auth", "0xcaa90017", "fed")), "ws-trust-endpoint-missing", "Get-AdfsEndpoint"),
    "H12": (status(more=attempt("auth", "0xcaa9002c", "fed")), "federation-reply-not-xml", "MEX address"),
    "H13": (status(more=attempt("auth", "0xcaa90023", "fed")), "ws-trust-endpoint-missing", "Get-AdfsEndpoint"),
    "H14": (status(more=attempt("auth", "0xcaa20003", "fed")), "saml-token-refused", "DSRegTool"),
    "H24": (status(more=attempt("join", "0x801c03f2", **NOT_FOUND)), "device-not-synced", "Get-MgDevice"),
}


@pytest.mark.parametrize("check", PARTIAL)
def test_a_partial_check_says_what_would_settle_it(check: str, tmp_path: Path) -> None:
    files, rule, settles = PARTIAL[check]
    one = report(tmp_path, files)
    found = every(one)
    assert rule in found, found
    asked = [*found[rule].not_ruled_out, *(line.collect for line in one.not_checked)]
    assert any(settles in line for line in asked), asked


# check -> (files with the verdict that DSRegTool wrote itself or a listing beside it, rule)
DECIDED: dict[str, tuple[dict[str, str], str]] = {
    "C6": (status("YES", more=REFUSED) | log("!Test failed: the device does not exist in your Azure AD tenant."), "cloud-object-deleted"),
    "C7": (status("YES", more=details(DeviceAuthStatus="FAILED")) | log("!Test failed: the device is not enabled on Microsoft Entra tenant"), "cloud-object-disabled"),
    "C8": (status("YES", more=REFUSED) | log("Test failed: the device in 'Pending' state on Microsoft Entra ID."), "cloud-object-recreated"),
    "W2": (status("NO", "NO", more=user_state("YES")) | log("!Test failed: the device is not enabled on Azure AD tenant."), "cloud-object-disabled"),
    "J2": (status("NO", "NO", more=QUIET) | log("Test failed: the signed in user does NOT have local admin permissions", option=OPTION_2), "entra-join-needs-administrator"),
    "H3": (status(more=QUIET) | log("!Test failed: Tenant Name is not configured correctly"), "scp-names-wrong-tenant"),
    "H4": (status(more=QUIET) | log("!Test failed: Tenant ID is not configured correctly"), "scp-names-wrong-tenant"),
    "H11": (status(more=attempt("auth", "0xcaa90014", "fed")) | log("!Test failed: WFTrust protocol is not enabled on federation service configuration."), "ws-trust-endpoint-missing"),
    "H13": (status(more=attempt("auth", "0xcaa90014", "fed")) | log("!Test failed: windowstransport endpoints are disabled on your federation service"), "ws-trust-endpoint-missing"),
    "H15": (status(more=attempt("auth", "0xcaa20003", "fed")) | log("!Test failed: 'primarysid' claim is NOT configured."), "federation-claims-missing"),
    "K2": (status("YES", more=JOINED) | store("Contoso Issuing CA", "Encryption test passed"), "device-certificate-missing"),
    "K4": (status("YES", more=JOINED) | store("MS-Organization-Access", "Missing stored keyset"), "device-key-unusable"),
}  # fmt: skip


@pytest.mark.parametrize("check", DECIDED)
def test_a_verdict_of_the_tool_or_a_listing_decides_what_files_alone_do_not(check: str, tmp_path: Path) -> None:
    files, rule = DECIDED[check]
    found = every(report(tmp_path, files))
    assert rule in found, found
    assert any(Path(proof.source.path).name in ("DSRegTool.log", "Machine-Store.txt") for proof in found[rule].evidence)
