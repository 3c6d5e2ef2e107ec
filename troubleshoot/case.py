"""The evidence of one device, arranged for rules: captures, events, attempts, facts, and what it says of the device."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from typing import Any

from troubleshoot import attempts as rebuilding
from troubleshoot import (
    clockskew,
    filesread,
    hellochecks,
    iesettings,
    joinattempts,
    registryfacts,
    registryjoin,
    scpagreement,
    times,
)
from troubleshoot import facts as deriving
from troubleshoot.accounts import key_of, same_account
from troubleshoot.clock import clock_of
from troubleshoot.eventfacts import debug_output, value
from troubleshoot.model import (
    Account,
    Attempt,
    Capture,
    CloudObject,
    Collected,
    CollectorNote,
    Coverage,
    Device,
    Event,
    Evidence,
    Fact,
    LogLine,
    LogSpan,
    Problem,
    RegistryValue,
    Row,
    Source,
)
from troubleshoot.ordering import by_name, distinct, newest_first, place, unique, whole_spans

_CLEARED = (110, 371)  # the registration was cleared, the task unregistered the device
_line_of = attrgetter("line")


def _place(one: RegistryValue | LogLine) -> tuple[str, int, int]:
    return place(one.source)


_TELLING = frozenset({"comanagementhandler"})  # components whose lines become facts
_BUILD_KEY = r"HKLM\SOFTWARE\MICROSOFT\WINDOWS NT\CURRENTVERSION"


class Case:
    """One device. Sequences are newest first; look-ups are dictionaries. Made by :meth:`of`."""

    def __init__(
        self,
        evidence: Iterable[Evidence | Problem],
        as_of: datetime | None = None,
        collected: Collected | None = None,
    ) -> None:
        kinds: dict[type, list[Any]] = {}
        for one in evidence:
            kinds.setdefault(type(one), []).append(one)
        ordered = newest_first(kinds.get(Capture, []))
        self.captures = tuple([one for one in ordered if one.kind == "dsregcmd"])
        self.other_captures = tuple([one for one in ordered if one.kind != "dsregcmd"])
        self.events = distinct(kinds.get(Event, []))
        self.registry: tuple[RegistryValue, ...] = ()
        if registry := kinds.get(RegistryValue):
            registry.sort(key=_place)
            self.registry = unique(registry, lambda one: (one.key.upper(), one.name.casefold(), one.type, one.value))
        self.log_lines: tuple[LogLine, ...] = tuple(sorted(kinds.get(LogLine, ()), key=_place))
        self.problems: tuple[Problem, ...] = tuple(
            sorted(kinds.get(Problem, ()), key=lambda one: (place(one.source), one.kind, one.message))
        )
        self.attempts: tuple[Attempt, ...] = rebuilding.rebuild(ordered, self.events, self.log_lines)
        facts: list[Fact] = kinds.get(Fact, [])
        stated = tuple(facts)
        self._told = bool(stated)
        facts += deriving.derive(self.captures)
        if registry:
            facts += registryfacts.derive(self.keys)
            facts += registryjoin.derive(self.keys)
        facts += hellochecks.derive(self.captures, self.events)
        if registry:
            facts += iesettings.derive(self.registry)
        if self.events:
            facts += clockskew.derive(self.events)
        self.facts = by_name(facts)
        self.rows: tuple[Row, ...] = tuple(
            sorted(kinds.get(Row, ()), key=lambda one: (one.superseded, place(one.source), one.number))
        )
        self.device = self._device()
        if registry:
            self.device = registryjoin.completed(self.device, self.keys, self.facts)
        self.log_spans = whole_spans(kinds.get(LogSpan, []))
        if self.device.name is None and self.log_spans:
            self.device = self._named_by_logs()
        self.cloud: tuple[CloudObject, ...] = ()
        if exported := kinds.get(CloudObject):
            self.facts = by_name([*facts, *self._exported(exported)])
        for fact in (*scpagreement.derive(self.facts, self.captures), *self._logged_facts()):
            self.facts.setdefault(fact.name, (fact,))
        self.domain_type = self._domain_type()
        self.as_of = as_of or self._as_of()
        self.collected = collected
        notes = kinds.get(CollectorNote, [])
        several = notes or registry or self.log_lines or self.events
        clock = clock_of(notes, self.registry, self.log_lines, self.events) if several else None
        read: tuple[Event | RegistryValue | LogLine | Fact | CloudObject, ...]
        read = (*self.events, *self.registry, *self.log_lines, *stated, *self.cloud)
        files = (
            filesread.of(registry or (), self.log_lines, stated, kinds.get(CloudObject, ()))
            if several or stated or exported
            else ()
        )
        self.coverage = Coverage(collected, self._kinds(), self.log_spans, ordered, self.rows, files, clock, read)
        self.join_state = self._join_state()

    @classmethod
    def of(
        cls,
        evidence: Iterable[Evidence | Problem],
        as_of: datetime | None = None,
        collected: Collected | None = None,
    ) -> Case:
        """The case of one device's evidence, in whatever order it was read. ``as_of`` overrides what it tells.

        ``collected``: who made the input, which decides what the absence of something means.
        """
        return cls(evidence, as_of, collected)

    def _logged_facts(self) -> list[Fact]:
        """What logs of other programs tell, where nothing that was collected states it."""
        if not any(line.component.casefold() in _TELLING for line in self.log_lines):
            return []
        from troubleshoot import logfacts

        return list(logfacts.derive(self.log_lines))

    def _exported(self, objects: list[CloudObject]) -> list[Fact]:
        """What exports of the tenant and the directory say of this device; their rows of it become :attr:`cloud`."""
        from troubleshoot import cloudfacts, signins

        objects.sort(key=lambda one: place(one.source))
        own = cloudfacts.own_rows(objects, self.device, cloudfacts.local_ids(self.device, self.attempts))
        mine = signins.own(objects, own.ids, own.names, self.user_keys())
        self.attempts, told = signins.answered(self.attempts, objects)
        refused = list(signins.refused(mine, self.attempts, self._without_token()))
        if refused:
            self.attempts = tuple(
                sorted((*self.attempts, *refused), key=lambda one: times.order(one.time), reverse=True)
            )
        renamed = list(cloudfacts.renamed(objects, self.user_keys()))
        rows = [*own.rows(), *mine, *told, *(row for _, row in renamed)]
        self.cloud = tuple(unique(rows, lambda one: one.source))
        if own.device is not None and not self.device.names and self.device.device_id is None:
            name = own.device.name
            known = (name,) if name else ()
            self.device = self.device._replace(name=name, names=known, device_id=own.device.device_id)
        tried = [one.time for one in self.attempts if one.flow == "join" and one.time is not None and one.time.tzinfo]
        found = [*cloudfacts.derive(objects, own, max(tried, default=None)), *signins.derive(mine)]
        return found + [fact for fact, _ in renamed]

    def _without_token(self) -> list[str]:
        """The users whose newest own capture shows that they have no primary refresh token."""
        newest: dict[str, bool] = {}
        for capture in self.captures:
            user, token = self.capture_user(capture), capture.named.get("AzureAdPrt")
            if user is not None and token is not None and capture.elevated is not True:
                newest.setdefault(user, token.text.upper() == "NO")
        return [user for user, lacks in newest.items() if lacks]

    # -------------------------------------------------------------------------------------------------- look-ups

    @cached_property
    def by_event(self) -> Mapping[tuple[str, int], tuple[Event, ...]]:
        """Records by provider (lower case) and id, newest first."""
        found: dict[tuple[str, int], list[Event]] = {}
        for event in self.events:
            found.setdefault((event.provider.casefold(), event.id), []).append(event)
        return {key: tuple(group) for key, group in found.items()}

    @cached_property
    def event_ids(self) -> Mapping[str, tuple[int, ...]]:
        """Provider (lower case) to the ids of its collected records."""
        found: dict[str, list[int]] = {}
        for provider, number in self.by_event:
            found.setdefault(provider, []).append(number)
        return {provider: tuple(sorted(ids)) for provider, ids in found.items()}

    @cached_property
    def keys(self) -> Mapping[str, tuple[RegistryValue, ...]]:
        """Collected registry keys, upper case, each with its values."""
        found: dict[str, list[RegistryValue]] = {}
        for one in self.registry:
            found.setdefault(one.key.upper().rstrip("\\"), []).append(one)
        return {key: tuple(values) for key, values in found.items()}

    @cached_property
    def by_component(self) -> Mapping[str, tuple[LogLine, ...]]:
        """Lines of text logs by component, lower case, in the order they stand."""
        found: dict[str, list[LogLine]] = {}
        for line in self.log_lines:
            found.setdefault(line.component.casefold(), []).append(line)
        return {component: tuple(lines) for component, lines in found.items()}

    @cached_property
    def spans(self) -> Mapping[str, tuple[LogSpan, ...]]:
        """Collected logs by channel, lower case."""
        found: dict[str, list[LogSpan]] = {}
        for span in self.log_spans:
            if span.channel:
                found.setdefault(span.channel.casefold(), []).append(span)
        return {channel: tuple(group) for channel, group in found.items()}

    @cached_property
    def users(self) -> tuple[Account, ...]:
        """The real users whose session a capture shows, and the owners of printed token attempts.

        An administrator who only ran the command elevated is one of them where the case knows nobody else.
        """
        found: list[Account] = []
        for capture in self.captures:
            if capture.account is not None and capture.elevated is not True:
                _add_account(found, capture.account)
        for attempt in self.attempts:
            if attempt.user and attempt.flow in ("prt", "enterprise-prt"):
                upn = attempt.user if "@" in attempt.user else None
                _add_account(found, Account(attempt.user, "domain", None, upn))
        if not found:
            for capture in self.captures:
                if capture.account is not None:
                    _add_account(found, capture.account)
        return tuple(found)

    def user_keys(self) -> tuple[str, ...]:
        """The keys of :attr:`users`."""
        return tuple(key for key in map(key_of, self.users) if key)

    @staticmethod
    def capture_user(capture: Capture) -> str | None:
        """The key of the user whose session a capture shows; None for SYSTEM and where nothing tells."""
        if capture.account is None:
            identity = capture.named.get("PrtUserIdentity")
            return identity.text.casefold() if identity is not None and identity.value else None
        return key_of(capture.account)

    @cached_property
    def _lines(self) -> dict[tuple[object, ...], Event | LogLine | RegistryValue | CloudObject]:
        found: dict[tuple[object, ...], Event | LogLine | RegistryValue | CloudObject] = {}
        for row in self.cloud:
            found.setdefault(tuple(row.source), row)
        for one in self.registry:
            found.setdefault(tuple(one.source), one)
        for line in self.log_lines:
            found.setdefault(tuple(line.source), line)
        for event in self.events:
            found[tuple(event.source)] = event
        return found

    def line_text(self, source: Source) -> str:
        """What the line or record at ``source`` says, in one line; empty where it is not known."""
        if source.record is None and source.line is not None:
            for capture in (*self.captures, *self.other_captures):
                if capture.source.path == source.path:
                    at = bisect_right(capture.fields, source.line, key=_line_of) - 1
                    if at >= 0 and capture.fields[at].line == source.line:
                        return f"{capture.fields[at].label} : {capture.fields[at].text}"
        found = self._lines.get(tuple(source))
        if isinstance(found, Event):
            return event_text(found)
        if isinstance(found, RegistryValue):
            return f"{found.key}: {found.name} = {found.value}"
        if isinstance(found, CloudObject):
            from troubleshoot.cloudfacts import line

            return line(found)
        return found.text if found is not None else ""

    # ------------------------------------------------------------------------------------------ what it all says

    def _as_of(self) -> datetime | None:
        known = [capture.time for capture in self.captures if capture.time is not None and capture.time.tzinfo]
        if known:
            return max(known)
        newest = self.events[0].time if self.events else None  # instants sort before wall-clock times
        if newest is not None and newest.tzinfo is not None:
            return newest
        told = [line.time for line in self.log_lines if line.time is not None and line.time.tzinfo]
        reached = [span.last for span in self.log_spans if span.last is not None and span.last.tzinfo]
        return max(told, default=None) or max(reached, default=None)

    def _domain_type(self) -> str:
        """managed, federated or unknown; what the evidence tells becomes the fact ``domain.type`` too."""
        word, told = deriving.domain_type(self.attempts, self.other_captures)
        if word == "unknown":
            given = self.facts.get("domain.type")
            return given[0].value if given else word
        if told is not None:
            self.facts.setdefault("domain.type", (Fact("domain.type", word, told),))
        return word

    def _flag(self, name: str) -> bool | None:
        """A YES or NO of the newest capture that prints it."""
        for capture in self.captures:
            field = capture.named.get(name)
            if field is not None and field.text.upper() in ("YES", "NO"):
                return field.text.upper() == "YES"
        return None

    def _workplace_joined(self) -> bool:
        """Is the device registered for somebody, by the newest capture of each account? SYSTEM never is."""
        asked: set[str | None] = set()
        for capture in self.captures:
            field, user = capture.named.get("WorkplaceJoined"), self.capture_user(capture)
            if field is not None and user not in asked:
                asked.add(user)
                if field.text.upper() == "YES":
                    return True
        return False

    def _join_state(self) -> str:
        if not self.captures:
            return registryjoin.state(self.facts, self._logged_state())
        joined, domain = self._flag("AzureAdJoined"), self._flag("DomainJoined")
        if joined:
            return "unknown" if domain is None else "hybrid" if domain else "entra"
        if self._flag("EnterpriseJoined"):
            return "on-premises-drs"
        if joined is None:
            return "unknown"
        if domain:
            return "domain-only"
        if self._workplace_joined():
            return "registered"
        return "unknown" if domain is None else "none"

    def _logged_state(self) -> str:
        """hybrid, where the last thing the logs tell is that the automatic registration succeeded; else unknown.

        306 is written by the hybrid join task alone. On Windows 7 and 8.1 the same success is 201 of Workplace Join,
        whose message names the hybrid join.
        """
        if any(span.lost for span in self.coverage.logs):
            return "unknown"  # what was lost may have come after the success
        for flow in ("join", "registered"):
            own = [one for one in self.attempts if one.flow == flow]
            undated = any(one.outcome == "failed" and one.time is None for one in own)
            if not own or own[0].outcome != "succeeded" or undated:
                continue
            last = own[0].events[0] if own[0].events else None
            if last is None or (flow == "registered" and "hybrid" not in (last.text or "").casefold()):
                continue
            cleared = [one for number in _CLEARED for one in self.by_event.get((joinattempts.PROVIDER, number), ())]
            if all(times.after(last.time, event.time) for event in cleared):
                return "hybrid"
        return "unknown"

    def _first(self, name: str) -> str | None:
        for capture in (*self.captures, *self.other_captures):
            field = capture.named.get(name)
            if field is not None and field.value:
                return field.text
        return None

    def _device(self) -> Device:
        names: dict[str, str] = {}
        printed = [capture.named.get("DeviceName") for capture in self.captures]
        told = [field.text for field in printed if field is not None and field.value]
        if self.events:
            told += dict.fromkeys(event.computer for event in self.events if event.computer)
        if given := [row.device for row in self.rows if row.device]:  # a channel knows whose row it is
            told = [*sorted(given, key=lambda name: "." not in name)[:1], *given]
        for name in told:
            names.setdefault(name.partition(".")[0].casefold(), name)  # PC1 and PC1.corp.example are one name
        full = next((name for name in told if "." in name), None)
        ordered = tuple(names.values())
        return Device(
            name=ordered[0] if ordered else None,
            names=ordered,
            domain=self._first("DomainName") or (full.partition(".")[2] if full else None),
            device_id=self._first("DeviceId") or self._row_id() or self._managed_join()[0],
            tenant_id=self._first("TenantId") or self._logged_tenant() or self._managed_join()[1],
            tenant_name=self._first("TenantName"),
            os_build=self._os_build(),
        )

    def _named_by_logs(self) -> Device:
        """The device by the log that was written last, where no record that was kept names it."""
        named = [(span.last, span.computer) for span in self.log_spans if span.computer and span.last is not None]
        if not named:
            return self.device
        name = max(named)[1]
        domain = name.partition(".")[2] or None
        return self.device._replace(name=name, names=(name,), domain=self.device.domain or domain)

    def _row_id(self) -> str | None:
        return next((row.device_id for row in self.rows if row.device_id), None)

    def _managed_join(self) -> tuple[str | None, str | None]:
        """The registration's device and tenant id as ConfigMgr logged them."""
        if not self.log_lines or not any("AAD-Join Info" in line.text for line in self.log_lines):
            return None, None
        from troubleshoot import logfacts

        return logfacts.join_info(self.log_lines) or (None, None)

    def _logged_tenant(self) -> str | None:
        """The tenant that the newest join attempt names, in its debug block or in a value of its own."""
        for attempt in self.attempts:
            for event in attempt.events if attempt.flow == "join" else ():
                found = value(event, "TenantId") if "TenantId" in event.data else None
                found = found or (debug_output(event).get("tenantid") if event.id == 304 else None)
                if found:
                    return found
        return next((one.data["TenantId"] for one in self.events if one.data.get("TenantId")), None)

    def _os_build(self) -> str | None:
        values = {one.name.casefold(): str(one.value) for one in self.keys.get(_BUILD_KEY, ())} if self.registry else {}
        build = values.get("currentbuild") or values.get("currentbuildnumber")
        if build is None and (told := self.facts.get("os.build")):
            return told[0].value
        return f"{build}.{values['ubr']}" if build and "ubr" in values else build

    def _kinds(self) -> tuple[str, ...]:
        others = {one.kind for one in self.other_captures}
        there = (
            ("dsregcmd", self.captures),
            ("join-debug", "join-debug" in others),
            ("accounts", "accounts" in others),
            ("events", self.events or self.log_spans),
            ("registry", self.registry),
            ("log", self.log_lines),
            ("cloud", self.cloud),
            ("facts", self._told),
            ("rows", self.rows),
        )
        return tuple([name for name, found in there if found])


def _add_account(found: list[Account], account: Account) -> None:
    key = key_of(account)
    if key is not None and not any(same_account(key, key_of(one)) for one in found):
        found.append(account)


def event_text(event: Event) -> str:
    """One line that says what a record holds: id, provider, and its values, its message, or else what it means."""
    name = event.provider.removeprefix("Microsoft-Windows-")
    values = "; ".join(f"{key}={' '.join(item.split())[:160]}" for key, item in event.data.items() if item.strip())
    body = values or " ".join((event.text or "").split())
    if not body:  # as with 332 to 335, whose id is all they say
        from troubleshoot.eventbook import meaning

        body = meaning(event) or ""
    return f"event {event.id} {name}: {body}"[:500].rstrip(": ")
