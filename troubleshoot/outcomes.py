"""What one rule says of one case: whether it fits, for whom, how sure, what settles it or makes it harmless."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from troubleshoot import lacking, times, words
from troubleshoot.case import Case
from troubleshoot.match import Context, Evaluator
from troubleshoot.model import Finding
from troubleshoot.proving import proofs, settled_by, shown
from troubleshoot.ruleset import Rule

_LOWER = {"certain": "likely", "likely": "possible", "possible": "possible"}
_MOST = 5_000  # answers kept


class Outcome(NamedTuple):
    """What one rule says of one case. ``state``: match, unknown, resolved, benign."""

    rule: Rule
    state: str
    context: Context
    finding: Finding | None = None


def try_rule(evaluator: Evaluator, rule: Rule) -> list[Outcome]:
    """What ``rule`` says of the case: one outcome per user it matched for, else one if it cannot be told, else none."""
    return outcomes(evaluator, rule, *where(evaluator, rule))


def where(evaluator: Evaluator, rule: Rule) -> tuple[list[Context], Context | None]:
    """The contexts in which ``rule`` matches, and the first in which it cannot be told."""
    match, live = rule.match, []
    for context in evaluator.contexts(rule):
        truth = evaluator.value(match, context)
        if truth is not False:
            live.append((context, truth))
    if not live or (rule.join != "any" and evaluator.join_excluded(rule.join)):
        return [], None
    domain = evaluator.case.domain_type
    if rule.domain and domain != "unknown" and domain not in rule.domain:
        return [], None
    matched: list[Context] = []
    undecided = None
    for context, truth in live:
        if truth is None and (undecided is not None or matched):
            continue
        if rule.unless and _taken_back(evaluator, rule, context):
            continue
        if truth is None:
            undecided = context
        else:
            matched.append(context)
    return matched, undecided


def outcomes(evaluator: Evaluator, rule: Rule, matched: Sequence[Context], undecided: Context | None) -> list[Outcome]:
    """The outcomes of a rule that matches in some contexts, or that cannot be told in one."""
    if not matched:
        return [Outcome(rule, "unknown", undecided)] if undecided is not None else []
    found: dict[str | None, Outcome] = {}
    for context in matched:
        known = found.get(context.user)
        outcome = _matched(evaluator, rule, context)
        if known is None or (outcome.state == "match" and known.state != "match"):
            found[context.user] = outcome
        elif outcome.state == "match" and known.finding and outcome.finding:
            found[context.user] = known._replace(finding=with_proofs(known.finding, [outcome.finding]))
    return _one_per_proof(list(found.values()))


def _taken_back(evaluator: Evaluator, rule: Rule, context: Context) -> bool:
    return any(evaluator.value(one.node, context) is True for one in rule.unless)


def with_proofs(finding: Finding, others: Iterable[Finding]) -> Finding:
    """The finding with the evidence and the codes of others that say the same: of another attempt, or less precisely."""
    evidence, codes = dict.fromkeys(finding.evidence), dict.fromkeys(finding.codes)
    for other in others:
        evidence.update(dict.fromkeys(other.evidence))
        codes.update(dict.fromkeys(other.codes))
    return finding._replace(evidence=tuple(evidence), codes=tuple(codes))


def _one_per_proof(found: list[Outcome]) -> list[Outcome]:
    """Evidence that belongs to no account gives one finding, not one per account of the case."""
    if len(found) == 1:
        return found
    kept: list[Outcome] = []
    seen: dict[tuple[Any, ...], int] = {}
    for outcome in found:
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


class _Sure(NamedTuple):
    """What the leaves that are true and false say of a rule that matches: all that is the same for devices that agree in them.

    ``shown``: the leaves that prove it. ``reason``: why it is harmless, where it is.
    """

    confidence: str
    not_ruled_out: tuple[str, ...]
    settle: str | None
    shown: tuple[int, ...]
    reason: str | None
    avoid: tuple[str, ...]


def _sure(evaluator: Evaluator, rule: Rule, context: Context) -> _Sure:
    """As :func:`_weighed`; kept for all devices that answer the rule's questions in the same way."""
    if evaluator.case.collected is not None:
        return _weighed(evaluator, rule, context)
    tests = evaluator.tests
    asking = tests.of_rule(rule)
    if open_ones := asking.subjects & ~context.asked:
        evaluator.ask(open_ones, context)
    if rule.intent:
        evaluator.sign(rule.intent)
    present = (evaluator.present.true, evaluator.present.false) if asking.signs else ()
    answers = (rule.id, context.true & asking.leaves, context.false & asking.leaves, *present)
    found: _Sure | None = tests.weighed.get(answers)
    if found is None:
        found = _weighed(evaluator, rule, context)
        if len(tests.weighed) >= _MOST:
            tests.weighed.clear()
        tests.weighed[answers] = found
    return found


def _weighed(evaluator: Evaluator, rule: Rule, context: Context) -> _Sure:
    confidence = rule.confidence
    not_ruled_out: list[str] = []
    open_ends: list[tuple[bool, frozenset[str]]] = []
    for one in rule.unless:
        if evaluator.value(one.node, context) is None:
            missing = lacking.missing(evaluator, one.node, context)
            open_ends.append((not one.decisive, missing))
            not_ruled_out.extend(sorted(missing))
            if one.decisive:
                confidence = _LOWER[confidence]
    leaves = shown(evaluator, rule.match, context)
    if rule.confirm is not None and evaluator.value(rule.confirm, context) is True:
        confidence = "certain"
        leaves += shown(evaluator, rule.confirm, context)
    elif rule.confirm is not None:
        open_ends.append((False, lacking.missing(evaluator, rule.confirm, context)))
    if rule.intent and evaluator.sign(rule.intent) is not True:
        confidence = "possible"
    harmless = (one.reason for one in rule.benign if evaluator.value(one.node, context) is True)
    return _Sure(
        confidence=confidence,
        not_ruled_out=tuple(dict.fromkeys(not_ruled_out)),
        settle=None if confidence == "certain" else _settle(open_ends),
        shown=leaves,
        reason=next(harmless, None),
        avoid=rule.avoid or words.avoid(rule.phase, rule.severity, rule.fix),
    )


def _matched(evaluator: Evaluator, rule: Rule, context: Context) -> Outcome:
    sure = _sure(evaluator, rule, context)
    proved = list(proofs(evaluator, sure.shown, context))
    moments = list({moment for _, moment in proved if moment is not None})
    from troubleshoot.fingerprints import fingerprint  # its hashes are a quarter of the rest of the start

    user = context.user if rule.personal else None
    state, reason = ("match", None) if sure.reason is None else ("benign", sure.reason)
    if rule.resolved_by:
        settled = settled_by(evaluator, rule.match, context, signals(evaluator, rule.resolved_by))
        if settled is not None:
            state, reason = "resolved", f"settled by a success at {times.iso(settled)}"
    finding = Finding(
        rule=rule.id,
        title=rule.title,
        phase=rule.phase,
        severity=rule.severity,
        confidence=sure.confidence,
        covers=rule.covers,
        codes=_codes_of(evaluator, rule, context),
        user=user,
        cause=rule.cause,
        wait=rule.wait,
        avoid=sure.avoid,
        fingerprint=fingerprint(rule.id, evaluator.case.device, user),
        fix=rule.fix,
        benign_when=rule.benign_when,
        references=rule.references,
        evidence=tuple(dict.fromkeys([proof for proof, _ in proved])),
        not_ruled_out=sure.not_ruled_out,
        settle=sure.settle,
        reason=reason,
        time=moments[0] if len(moments) == 1 else max(moments, key=times.order) if moments else None,
        catch_all=rule.catch_all,
    )
    return Outcome(rule, state, context, finding)


def _settle(open_ends: Iterable[tuple[bool, frozenset[str]]]) -> str | None:
    """The one capture that would settle it: what is decided by a single item first, and of those what the confidence hangs on."""
    single = [(least, sorted(missing)[0]) for least, missing in open_ends if len(missing) == 1]
    return min(single, default=(False, None), key=lambda one: one[0])[1]


def _codes_of(evaluator: Evaluator, rule: Rule, context: Context) -> tuple[str, ...]:
    """The codes of the matched attempts that the rule names; all their codes for a rule that names none."""
    named = evaluator.ruleset.codes_named(rule.id, rule.match)
    attempts = [one for one in context.attempts.values() if one is not None]
    every = [code for one in attempts for code in (*one.codes, one.suberror, one.http_error) if code]
    return tuple(dict.fromkeys(code for code in every if code.casefold() in named))


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
