"""Paths to artifacts: files, folders, archives and standard input of one device.

Inputs that hold several devices come with a later version; until then a folder or archive is one device.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from troubleshoot.model import Artifact, Unread

MOST_FILES = 100_000
STDIN_NAME = "standard input"
_FIRST_BYTES = frozenset((b"P", b"M", b"7", b"\x1f", b"B", b"\xfd", b"\x28"))  # of every archive format but tar


def artifacts(paths: Iterable[str]) -> Iterator[Artifact | Unread]:
    """Everything to read below ``paths``, files of a folder in the order of their names; Unread for what cannot be.

    ``-`` is standard input. Links inside a folder are followed to files, never to folders (no loops, no way out to
    another tree). Devices, sockets and pipes in a folder are refused.
    """
    for path in paths:
        for one in _given(path):
            if isinstance(one, Unread) or not _is_archive(one):
                yield one
                continue
            from troubleshoot.containers import Scratch, unpacked

            with Scratch() as scratch:
                yield from unpacked(one, scratch)


def _given(path: str) -> Iterator[Artifact | Unread]:
    if path == "-":
        yield from _stdin()
    elif os.path.isdir(path):
        yield from _folder(path)
    else:
        yield _file(path, path)


def _is_archive(artifact: Artifact) -> bool:
    """By its first bytes: those of text and event logs, which most inputs are, need no look into the formats."""
    try:
        with artifact.open() as stream:
            head = stream.read(512)
    except OSError:
        return False
    if head[:1] not in _FIRST_BYTES and head[257:262] != b"ustar":
        return False
    from troubleshoot.containers import kind_of

    return kind_of(head) is not None


def _stdin() -> Iterator[Artifact | Unread]:
    from troubleshoot.parsers import TEXT_LIMIT

    data = sys.stdin.buffer.read(TEXT_LIMIT + 1)
    if len(data) > TEXT_LIMIT:
        data += sys.stdin.buffer.read()  # an archive may be larger than a text; its own limits hold
    if not data:
        yield Unread(STDIN_NAME, "nothing came in on standard input")
        return
    yield in_memory(STDIN_NAME, data)


def in_memory(name: str, data: bytes) -> Artifact:
    """An artifact of bytes that are already there."""
    return Artifact(name, len(data), lambda: io.BytesIO(data))


def _file(path: str, name: str) -> Artifact | Unread:
    try:
        state = os.stat(path)
    except OSError as error:
        return Unread(name, _reason(error))
    if not stat.S_ISREG(state.st_mode) and not (path == name and stat.S_ISFIFO(state.st_mode)):
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
            yield _file(full, Path(full).as_posix())
    yield from failed
    if not count and not failed:
        yield Unread(folder, "the folder is empty")


def _shown(path: str) -> str:
    return Path(path).as_posix()


def _reason(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, FileNotFoundError):
        return "no such file or folder"
    return error.strerror or type(error).__name__
