"""What the conditions of a rule set ask of the evidence, by subject: one field, one property of attempts, one fact.

All leaves about one subject are answered together, and an answer is two numbers: leaf ``n`` of the node table is the bit
``1 << n``, set in the first where the leaf is true, in the second where it is false, in none where it cannot be told. So a
code that two hundred leaves name costs one look-up, and a condition over many leaves two operations. What each answer means
for each kind of leaf: docs/rules.md, "Three values".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from troubleshoot import codes
from troubleshoot.accounts import same_account
from troubleshoot.conditions import Node
from troubleshoot.masks import is_mask
from troubleshoot.model import Attempt, Event
from troubleshoot.tables import labels
from troubleshoot.valuetest import Test, compile_test, contained, equals, is_timed, of_known, on_absent

if TYPE_CHECKING:
    from troubleshoot.match import Context, Evaluator

Truth: TypeAlias = bool | None
Told: TypeAlias = tuple[int, int]
"""The leaves that are true, and those that are false, as bits."""
Subject: TypeAlias = "Callable[[Evaluator, Context], Told]"
Leaves: TypeAlias = list[tuple[int, Node]]
"""Leaves about one subject: the number of each, and the node."""
LeafTest: TypeAlias = "Callable[[Evaluator, Context], Truth]"

_UNKNOWN: Told = (0, 0)
_KEPT = 1_000  # texts of one subject whose answers are kept, none longer than
_SHORT = 64


class ValueTests:
    """The value tests of all leaves about one subject."""

    def __init__(self, tests: list[tuple[int, Any]]) -> None:
        self.bits = sum(1 << number for number, _ in tests)
        absent = sum(1 << number for number, spec in tests if on_absent(spec))
        self.of_absence: Told = (absent, self.bits ^ absent)
        self._equal: dict[str, int] = {}
        self._contained: list[tuple[int, tuple[str, ...]]] = []
        self._other: list[tuple[int, Test]] = []
        for number, spec in tests:
            words = equals(spec)
            if words is None and (inside := contained(spec)) is not None:
                self._contained.append((1 << number, inside))
            elif words is None:
                self._other.append((1 << number, of_known(spec)))
            for word in words or ():
                self._equal[word] = self._equal.get(word, 0) | 1 << number
        self._timed = any(is_timed(spec) for _, spec in tests)
        self._kept: dict[str, Told] = {}

    def of_value(self, text: str, as_of: datetime | None) -> Told:
        """What a value tells."""
        if not self._other and not self._contained:
            true = self._equal.get(text.casefold(), 0)
            return (true, self.bits ^ true) if true or not is_mask(text) else _UNKNOWN
        found = self._kept.get(text)
        if found is None:
            if is_mask(text):
                return _UNKNOWN
            folded = text.casefold()
            true, unknown = self._equal.get(folded, 0), 0
            for bit, inside in self._contained:
                for word in inside:
                    if word in folded:
                        true |= bit
                        break
            for bit, test in self._other:
                one = test(text, as_of)
                if one:
                    true |= bit
                elif one is None:
                    unknown |= bit
            found = true, self.bits ^ true ^ unknown
            if len(text) <= _SHORT and len(self._kept) < _KEPT and not self._timed:
                self._kept[text] = found
        return found


def _field(leaves: Leaves) -> Subject:
    name = leaves[0][1][1]
    tests = ValueTests([(number, node[2]) for number, node in leaves])
    label = labels().get(name)
    is_code = label is not None and label.type == "code"

    def told(evaluator: Evaluator, context: Context) -> Told:
        answer = evaluator.answer(name, context.user)
        if not isinstance(answer, tuple):  # False: known to be not printed
            return _UNKNOWN if answer is None else tests.of_absence
        field = answer[1]
        text = field.text
        if field.absence is None:
            return tests.of_value((codes.normalise(text) or text) if is_code else text, evaluator.case.as_of)
        if field.absence in ("empty", "none", "undefined"):
            return tests.of_absence
        if field.absence in ("masked", "cut"):
            return _UNKNOWN
        # A word that stands for "no value" (NOT SET, UNKNOWN) is compared as printed.
        return tests.of_value(text, evaluator.case.as_of)

    return told


def _fact(leaves: Leaves) -> Subject:
    name = leaves[0][1][1]
    tests = ValueTests([(number, node[2]) for number, node in leaves])

    def told(evaluator: Evaluator, context: Context) -> Told:
        facts = evaluator.newest_facts(name, context.user)
        if not facts:
            return _UNKNOWN
        true = false = tests.bits
        for fact in facts:  # which is newer cannot be told, so all have to agree
            one = tests.of_value(fact.value, evaluator.case.as_of)
            true &= one[0]
            false &= one[1]
        return true, false

    return told


# ----------------------------------------------------------------------------------------------------- attempts


def _attempts(leaves: Leaves) -> Subject:
    """One property of the attempts of one flow."""
    _, flow, name, _ = leaves[0][1]
    bits = sum(1 << number for number, _ in leaves)
    of_one = _property(name, [(number, node[3]) for number, node in leaves], bits)

    def told(evaluator: Evaluator, context: Context) -> Told:
        if context.any_attempt:
            true, known = 0, bits
            for attempt in evaluator.case.attempts:
                if attempt.flow == flow:
                    one = of_one(attempt, evaluator)
                    true |= one[0]
                    known &= one[0] | one[1]
            return true, known & ~true if evaluator.collected(flow, None) else 0
        chosen = context.attempts.get(flow)
        if chosen is None:
            return (0, bits) if evaluator.collected(flow, context.user) else _UNKNOWN
        return of_one(chosen, evaluator)

    return told


def _property(name: str, specs: list[tuple[int, Any]], bits: int) -> Callable[[Attempt, Evaluator], Told]:
    """What an attempt tells of a property of it; nothing where none of its sources prints it."""
    if name == "flow":
        return lambda attempt, evaluator: (bits, 0)
    if name == "event":
        ids = [(1 << number, {int(one) for one in _listed(spec)}) for number, spec in specs]

        def of_events(attempt: Attempt, evaluator: Evaluator) -> Told:
            there = {event.id for event in attempt.events}
            true = sum(bit for bit, wanted in ids if not wanted.isdisjoint(there))
            return true, bits ^ true

        return of_events
    tests = ValueTests(specs)
    if name == "code":

        def of_codes(attempt: Attempt, evaluator: Evaluator) -> Told:
            if not attempt.codes:
                return tests.of_absence if name in attempt.printed else _UNKNOWN
            true = 0
            for code in attempt.codes:
                true |= tests.of_value(code, None)[0]
            return true, bits ^ true

        return of_codes
    if name == "repeated_for":

        def of_span(attempt: Attempt, evaluator: Evaluator) -> Told:
            if attempt.time is None or attempt.since is None:
                return _UNKNOWN
            return tests.of_value(str((attempt.time - attempt.since) // timedelta(seconds=1)), None)

        return of_span
    value_of = attrgetter(name)

    def of_text(attempt: Attempt, evaluator: Evaluator) -> Told:
        value = value_of(attempt)
        if value is None:
            return tests.of_absence if name in attempt.printed else _UNKNOWN
        return tests.of_value(value, evaluator.case.as_of)

    return of_text


def _listed(spec: Any) -> list[Any]:
    return spec if isinstance(spec, list) else [spec]


# ------------------------------------------------------------------------------------- subjects of one leaf each


def _alone(number: int, test: LeafTest) -> Subject:
    answers: dict[Truth, Told] = {True: (1 << number, 0), False: (0, 1 << number), None: _UNKNOWN}
    return lambda evaluator, context: answers[test(evaluator, context)]


def _event(node: Node, vocabulary: Mapping[str, Any]) -> LeafTest:
    _, provider, ids, data, text, anywhere = node
    fits = record_test(data, text)
    flow = vocabulary["providers"][provider].get("flow")

    def test(evaluator: Evaluator, context: Context) -> Truth:
        free = anywhere or not flow or context.any_attempt
        attempt = None if free else context.attempts.get(flow)
        if not free and attempt is None:
            return False if evaluator.log_read(provider) else None
        undecided = False
        for event in evaluator.events(provider, ids, attempt):
            one = fits(event)
            if one:
                return True
            undecided = undecided or one is None
        if undecided:
            return None
        moment = attempt.time if attempt else evaluator.case.as_of
        return False if evaluator.covers(provider, moment) else None

    return test


def record_test(data: Mapping[str, Any] | None, text: Any) -> Callable[[Event], Truth]:
    """Does a record have these values and this text? None where its values are lost, or its text was not collected."""
    named = [(name, name.casefold(), compile_test(spec), spec) for name, spec in (data or {}).items()]
    said: Test | None = None if text is None else compile_test(text)

    def fits(event: Event) -> Truth:
        result: Truth = True
        for name, folded, passes, spec in named:
            value = event.data.get(name)
            if value is None:
                value = next((each for key, each in event.data.items() if key.casefold() == folded), None)
            if value is None:
                # A record that came as text alone may have lost its named values.
                one: Truth = on_absent(spec) if event.data or not event.text else None
            else:
                one = passes(codes.normalise(value) or value if _is_code(spec) else value, None)
            if one is False:
                return False
            result = None if one is None else result
        if said is None:
            return result
        if event.text is None:
            return None
        return result if said(event.text, None) else False

    return fits


def _registry(node: Node) -> LeafTest:
    _, key, name, spec = node
    wanted = str(key).upper().rstrip("\\")
    parents: list[str] = []
    while "\\" in (parents or [wanted])[-1]:
        parents.append((parents or [wanted])[-1].rpartition("\\")[0])
    folded = None if name is None else str(name).casefold()
    passes = None if spec is None else compile_test(spec)
    absent = spec is not None and on_absent(spec)

    def test(evaluator: Evaluator, context: Context) -> Truth:
        keys = evaluator.case.keys
        values = keys.get(wanted)
        if values is None:
            gone = any(one.type == "absent" and not one.name for parent in parents for one in keys.get(parent, ()))
            return absent if gone else None
        if folded is None:
            return any(value.type != "absent" for value in values)
        for value in values:
            if value.name.casefold() == folded and value.type != "absent":
                return True if passes is None else passes(str(value.value), evaluator.case.as_of)
        return absent

    return test


def _log(node: Node) -> LeafTest:
    component, passes = str(node[1]).casefold(), compile_test(node[2])

    def test(evaluator: Evaluator, context: Context) -> Truth:
        lines = evaluator.case.by_component.get(component)
        return any(passes(line.text, evaluator.case.as_of) for line in lines) if lines else None

    return test


def _capture(node: Node) -> LeafTest:
    _, key, spec = node
    passes = compile_test(spec)
    elevated = spec is True or str(spec).casefold() == "true"

    def test(evaluator: Evaluator, context: Context) -> Truth:
        user = context.user
        for capture in evaluator.case.captures:
            owner = evaluator.case.capture_user(capture)
            if user is not None and owner is not None and not same_account(owner, user):
                continue
            if user is not None and capture.account is not None and capture.account.kind == "system":
                continue  # SYSTEM ran it beside the user's own capture and says nothing of the user's session
            if key == "elevated":
                return None if capture.elevated is None else capture.elevated is elevated
            if capture.account is None or capture.account.kind == "unknown":
                return None
            return passes(capture.account.kind, None)
        return None

    return test


def _is_code(spec: Any) -> bool:
    """Does the test name codes, so that the value is to be read as one, whatever its notation?"""
    values = spec if isinstance(spec, list) else [spec]
    return all(isinstance(value, str) and value.startswith("0x") for value in values)


def subject_of(kind: str, leaves: Leaves, vocabulary: Mapping[str, Any]) -> Subject:
    """The function that answers all ``leaves``, which are of one kind and about one subject."""
    if kind == "dsreg":
        return _field(leaves)
    if kind == "fact":
        return _fact(leaves)
    if kind == "attempt":
        return _attempts(leaves)
    number, node = leaves[0]
    if kind == "event":
        return _alone(number, _event(node, vocabulary))
    if kind == "sign":
        return _alone(number, lambda evaluator, context: evaluator.sign(node[1]))
    return _alone(number, {"registry": _registry, "log": _log, "capture": _capture}[kind](node))
