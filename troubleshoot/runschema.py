"""The tables of a run folder: which columns each has, of which type, and what they mean (``data/run_folder.yaml``).

Who writes run folders (:mod:`troubleshoot.batch`) and who reads them share this module and nothing else.
``python -m troubleshoot.runschema`` prints the tables of ``docs/run-folder.md``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import orjson

from troubleshoot.tables import DATA

if TYPE_CHECKING:
    import pyarrow

VERSION = 1
"""Of the run folder's form, in its manifest. New columns do not change it; a changed meaning would."""


class Column(NamedTuple):
    """``type``: text, time (a text of RFC 3339), count (64 bits), flag."""

    name: str
    type: str
    meaning: str


class Table(NamedTuple):
    """One Parquet file: ``row`` says what one row of it is."""

    name: str
    row: str
    columns: tuple[Column, ...]


@lru_cache(maxsize=1)
def tables() -> dict[str, Table]:
    """Every table by its name, columns in the order in which they are written."""
    rows = orjson.loads((DATA / "run_folder.json").read_bytes())
    return {
        name: Table(name, table["row"], tuple(Column(column, *told) for column, told in table["columns"].items()))
        for name, table in rows.items()
    }


def arrow(name: str) -> pyarrow.Schema:
    """The Arrow schema of a table's Parquet file: string, int64 and bool, every column nullable."""
    import pyarrow as pa

    types = {"text": pa.string(), "time": pa.string(), "count": pa.int64(), "flag": pa.bool_()}
    return pa.schema([(column.name, types[column.type]) for column in tables()[name].columns])


def markdown() -> str:
    """The tables of the documentation."""
    parts = []
    for table in tables().values():
        lines = [f"### {table.name}.parquet", "", table.row, "", "| column | type | meaning |", "|---|---|---|"]
        lines += [f"| `{one.name}` | {one.type} | {one.meaning} |" for one in table.columns]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
