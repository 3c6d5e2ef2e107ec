"""What one cell of a table holds: output of dsregcmd in whatever form a channel, a script or a spreadsheet left it.

A chain of forms, the stricter first: HTML table, JSON (text, lines, object, escaped body, with an open end), parts between
separators (``|``, ``;``, ``,``), the plain output, words. Nothing here judges; a cell that holds none of them says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from html.parser import HTMLParser
from typing import Any, NamedTuple

from troubleshoot.decoding import TOKEN
from troubleshoot.fleetinput import jsontails
from troubleshoot.fleetinput.channels import plain, words
from troubleshoot.parsers import dsreglines
from troubleshoot.tables import squeeze

_LONGEST = 2_000_000  # characters of a cell that are looked at
_MOST_PARTS = 4_000
_LONGEST_TABLE = 100_000  # characters of HTML; a section has 2,000
_SEPARATORS = "|;,"
_SIGN = re.compile(r"[:=]")
_EQUALS = re.compile(r"(?<!\S)([A-Za-z][\w-]{1,60})=")
_TYPE_NAME = re.compile(r"^(?:System\.[\w.]{2,80}|Microsoft\.PowerShell\.[\w.]{2,120})(?:\[\])?$")
_BOX = re.compile(r"^\s*\|\s{1,4}[A-Z][\w /]{2,60}?\s*\|\s*$|^\s*\+-{10,}", re.M)
_FOOTER = ("for more information, please visit", "diagnostics reference")
_ERROR = re.compile(
    r"IMECache|HealthScripts\\|CategoryInfo|FullyQualifiedErrorId|is not recognized|access is denied|access denied|exception"
    r"|cannot find|could not|couldn't|was not found|timed? ?out|unreachable|offline|not reachable|network path|RPC server"
    r"|WinRM|\berror\b.{0,40}\d|failed to|Zugriff verweigert|acc[èe]s refus[ée]",
    re.IGNORECASE,
)


class Pair(NamedTuple):
    """One label and its value as printed, with the section where one is told; ``place`` counts the parts of the cell from 1."""

    section: str | None
    label: str
    value: str
    place: int


class Decoded(NamedTuple):
    """What a cell holds.

    ``form``: ``dump`` (``text`` is output as dsregcmd prints it), ``parts`` (``pairs`` in the order of the output), ``object``
    (``pairs`` of an object or table whose order says nothing), ``footer`` (nothing but the output's last line), ``words``,
    ``error`` (text of an error), ``lost`` (the name of a type, or a spreadsheet's error word, in place of the text), ``empty``.
    ``open``: the end was seen to be cut off; ``partial``: within the last value.
    """

    form: str
    text: str = ""
    pairs: tuple[Pair, ...] = ()
    open: bool = False
    partial: bool = False

    @property
    def is_evidence(self) -> bool:
        """Are there labelled values of dsregcmd?"""
        return self.form in ("dump", "parts", "object")


EMPTY = Decoded("empty")


def decode(raw: str, depth: int = 0) -> Decoded:
    """What the text of a cell holds; never raises."""
    text = raw[:_LONGEST].replace("\0", "").strip("\ufeff\r\n\t ")
    if not text:
        return EMPTY
    if is_lost(text):
        return Decoded("lost", text)
    if "<t" in text and (found := _html(text)) is not None:
        return found
    if text[0] in '{["\\' and depth < 4 and (loaded := jsontails.load(text)) is not None:
        found = of_value(loaded.value, depth + 1)
        if found is not None:
            return found._replace(open=found.open or loaded.open, partial=found.partial or loaded.partial)
    return _of_text(raw[:_LONGEST].replace("\0", "").strip("\ufeff\r\n"), text)


def is_lost(text: str) -> bool:
    """Does a name of a type or a spreadsheet's error word stand in place of what was there?"""
    return len(text) < 140 and (text.casefold() in words().spoilt or _TYPE_NAME.match(text) is not None)


# ---------------------------------------------------------------------------------------------------------------- text


def _of_text(text: str, stripped: str) -> Decoded:
    if _BOX.search(text) and any(dsreglines.section_title(title) for title in _titles(text)):
        return Decoded("dump", text)
    found = _parts(text)
    if found is not None:
        return found
    if stripped.casefold().startswith(_FOOTER) and "\n" not in stripped:
        return Decoded("footer", stripped)
    if known_labels(stripped):
        return Decoded("dump", text)
    return Decoded("error" if _ERROR.search(stripped[:4000]) else "words", stripped)


def _titles(text: str) -> Iterator[str]:
    for part in text[:200_000].split("|")[:_MOST_PARTS]:
        if 2 < len(part) < 100:
            yield part.strip(" +-\t\r\n")


def known_labels(text: str) -> int:
    """How many different labels of dsregcmd stand in the text with a value behind them."""
    return len({squeeze(found[1]) for found in dsreglines.known_labels().finditer(text[:50_000])})


@lru_cache(maxsize=4096)
def label_of(text: str) -> str | None:
    """The label as dsregcmd prints it that a name stands for (``azureADJoined``, ``WHfB Enabled``); None for no label."""
    text = text[:100]
    key = squeeze(text)
    if not key or key in dsreglines.GENERIC:
        return None
    if dsreglines.candidates(text):
        return text.strip()
    return words().aliases.get(key)


def _parts(text: str) -> Decoded | None:
    """The labelled parts of a text that was joined into lines or by separators; None where there are none."""
    lines = [line for line in text.split("\n") if line.strip()]
    best: tuple[int, str] = (sum(_is_pair(line) for line in lines[:_MOST_PARTS]), "\n")
    for separator in _SEPARATORS:
        if text.count(separator) and len(lines) <= 4:
            count = sum(_is_pair(part) for part in text.split(separator)[:_MOST_PARTS])
            closed = count > 0 and count == best[0] and (separator == "|" or text.rstrip().endswith(separator))
            best = (count, separator) if closed else max(best, (count, separator), key=lambda one: one[0])
    count, separator = best
    if count < 2 and len(lines) == 1 and (spaced := _words_of_pairs(text)) is not None:
        return Decoded("parts", text, tuple(_pairs(spaced, " ")[0]))
    if not count or (separator == "\n" and len(lines) > 1 and not _all_parts(lines)):
        return None
    if separator == "\n" and len(lines) == 1 and known_labels(text) > 1:
        return None  # joined by blanks: the output's own parser takes it apart
    parts = text.replace("\n", separator).split(separator)[:_MOST_PARTS]
    pairs, last_open = _pairs(parts, separator)
    return Decoded("parts", text, tuple(pairs), partial=False, open=last_open) if pairs else None


def _all_parts(lines: list[str]) -> bool:
    """Is nearly every line a labelled value, so that no value goes on in the next line?"""
    odd = sum(not _is_pair(line) and not line.strip().casefold().startswith(_FOOTER) for line in lines[:_MOST_PARTS])
    return odd * 4 <= len(lines)


def _is_pair(part: str) -> bool:
    return split_pair(part[:400]) is not None


def split_pair(part: str) -> tuple[str, str] | None:
    """(label, value) of ``label : value`` or ``label=value``; also behind the word of a stream (``WARNING:``). None: no label."""
    part = part.strip(" \t\r\n\"'*+>-")
    for _ in range(2):
        found = _SIGN.search(part[:90])
        if found is None:
            return None
        name, rest = part[: found.start()].strip(" \t\"'*"), part[found.end() :].strip()
        label = label_of(name)
        if label is not None:
            return label, rest[1:].strip() if rest.startswith(":") else rest
        if name.casefold() not in words().streams:
            return None
        part = rest
    return None


def _words_of_pairs(text: str) -> list[str] | None:
    """The parts of ``a=b c=d`` on one line, where at least two of the names are labels."""
    found = list(_EQUALS.finditer(text[:50_000]))
    known = sum(label_of(one[1]) is not None for one in found)
    if known < 2:
        return None
    ends = [*(one.start() for one in found[1:]), len(text)]
    return [text[one.start() : end] for one, end in zip(found, ends, strict=True)]


def _pairs(parts: list[str], separator: str) -> tuple[list[Pair], bool]:
    """(the pairs, whether the text ends in a label without its value). What has no label goes on with the value before it."""
    pairs: list[Pair] = []
    section: str | None = None
    following = False  # the part before was a pair whose value may go on
    cut = False
    for place, part in enumerate(parts, 1):
        bare = part.strip(' +-\t"')
        cut = False
        title = dsreglines.section_title(bare) if 3 < len(bare) < 60 and ":" not in bare else None
        found = None if title else split_pair(part)
        if title:
            section, following = title, False
        elif found is not None:
            pairs.append(Pair(section, *found, place))
            following = True
        elif bare.casefold().startswith(_FOOTER) or not bare:
            following = following and not bare
        elif following and bare and pairs and separator != "\n":
            pairs[-1] = pairs[-1]._replace(value=f"{pairs[-1].value}{separator} {bare}".strip())
            cut = any(key.startswith(squeeze(bare)) for key in dsreglines.index().squeezed) and len(bare) > (
                0 if separator == "|" else 2
            )
            if cut:
                pairs[-1] = pairs[-1]._replace(value=pairs[-1].value[: -len(separator) - 1 - len(bare)].strip())
        else:
            following = False
    return pairs, cut


# ---------------------------------------------------------------------------------------------------------------- JSON


def of_value(value: Any, depth: int = 0) -> Decoded | None:
    """What a decoded JSON value holds; None where it is nothing of ours."""
    if depth > 5:
        return None
    if isinstance(value, str):
        return decode(value, depth)
    if isinstance(value, jsontails.Pairs):
        return _of_object(value, depth)
    if not isinstance(value, list) or not value:
        return None
    if all(isinstance(one, str) for one in value):
        text = "\n".join(value)
        return _of_text(text, text.strip()) if text.strip() else EMPTY
    objects = [one for one in value if isinstance(one, jsontails.Pairs)]
    listed = tuple(_listed(objects))
    if listed:
        return Decoded("object", pairs=listed)
    return next((found for one in objects if (found := _of_object(one, depth + 1)) and found.is_evidence), None)


def _listed(objects: Iterable[jsontails.Pairs]) -> Iterator[Pair]:
    """One object per field: ``{"parent": "Device State", "key": "AzureAdJoined", "value": "NO"}``."""
    for place, one in enumerate(objects, 1):
        cells = {plain(name): text_of(value) for name, value in one}
        label = cells.get("key") or cells.get("name") or cells.get("label")
        if label and "value" in cells and label_of(label):
            yield Pair(dsreglines.section_title(cells.get("parent", "")), label, cells["value"], place)


def _of_object(pairs: jsontails.Pairs, depth: int) -> Decoded | None:
    """An object of labels, or one that holds the output as a text."""
    found = tuple(labelled(pairs))
    if any(label_of(pair.label) for pair in found):
        return Decoded("object", pairs=found)
    short = tuple(_short(pairs))
    if len(short) > 2 and any(pair.label in ("AzureAdJoined", "Client ErrorCode") for pair in short):
        return Decoded("object", pairs=short)
    best: Decoded | None = None
    for _, value in pairs:
        if isinstance(value, str | list) and value and depth < 5:
            inner = of_value(value, depth + 1)
            if inner is not None and inner.is_evidence and (best is None or not best.is_evidence):
                best = inner
    if best is not None:
        return best
    said = ", ".join(f"{name}: {text_of(value)}" for name, value in pairs[:20] if text_of(value))
    return Decoded("words", said[:400]) if said else EMPTY


def labelled(pairs: Iterable[tuple[str, Any]], section: str | None = None, depth: int = 0) -> Iterator[Pair]:
    """The labelled values of an object, with the sections that nested objects stand for (``deviceState``, ``workAccounts``)."""
    for place, (name, value) in enumerate(pairs, 1):
        if isinstance(value, jsontails.Pairs) and depth < 3:
            for pair in labelled(value, dsreglines.section_title(name) or section, depth + 1):
                yield pair._replace(place=place)
        elif isinstance(value, list) and value and isinstance(value[0], jsontails.Pairs) and depth < 3:
            title = dsreglines.section_title(name.removesuffix("s"))
            for number, one in enumerate(value[:20], 1):
                if isinstance(one, jsontails.Pairs):
                    inside = f"{title} {number}" if title == "Work Account" else title
                    for pair in labelled(one, inside or section, depth + 1):
                        yield pair._replace(place=place)
        else:
            label = label_of(name)
            if label is not None:
                yield Pair(section, label, text_of(value), place)


def _short(pairs: Iterable[tuple[str, Any]]) -> Iterator[Pair]:
    known = words().short_keys
    for place, (name, value) in enumerate(pairs, 1):
        if name.casefold() in known and not isinstance(value, list):
            yield Pair(None, known[name.casefold()], text_of(value), place)


def text_of(value: Any) -> str:
    """A JSON value as dsregcmd would print it: truth as YES and NO, nothing as nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "YES" if value else "NO"
    if isinstance(value, jsontails.Pairs):
        return ""
    if isinstance(value, list):
        return ", ".join(text_of(one) for one in value[:50])
    text = str(value)
    return TOKEN.sub("(token removed)", text) if "eyJ" in text else text


# ---------------------------------------------------------------------------------------------------------------- HTML


def _html(text: str) -> Decoded | None:
    """A table of ``ConvertTo-Html``: names over values, or a name beside its value; None where it holds no label."""
    if not re.search(r"<t(?:able|r|h|d)\b", text, re.IGNORECASE):
        return None
    reader = _TableReader()
    try:
        reader.feed(text[:_LONGEST_TABLE])
        reader.close()
    except (ValueError, AssertionError):
        return None
    pairs: list[Pair] = []
    for number, (is_head, row) in enumerate(reader.rows):
        below = reader.rows[number + 1] if number + 1 < len(reader.rows) else (True, [])
        if is_head and not below[0] and len(below[1]) == len(row):
            pairs += [
                Pair(None, label, value, 0)
                for name, value in zip(row, below[1], strict=True)
                if (label := label_of(name))
            ]
        elif not is_head and len(row) == 2 and (label := label_of(row[0].rstrip(": "))):
            pairs.append(Pair(None, label, row[1], 0))
    numbered = tuple(pair._replace(place=place) for place, pair in enumerate(pairs, 1))
    return Decoded("object", text, numbered) if numbered else None


class _TableReader(HTMLParser):
    """The texts of the cells of a table, row by row."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[tuple[bool, list[str]]] = []  # is it one of names, its cells
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A row, or a cell in it."""
        if tag == "tr" and len(self.rows) < _MOST_PARTS:
            self.rows.append((False, []))
            self._inside = False
        elif tag in ("td", "th") and self.rows and len(self.rows[-1][1]) < 400:
            self.rows[-1] = (tag == "th", [*self.rows[-1][1], ""])
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        """The end of a cell."""
        if tag in ("td", "th", "tr"):
            self._inside = False

    def handle_data(self, data: str) -> None:
        """Text of a cell."""
        cells = self.rows[-1][1] if self._inside and self.rows else []
        if cells:
            cells[-1] = (cells[-1] + data).strip()[:4000]
