"""``troubleshoot code``: every reading of what was typed, be it a code or an event, and the rules that know its cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from troubleshoot import codebook, codes, eventbook
from troubleshoot.report.safe import plain
from troubleshoot.ruleset import Rule, Ruleset, leaves_of


@dataclass(frozen=True, slots=True)
class Found:
    """What was typed, its readings, names found by searching, events it names, and the rules that speak of it."""

    typed: str
    readings: tuple[codebook.Reading, ...]
    names: tuple[codebook.Reading, ...]
    rules: tuple[Rule, ...]
    events: tuple[eventbook.Known, ...] = ()

    @property
    def known(self) -> bool:
        """Is there a name, a known error inside, or a rule?"""
        return bool(self.rules or self.names or self.events or any(one.name or one.wraps for one in self.readings))


def look_up(typed: Sequence[str], ruleset: Ruleset) -> list[Found]:
    """One :class:`Found` per code, word, symbol or event (``event 304``, ``AAD 1098``).

    ``[a/b]`` pairs and messages give one per code inside.
    """
    out = []
    for text in eventbook.joined(typed):
        events = eventbook.typed(text)
        if events:
            out.append(Found(text, (), (), tuple(_rules_of_events(events, ruleset)), events))
            continue
        inside = codes.find(text)
        for one in inside if len(inside) > 1 else (text,):
            out.append(_one(one, ruleset))
    return out


def _one(text: str, ruleset: Ruleset) -> Found:
    readings = codebook.explain(text)
    names = [] if any(one.name for one in readings) else codebook.search(text)
    if any(letter.isdecimal() for letter in text[:3]) or len(names) > 400:
        names = []
    wanted = {one.code.casefold() for one in (*readings, *names[:5])} | {text.strip().casefold()}
    return Found(text, tuple(readings), tuple(names), tuple(_rules(wanted, ruleset)))


def _rules(wanted: set[str], ruleset: Ruleset) -> list[Rule]:
    """Rules that cover a cause of one of the codes, or ask attempts for it."""
    found = []
    for number in range(len(ruleset)):
        rule = ruleset.rule(number)
        named = {cause.partition("/")[0].casefold() for cause in rule.covers} | ruleset.codes_named(rule.id, rule.match)
        if named & wanted:
            found.append(rule)
    return found


def _rules_of_events(events: Sequence[eventbook.Known], ruleset: Ruleset) -> list[Rule]:
    """Rules that ask for one of the events anywhere in their conditions."""
    wanted = {(one.provider, one.id) for one in events}
    found = []
    for number in range(len(ruleset)):
        rule = ruleset.rule(number)
        tops = [rule.match, *(one.node for one in rule.unless), *(one.node for one in rule.benign)]
        tops += [rule.confirm] if rule.confirm is not None else []
        leaves = [node for top in tops for node in leaves_of(ruleset, top) if node[0] == "event"]
        if any((node[1], each) in wanted for node in leaves for each in node[2]):
            found.append(rule)
    return found


def as_json(found: Sequence[Found]) -> bytes:
    """The JSON form."""
    rows = [
        {
            "typed": one.typed,
            "readings": [_reading(each) for each in one.readings],
            "names": [_reading(each) for each in one.names],
            "events": [_event(each) for each in one.events],
            "rules": [
                {
                    "rule": rule.id,
                    "title": rule.title,
                    "phase": rule.phase,
                    "cause": rule.cause,
                    "references": rule.references,
                }
                for rule in one.rules
            ],
        }
        for one in found
    ]
    return orjson.dumps({"schema_version": "1", "codes": rows}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _reading(one: codebook.Reading) -> dict[str, object]:
    return {
        "code": one.code,
        "decimal": _decimal(one.code),
        "kind": one.kind,
        "name": one.name,
        "facility": one.facility,
        "severity": one.severity,
        "wraps": one.wraps,
        "source": one.source,
    }


def _event(one: eventbook.Known) -> dict[str, object]:
    return {
        "provider": one.name,
        "id": one.id,
        "level": one.level,
        "flow": one.flow,
        "says": one.says,
        "meaning": one.meaning,
        "fields": dict(one.fields),
        "first_build": one.first,
        "last_build": one.last,
        "source": one.source,
    }


def _decimal(code: str) -> int | None:
    if not code.startswith("0x"):
        return None
    number = int(code, 16)
    return number - (1 << 32) if number >> 31 else number


def as_text(found: Sequence[Found]) -> str:
    """The text form."""
    lines: list[str] = []
    for one in found:
        lines.append(plain(one.typed))
        for reading in one.readings:
            lines += [f"  {text}" for text in _lines(reading)]
        for event in one.events:
            seen = f", Windows {event.first} to {event.last}" if event.first else ""
            lines += [f"  event {event.id} of {event.name}  ({event.level}{seen})", f"    {event.meaning}"]
            lines += [f"    {name}: {said}" for name, said in event.fields.items()]
            lines.append(f"    source: {event.source}")
        if one.names:
            lines.append("  names that hold this:" if one.readings else "  found by name:")
            lines += [f"    {each.code}  {each.name}  ({each.kind})" for each in one.names]
        for rule in one.rules:
            lines += [
                f"  rule {rule.id} ({rule.phase}): {rule.title}",
                f"    {rule.cause}",
                f"    {rule.references[0]}",
            ]
        if not one.known:
            lines.append("  no table of this version names it")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _lines(reading: codebook.Reading) -> list[str]:
    decimal = _decimal(reading.code)
    number = f" ({decimal})" if decimal is not None else ""
    lines = [f"{reading.code}{number}  {reading.name or 'no name known'}  {reading.kind}"]
    told = [
        f"facility {reading.facility}" if reading.facility else "",
        reading.severity or "",
        f"carries {reading.wraps}" if reading.wraps else "",
        f"source: {reading.source}" if reading.source else "",
    ]
    lines.append("  " + ", ".join(text for text in told if text))
    return [line for line in lines if line.strip()]
