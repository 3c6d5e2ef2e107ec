"""From an item to what is in it, wherever it lies, and its fingerprint."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from troubleshoot.batch import fingerprints
from troubleshoot.batch.sources import Item
from troubleshoot.containers import Unpacker, is_workbook, kind_of
from troubleshoot.containers.scratch import Scratch
from troubleshoot.loader import artifacts, expanded, given, in_memory
from troubleshoot.model import Artifact, Unread
from troubleshoot.pipeline import worth_unpacking

_SMALL = 1_048_576
"""Bytes of a file that is read once, for its fingerprint and for the parsers; larger ones are read twice."""


class Given(NamedTuple):
    """An item before anything in it is unpacked. ``same``: its bytes are those of the fingerprint that was known, and it is
    not read. ``parts``: its files; of a folder with what its archives hold (``whole``)."""

    fingerprint: str | None
    parts: Iterable[Artifact | Unread] = ()
    same: bool = False
    whole: bool = False

    @property
    def single(self) -> Artifact | None:
        """The file, where the item is one."""
        if isinstance(self.parts, tuple) and len(self.parts) == 1 and isinstance(self.parts[0], Artifact):
            return self.parts[0]
        return None


def opened(item: Item, scratch: Scratch, known: str | None = None) -> Given:
    """Begin to read an item. ``scratch`` keeps what is fetched or unpacked."""
    if item.is_address:
        from troubleshoot.batch import remote

        return remote.opened(item, scratch, known)
    if os.path.isdir(item.path):
        found = fingerprints.of_path(item.path)
        parts = artifacts([item.path], scratch, worth_unpacking)
        return Given(found, parts, found is not None and found == known, True)
    if item.stamp and item.size <= _SMALL:
        try:
            with open(item.path, "rb", buffering=0) as stream:
                data = stream.read(_SMALL + 1)
        except OSError:
            data = b""
        if data and len(data) <= _SMALL:
            found = fingerprints.of_bytes(data)
            return Given(found, (in_memory(item.name, data),), found == known)
    found = fingerprints.of_path(item.path) if item.stamp else None
    return Given(found, (given(item.path),), found is not None and found == known)


def again(item: Item) -> Artifact | None:
    """The one file that an item is, for a part of it; None where it is not there any more."""
    if item.is_address:
        from troubleshoot.batch import remote

        return remote.again(item)
    found = given(item.path)
    return found if isinstance(found, Artifact) else None


def archive(item: Item, one: Artifact) -> str | None:
    """The format of a file that is an archive; None for what is none, or can be read only once."""
    if not (item.stamp or item.is_address):
        return None
    try:
        with one.open() as stream:
            kind = kind_of(stream.read(512))
            return None if kind == "zip" and is_workbook(stream) else kind
    except OSError:
        return None


def contents(found: Given, scratch: Scratch) -> Iterator[Artifact | Unread]:
    """Everything in an item, archives unpacked to any depth."""
    if found.whole:
        yield from found.parts
        return
    unpacker = Unpacker(scratch, worth_unpacking)
    for one in found.parts:
        yield from expanded(one, unpacker)
