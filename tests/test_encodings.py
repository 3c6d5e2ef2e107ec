"""The same capture gives the same report, whatever encoding it was written in; the letters of names come through."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troubleshoot.decoding import decode, sheet, without_tokens
from troubleshoot.pipeline import diagnose_bytes
from troubleshoot.report import jsonform
from troubleshoot.ruleset import load

SAMPLE = Path(__file__).resolve().parent.parent / "samples" / "broken" / "device-not-synced" / "dsregcmd.txt"
PLAIN = SAMPLE.read_text(encoding="utf-8").replace("\r\n", "\n")

# Names beyond ASCII as Windows prints them, by the code pages that can write them (ANSI, OEM).
NAMES: dict[str, tuple[str, tuple[str, ...]]] = {
    "german": ("Jörg Müller, Straße der Größe", ("cp1252", "cp850")),
    "french": ("Échec à l'hôtel, François Noël déjà là", ("cp1252", "cp850", "cp437")),
    "spanish": ("Íñigo Peña, más información en España", ("cp1252", "cp850")),
    "polish": ("Łukasz Żółty, błąd użytkownika", ("cp1250", "cp852")),
    "russian": ("Иван Петров, устройство не найдено", ("cp1251", "cp866")),
    "japanese": ("山田太郎、デバイスが見つかりません", ("cp932",)),
    "ascii": ("Anna Smith", ("cp1252", "cp850", "cp932", "cp1251")),
}
ANY = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-16-be-mark")


def text(name: str) -> str:
    """The sample with a tenant of that name."""
    return PLAIN.replace("is not found.", f"is not found. {name}").replace(
        "Virtual Desktop : NOT SET", f"Virtual Desktop : NOT SET\n                TenantName : {name}"
    )


def encoded(what: str, encoding: str, line_end: str = "\r\n") -> bytes:
    what = what.replace("\n", line_end)
    if encoding == "utf-16":
        return b"\xff\xfe" + what.encode("utf-16-le")
    if encoding == "utf-16-be-mark":
        return b"\xfe\xff" + what.encode("utf-16-be")
    return what.encode(encoding)


def report(data: bytes) -> bytes:
    return jsonform.dump(diagnose_bytes("dsregcmd.txt", data, load()))


@pytest.mark.parametrize(
    ("language", "encoding"),
    [(language, encoding) for language, (_, pages) in NAMES.items() for encoding in (*ANY, *pages)],
)
def test_same_capture_same_report(language: str, encoding: str) -> None:
    what = text(NAMES[language][0])
    found = report(encoded(what, encoding))
    assert found == report(what.encode())
    assert NAMES[language][0].encode() in found
    assert b'"verdict": "pending"' in found or b'"verdict": "failed"' in found


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("cp1252", "utf-16-le"),  # Out-File -Append onto an ANSI file: Build.txt of the authentication scripts v5
        ("cp1252", "utf-16"),  # copy /b: a mark in mid-file
        ("utf-16", "cp1252"),  # cmd's >> onto what PowerShell wrote
        ("utf-8-sig", "utf-16-le"),
        ("utf-16-le", "cp850"),
        ("utf-16", "utf-16"),  # copy /b of two files of PowerShell
        ("utf-16-be-mark", "utf-16"),
    ],
)
def test_mixed_file_is_decoded_part_by_part(first: str, second: str) -> None:
    what = text(NAMES["german"][0])
    cut = what.index("+---", what.index("User State") - 200)  # between two sections
    both = encoded(what[:cut], first) + encoded(what[cut:], second)
    assert report(both) == report(what.encode())


@pytest.mark.parametrize("line_end", ["\r\r\n", "\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-8", "cp1252"])
def test_line_ends_change_nothing(line_end: str, encoding: str) -> None:
    what = text(NAMES["german"][0])
    assert report(encoded(what, encoding, line_end)) == report(what.encode())


@pytest.mark.parametrize("page", ["cp1252", "cp850", "cp1250", "cp852", "cp1251", "cp866", "cp932"])
def test_page_of_whole_words(page: str) -> None:
    """A text in the words of the page's languages is decoded with that page."""
    words = {
        "cp1252": "Gerät, contraseña, problème réseau, São Paulo, lösenord, più",
        "cp850": "Gerät, contraseña, problème réseau, São Paulo, lösenord, più",
        "cp1250": "Urządzenie zostało połączone, příkaz dokončen, Žádné zařízení",
        "cp852": "Urządzenie zostało połączone, příkaz dokončen, Žádné zařízení",
        "cp1251": "Служба каталогов недоступна. РАБОЧАЯ СТАНЦИЯ. Ошибка",
        "cp866": "Служба каталогов недоступна. РАБОЧАЯ СТАНЦИЯ. Ошибка",
        "cp932": "エラー: サービスが利用できません。東京 営業部",
    }[page]
    assert decode(words.encode(page)) == (words, page)


@given(st.binary(max_size=400))
def test_any_bytes_become_text(data: bytes) -> None:
    found, encoding = decode(data)
    assert isinstance(found, str)
    assert encoding
    assert "\r" not in found


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",), exclude_characters="\r\x00"), max_size=200))
def test_utf8_is_never_taken_for_another(what: str) -> None:
    assert decode(what.encode())[0] == what.removeprefix("\ufeff")


def test_tokens_do_not_come_through() -> None:
    token = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL2dyYXBoIn0.c2lnbmF0dXJlLXRleHQ"
    one = sheet("ticket.txt", f"he sent {token} and\nmore".encode())
    assert without_tokens(one).lines == ["he sent (token removed) and", "more"]
    plain = sheet("ticket.txt", b"eyJ is no token")
    assert without_tokens(plain) is not one
    assert without_tokens(plain).text == "eyJ is no token"
