"""``compare -f html``: one file in the style of the report's page; the data of its template ``data/report_html/compared.html``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from troubleshoot import __version__, words
from troubleshoot.changes import Change
from troubleshoot.compare import STATES, Comparison, Fate
from troubleshoot.model import Attempt, Report
from troubleshoot.report import compared, html
from troubleshoot.report.moments import Moment, moment
from troubleshoot.report.outline import place
from troubleshoot.report.safe import plain
from troubleshoot.report.sentences import owner

_MOST_ROWS = 500
_MOST_PROOFS = 4


class ChangeRow(NamedTuple):
    """One thing that differs, as the table shows it; None for a value that is not there."""

    name: str
    before: str | None
    after: str | None
    places: tuple[str, ...]


def render(found: Comparison, rules_version: str) -> str:
    """The page of a comparison. The same comparison gives the same text."""
    head, said = words.OUTCOMES[found.outcome]
    name = plain(found.after.device.name or found.before.device.name or words.PAGE["no_name"], 120)
    unread = [*found.unread_before, *found.unread_after]
    return html.page("compared.html")(
        name=name,
        head=head,
        said=said,
        colour=compared.colour(found),
        warnings=list(compared.warnings(found)),
        sides=[("before", *_side(found.before)), ("after", *_side(found.after))],
        groups=[(state, fates) for state in STATES if (fates := list(_fates(found, state)))],
        changes=[_change(one) for one in found.changes[:_MOST_ROWS]],
        more_changes=max(len(found.changes) - _MOST_ROWS, 0),
        attempts=[(_moment(one, found.after), _attempt(one)) for one in found.attempts[:_MOST_ROWS]],
        more_attempts=max(len(found.attempts) - _MOST_ROWS, 0),
        undated=found.undated,
        unread=unread[:_MOST_ROWS],
        more_unread=max(len(unread) - _MOST_ROWS, 0),
        version=words.PAGE["version"].format(version=__version__, rules=rules_version or "-"),
        redacted=found.redacted,
    )


def _side(report: Report) -> tuple[Report, Moment | None]:
    return report, moment(report.as_of, report.coverage.offset)


def _fates(found: Comparison, state: str) -> Iterator[dict[str, Any]]:
    for number, fate in enumerate((one for one in found.fates if one.state == state), 1):
        finding = fate.finding
        open_still = state in ("new", "stays")
        who = owner(finding) if open_still else None
        steps = finding.fix[:1] if open_still else ()
        yield {
            "key": f"{state}{number}",
            "fate": fate,
            "finding": finding,
            "owner": words.WHO[who] if who else None,
            "steps": [html.Step(1, step) for step in steps],
            "proof": _proof(fate),
        }


def _proof(fate: Fate) -> Sequence[tuple[str, str]]:
    proofs = fate.evidence if fate.state == "fixed" else fate.finding.evidence
    return [(place(one.source), plain(one.text)) for one in proofs[:_MOST_PROOFS]]


def _change(one: Change) -> ChangeRow:
    before, after = (None if value is None else plain(value) for value in (one.before, one.after))
    places = [place(at) for at in (one.source_before, one.source_after) if at is not None]
    return ChangeRow(compared.name_in_words(one), before, after, tuple(dict.fromkeys(places)))


def _moment(one: Attempt, report: Report) -> Moment | None:
    return moment(one.time, report.coverage.offset)


def _attempt(one: Attempt) -> tuple[Attempt, str, list[str], list[str]]:
    """The attempt, what of it repeats, its codes, and the first places that tell of it."""
    repeated = compared.repeats_in_words(one)
    return one, repeated, [plain(code, 80) for code in one.codes], [place(source) for source in one.sources[:2]]
