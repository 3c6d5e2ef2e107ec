"""Providers and channels under the short and renamed forms in which exports and documents print them."""

from __future__ import annotations

UDR = "Microsoft-Windows-User Device Registration"
AAD = "Microsoft-Windows-AAD"
MDM = "Microsoft-Windows-DeviceManagement-Enterprise-Diagnostics-Provider"
WORKPLACE = "Microsoft-Windows-Workplace Join"
HELLO = "Microsoft-Windows-HelloForBusiness"
KERBEROS = "Microsoft-Windows-Security-Kerberos"

_FORMS = {
    "user device registration": UDR,
    "aad": AAD,
    "microsoft entra id": AAD,
    "workplace join": WORKPLACE,
    "helloforbusiness": HELLO,
    "devicemanagement-enterprise-diagnostics-provider": MDM,
    "devicemanagement-enterprise-diagnostic-provider": MDM,
    "taskscheduler": "Microsoft-Windows-TaskScheduler",
    "security-kerberos": KERBEROS,
    "kerberos": KERBEROS,
    "kerberos-key-distribution-center": "Microsoft-Windows-Kerberos-Key-Distribution-Center",
    "capi2": "Microsoft-Windows-CAPI2",
    "drs": "Device Registration Service",
}


def provider_of(name: str) -> str:
    """The provider as records print it, from a source name of Event Viewer or a renamed one; unknown names as they are."""
    name = name.strip().strip("*`")
    key = name.casefold()
    short = key.removeprefix("microsoft-windows-")
    return _FORMS.get(key) or _FORMS.get(short) or name


def channel_provider(channel: str) -> str | None:
    """The provider that owns a channel (``Microsoft-Windows-AAD/Operational``); None for a channel of many."""
    return _FORMS.get(channel.partition("/")[0].strip().casefold().removeprefix("microsoft-windows-"))
