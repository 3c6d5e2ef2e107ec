"""Attempts to get tokens: the primary refresh token (Entra and AD FS), and what apps ask of the token broker.

From the diagnosis dsregcmd prints under SSO State, and from AAD/Operational and AAD/Analytic events. Event ids and their
meaning: Microsoft Learn "Troubleshoot primary refresh token issues on Windows devices"; fields: the provider's manifest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from troubleshoot import codes, times
from troubleshoot.eventfacts import code, value
from troubleshoot.model import Attempt, Capture, Event, Source

PROVIDERS = frozenset({"microsoft-windows-aad", "aad"})
START, STOP = 1006, 1007
# Each of these alone means that a token could not be had. 1098 is an app's request, kept as a flow of its own.
_FAILURES = frozenset({1025, 1081, 1082, 1084, 1085, 1086, 1088})
_ENTERPRISE = frozenset({1118})
_BROKER = frozenset({1098})
_COMPANIONS = frozenset({1018, 1022, 1089, 1097, 1104, 1144, 1160})
IDS = _FAILURES | _ENTERPRISE | _BROKER | _COMPANIONS | {START, STOP}
_NOT_JOINED = frozenset({"0xc00484b2", "0xc0048456"})  # what the plug-in says on a device that is not registered
_GAP = timedelta(seconds=20)
_FIELDS = (
    ("user", "UserIdentity"),
    ("correlation_id", "CorrelationId"),
    ("http_status", "HttpStatus"),
    ("server_code", "ServerErrorCode"),
    ("message", "ServerErrorDescription"),
)
_PRINTED = frozenset({"code", "phase", "suberror", "http_error", *(name for name, _ in _FIELDS)})


def from_capture(capture: Capture) -> Iterator[Attempt]:
    """The failed token attempts a capture tells of, and the successes its update times show."""
    for flow, prefix, update in (("prt", "Prt", "AzureAdPrtUpdateTime"), ("enterprise-prt", "EnterprisePrt", "EnterprisePrtUpdateTime")):
        updated = capture.named.get(update)
        if updated is not None and (moment := times.parse(updated.text)) is not None:
            source = Source(capture.source.path, updated.line)
            yield Attempt(flow, moment, "prt", "succeeded", user=_owner(capture), sources=(source,))
        yield from _diagnosis(capture, flow, prefix)


def _owner(capture: Capture) -> str | None:
    account = capture.account
    return None if account is None or account.kind == "system" else account.upn or account.name


def _diagnosis(capture: Capture, flow: str, prefix: str) -> Iterator[Attempt]:
    named, path = capture.named, capture.source.path
    proof: dict[str, Source] = {}
    texts: dict[str, str] = {}
    for name, suffix in _FIELDS:
        field = named.get(prefix + suffix)
        if field is not None and field.value:
            texts[name], proof[name] = field.text, Source(path, field.line)
    status = named.get(prefix + "AttemptStatus")
    main = codes.normalise(status.text) if status is not None and status.value else None
    if codes.is_success(main):
        return
    if main is None and "server_code" not in texts and "message" not in texts:
        return
    if status is not None:
        proof["code"] = Source(path, status.line)
    transport = named.get(prefix + "HttpError")
    http_error = codes.normalise(transport.text) if transport is not None and transport.value else None
    if http_error is not None and transport is not None:
        proof["http_error"] = Source(path, transport.line)
    found = [main] if main else []
    found += [one for one in codes.find(texts.get("message", "")) if one not in found]
    when = named.get(prefix + "PreviousAttempt")
    yield Attempt(
        flow=flow,
        time=times.parse(when.text) if when is not None else None,
        phase="prt",
        outcome="failed",
        codes=tuple(found),
        server_code=texts.get("server_code"),
        message=texts.get("message"),
        http_status=texts.get("http_status"),
        http_error=None if codes.is_success(http_error) else http_error,
        user=texts.get("user") or _owner(capture),
        correlation_id=texts.get("correlation_id", "").casefold().strip("{}") or None,
        sources=tuple(dict.fromkeys(proof.values())),
        printed=_PRINTED,
        proof=proof,
    )


def from_events(events: Iterable[Event]) -> Iterator[Attempt]:
    """Token attempts from AAD records, which may come in any order."""
    ours = [event for event in events if event.id in IDS and event.provider.casefold() in PROVIDERS]
    ours.sort(key=lambda event: (times.order(event.time), event.record or 0, event.source))
    broker = [event for event in ours if event.id in _BROKER or event.id == 1097]
    for group in _groups([event for event in ours if event.id not in _BROKER and event.id != 1097]):
        yield from _prt(group)
    for group in _groups(broker):
        yield from _requests(group)


def _groups(events: list[Event]) -> Iterator[list[Event]]:
    """Records of one attempt: from 1006 to 1007, or what stands within seconds."""
    group: list[Event] = []
    for event in events:
        if group and (event.id == START or group[-1].id == STOP or not _near(group[-1], event)):
            yield group
            group = []
        group.append(event)
    if group:
        yield group


def _near(left: Event, right: Event) -> bool:
    if left.time is None or right.time is None or (left.time.tzinfo is None) != (right.time.tzinfo is None):
        return left.time is None and right.time is None and left.source.path == right.source.path
    return right.time - left.time <= _GAP


def _prt(group: list[Event]) -> Iterator[Attempt]:
    failures = [event for event in group if event.id in _FAILURES | _ENTERPRISE]
    stop = next((event for event in group if event.id == STOP), None)
    if not failures:
        status = code(stop, "Status") if stop is not None else None
        if stop is None or status is None or status in _NOT_JOINED:
            return
        failures = [stop]
    enterprise = any(event.id in _ENTERPRISE for event in failures)
    texts = {event.id: event for event in failures}
    server = texts.get(1081) or texts.get(1088) or texts.get(1082)
    message = value(server, "ErrorDescription") or server.text if server is not None else None
    found: list[str] = []
    proof: dict[str, Source] = {}
    companions = [event for event in group if event.id == 1104]
    for event in [*([stop] if stop is not None else []), *failures, *companions]:
        one = code(event, "Status", "Result", "Error")
        if one and one.startswith("0x") and one not in found and one not in _NOT_JOINED:
            found.append(one)
            proof.setdefault("code", event.source)
    network = texts.get(1084)
    http_error = code(network, "Result") if network is not None else None
    found += [one for one in codes.find(message or "") if one not in found]
    status_event = texts.get(1025)
    printed = {"code", "phase", "http_error"}
    if server is not None:
        proof["message"] = proof["server_code"] = server.source
        printed |= {"message", "server_code"}
    if status_event is not None:
        proof["http_status"] = status_event.source
        printed.add("http_status")
    if network is not None:
        proof["http_error"] = network.source
    last = failures[-1]
    yield Attempt(
        flow="enterprise-prt" if enterprise else "prt",
        time=last.time,
        phase="prt",
        outcome="failed",
        codes=tuple(found),
        server_code=value(server, "Error") if server is not None else None,
        operation="ws-trust" if 1088 in texts else "user-realm" if 1086 in texts else None,
        message=message,
        http_status=value(status_event, "value", "Data1") if status_event is not None else None,
        http_error=http_error,
        user=next((event.user for event in failures if event.user and ("@" in event.user or "\\" in event.user)), None),
        correlation_id=_correlation(group),
        sources=tuple(event.source for event in failures),
        events=tuple(group),
        printed=frozenset({*printed, "operation"}),
        proof=proof,
    )


def _correlation(group: list[Event]) -> str | None:
    for event in group:
        found = value(event, "CorrelationID") if event.id != 1144 else None
        if event.id == 1018:
            found = value(event, "value")
        if event.id == 1084:
            found = value(event, "Target")
        if found:
            return found.casefold().strip("{}")
    return None


def _requests(group: list[Event]) -> Iterator[Attempt]:
    """A token an app asked the broker for; a warning 1097 alone often reports a success and is no failure."""
    failures = [event for event in group if event.id in _BROKER]
    if not failures:
        return
    main = failures[-1]
    text = " ".join(filter(None, (value(main, "ErrorMessage"), value(main, "AdditionalInformation"), main.text)))
    first = code(main, "Error")
    found = [first] if first else []
    for event in group:
        for one in codes.find(" ".join(event.data.values()) + " " + (event.text or "")):
            if one not in found and not codes.is_success(one):
                found.append(one)
    words = [word for word in ("interaction_required", "invalid_grant", "invalid_request", "login_required") if word in text]
    yield Attempt(
        flow="broker",
        time=main.time,
        phase="prt",
        outcome="failed",
        codes=tuple(found),
        server_code=words[0] if words else None,
        message=text or None,
        correlation_id=main.activity,
        sources=tuple(event.source for event in failures),
        events=tuple(group),
        printed=frozenset({"code", "phase", "message", "server_code"}),
        proof={"code": main.source, "message": main.source, "server_code": main.source},
    )
