"""What to collect: the one item that would decide a rule for which something seen speaks, or explain a symptom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from troubleshoot.attempts import failures_since_success
from troubleshoot.match import Context, Evaluator
from troubleshoot.model import Finding, NotChecked
from troubleshoot.outcomes import Outcome, try_rule
from troubleshoot.ruleset import Rule, Ruleset

_WHERE = frozenset({"flow", "phase", "registration", "tenant_type", "account"})  # of an attempt: nothing of its reason


def not_checked(
    evaluator: Evaluator,
    outcomes: Iterable[Outcome],
    found: Iterable[Finding],
    roots: list[Finding],
    unexplained: bool,
    near: Iterable[int],
) -> Iterator[NotChecked]:
    """What one more item would decide, and what could explain a symptom that nothing explains.

    ``outcomes``: of the rules that were tried. ``found``: all active findings, ``roots``: those that stand on top.
    ``near``: the numbers of rules that were not tried since a fact is missing, though something else of them was seen.
    """
    ruleset = evaluator.ruleset
    open_ones = {id(one) for one in failures_since_success(evaluator.case.attempts)}
    known = {one.rule for one in found if not one.catch_all}
    undecided = {one.rule.id: one for one in outcomes if one.state == "unknown" and _is_open(one, open_ones)}
    for number in near:
        rule = ruleset.rule(number)
        if "fault" in _kinds(evaluator, rule.match) or unexplained or not known.isdisjoint(_says_better(rule)):
            one = _first_unknown(evaluator, rule)
            if one is not None and _is_open(one, open_ones):
                undecided[rule.id] = one
    wanted: dict[str, list[Rule]] = {}
    why: dict[str, str] = {}
    for one in undecided.values():
        spoken = _speaks(evaluator, one.rule.match, one.context)
        if not spoken:
            continue  # only the plain state of the device speaks for it, as it does on every sound one
        if spoken == "attempt" and not unexplained and known.isdisjoint(_says_better(one.rule)):
            continue  # the attempt has its reason, and this rule would not say it better
        missing = evaluator.missing(one.rule.match, one.context)
        if len(missing) == 1:
            item = next(iter(missing))
            wanted.setdefault(item, []).append(one.rule)
            why.setdefault(item, "it would decide what is only partly known now")
    for root in roots:
        if not root.catch_all:
            for item in root.not_ruled_out:
                wanted.setdefault(item, [])
                why.setdefault(item, f"it would show whether '{root.title}' is really the cause")
                wanted[item].append(ruleset.rule(ruleset.numbers[root.rule]))
            continue
        for number in sorted(evaluator.chosen(ruleset.explainers.get(root.rule, {}))):
            rule = ruleset.rule(number)
            other = undecided.get(rule.id) or _first_unknown(evaluator, rule)
            missing = evaluator.missing(rule.match, other.context) if other is not None else frozenset()
            if len(missing) > 2:
                continue
            for item in sorted(missing):
                wanted.setdefault(item, []).append(rule)
                why[item] = f"it may hold the cause of '{root.title}'"
    lines = [NotChecked(item, why[item], tuple(sorted({rule.id for rule in rules}))) for item, rules in wanted.items()]
    yield from sorted(lines, key=lambda line: (-len(line.rules), line.collect))


def _is_open(outcome: Outcome, open_ones: set[int]) -> bool:
    """What a later success has settled needs no deciding."""
    return all(attempt is None or id(attempt) in open_ones for attempt in outcome.context.attempts.values())


def _says_better(rule: Rule) -> tuple[str, ...]:
    return rule.explains + rule.supersedes


def _first_unknown(evaluator: Evaluator, rule: Rule) -> Outcome | None:
    return next((one for one in try_rule(evaluator, rule) if one.state == "unknown"), None)


# ---------------------------------------------------------------------------------------------- what speaks for a rule


def _speaks(evaluator: Evaluator, number: int, context: Context) -> str:
    """What is true in an undecided node: ``fault``, ``attempt`` (only that an attempt failed, in which phase), or "".

    Fields marked ``state`` in the vocabulary (AzureAdJoined, DomainJoined ...) describe a device, sound or not. They
    say too little only where the missing rest is a fact, which is collected for a reason.
    """
    leaves = _leaves(evaluator, number)
    fact_missing = any(kind == "fact" and evaluator.value(at, context) is None for at, kind in leaves)
    found = ""
    for at, kind in leaves:
        if evaluator.value(at, context) is not True or (fact_missing and kind in ("fact", "state")):
            continue
        if kind != "attempt":
            return "fault"
        found = kind
    return found


def _kinds(evaluator: Evaluator, number: int) -> set[str]:
    return {kind for _, kind in _leaves(evaluator, number)}


def _leaves(evaluator: Evaluator, number: int) -> tuple[tuple[int, str], ...]:
    """Each leaf of a node that is not negated, with what it can say; kept across devices."""
    kept = evaluator.ruleset.leaves
    found = kept.get(number)
    if found is None:
        found = kept[number] = tuple(_below(evaluator.ruleset, number))
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
