"""The table ``data/fleet_channels.yaml``: how tables of many devices arrive, and how their columns and values are named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from troubleshoot.tables import DATA

_PLAIN = re.compile(r"[\W_]+")


class Keeps(NamedTuple):
    """What a channel keeps of an output: its ``first`` or ``last`` part (``end``), ``most`` characters or bytes, of the last
    line alone where ``line`` is set."""

    end: str
    most: int
    unit: str = "characters"
    line: bool = False


class Channel(NamedTuple):
    """One channel of the table; field meanings: the head of ``data/fleet_channels.yaml``."""

    id: str
    title: str
    needs: frozenset[str] = frozenset()
    any: frozenset[str] = frozenset()
    labels: int = 0
    marks: tuple[tuple[str, str], ...] = ()
    text: tuple[str, ...] = ()
    error: tuple[str, ...] = ()
    device: tuple[str, ...] = ()
    entra: tuple[str, ...] = ()
    user: tuple[str, ...] = ()
    time: tuple[str, ...] = ()
    exit: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    utc: bool = False
    account: str | None = None
    keeps: Keeps | None = None
    cells: int | None = None
    suffix: str = ""
    unsure_no: bool = False


PLAIN_TABLE = Channel("table", "table")
"""A table of no known channel."""


class Words(NamedTuple):
    """Names and values of the table that belong to no channel."""

    hints: Mapping[str, frozenset[str]]
    short_keys: Mapping[str, str]
    aliases: Mapping[str, str]
    yes: frozenset[str]
    no: frozenset[str]
    spoilt: frozenset[str]
    streams: frozenset[str]


def plain(name: str) -> str:
    """A column's name as it is compared: lower case, letters and digits of any alphabet only."""
    return _PLAIN.sub("", name.casefold())


@lru_cache(maxsize=1)
def _raw() -> Mapping[str, Any]:
    found: Mapping[str, Any] = orjson.loads((DATA / "fleet_channels.json").read_bytes())
    return found


@lru_cache(maxsize=1)
def channels() -> tuple[Channel, ...]:
    """All channels, in the order in which they are tried."""
    made = []
    for name, row in _raw()["channels"].items():
        made.append(
            Channel(
                id=name,
                title=row["title"],
                needs=frozenset(row.get("needs", ())),
                any=frozenset(row.get("any", ())),
                labels=row.get("labels", 0),
                marks=tuple(row.get("marks", {}).items()),
                text=tuple(row.get("text", ())),
                error=tuple(row.get("error", ())),
                device=tuple(row.get("device", ())),
                entra=tuple(row.get("id", ())),
                user=tuple(row.get("user", ())),
                time=tuple(row.get("time", ())),
                exit=tuple(row.get("exit", ())),
                words=frozenset(row.get("words", ())),
                ignore=frozenset(row.get("ignore", ())),
                utc=row.get("utc", False),
                account=row.get("account"),
                keeps=Keeps(**row["keeps"]) if "keeps" in row else None,
                cells=row.get("cells"),
                suffix=row.get("suffix", ""),
                unsure_no=row.get("unsure_no", False),
            )
        )
    return tuple(made)


@lru_cache(maxsize=1)
def words() -> Words:
    """The names and values that belong to no channel."""
    raw = _raw()
    return Words(
        {kind: frozenset(plain(one) for one in names) for kind, names in raw["hints"].items()},
        raw["short_keys"],
        raw["aliases"],
        _folded(raw["yes_words"]),
        _folded(raw["no_words"]),
        _folded(raw["spoilt"]),
        _folded(raw["streams"]),
    )


def _folded(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(one.casefold() for one in texts)


def by_id(name: str) -> Channel:
    """The channel with this id; the plain table where there is none."""
    return next((one for one in channels() if one.id == name), PLAIN_TABLE)
