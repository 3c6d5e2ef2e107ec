r"""Registry exports as text: ``.reg`` files (also in ``.txt``, also pasted) and the output of ``reg query``.

Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\CDJ\AAD]
"TenantId"="11111111-2222-3333-4444-555555555555"
"Flags"=dword:00000001
"Binary"=hex:01,02,\
  03

HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\CDJ\AAD
    TenantId    REG_SZ    11111111-2222-3333-4444-555555555555

Names of roots become HKLM, HKCU, HKU; ``ControlSet001`` becomes ``CurrentControlSet``. Numbers are int, multiple strings are
joined by line ends, binary data is hex text. ``[-key]`` and a key without values become a value of type ``absent`` or ``key``.
Microsoft Learn, "How to add, modify, or delete registry subkeys and values by using a .reg file".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from troubleshoot.model import Problem, RegistryValue, Sheet, Source

_TITLES = ("Windows Registry Editor Version 5.00", "REGEDIT4")
_ROOTS = {
    "HKEY_LOCAL_MACHINE": "HKLM",
    "HKEY_CURRENT_USER": "HKCU",
    "HKEY_USERS": "HKU",
    "HKEY_CLASSES_ROOT": "HKCR",
    "HKEY_CURRENT_CONFIG": "HKCC",
}
_KEY = re.compile(r"^\[(-?)(HKEY_[A-Z_]{4,20}|HK[A-Z]{1,4})((?:\\[^\r\n]{0,1000})?)\]\s*$")
_NAMED = re.compile(r'^(?:"((?:[^"\\]|\\.){0,300})"|(@))\s*=\s*(.*)$')
_HEX = re.compile(r"^hex(?:\(([0-9a-f])\))?:", re.IGNORECASE)
_QUERY_KEY = re.compile(r"^(HKEY_[A-Z_]{4,20})(\\[^\r\n]{1,1000})$")
_QUERY_VALUE = re.compile(r"^ {4}(\S.{0,300}?) {4}(REG_[A-Z_]{2,30})(?: {4}(.*))?$")
_CONTROL_SET = re.compile(r"\\ControlSet00\d(?=\\|$)", re.IGNORECASE)
_HEX_TYPES = {
    None: "REG_BINARY",
    "0": "REG_NONE",
    "1": "REG_SZ",
    "2": "REG_EXPAND_SZ",
    "4": "REG_DWORD",
    "7": "REG_MULTI_SZ",
}
_HEX_TYPES |= {
    "3": "REG_BINARY",
    "5": "REG_DWORD_BIG_ENDIAN",
    "6": "REG_LINK",
    "8": "REG_RESOURCE_LIST",
    "b": "REG_QWORD",
}
_MOST_VALUES = 200_000
_MOST_LINES = 4_000  # of one value
_LONGEST = 16_384  # characters of a value that are kept


def looks_like(sheet: Sheet) -> bool:
    """Is there the title of an export, or a key as ``reg query`` prints it?"""
    return any(title in sheet.text for title in _TITLES) or "\nHKEY_" in sheet.text or sheet.text.startswith("HKEY_")


def read(sheet: Sheet) -> Iterator[RegistryValue | Problem]:
    """Every value of every export in the text; a value that cannot be read is one problem."""
    for count, one in enumerate(_read(sheet)):
        if count >= _MOST_VALUES:
            yield Problem(Source(sheet.name), "limit", f"it holds more than {_MOST_VALUES:,} registry values", None)
            return
        yield one


def _read(sheet: Sheet) -> Iterator[RegistryValue | Problem]:
    lines, taken = sheet.lines, sheet.taken
    key: str | None = None
    exported = False  # inside a .reg export
    number = 0
    while number < len(lines):
        line = lines[number]
        at = number
        number += 1
        if at in taken:
            continue
        text = line.strip().lstrip("\ufeff")
        if text in _TITLES:
            exported, key = True, None
            taken.add(at)
        elif line.startswith("[") and (found := _KEY.match(text)) and (exported or "\\" in found[3]):
            taken.add(at)
            key = _key(found[2], found[3])
            exported = True
            yield RegistryValue(key, "", "absent" if found[1] else "key", None, Source(sheet.name, at + 1))
            key = None if found[1] else key
        elif exported and key is not None and (found := _NAMED.match(text)):
            data, number = _joined(lines, at, found[3])
            taken.update(range(at, number))
            yield _value(key, _plain(found[1]) if found[1] is not None else "", data, Source(sheet.name, at + 1))
        elif (found := _QUERY_KEY.match(line.rstrip())) and _is_query(lines, number):
            taken.add(at)
            exported = False
            key = _key(found[1], found[2])
            yield RegistryValue(key, "", "key", None, Source(sheet.name, at + 1))
        elif not exported and key is not None and (found := _QUERY_VALUE.match(line.rstrip("\r\n"))):
            taken.add(at)
            yield _queried(key, found, Source(sheet.name, at + 1))
        elif text and not text.startswith(";") and not exported:
            key = None
        elif exported and (not text or text.startswith(";")):
            taken.add(at)
        elif exported and key is not None:
            exported = text.startswith('"')
            if exported:
                taken.add(at)
                yield Problem(Source(sheet.name, at + 1), "damaged", "a registry value is cut off", 1)
            key = key if exported else None


def _is_query(lines: list[str], number: int) -> bool:
    """Does a value, another key or the end follow, as it does under a key that ``reg query`` printed?"""
    following = next((line for line in lines[number : number + 2] if line.strip()), "HKEY_")
    return following.startswith(("    ", "HKEY_"))


def _key(root: str, rest: str) -> str:
    return _CONTROL_SET.sub(r"\\CurrentControlSet", _ROOTS.get(root, root) + rest.rstrip("\\"))


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _joined(lines: list[str], at: int, data: str) -> tuple[str, int]:
    """The data with its continuation lines, and the number of the next line."""
    parts = [data]
    number = at + 1
    if data.startswith('"'):
        while (
            not _closed(parts)
            and number < len(lines)
            and number - at < _MOST_LINES
            and not lines[number].startswith("[")
        ):
            parts.append("\n" + lines[number].rstrip("\r\n"))
            number += 1
        if not _closed(parts):
            return data, at + 1
        return "".join(parts), number
    while parts[-1].rstrip().endswith("\\") and number < len(lines) and number - at < _MOST_LINES:
        parts[-1] = parts[-1].rstrip()[:-1]
        parts.append(lines[number].strip())
        number += 1
    return "".join(parts), number


def _closed(parts: list[str]) -> bool:
    text = "".join(parts).rstrip()
    if len(text) < 2 or not text.endswith('"'):
        return False
    slashes = len(text) - 1 - len(text[:-1].rstrip("\\"))
    return slashes % 2 == 0


def _value(key: str, name: str, data: str, source: Source) -> RegistryValue | Problem:
    text = data.strip()
    if text == "-":
        return RegistryValue(key, name, "absent", None, source)
    if text.startswith('"') and text.endswith('"') and len(text) > 1:
        return RegistryValue(key, name, "REG_SZ", _plain(text[1:-1])[:_LONGEST], source)
    if text[:6].casefold() == "dword:":
        try:
            return RegistryValue(key, name, "REG_DWORD", int(text[6:14], 16), source)
        except ValueError:
            return Problem(source, "damaged", "a registry number is no number", 1)
    found = _HEX.match(text)
    if found is None:
        return Problem(source, "damaged", "a registry value of no known form", 1)
    try:
        raw = bytes(int(part, 16) for part in text[found.end() :].split(",") if part.strip())
    except ValueError:
        return Problem(source, "damaged", "registry data that is no list of bytes", 1)
    return _decoded(key, name, _HEX_TYPES.get((found[1] or "").casefold() or None, "REG_BINARY"), raw, source)


def _decoded(key: str, name: str, kind: str, raw: bytes, source: Source) -> RegistryValue:
    if kind in ("REG_SZ", "REG_EXPAND_SZ", "REG_MULTI_SZ"):
        text = raw.decode("utf-16-le", "replace").rstrip("\0")
        return RegistryValue(key, name, kind, text.replace("\0", "\n")[:_LONGEST], source)
    if kind in ("REG_DWORD", "REG_QWORD"):
        return RegistryValue(key, name, kind, int.from_bytes(raw[:8], "little"), source)
    return RegistryValue(key, name, kind, raw.hex()[:_LONGEST], source)


def _queried(key: str, found: re.Match[str], source: Source) -> RegistryValue:
    name, kind, data = found[1], found[2], (found[3] or "")[:_LONGEST]
    if name.startswith("(") and name.endswith(")"):
        name = ""  # (Default), in the language of Windows
    if kind in ("REG_DWORD", "REG_QWORD"):
        try:
            return RegistryValue(key, name, kind, int(data, 16), source)
        except ValueError:
            pass
    if kind == "REG_MULTI_SZ":
        data = data.replace("\\0", "\n")
    return RegistryValue(key, name, kind, data.casefold() if kind == "REG_BINARY" else data, source)
