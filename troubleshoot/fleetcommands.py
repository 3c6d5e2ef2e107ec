"""The commands ``fleet summary|table|diff|html``: arguments and where output goes. pandas is imported inside them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from troubleshoot.console import DataForm, OutOption, fail, write

if TYPE_CHECKING:
    from troubleshoot.fleet.assemble import Fleet

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Finished runs as a fleet: causes, rollout, changes, one page."
)

Runs = Annotated[
    list[str], typer.Argument(metavar="RUN...", help="Run folders of `troubleshoot batch`; several make a history.")
]
Lists = Annotated[
    list[str] | None,
    typer.Option(
        "--devices",
        metavar="LIST",
        help="What should be there: CSV or JSON of AD computers, Entra devices, Intune devices, a plan; repeatable.",
    ),
]


class TableForm(StrEnum):
    """Forms of tables."""

    csv = "csv"
    xlsx = "xlsx"
    parquet = "parquet"
    json = "json"


class TableName(StrEnum):
    """The tables of a fleet."""

    devices = "devices"
    findings = "findings"
    clusters = "clusters"
    coverage = "coverage"
    conflicts = "conflicts"


class Pages(StrEnum):
    """Whose reports are written as pages."""

    auto = "auto"
    all = "all"
    failing = "failing"
    none = "none"


def _fleet(runs: Sequence[str], lists: Sequence[str] | None, by_time: bool = True) -> Fleet:
    from troubleshoot.fleet import FleetError
    from troubleshoot.fleet.assemble import fleet_of

    try:
        return fleet_of(runs, lists or (), by_time)
    except FleetError as error:
        raise fail(str(error)) from error


def _json(data: object) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False, default=str)


@app.command(epilog="Example: troubleshoot fleet summary run-1 run-2 --devices ad.csv --devices entra.csv")
def summary(
    runs: Runs,
    lists: Lists = None,
    form: Annotated[DataForm, typer.Option("-f", "--format", help="Form of the output.")] = DataForm.text,
    output: OutOption = None,
    most: Annotated[
        int, typer.Option("--most", min=1, metavar="N", help="Rows of each list that grows with the fleet.")
    ] = 20,
) -> None:
    """Root causes by devices and by who must act, how far the rollout is, what fails alike, what to collect.

    Shares are over the target where a list of devices is given, else over those that reported. Exit codes: 0, or 2 for a
    folder or list that cannot be used.
    """
    from troubleshoot.fleet import summary as summing
    from troubleshoot.fleet import texts

    found = summing.summarize(_fleet(runs, lists), most)
    write(_json(found) if form is DataForm.json else texts.summary(found), output)


@app.command(epilog="Example: troubleshoot fleet table run-2 -f xlsx -o fleet.xlsx")
def table(
    runs: Runs,
    lists: Lists = None,
    form: Annotated[TableForm, typer.Option("-f", "--format", help="Form of the tables.")] = TableForm.csv,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="File, or a folder for all tables.")
    ] = None,
    name: Annotated[
        TableName, typer.Option("--table", help="Which table, where one goes into the file.")
    ] = TableName.devices,
    bom: Annotated[bool, typer.Option("--bom", help="CSV with a byte-order mark, for Excel.")] = False,
    semicolon: Annotated[
        bool, typer.Option("--semicolon", help="CSV with ; between cells, for Excel of many countries.")
    ] = False,
) -> None:
    """Write the tables devices, findings, clusters, coverage and conflicts. A workbook holds them all.

    Cells that a spreadsheet could take for a formula get an apostrophe in front. Times are UTC.
    """
    from troubleshoot.fleet import spreadsheets

    if output is None and form in (TableForm.xlsx, TableForm.parquet):
        raise fail(f"-f {form.value} needs -o FILE")
    found = spreadsheets.tables(_fleet(runs, lists))
    if form is TableForm.xlsx:
        assert output is not None
        try:
            spreadsheets.write_workbook(found, output / "fleet.xlsx" if output.is_dir() else output)
        except OSError as error:
            raise fail(f"{output}: {error}") from error
        return
    several = output is not None and output.is_dir()
    for each in found if several else (name.value,):
        if form is TableForm.csv:
            data: str | bytes = spreadsheets.as_csv(found[each], bom, ";" if semicolon else ",")
        elif form is TableForm.parquet:
            data = spreadsheets.as_parquet(found[each])
        else:
            data = _json(spreadsheets.as_records(found[each]))
        _put(data, output / f"{each}.{form.value}" if several and output else output)


def _put(data: str | bytes, path: Path | None) -> None:
    """Bytes as they are, into a file or to standard output."""
    if path is None:
        write(data, None)
        return
    try:
        path.write_bytes(data if isinstance(data, bytes) else data.encode() + b"\n")
    except OSError as error:
        raise fail(f"{path}: {error.strerror or error}") from error


@app.command("diff", epilog="Example: troubleshoot fleet diff run-1 run-2")
def diff(
    runs: Annotated[
        list[str], typer.Argument(metavar="OLD NEW", help="Two run folders; more before them tell since when.")
    ],
    lists: Lists = None,
    form: Annotated[DataForm, typer.Option("-f", "--format", help="Form of the output.")] = DataForm.text,
    output: OutOption = None,
    most: Annotated[
        int, typer.Option("--most", min=1, metavar="N", help="Devices listed per class, in the text.")
    ] = 20,
) -> None:
    """What changed from OLD to NEW: fixed, new, moved to another cause, still failing and since when, disappeared."""
    if len(runs) < 2:
        raise fail("diff needs two run folders: OLD NEW")
    from troubleshoot.fleet import difference, texts

    found = difference.as_data(_fleet(runs, lists, by_time=False))
    write(_json(found) if form is DataForm.json else texts.difference(found, most), output)


@app.command("html", epilog="Example: troubleshoot fleet html run-1 run-2 --devices ad.csv -o fleet.html")
def html(
    runs: Runs,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The page to write.")],
    lists: Lists = None,
    pages: Annotated[
        Pages,
        typer.Option(
            "--pages", help="Whose own reports are written into RUN/pages; auto: all, in fleets up to 500 devices."
        ),
    ] = Pages.auto,
) -> None:
    """One page with charts, heat map and a list of all devices with search; it opens from disk and asks for nothing.

    Each device links to its own report where that is in its run folder (--pages); keep the folders beside the page.
    """
    from troubleshoot.fleet import FleetError, devicepages, page

    fleet = _fleet(runs, lists)
    if output.is_dir():
        output = output / "fleet.html"
    try:
        found = devicepages.links(fleet, output, pages.value)
    except FleetError as error:
        raise fail(str(error)) from error
    _put(page.render(fleet, found), output)
