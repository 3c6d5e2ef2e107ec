"""What connectivity scripts found: can an account reach the endpoints of registration.

Test-DeviceRegConnectivity and DSRegTool print ``Connection to HOST .... Succeeded.`` They try WinHTTP's proxy first and
fall back to WinINet's, so that a late success hides that WinHTTP gets nowhere; a line of level WARN says so. Others try
a bare TCP connection: Test-MsIdAzureAdDeviceRegConnectivity (as SYSTEM, whose name it prints), the Intune One Data
Collector, Test-NetConnection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from troubleshoot import times
from troubleshoot.model import Account, Fact, Problem, Sheet, Source

_LINE = re.compile(r"\bConnection to ([\w.-]{4,120}) \.{2,40} {1,4}(Succeeded|failed)\.")
_TABLE = re.compile(
    r"^\s*([\w-]{2,60}(?:\.[\w-]{2,60}){1,6})\s{1,60}443\s{1,40}(?:[0-9a-fA-F.:]{3,45}\s{1,40})?(True|False)\s*$"
)
_ODC = re.compile(r"connect to port 443 on host ([\w.-]{4,120})\s{0,4}:\s{1,6}(True|False)\b")
_NAME = re.compile(r"^\s*ComputerName\s{0,30}: ([\w.-]{4,120})\s*$")
_PORT = re.compile(r"^\s*RemotePort\s{0,30}: 443\s*$")
_TESTED = re.compile(r"^\s*TcpTestSucceeded\s{0,30}: (True|False)\s*$")
_IDENTITY = re.compile(r"^\s*[^\s\\]{2,20}(?: [^\s\\]{2,20})?\\(?:SYSTEM|Système|SISTEMA|СИСТЕМА)\s*$", re.IGNORECASE)
_FALLBACK = "Connection failed via winHTTP"
_SYSTEM_WORDS = ("under system account", "under system context")
_USER_WORDS = ("ser is not able to communicate", "ser is able to communicate")
_SYSTEM = Account("SYSTEM", "system", "S-1-5-18")
_STAMP = re.compile(r"^\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3})\] \[\w{4,5}\]")
_RUN = "======"

ENDPOINTS = {
    "login.microsoftonline.com": "login",
    "login.microsoftonline.us": "login",
    "login.partner.microsoftonline.cn": "login",
    "device.login.microsoftonline.com": "device-login",
    "device.login.microsoftonline.us": "device-login",
    "device.login.partner.microsoftonline.cn": "device-login",
    "enterpriseregistration.windows.net": "enterpriseregistration",
    "enterpriseregistration.microsoftonline.us": "enterpriseregistration",
    "enterpriseregistration.partner.microsoftonline.cn": "enterpriseregistration",
    "autologon.microsoftazuread-sso.com": "autologon",
    "autologon.microsoft.us": "autologon",
}
"""Hosts of the registration by the name that facts give them (Microsoft Learn, "Configure hybrid join": network)."""


class _Probe(NamedTuple):
    endpoint: str
    reached: bool
    number: int
    after_fallback: bool


def looks_like(sheet: Sheet) -> bool:
    """Is there a probe of a host?"""
    text = sheet.text
    return "Connection to " in text or "TcpTestSucceeded" in text or "to port 443 on host" in text


def read(sheet: Sheet) -> Iterator[Fact | Problem]:
    """``endpoint.*.system`` and ``endpoint.*.user``; nothing where the text does not tell whose probe it was."""
    yield from _script(sheet)
    if "TcpTestSucceeded" in sheet.text:
        yield from _tcp(sheet)
    if "to port 443 on host" in sheet.text:
        for number, line in enumerate(sheet.lines):
            if number not in sheet.taken and (found := _ODC.search(line[:400])):
                sheet.taken.add(number)
                yield from _bare(sheet, number, found[1], found[2], "user")


# ---------------------------------------------------------------------- Test-DeviceRegConnectivity and DSRegTool


def _script(sheet: Sheet) -> Iterator[Fact]:
    """Runs of the script, each ended by its verdict; the account is told by the verdict or by the file's name."""
    probes: list[_Probe] = []
    fallback: int | None = None
    for number, line in enumerate(sheet.lines):
        if number in sheet.taken:
            continue
        short = line[:600]
        found = _LINE.search(short)
        if found:
            if not _STAMP.match(short):  # stamped lines are lines of a log besides
                sheet.taken.add(number)
            if endpoint := ENDPOINTS.get(found[1].casefold()):
                probes.append(_Probe(endpoint, found[2] == "Succeeded", number, fallback is not None))
        elif _FALLBACK in short:
            fallback = number
        elif probes and (owner := _owner_of_verdict(short)):
            yield from _run(sheet, probes, fallback, owner)
            probes, fallback = [], None
        elif probes and short.startswith(_RUN):
            probes, fallback = [], None
    if probes and (owner := _owner_of_name(sheet.name)):
        yield from _run(sheet, probes, fallback, owner)


def _owner_of_verdict(line: str) -> str | None:
    if any(words in line for words in _SYSTEM_WORDS):
        return "system"
    return "user" if any(words in line for words in _USER_WORDS) else None


def _owner_of_name(name: str) -> str | None:
    """DSRegTool names the account in the file; the scripts of their own always test as SYSTEM."""
    base = name.replace("\\", "/").rpartition("/")[2].casefold()
    if "regconnectivity" not in base and "internetconnectivity" not in base:
        return None
    return "user" if "-user" in base else "system"


def _run(sheet: Sheet, probes: list[_Probe], fallback: int | None, owner: str) -> Iterator[Fact]:
    """The facts of one run. What only WinINet reached is not told of: registration would go through WinHTTP."""
    by_winhttp = {one.endpoint for one in probes if one.reached and not one.after_fallback}
    for one in probes:
        if one.after_fallback and (one.reached or one.endpoint in by_winhttp):
            continue
        if one.endpoint != "autologon" or owner == "user":
            word = "reachable" if one.reached else "unreachable"
            yield _fact(sheet, f"endpoint.{one.endpoint}.{owner}", word, one.number, owner)
    if fallback is not None and owner == "system":
        yield _fact(sheet, "endpoint.by-winhttp.system", "unreachable", fallback, owner)


def _fact(sheet: Sheet, name: str, value: str, number: int, owner: str) -> Fact:
    line = sheet.lines[number][:400].strip()
    stamp = _STAMP.match(line)
    moment = times.parse(stamp[1] + "Z") if stamp else None  # both scripts write UTC
    return Fact(name, value, Source(sheet.name, number + 1), moment, _SYSTEM if owner == "system" else None, line[:300])


# --------------------------------------------------------------------------------------------------- bare TCP


def _tcp(sheet: Sheet) -> Iterator[Fact]:
    """The table and the list of Test-NetConnection."""
    owner = "user"
    name: str | None = None
    port = False
    for number, line in enumerate(sheet.lines):
        if number in sheet.taken:
            continue
        short = line[:400]
        if _IDENTITY.match(short):
            owner = "system"
            sheet.taken.add(number)
        elif found := _TABLE.match(short):
            sheet.taken.add(number)
            yield from _bare(sheet, number, found[1], found[2], owner)
        elif found := _NAME.match(short):
            name, port = found[1], False
        elif _PORT.match(short):
            port = True
        elif name and port and (found := _TESTED.match(short)):
            sheet.taken.add(number)
            yield from _bare(sheet, number, name, found[1], owner)
            name = None


def _bare(sheet: Sheet, number: int, host: str, result: str, owner: str) -> Iterator[Fact]:
    """Behind a proxy a bare connection fails and everything works: that is said by a word of its own."""
    endpoint = ENDPOINTS.get(host.casefold())
    if endpoint and (endpoint != "autologon" or owner == "user"):
        word = "reachable" if result == "True" else "not-direct"
        yield _fact(sheet, f"endpoint.{endpoint}.{owner}", word, number, owner)
