"""Which Windows code page a text without any mark was written in.

Windows PowerShell 5.1 writes the ANSI code page of the device (1252, 1250, 1251, 932), a console program redirected by cmd
the OEM one (850, 437, 852, 866, 932); the file does not say which. Decided by what the letters beyond ASCII make of the
words they stand in. Labels of Windows tools are ASCII, so a wrong guess costs a name, never a field.
"""

from __future__ import annotations

import re

_LATIN = ("cp1252", "cp850", "cp1250", "cp852")
_CYRILLIC = ("cp1251", "cp866")
_JAPANESE = "cp932"

_WORDS = re.compile(rb"[\x20-\x7e]?[A-Za-z]{0,20}[\x80-\xff][A-Za-z\x80-\xff]{0,40}[\x20-\x7e]?")
_LINES = re.compile(rb"[^\r\n\x80-\xff]{0,80}[\x80-\xff][^\r\n]{0,200}")
_MOST = 400  # distinct words or lines looked at
_WESTERN = frozenset("äöüßéèêëàâáãåæçíìîïñóòôõøœúùûýÿ")
_CENTRAL = frozenset("ąćęłńóśźżáčďéěíňřšťúůýžäöüßőűăâîşţđô")
_LETTERS = {"cp1252": _WESTERN, "cp850": _WESTERN, "cp1250": _CENTRAL, "cp852": _CENTRAL}
_VOWELS = frozenset("aeiouyäöü")
_SIGNS = frozenset("«»‘’“”„–—…·°§©®€£\u00a0")


def guess(data: bytes) -> str:
    """The likely code page of ``data``, which is no UTF-8: cp1252, cp850, cp1250, cp852, cp1251, cp866 or cp932."""
    if _is_japanese(data):
        return _JAPANESE
    words = _distinct(_WORDS, data)
    high = sum(1 for word in words for one in word if one > 0x7F)
    if sum(map(_alone, words)) * 10 > high * 6:
        page, share = max(((page, _cyrillic_share(words, page)) for page in _CYRILLIC), key=lambda pair: pair[1])
        if share > 0.7:
            return page
    scores = {page: sum(_latin_score(word, page) for word in words) for page in _LATIN}
    return max(_LATIN, key=lambda page: scores[page])  # of equal ones the first


def _distinct(pattern: re.Pattern[bytes], data: bytes) -> list[bytes]:
    found: dict[bytes, None] = {}
    for each in pattern.finditer(data):
        found[each[0]] = None
        if len(found) >= _MOST:
            break
    return list(found)


def _is_japanese(data: bytes) -> bool:
    """Do nearly all its characters beyond ASCII make kana, common kanji or Japanese punctuation of Shift-JIS?"""
    good = bad = 0
    for line in _distinct(_LINES, data):
        text = line.decode(_JAPANESE, "replace")
        if text.endswith("\ufffd"):
            text = text[:-1]  # the line was cut inside a character
        for at, one in enumerate(text):
            if one < "\x80":
                continue
            kana = "\u3000" <= one <= "\u30ff" or "\uff01" <= one <= "\uff5e"
            alone = not any(beside > "\x7f" for beside in text[max(at - 1, 0) : at] + text[at + 1 : at + 2])
            if not alone and (kana or _is_common(one)):
                good += 1
            else:
                bad += 1
    return good > 3 * bad


def _is_common(one: str) -> bool:
    """Is it a kanji of the first level of JIS X 0208, which holds those in daily use?"""
    return b"\x88\x9f" <= one.encode(_JAPANESE, "replace") <= b"\x98\x72"


def _alone(word: bytes) -> int:
    """How many letters beyond ASCII the word has, if it has no others: every word of another script, few of Latin."""
    high = sum(1 for one in word if one > 0x7F)
    return high if high > 1 and not any(0x41 <= one & 0xDF <= 0x5A for one in word if one < 0x80) else 0


def _cyrillic_share(words: list[bytes], page: str) -> float:
    """The share of letters that are small Cyrillic ones, or capital ones where a capital may stand."""
    good = total = 0
    for word in words:
        text = word.decode(page, "replace")
        capitals = text.upper() == text
        for at, one in enumerate(text):
            if one < "\x80":
                continue
            total += 1
            small = "а" <= one <= "я" or one == "ё"
            first = at == 0 or not text[at - 1].isalpha()
            good += small or (("А" <= one <= "Я" or one == "Ё") and (first or capitals))
    return good / total if total else 0.0


def _latin_score(word: bytes, page: str) -> int:
    text = word.decode(page, "replace")
    letters = _LETTERS[page]
    score = 0
    for at, one in enumerate(text):
        if one < "\x80":
            continue
        before, after = text[at - 1 : at] if at else "", text[at + 1 : at + 2]
        inside = before.isalpha() or after.isalpha()
        if not one.isalpha():
            score += -3 if before.isalpha() and after.isalpha() else 1 if one in _SIGNS else -2
            continue
        score += 4 if one.lower() in letters else 1
        if one.isupper() and (before.islower() or (before.isalpha() and after.islower()) or not inside):
            score -= 3  # no capital inside a word, and few alone
        if one == "ß" and before.lower() not in _VOWELS:
            score -= 4
        elif one == "á" and before.lower() in _VOWELS:
            score -= 1
    return score
