"""The table of code names: how many, every reading of one number, and what an HRESULT carries."""

from __future__ import annotations

import pytest

from troubleshoot import codebook


def test_the_table_names_at_least_eight_thousand_codes() -> None:
    assert codebook.count() >= 8000


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("5", ["E_ACCESSDENIED", "ERROR_ACCESS_DENIED"]),
        ("-2147024891", ["E_ACCESSDENIED"]),
        ("0x80090016", ["NTE_BAD_KEYSET"]),
        ("1355", ["ERROR_NO_SUCH_DOMAIN"]),
        ("0xC000006D", ["STATUS_LOGON_FAILURE"]),
        ("2221", ["NERR_UserNotFound"]),
        ("404", ["HTTP status 404 Not Found"]),
        ("0x87654321", [None]),
        ("no code at all", []),
    ],
)
def test_every_reading_of_what_was_typed(typed: str, names: list[str | None]) -> None:
    assert [one.name for one in codebook.explain(typed)] == names


@pytest.mark.parametrize(
    ("typed", "inside"),
    [
        ("0x80070005", "5 ERROR_ACCESS_DENIED"),
        ("0xcaa82ee7", "12007 ERROR_WINHTTP_NAME_NOT_RESOLVED / ERROR_INTERNET_NAME_NOT_RESOLVED"),
        ("0x801901f4", "HTTP status 500 Internal Server Error"),
        ("0x80190258", None),
        ("0x80180014", None),
    ],
)
def test_what_an_hresult_carries(typed: str, inside: str | None) -> None:
    assert codebook.explain(typed)[0].wraps == inside


@pytest.mark.parametrize(
    ("typed", "facility", "severity"),
    [
        ("0x801c001d", "DSREG (device registration)", "error"),
        ("0xcaa90023", "ADAL", "error"),
        ("0x40000000", "0x000", "information"),
    ],
)
def test_facility_and_severity(typed: str, facility: str | None, severity: str | None) -> None:
    first = codebook.explain(typed)[0]
    assert (first.facility, first.severity) == (facility, severity)


def test_searching_finds_all_words_in_any_order() -> None:
    found = [one.name for one in codebook.search("keyset bad")]
    assert found[0] == "NTE_BAD_KEYSET"
    assert all("KEYSET" in (name or "") and "BAD" in (name or "") for name in found)
    assert codebook.search("") == []
