"""What to collect: the one item that would decide a rule for which something seen speaks, or explain a symptom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from troubleshoot import alike
from troubleshoot.candidates import Chooser
from troubleshoot.lacking import missing as missing_of
from troubleshoot.match import Context, Evaluator
from troubleshoot.model import Finding, NotChecked
from troubleshoot.outcomes import Outcome, where
from troubleshoot.ruleset import Rule, Ruleset

_WHERE = frozenset({"flow", "phase", "registration", "tenant_type", "account"})  # of an attempt: nothing of its reason


class Found(NamedTuple):
    """What was found of a case before: outcomes, all active findings, those that stand on top.

    ``near``: the rules that are no candidates since a fact is missing, though something else of them was seen. ``unexplained``:
    there are codes that no finding explains.
    """

    near: Sequence[int]
    outcomes: Sequence[Outcome]
    active: Sequence[Finding]
    roots: Sequence[Finding]
    unexplained: bool


def not_checked(
    evaluator: Evaluator, chooser: Chooser, found: Found, told: alike.Told | None
) -> tuple[NotChecked, ...]:
    """What one more item would decide, and what could explain a symptom that nothing explains.

    ``told``: the answers that the outcomes rest on (:func:`troubleshoot.alike.told`). Of alike devices with like findings the
    lines are the same.
    """
    explainers = {one.rule: chooser.explainers(one.rule) for one in found.roots if one.catch_all}
    asked = list(found.near) if found.unexplained else []  # of the others of them, all was asked that may be said
    asked += [number for numbers in explainers.values() for number in numbers]
    more = alike.told(evaluator, asked) if told is not None and asked else None
    if told is None or (more is None and asked):
        return tuple(_Lines(evaluator, found, explainers).read())
    findings = tuple([(one.rule, one.not_ruled_out) for one in found.roots])
    active = tuple([one.rule for one in found.active])
    answers = (told.answers, more.answers if more is not None else (), findings, active, found.unexplained)
    kept = alike.kept(evaluator)
    known: tuple[NotChecked, ...] | None = kept.found.get(answers)
    if known is None:
        known = tuple(_Lines(evaluator, found, explainers).read())
        kept.keep(answers, known)
    return known


def telling(evaluator: Evaluator, near: Sequence[int]) -> tuple[int, ...]:
    """Those of the near rules that may say something although all codes are explained."""
    ruleset = evaluator.ruleset
    rules = ((number, ruleset.rules[number]) for number in near)
    return tuple([number for number, rule in rules if rule.says_better or _leaves(evaluator, rule.match).fault])


class _Lines:
    """The lines of one case. ``explainers``: a finding that names a symptom -> the rules that could explain it."""

    def __init__(self, evaluator: Evaluator, found: Found, explainers: Mapping[str, Sequence[int]]) -> None:
        self.evaluator = evaluator
        self.found = found
        self.explainers = explainers
        self.known = {one.rule for one in found.active if not one.catch_all}
        self.wanted: dict[str, list[Rule]] = {}
        self.why: dict[str, str] = {}

    def read(self) -> list[NotChecked]:
        """The lines, those first that would decide most rules."""
        undecided = self._undecided()
        for rule, context in undecided.values():
            self._decide(rule, context)
        for root in self.found.roots:
            if root.catch_all:
                self._explain(root, undecided)
            else:
                self._rule_out(root)
        lines = [
            NotChecked(item, self.why[item], tuple(sorted({rule.id for rule in rules})))
            for item, rules in self.wanted.items()
        ]
        return sorted(lines, key=lambda line: (-len(line.rules), line.collect))

    def _undecided(self) -> dict[str, tuple[Rule, Context]]:
        evaluator, found = self.evaluator, self.found
        undecided = {
            one.rule.id: (one.rule, one.context)
            for one in found.outcomes
            if one.state == "unknown" and evaluator.is_open(one.context)
        }
        for number in found.near:
            rule = evaluator.ruleset.rules[number]
            better = found.unexplained or not self.known.isdisjoint(rule.says_better)
            if better or _leaves(evaluator, rule.match).fault:
                context = _undecided_in(evaluator, rule)
                if context is not None and evaluator.is_open(context):
                    undecided[rule.id] = rule, context
        return undecided

    def _decide(self, rule: Rule, context: Context) -> None:
        spoken = _speaks(self.evaluator, rule.match, context)
        if not spoken:
            return  # only the plain state of the device speaks for it, as it does on every sound one
        if spoken == "attempt" and not self.found.unexplained and self.known.isdisjoint(rule.says_better):
            return  # the attempt has its reason, and this rule would not say it better
        missing = missing_of(self.evaluator, rule.match, context)
        if len(missing) == 1:
            self._want(next(iter(missing)), rule, "it would decide what is only partly known now")

    def _explain(self, root: Finding, undecided: Mapping[str, tuple[Rule, Context]]) -> None:
        for number in self.explainers[root.rule]:
            rule = self.evaluator.ruleset.rules[number]
            context = undecided[rule.id][1] if rule.id in undecided else _undecided_in(self.evaluator, rule)
            missing = missing_of(self.evaluator, rule.match, context) if context is not None else frozenset()
            if len(missing) > 2:
                continue
            for item in sorted(missing):
                self._want(item, rule, "")
                self.why[item] = f"it may hold the cause of '{root.title}'"

    def _rule_out(self, root: Finding) -> None:
        ruleset = self.evaluator.ruleset
        for item in root.not_ruled_out:
            why = f"it would show whether '{root.title}' is really the cause"
            self._want(item, ruleset.rule(ruleset.numbers[root.rule]), why)

    def _want(self, item: str, rule: Rule, why: str) -> None:
        self.wanted.setdefault(item, []).append(rule)
        self.why.setdefault(item, why)


def _undecided_in(evaluator: Evaluator, rule: Rule) -> Context | None:
    """The context in which a rule cannot be told; None where it can, or matches in another."""
    matched, undecided = where(evaluator, rule)
    return undecided if not matched else None


# ---------------------------------------------------------------------------------------------- what speaks for a rule


class Leaves(NamedTuple):
    """The leaves of a condition that are not negated, as bits, by what each can say (:func:`_below`)."""

    fact: int
    state: int
    attempt: int
    fault: int


def _speaks(evaluator: Evaluator, number: int, context: Context) -> str:
    """What is true in an undecided node: ``fault``, ``attempt`` (only that an attempt failed, in which phase), or "".

    Fields marked ``state`` in the vocabulary (AzureAdJoined, DomainJoined ...) describe a device, sound or not. They
    say too little only where the missing rest is a fact, which is collected for a reason.
    """
    evaluator.value(number, context)
    leaves, true = _leaves(evaluator, number), context.true
    if true & leaves.fault:
        return "fault"
    if true & (leaves.fact | leaves.state) and not leaves.fact & ~(true | context.false):
        return "fault"
    return "attempt" if true & leaves.attempt else ""


def _leaves(evaluator: Evaluator, number: int) -> Leaves:
    """The leaves of a node; kept across devices."""
    kept = evaluator.ruleset.leaves
    found: Leaves | None = kept.get(number)
    if found is None:
        bits = dict.fromkeys(Leaves._fields, 0)
        for at, kind in _below(evaluator.ruleset, number):
            bits[kind] |= 1 << at
        found = kept[number] = Leaves(**bits)
    return found


def _below(ruleset: Ruleset, number: int) -> Iterator[tuple[int, str]]:
    """fact, state, attempt (only that one failed, and where) or fault."""
    node = ruleset.nodes[number]
    kind = node[0]
    if kind in ("all", "any"):
        for member in node[1]:
            yield from _below(ruleset, member)
    elif kind == "fact":
        yield number, "fact"
    elif kind in ("sign", "capture") or (kind == "dsreg" and _is_state(ruleset, node[1])):
        yield number, "state"
    elif kind != "not":
        yield number, "attempt" if kind == "attempt" and node[2] in _WHERE else "fault"


def _is_state(ruleset: Ruleset, field: str) -> bool:
    return bool((ruleset.vocabulary.get("fields", {}).get(field) or {}).get("state"))
