r"""Small tools of Windows: ``tpmtool getdeviceinformation``, ``w32tm /stripchart``, ``uwfmgr get-config``, a search for USMT's logs.

-TPM Present: True                     (tpmtool, which is not translated)
-TPM Version: 2.0
09:21:07, +2520.4127304s               (w32tm /stripchart: how far the other clock is ahead of this one)
C:\Windows\loadstate.log               (where /r C:\ loadstate*.log)
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from troubleshoot.model import Fact, Problem, Sheet, Source

_TPM = re.compile(r"^\s{0,20}-(TPM Present|TPM Version): {0,4}(True|False|\d\.\d)\s*$")
_SAMPLE = re.compile(r"^\s{0,8}\d\d:\d\d:\d\d, (?:d:[+-]\d{1,6}\.\d{1,9}s o:)?([+-]\d{1,12})\.\d{1,9}s\b")
_FILTER = re.compile(r"^\s{1,20}Filter state:\s{1,20}(ON|OFF)\s*$")
_MIGRATED = re.compile(
    r"^\s{0,8}[A-Za-z]:\\(?:[^\\:*?\"<>|\r\n]{1,100}\\){0,20}loadstate[\w .()-]{0,60}\.log\s*$", re.IGNORECASE
)
_SEARCH = re.compile(r">\s{0,4}where(?:\.exe)? {1,4}/r {1,4}[A-Za-z]:\\ {1,4}loadstate\*?\.log\s*$", re.IGNORECASE)


def looks_like(sheet: Sheet) -> bool:
    """Is there a line as one of these tools prints it?"""
    text = sheet.text
    return (
        "-TPM " in text
        or "s o:" in text
        or "Filter state:" in text
        or "loadstate" in text.casefold()
        or ", +" in text
        or ", -" in text
    )


def read(sheet: Sheet) -> Iterator[Fact | Problem]:
    """``tpm.version``, ``clock.skew``, ``write-filter`` and ``migration.usmt``, each once: its last word, or of a filter its first."""
    told: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(sheet.lines):
        if number in sheet.taken or len(line) > 400:
            continue
        for name, value in _line(line, told):
            told[name] = (value, number)
            sheet.taken.add(number)
        if _SEARCH.search(line):
            sheet.taken.add(number)
            if _found_nothing(sheet, number):
                told["migration.usmt"] = ("no", number + 1)
                sheet.taken.add(number + 1)
    for name, (value, number) in told.items():
        yield Fact(name, value, Source(sheet.name, number + 1), text=" ".join(sheet.lines[number].split())[:300])


def _line(line: str, told: dict[str, tuple[str, int]]) -> Iterator[tuple[str, str]]:
    if found := _TPM.match(line):
        if found[1] == "TPM Version" and found[2] in ("1.2", "2.0"):
            yield "tpm.version", found[2]
        elif found[2] == "False":
            yield "tpm.version", "none"
    elif found := _SAMPLE.match(line):
        yield "clock.skew", f"{abs(int(found[1]))}s"
    elif found := _FILTER.match(line):
        if "write-filter" not in told:  # the present session stands first, the next one after it
            yield "write-filter", found[1].casefold()
    elif _MIGRATED.match(line):
        yield "migration.usmt", "yes"


def _found_nothing(sheet: Sheet, asked: int) -> bool:
    """Does ``where`` answer with its own words, and not with a path?"""
    below = sheet.lines[asked + 1] if asked + 1 < len(sheet.lines) else ""
    return below.startswith("INFO: ")
