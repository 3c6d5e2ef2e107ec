"""Windows 7 and 8.1: the window of autoworkplace, lists of updates, settings of Internet Explorer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troubleshoot import iesettings
from troubleshoot.case import Case
from troubleshoot.decoding import sheet
from troubleshoot.model import Fact, LogLine, RegistryValue, Source
from troubleshoot.parsers import parse_text
from troubleshoot.parsers.downlevel import read as read_downlevel


def parsed(text: str) -> list[object]:
    return list(parse_text("note.txt", text.encode(), None))


def window(text: str) -> list[tuple[str, int]]:
    found = [one for one in parsed(text) if isinstance(one, LogLine) and one.component == "autoworkplace"]
    return [(one.text, one.source.line or 0) for one in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Workplace Join for Windows\nThe server did not respond.\n", [("The server did not respond.", 2)]),
        ("WORKPLACE JOIN FOR WINDOWS\n\n  Error  \n", []),  # the sign is asked in the case Windows prints
        ("user says:\nautoworkplace.exe /i\nAn error occurred.\n", [("An error occurred.", 3)]),
        ("autoworkplace: could not verify the account\n", [("autoworkplace: could not verify the account", 1)]),
        ('"C:\\Program Files\\Microsoft Workplace Join\\autoworkplace.exe" /i\nFailed.', [("Failed.", 2)]),
        ("The value autoWorkplaceJoin is 1\nFailed.", []),
        ("The server did not respond.\n", []),
    ],
)
def test_the_window(text: str, expected: list[tuple[str, int]]) -> None:
    assert window(text) == expected


def test_a_window_is_a_few_lines() -> None:
    assert len(window("Workplace Join for Windows\n" + "line\n" * 100)) == 12


def facts(text: str) -> list[tuple[str, str, int]]:
    return [(one.name, one.value, one.source.line or 0) for one in parsed(text) if isinstance(one, Fact)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HotFixID\nKB2534111\nKB4284842\n", [("hotfix.kb4284842", "installed", 3)]),
        ("HotFixID\nKB2534111\nKB976902\n", [("hotfix.kb4284842", "missing", 1)]),
        ("Source  Description  HotFixID\nWKS  Update  KB4284842\n", [("hotfix.kb4284842", "installed", 2)]),
        ("Hotfix(s): 2\n [01]: KB2534111\n [02]: KB4284842\n", [("hotfix.kb4284842", "installed", 3)]),
        ("Hotfix(s): 1\n [01]: KB2534111\n", [("hotfix.kb4284842", "missing", 2)]),
        ("HotFixID\n", []),
        ("please install KB4284842\n", []),
    ],
)
def test_lists_of_updates(text: str, expected: list[tuple[str, str, int]]) -> None:
    assert facts(text) == expected


@given(st.text(alphabet="abcKBworkplace Join for Windows\n0123456789]:[HotFixID.exe", max_size=400))
def test_arbitrary_text_never_raises(text: str) -> None:
    one = sheet("x.txt", text.encode())
    found = list(read_downlevel(one))
    assert all(0 <= number < len(one.lines) for number in one.taken)
    assert all(isinstance(each, LogLine | Fact) for each in found)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("An error occurred while authenticating the account.", "sign-in-error"),
        ("We could not verify your account.", "not-domain-user"),
        ("The user reached the maximum number of devices.", "quota-reached"),
        ("The server did not respond.", "service-not-responding"),
        ("The server didn't respond.", "service-not-responding"),
        ("ada@contoso.com is joined to a workplace.", "joined"),
        ("Something else.", None),
    ],
)
def test_what_the_window_says(line: str, expected: str | None) -> None:
    found = [one for one in facts(f"Workplace Join for Windows\n{line}\n") if one[0] == "autoworkplace.dialog"]
    assert found == ([] if expected is None else [("autoworkplace.dialog", expected, 2)])


# --------------------------------------------------------------------------------------- Internet Explorer settings

USER = "HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings"
POLICY = "HKCU\\Software\\Policies\\Microsoft\\Windows\\CurrentVersion\\Internet Settings"
ZONES = f"{USER}\\ZoneMap\\Domains"


def value(key: str, name: str = "", value: str | int | None = None, kind: str = "REG_DWORD") -> RegistryValue:
    return RegistryValue(key, name, kind, value, Source("user.reg", 1))


@pytest.mark.parametrize(
    ("registry", "expected"),
    [
        ([value(f"{ZONES}\\microsoftazuread-sso.com\\autologon", "https", 1)], "complete"),
        ([value(f"{ZONES}\\microsoftazuread-sso.com\\autologon", "*", "0x1")], "complete"),
        ([value(f"{ZONES}\\microsoftazuread-sso.com\\autologon", "https", 3)], "incomplete"),
        ([value(f"{ZONES}\\microsoftazuread-sso.com\\autologon", "http", 1)], None),
        ([value(f"{POLICY}\\ZoneMapKey", "https://autologon.microsoftazuread-sso.com", "1", "REG_SZ")], "complete"),
        (
            [
                value(f"{ZONES}\\microsoftazuread-sso.com\\autologon", "https", 3),
                value(f"{POLICY}\\ZoneMapKey", "https://autologon.microsoftazuread-sso.com/", "1", "REG_SZ"),
            ],
            "complete",
        ),
        ([value(f"{ZONES}\\contoso.com\\fs", "https", 1), value(POLICY, kind="absent")], "incomplete"),
        ([value(f"{ZONES}\\contoso.com\\fs", "https", 1)], None),  # a policy may hold it, and was not collected
        ([value(POLICY, kind="absent")], None),
        ([], None),
    ],
)
def test_the_zone_of_the_sign_in_address(registry: list[RegistryValue], expected: str | None) -> None:
    found = {one.name: one.value for one in iesettings.derive(registry)}
    assert found.get("ie.intranet-zone") == expected


MAIN = "HKCU\\Software\\Microsoft\\Internet Explorer\\Main"
SETUP = "HKLM\\SOFTWARE\\Microsoft\\Active Setup\\Installed Components\\{A509B1A8-37EF-4b3f-8CFC-4F3A74704073}"


@pytest.mark.parametrize(
    ("registry", "expected"),
    [
        ([value(USER, "DisableCachingOfSSLPages", 1)], "blocking"),
        ([value(USER, "DisableCachingOfSSLPages", "0x0")], None),  # the protected modes may block, and are not known
        ([value(USER, "DisableCachingOfSSLPages", 0), value(MAIN, "Isolation", "PMIL", "REG_SZ")], "fine"),
        ([value(USER, "ProxyEnable", 0), value(MAIN, "Isolation", "PMIL", "REG_SZ")], "fine"),
        ([value(USER, "DisableCachingOfSSLPages", 0), value(POLICY, "DisableCachingOfSSLPages", 1)], "blocking"),
        ([value(USER, kind="absent")], None),
        ([value(USER.replace("HKCU", "HKLM"), "DisableCachingOfSSLPages", 1)], None),
        ([value(MAIN, "Isolation", "PMEM", "REG_SZ")], "blocking"),
        ([value(MAIN, "Isolation", "PMIL", "REG_SZ")], None),
        ([value(SETUP, "IsInstalled", 1)], "blocking"),
        ([value(SETUP, "IsInstalled", 0)], None),
        ([value(f"{USER}\\Zones", "DisableCachingOfSSLPages", 1)], None),
    ],
)
def test_settings_that_block(registry: list[RegistryValue], expected: str | None) -> None:
    assert {one.name: one.value for one in iesettings.derive(registry)}.get("ie.settings") == expected


def test_settings_become_facts_of_a_case() -> None:
    case = Case.of([value(USER, "DisableCachingOfSSLPages", 1)])
    assert case.facts["ie.settings"][0].source == Source("user.reg", 1)
