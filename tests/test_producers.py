"""Every fact that a rule may use can be raised by something: no name of the vocabulary is only a name.

What a sample or a collector's bundle raises needs no more; for the others an input stands here. Facts that no file of a device
or a tenant holds say so in the vocabulary (``sources: [a file of stated facts]``), and those are counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest
from bundles import LAYOUTS, bundle
from evidence import AAD, USER, capture, event

from tools.make_samples import TENANT
from troubleshoot.case import Case
from troubleshoot.model import Evidence, Fact, Problem
from troubleshoot.parsers import parse_text
from troubleshoot.pipeline import open_cases
from troubleshoot.ruleset import load

ROOT = Path(__file__).resolve().parent.parent
STATED = "a file of stated facts"
FACTS = load().vocabulary["facts"]
REG = "Windows Registry Editor Version 5.00\n\n"
CCM = r"[HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\CCM"
INTERNET = r"Software\Microsoft\Windows\CurrentVersion\Internet Settings"
GUID = "22222222-3333-4444-5555-666666666666"


def tool(line: str) -> str:
    return f"[2026-03-04 08:16:13.842] [INFO] {line}\n"


def cmtrace(line: str) -> str:
    return (
        f'<![LOG[{line}]LOG]!><time="09:41:03.218-060" date="03-04-2026" component="CoManagementHandler" '
        'context="" type="1" thread="7316" file="x.cpp:1">\n'
    )


def probe(host: str, words: str = "Succeeded.") -> str:
    return f"[2026-03-04 08:16:13.842] [INFO] Connection to {host} .............. {words}\n"


def of_device(text: str) -> list[Evidence]:
    """An export, beside a capture of the device that one of its rows is of."""
    found = [one for one in parse_text("export.csv", text.encode(), None) if not isinstance(one, Problem)]
    return [capture({"DeviceId": GUID, "DeviceName": "WKS-0427", "AzureAdJoined": "YES"}), *found]


AUDIT = (
    '"Date (UTC)","CorrelationId","Category","Activity","Result","Target1DisplayName","Target1ObjectId",'
    '"Target1ModifiedProperty1Name","Target1ModifiedProperty1OldValue","Target1ModifiedProperty1NewValue"\n'
)
ENDPOINT = (
    "ClientCredentialType : Windows\nEnabled              : {}\n"
    "FullUrl              : https://sts.contoso.com/adfs/services/trust/{}/windowstransport\nProxy                : False\n"
    "Protocol             : WS-Trust\nAddressPath          : /adfs/services/trust/{}/windowstransport\nVersion : default\n\n"
)
TRUST = (
    "AllowedAuthenticationClassReferences : {%s}\nName                                 : Microsoft Office 365 Identity Platform\n"
    "Identifier                           : {https://login.microsoftonline.com/extSTS.srf,\n"
    "                                       urn:federation:MicrosoftOnline}\n"
)
POLICY = (
    '{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#policies/deviceRegistrationPolicy/$entity","userDeviceQuota":50,\n'
    '"azureADRegistration":{"isAdminConfigurable":false,"allowedToRegister":{"@odata.type":"#microsoft.graph.%s"}},\n'
    '"azureADJoin":{"allowedToJoin":{"@odata.type":"#microsoft.graph.allDeviceRegistrationMembership"}}}'
)

# fact, value, file name, text
SHOWN: list[tuple[str, str, str, str]] = [
    ("tpm.version", "2.0", "tpm.txt", "\n-TPM Present: True\n-TPM Version: 2.0\n-TPM Manufacturer ID: INTC\n"),
    ("tpm.version", "1.2", "tpm.txt", "-TPM Present: True\n-TPM Version: 1.2\n-PPI Version: 1.2\n"),
    ("tpm.version", "none", "tpm.txt", "-TPM Present: False\n"),
    ("clock.skew", "2520s", "time.txt", "The current time is 04.03.2026 09:21:07.\n09:21:07, +2520.4127304s\n"),
    (
        "clock.skew",
        "301s",
        "time.txt",
        "09:21:05, d:+00.0152s o:-300.1273s  [  *  ]\n09:21:07, d:+00.0152s o:-301.1273s  [ * ]\n",
    ),
    (
        "write-filter",
        "on",
        "uwf.txt",
        "Current Session Settings\n    FILTER SETTINGS\n        Filter state:     ON\nNext Session Settings\n"
        "        Filter state:     OFF\n",
    ),
    ("write-filter", "off", "uwf.txt", "        Filter state:     OFF\n"),
    (
        "migration.usmt",
        "yes",
        "where.txt",
        "C:\\>where /r C:\\ loadstate*.log\nC:\\Windows\\CCM\\Logs\\loadstate_0304.log\n",
    ),
    (
        "migration.usmt",
        "no",
        "where.txt",
        "C:\\>where /r C:\\ loadstate*.log\nINFO: Could not find files for the given pattern(s).\n",
    ),
    (
        "federation.windowstransport",
        "enabled",
        "adfs.txt",
        ENDPOINT.format("False", 2005, 2005) + ENDPOINT.format("True", 13, 13),
    ),
    (
        "federation.windowstransport",
        "disabled",
        "adfs.txt",
        ENDPOINT.format("False", 2005, 2005) + ENDPOINT.format("False", 13, 13),
    ),
    ("federation.multiple-authentication", "supported", "adfs.txt", TRUST % "wiaormultiauthn"),
    ("federation.multiple-authentication", "unsupported", "adfs.txt", TRUST % ""),
    ("tenant.users-may-register", "no", "policy.json", POLICY % "noDeviceRegistrationMembership"),
    ("tenant.users-may-register", "yes", "policy.json", POLICY % "allDeviceRegistrationMembership"),
    (
        "tenant.users-may-register",
        "no",
        "policy.json",
        '{"azureADRegistration": {"appliesTo": "0", "isAdminConfigurable": true}}',
    ),
    (
        "user.upn-changed",
        "yes",
        "AuditLogs.csv",
        AUDIT + "2026-03-01T08:16:10Z,x,UserManagement,Update user,success,,u,UserPrincipalName,"
        '"[""ada@old.example""]","[""ada@contoso.com""]"\n',
    ),
    (
        "autoworkplace.dialog",
        "joined",
        "window.txt",
        "Workplace Join for Windows\nThis computer is joined to contoso.com\n",
    ),
    (
        "certificate.device.key",
        "usable",
        "certs.txt",
        f'my "Personal"\n================ Certificate 0 ================\nSerial Number: 5d0f\n'
        f"Issuer: CN=MS-Organization-Access, DC=windows, DC=net\nSubject: CN={GUID}\n"
        f"  Provider = Microsoft Platform Crypto Provider\nEncryption test passed\n",
    ),
    (
        "account.administrator",
        "no",
        "DSRegTool.log",
        tool("Test failed: the signed in user does NOT have local admin permissions"),
    ),
    ("dsregtool.domain-user", "no", "DSRegTool.log", tool("Test failed: signed in user is not a domain user")),
    (
        "dsregtool.option",
        "entra-in-domain",
        "DSRegTool.log",
        tool("Recommended action: The selected option runs for AADJ devices. To troubleshoot hybrid devices"),
    ),
    ("fallback.sync-join", "disabled", "DSRegTool.log", tool("Test failed: Fallback to sync join is disabled")),
    (
        "federation.claim-missing",
        "primarysid",
        "DSRegTool.log",
        tool("Test failed: 'primarysid' claim is NOT configured"),
    ),
    (
        "federation.computer-sign-in",
        "refused",
        "DSRegTool.log",
        tool("Test failed: Device authentication failed against your federation service"),
    ),
    ("federation.mex", "unreachable", "DSRegTool.log", tool("Test failed: MEX URL is not accessible")),
    (
        "federation.protocol",
        "other",
        "DSRegTool.log",
        tool("Test failed: WFTrust protocol is not enabled on federation service configuration"),
    ),
    ("prt.user", "missing", "DSRegTool.log", tool("Test failed: Primary Refresh Token (PRT) is not available")),
    (
        "tenant.device-registration-service",
        "disabled",
        "DSRegTool.log",
        tool("Test failed: Device Registration Service is disabled on the tenant"),
    ),
    ("tenant.id", "wrong", "DSRegTool.log", tool("Test failed: Tenant ID is not configured correctly")),
    ("tenant.name", "unknown", "DSRegTool.log", tool("Test failed: Tenant Name is not configured correctly")),
    (
        "endpoint.by-winhttp.system",
        "unreachable",
        "Test-DeviceRegConnectivity.log",
        "".join(
            tool(one)
            for one in (
                "Testing connection via winHTTP proxy...",
                "Connection to login.microsoftonline.com .............. Succeeded.",
                "Connection failed via winHTTP, trying winInet...",
            )
        ),
    ),
    (
        "endpoint.autologon.user",
        "not-direct",
        "t.txt",
        "ComputerName  RemotePort RemoteAddress TcpTestSucceeded\n----  ---- ---- ----\n"
        "login.microsoftonline.com 443 20.190.159.23 True\nautologon.microsoftazuread-sso.com 443 20.190.159.24 False\n",
    ),
    (
        "hotfix.kb4284842",
        "missing",
        "qfe.txt",
        "Caption  HotFixID  InstalledBy\nhttp://support.microsoft.com  KB4012212  CORP\\ada\n",
    ),
    (
        "kerberos.cloud-policy",
        "disabled",
        "klist.txt",
        "\nCurrent LogonId is 0:0x12ab34\nCloud Kerberos Debug info:\n\nCloud Kerberos enabled by policy: 0\n"
        "Cloud Primary (Hybrid logon) TGT available: 0\n",
    ),
    (
        "kerberos.cloud-tgt",
        "missing",
        "klist.txt",
        "\nCurrent LogonId is 0:0x12ab34\nCloud Kerberos Debug info:\n\nCloud Kerberos enabled by policy: 1\n"
        "Cloud Primary (Hybrid logon) TGT available: 0\n",
    ),
    (
        "kerberos.tgt.user",
        "present",
        "klist.txt",
        "\nCurrent LogonId is 0:0x12ab34\n\nCached Tickets: (1)\n\n#0>\tClient: ada @ CORP.EXAMPLE\n"
        "\tServer: krbtgt/CORP.EXAMPLE @ CORP.EXAMPLE\n\tStart Time: 3/4/2026 8:11:02 (local)\n",
    ),
    (
        "secure-channel",
        "ok",
        "nltest.txt",
        "Flags: 30 HAS_IP  HAS_TIMESERV \nTrusted DC Name \\\\DC03.corp.example \n"
        "Trusted DC Connection Status Status = 0 0x0 NERR_Success\n",
    ),
    (
        "secure-channel.status",
        "0x00000005",
        "nltest.txt",
        "Flags: 0 \nTrusted DC Name  \nTrusted DC Connection Status Status = 5 0x5 ERROR_ACCESS_DENIED\n",
    ),
    (
        "task.mdm-enrolment",
        "present",
        "tasks.txt",
        "Folder: \\Microsoft\\Windows\\EnterpriseMgmt\nHostName:      WKS-0427\n"
        "TaskName:      \\Microsoft\\Windows\\EnterpriseMgmt\\Schedule created by enrollment client for "
        "automatically enrolling in MDM from AAD\n"
        "Status:        Ready\nLast Result:   0\n",
    ),
    (
        "ie.intranet-zone",
        "incomplete",
        "user.reg",
        REG
        + f"[HKEY_CURRENT_USER\\{INTERNET}\\ZoneMap\\Domains\\microsoftazuread-sso.com\\autologon]\n"
        + '"https"=dword:00000002\n',
    ),
    (
        "ie.settings",
        "blocking",
        "user.reg",
        REG + f"[HKEY_CURRENT_USER\\{INTERNET}]\n" + '"DisableCachingOfSSLPages"=dword:00000001\n',
    ),
    (
        "leftover.wam-storage",
        "present",
        "user.reg",
        REG
        + "[HKEY_CURRENT_USER\\Software\\Microsoft\\Windows\\CurrentVersion\\AAD\\Storage\\https://login.microsoftonline.com]\n"
        + '"State"=dword:00000001\n',
    ),
    (
        "registered.key",
        "present",
        "user.reg",
        REG
        + "[HKEY_CURRENT_USER\\Software\\Microsoft\\Windows NT\\CurrentVersion\\WorkplaceJoin\\JoinInfo\\A1]\n"
        + '"UserEmail"="ada@contoso.com"\n',
    ),
    (
        "mdm.enrolled",
        "no",
        "mdm.reg",
        REG
        + f"[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Enrollments\\{GUID}]\n"
        + '"ProviderID"="MS DM Server"\n"EnrollmentState"=dword:00000004\n',
    ),
    (
        "mdm.enrolment-leftover",
        "present",
        "mdm.reg",
        REG
        + f"[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Enrollments\\{GUID}]\n"
        + '"ProviderID"="MS DM Server"\n"EnrollmentState"=dword:00000004\n',
    ),
    ("mdm.enrolled", "yes", "CoManagementHandler.log", cmtrace("Device is already enrolled with MDM.")),
    (
        "configmgr.client-health",
        "7",
        "mdm.reg",
        REG
        + "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\MDM]\n"
        + '"ClientHealthStatus"=dword:00000007\n',
    ),
    (
        "configmgr.client-health.last-sync",
        "2026-03-04T08:11:02Z",
        "mdm.reg",
        REG
        + "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\MDM]\n"
        + '"ClientHealthLastSyncTime"="2026-03-04T08:11:02Z"\n',
    ),
    (
        "tls12.client",
        "disabled",
        "tls.reg",
        REG
        + "[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL\\Protocols\\TLS 1.2\\Client]\n"
        + '"Enabled"=dword:00000000\n',
    ),
    (
        "scp.agreement",
        "sides-differ",
        "both.txt",
        f"azureADId:{TENANT}\n"
        + REG
        + f'[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\CDJ\\AAD]\n"TenantId"="{GUID}"\n',
    ),
]
NGC = {
    "PolicyEnabled": "YES",
    "CertEnrollment": "enrollment authority",
    "LogonCertTemplateReady": "NO ( 1 : StateNoPolicy )",
}
ANSWER = '{"code":"invalid_request","message":"The device object by the given id is not found.","time":"03-04-2025 08:15:57Z"}'
DISABLED = f"2026-03-01T08:16:10Z,x,Device,Update device,success,WKS-0427,{GUID},AccountEnabled,[true],[false]\n"
CERTIFICATES = (
    "ObjectDN,ObjectGUID,TotalEntriesCount,CertsCount,ValidCertsCount,HybridJoinCertsCount,CloudFiltered\n"
    f'"CN=WKS-0427,DC=corp,DC=example",{GUID},1,1,1,0,True\n'
)
# Facts of evidence that a text of one line would hide.
MADE: list[tuple[str, str, list[Evidence]]] = [
    ("hello.check.certificate-template", "no", [capture(NGC, account=USER)]),
    ("hello.check.certificate-authority", "no", [capture({**NGC, "AdfsRaIsReady": "NO"}, account=USER)]),
    (
        "hello.check.cloud-trust",
        "yes",
        [capture({"PolicyEnabled": "YES", "CertEnrollment": "none", "NgcOnPremTgt": "NO"}, account=USER)],
    ),
    (
        "hello.check.cloud-ticket",
        "no",
        [capture({"PolicyEnabled": "YES", "CertEnrollment": "none", "NgcOnPremTgt": "NO"}, account=USER)],
    ),
    ("cloud.audit.disabled", "yes", of_device(AUDIT + DISABLED)),
    ("sync.state", "filtered", of_device(CERTIFICATES)),
    ("clock.skew", "2523s", [event(304, "08:58", ServerResponse=ANSWER)]),
    (
        "clock.skew",
        "3s",
        [
            event(
                1098,
                "08:58",
                provider=AAD,
                Error="AADSTS50034: no such user. Timestamp: 2025-03-04 08:58:03Z",
            )
        ],
    ),
]


@pytest.mark.parametrize(("fact", "value", "name", "text"), SHOWN, ids=[f"{row[0]}={row[1]}" for row in SHOWN])
def test_an_input_raises_the_fact(fact: str, value: str, name: str, text: str) -> None:
    assert [one.value for one in of_texts((name, text)).facts.get(fact, ())] == [value]


@pytest.mark.parametrize(("fact", "value", "evidence"), MADE, ids=[f"{row[0]}={row[1]}" for row in MADE])
def test_evidence_raises_the_fact(fact: str, value: str, evidence: list[Evidence]) -> None:
    assert [one.value for one in Case.of(evidence).facts.get(fact, ())] == [value]


def test_every_fact_of_the_vocabulary_has_a_producer() -> None:
    stated = {name for name, row in FACTS.items() if row["sources"] == [STATED]}
    shown = {row[0] for row in SHOWN} | {row[0] for row in MADE}
    assert set(FACTS) - stated - shown - raised() == set()


def test_nothing_raises_a_fact_that_the_vocabulary_lacks() -> None:
    assert raised() - set(FACTS) == set()


def test_facts_that_only_a_person_can_state() -> None:
    """Settings of a tenant, a site or a server that none of the files tells; nothing else may hide among them."""
    assert {name for name, row in FACTS.items() if row["sources"] == [STATED]} == {
        "adfs.client-side-scp",
        "configmgr.register-setting",
        "scp.forest.domain",
        "tenant.staged-rollout",
        "ui.work-accounts",
    }


def of_texts(*texts: tuple[str, str]) -> Case:
    return Case.of([one for name, text in texts for one in parse_text(name, text.encode(), None)])


@lru_cache(maxsize=1)
def raised() -> frozenset[str]:
    """The facts that the samples and a bundle of each collector raise; a sample that states one raises nothing by that."""
    found: set[str] = set()
    for folder in sorted((ROOT / "samples").glob("*/*")):
        for one in open_cases([str(folder)], None).cases:
            found.update(name for name, facts in one.facts.items() if not all(map(is_stated, facts)))
    for collector in LAYOUTS:
        evidence = [one for member in bundle(collector) for one in evidence_of(member.path, member.data)]
        found |= set(Case.of(evidence).facts)
    return frozenset(found)


def is_stated(fact: Fact) -> bool:
    path = Path(fact.source.path)
    return path.is_file() and path.read_bytes()[:40].strip().lower().startswith(b"troubleshoot facts")


def evidence_of(path: str, data: bytes) -> Iterator[Evidence | Problem]:
    """The evidence of a text of a bundle; logs and hives are read in their own tests."""
    if not data.startswith((b"ElfFile", b"regf", b"PK")) and data:
        yield from parse_text(path, data, None)
