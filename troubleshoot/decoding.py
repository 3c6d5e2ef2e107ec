"""Bytes of a text to characters, whatever wrote it: Windows PowerShell, cmd, an editor, or several of them in turn.

By byte-order mark, then by the pattern of NULs (UTF-16 without mark), then UTF-8, then a Windows code page. A file to
which another tool appended in another encoding (``>>`` after ``Out-File``) is decoded part by part.
"""

from __future__ import annotations

import re

from troubleshoot.model import Sheet

_MARKS: tuple[tuple[bytes, str], ...] = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_LONG = 1_048_576
_NUL_RUN = re.compile(rb"(?:[^\x00]\x00){4,}|(?:\x00[^\x00]){4,}")


def decode(data: bytes) -> tuple[str, str]:
    """(text with ``\\n`` line ends, name of the encoding). Never raises: what is no character becomes U+FFFD."""
    if data[:2] not in (b"\xff\xfe", b"\xfe\xff") and b"\x00" not in data:
        if len(data) > _LONG and b"\r" in data:  # before they are characters, which take up to four times the room
            data = data.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        text, encoding = _bytewise(data[3:] if data[:3] == _MARKS[0][0] else data)
    elif not data.strip(b"\x00"):
        text, encoding = "", "utf-8"  # a disk's free space under a file's name
    else:
        text, encoding = _with_nuls(data)
    if "\r" in text:
        # Out-File of already converted text writes \r\r\n; a lone \r ends a line too.
        text = text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    return text, encoding


def sheet(name: str, data: bytes) -> Sheet:
    """The decoded text of one artifact as the text parsers share it."""
    text, encoding = decode(data)
    return Sheet(name, text, text.split("\n"), set(), encoding)


TOKEN = re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]{0,16384}){0,3}")
"""A signed token (JWT)."""


def without_tokens(one: Sheet) -> Sheet:
    """The sheet without the signed tokens in it (``eyJ...``), which prove nothing and must not reach a report."""
    if "eyJ" not in one.text:
        return one
    text = TOKEN.sub("(token removed)", one.text)
    return Sheet(one.name, text, text.split("\n"), set(), one.encoding)


def _bytewise(data: bytes) -> tuple[str, str]:
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        # One stray byte in a long UTF-8 text is damage, not another code page.
        text = data.decode("utf-8", "replace")
        broken = text.count("\ufffd")
        multibyte = sum(1 for one in text if ord(one) > 0x7F and one != "\ufffd")
        if multibyte > 4 * broken and error.start:
            return text, "utf-8"
    from troubleshoot.codepages import guess

    encoding = guess(data)
    return data.decode(encoding, "replace"), encoding


def _with_nuls(data: bytes) -> tuple[str, str]:
    """UTF-16 with or without mark, in whole or in part."""
    parts: list[tuple[str, str]] = []
    at = 0
    while at < len(data):
        for mark, encoding in _MARKS[1:]:
            if data.startswith(mark, at):
                end = _next_mark(data, at + 2, _end_of_utf16(data, at + 2, encoding))
                parts.append((data[at + 2 : end].decode(encoding, "replace"), encoding))
                at = end
                break
        else:
            start, encoding = _next_utf16(data, at)
            if start > at:
                parts.append(_bytewise(data[at:start].replace(b"\x00", b"")))
            if start < len(data):
                end = _next_mark(data, start, _end_of_utf16(data, start, encoding))
                parts.append((data[start:end].decode(encoding, "replace"), encoding))
                start = end
            at = max(start, at + 1)
    names = dict.fromkeys(encoding for _, encoding in parts)
    return "".join(text for text, _ in parts), "+".join(names) or "utf-8"


def _next_utf16(data: bytes, at: int) -> tuple[int, str]:
    """Where the next run of UTF-16 begins (the end of the data when there is none), and its byte order."""
    marks = [found for found in (data.find(b"\xff\xfe", at), data.find(b"\xfe\xff", at)) if found >= 0]
    run = _NUL_RUN.search(data, at)
    start = min([*marks, *([run.start()] if run else [])], default=len(data))
    if run and start == run.start():
        return start, "utf-16-be" if data[start : start + 1] == b"\x00" else "utf-16-le"
    return start, "utf-16-le" if data[start : start + 2] == b"\xff\xfe" else "utf-16-be"


def _end_of_utf16(data: bytes, at: int, encoding: str) -> int:
    """Where UTF-16 that begins at ``at`` ends: at a long run of bytes without any NUL, or at the end."""
    low = 0 if encoding == "utf-16-le" else 1
    step = 512
    for start in range(at, len(data), step):
        block = data[start : start + step]
        if b"\x00" in block or len(block) < 8:
            continue
        # Text of one alphabet other than Latin has no NULs either, but its line ends do.
        following = data[start : start + 4 * step]
        if b"\x00" in following and following.count(b"\x00") > len(following) // 64:
            continue
        # The Latin text before ends where the last NUL of its pattern stands.
        last = data.rfind(b"\x00", at, start + 1)
        end = last + 1 + low if last >= 0 else start
        if _plausible_bytes(data[end : end + step]):
            return end
    tail = data.rfind(b"\x00") + 1 + low
    if tail > at and len(data) - tail >= 8 and _plausible_bytes(data[tail:]):
        return tail
    return len(data)


def _next_mark(data: bytes, at: int, end: int) -> int:
    """Where in UTF-16 from ``at`` to ``end`` another byte-order mark stands (files put together as they are), or ``end``."""
    for mark, _ in _MARKS[1:]:
        found = data.find(mark, at, end)
        while found >= 0 and (found - at) % 2:
            found = data.find(mark, found + 1, end)
        end = found if found >= 0 else end
    return end


def _plausible_bytes(block: bytes) -> bool:
    """Is this plain one-byte text rather than UTF-16 of another alphabet?"""
    printable = sum(1 for one in block if 0x20 <= one < 0x7F or one in (9, 10, 13))
    return bool(block) and printable * 10 > len(block) * 8
