r"""Whether everything that names the tenant names the same one: the fact ``scp.agreement``.

Three places do: the client-side service connection point (``CDJ\AAD``), which counts where it is there, the forest's, and
dsregcmd or the join record of a device that is joined. Microsoft Learn, "Targeted deployment of Microsoft Entra hybrid join":
Windows looks into the registry first, and into Active Directory only where that names no tenant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from troubleshoot.masks import is_mask
from troubleshoot.model import Capture, Fact, Source

_TENANT = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


class _Named(NamedTuple):
    tenant: str
    source: Source
    text: str


def derive(facts: Mapping[str, Sequence[Fact]], captures: Sequence[Capture]) -> Iterator[Fact]:
    """``scp.agreement`` (same, sides-differ, differs-from-tenant), where two of the three places name a tenant.

    A place that names several, or whose name is masked, decides nothing.
    """
    client = _of_fact(facts, "scp.client-side.tenant-id", "TenantId of the client-side SCP")
    forest = _of_fact(facts, "scp.forest.tenant-id", "azureADId of the forest's SCP")
    if client is None and forest is None:
        return
    joined = _joined(captures) or _of_fact(facts, "join.key.tenant-id", "TenantId of the join record")
    known = [one for one in (client, forest, joined) if one is not None]
    if len(known) < 2:
        return
    counts = client or (forest if _of_client(facts) == "missing" else None)
    if joined is not None and counts is not None and counts.tenant != joined.tenant:
        word = "differs-from-tenant"
    elif client is not None and forest is not None and client.tenant != forest.tenant:
        word = "sides-differ"
    elif len({one.tenant for one in known}) == 1:
        word = "same"
    else:
        return  # the forest's names another tenant than the join, and nobody looked for the one that may come before it
    text = "; ".join(one.text for one in known)
    yield Fact("scp.agreement", word, known[0].source, text=text)


def _of_client(facts: Mapping[str, Sequence[Fact]]) -> str | None:
    """Is there a client-side SCP at all, where its sources agree?"""
    told = {one.value for one in facts.get("scp.client-side", ())}
    return told.pop() if len(told) == 1 else None


def _of_fact(facts: Mapping[str, Sequence[Fact]], name: str, title: str) -> _Named | None:
    found = facts.get(name, ())
    tenants = {one.value.strip().strip("{}").casefold() for one in found}
    if len(tenants) != 1 or not _TENANT.fullmatch(tenant := tenants.pop()) or is_mask(tenant):
        return None
    return _Named(tenant, found[0].source, f"{title}: {tenant}")


def _joined(captures: Sequence[Capture]) -> _Named | None:
    """The tenant that the newest capture names, if the device is joined there."""
    for capture in captures:
        joined, tenant = capture.named.get("AzureAdJoined"), capture.named.get("TenantId")
        if joined is None:
            continue
        value = tenant.text.strip().casefold() if tenant is not None else ""
        if joined.text.upper() != "YES" or tenant is None or not tenant.value or not _TENANT.fullmatch(value):
            return None
        return _Named(value, Source(capture.source.path, tenant.line), f"TenantId of dsregcmd: {value}")
    return None
