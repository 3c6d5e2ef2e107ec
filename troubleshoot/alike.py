"""What is found out once for all devices whose evidence answers the same questions in the same way.

Before rules are tried, every subject they ask about is asked (:mod:`troubleshoot.subjects`). The leaves that came out true and
false are then all that a rule's condition rests on, so devices with equal ones have the same rules that match, the same that
cannot be told, and the same things to collect: these are kept by their answers. Proof, times and names are each device's own.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple, TypeAlias

from troubleshoot.match import Context, Evaluator
from troubleshoot.outcomes import where
from troubleshoot.ruleset import Rule

Answers: TypeAlias = tuple[Hashable, ...]
Live: TypeAlias = list[tuple[Rule, list[Context], Context | None]]
_MOST = 5_000  # answers kept; more than that are forgotten together
_MOST_CONTEXTS = 40  # of one device; those of a case with more are not worth comparing


class Plan(NamedTuple):
    """What to ask for some rules: a rule of each kind of context, with the subjects (bits) of all such rules; and the joins."""

    groups: tuple[tuple[Rule, int], ...]
    joins: tuple[str, ...]


class Kept:
    """What was found for a rule set: the plans by rules, everything else by answers."""

    def __init__(self) -> None:
        self.plans: dict[tuple[int, ...], Plan] = {}
        self.found: dict[Answers, Any] = {}

    def keep(self, answers: Answers, found: Any) -> None:
        """Keep what was found for the answers."""
        if len(self.found) >= _MOST:
            self.found.clear()
        self.found[answers] = found


def kept(evaluator: Evaluator) -> Kept:
    """What is kept for the rule set."""
    ruleset = evaluator.ruleset
    if ruleset.kept is None:
        ruleset.kept = Kept()
    found: Kept = ruleset.kept
    return found


def answers(evaluator: Evaluator, numbers: Sequence[int]) -> Answers | None:
    """Ask all that the rules of these numbers ask about. None where the case is too large, or its collector decides.

    Equal answers mean: equal rules, and in each context the same leaves true and false, and its attempts open or not.
    """
    if evaluator.case.collected is not None:
        return None
    rules = tuple(numbers)
    plans = kept(evaluator).plans
    plan = plans.get(rules)
    if plan is None:
        if len(plans) >= _MOST:
            plans.clear()
        plan = plans[rules] = _plan(evaluator, rules)
    for join in plan.joins:
        evaluator.join_excluded(join)
    told: list[Hashable] = [rules, evaluator.case.domain_type]
    count = 0
    for rule, subjects in plan.groups:
        contexts = evaluator.contexts(rule)
        count += len(contexts)
        if count > _MOST_CONTEXTS:
            return None
        told.append(len(contexts))
        for context in contexts:
            if open_ones := subjects & ~context.asked:
                evaluator.ask(open_ones, context)
            told += (context.true, context.false, evaluator.is_open(context))
    told += (evaluator.present.true, evaluator.present.false)
    return tuple(told)


def _plan(evaluator: Evaluator, numbers: tuple[int, ...]) -> Plan:
    groups: dict[tuple[tuple[str, ...], bool], tuple[Rule, int]] = {}
    joins: dict[str, None] = {}
    for number in numbers:
        rule = evaluator.ruleset.rules[number]
        subjects = evaluator.tests[rule.match].subjects
        for one in rule.unless:
            subjects |= evaluator.tests[one.node].subjects
        known = groups.get((rule.flows, rule.personal), (rule, 0))
        groups[rule.flows, rule.personal] = known[0], known[1] | subjects
        if rule.join != "any":
            joins[rule.join] = None
    return Plan(tuple(groups.values()), tuple(joins))


def live(evaluator: Evaluator, numbers: Sequence[int], told: Answers | None) -> Live:
    """The rules of these numbers that match or cannot be told: the contexts they match in, else one where it cannot be told."""
    known = kept(evaluator).found.get(told) if told is not None else None
    rules = evaluator.ruleset.rules
    if known is None:
        found: Live = []
        for number in numbers:
            matched, undecided = where(evaluator, rules[number])
            if matched or undecided is not None:
                found.append((rules[number], matched, undecided))
        if told is not None:
            kept(evaluator).keep(told, [_places(evaluator, *one) for one in found])
        return found
    out: Live = []
    for rule, places, place in known:
        contexts = evaluator.contexts(rule)
        out.append((rule, [contexts[one] for one in places], None if place is None else contexts[place]))
    return out


def _places(
    evaluator: Evaluator, rule: Rule, matched: list[Context], undecided: Context | None
) -> tuple[Rule, list[int], int | None]:
    contexts = [id(one) for one in evaluator.contexts(rule)]
    places = [contexts.index(id(one)) for one in matched]
    return rule, places, None if undecided is None else contexts.index(id(undecided))
