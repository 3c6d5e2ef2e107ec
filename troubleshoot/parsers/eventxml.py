"""Event XML, in every shape it is exported, copied and pasted.

    <Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='...'/> ...

The text is cut into ``<Event ...> ... </Event>`` pieces first (one linear scan), so that a missing root, a prologue per
record, prose around it or a cut at the end cost nothing but themselves. Each piece goes through lxml with entities,
network and huge trees off.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

from troubleshoot.model import Event, LogSpan, Problem, Sheet, Source, Wanted
from troubleshoot.parsers.eventrecord import activity, is_wanted, level_word, utc

_START = re.compile(r"<Event(?=[\s>])", re.IGNORECASE)
_TREE = re.compile(r"^[ \t|]*[-+] ?(?=<)", re.MULTILINE)
_BOX = re.compile(r"^[ \t]*[|│>] ?|[ \t]*[|│][ \t]*$", re.MULTILINE)
_NAMESPACE = re.compile(r"\sxmlns(?::\w+)?\s*=\s*(?:'[^']*'|\"[^\"]*\")", re.IGNORECASE)
_CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&#(?:x0*(?:[0-8bcefBCEF]|1[0-9a-fA-F])|0*(?:[0-8]|1[124-9]|2\d|3[01]));"
)
_LARGEST = 1_000_000  # characters of one event; Windows writes at most 64 KiB


def looks_like(sheet: Sheet) -> bool:
    """Does an <Event> element begin anywhere, escaped or not?"""
    return "<Event" in sheet.text or "&lt;Event" in sheet.text or "<event" in sheet.text


def read(sheet: Sheet, wanted: Wanted | None) -> Iterator[Event | LogSpan | Problem]:
    """Every event in the sheet. Marks the lines of complete and cut-off events as taken."""
    text = sheet.text
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        yield Problem(Source(sheet.name), "refused", "the XML declares a document type, which event exports never do")
        return
    if "<Event" not in text and "<event" not in text:
        text = html.unescape(text)
        if text.count("\n") != sheet.text.count("\n"):
            return
    starts = [found.start() for found in _START.finditer(text)]
    if not starts:
        return
    line, counted = 1, 0
    for start, following in zip(starts, [*starts[1:], len(text)], strict=True):
        line += text.count("\n", counted, start)
        counted = start
        end = text.find("</Event>", start, following)
        if end < 0:
            end = text.lower().find("</event>", start, following) if following - start < _LARGEST else -1
        if end < 0:
            sheet.taken.update(range(line - 1, line + text.count("\n", start, following)))
            yield Problem(Source(sheet.name, line), "damaged", "an event is cut off before its end", 1)
            continue
        end += len("</Event>")
        sheet.taken.update(range(line - 1, line + text.count("\n", start, end)))
        yield from _one(text[start:end], sheet.name, line, wanted)


def _one(piece: str, name: str, line: int, wanted: Wanted | None) -> Iterator[Event | Problem]:
    if len(piece) > _LARGEST:
        yield Problem(Source(name, line), "limit", "an event is larger than Windows writes", 1)
        return
    try:
        event = from_xml(piece, name, line)
    except ValueError as error:
        yield Problem(Source(name, line), "damaged", f"an event cannot be read: {str(error)[:120]}", 1)
        return
    if event is None:
        yield Problem(Source(name, line), "damaged", "an event has no provider or no id", 1)
    elif is_wanted(event.provider, event.id, wanted):
        yield event


def from_xml(piece: str, path: str, line: int | None = None) -> Event | None:
    """The event of one <Event> element; None when it lacks provider or id. Raises ValueError when it is no XML."""
    root = _element(piece)
    system = root.find("System")
    if system is None:
        return None
    provider = system.find("Provider")
    number = system.findtext("EventID")
    name = provider.get("Name") or provider.get("EventSourceName") if provider is not None else None
    if not name or not (number or "").strip().lstrip("-").isdecimal():
        return None
    data: dict[str, str] = {}
    for section in (root.find("EventData"), root.find("UserData")):
        if section is not None:
            _values(section, data)
    created = system.find("TimeCreated")
    correlation, security = system.find("Correlation"), system.find("Security")
    rendered = root.find("RenderingInfo")
    channel = (system.findtext("Channel") or "").strip() or None
    record = (system.findtext("EventRecordID") or "").strip()
    level = (rendered.findtext("Level") if rendered is not None else None) or system.findtext("Level")
    return Event(
        provider=name,
        id=int(number or 0),
        channel=channel,
        time=utc(created.get("SystemTime")) if created is not None else None,
        level=level_word(level),
        record=int(record) if record.isdecimal() else None,
        computer=(system.findtext("Computer") or "").strip() or None,
        data=data,
        text=(rendered.findtext("Message") or "").strip() or None if rendered is not None else None,
        source=Source(path, line, int(record) if record.isdecimal() else None, channel),
        user=security.get("UserID") or None if security is not None else None,
        activity=activity(correlation.get("ActivityID")) if correlation is not None else None,
    )


def _element(piece: str) -> Any:
    """The parsed element without namespaces. A piece that is no XML is tried again as the copies people make of it."""
    from lxml import etree

    def parsed(text: str, recover: bool) -> Any:
        parser = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            huge_tree=False,
            load_dtd=False,
            recover=recover,
            remove_comments=True,
            remove_pis=True,
        )
        return etree.fromstring(_NAMESPACE.sub("", text).encode("utf-8", "replace"), parser)

    try:
        return parsed(piece, False)
    except (etree.XMLSyntaxError, ValueError):
        pass
    mended = _CONTROL.sub("\ufffd", _BOX.sub("", _TREE.sub("", piece)))
    try:
        root = parsed(mended, True)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ValueError(str(error)) from error
    if root is None:
        raise ValueError("it is no XML")
    return root


def _values(section: Any, data: dict[str, str]) -> None:
    for element in section.iter():
        if element is section or not isinstance(element.tag, str) or len(data) > 200:
            continue
        text = element.text or ""
        if element.tag == "Data":
            data[element.get("Name") or f"Data{len(data) + 1}"] = text
        elif len(element) == 0:
            data[element.tag] = text
