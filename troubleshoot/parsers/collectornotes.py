r"""What collectors write of themselves: version, start and end, the device's UTC offset; and that a key is not there.

``script-info.txt`` of the authentication scripts prints each time twice, local and in UTC:

    Microsoft CSS Authentication Script version 6.3
    Data collection started on
        2026/03/04 09:15:02 UTC+01:00 (local time on computer data was collected)
        2026/03/04 08:15:02 UTC

``reg query`` of a key that is not there prints one sentence, in the language of Windows, which names no key: the name of the
file tells which (data/collectors.yaml).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from troubleshoot.model import CollectorNote, Sheet, Source

_AUTH = re.compile(r"Authentication Script version (\d{1,3}(?:\.\d{1,5}){0,3})")
_TSS = re.compile(r"\bTSS\b[^\n]{0,60}?\b(20\d\d\.\d\d\.\d\d\.\d{1,3})\b")
_DSREGTOOL = re.compile(r"\bDSRegTool (?:version |v)?(\d{1,2}\.\d{1,2})\b")
_WHEN = re.compile(r"^Data collection (started|stopped) on\b", re.M)
_MOMENT = re.compile(r"(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) UTC([+-]\d\d:\d\d)?(?![+\d-])")
# "not found" names the registry in every language; "access denied" and "invalid syntax" do not.
_NO_KEY = re.compile(r"^.{0,60}?\b\w{3,12}\s?: .{0,90}(?:regist|レジストリ|реестр|注册表)", re.I | re.M)
_LONGEST_ERROR = 3_000
_MARKERS = ("_log-transcript.txt", "dsregtool.log")


def looks_like(sheet: Sheet) -> bool:
    """Is it one of the collectors' own notes, or the error of ``reg query``?"""
    text = sheet.text
    return (
        "Data collection started on" in text
        or _AUTH.search(text, 0, 4_000) is not None
        or sheet.name.casefold().endswith(_MARKERS)
        or _is_no_key(text)
    )


def read(sheet: Sheet) -> Iterator[CollectorNote]:
    """The notes; a file that holds nothing else is taken whole."""
    text, source = sheet.text, Source(sheet.name, 1)
    if _is_no_key(text):
        sheet.taken.update(range(len(sheet.lines)))
        yield CollectorNote("no-key", " ".join(text.split())[:200], source)
        return
    if (found := _AUTH.search(text, 0, 4_000)) or "Data collection started on" in text:
        if found:
            yield CollectorNote("version", found[1], source, collector="auth")
        yield from _window(sheet)
        sheet.taken.update(range(len(sheet.lines)))
    else:
        pattern, collector = (_TSS, "tss") if "transcript" in sheet.name.casefold() else (_DSREGTOOL, "dsregtool")
        if found := pattern.search(text, 0, 65_536):
            line = text.count("\n", 0, found.start()) + 1
            yield CollectorNote("version", found[1], Source(sheet.name, line), collector=collector)


def _window(sheet: Sheet) -> Iterator[CollectorNote]:
    """When the collection started and stopped, in UTC, and the offset of the device's clock."""
    offset = None
    for found in _WHEN.finditer(sheet.text):
        line = sheet.text.count("\n", 0, found.start()) + 1
        for moment in _MOMENT.finditer(sheet.text, found.end(), found.end() + 300):
            if moment[2]:
                offset = offset or moment[2]
                continue
            time = _parsed(moment[1])
            if time is not None:
                yield CollectorNote(found[1], moment[1], Source(sheet.name, line), time, "auth")
            break
    if offset:
        yield CollectorNote("utc-offset", offset, Source(sheet.name, 1), collector="auth")


def _parsed(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y/%m/%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _is_no_key(text: str) -> bool:
    """Is the text the sentence that ``reg query`` prints for a key that is not there, and no more than PowerShell adds?"""
    if len(text) > _LONGEST_ERROR or "HKEY_" in text.partition("reg query")[0] or "admin" in text.casefold():
        return False
    found = _NO_KEY.search(text)
    return found is not None and not re.search(r"^HKEY_[A-Z_]+\\", text, re.M)
