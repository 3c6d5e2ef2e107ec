"""Attempts to enrol or register by other ways: MDM, Workplace Join, co-management, the Azure VM extension, API traces.

Event ids and fields: the provider manifests of DeviceManagement-Enterprise-Diagnostics-Provider and Workplace Join; log
lines: Microsoft Learn on co-management enrolment and on signing in to Azure VMs with Microsoft Entra ID.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta

from troubleshoot import codes
from troubleshoot.eventfacts import by_time, code, near, owner, server_answer, value
from troubleshoot.model import Attempt, Event, LogLine, Source

MDM = "microsoft-windows-devicemanagement-enterprise-diagnostics-provider"
WORKPLACE = ("microsoft-windows-workplace join", "microsoft-workplace join")  # the second is Windows 7's
_MDM_FAILED, _MDM_DONE, _MDM_FAULT = frozenset({71, 76}), frozenset({72, 75}), 52
# Steps of an enrolment that failed before it did: the client's set-up, the tokens, the call itself. They hold the code
# behind that of the end, and tell of no failure alone.
_MDM_STEPS = frozenset({17, 53, 57, 78, 79, 81, 82})
_WORKPLACE_FAILED, _WORKPLACE_DONE = frozenset({102, 103, 200, 300, 400}), 201
MDM_IDS = _MDM_FAILED | _MDM_DONE | _MDM_STEPS | {_MDM_FAULT}
WORKPLACE_IDS = _WORKPLACE_FAILED | {_WORKPLACE_DONE}
_GAP = timedelta(seconds=60)
_FAILING = ("fail", "error", "exit code", "unable", "not succeed")
_EXIT_CODE = re.compile(r"exit code[^0-9+-]{0,12}([1-9]\d{0,3})(?![0-9A-Za-z])", re.IGNORECASE)
_HTTP_STATUS = re.compile(r"HTTP Status Code:\s*(\d{3})\b", re.IGNORECASE)
_LONGEST = 2000  # characters of a line that are kept as the message
_TOLD = frozenset({"code", "phase", "message"})


def from_events(events: Iterable[Event]) -> Iterator[Attempt]:
    """Attempts from MDM and Workplace Join records, which may come in any order."""
    mdm: list[Event] = []
    workplace: list[Event] = []
    for event in events:
        provider = event.provider.casefold()
        if provider == MDM and event.id in MDM_IDS:
            mdm.append(event)
        elif provider in WORKPLACE and event.id in WORKPLACE_IDS:
            workplace.append(event)
    for group in _groups(sorted(mdm, key=by_time)):
        yield from _mdm(group)
    for event in sorted(workplace, key=by_time):
        yield _workplace(event)


def _groups(events: list[Event]) -> Iterator[list[Event]]:
    """Records of one enrolment: its steps, the server's fault (52), the failure (71), that of the automatic attempt (76)."""
    group: list[Event] = []
    for event in events:
        if group and (
            group[-1].id in (*_MDM_DONE, 76)
            or event.id in _MDM_DONE
            or any(one.id == event.id for one in group)
            or not near(group[-1], event, _GAP)
        ):
            yield group
            group = []
        group.append(event)
    if group:
        yield group


def _mdm(group: list[Event]) -> Iterator[Attempt]:
    done = next((event for event in group if event.id in _MDM_DONE), None)
    if done is not None:
        yield Attempt("mdm", done.time, "mdm", "succeeded", sources=(done.source,), events=(done,))
        return
    failures = [event for event in reversed(group) if event.id in _MDM_FAILED]
    if not failures:
        return  # a fault the server told, of what nobody says failed
    found: list[str] = []
    parts: list[str] = []
    proof: dict[str, Source] = {"message": group[0].source}
    for event in failures:
        one = code(event, "HRESULT", "Result")
        if one and one not in found:
            found.append(one)
            proof.setdefault("code", event.source)
    for event in (*(event for event in group if event.id == _MDM_FAULT), *failures):
        told = [text for text in event.data.values() if text.strip()] or [event.text or ""]
        parts += [text for text in told if text not in parts]
    message = " ".join(part for part in parts if part)
    behind = [code(event, name) for event in group if event.id in _MDM_STEPS for name in ("HRESULT", "HexInt1")]
    found += [one for one in (*behind, *codes.find(message)) if one and one not in found and not codes.is_success(one)]
    yield Attempt(
        flow="mdm",
        time=failures[0].time,
        phase="mdm",
        outcome="failed",
        codes=tuple(found),
        message=message or None,
        sources=tuple(event.source for event in group),
        events=tuple(group),
        printed=_TOLD if found else _TOLD - {"code"},
        proof=proof,
    )


def _workplace(event: Event) -> Attempt:
    if event.id == _WORKPLACE_DONE:
        done = (event.source,)
        return Attempt(
            "registered", event.time, "registered", "succeeded", user=owner(event), sources=done, events=(event,)
        )
    main = code(event, "ExitCode")
    message = value(event, "ErrorMessage", "SoapResponse") or event.text
    found = [main] if main else []
    found += [one for one in codes.find(message or "") if one not in found and not codes.is_success(one)]
    return Attempt(
        flow="registered",
        time=event.time,
        phase="registered",
        outcome="failed",
        codes=tuple(found),
        message=message,
        http_status=value(event, "HttpStatus"),
        user=owner(event),
        sources=(event.source,),
        events=(event,),
        printed=_TOLD | {"http_status"},
        proof={"code": event.source, "message": event.source},
    )


# --------------------------------------------------------------------------------------------------- log lines


def from_lines(lines: Iterable[LogLine]) -> Iterator[Attempt]:
    """Failures that ConfigMgr's co-management, the Azure VM log-in extension and API traces print as text, with a code.

    Lines of one file that tell the same code within a minute are one attempt. What the VM's metadata service answered
    stands in lines of its own before them.
    """
    known: dict[tuple[str, str, str], LogLine] = {}
    answers: dict[str, _Answer] = {}
    for line in sorted(lines, key=lambda line: (line.source.path, line.source.line or 0)):
        flow = _flow_of(line)
        found = _codes_of(line) if flow else []
        if flow == "vm" and not found:
            answers.setdefault(line.source.path, _Answer()).read(line)
        if flow is None or not found:
            continue
        key = (flow, line.source.path, found[0])
        before = known.get(key)
        known[key] = line
        if before is not None and _same_minute(before, line):
            continue
        answer = answers.pop(line.source.path, None) if flow == "vm" else None
        told = answer.texts if answer is not None else {}
        proof = {"code": line.source, "message": line.source, **(answer.proof if answer is not None else {})}
        yield Attempt(
            flow=flow,
            time=line.time,
            phase=flow,  # BeginJoin is of the phase join
            outcome="failed",
            codes=tuple(found),
            server_code=told.get("server_code"),
            message=told.get("message", line.text[:_LONGEST]),
            http_status=told.get("http_status"),
            sources=tuple(dict.fromkeys((line.source, *proof.values()))),
            printed=_TOLD | told.keys() if flow != "join" else _TOLD - {"message"},
            proof=proof,
        )


class _Answer:
    """What a service answered, as the extension prints it: the status on one line, the JSON on another."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.proof: dict[str, Source] = {}

    def read(self, line: LogLine) -> None:
        """Take in a line, if it is one of these."""
        status = _HTTP_STATUS.search(line.text[:_LONGEST])
        said = server_answer(line.text[:_LONGEST]) if line.text.startswith("{") else {}
        if status:
            said = {"http_status": status[1]}
        for name, text in said.items():
            if name in ("server_code", "message", "http_status"):
                self.texts[name], self.proof[name] = text, line.source


def _flow_of(line: LogLine) -> str | None:
    folded = line.component.casefold()
    if "DeviceRegistrationApi::BeginJoin" in line.text:  # Microsoft prints this trace line beside event 202
        return "join"
    return "comanagement" if "comanagement" in folded else "vm" if "aadlogin" in folded else None


def _codes_of(line: LogLine) -> list[str]:
    """The codes of a line that says something failed; a small exit code as the words documents use for it."""
    folded = line.text.casefold()
    if not any(word in folded for word in _FAILING):
        return []
    # A full stop behind a decimal reads like a fraction, so that of the sentence goes first.
    found = [one for one in codes.find(line.text.rstrip(" .")) if not codes.is_success(one)]
    small = _EXIT_CODE.search(line.text) if not found else None
    return [f"exit code {small[1]}"] if small else found


def _same_minute(left: LogLine, right: LogLine) -> bool:
    if left.time is None or right.time is None:
        return left.time is right.time
    if (left.time.tzinfo is None) != (right.time.tzinfo is None):
        return False
    return abs(right.time - left.time) <= _GAP
