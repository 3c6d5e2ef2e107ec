"""Rendered event messages: which event a message is, and the values inside it under their EventData names.

The words that tell messages apart are data (``data/event_messages.yaml``). Only English messages are known; a message in
another language keeps its text, and nothing is guessed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import orjson

from troubleshoot.tables import DATA

_LONGEST = 30_000


class Message(NamedTuple):
    """One entry of the table. ``fields``: (EventData name, words before the value, how the value stands).

    How: ``""`` after a colon, up to the next value or line end; ``*`` the rest of the message; ``~`` without a colon.
    """

    provider: str
    id: int
    anchor: tuple[str, ...]
    fields: tuple[tuple[str, str, str], ...]


@lru_cache(maxsize=1)
def table() -> tuple[Message, ...]:
    """The messages of ``data/event_messages.yaml``, in the order of the file."""
    rows = orjson.loads((DATA / "event_messages.json").read_bytes())
    return tuple(
        Message(
            row["provider"],
            row["id"],
            tuple(row["anchor"]),
            tuple(
                (name, words.rstrip("*~"), words[-1] if words[-1] in "*~" else "")
                for name, words in row.get("fields", {}).items()
            ),
        )
        for row in rows
    )


def identify(text: str) -> tuple[str, int] | None:
    """(provider, event id) of a message without a header; None when its words are those of no known message."""
    folded = text[:_LONGEST].casefold()
    for message in table():
        if all(words in folded for words in message.anchor):
            return message.provider, message.id
    return None


def starts(text: str) -> str | None:
    """The anchor of the known message that begins in this line, None for any other line."""
    folded = text.casefold()
    return next((message.anchor[0] for message in table() if message.anchor[0] in folded), None)


def fields(provider: str, number: int, text: str) -> dict[str, str]:
    """The values inside a rendered message by EventData name, as printed. Empty for a message the table lacks."""
    text = text[:_LONGEST]
    folded = text.casefold()
    if len(folded) != len(text):  # a letter whose lower case is longer: places would not agree
        return {}
    for message in table():
        if message.id == number and message.provider == provider and all(words in folded for words in message.anchor):
            return _values(message, text, folded)
    return {}


def _values(message: Message, text: str, folded: str) -> dict[str, str]:
    places: list[tuple[int, int, str, str]] = []
    for name, words, how in message.fields:
        gap = "" if how == "~" else r"[^:\n=]{0,60}[:=]"
        found = re.search(rf"(?<![a-z]){re.escape(words)}{gap}", folded)
        if found:
            places.append((found.start(), found.end(), name, how))
    places.sort()
    out: dict[str, str] = {}
    for i, (_, end, name, how) in enumerate(places):
        stop = places[i + 1][0] if i + 1 < len(places) and how != "*" else len(text)
        value = text[end:stop].strip()
        out[name] = value if how == "*" else _one_line(value).strip(" \t\r.,;:()*`")
    return out


def _one_line(value: str) -> str:
    """The first line that says something; a value in brackets may have wrapped to the next line."""
    first, _, rest = value.partition("\n")
    return first if first.strip(" \t\r.,;:()*`") else rest.strip().partition("\n")[0]
