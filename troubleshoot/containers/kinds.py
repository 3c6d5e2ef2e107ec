"""What a file is, by its first bytes: an archive, a workbook, or something that holds no evidence."""

from __future__ import annotations

from typing import BinaryIO, Protocol

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"PK\x07\x08PK\x03\x04", "zip"),
    (b"PK00PK\x03\x04", "zip"),
    (b"MSCF\x00\x00\x00\x00", "cab"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x1f\x8b\x08", "gzip"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)
_NUMBERS = frozenset(b"01234567 \x00")


class Worth(Protocol):
    """Is a member worth unpacking? Asked with its name alone, then with its first bytes; the answer is None for yes, or the
    plural of what it is (``event traces``), under which it is counted."""

    def __call__(self, name: str, head: bytes | None) -> str | None:
        """None: worth reading."""


def no_evidence(name: str, head: bytes | None) -> str | None:
    """What holds no evidence in any bundle: traces that need a decoder of their own by name, pictures and programs by content."""
    if head is None:
        lower = name.lower()
        return "event traces (.etl)" if lower.endswith((".etl", ".etl.merged")) else None
    if head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM")) and b"\x00" in head[:64]:
        return "pictures"
    if head.startswith((b"MZ", b"\x7fELF")) and b"\x00" in head[:64]:
        return "programs"
    return None


_OFFICE = (b"[Content_Types].xml", b"_rels/.rels", b"docProps/", b"xl/")


def is_workbook(stream: BinaryIO) -> bool:
    """Is it an XLSX workbook, whatever its name? It is a zip archive whose first member is one of Office's, with a workbook in it."""
    stream.seek(0)
    head = stream.read(80)
    if not head.startswith(b"PK\x03\x04") or not head[30:].startswith(_OFFICE):
        return False
    from troubleshoot.containers.zips import directory

    found, _ = directory(stream, stream.seek(0, 2))
    stream.seek(0)
    return any(one.filename == "xl/workbook.xml" for one in found or ())


def kind_of(head: bytes) -> str | None:
    """The format of an archive whose first bytes these are, None for anything else. Needs 512 bytes to know a tar archive."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head.startswith(b"BZh") and head[4:10] in (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90"):
        return "bzip2"
    return "tar" if looks_like_tar(head[:512]) else None


def looks_like_tar(head: bytes) -> bool:
    """Is this the first block of a tar archive: with its magic, or with the checksum that older ones have too?"""
    if len(head) < 512:
        return False
    if head[257:262] == b"ustar":
        return True
    told = head[148:156]
    if not head[0] or not set(told) <= _NUMBERS or not told.strip(b" \x00"):
        return False
    try:
        return int(told.strip(b" \x00"), 8) == sum(head[:148]) + sum(head[156:512]) + 8 * 32
    except ValueError:
        return False
