"""Every shape in which fleets hand over the output of many devices: each device found, none invented, each row counted."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path

import jsonschema
import pytest
from fleetinputs import Shape, shapes

from troubleshoot import batch
from troubleshoot.pipeline import diagnose, diagnosed, exit_code
from troubleshoot.report import render, stream
from troubleshoot.ruleset import Ruleset, load
from troubleshoot.tables import DATA

ALL = list(shapes())


@pytest.fixture(scope="module")
def rules() -> Ruleset:
    return load([])


@pytest.mark.parametrize("shape", ALL, ids=[one.name for one in ALL])
def test_every_device_is_found_and_none_invented(shape: Shape, rules: Ruleset, tmp_path: Path) -> None:
    result = diagnose([str(shape.write(tmp_path))], rules, columns=shape.columns)
    seen = []
    for report in result.reports:
        deciding = [row for row in report.coverage.rows if not row.superseded and row.outcome == "evidence"]
        cut = deciding[0].cut if deciding else None
        assert len(report.device.names) <= 1
        seen.append((report.device.name, (report.join_state, report.verdict), cut))
    assert sorted(seen, key=str) == sorted(map(tuple, shape.devices), key=str)
    lost = {one.row.device: one.row.outcome for one in result.unread if one.row is not None}
    assert lost == shape.lost
    assert [dict(one.outcomes) for one in result.tables] == ([shape.rows] if shape.rows is not None else [])


@pytest.mark.parametrize("shape", ALL, ids=[one.name for one in ALL])
def test_the_rows_add_up_in_every_form(shape: Shape, rules: Ruleset, tmp_path: Path) -> None:
    result = diagnose([str(shape.write(tmp_path))], rules, columns=shape.columns)
    form = json.loads(render(result, "json"))
    jsonschema.validate(form, json.loads((DATA / "report.schema.json").read_text()))
    if shape.rows is None:
        return
    (table,) = form["tables"]
    assert table["rows"] == sum(table["outcomes"].values()) == sum(shape.rows.values())
    rows = [row for device in form["devices"] for row in device["coverage"].get("rows", ())]
    rows += [one["row"] for one in form["unread"] if "row" in one]
    counted: Counter[str] = Counter()
    for row in rows:
        counted[row["outcome"]] += row["rows"]
    assert dict(counted) == shape.rows
    text = " ".join(str(render(result, "text")).split())
    total = sum(shape.rows.values())
    assert f"{total} row{'s' if total != 1 else ''} = " in text


def test_a_run_folder_has_a_line_for_each_device_and_a_row_for_each_row(tmp_path: Path) -> None:
    import pandas as pd
    from test_batch import here

    inputs = [one for one in ALL if one.rows is not None and one.columns is None]
    folder = tmp_path / "in"
    for number, shape in enumerate(inputs):
        shape.write(folder / f"{number:02}")
    batch.run([str(folder)], tmp_path / "run", lanes=here())
    rows = pd.read_parquet(tmp_path / "run" / "rows.parquet")
    devices = pd.read_parquet(tmp_path / "run" / "devices.parquet")
    for number, shape in enumerate(inputs):
        source = (folder / f"{number:02}").as_posix()
        own = rows[rows.source == source]
        assert own.groupby("outcome")["rows"].sum().to_dict() == shape.rows, shape.name
        assert own["path"].is_unique
        told = devices[devices.source == source]
        assert sorted(told.device) == sorted([*(one.name for one in shape.devices), *shape.lost]), shape.name
        assert set(told[told.verdict == "unread"].device) == set(shape.lost), shape.name


@pytest.mark.parametrize("form", stream.FORMS)
@pytest.mark.parametrize("shape", [ALL[0], ALL[1], ALL[3], ALL[16]], ids=lambda one: one.name)
def test_reports_that_are_written_one_by_one_are_the_same(
    shape: Shape, form: str, rules: Ruleset, tmp_path: Path
) -> None:
    path = [str(shape.write(tmp_path))]
    whole = diagnose(path, rules)
    expected = render(whole, form)
    sink = io.BytesIO()
    code = stream.write(form, diagnosed(path, rules), rules.digest, sink)
    assert sink.getvalue() == (expected if isinstance(expected, bytes) else expected.encode())
    assert code == exit_code(whole)


def test_as_text_very_many_devices_are_a_line_each(
    rules: Ruleset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "FEW", 4)
    sink = io.BytesIO()
    stream.write("text", diagnosed([str(ALL[0].write(tmp_path))], rules), rules.digest, sink)
    said = sink.getvalue().decode()
    assert said.count("\n  - WKS-04") == 4
    assert said.startswith("  - WKS-0427")
    assert "5 devices: 3 inconclusive, 1 healthy, 1 failed." in said
    assert "8 rows = 4 evidence, 1 words, 1 cut, 1 error, 1 empty" in " ".join(said.split())


def test_what_a_column_of_errors_says_stands_beside_the_evidence(rules: Ruleset, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Computer,AzureAdJoined,DomainJoined,Error\nWKS-0519,NO,YES,0x801c0bad\nWKS-0520,NO,YES,0\n")
    result = diagnose([str(path)], rules)
    assert [one.coverage.rows[0].reason for one in result.reports] == ["beside it stands Error: 0x801c0bad", None]
    assert "beside it stands Error: 0x801c0bad" in " ".join(str(render(result, "text")).split())


@pytest.mark.parametrize("columns", ["AzureAdJoined,DomainJoined", "Output,Status"])
@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("0x801c001d", "error"),
        ("0x80070005 Access is denied", "error"),
        ("The RPC server is unavailable. (Exception from HRESULT: 0x800706BA)", "error"),
        ("-2147024891", "error"),
        ("0", "empty"),
        ("0x0", "empty"),
        ("None", "empty"),
        ("", "empty"),
    ],
)
def test_a_row_of_which_only_its_error_is_told_is_no_evidence(
    columns: str, error: str, outcome: str, rules: Ruleset, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    whole = "NO,YES" if columns.startswith("Azure") else "AzureAdJoined : NO,"
    path.write_text(f"Computer,{columns},Error\nWKS-0519,{whole},\nWKS-0520,,,{error}\n")
    result = diagnose([str(path)], rules)
    assert [one.device.name for one in result.reports] == ["WKS-0519"]
    assert [dict(one.outcomes) for one in result.tables] == [{"evidence": 1, outcome: 1}]
    (lost,) = result.unread
    assert lost.row is not None
    assert (lost.row.device, lost.row.outcome) == ("WKS-0520", outcome)
    assert outcome == "empty" or error in lost.reason
