"""The device's certificate in listings of ``certutil -store My`` and ``Get-ChildItem Cert:``.

It is the one issued by MS-Organization-Access; MS-Organization-P2P-Access issues another. Labels of certutil come in
the language of the device, so dates are told by their order, the key by the name of its provider and by codes. Both
print local time without a zone: the end of validity is given as of the westernmost zone (-12:00), the latest instant
it can mean. That the certificate is absent is only said of a listing of the computer's personal store.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from troubleshoot.model import Fact, Problem, Sheet, Source
from troubleshoot.tables import command_words

_RULER = re.compile(r"^={6,40} [^=\r\n]{1,60} \d{1,4} ={6,40}\s*$")
_ISSUER = re.compile(r"\bCN=MS-Organization-Access(?![\w-])", re.IGNORECASE)
_SUBJECT = re.compile(r"\bCN=([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\b", re.IGNORECASE)
_DATE = re.compile(
    r"(?<![\d.])(\d{1,4})([./年-])\s?(\d{1,2})[./月-]\s?(\d{1,4})日?\.?,?\s{1,3}"
    r"(?:(AM|PM|午前|午後|上午|下午)\s?)?(\d{1,2})[:.](\d\d)(?:[:.](\d\d))?(?:\s?([AaPp])\.?\s?[Mm]\.?)?"
)
_PROVIDER = re.compile(r"^\s*[^\s=][^=]{0,30} = ([^=]{3,100}(?:Provider|provider)[^=]{0,40})$")
_PROVIDERS = {"microsoft platform crypto provider": "tpm", "microsoft software key storage provider": "software"}
_KEY_ERROR = re.compile(r"\b0x(80090016|8009000d|80090011|80290407|8009000b)\b", re.IGNORECASE)
_STORE = re.compile(r'^\s{0,4}my "[^"]{1,80}"\s*$', re.IGNORECASE)
_PROPERTY = re.compile(r"^\s*([A-Z][A-Za-z]{2,30})\s{0,30}: ?(.*)$")
_MACHINE_NAMES = ("machine-store", "machine_store", "certificates-my")
_MACHINE_COMMAND = re.compile(
    r"certutil(?:\.exe)?(?![^\r\n]{0,120}-user)[^\r\n]{0,80}-(?:verify)?store[^\r\n]{0,40}\bmy\b", re.IGNORECASE
)
_USER_COMMAND = re.compile(r"certutil(?:\.exe)?[^\r\n]{0,80}-user\b", re.IGNORECASE)
_OTHER = re.compile(r"^(?:\+--|\| |PS [A-Z]:\\|[A-Z]:\\[^>]{0,100}>)")
_END_OF_BLOCK = 400  # lines of one certificate with -v


def looks_like(sheet: Sheet) -> bool:
    """Is there a certificate of the registration service, or a listing of the personal store?"""
    text = sheet.text
    return "MS-Organization-Access" in text or ("=====" in text and ('y "' in text or 'Y "' in text))


def read(sheet: Sheet) -> Iterator[Fact | Problem]:
    """``certificate.device`` with its subject, end, provider and key, of the certificate that ends last."""
    found = [*_certutil(sheet), *_powershell(sheet)]
    if _is_users(sheet):
        return  # of a registered user: another certificate of the same issuer
    if found:
        best = max(found, key=lambda facts: next((one.value for one in facts if one.name.endswith("not-after")), ""))
        yield from best
        return
    line = _whole_store(sheet)
    if line is not None:
        text = f"{sheet.lines[line].strip()} (none of its certificates is issued by MS-Organization-Access)"
        yield Fact("certificate.device", "missing", Source(sheet.name, line + 1), text=text)


def _is_users(sheet: Sheet) -> bool:
    folded = sheet.name.replace("\\", "/").casefold()
    if "user-store" in folded or "-user" in folded.rsplit("/", 1)[-1] or "CurrentUser\\My" in sheet.text:
        return True
    return bool(_USER_COMMAND.search(sheet.text)) and not _MACHINE_COMMAND.search(sheet.text)


def _whole_store(sheet: Sheet) -> int | None:
    """The line of the heading of a listing of the computer's personal store, None where it may be another's."""
    for number, line in enumerate(sheet.lines):
        if _STORE.match(line[:120]):
            named = any(name in sheet.name.casefold() for name in _MACHINE_NAMES)
            asked = any(_MACHINE_COMMAND.search(one[:400]) for one in sheet.lines[max(0, number - 5) : number])
            return number if named or asked else None
    return None


# ---------------------------------------------------------------------------------------------------- certutil


def _certutil(sheet: Sheet) -> list[list[Fact]]:
    found = []
    lines = sheet.lines
    rulers = [number for number, line in enumerate(lines) if line.startswith("======") and _RULER.match(line[:200])]
    for i, start in enumerate(rulers):
        if start in sheet.taken:
            continue
        end = min(rulers[i + 1] if i + 1 < len(rulers) else len(lines), start + _END_OF_BLOCK)
        if i + 1 == len(rulers):
            end = _last_end(lines, start, end)
        sheet.taken.update(range(start, end))
        if i == 0 and start and _STORE.match(lines[start - 1][:120]):
            sheet.taken.add(start - 1)
        issuer = next((n for n in range(start, end) if _ISSUER.search(lines[n][:400])), None)
        if issuer is not None:
            found.append(_block(sheet, start, end, issuer))
    return found


def _last_end(lines: list[str], start: int, end: int) -> int:
    """Where the last certificate ends: certutil's closing line, another command, or two blank lines."""
    for number in range(start + 1, end):
        if lines[number].startswith("CertUtil:"):
            return number + 1
        if _OTHER.match(lines[number][:120]):
            return number
        if not lines[number].strip() and not lines[number - 1].strip():
            return number
    return end


def _block(sheet: Sheet, start: int, end: int, issuer: int) -> list[Fact]:
    lines = sheet.lines
    out = [_fact(sheet, "certificate.device", "present", issuer)]
    dates: list[tuple[int, tuple[int, ...]]] = []
    provider = None
    words = command_words()
    for number in range(start, end):
        line = lines[number][:400]
        subject = _SUBJECT.search(line)
        if subject and not any(one.name == "certificate.device.subject" for one in out):
            out.append(_fact(sheet, "certificate.device.subject", subject[1].casefold(), number))
        if len(dates) < 2 and (moment := _DATE.search(line)):
            dates.append((number, _parts(moment)))
        if provider is None and (named := _PROVIDER.match(line)):
            provider = number
            word = _PROVIDERS.get(named[1].strip().casefold(), "other")
            out.append(_fact(sheet, "certificate.device.provider", word, number))
        said = line.strip().rstrip(".!").casefold()
        if _KEY_ERROR.search(line) or said in words["key-missing"]:
            out.append(_fact(sheet, "certificate.device.key", "unusable", number))
        elif said in words["key-works"]:
            out.append(_fact(sheet, "certificate.device.key", "usable", number))
    if len(dates) == 2 and (value := _end_of(dates[0][1], dates[1][1])):
        out.append(_fact(sheet, "certificate.device.not-after", value, dates[1][0]))
    return out


def _fact(sheet: Sheet, name: str, value: str, number: int) -> Fact:
    return Fact(name, value, Source(sheet.name, number + 1), text=" ".join(sheet.lines[number].split())[:300])


# -------------------------------------------------------------------------------------------------------- dates


def _parts(found: re.Match[str]) -> tuple[int, ...]:
    """first, second, third number of the date, hour, minute, second, 1 for a dotted date and 2 for a twelve-hour clock."""
    hour = int(found[6])
    half = (found[9] or found[5] or "").casefold()
    if half in ("p", "pm", "午後", "下午") and hour < 12:
        hour += 12
    if half in ("a", "am", "午前", "上午") and hour == 12:
        hour = 0
    form = 1 if found[2] == "." else 2 if found[9] else 0
    return int(found[1]), int(found[3]), int(found[4]), hour, int(found[7]), int(found[8] or 0), form


def _end_of(first: tuple[int, ...], last: tuple[int, ...]) -> str | None:
    """The second of two dates of one form, as ISO text of the westernmost zone; None where day and month stay open.

    Year first is year, month, day; dots are day, month; a twelve-hour clock is month, day; else the number over 12 tells.
    """
    a, b, c, hour, minute, second, form = last
    if a > 31:
        year, month, day = a, b, c
    elif form == 1 or first[0] > 12 or a > 12:
        year, month, day = c, b, a
    elif form == 2 or first[1] > 12 or b > 12 or a == b:
        year, month, day = c, a, b
    else:
        year, (month, day) = c, max((a, b), (b, a))  # not told: the later reading
    try:
        moment = datetime(year if year > 99 else 2000 + year, month, day, hour, minute, second)
    except ValueError:
        return None
    return moment.isoformat() + "-12:00"


# --------------------------------------------------------------------------------------------------- PowerShell


def _powershell(sheet: Sheet) -> list[list[Fact]]:
    """Blocks of ``Get-ChildItem Cert:\\LocalMachine\\My | Format-List``; their property names are never translated."""
    found: list[list[Fact]] = []
    block: dict[str, tuple[int, str]] = {}
    if "NotAfter" not in sheet.text or "Issuer" not in sheet.text:
        return found
    for number, line in enumerate([*sheet.lines, ""]):
        told = _PROPERTY.match(line[:600]) if number not in sheet.taken else None
        if told:
            block[told[1]] = (number, told[2].strip())
        elif not line.strip() or number in sheet.taken:
            if "Issuer" in block and "Subject" in block and _ISSUER.search(block["Issuer"][1]):
                sheet.taken.update(at for at, _ in block.values())
                found.append(_from_block(sheet, block))
            block = {}
    return found


def _from_block(sheet: Sheet, block: dict[str, tuple[int, str]]) -> list[Fact]:
    out = [_fact(sheet, "certificate.device", "present", block["Issuer"][0])]
    subject = _SUBJECT.search(block["Subject"][1])
    if subject:
        out.append(_fact(sheet, "certificate.device.subject", subject[1].casefold(), block["Subject"][0]))
    if block.get("HasPrivateKey", (0, ""))[1].casefold() == "false":
        out.append(_fact(sheet, "certificate.device.key", "unusable", block["HasPrivateKey"][0]))
    first = _DATE.search(block.get("NotBefore", (0, ""))[1])
    last = _DATE.search(block.get("NotAfter", (0, ""))[1])
    if first and last and (value := _end_of(_parts(first), _parts(last))):
        out.append(_fact(sheet, "certificate.device.not-after", value, block["NotAfter"][0]))
    return out
