"""``diagnose --explain``: why a rule did or did not fire, as text and as JSON (schema: ``data/explain.schema.json``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from troubleshoot import __version__, words
from troubleshoot.explain import Clause, Explained, Part, Trial
from troubleshoot.match import Truth
from troubleshoot.model import Attempt, Unread
from troubleshoot.report import jsonform
from troubleshoot.report.outline import place
from troubleshoot.report.safe import plain
from troubleshoot.report.text import wrapped
from troubleshoot.times import iso

SCHEMA_VERSION = "1"
_MOST_TRIALS = 6  # of the text form; the JSON form has them all
_VALUES = {True: "true", False: "false", None: "?"}
_STATES = {
    "match": "FIRES",
    "resolved": "SETTLED SINCE",
    "benign": "NORMAL HERE",
    "unknown": "CANNOT BE TOLD",
    "no-match": "DOES NOT FIRE",
}
_WIDTH = 110


# ------------------------------------------------------------------------------------------------------------ text


def text(found: Sequence[Explained], missing: Sequence[Unread]) -> str:
    """The explanation of every device, one after the other."""
    lines: list[str] = []
    for one in found:
        lines += _device(one)
    lines += [f"not read: {plain(one.path)}: {plain(one.reason)}" for one in missing]
    return "\n".join(lines).rstrip() + "\n"


def _device(one: Explained) -> Iterator[str]:
    name = plain(one.device.name or "device without a name")
    yield f"{_STATES[one.state]}  {one.rule.id} on {name}"
    yield one.rule.title
    yield from _wrapped(plain(one.why, 2000), 0)
    yield ""
    if one.applies:
        yield "is it for such devices"
        for part in one.applies:
            yield from _part(part)
        yield ""
    for trial in one.trials[:_MOST_TRIALS]:
        yield from _trial(trial)
    more = one.more + max(len(one.trials) - _MOST_TRIALS, 0)
    if more:
        yield f"tried on {more} more users and attempts, not shown" + ("" if one.more else "; -f json has them")
        yield ""


def _trial(trial: Trial) -> Iterator[str]:
    yield f"{_STATES[trial.state].lower()} {_context(trial)}"
    role = ""
    for part in trial.parts:
        if part.role != role:
            role = part.role
            yield f"  {role}: {part.effect}" if role != "benign" else f"  {role}"
        elif part.role == "unless" and part.decisive:
            yield f"  {role}: {part.effect}"
        yield from _part(part)
    yield ""


def _context(trial: Trial) -> str:
    told = [f"for {plain(trial.user)}"] if trial.user else []
    for flow, attempt in trial.attempts:
        if attempt is None:
            told.append(f"with no failed attempt ({flow})")
        else:
            code = f" {' '.join(attempt.codes)}" if attempt.codes else ""
            told.append(f"on the attempt ({flow}) of {iso(attempt.time) or 'no known time'}{plain(code)}")
    return ", ".join(told) or "on the whole of the evidence"


def _part(part: Part) -> Iterator[str]:
    yield from _clause(part.clause, 2)
    if part.role == "benign" and part.clause.value:
        yield from _wrapped(part.effect, 5)


def _clause(one: Clause, depth: int) -> Iterator[str]:
    indent = "  " * depth
    first = f"{indent}{_VALUES[one.value]:<6}"
    yield from wrapped(plain(one.words, 2000), first, " " * len(first), _WIDTH)
    inner = depth + 4
    if one.seen:
        yield from _wrapped(plain(one.seen), inner)
    for proof in one.evidence:
        head = "  " * inner + f"{place(proof.source)}   "
        yield from wrapped(plain(proof.text), head, "  " * (inner + 2), _WIDTH)
    if one.value is None and not one.clauses:
        for item in one.missing:
            yield from _wrapped(f"to decide it: {plain(item)}", inner)
    for inside in one.clauses:
        yield from _clause(inside, depth + 1)


def _wrapped(said: str, depth: int) -> list[str]:
    return wrapped(said, "  " * depth, "  " * depth, _WIDTH)


# ------------------------------------------------------------------------------------------------------------ JSON


def dump(found: Sequence[Explained], missing: Sequence[Unread], rules_version: str) -> bytes:
    """The JSON text, UTF-8."""
    return jsonform.text_of(
        {
            "schema_version": SCHEMA_VERSION,
            "tool": {"version": __version__, "rules": rules_version},
            "devices": [_form(one) for one in found],
            "unread": [jsonform.unread(one) for one in missing],
        }
    )


def _form(one: Explained) -> dict[str, Any]:
    rule = one.rule
    return {
        "rule": {
            "id": rule.id,
            "title": rule.title,
            "phase": rule.phase,
            "phase_name": words.PHASES.get(rule.phase, rule.phase),
            "severity": rule.severity,
            "confidence": rule.confidence,
            "maturity": rule.maturity,
        },
        "device": jsonform.device(one.device),
        "as_of": iso(one.as_of),
        "state": one.state,
        "place": one.place or None,
        "under": one.under,
        "why": one.why,
        "applies": [_part_form(part) for part in one.applies],
        "trials": [
            {
                "user": trial.user,
                "attempts": [_attempt_form(flow, attempt) for flow, attempt in trial.attempts],
                "state": trial.state,
                "parts": [_part_form(part) for part in trial.parts],
            }
            for trial in one.trials
        ],
        "more_trials": one.more,
    }


def _attempt_form(flow: str, attempt: Attempt | None) -> dict[str, Any]:
    if attempt is None:
        return {"flow": flow, "time": None, "phase": None, "codes": []}
    return {"flow": flow, "time": iso(attempt.time), "phase": attempt.phase, "codes": list(attempt.codes)}


def _part_form(part: Part) -> dict[str, Any]:
    return {
        "role": part.role,
        "effect": part.effect,
        "decisive": part.decisive,
        **_clause_form(part.clause),
    }


def _clause_form(one: Clause) -> dict[str, Any]:
    value: Truth = one.value
    return {
        "kind": one.kind,
        "condition": one.words,
        "value": "unknown" if value is None else value,
        "seen": one.seen,
        "evidence": [{"source": jsonform.source(proof.source), "text": proof.text} for proof in one.evidence],
        "missing": list(one.missing),
        "clauses": [_clause_form(inside) for inside in one.clauses],
    }
