"""Events that people paste: Event Viewer's "Copy details as text", ``Format-List``, and bare messages.

    Log Name:      Microsoft-Windows-User Device Registration/Admin
    Source:        User Device Registration
    Date:          3/4/2026 9:12:44 AM
    Event ID:      304
    ...
    Description:
    Automatic registration failed at join phase. Exit code: ...

Where the same record also stands as ``Event Xml:``, the XML has been read already and this copy is left out.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from troubleshoot.model import Event, LogSpan, Problem, Sheet, Source, Wanted
from troubleshoot.parsers import eventmessage, eventtimes
from troubleshoot.parsers.eventrecord import is_wanted, level_word
from troubleshoot.parsers.providers import channel_provider, provider_of

_HEAD = re.compile(
    r"^(log name|source|date|event id|eventid|level|user|computer|task category|keywords|opcode|provider ?name|"
    r"logname|id|leveldisplayname|timecreated|machinename|recordid|message|description|"
    r"protokollname|quelle|datum|ereignis-id|ebene|benutzer|beschreibung)\s*:\s?(.*)$",
    re.IGNORECASE,
)
_SAME = {
    "log name": "channel", "logname": "channel", "protokollname": "channel",
    "source": "provider", "provider name": "provider", "providername": "provider", "quelle": "provider",
    "date": "time", "timecreated": "time", "datum": "time",
    "event id": "id", "eventid": "id", "id": "id", "ereignis-id": "id",
    "level": "level", "leveldisplayname": "level", "ebene": "level",
    "user": "user", "benutzer": "user", "computer": "computer", "machinename": "computer", "recordid": "record",
    "message": "text", "description": "text", "beschreibung": "text",
}  # fmt: skip
_STRONG = frozenset({"channel", "id", "provider"})
_PROSE_ID = re.compile(r"\bevent\s*id\W{0,4}(\d{2,5})\b|\bevent\s+`?(\d{3,5})\b|^event\s*id\s*(\d{2,5})", re.IGNORECASE)
_CHANNEL = re.compile(r"(Microsoft-Windows-[A-Za-z ()-]{2,80}/[A-Za-z]{3,20})")
_PREFIX = re.compile(r"^(?:[\s>*•·#|`]|-\s)+")
_LONGEST_LINE = 4000
_MOST_LINES = 200_000


def looks_like(sheet: Sheet) -> bool:
    """Could there be an event in the text? The words that call this parser (``parsers._NEEDS``) are the whole test."""
    return len(sheet.taken) < len(sheet.lines)


def read(sheet: Sheet, wanted: Wanted | None) -> Iterator[Event | LogSpan | Problem]:
    """Every event in the text that no stricter parser has read."""
    lines = [None if number in sheet.taken else _clean(line) for number, line in enumerate(sheet.lines[:_MOST_LINES])]
    at = 0
    while at < len(lines):
        line = lines[at]
        if line is None or not line:
            at += 1
            continue
        end, event = _block(sheet, lines, at)
        if end is None:
            end, event = _prose(sheet, lines, at)
        if end is None:
            at += 1
            continue
        sheet.taken.update(number for number in range(at, end) if lines[number] is not None)
        at = end
        if event is not None and is_wanted(event.provider, event.id, wanted):
            yield event


def _clean(line: str) -> str:
    """A line without quoting, bullets, entities and emphasis."""
    line = line[:_LONGEST_LINE]
    if "&" in line:
        line = html.unescape(line)
    line = line.replace("\u00a0", " ").replace("**", "").replace("`", "")
    prefix = _PREFIX.match(line)
    return (line[prefix.end() :] if prefix else line).rstrip()


# ------------------------------------------------------------------------------------------ with a header


def _head_of(line: str | None) -> tuple[str, str] | None:
    if not line or (len(line) > 400 and not line.casefold().startswith(("message", "description"))):
        return None
    found = _HEAD.match(line)
    return (_SAME.get(found[1].casefold(), ""), found[2].strip().strip("*").strip()) if found else None


def _block(sheet: Sheet, lines: Sequence[str | None], at: int) -> tuple[int | None, Event | None]:
    """A record with header lines that begins at ``at``: (the line after it, the event), else (None, None)."""
    first = _head_of(lines[at])
    if first is None or first[0] not in ("channel", "provider", "time", "id"):
        return None, None
    head: dict[str, str] = {}
    end = at
    text: list[str] = []
    described = False
    while end < len(lines):
        line = lines[end]
        if line is None:
            break
        found = _head_of(line)
        if (
            found is not None
            and (found[0] in ("channel",) or (found[0] == "time" and "time" in head))
            and head
            and end > at
            and (described or found[0] in head)
        ):
            break
        if described:
            if line.casefold().startswith("event xml"):
                end += 1
                break
            if (not line and _two_blank(lines, end)) or (
                found is not None and found[0] in _STRONG and found[0] in head and "Source" in line[:8]
            ):
                break
            text.append(line)
        elif found is not None:
            name, value = found
            _put(head, name, value)
            if name == "text":
                described = True
                text.append(value)
        elif (line and not _wrapped_head(head, line)) or (not line and not _more_head(lines, end)):
            break
        end += 1
    number = re.match(r"\d{1,5}", head.get("id", ""))
    if number is None or not (head.get("channel") or head.get("provider")):
        return None, None
    if _xml_follows(sheet, lines, end):
        return end, None
    return end, _event(sheet, at, head, int(number[0]), "\n".join(text).strip())


def _put(head: dict[str, str], name: str, value: str) -> None:
    """One header value; ``1097 Task Category: ...`` on one line is two of them."""
    inner = re.search(r"\s+(Task Category|Level|Computer|Keywords|User)\s*:", value)
    head.setdefault(name, value[: inner.start()].strip() if inner and name != "text" else value)


def _wrapped_head(head: dict[str, str], line: str) -> bool:
    """``Error Computer: name`` and ``Operation Level: Warning``: the end of one header value, then the next."""
    found = re.search(r"\b(Computer|Level|User|Keywords)\s*:\s*(.*)$", line)
    if not found or not head:
        return False
    head.setdefault(_SAME.get(found[1].casefold(), found[1].casefold()), found[2].strip())
    return True


def _two_blank(lines: Sequence[str | None], at: int) -> bool:
    following = lines[at + 1 : at + 3]
    return any(_head_of(line) for line in following) or all(not line for line in following)


def _more_head(lines: Sequence[str | None], at: int) -> bool:
    return any(_head_of(line) for line in lines[at + 1 : at + 3])


def _xml_follows(sheet: Sheet, lines: Sequence[str | None], end: int) -> bool:
    """Does the same record stand below as XML, which has been read already?"""
    return any(line is None and "<Event" in sheet.lines[end + i] for i, line in enumerate(lines[end : end + 3]))


def _event(sheet: Sheet, at: int, head: dict[str, str], number: int, text: str) -> Event:
    channel = head.get("channel") or None
    provider = (
        provider_of(head["provider"]) if head.get("provider") else (channel_provider(channel or "") or str(channel))
    )
    time_text = head.get("time") or None
    moment = eventtimes.local(time_text) if time_text else None
    record = int(head["record"]) if head.get("record", "").isdecimal() else None
    return Event(
        provider=provider,
        id=number,
        channel=channel,
        time=moment,
        level=level_word(head.get("level")),
        record=record,
        computer=head.get("computer") or None,
        data=eventmessage.fields(provider, number, text),
        text=text or None,
        source=Source(sheet.name, at + 1, record, channel),
        user=head.get("user") or None,
        time_text=eventtimes.as_printed(time_text, moment),
    )


# ---------------------------------------------------------------------------------------- without a header


def _prose(sheet: Sheet, lines: Sequence[str | None], at: int) -> tuple[int | None, Event | None]:
    """A message without header lines, or an id in prose with its message beside or below it."""
    line = lines[at] or ""
    told = _PROSE_ID.search(line)
    if told is None and eventmessage.starts(line) is None:
        return None, None
    end = at + 1
    text = [line[told.end() :].strip(" -–—:.,)`*") if told else line]
    while end < len(lines) and end - at < 60:
        following = lines[end]
        if following is None or _ends_message(lines, end, text):
            break
        text.append(following)
        end += 1
    body = "\n".join(part for part in text if part).strip()
    known = eventmessage.identify(body)
    if known is None and told is not None:
        number = int(next(one for one in told.groups() if one))
        channel = _CHANNEL.search(line)
        provider = channel_provider(channel[1]) if channel else None
        if provider is None:
            return None, None
        event = _plain(sheet, at, provider, number, line, channel[1] if channel else None)
        return at + 1, event
    if known is None:
        return None, None
    provider, number = known
    if told is not None:
        number = int(next(one for one in told.groups() if one))
    return end, _plain(sheet, at, provider, number, body, None)


def _plain(sheet: Sheet, at: int, provider: str, number: int, text: str, channel: str | None) -> Event:
    data = eventmessage.fields(provider, number, text)
    if not data and "0x" in text:
        from troubleshoot import codes

        found = codes.find(text)
        data = {"Error": found[0]} if len(found) == 1 else {}
    return Event(
        provider, number, channel, None, None, None, None, data, text or None, Source(sheet.name, at + 1, None, channel)
    )


def _ends_message(lines: Sequence[str | None], at: int, text: Sequence[str]) -> bool:
    """Does the message end before this line? At the next event, at a fence, or at a gap that is not the paste's own."""
    line = lines[at] or ""
    if _PROSE_ID.search(line) or (
        (len(text) > 1 or text[0]) and eventmessage.starts(line) is not None and eventmessage.identify(line)
    ):
        return True
    if _head_of(line) is not None and _head_of(line)[0] in _STRONG:  # type: ignore[index]
        return True
    if line:
        return False
    if not any(text):
        return False
    following = next((one for one in lines[at + 1 : at + 3] if one), None)
    return following is None or (":" not in following and not following.startswith(("(", "See ")))
