"""The readers of tables under any input: they never raise, count every row once, stay bounded, and nothing in a cell acts."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from bundles import status
from fleetpieces import FAILING, JOINED, joined_by, table, workbook
from hypothesis import given, settings
from hypothesis import strategies as st

from troubleshoot.fleetinput import cells, jsontails, records
from troubleshoot.fleetinput.cuts import judged
from troubleshoot.fleetinput.tables import OUTCOMES, Table, tables
from troubleshoot.loader import in_memory
from troubleshoot.model import Capture, Row
from troubleshoot.pipeline import diagnose_bytes
from troubleshoot.report import render
from troubleshoot.ruleset import load

NAMES = ("ComputerName", "AzureAdJoined", "DomainJoined", "Details")
DUMP = status(FAILING)
CELLS = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "",
            "NO",
            "TRUE",
            "#NAME?",
            "System.Object[]",
            "WKS-0427",
            '"',
            '{"a":',
            "<table><tr><td>",
            "=cmd|'/c calc'!A1",
            DUMP,
        ]
    ),
)


def read(data: bytes, name: str = "a.csv") -> list[Table]:
    found = tables(in_memory(name, data))
    for one in found:
        list(one.devices())
        assert one.read == sum(one.counts.values())
        assert set(one.counts) <= set(OUTCOMES)
    return found


@given(st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), max_size=8), st.sampled_from(",;\t|"))
def test_every_row_of_a_written_table_is_counted_once(rows: list[tuple[str, ...]], delimiter: str) -> None:
    rows = [tuple(cell.replace("\r", "").replace("\0", "") for cell in row) for row in rows]
    data = table([NAMES, ("WKS-0001", "NO", "YES", ""), *rows], delimiter)
    for one in read(data):
        written = sum(1 for row in rows if any(cell.strip() for cell in row) or True)
        assert one.read == written + 1


@given(st.binary(max_size=300))
def test_bytes_behind_a_header_never_raise(noise: bytes) -> None:
    read(",".join(NAMES).encode() + b"\nWKS-0001,NO,YES,\n" + noise)


@given(st.text(alphabet='",\n ab', max_size=80))
def test_quotes_anywhere_cost_no_other_row(middle: str) -> None:
    data = f"{','.join(NAMES)}\nWKS-0001,NO,YES,\n{middle}\nWKS-0002,NO,YES,\nWKS-0003,YES,YES,\n"
    head = records.header(data.split("\n"))
    assert head is not None
    found = list(records.delimited(iter(data.split("\n")), head))
    assert found[0].cells["ComputerName"] == "WKS-0001"
    assert found[-1].cells.get("ComputerName") == "WKS-0003" or middle.count('"')


@pytest.mark.parametrize("damage", ['x,"lost', '"lost', "only one cell", "1,2,3,4,5,6"])
def test_a_damaged_row_costs_only_itself(damage: str) -> None:
    data = f"{','.join(NAMES)}\nWKS-0001,NO,YES,x\n{damage}\nWKS-0002,NO,YES,x\nWKS-0003,YES,YES,x\n".encode()
    (one,) = read(data)
    assert dict(one.counts) == {"evidence": 3, "damaged": 1}


def test_a_file_that_ends_inside_a_row_has_that_row_once() -> None:
    data = table([("Computer", "Details"), ("WKS-0519", DUMP), ("WKS-0427", status(JOINED))])
    (one,) = read(data[:-900])
    assert dict(one.counts) == {"evidence": 1, "damaged": 1}


@given(st.text(max_size=200))
def test_any_text_is_decoded_without_an_error(text: str) -> None:
    found = cells.decode(text)
    judged(text, found, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12) | st.sampled_from(NAMES), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(JSON, st.integers(0, 120))
def test_json_cut_anywhere_is_read_to_the_cut(value: object, end: int) -> None:
    text = json.dumps(value)[:end]
    jsontails.load(text)
    cells.decode(text)
    read(text.encode(), "a.json")


@settings(max_examples=60)
@given(st.integers(0, len(DUMP)), st.integers(0, len(DUMP)))
def test_what_was_cut_away_is_never_a_no(start: int, end: int) -> None:
    """Any piece of the output of a joined device, by any channel: nothing says that the device is not joined."""
    whole = status(JOINED)
    piece = whole[min(start, end) : max(start, end)]
    for text in (piece, joined_by(whole)[start:], joined_by(whole)[:end], json.dumps({"o": whole})[:end]):
        for one in read(table([("Computer", "Output"), ("WKS-0427", text), ("WKS-0519", DUMP)])):
            for device in one.devices():
                if device.name is None or not device.name.startswith("WKS-0427"):
                    continue
                for found in device.part.found:
                    if isinstance(found, Capture) and (joined := found.named.get("AzureAdJoined")) is not None:
                        assert joined.text == "YES" or joined.absence


@pytest.mark.parametrize("most", [2_048, 4_000, 4_096, 255])
@pytest.mark.parametrize("end", ["first", "last"])
def test_a_cut_at_a_limit_is_seen(most: int, end: str) -> None:
    whole = status(JOINED)
    text = whole[:most] if end == "first" else whole[-most:]
    (one,) = tables(in_memory("a.csv", table([("Computer", "Output"), ("WKS-0427", text), ("WKS-0519", DUMP)])))
    rows = {row.device: row for device in one.devices() for row in device.rows}
    row = next(row for name, row in rows.items() if name and name.startswith("WKS-0427"))
    if row.outcome == "evidence":
        assert row.cut in (("tail",) if end == "first" else ("head",))
        assert end == "first" or "AzureAdJoined" not in row.said


HOSTILE = [
    '=HYPERLINK("http://x.example","a")',
    "<script>alert(1)</script>",
    "<table>" * 3000,
    "{" * 5000,
    "[" * 5000,
    '{"a":' * 3000,
    "\x1b[31mred\x1b[0m \u202egnp.exe",
    "AzureAdJoined : NO\x00\x00",
    "../../../etc/passwd",
    "&lt;br&gt;" * 2000,
    "a=" * 20000,
    "|" * 20000,
    "AzureAdJoined : " + "N" * 200_000,
]


@pytest.mark.parametrize("cell", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_cells_are_text_in_every_form(cell: str) -> None:
    data = table([(*NAMES, "Remark"), ("WKS-0427", "NO", "YES", cell, "x"), (cell, "NO", "YES", DUMP, cell)])
    result = diagnose_bytes("a.csv", data, load([]))
    assert [one.outcomes for one in result.tables] == [{"evidence": 2}]
    for form in ("text", "json", "markdown", "oneline", "html"):
        shown = render(result, form)
        shown = shown.decode() if isinstance(shown, bytes) else shown
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert "<script>alert" not in shown or form not in ("html", "markdown")


def test_a_workbook_that_unpacks_to_too_much_is_refused_and_named() -> None:
    whole = zipfile.ZipFile(io.BytesIO(workbook([NAMES, ("WKS-0427", "NO", "YES", "")])))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bomb:
        for member in whole.infolist():
            bomb.writestr(member.filename, whole.read(member))
        bomb.writestr("xl/worksheets/sheet9.xml", b"\0" * 300_000_000)
    result = diagnose_bytes("a.xlsx", out.getvalue(), load([]))
    assert result.reports == ()
    assert "over the limit of 256 MB" in result.unread[0].reason


@pytest.mark.parametrize("at", [0.3, 0.6, 0.9])
def test_a_damaged_workbook_is_named(at: float) -> None:
    data = workbook([NAMES, ("WKS-0427", "NO", "YES", "")])
    broken = data[: int(len(data) * at)] + b"\0" * 40 + data[int(len(data) * at) + 40 :]
    result = diagnose_bytes("a.xlsx", broken, load([]))
    assert result.reports == () or result.tables[0].outcomes == {"evidence": 1}
    assert result.reports or result.unread


def test_entities_in_a_workbook_are_not_expanded(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + at)} "{(chr(38) + chr(97 + at) + ";") * 10}">' for at in range(9)
    )
    whole = zipfile.ZipFile(io.BytesIO(workbook([NAMES, ("WKS-0427", "NO", "YES", "")])))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for member in whole.infolist():
            body = whole.read(member)
            if member.filename.endswith("sheet1.xml"):
                body = (bomb + "]>").encode() + body.replace(b"WKS-0427", b"&j;")
            made.writestr(member.filename, body)
    result = diagnose_bytes("a.xlsx", out.getvalue(), load([]))
    assert all(len(one.reason) < 2_000 for one in result.unread)
    assert all(len(str(one.device.name)) < 300 for one in result.reports)


def test_rows_of_a_device_in_any_order_give_one_state() -> None:
    old = ("WKS-0427", "NO", "YES", "2026-03-01 08:00:00")
    new = ("WKS-0427", "YES", "YES", "2026-03-04 08:00:00")
    for rows in ([old, new], [new, old]):
        (one,) = tables(in_memory("a.csv", table([("Computer", "AzureAdJoined", "DomainJoined", "When"), *rows])))
        (device,) = one.devices()
        assert Counter(row.superseded for row in device.rows) == {True: 1, False: 1}
        (capture,) = (found for found in device.part.found if isinstance(found, Capture))
        assert capture.named["AzureAdJoined"].text == "YES"
        assert [isinstance(found, Row) for found in device.part.found].count(True) == 2
