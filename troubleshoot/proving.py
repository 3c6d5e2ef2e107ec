"""The evidence behind a condition that is true: which of its leaves show it, their lines and records, and what settles it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from troubleshoot import times
from troubleshoot.accounts import same_account
from troubleshoot.conditions import Node
from troubleshoot.match import Context, Evaluator
from troubleshoot.model import Proof, Source
from troubleshoot.valuetest import compile_test

Line: TypeAlias = tuple[Source, str | None, datetime | None]
"""Where a line or record stands, its text (None: to be looked up there), and its time."""


def shown(evaluator: Evaluator, number: int, context: Context) -> tuple[int, ...]:
    """The leaves that show why a node is true, in its order; none of one that is not."""
    if evaluator.value(number, context) is not True:
        return ()
    node = evaluator.nodes[number]
    if node[0] in ("all", "any"):
        return tuple([leaf for member in node[1] for leaf in shown(evaluator, member, context)])
    return (number,) if node[0] in _LINES else ()


def proofs(evaluator: Evaluator, leaves: Sequence[int], context: Context) -> Iterator[tuple[Proof, datetime | None]]:
    """The evidence behind leaves that are true (:func:`shown`): each line or record, and its time."""
    for number in leaves:
        for source, text, moment in _lines(evaluator, number, context):
            yield Proof(source, evaluator.case.line_text(source) if text is None else text), moment


def _lines(evaluator: Evaluator, number: int, context: Context) -> Iterator[Line]:
    node = evaluator.nodes[number]
    return _LINES[node[0]](evaluator, number, node, context)


def _dsreg(evaluator: Evaluator, number: int, node: Node, context: Context) -> Iterator[Line]:
    answer = evaluator.answer(node[1], context.user)
    if isinstance(answer, tuple):
        capture, field = answer
        yield Source(capture.source.path, field.line), f"{field.label} : {field.text}", capture.time


def _attempt(evaluator: Evaluator, number: int, node: Node, context: Context) -> Iterator[Line]:
    """The lines that tell of the attempt: its code, its message, and the property that was asked for."""
    attempt = context.attempts.get(node[1])
    if attempt is None:
        return
    if not attempt.proof:
        for source in attempt.sources:
            yield source, None, attempt.time
        return
    for key in dict.fromkeys(("code", "server_code", "message", "endpoint", node[2])):
        if key in attempt.proof:
            yield attempt.proof[key], None, attempt.time


def _event(evaluator: Evaluator, number: int, node: Node, context: Context) -> Iterator[Line]:
    flow = evaluator.ruleset.vocabulary["providers"][node[1]].get("flow")
    attempt = context.attempts.get(flow) if flow and not node[5] else None
    for event in evaluator.events(node[1], node[2], attempt):
        if evaluator.tests.fits(number)(event):
            yield event.source, None, event.time
            break


def _fact(evaluator: Evaluator, number: int, node: Node, context: Context) -> Iterator[Line]:
    for fact in evaluator.newest_facts(node[1], context.user):
        said = fact.text or evaluator.case.line_text(fact.source) or f"{fact.name}: {fact.value}"
        yield fact.source, said, fact.time


def _log(evaluator: Evaluator, number: int, node: Node, context: Context) -> Iterator[Line]:
    passes = compile_test(node[2])
    for line in reversed(evaluator.case.by_component.get(str(node[1]).casefold(), ())):
        if passes(line.text, evaluator.case.as_of):
            yield line.source, line.text, line.time
            break


def _registry(evaluator: Evaluator, number: int, node: Node, context: Context) -> Iterator[Line]:
    for value in evaluator.case.keys.get(str(node[1]).upper().rstrip("\\"), ()):
        if node[2] is None or value.name.casefold() == str(node[2]).casefold():
            yield value.source, f"{value.key}: {value.name} = {value.value}", None


_LINES: Mapping[str, Callable[[Evaluator, int, Node, Context], Iterator[Line]]] = {
    "dsreg": _dsreg,
    "attempt": _attempt,
    "event": _event,
    "fact": _fact,
    "log": _log,
    "registry": _registry,
}


# ----------------------------------------------------------------------------------------------------- what settles it


def settled_by(
    evaluator: Evaluator, number: int, context: Context, signals: Sequence[tuple[datetime, str | None]]
) -> datetime | None:
    """The time of a signal that is later than all evidence of a true node, or None.

    What an attempt or event told is dated by it. A field of a capture is a present fault, dated by the capture;
    one whose capture has no time is never settled.
    """
    if not signals:
        return None
    known, latest = _dated(evaluator, number, context)
    if not known or latest is None:
        return None
    for moment, user in signals:
        if times.after(moment, latest) and (user is None or context.user is None or same_account(user, context.user)):
            return moment
    return None


def _dated(evaluator: Evaluator, number: int, context: Context) -> tuple[bool, datetime | None]:
    """(every part of the evidence has a time or needs none, the latest of these times)."""
    node = evaluator.nodes[number]
    if evaluator.value(number, context) is not True or node[0] in ("not", "sign", "capture", "registry"):
        return True, None
    if node[0] == "fact":
        moments = [fact.time for fact in evaluator.newest_facts(node[1], context.user)]
        return True, _latest(moments) if all(one and one.tzinfo for one in moments) else None
    if node[0] in ("attempt", "event", "log"):
        moments = [moment for _, _, moment in _lines(evaluator, number, context)]
        moments = moments or [one.time for one in context.attempts.values() if one]
        return (bool(moments) and all(one and one.tzinfo for one in moments)), _latest(moments)
    if node[0] == "dsreg":
        moments = [moment for _, _, moment in _lines(evaluator, number, context)]
        return all(moment is not None for moment in moments), _latest(moments)
    true = [member for member in node[1] if evaluator.value(member, context) is True]
    parts = [(evaluator.nodes[member][0], _dated(evaluator, member, context)) for member in true]
    if node[0] == "all":
        dated = [part for kind, part in parts if kind not in ("dsreg", "fact") and part[1] is not None]
        if dated:  # the attempt dates the finding; states beside it only describe the device
            return all(known for known, _ in dated), _latest([moment for _, moment in dated])
    return all(known for _, (known, _) in parts), _latest([moment for _, (_, moment) in parts])


def _latest(moments: Sequence[datetime | None]) -> datetime | None:
    known = {moment for moment in moments if moment is not None}
    if len(known) < 2:
        return known.pop() if known else None
    return max(known, key=times.order)
