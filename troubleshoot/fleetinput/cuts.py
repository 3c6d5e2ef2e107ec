"""What of an output its channel cut away: the beginning, the end, both, or single lines. What was cut away is unknown, never "no".

A channel's rule tells most. Without one, a length that only a limit explains (2,048, 4,000, 4,096, 255, 32,767) and a text that
begins or ends inside the output tell it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from troubleshoot.fleetinput.cells import Decoded, label_of
from troubleshoot.fleetinput.channels import Keeps
from troubleshoot.parsers import dsreglines
from troubleshoot.tables import squeeze

LIMITS: dict[int, str] = {255: "first", 2_048: "last", 4_000: "first", 4_096: "last", 32_767: "first"}
"""Lengths at which channels cut, with the part that they keep: fields of inventories and RMM tools, Intune, ConfigMgr, Azure Run
Command, a spreadsheet's cell."""
_DUMP_LABELS = (
    12  # labels of different names from which a text without titles is the output, not fields that a script chose
)
_WHOLE_END = re.compile(r"(?:for more information, please visit|PreReqResult\s*[:=]|aadjerrors)", re.IGNORECASE)
_PROMPT = re.compile(r"dsregcmd|PsExec|Microsoft Windows|^\s*$|^PS |^\\\\|^[A-Z]:\\", re.IGNORECASE)


class Cut(NamedTuple):
    """``head``, ``tail``: that end is missing (None: cannot be told). ``state`` in a word: none, head, tail, both, fields (a
    script or a parser chose some of the values), unknown. ``first``: the text begins inside a line, which is left out;
    ``last``: it ends inside its last value."""

    head: bool | None
    tail: bool | None
    state: str
    first: bool = False
    last: bool = False


def judged(raw: str, decoded: Decoded, keeps: Keeps | None) -> Cut:
    """What is missing of the output in a cell, by the cell as it came, what it was decoded to, and the channel's rule."""
    end = _at_limit(raw, keeps)
    if decoded.form == "object":
        cut_off = decoded.open or end == "first"
        return Cut(None, cut_off or None, "tail" if cut_off else "fields", last=decoded.partial or end == "first")
    begins, ends = _begins(decoded), _ends(decoded)
    chosen = decoded.form == "parts" and len({squeeze(pair.label) for pair in decoded.pairs}) < _DUMP_LABELS
    head: bool | None = not begins
    if end is not None:
        end = "first" if begins else "last"  # a script may cut at the other end than its channel
    elif chosen:
        head = None
    tail: bool | None = False if ends else None
    if decoded.open or (end == "first" and not ends):
        tail = True
    elif not ends and not chosen:
        tail = None
    first = head is True and (end is not None or not begins)
    closed = raw.endswith(("\n", "|", ";")) and not decoded.open
    last = decoded.partial or (tail is True and end is not None and not closed)
    last = last or (tail is None and not chosen and not closed and end is None)
    return Cut(head, tail, _state(head, tail, chosen), first, last)


def _state(head: bool | None, tail: bool | None, chosen: bool) -> str:
    if head and tail:
        return "both"
    if head:
        return "head"
    if tail:
        return "tail"
    if chosen:
        return "fields"
    return "none" if head is False and tail is False else "unknown"


def _at_limit(raw: str, keeps: Keeps | None) -> str | None:
    """The part that was kept (first, last) where the length of the text is that of a limit; line ends count once or twice."""
    text = raw.strip("\0")
    lengths = {len(text), len(text) + text.count("\n")}
    if not text.isascii():
        size = len(text.encode("utf-8", "replace"))
        lengths |= {size, size + text.count("\n")} if keeps is None or keeps.unit == "bytes" else set()
    if keeps is not None and any(abs(length - keeps.most) <= (3 if keeps.unit == "bytes" else 0) for length in lengths):
        return keeps.end
    found = lengths & LIMITS.keys()
    return LIMITS[max(found)] if found else None


def _begins(decoded: Decoded) -> bool:
    """Does the text begin where the output does?"""
    if decoded.form == "parts":
        first = decoded.pairs[0]
        return first.section == "Device State" or squeeze(first.label) == "azureadjoined"
    for line in decoded.text.split("\n", 60)[:60]:
        bare = line.strip(" |+-\t\r")
        title = dsreglines.section_title(bare) if bare else None
        if title is not None:
            return title == "Device State"
        if label_of(line.partition(":")[0].strip()) is not None:
            return squeeze(line.partition(":")[0]) == "azureadjoined"
        if bare and not _PROMPT.search(line):
            return "azureadjoined" in squeeze(line[:400])
    return False


def _ends(decoded: Decoded) -> bool:
    """Does the text end with the last section, or the line below it?"""
    tail = decoded.text[-1_500:]
    ends = list(_WHOLE_END.finditer(tail))
    if not ends or decoded.open:
        return False
    found = ends[-1]
    rest = tail[found.end() :]
    if found[0].casefold().startswith("prereq"):
        return rest.strip(' "|;\r\n') in ("WillProvision", "WillNotProvision") or "\n" in rest.strip()
    return True


def without_first(text: str) -> str:
    """The text without the line that it begins inside of, unless it begins with the blanks or signs of a new one."""
    if text[:1] in (" ", "\t", "\n", "|", "+"):
        return text
    _, _, rest = text.partition("\n")
    return rest
