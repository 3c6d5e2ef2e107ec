"""Tar archives, read forwards only: out of a file, or straight out of a decompressor. :mod:`tarfile` reads the headers."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from troubleshoot.containers.decompress import Reader, exactly
from troubleshoot.containers.limits import MB, Budget
from troubleshoot.containers.member import CUT_OFF, LINK, Broken, Damage, Member, unreadable

_HEADERS = 4 * MB
"""Most bytes between the data of two members: long names and extended headers."""
_PIECE = 262_144


class _Bounded(Reader):
    """Gives tarfile what it asks for while it reads headers, up to a limit: it would hold a header of any size."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        super().__init__(chunks)
        self.allowed = _HEADERS
        self._last = b""
        self._ended = False

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes, fewer at the end."""
        if self.count + size > self.allowed:
            raise Broken("a header of the archive is too large")
        found = super().read(size)
        self._ended = len(found) < size
        if found:
            self._last = (self._last + found)[-tarfile.BLOCKSIZE :]
        return found

    @property
    def cut_off(self) -> bool:
        """Is there no empty block at the end, which every tar archive has?"""
        return self._ended and bool(self._last.strip(b"\x00"))


def members(chunks: Iterable[bytes], budget: Budget) -> Iterator[Member | Damage]:
    """The files of a tar archive whose bytes come in ``chunks``. Links and devices are named only."""
    source = _Bounded(chunks)
    stream: Any = source
    try:
        with tarfile.open(
            fileobj=stream, mode="r|", bufsize=tarfile.BLOCKSIZE * 20, errors="surrogateescape"
        ) as archive:
            while True:
                source.allowed = source.count + _HEADERS
                info = archive.next()
                if info is None:
                    break
                archive.members.clear()  # type: ignore[attr-defined]  # else it keeps them all
                if info.isdir():
                    continue
                if info.isreg():
                    data = archive.extractfile(info)
                    yield Member(info.name, info.size, partial(_data, info, data, source, budget))
                    source.allowed = 1 << 62
                    for _ in _data(info, data, source, budget) if data is not None else ():
                        pass  # what was not read, so that the next header is all that tarfile reads
                else:
                    reason = LINK if info.issym() or info.islnk() else "a device or pipe"
                    yield unreadable(info.name, Broken(reason, "refused"), 0)
        if source.cut_off:
            yield Damage("the archive is cut off; what stands before is read")
    except Broken as error:
        yield Damage(error.reason, error.kind)
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        yield Damage(f"the archive is damaged or cut off; what stands before is read ({error})")


def _data(info: tarfile.TarInfo, data: Any, source: _Bounded, budget: Budget) -> Iterator[bytes]:
    source.allowed = 1 << 62
    at = data.tell()
    return exactly(_pieces(data, info.sparse is not None, budget), info.size - at, None)


def _pieces(data: Any, sparse: bool, budget: Budget) -> Iterator[bytes]:
    while True:
        try:
            piece = data.read(_PIECE)
        except tarfile.TarError:
            raise Broken(CUT_OFF) from None
        if not piece:
            return
        if sparse:  # holes take no bytes of the archive
            budget.spend(len(piece))
        yield piece
