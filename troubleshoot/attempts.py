"""Attempts of every flow, rebuilt from all sources: joined, folded, put in order, and which of them still stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from troubleshoot import enrolattempts, helloattempts, joinattempts, times, tokenattempts
from troubleshoot.accounts import same_account
from troubleshoot.model import Attempt, Capture, Event, LogLine

_SAME = timedelta(minutes=5)
PHASE_RANK: Mapping[str, int] = {"precheck": 0, "discover": 1, "auth": 2, "join": 3}

WANTED: Mapping[str, frozenset[int]] = {
    joinattempts.PROVIDER: joinattempts.IDS | helloattempts.WANTED[joinattempts.PROVIDER],
    helloattempts.HELLO: helloattempts.WANTED[helloattempts.HELLO],
    **dict.fromkeys(sorted(tokenattempts.PROVIDERS), tokenattempts.IDS),
    enrolattempts.MDM: enrolattempts.MDM_IDS,
    **dict.fromkeys(enrolattempts.WORKPLACE, enrolattempts.WORKPLACE_IDS),
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
        found += enrolattempts.from_events(events)
        found += helloattempts.from_events(events)
    if log_lines:
        found += enrolattempts.from_lines(log_lines)
    if len(found) > 1:
        found = _merged(found)
        found.sort(key=_newest, reverse=True)
        found = _folded(found)
    return tuple(found)


def _newest(attempt: Attempt) -> tuple[object, ...]:
    sources = tuple((source.path, source.line or 0, source.record or 0) for source in attempt.sources[:4])
    return (times.order(attempt.time), attempt.flow, attempt.outcome, attempt.codes, sources)


# ------------------------------------------------------------------------------------------ joining, folding


def _merged(found: list[Attempt]) -> list[Attempt]:
    """Put together what several captures and the logs tell of the same attempt."""
    logged = sorted((one for one in found if one.events), key=_newest)
    printed = _once([one for one in found if not one.events])
    used: set[int] = set()
    out = []
    for one in printed:
        place = _place_of(one, logged, used) if one.outcome == "failed" else None
        if place is None:
            out.append(one)
        else:
            used.add(place)
            out.append(_join(one, logged[place]))
    out += [one for i, one in enumerate(logged) if i not in used]
    return out


def _once(printed: list[Attempt]) -> list[Attempt]:
    """Each printed attempt once: a later capture repeats the block of an earlier one, word for word or with more."""
    out: dict[tuple[object, ...], Attempt] = {}
    for one in sorted(printed, key=_newest, reverse=True):
        # What has no time is told apart by where it stands; blocks of two files may be of two devices' runs.
        place = None if one.time is not None else one.sources
        key = (one.flow, one.outcome, one.time, one.codes[:1], one.phase, one.user, place)
        known = out.get(key)
        out[key] = one if known is None else _join(known, one)
    return list(out.values())


def _place_of(one: Attempt, logged: list[Attempt], used: set[int]) -> int | None:
    """The logged attempt that ``one`` tells of: by request or correlation id, else the nearest like it in time."""
    nearest: tuple[timedelta, int] | None = None
    for i, other in enumerate(logged):
        if other.flow != one.flow or other.outcome != "failed" or i in used:
            continue
        if _same_id(one, other):
            return i
        apart = _apart(one, other)
        if apart is not None and (nearest is None or apart < nearest[0]):
            nearest = (apart, i)
    return nearest[1] if nearest else None


def _same_id(left: Attempt, right: Attempt) -> bool:
    ids = {one for one in (left.request_id, left.correlation_id) if one}
    return bool(ids & {right.request_id, right.correlation_id})


def _apart(left: Attempt, right: Attempt) -> timedelta | None:
    """How far two like attempts are apart; None where they cannot be the same one."""
    if left.time is None and right.time is None:
        return timedelta() if _beside(left, right) else None
    if left.time is None or right.time is None or left.time.tzinfo is None or right.time.tzinfo is None:
        return None
    if left.codes and right.codes and left.codes[0] != right.codes[0] and not _every_code(left) & _every_code(right):
        return None
    if left.phase != right.phase and left.phase is not None and joinattempts.tells_phase(right):
        return None
    if left.flow != "join" and left.correlation_id and right.correlation_id:
        return None  # both name their request, and not the same one
    if left.user and right.user and not same_account(left.user, right.user):
        return None
    apart = abs(left.time - right.time)
    return apart if apart <= _SAME else None


def _every_code(attempt: Attempt) -> set[str]:
    """All codes of an attempt: one source prints the status first, another only the answer behind it."""
    return {one for one in (*attempt.codes, attempt.suberror, attempt.http_error) if one}


def _beside(left: Attempt, right: Attempt) -> bool:
    """Do two undated reports of one file tell of one failure? Then one of them holds the code that the other lacks."""
    if left.phase != right.phase or bool(left.codes) == bool(right.codes):
        return False
    return bool({source.path for source in left.sources} & {source.path for source in right.sources})


_EITHER = (
    *("phase", "suberror", "server_code", "server_subcode", "operation", "message", "registration", "tenant_type"),
    *("http_status", "http_error", "endpoint", "user", "account", "request_id", "correlation_id"),
)


def _join(first: Attempt, second: Attempt) -> Attempt:
    """One attempt with everything both tell; the word of the first comes first."""
    both = {name: getattr(first, name) or getattr(second, name) for name in _EITHER}
    return first._replace(
        time=first.time or second.time,
        codes=tuple(dict.fromkeys((*first.codes, *second.codes))),
        sources=tuple(dict.fromkeys((*first.sources, *second.sources))),
        events=first.events or second.events,
        printed=first.printed | second.printed,
        proof={**second.proof, **first.proof},
        **both,
    )


def _folded(found: list[Attempt]) -> list[Attempt]:
    """Like failures without a success between them become the newest of them, which counts the others."""
    out: list[Attempt] = []
    counts: list[int] = []
    since: list[datetime | None] = []
    at: dict[tuple[object, ...], int] = {}
    runs: dict[str, int] = {}  # flow -> successes met so far: no run of failures goes past one
    for one in found:
        place = None
        if one.outcome == "failed":
            zone = None if one.time is None else one.time.tzinfo is not None
            key = (
                *(one.flow, runs.get(one.flow, 0), zone, one.phase, one.codes, one.suberror),
                *(one.server_code, one.server_subcode, one.operation, one.user),
            )
            place = at.setdefault(key, len(out))
        else:
            runs[one.flow] = runs.get(one.flow, 0) + 1
        if place is None or place == len(out):
            out.append(one)
            counts.append(1)
            since.append(one.time if one.outcome == "failed" else None)
        else:
            counts[place] += 1
            since[place] = one.time
    return [
        one._replace(repeats=count, since=first) if count > 1 or first is not None else one
        for one, count, first in zip(out, counts, since, strict=True)
    ]


# ---------------------------------------------------------------------------------------------- what still counts


class _Owners:
    """Which attempts of one flow have the same owner. An unknown one is the only known one, where there is one only."""

    def __init__(self, attempts: Iterable[Attempt]) -> None:
        self._known: dict[str, list[str]] = {}
        for one in attempts:
            if one.user:
                names = self._known.setdefault(one.flow, [])
                if not any(same_account(one.user, name) for name in names):
                    names.append(one.user)

    def of(self, attempt: Attempt) -> tuple[str, str | None]:
        names = self._known.get(attempt.flow, [])
        if attempt.user:
            return attempt.flow, next(name for name in names if same_account(attempt.user, name))
        return attempt.flow, names[0] if len(names) == 1 else None


def standing(attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
    """The failed attempts that nothing settles, newest first.

    Per flow and owner: the newest, and each older one that got to a later phase than all newer ones. Reaching a phase
    proves the ones before it; failing earlier proves nothing about later ones. A sync join as a fallback signs nobody
    in, so it proves nothing about the phase ``auth``. An unknown phase, time or zone settles nothing and is not
    settled.
    """
    failed = [one for one in attempts if one.outcome == "failed"]
    if len(failed) < 2:
        return tuple(failed)
    owners = _Owners(failed)
    reached: dict[tuple[str, str | None], int] = {}
    without_fallbacks: dict[tuple[str, str | None], int] = {}
    out = []
    for one in failed:
        if one.time is None or one.time.tzinfo is None or one.phase is None:
            out.append(one)
            continue
        rank = PHASE_RANK.get(one.phase, 0)
        key = owners.of(one)
        newer = without_fallbacks if one.phase == "auth" else reached
        if rank > newer.get(key, -1):
            out.append(one)
        reached[key] = max(rank, reached.get(key, -1))
        if not (one.registration or "").startswith("fallback"):
            without_fallbacks[key] = max(rank, without_fallbacks.get(key, -1))
    return tuple(out)


def failures_since_success(attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
    """Failed attempts that no later success of the same flow and owner followed, newest first.

    One without a time or zone is kept: nothing tells that it was before.
    """
    owners = _Owners(attempts)
    newest: dict[tuple[str, str | None], datetime] = {}
    for one in attempts:
        if one.outcome == "succeeded" and one.time is not None and one.time.tzinfo is not None:
            key = owners.of(one)
            newest[key] = max(one.time, newest.get(key, one.time))
    return tuple(
        one for one in attempts if one.outcome == "failed" and not times.after(newest.get(owners.of(one)), one.time)
    )
