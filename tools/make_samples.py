"""Makes ``samples/``: whole device packages with invented names, and the report each must give.

    python tools/make_samples.py            writes the inputs, then expected.json of each from the present rules

Inputs never change unless this script does; expected.json is reviewed like code when it does (tests/test_samples.py
compares byte for byte). Tenants, devices and people are invented: Contoso, corp.example, LT-... and WKS-...
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools import dsregtool_files as dsregtool  # noqa: E402
from tools import hive_samples  # noqa: E402
from tools.evtx_writer import EvtxWriter, Record  # noqa: E402

SAMPLES = ROOT / "samples"
BESIDE = ("README.md", "expected.json", "identities.json")  # of a sample, and no evidence of its device
UDR = (
    "Microsoft-Windows-User Device Registration",
    "Microsoft-Windows-User Device Registration/Admin",
    "23b8d46b-67dd-40a3-b636-d43e50552c6d",
)
AAD = ("Microsoft-Windows-AAD", "Microsoft-Windows-AAD/Operational", "4de9bc9c-b27a-43c9-8994-0915f1a5e24f")
MDM_NAME = "Microsoft-Windows-DeviceManagement-Enterprise-Diagnostics-Provider"
MDM = (MDM_NAME, f"{MDM_NAME}/Admin", "3da494e4-0fe2-415c-b895-fb5265c5c83b")
LOGS = {"udr": UDR, "aad": AAD, "mdm": MDM}
NOW = datetime(2026, 3, 4, 9, 10, tzinfo=UTC)
TRIED = NOW - timedelta(minutes=12)
TENANT = "11111111-2222-3333-4444-555555555555"
DEVICE = "22222222-3333-4444-5555-666666666666"
RULE = "+" + "-" * 70 + "+"


def stamp(moment: datetime) -> str:
    """A time as dsregcmd prints it."""
    return moment.strftime("%Y-%m-%d %H:%M:%S.000 UTC")


def section(title: str, rows: list[tuple[str, str]]) -> Iterator[str]:
    """One section in Windows' layout."""
    yield from ("", RULE, f"| {title:<68} |", RULE, "")
    for label, value in rows:
        yield f"{label:>26} : {value}".rstrip() if value else f"{label:>26} : "


def dsregcmd(
    joined: bool = False,
    domain: str = "YES",
    host: str = "LT-0042",
    user: str | None = None,
    diagnosis: list[tuple[str, str]] | None = None,
    prt: list[tuple[str, str]] | None = None,
    details: dict[str, str] | None = None,
    post: dict[str, str] | None = None,
    user_state: dict[str, str] | None = None,
    elevated: bool = True,
    proxy_user: dict[str, str] | None = None,
) -> str:
    """The output of ``dsregcmd /status``, Windows 11 25H2."""
    lines: list[str] = []
    lines += section(
        "Device State",
        [
            ("AzureAdJoined", "YES" if joined else "NO"),
            ("EnterpriseJoined", "NO"),
            ("DomainJoined", domain),
            *([("DomainName", "CONTOSO")] if domain == "YES" else []),
            ("Virtual Desktop", "NOT SET"),
            ("Device Name", f"{host}.corp.example" if domain == "YES" else host),
        ],
    )
    if joined:
        more = {"TpmProtected": "YES", "DeviceAuthStatus": "SUCCESS", **(details or {})}
        provider = (
            "Microsoft Platform Crypto Provider"
            if more["TpmProtected"] == "YES"
            else "Microsoft Software Key Storage Provider"
        )
        lines += section(
            "Device Details",
            [
                ("DeviceId", DEVICE),
                ("Thumbprint", "A1B2C3D4E5F60718293A4B5C6D7E8F9012345678"),
                ("DeviceCertificateValidity", "[ 2025-11-03 10:02:11.000 UTC -- 2035-11-03 10:32:11.000 UTC ]"),
                ("KeyContainerId", "33333333-4444-5555-6666-777777777777"),
                ("KeyProvider", provider),
                ("TpmProtected", more["TpmProtected"]),
                ("DeviceAuthStatus", more["DeviceAuthStatus"]),
            ],
        )
        lines += section(
            "Tenant Details",
            [
                ("TenantName", "Contoso"),
                ("TenantId", TENANT),
                ("AuthCodeUrl", f"https://login.microsoftonline.com/{TENANT}/oauth2/authorize"),
                ("AccessTokenUrl", f"https://login.microsoftonline.com/{TENANT}/oauth2/token"),
                ("MdmUrl", "https://enrollment.manage.microsoft.com/enrollmentserver/discovery.svc"),
                ("MdmTouUrl", ""),
                ("MdmComplianceUrl", ""),
                ("SettingsUrl", ""),
                ("JoinSrvVersion", "2.0"),
                ("JoinSrvUrl", "https://enterpriseregistration.windows.net/EnrollmentServer/device/"),
                ("JoinSrvId", "urn:ms-drs:enterpriseregistration.windows.net"),
            ],
        )
    state = {
        "NgcSet": "NO",
        "WorkplaceJoined": "NO",
        "WamDefaultSet": "ERROR (0x80070520)" if elevated else "NO",
        **(user_state or {}),
    }
    lines += section("User State", list(state.items()))
    lines += section(
        "SSO State",
        prt
        or [
            ("AzureAdPrt", "NO"),
            ("AzureAdPrtAuthority", "NO"),
            ("EnterprisePrt", "NO"),
            ("EnterprisePrtAuthority", "NO"),
        ],
    )
    account = f"CONTOSO\\{user}, {user}@contoso.com" if user else f"CONTOSO\\{host}$, {host}$@corp.example"
    if joined:
        known = {
            "AadRecoveryEnabled": "NO",
            "KeySignTest": "PASSED" if elevated else "MUST Run elevated to test.",
            **(post or {}),
        }
        rows = [
            ("AadRecoveryEnabled", known["AadRecoveryEnabled"]),
            ("Executing Account Name", account),
            ("KeySignTest", known["KeySignTest"]),
        ]
        lines += section(
            "Diagnostic Data",
            [*rows, ("DisplayNameUpdated", "YES"), ("OsVersionUpdated", "YES"), ("HostNameUpdated", "YES")],
        )
    elif diagnosis is not None:
        context = "SYSTEM" if user is None else "ELEVATED User" if elevated else "UN-ELEVATED User"
        head = [
            ("Diagnostics Reference", "www.microsoft.com/aadjerrors"),
            ("User Context", context),
            ("Client Time", stamp(NOW)),
        ]
        lines += section("Diagnostic Data", [*head, *diagnosis, ("Executing Account Name", account)])
    ie = {"Auto Detect Settings": "NO", "Auto-Configuration URL": "", "Proxy Server List": "", "Proxy Bypass List": ""}
    lines += section("IE Proxy Config for Current User", list({**ie, **(proxy_user or {})}.items()))
    lines += section("IE Proxy Config for System Account", list(ie.items()))
    lines += section("WinHttp Default Proxy Config", [("Access Type", "DIRECT")])
    lines += section(
        "Ngc Prerequisite Check",
        [
            ("IsDeviceJoined", "YES" if joined else "NO"),
            ("IsUserAzureAD", "NO"),
            ("PolicyEnabled", "NO"),
            ("PostLogonEnabled", "YES"),
            ("DeviceEligible", "YES"),
            ("SessionIsNotRemote", "YES"),
            ("CertEnrollment", "none"),
            ("PreReqResult", "WillNotProvision"),
        ],
    )
    return "\n".join([*lines, "", "For more information, please visit https://www.microsoft.com/aadjerrors", ""])


def tests(**results: str) -> list[tuple[str, str]]:
    """The diagnostic tests; those that are not named passed."""
    names = {
        "connectivity": "AD Connectivity Test",
        "configuration": "AD Configuration Test",
        "discovery": "DRS Discovery Test",
        "drs": "DRS Connectivity Test",
        "token": "Token acquisition Test",
    }
    rows = [(label, results.get(name, "PASS")) for name, label in names.items()]
    return [*rows, ("Fallback to Sync-Join", results.get("fallback", "ENABLED"))]


def failed(phase: str, code: str, registration: str = "", **server: str) -> list[tuple[str, str]]:
    """The block of the last registration."""
    rows = [("Previous Registration", stamp(TRIED))]
    if registration:
        rows.append(("Registration Type", registration))
    rows += [("Error Phase", phase), ("Client ErrorCode", code)]
    labels = {
        "error": "Server ErrorCode",
        "sub": "Server ErrorSubCode",
        "operation": "Server Operation",
        "message": "Server Message",
        "status": "Https Status",
    }
    return [*rows, *((labels[name], text) for name, text in server.items())]


def token(update: datetime | None = None, **failure: str) -> list[tuple[str, str]]:
    """The SSO section, with the diagnosis of a failed attempt where ``failure`` says so."""
    rows = [("AzureAdPrt", "YES" if update else "NO")]
    if update:
        rows += [("AzureAdPrtUpdateTime", stamp(update)), ("AzureAdPrtExpiryTime", stamp(update + timedelta(days=14)))]
    rows.append(("AzureAdPrtAuthority", f"https://login.microsoftonline.com/{TENANT}"))
    if failure:
        labels = {
            "status": "Attempt Status",
            "user": "User Identity",
            "error": "HTTP Error",
            "http": "HTTP status",
            "code": "Server Error Code",
            "text": "Server Error Description",
        }
        rows += [("AcquirePrtDiagnostics", "PRESENT"), ("Previous Prt Attempt", stamp(TRIED))]
        rows += [(labels[name], text) for name, text in {"user": "ada@contoso.com", **failure}.items()]
    return [
        *rows,
        ("EnterprisePrt", "NO"),
        ("EnterprisePrtAuthority", ""),
        ("OnPremTgt", "NO"),
        ("CloudTgt", "YES" if update else "NO"),
    ]


Event = tuple[str, int, int, dict[str, tuple[str, Any]]]


def event(log: str, number: int, seconds: int = 0, **data: Any) -> Event:
    """A record of one of LOGS, ``seconds`` after the attempt; integers are written as signed numbers."""
    return (
        log,
        number,
        seconds,
        {name: ("i32" if isinstance(value, int) else "str", value) for name, value in data.items()},
    )


def join_failure(code: int, phase: str, tenant: str = "Managed", kind: str = "sync", message: str = "") -> list[Event]:
    """Events 331, 212 and 304 of one failed attempt."""
    debug = f"joinMode: Join\r\ndrsInstance: undefined\r\nregistrationType: {kind}\r\ntenantType: {tenant}\r\ntenantId: {TENANT}\r\nconfigLocation: undefined\r\nerrorPhase: {phase}\r\nadalCorrelationId: undefined\r\nadalLog:\nundefined\r\nadalResponseCode: 0x0\r\n"
    before = "preCheckResult: Join\r\nisPrivateKeyFound: undefined\r\nisJoined: undefined\r\nisDcAvailable: YES\r\nisSystem: YES\r\nresultCode: 0x0\r\n"
    return [
        event("udr", 331, 0, DebugOutput=before),
        event(
            "udr",
            212,
            0,
            ErrorCode=2,
            Operation="RegOpenKeyExW",
            Path=r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\CDJ\AAD",
        ),
        event(
            "udr",
            304,
            1,
            ExitCode=code,
            ServerErrorMessage=message,
            TenantType=tenant,
            JoinType=kind,
            DebugOutput=debug,
        ),
    ]


GONE = f"The device object by the given id ({DEVICE}) is not found."


def entra_device(**changed: Any) -> dict[str, Any]:
    """A device object as Microsoft Graph prints it."""
    return {
        "id": "77777777-8888-9999-0000-111111111111",
        "deviceId": DEVICE,
        "displayName": "LT-0042",
        "trustType": "ServerAd",
        "accountEnabled": True,
        "onPremisesSyncEnabled": True,
        "registrationDateTime": "2025-11-03T10:02:11Z",
        "approximateLastSignInDateTime": "2026-02-27T06:11:00Z",
        "alternativeSecurityIds": [{"type": 2, "identityProvider": None, "key": "WAA1ADAAOQA6"}],
        **changed,
    }


def graph_devices(*devices: dict[str, Any]) -> str:
    """A page of Microsoft Graph."""
    page = {"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#devices", "value": list(devices)}
    return json.dumps(page, indent=1) + "\n"


def portal_devices(*rows: tuple[str, str, str, str]) -> str:
    """The portal's download of devices: name, enabled, join type, device id."""
    head = (
        "displayName,accountEnabled,operatingSystem,operatingSystemVersion,joinType (trustType),registeredOwners,userNames,"
        "mdmDisplayName,isCompliant,registrationTime,approximateLastSignInDateTime,deviceId,isManaged,objectId,profileType,"
        "systemLabels,model"
    )
    body = [
        f"{name},{enabled},Windows,10.0.26100.3476,{kind},,,,,2025-11-03T10:02:11Z,2026-02-27T06:11:00Z,{identity},,,,,"
        for name, enabled, kind, identity in rows
    ]
    return "\n".join([head, *body]) + "\n"


def audit_rows(activity: str, device: str) -> str:
    """One row of the audit log as the portal's JSON download has it."""
    row = {
        "activityDateTime": "2026-03-03T15:20:41.118Z",
        "activityDisplayName": activity,
        "category": "Device",
        "correlationId": "88888888-9999-0000-1111-222222222222",
        "result": "success",
        "initiatedBy": {"app": None, "user": {"userPrincipalName": "admin@contoso.com"}},
        "targetResources": [
            {
                "id": "77777777-8888-9999-0000-111111111111",
                "displayName": "LT-0042",
                "type": "Device",
                "modifiedProperties": [],
            }
        ],
        "additionalDetails": [
            {"key": "DeviceId", "value": device},
            {"key": "DeviceOSType", "value": "Windows"},
            {"key": "DeviceTrustType", "value": "ServerAd"},
        ],
    }
    return json.dumps([row], indent=1) + "\n"


def sign_in(user: str, code: int, device: str) -> str:
    """One row of the sign-in log as the portal's JSON download has it."""
    row = {
        "id": "99999999-0000-1111-2222-333333333333",
        "createdDateTime": "2026-03-04T08:41:17Z",
        "userPrincipalName": user,
        "appDisplayName": "Windows Sign In",
        "appId": "38aa3b87-a06d-4817-b275-7a316988d93b",
        "correlationId": "00000000-1111-2222-3333-444444444444",
        "status": {
            "errorCode": code,
            "failureReason": "Error validating credentials due to invalid username or password.",
        },
        "deviceDetail": {"deviceId": device, "displayName": "LT-0042", "operatingSystem": "Windows10", "trustType": ""},
    }
    return json.dumps([row], indent=1) + "\n"


def broken() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(name, what is wrong, inputs) of every broken device."""
    yield (
        "dc-unreachable",
        "pre-check: off the network, no domain controller",
        {
            "dsregcmd": dsregcmd(
                diagnosis=[
                    *tests(
                        connectivity="FAIL [0x8007054b]",
                        configuration="SKIPPED",
                        discovery="SKIPPED",
                        drs="SKIPPED",
                        token="SKIPPED",
                    ),
                    *failed("pre-check", "0x8007054b"),
                ]
            )
        },
    )
    yield (
        "dc-unreachable-events",
        "pre-check: only the event log was sent, event 334",
        {
            "events": [
                event(
                    "udr",
                    331,
                    0,
                    DebugOutput="preCheckResult: DoNotJoin\r\nisJoined: undefined\r\nisDcAvailable: NO\r\nisSystem: YES\r\nresultCode: 0x1\r\n",
                ),
                event("udr", 334, 1),
            ]
        },
    )
    yield (
        "scp-missing",
        "discovery: no service connection point in the forest",
        {
            "dsregcmd": dsregcmd(
                diagnosis=[
                    *tests(configuration="FAIL [0x80070002]", discovery="SKIPPED", drs="SKIPPED", token="SKIPPED"),
                    *failed("discover", "0x801c001d"),
                ]
            ),
            "events": [
                event("udr", 307, 1, ExitCode=-2145648611),
                *join_failure(-2145648611, "discover", "undefined", "undefined"),
            ],
        },
    )
    yield (
        "scp-wrong-tenant",
        "discovery: the SCP names a tenant that does not exist",
        {
            "dsregcmd": dsregcmd(
                diagnosis=[
                    *tests(discovery="FAIL [0x801c003a]", drs="SKIPPED", token="SKIPPED"),
                    *failed("discover", "0x801c003a"),
                ]
            )
        },
    )
    yield (
        "discovery-timeout",
        "discovery: the firewall drops SYSTEM's traffic",
        {
            "dsregcmd": dsregcmd(
                diagnosis=[
                    *tests(discovery="FAIL [0x801c0021/0x80072ee2]", drs="SKIPPED", token="SKIPPED"),
                    *failed("discover", "0x801c0021"),
                ]
            )
        },
    )
    yield (
        "discovery-dns",
        "discovery: the name of the service is not resolved",
        {
            "dsregcmd": dsregcmd(
                diagnosis=[
                    *tests(discovery="FAIL [0x801c0021/0x80072ee7]", drs="SKIPPED", token="SKIPPED"),
                    *failed("discover", "0x801c0021"),
                ]
            )
        },
    )
    yield (
        "proxy-for-user-only",
        "discovery: the user has a proxy, SYSTEM has none",
        {
            "dsregcmd": dsregcmd(
                user="ada",
                diagnosis=[
                    *tests(discovery="FAIL [0x801c0021/0x80072efd]", drs="SKIPPED", token="SKIPPED"),
                    *failed("discover", "0x801c0021"),
                ],
                proxy_user={"Proxy Server List": "proxy.corp.example:8080"},
            )
        },
    )
    yield (
        "proxy-login-page",
        "discovery: a proxy answers with its sign-in page",
        {
            "dsregcmd": dsregcmd(
                diagnosis=[
                    *tests(discovery="FAIL [0x801c0021/0x8007000d]", drs="SKIPPED", token="SKIPPED"),
                    *failed("discover", "0x801c0021"),
                ]
            )
        },
    )
    yield (
        "realm-lookup-failed",
        "discovery: managed or federated cannot be told",
        {"dsregcmd": dsregcmd(diagnosis=[*tests(drs="SKIPPED", token="SKIPPED"), *failed("discover", "0x801c003d")])},
    )
    yield (
        "federated-no-ws-trust",
        "authentication, federated: AD FS offers no WS-Trust endpoint, fallback switched off",
        {
            "dsregcmd": dsregcmd(
                diagnosis=[*tests(token="FAIL [0xcaa90023]", fallback="DISABLED"), *failed("auth", "0xcaa90023", "fed")]
            ),
            "events": join_failure(-894894045, "auth", "Federated", "fed"),
        },
    )
    yield (
        "federated-saml-refused",
        "authentication, federated: Entra refuses the token of AD FS",
        {"dsregcmd": dsregcmd(diagnosis=[*tests(token="FAIL [0xcaa20003]"), *failed("auth", "0xcaa20003", "fed")])},
    )
    yield (
        "federated-adfs-timeout",
        "authentication, federated: AD FS does not answer SYSTEM",
        {
            "events": [
                event(
                    "udr",
                    305,
                    1,
                    ExitCode=-894947614,
                    ServerErrorMessage="",
                    TenantType="Federated",
                    TenantName="contoso.com",
                )
            ]
        },
    )
    yield (
        "device-not-synced",
        "join, managed: Entra Connect has not brought the computer yet",
        {
            "dsregcmd": dsregcmd(
                diagnosis=[
                    *tests(),
                    *failed("join", "0x801c03f2", "sync", error="DirectoryError", message=GONE, status="400"),
                ]
            ),
            "events": join_failure(
                -2145647630,
                "join",
                message=f'{{"ErrorType":"DirectoryError","Message":"{GONE}","TraceId":"44444444-5555-6666-7777-888888888888","Time":"03-04-2026 8:58:01Z"}}',
            ),
        },
    )
    yield (
        "user-certificate-missing",
        "join, managed: the certificate of the computer is not in Entra",
        {
            "dsregcmd": dsregcmd(
                diagnosis=[
                    *tests(),
                    *failed(
                        "join",
                        "0x801c03f2",
                        "sync",
                        error="DirectoryError",
                        message=f"The public key user certificate is not found on the device object with id ({DEVICE}).",
                        status="400",
                    ),
                ]
            )
        },
    )
    yield (
        "sid-not-verified",
        "join, managed: Entra holds an older certificate",
        {
            "dsregcmd": dsregcmd(
                diagnosis=[
                    *tests(),
                    *failed(
                        "join",
                        "0x801c0002",
                        "sync",
                        error="AuthenticationError",
                        message="Unable to verify the target computer's SID from the certificate.",
                        status="400",
                    ),
                ]
            )
        },
    )
    yield (
        "throttled",
        "join, federated: too many tries in a row",
        {
            "dsregcmd": dsregcmd(
                diagnosis=[
                    *tests(),
                    *failed(
                        "join",
                        "0x801c03f2",
                        "fed",
                        error="DirectoryError",
                        message="Your request is throttled temporarily. Please try after 300 seconds.",
                        status="400",
                    ),
                ]
            )
        },
    )
    yield (
        "tpm-key-lost",
        "device: the TPM was cleared",
        {
            "dsregcmd": dsregcmd(
                joined=True,
                post={"KeySignTest": "FAILED : 0x80090016"},
                user="ada",
                prt=token(
                    status="0xc000006d",
                    error="0x0",
                    http="400",
                    code="invalid_grant",
                    text="AADSTS50155: Device authentication failed.",
                ),
            )
        },
    )
    yield (
        "tpm-fips",
        "join: the TPM is in FIPS mode",
        {
            "events": [
                event("udr", 202, 0, ExitCode=-2144862154, JoinRequestType="6", Domain="corp.example"),
                *join_failure(-2144862154, "join"),
            ]
        },
    )
    yield (
        "device-disabled",
        "device: the record in Entra is disabled",
        {
            "dsregcmd": dsregcmd(
                joined=True,
                user="ada",
                elevated=False,
                details={"DeviceAuthStatus": "FAILED. Device is either disabled or deleted"},
                prt=token(
                    status="0xc000006d",
                    error="0x0",
                    http="400",
                    code="invalid_grant",
                    text="AADSTS135011: Device used during the authentication is disabled.",
                ),
            )
        },
    )
    yield (
        "record-deleted",
        "join: renewing the registration is refused, the record was deleted",
        {
            "dsregcmd": dsregcmd(
                diagnosis=[
                    *tests(),
                    *failed(
                        "join",
                        "0x801c03f2",
                        "sync",
                        error="DirectoryError",
                        sub="error_missing_device",
                        operation="DeviceRenew",
                        message="The device object is not found.",
                        status="400",
                    ),
                ]
            )
        },
    )
    yield (
        "upn-not-verified",
        "token: the UPN suffix is no verified domain",
        {
            "dsregcmd": dsregcmd(
                joined=True,
                user="ada",
                elevated=False,
                prt=token(
                    status="0xc00000d0",
                    error="0x0",
                    http="400",
                    code="invalid_request",
                    text="AADSTS90002: Tenant 'contoso.com' not found.",
                ),
            )
        },
    )
    yield (
        "token-offline",
        "token: no way to login.microsoftonline.com",
        {
            "dsregcmd": dsregcmd(
                joined=True, user="ada", elevated=False, prt=token(status="0xc000023c", error="0x80072ee7", http="0")
            ),
            "events": [event("aad", 1084, 0, Result="0xC000023C", Target="55555555-6666-7777-8888-999999999999")],
        },
    )
    yield (
        "cloud-object-pending",
        "sync: the object is there and Pending, the device has never registered",
        {
            "dsregcmd": dsregcmd(),
            "files": {
                "devices.json": graph_devices(
                    entra_device(
                        registrationDateTime=None, approximateLastSignInDateTime=None, alternativeSecurityIds=[]
                    )
                )
            },
        },
    )
    yield (
        "cloud-object-disabled",
        "device: the portal's list shows the object as disabled",
        {
            "dsregcmd": dsregcmd(
                joined=True,
                user="ada",
                elevated=False,
                details={"DeviceAuthStatus": "FAILED. Device is either disabled or deleted"},
            ),
            "files": {
                "exportDevice_2026-3-4.csv": portal_devices(
                    ("LT-0042", "False", "Microsoft Entra hybrid joined", DEVICE),
                    ("LT-0043", "True", "Microsoft Entra hybrid joined", "66666666-7777-8888-9999-000000000000"),
                )
            },
        },
    )
    yield (
        "cloud-object-deleted",
        "device: the audit log shows who deleted the object",
        {
            "dsregcmd": dsregcmd(
                joined=True,
                user="ada",
                elevated=False,
                details={"DeviceAuthStatus": "FAILED. Device is either disabled or deleted"},
            ),
            "files": {"AuditLogs_2026-03-04.json": audit_rows("Delete device", DEVICE)},
        },
    )
    yield (
        "sign-in-log",
        "token: the capture shows that there is none, the tenant's sign-in log says why",
        {
            "dsregcmd": dsregcmd(joined=True, user="ada", elevated=False),
            "files": {"InteractiveSignIns_2026-03-03_2026-03-04.json": sign_in("ada@contoso.com", 50126, DEVICE)},
        },
    )
    yield (
        "mdm-second-factor",
        "MDM enrolment: a second factor is asked for in the background",
        {
            "dsregcmd": dsregcmd(joined=True, user="ada", elevated=False, prt=token(NOW - timedelta(hours=1))),
            "events": [
                event("mdm", 76, 0, HexInt1="0x1", HRESULT="0x8018002A"),
                event(
                    "aad",
                    1098,
                    1,
                    Error="0xCAA2000C",
                    ErrorMessage="The request requires user interaction.",
                    AdditionalInformation="Code: interaction_required Description: AADSTS50076: multi-factor authentication is required.",
                ),
            ],
        },
    )
    yield (
        "two-faults",
        "no domain controller today; last week, when one was reachable, no service connection point",
        {
            "events": [
                *(
                    (log, number, seconds - 604800, data)
                    for log, number, seconds, data in [
                        event("udr", 307, 1, ExitCode=-2145648611),
                        *join_failure(-2145648611, "discover", "undefined", "undefined"),
                    ]
                ),
                event("udr", 334, 1),
            ]
        },
    )
    yield (
        "dsregtool-task-disabled",
        "DSRegTool's files of a German device whose join task somebody switched off",
        {"files": dsregtool_zip(False)},
    )
    yield (
        "disk-inspection",
        "disk inspection of an Azure VM (raw hives and logs, no dsregcmd): no service connection point anywhere",
        {
            "events": join_failure(-2145648611, "discover", "undefined", "undefined"),
            "folder": "Windows/System32/winevt/Logs",
            "computer": "VM-0042.corp.example",
            "files": hive_samples.config("VM-0042"),
        },
    )


def dsregtool_zip(sound: bool) -> dict[str, bytes]:
    """What DSRegTool collects (without event logs), of a joined device or of one whose task is off."""
    state = dsregcmd(joined=True) if sound else dsregcmd(diagnosis=tests())
    verdicts = (
        [
            "Test passed: WKS-0427 device is joined to the local domain: CONTOSO",
            "Test passed: The device is not in dual state",
        ]
        if sound
        else [
            "Test passed: WKS-0427 device is joined to the local domain: CONTOSO",
            "!Test failed: WKS-0427 device is NOT connected to Microsoft Entra ID",
            "!Test failed: Automatic-Device-Join task scheduler is not ready",
            "Recommended action: please enable 'Automatic-Device-Join' task from 'Task Scheduler Library\\Microsoft\\Windows\\Workplace Join'.",
        ]
    )
    files = {
        "dsregcmd-status.txt": state,
        **dsregtool.log("PowerShell is running with elevated privileges", *verdicts, "Script completed successfully."),
        **dsregtool.tasks(*(("Bereit", "Aktiviert", "0") if sound else ("Deaktiviert", "Deaktiviert", "267011"))),
        **dsregtool.winhttp(),
        **dsregtool.wininet("system"),
        **dsregtool.wininet("user"),
        **dsregtool.endpoints("system"),
        **dsregtool.endpoints("user"),
        **dsregtool.client_side("", ""),
        **dsregtool.forest(True),
        **dsregtool.device_info(1),
        **dsregtool.version("22631"),
        "Netsetup.log": "03/02/2026 08:11:02:123 NetpDoDomainJoin\n03/02/2026 08:11:09:001 NetpDoDomainJoin: status: 0x0\n",
    }
    return {name: dsregtool.encoded(name, text) for name, text in files.items()}


def healthy() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Devices without a fault, each with something that looks like one."""
    yield (
        "hybrid-managed",
        "hybrid joined, token fresh, captured as the user",
        {
            "dsregcmd": dsregcmd(
                joined=True,
                user="ada",
                elevated=False,
                prt=token(NOW - timedelta(hours=1)),
                user_state={"WamDefaultSet": "YES", "WamDefaultAuthority": "organizations"},
            ),
            "events": [event("udr", 306, 0)],
        },
    )
    yield (
        "hybrid-captured-elevated",
        "hybrid joined, captured as administrator: WamDefaultSet ERROR and no token of the user",
        {"dsregcmd": dsregcmd(joined=True, user="admin", details={"TpmProtected": "NO"})},
    )
    yield (
        "joined-after-failures",
        "failed last week, registered since",
        {
            "dsregcmd": dsregcmd(joined=True, user="ada", elevated=False, prt=token(NOW - timedelta(hours=1))),
            "events": [
                *(
                    (log, number, seconds - 604800, data)
                    for log, number, seconds, data in join_failure(-2145647630, "join", message=GONE)
                ),
                event("udr", 306, 0),
            ],
        },
    )
    yield (
        "duplicate-record",
        "hybrid joined and accepted; an old registered record of the same name is left in Entra",
        {
            "dsregcmd": dsregcmd(joined=True, user="ada", elevated=False, prt=token(NOW - timedelta(hours=1))),
            "files": {
                "exportDevice_2026-3-4.csv": portal_devices(
                    ("LT-0042", "True", "Hybrid Azure AD joined", DEVICE),
                    ("LT-0042", "True", "Azure AD registered", "66666666-7777-8888-9999-000000000000"),
                )
            },
        },
    )
    yield (
        "home-pc",
        "in no domain; events 360 and AAD 1089/1104 are noise there",
        {
            "dsregcmd": dsregcmd(domain="NO", host="HOMEPC"),
            "computer": "HOMEPC",
            "events": [
                event(
                    "udr",
                    360,
                    0,
                    Message="Windows Hello for Business provisioning will not be launched.",
                    DeviceIsJoined="Not Tested",
                    AADPrt="No",
                    NgcPolicyEnabled="Not Tested",
                    UserIsRemote="Yes",
                    MachinePolicySource="none",
                ),
                event("aad", 1089, 0, Status="0xC00484B2"),
                event("aad", 1104, 0, API="Plugin initialize", Result="0xC00484B2"),
            ],
        },
    )
    yield (
        "registered-only",
        "a private PC with a work account",
        {
            "dsregcmd": dsregcmd(
                domain="NO", host="HOMEPC", user_state={"WorkplaceJoined": "YES", "WorkAccountCount": "1"}
            )
        },
    )
    yield (
        "log-with-cache-notice",
        "hybrid joined; AAD 1097 reports that its cache was partitioned, which is no failure",
        {
            "dsregcmd": dsregcmd(joined=True, user="ada", elevated=False, prt=token(NOW - timedelta(hours=1))),
            "events": [
                event(
                    "aad",
                    1097,
                    0,
                    Error="0x0",
                    ErrorMessage="The cache has been partitioned successfully.",
                    AdditionalInformation="",
                )
            ],
        },
    )
    yield (
        "dsregtool-joined",
        "DSRegTool's files of a joined device",
        {"files": dsregtool_zip(True)},
    )
    yield (
        "disk-inspection-joined",
        "disk inspection of an Azure VM that is hybrid joined: the hives hold the join record and the certificate",
        {
            "events": [event("udr", 306, 0)],
            "folder": "Windows/System32/winevt/Logs",
            "computer": "VM-0042.corp.example",
            "files": hive_samples.config("VM-0042", TENANT, DEVICE, TENANT),
        },
    )


def damaged() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Inputs that are hurt: what is whole is read, the rest is named."""
    text = dsregcmd(
        diagnosis=[
            *tests(configuration="FAIL [0x80070002]", discovery="SKIPPED", drs="SKIPPED", token="SKIPPED"),
            *failed("discover", "0x801c001d"),
        ]
    )
    yield "empty-file", "an empty file", {"raw": b""}
    yield (
        "utf16-without-mark",
        "a capture in UTF-16 without byte-order mark, CRLF",
        {"raw": text.replace("\n", "\r\n").encode("utf-16-le")},
    )
    yield (
        "half-a-capture",
        "the capture ends in the middle of Diagnostic Data",
        {"raw": text[: text.index("Previous Registration") + 9].encode()},
    )
    yield (
        "truncated-log",
        "the event log ends inside a record",
        {"events": [event("udr", 306, 0), *join_failure(-2145648611, "discover")], "cut": 30},
    )
    yield (
        "zeroed-header",
        "the header of the event log is zeros",
        {"events": join_failure(-2145648611, "discover"), "zero": True},
    )
    yield "noise", "bytes that are nothing", {"raw": bytes((number * 73 + 41) % 251 for number in range(4000))}


def write(folder: Path, inputs: dict[str, Any]) -> None:
    """The files of one sample."""
    folder.mkdir(parents=True)
    if "dsregcmd" in inputs:
        (folder / "dsregcmd.txt").write_text(inputs["dsregcmd"], encoding="utf-8", newline="\n")
    for name, text in inputs.get("files", {}).items():
        data = text if isinstance(text, bytes) else text.encode()
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    if "raw" in inputs:
        (folder / "dsregcmd.txt").write_bytes(inputs["raw"])
    for log in LOGS:
        found = [one for one in inputs.get("events", ()) if one[0] == log]
        if not found:
            continue
        provider, channel, guid = LOGS[log]
        path = folder / inputs.get("folder", "") / f"{channel.replace('/', '%4')}.evtx"
        path.parent.mkdir(parents=True, exist_ok=True)
        with EvtxWriter(path, first=101) as writer:
            for _, number, seconds, data in sorted(found, key=lambda one: one[2]):
                values = tuple((name, kind, value) for name, (kind, value) in data.items())
                level = (
                    2
                    if number in (202, 204, 304, 305, 307, 1081, 1084, 1088, 1089, 1098, 1104, 76)
                    else 3
                    if number in (334, 360, 1097)
                    else 4
                )
                writer.add(
                    Record(
                        provider,
                        number,
                        TRIED + timedelta(seconds=seconds),
                        channel,
                        inputs.get("computer", "LT-0042.corp.example"),
                        values,
                        level,
                        guid,
                        "S-1-5-18",
                    )
                )
        data = bytearray(path.read_bytes())
        if inputs.get("zero"):
            data[:4096] = bytes(4096)
        if inputs.get("cut"):
            used = int.from_bytes(data[4096 + 48 : 4096 + 52], "little")
            data = data[: 4096 + used - inputs["cut"]]
        path.write_bytes(bytes(data))


def expect(folder: Path) -> bytes:
    """The report of a sample as expected.json holds it: paths from the sample's folder, no versions."""
    import os

    import orjson

    from troubleshoot.pipeline import diagnose
    from troubleshoot.report import jsonform
    from troubleshoot.ruleset import load

    before = Path.cwd()
    os.chdir(folder)
    try:
        inputs = sorted(path.name for path in Path().iterdir() if path.name not in BESIDE)
        form = jsonform.form(diagnose(inputs, load()))
    finally:
        os.chdir(before)
    form.pop("tool")
    return orjson.dumps(form, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def main() -> None:
    """Write all samples anew."""
    by_hand = {path: path.read_bytes() for path in SAMPLES.glob("*/*/identities.json")}
    for kind, makers in (("broken", broken), ("healthy", healthy), ("damaged", damaged)):
        shutil.rmtree(SAMPLES / kind, ignore_errors=True)
        for name, about, inputs in makers():
            folder = SAMPLES / kind / name
            write(folder, inputs)
            (folder / "README.md").write_text(about[0].upper() + about[1:] + ".\n", encoding="utf-8", newline="\n")
            (folder / "expected.json").write_bytes(expect(folder))
            print(f"{kind}/{name}")
    for path, data in by_hand.items():
        if path.parent.is_dir():
            path.write_bytes(data)


if __name__ == "__main__":
    main()
