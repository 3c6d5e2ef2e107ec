"""Runs the examples inside rules, and checks by mutation that every clause is needed by some example."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from troubleshoot import times
from troubleshoot.case import Case
from troubleshoot.engine import judge_rule
from troubleshoot.model import Capture, Event, Evidence, Fact, LogSpan, Problem, RegistryValue, Source
from troubleshoot.parsers import parse_text
from troubleshoot.ruleset import RuleError, RuleFile, Ruleset, compile_rules

NEWEST_BUILD = 28_000
_PATH = "example"
# Keys without which a leaf is none: deleting them is no mutation.
_FIXED = {"attempt": {"flow"}, "event": {"provider", "id"}, "registry": {"key"}, "log": {"component", "text"}}


@dataclass(frozen=True, slots=True)
class Failure:
    """One example that does not give what it expects, or one clause that no example needs."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def case_of(given: Mapping[str, Any], vocabulary: Mapping[str, Any]) -> Case:
    """The case an example describes. Texts go through the real parsers; a log that has an event covers the example.

    Raises :class:`RuleError` when an example's dsregcmd or log text gives no evidence at all.
    """
    evidence: list[Evidence | Problem] = []
    texts = given.get("dsreg", [])
    for number, text in enumerate(texts if isinstance(texts, list) else [texts]):
        evidence += _captures(str(text), number, int(given.get("build", NEWEST_BUILD)))
    if "log" in given:
        found = list(parse_text(f"{_PATH}.log", str(given["log"]).encode(), None))
        if all(isinstance(one, Problem) for one in found):
            raise RuleError("the example's log holds nothing that a parser reads")
        evidence += found
    for record, event in enumerate(given.get("events", ()), 1):
        evidence.append(_event(event, record, vocabulary))
    evidence += _spans(given, vocabulary)
    for entry in given.get("registry", ()):
        evidence += _registry(entry)
    for name, value in given.get("facts", {}).items():
        evidence.append(Fact(name, str(value), Source(f"{_PATH}-facts", 1)))
    if "as_of" in given:
        return Case.of(evidence, as_of=times.parse(str(given["as_of"])))
    return Case.of(evidence)


def _captures(text: str, number: int, build: int) -> Iterator[Evidence | Problem]:
    """The captures of one text; every section shown counts as read to its end, on Windows of ``build``."""
    found = list(parse_text(f"{_PATH}-{number}.txt", text.encode(), None))
    if not any(isinstance(one, Capture) for one in found):
        raise RuleError("the example's dsreg text holds no capture that the parser reads")
    for one in found:
        if isinstance(one, Capture):
            yield Capture(
                kind=one.kind,
                source=one.source,
                time=one.time,
                account=one.account,
                elevated=one.elevated,
                fields=one.fields,
                sections=dict.fromkeys(one.sections, True),
                named=one.named,
                build_at_least=build,
            )
        else:
            yield one


def _event(event: Mapping[str, Any], record: int, vocabulary: Mapping[str, Any]) -> Event:
    provider = vocabulary["providers"][event["provider"]]
    name = provider["name"][0] if isinstance(provider["name"], list) else provider["name"]
    source = Source(f"{_PATH}.evtx", None, record, provider["channel"])
    data = {str(key): str(value) for key, value in event.get("data", {}).items()}
    return Event(
        provider=name,
        id=event["id"],
        channel=provider["channel"],
        time=times.parse(str(event["at"])) if "at" in event else None,
        level=event.get("level"),
        record=record,
        computer=event.get("computer"),
        data=data,
        text=event.get("text"),
        source=source,
        user=event.get("user"),
        activity=event.get("activity"),
    )


def _spans(given: Mapping[str, Any], vocabulary: Mapping[str, Any]) -> Iterator[LogSpan]:
    logs = given.get("logs", ())
    for alias in logs:
        channel = vocabulary["providers"][alias]["channel"]
        source = Source(f"{_PATH}-{alias}.evtx", None, None, channel)
        if isinstance(logs, Mapping):
            first, last = times.parse(str(logs[alias]["from"])), times.parse(str(logs[alias]["to"]))
            yield LogSpan(channel, first, last, 1, 0, source)
        else:
            yield LogSpan(channel, None, None, 0, 0, source)
    for alias in {event["provider"] for event in given.get("events", ())} - set(logs):
        channel = vocabulary["providers"][alias]["channel"]
        early, late = times.parse("1990-01-01T00:00:00Z"), times.parse("2999-01-01T00:00:00Z")
        yield LogSpan(channel, early, late, 1, 0, Source(f"{_PATH}.evtx", None, None, channel))


def _registry(entry: Mapping[str, Any]) -> Iterator[RegistryValue]:
    source = Source(f"{_PATH}.reg", 1)
    if entry.get("missing"):
        yield RegistryValue(entry["key"], "", "absent", None, source)
    else:
        for name, value in (entry.get("values") or {}).items():
            kind = "REG_DWORD" if isinstance(value, int) else "REG_SZ"
            yield RegistryValue(entry["key"], str(name), kind, value, source)


# -------------------------------------------------------------------------------------------------- examples


def _given_result(ruleset: Ruleset, case: Case, rule_id: str) -> tuple[str, str | None, str | None]:
    """(state, confidence, user) of the first outcome that counts."""
    outcomes, truth = judge_rule(ruleset, case, rule_id)
    order = ("match", "resolved", "benign")
    outcomes.sort(key=lambda one: order.index(one.state) if one.state in order else 9)
    best = outcomes[0] if outcomes else None
    if best is None or best.finding is None:
        return ("unknown" if truth is None else "no-match"), None, None
    return best.state, best.finding.confidence, best.finding.user


def _differs(example: Mapping[str, Any], result: tuple[str, str | None, str | None]) -> str | None:
    state, confidence, user = result
    if state != example["expect"]:
        return f"expected {example['expect']}, got {state}"
    if "confidence" in example and example["confidence"] != confidence:
        return f"expected confidence {example['confidence']}, got {confidence}"
    if "user" in example and (user or "").casefold() != str(example["user"]).casefold():
        return f"expected user {example['user']}, got {user}"
    return None


class Bench:
    """The examples of one rule with their cases, made once: each mutation is judged on the same cases."""

    def __init__(self, file: RuleFile, vocabulary: Mapping[str, Any]) -> None:
        self.file = file
        self.vocabulary = vocabulary
        self.line = file.lines.get("tests", 1)
        self.examples: list[tuple[Mapping[str, Any], Case]] = []
        self.broken: list[Failure] = []
        for example in file.doc.get("tests", ()):
            try:
                self.examples.append((example, case_of(example["given"], vocabulary)))
            except RuleError as error:
                self.broken.append(Failure(file.path, self.line, f"example '{example.get('name')}': {error}"))

    def run(self, doc: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], str | None]]:
        """Every example with what differs from its expectation (None: nothing), judged by ``doc``."""
        ruleset = Ruleset(compile_rules([RuleFile(self.file.path, dict(doc), self.file.lines)], self.vocabulary))
        return [
            (example, _differs(example, _given_result(ruleset, case, str(doc["id"]))))
            for example, case in self.examples
        ]

    def failures(self) -> list[Failure]:
        """Examples that fail, and known gaps that no longer do."""
        found = list(self.broken)
        for example, difference in self.run(self.file.doc):
            gap = bool(example.get("known_gap"))
            if difference and not gap:
                found.append(Failure(self.file.path, self.line, f"example '{example['name']}': {difference}"))
            elif gap and not difference:
                text = f"example '{example['name']}' passes now: remove known_gap"
                found.append(Failure(self.file.path, self.line, text))
        return found

    def passes(self, doc: Mapping[str, Any]) -> bool:
        """Do all examples (known gaps aside) still give what they expect, judged by ``doc``?"""
        try:
            return all(not difference for example, difference in self.run(doc) if not example.get("known_gap"))
        except (RuleError, KeyError):
            return False

    def unneeded(self) -> list[Failure]:
        """Clauses that can be deleted while all examples still pass (lint's R009)."""
        return [
            Failure(self.file.path, self.file.lines.get(key, 1), f"R009 no example needs {what}")
            for key, what, doc in mutations(self.file.doc)
            if not self._says_nothing(what) and self.passes(doc)
        ]

    def _says_nothing(self, what: str) -> bool:
        """``anywhere`` of a provider that owns no attempts is asked for by lint (R016) and changes nothing."""
        if not what.endswith(".event.anywhere"):
            return False
        path = [int(part) if part.isdigit() else part for part in re.findall(r"[a-z]+|\d+", what)]
        event = _at(self.file.doc, path[:-1])
        return not self.vocabulary["providers"][event["provider"]].get("flow")


# -------------------------------------------------------------------------------------------------- mutations


def mutations(doc: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(top-level key, what was deleted, the rule without it) for every clause of the rule.

    A list of values is one clause. Deleting the only condition of ``match`` leaves no rule, so that one is exempt.
    """
    for key in ("unless", "benign"):
        for number in range(len(doc.get(key, ()))):
            yield key, f"{key}[{number}]", _without(doc, key, number)
            yield from _inside(doc, (key, number))
            if doc[key][number].get("decisive"):
                yield key, f"{key}[{number}].decisive", _without(doc, key, number, "decisive")
    for key in ("confirm", "intent"):
        if key in doc:
            yield key, key, _without(doc, key)
    if isinstance(doc.get("confirm"), Mapping):
        yield from _inside(doc, ("confirm",))
    for key in doc.get("applies_to", {}):
        yield "applies_to", f"applies_to.{key}", _without(doc, "applies_to", key)
    for number, name in enumerate(doc.get("resolved_by", ())):
        yield "resolved_by", f"resolved_by {name}", _without(doc, "resolved_by", number)
    yield from _inside(doc, ("match",))


def _at(doc: Any, path: Sequence[Any]) -> Any:
    for part in path:
        doc = doc[part]
    return doc


def _without(doc: Mapping[str, Any], *path: Any) -> dict[str, Any]:
    out = copy.deepcopy(dict(doc))
    parent = _at(out, path[:-1])
    del parent[path[-1]]
    if isinstance(parent, list) and not parent and len(path) == 2:
        del out[path[0]]
    return out


def _inside(doc: Mapping[str, Any], path: tuple[Any, ...]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Mutations below one condition: each member of a group, each key of a leaf."""
    condition = _at(doc, path)
    name = ".".join(str(part) for part in path)
    for kind, body in condition.items():
        if kind in ("all", "any"):
            for number in range(len(body)):
                out = copy.deepcopy(dict(doc))
                group = _at(out, (*path, kind))
                del group[number]
                if len(group) == 1:
                    holder = _at(out, path)
                    holder.pop(kind)
                    holder.update(group[0])
                yield str(path[0]), f"{name}.{kind}[{number}]", out
                yield from _inside(doc, (*path, kind, number))
        elif kind == "not":
            yield from _inside(doc, (*path, kind))
        elif isinstance(body, Mapping):
            fixed = _FIXED.get(kind, set())
            free = [key for key in body if key not in fixed]
            if len(free) > 1 or (fixed and free):
                for key in free:
                    yield str(path[0]), f"{name}.{kind}.{key}", _without(doc, *path, kind, key)
