"""Attempts of every flow, rebuilt from all sources: joined, folded, put in order, and which of them still stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from troubleshoot import codes, joinattempts, times, tokenattempts
from troubleshoot.accounts import same_account
from troubleshoot.eventfacts import code, value
from troubleshoot.model import Attempt, Capture, Event, LogLine

_MDM = "microsoft-windows-devicemanagement-enterprise-diagnostics-provider"
_WORKPLACE = "microsoft-windows-workplace join"
_MDM_FAILED, _MDM_DONE, _MDM_FAULT = frozenset({71, 76}), frozenset({72, 75}), 52
_WORKPLACE_FAILED = frozenset({102, 103, 200})
_SAME = timedelta(minutes=5)
PHASE_RANK: Mapping[str, int] = {"precheck": 0, "discover": 1, "auth": 2, "join": 3}

WANTED: Mapping[str, frozenset[int]] = {
    joinattempts.PROVIDER: joinattempts.IDS,
    **{name: tokenattempts.IDS for name in tokenattempts.PROVIDERS},
    _MDM: _MDM_FAILED | _MDM_DONE | {_MDM_FAULT},
    _WORKPLACE: _WORKPLACE_FAILED | {201},
}
"""The records attempts are built from: provider in lower case -> event ids."""


def rebuild(captures: Sequence[Capture], events: Sequence[Event], log_lines: Sequence[LogLine]) -> tuple[Attempt, ...]:
    """All attempts, failed and succeeded, newest first; the order the evidence came in does not matter."""
    found: list[Attempt] = []
    for capture in captures:
        if capture.kind == "dsregcmd":
            found += joinattempts.from_capture(capture)
            found += tokenattempts.from_capture(capture)
        elif capture.kind == "join-debug":
            found += joinattempts.from_debug(capture)
    if events:
        found += joinattempts.from_events(events)
        found += tokenattempts.from_events(events)
        found += _mdm(events)
        found += _workplace(events)
    if log_lines:
        found += _from_lines(log_lines)
    if len(found) > 1:
        found = _merged(found)
        found.sort(key=_newest, reverse=True)
        found = _folded(found)
    return tuple(found)


def _newest(attempt: Attempt) -> tuple[object, ...]:
    return (times.order(attempt.time), attempt.flow, attempt.outcome, attempt.codes, attempt.sources)


# ------------------------------------------------------------------------------------------------ other flows


def _mdm(events: Iterable[Event]) -> Iterator[Attempt]:
    ours = sorted(
        (event for event in events if event.provider.casefold() == _MDM and event.id in WANTED[_MDM]),
        key=lambda event: (times.order(event.time), event.record or 0, event.source),
    )
    fault: Event | None = None
    for event in ours:
        if event.id == _MDM_FAULT:
            fault = event
        elif event.id in _MDM_DONE:
            yield Attempt("mdm", event.time, "mdm", "succeeded", sources=(event.source,), events=(event,))
        else:
            main = code(event, "HRESULT", "HexInt2", "Result")
            texts = [event.text or "", *event.data.values()]
            group: tuple[Event, ...] = (event,)
            if fault is not None:
                texts += [*fault.data.values(), fault.text or ""]
                group, fault = (fault, event), None
            message = " ".join(text for text in texts if text)
            found = [main] if main else []
            found += [one for one in codes.find(message) if one not in found and not codes.is_success(one)]
            proof = {"code": event.source, "message": group[0].source}
            yield Attempt(
                "mdm", event.time, "mdm", "failed", tuple(found), message=message or None, sources=tuple(one.source for one in group),
                events=group, printed=frozenset({"code", "phase", "message"}), proof=proof,
            )  # fmt: skip


def _workplace(events: Iterable[Event]) -> Iterator[Attempt]:
    for event in events:
        if event.provider.casefold() != _WORKPLACE:
            continue
        if event.id == 201:
            yield Attempt("registered", event.time, "registered", "succeeded", sources=(event.source,), events=(event,))
        elif event.id in _WORKPLACE_FAILED:
            main = code(event, "ExitCode")
            message = value(event, "ErrorMessage", "SoapResponse") or event.text
            found = [main] if main else []
            found += [one for one in codes.find(message or "") if one not in found]
            yield Attempt(
                "registered", event.time, "registered", "failed", tuple(found), message=message, http_status=value(event, "HttpStatus"),
                sources=(event.source,), events=(event,), printed=frozenset({"code", "phase", "message", "http_status"}),
                proof={"code": event.source, "message": event.source},
            )  # fmt: skip


def _from_lines(lines: Iterable[LogLine]) -> Iterator[Attempt]:
    """Failures that ConfigMgr's co-management and the Azure VM log-in extension print as text."""
    for line in lines:
        component = line.component.casefold()
        flow = "comanagement" if "comanagement" in component else "vm" if "aadlogin" in component else None
        if flow is None:
            continue
        found = [one for one in codes.find(line.text) if not codes.is_success(one)]
        folded = line.text.casefold()
        if not found or not any(word in folded for word in ("fail", "error", "exit code", "unable", "not succeed")):
            continue
        proof = {"code": line.source, "message": line.source}
        yield Attempt(
            flow, line.time, flow, "failed", tuple(found), message=line.text[:2000], sources=(line.source,),
            printed=frozenset({"code", "phase", "message"}), proof=proof,
        )  # fmt: skip


# ------------------------------------------------------------------------------------------ joining, folding


def _merged(found: list[Attempt]) -> list[Attempt]:
    """Put together what dsregcmd and the logs tell of the same failure."""
    printed = [one for one in found if one.outcome == "failed" and not one.events]
    logged = [one for one in found if one.outcome == "failed" and one.events]
    if not printed or not logged:
        return found
    out = [one for one in found if one.outcome != "failed"]
    used: set[int] = set()
    for one in printed:
        match = next((i for i, other in enumerate(logged) if i not in used and _same(one, other)), None)
        if match is None:
            out.append(one)
        else:
            used.add(match)
            out.append(_join(one, logged[match]))
    out += [one for i, one in enumerate(logged) if i not in used]
    return out


def _same(left: Attempt, right: Attempt) -> bool:
    if left.flow != right.flow:
        return False
    for name in ("request_id", "correlation_id"):
        mine, other = getattr(left, name), getattr(right, name)
        if mine and other:
            if mine.casefold() == other.casefold():
                return True
            if name == "correlation_id":
                return False
    if left.time is None or right.time is None or left.time.tzinfo is None or right.time.tzinfo is None:
        return False
    same_code = not left.codes or not right.codes or left.codes[0] == right.codes[0]
    same_phase = left.phase is None or right.phase is None or left.phase == right.phase
    return same_code and same_phase and abs(left.time - right.time) <= _SAME


def _join(first: Attempt, second: Attempt) -> Attempt:
    """One attempt with everything both tell; the capture's word comes first."""
    names = ("phase", "suberror", "server_code", "server_subcode", "operation", "message", "registration", "tenant_type")
    names += ("http_status", "http_error", "user", "account", "request_id", "correlation_id")
    both = {name: getattr(first, name) or getattr(second, name) for name in names}
    proof = {**second.proof, **first.proof}
    return replace(
        first,
        time=first.time or second.time,
        codes=tuple(dict.fromkeys((*first.codes, *second.codes))),
        sources=(*first.sources, *second.sources),
        events=second.events,
        printed=first.printed | second.printed,
        proof=proof,
        **both,
    )


def _folded(found: list[Attempt]) -> list[Attempt]:
    """Like failures without a success between them become the newest of them, which counts the others."""
    out: list[Attempt] = []
    at: dict[tuple[object, ...], int] = {}
    for one in found:
        if one.outcome != "failed" or one.time is None:
            if one.outcome == "succeeded":
                at = {key: place for key, place in at.items() if key[0] != one.flow}
            out.append(one)
            continue
        key = (one.flow, one.phase, one.codes, one.server_code, one.server_subcode, one.operation, one.user, one.time.tzinfo)
        place = at.get(key)
        if place is None:
            at[key] = len(out)
            out.append(replace(one, since=one.time))
        else:
            out[place] = replace(out[place], repeats=out[place].repeats + 1, since=one.time)
    return out


def standing(attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
    """The failed attempts that nothing settles, newest first.

    Per flow and owner: the newest, and each older one that got to a later phase than all newer ones. Reaching a phase
    proves the ones before it; failing earlier proves nothing about later ones. An unknown phase, time or zone settles
    nothing and is not settled.
    """
    reached: list[tuple[str, str | None, int]] = []
    out = []
    for one in attempts:
        if one.outcome != "failed":
            continue
        if one.time is None or one.time.tzinfo is None or one.phase is None:
            out.append(one)
            continue
        rank = PHASE_RANK.get(one.phase, 0)
        newer = [seen for flow, owner, seen in reached if flow == one.flow and _same_owner(owner, one.user)]
        if not newer or rank > max(newer):
            out.append(one)
        reached.append((one.flow, one.user, rank))
    return tuple(out)


def _same_owner(left: str | None, right: str | None) -> bool:
    return left is None or right is None or same_account(left, right)


def failures_since_success(attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
    """Failed attempts that no later success of the same flow and owner followed, newest first."""
    successes = [one for one in attempts if one.outcome == "succeeded"]
    return tuple(
        one
        for one in attempts
        if one.outcome == "failed"
        and not any(done.flow == one.flow and _same_owner(done.user, one.user) and times.after(done.time, one.time) for done in successes)
    )
