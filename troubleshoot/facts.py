"""Named facts of the vocabulary that captures decide: the proxies of each context, and the domain's type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from troubleshoot.model import Attempt, Capture, Fact, Field, Source


def derive(captures: Sequence[Capture]) -> Iterator[Fact]:
    """Facts of captures, newest capture first. A fact that nothing tells is simply not there."""
    for capture in captures:
        named = capture.named
        if "IeUserAutoDetect" in named and (capture.account is None or capture.account.kind != "system"):
            yield from _wininet(capture, "proxy.user", "IeUser")
        if "IeSystemAutoDetect" in named:
            yield from _wininet(capture, "proxy.system", "IeSystem")
        access = named.get("WinHttpAccessType")
        if access is not None and access.value:
            yield _fact(capture, "proxy.winhttp", "direct" if access.text.upper() == "DIRECT" else "named", access)


def _wininet(capture: Capture, name: str, prefix: str) -> Iterator[Fact]:
    """script (a URL of a PAC file), named (a server), auto (WPAD), direct: the first that is set."""
    named = capture.named
    for suffix, word in (("AutoConfigUrl", "script"), ("ProxyServerList", "named")):
        field = named.get(prefix + suffix)
        if field is not None and field.value:
            yield _fact(capture, name, word, field)
            return
    detect = named[prefix + "AutoDetect"]
    yield _fact(capture, name, "auto" if detect.text.upper() == "YES" else "direct", detect)


def _fact(capture: Capture, name: str, word: str, field: Field) -> Fact:
    return Fact(name, word, Source(capture.source.path, field.line), capture.time, capture.account)


_FEDERATED = ("fed", "fallback_sync")  # sync join as a fallback is what a federated domain tries after AD FS failed


def domain_type(attempts: Sequence[Attempt], captures: Sequence[Capture]) -> tuple[str, Source | None]:
    """managed, federated or unknown, by the newest evidence that tells, and where it stands.

    Event 304 and its debug block print the tenant's type; a registration type tells it too: ``sync`` is what managed
    domains do, ``fed`` and the fallback from it what federated ones do. Microsoft Learn, "Troubleshoot hybrid join".
    """
    for one in attempts:
        word = (one.tenant_type or "").casefold()
        if word in ("managed", "federated"):
            return word, one.sources[0] if one.sources else None
        if one.registration in _FEDERATED or one.phase == "auth":
            return "federated", one.proof.get("registration")
        if one.registration in ("sync", "fallback_fed"):
            return "managed", one.proof.get("registration")
    for capture in captures:
        field = capture.named.get("TenantType")
        if field is not None and field.text.casefold() in ("managed", "federated"):
            return field.text.casefold(), Source(capture.source.path, field.line)
    return "unknown", None
