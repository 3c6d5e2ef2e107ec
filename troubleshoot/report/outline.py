"""A report as a list of paragraphs with roles, from which the plain, terminal and Markdown forms are printed alike.

Every text of a log has gone through :func:`~troubleshoot.report.safe.plain`; roles decide how a form prints a paragraph.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from troubleshoot import words
from troubleshoot.model import (
    Collected,
    FileRead,
    Finding,
    FixStep,
    LogSpan,
    Proof,
    Report,
    Result,
    Row,
    Source,
    TableRead,
    Unread,
)
from troubleshoot.report import sentences
from troubleshoot.report.safe import plain
from troubleshoot.times import both, iso

_MOST_PROOFS = 8
_PROOF = 200  # characters of a proof; the whole stands in the JSON form
_FIRST_PROOFS = 3  # before the steps, so that cause, proof and first step stand on one screen
_OURS = frozenset({"verdict", "state", "title", "text", "step"})  # roles that print words of rules and of reports
_MOST_LINES = 12
_FIRST = 2  # files with one reason that are named, where many were not read


class Part(NamedTuple):
    """One paragraph. ``role``: verdict, state, title, heading, text, proof, step, command, note,
    item, line (an item that is never wrapped), gap."""

    role: str
    text: str
    depth: int = 0
    mark: str = ""


def of(result: Result) -> Iterator[Part]:
    """The whole result, device by device, then what could not be read."""
    if len(result.reports) > 1:
        for report in result.reports:
            yield Part("item", plain(report.summary))
        yield Part("gap", "")
    for report in result.reports:
        yield from _named_once(device(report))
    secrets = [one for one in result.unread if (one.kind, one.lost) == ("refused", 0)]
    others = [one for one in result.unread if (one.kind, one.lost) != ("refused", 0)]
    for heading, found in (("secrets", secrets), ("problems", others)):
        if found:
            yield Part("heading", words.HEADINGS[heading])
            yield from _unread(found)
    if result.tables:
        yield Part("heading", words.HEADINGS["tables"])
        for table in result.tables[:_MOST_LINES]:
            yield from table_in_words(table)
        if len(result.tables) > _MOST_LINES:
            yield Part("item", f"{len(result.tables) - _MOST_LINES} more tables, in the JSON form")
    if result.redacted is not None:
        told = ", ".join(f"{count} {kind}" for kind, count in result.redacted.items()) or "nothing to replace"
        yield Part("note", f"{words.HEADINGS['redacted']}: {told}")


def table_in_words(one: TableRead) -> Iterator[Part]:
    """One table: what its rows came to, which add up to those that were read, and what was found in which column."""
    counts = ", ".join(f"{count} {name}" for name, count in one.outcomes.items()) or "none"
    columns = "; ".join(f"{name}: {plain(column)}" for name, column in one.columns.items())
    yield Part(
        "item",
        f"{plain(one.path, 120)} ({one.title}): {one.rows} row{'s' if one.rows != 1 else ''} = {counts}; "
        f"{one.devices} device{'s' if one.devices != 1 else ''}; columns: {columns}",
    )
    for note in one.notes:
        yield Part("item", plain(note), 1)


def _unread(found: Sequence[Unread]) -> Iterator[Part]:
    """Each reason with its first files, those that lie least deep in archives in front; the others become a number."""
    groups: dict[str, list[Unread]] = {}
    for one in sorted(found, key=lambda one: (one.kind == "unsupported", one.path.count("/"))):
        groups.setdefault(one.reason, []).append(one)
    many = len(found) > _MOST_LINES
    shown = 0
    for reason, group in list(groups.items())[:_MOST_LINES]:
        first = group[:_FIRST] if many else group
        shown += len(first)
        for one in first:
            yield Part("line", f"{plain(one.path)}: {plain(reason)}")
        if len(group) > len(first):
            shown += len(group) - len(first)
            yield Part("item", f"{len(group) - len(first)} more files: {plain(reason)}")
    if shown < len(found):
        yield Part("item", f"{len(found) - shown} more files, named in the JSON form")


def _named_once(parts: Iterable[Part]) -> Iterator[Part]:
    """The parts, with the former name of the directory after its first mention in words of ours."""
    named = False
    for part in parts:
        if not named and part.role in _OURS:
            text, named = sentences.named_once(part.text)
            part = part._replace(text=text)
        yield part


def device(report: Report) -> Iterator[Part]:
    """One device: the verdict and its cause first, what was read last."""
    name = plain(report.device.name or words.NO_NAME)
    first = report.findings[0] if report.findings else None
    headline = (
        f"{plain(first.title)}{_owner(first)}" if first else words.nothing_found(report.verdict, report.join_state)
    )
    yield Part("verdict", f"{words.VERDICTS[report.verdict]}  {headline}", mark=report.verdict)
    state = [name, words.JOIN_STATES[report.join_state]]
    if report.domain_type != "unknown":
        state.append(f"{report.domain_type} domain")
    if report.as_of is not None:
        state.append(f"{words.AS_OF} {both(report.as_of, report.coverage.offset)}")
    lost = sum(problem.lost or 0 for problem in report.problems)
    if report.problems:
        state.append(
            f"input incomplete: {len(report.problems)} problem{'s' if len(report.problems) > 1 else ''}"
            + (f", {lost} records lost" if lost else "")
        )
    yield Part("state", " · ".join(state))
    yield Part("gap", "")
    for number, finding in enumerate(report.findings):
        if number == 1:
            yield Part("heading", words.HEADINGS["others"])
        yield from _finding(finding, report, number == 0)
    for key, found in (("resolved", report.resolved), ("benign", report.benign)):
        if found:
            yield Part("heading", words.HEADINGS[key])
            for finding in found:
                yield Part("item", f"{finding.title}{_owner(finding)}: {plain(finding.reason or '')}")
                for proof in finding.evidence[:2]:
                    yield Part("proof", plain(proof.text, _PROOF), 1, place(proof.source))
    yield from _open_ends(report)
    yield from _read(report)


def _owner(finding: Finding) -> str:
    return f" ({plain(finding.user)})" if finding.user else ""


def _finding(finding: Finding, report: Report, first: bool) -> Iterator[Part]:
    """One finding: state, cause, owner; how sure; the proof; how long to wait; the steps; what not to do; then the rest."""
    if not first:
        yield Part("title", f"{finding.title}{_owner(finding)}", mark=finding.severity)
    cause, background = sentences.cause(finding)
    who = sentences.owner(finding)
    yield Part("text", sentences.state(finding, report.join_state), 1, words.HEADINGS["state"])
    yield Part("text", cause, 1, words.HEADINGS["cause"])
    yield Part("text", words.WHO[who] if who else "-", 1, words.HEADINGS["owner"])
    yield Part("text", sentences.sure(finding), 1, words.HEADINGS["sure"])
    yield from _proofs("proof", finding.evidence[:_FIRST_PROOFS])
    if (wait := sentences.wait(finding)) is not None:
        yield Part("text", wait, 1, words.HEADINGS["wait"])
    if finding.fix:
        yield Part("heading", words.HEADINGS["fix"], 1)
        for number, step in enumerate(finding.fix, 1):
            yield from _step(number, step)
    for text in finding.avoid:
        yield Part("text", text, 1, words.HEADINGS["avoid"])
    for text in finding.benign_when:
        yield Part("text", text, 1, words.HEADINGS["benign_when"])
    if background:
        yield Part("text", background, 1, words.HEADINGS["background"])
    others = [one for one in finding.not_ruled_out if one != finding.settle]
    if others:
        yield Part("text", "; ".join(others), 1, words.HEADINGS["not_ruled_out"])
    yield from _proofs("more_proof", finding.evidence[_FIRST_PROOFS:_MOST_PROOFS])
    if len(finding.evidence) > _MOST_PROOFS:
        yield Part("proof", f"{len(finding.evidence) - _MOST_PROOFS} more, in the JSON form", 1)
    if finding.symptoms:
        yield Part("heading", words.HEADINGS["symptoms"], 1)
        for symptom in finding.symptoms:
            yield Part("item", f"{symptom.title}{_owner(symptom)}", 1)
            for proof in symptom.evidence[:2]:
                yield Part("proof", plain(proof.text), 2, place(proof.source))
    told = [f"{finding.severity}, rule {finding.rule}", *([", ".join(finding.codes)] if finding.codes else [])]
    told.append(f"{words.HEADINGS['fingerprint'].casefold()} {finding.fingerprint}")
    yield Part("note", " · ".join(told), 1)
    for url in finding.references[:2]:
        yield Part("note", url, 1)
    yield Part("gap", "")


def _proofs(heading: str, proofs: Sequence[Proof]) -> Iterator[Part]:
    if proofs:
        yield Part("heading", words.HEADINGS[heading], 1)
    path = None
    for proof in proofs:
        source = proof.source
        where = place(source)
        if source.path == path and (source.line is not None or source.record is not None):
            where = f"line {source.line}" if source.line is not None else f"record {source.record}"  # of the file above
        path = source.path
        yield Part("proof", plain(proof.text, _PROOF), 1, where)


def _step(number: int, step: FixStep) -> Iterator[Part]:
    where = words.WHERE.get(step.where or "", step.where)
    yield Part(
        "step",
        f"{words.WHO[step.who]}{f', {where[:1].lower()}{where[1:]}' if where else ''}: {step.do}",
        1,
        f"{number}.",
    )
    if step.run:
        how = f"   ({words.RUN_AS[step.run_as]})" if step.run_as else ""
        yield Part("command", step.run, 1, how)
    if step.expect:
        yield Part("note", f"{words.HEADINGS['expect']}: {step.expect}", 4)
    if step.undo:
        yield Part("note", f"{words.HEADINGS['undo']}: {step.undo}", 4)


def place(source: Source) -> str:
    """``file:line`` or ``file record N``, harmless."""
    path = plain(source.path, 120)
    if source.line is not None:
        return f"{path}:{source.line}"
    if source.record is not None:
        return f"{path} record {source.record}"
    return path


def _open_ends(report: Report) -> Iterator[Part]:
    if report.unexplained_codes:
        yield Part("heading", words.HEADINGS["unexplained"])
        for one in report.unexplained_codes[:_MOST_LINES]:
            known = " ".join(filter(None, (one.name, f"({one.meaning})" if one.meaning else None)))
            yield Part("proof", f"{one.code}  {plain(known) or 'in no table of this version'}", 0, place(one.source))
    if report.not_checked:
        yield Part("heading", words.HEADINGS["not_checked"])
        for line in report.not_checked[:_MOST_LINES]:
            count = f"{len(line.rules)} rule{'s' if len(line.rules) != 1 else ''}"
            yield Part("item", f"collect: {line.collect} — {line.why} ({count})")
        if len(report.not_checked) > _MOST_LINES:
            yield Part("item", f"{len(report.not_checked) - _MOST_LINES} more, in the JSON form")


def _collector(made: Collected | None, offset: str | None) -> Iterator[Part]:
    """Who collected, when, and what they never gather."""
    if made is None:
        return
    parts = [f"collected by {made.title}{' ' + plain(made.version) if made.version else ''}"]
    if made.started:
        parts.append(f"{both(made.started, offset)} to {both(made.stopped, offset) or 'no end'}")
    if made.unfinished:
        parts.append("never stopped, so only what it gathers at the start is there")
    yield Part("item", ", ".join(parts))
    if made.never:
        yield Part("item", f"not gathered by it: {', '.join(made.never)}")


def row_in_words(row: Row) -> str:
    """Whose words a row of a table holds, how old they are, and what its channel cut away."""
    who = (row.account.name or row.account.kind) if row.account else "account not told"
    when = f"{iso(row.time)} by {plain(row.time_origin or '')}" if row.time else "no time told"
    parts = [f"{row.title}, {plain(row.source.path, 120)}: {row.outcome}", when, f"run by {plain(who)}"]
    if row.cut in words.CUTS:
        parts.append(words.CUTS[row.cut])
    if row.outcome == "words":
        parts.append("; ".join(f"{plain(name)}: {plain(text)}" for name, text in row.said.items()))
    elif row.reason:
        parts.append(plain(row.reason))
    if row.superseded:
        parts.append("a newer row decides")
    return ", ".join(parts)


def logs_in_order(logs: Sequence[LogSpan]) -> list[LogSpan]:
    """Those that tell of joins first, also empty ones; then those with records, then the rest."""

    def rank(span: LogSpan) -> tuple[int, bool]:
        channel = (span.channel or "").casefold()
        first = (n for n, start in enumerate(words.FIRST_LOGS) if channel.startswith(start.casefold()))
        return next(first, len(words.FIRST_LOGS)), not span.records

    return sorted(logs, key=rank)


def log_in_words(span: LogSpan, offset: str | None) -> str:
    """How far one event log reaches: ``Log/Admin: 3 records, FIRST to LAST``."""
    name = plain(span.channel or span.source.path)
    lost = f", {span.lost} lost" if span.lost else ""
    if not span.records:
        return f"{name}: empty{lost}"
    many = f"{span.records} record{'s' if span.records != 1 else ''}"
    if span.first is None:
        return f"{name}: {many}, no time told{lost}"
    return f"{name}: {many}, {both(span.first, offset)} to {both(span.last, offset)}{lost}"


def file_in_words(one: FileRead) -> str:
    """``registry export cdj.reg: 2 values``."""
    title, items = words.FILES[one.kind]
    whose = f" of {', '.join(map(plain, one.components[:5]))}" if one.components else ""
    return f"{title} {plain(one.path, 120)}: {one.items} {items if one.items != 1 else items.removesuffix('s')}{whose}"


def _read(report: Report) -> Iterator[Part]:
    yield Part("heading", words.HEADINGS["read"])
    coverage = report.coverage
    yield from _collector(coverage.collected, coverage.offset)
    if coverage.clock is not None:
        yield Part("item", f"{words.CLOCK} UTC{coverage.offset}, by {place(coverage.clock.source)}")
    for capture in coverage.captures[:_MOST_LINES]:
        who = (capture.account.name or capture.account.kind) if capture.account else "account not told"
        elevated = {True: ", elevated", False: ", not elevated", None: ""}[capture.elevated]
        yield Part(
            "item",
            f"{capture.kind} {place(capture.source)}, {both(capture.time, coverage.offset) or 'no time'}, "
            f"{plain(who)}{elevated}",
        )
    for row in coverage.rows[:_MOST_LINES]:
        yield Part("item", row_in_words(row))
    if len(coverage.rows) > _MOST_LINES:
        yield Part("item", f"{len(coverage.rows) - _MOST_LINES} more rows, in the JSON form")
    told = logs_in_order(coverage.logs)
    for span in told[:_MOST_LINES]:
        yield Part("item", log_in_words(span, coverage.offset))
    if rest := told[_MOST_LINES:]:
        empty = sum(1 for span in rest if not span.records)
        yield Part("item", f"{len(rest)} more event logs, {empty or 'none'} of them empty; in the JSON form")
    for file in coverage.files[:_MOST_LINES]:
        yield Part("item", file_in_words(file))
    if len(coverage.files) > _MOST_LINES:
        yield Part("item", f"{len(coverage.files) - _MOST_LINES} more files, in the JSON form")
    if report.replaced_rules:
        yield Part("item", f"rules replaced or disabled by --rules: {', '.join(report.replaced_rules)}")
    if report.problems:
        yield Part("heading", words.HEADINGS["problems"])
        for problem in report.problems[:_MOST_LINES]:
            lost = f" ({problem.lost} lost)" if problem.lost else ""
            yield Part("item", f"{place(problem.source)}: {plain(problem.message)}{lost}")
        if len(report.problems) > _MOST_LINES:
            yield Part("item", f"{len(report.problems) - _MOST_LINES} more, in the JSON form")
    yield Part("gap", "")
