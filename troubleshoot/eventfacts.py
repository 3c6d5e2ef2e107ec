"""What the named values of event records say: codes, server answers and the debug block, read once for all builders."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from troubleshoot import codes
from troubleshoot.model import Event

# Words the service and the client use for "there is none".
_NOTHING = frozenset({"", "undefined", "none", "null", "n/a", "(null)"})
_DEBUG_LIMIT = 20_000


def value(event: Event, *names: str) -> str | None:
    """The first of the named values that is there and says something."""
    for name in names:
        found = event.data.get(name)
        if found is not None and found.strip().casefold() not in _NOTHING:
            return found.strip()
    return None


def code(event: Event, *names: str) -> str | None:
    """The first of the named values as a canonical code; None when it is none or says success."""
    found = value(event, *names)
    if found is None:
        return None
    normal = codes.normalise(found) or next(iter(codes.find(found)), None)
    return None if codes.is_success(normal) else normal


def debug_block(text: str | None) -> dict[str, str]:
    """The ``key: value`` lines of a DebugOutput block (event 304, 331, 370), without those that say "undefined".

    A value that stands on the line below its key (``adalLog:``) is read too; keys in lower case.
    """
    out: dict[str, str] = {}
    if not text:
        return out
    last = None
    for line in text[:_DEBUG_LIMIT].replace("\\r\\n", "\n").splitlines():
        key, colon, rest = line.partition(":")
        key = key.strip()
        if colon and key.isidentifier():
            last = key.casefold()
            if rest.strip().casefold() not in _NOTHING:
                out[last] = rest.strip()
        elif last and line.strip().casefold() not in _NOTHING:
            out[last] = (out.get(last, "") + " " + line.strip()).strip()
    return out


def server_answer(text: str | None) -> dict[str, str]:
    """code, subcode, operation, message and request id of a server's answer, whether JSON or a plain message."""
    if not text or not text.strip():
        return {}
    start = text.find("{")
    if start >= 0:
        try:
            found = json.loads(text[start : text.rfind("}") + 1])
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, Mapping):
            return _from_json(found)
    return {"message": text.strip()}


_KEYS: Mapping[str, tuple[str, ...]] = {
    "server_code": ("errortype", "code", "errorcode", "error"),
    "server_subcode": ("errorsubcode", "subcode"),
    "operation": ("operation",),
    "message": ("message", "errormessage", "error_description"),
    "request_id": ("requestid", "traceid", "trace_id"),
}


def _from_json(found: Mapping[str, Any]) -> dict[str, str]:
    lower = {str(key).casefold(): item for key, item in found.items()}
    out = {}
    for name, keys in _KEYS.items():
        for key in keys:
            item = lower.get(key)
            if isinstance(item, str | int) and str(item).strip():
                out[name] = str(item).strip()
                break
    return out
