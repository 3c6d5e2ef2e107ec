"""Conditions of rules as a table of shared nodes, and what can be told from them without any evidence.

A condition of the rule format (``all``, ``any``, ``not`` and eight kinds of leaf) is split into the smallest tests and
interned: equal conditions of all rules are one node, so that each is evaluated once per device, however many rules use
it. Nodes are plain lists (they are stored as JSON):

    ["all", [n, ...]]   ["any", [n, ...]]   ["not", n]   ["sign", name]
    ["dsreg", field, test]                  ["attempt", flow, property, test]
    ["event", provider alias, [id, ...], data, text, anywhere]
    ["registry", key, value name or None, test]          ["fact", name, test]          ["capture", key, test]
    ["log", component, test of the line's text]
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any

Node = list[Any]

# How selective a kind of trigger is, best first: of the members of an `all` the best one dispatches the rule.
_SELECTIVE = ("code", "server", "event", "registry", "fact", "log", "dsreg=", "dsreg", "flow")


class BadCondition(ValueError):
    """A condition that is not of the rule format; the message says what is wrong."""


class Nodes:
    """The interned conditions of a rule set."""

    def __init__(self, table: list[Node] | None = None) -> None:
        self.table: list[Node] = table if table is not None else []
        self._known: dict[str, int] = {json.dumps(node, sort_keys=True): i for i, node in enumerate(self.table)}

    def _put(self, node: Node) -> int:
        key = json.dumps(node, sort_keys=True)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = len(self.table)
            self.table.append(node)
        return found

    def intern(self, condition: Any) -> int:
        """The number of ``condition``'s node. Raises :class:`BadCondition`."""
        if not isinstance(condition, Mapping) or len(condition) != 1:
            raise BadCondition(
                f"a condition has exactly one key, this one is {json.dumps(condition, default=str)[:80]}"
            )
        kind, body = next(iter(condition.items()))
        if kind in ("all", "any"):
            if not isinstance(body, list) or len(body) < 2:
                raise BadCondition(f"{kind} takes a list of two or more conditions")
            return self._group(kind, [self.intern(member) for member in body])
        if kind == "not":
            return self._put(["not", self.intern(body)])
        if kind == "sign":
            return self._put(["sign", body])
        if not isinstance(body, Mapping) or not body:
            raise BadCondition(f"{kind} takes names with tests")
        return self._leaf(kind, body)

    def _group(self, kind: str, members: Iterable[int]) -> int:
        flat: dict[int, None] = {}
        for member in members:
            node = self.table[member]
            flat.update(dict.fromkeys(node[1] if node[0] == kind else (member,)))
        unique = list(flat)
        return unique[0] if len(unique) == 1 else self._put([kind, unique])

    def _leaf(self, kind: str, body: Mapping[str, Any]) -> int:
        if kind in ("dsreg", "fact", "capture"):
            return self._group("all", [self._put([kind, name, test]) for name, test in body.items()])
        if kind == "attempt":
            flow = body.get("flow")
            if not isinstance(flow, str):
                raise BadCondition("attempt needs a flow")
            rest = [(name, test) for name, test in body.items() if name != "flow"] or [("flow", flow)]
            return self._group("all", [self._put(["attempt", flow, name, test]) for name, test in rest])
        if kind == "event":
            if "provider" not in body or "id" not in body:
                raise BadCondition("event needs a provider and an id")
            ids = body["id"] if isinstance(body["id"], list) else [body["id"]]
            return self._put(
                ["event", body["provider"], ids, body.get("data"), body.get("text"), bool(body.get("anywhere"))]
            )
        if kind == "registry":
            if "key" not in body:
                raise BadCondition("registry needs a key")
            return self._put(["registry", body["key"], body.get("value"), body.get("is")])
        if kind == "log":
            if "component" not in body or "text" not in body:
                raise BadCondition("log needs a component and a text")
            return self._put(["log", body["component"], body["text"]])
        raise BadCondition(f"unknown condition '{kind}'")


def walk(table: list[Node], number: int) -> Iterator[Node]:
    """The node and all nodes below it (not those of signs)."""
    node = table[number]
    yield node
    if node[0] in ("all", "any"):
        for member in node[1]:
            yield from walk(table, member)
    elif node[0] == "not":
        yield from walk(table, node[1])


def values_of(test: Any) -> list[str] | None:
    """The values an equality test names, as text; None for a test with operators."""
    if isinstance(test, Mapping):
        return None
    return [str(value).casefold() for value in (test if isinstance(test, list) else [test])]


def _leaf_triggers(node: Node) -> set[str]:
    kind = node[0]
    if kind == "attempt":
        _, flow, name, test = node
        values = values_of(test)
        if name in ("code", "suberror") and values:
            return {f"code:{value}" for value in values}
        if name in ("server_code", "server_subcode") and values:
            return {f"server:{value}" for value in values}
        return {f"flow:{flow}"}
    if kind == "event":
        return {f"event:{node[1]}:{number}" for number in node[2]}
    if kind == "registry":
        return {f"registry:{str(node[1]).upper()}"}
    if kind == "log":
        return {f"log:{str(node[1]).casefold()}"}
    if kind in ("dsreg", "fact"):
        values = values_of(node[2])
        absent = isinstance(node[2], Mapping) and node[2].get("exists") is False
        if absent:
            return set()
        return {f"{kind}:{node[1]}={value}" for value in values} if values else {f"{kind}:{node[1]}"}
    return set()


def _rank(triggers: set[str]) -> int:
    def one(trigger: str) -> int:
        kind = trigger.partition(":")[0]
        return _SELECTIVE.index("dsreg=" if kind == "dsreg" and "=" in trigger else kind)

    return max(one(trigger) for trigger in triggers)


def triggers(table: list[Node], number: int) -> set[str]:
    """The keys of which at least one must be present for the node to be true. Empty: it cannot dispatch a rule.

    ``code:0x801c001d``, ``server:directoryerror``, ``flow:join``, ``event:aad:1098``, ``registry:HKLM\\...``,
    ``dsreg:AzureAdPrt=no``, ``dsreg:KeySignTest``, ``fact:proxy.winhttp=direct``, ``log:comanagementhandler``.
    """
    node = table[number]
    if node[0] == "all":
        sets = [found for found in (triggers(table, member) for member in node[1]) if found]
        return min(sets, key=_rank) if sets else set()
    if node[0] == "any":
        union: set[str] = set()
        for member in node[1]:
            found = triggers(table, member)
            if not found:
                return set()
            union |= found
        return union
    if node[0] in ("not", "sign", "capture"):
        return set()
    return _leaf_triggers(node)


def near(table: list[Node], number: int) -> set[str]:
    """Keys under which a node that a fact dispatches is found while nobody collected the fact.

    They cannot make it true; they show that something of it was seen, so that the fact is worth collecting.
    """
    node = table[number]
    if node[0] == "any":
        return set().union(*(near(table, member) for member in node[1]))
    if node[0] != "all" or not any(key.startswith("fact:") for key in triggers(table, number)):
        return set()
    seen = ({key for key in triggers(table, member) if not key.startswith("fact:")} for member in node[1])
    rest = [found for found in seen if found]
    return min(rest, key=_rank) if rest else set()


Question = tuple[str, frozenset[str]]


def dispatch(table: list[Node], number: int) -> list[tuple[str, list[Question]]]:
    """The keys of :func:`triggers`, each with questions that also rule the node out: (subject, values).

    Where a subject (``dsreg:DomainName``, ``attempt:join:phase``) has a known value that is none of these, the node is
    false. So rules that share a code and differ in one field are told apart without evaluating each of them.
    """
    node = table[number]
    if node[0] == "any":
        return [one for member in node[1] for one in dispatch(table, member)] if triggers(table, number) else []
    if node[0] != "all":
        return [(key, []) for key in sorted(triggers(table, number))]
    keyed = [one for one in node[1] if triggers(table, one)]
    if not keyed:
        return []
    best = min(keyed, key=lambda one: _rank(triggers(table, one)))
    asked = [found for member in node[1] if member != best and (found := _question(table[member])) is not None]
    return [(key, [*questions, *asked]) for key, questions in dispatch(table, best)]


def asked(table: list[Node], number: int) -> list[Question]:
    """The questions that rule a node out, whatever else is known: of an `all` those of its members."""
    node = table[number]
    members = node[1] if node[0] == "all" else [number]
    return [found for member in members if (found := _question(table[member])) is not None]


def combinations(questions: Iterable[Question], most: int = 64) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The subjects of ``questions``, and every combination of values that passes; subjects of many values left out."""
    unique: dict[str, frozenset[str]] = {}
    for subject, values in sorted(questions, key=lambda one: len(one[1])):
        size = len(values)
        for known in unique.values():
            size *= len(known)
        if subject not in unique and size <= most:
            unique[subject] = values
    subjects = tuple(sorted(unique))
    return subjects, list(product(*(sorted(unique[subject]) for subject in subjects)))


_COMPARED = frozenset({"code", "phase", "suberror", "server_code", "server_subcode", "http_error", "registration"})


def _question(node: Node) -> Question | None:
    """What an equality test of one field or one property of attempts asks, and the values that pass."""
    if node[0] == "dsreg" and (values := values_of(node[2])):
        return f"dsreg:{node[1]}", frozenset(values)
    if node[0] == "attempt" and node[2] in _COMPARED and (values := values_of(node[3])):
        return f"attempt:{node[1]}:{node[2]}", frozenset(values)
    return None


def flows(table: list[Node], numbers: Iterable[int], provider_flow: Mapping[str, str | None]) -> set[str]:
    """The flows whose attempts the conditions speak of (an ``event`` leaf without ``anywhere`` counts for its provider)."""
    found: set[str] = set()
    for number in numbers:
        for node in walk(table, number):
            if node[0] == "attempt":
                found.add(node[1])
            elif node[0] == "event" and not node[5]:
                flow = provider_flow.get(node[1])
                if flow:
                    found.add(flow)
    return found
