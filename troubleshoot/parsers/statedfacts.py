"""Facts that a person states, because no log holds them: what a window said, what a console shows.

troubleshoot facts
autoworkplace.dialog = quota-reached
write-filter = on

The first line makes the file one of this kind; names and values are those of ``rules/vocabulary.yaml``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from troubleshoot.model import Fact, Problem, Sheet, Source

TITLE = "troubleshoot facts"
_LINE = re.compile(r"^\s*([A-Za-z][\w.-]{1,80})\s*=\s*(\S.{0,199}?)\s*$")
_MOST = 500


def looks_like(sheet: Sheet) -> bool:
    """Is the first line that holds anything the title of such a file?"""
    first = next((line for line in sheet.lines[:20] if line.strip()), "")
    return first.strip().casefold() == TITLE


def read(sheet: Sheet) -> Iterator[Fact | Problem]:
    """A fact per ``name = value``; a line that is neither that, nor empty, nor a ``#`` remark, is a problem."""
    for number, line in enumerate(sheet.lines[:_MOST]):
        sheet.taken.add(number)
        text = line.strip()
        if not text or text.startswith("#") or text.casefold() == TITLE:
            continue
        found = _LINE.match(line)
        if found:
            yield Fact(found[1], found[2], Source(sheet.name, number + 1))
        else:
            yield Problem(Source(sheet.name, number + 1), "damaged", "no line of the form: name = value", 1)
