"""Archives to artifacts: zip, cab, 7z, tar, gzip, bzip2, xz and zstd, one inside the other, known by their content.

A reader of a format (:mod:`zips`, :mod:`cabinets`, :mod:`sevenzip`, :mod:`tars`, :mod:`decompress`) gives members one by one;
here they are named, bounded, kept for the parsers and opened again when they are archives themselves. What is not read is named
with its reason: nothing here raises for what an archive holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from itertools import chain
from pathlib import PurePosixPath
from typing import BinaryIO

from troubleshoot.containers.kinds import Worth, is_workbook, kind_of, looks_like_tar, no_evidence
from troubleshoot.containers.limits import DEPTH, MB, MEMBER_SIZE, TEXT_SIZE, Budget, LimitReached
from troubleshoot.containers.member import Broken, Damage, Member
from troubleshoot.containers.names import checked
from troubleshoot.containers.scratch import Scratch, TooLarge
from troubleshoot.model import Artifact, Unread
from troubleshoot.recognise import is_name_alone, refusal, secret_by_name

HEAD = 8_192
"""Bytes from which the kind of a file is told: an event log with a damaged header shows itself at 4,096."""
_NAMED = 20
"""Members of one archive that are named for the same reason; more are given as a number."""

_LARGE_KINDS = (b"ElfFile", b"regf")


class Unpacker:
    """Unpacks the archives below one given path; they share its budget. ``worth``: see :class:`Worth`."""

    def __init__(self, scratch: Scratch, worth: Worth = no_evidence, budget: Budget | None = None) -> None:
        self.scratch = scratch
        self.worth = worth
        self.budget = budget or Budget()

    def archive(self, name: str, size: int, opened: Callable[[], BinaryIO], kind: str) -> Iterator[Artifact | Unread]:
        """All members of an outermost archive, to any depth, as ``outer.zip/inner.cab/file.txt``. Never raises for its content."""
        self.budget.admit(size)
        run = _Run(self)
        self.budget.start()
        try:
            for one in run.contents(name, opened, kind, 1):
                self.budget.stop()
                yield one
                self.budget.start()
        except LimitReached as error:
            yield Unread(name, f"{error}; what was read before is kept", "limit")
        finally:
            self.budget.stop()
        if run.skipped:
            yield Unread(name, _skipped(run.skipped), "unsupported")

    def top(
        self, name: str, size: int, opened: Callable[[], BinaryIO], kind: str
    ) -> Iterator[tuple[int, str, Member] | Unread]:
        """(number, name, member) of each member of an archive itself, none of them unpacked; Unread for what is wrong with it.

        A member's ``read`` must be used before the next is taken. Never raises for its content.
        """
        self.budget.admit(size)
        run = _Run(self)
        number = -1
        try:
            with opened() as stream:
                for one in run._members(name, stream, kind):
                    if isinstance(one, Damage):
                        yield Unread(name, one.reason, one.kind)
                        continue
                    self.budget.member()
                    number += 1
                    yield number, checked(one.name)[0], one
        except LimitReached as error:
            yield Unread(name, f"{error}; what was read before is kept", "limit")
        except OSError as error:
            yield Unread(name, f"reading stopped: {error.strerror or type(error).__name__}")
        except Exception as error:
            yield Unread(name, f"reading stopped: {type(error).__name__}: {str(error)[:200]}", "damaged")

    def some(
        self, name: str, size: int, opened: Callable[[], BinaryIO], kind: str, numbers: Collection[int]
    ) -> Iterator[tuple[int, list[Artifact | Unread]]]:
        """(number, everything in it, to any depth) of the members with these numbers of :meth:`top`. Each has limits of its own."""
        for one in self.top(name, size, opened, kind):
            if isinstance(one, Unread) or one[0] not in numbers:
                continue
            inner = _Run(Unpacker(self.scratch, self.worth))
            inner.budget.admit(size if one[2].size is None else min(size, one[2].size))
            fold = _Fold(name)
            found: list[Artifact | Unread] = []
            try:
                found += inner._member(name, one[2], fold, 1)
            except LimitReached as error:
                found.append(Unread(f"{name}/{one[1]}", f"{error}; what was read before is kept", "limit"))
            if inner.skipped:
                found.append(Unread(f"{name}/{one[1]}", _skipped(inner.skipped), "unsupported"))
            yield one[0], [*found, *fold.rest()]


def _skipped(counts: Counter[str]) -> str:
    listed = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    return f"not unpacked, since they hold no evidence: {listed}"


class _Fold:
    """Reasons met in one archive: the first members of each are named, the others become a number."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._counts: Counter[tuple[str, str, int | None]] = Counter()

    def __call__(self, path: str, reason: str, kind: str, lost: int | None = None) -> Iterator[Unread]:
        self._counts[reason, kind, lost] += 1
        if self._counts[reason, kind, lost] <= _NAMED:
            yield Unread(path, reason, kind, lost)

    def is_one_more(self, reason: str, kind: str, lost: int | None) -> bool:
        """Count one that is named elsewhere: is it among those that are only counted?"""
        self._counts[reason, kind, lost] += 1
        return self._counts[reason, kind, lost] > _NAMED

    def rest(self) -> Iterator[Unread]:
        for (reason, kind, lost), count in self._counts.items():
            if count > _NAMED:
                yield Unread(self._name, f"{count - _NAMED:,} more members: {reason}", kind, lost)


class _Run:
    """The unpacking of one outermost archive."""

    def __init__(self, unpacker: Unpacker) -> None:
        self.unpacker = unpacker
        self.budget = unpacker.budget
        self.skipped: Counter[str] = Counter()

    def contents(self, name: str, opened: Callable[[], BinaryIO], kind: str, depth: int) -> Iterator[Artifact | Unread]:
        """The members of one archive. Its own damage costs only what rests on it."""
        if depth > DEPTH:
            yield Unread(name, f"limit depth: it lies more than {DEPTH} archives deep, and was not opened", "limit")
            return
        fold = _Fold(name)
        try:
            with opened() as stream:
                for one in self._members(name, stream, kind):
                    if isinstance(one, Damage):
                        yield from fold(name, one.reason, one.kind)
                    else:
                        yield from self._member(name, one, fold, depth)
        except LimitReached:
            yield from fold.rest()
            raise
        except OSError as error:
            yield Unread(name, f"reading stopped: {error.strerror or type(error).__name__}")
        except Exception as error:
            yield Unread(name, f"reading stopped: {type(error).__name__}: {str(error)[:200]}", "damaged")
        yield from fold.rest()

    def _members(self, name: str, stream: BinaryIO, kind: str) -> Iterator[Member | Damage]:
        from troubleshoot.containers import decompress

        if kind == "zip":
            from troubleshoot.containers import zips

            return zips.members(stream, self.budget)
        if kind == "cab":
            from troubleshoot.containers import cabinets

            return cabinets.members(stream, self.budget)
        if kind == "7z":
            from troubleshoot.containers import sevenzip

            return sevenzip.members(stream, self.budget)
        if kind == "tar":
            from troubleshoot.containers import tars

            return tars.members(
                decompress.pump(decompress.Stored(), decompress.pieces_of(stream, 0, None), self.budget), self.budget
            )
        return self._single(name, decompress.single(kind, stream, self.budget))

    def _single(self, name: str, chunks: Iterator[bytes]) -> Iterator[Member | Damage]:
        """The one file in a gzip, bzip2, xz or zstd file; of a tar archive in it, the members."""
        start: list[bytes] = []
        broken: list[Broken] = []

        def whole() -> Iterator[bytes]:
            """What can be had, which for a text is worth reading, and what is wrong with the rest."""
            try:
                yield from chunks
            except Broken as error:
                broken.append(error)

        source = whole()
        for chunk in source:
            start.append(chunk)
            if sum(map(len, start)) >= 512:
                break
        if looks_like_tar(b"".join(start)[:512]):
            from troubleshoot.containers import tars

            yield from tars.members(chain(start, source), self.budget)
        elif start or not broken:
            yield Member(_inner_name(name), None, lambda: chain(start, source))
        yield from (Damage(error.reason, error.kind) for error in broken)

    def _member(self, outer: str, member: Member, fold: _Fold, depth: int) -> Iterator[Artifact | Unread]:
        self.budget.member()
        label, refused = checked(member.name)
        path = f"{outer}/{label}"
        if refused:
            yield from fold(path, refused, "refused")
            return
        if what := secret_by_name(path):
            yield Unread(path, refusal(what), "refused", 0)
            return
        if skipped := self.unpacker.worth(path, None):
            self.skipped[skipped] += 1
            return
        if member.denied:
            yield from fold(path, member.denied.reason, member.denied.kind)
            return
        try:
            chunks = iter(member.read())
            start: list[bytes] = []
            for chunk in chunks:
                start.append(chunk)
                if sum(map(len, start)) >= HEAD:
                    break
            head = b"".join(start)[:HEAD]
            # The first empty ones are given on, and named by who reads them; a flood of them is counted.
            if not head and not is_name_alone(path) and fold.is_one_more("the file is empty", "unreadable", 0):
                return
            if skipped := self.unpacker.worth(path, head):
                self.skipped[skipped] += 1
                return
            inner = kind_of(head)
            most = MEMBER_SIZE if inner or head.startswith(_LARGE_KINDS) or head[4096:4103] == b"ElfChnk" else TEXT_SIZE
            if member.size is not None and member.size > most:
                raise TooLarge
            held = self.unpacker.scratch.keep(chain(start, chunks), most)
        except TooLarge:
            yield from fold(path, _too_large(most), "limit")
        except Broken as error:
            yield from fold(path, error.reason, error.kind)
        except OSError as error:
            yield from fold(path, error.strerror or type(error).__name__, "unreadable")
        else:
            if inner and not (inner == "zip" and _is_workbook(held.open)):
                yield from self.contents(path, held.open, inner, depth + 1)
            else:
                yield Artifact(path, held.size, held.open, held.path)


def _is_workbook(opened: Callable[[], BinaryIO]) -> bool:
    with opened() as stream:
        return is_workbook(stream)


def _too_large(most: int) -> str:
    if most == TEXT_SIZE:
        return f"limit member-size: over {TEXT_SIZE // MB} MB for a text; cut out the part around the failure"
    return f"limit member-size: over {MEMBER_SIZE // MB // 1024} GB"


def _inner_name(outer: str) -> str:
    """The name of what a gzip file holds: that of the file without its ending."""
    own = PurePosixPath(outer)
    return own.stem if own.suffix.lower() in (".gz", ".bz2", ".xz", ".zst", ".zstd", ".lzma") else f"{own.name}.content"


__all__ = ["HEAD", "Unpacker", "Worth", "is_workbook", "kind_of", "no_evidence"]
