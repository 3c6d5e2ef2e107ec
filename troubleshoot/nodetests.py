"""The nodes of a rule set as functions of the leaves that are true and false (:mod:`troubleshoot.subjects`).

A subject is asked when a condition about it is first evaluated in a context. Of what was not collected nothing is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from troubleshoot.case import Case
from troubleshoot.conditions import Node
from troubleshoot.model import Event
from troubleshoot.ruleset import Rule
from troubleshoot.subjects import Leaves, Subject, Truth, record_test, subject_of

NodeTest: TypeAlias = Callable[[int, int], Truth]
"""(the leaves that are true, the leaves that are false) -> the truth of a node."""

_MOST = 5_000  # combinations of subjects that are kept


class Asking(NamedTuple):
    """A node: the subjects of all its leaves, as bits, its function, and what it consists of.

    ``kind`` is ``all``, ``any``, ``not``, or ``leaf``. ``leaves`` are those directly in it, as bits, ``groups`` the numbers of the
    other nodes in it.
    """

    subjects: int
    test: NodeTest
    kind: str
    leaves: int
    groups: tuple[int, ...]


class AskingRule(NamedTuple):
    """What all conditions of a rule ask about: the subjects and the leaves, as bits; whether signs, which rest on other leaves, are
    among them."""

    subjects: int
    leaves: int
    signs: bool


class NodeTests(dict[int, Asking]):
    """The nodes of one rule set by number; each is made when it is first asked for, and kept across devices."""

    def __init__(self, nodes: list[Node], vocabulary: Mapping[str, Any]) -> None:
        super().__init__()
        self._nodes = nodes
        self._fits: dict[int, Callable[[Event], Truth]] = {}
        self.asks: dict[
            int, frozenset[str]
        ] = {}  # what decides a leaf, by its bit, where nothing tells who collected the input
        self.weighed: dict[tuple[Any, ...], Any] = {}  # what answers say of a rule that matches (outcomes)
        self._of_rules: dict[str, AskingRule] = {}
        groups: dict[tuple[Any, ...], Leaves] = {}
        for number, node in enumerate(nodes):
            kind = node[0]
            if kind in ("dsreg", "fact"):
                groups.setdefault((kind, node[1]), []).append((number, node))
            elif kind == "attempt":
                groups.setdefault((kind, node[1], node[2]), []).append((number, node))
            elif kind not in ("all", "any", "not"):
                groups[kind, number] = [(number, node)]
        self._subjects = Subjects(list(groups.values()), vocabulary)
        self._signs = {place for place, key in enumerate(groups) if key[0] == "sign"}
        self._asked: dict[int, tuple[Subject, ...]] = {}
        self._place = {number: place for place, leaves in enumerate(groups.values()) for number, _ in leaves}
        self._facts = {key[1]: 1 << place for place, key in enumerate(groups) if key[0] == "fact"}
        self._of_kind = {
            kind: sum(1 << place for place, key in enumerate(groups) if key[0] == kind)
            for kind in ("fact", "registry", "event", "log")
        }

    def __missing__(self, number: int) -> Asking:
        node = self._nodes[number]
        kind, members = node[0], node[1]
        if kind not in ("all", "any", "not"):
            made = Asking(1 << self._place[number], _leaf(1 << number), "leaf", 1 << number, ())
        else:
            members = [members] if kind == "not" else members
            subjects = 0
            for one in members:
                subjects |= self[one].subjects
            leaves = sum(1 << one for one in members if one in self._place)
            groups = tuple(one for one in members if one not in self._place)
            tests = tuple(self[one].test for one in groups)
            test = _not(self[node[1]].test) if kind == "not" else _GROUPS[kind, bool(tests)](leaves, tests)
            made = Asking(subjects, test, kind, leaves, groups)
        self[number] = made
        return made

    def of_rule(self, rule: Rule) -> AskingRule:
        """What the conditions of a rule ask about."""
        found = self._of_rules.get(rule.id)
        if found is None:
            tops = [rule.match, *(one.node for one in rule.unless), *(one.node for one in rule.benign)]
            tops += [rule.confirm] if rule.confirm is not None else []
            subjects = leaves = 0
            for top in tops:
                subjects |= self[top].subjects
                leaves |= self._below(top)
            signs = rule.intent is not None or any(subjects >> place & 1 for place in self._signs)
            found = self._of_rules[rule.id] = AskingRule(subjects, leaves, signs)
        return found

    def _below(self, number: int) -> int:
        """The leaves of a node, at any depth, as bits."""
        asking = self[number]
        leaves = asking.leaves
        for group in asking.groups:
            leaves |= self._below(group)
        return leaves

    def asked(self, subjects: int) -> tuple[Subject, ...]:
        """The functions of subjects given as bits; signs, which rest on other leaves, at the end."""
        found = self._asked.get(subjects)
        if found is None:
            if len(self._asked) >= _MOST:
                self._asked.clear()
            places = [bit.bit_length() - 1 for bit in bits_of(subjects)]
            places.sort(key=self._signs.__contains__)
            found = self._asked[subjects] = tuple(self._subjects[place] for place in places)
        return found

    def silent(self, case: Case) -> int:
        """The subjects, as bits, that nothing of the case can tell anything about."""
        of_kind = self._of_kind
        found = of_kind["fact"]
        for name in case.facts:
            found &= ~self._facts.get(name, 0)
        if not case.registry:
            found |= of_kind["registry"]
        if not case.log_lines:
            found |= of_kind["log"]
        if not case.events and not case.log_spans:
            found |= of_kind["event"]
        return found

    def fits(self, number: int) -> Callable[[Event], Truth]:
        """Whether a record has the values and the text that the ``event`` leaf asks for."""
        found = self._fits.get(number)
        if found is None:
            node = self._nodes[number]
            found = self._fits[number] = record_test(node[3], node[4])
        return found


class Subjects(dict[int, Subject]):
    """The functions that answer the leaves of a subject, by its place; each is made when it is first asked."""

    def __init__(self, leaves: list[Leaves], vocabulary: Mapping[str, Any]) -> None:
        super().__init__()
        self._leaves = leaves
        self._vocabulary = vocabulary

    def __missing__(self, place: int) -> Subject:
        leaves = self._leaves[place]
        made = self[place] = subject_of(leaves[0][1][0], leaves, self._vocabulary)
        return made


def bits_of(number: int) -> Iterator[int]:
    """The single bits of a number, the highest first."""
    while number:
        bit = 1 << number.bit_length() - 1
        yield bit
        number ^= bit


def _leaf(bit: int) -> NodeTest:
    return lambda true, false: True if true & bit else False if false & bit else None


def _not(inner: NodeTest) -> NodeTest:
    def test(true: int, false: int) -> Truth:
        one = inner(true, false)
        return None if one is None else not one

    return test


def _all_leaves(leaves: int, groups: tuple[NodeTest, ...]) -> NodeTest:
    return lambda true, false: False if false & leaves else True if true & leaves == leaves else None


def _any_leaf(leaves: int, groups: tuple[NodeTest, ...]) -> NodeTest:
    return lambda true, false: True if true & leaves else False if false & leaves == leaves else None


def _all(leaves: int, groups: tuple[NodeTest, ...]) -> NodeTest:
    def test(true: int, false: int) -> Truth:
        if false & leaves:
            return False
        result = True if true & leaves == leaves else None
        for group in groups:
            one = group(true, false)
            if one is False:
                return False
            if one is None:
                result = None
        return result

    return test


def _any(leaves: int, groups: tuple[NodeTest, ...]) -> NodeTest:
    def test(true: int, false: int) -> Truth:
        if true & leaves:
            return True
        result = False if false & leaves == leaves else None
        for group in groups:
            one = group(true, false)
            if one:
                return True
            if one is None:
                result = None
        return result

    return test


_GROUPS = {("all", False): _all_leaves, ("any", False): _any_leaf, ("all", True): _all, ("any", True): _any}
