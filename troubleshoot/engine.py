"""Judges one device's case: candidates, findings, what settles and what explains them, and the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from troubleshoot.accounts import same_account
from troubleshoot.attempts import failures_since_success
from troubleshoot.case import Case
from troubleshoot.codes import is_success
from troubleshoot.match import Evaluator, Truth
from troubleshoot.model import Finding, Proof, Report, Source, UnexplainedCode
from troubleshoot.notchecked import not_checked
from troubleshoot.outcomes import Outcome, try_rule, with_proofs
from troubleshoot.ruleset import Entry, Ruleset

SEVERITY = {"error": 0, "warning": 1, "info": 2}
CONFIDENCE = {"certain": 0, "likely": 1, "possible": 2}


# ---------------------------------------------------------------------------------------------------- candidates


def present_keys(ruleset: Ruleset, case: Case, evaluator: Evaluator) -> set[str]:
    """Every dispatch key (see :func:`troubleshoot.conditions.triggers`) that the evidence holds."""
    present: set[str] = set()
    for attempt in evaluator.standing:
        present.add(f"flow:{attempt.flow}")
        present.update(f"code:{code.casefold()}" for code in attempt.codes)
        for value in (attempt.suberror, attempt.http_error):
            if value:
                present.add(f"code:{value}")
        for value in (attempt.server_code, attempt.server_subcode):
            if value:
                present.add(f"server:{value.casefold()}")
    if case.events:
        for alias, names in ruleset.provider_names.items():
            for name in names:
                present.update(f"event:{alias}:{number}" for number in case.event_ids.get(name, ()))
    for capture in case.captures:
        named = capture.named
        for name in ruleset.fields_asked:
            field = named.get(name)
            if field is not None:
                present.add(f"dsreg:{name}")
                present.add(f"dsreg:{name}={field.text.casefold()}")
    present.update(f"registry:{key}" for key in case.keys)
    present.update(f"log:{component}" for component in case.by_component)
    for name, found in case.facts.items():
        present.add(f"fact:{name}")
        present.update(f"fact:{name}={one.value.casefold()}" for one in found)
    return present


def candidates(ruleset: Ruleset, case: Case, evaluator: Evaluator) -> list[int]:
    """The numbers of the rules that could be true, in the order of the rule set."""
    return _candidates(ruleset, evaluator, present_keys(ruleset, case, evaluator))


def _candidates(ruleset: Ruleset, evaluator: Evaluator, present: set[str]) -> list[int]:
    return sorted(_under(ruleset.index, evaluator, present))


def _under(index: Mapping[str, Entry], evaluator: Evaluator, present: set[str]) -> set[int]:
    return set().union(*(evaluator.chosen(index[key]) for key in index.keys() & present))


# ---------------------------------------------------------------------------------------------------- the report


def judge(ruleset: Ruleset, case: Case) -> Report:
    """The report of one device. Same case and rules, same report; nothing is asked of the clock or of files."""
    evaluator = Evaluator(ruleset, case)
    present = present_keys(ruleset, case, evaluator)
    chosen = _candidates(ruleset, evaluator, present)
    outcomes = [outcome for number in chosen for outcome in try_rule(evaluator, ruleset.rule(number))]
    active = [one for one in outcomes if one.state == "match"]
    roots = relate(ruleset, [one.finding for one in active if one.finding])
    resolved = [one.finding for one in outcomes if one.state == "resolved" and one.finding]
    benign = [one.finding for one in outcomes if one.state == "benign" and one.finding]
    roots.sort(key=lambda finding: _rank(ruleset, finding))
    for others in (resolved, benign):
        others.sort(key=lambda finding: _rank(ruleset, finding))
    active_ones = _all(roots)
    unexplained = _unexplained(evaluator, [*active_ones, *resolved, *benign])
    near = sorted(_under(ruleset.near, evaluator, present).difference(chosen))
    verdict = verdict_of(roots, case)
    return Report(
        device=case.device,
        as_of=case.as_of,
        join_state=case.join_state,
        domain_type=case.domain_type,
        verdict=verdict,
        summary="",
        findings=tuple(roots),
        resolved=tuple(resolved),
        benign=tuple(benign),
        unexplained_codes=tuple(unexplained),
        not_checked=tuple(not_checked(evaluator, outcomes, active_ones, roots, bool(unexplained), near)),
        attempts=case.attempts,
        coverage=case.coverage,
        problems=tuple(case.problems),
        replaced_rules=ruleset.replaced,
    )


def worst(finding: Finding) -> str:
    """The worst severity of a root finding and its symptoms."""
    return min((one.severity for one in _all([finding])), key=SEVERITY.__getitem__)


def _all(findings: Iterable[Finding]) -> list[Finding]:
    return [one for finding in findings for one in (finding, *_all(finding.symptoms))]


def _rank(ruleset: Ruleset, finding: Finding) -> tuple[Any, ...]:
    return (
        SEVERITY[worst(finding)],
        ruleset.phase_rank.get(finding.phase, 99),
        CONFIDENCE[finding.confidence],
        finding.rule,
        finding.user or "",
    )


def relate(ruleset: Ruleset, findings: list[Finding]) -> list[Finding]:
    """Drop what a more precise finding supersedes, hang symptoms under their cause, return the roots."""
    if len(findings) < 2:
        return findings
    rules = {finding.rule: ruleset.rule(ruleset.numbers[finding.rule]) for finding in findings}
    explains = {name: set(rule.explains) for name, rule in rules.items()}
    dropped: set[int] = set()
    supersedes = {key: rule.supersedes for key, rule in rules.items()}
    precise = []
    for one in findings:
        names = _closure(one.rule, supersedes) & rules.keys()
        explains[one.rule] = explains[one.rule].union(*(explains[name] for name in names))
        said = [other for other in findings if other.rule in names and _same_owner(one, other)]
        dropped.update(id(other) for other in said)
        precise.append((id(one), with_proofs(one, said)))
    kept = sorted((one for key, one in precise if key not in dropped), key=lambda one: _rank(ruleset, one))
    symptom_of: dict[int, Finding] = {}
    for cause in kept:
        below = _closure(cause.rule, explains)
        for other in kept:
            if other is not cause and other.rule in below and _same_owner(cause, other):
                symptom_of.setdefault(id(other), cause)
    roots = [one for one in kept if id(one) not in symptom_of]
    hung: dict[int, list[Finding]] = {id(root): [] for root in roots}
    for one in kept:
        top = one
        seen = {id(one)}
        while id(top) in symptom_of and id(symptom_of[id(top)]) not in seen:
            top = symptom_of[id(top)]
            seen.add(id(top))
        if top is not one and id(top) in hung:
            hung[id(top)].append(one)
    return [root._replace(symptoms=tuple(hung[id(root)])) if hung[id(root)] else root for root in roots]


def _closure(name: str, edges: Mapping[str, Iterable[str]]) -> set[str]:
    found: set[str] = set()
    todo = list(edges.get(name, ()))
    while todo:
        one = todo.pop()
        if one not in found and one != name:
            found.add(one)
            todo.extend(edges.get(one, ()))
    return found


def _same_owner(left: Finding, right: Finding) -> bool:
    return left.user is None or right.user is None or same_account(left.user, right.user)


def verdict_of(roots: list[Finding], case: Case) -> str:
    """The verdict of the contract, from the root findings and the join state."""
    errors = [root for root in roots if worst(root) == "error"]
    if errors:
        return "pending" if all(root.wait for root in errors) else "failed"
    if any(worst(root) == "warning" for root in roots):
        return "degraded"
    if case.join_state in ("none", "registered", "entra"):
        return "not-applicable"
    return "healthy" if case.join_state in ("hybrid", "on-premises-drs") else "inconclusive"


def _unexplained(evaluator: Evaluator, findings: list[Finding]) -> list[UnexplainedCode]:
    """Codes of failed attempts after the last success whose own line or record proves no specific finding."""
    explained: set[Source] = set()
    for finding in findings:
        if not finding.catch_all:
            explained.update(proof.source for proof in finding.evidence)
    found: dict[str, Source] = {}
    for attempt in failures_since_success(evaluator.case.attempts):
        places: list[tuple[str, Source | None]] = [(code, attempt.proof.get("code")) for code in attempt.codes[:1]]
        places += [(code, attempt.proof.get("message")) for code in attempt.codes[1:]]
        places += [(code, attempt.proof.get("suberror")) for code in (attempt.suberror,) if code]
        for code, source in places:
            source = source or (attempt.sources[0] if attempt.sources else None)
            if source is None or is_success(code) or source in explained or code in found:
                continue
            if not any(one in explained for one in attempt.sources):
                found[code] = source
    if not found:
        return []
    from troubleshoot.codebook import brief

    return [UnexplainedCode(code, *brief(code), source) for code, source in found.items()]


def judge_rule(ruleset: Ruleset, case: Case, rule_id: str) -> tuple[list[Outcome], Truth]:
    """One rule alone over a case, for embedded examples and ``--explain``: its outcomes and its match value."""
    evaluator = Evaluator(ruleset, case)
    outcomes = try_rule(evaluator, ruleset.rule(ruleset.numbers[rule_id]))
    states = {one.state for one in outcomes}
    return outcomes, True if states - {"unknown"} else None if states else False


__all__ = [
    "Outcome",
    "Proof",
    "candidates",
    "judge",
    "judge_rule",
    "present_keys",
    "relate",
    "try_rule",
    "verdict_of",
    "worst",
]
