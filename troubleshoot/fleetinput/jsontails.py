"""JSON as channels hand it over: escaped without its quotes, cut off in the middle, with a name that stands twice."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

_LARGEST = 2_000_000  # characters of one cell; a capture has 10,000
_DEEPEST = 60
_LAST_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?$")


class Pairs(list[tuple[str, Any]]):
    """A JSON object as the pairs it is written with: a name that stands twice stays twice."""


class Loaded(NamedTuple):
    """A value; ``open``: its end was cut off; ``partial``: in the middle of the last text in it."""

    value: Any
    open: bool = False
    partial: bool = False


def load(text: str) -> Loaded | None:
    """The value that ``text`` is, or was before something cut it off; None where it is no JSON.

    Objects are :class:`Pairs`. The escaped body of a JSON string (``{\\"AzureAdJoined\\":...``) is unescaped first.
    """
    text = text.strip("\ufeff\0 \t\r\n")
    if not text or len(text) > _LARGEST or text[0] not in '{["\\':
        return None
    if text[0] != '"' and '\\"' in text[:200] and _is_escaped(text):
        body = _unescaped(text)
        if body is None:
            return None
        return load(body)
    try:
        return Loaded(_decoded(text))
    except (ValueError, RecursionError):
        return _repaired(text)


def _decoded(text: str) -> Any:
    return json.loads(text, object_pairs_hook=Pairs, parse_constant=lambda _: None)


def _is_escaped(text: str) -> bool:
    """Does every quote in the first part stand behind a backslash?"""
    head = text[:400]
    first = head.find('"')
    return first > 0 and head[first - 1] == "\\"


def _unescaped(text: str) -> str | None:
    """The text that the escaped body stands for; an escape that was cut in the middle is left out."""
    text = _whole_escapes(text)
    text = text.replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")
    try:
        found = json.loads(f'"{text}"', strict=False)
    except ValueError:
        return None
    return found if isinstance(found, str) else None


def _whole_escapes(text: str) -> str:
    """The text without an escape that was cut in the middle of it: a lone backslash, or ``\\u00``."""
    found = _LAST_ESCAPE.search(text, max(0, len(text) - 5))
    if found is None:
        return text
    start = text[: found.start() + 1]
    return text[: found.start()] if (len(start) - len(start.rstrip("\\"))) % 2 else text


def _repaired(text: str) -> Loaded | None:
    """The value of JSON whose end is missing: what is open is closed; a name without its value is left out."""
    closers, in_text, comma = _scan(text)
    if closers is None or not (closers or in_text):
        return None
    body = _whole_escapes(text) if in_text else text
    tries = [(body + ('"' if in_text else ""), closers, in_text or body[-1:].isalnum())]
    if comma is not None:
        tries.append((text[: comma[0]], comma[1], False))
    for start, ends, partial in tries:
        try:
            return Loaded(_decoded(start.rstrip().rstrip(",") + ends), True, partial)
        except (ValueError, RecursionError):
            continue
    return None


def _scan(text: str) -> tuple[str | None, bool, tuple[int, str] | None]:
    """(what would close the text, whether it ends inside a string, the last comma and what would close it there).

    None for what would close it: the text is no beginning of JSON, or nested too deeply.
    """
    stack: list[str] = []
    in_text, skip = False, False
    comma: tuple[int, str] | None = None
    for place, letter in enumerate(text):
        if in_text:
            if skip:
                skip = False
            elif letter == "\\":
                skip = True
            elif letter == '"':
                in_text = False
        elif letter == '"':
            in_text = True
        elif letter in "{[":
            stack.append("}" if letter == "{" else "]")
            if len(stack) > _DEEPEST:
                return None, False, None
        elif letter in "}]":
            if not stack or stack.pop() != letter:
                return None, False, None
        elif letter == ",":
            comma = place, "".join(reversed(stack))
    return "".join(reversed(stack)), in_text, comma
