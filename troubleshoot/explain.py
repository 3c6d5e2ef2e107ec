"""Why a rule did or did not fire on a device: every clause with its value, what shows it, and what was missing.

The values are those of :class:`~troubleshoot.match.Evaluator`, in every context the rule is tried in; nothing is judged anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from troubleshoot import redact, times
from troubleshoot.case import Case
from troubleshoot.engine import judge
from troubleshoot.inwords import leaf_in_words
from troubleshoot.lacking import missing as missing_of
from troubleshoot.leafevidence import seen
from troubleshoot.match import Context, Evaluator, Truth
from troubleshoot.model import Attempt, Device, Finding, Proof, Report
from troubleshoot.outcomes import signals
from troubleshoot.proving import settled_by
from troubleshoot.pseudonyms import Redactor
from troubleshoot.ruleset import Rule, Ruleset

_GROUPS = {"all": "all of these", "any": "one of these", "not": "not"}
_MOST_TRIALS = 50
_LONGEST = 240  # characters of a clause inside a sentence
_ORDER = {"match": 0, "resolved": 1, "benign": 2, "unknown": 3, "no-match": 4}


class Clause(NamedTuple):
    """One condition. ``kind``: all, any, not, or that of the leaf; ``value``: true, false, or None for "cannot be told".

    ``seen`` says what was found of a leaf, or why nothing was; ``evidence`` where. ``missing``: what to collect so that an
    undecided one is decided. ``clauses``: the conditions inside.
    """

    kind: str
    words: str
    value: Truth
    seen: str | None = None
    evidence: tuple[Proof, ...] = ()
    missing: tuple[str, ...] = ()
    clauses: tuple[Clause, ...] = ()


class Part(NamedTuple):
    """One key of the rule. ``role``: match, unless, confirm, intent, benign or resolved_by.

    ``effect`` says what its value means for the finding; ``decisive`` is that of an ``unless``.
    """

    role: str
    clause: Clause
    effect: str
    decisive: bool = False


class Trial(NamedTuple):
    """The rule in one context: for ``user`` (None: whose it is does not matter), on one attempt of each of its flows."""

    user: str | None
    attempts: tuple[tuple[str, Attempt | None], ...]
    state: str
    parts: tuple[Part, ...]


class Explained(NamedTuple):
    """One rule on one device. ``state``: match, resolved, benign, unknown or no-match, the best of its trials.

    ``place``: where the report has it (root, symptom, replaced, resolved, benign; "" for nowhere), ``under`` the rule that
    explains or replaces it. ``decided``: the condition because of which it is not active. ``applies``: what keeps the rule
    from this device (false) or could have. ``more``: the number of further trials that are left out.
    """

    rule: Rule
    device: Device
    as_of: datetime | None
    state: str
    place: str
    under: str | None
    why: str
    decided: Clause | None
    applies: tuple[Part, ...]
    trials: tuple[Trial, ...]
    more: int


def explain(ruleset: Ruleset, case: Case, rule_id: str, report: Report | None = None) -> Explained:
    """Why the rule of this id or alias does or does not fire on the case. Raises KeyError for an id that is not there.

    ``report``: that of the case, where it is at hand.
    """
    rule = ruleset.rule(ruleset.numbers[rule_id])
    evaluator = Evaluator(ruleset, case)
    applies = tuple(_applies(evaluator, rule))
    trials = [_trial(evaluator, rule, context) for context in evaluator.contexts(rule)]
    trials.sort(key=lambda trial: _ORDER[trial.state])
    kept_off = any(part.clause.value is False for part in applies)
    state = "no-match" if kept_off else trials[0].state
    place, under = _place(ruleset, report or judge(ruleset, case), rule, state)
    decided, why = _why(state, applies, trials, place, under)
    return Explained(
        rule=rule,
        device=case.device,
        as_of=case.as_of,
        state=state,
        place=place,
        under=under,
        why=why,
        decided=decided,
        applies=applies,
        trials=tuple(trials[:_MOST_TRIALS]),
        more=max(len(trials) - _MOST_TRIALS, 0),
    )


# ---------------------------------------------------------------------------------------------------- its clauses


def _applies(evaluator: Evaluator, rule: Rule) -> Iterator[Part]:
    """Whether the rule is for devices like this: the join that it speaks of, the type of the domain."""
    number = evaluator.ruleset.joins.get(rule.join) if rule.join != "any" else None
    if number is not None:
        other = clause(evaluator, number, evaluator.present)
        excluded = evaluator.join_excluded(rule.join)
        word = f"nothing proves that the device should not be {rule.join} joined"
        yield Part("join", Clause("not", word, not excluded, None, (), (), (other,)), "without it the rule is left out")
    if rule.domain:
        known = evaluator.case.domain_type
        told = evaluator.case.facts.get("domain.type", ()) if known != "unknown" else ()
        words = f"the domain is {' or '.join(rule.domain)}, or its type is not known"
        evidence = tuple(Proof(one.source, evaluator.case.line_text(one.source) or one.value) for one in told[:1])
        value = known == "unknown" or known in rule.domain
        yield Part(
            "domain", Clause("fact", words, value, f"it is {known}", evidence), "without it the rule is left out"
        )


def clause(evaluator: Evaluator, number: int, context: Context) -> Clause:
    """The condition with everything inside it, as it stands in this context."""
    node = evaluator.nodes[number]
    kind, value = node[0], evaluator.value(number, context)
    missing = tuple(sorted(missing_of(evaluator, number, context)))
    if kind in _GROUPS:
        members = node[1] if kind != "not" else [node[1]]
        inside = tuple(clause(evaluator, member, context) for member in members)
        return Clause(kind, _GROUPS[kind], value, None, (), missing, inside)
    words = leaf_in_words(node, evaluator.ruleset.vocabulary)
    if kind == "sign":
        inside = (clause(evaluator, evaluator.ruleset.signs[node[1]], evaluator.present),)
        return Clause(kind, words, value, None, (), missing, inside)
    said, evidence = seen(evaluator, number, context)
    return Clause(kind, words, value, said, evidence, missing)


def _trial(evaluator: Evaluator, rule: Rule, context: Context) -> Trial:
    parts = [Part("match", clause(evaluator, rule.match, context), "the rule fires only when this is true")]
    for exception in rule.unless:
        effect = "takes the finding back when true" + ("; undecided, it is less sure" if exception.decisive else "")
        parts.append(Part("unless", clause(evaluator, exception.node, context), effect, exception.decisive))
    if rule.confirm is not None:
        parts.append(Part("confirm", clause(evaluator, rule.confirm, context), "makes it certain"))
    if rule.intent:
        sign = clause(evaluator, evaluator.ruleset.signs[rule.intent], evaluator.present)
        inside = Clause("sign", f"sign {rule.intent}", sign.value, None, (), sign.missing, (sign,))
        parts.append(Part("intent", inside, "without it the finding is only possible"))
    for harmless in rule.benign:
        parts.append(Part("benign", clause(evaluator, harmless.node, context), f"makes it harmless: {harmless.reason}"))
    parts += _settling(evaluator, rule, context)
    attempts = tuple(context.attempts.items())
    user = context.user if rule.personal else None
    return Trial(user, attempts, _state(parts), tuple(parts))


def _settling(evaluator: Evaluator, rule: Rule, context: Context) -> Iterator[Part]:
    """Whether a success that came later settles it."""
    for name in rule.resolved_by:
        found = sorted((moment for moment, _ in signals(evaluator, [name])), key=times.order)
        settled = settled_by(evaluator, rule.match, context, signals(evaluator, [name]))
        newest = f"last at {times.iso(found[-1])}" if found else "nothing of it was collected"
        said = f"at {times.iso(settled)}" if settled else newest
        words = f"{name} after all evidence of it"
        yield Part("resolved_by", Clause("signal", words, settled is not None, said), "settles it when true")


def _state(parts: Iterable[Part]) -> str:
    by_role: dict[str, list[Truth]] = {}
    for part in parts:
        by_role.setdefault(part.role, []).append(part.clause.value)
    (match,) = by_role["match"]
    if match is False or True in by_role.get("unless", ()):
        return "no-match"
    if match is None:
        return "unknown"
    if True in by_role.get("resolved_by", ()):
        return "resolved"
    return "benign" if True in by_role.get("benign", ()) else "match"


# ------------------------------------------------------------------------------------------------------- sentences


def _place(ruleset: Ruleset, report: Report, rule: Rule, state: str) -> tuple[str, str | None]:
    """Where the report has the rule, and the rule that explains or replaces it."""
    if any(one.rule == rule.id for one in report.findings):
        return "root", None
    for root in report.findings:
        if any(one.rule == rule.id for one in _below(root)):
            return "symptom", root.rule
    if state == "match":
        active = [one.rule for root in report.findings for one in (root, *_below(root))]
        return "replaced", next((name for name in active if replaces(ruleset, name, rule.id)), None)
    return ("", None) if state in ("unknown", "no-match") else (state, None)


def _below(finding: Finding) -> Iterator[Finding]:
    for one in finding.symptoms:
        yield one
        yield from _below(one)


def replaces(ruleset: Ruleset, name: str, other: str) -> bool:
    """Does the rule ``name`` say what ``other`` says more precisely, itself or through one that it replaces?"""
    todo, met = [name], {name}
    while todo:
        number = ruleset.numbers.get(todo.pop())
        for replaced in ruleset.rule(number).supersedes if number is not None else ():
            if replaced == other:
                return True
            if replaced not in met:
                met.add(replaced)
                todo.append(replaced)
    return False


def _why(
    state: str, applies: Iterable[Part], trials: list[Trial], place: str, under: str | None
) -> tuple[Clause | None, str]:
    """What decided against it, and one sentence that says so."""
    for part in applies:
        if part.clause.value is False:
            return part.clause, _left_out(part)
    best = trials[0]
    parts = {part.role: part for part in reversed(best.parts) if part.role != "unless"}
    back = next((part for part in best.parts if part.role == "unless" and part.clause.value), None)
    match = parts["match"].clause
    if state == "match":
        end = {"symptom": f"; it stands under {under}, which explains it", "root": ""}.get(
            place, f"; {under or 'another rule'} says the same more precisely and stands in its place"
        )
        open_ones = sum(part.clause.value is None for part in best.parts if part.role == "unless")
        undecided = f" ({open_ones} cannot be told)" if open_ones else ""
        return None, f"It fires: its match is true and no exception is{undecided}{end}."
    if state in ("resolved", "benign"):
        ended = next(part for part in best.parts if part.role in _ENDED[state] and part.clause.value)
        reason = ended.effect.partition(": ")[2] if state == "benign" else f"{ended.clause.words}, {ended.clause.seen}"
        return ended.clause, f"It fits, but is not active: {reason.rstrip('.')}."
    if state == "unknown":
        wanted = "; ".join(match.missing)
        return None, f"It cannot be told: what would decide is not in the input. {_capital(wanted)}."
    if back is not None and match.value is not False:
        decider = _decider(back.clause, True)
        return decider, f"It does not fire: an exception is true: {flat(decider)}."
    decider = _decider(match, False)
    said = f" ({decider.seen})" if decider.seen else ""
    return decider, f"It does not fire, for this is false: {flat(decider)}{said}."


def _left_out(part: Part) -> str:
    if part.role == "join":
        return f"It is left out: such a device is not meant to have that join ({flat(part.clause.clauses[0])})."
    return f"It is left out: it is for devices where {part.clause.words}; {part.clause.seen}."


_ENDED = {"resolved": ("resolved_by",), "benign": ("benign",)}


def _decider(one: Clause, value: bool) -> Clause:
    """The condition inside that made it ``value``: the first such member of an `all` that is false, of an `any` that is true."""
    while one.kind == ("any" if value else "all"):
        one = next(member for member in one.clauses if member.value is value)
    return one


def flat(one: Clause) -> str:
    """The condition in one line."""
    inside = "; ".join(map(flat, one.clauses)) if one.kind in _GROUPS else ""
    text = f"{one.words}: {inside}" if inside else one.words
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# ------------------------------------------------------------------------------------------------------ pseudonyms


def redacted(redactor: Redactor, given: Explained) -> Explained:
    """The explanation with every name replaced. The words of rules name nobody and stay."""
    text, optional = redactor.text, redactor.optional
    return given._replace(
        device=redact.device(redactor, given.device),
        why=text(given.why),
        decided=_redacted_clause(redactor, given.decided) if given.decided else None,
        applies=tuple(_redacted_part(redactor, part) for part in given.applies),
        trials=tuple(
            trial._replace(
                user=optional(trial.user), parts=tuple(_redacted_part(redactor, part) for part in trial.parts)
            )
            for trial in given.trials
        ),
    )


def _redacted_part(redactor: Redactor, part: Part) -> Part:
    return part._replace(clause=_redacted_clause(redactor, part.clause))


def _redacted_clause(redactor: Redactor, one: Clause) -> Clause:
    return one._replace(
        seen=redactor.optional(one.seen),
        evidence=redact.proofs(redactor, one.evidence),
        clauses=tuple(_redacted_clause(redactor, inside) for inside in one.clauses),
    )
