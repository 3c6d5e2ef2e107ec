"""Registry exports as text: every type, every shape, damage, and that rules see the values."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troubleshoot.model import Problem, RegistryValue
from troubleshoot.parsers import parse_text

CDJ = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\CDJ\AAD"
EXPORT = r"""Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\CDJ\AAD]
"TenantId"="11111111-2222-3333-4444-555555555555"
"TenantName"="contoso.com"
@="default"

[HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Services\dmwappushservice]
"Start"=dword:00000003
"Path"="C:\\Windows\\a \"b\""
"ImagePath"=hex(2):25,00,77,00,\
  25,00,00,00
"Multi"=hex(7):61,00,00,00,62,00,00,00,00,00
"Q"=hex(b):01,00,00,00,00,00,00,00
"Bin"=hex:DE,ad
"Gone"=-

[-HKEY_CURRENT_USER\Software\Old]
"""
QUERY = """
HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\CDJ\\AAD
    TenantId    REG_SZ    11111111-2222-3333-4444-555555555555
    (Standard)    REG_SZ    x
    Flags    REG_DWORD    0x1f
    Empty    REG_SZ{blanks}
    Names    REG_MULTI_SZ    a\\0b

HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\CDJ\\AAD\\Sub
""".replace("{blanks}", " " * 4)


def values(text: str | bytes) -> list[tuple[str, str, str, str | int | None, int | None]]:
    data = text.encode() if isinstance(text, str) else text
    found = list(parse_text("export.txt", data, None))
    assert not [one for one in found if isinstance(one, Problem)]
    return [
        (one.key, one.name, one.type, one.value, one.source.line) for one in found if isinstance(one, RegistryValue)
    ]


def test_an_export_in_every_type() -> None:
    service = r"HKLM\SYSTEM\CurrentControlSet\Services\dmwappushservice"
    assert values(EXPORT) == [
        (CDJ, "", "key", None, 3),
        (CDJ, "TenantId", "REG_SZ", "11111111-2222-3333-4444-555555555555", 4),
        (CDJ, "TenantName", "REG_SZ", "contoso.com", 5),
        (CDJ, "", "REG_SZ", "default", 6),
        (service, "", "key", None, 8),
        (service, "Start", "REG_DWORD", 3, 9),
        (service, "Path", "REG_SZ", 'C:\\Windows\\a "b"', 10),
        (service, "ImagePath", "REG_EXPAND_SZ", "%w%", 11),
        (service, "Multi", "REG_MULTI_SZ", "a\nb", 13),
        (service, "Q", "REG_QWORD", 1, 14),
        (service, "Bin", "REG_BINARY", "dead", 15),
        (service, "Gone", "absent", None, 16),
        (r"HKCU\Software\Old", "", "absent", None, 18),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_the_encoding_does_not_matter(encoding: str) -> None:
    assert values(EXPORT.replace("\n", "\r\n").encode(encoding)) == values(EXPORT)


def test_the_output_of_reg_query() -> None:
    assert values(QUERY) == [
        (CDJ, "", "key", None, 2),
        (CDJ, "TenantId", "REG_SZ", "11111111-2222-3333-4444-555555555555", 3),
        (CDJ, "", "REG_SZ", "x", 4),
        (CDJ, "Flags", "REG_DWORD", 31, 5),
        (CDJ, "Empty", "REG_SZ", "", 6),
        (CDJ, "Names", "REG_MULTI_SZ", "a\nb", 7),
        (CDJ + r"\Sub", "", "key", None, 9),
    ]


@pytest.mark.parametrize("line", ['"TenantId"="cut off', '"N"=dword:zz', '"N"=hex:0x,1', '"N"=what', '"N"=hex(2):6'])
def test_a_damaged_value_costs_only_itself(line: str) -> None:
    text = f'Windows Registry Editor Version 5.00\n\n[HKEY_LOCAL_MACHINE\\A\\B]\n"X"="1"\n{line}\n\n[HKEY_LOCAL_MACHINE\\A\\C]\n"Y"="2"\n'
    found = list(parse_text("a.reg", text.encode(), None))
    kept = {one.name: one.value for one in found if isinstance(one, RegistryValue) and one.name}
    assert kept["X"] == "1"
    assert kept["Y"] == "2"
    assert len([one for one in found if isinstance(one, Problem)]) == (0 if "hex(2)" in line else 1)


def test_a_path_in_running_text_is_no_key() -> None:
    assert not any(
        isinstance(one, RegistryValue)
        for one in parse_text("a.txt", b"look at\nHKEY_LOCAL_MACHINE\\SOFTWARE\\X please\nand tell 0x801c001d\n", None)
    )


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(alphabet='[]"=\\-HKEY_LOCA:hexdword,0f1 \n', max_size=200))
def test_any_text_is_read_without_an_error(text: str) -> None:
    for head in ("", "Windows Registry Editor Version 5.00\n\n[HKEY_LOCAL_MACHINE\\A]\n"):
        found = list(parse_text("a.reg", (head + text).encode(), None))
        assert not [one for one in found if isinstance(one, Problem) and "reading stopped" in one.message]
