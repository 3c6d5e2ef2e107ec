"""Commands about one device beyond its report: why a rule fires, what changed between two states, the package for support."""

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


def compare(
    before: str,
    after: str | None,
    ruleset: Ruleset,
    form: str,
    output: Path | None,
    all_events: bool,
    redact: bool,
    key: Path | None,
) -> typer.Exit:
    """Write what changed between two states of one device; the exit to raise: that of a diagnosis of the later one."""
    from troubleshoot import compare as comparing
    from troubleshoot.pipeline import exit_code, judged, open_cases, open_runs, wanted_events
    from troubleshoot.report import compared

    if form not in compared.FORMS:
        return fail(f"a comparison is printed as {', '.join(compared.FORMS)}, not as {form}")
    wanted = None if all_events else wanted_events(ruleset)
    if after is not None:
        opened = open_cases([before], wanted), open_cases([after], wanted)
    elif (runs := open_runs(before, wanted)) is not None:
        opened = runs
    else:
        return fail(f"{before}: it does not hold two states (PreTrace folders, _Start_ files): give BEFORE and AFTER")
    sides = []
    for path, one in zip((before, after or before), opened, strict=True):
        if len(one.cases) > 1:
            names = ", ".join(case.device.name or "one without a name" for case in one.cases[:5])
            return fail(f"{path}: it holds {len(one.cases)} devices ({names}): compare one with itself")
        if not one.cases:
            reasons = "; ".join(f"{unread.path}: {unread.reason}" for unread in one.unread[:3]) or "nothing was read"
            return fail(reasons, 3)
        sides.append(comparing.Side(one.cases[0], judged(one, ruleset).reports[0], one.unread))
    first, second = (side.case.device for side in sides)
    if comparing.same_device(first, second) == "different":
        return fail(f"two different devices: {first.name} ({before}) and {second.name} ({after or before})")
    found = comparing.compare(ruleset, sides[0], sides[1])
    code = exit_code(judged(opened[1], ruleset))
    if redact:
        found = comparing.redacted(redactor_for([side.case for side in sides], key), found)
    write(compared.render(found, form, ruleset.digest), output)
    return typer.Exit(code)


def pack(
    paths: list[str], ruleset: Ruleset, output: Path, all_events: bool, redact: bool, key: Path | None
) -> typer.Exit:
    """Write the escalation package of the devices in ``paths``; the exit to raise: 0, or 3 where nothing was read."""
    from troubleshoot import escalation, packing
    from troubleshoot import redact as redacting
    from troubleshoot.pipeline import judged, open_cases, wanted_events

    try:
        packing.check_target(output, paths)
    except packing.Refused as error:
        return fail(str(error))
    digests = packing.Digests()
    opened = open_cases(paths, None if all_events else wanted_events(ruleset), each=digests.add)
    if not opened.cases:
        first = f": {opened.unread[0].path}: {opened.unread[0].reason}" if opened.unread else ""
        return fail(f"nothing could be read, so there is nothing to pack{first}", 3)
    digests.add_unread(one.path for one in opened.unread)
    result, files = judged(opened, ruleset), digests.all()
    known = [escalation.known(ruleset, case, one) for case, one in zip(opened.cases, result.reports, strict=True)]
    if redact:
        redactor = redactor_for(opened.cases, key)
        known = [escalation.redacted(redactor, one) for one in known]
        files = tuple(one._replace(path=redactor.path(one.path)) for one in files)
        result = redacting.result(redactor, result)
    made, withheld = packing.members(result, known, files)
    try:
        packing.write(made, output)
    except OSError as error:
        return fail(f"{output}: {error.strerror or error}")
    also = f"; {withheld} values that look like secrets were withheld" if withheld else ""
    typer.echo(
        f"wrote {output}: {len(made)} files about {len(result.reports)} device{'s' * (len(result.reports) != 1)}{also}",
        err=True,
    )
    return typer.Exit(0)
