"""Which names a device's evidence holds: the values of labels that name a computer, a person, a domain or a tenant."""

from __future__ import annotations

import re
from collections.abc import Iterator

from troubleshoot.case import Case
from troubleshoot.model import Row
from troubleshoot.pseudonyms import Redactor, own_host, well_known
from troubleshoot.tables import squeeze

_HOST_IN = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.)+[A-Za-z]{2,24}|(?<=//)[A-Za-z0-9][A-Za-z0-9-]{1,62}")
_LONGEST = 256
_LOOKED_AT = 2_000  # characters of a log line
# ``label: value`` inside a line of a text log: DSRegTool's header, domain logs.
_SAID = re.compile(
    r"\b(Device Name|Computer ?Name|Host ?Name|User Account|User ?Name|UPN|DeviceId|TenantId)\s*[:=]\s*([^\s,;]{2,200})",
    re.I,
)


def learn_case(redactor: Redactor, case: Case) -> None:
    """Teach the redactor every name that labelled values of the case's evidence hold."""
    for attempt in case.attempts:
        redactor.keep(attempt.request_id)
        redactor.keep(attempt.correlation_id)
        if attempt.user:
            redactor.learn_user(attempt.user)
    for name in case.device.names:
        redactor.learn_host(name)
    for one in case.rows:
        learn_row(redactor, one)
    if case.device.domain:
        redactor.learn("domain", case.device.domain)
    for row in case.cloud:
        if row.name:
            redactor.learn_host(row.name)
        for name in ("initiatedBy", "registeredOwners", "userPrincipalName"):
            for user in row.values.get(name, "").split(", "):
                if "@" in user:
                    redactor.learn_user(user)
    for capture in (*case.captures, *case.other_captures):
        if capture.account is not None:
            for name in filter(None, (capture.account.name, capture.account.upn)):
                if capture.account.kind != "system":
                    redactor.learn_user(name)
    for label, value in _labelled(case):
        _learn(redactor, label, value)


def learn_row(redactor: Redactor, row: Row) -> None:
    """Teach the redactor whose row of a table it is, and who ran the command."""
    if row.device:
        redactor.learn_host(row.device)
    if row.account is not None and row.account.kind != "system":
        for name in filter(None, (row.account.name, row.account.upn)):
            redactor.learn_user(name)


def _labelled(case: Case) -> Iterator[tuple[str, str]]:
    for capture in (*case.captures, *case.other_captures):
        for field in capture.fields:
            if field.value:
                yield field.name or field.label, field.text
                yield field.label, field.text
    for event in case.events:
        if event.computer:
            yield "computername", event.computer
        if event.user:
            yield "user", event.user
        yield from event.data.items()
    for line in case.log_lines:
        for label, value in _SAID.findall(line.text[:_LOOKED_AT]):
            yield label, value
    for value in case.registry:
        yield value.name, str(value.value or "")
    for name, facts in case.facts.items():
        yield from ((name, fact.value) for fact in facts)


def _learn(redactor: Redactor, label: str, value: str) -> None:
    kind = well_known().identities.get(squeeze(label))
    value = value.strip()
    if kind is None or not value:
        return
    if kind == "host":
        redactor.learn_host(value)
    elif kind == "user":
        redactor.learn_user(value)
    elif kind == "proxy":
        for host in _HOST_IN.findall(value[:4096]):
            redactor.learn_host(host)
    elif kind in ("domain", "tenant-name"):
        if len(value) <= _LONGEST and own_host(value):
            redactor.learn(kind, value)
    else:
        redactor.learn(kind, value)
