"""Log text made harmless for the place it is printed in. Logs are hostile: nothing of them may act."""

from __future__ import annotations

import re
import unicodedata

_LONGEST = 600
# C0 and C1 controls, direction overrides and isolates, invisible and line-separating characters.
_ACTIVE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~^&@:$])|(?<=\w)(\.)(?=\w)|^(\s*)([-=]|\d+[.)])")


def plain(text: str, longest: int = _LONGEST) -> str:
    """One line of ``text`` in which nothing acts on a terminal: controls and direction marks are shown as escapes."""
    if not text.isprintable():
        text = _ACTIVE.sub(_shown, text)
    if len(text) > longest:
        text = f"{text[:longest]} … ({len(text) - longest} more characters)"
    return text


def _shown(found: re.Match[str]) -> str:
    letter = found[0]
    if letter in "\n\r\t":
        return " "
    return f"\\x{ord(letter):02x}" if ord(letter) < 256 else f"\\u{ord(letter):04x}"


def markdown(text: str, longest: int = _LONGEST) -> str:
    """``text`` as Markdown that shows exactly it: no markup, link, mention, table or HTML comes to be."""
    return _MARKDOWN.sub(_escaped, plain(text, longest))


def _escaped(found: re.Match[str]) -> str:
    if found[1]:
        return {"<": "&lt;", ">": "&gt;", "&": "&amp;", "@": "&#64;", ":": "&#58;"}.get(found[1], "\\" + found[1])
    if found[2]:
        return "&#46;"
    return f"{found[3]}\\{found[4]}" if not found[4][0].isdecimal() else f"{found[3]}{found[4][:-1]}\\{found[4][-1]}"


def code(text: str, longest: int = _LONGEST) -> str:
    """``text`` as a Markdown code span; the fence is longer than any run of backticks inside."""
    text = plain(text, longest).replace("|", "\\|") or " "
    run = max((len(found) for found in re.findall("`+", text)), default=0)
    fence = "`" * (run + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def width(text: str) -> int:
    """How many columns the text takes on a terminal."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def formula_start(text: str) -> str:
    """``text`` as a cell that no spreadsheet takes for a formula: with ``'`` before a first ``=``, ``+``, ``-`` or ``@``."""
    return f"'{text}" if text.lstrip().startswith(("=", "+", "-", "@")) else text
