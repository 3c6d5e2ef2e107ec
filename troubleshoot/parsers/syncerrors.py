"""Export errors of Entra Connect as people copy them: the error's word, its sentence, the object's name.

LargeObject    The provisioned object is too large. Trim the number of attribute values on this object.
"""

from __future__ import annotations

from collections.abc import Iterator

from troubleshoot.model import LogLine, Problem, Sheet, Source

SIGNS = ("LargeObject", "provisioned object is too large")
_LONGEST = 2000


def looks_like(sheet: Sheet) -> bool:
    """Is there the word or the sentence of an export error that keeps a computer out?"""
    return any(sign in sheet.text for sign in SIGNS)


def read(sheet: Sheet) -> Iterator[LogLine | Problem]:
    """Each line with such an error."""
    for number, line in enumerate(sheet.lines):
        if number not in sheet.taken and any(sign in line for sign in SIGNS):
            sheet.taken.add(number)
            yield LogLine("ADSync", None, " ".join(line[:_LONGEST].split()), Source(sheet.name, number + 1))
