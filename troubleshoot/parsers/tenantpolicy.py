"""The tenant's policy of device registration, as Microsoft Graph prints it (policies/deviceRegistrationPolicy).

{"azureADRegistration": {"allowedToRegister": {"@odata.type": "#microsoft.graph.noDeviceRegistrationMembership"}}, ...}

Microsoft Graph, "deviceRegistrationPolicy resource type", beta and 1.0; its beta of before 2023 has ``appliesTo`` 0, 1 or 2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from troubleshoot.model import Fact, Problem, Sheet, Source

_SIGN = "azureADRegistration"
_VALUE = re.compile(r'"azureADRegistration"\s{0,20}:\s{0,20}(?=\{)', re.IGNORECASE)
_MEMBERSHIP = {"nodeviceregistrationmembership": "no", "alldeviceregistrationmembership": "yes"}
_SCOPE = {"0": "no", "1": "yes", "none": "no", "all": "yes"}
_MOST = 20


def looks_like(sheet: Sheet) -> bool:
    """Is the part about registering in the text?"""
    return _SIGN.casefold() in sheet.text.casefold()


def read(sheet: Sheet) -> Iterator[Fact | Problem]:
    """``tenant.users-may-register``; a list of users or groups who may says nothing of one user."""
    text = sheet.text
    for count, found in enumerate(_VALUE.finditer(text)):
        if count >= _MOST:
            return
        line = text.count("\n", 0, found.start())
        try:
            value, end = json.JSONDecoder().raw_decode(text, found.end())
        except (ValueError, RecursionError):
            yield Problem(
                Source(sheet.name, line + 1), "damaged", "the policy of device registration cannot be read", 1
            )
            continue
        sheet.taken.update(range(line, line + text.count("\n", found.start(), end) + 1))
        word = _word(value)
        if word is not None:
            shown = " ".join(text[found.start() : end].split())[:300]
            yield Fact("tenant.users-may-register", word, Source(sheet.name, line + 1), text=shown)


def _word(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    folded = {str(name).casefold(): one for name, one in value.items()}
    allowed = folded.get("allowedtoregister")
    if isinstance(allowed, dict):
        inner = {str(name).casefold(): one for name, one in allowed.items()}
        kind = inner.get("@odata.type") or (inner.get("additionalproperties") or {}).get("@odata.type")
        return _MEMBERSHIP.get(str(kind).rpartition(".")[2].casefold())
    return _SCOPE.get(str(folded.get("appliesto")).casefold())
