"""The HTML form: one file that opens from disk, with scripts on or off. This module makes the data of its templates.

All markup stands in the templates of ``data/report_html``, which escape every text. The page allows one style and one
script, by their hashes, and nothing else: it asks for nothing, and text of a log never becomes markup, script or address.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

from troubleshoot import __version__, words
from troubleshoot.model import Capture, Finding, FixStep, LogSpan, Report, Result
from troubleshoot.report import pictures
from troubleshoot.report.attemptrows import attempts
from troubleshoot.report.excerpts import Surroundings, telling
from troubleshoot.report.fieldrows import fields
from troubleshoot.report.moments import Moment, moment
from troubleshoot.report.outline import file_in_words, logs_in_order, place, row_in_words, table_in_words
from troubleshoot.report.safe import plain
from troubleshoot.report.sentences import owner
from troubleshoot.report.shortnames import ShortNames
from troubleshoot.tables import DATA
from troubleshoot.times import iso

_MOST_AT_TOP = 3
_LONGEST_AT_TOP = 160
_MOST_PROOFS = 12
_MOST_STEPS = 5
_MOST_LISTED = 200


class Step(NamedTuple):
    """A step with its number among all steps of the finding."""

    number: int
    step: FixStep


class Group(NamedTuple):
    """Steps in a row of one person."""

    who: str
    steps: tuple[Step, ...]


def render(result: Result) -> str:
    """The page of a result. The same result gives the same text."""
    secrets = [one for one in result.unread if (one.kind, one.lost) == ("refused", 0)]
    others = [one for one in result.unread if one not in secrets]
    return page("page.html")(
        devices=[device(one, f"d{number}") for number, one in enumerate(result.reports, 1)],
        secrets=secrets[:_MOST_LISTED],
        more_secrets=max(len(secrets) - _MOST_LISTED, 0),
        unread=others[:_MOST_LISTED],
        more_unread=max(len(others) - _MOST_LISTED, 0),
        version=words.PAGE["version"].format(version=__version__, rules=result.rules_version or "-"),
        redacted=result.redacted,
        tables=[[part.text for part in table_in_words(one)] for one in result.tables[:_MOST_LISTED]],
        more_tables=max(len(result.tables) - _MOST_LISTED, 0),
    )


@lru_cache(maxsize=4)
def page(template: str) -> Callable[..., str]:
    """What renders a template of ``data/report_html`` from its data, with the one style and script that the page allows."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = DATA / "report_html"
    style, script = ((folder / name).read_text(encoding="utf-8").strip() for name in ("page.css", "page.js"))
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.globals.update(numbered=enumerate, words=words, page=words.PAGE, heading=words.HEADINGS)
    environment.filters.update(plain=plain, place=place, commands=commands)
    return partial(
        environment.get_template(template).render,
        style=style,
        script=script,
        style_hash=_digest(style),
        script_hash=_digest(script),
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


# ------------------------------------------------------------------------------------------------------ device


def device(report: Report, key: str) -> dict[str, Any]:
    """What the template shows of one device; ``key`` starts the ids of its parts on the page."""
    offset = report.coverage.offset
    first = report.findings[0] if report.findings else None
    short = ShortNames(report)
    line = pictures.timeline(report.attempts, report.coverage.captures)
    around = Surroundings(report, short)
    return {
        "key": key,
        "report": report,
        "name": plain(report.device.name or words.PAGE["no_name"], 120),
        "title": first.title if first else words.nothing_found(report.verdict, report.join_state),
        "owner": words.WHO[who] if first and (who := owner(first)) else None,
        "as_of": moment(report.as_of, offset),
        "offset": offset,
        "findings": [_finding(one, report, around, f"{key}f{number}") for number, one in enumerate(report.findings, 1)],
        "line": line,
        "attempts": attempts(report, short, offset, line.aware if line else True),
        "captures": [(one, moment(one.time, offset), _account(one)) for one in report.coverage.captures],
        "table_rows": [row_in_words(one) for one in report.coverage.rows[:_MOST_LISTED]],
        "files": [file_in_words(one) for one in report.coverage.files[:_MOST_LISTED]],
        "more_files": max(len(report.coverage.files) - _MOST_LISTED, 0),
        "more_table_rows": max(len(report.coverage.rows) - _MOST_LISTED, 0),
        "logs": [_log(one, offset) for one in logs_in_order(report.coverage.logs) if one.records][:_MOST_LISTED],
        "more_logs": max(sum(1 for one in report.coverage.logs if one.records) - _MOST_LISTED, 0),
        "empty_logs": sum(1 for one in report.coverage.logs if not one.records),
        "collected": report.coverage.collected,
        "collecting": _collecting(report, offset),
        "problems": report.problems[:_MOST_LISTED],
        "more_problems": max(len(report.problems) - _MOST_LISTED, 0),
        "fields": fields(report, short),
    }


def _account(capture: Capture) -> str:
    account = capture.account
    who = (account.name or account.kind) if account else words.PAGE["account_unknown"]
    rights = {True: words.PAGE["elevated"], False: words.PAGE["not_elevated"], None: None}[capture.elevated]
    return ", ".join(filter(None, (plain(who, 120), rights)))


def _log(span: LogSpan, offset: str | None) -> tuple[LogSpan, Moment | None, Moment | None]:
    return span, moment(span.first, offset), moment(span.last, offset)


def _collecting(report: Report, offset: str | None) -> tuple[str, Moment | None, Moment | None] | None:
    made = report.coverage.collected
    if made is None:
        return None
    version = f" {plain(made.version, 60)}" if made.version else ""
    return f"{made.title}{version}", moment(made.started, offset), moment(made.stopped, offset)


def commands(text: str) -> list[tuple[bool, str]]:
    """A sentence with commands between backticks, taken apart: (is it a command, text)."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return [(False, text)]
    return [(number % 2 == 1, part) for number, part in enumerate(parts) if part]


# ----------------------------------------------------------------------------------------------------- finding


def _finding(finding: Finding, report: Report, around: Surroundings, key: str) -> dict[str, Any]:
    numbered = [Step(number, step) for number, step in enumerate(finding.fix, 1)]
    return {
        "key": key,
        "finding": finding,
        "chain": pictures.chain(finding, report.attempts),
        "first": numbered[0] if numbered else None,
        "groups": grouped(numbered[:_MOST_STEPS]),
        "more_groups": grouped(numbered[_MOST_STEPS:]),
        "proof": _proof(finding, around.short),
        "excerpts": around.excerpts(finding.evidence[:_MOST_PROOFS]),
        "more_proof": [
            (around.short.place(proof.source), plain(proof.text))
            for proof in finding.evidence[_MOST_PROOFS:_MOST_LISTED]
        ],
        "symptoms": [(one, around.excerpts(one.evidence[:3])) for one in finding.symptoms],
        "links": [url for url in finding.references if url.startswith("https://")],
        "when": iso(finding.time),
    }


def _proof(finding: Finding, short: ShortNames) -> list[tuple[str, str]]:
    """The first lines of proof, for the top of the page."""
    return [
        (short.place(one.source), telling(one.text, finding.codes, _LONGEST_AT_TOP))
        for one in finding.evidence[:_MOST_AT_TOP]
    ]


def grouped(steps: Sequence[Step]) -> list[Group]:
    """The steps by who acts, in the order in which the people first act; every step keeps its number."""
    people: dict[str, list[Step]] = {}
    for step in steps:
        people.setdefault(step.step.who, []).append(step)
    return [Group(words.WHO[who], tuple(own)) for who, own in people.items()]
