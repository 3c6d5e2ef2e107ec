"""Error codes in every notation the evidence prints, as one canonical text.

Canonical forms: ``0x801c001d`` (lower-case hex, eight digits: HRESULT, NTSTATUS, Win32, WinINet, WinHTTP),
``AADSTS50155``, ``MSIS9682``, and words as printed (``error_missing_device``, ``invalid_grant``). Nothing here loads a
table: names and meanings are :mod:`troubleshoot.codebook`'s. Every expression is linear in the length of the text, and
a text without any sign of a code costs only a few searches for a fixed string.
"""

from __future__ import annotations

import re
from functools import lru_cache

_HEX = re.compile(r"(?<![0-9A-Za-z+])0[xX]([0-9A-Fa-f]{1,8})[lL]?(?![0-9A-Za-z])")
_WIDE = re.compile(r"(?:f{8}|F{8}|0{8})([0-9A-Fa-f]{8})")
# Without 0x: an HRESULT (8, ca), an NTSTATUS (c0, c1; d0 inside an HRESULT), or zeros in front; never a plain word.
_SHORT_HEX = re.compile(r"[0-9a-fA-F]{1,8}")
_BARE_HEX = re.compile(r"(?=[A-Fa-f]*[0-9])(?:8[0-9A-Fa-f]|[Cc][01Aa]|[Dd]0|00)[0-9A-Fa-f]{6}")
_SHORT_HEX = re.compile(r"(?=[0-9]*[A-Fa-f])(?=[A-Fa-f]*[0-9])[0-9A-Fa-f]{2,7}")
_DECIMAL = re.compile(r"[-+]?[0-9]{1,20}")
_SERVER = re.compile(r"(AADSTS|MSIS)[\s:_#-]{0,3}([0-9]{3,8})", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{3,80}")
_PAIR = re.compile(r"0[xX]([0-9A-Fa-f]{1,8})(?:\s?/\s?0[xX]([0-9A-Fa-f]{1,8}))?(?![0-9A-Za-z])")
# A decimal, or hex without 0x, is a code only where its text says so: numbers stand in times, ports, identifiers too.
_NUMBER = re.compile(
    r"(?<![\w+/.-])(-[0-9]{9,10}|[2-4][0-9]{9}|(?:8[0-9a-f]|c[01a]|d0)[0-9a-f]{6})(?![\w+/:-]|\.[0-9])"
)
_LABEL = re.compile(
    r"(?:err|error|code|hresult|result|status|exit|fail(?:ed|ure)?|returned|fehler|erreur|errore|código|codice"
    r"|エラー|错误|錯誤|오류|ошибк[аи])"
    r"(?:[ _]?(?:code|status|value|number|with|is|was|of|コード|代码|代碼|코드))?[^\w\r\n+/-]{0,6}$"
)
_LABELS = (
    "err",
    "code",
    "result",
    "status",
    "exit",
    "fail",
    "return",
    "fehler",
    "códi",
    "エラー",
    "错误",
    "錯誤",
    "오류",
    "ошиб",
)
_LABEL_REACH = 32  # characters before a number in which its label stands
_ANY = re.compile(
    r"(?<![0-9A-Za-z+])0[xX](?P<hex>[0-9A-Fa-f]{7,8})[lL]?(?![0-9A-Za-z+])"
    r"|(?<![0-9A-Za-z])(?P<kind>AADSTS|aadsts|MSIS|msis)(?P<number>[0-9]{3,8})(?![0-9A-Za-z])"
    r"""|error_codes[\\"']{0,8}\s?:\s?\[(?P<list>[0-9,\s]{3,200})\]"""
)
SUCCESS = frozenset({"0x00000000", "0x0", "0", "S_OK", "ERROR_SUCCESS", "STATUS_SUCCESS", "NO_ERROR"})
# What the logs print where no code is known, or instead of one.
_NO_CODE = frozenset({"none", "null", "undefined", "unknown", "skipped", "error", "true", "false"}) | frozenset(
    {"pass", "passed", "fail", "failed", "success", "succeeded"}
)
_BRACKETS = "[](){}<>.,;:'\"`*"
_SHORT = 64  # characters of a text that is kept with its code: the same codes come from many devices
_SEARCHED = 400  # characters of a text that :func:`normalise` looks at


def mask(number: int) -> str:
    """The low 32 bits of any integer as canonical hex: ``-2145648611`` and ``2149318685`` are ``0x801c001d``."""
    return f"0x{number & 0xFFFFFFFF:08x}"


def is_success(code: str | None) -> bool:
    """Is this a code that says "no error"?"""
    return code in SUCCESS


def normalise(text: str) -> str | None:
    """The one code that ``text`` is, in canonical form; None when it is none or holds several.

    Reads hex in any case and length (up to eight digits, or sixteen where 32 bits were widened; nine are a typing
    error and no code), hex without ``0x`` when it has eight plausible digits, signed and unsigned decimal, ``[0x..]``,
    ``(0x..)``, ``Unknown HResult Error code: 0x...``, labelled decimals, AADSTS and MSIS numbers and single words. A
    small decimal is ambiguous and read as a number; :func:`readings` gives every reading.
    """
    return _normalised(text) if len(text) <= _SHORT else _normalised.__wrapped__(text)


@lru_cache(maxsize=1024)
def _normalised(text: str) -> str | None:
    text = text.strip().strip(_BRACKETS).strip()
    if not text:
        return None
    if text[:2] in ("0x", "0X"):
        code = _from_hex(text[2:].rstrip("lLuU"))
        if code is not None:
            return code
    elif text[0] in "0123456789-+" and _DECIMAL.fullmatch(text):
        return _from_decimal(text)
    elif len(text) == 8 and _BARE_HEX.fullmatch(text):
        return f"0x{text.lower()}"
    elif _WORD.fullmatch(text):
        server = _SERVER.fullmatch(text)
        if server:
            return server[1].upper() + server[2]
        return text if text.casefold() not in _NO_CODE else None
    return _inside(text[:_SEARCHED])


def _from_hex(digits: str) -> str | None:
    """Canonical form of hex digits without their ``0x``; None for nine to fifteen digits, or what is not hex."""
    if _SHORT_HEX.fullmatch(digits):
        return f"0x{int(digits, 16):08x}"
    wide = _WIDE.fullmatch(digits)
    return f"0x{wide[1].lower()}" if wide else None


def _from_decimal(text: str) -> str | None:
    """A decimal as 32 bits. Eight digits that start with 8 are hex whose ``0x`` was left out (``80070005``)."""
    if len(text) == 8 and text[0] == "8":
        return f"0x{text}"
    number = int(text)
    if -0x80000000 <= number <= 0xFFFFFFFF or 2**64 - 2**31 <= number < 2**64:
        return mask(number)
    return None


def _inside(text: str) -> str | None:
    """The only code within a longer text."""
    found = {f"0x{int(digits, 16):08x}" for digits in _HEX.findall(text)}
    if not found:
        found = {one[1].upper() + one[2] for one in _SERVER.finditer(text)} or set(find(text))
    return found.pop() if len(found) == 1 else None


def readings(text: str) -> tuple[str, ...]:
    """Every code that ``text`` can stand for, canonical, the plain one first; empty when it is none.

    A small number is a Win32 (WinINet, WinHTTP) error, the same error inside an HRESULT, an HTTP status, or an AADSTS
    number printed without its prefix: ``1355`` is ``0x0000054b`` and ``0x8007054b``.
    """
    code = normalise(text)
    bare = text.strip().strip(_BRACKETS).strip()
    if code is None:
        if not _SHORT_HEX.fullmatch(bare):
            return ()
        code = f"0x{int(bare, 16):08x}"
    found = [code]
    if code.startswith("0x"):
        number = int(code, 16)
        if 0 < number < 0x10000:
            found.append(mask(0x80070000 | number))
        if bare.isascii() and bare.isdecimal():
            if 100 <= number < 600 and len(bare) == 3:
                found.append(f"HTTP {bare}")
            if 5 <= len(bare) <= 7:
                found.append(f"AADSTS{bare}")
            if code != mask(int(bare)):
                found.append(mask(int(bare)))
    return tuple(found)


def pair(text: str) -> tuple[str | None, str | None]:
    """The code and the code behind it in ``FAIL [0x801c0021/0x80072ee2]``; None where there is none."""
    if "0x" not in text and "0X" not in text:
        return None, None
    found = _PAIR.search(text)
    if not found:
        return None, None
    second = found[2]
    return f"0x{int(found[1], 16):08x}", f"0x{int(second, 16):08x}" if second else None


def find(text: str) -> tuple[str, ...]:
    """Every code inside a text, canonical, in the order they stand, each once.

    Hex with seven or eight digits, AADSTS and MSIS numbers (also the ``error_codes`` list of a token reply), and where
    a label says so decimals with their top bits set and hex without ``0x``. Words are left out: in free text they
    cannot be told from prose. GUIDs, times, ports and identifiers give nothing.
    """
    found: dict[str, int] = {}
    low = text.lower()
    if "0x" in low or "aadsts" in low or "msis" in low or "error_codes" in low:
        for one in _ANY.finditer(text):
            digits, kind, numbers = one.group("hex", "kind", "list")
            if digits:
                found.setdefault(f"0x{int(digits, 16):08x}", one.start())
            elif kind:
                found.setdefault(kind.upper() + one["number"], one.start())
            else:
                for number in numbers.split(","):
                    if len(number := number.strip()) >= 5:
                        found.setdefault(f"AADSTS{number}", one.start())
    if any(label in low for label in _LABELS):
        for one in _NUMBER.finditer(low):
            code = _labelled(one[1])
            if code is not None and _LABEL.search(low[max(0, one.start() - _LABEL_REACH) : one.start()]):
                found.setdefault(code, one.start())
    return tuple(sorted(found, key=found.__getitem__)) if len(found) > 1 else tuple(found)


def _labelled(text: str) -> str | None:
    """The code of a labelled number; None for a count or a size: codes have their top bits set."""
    if len(text) == 8:
        return f"0x{text}" if _BARE_HEX.fullmatch(text) else None
    number = int(text)
    return mask(number) if -0x80000000 <= number < 0 or 0x80000000 <= number <= 0xFFFFFFFF else None
