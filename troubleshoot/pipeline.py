"""From paths to reports: the one sequence of steps that the command line and every batch worker call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from troubleshoot import attempts, fleetinput, hellochecks, recognise
from troubleshoot.case import Case
from troubleshoot.containers import Unpacker, no_evidence
from troubleshoot.containers.scratch import Scratch
from troubleshoot.engine import judge
from troubleshoot.loader import artifacts, expanded, in_memory
from troubleshoot.model import (
    Artifact,
    CloudObject,
    CollectorNote,
    Evidence,
    Part,
    Problem,
    RegistryValue,
    Report,
    Result,
    Row,
    TableRead,
    Unread,
    Wanted,
)
from troubleshoot.ordering import one_device, run_of
from troubleshoot.parsers import TEXT_LIMIT, parse
from troubleshoot.ruleset import Ruleset
from troubleshoot.words import summary

if TYPE_CHECKING:
    from troubleshoot.fleetinput.tables import OfDevice, Table


class Opened(NamedTuple):
    """What the given paths hold: one case per device, what gave nothing, and the tables of many devices among them."""

    cases: tuple[Case, ...]
    unread: tuple[Unread, ...]
    tables: tuple[TableRead, ...] = ()


def open_cases(
    paths: Sequence[str],
    wanted: Wanted | None,
    columns: Mapping[str, str] | None = None,
    each: Callable[[Artifact], None] | None = None,
) -> Opened:
    """Read all ``paths``: one case per device that they prove to hold. ``wanted``: the event records to decode (None: all).

    ``columns``: which columns of a table hold what (``--map``, :func:`troubleshoot.fleetinput.columns.mapping`); where a table has
    none of that name, :class:`~troubleshoot.fleetinput.columns.MapError` is raised. ``each`` is called with every artifact.
    """
    with Scratch() as scratch:
        inputs = artifacts(paths, scratch, worth_unpacking)
        return gather(inputs if each is None else _shown(inputs, each), wanted, paths, columns)


def _shown(inputs: Iterable[Artifact | Unread], each: Callable[[Artifact], None]) -> Iterator[Artifact | Unread]:
    for one in inputs:
        if isinstance(one, Artifact):
            each(one)
        yield one


def open_runs(path: str, wanted: Wanted | None) -> tuple[Opened, Opened] | None:
    """What a collector gathered before the failure was made again (``PreTrace``, ``_Start_``), and all the rest.

    None where the input has no such two parts. What could not be read belongs to the second.
    """
    with Scratch() as scratch:
        read = _inputs(artifacts([path], scratch, worth_unpacking), wanted, [path])
        parts, unread = list(read.parts), read.unread
        for table in read.tables:
            _read_table(table, wanted, parts, unread)
    first = [part for part in parts if run_of(part.name.removeprefix(path)) < 0]
    rest = [part for part in parts if run_of(part.name.removeprefix(path)) >= 0]
    if not any(part.found for part in first) or not any(part.found for part in rest):
        return None
    return _cases(first, []), _cases(rest, unread)


def worth_unpacking(name: str, head: bytes | None) -> str | None:
    """None for a member of an archive that may hold evidence, else the plural of what it is."""
    if recognise.may_be_unneeded(name) and (what := recognise.unneeded(name, head)):
        return what
    return no_evidence(name, head)


def gather(
    inputs: Iterable[Artifact | Unread],
    wanted: Wanted | None,
    given: Sequence[str],
    columns: Mapping[str, str] | None = None,
) -> Opened:
    """The cases of all ``inputs``; ``given`` are the names of those that were asked for, which are read whatever they look like."""
    return _opened(_inputs(inputs, wanted, given, columns), wanted)


def _opened(read: _Inputs, wanted: Wanted | None) -> Opened:
    parts, tables, unread = read
    if tables and not any(map(_is_own, parts)):
        found = list(_devices_of(read, wanted))
        return Opened(
            tuple(one for one in found if isinstance(one, Case)),
            tuple(one for one in found if isinstance(one, Unread)),
            tuple(one for one in found if isinstance(one, TableRead)),
        )
    of_tables: list[Part] = []
    told = tuple([_read_table(table, wanted, of_tables, unread) for table in tables])
    return _cases([*parts, *of_tables], unread)._replace(tables=told)


def _devices_of(read: _Inputs, wanted: Wanted | None) -> Iterator[Case | Unread | TableRead]:
    """The devices of tables beside which no device has evidence of its own, one by one; what has none; each table at its end."""
    shared = [part for part in read.parts if part.found]
    yield from read.unread
    for table in read.tables:
        for _, case, nothing in of_table(table, wanted, shared):
            if case is not None:
                yield case
            yield from nothing
        yield table.told()


def diagnosed(
    paths: Sequence[str], ruleset: Ruleset, all_events: bool = False, columns: Mapping[str, str] | None = None
) -> Iterator[Report | Unread | TableRead]:
    """What :func:`diagnose` gives, piece by piece: of tables of many devices no more than a device stands in memory."""
    wanted = None if all_events else wanted_events(ruleset)
    with Scratch() as scratch:
        read = _inputs(artifacts(paths, scratch, worth_unpacking), wanted, paths, columns)
        if read.tables and not any(map(_is_own, read.parts)):
            for one in _devices_of(read, wanted):
                yield _summed(judge(ruleset, one)) if isinstance(one, Case) else one
            return
        opened = _opened(read, wanted)
    yield from (_summed(judge(ruleset, case)) for case in opened.cases)
    yield from opened.unread
    yield from opened.tables


class _Inputs(NamedTuple):
    """What each of the inputs gives, the tables of many devices among them, which are not read yet, and what gives nothing."""

    parts: list[Part]
    tables: list[Table]
    unread: list[Unread]


def _inputs(
    inputs: Iterable[Artifact | Unread],
    wanted: Wanted | None,
    given: Sequence[str],
    columns: Mapping[str, str] | None = None,
) -> _Inputs:
    parts: list[Part] = []
    found_tables: list[Table] = []
    unread: list[Unread] = []
    skipped: Counter[tuple[str, str]] = Counter()
    for one in inputs:
        if isinstance(one, Unread):
            unread.append(one)
            parts.append(Part(one.path, ()))
            continue
        if one.name not in given and (what := unneeded(one)):
            skipped[next((path for path in given if one.name.startswith(path)), one.name), what] += 1
            parts.append(Part(one.name, ()))
            continue
        if tables := tables_of(one, columns, unread):
            found_tables += tables
            continue
        found = _with_rows(one.name, tuple(parse(one, wanted)))
        if all(isinstance(item, Problem) for item in found):
            unread.extend(
                Unread(one.name, _reason(one, item), item.kind, item.lost)
                for item in found
                if isinstance(item, Problem)
            )
            found = ()
        parts.append(Part(one.name, found))
    for root in dict.fromkeys(root for root, _ in skipped):
        listed = ", ".join(f"{what} ({count})" for (path, what), count in sorted(skipped.items()) if path == root)
        unread.append(Unread(root, f"not read, since they hold no evidence: {listed}", "unsupported"))
    return _Inputs(parts, found_tables, unread)


def _is_own(part: Part) -> bool:
    """Does the part hold evidence of some device, not rows of the directory and the tenant, which are everybody's?"""
    return any(not isinstance(one, CloudObject | Problem | CollectorNote) for one in part.found)


def tables_of(one: Artifact, columns: Mapping[str, str] | None, unread: list[Unread]) -> Sequence[Table]:
    """The tables of many devices that an artifact is; none where it is anything else.

    A workbook that cannot be read is named in ``unread``. Raises MapError where ``columns`` does not fit.
    """
    if recognise.secret_by_name(one.name):
        return ()
    try:
        with one.open() as stream:
            head = stream.read(fleetinput.HEAD)
        if fleetinput.may_be_table(head):
            from troubleshoot.fleetinput.tables import tables

            return tables(one, columns)
        if fleetinput.may_be_loop(head):
            from troubleshoot.fleetinput.files import loop

            found = loop(one, TEXT_LIMIT)
            return (found,) if found else ()
    except OSError as error:
        if not error.strerror:  # a workbook that cannot be read; what cannot be opened, parsing says
            unread.append(Unread(one.name, str(error), "damaged"))
    return ()


def of_table(
    table: Table, wanted: Wanted | None, shared: Sequence[Part] = ()
) -> Iterator[tuple[OfDevice, Case | None, tuple[Unread, ...]]]:
    """Each device of a table: its case, or, where its rows hold neither evidence nor words of its collector, what they are.

    ``shared``: what the directory and the tenant say, beside it.
    """
    for device in table.devices(wanted):
        if any(row.outcome in ("evidence", "words") for row in device.rows):
            yield device, _case([device.part, *shared]), ()
        else:
            yield device, None, tuple(map(_lost_row, device.rows))


def _read_table(table: Table, wanted: Wanted | None, parts: list[Part], unread: list[Unread]) -> TableRead:
    """A part for each device of the table with evidence or words of its collector; what gave neither is named, and counted."""
    for device in table.devices(wanted):
        if any(row.outcome in ("evidence", "words") for row in device.rows):
            parts.append(device.part)
        else:
            unread += map(_lost_row, device.rows)
    return table.told()


def _lost_row(row: Row) -> Unread:
    """A row of a device of which no row of the table tells anything."""
    said = f"{row.device or 'a device without a name'}: {row.outcome} row: {row.reason}"
    return Unread(row.source.path, said, "damaged" if row.outcome == "damaged" else "unreadable", 0, row)


def _with_rows(name: str, found: tuple[Evidence | Problem, ...]) -> tuple[Evidence | Problem, ...]:
    """The evidence of one file with what its name says of whose it is, and with results that Intune's agent keeps in it."""
    if fleetinput.of_share(name) is not None:
        from troubleshoot.fleetinput.files import of_user

        found = of_user(name, found)
    if any(isinstance(one, RegistryValue) and one.name == "Result" for one in found):
        from troubleshoot.fleetinput.files import cached

        found = (*found, *cached(found))
    return found


def _reason(one: Artifact, problem: Problem) -> str:
    """Why a file gave nothing: the error that it holds in place of output, where it is one."""
    if problem.kind != "unsupported":
        return problem.message
    from troubleshoot.fleetinput.files import error_in_place

    try:
        error = error_in_place(one)
    except OSError:
        return problem.message
    if error:
        return f"it holds an error in place of output: {error}"
    return problem.message + _as_table(one)


def _as_table(one: Artifact) -> str:
    """What to do where a file that gave nothing looks like a table: name its columns."""
    from troubleshoot.fleetinput.tables import looks_like_table

    try:
        names = looks_like_table(one)
    except OSError:
        return ""
    if not names:
        return ""
    return f"; if it is a table of devices, name its columns with --map text=COLUMN,device=COLUMN ({', '.join(names)[:300]})"


def unneeded(one: Artifact) -> str | None:
    """What the file is, if it is one of those that collectors write and no parser needs."""
    if not recognise.may_be_unneeded(one.name):
        return None
    if what := recognise.unneeded(one.name, None):
        return what
    try:
        with one.open() as stream:
            return recognise.unneeded(one.name, stream.read(recognise.HEAD))
    except OSError:
        return None


def _cases(parts: Sequence[Part], unread: list[Unread]) -> Opened:
    """A case for each device that the parts prove to be there."""
    full = [part for part in parts if any(not isinstance(one, Problem | CollectorNote) for one in part.found)]
    if not full:
        notes = [part for part in parts if part.found]
        unread += [
            Unread(part.name, "it holds only what its collector says of itself", "unsupported") for part in notes
        ]
        return Opened((), tuple(unread))
    if all(map(_is_list, full)):
        unread += [Unread(part.name, _LIST, "unsupported") for part in full]
        return Opened((), tuple(unread))
    if len(parts) == 1 and one_device(full[0]):
        return Opened((_case(parts),), tuple(unread))
    from troubleshoot import devices

    split = devices.split(parts)
    if split.unassigned:
        count = len(split.devices)
        why = f"it names no device and stands among files of {count}: put it into the folder of its device"
        unread += [Unread(part.name, why) for part in split.unassigned if part.found]
    return Opened(tuple(_case(device) for device in split.devices), tuple(unread))


_LIST = (
    "it is a list of several devices as the directory or the tenant has them, with nothing from the devices: "
    "give it beside captures, or to a fleet command"
)


def _is_list(part: Part) -> bool:
    """Is it nothing but a list of several devices of the tenant or computers of the directory?"""
    listed = {
        (one.device_id, one.name)
        for one in part.found
        if isinstance(one, CloudObject) and one.kind in ("device", "computer")
    }
    others = any(
        not isinstance(one, Problem | CollectorNote)
        and not (isinstance(one, CloudObject) and one.kind in ("device", "computer", "listing"))
        for one in part.found
    )
    return len(listed) > 1 and not others


def _case(parts: Sequence[Part]) -> Case:
    """The case of one device, with what its collector makes of things that are not there."""
    evidence = [one for part in parts for one in part.found]
    names = [part.name for part in parts]
    notes = [one for one in evidence if isinstance(one, CollectorNote)]
    if len(parts) == 1 and not notes and "_exe" not in names[0] and "Command" not in names[0]:
        return Case.of(evidence)
    from troubleshoot import collectors

    collected = collectors.identify(names, notes) if len(parts) > 1 or notes else None
    if collected is not None:
        evidence += collectors.absences(collected, names, evidence)
    return Case.of(collectors.with_accounts(evidence, collected), collected=collected)


def wanted_events(ruleset: Ruleset) -> dict[str, frozenset[int] | None]:
    """The event records that rules, the attempt builder and derived facts can use."""
    if ruleset.events_wanted is None:
        ruleset.events_wanted = ruleset.wanted((*attempts.WANTED.items(), *hellochecks.WANTED.items()))
    return ruleset.events_wanted


def diagnose(
    paths: Sequence[str], ruleset: Ruleset, all_events: bool = False, columns: Mapping[str, str] | None = None
) -> Result:
    """The reports of the devices in ``paths`` (files, folders, ``-``), and what could not be read.

    Never raises for what an input holds; ``columns``: as of :func:`open_cases`. The same bytes and rules give the same result.
    """
    opened = open_cases(paths, None if all_events else wanted_events(ruleset), columns)
    return judged(opened, ruleset)


def diagnose_bytes(name: str, data: bytes, ruleset: Ruleset) -> Result:
    """As :func:`diagnose`, for one file that is already in memory; ``name`` stands in the proof."""
    with Scratch() as scratch:
        inputs = expanded(in_memory(name, data), Unpacker(scratch, worth_unpacking))
        return judged(gather(inputs, wanted_events(ruleset), [name]), ruleset)


def judged(opened: Opened, ruleset: Ruleset) -> Result:
    """The reports of cases that are already open."""
    reports = tuple(_summed(judge(ruleset, case)) for case in opened.cases)
    return Result(reports, opened.unread, ruleset.digest, tables=opened.tables)


def _summed(report: Report) -> Report:
    return report._replace(summary=summary(report.verdict, report.join_state, report.device.name, report.findings))


def exit_code(result: Result) -> int:
    """The process's exit code of the contract: 1 an error root, 4 partial and nothing found, 3 nothing read, 0.

    Neither a file of a kind this tool does not read (a picture beside the logs) nor one that nobody should read (a
    token) makes the reading partial.
    """
    tally = ExitCode()
    for report in result.reports:
        tally.add(report)
    for unread in result.unread:
        tally.add(unread)
    return tally.code


class ExitCode:
    """The exit code of reports and of what was not read, as they come."""

    def __init__(self) -> None:
        self._error = self._partial = self._any = False
        self._all_found = True

    def add(self, one: Report | Unread | TableRead) -> None:
        """One more of them."""
        from troubleshoot.engine import worst

        if isinstance(one, Report):
            self._any = True
            self._error = self._error or any(worst(root) == "error" for root in one.findings)
            self._all_found = self._all_found and bool(one.findings)
            self._partial = self._partial or any(map(_lacks, one.problems))
        elif isinstance(one, Unread):
            self._partial = self._partial or _lacks(one)

    @property
    def code(self) -> int:
        """That of all that was added."""
        if self._error:
            return 1
        if self._any and self._partial and not self._all_found:
            return 4
        return 0 if self._any else 3


def _lacks(one: Problem | Unread) -> bool:
    return one.kind != "unsupported" and (one.kind, one.lost) != ("refused", 0)
