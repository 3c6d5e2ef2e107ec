"""What a code is called and what it means, in any notation. The table (``data/codes.bin``) is read when first asked.

``tools/build_codes.py`` makes the table and says where each name comes from.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from functools import lru_cache

from troubleshoot import codes
from troubleshoot.tables import DATA

_FACILITIES = {
    0x000: "NULL", 0x001: "RPC", 0x002: "DISPATCH", 0x003: "STORAGE", 0x004: "ITF", 0x007: "WIN32", 0x008: "WINDOWS", 0x009: "SSPI",
    0x00A: "CONTROL",
    0x00B: "CERT", 0x00C: "INTERNET", 0x010: "MSMQ", 0x015: "WINDOWS_CE", 0x018: "MDM (management enrolment)", 0x019: "HTTP",
    0x01C: "DSREG (device registration)", 0x024: "WINDOWSUPDATE", 0x026: "GRAPHICS", 0x028: "TPM services", 0x029: "TPM software",
    0x048: "AAD", 0x04C: "AAD cloud AP", 0xAA: "ADAL",
}  # fmt: skip
_KIND_ORDER = ("AADSTS", "MSIS", "HRESULT", "NTSTATUS", "Win32", "WinINet", "WinHTTP", "HTTP", "word")
_MOST_RESULTS = 40


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a code. ``name`` is None for a code no table names; ``wraps`` is the code inside it."""

    code: str
    kind: str
    name: str | None
    source: str | None
    facility: str | None = None
    severity: str | None = None
    wraps: str | None = None


@lru_cache(maxsize=1)
def _table() -> dict[str, list[tuple[str, str, str]]]:
    """code (lower case) -> (kind, name, source) of every name."""
    lines = zlib.decompress((DATA / "codes.bin").read_bytes()).decode().split("\n")
    sources = lines[0].split("\t")
    found: dict[str, list[tuple[str, str, str]]] = {}
    for line in lines[1:]:
        code, kind, name, place = line.split("\t")
        found.setdefault(code.casefold(), []).append((kind, name, sources[int(place)]))
    return found


def count() -> int:
    """How many names the table holds."""
    return sum(len(names) for names in _table().values())


def brief(code: str) -> tuple[str | None, str | None]:
    """(name, meaning) of a canonical code for a report: its first name, and what it wraps or which facility made it."""
    readings = explain(code)
    if not readings:
        return None, None
    first = readings[0]
    told = (
        f"carries {first.wraps}"
        if first.wraps
        else f"facility {first.facility}"
        if first.facility and not first.name
        else None
    )
    return first.name, told


def explain(text: str) -> list[Reading]:
    """Every reading of a code in any notation, best first; empty when the text is no code.

    Signed and unsigned decimals are read as 32 bits. A small number is a Win32 error, and behind 0x80070000 an HRESULT.
    """
    code = codes.normalise(text)
    if code is None:
        return []
    if not code.startswith("0x"):
        names = _table().get(code.casefold(), [])
        kind = "AADSTS" if code.startswith("AADSTS") else "MSIS" if code.startswith("MSIS") else "word"
        found = [Reading(code, one, name, source) for one, name, source in names]
        return found or ([Reading(code, kind, None, None)] if kind != "word" else [])
    number = int(code, 16)
    found = [_reading(code, kind, name, source) for kind, name, source in _table().get(code, [])]
    if number < 0x10000 and number:
        wrapped = f"0x{0x80070000 | number:08x}"
        found += [_reading(wrapped, kind, name, source) for kind, name, source in _table().get(wrapped, [])]
    if 400 <= number < 600:
        found.append(Reading(code, "HTTP", _http(number), "RFC 9110"))
    if not found:
        found = [_reading(code, _kind(number), None, None)]
    found.sort(key=lambda one: (_KIND_ORDER.index(one.kind), one.name or ""))
    return found


def _kind(number: int) -> str:
    return (
        "NTSTATUS"
        if number >> 28 == 0xC and number >> 20 not in (0xCAA, 0xC00C)
        else "HRESULT"
        if number >= 0x80000000
        else "Win32"
    )


def _reading(code: str, kind: str, name: str | None, source: str | None) -> Reading:
    number = int(code, 16)
    facility = severity = None
    if kind == "NTSTATUS":
        severity = ("success", "information", "warning", "error")[number >> 30]
        facility = f"0x{number >> 16 & 0xFFF:03x}"
    elif number >= 0x80000000:
        severity = "error"
        value = 0xAA if number >> 20 == 0xCAA else number >> 16 & 0x7FF
        facility = _FACILITIES.get(value) or f"0x{value:03x}"
    return Reading(code, kind, name, source, facility, severity, _wrapped(number))


def _wrapped(number: int) -> str | None:
    """The Win32, WinINet or HTTP error inside an HRESULT that only carries it."""
    low = number & 0xFFFF
    if number >> 16 == 0x8019:
        return _http(low) if 100 <= low < 600 else None
    # 0xcaa82ee2 and 0x80072ee2 both hold 0x2ee2, which is WinINet's 12002.
    inner = low if number >> 16 in (0x8007, 0xCAA8) else None
    if inner is None:
        return None
    names = [name for kind, name, _ in _table().get(f"0x{inner:08x}", []) if kind in ("Win32", "WinINet", "WinHTTP")]
    return f"{inner} {' / '.join(names)}".strip()


def _http(status: int) -> str:
    from http import HTTPStatus

    try:
        return f"HTTP status {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP status {status}"


def search(words: str) -> list[Reading]:
    """Names that hold all the words, in any order: a symbol, a part of one, or words with blanks; shortest names first."""
    parts = [part for part in re.split(r"[^a-z0-9]+", words.casefold()) if part]
    if not parts:
        return []
    found = [
        _reading(code, kind, name, source) if code.startswith("0x") else Reading(code, kind, name, source)
        for code, names in _table().items()
        for kind, name, source in names
        if all(part in name.casefold() for part in parts)
    ]
    found.sort(key=lambda one: (len(one.name or ""), one.name or "", one.code))
    return found[:_MOST_RESULTS]
