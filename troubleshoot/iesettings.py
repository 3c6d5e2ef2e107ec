"""Settings of Internet Explorer that decide whether Windows 7 and 8.1 can sign in without a window, as named facts.

From the registry of the user: the zone of the address of Seamless SSO, whether encrypted pages are kept, and the protected
modes. Microsoft Learn, "Troubleshoot legacy Microsoft Entra hybrid joined devices"; names of values: the policy "Site to Zone
Assignment List" and the registry of Internet Explorer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from troubleshoot.model import Fact, RegistryValue

_SETTINGS = r"\software\microsoft\windows\currentversion\internet settings"
_POLICIES = r"\software\policies\microsoft\windows\currentversion\internet settings"
_EXPLORER = r"\software\microsoft\internet explorer\main"
_ZONES = ("https://autologon.microsoftazuread-sso.com", "autologon.microsoftazuread-sso.com")
_DOMAINS = (
    r"\zonemap\domains\microsoftazuread-sso.com\autologon",
    r"\zonemap\domains\autologon.microsoftazuread-sso.com",
)
_INTRANET = "1"
_ENHANCED = ("{a509b1a7-37ef-4b3f-8cfc-4f3a74704073}", "{a509b1a8-37ef-4b3f-8cfc-4f3a74704073}")


def derive(registry: Iterable[RegistryValue]) -> Iterator[Fact]:
    """``ie.intranet-zone`` (complete, incomplete) and ``ie.settings`` (fine, blocking), where the registry decides them."""
    user: list[RegistryValue] = []
    policy: list[RegistryValue] = []
    modes: list[tuple[str, RegistryValue]] = []
    for one in registry:
        key = one.key.casefold()
        if _POLICIES in key:
            policy.append(one)
        elif _SETTINGS in key and not key.startswith("hklm"):
            user.append(one)
        elif key.endswith(_EXPLORER) and one.name.casefold() == "isolation":
            modes.append(("blocking" if str(one.value).casefold() == "pmem" else "fine", one))
        elif one.name.casefold() == "isinstalled" and key.endswith(_ENHANCED) and _text(one) == "1":
            modes.append(("blocking", one))
    yield from _zone(user, policy)
    yield from _settings([*_encrypted_pages(user, policy), *modes])


def _zone(user: list[RegistryValue], policy: list[RegistryValue]) -> Iterator[Fact]:
    """Whether the address is in the intranet zone; that it is nowhere is said only where both places were collected."""
    for one in (*policy, *user):
        key, name = one.key.casefold(), one.name.casefold()
        listed = key.endswith(r"\zonemapkey") and name.rstrip("/") in _ZONES
        mapped = key.endswith(_DOMAINS) and name in ("https", "*")
        if listed or mapped:
            yield Fact("ie.intranet-zone", "complete" if _text(one) == _INTRANET else "incomplete", one.source)
            return
    seen = next((one for one in user if r"\zonemap" in one.key.casefold()), None)
    if seen is not None and policy:
        yield Fact("ie.intranet-zone", "incomplete", seen.source)


def _encrypted_pages(user: list[RegistryValue], policy: list[RegistryValue]) -> list[tuple[str, RegistryValue]]:
    """Whether "Do not save encrypted pages to disk" is set; it is off where its key lacks the value."""
    there = [one for one in user if one.key.casefold().endswith(_SETTINGS) and one.type != "absent"]
    for one in (*(one for one in policy if one.key.casefold().endswith(_POLICIES)), *there):
        if one.name.casefold() == "disablecachingofsslpages":
            return [("blocking" if _text(one) == "1" else "fine", one)]
    return [("fine", there[0])] if there else []


def _settings(told: list[tuple[str, RegistryValue]]) -> Iterator[Fact]:
    """One setting blocks; all is fine only where both the pages and the protected mode are known."""
    for word, one in told:
        if word == "blocking":
            yield Fact("ie.settings", "blocking", one.source)
            return
    if len(told) > 1:
        yield Fact("ie.settings", "fine", told[0][1].source)


def _text(one: RegistryValue) -> str:
    """The value as decimal text; ``0x1`` of a ``reg query`` is 1."""
    text = str(one.value).strip().casefold()
    try:
        return str(int(text, 16)) if text.startswith("0x") else text
    except ValueError:
        return text
