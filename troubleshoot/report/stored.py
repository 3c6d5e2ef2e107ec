"""A report read back from its JSON form, so that what was found last year can be shown without its files.

What the form does not hold is not there: fields of captures, records behind attempts. The rest comes back as it was:
``jsonform.report(stored.report(form)) == form``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from troubleshoot.model import (
    Account,
    Attempt,
    Capture,
    Clock,
    Collected,
    Coverage,
    Device,
    FileRead,
    Finding,
    FixStep,
    LogSpan,
    NotChecked,
    Problem,
    Proof,
    Report,
    Result,
    Row,
    Source,
    UnexplainedCode,
    Unread,
)

_Form = Mapping[str, Any]


def result(line: _Form, rules: str = "") -> Result:
    """One line of a run's ``reports.jsonl``. Raises KeyError, TypeError or ValueError for what is no such line."""
    reports = (report(line["report"]),) if line["report"] else ()
    unread = tuple(Unread(one["path"], one["reason"], one.get("kind", "unreadable")) for one in line["unread"])
    return Result(reports, unread, rules)


def report(form: _Form) -> Report:
    """The report of one device."""
    device = form["device"]
    return Report(
        device=Device(
            **{name: device[name] for name in Device._fields if name != "names"}, names=tuple(device["names"])
        ),
        as_of=_time(form["as_of"]),
        join_state=form["join_state"],
        domain_type=form["domain_type"],
        verdict=form["verdict"],
        summary=form["summary"],
        findings=_findings(form["findings"]),
        resolved=_findings(form["resolved"]),
        benign=_findings(form["benign"]),
        unexplained_codes=tuple(
            UnexplainedCode(one["code"], one["name"], one["meaning"], _source(one["source"]))
            for one in form["unexplained_codes"]
        ),
        not_checked=tuple(NotChecked(one["collect"], one["why"], tuple(one["rules"])) for one in form["not_checked"]),
        attempts=tuple(_attempt(one) for one in form["attempts"]),
        coverage=_coverage(form["coverage"]),
        problems=tuple(
            Problem(_source(one["source"]), one["kind"], one["message"], one["lost"]) for one in form["problems"]
        ),
        replaced_rules=tuple(form.get("replaced_rules", ())),
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _source(form: _Form) -> Source:
    return Source(form["path"], form.get("line"), form.get("record"), form.get("channel"))


def _findings(forms: Sequence[_Form]) -> tuple[Finding, ...]:
    return tuple(_finding(one) for one in forms)


_FINDING = (
    "rule",
    "title",
    "phase",
    "severity",
    "confidence",
    "user",
    "cause",
    "wait",
    "fingerprint",
    "reason",
    "settle",
)
_FINDING_LISTS = ("covers", "codes", "avoid", "benign_when", "references", "not_ruled_out")


def _finding(form: _Form) -> Finding:
    values: dict[str, Any] = {name: form[name] for name in _FINDING}
    values |= {name: tuple(form[name]) for name in _FINDING_LISTS}
    return Finding(
        **values,
        fix=tuple(
            FixStep(one["do"], one["who"], one["where"], one["as"], one["run"], one["expect"], one["undo"])
            for one in form["fix"]
        ),
        evidence=tuple(Proof(_source(one["source"]), one["text"]) for one in form["evidence"]),
        symptoms=_findings(form["symptoms"]),
        time=_time(form["time"]),
    )


_ATTEMPT = tuple(
    name
    for name in Attempt._fields
    if name not in ("time", "codes", "account", "sources", "events", "printed", "proof", "since")
)


def _attempt(form: _Form) -> Attempt:
    return Attempt(
        **{name: form[name] for name in _ATTEMPT},
        time=_time(form["time"]),
        since=_time(form["since"]),
        codes=tuple(form["codes"]),
        sources=tuple(_source(one) for one in form["sources"]),
    )


def _coverage(form: _Form) -> Coverage:
    made = form["collection"]
    collected = made and Collected(
        (),
        form["collector"],
        made["version"],
        _time(made["from"]),
        _time(made["to"]),
        made["utc_offset"],
        made["unfinished"],
        never=tuple(made["not_gathered"]),
    )
    logs = tuple(
        LogSpan(
            one["channel"],
            _time(one["from"]),
            _time(one["to"]),
            one["records"],
            one["lost"],
            Source(one["path"], channel=one["channel"]),
            one["skipped"],
        )
        for one in form["logs"]
    )
    clock = form.get("clock")
    return Coverage(
        collected or None,
        tuple(form["kinds"]),
        logs,
        tuple(_capture(one) for one in form["captures"]),
        tuple(_row(one) for one in form.get("rows", ())),
        tuple(FileRead(**{**one, "components": tuple(one.get("components", ()))}) for one in form.get("files", ())),
        Clock(clock["utc_offset"], _source(clock["source"])) if clock else None,
    )


_ROW = tuple(name for name in Row._fields if name not in ("source", "time", "account", "said"))


def _row(form: _Form) -> Row:
    return Row(
        **{name: form[name] for name in _ROW},
        source=Source(form["path"]),
        time=_time(form["time"]),
        account=Account(form["account"], "user") if form["account"] else None,
        said=MappingProxyType(dict(form["said"])),
    )


def _capture(form: _Form) -> Capture:
    account = form["account"] and Account(form["account"], "user")
    nothing: Mapping[str, Any] = MappingProxyType({})
    return Capture(
        form["kind"],
        _source(form["source"]),
        _time(form["time"]),
        account or None,
        form["elevated"],
        (),
        nothing,
        nothing,
    )
