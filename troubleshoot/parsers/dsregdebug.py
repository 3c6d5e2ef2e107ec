"""What dsregcmd prints besides /status: ``/join /debug``, ``/status /debug``, ``/listaccounts``, ``/cleanupaccounts``.

DsrCmdAccountMgr::IsDomainControllerAvailable: DsGetDcName No domain controller is available ...: 0x8007054b.
preCheckResult: DoNotJoin
isDcAvailable: NO
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from troubleshoot import codes
from troubleshoot.model import Capture, Field, LogLine, Problem, Sheet, Source
from troubleshoot.parsers.dsreglines import absence

_NAMES = {
    "precheckresult": "PreCheckResult", "isprivatekeyfound": "IsPrivateKeyFound", "devicekeyshealthy": "DeviceKeysHealthy",
    "isjoined": "IsJoined", "isdcavailable": "IsDcAvailable", "issystem": "IsSystem", "keyprovider": "KeyProvider",
    "keycontainer": "KeyContainer", "dsrinstance": "DsrInstance", "elapsedseconds": "ElapsedSeconds", "resultcode": "ResultCode",
    "tenanttype": "TenantType", "autojoinenabled": "AutoJoinEnabled", "tenandid": "TenantId", "tenantid": "TenantId",
    "tenantname": "TenantName", "clientrequestid": "ClientRequestId", "joinmode": "JoinMode", "registrationtype": "RegistrationType",
    "errorphase": "ErrorPhase", "configlocation": "ConfigLocation", "adalresponsecode": "AdalResponseCode",
}  # fmt: skip
_BLOCK = re.compile(r"^\W*(\w{5,20}):\s?(.*)$")
_TRACE = re.compile(r"(?:[A-Za-z]\w{2,40}::[A-Za-z]\w{2,60}|AdalLog|DSREGCMD_\w+|PreJoinChecks)\b")
_SPLIT = re.compile(r"(?<=[0-9A-Za-z.])(?=(?:DsrCmd\w{2,40}|TenantInfo|AdalLog)::?)")
_DC = re.compile(r"DsGetDcName\b.{0,300}?(0x[0-9A-Fa-f]{7,8})")
_FAILED = re.compile(r"TenantInfo::Discover failed with error code\W{0,4}(0x[0-9A-Fa-f]{7,8})")
_REQUEST = re.compile(r"ClientRequestId:\s*([0-9A-Za-z-]{36})")
_ACCOUNT = re.compile(
    r"^\W*(?:Account|Removing account|Default account):\s*([^,]{4,200}),"
    r"\s*user:\s*([^,\s]{3,200}?)(?:,\s*authority:\s*(\S{4,300}?))?\.?\s*$"
)
_RESULT = re.compile(r"^\W*Remove account result:\s*(0x[0-9A-Fa-f]{1,8})")
_SIGNS = ("preCheckResult", "::", "DSREGCMD_", "ListAccounts", "CleanupAccounts", "Default account", "isDcAvailable")


def looks_like(sheet: Sheet) -> bool:
    """Is there a trace line or a line of one of these blocks?"""
    return any(sign in sheet.text for sign in _SIGNS)


def read(sheet: Sheet) -> Iterator[Capture | LogLine | Problem]:
    """One capture of kind ``join-debug`` and one of kind ``accounts``, as far as they stand there, and the trace lines."""
    join: list[Field] = []
    accounts: list[Field] = []
    for number, line in enumerate(sheet.lines):
        if number in sheet.taken or len(line) > 8000 or not (":" in line or "DSREGCMD" in line):
            continue
        found = list(_accounts(line, number + 1))
        if found:
            accounts += found
            sheet.taken.add(number)
            continue
        traces = [part for part in _SPLIT.split(line) if _TRACE.search(part)]
        if traces and " : " not in line:
            for part in traces:
                yield LogLine("dsregcmd", None, part.strip(), Source(sheet.name, number + 1))
            join += _told(line, number + 1)
            sheet.taken.add(number)
            continue
        block = _BLOCK.match(line)
        if block and block[1].casefold() in _NAMES and (join or block[1][:1].islower()):
            name = _NAMES[block[1].casefold()]
            text = block[2].strip()
            join.append(Field(None, block[1], name, text, absence(text), number + 1))
            sheet.taken.add(number)
    for kind, fields in (("join-debug", join), ("accounts", accounts)):
        if fields:
            yield _capture(kind, sheet.name, fields)


def _told(line: str, number: int) -> Iterator[Field]:
    """Codes and ids inside trace lines."""
    for label, name, pattern in (
        ("DsGetDcName", "DsGetDcName", _DC),
        ("TenantInfo::Discover failed", "DiscoverFailedCode", _FAILED),
        ("ClientRequestId", "ClientRequestId", _REQUEST),
    ):
        found = pattern.search(line)
        if found:
            text = codes.normalise(found[1]) or found[1] if name != "ClientRequestId" else found[1]
            yield Field(None, label, name, text, absence(text), number)


def _accounts(line: str, number: int) -> Iterator[Field]:
    found = _ACCOUNT.match(line)
    if found:
        label = line.strip().partition(":")[0].strip("*- >")
        yield Field(None, label, None, found[1], None, number)
        yield Field(None, "user", None, found[2], None, number)
        if found[3]:
            yield Field(None, "authority", None, found[3], None, number)
        return
    result = _RESULT.match(line)
    if result:
        yield Field(None, "Remove account result", None, result[1], None, number)


def _capture(kind: str, name: str, fields: list[Field]) -> Capture:
    named: dict[str, Field] = {}
    for field in fields:
        if field.name:
            named.setdefault(field.name, field)
    return Capture(kind, Source(name, fields[0].line), None, None, None, tuple(fields), {}, named)
