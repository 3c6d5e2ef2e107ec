"""Paths to artifacts: files, folders, archives and standard input. What is an archive, its content decides.

Which device each is from: :mod:`troubleshoot.devices`.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from troubleshoot.containers import Unpacker, Worth, is_workbook, kind_of, no_evidence
from troubleshoot.containers.limits import TOTAL_SIZE
from troubleshoot.containers.names import text_of
from troubleshoot.containers.scratch import Scratch, TooLarge
from troubleshoot.model import Artifact, Unread
from troubleshoot.recognise import secret_by_name

_PIECE = 262_144
MOST_FILES = 100_000
STDIN_NAME = "standard input"


def artifacts(
    paths: Iterable[str], scratch: Scratch | None = None, worth: Worth = no_evidence
) -> Iterator[Artifact | Unread]:
    """Everything to read below ``paths``, files of a folder in the order of their names; Unread for what cannot be.

    ``-`` is standard input. Archives are opened, also inside folders and archives: a member is ``outer.zip/inner.cab/a.txt``.
    Links inside a folder are followed to files, never to folders (no loops, no way out to another tree). Devices, sockets
    and pipes in a folder are refused.

    ``scratch`` keeps large members until it is closed; without one they are kept as long as somebody holds an artifact.
    ``worth``: which members to unpack (:class:`troubleshoot.containers.Worth`).
    """
    scratch = scratch or Scratch()
    for path in paths:
        unpacker = Unpacker(scratch, worth)
        if path == "-":
            yield from _piped(STDIN_NAME, sys.stdin.buffer, unpacker)
        elif os.path.isdir(path):
            for one in _folder(path):
                if isinstance(one, Artifact) and worth(one.name, None):
                    yield one  # nobody opens it, and the caller counts it
                else:
                    yield from expanded(one, unpacker)
        else:
            yield from expanded(given(path), unpacker)


def expanded(one: Artifact | Unread, unpacker: Unpacker) -> Iterator[Artifact | Unread]:
    """The members of an artifact that is an archive, the artifact itself where it is none."""
    if isinstance(one, Unread) or secret_by_name(one.name):
        yield one
        return
    try:
        if one.path is not None and not stat.S_ISREG(os.stat(one.path).st_mode):
            with one.open() as stream:  # a pipe can be read once only
                yield from _piped(one.name, stream, unpacker)
            return
        with open(one.path, "rb", buffering=0) if one.path is not None else one.open() as stream:
            kind = kind_of(stream.read(512))
            if kind == "zip" and is_workbook(stream):
                kind = None  # a table, not an archive
    except OSError as error:
        yield Unread(one.name, _reason(error))
        return
    if kind is None:
        yield one
    else:
        yield from unpacker.archive(one.name, one.size, one.open, kind)


def _piped(name: str, stream: BinaryIO, unpacker: Unpacker) -> Iterator[Artifact | Unread]:
    from troubleshoot.parsers import TEXT_LIMIT

    data = stream.read(512)
    if not data:
        yield Unread(name, f"nothing came in on {name}")
        return
    kind = kind_of(data)
    if kind is None:
        yield in_memory(name, data + stream.read(TEXT_LIMIT + 1 - len(data)))
        return
    try:
        held = unpacker.scratch.keep(chain((data,), iter(lambda: stream.read(_PIECE), b"")), TOTAL_SIZE)
    except TooLarge:
        yield Unread(name, f"limit total-size: the archive itself has more than {TOTAL_SIZE // 1024**3} GB", "limit")
        return
    except OSError as error:
        yield Unread(name, _reason(error))
        return
    with held.open() as kept:
        whole = kind == "zip" and is_workbook(kept)
    if whole:
        yield Artifact(name, held.size, held.open, held.path)
    else:
        yield from unpacker.archive(name, held.size, held.open, kind)


def given(path: str) -> Artifact | Unread:
    """The artifact of one path that was named by the caller, so that it may be a pipe too; not opened if it is an archive."""
    return _file(path, text_of(path), named=True)


def in_memory(name: str, data: bytes) -> Artifact:
    """An artifact of bytes that are already there."""
    return Artifact(name, len(data), lambda: io.BytesIO(data))


def _file(path: str, name: str, named: bool = False) -> Artifact | Unread:
    try:
        state = os.stat(path)
    except OSError as error:
        return Unread(name, _reason(error))
    if not stat.S_ISREG(state.st_mode) and not (named and stat.S_ISFIFO(state.st_mode)):
        return Unread(name, "neither a file nor a folder")
    if stat.S_ISREG(state.st_mode) and not os.access(path, os.R_OK):
        return Unread(name, "permission denied")

    def opened() -> BinaryIO:
        return open(path, "rb")

    return Artifact(name, state.st_size, opened, path)


def _folder(folder: str) -> Iterator[Artifact | Unread]:
    failed: list[Unread] = []

    def on_error(error: OSError) -> None:
        failed.append(Unread(_shown(error.filename or folder), _reason(error)))

    count = 0
    for root, folders, names in os.walk(folder, onerror=on_error):
        folders.sort()
        for name in sorted(names):
            count += 1
            if count > MOST_FILES:
                yield Unread(folder, f"it holds more than {MOST_FILES:,} files, the rest was not read")
                return
            full = os.path.join(root, name)
            yield _file(full, text_of(Path(full).as_posix()))
    yield from failed
    if not count and not failed:
        yield Unread(folder, "the folder is empty")


def _shown(path: str) -> str:
    return text_of(Path(path).as_posix())


def _reason(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, FileNotFoundError):
        return "no such file or folder"
    return error.strerror or type(error).__name__
