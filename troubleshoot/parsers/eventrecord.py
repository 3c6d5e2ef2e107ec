"""One event record from the structured forms that share a shape: System, EventData, UserData."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from troubleshoot import times
from troubleshoot.model import Event, Source, Wanted

_LEVELS = {"1": "Critical", "2": "Error", "3": "Warning", "4": "Information", "0": "Information", "5": "Verbose"}
_WORDS = {
    "critical": "Critical",
    "error": "Error",
    "warning": "Warning",
    "information": "Information",
    "informational": "Information",
    "info": "Information",
    "verbose": "Verbose",
}
_MOST_VALUES = 200


def level_word(value: object) -> str | None:
    """A level as a word: numbers 0 to 5 and English names; any other text is kept as printed."""
    text = str(value).strip() if value is not None else ""
    if not text:
        return None
    return _LEVELS.get(text) or _WORDS.get(text.casefold()) or text


def activity(value: object) -> str | None:
    """A correlation id in lower case without braces; None for an empty or all-zero one."""
    text = str(value).strip().strip("{}").casefold() if value else ""
    return text if text.strip("0-") else None


def is_wanted(provider: str, number: int, wanted: Wanted | None) -> bool:
    """Is a record of this provider and id to be read? Provider names are compared without case."""
    if wanted is None:
        return True
    ids = wanted.get(provider, False)
    if ids is False:
        folded = provider.casefold()
        ids = next((found for name, found in wanted.items() if name.casefold() == folded), False)
        if ids is False:
            return False
    return ids is None or number in ids  # type: ignore[operator]


def number(value: object) -> int | None:
    """A whole number out of a number, a text, or the object form with ``#text``; None for anything else."""
    if isinstance(value, Mapping):
        value = value.get("#text", value.get("Value"))
    if isinstance(value, bool) or value is None:
        return None
    try:
        return int(str(value).strip())
    except ValueError:
        return None


def text_of(value: object) -> str:
    """A value as the text it was printed as."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return text_of(value.get("#text")) if "#text" in value else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(text_of(one) for one in value)
    return str(value)


def data_of(body: object) -> dict[str, str]:
    """The values of EventData or UserData by name; unnamed ones are Data1, Data2 ...; UserData by its leaf names."""
    out: dict[str, str] = {}
    if isinstance(body, Mapping):
        _collect(body, out, 0)
    return out


def _collect(body: Mapping[str, Any], out: dict[str, str], depth: int) -> None:
    for name, value in body.items():
        if name in ("#attributes", "xmlns") or len(out) >= _MOST_VALUES:
            continue
        if name == "Data":
            _unnamed(value, out)
        elif isinstance(value, Mapping) and "#text" not in value:
            if depth < 8:
                _collect(value, out, depth + 1)
        else:
            out[str(name)] = text_of(value)


def _unnamed(value: object, out: dict[str, str]) -> None:
    if isinstance(value, Mapping):
        attributes = value.get("#attributes")
        name = attributes.get("Name") if isinstance(attributes, Mapping) else None
        inner = value.get("#text")
        if isinstance(inner, list):
            for one in inner:
                out[f"Data{len(out) + 1}"] = text_of(one)
        else:
            out[str(name) if name else f"Data{len(out) + 1}"] = text_of(inner)
    elif isinstance(value, list):
        for one in value:
            _unnamed(one, out)
    elif value is not None:
        out[f"Data{len(out) + 1}"] = text_of(value)


def from_dump(found: Mapping[str, Any], path: str, line: int | None = None) -> Event | None:
    """The event of evtx_dump's JSON object (``{"Event": {"System": ..., "EventData": ...}}``); None when it is none."""
    event = found.get("Event")
    system = event.get("System") if isinstance(event, Mapping) else None
    if not isinstance(event, Mapping) or not isinstance(system, Mapping):
        return None
    identity = number(system.get("EventID"))
    provider = _attribute(system.get("Provider"), "Name")
    if identity is None or not provider:
        return None
    data = data_of(event.get("EventData"))
    user_data = event.get("UserData")
    if isinstance(user_data, Mapping):
        data.update(data_of(user_data))
    channel = text_of(system.get("Channel")) or None
    record = number(system.get("EventRecordID"))
    rendered = event.get("RenderingInfo")
    message = text_of(rendered.get("Message")) if isinstance(rendered, Mapping) else ""
    return Event(
        provider=provider,
        id=identity,
        channel=channel,
        time=utc(_attribute(system.get("TimeCreated"), "SystemTime")),
        level=level_word(text_of(system.get("Level"))),
        record=record,
        computer=text_of(system.get("Computer")) or None,
        data=data,
        text=message or None,
        source=Source(path, line, record, channel),
        user=_attribute(system.get("Security"), "UserID"),
        activity=activity(_attribute(system.get("Correlation"), "ActivityID")),
    )


def _attribute(value: object, name: str) -> str | None:
    if not isinstance(value, Mapping):
        return None
    attributes = value.get("#attributes")
    holder = attributes if isinstance(attributes, Mapping) else value
    found = holder.get(name, holder.get("@" + name))
    return str(found) if found not in (None, "") else None


def utc(text: str | None) -> datetime | None:
    """A time of <TimeCreated>, which is UTC whether it says so or not."""
    if not text:
        return None
    found = times.parse(text)
    if found is not None and found.tzinfo is None:
        return times.parse(text[:19] + "Z") if "." not in text else times.parse(text.strip() + "Z")
    return found
