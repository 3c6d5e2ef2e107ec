"""Scheduled tasks: whether the task that joins the device is there, switched on, and how it last ended.

``schtasks /query`` prints three columns, with ``/v`` a wide table, a list or CSV, with ``/xml`` definitions; PowerShell
has ``Get-ScheduledTask`` and ``Get-ScheduledTaskInfo``. Paths of tasks are not translated and columns keep their order
in every language: host, task, next run, status, logon mode, last run, last result ... the tenth after the task is its
state. What a word means is told by ``data/command_words.yaml`` or by the other words of its row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

from troubleshoot.model import Fact, Problem, Sheet, Source
from troubleshoot.parsers.tasktables import JOIN_FOLDER, JOIN_TASK, PathTrack, Row, csv_row, cut, list_row, xml_rows
from troubleshoot.tables import command_words

MDM_FOLDER = "\\Microsoft\\Windows\\EnterpriseMgmt\\"

_RULER = re.compile(r"^=+(?: =+){2,40}\s*$")
_POWERSHELL = re.compile(r"^\s*(TaskPath|TaskName|State|LastTaskResult)\s{0,30}:\s?(.*)$")
_STATES = {
    "disabled": "disabled",
    "1": "disabled",
    "ready": "ready",
    "3": "ready",
    "running": "running",
    "4": "running",
}
_RUNNING = 0x41301  # SCHED_S_TASK_RUNNING
_WHOLE = 10  # folders of \Microsoft\Windows that only a listing of all tasks names


class _Found(NamedTuple):
    """One task of a listing: its path, what is known of it, and the lines that say so."""

    path: str
    state: str | None
    result: str | None
    state_line: int
    result_line: int


def looks_like(sheet: Sheet) -> bool:
    """Does a path of a task stand in the text?"""
    return "\\Workplace Join" in sheet.text or "\\EnterpriseMgmt" in sheet.text


def read(sheet: Sheet) -> Iterator[Fact | Problem]:
    """``task.automatic-device-join`` with its result, and ``task.mdm-enrolment``."""
    found: list[_Found] = []
    track = PathTrack()
    for reader in (_xml, _table, _csv, _powershell, _list):
        found += reader(sheet, track)
    if not found:
        return
    join = [one for one in found if one.path.casefold() == JOIN_TASK.casefold()]
    if join:
        last = join[-1]
        if last.state is not None:
            source = Source(sheet.name, last.state_line + 1)
            yield Fact("task.automatic-device-join", last.state, source, text=_shown(sheet, last.state_line))
        if last.result is not None:
            source = Source(sheet.name, last.result_line + 1)
            yield Fact("task.automatic-device-join.result", last.result, source, text=_shown(sheet, last.result_line))
    elif beside := _last_below(found, JOIN_FOLDER):
        text = f"{_shown(sheet, beside.state_line)} (no Automatic-Device-Join in its folder)"
        yield Fact("task.automatic-device-join", "missing", Source(sheet.name, beside.state_line + 1), text=text)
    yield from _mdm(sheet, found, track)


def _mdm(sheet: Sheet, found: list[_Found], track: PathTrack) -> Iterator[Fact]:
    """The enrolling task lies directly in its folder; those of an enrolled device lie in folders named by a GUID.

    A listing by somebody who may not see a folder names the folder at most: only one that is whole, shows folders and
    lacks this one, or shows the tasks beside it, tells that the task is missing.
    """
    below = [one for one in found if one.path.casefold().startswith(MDM_FOLDER.casefold())]
    direct = [one for one in below if "\\" not in one.path[len(MDM_FOLDER) :]]
    told = direct or below
    if told:
        source = Source(sheet.name, told[-1].state_line + 1)
        text = _shown(sheet, told[-1].state_line)
        yield Fact("task.mdm-enrolment", "present" if direct else "missing", source, text=text)
    elif track.folders and not any("\\EnterpriseMgmt" in folder for folder in track.folders):
        whole = {folder for folder in track.folders if folder.startswith("\\Microsoft\\Windows\\")}
        if len(whole) >= _WHOLE:
            line = track.first_line
            text = f"{len(whole)} folders of tasks listed, none of them EnterpriseMgmt"
            yield Fact("task.mdm-enrolment", "missing", Source(sheet.name, line + 1), text=text)


def _last_below(found: list[_Found], folder: str) -> _Found | None:
    return next((one for one in reversed(found) if one.path.casefold().startswith(folder.casefold())), None)


def _shown(sheet: Sheet, line: int) -> str:
    return " ".join(sheet.lines[line].split())[:300]


# -------------------------------------------------------------------------------------------------- the forms


def _xml(sheet: Sheet, track: PathTrack) -> list[_Found]:
    if "<Task" not in sheet.text:
        return []
    found = []
    for path, enabled, line, first, last in xml_rows(sheet.text):
        sheet.taken.update(range(first, last + 1))
        found.append(_Found(path, "ready" if enabled else "disabled", None, line, line))
    return found


def _table(sheet: Sheet, track: PathTrack) -> list[_Found]:
    """Tables with a line of ``=`` below their header, three columns or twenty-eight, one for each folder."""
    found: list[_Found] = []
    if "====" not in sheet.text:
        return found
    lines = sheet.lines
    widths: list[int] = []
    for number, line in enumerate(lines):
        if number in sheet.taken:
            widths = []
        elif line.startswith("====") and _RULER.match(line[:20_000]):
            widths = [len(part) for part in line.split()]
            sheet.taken.update({number, number - 1} if number else {number})
        elif any(below.startswith("====") for below in lines[number + 1 : number + 4]) and track.enter(line, number):
            widths = []
            sheet.taken.add(number)
        elif not line.strip():
            widths = []
        elif widths:
            sheet.taken.add(number)
            cells = cut(line[:20_000], widths)
            at = 0 if widths[0] >= widths[1] else 1  # the name has the widest of the first two columns
            if len(cells) > at + 2 and cells[at]:
                one = _judge(track.full(cells[at]), Row([number] * len(cells), cells), at)
                found += [one] if one is not None else []
    return found


def _csv(sheet: Sheet, track: PathTrack) -> list[_Found]:
    """CSV; its header comes again for each folder, quotes inside a cell are not doubled."""
    found = []
    for number, line in enumerate(sheet.lines):
        if number in sheet.taken or not line.lstrip(" >").startswith('"') or '","' not in line:
            continue
        row = csv_row(number, line[:20_000])
        at = next((i for i in (0, 1) if i < len(row.cells) and row.cells[i].startswith("\\")), None)
        if at is None:
            following = sheet.lines[number + 1] if number + 1 < len(sheet.lines) else ""
            if '","\\' in following or following.lstrip(" >").startswith('"\\'):
                sheet.taken.add(number)  # a header
            continue
        sheet.taken.add(number)
        if (one := _judge(row.cells[at], row, at)) is not None:
            found.append(one)
    return found


def _list(sheet: Sheet, track: PathTrack) -> list[_Found]:
    """``/fo list``: one line per column. The line of the task is the one whose value is a path of tasks."""
    found = []
    number = 0
    while number < len(sheet.lines):
        line = sheet.lines[number]
        if number in sheet.taken or "\\" not in line:
            number += 1
            continue
        row = list_row(sheet.lines, number, sheet.taken)
        if row is None:
            if track.enter(line, number):
                sheet.taken.update({number, *_empty(sheet.lines, number + 1)})
            number += 1
            continue
        first = row.lines[0]
        if first and re.search("[:：]", sheet.lines[first - 1]) and first - 1 not in sheet.taken:
            sheet.taken.add(first - 1)  # the host's name
        sheet.taken.update(row.lines)
        if (one := _judge(row.cells[0], row, 0)) is not None:
            found.append(one)
        number = row.lines[-1] + 1
    return found


def _empty(lines: list[str], number: int) -> list[int]:
    """The one line that stands for the tasks of a folder which is empty, or closed to who asked."""
    told = number < len(lines) and lines[number].strip() and "\\" not in lines[number]
    alone = told and (number + 1 >= len(lines) or not lines[number + 1].strip())
    return [number] if alone else []


def _powershell(sheet: Sheet, track: PathTrack) -> list[_Found]:
    """``Get-ScheduledTaskInfo`` and ``Get-ScheduledTask``: property names and states are English on every Windows."""
    found: list[_Found] = []
    block: dict[str, tuple[int, str]] = {}
    if "TaskPath" not in sheet.text and "Workplace Join\\ " not in sheet.text:
        return found
    for number, line in enumerate([*sheet.lines, ""]):
        table = re.match(
            r"^\s*(\\Microsoft\\Windows\\[^\r\n]{1,100}?\\)\s+(\S[^\r\n]{0,150}?)\s+(\w{4,10})\s*$", line[:400]
        )
        if table and number not in sheet.taken and table[3].casefold() in _STATES:
            sheet.taken.add(number)
            found.append(_Found(table[1] + table[2].strip(), _STATES[table[3].casefold()], None, number, number))
            continue
        told = _POWERSHELL.match(line[:400]) if number not in sheet.taken else None
        if told:
            block[told[1]] = (number, told[2].strip())
        elif not line.strip() or number in sheet.taken:
            if (one := _from_block(block)) is not None:
                sheet.taken.update(at for at, _ in block.values())
                found.append(one)
            block = {}
    return found


def _from_block(block: dict[str, tuple[int, str]]) -> _Found | None:
    if "TaskPath" not in block or "TaskName" not in block:
        return None
    line, name = block["TaskName"]
    folder = block["TaskPath"][1]
    state_line, state = block.get("State", (line, ""))
    result_line, result = block.get("LastTaskResult", (line, ""))
    code = _code(result)
    word = _STATES.get(state.casefold())
    return _Found(folder.rstrip("\\") + "\\" + name, word, code, state_line, result_line)


# ---------------------------------------------------------------------------------------- what the cells mean


def _judge(path: str, row: Row, at: int) -> _Found | None:
    """The task at cell ``at`` of a row, with its state and last result."""
    if not path.startswith("\\"):
        return None
    cells, lines = row.cells, row.lines
    if len(cells) <= at + 5:  # three columns: task, next run, status
        status = cells[at + 2].casefold() if len(cells) > at + 2 else ""
        line = lines[min(at + 2, len(lines) - 1)]
        return _Found(path, _by_word(status), None, line, line)
    result_at = _result_at(cells, at)
    result = _code(cells[result_at]) if result_at is not None else None
    state_at = at + 10 if len(cells) > at + 10 else at + 2
    state = _state(cells[at + 2], cells[at + 10] if len(cells) > at + 10 else "", result)
    return _Found(path, state, result, lines[state_at], lines[result_at if result_at is not None else at])


def _state(status: str, state: str, result: str | None) -> str | None:
    """disabled, running or ready, from the words for the status and for the state of one task.

    Windows says "disabled" in both columns of a disabled task; the words of an enabled one differ.
    """
    status, state = status.casefold().strip(), state.casefold().strip()
    words = command_words()
    if status in words["task-disabled"] or state in words["task-disabled"]:
        return "disabled"
    if not status or not state:
        return _by_word(status)
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(status, state, strict=False)))
    if status == state or alike >= max(5, min(len(status), len(state)) - 2):
        return "disabled"
    if status in words["task-running"] or result == f"0x{_RUNNING:08x}":
        return "running"
    return "ready"


def _by_word(status: str) -> str | None:
    words = command_words()
    for name, value in (("task-disabled", "disabled"), ("task-running", "running"), ("task-ready", "ready")):
        if status in words[name]:
            return value
    return None


def _result_at(cells: list[str], at: int) -> int | None:
    """Where the last result stands: the fifth cell after the task, behind the time of the last run."""
    for i in (at + 5, at + 6):
        if i < len(cells) and _code(cells[i]) is not None and (i == at + 5 or _is_moment(cells[i - 1])):
            return i
    return None


def _is_moment(text: str) -> bool:
    return len(re.findall(r"\d{1,4}", text[:60])) >= 5


def _code(text: str) -> str | None:
    """``-2145647630``, ``2149319666`` or ``0x801C03F2`` as ``0x801c03f2``; None for anything else."""
    text = text.strip()
    if not re.fullmatch(r"-?\d{1,10}|0[xX][0-9A-Fa-f]{1,8}", text):
        return None
    value = int(text, 16) if text[:2].lower() == "0x" else int(text)
    return f"0x{value & 0xFFFFFFFF:08x}" if -(2**31) <= value < 2**32 else None
