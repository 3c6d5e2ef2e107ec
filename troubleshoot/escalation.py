"""What Microsoft's support asks for, of one device, as plain data: ids, times, what failed, what is missing, the proof and the files.

Support asks who is affected, since when, what was tried, and for request and correlation ids with their times in UTC; three questions
of scope only people can answer, so they stay blanks. The form as text: :mod:`troubleshoot.report.escalated`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from troubleshoot import __version__, words
from troubleshoot.attempts import failures_since_success
from troubleshoot.case import Case
from troubleshoot.cloudfacts import local_ids
from troubleshoot.match import Evaluator
from troubleshoot.model import Attempt, Finding, NotChecked, Proof, Report, Source
from troubleshoot.outcomes import signals
from troubleshoot.pseudonyms import Redactor
from troubleshoot.report import jsonform
from troubleshoot.ruleset import Ruleset
from troubleshoot.times import iso, order

SCHEMA_VERSION = "1"
Data: TypeAlias = dict[str, Any]
_NETWORK = ("proxy.", "dc.", "secure-channel", "kerberos.tgt", "endpoint.", "tls12.", "clock.")
_WANTED = ("proxy.winhttp", "proxy.system", "proxy.user", "dc.located", "secure-channel")
_AUTH_SCRIPTS = "auth"
_MOST_ATTEMPTS = 50


class Known(NamedTuple):
    """What a package needs beside the report, taken from the case before any name is replaced.

    ``last_good``: the newest success of what fails now, before it failed; ``first_seen`` and ``last_seen``: of its failures since.
    ``log_from``: where the log that would tell begins. ``network``: facts about proxies and domain controllers.
    """

    ids: tuple[str, ...]
    user: str | None
    first_seen: datetime | None
    last_seen: datetime | None
    last_good: datetime | None
    log_from: tuple[str, datetime] | None
    network: tuple[tuple[str, str, Source], ...]
    missing: tuple[NotChecked, ...]


def known(ruleset: Ruleset, case: Case, report: Report) -> Known:
    """Gather it. The first finding decides which flow is meant."""
    found = report.findings[0] if report.findings else None
    flow = ruleset.vocabulary["phases"].get(found.phase) if found else None
    last_good = _last_good(ruleset, case, found, flow)
    failed = [
        moment for one in case.attempts if one.flow == flow and one.outcome == "failed" for moment in _moments(one)
    ]
    since = [moment for moment in failed if last_good is None or moment > last_good]
    if found is not None and found.time is not None and found.time.tzinfo is not None:
        since.append(found.time)
    network = tuple(
        (name, fact.value, fact.source)
        for name in sorted(case.facts)
        if name.startswith(_NETWORK)
        for fact in case.facts[name]
    )
    return Known(
        local_ids(case.device, case.attempts),
        (found.user if found else None) or next(filter(None, map(case.capture_user, case.captures)), None),
        min(since, default=None),
        max(since, default=None),
        last_good,
        _log_from(ruleset, case, flow),
        network,
        tuple(_missing(ruleset, case, report)),
    )


def _moments(attempt: Attempt) -> Iterator[datetime]:
    for one in (attempt.since, attempt.time):
        if one is not None and one.tzinfo is not None:
            yield one


def _last_good(ruleset: Ruleset, case: Case, found: Finding | None, flow: str | None) -> datetime | None:
    """The newest success of the flow, or of what would settle the finding, before the finding's own evidence."""
    good = [
        moment for one in case.attempts if one.flow == flow and one.outcome == "succeeded" for moment in _moments(one)
    ]
    if found is not None:
        rule = ruleset.rule(ruleset.numbers[found.rule])
        good += [
            moment for moment, _ in signals(Evaluator(ruleset, case), rule.resolved_by) if moment.tzinfo is not None
        ]
        if found.time is not None and found.time.tzinfo is not None:
            good = [moment for moment in good if moment <= found.time]
    return max(good, default=None)


def _log_from(ruleset: Ruleset, case: Case, flow: str | None) -> tuple[str, datetime] | None:
    channels = {one["channel"] for one in ruleset.vocabulary["providers"].values() if flow and one.get("flow") == flow}
    spans = [
        (span.channel, span.first) for span in case.log_spans if span.channel in channels and span.first is not None
    ]
    told = [(channel, first) for channel, first in spans if channel and first and first.tzinfo is not None]
    return min(told, key=lambda one: order(one[1]), default=None)


def _missing(ruleset: Ruleset, case: Case, report: Report) -> Iterator[NotChecked]:
    """What the report could not check, then what support asks for and the input lacks."""
    yield from report.not_checked
    collected = {one.collect for one in report.not_checked}
    for name in _WANTED:
        entry = ruleset.vocabulary["facts"][name]
        if name not in case.facts and entry["collect"] not in collected:
            collected.add(entry["collect"])
            yield NotChecked(entry["collect"], words.PACK["wanted"].format(about=entry["about"]), ())
    made = report.coverage.collected
    if made is None or _AUTH_SCRIPTS not in made.ids:
        yield NotChecked(words.PACK["auth_scripts"], words.PACK["auth_why"], ())


# ------------------------------------------------------------------------------------------------------------ data


def data(report: Report, known: Known, rules: str) -> Data:
    """The package of one device as JSON-like data; report and ``known`` may already hold pseudonyms."""
    found = report.findings[0] if report.findings else None
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"version": __version__, "rules": rules},
        "device": jsonform.device(report.device),
        "device_ids": list(known.ids),
        "user": known.user,
        "as_of": iso(report.as_of),
        "join_state": report.join_state,
        "join_type": report.domain_type,
        "verdict": report.verdict,
        "stage": found.phase if found else None,
        "findings": [jsonform.finding(one) for one in report.findings],
        "codes": list(_codes(report)),
        "times": {
            "first_seen": iso(known.first_seen),
            "last_seen": iso(known.last_seen),
            "last_good": iso(known.last_good),
            "log_begins": {"channel": known.log_from[0], "time": iso(known.log_from[1])} if known.log_from else None,
        },
        "attempts": [jsonform.attempt(one) for one in report.attempts[:_MOST_ATTEMPTS]],
        "attempts_left_out": max(len(report.attempts) - _MOST_ATTEMPTS, 0),
        "network": [
            {"name": name, "value": value, "source": jsonform.source(source)} for name, value, source in known.network
        ],
        "scope": [{"question": one, "answer": None} for one in words.PACK_SCOPE],
        "tried": list(_tried(report.findings)),
        "missing": [{"collect": one.collect, "why": one.why} for one in known.missing],
        "evidence": [{"source": jsonform.source(one.source), "text": one.text} for one in evidence(report)],
    }


def _codes(report: Report) -> Iterator[Data]:
    from troubleshoot.codebook import brief

    every = [code for one in report.findings for code in one.codes] + [one.code for one in report.unexplained_codes]
    for one in failures_since_success(report.attempts):
        every += [*one.codes, *filter(None, (one.suberror,))]
    for code in dict.fromkeys(every):
        name, meaning = brief(code)
        yield {"code": code, "name": name, "meaning": meaning}


def _tried(findings: Iterable[Finding]) -> Iterator[Data]:
    """The steps of the report, to be ticked off; what else was tried goes below."""
    for one in findings:
        for step in one.fix:
            yield {"do": step.do, "who": step.who, "run": step.run, "when": None, "result": None}


def evidence(report: Report) -> tuple[Proof, ...]:
    """Every line that the report rests on, once, in the order of the files: of active, resolved and benign findings alike."""
    found: dict[Proof, None] = {}
    todo: list[Finding] = [*report.findings, *report.resolved, *report.benign]
    while todo:
        one = todo.pop()
        found.update(dict.fromkeys(one.evidence))
        todo += one.symptoms
    return tuple(sorted(found, key=_place))


def _place(proof: Proof) -> tuple[Any, ...]:
    source = proof.source
    return source.path, source.line or 0, source.record or 0, source.channel or "", proof.text


def redacted(redactor: Redactor, given: Known) -> Known:
    """``given`` with every name replaced."""
    text = redactor.text
    return given._replace(
        ids=tuple(text(one) for one in given.ids),
        user=redactor.optional(given.user),
        network=tuple(
            (name, text(value), source._replace(path=redactor.path(source.path)))
            for name, value, source in given.network
        ),
    )
