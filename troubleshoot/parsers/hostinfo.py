"""Which Windows it is and who ran the commands: systeminfo, ver, OSVersion, DSRegTool's DeviceInfo.txt, whoami.

``systeminfo`` comes in the language of the device: the row that repeats its build tells the version, the row above it
the product (never translated), the second row below it the role; the time zone is the row with ``(UTC+01:00)`` in it.
``whoami`` is read by its SIDs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from troubleshoot.masks import is_mask
from troubleshoot.model import Account, CollectorNote, Fact, Problem, Sheet, Source
from troubleshoot.tables import command_words

_SYSTEMINFO = re.compile(
    r"^[^\s:：][^:：]{1,50}[:：]\s{1,40}(\d{1,2}\.\d{1,2}\.(\d{4,5}))\b[^\r\n]{1,80}?\b(\d{4,5})\s*$"
)
_ZONE = re.compile(r"^[^\s:：][^:：]{1,50}[:：]\s{1,40}\(UTC([+-]\d\d:\d\d)\)\s\S")
_BANNER = re.compile(r"^Microsoft Windows \[[^\]\d]{0,20}\d{1,2}\.\d{1,2}\.(\d{4,5})(?:\.\d{1,6})?\]\s*$")
_OSVERSION = re.compile(r"^\s*VersionString\s{0,30}: Microsoft Windows NT \d{1,2}\.\d{1,2}\.(\d{4,5})\b")
_DEVICE_INFO = re.compile(r"^OS version\s{1,20}: \d{1,2}\.\d{1,2}\.(\d{4,5})\b")
_BUILD = re.compile(r"^\s*CurrentBuild(?:Number)?\s{0,30}: (\d{4,5})\s*$")
_INSTALLATION = re.compile(r"^\s*InstallationType\s{0,30}: (\S.{0,30})$")
_GUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_OBJECT = re.compile(rf"^Object GUID\s{{1,20}}: ({_GUID})\s*$")
_COUNT = re.compile(r"^UserCertificate count: (\d{1,5})\s*$")
_SUBJECT = re.compile(rf"^Subject\s{{1,10}}: CN=({_GUID})\s*$")
_SID = re.compile(r"\bS-1-(?:\d{1,15}-){0,14}\d{1,15}\b")
_USER_ROW = re.compile(
    r'^"?([^\s"\\][^"\\]{0,60}\\[^"\\]{1,100}?)"?(?:,"?|\s{1,40})(S-1-(?:5-18|5-21-[\d-]{5,60}|12-1-[\d-]{5,60}))"?\s*$'
)
_ADMINISTRATORS = "S-1-5-32-544"
_EVERYONE = "S-1-1-0"
_DEVICE_INFO_LINES = ("OS version ", "Device Name ", "Object GUID ", "Distinguished Name ", "UserCertificate count:")
_CERTIFICATE_LINES = ("Handle ", "Issuer ", "Subject ")


def looks_like(sheet: Sheet) -> bool:
    """Is there a version, a list of SIDs or DSRegTool's summary of the device?"""
    text = sheet.text
    return any(
        sign in text
        for sign in (
            "Microsoft Windows",
            "VersionString",
            "CurrentBuild",
            "UserCertificate count",
            _ADMINISTRATORS,
            _EVERYONE,
        )
    )


def read(sheet: Sheet) -> Iterator[Fact | CollectorNote | Problem]:
    """``os.*``, ``certificate.userCertificate*`` and ``account.*``, as far as they stand there; the zone as a note."""
    if "UserCertificate count" in sheet.text:
        yield from _device_info(sheet)
    if _EVERYONE in sheet.text:
        yield from _whoami(sheet)
    found: set[str] = set()
    for number, line in enumerate(sheet.lines):
        if number in sheet.taken or len(line) > 400:
            continue
        for one in _version(sheet, number, line):
            sheet.taken.add(number)
            name = one.name if isinstance(one, Fact) else one.kind
            if name not in found:
                found.add(name)
                yield one


def _fact(sheet: Sheet, name: str, value: str, number: int, account: Account | None = None) -> Fact:
    text = " ".join(sheet.lines[number].split())[:300]
    return Fact(name, value, Source(sheet.name, number + 1), None, account, text)


# ------------------------------------------------------------------------------------------------------- Windows


def _version(sheet: Sheet, number: int, line: str) -> Iterator[Fact | CollectorNote]:
    for pattern in (_BANNER, _OSVERSION, _BUILD):
        if found := pattern.match(line):
            yield _fact(sheet, "os.build", found[1], number)
            return
    if found := _INSTALLATION.match(line):
        word = found[1].strip().casefold()
        yield _fact(sheet, "os.server-core", "yes" if word == "server core" else "no", number)
        if word in ("client", "server", "server core"):
            yield _fact(sheet, "os.kind", "client" if word == "client" else "server", number)
        return
    found = _SYSTEMINFO.match(line)
    if not found or found[2] != found[3]:
        return
    yield _fact(sheet, "os.build", found[2], number)
    lines = sheet.lines
    first, last = number, number
    while first and number - first < 3 and ":" in lines[first - 1].replace("：", ":"):
        first -= 1
    while last + 1 < len(lines) and last - number < 400 and lines[last + 1].strip():
        last += 1
    sheet.taken.update(range(first, last + 1))
    for at in range(first, min(last, first + 60) + 1):
        if zone := _ZONE.match(lines[at][:400]):
            yield CollectorNote("time-zone", zone[1], Source(sheet.name, at + 1))
            break
    product = lines[number - 1] if number else ""
    if "Windows" in product:
        role = lines[number + 2] if number + 2 < len(lines) else ""
        value = re.split("[:：]", role, maxsplit=1)[-1].casefold()
        if any(word in value for word in command_words()["domain-controller"]):
            yield _fact(sheet, "os.kind", "domain-controller", number + 2)
        else:
            yield _fact(sheet, "os.kind", "server" if "Server" in product else "client", number - 1)


# -------------------------------------------------------------------------------------------------- DeviceInfo.txt


def _device_info(sheet: Sheet) -> Iterator[Fact]:
    """DSRegTool's summary: Windows, and the computer object in AD with its certificates.

    Without an object GUID the object was not read, and a count of 0 says nothing.
    """
    guid: str | None = None
    blanked = False
    subjects: list[tuple[int, str]] = []
    count_at: int | None = None
    for number, line in enumerate(sheet.lines):
        if number in sheet.taken or len(line) > 1000:
            continue
        if line.startswith(_DEVICE_INFO_LINES) or (count_at is not None and line.startswith(_CERTIFICATE_LINES)):
            sheet.taken.add(number)
        if found := _DEVICE_INFO.match(line):
            yield _fact(sheet, "os.build", found[1], number)
        elif found := _OBJECT.match(line):
            guid = found[1].casefold()
            blanked = is_mask(guid)
        elif _COUNT.match(line):
            count_at = number
        elif count_at is not None and (found := _SUBJECT.match(line)):
            subjects.append((number, found[1].casefold()))
            blanked = blanked or is_mask(found[1])
        elif count_at is not None and line.startswith("Subject"):
            blanked = blanked or is_mask(line.partition(":")[2].strip().removeprefix("CN="))
    if guid is None or count_at is None:
        return
    count = int(sheet.lines[count_at].rpartition(":")[2])
    yield _fact(sheet, "certificate.userCertificate", "present" if count else "missing", count_at)
    yield _fact(sheet, "certificate.userCertificate.count", str(count), count_at)
    own = next((number for number, subject in subjects if subject == guid), None)
    if count and (own is not None or not blanked):
        at = own if own is not None else subjects[0][0] if subjects else count_at
        yield _fact(sheet, "certificate.userCertificate.valid", "no" if own is None else "yes", at)


# ------------------------------------------------------------------------------------------------------------ whoami


def _whoami(sheet: Sheet) -> Iterator[Fact]:
    """Membership of the local Administrators, by SID: also where the group serves for denying only.

    The list is whole where it names Everyone and the integrity level, which Windows prints last.
    """
    administrators = everyone = level = None
    account = None
    listed = []
    for number, line in enumerate(sheet.lines):
        if number in sheet.taken or "S-1-" not in line or len(line) > 600:
            continue
        listed.append(number)
        if account is None and (row := _USER_ROW.match(line)):
            account = _account(row[1], row[2])
        sids = _SID.findall(line)
        administrators = number if _ADMINISTRATORS in sids else administrators
        everyone = number if _EVERYONE in sids else everyone
        level = number if any(sid.startswith("S-1-16-") for sid in sids) else level
    if everyone is None or (account is not None and account.kind == "system"):
        return
    sheet.taken.update(listed)
    if administrators is not None:
        yield _fact(sheet, "account.administrator", "yes", administrators, account)
    elif level is not None:
        yield _fact(sheet, "account.administrator", "no", level, account)


def _account(name: str, sid: str) -> Account:
    kind = "system" if sid == "S-1-5-18" else "entra" if sid.startswith("S-1-12-1-") else "unknown"
    return Account(name, kind, sid)
