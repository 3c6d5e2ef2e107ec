"""Proxies of SYSTEM, of the user and of WinHTTP, as commands print them.

``netsh winhttp show proxy`` comes in the language of the device. What survives translation is read: the heading names
WinHTTP, and below it stands either one sentence (direct access) or two labelled lines (server, bypass list). The same
file may hold ``bitsadmin /util /getieproxy`` (TSS, MSRD-Collect). DSRegTool writes WinINet as four lines of its own,
into ``winInet-system.txt`` and ``winInet-user.txt``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from troubleshoot.model import Account, Fact, Problem, Sheet, Source

SYSTEM = Account("SYSTEM", "system", "S-1-5-18")

_HEADING = re.compile(r"^[ >\t]{0,8}(?![\[|(])[^\[|:：]{0,60}\bWinHTTP\b[^|:：]{0,60}[:：]\s*$")
_LABELLED = re.compile(r"^\s*[^\s:：][^:：]{0,60}[:：]\s*(\S.{0,500})$")
_DIRECT = re.compile(r"^\s*[^\d\W][^\d:：()（）]{1,60}[(（][^\d()（）]{2,60}[)）]\s*[.。．]?\s*$")
_SERVER = re.compile(r"^(?:\w{1,8}=)?[\w\[][\w.\[\]:/-]{0,300}(?:[; ]\S{1,300}){0,8}$")
_PROXY_WORDS = ("proxy", "プロキシ", "прокси", "代理", "프록시", "proksi")
_USAGE = re.compile(r"\b(NO_PROXY|AUTODETECT|AUTOSCRIPT|MANUAL_PROXY)\b")
_USAGE_WORDS = {"NO_PROXY": "direct", "AUTODETECT": "auto", "AUTOSCRIPT": "script", "MANUAL_PROXY": "named"}
_WININET = ("proxy enabled", "proxy server list", "proxy bypass list", "autoconfigurl")
_NEAR = 8  # lines below a heading within which its body stands


def looks_like(sheet: Sheet) -> bool:
    """Is there a heading of netsh, an answer of bitsadmin or DSRegTool's summary?"""
    text = sheet.text
    return "WinHTTP" in text or "Proxy Enabled" in text or "getieproxy" in text.casefold() or "NO_PROXY" in text


def read(sheet: Sheet) -> Iterator[Fact | Problem]:
    """``proxy.winhttp`` (with its server), ``proxy.system`` and ``proxy.user``, as far as they stand there."""
    for number, line in enumerate(sheet.lines):
        if number in sheet.taken or len(line) > 600:
            continue
        if "WinHTTP" in line and _HEADING.match(line):
            yield from _netsh(sheet, number)
        elif "Proxy Enabled" in line:
            yield from _wininet(sheet, number)
        elif _USAGE.search(line):
            yield from _bitsadmin(sheet, number, line)


def _netsh(sheet: Sheet, heading: int) -> Iterator[Fact]:
    """The one or two lines below the heading: a sentence without a value is direct access."""
    body: list[int] = []
    for number in range(heading + 1, min(heading + _NEAR, len(sheet.lines))):
        line = sheet.lines[number]
        if not line.strip():
            if body:
                break
            continue
        if number in sheet.taken or (body and sheet.lines[body[0]][:1].isspace() and not line[:1].isspace()):
            break
        body.append(number)
        if len(body) == 2:
            break
    if not body:
        return
    first = sheet.lines[body[0]]
    labelled = _LABELLED.match(first)
    if labelled is not None and not _SERVER.match(labelled[1].strip()):
        return  # somebody's words below somebody's heading
    if labelled is None:
        if not _DIRECT.match(first[:200]) or not any(word in first.casefold() for word in _PROXY_WORDS):
            return
        body = body[:1]
    sheet.taken.update({heading, *body})
    source = Source(sheet.name, body[0] + 1)
    if labelled is None:
        yield Fact("proxy.winhttp", "direct", source, text=first.strip())
        return
    yield Fact("proxy.winhttp", "named", source, text=first.strip())
    yield Fact("proxy.winhttp.server", labelled[1].strip(), source, text=first.strip())


def _wininet(sheet: Sheet, start: int) -> Iterator[Fact]:
    """DSRegTool's four lines; whose they are stands in the file's name, elsewhere nobody's.

    It prints no automatic detection: a "No" without a script is read as direct access.
    """
    told: dict[str, tuple[int, str]] = {}
    for number in range(start, min(start + 4, len(sheet.lines))):
        label, colon, value = sheet.lines[number].partition(":")
        if not colon or label.strip().casefold() not in _WININET or number in sheet.taken:
            break
        told[label.strip().casefold()] = (number, value.strip())
    if len(told) < 2:
        return
    sheet.taken.update(number for number, _ in told.values())
    folded = sheet.name.casefold()
    owner = "system" if "wininet-system" in folded else "user" if "wininet-user" in folded else None
    if owner is None:
        return
    enabled = told["proxy enabled"]
    at, word = enabled[0], "direct"
    if told.get("autoconfigurl", (0, ""))[1]:
        at, word = told["autoconfigurl"][0], "script"
    elif enabled[1].casefold() == "yes" and told.get("proxy server list", (0, ""))[1]:
        at, word = told["proxy server list"][0], "named"
    account = SYSTEM if owner == "system" else None
    yield Fact(f"proxy.{owner}", word, Source(sheet.name, at + 1), None, account, sheet.lines[at].strip())


def _bitsadmin(sheet: Sheet, number: int, line: str) -> Iterator[Fact]:
    """The usage that ``bitsadmin /util /getieproxy localsystem`` prints; other service accounts join nothing."""
    above = " ".join(sheet.lines[max(0, number - 6) : number + 1]).casefold()
    if "bitsadmin" not in above and "getieproxy" not in above and "proxy settings for account" not in above:
        return
    if "set to" in line or "setieproxy" in line.casefold():  # somebody's change, not a reading
        return
    sheet.taken.add(number)
    accounts = re.findall(r"local ?system|network ?service|local ?service", above)
    found = _USAGE.search(line)
    if found and accounts and accounts[-1].replace(" ", "") == "localsystem":
        yield Fact("proxy.system", _USAGE_WORDS[found[1]], Source(sheet.name, number + 1), None, SYSTEM, line.strip())
