"""Attempts to get tokens: the primary refresh token (Entra and AD FS), and what apps ask of the token broker.

From the diagnosis dsregcmd prints under SSO State, and from AAD/Operational and AAD/Analytic events. Event ids and
their meaning: Microsoft Learn "Troubleshoot primary refresh token issues on Windows devices"; fields: the provider's
manifest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from troubleshoot import codes, times
from troubleshoot.accounts import key_of, same_account
from troubleshoot.eventfacts import by_time, code, near, owner, value
from troubleshoot.model import Attempt, Capture, Event, Field, Source

PROVIDERS = frozenset({"microsoft-windows-aad", "aad"})
# GetToken and RefreshToken of the Cloud AP plug-in: everything between start and stop is one attempt.
_START, _STOP = frozenset({1006, 1028}), frozenset({1007, 1029})
# Each of these alone means that a token could not be had. 1098 is an app's request, kept as a flow of its own.
_FAILURES = frozenset({1024, 1025, 1081, 1082, 1084, 1085, 1086, 1087, 1088, 1090, 1094})
_ENTERPRISE = frozenset({1117, 1118, 1251, 1253})
# Written by newer builds with everything dsregcmd prints of the attempt, whether it failed or not.
_DIAGNOSIS = frozenset({1250, 1251, 1252, 1253})
_BROKER, _BROKER_WARNING = 1098, 1097
# 1089 and 1104 are written on every start of a machine that is not registered: they tell of an attempt, but make none.
_COMPANIONS = frozenset({1018, 1022, 1030, 1089, 1104, 1144, 1160})
IDS = _FAILURES | _ENTERPRISE | _DIAGNOSIS | _COMPANIONS | _START | _STOP | {_BROKER, _BROKER_WARNING}
_NOT_JOINED = frozenset({"0xc00484b2", "0xc0048456"})  # what the plug-in says on a device that is not registered
_GAP = timedelta(seconds=20)
_LONGEST = timedelta(minutes=2)  # from one record of a correlation id to the next
_FIELDS = (
    ("user", "UserIdentity"),
    ("correlation_id", "CorrelationId"),
    ("http_status", "HttpStatus"),
    ("endpoint", "EndpointUri"),
    ("server_code", "ServerErrorCode"),
    ("message", "ServerErrorDescription"),
)
_PRINTED = frozenset({"code", "phase", "suberror", "http_error", *(name for name, _ in _FIELDS)})
_SUFFIXES = (*_FIELDS, ("code", "AttemptStatus"), ("http_error", "HttpError"))
# Where a record keeps the id of its request, other than in CorrelationID. In 1144 that name holds a domain.
_CORRELATED: Mapping[int, str] = {1018: "value", 1030: "value", 1084: "Target"}
_GUID = r"\{?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
_REQUEST_ID = re.compile(rf"correlation id(?: \(request\))?:\s*{_GUID}", re.IGNORECASE)
_OAUTH_CODE = re.compile(r"\bcode:\s*([a-z]+(?:_[a-z]+)+)", re.IGNORECASE)
_OAUTH_WORDS = ("interaction_required", "invalid_grant", "invalid_request", "login_required")


# ---------------------------------------------------------------------------------------------------- dsregcmd


def from_capture(capture: Capture) -> Iterator[Attempt]:
    """The failed token attempts a capture tells of, and the successes its update times show."""
    for flow, prefix, update in (
        ("prt", "Prt", "AzureAdPrtUpdateTime"),
        ("enterprise-prt", "EnterprisePrt", "EnterprisePrtUpdateTime"),
    ):
        updated = capture.named.get(update)
        if updated is not None and (moment := times.parse(updated.text)) is not None:
            source = Source(capture.source.path, updated.line)
            yield Attempt(flow, moment, "prt", "succeeded", user=key_of(capture.account), sources=(source,))
        failed = _diagnosis(capture, flow, prefix)
        if failed is not None:
            yield failed


def _diagnosis(capture: Capture, flow: str, prefix: str) -> Attempt | None:
    named, path = capture.named, capture.source.path
    if not any(prefix + name in named for name in ("AttemptStatus", "ServerErrorCode", "ServerErrorDescription")):
        return None
    proof: dict[str, Source] = {}
    texts: dict[str, str] = {}
    for name, suffix in _FIELDS:
        field = named.get(prefix + suffix)
        if field is not None and field.value:
            texts[name], proof[name] = field.text, Source(path, field.line)
    status = named.get(prefix + "AttemptStatus")
    main = codes.normalise(status.text) if status is not None and status.value else None
    if codes.is_success(main) or (main is None and "server_code" not in texts and "message" not in texts):
        return None
    if status is not None:
        proof["code"] = Source(path, status.line)
    transport = named.get(prefix + "HttpError")
    http_error = codes.normalise(transport.text) if transport is not None and transport.value else None
    if http_error is not None and transport is not None:
        proof["http_error"] = Source(path, transport.line)
    found = [main] if main else []
    found += [one for one in codes.find(texts.get("message", "")) if one not in found and not codes.is_success(one)]
    when = named.get(prefix + "PreviousAttempt")
    return Attempt(
        flow=flow,
        time=times.parse(when.text) if when is not None else None,
        phase="prt",
        outcome="failed",
        codes=tuple(found),
        server_code=texts.get("server_code"),
        message=texts.get("message"),
        http_status=texts.get("http_status"),
        http_error=None if codes.is_success(http_error) else http_error,
        endpoint=texts.get("endpoint"),
        user=texts["user"].casefold() if "user" in texts else key_of(capture.account),
        correlation_id=texts.get("correlation_id", "").casefold().strip("{}") or None,
        sources=tuple(dict.fromkeys(proof.values())),
        printed=_PRINTED.difference(_blanked(named, prefix)),
        proof=proof,
    )


def _blanked(named: Mapping[str, Field], prefix: str) -> list[str]:
    """The properties that were printed and blanked out afterwards: what they said is unknown."""
    fields = [(name, named.get(prefix + suffix)) for name, suffix in _SUFFIXES]
    return [name for name, field in fields if field is not None and field.absence == "masked"]


# ------------------------------------------------------------------------------------------------------ events


def from_events(events: Iterable[Event]) -> Iterator[Attempt]:
    """Token attempts from AAD records, which may come in any order."""
    ours = [event for event in events if event.id in IDS and event.provider.casefold() in PROVIDERS]
    ours.sort(key=by_time)
    broker = [event for event in ours if event.id in (_BROKER, _BROKER_WARNING)]
    for group in _groups([event for event in ours if event.id not in (_BROKER, _BROKER_WARNING)]):
        found = _prt(group.events, group.request, group.user)
        if found is not None:
            yield found
    for group in _groups(broker):
        yield from _request(group.events, group.request, group.user)


class _Group:
    """Records of one attempt as they are gathered."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.request: str | None = None
        self.user: str | None = None
        self.open = True

    def add(self, event: Event, request: str | None, user: str | None) -> None:
        self.events.append(event)
        self.request = self.request or request
        self.user = self.user or user
        if event.id in _STOP:
            self.open = False

    def takes(self, event: Event, request: str | None, user: str | None) -> bool:
        """Does ``event``, the next record in time, belong to this attempt?"""
        if user and self.user and not same_account(user, self.user):
            return False
        last = self.events[-1]
        if request and self.request:
            return request == self.request and near(last, event, _LONGEST)
        if not self.open or event.id in _START or not near(last, event, _GAP):
            return False
        if event.id == _BROKER:  # an app's request: one record is one failure
            return all(one.id != _BROKER for one in self.events)
        return event.time is not None or all(one.id != event.id for one in self.events)


def _groups(events: list[Event]) -> Iterator[_Group]:
    """Records of one attempt each: from start to stop, of one request id, or what stands within seconds."""
    latest: _Group | None = None
    by_request: dict[str, _Group] = {}
    out: list[_Group] = []
    for event in events:
        request, user = _request_of(event), _user_of(event)
        group = by_request.get(request) if request else None
        if group is None or not group.takes(event, request, user):
            group = latest if latest is not None and latest.takes(event, request, user) else None
        if group is None:
            group = _Group()
            out.append(group)
        latest = group
        group.add(event, request, user)
        if group.request:
            by_request[group.request] = group
    yield from out


def _request_of(event: Event) -> str | None:
    if event.id in (_BROKER, _BROKER_WARNING):
        found = _REQUEST_ID.findall(event.data.get("AdditionalInformation") or event.text or "")
        # The service's own "Correlation ID" comes first, the broker's "(request)" last; mostly they are equal.
        return found[-1].casefold() if found else event.activity
    if event.id == 1144:
        return event.activity
    found_id = value(event, _CORRELATED.get(event.id, "CorrelationID"))
    return found_id.casefold().strip("{}. ") if found_id else event.activity


def _user_of(event: Event) -> str | None:
    if event.id in _DIAGNOSIS or event.id == 1144:
        # The manifest's generic names: the name looked up stands in Method.
        name = value(event, "UserIdentity" if event.id in _DIAGNOSIS else "Method")
        if name and "@" in name:
            return name.casefold()
    return owner(event)


def _fails(event: Event) -> bool:
    """Does the record alone say that a token could not be had?"""
    if event.id in _DIAGNOSIS:
        return code(event, "Result") is not None
    if event.id in (1024, 1025):
        status = value(event, "value", "Data1", "Status") or ""
        return not status.isdecimal() or int(status) >= 400
    return event.id in _FAILURES or event.id in _ENTERPRISE


def _prt(group: list[Event], request: str | None, user: str | None) -> Attempt | None:
    failures = [event for event in group if _fails(event)]
    stop = next((event for event in reversed(group) if event.id in _STOP), None)
    told = value(stop, "Status") if stop is not None else None
    if stop is not None and told is not None and codes.is_success(codes.normalise(told)):
        return _success(stop, group, request, user, "prt")
    if not failures:
        done = next((event for event in group if event.id in _DIAGNOSIS), None)
        if done is not None and value(done, "Result"):
            return _success(done, group, request, user, "enterprise-prt" if done.id in _ENTERPRISE else "prt")
        if stop is None or code(stop, "Status") in (None, *_NOT_JOINED):
            return None
        failures = [stop]
    by_id = {event.id: event for event in failures}
    server = next((by_id[one] for one in (1081, 1088, 1082, 1090) if one in by_id), None)
    diagnosis = next((by_id[one] for one in sorted(_DIAGNOSIS) if one in by_id), None)
    teller = server or diagnosis
    message = value(teller, "ErrorDescription") if teller is not None else None
    proof: dict[str, Source] = {}
    found = _codes(stop, diagnosis, failures, group, proof)
    if teller is not None:
        if message is None and teller.text:  # pasted text that no template fits
            message = teller.text
        proof["message"] = proof["server_code"] = teller.source
    found += [one for one in codes.find(message or "") if one not in found and not codes.is_success(one)]
    network, status = by_id.get(1084) or diagnosis, by_id.get(1025) or by_id.get(1024) or diagnosis
    http_error = http_status = None
    if status is not None:
        proof["http_status"] = status.source
        http_status = value(status, "HTTPStatus") if status is diagnosis else value(status, "value", "Data1", "Status")
    if network is not None:
        http_error = code(network, "HTTPTransportError" if network is diagnosis else "Result", "Status")
        proof["http_error"] = network.source
    endpoint = _endpoint(group, server or by_id.get(1084) or status)
    if endpoint is not None:
        proof["endpoint"] = endpoint.source
    printed = {"code", "phase", "http_error", "operation"}
    printed |= {"endpoint"} if endpoint is not None else set()
    printed |= {"message", "server_code"} if teller is not None else set()
    printed |= {"http_status"} if status is not None else set()
    words = value(teller, "ErrorCode" if teller is diagnosis else "Error") if teller is not None else None
    return Attempt(
        flow="enterprise-prt" if by_id.keys() & _ENTERPRISE else "prt",
        time=failures[-1].time,
        phase="prt",
        outcome="failed",
        codes=tuple(found),
        server_code=words,
        operation="ws-trust" if 1088 in by_id else "user-realm" if 1086 in by_id else None,
        message=message,
        http_status=http_status,
        http_error=http_error,
        endpoint=_address(endpoint),
        user=user,
        correlation_id=request,
        sources=tuple(event.source for event in failures),
        events=tuple(group),
        printed=frozenset(printed),
        proof=proof,
    )


def _endpoint(group: list[Event], refused: Event | None) -> Event | None:
    """The record that names the address that refused: the failure itself, else the last 1022 before it."""
    if refused is not None and _address(refused) is not None:
        return refused
    last = None
    for event in group:
        if event is refused:
            break
        if event.id in (1022, 1025) and _address(event) is not None:
            last = event
    return last


def _address(event: Event | None) -> str | None:
    return value(event, "value" if event.id == 1022 else "EndpointUri") if event is not None else None


def _codes(
    stop: Event | None, diagnosis: Event | None, failures: list[Event], group: list[Event], proof: dict[str, Source]
) -> list[str]:
    """The attempt's codes, that of its end first; where the first stands goes to ``proof``."""
    found: list[str] = []
    ends = [event for event in (stop, diagnosis) if event is not None]
    for event in (*ends, *failures, *(event for event in group if event.id == 1104)):
        names = ("Result",) if event.id in _DIAGNOSIS else ("Status", "Result", "Error")
        one = code(event, *names) if event.id not in (1024, 1025) else None
        if one and one.startswith("0x") and one not in found and one not in _NOT_JOINED:
            found.append(one)
            proof.setdefault("code", event.source)
    return found


def _success(event: Event, group: list[Event], request: str | None, user: str | None, flow: str) -> Attempt:
    return Attempt(
        flow=flow,
        time=event.time,
        phase="prt",
        outcome="succeeded",
        user=user,
        correlation_id=request,
        sources=(event.source,),
        events=tuple(group),
    )


def _request(group: list[Event], request: str | None, user: str | None) -> Iterator[Attempt]:
    """A token an app asked the broker for; a warning 1097 alone often reports a success and is no failure."""
    failures = [event for event in group if event.id == _BROKER]
    if not failures:
        return
    main = failures[-1]
    parts = (main.data.get("ErrorMessage"), main.data.get("AdditionalInformation"), main.text)
    text = " ".join(part for part in parts if part)
    first = code(main, "Error")
    found = [first] if first else []
    for event in group:
        for one in codes.find(" ".join(event.data.values()) + " " + (event.text or "")):
            if one not in found and not codes.is_success(one):
                found.append(one)
    named = _OAUTH_CODE.search(text)
    word = named[1].casefold() if named else next((one for one in _OAUTH_WORDS if one in text), None)
    yield Attempt(
        flow="broker",
        time=main.time,
        phase="prt",
        outcome="failed",
        codes=tuple(found),
        server_code=word,
        message=text or None,
        user=user,
        correlation_id=request,
        sources=tuple(event.source for event in failures),
        events=tuple(group),
        printed=frozenset({"code", "phase", "message", "server_code"}),
        proof={"code": main.source, "message": main.source, "server_code": main.source},
    )
