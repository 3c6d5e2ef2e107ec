"""What the records of event logs mean: by provider and id, in words, with what each of their values says.

The table is ``data/events.yaml``: levels, builds and field names from the providers' manifests, each meaning in our own words
with the document that tells of the record. Nothing here judges; rules do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from troubleshoot.model import Event
from troubleshoot.tables import DATA

SELECTED = ("1607", "1909", "26H1")
"""The Windows builds whose field names the table lists, where they differ."""

_WORDS_AND_ID = re.compile(r"^([a-z][\w /&.-]{0,80}?)[\s:#/]{1,5}(\d{1,5})$", re.IGNORECASE)
_FILLERS = frozenset({"event", "event id", "eventid", "id"})


class Known(NamedTuple):
    """One record of the table.

    ``provider`` is the alias of the rules' vocabulary, ``name`` what records print. ``flow``: whose attempts it tells
    of, None for none. ``says``: failed, succeeded, started, or state (of what is). ``first`` and ``last``: the Windows
    builds that have it, None where no manifest was read. ``fields``: EventData name to what it says, those of every
    build; ``by_build``: the names in each of :data:`SELECTED` that has the record. ``source``: a link.
    """

    provider: str
    name: str
    id: int
    level: str
    flow: str | None
    says: str
    meaning: str
    first: str | None
    last: str | None
    fields: Mapping[str, str]
    by_build: Mapping[str, tuple[str, ...]]
    source: str


class _Book(NamedTuple):
    records: Mapping[tuple[str, int], Known]
    aliases: Mapping[str, tuple[str, ...]]  # provider name in lower case -> aliases
    called: Mapping[str, tuple[str, ...]]  # what people type, in lower case -> aliases


@lru_cache(maxsize=1)
def _book() -> _Book:
    table = orjson.loads((DATA / "events.json").read_bytes())
    records: dict[tuple[str, int], Known] = {}
    aliases: dict[str, tuple[str, ...]] = {}
    called: dict[str, tuple[str, ...]] = {}
    for alias, provider in table["providers"].items():
        for word in provider["names"]:
            aliases[word.casefold()] = (*aliases.get(word.casefold(), ()), alias)
        for word in (alias, *provider["names"], *provider["called"]):
            key = word.casefold()
            called[key] = (*called.get(key, ()), *(alias for _ in range(alias not in called.get(key, ()))))
        for number, row in provider["events"].items():
            known = _known(alias, provider["names"][0], int(number), row, table)
            records[alias, known.id] = known
    return _Book(records, aliases, called)


def _known(alias: str, name: str, number: int, row: Mapping[str, Any], table: Mapping[str, Any]) -> Known:
    names = row["names"]
    seen = row.get("seen")
    by_build = {build: tuple(names) for build in SELECTED} if isinstance(names, list) else names
    own = row.get("fields", {})
    words = {each: own.get(each) or table["fields"][each] for build in by_build.values() for each in build}
    return Known(
        provider=alias,
        name=name,
        id=number,
        level=row["level"],
        flow=row["flow"],
        says=row["says"],
        meaning=row["meaning"],
        first=seen[0] if seen else None,
        last=seen[1] if seen else None,
        fields=words,
        by_build={build: tuple(each) for build, each in by_build.items()},
        source=table["documents"][row["source"]],
    )


def every() -> tuple[Known, ...]:
    """All records of the table, by provider in the order of the table, then by id."""
    return tuple(_book().records.values())


def known(provider: str, number: int) -> Known | None:
    """The record of a provider, by the alias of the vocabulary or the name records print; None for an unknown one."""
    book = _book()
    for alias in (provider, *book.aliases.get(provider.casefold(), ())):
        found = book.records.get((alias, number))
        if found is not None:
            return found
    return None


def ids() -> dict[str, frozenset[int]]:
    """Provider name in lower case -> the ids the table knows."""
    book = _book()
    return {
        name: frozenset(number for alias, number in book.records if alias in aliases)
        for name, aliases in book.aliases.items()
    }


def meaning(event: Event) -> str | None:
    """What the record means, in a sentence or two; None for one that the table lacks."""
    found = known(event.provider, event.id)
    return found.meaning if found is not None else None


def typed(text: str) -> tuple[Known, ...]:
    """The records that ``event 304``, ``AAD 1098`` or ``TaskScheduler event 7016`` names; none for any other text."""
    match = _WORDS_AND_ID.match(text.strip())
    if match is None:
        return ()
    words = re.sub(r"\s+", " ", match[1].strip(" :#/")).casefold()
    book, number = _book(), int(match[2])
    for filler in sorted(_FILLERS, key=len, reverse=True):
        words = re.sub(rf"(?:^| ){filler}$", "", words).strip()
    if not words:
        return tuple(one for one in book.records.values() if one.id == number)
    aliases = book.called.get(words) or book.called.get(words.partition("/")[0].removeprefix("microsoft-windows-"), ())
    return tuple(book.records[alias, number] for alias in aliases if (alias, number) in book.records)


def joined(texts: Sequence[str]) -> Iterator[str]:
    """``texts`` as typed on a command line, with a provider's name and the id behind it put together: ``AAD 1098``."""
    waiting: list[str] = []
    for text in texts:
        if text.isdecimal() and len(text) <= 5 and waiting and typed(" ".join((*waiting, text))):
            yield " ".join((*waiting, text))
            waiting = []
            continue
        if _names_something(" ".join((*waiting, text))):
            waiting.append(text)
            continue
        yield from waiting
        waiting = []
        if _names_something(text):
            waiting.append(text)
        else:
            yield text
    yield from waiting


def _names_something(text: str) -> bool:
    """Is it the name of a provider, or the beginning of one, or the word "event"?"""
    folded = text.casefold()
    book = _book()
    words = (*book.called, *_FILLERS)
    return any(word == folded or word.startswith(folded + " ") for word in words) or any(
        folded == f"{word} event" for word in book.called
    )
