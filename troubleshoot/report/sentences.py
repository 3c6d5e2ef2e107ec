"""What every form says of a finding, in the same words and order: state, cause, owner; how sure; how long to wait."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from troubleshoot import words
from troubleshoot.model import Finding

_SENTENCE = re.compile(r"(?<=[.?!]) +(?=[A-Z])")
_CONDITIONS = ("If ", "Else ", "Until ", "When ")
_CAUSE = 250  # characters of a cause that stand in front


def state(finding: Finding, join_state: str) -> str:
    """Where it stops and what the device is now, in one line."""
    what = words.STOPS["wait" if finding.wait else finding.severity]
    return f"{what} {words.PHASES.get(finding.phase, finding.phase)}; {words.JOIN_STATES.get(join_state, join_state)}"


def owner(finding: Finding) -> str | None:
    """Who has to act: the first of the steps' people who is neither helpdesk nor user, else the first; None without steps.

    A step that begins with a condition ("If it stays, ...") makes nobody the owner.
    """
    people = [step.who for step in finding.fix if not step.do.startswith(_CONDITIONS)] or [
        one.who for one in finding.fix
    ]
    return next((who for who in people if who not in ("helpdesk", "user")), people[0] if people else None)


def sure(finding: Finding) -> str:
    """How sure it is, and the one capture, or else the step, that would settle it."""
    told = words.CONFIDENCES[finding.confidence]
    if finding.confidence == "certain":
        return told
    if finding.settle:
        return f"{told}; {words.SETTLE['capture'].format(collect=finding.settle)}"
    looks = next(
        (
            number
            for number, step in enumerate(finding.fix, 1)
            if step.run and step.expect and not words.takes_away(step)
        ),
        0,
    )
    if looks:
        return f"{told}; {words.SETTLE['step'].format(number=looks)}"
    acts = next((number for number, step in enumerate(finding.fix, 1) if step.where != "ticket"), 0)
    return f"{told}; {words.SETTLE['helps'].format(number=acts)}" if acts else told


def wait(finding: Finding) -> str | None:
    """How long to wait, or what triggers the next try once the cause is gone; None where nothing is to be tried again."""
    if finding.wait:
        return finding.wait
    return words.NEXT_TRY.get(finding.phase) if finding.severity == "error" else None


def cause(finding: Finding) -> tuple[str, str]:
    """The first sentences of the cause, which stand in front, and the rest of it."""
    parts = _SENTENCE.split(finding.cause)
    count, length = 1, len(parts[0])
    while count < len(parts) and length + len(parts[count]) < _CAUSE:
        length += 1 + len(parts[count])
        count += 1
    return " ".join(parts[:count]), " ".join(parts[count:])


def named_once(text: str) -> tuple[str, bool]:
    """``text`` with the former name of the directory after its first mention, and whether there was one."""
    found = re.search(rf"{re.escape(words.OLD_NAME['now'])}(?: ID)?(?! (?:Connect|admin|Cloud))", text)
    if found is None:
        return text, False
    former = words.OLD_NAME["once"].removeprefix(words.OLD_NAME["now"])
    return text[: found.end()] + former + text[found.end() :], True


def all_named_once(lines: Iterable[str], proof: str | None = None) -> Iterator[str]:
    """The lines, with the former name after the first mention of the directory; what begins with ``proof`` is a log's and stays."""
    named = False
    for line in lines:
        if not named and not (proof and line.startswith(proof)):
            line, named = named_once(line)
        yield line
