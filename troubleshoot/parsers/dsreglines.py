"""What one line of pasted dsregcmd output is: a header, a field, a rule, or something else.

Handles the ways people and tools change the lines (quotes, bullets, Markdown, tables, HTML, prefixes); the order of the
lines is :mod:`troubleshoot.parsers.dsregcmd`'s affair.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from troubleshoot.masks import is_mask
from troubleshoot.tables import Label, labels, squeeze

# Labels that ordinary prose uses too: they count only inside their own section, printed as Windows prints them.
GENERIC = frozenset({"type", "provider", "extensions", "usermode", "accesstype", "useridentity"})
# Labels the two halves of the output share; without a section they belong to the first name.
_RULE = re.compile(r"^[\s+|=\-_—–─━*~#>.`]*$")
_PREFIX = re.compile(r"^(?:[\s>*•·▪◦‣●#`|]|-\s|\d{1,3}[.)]\s|&gt;|[^\s:|]{1,200}\.(?:txt|log):\d+:)+")
_EMPHASIS = re.compile(r"\*\*|__|`")
_BREAK = re.compile(r"<\s*/?\s*(?:br|p|div|li|pre|code|td|tr)\b[^<>]{0,200}>", re.IGNORECASE)
_TAG = re.compile(r"<\s*/?\s*(?:b|strong|em|i|span|font|mark|code)\b[^<>]{0,200}>", re.IGNORECASE)
_QUOTES = str.maketrans(
    {"“": '"', "”": '"', "‘": "'", "’": "'", "\u00a0": " ", "：": ":", "\u2007": " ", "\u202f": " "}
)
_LABEL_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9 ./()'_-]{1,45}")
PROMPT = re.compile(
    r"(?:^|[\s`'\"])(?:PS )?(?:[A-Za-z]:\\|\\\\|[^\s>]{0,120}[#$])[^>\n]{0,200}>?\s*.{0,80}dsregcmd", re.IGNORECASE
)
_ELIDED = frozenset({"...", "…", "[...]", "[…]", "(...)", "<snip>", "[snip]", "--snip--", "[truncated]", "snip"})
_ABSENT = {
    "": "empty",
    "skipped": "skipped",
    "not set": "not-set",
    "unknown": "unknown",
    "not tested": "not-tested",
    "undefined": "undefined",
    "none": "none",
}


class Index(NamedTuple):
    """The label table arranged for look-up."""

    exact: dict[str, dict[str, Label]]  # squeezed section -> label as printed -> Label
    squeezed: dict[str, tuple[Label, ...]]  # squeezed label -> Labels of every section
    sections: dict[str, str]  # squeezed title -> title
    labels: frozenset[str]  # every label as Windows prints it


@lru_cache(maxsize=1)
def index() -> Index:
    """The look-up tables, made once."""
    exact: dict[str, dict[str, Label]] = {}
    squeezed: dict[str, list[Label]] = {}
    sections: dict[str, str] = {}
    for label in labels().values():
        for section in (label.section, *label.also):
            sections[squeeze(section)] = section
            table = exact.setdefault(squeeze(section), {})
            for text in (label.label, *label.spellings):
                if label.block != "enterprise":
                    table.setdefault(text, label)
        for text in dict.fromkeys(squeeze(one) for one in (label.label, *label.spellings)):
            squeezed.setdefault(text, []).append(label)
    sections[squeeze("Diagnostics Data")] = "Diagnostic Data"
    printed = frozenset(text for table in exact.values() for text in table if squeeze(text) not in GENERIC)
    return Index(exact, {key: tuple(found) for key, found in squeezed.items()}, sections, printed)


@lru_cache(maxsize=1)
def known_labels() -> re.Pattern[str]:
    """Any known label followed by a colon, for lines that hold several: half of the cost of the tables, and seldom needed."""
    words = sorted({text for one in labels().values() for text in (one.label, *one.spellings)}, key=len, reverse=True)
    return re.compile(
        r"(?<![^\s|*`>\"'(])(" + "|".join(re.escape(word) for word in words) + r")\s{0,40}:(?=\s|\*|$)", re.IGNORECASE
    )


def section_title(text: str) -> str | None:
    """The section that ``text`` is the title of (``Work Account 2`` keeps its number), else None."""
    squeezed = squeeze(text)
    if squeezed.startswith("workaccount"):
        rest = squeezed[11:]
        return f"Work Account {rest}".strip() if not rest or (rest.isdecimal() and len(rest) < 4) else None
    return index().sections.get(squeezed)


@lru_cache(maxsize=64)
def section_key(title: str | None) -> str:
    """The key of a section in the look-up tables."""
    if title is None:
        return ""
    return "workaccount" if title.startswith("Work Account") else squeeze(title)


def is_rule(text: str) -> bool:
    """Is the line only drawing: ``+-----+``, dashes, equal signs, fence marks?"""
    return len(text) > 1 and bool(_RULE.match(text))


def is_elision(text: str) -> bool:
    """Does the line say that somebody cut lines out?"""
    return text.casefold().strip("`*# >") in _ELIDED


def _unescaped(line: str) -> str:
    import html  # a capture as Windows prints it has no entities

    return html.unescape(line)


def plain(line: str) -> str:
    """The line without entities, tags, emphasis marks and the prefixes that quoting and listing put before it."""
    if "&" in line:
        line = _unescaped(line)
    line = line.translate(_QUOTES)
    if "<" in line:
        line = _TAG.sub("", line)
    if "**" in line or "__" in line or "`" in line:
        line = _EMPHASIS.sub("", line)
    prefix = _PREFIX.match(line)
    return line[prefix.end() :].rstrip() if prefix else line.rstrip()


def pieces(line: str) -> list[str]:
    """A line cut where HTML breaks stand, entities read; the line itself when it has none."""
    if "<" not in line and "&lt;" not in line:
        return [line]
    text = _unescaped(line) if "&lt;" in line else line
    return _BREAK.split(text)


def several(text: str) -> list[str]:
    """The ``label : value`` parts of a line that holds several (flattened output); one part otherwise."""
    found = list(known_labels().finditer(text))
    if len(found) < 2:
        return [text]
    starts = [one.start(1) for one in found]
    parts = [text[: starts[0]]] if starts[0] else []
    parts += [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    return [part.strip() for part in parts if part.strip()]


def split_field(text: str) -> tuple[str, str] | None:
    """(label, value) of a cleaned line, or None. A label may end in a colon itself (``KeySignTest: : PASSED``).

    A member of a JSON object (``"AzureAdJoined": "YES",``) loses its quotes and its comma.
    """
    printed, colon, value = text.partition(":")
    printed = printed.strip()
    label = printed.strip("\"'")
    if not colon or not _LABEL_TEXT.fullmatch(label):
        return None
    value = value.strip()
    if value.startswith(":"):
        value = value[1:].strip()
    elif value.startswith('"') and printed.startswith('"') and value.rstrip(",").endswith('"'):
        value = value.rstrip(",").strip('"').strip()
    return label, value


PLAIN_VALUES = frozenset({"YES", "NO", "PASS", "PASSED", "DIRECT", "SUCCESS", "ENABLED", "DISABLED"})


def absence(text: str) -> str | None:
    """Which way to say "no value" the text is, None for a value."""
    if text in PLAIN_VALUES:
        return None
    kind = _ABSENT.get(text) or _ABSENT.get(text.casefold())
    if kind:
        return kind
    first = text[:1]
    if first in "mM" and text[:17].casefold() == "must run elevated":
        return "not-run"
    return "masked" if is_mask(text) or (not first.isalnum() and is_elision(text)) else None


def candidates(label: str) -> tuple[Label, ...]:
    """Every known label of this spelling, whatever its section."""
    return index().squeezed.get(squeeze(label), ())


__all__ = [
    "GENERIC",
    "PROMPT",
    "Index",
    "absence",
    "candidates",
    "index",
    "is_elision",
    "is_rule",
    "known_labels",
    "labels",
    "pieces",
    "plain",
    "section_key",
    "section_title",
    "several",
    "split_field",
]
