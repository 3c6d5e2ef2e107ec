"""Commands that print what was read, without judging it: ``show``, and its time line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from troubleshoot import eventbook
from troubleshoot.console import fail, redactor_for, write
from troubleshoot.pipeline import Opened, open_cases
from troubleshoot.ruleset import Ruleset


def show(
    paths: list[str],
    ruleset: Ruleset,
    form: str,
    output: Path | None,
    all_events: bool,
    redact: bool,
    key: Path | None,
) -> typer.Exit:
    """Write everything that was read; the exit to raise: 0, or 3 where that is nothing."""
    from troubleshoot.report import show as shown

    opened = _opened(paths, ruleset, all_events)
    if redact:
        from troubleshoot import redact as redacting
        from troubleshoot.report.jsonform import text_of

        redactor = redactor_for(opened.cases, key)
        data = shown.json_form(opened.cases, opened.unread)
        if form == "json":
            write(text_of(redacting.data(redactor, data)), output)
        else:
            write(redacting.lines(redactor, shown.text(opened.cases, opened.unread), data), output)
    elif form == "json":
        write(shown.dump_json(opened.cases, opened.unread), output)
    else:
        write(shown.text(opened.cases, opened.unread), output)
    return _exit(opened)


def timeline(
    paths: list[str],
    ruleset: Ruleset,
    form: str,
    output: Path | None,
    sources: Sequence[str],
    phases: Sequence[str],
    all_events: bool,
    redact: bool,
    key: Path | None,
) -> typer.Exit:
    """Write the time line, of it what stands in ``sources`` and is about ``phases``; the exit to raise, as :func:`show`."""
    from troubleshoot.report import timelined

    known, spellings = ruleset.vocabulary["phases"], ruleset.vocabulary["spellings"]
    wanted = tuple(spellings.get(one, one) for one in map(str.casefold, phases))
    for given, one in zip(phases, wanted, strict=True):
        if one not in known:
            return fail(f"no phase '{given}': it is one of {', '.join(known)}")
    asked = timelined.Asked(tuple(sources), wanted)
    opened = _opened(paths, ruleset, all_events)
    views = [timelined.view(case, asked) for case in opened.cases]
    unread = opened.unread
    if redact:
        from troubleshoot import redact as redacting

        redactor = redactor_for(opened.cases, key)
        views = [timelined.redacted(redactor, one) for one in views]
        unread = redacting.unread(redactor, unread)
        asked = asked._replace(sources=tuple(map(redactor.path, asked.sources)))
    write((timelined.dump if form == "json" else timelined.text)(views, unread, asked), output)
    return _exit(opened)


def _opened(paths: list[str], ruleset: Ruleset, all_events: bool) -> Opened:
    return open_cases(paths, None if all_events else ruleset.providers(eventbook.ids().items()))


def _exit(opened: Opened) -> typer.Exit:
    return typer.Exit(0 if opened.cases else 3)
