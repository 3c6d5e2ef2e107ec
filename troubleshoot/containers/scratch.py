"""Where unpacked members are kept while they are read: small ones in memory, the others in one temporary folder of the run.

The folder is flat and its files have numbers for names: nothing of an archive decides a path. It is removed when the run ends,
also by an exception or Ctrl-C. A run that was killed leaves it behind; the next one that unpacks removes it, which it may when
it gets the lock that the living owner holds.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import stat
import sys
import time
import weakref
from collections.abc import Iterable
from types import TracebackType
from typing import BinaryIO

from troubleshoot.containers.limits import MB

PREFIX = "troubleshoot-unpacked-"
IN_MEMORY = 8 * MB
"""Largest member that is kept in memory."""
ALL_IN_MEMORY = 48 * MB
"""Most bytes of members in memory at one time."""
_LOCK = "lock"
_FILE = re.compile(r"m[0-9]{1,12}")
_AGE = 3600  # seconds after which a folder without a lock file is no folder that is being made
_swept = False


class Held:
    """The bytes of one member. They are let go with the last reference to this object. ``path``: of its file, if any."""

    __slots__ = ("_data", "_scratch", "path", "size")

    def __init__(self, scratch: Scratch, data: bytes | None, path: str | None, size: int) -> None:
        self._scratch = scratch  # which keeps the folder
        self._data = data
        self.path = path
        self.size = size

    def open(self) -> BinaryIO:
        """A new stream over the bytes, from their beginning."""
        return open(self.path, "rb") if self.path is not None else io.BytesIO(self._data or b"")

    def __del__(self) -> None:
        if self._data is not None:
            self._scratch.in_memory -= self.size
        if self.path is not None:
            with contextlib.suppress(OSError):
                os.unlink(self.path)


class TooLarge(Exception):
    """There are more bytes than were allowed."""


class Scratch:
    """Keeps members; a context manager that removes what it made."""

    def __init__(self) -> None:
        self.in_memory = 0
        self._folder: str | None = None
        self._count = 0
        self._remove: weakref.finalize[..., Scratch] | None = None

    def __enter__(self) -> Scratch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the folder. What was kept in it can no longer be opened."""
        if self._remove is not None:
            self._remove()
            self._folder = self._remove = None

    def keep(self, chunks: Iterable[bytes], most: int) -> Held:
        """The bytes of all chunks. Raises :class:`TooLarge` beyond ``most`` bytes, and OSError when the disk is full."""
        _sweep_once()
        found: list[bytes] = []
        size = 0
        source = iter(chunks)
        for chunk in source:
            found.append(chunk)
            size += len(chunk)
            if size > most:
                raise TooLarge
            if size > IN_MEMORY or self.in_memory + size > ALL_IN_MEMORY:
                return self._to_file(found, size, source, most)
        self.in_memory += size
        return Held(self, b"".join(found), None, size)

    def _to_file(self, found: list[bytes], size: int, source: Iterable[bytes], most: int) -> Held:
        self._count += 1
        path = os.path.join(self.folder(), f"m{self._count}")
        held = Held(self, None, path, 0)  # removes the file, whatever happens from here on
        with open(path, "xb") as stream:
            stream.writelines(found)
            found.clear()
            for chunk in source:
                size += len(chunk)
                if size > most:
                    raise TooLarge
                stream.write(chunk)
        held.size = size
        return held

    def folder(self) -> str:
        """The temporary folder, made at its first use."""
        if self._folder is None:
            for _ in range(8):
                import tempfile  # with what it imports a tenth of the start, and most runs unpack nothing

                folder = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")
                lock = os.open(os.path.join(folder, _LOCK), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
                # Between the two lines above another run may have taken it for one that was left behind.
                if _locked(lock) and os.path.exists(os.path.join(folder, _LOCK)):
                    break
                os.close(lock)
            else:
                raise OSError("the temporary folder cannot be locked")
            self._folder = folder
            self._remove = weakref.finalize(self, _emptied, folder, lock)
        return self._folder


def _locked(descriptor: int) -> bool:
    """Take the lock of an open file, which the system lets go when the process ends. False: another process has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _emptied(folder: str, lock: int | None) -> None:
    """Remove the folder with the files that a run makes in it. Anything else in it is left alone, and so is the folder then."""
    with contextlib.suppress(OSError):
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if _FILE.fullmatch(entry.name)]
        for name in names:
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(folder, name))  # of a link, the link
    if lock is not None:
        os.close(lock)
    with contextlib.suppress(OSError):
        os.unlink(os.path.join(folder, _LOCK))
    with contextlib.suppress(OSError):
        os.rmdir(folder)


def _sweep_once() -> None:
    """The first member that a process keeps is the time to look for what others left: what unpacks nothing starts sooner."""
    global _swept
    if not _swept:
        _swept = True
        sweep()


def sweep() -> None:
    """Remove the folders that killed runs of this user left behind; never one whose owner lives, never through a link."""
    import tempfile

    with contextlib.suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in [one for one in entries if one.name.startswith(PREFIX)]:
            with contextlib.suppress(OSError):
                _swept_one(entry.path)


def _swept_one(folder: str) -> None:
    state = os.lstat(folder)
    if not stat.S_ISDIR(state.st_mode) or (os.name != "nt" and state.st_uid != os.geteuid()):
        return
    try:
        lock = os.open(os.path.join(folder, _LOCK), os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        if time.time() - state.st_mtime > _AGE:
            _emptied(folder, None)
        return
    if _locked(lock):
        _emptied(folder, lock)
    else:
        os.close(lock)
