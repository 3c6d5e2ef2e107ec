"""What a file inside an input is: by its name, and by what its first 64 KiB hold.

Everything is in one table, ``data/recognise.yaml``. Signatures of the content beat names, except where the name says
more of the same content. Parsers decide by content themselves; this tells what need not be read, what must not be
read, who collected the input, and what a file without any signature is likely to be.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from troubleshoot.tables import DATA

HEAD = 65_536
"""The bytes of a file that are looked at."""

_COPY = re.compile(r"(?: - (?:Copy|Kopie|Copie|Copia))?(?: ?\(\d{1,3}\))?(?=\.\w{1,8}$)", re.I)
_MAGIC_AT = 512  # bytes in which the name inside a registry hive stands
_NO_TEXT = re.compile("[\x00-\x06\x0e-\x1a]")
_RULES = ("parse", "skip", "leave", "open", "name", "never")


_OWN = "own-report"
_CAPTURE = "dsregcmd-status"


class Recognised(NamedTuple):
    """What a file is.

    ``kind`` is one of the table's kinds; ``by`` is ``content`` or ``name``. ``read`` says what is done with it: parse,
    skip, leave, open, name, never. ``collectors`` are those whose files are named so, ``encoding`` is what they write,
    ``channel`` the event log it should be, ``run`` before or after the failure was made again, ``account`` who ran the
    command (administrator, system), ``note`` what the table adds (for ``never``: what the file can hold), ``many`` what
    several files that are not read are called.
    """

    kind: str
    by: str
    read: str
    collectors: tuple[str, ...] = ()
    encoding: str | None = None
    channel: str | None = None
    run: str | None = None
    account: str | None = None
    several: bool = False
    note: str | None = None
    many: str = ""


class Kind(NamedTuple):
    """One kind of the table: its title, what is done with such files, the kinds whose content it has as well, and what
    several files that are not read are called."""

    title: str
    read: str
    of: frozenset[str]
    many: str


class _Table(NamedTuple):
    kinds: Mapping[str, Kind]
    content: tuple[Mapping[str, Any], ...]
    names: tuple[Mapping[str, Any], ...]
    magic: frozenset[str]  # kinds that are known by their first bytes


@lru_cache(maxsize=1)
def table() -> _Table:
    """The table ``data/recognise.yaml``, from its compiled form."""
    raw = orjson.loads((DATA / "recognise.json").read_bytes())
    kinds = {
        name: Kind(row["title"], row.get("read", "parse"), frozenset(row.get("of", ())), row.get("many", row["title"]))
        for name, row in raw["kinds"].items()
    }
    magic = frozenset(row["kind"] for row in raw["content"] if "starts" in row)
    return _Table(kinds, tuple(raw["content"]), tuple(raw["names"]), magic)


def recognise(name: str, head: str | None = None) -> Recognised | None:
    """What the file ``name`` (its path inside the input) with the decoded ``head`` is; None where nothing tells.

    ``head`` is the text of :func:`text_of`, at most :data:`HEAD` bytes of the file; None where it was not read, and the
    name alone decides.
    """
    row = _by_name(normal(name), head)
    if row is not None and row["kind"] == "secret":
        return _made(row["kind"], "name", row)
    found = _by_content(head) if head else None
    if found is None:
        if row is None or (head and row["kind"] in table().magic and not _NO_TEXT.search(head)):
            return _made("sniff", "name", {}) if row is not None else None
        return _made(row["kind"], "name", row)
    kind = str(found["kind"])
    if kind == "secret":
        return _made(kind, "content", found)
    if row is not None and (row["kind"] == kind or kind in table().kinds[row["kind"]].of):
        return _made(row["kind"], "name", row)
    # The name told something else; who collected it, and under which account, holds all the same.
    kept = {key: row[key] for key in ("collectors", "account", "run", "encoding") if key in row} if row else {}
    return _made(kind, "content", kept)


def _made(kind: str, by: str, row: Mapping[str, Any]) -> Recognised:
    return Recognised(
        kind,
        by,
        row.get("read", table().kinds[kind].read),
        tuple(row.get("collectors", ())),
        row.get("encoding"),
        row.get("channel"),
        row.get("run"),
        row.get("account"),
        bool(row.get("several")),
        row.get("note"),
        row.get("many", table().kinds[kind].many),
    )


def text_of(data: bytes) -> str:
    """The head of a file as text: decoded, or byte for byte where it is no text (an event log, an archive, a hive)."""
    data = data[:HEAD]
    if data.startswith(_magics()):
        return data.decode("latin-1")
    from troubleshoot.decoding import decode

    return decode(data)[0]


@lru_cache(maxsize=1)
def _magics() -> tuple[bytes, ...]:
    return tuple(row["starts"].encode("latin-1") for row in table().content if "starts" in row)


# ------------------------------------------------------------------------------------------------------------- names


def normal(name: str) -> str:
    """The path as the patterns expect it: ``/`` only, without the marks of a copy (`` (1)``, `` - Copy``)."""
    return _COPY.sub("", name.replace("\\", "/"), count=1) if "(" in name or " - " in name else name.replace("\\", "/")


def _by_name(path: str, head: str | None) -> Mapping[str, Any] | None:
    """The first row whose pattern fits the path, and whose ``holds`` stands in the head where one is given."""
    rows = table().names
    ending = path.rpartition("/")[2].rpartition(".")[2].casefold()
    pattern, groups, numbers = _group(ending if ending in _endings() else "")
    found = pattern.match(path)
    if found is None or found.lastindex is None:
        return None
    number = groups[found.lastindex]
    if not head or _holds(rows[number], head):
        return rows[number]
    # The name fits and the content does not: the next rows, one by one.
    for later in numbers:
        if later > number and _pattern(rows[later]["name"]).search(path) and _holds(rows[later], head):
            return rows[later]
    return None


def _holds(row: Mapping[str, Any], head: str) -> bool:
    return "holds" not in row or _signature(row["holds"]).search(head) is not None


@lru_cache(maxsize=1)
def _endings() -> frozenset[str]:
    return frozenset(ending for row in table().names for ending in row.get("ends", ()))


@lru_cache(maxsize=64)
def _group(ending: str) -> tuple[re.Pattern[str], dict[int, int], tuple[int, ...]]:
    """The rows that can fit a name of this ending as one pattern: (pattern, its group -> row, the rows).

    The pattern tries the rows in their order; the empty group behind each says which it was.
    """
    numbers = tuple(n for n, row in enumerate(table().names) if ending in row.get("ends", (ending,)))
    parts, groups, count = [], {}, 0
    for number in numbers:
        one = _anchored(table().names[number]["name"]) + "()"
        count += re.compile(one).groups
        groups[count] = number
        parts.append(one)
    return re.compile("|".join(parts), re.I), groups, numbers


def _anchored(pattern: str) -> str:
    """A pattern to search for as one to match from the start; the greedy form, where it is one, is five times as fast."""
    rest = pattern.removeprefix("(^|/)")
    if rest == pattern or any(re.search(r"(?<!\\)\|", part) for part in _outside_groups(rest)):
        return f"(?s:.*?)(?:{pattern})"
    return f"(?s:.*/)?{rest}"


def _outside_groups(pattern: str) -> Iterator[str]:
    """The parts of a pattern that stand in no parentheses and no brackets."""
    depth, at = 0, 0
    for found in re.finditer(r"\\.|[()]|\[[^\]]*\]", pattern):
        if found[0] not in "()":
            continue
        if depth == 0:
            yield pattern[at : found.start()]
        depth += 1 if found[0] == "(" else -1
        at = found.end()
    yield pattern[at:]


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.I)


@lru_cache(maxsize=256)
def _signature(text: str) -> re.Pattern[str]:
    return re.compile(text, re.M)


# ----------------------------------------------------------------------------------------------------------- content


def _by_content(head: str) -> Mapping[str, Any] | None:
    """The first signature that stands in the head; a loose one only where no other does."""
    loose = None
    for row in table().content:
        if (loose is None or not row.get("loose")) and _stands(row, head):
            if not row.get("loose"):
                return row
            loose = row
    return loose


def _stands(row: Mapping[str, Any], head: str) -> bool:
    needs = row.get("needs")
    if "starts" in row:
        start = head[:_MAGIC_AT]
        return start.startswith(row["starts"]) and (needs is None or any(one in start for one in needs))
    signature = _signature(row["holds"])
    if row["holds"].startswith("\\A") and signature.match(head) is None:  # one try, before any search
        return False
    return (needs is None or any(one in head for one in needs)) and signature.search(head) is not None


# ----------------------------------------------------------------------------------------------------------- secrets


@lru_cache(maxsize=1)
def _secret_names() -> tuple[tuple[str, str, str], ...]:
    """What stands in the name, the pattern that the name then fits, and what such a file can hold."""
    rows = (row for row in table().names if row["kind"] == "secret")
    return tuple((need, row["name"], str(row["note"])) for row in rows for need in row["needs"])


@lru_cache(maxsize=4)
def _contents(kind: str, loose: bool = False) -> tuple[Mapping[str, Any], ...]:
    """The signatures of a kind."""
    return tuple(row for row in table().content if row["kind"] == kind and bool(row.get("loose")) is loose)


@lru_cache(maxsize=64)
def secret_by_name(name: str) -> str | None:
    """What a file of this name can hold that nobody should read (``an access token``); None for every other file."""
    path = normal(name)
    folded = path.lower()
    for need, pattern, note in _secret_names():
        if need in folded and _pattern(pattern).search(path):
            return note
    return None


def secret_by_content(head: str) -> str | None:
    """As :func:`secret_by_name`, by the decoded head: a renamed copy. None where the text is evidence as well."""
    if not any(_stands(row, head) for row in _contents("secret")):
        # The loose ones count where no other signature stands, and that of most texts is told at its first lines.
        if any(_stands(row, head) for row in _contents(_CAPTURE)):
            return None
        if not any(_stands(row, head) for row in _contents("secret", loose=True)):
            return None
    found = _by_content(head)
    return str(found["note"]) if found is not None and found["kind"] == "secret" else None


def is_own_report(head: str) -> bool:
    """Is the decoded head that of a report which this tool wrote, with nothing else beside it?"""
    if not any(_stands(row, head) for row in _contents(_OWN)):
        return False
    found = _by_content(head)
    return found is not None and found["kind"] == _OWN


def refusal(what: str) -> str:
    """The message of the problem that stands for a file which was not read because of what it can hold."""
    return f"it can hold {what}: it was not read, and should not have been collected"


# ----------------------------------------------------------------------------------------------- what need not be read


def is_name_alone(name: str) -> bool:
    """Is the name itself the evidence (``(7) No Results - Error [0x80070002] RegistryKey ...``), the file empty?"""
    if "No Results" not in name:
        return False
    found = recognise(name)
    return found is not None and found.read == "name"


@lru_cache(maxsize=64)
def _unneeded_names(ending: str) -> re.Pattern[str]:
    """The names of files that need not be read, of those that may have this ending."""
    kinds = table().kinds
    rows = [one for one in table().names if one.get("read", kinds[one["kind"]].read) in ("skip", "leave")]
    return re.compile("|".join(one["name"] for one in rows if ending in one.get("ends", (ending,))) or "(?!)", re.I)


@lru_cache(maxsize=1024)
def may_be_unneeded(name: str) -> bool:
    """A quick necessary condition of :func:`unneeded`."""
    path = normal(name)
    ending = path.rpartition("/")[2].rpartition(".")[2].casefold()
    return _unneeded_names(ending if ending in _endings() else "").search(path) is not None


def unneeded(name: str, head: bytes | None) -> str | None:
    """What a file of a bundle is that need not be read (``traces``), with the name alone or with its first bytes too.

    None for every other file: one that may hold evidence, or that must be named because it should not have been collected.
    """
    known = recognise(name)
    if known is None or known.read not in ("skip", "leave"):
        return None
    if known.read == "skip":
        if head is None:
            return None
        known = recognise(name, text_of(head)) or known
    return known.many if known.read in ("skip", "leave") else None
