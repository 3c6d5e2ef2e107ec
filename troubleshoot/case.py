"""The evidence of one device, arranged for rules: captures, events, attempts, facts, and what all that says of the device."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property

from troubleshoot import attempts as rebuilding
from troubleshoot import facts as deriving
from troubleshoot import times
from troubleshoot.accounts import key_of, same_account
from troubleshoot.model import (
    Account,
    Attempt,
    Capture,
    Coverage,
    Device,
    Event,
    Evidence,
    Fact,
    Field,
    LogLine,
    LogSpan,
    Problem,
    RegistryValue,
    Source,
)

_TIMES_INSIDE = ("ClientTime", "LastHostNameUpdate", "AzureAdPrtUpdateTime", "EnterprisePrtUpdateTime", "PrtPreviousAttempt", "PreviousRegistration")


class Case:
    """One device. Sequences are newest first; look-ups are dictionaries. Made by :meth:`of`."""

    def __init__(self, evidence: Iterable[Evidence | Problem], as_of: datetime | None = None) -> None:
        captures: list[Capture] = []
        events: list[Event] = []
        registry: list[RegistryValue] = []
        lines: list[LogLine] = []
        facts: list[Fact] = []
        spans: list[LogSpan] = []
        problems: list[Problem] = []
        kinds: dict[type, list[object]] = {
            Capture: captures, Event: events, RegistryValue: registry, LogLine: lines, Fact: facts, LogSpan: spans, Problem: problems,
        }  # type: ignore[dict-item]  # fmt: skip
        for one in evidence:
            kinds[type(one)].append(one)
        captures.sort(key=_capture_order, reverse=True)
        self.captures = tuple(one for one in captures if one.kind == "dsregcmd")
        self.other_captures = tuple(one for one in captures if one.kind != "dsregcmd")
        self.events = _distinct(events)
        self.registry = tuple(registry)
        self.log_lines = tuple(lines)
        self.problems = tuple(problems)
        self.attempts: tuple[Attempt, ...] = rebuilding.rebuild(captures, self.events, lines)
        self.domain_type, told = deriving.domain_type(self.attempts, self.other_captures)
        self.facts = _by_name([*facts, *deriving.derive(self.captures)])
        if told is not None:
            self.facts.setdefault("domain.type", (Fact("domain.type", self.domain_type, told),))
        self.as_of = as_of or self._as_of()
        self.join_state = self._join_state()
        self.device = self._device()
        self.log_spans = tuple(spans)
        self.coverage = Coverage(None, self._kinds(), tuple(spans), tuple(captures))

    @classmethod
    def of(cls, evidence: Iterable[Evidence | Problem], as_of: datetime | None = None) -> Case:
        """The case of one device's evidence, in whatever order it was read. ``as_of`` overrides what the evidence tells."""
        return cls(evidence, as_of)

    # -------------------------------------------------------------------------------------------------- look-ups

    @cached_property
    def fields(self) -> Mapping[str, tuple[tuple[Capture, Field], ...]]:
        """Every printed field by its rule name, newest capture first."""
        found: dict[str, tuple[tuple[Capture, Field], ...]] = {}
        for capture in self.captures:
            for name, field in capture.named.items():
                found[name] = (*found.get(name, ()), (capture, field))
        return found

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
        for value in self.registry:
            found.setdefault(value.key.upper().rstrip("\\"), []).append(value)
        return {key: tuple(values) for key, values in found.items()}

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
        """The real users whose session a capture shows, and the owners of printed token attempts."""
        found: list[Account] = []
        for capture in self.captures:
            if key_of(capture.account) is not None and capture.account is not None:
                _add_account(found, capture.account)
        for attempt in self.attempts:
            if attempt.user and attempt.flow in ("prt", "enterprise-prt"):
                _add_account(found, Account(attempt.user, "domain", None, attempt.user if "@" in attempt.user else None))
        return tuple(found)

    def user_keys(self) -> tuple[str, ...]:
        """The keys of :attr:`users`."""
        return tuple(key for key in map(key_of, self.users) if key)

    @staticmethod
    def capture_user(capture: Capture) -> str | None:
        """The key of the user whose session a capture shows; None for SYSTEM and where nothing tells."""
        return key_of(capture.account)

    @cached_property
    def _texts(self) -> dict[tuple[str, int | None, int | None, str | None], str]:
        texts: dict[tuple[str, int | None, int | None, str | None], str] = {}
        for capture in (*self.captures, *self.other_captures):
            for field in capture.fields:
                texts[capture.source.path, field.line, None, None] = f"{field.label} : {field.text}"
        for event in self.events:
            texts[tuple(event.source)] = event_text(event)
        for line in self.log_lines:
            texts.setdefault(tuple(line.source), line.text)
        return texts

    def line_text(self, source: Source) -> str:
        """What the line or record at ``source`` says, in one line; empty where it is not known."""
        return self._texts.get(tuple(source), "")

    # ------------------------------------------------------------------------------------------ what it all says

    def _as_of(self) -> datetime | None:
        known = [capture.time for capture in self.captures if capture.time is not None and capture.time.tzinfo]
        if known:
            return max(known)
        return next((event.time for event in self.events if event.time is not None and event.time.tzinfo), None)

    def _flag(self, name: str) -> bool | None:
        """A YES or NO of the newest capture that prints it."""
        for capture in self.captures:
            field = capture.named.get(name)
            if field is not None and field.text.upper() in ("YES", "NO"):
                return field.text.upper() == "YES"
        return None

    def _join_state(self) -> str:
        joined, domain = self._flag("AzureAdJoined"), self._flag("DomainJoined")
        if joined:
            return "unknown" if domain is None else "hybrid" if domain else "entra"
        if self._flag("EnterpriseJoined"):
            return "on-premises-drs"
        if joined is None:
            return "unknown"
        if domain:
            return "domain-only"
        if self._flag("WorkplaceJoined"):
            return "registered"
        return "unknown" if domain is None else "none"

    def _first(self, name: str) -> str | None:
        for capture in (*self.captures, *self.other_captures):
            field = capture.named.get(name)
            if field is not None and field.value:
                return field.text
        return None

    def _device(self) -> Device:
        names: dict[str, str] = {}
        for name in (self._first("DeviceName"), *(event.computer for event in self.events)):
            if name:
                names.setdefault(name.casefold(), name)
        tenant = self._first("TenantId") or next((one.data["TenantId"] for one in self.events if one.data.get("TenantId")), None)
        ordered = tuple(names.values())
        return Device(
            name=ordered[0] if ordered else None,
            names=ordered,
            domain=self._first("DomainName"),
            device_id=self._first("DeviceId"),
            tenant_id=tenant,
            tenant_name=self._first("TenantName"),
        )

    def _kinds(self) -> tuple[str, ...]:
        there = (
            ("dsregcmd", self.captures),
            ("join-debug", self.other_captures),
            ("events", self.events),
            ("registry", self.registry),
            ("log", self.log_lines),
        )
        return tuple(name for name, found in there if found)


def _capture_order(capture: Capture) -> tuple[object, ...]:
    """Captures by the time they print; one that prints none, by the latest time inside it, then by its place."""
    known = [capture.time] if capture.time is not None else []
    if not known:
        for name in _TIMES_INSIDE:
            field = capture.named.get(name)
            moment = times.parse(field.text) if field is not None else None
            if moment is not None:
                known.append(moment)
    newest = max(known, key=times.order) if known else None
    return (times.order(newest), capture.source.path, capture.source.line or 0)


def _distinct(events: list[Event]) -> tuple[Event, ...]:
    """Each record once, however many copies of the log were collected; newest first."""
    if not events:
        return ()
    found: dict[tuple[object, ...], Event] = {}
    for event in events:
        if event.record is not None:
            place = event.channel or event.provider
            key: tuple[object, ...] = (place.casefold(), (event.computer or "").casefold(), event.record, event.id, event.time)
        else:
            moment = event.time or event.time_text
            key = (event.provider.casefold(), event.id, moment, tuple(sorted(event.data.items())), event.text if not event.data else None)
            if moment is None:
                key = (*key, event.source)
        known = found.get(key)
        # The copy with more named values wins; of equal ones the first in the order of their sources.
        if known is None or (-len(event.data), event.source) < (-len(known.data), known.source):
            found[key] = event
    return tuple(sorted(found.values(), key=lambda one: (times.order(one.time), one.record or 0, one.source), reverse=True))


def _by_name(facts: Iterable[Fact]) -> dict[str, tuple[Fact, ...]]:
    found: dict[str, tuple[Fact, ...]] = {}
    for fact in facts:
        found[fact.name] = (*found.get(fact.name, ()), fact)
    return found


def _add_account(found: list[Account], account: Account) -> None:
    key = key_of(account)
    if key is not None and not any(same_account(key, key_of(one)) for one in found):
        found.append(account)


def event_text(event: Event) -> str:
    """One line that says what a record holds: id, provider, and its values (or its message)."""
    name = event.provider.removeprefix("Microsoft-Windows-")
    values = "; ".join(f"{key}={' '.join(item.split())[:160]}" for key, item in event.data.items() if item.strip())
    body = values or " ".join((event.text or "").split())
    return f"event {event.id} {name}: {body}"[:500].rstrip(": ")
