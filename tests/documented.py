"""Captures and records made from the table of documented causes: each code in its phase, alone on a sound device.

Nothing here comes from the rules. How a code shows in a phase is taken from the documents: the labels and layout of
``dsregcmd /status`` (tools/make_samples.py writes them), events 304, 305, 307, 1081, 1084, 1025, 1098, 71, 76, 102 ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from tests.evidence import AAD, MDM, UDR, WPJ, event
from tools.make_samples import GONE, dsregcmd, failed, tests, token
from troubleshoot.case import Case
from troubleshoot.coverage import Cause
from troubleshoot.model import Event, Evidence, Fact, LogSpan, Problem, RegistryValue, Source
from troubleshoot.parsers import parse_text
from troubleshoot.times import parse

HELLO = "Microsoft-Windows-HelloForBusiness"
KERBEROS = "Microsoft-Windows-Security-Kerberos"
AT = "2026-03-04T08:58:00Z"
EARLY, LATE = parse("2026-01-01T00:00:00Z"), parse("2026-03-04T09:10:00Z")
CHANNELS = (
    f"{UDR}/Admin",
    f"{AAD}/Operational",
    f"{MDM}/Admin",
    f"{HELLO}/Operational",
    f"{WPJ}/Admin",
    "Microsoft-Windows-Kerberos/Operational",
)
SOUND_TOKEN = token(parse("2026-03-04T08:10:00Z"))


class Shown(NamedTuple):
    """A documented cause as one collection shows it; ``shape`` says in which kind of evidence."""

    row: str
    shape: str
    dsreg: str | None = None
    events: tuple[Event, ...] = ()
    log: tuple[str, str] | None = None
    registry: tuple[RegistryValue, ...] = ()
    facts: tuple[Fact, ...] = ()

    def case(self) -> Case:
        """The case of this collection; every channel that has a record was exported whole."""
        found: list[Evidence | Problem] = list(self.events)
        found += (*self.registry, *self.facts)
        if self.dsreg is not None:
            found += parse_text("dsregcmd.txt", self.dsreg.encode(), None)
        if self.log is not None:
            name, text = self.log
            found += parse_text(name, text.encode(), None)
        for channel in CHANNELS if self.events else ():
            found.append(LogSpan(channel, EARLY, LATE, 100, 0, Source("log.evtx", None, None, channel)))
        return Case.of(found)


def sound(**changes: Any) -> str:
    """A hybrid joined device with a fresh token, captured as its user."""
    state = {"WamDefaultSet": "YES", "WamDefaultAuthority": "organizations"}
    return dsregcmd(
        **{"joined": True, "user": "ada", "elevated": False, "prt": SOUND_TOKEN, "user_state": state, **changes}
    )


def signed(code: str) -> int:
    """The decimal that event records print."""
    number = int(code, 16)
    return number - (1 << 32) if number >> 31 else number


# --------------------------------------------------------------------------------------------------------- join

NETWORK = ("0x80072efd", "0x80072ee2", "0x80072f8f", "0x8007000d", "0x801c000c", "0x80072ee7", "0x80072efe")
DEBUG = (
    "joinMode: Join\r\nregistrationType: {kind}\r\ntenantType: {tenant}\r\nerrorPhase: {phase}\r\n"
    "adalLog:\nundefined\r\nadalResponseCode: {adal}\r\n"
)
BEFORE = "preCheckResult: Join\r\nisJoined: undefined\r\nisDcAvailable: YES\r\nisSystem: YES\r\nresultCode: 0x0\r\n"


def run(
    code: str, phase: str, message: str = "", kind: str = "sync", adal: str = "0x0", *more: Event
) -> tuple[Event, ...]:
    """Events 331 and 304 of a failed run, with others of the run between."""
    tenant = "Federated" if kind == "fed" else "Managed" if kind == "sync" else "undefined"
    debug = DEBUG.format(kind=kind, tenant=tenant, phase=phase, adal=adal)
    data = {"ServerErrorMessage": message, "TenantType": tenant, "JoinType": kind, "DebugOutput": debug}
    return (
        event(331, AT, record=1, DebugOutput=BEFORE, user="S-1-5-18"),
        *more,
        event(304, "2026-03-04T08:58:01Z", record=9, ExitCode=str(signed(code)), user="S-1-5-18", **data),
    )


def unjoined(phase: str, code: str, kind: str = "", results: Mapping[str, str] | None = None, **server: str) -> str:
    """dsregcmd of a computer in the domain whose last registration failed; all tests passed but ``results``."""
    return dsregcmd(diagnosis=[*tests(**(results or {})), *failed(phase, code, kind, **server)])


def discover(cause: Cause) -> Iterator[Shown]:
    """Discovery: dsregcmd with the test that failed, event 304, and 307 for the service connection point."""
    code = cause.code
    later = {"drs": "SKIPPED", "token": "SKIPPED"}
    if code == "0x801c001d":
        results = {"configuration": "FAIL [0x80070002]", "discovery": "SKIPPED", **later}
        record = event(307, AT, record=2, ExitCode=str(signed(code)), user="S-1-5-18")
        records = run(code, "discover", "", "undefined", "0x0", record)
        half = Fact("scp.client-side", "incomplete", Source("cdj.reg", 2))
        facts = (half,) if cause.id.endswith("client-side-scp-missing") else ()
        yield Shown(cause.id, "dsregcmd", unjoined("discover", code, results=results), facts=facts)
        yield Shown(cause.id, "events 307, 304", events=records, facts=facts)
        return
    if code in NETWORK:
        pair = f"FAIL [0x801c0021/{code}]"
        yield Shown(
            cause.id, "behind 0x801c0021", unjoined("discover", "0x801c0021", results={"discovery": pair, **later})
        )
    if code != "0x801c000c":
        results = {"discovery": f"FAIL [{code}]", **later} if code != "0x801c003d" else later
        yield Shown(cause.id, "dsregcmd", unjoined("discover", code, results=results))
        yield Shown(cause.id, "event 304", events=run(code, "discover", "", "undefined"))


def auth(cause: Cause) -> Iterator[Shown]:
    """Sign-in of the computer: the token test and event 305 where it is federated, the ticket test where it is not."""
    code = cause.code
    if code.startswith("KDC_ERR"):
        target = {"TargetName": "adrs/enterpriseregistration.windows.net@CORP.EXAMPLE", "ErrorMessage": code}
        record = event(3, AT, KERBEROS, record=4, **target)
        yield Shown(cause.id, "Kerberos event 3", events=(record,))
    elif cause.domain_type == "managed":
        rows = [*tests(token="SKIPPED"), ("Kerberos Ticket Test", f"FAIL [{code}]"), *failed("auth", code)]
        yield Shown(cause.id, "dsregcmd", dsregcmd(diagnosis=rows))
        yield Shown(cause.id, "event 304", events=run(code, "auth", "", "undefined"))
    else:
        yield Shown(cause.id, "dsregcmd", unjoined("auth", code, "fed", {"token": f"FAIL [{code}]"}))
        data = {
            "ExitCode": str(signed(code)),
            "ServerErrorMessage": "",
            "TenantType": "Federated",
            "TenantName": "contoso.com",
        }
        yield Shown(cause.id, "event 305", events=(event(305, AT, record=5, **data),))
        yield Shown(cause.id, "event 304", events=run(code, "auth", "", "fed"))


def told(error: str, message: str, code: str = "0x801c03f2", sub: str = "") -> tuple[str, str, dict[str, str]]:
    """The code, JSON answer and dsregcmd lines of what the registration service said."""
    answer = f'{{"ErrorType":"{error}","ErrorSubCode":"{sub}","Message":"{message}","TraceId":"trace"}}'
    lines = {"error": error, **({"sub": sub} if sub else {}), "message": message, "status": "400"}
    return code, answer, lines


MESSAGES: Mapping[str, tuple[str, str, dict[str, str]]] = {
    "0x801c03f2/generic": told("DirectoryError", "The device object is not found.", sub="error_missing_device"),
    "0x801c03f2/user-certificate-not-found": told(
        "DirectoryError", "The public key user certificate is not found on the device object with id (x)."
    ),
    "0x801c0002/join": told("AuthenticationError", "The request could not be authenticated.", "0x801c0002"),
    "0x801c0006/join": told("DirectoryError", "An error occurred.", "0x801c0006"),
    "DirectoryError/throttled": told(
        "DirectoryError", "Your request is throttled temporarily. Please try after 300 seconds."
    ),
    "DirectoryError/tenant-not-found": told("DirectoryError", "AADSTS90002: Tenant 'x' not found."),
    "DirectoryError/device-not-synced": told("DirectoryError", GONE),
    "AuthenticationError/sid-verification": told(
        "AuthenticationError", "The verification of the target computer's SID failed.", "0x801c0002"
    ),
    "DeviceNotFound": told("AuthenticationError", "Device not found.", "0x801c0002", "DeviceNotFound"),
    "AADSTS90002": told("DirectoryError", "AADSTS90002: Tenant 'x' not found."),
}
WIN32 = {"ERROR_NO_SUCH_LOGON_SESSION": "1312", "ERROR_NO_SUCH_USER": "1317"}


def join(cause: Cause) -> Iterator[Shown]:
    """Registration: the block of dsregcmd, events 304 and 202, and 220 for the computer object."""
    if cause.id == "0x801c001d/event-220-ad-computer-object" or cause.id in WIN32:
        record = event(220, AT, record=2, ErrorCode=WIN32.get(cause.id, "1312"), Operation="x")
        yield Shown(cause.id, "events 220, 304", events=run("0x801c001d", "join", "", "sync", "0x0", record))
    elif cause.id in MESSAGES:
        code, answer, lines = MESSAGES[cause.id]
        kind = "fed" if cause.domain_type == "federated" else "sync"
        yield Shown(cause.id, "dsregcmd", unjoined("join", code, kind, **lines))
        yield Shown(cause.id, "event 304", events=run(code, "join", answer, kind))
    else:
        yield Shown(cause.id, "dsregcmd", unjoined("join", cause.code, "sync"))
        yield Shown(cause.id, "event 304", events=run(cause.code, "join"))
        record = event(202, AT, record=2, ExitCode=str(signed(cause.code)), JoinRequestType="6", Domain="corp.example")
        yield Shown(cause.id, "events 202, 304", events=run(cause.code, "join", "", "sync", "0x0", record))


# -------------------------------------------------------------------------------------------------------- tokens

WINHTTP = {
    "ERROR_WINHTTP_TIMEOUT": "0x80072ee2",
    "ERROR_WINHTTP_NAME_NOT_RESOLVED": "0x80072ee7",
    "ERROR_WINHTTP_CANNOT_CONNECT": "0x80072efd",
    "ERROR_WINHTTP_CONNECTION_ERROR": "0x80072efe",
}


def untold(**failure: str) -> str:
    """dsregcmd of a joined device whose user has no token, with the diagnosis of the try."""
    return dsregcmd(joined=True, user="ada", elevated=False, prt=token(**failure))


def broker(cause: Cause, error: str, word: str, text: str) -> Shown:
    """Event 1098 on a device whose own token is fresh."""
    said = {"Error": error, "ErrorMessage": "x", "AdditionalInformation": f"Code: {word} Description: {text}"}
    return Shown(cause.id, "event 1098", sound(), (event(1098, AT, AAD, record=3, **said),))


BROKER_ONLY = frozenset(
    {"AADSTS50156", "AADSTS221000", "AADSTS240001", "AADSTS50168", "AADSTS50180", "AADSTS51006", "AADSTS81010"}
)


def prt(cause: Cause) -> Iterator[Shown]:
    """The user's token: SSO State of dsregcmd, events 1081, 1084 and 1025; what apps ask for in 1098."""
    code, variant = cause.code, cause.id.partition("/")[2]
    if code.startswith("AADSTS") or code == "invalid_grant":
        yield from answer(cause)
    elif variant in ("wam-msal", "office-wam-tpm-malfunction") or code == "0x80090030":
        said = {"Error": f"0x{code[2:].upper()}", "ErrorMessage": "x", "AdditionalInformation": "x"}
        yield Shown(cause.id, "event 1098", sound(), (event(1098, AT, AAD, record=3, **said),))
    elif code == "interaction_required":
        yield broker(cause, "0xCAA2000C", code, "AADSTS50076: x")
    elif code in WINHTTP:
        status = "0xc000006d"
        yield Shown(cause.id, "dsregcmd", untold(status=status, error=WINHTTP[code], http="0"))
        yield Shown(cause.id, "event 1084", events=(event(1084, AT, AAD, record=3, Result=WINHTTP[code], Target="x"),))
    elif variant in ("no-connectivity", "connectivity"):
        yield Shown(cause.id, "dsregcmd", untold(status=code, error="0x80072ee7", http="0"))
    else:
        refused = {
            "error": "0x0",
            "http": "400",
            "code": "invalid_request" if code == "0xc00000d0" else "invalid_grant",
        }
        server = refused if variant in ("http-400", "http-error") or code == "0xc00000d0" else {}
        yield Shown(cause.id, "dsregcmd", untold(status=code, **server))
        if not server:
            ends = (event(1006, AT, AAD, record=3), event(1007, "2026-03-04T08:58:01Z", AAD, record=4, Status=code))
            yield Shown(cause.id, "events 1006, 1007", events=ends)


def answer(cause: Cause) -> Iterator[Shown]:
    """An answer of the token service: in dsregcmd, in event 1081, and to an app in 1098."""
    code = cause.code
    if code.startswith("AADSTS"):
        text, word = f"{code}: x", "invalid_grant"
        if code not in BROKER_ONLY:
            failure = {"status": "0xc000006d", "error": "0x0", "http": "400", "code": word, "text": text}
            yield Shown(cause.id, "dsregcmd", untold(**failure))
            record = event(1081, AT, AAD, record=3, Error=word, ErrorDescription=text)
            yield Shown(cause.id, "event 1081", events=(record,))
        if code in BROKER_ONLY:
            yield broker(cause, "0xCAA20003", word, text)
    elif code == "invalid_grant":
        yield Shown(cause.id, "dsregcmd", untold(status="0xc000006d", error="0x0", http="400", code=code))
    else:
        yield broker(cause, "0xCAA20001", code, "x")


# ------------------------------------------------------------------------------------------- enrolment and the rest

CMTRACE = (
    '<![LOG[{text}]LOG]!><time="08:58:00.000+000" date="03-04-2026" component="CoManagementHandler" '
    'context="" type="3" thread="8" file="x.cpp:1">\n'
)


def enrol(cause: Cause) -> Iterator[Shown]:
    """Enrolment in MDM: events 76 and 71 on a sound device; co-management's own log for its dashboard."""
    code, variant = cause.code, cause.id.partition("/")[2]
    if variant == "co-management-dashboard" or cause.phase == "configmgr":
        text = f"Enrollment failed with error code {code} 'x'. Will retry in 240 minutes."
        yield Shown(
            cause.id, "CoManagementHandler.log", sound(), log=("CoManagementHandler.log", CMTRACE.format(text=text))
        )
    elif code.startswith("AADSTS"):
        yield broker(cause, "0xCAA2000C", "interaction_required", f"{code}: x")
    elif code == "0xcaa2000c":
        yield broker(cause, "0xCAA2000C", "interaction_required", "x")
    elif code == "rejectedTermsOfUse":
        record = event(71, AT, MDM, record=3, HRESULT="0x8018000f", Message=code)
        yield Shown(cause.id, "event 71", sound(), (record,))
    else:
        capture = sound()
        if variant == "nonroutable-upn":
            capture = capture.replace("ada@contoso.com", "ada@contoso.local")
        for number in (76, 71):
            record = event(number, AT, MDM, record=3, HexInt1="0x1", HRESULT=code)
            yield Shown(cause.id, f"event {number}", capture, (record,))


def hello(cause: Cause) -> Iterator[Shown]:
    """Set-up of Windows Hello: the key's record of User Device Registration and that of HelloForBusiness."""
    code = cause.code
    if code == "KDC_ERR_CLIENT_NAME_MISMATCH":
        yield Shown(
            cause.id,
            "Kerberos event 3",
            sound(),
            (event(3, AT, KERBEROS, record=3, ErrorMessage=code, ServerName="x"),),
        )
    elif cause.id == "0xc000006d/kerberos-107-kdc-cert":
        yield Shown(cause.id, "Kerberos event 107", sound(), (event(107, AT, KERBEROS, record=3, ExpectedDomain="x"),))
    elif code == "MSIS9368":
        said = "MSIS9368: Received invalid OAuth request. The client may not use the scope 'ugs'."
        rows = [*SOUND_TOKEN[:4], ("EnterprisePrt", "NO"), ("Previous Prt Attempt", "2026-03-04 08:58:00.000 UTC")]
        rows += [
            ("Attempt Status", "0xc000006d"),
            ("Server Error Code", "invalid_grant"),
            ("Server Error Description", said),
        ]
        yield Shown(cause.id, "dsregcmd", sound(prt=rows))
        yield Shown(cause.id, "event 362", sound(), (event(362, AT, UDR, record=3, ADFSPrtPresent="No"),))
    else:
        yield Shown(
            cause.id, "event 7055", sound(), (event(7055, AT, HELLO, record=3, Error=code, ProcessingTime="3"),)
        )
        yield Shown(cause.id, "event 311", sound(), (event(311, AT, UDR, record=3, ExitCode=str(signed(code))),))


def autopilot(cause: Cause) -> Iterator[Shown]:
    """Autopilot: the registration (304) or the enrolment (76) stops with the code."""
    yield Shown(cause.id, "event 304", events=run(cause.code, "join"))
    yield Shown(cause.id, "event 76", events=(event(76, AT, MDM, record=3, HexInt1="0x1", HRESULT=cause.code),))


def workplace(cause: Cause) -> Iterator[Shown]:
    """Workplace Join: 102 with an exit code, 103 with a status, 200 with the words of the server."""
    if cause.code.startswith("HTTP "):
        record = event(103, AT, WPJ, record=3, HttpStatus=cause.code[5:])
    elif cause.code == "DeviceCapReached":
        record = event(200, AT, WPJ, record=3, ErrorMessage="DeviceCapReached")
    else:
        record = event(102, AT, WPJ, record=3, ExitCode=cause.code)
    yield Shown(cause.id, f"event {record.id}", events=(record,))


def defender(cause: Cause) -> Iterator[Shown]:
    """Defender's own enrolment keeps its state in the registry."""
    number = int(cause.id.rpartition("-")[2])
    key = "HKLM\\SOFTWARE\\Microsoft\\SenseCM"
    value = RegistryValue(key, "EnrollmentStatus", "REG_DWORD", number, Source("sense.reg", 2))
    yield Shown(cause.id, "registry", sound(), registry=(value,))


def machine(cause: Cause) -> Iterator[Shown]:
    """The log of the Azure VM extension."""
    ends = {
        "0x801c0042": "AAD Join failed with status code: -2145648574.",
        "exit code 51": "The extension stopped with exit code 51.",
        "hostname duplication error": "AAD Join failed: hostname duplication error.",
        "0x801c0021": "AAD Join failed with status code: -2145648607.",
    }
    name = "Microsoft.Azure.ActiveDirectory.AADLoginForWindows/AADLoginForWindowsExtension.log"
    yield Shown(cause.id, "extension log", log=(name, f"2026-03-04T08:58:00.1234567Z\t[Error]:\t{ends[cause.code]}\n"))


def connect(cause: Cause) -> Iterator[Shown]:
    """An export error of Entra Connect."""
    text = f"{cause.code}: The provisioned object is too large. Trim the number of attribute values on this object."
    yield Shown(cause.id, "export error", log=("export-errors.txt", text + "\n"))


BY_PHASE: Mapping[str, Callable[[Cause], Iterator[Shown]]] = {
    "discover": discover,
    "auth": auth,
    "join": join,
    "post-join/prt": prt,
    "sts": answer,
    "mdm-enroll": enrol,
    "configmgr": enrol,
    "user-registration": enrol,
    "whfb": hello,
    "autopilot": autopilot,
    "workplace-join": workplace,
    "mde-security-management": defender,
    "vm-extension": machine,
    "sync": connect,
}


def collections(cause: Cause) -> Iterator[Shown]:
    """Every collection that shows the cause alone; where a capture and a log show it, also the two together."""
    make = machine if cause.id == "0x801c0021/aadloginforwindows" else BY_PHASE[cause.phase]
    made = list(make(cause))
    yield from made
    captured = next((one for one in made if one.dsreg is not None and not one.events), None)
    logged = next((one for one in made if one.dsreg is None and one.events), None)
    if captured is not None and logged is not None:
        yield captured._replace(shape=f"{captured.shape} and {logged.shape}", events=logged.events)
