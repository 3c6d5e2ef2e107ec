"""Join attempts: from the *Previous Registration* block, from ``/join /debug``, and from User Device Registration events.

One failure leaves several records (331, 212, 307, 304); they are put together by correlation id and time. Event ids and
fields: Windows provider manifest of User Device Registration; phases: Microsoft Learn "Troubleshoot Microsoft Entra
hybrid joined devices".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from troubleshoot import codes, times
from troubleshoot.eventfacts import code, debug_block, server_answer, value
from troubleshoot.model import Attempt, Capture, Event, Source

PROVIDER = "microsoft-windows-user device registration"
SUCCESS = frozenset({306, 335})  # registered now; "already joined" of the pre-check
# The record that tells the phase where the attempt stopped, earliest phase first.
PHASE_OF: Mapping[int, str] = {
    334: "precheck",
    309: "discover",
    307: "discover",
    305: "auth",
    204: "join",
    304: "join",
}
_FAILURES = frozenset({200, 201, 202, 203, 204, 205, 206, 304, 305, 307, 309, 334})
_COMPANIONS = frozenset({101, 102, 103, 104, 105, 106, 212, 219, 220, 221, 331, 332, 336, 337, 340, 341, 344, 345})
IDS = _FAILURES | _COMPANIONS | SUCCESS
_GAP = timedelta(seconds=90)
_MAIN = (304, 305, 307, 309, 204, 202, 203, 205, 206, 201, 200)
_BLOCK = (
    ("registration", "RegistrationType"),
    ("server_code", "ServerErrorCode"),
    ("server_subcode", "ServerErrorSubCode"),
    ("operation", "ServerOperation"),
    ("message", "ServerMessage"),
    ("http_status", "HttpsStatus"),
    ("request_id", "RequestId"),
)
_TESTS = ("DRSDiscoveryTest", "DRSConnectivityTest", "ADConfigurationTest", "ADConnectivityTest", "KerberosTicketTest", "TokenAcquisitionTest")
_FROM_BLOCK = frozenset({"code", "phase", "suberror", *(name for name, _ in _BLOCK)})
_PHASES: Mapping[str, str] = {"pre-check": "precheck", "precheck": "precheck", "discover": "discover", "discovery": "discover", "auth": "auth", "authentication": "auth", "join": "join"}


def phase_word(text: str | None) -> str | None:
    """A phase as rules name it, from the spelling dsregcmd or a debug block prints; None for anything else."""
    return _PHASES.get(text.strip().casefold()) if text else None


def from_capture(capture: Capture) -> Iterator[Attempt]:
    """The failed join attempt a capture tells of, and the success its device certificate shows."""
    named = capture.named
    validity = named.get("DeviceCertificateValidity")
    if validity is not None:
        issued = times.issued(validity.text)
        if issued is not None:
            source = Source(capture.source.path, validity.line)
            yield Attempt("join", issued, None, "succeeded", sources=(source,))
    main = named.get("ClientErrorCode")
    server = named.get("ServerErrorCode")
    main_code = codes.normalise(main.text) if main and main.value else None
    if main_code is None or codes.is_success(main_code):
        main_code = None
    if main_code is None and (server is None or not server.value):
        message = named.get("ServerMessage")
        status = named.get("HttpsStatus")
        told = named.get("ErrorPhase") or (message if message and not named.get("AzureAdJoined") else None)
        if told is None or not told.value or (status is not None and status.text.startswith("2")):
            return
    path = capture.source.path
    proof: dict[str, Source] = {}
    texts: dict[str, str] = {}
    for name, field_name in _BLOCK:
        field = named.get(field_name)
        if field is not None and field.value:
            texts[name] = field.text
            proof[name] = Source(path, field.line)
    if main is not None:
        proof["code"] = Source(path, main.line)
    phase = named.get("ErrorPhase")
    if phase is not None:
        proof["phase"] = Source(path, phase.line)
    if "message" in texts:
        answer = server_answer(texts["message"])
        for name in ("server_code", "server_subcode", "operation"):
            if name not in texts and name in answer:
                texts[name], proof[name] = answer[name], proof["message"]
    suberror = _suberror(capture, main_code, proof)
    when = named.get("PreviousRegistration")
    account = named.get("ExecutingAccountName")
    found = [main_code] if main_code else []
    found += [one for one in codes.find(texts.get("message", "")) if one not in found]
    yield Attempt(
        flow="join",
        time=times.parse(when.text) if when else None,
        phase=phase_word(phase.text) if phase else None,
        outcome="failed",
        codes=tuple(found),
        suberror=suberror,
        server_code=texts.get("server_code"),
        server_subcode=texts.get("server_subcode"),
        operation=texts.get("operation"),
        message=texts.get("message"),
        registration=texts.get("registration", "").casefold() or None,
        http_status=texts.get("http_status"),
        request_id=texts.get("request_id"),
        account="system" if account and account.text.partition(",")[0].strip().endswith("$") else None,
        sources=tuple(dict.fromkeys(proof.values())),
        printed=_FROM_BLOCK,
        proof=proof,
    )


def _suberror(capture: Capture, main: str | None, proof: dict[str, Source]) -> str | None:
    """The code behind the main one, from the diagnostic test that failed with it, else from the first that failed."""
    behind = None
    for name in _TESTS:
        field = capture.named.get(name)
        if field is None or not field.text.upper().startswith("FAIL"):
            continue
        first, second = codes.pair(field.text)
        if first == main and second:
            proof["suberror"] = Source(capture.source.path, field.line)
            return second
        if behind is None and main is not None and (second or first) not in (None, main):
            behind = second or first
            proof["suberror"] = Source(capture.source.path, field.line)
    return behind


def from_debug(capture: Capture) -> Iterator[Attempt]:
    """The attempt that a ``/join /debug`` run tells of; "do not join" of a joined device is none."""
    named = capture.named

    def text(name: str) -> str:
        field = named.get(name)
        return field.text.casefold() if field is not None and field.value else ""

    path = capture.source.path
    failed = named.get("DiscoverFailedCode")
    if failed is not None:
        found = codes.normalise(failed.text)
        source = Source(path, failed.line)
        yield Attempt("join", capture.time, "discover", "failed", (found,) if found else (), account="system", sources=(source,), printed=frozenset({"code", "phase"}), proof={"code": source, "phase": source})
        return
    unreachable = named.get("IsDcAvailable")
    if unreachable is None or unreachable.text.casefold() != "no" or text("IsJoined") == "yes":
        return
    proof = {"phase": Source(path, unreachable.line)}
    locator = named.get("DsGetDcName")
    found = codes.normalise(locator.text) if locator is not None else None
    if locator is not None:
        proof["code"] = Source(path, locator.line)
    account = "system" if text("IsSystem") == "yes" else None
    yield Attempt("join", capture.time, "precheck", "failed", (found,) if found else (), account=account, sources=tuple(proof.values()), printed=frozenset({"code", "phase"}), proof=proof)


def from_events(events: Iterable[Event]) -> Iterator[Attempt]:
    """Attempts from User Device Registration records, which may come in any order."""
    ours = [event for event in events if event.provider.casefold() == PROVIDER and event.id in IDS]
    ours.sort(key=lambda event: (times.order(event.time), event.record or 0, event.source))
    group: list[Event] = []
    for event in ours:
        if group and not _together(group, event):
            yield from _attempts_of(group)
            group = []
        group.append(event)
    if group:
        yield from _attempts_of(group)


def _together(group: list[Event], event: Event) -> bool:
    last = group[-1]
    if last.id in SUCCESS or event.id in SUCCESS or last.id == 304:
        # 304 closes an attempt; what the same call logged with it stands within the second, under its own id.
        return False
    if event.id in (331, 332) and any(one.id in _FAILURES for one in group):
        return False
    if any(one.id == event.id and one.id in (304, 305, 307) for one in group):
        return False
    if last.time is None or event.time is None or (last.time.tzinfo is None) != (event.time.tzinfo is None):
        return last.time is None and event.time is None and last.source.path == event.source.path
    return event.time - last.time <= _GAP


def _attempts_of(group: list[Event]) -> Iterator[Attempt]:
    by_id = {event.id: event for event in group}
    success = next((by_id[number] for number in SUCCESS if number in by_id), None)
    if success is not None:
        yield Attempt("join", success.time, None, "succeeded", sources=(success.source,), events=tuple(group), correlation_id=success.activity)
        return
    pre = debug_block(by_id[331].data.get("DebugOutput")) if 331 in by_id else {}
    if not any(event.id in _FAILURES for event in group):
        no_dc = pre.get("isdcavailable", "").casefold() == "no" and pre.get("isjoined", "").casefold() != "yes"
        if not no_dc:
            return
    debug = debug_block(by_id[304].data.get("DebugOutput")) if 304 in by_id else {}
    phase = phase_word(debug.get("errorphase")) or next((PHASE_OF[one] for one in PHASE_OF if one in by_id), None)
    if 305 in by_id and 304 in by_id and phase == "join":
        # Federated sign-in failed, and so did the fallback to sync join: two failures, each with its own cause.
        auth = [event for event in group if event.id in (305, 331, 332)]
        yield _failed(auth, "auth", {}, pre)
        group = [event for event in group if event.id != 305]
        by_id.pop(305)
    if phase is None:
        phase = "precheck" if pre.get("isdcavailable", "").casefold() == "no" else "discover" if {200, 201} & by_id.keys() else "join"
    yield _failed(group, phase, debug, pre)


def _failed(group: list[Event], phase: str, debug: Mapping[str, str], pre: Mapping[str, str]) -> Attempt:
    by_id = {event.id: event for event in group}
    proof: dict[str, Source] = {}
    found: list[str] = []
    for number in _MAIN:
        if number in by_id:
            one = code(by_id[number], "ExitCode")
            if one and one not in found:
                found.append(one)
                proof.setdefault("code", by_id[number].source)
    suberror = found.pop() if len(found) > 1 and found[-1] != found[0] else None
    if suberror is None:
        adal = codes.normalise(debug.get("adalresponsecode", ""))
        suberror = adal if adal and not codes.is_success(adal) else None
    if suberror is None and 220 in by_id:
        suberror = code(by_id[220], "ErrorCode")
    main = by_id.get(304) or by_id.get(305) or by_id.get(204) or by_id.get(201)
    raw = next((text for text in (value(by_id[number], *names) for number, names in _MESSAGES if number in by_id) if text), None)
    answer = server_answer(raw)
    message = answer.get("message", raw)
    for one in codes.find(raw or ""):
        if one not in found:
            found.append(one)
    when: datetime | None = max((event.time for event in group if event.time is not None), key=times.order, default=None)
    last = main or group[-1]
    proof.setdefault("phase", last.source)
    if raw:
        proof["message"] = proof["server_code"] = last.source
    tenant_type = next((word for word in (value(event, "TenantType") for event in group) if word), None) or debug.get("tenanttype")
    registration = value(last, "JoinType") or debug.get("registrationtype")
    printed = {"code", "phase", "suberror"}
    if main is not None:
        printed |= {"message", "server_code", "server_subcode", "operation"}
    if 304 in by_id or 305 in by_id:
        printed |= {"tenant_type", "registration"}
    status = next((value(by_id[number], "HttpStatus") for number in (204, 201) if number in by_id), None)
    return Attempt(
        flow="join",
        time=when,
        phase=phase,
        outcome="failed",
        codes=tuple(found),
        suberror=suberror,
        server_code=answer.get("server_code"),
        server_subcode=answer.get("server_subcode"),
        operation=answer.get("operation"),
        message=message,
        registration=registration.casefold() if registration else None,
        tenant_type=tenant_type.casefold() if tenant_type else None,
        http_status=status,
        account="system" if pre.get("issystem", "").casefold() == "yes" or last.user == "S-1-5-18" else None,
        request_id=answer.get("request_id"),
        correlation_id=next((event.activity for event in group if event.activity), None),
        sources=tuple(event.source for event in group if event.id in _FAILURES) or tuple(event.source for event in group),
        events=tuple(group),
        printed=frozenset(printed),
        proof=proof,
    )


_MESSAGES: tuple[tuple[int, tuple[str, ...]], ...] = (
    (304, ("ServerErrorMessage",)),
    (305, ("ServerErrorMessage",)),
    (204, ("ServerResponse", "ServerMessage")),
    (201, ("ServerMessage",)),
)
