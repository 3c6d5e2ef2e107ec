"""One file per computer, and one file of many: logon-script shares, loops over computers, results cached on the device."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from troubleshoot.decoding import decode as decoded_text
from troubleshoot.fleetinput import of_share
from troubleshoot.fleetinput.cells import decode, text_of
from troubleshoot.fleetinput.channels import Channel, by_id, plain
from troubleshoot.fleetinput.columns import Plan
from troubleshoot.fleetinput.hosts import is_host, is_sure_host
from troubleshoot.fleetinput.jsontails import Pairs, load
from troubleshoot.fleetinput.records import Record
from troubleshoot.fleetinput.rows import TELLING, Item, item, short
from troubleshoot.fleetinput.tables import Table
from troubleshoot.model import Account, Artifact, Capture, Evidence, LogLine, Problem, RegistryValue, Row, Source
from troubleshoot.parsers import unsupported

_LOOP = Channel("loop", "loop over computers", text=("output",), device=("computer",))
_SHARE = Channel("logon-script", "logon script to a share", account="user")
_CACHED = "PreRemediationDetectScriptOutput"
_MOST_HOSTS = 20_000
_HOST = r"(?P<host>[A-Za-z0-9][A-Za-z0-9._-]{1,62})"
_STARTS = (
    re.compile(rf"^\\\\{_HOST}:?\s*$"),
    re.compile(rf"^[=#*-]{{3,80}}\s?{_HOST}\s?[=#*-]{{0,80}}\s*$"),
    re.compile(rf"^Computer ?(?:Name)?\s{{0,20}}:\s{{0,20}}{_HOST}\s*$", re.IGNORECASE),
    re.compile(rf"^\[{_HOST}\]: PS [^>]{{0,200}}>"),
)
_END = re.compile(rf"^\S{{1,60}} exited on {_HOST} with error code -?\d{{1,11}}\.?\s*$")


def loop(artifact: Artifact, limit: int) -> Table | None:
    """The parts of one text with the output of several computers, each under a line with its name; None for another text.

    Every part is a row: one without output (access denied, not reachable) is one of its class. ``limit``: the largest size read.
    """
    if artifact.size > limit:
        return None
    with artifact.open() as stream:
        text, _ = decoded_text(stream.read(limit + 1))
    lines = text.split("\n")
    parts = _parts(lines)
    hosts = {short(name) for name, _ in parts}
    if len(hosts) < 2 or not any("AzureAdJoined" in part for _, part in parts):
        return None

    def rows() -> Iterator[Record]:
        for number, (name, part) in enumerate(parts, 1):
            yield Record(number, {"computer": name, "output": part})

    return Table(artifact.name, rows, Plan(_LOOP, text=("output",), device="computer"))


def _parts(lines: Sequence[str]) -> list[tuple[str, str]]:
    """(computer, text) of each part, by the first form of a heading that names two computers; else by the lines PsExec ends with."""
    for pattern in _STARTS:
        found = [(at, hit["host"]) for at, line in enumerate(lines) if len(line) < 200 and (hit := pattern.match(line))]
        found = [(at, name) for at, name in found if is_host(name) and is_sure_host(name)][:_MOST_HOSTS]
        if len({short(name) for _, name in found}) > 1:
            ends = [*(at for at, _ in found[1:]), len(lines)]
            return [(name, "\n".join(lines[at + 1 : end])) for (at, name), end in zip(found, ends, strict=True)]
    ended = [(at, hit["host"]) for at, line in enumerate(lines) if len(line) < 200 and (hit := _END.match(line))][
        :_MOST_HOSTS
    ]
    starts = [0, *(at + 1 for at, _ in ended)]
    return [(name, "\n".join(lines[start:at])) for start, (at, name) in zip(starts, ended, strict=False)]


def of_user(path: str, found: Sequence[Evidence | Problem]) -> tuple[Evidence | Problem, ...]:
    """The evidence of a file ``user--HOST.txt`` with the row that says whose it is: output of that user, not elevated.

    Evidence of any other file comes back as it is.
    """
    named = of_share(path)
    if named is None or not any(isinstance(one, Capture) and one.kind == "dsregcmd" for one in found):
        return tuple(found)
    user, computer = named
    row = Row(
        Source(path), 1, _SHARE.id, _SHARE.title, "evidence", computer, account=Account(user, "domain"), cut="unknown"
    )
    out: list[Evidence | Problem] = []
    for one in found:
        if isinstance(one, Capture) and one.kind == "dsregcmd":
            if one.account is None:
                one = one._replace(account=row.account, elevated=False if one.elevated is None else one.elevated)
            printed = one.named.get("DeviceName")
            if printed is not None and printed.value:
                if short(printed.text) == short(computer):
                    row = row._replace(device=printed.text)
                else:
                    said = f"the file is named after {computer}, and its text names {printed.text}: the file's name was taken"
                    out.append(Problem(Source(path, printed.line), "damaged", said, 0))
            said_ = {name: one.named[name].text for name in TELLING if name in one.named and one.named[name].value}
            whole = bool(one.sections) and all(one.sections.values())
            row = row._replace(said=said_, cut="none" if whole else "unknown", time=one.time)
            row = row._replace(time_origin="Client Time" if one.time else None)
        out.append(one)
    return (row, *out)


def error_in_place(artifact: Artifact) -> str | None:
    """The text of an error that a small file holds in place of output; None for any other file."""
    if artifact.size > 4_096:
        return None
    with artifact.open() as stream:
        data = stream.read(4_097)
    if unsupported(data):
        return None
    found = decode(decoded_text(data)[0])
    return " ".join(found.text.split())[:300] if found.form == "error" else None


def cached(found: Sequence[Evidence | Problem]) -> Iterator[Capture | Row]:
    """The output of remediations that Intune's agent keeps in the registry and writes to its log, as captures."""
    plan = Plan(by_id("intune-device-cache"))
    for one in found:
        text = str(one.value or "") if isinstance(one, RegistryValue) else one.text if isinstance(one, LogLine) else ""
        if _CACHED not in text:
            continue
        loaded = load(text[text.find("{") :]) if "{" in text else None
        if loaded is None or not isinstance(loaded.value, Pairs):
            continue
        cells: dict[str, Any] = {plain(name): value for name, value in loaded.value}
        made = _of_cells(one.source, cells, plan.channel)
        for each in made.evidence if made else ():
            if isinstance(each, Capture | Row):
                yield each


def _of_cells(source: Source, cells: dict[str, Any], channel: Channel) -> Item | None:
    """The item of one cached result; its place is that of the value in the registry file or the log."""
    column = next((name for name in channel.text if text_of(cells.get(name)).strip()), None)
    if column is None:
        return None
    record = Record(source.line or source.record or 1, cells)
    made = item(source.path, record, Plan(channel, text=(column,)))
    return made if made.row.outcome == "evidence" else None
