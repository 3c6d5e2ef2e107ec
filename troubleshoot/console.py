"""What the commands share: their options, how a mistake is told, where output goes."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from troubleshoot.case import Case
    from troubleshoot.model import Result, Row
    from troubleshoot.pseudonyms import Redactor
    from troubleshoot.ruleset import Ruleset

USAGE_ERROR = 2


class DataForm(StrEnum):
    """Forms of data that is no report."""

    text = "text"
    json = "json"


Paths = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH...", help="Files, folders and archives of one device, or of several; '-' is standard input."
    ),
]
RulesOption = Annotated[
    list[Path] | None, typer.Option("--rules", metavar="DIR", help="A folder of rules to add; equal ids replace.")
]
Redact = Annotated[
    bool, typer.Option("--redact", help="Names of people, devices, tenants and addresses become stable pseudonyms.")
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key", metavar="FILE", help="Key that makes the pseudonyms the same in every run; made if not there."
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(
        "--map",
        metavar="text=COLUMN,...",
        help="Columns of a table of many devices, where they are not found: text, device, time, id, error.",
    ),
]
NoColor = Annotated[bool, typer.Option("--no-color", help="Plain text, also on a terminal.")]
OutOption = Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write to FILE.")]
Drafts = Annotated[bool, typer.Option("--drafts", help="Use draft rules too.")]


def fail(message: str, code: int = USAGE_ERROR) -> typer.Exit:
    """The exception to raise, after ``message`` has gone to standard error."""
    typer.echo(f"troubleshoot: {message}", err=True)
    return typer.Exit(code)


def load_rules(folders: list[Path] | None, drafts: bool = False) -> Ruleset:
    """The shipped rules with ``folders`` laid over them; a bad rule ends the command with its file and line."""
    from troubleshoot.ruleset import RuleError, load

    try:
        return load(folders or (), drafts)
    except RuleError as error:
        raise fail(str(error)) from error


def write(data: str | bytes, output: Path | None) -> None:
    """Write to the file, or to standard output, in UTF-8 and with a line end."""
    raw = data.encode("utf-8", "replace") if isinstance(data, str) else data
    if not raw.endswith(b"\n"):
        raw += b"\n"
    if output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(raw)
        sys.stdout.buffer.flush()
        return
    try:
        output.write_bytes(raw)
    except OSError as error:
        raise fail(f"{output}: {error.strerror or error}") from error


def check_paths(paths: list[str]) -> None:
    """End the command where none of the paths is there; one that is missing among others is told in the report."""
    missing = [path for path in paths if path != "-" and not os.path.lexists(path)]
    if len(missing) == len(paths):
        raise fail(f"{missing[0]}: no such file or folder")


def redactor_of(key: Path | None) -> Redactor:
    """The pseudonyms of this run; with a key file, which is made if not there, the same as in every run with it."""
    from troubleshoot import pseudonyms

    try:
        return pseudonyms.Redactor(pseudonyms.read_key(key) if key else None)
    except OSError as error:
        raise fail(f"{key}: {error.strerror or error}") from error


def redacted(
    paths: list[str],
    ruleset: Ruleset,
    all_events: bool,
    key: Path | None,
    columns: Mapping[str, str] | None = None,
    with_evidence: bool = False,
) -> Result:
    """The diagnosis with pseudonyms: what the evidence names is learned after the analysis, which sees the real values.

    ``with_evidence``: also what was read beside the captures, for a form that shows all of it.
    """
    from troubleshoot import redact as redacting
    from troubleshoot.pipeline import judged, open_cases, wanted_events

    opened = open_cases(paths, None if all_events else wanted_events(ruleset), columns)
    rows = [one.row for one in opened.unread if one.row is not None]
    return redacting.result(redactor_for(opened.cases, key, rows), judged(opened, ruleset), with_evidence)


def redactor_for(cases: Iterable[Case], key: Path | None, rows: Iterable[Row] = ()) -> Redactor:
    """The pseudonyms of a run, which knows every name that its cases hold, and those of ``rows`` of tables that gave none."""
    from troubleshoot import identities

    redactor = redactor_of(key)
    for case in cases:
        identities.learn_case(redactor, case)
    for row in rows:
        identities.learn_row(redactor, row)
    return redactor


def run_key(run: Path, key: Path | None) -> bytes:
    """The key of a batch run's pseudonyms; without a file one beside the run folder, which only its owner may read."""
    from troubleshoot import pseudonyms

    path = key or run.absolute().with_name(f"{run.absolute().name}.key")
    made = not path.exists()
    try:
        found = pseudonyms.read_key(path)
    except OSError as error:
        raise fail(f"{path}: {error.strerror or error}") from error
    if made and key is None:
        typer.echo(
            f"pseudonyms: made with the new key {path}; who has it can tell the names, so keep it apart", err=True
        )
    return found


def of_very_many(paths: list[str], columns: Mapping[str, str] | None) -> bool:
    """Is one of the inputs a table of so many devices that reports are better written one by one?"""
    from troubleshoot.fleetinput import may_be_large

    suspects = [one for one in paths if may_be_large(one)]
    if not suspects:
        return False
    from troubleshoot.fleetinput.sizes import of_very_many as is_one

    return any(is_one(one, columns) for one in suspects)


def streamed(
    paths: list[str],
    ruleset: Ruleset,
    form: str,
    output: Path | None,
    all_events: bool,
    columns: Mapping[str, str] | None,
) -> int:
    """Diagnose tables of very many devices and write each report when it is made; returns the exit code."""
    from troubleshoot.fleetinput.mapping import MapError
    from troubleshoot.pipeline import diagnosed
    from troubleshoot.report import stream

    found = diagnosed(paths, ruleset, all_events, columns)
    try:
        if output is None:
            sys.stdout.flush()
            code = stream.write(form, found, ruleset.digest, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return code
        with output.open("wb") as sink:
            return stream.write(form, found, ruleset.digest, sink)
    except MapError as error:
        raise fail(str(error)) from error
    except BrokenPipeError:
        raise
    except OSError as error:
        raise fail(f"{output or 'output'}: {error.strerror or error}") from error


def columns_of(text: str | None) -> dict[str, str] | None:
    """What ``--map`` says; a mistake in it ends the command."""
    if text is None:
        return None
    from troubleshoot.fleetinput.mapping import MapError, mapping

    try:
        return mapping(text)
    except MapError as error:
        raise fail(str(error)) from error
