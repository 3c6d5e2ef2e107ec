"""Which collector made an input, and what that makes of something that is not in it.

Everything known of the collectors is in ``data/collectors.yaml``. That a key is not there is said only where the collector
that ran is known to ask for it, and shows that it found nothing; what a collector never gathers stays unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, TypeAlias

import orjson

from troubleshoot.model import (
    Account,
    Capture,
    Collected,
    CollectorNote,
    Evidence,
    Problem,
    RegistryValue,
    Source,
)
from troubleshoot.recognise import normal, recognise
from troubleshoot.tables import DATA

_MOST_NAMES = 5_000
_SYSTEM = Account("SYSTEM", "system", "S-1-5-18")
_NOT_THERE = re.compile(r"\[0x8007000[23]\]", re.I)  # ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND


@lru_cache(maxsize=1)
def table() -> Mapping[str, Any]:
    """``data/collectors.yaml``, from its compiled form: ``evidence`` and ``collectors``."""
    found: Mapping[str, Any] = orjson.loads((DATA / "collectors.json").read_bytes())
    return found


@lru_cache(maxsize=512)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.I)


@lru_cache(maxsize=1)
def _by_id() -> Mapping[str, Mapping[str, Any]]:
    return {row["id"]: row for row in table()["collectors"]}


# ------------------------------------------------------------------------------------------------------- who made it


def identify(names: Iterable[str], notes: Sequence[CollectorNote] = ()) -> Collected | None:
    """The collectors that made the input with these paths; None where no sign of one is there.

    ``names`` are the paths of everything in the input, whether it was read or not. One sure sign, or two likely ones, make a
    collector; one that runs another comes first.
    """
    paths = [normal(name) for name in islice(dict.fromkeys(names), _MOST_NAMES)]
    told = {note.collector for note in notes if note.collector}
    folded = "\n".join(paths).lower()
    rows = [row for row in table()["collectors"] if row["id"] in told or _signed(row["signs"], paths, folded)]
    if not rows:
        return None
    known = _versions(rows, notes, paths)
    started = [note.time for note in notes if note.kind == "started" and note.time]
    stopped = [note.time for note in notes if note.kind == "stopped" and note.time]
    missing, never = _gathered(rows, known, paths)
    return Collected(
        ids=tuple(row["id"] for row in rows),
        title=", ".join(row["title"] for row in rows),
        version=next((note.value for row in rows for note in notes if _is_version(note, row)), None),
        started=min(started, default=None),
        stopped=max(stopped, default=None),
        utc_offset=next((note.value for note in notes if note.kind == "utc-offset"), None),
        unfinished=any(row["id"] == "auth" for row in rows) and any(_pattern(_STARTED).search(one) for one in paths),
        missing=missing,
        never=never,
        cleared=frozenset(channel.casefold() for row in rows for channel in row.get("cleared", ())),
    )


_STARTED = r"(^|/)started\.txt$"


_GROUP = re.compile(r"\([^()]*\)[?*+]?")
_VARYING = re.compile(r"\\[A-Za-z]|\[[^\]]*\]|.[?*{]|[.^$+]")
_RUNS = re.compile(r"[\w/ ,=@~\ue000-\ue0ff-]+")


def literal(sign: str) -> str:
    """The longest text that a path must hold, in lower case, for the pattern to fit: to compile a pattern takes longer than to
    look for a word. Empty where there is none."""
    rest, before = re.sub(r"\\([^A-Za-z0-9])", lambda found: chr(0xE000 + ord(found[1])), sign), ""
    while rest != before:  # from the innermost parentheses outwards
        before, rest = rest, _GROUP.sub("\n", rest)
    if "|" in rest:
        return ""
    longest = max(_RUNS.findall(_VARYING.sub("\n", rest)), key=len, default="")
    return re.sub(r"[\ue000-\ue0ff]", lambda found: chr(ord(found[0]) - 0xE000), longest).lower()


def _signed(signs: Mapping[str, Sequence[str]], paths: Sequence[str], folded: str) -> bool:
    """``folded``: the paths as one text in lower case."""
    sure = [_pattern(sign) for sign in signs["sure"] if literal(sign) in folded]
    if any(pattern.search(path) for pattern in sure for path in paths):
        return True
    count = 0
    for sign in signs["likely"]:
        if literal(sign) not in folded:
            continue
        likely = _pattern(sign)
        count += any(likely.search(path) for path in paths)
        if count == 2:
            return True
    return False


Version: TypeAlias = tuple[int, ...] | None


def _is_version(note: CollectorNote, row: Mapping[str, Any]) -> bool:
    return note.kind == "version" and note.collector == row["id"]


def _versions(
    rows: Sequence[Mapping[str, Any]], notes: Sequence[CollectorNote], paths: Sequence[str]
) -> dict[str, Version]:
    """The version of each collector, or the least one that writes what is there; None where neither is known."""
    found: dict[str, Version] = {}
    for row in rows:
        told = next((note.value for note in notes if _is_version(note, row)), None)
        shown = (
            version
            for version, files in row.get("shows", {}).items()
            if any(_pattern(file).search(path) for file in files for path in paths)
        )
        told = told or next(shown, None)
        found[row["id"]] = _numbers(told) if told else None
    return found


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d{1,9}", version)[:4])


def _gathered(
    rows: Sequence[Mapping[str, Any]], known: Mapping[str, Version], paths: Sequence[str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """(evidence that is gathered but not there -> its file, titles of what none of the collectors gathers)."""
    missing: dict[str, str] = {}
    gathered: set[str] = set()
    refused: list[set[str]] = []
    for row in rows:
        version = known[row["id"]]
        later = {
            name for name, since in row.get("later", {}).items() if version is not None and version < _numbers(since)
        }
        own = {name: file for name, file in row["gathers"].items() if name not in later} | row.get("nested", {})
        gathered |= set(own)
        refused.append(set(row.get("never", ())) | later)
        for name, file in own.items():
            if not _is_there(file, paths):
                missing.setdefault(name, f"{file} of the same collection ({row['title']})")
    never = set.intersection(*refused) - gathered
    titles = table()["evidence"]
    return missing, tuple(row["title"] for name, row in titles.items() if name in never)


def _is_there(file: str, paths: Sequence[str]) -> bool:
    """Is a file of that name there? ``*`` stands for anything, and a prefix (the computer's name, a number) may precede it."""
    last = re.escape(file.replace("\\", "/").rpartition("/")[2]).replace(r"\*", ".*")
    pattern = _pattern(f"{last}(/|$)")
    return any(pattern.search(path) for path in paths)


# ----------------------------------------------------------------------------------------------- what is not there


def absences(
    collected: Collected, names: Sequence[str], evidence: Sequence[Evidence | Problem]
) -> Iterator[RegistryValue]:
    """Keys that the collectors looked for and did not find, as values of type ``absent``.

    ``evidence`` is what was read of the input. Of the keys below a dumped one, those of the table are told.
    """
    values = [one for one in evidence if isinstance(one, RegistryValue)]
    present = {one.key.upper() for one in values}
    notes = [one for one in evidence if isinstance(one, CollectorNote)]
    damaged = {one.source.path for one in evidence if isinstance(one, Problem)}
    told: set[str] = set()
    rows = [_by_id()[name] for name in collected.ids]
    versions = _versions(rows, notes, [normal(name) for name in names])
    for row in rows:
        version = versions[row["id"]]
        for dump in row.get("registry", ()):
            if "since" in dump and (version is None or version < _numbers(dump["since"])):
                continue
            for key, source in _not_found(dump, names, values, notes, damaged):
                if key.upper() not in told and not _below(present, key):
                    told.add(key.upper())
                    yield RegistryValue(key, "", "absent", None, source)


def _below(present: set[str], key: str) -> bool:
    """Is the key, or one below it, in the evidence?"""
    start = key.upper()
    return start in present or any(one.startswith(start + "\\") for one in present)


def _not_found(
    dump: Mapping[str, Any],
    names: Sequence[str],
    values: Sequence[RegistryValue],
    notes: Sequence[CollectorNote],
    damaged: set[str],
) -> Iterator[tuple[str, Source]]:
    """The keys that one dump shows not to be there, and where it shows that."""
    pattern, key, missing = _pattern(dump["file"]), str(dump["key"]), dump.get("missing")
    files = [name for name in names if pattern.search(normal(name))]
    below = [one for one in _keys() if one.upper().startswith(key.upper() + "\\")]
    if files:
        said = next((note for note in notes if note.kind == "no-key" and note.source.path in files), None)
        if said is not None and missing == "text":
            yield from ((one, said.source) for one in (key, *below))
        dumped = [one for one in values if one.source.path in files and _below({one.key.upper()}, key)]
        if dumped and not damaged.intersection(files):
            yield from ((one, dumped[0].source) for one in below)
    elif missing == "file":
        beside = [next((name for name in names if _pattern(one).search(normal(name))), None) for one in dump["beside"]]
        if all(beside):
            folder = str(beside[0]).replace("\\", "/").rpartition("/")[0]
            yield from ((one, Source(folder or str(beside[0]))) for one in (key, *below))
    elif missing == "name":
        asked = _pattern(dump["asked"])
        for note in notes:
            if note.kind == "no-data" and asked.search(note.value) and _NOT_THERE.search(note.value):
                yield from ((one, note.source) for one in (key, *below))


@lru_cache(maxsize=1)
def _keys() -> tuple[str, ...]:
    return tuple(key for row in table()["evidence"].values() for key in row.get("keys", ()))


def with_accounts(evidence: Iterable[Evidence | Problem], collected: Collected | None) -> Iterator[Evidence | Problem]:
    """The evidence, where a capture that prints no account has the one under which its collector is known to run it."""
    for one in evidence:
        # Names are looked at only where a capture leaves something open.
        if isinstance(one, Capture) and one.kind == "dsregcmd" and (one.account is None or one.elevated is None):
            known = recognise(one.source.path)
            if known is not None and known.account and _ran_by(known.collectors, collected):
                if known.account == "system" and one.account is None:
                    one = one._replace(account=_SYSTEM)
                elif known.account == "administrator" and one.elevated is None:
                    one = one._replace(elevated=True)
        yield one


def _ran_by(collectors: Sequence[str], collected: Collected | None) -> bool:
    """Was one of the collectors here? The names that Intune gives to its files are nobody else's."""
    return "intune" in collectors or (collected is not None and not set(collected.ids).isdisjoint(collectors))


# ------------------------------------------------------------------------------------------------- what to ask for


def ask_for(collected: Collected | None, kind: str, subject: str) -> str | None:
    """What to send so that a condition is decided, where the collector gathers it and it is not in the input.

    ``kind`` is that of the condition: event (``subject`` a channel), registry (a key), fact (its name), log (a component),
    dsreg (any). None where nothing better than the general command is known.
    """
    if collected is None or not collected.missing:
        return None
    for name, row in table()["evidence"].items():
        if name in collected.missing and _concerns(row, kind, subject):
            return f"send {collected.missing[name]}"
    return None


def _concerns(row: Mapping[str, Any], kind: str, subject: str) -> bool:
    folded = subject.casefold()
    if kind == "event":
        return folded in (one.casefold() for one in row.get("channels", ()))
    if kind == "registry":
        return any(folded == key.casefold() or folded.startswith(key.casefold() + "\\") for key in row.get("keys", ()))
    if kind == "fact":
        return any(folded.startswith(one) for one in row.get("facts", ()))
    if kind == "log":
        return folded in (one.casefold() for one in row.get("components", ()))
    return kind == "dsreg" and "dsregcmd" in row.get("captures", ())
