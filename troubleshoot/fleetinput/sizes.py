"""How many devices a table may hold, told by its size and its beginning, before anything of it is read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import BinaryIO

from troubleshoot.containers.limits import Budget, LimitReached
from troubleshoot.containers.member import Broken, Member
from troubleshoot.containers.zips import directory, members
from troubleshoot.fleetinput import HEAD, may_be_table
from troubleshoot.fleetinput.mapping import MapError
from troubleshoot.fleetinput.tables import tables
from troubleshoot.loader import in_memory

LARGE = 8 * 1_048_576
"""From this size on (bytes, unpacked) a table is one of very many devices."""
MANY = 5_000
"""And from this number of rows on: a report is a hundred times as large as a short row."""
_TABLES = (".csv", ".txt", ".tsv", ".json", ".jsonl", "/sheet1.xml")


def of_very_many(path: str, wanted: Mapping[str, str] | None = None) -> bool:
    """Is this file a table of so many devices that their reports should not all stand in memory? An archive: one that it holds.

    ``wanted``: the columns by ``--map``. Never raises: what cannot be read is told when it is.
    """
    try:
        with open(path, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            head = stream.read(HEAD)
            if head.startswith(b"PK\x03\x04"):
                return _holds(stream, size, wanted)
            return _is_large(size, head, wanted)
    except (OSError, Broken, LimitReached, MapError):
        return False


def _is_large(size: int, head: bytes, wanted: Mapping[str, str] | None) -> bool:
    if size < len(head) or not may_be_table(head):
        return False
    if size >= LARGE:
        return True
    return size * rows(head) >= MANY * len(head) and (_is_json(head) or bool(tables(in_memory("head", head), wanted)))


def rows(head: bytes) -> int:
    """About how many rows begin in a part of a table: lines, or objects of JSON, that stand in no quotes."""
    outside = head.replace(b"\0", b"").replace(b'\\"', b"").split(b'"')[::2]
    return sum(part.count(b"{" if _is_json(head) else b"\n") for part in outside)


def _is_json(head: bytes) -> bool:
    return head.lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1] in (b"{", b"[")


def _holds(stream: BinaryIO, size: int, wanted: Mapping[str, str] | None) -> bool:
    held = [one for one in directory(stream, size)[0] or [] if one.filename.lower().endswith(_TABLES)]
    if not 0 < len(held) < 100:
        return False
    if sum(one.file_size for one in held) >= LARGE:
        return True
    budget = Budget()
    budget.admit(size)
    for one in members(stream, budget):
        if isinstance(one, Member) and not one.denied and one.name.lower().endswith(_TABLES):
            head = next(iter(one.read()), b"")[:HEAD]
            if _is_large(one.size or 0, head, wanted):
                return True
    return False
