"""A report, or the data that ``show`` prints, with every name of a customer replaced by its pseudonym.

Redaction works on what is to be printed, never on the analysis. What rules say (titles, causes, steps) names nobody and stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from troubleshoot import fingerprints
from troubleshoot.model import (
    Account,
    Attempt,
    Capture,
    Clock,
    CloudObject,
    Coverage,
    Device,
    Event,
    Fact,
    Finding,
    LogLine,
    LogSpan,
    Problem,
    Proof,
    RegistryValue,
    Report,
    Result,
    Row,
    Source,
    TableRead,
    Unread,
)
from troubleshoot.pseudonyms import Redactor, well_known
from troubleshoot.report.safe import plain
from troubleshoot.words import summary


def result(redactor: Redactor, given: Result, with_evidence: bool = False) -> Result:
    """The result with every name replaced. What rules say (titles, causes, steps) holds no names and stays.

    ``with_evidence``: keep what was read beside the captures, for a form that shows it; without, it is dropped.
    """
    return given._replace(
        reports=tuple(report(redactor, one, with_evidence) for one in given.reports),
        unread=unread(redactor, given.unread),
        tables=tuple(_table(redactor, one) for one in given.tables),
    )._replace(redacted=redactor.counts())


def unread(redactor: Redactor, given: Iterable[Unread]) -> tuple[Unread, ...]:
    """Inputs that gave nothing, with every name replaced."""
    return tuple(
        one._replace(
            path=redactor.path(one.path),
            reason=redactor.text(one.reason),
            row=_row(redactor, one.row) if one.row is not None else None,
        )
        for one in given
    )


def _table(redactor: Redactor, one: TableRead) -> TableRead:
    text = redactor.text
    return one._replace(
        path=redactor.path(one.path),
        columns={name: text(value) for name, value in one.columns.items()},
        notes=tuple(map(text, one.notes)),
    )


def _row(redactor: Redactor, one: Row) -> Row:
    optional = redactor.optional
    return one._replace(
        source=source(redactor, one.source),
        device=optional(one.device),
        device_id=optional(one.device_id),
        account=_account(redactor, one.account),
        reason=optional(one.reason),
        said={redactor.text(name): redactor.text(value) for name, value in one.said.items()},
    )


def _account(redactor: Redactor, account: Account | None) -> Account | None:
    if account is None:
        return None
    return account._replace(
        name=redactor.optional(account.name), sid=redactor.optional(account.sid), upn=redactor.optional(account.upn)
    )


def report(redactor: Redactor, given: Report, with_evidence: bool = False) -> Report:
    """One device's report with every name replaced; what was read beside the captures only on request."""
    coverage = given.coverage if with_evidence else given.coverage._replace(evidence=())
    name = redactor.optional(given.device.name)
    findings = _findings(redactor, given.findings, given)
    return given._replace(
        device=device(redactor, given.device),
        summary=summary(given.verdict, given.join_state, name, findings),
        findings=findings,
        resolved=_findings(redactor, given.resolved, given),
        benign=_findings(redactor, given.benign, given),
        unexplained_codes=tuple(one._replace(source=source(redactor, one.source)) for one in given.unexplained_codes),
        attempts=tuple(attempt(redactor, one) for one in given.attempts),
        coverage=_coverage(redactor, coverage),
        problems=tuple(problem(redactor, one) for one in given.problems),
    )


def device(redactor: Redactor, given: Device) -> Device:
    """Who the device is, in pseudonyms."""
    optional = redactor.optional
    return given._replace(
        name=optional(given.name),
        names=tuple(map(redactor.text, given.names)),
        domain=optional(given.domain),
        device_id=optional(given.device_id),
        tenant_id=optional(given.tenant_id),
        tenant_name=optional(given.tenant_name),
    )


def source(redactor: Redactor, given: Source) -> Source:
    """A place, with the names in its path replaced."""
    return given._replace(path=redactor.path(given.path))


def clock(redactor: Redactor, given: Clock | None) -> Clock | None:
    """The clock of the device, with the names in the path that tells it replaced."""
    return given._replace(source=source(redactor, given.source)) if given else None


def proofs(redactor: Redactor, given: Iterable[Proof]) -> tuple[Proof, ...]:
    """Lines of evidence with every name replaced."""
    return tuple(Proof(source(redactor, proof.source), redactor.text(proof.text)) for proof in given)


def _findings(redactor: Redactor, found: Iterable[Finding], given: Report) -> tuple[Finding, ...]:
    return tuple(finding(redactor, one, given) for one in found)


def finding(redactor: Redactor, one: Finding, given: Report) -> Finding:
    """A finding of the report ``given`` with every name replaced: those of its evidence, whose it is, and why it is settled.

    Its fingerprint rests on the key, or on what is left; the one of the names would tell who guesses a name whether it is right.
    """
    made = one._replace(
        user=redactor.optional(one.user),
        evidence=proofs(redactor, one.evidence),
        symptoms=_findings(redactor, one.symptoms, given),
        reason=redactor.optional(one.reason),
    )
    sealed = redactor.sealed(fingerprints.subject(one.rule, given.device, one.user))
    name = redactor.optional(given.device.name)
    stamp = sealed[: fingerprints.LENGTH] if sealed else fingerprints.of_redacted(made, name, given.as_of)
    return made._replace(fingerprint=stamp)


def attempt(redactor: Redactor, one: Attempt) -> Attempt:
    """An attempt with every name replaced; its request and correlation ids stay, which the service's support needs."""
    return one._replace(
        message=redactor.optional(one.message),
        user=redactor.optional(one.user),
        operation=redactor.optional(one.operation),
        endpoint=redactor.optional(one.endpoint),
        server_code=redactor.optional(one.server_code),
        server_subcode=redactor.optional(one.server_subcode),
        sources=tuple(source(redactor, each) for each in one.sources),
        proof={name: source(redactor, each) for name, each in one.proof.items()},
        events=(),
    )


def _coverage(redactor: Redactor, one: Coverage) -> Coverage:
    return one._replace(
        clock=clock(redactor, one.clock),
        logs=tuple(_span(redactor, span) for span in one.logs),
        captures=tuple(_capture(redactor, capture) for capture in one.captures),
        rows=tuple(_row(redactor, row) for row in one.rows),
        files=tuple(
            file._replace(path=redactor.path(file.path), components=tuple(map(redactor.text, file.components)))
            for file in one.files
        ),
        evidence=tuple(_evidence(redactor, found) for found in one.evidence),
    )


def _evidence(
    redactor: Redactor, one: Event | RegistryValue | LogLine | Fact | CloudObject
) -> Event | RegistryValue | LogLine | Fact | CloudObject:
    at = source(redactor, one.source)
    if isinstance(one, Event):
        return one._replace(
            source=at,
            computer=redactor.optional(one.computer),
            user=redactor.optional(one.user),
            data=_values(redactor, one.data),
            text=redactor.optional(one.text),
        )
    if isinstance(one, RegistryValue):
        value = redactor.text(one.value) if isinstance(one.value, str) else one.value
        return one._replace(source=at, key=redactor.text(one.key), name=redactor.text(one.name), value=value)
    if isinstance(one, LogLine):
        return one._replace(source=at, text=redactor.text(one.text))
    if isinstance(one, Fact):
        return one._replace(source=at, value=redactor.text(one.value), account=None, text=redactor.optional(one.text))
    return one._replace(
        source=at,
        device_id=redactor.optional(one.device_id),
        name=redactor.optional(one.name),
        values=_values(redactor, one.values),
    )


def _values(redactor: Redactor, given: Mapping[str, str]) -> dict[str, str]:
    return {redactor.text(name): redactor.text(value) for name, value in given.items()}


def _span(redactor: Redactor, span: LogSpan) -> LogSpan:
    return span._replace(source=source(redactor, span.source), computer=None)


def _capture(redactor: Redactor, capture: Capture) -> Capture:
    account = _account(redactor, capture.account)
    fields = tuple(field._replace(text=redactor.text(field.text)) for field in capture.fields)
    named = {name: field._replace(text=redactor.text(field.text)) for name, field in capture.named.items()}
    return capture._replace(source=source(redactor, capture.source), account=account, fields=fields, named=named)


def problem(redactor: Redactor, one: Problem) -> Problem:
    """What could not be read, with every name replaced."""
    return one._replace(source=source(redactor, one.source), message=redactor.text(one.message))


# ----------------------------------------------------------------------------------------------------------- data


def data(redactor: Redactor, given: Any, key: str = "") -> Any:
    """A JSON-like structure (``show -f json``) with every name in its texts replaced; paths by their parts."""
    if isinstance(given, dict):
        return {
            (redactor.text(name) if key == "data" else name): data(redactor, value, name)
            for name, value in given.items()
        }
    if isinstance(given, list):
        return [data(redactor, value, key) for value in given]
    if not isinstance(given, str) or key in well_known().format_words:
        return given
    return redactor.path(given) if key == "path" else redactor.text(given)


def lines(redactor: Redactor, text: str, given: Any) -> str:
    """A text form with every name replaced. ``given``: the JSON form of the same, which tells what in it is a path."""
    paths = sorted(set(_paths(given)), key=lambda path: (-len(path), path))
    shown = {plain(path): redactor.path(path) for path in paths}
    out = []
    for line in text.splitlines():
        for path, pseudonym in shown.items():
            if path in line:
                line = line.replace(path, pseudonym)
        out.append(redactor.text(line))
    return "\n".join(out) + "\n"


def _paths(given: Any) -> Iterator[str]:
    if isinstance(given, dict):
        for name, value in given.items():
            if name == "path" and isinstance(value, str):
                yield value
            else:
                yield from _paths(value)
    elif isinstance(given, list):
        for value in given:
            yield from _paths(value)
