"""Judges one device's case: candidates, findings, what settles and what explains them, and the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from troubleshoot import times
from troubleshoot.accounts import same_account
from troubleshoot.attempts import failures_since_success
from troubleshoot.case import Case
from troubleshoot.codes import is_success
from troubleshoot.match import Context, Evaluator, Truth
from troubleshoot.model import Finding, NotChecked, Proof, Report, Source, UnexplainedCode
from troubleshoot.ruleset import Rule, Ruleset

SEVERITY = {"error": 0, "warning": 1, "info": 2}
CONFIDENCE = {"certain": 0, "likely": 1, "possible": 2}
_LOWER = {"certain": "likely", "likely": "possible", "possible": "possible"}


class Outcome(NamedTuple):
    """What one rule says of one case. ``state``: match, unknown, resolved, benign."""

    rule: Rule
    state: str
    context: Context
    finding: Finding | None = None


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
    index = ruleset.index
    found: set[int] = set()
    for key in present_keys(ruleset, case, evaluator):
        hit = index.get(key)
        if hit is None:
            continue
        for subjects, rules in hit.items():
            values = evaluator.known_values(subjects) if subjects else _NOTHING_ASKED
            if values is None:
                for numbers in rules.values():
                    found.update(numbers)
            else:
                for value in values:
                    if value in rules:
                        found.update(rules[value])
    return sorted(found)


_NOTHING_ASKED = frozenset({""})


# ------------------------------------------------------------------------------------------------- one rule


def try_rule(evaluator: Evaluator, rule: Rule) -> list[Outcome]:
    """What ``rule`` says of the case: one outcome per user it matched for, else one if it cannot be told, else none."""
    value, match = evaluator.value, rule.match
    live = [context for context in evaluator.contexts(rule) if value(match, context) is not False]
    if not live or (rule.join != "any" and evaluator.join_excluded(rule.join)):
        return []
    domain = evaluator.case.domain_type
    if rule.domain and domain != "unknown" and domain not in rule.domain:
        return []
    outcomes: dict[str | None, Outcome] = {}
    for context in live:
        if not value(match, context):
            continue
        if any(value(one.node, context) is True for one in rule.unless):
            continue
        known = outcomes.get(context.user)
        outcome = _matched(evaluator, rule, context)
        if known is None or (outcome.state == "match" and known.state != "match"):
            outcomes[context.user] = outcome
        elif outcome.state == "match" and known.finding and outcome.finding:
            outcomes[context.user] = known._replace(finding=_with_proofs(known.finding, [outcome.finding]))
    if outcomes:
        return _one_per_proof(list(outcomes.values()))
    for context in live:
        if value(match, context) is None and not any(value(one.node, context) is True for one in rule.unless):
            return [Outcome(rule, "unknown", context)]
    return []


def _with_proofs(finding: Finding, others: Iterable[Finding]) -> Finding:
    """The finding with the evidence and the codes of others that say the same: of another attempt, or less precisely."""
    evidence, codes = dict.fromkeys(finding.evidence), dict.fromkeys(finding.codes)
    for other in others:
        evidence.update(dict.fromkeys(other.evidence))
        codes.update(dict.fromkeys(other.codes))
    return finding._replace(evidence=tuple(evidence), codes=tuple(codes))


def _one_per_proof(outcomes: list[Outcome]) -> list[Outcome]:
    """Evidence that belongs to no account gives one finding, not one per account of the case."""
    if len(outcomes) == 1:
        return outcomes
    kept: list[Outcome] = []
    seen: dict[tuple[Any, ...], int] = {}
    for outcome in outcomes:
        assert outcome.finding is not None
        key = (outcome.state, outcome.finding.evidence)
        if key in seen:
            at = seen[key]
            first = kept[at]
            assert first.finding is not None
            kept[at] = first._replace(finding=first.finding._replace(user=None))
        else:
            seen[key] = len(kept)
            kept.append(outcome)
    return kept


def _matched(evaluator: Evaluator, rule: Rule, context: Context) -> Outcome:
    case = evaluator.case
    confidence = rule.confidence
    not_ruled_out = []
    for one in rule.unless:
        if evaluator.value(one.node, context) is None:
            not_ruled_out.extend(sorted(evaluator.missing(one.node, context)))
            if one.decisive:
                confidence = _LOWER[confidence]
    proofs = list(evaluator.proofs(rule.match, context))
    confirmed = rule.confirm is not None and evaluator.value(rule.confirm, context) is True
    if confirmed and rule.confirm is not None:
        confidence = "certain"
        proofs += evaluator.proofs(rule.confirm, context)
    if rule.intent and evaluator.sign(rule.intent) is not True:
        confidence = "possible"
    evidence = tuple(dict.fromkeys(proof for proof, _ in proofs))
    moments = [moment for _, moment in proofs if moment is not None]
    state, reason = "match", None
    settled = None
    if rule.resolved_by:
        settled = evaluator.settled_by(rule.match, context, signals(evaluator, rule.resolved_by))
    if settled is not None:
        state, reason = "resolved", f"settled by a success at {times.iso(settled)}"
    else:
        for one_benign in rule.benign:
            if evaluator.value(one_benign.node, context) is True:
                state, reason = "benign", one_benign.reason
                break
    finding = Finding(
        rule=rule.id,
        title=rule.title,
        phase=rule.phase,
        severity=rule.severity,
        confidence=confidence,
        covers=rule.covers,
        codes=_codes_of(evaluator, rule, context),
        user=context.user if evaluator.reads_user(rule) else None,
        cause=rule.cause,
        wait=rule.wait,
        avoid=rule.avoid,
        fingerprint=_fingerprint(case, rule.id, context.user if evaluator.reads_user(rule) else None),
        fix=rule.fix,
        benign_when=rule.benign_when,
        references=rule.references,
        evidence=evidence,
        not_ruled_out=tuple(dict.fromkeys(not_ruled_out)),
        reason=reason,
        time=moments[0] if len(moments) == 1 else max(moments, key=times.order) if moments else None,
        catch_all=rule.catch_all,
    )
    return Outcome(rule, state, context, finding)


def _codes_of(evaluator: Evaluator, rule: Rule, context: Context) -> tuple[str, ...]:
    """The codes of the matched attempts that the rule names; all their codes for a rule that names none."""
    named = evaluator.ruleset.codes_named(rule.id, rule.match)
    attempts = [one for one in context.attempts.values() if one is not None]
    every = [code for one in attempts for code in (*one.codes, one.suberror, one.http_error) if code]
    return tuple(dict.fromkeys(code for code in every if code.casefold() in named))


def _fingerprint(case: Case, rule: str, user: str | None) -> str:
    import hashlib  # a quarter of the rest of the start: a device without findings does without

    device = case.device.device_id or case.device.name or ""
    return hashlib.sha256(f"{rule}\n{device.casefold()}\n{(user or '').casefold()}".encode()).hexdigest()[:16]


def signals(evaluator: Evaluator, names: Iterable[str]) -> list[tuple[datetime, str | None]]:
    """When the named signals of the vocabulary happened, and for which account (None: the device's)."""
    case = evaluator.case
    found: list[tuple[datetime, str | None]] = []
    for name in names:
        for one in evaluator.ruleset.vocabulary["signals"][name]["any"]:
            if "event" in one:
                ids = one["event"]["id"] if isinstance(one["event"]["id"], list) else [one["event"]["id"]]
                for event in evaluator.events(one["event"]["provider"], ids, None):
                    if event.time is not None:
                        found.append((event.time, None))
            else:
                found += _time_of(case, evaluator, one["time_of"])
    return found


def _time_of(case: Case, evaluator: Evaluator, spec: Mapping[str, str]) -> list[tuple[datetime, str | None]]:
    needs = (evaluator.fields_known.get(spec["field"]) or {}).get("needs")
    found: list[tuple[datetime, str | None]] = []
    for capture in case.captures:
        field = capture.named.get(spec["field"])
        if field is None:
            continue
        moment = times.issued(field.text) if spec.get("part") == "issued" else times.parse(field.text)
        if moment is not None:
            found.append((moment, case.capture_user(capture) if needs else None))
    return found


# ---------------------------------------------------------------------------------------------------- the report


def judge(ruleset: Ruleset, case: Case) -> Report:
    """The report of one device. Same case and rules, same report; nothing is asked of the clock or of files."""
    evaluator = Evaluator(ruleset, case)
    outcomes = [
        outcome
        for number in candidates(ruleset, case, evaluator)
        for outcome in try_rule(evaluator, ruleset.rule(number))
    ]
    active = [one for one in outcomes if one.state == "match"]
    roots = relate(ruleset, [one.finding for one in active if one.finding])
    resolved = [one.finding for one in outcomes if one.state == "resolved" and one.finding]
    benign = [one.finding for one in outcomes if one.state == "benign" and one.finding]
    roots.sort(key=lambda finding: _rank(ruleset, finding))
    for others in (resolved, benign):
        others.sort(key=lambda finding: _rank(ruleset, finding))
    unexplained = _unexplained(evaluator, [*_all(roots), *resolved, *benign])
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
        not_checked=tuple(_not_checked(evaluator, outcomes, roots, bool(unexplained))),
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
        precise.append((id(one), _with_proofs(one, said)))
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


def _not_checked(
    evaluator: Evaluator, outcomes: list[Outcome], roots: list[Finding], unexplained: bool
) -> list[NotChecked]:
    """What one more item would decide, and what could explain a symptom that nothing explains."""
    ruleset = evaluator.ruleset
    open_ones = {id(one) for one in failures_since_success(evaluator.case.attempts)}
    undecided = {
        one.rule.id: one
        for one in outcomes
        # What a later success has settled needs no deciding.
        if one.state == "unknown"
        and all(try_ is None or id(try_) in open_ones for try_ in one.context.attempts.values())
    }
    found = {one.rule for one in _all(roots) if not one.catch_all}
    wanted: dict[str, list[Rule]] = {}
    why: dict[str, str] = {}
    for one in undecided.values():
        if not evaluator.concerns(one.rule.match, one.context):
            continue  # nothing found speaks for it: its key belongs to an attempt of another kind
        spoken = evaluator.speaks(one.rule.match, one.context)
        if not spoken:
            continue  # only the plain state of the device speaks for it, as it does on every sound one
        if spoken == "attempt" and not unexplained and found.isdisjoint({*one.rule.explains, *one.rule.supersedes}):
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
        for number in ruleset.explainers.get(root.rule, ()):
            rule = ruleset.rule(number)
            other = undecided.get(rule.id) or _first_unknown(evaluator, rule)
            missing = evaluator.missing(rule.match, other.context) if other is not None else frozenset()
            if len(missing) > 2:
                continue
            for item in sorted(missing):
                wanted.setdefault(item, []).append(rule)
                why[item] = f"it may hold the cause of '{root.title}'"
    lines = [NotChecked(item, why[item], tuple(sorted({rule.id for rule in rules}))) for item, rules in wanted.items()]
    return sorted(lines, key=lambda line: (-len(line.rules), line.collect))


def _first_unknown(evaluator: Evaluator, rule: Rule) -> Outcome | None:
    return next((one for one in try_rule(evaluator, rule) if one.state == "unknown"), None)


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
