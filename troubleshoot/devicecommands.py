"""Commands about one device beyond its report: why a rule fires."""

from __future__ import annotations

from pathlib import Path

import typer

from troubleshoot.console import fail, redactor_for, write
from troubleshoot.ruleset import Ruleset


def explain(
    paths: list[str],
    ruleset: Ruleset,
    rule: str,
    form: str,
    output: Path | None,
    all_events: bool,
    redact: bool,
    key: Path | None,
) -> typer.Exit:
    """Write why ``rule`` fires on the devices in ``paths`` or does not; the exit to raise: 0, or 3 where nothing was read."""
    from troubleshoot import explain as explaining
    from troubleshoot import redact as redacting
    from troubleshoot import rulecommands
    from troubleshoot.pipeline import open_cases, wanted_events
    from troubleshoot.report import explained

    if form not in ("text", "json"):
        return fail(f"--explain prints text or json, not {form}")
    if rule not in ruleset.numbers:
        return fail(f"no rule '{rule}'{rulecommands.nearest(rule, list(ruleset.numbers))}")
    opened = open_cases(paths, None if all_events else wanted_events(ruleset))
    found = [explaining.explain(ruleset, case, rule) for case in opened.cases]
    unread = opened.unread
    if redact:
        redactor = redactor_for(opened.cases, key)
        found = [explaining.redacted(redactor, one) for one in found]
        unread = redacting.unread(redactor, unread)
    write(explained.dump(found, unread, ruleset.digest) if form == "json" else explained.text(found, unread), output)
    return typer.Exit(0 if found else 3)
