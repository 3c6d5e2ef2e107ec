"""From paths to reports: the one sequence of steps that the command line and every batch worker call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from troubleshoot import attempts, hellochecks
from troubleshoot.case import Case
from troubleshoot.containers import Unpacker
from troubleshoot.containers.scratch import Scratch
from troubleshoot.engine import judge
from troubleshoot.loader import artifacts, expanded, in_memory
from troubleshoot.model import Artifact, Evidence, Problem, Report, Result, Unread, Wanted
from troubleshoot.parsers import parse
from troubleshoot.ruleset import Ruleset
from troubleshoot.words import summary


class Opened(NamedTuple):
    """What the given paths hold: one case per device, and what gave nothing."""

    cases: tuple[Case, ...]
    unread: tuple[Unread, ...]


def open_cases(paths: Sequence[str], wanted: Wanted | None) -> Opened:
    """Read all ``paths`` as the evidence of one device. ``wanted``: the event records to decode (None: all)."""
    with Scratch() as scratch:
        return _gather(artifacts(paths, scratch), wanted)


def _gather(inputs: Iterable[Artifact | Unread], wanted: Wanted | None) -> Opened:
    evidence: list[Evidence | Problem] = []
    unread: list[Unread] = []
    for one in inputs:
        if isinstance(one, Unread):
            unread.append(one)
            continue
        found = list(parse(one, wanted))
        if all(isinstance(item, Problem) for item in found):
            unread.extend(
                Unread(one.name, item.message, item.kind, item.lost) for item in found if isinstance(item, Problem)
            )
        else:
            evidence.extend(found)
    return Opened((Case.of(evidence),) if evidence else (), tuple(unread))


def wanted_events(ruleset: Ruleset) -> dict[str, frozenset[int] | None]:
    """The event records that rules, the attempt builder and derived facts can use."""
    if ruleset.events_wanted is None:
        ruleset.events_wanted = ruleset.wanted((*attempts.WANTED.items(), *hellochecks.WANTED.items()))
    return ruleset.events_wanted


def diagnose(paths: Sequence[str], ruleset: Ruleset, all_events: bool = False) -> Result:
    """The reports of the devices in ``paths`` (files, folders, ``-``), and what could not be read.

    Never raises for what an input holds. The same bytes and rules give the same result.
    """
    opened = open_cases(paths, None if all_events else wanted_events(ruleset))
    return judged(opened, ruleset)


def diagnose_bytes(name: str, data: bytes, ruleset: Ruleset) -> Result:
    """As :func:`diagnose`, for one file that is already in memory; ``name`` stands in the proof."""
    with Scratch() as scratch:
        inputs = expanded(in_memory(name, data), Unpacker(scratch))
        return judged(_gather(inputs, wanted_events(ruleset)), ruleset)


def judged(opened: Opened, ruleset: Ruleset) -> Result:
    """The reports of cases that are already open."""
    reports = tuple(_summed(judge(ruleset, case)) for case in opened.cases)
    return Result(reports, opened.unread, ruleset.digest)


def _summed(report: Report) -> Report:
    return report._replace(summary=summary(report.verdict, report.join_state, report.device.name, report.findings))


def exit_code(result: Result) -> int:
    """The process's exit code of the contract: 1 an error root, 4 partial and nothing found, 3 nothing read, 0.

    Neither a file of a kind this tool does not read (a picture beside the logs) nor one that nobody should read (a
    token) makes the reading partial.
    """
    from troubleshoot.engine import worst

    if any(worst(root) == "error" for report in result.reports for root in report.findings):
        return 1
    lacking = [(one.kind, one.lost) for one in result.unread]
    lacking += [(one.kind, one.lost) for report in result.reports for one in report.problems]
    partial = any(kind != "unsupported" and (kind, lost) != ("refused", 0) for kind, lost in lacking)
    if result.reports and partial and not all(report.findings for report in result.reports):
        return 4
    return 0 if result.reports else 3
