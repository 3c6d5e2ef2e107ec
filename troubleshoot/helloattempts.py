"""Attempts to provision Windows Hello for Business, from the logs of Hello and of User Device Registration.

One failed run writes several records with the same error, from the key's creation to the window that shows it: they are
one attempt. Event ids and fields: the manifests of HelloForBusiness and User Device Registration.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from troubleshoot import codes
from troubleshoot.eventfacts import by_time, code, near, owner, value
from troubleshoot.model import Attempt, Event, Source

HELLO = "microsoft-windows-helloforbusiness"
REGISTRATION = "microsoft-windows-user device registration"
_HELLO_FAILED = frozenset({7030, 7031, 7045, 7054, 7055, 7065, 7066, 7225, 7510, 7520, 7525, 7555})
_HELLO_DONE = frozenset({8055, 8510})
_KEY_FAILED = frozenset({301, 303, 310, 311, 315, 318, 320, 359})
_KEY_DONE = frozenset({300})
WANTED: Mapping[str, frozenset[int]] = {HELLO: _HELLO_FAILED | _HELLO_DONE, REGISTRATION: _KEY_FAILED | _KEY_DONE}
_GAP = timedelta(seconds=120)
_TOLD = frozenset({"code", "message"})


def from_events(events: Iterable[Event]) -> Iterator[Attempt]:
    """Failed and successful provisioning runs, from records in any order."""
    group: list[Event] = []
    for event in sorted((one for one in events if one.id in WANTED.get(one.provider.casefold(), ())), key=by_time):
        if event.id in _HELLO_DONE | _KEY_DONE:
            if group:
                yield _failure(group)
                group = []
            yield Attempt(
                "hello", event.time, "hello", "succeeded", user=owner(event), sources=(event.source,), events=(event,)
            )
            continue
        if group and not near(group[-1], event, _GAP):
            yield _failure(group)
            group = []
        group.append(event)
    if group:
        yield _failure(group)


def _failure(group: list[Event]) -> Attempt:
    """The attempt of one run: the first error is nearest to the cause."""
    found: list[str] = []
    proof: dict[str, Source] = {}
    messages: list[str] = []
    for event in group:
        told = [code(event, "ExitCode"), code(event, "ErrorCode"), code(event, "Error")]
        said = value(event, "ServerErrorMessage", "ServerResponse", "ResponseBody", "ErrorText")
        if said and said not in messages:
            messages.append(said)
            proof.setdefault("message", event.source)
        for one in (*told, *codes.find(said or "")):
            if one and one not in found and not codes.is_success(one):
                found.append(one)
                proof.setdefault("code", event.source)
    return Attempt(
        flow="hello",
        time=group[-1].time,
        phase="hello",
        outcome="failed",
        codes=tuple(found),
        message=" ".join(messages) or None,
        user=next((name for name in map(owner, group) if name), None),
        sources=tuple(event.source for event in group),
        events=tuple(group),
        printed=_TOLD,
        proof=proof,
    )
