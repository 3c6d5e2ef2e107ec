"""Which rules could be true for a case, by what its evidence holds. No condition is evaluated here.

A rule set has an index from dispatch keys (see :func:`troubleshoot.conditions.triggers`) to rules. Rules of one key that
differ in a field or in a property of attempts are told apart by questions (:func:`troubleshoot.conditions.dispatch`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple, TypeAlias

from troubleshoot import codes
from troubleshoot.case import Case
from troubleshoot.match import Evaluator
from troubleshoot.model import Attempt
from troubleshoot.ruleset import Entry, Ruleset
from troubleshoot.tables import labels

_MOST = 5_000  # combinations of keys that are kept
_Named: TypeAlias = tuple[tuple[str, str, Mapping[str, str]], ...]


class Entries(NamedTuple):
    """The rules of an index under some keys: those without a question, and the questions with what each answer leaves."""

    sure: frozenset[int]
    asked: tuple[tuple[str, Mapping[str, Sequence[int]]], ...]


class Asked(NamedTuple):
    """The keys of the indexes that a field or a fact can give: (name, its key, value in lower case -> key of both).

    ``under``: the entries of the index, and of the near one, by the keys that are present.
    """

    fields: _Named
    facts: Mapping[str, tuple[str, Mapping[str, str]]]
    under: tuple[dict[frozenset[str], Entries], dict[frozenset[str], Entries]]


def asked_of(ruleset: Ruleset) -> Asked:
    """The keys of a rule set; made once."""
    if ruleset.asked is None:
        fields, facts = (_by_name(ruleset, kind) for kind in ("dsreg", "fact"))
        ruleset.asked = Asked(tuple((name, *keys) for name, keys in sorted(fields.items())), facts, ({}, {}))
    found: Asked = ruleset.asked
    return found


def _by_name(ruleset: Ruleset, kind: str) -> dict[str, tuple[str, dict[str, str]]]:
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for key in {*ruleset.index, *ruleset.near}:
        if key.startswith(f"{kind}:"):
            name, equal, value = key[len(kind) + 1 :].partition("=")
            values = found.setdefault(name, (f"{kind}:{name}", {}))[1]
            if equal:
                values[value] = key
    return found


def _joined(entries: Sequence[Entry]) -> Entries:
    sure = frozenset(number for entry in entries for number in entry.get("", {}).get("", ()))
    return Entries(sure, tuple((subjects, rules) for entry in entries for subjects, rules in entry.items() if subjects))


def present_keys(ruleset: Ruleset, evaluator: Evaluator) -> set[str]:
    """Every dispatch key that the evidence holds, of fields and facts only those that the rule set has."""
    case, asked = evaluator.case, asked_of(ruleset)
    present: set[str] = set()
    for attempt in evaluator.standing:
        present.update(_keys_of(attempt))
    if case.events:
        for alias, names in ruleset.provider_names.items():
            for name in names:
                present.update(f"event:{alias}:{number}" for number in case.event_ids.get(name, ()))
    for capture in case.captures:
        named = capture.named
        for name, key, by_value in asked.fields:
            field = named.get(name)
            if field is not None:
                present.add(key)
                if (of_value := by_value.get(field.text.casefold())) is not None:
                    present.add(of_value)
    for name, facts in case.facts.items():
        if name in asked.facts:
            key, by_value = asked.facts[name]
            present.add(key)
            present.update(by_value[text] for one in facts if (text := one.value.casefold()) in by_value)
    if case.registry:
        present.update(f"registry:{key}" for key in case.keys)
    if case.log_lines:
        present.update(f"log:{component}" for component in case.by_component)
    return present


def _keys_of(attempt: Attempt) -> Iterator[str]:
    yield f"flow:{attempt.flow}"
    for code in attempt.codes:
        yield f"code:{code.casefold()}"
    for word in (attempt.suberror, attempt.http_error):
        if word:
            yield f"code:{word}"
    for word in (attempt.server_code, attempt.server_subcode):
        if word:
            yield f"server:{word.casefold()}"


class Chooser:
    """Looks up the rules of one case. ``evaluator``: of this case and rule set."""

    def __init__(self, ruleset: Ruleset, evaluator: Evaluator) -> None:
        self.ruleset = ruleset
        self.evaluator = evaluator
        there = present_keys(ruleset, evaluator)
        self.present = frozenset([key for key in there if key in ruleset.index or key in ruleset.near])
        self._values: dict[str, frozenset[str] | None] = {"": frozenset({""})}

    def candidates(self) -> list[int]:
        """The numbers of the rules that could be true, in the order of the rule set."""
        return sorted(self._chosen(self._under(0, self.ruleset.index)))

    def near(self, candidates: Iterable[int]) -> list[int]:
        """The numbers of rules that are no candidates since a fact is missing, though something else of them was seen."""
        return sorted(self._chosen(self._under(1, self.ruleset.near)).difference(candidates))

    def explainers(self, rule: str) -> list[int]:
        """The numbers of the rules that name ``rule`` as their symptom, and could be true or undecided."""
        return sorted(self._chosen(_joined([self.ruleset.explainers.get(rule, {})])))

    def _under(self, which: int, index: Mapping[str, Entry]) -> Entries:
        known = asked_of(self.ruleset).under[which]
        found = known.get(self.present)
        if found is None:
            if len(known) >= _MOST:
                known.clear()
            found = known[self.present] = _joined([index[key] for key in self.present if key in index])
        return found

    def _chosen(self, entries: Entries) -> set[int]:
        """The rules whose questions are not answered against them."""
        found = set(entries.sure)
        for subjects, rules in entries.asked:
            values = self._known(subjects)
            if values is None:
                found.update(*rules.values())
            else:
                for value in values:
                    if value in rules:
                        found.update(rules[value])
        return found

    def _known(self, subjects: str) -> frozenset[str] | None:
        """The combinations of values, in lower case, that subjects of the index have in any context.

        Subjects and values are joined by line ends. None where one of the values cannot be told.
        """
        if subjects in self._values:
            return self._values[subjects]
        found: frozenset[str] | None
        if "\n" in subjects:
            each = [self._known(subject) for subject in subjects.split("\n")]
            sure = [values for values in each if values is not None]
            found = frozenset("\n".join(values) for values in product(*sure)) if len(sure) == len(each) else None
        else:
            kind, _, name = subjects.partition(":")
            found = self._of_field(name) if kind == "dsreg" else self._of_attempts(name)
        self._values[subjects] = found
        return found

    def _of_field(self, name: str) -> frozenset[str] | None:
        label = labels().get(name)
        found: set[str] = set()
        for user in (None, *self.evaluator.users):
            answer = self.evaluator.answer(name, user)
            if answer is None:
                return None
            if isinstance(answer, tuple):
                field = answer[1]
                if field.absence in ("masked", "cut"):
                    return None
                found.add(field.text.casefold())
                if label is not None and label.type == "code":
                    found.add((codes.normalise(field.text) or field.text).casefold())
        return frozenset(found)

    def _of_attempts(self, name: str) -> frozenset[str] | None:
        flow, _, name = name.partition(":")
        mine = [one for one in self.evaluator.standing if one.flow == flow]
        found: set[str] = set()
        for attempt in mine:
            told = attempt.codes if name == "code" else (getattr(attempt, name),)
            values = [value.casefold() for value in told if value is not None]
            if not values and name not in attempt.printed:
                return None
            found.update(values)
        return frozenset(found) if mine else None


def candidates(ruleset: Ruleset, case: Case, evaluator: Evaluator) -> list[int]:
    """The numbers of the rules that could be true, in the order of the rule set."""
    return Chooser(ruleset, evaluator).candidates()
