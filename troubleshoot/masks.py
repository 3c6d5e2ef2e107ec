"""Values that somebody blanked out before sending them: they tell nothing, so nothing may be concluded from them.

People replace ids by ``AAAA...``, ``99999999-9999-...`` or zeros, words by ``xxxxxxxx``, ``*****`` or ``[REDACTED]``; this tool's own
``--redact`` writes ``id-2`` and ``tenant-3fa9c1d2ab``. Names such as ``host-1`` are left alone: computers are called so.
"""

from __future__ import annotations

import re

_LONGEST = 256
_MASK = re.compile(
    # No repeat stands inside a repeat of the same letters: a line of a million x must cost a million steps.
    r"[^\w<>]{0,20}(?:[xX*#?•█_-]{4,}|[xX]{2,}(?:[-. ][xX]{2,})+|A{8,}|([A-Z0-9])\1{2,}(?:\.{2,}|…)|<[^<>]{1,60}>"
    r"|[\[(]?(?:redacted|removed|hidden|masked|withheld|anonymi[sz]ed)[\])]?|\[[a-z -]{0,20}id\])[^\w<>]{0,20}",
    re.IGNORECASE,
)
_SAME_GUID = re.compile(r"\{?([0-9A-Z])\1{7}-\1{4}-\1{4}-\1{4}-\1{12}\}?", re.IGNORECASE)
_PART_GUID = re.compile(
    r"\{?(?=[^{}]{0,40}[xX*#])[0-9a-fxX*#]{8}-(?:[0-9a-fxX*#]{4}-){3}[0-9a-fxX*#]{12}\}?", re.IGNORECASE
)
_PSEUDONYM = re.compile(r"(?:id|sid|ip|mac|thumbprint|blob|tenant|tenant-name|device|dn)-(?:\d{1,6}|[0-9a-f]{10})")
_WORDS = frozenset({"red", "rem", "hid", "mas", "wit", "ano"})


def is_mask(text: str) -> bool:
    """Is the whole value blanked out, so that it says nothing?"""
    if not 2 < len(text) <= _LONGEST:
        return False
    first = text[0]
    plain = first.isalnum() and first not in "xX" and text[1:3] != first * 2
    if plain and "-" not in text[:12] and text[:3].casefold() not in _WORDS:
        return False  # most values end here
    return (
        _MASK.fullmatch(text) is not None
        or _SAME_GUID.fullmatch(text) is not None
        or _PART_GUID.fullmatch(text) is not None
        or _PSEUDONYM.fullmatch(text) is not None
    )
