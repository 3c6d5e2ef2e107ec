"""What the evidence shows of one leaf of a condition, whatever its value: what was found, where, or why nothing was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from troubleshoot import proving, times
from troubleshoot.case import event_text
from troubleshoot.match import Context, Evaluator
from troubleshoot.model import Attempt, Capture, LogSpan, Proof, Source

Seen: TypeAlias = tuple[str | None, tuple[Proof, ...]]
_MOST = 5


def seen(evaluator: Evaluator, number: int, context: Context) -> Seen:
    """What was found of the leaf, in a phrase, and the lines or records that show it (at most five)."""
    node = evaluator.nodes[number]
    said, proofs = _LEAVES[node[0]](evaluator, number, context)
    if evaluator.value(number, context) is True and node[0] in ("event", "log"):
        proofs = (
            tuple(proof for proof, _ in proving.proofs(evaluator, (number,), context)) or proofs
        )  # the one that fits
    return said, proofs[:_MOST]


def _dsreg(evaluator: Evaluator, number: int, context: Context) -> Seen:
    node = evaluator.nodes[number]
    answer = evaluator.answer(node[1], context.user)
    captures = evaluator.case.captures
    if isinstance(answer, tuple):
        capture, field = answer
        said = f"its value is {_ABSENCE.get(field.absence, field.absence)}" if field.absence else None
        return said, (Proof(Source(capture.source.path, field.line), f"{field.label} : {field.text}"),)
    if answer is False:
        return "not printed, though its section was read to the end", tuple(_of_captures(captures[:1]))
    if not captures:
        return "no dsregcmd output was collected", ()
    printed = [(one, one.named[node[1]]) for one in captures if node[1] in one.named]
    proofs = tuple(
        Proof(Source(one.source.path, field.line), f"{field.label} : {field.text}") for one, field in printed
    )
    if printed:
        return "printed, but that capture cannot answer for it: another session, or a test that did not run", proofs
    return "no capture that could answer prints it", tuple(_of_captures(captures))


_ABSENCE = {
    "empty": "empty",
    "masked": "masked, so it says nothing",
    "cut": "cut off, so it says nothing",
    "skipped": "that the test was skipped",
    "not-run": "that the test did not run",
}


def _of_captures(captures: tuple[Capture, ...]) -> Iterator[Proof]:
    for one in captures:
        who = (one.account.name or one.account.kind) if one.account else "account not told"
        rights = {True: ", elevated", False: ", not elevated", None: ""}[one.elevated]
        yield Proof(one.source, f"{one.kind} of {times.iso(one.time) or 'no known time'}, {who}{rights}")


def _attempt(evaluator: Evaluator, number: int, context: Context) -> Seen:
    node = evaluator.nodes[number]
    _, flow, name, _ = node
    if context.any_attempt:
        mine = [one for one in evaluator.case.attempts if one.flow == flow]
    else:
        chosen = context.attempts.get(flow)
        mine = [chosen] if chosen is not None else []
    if not mine:
        return f"no failed attempt ({flow}) that still stands is known", ()
    said = "; ".join(dict.fromkeys(_property(one, name) for one in mine[:_MOST]))
    proofs = (_source(one, name) for one in mine)
    return said, tuple(Proof(at, evaluator.case.line_text(at)) for at in proofs if at is not None)


def _property(attempt: Attempt, name: str) -> str:
    when = times.iso(attempt.time) or "no known time"
    if name == "flow":
        return f"the attempt of {when}"
    if name == "code":
        return f"its codes: {', '.join(attempt.codes) or 'none'}"
    if name == "event":
        ids = sorted({one.id for one in attempt.events})
        return f"its records: {', '.join(map(str, ids)) or 'none'}"
    if name == "repeated_for":
        return f"{attempt.repeats} like attempts since {times.iso(attempt.since) or when}"
    value = getattr(attempt, name)
    if value is not None:
        return f"its {name.replace('_', ' ')}: {value}"
    told = "has none" if name in attempt.printed else "comes from a source that does not tell it"
    return f"its {name.replace('_', ' ')}: the attempt {told}"


def _source(attempt: Attempt, name: str) -> Source | None:
    return attempt.proof.get(name) or attempt.proof.get("code") or (attempt.sources[0] if attempt.sources else None)


def _event(evaluator: Evaluator, number: int, context: Context) -> Seen:
    node = evaluator.nodes[number]
    provider = evaluator.ruleset.vocabulary["providers"][node[1]]
    flow = provider.get("flow")
    free = node[5] or not flow or context.any_attempt
    attempt = None if free else context.attempts.get(flow)
    if free or attempt is not None:
        found = tuple(evaluator.events(node[1], node[2], attempt))
        if found:
            several = f"{len(found)} such records" if len(found) > 1 else "one such record"
            return several, tuple(Proof(one.source, event_text(one)) for one in found)
    spans = evaluator.case.spans.get(str(provider["channel"]).casefold(), ())
    if not spans:
        return "that log was not collected", ()
    whole = evaluator.value(number, context) is False
    said = "the log was read: no such record" if whole else "no such record, but the log does not tell of that time"
    return said, tuple(Proof(one.source, _reach(one)) for one in spans)


def _reach(span: LogSpan) -> str:
    lost = f", {span.lost} lost" if span.lost else ""
    reach = f", {times.iso(span.first)} to {times.iso(span.last)}" if span.first and span.last else ""
    return f"{span.channel or 'log'}: {span.records} records{reach}{lost}"


def _registry(evaluator: Evaluator, number: int, context: Context) -> Seen:
    node = evaluator.nodes[number]
    keys = evaluator.case.keys
    if not keys:
        return "no registry export was collected", ()
    wanted = str(node[1]).upper().rstrip("\\")
    values = keys.get(wanted)
    while values is None and "\\" in wanted:
        wanted = wanted.rpartition("\\")[0]
        values = tuple(one for one in keys.get(wanted, ()) if one.type == "absent" and not one.name) or None
    if not values:
        return "no export holds the key, or says that it is not there", ()
    if values[0].type == "absent":
        return "the key is not there", tuple(Proof(one.source, f"{one.key}: not there") for one in values)
    mine = tuple(one for one in values if node[2] is None or one.name.casefold() == str(node[2]).casefold())
    said = None if mine else f"the key has no value {node[2]}"
    return said, tuple(Proof(one.source, f"{one.key}: {one.name} = {one.value}") for one in mine or values[:1])


def _fact(evaluator: Evaluator, number: int, context: Context) -> Seen:
    node = evaluator.nodes[number]
    found = evaluator.newest_facts(node[1], context.user)
    if not found:
        return "nothing that was collected tells it", ()
    said = " and ".join(dict.fromkeys(f"{node[1]} is {one.value}" for one in found))
    text = (one.text or evaluator.case.line_text(one.source) or f"{one.name}: {one.value}" for one in found)
    return said, tuple(Proof(one.source, line) for one, line in zip(found, text, strict=True))


def _log(evaluator: Evaluator, number: int, context: Context) -> Seen:
    node = evaluator.nodes[number]
    lines = evaluator.case.by_component.get(str(node[1]).casefold(), ())
    if not lines:
        return "no line of that log was collected", ()
    return f"{len(lines)} lines of it were read", (Proof(lines[-1].source, lines[-1].text),)


def _capture(evaluator: Evaluator, number: int, context: Context) -> Seen:
    captures = evaluator.case.captures
    return (None, tuple(_of_captures(captures))) if captures else ("no dsregcmd output was collected", ())


_LEAVES: Mapping[str, Callable[[Evaluator, int, Context], Seen]] = {
    "dsreg": _dsreg,
    "attempt": _attempt,
    "event": _event,
    "registry": _registry,
    "fact": _fact,
    "log": _log,
    "capture": _capture,
}
