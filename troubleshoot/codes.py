"""Error codes in every notation the evidence prints, as one canonical text.

Canonical forms: ``0x801c001d`` (lower-case hex, eight digits: HRESULT, NTSTATUS, Win32, WinINet, WinHTTP), ``AADSTS50155``,
``MSIS9682``, and words as printed (``error_missing_device``, ``invalid_grant``). Nothing here loads a table: names and
meanings are :mod:`troubleshoot.codebook`'s.
"""

from __future__ import annotations

import re

_HEX = re.compile(r"(?<![0-9A-Za-z])0[xX]([0-9A-Fa-f]{1,8})(?![0-9A-Za-z])")
_BARE_HEX = re.compile(r"(?:[0-9a-fA-F]{8})")
_DECIMAL = re.compile(r"[-+]?\d{1,10}")
_SERVER = re.compile(r"(?<![0-9A-Za-z])(AADSTS|MSIS)(\d{3,8})(?![0-9A-Za-z])", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{3,80}")
_PAIR = re.compile(r"0[xX]([0-9A-Fa-f]{1,8})(?:\s*/\s*0[xX]([0-9A-Fa-f]{1,8}))?(?![0-9A-Za-z])")
# A decimal is a code only where its text says so: numbers stand in times, ports and identifiers too.
_LABELLED = re.compile(
    r"(?:\b(?:error|exit|status|result|hresult)[ _]?(?:code|status)?|\bcode|\bhresult)\W{0,4}?(-\d{5,10}|\d{9,10})(?![0-9A-Za-z:-]|\.\d)",
    re.IGNORECASE,
)
_ANY = re.compile(
    r"(?<![0-9A-Za-z])0[xX](?P<hex>[0-9A-Fa-f]{7,8})(?![0-9A-Za-z])|(?<![0-9A-Za-z])(?P<kind>AADSTS|MSIS)(?P<number>\d{3,8})(?![0-9A-Za-z])",
    re.IGNORECASE,
)
SUCCESS = frozenset({"0x00000000"})
_LONGEST = 200_000  # characters of one text that are searched


def mask(number: int) -> str:
    """The low 32 bits of any integer as canonical hex: ``-2145648611`` and ``2149318685`` are ``0x801c001d``."""
    return f"0x{number & 0xFFFFFFFF:08x}"


def is_success(code: str | None) -> bool:
    """Is this a code that says "no error"?"""
    return code in SUCCESS


def normalise(text: str) -> str | None:
    """The one code that ``text`` is, in canonical form; None when it is none or holds several words.

    Reads hex in any case and length (up to eight digits), signed and unsigned decimal, ``[0x..]``, ``(0x..)``,
    ``Unknown HResult Error code: 0x...``, AADSTS and MSIS numbers and single words. A small decimal is ambiguous and
    read as a number; :func:`troubleshoot.codebook.explain` gives every reading.
    """
    text = text.strip().strip("[](){}<>.,;:'\"`*").strip()
    if not text:
        return None
    if text[:2] in ("0x", "0X"):
        digits = text[2:].rstrip("lLuU")
        if 1 <= len(digits) <= 8 and all(one in "0123456789abcdefABCDEF" for one in digits):
            return f"0x{int(digits, 16):08x}"
    if _DECIMAL.fullmatch(text):
        number = int(text)
        return mask(number) if -0x80000000 <= number <= 0xFFFFFFFF else None
    server = _SERVER.fullmatch(text)
    if server:
        return server[1].upper() + server[2]
    if len(text) == 8 and _BARE_HEX.fullmatch(text) and not text.isalpha():
        return f"0x{text.lower()}"
    found = _HEX.findall(text[:400])
    if len(set(found)) == 1:
        return f"0x{int(found[0], 16):08x}"
    if found:
        return None
    if _WORD.fullmatch(text):
        return text
    server = _SERVER.search(text[:400])
    return server[1].upper() + server[2] if server else None


def pair(text: str) -> tuple[str | None, str | None]:
    """The code and the code behind it in ``FAIL [0x801c0021/0x80072ee2]``; the second is None where there is one only."""
    if "0x" not in text and "0X" not in text:
        return None, None
    found = _PAIR.search(text)
    if not found:
        return None, None
    second = found[2]
    return f"0x{int(found[1], 16):08x}", f"0x{int(second, 16):08x}" if second else None


def find(text: str) -> tuple[str, ...]:
    """Every code inside a text, canonical, in the order they stand, each once.

    Hex with seven or eight digits, AADSTS and MSIS numbers, and decimals that are labelled as an error code. Words are
    left out: in free text they cannot be told from prose.
    """
    found: dict[str, int] = {}
    if len(text) > _LONGEST:
        text = text[:_LONGEST]
    if "0x" in text or "0X" in text or "STS" in text or "sts" in text or "MSIS" in text or "msis" in text:
        for one in _ANY.finditer(text):
            if one["hex"]:
                found.setdefault(f"0x{int(one['hex'], 16):08x}", one.start())
            else:
                found.setdefault(one["kind"].upper() + one["number"], one.start())
    for one in _LABELLED.finditer(text):
        number = int(one[1])
        # Codes have their top bits set; a smaller number is a count or a size.
        if number < 0 or number >= 0x80000000:
            found.setdefault(mask(number), one.start())
    return tuple(sorted(found, key=found.__getitem__))
