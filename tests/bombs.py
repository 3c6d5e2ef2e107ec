"""Archives made to do harm, each from a few lines: bombs, floods, escapes, links; what is cut off, locked or damaged.

Nothing here is taken from a real one, and none unpacks anything when it is made.
"""

from __future__ import annotations

import gzip
import io
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Sequence

from tests.archives import cab, seven, zipped

MB = 1 << 20
LEVELS = 200
FLOOD = 1_000_000


def zeros(megabytes: int, head: bytes = b"") -> tuple[bytes, int]:
    """(deflated bytes, size) of a head with that many megabytes of zeros behind it; they are compressed once and repeated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packer.compress(head + bytes(MB)) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(MB)) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + again * (megabytes - 1) + packer.flush(), len(head) + megabytes * MB


def overlapping(packed: bytes, size: int, names: Sequence[str], crc: int = 0) -> bytes:
    """A ZIP archive all of whose members are the same bytes of it."""
    local = struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, 0, 8, 0, 33, crc, len(packed), size, 1, 0) + b"x" + packed
    directory = bytearray()
    for name in names:
        raw = name.encode()
        sizes = (crc, len(packed), size, len(raw), 0, 0, 0, 0, 0, 0)
        directory += struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\x01\x02", 20, 20, 0, 8, 0, 33, *sizes) + raw
    count = len(names)
    return (
        local + directory + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, len(directory), len(local), 0)
    )


def petabytes(head: bytes = b"ElfFile\x00", ending: str = "evtx") -> bytes:
    """A gigabyte of zeros 32 times in an archive, which is 32 times in an archive, and so on four times: a petabyte and more."""
    packed, size = zeros(1024, head)
    data = overlapping(packed, size, [f"{number}.{ending}" for number in range(32)])
    for _ in range(3):
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = packer.compress(data) + packer.flush()
        data = overlapping(packed, len(data), [f"{number}.zip" for number in range(32)], zlib.crc32(data))
    return data


def flat_bomb() -> bytes:
    """42 kB without an archive in an archive: 500 members that are the same 20 MB."""
    packed, size = zeros(20)
    return overlapping(packed, size, [f"{number}.log" for number in range(500)], zlib.crc32(bytes(size)))


def flood_zip(count: int = FLOOD) -> bytes:
    """A million empty members, each with its own header."""
    out, directory = bytearray(), bytearray()
    for number in range(count):
        name = b"%06x" % number
        at = len(out)
        out += struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, 0, 0, 0, 33, 0, 0, 0, 6, 0) + name
        directory += (
            struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, 6, 0, 0, 0, 0, 0, at) + name
        )
    start, size = len(out), len(directory)
    end = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, size, start)
    end += b"PK\x06\x07" + struct.pack("<IQI", 0, start + size, 1)
    end += struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return bytes(out + directory + end)


def flood_tar(count: int = FLOOD) -> bytes:
    """A million empty members in a tar.gz: 512 MB of headers, made a thousand at a time."""
    head = tarfile.TarInfo("a").tobuf() * 1000
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return (
        b"".join([packer.compress(head) for _ in range(count // 1000)]) + packer.compress(bytes(1024)) + packer.flush()
    )


def flood_seven(count: int = FLOOD) -> bytes:
    """A million empty members in a 7z: a directory of names alone."""
    names = b"".join(struct.pack("<HH", 0x61 + number % 26, 0) for number in range(count))
    bits = b"\xff" * (count // 8) + (b"\xff" if count % 8 else b"")
    body = b"\x01\x05" + _number(count) + b"\x0e" + _number(len(bits)) + bits + b"\x0f" + _number(len(bits)) + bits
    body += b"\x11" + _number(len(names) + 1) + b"\x00" + names + b"\x00\x00"
    start = struct.pack("<QQI", 0, len(body), zlib.crc32(body))
    return b"7z\xbc\xaf\x27\x1c\x00\x04" + struct.pack("<I", zlib.crc32(start)) + start + body


def _number(value: int) -> bytes:
    """A number as 7z writes it, in nine bytes."""
    return b"\xff" + struct.pack("<Q", value)


def nested(levels: int = LEVELS) -> bytes:
    """A ZIP archive in a ZIP archive, and so on."""
    data = b"the innermost text\n"
    for _ in range(levels):
        data = zipped({"a": data})
    return data


def nested_gzip(levels: int = LEVELS) -> bytes:
    """The same of gzip."""
    data = b"the innermost text\n"
    for _ in range(levels):
        data = gzip.compress(data, mtime=0)
    return data


def linked_zip(target: str, inside: bytes) -> bytes:
    """A symbolic link out of the archive, then a member that goes through it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, target)
        archive.writestr("link/through.txt", inside)
    return out.getvalue()


def linked_tar(kind: bytes, target: str, inside: bytes) -> bytes:
    """The same in a tar archive; ``kind``: tarfile.SYMTYPE or LNKTYPE."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = kind, target
        archive.addfile(link)
        member = tarfile.TarInfo("link/through.txt")
        member.size = len(inside)
        archive.addfile(member, io.BytesIO(inside))
    return out.getvalue()


def locked_zip(name: str, data: bytes, strong: bool = False) -> bytes:
    """A ZIP archive with one encrypted member (``strong``: by AES, as 7-Zip and WinZip do)."""
    made = bytearray(zipped({name: data}))
    for magic, flags, method in ((b"PK\x03\x04", 6, 8), (b"PK\x01\x02", 8, 10)):
        at = made.find(magic)
        made[at + flags] |= 1
        if strong:
            struct.pack_into("<H", made, at + method, 99)
    return bytes(made)


def locked_seven(name: str, data: bytes, names_too: bool = False) -> bytes:
    """A 7z archive with a password (``names_too``: its directory is encrypted as well)."""
    import py7zr

    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w", password="correct horse", header_encryption=names_too) as archive:
        archive.writestr(data, name)
    return out.getvalue()


def broken_cab(name: str, data: bytes) -> bytes:
    """A cabinet one byte of whose data is not what its checksum says."""
    made = bytearray(cab({name: data}, "stored"))
    made[made.find(data[:40]) + 5] ^= 0xFF
    return bytes(made)


def broken_seven(name: str, data: bytes) -> bytes:
    """A 7z archive whose packed data was changed."""
    made = bytearray(seven({name: data}))
    made[40] ^= 0xFF
    return bytes(made)
