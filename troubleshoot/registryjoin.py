r"""The device's join state and who it is, by its registry: what there is to go by where nobody ran dsregcmd.

A record below ``CloudDomainJoin\JoinInfo``, named after the thumbprint of the device's certificate, is a join to Microsoft
Entra; together with membership of a domain it is a hybrid join. Membership shows in the start of Netlogon, which is automatic
on members and manual elsewhere, and in the names that joining leaves. What is told only in part stays unknown. Microsoft Learn,
"Microsoft Entra hybrid join", "Troubleshoot devices by using the dsregcmd command", "NetJoinDomain function".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from troubleshoot.model import Device, Fact, RegistryValue

Keys = Mapping[str, Sequence[RegistryValue]]
"""Collected keys, upper case, each with its values."""

_SYSTEM = r"HKLM\SYSTEM\CURRENTCONTROLSET"
_RECORDS = _SYSTEM + r"\CONTROL\CLOUDDOMAINJOIN\JOININFO" + "\\"
_TENANTS = _SYSTEM + r"\CONTROL\CLOUDDOMAINJOIN\TENANTINFO" + "\\"
_NAME = _SYSTEM + r"\CONTROL\COMPUTERNAME\COMPUTERNAME"
_NETLOGON = _SYSTEM + r"\SERVICES\NETLOGON"
_TCPIP = _SYSTEM + r"\SERVICES\TCPIP\PARAMETERS"
_POLICY_STATE = r"HKLM\SOFTWARE\MICROSOFT\WINDOWS\CURRENTVERSION\GROUP POLICY\STATE\MACHINE"
_WINLOGON = r"HKLM\SOFTWARE\MICROSOFT\WINDOWS NT\CURRENTVERSION\WINLOGON"
_CERTIFICATES = r"HKLM\SOFTWARE\MICROSOFT\SYSTEMCERTIFICATES\MY\CERTIFICATES" + "\\"
_AUTOMATIC, _MANUAL = 2, 3


def _text(keys: Keys, key: str, *names: str) -> RegistryValue | None:
    """The first of the values ``names`` that holds a text."""
    for name in names:
        for one in keys.get(key, ()):
            if one.name.casefold() == name and one.type != "absent" and str(one.value or "").strip():
                return one
    return None


def derive(keys: Keys) -> Iterator[Fact]:
    """``join.key.tenant-id`` and ``domain.member``, where the collected keys decide them."""
    for key in sorted(keys):
        if key.startswith(_RECORDS) and "\\" not in key[len(_RECORDS) :]:
            tenant = _text(keys, key, "tenantid")
            if tenant is not None:
                yield Fact("join.key.tenant-id", str(tenant.value).strip().strip("{}").casefold(), tenant.source)
    start = next((one for one in keys.get(_NETLOGON, ()) if one.name.casefold() == "start"), None)
    if start is None:
        return
    named = _text(keys, _TCPIP, "domain", "nv domain")
    left = _text(keys, _POLICY_STATE, "distinguished-name") or _text(keys, _WINLOGON, "cacheprimarydomain")
    if start.value == _AUTOMATIC and (named or left):
        yield Fact("domain.member", "yes", start.source)
    elif start.value == _MANUAL and _TCPIP in keys and not named and not left:
        yield Fact("domain.member", "no", start.source)


def state(facts: Mapping[str, Sequence[Fact]], logged: str) -> str:
    """The join state by the facts of the registry; ``logged``: what event logs say of it, which must not contradict.

    A record without a tenant, or records of several, leave it unknown, and so does a domain that nothing tells.
    """
    told = _state(facts)
    if told == "unknown" or logged == "unknown":
        return logged if told == "unknown" else told
    return told if told == logged else "unknown"


def _state(facts: Mapping[str, Sequence[Fact]]) -> str:
    record, member = _only(facts, "join.key"), _only(facts, "domain.member")
    if record == "present":
        if _only(facts, "join.key.tenant-id") is None:
            return "unknown"
        return {"yes": "hybrid", "no": "entra"}.get(member or "", "unknown")
    if record != "missing":
        return "unknown"
    if member == "yes":
        return "domain-only"
    return (
        {"present": "registered", "missing": "none"}.get(_only(facts, "registered.key") or "", "unknown")
        if member
        else "unknown"
    )


def _only(facts: Mapping[str, Sequence[Fact]], name: str) -> str | None:
    """The value of a fact that all its sources agree on."""
    values = {one.value for one in facts.get(name, ())}
    return values.pop() if len(values) == 1 else None


def completed(device: Device, keys: Keys, facts: Mapping[str, Sequence[Fact]]) -> Device:
    """The device with the name, domain and ids that the registry tells, where nothing else did."""
    name = _text(keys, _NAME, "computername") or _text(keys, _TCPIP, "nv hostname", "hostname")
    domain = _text(keys, _TCPIP, "domain", "nv domain") if _only(facts, "domain.member") == "yes" else None
    tenant = _only(facts, "join.key.tenant-id")
    title = _text(keys, _TENANTS + tenant.upper(), "displayname") if tenant else None
    names = device.names or ((str(name.value).strip(),) if name else ())
    return device._replace(
        name=device.name or (names[0] if names else None),
        names=names,
        domain=device.domain or (str(domain.value).strip() if domain else None),
        device_id=device.device_id or _device_id(keys, facts),
        tenant_id=device.tenant_id or tenant,
        tenant_name=device.tenant_name or (str(title.value).strip() if title else None),
    )


def _device_id(keys: Keys, facts: Mapping[str, Sequence[Fact]]) -> str | None:
    """The subject of the certificate that the join record is named after."""
    for subject in facts.get("certificate.device.subject", ()):
        for key, values in keys.items():
            if key.startswith(_CERTIFICATES) and any(one.source == subject.source for one in values):
                return subject.value if _RECORDS + key[len(_CERTIFICATES) :] in keys else None
    return None
