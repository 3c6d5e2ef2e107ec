"""Named facts of the vocabulary that captures decide: the proxies of each context, and the domain's type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from troubleshoot import times
from troubleshoot.model import Attempt, Capture, Fact, Field, Source


def derive(captures: Sequence[Capture]) -> Iterator[Fact]:
    """Facts of captures, newest capture first. A fact that nothing tells is simply not there."""
    for capture in captures:
        named = capture.named
        if "IeUserAutoDetect" in named and (capture.account is None or capture.account.kind != "system"):
            yield from _wininet(capture, "proxy.user", "IeUser")
        if "IeSystemAutoDetect" in named:
            yield from _wininet(capture, "proxy.system", "IeSystem")
        if "WinHttpAccessType" in named:
            yield from _winhttp(capture)
        if "DeviceCertificateValidity" in named:
            yield from _certificate(capture)


def _wininet(capture: Capture, name: str, prefix: str) -> Iterator[Fact]:
    """script (a URL of a PAC file), named (a server), auto (WPAD), direct: the first that is set."""
    named = capture.named
    for suffix, word in (("AutoConfigUrl", "script"), ("ProxyServerList", "named")):
        field = named.get(prefix + suffix)
        if field is not None and field.absence in ("masked", "cut"):
            yield _fact(capture, name, word, field)  # something is set there, whatever it was
            return
        if field is not None and field.value:
            yield _fact(capture, name, word, field)
            return
    detect = named[prefix + "AutoDetect"]
    word = {"YES": "auto", "NO": "direct"}.get(detect.text.upper(), "")
    if word:
        yield _fact(capture, name, word, detect)


def _winhttp(capture: Capture) -> Iterator[Fact]:
    """direct or named. dsregcmd prints DIRECT or NAMED PROXY; netsh's words are another parser's."""
    access = capture.named["WinHttpAccessType"]
    if access.text.upper() == "DIRECT":
        yield _fact(capture, "proxy.winhttp", "direct", access)
    elif access.value and "PROXY" in access.text.upper():
        yield _fact(capture, "proxy.winhttp", "named", access)


def _certificate(capture: Capture) -> Iterator[Fact]:
    """``certificate.device.not-after``: the second of the two times of ``[ start -- end UTC ]``."""
    field = capture.named["DeviceCertificateValidity"]
    _, dashes, end = field.text.partition(" -- ")
    moment = times.parse(end) if dashes and field.value else None
    if moment is not None and moment.tzinfo is not None:
        yield _fact(capture, "certificate.device.not-after", str(times.iso(moment)), field)


def _fact(capture: Capture, name: str, word: str, field: Field) -> Fact:
    return Fact(name, word, Source(capture.source.path, field.line), capture.time, capture.account)


_OF_REGISTRATION = {"fed": "federated", "fallback_sync": "federated", "sync": "managed", "fallback_fed": "managed"}
_OF_ADAL = ("0xcaa2", "0xcaa8", "0xcaa9")
_OF_WS_TRUST = ("/adfs/services/trust", "/usernamemixed", "/windowstransport", "/certificatemixed")


def domain_type(attempts: Sequence[Attempt], captures: Sequence[Capture]) -> tuple[str, Source | None]:
    """managed, federated or unknown, by the newest evidence that tells, and where it stands.

    Events 304 and 305 and the debug block print the tenant's type. A registration type tells it too: ``sync`` is what
    managed domains do, ``fed`` and the sync join it falls back to what federated ones do. Only federated domains have a
    phase ``auth`` that can fail, and only there does the join ask ADAL for a token (codes 0xcaa...). Where no join tells,
    an address of WS-Trust that a token was asked from does: it is the one of the domain's federation service. Microsoft
    Learn, "Troubleshoot Microsoft Entra hybrid joined devices" and "Troubleshoot primary refresh token issues".
    """
    for one in attempts:
        if one.flow != "join":
            continue
        first = one.sources[0] if one.sources else None
        word = (one.tenant_type or "").casefold()
        if word in ("managed", "federated"):
            return word, one.proof.get("tenant_type", first)
        word = _OF_REGISTRATION.get(one.registration or "", "")
        if word:
            return word, one.proof.get("registration", first)
        if one.phase == "auth":
            return "federated", one.proof.get("phase", first)
        if any(code.startswith(_OF_ADAL) for code in one.codes):
            return "federated", one.proof.get("code", first)
    for capture in captures:
        for field in capture.fields:
            word = field.text.casefold()
            if (field.name or field.label).casefold() == "tenanttype" and word in ("managed", "federated"):
                return word, Source(capture.source.path, field.line)
    for one in attempts:
        if one.endpoint and any(sign in one.endpoint.casefold() for sign in _OF_WS_TRUST):
            return "federated", one.proof.get("endpoint", one.sources[0] if one.sources else None)
    return "unknown", None
