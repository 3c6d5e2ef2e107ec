"""What counts as a name, which token stands for it, and what stays readable."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troubleshoot.pseudonyms import Redactor, read_key, well_known

DEVICE = "22222222-3333-4444-5555-666666666666"


def redactor(key: bytes | None = None) -> Redactor:
    made = Redactor(key)
    made.learn_host("WKS-0427.corp.example")
    made.learn_user("CONTOSO\\grace.hopper, grace.hopper@contoso.com")
    made.learn("device", DEVICE)
    made.learn("tenant-name", "Brackwater Mutual")
    return made


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Device Name : wks-0427.CORP.example", "Device Name : host-1.domain-1"),
        ("on WKS-0427$ and WKS-04270", "on host-1$ and WKS-04270"),
        ("CONTOSO\\Grace.Hopper", "domain-1\\user-1"),
        ("grace.hopper@contoso.com", "user-1@domain-1"),
        ("UPN=grace.hopper%40contoso.com&x=1", "UPN=user-1%40domain-1&x=1"),
        ("ada@fabrikam.com", "user-1@domain-1"),
        ("of Brackwater Mutual.", "of tenant-name-1."),
        (f"id ({DEVICE.upper()})", "id (device-1)"),
        ("id 99999999-aaaa-bbbb-cccc-dddddddddddd", "id id-1"),
        ("SID S-1-5-21-1004336348-1177238915-682003330-512", "SID sid-1"),
        ("from 10.44.7.12 and fe80::1ff:fe23:4567:890a", "from ip-1 and ip-2"),
        ("mac 00-15-5D-01-02-03", "mac mac-1"),
        ("Thumbprint : A1B2C3D4E5F60718293A4B5C6D7E8F9012345678", "Thumbprint : thumbprint-1"),
        ("CN=WKS-9,OU=Sales,DC=corp,DC=example", "dn-1"),
        ("proxy.fabrikam.example:8080", "host-1.domain-1:8080"),
        ("\\\\DC03\\netlogon", "\\\\host-1\\netlogon"),
        ("https://sts.fabrikam.com/adfs/services/trust", "https://host-1.domain-1/adfs/services/trust"),
        ("blob " + base64.b64encode(b"x1" * 40).decode(), "blob blob-1"),
        ("blob " + base64.b64encode(b"WKS-0427").decode(), "blob host-1="),
    ],
)
def test_names_become_tokens(text: str, shown: str) -> None:
    assert redactor().text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "https://login.microsoftonline.com/common/oauth2/token",
        "urn:ms-drs:enterpriseregistration.windows.net",
        "client 29d9ed98-a469-4536-ade2-f981bc1d605e",
        "S-1-5-18, S-1-5-32-544",
        "0x801c03f2 AADSTS50155 DSREG_AUTOJOIN_ADCONFIG_READ_FAILED",
        "Windows 10.0.26100.4061, at 2026-03-04 09:10:11.000 UTC",
        "127.0.0.1 169.254.169.254",
        "System.Net.WebException in Microsoft.AAD.BrokerPlugin_cw5n1h2txyewy",
        "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\CDJ\\AAD",
        "\\Microsoft\\Windows\\Workplace Join\\Automatic-Device-Join",
        "NT AUTHORITY\\SYSTEM, AzureAD",
        "CN=MS-Organization-Access, DC=windows, DC=net",
        "/windowstransport /usernamemixed WorkplaceJoin::BeginJoin",
        "dsregcmd.txt, mdmenroll.cpp:388, CoManagementHandler.log",
    ],
)
def test_well_known_values_stay_readable(text: str) -> None:
    assert redactor().text(text) == text


def test_ids_that_microsoft_needs_are_kept() -> None:
    made = redactor()
    made.keep("{0A0A0A0A-1111-2222-3333-444444444444}")
    assert made.text("request 0a0a0a0a-1111-2222-3333-444444444444") == "request 0a0a0a0a-1111-2222-3333-444444444444"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("dsregcmd.txt", "dsregcmd.txt"),
        ("authlogs/PreTraceLogs/DsRegCmdStatus.txt", "authlogs/PreTraceLogs/DsRegCmdStatus.txt"),
        ("grace.hopper--WKS-0427.txt", "user-1--host-1.txt"),
        ("C:\\Cases\\Smith GmbH\\dsregcmd.txt", "C:/folder-1/folder-2/dsregcmd.txt"),
        ("outer.zip/Müller laptop.txt", "folder-1.zip/file-1.txt"),
        (
            "Microsoft-Windows-User Device Registration%4Admin.evtx",
            "Microsoft-Windows-User Device Registration%4Admin.evtx",
        ),
    ],
)
def test_paths_keep_the_names_of_collectors_only(path: str, shown: str) -> None:
    assert redactor().path(path) == shown


def test_counts_are_of_values_not_of_places() -> None:
    made = redactor()
    made.text("WKS-0427 wks-0427 10.1.1.1 10.1.1.2")
    assert made.counts() == {"host": 1, "ip": 2}


def test_a_key_makes_the_same_tokens_in_every_run_and_another_key_others(tmp_path: Path) -> None:
    key = read_key(tmp_path / "key")
    assert key == read_key(tmp_path / "key")
    if os.name == "posix":
        assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    first, second, other = redactor(key), redactor(key), redactor(b"another key of 16")
    second.text("10.9.9.9 something before")
    assert first.text("WKS-0427") == second.text("on WKS-0427")[3:]
    assert first.text("WKS-0427") != other.text("WKS-0427")


def test_a_key_that_is_too_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(OSError, match="16 bytes"):
        read_key(tmp_path / "key")


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=60), st.text(max_size=60), st.sampled_from([str, str.upper, str.lower, quote]))
def test_a_learned_value_never_stays_whatever_stands_around_it(before: str, after: str, form: object) -> None:
    value = "zephyr-lake.contoso.com"
    made = Redactor()
    made.learn_host(value)
    shown = made.text(f"{before} {form(value)} {after}")  # type: ignore[operator]
    assert "zephyr-lake" not in shown.casefold()


def test_the_table_names_no_customer() -> None:
    table = well_known()
    assert all(one == one.casefold() for one in (*table.hosts, *table.words, *table.file_words, *table.identities))
