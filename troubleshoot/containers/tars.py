"""Tape archives, read front to back with the standard library's reader."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

from troubleshoot.containers.limits import Budget
from troubleshoot.containers.member import CUT_OFF, LINK, Broken, Damage, Member, unreadable

_PIECE = 65_536


def members(stream: BinaryIO, budget: Budget) -> Iterator[Member | Damage]:
    """The files of a tape archive, in the order of their data. Links, devices and pipes are named, not read."""
    count = 0
    try:
        with tarfile.open(fileobj=stream, mode="r:", errorlevel=0) as archive:
            while (info := archive.next()) is not None:
                count += 1
                if info.isdir():
                    budget.member()
                elif not info.isreg():
                    reason = LINK if info.issym() or info.islnk() else "neither a file nor a folder"
                    yield unreadable(info.name, Broken(reason, "refused"), info.size)
                else:
                    yield Member(info.name, info.size, partial(_data, archive, info, budget))
                vars(archive)["members"].clear()  # a million entries would be kept otherwise
    except (tarfile.TarError, ValueError, OSError, EOFError, OverflowError):
        yield Damage("it is damaged or cut off; what stands before is read")
        return
    if not count:
        yield Damage("the archive is empty", "unreadable")


def _data(archive: tarfile.TarFile, info: tarfile.TarInfo, budget: Budget) -> Iterator[bytes]:
    source = archive.extractfile(info)
    left = info.size
    while source is not None and left > 0:
        try:
            piece = source.read(min(_PIECE, left))
        except (tarfile.TarError, OSError) as error:
            raise Broken(CUT_OFF) from error
        if not piece:
            break
        left -= len(piece)
        budget.spend(len(piece))
        yield piece
    if left:
        raise Broken(CUT_OFF)
