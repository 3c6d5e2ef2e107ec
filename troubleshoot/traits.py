"""What a device may have in common with others and no rule asks for: its site, domain controller, gateway, model.

Values as the evidence prints them, of the newest evidence; a name that nothing tells is left out. The names are those of
``run_facts`` in ``data/fleet_names.yaml``.

Sources: Microsoft Learn, "DynamicSiteName" (Netlogon parameters); "nltest" (the controller's name on its first line);
Win32_ComputerSystem and the registry's copies of SMBIOS for the model; Tcpip parameters of interfaces for the gateway.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from troubleshoot.case import Case

_LONGEST = 200
_REGISTRY: tuple[tuple[str, str, tuple[str, ...]], ...] = (  # name, end of the key, values: the first that is there
    ("ad.site", r"\SERVICES\NETLOGON\PARAMETERS", ("DynamicSiteName", "SiteName")),
    ("hardware.model", r"\CONTROL\SYSTEMINFORMATION", ("SystemProductName",)),
    ("hardware.model", r"\DESCRIPTION\SYSTEM\BIOS", ("SystemProductName",)),
)
_INTERFACE = r"\SERVICES\TCPIP\PARAMETERS\INTERFACES" + "\\"
_GATEWAYS = ("DhcpDefaultGateway", "DefaultGateway")
_CONTROLLER = re.compile(r"\\\\([^\s\\/]{1,255})")
_NO_VALUE = frozenset({"", "none", "-", "0.0.0.0", "unknown", "to be filled by o.e.m.", "system product name"})


def traits(case: Case) -> Mapping[str, str]:
    """Name -> value of one device."""
    found: dict[str, str] = {}
    for name, value in _traits(case):
        value = value.strip()[:_LONGEST]
        if value.lower() not in _NO_VALUE:
            found.setdefault(name, value)
    return found


def _traits(case: Case) -> Iterator[tuple[str, str]]:
    for one in case.facts.get("dc.located", ())[:1]:
        if one.value == "yes" and (controller := _CONTROLLER.search(one.text or "")):
            yield "dc.name", controller[1].split(".", 1)[0].upper()
    for name, end, values in _REGISTRY:
        for value in values:
            yield from ((name, text) for text in _registry(case, end, value))
    for value in _GATEWAYS:
        for row in case.registry:
            if row.name.casefold() == value.casefold() and _INTERFACE in row.key.upper():
                first = re.split(r"[\s,;\0]+", str(row.value or "").strip())[0]
                yield "network.gateway", first


def _registry(case: Case, end: str, name: str) -> Iterator[str]:
    for row in case.registry:
        if row.name.casefold() == name.casefold() and row.key.upper().endswith(end):
            yield str(row.value or "")
