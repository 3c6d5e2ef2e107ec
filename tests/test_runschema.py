"""The run folder's tables: the data, the documentation and what is written are one."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from troubleshoot import batch, runschema
from troubleshoot.batch import Options
from troubleshoot.batch.rows import NUMBERS, lines, rows_of

ROOT = Path(__file__).resolve().parent.parent


def test_the_documentation_shows_these_tables() -> None:
    text = (ROOT / "docs" / "run-folder.md").read_text(encoding="utf-8")
    assert text.endswith(runschema.markdown()), "python -m troubleshoot.runschema prints them"


@pytest.mark.parametrize("sample", ["broken/upn-not-verified", "broken/device-not-synced", "damaged/empty-file"])
def test_every_row_has_a_value_for_each_column(sample: str, tmp_path: Path) -> None:
    batch.run([str(ROOT / "samples" / sample / "dsregcmd.txt")], tmp_path, Options(workers=1))
    for name, table in runschema.tables().items():
        written = pq.read_table(tmp_path / f"{name}.parquet")
        assert written.schema.remove_metadata() == runschema.arrow(name), table.name
        for row in written.to_pylist():
            assert row["line"] == 1
            assert row["source"].endswith("dsregcmd.txt")


def test_rows_of_an_input_that_gave_nothing() -> None:
    form = {"devices": [], "unread": [{"path": "", "reason": "the worker died", "kind": "lost"}]}
    (line,) = lines("a.zip", form)
    rows = rows_of(line)
    names = [name for name in runschema.arrow("devices").names if name not in NUMBERS]
    device = dict(zip(names, rows["devices"][0], strict=True))
    assert {name: device[name] for name in ("verdict", "state", "summary", "unread", "findings")} == {
        "verdict": "unread",
        "state": "lost",
        "summary": "the worker died",
        "unread": 1,
        "findings": 0,
    }
    assert rows["problems"] == [("a.zip", None, True, "a.zip", None, "lost", "the worker died", None)]
    assert [name for name, found in rows.items() if found] == ["devices", "problems"]
