"""What the values of event records say: codes, server answers and the debug block, read once for all builders."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from troubleshoot import codes
from troubleshoot.model import Event

# Words the service and the client use for "there is none".
_NOTHING = frozenset({"", "undefined", "none", "null", "n/a", "(null)"})
# Windows prints some exit codes as their English message. Only those that no other code shares are read back.
_SYSTEM_TEXTS = {
    "keyset does not exist": "0x80090016",
    "only available when in fips mode": "0x80280036",
    "mobile device management (mdm) is not configured": "0x80180031",
}
_DEBUG_LIMIT = 20_000
_SYSTEM = frozenset({"system", "nt authority\\system", "local service", "network service"})


def value(event: Event, *names: str) -> str | None:
    """The first of the named values that is there and says something."""
    data = event.data
    for name in names:
        found = data.get(name)
        if found is not None and (text := found.strip()).casefold() not in _NOTHING:
            return text
    return None


def code(event: Event, *names: str) -> str | None:
    """The first of the named values as a canonical code; None when it is none or says success.

    A record whose message no parser took apart (in another language) has no values: the first code in it is taken.
    """
    found = value(event, *names)
    if found is not None:
        normal = codes.normalise(found) if " " not in found or "0x" in found else None
        normal = normal or next(iter(codes.find(found)), None) or _system_text(found)
    elif event.text and not event.data:
        normal = next(iter(codes.find(event.text)), None)
    else:
        return None
    return None if codes.is_success(normal) else normal


def _system_text(text: str) -> str | None:
    folded = text.casefold()
    return next((one for words, one in _SYSTEM_TEXTS.items() if words in folded), None)


def owner(event: Event) -> str | None:
    """The user's name in the record's <Security>, lower case; None for SYSTEM, and for a SID, which names nobody."""
    user = (event.user or "").casefold()
    return user if ("@" in user or "\\" in user) and user not in _SYSTEM and not user.startswith("nt ") else None


def near(left: Event, right: Event, gap: timedelta) -> bool:
    """May ``right``, which sorts after ``left``, belong to the same attempt by its time?

    Records without any time can only be told together by standing in one file.
    """
    if left.time is None or right.time is None:
        return left.time is right.time and left.source.path == right.source.path
    if (left.time.tzinfo is None) != (right.time.tzinfo is None):
        return False
    return abs(right.time - left.time) <= gap


_EARLIEST = datetime.min


def by_time(event: Event) -> tuple[int, datetime, int, str, int]:
    """A sort key, oldest first, that is the same in whatever order the records were read."""
    moment = event.time
    source = event.source
    record, line = event.record or 0, source.line or 0
    if moment is None:
        return 0, _EARLIEST, record, source.path, line
    if moment.tzinfo is None:
        return 1, moment, record, source.path, line
    return 2, moment.replace(tzinfo=None), record, source.path, line


def debug_output(event: Event) -> dict[str, str]:
    """The debug block of a record, which is English whatever the language of the message around it."""
    return debug_block(value(event, "DebugOutput") or (event.text if not event.data else None))


def debug_block(text: str | None) -> dict[str, str]:
    """The ``key: value`` lines of a DebugOutput block (event 304, 331, 370), without those that say "undefined".

    A value that stands on the lines below its key (``adalLog:``) is read too; keys in lower case.
    """
    out: dict[str, str] = {}
    if not text:
        return out
    last = None
    for line in text[:_DEBUG_LIMIT].replace("\\r\\n", "\n").splitlines():
        key, colon, rest = line.partition(":")
        key = key.strip()
        if colon and key.isidentifier() and key[:1].islower():
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
    "operation": ("operation", "serveroperation"),
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
