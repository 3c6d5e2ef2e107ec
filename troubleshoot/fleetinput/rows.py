"""One row of a table as evidence: whose it is, what its cells hold, when and by whom it was made, what was cut away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from troubleshoot import codes
from troubleshoot.fleetinput import cuts, fields
from troubleshoot.fleetinput.cells import EMPTY, Decoded, Pair, decode, of_value, text_of
from troubleshoot.fleetinput.channels import plain
from troubleshoot.fleetinput.columns import Plan, flat_pairs
from troubleshoot.fleetinput.hosts import is_host
from troubleshoot.fleetinput.jsontails import Pairs
from troubleshoot.fleetinput.records import Record
from troubleshoot.model import Account, Capture, Evidence, LogLine, Problem, Row, Source, Wanted
from troubleshoot.parsers import cloudrows, eventtimes, parse_text

TELLING = ("AzureAdJoined", "DomainJoined", "AzureAdPrt", "ErrorPhase", "ClientErrorCode", "PrtAttemptStatus")
"""The values of a row that tell the state, kept in short also where a newer row decides."""
_LONGEST_REASON = 300
_NO_ERROR = frozenset({"-", "false", "n/a", "na", "no", "no error", "none", "null", "ok"})
_RANK = {"evidence": 0, "words": 1, "cut": 2, "error": 3, "damaged": 4, "empty": 5}


class Item(NamedTuple):
    """One row (or the rows of one device, where each has one field): its number, the device, and its evidence, the
    :class:`~troubleshoot.model.Row` first."""

    number: int
    device: str | None
    evidence: tuple[Evidence | Problem, ...]

    @property
    def row(self) -> Row:
        """What the row is worth."""
        first = self.evidence[0]
        assert isinstance(first, Row)
        return first


class _Output(NamedTuple):
    """The decoded output of one cell: its column, the cell as it came."""

    column: str
    raw: str
    decoded: Decoded


def item(table: str, record: Record, plan: Plan, wanted: Wanted | None = None) -> Item:
    """The evidence of one row of ``table``; never raises for what it holds. ``wanted``: the event records to decode."""
    path = f"{table}/row {record.number}"
    device = _device(record.cells, plan)
    time, origin = _time(record.cells, plan)
    row = Row(Source(path), record.number, plan.channel.id, plan.channel.title, "empty", device)
    row = row._replace(
        device_id=_entra(record.cells, plan), time=time, time_origin=origin, account=_account(record.cells, plan)
    )
    if record.damage:
        return Item(record.number, device, (row._replace(outcome="damaged", reason=record.damage, cut="unknown"),))
    outputs = list(_outputs(record.cells, plan))
    chosen = next((one for one in outputs if one.decoded.is_evidence), None)
    flat = [] if chosen and plan.channel.unsure_no else flat_pairs(plan, record.cells)
    found, state, problems = _evidence(path, chosen, flat, plan, wanted)
    row = row._replace(cut=state)
    row = _judged(row, outputs, found, _errors(record.cells, plan), _said(record.cells, plan))
    if row.outcome == "empty" and (ended := _ended(record.cells, plan)):
        row = row._replace(outcome="error", reason=f"no output: the script ended with {ended}")
    return _completed(row, found, problems)


def listed(table: str, number: int, count: int, pairs: Sequence[Pair], record: Record, plan: Plan) -> Item:
    """The evidence of the rows of one device in a table with one row per field; ``record`` is the first of them."""
    device = _device(record.cells, plan)
    path = f"{table}/rows of {device or 'no device'}"
    time, origin = _time(record.cells, plan)
    row = Row(Source(path), number, plan.channel.id, plan.channel.title, "empty", device, rows=count, cut="fields")
    row = row._replace(
        device_id=_entra(record.cells, plan), time=time, time_origin=origin, account=_account(record.cells, plan)
    )
    capture, read = fields.capture(path, pairs, True, True, False)
    if capture is not None:  # whether all rows were handed over is not told
        capture = capture._replace(sections=dict.fromkeys(capture.sections, False))
    problems = [_spoilt(path, read.spoilt)] if read.spoilt else []
    row = _judged(row, [], [capture] if capture else [], [], {})
    return _completed(row, [capture] if capture else [], problems)


# ------------------------------------------------------------------------------------------------------- whose and when


def host(text: str | None) -> str | None:
    """A computer's name as printed, without the sign of its account; None for what cannot be one."""
    text = (text or "").strip().strip("\\").rstrip("$").rpartition("\\")[2]
    return text if text and len(text) < 256 and is_host(text) else None


def _device(cells: Mapping[str, Any], plan: Plan) -> str | None:
    return host(text_of(cells.get(plan.device))) if plan.device else None


def _entra(cells: Mapping[str, Any], plan: Plan) -> str | None:
    return cloudrows.guid(text_of(cells.get(plan.entra))) if plan.entra else None


def _time(cells: Mapping[str, Any], plan: Plan) -> tuple[datetime | None, str | None]:
    if plan.time is None:
        return None, None
    value = text_of(cells.get(plan.time)).strip()
    if value.isdecimal() and len(value) == 10:  # seconds since 1970
        return datetime.fromtimestamp(int(value), UTC), plan.time
    found = eventtimes.local(value[:80], plan.day_first)
    if found is not None and found.tzinfo is None and plan.utc:
        found = found.replace(tzinfo=UTC)
    return found, plan.time if found else None


def _account(cells: Mapping[str, Any], plan: Plan) -> Account | None:
    if plan.channel.account == "system":
        return fields.SYSTEM
    name = text_of(cells.get(plan.user)).strip() if plan.user else ""
    return Account(name[:200], "domain", None, name[:200] if "@" in name else None) if name else None


# ------------------------------------------------------------------------------------------------------------- outputs


def _outputs(cells: Mapping[str, Any], plan: Plan) -> Iterator[_Output]:
    for column in plan.text:
        value = cells.get(column)
        if isinstance(value, Pairs | list):
            yield _Output(column, "", of_value(value) or EMPTY)
        else:
            text = text_of(value)
            yield _Output(column, text, decode(text))


def _errors(cells: Mapping[str, Any], plan: Plan) -> list[tuple[str, str]]:
    found = [(column, text_of(cells.get(column)).strip()) for column in plan.error]
    code = next((text_of(value) for name, value in cells.items() if plain(name) == "code"), "")
    if "StdErr" in code:
        found += [(column, text_of(cells.get(column)).strip()) for column in plan.text]
    return [(column, text) for column, text in found if text and not _is_no_error(text)]


def _is_no_error(text: str) -> bool:
    """Does a column of errors say that there was none: a zero, or a word for nothing?"""
    return text.casefold() in _NO_ERROR or (len(text) <= 10 and codes.normalise(text) == "0x00000000")


def _ended(cells: Mapping[str, Any], plan: Plan) -> str | None:
    """The exit code of a script that failed, as printed and in hex."""
    for name, value in cells.items():
        text = text_of(value).strip()
        if plain(name) in plan.channel.exit and text not in ("", "0"):
            code = codes.normalise(text)
            return f"{text[:40]} ({code})" if code and code != text else text[:40]
    return None


def _said(cells: Mapping[str, Any], plan: Plan) -> dict[str, str]:
    found = ((name, " ".join(text_of(cells.get(name)).split())[:200]) for name in plan.said)
    return {name: text for name, text in found if text}


def _evidence(
    path: str, chosen: _Output | None, flat: Sequence[Pair], plan: Plan, wanted: Wanted | None
) -> tuple[list[Evidence], str, list[Problem]]:
    """(evidence, cut state, problems) of a row's output and of its labelled columns."""
    if chosen is None:
        if not flat:
            return [], "unknown", []
        long = plan.channel.cells
        cut_off = [pair for pair in flat if long is not None and len(pair.value) >= long]
        capture, read = fields.capture(path, [pair for pair in flat if pair not in cut_off], False, True, False)
        problems = [_spoilt(path, read.spoilt)] if read.spoilt else []
        return [capture] if capture else [], "fields", problems
    cut = cuts.judged(chosen.raw, chosen.decoded, plan.channel.keeps)
    inner = f"{path}/{shown(chosen.column)}"
    if chosen.decoded.form == "dump":
        found, problems = _dump(inner, chosen.decoded, cut, wanted)
        return [_with(one, flat) if isinstance(one, Capture) else one for one in found], cut.state, problems
    pairs = list(chosen.decoded.pairs)
    ordered = chosen.decoded.form == "parts"
    if cut.first and pairs and pairs[0].place == 1 and chosen.raw[:1] not in " \t\n|;,+":
        pairs = pairs[1:]
    capture, read = fields.capture(inner, pairs, ordered, cut.head is False, cut.last, extra=flat)
    return [capture] if capture else [], cut.state, [_spoilt(inner, read.spoilt)] if read.spoilt else []


def _dump(path: str, decoded: Decoded, cut: cuts.Cut, wanted: Wanted | None) -> tuple[list[Evidence], list[Problem]]:
    """What the text parsers read in printed output, with what the cut leaves unknown."""
    text = cuts.without_first(decoded.text) if cut.first else decoded.text
    found: list[Evidence] = []
    problems: list[Problem] = []
    for one in parse_text(path, text.encode("utf-8", "replace"), wanted):
        if isinstance(one, Problem):
            problems.append(one)
        elif not (isinstance(one, LogLine) and one.component == "text"):
            found.append(one)
    places = [number for number, one in enumerate(found) if isinstance(one, Capture) and one.kind == "dsregcmd"]
    for number in places:
        capture = found[number]
        assert isinstance(capture, Capture)
        whole = cut.head is False or number != places[0]
        end = number == places[-1]
        ended = end and cut.last and bool(capture.fields) and capture.fields[-1].line > text.rstrip("\r\n ").count("\n")
        found[number] = fields.told_sections(capture, whole, cut.tail is False or not end, ended)
    return found, [one for one in problems if found or one.kind != "unsupported"]


def _with(capture: Capture, flat: Sequence[Pair]) -> Capture:
    """The capture with what other columns of the row say of labels that it lacks."""
    if not flat or capture.kind != "dsregcmd":
        return capture
    extra, _ = fields.capture(capture.source.path, flat, False, True, False)
    more = [one for one in extra.fields if one.name and one.name not in capture.named] if extra else []
    named = {**capture.named, **{one.name: one for one in reversed(more) if one.name}}
    return capture._replace(fields=(*capture.fields, *more), named=named)


def shown(column: str) -> str:
    """A column's name as part of a path."""
    return "".join(one if one.isprintable() and one not in "/\\" else " " for one in column)[:60].strip() or "column"


def _spoilt(path: str, values: Iterable[str]) -> Problem:
    return Problem(
        Source(path),
        "damaged",
        f"a spreadsheet or Export-Csv changed {', '.join(values)}: send the file as it was exported"[:400],
        0,
    )


# ------------------------------------------------------------------------------------------------------------- outcome


def _judged(
    row: Row,
    outputs: Sequence[_Output],
    found: Sequence[Evidence],
    errors: Sequence[tuple[str, str]],
    said: dict[str, str],
) -> Row:
    """The row with its outcome, and the reason where it is no evidence.

    ``found`` is of its output: what stands in a column of errors is of the collection, and no evidence of the device.
    """
    captures = [one for one in found if isinstance(one, Capture)]
    telling = any(map(_tells, captures)) or len(found) > len(captures)
    for capture in captures:
        said |= {
            name: capture.named[name].text for name in TELLING if name in capture.named and capture.named[name].value
        }
    if telling:
        beside = "; ".join(f"{column}: {_line(text, 120)}" for column, text in errors[:4])
        return row._replace(outcome="evidence", said=said, reason=f"beside it stands {beside}" if beside else None)
    best = ("empty", "the row holds no output")
    for one in outputs:
        best = min(best, _worth(one), key=lambda pair: _RANK[pair[0]])
    written = [text for _, text in errors if len(text) > 12 or codes.normalise(text)]
    if written and _RANK[best[0]] > _RANK["words"]:
        best = "error", f"the script failed, or wrote an error: {_line(written[0])}"
    if best[0] == "words":
        said = {shown(outputs[0].column): _line(outputs[0].decoded.text, 200), **said} if outputs else said
    elif best[0] in ("empty", "cut") and (said or any(map(_holds, captures))):
        best = "words", f"only {'words of the collector' if said else 'names and ids'}, nothing of its state"
    return row._replace(outcome=best[0], reason=best[1], said=said)


def _tells(capture: Capture) -> bool:
    """Does it say how the device is: a label with a value that is more than whose it is?"""
    return any(name not in fields.IDENTITY and field.text.strip() for name, field in capture.named.items())


def _holds(capture: Capture) -> bool:
    return any(field.text.strip() for field in capture.named.values())


def _worth(one: _Output) -> tuple[str, str]:
    """(outcome, reason) of a cell that gave no evidence."""
    form, text = one.decoded.form, _line(one.decoded.text)
    if form == "footer":
        return "cut", "only the last line of the output was kept: join the lines in the script"
    if form == "lost":
        if text.startswith("#"):
            return "damaged", f"a spreadsheet put {text} in place of the text: send the file as it was exported"
        return "damaged", f"{text} stands in place of the text, which is lost: join the lines (-join) before Export-Csv"
    if form == "error":
        return "error", f"the cell holds the text of an error: {text}"
    if form == "words":
        if len(one.decoded.text) > 200 or one.decoded.text.count("\n") > 4:
            return "damaged", f"the cell holds no label of dsregcmd: {text}"
        return "words", f"only the collector's own word: {text}"
    if form == "empty":
        return "empty", "the cell of the output is empty: not run, or not reported"
    return "empty", "names and ids are all it holds"


def _line(text: str, most: int = _LONGEST_REASON) -> str:
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most else line[: most - 3] + "..."


def _completed(row: Row, found: Sequence[Evidence], problems: Sequence[Problem]) -> Item:
    """The item: captures get the account and the time of the row where their own text tells neither."""
    evidence: list[Evidence] = []
    for one in found:
        if isinstance(one, Capture) and one.kind == "dsregcmd":
            named = one.named.get("DeviceName")
            printed = host(named.text) if named is not None and named.value else None
            identity = one.named.get("DeviceId")
            told = cloudrows.guid(identity.text) if identity is not None and identity.value else None
            if row.device and printed and short(row.device) != short(printed):
                problems = [*problems, _other_name(row, printed)]
            better = (
                printed
                if printed and (not row.device or ("." not in row.device and short(row.device) == short(printed)))
                else row.device
            )
            row = row._replace(device=better, device_id=row.device_id or told)
            one, row = _with_context(one, row)
        evidence.append(one)
    return Item(row.number, row.device, (row, *evidence, *problems))


def _other_name(row: Row, printed: str) -> Problem:
    return Problem(
        row.source, "damaged", f"the row is of {row.device}, and its text names {printed}: the row's name was taken", 0
    )


def _with_context(capture: Capture, row: Row) -> tuple[Capture, Row]:
    """The capture and the row, each with what only the other tells of who ran it and when.

    The account that a channel runs under is taken only where nothing in the text speaks of another.
    """
    context = capture.named.get("UserContext")
    if context is not None and context.value and row.account is not None and row.account.kind == "system":
        row = row._replace(account=capture.account)  # the text itself says who ran it, and not by name
    if capture.account is None and row.account is not None and "PrtUserIdentity" not in capture.named:
        elevated = capture.elevated if row.account.kind == "system" or capture.elevated is not None else False
        capture = capture._replace(account=row.account, elevated=elevated)
    elif capture.account is not None:
        row = row._replace(account=capture.account)
    elif "PrtUserIdentity" in capture.named:
        row = row._replace(account=None)
    if capture.time is None:
        capture = capture._replace(time=row.time)
    else:
        row = row._replace(time=capture.time, time_origin="Client Time")
    return capture, row


def short(name: str) -> str:
    """A computer's name without its domain, upper case."""
    return name.partition(".")[0].upper()
