"""From one input's reports to lines of ``reports.jsonl``, and from a line to its rows in the tables.

A row is a tuple in the order of ``data/run_folder.yaml``, without the columns of :data:`NUMBERS`, which are known only when all
inputs are: :mod:`troubleshoot.batch.runfolder` puts them in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

Line: TypeAlias = dict[str, Any]
"""One line of ``reports.jsonl``: source, verdict, report (null where there is none), unread, facts; page, where pages are made."""
Row: TypeAlias = tuple[Any, ...]
Rows: TypeAlias = dict[str, list[Row]]
NUMBERS = ("line", "input")
"""The columns of a row that say where in the run it stands."""

_NO_REPORT: Mapping[str, Any] = {"device": {}, "findings": (), "problems": (), "attempts": (), "not_checked": ()}


def lines(source: str, form: Mapping[str, Any], facts: Sequence[Mapping[str, str]] = ()) -> Iterator[Line]:
    """The lines of one input: the report of each device in it, or one with the reasons why there is none.

    What could not be read stands in the first; a row of a table whose device has no report has a line of its own.
    ``form``: the JSON form of ``diagnose``; ``facts``: of each device.
    """
    unread = [{**one, "path": one["path"] or source} for one in form["unread"] if "row" not in one]
    lost = [one for one in form["unread"] if "row" in one]
    reports = form["devices"] or ([None] if unread or not lost else [])
    for number, report in enumerate(reports):
        yield {
            "source": source,
            "verdict": report["verdict"] if report else "unread",
            "report": report,
            "unread": [] if number else unread,
            "facts": dict(facts[number]) if number < len(facts) else {},
        }
    for group in _by_device(lost):
        yield {"source": source, "verdict": "unread", "report": None, "unread": group, "facts": {}}


def _by_device(lost: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for one in lost:
        name = one["row"]["device"]
        groups.setdefault(name.casefold() if name else f"\0{one['path']}", []).append(one)
    yield from groups.values()


def rows_of(line: Line) -> Rows:
    """The rows of one line in every table."""
    report = line["report"] or _NO_REPORT
    name = report["device"].get("name") or next((one["row"]["device"] for one in line["unread"] if "row" in one), None)
    start = (line["source"], name)
    found = list(_findings(report))
    return {
        "devices": [_device(line, report, start)],
        "findings": [(*start, *_finding(role, root, one)) for role, root, one in found],
        "attempts": [(*start, *_attempt(one)) for one in report["attempts"]],
        "problems": list(_problems(line, report, start)),
        "codes": list(dict.fromkeys(_codes(report, found, start))),
        "collect": [(*start, one["collect"], one["why"], " ".join(one["rules"])) for one in report["not_checked"]],
        "facts": [(*start, *pair) for pair in sorted(line["facts"].items())],
        "rows": [(*start, *_row(one)) for one in _rows(line, report)],
    }


# ------------------------------------------------------------------------------------------------------- each table


def _device(line: Line, report: Mapping[str, Any], start: Row) -> Row:
    device, unread = report["device"], line["unread"]
    root = report["findings"][0] if report["findings"] else {}
    coverage = report.get("coverage") or {"collector": None, "captures": ()}
    newest: Mapping[str, Any] = max(coverage["captures"], key=lambda one: one["time"] or "", default={})
    return (
        *start,
        device.get("domain"),
        device.get("device_id"),
        device.get("tenant_id"),
        report.get("as_of"),
        report.get("join_state"),
        report.get("domain_type"),
        line["verdict"],
        report.get("summary") or "; ".join(one["reason"] for one in unread),
        root.get("rule"),
        root.get("phase"),
        root.get("severity"),
        root.get("confidence"),
        len(report["findings"]),
        len(report["problems"]),
        len(unread),
        _state(line, report),
        root.get("title"),
        _first(root, "who"),
        " ".join(root["codes"]) if root else None,
        root.get("user"),
        root.get("wait"),
        root.get("fingerprint"),
        device.get("tenant_name"),
        device.get("os_build"),
        coverage["collector"],
        newest.get("account"),
        newest.get("elevated"),
        _cut(coverage),
        len(report["attempts"]),
        len(report["not_checked"]),
        line.get("page"),
    )


def _cut(coverage: Mapping[str, Any]) -> str | None:
    """Where the channel of a table cut the output of the row that decides."""
    rows = coverage.get("rows") or ({"cut": None},)
    return rows[0]["cut"] if rows[0]["cut"] in ("head", "tail", "both") else None


def _rows(line: Line, report: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from (report.get("coverage") or {}).get("rows", ())
    yield from (one["row"] for one in line["unread"] if "row" in one)


def _row(one: Mapping[str, Any]) -> Row:
    return (
        one["path"],
        one["number"],
        one["rows"],
        one["channel"],
        one["outcome"],
        one["reason"],
        one["time"],
        one["time_origin"],
        one["account"],
        one["cut"],
        one["superseded"],
        one["device_id"],
    )


def _state(line: Line, report: Mapping[str, Any]) -> str:
    """How much of the input was read. What no parser needs, or nobody should read, does not make it partial."""
    kinds = [one["kind"] for one in (*line["unread"], *report["problems"])]
    if line["report"] is None:
        return "lost" if "lost" in kinds else "unread"
    return "partial" if any(kind not in ("unsupported", "refused") for kind in kinds) else "read"


def _first(finding: Mapping[str, Any], name: str) -> Any:
    steps = finding.get("fix")
    return steps[0][name] if steps else None


def _findings(report: Mapping[str, Any]) -> Iterator[tuple[str, str | None, Mapping[str, Any]]]:
    """(role, rule of its root, finding), roots before their symptoms."""

    def walk(found: Sequence[Mapping[str, Any]], role: str, root: str | None) -> Iterator[Any]:
        for one in found:
            yield role, root or one["rule"], one
            yield from walk(one["symptoms"], "symptom", root or one["rule"])

    for place, role in (("findings", "root"), ("resolved", "resolved"), ("benign", "benign")):
        yield from walk(report.get(place, ()), role, None)


def _finding(role: str, root: str | None, one: Mapping[str, Any]) -> Row:
    proof = one["evidence"][0] if one["evidence"] else {"source": {}, "text": None}
    return (
        role,
        one["rule"],
        root,
        one["title"],
        one["phase"],
        one["severity"],
        one["confidence"],
        " ".join(one["codes"]),
        one["user"],
        one["time"],
        _first(one, "who"),
        one["fingerprint"],
        " ".join(one["covers"]),
        one["reason"],
        one["wait"],
        _first(one, "do"),
        proof["text"],
        *_place(proof["source"]),
    )


def _place(source: Mapping[str, Any]) -> Row:
    return source.get("path"), source.get("line", source.get("record"))


_ATTEMPT = (
    *("suberror", "server_code", "server_subcode", "operation", "message", "registration", "tenant_type"),
    *("http_status", "http_error", "endpoint", "user", "request_id", "correlation_id"),
)


def _attempt(one: Mapping[str, Any]) -> Row:
    return (
        one["flow"],
        one["time"],
        one["since"],
        one["repeats"],
        one["phase"],
        one["outcome"],
        " ".join(one["codes"]),
        *(one[name] for name in _ATTEMPT),
        *_place(one["sources"][0] if one["sources"] else {}),
    )


def _problems(line: Line, report: Mapping[str, Any], start: Row) -> Iterator[Row]:
    for one in line["unread"]:
        yield start[0], None, True, one["path"], None, one["kind"], one["reason"], one.get("lost")
    for one in report["problems"]:
        yield *start, False, *_place(one["source"]), one["kind"], one["message"], one["lost"]


def _codes(
    report: Mapping[str, Any], found: Sequence[tuple[str, str | None, Mapping[str, Any]]], start: Row
) -> Iterator[Row]:
    for role, _, one in found:
        for code in one["codes"]:
            yield *start, code, role, one["rule"], None, None
    for one in report.get("unexplained_codes", ()):
        yield *start, one["code"], "unexplained", None, one["name"], one["meaning"]
