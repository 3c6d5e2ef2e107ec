"""What is found out once for all devices whose evidence answers the same questions in the same way.

Before rules are tried, every subject they ask about is asked (:mod:`troubleshoot.subjects`). The leaves that came out true and
false are then all that a rule's condition rests on, so devices with equal ones have the same rules that match, the same that
cannot be told, and the same things to collect: these are kept by their answers. Proof, times and names are each device's own.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

from troubleshoot.match import Context, Evaluator
from troubleshoot.outcomes import where
from troubleshoot.ruleset import Rule

_T = TypeVar("_T")
Answers: TypeAlias = tuple[Hashable, ...]
Live: TypeAlias = list[tuple[Rule, Sequence[Context], Context | None]]
_MOST = 5_000  # answers kept; more than that are forgotten together
_MOST_CONTEXTS = 40  # of one device; those of a case with more are not worth comparing


class Plan(NamedTuple):
    """What to ask for some rules: a rule of each kind of context, with the subjects (bits) of all such rules; and the joins.

    ``group``: rule id -> the place of its kind of context.
    """

    groups: tuple[tuple[Rule, int], ...]
    joins: tuple[str, ...]
    group: Mapping[str, int]


class Told(NamedTuple):
    """What a case answers. Equal ``answers`` mean: equal rules, and in each context the same leaves true and false, and its
    attempts open or not. ``contexts``: those of each kind, as the plan has them."""

    answers: Answers
    contexts: list[tuple[Context, ...]]
    plan: Plan


class Kept:
    """What was found for a rule set: the plans by rules, everything else by answers."""

    def __init__(self) -> None:
        self.plans: dict[tuple[Hashable, ...], Any] = {}
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


def once(evaluator: Evaluator, find: Callable[[Evaluator, Sequence[int]], _T], numbers: Sequence[int]) -> _T:
    """What ``find`` finds for the rules of these numbers, in which nothing of the case plays a part."""
    plans = kept(evaluator).plans
    key = find, *numbers
    if key not in plans:
        if len(plans) >= _MOST:
            plans.clear()
        plans[key] = find(evaluator, numbers)
    found: _T = plans[key]
    return found


def told(evaluator: Evaluator, numbers: Sequence[int], others: Sequence[int] = ()) -> Told | None:
    """Ask all that the rules of these numbers, and of ``others``, ask about.

    None where the case is too large, or its collector decides.
    """
    if evaluator.case.collected is not None:
        return None
    rules = (*numbers, *others)
    plan = once(evaluator, _plan, rules)
    for join in plan.joins:
        evaluator.join_excluded(join)
    answers: list[Hashable] = [len(numbers), rules, evaluator.case.domain_type]
    every = []
    count = 0
    for rule, subjects in plan.groups:
        contexts = evaluator.contexts(rule)
        every.append(contexts)
        count += len(contexts)
        if count > _MOST_CONTEXTS:
            return None
        answers.append(len(contexts))
        for context in contexts:
            if open_ones := subjects & ~context.asked:
                evaluator.ask(open_ones, context)
            answers += (context.true, context.false, evaluator.is_open(context))
    answers += (evaluator.present.true, evaluator.present.false)
    return Told(tuple(answers), every, plan)


def _plan(evaluator: Evaluator, numbers: Sequence[int]) -> Plan:
    groups: dict[tuple[tuple[str, ...], bool], tuple[Rule, int]] = {}
    joins: dict[str, None] = {}
    group: dict[str, int] = {}
    for number in numbers:
        rule = evaluator.ruleset.rules[number]
        subjects = evaluator.tests[rule.match].subjects
        for one in rule.unless:
            subjects |= evaluator.tests[one.node].subjects
        kind = rule.flows, rule.personal
        first, others = groups.get(kind, (rule, 0))
        groups[kind] = first, others | subjects
        group[rule.id] = list(groups).index(kind)
        if rule.join != "any":
            joins[rule.join] = None
    return Plan(tuple(groups.values()), tuple(joins), group)


def live(evaluator: Evaluator, numbers: Sequence[int], asked: Told | None) -> Live:
    """The rules of these numbers that match or cannot be told: the contexts they match in, else one where it cannot be told."""
    known = kept(evaluator).found.get(asked.answers) if asked is not None else None
    if asked is not None and known is not None:
        out: Live = []
        for rule, group, places, place in known:
            contexts = asked.contexts[group]
            out.append((rule, [contexts[one] for one in places], None if place is None else contexts[place]))
        return out
    found: Live = []
    for number in numbers:
        rule = evaluator.ruleset.rules[number]
        matched, undecided = where(evaluator, rule)
        if matched or undecided is not None:
            found.append((rule, matched, undecided))
    if asked is not None:
        kept(evaluator).keep(asked.answers, [_places(asked, *one) for one in found])
    return found


def _places(
    asked: Told, rule: Rule, matched: Sequence[Context], undecided: Context | None
) -> tuple[Rule, int, list[int], int | None]:
    group = asked.plan.group[rule.id]
    contexts = [id(one) for one in asked.contexts[group]]
    places = [contexts.index(id(one)) for one in matched]
    return rule, group, places, None if undecided is None else contexts.index(id(undecided))
