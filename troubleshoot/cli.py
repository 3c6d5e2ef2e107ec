"""The commands: arguments, exit codes, where output goes. Everything else is imported inside the command that needs it."""

from __future__ import annotations

import os
import sys
from copy import copy
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from troubleshoot import fleetcommands
from troubleshoot.console import (
    Columns,
    DataForm,
    Drafts,
    KeyFile,
    NoColor,
    OutOption,
    Paths,
    Redact,
    RulesOption,
    check_paths,
    columns_of,
    fail,
    load_rules,
    of_very_many,
    redacted,
    run_key,
    streamed,
    write,
)

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Tells from collected logs alone why a Windows device failed Microsoft Entra hybrid join, and what to do.",
)
rules_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The rules: list, show, write, check and test them."
)
app.add_typer(rules_app, name="rules")
app.add_typer(fleetcommands.app, name="fleet")


class ReportForm(StrEnum):
    """Forms of a report."""

    text = "text"
    json = "json"
    markdown = "markdown"
    html = "html"
    note = "note"
    oneline = "oneline"
    mail = "mail"
    card = "card"


@app.command(epilog="Example: troubleshoot diagnose samples/broken/scp-missing")
def diagnose(
    paths: Paths,
    form: Annotated[ReportForm, typer.Option("-f", "--format", help="Form of the report.")] = ReportForm.text,
    output: OutOption = None,
    rules: RulesOption = None,
    drafts: Drafts = False,
    all_events: Annotated[
        bool, typer.Option("--all-events", help="Read every record of every log, also those no rule can use.")
    ] = False,
    redact: Redact = False,
    key: KeyFile = None,
    explain: Annotated[
        str | None,
        typer.Option("--explain", metavar="RULE", help="Show why RULE fires here or does not, clause by clause."),
    ] = None,
    columns: Columns = None,
    no_color: NoColor = False,
) -> None:
    """Say what failed, in which phase, why, with the proof, and what to do.

    Exit codes: 0 nothing wrong found, 1 an error found, 2 wrong usage, 3 nothing could be read, 4 only part could be
    read and nothing was found in it.

    Archives are opened, one inside the other: zip, cab, 7z, tar, gz, bz2, xz, zst, whatever their names. Limits for each
    PATH: total-size 8 GB unpacked, member-size 2 GB (a text 32 MB), members 100,000, depth 6 archives, ratio 250 times its
    own size (beyond 512 MB), time 15 minutes. A limit that is hit is named; what was read before is kept.
    """
    check_paths(paths)
    ruleset = load_rules(rules, drafts)
    if explain is not None:
        from troubleshoot.devicecommands import explain as explain_rule

        raise explain_rule(paths, ruleset, explain, form.value, output, all_events, redact, key)
    from troubleshoot.pipeline import diagnose as run
    from troubleshoot.pipeline import exit_code

    shows_all = form is ReportForm.html
    named = columns_of(columns)
    if form.value in ("text", "json", "oneline") and not redact and of_very_many(paths, named):
        raise typer.Exit(streamed(paths, ruleset, form.value, output, all_events, named))
    try:
        result = (
            redacted(paths, ruleset, all_events, key, named, shows_all)
            if redact
            else run(paths, ruleset, all_events, named)
        )
    except ValueError as error:
        if named is None:
            raise
        raise fail(str(error)) from error
    from troubleshoot.report import print_terminal, render

    if form is ReportForm.text and output is None and _on_terminal(no_color):
        print_terminal(result)
    else:
        write(render(result, form.value), output)
    raise typer.Exit(exit_code(result))


def _on_terminal(no_color: bool) -> bool:
    return sys.stdout.isatty() and not no_color and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


@app.command(epilog="Example: troubleshoot compare dsregcmd-before.txt dsregcmd-after.txt")
def compare(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="File, folder or archive of the earlier state.")],
    after: Annotated[
        str | None,
        typer.Argument(
            metavar="[AFTER]", help="The later state. Without it BEFORE holds both: PreTrace folders, _Start_ files."
        ),
    ] = None,
    form: Annotated[ReportForm, typer.Option("-f", "--format", help="Form of the output.")] = ReportForm.text,
    output: OutOption = None,
    rules: RulesOption = None,
    drafts: Drafts = False,
    all_events: Annotated[bool, typer.Option("--all-events", help="Read every record of every log.")] = False,
    redact: Redact = False,
    key: KeyFile = None,
) -> None:
    """Say what changed between two states of one device, and which findings are fixed, stay, or are new.

    A finding counts as fixed only where the later state shows that it is; what it does not tell is said to be untold.
    Exit codes: those of diagnose for AFTER; 2 where the two are different devices.
    """
    check_paths([before])
    if after is not None:
        check_paths([after])
    from troubleshoot.devicecommands import compare as compare_states

    ruleset = load_rules(rules, drafts)
    raise compare_states(before, after, ruleset, form.value, output, all_events, redact, key)


@app.command(epilog="Example: troubleshoot show samples/broken/scp-missing --timeline --phase discover")
def show(
    paths: Paths,
    form: Annotated[DataForm, typer.Option("-f", "--format", help="Form of the output.")] = DataForm.text,
    output: OutOption = None,
    timeline: Annotated[
        bool, typer.Option("--timeline", help="Attempts, tokens, events and captures in one list, newest first.")
    ] = False,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", metavar="TEXT", help="Of the time line only what stands in such a file or log."),
    ] = None,
    phase: Annotated[
        list[str] | None,
        typer.Option("--phase", metavar="PHASE", help="Of the time line only this phase: discover, join, prt, mdm ..."),
    ] = None,
    all_events: Annotated[bool, typer.Option("--all-events", help="Every record of every provider.")] = False,
    redact: Redact = False,
    key: KeyFile = None,
) -> None:
    """Print what was read: fields, events, attempts, time line. No rules are applied.

    Events are those of the providers that tell of registration, tokens, Windows Hello and enrolment, and of the
    Windows components they rest on. Exit codes: 0 read, 3 nothing could be read, 2 wrong usage.
    """
    check_paths(paths)
    from troubleshoot import datacommands

    ruleset = load_rules(None)
    if timeline or source or phase:
        raise datacommands.timeline(
            paths, ruleset, form.value, output, source or [], phase or [], all_events, redact, key
        )
    raise datacommands.show(paths, ruleset, form.value, output, all_events, redact, key)


@app.command(epilog="Example: troubleshoot pack collected-folder -o case-4711.zip --redact")
def pack(
    paths: Paths,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE.zip|FOLDER", help="The zip or folder.")],
    rules: RulesOption = None,
    all_events: Annotated[bool, typer.Option("--all-events", help="Read every record of every log.")] = False,
    redact: Redact = False,
    key: KeyFile = None,
) -> None:
    """Write the escalation package for Microsoft's support: ids, times, server texts, blanks to fill in, evidence, digests.

    It holds the report and the lines it rests on, no other text of a log; what looks like a password, a token or a key is
    withheld. The same input gives the same bytes. Exit codes: 0 written, 3 nothing could be read, 2 wrong usage.
    """
    check_paths(paths)
    from troubleshoot.devicecommands import pack as write_package

    raise write_package(paths, load_rules(rules), output, all_events, redact, key)


@app.command(
    epilog="Example: troubleshoot code -2145648611 0x801c03f2 AADSTS50155",
    context_settings={"ignore_unknown_options": True},  # a negative decimal is a code, not an option
)
def code(
    codes: Annotated[
        list[str],
        typer.Argument(metavar="CODE...", help="Codes in any notation, symbols, words, or a log and an event id."),
    ],
    form: Annotated[DataForm, typer.Option("-f", "--format", help="Form of the output.")] = DataForm.text,
) -> None:
    """Say what a code means, in any notation, or a record of an event log ("event 304", AAD 1098), and which rules use it.

    Exit codes: 0 every code is known by name, 1 one is not, 2 wrong usage.
    """
    from troubleshoot import codelookup

    found = codelookup.look_up(codes, load_rules(None))
    write(codelookup.as_json(found) if form is DataForm.json else codelookup.as_text(found), None)
    raise typer.Exit(0 if all(one.known for one in found) else 1)


@app.command(epilog="Example: troubleshoot batch archive -o run-2026-11-24 --workers 4")
def batch(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Folders (each file and sub-folder is read by itself), files, archives, 'patterns*', lists (@FILE, NAME.lst) "
            "and addresses (s3://, abfs://, https://, file://).",
        ),
    ],
    run: Annotated[Path, typer.Option("-o", "--output", metavar="RUN", help="The run folder to write.")],
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, metavar="N", help="Processes; default: one a core.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler", metavar="ADDRESS", help="Run on the Dask cluster of this scheduler (tcp://HOST:8786)."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with RUN: only what is new, changed, lost or not done yet is read.")
    ] = False,
    timeout: Annotated[
        float,
        typer.Option("--timeout", min=1, metavar="SECONDS", help="Longest for one input; then it counts as lost."),
    ] = 1800,
    html: Annotated[
        bool, typer.Option("--html", help="Write each device's report as a page too, into RUN/reports.")
    ] = False,
    columns: Columns = None,
    rules: RulesOption = None,
    redact: Redact = False,
    key: KeyFile = None,
) -> None:
    """Diagnose many devices: a line for each, tables of devices and findings, a summary of top causes.

    Writes reports.jsonl, tables as Parquet and manifest.json into RUN. Exit codes as for diagnose, and 130 when stopped by
    Ctrl-C: what is finished is kept for --resume.
    """
    load_rules(rules)  # a bad rule folder is told before any worker starts
    from troubleshoot.batch import Options
    from troubleshoot.batch import run as run_batch

    named = tuple((columns_of(columns) or {}).items())
    secret = run_key(run, key) if redact else None
    raise typer.Exit(
        run_batch(sources, run, Options(workers, tuple(rules or ()), resume, secret, timeout, scheduler, named, html))
    )


@rules_app.command("list")
def rules_list(
    form: Annotated[DataForm, typer.Option("-f", "--format")] = DataForm.text, rules: RulesOption = None
) -> None:
    """One line per rule: id, phase, severity, title."""
    from troubleshoot import rulecommands

    write(rulecommands.listing(load_rules(rules, drafts=True), form.value), None)


@rules_app.command("show", epilog="Example: troubleshoot rules show scp-read-failed")
def rules_show(rule: Annotated[str, typer.Argument(metavar="ID")], rules: RulesOption = None) -> None:
    """The whole of one rule, as a page."""
    from troubleshoot import rulecommands

    ruleset = load_rules(rules, drafts=True)
    if rule not in ruleset.numbers:
        raise fail(f"no rule '{rule}'{rulecommands.nearest(rule, list(ruleset.numbers))}")
    write(rulecommands.page(ruleset, rule), None)


@rules_app.command("new", epilog="Example: troubleshoot rules new my-rule --phase join --rules my-rules")
def rules_new(
    rule: Annotated[str, typer.Argument(metavar="ID", help="Lower-case words with hyphens.")],
    phase: Annotated[str, typer.Option("--phase", help="The phase, which is also the folder.")] = "join",
    rules: Annotated[
        Path | None, typer.Option("--rules", metavar="DIR", help="Folder to write to; default: rules/.")
    ] = None,
) -> None:
    """Write a commented skeleton of a rule into the right folder."""
    from troubleshoot import rulecommands
    from troubleshoot.ruleset import RuleError

    try:
        path = rulecommands.write_skeleton(rule, phase, rules)
    except RuleError as error:
        raise fail(str(error)) from error
    typer.echo(f"wrote {path}; next: troubleshoot rules lint, troubleshoot rules test {rule}")


@rules_app.command("lint")
def rules_lint(rules: RulesOption = None) -> None:
    """Check every rule without running it: one line per problem, with file and line. Exit code 1 when there are any."""
    from troubleshoot import rulecommands

    problems, count = rulecommands.lint(rules or ())
    for line in problems:
        typer.echo(line)
    typer.echo(f"{count} rules, {len(problems)} problems", err=True)
    raise typer.Exit(1 if problems else 0)


@rules_app.command("test")
def rules_test(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID...]", help="Rules to test; default: all.")] = None,
    rules: RulesOption = None,
    clauses: Annotated[bool, typer.Option(help="Also check that some example needs each clause.")] = True,
) -> None:
    """Run the examples inside the rules, and check that every clause is needed by one. Exit code 1 when any fails."""
    from troubleshoot import rulecommands
    from troubleshoot.ruleset import RuleError

    try:
        lines, counts = rulecommands.test(ids or [], rules or (), clauses)
    except RuleError as error:
        raise fail(str(error)) from error
    for line in lines:
        typer.echo(line)
    typer.echo(counts, err=True)
    raise typer.Exit(1 if lines else 0)


@rules_app.command("coverage")
def rules_coverage(
    form: Annotated[DataForm, typer.Option("-f", "--format")] = DataForm.text,
    missing: Annotated[
        bool, typer.Option("--missing", help="Only causes that no example proves; exit code 1 when there is one.")
    ] = False,
) -> None:
    """Which rule stands for which documented cause, proved by the examples of the rules."""
    from troubleshoot import coverage
    from troubleshoot.ruleset import read_folder, rules_folder

    found = coverage.measure(*read_folder(rules_folder()))
    write(coverage.as_json(found) if form is DataForm.json else coverage.text(found, missing), None)
    if missing and any(one.state != "covered" for one in found):
        raise typer.Exit(1)


@rules_app.command("docs", epilog="Example: troubleshoot rules docs -o docs/site")
def rules_docs(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder of the pages.")],
    check: Annotated[bool, typer.Option("--check", help="Write nothing; say what is stale or leads nowhere.")] = False,
) -> None:
    """Write static pages about all rules: by phase, code, event and symptom. They open from disk."""
    from troubleshoot import ruledocs

    if not check:
        typer.echo(f"wrote {ruledocs.write(output)} pages; open {output / 'index.html'}")
        return
    problems = ruledocs.check(output)
    for line in problems:
        typer.echo(line)
    raise typer.Exit(1 if problems else 0)


@rules_app.command("schema")
def rules_schema(output: OutOption = None) -> None:
    """The JSON Schema of rule files, generated from the vocabulary."""
    import json

    from troubleshoot.ruleschema import schema
    from troubleshoot.ruleset import read_folder, rules_folder

    write(json.dumps(schema(read_folder(rules_folder())[1]), indent=1, ensure_ascii=False), output)


@app.command("formats")
def formats(
    form: Annotated[DataForm, typer.Option("-f", "--format", help="Form of the output.")] = DataForm.text,
) -> None:
    """What can be read, and how it is recognised."""
    from troubleshoot import formats as known

    write(known.as_json() if form is DataForm.json else known.table(), None)


def _version(value: bool) -> None:
    if value:
        from troubleshoot import __version__

        typer.echo(f"troubleshoot {__version__}")
        raise typer.Exit


@app.callback()
def _app(
    version: Annotated[
        bool | None, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = None,
) -> None:
    pass


def _called(word: str | None) -> typer.Typer:
    """The app with only the command ``word``: making the others takes a tenth of the start. The whole app where it is none."""
    called = [one for one in app.registered_commands if word == (one.name or getattr(one.callback, "__name__", None))]
    if not called:
        return app
    alone = copy(app)
    alone.registered_commands, alone.registered_groups = called, []
    return alone


def main() -> None:
    """The console script. Output is UTF-8 whatever the console's code page; what it cannot show is replaced."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        _called(next(iter(sys.argv[1:]), None))()
    except BrokenPipeError:
        # The reader (head, less) went away: no traceback, and no second error while Python closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
