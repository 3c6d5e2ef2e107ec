"""Archives as the artifacts they hold: zip, cab, 7z, tar, gzip, bzip2, xz and zstd, inside each other to a stated depth.

What a file is, its first bytes tell, never its name. Members are read one after the other; a small one stays in memory, a
large one becomes a numbered file in the scratch folder until it has been read.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from troubleshoot.containers.limits import DEPTH, MB, MEMBER_SIZE, Budget, LimitReached
from troubleshoot.containers.member import Broken, Damage, Member
from troubleshoot.containers.names import checked
from troubleshoot.containers.scratch import Scratch
from troubleshoot.model import Artifact, Unread

HEAD = 512
_IN_MEMORY = 8 * MB
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"PK00PK\x03\x04", "zip"),
    (b"MSCF", "cab"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x1f\x8b\x08", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)
_ENDINGS = {"gzip": (".gz", ".tgz"), "bzip2": (".bz2", ".tbz2"), "xz": (".xz", ".txz"), "zstd": (".zst", ".tzst")}
# Traces, dumps, programs and pictures: the bulk of a bundle, and nothing here reads them.
_SKIPPED = (
    ".etl",
    ".etl.merged",
    ".dmp",
    ".mdmp",
    ".exe",
    ".dll",
    ".sys",
    ".msi",
    ".png",
    ".jpg",
    ".jpeg",
    ".bmp",
    ".mp4",
)

Worth = Callable[[str], bool]
"""Is a member of this name worth unpacking?"""


def worth_reading(name: str) -> bool:
    """The default :data:`Worth`: not the kinds of files that nothing here reads."""
    return not name.casefold().endswith(_SKIPPED)


def kind_of(head: bytes) -> str | None:
    """The archive format that the first :data:`HEAD` bytes show, None for what is no archive."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    return "tar" if head[257:262] == b"ustar" else None


def unpacked(artifact: Artifact, scratch: Scratch, worth: Worth = worth_reading) -> Iterator[Artifact | Unread]:
    """The artifact itself, or all that is in it where it is an archive; Unread for what cannot be had.

    Each artifact must be read before the next is taken. Never raises for what an archive holds.
    """
    budget = Budget()
    budget.admit(artifact.size)
    try:
        yield from _opened(artifact, scratch, budget, worth, 0)
    except LimitReached as error:
        yield Unread(artifact.name, str(error), "limit")


def _opened(
    artifact: Artifact, scratch: Scratch, budget: Budget, worth: Worth, depth: int
) -> Iterator[Artifact | Unread]:
    try:
        with artifact.open() as stream:
            kind = kind_of(stream.read(HEAD))
            if kind is not None:
                stream.seek(0)
                if depth >= DEPTH:
                    yield Unread(artifact.name, f"limit depth: an archive inside {DEPTH} others", "limit")
                    return
                yield from _members(artifact.name, kind, stream, scratch, budget, worth, depth)
                return
    except OSError as error:
        if artifact.path is None:
            yield Unread(artifact.name, error.strerror or type(error).__name__)
            return
    yield artifact  # a parser opens it again, and says why it cannot


def _members(
    name: str, kind: str, stream: BinaryIO, scratch: Scratch, budget: Budget, worth: Worth, depth: int
) -> Iterator[Artifact | Unread]:
    budget.start()
    skipped = 0
    for one in _isolated(_read(name, kind, stream, scratch, budget, worth)):
        if isinstance(one, Damage):
            yield Unread(name, one.reason, one.kind)
            continue
        budget.member()
        shown, refused = checked(one.name)
        full = f"{name}/{shown}"
        denied = Broken(refused, "refused") if refused else one.denied
        if denied is not None:
            yield Unread(full, denied.reason, denied.kind)
        elif not worth(shown):
            skipped += 1
        else:
            yield from _one(full, one, scratch, budget, worth, depth)
    budget.stop()
    if skipped:
        yield Unread(name, f"{skipped} traces, dumps, programs and pictures in it are not read", "unsupported")


def _isolated(members: Iterator[Member | Damage]) -> Iterator[Member | Damage]:
    """The members; what a format's reader raises for damage nobody thought of ends this archive alone."""
    try:
        yield from members
    except LimitReached:
        raise
    except Exception as error:
        yield Damage(f"reading the archive stopped: {type(error).__name__}")


def _one(
    name: str, member: Member, scratch: Scratch, budget: Budget, worth: Worth, depth: int
) -> Iterator[Artifact | Unread]:
    data, path, broken = _stored(member, scratch)
    budget.stop()
    try:
        if broken is not None:
            yield Unread(name, broken.reason, broken.kind)
        if data or path is not None or broken is None:
            yield from _opened(_artifact(name, data, path), scratch, budget, worth, depth + 1)
    finally:
        if path is not None:
            path.unlink(missing_ok=True)
        budget.start()


def _artifact(name: str, data: bytes, path: Path | None) -> Artifact:
    if path is None:
        return Artifact(name, len(data), lambda: io.BytesIO(data))
    return Artifact(name, path.stat().st_size, lambda: path.open("rb"), str(path))


def _stored(member: Member, scratch: Scratch) -> tuple[bytes, Path | None, Broken | None]:
    """The member's bytes, or the file they were written to, and why they are not whole."""
    found: list[bytes] = []
    size = 0
    pieces = member.read()
    try:
        for piece in pieces:
            found.append(piece)
            size += len(piece)
            if size > _IN_MEMORY:
                path = scratch.new_path()
                return b"", path, _written(path, chain(found, pieces))
    except Broken as error:
        return b"".join(found), None, error
    except LimitReached:
        raise
    except Exception as error:
        return b"".join(found), None, Broken(f"unpacking stopped: {type(error).__name__}")
    return b"".join(found), None, None


def _written(path: Path, pieces: Iterator[bytes]) -> Broken | None:
    size = 0
    with path.open("wb") as stream:
        try:
            for piece in pieces:
                size += len(piece)
                if size > MEMBER_SIZE:
                    return Broken(f"limit member-size: more than {MEMBER_SIZE // 1024 // MB} GB", "limit")
                stream.write(piece)
        except Broken as error:
            return error
        except LimitReached:
            raise
        except Exception as error:
            return Broken(f"unpacking stopped: {type(error).__name__}")
    return None


def _read(
    name: str, kind: str, stream: BinaryIO, scratch: Scratch, budget: Budget, worth: Worth
) -> Iterator[Member | Damage]:
    if kind == "zip":
        from troubleshoot.containers import zips

        return zips.members(stream, budget)
    if kind == "cab":
        from troubleshoot.containers import cabinets

        return cabinets.members(stream, budget)
    if kind == "7z":
        from troubleshoot.containers import sevenzips

        return sevenzips.members(stream, budget, scratch, worth)
    if kind == "tar":
        from troubleshoot.containers import tars

        return tars.members(stream, budget)
    from troubleshoot.containers import decompress

    inner = name.rpartition("/")[2]
    for ending in _ENDINGS[kind]:
        if inner.casefold().endswith(ending):
            inner = inner[: -len(ending)] + (".tar" if ending.startswith(".t") else "")
    return iter((Member(inner or "content", None, lambda: decompress.single(kind, stream, budget)),))


__all__ = ["DEPTH", "HEAD", "Scratch", "Worth", "kind_of", "unpacked", "worth_reading"]
