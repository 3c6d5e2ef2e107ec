"""Judges one device's case: candidates, findings, what settles and what explains them, and the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from troubleshoot import alike
from troubleshoot.accounts import same_account
from troubleshoot.candidates import Chooser, candidates
from troubleshoot.case import Case
from troubleshoot.codes import is_success
from troubleshoot.match import Evaluator, Truth
from troubleshoot.model import Finding, Proof, Report, Source, UnexplainedCode
from troubleshoot.notchecked import Found, not_checked, telling
from troubleshoot.outcomes import Outcome, outcomes, try_rule, with_proofs
from troubleshoot.ruleset import Ruleset

SEVERITY = {"error": 0, "warning": 1, "info": 2}
CONFIDENCE = {"certain": 0, "likely": 1, "possible": 2}


# ---------------------------------------------------------------------------------------------------- the report


def judge(ruleset: Ruleset, case: Case) -> Report:
    """The report of one device. Same case and rules, same report; nothing is asked of the clock or of files."""
    evaluator = Evaluator(ruleset, case)
    chooser = Chooser(ruleset, evaluator)
    chosen = chooser.candidates()
    near = chooser.near(chosen)
    told = alike.told(evaluator, chosen, alike.once(evaluator, telling, near))
    tried = [outcome for one in alike.live(evaluator, chosen, told) for outcome in outcomes(evaluator, *one)]
    active = [one for one in tried if one.state == "match"]
    roots = relate(ruleset, [one.finding for one in active if one.finding])
    resolved = [one.finding for one in tried if one.state == "resolved" and one.finding]
    benign = [one.finding for one in tried if one.state == "benign" and one.finding]
    active_ones = _all(roots)
    unexplained = _unexplained(evaluator, [*active_ones, *resolved, *benign])
    verdict = verdict_of(roots, case)
    return Report(
        device=case.device,
        as_of=case.as_of,
        join_state=case.join_state,
        domain_type=case.domain_type,
        verdict=verdict,
        summary="",
        findings=tuple(roots),
        resolved=tuple(_ranked(ruleset, resolved)),
        benign=tuple(_ranked(ruleset, benign)),
        unexplained_codes=tuple(unexplained),
        not_checked=not_checked(evaluator, chooser, Found(near, tried, active_ones, roots, bool(unexplained)), told),
        attempts=case.attempts,
        coverage=case.coverage,
        problems=tuple(case.problems),
        replaced_rules=ruleset.replaced,
    )


def worst(finding: Finding) -> str:
    """The worst severity of a root finding and its symptoms."""
    if not finding.symptoms:
        return finding.severity
    return min((one.severity for one in _all([finding])), key=SEVERITY.__getitem__)


def _all(findings: Iterable[Finding]) -> list[Finding]:
    found: list[Finding] = []
    for finding in findings:
        found.append(finding)
        if finding.symptoms:
            found += _all(finding.symptoms)
    return found


def _rank(ruleset: Ruleset, finding: Finding) -> tuple[Any, ...]:
    return (
        SEVERITY[worst(finding)],
        ruleset.phase_rank.get(finding.phase, 99),
        CONFIDENCE[finding.confidence],
        finding.rule,
        finding.user or "",
    )


def _ranked(ruleset: Ruleset, findings: list[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: _rank(ruleset, finding)) if len(findings) > 1 else findings


def relate(ruleset: Ruleset, findings: list[Finding]) -> list[Finding]:
    """Drop what a more precise finding supersedes, hang symptoms under their cause, return the roots, in their order."""
    if len(findings) < 2:
        return findings
    rules = {finding.rule: ruleset.rule(ruleset.numbers[finding.rule]) for finding in findings}
    if all(rule.says_better.isdisjoint(rules) for rule in rules.values()):
        return _ranked(ruleset, findings)
    # A finding takes part only in what rules that are there say of each other.
    supersedes = {name: rules.keys() & rule.supersedes for name, rule in rules.items()}
    explains = {name: rules.keys() & rule.explains for name, rule in rules.items()}
    if any(supersedes.values()):
        findings = _precise(findings, supersedes, explains)
    kept = _ranked(ruleset, findings)
    if not any(explains.values()):
        return kept
    symptom_of: dict[int, Finding] = {}
    for cause in kept:
        below = _closure(cause.rule, explains)
        for other in kept if below else ():
            if other is not cause and other.rule in below and _same_owner(cause, other):
                symptom_of.setdefault(id(other), cause)
    hung: dict[int, list[Finding]] = {id(one): [] for one in kept if id(one) not in symptom_of}
    for one in kept:
        top = one
        seen = {id(one)}
        while id(top) in symptom_of and id(symptom_of[id(top)]) not in seen:
            top = symptom_of[id(top)]
            seen.add(id(top))
        if top is not one and id(top) in hung:
            hung[id(top)].append(one)
    roots = [one._replace(symptoms=tuple(hung[id(one)])) if hung[id(one)] else one for one in kept if id(one) in hung]
    return _ranked(ruleset, roots)


def _precise(
    findings: list[Finding], supersedes: Mapping[str, set[str]], explains: dict[str, set[str]]
) -> list[Finding]:
    """The findings that no other supersedes, with the proof of those they supersede; ``explains`` gets what those explain."""
    dropped: set[int] = set()
    precise = []
    for one in findings:
        names = _closure(one.rule, supersedes)
        explains[one.rule] = explains[one.rule].union(*(explains[name] for name in names))
        said = [other for other in findings if other.rule in names and _same_owner(one, other)]
        dropped.update(id(other) for other in said)
        precise.append((id(one), with_proofs(one, said) if said else one))
    return [one for key, one in precise if key not in dropped]


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
    for attempt in evaluator.failures:
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
    tried = try_rule(evaluator, ruleset.rule(ruleset.numbers[rule_id]))
    states = {one.state for one in tried}
    return tried, True if states - {"unknown"} else None if states else False


__all__ = [
    "Outcome",
    "Proof",
    "candidates",
    "judge",
    "judge_rule",
    "relate",
    "try_rule",
    "verdict_of",
    "worst",
]
