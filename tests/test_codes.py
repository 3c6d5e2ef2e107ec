"""One code in any notation is one canonical text, and numbers that are no codes stay numbers."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troubleshoot import codes

SCP = "0x801c001d"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("0x801c001d", SCP),
        ("0X801C001D", SCP),
        ("  [0x801c001d].", SCP),
        ("(0x80070520)", "0x80070520"),
        ("ERROR (0x80070520)", "0x80070520"),
        ("801c001d", SCP),
        ("801C001D", SCP),
        ("c000006d", "0xc000006d"),
        ("0000023c", "0x0000023c"),
        ("80070005", "0x80070005"),
        ("0x80070005L", "0x80070005"),
        ("0x000023C", "0x0000023c"),
        ("0x0", "0x00000000"),
        ("0xffffffff801c001d", SCP),
        ("0x00000000801C001D", SCP),
        ("-2145648611", SCP),
        ("2149318685", SCP),
        ("18446744071563903005", SCP),
        ("3399614476", "0xcaa2000c"),
        ("1355", "0x0000054b"),
        ("-1", "0xffffffff"),
        ("Unknown HResult Error code: 0x801c001d", SCP),
        ("Unknown Win32 Error code: 0x80180001", "0x80180001"),
        ("FAILED. Error: 0xd000023c.", "0xd000023c"),
        ("ErrorCode: -2145648611", SCP),
        ("error code 3399614476", "0xcaa2000c"),
        ("AADSTS50155", "AADSTS50155"),
        ("aadsts50155", "AADSTS50155"),
        ("AADSTS 50155", "AADSTS50155"),
        ("AADSTS50155: the device is gone", "AADSTS50155"),
        ("msis9682", "MSIS9682"),
        ("error_missing_device", "error_missing_device"),
        ("DirectoryError", "DirectoryError"),
        ("invalid_grant", "invalid_grant"),
        ("deadbeef", "deadbeef"),
        ("", None),
        ("   ", None),
        ("0x", None),
        ("0xzz", None),
        ("0x80180002b", None),
        ("0x80180002b was printed", None),
        ("80180002b", None),
        ("4294967296", None),
        ("-2147483649", None),
        ("[0x801c0021/0x80072ee2]", None),
        ("AADSTS50155 and AADSTS50034", None),
        ("undefined", None),
        ("SKIPPED", None),
        ("None", None),
        ("two words", None),
        ("exit code 51", None),
        ("2022-02-28 14:20:19.000 UTC", None),
        ("a" * 100, None),
    ],
)
def test_normalise(text: str, code: str | None) -> None:
    assert codes.normalise(text) == code


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1355", ("0x0000054b", "0x8007054b")),
        ("0x54b", ("0x0000054b", "0x8007054b")),
        ("404", ("0x00000194", "0x80070194", "HTTP 404")),
        ("50155", ("0x0000c3eb", "0x8007c3eb", "AADSTS50155")),
        ("700003", ("0x000aae63", "AADSTS700003")),
        ("80070005", ("0x80070005", "0x04c5c575")),
        ("2ee7", ("0x00002ee7", "0x80072ee7")),
        ("0", ("0x00000000",)),
        ("-2145648611", (SCP,)),
        ("AADSTS50155", ("AADSTS50155",)),
        ("nothing here", ()),
    ],
)
def test_readings(text: str, found: tuple[str, ...]) -> None:
    assert codes.readings(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FAIL [0x801c0021/0x80072ee2]", ("0x801c0021", "0x80072ee2")),
        ("0x801C001D again 0x801c001d", (SCP,)),
        ("0x801c001d/-2145648611", (SCP,)),
        ("later AADSTS90002 first 0x80072EE7", ("AADSTS90002", "0x80072ee7")),
        ("MSIS9682: no; MSIS9368", ("MSIS9682", "MSIS9368")),
        ('{"error":"invalid_grant","error_description":"AADSTS50155: no","error_codes":[50155]}', ("AADSTS50155",)),
        ('{"error_codes":[50034, 700003]}', ("AADSTS50034", "AADSTS700003")),
        ('{\\"error_codes\\":[50155]}', ("AADSTS50155",)),
        ("ErrorCode: -2145648611", (SCP,)),
        ('"ErrorCode":"-2145648611"', (SCP,)),
        ("error code 3399614476", ("0xcaa2000c",)),
        ("Result: 3399811100", ("0xcaa5001c",)),
        ("Terminated with exit code -2145648607.", ("0x801c0021",)),
        ("failed with -2145648607 today", ("0x801c0021",)),
        ("Fehlercode: -2145648611", (SCP,)),
        ("エラー コード: -2145648611", (SCP,)),
        ("HRESULT 80070005", ("0x80070005",)),
        ("Error: C000006D, status 80072ee7", ("0xc000006d", "0x80072ee7")),
        # what looks like a code and is none
        ("no code at all", ()),
        ("", ()),
        ("error 0x5 and 0x2ee7", ()),
        ("0x80180002b", ()),
        ("Correlation ID: 80072ee7-1a2b-4c3d-8e9f-0a1b2c3d4e5f, error 80072ee7-1a2b-4c3d-8e9f-0a1b2c3d4e5f", ()),
        ("error at 2023-11-14 16:12:22.000, code 2023111416", ()),
        ("record 3399614476", ()),
        ("EventRecordID: 2149318685", ()),
        ("status https://fs.contoso.com:443/adfs, error code 3399614476:443", ()),
        ("error code 4000000000.5 s", ()),
        ("error code 99999", ()),
        ("code 1999999999", ()),
        ("code 5294967296", ()),
        ("errors: 12 of 3000000000x", ()),
        ("aGVsbG8+0x80072ee7+d29ybGQ=", ()),
    ],
)
def test_find(text: str, found: tuple[str, ...]) -> None:
    assert codes.find(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FAIL [0x801c0021/0x80072ee2]", ("0x801c0021", "0x80072ee2")),
        ("FAIL [0x801C0021 / 0x80072EE2]", ("0x801c0021", "0x80072ee2")),
        ("FAIL [0x80070002]", ("0x80070002", None)),
        ("PASS", (None, None)),
        ("FAIL [0x80180002b]", (None, None)),
        ("0xq", (None, None)),
    ],
)
def test_pair(text: str, found: tuple[str | None, str | None]) -> None:
    assert codes.pair(text) == found


@pytest.mark.parametrize("code", ["0x00000000", "S_OK", "ERROR_SUCCESS"])
def test_success(code: str) -> None:
    assert codes.is_success(code)


@pytest.mark.parametrize("code", [None, "0x00000001", SCP, "AADSTS50155", ""])
def test_no_success(code: str | None) -> None:
    assert not codes.is_success(code)


@given(st.integers(0, 0xFFFFFFFF))
def test_every_notation_of_a_number_is_one_code(number: int) -> None:
    code = f"0x{number:08x}"
    signed = number - (1 << 32) if number >> 31 else number
    for text in (code, code.upper(), f"0x{number:x}", f"[{code}]", str(signed), f"Unknown HResult Error code: {code}"):
        if not (len(text) == 8 and text.isdigit() and text[0] == "8"):
            assert codes.normalise(text) == code
    assert codes.mask(number) == codes.mask(signed) == codes.mask(number + (1 << 40)) == code


@given(st.binary(min_size=40, max_size=400))
def test_base64_holds_no_codes(raw: bytes) -> None:
    assert codes.find("Error: " + base64.b64encode(raw).decode()) == ()


@given(st.uuids())
def test_a_guid_holds_no_codes(value: object) -> None:
    assert codes.find(f"Error code {value} status {{{value}}} error: {str(value).upper()}") == ()
    assert codes.normalise(str(value)) is None


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    found = codes.find(text)
    assert len(set(found)) == len(found)
    code = codes.normalise(text)
    assert code is None or codes.normalise(code) in (code, None)
    codes.readings(text)
    codes.pair(text)


@pytest.mark.parametrize(
    "unit", ["0x", "error ", "a", "error code    ", "0x8", "AADSTS", "error_codes:[1,", "80072ee", "-2"]
)
def test_time_grows_with_the_length_only(unit: str) -> None:
    """Eight times the text may take eight times as long, never sixty-four: half-way between is the bound."""
    took = []
    for size in (100_000, 800_000):
        text = unit * (size // len(unit))
        best = 9.0
        for _ in range(3):
            start = time.process_time()
            codes.find(text)
            codes.normalise(text)
            best = min(best, time.process_time() - start)
        took.append(max(best, 0.002))
    assert took[1] < 40 * took[0]
