"""Named facts of the vocabulary that registry values decide: the client-side SCP, policies, what Windows it is.

A fact is there only where the evidence decides it. That something is missing is said only of a key that was collected
without the value, or that the export names as absent. What each value means: Microsoft Learn, "Targeted deployment of
Microsoft Entra hybrid join", "Enroll a Windows client device automatically using Group Policy", "Transport Layer Security
registry settings".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from troubleshoot.model import Fact, RegistryValue

Keys = Mapping[str, Sequence[RegistryValue]]
"""Collected keys, upper case, each with its values."""

_CDJ = r"HKLM\SOFTWARE\MICROSOFT\WINDOWS\CURRENTVERSION\CDJ"
_MDM_POLICY = r"HKLM\SOFTWARE\POLICIES\MICROSOFT\WINDOWS\CURRENTVERSION\MDM"
_MDM = r"HKLM\SOFTWARE\MICROSOFT\WINDOWS\CURRENTVERSION\MDM"
_WINDOWS = r"HKLM\SOFTWARE\MICROSOFT\WINDOWS NT\CURRENTVERSION"
_PRODUCT = r"HKLM\SYSTEM\CURRENTCONTROLSET\CONTROL\PRODUCTOPTIONS"
_TLS12 = r"HKLM\SYSTEM\CURRENTCONTROLSET\CONTROL\SECURITYPROVIDERS\SCHANNEL\PROTOCOLS\TLS 1.2\CLIENT"
_JOIN = r"HKLM\SYSTEM\CURRENTCONTROLSET\CONTROL\CLOUDDOMAINJOIN"
_ENROLMENTS = r"HKLM\SOFTWARE\MICROSOFT\ENROLLMENTS"
_REGISTERED = r"HKCU\SOFTWARE\MICROSOFT\WINDOWS NT\CURRENTVERSION\WORKPLACEJOIN"
_STORAGE = r"HKCU\SOFTWARE\MICROSOFT\WINDOWS\CURRENTVERSION\AAD\STORAGE"
_INTERNET = r"SOFTWARE\MICROSOFT\WINDOWS\CURRENTVERSION\INTERNET SETTINGS"
_PRODUCTS = {"winnt": "client", "servernt": "server", "lanmannt": "domain-controller"}
_MDM_SERVER = "ms dm server"
_DIRECT, _PROXY = 1, 3
_HEX = re.compile(r"(?:[0-9a-f]{2}){1,8192}")


def derive(keys: Keys) -> Iterator[Fact]:
    """The facts that ``keys`` decide. Facts of the registry have no time: exports print none."""
    for read in _READERS:
        yield from read(keys)


def _there(keys: Keys, key: str) -> Sequence[RegistryValue] | None:
    """The values of a collected key; None where it was not collected or is known to be absent."""
    values = keys.get(key)
    return None if values is None or _absent(values) is not None else values


def _absent(values: Sequence[RegistryValue]) -> RegistryValue | None:
    return next((one for one in values if one.type == "absent" and not one.name), None)


def _named(values: Sequence[RegistryValue], name: str) -> RegistryValue | None:
    return next((one for one in values if one.name.casefold() == name.casefold() and one.type != "absent"), None)


def _client_side_scp(keys: Keys) -> Iterator[Fact]:
    values = keys.get(_CDJ + r"\AAD")
    if values is None:
        return
    gone = _absent(values)
    if gone is not None:
        yield Fact("scp.client-side", "missing", gone.source)
        return
    found = {
        name: one for name in ("TenantId", "TenantName") if (one := _named(values, name)) and str(one.value).strip()
    }
    state = "present" if len(found) == 2 else "incomplete" if found else "missing"
    yield Fact("scp.client-side", state, next(iter(found.values()), values[0]).source)
    for name, fact in (("TenantId", "scp.client-side.tenant-id"), ("TenantName", "scp.client-side.tenant-name")):
        if name in found:
            yield Fact(fact, str(found[name].value).strip().strip("{}").casefold(), found[name].source)


def _fallback(keys: Keys) -> Iterator[Fact]:
    values = _there(keys, _CDJ)
    one = _named(values, "FallbackToSyncJoin") if values else None
    if one is not None and one.value in (0, 1):
        yield Fact("fallback.sync-join", "enabled" if one.value else "disabled", one.source)


def _auto_enrolment(keys: Keys) -> Iterator[Fact]:
    values = keys.get(_MDM_POLICY)
    if values is None:
        return
    on = _named(values, "AutoEnrollMDM")
    if on is None or on.value != 1:
        yield Fact("mdm.auto-enrolment", "off", (on or values[0]).source)
        return
    credential = _named(values, "UseAADCredentialType")
    yield Fact(
        "mdm.auto-enrolment", "device" if credential is not None and credential.value == 2 else "user", on.source
    )


def _health(keys: Keys) -> Iterator[Fact]:
    values = _there(keys, _MDM) or ()
    for name, fact in (
        ("ClientHealthStatus", "configmgr.client-health"),
        ("ClientHealthLastSyncTime", "configmgr.client-health.last-sync"),
    ):
        one = _named(values, name)
        if one is not None and str(one.value).strip():
            yield Fact(fact, str(one.value).strip(), one.source)


def _windows(keys: Keys) -> Iterator[Fact]:
    values = _there(keys, _WINDOWS) or ()
    build = _named(values, "CurrentBuild") or _named(values, "CurrentBuildNumber")
    if build is not None and str(build.value).isdecimal():
        yield Fact("os.build", str(build.value), build.source)
    kind = _named(values, "InstallationType")
    if kind is not None:
        yield Fact("os.server-core", "yes" if str(kind.value).casefold() == "server core" else "no", kind.source)
    product = _named(_there(keys, _PRODUCT) or (), "ProductType")
    if product is not None and str(product.value).casefold() in _PRODUCTS:
        yield Fact("os.kind", _PRODUCTS[str(product.value).casefold()], product.source)


def _tls(keys: Keys) -> Iterator[Fact]:
    values = _there(keys, _TLS12) or ()
    for name, off in (("Enabled", 0), ("DisabledByDefault", 1)):
        one = _named(values, name)
        if one is not None and one.value == off:
            yield Fact("tls12.client", "disabled", one.source)
            return
    one = _named(values, "Enabled")
    if one is not None:
        yield Fact("tls12.client", "enabled", one.source)


def _below(keys: Keys, parent: str) -> Iterator[str]:
    start = parent + "\\"
    return (key for key in keys if key.startswith(start) and _absent(keys[key]) is None)


def _records(name: str, parent: str, child: str) -> Callable[[Keys], Iterator[Fact]]:
    """A fact that tells whether a collected key has a record below it."""

    def read(keys: Keys) -> Iterator[Fact]:
        record = next((key for key in sorted(_below(keys, parent)) if child in key[len(parent) :]), None)
        if record is not None:
            yield Fact(name, "present", keys[record][0].source)
        elif (gone := _absent(keys.get(parent, ())) or _absent(keys.get(parent + child.rstrip("\\"), ()))) is not None:
            yield Fact(name, "missing", gone.source)
        elif parent in keys and any(True for _ in _below(keys, parent)):  # exported with what is below it
            yield Fact(name, "missing", keys[next(_below(keys, parent))][0].source)

    return read


def _enrolments(keys: Keys) -> Iterator[Fact]:
    """Enrolled where a record of the MDM service says EnrollmentState 1; a record in another state is a leftover."""
    records = [key for key in sorted(_below(keys, _ENROLMENTS)) if key.count("\\") == _ENROLMENTS.count("\\") + 1]
    leftover = None
    for key in records:
        provider, state = _named(keys[key], "ProviderID"), _named(keys[key], "EnrollmentState")
        if provider is None or str(provider.value).casefold() != _MDM_SERVER or state is None:
            continue
        if state.value == 1:
            yield Fact("mdm.enrolled", "yes", state.source)
            return
        leftover = leftover or state
    if leftover is not None:
        yield Fact("mdm.enrolment-leftover", "present", leftover.source)
        yield Fact("mdm.enrolled", "no", leftover.source)


def _proxies(keys: Keys) -> Iterator[Fact]:
    for name, root in (("proxy.user", "HKCU"), ("proxy.system", r"HKU\S-1-5-18"), ("proxy.system", r"HKU\.DEFAULT")):
        values = _there(keys, f"{root}\\{_INTERNET}")
        if not values:
            continue
        script, enabled, server = (_named(values, one) for one in ("AutoConfigURL", "ProxyEnable", "ProxyServer"))
        if script is not None and str(script.value).strip():
            yield Fact(name, "script", script.source)
        elif enabled is not None and enabled.value == 1 and server is not None:
            yield Fact(name, "named", server.source)
        elif enabled is not None and enabled.value == 0:
            yield Fact(name, "direct", enabled.source)


def _winhttp(keys: Keys) -> Iterator[Fact]:
    """WinHttpSettings: size, counter and flags (4 bytes each, 1 direct, 3 a proxy), then server and bypass list behind their sizes."""
    one = _named(_there(keys, f"HKLM\\{_INTERNET}\\CONNECTIONS") or (), "WinHttpSettings")
    if one is None or not isinstance(one.value, str) or not _HEX.fullmatch(one.value):
        return
    data = bytes.fromhex(one.value)
    flags, size = int.from_bytes(data[8:12], "little"), int.from_bytes(data[12:16], "little")
    server = data[16 : 16 + size]
    if len(data) < 16 or len(server) < size:
        return
    if flags == _DIRECT:
        yield Fact("proxy.winhttp", "direct", one.source)
    elif flags == _PROXY and server:
        yield Fact("proxy.winhttp", "named", one.source)
        yield Fact("proxy.winhttp.server", server.decode("ascii", "replace"), one.source)


_READERS: tuple[Callable[[Keys], Iterator[Fact]], ...] = (
    _client_side_scp,
    _fallback,
    _auto_enrolment,
    _health,
    _windows,
    _tls,
    _records("join.key", _JOIN, "\\JOININFO\\"),
    _records("registered.key", _REGISTERED, "\\JOININFO\\"),
    _records("leftover.wam-storage", _STORAGE, "LOGIN.MICROSOFTONLINE.COM"),
    _enrolments,
    _proxies,
    _winhttp,
)
