"""Archives for tests, all made here: of every format the tool opens, and the same with something wrong."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable

import py7zr

from tools.cab_writer import cabinet
from troubleshoot.containers import Unpacker, kind_of
from troubleshoot.containers.limits import Budget
from troubleshoot.containers.scratch import Scratch
from troubleshoot.loader import expanded, in_memory
from troubleshoot.model import Unread

Files = dict[str, bytes]


def zipped(files: Files, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


class _Unseekable(io.RawIOBase):
    """What a pipe is to zipfile: it then writes the sizes behind the data."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.data += data
        return len(data)


def encrypted_zip(files: dict[str, bytes], names: set[str]) -> bytes:
    """As zip -P leaves it, as far as a reader without the password can see: bit 0 of the flags."""
    data = bytearray(zipped(files))
    for magic, flags, name_at in ((b"PK\x03\x04", 6, 30), (b"PK\x01\x02", 8, 46)):
        at = data.find(magic)
        while at >= 0:
            if any(data[at + name_at :].startswith(name.encode()) for name in names):
                data[at + flags] |= 1
            at = data.find(magic, at + 4)
    return bytes(data)


def streamed_zip(files: Files) -> bytes:
    """A ZIP archive with data descriptors."""
    out = _Unseekable()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[arg-type]
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return bytes(out.data)


def zip64(files: Files) -> bytes:
    """A ZIP archive whose members and directory have 64-bit sizes, as those of more than 4 GB have."""
    body, directory = b"", b""
    for name, data in files.items():
        raw = name.encode()
        extra = struct.pack("<HHQQ", 1, 16, len(data), len(data))
        entry = struct.pack("<HHHHHIIIHH", 45, 0, 0, 0, 33, zipfile.crc32(data), 0xFFFFFFFF, 0xFFFFFFFF, len(raw), 20)
        place = struct.pack("<HHQQQ", 1, 24, len(data), len(data), len(body))
        central = struct.pack(
            "<HHHHHHIIIHHHHHII",
            *(45, 45, 0, 0, 0, 33, zipfile.crc32(data), 0xFFFFFFFF, 0xFFFFFFFF, len(raw), 28, 0, 0, 0, 0, 0xFFFFFFFF),
        )
        directory += b"PK\x01\x02" + central + raw + place
        body += b"PK\x03\x04" + entry + raw + extra + data
    count = len(files)
    end = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, len(directory), len(body))
    end += b"PK\x06\x07" + struct.pack("<IQI", 0, len(body) + len(directory), 1)
    return (
        body
        + directory
        + end
        + b"PK\x05\x06"
        + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    )


def tarred(files: Files, form: int = tarfile.GNU_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def old_tar(files: Files) -> bytes:
    """As tar wrote before POSIX: no magic, only a checksum."""
    data = bytearray(tarred(files))
    at = 0
    while any(data[at : at + 512]):
        size = int(data[at + 124 : at + 135], 8)
        data[at + 257 : at + 512] = bytes(255)
        data[at + 148 : at + 156] = b" " * 8
        data[at + 148 : at + 156] = b"%06o\x00 " % sum(data[at : at + 512])
        at += 512 + (size + 511) // 512 * 512
    return bytes(data)


def seven(files: Files, password: str | None = None, filters: list[dict[str, int]] | None = None) -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w", password=password, filters=filters) as archive:
        for name, data in files.items():
            archive.writestr(data, name)
    return out.getvalue()


def seven_named(files: Files) -> bytes:
    """As :func:`seven`, also with names that py7zr refuses to write: put into the directory afterwards."""
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w") as archive:
        archive.set_encoded_header_mode(False)
        for number, (name, data) in enumerate(files.items()):
            archive.writestr(data, chr(0xE000 + number) * len(name))
    made = bytearray(out.getvalue())
    for number, name in enumerate(files):
        at = made.find((chr(0xE000 + number) * len(name)).encode("utf-16-le"))
        made[at : at + 2 * len(name)] = name.encode("utf-16-le")
    offset, size = struct.unpack_from("<QQ", made, 12)
    struct.pack_into("<I", made, 28, zlib.crc32(made[32 + offset : 32 + offset + size]))
    struct.pack_into("<I", made, 8, zlib.crc32(made[12:32]))
    return bytes(made)


def zstandard(data: bytes) -> bytes:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    made: bytes = zstd.compress(data)
    return made


def cab(files: Files, method: str = "mszip") -> bytes:
    blocks = [("verbatim", 20_000), ("aligned", 12_345), ("uncompressed", 999)]
    return cabinet([(name.replace("/", "\\"), data) for name, data in files.items()], method, blocks=blocks)


_COPY = [{"id": py7zr.FILTER_COPY}]
_BZIP2 = [{"id": py7zr.FILTER_BZIP2}]
_DEFLATE = [{"id": py7zr.FILTER_DEFLATE}]
_ZSTD = [{"id": py7zr.FILTER_ZSTD}]
_LZMA = [{"id": py7zr.FILTER_LZMA}]
_BCJ = [{"id": py7zr.FILTER_X86}, {"id": py7zr.FILTER_LZMA}]
_DELTA = [{"id": py7zr.FILTER_DELTA}, {"id": py7zr.FILTER_LZMA2, "preset": 6}]

FORMATS: dict[str, Callable[[Files], bytes]] = {
    "zip": zipped,
    "stored zip": lambda files: zipped(files, zipfile.ZIP_STORED),
    "bzip2 zip": lambda files: zipped(files, zipfile.ZIP_BZIP2),
    "lzma zip": lambda files: zipped(files, zipfile.ZIP_LZMA),
    "zip with backslashes": lambda files: zipped({name.replace("/", "\\"): data for name, data in files.items()}),
    "zip with data descriptors": streamed_zip,
    "Zip64": zip64,
    "stored cab": lambda files: cab(files, "stored"),
    "MSZIP cab": cab,
    "LZX cab": lambda files: cab(files, "lzx"),
    "7z": seven,
    "7z with a copy": lambda files: seven(files, filters=_COPY),
    "7z with BZip2": lambda files: seven(files, filters=_BZIP2),
    "7z with Deflate": lambda files: seven(files, filters=_DEFLATE),
    "7z with zstd": lambda files: seven(files, filters=_ZSTD),
    "7z with LZMA": lambda files: seven(files, filters=_LZMA),
    "7z with BCJ and LZMA": lambda files: seven(files, filters=_BCJ),
    "7z with Delta": lambda files: seven(files, filters=_DELTA),
    "tar": tarred,
    "pax tar": lambda files: tarred(files, tarfile.PAX_FORMAT),
    "old tar": old_tar,
    "tar.gz": lambda files: gzip.compress(tarred(files), mtime=0),
    "tar.bz2": lambda files: bz2.compress(tarred(files)),
    "tar.xz": lambda files: lzma.compress(tarred(files)),
    "tar.zst": lambda files: zstandard(tarred(files)),
    "tar.gz in parts": lambda files: b"".join(
        gzip.compress(tarred(files)[at : at + 5000], mtime=0) for at in range(0, len(tarred(files)), 5000)
    ),
    "zip in cab in zip in 7z": lambda files: seven({"a": zipped({"b": cab({"c": zipped(files)}, "lzx")})}),
}


def opened(name: str, data: bytes, budget: Budget | None = None) -> tuple[Files, list[Unread]]:
    """(content of every artifact by name, what is named instead) of an archive in memory, as the loader gives it."""
    found: Files = {}
    missing: list[Unread] = []
    with Scratch() as scratch:
        for one in expanded(in_memory(name, data), Unpacker(scratch, budget=budget)):
            if isinstance(one, Unread):
                missing.append(one)
            else:
                with one.open() as stream:
                    assert one.name not in found or kind_of(data) is not None
                    found[one.name if one.name not in found else f"{one.name} again"] = stream.read()
    return found, missing


def lines(missing: list[Unread]) -> list[tuple[str, str, str]]:
    """(path, kind, reason) of each."""
    return [(one.path, one.kind, one.reason) for one in missing]
