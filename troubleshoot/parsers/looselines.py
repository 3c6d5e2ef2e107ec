"""Lines of a pasted text that no other parser has read.

Someone who pastes a ticket writes what they saw in their own words, and a code alone on a line is the best clue there
is. Beside other evidence, such lines are kept as they are; alone, only those that hold a code.
"""

from __future__ import annotations

from collections.abc import Iterator

from troubleshoot import codes
from troubleshoot.model import LogLine, Problem, Sheet, Source

_MOST = 400  # lines; a longer rest is some other log, not a note
_LONGEST = 2000


def looks_like(sheet: Sheet) -> bool:
    """Is any line left?"""
    return True


def read(sheet: Sheet) -> Iterator[LogLine | Problem]:
    """The lines left over, as log lines of component ``code`` (a code stands in them) or ``text``."""
    if len(sheet.lines) - len(sheet.taken) > 4 * _MOST:
        return
    beside = bool(sheet.taken)
    left = [
        (number, line.strip())
        for number, line in enumerate(sheet.lines)
        if line and not line.startswith("+-") and number not in sheet.taken and not line.isspace()
    ]
    if len(left) > _MOST:
        return
    for number, line in left:
        if any(letter.isalnum() for letter in line) and (beside or codes.find(line) or _is_code(line)):
            sheet.taken.add(number)
            kind = "code" if codes.find(line) or _is_code(line) else "text"
            yield LogLine(kind, None, line[:_LONGEST], Source(sheet.name, number + 1))


def _is_code(line: str) -> bool:
    """A line that is nothing but one code, in whatever notation."""
    if len(line) > 40 or " " in line:
        return False
    found = codes.normalise(line)
    return (
        found is not None
        and found.startswith(("0x8", "0xc", "0x0", "AADSTS", "MSIS"))
        and any(one.isdecimal() for one in line)
    )
