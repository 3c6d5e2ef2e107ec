"""The JSON form of ``diagnose``: the contract with programs. Its JSON Schema: ``data/report.schema.json``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson

from troubleshoot import __version__
from troubleshoot.model import (
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
    Problem,
    Report,
    Result,
    Row,
    Source,
    TableRead,
    Unread,
)
from troubleshoot.times import iso

SCHEMA_VERSION = "1"


def dump(result: Result) -> bytes:
    """The JSON text of a result, UTF-8, indented."""
    return text_of(form(result))


_ACTIVE = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def text_of(data: dict[str, Any]) -> bytes:
    """JSON in which nothing acts on a terminal either: direction marks and C1 controls stand as escapes."""
    raw = orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if raw.isascii():
        return raw
    return _ACTIVE.sub(lambda found: f"\\u{ord(found[0]):04x}", raw.decode()).encode()


def form(result: Result) -> dict[str, Any]:
    """The JSON form as plain data."""
    data: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "tool": {"version": __version__, "rules": result.rules_version},
        "devices": [report(one) for one in result.reports],
        "unread": [unread(one) for one in result.unread],
    }
    if result.tables:
        data["tables"] = [table(one) for one in result.tables]
    if result.redacted is not None:
        data["redacted"] = dict(result.redacted)
    return data


def unread(one: Unread) -> dict[str, Any]:
    """An input that gave nothing."""
    out: dict[str, Any] = {"path": one.path, "reason": one.reason, "kind": one.kind}
    if one.row is not None:
        out["row"] = row(one.row)
    return out


def table(one: TableRead) -> dict[str, Any]:
    """A table of many devices: how it was read, and what its rows came to."""
    return {
        "path": one.path,
        "channel": one.channel,
        "title": one.title,
        "rows": one.rows,
        "outcomes": dict(one.outcomes),
        "devices": one.devices,
        "columns": dict(one.columns),
        "notes": list(one.notes),
    }


def row(one: Row) -> dict[str, Any]:
    """One row of a table of many devices, or one file or part of a collection from many."""
    return {
        "path": one.source.path,
        "number": one.number,
        "rows": one.rows,
        "channel": one.channel,
        "title": one.title,
        "outcome": one.outcome,
        "reason": one.reason,
        "device": one.device,
        "device_id": one.device_id,
        "time": iso(one.time),
        "time_origin": one.time_origin,
        "account": one.account.name or one.account.kind if one.account else None,
        "cut": one.cut,
        "superseded": one.superseded,
        "said": dict(one.said),
    }


def device(one: Device) -> dict[str, Any]:
    """Who the device is."""
    return {
        "name": one.name,
        "names": list(one.names),
        "domain": one.domain,
        "device_id": one.device_id,
        "tenant_id": one.tenant_id,
        "tenant_name": one.tenant_name,
        "os_build": one.os_build,
    }


def report(one: Report) -> dict[str, Any]:
    """The report of one device."""
    return {
        "device": device(one.device),
        "as_of": iso(one.as_of),
        "join_state": one.join_state,
        "domain_type": one.domain_type,
        "verdict": one.verdict,
        "summary": one.summary,
        "findings": [finding(each) for each in one.findings],
        "resolved": [finding(each) for each in one.resolved],
        "benign": [finding(each) for each in one.benign],
        "unexplained_codes": [
            {"code": each.code, "name": each.name, "meaning": each.meaning, "source": source(each.source)}
            for each in one.unexplained_codes
        ],
        "not_checked": [
            {"collect": each.collect, "why": each.why, "rules": list(each.rules)} for each in one.not_checked
        ],
        "attempts": [attempt(each) for each in one.attempts],
        "coverage": coverage(one.coverage),
        "problems": problems(one.problems),
        "replaced_rules": list(one.replaced_rules),
    }


def source(one: Source) -> dict[str, Any]:
    """Where evidence stands: path and line, or path, record and channel."""
    path, line, record, channel = one
    out: dict[str, Any] = {"path": path} if line is None else {"path": path, "line": line}
    if record is not None:
        out["record"] = record
    if channel is not None:
        out["channel"] = channel
    return out


def finding(one: Finding) -> dict[str, Any]:
    """One finding, its symptoms inside."""
    return {
        "rule": one.rule,
        "title": one.title,
        "phase": one.phase,
        "severity": one.severity,
        "confidence": one.confidence,
        "covers": list(one.covers),
        "codes": list(one.codes),
        "user": one.user,
        "time": iso(one.time),
        "reason": one.reason,
        "cause": one.cause,
        "wait": one.wait,
        "avoid": list(one.avoid),
        "fingerprint": one.fingerprint,
        "fix": _steps(one.fix),
        "benign_when": list(one.benign_when),
        "references": list(one.references),
        "evidence": [{"source": source(proof.source), "text": proof.text} for proof in one.evidence],
        "symptoms": [finding(each) for each in one.symptoms],
        "not_ruled_out": list(one.not_ruled_out),
        "settle": one.settle,
    }


@lru_cache(maxsize=512)
def _steps(fix: tuple[FixStep, ...]) -> list[dict[str, Any]]:
    """The steps of a rule; the same for all devices that it fits."""
    return [step(each) for each in fix]


def step(one: FixStep) -> dict[str, Any]:
    """One step of a fix."""
    return {
        "do": one.do,
        "who": one.who,
        "where": one.where,
        "as": one.run_as,
        "run": one.run,
        "expect": one.expect,
        "undo": one.undo,
    }


def attempt(one: Attempt) -> dict[str, Any]:
    """One attempt to join or to get a token."""
    return {
        "flow": one.flow,
        "time": iso(one.time),
        "phase": one.phase,
        "outcome": one.outcome,
        "codes": list(one.codes),
        "suberror": one.suberror,
        "server_code": one.server_code,
        "server_subcode": one.server_subcode,
        "operation": one.operation,
        "message": one.message,
        "registration": one.registration,
        "tenant_type": one.tenant_type,
        "http_status": one.http_status,
        "http_error": one.http_error,
        "endpoint": one.endpoint,
        "user": one.user,
        "request_id": one.request_id,
        "correlation_id": one.correlation_id,
        "repeats": one.repeats,
        "since": iso(one.since),
        "sources": [source(each) for each in one.sources],
    }


def span(one: LogSpan) -> dict[str, Any]:
    """How far one log reaches."""
    return {
        "channel": one.channel,
        "from": iso(one.first),
        "to": iso(one.last),
        "records": one.records,
        "lost": one.lost,
        "skipped": one.skipped,
        "path": one.source.path,
    }


def capture_line(one: Capture) -> dict[str, Any]:
    """When and by whom a capture was taken."""
    return {
        "kind": one.kind,
        "time": iso(one.time),
        "account": one.account.name or one.account.kind if one.account else None,
        "elevated": one.elevated,
        "source": source(one.source),
    }


def collection(one: Collected) -> dict[str, Any]:
    """When and where a collector ran, and what it never gathers."""
    return {
        "version": one.version,
        "from": iso(one.started),
        "to": iso(one.stopped),
        "utc_offset": one.utc_offset,
        "unfinished": one.unfinished,
        "not_gathered": list(one.never),
    }


def coverage(one: Coverage) -> dict[str, Any]:
    """What was collected."""
    return {
        "collector": one.collector,
        "collection": collection(one.collected) if one.collected else None,
        "kinds": list(one.kinds),
        "logs": [span(each) for each in one.logs],
        "captures": [capture_line(each) for each in one.captures],
        **({"clock": clock(one.clock)} if one.clock else {}),
        **({"rows": [row(each) for each in one.rows]} if one.rows else {}),
        **({"files": [file(each) for each in one.files]} if one.files else {}),
    }


def file(one: FileRead) -> dict[str, Any]:
    """A file that gave evidence besides captures and event records."""
    shown = {"path": one.path, "kind": one.kind, "items": one.items}
    return {**shown, "components": list(one.components)} if one.components else shown


def clock(one: Clock) -> dict[str, Any]:
    """The offset of the device's clock, and where it is told."""
    return {"utc_offset": one.offset, "source": source(one.source)}


def problems(found: Sequence[Problem]) -> list[dict[str, Any]]:
    """What could not be read."""
    return [{"source": source(one.source), "kind": one.kind, "message": one.message, "lost": one.lost} for one in found]
