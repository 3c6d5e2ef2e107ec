"""7z archives, through py7zr. Solid ones are unpacked once, front to back, into the scratch folder."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from troubleshoot.containers.limits import MEMBER_SIZE, Budget, LimitReached
from troubleshoot.containers.member import ENCRYPTED, LINK, Broken, Damage, Member, unreadable
from troubleshoot.containers.scratch import Scratch

_PIECE = 1_048_576


def members(stream: BinaryIO, budget: Budget, scratch: Scratch, worth: Any) -> Iterator[Member | Damage]:
    """The files of a 7z archive that ``worth(name)`` wants; the others are named without being unpacked."""
    import py7zr

    try:
        archive = py7zr.SevenZipFile(stream, "r")
    except py7zr.PasswordRequired:
        yield Damage(ENCRYPTED, "refused")
        return
    except Exception:  # py7zr raises many kinds for damaged headers
        yield Damage("the 7z archive is damaged or cut off")
        return
    with archive:
        if archive.needs_password():
            yield Damage(ENCRYPTED, "refused")
            return
        wanted: list[str] = []
        for info in archive.files:
            if info.is_directory:
                budget.member()
            elif info.is_symlink or info.is_junction:
                yield unreadable(info.filename, Broken(LINK, "refused"))
            elif not worth(info.filename):
                yield Member(info.filename, info.uncompressed, lambda: iter(()))
            elif (info.uncompressed or 0) > MEMBER_SIZE:
                yield unreadable(info.filename, Broken("limit member-size: it is too large", "limit"))
            else:
                wanted.append(info.filename)
        if not wanted:
            return
        files = _Files(budget, scratch)
        writers: Any = files  # py7zr asks for this shape, not for its own base class
        broken: Broken | None = None
        try:
            archive.extract(targets=wanted, factory=writers)
        except LimitReached:
            raise
        except Exception:  # damaged data; what was written whole is kept
            broken = Broken("the 7z archive is damaged inside it")
        finally:
            files.close()
        for name in dict.fromkeys(wanted):
            path = files.paths.get(name)
            if path is None or (broken is not None and files.last == name):
                yield unreadable(name, broken or Broken("the 7z archive does not give it"))
            else:
                yield Member(name, path.stat().st_size, partial(_pieces, path))


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            yield piece
    path.unlink(missing_ok=True)


class _File:
    """One member as py7zr writes it: into a numbered file of the scratch folder, each byte paid for."""

    def __init__(self, path: Path, budget: Budget) -> None:
        self._stream = path.open("wb+")
        self._budget = budget
        self._size = 0

    def write(self, data: bytes | bytearray) -> int:
        """Append ``data``."""
        self._budget.spend(len(data))
        self._size += len(data)
        return self._stream.write(data)

    def read(self, size: int | None = None) -> bytes:
        """What was written, which py7zr reads back only to check links."""
        return self._stream.read(-1 if size is None else size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """As that of a file."""
        return self._stream.seek(offset, whence)

    def flush(self) -> None:
        """As that of a file."""
        self._stream.flush()

    def size(self) -> int:
        """Bytes written so far."""
        return self._size

    def close(self) -> None:
        """The member is whole."""
        self._stream.close()


class _Files:
    """Gives py7zr a file for each member, and remembers where it is."""

    def __init__(self, budget: Budget, scratch: Scratch) -> None:
        self.paths: dict[str, Path] = {}
        self.last: str | None = None
        self._budget, self._scratch = budget, scratch
        self._open: list[_File] = []

    def create(self, filename: str) -> _File:
        """The file for a member. Its name never becomes a path: files are numbered."""
        path = self.paths[filename] = self._scratch.new_path()
        self.last = filename
        self._open.append(_File(path, self._budget))
        return self._open[-1]

    def close(self) -> None:
        """Close whatever py7zr left open."""
        for one in self._open:
            one.close()
