"""The words of reports that are not in rules (``data/words.yaml``): verdicts, join states, who acts, headings. Rules keep their own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from troubleshoot.model import Finding, FixStep
from troubleshoot.tables import DATA

_TABLE: Mapping[str, Any] = orjson.loads((DATA / "words.json").read_bytes())

VERDICTS: Mapping[str, str] = _TABLE["verdicts"]
VERDICTS_PLAIN: Mapping[str, str] = _TABLE["verdicts_plain"]
JOIN_STATES: Mapping[str, str] = _TABLE["join_states"]
WHO: Mapping[str, str] = _TABLE["who"]
RUN_AS: Mapping[str, str] = _TABLE["run_as"]
PHASES: Mapping[str, str] = _TABLE["phases"]
HEADINGS: Mapping[str, str] = _TABLE["headings"]
CONFIDENCES: Mapping[str, str] = _TABLE["confidences"]
FLOWS: Mapping[str, str] = _TABLE["flows"]
WHERE: Mapping[str, str] = _TABLE["where"]
ABSENCES: Mapping[str, str] = _TABLE["absences"]
PAGE: Mapping[str, str] = _TABLE["page"]
MAIL: Mapping[str, str] = _TABLE["mail"]
CARD: Mapping[str, str] = _TABLE["card"]
NO_NAME: str = _TABLE["no_name"]
AS_OF: str = _TABLE["as_of"]
CLOCK: str = _TABLE["clock"]
NOTHING_REPLACED: str = _TABLE["nothing_replaced"]
PACK: Mapping[str, str] = _TABLE["pack"]
PACK_MEMBERS: Mapping[str, str] = _TABLE["pack_members"]
PACK_SCOPE: Sequence[str] = _TABLE["pack_scope"]
OUTCOMES: Mapping[str, Sequence[str]] = _TABLE["outcomes"]
FIRST_LOGS: Sequence[str] = _TABLE["first_logs"]
FILES: Mapping[str, Sequence[str]] = _TABLE["files"]
"""What a file that was read is called, and what it is counted in."""
OUTCOMES_MAIL: Mapping[str, str] = _TABLE["outcomes_mail"]
CUTS: Mapping[str, str] = _TABLE["cuts"]
FATES: Mapping[str, str] = _TABLE["fates"]
COMPARED: Mapping[str, str] = _TABLE["compared"]
CHANGED: Mapping[str, str] = _TABLE["changed"]
STOPS: Mapping[str, str] = _TABLE["stops"]
SETTLE: Mapping[str, str] = _TABLE["settle"]
NEXT_TRY: Mapping[str, str] = _TABLE["next_try"]
AVOID: Mapping[str, str] = _TABLE["avoid"]
_SUMMARY: Mapping[str, str] = _TABLE["summary"]
OLD_NAME: Mapping[str, str] = _TABLE["old_name"]
_BY_VERDICT: Mapping[str, str] = _TABLE["by_verdict"]
_LONGEST = 255
_TAKES_AWAY = re.compile(r"/leave|delet|remov|clean|unregister|reset", re.IGNORECASE)


def summary(verdict: str, join_state: str, device: str | None, findings: Sequence[Finding]) -> str:
    """One sentence for a ticket, at most 255 characters: device, verdict, first cause, how many more."""
    name = (device or "The device").strip() or "The device"
    if findings:
        first = findings[0]
        phase = PHASES.get(first.phase, first.phase)
        sure = "" if first.confidence == "certain" else f" ({first.confidence})"
        more = f"; {len(findings) - 1} more" if len(findings) > 1 else ""
        state = _SUMMARY.get(verdict, _SUMMARY["other"])
        text = f"{name} {state} at {phase}: {first.title}{sure}{more}."
    else:
        text = f"{name}: {_BY_VERDICT.get(verdict, 'no fault found')} ({JOIN_STATES.get(join_state, join_state)})."
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"


def nothing_found(verdict: str, join_state: str) -> str:
    """What stands below the verdict when no rule matched."""
    if verdict == "inconclusive":
        return "Nothing wrong was found, but the input does not tell whether the device is joined."
    if verdict == "not-applicable":
        return f"Hybrid join does not apply here: the device is {JOIN_STATES.get(join_state, join_state)}."
    return f"Nothing wrong was found: the device is {JOIN_STATES.get(join_state, join_state)}."


def avoid(phase: str, severity: str, fix: Sequence[FixStep]) -> tuple[str, ...]:
    """What not to do where a rule has no warning of its own: by phase, unless one of its steps does just that."""
    told = AVOID.get(phase)
    return (told,) if told and severity != "info" and not any(map(takes_away, fix)) else ()


def takes_away(step: FixStep) -> bool:
    """Does a step leave, delete or clean up something?"""
    return _TAKES_AWAY.search(f"{step.do} {step.run or ''}") is not None
