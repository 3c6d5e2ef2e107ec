"""``compare``: two states of one device in the forms of a report (schema of the JSON form: ``data/compare.schema.json``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from troubleshoot import __version__, words
from troubleshoot.changes import Change
from troubleshoot.compare import STATES, Comparison, Fate
from troubleshoot.model import Attempt, Report, Result, Unread
from troubleshoot.report import jsonform, markdown, text
from troubleshoot.report.note import MOST_LINES, ONE_LINE, cut, mail, step
from troubleshoot.report.outline import Part, place
from troubleshoot.report.safe import plain
from troubleshoot.report.sentences import owner
from troubleshoot.report.shortnames import ShortNames
from troubleshoot.times import both, iso

SCHEMA_VERSION = "1"
FORMS = ("text", "json", "markdown", "html", "note", "oneline", "card", "mail")
_MOST_CHANGES = 40
_MOST_ATTEMPTS = 12
_SHORT = 60  # characters of a value that only one side has


def render(found: Comparison, form: str, rules_version: str) -> str | bytes:
    """The comparison in one of the forms of ``diagnose -f``. Raises ValueError for another."""
    if form == "json":
        return dump(found, rules_version)
    if form == "note":
        return "\n".join(cut(line) for line in _note(found)) + "\n"
    if form == "oneline":
        return _oneline(found) + "\n"
    if form == "mail":
        return _mail(found)
    if form == "markdown":
        return markdown.paragraphs(outline(found))
    if form == "text":
        return text.paragraphs(outline(found))
    if form == "card":
        from troubleshoot.report import card

        return card.of_outline(outline(found))
    if form == "html":
        from troubleshoot.report import comparedpage

        return comparedpage.render(found, rules_version)
    raise ValueError(f"no form '{form}' of a comparison")


# --------------------------------------------------------------------------------------------------------- outline


def outline(found: Comparison) -> Iterator[Part]:
    """Verdict, what became of each finding, what changed, attempts since."""
    yield Part("verdict", f"{words.OUTCOMES[found.outcome][0]}  {words.OUTCOMES[found.outcome][1]}", mark=colour(found))
    yield Part("state", " · ".join(_states(found)))
    for report, when in ((found.before, "before"), (found.after, "after")):
        yield Part("item", f"{when}: {words.VERDICTS[report.verdict]}, {plain(report.summary)}")
    yield from (Part("item", warning) for warning in warnings(found))
    yield Part("gap", "")
    for state in STATES:
        fates = [fate for fate in found.fates if fate.state == state]
        if fates:
            yield Part("heading", f"{words.FATES[state]} ({len(fates)})")
            for fate in fates:
                yield from _fate(fate)
            yield Part("gap", "")
    yield from _changes(found)
    yield from _attempts(found)
    unread = [*found.unread_before, *found.unread_after]
    if unread:
        yield Part("heading", words.HEADINGS["problems"])
        yield from (Part("line", f"{plain(one.path)}: {plain(one.reason)}") for one in unread[:MOST_LINES])
        if len(unread) > MOST_LINES:
            yield Part("item", f"{len(unread) - MOST_LINES} more files, named in the JSON form")
    if found.redacted is not None:
        told = ", ".join(f"{count} {kind}" for kind, count in found.redacted.items()) or "nothing to replace"
        yield Part("note", f"{words.HEADINGS['redacted']}: {told}")


def colour(found: Comparison) -> str:
    """The verdict whose colour the outcome has."""
    return {"fixed": "healthy", "sound": "healthy", "undecided": "inconclusive", "better": "degraded"}.get(
        found.outcome, "failed"
    )


def _states(found: Comparison) -> list[str]:
    name = plain(found.after.device.name or found.before.device.name or "device without a name")
    times = [both(side.as_of, side.coverage.offset) or "no known time" for side in (found.before, found.after)]
    return [name, f"before as of {times[0]}", f"after as of {times[1]}"]


def warnings(found: Comparison) -> Iterator[str]:
    """What makes the comparison say less, harmless."""
    if found.same_by is None:
        yield "nothing in the two inputs shows that they are of one device: no name, no device id"
    if found.reversed:
        yield "the first input is the newer one: were the two given the wrong way round?"
    if found.sessions is not None:
        before, after = (", ".join(map(plain, users)) for users in found.sessions)
        yield f"before shows the session of {before}, after that of {after}: what belongs to a user is not compared"


def _fate(fate: Fate) -> Iterator[Part]:
    finding = fate.finding
    whose = f" ({plain(finding.user)})" if finding.user else ""
    settled = fate.state == "fixed"
    yield Part("title", f"{finding.title}{whose}", 1, "" if settled else finding.severity)
    told = f"{finding.severity}, {finding.confidence} · rule {finding.rule}" + (
        f", before {fate.was}" if fate.was else ""
    )
    yield Part("note", told, 2)
    if fate.reason:
        yield Part("item", plain(fate.reason), 2)
    for proof in (fate.evidence if settled else finding.evidence)[:2]:
        yield Part("proof", plain(proof.text), 2, place(proof.source))
    for item in fate.missing:
        yield Part("item", f"{words.COMPARED['to_tell']}: {plain(item)}", 2)
    if fate.state in ("new", "stays") and finding.fix:
        who = owner(finding)
        yield Part("item", f"{words.HEADINGS['owner']}: {words.WHO[who] if who else '-'}; {step(finding.fix[0])}", 2)


def _changes(found: Comparison) -> Iterator[Part]:
    if not found.changes:
        yield Part("heading", words.HEADINGS["unchanged"])
        yield Part("gap", "")
        return
    yield Part("heading", words.HEADINGS["changes"])
    both = [one for one in found.changes if one.before and one.after]
    names = ShortNames(found.before), ShortNames(found.after)
    for one in both[:_MOST_CHANGES]:
        sources = zip(names, (one.source_before, one.source_after), strict=True)
        places = [name.place(at) for name, at in sources if at is not None]
        yield Part("proof", change_in_words(one), 0, " -> ".join(places))
    if len(both) > _MOST_CHANGES:
        yield Part("item", f"{len(both) - _MOST_CHANGES} more, in the JSON form")
    for when, only in (
        ("before", [(one, one.before) for one in found.changes if not one.after]),
        ("after", [(one, one.after) for one in found.changes if not one.before]),
    ):
        if only:
            values = (f"{name_in_words(one)} = {plain(value or '', _SHORT)}" for one, value in only[:_MOST_CHANGES])
            rest = f"; {len(only) - _MOST_CHANGES} more" if len(only) > _MOST_CHANGES else ""
            yield Part("item", f"only {when}: {'; '.join(values)}{rest}")
    yield Part("gap", "")


def change_in_words(one: Change) -> str:
    """``AzureAdJoined: NO -> YES``, harmless."""
    values = [
        f"({words.COMPARED['absent']})" if value is None else plain(value, 200) or "(empty)"
        for value in (one.before, one.after)
    ]
    return f"{name_in_words(one)}: {values[0]} -> {values[1]}"


def name_in_words(one: Change) -> str:
    """What changed, and whose it is."""
    return words.CHANGED.get(one.name, plain(one.name)) + (f" ({plain(one.user)})" if one.user else "")


def _attempts(found: Comparison) -> Iterator[Part]:
    if not found.attempts and not found.undated:
        return
    yield Part(
        "heading", f"{words.HEADINGS['since']} ({len(found.attempts)})" if found.attempts else words.HEADINGS["since"]
    )
    for one in found.attempts[:_MOST_ATTEMPTS]:
        yield Part("item", attempt_in_words(one, found.after.coverage.offset))
    if len(found.attempts) > _MOST_ATTEMPTS:
        yield Part("item", f"{len(found.attempts) - _MOST_ATTEMPTS} more, in the JSON form")
    if found.undated:
        yield Part("item", f"{words.COMPARED['undated']}: {found.undated}")
    yield Part("gap", "")


def attempt_in_words(one: Attempt, offset: str | None) -> str:
    """Time, flow, outcome, phase, codes, and how often, in one line."""
    at = f" at {words.PHASES.get(one.phase, one.phase)}" if one.phase and one.outcome == "failed" else ""
    times = f", {repeats_in_words(one)}" if one.repeats > 1 else ""
    codes = f" {' '.join(one.codes)}" if one.codes else ""
    user = f" ({plain(one.user)})" if one.user else ""
    return f"{both(one.time, offset) or 'no known time'}  {one.flow}{user} {one.outcome}{at}{plain(codes)}{times}"


def repeats_in_words(one: Attempt) -> str:
    """How often, and since when; nothing for an attempt that stands for itself."""
    return f"{one.repeats} times since {iso(one.since) or 'no known time'}" if one.repeats > 1 else ""


# ------------------------------------------------------------------------------------------------------------ note


def _note(found: Comparison) -> list[str]:
    head, said = words.OUTCOMES[found.outcome]
    lines = [f"{head}: {said}", ", ".join(_states(found)), *warnings(found)]
    for state in STATES:
        titles = [fate.finding.title for fate in found.fates if fate.state == state]
        if titles:
            lines.append(f"{words.FATES[state]}: {'; '.join(titles)}")
    changed = [
        change_in_words(one) for one in found.changes if one.kind in ("state", "field") and one.before and one.after
    ]
    if changed:
        lines.append(f"{words.HEADINGS['changes']}: {'; '.join(changed[:6])}" + ("; ..." if len(changed) > 6 else ""))
    if found.attempts:
        lines.append(f"{words.HEADINGS['since']}: {attempt_in_words(found.attempts[0], found.after.coverage.offset)}")
    left = next((fate.finding for fate in found.fates if fate.state in ("new", "stays")), None)
    if left is not None and left.fix:
        who = owner(left)
        lines.append(f"{words.HEADINGS['owner']}: {words.WHO[who] if who else '-'}; {step(left.fix[0])}")
        lines.append(f"{words.HEADINGS['references']}: {left.references[0]} [{left.fingerprint}]")
    return lines[:MOST_LINES]


# -------------------------------------------------------------------------------------------------- one line, mail


def _oneline(found: Comparison) -> str:
    """Device, what became of it, and of each fate the first finding; under 255 characters."""
    name = plain(found.after.device.name or found.before.device.name or "the device")
    told = []
    for state in STATES:
        titles = [fate.finding.title for fate in found.fates if fate.state == state]
        if titles:
            told.append(
                f"{words.FATES[state].casefold()}: {titles[0]}" + (f" and {len(titles) - 1} more" if titles[1:] else "")
            )
    return cut(f"{name}: {words.OUTCOMES[found.outcome][0]}. {'; '.join(told)}".rstrip(), ONE_LINE - 1)


def _mail(found: Comparison) -> str:
    """To the user: what became of it, then the mail about the later state, with what is left for the user to do."""
    subject, _, rest = mail(Result((found.after,), ())).partition("\n\n")
    return f"{subject}\n\n{words.OUTCOMES_MAIL[found.outcome]}\n{rest}"


# ------------------------------------------------------------------------------------------------------------ JSON


def dump(found: Comparison, rules_version: str) -> bytes:
    """The JSON text, UTF-8."""
    redacted = {} if found.redacted is None else {"redacted": dict(found.redacted)}
    return jsonform.text_of(
        {
            "schema_version": SCHEMA_VERSION,
            "tool": {"version": __version__, "rules": rules_version},
            "device": jsonform.device(found.after.device),
            "outcome": found.outcome,
            "same_by": found.same_by,
            "reversed": found.reversed,
            "sessions": _sessions(found),
            "findings": [_fate_form(one) for one in found.fates],
            "changes": [_change_form(one) for one in found.changes],
            "attempts_since": [jsonform.attempt(one) for one in found.attempts],
            "undated_attempts": found.undated,
            "before": _side(found.before, found.unread_before),
            "after": _side(found.after, found.unread_after),
            **redacted,
        }
    )


def _sessions(found: Comparison) -> dict[str, list[str]] | None:
    if found.sessions is None:
        return None
    return {"before": list(found.sessions[0]), "after": list(found.sessions[1])}


def _side(report: Report, unread: Sequence[Unread]) -> dict[str, Any]:
    return {"report": jsonform.report(report), "unread": [jsonform.unread(one) for one in unread]}


def _fate_form(one: Fate) -> dict[str, Any]:
    return {
        "state": one.state,
        "reason": one.reason,
        "was": one.was,
        "missing": list(one.missing),
        "evidence": [{"source": jsonform.source(proof.source), "text": proof.text} for proof in one.evidence],
        "finding": jsonform.finding(one.finding),
    }


def _change_form(one: Change) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "name": one.name,
        "user": one.user,
        "before": one.before,
        "after": one.after,
        "source_before": jsonform.source(one.source_before) if one.source_before else None,
        "source_after": jsonform.source(one.source_after) if one.source_after else None,
    }
