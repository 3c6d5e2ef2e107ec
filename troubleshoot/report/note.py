"""Short forms: a ticket note of at most twelve lines, one line for an inventory field, a mail to the user.

All are plain text: log text goes through :func:`~troubleshoot.report.safe.plain` and is cut, so nothing of it acts where
the text is pasted.
"""

from __future__ import annotations

from collections.abc import Iterator

from troubleshoot import words
from troubleshoot.model import Finding, FixStep, Report, Result
from troubleshoot.report import sentences
from troubleshoot.report.outline import place
from troubleshoot.report.safe import formula_start, plain
from troubleshoot.times import both

MOST_LINES = 12
ONE_LINE = 255
_LONGEST = 240  # characters of a line of the note
_MOST_STEPS = 3


def cut(text: str, longest: int = _LONGEST) -> str:
    """The text in one harmless line of at most ``longest`` characters, which no spreadsheet takes for a formula."""
    text = formula_start(plain(" ".join(text.split()), 4 * longest))
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


# ------------------------------------------------------------------------------------------------------------ note


def note(result: Result) -> str:
    """The note of every device, an empty line between two; then one line on what could not be read."""
    blocks = ["\n".join(_lines(report)) for report in result.reports]
    if result.unread and not result.reports:
        first = result.unread[0]
        blocks.append(cut(f"{words.HEADINGS['problems']}: {first.path}: {first.reason}"))
    return "\n\n".join(blocks) + "\n"


def _lines(report: Report) -> list[str]:
    found = report.findings[0] if report.findings else None
    title = found.title if found else words.nothing_found(report.verdict, report.join_state)
    state = [report.device.name or words.NO_NAME]
    state.append(sentences.state(found, report.join_state) if found else words.JOIN_STATES[report.join_state])
    if report.as_of is not None:
        state.append(f"{words.AS_OF} {both(report.as_of, report.coverage.offset)}")
    lines = [f"{words.VERDICTS[report.verdict]}: {title}", ", ".join(state)]
    if found is not None:
        lines += _of_finding(found)
    others = [one.title for one in report.findings[1:]]
    if others:
        lines.append(f"{words.HEADINGS['others']}: {'; '.join(others)}")
    elif found is None and report.not_checked:
        lines.append(f"{words.HEADINGS['not_checked']}: {report.not_checked[0].collect}")
    if report.problems:
        lines.append(f"{words.HEADINGS['problems']}: {len(report.problems)} parts of the input")
    return [cut(line) for line in sentences.all_named_once(lines[:MOST_LINES], words.HEADINGS["proof"])]


def _of_finding(found: Finding) -> Iterator[str]:
    yield f"{words.HEADINGS['cause']}: {found.cause}"
    who = sentences.owner(found)
    yield f"{words.HEADINGS['owner']}: {words.WHO[who] if who else '-'}. {words.HEADINGS['sure']}: {sentences.sure(found)}"
    if found.evidence:
        proof = found.evidence[0]
        yield f"{words.HEADINGS['proof']}: {place(proof.source)}: {proof.text}"
    if (wait := sentences.wait(found)) is not None:
        yield f"{words.HEADINGS['wait']}: {wait}"
    for number, each in enumerate(found.fix[:_MOST_STEPS], 1):
        yield f"{number}. {words.WHO[each.who]}: {step(each)}"
    if found.avoid:
        yield f"{words.HEADINGS['avoid']}: {found.avoid[0]}"
    yield f"{words.HEADINGS['references']}: {found.references[0]} [{found.fingerprint}]"


def step(one: FixStep) -> str:
    """What to do, and the command with the prompt to run it in."""
    how = f" ({words.RUN_AS[one.run_as]})" if one.run_as else ""
    return one.do + (f" > {one.run}{how}" if one.run else "")


# -------------------------------------------------------------------------------------------------------- one line


def oneline(result: Result) -> str:
    """One line a device, under 255 characters: the summary, and who must act."""
    lines = [_oneline(report) for report in result.reports]
    lines += [cut(f"{one.path}: {one.reason}", ONE_LINE - 1) for one in result.unread] if not lines else []
    return "\n".join(lines) + "\n"


def _oneline(report: Report) -> str:
    who = sentences.owner(report.findings[0]) if report.findings else None
    end = f" {words.HEADINGS['owner']}: {words.WHO[who]}." if who else ""
    return cut(report.summary, ONE_LINE - 1 - len(end)) + end


# ------------------------------------------------------------------------------------------------------------ mail


def mail(result: Result) -> str:
    """A plain mail to the user of each device: what is wrong in one sentence, and only what the user has to do."""
    return "\n\n".join("\n".join(_named_in_mail(list(_mail(report)))) for report in result.reports) + "\n"


def _named_in_mail(lines: list[str]) -> list[str]:
    return [*lines[:1], *sentences.all_named_once(lines[1:])]  # not in the subject


def _mail(report: Report) -> Iterator[str]:
    name = plain(report.device.name or "your computer")
    steps = [step for finding in report.findings for step in finding.fix if step.who == "user"]
    yield words.MAIL["subject"].format(device=name)
    yield ""
    if not report.findings:
        yield words.MAIL["sound"].format(device=name)
        return
    yield words.MAIL["trouble"].format(device=name, title=report.findings[0].title)
    if not steps:
        yield words.MAIL["nothing"]
        return
    yield words.MAIL["steps"]
    for number, step in enumerate(dict.fromkeys(steps), 1):
        yield f"{number}. {step.do}"
        if step.run:
            yield f"     {step.run}"
        if step.expect:
            yield f"   {words.MAIL['expect']} {step.expect}"
