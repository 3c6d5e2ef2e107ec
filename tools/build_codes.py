"""Builds ``troubleshoot/data/codes.bin``: the names of error codes, with the source of each.

    python tools/build_codes.py HEADERS        HEADERS: the include folder of Debian's mingw-w64-x86-64-dev

Sources: the headers of mingw-w64 (public domain; parts under ZPL 2.1), which hold HRESULT, NTSTATUS, Win32, WinINet and
WinHTTP names, and ``tools/documented_codes.tsv``, the codes that Microsoft's documents name. Same input, same bytes.
"""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "troubleshoot" / "data" / "codes.bin"
DOCUMENTED = HERE / "documented_codes.tsv"
_DEFINE = re.compile(r"^\s*#\s*define\s+([A-Z][A-Za-z0-9_]{3,90})\s+(.+?)\s*(?:/\*.*|//.*)?$")
_HRESULT = re.compile(r"^_HRESULT_TYPEDEF_\(\s*(0x[0-9A-Fa-f]{1,8})L?\s*\)$")
_CAST = re.compile(r"^\(*\s*\(\s*(HRESULT|NTSTATUS|SCODE|DWORD)\s*\)\s*(0x[0-9A-Fa-f]{1,8})L?U?\s*\)*$")
_PLAIN = re.compile(r"^\(?\s*(0x[89A-Fa-f][0-9A-Fa-f]{7})[LlUu]*\s*\)?$")
_NUMBER = re.compile(r"^(?:__MSABI_LONG\()?(\d{1,5})[LlUu]?\)?$")
_LAN_MANAGER = re.compile(r"^\(NERR_BASE\s*\+\s*(\d{1,3})\)$")
_BASED = re.compile(r"^\(?\s*(WINHTTP_ERROR_BASE|INTERNET_ERROR_BASE)\s*\+\s*(\d{1,4})\s*\)?$")
_NOT_CODES = re.compile(
    r"^(FACILITY_|SEVERITY_|MAX_NERR|WINHTTP_(?!.*ERROR)|INTERNET_(?!.*ERROR)|.*_(MASK|BASE|FIRST|LAST|MIN|MAX)$)"
)


def rows_of(header: Path) -> Iterator[tuple[int, str, str]]:
    """(number, kind, name) of every error name in one header."""
    name = header.name
    for line in header.read_text(encoding="latin-1").splitlines():
        found = _DEFINE.match(line)
        if not found or _NOT_CODES.match(found[1]):
            continue
        symbol, body = found[1], found[2].strip()
        if match := _HRESULT.match(body):
            yield int(match[1], 16), "HRESULT", symbol
        elif match := _CAST.match(body):
            number = int(match[2], 16)
            if match[1] == "NTSTATUS" or (number >= 0x80000000 and match[1] != "DWORD"):
                yield number, "NTSTATUS" if match[1] == "NTSTATUS" else "HRESULT", symbol
        elif match := _BASED.match(body):
            yield 12000 + int(match[2]), "WinHTTP" if match[1][0] == "W" else "WinINet", symbol
        elif match := _LAN_MANAGER.match(body):
            yield 2100 + int(match[1]), "Win32", symbol
        elif name == "winerror.h" and (match := _NUMBER.match(body)):
            yield int(match[1]), "Win32", symbol
        elif name != "winerror.h" and ("err" in name or "status" in name) and (match := _PLAIN.match(body)):
            kind = "NTSTATUS" if symbol.startswith("STATUS_") else "HRESULT"
            yield int(match[1], 16), kind, symbol


def documented() -> Iterator[tuple[str, str, str, str]]:
    """(code, kind, name, source) of the documented codes."""
    for line in DOCUMENTED.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line.strip():
            continue
        code, symbol, source = line.split("\t")
        if code.startswith("0x"):
            kind = (
                "NTSTATUS"
                if code.startswith("0xc") and not code.startswith(("0xcaa", "0xc004", "0xc00c"))
                else "HRESULT"
            )
        else:
            kind = "AADSTS" if code.startswith("AADSTS") else "MSIS" if code.startswith("MSIS") else "word"
        yield code, kind, symbol or code, source


def build(include: Path) -> bytes:
    """The compressed table: lines of code, kind, name and source, sorted."""
    rows: dict[tuple[str, str, str], str] = {}
    for code, kind, name, source in documented():
        rows[code, kind, name] = source
    for header in sorted(include.glob("*.h")):
        for number, kind, name in rows_of(header):
            code = f"0x{number:08x}"
            known = any((code, other, name) in rows for other in ("HRESULT", "NTSTATUS", "Win32", "WinINet", "WinHTTP"))
            if not known:
                rows[code, kind, name] = f"mingw-w64 {header.name}"
    sources = sorted(set(rows.values()))
    place = {source: number for number, source in enumerate(sources)}
    lines = ["\t".join(sources)]
    lines += [f"{code}\t{kind}\t{name}\t{place[source]}" for (code, kind, name), source in sorted(rows.items())]
    return zlib.compress("\n".join(lines).encode(), 9)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    table = build(Path(sys.argv[1]))
    TARGET.write_bytes(table)
    names = zlib.decompress(table).decode().count("\n")
    print(f"{TARGET}: {len(table)} bytes, {names} names")
