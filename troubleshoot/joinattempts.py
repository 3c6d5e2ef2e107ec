"""Join attempts: from the *Previous Registration* block, ``/join /debug``, and User Device Registration events.

One failure leaves several records (331, 212, 307, 304); they are put together by correlation id and time. Event ids and
fields: Windows provider manifest of User Device Registration; phases: Microsoft Learn "Troubleshoot Microsoft Entra
hybrid joined devices".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import NamedTuple

from troubleshoot import codes, times
from troubleshoot.eventfacts import by_time, code, debug_output, near, server_answer, value
from troubleshoot.model import Attempt, Capture, Event, Field, Source

PROVIDER = "microsoft-windows-user device registration"
SUCCESS = 306
# The record that tells the phase where the attempt stopped, earliest phase first. 335 (already joined) is no failure,
# and 201 of this provider is a failed discovery, while 201 of Workplace Join is a success.
PHASE_OF: Mapping[int, str] = {
    333: "precheck",
    334: "precheck",
    307: "discover",
    201: "discover",
    200: "discover",
    309: "discover",
    305: "auth",
    202: "join",
    203: "join",
    204: "join",
    205: "join",
    206: "join",
    304: "join",
}
_FAILURES = frozenset(PHASE_OF)
_CHECKS = frozenset({331, 332, 333, 334, 335})  # the pre-checks come first: a later one of these is a new run
_TRANSPORT = (226, 230, 231, 233, 235)
_COMPANIONS = frozenset({101, 102, 103, 104, 105, 106, 212, 219, 220, 221, 244, 245, 330, 336, 337, 340, 341, 344, 345})
_CLEARED = frozenset({110, 371})  # the registration was taken off the device
IDS = _FAILURES | _CHECKS | _COMPANIONS | _CLEARED | {*_TRANSPORT, SUCCESS}
_GAP = timedelta(seconds=90)
_SAME_CALL = timedelta(seconds=2)
_MAIN = (304, 305, 307, 309, 204, 202, 203, 205, 206, 201, 200)
_BLOCK: Mapping[str, str] = {
    "ClientErrorCode": "code",
    "ErrorPhase": "phase",
    "RegistrationType": "registration",
    "ServerErrorCode": "server_code",
    "ServerErrorSubCode": "server_subcode",
    "ServerOperation": "operation",
    "ServerMessage": "message",
    "HttpsStatus": "http_status",
    "RequestId": "request_id",
    "PreviousRegistration": "time",
    "ExecutingAccountName": "account",
}
_STARTS = frozenset({"PreviousRegistration", "RegistrationType", "ErrorPhase", "ClientErrorCode"})
# What a joined device prints of its last rename: an Https Status, a Request Id and a Server Message of its own.
_OTHER_BLOCK = frozenset({"LastHostNameUpdate", "HostNameUpdated", "DisplayNameUpdated", "OsVersionUpdated"})
_OF_BLOCKS = _OTHER_BLOCK.union(_BLOCK)
_TESTS: Mapping[str, str] = {
    "DRSDiscoveryTest": "discover",
    "DRSConnectivityTest": "discover",
    "ADConfigurationTest": "discover",
    "ADConnectivityTest": "precheck",
    "KerberosTicketTest": "auth",
    "TokenAcquisitionTest": "auth",
}
_FROM_BLOCK = frozenset({*_BLOCK.values(), "suberror"} - {"time", "account"})
_PHASES: Mapping[str, str] = {
    "pre-check": "precheck",
    "precheck": "precheck",
    "discover": "discover",
    "discovery": "discover",
    "auth": "auth",
    "authentication": "auth",
    "join": "join",
}


def phase_word(text: str | None) -> str | None:
    """A phase as rules name it, from the spelling dsregcmd or a debug block prints; None for anything else."""
    return _PHASES.get(text.strip().casefold()) if text else None


# ---------------------------------------------------------------------------------------------------- dsregcmd


def from_capture(capture: Capture) -> Iterator[Attempt]:
    """The failed join attempt a capture tells of, and the success its device certificate shows."""
    named = capture.named
    validity = named.get("DeviceCertificateValidity")
    if validity is not None:
        issued = times.issued(validity.text)
        if issued is not None:
            source = Source(capture.source.path, validity.line)
            yield Attempt("join", issued, None, "succeeded", sources=(source,))
    if "ClientErrorCode" in named or "ErrorPhase" in named or "ServerErrorCode" in named or "ServerMessage" in named:
        for block in _blocks(capture):
            failed = _of_block(capture, block)
            if failed is not None:
                yield failed


def _blocks(capture: Capture) -> Iterator[dict[str, Field]]:
    """The fields of each *Previous Registration* block by property; a pasted text may hold several without headers."""
    block: dict[str, Field] = {}
    other = False
    for field in [one for one in capture.fields if one.name in _OF_BLOCKS]:
        name = field.name
        if name in _OTHER_BLOCK:
            other = True
            continue
        property_ = _BLOCK[str(name)]
        if name in _STARTS:
            other = False
            if property_ in block:
                yield block
                block = {}
        if not other and field.value:
            block.setdefault(property_, field)
    yield block


def _of_block(capture: Capture, block: Mapping[str, Field]) -> Attempt | None:
    main = codes.normalise(block["code"].text) if "code" in block else None
    if codes.is_success(main):
        main = None
    if main is None and not block.keys() & {"code", "phase", "server_code"}:
        status = block.get("http_status")
        if "message" not in block or (status is not None and status.text.startswith("2")):
            return None
    if "code" in block and main is None and not block.keys() & {"phase", "server_code"}:
        return None  # it says success, or holds no code
    path = capture.source.path
    texts = {name: field.text for name, field in block.items()}
    proof = {name: Source(path, field.line) for name, field in block.items() if name not in ("time", "account")}
    answer = server_answer(texts.get("message"))
    for name in ("server_code", "server_subcode", "operation"):
        if name not in texts and name in answer:
            texts[name], proof[name] = answer[name], proof["message"]
    phase = phase_word(texts.get("phase"))
    behind = _suberror(capture, main, phase)
    if behind is not None:
        proof["suberror"] = Source(path, behind[1].line)
    found = [main] if main else []
    found += [one for one in codes.find(texts.get("message", "")) if one not in found and not codes.is_success(one)]
    runner = texts.get("account", "").partition(",")[0].strip()
    return Attempt(
        flow="join",
        time=times.parse(texts.get("time", "")),
        phase=phase,
        outcome="failed",
        codes=tuple(found),
        suberror=behind[0] if behind else None,
        server_code=texts.get("server_code"),
        server_subcode=texts.get("server_subcode"),
        operation=texts.get("operation"),
        message=texts.get("message"),
        registration=texts.get("registration", "").casefold() or None,
        http_status=texts.get("http_status"),
        request_id=texts.get("request_id", "").strip("{}").casefold() or None,
        account="system" if runner.endswith("$") else None,
        sources=tuple(dict.fromkeys(proof.values())),
        printed=_FROM_BLOCK.difference(_blanked(capture)),
        proof=proof,
    )


def _blanked(capture: Capture) -> set[str]:
    """The properties that were printed and blanked out afterwards: what they said is unknown."""
    names = {str(one.name) for one in capture.fields if one.absence == "masked"}
    return {_BLOCK.get(name, "suberror") for name in names if name in _BLOCK or name in _TESTS}


def _suberror(capture: Capture, main: str | None, phase: str | None) -> tuple[str, Field] | None:
    """The code behind the main one: of the diagnostic test that failed with it, else of one that tests its phase."""
    behind: tuple[str, Field] | None = None
    if main is None:
        return None
    for name, tested in _TESTS.items():
        field = capture.named.get(name)
        if field is None or not field.text.upper().startswith("FAIL"):
            continue
        first, second = codes.pair(field.text)
        if first == main and second:
            return second, field
        other = second or first
        if behind is None and other not in (None, main) and other is not None and phase in (tested, None):
            behind = (other, field)
    return behind


def from_debug(capture: Capture) -> Iterator[Attempt]:
    """The attempt that a ``/join /debug`` run tells of; "do not join" of a joined device is none."""
    fields = {name.casefold(): field for name, field in capture.named.items()}
    for field in capture.fields:
        fields.setdefault(field.label.casefold(), field)

    def says(name: str, word: str) -> bool:
        field = fields.get(name)
        return field is not None and field.text.strip().casefold() == word

    def source(field: Field) -> Source:
        return Source(capture.source.path, field.line)

    account = "system" if says("issystem", "yes") else None
    failed = fields.get("discoverfailedcode")
    proof: dict[str, Source] = {}
    if failed is not None and not codes.is_success(codes.normalise(failed.text)):
        phase, main = "discover", codes.normalise(failed.text)
        proof["phase"] = proof["code"] = source(failed)
    elif says("isjoined", "yes"):
        return  # "do not join" then means: already joined
    elif not says("isdcavailable", "no") and not (says("precheckresult", "donotjoin") and says("issystem", "no")):
        return
    else:
        phase, locator = "precheck", fields.get("dsgetdcname")
        main = codes.normalise(locator.text) if locator is not None else None
        proof["phase"] = source(fields["isdcavailable" if says("isdcavailable", "no") else "issystem"])
        if locator is not None:
            proof["code"] = source(locator)
    request = fields.get("clientrequestid")
    yield Attempt(
        flow="join",
        time=capture.time,
        phase=phase,
        outcome="failed",
        codes=(main,) if main else (),
        account=account,
        request_id=request.text.casefold() if request is not None and request.value else None,
        sources=tuple(dict.fromkeys(proof.values())),
        printed=frozenset({"code", "phase"}),
        proof=proof,
    )


# ------------------------------------------------------------------------------------------------------ events


def from_events(events: Iterable[Event]) -> Iterator[Attempt]:
    """Attempts from User Device Registration records, which may come in any order."""
    ours = [event for event in events if event.id in IDS and event.provider.casefold() == PROVIDER]
    # Exports that print whole seconds leave the order inside a run open; what comes last in a run is known.
    ours.sort(key=_in_a_run)
    group: list[Event] = []
    seen: set[int] = set()
    for event in ours:
        if group and not _together(group[-1], event, seen):
            yield from _attempts_of(group)
            group, seen = [], set()
        group.append(event)
        seen.add(event.id)
    if group:
        yield from _attempts_of(group)


def _in_a_run(event: Event) -> tuple[object, ...]:
    place = by_time(event)
    return (*place[:3], event.id not in _CHECKS, event.id in (304, SUCCESS), place)


def _together(last: Event, event: Event, seen: set[int]) -> bool:
    """Is ``event`` of the same run as the records so far (their ids: ``seen``)?"""
    if SUCCESS in seen or event.id == SUCCESS:
        return False
    if last.activity and event.activity and last.activity != event.activity:
        return False
    if 304 in seen:
        # 304 closes a run; what the same call logged may stand behind it, since records are written from buffers.
        behind = event.id not in seen and event.id not in _CHECKS and event.time is not None
        return behind and near(last, event, _SAME_CALL)
    if event.id in seen and event.id in (304, 305, 307, 331, 334):
        return False
    if event.id in (331, 332) and seen & _FAILURES:
        return False
    return near(last, event, _GAP)


def _attempts_of(group: list[Event]) -> Iterator[Attempt]:
    by_id = {event.id: event for event in group}
    success = by_id.get(SUCCESS)
    if success is not None:
        yield Attempt(
            flow="join",
            time=success.time,
            phase=None,
            outcome="succeeded",
            correlation_id=success.activity,
            sources=(success.source,),
            events=(success,),
        )
        return
    pre = debug_output(by_id[331]) if 331 in by_id else {}
    no_controller = pre.get("isdcavailable", "").casefold() == "no" and pre.get("isjoined", "").casefold() != "yes"
    if not no_controller and not by_id.keys() & _FAILURES:
        return
    debug = debug_output(by_id[304]) if 304 in by_id else {}
    phase = phase_word(debug.get("errorphase")) or next((PHASE_OF[one] for one in PHASE_OF if one in by_id), "precheck")
    if 305 in by_id and 304 in by_id and phase == "join":
        # Federated sign-in failed, and so did the fallback to sync join: two failures, each with its own cause.
        yield _Run([event for event in group if event.id in (305, 331, 332)], {}, pre).failed("auth")
        group = [event for event in group if event.id != 305]
    yield _Run(group, debug, pre).failed(phase)


def tells_phase(attempt: Attempt) -> bool:
    """Is the phase really told? A lone 304 without a debug block always says "join phase", wherever it stopped."""
    if attempt.phase is None:
        return False
    ids = {event.id for event in attempt.events}
    if 304 not in ids or ids & (_FAILURES - {304}):
        return True
    return any("errorphase" in debug_output(event) for event in attempt.events if event.id == 304)


class _Told(NamedTuple):
    """What the server said, and the record that holds it."""

    raw: str
    source: Source


_MESSAGES: tuple[tuple[int, tuple[str, ...]], ...] = (
    (304, ("ServerErrorMessage",)),
    (305, ("ServerErrorMessage",)),
    (204, ("ServerResponse", "ServerMessage")),
    (201, ("ServerMessage", "ServerResponse")),
)


class _Run:
    """The records of one failed run of the join, and their debug blocks."""

    def __init__(self, group: list[Event], debug: Mapping[str, str], pre: Mapping[str, str]) -> None:
        self.group = group
        self.by_id = {event.id: event for event in group}
        self.debug = debug
        self.pre = pre

    def _codes(self) -> tuple[list[str], str | None, Source | None]:
        """The main code and others, the code behind it, and the record of the main one."""
        found: dict[str, Source] = {}
        behind = None
        for number in _MAIN:
            event = self.by_id.get(number)
            one = code(event, "ExitCode") if event is not None else None
            if event is None or one is None or one in found:
                continue
            if found and number in (200, 201) and behind is None:
                behind = one
            else:
                found[one] = event.source
        return list(found), behind or self._behind(found), next(iter(found.values()), None)

    def _behind(self, found: Mapping[str, Source]) -> str | None:
        """The code behind the main one, from the token library, the network stack or the directory."""
        adal = codes.normalise(self.debug.get("adalresponsecode", ""))
        if adal is not None and adal not in found and not codes.is_success(adal):
            return adal
        for number in (*_TRANSPORT, 220):
            one = code(self.by_id[number], "ErrorCode") if number in self.by_id else None
            if one is not None and one not in found:
                # WinHTTP errors are printed as plain Win32 numbers; dsregcmd prints the same as HRESULT.
                small = one.startswith("0x0000") and number != 220
                return f"0x8007{one[6:]}" if small else one
        return None

    def _server(self) -> _Told | None:
        for number, names in _MESSAGES:
            if number in self.by_id:
                raw = value(self.by_id[number], *names)
                if raw is not None:
                    return _Told(raw, self.by_id[number].source)
        return None

    def failed(self, phase: str) -> Attempt:
        by_id, debug, group = self.by_id, self.debug, self.group
        main = next((by_id[one] for one in (304, 305, 204, 201) if one in by_id), None)
        found, suberror, code_source = self._codes()
        last = main or next((event for event in reversed(group) if event.id in _FAILURES), group[-1])
        proof = {"phase": last.source}
        if code_source is not None:
            proof["code"] = code_source
        told = self._server()
        answer = server_answer(told.raw if told else None)
        if told is not None:
            proof["message"] = proof["server_code"] = proof["server_subcode"] = proof["operation"] = told.source
            found += [one for one in codes.find(told.raw) if one not in found and not codes.is_success(one)]
        tenant_type = next((word for word in (value(event, "TenantType") for event in group) if word), None)
        tenant_type = tenant_type or debug.get("tenanttype")
        registration = value(last, "JoinType") or debug.get("registrationtype")
        exit_codes = [event for event in group if event.id in _FAILURES and value(event, "ExitCode")]
        printed = {"phase", "suberror"}
        if found or not exit_codes:  # an exit code printed as a sentence is a code nobody knows, not one that is absent
            printed.add("code")
        if main is not None:
            printed |= {"message", "server_code", "server_subcode", "operation"}
        if 304 in by_id or 305 in by_id:
            printed |= {"tenant_type", "registration"}
        status = next((value(by_id[number], "HttpStatus") for number in (204, 201) if number in by_id), None)
        if 204 in by_id or 201 in by_id:
            printed.add("http_status")
        by_system = self.pre.get("issystem", "").casefold() == "yes" or last.user == "S-1-5-18"
        return Attempt(
            flow="join",
            time=max((event.time for event in group if event.time is not None), default=None),
            phase=phase,
            outcome="failed",
            codes=tuple(found),
            suberror=suberror,
            server_code=answer.get("server_code"),
            server_subcode=answer.get("server_subcode"),
            operation=answer.get("operation"),
            message=answer.get("message", told.raw if told else None),
            registration=registration.casefold() if registration else None,
            tenant_type=tenant_type.casefold() if tenant_type else None,
            http_status=status,
            account="system" if by_system else None,
            request_id=answer.get("request_id", "").casefold() or None,
            correlation_id=next((event.activity for event in group if event.activity), None),
            sources=tuple(event.source for event in group if event.id in _FAILURES) or (last.source,),
            events=tuple(group),
            printed=frozenset(printed),
            proof=proof,
        )
