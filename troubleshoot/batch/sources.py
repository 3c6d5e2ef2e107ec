"""What a batch run reads: from SOURCE arguments to items, each of which is read by itself.

A folder gives an item for each file and sub-folder in it. A list (``@file``, or a file named ``.lst``) and a pattern
(``logs/**/*.zip``) give one for each path they name. Anything else is an item itself, an address too
(:mod:`troubleshoot.batch.remote`). An item holds one device as a rule, and may hold many.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from troubleshoot.containers.names import text_of

LONGEST_LIST = 64 * 1024 * 1024
"""Bytes of a list of paths; ten million lines fit."""
MOST_ITEMS = 10_000_000
MISSING = "no such file or folder"
_MAGIC = frozenset("*?[")


class SourceError(Exception):
    """A SOURCE that cannot be used at all, in one line."""


class Item(NamedTuple):
    """One thing that is read by itself. ``name``: in the tables' column ``source``; no two of a run have the same.

    ``path``: where it is, a path of this machine or an address. ``size``: bytes, for the order. ``stamp``: changes when
    the bytes do, and may also change when they do not; "" where nothing tells. ``etag``: the same, of an address, and good
    for another day. ``refused``: why it is not read.
    """

    name: str
    path: str
    size: int = 0
    stamp: str = ""
    etag: str = ""
    refused: str = ""

    @property
    def is_address(self) -> bool:
        """Is it read through fsspec?"""
        return "://" in self.path

    def id(self, key: bytes = b"") -> str:
        """What a run folder knows the item by. With a key it tells nobody the name."""
        return blake2b(self.name.encode(), digest_size=12, key=key[:64]).hexdigest()


def items(sources: Sequence[str]) -> list[Item]:
    """Everything to read, in the order of the sources, names of a folder sorted; what is named twice is there once.

    Raises :class:`SourceError` for a list that cannot be read, a pattern that fits nothing, an unknown kind of address.
    """
    found: dict[str, Item] = {}
    names: set[str] = set()
    for source in sources:
        for one in _of_source(source):
            key = os.path.abspath(one.path) if not one.is_address else one.path
            if key in found:
                continue
            if one.name in names:  # two names that differ only in bytes that are no character
                one = one._replace(name=f"{one.name} ({one.id()[:8]})")
            names.add(one.name)
            found[key] = one
            if len(found) > MOST_ITEMS:
                raise SourceError(f"there are more than {MOST_ITEMS:,} things to read; give them in parts")
    return list(found.values())


def _of_source(source: str) -> Iterator[Item]:
    if source.startswith("@"):
        yield from _listed(source[1:])
    elif "://" in source:
        yield from _of_address(source, True)
    elif os.path.isdir(source):
        yield from _in_folder(source)
    elif source.casefold().endswith(".lst") and os.path.isfile(source):
        yield from _listed(source)
    elif _MAGIC.intersection(source) and not os.path.lexists(source):
        yield from _fitting(source)
    else:
        yield local(source, given=True)


def _of_address(source: str, into_folders: bool) -> Iterator[Item]:
    from troubleshoot.batch import remote

    if source.casefold().startswith("file://"):
        path = remote.local_path(source)
        if into_folders and os.path.isdir(path):
            yield from _in_folder(path)
        else:
            yield local(path, given=True)
        return
    yield from remote.items(source, into_folders)


def _in_folder(folder: str) -> Iterator[Item]:
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        yield Item(_shown(folder), folder, refused=error.strerror or type(error).__name__)
        return
    for entry in found:
        yield local(entry.path)


def _fitting(pattern: str) -> Iterator[Item]:
    found = sorted(glob.iglob(pattern, recursive=True))
    if not found:
        raise SourceError(f"{pattern}: no such file or folder, and nothing fits it as a pattern")
    for path in found:
        yield local(path)


def _listed(path: str) -> Iterator[Item]:
    """One path, pattern or address a line; blank lines and those that begin with # say nothing."""
    try:
        with open(path, "rb") as stream:
            data = stream.read(LONGEST_LIST + 1)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from error
    if len(data) > LONGEST_LIST:
        raise SourceError(f"{path}: a list of more than {LONGEST_LIST // 1024**2} MB")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
    else:
        text = data.decode("utf-8-sig", "surrogateescape" if os.name == "posix" else "replace")
    for line in text.splitlines():
        entry = line.strip().strip('"')
        if not entry or entry.startswith("#"):
            continue
        if "://" in entry:
            yield from _of_address(entry, False)
        elif _MAGIC.intersection(entry) and not os.path.lexists(entry):
            yield from _fitting(entry)
        else:
            yield local(entry, given=True)


def _shown(path: str) -> str:
    if os.sep != "/" or "//" in path or "/." in path or path[:1] in ("", ".") or path[-1] == "/":
        path = Path(path).as_posix()
    return text_of(path)


def local(path: str, given: bool = False) -> Item:
    """The item of one path. ``given``: it was named, so it is read whatever it is (a pipe); else pipes and devices are not."""
    name = _shown(path)
    try:
        state = os.stat(path)
    except OSError as error:
        reason = MISSING if isinstance(error, FileNotFoundError) else error.strerror or "unreadable"
        return Item(name, path, refused=reason)
    if stat.S_ISDIR(state.st_mode):
        files = list(files_below(path))
        size = sum(one.st_size for _, one in files)
        return Item(name, path, size, stamp_of((relative, one) for relative, one in files))
    if not stat.S_ISREG(state.st_mode):
        if not given or not stat.S_ISFIFO(state.st_mode):
            return Item(name, path, refused="neither a file nor a folder")
        return Item(name, path)
    return Item(name, path, state.st_size, stamp_of([("", state)]))


def files_below(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """(path below the folder, state) of every regular file in it, in the order of their names, as the loader meets them."""
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            full = os.path.join(root, name)
            try:
                state = os.stat(full)
            except OSError:
                continue
            if stat.S_ISREG(state.st_mode):
                yield os.path.relpath(full, folder), state


def stamp_of(files: Iterable[tuple[str, os.stat_result]]) -> str:
    """Sizes and times of change of files: while they stay, the bytes do."""
    told = blake2b(digest_size=12)
    for name, state in files:
        line = f"{name}\0{state.st_size}\0{state.st_mtime_ns}\0{state.st_ctime_ns}\0{state.st_ino}\n"
        told.update(line.encode("utf-8", "surrogateescape"))
    return told.hexdigest()
