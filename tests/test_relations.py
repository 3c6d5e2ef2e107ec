"""Devices with several faults at once: the first line is the one to fix first, and what it explains stands under it."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from troubleshoot.engine import judge, worst
from troubleshoot.model import Finding, Report
from troubleshoot.ruleset import load, read_folder, rules_folder
from troubleshoot.ruletest import case_of

FILES, VOCABULARY = read_folder(rules_folder())
FAILED_AT = "2026-03-04T08:58:00Z"
CDJ = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\CDJ\AAD"
SENSE = r"HKLM\SOFTWARE\Microsoft\SenseCM"
TENANT = "11111111-2222-3333-4444-555555555555"


# ------------------------------------------------------------------------------------------- pieces of a capture


def state(aad: str = "NO", domain: str = "YES", **more: str) -> str:
    """Device State: joined or not, in the domain or not."""
    rows = {"AzureAdJoined": aad, "DomainJoined": domain, **more}
    return "| Device State |\n" + "".join(f" {label} : {text}\n" for label, text in rows.items())


def block(phase: str, code: str, kind: str | None = None, at: str = "08:58", **more: str) -> str:
    """Diagnostic Data with a failed registration."""
    rows = {"User Context": "SYSTEM", "Client Time": "2026-03-04 09:10:00.000 UTC"}
    rows |= {label.replace("_", " "): text for label, text in more.items() if label.endswith("_Test")}
    rows |= {"Previous Registration": f"2026-03-04 {at}:00.000 UTC"}
    if kind:
        rows["Registration Type"] = kind
    rows |= {"Error Phase": phase, "Client ErrorCode": code}
    rows |= {label.replace("_", " "): text for label, text in more.items() if not label.endswith("_Test")}
    return "| Diagnostic Data |\n" + "".join(f" {label} : {text}\n" for label, text in rows.items())


def token(answer: str | None = None, http: str | None = None, user: str = "ada@contoso.com") -> str:
    """SSO State without a token, with the attempt that failed and whose session it was."""
    rows = {"AzureAdPrt": "NO"}
    if answer or http:
        rows |= {"AcquirePrtDiagnostics": "PRESENT", "Previous Prt Attempt": "2026-03-04 08:58:00.000 UTC"}
        rows |= {"Attempt Status": "0xc000006d", "User Identity": user}
    if answer:
        rows |= {"HTTP Error": "0x0", "HTTP status": "400", "Server Error Code": "invalid_grant"}
        rows |= {"Server Error Description": f"{answer}: x"}
    elif http:
        rows |= {"HTTP Error": http, "HTTP status": "0"}
    text = "| SSO State |\n" + "".join(f" {label} : {text}\n" for label, text in rows.items())
    return text + f"| Diagnostic Data |\n Executing Account Name : CONTOSO\\{user.partition('@')[0]}, {user}\n"


def device_details(text: str) -> str:
    return f"| Device Details |\n DeviceAuthStatus : {text}\n"


GONE = device_details("FAILED. Device is either disabled or deleted")
NO_ANSWER = device_details("FAILED. Error: 0xd000023c")
NOT_FOUND = {
    "Server_ErrorCode": "DirectoryError",
    "Server_Message": "The device object by the given id (x) is not found.",
}
NO_CERTIFICATE = {
    "Server_ErrorCode": "DirectoryError",
    "Server_Message": "The public key user certificate is not found",
}


def record(provider: str, number: int, at: str = FAILED_AT, **data: str) -> dict[str, Any]:
    return {"provider": provider, "id": number, "at": at, "data": data}


def join_event(number: int, at: str = FAILED_AT, **data: str) -> dict[str, Any]:
    return record("user-device-registration", number, at, **data)


def app(answer: str) -> dict[str, Any]:
    """An app asked the broker for a token and got this answer."""
    said = f"Code: invalid_grant Description: {answer}: x."
    return record("aad", 1098, Error="0xCAA20003", ErrorMessage="x", AdditionalInformation=said)


def app_code(code: str) -> dict[str, Any]:
    return record("aad", 1098, Error=code, ErrorMessage="x")


def enrolment(code: str) -> dict[str, Any]:
    return record("mdm", 76, HexInt1="0x1", HRESULT=code)


def hello(code: str) -> dict[str, Any]:
    return record("hello-for-business", 7055, Error=code, ProcessingTime="3")


def sign_in_check(**found: str) -> dict[str, Any]:
    """Event 360: what Windows checked at a sign-in before it would set up Windows Hello, which policy wants."""
    return join_event(360, NgcPolicyEnabled="Yes", UserIsRemote="Yes", **found)


def defender(status: int) -> dict[str, Any]:
    return {"key": SENSE, "values": {"EnrollmentStatus": status}}


def sync_failure(
    message: str = "The device object by the given id (x) is not found.", at: str = FAILED_AT
) -> dict[str, Any]:
    answer = '{"ErrorType":"DirectoryError","Message":"' + message + '"}'
    debug = "joinMode: Join\r\nregistrationType: fallback_sync\r\ntenantType: federated\r\nerrorPhase: join"
    return join_event(
        304, at, ExitCode="0x801c03f2", ServerErrorMessage=answer, TenantType="Federated", DebugOutput=debug
    )


EARLIER = join_event(306, "2026-02-01T08:00:00Z")


class Device(NamedTuple):
    """A device with several faults: its evidence, the first root and what stands under it, and the other error roots."""

    name: str
    given: dict[str, Any]
    first: str
    under: set[str]
    others: tuple[str, ...] = ()


DEVICES = [
    Device(
        "no service connection point: not joined, no enrolment, no Hello, Defender waits",
        {
            "dsreg": state() + block("discover", "0x801c001d"),
            "events": [EARLIER, enrolment("0xcaa10001"), hello("0x801c001b")],
            "registry": [defender(10)],
        },
        "scp-read-failed",
        {"not-joined", "mdm-nobody-signed-in", "hello-certificate-of-device-missing", "defender-hybrid-join-failed"},
    ),
    Device(
        "no service connection point: the whole chain, from the join to Windows Hello",
        {
            "dsreg": state() + block("discover", "0x801c001d"),
            "events": [EARLIER, sign_in_check(DeviceIsJoined="No", AADPrt="No")],
            "facts": {"mdm.auto-enrolment": "device", "mdm.enrolled": "no"},
        },
        "scp-read-failed",
        {"not-joined", "mdm-waits-for-sign-in", "hello-waits-for-sign-in"},
    ),
    Device(
        "a deleted device: no token, no enrolment, no Windows Hello",
        {
            "dsreg": state("YES") + GONE + token("AADSTS50155"),
            "events": [sign_in_check(DeviceIsJoined="Yes", AADPrt="No")],
            "facts": {"mdm.auto-enrolment": "user", "mdm.enrolled": "no"},
        },
        "device-rejected",
        {"prt-missing", "token-refused", "mdm-waits-for-sign-in", "hello-waits-for-sign-in"},
    ),
    Device(
        "no service connection point, and Defender says so",
        {"dsreg": state() + block("discover", "0x801c001d"), "events": [EARLIER], "registry": [defender(16)]},
        "scp-read-failed",
        {"not-joined", "defender-scp-wrong"},
    ),
    Device(
        "half a client-side SCP",
        {
            "dsreg": state() + block("discover", "0x801c001d"),
            "events": [EARLIER],
            "registry": [{"key": CDJ, "values": {"TenantId": TENANT}}, defender(16)],
            "facts": {"scp.client-side": "incomplete"},
        },
        "client-side-scp-missing",
        {"not-joined", "defender-scp-wrong"},
    ),
    Device(
        "the device was deleted: its status, the token, the apps",
        {"dsreg": state("YES") + GONE + token("AADSTS50155"), "events": [app("AADSTS50155")]},
        "device-rejected",
        {"prt-missing", "token-refused"},
    ),
    Device(
        "the device was deleted, told in three numbers",
        {
            "dsreg": state("YES") + GONE + token("AADSTS700003"),
            "events": [app("AADSTS135011"), enrolment("0xcaa10001")],
        },
        "device-rejected",
        {"prt-missing", "token-refused", "mdm-nobody-signed-in"},
    ),
    Device(
        "the device was deleted and could not renew",
        {
            "dsreg": [
                state("YES")
                + block(
                    "join", "0x801c03f2", Server_ErrorCode="invalid_request", Server_ErrorSubCode="error_missing_device"
                ),
                state("YES") + GONE + token("AADSTS50155"),
            ],
            "events": [hello("0x801c044d")],
        },
        "device-record-deleted",
        {"device-rejected", "prt-missing", "token-refused", "hello-token-lacks-device"},
    ),
    Device(
        "the key is lost: token, broker, proof of the device",
        {
            "dsreg": [
                state("YES", KeySignTest="FAILED : 0x80090016", TpmProtected="YES"),
                state("YES") + token("AADSTS50155"),
            ],
            "events": [app_code("0x80090016"), hello("0x801c001b")],
        },
        "device-key-unusable",
        {
            *("device-rejected", "prt-missing", "token-refused", "broker-tpm-malfunction"),
            "hello-certificate-of-device-missing",
        },
    ),
    Device(
        "the certificate was deleted, so the key test and the check fail",
        {
            "dsreg": [state("YES", KeySignTest="FAILED : 0x80090016"), state("YES") + NO_ANSWER + token()],
            "facts": {"certificate.device": "missing"},
        },
        "device-certificate-missing",
        {"device-key-unusable", "device-check-without-answer", "prt-missing"},
    ),
    Device(
        "remains of a registration, while the device is fine",
        {
            "dsreg": state("YES") + device_details("SUCCESS") + token("AADSTS700003"),
            "facts": {"leftover.wam-storage": "present"},
        },
        "leftover-token-storage",
        {"prt-missing", "token-refused"},
    ),
    Device(
        "a profile moved with USMT",
        {
            "dsreg": state("YES") + token("AADSTS700003"),
            "events": [app_code("0x80090016")],
            "facts": {"migration.usmt": "yes"},
        },
        "profile-moved-with-usmt",
        {"device-rejected", "broker-tpm-malfunction", "prt-missing", "token-refused"},
    ),
    Device(
        "token folders that roam",
        {
            "dsreg": state("YES", **{"Virtual Desktop": "YES"}) + token(),
            "events": [app_code("0x80090016")],
            "registry": [{"key": r"HKLM\SOFTWARE\FSLogix\Profiles", "values": {"RoamIdentity": 1}}],
        },
        "token-folders-roam",
        {"broker-tpm-malfunction", "prt-missing"},
    ),
    Device(
        "no WS-Trust endpoint, so it fell back and is not synchronised",
        {
            "dsreg": state(),
            "events": [
                join_event(305, "2026-03-04T08:57:58Z", ExitCode="0xcaa90023"),
                sync_failure(),
            ],
        },
        "ws-trust-endpoint-missing",
        {"not-joined", "device-not-synced"},
    ),
    Device(
        "the federation's token was refused, and the way out is switched off",
        {
            "dsreg": state() + block("auth", "0xcaa20003", "fed", **{"Fallback to Sync-Join": "DISABLED"}),
        },
        "saml-token-refused",
        {"not-joined", "fallback-sync-join-disabled"},
    ),
    Device(
        "a claim is missing, the fallback waits for the certificate",
        {
            "dsreg": state(),
            "events": [
                join_event(305, "2026-03-04T08:57:58Z", ExitCode="0xcaa20003"),
                sync_failure("The public key user certificate is not found"),
            ],
            "facts": {"federation.claim-missing": "onpremobjectguid"},
        },
        "federation-claims-missing",
        {"not-joined", "user-certificate-not-found"},
    ),
    Device(
        "the clock is off, so nobody's certificate counts",
        {
            "dsreg": state() + block("auth", "0xcaa82f8f", "fed"),
            "registry": [defender(40)],
            "facts": {"clock.skew": "42m"},
        },
        "clock-wrong",
        {"not-joined", "defender-clock-wrong"},
    ),
    Device(
        "only the user has a proxy; the older failure was the same",
        {
            "dsreg": [
                state() + block("auth", "0xcaa82ee2", "fed", at="06:00"),
                state() + block("discover", "0x801c0021", DRS_Discovery_Test="FAIL [0x801c0021/0x80072ee2]"),
            ],
            "facts": {"proxy.user": "named", "proxy.system": "direct", "proxy.winhttp": "direct"},
        },
        "proxy-not-for-system",
        {"not-joined", "federated-sign-in-network"},
    ),
    Device(
        "the proxy of the machine leads nowhere",
        {
            "dsreg": state() + block("discover", "0x801c0021", DRS_Discovery_Test="FAIL [0x801c0021/0x80072efd]"),
            "events": [EARLIER],
            "facts": {
                "proxy.winhttp": "named",
                "proxy.winhttp.server": "proxy.contoso.com:8080",
                "endpoint.enterpriseregistration.system": "unreachable",
            },
        },
        "winhttp-proxy-not-reached",
        {"not-joined"},
    ),
    Device(
        "the registration service is blocked for SYSTEM, and the older sign-in of the computer was too",
        {
            "dsreg": [
                state() + block("auth", "0xcaa82ee2", "fed", at="06:00"),
                state() + block("discover", "0x801c001f"),
            ],
            "events": [EARLIER],
            "registry": [defender(14)],
            "facts": {"endpoint.enterpriseregistration.system": "unreachable"},
        },
        "registration-endpoint-blocked",
        {"not-joined", "federated-sign-in-network", "defender-enrolment-blocked"},
    ),
    Device(
        "DNS does not know the internet",
        {
            "dsreg": state() + block("discover", "0x801c0021", DRS_Discovery_Test="FAIL [0x801c0021/0x80072ee7]"),
            "events": [EARLIER],
            "registry": [defender(38)],
        },
        "registration-host-not-resolved",
        {"not-joined", "defender-dns-failed"},
    ),
    Device(
        "device.login.microsoftonline.com is blocked, and an app wants the device",
        {
            "dsreg": state("YES") + NO_ANSWER,
            "events": [app("AADSTS50097")],
            "facts": {"endpoint.device-login.system": "unreachable"},
        },
        "device-login-endpoint-blocked",
        {"sign-in-wants-device"},
    ),
    Device(
        "no domain controller now, no service connection point last week: two faults, the newer first",
        {
            "dsreg": state() + block("pre-check", "0x8007054b"),
            "events": [EARLIER, join_event(307, "2026-02-25T08:00:00Z", ExitCode="0x801c001d")],
        },
        "domain-controller-unreachable",
        {"not-joined"},
        ("scp-read-failed",),
    ),
    Device(
        "the secure channel is broken",
        {
            "dsreg": state() + block("pre-check", "0x8007054b"),
            "events": [EARLIER],
            "facts": {"secure-channel": "broken", "dc.located": "yes"},
        },
        "secure-channel-broken",
        {"domain-controller-unreachable", "not-joined"},
    ),
    Device(
        "the task is switched off, and its definition is gone",
        {
            "dsreg": state(),
            "events": [
                EARLIER,
                join_event(
                    369, Message="Failed to compute automatic join task (x) initial state with status 0x80070003"
                ),
            ],
            "facts": {"task.automatic-device-join": "missing"},
        },
        "join-task-disabled",
        {"join-task-missing", "not-joined"},
    ),
    Device(
        "a domain controller that shall join",
        {
            "dsreg": state(),
            "events": [EARLIER],
            "registry": [defender(10)],
            "facts": {"os.kind": "domain-controller"},
        },
        "windows-role-not-supported",
        {"not-joined", "defender-hybrid-join-failed"},
    ),
    Device(
        "a TPM in FIPS mode",
        {"dsreg": state() + block("join", "0x80280036", "sync"), "events": [hello("0x801c001b")]},
        "tpm-in-fips-mode",
        {"not-joined", "hello-certificate-of-device-missing"},
    ),
    Device(
        "the computer object has no certificate",
        {
            "dsreg": state() + block("join", "0x801c03f2", "sync", **NOT_FOUND),
            "registry": [defender(36)],
            "facts": {"certificate.userCertificate": "missing"},
        },
        "computer-object-without-certificate",
        {"not-joined", "device-not-synced", "defender-sync-not-right"},
    ),
    Device(
        "the organisational unit is not synchronised",
        {
            "dsreg": state() + block("join", "0x801c03f2", "sync", **NOT_FOUND),
            "registry": [defender(36)],
            "facts": {"cloud.device": "missing", "certificate.userCertificate": "present"},
        },
        "computer-outside-sync-scope",
        {"not-joined", "defender-sync-not-right"},
    ),
    Device(
        "the device asks one tenant, the forest another",
        {
            "dsreg": state() + block("join", "0x801c03f2", "sync", **NOT_FOUND),
            "registry": [defender(15)],
            "facts": {"scp.agreement": "sides-differ"},
        },
        "forest-of-several-tenants",
        {"not-joined", "device-not-synced", "defender-tenant-mismatch"},
    ),
    Device(
        "the password was changed away from the network",
        {"dsreg": state("YES") + token("AADSTS50126"), "facts": {"dc.located": "no"}},
        "password-changed-away-from-network",
        {"prt-missing", "token-refused"},
    ),
    Device(
        "the sign-in name was changed on an old Windows",
        {
            "dsreg": state("YES") + token("AADSTS50034"),
            "facts": {"user.upn-changed": "yes", "os.build": "18363"},
        },
        "upn-changed-on-old-windows",
        {"user-not-in-tenant", "prt-missing", "token-refused"},
    ),
    Device(
        "no network at sign-in",
        {"dsreg": state("YES") + token(http="0x80072ee7"), "events": [app_code("0x800704cf")]},
        "token-service-unreachable",
        {"prt-missing", "broker-network-unreachable"},
    ),
    Device(
        "a deleted device that is registered by a user too: the warning stands apart",
        {"dsreg": state("YES") + "| User State |\n WorkplaceJoined : YES\n" + GONE + token("AADSTS50155")},
        "device-rejected",
        {"prt-missing", "token-refused"},
    ),
    Device(
        "enrolment wants a second factor, and so does the app behind it",
        {"dsreg": state("YES"), "events": [enrolment("0x8018002a"), app_code("0xcaa2000c")]},
        "mdm-needs-second-factor",
        {"interaction-required"},
    ),
    Device(
        "MDM is not set up, for co-management neither",
        {
            "dsreg": state("YES"),
            "events": [enrolment("0x8018002b")],
            "log": (
                "<![LOG[MDM enrollment failed with error code 0x8000ffff 'x'. Will retry in 240 minutes.]LOG]!>"
                '<time="08:58:00.000+000" date="03-04-2026" component="CoManagementHandler" context="" type="3" thread="8" '
                'file="x.cpp:1">'
            ),
        },
        "mdm-not-configured",
        {"comanagement-mdm-not-set-up"},
    ),
    Device(
        "the record is disabled in Microsoft Entra",
        {
            "dsreg": state("YES") + GONE + token("AADSTS50155"),
            "events": [app("AADSTS50155"), hello("0x801c044d")],
            "facts": {"cloud.device": "disabled"},
        },
        "cloud-object-disabled",
        {"prt-missing", "token-refused", "hello-token-lacks-device"},
    ),
    Device(
        "the record was deleted and made anew by the sync",
        {
            "dsreg": state("YES") + GONE + token("AADSTS700003"),
            "events": [enrolment("0xcaa10001")],
            "facts": {"cloud.device": "pending"},
        },
        "cloud-object-recreated",
        {"device-rejected", "prt-missing", "token-refused", "mdm-nobody-signed-in"},
    ),
    Device(
        "Entra Connect filters the computer out",
        {
            "dsreg": state() + block("join", "0x801c03f2", "sync", **NOT_FOUND),
            "registry": [defender(36)],
            "facts": {"sync.state": "filtered"},
        },
        "computer-object-filtered",
        {"not-joined", "device-not-synced", "defender-sync-not-right"},
    ),
    Device(
        "a workgroup computer that tried: nothing of the domain is blamed",
        {"dsreg": state(domain="NO") + block("pre-check", "0x8007054b")},
        "not-domain-joined",
        set(),
    ),
]


def roots(report: Report) -> list[str]:
    """The root findings that fail the device, first one first."""
    return [one.rule for one in report.findings if worst(one) == "error"]


def below(finding: Finding) -> set[str]:
    return {one.rule for symptom in finding.symptoms for one in (symptom, *symptom.symptoms)}


@pytest.mark.parametrize("device", DEVICES, ids=lambda device: device.name)
def test_the_first_line_is_the_one_to_fix_first(device: Device) -> None:
    report = judge(load(), case_of(device.given, VOCABULARY))
    first = report.findings[0]
    assert first.rule == device.first
    assert below(first) == device.under
    errors = [rule for rule in roots(report) if rule != device.first]
    assert errors == list(device.others)
    assert report.unexplained_codes == ()


def test_each_user_has_a_cause_of_their_own() -> None:
    given = {
        "dsreg": [state("YES") + token("AADSTS50126"), state("YES") + token("AADSTS50057", user="bob@contoso.com")]
    }
    report = judge(load(), case_of(given, VOCABULARY))
    found = {one.user: (one.rule, below(one)) for one in report.findings}
    assert found == {
        "ada@contoso.com": ("wrong-password", {"prt-missing", "token-refused"}),
        "bob@contoso.com": ("user-account-disabled", {"prt-missing", "token-refused"}),
    }


def test_a_symptom_is_a_root_where_nothing_explains_it() -> None:
    report = judge(load(), case_of({"dsreg": state(), "events": [EARLIER, enrolment("0xcaa10001")]}, VOCABULARY))
    assert [one.rule for one in report.findings] == ["not-joined"]
    assert below(report.findings[0]) == {"mdm-nobody-signed-in"}


def edges(key: str) -> dict[str, set[str]]:
    return {str(file.doc["id"]): set(map(str, file.doc.get(key, ()))) for file in FILES}


def reached(start: str, graph: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    todo = [start]
    while todo:
        for name in graph[todo.pop()] - found:
            found.add(name)
            todo.append(name)
    return found


BLOCKS_THE_JOIN = [
    *(str(file.doc["id"]) for file in FILES if file.doc["phase"] in ("precheck", "discover", "auth", "join", "sync")),
    *("tpm-in-fips-mode", "tpm-internal-error", "tpm-locked", "device-key-unusable"),
]
# Errors of these phases that do not keep a domain computer from joining: it is in no
# domain, set up by Autopilot, or runs Windows 7, whose state dsregcmd does not print.
NOT_OF_THE_JOIN = {"not-joined", "not-domain-joined", "odj-connector-without-rights"} | {
    name for name in BLOCKS_THE_JOIN if name.startswith(("autopilot-", "downlevel-"))
}


@pytest.mark.parametrize("rule", sorted(set(BLOCKS_THE_JOIN) - NOT_OF_THE_JOIN))
def test_an_error_of_the_join_explains_that_the_device_is_not_joined(rule: str) -> None:
    (doc,) = [file.doc for file in FILES if file.doc["id"] == rule]
    if doc["severity"] == "error":
        assert "not-joined" in reached(rule, edges("explains"))


def test_an_error_of_a_token_explains_that_there_is_none() -> None:
    graph = edges("explains")
    for file in FILES:
        doc = file.doc
        if doc["phase"] == "prt" and doc["severity"] == "error" and "prt-issued" in doc.get("resolved_by", ()):
            assert "prt-missing" in reached(str(doc["id"]), graph), doc["id"]


def test_no_rule_explains_itself_or_what_it_supersedes() -> None:
    explains, supersedes = edges("explains"), edges("supersedes")
    for rule, names in explains.items():
        assert rule not in reached(rule, explains)
        assert not names & supersedes[rule]
