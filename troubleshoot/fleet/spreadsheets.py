"""The tables of a fleet as files: CSV, one Excel workbook, Parquet, JSON.

What devices call themselves is foreign text. A cell that a spreadsheet could take for a formula gets an apostrophe in front, also
where blanks, quotes or invisible characters stand before the sign; controls and direction marks are shown as escapes.

XlsxWriter and not openpyxl: it only writes, row by row with constant memory, and never turns a text into a formula or a link.
"""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from troubleshoot.fleet.assemble import Fleet
from troubleshoot.report.safe import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

_LONGEST = 32_000  # UTF-16 units; Excel's cells hold 32,767 (Microsoft: "Excel specifications and limits")
_MOST_ROWS = 1_048_575  # of a sheet, without the header (the same page)
_FORMULA = re.compile(
    "[\\s\"'`\u00a0\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2069\u3000\ufeff\x00-\x1f]*[=+\\-@\uff1d\uff0b\uff0d\uff20]"
)
_DEVICE_COLUMNS = (
    *("device", "device_id", "domain", "tenant_id", "tenant_name", "os_build", "ou", "site", "wave", "owner", "model"),
    *("in_target", "reported", "stage", "verdict", "join_state", "token", "root", "root_title", "phase", "severity"),
    *("confidence", "who", "do", "since", "first_seen", "last_seen", "runs", "gaps", "state_run", "latest", "cut"),
    *("copies", "dual", "lists", "list_seen", "proxy", "dc", "gateway", "image", "key_container", "summary", "source"),
    *("line", "key"),
)
TABLES = ("devices", "findings", "clusters", "coverage", "conflicts")


def tables(fleet: Fleet) -> dict[str, pd.DataFrame]:
    """The tables by name, with the columns that are for reading. Times are UTC."""
    devices = fleet.devices.rename(columns={"list_lists": "lists"})
    return {
        "devices": devices[list(_DEVICE_COLUMNS)],
        "findings": fleet.findings,
        "clusters": fleet.clusters,
        "coverage": fleet.coverage,
        "conflicts": fleet.conflicts,
    }


def harmless(text: str) -> str:
    """``text`` as a cell: one line in which nothing acts, no formula, short enough for Excel.

    >>> harmless('=1+1'), harmless(' "@SUM(A1)'), harmless('WKS-0427')
    ("'=1+1", '\\' "@SUM(A1)', 'WKS-0427')
    """
    risky = _FORMULA.match(text) is not None
    text = plain(text, _LONGEST)
    if len(text) * 2 > _LONGEST:
        units = text.encode("utf-16-le", "replace")
        if len(units) > _LONGEST * 2:
            text = units[: _LONGEST * 2].decode("utf-16-le", "ignore") + " …"
    text = text.encode("utf-8", "replace").decode()
    return f"'{text}" if risky or _FORMULA.match(text) else text


def _cell(value: Any) -> Any:
    """A value of a frame as a text or number; an empty text for a missing one; a time as RFC 3339."""
    import pandas as pd

    if isinstance(value, str):
        return harmless(value)
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return ""
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "yes" if value else "no"
    return value.item() if hasattr(value, "item") else value


def as_csv(frame: pd.DataFrame, bom: bool = False, delimiter: str = ",") -> bytes:
    """A table as CSV in UTF-8 with CRLF, as RFC 4180 has it; with ``bom`` Excel knows the encoding."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(frame.columns)
    writer.writerows(
        [_cell(value) for value in row] for row in frame.astype("object").itertuples(index=False, name=None)
    )
    return (b"\xef\xbb\xbf" if bom else b"") + stream.getvalue().encode()


def as_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """A table as plain data: texts as they are, missing values None, times RFC 3339."""
    import pandas as pd

    def value(one: Any) -> Any:
        if isinstance(one, str):
            return one
        if one is None or one is pd.NA or one is pd.NaT or one != one:
            return None
        if isinstance(one, pd.Timestamp):
            return f"{one:%Y-%m-%dT%H:%M:%SZ}"
        return one.item() if hasattr(one, "item") else one

    names = [str(name) for name in frame.columns]
    rows = frame.astype("object").itertuples(index=False, name=None)
    return [dict(zip(names, map(value, row), strict=True)) for row in rows]


def as_parquet(frame: pd.DataFrame) -> bytes:
    """A table as Parquet; texts stay as they are, since nothing evaluates them there."""
    stream = io.BytesIO()
    out = frame.copy()
    for name in out.columns:
        if out[name].dtype == object:
            out[name] = out[name].astype("string")
    out.to_parquet(stream, index=False)
    return stream.getvalue()


def write_workbook(found: Mapping[str, pd.DataFrame], path: Path) -> None:
    """One workbook, a sheet a table: frozen header, filters, times as dates (UTC). Raises OSError."""
    import xlsxwriter
    from xlsxwriter.exceptions import FileCreateError

    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    book = xlsxwriter.Workbook(str(path), {**options, "remove_timezone": True})
    # No clock in the file: same tables, same bytes.
    book.set_properties({"created": datetime(2000, 1, 1)})
    head = book.add_format({"bold": True, "bottom": 1})
    date = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    for name, frame in found.items():
        for part in range(0, max(1, len(frame)), _MOST_ROWS):
            sheet = book.add_worksheet(name if not part else f"{name} {part // _MOST_ROWS + 1}")
            _fill(sheet, frame.iloc[part : part + _MOST_ROWS], head, date)
    try:
        book.close()
    except FileCreateError as error:
        raise OSError(str(error)) from error


def _fill(sheet: Any, frame: pd.DataFrame, head: Any, date: Any) -> None:
    import pandas as pd

    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, len(frame), max(0, len(frame.columns) - 1))
    for place, name in enumerate(frame.columns):
        timed = isinstance(frame[name].dtype, pd.DatetimeTZDtype)
        sheet.set_column(place, place, 17 if timed else min(60, max(10, len(str(name)) + 3)))
        sheet.write_string(0, place, f"{name} (UTC)" if timed else str(name), head)
    for number, row in enumerate(frame.astype("object").itertuples(index=False, name=None), start=1):
        for place, value in enumerate(row):
            if isinstance(value, pd.Timestamp):
                sheet.write_datetime(number, place, value.to_pydatetime(), date)
                continue
            cell = _cell(value)
            if isinstance(cell, str):
                if cell:
                    sheet.write_string(number, place, cell)
            else:
                sheet.write_number(number, place, cell)
